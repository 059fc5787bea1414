"""Pages that are images → lines of text, by RapidOCR: PP-OCR models, run by ONNX Runtime.

An optional extra. The models come in the package, so that nothing is downloaded. Each page is read
in a worker process with limits of its own: one that hangs, crashes the worker or outgrows its
memory costs that page only.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from seminar_rag.documents.pdf_clean import Line, Page
from seminar_rag.documents.pdf_order import by_place
from seminar_rag.guard import WorkerError, WorkerPool

EXTRA = "seminar-rag[ocr]"
"""What is to be installed. Messages name it, and where one was stored, the file is tried again."""
INSTALL = f"`make ocr` (the extra {EXTRA})"
MEMORY = 3 << 30
"""Bytes of address space of a worker; a page takes about 2 GiB of it."""
PAGE_SECONDS = 90.0
"""For one page; loading the models is part of a worker's first."""
DOCUMENT_SECONDS = 1800.0
"""For one document; no further page is begun after it."""
MAX_PAGES = 300
"""Pages that are read of one document."""
_MAX_FAILURES = 3
"""Pages failing one after another, after which the rest is given up."""
_CACHED = 8
"""Documents whose pages are kept, since a file may be read for its title and then for its text."""
_DPI = 200
_MAX_SIDE = 3000
"""Longest side of a page's image in pixels."""
_MIN_CONFIDENCE = 0.5
"""Below it a line is left out: what remains then is mostly drawings."""

PageProgress = Callable[[int, int], None]
"""Called with how many scanned pages of a file are done, and how many there are."""


class Recogniser:
    """Reads scanned pages, from any thread."""

    def __init__(
        self, page: Callable[[Path, int], Page] | None = None, page_seconds: float = PAGE_SECONDS
    ) -> None:
        """`page` reads one page in the worker, within `page_seconds`."""
        self._page = page or recognise
        self._page_seconds = page_seconds
        self._pool = WorkerPool(1, MEMORY)
        self._cache: dict[tuple[Path, int, float], dict[int, Page]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop the worker; a page that is being read is given up."""
        self._pool.close()

    def pages(
        self, path: Path, numbers: Sequence[int], progress: PageProgress | None = None
    ) -> dict[int, Page]:
        """Read pages of a PDF, by number; a page that could not be read is missing. `progress` is
        called before each page, in this thread."""
        status = path.stat()
        key = (path, status.st_size, status.st_mtime)
        with self._lock:
            if key in self._cache:
                return self._cache[key]
        found: dict[int, Page] = {}
        until, failures = time.monotonic() + DOCUMENT_SECONDS, 0
        wanted = numbers[:MAX_PAGES]
        for done, number in enumerate(wanted):
            if self._pool.closed or failures == _MAX_FAILURES or time.monotonic() > until:
                break
            if progress is not None:
                progress(done, len(wanted))
            page = self._read(path, number)
            failures = failures + 1 if page is None else 0
            if page is not None:
                found[number] = page
        with self._lock:
            if not self._pool.closed:
                self._cache[key] = found
                while len(self._cache) > _CACHED:
                    del self._cache[next(iter(self._cache))]
        return found

    def _read(self, path: Path, number: int) -> Page | None:
        try:
            return self._pool.run(self._page_seconds, _read, self._page, path, number)
        except WorkerError:
            return None


def recogniser() -> Recogniser | None:
    """A recogniser where the extra is installed."""
    return Recogniser() if available() else None


def _read(page: Callable[[Path, int], Page], path: Path, number: int) -> Page | None:
    """Runs in the worker: read a page and never raise."""
    try:
        return page(path, number)
    except Exception:  # noqa: BLE001 - a hostile image may make the libraries raise anything
        return None


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def recognise(path: Path, number: int) -> Page:
    """Read a page of a PDF, by its number from 1, from its image. Raises PdfiumError."""
    import pypdfium2 as pdfium

    pdf = pdfium.PdfDocument(path)
    try:
        page = pdf[number - 1]
        width, height = page.get_size()
        scale = min(_DPI / 72, _MAX_SIDE / max(width, height, 1.0))
        image = page.render(scale=scale).to_numpy()
    finally:
        pdf.close()
    found = _engine()(image)
    if found.boxes is None or found.txts is None:
        return Page(number, height, ())
    lines = [
        _line(text, [(x / scale, height - y / scale) for x, y in box], number)
        for box, text, score in zip(found.boxes.tolist(), found.txts, found.scores, strict=True)
        if text.strip() and score >= _MIN_CONFIDENCE
    ]
    return Page(number, height, tuple(by_place(lines)))


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 2,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _line(text: str, corners: Sequence[tuple[float, float]], number: int) -> Line:
    """A line from its box: the box is about a third higher than the type."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    tall = max(ys) - min(ys)
    return Line(text, number, min(xs), max(xs), min(ys) + 0.2 * tall, round(tall / 1.35, 1))
