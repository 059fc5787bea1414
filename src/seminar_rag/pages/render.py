"""Pages as pictures, drawn on demand by guarded worker processes and cached on disk.

A file that crashes, hangs or bloats pdfium costs one worker and one answer, never the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from seminar_rag.errors import DocumentError
from seminar_rag.files import write
from seminar_rag.guard import WorkerError, WorkerPool
from seminar_rag.pages.sheet import Quote, Sheets, draw, lines, look
from seminar_rag.types.reading import Box

WIDTHS = (800, 1200, 1600, 2400)
"""Pixels that a page is drawn wide; few, so that the cache serves many."""
CACHE_BYTES = 256 << 20
WORKERS, MEMORY = 2, 1 << 30
_TASKS = 500
"""Pages after which a worker is replaced."""
_UNDRAWN = {
    "limit": "This page takes more time or memory to draw than it may.",
    "closed": "Pages are no longer drawn: the course is closed.",
    "unavailable": "Pages cannot be drawn: no worker process starts.",
}

_T = TypeVar("_T")


def workers(number: int = WORKERS, memory: int = MEMORY) -> WorkerPool:
    """Workers that draw, for several courses. They start with the first page."""
    return WorkerPool(number, memory, _TASKS)


class Renderer:
    """Draws pages of files that never change under their name. Safe to call from any thread."""

    def __init__(
        self, cache: Path, pool: WorkerPool, timeout: float = 10.0, limit: int = CACHE_BYTES
    ) -> None:
        """Args:
        cache: folder of drawn pages, made when needed.
        pool: the workers; who made them closes them.
        """
        self.timeout = timeout
        self._cache = _Cache(cache, limit)
        self._pool = pool

    def page(self, path: Path, number: int, width: int) -> bytes:
        """Page `number` (from 1) as JPEG, at least `width` pixels wide up to the largest of
        `WIDTHS`. Raises DocumentError: there is no such page ("unreadable"), it cannot be drawn
        ("corrupt"), or not within the limits ("limit")."""
        wide = next((one for one in WIDTHS if one >= width), WIDTHS[-1])
        name = hashlib.sha256(f"{path.name}\0{number}\0{wide}".encode()).hexdigest()
        known = self._cache.get(name)
        if known is not None:
            return known
        picture = self._run(draw, path, number, wide)
        if picture is None:
            raise DocumentError("unreadable", f"There is no page {number}.")
        self._cache.put(name, picture)
        return picture

    def lines(self, path: Path, number: int) -> tuple[tuple[str, Box], ...]:
        """The lines of text of page `number` (from 1), each with its box. Raises DocumentError: as
        for `page`."""
        found = self._run(lines, path, number)
        if found is None:
            raise DocumentError("unreadable", f"There is no page {number}.")
        return found

    def look(self, path: Path, quotes: Sequence[Quote]) -> Sheets:
        """The sizes of a file's pages, and where the quotes stand. Raises DocumentError: as for
        `page`."""
        return self._run(look, path, tuple(quotes))

    def _run(self, work: Callable[..., _T], *args: Any) -> _T:
        try:
            outcome: _T | _Failed = self._pool.run(self.timeout, _in_worker, work, *args)
        except WorkerError as error:
            raise DocumentError("limit", _UNDRAWN[error.reason]) from error
        if isinstance(outcome, _Failed):
            raise DocumentError("corrupt", outcome.message)
        return outcome


class _Cache:
    """Files by name, at most `limit` bytes together; the least recently read go first."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._size: int | None = None

    def get(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep it if that can be done; a full disk only makes pages slower."""
        with contextlib.suppress(OSError), self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._size is None:
                self._size = sum(entry.stat().st_size for entry in os.scandir(self._folder))
            write(self._folder / name, content)
            self._size += len(content)
            if self._size > self._limit:
                self._shrink()

    def _shrink(self) -> None:
        """Down to four fifths, so that it need not be done again at once."""
        entries = [(entry.stat(), entry.path) for entry in os.scandir(self._folder)]
        size = sum(stat.st_size for stat, _ in entries)
        for stat, path in sorted(entries, key=lambda pair: pair[0].st_mtime_ns):
            if size <= 0.8 * self._limit:
                break
            Path(path).unlink(missing_ok=True)
            size -= stat.st_size
        self._size = size


@dataclass(frozen=True, slots=True)
class _Failed:
    """An exception of the worker in words, since not every exception survives pickling."""

    message: str


def _in_worker(work: Callable[..., _T], *args: Any) -> _T | _Failed:
    """Runs in the worker: call `work` and never raise."""
    try:
        return work(*args)
    except MemoryError:
        return _Failed("This page takes more memory to draw than it may.")
    except OSError:
        return _Failed("This page cannot be drawn: its file cannot be read.")
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        return _Failed(f"This page cannot be drawn: its file is damaged ({type(error).__name__}).")
