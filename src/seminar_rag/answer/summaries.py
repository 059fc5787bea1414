"""Summaries of readings and sessions in their own words, and what is offered instead of writing.

Nothing here is written: a summary is the central sentences of each reading, cited, and a request
that only a language model can fulfil is answered with what can be done without one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from seminar_rag.answer.catalogue_rows import (
    CatalogueAnswer,
    called,
    covers,
    no_session,
    readings_of,
    session_name,
    session_numbered,
)
from seminar_rag.errors import NotFoundError
from seminar_rag.question.intent import TEXTS
from seminar_rag.text import plural
from seminar_rag.types import Citation, Hit, Scope

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedSession

KEY = 5
"""Key sentences of one reading, where the question asks for no number."""
_NOTED = 3
"""Key sentences of a session's notes."""
_LINES = 5
"""Lines of a reading without key sentences that are quoted, at most."""
_OF_EACH, _READINGS = 2, 3
"""Key sentences of each of several readings, of a session's at least, and readings on a subject, at
most."""
_SEARCHED = 20
_FIRST = 5
"""Passages of which most must be of one reading that is called by its subject."""
A_READING = re.compile(
    rf"\b(?:papers?|readings?|stud(?:y|ies)|surveys?|(?:{'|'.join(sorted(TEXTS))})s?)\b", re.I
)
_A_SESSION = re.compile(r"\b(?:sessions?|weeks?|class(?:es)?|lectures?|seminars?)\b", re.I)
_NO_QUIZ = (
    "No quiz is written here, since made-up questions stand in no reading. To test yourself, say in"
    " your own words what each of these sentences means before you open its passage."
)
_NO_ESSAY = (
    "I don't write essays or homework: that is yours to do. What I can do: say what the readings"
    " hold on a question of it, with the passages to cite, and check the citations of your draft"
    " (Check)."
)

KeySentences = Callable[[str, int], Sequence[Citation]]
"""Reading id, how many → the sentences that say most of it; raises NotFoundError without text."""


class Search(Protocol):
    """What is needed of retrieval."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        """The k best passages."""
        ...


def reading_about(course: Catalogue, query: Query, search: Search) -> list[str]:
    """The reading that is meant by its subject: by its title's words, or by what is found."""
    titled = called(course, query)
    if titled:
        return [one.id for one in titled]
    known = {one.id for one in readings_of(course)}
    hits = search.search(query.topic, _SEARCHED)[:_FIRST]
    found = Counter(hit.document.reading for hit in hits)
    best = max(found, key=found.__getitem__, default="")
    return [best] if best in known and 2 * found[best] > len(hits) else []


class Summaries:
    """Sums up readings and sessions of one course."""

    def __init__(self, search: Search, key_sentences: KeySentences) -> None:
        self._search = search
        self._key_sentences = key_sentences

    def summary(
        self, course: Catalogue, query: Query, scope: Scope = Scope()
    ) -> CatalogueAnswer | None:
        """The key sentences of what is to be summed up; None where that is not known."""
        if query.sessions:
            return self._sessions(course, query.sessions)
        named = list(query.readings if query.topic else scope.readings)
        if query.topic and (said := A_READING.search(query.text)):
            # "The LoRA primer" is the one that is called so, not the paper called LoRA.
            titled = [r for r in readings_of(course) if covers(r.title, f"{query.topic} {said[0]}")]
            named = [one.id for one in titled] if len(titled) == 1 else named
        if not named and query.topic and _A_SESSION.search(query.text):
            found = [one for one in course.sessions if covers(one.title, query.topic)]
            if len(found) == 1:
                return self._sessions(course, (found[0].number,))
        if not named and query.topic and A_READING.search(query.text):
            named = reading_about(course, query, self._search)
        return self._reading(named[0], query.amount or KEY) if len(named) == 1 else None

    def quiz(self, course: Catalogue, query: Query, scope: Scope) -> CatalogueAnswer:
        """Sentences to test oneself by, instead of questions that nobody could write."""
        found = self.summary(course, query, scope)
        if found is None and query.topic:
            found = self._on(course, query)
        if found is None or not found.citations:
            return CatalogueAnswer("talk", f"{_NO_QUIZ.split(' To test')[0]} {_ASK_PART}")
        return replace(found, text=f"{_NO_QUIZ}\n\n{found.text}")

    def _on(self, course: Catalogue, query: Query) -> CatalogueAnswer | None:
        """Key sentences of the readings on a subject: of the one that is meant, or of a few."""
        named = reading_about(course, query, self._search)
        if not named:
            known = {one.id for one in readings_of(course)}
            hits = self._search.search(query.topic, _SEARCHED)
            about = (hit.document.reading for hit in hits if covers(hit.whole, query.topic))
            named = [one for one in dict.fromkeys(about) if one in known]
        if len(named) == 1:
            return self._reading(named[0], query.amount or KEY)
        titles = {one.id: one.title for one in readings_of(course)}
        wanted = [(one, _OF_EACH, f"{titles[one]}:") for one in named[:_READINGS]]
        text, citations, _ = self._parts(wanted, 0)
        lead = f"On “{query.topic}”, in the readings' own words:"
        return CatalogueAnswer("readings", f"{lead}\n{text}", citations=citations)

    def _reading(self, reading: str, n: int) -> CatalogueAnswer | None:
        try:
            citations = tuple(self._key_sentences(reading, n)) or self._beginning(reading)
        except NotFoundError:
            return None
        if not citations:
            return None
        lead = f"“{citations[0].document.title}” in its own words:"
        return CatalogueAnswer("readings", f"{lead}\n{_items(citations)}", citations=citations)

    def _sessions(self, course: Catalogue, numbers: Sequence[int]) -> CatalogueAnswer:
        found: list[CatalogueAnswer] = []
        for number in numbers:
            session = session_numbered(course, number)
            if session is None:
                return no_session(course, number)
            first = sum(len(one.citations) for one in found)
            found.append(self._session(course, session, first))
        text = "\n\n".join(one.text for one in found)
        citations = tuple(citation for one in found for citation in one.citations)
        return CatalogueAnswer("readings" if citations else "course", text, citations=citations)

    def _session(self, course: Catalogue, session: ListedSession, first: int) -> CatalogueAnswer:
        """Central sentences of each of a session's readings, and some of its notes."""
        documents = course.documents.values()
        notes = [d for d in documents if d.kind == "notes" and session.number in d.sessions]
        each = max(_OF_EACH, KEY // (len(session.readings) or 1))
        wanted = [(one.id, each, f"{one.title}:") for one in session.readings]
        wanted += [(one.reading, _NOTED, "Notes:") for one in notes]
        text, citations, without = self._parts(wanted, first)
        name = session_name(session)
        if not citations:
            listed = "; ".join(one.title for one in session.readings)
            text = f"{name} lists {listed or 'no readings'}. There is no text of them here."
            return CatalogueAnswer("course", text)
        left = f"\n\nThere is no text of: {'; '.join(without)}." if without else ""
        return CatalogueAnswer(
            "readings",
            f"{name} in its readings' own words:\n{text}{left}",
            citations=citations,
        )

    def _parts(
        self, wanted: Sequence[tuple[str, int, str]], first: int
    ) -> tuple[str, tuple[Citation, ...], list[str]]:
        """Key sentences under a label each: the text, its citations, and the labels without any.

        Args:
            wanted: reading id, number of sentences, label.
            first: the number of the last citation before them.
        """
        lines: list[str] = []
        citations: list[Citation] = []
        without: list[str] = []
        for reading, n, label in wanted:
            try:
                found = self._key_sentences(reading, n)
            except NotFoundError:
                found = ()
            if not found:
                without.append(label.rstrip(":"))
                continue
            at = first + len(citations) + 1
            numbered = [replace(one, number=i) for i, one in enumerate(found, at)]
            citations += numbered
            lines.append(f"\n{label}\n{_items(numbered)}")
        return "\n".join(lines), tuple(citations), without

    def _beginning(self, reading: str) -> tuple[Citation, ...]:
        """The first lines of a reading that has no sentence that can stand alone."""
        hits = self._search.search(reading, _SEARCHED, Scope(readings=frozenset({reading})))
        first = sorted(hits, key=lambda hit: hit.passage.ordinal)[:1]
        return tuple(
            Citation(1, hit.document, hit.passage, hit.passage.quote(line), line.page)
            for hit in first
            for line in hit.passage.sentences[:_LINES]
            if line.kind != "heading"
        )


_ASK_PART = "Name a session or a reading, and I give its key sentences to test yourself by."


def no_essay(offered: CatalogueAnswer | None) -> CatalogueAnswer:
    """What is said instead of an essay, with the readings on its subject."""
    if offered is None or not offered.listed:
        return CatalogueAnswer("talk", _NO_ESSAY)
    number = plural(len(offered.listed), "reading")
    _, _, items = offered.text.partition("\n")
    text = f"{_NO_ESSAY} {number[:1].upper()}{number[1:]} to begin with:\n{items}"
    return replace(offered, text=text)


def _items(citations: Sequence[Citation]) -> str:
    return "".join(f"\n- “{one.quote}” [{one.number}]" for one in citations)
