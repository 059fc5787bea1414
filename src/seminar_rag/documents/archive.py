"""An archive → a folder of its files, unpacked by a worker with limits on time, memory and size.

ZIP and tar, packed with gzip or not, as Moodle and Canvas export courses.
"""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from seminar_rag.errors import DocumentError, Failure, SourceError
from seminar_rag.guard import MAX_FILE_BYTES, WorkerError, WorkerPool
from seminar_rag.types import Syllabus

ENDINGS = (".zip", ".mbz", ".imscc")
MAX_BYTES = 2 << 30
"""Bytes that an archive may unpack to."""
MAX_FILES = 10_000
_SECONDS = 180.0
"""That one archive may take."""
_MEMORY = 1 << 30
_PIECE = 1 << 20


@dataclass(slots=True)
class Opened:
    """What came out of an archive."""

    folder: Path
    notes: list[str] = field(default_factory=list)
    """What was not unpacked, one sentence each."""
    syllabus: Syllabus | None = None
    """The course, where the archive is the export of one; its files are named in the folder."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    refused: str = ""


class Unpacker:
    """Unpacks archives into a temporary folder, which goes with it. Use it as a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._known: dict[Path, Opened] = {}

    def __enter__(self) -> Unpacker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _folder(self) -> Path:
        made = self._stack.enter_context(TemporaryDirectory(prefix="seminar-rag-"))
        return Path(made).resolve()

    @cached_property
    def _pool(self) -> WorkerPool:
        pool = WorkerPool(1, _MEMORY)
        self._stack.callback(pool.close)
        return pool

    def open(self, path: Path) -> Opened:
        """Unpack an archive, once. Raises DocumentError where it is damaged ("corrupt"), too large
        or slow ("limit"), or the export of a course that shows students nothing ("unreadable")."""
        if path not in self._known:
            self._known[path] = self._opened(path, self._folder / str(len(self._known)))
        return self._known[path]

    def _opened(self, path: Path, folder: Path) -> Opened:
        try:
            outcome = self._pool.run(_SECONDS, _open, path, folder)
        except WorkerError as error:
            message = f"{path.name} takes more time or memory to unpack than it may — unpack it"
            raise DocumentError("limit", f"{message} yourself.") from error
        if isinstance(outcome, Opened):
            return outcome
        shutil.rmtree(folder, ignore_errors=True)
        raise DocumentError(*outcome)


def _open(path: Path, folder: Path) -> Opened | tuple[Failure, str]:
    """Runs in the worker: unpack and never raise."""
    opened = Opened(folder)
    try:
        folder.mkdir(parents=True)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                _unpack(_zipped(zipped), opened)
        else:
            with tarfile.open(path) as tarred:
                _unpack(_tarred(tarred), opened)
        from seminar_rag.syllabus.cartridge import read_export  # a question does not wait for it

        opened.syllabus = read_export(folder, opened.notes)
    except SourceError as error:
        return "unreadable", f"{path.name} {error}."
    except _TooMuchError as error:
        return "limit", f"{path.name} {error} — unpack it, and take what is needed of it."
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        kind = type(error).__name__
        return (
            "corrupt",
            f"{path.name} cannot be unpacked ({kind}) — fetch it again, or pack it again.",
        )
    return opened


class _TooMuchError(Exception):
    pass


def _zipped(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for entry in archive.infolist():
        mode = entry.external_attr >> 16
        refused = "is locked with a password — pack it without" if entry.flag_bits & 1 else ""
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            refused = "is no regular file — pack the file itself"
        if not entry.is_dir():
            yield _Member(entry.filename, entry.file_size, partial(archive.open, entry), refused)


def _tarred(archive: tarfile.TarFile) -> Iterator[_Member]:
    for entry in archive:
        refused = "" if entry.isreg() else "is no regular file — pack the file itself"
        if not entry.isdir():
            yield _Member(entry.name, entry.size, partial(archive.extractfile, entry), refused)


def _unpack(members: Iterator[_Member], opened: Opened) -> None:
    left = MAX_BYTES
    for number, member in enumerate(members):
        if number >= MAX_FILES:
            raise _TooMuchError(f"holds more than {MAX_FILES:,} files")
        target, refused = _target(member, opened.folder)
        if refused:
            opened.notes.append(f"{member.name[:200]} was not unpacked: it {refused}")
            continue
        left -= member.size
        if left < 0:
            raise _TooMuchError(f"unpacks to more than {MAX_BYTES >> 30} GiB")
        target.parent.mkdir(parents=True, exist_ok=True)
        source = member.open()
        assert source is not None
        # Neither kind of archive gives more than the size that was counted.
        with source, target.open("xb") as file:
            shutil.copyfileobj(source, file, _PIECE)


def _target(member: _Member, folder: Path) -> tuple[Path, str]:
    """Where a member goes, and why it does not."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    target = folder.joinpath(*path.parts)
    if path.is_absolute() or ".." in path.parts or ":" in member.name or not path.parts:
        return folder, "has a path that leads out of the archive — pack it again"
    if member.refused:
        return folder, member.refused
    if member.size > MAX_FILE_BYTES:
        return folder, f"has more than {MAX_FILE_BYTES >> 20} MiB — split it"
    if max(len(part.encode()) for part in path.parts) > 255 or len(path.parts) > 40:
        return folder, "has too long a name — rename it"
    if target.exists() or any(one.is_file() for one in target.parents):
        return folder, "comes twice — pack it again"
    return target, ""
