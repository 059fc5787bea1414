"""Measures what a claim and its evidence have in common, for the fitted model and the rules.

The module knows no labels and no weights, and is pure but for the embedding function, which is
passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seminar_rag.check.terms import Term, same_number, terms

Matrix = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Matrix]
"""Texts to rows of length 1, shape (len(texts), dimensions)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a claim shares with the sentences of the evidence."""

    terms: tuple[Term, ...]
    """The claim's distinct terms."""
    covered: NDArray[np.bool_]
    """Shape (sentences, terms): which sentence itself has which term."""
    given: NDArray[np.bool_]
    """Shape (terms,): which terms are known without the sentences, as from a title."""
    found: NDArray[np.bool_]
    """Shape (terms,): which terms the best evidence has, or are known without it."""
    order: tuple[int, ...]
    """Sentence indices, best evidence first."""
    features: dict[str, float]
    """By the names in `FEATURES`; more support never lowers one."""

    def share(self, sentence: int, *without: int) -> float:
        """The share of the claim's terms that a sentence has, those at `without` left out.

        What is known without the sentence, as from a title, counts only where it says it too.
        """
        asked = self.covered[sentence] | ~self.given
        asked[list(without)] = False
        return float(self.covered[sentence, asked].mean()) if asked.any() else 0.0

    def near(self, share: float, *without: int) -> list[int]:
        """Those of the three best sentences that have so much of the claim, nearest first."""
        found = {i: self.share(i, *without) for i in self.order[:3]}
        return sorted((i for i in found if found[i] >= share), key=lambda i: -found[i])


FEATURES = {
    "meaning": "length of the claim's vector within the span of the six best sentences' vectors",
    "window": "share of terms that the best four neighbouring sentences cover",
    "numbers": "share of the claim's numbers that the evidence has; 1 without numbers",
    "names": "share of the claim's names that the evidence has; 1 without names",
}
"""The features by name, each with what it measures."""

_RANK_COVERAGE = 1.5
"""Weight of rare-word coverage against cosine in the ranking; 1 to 2 find as much."""
_POOL = 6
_READ = 12
"""Sentences that are embedded, those with the most of the claim's rarer words. Embedding takes
nearly all the time, and 12 do as well as all; with 8 some verdicts change."""
_WINDOW = 4


class Overlap:
    """The terms that a claim shares with the sentences of the evidence, and which texts have to be
    embedded to go on. Neither claim nor sentences may be without content terms.
    """

    def __init__(self, claim: str, sentences: Sequence[str], known: str = "") -> None:
        """Args:
        known: what the reader knows without the sentences, such as a title; its terms count as
            covered.
        """
        self._terms = tuple({term.key: term for term in reversed(terms(claim))}.values())[::-1]
        self._given = {term.key for term in terms(known)}
        self._covered = np.array([_covers(sentence, self._terms) for sentence in sentences])
        weights = rarity(self._covered)
        self._rare = (self._covered @ weights) / weights.sum()
        self._read = np.sort(np.argsort(-self._rare, kind="stable")[:_READ])
        self.texts = [claim, *(sentences[i] for i in self._read)]

    def compare(self, vectors: Matrix) -> Comparison:
        """Compare by the unit vectors of `texts` too."""
        cosine = np.full(len(self._covered), -1.0)
        cosine[self._read] = vectors[1:] @ vectors[0]
        order = np.argsort(-(cosine + _RANK_COVERAGE * self._rare), kind="stable")
        given = np.array([term.key in self._given for term in self._terms])
        covered = self._covered | given
        together = covered.copy()  # row i: what sentences i to i + 3 cover
        for ahead in range(1, _WINDOW):
            together[:-ahead] |= covered[ahead:]
        window = together.mean(axis=1)
        best = int(np.argmax(window))
        found = covered[order[:_POOL]].any(axis=0) | covered[best : best + 3].any(axis=0)
        nearest = vectors[1:][np.searchsorted(self._read, order[:_POOL])]
        directions, _ = np.linalg.qr(nearest.T)
        kinds = np.array([term.kind for term in self._terms])
        features = {
            "meaning": float(np.linalg.norm(directions.T @ vectors[0])),
            "window": float(window[best]),
        } | {
            f"{kind}s": float(found[kinds == kind].mean()) if (kinds == kind).any() else 1.0
            for kind in ("number", "name")
        }
        return Comparison(self._terms, self._covered, given, found, tuple(order.tolist()), features)


def compare(claim: str, sentences: Sequence[str], embed: Embed) -> Comparison:
    """Compare a claim with the sentences of the evidence; see `Overlap`."""
    overlap = Overlap(claim, sentences)
    return overlap.compare(embed(overlap.texts))


def _covers(sentence: str, wanted: Sequence[Term]) -> list[bool]:
    """Which of the terms a sentence has."""
    there = terms(sentence)
    keys = {term.key for term in there}
    numbers = [term for term in there if term.kind == "number"]
    return [
        any(same_number(term, other) for other in numbers)
        if term.kind == "number"
        else term.key in keys
        for term in wanted
    ]


def rarity(covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What each term counts: the more, the fewer sentences have it."""
    weights: NDArray[np.float64] = np.log1p(len(covered) / (covered.sum(axis=0) + 0.5))
    return weights


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
