"""Answers one question: search → decide → write → cite → check, as one stream of events.

This is the only place where an answer comes about. The terminal, the chat and the evaluation read
the same stream. The engine knows neither an interface nor the configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from seminar_rag.answer.citations import Mark, MarkFilter, is_refusal, supporting_sentence
from seminar_rag.answer.known import called_by
from seminar_rag.answer.offering import offered
from seminar_rag.answer.review import Review
from seminar_rag.answer.sources import sources_of
from seminar_rag.question.query import Query, Understand, understand
from seminar_rag.text import words
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
    from seminar_rag.answer.catalogue import AboutCourse
    from seminar_rag.answer.catalogue_rows import CatalogueAnswer
    from seminar_rag.answer.summaries import Search
    from seminar_rag.check.support import Verifier

NOTHING = "The readings don't say."
"""The text of every answer that has no sources."""
NOTHING_FURTHER = "The readings say nothing on that beyond the sentences above."
"""The text of the answer to a follow-up where only what was read already answers it."""
SEARCHED = 20
"""Passages that are searched for; the decision whether to answer looks at all of them."""

_NO_ANSWER_FOUND = "none of the passages found holds an answer"
_WIDENED = "Nothing in {} answers this, so the whole course was searched."
_UNDERSTOOD = "Understood as: “{}”"
_AFTER = "Understood as going on from: “{}”"
_NOT_BORNE_OUT = "The passages do not bear out what the model wrote, so it is not shown."
_INSTEAD = "What the model wrote is no answer that the passages bear out: they are quoted instead."

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer being written. A mark [n] in its chunks means `offered[n - 1]`."""

    offered: tuple[Hit, ...]
    chunks: Iterator[str]
    notes: Sequence[str] = ()
    """What the reader should know about how the answer was made; complete with its last chunk."""
    quotations: tuple[Citation, ...] = ()
    """What of the passages can be read until the answer comes; see `HitsEvent`."""
    again: Callable[[], Iterator[str]] | None = None
    """What of the text a model that judges finds in the passages, with its marks, for where what
    was written cites none of them. Asked once everything is written."""
    instead: Callable[[bool], Iterator[str]] | None = None
    """Begins another answer from the same passages, for where what was written cites none of them,
    or where it does (True) and nothing of it is called supported."""
    answered: Sequence[float] = ()
    """How likely the passages answer the question, once that was judged."""
    astray: Callable[[str], bool | None] | None = None
    """Whether a sentence answers another question than the one asked, such as with an advantage
    where the drawbacks are asked for; None where that could not be told. Asked once everything is
    written."""


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


class AbstentionPolicy(Protocol):
    """Decides whether the passages found can answer the question at all."""

    def reason(self, query: Query, hits: Sequence[Hit]) -> str | None:
        """Why to abstain, as a sentence without its full stop; None where there is no reason."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What the search found for one question."""

    hits: tuple[Hit, ...]
    reason: str | None
    """Why the passages hold no answer; None where they may hold one."""
    restricted: str = ""
    """The part of the course that the search was limited to, in words."""
    notes: tuple[str, ...] = ()


class Engine:
    """Answers questions over one course."""

    def __init__(
        self,
        search: Search,
        abstention: AbstentionPolicy,
        answerer: Answerer,
        passages: int = 8,
        clock: Callable[[], float] = time.monotonic,
        verifier: Verifier | None = None,
        about: AboutCourse | None = None,
        understand: Understand = understand,
    ) -> None:
        """Put an engine together.

        Args:
            passages: how many passages the answerer is offered.
            verifier: checks each sentence against the passages it cites; None leaves answers
                unchecked.
            about: answers questions about the course itself; None searches for them like any other.
            understand: turns what was typed and the conversation into a query.
        """
        self._search = search
        self._abstention = abstention
        self._answerer = answerer
        self._passages = passages
        self._clock = clock
        self._verifier = verifier
        self._about = about
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
        events = self._answered(query, history, scope or Scope(), stop, started)
        yield from sources_of(events) if query.wants_sources else events

    def _answered(
        self, query: Query, history: Sequence[Turn], scope: Scope, stop: Stop, started: float
    ) -> Iterator[Event]:
        """Answer what was understood."""
        known = self._about.answer(query, scope) if self._about else None
        if known:
            yield from self._from_catalogue(query, known, started)
            return
        found = self._find(query, scope)
        if found.reason:
            yield HitsEvent(query.stand_alone, ())
            yield self._abstain(query, found, found.reason, started)
            return
        asked = query
        if query.repeats:  # as it was asked then
            asked, history = replace(query, text=query.repeats), history[: -query.turns_back]
        hits = offered(asked, found.hits, self._passages)
        draft = self._answerer.draft(asked, hits, history, stop)
        yield HitsEvent(query.stand_alone, draft.offered, found.restricted, draft.quotations)
        marks = MarkFilter(len(draft.offered))
        review = self._review(query, draft, marks)
        citations = yield from _write(draft, marks, review, stop)
        # Text without a single valid mark is the model's own and may be invented.
        refused = is_refusal(marks.text, parts=bool(query.parts))
        written = bool(marks.text.strip())
        in_doubt = review.in_doubt if draft.answered else review.unfounded
        if not (refused or citations) and (read := self._read_again(query, draft, marks, stop)):
            marks, review, citations = read
            in_doubt = False
        instead = None if stop() else draft.instead
        useless = refused or not citations or (instead is not None and in_doubt)
        if useless and written and instead is not None:
            draft = replace(draft, chunks=instead(bool(citations) and not refused))
            marks = MarkFilter(len(draft.offered))
            review = Review(None, draft.offered, marks)  # quotations support themselves
            citations = _returned(_write(draft, marks, review, stop))
            useless = not citations
            if citations:
                found = replace(found, notes=(*found.notes, _INSTEAD))
        if useless:
            if written and not refused:
                found = replace(found, notes=(*found.notes, _NOT_BORNE_OUT))
            answered = self._abstain(query, found, _NO_ANSWER_FOUND, started)
            if query.shown and not written:
                said = replace(answered.answer, text=NOTHING_FURTHER, reason="")
                answered = AnswerEvent(said)
            yield answered
            return
        answer = replace(
            self._answer(query, marks.text.strip(), started),
            citations=tuple(sorted(citations, key=lambda one: one.number)),
            restricted=found.restricted,
            warnings=(*found.notes, *draft.notes, *marks.warnings()),
            verdicts=review.verdicts,
        )
        yield AnswerEvent(answer)

    def _review(self, query: Query, draft: Draft, marks: MarkFilter) -> Review:
        return Review(
            self._verifier,
            draft.offered,
            marks,
            draft.answered,
            draft.astray,
            called=called_by(query.works, draft.offered),
            written=draft.instead is not None,
        )

    def _read_again(
        self, query: Query, draft: Draft, marks: MarkFilter, stop: Stop
    ) -> tuple[MarkFilter, Review, list[Citation]] | None:
        """What was written, as far as it is found in the passages at last; None for nothing."""
        if not marks.text.strip() or draft.again is None or stop():
            return None
        draft = replace(draft, chunks=draft.again())
        again = MarkFilter(len(draft.offered))
        review = self._review(query, draft, again)
        citations = _returned(_write(draft, again, review, stop))
        return (again, review, citations) if citations else None

    def _from_catalogue(
        self, query: Query, known: CatalogueAnswer, started: float
    ) -> Iterator[Event]:
        """Pass on an answer that needs no search: from the course's catalogue, or small talk."""
        if known.unknown:
            answer = self._answer(query, NOTHING, started, known.kind)
            yield AnswerEvent(replace(answer, abstained=True, reason=known.unknown))
            return
        yield from map(CitationEvent, known.citations)
        yield TokenEvent(known.text)
        answer = self._answer(query, known.text, started, known.kind)
        yield AnswerEvent(replace(answer, listed=known.listed, citations=known.citations))

    def _find(self, query: Query, scope: Scope) -> _Found:
        """Search the part of the course that the question names, else the whole scope."""
        notes = []
        typed = query.text.strip()
        if not set(words(query.stand_alone)) <= set(words(typed.replace("'", " "))) and (
            not query.stand_alone.endswith(typed)
        ):
            notes.append(_UNDERSTOOD.format(query.stand_alone))
        elif earlier := query.stand_alone[: -len(typed) or None].strip():
            notes.append(_AFTER.format(earlier))
        wanted = max(SEARCHED, self._passages)
        narrowed = self._about.narrow(query, scope) if self._about else None
        if narrowed:
            hits = self._search.search(query, wanted, narrowed.scope)
            if self._abstention.reason(query, hits) is None:
                return _Found(hits, None, narrowed.words, tuple(notes))
            notes.append(_WIDENED.format(narrowed.words))
        hits = self._search.search(query, wanted, scope)
        return _Found(hits, self._abstention.reason(query, hits), notes=tuple(notes))

    def _abstain(self, query: Query, found: _Found, reason: str, started: float) -> AnswerEvent:
        answer = replace(
            self._answer(query, NOTHING, started),
            abstained=True,
            nearest=nearest_readings(found.hits),
            reason=reason,
            restricted=found.restricted,
            warnings=found.notes,
        )
        return AnswerEvent(answer)

    def _answer(
        self, query: Query, text: str, started: float, kind: AnswerKind = "readings"
    ) -> Answer:
        seconds = self._clock() - started
        return Answer(query.text, text, self._answerer.name, kind=kind, seconds=seconds)


def nearest_readings(hits: Sequence[Hit], limit: int = 3) -> tuple[Document, ...]:
    """The readings that come nearest to the question, each once."""
    by_reading: dict[str, Document] = {}
    for hit in hits:
        by_reading.setdefault(hit.document.reading, hit.document)
    return tuple(by_reading.values())[:limit]


def _write(
    draft: Draft, marks: MarkFilter, review: Review, stop: Stop
) -> Generator[Event, None, list[Citation]]:
    """Yield the text, citations and verdicts of a draft as they come; return the citations."""
    citations: list[Citation] = []
    for piece in _filtered(draft.chunks, marks, stop):
        if isinstance(piece, Mark):
            citation = _cite(piece, draft.offered)
            if (citation.number, citation.quote) not in {(c.number, c.quote) for c in citations}:
                citations.append(citation)
                yield CitationEvent(citation)
            yield TokenEvent(piece.text)
        else:
            yield TokenEvent(piece)
        yield from map(VerdictEvent, review.advance())
    if isinstance(draft.chunks, Generator):
        draft.chunks.close()  # the verifier may need the model that is still writing
    yield from map(VerdictEvent, review.finish())
    return citations


def _returned(events: Generator[Event, None, list[Citation]]) -> list[Citation]:
    """What a generator returns; what it yields is in the answer, too."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            citations: list[Citation] = end.value
            return citations


def _filtered(chunks: Iterator[str], marks: MarkFilter, stop: Stop) -> Iterator[str | Mark]:
    for chunk in chunks:
        yield from marks.feed(chunk)
        if stop():
            break
    yield from marks.finish()


def _cite(mark: Mark, offered: Sequence[Hit]) -> Citation:
    hit = offered[mark.offered - 1]
    sentence = supporting_sentence(mark.sentence, hit.passage)
    return Citation(
        number=mark.number,
        document=hit.document,
        passage=hit.passage,
        quote=hit.passage.quote(sentence),
        page=sentence.page if sentence.page is not None else hit.passage.page,
    )
