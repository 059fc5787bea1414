"""A course page's items → sessions, wherever the page draws the line between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seminar_rag.ingest import syllabus_words as words
from seminar_rag.ingest.markup import Item
from seminar_rag.ingest.syllabus_items import cut_item
from seminar_rag.types import Block

_NUMBERED = re.compile(r"^(\d{1,3})\s*[.):]\s*(?=\S)")
_NAMED = re.compile(
    r"^(?:week|session|lecture|class|meeting|day|module|unit|seminar|topic|part)\s*#?\s*(\d{1,3})\b"
    r"\s*[.):–—-]*\s*",
    re.I,
)
_READINGS_COLUMN = re.compile(r"\b(?:readings?|papers?|articles?|literature)\b")
_TOPIC_COLUMN = re.compile(r"\b(?:topics?|title|theme|subject|lecture|session|content)\b")
_TAG_LINK = re.compile(r"tags?(?:/|[#=]|\.html#)", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """One session's share of the page."""

    number: int
    title: str
    items: tuple[Item, ...]
    tags: tuple[str, ...] = ()
    link: str | None = None
    """Where the heading leads: the session's own page."""


def split_sessions(items: Sequence[Item]) -> tuple[Part, ...]:
    """The sessions of a page; empty when nothing on it divides it into sessions."""
    heads = _numbered_heads(items) or _section_parents(items)
    if not heads:
        return ()
    bounds = [*heads, len(items)]
    bodies = [items[start + 1 : end] for start, end in pairwise(bounds)]
    footer = _footer(bodies)
    bodies = [_before(body, footer) for body in bodies]
    repeated = _boilerplate(bodies)
    parts = []
    numbers = [_number(items[at].text) for at in heads]
    printed = None not in numbers and len(set(numbers)) == len(numbers)
    for order, (at, body) in enumerate(zip(heads, bodies, strict=True), 1):
        head = items[at]
        links = [link.url for link in head.links if not link.url.startswith("#")]
        parts.append(
            Part(
                number=(numbers[order - 1] or order) if printed else order,
                title=_title(head.text),
                items=tuple(item for item in body if item.text not in repeated or item.links),
                tags=_tags(body, repeated),
                link=links[0] if links else None,
            )
        )
    return tuple(parts)


def table_sessions(items: Sequence[Item]) -> tuple[Part, ...]:
    """The rows of a schedule: a table with a column of readings, one session a row.

    Every link of that column becomes an entry; a cell without links is one entry by its text.
    Tables without such a column (slides, teams, deadlines) are none.
    """
    parts: list[Part] = []
    for item in items:
        if item.block.kind == "table":
            parts += _table_rows(item, len(parts))
    return tuple(parts)


def _table_rows(item: Item, before: int) -> list[Part]:
    rows = _rows(item)
    header = [words.normal(cell.text).casefold() for cell in rows[0]]
    readings = [n for n, name in enumerate(header) if _READINGS_COLUMN.search(name)]
    if not readings or len(rows) < 3:
        return []
    topic = next((n for n, name in enumerate(header) if _TOPIC_COLUMN.search(name)), None)
    parts: list[Part] = []
    for row in rows[1:]:
        named = topic if topic is not None else min(set(range(len(row))) - set(readings), default=0)
        title = row[named].text if named < len(row) else ""
        entries: list[Item] = []
        for column in readings:
            if column < len(row):
                section = words.section_of(header[column]) or "required"
                label = "Further readings" if section == "more" else "Readings"
                entries += [_heading(label), *_cell_entries(row[column])]
        number = before + len(parts) + 1
        parts.append(Part(number, title or f"Session {number}", tuple(entries)))
    return parts


def _rows(item: Item) -> list[list[Item]]:
    rows: list[list[Item]] = [[]]
    start = 0
    for match in re.finditer(r" \| |\n|\Z", item.text):
        rows[-1].append(cut_item(item, start, match.start()))
        start = match.end()
        if match.group() == "\n":
            rows.append([])
    return rows


def _cell_entries(cell: Item) -> list[Item]:
    """A cell of readings as list items, cut before every link that opens an entry."""
    starts = [
        link.start for link in cell.links if not words.is_label(cell.text[link.start : link.end])
    ]
    bounds = [0, *sorted(start for start in starts if start > 0), len(cell.text)]
    if len(starts) > 0 and starts[0] > 0 and len(words.normal(cell.text[: starts[0]])) > 1:
        bounds = bounds[:1] + bounds[2:]  # words before the first link belong to its entry
    found = [cut_item(cell, start, end) for start, end in pairwise(bounds)]
    return [
        replace(part, block=replace(part.block, kind="item"), depth=1, marker="-")
        for part in found
        if words.normal(part.text) or part.links
    ]


def _heading(text: str) -> Item:
    return Item(Block(text, "heading", 2))


def _number(text: str) -> int | None:
    match = _NUMBERED.match(text) or _NAMED.match(text)
    return int(match.group(1)) if match else None


def _title(text: str) -> str:
    for pattern in (_NUMBERED, _NAMED):
        match = pattern.match(text)
        if match and words.normal(text[match.end() :]):
            return text[match.end() :].strip()
    return text.strip()


def _numbered_heads(items: Sequence[Item]) -> list[int]:
    """The headings that count 1, 2, 3 …, of the level that counts furthest."""
    best: list[int] = []
    levels = {item.block.level for item in items if item.block.kind == "heading"}
    for level in sorted(levels):
        found: list[int] = []
        expected: int | None = None
        for at, item in enumerate(items):
            if item.block.kind != "heading" or item.block.level != level:
                continue
            number = _number(item.text)
            if number is not None and (expected is None or number == expected):
                found.append(at)
                expected = number + 1
        if len(found) > max(1, len(best)):
            best = found
    return best


def _section_parents(items: Sequence[Item]) -> list[int]:
    """The headings one level above the section headings, when several of them have sections."""
    heads = [(at, item) for at, item in enumerate(items) if item.block.kind == "heading"]
    sections = [item.block.level for _, item in heads if words.section_of(item.text)]
    base = min((level for level in sections if level), default=0)
    above = max((i.block.level for _, i in heads if i.block.level < base), default=0)
    if not above:
        return []
    parents = [at for at, item in heads if item.block.level == above]
    bounds = [*parents, len(items)]
    holding = [
        start
        for start, end in pairwise(bounds)
        if any(words.section_of(i.text) for i in items[start:end] if i.block.kind == "heading")
    ]
    if len(holding) < 2:
        return []
    marks = {items[at].anchor for at in holding}  # a shared class tells them from other headings
    same = marks if len(marks) == 1 and "" not in marks else None
    return [at for at in parents if at >= holding[0] and (not same or items[at].anchor in same)]


def _footer(bodies: Sequence[Sequence[Item]]) -> str | None:
    """The line that closes most sessions, if there is one."""
    last = Counter(body[-1].text for body in bodies if body)
    text, count = last.most_common(1)[0] if last else ("", 0)
    return text if count >= max(3, len(bodies) // 2) else None


def _before(body: Sequence[Item], footer: str | None) -> Sequence[Item]:
    found = [at for at, item in enumerate(body) if item.text == footer]
    return body[: found[-1]] if found else body


def _boilerplate(bodies: Sequence[Sequence[Item]]) -> frozenset[str]:
    """Lines that the page repeats in many sessions and that announce no readings."""
    counts = Counter(
        text
        for body in bodies
        for text in {i.text for i in body if i.block.kind in {"heading", "paragraph"}}
    )
    least = max(3, len(bodies) // 4)
    return frozenset(
        text for text, count in counts.items() if count >= least and not words.section_of(text)
    )


def _tags(body: Sequence[Item], repeated: frozenset[str]) -> tuple[str, ...]:
    """Tags between a session's heading and its content: links to a tag page, or a line of words."""
    found: list[str] = []
    plain: list[str] = []
    for item in body:
        if item.text in repeated:
            return tuple(dict.fromkeys(found)) or tuple(plain[-1].split() if plain else ())
        if item.block.kind == "heading" and words.section_of(item.text):
            break
        found += [
            item.text[link.start : link.end].strip()
            for link in item.links
            if _TAG_LINK.search(link.url)
        ]
        if item.block.kind == "heading" and not item.block.level and len(item.text.split()) <= 6:
            plain.append(item.text)
    return tuple(dict.fromkeys(found))
