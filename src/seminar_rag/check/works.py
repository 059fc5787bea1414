"""A citation as a text gives it → the reading of the course that it means. Pure.

Ids decide where both sides have one; then the title, then the first author with the year. A year
is known of a reading only where its arXiv id tells it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seminar_rag.ids import arxiv_of_address
from seminar_rag.types import Cited
from seminar_rag.types.check import Work

SAME_TITLE = 90.0
"""Likeness (0 to 100) from which two titles are the same; subtitles may be left out."""
OTHER_TITLE = 60.0
"""Likeness up to which they are certainly not."""
_YEARS_LATER = 2
"""A paper may be printed so many years after it came out on arXiv."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a citation means; nothing, with the reason, where no reading fits."""

    works: tuple[Work, ...] = ()
    problem: Literal["mismatch", "unlisted"] | None = None
    reason: str = ""


def match(cited: Cited, works: Sequence[Work], numbered: bool = True) -> Match:
    """The readings that `cited` can mean.

    Args:
        numbered: the text has a reference list, so that a number must have an entry.
    """
    if not (cited.authors or cited.title or cited.arxiv_id or cited.doi):
        if numbered:
            return Match(problem="unlisted", reason="It has no entry in the reference list.")
        return Match(reason="It cannot be looked up: the text has no reference list.")
    by_id = _by_id(cited, works)
    by_title = _by_title(cited.title, works)
    if by_id is not None:
        return _with_id(cited, by_id, by_title)
    if by_title is not None:
        return _with_title(cited, by_title)
    if cited.arxiv_id is None and cited.title is None:
        named = tuple(work for work in works if _by_name(cited, work))
        if named:
            return Match(named)
    return Match(reason=f"{_told(cited)} is not among the readings.")


def _with_id(cited: Cited, work: Work, titled: Work | None) -> Match:
    if titled is not None and titled.id != work.id:
        reason = (
            f"Title and id disagree: the id is that of “{work.title}”, the title that of another"
            " reading."
        )
        return Match((work,), "mismatch", reason)
    if cited.title and likeness(cited.title, work.title) < OTHER_TITLE:
        reason = f"Title and id disagree: the id is that of “{work.title}”, not “{cited.title}”."
        return Match((work,), "mismatch", reason)
    return Match((work,))


def _with_title(cited: Cited, work: Work) -> Match:
    if cited.arxiv_id and work.arxiv_id:  # they differ, or the id would have matched
        reason = (
            f"Title and id disagree: “{work.title}” is arXiv {work.arxiv_id}, not {cited.arxiv_id}."
        )
        return Match((work,), "mismatch", reason)
    return Match((work,))


def _by_id(cited: Cited, works: Sequence[Work]) -> Work | None:
    arxiv = cited.arxiv_id or arxiv_of_address(cited.doi or "")
    for work in works:
        if arxiv is not None and arxiv == work.arxiv_id:
            return work
        if cited.doi and any(cited.doi in url.lower() for url in work.urls):
            return work
    return None


def _by_title(title: str | None, works: Sequence[Work]) -> Work | None:
    if not title or not works:
        return None
    best = max(works, key=lambda work: likeness(title, work.title))
    return best if likeness(title, best.title) >= SAME_TITLE else None


def likeness(one: str, other: str) -> float:
    """How alike two titles are, 0 to 100; a title is like itself with a subtitle."""
    from rapidfuzz import fuzz, utils

    heads = [(one, other)]
    heads += [(a, b) for a, b in ((_head(one), other), (one, _head(other))) if len(a.split()) > 1
              and len(b.split()) > 1]  # fmt: skip
    return max(fuzz.ratio(a, b, processor=utils.default_process) for a, b in heads)


def _head(title: str) -> str:
    return re.split(r":\s|\s[–—-]\s", title, maxsplit=1)[0]


def _by_name(cited: Cited, work: Work) -> bool:
    """Whether first author and year fit."""
    if not cited.authors or not work.authors:
        return False
    first = re.split(r"\s*(?:,|;|\band\b|&)\s*", _plain(work.authors))[0].split()
    name = _plain(cited.authors[0]).split()
    if not name or name[-1] not in first:
        return False
    others = _plain(work.authors)
    complete = not re.search(r"\bet al\b", others)
    if complete and not all(_plain(author) in others for author in cited.authors[1:]):
        return False
    if cited.year is None or work.year is None:
        return True
    return work.year <= cited.year <= work.year + _YEARS_LATER


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text)
    return "".join(char for char in folded if not unicodedata.combining(char)).casefold()


def _told(cited: Cited) -> str:
    """How to call the work in a message."""
    if cited.title:
        return f"“{cited.title}”"
    if cited.authors:
        people = cited.authors[0] + (" et al." if len(cited.authors) > 1 else "")
        return f"{people} ({cited.year})" if cited.year else people
    return f"arXiv {cited.arxiv_id}" if cited.arxiv_id else f"DOI {cited.doi}"
