"""Days of the year that a text names, as course pages and questions write them. Pure.

A course page seldom says the year, so a day is a month and a day of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from seminar_rag.syllabus.marks import SHORT_YEAR, date_places, dates_in

Day = tuple[int, int]
"""Month and day of the month."""
Span = tuple[Day, Day]
"""The first and the last of some days on end."""
_MONTHS = (
    "jan ene янв січ ιαν",
    "feb fév fev фев лют φεβ",
    "mar mär мар берез μαρ",
    "apr avr abr апр квіт απρ",
    "may mai май мая трав μαΐ",
    "jun juin июн черв ιουν",
    "jul juil июл лип ιουλ",
    "aug aoû ago авг серп αυγ",
    "sep set сен верес σεπ",
    "oct okt out окт жовт οκτ",
    "nov ноя лист νοε",
    "dec déc dic dez дек груд δεκ",
)
_RELATIVE = re.compile(
    r"\b(?:(today|tonight|yesterday)|(tomorrow)|(this|next|last|past|coming)\s+(week|month))\b",
    re.I,
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_WEEKDAY = re.compile(rf"\b(?:(last)\s+)?(?:next |this |coming )?({'|'.join(_WEEKDAYS)})\b", re.I)
_MONTH_ALONE = re.compile(
    r"\b(?:in|during|of|for|throughout|until|till|before|after|since|by|end of|early|late)\s+"
    r"(january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"(?!\s*\d)",
    re.I,
)
_SHORT_YEAR = re.compile(rf"(\d\s+[^\W\d_]+\.?){SHORT_YEAR}")
_TOKEN = re.compile(r"(?<!\d)\d{4}(?!\d)|\d{1,2}|[^\W\d_]{3,}|[–—-]|\bto\b")


def spans_in(text: str, today: date | None = None) -> tuple[Span, ...]:
    """The days that a text names, in order.

    Args:
        today: what "tomorrow" and "this week" are counted from; without it they name no day.
    """
    found = [span for written in dates_in(text) for span in _spans(written)]
    if today is not None:
        found += [span for match in _RELATIVE.finditer(text) for span in _relative(match, today)]
    return tuple(found)


def named_days(text: str, today: date | None = None) -> Iterator[tuple[int, int, tuple[Span, ...]]]:
    """Where a text names days, and which: dates, "tomorrow", "last week", "on Friday", "in March".

    Args:
        today: what words are counted from; without it only dates and months name days.
    """
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, int, tuple[Span, ...]]] = []
    for start, end in date_places(text):
        taken.append((start, end))
        found.append((start, end, tuple(_spans(text[start:end]))))
    if today is not None:
        for match in _RELATIVE.finditer(text):
            taken.append(match.span())
            found.append((*match.span(), tuple(_relative(match, today))))
        for match in _WEEKDAY.finditer(text):
            if not any(start <= match.start() < end for start, end in taken):
                found.append((*match.span(), tuple(_weekday(match, today))))
    for match in _MONTH_ALONE.finditer(text):
        if not any(start <= match.start(1) < end for start, end in taken):
            month = _month(match[1])
            found.append((match.start(1), match.end(1), (((month, 1), (month, 31)),)))
    yield from sorted(one for one in found if one[2])


def since(first: Day, day: Day) -> int:
    """How many days a day lies behind the first one of a course, which may last over New Year;
    negative for up to three months before it."""
    days = (_of_year(day) - _of_year(first)) % _YEAR
    return days if days < _YEAR - _BEFORE else days - _YEAR


_YEAR, _BEFORE = 366, 92
"""Days of a year, and before a course's first day that still belong to its year."""


def _of_year(day: Day) -> int:
    month, number = day
    return sum(_LENGTHS[: month - 1]) + number


_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def session_at(sessions: Iterable[tuple[int, str | None]], today: date) -> int | None:
    """The session that meets today or next, within a week; None where no date says so.

    Args:
        sessions: number and date, as the course page writes it.
    """
    dated = [(number, span) for number, written in sessions for span in spans_in(written or "")]
    for days in range(7):
        then = _day(today + timedelta(days=days))
        for number, span in dated:
            if meet(span, (then, then)):
                return number
    return None


def meet(one: Span, other: Span) -> bool:
    """Whether two spans share a day."""
    return one[0] <= other[1] and other[0] <= one[1]


def _relative(match: re.Match[str], today: date) -> Iterator[Span]:
    if match[3]:
        away = {"this": 0, "next": 1, "coming": 1}.get(match[3].lower(), -1)
        if match[4].lower() == "month":
            month = (today.month - 1 + away) % 12 + 1
            yield (month, 1), (month, 31)
            return
        first = today - timedelta(days=today.weekday()) + timedelta(weeks=away)
        last = first + timedelta(days=6)
    else:
        yesterday = (match[1] or "").lower() == "yesterday"
        first = last = today + timedelta(days=1 if match[2] else -1 if yesterday else 0)
    if first.year == last.year:
        yield _day(first), _day(last)
    else:
        yield from ((_day(first), (12, 31)), ((1, 1), _day(last)))


def _weekday(match: re.Match[str], today: date) -> Iterator[Span]:
    """The next day of that name, today among them; with "last" before it the one before today."""
    away = (_WEEKDAYS.index(match[2].lower()) - today.weekday()) % 7
    if match[1]:
        away = away - 7 if away else -7
    day = _day(today + timedelta(days=away))
    yield day, day


def _day(day: date) -> Day:
    return day.month, day.day


def _spans(written: str) -> Iterator[Span]:
    """The spans of one date as a page writes it: "Sep 5–7", "5 & 7 Sept", "8/17-19", "24.10."."""
    if iso := re.search(r"\d{4}-(\d{1,2})-(\d{1,2})", written):
        yield from _checked((int(iso[1]), int(iso[2])))
    elif slash := re.search(r"(\d{1,2})/(\d{1,2})(?:/\d+)?", written):
        month, day = int(slash[1]), int(slash[2])
        month, day = (day, month) if month > 12 else (month, day)
        to = re.match(r"\s*[–—-]\s*(?:(\d{1,2})/)?(\d{1,2})", written[slash.end() :])
        last = (int(to[1] or month), int(to[2])) if to else (month, day)
        yield from _checked((month, day), last)
    elif dotted := re.search(r"(\d{1,2})\.(\d{1,2})\.", written):
        yield from _checked((int(dotted[2]), int(dotted[1])))
    else:
        yield from _named(written)


def _named(written: str) -> Iterator[Span]:
    """The spans of a date whose months are words."""
    tokens = _TOKEN.findall(_SHORT_YEAR.sub("\\1", written))
    months = [(at, month) for at, token in enumerate(tokens) if (month := _month(token))]
    days = [(at, int(token)) for at, token in enumerate(tokens) if re.fullmatch(r"\d\d?", token)]
    if not months or not days:
        return
    named = [(min(months, key=lambda one: abs(one[0] - at))[1], day) for at, day in days]
    between = tokens[days[0][0] : days[-1][0]]
    if len(named) > 1 and {"–", "—", "-", "to"} & set(between):
        yield from _checked(named[0], named[-1])
    else:
        for day in named:
            yield from _checked(day)


def _month(word: str) -> int:
    """The number of a month; 0 for other words."""
    word = word.lower()
    starts = (
        number
        for number, one in enumerate(_MONTHS, 1)
        for each in one.split()
        if word.startswith(each)
    )
    return next(starts, 0)


def _checked(first: Day, last: Day | None = None) -> Iterator[Span]:
    last = last or first
    if all(1 <= month <= 12 and 1 <= day <= 31 for month, day in (first, last)) and first <= last:
        yield first, last
