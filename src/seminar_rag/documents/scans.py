"""Scanned pages, read one by one in a worker process with limits of its own.

A page that hangs, crashes the worker or outgrows its memory costs that page only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any

from seminar_rag.documents.ocr import MEMORY, MOST_PAGES, PAGE_SECONDS, available, recognise
from seminar_rag.documents.pdf_clean import Page
from seminar_rag.guard import confined_pool

DOCUMENT_SECONDS = 1800.0
"""For one document; no further page is begun after it."""
_GIVE_UP = 3
"""Pages failing one after another, after which the rest is given up."""
_REMEMBERED = 8
"""Documents whose pages are kept, since a file may be read for its title and then for its text."""

Told = Callable[[int, int], None]
"""Called with how many scanned pages of a file are done, and how many there are."""


class Recogniser:
    """Reads scanned pages, from any thread.

    Args:
        page: reads one page; runs in the worker.
        page_seconds, memory: limits of one page.
    """

    def __init__(
        self,
        page: Callable[[Path, int], Page] = recognise,
        page_seconds: float = PAGE_SECONDS,
        memory: int = MEMORY,
    ) -> None:
        self._page = page
        self._page_seconds = page_seconds
        self._memory = memory
        self._pool: Any = None
        self._closed = False
        self._running: set[Future[Page | None]] = set()
        self._known: dict[tuple[Path, int, float], dict[int, Page]] = {}
        self._lock = threading.Lock()

    def pages(
        self, path: Path, numbers: Sequence[int], told: Told | None = None
    ) -> dict[int, Page]:
        """What the pages say, by number; a page that could not be read is missing.

        Args:
            told: is told the progress, in this thread.
        """
        status = path.stat()
        key = (path, status.st_size, status.st_mtime)
        with self._lock:
            if key in self._known:
                return self._known[key]
        found: dict[int, Page] = {}
        until, failed = time.monotonic() + DOCUMENT_SECONDS, 0
        wanted = numbers[:MOST_PAGES]
        for done, number in enumerate(wanted):
            if self._closed or failed == _GIVE_UP or time.monotonic() > until:
                break
            if told is not None:
                told(done, len(wanted))
            page = self._one(path, number)
            failed = failed + 1 if page is None else 0
            if page is not None:
                found[number] = page
        with self._lock:
            if not self._closed:
                self._known[key] = found
                while len(self._known) > _REMEMBERED:
                    del self._known[next(iter(self._known))]
        return found

    def close(self) -> None:
        """Stop the worker; pages that are being read are given up."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            running = set(self._running)
        for task in running:
            task.cancel()
        if pool is not None:
            pool.stop()
            pool.join()

    def _one(self, path: Path, number: int) -> Page | None:
        from pebble import ProcessExpired

        try:
            with self._lock:
                if self._closed:
                    return None
                task: Future[Page | None] = self._workers().schedule(
                    _work, args=(self._page, path, number), timeout=self._page_seconds
                )
                self._running.add(task)
        except RuntimeError:  # no worker process starts
            return None
        try:
            return task.result()
        except (CancelledError, ProcessExpired, FutureTimeoutError, MemoryError, RuntimeError):
            return None
        finally:
            with self._lock:
                self._running.discard(task)

    def _workers(self) -> Any:
        """The pool, started when first needed. The caller holds the lock."""
        if self._pool is None or not self._pool.active:
            self._pool = confined_pool(1, self._memory)
        return self._pool


def recogniser() -> Recogniser | None:
    """A recogniser where the extra is installed."""
    return Recogniser() if available() else None


def _work(page: Callable[[Path, int], Page], path: Path, number: int) -> Page | None:
    try:
        return page(path, number)
    except Exception:  # noqa: BLE001 - a hostile image may make the libraries raise anything
        return None
