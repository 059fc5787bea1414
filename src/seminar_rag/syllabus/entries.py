"""The items of one session → its readings and the students' notes.

The structure decides: a section heading opens a list of readings, a heading inside it is a
reading's title, or the name of a group when what follows are entries of their own, and the items
below a title are its links, authors and description. A heading above the level of the sections
ends the list; the students' notes follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seminar_rag.syllabus import names, words
from seminar_rag.syllabus.items import (
    STRONG_LEVEL,
    asked_for,
    beside_links,
    cut,
    is_aside,
    is_entry,
    is_evidence,
    is_head,
    is_material,
    is_title_line,
    level_of,
    past_leading_links,
    read_entry,
    refine,
    urls_of,
    without_trailer,
)
from seminar_rag.syllabus.kinds import kind_told
from seminar_rag.syllabus.markup import Item
from seminar_rag.syllabus.notes import notes_start
from seminar_rag.syllabus.runs import (
    children_of,
    has_nested_links,
    is_group,
    is_listing,
    is_ordered,
    stands_over,
    top_of,
)
from seminar_rag.syllabus.sections import named_section
from seminar_rag.types import Block, Reading, Section


@dataclass
class _Head:
    """A heading (None before the first) with the items up to the next one."""

    heading: Item | None
    body: list[Item] = field(default_factory=list)

    @property
    def level(self) -> int:
        return level_of(self.heading) if self.heading is not None else 0

    @property
    def text(self) -> str:
        return self.heading.text if self.heading is not None else ""


def has_sections(items: Sequence[Item]) -> bool:
    """Whether any heading among the items announces readings."""
    return _section_level(refine([item for item in items if item.comment is None]))[1]


def read_entries(
    items: Sequence[Item], title: str | None = None, bare: bool = False
) -> tuple[tuple[Reading, ...], tuple[Block, ...]]:
    """The readings of a session and the blocks of its notes, from the session's items.

    Args:
        title: the session's own title, which is not taken for a reading.
        bare: the course announces no readings by headings: the lists, or else the links that a
            session's text asks to read, are its readings.
    """
    start = notes_start(items, *_section_level(items))
    region = refine([item for item in items[:start] if item.comment is None])
    reader = _RegionReader(*_section_level(region), title, bare)
    readings = reader.read(_heads(region))
    notes = [*reader.rest, *(item for item in items[start:] if item.comment is None)]
    written = any(item.block.kind != "heading" for item in notes if item.text)
    return readings, tuple(item.block for item in notes if item.text) if written else ()


def _section_level(items: Sequence[Item]) -> tuple[int, bool]:
    """The highest level of the section headings (0 unknown), and whether there are any.

    Bold paragraphs rank with no heading: the titles below them may be of any level.
    """
    heads = [item for item in items if is_head(item) and words.section_of(item.text)]
    level = min((level_of(item) for item in heads if level_of(item)), default=0)
    return (level if level < STRONG_LEVEL else 0), bool(heads)


def _heads(items: Sequence[Item]) -> list[_Head]:
    heads = [_Head(None)]
    for item in items:
        if is_head(item):
            heads.append(_Head(item))
            continue
        over = heads[-1].heading
        if over is not None and not set(over.boxes) <= set(item.boxes):
            heads.append(_Head(None))  # what a box is called says nothing of what stands below it
        heads[-1].body.append(item)
    return heads


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
            kind=kind_told(self.title, urls, self.authors),
        )


class _RegionReader:
    def __init__(self, level: int, sections: bool, title: str | None, bare: bool) -> None:
        self._section_level = level
        self._sections = sections
        self._bare = bare and not sections
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
                if at and self._section:
                    self._section = "required"
                (self._list if at and self._section else self._preamble)(head.body)
                continue
            if words.is_metadata(head.text):  # "Presenter: …" set like a heading
                (self._list if self._section else self._preamble)(head.body)
                continue
            section = words.section_of(head.text)
            if section is not None:
                self._section, self._off, self._other = section, False, None
                title = words.title_in_section(head.text)
                if title and head.body and is_evidence(head.body[0]):
                    self._start(head.heading, raw=title)
                    self._absorb_all(head.body)
                else:
                    self._list(head.body)
            elif self._skips(head):
                if self._drafts and self._other is None:
                    self.rest += [head.heading, *head.body]
            else:
                self._titled(head, following)
        return tuple(draft.finish() for draft in self._drafts if draft.title or draft.urls)

    def _preamble(self, body: Sequence[Item]) -> None:
        """Items before the first heading: readings where titles have links nested below them.

        On a page without a title and without section headings any list is one of readings.
        """
        if self._bare and not is_listing(body):
            for item in body:
                for entry in asked_for(item):
                    self._entry(entry)
        elif self._bare or has_nested_links(body) or not (self._sections or self._title):
            self._list(body)

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
            return bool(base and 0 < level < base) or not is_listing(head.body)
        if base and 0 < level <= base:
            self._off = not (
                is_group(head.text, head.body) or any(is_evidence(item) for item in head.body[:3])
            )
        return self._off

    def _titled(self, head: _Head, following: _Head | None) -> None:
        assert head.heading is not None
        current = self._drafts[-1] if self._drafts else None
        deeper = current is not None and current.level and head.level > current.level
        if current is not None and words.is_part(head.text):
            self._absorb_all(head.body)
        elif is_group(head.text, head.body):
            self._list(head.body)
        elif deeper and head.body and not is_listing(head.body) and current is not None:
            self._absorb_all(head.body)
        elif not head.body and following is not None and 0 < head.level < following.level:
            return
        elif head.body and not is_listing(head.body) and len(head.body) > 1:
            self.rest += [head.heading, *head.body]
        elif words.is_group(head.text) and not is_listing(head.body):
            return
        else:
            self._start(head.heading, head.level)
            self._absorb_all(head.body)

    def _start(self, item: Item | None, level: int = 0, raw: str | None = None) -> _Draft:
        text = raw if raw is not None else (item.text if item is not None else "")
        label = item.label if item is not None else ""
        named = (words.section_of(label) or named_section(label)) if label else None
        draft = _Draft(words.clean_title(text), named or self._section or "required", level)
        self._drafts.append(draft)
        if item is not None and draft.title:
            at = item.text.find(draft.title)
            block = cut(item.block, at, at + len(draft.title)) if at >= 0 else item.block
            draft.blocks.append(replace(block, kind="heading", level=level or 3))
        if item is not None:
            draft.urls += urls_of(item)
        return draft

    # -- lists whose items are readings

    def _list(self, body: Sequence[Item]) -> None:
        body = [item for item in body if item.block.kind not in {"table", "code"}]
        if self._section is None and any(words.names_readings(item.label) for item in body):
            # "Slides: …", "Reading: …": what is no reading stands in the same list
            body = [item for item in body if item.label or item.depth > body[0].depth]
        top = top_of(body)
        outer = {id(item) for item in top}
        before = len(self._drafts)
        at = 0
        while at < len(body):
            item = body[at]
            children = children_of(body, outer, at) if id(item) in outer else []
            first = len(self._drafts) == before
            at += 1
            if (not first and is_aside(item)) or (id(item) in outer and is_material(item)):
                continue
            if id(item) in outer and stands_over(item, children):
                self._list(children)
                at += len(children)
            elif id(item) in outer and self._opens_entry(item, first, body[at : at + 1], top):
                self._entry(item)
            elif not first:
                self._absorb(item)

    def _opens_entry(
        self, item: Item, first: bool, following: Sequence[Item], top: Sequence[Item]
    ) -> bool:
        if item.block.kind == "paragraph" and not item.links:
            if names.is_citation(item.text):
                return True
            return is_title_line(item, following[0] if following else None)
        if is_ordered(top):
            return True
        beside, urls = beside_links(item)
        if words.is_metadata(item.text) or (not beside and not urls):
            return False
        current = self._drafts[-1] if self._drafts and not first else None
        if not urls and names.is_citation(item.text):
            return True
        if urls and (not beside or words.is_label(beside)):
            return current is None or bool(current.urls) or not current.title
        if current is not None and not urls:
            if names.split_authors(item.text, current.title, item.breaks) is not None:
                return False
            return not words.is_prose(item.text)
        return True

    def _entry(self, item: Item) -> None:
        entry = read_entry(item)
        for title in entry.titles or ("",):
            draft = self._start(item, raw=title)
            draft.authors = entry.authors
            if entry.remark is not None and draft.title:
                draft.blocks.append(entry.remark)
        begin = max((link.end for link in item.links), default=len(item.text))
        begin += len(item.text[begin:]) - len(item.text[begin:].lstrip(" +*•|:;.,)–—-"))
        tail = item.text[begin:]
        if words.is_prose(tail) and not names.trailing_authors(tail):
            draft.abstract.append(without_trailer(item, begin))
            draft.blocks.append(cut(item.block, begin, len(item.text)))

    # -- what stands below a title

    def _absorb_all(self, body: Sequence[Item]) -> None:
        draft = self._drafts[-1]
        outer = {id(item) for item in top_of(body)}
        listed = False
        for item in body:
            if item.block.kind in {"table", "code"}:
                continue
            if listed and is_aside(item):
                continue
            own = id(item) in outer and self._drafts[-1] is draft
            if own and (draft.urls or draft.authors or draft.placeholder) and is_entry(item):
                self._entry(item)
                self._drafts[-1].level = draft.level
                continue
            listed = listed or item.block.kind == "item"
            self._absorb(item)

    def _absorb(self, item: Item) -> None:
        draft = self._drafts[-1]
        beside, urls = beside_links(item)
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
        start = past_leading_links(item)
        begin = start
        _, label = words.without_label(item.text[start:])
        begin += label
        text = item.text[begin:]
        if draft.authors is None and not draft.abstract:
            breaks = [at - begin for at in item.breaks if at > begin]
            end = names.split_authors(text, draft.title, breaks)
            if end is not None:
                draft.authors = names.clean_names(text[:end]) or None
                draft.blocks.append(cut(item.block, begin, begin + end))
                begin += end
                begin += len(item.text[begin:]) - len(item.text[begin:].lstrip(" /"))
                text = item.text[begin:]
        text = without_trailer(item, begin)
        if words.is_prose(text):
            draft.abstract.append(text)
            draft.fresh.clear()
        if len(text.split()) >= 4:
            draft.blocks.append(cut(item.block, begin, begin + len(text)))
