"""Markdown and HTML as plain blocks that still know where their characters stood.

Pure: text goes in, `Item`s or `Block`s come out. Knows nothing of courses or readings. Markdown is
parsed by markdown-it-py (CommonMark and tables). Its tokens carry line numbers only, so every
inline token is followed through the source to give each character of the clean text its index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from seminar_rag.syllabus.markdown_lines import source_lines
from seminar_rag.syllabus.markup_html import (
    EMPHASIS,
    href,
    html_blocks,
    html_fragment,
    html_items,
    html_title,
)
from seminar_rag.syllabus.markup_text import (
    FILLER,
    HARD_BREAK,
    Item,
    Link,
    TextBuilder,
    trim_url,
    without_junk,
)
from seminar_rag.types import Block

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = [
    "Item",
    "Link",
    "TextBuilder",
    "front_matter",
    "front_values",
    "html_blocks",
    "html_items",
    "html_title",
    "markdown_blocks",
    "markdown_items",
    "trim_url",
    "without_junk",
]

_FRONT_MATTER = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(.*?\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S
)
_LONGEST_MATTER = 10_000
"""Characters of front matter that are read; YAML takes time by the square of its nesting."""
_ATTRIBUTES = re.compile(r"(?<!:::)(?<!::: )\{:?(?:[:.#][\w-]++|[\w-]++=\"[^\"\n]*\"|\s)++\}")
"""Attributes as Kramdown and Pandoc write them after a link or heading."""
_LIQUID = re.compile(r"\{\{[^{}\n]*\}\}|\{%(?:(?!\{%)[^\n])*?%\}")


def front_matter(text: str) -> tuple[str, int]:
    """The YAML between the opening `---` lines of a Jekyll page, and where the page begins."""
    match = _FRONT_MATTER.match(text)
    return (match.group(1) or "", match.end()) if match else ("", 0)


def front_values(matter: str) -> dict[str, Any]:
    """The values of front matter, all of them texts and lists of texts; what is no YAML has none.

    No value is made a number or a date: "2024-02-30" is neither, and would cost the page.
    """
    if not 0 < len(matter) <= _LONGEST_MATTER:
        return {}
    try:
        # Base loaders make texts, lists and mappings alone; that in C is twenty times faster.
        values = yaml.load(matter, getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def markdown_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a Markdown page, each character with its index in `text`.

    Front matter, Liquid tags (on pages with front matter, as Jekyll does), HTML tags, images,
    anchors and the syntax of links and emphasis are gone; a character that stands for itself
    satisfies `block.text[i] == text[block.offsets[i]]`.
    """
    return tuple(item.block for item in markdown_items(text) if item.text)


def markdown_items(text: str, *, prose: bool = False) -> tuple[Item, ...]:
    """The blocks of a Markdown page with their links and list markers.

    Args:
        prose: it may as well be plain text: neither indented lines, HTML, front matter nor a
            "[1]: …" line are special.
    """
    return tuple(_MarkdownReader(text, prose).items())


_NOT_IN_PROSE = ["code", "html_block", "reference"]


@cache
def _parser(prose: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table").disable("text_join")
    return parser.disable(_NOT_IN_PROSE if prose else [])


class _MarkdownReader:
    def __init__(self, raw: str, prose: bool) -> None:
        self._raw = raw
        self._prose = prose
        body = raw.replace("\x00", "\ufffd")  # as CommonMark wants
        _, begin = front_matter(raw)
        if begin and not prose:
            body = re.sub(r"[^\r\n]", " ", body[:begin]) + body[begin:]
            body = _LIQUID.sub(lambda match: FILLER * len(match.group()), body)
        if not prose:
            body = _ATTRIBUTES.sub(lambda match: FILLER * len(match.group()), body)
        self._lines = source_lines(body)
        self._body = "\n".join(line.text for line in self._lines)
        self._depth = 0
        self._markers: list[str] = []
        self._used: tuple[int, int] = (-1, 0)

    def items(self) -> Iterator[Item]:
        tokens = _parser(self._prose).parse(self._body)
        position = 0
        while position < len(tokens):
            end, found = position + 1, list[Item | None]()
            if tokens[position].type == "table_open":
                end = next(i for i in range(end, len(tokens)) if tokens[i].type == "table_close")
                found = [self._table(tokens[position:end])]
            elif tokens[position].type == "html_block":
                token = tokens[position]
                found = [*html_fragment(token.content, self._places(token), self._depth)]
            else:
                found = [self._single(tokens[position - 1], tokens[position])]
            boxes = self._lines[(tokens[position].map or [0])[0]].boxes
            yield from (replace(item, boxes=boxes) for item in found if item is not None)
            position = end

    def _single(self, opener: Token, token: Token) -> Item | None:
        if token.type == "inline":
            return self._inline_block(opener, token)
        if token.type in {"fence", "code_block"}:
            return self._code(token)
        if token.type == "list_item_open":
            self._depth += 1
            self._markers.append(token.info + token.markup)
        elif token.type == "list_item_close":
            self._depth -= 1
            self._markers.pop()
        return None

    def _inline_block(self, opener: Token, token: Token) -> Item | None:
        builder = TextBuilder()
        _InlineWalk(token.content, self._places(token), builder).run(token.children or [])
        if opener.type == "heading_open":
            return builder.finish("heading", int(opener.tag[1]), self._raw, depth=self._depth)
        marker = self._markers[-1] if self._markers else ""
        if not marker:
            return builder.finish("paragraph", 0, self._raw, depth=self._depth)
        item = builder.finish("item", self._depth - 1, self._raw, depth=self._depth, marker=marker)
        if item is not None:  # a second paragraph of the same list item is a paragraph
            self._markers[-1] = ""
        return item

    def _table(self, tokens: Sequence[Token]) -> Item | None:
        builder = TextBuilder(fold=False)
        cells = 0
        for token in tokens:
            if token.type == "tr_open":
                cells = 0
                if len(builder):
                    builder.put("\n", [self._line_start(token)])
            elif token.type == "inline":
                places = self._places(token, cell=True)
                if cells:
                    builder.part_cells(max(builder.place, self._line_start(token)))
                cells += 1
                cell = TextBuilder()
                _InlineWalk(token.content, places, cell).run(token.children or [])
                inner = cell.finish("paragraph", 0, self._raw)
                if inner is not None:
                    builder.append(inner)
        return builder.finish("table", 0, self._raw, depth=self._depth)

    def _code(self, token: Token) -> Item | None:
        builder = TextBuilder(fold=False)
        builder.put(token.content, self._places(token, skip=1 if token.type == "fence" else 0))
        return builder.finish("code", 0, self._raw, depth=self._depth)

    def _line_start(self, token: Token) -> int:
        return self._lines[token.map[0]].start if token.map else 0

    def _places(self, token: Token, skip: int = 0, cell: bool = False) -> list[int]:
        """The index in the source of every character of the token's content."""
        first = (token.map or [0, 0])[0] + skip
        places: list[int] = []
        for number, line in enumerate(token.content.split("\n"), first):
            start, source, _ = self._lines[min(number, len(self._lines) - 1)]
            after = self._used[1] if self._used[0] == number else 0
            if not cell and source.rstrip().endswith(line.rstrip()):
                after = len(source.rstrip()) - len(line.rstrip())
            places += [start + at for at in _align(line, source, after)]
            end = start + len(source)
            self._used = (number, places[-1] - start + 1 if line and places else after)
            places.append(end)
        return places[:-1]


def _align(line: str, source: str, after: int) -> list[int]:
    """Where the characters of a token's line stand in its source line.

    The line is a piece of the source line, but for tabs that the parser expanded and table cells
    that lost a backslash; those are matched character by character.
    """
    at = source.find(line, after)
    if at < 0:
        at = source.find(line)
    if at >= 0:
        return list(range(at, at + len(line)))
    places, cursor = [], min(after, max(len(source) - 1, 0))
    for char in line:
        found = source.find(char, cursor)
        if found >= 0 and not char.isspace():
            cursor = found
        places.append(min(cursor, max(len(source) - 1, 0)))
        if found >= 0 and not char.isspace():
            cursor += 1
    return places


class _InlineWalk:
    """Follows inline tokens through the source they were made from."""

    def __init__(self, source: str, places: Sequence[int], builder: TextBuilder) -> None:
        self._source = source
        self._folded = source.replace("\n", " ")
        self._places = places
        self._builder = builder
        self._at = 0
        self._strong = 0
        self._open: list[tuple[str, int]] = []
        self._anchors: list[tuple[str, int]] = []
        """Links in HTML that are open; one may end within a link in Markdown."""
        self._emphasised: list[int] = []

    def run(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            handle = getattr(self, f"_on_{token.type}", None)
            if handle is not None:
                handle(token)

    def _put(self, text: str, width: int | None = None) -> None:
        """Put `text`, found at or after the cursor; `width` source characters stand for it."""
        start = self._at
        if width is None:
            start = max(start, self._source.find(text, start))
            width = len(text)
        same = width == len(text)
        own = [*self._places[start : start + (width if same else 1)]] * (1 if same else len(text))
        own += [*self._places[-1:]] * (len(text) - len(own))
        self._builder.put(text, own, self._strong > 0)
        self._at = start + width

    def _on_text(self, token: Token) -> None:
        if token.content:
            self._put(token.content)

    def _on_text_special(self, token: Token) -> None:
        written = token.markup
        found = self._source.find(written, self._at)
        self._at = found if found >= 0 else self._at
        if written == "\\" + token.content:
            self._at += 1
            self._put(token.content, len(token.content))
        else:
            self._put(token.content, len(written))

    def _on_softbreak(self, _token: Token, sign: str = "\n") -> None:
        found = self._source.find("\n", self._at)
        self._at = found if found >= 0 else self._at
        self._put(sign, 1)

    def _on_hardbreak(self, token: Token) -> None:
        self._on_softbreak(token, HARD_BREAK)

    def _on_code_inline(self, token: Token) -> None:
        ticks = len(token.markup)
        self._at = self._source.find(token.markup, self._at) + ticks
        start = self._folded.find(token.content, self._at)
        self._at = start if start >= 0 else self._at
        self._put(token.content, len(token.content))
        self._at = self._source.find(token.markup, self._at) + ticks

    def _skip(self, token: Token) -> None:
        found = self._source.find(token.markup, self._at)
        self._at = found + len(token.markup) if found >= 0 else self._at

    def _on_em_open(self, token: Token) -> None:
        self._skip(token)
        self._emphasised.append(len(self._builder))

    def _on_em_close(self, token: Token) -> None:
        self._skip(token)
        self._builder.emphasise("i", self._emphasised.pop())

    def _on_strong_open(self, token: Token) -> None:
        self._on_em_open(token)
        self._strong += 1

    def _on_strong_close(self, token: Token) -> None:
        self._skip(token)
        self._builder.emphasise("b", self._emphasised.pop())
        self._strong -= 1

    def _on_html_inline(self, token: Token) -> None:
        self._at = self._source.find(token.content, self._at) + len(token.content)
        if re.match(r"<br\b", token.content, re.I):
            self._builder.put(HARD_BREAK, [self._places[min(self._at, len(self._places)) - 1]])
        self._anchor(token.content)
        if tag := re.match(r"<(/?)(b|strong|i|em|cite)\s*>", token.content, re.I):
            if not tag[1]:
                self._emphasised.append(len(self._builder))
            elif self._emphasised:
                self._builder.emphasise(EMPHASIS[tag[2].lower()], self._emphasised.pop())

    def _anchor(self, tag: str) -> None:
        if re.match(r"<a\s", tag, re.I):
            self._anchors.append((href(tag), len(self._builder)))
        elif re.match(r"</a\s*>", tag, re.I) and self._anchors:
            url, start = self._anchors.pop()
            if url:
                self._builder.link(url, start)

    def _on_link_open(self, token: Token) -> None:
        opener = "<" if token.info == "auto" else "["
        self._at = self._source.find(opener, self._at) + 1
        self._open.append((str(token.attrs.get("href", "")), len(self._builder)))
        if token.info == "auto":
            end = self._source.find(">", self._at)
            self._open[-1] = (self._source[self._at : end], len(self._builder))

    def _on_link_close(self, token: Token) -> None:
        url, start = self._open.pop()
        if token.info == "auto":
            self._at = self._source.find(">", self._at) + 1
        else:
            self._at = self._source.find("]", self._at)
            written = self._tail()
            url = written or url
        self._builder.link(url, start)

    def _on_image(self, token: Token) -> None:
        self._at = self._source.find("![", self._at) + 2 + len(token.content)
        self._tail()

    def _tail(self) -> str:
        """Step over `](address "title")` or `][label]`; the address as written."""
        from markdown_it.helpers import parseLinkDestination, parseLinkTitle

        source, end = self._source, len(self._source)
        self._at += 1
        if source[self._at : self._at + 1] == "[":
            self._at = source.find("]", self._at) + 1
            return ""
        if source[self._at : self._at + 1] != "(":
            return ""
        at = _past_space(source, self._at + 1)
        target = parseLinkDestination(source, at, end)
        url = target.str if target.ok else ""
        at = _past_space(source, target.pos if target.ok else at)
        title = parseLinkTitle(source, at, end)
        at = _past_space(source, title.pos if title.ok else at)
        self._at = at + 1 if source[at : at + 1] == ")" else at
        return url


def _past_space(source: str, at: int) -> int:
    while at < len(source) and source[at].isspace():
        at += 1
    return at
