from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from fakes import ScriptedLLM
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.question.followup import (
    DATA,
    EMBEDDED_BY,
    LEANS,
    READING_TIME,
    FollowUps,
    Rewriter,
    asked_last,
    standalone,
)
from seminar_rag.question.learned import read_examples
from seminar_rag.types import Turn

EXAMPLES = list(read_examples(DATA))[::20]


def asked(*questions: str) -> list[Turn]:
    turns: list[Turn] = []
    for question in questions:
        turns += [Turn("user", question), Turn("assistant", "An answer about bananas [1].")]
    return turns


@cache
def embedded() -> FollowUps:
    return FollowUps(SentenceTransformerEmbedder(EMBEDDED_BY).embed)


@pytest.mark.model
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
    assert embedded()(question, asked("What is editing?")) == f"What is editing? {question}"


@pytest.mark.model
@pytest.mark.parametrize(
    "question",
    [
        "What does speculative decoding save at inference time?",
        "Which measures judge knowledge editing in language models?",
        "Is a mixture of experts cheaper because its router picks two of them?",
    ],
)
def test_these_stand_alone(question: str) -> None:
    assert embedded()(question, asked("What is editing?")) == question


@pytest.mark.parametrize(
    "followups",
    [lambda: standalone, pytest.param(lambda: embedded(), marks=pytest.mark.model)],
    ids=["words", "vectors"],
)
def test_the_weights_tell_their_own_examples(followups: Callable[[], FollowUps]) -> None:
    wrong = [text for name, text in EXAMPLES if followups().leans(text) != (name == LEANS)]
    assert len(EXAMPLES) > 80
    assert len(wrong) < 0.1 * len(EXAMPLES)


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


def reworded(llm: ScriptedLLM, question: str, *before: str) -> str:
    return Rewriter(llm).standalone(question, asked(*before), lambda: False)


@pytest.mark.parametrize(
    "said",
    [
        "What are the limits of editing?",
        '"What are the limits of editing?"',
        "Standalone question: What are the limits of editing?\n\nIt has three limits.",
    ],
)
def test_a_model_words_what_leans(said: str) -> None:
    llm = ScriptedLLM(said)
    assert reworded(llm, "what are its limits?", "How does editing work?") == (
        "What are the limits of editing?"
    )
    (request,) = llm.asked
    assert "Student: How does editing work?" in request.text
    assert "Last question: what are its limits?" in request.text
    assert "[1]" not in request.text


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Editing changes single facts and has side effects that nobody measured.",  # an answer
        "What are the pirates' treasures?",  # nothing that was said
        "How does editing work?",  # not what is asked
        "limits of editing " * 40,
        ModelError("The server does not answer."),
    ],
)
def test_what_is_no_wording_of_the_question_is_not_taken(said: str | Exception) -> None:
    by_rules = "How does editing work? what are its limits?"
    assert reworded(ScriptedLLM(said), "what are its limits?", "How does editing work?") == by_rules


def test_a_wording_that_only_repeats_the_question_is_not_taken() -> None:
    told = reworded(ScriptedLLM("And what are its limits?"), "what are its limits?", "Who edits?")
    assert told == "Who edits? what are its limits?"
    alone = "What are the limits of editing?"
    assert reworded(ScriptedLLM(alone), alone, "Who edits?") == alone


def test_a_question_that_stands_alone_is_not_worded_anew() -> None:
    llm = ScriptedLLM()
    assert reworded(llm, "How does editing work?") == "How does editing work?"
    long = (
        "Which measures judge how well knowledge editing changes single facts in language models?"
    )
    assert reworded(llm, long, "How does routing work?") == long
    assert llm.asked == []


def test_a_slow_model_is_not_asked() -> None:
    llm = ScriptedLLM("What are the limits of editing?")
    llm.speed = 100.0  # as of two cores with 1.5 billion parameters
    assert reworded(llm, "what are its limits?", "How does editing work?") == (
        "How does editing work? what are its limits?"
    )
    llm.speed = 1000 / READING_TIME
    assert reworded(llm, "what are its limits?", "How does editing work?") == (
        "What are the limits of editing?"
    )


def test_waiting_for_a_wording_can_be_stopped() -> None:
    llm = ScriptedLLM("What are the limits of editing?")
    told = Rewriter(llm).standalone("its limits?", asked("How does editing work?"), lambda: True)
    assert told == "How does editing work? its limits?"
    assert llm.stopped == 1


def test_a_model_that_takes_too_long_is_given_up() -> None:
    llm = ScriptedLLM("What are the limits of editing?")
    clock = iter(range(0, 900, 15)).__next__
    told = Rewriter(llm, clock=clock).standalone(
        "its limits?", asked("How does editing work?"), lambda: False
    )
    assert told == "How does editing work? its limits?"


GERMAN = "Was ist der Vorrat und wie geht es?"


@pytest.mark.parametrize(
    ("question", "titles", "said", "english"),
    [
        (GERMAN, ["How a cache is kept"], "What is the cache?", "What is the cache?"),
        (GERMAN, ["How a cache is kept"], '"What is the cache?"\nIt is', "What is the cache?"),
        (GERMAN, ["How a cache is kept"], "What is the", ""),  # its time ran out
        (GERMAN, ["How a cache is kept"], "Was ist der Cache und wie geht er?", ""),
        (GERMAN, ["How a cache is kept"], ModelError("It is broken."), ""),
        (GERMAN, ["Wie man einen Vorrat anlegt und hält"], None, ""),
        ("What is the cache?", ["How a cache is kept"], None, ""),
        (30 * GERMAN, ["How a cache is kept"], None, ""),
    ],
)
def test_a_question_in_another_language_than_the_readings_is_put_into_theirs(
    question: str, titles: list[str], said: str | ModelError | None, english: str
) -> None:
    llm = ScriptedLLM(*([said] if said is not None else []))
    assert Rewriter(llm).in_english(question, titles) == english
    assert len(llm.asked) == (said is not None)
