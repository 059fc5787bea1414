"""A list at the end of a page that says once more what its sessions list: a bibliography."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seminar_rag.syllabus import marks, words
from seminar_rag.syllabus.meetings import Entry, Meeting

_FEWEST = 3
"""Fewer readings that are listed before and in the last part are no sign of a list of all."""


def without_repeats(found: Sequence[Meeting]) -> list[Meeting]:
    """The sessions of a page without what its last part only repeats.

    That part is what stands in the last session or in none behind it, and repeats the others if it
    has half of their readings. An address that only the list gives goes to what it repeats.
    """
    named = [meeting for meeting in found if meeting.heads]
    again = _repeats(found, named[-1].first) if len(named) > 1 else {}
    if not again:
        return list(found)
    for entry, first in again.values():
        if not _links(first):
            first.pieces += [piece for piece in entry.pieces if piece.item.links]
    kept = []
    for meeting in found:
        own = [entry for entry in meeting.entries if id(entry) not in again]
        listed_all = not own and bool(meeting.entries)
        meeting.entries = own
        if own or (meeting.heads and not (listed_all and _is_unmarked(meeting))):
            kept.append(meeting)
    return kept


def _repeats(found: Sequence[Meeting], last: int) -> Mapping[int, tuple[Entry, Entry]]:
    """By its `id`, each entry of the last part that repeats another, with that one; none if the
    last part does not repeat the others.

    Args:
        last: where the last session begins.
    """
    entries = sorted((one for meeting in found for one in meeting.entries), key=lambda e: e.first)
    listed: dict[str, Entry] = {}
    again: dict[int, tuple[Entry, Entry]] = {}
    for entry in entries:
        title = words.normal(entry.title.text).casefold() if entry.title is not None else ""
        if title and entry.first >= last and title in listed:
            again[id(entry)] = (entry, listed[title])
        elif title:
            listed.setdefault(title, entry)
    before = sum(one.first < last for one in listed.values())
    twice = len({id(first) for _, first in again.values() if first.first < last})
    return again if twice >= max(_FEWEST, before / 2) else {}


def _links(entry: Entry) -> bool:
    return any(piece.item.links for piece in entry.pieces)


def _is_unmarked(meeting: Meeting) -> bool:
    """Whether a heading such as "References" has neither number nor date, as sessions have them."""
    return not any(marks.mark_of(head.text) for head in meeting.heads)
