"""Files → ParsedDocument, or a text to check, in guarded worker processes. Knows no readings.

The kind of a file is decided by its content. All but short texts are read by worker processes with
limits on time and memory: a file that crashes, hangs or bloats a worker costs one document, never
the caller.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from seminar_rag.documents.forms import is_form, read_form, read_text, why_not
from seminar_rag.documents.ocr import INSTALL, PageProgress, Recogniser, recogniser
from seminar_rag.documents.pdf import Engine, ScannedError, page_list, read_pdf
from seminar_rag.documents.pdf_clean import Page
from seminar_rag.errors import DocumentError, Failure, SourceError
from seminar_rag.guard import MAX_FILE_BYTES, WorkerError, WorkerPool
from seminar_rag.text import decoded
from seminar_rag.types import Block, ParsedDocument

FileKind = Literal["pdf", "html", "markdown", "text", "form", "other"]
Reader = Callable[[bytes, str], ParsedDocument]
"""Content and name of a file → its text; runs in a worker, so it must be importable there."""

_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text of an old code page has."""
_SMALL = 1 << 20
"""Bytes of text, Markdown or HTML that are read without a worker."""
_MEMORY = 1 << 30
"""Bytes that a worker may use; see `WorkerPool`."""
_TASKS = 64
"""Documents after which a worker is replaced."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a worker has no text: a DocumentError as a value, since it does not survive pickling."""

    failure: Failure
    message: str
    scans: tuple[int, ...] = ()
    """Pages that are images, where no page has text."""


_Outcome = ParsedDocument | _Failed


class Parser:
    """Reads documents in worker processes. Use it as a context manager, from any thread. Workers
    start with the first PDF."""

    def __init__(
        self,
        timeout: float = 20.0,
        ocr: Recogniser | Literal["auto"] | None = "auto",
        *,
        references: bool = False,
    ) -> None:
        """Args:
        timeout: seconds for one document, all attempts together.
        ocr: reads scanned pages; "auto" reads them where the extra is installed, None leaves them.
        references: lists of references are kept, which are no text of a reading.
        """
        self._references = references
        self._ocr = recogniser() if ocr == "auto" else ocr
        self.timeout = timeout
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="parser")
        self._pool = WorkerPool(1, _MEMORY, _TASKS)

    def __enter__(self) -> Parser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; documents that are still waiting are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()  # first, so that what OCR has read so far is not read on with
        if self._ocr is not None:
            self._ocr.close()
        self._threads.shutdown(wait=True)

    def submit(self, path: Path, progress: PageProgress | None = None) -> Future[ParsedDocument]:
        """Begin to read a file; `result()` returns or raises what `parse` does."""
        return self._threads.submit(self.parse, path, progress)

    def parse(self, path: Path, progress: PageProgress | None = None) -> ParsedDocument:
        """Read a file.

        Args:
            progress: called before each scanned page, in the thread that reads.

        Raises:
            DocumentError: the file yields no text. `failure` is no_text, password, corrupt, limit
                (too large, too slow or too hungry) or unreadable (missing, no permission, or a
                kind of file that is not read); the message names the file and the remedy.
        """
        head = _head(path)
        kind = sniff(head, path.suffix)
        if kind == "pdf":
            return self._parse_pdf(path, progress)
        named_pdf = path.suffix.lower() == ".pdf"
        if named_pdf and kind != "html":
            message = f"{path.name} is not a PDF, whatever its name says — fetch it again."
            raise DocumentError("corrupt", message)
        if kind == "other":
            raise why_not(head, path.name)
        if kind == "form":
            return self.parse_with(partial(read_form, seconds=0.9 * self.timeout), path)
        reader = partial(read_text, kind=kind)
        small = path.stat().st_size < _SMALL
        found = reader(path.read_bytes(), path.name) if small else self.parse_with(reader, path)
        note = ("The file is a web page, not a PDF.",) if named_pdf else ()
        return replace(found, notes=(*found.notes, *note))

    def parse_with(self, reader: Reader, path: Path) -> ParsedDocument:
        """Read a file of another kind in a worker. Raises as `parse` does."""
        _head(path)
        return self._checked(path, self._run(path, reader, self.timeout))

    def _parse_pdf(self, path: Path, progress: PageProgress | None) -> ParsedDocument:
        """With pdfium, and where that kills the worker, with pypdf in the time that is left."""
        started = time.monotonic()
        outcome = self._read_pdf(path, "pdfium", self.timeout)
        left = self.timeout - (time.monotonic() - started)
        if outcome is None and left > 0.1 * self.timeout:
            outcome = self._read_pdf(path, "pypdf", left)
        elif outcome is not None and outcome.scans and self._ocr is not None:
            pages = self._ocr.pages(path, outcome.scans, progress)
            outcome = self._recognised(path, outcome, pages)
        document = self._checked(path, outcome)
        if not document.scans:
            return document
        note = _unread(document.scans, self._ocr)
        incomplete = document.partial or self._ocr is not None
        return replace(document, partial=incomplete, notes=(*document.notes, note))

    def _recognised(
        self, path: Path, outcome: _Outcome, pages: Mapping[int, Page]
    ) -> _Outcome | None:
        """The document again, with the text of its scanned pages."""
        again: _Outcome | None = outcome
        if any(page.lines for page in pages.values()):
            again = self._read_pdf(path, "pdfium", self.timeout, pages)
        if isinstance(outcome, ParsedDocument):
            return again if isinstance(again, ParsedDocument) else outcome
        if self._pool.closed or not (isinstance(again, _Failed) and again.scans):
            return again
        found = "finds no words in them" if pages else "could not read them"
        message = f"{path.name} holds only images of pages, and OCR {found} — ingest another"
        return _Failed("no_text", f"{message} version of it.")

    def _read_pdf(
        self, path: Path, engine: Engine, seconds: float, pages: Mapping[int, Page] | None = None
    ) -> _Outcome | None:
        reader = partial(
            read_pdf,
            seconds=seconds,
            engine=engine,
            recognised=dict(pages or {}),
            references=self._references,
        )
        return self._run(path, reader, seconds)

    def _run(self, path: Path, reader: Reader, seconds: float) -> _Outcome | None:
        """What the reader makes of the file; None when its worker died or hung."""
        try:
            return self._pool.run(seconds, _read, reader, path)
        except WorkerError as error:
            if error.reason == "limit":
                return None
            why = (
                "the parser is closed — run it again."
                if error.reason == "closed"
                else "no worker process starts — free some memory and run it again."
            )
            return _Failed("unreadable", f"{path.name} was not read: {why}")

    def _checked(self, path: Path, outcome: _Outcome | None) -> ParsedDocument:
        """The document, or the error that says why there is none."""
        if outcome is None:
            raise DocumentError(
                "limit",
                f"{path.name} takes more memory or time than one document may"
                f" ({_MEMORY >> 20} MiB, {self.timeout:g} s) — print it to a new PDF, or take"
                " another version.",
            )
        if isinstance(outcome, _Failed):
            raise DocumentError(outcome.failure, outcome.message)
        return outcome


def _unread(scans: Sequence[int], ocr: Recogniser | None) -> str:
    if ocr is None:
        return f"{page_list(scans)} without text; if they are scans, install OCR with {INSTALL}."
    return f"{page_list(scans)} could not be read by OCR."


def _head(path: Path) -> bytes:
    """The first 64 KiB of a file. Raises DocumentError where it is missing, huge or empty."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DocumentError(
                "limit",
                f"{path.name} has {size >> 20} MiB, more than the {MAX_FILE_BYTES >> 20} that are"
                " read — split it, or take a smaller version.",
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
    """The kind of a file from its first 64 KiB; `suffix` only tells forms of plain text apart."""
    if b"%PDF-" in head[:1024]:
        return "pdf"
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--")):
        return "html" if b"<html" in head.lower() or b"<!doctype html" in head.lower() else "other"
    if b"%PDF-" in head or re.search(rb"(?m)^\d+ \d+ obj\b", head[:256]):
        return "pdf"
    if start.startswith((b"<svg", b"%!ps")):
        return "other"
    if is_form(head, suffix):
        return "form"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    if b"\0" in head:
        return "other"
    try:
        head[:-4].decode("utf-8") if len(head) > 4 else head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head) - 8 and _CONTROL.search(head):
            return "other"
    return "markdown" if suffix.lower() in (".md", ".markdown", ".mdown") else "text"


def _read(reader: Reader, path: Path) -> _Outcome:
    """Runs in the worker: read a file and never raise."""
    try:
        return reader(path.read_bytes(), path.name)
    except DocumentError as error:
        scans = error.scans if isinstance(error, ScannedError) else ()
        return _Failed(error.failure, str(error), scans)
    except MemoryError:
        return _Failed(
            "limit",
            f"{path.name} takes more memory than one document may — print it to a new PDF, or take"
            " another version.",
        )
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        return _Failed(
            "corrupt",
            f"{path.name} is damaged ({type(error).__name__} while reading it) — fetch it again, or"
            " print it to a new PDF.",
        )


# --- a text to check -----------------------------------------------------------------------------

_LONGEST = 64 << 20
"""Bytes of such a file; a larger one is refused unread."""


def read_manuscript(path: Path) -> str:
    """Read a file as text to check. Raises SourceError where it is missing, must not be read or is
    too large, and DocumentError where it yields no text."""
    if path.exists() and not path.is_file():  # a pipe may never answer, a device never end
        raise SourceError(f"{path} is no regular file — save the text as one")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}) — check the path") from error
    if size > _LONGEST:
        raise SourceError(f"{path} has {size >> 20} MiB — check it in parts")
    if sniff(head, path.suffix) in ("markdown", "text") and path.suffix.lower() != ".pdf":
        return decoded(path.read_bytes())
    with Parser(references=True) as parser:
        return _markdown(parser.parse(path))


def text_of(content: bytes) -> str:
    """Read an uploaded file as text to check. Pages that are images stay unread.

    The file is on disk while it is read, and gone afterwards.

    Raises:
        DocumentError: it is of no form that is read, or yields no text; the message names no file.
    """
    with (
        TemporaryDirectory(prefix="seminar-rag-") as folder,
        Parser(ocr=None, references=True) as parser,
    ):
        path = Path(folder) / "The file"
        path.write_bytes(content)
        try:
            return _markdown(parser.parse(path))
        except DocumentError as error:
            if error.failure != "no_text":
                raise
            message = "The file holds no text, perhaps only images of pages — paste the text."
            raise DocumentError("no_text", message) from error


def _markdown(document: ParsedDocument) -> str:
    """So that headings, lists and tables are not taken for sentences."""
    return "\n\n".join(map(_block, document.blocks))


def _block(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * max(1, block.level)} {block.text}"
    if block.kind == "item":
        return f"- {block.text}"
    if block.kind == "code":
        return f"```\n{block.text}\n```"
    if block.kind == "table":
        return "\n".join(f"| {line.strip().strip('|')} |" for line in block.text.splitlines())
    return block.text
