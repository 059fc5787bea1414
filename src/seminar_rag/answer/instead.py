"""What takes the place of what a model wrote, where that is not borne out by the passages.

First it is read again by a model that judges, then the passages are quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.dialogue import Conversations, Told, answered
from seminar_rag.answer.extractive import NOT_SIMPLER
from seminar_rag.answer.guided import Guided
from seminar_rag.answer.in_turn import Messages
from seminar_rag.answer.reread import reread
from seminar_rag.answer.streams import heard, retold
from seminar_rag.question.intent import PLAIN
from seminar_rag.question.query import Query

if TYPE_CHECKING:
    from seminar_rag.answer.attribution import Attribution
    from seminar_rag.answer.engine import Stop
    from seminar_rag.answer.extractive import Extractive
    from seminar_rag.check.support import Verifier

SURE = 0.66
"""How likely it has to be to quote the passages where what is written cites none of them. Of 72
answerable questions of two courses 8 are refused then, and 30 of 51 others on their subjects; at
.75 it was 11 and 35, at `prompt.LEAST` 7 and 28. Of five such questions of the seminar, for which
the model wrote mostly wrong answers, the quotations hold the answer to four."""


@dataclass(frozen=True, slots=True)
class Instead:
    """What can take the place of one answer."""

    query: Query
    told: Told
    then: Messages
    """What followed the question, before the answer."""
    quotations: Extractive
    evidence: Attribution
    judge: Verifier | None
    """A model that compares a sentence with a passage; None for none."""
    conversations: Conversations
    stop: Stop
    decided: bool
    """Whether it was judged that the passages answer the question."""
    in_turn: bool
    """Whether its parts were answered in turn."""
    foreign: bool
    """Whether it is written in another language than the passages."""
    judged: Sequence[float]
    """How likely the passages answer the question, as it was judged."""
    notes: list[str]
    """What the reader is told of the answer."""
    written: list[str] = field(default_factory=list)
    """What the model writes."""
    beside: Sequence[Candidate] = ()
    """What was quoted beside its sentences."""

    @property
    def again(self) -> Callable[[], Iterator[str]] | None:
        """Reads the answer again; None where nobody is asked."""
        asked = self.judge is not None and not (self.in_turn or self.foreign)
        return self._again if asked else None

    def _again(self) -> Iterator[str]:
        assert self.judge is not None
        self.notes.clear()
        said: list[str] = []
        written = "".join(self.written)
        return self._kept(heard(reread(written, self.evidence, self.judge, self.stop), said), said)

    def quoted(self, quotations: Extractive | None = None) -> Iterator[str]:
        """Quotations for the question as a whole, or part by part."""
        quotations = quotations or self.quotations
        draft = quotations.draft(self.query, self.told.hits, (), self.stop)
        yield from draft.chunks
        self.notes.extend(note for note in draft.notes if note != NOT_SIMPLER)

    def __call__(self, cited: bool) -> Iterator[str]:
        """What is shown instead; nothing where the question is not answered.

        Args:
            cited: what was written cites passages, and nothing of it is called supported.
        """
        self.notes.clear()
        likely = max(self.judged, default=0.0)
        if self.decided and self.query.intent == PLAIN and not cited and likely < SURE:
            return iter(())
        if self.in_turn:  # nothing was asked that all quotations together would answer
            return self.quoted()
        said: list[str] = []
        # What is written in one language is like no sentence of another.
        written = "" if self.foreign else "".join(self.written)
        chunks = self.quoted(Guided(self.quotations, written, self.beside))
        return self._kept(retold(chunks, said), said)

    def _kept(self, text: Generator[str], said: list[str]) -> Iterator[str]:
        told = (*self.told.messages, *self.then)
        return self.conversations.kept(
            self.query.text, text, lambda: answered(told, said), self.told.shown
        )
