"""Finds a quoted sentence among the characters of one or more pages. Pure.

Quotes come from cleaned text, pages from pdfium's characters. Both are reduced to letters and
digits (compatibility forms unfolded, accents and case dropped), so that spaces, hyphens at line
ends, ligatures and punctuation do not matter. What is then not found as a whole is found in parts:
maximal runs that quote and page share, in order. Parts bridge a page break with its running
heads, a figure that floats in between, and glyphs that the page's fonts name otherwise.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from seminar_rag.text import common_length

How = Literal["exact", "parts", "some"]
"""How a quote was found: whole in one run, nearly all of it in several, or only some of it."""

_SEED = 8
"""Letters of the shortest run that counts as a part."""
_STRAY = 14
"""Letters of the shortest part that is taken out of order."""
_CONTEXT = 40
"""Letters before a quote that decide between its occurrences."""
_NEARLY, _SOME = 0.75, 0.35
"""Share of a quote's letters that parts must hold."""
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
class PageMatch:
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


def find(quote: str, pages: Sequence[Keyed], before: str = "") -> PageMatch | None:
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
            return PageMatch((_run(page, number, at, at + len(wanted)),), "exact")
    return _in_parts(wanted, pages)


def _whole(wanted: str, text: str, lead: str) -> int | None:
    """Where `wanted` stands; of several places, the one that continues `lead` best."""
    places = list(_occurrences(wanted, text))
    if not places:
        return None
    shared = {at: common_length(reversed(text[:at]), reversed(lead)) for at in places}
    best = max(places, key=lambda at: shared[at])
    clear = shared[best] >= min(_SEED, len(lead) or 1)
    # A word or two may stand anywhere.
    return best if len(wanted) >= _SEED or clear or len(places) == 1 else None


def _occurrences(wanted: str, text: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


# --- parts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """`size` letters that the quote has at `start` and the joined pages have at `place`."""

    start: int
    place: int
    size: int


def _in_parts(wanted: str, pages: Sequence[Keyed]) -> PageMatch | None:
    text = "".join(page.text for page in pages)
    parts = _parts(wanted, text)
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
    return PageMatch(tuple(runs), "parts" if share >= _NEARLY else "some")


def _parts(wanted: str, text: str) -> list[_Part]:
    """Runs of at least `_SEED` letters that both have, in order in both (Ratcliff and Obershelp).

    What the quote then lacks is looked for elsewhere in longer runs: on a page that is stored
    turned, pdfium may give the lines in another order than they are read.
    """
    parts: list[_Part] = []
    for block in SequenceMatcher(None, text, wanted, autojunk=False).get_matching_blocks():
        if block.size < _SEED:
            continue
        more = 0
        if parts and parts[-1].start + parts[-1].size == block.b:
            # Letters that fit both parts stay with the earlier one.
            last = parts[-1]
            rest = text[last.place + last.size :]
            more = common_length(rest, wanted[block.b : block.b + block.size])
            parts[-1] = _Part(last.start, last.place, last.size + more)
        parts.append(_Part(block.b + more, block.a + more, block.size - more))
    ends = [0, *(part.start + part.size for part in parts)]
    gaps = zip(ends, [*(part.start for part in parts), len(wanted)], strict=True)
    strays = [one for start, stop in gaps for one in _strays(wanted, start, stop, text)]
    return sorted(parts + strays, key=lambda part: part.start)


def _strays(wanted: str, start: int, stop: int, text: str) -> Iterator[_Part]:
    """The longest runs of the quote between two places that stand anywhere in the text."""
    while stop - start >= _STRAY:
        matcher = SequenceMatcher(None, text, wanted[start:stop], autojunk=False)
        found = matcher.find_longest_match()
        if found.size < _STRAY:
            return
        yield _Part(start + found.b, found.a, found.size)
        yield from _strays(wanted, start, start + found.b, text)
        start += found.b + found.size


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
