"""Sentences about their document are told from sentences about its subject."""

from __future__ import annotations

import pytest

from seminar_rag.documents.itself import about_itself


@pytest.mark.parametrize(
    ("empty", "telling"),
    [
        (
            "In this survey, we give a broad overview of glazes and their history.",
            "A glaze is a coat of glass that keeps water out of the clay.",
        ),
        (
            "The results of all firings are shown in Table 3.",
            "The firings at 1300 degrees cracked 4 of the 20 pots.",
        ),
        (
            "We discuss the challenges of the method and directions for future work.",
            "We find that the method needs half of the wood.",
        ),
    ],
)
def test_what_tells_something_is_less_about_its_document(empty: str, telling: str) -> None:
    assert about_itself(empty) > 0.7 > 0.5 > about_itself(telling)


@pytest.mark.parametrize("text", ["", "…", "窯"])
def test_a_text_without_known_words_is_told_all_the_same(text: str) -> None:
    assert 0 < about_itself(text) < 1
