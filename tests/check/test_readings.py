from __future__ import annotations

from dataclasses import replace

import pytest

from seminar_rag.check import readings
from seminar_rag.check.claims import extract
from seminar_rag.check.readings import Match, Readings
from seminar_rag.check.references import entry
from seminar_rag.types import Cited
from seminar_rag.types.check import Work

BOOKS = (
    Work("ai", "Artificial Intelligence: A Modern Approach", "Stuart Russell, Peter Norvig"),
    Work("memory", "Memory", "Alan Baddeley"),
    Work("kuhn", "The Structure of Scientific Revolutions", "Thomas S. Kuhn"),
    Work("fast", "Thinking, Fast and Slow", "Daniel Kahneman"),
    Work("attention", "Attention Is All You Need", "Ashish Vaswani", "1706.03762"),
)
VASWANI = "A. Vaswani, N. Shazeer, Proceedings of the National Academy of Sciences 30, 5998 (2017)"


def matched(listed: str, known: bool) -> Match:
    """What an entry of a reference list means, the authors of the readings being known or not."""
    works = BOOKS if known else [replace(work, authors="") for work in BOOKS]
    return Readings(works).match(entry(listed, 0, len(listed)))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("listed", "meant"),
    [
        ("Pearl, J. (1986). Fusion in belief networks. Artificial Intelligence, 29(3), 2–8.", ""),
        ("Roe, A. (1995). Sleep and recall. Memory, 3, 1–9.", ""),
        ("Roe, A. (1995). Sleep. In Memory. Wiley.", ""),
        ("Roe, A. “Sleep.” Memory, 1995.", ""),
        ("Kahneman, D. (1973). Attention and Effort. Prentice-Hall.", ""),
        ("Russell S, Norvig P. Artificial Intelligence. 3rd ed. Pearson; 2010.", "ai"),
        ("Russell, S., & Norvig, P. (2010). Artificial intelligence: A modern approach.", "ai"),
        ("Alan Baddeley and Michael Eysenck. 2009. Memory. Psychology Press.", "memory"),
        ("7Baddeley AD. Memory. Wiley, 2009.", "memory"),
        ("Kuhn, T. S. (1962, May). The Structure of Scientific Revolutions. Chicago.", "kuhn"),
        ("Attention Is All You Need (2017), Vaswani et al.", "attention"),
    ],
)
def test_the_name_of_a_journal_or_of_another_book_is_no_reading(
    listed: str, meant: str, known: bool
) -> None:
    found = matched(listed, known)
    assert [work.id for work in found.works] == [meant] * bool(meant)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "listed",
    [
        "Vaswani A et al. 2017 Advances in Neural Information Processing 30 5998 arXiv:1706.03762",
        f"{VASWANI}, arXiv:1706.03762.",
    ],
)
def test_a_journal_beside_an_id_is_no_title_that_disagrees(listed: str, known: bool) -> None:
    found = matched(listed, known)
    assert ([work.id for work in found.works], found.problem) == (["attention"], None)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "listed",
    [
        "arXiv:1706.03762 [cs.CL]",
        "https://arxiv.org/abs/1706.03762 (accessed 3 May 2024).",
        "Available at: https://arxiv.org/abs/1706.03762. Accessed 12 January 2023.",
        "Vaswani, A. et al. (2017). arXiv preprint arXiv:1706.03762.",
        "Vaswani A, Shazeer N, Parmar N, Uszkoreit J. 2017. https://arxiv.org/abs/1706.03762",
        "Vaswani A, Shazeer N. Physical Review Letters 1998; 294: 326–401. arXiv:1706.03762",
        "[7] Vaswani A. ICLR 2022. arXiv:1706.03762",
    ],
)
def test_where_no_title_is_printed_the_id_decides(listed: str, known: bool) -> None:
    found = matched(listed, known)
    assert ([work.id for work in found.works], found.problem) == (["attention"], None)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "listed",
    [
        "[1] K. He, Deep Residual Learning for Image Recognition, arXiv:1706.03762 [cs.CV]",
        "He, K. “Deep Residual Learning for Image Recognition.” CVPR 2016. arXiv:1706.03762",
        "Deep Residual Learning for Image Recognition, arXiv:1706.03762",
        "Bowman, S. (2023). Eight things to know about language models. arXiv:1706.03762",
    ],
)
def test_another_title_beside_an_id_is_told(listed: str, known: bool) -> None:
    assert matched(listed, known).problem == "mismatch"


def test_an_entry_without_a_title_is_found_by_author_and_year() -> None:
    listed = "Vaswani A, Shazeer N. Physical Review Letters 2017; 294: 326–401."
    cited = replace(entry(listed, 0, len(listed)), authors=("Vaswani",), year=2017)
    assert [work.id for work in Readings(BOOKS).match(cited).works] == ["attention"]


@pytest.mark.parametrize(
    "listed",
    [
        "Bird, A. (2012). What is in a paradigm? The Structure of Scientific Revolutions.",
        "Bird, A. The Structure of Scientific Revolutions.",
    ],
)
def test_an_entry_by_others_is_no_reading_whatever_looks_like_its_title(listed: str) -> None:
    assert Readings(BOOKS).match(entry(listed, 0, len(listed))).works == ()


@pytest.mark.parametrize("form", ["{0}, {1}.", "{1}. {0}", "{0} {1}"])
def test_a_title_is_found_behind_any_number_of_authors(form: str) -> None:
    names = ["Vaswani", *(f"B{one}{two}e" for one in "aeiou" for two in "klmnr")]
    people = ", ".join(form.format(name, "A") for name in names)
    listed = f"{people}. Attention Is All You Need. Machine Learning, 5, 3–20, 2017."
    (found,) = Readings(BOOKS).match(entry(listed, 0, len(listed))).works
    assert found.id == "attention"


def test_the_number_of_an_entry_may_be_joined_to_a_name() -> None:
    text = "It is so [7].\n\n## References\n\n7Baddeley AD. Memory. Wiley, 2009.\n"
    (one,) = extract(text).claims[0].cites
    assert one.entry.startswith("Baddeley")


def test_an_entry_is_shown_without_what_an_id_leaves_over() -> None:
    for left in (
        ", arXiv:1706.03762.",
        " (doi:10.1145/3292500).",
        "; https://doi.org/10.1145/3292.",
    ):
        listed = f"{VASWANI}{left}"
        assert entry(listed, 0, len(listed)).entry.rstrip(".") == VASWANI


def test_author_and_year_name_no_reading_where_a_short_title_is_printed() -> None:
    listed = "Kahneman, D. (1973). Attention and Effort."
    (one,) = extract(f"It is so (Kahneman, 1973).\n\n## References\n\n{listed}").claims[0].cites
    assert Readings(BOOKS).match(one).works == ()
    assert Readings(BOOKS).match(Cited("(mark)", 0, 6, ("Kahneman",), 2011)).works == (BOOKS[3],)
    bare = entry("[1] Kahneman, 2011.", 0, 19)
    assert Readings(BOOKS).match(bare).works == (BOOKS[3],)


def test_an_entry_is_read_once_however_many_readings_may_be_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    features = readings.span_features
    monkeypatch.setattr(
        readings, "span_features", lambda *given: read.append(given) or features(*given)
    )
    works = [Work(f"{n}", f"On mill {n}", "Smith, J.", f"2201.{10000 + n}") for n in range(20)]
    listed = "Smith, J. (2022). A study of rowing in winter. Journal of Boats, 12(3), 45–67."
    cited = replace(entry(listed, 0, len(listed)), authors=("Smith",), year=2022)
    assert Readings(works).match(cited).works == ()
    assert len(read) <= 2
