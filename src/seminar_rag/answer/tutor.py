"""Meets a question with the place to read, and keeps the answer back until it is asked for.

The instructor sets it for a session or for the course. Only questions to the readings' text are met
so: the reading list, a summary and a refusal come as ever. What is found is found as for an answer,
and nothing of an answer is computed before its first part is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Literal, get_args

from seminar_rag.types import (
    Answer,
    AnswerEvent,
    Citation,
    CitationEvent,
    Document,
    Event,
    Hit,
    HitsEvent,
    TokenEvent,
    Turn,
)

Mode = Literal["first", "only"]
"""A hint first, and the answer on request; or hints only."""
MODES: tuple[Mode, ...] = get_args(Mode)
SHOW = "show the answer"
"""What a student writes to see it."""
NAME = "tutor"
"""Who writes hints, where an answer names who wrote it."""
_READ = "Read “{title}”{place} [1]. Then say in your own words: {question}"
_THEN = f"Write “{SHOW.capitalize()}” to see what the readings say."
_ONLY = "The answer is for you to find: your instructor has set it so for this part of the course."

Ask = Callable[[str, Sequence[Turn]], Iterator[Event]]


def tutored(
    ask: Ask, question: str, history: Sequence[Turn], mode_of: Callable[[Document], Mode | None]
) -> Iterator[Event]:
    """The events of an answer, or of a hint in its place.

    Args:
        ask: question and conversation → the events of an answer.
        mode_of: the document that answers best → how its questions are met; None for an answer.
    """
    before = kept_back(question, history)
    asked, earlier = before or (question, history)
    events = ask(asked, earlier)
    for event in events:
        if isinstance(event, HitsEvent) and event.hits:
            mode = mode_of(event.hits[0].document)
            if mode == "only" or (mode == "first" and before is None):
                if isinstance(events, Generator):
                    events.close()
                yield from _hint(event, asked, mode)
                return
        yield event


def kept_back(question: str, history: Sequence[Turn]) -> tuple[str, Sequence[Turn]] | None:
    """The question whose answer is asked for, with what was said before it; None for another."""
    if not _shows(question):
        return None
    for at in range(len(history) - 1, -1, -1):
        turn = history[at]
        if turn.role == "user" and not _shows(turn.text):
            return turn.text, history[:at]
    return None


def _shows(text: str) -> bool:
    """Whether a student asks to see the answer."""
    return text.strip(" .!“”\"'").casefold() == SHOW


def _hint(event: HitsEvent, question: str, mode: Mode) -> Iterator[Event]:
    """Where to read, and the question given back. The passage's first words stand for it."""
    first: Hit = event.hits[0]
    document, passage = first.document, first.passage
    opening = next((one for one in passage.sentences if one.kind != "heading"), None)
    quote = passage.quote(opening) if opening else passage.text[:80]
    citation = Citation(1, document, passage, quote, passage.page)
    parts = (document.place([passage.page]), f"“{passage.own_heading}”")
    place = "".join(f", {one}" for one in parts if one.strip("“”"))
    text = _READ.format(title=document.title, place=place, question=" ".join(question.split()))
    text = f"{text}\n\n{_THEN if mode == 'first' else _ONLY}"
    yield HitsEvent(event.query, (first,), event.restricted)
    yield CitationEvent(citation)
    yield TokenEvent(text)
    yield AnswerEvent(Answer(question, text, NAME, citations=(citation,), kind="course"))
