"""How well passages fit a question: both sides of a search as one score, and late interaction.

In that each word of the question is compared with its nearest word in the passage, both as the
embedding model reads them in their context, and rare words count more: MaxSim (Khattab & Zaharia
2020, ColBERT) over a model that was not trained for it, with inverse document frequency in place of
training. A passage keeps only the signs of its content words' vectors, 48 bytes a word with 384
dimensions; the question keeps its numbers, so that the product of both estimates the cosine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.text import content_words

if TYPE_CHECKING:
    from seminar_rag.models.embed import Matrix, Words


CANDIDATES = 200
"""How many passages each side proposes."""
DENSE_WEIGHT = 0.8
"""Of the dense side's standardised scores; the lexical side has 1."""
LATE_WEIGHT = 5.0
"""Of that comparison's standardised scores, beside the other two."""
_SCALE = (1 + DENSE_WEIGHT) / (1 + DENSE_WEIGHT + LATE_WEIGHT)
"""Keeps the scores about as far apart as without the comparison."""


def fuse(dense: Mapping[str, float], sparse: Mapping[str, float]) -> dict[str, float]:
    """The weighted sum of both searches' scores, each in standard deviations from the mean of its
    search's best `CANDIDATES`. A passage that a search did not find gets its lowest score."""
    total: dict[str, float] = dict.fromkeys([*dense, *sparse], 0.0)
    for side, weight in ((dense, DENSE_WEIGHT), (sparse, 1.0)):
        if not side:
            continue
        by_id = dict(zip(side, standardise(list(side.values())), strict=True))
        floor = min(by_id.values())
        for id_ in total:
            total[id_] += weight * by_id.get(id_, floor)
    return total


def compare(scores: Mapping[str, float], near: Mapping[str, float | None]) -> dict[str, float]:
    """Fused scores with the comparison word by word added.

    Args:
        near: what the comparison gives for the best of them; None where there is nothing to
            compare, which counts as the mean. What was not compared stays behind them all.
    """
    known = {id_: value for id_, value in near.items() if value is not None}
    added = dict(zip(known, standardise(list(known.values())), strict=True))
    out = {id_: _SCALE * (scores[id_] + LATE_WEIGHT * added.get(id_, 0.0)) for id_ in near}
    if len(near) < len(scores):
        lowest = min(out.values(), default=0.0)
        rest = {id_: score for id_, score in scores.items() if id_ not in near}
        step = max(rest.values()) - lowest
        out |= {id_: score - max(0.0, step) - 1e-6 for id_, score in rest.items()}
    return out


def standardise(scores: Sequence[float]) -> list[float]:
    """Deviations from the mean of the best `CANDIDATES`; all zero where these do not differ."""
    values = np.asarray(scores, np.float64)
    best = np.sort(values)[-CANDIDATES:]
    spread = float(best.std()) if len(best) else 0.0
    if spread < 1e-9:
        return [0.0] * len(values)
    return [float(z) for z in (values - best.mean()) / spread]


Rarity = Callable[[Sequence[str]], Mapping[str, float]]

_PART = re.compile(r"[^\W_]+")
_SIGNS = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) - 1
"""The eight signs of each byte, shape (256, 8)."""
LENGTH = 0.02
"""Penalty on a passage's score per logarithm of its number of words: the more words, the nearer
the nearest of them to anything. Pivoted length normalisation (Singhal et al. 1996) does the same
for BM25."""


def pack(words: Words) -> bytes:
    """The signs of the content words' vectors, a bit each, every word padded to whole bytes."""
    content = [i for i, word in enumerate(words.texts) if _is_content(word)]
    return np.packbits(words.vectors[content] > 0, axis=1).tobytes()


@dataclass(frozen=True, slots=True)
class QueryWords:
    """The content words of a question, as vectors and weights."""

    vectors: Matrix
    """Shape (words, dimensions), rows of length 1."""
    weights: Matrix
    """Shape (words,), summing to 1."""

    def scores(self, packed: Sequence[bytes]) -> list[float | None]:
        """The weighted mean of the words' best estimated cosines in each passage, about -1 to 1,
        less `LENGTH` times the logarithm of its words. None for a passage without a word to
        compare."""
        count, dimensions = self.vectors.shape
        width = -(-dimensions // 8)
        sizes = [len(one) // width for one in packed]
        out: list[float | None] = [None] * len(packed)
        full = [i for i, size in enumerate(sizes) if size]
        if not full or not count:
            return out
        bits = np.frombuffer(b"".join(packed[i] for i in full), np.uint8).reshape(-1, width)
        # What each value of a byte adds to a word's product is worked out once and looked up, which
        # takes half the time of unpacking every byte into eight numbers, and no memory for them.
        padded = np.pad(self.vectors, ((0, 0), (0, 8 * width - dimensions)))
        tables = _SIGNS @ padded.reshape(count, width, 8).transpose(1, 2, 0)
        near = np.zeros((len(bits), count), np.float32)
        added = np.empty_like(near)
        for table, own in zip(tables, np.ascontiguousarray(bits.T), strict=True):
            near += np.take(table, own, axis=0, out=added, mode="clip")
        starts = np.cumsum([0, *(sizes[i] for i in full[:-1])])
        best = np.maximum.reduceat(near, starts, axis=0) @ self.weights / np.sqrt(dimensions)
        for i, value in zip(full, best, strict=True):
            out[i] = float(value) - LENGTH * math.log(sizes[i] + 1)
        return out

    def similarity(self, words: Words) -> float:
        """The weighted mean of the words' best cosines in one text, without the penalty for length.
        It is exact, since the text's vectors are at hand; 0 without content words."""
        content = [i for i, word in enumerate(words.texts) if _is_content(word)]
        if not content or not len(self.weights):
            return 0.0
        best = (words.vectors[content] @ self.vectors.T).max(axis=0)
        return float(best @ self.weights)


def query_words(words: Words, rarity: Rarity) -> QueryWords:
    """The content words of a question, weighted by how rare they are."""
    chosen = [i for i, word in enumerate(words.texts) if _is_content(word)]
    rare = rarity(list(dict.fromkeys(words.texts[i] for i in chosen)))
    weights = np.asarray([max(0.0, rare[words.texts[i]]) for i in chosen], np.float32)
    total = float(weights.sum())
    return QueryWords(words.vectors[chosen], weights / total if total > 0 else weights)


def leave_out(words: Words, others: str, but: str) -> Words:
    """The words of a question without those of the text `others`, but for those that the text `but`
    has as well."""
    gone = set(_PART.findall(others.lower())) - set(_PART.findall(but.lower()))
    kept = [i for i, word in enumerate(words.texts) if word not in gone]
    return replace(words, texts=tuple(words.texts[i] for i in kept), vectors=words.vectors[kept])


def _is_content(word: str) -> bool:
    return bool(content_words(word))
