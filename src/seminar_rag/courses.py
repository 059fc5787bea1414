"""Several courses in one folder, each in a sub-folder with its seminar.toml.

They share their models, and know nothing else of each other. What is put into the folder while it
is watched, or taken out of it, becomes a course or is one no longer.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Unpack

from seminar_rag.assembly import Given
from seminar_rag.config import FILE, load
from seminar_rag.course import Course
from seminar_rag.errors import ConfigError, SeminarError
from seminar_rag.models_in_use import Shared

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_State = tuple[tuple[str, int, int], ...]


class Changes(NamedTuple):
    """What `Courses.refresh` found."""

    opened: tuple[str, ...]
    """Names of courses that were not there before."""
    gone: tuple[tuple[str, Course], ...]
    """Courses that were there, to be closed by whoever serves them."""


class Courses:
    """The courses of a folder, by the names of their sub-folders."""

    def __init__(self, folder: Path, **given: Unpack[Given]) -> None:
        """Read what holds for all; `refresh` opens the courses.

        Args:
            given: parts in place of the configured ones, for all courses.

        Raises:
            ConfigError: there is no such folder, or its seminar.toml is unusable.
        """
        if not folder.is_dir():
            raise ConfigError(f"there is no folder {folder} — give one with a sub-folder a course")
        self.folder = folder
        self.config = load(folder)
        self.open: dict[str, Course] = {}
        self.broken: dict[str, str] = {}
        """Sub-folders that are no usable course, with the reason."""
        self._shared = Shared()
        self._given: Given = {"shared": self._shared, **given}
        self._numbers: dict[str, int] = {}
        self._settling: dict[str, _State] | None = None

    def refresh(self) -> Changes:
        """Look for courses that came or went. A folder counts once nothing in it has changed from
        one look to the next, so that none is opened while it is being copied; what is there at the
        first look counts at once."""
        there = self._there()
        gone = {name for name in self.open if there.get(name) != self._numbers[name]}
        closed = tuple((name, self.open.pop(name)) for name in sorted(gone))
        self.broken = {name: why for name, why in self.broken.items() if name in there}
        states = {name: _state(self.folder / name) for name in there if name not in self.open}
        settled = [
            name
            for name, state in states.items()
            if self._settling is None or self._settling.get(name) == state
        ]
        self._settling = states
        return Changes(tuple(name for name in settled if self._take(name, there[name])), closed)

    def renew(self, name: str) -> None:
        """Let a course that nobody uses forget what it has loaded. Raises nothing: where it cannot
        be opened again, it is one of the `broken`."""
        self.open.pop(name).close()
        self._take(name, self._numbers[name])

    def close(self) -> None:
        """Release the files of all, and stop the workers."""
        for course in self.open.values():
            course.close()
        self.open = {}
        self._shared.close()

    def _there(self) -> dict[str, int]:
        """The sub-folders with a seminar.toml, by name, each with the number of its inode."""
        try:
            subfolders = sorted(self.folder.iterdir())
        except OSError:  # a share that is away for a moment
            return {name: self._numbers[name] for name in self.open}
        found = {}
        for one in subfolders:
            with suppress(OSError):
                if not one.name.startswith(".") and (one / FILE).is_file():
                    found[one.name] = one.stat().st_ino
        return found

    def _take(self, name: str, number: int) -> bool:
        """Open a course; False, and the reason is noted, where it cannot be opened."""
        try:
            course = self._opened(name)
        except (SeminarError, OSError) as error:
            if self.broken.get(name) != str(error):
                log.warning("the course %s cannot be opened: %s", name, error)
            self.broken[name] = str(error)
            return False
        self.broken.pop(name, None)
        self.open[name], self._numbers[name] = course, number
        return True

    def _opened(self, name: str) -> Course:
        """Raises ConfigError or StoreError."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"the folder {name!r} cannot be part of an address — rename it with letters,"
                " digits, hyphens, underscores and dots"
            )
        config = load(self.folder / name, base=self.config)
        for other, one in self.open.items():
            mine = one.config
            if mine.data.resolve() == config.data.resolve():
                raise ConfigError(
                    f"{name} has the data folder of {other} — give each its own [data] dir"
                )
            if config.store_url and mine.store_url == config.store_url:
                raise ConfigError(
                    f"{name} and {other} share a collection of a Chroma server — end [store] url of"
                    f' each with one of its own, such as "{config.store_url}/{name}"'
                )
            if config.store_database and mine.store_database == config.store_database:
                raise ConfigError(
                    f"{name} and {other} share a PostgreSQL database — give each one of its own, or"
                    " a schema of its own by ?options=-csearch_path%3DNAME at the end"
                )
        return Course(config, **self._given)


def _state(folder: Path) -> _State:
    """Names, sizes and times of what lies in a folder and, one level deeper, in its folders."""
    found = []
    with suppress(OSError):
        for one in sorted((*folder.iterdir(), *folder.glob("*/*"))):
            with suppress(OSError):
                status = one.stat()
                found.append((str(one), status.st_size, status.st_mtime_ns))
    return tuple(found)
