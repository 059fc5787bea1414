"""The readings of the course that citations mean. Pure.

A citation is matched to a reading by its ids where both have one, then by the title, then by first
author and year; the year of a reading is known only where its arXiv id tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import inf, log
from textwrap import shorten
from typing import Literal

from seminar_rag import ids
from seminar_rag.check.references import family, is_a_mark
from seminar_rag.syllabus.features import WORDS
from seminar_rag.syllabus.markup_text import Item
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.spans import Run, span_features, spans_of
from seminar_rag.text import MONTH, fold, main_title
from seminar_rag.types import Block, Cited
from seminar_rag.types.check import Work

SAME_TITLE = 90.0
"""Likeness (0 to 100) from which two titles are the same; subtitles may be left out."""
OTHER_TITLE = 70.0
"""Likeness up to which they are certainly not."""
_YEARS_LATER = 2
"""A paper may be printed so many years after it came out on arXiv."""
_SHOWN = 120
"""Characters of an entry that a message has."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a citation means; nothing, with the reason, where no reading fits."""

    works: tuple[Work, ...] = ()
    problem: Literal["mismatch", "unlisted"] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Name:
    """A title of a reading, folded, or what stands before its subtitle."""

    text: str
    words: frozenset[str]
    work: Work


def _names_of(work: Work) -> Iterator[_Name]:
    whole, head = _folded(work.title)
    for text in dict.fromkeys((whole, head if " " in head else whole)):
        yield _Name(text, frozenset(text.split()), work)


class Readings:
    """The readings of a course, to look citations up in; for the length of one check."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works
        self._names = [name for work in works for name in _names_of(work)]
        self._by_title = cache(self._titled)

    def match(self, cited: Cited, numbered: bool = True) -> Match:
        """The readings that `cited` can mean.

        Args:
            numbered: the text has a reference list, so that a number must have an entry.
        """
        if not (cited.authors or _words(cited) or cited.arxiv_id or cited.doi):
            if numbered:
                return Match(problem="unlisted", reason="It has no entry in the reference list.")
            return Match(reason="It cannot be looked up: the text has no reference list.")
        by_id = _by_id(cited, self._works)
        by_title = self._by_title(_words(cited))
        work = by_id or by_title
        if work is not None:
            if reason := _disagree(cited, by_id, by_title):
                return Match((work,), "mismatch", f"Title and id disagree: {reason}")
            return Match((work,))
        named = tuple(work for work in self._works if _by_name(cited, work))
        if named:
            return Match(named)
        if cited.authors and not (_words(cited) or cited.arxiv_id or cited.doi):
            return Match(reason=f"No reading by {_called(cited)} is known.")
        return Match(reason=f"{_called(cited)} is not among the readings.")

    def named_before(self, cited: Cited, text: str) -> Cited:
        """A mark with an id alone, and the title of a reading that stands right before it."""
        if cited.entry or not (cited.arxiv_id or cited.doi):
            return cited
        before = f" {fold(text.partition(cited.text)[0])}"
        found = [one for one in self._names if " " in one.text and before.endswith(f" {one.text}")]
        longest = max(found, key=lambda one: len(one.text), default=None)
        return replace(cited, title=longest.work.title) if longest else cited

    def _titled(self, words: str) -> Work | None:
        """The reading whose title stands in an entry, the longest where several do."""
        from rapidfuzz import fuzz

        there = set(fold(words[:_LONGEST]).split())
        near = [name for name in self._names if 2 * len(name.words & there) >= len(name.words) > 0]
        spans = _spans(words[:_LONGEST]) if near else ()
        found = []
        for name in near:
            alike = [fuzz.ratio(one.text, name.text, score_cutoff=SAME_TITLE) for one in spans]
            best = max(alike, default=0.0)
            likest = (one for one, how in zip(spans, alike, strict=True) if how == best)
            if best and any(_is_title(one, name, spans, words) for one in likest):
                found.append(name)
        return max(found, key=lambda name: len(name.text)).work if found else None


def _words(cited: Cited) -> str:
    """What is written of the work beside names, year and ids."""
    return cited.title or cited.entry


def _disagree(cited: Cited, by_id: Work | None, by_title: Work | None) -> str:
    """How the title and the id of a citation name different works; empty where they do not."""
    if by_id is None:
        if by_title and by_title.arxiv_id and cited.arxiv_id:
            return f"“{by_title.title}” is arXiv {by_title.arxiv_id}, not {cited.arxiv_id}."
        return ""
    if by_title is not None and by_title.id != by_id.id:
        return f"the id is that of “{by_id.title}”, the title that of another reading."
    words, authors = _words(cited), _authors(by_id)
    # Where the first author is named, what seems a title may be a journal's name.
    if authors and _names(words, authors[0]):
        return ""
    if likeness(words, by_id.title) >= OTHER_TITLE:
        return ""
    if not _has_title(words, bool(authors)):
        return ""
    return f"the id is that of “{by_id.title}”, not {_called(cited)}."


def _by_id(cited: Cited, works: Sequence[Work]) -> Work | None:
    arxiv = cited.arxiv_id or ids.arxiv_of_address(cited.doi or "")
    for work in works:
        if arxiv is not None and arxiv == work.arxiv_id:
            return work
        if cited.doi and any(cited.doi in url.lower() for url in work.urls):
            return work
        if cited.entry in work.urls:
            return work
    return None


# Titles in entries

_VOLUME = re.compile(r"\s\d{1,5}$")
_BEHIND = re.compile(r"[\W_]{0,9}+(?:(?:vol|no|pp?|bd|edition)\b\W{0,3}+)?\d", re.IGNORECASE)
"""A number at the end of the name of a journal, or behind it."""
_NOTE = re.compile(
    r"\b(?:accessed|retrieved|available|online|preprint|e-print|from)\b", re.IGNORECASE
)
"""Words that tell where an entry was found."""
_WORD = re.compile(r"[^\W\d_]{2,}+")
_YEAR = re.compile(r"(?<![\w–-])(?:19|20)\d\d[a-z]?(?![\w–-])")
_AFTER_YEAR = re.compile(rf"(?:19|20)\d\d[a-z]?(?:[\W\d]|{MONTH})*+$", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_INSIDE = re.compile(r"\bin(?:: ?| )[“\"‘']?$", re.IGNORECASE)
"""What stands before the title of a book of which a chapter is meant."""
_SURER = 1.0
"""By how much a title has to look more like one than what stands before it, as log odds, where the
author is not known. Chosen on 2,760 entries in 81 styles."""
_LONGEST = 1_000
"""Characters of an entry that are looked at."""
_TITLED = (-4.27, 0.71, 2.98, -1.91, -1.51)
"""What each of `_like_titled` adds to the log odds that an entry has a title: a logistic regression
on 1,330 entries with and without one, in 75 styles, with 40 places of print and 11 notes."""
_TITLE_FROM = -1.0
"""Log odds from which an entry has one: of two errors, to miss a wrong title is the worse."""
_OTHERS_FROM = -2.0
"""The same where the authors of a reading are known, and the entry does not name the first."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of an entry that may be its title, folded, with its place."""

    text: str
    start: int
    end: int
    title: float
    """How much it looks like a title to the model that reads course pages, as log odds."""
    names: float
    """How much it looks like authors."""


_NOTHING = _Span("", 0, 0, -5.0, -5.0)


@lru_cache(maxsize=256)
def _spans(words: str) -> tuple[_Span, ...]:
    """The stretches between any two marks of punctuation: a title is one of these in every style of
    reference list that was tried (see the changelog), but so is the name of a journal."""
    from seminar_rag.syllabus.model import trained

    model, found, at = trained(), list[_Span](), 0
    while True:
        item = Item(Block(words[at:]))
        run = Run(item, [Piece(item, item, 0, "block", 0, "paragraph")])
        spans = spans_of([run])
        if spans:
            rows = span_features([run], spans)
            titles, names = (
                one.scores(rows)[:, 0].tolist() for one in (model.title, model.authors)
            )
            found += [
                _Span(fold(one.text), at + one.start, at + one.end, *scores)
                for one, *scores in zip(spans, titles, names, strict=True)
                if _LETTERS.search(one.text)
            ]
        if not spans or not spans[-1].start:
            return tuple(found)
        at += spans[-1].start  # after a long list of authors, the rest


def _is_title(span: _Span, name: _Name, spans: Sequence[_Span], words: str) -> bool:
    """Whether a stretch that reads like a reading's title is the title of the entry, and not the
    name of a journal, a series, a book or another work.

    No "in" stands before a title, and after a year it comes first. The entry names the first author
    of the reading; where nobody is known as the author, nothing before it may look as much like a
    title.
    """
    inside = span.text.startswith("in ") and not name.text.startswith("in ")
    if inside or _INSIDE.search(words, 0, span.start):
        return False
    lead = words[: span.start]
    outside = f"{lead} {words[span.end :]}"
    if not fold(outside):
        return True
    if _YEAR.search(lead) and not _AFTER_YEAR.search(lead):
        return False
    if authors := _authors(name.work):
        return _names(outside, authors[0])
    before = (one for one in spans if one.end <= span.start and one.title > one.names)
    return span.title >= max((one.title for one in before), default=-inf) + _SURER


def _has_title(words: str, known: bool) -> bool:
    """Whether an entry has a title, beside names, a journal or a publisher.

    Args:
        known: the authors of the reading that may be meant are known.
    """
    odds = sum(weight * one for weight, one in zip(_TITLED, _like_titled(words), strict=True))
    return odds >= (_OTHERS_FROM if known else _TITLE_FROM)


def _like_titled(words: str) -> tuple[float, ...]:
    """What tells whether an entry has a title: how much its likest stretch looks like one, how much
    is written beside the people, and whether that stretch is a place of print."""
    words = words[:_LONGEST]
    spans = _spans(words)
    titles = (one for one in spans if one.title > one.names)
    best = max(titles, key=lambda one: one.title, default=_NOTHING)
    others = (one for one in spans if one.title <= one.names)
    people = max(others, key=lambda one: one.names, default=_NOTHING)
    at = [one.start() for one in _WORD.finditer(words)]
    beside = sum(not people.start <= one < people.end for one in at)
    beside -= sum(len(one.findall(words)) for one in (WORDS["venue"], WORDS["date"], _NOTE))
    named = words[best.start : best.end]
    volume = _VOLUME.search(named) or _BEHIND.match(words, best.end)
    printed = len(WORDS["venue"].findall(named)) + bool(_INSIDE.search(words, 0, best.start))
    return 1, best.title, log(max(beside, 0) + 1), bool(volume), printed


def likeness(words: str, title: str) -> float:
    """How alike a title and the likest stretch of an entry are, 0 to 100."""
    from rapidfuzz import fuzz

    whole, head = _folded(title)
    names = {whole, head} if " " in head else {whole}
    return max(fuzz.partial_ratio(name, fold(words[:_LONGEST])) for name in names)


@lru_cache(maxsize=4096)
def _folded(title: str) -> tuple[str, str]:
    """A title and its part before the subtitle, as they are compared."""
    return fold(title), fold(main_title(title))


# Authors

_PARTED = re.compile(r"[,;&]|\band\b|\bet al\b")


@lru_cache(maxsize=4096)
def _authors(work: Work) -> tuple[str, ...]:
    """The family names of who wrote a reading, folded."""
    names = (family(part) for part in _PARTED.split(work.authors))
    return tuple(name for name in names if len(name) > 1)


def _names(words: str, family: str) -> bool:
    return f" {family} " in f" {fold(words)} "


def _by_name(cited: Cited, work: Work) -> bool:
    """Whether first author and year fit, where no title is printed that would be another's."""
    if not cited.authors or not work.authors or cited.arxiv_id:
        return False
    first = fold(_PARTED.split(work.authors)[0]).split()
    name = fold(cited.authors[0]).split()
    if not name or name[-1] not in first:
        return False
    everyone = fold(work.authors)
    named = all(fold(author) in everyone for author in cited.authors[1:])
    if not named and "et al" not in everyone:
        return False
    written = cited.entry and not is_a_mark(cited.entry)
    if cited.title or (written and (work.year is None or _has_title(cited.entry, True))):
        return False
    if cited.year is None or work.year is None:
        return True
    return work.year <= cited.year <= work.year + _YEARS_LATER


def _called(cited: Cited) -> str:
    """How to call the work in a message."""
    if words := _words(cited):
        return f"“{shorten(words, _SHOWN, placeholder=' …')}”"
    if cited.authors:
        people = cited.authors[0] + (" et al." if len(cited.authors) > 1 else "")
        return f"{people} ({cited.year})" if cited.year else people
    return f"arXiv {cited.arxiv_id}" if cited.arxiv_id else f"DOI {cited.doi}"
