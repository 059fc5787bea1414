"""A natural-language-inference or grounding model of sentence-transformers that judges claims.

Any cross-encoder with three labels (contradiction, entailment, neutral), with two (unsupported,
supported) or with one score. It reads what a language model reads (see `judge.evidence`). Its
probabilities are its own, not fitted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.models.hub import downloaded, fetch
from seminar_rag.models.rerank import load_cross_encoder

CONTRADICTED = 0.7
"""Stricter than even odds: such models call what is merely about something else contradicted."""

MODELS = (
    "cross-encoder/nli-deberta-v3-base",
    "dleemiller/ModernCE-large-nli",
    "cross-encoder/nli-deberta-v3-small",
    "cross-encoder/nli-deberta-v3-xsmall",
)
"""Taken without being asked for where one lies in the hub's cache; the first that does."""
SUGGESTED = "cross-encoder/nli-deberta-v3-small"


def present(models: Sequence[str] = MODELS) -> str | None:
    """The first of the models that can be loaded without a network."""
    return next((model for model in models if downloaded(model)), None)


class CrossEncoder:
    """A cross-encoder that is asked whether the evidence entails the claim. Loads on first use."""

    while_writing = True

    def __init__(self, model: str) -> None:
        """Args:
        model: a local folder, or a name on the model hub.
        """
        self.name = Path(model).name if Path(model).expanduser().is_dir() else model
        self._source = model
        self._lock = threading.Lock()
        self._model: Any = None

    def likely(self, claim: str, text: str, known: str) -> tuple[float, ...]:  # noqa: ARG002
        """See `Judge.likely`; what is longer than the model's window is cut off.

        Raises:
            ModelError: the model cannot be loaded.
        """
        from torch.nn import Identity

        with self._lock:
            if self._model is None:
                self._model = self._open()
            found = self._model.predict(
                [(text, claim)], activation_fn=Identity(), show_progress_bar=False
            )
            yes, no = _columns(self._model.config.id2label)
        logits = np.asarray(found, np.float64).reshape(-1)
        if len(logits) == 1:
            logits, yes, no = np.array([0.0, logits[0]]), 1, None
        odds = np.exp(logits - logits.max())
        odds /= odds.sum()
        against = float(odds[no]) if no is not None and odds[no] >= CONTRADICTED else 0.0
        return float(odds[yes]), against, 1 - float(odds[yes]) - against

    def support(self, likely: Sequence[float]) -> float:
        """See `Judge.support`."""
        return likely[0]

    def _open(self) -> Any:
        if not downloaded(self._source):
            fetch(self._source)
        advice = (
            "check [check] model in seminar.toml: a folder, a hub name such as"
            f" {SUGGESTED}, or nothing"
        )
        return load_cross_encoder(self._source, "checking model", advice)


def _columns(labels: dict[int, str]) -> tuple[int, int | None]:
    """Columns of entailment and of contradiction.

    By the labels' names; nameless, in the order that sentence-transformers trains its models in:
    contradiction, entailment, neutral, or unsupported, supported.
    """
    named = {index: str(name).lower() for index, name in labels.items()}
    yes = [i for i, n in named.items() if n in ("entailment", "supported", "consistent")]
    no = [i for i, n in named.items() if n.startswith("contradict")]
    if yes:
        return yes[0], no[0] if no else None
    return 1, 0 if len(named) == 3 else None
