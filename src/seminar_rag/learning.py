"""What readers find in a course beside answers: a part of the façade `Course`."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.answer.examples import about, answerable
from seminar_rag.answer.tutor import MODES, Ask, Mode, tutored
from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.files import write
from seminar_rag.pages.view import key_sentences
from seminar_rag.question.query import understand
from seminar_rag.study.items import KeySentence, defined, fault, item_of, make, sources
from seminar_rag.syllabus.days import session_at
from seminar_rag.types import (
    AnswerEvent,
    Citation,
    Document,
    Event,
    Hit,
    HitsEvent,
    Passage,
    Scope,
    Turn,
)
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.study import MOST_ITEMS, Guide, Proposed, StudyItem

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly

EXAMPLES = "examples.json"
"""The file of the data folder that keeps the questions to begin with: to make them takes most of
the second that a server needs beside loading its modules."""
KEY, GUIDED = 6, 3
"""Key sentences of a reading for items, and in a guide."""
TERMS = 40
"""Terms of a guide."""
COMPARED = 30
"""Readings of other sessions that wrong options are taken of."""


class Learning(ABC):
    """Questions to begin with, what a reading is about, where words stand, guides and items. All
    raise StoreError where the index cannot be read."""

    parts: Assembly

    def __init__(self) -> None:
        self._examples: tuple[Catalogue, int, int | None, tuple[str, ...]] | None = None
        self._items: dict[int, tuple[StudyItem, ...]] = {}
        self._faults: tuple[Catalogue | None, dict[StudyItem, str]] = (None, {})
        self._guides: dict[int, tuple[Catalogue, Guide]] = {}

    # --- before asking -------------------------------------------------------------------------

    @abstractmethod
    def ask(self, question: str) -> Iterator[Event]:
        """Answer a question as a stream of events, the Answer last."""

    def examples(self, n: int = 6) -> tuple[str, ...]:
        """Up to n questions made of the readings, of different kinds, that are answered. Those of
        the session that meets now come first. They are kept for the next start."""
        catalogue, now = self.parts.store.catalogue(), self.current_session()
        if self._examples is None or self._examples[:3] != (catalogue, n, now):
            file = self.parts.config.data / EXAMPLES
            made_of = self._made_of(catalogue, n, now)
            found = _kept_examples(file, made_of)
            if found is None:
                documents = sorted(
                    catalogue.documents.values(), key=lambda one: now not in one.sessions
                )
                found = answerable(
                    *(documents, self.parts.store.passages_of, self.parts.retriever.search),
                    *(self._holds_answer, self._is_listed, n),
                )
                with suppress(OSError):  # they are made anew at the next start
                    write(file, json.dumps({"made_of": made_of, "questions": found}))
            self._examples = (catalogue, n, now, found)
        return self._examples[3]

    def _made_of(self, catalogue: Catalogue, n: int, now: int | None) -> str:
        """What decides about the questions to begin with, as a hash."""
        store, records = self.parts.store, catalogue.records.values()
        facts = (
            *(version("seminar-rag"), store.meta("generation"), store.meta("model"), n, now),
            self.parts.config.retrieve_reranker,
            # a database that is made anew, or restored, may come to the same generation
            sorted((one.document.id, one.hash, one.document.sessions) for one in records),
        )
        return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()

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

    def current_session(self) -> int | None:
        """The number of the session that meets today or next, within a week; None without one."""
        dates = [(one.number, one.date) for one in self.parts.store.catalogue().sessions]
        return session_at(dates, datetime.now().astimezone().date())

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

    # --- items and guides -----------------------------------------------------------------------

    def propose(
        self,
        session: int,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> tuple[Proposed, ...]:
        """Make items of a session's readings, with what the instructor decided of each.

        Args:
            stop: asked between two readings; once it says so, nothing more is made.
            progress: told how many readings of how many are read.

        Raises:
            NotFoundError: there is no such session, or it has no text.
            ModelError: the language model that words some of them gives no answer; what was made
                until then is kept.
        """
        catalogue = self.parts.store.catalogue()
        own = [one for one in catalogue.documents.values() if session in one.sessions
               and one.kind != "notes"]  # fmt: skip
        if not own:
            raise NotFoundError(
                f"no reading of session {session} has text — choose another session"
            )
        others = [one for one in catalogue.documents.values()
                  if one not in own and one.kind != "notes"]  # fmt: skip
        others.sort(key=lambda one: min((abs(n - session) for n in one.sessions), default=99))
        read = [*own, *others[:COMPARED]]
        wording = self.parts.wording
        total = len(read) + (len(own) if wording else 0)
        found: list[KeySentence] = []
        central: dict[str, tuple[Citation, ...]] = {}
        for done, one in enumerate(read):
            if stop():
                return ()
            progress(done, total)
            passages = self.parts.store.passages_of(one.id)
            found += sources(one, passages, self._centrality(passages))
            if one in own:
                central[one.id] = self._central(one.reading, KEY)
        made = self._items[session] = make(session, found, central)
        worded: list[StudyItem] = []
        for done, one in enumerate(own if wording else ()):
            if wording is None or stop():
                break
            progress(len(read) + done, total)
            summed = wording.summary(session, central[one.id][:GUIDED], stop)
            sentences = [each for each in found if each.document.id == one.id]
            worded += [summed] if summed else []
            worded += wording.questions(session, sentences, stop)
            self._items[session] = (*worded, *made)[:MOST_ITEMS]
        return self.proposed(session)

    def proposed(self, session: int) -> tuple[Proposed, ...]:
        """The items that `propose` has made, and those that were decided on before."""
        known = self.parts.chosen.of("item")
        items = {one.id: one for one in self._items.get(session, ())}
        out = {id_: Proposed(one, "new") for id_, one in items.items() if id_ not in known}
        for id_, value in known.items():
            item = item_of(value["item"])
            if item is not None and item.session == session:
                out[id_] = Proposed(item, value["state"], self._fault(item))
        return tuple(out.values())

    def study(self, session: int) -> tuple[StudyItem, ...]:
        """The items that students see: approved ones whose sentence still holds."""
        found = self.proposed(session)
        return tuple(one.item for one in found if one.state == "approved" and not one.fault)

    def decide(self, ids: Sequence[str], session: int, state: str) -> None:
        """Approve or drop items, or forget what was decided.

        Args:
            state: "approved", "dropped" or "new".

        Raises:
            NotFoundError: there is no such item.
            SourceError: an item that is to be approved does not hold.
        """
        known = {one.item.id: one for one in self.proposed(session)}
        for id_ in ids:
            if id_ not in known:
                raise NotFoundError("this item is gone — make the items again")
            if state == "approved" and (why := self._fault(known[id_].item)):
                raise SourceError(f"this item cannot be shown: {why}")
        forget = state == "new"
        self.parts.chosen.put_all(
            "item",
            {id_: None if forget else {"state": state, "item": asdict(known[id_].item)}
             for id_ in ids},
        )  # fmt: skip

    def guide(self, session: int) -> Guide:
        """What each reading of a session says of itself, and the terms that they define; raises
        NotFoundError where there is no such session."""
        catalogue = self.parts.store.catalogue()
        here = catalogue.session(session)
        known = self._guides.get(session)
        if known is None or known[0] is not catalogue:
            claims = [(one.title, self._central(one.id, GUIDED)) for one in here.readings]
            found = [
                said
                for one in catalogue.documents.values()
                if session in one.sessions and one.kind != "notes"
                for said in sources(one, self.parts.store.passages_of(one.id))
            ]
            named = {term.name.casefold(): term for term, _ in defined(found)}
            terms = [named[name] for name in sorted(named)]
            known = (catalogue, Guide(session, here.shown, tuple(claims), tuple(terms[:TERMS])))
            self._guides[session] = known
        summaries = tuple(one for one in self.study(session) if one.kind == "summary")
        return replace(known[1], summaries=summaries)

    @property
    def decided(self) -> object:
        """Differs once something else was decided for students, here or in another process."""
        return self.parts.chosen.state

    def guides(self) -> frozenset[int]:
        """The sessions whose guide students see."""
        return frozenset(int(id_) for id_ in self.parts.chosen.of("guide"))

    def show_guide(self, session: int, *, shown: bool) -> None:
        """Show students the guide of a session, or no longer; raises as `guide`."""
        if shown:
            self.guide(session)
        self.parts.chosen.put("guide", str(session), {"shown": True} if shown else None)

    def tutoring(self) -> dict[int, Mode]:
        """By session, 0 for the whole course: how hints are given to its questions. Sessions whose
        questions are answered at once are left out."""
        found = {int(id_): one.get("mode") for id_, one in self.parts.chosen.of("tutor").items()}
        return {number: mode for number, mode in found.items() if mode in MODES}

    def answer_or_hint(self, ask: Ask, question: str, history: Sequence[Turn]) -> Iterator[Event]:
        """Answer a question, or give a hint where the instructor has chosen that."""
        modes = self.tutoring()

        def mode_of(document: Document) -> Mode | None:
            own = (modes[one] for one in document.sessions if one in modes)
            return next(own, modes.get(0))

        return tutored(ask, question, history, mode_of) if modes else ask(question, history)

    def tutor(self, session: int, mode: Mode | None) -> None:
        """Choose how questions about a session, with 0 about the whole course, are answered: with
        the hints of `answer.tutor` or, without a mode, at once. Raises as `guide`."""
        if session:
            self.parts.store.catalogue().session(session)
        self.parts.chosen.put("tutor", str(session), {"mode": mode} if mode else None)

    def _central(self, reading: str, n: int) -> tuple[Citation, ...]:
        """The key sentences of a reading; none where it has no text."""
        with suppress(NotFoundError):
            return self.key_sentences(reading, n)
        return ()

    def _centrality(self, passages: Sequence[Passage]) -> dict[str, float]:
        """How near each passage lies to the mean of the document's."""
        vectors = self.parts.store.vectors_of([one.id for one in passages])
        if not vectors:
            return {}
        middle = np.mean(list(vectors.values()), axis=0)
        return {id_: float(vector @ middle) for id_, vector in vectors.items()}

    def _fault(self, item: StudyItem) -> str:
        """What is wrong with an item in the course as it is now; "" where it holds."""
        catalogue = self.parts.store.catalogue()
        if self._faults[0] is not catalogue:
            self._faults = (catalogue, {})
        if item not in self._faults[1]:
            passages = {item.document: self.parts.store.passages_of(item.document)}
            self._faults[1][item] = fault(item, passages)
        return self._faults[1][item]


def _kept_examples(file: Path, made_of: str) -> tuple[str, ...] | None:
    """The questions that a start before made of the same; None where there are none."""
    try:
        kept = json.loads(file.read_bytes())
        if kept["made_of"] == made_of and all(isinstance(one, str) for one in kept["questions"]):
            return tuple(kept["questions"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return None
