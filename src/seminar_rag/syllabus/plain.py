"""A course page as plain text → the same items that Markdown and HTML give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seminar_rag.syllabus import words as words
from seminar_rag.syllabus.marks import mark_of
from seminar_rag.syllabus.markup import Item, TextBuilder, without_junk
from seminar_rag.syllabus.names import is_citation

_BULLET = re.compile(r"^(\s*)([•◦▪●○‣·*+–-]|\d{1,3}[.)]|\(?[a-z][.)])[ \t]+(?=\S)")
_UNDERLINE = re.compile(r"\s*[-=~_*]{3,}\s*$")
_TITLE_WORDS = 40


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
    return tuple(_items(lines, _indented_bullets(lines)))


def _indented_bullets(lines: list[_Line]) -> bool:
    """Whether bullets are indented on this page, so that a dash in column 0 is no bullet."""
    found = [match for line in lines if (match := _BULLET.match(line.text))]
    return len(found) > 4 and sum(bool(match.group(1)) for match in found) >= 0.8 * len(found)


def _items(lines: list[_Line], indented: bool) -> Iterator[Item]:
    pending: list[_Line] = []
    marker = ""
    indents: list[int] = []
    for written in [*lines, _Line(0, "")]:
        underlines = bool(_UNDERLINE.match(written.text) and pending and not marker)
        line = _Line(written.start, "") if underlines else written
        match = _BULLET.match(line.text)
        if match and indented and not match.group(1):
            match = None
        continues = bool(pending) and not match and bool(line.text.strip())
        if continues and not marker and _parted(pending[-1], line):
            continues = False
        if continues and (not marker or line.indent > indents[-1]):
            pending.append(line)
            continue
        yield from _flush(pending, marker, len(indents))
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
    if re.match(r"\s*[A-Z“\"]", following.text) and line.text.rstrip().endswith((".", ")")):
        return is_citation(line.text.strip())
    mark = mark_of(line.text)
    return mark is not None and mark.kind == "dated" and following.indent > line.indent


def _stands_alone(line: _Line) -> bool:
    mark = mark_of(line.text)
    return words.section_of(line.text) is not None or (mark is not None and mark.kind == "named")


def _flush(lines: list[_Line], marker: str, depth: int) -> Iterator[Item]:
    if not lines:
        return
    builder = TextBuilder()
    for number, line in enumerate(lines):
        if number:
            builder.put("\n", [line.start - 1])
        builder.put(without_junk(line.text), range(line.start, line.start + len(line.text)))
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
