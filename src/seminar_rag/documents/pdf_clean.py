"""Lines of PDF pages, cleaned: characters, broken visual lines, running heads, hyphens.

Pure: no file, no PDF library. Lengths are PDF points, y grows upwards, and the order of lines is
the order of reading (for PDF, that of the content stream).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from seminar_rag.text import between, one_line

CELL = "\t"
"""In `Line.text`: a gap wide enough to separate the cells of a row."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as it stands on the page."""

    text: str
    page: int
    """1-based."""
    x0: float
    x1: float
    base: float
    """The baseline's y."""
    size: float
    """Font size in points, scaling included."""
    bold: bool = False
    rotated: bool = False
    """Written at another angle than most of the page."""
    hyphen: bool = False
    """The line ended in a hyphen, which `text` no longer holds."""
    parts: tuple[int, ...] = ()
    """Numbers of the pieces that it was made of."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its height in points and its lines in reading order."""

    number: int
    height: float
    lines: tuple[Line, ...]

    @property
    def chars(self) -> int:
        """Characters of its text."""
        return sum(len(line.text.strip()) for line in self.lines)


_LIGATURES = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\ufb05": "st", "\ufb06": "st", "\u00a0": " ", "\u00ad": "",
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢",
}  # fmt: skip
_SPECIAL = re.compile("[" + "".join(_LIGATURES) + "]")
_ACCENTS = {
    "\u00b4": "\u0301", "\u00a8": "\u0308", "\u02c6": "\u0302", "\u02dc": "\u0303",
    "\u02c7": "\u030c", "\u02da": "\u030a", "\u02d8": "\u0306", "\u00af": "\u0304",
    "\u02d9": "\u0307", "\u02dd": "\u030b", "\u00b8": "\u0327",
}  # fmt: skip
_ACCENTED = re.compile("([" + "".join(_ACCENTS) + r"])([^\W\d_])")
# C0 and C1 controls but tab and newline, surrogates, noncharacters, zero-width characters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufeff\u200b\u2060]"
    "|[" + "".join(f"{chr(0x10000 * p + 0xFFFE)}{chr(0x10000 * p + 0xFFFF)}" for p in range(1, 17))
    + "]"
)  # fmt: skip
_PAGE_NUMBER = re.compile(r"(page\s*+)?[-–—]?\s*+(\d{1,4}|[ivxl]{1,6})\s*+[-–—]?(\s*(/|of)\s*\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# First halves of compounds that keep their hyphen when nothing in the document decides.
_COMPOUND = frozenset(
    "self well non cross zero few one two three large small long short high low fine state open"
    " closed human machine real task domain model data question answer chain tree instruction fact"
    " single double full first second third best top left right step token word sentence document"
    " decoder encoder".split()
)


def clean_text(text: str) -> str:
    """Resolve ligatures, no-break spaces and loose accents; drop what cannot be stored. That is
    controls, surrogates and noncharacters."""
    text = _SPECIAL.sub(lambda match: _LIGATURES[match[0]], text)
    text = _ACCENTED.sub(_composed, _UNWANTED.sub("", text))
    return unicodedata.normalize("NFC", text)


def _composed(match: re.Match[str]) -> str:
    """The accented letter that a TeX font sets as an accent and a letter, if there is one."""
    letter = {"\u0131": "i", "\u0237": "j"}.get(match[2], match[2])
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[match[1]])
    return whole if len(whole) == 1 else match[0]


def clean(pages: Sequence[Page]) -> list[Line]:
    """The lines of a document without furniture; all of them where nothing else would be left."""
    pages = [
        replace(page, lines=tuple(_visual(_tidy(line) for line in page.lines))) for page in pages
    ]
    kept = _without_furniture(pages)
    lines = [line for page in kept for line in page.lines]
    lines = lines or [line for page in pages for line in page.lines]
    if all(line.rotated for line in lines):
        return [replace(line, rotated=False) for line in lines]
    return lines


# -- lines ------------------------------------------------------------------------------------


def letters_of(text: str) -> str:
    """Its letters and digits only, lower-case, without a leading section number."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"^\s*(\d+(\.\d+)*|[a-z](\.\d+)*|[ivx]+)\.?\s+", "", text)
    return "".join(char for char in text if char.isalnum())


def _tidy(line: Line) -> Line:
    text = clean_text(line.text)
    text = CELL.join(filter(None, (one_line(cell) for cell in text.split(CELL))))
    if not line.hyphen and re.search(r"\w[-\u2010]$", text):
        return replace(line, text=text[:-1], hyphen=True)
    return replace(line, text=text)


def _visual(lines: Iterable[Line]) -> list[Line]:
    """Join the fragments of a visual line: pdfium ends it at each raised or lowered glyph."""
    out: list[Line] = []
    for line in lines:
        if not line.text:
            continue
        if out and _same_row(out[-1], line):
            gap = line.x0 - out[-1].x1
            size = max(out[-1], line, key=lambda part: len(part.text)).size
            glue = CELL if gap > 1.5 * size else " " if gap > 0.12 * size else ""
            out[-1] = joined(out[-1], line, glue)
        else:
            out.append(line)
    return out


def joined(a: Line, b: Line, glue: str) -> Line:
    """Two parts of one visual line, `a` before `b`; the longer one gives size and baseline."""
    return replace(
        max(a, b, key=lambda part: len(part.text)),
        text=a.text + glue + b.text,
        x0=min(a.x0, b.x0),
        x1=max(a.x1, b.x1),
        bold=a.bold and b.bold,
        hyphen=b.hyphen,
        parts=a.parts + b.parts,
    )


def _same_row(a: Line, b: Line) -> bool:
    if a.rotated or b.rotated or a.hyphen:
        return False
    size = max(a.size, b.size)
    return abs(a.base - b.base) < 0.6 * size and -0.3 * size < b.x0 - a.x1 < 4 * size


def _mask(text: str) -> str:
    """Running heads differ in their page number only."""
    return re.sub(r"^# ?| ?#$", "", re.sub(r"\d+", "#", one_line(text).lower()))


def _without_furniture(pages: Sequence[Page]) -> list[Page]:
    """Drop page numbers, and heads and feet that repeat on at least three pages. Two pages are
    enough at the very edge of a document that has no more."""
    edges = [_edges(page) for page in pages]
    seen: Counter[tuple[str, int]] = Counter()
    for page, edge in zip(pages, edges, strict=True):
        seen.update({place for i in edge for place in _places(page.lines[i])})
    need = max(3, round(0.15 * len(pages)))
    out = []
    for page, edge in zip(pages, edges, strict=True):
        keep = []
        for i, line in enumerate(page.lines):
            number = i in edge and _PAGE_NUMBER.fullmatch(line.text.lower()) is not None
            times = min(
                sum(seen[mask, place + shift] for shift in (-1, 0, 1))
                for mask, place in _places(line)
            )
            outer = len(pages) == 2 and not 0.05 < line.base / page.height < 0.95
            repeated = i in edge and times >= (2 if outer else need)
            if not (number or repeated):
                keep.append(line)
        out.append(replace(page, lines=tuple(keep)))
    return out


def _edges(page: Page) -> set[int]:
    """Indices of the three highest and lowest lines, as far as they stand near the edge."""
    high = sorted(range(len(page.lines)), key=lambda i: page.lines[i].base)
    outer = {*high[:3], *high[-3:]}
    return {i for i in outer if not 0.14 < page.lines[i].base / page.height < 0.86}


def _places(line: Line) -> list[tuple[str, int]]:
    """Each cell and its height: a head of two parts may stand over two columns or across both."""
    return [(_mask(cell), round(line.base / 6)) for cell in line.text.split(CELL)]


# -- style and words --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """How the running text of a document is set, and the words it has."""

    body: float
    """The size most characters have."""
    leading: float
    """Distance of baselines within body paragraphs."""
    vocabulary: Counter[str]
    """Lower-case words and compounds that stand unbroken in a line."""


def style_of(lines: Sequence[Line]) -> Style:
    """What most of the document looks like."""
    sizes: Counter[float] = Counter()
    for line in lines:
        if not line.rotated:
            sizes[round(line.size * 2) / 2] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 10.0
    steps = [
        a.base - b.base
        for a, b in pairwise(lines)
        if a.page == b.page and about_equal(a.size, body) and about_equal(b.size, body)
        if 0.8 * body < a.base - b.base < 2.5 * body
    ]
    vocabulary: Counter[str] = Counter()
    broken = False
    for line in lines:
        words = _WORD.findall(line.text)
        vocabulary.update(word.lower() for word in words[broken : len(words) - line.hyphen])
        broken = line.hyphen
    return Style(body or 10.0, median(steps) if steps else 1.2 * body, vocabulary)


def about_equal(a: float, b: float, tolerance: float = 0.06) -> bool:
    """Whether two lengths differ by at most a share of the larger one."""
    return abs(a - b) <= tolerance * max(a, b)


def join_line(text: str, hyphen: bool, line: str, vocabulary: Counter[str]) -> str:
    """Join a line to the text before it, resolving a hyphen at the line's end. The document's own
    words decide (compound or joined word seen elsewhere); then capitals, known first halves of
    compounds, and two long words that both stand alone elsewhere keep the hyphen."""
    if not hyphen:
        return text + between(text, line) + line
    before = re.search(r"(?<![^\W\d_])[^\W\d_]++$", text)
    after = re.match(r"[^\W\d_]+", line)
    if not before or not after:
        return f"{text}-{line}"
    a, b = before[0].lower(), after[0]
    joined, compound = vocabulary[a + b.lower()], vocabulary[f"{a}-{b.lower()}"]
    if compound != joined:
        keep = compound > joined
    elif b[0].isupper() or "-" in (text[: before.start()][-1:], line[len(b) : len(b) + 1]):
        keep = True
    else:
        alone = len(a) > 3 and len(b) > 3 and bool(vocabulary[a] and vocabulary[b.lower()])
        keep = a in _COMPOUND or alone
    return f"{text}-{line}" if keep else text + line
