"""The trained weights: boosted decision trees, evaluated by a few lines of numpy.

`weights.npz` is written by `benchmarks/train_syllabus.py`. Each forest is held as flat arrays over
all its nodes: which number is looked at, the threshold, the two children, the value of a leaf.
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
"""What a piece of a page is: the classes of `Model.labels`."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose values add up to one score for each class."""

    roots: NDArray[np.int32]
    """Where each tree begins; tree `n` votes for class `n % classes`."""
    feature: NDArray[np.int16]
    """The number that a node looks at; -1 at a leaf."""
    threshold: NDArray[np.float32]
    """A row goes left where its number is at most this; at a leaf, the leaf's value."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    classes: int

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sums of the trees' values, one column for each class."""
        import numpy as np

        parts = [self._scores(rows[n : n + _ROWS]) for n in range(0, len(rows), _ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, self.classes), np.float32)

    def _scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores of a few rows; all trees go down one level at a time."""
        import numpy as np

        every = np.arange(len(rows))[:, None]
        at = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        feature = self.feature[at]
        while (feature >= 0).any():
            goes_left = rows[every, np.maximum(feature, 0)] <= self.threshold[at]
            following = np.where(goes_left, self.left[at], self.right[at])
            at = np.where(feature >= 0, following, at)
            feature = self.feature[at]
        values = self.threshold[at].reshape(len(rows), -1, self.classes)
        return np.asarray(values.sum(axis=1), np.float32)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores as probabilities: over the classes, or of "yes" where there is one."""
        import numpy as np

        scores = self.scores(rows)
        if self.classes == 1:
            return np.asarray(1 / (1 + np.exp(-scores)), np.float32)
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return np.asarray(scores / scores.sum(1, keepdims=True), np.float32)


@dataclass(frozen=True, slots=True)
class Model:
    """All that was learned."""

    labels: Forest
    """Which of `LABELS` a piece is."""
    title: Forest
    authors: Forest
    section: Forest
    """Whether a reading is beyond what is required."""
    series: Forest
    """How well a series of pieces parts a page into its sessions: the highest is taken."""
    steps: NDArray[np.float32]
    """How likely a label follows another, as logarithm against chance."""


def flat(dump: dict[str, Any], classes: int) -> dict[str, NDArray[Any]]:
    """The arrays of a forest, from LightGBM's dump of it."""
    import numpy as np

    roots: list[int] = []
    nodes: list[tuple[int, float, int, int]] = []

    def put(node: dict[str, Any]) -> int:
        at = len(nodes)
        if "leaf_value" in node:
            nodes.append((-1, node["leaf_value"], 0, 0))
            return at
        nodes.append((0, 0.0, 0, 0))
        left, right = put(node["left_child"]), put(node["right_child"])
        nodes[at] = (node["split_feature"], node["threshold"], left, right)
        return at

    for tree in dump["tree_info"]:
        roots.append(put(tree["tree_structure"]))
    feature, threshold, left, right = zip(*nodes, strict=True)
    return {
        "roots": np.array(roots, np.int32),
        "feature": np.array(feature, np.int16),
        "threshold": np.array(threshold, np.float32),
        "left": np.array(left, np.int32),
        "right": np.array(right, np.int32),
        "classes": np.array(classes),
    }


def model_of(arrays: dict[str, NDArray[Any]]) -> Model:
    """A model from its arrays, named "forest.array"."""

    def forest(name: str) -> Forest:
        parts = ("roots", "feature", "threshold", "left", "right")
        roots, feature, threshold, left, right = (arrays[f"{name}.{part}"] for part in parts)
        classes = int(arrays[f"{name}.classes"])
        return Forest(roots, feature, threshold, left, right, classes)

    return Model(
        labels=forest("labels"),
        title=forest("title"),
        authors=forest("authors"),
        section=forest("section"),
        series=forest("series"),
        steps=arrays["steps"],
    )


@cache
def trained() -> Model:
    """The model that the package carries."""
    import numpy as np

    with np.load(WEIGHTS) as file:
        return model_of(dict(file))
