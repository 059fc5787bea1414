"""Clean text that knows where each of its characters stood, and plain text as such blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from seminar_rag.syllabus import words
from seminar_rag.syllabus.letters import CAPITALS
from seminar_rag.syllabus.marks import mark_of
from seminar_rag.syllabus.names import is_citation
from seminar_rag.types import Block, BlockKind

_URL = re.compile(r"https?://[^\s<>\"”“`]+", re.I)
HARD_BREAK = "\u2028"
FILLER = "\ue000"
"""Stands in for what was cut from a source before parsing, so that indices stay true."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a block: `block.text[start:end]` is its label."""

    url: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """A block with what its markup said beyond the text."""

    block: Block
    links: tuple[Link, ...] = ()
    depth: int = 0
    """How many list items enclose it."""
    marker: str = ""
    """The list marker that opens it: "-", "•", "3.", "b)"."""
    bold: int = 0
    """How many characters at the beginning of the text are set bold."""
    breaks: tuple[int, ...] = ()
    """Indices of the spaces in the text that were line breaks in the source."""
    comment: str | None = None
    """An HTML comment that stands alone (its text; the block is then empty)."""
    anchor: str = ""
    """The HTML class, id and name of the element, for recognising navigation."""
    cells: tuple[int, ...] = ()
    """In a table, where the separators " | " between its cells stand."""
    label: str = ""
    """A word such as "optional" that was cut from the text."""
    emphasis: tuple[Link, ...] = ()
    """Stretches of the text set in bold ("b") or italics ("i"); their `url` is that letter."""
    hard: tuple[int, ...] = ()
    """Those of `breaks` that the page shows as a new line."""
    boxes: tuple[int, ...] = ()
    """The boxes of text that it stands in (notes, cards, details)."""

    @property
    def text(self) -> str:
        """The block's text."""
        return self.block.text


_PASTED = re.compile(
    r"!?\[\[[^\[\]\n]*\.(?:png|jpe?g|gif|svg|webp|bmp|pdf|mp4)\s*(?:\|[^\[\]\n]*)?\]\]", re.I
)
"""An image as note-taking programs embed it, whose file is no part of the page."""
_TEX_STYLE = re.compile(
    r"(\\(?:text(?:it|bf|tt|sc|rm|sf|sl|up)|emph|underline|url)\{)([^{}\n]*)(\})"
)
_TEX_MARK = re.compile(r"~?\\(?:cite[a-z]*|ref|label|footnote(?:mark)?)\{[^{}\n]*\}")
_TEX_ESCAPE = re.compile(r"\\(?=[%&$#_])")


def without_junk(text: str) -> str:
    """Text in which pasted images and stray TeX commands are FILLER, so that indices stay true."""
    if "\\" not in text and "[[" not in text:
        return text
    text = _PASTED.sub(lambda m: FILLER * len(m.group()), text)
    for _ in range(2):  # \textbf{\textit{…}}
        text = _TEX_STYLE.sub(lambda m: FILLER * len(m[1]) + m[2] + FILLER, text)
    text = _TEX_MARK.sub(lambda m: FILLER * len(m.group()), text)
    return _TEX_ESCAPE.sub(FILLER, text)


_WORD_ENDS = re.compile(r"\S{0,60}[\d.:;!?)]$")
_ADDRESS = re.compile(r"[a-z]{2}(?::/|\.[a-z])")
_FOLDED = re.compile(f"[^\\s\u200b{FILLER}]+(?: [^\\s\u200b{FILLER}]+)*+|.", re.DOTALL)
"""Characters that are put as they are, side by side, or another one."""
_KEPT = re.compile(f"[^{FILLER}]+|.", re.DOTALL)


class TextBuilder:
    """Collects clean text, folding white space, with the offset of each character."""

    def __init__(self, fold: bool = True) -> None:
        self._fold = fold
        self._chars: list[str] = []
        self._offsets: list[int] = []
        self._links: list[Link] = []
        self._breaks: list[int] = []
        self._hard: list[int] = []
        self._emphasis: list[Link] = []
        self._cells: list[int] = []
        self._bold: int | None = None

    def __len__(self) -> int:
        return len(self._chars)

    @property
    def at_line_start(self) -> bool:
        """Whether the next character opens a line."""
        return not self._chars or self._chars[-1] == "\n"

    @property
    def place(self) -> int:
        """Where the last character stands in the source; 0 before the first."""
        return self._offsets[-1] if self._offsets else 0

    def put(self, text: str, offsets: Sequence[int], strong: bool = False) -> None:
        """Append `text`, whose characters stand at `offsets` in the source."""
        for run in (_FOLDED if self._fold else _KEPT).finditer(text):
            char, at = run[0], run.start()
            if char == FILLER:
                continue
            if self._fold and (char.isspace() or char == "\u200b"):
                if not self._chars:
                    continue
                if self._chars[-1] != " ":
                    self._chars.append(" ")
                    self._offsets.append(offsets[at])
                if char in ("\n", HARD_BREAK) and self._breaks[-1:] != [len(self) - 1]:
                    self._breaks.append(len(self) - 1)
                if char == HARD_BREAK:
                    self._hard.append(len(self) - 1)
                continue
            if self._bold is None and not strong:
                self._bold = len(self._chars)
            self._chars += char
            self._offsets += offsets[at : run.end()]

    def would_glue(self, text: str) -> bool:
        """Whether a word put now would stick to the number or the sentence that ends before it."""
        if not (self._chars and text[:1].isupper() and text[1:2].islower()):
            return False
        word = _WORD_ENDS.search("".join(self._chars[-60:]))
        return word is not None and not _ADDRESS.search(word[0])

    def append(self, item: Item) -> None:
        """Put the text, links and line breaks of a finished item."""
        base = len(self)
        self._breaks += [base + at for at in item.breaks]
        self._hard += [base + at for at in item.hard]
        self._emphasis += [Link(one.url, base + one.start, base + one.end) for one in item.emphasis]
        self.put(item.text, item.block.offsets or ())
        self._links += [Link(link.url, base + link.start, base + link.end) for link in item.links]

    def part_cells(self, place: int) -> None:
        """Put what parts two cells of a table, standing at `place` in the source."""
        self._cells.append(len(self))
        self.put(" | ", [place] * 3)

    def part_lines(self, place: int) -> None:
        """Put the space that parts two lines of a table's cell."""
        self._breaks.append(len(self))
        self._hard.append(len(self))
        self.put(" ", [place])

    def link(self, url: str, start: int) -> None:
        """Record that what was put since `start` is the label of a link to `url`."""
        self._links.append(Link(url, min(start, len(self)), len(self)))

    def emphasise(self, kind: str, start: int) -> None:
        """Record that what was put since `start` is bold ("b") or in italics ("i")."""
        if start < len(self):
            self._emphasis.append(Link(kind, start, len(self)))

    def finish(
        self,
        kind: BlockKind,
        level: int = 0,
        raw: str | None = None,
        **more: Any,
    ) -> Item | None:
        """The collected text as an Item, or None when nothing but white space was put."""
        chars, offsets = self._chars, self._offsets
        while chars and chars[-1].isspace():
            chars.pop()
            offsets.pop()
        lead = 0
        while lead < len(chars) and chars[lead] == "\n":
            lead += 1
        text = "".join(chars[lead:])
        if not text and not self._links:
            return None
        places = tuple(offsets[lead:])
        links = tuple(
            Link(link.url, _clip(link.start - lead, text), _clip(link.end - lead, text))
            for link in self._links
        )
        block = Block(text, kind, level, None, places[0] if places else 0, places)
        return Item(
            block,
            links=(*links, *_bare_links(text, links, places, raw)),
            bold=len(text) if self._bold is None else len(text[: self._bold].rstrip()),
            breaks=tuple(at - lead for at in self._breaks if lead <= at < len(text) + lead),
            hard=tuple(at - lead for at in self._hard if lead <= at < len(text) + lead),
            emphasis=tuple(
                Link(one.url, _clip(one.start - lead, text), _clip(one.end - lead, text))
                for one in self._emphasis
            ),
            cells=tuple(at - lead for at in self._cells if lead <= at < len(text) + lead),
            **more,
        )


def _clip(index: int, text: str) -> int:
    return max(0, min(index, len(text)))


def _bare_links(
    text: str, known: Sequence[Link], offsets: Sequence[int], raw: str | None
) -> Iterator[Link]:
    """Addresses written out in the text; read from the source where emphasis marks may be lost."""
    for match in _URL.finditer(text):
        start, end = match.span()
        if any(link.start < end and start < link.end for link in known):
            continue
        shown = url = trim_url(match.group())
        if raw is not None and (written := _URL.match(raw, offsets[start])):
            url = trim_url(written.group())
        yield Link(url, start, start + len(shown))
    yield from (Link(*one) for one in words.written_doi(text) if not known)


def trim_url(url: str) -> str:
    """A URL found in running text without the punctuation that follows it.

    A closing bracket stays where the URL itself opens it; a word glued to the number that ends a
    DOI is no part of it, nor is a bracket that opens and does not close.
    """
    url = re.sub(r"(arxiv\.org/(?:abs|pdf)/[\d.v]+)\(.*", r"\1", url, flags=re.I)
    if url.count("(") > url.count(")"):
        url = url[: url.rindex("(")]
    if re.search(r"//(?:dx\.)?doi\.org/", url, re.I):
        url = re.sub(r"(?<=\d)[A-Z][a-z]{3,}$", "", url)
    while url:
        last = url[-1]
        unopened = last in ")]}" and url.count(last) > url.count("([{"[")]}".index(last)])
        if not (unopened or last in ".,;:!?'\"*’|"):
            break
        url = url[:-1]
    return url


# ---------------------------------------------------------------- plain text

_BULLET = re.compile(r"^(\s*)([•◦▪●○‣·*+–-]|\d{1,3}[.)]|\(?[a-z][.)])[ \t]+(?=\S)")
_OPENS = re.compile(rf"\s*[{CAPITALS}“\"]")
_UNDERLINE = re.compile(r"\s*[-=~_*]{3,}\s*$")
_GAP = re.compile(r"(?<=\S)(?: {3,}|[ ]*\t\s*)(?=\S)")
"""Room that parts columns set with spaces."""
_TITLE_WORDS, _NARROWEST = 40, 50
"""Words of a title at most, and characters that a page is wide at least."""
_FEW_WRAPPED, _SHARE_WRAPPED = 3, 0.1
"""How many ends of lines, and which share, a width explains at least."""


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def indent(self) -> int:
        return len(self.text.expandtabs(4)) - len(self.text.expandtabs(4).lstrip())


def text_items(text: str) -> tuple[Item, ...]:
    """The lines of a plain-text page as blocks, each character with its index in `text`.

    Bullets are items, nested by indentation; a short line between blank lines is a heading of
    unknown level (0); the rest are paragraphs. Lines that were wrapped by hand are folded.
    """
    lines, at = [], 0
    for raw in text.splitlines(keepends=True):
        lines.append(_Line(at, raw.rstrip("\r\n")))
        at += len(raw)
    return tuple(_items(lines, _indented_bullets(lines), _wrap_width(lines)))


def _indented_bullets(lines: list[_Line]) -> bool:
    """Whether bullets are indented on this page, so that a dash in column 0 is no bullet."""
    found = [match for line in lines if (match := _BULLET.match(line.text))]
    return len(found) > 4 and sum(bool(match.group(1)) for match in found) >= 0.8 * len(found)


def _items(lines: list[_Line], indented: bool, width: int) -> Iterator[Item]:
    pending: list[_Line] = []
    marker = ""
    indents: list[int] = []
    for written in [*lines, _Line(0, "")]:
        underlines = bool(_UNDERLINE.match(written.text) and pending and not marker)
        line = _Line(written.start, "") if underlines else written
        match = _BULLET.match(line.text)
        if match and indented and not match.group(1):
            match = None
        if match and pending and match.group(2)[0].isdigit():
            match = None if _wrapped(pending[-1], line, width) else match
        continues = bool(pending) and not match and bool(line.text.strip())
        wrapped = continues and _wrapped(pending[-1], line, width)
        if continues and not marker and not wrapped and _parted(pending[-1], line):
            continues = False
        if continues and (not marker or line.indent > indents[-1]):
            pending.append(line)
            continue
        yield from _flush(pending, marker, len(indents), width)
        pending, marker = [], ""
        if match:
            indents = [indent for indent in indents if indent < line.indent] + [line.indent]
            marker = match.group(2)
            begin = match.end()
            pending = [_Line(line.start + begin, line.text[begin:])]
        elif line.text.strip():
            indents = indents if line.indent else []
            pending = [line]


def _parted(line: _Line, following: _Line) -> bool:
    """Whether two lines are not one that was wrapped: either opens a session or a section."""
    if _stands_alone(line) or _stands_alone(following):
        return True
    if _OPENS.match(following.text) and line.text.rstrip().endswith((".", ")")):
        return is_citation(line.text.strip())
    mark = mark_of(line.text)
    if mark is None or mark.kind != "dated" or following.indent <= line.indent:
        return False
    gap = _GAP.search(line.text)
    return gap is None or gap.end() != following.indent


def _stands_alone(line: _Line) -> bool:
    mark = mark_of(line.text)
    return words.section_of(line.text) is not None or (mark is not None and mark.kind == "named")


def _wrap_width(lines: Sequence[_Line]) -> int:
    """The width, in characters, at which most lines were wrapped; 0 where few or none were.

    A line was wrapped at a width when it fits and the next word would not have fitted; the width
    that explains most ends of lines is taken.
    """
    pairs = [(a, b) for a, b in pairwise(lines) if a.text.strip() and b.text.strip()]
    votes = Counter(
        width
        for line, following in pairs
        for width in range(max(len(line.text), _NARROWEST), _end_with(line, following))
    )
    width, most = max(votes.items(), key=lambda one: (one[1], one[0]), default=(0, 0))
    return width if most >= max(_FEW_WRAPPED, _SHARE_WRAPPED * len(pairs)) else 0


def _end_with(line: _Line, following: _Line) -> int:
    """Where a line would end that had the first word of the next one too."""
    return len(line.text) + 1 + len(following.text.split(maxsplit=1)[0])


def _wrapped(line: _Line, following: _Line, width: int) -> bool:
    """Whether a line ends because the next word had no room on it."""
    return len(line.text) <= width < _end_with(line, following)


def _flush(lines: list[_Line], marker: str, depth: int, width: int) -> Iterator[Item]:
    if not lines:
        return
    builder = TextBuilder()
    for number, line in enumerate(lines):
        if number:
            wrapped = _wrapped(lines[number - 1], line, width)
            builder.put("\n" if wrapped else HARD_BREAK, [line.start - 1])
        shown = _GAP.sub(lambda m: HARD_BREAK + m.group()[1:], without_junk(line.text))
        builder.put(shown, range(line.start, line.start + len(line.text)))
    if marker:
        item = builder.finish("item", depth - 1, depth=depth, marker=marker)
    else:
        shown = " ".join(" ".join(line.text for line in lines).split())
        kind = "heading" if _heading_like(shown) else "paragraph"
        item = builder.finish(kind, 0)  # type: ignore[arg-type]
    if item is not None:
        yield item


def _heading_like(text: str) -> bool:
    if re.fullmatch(r"[\W_]*", text) or re.match(r"https?://\S+$", text):
        return False
    return len(text.split()) <= _TITLE_WORDS and not re.search(r"[.;,][\"”’)]*$", text)
