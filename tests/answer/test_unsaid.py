"""Which sentences are about the passages instead of from them."""

from __future__ import annotations

import pytest

from seminar_rag.answer.unsaid import leaves_open


@pytest.mark.parametrize(
    "sentence",
    [
        "The passages do not mention the price of a boat.",
        "However, the provided text doesn’t specify it.",
        "None of the given excerpts discusses boats.",
        "Passages 1 and 2 do not name the harbour.",
        "The passages answer the question by describing two ways to build a boat.",
        "The price is not explicitly mentioned in the provided passages.",
        "There is no information about boats in the text.",
        "Based on the passages, it is not possible to say who built it.",
        "While the readings describe the boat, they do not say who built it.",
        "I cannot find that in the readings.",
        "These texts do not explicitly state the price.",
        "No information is given.",
    ],
)
def test_a_sentence_about_the_passages_says_nothing(sentence: str) -> None:
    assert leaves_open(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "According to the passages, a boat has two oars.",
        "The passages say that a boat has two oars.",
        "The text encoder does not share its weights.",
        "No documents are kept on board.",
        "The context does not fit into the memory.",
        "There is no evidence that boats were built here.",
        "Sailors do not understand the text that they sign.",
        "No information is lost on board.",
        "The sources do not agree on the day of the wreck.",
        "The text survives only in two copies.",
        "A lookout attends only to passages that are shown on the chart.",
        "The time at sea does not change with the passages’ order.",
    ],
)
def test_a_sentence_from_the_passages_says_something(sentence: str) -> None:
    assert not leaves_open(sentence)
