"""Measures what a claim and its evidence have in common, for the fitted model and the rules.

The module knows no labels and no weights, and is pure but for the embedding function, which is
passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seminar_rag.check.terms import Term, acronyms, keys, same_number, terms

Matrix = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Matrix]
"""Texts to rows of length 1, shape (len(texts), dimensions)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a claim shares with the sentences of the evidence."""

    terms: tuple[Term, ...]
    """The claim's distinct terms."""
    covered: NDArray[np.bool_]
    """Shape (sentences, terms): which sentence has which term."""
    windows: NDArray[np.bool_]
    """The same shape: what each sentence and the three after it in its passage cover together."""
    soft: NDArray[np.float64]
    """Shape (terms,): 1 where the best evidence has the term, else how near its words come."""
    order: tuple[int, ...]
    """Sentence indices, best evidence first."""
    features: dict[str, float]
    """By the names in `FEATURES`; more support never lowers one, but for "names claimed"."""


FEATURES = {
    "meaning": "length of the claim's vector within the span of the six best sentences' vectors",
    "window": "share of terms that the best four neighbouring sentences cover",
    "words": "mean over terms of the nearest evidence word: 1 for the same, else cosine",
    "weakest word": "the lowest of these",
    "numbers": "share of the claim's numbers that the evidence has; 1 without numbers",
    "names": "mean nearness of the claim's names; 1 without names",
    "names claimed": "how many names the claim has",
    "word pairs": "share of the claim's neighbouring terms that neighbour in the evidence",
    "weakest clause": "lowest share, over clauses, that four neighbouring sentences cover",
}
"""The features by name, each with what it measures."""

_RANK_COVERAGE = 1.5
"""Weight of rare-word coverage against cosine in the ranking; 1 to 2 find as much."""
_POOL = 6
_READ = 24
"""Sentences that are embedded, those with the most of the claim's rarer words. Embedding takes
nearly all the time, and on WiCE, with some 80 sentences a claim, 24 do as well as all."""
_WINDOW = 4


def compare(
    claim: str, sentences: Sequence[str], breaks: Sequence[int], embed: Embed, known: str = ""
) -> Comparison:
    """Compare `claim` with the sentences of the evidence; neither may be without content terms.

    Args:
        breaks: the indices where a passage starts, which windows do not cross.
        embed: turns texts into unit vectors.
        known: what the reader knows without the sentences, such as a title; its terms count as
            covered.
    """
    distinct = tuple({term.key: term for term in reversed(terms(claim))}.values())[::-1]
    covered = _coverage(claim, sentences, distinct)
    rare = _rare_coverage(covered)
    read = np.sort(np.argsort(-rare, kind="stable")[:_READ])
    vectors = embed([claim, *(sentences[i] for i in read)])
    cosine = np.full(len(sentences), -1.0)
    cosine[read] = vectors[1:] @ vectors[0]
    order = np.argsort(-(cosine + _RANK_COVERAGE * rare), kind="stable")
    given = keys(known, {}) if known else set()
    covered = covered | np.array([term.key in given for term in distinct])[None]
    windows = _windows(covered, breaks)
    best = int(np.argmax(windows.mean(axis=1)))
    pool = dict.fromkeys([*order[:_POOL].tolist(), *range(best, min(best + 3, len(sentences)))])
    evidence = [sentences[i] for i in pool]
    soft = _nearness(distinct, covered[list(pool)].any(axis=0), evidence, embed)
    kinds = np.array([term.kind for term in distinct])
    features = {
        "meaning": _projection(vectors[0], vectors[1:][np.searchsorted(read, order[:_POOL])]),
        "window": float(windows[best].mean()),
        "words": float(soft.mean()),
        "weakest word": float(soft.min()),
        "numbers": _mean(soft[kinds == "number"]),
        "names": _mean(soft[kinds == "name"]),
        "names claimed": float((kinds == "name").sum()),
        "word pairs": _pairs(claim, evidence),
        "weakest clause": _weakest_clause(claim, distinct, windows),
    }
    return Comparison(distinct, covered, windows, soft, tuple(order.tolist()), features)


def _coverage(claim: str, sentences: Sequence[str], distinct: Sequence[Term]) -> NDArray[np.bool_]:
    aliases = acronyms([claim, *sentences])
    out = np.zeros((len(sentences), len(distinct)), bool)
    for row, sentence in enumerate(sentences):
        have = keys(sentence, aliases)
        numbers = [term for term in terms(sentence) if term.kind == "number"]
        for column, term in enumerate(distinct):
            out[row, column] = (
                any(same_number(term, other) for other in numbers)
                if term.kind == "number"
                else term.key in have
            )
    return out


def _rare_coverage(covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the claim's terms per sentence, those that few sentences have counting more."""
    weights = np.log1p(len(covered) / (covered.sum(axis=0) + 0.5))
    share: NDArray[np.float64] = (covered @ weights) / weights.sum()
    return share


def _windows(covered: NDArray[np.bool_], breaks: Sequence[int]) -> NDArray[np.bool_]:
    """Row i: what sentences i to i + 3 of one passage cover together."""
    out = covered.copy()
    starts = [0, *breaks, len(covered)]
    for start, end in pairwise(starts):
        for ahead in range(1, min(_WINDOW, end - start)):
            out[start : end - ahead] |= covered[start + ahead : end]
    return out


def _nearness(
    distinct: Sequence[Term], covered: NDArray[np.bool_], evidence: Sequence[str], embed: Embed
) -> NDArray[np.float64]:
    """1 where covered; else the best cosine of the word to any word of the evidence.

    Numbers and names with digits are compared exactly: "GPT-4" is near "GPT-3" in any space.
    """
    soft = covered.astype(np.float64)
    open_ = [
        column
        for column, term in enumerate(distinct)
        if not covered[column] and not re.search(r"\d", term.text) and term.kind != "number"
    ]
    words = dict.fromkeys(
        term.text.lower() for text in evidence for term in terms(text) if term.kind != "number"
    )
    if open_ and words:
        mine = [distinct[column].text.lower() for column in open_]
        vectors = embed([*mine, *words])  # in one call: each has a price of its own
        cosines = vectors[: len(mine)] @ vectors[len(mine) :].T
        soft[open_] = np.maximum(0, cosines.max(axis=1))
    return soft


def _projection(vector: Matrix, basis: Matrix) -> float:
    directions, _ = np.linalg.qr(basis.T)
    return float(np.linalg.norm(directions.T @ vector))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 1.0


def _pairs(claim: str, evidence: Sequence[str]) -> float:
    mine = _neighbours(claim)
    theirs = set().union(*(_neighbours(text) for text in evidence))
    return len(mine & theirs) / len(mine) if mine else 1.0


def _neighbours(text: str) -> set[tuple[str, str]]:
    return set(pairwise(term.key for term in terms(text)))


_CLAUSE = re.compile(
    r"[,;:]\s|\s[–—-]\s|\s(?=(?:and|but|which|who|while|where|after|before|because|when|as)\s)"
)


def clauses(claim: str) -> list[tuple[int, int]]:
    """Spans of the clause-like pieces of `claim`, none under four words but the last."""
    out: list[tuple[int, int]] = []
    at = 0
    for match in _CLAUSE.finditer(claim):
        if len(claim[at : match.start()].split()) >= 4:
            out.append((at, match.start()))
            at = match.end()
    return [*out, (at, len(claim))]


def _weakest_clause(claim: str, distinct: Sequence[Term], windows: NDArray[np.bool_]) -> float:
    lowest = 1.0
    for start, end in clauses(claim):
        columns = [i for i, term in enumerate(distinct) if start <= term.start < end]
        if len(columns) >= 2:
            lowest = min(lowest, float(windows[:, columns].mean(axis=1).max()))
    return lowest


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why the evidence does not carry the claim, whatever the score says."""

    kind: Literal["number", "name", "opposite", "order", "negation", "widened", "clause"]
    label: Literal["partly", "unsupported", "contradicted"]
    reason: str
    sentence: int | None = None
    """The index of the sentence that shows it, if one does."""


@dataclass(frozen=True, slots=True)
class Case:
    """A claim beside the sentences of its evidence, as the rules see it."""

    claim: str
    sentences: Sequence[str]
    comparison: Comparison
    known: frozenset[str]
    """Keys of the terms that the claim may have although the evidence lacks them."""

    @property
    def best(self) -> tuple[int, ...]:
        """The indices of the three sentences that come nearest to the claim."""
        return self.comparison.order[:3]

    def shared(self, sentence: int, *columns: int) -> float:
        """The share of the claim's terms, without those in `columns`, that a sentence has."""
        others = [i for i in range(len(self.comparison.terms)) if i not in columns]
        return float(self.comparison.covered[sentence, others].mean()) if others else 0.0

    def near(self, share: float, *columns: int) -> list[int]:
        """Those of the best sentences that share so much with the claim, nearest first."""
        close = [i for i in self.best if self.shared(i, *columns) >= share]
        return sorted(close, key=lambda i: -self.shared(i, *columns))
