"""Checking reads text of unknown origin: whatever it is, the time grows with its length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hostile import growth
from seminar_rag.check.claims import extract
from seminar_rag.check.references import entry, families, marks, without_marks
from seminar_rag.check.terms import acronyms, terms

UNITS = (
    "Xx-", "Ala-Gly-Ser-", "Wei et al. ", "Xx, ", "Xx and ", "van ", "A. ", "(2020 ", "2020 ",
    "(Xx 2020; ", "[1, ", "(", "[", "arXiv:", "10.1234/", "http://", "“", '"', "  ", "\n",
    "*", "_", "`", "**a", "[a](", "| a ", "> ", "- ", "1. ", "# ", "```\n", "1,000", "a.1",
    "1 to ", "half ", "no less than ", "(LSTM) ",
)  # fmt: skip
READERS: dict[str, Callable[[str], object]] = {
    "marks": marks,
    "without_marks": without_marks,
    "families": families,
    "entry": lambda text: entry(text, 0, len(text)),
    "extract": extract,
    "extract, in a list of references": lambda text: extract(f"# References\n\n{text}"),
    "terms": terms.__wrapped__,
    "acronyms": lambda text: acronyms([text]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_length_of_the_text(name: str) -> None:
    slow = {unit: grown for unit in UNITS if (grown := growth(READERS[name], unit)) > 8}
    assert not slow, f"2,000 to 8,000 characters should take 4 times as long: {slow}"
