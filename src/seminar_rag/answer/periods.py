"""Words of a question that name a time of this course: "before the midterm", "last week". Pure.

A course's calendar is its sessions and events in order, by their days where its page has them, else
by their places. A time is two ends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf
from typing import TYPE_CHECKING

from seminar_rag.question.patterns import course_words
from seminar_rag.syllabus.days import named_days, since, spans_in
from seminar_rag.text import STOPWORDS, stems

if TYPE_CHECKING:
    from seminar_rag.types.catalogue import Catalogue, ListedSession
    from seminar_rag.types.reading import CourseEvent, CourseEventKind

_BEFORE = re.compile(
    r"\b(before|until|till|prior|up|leading|ahead|by|for)(?: up)?(?: to| until| of)?\s+"
    r"(?:the |our |my |a )?(?:class on |session on )?$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\b(?:after|since|following|from|past|beyond)\s+(?:the |our |my |a )?$", re.IGNORECASE
)
_STEP = 0.01
"""Less than any distance on the calendar."""
_BETWEEN = re.compile(r"\bbetween\s+(?:the |our )?$|\bfrom\s+(?:the |our )?$", re.IGNORECASE)
_AND = re.compile(r"\s*(?:and|to|until|till|–|-)\s+(?:the |our )?", re.IGNORECASE)
_DURING = re.compile(
    r"\b(?:in|on|at|during|over)\s+(?:the |our |my |a )?$|\b(?:the|our|my)\s+$", re.IGNORECASE
)
_HALF = re.compile(
    r"\b(first|second|last|other) half(?: of (?:the |this |our )?(?:course|term|semester|seminar"
    r"|class|quarter|lectures|sessions))?(?! of\b)",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"\b(?:remain(?:s|ing)?|left|still to come|to come|coming up|upcoming|from now on)\b"
    r"|(?<=\bdue )next(?=\W*$)",
    re.IGNORECASE,
)
_SO_FAR = re.compile(r"\b(so far|until now|up to now|already|till now)\b", re.IGNORECASE)
_END = re.compile(
    r"\bend of (?:the |this |our )?(?:term|semester|course|class|seminar|quarter)\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_KIND_WORDS: dict[CourseEventKind, frozenset[str]] = {
    "exam": frozenset(stems("exam exams examination test tests quiz midterm final finals")),
    "due": frozenset(
        stems("due deadline deadlines date submission assignment assignments homework")
    ),
    "no class": frozenset(stems("break holiday holidays vacation recess")),
    "presentations": frozenset(stems("presentation presentations")),
}
"""Words that an event of a kind may be called by though its line does not have them."""
_ALSO = frozenset(stems("date day deadline exam due class classes week session lecture"))
"""Words that may stand beside a name, and name nothing alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands on the calendar: days since the course began, or its place in the
    order of sessions."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Named:
    """Words of a question that name a time or events."""

    start: int
    end: int
    place: Place
    """The time that they name; of events, from the first to the last."""
    events: tuple[CourseEvent, ...] = ()
    """The events that they name."""
    is_time: bool = False
    """Whether they name a time, as "before the midterm" does, and not the events themselves."""
    numbered: bool = False
    """Whether they are a session's number: "week 9"."""


class Timeline:
    """The sessions and events of a course in order."""

    def __init__(self, course: Catalogue, today: date) -> None:
        self._course = course
        self._today = today
        spans = [(one, spans_in(one.date or "")) for one in course.sessions]
        dated = [span for _, own in spans for span in own]
        self.first = dated[0][0] if len(dated) * 2 >= len(course.sessions) and dated else None
        """Its first day; None where its sessions have no days, and their order counts."""
        self._sessions: dict[int, Place] = {}
        last = 0.0
        for at, (session, own) in enumerate(spans):
            if self.first is None:
                self._sessions[session.number] = Place(at, at)
            elif own:
                low, high = (since(self.first, own[n][n]) for n in (0, -1))
                self._sessions[session.number] = Place(low, max(low, high))
                last = high
            else:
                self._sessions[session.number] = Place(last, last)

    @property
    def now(self) -> float | None:
        """Where today is; None without days."""
        if self.first is None:
            return None
        return since(self.first, (self._today.month, self._today.day))

    def session(self, one: ListedSession) -> Place:
        """Where a session is."""
        return self._sessions[one.number]

    def event(self, one: CourseEvent) -> Place:
        """Where an event is."""
        own = spans_in(one.date or "") if self.first is not None else ()
        if own and self.first is not None:
            low, high = since(self.first, own[0][0]), since(self.first, own[-1][1])
            return Place(low, max(low, high))
        place = self._sessions.get(one.session if one.session is not None else -1, Place(-1, -1))
        behind = 0.0 if one.alone or one.date is None else 0.5
        return Place(place.low + behind, place.high + behind)

    def sessions(self, within: Place) -> list[ListedSession]:
        """The sessions of a time, in order."""
        return [one for one in self._course.sessions if _inside(self.session(one), within)]

    def events(self, within: Place) -> list[CourseEvent]:
        """The events of a time, in order."""
        found = [one for one in self._course.events if _inside(self.event(one), within)]
        return sorted(found, key=lambda one: self.event(one).low)

    # --- words -------------------------------------------------------------------------------

    def named(self, question: str) -> list[Named]:
        """What a question says of the calendar, in order, each stretch of words once."""
        found = [*self._times(question), *self._days(question), *self._events(question)]
        found += self._numbered(question)
        kept: list[Named] = []
        for one in sorted(found, key=lambda one: (one.start, -one.end)):
            if not kept or one.start >= kept[-1].end:
                kept.append(one)
        return _joined(question, kept, self.now)

    def _times(self, question: str) -> Iterator[Named]:
        """Halves of the course, what is left, what is over, its end."""
        order = [self.session(one).low for one in self._course.sessions]
        middle = order[len(order) // 2] if order else 0
        for match in _HALF.finditer(question):
            early = match[1].lower() == "first"
            place = Place(-inf, middle - _STEP) if early else Place(middle, inf)
            yield Named(*match.span(), place, is_time=True)
        for match in _END.finditer(question):
            yield Named(*match.span(), Place(inf, inf), is_time=True)
        if self.now is not None:
            for match in _LEFT.finditer(question):
                yield Named(*match.span(), Place(self.now, inf), is_time=True)
            for match in _SO_FAR.finditer(question):
                yield Named(*match.span(), Place(-inf, self.now), is_time=True)

    def _days(self, question: str) -> Iterator[Named]:
        if self.first is None:
            return
        for start, end, spans in named_days(question, self._today):
            low = min(since(self.first, first) for first, _ in spans)
            high = max(since(self.first, last) for _, last in spans)
            yield Named(start, end, Place(low, max(low, high)), is_time=True)

    def _numbered(self, question: str) -> Iterator[Named]:
        """Sessions by their number: "week 9"."""
        at = 0
        for word, numbers in course_words(question):
            start = question.find(word, at)
            at = max(at, start)
            known = [self._sessions[n] for n in numbers if n in self._sessions]
            if known and start >= 0:
                low, high = min(one.low for one in known), max(one.high for one in known)
                yield Named(start, start + len(word), Place(low, high), (), True, True)

    def _events(self, question: str) -> Iterator[Named]:
        """The longest runs of words that call events by their name."""
        words = list(_WORD.finditer(question))
        at = 0
        while at < len(words):
            for end in range(min(len(words), at + 6), at, -1):
                called = self._called(words, at, end)
                if called:
                    places = [self.event(one) for one in called]
                    place = Place(min(p.low for p in places), max(p.high for p in places))
                    yield Named(words[at].start(), words[end - 1].end(), place, tuple(called))
                    at = end - 1
                    break
            at += 1

    def _called(self, words: Sequence[re.Match[str]], at: int, end: int) -> list[CourseEvent]:
        """The events that these words call by their name, where no more words belong to it."""
        run = [word[0].lower() for word in words[at:end]]
        before = words[at - 1][0].lower() if at else ""
        if before in _ANY:
            return []
        behind = words[end][0].lower() if end < len(words) else ""
        if not _INNER.isdisjoint(run) or run[0] in _VERBS or _goes_on(behind):
            return []
        asked = set(stems(_plain(" ".join(run))))
        digits = {word for word in run if word.isdigit()}
        if asked <= (_ALSO - _NAMES) | digits:
            return []
        found: list[tuple[int, CourseEvent]] = []
        for event in self._course.events:
            title = [one for one in stems(_plain(event.title)) if one not in _ALSO]
            own, kind = set(title), _KIND_WORDS[event.kind]
            if not (asked <= own | kind | _ALSO and digits <= own):
                continue
            first = next((one for one in title if one not in kind), "")
            if first in asked or len(asked & (own | kind)) > 1 or before in _THE or asked & _EXAMS:
                found.append((len(asked & own), event))
        best = max((score for score, _ in found), default=0)
        kept = [event for score, event in found if score == best]
        exams = [event for event in kept if event.kind == "exam"]
        return exams if exams and asked & _NAMES else kept


_INNER = STOPWORDS - {"paper", "papers"}
"""Words that a name does not have: "what is due after spring break" calls nothing by all of it."""
_THE = frozenset({"the", "our", "my", "your", "over", "during"})
"""Words before a name that is no more than the kind of an event: "the break"."""
_EXAMS = frozenset(stems("midterm final finals"))
_ANY = frozenset({"a", "an", "any", "another"})
"""Words before what is asked for, and not called by its name: "is there an exam in May?"."""
_NAMES = frozenset(stems("midterm final finals exam exams examination test quiz"))
"""Words that name an exam where they may name something else too: "the final"."""
_VERBS = frozenset(
    """due held taken is are be take takes place read start starts begin begins end ends happen
    happens scheduled get come comes over left remain each have has handed submitted turned
    until""".split()
)
"""Words behind a name that do not belong to it."""


def _goes_on(word: str) -> bool:
    """Whether a word behind a name makes it the name of something else: "midterm elections"."""
    return bool(word) and word not in _INNER and word not in _VERBS


def _plain(text: str) -> str:
    """A text with "mid-term" in one word."""
    return re.sub(r"\b[Mm]id[- ]?term", "midterm", text)


def _inside(place: Place, within: Place) -> bool:
    return place.low <= within.high and place.high >= within.low


def _joined(question: str, found: Sequence[Named], now: float | None) -> list[Named]:
    """Times made of names with the words before them: "before the midterm", "between A and B"."""
    out: list[Named] = []
    for one in found:
        before = question[: one.start]
        joins = out and _AND.fullmatch(question[out[-1].end : one.start])
        if joins and (start := _BETWEEN.search(question[: out[-1].start])):
            last = out.pop()
            low = last.place.high + _STEP if last.events else last.place.low
            high = one.place.low - _STEP if one.events else one.place.high
            out.append(Named(start.start(), one.end, Place(low, high), is_time=True))
        elif (match := _BEFORE.search(before)) and not _names_it(one, match[1]):
            place = _up_to(one, match[1].lower(), now)
            out.append(replace(one, start=match.start(), place=place, is_time=True))
        elif (match := _AFTER.search(before)) and not _is_span(one, match[0]):
            after = Place(one.place.high + _STEP, inf)
            out.append(replace(one, start=match.start(), place=after, is_time=True))
        elif match := _DURING.search(before):
            during = one.is_time or match[0].lower().startswith(("in", "on", "at", "dur", "over"))
            out.append(replace(one, start=match.start(), is_time=during))
        else:
            out.append(one)
    return out


def _names_it(one: Named, word: str) -> bool:
    """Whether "for" makes no time of what follows: "the deadline for the essay"."""
    return word.lower() == "for" and any(event.kind != "exam" for event in one.events)


def _is_span(one: Named, words: str) -> bool:
    """Whether what follows "from" has an end of its own: "from May 3 to May 7"."""
    return words.lower().startswith("from") and one.is_time and one.place.high > one.place.low


def _up_to(one: Named, word: str, now: float | None) -> Place:
    """The time before something, which belongs to it where it is a day: "until Friday"."""
    if one.events or word not in {"by", "for", "until", "till", "up"}:
        return Place(-inf, one.place.low - _STEP)
    if word == "for":
        return one.place
    from_now = word == "by" and now is not None and now <= one.place.high
    return Place(now if from_now and now is not None else -inf, one.place.high)
