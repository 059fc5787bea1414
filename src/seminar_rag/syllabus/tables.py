"""Schedules: the tables of a course page that have a session in each row. Pure.

What a column holds is told by its name, and where names say nothing, by its content: dates, numbers
and links. Tables of slides, teams or deadlines are no schedules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seminar_rag.syllabus import marks as marks
from seminar_rag.syllabus import words
from seminar_rag.syllabus.features import said
from seminar_rag.syllabus.items import beside_links, cut_item, is_remark, links_of_works
from seminar_rag.syllabus.markup import Item
from seminar_rag.syllabus.page import Part
from seminar_rag.types import Block

_READINGS = re.compile(
    r"\b(?:readings?|papers?|articles?|literature|references|bibliography|preparation|to read)\b"
)
_TOPIC = re.compile(
    r"\b(?:topics?|titles?|themes?|subjects?|lectures?|sessions?|contents?|descriptions?|agenda"
    r"|modules?|units?)\b"
)
_ASIDE = re.compile(
    r"\b(?:slides?|decks?|notes?|recordings?|videos?|homeworks?|assignments?|deadlines?|events?|due"
    r"|projects?|instructors?|teams?|labs?|exercises?|questions?|sections?|logistics)\b"
)
_COUNT = re.compile(r"\d{1,3}\.?$")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns of a schedule hold what."""

    readings: tuple[int, ...]
    when: tuple[int, ...]
    """Dates, weeks and numbers; a row without them is the name of a part of the course."""
    topic: tuple[int, ...]
    """Where a session's title may be, the likeliest first."""
    names: tuple[str, ...]
    """The header, in lower case; empty texts without one."""
    named: bool
    """Whether the readings were found by the header; else only links count as readings."""


def table_sessions(items: Sequence[Item]) -> tuple[Part, ...]:
    """The rows of the page's schedules, one session a row.

    In a column of readings every link to a work opens an entry, and so does a line without links.
    A row without a date and a title goes on with the session above it.
    """
    parts: list[Part] = []
    for item in items:
        if item.block.kind == "table":
            parts += _sessions(_rows(item))
    numbers = [part.number for part in parts]
    if 0 in numbers or len(set(numbers)) != len(numbers):
        parts = [replace(part, number=order) for order, part in enumerate(parts, 1)]
    return tuple(parts)


def _rows(item: Item) -> list[list[Item]]:
    ends = [*((at, at + 3) for at in item.cells)]
    ends += [(m.start(), m.end()) for m in re.finditer(r"\n", item.text)]
    rows: list[list[Item]] = [[]]
    start = 0
    for end, following in [*sorted(ends), (len(item.text), len(item.text))]:
        rows[-1].append(cut_item(item, start, end))
        start = following
        if item.text[end:following] == "\n":
            rows.append([])
    return [row for row in rows if any(cell.text for cell in row)]


def _sessions(rows: Sequence[Sequence[Item]]) -> list[Part]:
    columns = _columns(rows)
    if columns is None:
        return []
    parts: list[Part] = []
    last = ("", "")
    for row in rows[1:] if any(columns.names) else rows:
        title, when = _title(row, columns), _text(row, columns.when)
        entries = _entries(row, columns)
        if parts and entries and (not (title or when) or (title, when) == last):
            parts[-1] = replace(parts[-1], items=(*parts[-1].items, *entries))
        elif when or entries or (title and not columns.when):
            number = next((n for at in columns.when if (n := _count(row, at))), 0)
            parts.append(Part(number, marks.title_of(title or when), tuple(entries)))
            last = (title, when)
    return parts


def _columns(rows: Sequence[Sequence[Item]]) -> _Columns | None:
    header = [words.normal(cell.text).casefold() for cell in rows[0]]
    body = rows[1:]
    if any(cell.links or marks.is_date(cell.text) or _count((cell,), 0) for cell in rows[0]):
        header, body = [""] * len(header), rows
    width = max(map(len, rows))
    header += [""] * (width - len(header))
    if len(body) < 2:
        return None
    when = tuple(n for n in range(width) if _mostly(body, n, _is_when))
    readings = tuple(n for n, name in enumerate(header) if _READINGS.search(name))
    readings = tuple(n for n in readings if n not in when)
    named = bool(readings)
    if not readings and any(_mostly(body, n, _is_dated) for n in when):
        readings = _by_content(body, header, width, when)
    if not readings:
        return None
    free = [n for n in range(width) if n not in (*when, *readings)]
    free += [n for n in readings if _TOPIC.search(header[n])]  # "Topic / papers"
    free.sort(key=lambda n: (not _TOPIC.search(header[n]), _is_aside(header[n]), n))
    return _Columns(readings, when, tuple(free), tuple(header), named)


def _is_aside(header: str) -> bool:
    """Whether a column holds neither topics nor readings, but materials, work or who is there."""
    return bool(_ASIDE.search(header)) or "people" in said(header[:120])


def _by_content(
    body: Sequence[Sequence[Item]], header: Sequence[str], width: int, when: Sequence[int]
) -> tuple[int, ...]:
    """The column with the most links to works, where no name tells of readings."""

    def weight(column: int) -> int:
        return sum(len(links_of_works(row[column])) for row in body if column < len(row))

    able = [n for n in range(width) if n not in when and not _is_aside(header[n])]
    best = max(able, key=weight, default=None)
    return (best,) if best is not None and weight(best) > 1 else ()


def _mostly(body: Sequence[Sequence[Item]], column: int, test: Callable[[str], bool]) -> bool:
    cells = [row[column].text for row in body if column < len(row) and row[column].text]
    return sum(map(test, cells)) > 0.6 * len(cells)


def _is_when(text: str) -> bool:
    mark = marks.mark_of(text)
    return bool(_COUNT.match(text)) or (mark is not None and mark.end >= len(text.rstrip(" )")))


def _is_dated(text: str) -> bool:
    return _is_when(text) and not _COUNT.match(text)


def _count(row: Sequence[Item], column: int) -> int:
    text = row[column].text if column < len(row) else ""
    mark = marks.mark_of(text)
    if _COUNT.match(text):
        return int(text.rstrip("."))
    return (mark.number or 0) if mark and mark.end >= len(text) else 0


def _text(row: Sequence[Item], columns: Sequence[int]) -> str:
    return " ".join(row[n].text for n in columns if n < len(row) and _is_when(row[n].text))


def _title(row: Sequence[Item], columns: _Columns) -> str:
    """The first text among the columns that are neither dates nor readings, without link labels."""
    for column in columns.topic:
        if column < len(row) and row[column].text:
            if _is_aside(columns.names[column]) and not _TOPIC.search(columns.names[column]):
                continue
            cell = row[column]
            end = next((at for at in cell.breaks if words.normal(cell.text[:at])), len(cell.text))
            line = cut_item(cell, 0, end)
            if column in columns.readings and line.links:
                continue
            text = beside_links(line)[0] if line.links else line.text
            text += ")" * (text.count("(") - text.count(")"))
            if words.normal(text):
                return text
    return ""


def _entries(row: Sequence[Item], columns: _Columns) -> list[Item]:
    found: list[Item] = []
    for column in columns.readings:
        if column < len(row):
            section = words.section_of(columns.names[column]) or "required"
            inner = cell_entries(row[column])
            if column in columns.topic:
                inner = [item for item in inner if item.links]
            if columns.named or any(i.links or i.block.kind == "heading" for i in inner):
                found += [_heading("Further readings" if section == "more" else "Readings"), *inner]
    return found


def cell_entries(cell: Item) -> list[Item]:
    """A cell of readings as list items and headings: cut at its lines, and before every link."""
    bounds = [0, *(at + 1 for at in cell.breaks), len(cell.text)]
    found: list[Item] = []
    for start, end in pairwise(bounds):
        line = cut_item(cell, start, end)
        if not line.links and words.section_of(line.text):
            found.append(_heading(line.text))
        elif line.links or not is_remark(line.text):
            found += _line_entries(line)
    return found


def _line_entries(line: Item) -> list[Item]:
    starts = [link.start for link in links_of_works(line)]
    bounds = [0, *sorted(start for start in starts if start > 0), len(line.text)]
    if starts and starts[0] > 0:
        if re.search(r"[^\W\d_]{2}", line.text[: starts[0]]):
            bounds = bounds[:1] + bounds[2:]  # words before the first link belong to its entry
        else:
            bounds = bounds[1:]  # a number or a bullet
    parts = [cut_item(line, start, end) for start, end in pairwise(bounds)]
    return [
        replace(part, block=replace(part.block, kind="item"), depth=1, marker="-")
        for part in parts
        if words.normal(part.text) or part.links
    ]


def _heading(text: str) -> Item:
    return Item(Block(text, "heading", 2))
