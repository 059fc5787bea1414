from __future__ import annotations

import pytest
from passages import hit

from seminar_rag.answer.candidates import Candidate, candidates, quotable
from seminar_rag.answer.persons import lists_persons


def of(text: str) -> list[Candidate]:
    return list(candidates(1, hit(text)))


def texts(text: str) -> list[str]:
    return [one.text for one in of(text)]


def test_sentences_of_a_paragraph_stand_alone() -> None:
    assert texts("A cache keeps what was computed. Its size is fixed at first.") == [
        "A cache keeps what was computed.",
        "A cache keeps what was computed. Its size is fixed at first.",
    ]


def test_a_sentence_that_points_back_brings_the_one_before() -> None:
    found = of("The router picks two experts. It sees one token at a time.")
    assert [len(one.sentences) for one in found] == [1, 2]


def test_a_list_goes_with_its_introduction() -> None:
    found = of("Editing is judged by three measures:\n- reliability\n- locality\n- portability")
    assert found[0].text == (
        "Editing is judged by three measures: reliability locality portability"
    )
    assert found[0].is_list


def test_an_item_goes_with_its_label() -> None:
    text = "# Kinds\n- Speculative retrieval\n  - The model decides when to look things up."
    labelled = "Speculative retrieval The model decides when to look things up."
    found = [one for one in of(text) if one.text == labelled]
    assert found
    assert all(one.context == "Kinds" for one in found)


def test_a_sentence_brings_the_one_that_it_points_back_to() -> None:
    before = "Gradients vanish on long sequences of tokens."
    assert f"{before} To solve this problem a matrix is introduced." in texts(
        f"{before} To solve this problem a matrix is introduced."
    )
    alone = "In this paper a matrix is introduced. For this survey many works were read."
    assert "For this survey many works were read." in texts(alone)


def test_a_label_goes_with_the_paragraph_below_it() -> None:
    text = "- Locality\nThe edit leaves unrelated answers as they were. It is hard to reach."
    assert any(one.text.startswith("Locality The edit leaves") for one in of(text))


def test_nothing_of_a_list_of_references_is_quoted() -> None:
    entries = [
        "Marsh QT. On the ageing of small mills after a",
        "dry summer. Rev Milling. 1931;12:40–9.",
        "Ode B, Fall R. A survey of weirs. Rev Milling. 1958;39(2):11–6.",
        "Fall R. Weirs and what they hold back. River Lett. 1961;4:e102.",
    ]
    assert texts("\n".join(entries)) == []
    once = "Weirs silt up after a dry summer. So did the one of 1931;12:40 on that map."
    assert "Weirs silt up after a dry summer." in texts(once)


@pytest.mark.parametrize(
    "entry",
    [
        "Marsh, Q. T. ({}). Mills after a summer. Rev. of Milling, 12, 40–49.",
        "Q. Marsh and B. Ode, Mills after a summer, Rev. Milling 39(2): 11–16, {}.",
        "Q. Marsh. Mills after a summer. In Proc. Mills, pp. 40–49, {}.",
        "Quentin Marsh. Mills after a summer. In Proceedings of the Mills, {}.",
        "Marsh, Q. T. et al. Mills after a summer. Milling in press ({}).",
        'Marsh, Quentin, et al. "Mills after a summer." Milling, {}.',
        "Quentin Marsh. {}. Mills after a summer. arXiv preprint.",
    ],
)
def test_a_list_of_references_is_told_in_many_styles(entry: str) -> None:
    said = "After the summer the mills of the valley stood still for long."
    listed = "\n".join(entry.format(year) for year in (1961, 1982, 2003))
    assert said not in texts(f"{said}\n\n{listed}")


@pytest.mark.parametrize(
    ("prose", "said"),
    [
        (
            "Foucault describes the plague town as a space in which each movement is watched (1977,"
            " pp. 195–198). He sets it against the leper, who is driven out (pp. 198–199)."
            " Panopticism makes power automatic (pp. 201–202). Later readers doubted that prisons"
            " ever worked so.",
            "Later readers doubted that prisons ever worked so.",
        ),
        (
            "That children learn words from few examples was first shown by Carey (1978). Later"
            " work found it in a study by Markson and Bloom (1997). Adults, too, kept a new word,"
            " as reported by Halberda (2006). The effect is smaller for verbs than for nouns.",
            "The effect is smaller for verbs than for nouns.",
        ),
        (
            "The firm was heard in proceedings of the first court. In proceedings against it the"
            " guild won. In proceedings of the second court it lost. The ferry then ran again.",
            "The ferry then ran again.",
        ),
    ],
)
def test_prose_that_cites_much_is_no_list_of_references(prose: str, said: str) -> None:
    assert said in texts(prose)


def test_an_address_is_no_label_and_no_explanation_of_one() -> None:
    page = "https://kilns.example/history"
    assert not any(page in one for one in texts(f"{page}\nSHA: one two three four."))
    assert not any(page in one for one in texts(f"¶{page}:\n- ‖{page}/two"))
    assert not any(page in one for one in texts(f"Daily News:\n\n{page}/fire-in-town.html (2020)."))


def test_a_list_of_authors_is_not_quoted() -> None:
    assert texts("- Ada Brown, Bo Chen, Cy Dorn, et al.\n- Kilns fire clay at great heat.") == [
        "Kilns fire clay at great heat."
    ]


@pytest.mark.parametrize(
    ("text", "persons"),
    [
        ("Ada Brown, Bo Chen-Li, Cy van Dorn", True),
        ("Ada Brown1∗, Bo Chen2, and Cy Dorn†", True),
        ("Brown AB, Chen C, Dorn DE.", True),
        ("Ada B. Brown; Bo C. Chen", True),
        ("Ada Brown", False),
        ("Text Generation, Language Translation, Speech Recognition", False),
        ("Brown clay, white clay, and red clay", False),
        ("Kilns, wheels, moulds", False),
        ("Clay Pots 2, GPT-4 Turbo, Wheel X1", False),
    ],
)
def test_a_list_of_persons_is_told_from_a_list_of_things(text: str, persons: bool) -> None:
    assert lists_persons(text) is persons


def test_persons_in_a_list_are_not_quoted() -> None:
    persons, said = "Ada Brown, Bo Chen, Cy Dorn", "Kilns fire clay at great heat."
    assert texts(f"- {persons}\n- {said}") == [said]
    asked = candidates(1, hit(f"- {persons}\n- {said}"), persons=True)
    assert [one.text for one in asked] == [persons, said]


def test_a_nested_list_ends_where_its_parent_does() -> None:
    text = "- Chains:\n  - cheap to run\n- Graphs:\n  - merge several thoughts"
    assert "Chains: cheap to run" in texts(text)
    assert "Graphs: merge several thoughts" in texts(text)


def test_a_long_abstract_under_its_title_is_no_list() -> None:
    long = " ".join(["word"] * 30)
    found = of(f"# A Title\n- {long.capitalize()}.\n- {long.capitalize()} again.")
    assert not any(one.is_list for one in found)


def test_neither_headings_nor_code_are_quoted_alone() -> None:
    assert texts("# Only a heading of some words\nA whole sentence is below it.") == [
        "A whole sentence is below it."
    ]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Attention weighs every token by its fit.", True),
        ("and then the model stops.", False),
        ("See above.", False),
        ("Figure 3: how attention works in practice.", False),
        ("x = 3 * (y + 4) / 2 - 17 ^ 5 ...", False),
        ("https://example.org is the page of the paper.", False),
        ("Without an end this is a scrap", False),
    ],
)
def test_what_can_be_quoted(text: str, good: bool) -> None:
    assert quotable(text) is good


def test_an_item_may_lack_its_full_stop() -> None:
    assert quotable("lower inference cost", item=True)
    assert not quotable("cost", item=True)


def test_for_example_is_no_label() -> None:
    assert texts("For example:\nNoise is added to every gradient.") == [
        "Noise is added to every gradient."
    ]


def test_what_only_adds_stands_alone() -> None:
    found = of("The router picks two experts. Additionally, each expert sees every token.")
    assert [len(one.sentences) for one in found] == [1, 1]


def test_a_line_without_a_full_stop_introduces_the_list_below_it() -> None:
    found = of("Attacks that know the gradient can use these methods\n- PGD steps\n- greedy search")
    assert found[0].text.endswith("these methods PGD steps greedy search")


def test_an_item_that_goes_on_brings_the_line_it_hangs_under() -> None:
    lead = "In the rarer languages there are more answers in which the model will either:"
    found = of(f"{lead}\n- misread the request as another one, or\n- answer something else.")
    assert f"{lead} misread the request as another one, or" in [one.text for one in found]


def test_a_list_that_a_pronoun_opens_brings_what_it_stands_for() -> None:
    found = of("Sora is a diffusion transformer for clips. It has two parts:\n- encoder\n- decoder")
    assert "Sora is a diffusion transformer for clips. It has two parts: encoder decoder" in [
        one.text for one in found
    ]


def test_the_last_line_of_a_paragraph_may_lack_its_full_stop() -> None:
    said = "Malware is the threat while vulnerabilities are the holes that it comes in by"
    assert said in texts(f"# Security\n{said}")


@pytest.mark.parametrize("end", ["with a mean of 18.8 days and a", "and holes are the", "or less,"])
def test_what_breaks_off_is_not_quoted(end: str) -> None:
    said = f"Malware is the threat while vulnerabilities are what it comes in by {end}"
    assert not [one for one in texts(f"# Security\n{said}") if one.endswith(end)]
    assert "A title of no more words" not in texts("# Security\nA title of no more words")


GLAZES = """Table 1: What glazes are fired at
Glaze | Cone | Colour
Celadon | 10 | green
Raku | 06 | black"""


def test_a_row_of_a_table_is_quoted_with_what_names_it_and_its_columns() -> None:
    lead = "Table 1: What glazes are fired at Glaze | Cone | Colour"
    assert texts(GLAZES) == [f"{lead} Celadon | 10 | green", f"{lead} Raku | 06 | black"]


def test_a_table_without_names_of_columns_has_a_first_row_like_the_others() -> None:
    text = "Marks are given so:\nVery good | 90 to 100\nGood | 75 to 89"
    assert texts(text) == [
        "Marks are given so: Very good | 90 to 100",
        "Marks are given so: Good | 75 to 89",
    ]


@pytest.mark.parametrize("row", ["12.5 | 3.1 | 0.4", "ChatGPT |", "Glaze | Cone | Colour"])
def test_a_row_that_says_nothing_by_itself_is_not_quoted(row: str) -> None:
    assert texts(f"Some kilns were lit.\n{row}") == ["Some kilns were lit."]


def test_a_caption_between_two_tables_may_belong_to_either_and_is_left_out() -> None:
    text = f"Kiln | Length\nAnagama | 9 m\n{GLAZES}"
    assert "Kiln | Length Anagama | 9 m" in texts(text)
    assert "Glaze | Cone | Colour Raku | 06 | black" in texts(text)


def test_what_names_works_and_people_or_only_opens_a_list_is_not_quoted() -> None:
    text = (
        "Jared Kaplan, Sam McCandlish, Tom Henighan and Tom Brown. Kiln Conference; 1980. The clay"
        " of New York is red. The potters of Iga found three glazes:"
    )
    assert texts(text) == ["The clay of New York is red."]


def test_a_title_between_pieces_of_references_is_not_quoted() -> None:
    lines = [
        "28. Gruber AS, Tanaka AB, Petrov VE, Silva SS, Weber DK",
        "Receptors of the small mill moth differ from those of its kin. J Moths.",
        "1997;232:345–50.",
        "29. Haddad MN, Castro AS, Quist TA, Xu SS, Weber DK, et al.",
        "Kilns of the valley differ from mills of the coast.",
        "Rev Milling. 1997;127:11–6.",
    ]
    assert not any("Kilns of the valley" in one for one in texts("\n\n".join(lines)))


def test_a_reading_in_another_language_is_quoted() -> None:
    said = "Die Müllerin Anna Weber und der Müller Jan Petrov trafen sich 1911 in Hamburg."
    assert said in texts(f"{said} Danach kauften sie eine Mühle, die am Fluss stand.")
