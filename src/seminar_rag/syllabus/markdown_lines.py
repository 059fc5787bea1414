"""The lines of a Markdown page as CommonMark shall read them, each with its place in the source.

CommonMark knows neither boxes of text nor headings without a space, as other dialects do, and
GitHub's tables are stricter than Kramdown's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
    r"|tab-set|tip|topic|warning)\}))(?:\{[^{}\n]*+\})?+[ \t]*+"
)
"""The opening line of a box of text; a fence around code has other names ("{python}", "{math}")."""
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
_Line = tuple[int, str]
"""Where a line begins in the source, and its text."""
_DAY_OPENS = re.compile(rf"(^[ \t]*(?:[-*+] +)?\d\d?\.) (?={MONTH_OF_DAY})", re.I)
"""A day of a month ("12. Oktober") where a list's number could stand."""


def source_lines(body: str) -> list[tuple[int, str]]:
    """The lines of a page, mended, each with the index in `body` at which it begins."""
    return list(_with_whole_tables(_outside_boxes(_lines_of(body))))


def _lines_of(body: str) -> Iterator[_Line]:
    at = 0
    for match in _NEWLINE.finditer(body):
        yield at, body[at : match.start()]
        at = match.end()
    yield at, body[at:]


def _outside_boxes(lines: Iterable[_Line]) -> Iterator[_Line]:
    """The lines of a page, those of boxes as if they stood outside, below the box's title; mended
    outside of code.

    Boxes are fenced in MyST and Docusaurus (```{note}, :::tip), and their options stand below
    their names; in MkDocs they are indented (??? note "Week 1").
    """
    fences: list[str] = []
    indents: list[int] = []
    code, options = "", False
    for place, written, below in _with_indent_below(lines):
        indent = len(written) - len(written.lstrip(" "))
        while indents and not code and indent < min(indents[-1], len(written)):
            indents.pop()
        begin = min(indent, indents[-1] if indents else 0)
        start, line = place + begin, written[begin:]
        fence, kept = _FENCE.match(line), bool(code)
        if code:
            code = "" if fence and fence[1].startswith(code) else code
        elif fences and (line.strip() == fences[-1] or _colons(line, fences[-1])):
            fences.pop()
            line = ""
        elif opened := _DIRECTIVE.match(line):
            fences.append(opened["colons"] or opened["ticks"])
            start, line, options = start + opened.end(), line[opened.end() :], True
        elif fence:
            code, kept = fence[1], True
        elif (box := _BOX.match(line)) and (
            box["title"] or (below >= begin + 4 and line[:3] != "===")
        ):
            indents.append(begin + 4)
            title = box["title"] or ""
            start, line = start + max(box.start("title"), 0), title
        elif options and (_OPTION.match(line) or not line.strip()):
            line = ""
        else:
            options = False
        yield (start, line) if kept else _mended(start, line)


def _with_whole_tables(lines: Iterable[_Line]) -> Iterator[_Line]:
    """The lines, tables as GitHub's Markdown wants them, where Kramdown and others want less:
    as many dashes as headers, and no row that its empty first cell indents.
    """
    header, above, in_table, code = "", "", False, ""
    opens = True  # Whether the line above stands below an empty one.
    for start, line in lines:
        fence = _FENCE.match(line)
        if code or fence:
            opened = fence[1] if fence else ""
            code = "" if code and opened.startswith(code) else code or opened
            in_table, above, opens = False, "", False
        elif in_table and "|" in line:
            yield _row(start, line, header)
            continue
        else:
            in_table = opens and bool(_HEADER.match(above) and _DELIMITERS.match(line))
            header, above, opens = above, line, not above.strip()
        lacking = _columns(header) - _columns(line) if in_table else 0
        yield start, (line.rstrip().rstrip("|") + "|---" * lacking + "|" if lacking > 0 else line)


def _row(start: int, line: str, header: str) -> _Line:
    """A row without its indent, which would be code; where rows open with no line, an empty first
    cell gets one."""
    text = line.lstrip(" \t")
    start += len(line) - len(text)
    if text.startswith("|") and text != line and not header.lstrip().startswith("|"):
        return start - 1, "|" + text
    return start, text


def _columns(row: str) -> int:
    return len(_CELLS_END.split(row.strip().removeprefix("|").removesuffix("|")))


def _with_indent_below(lines: Iterable[_Line]) -> list[tuple[int, str, int]]:
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


def _mended(start: int, line: str) -> _Line:
    """A line without what was pasted, its heading or its day as CommonMark knows them."""
    text = _DAY_OPENS.sub("\\1\u00a0", without_junk(line))
    glued = _GLUED_HEADING.match(text)
    # One less for the space: what comes after it stays where it stood.
    return (start - 1, f"{glued[1]} {text[glued.end() :]}") if glued else (start, text)
