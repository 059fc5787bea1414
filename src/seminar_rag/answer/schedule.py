"""Answers about the course's calendar: what to read or hand in by when, when an exam is.

The kind of a question is learned (`question.schedule`); the times and events in it are found with
the calendar of the course (`periods`). What the page gives no day or place for is not answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import inf
from typing import TYPE_CHECKING

from seminar_rag.answer.catalogue_rows import (
    CatalogueAnswer,
    of_section,
    reading_row,
    session_readings,
    session_row,
    with_rows,
)
from seminar_rag.answer.periods import Named, Place, Timeline
from seminar_rag.question.intent import section_in
from seminar_rag.question.schedule import EVENT, PERIOD, learned
from seminar_rag.text import plural
from seminar_rag.types import Listed

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedSession
    from seminar_rag.types.reading import CourseEvent

_UNSLOTTED = frozenset({"due", "class"})
"""Kinds that a question may ask without a time: "what are the deadlines?"."""
_FEW_DAYS = 10
"""Days of a time of which, besides what is due, the readings are told."""
_DUE = frozenset({"due", "exam", "presentations"})
"""Kinds of events that one has to be ready for."""


def about_schedule(course: Catalogue, query: Query, today: date) -> CatalogueAnswer | None:
    """The answer to a question about the course's calendar; None for all others."""
    timeline = Timeline(course, today)
    query = replace(query, section=query.section or section_in(query.text.lower().split()))
    named = timeline.named(query.text)
    if not named and query.intent != "organisation" and not learned().knows(query.text):
        return None
    asked = learned().of(_masked(query.text, named))
    if asked is None or (not named and asked not in _UNSLOTTED):
        return None
    events = [event for one in named for event in one.events]
    within = _within(named)
    if asked == "when":
        return _when(course, events) if events else None
    if asked == "class":
        return _class(timeline, within, named)
    if asked == "due":
        return _due(course, timeline, query, within)
    if not named or all(one.events and not one.is_time for one in named):
        return None
    if all(one.numbered for one in named):
        return None  # "what do we read in week 9", which says nothing of the calendar
    sessions = timeline.sessions(within)
    if asked == "readings":
        return _readings(course, query, sessions)
    rows = [session_row(one) for one in sessions]
    many = plural(len(rows), "session")
    return with_rows(f"The course has {many} at that time:" if rows else _NO_SESSION, rows)


_NO_SESSION = "The course page names no session at that time."


def _masked(question: str, named: Sequence[Named]) -> str:
    """A question with one word for each time and event that it names."""
    out, at = [], 0
    for one in named:
        out.append(question[at : one.start])
        out.append(f" {PERIOD if one.is_time else EVENT} ")
        at = one.end
    return " ".join("".join([*out, question[at:]]).split())


def _within(named: Sequence[Named]) -> Place:
    """The time that all the words name together."""
    times = [one.place for one in named if one.is_time] or [one.place for one in named]
    low = max((one.low for one in times), default=-inf)
    return Place(low, min((one.high for one in times), default=inf))


def _readings(
    course: Catalogue, query: Query, sessions: Sequence[ListedSession]
) -> CatalogueAnswer:
    if not sessions:
        return CatalogueAnswer("course", _NO_SESSION)
    if len(sessions) < 3:
        numbers = tuple(one.number for one in sessions)
        return session_readings(course, replace(query, sessions=numbers))
    known = {one.id: one for session in sessions for one in session.readings}
    rows = [reading_row(course, one) for one in of_section([*known.values()], query)]
    spanned = f"Sessions {sessions[0].number} to {sessions[-1].number}"
    kind = {"required": "required ", "more": "further ", None: ""}[query.section]
    if not rows:
        return CatalogueAnswer("course", f"{spanned} have no {kind}readings.")
    return with_rows(f"{spanned} have {plural(len(rows), f'{kind}reading')}:", rows)


def _event_rows(events: Sequence[CourseEvent]) -> list[Listed]:
    return [Listed(one.shown, _numbers(one), None) for one in events]


def _numbers(event: CourseEvent) -> tuple[int, ...]:
    return () if event.session is None else (event.session,)


def _when(course: Catalogue, events: Sequence[CourseEvent]) -> CatalogueAnswer:
    lines = [f"“{one.title}”: {_where(course, one)}." for one in dict.fromkeys(events)]
    text = lines[0] if len(lines) == 1 else "\n- ".join(["The course page says:\n", *lines])
    return CatalogueAnswer("course", text, tuple(_event_rows(list(dict.fromkeys(events)))))


def _where(course: Catalogue, event: CourseEvent) -> str:
    """When an event is, by its day, and by the session that it is or stands in."""
    session = next((one for one in course.sessions if one.number == event.session), None)
    if session is None:
        return event.date or "the course page gives no day"
    if event.alone:
        place = f"session {session.number}"
    elif event.date == session.date:
        place = f"with session {session.number} ({session.title})"
    else:
        place = f"after session {session.number} ({session.title})"
    return f"{event.date}, {place}" if event.date else place


def _class(timeline: Timeline, within: Place, named: Sequence[Named]) -> CatalogueAnswer | None:
    """Whether there is class at a time; without a time, when there is none."""
    free = [one for one in timeline.events(within) if one.kind == "no class"]
    if not named:
        lead = "The course page names these times without class:"
        rows = _event_rows(free)
        return with_rows(lead, rows) if rows else None
    meets = [one for one in timeline.sessions(within) if one.number not in _alone(timeline, within)]
    rows = [session_row(one) for one in meets]
    no = "; ".join(one.shown for one in free)
    if free and not meets:
        return CatalogueAnswer("course", f"No: {no}.", tuple(_event_rows(free)))
    if not meets:
        return CatalogueAnswer("course", _NO_SESSION)
    names = "; ".join(_dated(one) for one in meets[:3])
    but = f" But: {no}." if free else ""
    return CatalogueAnswer("course", f"Yes: {names}.{but}", tuple(rows))


def _alone(timeline: Timeline, within: Place) -> set[int | None]:
    """The sessions of a time that are no class."""
    events = timeline.events(within)
    return {one.session for one in events if one.alone and one.kind == "no class"}


def _dated(session: ListedSession) -> str:
    day = f" on {session.date}" if session.date else ""
    return f"session {session.number}{day} ({session.title})"


def _due(
    course: Catalogue, timeline: Timeline, query: Query, within: Place
) -> CatalogueAnswer | None:
    """What is due at a time and, of a few days, what is read."""
    found = [one for one in timeline.events(within) if one.kind in _DUE]
    short = within.high - within.low <= _FEW_DAYS and timeline.first is not None
    read = [one for one in timeline.sessions(within) if one.readings] if short else []
    if not found and not read:
        if not any(one.kind in _DUE for one in course.events):
            return None
        return CatalogueAnswer("course", "The course page names nothing that is due then.")
    rows = _event_rows(found)
    due = with_rows("The course page names:", rows) if rows else None
    if not read:
        return due
    listed = _readings(course, query, read)
    if due is None:
        none = "The course page names nothing to hand in then. To read: "
        return replace(listed, text=f"{none}{listed.text}") if course.events else listed
    names = "; ".join(one.shown for one in found)
    return replace(listed, text=f"Due: {names}. To read: {listed.text}")
