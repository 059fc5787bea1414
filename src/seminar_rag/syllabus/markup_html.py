"""HTML → items: whole pages by lxml, pieces inside Markdown by a scan that keeps offsets.

A page's raw source is of no use for showing a place, so the `start` of a page's block counts
characters of the page's clean text: the blocks' texts joined by newlines.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from seminar_rag.syllabus import words
from seminar_rag.syllabus.markup_boxes import is_box
from seminar_rag.syllabus.markup_cited import write_out_citations
from seminar_rag.syllabus.markup_pre import NAMES_OF_CODE, laid_out, typed_within
from seminar_rag.syllabus.markup_text import HARD_BREAK, Item, TextBuilder, without_junk
from seminar_rag.types import Block, BlockKind

_HTML_PIECE = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|\Z)"
    r"|<(?P<raw>script|style)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z][\w-]*+)(?P<attrs>(?:[^<>\"']++|\"[^\"]*\"|'[^']*')*+)>"
    r"|(?P<entity>&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);)"
    r"|(?P<text>[^<&]+|[<&])",
    re.S | re.I,
)
_HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)
EMPHASIS = {"b": "b", "strong": "b", "i": "i", "em": "i", "cite": "i"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_TAGS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure"
    " footer form header hr li main nav ol p pre section summary table tbody td tfoot th thead tr"
    " ul".split()
) | frozenset(_HEADINGS)
_DROPPED_TAGS = frozenset(
    "script style nav footer aside form noscript template svg iframe head canvas object select"
    " textarea".split()
)


_UNSEEN = frozenset(
    "sr-only visually-hidden visuallyhidden screenreader-only screen-reader-only screen-reader-text"
    " accesshide element-invisible".split()
)
"""Classes of what is only read aloud beside what is seen: "Links to an external site"."""
_NO_MATERIAL = frozenset(
    "assign attendance bigbluebuttonbn chat choice data feedback forum glossary groupselect"
    " h5pactivity hvp quiz survey wiki workshop".split()
)
"""Classes of Moodle's activities in which there is something to do, and nothing to read."""


def _is_unseen(node: Any, tag: str) -> bool:
    names = (node.get("class") or "").split()
    if tag == "li" and "activity" in names:
        return not _NO_MATERIAL.isdisjoint(names)
    return tag == "span" and not _UNSEEN.isdisjoint(names)


def _found(item: Item | None) -> Iterator[Item]:
    if item is not None:
        yield item


def href(tag: str) -> str:
    """The address in the source of a start tag; empty without one."""
    match = _HREF.search(tag)
    return html_entities.unescape(next((g for g in match.groups() if g), "")) if match else ""


def html_fragment(content: str, places: Sequence[int], depth: int = 0) -> Iterator[Item]:
    """The blocks of a piece of HTML that need not be well formed, with offsets."""
    scan = _FragmentScan(places, depth)
    for match in _HTML_PIECE.finditer(content):
        yield from scan.feed(match)
    yield from scan.flush()


class _FragmentScan:
    def __init__(self, places: Sequence[int], depth: int) -> None:
        self._places = places
        self._depth = depth
        self._kind: BlockKind = "paragraph"
        self._level = 0
        self._lists = 0
        self._table: TextBuilder | None = None
        self._builder = TextBuilder()
        self._open: list[tuple[str, int]] = []

    def feed(self, match: re.Match[str]) -> Iterator[Item]:
        if match.group("comment") is not None:
            yield from self.flush()
            start = self._place(match.start())
            yield Item(Block("", start=start), comment=match.group("comment").strip())
        elif match.group("tag"):
            yield from self._tag(match.group("tag").lower(), bool(match.group("end")), match)
        elif match.group("entity"):
            shown = html_entities.unescape(match.group("entity"))
            self._builder.put(shown, [self._place(match.start())] * len(shown))
        elif match.group("text"):
            self._builder.put(match.group("text"), self._places[match.start() : match.end()])

    def _place(self, index: int) -> int:
        return self._places[min(index, len(self._places) - 1)]

    def _tag(self, tag: str, closing: bool, match: re.Match[str]) -> Iterator[Item]:
        if tag == "a":
            self._anchor(closing, match.group())
        elif tag == "br":
            self._builder.put(HARD_BREAK, [self._place(match.start())])
        elif tag in {"td", "th", "tr", "table"}:
            yield from self._cell(tag, closing, self._place(match.start()))
        elif tag in _BLOCK_TAGS:
            yield from self.flush()
            if tag in {"ul", "ol"}:
                self._lists = max(0, self._lists + (-1 if closing else 1))
            self._kind, self._level = "paragraph", 0
            if tag in _HEADINGS and not closing:
                self._kind, self._level = "heading", _HEADINGS[tag]
            elif tag == "li" and not closing:
                self._kind, self._level = "item", max(0, self._lists - 1)

    def _anchor(self, closing: bool, tag: str) -> None:
        if not closing:
            self._open.append((href(tag), len(self._builder)))
        elif self._open:
            url, start = self._open.pop()
            if url:
                self._builder.link(url, start)

    def _cell(self, tag: str, closing: bool, place: int) -> Iterator[Item]:
        if tag == "table":
            yield from self.flush()
            self._table = None if closing else TextBuilder(fold=False)
        elif self._table is not None and tag == "tr" and not closing and len(self._table):
            self._table.put("\n", [place])
        elif self._table is not None and tag in {"td", "th"} and closing:
            cell = self._builder.finish("paragraph")
            self._builder = TextBuilder()
            if cell is not None:
                if not self._table.at_line_start:
                    self._table.part_cells(place)
                self._table.append(cell)

    def flush(self) -> Iterator[Item]:
        if self._table is not None:
            yield from _found(self._table.finish("table", depth=self._depth))
            self._table = TextBuilder(fold=False)
        depth = self._depth + (self._lists if self._kind == "item" else 0)
        marker = "-" if self._kind == "item" else ""
        item = self._builder.finish(self._kind, self._level, depth=depth, marker=marker)
        self._builder = TextBuilder()
        self._open = []
        yield from _found(item)


# ---------------------------------------------------------------- whole pages


def html_blocks(html: str) -> tuple[Block, ...]:
    """The blocks of a page's main content; `start` counts in the blocks' texts joined by newlines.

    Scripts, styles, navigation, forms and footers are dropped. A page that cannot be parsed at
    all has no blocks.
    """
    return tuple(item.block for item in html_items(html) if item.text)


def html_title(html: str) -> str | None:
    """What the page calls itself in its head."""
    match = re.search(r"<title[^<>]*>((?:(?!<title).)*?)</title>", html, re.S | re.I)
    title = " ".join(html_entities.unescape(match.group(1)).split()) if match else ""
    return title or None


def html_items(html: str) -> tuple[Item, ...]:
    """The blocks of a page's main content with their links, list markers and comments."""
    from lxml import etree
    from lxml import html as lxml_html

    source = re.sub(r"\A\s*<\?xml[^>]*\?>", "", html).replace("\x00", "")
    try:
        tree = lxml_html.document_fromstring(source) if source.strip() else None
    except (etree.ParserError, ValueError):
        tree = None
    if tree is None:
        return ()
    write_out_citations(tree, _BLOCK_TAGS)
    mains = tree.xpath("//main | //*[@role='main']")
    root = mains[0] if isinstance(mains, list) and len(mains) == 1 else tree
    walk = _TreeWalk()
    walk.visit(root, 0)
    walk.flush()
    found, at = [], 0
    for item in walk.items:
        found.append(replace(item, block=replace(item.block, start=at, offsets=None)))
        at += len(item.text) + 1 if item.text else 0
    return tuple(found)


class _TreeWalk:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self._builder = TextBuilder()
        self._kind: BlockKind = "paragraph"
        self._level = 0
        self._depth = 0
        self._marker = ""
        self._anchor = ""
        self._boxes: tuple[int, ...] = ()
        self._count = 0

    def flush(self) -> None:
        item = self._builder.finish(
            self._kind,
            self._level,
            depth=self._depth,
            marker=self._marker,
            anchor=self._anchor,
            boxes=self._boxes,
        )
        self._builder = TextBuilder()
        if item is not None:
            self.items.append(item)
            if self._kind == "item":
                self._kind, self._level, self._marker = "paragraph", 0, ""

    def _put(self, text: str | None, strong: int) -> None:
        if text:
            text = without_junk(text)
            self._builder.put(text, [0] * len(text), strong > 0)

    def visit(self, node: Any, strong: int) -> None:
        """Walk one element: its text, its children and their tails."""
        if not isinstance(node.tag, str):
            if node.tag.__name__ == "Comment":
                self.flush()
                comment = (node.text or "").strip()
                self.items.append(Item(Block("", start=0), comment=comment))
            return
        tag = node.tag.lower()
        boxed = is_box(node)
        dropped = tag in _DROPPED_TAGS and not (boxed and tag == "aside")
        if dropped or node.get("hidden") is not None or _is_unseen(node, tag):
            return
        if tag == "table" and not node.xpath(".//h1|.//h2|.//h3|.//h4|.//table"):
            self._table(node)
        elif tag == "pre":
            self._code(node)
        elif boxed:
            self.flush()
            outside, self._count = self._boxes, self._count + 1
            self._boxes = (*outside, self._count)
            self._block(node, tag)
            self._boxes = outside
        elif tag in _BLOCK_TAGS or tag == "aside":
            self._block(node, tag)
        else:
            self._inline(node, tag, strong)

    def _children(self, node: Any, strong: int) -> None:
        self._put(node.text, strong)
        for child in node:
            self.visit(child, strong)
            self._put(child.tail, strong)

    def _inline(self, node: Any, tag: str, strong: int) -> None:
        start = len(self._builder)
        if tag == "br":
            self._put(HARD_BREAK, strong)
        self._children(node, strong + (tag in {"b", "strong"}))
        if tag in EMPHASIS:
            self._builder.emphasise(EMPHASIS[tag], start)
        url = words.target((node.get("href") or "").strip()) if tag == "a" else ""
        if url:
            self._builder.link(url, start)
        glued = not node.tail and self._builder.would_glue(_opening(node.getnext()))
        if glued and not node.xpath(NAMES_OF_CODE):
            self._put(" ", strong)  # a style sheet sets the two apart

    def _block(self, node: Any, tag: str) -> None:
        self.flush()
        before = (self._kind, self._level, self._depth, self._marker, self._anchor)
        self._anchor = " ".join(filter(None, (node.get("class"), node.get("id"))))
        if tag in _HEADINGS:
            self._kind, self._level, self._marker = "heading", _HEADINGS[tag], ""
        elif tag == "li":
            self._kind, self._level, self._marker = "item", self._depth, _list_marker(node)
            self._depth += 1
        elif tag in {"dt", "dd"}:
            self._depth += 1 + (tag == "dd")
            self._kind, self._level, self._marker = "item", self._depth - 1, "-"
        elif self._kind != "item" or tag not in {"p", "div"}:
            self._kind, self._level, self._marker = "paragraph", 0, ""
        self._children(node, 0)
        self.flush()
        kind, level, self._depth, marker, self._anchor = before
        self._kind, self._level, self._marker = (
            ("paragraph", 0, "") if kind == "item" else (kind, level, marker)
        )

    def _table(self, node: Any) -> None:
        self.flush()
        table = TextBuilder(fold=False)
        spans: dict[int, int] = {}
        for row in node.iter("tr"):
            if len(table):
                table.put("\n", [0])
            for number, cell in enumerate(_grid(row, spans)):
                if number:
                    table.part_cells(0)
                if cell is None:
                    continue
                inner = _TreeWalk()
                inner._children(cell, 0)
                inner.flush()
                for order, part in enumerate(part for part in inner.items if part.text):
                    if order:
                        table.part_lines(0)
                    table.append(part)
        item = table.finish("table", depth=self._depth, boxes=self._boxes)
        if item is not None:
            self.items.append(item)

    def _code(self, node: Any) -> None:
        self.flush()
        if typed_within(node):
            self.items += laid_out(node)  # a page typed with its line breaks
            return
        code, text = TextBuilder(fold=False), "".join(node.itertext())
        code.put(text, [0] * len(text))
        item = code.finish("code", depth=self._depth)
        if item is not None:
            self.items.append(item)


def _opening(node: Any) -> str:
    """The first text within an element; empty for none."""
    element = node is not None and isinstance(node.tag, str)
    return next((text for text in node.itertext() if text), "") if element else ""


_SPANNED = 60
"""Columns and rows that one cell may reach over, and columns in which any does: rows of cells that
reach far over each other would fill the memory."""


def _grid(row: Any, spans: dict[int, int]) -> Iterator[Any]:
    """The cells of a row by column; None where a cell from above or from the left reaches.

    Args:
        spans: by column, how many more rows a cell above reaches; brought up to date.
    """
    column = 0
    for cell in row.iter("td", "th"):
        while spans.get(column):
            spans[column] -= 1
            column += 1
            yield None
        wide = column >= _SPANNED
        rows, columns = (1, 1) if wide else (_span(cell, "rowspan"), _span(cell, "colspan"))
        for at in range(columns):
            spans[column] = rows - 1
            column += 1
            yield None if at else cell
    while spans.get(column):
        spans[column] -= 1
        column += 1
        yield None


def _span(cell: Any, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    return min(max(int(value[:4]), 1), _SPANNED) if value.isdecimal() else 1


def _list_marker(node: Any) -> str:
    parent = node.getparent()
    if parent is None or parent.tag != "ol":
        return "-"
    number = sum(1 for _ in node.itersiblings("li", preceding=True)) + 1
    style = parent.get("type") or ""
    return f"{chr(96 + number)}." if style in {"a", "A"} and number < 27 else f"{number}."
