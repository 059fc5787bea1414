"""Files that are there whole or not at all, whenever the process or the machine stops; hashes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass
class PartFile:
    """A file while it is written, beside the place that it will take."""

    file: BinaryIO
    path: Path
    """Where it will lie; may be changed, within the folder, until it is complete."""


@contextmanager
def draft(path: Path, *, sync: bool = False, mode: int = 0o600) -> Iterator[PartFile]:
    """Write a file that replaces `path` when the block ends, and leaves no trace when it raises.

    Args:
        path: its folder is made if it is missing.
        sync: wait until the content is on the disk, so that it also outlives a power failure.
        mode: the file's permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            made = PartFile(file, path)
            yield made
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if mode != 0o600:  # what mkstemp gives
            Path(name).chmod(mode)
        os.replace(name, made.path)
    finally:
        Path(name).unlink(missing_ok=True)


def write(path: Path, content: bytes | str, *, sync: bool = False, mode: int = 0o600) -> None:
    """Write a whole file; see `draft`. Text is written as UTF-8."""
    with draft(path, sync=sync, mode=mode) as made:
        made.file.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)


def sha256_of(path: Path) -> str:
    """The hash of a file's content in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_private(*paths: Path) -> None:
    """Let only their owner read files and folders, with all that lies in them. What belongs to
    somebody else stays as it is."""
    for path in paths:
        for one in (path, *path.rglob("*")) if path.is_dir() else (path,):
            with suppress(OSError):
                if not one.is_symlink():
                    mode = 0o700 if one.is_dir() else 0o600
                    if one.stat().st_mode & 0o777 != mode:
                        one.chmod(mode)
