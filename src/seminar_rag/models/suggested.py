"""The models that this program suggests, which of them suits a machine, and where one lies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from seminar_rag.errors import ModelError
from seminar_rag.models.hub import GB
from seminar_rag.models.packages import Packages

RESERVED = 2 * GB
"""Memory left to the system, the browser and the embedding model."""


READS = 50.0
"""Tokens of a prompt that one core reads in a second, times billions of active parameters: measured
with llama.cpp and a Q4_K_M file of 1.5 billion parameters on one core of a busy server."""
PROMPT = 1_200
"""Tokens of a typical prompt, instructions and passages."""
RATE = 10 * 10**6
"""Bytes a second for which the time of a download is told."""
PATIENCE = 25.0
"""Seconds that reading it may take in a model that is suggested."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A GGUF file on a model hub; what is not known of it is 0 or empty."""

    repo: str
    file: str
    size: int = 0
    """Bytes to download; exact where packages hold the file, else rounded."""
    memory: int = 0
    """Bytes of memory with a context window of 4,096 tokens, an estimate."""
    active: float = 0.0
    """Billions of parameters that work on a token."""
    architecture: str = ""
    """What llama.cpp calls it."""
    licence: str = ""
    note: str = ""
    sha256: str | None = None
    packages: Packages | None = None
    """Where the same file can be had without a hub."""
    suggested: bool = True
    """Whether it may be chosen unasked."""

    @property
    def spec(self) -> str:
        """The model as `[llm] model` in seminar.toml names it: "repository:file"."""
        return f"{self.repo}:{self.file}"

    @property
    def name(self) -> str:
        """What to call it to a reader."""
        return PurePosixPath(self.file).stem

    @property
    def cost(self) -> str:
        """What it takes, in words."""
        minutes = max(1, round(self.size / RATE / 60))
        return (
            f"{self.size / GB:.1f} GB to download ({minutes} min at {RATE // 10**6} MB a second), "
            f"about {self.memory / GB:.1f} GB of memory, {self.licence}"
        )

    def fits(self, memory: int) -> bool:
        """Whether it runs on a machine with so much memory in all."""
        return self.memory + RESERVED <= memory

    def seconds(self, cores: int) -> float:
        """How long so many cores read a typical prompt, an estimate."""
        return PROMPT * self.active / (READS * cores)


@dataclass(frozen=True, slots=True)
class Encoder:
    """An embedding model or a reranker on the hub, with what its card says of it."""

    name: str
    mib: int
    """To download, about."""
    note: str


_LISTED = tomllib.loads(files(__package__).joinpath("suggested.toml").read_text("utf-8"))
LANGUAGE_MODELS = tuple(
    LanguageModel(**one | ({"packages": Packages(**one["packages"])} if "packages" in one else {}))
    for one in _LISTED["language"]
)
"""In order of preference."""
RERANKERS = tuple(Encoder(**one) for one in _LISTED["reranker"])
"""The first that is downloaded is used without being configured."""
EMBEDDERS = tuple(Encoder(**one) for one in _LISTED["embedder"])


@dataclass(frozen=True, slots=True)
class ModelSuggestion:
    """The language models for a machine, best first; none where it is too small."""

    models: tuple[LanguageModel, ...]
    machine: str
    """What the machine has, in words."""

    @property
    def model(self) -> LanguageModel | None:
        """The best."""
        return self.models[0] if self.models else None

    @property
    def reason(self) -> str:
        """Why it is the one, in words."""
        if self.model is not None:
            return f"{self.machine}: {self.model.note}"
        need = (min(one.memory for one in LANGUAGE_MODELS if one.suggested) + RESERVED) / GB
        return (
            f"{self.machine}: a local model wants {need:.0f} GB; quotations, or a server "
            "([llm] url), are the better choice here"
        )

    def require(self) -> tuple[LanguageModel, ...]:
        """The models; raises ModelError where there are none."""
        if not self.models:
            raise ModelError(self.reason)
        return self.models


def suggest(memory: int, cores: int) -> ModelSuggestion:
    """The language models that fit a machine with `memory` bytes in all and `cores` physical cores:
    those that read a prompt in time, in the order of the list, then the others, the quickest first.
    """
    fit = [one for one in LANGUAGE_MODELS if one.suggested and one.fits(memory)]
    quick = [one for one in fit if one.seconds(cores) <= PATIENCE]
    slow = sorted(set(fit) - set(quick), key=lambda one: one.seconds(cores))
    has = f"{memory / GB:.0f} GB of memory and {cores} core{'s' if cores != 1 else ''}"
    return ModelSuggestion((*quick, *slow), has)


def suggest_here() -> ModelSuggestion:
    """`suggest` for the machine that this runs on."""
    import psutil

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return suggest(psutil.virtual_memory().total, cores)


def find(spec: str) -> LanguageModel:
    """The model that "owner/repository:file.gguf" names; one that is not listed is little known.
    Raises ModelError where the text has another form."""
    for model in LANGUAGE_MODELS:
        if model.spec == spec:
            return model
    repo, _, file = spec.partition(":")
    if not _SPEC.fullmatch(spec):
        raise ModelError(f"{spec} is not a model - write owner/repository:file.gguf.")
    return LanguageModel(repo, file)


def describe(folder: Path, suggestion: ModelSuggestion, downloaded: Collection[str]) -> str:
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
            f"    {model.cost}, {here((folder / model.file).is_file())}",
            f"    {model.note}",
        ]
    spec = suggestion.model.spec if suggestion.model else "none"
    lines += ["", f"Suggested here: {spec}", f"    ({suggestion.reason})"]
    for heading, encoders in (
        ("Rerankers, which put what was found in a better order ([retrieve] reranker):", RERANKERS),
        (
            "Embedding models in place of the packaged one ([embed] model); the course is"
            " ingested again:",
            EMBEDDERS,
        ),
    ):
        lines += ["", heading]
        for one in encoders:
            lines += [one.name, f"    {one.mib} MB, {here(one.name in downloaded)}; {one.note}"]
    return "\n".join(lines)


_SPEC = re.compile(r"([\w.-]+/[\w.-]+):([\w./-]+\.gguf)", re.IGNORECASE)


def find_local(spec: str, folder: Path, base: Path | None = None) -> Path | None:
    """The file that [llm] model means; without a setting the newest download, None without any.

    Args:
        spec: a path, relative to `base`, or "owner/repository:file.gguf" of a hub, or empty.
        folder: where downloads lie.

    Raises:
        ModelError: there is no such file.
    """
    if not spec:
        return max(folder.glob("*.gguf"), key=lambda path: path.stat().st_mtime, default=None)
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
