"""One question, from start to finish: search → decide → write → cite → check. Yields events.

The one place where an answer comes about; the terminal, the chat and the evaluation all read the
same stream. Knows no interface and no configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from seminar_rag.answer.citations import Mark, MarkFilter, support_sentence
from seminar_rag.answer.guide import Narrowed, Search, Told
from seminar_rag.answer.prompt import build_messages, is_refusal
from seminar_rag.answer.review import Review
from seminar_rag.question.query import Query, Understand, understand
from seminar_rag.types import (
    Answer,
    AnswerEvent,
    AnswerKind,
    Citation,
    CitationEvent,
    Document,
    Event,
    Hit,
    HitsEvent,
    Scope,
    TokenEvent,
    Turn,
    VerdictEvent,
)

if TYPE_CHECKING:
    from seminar_rag.check.support import Verifier
    from seminar_rag.models.llm import LLM

NOTHING = "The readings don't say."
"""What an answer without sources says."""

_SILENT = "none of the passages found holds an answer"
_WIDENED = "Nothing in {} answers this, so the whole course was searched."
_UNDERSTOOD = "Understood as: “{}”"
_UNCITED = "What the model wrote cited none of the passages, so it is not shown as an answer."

PATIENCE = 15.0
"""Seconds that reading a prompt may take where the model's speed is known."""
LEAST_PROMPT = 1200
"""Tokens of a prompt on the slowest machine: the instructions and three or four passages."""

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer being written. A mark [n] in its chunks means `offered[n - 1]`."""

    offered: tuple[Hit, ...]
    chunks: Iterator[str]
    notes: tuple[str, ...] = ()
    """What the reader should know of how it is made."""


class Answerer(Protocol):
    """Writes an answer from passages."""

    name: str
    notice: str
    """One sentence for the reader: what kind of text this writes."""

    def draft(
        self, query: Query, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        """Begin an answer; nothing may be computed before its chunks are asked for.

        An empty stream means that the passages do not answer the question.
        """
        ...


class Judge(Protocol):
    """Decides whether the passages found can answer the question at all."""

    def reason(self, query: Query, hits: Sequence[Hit]) -> str | None:
        """Why to abstain, as a sentence without its full stop; None where there is no reason."""
        ...


class Leads(Protocol):
    """Answers what needs no reading, and knows the parts of the course that questions name."""

    def tell(self, query: Query) -> Told | None:
        """The answer to a question about the course itself; None for any other."""
        ...

    def narrow(self, query: Query, scope: Scope) -> Narrowed | None:
        """The part of the course that a question names; None where it names none."""
        ...


class LLMAnswerer:
    """Has a language model write from the passages, its marks limited to them."""

    def __init__(self, llm: LLM, max_tokens: int) -> None:
        self._llm = llm
        self._max_tokens = max_tokens
        self.name = llm.name
        self.notice = (
            f"Answers are written by {llm.name} from the passages shown;"
            " check a sentence against its source before you rely on it."
        )

    def draft(
        self, query: Query, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        prompt = build_messages(
            query.search_text,
            hits,
            history,
            count=self._llm.count,
            context=self._window(),
            max_tokens=self._max_tokens,
        )
        chunks = self._llm.stream(
            prompt.messages, passages=len(prompt.offered), max_tokens=self._max_tokens, stop=stop
        )
        notes = (
            *_passed_over(len(hits) - len(prompt.offered), len(hits), self._hurried),
            *_left_out(prompt.dropped_history),
        )
        return Draft(prompt.offered, chunks, notes)

    @property
    def _hurried(self) -> bool:
        """Whether the machine's speed limits the prompt, not the model."""
        return self._window() < self._llm.context

    def _window(self) -> int:
        """The context that is used: no longer a prompt than the machine reads in `PATIENCE`."""
        if self._llm.speed is None:
            return self._llm.context
        prompt = max(LEAST_PROMPT, int(self._llm.speed * PATIENCE))
        return min(self._llm.context, prompt + self._max_tokens)


class Engine:
    """Answers questions over one course."""

    def __init__(
        self,
        search: Search,
        judge: Judge,
        answerer: Answerer,
        passages: int = 8,
        clock: Callable[[], float] = time.monotonic,
        verifier: Verifier | None = None,
        guide: Leads | None = None,
        understand: Understand = understand,
    ) -> None:
        """Args:
        passages: how many passages the answerer is offered.
        verifier: checks each sentence against the passages it cites; None leaves them unchecked.
        guide: for questions about the course; None searches for them as for all others.
        understand: makes the query of what was typed and the conversation.
        """
        self._search = search
        self._judge = judge
        self._answerer = answerer
        self._passages = passages
        self._clock = clock
        self._verifier = verifier
        self._guide = guide
        self._understand = understand

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope | None = None,
        stop: Stop = lambda: False,
    ) -> Iterator[Event]:
        """Answer a question. The last event is an AnswerEvent, also when stopped in between.

        Raises:
            StoreError: the index cannot be read.
            ModelError: the language model cannot be used.
        """
        started = self._clock()
        query = self._understand(question, history, stop)
        told = self._guide.tell(query) if self._guide else None
        if told and told.unknown:
            answer = self._answer(question, started, text=NOTHING, kind=told.kind)
            yield AnswerEvent(replace(answer, abstained=True, reason=told.unknown))
            return
        if told:
            yield from map(CitationEvent, told.citations)
            yield TokenEvent(told.text)
            answer = self._answer(question, started, text=told.text, kind=told.kind)
            yield AnswerEvent(replace(answer, listed=told.listed, citations=told.citations))
            return
        found = self._find(query, scope or Scope())
        if not query.stand_alone.endswith(question.strip()):
            found = replace(found, notes=(_UNDERSTOOD.format(query.stand_alone), *found.notes))
        if found.reason:
            yield HitsEvent(query.stand_alone, ())
            yield self._abstain(question, started, found, found.reason)
            return
        draft = self._answerer.draft(query, found.hits[: self._passages], history, stop)
        yield HitsEvent(query.stand_alone, draft.offered, found.restricted)
        marks = MarkFilter(len(draft.offered))
        citations: list[Citation] = []
        review = Review(self._verifier, draft.offered, marks)
        for event in _told(draft, marks, stop):
            if isinstance(event, Mark):
                citation = _cite(event, draft.offered)
                if not _known(citation, citations):
                    citations.append(citation)
                    yield CitationEvent(citation)
                yield TokenEvent(event.text)
            else:
                yield TokenEvent(event)
            yield from map(VerdictEvent, review.advance())
        _release(draft.chunks)
        yield from map(VerdictEvent, review.finish())
        if not citations or is_refusal(marks.text):
            # Text without a single valid mark is the writer's own; it may be invented.
            unsupported = marks.text.strip() and not is_refusal(marks.text)
            warning = _UNCITED if unsupported else ""
            yield self._abstain(question, started, found, _SILENT, warning)
            return
        yield AnswerEvent(
            replace(
                self._answer(question, started, text=marks.text.strip()),
                citations=tuple(sorted(citations, key=lambda one: one.number)),
                restricted=found.restricted,
                warnings=(*found.notes, *draft.notes, *marks.warnings()),
                verdicts=review.verdicts,
            )
        )

    def _find(self, query: Query, scope: Scope) -> _Found:
        """Passages for a question: of the part that it names, else of all the scope."""
        narrowed = self._guide.narrow(query, scope) if self._guide else None
        if narrowed:
            hits = self._search.search(query, max(20, self._passages), narrowed.scope)
            if self._judge.reason(query, hits) is None:
                return _Found(hits, None, narrowed.words)
        hits = self._search.search(query, max(20, self._passages), scope)
        notes = (_WIDENED.format(narrowed.words),) if narrowed else ()
        return _Found(hits, self._judge.reason(query, hits), "", notes)

    def _abstain(
        self, question: str, started: float, found: _Found, reason: str, warning: str = ""
    ) -> AnswerEvent:
        answer = self._answer(question, started, text=NOTHING)
        warnings = (*found.notes, warning) if warning else found.notes
        return AnswerEvent(
            replace(
                answer,
                abstained=True,
                nearest=nearest(found.hits),
                reason=reason,
                restricted=found.restricted,
                warnings=warnings,
            )
        )

    def _answer(
        self, question: str, started: float, *, text: str, kind: AnswerKind = "readings"
    ) -> Answer:
        seconds = self._clock() - started
        return Answer(question, text, self._answerer.name, kind=kind, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the search found."""

    hits: tuple[Hit, ...]
    reason: str | None
    """Why there is no answer in it."""
    restricted: str
    notes: tuple[str, ...] = ()


def _passed_over(left: int, found: int, hurried: bool) -> tuple[str, ...]:
    if not left:
        return ()
    what = f"what this machine reads in {PATIENCE:.0f} seconds" if hurried else "the model's window"
    return (f"{left} of the {found} passages found did not fit {what} and were left out.",)


def _left_out(messages: int) -> tuple[str, ...]:
    if not messages:
        return ()
    what = "message was" if messages == 1 else f"{messages} messages were"
    return (f"The conversation's first {what} left out of what the model was given.",)


def nearest(hits: Sequence[Hit], limit: int = 3) -> tuple[Document, ...]:
    """The readings that come nearest, each once."""
    by_reading: dict[str, Document] = {}
    for hit in hits:
        by_reading.setdefault(hit.document.reading, hit.document)
    return tuple(by_reading.values())[:limit]


def _release(chunks: Iterator[str]) -> None:
    """End what is still being written, since who writes may be asked for verdicts next."""
    if isinstance(chunks, Generator):
        chunks.close()


def _told(draft: Draft, marks: MarkFilter, stop: Stop) -> Iterator[str | Mark]:
    for chunk in draft.chunks:
        yield from marks.feed(chunk)
        if stop():
            break
    yield from marks.finish()


def _cite(mark: Mark, offered: Sequence[Hit]) -> Citation:
    hit = offered[mark.offered - 1]
    sentence = support_sentence(mark.sentence, hit.passage)
    return Citation(
        number=mark.number,
        document=hit.document,
        passage=hit.passage,
        quote=hit.passage.quote(sentence),
        page=sentence.page if sentence.page is not None else hit.passage.page,
    )


def _known(citation: Citation, citations: Sequence[Citation]) -> bool:
    return any(
        citation.number == other.number and citation.quote == other.quote for other in citations
    )
