"""Which lines of a course page belong to which entry of the reading list. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from seminar_rag.types.catalogue import ListedReading

_HALF = 0.5
"""The share of a line that an entry's words need so that it is the entry's wherever it stands."""

_LONG = 20
"""Characters from which on a line that is in an entry's words is no word that it has by chance."""


def owners(lines: Sequence[str], entries: Sequence[ListedReading]) -> list[tuple[str, ...]]:
    """For each line of a page the ids of the entries that it belongs to, none for most headings.

    An entry's own line is the one that has most of its words, the next after the entry before where
    several have as many. To it belong the lines beside that are a part of the entry, and every
    line that is mostly its words. A title of one word alone thus does not claim all headings that
    have the word.

    Args:
        entries: in the order of the page.
    """
    plain = tuple(_plain(line) for line in lines)
    found: list[dict[str, None]] = [{} for _ in lines]
    last = -1
    for entry in entries:
        held = _held(plain, entry.title, entry.shown)
        if not held:
            continue
        last = max(held, key=lambda n: (held[n].characters, n > last, -abs(n - last)))
        mine = {last}
        mine.update(n for n, one in held.items() if one.inside >= max(_HALF * len(plain[n]), 4))
        for step in (-1, 1):
            n = last + step
            while n in held and held[n].is_part:
                mine.add(n)
                n += step
        for n in mine:
            found[n][entry.id] = None
    return [tuple(one) for one in found]


class _Held(NamedTuple):
    """What a line has of an entry."""

    inside: int
    """Characters of the parts of the entry that stand in it."""
    is_part: bool
    """Whether the line itself stands in a part of the entry."""
    characters: int
    """How many of its characters are the entry's."""


@lru_cache(maxsize=2_000)  # after a decision most entries are as they were
def _held(plain: tuple[str, ...], title: str, shown: str) -> Mapping[int, _Held]:
    """The lines that have anything of an entry, by their places."""
    parts = {text for one in (title, *shown.split(" · ")) if (text := _plain(one))}
    found = {}
    for n, line in enumerate(plain):
        inside = sum(len(part) for part in parts if part in line)
        is_part = line in parts or (len(line) >= _LONG and any(line in part for part in parts))
        if inside or is_part:
            found[n] = _Held(inside, is_part, len(line) if is_part else inside)
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
