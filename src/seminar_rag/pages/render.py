"""Pages as pictures, drawn on demand by guarded worker processes and cached on disk.

A file that crashes, hangs or bloats pdfium costs one worker and one answer, never the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any, TypeVar

from seminar_rag.errors import DocumentError
from seminar_rag.guard import confined_pool
from seminar_rag.pages.sheet import Quote, Sheets, draw, look

WIDTHS = (800, 1200, 1600, 2400)
"""Pixels that a page is drawn wide; few, so that the cache serves many."""
CACHE_BYTES = 256 << 20
_TASKS = 500
"""Pages after which a worker is replaced, so that leaks do not add up."""

_T = TypeVar("_T")


class Renderer:
    """Draws pages of files that never change under their name. Safe to call from any thread.

    Workers start with the first page.
    """

    def __init__(
        self,
        cache: Path,
        timeout: float = 10.0,
        memory: int = 1 << 30,
        workers: int = 2,
        limit: int = CACHE_BYTES,
    ) -> None:
        """Args:
        cache: folder of drawn pages, made when needed.
        timeout: seconds for one page.
        memory: bytes of address space (Linux) or resident memory (elsewhere) of a worker.
        limit: bytes that the cache may take.
        """
        self.timeout = timeout
        self.memory = memory
        self.workers = workers
        self._cache = _Cache(cache, limit)
        self._pool: Any = None
        self._closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop the workers."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()

    def page(self, path: Path, number: int, width: int) -> bytes:
        """Page `number` (from 1) as JPEG, at least `width` pixels wide up to the largest of
        `WIDTHS`.

        Raises:
            DocumentError: there is no such page ("unreadable"), it cannot be drawn ("corrupt"), or
                not within the limits ("limit").
        """
        wide = next((one for one in WIDTHS if one >= width), WIDTHS[-1])
        name = hashlib.sha256(f"{path.name}\0{number}\0{wide}".encode()).hexdigest()
        known = self._cache.get(name)
        if known is not None:
            return known
        picture: bytes | None = self._run(_draw, path, number, wide)
        if picture is None:
            raise DocumentError("unreadable", f"There is no page {number}.")
        self._cache.put(name, picture)
        return picture

    def look(self, path: Path, quotes: Sequence[Quote]) -> Sheets:
        """The sizes of a file's pages, and where the quotes stand.

        Raises:
            DocumentError: as for `page`.
        """
        found: Sheets = self._run(_look, path, tuple(quotes))
        return found

    def _run(self, work: Callable[..., _T | str | None], *args: Any) -> Any:
        """In a worker; a pool that broke (its workers died without a task) is replaced once."""
        for _ in range(2):
            pool = self._workers()
            try:
                outcome = self._attempt(pool, work, args)
            except RuntimeError:  # BrokenProcessPool is one; the workers' own are told as text
                self._drop(pool)
                continue
            if isinstance(outcome, str):
                raise DocumentError("corrupt", outcome)
            return outcome
        raise DocumentError("limit", "Pages cannot be drawn: no worker process starts.")

    def _attempt(self, pool: Any, work: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        from pebble import ProcessExpired

        try:
            return pool.schedule(work, args=args, timeout=self.timeout).result()
        except (ProcessExpired, FutureTimeoutError, MemoryError) as error:
            raise DocumentError(
                "limit", "This page takes more time or memory to draw than it may."
            ) from error

    def _drop(self, pool: Any) -> None:
        """Forget a broken pool, unless another thread has replaced it already."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        pool.stop()
        pool.join()

    def _workers(self) -> Any:
        with self._lock:
            if self._closed:
                raise DocumentError("limit", "Pages are no longer drawn: the course is closed.")
            if self._pool is None:
                self._pool = confined_pool(self.workers, self.memory, _TASKS)
            return self._pool


class _Cache:
    """Files by name, at most `limit` bytes together; those that were not read longest go first."""

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
            handle, part = tempfile.mkstemp(dir=self._folder, prefix=".part-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(part, self._folder / name)
            finally:
                Path(part).unlink(missing_ok=True)
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


# -- inside the worker ------------------------------------------------------------------------


def _draw(path: Path, number: int, width: int) -> bytes | str | None:
    return _told(draw, path, number, width)


def _look(path: Path, quotes: tuple[Quote, ...]) -> Sheets | str | None:
    return _told(look, path, quotes)


def _told(work: Callable[..., _T], *args: Any) -> _T | str:
    """What `work` gives; or in words, what it raised. Exceptions do not all survive pickling."""
    try:
        return work(*args)
    except MemoryError:
        return "This page takes more memory to draw than it may."
    except OSError:
        return "This page cannot be drawn: its file cannot be read."
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        return f"This page cannot be drawn: its file is damaged ({type(error).__name__})."
