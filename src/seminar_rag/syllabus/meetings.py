"""Labels of pieces → what a page holds: its sessions, and in each the readings that were found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from seminar_rag.syllabus.marks import mark_of
from seminar_rag.syllabus.model import LABEL, MORE, OTHER, READING, SESSION, TITLE
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.sections import sessions_end
from seminar_rag.syllabus.spans import Run, Span


@dataclass(slots=True)
class Entry:
    """A reading found on a page."""

    pieces: list[Piece]
    first: int
    sure: float
    """How likely it is a reading: as its first piece says, then as all of it does (`judged`)."""
    runs: list[Run]
    title: Span | None = None
    title_sure: float = 0.0
    """How likely its title is this stretch and no other."""
    authors: Span | None = None
    beyond: float = 0.0
    """How likely it is further reading."""
    stop: int = 0
    """Where what may describe it ends: the next reading, label or session."""


@dataclass(slots=True)
class Meeting:
    """A session found on a page; `heads` are the pieces that name it, none before the first."""

    heads: list[Piece]
    entries: list[Entry] = field(default_factory=list)
    first: int = 0


def meetings_of(
    pieces: Sequence[Piece], labels: Sequence[int], sure: Sequence[float]
) -> list[Meeting]:
    """Sessions with their readings; what stands before and after all of them has no heads."""
    found = [Meeting([])]
    end = sessions_end(pieces, labels)
    named_rows = {_row(p) for p, label in zip(pieces, labels, strict=True) if label == SESSION}
    row: tuple[int, int, int] | None = None
    entry: Entry | None = None
    for n, (piece, label) in enumerate(zip(pieces, labels, strict=True)):
        here = _row(piece)
        new_row = here is not None and here != row and here in named_rows
        row = here
        if new_row or (label == SESSION and here is None):
            found.append(Meeting([], first=n))
        if n == end:
            found.append(Meeting([], first=n))
        ends = new_row or n == end or label in (SESSION, TITLE, LABEL, READING)
        if entry is not None and ends:
            entry.stop, entry = n, None
        opens = new_row and label == OTHER and bool(_COUNTS.fullmatch(piece.text))
        if (label in (SESSION, TITLE) or opens) and n < end:
            found[-1].heads.append(piece)
        elif label == READING:
            entry = Entry([piece], n, sure[n], [], stop=len(pieces))
            found[-1].entries.append(entry)
        elif label == MORE and entry is not None:
            entry.pieces.append(piece)
    kept = [one for n, one in enumerate(found) if one.entries or (n and one.heads)]
    return kept or found[:1]


def gathered(found: list[Meeting]) -> list[Meeting]:
    """Sessions, with all readings that belong to none at the beginning."""
    loose = [meeting for meeting in found if not meeting.heads]
    if len(loose) < 2 and found[-1:] != loose:
        return found
    general = Meeting([], [entry for meeting in loose for entry in meeting.entries])
    return [general, *(meeting for meeting in found if meeting.heads)]


def numbers_of(meetings: Sequence[Meeting]) -> list[int]:
    """The numbers of sessions: as printed where all are and differ, else in order."""
    found = [_number(meeting.heads) if meeting.heads else 0 for meeting in meetings]
    printed = [number for number in found if number is not None]
    if len(printed) == len(found) and len(set(found)) == len(found):
        return printed
    first = 1 if meetings[0].heads else 0
    return list(range(first, first + len(meetings)))


def _number(heads: Sequence[Piece]) -> int | None:
    """The number in what names a session: "Week 3", or a cell with a number alone."""
    for head in heads:
        mark = mark_of(head.text)
        if mark is not None and mark.number is not None:
            return mark.number
        if alone := re.fullmatch(r"#?(\d{1,3})\.?", head.text.strip()):
            return int(alone[1])
    return None


_COUNTS = re.compile(r"\W*\d{1,3}\W*")
"""A cell that only counts: beside a session's title, its number."""


def _row(piece: Piece) -> tuple[int, int, int] | None:
    return (piece.file, piece.table, piece.row) if piece.table >= 0 else None
