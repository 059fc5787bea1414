"""Texts into claims: sentences, spans, citations, reference lists, kinds, pronouns."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seminar_rag.check.claims import extract
from seminar_rag.check.references import entry
from seminar_rag.types import Claim


def claims(text: str) -> list[Claim]:
    return [claim for claim in extract(text).claims if claim.kind == "claim"]


def texts(text: str) -> list[str]:
    return [claim.text for claim in extract(text).claims]


@pytest.mark.parametrize(
    "sentence",
    [
        "Wei et al. showed this on GSM8K.",
        "The gain is shown in Fig. 3 and Eq. 2 of the paper.",
        "Some tasks, e.g. arithmetic, gain 3.5 points vs. the baseline.",
        "Dr. Smith et al. [4] disagree with J. Doe.",
        "It works (cf. Sec. 4.2) for GPT-3.5 as well.",
        "The text is at https://arxiv.org/abs/2201.11903. ",
        "Reported with the DOI 10.1145/3292500.3330701 in print.",
        "The U.S. office has approx. 1,000 rules.",
    ],
)
def test_abbreviations_decimals_and_ids_end_no_sentence(sentence: str) -> None:
    text = f"One comes before. {sentence} Another comes after."
    assert texts(text) == ["One comes before.", sentence.strip(), "Another comes after."]


def test_spans_give_the_source_exactly() -> None:
    text = "# Title\n\nThe **first** one\nruns over lines. Second one.\n\n> Quoted one here.\n"
    found = extract(text).claims
    assert [text[c.start : c.end] for c in found] == [
        "Title",
        "The **first** one\nruns over lines.",
        "Second one.",
        "Quoted one here.",
    ]
    assert found[1].text == "The first one runs over lines."


def test_lists_headings_code_and_tables_are_told_from_prose() -> None:
    text = (
        "Results\n\nThe model wins.\n- First item is true\n- Second item\n  goes on\n\n"
        "```python\nx = 1. Not prose\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "Setext\n---\n\nEnd here."
    )
    assert [(c.kind, c.text) for c in extract(text).claims] == [
        ("heading", "Results"),
        ("claim", "The model wins."),
        ("claim", "First item is true"),
        ("claim", "Second item goes on"),
        ("code", "x = 1. Not prose"),
        ("table", "a | b"),
        ("table", "1 | 2"),
        ("heading", "Setext"),
        ("claim", "End here."),
    ]


def test_what_is_shown_of_markdown_is_what_is_checked() -> None:
    text = (
        "The loss $x_{N+1}$ of `a_b_c` is H<sub>2</sub>O &lt; 5\\%.\n\n![A chart](a.png)\n\n"
        "    Indented, it is a claim.\n\n<div>So is this.</div>\n\n> Quoted text\n\nEnd here."
    )
    assert texts(text) == [
        "The loss $x_{N+1}$ of a_b_c is H2O < 5%.",
        "Indented, it is a claim.",
        "So is this.",
        "Quoted text",
        "End here.",
    ]
    assert {claim.kind for claim in extract(text).claims} == {"claim"}


def test_plain_text_has_neither_front_matter_nor_definitions_of_links() -> None:
    found = texts("---\nIt is so.\n---\n\n[1]: It is as well.")
    assert found == ["It is so.", "[1]: It is as well."]


def test_an_open_fence_runs_to_the_end() -> None:
    assert [c.kind for c in extract("Text here.\n\n```\ncode. More").claims] == ["claim", "code"]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("I think this method is elegant.", "opinion"),
        ("In my view the data is thin.", "opinion"),
        ("Does it scale?", "question"),
        ("Compare the two methods.", "instruction"),
        ("Please explain the loss.", "instruction"),
        ("Use of tools is common.", "claim"),
        ("We find that larger models memorise more.", "claim"),
    ],
)
def test_kinds(sentence: str, kind: str) -> None:
    assert [c.kind for c in extract(f"Something is said. {sentence}").claims][1] == kind


def test_author_year_citations() -> None:
    (one, two, three) = claims(
        "Chains help (Wei et al., 2022; Kojima & Gu, 2023). Wei and Zhou (2022) use PaLM."
        " The set (in 2022) had 40 items."
    )
    assert [(c.authors, c.year) for c in one.cites] == [(("Wei",), 2022), (("Kojima", "Gu"), 2023)]
    assert one.bare == "Chains help."
    assert [(c.authors, c.year) for c in two.cites] == [(("Wei", "Zhou"), 2022)]
    assert two.bare == "Wei and Zhou use PaLM."
    assert three.cites == ()
    assert "(in 2022)" in three.bare


def test_a_mark_has_its_place_in_the_source() -> None:
    text = "First.\n\nChains **help** (Wei et al., 2022)."
    cited = claims(text)[1].cites[0]
    assert text[cited.start : cited.end] == "(Wei et al., 2022)" == cited.text


def test_numbers_ranges_and_marks_behind_the_full_stop() -> None:
    one, two = claims("It holds [1, 3-5]. It reached 61.4%. [7] Later work agrees.")[:2]
    assert [c.number for c in one.cites] == [1, 3, 4, 5]
    assert [c.number for c in two.cites] == [7]
    assert two.bare == "It reached 61.4%."
    assert claims("A. It reached 61%. [7] Later work agrees.")[-1].text == "Later work agrees."


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("According to Kaplan et al. (2020), loss falls.", "Loss falls."),
        ("As Li and Wu (2020) argue, loss falls.", "Loss falls."),
        ("Loss falls, as Kaplan et al. (2020) show.", "Loss falls."),
        ("Loss falls according to Kaplan et al. (2020).", "Loss falls."),
        ("Unlike Kaplan et al. (2020), they scale data.", "Unlike Kaplan et al., they scale data."),
        ("According to the World Bank (2020), loss falls.", None),
        ("According to Kaplan et al., loss falls.", None),
    ],
)
def test_an_attribution_that_is_a_citation_is_no_part_of_the_claim(
    text: str, bare: str | None
) -> None:
    (claim,) = extract(text).claims
    assert claim.bare == (bare or text.replace(" (2020)", ""))
    assert claim.text == text


def test_ids_and_link_targets() -> None:
    one, two, three = claims(
        "It is in arXiv:2106.09685v2. As [the paper](https://arxiv.org/abs/2201.11903) says."
        " The record is https://doi.org/10.1145/3292500.3330701."
    )
    assert one.cites[0].arxiv_id == "2106.09685"
    assert two.text == "As the paper says."
    assert two.cites[0].arxiv_id == "2201.11903"
    assert three.cites[0].doi == "10.1145/3292500.3330701"


LIST = """LoRA freezes the model [1]. Chains help (Wei et al., 2022). Zeros do too [4].

## References

[1] E. Hu, Y. Shen, P. Wallis. LoRA: Low-rank adaptation. ICLR, 2022. arXiv:2106.09685.
[2] Wei, J., Wang, X., & Zhou, D. (2022). Chains of thought. NeurIPS.
[3] Takeshi Kojima and Shixiang Gu. "Zero-shot reasoners are here." 2022.
"""


def test_the_reference_list_is_parsed_and_resolves_marks() -> None:
    found = extract(LIST)
    assert [(r.number, r.arxiv_id) for r in found.references] == [
        (1, "2106.09685"),
        (2, None),
        (3, None),
    ]
    assert found.references[0].entry.startswith("E. Hu, Y. Shen, P. Wallis. LoRA: Low-rank")
    assert [c.kind for c in found.claims][-3:] == ["reference"] * 3
    one, two, three = [c for c in found.claims if c.kind == "claim"]
    assert (one.cites[0].entry, one.cites[0].arxiv_id) == (found.references[0].entry, "2106.09685")
    assert two.cites[0].entry == found.references[1].entry
    assert (three.cites[0].number, three.cites[0].entry) == (4, "")


def test_a_reference_list_needs_no_heading() -> None:
    text = "It holds [1].\n\n[1] A. Bee. On bees. 2020.\n[2] C. Dee. On seas. 2021.\n"
    assert [r.entry for r in extract(text).references] == [
        "A. Bee. On bees. 2020.",
        "C. Dee. On seas. 2021.",
    ]


def test_pronouns_take_the_subject_before_and_the_original_stays() -> None:
    one, two, three = claims("LoRA freezes a model. It adds matrices. Its cost is low.")
    assert (two.text, two.standalone) == ("It adds matrices.", "LoRA adds matrices.")
    assert three.standalone == "LoRA’s cost is low."
    assert one.standalone == one.text


def test_pronouns_without_a_clear_subject_stay() -> None:
    assert claims("On most days, rain falls. It adds up.")[1].standalone == "It adds up."
    kept = claims("LoRA freezes a model. It is known that ranks are low.")[1]
    assert kept.standalone == kept.text
    assert claims("LoRA freezes a model.\n\nIt adds matrices.")[1].standalone == "It adds matrices."


def test_what_goes_on_about_a_cited_work_keeps_its_citation() -> None:
    _, two, three = claims("Wei et al. (2022) use PaLM. They report gains. Trees are green.")
    assert two.cites[0].authors == ("Wei",)
    assert two.standalone == "Wei et al. report gains."
    assert three.cites == ()


@given(st.text(alphabet="aB1.,;()[]*_`#|>-–&\n \"'?é", max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_ordered_spans_inside_it(text: str) -> None:
    at = 0
    for claim in extract(text).claims:
        assert at <= claim.start < claim.end <= len(text)
        assert claim.text
        source = iter(text[claim.start : claim.end])
        assert all(char in source for char in claim.text if not char.isspace()), "made up"
        at = claim.end


@pytest.mark.parametrize(
    "text",
    [
        "a" * 20_000,
        "(A" * 5000,
        "[1" * 5000,
        "Aa, " * 5000,
        "**_" * 5000,
        "Aa and " * 4000,
        "|" * 9999,
    ],
)
def test_odd_texts_take_no_time(text: str) -> None:
    started = time.perf_counter()
    extract(text)
    assert time.perf_counter() - started < 5


def test_nothing_comes_of_nothing() -> None:
    assert extract("") == extract(" \n\n---\n")
    assert extract("").claims == ()


def test_an_entry_that_is_only_a_mark_is_read_as_one() -> None:
    text = "[3] Wei et al., 2022."
    found = entry(text, 0, len(text))
    assert (found.number, found.authors, found.year) == (3, ("Wei",), 2022)


@pytest.mark.parametrize(
    ("listed", "same"),
    [
        ("J. Wei, X. Wang. On mills. Mills, 2022.", True),
        ("Wei, J. & Wang, X. On mills. Mills 5, 2–9 (2022).", True),
        ("Jason Wei and Xu Wang. 2022. On mills.", True),
        ("Wei J, Wang X. On mills. Mills. 2022;5:2–9.", True),
        ("A. Bee, J. Wei. On mills. Mills, 2022.", False),
        ("J. Wei, X. Wang. On mills. Mills, 2021.", False),
    ],
)
def test_a_mark_finds_its_entry_in_any_style(listed: str, same: bool) -> None:
    (one, *_) = claims(f"Chains help (Wei et al., 2022).\n\n## References\n\n{listed}\n")
    assert bool(one.cites[0].entry) is same


@pytest.mark.parametrize(
    ("said", "first", "second"),
    [
        ("(Wei, 2022)", "Wei Zhao. Cats, 2022.", "Jason Wei and Xu Wang. Dogs, 2022."),
        ("(Wei, 2022)", "Wei Zhao. Cats, 2022.", "J. Wei. Dogs, 2022."),
        ("(Wei, 2022)", "Wei Zhao. Cats, 2022.", "Wei J. Dogs and seas. 2022."),
        ("(van der Maaten, 2022)", "Maaten van der Zee. 2022.", "L. van der Maaten. Dogs. 2022."),
        ("(Hu, 2021)", "Hu Bo. Cats. 2021.", "Hu EJ, Shen Y. Dogs. 2021."),
        ("(Lee-Ito, 2021)", "Ito Lee Bo. Cats. 2021.", "Ana Lee-Ito. Dogs. 2021."),
        ("(Smith, 2015)", "Smith, J. (2009). Old. Mind 12, 2015-2030.", "Smith, J. (2015). New."),
        ("(Smith, 2015)", "Smith, J. (2009). Old. Mind, 1998–2015.", "Smith, J. 2015-03-02. New."),
    ],
)
def test_a_mark_finds_the_better_of_two_entries(said: str, first: str, second: str) -> None:
    (one, *_) = claims(f"Chains help {said}.\n\n## References\n\n{first}\n\n{second}\n")
    assert one.cites[0].entry == second


@pytest.mark.parametrize(
    "listed",
    [
        "Brown, T. (2022a). Mills.\n\nBrown, T. (2022b). Seas. Seen 3 May 2022.",
        "Brown, T. 2022b. Seas.\n\nBrown, T. 2022a. Mills. London.",
        "T. Brown. Mills. Mind, 2022.\n\nT. Brown. Seas. 2022.",
    ],
)
def test_works_of_one_author_and_year_are_told_apart_by_their_letters(listed: str) -> None:
    text = (
        "One (Brown, 2022a). Two (Brown, 2022b). Both (see Brown, 2022a, 2022b). Brown (2022a, b)"
        " says so. Here (Brown, 2022a, p. 4). Or (Brown, 2022a, p 4). There (Brown, 2022a; 2022b)."
        " All (Brown, 2022a & 2022b; Li, 2021). Brown (2022a and b) is. So (Brown, 2022b; 1999)."
        f"\n\n## References\n\n{listed}\n"
    )
    found = [
        "".join("ms"["Seas" in cited.entry] for cited in one.cites if cited.entry)
        for one in claims(text)[:10]
    ]
    assert found == ["m", "s", "ms", "ms", "m", "m", "ms", "ms", "ms", "s"]


def test_a_letter_that_the_list_has_not_is_no_work_of_it() -> None:
    listed = "Brown, T. (2022a). Mills.\n\nBrown, T. (2022b). Seas."
    (one, two, *_) = claims(f"It is (Brown, 2022c). So (Brown, 2022).\n\n## References\n\n{listed}")
    assert one.cites[0].entry == ""
    assert "Mills" in two.cites[0].entry


@pytest.mark.parametrize("behind", ["[3]", "[^1]", "(Hu et al., 2021)", "[1] [2]"])
def test_a_sentence_with_its_citation_behind_the_full_stop_is_no_heading(behind: str) -> None:
    first, *_ = extract(f"LoRA freezes the weights. {behind}\n\nIt is so.").claims
    assert first.kind == "claim"
    heading, *_ = extract(f"Low rank {behind}\n\nIt is so.").claims
    assert heading.kind == "heading"


def test_an_entry_has_the_id_to_which_its_title_links() -> None:
    text = (
        "# References\n\n- Hu, E. [LoRA](https://arxiv.org/abs/2106.09685)\n- [B](https://x.org)\n"
    )
    first, second = extract(text).references
    assert (first.entry, first.arxiv_id, second.arxiv_id) == ("Hu, E. LoRA", "2106.09685", None)
