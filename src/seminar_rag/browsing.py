"""What a reader finds in a course before asking: a part of the façade `Course`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from seminar_rag.answer.examples import about, answerable
from seminar_rag.pages.view import key_sentences
from seminar_rag.question.query import understand
from seminar_rag.syllabus.days import session_at
from seminar_rag.types import AnswerEvent, Citation, Event, Hit, HitsEvent, Scope
from seminar_rag.types.catalogue import Catalogue

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly


class Browsing(ABC):
    """Questions to begin with, what a reading is about, and where words stand.

    All raise StoreError where the index cannot be read.
    """

    parts: Assembly

    def __init__(self) -> None:
        self._examples: tuple[Catalogue, int, int | None, tuple[str, ...]] | None = None

    @abstractmethod
    def ask(self, question: str) -> Iterator[Event]:
        """Answer a question as a stream of events, the Answer last."""

    def examples(self, n: int = 6) -> tuple[str, ...]:
        """Up to n questions made of the readings, of different kinds, that are answered. Those of
        the session that meets now come first."""
        catalogue, now = self.parts.store.catalogue(), self.current_session()
        if self._examples is None or self._examples[:3] != (catalogue, n, now):
            documents = sorted(
                catalogue.documents.values(), key=lambda one: now not in one.sessions
            )
            found = answerable(
                *(documents, self.parts.store.passages_of, self.parts.retriever.search),
                *(self._holds_answer, self._is_listed, n),
            )
            self._examples = (catalogue, n, now, found)
        return self._examples[3]

    def questions_about(self, reading: str, n: int = 3) -> tuple[str, ...]:
        """Up to n questions that a reading, by its id, answers."""
        scope = Scope(readings=frozenset({reading}))
        own = [
            one for one in self.parts.store.catalogue().documents.values() if one.reading == reading
        ]
        main = max(own, key=lambda one: one.kind == "paper", default=None)
        if main is None:
            return ()

        def search(question: str, k: int) -> tuple[Hit, ...]:
            return self.parts.retriever.search(question, k, scope)

        passages = self.parts.store.passages_of(main.id)
        return about(main, passages, search, self._holds_answer, n)

    def current_session(self, today: date | None = None) -> int | None:
        """The number of the session that meets today or next, within a week; None without one."""
        dates = [(one.number, one.date) for one in self.parts.store.catalogue().sessions]
        return session_at(dates, today or datetime.now().astimezone().date())

    def texts_with(self, words: str, most: int = 200) -> dict[str, str]:
        """The readings, by their ids, of which a sentence has all of some words, with that
        sentence."""
        wanted = words.casefold().split()
        out: dict[str, str] = {}
        for hit in self.parts.retriever.search(words, most) if wanted else ():
            if hit.document.reading in out:
                continue
            for quote in map(hit.passage.quote, hit.passage.sentences):
                if all(word in quote.casefold() for word in wanted):
                    out[hit.document.reading] = quote
                    break
        return out

    def _is_listed(self, question: str) -> bool:
        """Whether the reading list, or the key sentences of a reading, answer a question."""
        for event in self.ask(question):
            if isinstance(event, HitsEvent):
                return False
            if isinstance(event, AnswerEvent):
                found = event.answer  # a list that has nothing is an answer, but no example
                return not found.abstained and bool(found.listed or found.citations)
        return False

    def _holds_answer(self, question: str, hits: Sequence[Hit]) -> bool:
        return self.parts.relevance.answerable(understand(question), hits)

    def key_sentences(self, reading: str, n: int = 5) -> tuple[Citation, ...]:
        """Up to n sentences that sum a reading up, in its own words and order."""
        return key_sentences(self.parts.store, self.parts.embedder.embed, reading, n)
