"""Marks of citations, notes and entries of many styles, and what of a text is no claim."""

import pytest

from seminar_rag.check.claims import extract
from seminar_rag.types import Claim


def claims(text: str) -> list[Claim]:
    return [claim for claim in extract(text).claims if claim.kind == "claim"]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(claim.kind, claim.bare) for claim in extract(text).claims]


def test_what_only_announces_or_describes_the_text_is_no_claim() -> None:
    text = (
        "---\ntitle: On mills\nauthor: J. Doe\n---\n\n- *Pros:*\n  - Mills grind\n\n"
        "$$\\mathcal{L} = -\\log p$$\n\nLet me know if you want more!\n\n"
        "**Sources:**\n[1] Wei. Mills. 2021.\n[2] Doe. Seas. 2022."
    )
    assert [kind for kind, _ in kinds(text)] == [
        *("heading", "claim", "code", "instruction", "heading", "reference", "reference"),
    ]
    assert kinds("---\nMills grind.\n---\n\nEnd.")[0][1] == "Mills grind.", "two rules, no YAML"


@pytest.mark.parametrize("note", ["[^1]", "¹", "【4†source】"])
def test_the_number_of_a_note_is_no_sentence_and_hides_no_full_stop(note: str) -> None:
    found = claims(f"Mills grind corn.{note} Seas are wide{note} and deep.")
    assert [one.bare for one in found] == ["Mills grind corn.", "Seas are wide and deep."]
    assert found[0].text.endswith(note)
    assert not any(one.cites for one in found), "nothing says what the note is"


def test_a_footnote_that_is_an_entry_is_the_source_of_its_sentence() -> None:
    text = (
        "Mills grind.[^1] Seas sink [1].\n\n[^1]: Wei, J. Mills. 2021.\n\n[1] Doe, A. Seas. 2022."
    )
    (one, two) = claims(text)
    assert [cited.entry for cited in (*one.cites, *two.cites)] == [
        *("Wei, J. Mills. 2021.", "Doe, A. Seas. 2022."),
    ]
    assert len(extract(f"{text}\n\n[^x]: Ibid., but compare the seas.").references) == 2
    (one, *_) = claims("Mills grind corn.² It is so.\n\n## Notes\n\n² Wei, J. Mills. 2021.")
    assert one.cites[0].entry == "Wei, J. Mills. 2021."


@pytest.mark.parametrize(
    ("said", "numbers"),
    [("[1, p. 2]", [1]), ("[1]–[3]", [1, 2, 3]), ("[2, Sec. 4.1]", [2]), ("[1], [3]", [1, 3])],
)
def test_numbers_have_pages_and_ranges(said: str, numbers: list[int]) -> None:
    (one,) = claims(f"Mills grind {said}.")
    assert [cited.number for cited in one.cites] == numbers
    assert one.bare == "Mills grind."


@pytest.mark.parametrize(
    ("said", "authors"),
    [
        ("Brown et al. (2020, p. 3) grind.", ["Brown"]),
        ("Brown et al. (2020; see also Wei, 2022) grind.", ["Brown", "Wei"]),
        ("Mühlen mahlen (vgl. Ji u. a. 2023, S. 5).", ["Ji"]),
        ("Mühlen mahlen (siehe Ji und Hu 2023).", ["Ji"]),
        ("Smith's (2019) mills grind.", ["Smith"]),
        ("Wei et al.'s (2022) mills grind.", ["Wei"]),
    ],
)
def test_a_mark_may_say_more_than_author_and_year(said: str, authors: list[str]) -> None:
    (one,) = claims(f"{said}")
    assert [cited.authors[0] for cited in one.cites] == authors
    assert "20" not in one.bare, "a year is no number that a reading could contradict"


def test_lines_of_a_reference_list_are_entries_where_each_has_a_year() -> None:
    listed = "Hu, E. u. a. (2021): LoRA.\nWei, J. (2022): Chains."
    for title in ("## Literaturverzeichnis\n\n", "References\n", "REFERENCES:\n\n"):
        found = extract(f"Es gibt ca. 2 Mrd. Mühlen.\n\n{title}{listed}\n")
        assert [one.entry for one in found.references] == listed.split("\n")
        assert [one.kind for one in found.claims][:2] == ["claim", "heading"]
    wrapped = "## References\n\nHu, E. J. (2021). LoRA.\nhttps://arxiv.org/abs/2106.09685"
    assert len(extract(wrapped).references) == 1


def test_author_and_page_are_a_mark_where_the_list_has_the_author() -> None:
    listed = '\n\nWorks Cited\n\nHu, Ed, et al. "Mills." 2021.\n'
    one, two = claims(f"Mills grind (Hu et al. 3-4). So says Mill (Llama 2).{listed}")
    assert [cited.entry for cited in one.cites] == ['Hu, Ed, et al. "Mills." 2021.']
    assert one.bare == "Mills grind."
    assert two.cites == ()
    assert two.bare == "So says Mill (Llama 2)."


def test_the_sources_of_another_chatbot_are_entries() -> None:
    text = (
        "Mills grind.[1][2] Seas are wide. ([arxiv.org](https://arxiv.org/abs/2305.14314))\n\n"
        "Citations:\n[1] https://arxiv.org/abs/2106.09685\n[2] https://mills.example/peft"
    )
    one, two = claims(text)
    assert [cited.arxiv_id or cited.entry for cited in one.cites] == [
        *("2106.09685", "https://mills.example/peft"),
    ]
    assert two.bare == "Seas are wide."
    assert two.cites[0].arxiv_id == "2305.14314"
    assert len(extract(text).references) == 2


def test_numbers_of_a_list_are_those_of_its_entries() -> None:
    for title in ("## References\n\n", "References\n", "Notes\n\n"):
        one, two = claims(
            f"Mills grind [2]. Seas sink.¹\n\n{title}1. Doe, A. Seas. 2021.\n2. Wei. Mills."
        )
        assert [cited.entry for cited in (*one.cites, *two.cites)] == [
            "Wei. Mills.",
            "Doe, A. Seas. 2021.",
        ]


def test_a_section_of_prose_is_no_reference_list() -> None:
    essay = (
        "## Literature\n\nMuch is written on mills. Wei (2022) says that they grind.\n\n"
        "## Mills\n\nThey do.\n\n## References\n\n- Wei, J. (2022). Mills.\n"
    )
    assert [one.entry for one in extract(essay).references] == ["Wei, J. (2022). Mills."]
    assert len(claims(essay)) == 3
    assert len(claims("Notes\n\nMills grind corn.\n\nThey did so in 2020.")) == 2
    assert len(claims("Notes\n\n1. Mills grind corn.\n2. Seas are wide.")) == 2
    below = extract("**Sources:**\n- Wei (2022), Mills\n- Doe, Seas\n\nMills grind corn.")
    assert [one.entry for one in below.references] == ["Wei (2022), Mills", "Doe, Seas"]


def test_texts_of_footnotes_stand_anywhere() -> None:
    found = extract("Mills grind.[^1]\n\n[^1]: Wei, J. Mills. 2021.\n\nSeas are wide.")
    assert [one.kind for one in found.claims] == ["claim", "reference", "claim"]
    assert [cited.entry for cited in found.claims[0].cites] == ["Wei, J. Mills. 2021."]


def test_a_mark_with_a_page_behind_the_full_stop_is_of_its_sentence() -> None:
    (one,) = claims("Mills grind corn. (cf. Wei et al., 2022, p. 3; Hu, 2021, Section 4).")
    assert [cited.authors for cited in one.cites] == [("Wei",), ("Hu",)]
    assert one.bare == "Mills grind corn."


def test_a_short_sentence_before_the_number_of_a_note_is_no_heading() -> None:
    (one, _) = claims("Mills grind corn.¹\n\nSeas are wide.")
    assert one.bare == "Mills grind corn."
