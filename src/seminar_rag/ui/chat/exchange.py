"""A question and its answer as the page holds them. Pure; knows no HTML and no Gradio."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from seminar_rag.types import (
    Answer,
    AnswerEvent,
    Citation,
    CitationEvent,
    Document,
    Event,
    HitsEvent,
    Listed,
    Scope,
    SentenceVerdict,
    TokenEvent,
    VerdictEvent,
)
from seminar_rag.types.journal import REASONS

State = Literal["waiting", "writing", "done", "stopped", "failed"]
STATES: tuple[State, ...] = get_args(State)
WHOLE = Scope()
"""The whole course."""
HELPFUL = "helpful"
FEEDBACK = (HELPFUL, *REASONS)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what is known of its answer so far."""

    number: int
    """Position in the conversation, from 1; makes the ids of its marks unique on the page."""
    question: str
    state: State = "waiting"
    text: str = ""
    citations: tuple[Citation, ...] = ()
    nearest: tuple[Document, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    note: str = ""
    """What is going on while waiting, or the reason of a failure."""
    markdown: bool = False
    """The text was written by a language model and may hold Markdown."""
    abstained: bool = False
    verdicts: tuple[SentenceVerdict, ...] = ()
    scope: Scope = WHOLE
    """What part of the course was asked."""
    asked: str = ""
    """The scope in words; empty for the whole course."""
    gone: frozenset[str] = frozenset()
    """Ids of cited passages that the course holds no longer; of a conversation come back."""
    feedback: str = ""
    """What the reader thought of the answer: one of `FEEDBACK`, or nothing yet."""
    reason: str = ""
    """Why the readings don't say."""
    restricted: str = ""
    """What the question itself restricted the search to, in words."""
    listed: tuple[Listed, ...] = ()
    """Of an answer about the course: what its items link to."""

    def advanced(self, event: Event) -> Exchange:
        """The exchange after one more event of the answer."""
        match event:
            case HitsEvent(hits=hits, restricted=restricted):
                readings = {hit.document.reading for hit in hits}
                note = _reading_note(len(hits), len(readings))
                return replace(self, note=note, restricted=restricted)
            case TokenEvent(text=text):
                return replace(self, state="writing", text=self.text + text)
            case CitationEvent(citation=citation):
                return replace(self, citations=(*self.citations, citation))
            case VerdictEvent(verdict=verdict):
                return replace(self, verdicts=(*self.verdicts, verdict))
            case AnswerEvent(answer=answer):
                return replace(
                    self,
                    state="done",
                    text=answer.text,
                    citations=() if answer.abstained else answer.citations,
                    nearest=answer.nearest if answer.abstained else (),
                    warnings=answer.warnings,
                    verdicts=answer.verdicts,
                    seconds=answer.seconds,
                    abstained=answer.abstained,
                    reason=answer.reason,
                    restricted=answer.restricted,
                    listed=answer.listed,
                    note="",
                )

    def answer(self, answerer: str) -> Answer:
        """The finished exchange as an answer."""
        return Answer(
            self.question,
            self.text,
            answerer,
            self.abstained,
            self.citations,
            self.nearest,
            self.seconds or 0.0,
            self.warnings,
            self.verdicts,
            self.reason,
            "course" if self.listed else "readings",
            self.listed,
            self.restricted,
        )

    @property
    def running(self) -> bool:
        """More of the answer is to come."""
        return self.state in ("waiting", "writing")


def _reading_note(passages: int, readings: int) -> str:
    if not passages:
        return "Nothing close found in the readings"
    return f"Reading {counted(passages, 'passage')} of {counted(readings, 'reading')}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 reading", "2,000 passages"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Where `quote` stands in `text`, whatever white space separates its words."""
    words = quote.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None
