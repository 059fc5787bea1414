"""What is learned about questions from examples: data files, and the weights that were fitted.

Each classifier has its examples in `data/NAME.txt`, where a new wording is a new line, and its
weights in `data/NAME.npz`, which `benchmarks/questions.py --fit` fits to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

_DATA = resources.files("seminar_rag.question").joinpath("data")


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression over the words of a wording and over runs of neighbouring words."""

    classes: tuple[str, ...]
    terms: Mapping[str, int]
    """A word, or several with spaces between → its column."""
    slopes: NDArray[np.float16]
    """Of shape (classes, terms)."""
    offsets: NDArray[np.float16]
    """Of shape (classes,)."""
    longest: int = 2
    """Words of a run, at most."""
    dimensions: NDArray[np.float16] | None = None
    """Slopes of the dimensions of a text's vector, of shape (classes, dimensions)."""

    def probabilities(
        self, shape: str, vector: NDArray[np.float32] | None = None
    ) -> dict[str, float]:
        """How probable each class is of a wording that is written as those it was fitted to.

        Args:
            vector: of the text, where the weights were fitted to vectors too.
        """
        words = shape.split()
        runs = range(1, self.longest + 1)
        there = {
            " ".join(words[at : at + run]) for run in runs for at in range(len(words) - run + 1)
        }
        columns = [self.terms[term] for term in there if term in self.terms]
        table = self.slopes[:, columns].astype(np.float64)
        scores = table.sum(axis=1) / max(1, len(columns)) ** 0.5 + self.offsets
        if self.dimensions is not None and vector is not None:
            scores += self.dimensions.astype(np.float64) @ vector
        powers = np.exp(scores - scores.max())
        return dict(zip(self.classes, (powers / powers.sum()).tolist(), strict=True))


def read_examples(name: str) -> Iterator[tuple[str, str]]:
    """The pairs (class, question) of `data/NAME.txt`; no class before the first heading."""
    found = ""
    for line in (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found = line.strip("[]")
        elif line and not line.startswith("#"):
            yield found, line


def read_weights(name: str) -> tuple[Weights, str]:
    """The weights of `data/NAME.npz`, and the digest of what they were fitted to."""
    with (_DATA / f"{name}.npz").open("rb") as file, np.load(file) as held:
        terms = {str(term): column for column, term in enumerate(held["terms"])}
        classes = tuple(map(str, held["classes"]))
        weights = Weights(
            classes,
            terms,
            held["slopes"],
            held["offsets"],
            int(held["longest"]),
            held.get("dimensions"),
        )
        return weights, str(held["digest"])


def read_list(name: str, what: str) -> tuple[str, ...]:
    """Texts that lie beside the weights of `data/NAME.npz`."""
    with (_DATA / f"{name}.npz").open("rb") as file, np.load(file) as held:
        return tuple(map(str, held[what]))


def digest(rows: Iterable[tuple[str, str]]) -> str:
    """Changes with the rows that weights are fitted to."""
    lines = "\n".join("\t".join(row) for row in sorted(rows))
    return hashlib.sha256(lines.encode()).hexdigest()
