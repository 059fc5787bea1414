"""One question, from start to finish: search → decide → write → cite → check. Yields events.

The one place where an answer comes about; the terminal, the chat and the evaluation all read the
same stream. Knows no interface and no configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seminar_rag.answer.citations import Mark, MarkFilter, support_sentence
from seminar_rag.answer.followup import standalone
from seminar_rag.answer.prompt import build_messages, is_refusal
from seminar_rag.answer.review import Review
from seminar_rag.types import (
    Answer,
    AnswerEvent,
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
    from seminar_rag.answer.llm import LLM
    from seminar_rag.check.support import Verifier

NOTHING = "The readings don't say."
"""What an answer without sources says."""

_UNCITED = "What the model wrote cited none of the passages, so it is not shown as an answer."

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer being written. A mark [n] in its chunks means `offered[n - 1]`."""

    offered: tuple[Hit, ...]
    chunks: Iterator[str]


class Answerer(Protocol):
    """Writes an answer from passages."""

    name: str
    notice: str
    """One sentence for the reader: what kind of text this writes."""

    def draft(
        self, question: str, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        """Begin an answer; nothing may be computed before its chunks are asked for.

        An empty stream means that the passages do not answer the question.
        """
        ...


class Search(Protocol):
    """What the engine needs of retrieval."""

    def search(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """The k best passages."""
        ...


class Judge(Protocol):
    """Decides whether the passages found can answer the question at all."""

    def answerable(self, query: str, hits: Sequence[Hit]) -> bool:
        """False makes the engine abstain."""
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
        self, question: str, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        prompt = build_messages(
            question,
            hits,
            history,
            count=self._llm.count,
            context=self._llm.context,
            max_tokens=self._max_tokens,
        )
        chunks = self._llm.stream(
            prompt.messages, passages=len(prompt.offered), max_tokens=self._max_tokens, stop=stop
        )
        return Draft(prompt.offered, chunks)


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
    ) -> None:
        """Args:
        passages: how many passages the answerer is offered.
        verifier: checks each sentence against the passages it cites; None leaves them unchecked.
        """
        self._search = search
        self._judge = judge
        self._answerer = answerer
        self._passages = passages
        self._clock = clock
        self._verifier = verifier

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
        query = standalone(question, history)
        hits = self._search.search(query, max(20, self._passages), scope)
        if not self._judge.answerable(query, hits):
            yield HitsEvent(query, ())
            yield from self._abstain(question, hits, started)
            return
        draft = self._answerer.draft(query, hits[: self._passages], history, stop)
        yield HitsEvent(query, draft.offered)
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
            yield from self._abstain(question, hits, started, _UNCITED if unsupported else "")
            return
        yield AnswerEvent(
            Answer(
                question=question,
                text=marks.text.strip(),
                answerer=self._answerer.name,
                citations=tuple(sorted(citations, key=lambda one: one.number)),
                seconds=self._clock() - started,
                warnings=marks.warnings(),
                verdicts=review.verdicts,
            )
        )

    def _abstain(
        self, question: str, hits: Sequence[Hit], started: float, warning: str = ""
    ) -> Iterator[AnswerEvent]:
        yield AnswerEvent(
            Answer(
                question=question,
                text=NOTHING,
                answerer=self._answerer.name,
                abstained=True,
                nearest=nearest(hits),
                seconds=self._clock() - started,
                warnings=(warning,) if warning else (),
            )
        )


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
