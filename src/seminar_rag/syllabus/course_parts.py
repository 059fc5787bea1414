"""Parts of a course: what stands above several of its sessions and is no session itself.

"Part II: Using", "Unit 3", "Weeks 4-6", or a topic with its meetings below. Its place tells a part,
not its words: a heading or a list item with sessions below it, a row of a table with nothing but a
name, a cell that stands for several rows. Only lines on the sessions' own level need a printed
number ("Module 2" above "Unit 1"), since nothing else sets them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from seminar_rag.syllabus.events import Line, lines_of, trained
from seminar_rag.syllabus.features import said
from seminar_rag.syllabus.marks import MONTH_NAME, is_date, mark_of
from seminar_rag.syllabus.meetings import Meeting
from seminar_rag.syllabus.pieces import Piece

_SEVERAL = 1.5
"""Sessions that parts have on average, at least."""
_MOST = 0.6
"""The share of the sessions that stand in parts, at least."""
_LONGEST = 150
"""Characters of a line that may name a part."""
_ITEMS = 10
"""Rank of list items, above their depth; headings rank as their levels."""
_MONTH = re.compile(rf"(?:{MONTH_NAME}\W*+)++(?:\d{{4}})?", re.I)


@dataclass(slots=True)
class _Level:
    """Lines that may be the names of the course's parts."""

    parts: dict[int, tuple[object, str]] = field(default_factory=dict)
    """Of meetings by their index, a key of the part and its name."""
    names: dict[int, object] = field(default_factory=dict)
    """Meetings that may be no sessions but such names, and the key of the part."""

    @property
    def no_sessions(self) -> set[int]:
        """The meetings that are the names of parts with sessions."""
        used = {part for n, (part, _) in self.parts.items() if n not in self.names}
        return {n for n, part in self.names.items() if part in used}

    def divides(self, meetings: int) -> bool:
        """Whether it divides the course: into several parts with several sessions each."""
        names = self.no_sessions
        found = [self.parts.get(n) for n in range(meetings) if n not in names]
        runs = [len([*run]) for part, run in groupby(found) if part is not None]
        named = dict.fromkeys(part for part in found if part is not None)
        distinct = len({name for _, name in named}) == len(named) == len(runs)
        first = any(part is not None for part in found[:2])
        several = 2 * sum(run > 1 for run in runs) > len(runs) > 1
        many = sum(runs) >= max(_SEVERAL * len(runs), _MOST * len(found))
        return distinct and first and several and many


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with the sessions that were found on it."""

    pieces: Sequence[Piece]
    meetings: Sequence[Meeting]
    """Those with heads."""
    lines: Sequence[Line]
    owners: Mapping[int, int]
    """Of the pieces by their ids, those that are heads, the index of their meeting."""
    entries: frozenset[int]
    """The ids of pieces that name readings."""

    def owner(self, line: Line) -> int | None:
        """The meeting that a line is a head of."""
        return next((n for p in line.pieces if (n := self.owners.get(id(p))) is not None), None)

    def names(self, line: Line) -> bool:
        """Whether a line may name a part, and names no session with readings or a day, and no
        reading."""
        owner = self.owner(line)
        free = owner is None or self.empty(owner)
        return free and not self.reads(line) and _may_name(line.text)

    def reads(self, line: Line) -> bool:
        """Whether a line names a reading."""
        return any(id(piece) in self.entries for piece in line.pieces)

    def empty(self, meeting: int) -> bool:
        """Whether a meeting has neither readings nor a day, so that it may be none."""
        one = self.meetings[meeting]
        return not one.entries and not any(_is_dated(head.text) for head in one.heads)


def with_parts(
    pieces: Sequence[Piece], meetings: Sequence[Meeting]
) -> list[tuple[Meeting, str | None]]:
    """The sessions of a page, each with the name of its part, as printed; what was taken for a
    session and is such a name is left out."""
    at = [n for n, one in enumerate(meetings) if one.heads]
    own = [meetings[n] for n in at]
    owners = {id(piece): n for n, one in enumerate(own) for piece in one.heads}
    entries = frozenset(id(p) for one in meetings for entry in one.entries for p in entry.pieces)
    page = _Page(pieces, own, [*lines_of(pieces)], owners, entries)
    levels = [*_above(page), _rows(page), *_columns(page), *_beside(page)]
    found = [one for one in levels if one.divides(len(own))] if len(own) > 2 else []
    best = max(found, key=lambda one: len(one.parts), default=_Level())
    names = {at[n]: name for n, (_, name) in best.parts.items()}
    no_session = {at[n] for n in best.no_sessions}
    return [(one, names.get(n)) for n, one in enumerate(meetings) if n not in no_session]


def _may_name(text: str) -> bool:
    return 1 < len(text) <= _LONGEST and not is_date(text) and not _MONTH.fullmatch(text)


def _is_dated(text: str) -> bool:
    mark = mark_of(text)
    return mark is not None and mark.kind == "dated"


def _above(page: _Page) -> list[_Level]:
    """Headings and list items that sessions stand below, outermost first."""
    levels: dict[int, _Level] = {}
    stack: list[tuple[int, Line]] = []
    seen: set[int] = set()
    for line in page.lines:
        piece, owner = line.pieces[0], page.owner(line)
        rank = piece.level or (_ITEMS + piece.source.depth if piece.source.depth else 0)
        stack = [one for one in stack if one[0] < (rank or _ITEMS)]
        if owner is not None and owner not in seen:
            seen.add(owner)
            for above, part in stack:
                level = levels.setdefault(above, _Level())
                level.parts[owner] = (part.first, part.text)
                if (name := page.owner(part)) is not None:
                    level.names[name] = part.first
        if rank and piece.cut == "block" and page.names(line):
            stack.append((rank, line))
    return [levels[rank] for rank in sorted(levels)]


def _rows(page: _Page) -> _Level:
    """Rows of tables with nothing but a name, above rows that are sessions."""
    level = _Level()
    rows = groupby(page.lines, key=lambda one: _row(one.pieces[0]))
    part: tuple[object, str] | None = None
    table = None
    for row, own in rows:
        cells = [*own]
        if row is None or row[:2] != table:
            part, table = None, row and row[:2]
        owner = next((n for one in cells if (n := page.owner(one)) is not None), None)
        if row is None:
            continue
        alone = len(cells) == 1 and cells[0].pieces[0].columns > 1
        if alone and page.names(cells[0]) and trained().of(cells[0].text) is None:
            part = (row, cells[0].text)
            if owner is not None:
                level.names[owner] = row
        if owner is not None and part is not None:
            level.parts.setdefault(owner, part)
    return level


def _row(piece: Piece) -> tuple[int, int, int] | None:
    return (piece.file, piece.table, piece.row) if piece.table >= 0 else None


def _columns(page: _Page) -> Iterator[_Level]:
    """Columns before that of the sessions' titles of which a cell stands for several rows: those
    below it are empty or say the same."""
    cells: dict[object, dict[int, Line]] = {}
    for line in page.lines:
        cells.setdefault(_row(line.pieces[0]), {}).setdefault(line.pieces[0].column, line)
    rows = [_row(one.heads[0]) for one in page.meetings]
    for column in range(max((piece.columns for piece in page.pieces), default=0) - 1):
        titled = (p.column for one in page.meetings for p in one.heads if not is_date(p.text))
        if 2 * sum(at > column for at in titled) < len(rows):
            continue
        level, part = _Level(), None
        for n, row in enumerate(rows):
            cell = cells[row].get(column) if row is not None else None
            if cell is not None:
                name = "" if page.reads(cell) else _column_name(cell)
                if part is None or part[1] != name:
                    part = (n, name) if name else None
            if part is not None and row is not None:
                level.parts[n] = part
        yield level


def _column_name(cell: Line) -> str:
    """The part that a cell names; a number is one of what its column counts: "Week 3"."""
    text = cell.text.strip(" .:|")
    kinds = said((cell.header or text)[:120]).keys()
    if kinds & {"people", "work", "admin"} and not kinds & {"topic", "date"}:
        return ""
    if re.fullmatch(r"[\W\d_]+|[A-Za-z]", text):
        text = f"{cell.header} {text}"
        mark = mark_of(text)
        return text if mark is not None and mark.kind == "named" else ""
    return text if _may_name(text) else ""


def _beside(page: _Page) -> Iterator[_Level]:
    """Lines with a name and a number that others count than the sessions: "Module 2" above "Unit 1"
    and "Unit 2"."""
    sessions = [one for n, one in enumerate(page.meetings) if not page.empty(n)]
    counted = {word for one in sessions for head in one.heads if (word := _counts(head.text)[0])}
    levels: dict[object, _Level] = {}
    parts: dict[object, tuple[int, str, int]] = {}
    seen: set[int] = set()
    for line in page.lines:
        piece, owner = line.pieces[0], page.owner(line)
        word, number = _counts(line.text)
        kind = (word, piece.kind, piece.level)
        opens = piece.cut in {"block", "line"} and piece.table < 0
        free = word and word not in counted and opens and page.names(line)
        if free and number > parts.get(kind, (0, "", -1))[2]:
            parts[kind] = (line.first, line.text, number)
            if owner is not None:
                levels.setdefault(kind, _Level()).names[owner] = line.first
        if owner is not None and owner not in seen:
            seen.add(owner)
            for each, (first, name, _) in parts.items():
                levels.setdefault(each, _Level()).parts[owner] = (first, name)
    yield from levels.values()


def _counts(text: str) -> tuple[str, int]:
    """What a line is marked with: the word before its number, and the number."""
    text = re.sub(r"^[^\w]+", "", text)
    mark = mark_of(text)
    if mark is None or mark.kind != "named" or mark.number is None:
        return "", 0
    word = re.match(r"[^\W\d_]+", text)
    return (word[0].casefold() if word else "", mark.number)
