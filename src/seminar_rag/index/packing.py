"""Embeddings as the database keeps them: numbers of two bytes, and a byte that says so.

Of a unit vector each number is off by a two-thousandth of itself at most, so that cosines hold to
the fourth place. Databases of earlier versions have numbers of four bytes, without that byte; both
may lie side by side, and are told apart by their length, which is odd or even.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seminar_rag.index.engine import Connection

    Matrix = NDArray[np.float32]

_MARK = b"h"
_DIMENSIONS = (
    "CASE length(vector) & 1 WHEN 1 THEN (length(vector) - 1) / 2 ELSE length(vector) / 4 END"
)
_BATCH = 500
"""Embeddings that are packed at a time where all are, so that memory stays bounded."""


def packed(vectors: Matrix) -> list[bytes]:
    """Each row as it is stored."""
    return [row.tobytes() + _MARK for row in np.ascontiguousarray(vectors, "<f2")]


def unpacked(blobs: Sequence[bytes], dimensions: int) -> Matrix:
    """Stored values that `is_vector` holds for, as rows of shape (len(blobs), dimensions)."""
    out = np.empty((len(blobs), dimensions), np.float32)
    for odd, kind, end in ((0, "<f4", 0), (1, "<f2", 1)):
        at = [i for i, blob in enumerate(blobs) if len(blob) % 2 == odd]
        if at:
            rows = np.frombuffer(b"".join(blobs[i] for i in at), np.uint8).reshape(len(at), -1)
            out[at] = np.ascontiguousarray(rows[:, : rows.shape[1] - end]).view(kind)
    return out


def dimensions_of(size: int) -> int:
    """How many numbers a stored value of that many bytes has; 0 where it is no embedding."""
    return (size - 1) // 2 if size % 2 else size // 4 * (size % 4 == 0)


def numbers(blob: bytes) -> Matrix:
    """The numbers of one stored value that has an embedding's size."""
    kind = "<f2" if len(blob) % 2 else "<f4"
    return np.frombuffer(blob, kind, dimensions_of(len(blob))).astype(np.float32)


def is_vector(blob: object, dimensions: int = 0) -> bool:
    """Whether a stored value is an embedding, of that many dimensions if that is given."""
    if not isinstance(blob, bytes) or not (count := dimensions_of(len(blob))):
        return False
    if len(blob) % 2 and not blob.endswith(_MARK):
        return False
    if dimensions and count != dimensions:
        return False
    return bool(np.isfinite(numbers(blob)).all())


def is_unit(blob: bytes) -> bool:
    """Whether an embedding has length 1, as all have that are stored."""
    return bool(abs(np.linalg.norm(numbers(blob)) - 1) < 0.01)


def usual_dimensions(db: Connection) -> int:
    """Those of most of the database's embeddings; 0 where there are none."""
    found = db.execute(
        f"SELECT {_DIMENSIONS} FROM passage GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchone()
    return (found[0] or 0) if found else 0


def pack_all(db: Connection) -> None:
    """Pack the embeddings that an earlier version stored; damaged ones stay as they are."""
    last = 0
    query = (
        "SELECT key, vector FROM passage WHERE key > ? AND (length(vector) & 1) = 0"
        f" ORDER BY key LIMIT {_BATCH}"
    )
    while rows := db.execute(query, (last,)).fetchall():
        sound = [(key, blob) for key, blob in rows if is_vector(blob)]
        db.executemany(
            "UPDATE passage SET vector = ? WHERE key = ?",
            [(packed(numbers(blob)[np.newaxis])[0], key) for key, blob in sound],
        )
        last = rows[-1][0]
