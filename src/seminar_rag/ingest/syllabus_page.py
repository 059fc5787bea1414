"""A course page's items → sessions, wherever the page draws the line between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seminar_rag.ingest import syllabus_marks as marks
from seminar_rag.ingest import syllabus_words as words
from seminar_rag.ingest.markup import Item
from seminar_rag.ingest.syllabus_items import cut_item, links_of_works

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
    heads = _series(items) or _section_parents(items)
    if not heads:
        return ()
    bounds = [*heads, len(items)]
    bodies: list[Sequence[Item]] = [items[start + 1 : end] for start, end in pairwise(bounds)]
    bodies[-1] = _before_the_rest(items[heads[-1]], bodies)
    footer = _footer(bodies)
    bodies = [_before(body, footer) for body in bodies]
    repeated = _boilerplate(bodies)
    parts = []
    found = [marks.mark_of(items[at].text) for at in heads]
    numbers = [mark.number if mark else None for mark in found]
    printed = None not in numbers and len(set(numbers)) == len(numbers)
    for order, (at, body) in enumerate(zip(heads, bodies, strict=True), 1):
        head = items[at]
        links = [link.url for link in head.links if not link.url.startswith("#")]
        kept = [item for item in body if item.text not in repeated or item.links]
        parts.append(
            Part(
                number=(numbers[order - 1] or order) if printed else order,
                title=marks.title_of(_without_labels(head)),
                items=(*_beside(head), *_raised(kept, head.depth)),
                tags=_tags(body, repeated),
                link=links[0] if links else None,
            )
        )
    return tuple(parts)


# ---------------------------------------------------------------- series of heads


@dataclass(frozen=True, slots=True)
class _Series:
    """Lines of one kind that are marked one after another."""

    heads: tuple[int, ...]
    """Where they stand."""
    filled: int
    """How many have something below them that may be readings, or lead to a page."""
    rank: int
    """Headings before bold lines before plain ones; outer levels before inner ones."""
    sure: bool
    """Marked by a name or a date, not by a bare number."""


def _series(items: Sequence[Item]) -> tuple[int, ...]:
    """The heads of the page's sessions by their marks; of several series the fullest one."""
    groups: dict[tuple[int, marks.MarkKind], list[tuple[int, int | None]]] = {}
    for at, item in enumerate(items):
        rank = _rank(item)
        mark = marks.mark_of(item.text) if rank is not None else None
        if rank is None or mark is None or (rank >= _LINE and mark.kind in {"numbered", "roman"}):
            continue
        groups.setdefault((rank, mark.kind), []).append((at, mark.number))
    found = []
    for (rank, kind), marked in groups.items():
        heads = _chain(marked, step=kind in {"numbered", "roman"})
        if len(heads) > (2 if kind == "roman" or rank >= _LINE else 1):
            found.append(_Series(heads, _filled(items, heads), rank, kind in {"named", "dated"}))
    best = max(found, key=lambda s: (s.filled > 1, s.sure, s.filled, -s.rank), default=None)
    return best.heads if best is not None and (best.filled or best.rank < _LINE) else ()


_LINE = 20
"""Rank of paragraphs and, above it, of list items; headings and bold lines rank below it."""


def _rank(item: Item) -> int | None:
    """What kind of line an item is; None for what opens no session."""
    if item.block.kind == "heading":
        return item.block.level
    if item.block.kind == "item":
        return _LINE + 1 + item.depth
    if item.block.kind != "paragraph" or not item.text or item.depth:
        return None
    if item.bold == len(item.text):
        return 10
    title = item.text[: item.bold]
    if title and marks.title_of(item.text) == marks.title_of(title.rstrip(" :")):
        return 10  # a bold title, and a date beside it
    return _LINE if len(item.text.split()) <= 25 else None


def _chain(marked: Sequence[tuple[int, int | None]], step: bool) -> tuple[int, ...]:
    """Of marked lines those that count upwards: one by one for bare numbers, in order for names."""
    heads: list[int] = []
    last: int | None = None
    for at, number in marked:
        if last is None or number is None or (number == last + 1 if step else number >= last):
            heads.append(at)
            last = number
    return tuple(heads)


def _filled(items: Sequence[Item], heads: Sequence[int]) -> int:
    return sum(
        any(item.links or item.block.kind in {"item", "table"} for item in items[start + 1 : end])
        or any(not link.url.startswith("#") for link in items[start].links)
        for start, end in pairwise([*heads, len(items)])
    )


def _before_the_rest(head: Item, bodies: Sequence[Sequence[Item]]) -> Sequence[Item]:
    """The last session without what follows it on the page ("Grading", "Resources").

    That begins at a heading as high as the sessions' own, if no other session has one inside.
    """
    level = head.block.level if head.block.kind == "heading" else 7

    def leaves(item: Item) -> bool:
        if head.block.kind == "item" and item.depth <= head.depth:
            return True
        high = item.block.kind == "heading" and 0 < item.block.level <= level
        return high and not words.section_of(item.text) and not words.opens_notes(item.text)

    *others, last = bodies
    if head.block.kind != "item" and any(leaves(item) for body in others for item in body):
        return last
    return last[: next((at for at, item in enumerate(last) if leaves(item)), len(last))]


def _without_labels(head: Item) -> str:
    """A session's line without the labels of links at its end ("[slides]")."""
    end = len(head.text)
    for link in sorted(head.links, key=lambda link: -link.start):
        if words.normal(head.text[link.end : end]).strip("[]()") or not words.is_label(
            head.text[link.start : link.end]
        ):
            break
        end = link.start
    return head.text[:end].rstrip(" [(|,")


def _beside(head: Item) -> tuple[Item, ...]:
    """The reading that a line names beside its mark ("Sep 12: [Title](…)")."""
    mark = marks.mark_of(head.text)
    if head.block.kind not in {"item", "paragraph"} or mark is None or not head.links:
        return ()
    rest = cut_item(head, mark.end, len(head.text))
    works = [link for link in links_of_works(rest) if link.start == 0]
    if not works or not _leaves_site(works[0].url):
        return ()
    return (replace(rest, block=replace(rest.block, kind="item"), depth=1, marker="-"),)


def _leaves_site(url: str) -> bool:
    return "//" in url or url.lower().endswith(".pdf")


def _raised(items: Sequence[Item], by: int) -> list[Item]:
    """Items that stand below a list item, as if they stood below a heading."""
    if not by:
        return list(items)
    return [
        replace(
            item,
            depth=max(0, item.depth - by),
            block=replace(item.block, level=max(0, item.block.level - by))
            if item.block.kind == "item"
            else item.block,
        )
        for item in items
    ]


def _section_parents(items: Sequence[Item]) -> Sequence[int]:
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
        text
        for text, count in counts.items()
        if count >= least and not words.section_of(text) and not words.is_other(text)
    )


def _besides(item: Item) -> str:
    """What an item says beside its links."""
    text, at = "", 0
    for link in sorted(item.links, key=lambda link: link.start):
        text += item.text[at : link.start]
        at = max(at, link.end)
    return words.normal(text + item.text[at:])


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
            link_text
            for link in item.links
            for link_text in [item.text[link.start : link.end].strip()]
            if _TAG_LINK.search(link.url) and not _besides(item) and not words.is_label(link_text)
        ]
        if item.block.kind == "heading" and not item.block.level and len(item.text.split()) <= 6:
            plain.append(item.text)
    return tuple(dict.fromkeys(found))
