"""Questions that name a part of the course: "what is in part II?", "the unit on evaluation".

Whoever knows the course's parts puts a session for the one that is named, and the question is told
as if it were asked of that: "what is in session 4?" is worded alike. So no example has to name
parts. What is asked of all its sessions is then answered from the list, or searched for in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seminar_rag.answer.catalogue_rows import (
    CatalogueAnswer,
    of_section,
    reading_row,
    sections_in_words,
    session_row,
    with_rows,
)
from seminar_rag.question.intent import PLAIN, learned
from seminar_rag.question.patterns import LAST, session_numbers
from seminar_rag.question.schedule import EVENT, PERIOD
from seminar_rag.question.schedule import learned as calendar
from seminar_rag.syllabus.marks import mark_of, title_of
from seminar_rag.text import ORDINALS, STOPWORDS, content_words, plural, stems

if TYPE_CHECKING:
    from seminar_rag.question.query import Query
    from seminar_rag.types.catalogue import Catalogue, ListedSession

_ANY = ("part", "unit", "module")
"""What people call a part, whatever its page does."""
_ON = re.compile(r"\s+(?:on|about|called|named|titled|entitled)\s+", re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"\s+of\s+(?!(?:the |this |our )?(?:course|class|seminar|syllabus|reading list)\b)",
    re.IGNORECASE,
)
_NTH = re.compile(rf"(?:\bthe )?\b({'|'.join([*ORDINALS, 'last', 'final'])}) $", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:which|what|this|that|each|every|a|another)\s+$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")
_LISTED = frozenset({"session", "readings", "count readings", "sessions", "count sessions", "when"})
"""Intents that the list of the part's sessions answers."""
_UNTOLD = frozenset({PLAIN, "organisation"})
_OF_ONE = frozenset({"after", "before", "required"})
"""Intents that are about a single session or reading."""
_MOST_WORDS = 8
"""Words of a question that may call a part by its title."""
_MOST_NAMED = 8
"""Sessions of a part that are named one by one."""


@dataclass(frozen=True, slots=True)
class Named:
    """Words of a question that name parts of the course."""

    start: int
    end: int
    sessions: tuple[int, ...]
    """Of all parts named; empty where the course has no such part."""
    name: str
    """As the page prints it, or as the question does where there is none."""
    alone: bool = False
    """Whether it is the title alone, which may name a subject as well."""


def understood(
    text: str, sessions: Sequence[ListedSession], understand: Callable[[str], Query]
) -> Query:
    """A question understood, those of its words that name a part of the course as its sessions.

    Args:
        understand: understands a question that names no part.
    """
    for named in _named(text, sessions):
        number = next(iter(named.sessions), 1)
        stand_in = f"session {number}"
        put = understand(f"{text[: named.start]}{stand_in}{text[named.end :]}")
        query = _of_part(put, named, _asked(text, named))
        if query is not None:
            said = text[named.start : named.end]
            alone = query.stand_alone.replace(stand_in, said)
            return replace(query, text=text, stand_alone=alone)
    return understand(text)


def _asked(text: str, named: Named) -> bool:
    """Whether a question about a part is one of those about the calendar: "when does it start?"."""
    before, behind = text[: named.start].rstrip(), text[named.end :]
    time = calendar().of(f"{re.sub(r'(?i)[ ](?:in|of|for)$', '', before)} {PERIOD}{behind}")
    return time in ("sessions", "readings") or (
        calendar().of(f"{before} {EVENT}{behind}") == "when"
    )


def _of_part(query: Query, named: Named, asked: bool) -> Query | None:
    """A question as one about all sessions of a part; None where it is about none of them."""
    of_list = query.intent in _LISTED and bool(query.sessions)
    within = query.scope is not None and bool(query.scope.sessions)
    if not of_list and asked and query.intent in _UNTOLD:
        query, of_list = replace(query, intent="session", scope=None), True
    if of_list:
        return replace(query, sessions=named.sessions, part=named.name, scope=None, apart=())
    about = (within or query.sessions) and query.intent not in _OF_ONE
    if named.alone or not named.sessions or not about:
        return None
    scope = query.scope and replace(query.scope, sessions=frozenset(named.sessions))
    return replace(query, scope=scope, sessions=query.sessions and named.sessions)


def about_part(course: Catalogue, query: Query) -> CatalogueAnswer | None:
    """The sessions and readings of the part that a question is about; None for all others."""
    if not query.part or query.intent not in _LISTED:
        return None
    own = [one for one in course.sessions if one.number in query.sessions]
    if not own:
        parts = list(dict.fromkeys(one.part for one in course.sessions if one.part))
        there = f"; its parts are {', '.join(f'“{one}”' for one in parts)}" if parts else ""
        return CatalogueAnswer("course", f"The course page names no {query.part}{there}.")
    names = ", ".join(f"{one.number} ({one.title})" for one in own[:_MOST_NAMED])
    if len(own) > _MOST_NAMED:
        names = f"{own[0].number} to {own[-1].number}"
    days = [one.date for one in own if one.date]
    when = f" ({days[0]})" if len(days) == 1 else f" ({days[0]} to {days[-1]})" if days else ""
    readings = list({one.id: one for each in own for one in each.readings}.values())
    has = sections_in_words(readings, query)
    lead = f"“{query.part}”{when} has {plural(len(own), 'session')}, {names}, with {has}"
    rows = [reading_row(course, one) for one in of_section(readings, query)]
    return with_rows(f"{lead}:" if rows else f"{lead}.", rows or [session_row(one) for one in own])


# --- words ---------------------------------------------------------------------------------------


def _named(text: str, sessions: Sequence[ListedSession]) -> Iterator[Named]:
    """The words of a question that may name a part, those with its number first."""
    parts: dict[str, list[int]] = {}
    for one in sessions:
        if one.part:
            parts.setdefault(one.part, []).append(one.number)
    printed = {name: _counted(name) for name in parts}
    words = {word for word, _ in printed.values() if word} | set(_ANY)
    called = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})s?\b", re.IGNORECASE)
    for match in called.finditer(text):
        yield from _numbered(text, match, parts, printed)
    for match in called.finditer(text):
        yield from _titled(text, match, parts)
    for name, numbers in parts.items():
        title = re.escape(_bare(name))
        if alone := re.search(rf"\b(?:in|of|for|from|under) (?:the )?({title})\b", text, re.I):
            yield Named(*alone.span(1), tuple(numbers), name, alone=True)


def _bare(name: str) -> str:
    """The name of a part without its number."""
    return title_of(name.lstrip("[( ").rstrip(")] "))


def _counted(text: str) -> tuple[str, int]:
    """The word and the number that a part is printed with; "" and 0 without."""
    bare = re.sub(r"^\W+", "", text)
    mark = mark_of(bare)
    word = _WORD.match(bare)
    if mark is None or mark.number is None or word is None:
        return "", 0
    return (word[0].casefold() if mark.kind == "named" else "", mark.number)


def _numbered(
    text: str,
    match: re.Match[str],
    parts: Mapping[str, Sequence[int]],
    printed: Mapping[str, tuple[str, int]],
) -> Iterator[Named]:
    """Parts by their number: "part II", "units 1 and 2", "the last part"."""
    if nth := _NTH.search(text, 0, match.start()):
        (number,) = session_numbers(nth[1])
        names = list(parts)
        at = len(names) if number == LAST else number
        if at <= len(names) and not _OF_OTHERS.match(text, match.end()):
            name = names[at - 1]
            yield Named(nth.start(), match.end(), tuple(parts[name]), name)
        return
    rest = text[match.start() : match.start() + 80]
    mark = mark_of(rest)
    if mark is None or mark.kind != "named" or mark.number is None:
        return
    end = match.start() + len(rest[: mark.end].rstrip(" :|.,;)]>–—-?"))
    before = text[: match.start()]
    if _OF_OTHERS.match(text, end) or _ASKS.search(before):
        return
    given = [int(one) for one in re.findall(r"\d+", text[match.start() : end])]
    wanted = given if len(given) > 1 else [mark.number]
    if len(given) == 2 and re.search(r"\d\s*(?:[–-]|to)\s*\d", text[match.start() : end]):
        wanted = list(range(given[0], given[1] + 1))
    word = match[0].casefold()
    alike = [name for name, (own, _) in printed.items() if own and own in (word, word[:-1])]
    numbers = {name: printed[name][1] or 0 for name in alike or parts}
    if not any(numbers.values()):
        numbers = {name: at for at, name in enumerate(parts, 1)}
    if not alike and word.rstrip("s") not in _ANY:
        return
    names = [name for name, number in numbers.items() if number in wanted]
    found = tuple(number for name in names for number in parts[name])
    start = match.start() - (4 if before.lower().endswith("the ") else 0)
    yield Named(start, end, found, "” and “".join(names) or text[match.start() : end])


def _titled(text: str, match: re.Match[str], parts: Mapping[str, Sequence[int]]) -> Iterator[Named]:
    """Parts by words of their title: "the unit on evaluation", "the Using part"."""
    if on := _ON.match(text, match.end()):
        words = list(_WORD.finditer(text, on.end()))[:_MOST_WORDS]
        spans = [(match.start(), words[n].end(), words[: n + 1]) for n in range(len(words))]
    else:
        words = list(_WORD.finditer(text, 0, match.start()))[-_MOST_WORDS:]
        spans = [(words[n].start(), match.end(), words[n:]) for n in range(len(words))]
        spans = [one for one in spans if text[: one[0]].lower().endswith("the ")]
    for start, end, words in sorted(spans, key=lambda one: -len(one[2])):
        said = " ".join(word[0] for word in words)
        own = set(stems(" ".join(content_words(said))))
        names = [name for name in parts if own and own <= set(stems(_bare(name)))]
        behind = _WORD.search(text, end)
        goes_on = on and behind and not _is_of_request(behind[0])
        if names and not goes_on:
            numbers = tuple(number for name in names for number in parts[name])
            opens = 4 if text[:start].lower().endswith("the ") else 0
            yield Named(start - opens, end, numbers, "” and “".join(names))
            return


def _is_of_request(word: str) -> bool:
    """Whether a word belongs to the wording of some request, and not to what it is about."""
    return word.lower() in STOPWORDS or learned().knows(word.lower())
