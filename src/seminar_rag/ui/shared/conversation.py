"""A conversation as the web application holds it: questions, answers, verdicts. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seminar_rag.text import plural
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
    Turn,
    VerdictEvent,
)
from seminar_rag.ui.shared.wording import refusal

State = Literal["waiting", "writing", "done", "stopped", "failed"]
WHOLE_COURSE = Scope()
HELPFUL = "helpful"
"""The feedback of a reader whom the answer helped; other feedback gives the reason why not."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what is known of its answer so far."""

    number: int
    """Position in the conversation, from 1; makes the ids of its marks unique on the page."""
    question: str
    state: State = "waiting"
    text: str = ""
    citations: tuple[Citation, ...] = ()
    found: tuple[Citation, ...] = ()
    """What can be read until the answer has citations of its own, or where it turns out to have
    none."""
    nearest: tuple[Document, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    note: str = ""
    """What is going on while waiting, or the reason of a failure."""
    markdown: bool = False
    """The text was written by a language model and may hold Markdown."""
    abstained: bool = False
    verdicts: tuple[SentenceVerdict, ...] = ()
    scope: Scope = WHOLE_COURSE
    """What part of the course was asked."""
    asked: str = ""
    """The scope in words; empty for the whole course."""
    gone: frozenset[str] = frozenset()
    """Ids of cited passages that the course holds no longer; of a reopened conversation."""
    feedback: str = ""
    """What the reader thought of the answer: `HELPFUL`, the reason why not, or nothing yet."""
    reason: str = ""
    """Why the readings don't say."""
    restricted: str = ""
    """What the question itself restricted the search to, in words."""
    listed: tuple[Listed, ...] = ()
    """Of an answer about the course: what its items link to."""
    hint: bool = False
    """The text says where to read, and quotes nothing."""

    signed: str = ""
    """The server's signature of the finished answer; see `chat.signed`."""

    def advanced(self, event: Event) -> Exchange:
        """The exchange after one more event of the answer."""
        match event:
            case HitsEvent(hits=hits, restricted=restricted, quotations=found):
                readings = {hit.document.reading for hit in hits}
                note = _reading_note(len(hits), len(readings))
                return replace(self, note=note, restricted=restricted, found=found)
            case TokenEvent(text=text):
                return replace(self, state="writing", text=self.text + text)
            case CitationEvent(citation=citation):
                return replace(self, citations=(*self.citations, citation))
            case VerdictEvent(verdict=verdict):
                return replace(self, verdicts=(*self.verdicts, verdict))
            case AnswerEvent(answer=answer):
                plain = answer.text == refusal(WHOLE_COURSE, "")
                scoped = answer.abstained and plain and answer.kind == "readings" and self.asked
                return replace(
                    self,
                    state="done",
                    text=refusal(self.scope, self.asked) if scoped else answer.text,
                    citations=() if answer.abstained else answer.citations,
                    found=self.found if answer.abstained else (),
                    nearest=answer.nearest if answer.abstained else (),
                    warnings=answer.warnings,
                    verdicts=answer.verdicts,
                    seconds=answer.seconds,
                    abstained=answer.abstained,
                    reason=answer.reason,
                    restricted=answer.restricted,
                    listed=answer.listed,
                    hint=answer.kind == "course" and bool(answer.citations),
                    note="",
                )

    def answer(self, answerer: str) -> Answer:
        """The finished exchange as an answer."""
        return Answer(
            question=self.question,
            text=self.text,
            answerer=answerer,
            abstained=self.abstained,
            citations=self.citations,
            nearest=self.nearest,
            seconds=self.seconds or 0.0,
            warnings=self.warnings,
            verdicts=self.verdicts,
            reason=self.reason,
            kind="course" if self.listed else "readings",
            listed=self.listed,
            restricted=self.restricted,
        )

    @property
    def quotes(self) -> bool:
        """The text consists of quotations, which support themselves."""
        return not (self.markdown or self.hint)

    @property
    def running(self) -> bool:
        """More of the answer is to come."""
        return self.state in ("waiting", "writing")


def _reading_note(passages: int, readings: int) -> str:
    if not passages:
        return "Nothing close found in the readings"
    return f"Reading {plural(passages, 'passage')} of {plural(readings, 'reading')}"


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that was sent and has no answer yet."""

    question: str
    scope: Scope
    asked: str = ""
    """The scope in words."""
    share: bool = False
    """The student lets the instructor read it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was asked in one conversation, oldest first."""

    exchanges: tuple[Exchange, ...] = ()
    pending: Pending | None = None
    id: str = ""
    """Given with the first question."""

    @property
    def next(self) -> int:
        """The number of the next exchange."""
        return self.exchanges[-1].number + 1 if self.exchanges else 1

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The finished exchanges, as history for a follow-up question."""
        return tuple(
            turn
            for each in self.exchanges
            if each.state == "done"
            for turn in (Turn("user", each.question), Turn("assistant", each.text))
        )

    @property
    def scope(self) -> Scope:
        """What was asked last."""
        if self.pending is not None:
            return self.pending.scope
        return self.exchanges[-1].scope if self.exchanges else WHOLE_COURSE

    def ended(self, exchange: Exchange) -> Conversation:
        """The conversation once its pending question was answered, stopped or failed."""
        return Conversation((*self.exchanges, exchange), id=self.id)

    def continued(self, typed: str, *, again: bool, editing: bool) -> tuple[str, Conversation]:
        """Return the next question and the conversation that it continues.

        The last exchange is left out where the question replaces it: when it is asked again or
        edited, or when it failed and the same is asked once more.
        """
        if not self.exchanges:
            return typed, self
        last = self.exchanges[-1]
        question = last.question if again else typed
        failed = last.state == "failed" and last.question == question.strip()
        if again or editing or failed:
            return question, Conversation(self.exchanges[:-1], id=self.id)
        return question, self
