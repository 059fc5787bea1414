"""Which kinds of language model the installed llama.cpp knows, by the names that GGUF files use.

llama.cpp has no function that lists them, so that a model of a later kind is found out only when
its gigabytes are here and it does not load. Its library holds the names as C strings
(`LLM_ARCH_NAMES` in llama-arch.cpp), and they are looked for there.
"""

from __future__ import annotations

import importlib.util
import mmap
import struct
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from seminar_rag.errors import ModelError

_KEY = b"general.architecture"
_STRING = 8
"""The type of a string in a GGUF file's header."""
_HEAD = 65_536
"""Bytes within which the architecture stands: every converter writes it first."""


def installed() -> bool:
    """Whether llama-cpp-python is installed."""
    return importlib.util.find_spec("llama_cpp") is not None


def require(architecture: str, file: str) -> None:
    """Refuse a model of a kind that the installed llama.cpp does not know.

    Args:
        architecture: as in the file's `general.architecture`; "" passes.
        file: the model's name, for the message.

    Raises:
        ModelError: it is not known; the message says what to do.
    """
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


def of_file(path: Path) -> str:
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
