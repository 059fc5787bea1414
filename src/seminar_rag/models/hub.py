"""Which language models to use, and how to get one: a catalogue, a suggestion, a download.

Reaches the network only in `download`, and only for the file it is told to fetch.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from seminar_rag.errors import ModelError

if TYPE_CHECKING:
    import httpx

HUB = "https://huggingface.co"
GB = 10**9
RESERVED = 2 * GB
"""Memory left to the system, the browser and the embedding model."""
ATTEMPTS = 5
"""How often a download is taken up again before it is given up."""

Progress = Callable[[int, int | None], None]
"""Told (bytes so far, bytes in all or None) as a download goes on."""


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A GGUF file that fits this use. Sizes and needs are rounded; the needs are estimates."""

    repo: str
    file: str
    size: int
    """Bytes to download, about."""
    memory: int
    """Bytes of memory with a context window of 4,096 tokens, about."""
    licence: str
    note: str

    @property
    def spec(self) -> str:
        """As written in [llm] model."""
        return f"{self.repo}:{self.file}"


CATALOGUE = (
    CatalogueModel(
        "unsloth/Qwen3-4B-Instruct-2507-GGUF",
        "Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
        2_500_000_000,
        3_400_000_000,
        "Apache-2.0",
        "answers without thinking aloud first; the safe choice",
    ),
    CatalogueModel(
        "ibm-granite/granite-4.0-h-tiny-GGUF",
        "granite-4.0-h-tiny-Q4_K_M.gguf",
        4_200_000_000,
        4_800_000_000,
        "Apache-2.0",
        "only a seventh of it works on each word, so it reads long prompts fast on few cores",
    ),
    CatalogueModel(
        "mistralai/Ministral-3-3B-Instruct-2512-GGUF",
        "Ministral-3-3B-Instruct-2512-Q4_K_M.gguf",
        2_150_000_000,
        3_000_000_000,
        "Apache-2.0",
        "the smallest of these; many languages",
    ),
    CatalogueModel(
        "unsloth/Qwen3.5-4B-GGUF",
        "Qwen3.5-4B-Q4_K_M.gguf",
        2_740_000_000,
        3_600_000_000,
        "Apache-2.0",
        "made to think first, which is switched off here; needs a recent llama-cpp-python",
    ),
    CatalogueModel(
        "unsloth/gemma-4-E4B-it-GGUF",
        "gemma-4-E4B-it-Q4_K_M.gguf",
        4_980_000_000,
        5_900_000_000,
        "Apache-2.0",
        "the largest of these; needs a recent llama-cpp-python",
    ),
)
_SAFE, _QUICK, _SMALL = CATALOGUE[:3]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The model for a machine, or None, and why."""

    model: CatalogueModel | None
    reason: str


def suggest(memory: int, cores: int) -> Suggestion:
    """The model that suits a machine with `memory` bytes in all and `cores` physical cores."""
    free = memory - RESERVED
    has = f"{memory / GB:.0f} GB of memory and {cores} core{'s' if cores != 1 else ''}"
    if free < _SMALL.memory:
        need = (_SMALL.memory + RESERVED) / GB
        return Suggestion(
            None,
            f"{has}: a local model wants {need:.0f} GB; quotations, or a server ([llm] url), "
            "are the better choice here",
        )
    if cores <= 2 and free >= _QUICK.memory:
        return Suggestion(_QUICK, f"{has}: {_QUICK.note}")
    if free >= _SAFE.memory:
        return Suggestion(_SAFE, f"{has}: {_SAFE.note}")
    return Suggestion(_SMALL, f"{has}: {_SMALL.note}")


def describe(folder: Path, *, memory: int, cores: int) -> str:
    """The catalogue in lines of text, with what is already in `folder` and what is suggested."""
    lines = []
    for model in CATALOGUE:
        here = "downloaded" if (folder / model.file).is_file() else "not downloaded"
        lines += [
            model.spec,
            f"    {model.size / GB:.1f} GB, about {model.memory / GB:.1f} GB of memory, "
            f"{model.licence}, {here}",
            f"    {model.note}",
        ]
    suggestion = suggest(memory, cores)
    spec = suggestion.model.spec if suggestion.model else "none"
    lines += ["", f"Suggested here: {spec}", f"    ({suggestion.reason})"]
    return "\n".join(lines)


def suggest_here() -> Suggestion:
    """`suggest` for the machine that this runs on."""
    return suggest(*_machine())


def _machine() -> tuple[int, int]:
    """Bytes of memory in all, and physical cores."""
    import psutil

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return psutil.virtual_memory().total, cores


def describe_here(folder: Path) -> str:
    """`describe` for the machine that this runs on."""
    memory, cores = _machine()
    return describe(folder, memory=memory, cores=cores)


def is_repository(name: str) -> bool:
    """Whether a name has the form "owner/repository" of a model hub."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None


_SPEC = re.compile(r"([\w.-]+/[\w.-]+):([\w./-]+\.gguf)", re.IGNORECASE)


def find_local(spec: str, folder: Path, base: Path | None = None) -> Path:
    """The file that [llm] model means.

    Args:
        spec: a path, relative to `base`, or "owner/repository:file.gguf" of a hub.
        folder: where downloads lie.
        base: the folder of the configuration; the working directory when None.

    Raises:
        ModelError: when there is no such file.
    """
    path = (base or Path()) / Path(spec).expanduser()
    if path.is_file():
        return path
    if match := _SPEC.fullmatch(spec):
        downloaded = folder / PurePosixPath(match[2]).name
        if downloaded.is_file():
            return downloaded
        raise ModelError(f"Model {spec} is not downloaded — run `seminar-rag models {spec}`.")
    raise ModelError(
        f"Model {path} does not exist - mend [llm] model, or choose one with `seminar-rag models`."
    )


def download(
    repo: str,
    file: str,
    folder: Path,
    *,
    base_url: str = HUB,
    sha256: str | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    patience: float = 1.0,
) -> Path:
    """Fetch one file of a model repository into `folder`.

    The file grows beside its place as `NAME.part` and is moved there when its size and hash are
    right. What is there of it is kept on any interruption and continued the next time.

    Args:
        repo: "owner/name".
        file: path in the repository.
        folder: made if it is missing.
        base_url: a hub or a mirror with the same paths.
        sha256: expected hash in hex; None takes the one that the hub states, if it does.
        progress: told after each piece, if given.
        stop: asked after each piece; true ends with ModelError, keeping the part.
        patience: seconds before the second attempt, doubled for each further one.

    Raises:
        ModelError: not found, refused, not a model, wrong hash, disk full, or broken off for good.
    """
    from filelock import FileLock, Timeout

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo) or ".." in PurePosixPath(file).parts:
        raise ModelError(f"{repo}:{file} is not a model - write owner/repository:file.gguf.")
    target = folder / PurePosixPath(file).name
    sha256 = sha256.lower() if sha256 else None
    if target.is_file() and (sha256 is None or _sha256(target) == sha256):
        return target
    url = f"{base_url.rstrip('/')}/{repo}/resolve/main/{quote(file)}"
    job = _Job(url, target, sha256, progress, stop)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{job.part}.lock", timeout=0):
            job.run(patience)
    except Timeout as error:
        raise ModelError(f"{target.name} is being downloaded by another process.") from error
    except OSError as error:
        raise job.disk_error(error) from error
    Path(f"{job.part}.lock").unlink(missing_ok=True)
    return target


class _BrokenOffError(Exception):
    """The transfer ended early; worth taking up again."""


@dataclass
class _Job:
    """One download, over as many attempts as it takes."""

    url: str
    target: Path
    sha256: str | None
    progress: Progress | None
    stop: Callable[[], bool]
    total: int | None = None
    _stated: str | None = None

    @property
    def part(self) -> Path:
        """The file while it grows."""
        return self.target.with_name(self.target.name + ".part")

    def run(self, patience: float) -> None:
        """Fetch, verify, and move into place."""
        resumed = self._size() > 0
        for attempt in range(ATTEMPTS):
            try:
                self._fetch()
                break
            except _BrokenOffError as error:
                if attempt == ATTEMPTS - 1:
                    raise ModelError(
                        f"The download of {self.target.name} broke off ({error}) - run the same "
                        f"command again; it goes on after {self._size() / GB:.2f} GB."
                    ) from error
                self._wait(patience * 2**attempt)
        expected = self.sha256 or self._stated
        if expected and _sha256(self.part) != expected:
            self.part.unlink()
            if resumed:  # the part may have been of an older version of the file
                self.run(patience)
                return
            raise ModelError(
                f"{self.target.name} does not have the expected SHA-256 {expected[:12]}… and was "
                "deleted - download it again; if it happens again, do not trust the source."
            )
        self._require_model()
        os.replace(self.part, self.target)

    def disk_error(self, error: OSError) -> ModelError:
        """What to tell about a file operation that failed."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ModelError(
                f"The disk is full: no room for {self.target} - free some, then run the same "
                "command again; it goes on where it stopped."
            )
        return ModelError(
            f"{self.target} cannot be written ({error.strerror or error}) - choose another "
            "folder with --data, or mend its permissions."
        )

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._require_going()
            time.sleep(min(0.1, left))

    def _require_going(self) -> None:
        if self.stop():
            raise ModelError(
                f"The download of {self.target.name} was stopped after "
                f"{self._size() / GB:.2f} GB - run the same command again to go on."
            )

    def _fetch(self) -> None:
        """One attempt, from where the last one ended."""
        import httpx

        start = self._size()
        headers = {"Accept-Encoding": "identity", "User-Agent": "seminar-rag"}
        if start:
            headers["Range"] = f"bytes={start}-"
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        timeout = httpx.Timeout(30.0, connect=10.0)
        try:
            with (
                httpx.Client(timeout=timeout, follow_redirects=True, trust_env=not local) as client,
                client.stream("GET", self.url, headers=headers) as response,
            ):
                self._receive(response, start)
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _BrokenOffError(str(error) or type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(f"{self.url} cannot be fetched ({error}) - mend the URL.") from error

    def _receive(self, response: httpx.Response, start: int) -> None:
        if response.status_code == 416 and self._complete(response, start):
            return
        start = self._accept(response, start)
        self._stated = _stated_sha256(response)
        length = response.headers.get("Content-Length")
        self.total = start + int(length) if length and length.isdigit() else None
        self._require_room(start)
        done = start
        with self.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for piece in response.iter_raw():
                file.write(piece)
                done += len(piece)
                if self.progress:
                    self.progress(done, self.total)
                self._require_going()
        if self.total is not None and done < self.total:
            raise _BrokenOffError(f"{done} of {self.total} bytes came")

    def _complete(self, response: httpx.Response, start: int) -> bool:
        """Whether a "nothing after byte `start`" means that all is here; else begin anew."""
        if response.headers.get("Content-Range") == f"bytes */{start}":
            self._stated = _stated_sha256(response)
            self.total = start
            return True
        self.part.unlink(missing_ok=True)
        raise _BrokenOffError("the server has no more of it than was already here")

    def _accept(self, response: httpx.Response, start: int) -> int:
        """Where the body of a good answer begins.

        Raises:
            ModelError: for an answer that will not change by asking again.
        """
        status = response.status_code
        name = self.target.name
        if status in (408, 429) or status >= 500:
            raise _BrokenOffError(f"the server answered {status}")
        if status in (401, 403):
            raise ModelError(
                f"{self.url} needs an account ({status}) - choose another model "
                "(seminar-rag models), or download it by hand and set [llm] model to its path."
            )
        if status not in (200, 206):
            raise ModelError(
                f"{self.url} answered {status} - check repository and file name "
                "(seminar-rag models lists those that are known)."
            )
        if response.headers.get("Content-Type", "").startswith(("text/html", "application/xhtml")):
            raise ModelError(
                f"{self.url} answered with a web page instead of {name} - is there a sign-in "
                "page or a proxy in between?"
            )
        if status == 200:
            return 0  # the server does not continue files: from the beginning
        if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return start
        self.part.unlink(missing_ok=True)
        raise _BrokenOffError("the server sent another part than was asked for")

    def _require_room(self, start: int) -> None:
        if self.total is None:
            return
        free = shutil.disk_usage(self.part.parent).free
        if free < self.total - start:
            raise ModelError(
                f"{self.target.name} needs {(self.total - start) / GB:.1f} GB, but only "
                f"{free / GB:.1f} GB are free in {self.part.parent} - free some, or choose "
                "another folder with --data."
            )

    def _require_model(self) -> None:
        """A web page or an error that came with a good status is no model."""
        with self.part.open("rb") as file:
            magic = file.read(4)
        if self.target.suffix.lower() == ".gguf" and magic != b"GGUF":
            self.part.unlink()
            raise ModelError(f"{self.url} is not a GGUF file - check repository and file name.")


def _stated_sha256(response: httpx.Response) -> str | None:
    """The hash that the hub gives for files in large-file storage, on one of the redirects."""
    for answer in (*response.history, response):
        for header in ("X-Linked-Etag", "ETag"):
            value = answer.headers.get(header, "").removeprefix("W/").strip('"').lower()
            if re.fullmatch(r"[0-9a-f]{64}", value):
                return str(value)
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
