"""The wish for simple words, and the question that it stands beside."""

from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.question import simply
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.query import understand


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("ELI5: why does the kiln crack in winter?", "why does the kiln crack in winter?"),
        ("ELI5 how the potters of Raku work", "how the potters of Raku work"),
        ("explain it to me like a 6 year old: how is clay fired?", "how is clay fired?"),
        ("in simple words, why is the glaze green", "why is the glaze green"),
        ("how does a kiln work? explain simply", "how does a kiln work"),
        ("why do glazes crack, in plain English please", "why do glazes crack"),
    ],
)
def test_the_question_is_searched_for_without_the_wish_for_simple_words(
    text: str, asked: str
) -> None:
    query = understand(text)
    assert (query.intent, query.search_text) == ("simple", asked)
    assert "ELI5" not in query.names


def test_what_a_thing_is_in_simple_words_is_asked_of_the_thing() -> None:
    query = understand("Explain Raku like I'm five")
    assert (query.intent, query.topic, query.search_text) == ("simple", "Raku", "What is Raku?")


@pytest.mark.parametrize(
    "text",
    [
        "As of 26 January 2020, what towns had kilns?",
        "raku 8x7b: how many pots does a kiln hold?",
        "How do teachers explain fractions to a child?",
        "Why are simple words better in a survey?",
        "What did the five potters explain?",
    ],
)
def test_a_question_without_the_wish_stays_whole(text: str) -> None:
    assert not simply.learned().without(text)


def test_the_weights_of_the_wish_belong_to_the_examples() -> None:
    questions = benchmark("questions")
    lines = [line for _, line in read_examples(simply.DATA)]
    known, plain = questions.wish_words(lines), questions.plain_questions()
    rows = questions.wish_rows(questions.wishes(lines, plain), plain, known)
    assert read_weights(simply.DATA)[1] == digest(rows), (
        "the examples changed: python benchmarks/questions.py --fit --simply"
    )
