"""What is installed, which models are found, whether the index is sound, and how to remedy it."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from seminar_rag.assembly import NO_LLM, Assembly
from seminar_rag.errors import ModelError, StoreError
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.types.serving import Finding

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
