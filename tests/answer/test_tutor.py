"""Hints in place of answers, and the answer when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from seminar_rag.answer.tutor import kept_back, tutored
from seminar_rag.types import Answer, AnswerEvent, Event, Hit, HitsEvent, TokenEvent, Turn
from ui.fake_course import RAG, RAG_PASSAGE

WHY = "Why does it help?"


class Asking:
    """Answers every question from one passage, and notes what was computed."""

    def __init__(self, hits: bool = True) -> None:
        self.hits = hits
        self.asked: list[tuple[str, int]] = []
        self.written = 0

    def __call__(self, question: str, history: Sequence[Turn]) -> Iterator[Event]:
        self.asked.append((question, len(history)))
        yield HitsEvent(question, (Hit(RAG_PASSAGE, RAG, 1.0),) if self.hits else ())
        self.written += 1
        yield TokenEvent("Because.")
        yield AnswerEvent(Answer(question, "Because.", "fake"))


def said(events: Iterator[Event]) -> str:
    return [one.answer.text for one in events if isinstance(one, AnswerEvent)][-1]


def test_a_question_is_met_with_the_place_to_read_and_nothing_is_written():
    ask = Asking()
    text = said(tutored(ask, WHY, (), lambda _: "first"))
    assert f"Read “{RAG.title}”, p. 3, “2.1 The three steps” [1]." in text
    assert f"in your own words: {WHY}" in text
    assert "Show the answer" in text
    assert ask.written == 0


def test_the_answer_comes_when_it_is_asked_for():
    ask = Asking()
    history = (Turn("user", "Hello"), Turn("user", WHY), Turn("assistant", "Read …"))
    assert said(tutored(ask, "Show the answer.", history, lambda _: "first")) == "Because."
    assert ask.asked == [(WHY, 1)]


def test_where_hints_alone_are_given_the_answer_never_comes():
    ask = Asking()
    history = (Turn("user", WHY), Turn("assistant", "Read …"))
    text = said(tutored(ask, "show the answer", history, lambda _: "only"))
    assert "for you to find" in text
    assert ask.written == 0


@pytest.mark.parametrize("hits", [True, False])
def test_elsewhere_and_where_nothing_is_found_answers_come_as_ever(hits):
    mode = None if hits else "only"
    assert said(tutored(Asking(hits), WHY, (), lambda _: mode)) == "Because."


def test_there_is_nothing_to_show_before_a_question():
    assert kept_back("Show the answer", ()) is None
    assert kept_back("Show me LoRA", (Turn("user", WHY),)) is None
