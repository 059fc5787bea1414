"""The readings of the course that citations mean. Pure.

A citation is matched to a reading by its ids where both have one, then by the title, then by first
author and year; the year of a reading is known only where its arXiv id tells it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from textwrap import shorten
from typing import Literal

from seminar_rag import ids
from seminar_rag.check.references import family, is_a_mark
from seminar_rag.text import MONTH, fold, main_title
from seminar_rag.types import Cited
from seminar_rag.types.check import Work

SAME_TITLE = 90.0
"""Likeness (0 to 100) from which two titles are the same; subtitles may be left out."""
OTHER_TITLE = 60.0
"""Likeness up to which they are certainly not."""
_YEARS_LATER = 2
"""A paper may be printed so many years after it came out on arXiv."""
_LONG = 4
"""Words from which a piece of an entry is a title, as hardly a name or a number of pages is."""
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
    work: Work
    whole: bool

    @property
    def telling(self) -> bool:
        """Whether hardly a journal, a series or another work is called so."""
        return self.whole and self.text.count(" ") >= _LONG - 1


class Readings:
    """The readings of a course, to look citations up in; for the length of one check."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works
        self._names: list[_Name] = []
        for work in works:
            whole, head = _folded(work.title)
            self._names.append(_Name(whole, work, True))
            if head != whole and " " in head:
                self._names.append(_Name(head, work, False))
        self._sizes = [len(set(name.text.split())) for name in self._names]
        self._with: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            for word in set(name.text.split()):
                self._with.setdefault(word, []).append(number)
        self._titled: dict[str, Work | None] = {}

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
        found = [
            name for name in self._names if " " in name.text and before.endswith(f" {name.text}")
        ]
        if not found:
            return cited
        return replace(cited, title=max(found, key=lambda name: len(name.text)).work.title)

    def _by_title(self, words: str) -> Work | None:
        """The reading whose title stands in an entry, the longest where several do."""
        if words not in self._titled:
            self._titled[words] = self._looked_for(words) if words else None
        return self._titled[words]

    def _looked_for(self, words: str) -> Work | None:
        from rapidfuzz import fuzz

        there = set(fold(words[:_LONGEST]).split())
        shared = Counter(number for word in there for number in self._with.get(word, ()))
        near = [self._names[n] for n, many in shared.items() if 2 * many >= self._sizes[n]]
        if not near:
            return None
        pieces = _pieces(words)
        stretches = list(_stretches(pieces))
        found = []
        for name in near:
            alike = [fuzz.ratio(one.text, name.text, score_cutoff=SAME_TITLE) for one in stretches]
            best = max(alike)
            likest = (one for one, how in zip(stretches, alike, strict=True) if how == best)
            if best and any(_is_title(one, name, pieces, words) for one in likest):
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
    words = _words(cited)
    # Where the first author is named, what seems a title may be a journal's name.
    if not _has_title(words) or _names_first(words, by_id):
        return ""
    if likeness(words, by_id.title) >= OTHER_TITLE:
        return ""
    return f"the id is that of “{by_id.title}”, not {_called(cited)}."


def _by_id(cited: Cited, works: Sequence[Work]) -> Work | None:
    arxiv = cited.arxiv_id or ids.arxiv_of_address(cited.doi or "")
    for work in works:
        if arxiv is not None and arxiv == work.arxiv_id:
            return work
        if cited.doi and any(cited.doi in url.lower() for url in work.urls):
            return work
    return None


# Titles in entries

_BETWEEN = re.compile(r"[.,;:?!()\[\]“”\"]\s*+|\s[-–—]\s")
_VOLUME = re.compile(
    r"[\s.,;:()”\"]{0,6}(?:(?:19|20)\d\d[a-z]?[\s.,;:()]{1,4})?"
    r"(?:(?:vol|volume|no)\b\.? ?)?(?!(?:19|20)\d\d\b)\d{1,4}(?![\w–-])",
    re.IGNORECASE,
)
"""A number after the name of a journal or a series, and before or after the year."""
_ENDS_IN_NUMBER = re.compile(r"\s(?!(?:19|20)\d\d$)\d{1,5}$")
_IS_YEAR = re.compile(r"(?:19|20)\d\d[a-z]?")
_DAY = re.compile(rf"\d{{1,2}}|{MONTH}")
_QUOTED = re.compile(r"”|\"[^\"]*\"")
_INITIAL = re.compile(r"[A-Z]\.?(?:-?[A-Z]\.?)?")
_SUBTITLE = re.compile(r"[”\"]?:\s")
_JOINED = re.compile(r"(?:^|\s)(?:and|&|et al)(?:\s|$)")
_JOINED_ABROAD = re.compile(r"(?:^|\s)(?:and|&|et al|und|et|y|e|a|en|och|og)(?:\s|$)")
_INSIDE = re.compile(r"\bin(?:: ?| )[“\"‘']?$", re.IGNORECASE)
"""What stands before the title of a book of which a chapter is meant."""
_SMALL = re.compile(
    r"\b(?!(?:and|et|al|others|van|von|de|der|den|des|di|da|dos|du|la|le|ten|ter|bin|ibn|und|y|eds?"
    r"|editors?)\b)(?=[^\W\d_])[a-zß-öø-ÿ][\w’'-]{1,40}"
)
"""A word that no name of a person has."""
_LONGEST = 1_000
"""Characters of an entry that are looked at."""
_PIECES = 6
"""Pieces between marks that a title may have."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What stands between two marks of punctuation, folded, with its place in the entry."""

    text: str
    start: int
    end: int
    first: int = 0
    """The number of its first piece."""
    stop: int = 0


def _pieces(words: str) -> list[_Stretch]:
    out: list[_Stretch] = []
    start = 0
    words = words[:_LONGEST]
    cuts = [match.span() for match in _BETWEEN.finditer(words)]
    for end, after in [*cuts, (len(words), len(words))]:
        if folded := fold(words[start:end]):
            out.append(_Stretch(folded, start, end))
        start = after
    return out


def _stretches(pieces: Sequence[_Stretch]) -> Iterator[_Stretch]:
    """What stands between any two marks of punctuation: a title is one of these in every style of
    reference list that was tried (see the changelog), but so is the name of a journal."""
    for start in range(len(pieces)):
        for stop in range(start + 1, min(start + _PIECES, len(pieces)) + 1):
            text = " ".join(piece.text for piece in pieces[start:stop])
            yield _Stretch(text, pieces[start].start, pieces[stop - 1].end, start, stop)


def _is_title(stretch: _Stretch, name: _Name, pieces: Sequence[_Stretch], words: str) -> bool:
    """Whether a stretch that reads like a reading's title is the title of the entry, and not the
    name of a journal, a series, a book or another work.

    A title stands right after the year or before it, and before whatever is quoted; no volume
    follows it, and no "in" stands before it. The entry names who wrote the reading: any author
    where the title is telling, else the first. Where it is not, or nobody is known as the author,
    nothing before it may be a title, and no subtitle follows a short one of unknown authors.
    """
    if _numbered(stretch, words, name.text) or _QUOTED.search(words, 0, stretch.start):
        return False
    opening = words[max(stretch.start - 6, 0) : stretch.start]
    if _INSIDE.search(opening) or (
        stretch.text.startswith("in ") and not name.text.startswith("in ")
    ):
        return False
    before, after = pieces[: stretch.first], pieces[stretch.stop :]
    if not before and not after:
        return True
    years = [n for n, piece in enumerate(before) if _IS_YEAR.fullmatch(piece.text)]
    if years and not all(_DAY.fullmatch(piece.text) for piece in before[years[-1] + 1 :]):
        return False
    # An entry begins with an author, who may be an organization with a name of many words.
    open_title = not years and any(_may_be_title(piece, words) for piece in before[1:])
    authors = _authors(name.work)
    if not authors:
        return not open_title and (name.telling or not _SUBTITLE.match(words, stretch.end))
    outside = " ".join(piece.text for piece in (*before, *after))
    if name.telling:
        return not before or any(_names(outside, one) for one in authors)
    return not open_title and _names(outside, authors[0])


def _numbered(stretch: _Stretch, words: str, title: str = "") -> bool:
    """Whether a volume is told with a stretch, as it is with a journal's name."""
    ending = _ENDS_IN_NUMBER.search(stretch.text)
    if ending and not title.endswith(ending[0]):
        return True
    return bool(_VOLUME.match(words, stretch.end))


def _may_be_title(piece: _Stretch, words: str) -> bool:
    """Whether a piece before a stretch has what names of authors hardly have."""
    written = words[piece.start : piece.end]
    full = (
        [word for word in one.split() if not (word[0].islower() or _INITIAL.fullmatch(word))]
        for one in _JOINED_ABROAD.split(written)
    )
    return max(map(len, full)) >= _LONG - 1 or (" " in written and bool(_SMALL.search(written)))


def _is_long(piece: _Stretch, words: str) -> bool:
    """Whether a piece has four words, those of names apart, and is no journal with its volume."""
    written = words[piece.start : piece.end]
    longest = max(len(one.split()) for one in _JOINED.split(written))
    return longest >= _LONG and not _numbered(piece, words)


def _has_title(words: str) -> bool:
    return any(_is_long(piece, words) for piece in _pieces(words))


def likeness(words: str, title: str) -> float:
    """How alike a title and the likest stretch of an entry are, 0 to 100."""
    from rapidfuzz import fuzz

    whole, head = _folded(title)
    names = {whole, head} if " " in head else {whole}
    stretches = list(_stretches(_pieces(words)))
    return max((fuzz.ratio(a.text, b) for a in stretches for b in names), default=0.0)


@lru_cache(maxsize=4096)
def _folded(title: str) -> tuple[str, str]:
    """A title and its part before the subtitle, as they are compared."""
    return fold(title), fold(main_title(title))


# Authors

_RAISED = re.compile(r"(?<!\w)\d{1,3}(?=[^\W\d_])")
"""The number of an entry or a note that is joined to a name, as copies of raised digits are."""
_PARTED = re.compile(r"[,;&]|\band\b|\bet al\b")


@lru_cache(maxsize=4096)
def _authors(work: Work) -> tuple[str, ...]:
    """The family names of who wrote a reading, folded."""
    names = (family(part) for part in _PARTED.split(work.authors))
    return tuple(name for name in names if len(name) > 1)


def _names_first(words: str, work: Work) -> bool:
    """Whether an entry names the first author of a reading."""
    return any(_names(fold(words), first) for first in _authors(work)[:1])


def _names(folded: str, family: str) -> bool:
    return f" {family} " in f" {_RAISED.sub('', folded)} "


def _by_name(cited: Cited, work: Work) -> bool:
    """Whether first author and year fit, where no title is printed that would be another's."""
    if not cited.authors or not work.authors or cited.arxiv_id:
        return False
    if cited.title or _has_title(cited.entry):
        return False
    # A title of few words cannot be told from names: then the year has to be the reading's.
    if cited.entry and not is_a_mark(cited.entry) and work.year is None:
        return False
    first = fold(_PARTED.split(work.authors)[0]).split()
    name = fold(cited.authors[0]).split()
    if not name or name[-1] not in first:
        return False
    everyone = fold(work.authors)
    named = all(fold(author) in everyone for author in cited.authors[1:])
    if not named and "et al" not in everyone:
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
