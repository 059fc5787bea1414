"""Cuts a text of unknown origin into claims in a worker process with limits of time and memory.

A pattern or a parser that a text makes slow holds the whole interpreter while it runs, and with it
every page that the server answers. In a process of its own it ends with that process.
"""

from __future__ import annotations

from collections.abc import Callable

from seminar_rag.check.claims import Extract, extract
from seminar_rag.errors import SourceError
from seminar_rag.guard import WorkerError, WorkerPool

SECONDS = 60.0
"""For a text of any length, the start of its process included; as many again for every `PAGES`
characters."""
PAGES = 200_000
MEMORY = 2 << 30
"""Bytes of address space; a text of `PAGES` characters needs a tenth of it."""
_TEXTS = 100
"""Texts after which the process is replaced."""


class ConfinedExtract:
    """`extract` in a worker process, which starts with the first text and waits for the next."""

    def __init__(self, work: Callable[[str], Extract | None] | None = None) -> None:
        """Args:
        work: what the process does, for tests.
        """
        self._work = work or _extract
        self._pool = WorkerPool(1, MEMORY, _TEXTS)

    def __call__(self, text: str) -> Extract:
        """The claims of a text.

        Raises:
            SourceError: the text cannot be cut within the limits, or the course was closed.
        """
        seconds = SECONDS * (1 + len(text) / PAGES)
        try:
            found = self._pool.run(seconds, self._work, text)
        except WorkerError as error:
            raise SourceError(_SAYS[error.reason].format(seconds=seconds)) from error
        if found is None:
            raise SourceError(_SAYS["failed"])
        return found

    def close(self) -> None:
        """Stop the process; a text that it is reading is given up."""
        self._pool.close()


_SAYS = {
    "limit": (
        "the text could not be cut into statements within {seconds:.0f} seconds — check it in"
        " parts, or leave out what is no prose"
    ),
    "closed": "the server is stopping — check the text again later",
    "unavailable": "no process can be started to read the text — close other programs, try again",
    "failed": "the text could not be cut into statements — check it in parts",
}


def _extract(text: str) -> Extract | None:
    """The claims; None where the text makes the reader fail, which no exception may tell."""
    try:
        return extract(text)
    except Exception:  # noqa: BLE001 - not every exception survives the way between processes
        return None
