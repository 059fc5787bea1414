"""What a course page names beside its readings: exams, what is due, weeks without class.

A line of a session, or a cell of its row, that names no reading is told to be such an event, or
none, by a logistic regression over its words, their beginnings and the name of its column. The
weights in `events.json` are fitted by `benchmarks/events.py` to lines that were written for it.
Outside of the sessions, where rules about exams and essays stand, only lines with a day count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import get_args

from seminar_rag.syllabus.days import since, spans_in
from seminar_rag.syllabus.marks import dates_in, mark_of
from seminar_rag.syllabus.meetings import Meeting
from seminar_rag.syllabus.model import OTHER, READING, SESSION
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.sections import sessions_end
from seminar_rag.types import CourseEvent, CourseEventKind, Session

WEIGHTS = Path(__file__).with_name("events.json")
NONE = "none"
"""The class of a line that names no event."""
LEAST, LEAST_OF_A_TITLE = 0.6, 0.9
"""How probable an event must be; and one that the title of a session with readings names."""
LONGEST = 160
"""Characters of a line that may name an event."""
_STEM = 4
"""Letters of a word's beginning that are looked at beside the word."""
_A_DAY = "☼"
_WORD = re.compile(rf"{_A_DAY}|[^\W\d_]+|\d+|%")
_WEEK = re.compile(r"\b(?:week|woche|semaine|semana|settimana|неделя|тиждень)\b", re.IGNORECASE)
"""What tells when something is where no day is named: "Finals week"."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line or a cell of a page."""

    first: int
    """Which of the page's pieces it begins with."""
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """What it says, without line breaks."""
        return " ".join(" ".join(piece.text for piece in self.pieces).split())

    @property
    def header(self) -> str:
        """The name of its column."""
        return self.pieces[0].header


def lines_of(pieces: Sequence[Piece]) -> Iterator[Line]:
    """The pieces of a page by the lines and cells that they were cut from."""
    start = 0
    for n in range(1, len(pieces) + 1):
        opens = n == len(pieces) or pieces[n].cut in {"block", "cell", "line", "soft"}
        if opens or pieces[n].block != pieces[n - 1].block:
            if start < len(pieces):
                yield Line(start, tuple(pieces[start:n]))
            start = n


def shape(text: str, header: str = "") -> list[str]:
    """What tells the kind of an event: words, their beginnings, neighbours, and the column's name;
    days and numbers by one word for each."""
    for written in dates_in(text):
        text = text.replace(written, f" {_A_DAY} ", 1)
    words = ["0" if word.isdigit() else word for word in _WORD.findall(text.lower())]
    ends = ["<", *words, ">"]
    features = {*words, *("_".join(pair) for pair in pairwise(ends))}
    features |= {f"{word[:_STEM]}~" for word in words if len(word) > _STEM}
    features |= {f"column={word}" for word in _WORD.findall(header.lower()[:60])}
    features.add(f"words={min(len(words), 15) // 3}")
    return sorted(features)


@dataclass(frozen=True, slots=True)
class Kinds:
    """A logistic regression over `shape`."""

    classes: tuple[str, ...]
    offsets: tuple[float, ...]
    slopes: Mapping[str, Sequence[float]]
    """Of a feature, for each class."""

    def of(self, text: str, header: str = "", least: float = LEAST) -> CourseEventKind | None:
        """The kind of the event that a line names; None where it likely names none.

        Args:
            header: the name of its column.
            least: how probable it must be.
        """
        rows = [self.slopes[one] for one in shape(text, header) if one in self.slopes]
        scores = [
            offset + sum(row[n] for row in rows) / max(1, len(rows)) ** 0.5
            for n, offset in enumerate(self.offsets)
        ]
        best = max(range(len(scores)), key=scores.__getitem__)
        probable = 1 / sum(exp(score - scores[best]) for score in scores)
        name = self.classes[best]
        return next((k for k in get_args(CourseEventKind) if k == name and probable > least), None)


@cache
def trained() -> Kinds:
    """What was fitted to all the example lines."""
    data = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Kinds(tuple(data["classes"]), tuple(data["offsets"]), data["slopes"])


def events_of_sessions(sessions: Iterable[Session]) -> Iterator[CourseEvent]:
    """The events that sessions without readings are."""
    for one in sessions:
        kind = None if one.readings else trained().of(one.title[:LONGEST])
        if kind is not None:
            yield CourseEvent(one.title, kind, one.date, one.number, alone=True)


def events_on(
    pieces: Sequence[Piece], meetings: Sequence[Meeting], sessions: Sequence[Session]
) -> tuple[CourseEvent, ...]:
    """The events of a page, in its order, each once.

    Args:
        meetings: what was found on the page.
        sessions: the same as values.
    """
    named = [(m, s) for m, s in zip(meetings, sessions, strict=True) if m.heads]
    heads = {id(piece): s for m, s in named for piece in m.heads}
    taken = {id(piece) for m in meetings for entry in m.entries for piece in entry.pieces}
    end = _end(pieces, heads, taken)
    found = [(m.first, event) for m, s in named for event in events_of_sessions([s])]
    alone = {event.session for _, event in found}
    starts = [(m.first, s) for m, s in named]
    for line in lines_of(pieces):
        if len(line.text) > LONGEST or any(id(piece) in taken for piece in line.pieces):
            continue
        own = next((heads[id(piece)] for piece in line.pieces if id(piece) in heads), None)
        if own is not None and own.number in alone:
            continue
        titles = own is not None and bool(own.readings)
        kind = trained().of(line.text, line.header, LEAST_OF_A_TITLE if titles else LEAST)
        if kind is None or (titles and kind == "no class"):
            continue
        within = next((s for start, s in reversed(starts) if start <= line.first), None)
        event = _placed(line, kind, within, inside=line.first < end)
        if event is not None:
            found.append((line.first, event))
    found.sort(key=lambda one: one[0])
    return tuple(_by_day(_each_once([event for _, event in found]), sessions))


def _placed(
    line: Line, kind: CourseEventKind, within: Session | None, *, inside: bool
) -> CourseEvent | None:
    """An event with its day and session; None where a page states a rule.

    Args:
        within: the session that the line stands in or behind.
        inside: whether it stands before the sessions' end.
    """
    heading = line.pieces[0].path[-1] if line.pieces[0].path else ""
    date = _day(line.text)
    mark = mark_of(heading)
    if date is None and mark is not None and not (within is not None and _is_of(heading, within)):
        date = _day(heading) or (heading if mark.kind == "named" else None)
    if within is not None and inside:
        return CourseEvent(line.text, kind, date or within.date, within.number)
    if date is None and (within is None or not _WEEK.search(f"{heading} {line.text}")):
        return None
    after = within.number if within is not None and date is None else None
    return CourseEvent(line.text, kind, date, after)


def _day(text: str) -> str | None:
    """The first day or days that a line names; the "out" of "Homework 3 out" is no October."""
    days = (written.strip(" ,.") for written in dates_in(text))
    return next((one for one in days if not one.endswith(" out")), None)


def _is_of(heading: str, session: Session) -> bool:
    """Whether a heading is that of a session."""
    return session.title in heading or heading in session.title or heading == session.date


def _end(pieces: Sequence[Piece], heads: Mapping[int, Session], taken: Iterable[int]) -> int:
    """Where another part of the page begins after all sessions."""
    taken = frozenset(taken)
    labels = [
        SESSION if id(piece) in heads else READING if id(piece) in taken else OTHER
        for piece in pieces
    ]
    return sessions_end(pieces, labels) if pieces else 0


def _each_once(events: Sequence[CourseEvent]) -> Iterator[CourseEvent]:
    """Events without those that say again, of the same day, what another says with its number; a
    session that is one comes before lines that mention it."""
    seen: dict[tuple[object, ...], CourseEvent] = {}
    kept = []
    for event in sorted(events, key=lambda one: not one.alone):
        days = spans_in(event.date or "")
        numbers = frozenset(re.findall(r"\d+", _without_days(event.title)))
        key = (event.kind, days or event.session, numbers)
        same = seen.get(key)
        if same is None or not _shared(same.title, event.title):
            seen.setdefault(key, event)
            kept.append(event)
    yield from (event for event in events if event in kept)


def _by_day(events: Iterable[CourseEvent], sessions: Sequence[Session]) -> Iterator[CourseEvent]:
    """Events, those apart from the sessions behind the last one that does not meet later."""
    days = [(one.number, span[0]) for one in sessions for span in spans_in(one.date or "")[:1]]
    for event in events:
        own = spans_in(event.date or "")[:1]
        if event.session is None and own and days:
            first = days[0][1]
            before = [n for n, day in days if since(first, day) <= since(first, own[0][0])]
            yield replace(event, session=before[-1] if before else None)
        else:
            yield event


def _without_days(title: str) -> str:
    for written in dates_in(title):
        title = title.replace(written, " ", 1)
    return title


def _shared(one: str, two: str) -> bool:
    """Whether two titles share a word of some length."""
    words = [{w for w in _WORD.findall(text.lower()) if len(w) > _STEM} for text in (one, two)]
    return bool(words[0] & words[1])


def moved(
    events: Iterable[CourseEvent], learned: Sequence[Session], sessions: Sequence[Session]
) -> Iterator[CourseEvent]:
    """The events of a page whose sessions are read in another way than they were found with."""
    numbers = {a.number: b.number for a, b in zip(learned, sessions, strict=False)}
    alike = len(learned) == len(sessions)
    if alike:
        for one in events:
            number = None if one.session is None else numbers.get(one.session)
            yield replace(one, session=number)
        return
    yield from events_of_sessions(sessions)
    yield from (replace(one, session=None) for one in events if not one.alone and one.date)
