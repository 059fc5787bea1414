from __future__ import annotations

import pytest

from seminar_rag.answer.followup import asked_last, leans, standalone
from seminar_rag.types import Turn


def asked(*questions: str) -> list[Turn]:
    turns: list[Turn] = []
    for question in questions:
        turns += [Turn("user", question), Turn("assistant", "An answer about bananas [1].")]
    return turns


@pytest.mark.parametrize(
    "question",
    [
        "why?",
        "and the global ones?",
        "what about locality?",
        "how does it work?",
        "can you explain?",
        "What are its limits?",
        "which one is faster?",
        "so does it matter?",
    ],
)
def test_these_lean(question: str) -> None:
    assert leans(question)
    assert standalone(question, asked("What is editing?")) == f"What is editing? {question}"


@pytest.mark.parametrize(
    "question",
    [
        "What does speculative decoding save at inference time?",
        "How do I fix the kitchen tap when it drips?",
        "Which measures judge knowledge editing in language models?",
        "Is a mixture of experts cheaper because its router picks two of them?",
    ],
)
def test_these_stand_alone(question: str) -> None:
    assert not leans(question)
    assert standalone(question, asked("What is editing?")) == question


def test_without_history_nothing_is_added() -> None:
    assert standalone(" why? ", []) == "why?"


def test_a_chain_of_leaning_questions_goes_back_to_one_that_stands() -> None:
    history = asked("What is model editing for?", "and its limits?")
    assert standalone("why?", history) == "What is model editing for? and its limits? why?"


def test_at_most_two_questions_are_put_in_front() -> None:
    history = asked("What is model editing for?", "why?", "and then?")
    assert standalone("why?", history) == "why? and then? why?"


def test_answers_are_not_searched_for() -> None:
    assert "bananas" not in standalone("why?", asked("What is editing?"))


def test_the_last_question_is_found_again() -> None:
    history = asked("What is model editing for?", "and its limits?")
    assert asked_last(standalone("why?", history), history) == "why?"
    assert asked_last("What is attention?", history) == "What is attention?"
