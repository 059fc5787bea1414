"""A PDF file → ParsedDocument. Runs in the parser's worker process only: pdfium is neither
thread-safe nor proof against hostile files.

pdfium reads text and geometry. pypdf, slower, repairs what pdfium cannot: encryption with an empty
password, damaged cross-references, ToUnicode maps that lead to U+0000, and pages that pdfium fails
on. A file that was cut off is rebuilt from the objects that are left. Cleaning is `pdf_clean`.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Literal, TypeVar

from seminar_rag.documents.ocr import INSTALL
from seminar_rag.documents.pdf_blocks import arrange
from seminar_rag.documents.pdf_clean import Line, Page
from seminar_rag.documents.pdf_lines import metadata, outline, read_page, unmapped
from seminar_rag.documents.pdf_repair import (
    MAX_PAGES,
    as_binary,
    damaged_streams,
    from_header,
    opened,
    rebuilt,
    repair_fonts,
    rewritten,
)
from seminar_rag.errors import DocumentError
from seminar_rag.types import ParsedDocument

Engine = Literal["pdfium", "pypdf"]

MAX_CHARS = 12_000_000
_SHARE = 0.7
"""Share of the time limit after which no further page is begun, so that there is an answer."""


@dataclass(slots=True)
class _Extract:
    """What one engine read of the file."""

    pages: list[Page] = field(default_factory=list)
    total: int = 0
    failed: list[int] = field(default_factory=list)
    unmapped: Counter[int] = field(default_factory=Counter)
    """By page: glyphs that the fonts give no character for."""
    outline: list[tuple[int, str]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    scans: list[int] = field(default_factory=list)
    """Pages without text that have an image."""
    recognised: frozenset[int] = frozenset()
    """Pages whose text was read from their image."""
    stopped: bool = False
    """Page, character or time limit reached."""

    chars: int = 0

    def add(self, page: Page) -> None:
        """Append a page."""
        self.pages.append(page)
        self.chars += page.chars

    def insert(self, recognised: Mapping[int, Page]) -> None:
        """Put pages that were read from their images in their places."""
        if not recognised:
            return
        kept = [page for page in self.pages if page.number not in recognised]
        self.pages = sorted((*kept, *recognised.values()), key=lambda page: page.number)
        self.chars += sum(page.chars for page in recognised.values())
        self.scans = [number for number in self.scans if number not in recognised]
        self.recognised = frozenset(number for number, page in recognised.items() if page.lines)

    def garbled(self, page: Page) -> bool:
        """Whether more than 3% of the page's glyphs have no character."""
        bad = self.unmapped[page.number]
        return bad > 2 and bad > 0.03 * (page.chars + bad)


class ScannedError(DocumentError):
    """No page has text, and some are images."""

    def __init__(self, message: str, scans: Sequence[int]) -> None:
        super().__init__("no_text", message)
        self.scans = tuple(scans)


def read_pdf(
    data: bytes,
    name: str,
    seconds: float,
    engine: Engine = "pdfium",
    recognised: Mapping[int, Page] = MappingProxyType({}),
    references: bool = False,
) -> ParsedDocument:
    """Read a PDF.

    Args:
        data: the file.
        name: what messages call it.
        seconds: the caller's limit; pages not begun after 70% of it are given up (`partial`).
        engine: "pypdf" keeps pdfium out, for files that crash it.
        recognised: by number, what was read from the images of pages without text.
        references: its list of references is kept.

    Raises:
        DocumentError: "password", "corrupt", "no_text" (ScannedError for images) or "limit".
    """
    deadline = time.perf_counter() + seconds * _SHARE
    body = from_header(data)
    if body is None:
        raise DocumentError("corrupt", f"{name} is not a PDF — fetch it again.")
    body = as_binary(body)
    cut = b"startxref" not in body[-2048:]
    if engine == "pypdf":
        extract = _guarded(lambda: _pypdf_extract(body, name, deadline))
    else:
        extract = _extracted(body, name, deadline, cut)
    if extract is None:
        state = "is cut off or damaged" if cut else "is damaged"
        raise DocumentError("corrupt", f"{name} {state}: no page can be read — fetch it again.")
    extract.insert(recognised)
    if not extract.chars:
        raise _without_text(extract, name)
    arranged = arrange(extract.pages, extract.outline, references=references)
    if not arranged.blocks:
        raise _without_text(extract, name)
    broken = damaged_streams(body)
    missing = bool(recognised) and bool(extract.scans)
    return ParsedDocument(
        title=arranged.title,
        authors=arranged.authors,
        blocks=arranged.blocks,
        pages=extract.total,
        partial=bool(cut or broken or extract.failed or extract.stopped or missing),
        notes=(*_notes(extract, cut, broken), *arranged.notes),
        metadata=extract.metadata,
        scans=tuple(extract.scans),
    )


def _without_text(extract: _Extract, name: str) -> DocumentError:
    if extract.stopped:
        return DocumentError(
            "limit",
            f"{name} takes longer than one document may: none of its {extract.total} pages was read"
            " in time — print it to a new PDF, or take another version.",
        )
    if extract.failed and len(extract.failed) == extract.total:
        return DocumentError(
            "corrupt",
            f"{name} is damaged: none of its pages ({extract.total}) can be read — fetch it again,"
            " or print it to a new PDF.",
        )
    if extract.scans:
        return ScannedError(
            f"{name} holds only images of pages, no text — install OCR with {INSTALL} and ingest"
            " it again.",
            extract.scans,
        )
    return DocumentError(
        "no_text", f"{name} has pages but no text — ingest another version of it, or run OCR on it."
    )


def _notes(extract: _Extract, cut: bool, broken: int) -> list[str]:
    notes = []
    if cut:
        notes.append(f"The file is cut off; pages recovered: {len(extract.pages)}. Fetch it again.")
    elif broken:
        places = "one place" if broken == 1 else f"{broken} places"
        notes.append(f"The file is damaged in {places}; text may be missing. Fetch it again.")
    garbled = [page.number for page in extract.pages if extract.garbled(page)]
    if garbled:
        notes.append(
            f"{page_list(garbled)}: fonts do not say which characters they draw; the text may be"
            " garbage. OCR would make it readable."
        )
    if extract.failed:
        notes.append(f"{page_list(extract.failed)} could not be read.")
    if extract.stopped:
        read = len(extract.pages) + len(extract.failed)
        notes.append(f"Only the first {read} of {extract.total} pages were read (limit reached).")
    if extract.recognised:
        notes.append(
            f"{page_list(sorted(extract.recognised))} read from images by OCR; words may be wrong."
        )
    return notes


def page_list(numbers: Sequence[int]) -> str:
    """Page numbers in words, "Pages 2, 3", the first ten of them."""
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"Page{'s' if len(numbers) > 1 else ''} {shown}"


# -- the order of attempts --------------------------------------------------------------------

_T = TypeVar("_T")


def _broken() -> tuple[type[Exception], ...]:
    """What the libraries raise on malformed input. MemoryError and DocumentError are not of it."""
    from pypdf.errors import DependencyError, DeprecationError, PyPdfError

    own = (PyPdfError, DependencyError, DeprecationError)
    values = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError)
    return (*own, *values, RuntimeError, OSError, zlib.error, struct.error)


def _guarded(attempt: Callable[[], _T]) -> _T | None:
    """The attempt's result, or None where the file is too broken for it."""
    try:
        return attempt()
    except _broken():
        return None


def _extracted(data: bytes, name: str, deadline: float, cut: bool) -> _Extract | None:
    """What pdfium reads of the file as it is, or of a repaired version where that is better. Raises
    DocumentError "password"."""
    extract = _guarded(lambda: _pdfium_extract(data, deadline))
    if extract is None and _is_locked(data):
        locked = data
        data = _guarded(lambda: rewritten(locked)) or data
        extract = _guarded(lambda: _pdfium_extract(data, deadline))
        if extract is None or not extract.chars:
            raise _password(name)
    repairs: list[Callable[[], bytes]] = []
    if extract is None:
        repairs.append(partial(rewritten, data))
    elif extract.unmapped.total():
        repairs.append(partial(rewritten, data, [n for n, bad in extract.unmapped.items() if bad]))
    if extract is None or cut or not extract.pages:
        repairs.append(partial(rebuilt, data))
    for repair in repairs:
        if time.perf_counter() > deadline:
            break
        other = _guarded(partial(_repaired, repair, deadline))
        if other is not None and _better(other, extract):
            extract = other
    if extract is None:
        return _guarded(lambda: _pypdf_extract(data, name, deadline))
    _fill_gaps(extract, data, name, deadline)
    return extract


def _is_locked(data: bytes) -> bool:
    """Whether pdfium wants a password. (An empty owner password may still open the file.) Where it
    fails for no known reason, pdfium repeats the reason of an earlier file, so the file itself must
    mention encryption too."""
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    if b"/Encrypt" not in data:
        return False
    try:
        pdfium.PdfDocument(data).close()
    except pdfium.PdfiumError as error:
        return bool(error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY))
    return False


def _password(name: str) -> DocumentError:
    return DocumentError(
        "password",
        f"{name} is protected by a password — ask for an unprotected copy, or save one without the"
        " password.",
    )


def _repaired(repair: Callable[[], bytes], deadline: float) -> _Extract:
    return _pdfium_extract(repair(), deadline)


def _better(other: _Extract, extract: _Extract | None) -> bool:
    if extract is None:
        return True
    if other.chars >= 0.9 * extract.chars and other.unmapped.total() < extract.unmapped.total():
        return True
    return other.chars > extract.chars


def _fill_gaps(extract: _Extract, data: bytes, name: str, deadline: float) -> None:
    """Read with pypdf the pages that pdfium could not read, or read as garbage."""
    mojibake = {page.number for page in extract.pages if extract.garbled(page)}
    wanted = {*extract.failed, *mojibake}
    if not extract.chars:
        wanted |= {page.number for page in extract.pages}
    if not wanted:
        return
    try:
        other = _guarded(lambda: _pypdf_extract(data, name, deadline, frozenset(wanted)))
    except DocumentError:
        if not extract.chars:
            raise
        return
    if other is None:
        return
    found = {
        page.number: page
        for page in other.pages
        if page.lines and not (page.number in mojibake and other.garbled(page))
    }
    kept = {page.number: page for page in extract.pages} | found
    extract.pages = [kept[number] for number in sorted(kept)]
    extract.chars += sum(page.chars for page in found.values())
    extract.failed = [number for number in extract.failed if number not in found]
    extract.scans = [number for number in extract.scans if number not in found]
    for number in found:
        extract.unmapped[number] = other.unmapped[number]


# -- pdfium -----------------------------------------------------------------------------------


def _pdfium_extract(data: bytes, deadline: float) -> _Extract:
    import pypdfium2 as pdfium

    pdf = pdfium.PdfDocument(data)
    try:
        extract = _Extract(total=len(pdf), metadata=metadata(pdf))
        for index in range(extract.total):
            if index >= MAX_PAGES or extract.chars > MAX_CHARS or time.perf_counter() > deadline:
                extract.stopped = True
                break
            try:
                page, extract.unmapped[index + 1], scanned = read_page(pdf, index)
                extract.add(page)
                extract.scans += [index + 1] * scanned
            except pdfium.PdfiumError:
                extract.failed.append(index + 1)
        extract.outline = outline(pdf)
        return extract
    finally:
        pdf.close()


# -- pypdf ------------------------------------------------------------------------------------


def _pypdf_extract(
    data: bytes, name: str, deadline: float, only: frozenset[int] | None = None
) -> _Extract:
    """The text by pypdf: in content order, without geometry."""
    from pypdf.errors import LimitReachedError

    reader = opened(data)
    if reader is None:
        raise _password(name)
    extract = _Extract(total=len(reader.pages))
    limited = False
    for index in range(extract.total):
        if index >= MAX_PAGES or time.perf_counter() > deadline:
            extract.stopped = True
            break
        if only is not None and index + 1 not in only:
            continue
        try:
            page = reader.pages[index]
            repair_fonts(page)
            text = page.extract_text()
            extract.unmapped[index + 1] = sum(
                unmapped(ord(char)) for char in text if char not in "\r\n\f"
            )
            extract.add(plain_page(index + 1, text))
        except _broken() as error:
            limited = limited or isinstance(error, LimitReachedError)
            extract.failed.append(index + 1)
    if limited and not extract.chars:
        raise DocumentError(
            "limit",
            f"{name} unpacks to more than a page can hold — print it to a new PDF, or take another"
            " version.",
        )
    return extract


def plain_page(number: int, text: str) -> Page:
    """A page from text alone: lines get an invented geometry, one column of 12-point rows."""
    rows = [row for row in text.replace("\r", "\n").split("\n") if row.strip()]
    height = 12.0 * (len(rows) + 8)
    lines = [
        Line(row, number, 72.0, 72.0 + 5.0 * len(row.rstrip()), height - 12.0 * (i + 4), 10.0)
        for i, row in enumerate(rows)
    ]
    return Page(number, height, tuple(lines))
