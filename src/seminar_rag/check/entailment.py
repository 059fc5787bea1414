"""Verifies claims with a natural-language-inference or grounding model of sentence-transformers.

Any cross-encoder with three labels (contradiction, entailment, neutral), with two (unsupported,
supported) or with one score. The evidence is read in windows that fit the model, and the best
window decides (Laban et al. 2022 take the maximum over sentences in the same way). The thresholds
are even odds, not fitted: a model's own calibration is all there is.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seminar_rag.check.support import SHOWN, Verifier, verbatim
from seminar_rag.check.terms import terms
from seminar_rag.models.hub import downloaded, fetch
from seminar_rag.models.rerank import load_cross_encoder
from seminar_rag.types import Evidence, Passage, Verdict, VerdictLabel

SUPPORTED = 0.5
PARTLY = 0.25
CONTRADICTED = 0.7
"""Stricter than even odds: such models call what is merely about something else contradicted."""
LONGEST = 512
"""Tokens of claim and window together, where the model gives no limit of its own."""

MODELS = (
    "cross-encoder/nli-deberta-v3-base",
    "dleemiller/ModernCE-large-nli",
    "cross-encoder/nli-deberta-v3-small",
    "cross-encoder/nli-deberta-v3-xsmall",
)
"""Taken without being asked for where one lies in the hub's cache; the first that does."""
SUGGESTED = "cross-encoder/nli-deberta-v3-small"

Scores = NDArray[np.float64]


def present(models: Sequence[str] = MODELS) -> str | None:
    """The first of the models that can be loaded without a network."""
    return next((model for model in models if downloaded(model)), None)


@dataclass(frozen=True, slots=True)
class _Window:
    passage: Passage
    sentences: tuple[int, ...]
    """Indices of neighbouring sentences."""
    text: str


class EntailmentVerifier:
    """Asks a cross-encoder whether a window of the evidence entails the claim.

    Loads on first use. A claim that stands in a passage word for word needs no model.
    """

    while_writing = True
    quick: Verifier | None = None

    def __init__(self, model: str) -> None:
        """Args:
        model: a local folder, or a name on the model hub.
        """
        self.name = Path(model).name if Path(model).expanduser().is_dir() else model
        self._source = model
        self._lock = threading.Lock()
        self._model: Any = None

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:  # noqa: ARG002
        """See `Verifier.verify`; `known` is not used: the model holds no name against a claim.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if not terms(claim):
            return Verdict(
                "uncheckable", 0.0, "The sentence states nothing to look up.", (), self.name
            )
        with self._lock:
            if self._model is None:
                self._model = self._open()
            windows = self._windows(claim, passages)
            if not windows:
                reason = "There is no passage to check it against."
                return Verdict("uncheckable", 0.0, reason, (), self.name)
            support, against = self._scores(claim, [window.text for window in windows])
            best = int(np.argmax(support))
            worst = int(np.argmax(against))
            label, reason = _label(float(support[best]), float(against[worst]))
            exact = verbatim(claim, passages)
            chosen = windows[worst if label == "contradicted" and not exact else best]
            evidence = self._evidence(claim, chosen, label == "contradicted" and not exact)
        if exact:
            return Verdict("supported", 1.0, "The passage says so.", evidence, self.name)
        return Verdict(label, round(float(support[best]), 3), reason, evidence, self.name)

    def _open(self) -> Any:
        if not downloaded(self._source):
            fetch(self._source)
        advice = (
            "check [check] model in seminar.toml: a folder, a hub name such as"
            f" {SUGGESTED}, or nothing"
        )
        return load_cross_encoder(self._source, "checking model", advice)

    def _windows(self, claim: str, passages: Sequence[Passage]) -> list[_Window]:
        """Neighbouring sentences of a passage, as many as fit; half of a window overlaps."""
        room = min(self._model.max_length or LONGEST, LONGEST) - self._count(claim) - 3
        out: list[_Window] = []
        for passage in passages:
            able = [i for i, one in enumerate(passage.sentences) if one.kind != "heading"]
            sizes = [self._count(passage.quote(passage.sentences[i])) for i in able]
            start = 0
            while start < len(able):
                stop, taken = start + 1, sizes[start]
                while stop < len(able) and taken + sizes[stop] <= room:
                    taken += sizes[stop]
                    stop += 1
                inside = tuple(able[start:stop])
                text = " ".join(passage.quote(passage.sentences[i]) for i in inside)
                out.append(_Window(passage, inside, text))
                if stop == len(able):
                    break
                start = max(start + 1, (start + stop) // 2)
        return out

    def _count(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))

    def _scores(self, claim: str, texts: Sequence[str]) -> tuple[Scores, Scores]:
        """Support and contradiction for each text, 0 to 1, each of shape (len(texts),)."""
        from torch.nn import Identity

        logits = np.asarray(
            self._model.predict(
                [(text, claim) for text in texts],
                activation_fn=Identity(),
                show_progress_bar=False,
            ),
            np.float64,
        )
        if logits.ndim == 1 or logits.shape[1] == 1:
            support = 1 / (1 + np.exp(-logits.reshape(-1)))
            return support, np.zeros_like(support)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        yes, no = _columns(self._model.config.id2label)
        against = odds[:, no] if no is not None else np.zeros(len(odds))
        return odds[:, yes], against

    def _evidence(self, claim: str, window: _Window, against: bool) -> tuple[Evidence, ...]:
        """The window's sentences, those that speak most for the verdict first."""
        passage = window.passage
        quotes = [passage.quote(passage.sentences[i]) for i in window.sentences]
        scores = self._scores(claim, quotes)[1 if against else 0]
        order = np.argsort(-scores, kind="stable")[:SHOWN]
        return tuple(Evidence(passage.id, window.sentences[i], quotes[i]) for i in order)


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


def _label(support: float, against: float) -> tuple[VerdictLabel, str]:
    if support >= SUPPORTED and support >= against:
        return "supported", "The model reads the passage as saying so."
    if against >= CONTRADICTED:
        return "contradicted", "The model reads the passage as saying the opposite."
    if support >= PARTLY:
        return "partly", "The model is not sure that the passages say all of it."
    return "unsupported", "The model does not read the passages as saying this."
