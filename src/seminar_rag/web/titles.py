"""Is this document that reading? Titles, authors and abstracts compared. Pure.

Pages shorten titles, give labels instead ("grouped query attention"), keep an older subtitle or
quote the abstract; links lead to quite another paper now and then. So every kind of agreement is
looked for before two things are called different.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz

Likeness = Literal["same", "unsure", "other"]

_COMMON = frozenset(
    "a an the of on in for to and or with via from by using is are be as at into towards toward"
    " its their we how what why when can do does not large language model models llm llms"
    " survey review overview study approach method methods paper based new"
    " github blog post readme repository introduction intro".split()
)
"""Words that say little about which paper a title names."""
_LABEL_WORDS = 3
_BEGIN = 3000
"""Characters of a text in which a paper names itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reading as the course page gives it."""

    id: str
    title: str | None
    authors: str | None = None
    abstract: str | None = None
    urls: tuple[str, ...] = ()
    arxiv_id: str | None = None
    trusted: tuple[str, ...] = ()
    """Addresses that are the reading by the instructor's word, whatever is found there."""
    rejected: tuple[str, ...] = ()
    """Addresses that are not."""
    named: bool = False
    """Whether the title is the instructor's own, so that its text goes by it."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a document says of itself."""

    title: str | None
    authors: tuple[str, ...] = ()
    summary: str = ""
    begin: str = ""
    """The first words of its text."""


def fold(text: str) -> str:
    """Lower case, without accents, LaTeX and punctuation, words joined by single spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"\\[a-z]+|[$^{}]", "", plain)
    return " ".join(re.findall(r"\w+", plain))


def main_title(title: str) -> str:
    """The part before the subtitle."""
    return re.split(r"\s*[:?]\s+|\s+[-–—]\s+", title.strip(), maxsplit=1)[0]


def subtitle(title: str) -> str:
    """The part after the main title; empty where there is none."""
    return title.strip()[len(main_title(title)) :].lstrip(" :?-–—")


def is_label(title: str) -> bool:
    """Whether a title is too short to be told from a mere label."""
    return len(_content(title)) <= _LABEL_WORDS and len(fold(title).split()) <= _LABEL_WORDS + 2


def titles_alike(listed: str, own: str) -> Likeness:
    """How alike two titles are, knowing that subtitles change and pages shorten."""
    a, b = fold(listed), fold(own)
    if fuzz.ratio(a, b) >= 92:
        return "same"
    mine, theirs = _content(listed), _content(own)
    if not mine or not theirs:
        return "unsure" if fuzz.ratio(a, b) >= 70 else "other"
    share = _shared(mine, theirs) / min(len(mine), len(theirs))
    heads = fold(main_title(listed)), fold(main_title(own))
    if heads[0] == heads[1] and _content(main_title(listed)):
        return "same" if share >= 0.3 else "unsure"
    if share >= 0.8 and min(len(mine), len(theirs)) >= 3:
        return "same"
    return "unsure" if share >= 0.5 else "other"


def judge(wanted: Wanted, document: Described) -> Likeness:
    """Whether a document that a link gave is the reading; "other" only where nothing agrees."""
    if wanted.title is None:
        return "unsure"
    alike = titles_alike(wanted.title, document.title) if document.title else "unsure"
    if alike == "same" or _named_at_the_beginning(wanted.title, document.begin):
        return "same"
    if _same_people(wanted, document) or _same_abstract(wanted, document):
        return "same"
    if is_label(wanted.title):
        return _label(wanted.title, document)
    if document.begin:
        # A text's own title is a guess, and covers come before titles: its first words count too.
        share = _spoken_of(wanted.title, document.begin)
        if share >= 0.6:
            return "same" if share >= 0.8 else "unsure"
    return alike


def surely(wanted: Wanted, document: Described) -> bool:
    """Whether a document found by its title is the reading beyond doubt."""
    if wanted.title is None or document.title is None:
        return False
    near = fuzz.ratio(fold(wanted.title), fold(document.title)) >= 95
    agrees = _same_people(wanted, document) or _same_abstract(wanted, document)
    if agrees:
        return near or titles_alike(wanted.title, document.title) == "same"
    known = bool(people(wanted.authors or "")) and bool(document.authors)
    return near and not known and len(fold(wanted.title).split()) >= 4


def likely(wanted: Wanted, document: Described) -> bool:
    """Whether a document found by its title is worth suggesting."""
    if wanted.title is None or document.title is None:
        return False
    near = fuzz.ratio(fold(wanted.title), fold(document.title)) >= 88
    return near or (
        not is_label(wanted.title) and titles_alike(wanted.title, document.title) == "same"
    )


def people(authors: str) -> frozenset[str]:
    """Family names in a line of names."""
    parts = re.split(r"[,;/]|\band\b|&|\bet al\b", authors)
    names = [fold(re.sub(r"[\d*†‡]+", "", part)).split() for part in parts]
    return frozenset(name[-1] for name in names if 1 <= len(name) <= 5 and len(name[-1]) > 1)


def _same_people(wanted: Wanted, document: Described) -> bool:
    mine = people(wanted.authors or "")
    theirs = frozenset(name for one in document.authors for name in people(one))
    if not mine or not theirs:
        return False
    least = min(len(mine), len(theirs))
    common = len(mine & theirs)
    return common >= max(1, least / 2) and (common > 1 or least == 1)


def _same_abstract(wanted: Wanted, document: Described) -> bool:
    mine = fold(wanted.abstract or "")[:400]
    theirs = fold(f"{document.summary} {document.begin}")
    return len(mine) >= 80 and len(theirs) >= 80 and fuzz.partial_ratio(mine, theirs) >= 80


def _named_at_the_beginning(title: str, begin: str) -> bool:
    plain = fold(title)
    if len(plain.split()) < 4 or not begin:
        return False
    return fuzz.partial_ratio(plain, fold(begin[: _BEGIN // 2])) >= 92


def _spoken_of(title: str, begin: str) -> float:
    """The share of a title's telling words that the first words of a text use."""
    words = _content(title)
    text = fold(begin[:_BEGIN])
    return sum(word in text for word in words) / len(words) if words else 0.0


def _label(title: str, document: Described) -> Likeness:
    """A label is right when its words are spoken of at once, together or apart."""
    text = fold(f"{document.title or ''} {document.summary} {document.begin[:_BEGIN]}")
    if not text:
        return "unsure"
    joined = text.replace(" ", "")
    words = _content(title)
    if fold(title).replace(" ", "") in joined or (words and all(w in joined for w in words)):
        return "same"
    return "unsure" if any(word in joined for word in words) else "other"


def _content(title: str) -> frozenset[str]:
    words = [word for word in fold(title).split() if word not in _COMMON]
    return frozenset(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in words)


def _shared(mine: frozenset[str], theirs: frozenset[str]) -> int:
    return sum(any(fuzz.ratio(one, other) >= 86 for other in theirs) for one in mine)
