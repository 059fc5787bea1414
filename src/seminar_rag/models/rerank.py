"""A cross-encoder that reads question and passage together and says how well they fit.

Never needed: without one, retrieval's own order stands. Any model with a single score that
sentence-transformers loads will do; it is downloaded once, on demand.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from seminar_rag.errors import ModelError
from seminar_rag.models.embed import LOADING
from seminar_rag.models.hub import downloaded
from seminar_rag.models.suggested import RERANKERS

BATCH = 8


class Reranker(Protocol):
    """Scores passages for a question; higher fits better."""

    name: str

    def scores(self, question: str, texts: Sequence[str]) -> list[float]: ...


class CrossEncoderReranker:
    """A sentence-transformers CrossEncoder with one output: a local folder, or a name on the hub.
    Loads on first use; safe to call from several threads."""

    def __init__(self, model: str) -> None:
        self.name = model
        self._lock = threading.Lock()
        self._model: Any = None

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One score a text; raises ModelError where the model cannot be loaded, or is no
        reranker."""
        with self._lock:
            if self._model is None:
                self._model = self._open()
            found = self._model.predict(
                [(question, text) for text in texts], batch_size=BATCH, show_progress_bar=False
            )
        return [float(one) for one in found.reshape(-1)]

    def _open(self) -> Any:
        advice = (
            "check [retrieve] reranker in seminar.toml: a folder, a hub name such as"
            f' {RERANKERS[0].name}, or "off"'
        )
        folder = Path(self.name).expanduser()
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging

        logging.disable_progress_bar()  # "Loading weights" says nothing; downloads keep theirs
        try:
            with LOADING:
                model = CrossEncoder(
                    str(folder if folder.is_dir() else self.name),
                    device="cpu",
                    local_files_only=folder.is_dir() or downloaded(self.name),
                )
        except (OSError, ValueError, ImportError) as error:
            raise ModelError(
                f"the reranker {self.name!r} cannot be loaded ({str(error).splitlines()[0]}) —"
                f" {advice}"
            ) from error
        if model.config.num_labels != 1:
            raise ModelError(
                f"{self.name!r} gives {model.config.num_labels} scores, a reranker gives one —"
                f" set [retrieve] reranker to one such as {RERANKERS[0].name}"
            )
        return model


def chosen(setting: str) -> str | None:
    """The model that a setting means, None for none: a folder, a hub name, "off", or empty for what
    is downloaded already."""
    if setting == "off":
        return None
    if setting:
        return setting
    return next((one.name for one in RERANKERS if downloaded(one.name)), None)
