"""Downloads from a model hub: single GGUF files, which resume, and models for the hub's cache.

Reaches the network only in `download` and `fetch`, and only for what they are asked to fetch. A
file grows beside its place as `NAME.part` and is moved there once it is whole and right
(`growing`), as does what is joined from parts of packages.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote

from seminar_rag.errors import ModelError
from seminar_rag.files import sha256_of

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
    Raises ModelError where another process holds it, or the disk is full or cannot be written."""
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
    """Refuse to begin what the disk has no room for; raises ModelError."""
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


HUB = "https://huggingface.co"
ATTEMPTS = 5
"""How often a download is tried where the server is busy or out of order."""
CONNECT_SECONDS = 5.0
"""Seconds for the hub to answer at all; one that does not is not asked again."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SMALL_FILES = ("config.json", "tokenizer.json", "*.txt", "*.model", "*_config.json", "*_map.json")


class UnreachableError(ModelError):
    """The hub does not answer, so that another source may be tried."""


def is_repository(name: str) -> bool:
    """Whether a name has the form "owner/repository" of a model hub."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None


def downloaded(name: str) -> bool:
    """Whether a model can be loaded without a network: a local folder, or in the hub's cache."""
    if Path(name).expanduser().is_dir():
        return True
    from huggingface_hub import constants

    # Looked at first, as the functions for the cache take a while to import.
    if not Path(constants.HF_HUB_CACHE, f"models--{name.replace('/', '--')}").is_dir():
        return False
    from huggingface_hub import try_to_load_from_cache

    def cached(file: str) -> bool:
        return isinstance(try_to_load_from_cache(name, file), str)

    def in_parts(weights: str) -> bool:
        """Whether all files are there that the list of large weights names."""
        found = try_to_load_from_cache(name, f"{weights}.index.json")
        if not isinstance(found, str):
            return False
        parts = json.loads(Path(found).read_text("utf-8"))["weight_map"].values()
        return all(map(cached, set(parts)))

    try:
        return cached("config.json") and any(cached(one) or in_parts(one) for one in WEIGHTS)
    except (ValueError, LookupError):  # no name of a repository, or no such list
        return False


def fetch(model: str, hub: str | None = None) -> Path:
    """Download a cross-encoder into the hub's cache; progress goes to the standard error. Raises
    ModelError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        for weights in WEIGHTS:  # one kind is enough
            patterns = [*_SMALL_FILES, weights]
            path = Path(
                snapshot_download(
                    model, endpoint=hub, allow_patterns=patterns, ignore_patterns="*/*"
                )
            )
            if (path / weights).is_file():
                return path
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(
            f"the model {model!r} cannot be downloaded ({str(error).splitlines()[0]}) —"
            " check its name and the network"
        ) from error
    raise ModelError(
        f"{model!r} has no weights for a cross-encoder — `seminar-rag models` lists some"
    )


def download(
    repo: str,
    file: str,
    folder: Path,
    *,
    base_url: str = HUB,
    sha256: str | None = None,
    progress: Progress = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
    patience: float = 1.0,
) -> Path:
    """Fetch one file of a model repository into `folder`.

    The file grows beside its place as `NAME.part` and is moved there when its size and hash are
    right. What is there of it is kept on any interruption and continued the next time, which
    `huggingface_hub.hf_hub_download` does not do; only its transfer is used.

    Args:
        base_url: a hub or a mirror with the same paths.
        sha256: expected hash in hex; None takes the one that the hub states, if it does.
        patience: seconds before the second attempt, doubled for each further one.

    Raises:
        UnreachableError: the hub does not answer.
        StoppedError: `stop` said so.
        ModelError: not found, refused, not a model, wrong hash, disk full, or broken off for good.
    """
    if not is_repository(repo) or ".." in PurePosixPath(file).parts:
        raise ModelError(f"{repo}:{file} is not a model - write owner/repository:file.gguf.")
    target = folder / PurePosixPath(file).name
    sha256 = sha256.lower() if sha256 else None
    if target.is_file() and (sha256 is None or sha256_of(target) == sha256):
        return target
    bar = _Bar(progress, stop)
    with growing(target) as part:
        _Transfer(repo, file, base_url.rstrip("/"), part, sha256, bar).run(patience)
    return target


class _Bar:
    """What the hub's transfer takes for a tqdm bar: passes progress on, and stops when asked."""

    def __init__(self, progress: Progress, stop: Callable[[], bool]) -> None:
        self._progress = progress
        self._stop = stop
        self._done = 0
        self._total: int | None = None

    def __call__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> _Bar:
        """The bar of one attempt."""
        self._done, self._total = initial, total
        return self

    def update(self, count: int) -> None:
        """Count further bytes; negative where the transfer starts over."""
        self._done += count
        self._progress(self._done, self._total)
        if self._stop():
            raise _TransferStoppedError

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to close."""


class _TransferStoppedError(Exception):
    """The caller asked to stop, as it comes through the hub's transfer."""


@dataclass
class _Transfer:
    """One file on its way, over as many attempts as it takes."""

    repo: str
    file: str
    hub: str
    part: Path
    sha256: str | None
    bar: _Bar
    answered: bool = False
    """Whether the hub has answered once."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.file).name

    @property
    def url(self) -> str:
        return f"{self.hub}/{self.repo}/resolve/main/{quote(self.file)}"

    def run(self, patience: float) -> None:
        """Fetch what is missing of the part, and verify the whole."""
        resumed = size_of(self.part) > 0
        expected = self._fetch(patience)
        if expected and sha256_of(self.part) != expected:
            self.part.unlink()
            if resumed:  # the part may have been of an older version of the file
                self.run(patience)
                return
            raise wrong_hash(self.name, expected)
        with self.part.open("rb") as file:
            magic = file.read(4)
        if self.name.lower().endswith(".gguf") and magic != b"GGUF":
            self.part.unlink()
            raise ModelError(
                f"{self.url} is not a GGUF file - check repository and file name; a sign-in page "
                "or a proxy in between may also answer with a page of its own."
            )

    def _fetch(self, patience: float) -> str | None:
        """Fetch the part to its end; the hash that it must have, where there is one."""
        import httpx2  # the client of huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

        def passes(error: BaseException) -> bool:
            if isinstance(error, HfHubHTTPError):
                return error.response.status_code in (408, 429) or error.response.is_server_error
            return isinstance(error, httpx2.TransportError | _BrokenOffError)

        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(patience),
            retry=retry_if_exception(passes),
            reraise=True,
        )
        try:
            return attempts(self._attempt)
        except _TransferStoppedError as error:
            raise stopped(self.part) from error
        except (HfHubHTTPError, httpx2.HTTPError, _BrokenOffError, ConnectionError) as error:
            if isinstance(error, HfHubHTTPError) and not passes(error):
                raise self._refused(error.response.status_code) from error
            raise ModelError(
                f"The download of {self.name} broke off ({_reason(error)}) - "
                f"run the same command again; it goes on after {size_of(self.part) / GB:.2f} GB."
            ) from error

    def _attempt(self) -> str | None:
        """One attempt, from where the last one ended."""
        import httpx2
        from huggingface_hub import get_hf_file_metadata
        from huggingface_hub.errors import OfflineModeIsEnabled
        from huggingface_hub.file_download import http_get

        try:
            stated = get_hf_file_metadata(
                self.url, token=False, endpoint=self.hub, timeout=CONNECT_SECONDS
            )
        except (httpx2.TransportError, OfflineModeIsEnabled) as error:
            if self.answered:
                raise
            raise UnreachableError(
                f"The model hub {self.hub} cannot be reached ({_reason(error)}) - check the "
                "network, or name a mirror with --hub."
            ) from error
        self.answered = True
        here = size_of(self.part)
        if stated.size is not None:
            require_room(self.part, stated.size - here)
            if here > stated.size:
                self.part.unlink()
                here = 0
        with self.part.open("ab") as file:
            try:
                http_get(
                    stated.location,
                    file,
                    resume_size=here,
                    headers={"Accept-Encoding": "identity", "User-Agent": "seminar-rag"},
                    expected_size=stated.size,
                    displayed_filename=self.name,
                    tqdm_class=cast(Any, self.bar),
                )
            except OSError as error:
                if error.errno is None and str(error).startswith("Consistency check failed"):
                    raise _BrokenOffError("not all of it came") from error
                raise
        tag = (stated.etag or "").lower()
        return self.sha256 or (tag if re.fullmatch(r"[0-9a-f]{64}", tag) else None)

    def _refused(self, status: int) -> ModelError:
        if status in (401, 403):
            return ModelError(
                f"{self.url} needs an account ({status}) - choose another model "
                "(seminar-rag models), or download it by hand and set [llm] model to its path."
            )
        return ModelError(
            f"{self.url} answered {status} - check repository and file name "
            "(seminar-rag models lists those that are known)."
        )


def _reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class _BrokenOffError(Exception):
    """The transfer ended early."""
