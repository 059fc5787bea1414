"""A course page's items → sessions, wherever the page draws the line between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seminar_rag.syllabus import marks as marks
from seminar_rag.syllabus import words
from seminar_rag.syllabus.items import (
    cut_item,
    is_entry,
    is_evidence,
    is_head,
    links_of_works,
    opens_with_work,
)
from seminar_rag.syllabus.markup import Item

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
    sure: bool = False
    """Marked by a name or a date ("Week 3", "Sep 12"), not by a number or by what it holds."""


def split_sessions(items: Sequence[Item]) -> tuple[Part, ...]:
    """The sessions of a page; empty when nothing on it divides it into sessions."""
    heads = _series(items) or _section_parents(items) or _topics(items) or _single(items)
    if not heads:
        return ()
    bounds = [*heads, len(items)]
    bodies: list[Sequence[Item]] = [items[start + 1 : end] for start, end in pairwise(bounds)]
    if len(heads) > 1:
        bodies[-1] = _before_the_rest(items[heads[-1]], bodies)
    footer = _footer(bodies)
    bodies = [_before(body, footer) for body in bodies]
    repeated = _boilerplate(bodies)
    found = [marks.mark_of(items[at].text) for at in heads]
    numbers = [mark.number if mark else None for mark in found]
    printed = None not in numbers and len(set(numbers)) == len(numbers)
    return tuple(
        Part(
            number=(numbers[order] or order + 1) if printed else order + 1,
            title=title,
            items=tuple(kept),
            tags=_tags(bodies[order], repeated),
            link=link,
            sure=mark is not None and mark.kind in {"named", "dated"},
        )
        for order, mark in enumerate(found)
        for title, link, kept in [_opened(items[heads[order]], bodies[order], repeated)]
    )


def _opened(
    head: Item, body: Sequence[Item], repeated: frozenset[str]
) -> tuple[str, str | None, list[Item]]:
    """A session's title, where its line leads, and its items."""
    kept = _raised([item for item in body if item.text not in repeated or item.links], head.depth)
    entry = _beside(head)
    if entry is not None:
        work = links_of_works(entry)[0]
        return entry.text[work.start : work.end], None, [entry, *kept]
    leads = next((link.url for link in head.links if not link.url.startswith("#")), None)
    title = marks.title_of(_without_labels(head))
    if marks.is_date(title) and kept and _names_session(kept):
        return marks.title_of(_without_labels(kept[0])), leads, kept[1:]
    return title, leads, kept


def _names_session(body: Sequence[Item]) -> bool:
    """Whether the first line below a date is the session's title."""
    first, *others = body
    if first.block.kind != "heading" and not first.bold:
        return False
    if is_entry(first) and any("//" in link.url for link in links_of_works(first)):
        return False
    below = bool(others) and is_evidence(others[0]) and not is_entry(others[0])
    return not words.section_of(first.text) and not below


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
        if rank is None or mark is None:
            continue
        if rank >= _LINE and (mark.kind in {"numbered", "roman"} or not mark.end):
            continue
        groups.setdefault((rank, mark.kind), []).append((at, mark.number))
    found = []
    for (rank, kind), marked in groups.items():
        heads = _chain(marked, step=kind in {"numbered", "roman"})
        enough = len(heads) > (2 if kind == "roman" or rank >= _LINE else 1)
        if enough and not _follows_readings(items, heads[0], kind in {"named", "dated"}):
            found.append(_Series(heads, _filled(items, heads), rank, kind in {"named", "dated"}))
    best = max(found, key=lambda s: (s.filled > 1, s.sure, s.filled, -s.rank), default=None)
    return best.heads if best is not None and (best.filled or best.rank < _LINE) else ()


_BOLD = 7
"""Rank of bold lines; headings rank as their levels."""
_LINE = 20
"""Rank of other paragraphs and, above it, of list items."""


def _rank(item: Item) -> int | None:
    """What kind of line an item is; None for what opens no session."""
    if item.block.kind == "heading":
        return item.block.level
    if item.block.kind == "item":
        return _LINE + 1 + item.depth
    if item.block.kind != "paragraph" or not item.text or item.depth:
        return None
    if item.bold == len(item.text):
        return _BOLD
    title = item.text[: item.bold]
    if title and marks.title_of(item.text) == marks.title_of(title.rstrip(" :")):
        return _BOLD  # a bold title, and a date beside it
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


def _follows_readings(items: Sequence[Item], first: int, sure: bool) -> bool:
    """Whether a series comes after all reading lists: it counts the chapters of a session's notes.

    Weeks and dates may come after a list of textbooks; there the fuller side decides.
    """
    sections = [
        at for at, item in enumerate(items) if is_head(item) and words.section_of(item.text)
    ]
    if not sections or sections[-1] > first:
        return False
    works = [at for at, item in enumerate(items) if is_evidence(item) or opens_with_work(item)]
    before = sum(at < first for at in works)
    return before > 0 and (not sure or before > len(works) - before)


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
    level = head.block.level if head.block.kind == "heading" else _BOLD

    def leaves(item: Item) -> bool:
        if head.block.kind == "item" and item.depth <= head.depth:
            return True
        high = item.block.kind == "heading" and 0 < item.block.level <= level
        if level == _BOLD and item.block.kind == "paragraph" and item.text:
            high = item.bold == len(item.text)
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


def _beside(head: Item) -> Item | None:
    """The reading that a line names beside its mark ("Sep 12: [Title](…)")."""
    mark = marks.mark_of(head.text)
    if head.block.kind not in {"item", "paragraph"} or mark is None or not head.links:
        return None
    rest = cut_item(head, mark.end, len(head.text))
    works = [link for link in links_of_works(rest) if link.start == 0]
    if not works or not _leaves_site(works[0].url):
        return None
    return replace(rest, block=replace(rest.block, kind="item"), depth=1, marker="-")


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


def _topics(items: Sequence[Item]) -> Sequence[int]:
    """The headings of one level that stand over lists of works, where none announces readings."""
    heads = [at for at, item in enumerate(items) if item.block.kind == "heading"]
    if any(words.section_of(items[at].text) for at in heads):
        return []
    over: dict[int, list[int]] = {}
    for start, end in pairwise([*heads, len(items)]):
        if sum(map(opens_with_work, items[start + 1 : end])) > 1:
            over.setdefault(items[start].block.level, []).append(start)
    return max(over.values(), key=len) if over and len(max(over.values(), key=len)) > 2 else []


def _single(items: Sequence[Item]) -> Sequence[int]:
    """The one marked heading of a page with one session, when a list of readings stands below."""
    lists = [at for at, item in enumerate(items) if is_head(item) and words.section_of(item.text)]
    marked = [
        at
        for at, item in enumerate(items[: lists[0]] if lists else ())
        if (rank := _rank(item)) is not None and rank < _LINE and marks.mark_of(item.text)
    ]
    level = items[marked[0]].block.level if len(marked) == 1 else None
    inside = level is not None and all(
        not items[at].block.level or items[at].block.level > level for at in lists
    )
    return marked if inside else []


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
