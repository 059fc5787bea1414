"""One page through pdfium: its picture, its characters, and the boxes around some of them.

Runs in the renderer's worker processes only: pdfium is not proof against hostile files.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from seminar_rag.documents.pdf_lines import reading_order
from seminar_rag.pages.locate import How, Keyed, find, keyed
from seminar_rag.types.reading import Box, Spot

MAX_PIXELS = 16_000_000
"""A page is drawn no larger, whatever shape it has."""
MAX_SIDE = 60_000
"""JPEG allows 65,535 pixels a side."""
_OPEN = 3
"""Documents that a worker keeps open, so that turning a page does not read the file again."""
_MAX_CHARS = 200_000
"""Characters of a page that are searched."""
_PUNCTUATION = 3
"""Punctuation marks that are included before and after a quote."""
_RANK: dict[How, int] = {"some": 0, "parts": 1, "exact": 2}
_UNITS = 100_000
"""Steps of a page's width or height when points become shares."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence to find, where its passage says it stands."""

    text: str
    page: int
    """1-based: where its paragraph begins; it may stand on a later one."""
    before: str = ""
    """The text before it."""


@dataclass(frozen=True, slots=True)
class Sheets:
    """What is known of a file's pages before they are drawn: sizes, and places of quotes."""

    sizes: tuple[tuple[float, float], ...]
    """Width and height of every page as shown, in points."""
    spots: tuple[Spot, ...] = ()
    found: tuple[How | None, ...] = ()
    """How each quote was found; None for one that was not."""


def draw(path: Path, number: int, width: int) -> bytes | None:
    """Page `number` (from 1) as JPEG, `width` pixels wide; None when there is no such page. Raises
    PdfiumError, ValueError: the file cannot be read, or has no pages."""
    pdf = _opened(path)
    if not 1 <= number <= len(pdf):
        return None
    page = pdf[number - 1]
    try:
        across, down = page.get_size()
        most = min((MAX_PIXELS / (across * down)) ** 0.5, MAX_SIDE / max(across, down))
        scale = min(width / across, most)
        picture = page.render(scale=scale, rev_byteorder=True).to_pil()
    finally:
        page.close()
    out = io.BytesIO()
    # WebP would be a quarter smaller and take eight times as long.
    picture.convert("RGB").save(out, "JPEG", quality=82, subsampling=0)
    return out.getvalue()


def look(path: Path, quotes: Sequence[Quote], pages: int = 2) -> Sheets:
    """The sizes of all pages, and where the quotes stand.

    Args:
        pages: how many pages, from the one that is named, a quote is looked for on.

    Raises PdfiumError, ValueError: the file cannot be read, or has no pages.
    """
    pdf = _opened(path)
    sizes = tuple(pdf.get_page_size(index) for index in range(len(pdf)))
    spots: list[Spot] = []
    found: list[How | None] = []
    with ExitStack() as pages_in_use:

        @cache
        def text_of(number: int, as_read: bool) -> _Text:
            return pages_in_use.enter_context(closing(_Text(pdf[number], as_read)))

        for index, quote in enumerate(quotes):
            first = min(max(quote.page, 1), len(pdf)) - 1
            numbers = range(first, min(first + pages, len(pdf)))
            match, as_read = None, False
            # Most pages are drawn as they are read, and finding out how they are read takes time.
            for order in (False, True):
                keys = [text_of(n, order).key for n in numbers]
                other = find(quote.text, keys, quote.before)
                if other and (match is None or _RANK[other.how] > _RANK[match.how]):
                    match, as_read = other, order
                if match and match.how == "exact":
                    break
            found.append(match.how if match else None)
            for run in match.runs if match else ():
                boxes = tuple(text_of(numbers[run.page], as_read).boxes(run.first, run.last))
                if boxes:
                    spots.append(Spot(index, numbers[run.page] + 1, boxes))
    return Sheets(sizes, tuple(spots), tuple(found))


def lines(path: Path, number: int) -> tuple[tuple[str, Box], ...] | None:
    """The lines of text of page `number` (from 1), each with its box; None without such a page.
    Raises PdfiumError, ValueError: the file cannot be read, or has no pages."""
    pdf = _opened(path)
    if not 1 <= number <= len(pdf):
        return None
    with closing(_Text(pdf[number - 1], as_read=True)) as text:
        return tuple(text.lines())


@lru_cache(_OPEN)
def _opened(path: Path) -> Any:
    """A document, opened or taken from those that are open.

    A kept file is named by its content, so a path never changes meaning. Raises PdfiumError: it
    cannot be read. Raises ValueError: it has no pages."""
    import pypdfium2 as pdfium

    try:
        pdf = pdfium.PdfDocument(path)
    except pdfium.PdfiumError:  # bytes before the header, which pdfium does not skip
        data = path.read_bytes()
        pdf = pdfium.PdfDocument(data[max(data.find(b"%PDF-"), 0) :])
    if not len(pdf):
        raise ValueError("no pages")
    return pdf


# --- text and boxes ---------------------------------------------------------------------------


class _Text:
    """The characters of a page, as they are drawn or as they are read."""

    def __init__(self, page: Any, as_read: bool) -> None:
        import pypdfium2.raw as raw

        self._page = page
        self._text = page.get_textpage()
        count = self._text.count_chars()
        order = reading_order(page, self._text) if as_read else range(count)
        self._order = order[:_MAX_CHARS]
        self._codes = [
            raw.FPDFText_GetUnicode(self._text.raw, i) if i >= 0 else 10 for i in self._order
        ]
        self.key: Keyed = keyed(self._codes)

    def close(self) -> None:
        self._text.close()
        self._page.close()

    def boxes(self, first: int, last: int) -> Iterator[Box]:
        """A box per line around characters `first` to `last`."""
        # The punctuation around a sentence belongs to it, although the key leaves it out.
        for _ in range(_PUNCTUATION):
            first -= first > 0 and self._sign(first - 1, opening=True)
            last += last + 1 < len(self._codes) and self._sign(last + 1, opening=False)
        for _, line in self._rows(first, last):
            yield from _line(line)

    def lines(self) -> Iterator[tuple[str, Box]]:
        """The lines of the page in reading order, each with the box around it."""
        for text, line in self._rows(0, len(self._codes) - 1):
            for box in _line(line):
                yield text.rstrip(), box

    def _rows(
        self, first: int, last: int
    ) -> Iterator[tuple[str, list[tuple[float, float, float, float]]]]:
        """The lines of characters `first` to `last`: their text, and a box for each character."""
        text, line = "", list[tuple[float, float, float, float]]()
        for index in range(first, last + 1):
            code = self._codes[index]
            ends = code in (2, 10, 13, 0xFFFE) or code == 0xAD  # pdfium ends its lines so
            box = self._box(self._order[index]) if code > 32 and not ends else None
            if line and (ends or (box and _apart(line[-1], box))):
                yield text, line
                text, line = "", []
            if box:
                line.append(box)
            if box or (line and code == 32):
                text += chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"
        if line:
            yield text, line

    def _sign(self, index: int, opening: bool) -> bool:
        """Whether a character is punctuation, and opens (a bracket, a quotation mark) or not."""
        code = self._codes[index]
        char = chr(code) if code < 0xD800 else " "
        plain = code > 32 and code not in (0x7F, 0xA0, 0xAD) and not char.isalnum()
        return plain and (char in "([{“‘«¿¡\"'") == opening

    def _box(self, index: int) -> tuple[float, float, float, float] | None:
        """Left, top, right and bottom of a character as shares of the page as shown."""
        import pypdfium2.raw as raw

        rect = raw.FS_RECTF()
        raw.FPDFText_GetLooseCharBox(self._text.raw, index, rect)
        size = raw.FPDFText_GetFontSize(self._text.raw, index)
        left, bottom, right, top = rect.left, rect.bottom, rect.right, rect.top
        if not 0 < top - bottom <= 3 * max(size, 4) or right <= left:
            # A font whose ascent or descent is nonsense: the ink instead.
            edges = [ctypes.c_double() for _ in range(4)]
            raw.FPDFText_GetCharBox(self._text.raw, index, *edges)
            left, right, bottom, top = (edge.value for edge in edges)
        corners = [self._shown(left, top), self._shown(right, bottom)]
        (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(*corners, strict=True))
        if x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
            return None  # cropped away
        return max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        """A point of the page, cropped and turned as it is shown."""
        import pypdfium2.raw as raw

        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(self._page.raw, 0, 0, _UNITS, _UNITS, 0, x, y, across, down)
        return across.value / _UNITS, down.value / _UNITS


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two characters that follow each other stand on different lines or far apart."""
    tall = max(min(one[3] - one[1], other[3] - other[1]), 1e-4)
    wide = max(min(one[2] - one[0], other[2] - other[0]), 1e-4)
    above = min(one[3], other[3]) - max(one[1], other[1])
    beside = min(one[2], other[2]) - max(one[0], other[0])
    # Text that runs up or down the page advances vertically: near either way is enough.
    return (above < -0.5 * tall or abs(other[0] - one[2]) > 12 * tall) and (
        beside < -0.5 * wide or abs(other[1] - one[3]) > 12 * wide
    )


def _line(chars: Sequence[tuple[float, float, float, float]]) -> Iterator[Box]:
    """One box around a line's characters; those that stick out (a root, a sum) do not raise it."""
    if not chars:
        return
    left, right = min(c[0] for c in chars), max(c[2] for c in chars)
    top, bottom = min(c[1] for c in chars), max(c[3] for c in chars)
    if right - left >= bottom - top:
        usual = 1.3 * median(c[3] - c[1] for c in chars)
        plain = [c for c in chars if c[3] - c[1] <= usual] or list(chars)
        top, bottom = min(c[1] for c in plain), max(c[3] for c in plain)
    digits = 5
    yield (
        round(left, digits),
        round(top, digits),
        round(right - left, digits),
        round(bottom - top, digits),
    )
