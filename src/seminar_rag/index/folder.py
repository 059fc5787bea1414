"""The data folder: what in it is the program's, what stands in the way, and who may write to it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from seminar_rag.errors import BusyError, StoreError
from seminar_rag.files import make_private

LEXICON = "lexicon.sqlite"
"""The full text of a course whose database is a server."""
_OUR_FILES = (
    *(
        f"{name}{end}"
        for name in ("course.db", "journal.sqlite", "feedback.sqlite", LEXICON)
        for end in ("", "-wal", "-shm")
    ),
    *("writer.json", "writer.lock", "answers.key", "decisions/current.json"),
)
_OUR_FOLDERS = ("chroma", "files", "added", "web", "decisions", "pages")
REPAIR = (
    "seminar-rag doctor --repair moves it aside; your decisions, added files, feedback and"
    " downloads are kept"
)


def unusable(folder: Path, error: Exception) -> StoreError:
    """The error of a data folder that cannot be made or written."""
    return StoreError(
        f"the data folder {folder} cannot be used ({error}) — check its permissions, or choose"
        " another with --data"
    )


def blocked(folder: Path) -> list[str]:
    """The files in the data folder whose place a folder takes, the other way round, and links that
    lead nowhere."""
    ours = (*_OUR_FILES, *_OUR_FOLDERS)
    astray = [n for n in ours if (folder / n).is_symlink() and not (folder / n).exists()]
    files = [name for name in _OUR_FILES if (folder / name).is_dir()]
    folders = [name for name in _OUR_FOLDERS if (folder / name).is_file()]
    kept = [path for name in ("added", "files") for path in (folder / name).glob("*")]
    inside = [str(one.relative_to(folder)) for one in kept if one.is_dir()]
    return astray + files + folders + inside


def keep_private(folder: Path) -> None:
    """Let only the owner read what is ours; the folder may be one that holds other things too."""
    make_private(*(folder / name for name in (*_OUR_FILES, *_OUR_FOLDERS)))


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the data folder for writing; one process at a time. The lock dies with its process.

    Raises:
        BusyError: another process is writing; names it.
        StoreError: the folder cannot be used.
    """
    import filelock

    owner = folder / "writer.json"
    lock = filelock.FileLock(folder / "writer.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except filelock.Timeout:
        who = "another process"
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(owner.read_text())
            who = f"process {holder['pid']} (since {holder['since']})"
        raise busy(who, str(folder)) from None
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        owner.write_text(json.dumps({"pid": os.getpid(), "since": now}))
        yield
    finally:
        keep_private(folder)
        lock.release()


def busy(who: str, where: str) -> BusyError:
    """The error of a course that somebody else is writing to."""
    return BusyError(
        f"{who} is writing to {where} — wait until it is done, or stop it;"
        " students can go on asking meanwhile"
    )
