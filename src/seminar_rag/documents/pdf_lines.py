"""A PDF as pdfium reads it: metadata, bookmarks, and pages of lines with their geometry.

Runs in the parser's worker only. pdfium gives characters in content order, with generated spaces
and line breaks, advance boxes and fonts; here they become lines with cell marks, the spaces it
missed, and raised numbers set off.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, pairwise
from statistics import median
from typing import Any

from seminar_rag.documents.pdf_clean import CELL, Line, Page, clean_text
from seminar_rag.documents.pdf_order import GAP, PagePiece, in_order

_BOLD = re.compile(r"(?i)bold|black|heavy|demi|medi\b|cmbx|cmssbx|-bd\b")


def metadata(pdf: Any) -> dict[str, str]:
    """What a pypdfium2 document says about itself: "Title", "Author"; empty values left out."""
    entries = pdf.get_metadata_dict().items()
    found = {key: " ".join(clean_text(value).split()) for key, value in entries}
    return {key: value for key, value in found.items() if value}


def outline(pdf: Any) -> list[tuple[int, str]]:
    """(depth from 1, title) of at most 2,000 bookmarks."""
    marks = islice(pdf.get_toc(max_depth=6), 2000)
    return [(mark.level + 1, clean_text(mark.get_title() or "")) for mark in marks]


def read_page(pdf: Any, index: int) -> tuple[Page, int, bool]:
    """A page, how many of its glyphs have no character, and whether it is an image without text.

    Raises:
        pypdfium2.PdfiumError: the page cannot be read.
    """
    import pypdfium2.raw as raw

    page = pdf[index]
    text = page.get_textpage()
    try:
        runs = list(_runs(text))
        sheet = _sheet(page, runs)
        lines = _lines(runs, index + 1, sheet)
        images = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
        scanned = not lines and any(True for _ in images)
    finally:
        text.close()
        page.close()
    height = sheet.width if sheet.turn % 2 else sheet.height
    return Page(index + 1, height, lines), sum(run.unmapped for run in runs), scanned


def reading_order(page: Any, text: Any) -> list[int]:
    """The indices of a page's characters in reading order, and -1 after each line."""
    runs = list(_runs(text))
    sheet = _sheet(page, runs)
    ended = (
        [*chain.from_iterable(_indices(runs[part], sheet) for part in line.parts), -1]
        for line in _lines(runs, 1, sheet)
    )
    return list(chain.from_iterable(ended))


def _indices(run: _Run, sheet: _Sheet) -> list[int]:
    """The indices of a run's characters as they are read, as pdfium counts them."""
    if not _runs_left("".join(run.chars)):
        return run.indices
    _, places = leftward(run.chars, _spans(run, sheet, leftward=True), _size(run))
    spaces = [i for i, char in enumerate(run.chars) if char == " "][-1:]
    read = chain.from_iterable(spaces if place < 0 else [place] for place in [*places, -1])
    return [run.indices[place] for place in read]


def _lines(runs: Sequence[_Run], number: int, sheet: _Sheet) -> tuple[Line, ...]:
    lines = (replace(_line(run, number, sheet), parts=(i,)) for i, run in enumerate(runs))
    pieces = (PagePiece(line, line.parts[0], runs[line.parts[0]].drawn) for line in lines)
    return tuple(in_order(list(pieces)))


def _sheet(page: Any, runs: Sequence[_Run]) -> _Sheet:
    left, bottom, right, top = page.get_bbox()
    text = "".join(char for run in runs for char in run.chars)
    size = (right - left) or 612.0, (top - bottom) or 792.0
    return _Sheet(left, bottom, *size, _turn(runs), _runs_left(text))


@dataclass(slots=True)
class _Run:
    """Characters of one line, with boxes (left, bottom, right, top), and samples of their style."""

    chars: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    fonts: list[float] = field(default_factory=list)
    """Nominal font size of each character."""
    origins: list[tuple[float, float]] = field(default_factory=list)
    digits: dict[int, tuple[float, float]] = field(default_factory=dict)
    """The origins of digits, which may be raised, by their index in `chars`."""
    scales: list[float] = field(default_factory=list)
    """Samples of what the text matrix multiplies the font size by."""
    bold: list[bool] = field(default_factory=list)
    angle: float = 0.0
    """Radians, counter-clockwise."""
    hyphen: bool = False
    unmapped: int = 0
    inked: int = 0
    """Where its last character is that is no space."""
    drawn: int = 0
    """Which of pdfium's lines it is part of."""
    indices: list[int] = field(default_factory=list)
    """Of its characters on the page, as pdfium counts them."""


def _runs(text: Any) -> Iterator[_Run]:
    """pdfium's lines, cut at wide gaps: it marks their ends with generated line breaks and soft
    hyphens."""
    import pypdfium2.raw as raw

    handle = text.raw
    rect, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    run = _Run()
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(handle, index)
        hyphen = code in (2, 0xAD) and raw.FPDFText_IsHyphen(handle, index) == 1
        if code in (10, 13) or hyphen:
            run.hyphen = hyphen
            if run.chars:
                yield run
            run = _Run(drawn=run.drawn + 1)
        elif unmapped(code):
            run.unmapped += 1
        else:
            raw.FPDFText_GetLooseCharBox(handle, index, rect)
            box = (rect.left, rect.bottom, rect.right, rect.top)
            if code != 32 and run.scales and run.chars[-1] == " " and _is_wide(run, box):
                yield run
                run = _Run(drawn=run.drawn)
            if code != 32 and (len(run.scales) < 3 or len(run.chars) % 16 == 0):
                _sample(run, handle, index)
            run.fonts.append(abs(raw.FPDFText_GetFontSize(handle, index)))
            if 48 <= code < 58:
                raw.FPDFText_GetCharOrigin(handle, index, x, y)
                run.digits[len(run.chars)] = (x.value, y.value)
            if code != 32:
                run.inked = len(run.chars)
            run.chars.append("-" if code == 2 else chr(code))
            run.boxes.append(box)
            run.indices.append(index)
    if run.chars:
        yield run


def _is_wide(run: _Run, box: tuple[float, float, float, float]) -> bool:
    """Whether a character stands so far from the last one that it may be in another column."""
    last = run.boxes[run.inked]
    across = max(box[0] - last[2], last[0] - box[2])
    along = max(box[1] - last[3], last[1] - box[3])
    return max(across, along) > GAP * run.fonts[run.inked] * run.scales[-1]


def unmapped(code: int) -> bool:
    """Controls, U+FFFD and noncharacters: what engines give for a glyph without a character."""
    control = code < 32 and code not in (2, 9)
    return control or 0x7F <= code < 0xA0 or code in (0xFFFD, 0xFFFE, 0xFFFF)


def _sample(run: _Run, handle: Any, index: int) -> None:
    """Record the scale, weight and origin of a character."""
    import pypdfium2.raw as raw

    matrix, flags = raw.FS_MATRIX(), ctypes.c_int()
    raw.FPDFText_GetMatrix(handle, index, matrix)
    run.scales.append(math.hypot(matrix.c, matrix.d) or 1.0)
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(handle, index, name, 128, flags)
    heavy = raw.FPDFText_GetFontWeight(handle, index) >= 600
    run.bold.append(heavy or bool(_BOLD.search(name.value.decode("latin-1"))))
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(handle, index, x, y)
    run.origins.append((x.value, y.value))
    if len(run.scales) == 1:
        run.angle = -raw.FPDFText_GetCharAngle(handle, index)  # pdfium counts clockwise


def _turn(runs: Sequence[_Run]) -> int:
    """Quarter turns, counter-clockwise, of most of the page's text; long lines count for more."""
    votes: Counter[int] = Counter()
    for run in runs:
        votes[round(run.angle / (math.pi / 2)) % 4] += len(run.chars) ** 2
    return votes.most_common(1)[0][0] if votes else 0


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The visible part of a page, and how many quarter turns its text is turned."""

    left: float
    bottom: float
    width: float
    height: float
    turn: int
    leftward: bool = False
    """Whether most of its text runs to the left."""

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point, seen so that most text runs to the right (in a mirror where it runs left)."""
        x, y = x - self.left, y - self.bottom
        if self.turn == 1:
            x, y = y, self.width - x
        elif self.turn == 2:
            x, y = self.width - x, self.height - y
        elif self.turn == 3:
            x, y = self.height - y, x
        return (self.height if self.turn % 2 else self.width) - x if self.leftward else x, y


def _spans(run: _Run, sheet: _Sheet, *, leftward: bool) -> list[tuple[float, float]]:
    """Where each character begins and ends, measured to the right or to the left."""
    spans = []
    for left, bottom, right, top in run.boxes:
        ends = (sheet.place(left, bottom)[0], sheet.place(right, top)[0])
        spans.append((min(ends), max(ends)))
    # The sheet measures as most of its text runs.
    return [(-end, -start) for start, end in spans] if leftward != sheet.leftward else spans


def _scale(run: _Run) -> float:
    return median(run.scales) if run.scales else 1.0


def _size(run: _Run) -> float:
    """The size of a run's type in points."""
    inked = (font for font, char in zip(run.fonts, run.chars, strict=True) if not char.isspace())
    nominal = Counter(inked).most_common(1)
    return (nominal[0][0] * _scale(run) if nominal else 0.0) or 10.0


def _line(run: _Run, number: int, sheet: _Sheet) -> Line:
    spans = _spans(run, sheet, leftward=sheet.leftward)
    inked = [i for i, char in enumerate(run.chars) if not char.isspace()]
    scale, size = _scale(run), _size(run)
    bases = [sheet.place(x, y)[1] for x, y in run.origins]
    base = median(bases) if bases else 0.0
    off = abs((run.angle - sheet.turn * math.pi / 2 + math.pi) % (2 * math.pi) - math.pi)
    raised = {
        i
        for i, (x, y) in run.digits.items()
        if run.fonts[i] * scale < 0.85 * size and sheet.place(x, y)[1] > base + 0.15 * size
    }
    chars = run.chars
    if _runs_left("".join(chars)):
        text, _ = leftward(chars, _spans(run, sheet, leftward=True), size)
    else:
        gap = 0 if run.unmapped else _word_gap(run, spans, size)
        text = _spaced(chars, spans, raised, size, gap)
    if any("\ud800" <= char < "\ue000" for char in run.chars):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return Line(
        text=text,
        page=number,
        x0=min((spans[i][0] for i in inked), default=0.0),
        x1=max((spans[i][1] for i in inked), default=0.0),
        base=base,
        size=size,
        bold=sum(run.bold) * 2 > len(run.bold),
        rotated=off > 0.15,
        hyphen=run.hyphen,
    )


_LEFTWARD = "\u0590-\u065f\u066e-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
"""Hebrew, Arabic and their kin, without digits."""
_LEFTWARD_LETTER = re.compile(f"[{_LEFTWARD}]")
_RIGHTWARD = re.compile(
    rf"[%$€£]?[^\W{_LEFTWARD}](?:[^\W{_LEFTWARD}]|[.,:/'’+-]\b|[ ](?=[A-Za-z]))*[%$€£]?"
)
"""A number or foreign words in a text that runs to the left."""


def _runs_left(text: str) -> bool:
    """Whether most letters of a text are of a script that runs to the left."""
    leftward = len(_LEFTWARD_LETTER.findall(text))
    return leftward > 0 and 2 * leftward > sum(map(str.isalpha, text))


def leftward(
    chars: Sequence[str], spans: Sequence[tuple[float, float]], size: float
) -> tuple[str, list[int]]:
    """The text of a line that runs to the left, and which character each of its letters is.

    pdfium turns some of its words round, leaves others, and misplaces spaces. The places tell the
    order, but numbers and foreign words run to the right (the Unicode bidirectional algorithm,
    backwards). There are as many spaces as pdfium saw, in the widest gaps.

    Args:
        spans: where each character stands, measured to the left.

    Returns:
        The text, and the index of each of its characters in `chars`; -1 for spaces.
    """
    order = [i for i in sorted(range(len(chars)), key=lambda i: sum(spans[i])) if chars[i] != " "]
    gaps = [0.0] + [spans[b][0] - spans[a][1] for a, b in pairwise(order)]
    spaces = sum(left == " " != right for left, right in pairwise(chars))
    least = max(0.05 * size, sorted(gaps)[-spaces] if spaces else math.inf)
    text, places = "", list[int]()
    for i, gap in zip(order, gaps, strict=True):
        space = CELL if gap > 1.3 * size else " " if gap >= least else ""
        text += space + chars[i]
        places += [-1] * len(space) + [i]
    for found in _RIGHTWARD.finditer(text):
        start, end = found.span()
        places[start:end] = places[start:end][::-1]
    return _RIGHTWARD.sub(lambda found: found[0][::-1], text), places


_MARKED = re.compile(r"[^\W\d_]{3}$|[^\W\d_][)\]”\"’?!]*[.,;:?!”\"’)]$")


def _word_gap(run: _Run, spans: list[tuple[float, float]], size: float) -> float:
    """The gap from which two letters belong to two words although pdfium sees no space, or 0.
    Advance boxes of one word touch, so 0.13 em is enough; letter-spaced lines are left alone."""
    gaps = [
        b[0] - a[1]
        for a, b, left, right in zip(spans, spans[1:], run.chars, run.chars[1:], strict=False)
        if left.isalpha() and right.isalpha()
    ]
    wide = sum(gap > 0.13 * size for gap in gaps)
    return 0.13 * size if 0 < wide < 0.2 * len(gaps) else 0.0


def _spaced(
    chars: list[str],
    spans: list[tuple[float, float]],
    raised: set[int],
    size: float,
    word_gap: float,
) -> str:
    """The text of a line, with cell marks for wide gaps and the spaces that pdfium missed. A raised
    number (a note's or a reference's) is set off from its word by a space; an exponent in a formula
    is not."""
    out: list[str] = []
    last = -1
    for i, char in enumerate(chars):
        if char.isspace():
            continue
        if last >= 0:
            gap = spans[i][0] - spans[last][1]
            if i > last + 1:
                out.append(CELL if gap > 1.3 * size else " ")
            elif char.isdigit():
                marked = i in raised and last not in raised and _MARKED.search("".join(out[-12:]))
                out.append(" " if marked else "")
            elif char.isalpha():
                word = word_gap and gap > word_gap and chars[last].isalpha()
                mark = last in raised and i not in raised and "".join(out).isdigit()
                out.append(" " if word or mark else "")
        out.append(char)
        last = i
    return "".join(out)
