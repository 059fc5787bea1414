"""The models that a course's configuration names, each loaded when it is first needed; and what
several courses of one process share."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakValueDictionary

from seminar_rag.config import Config, from_environment, save
from seminar_rag.errors import ModelError
from seminar_rag.index.store import Store
from seminar_rag.models.bert import OnnxEmbedder
from seminar_rag.models.embed import SentenceTransformerEmbedder

if TYPE_CHECKING:
    from seminar_rag.models.choice import Chooser
    from seminar_rag.models.embed import Embedder
    from seminar_rag.models.llm import LLM
    from seminar_rag.models.rerank import Reranker

JUDGES_FROM = 700_000_000
"""Bytes of a GGUF file from which on a language model judges claims unasked: some 1.5 billion
parameters in four bits; docs/checking.md has the figures of smaller ones."""
T = TypeVar("T")


class Closable(Protocol):
    """What has to be closed."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Shared:
    """The models in use, by what they were made of; one that no course holds any more is freed. And
    the workers, until all are closed. Safe to call from several threads; what has different keys is
    made at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._models: WeakValueDictionary[Hashable, object] = WeakValueDictionary()
        self._workers: list[Closable] = []

    def workers(self, make: Callable[[], C]) -> C:
        """The workers that `make` makes, made where there are none yet."""

        def kept() -> C:
            made = make()
            self._workers.append(made)
            return made

        return self.get(make, kept)

    def close(self) -> None:
        """Stop the workers."""
        for one in self._workers:
            one.close()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The model of this key, made where there is none: its class and all that makes it another
        one. Raises what `make` raises."""
        with self._lock:
            making = self._making[key]
        with making:
            found = self._models.get(key)
            if found is None:
                found = self._models[key] = make()
            return found  # type: ignore[return-value]  # what was made for this key


class ModelsInUse:
    """The embedding model, the reranker, the language model, and who checks claims."""

    def __init__(
        self, config: Config, store: Store, embedder: Embedder | None, shared: Shared
    ) -> None:
        """Args:
        embedder: in place of the configured one.
        shared: where the models are that other courses of this process use too.
        """
        self.config = config
        self.store = store
        self._embedder = embedder
        self._shared = shared

    @property
    def embedder(self) -> Embedder:
        """The embedding model; precision "auto" keeps to what the index was made with."""
        if self._embedder is None:
            precision: str = self.config.embed_precision
            if precision == "auto" and self.store.meta("model") == self.config.embed_model:
                precision = self.store.meta("precision") or "auto"
            one = OnnxEmbedder(
                self.config.embed_model,
                precision,  # type: ignore[arg-type]  # the store holds what the embedder gave
            )
            self._embedder = self._shared.get((OnnxEmbedder, one.name, one.precision), lambda: one)
        return self._embedder

    def _embedder_of_passages(self) -> Embedder:
        """torch computes in bfloat16 twice as fast; a question does not wait for it to load."""
        one = self.embedder
        if isinstance(one, OnnxEmbedder) and one.precision == "bfloat16":
            return SentenceTransformerEmbedder(one.name, "bfloat16")
        return one

    def reranker(self) -> Reranker | None:
        """The configured cross-encoder, else a suggested one that was downloaded."""
        from seminar_rag.models.rerank import CrossEncoderReranker, chosen

        setting = self.config.retrieve_reranker
        name = self._folder(setting) or chosen(setting)
        if not name:
            return None
        make = partial(CrossEncoderReranker, name)
        return self._shared.get((CrossEncoderReranker, name), make)

    def _folder(self, setting: str) -> str | None:
        """The folder that a setting names relative to the configuration; None if there is none."""
        folder = self.config.folder / Path(setting).expanduser()
        return str(folder) if setting and folder.is_dir() else None

    @cached_property
    def llm(self) -> LLM | None:
        """The configured language model, loaded once for all that use it."""
        return self._load_llm()

    def take_model(self, spec: str, *, load: bool) -> None:
        """Write answers with a model that was downloaded; those that are being written go on.

        Args:
            spec: as in [llm] model, which is changed where it is set to another.
            load: now, so that no question waits for it.
        """
        if self.config.llm_model not in ("", spec) and "llm_model" not in from_environment():
            save(self.config.folder, "llm", "model", spec)
            self.config = replace(self.config, llm_model=spec)
        if load:
            self.__dict__["llm"] = self._load_llm()
        else:
            self.__dict__.pop("llm", None)
        for part in ("verifier", "answerer", "engine"):
            self.__dict__.pop(part, None)

    def _load_llm(self) -> LLM | None:
        from seminar_rag.answer.instructions import opening
        from seminar_rag.models.local import LlamaCpp
        from seminar_rag.models.server import OpenAICompatible

        config = self.config
        if not config.llm_enabled:
            return None
        if config.llm_url:
            return OpenAICompatible(
                config.llm_url,
                config.llm_name or "default",
                config.llm_key or None,
                context=config.llm_context,
            )
        model = self.gguf()
        if model is None:
            return None
        context, threads = config.llm_context, config.llm_threads or None
        kept = self.models_folder / f"{model.stem}.opening"
        return self._shared.get(
            (LlamaCpp, model.resolve(), context, threads),
            lambda: LlamaCpp(model, context=context, threads=threads, opening=opening(), kept=kept),
        )

    @property
    def models_folder(self) -> Path:
        """Where downloaded language models lie."""
        return (self.config.base or self.config).data / "models"

    def gguf(self) -> Path | None:
        """The file of the local model, if there is one. Raises ModelError as `find_local` does."""
        from seminar_rag.models.suggested import find_local

        return find_local(self.config.llm_model, self.models_folder, self.config.folder)

    def _chooser(self) -> Chooser | None:
        """The language model as a judge of what answers a question; None where it cannot be."""
        from seminar_rag.models.choice import Chooser

        asked = self.config.check_verifier == "llm" if self.config.llm_url else self._understands()
        return self.llm if asked and isinstance(self.llm, Chooser) else None

    def judges(self) -> bool:
        """Whether the language model checks claims, known without loading it: unasked, a file that
        is large enough to understand; a server only where the configuration says so."""
        config = self.config
        if config.check_verifier != "auto":
            return config.check_verifier == "llm"
        if not config.llm_enabled or config.llm_url:
            return False
        return self._understands()

    def _understands(self) -> bool:
        """Whether the local language model is large enough to judge what it reads."""
        try:
            model = self.gguf()
        except ModelError:
            return False
        return model is not None and model.stat().st_size >= JUDGES_FROM
