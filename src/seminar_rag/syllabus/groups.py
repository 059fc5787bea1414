"""Which pieces of a page are in the same kind of place, or say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from seminar_rag.syllabus.pieces import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = re.compile(r"\d+")


def signature(piece: Piece) -> tuple[object, ...]:
    """Pieces with the same signature stand in the same kind of place on their page."""
    bold = piece.item.bold > 0
    opens = piece.cut not in {"stop", "dash", "link", "label"}
    return (
        piece.kind,
        piece.level,
        piece.source.depth,
        piece.table,
        piece.column if piece.table >= 0 else 0,
        opens or piece.cut,
        bold,
        bool(piece.item.links),
    )


def groups(pieces: Sequence[Piece]) -> list[list[int]]:
    """For every piece three groups it belongs to: its signature, its place, its list."""
    kinds: tuple[Callable[[Piece], Hashable], ...] = (
        signature,
        lambda p: (p.kind, p.level, p.source.depth, p.table, p.column),
        lambda p: (p.file, p.path, p.kind, p.source.depth, p.parent, p.table, p.row, p.column),
    )
    return [numbered(map(kind, pieces)) for kind in kinds]


def numbered(values: Iterable[Hashable]) -> list[int]:
    """A number for each value, the same for equal ones."""
    ids: dict[Hashable, int] = {}
    return [ids.setdefault(value, len(ids)) for value in values]


def shifted(values: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """The rows of the pieces so many places before; -2 where there are none."""
    import numpy as np

    found = np.full_like(values, -2.0)
    if by > 0:
        found[by:] = values[:-by]
    else:
        found[:by] = values[-by:]
    return found


def group_means(values: NDArray[np.float32], group: Sequence[int]) -> NDArray[np.float32]:
    """Of every piece the mean of the rows of its group."""
    import numpy as np

    ids = np.asarray(group)
    count = np.bincount(ids).astype(np.float32)
    sums = np.zeros((len(count), values.shape[1]), np.float32)
    np.add.at(sums, ids, values)
    return np.asarray((sums / count[:, None])[ids], np.float32)


def repeated(pieces: Sequence[Piece]) -> NDArray[np.float32]:
    """How often the page says the same, and the same but for its numbers: "Reading:", "Slides"."""
    import numpy as np

    same = [piece.text.casefold().strip(" .:;()[]") for piece in pieces]
    but_numbers = [_DIGITS.sub("0", text) for text in same]
    counts = [Counter(texts) for texts in (same, but_numbers)]
    often = [(counts[0][a], counts[1][b]) for a, b in zip(same, but_numbers, strict=True)]
    return np.minimum(np.array(often, np.float32), 20)
