"""Answers questions about the course from its catalogue, and finds the part that one names.

The intent and its topic come with the query; this module looks them up. Of the readings' text it
quotes only key sentences, which it is handed, and the line that names a work's authors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from seminar_rag.errors import NotFoundError
from seminar_rag.question.patterns import LAST
from seminar_rag.text import numbered, plural, stems, words
from seminar_rag.types import NOTES, READINGS, AnswerKind, Citation, Hit, Listed, Scope

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession

_ROWS = 8
"""Readings or sessions listed for a subject, at most."""
_SEARCHED = 20
_LINES = 5
"""Lines of a reading without key sentences that are quoted, at most."""
_ALIKE = 0.45
"""Cosine of a passage to a subject from which it is about it, though it lacks its words."""
_NO_DATES = "the course page lists no dates, people or rules"
_NO_SUMMARY = "I can't sum up a whole session; ask about one reading."

KeySentences = Callable[[str, int], Sequence[Citation]]
"""Reading id, how many → the sentences that say most of it; raises NotFoundError without text."""


class Search(Protocol):
    """What is needed of retrieval."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        """The k best passages."""
        ...


@dataclass(frozen=True, slots=True)
class CatalogueAnswer:
    """An answer that needs no search of the readings for what they say."""

    kind: AnswerKind
    text: str
    listed: tuple[Listed, ...] = ()
    citations: tuple[Citation, ...] = ()
    unknown: str = ""
    """Why the course's list does not answer this, as a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The part of the course that a question is about."""

    scope: Scope
    words: str
    """The part in words, for the reader."""


class Guide:
    """Knows one course's sessions and readings."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        search: Search,
        key_sentences: KeySentences | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._search = search
        self._key_sentences = key_sentences

    def answer(self, query: Query, scope: Scope = Scope()) -> CatalogueAnswer | None:
        """The answer to a question about the course, a request for a summary, or small talk.

        None for what the readings are to be searched for.
        """
        course = self._catalogue()
        if query.intent in ("greeting", "thanks", "help"):
            return _small_talk(course, query.intent)
        if query.intent == "organisation":
            return CatalogueAnswer("course", "", unknown=_NO_DATES)
        if query.intent == "summary":
            return self._summary(course, query, scope)
        answer = self._answers.get(query.intent)
        return answer(course, query) if answer and course.sessions else None

    @property
    def _answers(self) -> dict[str, Callable[[Catalogue, Query], CatalogueAnswer | None]]:
        return {
            "count sessions": _count_sessions,
            "count readings": _count_readings,
            "sessions": _all_sessions,
            "session": _sessions,
            "readings": _all_readings,
            "by": _by,
            "link": _links,
            "authors": self._authors,
            "when": self._when,
            "reading": self._on,
        }

    def narrow(self, query: Query, scope: Scope) -> Narrowed | None:
        """The part of the course that a question names; None without one, or beyond `scope`."""
        course = self._catalogue()
        part = query.scope
        if part is None:
            return self._named_work(course, query, scope)
        if (scope.sessions and part.sessions) or (scope.kinds and part.kind):
            return None
        narrowed = replace(
            scope,
            sessions=part.sessions or scope.sessions,
            kinds={"notes": NOTES, "readings": READINGS, None: scope.kinds}[part.kind],
            required_only=part.required or scope.required_only,
        )
        return Narrowed(narrowed, part.words) if course.within(narrowed) else None

    def _named_work(self, course: Catalogue, query: Query, scope: Scope) -> Narrowed | None:
        """The one reading that a question calls by its title, with the notes of its sessions."""
        if scope.readings or len(query.works) != 1 or len(query.readings) != 1:
            return None
        documents = course.documents.values()
        reading = next((r for r in _readings(course) if r.id == query.readings[0]), None)
        if reading is None or not any(one.reading == reading.id for one in documents):
            return None
        sessions = set(_where(course, reading))
        notes = {d.reading for d in documents if d.kind == "notes" and sessions & set(d.sessions)}
        narrowed = replace(scope, readings=frozenset({reading.id, *notes}))
        also = " and the notes on its session" if notes else ""
        return Narrowed(narrowed, f"“{reading.title}”{also}") if course.within(narrowed) else None

    def _summary(self, course: Catalogue, query: Query, scope: Scope) -> CatalogueAnswer | None:
        """The key sentences of the one reading in question; of a session, its readings."""
        if query.sessions:
            listed = _sessions(course, query) if course.sessions else None
            return listed and replace(listed, text=f"{_NO_SUMMARY} {listed.text}")
        readings = list(query.readings if query.topic else scope.readings)
        if len(readings) != 1 or self._key_sentences is None:
            return None
        try:
            citations = tuple(self._key_sentences(readings[0], 5)) or self._beginning(readings[0])
        except NotFoundError:
            return None
        if not citations:
            return None
        quoted = "".join(f"\n- “{one.quote}” [{one.number}]" for one in citations)
        lead = f"“{citations[0].document.title}” in its own words:"
        return CatalogueAnswer("readings", f"{lead}\n{quoted}", citations=citations)

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

    def _when(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        weights: dict[int, float] = {}
        for session in course.sessions:
            named = _covers(f"{session.title} {' '.join(session.tags)}", query.topic)
            titled = any(_covers(one.title, query.topic) for one in session.readings)
            weights[session.number] = 2.0 * named + titled
        sure = any(weights.values())
        hits, about = self._about(query.topic)
        for rank, hit in enumerate(hits, 1):
            for number in weights.keys() & set(hit.document.sessions):
                weights[number] += 1 / rank
        order = sorted(course.sessions, key=lambda one: -weights[one.number])
        least = max(weights.values()) / 4
        rows = [_row(one) for one in order if weights[one.number] >= max(least, 1e-9)][:_ROWS]
        verb = f"comes up in {plural(len(rows), 'session')}"
        return _listing(_subject(query.topic, rows, "session", verb, sure or about), rows)

    def _on(self, course: Catalogue, query: Query) -> CatalogueAnswer:
        known = {one.id: one for one in _of_section(_readings(course), query)}
        hits, about = self._about(query.topic)
        titled = [id_ for id_, one in known.items() if _covers(one.title, query.topic)]
        found = dict.fromkeys([*titled, *(hit.document.reading for hit in hits)])
        rows = [_listed(course, known[id_]) for id_ in found if id_ in known][:_ROWS]
        verb = f"is the subject of {plural(len(rows), 'reading')}"
        return _listing(_subject(query.topic, rows, "reading", verb, about or bool(titled)), rows)

    def _about(self, topic: str) -> tuple[Sequence[Hit], bool]:
        """Passages about a subject, and whether they surely are; else the nearest few."""
        hits = self._search.search(topic, _SEARCHED)
        about = [
            hit
            for hit in hits
            if _covers(f"{hit.document.title} {hit.passage.heading} {hit.passage.text}", topic)
            or (hit.cosine or 0.0) >= _ALIKE
        ]
        return about or hits[:3], bool(about)

    def _authors(self, course: Catalogue, query: Query) -> CatalogueAnswer | None:
        """Who wrote a work, with the line of its text that says so where there is one."""
        found = _called(course, query)[:_ROWS]
        rows = tuple(_listed(course, one) for one in found)
        if len(found) != 1:
            lines = "\n".join(f"- {_written(one)}" for one in found)
            return CatalogueAnswer("course", lines, rows) if found else None
        citations = self._signature(found[0])
        mark = " [1]" if citations else ""
        return CatalogueAnswer("course", f"{_written(found[0])}{mark}", rows, citations)

    def _signature(self, reading: ListedReading) -> tuple[Citation, ...]:
        """The lines of a reading's text that give its title and its authors."""
        scope = Scope(readings=frozenset({reading.id}))
        authors = set(words(reading.authors or ""))
        hits = self._search.search(f"{reading.title} {reading.authors}", 5, scope)
        for hit in hits if authors else ():
            quotes = [hit.passage.quote(sentence) for sentence in hit.passage.sentences]
            for at, quote in enumerate(quotes):
                if authors <= set(words(quote)):
                    return tuple(
                        Citation(1, hit.document, hit.passage, quotes[i], sentence.page)
                        for i, sentence in enumerate(hit.passage.sentences)
                        if max(0, at - 1) <= i <= at
                    )
        return ()


def _written(one: ListedReading) -> str:
    if one.authors:
        return f"“{one.title}” is by {one.authors.rstrip('.')}."
    return f"The course page does not say who wrote “{one.title}”."


def _small_talk(course: Catalogue, intent: str) -> CatalogueAnswer:
    if intent == "thanks":
        return CatalogueAnswer("talk", "You are welcome.")
    readings = len(course.reading_ids)
    size = f" ({plural(len(course.sessions), 'session')}, {plural(readings, 'reading')})"
    whose = f"of “{course.title}”" if course.title else "of this course"
    hello = "Hello. " if intent == "greeting" else ""
    text = (
        f"{hello}I answer questions about the readings {whose}{size if readings else ''}; every"
        " sentence names the passage it comes from. If the readings don't say, neither do I. You"
        " can also ask which readings a session has, what to read on a subject, when something"
        " is discussed, or for the key points of one reading."
    )
    return CatalogueAnswer("talk", text)


def _count_sessions(course: Catalogue, query: Query) -> CatalogueAnswer:  # noqa: ARG001
    return CatalogueAnswer("course", f"The course has {plural(len(course.sessions), 'session')}.")


def _count_readings(course: Catalogue, query: Query) -> CatalogueAnswer:
    if query.sessions:
        session = _numbered(course, query.sessions[0])
        if session is None:
            return _no_session(course, query.sessions[0])
        listed = _sections(session.readings, query)
        return CatalogueAnswer("course", f"{_name(session)} has {listed}.")
    listed = _sections(_readings(course), query)
    sessions = plural(len(course.sessions), "session")
    return CatalogueAnswer("course", f"The course lists {listed} in {sessions}.")


def _all_sessions(course: Catalogue, query: Query) -> CatalogueAnswer:  # noqa: ARG001
    rows = [_row(session) for session in course.sessions]
    return _listing(f"The course has {plural(len(rows), 'session')}:", rows)


def _sessions(course: Catalogue, query: Query) -> CatalogueAnswer:
    answers: list[CatalogueAnswer] = []
    for number in query.sessions:
        session = _numbered(course, number)
        if session is None:
            answers.append(_no_session(course, number))
            continue
        rows = [_listed(course, one) for one in _of_section(session.readings, query)]
        lead = f"{_name(session)} has {_sections(session.readings, query)}"
        answers.append(_listing(f"{lead}:" if rows else f"{lead}.", rows or [_row(session)]))
    if len(answers) == 1:
        return answers[0]
    leads = " ".join(one.text.split("\n")[0].replace(":", ".") for one in answers)
    return _listing(leads, [row for one in answers for row in one.listed])


def _all_readings(course: Catalogue, query: Query) -> CatalogueAnswer:
    rows = [_listed(course, one) for one in _of_section(_readings(course), query)]
    return _listing(f"The course lists {_sections(_readings(course), query)}:", rows)


def _by(course: Catalogue, query: Query) -> CatalogueAnswer:
    """Readings of an author, as far as the course page names authors."""
    readings = _readings(course)
    rows = [_listed(course, one) for one in readings if _covers(one.authors or "", query.topic)]
    if rows:
        lead = f"{plural(len(rows), 'reading')} by “{query.topic}”:"
        return _listing(lead, rows[:_ROWS])
    nameless = sum(not one.authors for one in readings)
    more = f"; of {plural(nameless, 'reading')} it names no author" if nameless else ""
    return CatalogueAnswer("course", f"The course page lists no reading by “{query.topic}”{more}.")


def _links(course: Catalogue, query: Query) -> CatalogueAnswer | None:
    """Where a reading can be found; None where no reading is called so."""
    rows = [_listed(course, one) for one in _called(course, query)[:_ROWS]]
    if not any(row.url for row in rows):
        text = f"The course page gives no link for “{rows[0].title}”." if rows else ""
        return CatalogueAnswer("course", text, tuple(rows)) if rows else None
    listed = "".join(f"\n- {row.title}: {row.url or 'no link'}" for row in rows)
    return CatalogueAnswer("course", f"Listed on the course page:\n{listed}", tuple(rows))


def _no_session(course: Catalogue, number: int) -> CatalogueAnswer:
    known = [session.number for session in course.sessions]
    span = f"they go from {min(known)} to {max(known)}"
    return CatalogueAnswer("course", f"There is no session {number}; {span}.")


def _subject(topic: str, rows: Sequence[Listed], noun: str, verb: str, sure: bool) -> str:
    if not rows:
        return f"No {noun} of the course is about “{topic}”."
    if not sure:
        return f"No {noun} of the course names “{topic}”; the nearest:"
    return f"“{topic}” {verb}{', best match first' if len(rows) > 1 else ''}:"


def _listing(lead: str, rows: Sequence[Listed]) -> CatalogueAnswer:
    items = "".join(f"\n- {_line(row)}" for row in rows if row.section or not lead.endswith("."))
    return CatalogueAnswer("course", f"{lead}\n{items}" if items else lead, tuple(rows))


def _line(row: Listed) -> str:
    kind = "required" if row.section == "required" else "further reading"
    facts = [kind, numbered("session", row.sessions)] if row.section else []
    return f"{row.title} ({', '.join(facts)})" if facts else row.title


def _row(session: ListedSession) -> Listed:
    return Listed(_name(session), (session.number,), None, session.url)


def _name(session: ListedSession) -> str:
    return f"Session {session.number} ({session.title})"


def _listed(course: Catalogue, one: ListedReading) -> Listed:
    url = one.urls[0] if one.urls else None
    return Listed(one.title, _where(course, one), one.section, url, one.authors)


def _where(course: Catalogue, one: ListedReading) -> tuple[int, ...]:
    return tuple(s.number for s in course.sessions if one.id in {r.id for r in s.readings})


def _sections(readings: Sequence[ListedReading], query: Query) -> str:
    """The readings of the section in question in words: "3 required and 2 further readings"."""
    kept = _of_section(readings, query)
    required = sum(one.section == "required" for one in kept)
    further = len(kept) - required
    if required and further:
        return f"{required} required and {plural(further, 'further reading')}"
    which = {"required": "required ", "more": "further ", None: ""}[query.section]
    kind = "required " if required else "further " if further else which
    return plural(len(kept), f"{kind}reading") if kept else f"no {kind}readings"


def _of_section(readings: Sequence[ListedReading], query: Query) -> list[ListedReading]:
    return [one for one in readings if query.section in (None, one.section)]


def _numbered(course: Catalogue, number: int) -> ListedSession | None:
    if number == LAST:
        return max(course.sessions, key=lambda one: one.number)
    return next((one for one in course.sessions if one.number == number), None)


def _readings(course: Catalogue) -> list[ListedReading]:
    return list({one.id: one for session in course.sessions for one in session.readings}.values())


def _called(course: Catalogue, query: Query) -> list[ListedReading]:
    """The readings that a question calls by title; else those whose title has all its words."""
    readings = _readings(course)
    found = [one for one in readings if one.id in query.readings]
    same = [one for one in found if words(query.topic) == words(one.title)]
    return same or found or [one for one in readings if _covers(one.title, query.topic)]


def _covers(text: str, topic: str) -> bool:
    """Whether a text has all the words of a subject, in any form."""
    wanted = set(stems(topic))
    return bool(wanted) and wanted <= set(stems(text))
