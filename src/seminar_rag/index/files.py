"""The files that documents were read from, kept beside the index: `files/<sha256>`.

A file is there whole or not at all. It comes before the database speaks of it and goes when the
database no longer does, so that a crash leaves at most a file too many, which the next writer
sweeps away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from seminar_rag.files import draft

_NAME = re.compile(r"[0-9a-f]{64}")


class Files:
    """The files under `folder`, which is made when something is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path | None:
        """Where the content lies; None where it is not there."""
        if not _NAME.fullmatch(digest):
            return None
        path = self.folder / digest
        return path if path.is_file() else None

    def keep(self, source: Path) -> str:
        """Keep a copy of a file; its SHA-256.

        What lies under the same data folder never changes and is linked, where links are known.

        Raises:
            OSError: it cannot be read or copied.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        target = self.folder / digest
        if target.is_file():
            return digest
        if source.resolve().is_relative_to(self.folder.resolve().parent):
            with contextlib.suppress(OSError):
                os.link(source, target)
                return digest
        with source.open("rb") as file, draft(target, sync=True) as copy:
            shutil.copyfileobj(file, copy.file, 1 << 20)
        return digest

    def sweep(self, known: Iterable[str]) -> None:
        """Remove what is not among the known digests, half-written files too."""
        for path in self.strays(known):
            with contextlib.suppress(OSError):  # one that is open on Windows goes the next time
                path.unlink()

    def strays(self, known: Iterable[str]) -> list[Path]:
        """What lies in the folder and is not among the known digests."""
        if not self.folder.is_dir():
            return []
        kept = set(known)
        return [path for path in self.folder.iterdir() if path.name not in kept]

    def findings(self, known: Collection[str]) -> list[str]:
        """What is wrong with the folder, one line each."""
        out = []
        if lost := sum(self.path(digest) is None for digest in known):
            out.append(f"pages cannot be shown: {lost} of {len(known)} kept files are gone")
        if strays := self.strays(known):
            out.append(f"files that belong to no document lie in {self.folder}: {len(strays)}")
        return out
