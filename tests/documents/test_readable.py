"""Readable prose is told from pieces of lists of references, lines of authors and title pages."""

from __future__ import annotations

import pytest

from seminar_rag.documents.readable import evidence


@pytest.mark.parametrize(
    "line",
    [
        "Gruber SS, Haddad DK, et al.",
        "28. Anders AS, Petrov AB, Quist VE, Silva SS, Weber DK",
        "J Virol. 2004;78:9499–511.",
        "Weirs and what they hold back. River Lett. 1961;4:e102.",
        "Quist, A., & Weber, L. (2011). Mills after a summer. Milling, 4(2), 11–16.",
        "A. Quist, “Mills after a summer,” Milling, vol. 4, no. 2, pp. 11–16, 2011.",
        "Clara Weber1, Omar Haddad2, Lena Xu1,2",
        "Authors: Haddad, Omar; Xu, Lena; Weber, Clara",
    ],
)
def test_what_is_no_prose(line: str) -> None:
    assert evidence(line) < 0


@pytest.mark.parametrize(
    "line",
    [
        "Weirs silt up after a dry summer, and the mills behind them stand still.",
        "In 1911, Quist and Weber found that 12 of 40 mills had been left (Table 3).",
        "Mills after a summer were first described by Weber et al. (2011).",
        "lower cost",
        "Cheaper mills: they need 4% less wood.",
        "",
    ],
)
def test_what_is_prose(line: str) -> None:
    assert evidence(line) >= 0


def test_words_in_small_letters_are_no_debris_of_references() -> None:
    assert evidence("locality") == 0.0
