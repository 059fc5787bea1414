"""Readings that a schedule calls by a key and a list beside it writes out: "[3]", "P2", "khmer".

What the list holds would belong to no session. Each reading goes to the first session that names
its key, and what was taken for a reading though it is nothing but keys is none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterator, Sequence

from seminar_rag.syllabus.meetings import Entry, Meeting
from seminar_rag.syllabus.pieces import Piece

_BRACKETS = re.compile(r"\[([^\[\]]{1,60})\]")
_OPENS = re.compile(r"\s*\[([^\[\],;]{1,30})\]\s*(?=\S)")
_MARKER = re.compile(r"\(?(\d{1,3})[.)]")
_APART = re.compile(r"[,;/&+|]|\b(?:and|und|et|y|e)\b")
_ASIDE = re.compile(r"\([^()]{0,80}\)\s*\Z")
_EDGES = " \t.:*_–-—"
_BELOW = frozenset({"label", "soft", "line"})
_LONGEST = 60
"""A line with more characters says more than keys."""
_FEWEST = 3
"""Fewer readings with keys that one session each names are no such list: what several sessions
name is a source that they draw on."""


def in_sessions(found: Sequence[Meeting], pieces: Sequence[Piece]) -> list[Meeting]:
    """The sessions of a page with the readings whose keys they name."""
    named = [meeting for meeting in found if meeting.heads]
    starts = [meeting.first for meeting in named]
    if len(starts) < 2:
        return list(found)
    loose = [
        entry
        for meeting in found
        if not meeting.heads or meeting is named[-1]
        for entry in meeting.entries
        if not starts[0] <= entry.first <= starts[-1]
    ]
    keys = _keys(loose, pieces)
    end = min((e.first for e in keys.values() if e.first > starts[-1]), default=len(pieces))
    while end < len(pieces) and pieces[end - 1].block == pieces[end].block:
        end -= 1  # the key itself stands before the first reading
    places: dict[str, list[int]] = {}
    for n in range(starts[0], end):
        for key in keys.keys() & set(_named(pieces[n].text)):
            places.setdefault(key, []).append(bisect_right(starts, n) - 1)
    once = [key for key, own in places.items() if len(set(own)) == 1]
    if len(once) < max(_FEWEST, len(keys) / 2):
        return list(found)
    moved = {id(keys[key]) for key in places}
    written_out = {id(entry) for entry in keys.values()}
    for meeting in found:
        meeting.entries = [
            one
            for one in meeting.entries
            if id(one) not in moved and (id(one) in written_out or not _points(one, keys))
        ]
    for key in sorted(places, key=lambda one: keys[one].first):
        named[places[key][0]].entries.append(keys[key])
    return [meeting for meeting in found if meeting.entries or meeting.heads]


def _keys(entries: Sequence[Entry], pieces: Sequence[Piece]) -> dict[str, Entry]:
    """The readings that have a key of their own: in brackets, as a label, or their number."""
    given = [(_key(entry, pieces), entry) for entry in entries]
    count = Counter(key for key, _ in given)
    return {key: entry for key, entry in given if key and count[key] == 1}


def _key(entry: Entry, pieces: Sequence[Piece]) -> str:
    first = pieces[entry.first]
    if bracket := _OPENS.match(first.text):
        return f"[{_plain(bracket[1])}]"
    before = pieces[entry.first - 1] if entry.first else None
    if before is not None and before.block == first.block and first.cut in _BELOW:
        # "khmer: …", or what a list of definitions has on the line above
        term = before.text if first.cut == "label" or not before.start else ""
        bracket = _BRACKETS.fullmatch(term.strip(_EDGES))
        term = f"[{_plain(bracket[1])}]" if bracket else _plain(term)
        return term if len(term) < _LONGEST else ""
    if not first.start and (number := _MARKER.fullmatch(first.source.marker)):
        return f"[{number[1]}]"
    return ""


def _named(text: str) -> Iterator[str]:
    """The keys that a line may name: all in brackets, and its parts if it is short."""
    for bracket in _BRACKETS.finditer(text):
        for part in _APART.split(bracket[1]):
            yield f"[{_plain(part)}]"
    if len(text) < _LONGEST:
        for part in _APART.split(_ASIDE.sub("", text)):
            yield _plain(part)


def _points(entry: Entry, keys: Container[str]) -> bool:
    """Whether an entry is nothing but keys."""
    text = " ".join(piece.text for piece in entry.pieces)
    if len(text) >= _LONGEST:
        return False
    parts = [_plain(part) for part in _APART.split(_ASIDE.sub("", text.translate(_NO_BRACKETS)))]
    return all(part in keys or f"[{part}]" in keys for part in parts if part) and any(parts)


_NO_BRACKETS = str.maketrans("[]", "  ")


def _plain(text: str) -> str:
    return " ".join(text.strip(_EDGES).casefold().split())
