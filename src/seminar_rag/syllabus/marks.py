"""What marks a line as the beginning of a session: "Week 3:", "Lecture IV", "Sep 12 —", "2.". Pure.

A single marked line says little; `series` chooses those that look alike and come in turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from seminar_rag.text import CARDINALS, MONTH

MarkKind = Literal["named", "dated", "numbered", "roman"]

_ROMAN = r"[IVX]{1,6}"
_NAME = (
    r"(?:week|wk|session|lecture|lect?|class|meeting|day|module|unit|seminar|topic|part"
    r"|lesson|block|woche|sitzung|vorlesung|termin|einheit|semaine|séance|cours|leçon|semana|sesión"
    r"|clase|tema|unidad|módulo|aula|encontro|unidade|sessão|settimana|lezione|неделя|лекция|занятие"
    r"|семинар|тема|модуль|раздел|тиждень|лекція|заняття|розділ|седмица|εβδομάδα|μάθημα|διάλεξη"
    r"|ενότητα)(?:s|es)?"
)
_SEPARATOR = r"[\s:|.,;)\]>–—-]*"
MONTH_NAME = (
    rf"(?:{MONTH}|(?:jan(?:vier|uar|eiro)|ene(?:ro)?|f[ée]v(?:rier|ereiro)?|febr(?:ero|uar)|mar[szç]o?"
    r"|märz|avr(?:il)?|abr(?:il)?|mai(?:o)?|mayo|juin|jun[ih]o?|juil(?:let)?|jul[ih]o?|août|agosto?"
    r"|sep(?:tembre|tiembre)?|set(?:embro)?|o[ckt]t(?:obre|ubre|ober)|out(?:ubro)?|nov(?:embre|iembre"
    r"|embro)|d[ée]c(?:embre)?|dic(?:iembre)?|dez(?:ember|embro)?|январ[яь]|феврал[яь]|марта?"
    r"|апрел[яь]|ма[йя]|июн[яь]|июл[яь]|августа?|сентябр[яь]|октябр[яь]|ноябр[яь]|декабр[яь]"
    r"|січ(?:ень|ня)|лют(?:ий|ого)|берез(?:ень|ня)|квіт(?:ень|ня)|трав(?:ень|ня)|черв(?:ень|ня)"
    r"|лип(?:ень|ня)|серп(?:ень|ня)|верес(?:ень|ня)|жовт(?:ень|ня)|листопада?|груд(?:ень|ня)"
    r"|ιανουαρίου|φεβρουαρίου|μαρτίου|απριλίου|μαΐου|ιουνίου|ιουλίου|αυγούστου|σεπτεμβρίου"
    r"|οκτωβρίου|νοεμβρίου|δεκεμβρίου)\b\.?)"
)
MONTH_OF_DAY = (
    r"(?:(?:januar|februar|märz|mai|juni|juli|september|oktober|november|dezember)\b"
    rf"(?!,\s[^\W\d]|\s\d\d?(?!\d))|{MONTH_NAME}(?=\s*(?:$|[:(|]|[–—]|-\s|(?:19|20)\d\d)))"
)
"""The month after the number of a day ("12. Oktober"), told from a name or date after the number of
a list ("1. May, R.", "2. Sep 11: Trees")."""
_NAMED = re.compile(
    rf"^(?:{_NAME}\.?\s*+(?:(?:#|no\.?|nr\.?)\s*+)?|[WL](?=\d))"
    rf"(?P<number>\d{{1,3}}|{_ROMAN}|{'|'.join(CARDINALS)})[ab]?"
    rf"(?:\s*(?:[&/+–-]|and|to)\s*\d{{1,3}})?(?![\w/])(?!\.\d){_SEPARATOR}",
    re.I,
)
_NUMBERED = re.compile(r"^(?P<number>\d{1,3})\s*(?:[.):](?!\d+\.)|\s[–—-](?=\s))\s*(?=\S)")
_ROMANED = re.compile(rf"^(?P<number>{_ROMAN})\s*[.):–—-]\s*(?=\S)")
_WEEKDAY = (
    r"(?:mon?(?:day)?|tue?(?:s(?:day)?)?|wed?(?:s|nesday)?|th(?:u(?:rs?(?:day)?)?)?|fri?(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?|montag|dienstag|mittwoch|donnerstag|freitag|lun(?:di|es)|mar(?:di|tes)"
    r"|mercredi|mi[ée]rcoles|je?u(?:di|eves)|vend(?:redi)?|viernes|(?:segunda|terça|quarta|quinta"
    r"|sexta)(?:-feira)?|m|t|w|th|f)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?(?!\d)"
YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d[a-z]?\b")
"""A year as references have it: "1996", "2007a"."""
SHORT_YEAR = r"\s+['’]?\d\d(?=\s*$)"
"""The year of a date that ends a text, after its month ("24 Jan 19")."""
_TO = (
    rf"(?:\s*(?:[–—/&-]|and|to|y|und)\s*(?:{MONTH_NAME}\s*)?{_DAY}|,\s*{MONTH_NAME}\s*{_DAY}"
    rf"|,\s*{_DAY}(?=\s*(?:[),;|\]–—-]|$))){{0,9}}"
)
_DATE = (
    rf"(?:{_WEEKDAY}(?:\s*/\s*{_WEEKDAY})?,?\s*(?:\|\s*)?)?"
    rf"(?:{_DAY}\s+{MONTH_NAME}{SHORT_YEAR}|{MONTH_NAME}\s*{_DAY}{_TO}|{_DAY}\.?{_TO}\s+(?:de\s+|of\s+)?{MONTH_NAME}|\d{{4}}-\d{{1,2}}-\d{{1,2}}(?!\d)"
    r"|\d{1,2}/\d{1,2}(?:/\d{2,4})?(?:\s*[–—-]\s*(?:\d{1,2}/)?\d{1,2})?(?![\d/])"
    r"|\d{1,2}\.(?:0\d|1[0-2])\.(?:\d{2,4})?(?!\d)|\d{1,2}\.\d{1,2}\.(?:19|20)\d\d)"
    rf"(?:,?\s+(?:19|20)\d\d(?!\d))?(?:,?\s*\(?{_WEEKDAY}\)?)?"
)
_DATED = re.compile(rf"^[(\[<]?{_DATE}(?![\w/]){_SEPARATOR}", re.I)
_DATED_TAIL = re.compile(rf"(?<!\s)\s*(?:[(\[]\s*{_DATE}\s*[)\]]|[,|–—-]\s*{_DATE})\s*$", re.I)
_NAMED_TAIL = re.compile(rf"(?<!\s)\s+[(\[]\s*{_NAME}\.?\s*\d{{1,3}}\s*[)\]]\s*$", re.I)
_NAME_BEHIND = re.compile(rf"^{_NAME}\s*+(?:[(\[]\s*+{_DATE}\s*+[)\]]|[:–—])[\s:–—-]*+(?=\w)", re.I)
"""What a number counts, before the title: "3. Sitzung (30.04.): Vergessen"."""
_ANY_DATE = re.compile(rf"(?<![\w/.])(?:{_DATE})(?![\w/])", re.I)
_OUTLINE = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,3}\.?\s+(?=[^\W\d_]{2})")
"""The number that exports of org-mode, Sphinx or Quarto give a heading: "3.1. Week 1: Trees"."""
_LONGEST = 300
"""Characters: a line that is longer opens no session."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a line is marked."""

    kind: MarkKind
    number: int | None
    """As written; None where the mark is a date."""
    end: int
    """Where the text after the mark begins; 0 where the mark is a date at the end."""


@lru_cache(maxsize=1 << 12)  # the same lines are asked about again and again
def mark_of(text: str) -> Mark | None:
    """The mark that opens a line, with all the numbers and dates that belong to it."""
    if len(text) > _LONGEST:
        return None
    outline = _OUTLINE.match(text)
    inner = mark_of(text[outline.end() :]) if outline else None
    if outline and inner and inner.end:
        return replace(inner, end=outline.end() + inner.end)
    found: Mark | None = None
    for kind, pattern in _PATTERNS:
        if match := pattern.match(text):
            value = match.groupdict().get("number")
            end = outline.end() if outline else match.end()
            found = Mark(kind, _value(value) if value else None, end)
            break
    else:
        return Mark("dated", None, 0) if _DATED_TAIL.search(text) else None
    while found is not None and (more := _more(text[found.end :], found.kind)):
        found = Mark(found.kind, found.number, found.end + more)
    return found


def title_of(text: str) -> str:
    """A session's title without its mark, its date and its number ("Evidence (Week 2)"); the text
    itself where nothing else is."""
    mark = mark_of(text)
    outline = _OUTLINE.match(text) if mark is None or not mark.end else None
    rest = text[outline.end() if outline else mark.end if mark else 0 :]
    if mark is not None and mark.kind == "numbered" and len(rest) <= _LONGEST:
        rest = _NAME_BEHIND.sub("", rest)
    if len(rest) <= _LONGEST:
        rest = _NAMED_TAIL.sub("", _DATED_TAIL.sub("", rest))
    rest = rest.strip(" \t:|–—-")
    return rest if re.search(r"\w", rest) else text.strip(" \t:|–—-")


def is_date(text: str) -> bool:
    """Whether a text is a date, or a span of days, and nothing else."""
    match = _DATED.match(text.strip()) if len(text) <= _LONGEST else None
    return match is not None and match.end() == len(text.strip())


def date_in(text: str) -> str | None:
    """The first date or span of days in a line, as written."""
    return next((written.strip(" ,.") for written in dates_in(text)), None)


def dates_in(text: str) -> Iterator[str]:
    """The dates and spans of days in a line, as written."""
    return (match.group() for match in _ANY_DATE.finditer(text[:_LONGEST]))


def date_places(text: str) -> Iterator[tuple[int, int]]:
    """Where the dates and spans of days of a line begin and end."""
    return (match.span() for match in _ANY_DATE.finditer(text[:_LONGEST]))


def _more(rest: str, kind: MarkKind) -> int:
    """Length of a further mark: the date of a numbered line, the number of a dated one."""
    dated = _DATED.match(rest)
    if dated and kind != "dated":
        return dated.end()
    named = _NAMED.match(rest)
    return named.end() if named and kind in {"dated", "named"} else 0


def _value(written: str) -> int:
    if written.isdigit():
        return int(written)
    if written.lower() in CARDINALS:
        return CARDINALS[written.lower()]
    values = [{"I": 1, "V": 5, "X": 10}[char] for char in written.upper()]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


_PATTERNS: tuple[tuple[MarkKind, re.Pattern[str]], ...] = (
    ("named", _NAMED),
    ("dated", _DATED),
    ("numbered", _NUMBERED),
    ("roman", _ROMANED),
)
