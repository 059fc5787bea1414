"""Files of the course: those that documents were read from, and those that the instructor added.

An added file is named by its content, and what was read from it is kept a second time, so that
one of the two can replace the other. Where several servers have the files in common, they lie in
an object store and are copied into the data folder when they are first needed. The only importer
of obstore.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from seminar_rag.errors import ConfigError, StoreError
from seminar_rag.files import draft, sha256_of, write
from seminar_rag.types.catalogue import Correction

_DIGEST = re.compile(r"[0-9a-f]{64}")


class KeptFiles:
    """The files that documents were read from, kept under `folder` by their SHA-256.

    A file is there whole or not at all. It comes before the database mentions it and goes when the
    database no longer does, so that a crash leaves at most a file too many, which the next writer
    removes. Where several servers have the files in common, those of the folder are copies, and all
    methods raise StoreError where the others cannot be reached.
    """

    def __init__(self, folder: Path, remote: Remote | None = None) -> None:
        """Args:
        remote: where servers have the files in common.
        """
        self.folder = folder
        self.remote = remote

    def path(self, digest: str) -> Path | None:
        """The file with this content; None where it is missing."""
        if not _DIGEST.fullmatch(digest):
            return None
        path = self.folder / digest
        if path.is_file():
            return path
        if self.remote is None or not self.remote.get(f"files/{digest}", path):
            return None
        if sha256_of(path) == digest:
            return path
        path.unlink()
        return None

    def keep(self, source: Path) -> str:
        """Keep a copy of a file and return its SHA-256; raises OSError where it cannot be copied. A
        download, which never changes, is linked where links are supported; of what the instructor
        added there are two copies then."""
        digest = self._keep(source)
        if self.remote is not None:
            self.remote.put(f"files/{digest}", self.folder / digest)
        return digest

    def _keep(self, source: Path) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = sha256_of(source)
        target = self.folder / digest
        if self._is_whole(digest):
            return digest
        target.unlink(missing_ok=True)
        if source.resolve().is_relative_to(self.folder.resolve().parent / "web"):
            with contextlib.suppress(OSError):
                os.link(source, target)
                return digest
        with source.open("rb") as file, draft(target, sync=True) as copy:
            shutil.copyfileobj(file, copy.file, 1 << 20)
        return digest

    def sweep(self, known: Iterable[str]) -> None:
        """Remove what is not among the known digests, half-written files too."""
        for path in self.strays(known):
            with contextlib.suppress(
                OSError
            ):  # one that is open on Windows is removed the next time
                path.unlink()

    def share_added(self, names: Iterable[str]) -> None:
        """Let other servers have added files, by their paths in the data folder, before the
        database mentions them."""
        if self.remote is None:
            return
        for name in filter(None, names):
            if (file := self.folder.parent / name).is_file():
                self.remote.put(name, file)

    def fetch_added(self, names: Iterable[str]) -> None:
        """Copy the added files that other servers let us have and are not here."""
        if self.remote is None:
            return
        for name in filter(None, names):
            if not (file := self.folder.parent / name).is_file():
                self.remote.get(name, file)

    def sweep_common(self, known: Iterable[str]) -> None:
        """Remove what servers have in common and no document needs. Only for writers."""
        if self.remote is not None:
            for name in self.remote.names("files") - set(known):
                self.remote.drop(f"files/{name}")

    def strays(self, known: Iterable[str]) -> list[Path]:
        """The files in the folder that are not among the known digests."""
        if not self.folder.is_dir():
            return []
        kept = set(known)
        return [path for path in self.folder.iterdir() if path.name not in kept]

    def unusable(self, known: Iterable[str]) -> set[str]:
        """Those of the known digests whose file is gone or has another content."""
        there = self.remote.names("files") if self.remote is not None else set()
        return {
            digest
            for digest in known
            if not (self._is_whole(digest) if (self.folder / digest).is_file() else digest in there)
        }

    def _is_whole(self, digest: str) -> bool:
        path = self.path(digest)
        return path is not None and sha256_of(path) == digest

    def findings(self, known: Collection[str]) -> list[str]:
        """What is wrong with the folder, one line each."""
        out = []
        if lost := len(self.unusable(known)):
            out.append(
                f"pages cannot be shown: {lost} of {len(known)} kept files are gone or damaged"
            )
        if strays := self.strays(known):
            out.append(f"files that belong to no document lie in {self.folder}: {len(strays)}")
        return out


# --- added files ---------------------------------------------------------------------------------


def added_name(stem: str, content: bytes, suffix: str) -> str:
    """The name of an added file: what it was called, and a hash of its content."""
    return f"{stem}-{_hash(content)}{suffix}"


def damaged_added(data: Path, decisions: Iterable[Correction]) -> list[str]:
    """The added files that are gone or changed, by their path in the data folder."""
    return sorted(
        {one.file for one in decisions if one.kind in ("add", "page") and one.file}
        - {one.file for one in decisions if one.file and _is_whole(data / one.file)}
    )


def restored_added(data: Path, names: Iterable[str], kept: Path) -> list[str]:
    """Bring added files back from the folder of kept files; those without a copy. Raises
    OSError."""
    wanted = {Path(name).stem.rpartition("-")[2]: name for name in names}
    for path in kept.iterdir() if wanted and kept.is_dir() else ():
        content = path.read_bytes()
        if name := wanted.pop(_hash(content), None):
            write(data / name, content, sync=True)
    return sorted(wanted.values())


def _is_whole(path: Path) -> bool:
    return path.is_file() and _hash(path.read_bytes()) == path.stem.rpartition("-")[2]


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=4).hexdigest()


class Remote:
    """The files below an address, by their path there. All raise StoreError."""

    def __init__(self, address: str) -> None:
        """Args:
        address: "s3://bucket/course", or what else obstore takes; keys and endpoint come from the
            environment, as AWS's own tools read them.

        Raises:
            ConfigError: the address is none, or obstore is not installed.
        """
        try:
            import obstore
        except ImportError as error:
            raise ConfigError(
                "[store] files names an object store, for which the extra s3 is missing — pip"
                " install 'seminar-rag[s3]'"
            ) from error
        self._error = obstore.exceptions.BaseError
        self._address = address
        try:
            self._store = obstore.store.from_url(address)
        except (self._error, ValueError) as error:
            raise ConfigError(
                f"[store] files is no address of an object store ({_line(error)}) — use one like"
                ' "s3://bucket/course"'
            ) from error

    def put(self, name: str, file: Path) -> None:
        """Copy a file there, unless one of its name and size is there."""
        with self._reached():
            with contextlib.suppress(FileNotFoundError):
                if self._store.head(name)["size"] == file.stat().st_size:
                    return
            self._store.put(name, file)

    def get(self, name: str, file: Path) -> bool:
        """Copy a file from there, whole or not at all; whether there is one."""
        with self._reached():
            try:
                with draft(file) as made:
                    for piece in self._store.get(name).stream():
                        made.file.write(piece)
            except FileNotFoundError:
                return False
        return True

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder there."""
        with self._reached():
            parts = list(self._store.list(f"{folder}/"))
        return {str(one["path"]).rpartition("/")[2] for part in parts for one in part}

    def drop(self, name: str) -> None:
        """Remove a file."""
        with self._reached(), contextlib.suppress(FileNotFoundError):
            self._store.delete(name)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Raises StoreError where the store cannot be used."""
        try:
            yield
        except (self._error, OSError) as error:
            raise StoreError(
                f"the files at {self._address} cannot be used ({_line(error)}) — check [store]"
                " files, the keys in the environment and the network"
            ) from error


def _line(error: Exception) -> str:
    """The first line of an error's text, without what the library adds for its developers."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
