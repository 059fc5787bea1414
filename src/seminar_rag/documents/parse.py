"""Files → ParsedDocument, in a guarded worker process. Knows nothing of readings or of the index.

The kind of a file is decided by its content. PDF and DOCX are read by worker processes with limits
on time and memory; a worker that crashes, hangs or outgrows its limit costs one document, never
the caller.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from seminar_rag.documents.ocr import INSTALL
from seminar_rag.documents.pdf_clean import Page
from seminar_rag.documents.scans import Recogniser, Told, recogniser
from seminar_rag.errors import DocumentError, Failure
from seminar_rag.guard import confined_pool
from seminar_rag.types import ParsedDocument

FileKind = Literal["pdf", "html", "markdown", "text", "other"]

MAX_BYTES = 256 << 20
"""Larger files are refused unread."""
_TASKS = 64
"""Documents after which a worker is replaced, so that leaks do not add up."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a worker has no text. Exceptions with several arguments do not survive pickling."""

    failure: Failure
    message: str
    scans: tuple[int, ...] = ()
    """Pages that are images, where no page has text."""


class Parser:
    """Reads documents in worker processes.

    Args:
        timeout: seconds for one document, all attempts together.
        memory: bytes of address space (Linux) or resident memory (elsewhere) of a worker.
        workers: documents that are read at the same time.
        ocr: reads scanned pages; "auto" does where the extra is installed, None leaves them.

    Use as a context manager, from any thread. Workers start with the first PDF or DOCX.
    """

    def __init__(
        self,
        timeout: float = 20.0,
        memory: int = 1 << 30,
        workers: int = 1,
        ocr: Recogniser | Literal["auto"] | None = "auto",
    ) -> None:
        self._ocr = recogniser() if ocr == "auto" else ocr
        self.timeout = timeout
        self.memory = memory
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="parser")
        self._pool: Any = None
        self._closed = False
        self._running: set[Future[ParsedDocument | Refusal]] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Parser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; documents that are still waiting are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            running = set(self._running)
        for task in running:
            task.cancel()
        if self._ocr is not None:
            self._ocr.close()
        if pool is not None:
            pool.stop()
            pool.join()
        self._threads.shutdown(wait=True)

    def submit(self, path: Path, told: Told | None = None) -> Future[ParsedDocument]:
        """Begin to read a file; `result()` returns or raises what `parse` does."""
        return self._threads.submit(self.parse, path, told)

    def parse(self, path: Path, told: Told | None = None) -> ParsedDocument:
        """Read a file.

        Args:
            told: is told how many scanned pages were read by OCR and of how many, in the thread
                that reads.

        Raises:
            DocumentError: the file yields no text. `failure` is no_text, password, corrupt, limit
                (too large, too slow or too hungry) or unreadable (missing, no permission, or a
                kind of file that is not read); the message names the file and the mend.
        """
        data = _head(path)
        kind = sniff(data, path.suffix)
        if kind == "pdf":
            return self._parse_pdf(path, told)
        return read_text(path, kind)

    def _parse_pdf(self, path: Path, told: Told | None) -> ParsedDocument:
        """With pdfium, and where that kills the worker, with pypdf in the time that is left."""
        started = time.monotonic()
        outcome = self._run(path, "pdfium", self.timeout)
        left = self.timeout - (time.monotonic() - started)
        if outcome is None and left > 0.1 * self.timeout:
            outcome = self._run(path, "pypdf", left)
        elif outcome is not None and outcome.scans and self._ocr is not None:
            pages = self._ocr.pages(path, outcome.scans, told)
            outcome = self._recognised(path, outcome, pages)
        document = self._read(path, outcome)
        if document.scans:
            notes = (*document.notes, _unread(document.scans, self._ocr))
            partial = document.partial or self._ocr is not None
            return replace(document, partial=partial, notes=notes)
        return document

    def parse_docx(self, path: Path) -> ParsedDocument:
        """Read a DOCX, which `parse` refuses: no course lists one. Raises as `parse` does."""
        _head(path)
        return self._read(path, self._run(path, "docx", self.timeout))

    def _read(self, path: Path, outcome: ParsedDocument | Refusal | None) -> ParsedDocument:
        """The document, or why there is none."""
        if outcome is None:
            raise DocumentError(
                "limit",
                f"{path.name} takes more memory or time than one document may"
                f" ({self.memory >> 20} MiB, {self.timeout:g} s) — print it to a new PDF, or take"
                " another version.",
            )
        if isinstance(outcome, Refusal):
            raise DocumentError(outcome.failure, outcome.message)
        return outcome

    def _recognised(
        self, path: Path, outcome: ParsedDocument | Refusal, pages: Mapping[int, Page]
    ) -> ParsedDocument | Refusal | None:
        """The document with its scanned pages as they were read."""
        again: ParsedDocument | Refusal | None = outcome
        if any(page.lines for page in pages.values()):
            again = self._run(path, "pdfium", self.timeout, pages)
        if isinstance(outcome, ParsedDocument):
            return again if isinstance(again, ParsedDocument) else outcome
        if self._closed or not (isinstance(again, Refusal) and again.scans):
            return again
        found = "finds no words in them" if pages else "could not read them"
        message = f"{path.name} holds only images of pages, and OCR {found} — ingest another"
        return Refusal("no_text", f"{message} version of it.")

    def _run(
        self,
        path: Path,
        engine: str,
        seconds: float,
        pages: Mapping[int, Page] | None = None,
    ) -> ParsedDocument | Refusal | None:
        """One attempt in a worker; None when the worker died or hung.

        A pool that broke (its workers died without a task) is replaced once.
        """
        for _ in range(2):
            with self._lock:
                if self._closed:
                    return _closed(path)
                pool = self._workers()
            try:
                return self._attempt(pool, (path, engine, seconds, dict(pages or {})))
            except RuntimeError:  # BrokenProcessPool is one; _work lets none of a file's through
                self._drop(pool)
        return Refusal(
            "unreadable",
            f"{path.name} was not read: no worker process starts — a script that calls this needs"
            ' its main part below `if __name__ == "__main__":`.',
        )

    def _attempt(
        self, pool: Any, task_of: tuple[Path, str, float, dict[int, Page]]
    ) -> ParsedDocument | Refusal | None:
        from pebble import ProcessExpired

        path, _, seconds, _ = task_of
        with self._lock:
            if self._closed:
                return _closed(path)
            task: Future[ParsedDocument | Refusal] = pool.schedule(
                _work, args=task_of, timeout=seconds
            )
            self._running.add(task)
        try:
            return task.result()
        except CancelledError:
            return _closed(path)
        except (ProcessExpired, FutureTimeoutError, MemoryError):
            return None
        finally:
            with self._lock:
                self._running.discard(task)

    def _drop(self, pool: Any) -> None:
        """Forget a broken pool, unless another thread has replaced it already."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        pool.stop()
        pool.join()

    def _workers(self) -> Any:
        """The pool, started when first needed. The caller holds the lock."""
        if self._pool is None:
            self._pool = confined_pool(self.workers, self.memory, _TASKS)
        return self._pool


def _closed(path: Path) -> Refusal:
    return Refusal("unreadable", f"{path.name} was not read: the parser is closed — run it again.")


def _unread(scans: Sequence[int], ocr: Recogniser | None) -> str:
    shown = ", ".join(map(str, scans[:10])) + (", …" if len(scans) > 10 else "")
    pages = f"Page{'s' if len(scans) > 1 else ''} {shown}"
    if ocr is None:
        return f"{pages} without text; if they are scans, install OCR with {INSTALL}."
    return f"{pages} could not be read by OCR."


def _head(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(
                "limit",
                f"{path.name} has {size >> 20} MiB, more than the {MAX_BYTES >> 20} that are read"
                " — split it, or take a smaller version.",
            )
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise DocumentError(
            "unreadable",
            f"{path.name} cannot be read ({error.strerror or error}) — check the path and its"
            " permissions.",
        ) from error
    if not head:
        raise DocumentError("corrupt", f"{path.name} is empty (0 bytes) — fetch it again.")
    return head


def sniff(head: bytes, suffix: str = "") -> FileKind:
    """The kind of a file from its first 64 KiB. The name only tells Markdown from plain text."""
    if b"%PDF-" in head[:1024]:
        return "pdf"
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--")):
        return "html" if b"<html" in head.lower() or b"<!doctype html" in head.lower() else "other"
    if b"%PDF-" in head or re.search(rb"(?m)^\d+ \d+ obj\b", head[:256]):
        return "pdf"
    if b"\0" in head:
        return "other"
    try:
        head[:-4].decode("utf-8") if len(head) > 4 else head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) - 8:
            return "other"
    return "markdown" if suffix.lower() in (".md", ".markdown", ".mdown") else "text"


def read_text(path: Path, kind: FileKind) -> ParsedDocument:
    """Read an HTML, Markdown or plain-text file.

    Raises:
        DocumentError: "no_text", "unreadable", or "corrupt" for a so-called PDF that is none.
    """
    from seminar_rag.syllabus.markup import html_blocks, html_title, markdown_blocks

    named_pdf = path.suffix.lower() == ".pdf"
    if named_pdf and kind != "html":
        raise DocumentError(
            "corrupt", f"{path.name} is not a PDF, whatever its name says — fetch it again."
        )
    if kind == "other":
        raise DocumentError(
            "unreadable",
            f"{path.name} is neither PDF, HTML, Markdown nor plain text — save it as one of these.",
        )
    text = path.read_bytes().decode("utf-8-sig", "replace").replace("\0", "")
    blocks = html_blocks(text) if kind == "html" else markdown_blocks(text)
    if not blocks:
        raise DocumentError("no_text", f"{path.name} holds no text — ingest another version of it.")
    first = next((block.text for block in blocks if block.kind == "heading"), None)
    return ParsedDocument(
        title=(html_title(text) if kind == "html" else None) or first,
        blocks=blocks,
        notes=("The file is a web page, not a PDF.",) if named_pdf else (),
    )


# -- inside the worker ------------------------------------------------------------------------


def _work(
    path: Path,
    engine: Literal["pdfium", "pypdf", "docx"],
    seconds: float,
    recognised: Mapping[int, Page],
) -> ParsedDocument | Refusal:
    from seminar_rag.documents.docx import read_docx
    from seminar_rag.documents.pdf import ScannedError, read_pdf

    try:
        if engine == "docx":
            return read_docx(path.read_bytes(), path.name)
        return read_pdf(path.read_bytes(), path.name, seconds, engine, recognised)
    except ScannedError as error:
        return Refusal(error.failure, str(error), error.scans)
    except DocumentError as error:
        return Refusal(error.failure, str(error))
    except MemoryError:
        return Refusal(
            "limit",
            f"{path.name} takes more memory than one document may — print it to a new PDF, or take"
            " another version.",
        )
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        return Refusal(
            "corrupt",
            f"{path.name} is damaged ({type(error).__name__} while reading it) — fetch it again, or"
            " print it to a new PDF.",
        )
