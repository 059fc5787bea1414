"""Finds a quoted sentence among the characters of one or more pages. Pure.

Quotes come from cleaned text, pages from pdfium's characters. Both are reduced to letters and
digits (compatibility forms unfolded, accents and case dropped), so that spaces, hyphens at line
ends, ligatures and punctuation do not matter. What is then not found as a whole is found in parts:
maximal runs that quote and page share, chained in order. Parts bridge a page break with its running
heads, a figure that floats in between, and glyphs that the page's fonts name otherwise.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

How = Literal["exact", "parts", "some"]
"""How a quote was found: whole in one run, nearly all of it in several, or only some of it."""

_SEED = 8
"""Letters of the shortest run that counts as a part."""
_CANDIDATES = 200
"""Parts that are considered, the longest."""
_STRAY = 14
"""Letters of the shortest part that is taken out of order."""
_CONTEXT = 40
"""Letters before a quote that decide between its occurrences."""
_NEARLY, _SOME = 0.75, 0.35
"""Share of a quote's letters that parts must hold."""
_GAP = 0.004
"""What a letter between two parts costs, in letters found: nearer parts win."""
_JOIN = 3.0
"""What one more part costs."""
_ENOUGH = 5
"""Letters of a quote's end that are enough to look for it beyond a page break."""
_BREAK = 600
"""Letters that running heads, footnotes and page numbers may put between."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A page's letters and digits, each with the index of the character it comes from."""

    text: str
    index: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Characters `first` to `last`, both included, of one page."""

    page: int
    """Index into the pages that were searched."""
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Match:
    """Where a quote was found."""

    runs: tuple[Run, ...]
    how: How


def key(text: str) -> str:
    """The letters and digits of a text, unfolded and without accents and case: what is compared."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", text).casefold() if char.isalnum()
    )


def keyed(codes: Iterable[int]) -> Keyed:
    """The key of a page, given its characters' code points (UTF-16 surrogates may be apart)."""
    letters: list[str] = []
    index: list[int] = []
    high = 0
    for at, code in enumerate(codes):
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            whole = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0
        else:
            whole = code
        high = 0
        for char in key(chr(whole)) if whole >= 48 else "":
            letters.append(char)
            index.append(at)
    return Keyed("".join(letters), tuple(index))


def find(quote: str, pages: Sequence[Keyed], before: str = "") -> Match | None:
    """The quote on one of the pages, or running on from one to the next; the first are preferred.

    Args:
        before: the text that precedes the quote; decides between several places.
    """
    wanted = key(quote)
    if not wanted:
        return None
    lead = key(before)[-_CONTEXT:]
    for number, page in enumerate(pages):
        at = _whole(wanted, page.text, lead)
        if at is not None:
            return Match((_run(page, number, at, at + len(wanted)),), "exact")
    return _in_parts(wanted, pages)


def _whole(wanted: str, text: str, lead: str) -> int | None:
    """Where `wanted` stands; of several places, the one that continues `lead` best."""
    places = list(_occurrences(wanted, text))
    if not places:
        return None
    best = max(places, key=lambda at: _shared_end(text[max(0, at - _CONTEXT) : at], lead))
    clear = _shared_end(text[max(0, best - _CONTEXT) : best], lead) >= min(_SEED, len(lead) or 1)
    # A word or two may stand anywhere.
    return best if len(wanted) >= _SEED or clear or len(places) == 1 else None


def _occurrences(wanted: str, text: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _shared_end(one: str, other: str) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


# --- parts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """`size` letters that the quote has at `start` and the joined pages have at `place`."""

    start: int
    place: int
    size: int


def _in_parts(wanted: str, pages: Sequence[Keyed]) -> Match | None:
    text = "".join(page.text for page in pages)
    candidates = list(_parts(wanted, text))
    parts = _with_strays(_chain(candidates), candidates)
    share = sum(part.size for part in parts) / len(wanted)
    if share < _SOME:
        return None
    edges, end = [], 0
    for page in pages:
        edges.append((end, end + len(page.text)))
        end += len(page.text)
    head, tail = wanted[: parts[0].start], wanted[parts[-1].start + parts[-1].size :]
    runs: list[Run] = []
    for span in _with_ends(_spans(parts), head, tail, text):
        for start, stop in _cut(span, edges):
            number = next(n for n, (left, right) in enumerate(edges) if left <= start < right)
            left = edges[number][0]
            runs.append(_run(pages[number], number, start - left, stop - left))
    return Match(tuple(runs), "parts" if share >= _NEARLY else "some")


def _parts(wanted: str, text: str) -> Iterator[_Part]:
    """Every maximal run of at least `_SEED` letters that both have."""
    seen: set[tuple[int, int]] = set()
    for start in range(len(wanted) - _SEED + 1):
        for place in _occurrences(wanted[start : start + _SEED], text):
            if (start, place) in seen:
                seen.discard((start, place))
                seen.add((start + 1, place + 1))
                continue
            size = _SEED
            while (
                start + size < len(wanted)
                and place + size < len(text)
                and wanted[start + size] == text[place + size]
            ):
                size += 1
            seen.add((start + 1, place + 1))
            yield _Part(start, place, size)


def _chain(parts: list[_Part]) -> list[_Part]:
    """The parts, in order in both texts, that together hold the most letters, near each other."""
    by_place = sorted(parts, key=lambda part: (part.start, part.place))
    longest = sorted(by_place, key=lambda part: -part.size)[:_CANDIDATES]
    parts = sorted(longest, key=lambda part: (part.start, part.place))
    best: list[tuple[float, int]] = []
    for at, part in enumerate(parts):
        score, before = float(part.size), -1
        for earlier in range(at):
            other = parts[earlier]
            overlap = _overlap(other, part)
            if other.start >= part.start or other.place >= part.place or overlap >= part.size:
                continue
            gap = max(part.place - other.place - other.size, 0)
            joined = best[earlier][0] + part.size - overlap - _JOIN - _GAP * gap
            if joined > score:
                score, before = joined, earlier
        best.append((score, before))
    if not best:
        return []
    at = max(range(len(best)), key=lambda i: best[i][0])
    chain: list[_Part] = []
    while at >= 0:
        chain.append(parts[at])
        at = best[at][1]
    chain.reverse()
    return [_after(part, chain[i - 1] if i else None) for i, part in enumerate(chain)]


def _with_strays(chain: list[_Part], candidates: Iterable[_Part]) -> list[_Part]:
    """The chain and what it left out of the quote, found elsewhere; in the quote's order.

    On a page that is stored turned, pdfium may tell the lines in another order than they are read.
    """
    out = list(chain)
    for part in sorted(candidates, key=lambda part: -part.size):
        if part.size < _STRAY:
            break
        rest = _without(part, out)
        if rest.size >= _STRAY:
            out.append(rest)
    return sorted(out, key=lambda part: part.start)


def _without(part: _Part, others: Iterable[_Part]) -> _Part:
    """The part without the letters of the quote that others hold at one of its ends."""
    start, stop = part.start, part.start + part.size
    for one in others:
        if one.start <= start < one.start + one.size:
            start = one.start + one.size
        if one.start < stop <= one.start + one.size:
            stop = one.start
        if start < one.start < stop:
            stop = start  # one lies in the middle
    return _Part(start, part.place + start - part.start, max(stop - start, 0))


def _after(part: _Part, before: _Part | None) -> _Part:
    """The part without what the one before it holds too."""
    if before is None:
        return part
    overlap = _overlap(before, part)
    return _Part(part.start + overlap, part.place + overlap, part.size - overlap)


def _overlap(one: _Part, after: _Part) -> int:
    """Letters that both parts hold, in either text."""
    return max(one.start + one.size - after.start, one.place + one.size - after.place, 0)


def _spans(parts: Sequence[_Part]) -> list[tuple[int, int]]:
    """Where the parts stand, joined over small differences."""
    spans: list[tuple[int, int]] = []
    last: _Part | None = None
    for part in parts:
        start, stop = part.place, part.place + part.size
        if last is not None:
            missing = part.start - last.start - last.size
            between = part.place - last.place - last.size
            if 0 <= between <= 2 * missing + _SEED:
                start = spans.pop()[0]
        spans.append((start, stop))
        last = part
    return spans


def _with_ends(
    spans: list[tuple[int, int]], head: str, tail: str, text: str
) -> list[tuple[int, int]]:
    """The spans with the few letters before the first and after the last, where they stand near.

    Near is the neighbourhood, or for more than a letter or two what a page break puts between.
    """
    first, last = spans[0][0], spans[-1][1]
    if 0 < len(head) <= 2 * _SEED:
        reach = 2 * len(head) + _SEED
        at = text.rfind(head, max(0, first - reach), first)
        if at >= 0:
            spans[0] = (at, spans[0][1])
        elif len(head) >= _ENOUGH and (at := text.rfind(head, max(0, first - _BREAK), first)) >= 0:
            spans.insert(0, (at, at + len(head)))
    if 0 < len(tail) <= 2 * _SEED:
        at = text.find(tail, last, last + 2 * len(tail) + _SEED)
        if at >= 0:
            spans[-1] = (spans[-1][0], at + len(tail))
        elif len(tail) >= _ENOUGH and (at := text.find(tail, last, last + _BREAK)) >= 0:
            spans.append((at, at + len(tail)))
    return spans


def _cut(span: tuple[int, int], edges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The span, in pieces that lie on one page each."""
    for left, right in edges:
        if span[0] < right and span[1] > left:
            yield max(span[0], left), min(span[1], right)


def _run(page: Keyed, number: int, start: int, stop: int) -> Run:
    return Run(number, page.index[start], page.index[stop - 1])
