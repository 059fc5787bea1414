from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.question import referent
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.query import understand
from seminar_rag.question.referent import in_place
from seminar_rag.question.referent import referent as stands_for
from seminar_rag.types import Turn

COMPARED = "What is the difference between rye and oats?"


def after(*questions: str) -> list[Turn]:
    return [
        turn
        for one in questions
        for turn in (Turn("user", one), Turn("assistant", "Both are grains. [1]"))
    ]


def test_after_a_comparison_one_thing_is_asked_about() -> None:
    query = understand("and what are its drawbacks?", after(COMPARED))
    assert query.intent == "against"
    assert query.topic == "rye"
    assert not query.parts


def test_a_comparison_goes_on_with_the_new_question() -> None:
    query = understand("and which one is cheaper?", after(COMPARED))
    assert query.sides == ("rye", "oats")
    assert [part.text for part in query.parts] == [
        "rye: and which one is cheaper?",
        "oats: and which one is cheaper?",
    ]


def test_what_was_not_compared_before_is_said_to_be_first() -> None:
    query = understand("how do they differ?", after("What are RYE and OATS?"))
    assert [part.text for part in query.parts] == ["What is RYE?", "What is OATS?"]


@pytest.mark.parametrize(
    ("questions", "named"),
    [
        (("What is rye bread?",), "rye bread"),
        (("What is rye bread?", "how is it baked?"), "rye bread"),
        ((COMPARED,), "rye"),
        (("What does the Sourdough paper say?",), "Sourdough"),
        (("Is it cold?",), ""),
        ((), ""),
    ],
)
def test_it_stands_for_what_was_asked_about(questions: tuple[str, ...], named: str) -> None:
    assert stands_for(after(*questions)) == named


@pytest.mark.parametrize(
    ("question", "whole"),
    [
        ("who wrote it?", "who wrote On Rye?"),
        ("what are its limits?", "what are the limits of On Rye?"),
        ("why is it that bread rises?", "why is it that bread rises?"),
        ("what is IT security?", "what is IT security?"),
    ],
)
def test_it_is_put_in_words(question: str, whole: str) -> None:
    assert in_place(question, "On Rye") == whole


def test_two_questions_of_a_follow_up_are_about_what_was_asked_before() -> None:
    query = understand("how is it spread and is there a cure?", after("What is ergotism?"))
    assert [part.text for part in query.parts] == [
        "how is ergotism spread?",
        "is there a cure? ergotism",
    ]


def test_the_weights_belong_to_the_examples() -> None:
    fitted_to = referent.rows(read_examples(referent.DATA))
    assert read_weights(referent.DATA)[1] == digest(fitted_to), (
        "examples or the reading of words changed: python benchmarks/questions.py --fit"
    )


@pytest.mark.slow
def test_questions_after_a_comparison_that_were_left_out_are_told() -> None:
    bench = benchmark("questions")
    examples = list(read_examples(referent.DATA))
    weights = bench.weights_of(
        referent.rows(one for i, one in enumerate(examples) if i % 5), bench.RUN
    )
    left = examples[::5]
    told = 0
    for name, text in left:
        found = weights.probabilities(bench.followup.shape(text, weights.terms))
        told += max(found, key=found.__getitem__) == name
    assert told > 0.8 * len(left)
