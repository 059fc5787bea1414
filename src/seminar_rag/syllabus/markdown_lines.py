"""The lines of a Markdown page as CommonMark shall read them, each with its place in the source.

CommonMark knows neither boxes of text nor headings without a space, as other dialects do, and
GitHub's tables are stricter than Kramdown's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seminar_rag.syllabus.letters import CAPITALS
from seminar_rag.syllabus.marks import MONTH_OF_DAY
from seminar_rag.syllabus.markup_text import without_junk

_NEWLINE = re.compile(r"\r\n?|\n")
_GLUED_HEADING = re.compile(rf"^(#{{2,6}}|#(?=[{CAPITALS}]))(?=[^\s#])")
"""A heading without the space that CommonMark asks for and Kramdown does not."""
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_DIRECTIVE = re.compile(
    r" {0,3}(?:(?P<colons>:::++)[ \t]*+(?:[a-z][\w-]*+|(?=\S))|(?P<ticks>```+|~~~+)[ \t]*+"
    r"(?=\{(?:admonition|attention|aside|card|caution|danger|details|div|dropdown|epigraph|error|grid"
    r"|grid-item|grid-item-card|hint|important|list-table|margin|note|seealso|sidebar|tab-item"
    r"|tab-set|tip|topic|warning)\}))(?:\{(?:[^{}\n]*?\btitle=\"(?P<named>[^\"\n]*+)\")?[^{}\n]*+\})?+"
    r"[ \t]*+(?:\[(?P<title>[^\[\]\n]++)\](?:\{[^{}\n]*+\})?+[ \t]*+$)?+"
)
"""The opening line of a box of text; a fence around code has other names ("{python}", "{math}")."""
_QUOTED = re.compile(r" {0,3}>[ \t]?")
_ALERT = re.compile(r" {0,3}>[ \t]?\[![\w-]++\][+-]?[ \t]*+")
"""The opening line of a quotation that is shown as a box, before its title if it has one."""
_DETAILS = re.compile(r"[ \t]*<(/?)details\b", re.I)
_OPTION = re.compile(r"[ \t]*:[\w-]++:(?:[ \t]|$)")
_BOX = re.compile(
    r" {0,3}(?:(?:!!!|\?\?\?\+?)(?:[ \t]++[\w-]++)++|===)"
    r"(?:[ \t]++\"(?P<title>[^\"\n]*+)\")?+[ \t]*+$"
)
"""The opening line of a box whose text is indented, or of a tab."""
_DELIMITERS = re.compile(
    r" {0,3}+(?![ \t]|-[ \t])\|?+(?:[ \t]*+:?+-++:?+[ \t]*+\|)++(?:[ \t]*+:?+-++:?+)?+[ \t]*+$"
)
"""The line of dashes below a table's header, of several columns; a dash and a space open a list."""
_HEADER = re.compile(r" {0,3}+(?![-+#>< \t]|\d{1,9}[.)])[^|\n]*+\|")
"""A table's header, outside of lists, quotations and headings."""
_CELLS_END = re.compile(r"(?<!\\)\|")


class Line(NamedTuple):
    """A line of the page."""

    start: int
    """Where it begins in the source."""
    text: str
    boxes: tuple[int, ...] = ()
    """The boxes that it stands in, by where they begin."""


_DAY_OPENS = re.compile(rf"(^[ \t]*(?:[-*+] +)?\d\d?\.) (?={MONTH_OF_DAY})", re.I)
"""A day of a month ("12. Oktober") where a list's number could stand."""


def source_lines(body: str) -> list[Line]:
    """The lines of a page, mended, each with the index in `body` at which it begins."""
    return list(_with_whole_tables(_outside_alerts(_outside_boxes(_lines_of(body)))))


def _lines_of(body: str) -> Iterator[tuple[int, str]]:
    at = 0
    for match in _NEWLINE.finditer(body):
        yield at, body[at : match.start()]
        at = match.end()
    yield at, body[at:]


def _outside_boxes(lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    """The lines of a page, those of boxes as if they stood outside, below the box's title; mended
    outside of code.

    Boxes are fenced in MyST and Docusaurus (```{note}, :::tip), and their options stand below
    their names; in MkDocs they are indented (??? note "Week 1").
    """
    fences: list[tuple[str, int]] = []
    indents: list[tuple[int, int]] = []
    code, options = "", False
    for place, written, below in _with_indent_below(lines):
        indent = len(written) - len(written.lstrip(" "))
        while indents and not code and indent < min(indents[-1][0], len(written)):
            indents.pop()
        begin = min(indent, indents[-1][0] if indents else 0)
        start, line = place + begin, written[begin:]
        fence, kept, titled = _FENCE.match(line), bool(code), False
        if code:
            code = "" if fence and fence[1].startswith(code) else code
        elif fences and (line.strip() == fences[-1][0] or _colons(line, fences[-1][0])):
            fences.pop()
            line = ""
        elif opened := _DIRECTIVE.match(line):
            fences.append((opened["colons"] or opened["ticks"], place))
            (start, line), options, titled = _title(start, line, opened), True, True
        elif fence:
            code, kept = fence[1], True
        elif (box := _BOX.match(line)) and (
            box["title"] or (below >= begin + 4 and line[:3] != "===")
        ):
            indents.append((begin + 4, place))
            title = box["title"] or ""
            start, line, titled = start + max(box.start("title"), 0), title, True
        elif options and (_OPTION.match(line) or not line.strip()):
            line = ""
        else:
            options = False
        own = Line(start, line, tuple(sorted(at for _, at in (*fences, *indents))))
        yield own if kept else _mended(own)
        if titled:  # it is no part of what stands below it
            yield Line(start + len(line), "", own.boxes)


def _title(start: int, line: str, opened: re.Match[str]) -> tuple[int, str]:
    """What a fenced box is called, and where that stands in the source."""
    name = next((name for name in ("title", "named") if opened[name]), None)
    begin, end = opened.span(name) if name else (opened.end(), len(line))
    return start + begin, line[begin:end]


def _outside_alerts(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines of a page, boxes in GitHub's and Obsidian's quotations (> [!note] Week 1) without
    what marks them, and those of HTML known as boxes."""
    details: list[int] = []
    alert: list[int] = []
    for line in lines:
        start, text, boxes = line
        if tag := _DETAILS.match(text):
            details = details[:-1] if tag[1] else [*details, start]
        alert = alert if _QUOTED.match(text) else []
        opened = _ALERT.match(text)
        if opened:
            alert = [start]
            start, text = start + opened.end() - 2, f"> {text[opened.end() :]}"
        boxes = (*boxes, *details, *alert)
        yield Line(start, text, boxes)
        if opened:
            yield Line(start + len(text), ">", boxes)


def _with_whole_tables(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, tables as GitHub's Markdown wants them, where Kramdown and others want less:
    as many dashes as headers, and no row that its empty first cell indents.
    """
    header, above, in_table, code = "", "", False, ""
    opens = True  # Whether the line above stands below an empty one.
    for start, line, boxes in lines:
        fence = _FENCE.match(line)
        if code or fence:
            opened = fence[1] if fence else ""
            code = "" if code and opened.startswith(code) else code or opened
            in_table, above, opens = False, "", False
        elif in_table and "|" in line:
            yield Line(*_row(start, line, header), boxes)
            continue
        else:
            in_table = opens and bool(_HEADER.match(above) and _DELIMITERS.match(line))
            header, above, opens = above, line, not above.strip()
        lacking = _columns(header) - _columns(line) if in_table else 0
        whole = line.rstrip().rstrip("|") + "|---" * lacking + "|" if lacking > 0 else line
        yield Line(start, whole, boxes)


def _row(start: int, line: str, header: str) -> tuple[int, str]:
    """A row without its indent, which would be code; where rows open with no line, an empty first
    cell gets one."""
    text = line.lstrip(" \t")
    start += len(line) - len(text)
    if text.startswith("|") and text != line and not header.lstrip().startswith("|"):
        return start - 1, "|" + text
    return start, text


def _columns(row: str) -> int:
    return len(_CELLS_END.split(row.strip().removeprefix("|").removesuffix("|")))


def _with_indent_below(lines: Iterable[tuple[int, str]]) -> list[tuple[int, str, int]]:
    """The lines, each with how far the next one that is not blank is indented."""
    found, below = [], 0
    for place, line in reversed(list(lines)):
        found.append((place, line, below))
        if line.strip():
            below = len(line) - len(line.lstrip(" "))
    return found[::-1]


def _colons(line: str, fence: str) -> bool:
    """Whether a line ends a box of colons: Pandoc wants three at least there, not as many."""
    return fence[0] == ":" and set(line.strip()) == {":"} and len(line.strip()) >= 3


def _mended(line: Line) -> Line:
    """A line without what was pasted, its heading or its day as CommonMark knows them."""
    text = _DAY_OPENS.sub("\\1\u00a0", without_junk(line.text))
    glued = _GLUED_HEADING.match(text)
    # One less for the space: what comes after it stays where it stood.
    start, text = (
        (line.start - 1, f"{glued[1]} {text[glued.end() :]}") if glued else (line.start, text)
    )
    return Line(start, text, line.boxes)
