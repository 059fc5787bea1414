"""The models that this program suggests, which of them suits a machine, and where one lies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from seminar_rag.errors import ModelError

GB = 10**9
RESERVED = 2 * GB
"""Memory left to the system, the browser and the embedding model."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
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


@dataclass(frozen=True, slots=True)
class Encoder:
    """An embedding model or a reranker on the hub, with what its card says of it."""

    name: str
    mib: int
    """To download, about."""
    note: str


_LISTED = tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
LANGUAGE_MODELS = tuple(LanguageModel(**one) for one in _LISTED["language"])
RERANKERS = tuple(Encoder(**one) for one in _LISTED["reranker"])
"""The first that is downloaded is used without being configured."""
EMBEDDERS = tuple(Encoder(**one) for one in _LISTED["embedder"])
_SAFE, _QUICK, _SMALL = LANGUAGE_MODELS[:3]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The language model for a machine, or None, and why."""

    model: LanguageModel | None
    reason: str


def suggest(memory: int, cores: int) -> Suggestion:
    """The language model for a machine with `memory` bytes in all and `cores` physical cores."""
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
        chosen = _QUICK
    else:
        chosen = _SAFE if free >= _SAFE.memory else _SMALL
    return Suggestion(chosen, f"{has}: {chosen.note}")


def suggest_here() -> Suggestion:
    """`suggest` for the machine that this runs on."""
    import psutil

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return suggest(psutil.virtual_memory().total, cores)


def describe(folder: Path, suggestion: Suggestion, downloaded: Collection[str]) -> str:
    """All models in lines of text, with what is on this machine and what is suggested for it.

    Args:
        folder: where GGUF files lie.
        downloaded: names of the rerankers and embedding models that are here.
    """

    def here(present: bool) -> str:
        return "downloaded" if present else "not downloaded"

    lines = []
    for model in LANGUAGE_MODELS:
        lines += [
            model.spec,
            f"    {model.size / GB:.1f} GB, about {model.memory / GB:.1f} GB of memory, "
            f"{model.licence}, {here((folder / model.file).is_file())}",
            f"    {model.note}",
        ]
    spec = suggestion.model.spec if suggestion.model else "none"
    lines += ["", f"Suggested here: {spec}", f"    ({suggestion.reason})"]
    for heading, encoders in (
        ("Rerankers, which put what was found in a better order ([retrieve] reranker):", RERANKERS),
        (
            "Embedding models in place of the packaged one ([embed] model); the course is"
            " ingested anew:",
            EMBEDDERS,
        ),
    ):
        lines += ["", heading]
        for one in encoders:
            lines += [one.name, f"    {one.mib} MB, {here(one.name in downloaded)}; {one.note}"]
    return "\n".join(lines)


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
        f"Model {path} does not exist - correct [llm] model, or choose one with "
        "`seminar-rag models`."
    )
