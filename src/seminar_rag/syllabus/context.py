"""What a piece is, seen among what the pieces around it were taken for.

A first forest looks at each piece by its own text, place and neighbours' looks. Whether a line is a
reading also shows in what the lines beside it turned out to be: in a list whose other items are
readings it is likely one, in a row whose other cells are none it is likely none. A second forest
sees the first one’s probabilities of a piece, its neighbours and the pieces in places like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seminar_rag.syllabus.features import KEY_COLUMNS
from seminar_rag.syllabus.groups import group_means, groups, numbered, shifted
from seminar_rag.syllabus.model import READING, SESSION, Model
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.series import place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEAR = (1, 2, 3, -1, -2, -3)
_SECOND = 0.75
"""How much of a label the second forest decides. Chosen together with `_STEPS` of
`benchmarks/train_syllabus.py`."""
_LEAST = 1e-6
_FAR = 30
"""So many pieces away, a session's beginning says no more."""


def likely(pieces: Sequence[Piece], rows: NDArray[np.float32], model: Model) -> NDArray[np.float32]:
    """How likely each piece is what, as both forests say it."""
    alone = model.labels.probabilities(rows)
    return joined(alone, model.context.probabilities(context_features(pieces, rows, alone)))


def joined(alone: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weighted geometric mean of what the first and the second forest say."""
    import numpy as np

    whole = (alone + _LEAST) ** (1 - _SECOND) * (among + _LEAST) ** _SECOND
    return np.asarray(whole / whole.sum(1, keepdims=True), np.float32)


def context_features(
    pieces: Sequence[Piece], rows: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """One row for each piece of a page.

    Args:
        rows: the `features` of the pieces.
        probabilities: what the first forest takes them for.
    """
    import numpy as np

    parts = [probabilities, *(shifted(probabilities, by) for by in _NEAR)]
    kinds = groups(pieces)
    parts += [group_means(probabilities, kind) for kind in kinds]
    parts += [_others(probabilities, kind) for kind in kinds]
    same = numbered(piece.text.casefold() for piece in pieces)
    beside = numbered(place(piece) for piece in pieces)
    parts += [group_means(probabilities, same), group_means(probabilities, beside)]
    parts += [_others(probabilities, beside), _since_session(probabilities)]
    parts.append(np.repeat(probabilities.mean(0)[None], len(pieces), 0))
    parts.append(rows[:, KEY_COLUMNS])
    return np.hstack(parts).astype(np.float32)


def _others(probabilities: NDArray[np.float32], group: Sequence[int]) -> NDArray[np.float32]:
    """How many of the others in a piece's group are likely readings, what share of them, and how
    many others there are."""
    import numpy as np

    ids = np.asarray(group)
    sure = probabilities[:, READING]
    sums = np.bincount(ids, sure)[ids] - sure
    count = np.bincount(ids)[ids] - 1
    return np.stack([sums, sums / np.maximum(count, 1), count], 1).clip(0, 50)


def _since_session(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the session's likely beginning is, and how many likely readings lie between."""
    import numpy as np

    found = np.zeros((len(probabilities), 2), np.float32)
    far, readings = _FAR, 0.0
    for n, row in enumerate(probabilities):
        if row[SESSION] > 0.5:
            far, readings = 0, 0.0
        found[n] = far, readings
        far, readings = min(far + 1, _FAR), readings + float(row[READING])
    return found
