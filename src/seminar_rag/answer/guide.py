"""Questions about the course → answers from its catalogue; parts of it that a question names.

What is asked is `intent`'s to say; here it is looked up. Knows no model and writes no text of the
readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from seminar_rag.question.intent import LAST, CourseQuestion
from seminar_rag.question.patterns import is_called
from seminar_rag.question.query import Query
from seminar_rag.text import stems, words
from seminar_rag.types import NOTES, READINGS, AnswerKind, Citation, Hit, Listed, Scope, Sentence

if TYPE_CHECKING:
    from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession

_ROWS = 8
"""Readings or sessions named for a subject, at most."""
_SEARCHED = 20
_NO_DATES = "the course's list of sessions and readings has no dates, people or rules of the course"
_ALIKE = 0.45
"""Cosine of a passage to a subject from which it is about it, though it lacks its words."""


class Search(Protocol):
    """What is needed of retrieval."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        """The k best passages."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that no reading is needed for."""

    kind: AnswerKind
    text: str
    listed: tuple[Listed, ...] = ()
    citations: tuple[Citation, ...] = ()
    """All of them numbered 1, as in `text`."""
    unknown: str = ""
    """Why the course's list does not answer this, as a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A question with the part of the course that it is about."""

    scope: Scope
    words: str
    """The part in words, for the reader."""


class Guide:
    """Knows one course's sessions and readings."""

    def __init__(self, catalogue: Callable[[], Catalogue], search: Search) -> None:
        self._catalogue = catalogue
        self._search = search

    def tell(self, query: Query) -> Told | None:
        """The answer to a question about the course, or to small talk; None for all others."""
        asked = query.course
        if asked is None:
            return None
        course = self._catalogue()
        if asked.wish in ("greeting", "thanks", "help"):
            return _small_talk(course, asked)
        if asked.wish == "organisation":
            return Told("course", "", unknown=_NO_DATES)
        if not course.sessions:
            return None
        if asked.wish in _LISTS:
            return _LISTS[asked.wish](course, asked)
        on: dict[str, Callable[[], Told | None]] = {
            "authors": lambda: self._authors(course, asked.topic),
            "when": lambda: self._when(course, asked.topic),
            "reading": lambda: self._on(course, asked),
        }
        return on[asked.wish]()

    def narrow(self, query: Query, scope: Scope) -> Narrowed | None:
        """The part of the course that a question names, within `scope`; None where it names none,
        or the scope says otherwise."""
        course = self._catalogue()
        part = query.scope
        if part is None:
            return self._named_work(course, query, scope)
        kinds = {"notes": NOTES, "readings": READINGS, None: scope.kinds}[part.kind]
        if (scope.sessions and part.sessions) or (scope.kinds and part.kind):
            return None
        narrowed = replace(
            scope,
            sessions=part.sessions or scope.sessions,
            kinds=kinds,
            required_only=part.required or scope.required_only,
        )
        return Narrowed(narrowed, part.words) if course.within(narrowed) else None

    def _named_work(self, course: Catalogue, query: Query, scope: Scope) -> Narrowed | None:
        """The one reading that a question calls by its title, with the notes of its sessions."""
        if scope.readings:
            return None
        found = {one.id: one for name in query.works for one in _called(course, name)}
        if len(query.works) != 1 or len(found) != 1:
            return None
        (reading,) = found.values()
        sessions = {s.number for s in course.sessions if reading.id in {r.id for r in s.readings}}
        documents = course.documents.values()
        notes = {d.reading for d in documents if d.kind == "notes" and sessions & set(d.sessions)}
        narrowed = replace(scope, readings=frozenset({reading.id, *notes}))
        if not any(d.reading == reading.id for d in documents) or not course.within(narrowed):
            return None
        also = " and the notes on its session" if notes else ""
        return Narrowed(narrowed, f"“{reading.title}”{also}")

    # --- by subject ----------------------------------------------------------------------------

    def _when(self, course: Catalogue, topic: str) -> Told:
        weights: dict[int, float] = {}
        for session in course.sessions:
            if _covers(f"{session.title} {' '.join(session.tags)}", topic):
                weights[session.number] = 2.0
            if any(_covers(one.title, topic) for one in session.readings):
                weights[session.number] = weights.get(session.number, 0.0) + 1.0
        hits, sure = self._about(topic)
        for rank, hit in enumerate(hits, 1):
            for number in hit.document.sessions:
                weights[number] = weights.get(number, 0.0) + 1 / rank
        known = {session.number: session for session in course.sessions}
        order = sorted((n for n in weights if n in known), key=lambda n: -weights[n])
        best = [n for n in order if 4 * weights[n] >= weights[order[0]]][:_ROWS]
        rows = [_row(known[number]) for number in best]
        sure = sure or any(weight >= 1 for weight in weights.values())
        return _listing(_subject(topic, rows, "session", sure), rows)

    def _on(self, course: Catalogue, asked: CourseQuestion) -> Told:
        known = {one.id: one for session in course.sessions for one in session.readings}
        hits, sure = self._about(asked.topic)
        titled = [id_ for id_, one in known.items() if _covers(one.title, asked.topic)]
        found = dict.fromkeys([*titled, *(hit.document.reading for hit in hits)])
        rows = [
            _listed(course, known[id_])
            for id_ in found
            if id_ in known and asked.section in (None, known[id_].section)
        ][:_ROWS]
        return _listing(_subject(asked.topic, rows, "reading", sure or bool(titled)), rows)

    def _about(self, topic: str) -> tuple[list[Hit], bool]:
        """Passages about a subject, and whether they are surely so; else the nearest few."""
        hits = self._search.search(topic, _SEARCHED)
        about = [
            hit
            for hit in hits
            if _covers(f"{hit.document.title} {hit.passage.heading} {hit.passage.text}", topic)
            or (hit.cosine or 0.0) >= _ALIKE
        ]
        return (about, True) if about else (list(hits[:3]), False)

    def _authors(self, course: Catalogue, name: str) -> Told | None:
        """Who wrote a work, with the line of its text that says so where there is one."""
        found = (_called(course, name) or _titled(course, name))[:_ROWS]
        if not found:
            return None
        rows = tuple(_listed(course, one) for one in found)
        if len(found) > 1:
            return Told("course", "\n".join(f"- {_written(one)}" for one in found), rows)
        citations = self._signature(found[0])
        mark = " [1]" if citations else ""
        return Told("course", f"{_written(found[0])}{mark}", rows, citations)

    def _signature(self, reading: ListedReading) -> tuple[Citation, ...]:
        """The lines of a reading's text that give its title and its authors."""
        scope = Scope(readings=frozenset({reading.id}))
        authors = set(words(reading.authors or ""))
        if not authors:
            return ()
        for hit in self._search.search(f"{reading.title} {reading.authors}", 5, scope):
            sentences = hit.passage.sentences
            for at, sentence in enumerate(sentences):
                if authors <= set(words(hit.passage.quote(sentence))):
                    lines = sentences[max(0, at - 1) : at + 1]
                    return tuple(_cited(hit, line) for line in lines)
        return ()


def _written(one: ListedReading) -> str:
    if one.authors:
        return f"“{one.title}” is by {one.authors.rstrip('.')}."
    return f"The course page does not say who wrote “{one.title}”."


def _cited(hit: Hit, line: Sentence) -> Citation:
    page = line.page if line.page is not None else hit.passage.page
    return Citation(1, hit.document, hit.passage, hit.passage.quote(line), page)


def _small_talk(course: Catalogue, asked: CourseQuestion) -> Told:
    if asked.wish == "thanks":
        return Told("talk", "You are welcome.")
    hello = "Hello. " if asked.wish == "greeting" else ""
    return Told("talk", hello + _invitation(course))


def _invitation(course: Catalogue) -> str:
    readings = {one.id for session in course.sessions for one in session.readings}
    whose = f"of “{course.title}”" if course.title else "of this course"
    size = ""
    if readings:
        size = f" ({_many(len(course.sessions), 'session')}, {_many(len(readings), 'reading')})"
    return (
        f"I answer questions about the readings {whose}{size}; every sentence names the passage it"
        " comes from, and what the readings don't say I don't either. You can also ask which"
        " readings a session has, what to read on a subject, or when something is discussed."
    )


def _count(course: Catalogue, asked: CourseQuestion) -> Told:
    if asked.number is not None and asked.what == "reading":
        session = _numbered(course, asked.number)
        if session is None:
            return _no_session(course, asked.number)
        readings = _of_section(session.readings, asked)
        return Told("course", f"{_name(session)} has {_sections(readings, asked)}.")
    sessions = _many(len(course.sessions), "session")
    if asked.what == "session":
        return Told("course", f"The course has {sessions}.")
    readings = _of_section(list(_readings(course)), asked)
    return Told("course", f"The course lists {_sections(readings, asked)} in {sessions}.")


def _of_section(
    readings: Sequence[ListedReading], asked: CourseQuestion
) -> Sequence[ListedReading]:
    return [one for one in readings if asked.section in (None, one.section)]


def _all_sessions(course: Catalogue, _: CourseQuestion) -> Told:
    rows = [_row(session) for session in course.sessions]
    return _listing(f"The course has {_many(len(rows), 'session')}:", rows)


def _session(course: Catalogue, asked: CourseQuestion) -> Told:
    assert asked.number is not None
    told: list[Told] = []
    for number in (asked.number, *asked.also):
        session = _numbered(course, number)
        told.append(
            _one_session(course, session, asked) if session else _no_session(course, number)
        )
    if len(told) == 1:
        return told[0]
    rows = tuple(row for one in told for row in one.listed)
    lead = " ".join(one.text.split("\n")[0].replace(":", ".") for one in told)
    return _listing(lead, rows)


def _one_session(course: Catalogue, session: ListedSession, asked: CourseQuestion) -> Told:
    readings = _of_section(session.readings, asked)
    if not readings:
        which = {"required": "required ", "more": "further ", None: ""}[asked.section]
        return Told("course", f"{_name(session)} lists no {which}readings.", (_row(session),))
    rows = [_listed(course, one) for one in readings]
    ask = "; ask what one of them says, a whole session is not summed up" if asked.summed else ""
    return _listing(f"{_name(session)} has {_sections(readings)}{ask}:", rows)


def _all_readings(course: Catalogue, asked: CourseQuestion) -> Told:
    readings = [one for one in _readings(course) if asked.section in (None, one.section)]
    rows = [_listed(course, one) for one in readings]
    return _listing(f"The course has {_sections(readings)}:", rows)


def _by(course: Catalogue, asked: CourseQuestion) -> Told:
    """Readings of an author, as far as the course page names authors."""
    rows = [
        _listed(course, one) for one in _readings(course) if _covers(one.authors or "", asked.topic)
    ][:_ROWS]
    if rows:
        return _listing(f"{_many(len(rows), 'reading')} by “{asked.topic}”:", rows)
    nameless = sum(not one.authors for one in _readings(course))
    more = f"; of {_many(nameless, 'reading')} it names no author" if nameless else ""
    return Told("course", f"The course page lists no reading by “{asked.topic}”{more}.")


def _links(course: Catalogue, asked: CourseQuestion) -> Told | None:
    """Where a reading is to be had; None where no reading is called so."""
    found = _called(course, asked.topic) or _titled(course, asked.topic)
    if not found:
        return None
    rows = [_listed(course, one) for one in found[:_ROWS]]
    if not any(row.url for row in rows):
        return Told("course", f"The course page gives no link for “{found[0].title}”.", tuple(rows))
    listed = "".join(f"\n- {row.title}: {row.url or 'no link'}" for row in rows)
    return Told("course", f"Listed on the course page:\n{listed}", tuple(rows))


def _no_session(course: Catalogue, number: int) -> Told:
    numbers = [session.number for session in course.sessions]
    return Told(
        "course", f"There is no session {number}; they go from {min(numbers)} to {max(numbers)}."
    )


def _subject(topic: str, rows: Sequence[Listed], noun: str, sure: bool) -> str:
    if not rows:
        return f"No {noun} of the course is about “{topic}”."
    if not sure:
        return f"No {noun} of the course names “{topic}”; the nearest:"
    order = ", the likeliest first" if len(rows) > 1 else ""
    verb = {"session": "comes up in", "reading": "is the subject of"}[noun]
    return f"“{topic}” {verb} {_many(len(rows), noun)}{order}:"


def _listing(lead: str, rows: Sequence[Listed]) -> Told:
    items = "".join(f"\n- {_line(row)}" for row in rows)
    return Told("course", f"{lead}\n{items}" if items else lead, tuple(rows))


def _line(row: Listed) -> str:
    facts = []
    if row.section:
        facts.append("required" if row.section == "required" else "further reading")
        numbers = ", ".join(map(str, row.sessions))
        facts.append(f"session{'s' if len(row.sessions) > 1 else ''} {numbers}")
    return f"{row.title} ({', '.join(facts)})" if facts else row.title


def _row(session: ListedSession) -> Listed:
    return Listed(_name(session), (session.number,), None, session.url)


def _name(session: ListedSession) -> str:
    return f"Session {session.number} ({session.title})"


def _listed(course: Catalogue, one: ListedReading) -> Listed:
    sessions = (s.number for s in course.sessions if one.id in {r.id for r in s.readings})
    url = one.urls[0] if one.urls else None
    return Listed(one.title, tuple(sessions), one.section, url, one.authors)


def _sections(readings: Sequence[ListedReading], asked: CourseQuestion | None = None) -> str:
    """ "3 required and 2 further readings"; of the section asked for, where there are none."""
    if not readings and asked and asked.section:
        return f"no {'required' if asked.section == 'required' else 'further'} readings"
    required = sum(one.section == "required" for one in readings)
    further = len(readings) - required
    if required and further:
        return f"{required} required and {_many(further, 'further reading')}"
    kind = "required" if required else "further"
    return _many(len(readings), f"{kind} reading") if readings else "no readings"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _numbered(course: Catalogue, number: int) -> ListedSession | None:
    if number == LAST:
        return max(course.sessions, key=lambda one: one.number)
    return next((one for one in course.sessions if one.number == number), None)


def _readings(course: Catalogue) -> Iterable[ListedReading]:
    return {one.id: one for session in course.sessions for one in session.readings}.values()


def _called(course: Catalogue, name: str) -> list[ListedReading]:
    """Readings of this very title, or whose title begins so before a colon, or of this id."""
    found = [one for one in _readings(course) if one.id == name or is_called(name, one.title)]
    exact = [one for one in found if words(name) in (words(one.title), _leading(one.title))]
    return exact or found


def _leading(title: str) -> list[str]:
    return words(title.split(":")[0])


def _titled(course: Catalogue, name: str) -> list[ListedReading]:
    return [one for one in _readings(course) if _covers(one.title, name)]


def _covers(text: str, topic: str) -> bool:
    """Whether a text has all the words of a subject, in any form."""
    wanted = set(stems(topic))
    return bool(wanted) and wanted <= set(stems(text))


_LISTS: dict[str, Callable[[Catalogue, CourseQuestion], Told | None]] = {
    "count": _count,
    "sessions": _all_sessions,
    "session": _session,
    "readings": _all_readings,
    "by": _by,
    "link": _links,
}
