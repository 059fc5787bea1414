"""A claim beside the sentences that it is held against, as the rules see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seminar_rag.check.features import Comparison


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why the evidence does not carry the claim, whatever the score says."""

    kind: Literal["number", "bound", "name", "order", "opposite", "negation", "widened", "clause"]
    label: Literal["partly", "unsupported", "contradicted"]
    reason: str
    sentence: int | None = None
    """The sentence it is held against."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule looks at."""

    claim: str
    sentences: Sequence[str]
    held: Comparison
    known: frozenset[str]
    """Keys that are not held against the claim."""

    @property
    def best(self) -> tuple[int, ...]:
        """The three sentences that come nearest."""
        return self.held.order[:3]

    def rest(self, sentence: int, *columns: int) -> float:
        """Share of the claim's terms, those in `columns` left out, that the sentence has."""
        others = [i for i in range(len(self.held.terms)) if i not in columns]
        return float(self.held.covered[sentence, others].mean()) if others else 0.0

    def near(self, share: float, *columns: int) -> list[int]:
        """The best sentences that say nearly the same, nearest first."""
        close = [i for i in self.best if self.rest(i, *columns) >= share]
        return sorted(close, key=lambda i: -self.rest(i, *columns))
