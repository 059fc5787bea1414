"""The trained weights: boosted decision trees, evaluated by a few lines of numpy.

`weights.npz` is written by `benchmarks/train_syllabus.py`. Each forest is held as flat arrays over
all its nodes: which number is looked at, the threshold, where the right branch begins, the values
of the leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 256
"""How many rows go through the trees at once, which bounds the memory."""
WEIGHTS = Path(__file__).with_name("weights.npz")

OTHER, SESSION, TITLE, LABEL, READING, MORE = range(6)
"""What a piece of a page is: the classes of `Model.labels` and `Model.context`."""


_LEAVES = 16
"""The most leaves of a tree: a bit for each."""


class Forest:
    """Trees whose values add up to one score for each class.

    A row's leaf in every tree is found without going down any: each comparison that fails takes
    the leaves on its left away, and the first leaf that is left is the row's (QuickScorer: Lucchese
    et al., "QuickScorer: A Fast Algorithm to Rank Documents with Additive Ensembles of Regression
    Trees", SIGIR 2015).

    Args:
        roots: where each tree begins; tree `n` votes for class `n % classes`.
        feature: the number that a node looks at; -1 at a leaf. The nodes of a tree follow each
            other: a node, those on its left, those on its right.
        threshold: of each node that is no leaf; a row goes left where its number is at most this.
        values: of each leaf.
        skip: how many nodes after a node its right branch begins.
    """

    def __init__(
        self,
        roots: NDArray[np.int32],
        feature: NDArray[np.int16],
        threshold: NDArray[np.float32],
        values: NDArray[np.float16],
        skip: NDArray[np.uint8],
        classes: int,
    ) -> None:
        import numpy as np

        self.classes = classes
        sizes = np.diff([*roots, len(feature)])
        tree = np.repeat(np.arange(len(roots)), sizes)
        is_leaf = feature < 0
        before = np.concatenate([[0], np.cumsum(is_leaf)])
        self._values = values.astype(np.float32)
        self._first = before[roots]
        nodes = np.flatnonzero(~is_leaf)
        lost = before[nodes + skip[nodes]] - before[nodes]
        shift = before[nodes] - self._first[tree[nodes]]
        if len(nodes) and (lost + shift).max() >= _LEAVES:
            raise ValueError(f"a tree has more than {_LEAVES} leaves")
        order = np.arange(len(nodes)) - np.searchsorted(nodes, roots)[tree[nodes]]
        shape = (int(order.max(initial=-1)) + 1, len(roots))
        # a comparison that never fails stands where a tree has fewer than the others
        self._feature = np.zeros(shape, np.intp)
        self._threshold = np.full(shape, np.inf, np.float32)
        self._kept = np.full(shape, 2**_LEAVES - 1, np.uint16)
        self._feature[order, tree[nodes]] = feature[nodes]
        self._threshold[order, tree[nodes]] = threshold
        self._kept[order, tree[nodes]] = ~(((1 << lost) - 1) << shift) & (2**_LEAVES - 1)

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sums of the trees' values, one column for each class."""
        import numpy as np

        parts = [self._scores(rows[n : n + _ROWS]) for n in range(0, len(rows), _ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, self.classes), np.float32)

    def _scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        left = np.full((len(rows), len(self._first)), 2**_LEAVES - 1, np.uint16)
        for number, threshold, kept in zip(self._feature, self._threshold, self._kept, strict=True):
            holds = rows.take(number, axis=1) <= threshold
            left &= np.where(holds, np.uint16(2**_LEAVES - 1), kept)
        values = self._values[self._first + _lowest_bits()[left]]
        summed = values.reshape(len(rows), -1, self.classes).sum(axis=1)
        return np.asarray(summed, np.float32)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores as probabilities: over the classes, or of "yes" where there is one."""
        import numpy as np

        scores = self.scores(rows)
        if self.classes == 1:
            return np.asarray(1 / (1 + np.exp(-scores)), np.float32)
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return np.asarray(scores / scores.sum(1, keepdims=True), np.float32)


@cache
def _lowest_bits() -> NDArray[np.intp]:
    """The place of the lowest bit that is set in each number of 16 bits."""
    import numpy as np

    numbers = np.arange(2**_LEAVES)
    lowest = numbers & -numbers
    return np.asarray(np.log2(np.maximum(lowest, 1)), np.intp)


@dataclass(frozen=True, slots=True)
class Model:
    """All that was learned."""

    labels: Forest
    """What a piece is, by its own look and its neighbours'."""
    context: Forest
    """What a piece is, given what `labels` takes the pieces around it for."""
    title: Forest
    authors: Forest
    section: Forest
    """Whether a reading is beyond what is required."""
    series: Forest
    """How well a series of pieces parts a page into its sessions: the highest is taken."""
    whole: Forest
    """Whether what was found is a reading, as a whole and beside the others of its page."""
    steps: NDArray[np.float32]
    """How likely a label follows another, as logarithm against chance."""


PARTS = ("roots", "feature", "threshold", "values", "skip")
"""The arrays of a forest."""


def flat(dump: dict[str, Any], classes: int) -> dict[str, NDArray[Any]]:
    """The arrays of a forest, from LightGBM's dump of it."""
    import numpy as np

    roots: list[int] = []
    nodes: list[tuple[int, float, int]] = []

    def put(node: dict[str, Any]) -> int:
        at = len(nodes)
        if "leaf_value" in node:
            nodes.append((-1, node["leaf_value"], 0))
            return at
        nodes.append((0, 0.0, 0))
        put(node["left_child"])
        nodes[at] = (node["split_feature"], node["threshold"], put(node["right_child"]) - at)
        return at

    for tree in dump["tree_info"]:
        roots.append(put(tree["tree_structure"]))
    feature, number, skip = zip(*nodes, strict=True)
    is_leaf = np.array(feature) < 0
    return {
        "roots": np.array(roots, np.int32),
        "feature": np.array(feature, np.int16),
        "threshold": np.array(number, np.float32)[~is_leaf],
        "values": np.array(number)[is_leaf],
        "skip": np.array(skip, np.uint8),
        "classes": np.array(classes),
    }


def model_of(arrays: dict[str, NDArray[Any]]) -> Model:
    """A model from its arrays, named "forest.array"."""

    def forest(name: str) -> Forest:
        own = {part: arrays[f"{name}.{part}"] for part in PARTS}
        return Forest(**own, classes=int(arrays[f"{name}.classes"]))

    return Model(
        labels=forest("labels"),
        context=forest("context"),
        title=forest("title"),
        authors=forest("authors"),
        section=forest("section"),
        series=forest("series"),
        whole=forest("whole"),
        steps=arrays["steps"],
    )


@cache
def trained() -> Model:
    """The model that the package carries."""
    import numpy as np

    with np.load(WEIGHTS) as file:
        return model_of(dict(file))
