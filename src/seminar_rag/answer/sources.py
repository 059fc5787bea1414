"""Says where the answer before is from, for who asks "who says that?"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from seminar_rag.text import numbered
from seminar_rag.types import Answer, AnswerEvent, Citation, Event, TokenEvent, VerdictEvent

_LISTED = "The course page says so."


def sources_of(events: Iterable[Event]) -> Iterator[Event]:
    """The events of an answer with the works that it cites in place of its text.

    An answer without sources stays as it is: it says itself why it has none.
    """
    for event in events:
        if isinstance(event, AnswerEvent) and not event.answer.abstained:
            text = _text(event.answer)
            yield TokenEvent(text)
            yield AnswerEvent(replace(event.answer, text=text, verdicts=(), warnings=()))
        elif not isinstance(event, TokenEvent | VerdictEvent):
            yield event


def _text(answer: Answer) -> str:
    if answer.citations:
        works = {one.document.id: one.document for one in answer.citations}
        cited = [[c for c in answer.citations if c.document.id == id_] for id_ in works]
        lines = [_work(citations) for citations in cited]
        return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)
    return _LISTED if answer.kind == "course" else answer.text


def _work(citations: Sequence[Citation]) -> str:
    """A work with its authors, sessions, places and marks: "“On Rye” by A. Brown (session 3) [1]".

    Args:
        citations: those of the work.
    """
    document = citations[0].document
    authors = f" by {document.authors.rstrip('.')}" if document.authors else ""
    facts = (numbered("session", document.sessions), document.place(c.page for c in citations))
    where = ", ".join(filter(None, facts))
    marks = " ".join(f"[{number}]" for number in sorted({one.number for one in citations}))
    return f"“{document.title}”{authors}{f' ({where})' if where else ''} {marks}"
