"""The form of a cited answer as a grammar in GBNF, and the choice of tokens that keeps to it.

The grammar guarantees form, not truth: either the refusal sentence alone, or sentences of which
each ends in one to three marks [n] with n among the passages that were given.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from seminar_rag.errors import ModelError

REFUSAL = "The readings do not say."
"""The whole answer when the passages hold none."""
_REJECTED = -1e30
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
SENTENCE_CHARACTERS = 320
"""The longest sentence that the grammar admits."""
TOKENS_PER_SENTENCE = 80
"""What that takes, in tokens of a language model, about."""
MOST_SENTENCES = 8

# A full stop inside a sentence is one that the splitter of answers does not take for its end:
# in a number or name, before a small letter, after an initial or an abbreviation.
_RULES = r"""
sent ::= first rest{1,LIMIT} (end " "? cites | " "? cites end)
cites ::= cite (" "? cite){0,2}
cite ::= "[" num "]"
end ::= [.!?。！？] ["”»’)]?
first ::= [A-Z] ". " | [^ .,;:!?。！？\[\]【】<>|{}\U00000000-\U0000001F\U0000007F-\U000000A0]
rest ::= char | "." tight | [.?!] " " lower | [ (] short ". " [A-Z]
short ::= [A-Z] | "al" | "cf" | "e.g" | "i.e" | "vs" | "Dr" | "Prof" | "St"
tight ::= [^ .!?。！？\[\]【】<|\U00000000-\U0000001F\U0000007F-\U000000A0]
lower ::= [a-z0-9(]
char ::= [^.!?。！？\[\]【】\U00000000-\U0000001F\U0000007F-\U000000A0]
"""


def citation_grammar(passages: int, *, max_tokens: int) -> str:
    """GBNF for an answer over `passages` numbered passages.

    The number of sentences follows `max_tokens`, so that the last one is finished within it.

    Raises:
        ValueError: when there is no passage to cite.
    """
    if passages < 1:
        raise ValueError("a citation grammar needs at least one passage")
    more = max(1, min(MOST_SENTENCES, max_tokens // TOKENS_PER_SENTENCE)) - 1
    numbers = " | ".join(f'"{number}"' for number in range(1, passages + 1))
    return (
        f'root ::= " "? ("{_escaped(REFUSAL)}" | item (break item){{0,{more}}})\n'
        'item ::= ("- " | [1-9] ". ")? sent\n'
        'break ::= " " | "\\n" "\\n"?\n'
        f"num ::= {numbers}" + _RULES.replace("LIMIT", str(SENTENCE_CHARACTERS))
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


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
