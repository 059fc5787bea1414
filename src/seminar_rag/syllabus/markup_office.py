"""DOCX, PDF and what pandoc reads → items. The lines of a PDF are grouped by their place."""

from __future__ import annotations

import ctypes
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.markup_html import html_items
from seminar_rag.syllabus.markup_text import Item, TextBuilder

_BULLET = re.compile(r"^\s*([•◦▪●○‣·–*-]|\d{1,3}[.)]|\(?[a-z][.)])\s+(?=\S)")
_MARKER_ALONE = re.compile(r"[•◦▪●○‣·–*-]")
_MAX_PAGES = 60
"""Pages of a PDF that are read: more than any syllabus has."""
_BOLD_WEIGHT = 600
_ITALIC_FLAG = 64
_MAX_UNPACKED = 64 << 20
"""Bytes that the archive of a DOCX may unpack to."""


_Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""
PANDOC = {
    ".org": "org",
    ".rst": "rst",
    ".tex": "latex",
    ".odt": "odt",
    ".rtf": "rtf",
    ".ipynb": "ipynb",
    ".textile": "textile",
    ".mediawiki": "mediawiki",
    ".typ": "typst",
}
"""Names of files that pandoc reads, with its names of their forms."""


def office_items(path: Path) -> tuple[Item, ...]:
    """The blocks of a DOCX, a PDF, or a file of a form that pandoc reads.

    Raises SourceError when the file cannot be read as what its name says.
    """
    suffix = path.suffix.lower()
    if suffix in PANDOC:
        return html_items(_by_pandoc(path, PANDOC[suffix]))
    return _pdf(path) if suffix == ".pdf" else _docx(path)


def _by_pandoc(path: Path, form: str) -> str:
    """A file as HTML; pandoc reads nothing but the file itself."""
    try:
        import pypandoc

        body = pypandoc.convert_file(str(path), "html", format=form, extra_args=["--sandbox"])
    except (ImportError, OSError) as error:
        raise SourceError(
            f"{path.name} is read by pandoc, which is not here; pip install"
            " pypandoc_binary, or save the page as HTML, Markdown or DOCX."
        ) from error
    except RuntimeError as error:
        raise SourceError(f"{path} cannot be read as {form}; save the page as HTML.") from error
    return f"<html><body>{body}</body></html>"


_TITLED = "\n".join(
    ["p[style-name='Title'] => h1.title:fresh"]
    + [f"p[style-name='Heading {level}'] => h{level + 1}:fresh" for level in range(1, 6)]
)
"""Styles of a file with a title, which mammoth takes for a paragraph: headings stand below it."""


def _docx(path: Path) -> tuple[Item, ...]:
    import mammoth

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNPACKED:
                raise SourceError(f"{path} unpacks to more than 64 MB; save the syllabus alone.")
        with path.open("rb") as file:
            body = mammoth.convert_to_html(file, style_map=_TITLED).value
            if 'class="title"' not in body:
                body = mammoth.convert_to_html(file).value
            return html_items(f"<html><body>{body}</body></html>")
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise SourceError(f"{path} cannot be read as DOCX; save it as DOCX again.") from error


def _pdf(path: Path) -> tuple[Item, ...]:
    from pypdfium2 import PdfiumError

    try:
        return pdf_items(path.read_bytes())
    except (PdfiumError, OSError) as error:
        raise SourceError(f"{path} cannot be read as PDF; print it to a new PDF.") from error


# ---------------------------------------------------------------- PDF


@dataclass(slots=True)
class _Line:
    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    page: int
    urls: list[str] = field(default_factory=list)
    """The address that each character links to; empty where there is none."""
    bold: list[bool] = field(default_factory=list)
    italic: list[bool] = field(default_factory=list)
    sized: bool = False
    """Whether its size is that of its text, not of a bullet before it."""

    @property
    def is_bold(self) -> bool:
        return sum(self.bold) > 0.9 * len(self.bold)


def pdf_items(data: bytes) -> tuple[Item, ...]:
    """The paragraphs of a PDF in reading order; page headers and footers are dropped.

    Raises pypdfium2.PdfiumError for what is no PDF.
    """
    import pypdfium2

    pdf = pypdfium2.PdfDocument(data)
    try:
        pages = [_lines(pdf, number) for number in range(min(len(pdf), _MAX_PAGES))]
    finally:
        pdf.close()
    lines = [line for page in _without_margins(pages) for line in page]
    if not lines:
        return ()
    body = median(line.size for line in lines)
    groups = _paragraphs(lines)
    indents = sorted({round(g[0].left / 6) for g in groups if _BULLET.match(g[0].text)})
    sizes = _sizes([group for group in groups if _is_short(group)], 1.15 * body)
    found = (_item(group, body, indents, sizes) for group in groups)
    return tuple(item for item in found if item is not None)


def _lines(pdf: Any, number: int) -> list[_Line]:
    from pypdfium2 import raw

    page = pdf[number]
    text_page = page.get_textpage()
    links = _links(pdf, page)
    found: list[_Line] = []
    line: _Line | None = None
    for at in range(text_page.count_chars()):
        char = chr(raw.FPDFText_GetUnicode(text_page.raw, at))
        if char in "\r\n":
            line = None
            continue
        left, bottom, right, top = text_page.get_charbox(at)
        size = raw.FPDFText_GetFontSize(text_page.raw, at)
        if line is None:
            if char.isspace():
                continue
            line = _Line("", left, right, top, bottom, size, number + 1)
            found.append(line)
        flags = ctypes.c_int()
        raw.FPDFText_GetFontInfo(text_page.raw, at, None, 0, ctypes.byref(flags))
        x, y = (left + right) / 2, (top + bottom) / 2
        line.text += char
        line.urls.append(
            next((u for u, box in links if box[0] <= x <= box[2] and box[1] <= y <= box[3]), "")
        )
        line.bold.append(raw.FPDFText_GetFontWeight(text_page.raw, at) >= _BOLD_WEIGHT)
        line.italic.append(bool(flags.value & _ITALIC_FLAG))
        if not char.isspace():
            line.right = max(line.right, right)
            line.top, line.bottom = max(line.top, top), min(line.bottom, bottom)
            if not _MARKER_ALONE.fullmatch(line.text):  # a bullet may be set larger than its text
                line.size = max(line.size, size) if line.sized else size
                line.sized = True
    found = [line for line in found if line.text.strip()]
    for box in _dots(page):
        _put_bullet(box, found)
    return found


_DOT = (1.5, 8.0)
"""Points: how small and how large a bullet is drawn."""


def _dots(page: Any) -> list[_Box]:
    """Small squares and circles that are drawn and no characters, as browsers print bullets."""
    from pypdfium2 import raw

    paths = [one for one in page.get_objects(max_depth=3) if one.type == raw.FPDF_PAGEOBJ_PATH]
    boxes = [one.get_bounds() for one in paths[:_MOST_PATHS]]
    return [
        box
        for box in boxes
        for wide, high in [(box[2] - box[0], box[3] - box[1])]
        if all(_DOT[0] < side < _DOT[1] for side in (wide, high)) and abs(wide - high) < 1
    ]


_MOST_PATHS = 5_000
"""Paths of a page that are looked at: drawings have many more."""


def _put_bullet(box: _Box, lines: Sequence[_Line]) -> None:
    """Open the line with a bullet that stands right of a dot."""
    y = (box[1] + box[3]) / 2
    beside = (line for line in lines if line.bottom <= y <= line.top)
    near = [line for line in beside if 0 < line.left - box[2] < 2 * line.size]
    line = min(near, key=lambda one: one.left, default=None)
    if line is None or _BULLET.match(line.text):
        return
    line.text, line.left = f"• {line.text}", box[0]
    line.urls[:0], line.italic[:0], line.bold[:0] = ["", ""], [False] * 2, line.bold[:1] * 2


def _links(pdf: Any, page: Any) -> list[tuple[str, _Box]]:
    from pypdfium2 import raw

    found = []
    place, link = ctypes.c_int(0), raw.FPDF_LINK()
    while raw.FPDFLink_Enumerate(page.raw, ctypes.byref(place), ctypes.byref(link)):
        action, box = raw.FPDFLink_GetAction(link), raw.FS_RECTF()
        size = raw.FPDFAction_GetURIPath(pdf.raw, action, None, 0) if action else 0
        if size and raw.FPDFLink_GetAnnotRect(link, ctypes.byref(box)):
            buffer = ctypes.create_string_buffer(size)
            raw.FPDFAction_GetURIPath(pdf.raw, action, buffer, size)
            url = buffer.value.decode("utf-8", "replace")
            found.append((url, (box.left, box.bottom, box.right, box.top)))
    return found


def _without_margins(pages: Sequence[list[_Line]]) -> list[list[_Line]]:
    """Pages without the first and last lines that stand on most of them; of two pages, at the same
    height on both, as browsers print the address and the time."""
    if len(pages) < 2:
        return list(pages)

    def key(line: _Line) -> str:
        height = f" at {round(line.top / 2)}" if len(pages) == 2 else ""
        return re.sub(r"\d+", "#", line.text.strip()) + height

    seen = Counter(k for page in pages for k in {key(line) for line in [*page[:2], *page[-2:]]})
    usual = {k for k, count in seen.items() if count > len(pages) / 2}
    return [
        [ln for n, ln in enumerate(page) if key(ln) not in usual or 2 <= n < len(page) - 2]
        for page in pages
    ]


def _paragraphs(lines: Sequence[_Line]) -> list[list[_Line]]:
    gaps = [a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom > b.bottom]
    usual = median(gaps) if gaps else 12.0
    margin = sorted(line.right for line in lines)[int(0.9 * (len(lines) - 1))]
    found: list[list[_Line]] = []
    for line in lines:
        if found and not _parted(found[-1], line, usual, margin):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _parted(group: Sequence[_Line], line: _Line, usual: float, margin: float) -> bool:
    last, first = group[-1], group[0]
    if _BULLET.match(line.text) or last.is_bold != line.is_bold or abs(last.size - line.size) > 1:
        return not (
            last.is_bold != line.is_bold and last.right > margin - 40 and line.left > first.left + 3
        )
    if line.left > first.left + 4 and (
        line.page != last.page or last.bottom - line.bottom < 1.6 * usual
    ):
        return last.right < margin - 120 and len(group) > 1  # a hanging indent goes on
    if len(group) > 1 and line.left < last.left - 4:
        return True
    if line.page == last.page and last.bottom - line.bottom > 1.35 * usual:
        return True
    return last.right < margin - 60


def _is_short(group: Sequence[_Line]) -> bool:
    """Whether lines may be a heading."""
    text = group[0].text
    return len(group) < 3 and not _BULLET.match(text) and any(map(str.isalpha, text))


def _sizes(groups: Sequence[Sequence[_Line]], least: float) -> list[float]:
    """The sizes of headings, the largest first; those that hardly differ are one."""
    found: list[float] = []
    for size in sorted((max(line.size for line in group) for group in groups), reverse=True):
        if size > least and (not found or size < 0.92 * found[-1]):
            found.append(size)
    return found


def _item(
    group: Sequence[_Line], body: float, indents: Sequence[int], sizes: Sequence[float]
) -> Item | None:
    builder = TextBuilder()
    match = _BULLET.match(group[0].text)
    marker = match[1] if match else ""
    bold = all(line.is_bold for line in group)
    runs: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(group):
        skip = match.end() if match and not number else 0
        for at in range(skip, len(line.text)):
            _switch(builder, runs, "link", line.urls[at])
            _switch(builder, runs, "i", "i" if line.italic[at] else "")
            _switch(builder, runs, "b", "b" if line.bold[at] else "")
            if line.text[at] not in "\ufffe\x02\xad":
                builder.put(line.text[at], [0], line.bold[at])
        if number + 1 < len(group) and line.text.rstrip()[-1:] not in "\ufffe\x02\xad":
            builder.put(" ", [0])
    for kind in ("link", "i", "b"):
        _switch(builder, runs, kind, "")
    depth = 1 + indents.index(round(group[0].left / 6)) if marker else 0
    size = max(line.size for line in group)
    if _is_short(group) and (size > 1.15 * body or bold) and builder:
        larger = sum(one > 1.08 * size for one in sizes)
        level = max(1 if size > 1.4 * body else 2, larger + 1) if size > 1.15 * body else 0
        item = builder.finish("heading" if level else "paragraph", level)
    else:
        item = builder.finish(
            "item" if marker else "paragraph", max(depth - 1, 0), depth=depth, marker=marker
        )
    return item


def _switch(builder: TextBuilder, runs: dict[str, tuple[str, int]], kind: str, value: str) -> None:
    """Close a stretch of link or emphasis that ends here, and open one that begins."""
    value_before, start = runs.get(kind, ("", 0))
    if value == value_before:
        return
    if value_before and kind == "link":
        builder.link(value_before, start)
    elif value_before:
        builder.emphasise(kind, start)
    runs[kind] = (value, len(builder))
