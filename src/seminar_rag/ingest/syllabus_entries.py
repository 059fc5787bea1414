"""The items of one session → its readings and the students' notes.

The structure decides: a section heading opens a list of readings, a heading inside it is a
reading's title, or the name of a group when what follows are entries of their own, and the items
below a title are its links, authors and description. A heading above the level of the sections
ends the list; the students' notes follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seminar_rag.ingest import syllabus_words as words
from seminar_rag.ingest.markup import Item
from seminar_rag.types import Block, Reading, Section

_MARKER_COMMENT = re.compile(r"excerpt|\bmore\b|\bnotes?\b|\bblog\b", re.I)
_WEB = re.compile(r"^(?:https?://|//|[^\s:#?][^\s:]*$)", re.I)
_STRONG_LEVEL = 7
"""Level of a bold paragraph that stands as a heading: below all real ones."""


@dataclass
class _Head:
    """A heading (None before the first) with the items up to the next one."""

    heading: Item | None
    body: list[Item] = field(default_factory=list)

    @property
    def level(self) -> int:
        return _level(self.heading) if self.heading is not None else 0

    @property
    def text(self) -> str:
        return self.heading.text if self.heading is not None else ""


def read_entries(
    items: Sequence[Item], title: str | None = None
) -> tuple[tuple[Reading, ...], tuple[Block, ...]]:
    """The readings of a session and the blocks of its notes, from the session's items.

    `title` is the session's own title, which is not taken for a reading.
    """
    items = [part for item in items for part in _unlabelled(item)]
    sections = [_level(item) for item in items if _is_head(item) and words.section_of(item.text)]
    level = min((s for s in sections if s), default=0)
    cut = _notes_start(items, level, bool(sections))
    region = [item for item in items[:cut] if item.comment is None]
    reader = _RegionReader(level, bool(sections), title)
    readings = reader.read(_heads(region))
    notes = [*reader.rest, *(item for item in items[cut:] if item.comment is None)]
    written = any(item.block.kind != "heading" for item in notes if item.text)
    return readings, tuple(item.block for item in notes if item.text) if written else ()


def _unlabelled(item: Item) -> list[Item]:
    """An item; where it opens with "Optional:" or the like, that label as a heading before it."""
    if item.comment is None and not item.text and not item.links:
        return []
    if item.block.kind not in {"item", "paragraph"} or not item.links:
        return [item]
    end = words.section_label(item.text)
    if not end or any(link.start < end for link in item.links):
        return [item]
    links = tuple(replace(link, start=link.start - end, end=link.end - end) for link in item.links)
    rest = replace(
        item,
        block=_cut(item.block, end, len(item.text)),
        links=links,
        breaks=tuple(at - end for at in item.breaks if at >= end),
    )
    if not _is_entry(rest):
        return [item]
    return [Item(replace(_cut(item.block, 0, end), kind="heading", level=_STRONG_LEVEL)), rest]


def _level(item: Item) -> int:
    return item.block.level if item.block.kind == "heading" else _STRONG_LEVEL


def _is_head(item: Item) -> bool:
    if item.block.kind == "heading":
        return True
    if item.block.kind == "item":
        return not item.links and item.text.endswith(":") and bool(words.section_of(item.text))
    if item.block.kind != "paragraph" or item.depth or not item.text:
        return False
    if len(item.text.split()) > 40 or (words.is_prose(item.text) and not item.strong):
        return False
    return item.strong or (words.section_of(item.text) is not None and not item.links)


def _heads(items: Sequence[Item]) -> list[_Head]:
    heads = [_Head(None)]
    for item in items:
        if _is_head(item):
            heads.append(_Head(item))
        else:
            heads[-1].body.append(item)
    return heads


# ---------------------------------------------------------------- where the notes begin


def _notes_start(items: Sequence[Item], level: int, sections: bool) -> int:
    seen = not sections
    for at, item in enumerate(items):
        if item.comment is not None:
            if seen and _MARKER_COMMENT.search(item.comment) and _any_evidence(items[:at]):
                return at
            continue
        if not _is_head(item):
            continue
        if words.section_of(item.text):
            seen = True
            continue
        if seen and words.opens_notes(item.text) and not _is_title_like(items, at):
            return at
        if seen and sections and level and 0 < _level(item) < level:
            return at
    return _tail_of_notes(items) if not level else len(items)


def _is_title_like(items: Sequence[Item], at: int) -> bool:
    """Whether the item after a heading is a link or an author line, as below a reading's title."""
    following = items[at + 1] if at + 1 < len(items) else None
    return following is not None and not _is_head(following) and _is_evidence(following)


def _any_evidence(items: Sequence[Item]) -> bool:
    return any(item.comment is None and _is_evidence(item) for item in items)


def _is_evidence(item: Item) -> bool:
    """Whether an item is what only a reading list has: a bare link, or a line of authors."""
    if item.block.kind in {"table", "code", "heading"}:
        return False
    beside, urls = _beside_links(item)
    if urls and (not beside or words.is_label(beside)):
        return True
    return (
        words.is_placeholder(item.text)
        or words.split_authors(item.text, None, item.breaks) is not None
    )


def _tail_of_notes(items: Sequence[Item]) -> int:
    """Where notes begin on a page whose headings have no levels.

    Notes are what follows the last link and the last author line, when it contains paragraphs of
    prose outside any list; entries that consist of a title and one description are still readings.
    """
    last = max(
        (
            at
            for at, item in enumerate(items)
            if item.comment is None
            and (
                _is_evidence(item) or item.links or (_is_head(item) and words.section_of(item.text))
            )
        ),
        default=-1,
    )
    tail = list(items[last + 1 :])
    if not any(i.block.kind == "paragraph" and words.is_prose(i.text) for i in tail):
        return len(items)
    at = next((n for n, item in enumerate(tail) if _is_head(item)), len(tail))
    while at + 2 < len(tail) and tail[at + 1].block.kind == "item" and _is_head(tail[at + 2]):
        if not words.is_prose(tail[at + 1].text):
            break
        at += 2
    return last + 1 + at


# ---------------------------------------------------------------- reading the list


@dataclass
class _Draft:
    """A reading being put together."""

    title: str | None
    section: Section
    level: int = 0
    urls: list[str] = field(default_factory=list)
    authors: str | None = None
    abstract: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    """Bare links that followed when the entry was already complete."""
    placeholder: bool = False

    def finish(self) -> Reading:
        urls = tuple(dict.fromkeys(self.urls))
        return Reading(
            title=self.title,
            section=self.section,
            urls=urls,
            arxiv_id=words.arxiv_id(urls),
            authors=self.authors,
            abstract="\n\n".join(self.abstract) or None,
            blocks=tuple(self.blocks),
        )


class _RegionReader:
    def __init__(self, level: int, sections: bool, title: str | None) -> None:
        self._section_level = level
        self._sections = sections
        self._title = words.normal(title or "").casefold()
        self._section: Section | None = None
        self._off = False
        self._other: int | None = None
        self._drafts: list[_Draft] = []
        self.rest: list[Item] = []

    def read(self, heads: Sequence[_Head]) -> tuple[Reading, ...]:
        for at, head in enumerate(heads):
            following = heads[at + 1] if at + 1 < len(heads) else None
            if head.heading is None:
                self._preamble(head)
                continue
            section = words.section_of(head.text)
            if section is not None:
                self._section, self._off, self._other = section, False, None
                self._list(head.body)
            elif self._skips(head):
                self.rest += [head.heading, *head.body] if self._drafts else []
            else:
                self._titled(head, following)
        return tuple(draft.finish() for draft in self._drafts if draft.title or draft.urls)

    def _preamble(self, head: _Head) -> None:
        """Items before the first heading: a reading list only on a page without any headings."""
        if not self._sections and not self._title:
            self._list(head.body)

    def _skips(self, head: _Head) -> bool:
        """Whether a heading and its body are no part of the reading list."""
        if words.normal(head.text).casefold() == self._title and not self._section:
            return True
        level, base = head.level, self._section_level
        if words.is_other(head.text):
            self._other = level
            return True
        if self._other is not None and level > self._other:
            return True
        self._other = None
        if self._section is None:
            return bool(base and 0 < level < base) or not _listing(head.body)
        if base and 0 < level <= base:
            self._off = not _listing(head.body)
        return self._off

    def _titled(self, head: _Head, following: _Head | None) -> None:
        assert head.heading is not None
        current = self._drafts[-1] if self._drafts else None
        deeper = current is not None and current.level and head.level > current.level
        if current is not None and words.is_part(head.text):
            self._absorb_all(head.body)
        elif _is_group_of(head):
            self._list(head.body)
        elif deeper and head.body and not _listing(head.body) and current is not None:
            self._absorb_all(head.body)
        elif not head.body and following is not None and 0 < head.level < following.level:
            return
        elif head.body and not _listing(head.body) and len(head.body) > 1:
            self.rest += [head.heading, *head.body]
        elif words.is_group(head.text) and not _listing(head.body):
            return
        else:
            self._start(head.heading, head.level)
            self._absorb_all(head.body)

    def _start(self, item: Item | None, level: int = 0, raw: str | None = None) -> _Draft:
        text = raw if raw is not None else (item.text if item is not None else "")
        draft = _Draft(words.clean_title(text), self._section or "required", level)
        self._drafts.append(draft)
        if item is not None and draft.title:
            at = item.text.find(draft.title)
            block = _cut(item.block, at, at + len(draft.title)) if at >= 0 else item.block
            draft.blocks.append(replace(block, kind="heading", level=level or 3))
        if item is not None:
            draft.urls += _urls(item)
        return draft

    # -- lists whose items are readings

    def _list(self, body: Sequence[Item]) -> None:
        body = [item for item in body if item.block.kind not in {"table", "code"}]
        top = _top(body)
        before = len(self._drafts)
        at = 0
        while at < len(body):
            item, children = body[at], _children(body, top, at)
            first = len(self._drafts) == before
            at += 1
            if item in top and _stands_over(item, children):
                self._list(children)
                at += len(children)
            elif item in top and self._opens_entry(item, first, _ordered(top)):
                self._entry(item)
            elif not first:
                self._absorb(item)

    def _opens_entry(self, item: Item, first: bool, ordered: bool) -> bool:
        if item.block.kind == "paragraph" and not item.links:
            return False
        if ordered:
            return True
        beside, urls = _beside_links(item)
        if words.is_metadata(item.text) or (not beside and not urls):
            return False
        current = self._drafts[-1] if self._drafts and not first else None
        if urls and (not beside or words.is_label(beside)):
            return current is None or bool(current.urls) or not current.title
        if current is not None and not urls:
            if words.split_authors(item.text, current.title, item.breaks) is not None:
                return False
            return not words.is_prose(item.text)
        return True

    def _entry(self, item: Item) -> None:
        title, rest = _entry_title(item)
        draft = self._start(item, raw=title or "")
        if rest is not None and draft.title:
            draft.blocks.append(rest)
        begin = max((link.end for link in item.links), default=len(item.text))
        begin += len(item.text[begin:]) - len(item.text[begin:].lstrip(" +*•|:;.,)–—-"))
        if words.is_prose(item.text[begin:]):
            draft.abstract.append(_without_trailer(item, begin))
            draft.blocks.append(_cut(item.block, begin, len(item.text)))

    # -- what stands below a title

    def _absorb_all(self, body: Sequence[Item]) -> None:
        draft = self._drafts[-1]
        top = _top(body)
        listed = False
        for item in body:
            if item.block.kind in {"table", "code"}:
                continue
            own = item in top and self._drafts[-1] is draft
            if own and (draft.urls or draft.authors or draft.placeholder) and _is_entry(item):
                self._entry(item)
                self._drafts[-1].level = draft.level
                continue
            if listed and _is_aside(item):
                self.rest.append(item)
                continue
            listed = listed or item.block.kind == "item"
            self._absorb(item)

    def _absorb(self, item: Item) -> None:
        draft = self._drafts[-1]
        beside, urls = _beside_links(item)
        text = item.text
        if words.is_placeholder(text) and not urls:
            draft.placeholder = True
            return
        if draft.fresh and not urls and words.is_prose(text):
            draft = self._orphan(draft)
        complete = draft.abstract and (draft.urls or draft.authors)
        draft.urls += urls
        if complete and not beside:
            draft.fresh += urls
        if not beside or words.is_metadata(text) or (urls and words.is_label(beside)):
            return
        self._describe(draft, item)

    def _orphan(self, draft: _Draft) -> _Draft:
        """A second link with a second description: an entry whose title the page lost."""
        for url in draft.fresh:
            draft.urls.remove(url)
        orphan = _Draft(None, draft.section, draft.level, urls=list(draft.fresh))
        draft.fresh.clear()
        self._drafts.append(orphan)
        return orphan

    def _describe(self, draft: _Draft, item: Item) -> None:
        start = _past_leading_links(item)
        begin = start
        _, label = words.without_label(item.text[start:])
        begin += label
        text = item.text[begin:]
        if draft.authors is None and not draft.abstract:
            breaks = [at - begin for at in item.breaks if at > begin]
            end = words.split_authors(text, draft.title, breaks)
            if end is not None:
                draft.authors = words.clean_names(text[:end]) or None
                draft.blocks.append(_cut(item.block, begin, begin + end))
                begin += end
                begin += len(item.text[begin:]) - len(item.text[begin:].lstrip(" /"))
                text = item.text[begin:]
        text = _without_trailer(item, begin)
        if words.is_prose(text):
            draft.abstract.append(text)
            draft.fresh.clear()
        if len(text.split()) >= 4:
            draft.blocks.append(_cut(item.block, begin, begin + len(text)))


# ---------------------------------------------------------------- looking at items


def _top(body: Sequence[Item]) -> list[Item]:
    """The outermost items, and of those of an ordered list only the numbered ones."""
    depth = min((item.depth for item in body if item.block.kind == "item"), default=0)
    top = [
        item
        for item in body
        if (item.block.kind == "item" and item.depth == depth)
        or (item.block.kind == "paragraph" and item.depth == 0)
    ]
    numbered = [item for item in top if item.marker[:-1].isalnum()]
    return numbered if len(numbered) > 1 and top[0] is numbered[0] else top


def _ordered(top: Sequence[Item]) -> bool:
    return len(top) > 1 and all(item.marker[:-1].isalnum() for item in top)


def _urls(item: Item) -> list[str]:
    return [
        link.url for link in sorted(item.links, key=lambda link: link.start) if _WEB.match(link.url)
    ]


def _beside_links(item: Item) -> tuple[str, list[str]]:
    """The text beside the links (link labels that are words count as text), and the links."""
    kept, at = [], 0
    for link in sorted(item.links, key=lambda link: link.start):
        label = item.text[link.start : link.end]
        if (
            re.match(r"\W*(?:https?://|www\.)", label)
            or words.is_placeholder(label)
            or words.is_label(label)
        ):
            kept.append(item.text[at : link.start])
            at = max(at, link.end)
    kept.append(item.text[at:])
    beside = re.sub(r"https?://\S+", " ", " ".join(kept))
    beside = " ".join(beside.split()).strip(" ()[]{}|,.;:•–—-\"'“”")
    return beside, _urls(item)


def _is_entry(item: Item) -> bool:
    """Whether a list item is a reading of its own: a title with a link."""
    beside, urls = _beside_links(item)
    return (
        bool(urls)
        and not words.is_label(beside)
        and len(beside.split()) >= 2
        and not words.is_prose(beside)
    )


def _is_aside(item: Item) -> bool:
    """Whether a paragraph after a list is a remark of the page, not a part of the entry."""
    if item.block.kind != "paragraph" or item.depth or words.is_prose(item.text):
        return False
    beside, _ = _beside_links(item)
    return len(beside.split()) > 2 and item.text.endswith((".", "!"))


def _listing(body: Sequence[Item]) -> bool:
    """Whether items look like what stands below a reading's title, or like a list of readings."""
    body = [item for item in body if item.block.kind in {"item", "paragraph"}]
    if not body:
        return False
    if any(_is_evidence(item) for item in body) or any(_is_entry(item) for item in _top(body)):
        return True
    return body[0].block.kind == "item" and len(body) == 1 and words.is_prose(body[0].text)


def _is_group_of(head: _Head) -> bool:
    """Whether a heading stands over several readings, not over one."""
    body = [item for item in head.body if item.block.kind in {"item", "paragraph"}]
    top = _top(body)
    entries = sum(_is_entry(item) or _has_linked_child(body, item) for item in top)
    if _ordered(top):
        return entries > 0 or any(item.links for item in body)
    attributes = sum(_is_evidence(item) for item in top)
    if words.is_group(head.text) and not attributes and (entries or len(top) > 1):
        return True
    return entries >= 2 and not attributes


def _children(body: Sequence[Item], top: Sequence[Item], at: int) -> list[Item]:
    """The items between `body[at]` and the next outermost one."""
    end = next((n for n in range(at + 1, len(body)) if body[n] in top), len(body))
    return list(body[at + 1 : end])


def _stands_over(item: Item, children: Sequence[Item]) -> bool:
    """Whether a list item is the name of a group, and the items below it are the readings."""
    if item.links or not children or words.is_prose(item.text):
        return False
    inner = _top(children)
    if any(_is_evidence(child) for child in inner):
        return False
    entries = sum(_is_entry(child) or _has_linked_child(children, child) for child in inner)
    return entries >= 2 or bool(words.is_group(item.text) and (entries or len(inner) > 1))


def _has_linked_child(body: Sequence[Item], item: Item) -> bool:
    beside, urls = _beside_links(item)
    if urls or not beside or words.is_prose(beside):
        return False
    at = next(n for n, other in enumerate(body) if other is item)
    for child in body[at + 1 :]:
        if child.depth <= item.depth and child.block.kind == "item":
            return False
        if child.links:
            return True
    return False


def _entry_title(item: Item) -> tuple[str | None, Block | None]:
    """The title of a list item that is a reading, and the remark after it, if any."""
    for link in item.links:
        label = item.text[link.start : link.end]
        plain = words.normal(label)
        if len(plain.split()) >= 2 and not words.is_label(plain) and "://" not in plain:
            return label, None
    beside, urls = _beside_links(item)
    end = min((link.start for link in item.links if link.start > 0), default=len(item.text))
    text = item.text[:end] if words.normal(item.text[:end]) else beside
    match = re.match(r"(.{2,80}?)\s*(?:\s[-–—]+\s|:\s)(?=\S)", text)
    if match and (words.is_prose(text[match.end() :]) or len(text[match.end() :].split()) > 14):
        return match.group(1), _cut(item.block, match.end(), end) if urls or end else None
    return text or None, None


def _past_leading_links(item: Item) -> int:
    """Where the text begins after links that open the item."""
    at = 0
    for link in sorted(item.links, key=lambda link: link.start):
        if words.normal(item.text[at : link.start]) or not re.match(
            r"\W*(?:https?:|url\b|link\b|pdf\b)", item.text[link.start : link.end], re.I
        ):
            break
        at = link.end
    while at < len(item.text) and item.text[at] in " :|)":
        at += 1
    return at


def _without_trailer(item: Item, begin: int) -> str:
    """The item's text from `begin`, without closing lines such as "Comments: 12 pages"."""
    end = len(item.text)
    for at in reversed(item.breaks):
        if at <= begin or not words.is_metadata(item.text[at + 1 : end]):
            break
        end = at
    return item.text[begin:end].rstrip(" |")


def _cut(block: Block, start: int, end: int) -> Block:
    """The part `text[start:end]` of a block, with its place, without space around it."""
    while start < end and block.text[start].isspace():
        start += 1
    while end > start and block.text[end - 1].isspace():
        end -= 1
    offsets = block.offsets[start:end] if block.offsets is not None else None
    return replace(block, text=block.text[start:end], start=block.source(start), offsets=offsets)
