"""The choice of tokens, if need be of those that keep to a grammar in GBNF."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from seminar_rag.errors import ModelError

_REJECTED = -1e30
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """Chooses tokens, if need be within a grammar."""

    def __init__(
        self, api: Any, vocab: Any, temperature: float, seed: int, banned: np.ndarray[Any, Any]
    ) -> None:
        self._api = api
        self._vocab = vocab
        self._temperature = temperature
        self._random = np.random.default_rng(seed)
        self._banned = banned
        self._grammar: Any = None

    def limit(self, gbnf: str) -> None:
        """Accept only what the grammar does."""
        self._grammar = self._api.llama_sampler_init_grammar(self._vocab, gbnf.encode(), b"root")
        if not self._grammar:
            raise ModelError(
                "llama.cpp refuses the grammar of the answer - update it "
                "(pip install -U 'seminar-rag[local]'), or set [llm] grammar = false."
            )

    def close(self) -> None:
        """Free the grammar."""
        if self._grammar:
            self._api.llama_sampler_free(self._grammar)
            self._grammar = None

    def choose(self, logits: np.ndarray[Any, Any]) -> int | None:
        """The next token; None when the grammar leaves none."""
        logits = np.where(self._banned, -np.inf, logits)
        for width in (1 if self._temperature <= 0 else 64, 512, len(logits)):
            token = self._pick(logits, min(width, len(logits)))
            if token is not None:
                if self._grammar:
                    self._api.llama_sampler_accept(self._grammar, token)
                return token
        return None

    def _pick(self, logits: np.ndarray[Any, Any], width: int) -> int | None:
        """One of the `width` likeliest tokens, first the one preferred, then any that fits."""
        if width == 1:
            likeliest = np.array([np.argmax(logits)])
        elif width < len(logits):
            likeliest = np.argpartition(-logits, width)[:width]
        else:
            likeliest = np.arange(width)
        weighed = logits[likeliest]
        token = int(likeliest[self._draw(weighed)])
        if not self._grammar or self._fits([token], logits[[token]])[0]:
            return token
        if width == 1:
            return None
        fitting = self._fits(likeliest, weighed)
        if not fitting.any():
            return None
        left = likeliest[fitting]
        return int(left[self._draw(logits[left])])

    def _draw(self, logits: np.ndarray[Any, Any]) -> int:
        if self._temperature <= 0:
            return int(np.argmax(logits))
        weights = np.exp((logits - logits.max()) / self._temperature)
        return int(self._random.choice(len(logits), p=weights / weights.sum()))

    def _fits(self, tokens: Any, logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        array = (self._api.llama_token_data * len(tokens))()
        view = np.frombuffer(array, dtype=_CANDIDATE)
        view["id"], view["logit"] = tokens, np.maximum(logits, _REJECTED)
        candidates = self._api.llama_token_data_array(array, len(tokens), -1, False)
        self._api.llama_sampler_apply(self._grammar, ctypes.byref(candidates))
        fits: np.ndarray[Any, Any] = view["logit"] > _REJECTED
        return fits
