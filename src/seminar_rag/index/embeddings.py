"""Embeddings as the database keeps them, and compared without a vector store.

Each is kept as numbers of two bytes, and a byte that says so. Of a unit vector each number is off
by a two-thousandth of itself at most, so that cosines hold to the fourth place. Version 0.2.0 kept
numbers of four bytes, without that byte; both may lie side by side, and are told apart by their
length, which is odd or even.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seminar_rag.index.engine import Connection
    from seminar_rag.models.embed import Matrix

    Block = tuple[list[str], list[str], Matrix]
    """Passages, the documents they are of, and their vectors."""
    Piece = tuple[
        list[str],
        list[str],
        NDArray[np.float32 | np.int8],
        Matrix | None,
        NDArray[np.uint64] | None,
    ]
    """The same as it is held: the vectors' numbers, with what each byte stands for and the signs
    where numbers are bytes."""

_ROWS = 4096
"""Vectors that are read at a time, so that memory stays bounded."""
_TOGETHER = 512
"""Vectors that are compared at a time: as numbers they fit the processor's cache."""
COMPARED = 4_000
"""Of many vectors, those that are compared number by number, with all that are as like."""
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


# --- compared in memory --------------------------------------------------------------------------


class HeldVectors:
    """Vectors in memory, in the order of documents.

    Few are compared one by one. Of many, each number is kept as a byte, beside the signs of all:
    those whose signs are most alike are compared. Among 100,000 vectors, a course filled up with
    disturbed copies of its own, that finds 94% of the nearest 200 (160 questions) in 4 ms on one
    core; Chroma finds 24% there, in 2 ms, and takes four times the memory.
    """

    def __init__(
        self, blocks: Iterable[Block], exact: bool = True, kept: Iterable[Piece] = ()
    ) -> None:
        """Args:
        blocks: some rows each, those of one document side by side.
        exact: whether they are few enough.
        kept: what comes before them, of vectors that are held in the same way.
        """
        self.exact = exact
        self.ids: list[str] = []
        self._places: dict[str, tuple[int, int]] = {}
        """Where the rows of a document begin and end."""
        rows: list[NDArray[np.float32 | np.int8]] = []
        signs: list[NDArray[np.uint64]] = []
        scales: list[Matrix] = []
        for ids, documents, some, scale, own in chain(kept, (_piece(b, exact) for b in blocks)):
            for at, document in enumerate(documents, len(self.ids)):
                self._places[document] = (self._places.get(document, (at,))[0], at + 1)
            self.ids += ids
            rows.append(some)
            if scale is not None and own is not None:
                scales.append(scale)
                signs.append(own)
        self.rows = np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
        """Shape (len(ids), dimensions)."""
        self._rows = {id_: row for row, id_ in enumerate(self.ids)}
        self._scales = np.concatenate(scales) if scales else None
        self._signs = np.ascontiguousarray(np.concatenate(signs).T) if signs else None

    def lacking(self, ids: set[str]) -> set[str]:
        """Those of these ids that are not here."""
        return ids.difference(self._rows)

    def documents_beyond(self, ids: set[str]) -> set[str]:
        """The documents that have a vector here whose id is none of these."""
        places = self._places.items()
        return {one for one, span in places if not ids.issuperset(self.ids[slice(*span)])}

    def pieces(self, without: Collection[str]) -> Iterator[Piece]:
        """What is held, without some documents."""
        for document, (begin, end) in self._places.items():
            if document not in without:
                own = slice(begin, end)
                scales = None if self._scales is None else self._scales[own]
                signs = None if self._signs is None else self._signs.T[own]
                ids = self.ids[own]
                yield ids, [document] * len(ids), self.rows[own], scales, signs

    def nearest(
        self, vector: Matrix, k: int, documents: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        """The k nearest ids, of all or of some documents, with their cosine similarity, best
        first."""
        at = self._compared(vector, documents)
        scores = self._scores(vector, at)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self.ids[at[i]], float(scores[i])) for i in best]

    def cosines(self, vector: Matrix, ids: Sequence[str]) -> dict[str, float]:
        """The cosine similarity of those of these ids that there are."""
        at = [self._rows[id_] for id_ in ids if id_ in self._rows]
        scores = self._scores(vector, np.array(at, np.int64))
        return {self.ids[row]: float(score) for row, score in zip(at, scores, strict=True)}

    def _scores(self, vector: Matrix, at: NDArray[np.int64]) -> Matrix:
        """The cosine similarity of these rows."""
        scores = np.empty(len(at), np.float32)
        for first in range(0, len(at), _TOGETHER):
            rows = self.rows[at[first : first + _TOGETHER]]
            scores[first : first + _TOGETHER] = rows.astype(np.float32, copy=False) @ vector
        return scores if self._scales is None else scores * self._scales[at]

    def _compared(self, vector: Matrix, documents: Iterable[str] | None) -> NDArray[np.int64]:
        """The rows that are compared number by number."""
        if documents is not None:
            spans = [self._places[id_] for id_ in sorted(documents) if id_ in self._places]
            return np.concatenate([np.arange(0), *(np.arange(*span) for span in spans)])
        if self._signs is None or len(self.ids) <= COMPARED:
            return np.arange(len(self.ids))
        unlike = np.zeros(len(self.ids), np.uint16)
        for signs, own in zip(self._signs, _signs(vector[None])[0], strict=True):
            unlike += np.bitwise_count(signs ^ own)
        most = np.partition(unlike, COMPARED)[COMPARED - 1]
        return np.flatnonzero(unlike <= most)


def _signs(rows: Matrix) -> NDArray[np.uint64]:
    """The signs of each row's numbers, 64 in one."""
    packed = np.packbits(rows > 0, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def _piece(block: Block, exact: bool) -> Piece:
    """Vectors as they are held."""
    ids, documents, rows = block
    if exact:
        return ids, documents, rows, None, None
    scales = np.abs(rows).max(axis=1, keepdims=True).clip(1e-9) / 127
    return ids, documents, np.rint(rows / scales).astype(np.int8), scales[:, 0], _signs(rows)


def held_vectors(
    db: Connection, exact: bool = True, before: HeldVectors | None = None
) -> HeldVectors:
    """All vectors of the database, without those that are damaged: of another length than most.

    Args:
        before: what was held until passages changed. Only the documents of which passages came or
            went are read again, since a passage's id stands for its text, and so for its vector:
            of 100,000 passages all take a second, one document an eighth of that.
    """
    if before is not None and before.exact == exact and before.ids:
        now = {str(id_) for (id_,) in db.stream("SELECT id FROM passage")}
        come = db.execute(
            "SELECT DISTINCT document FROM passage WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(before.lacking(now))),),
        ).fetchall()
        if changed := before.documents_beyond(now).union(*come):
            fresh = _blocks(db, before.rows.shape[1], changed)
            before = HeldVectors(fresh, exact, before.pieces(changed))
        if not before.lacking(now):  # damaged ones may be of the length that most now have
            return before
    return HeldVectors(_blocks(db, usual_dimensions(db)), exact)


def _blocks(
    db: Connection, dimensions: int, documents: Iterable[str] | None = None
) -> Iterator[Block]:
    """The vectors of that many dimensions; of all documents, or of some."""
    if not dimensions:
        return
    within, values = "", list[str]()
    if documents is not None:
        within = "WHERE document IN (SELECT value FROM json_each(?))"
        values = [json.dumps(sorted(documents))]
    rows = db.stream(
        f"SELECT id, document, vector FROM passage {within} ORDER BY document, ordinal", values
    )
    while part := list(islice(rows, _ROWS)):
        part = [
            row
            for row in part
            if isinstance(row[2], bytes) and dimensions_of(len(row[2])) == dimensions
        ]
        whole = unpacked([row[2] for row in part], dimensions)
        sound = np.asarray(np.isfinite(whole).all(axis=1))
        part = [row for row, is_sound in zip(part, sound.tolist(), strict=True) if is_sound]
        if part:
            yield [row[0] for row in part], [row[1] for row in part], whole[sound]


def nearest_within(
    db: Connection, documents: Iterable[str], vector: Matrix, k: int
) -> list[tuple[str, float]]:
    """The k nearest passages of these documents with their cosine similarity, best first.

    The search is exact, over the embeddings that the database keeps: a vector store filters while
    it walks its graph, and among 100,000 passages Chroma took seconds for a twelfth of the
    documents, where reading and comparing 3,000 vectors takes under ten milliseconds.

    Args:
        vector: shape (dimensions,).
    """
    ids: list[str] = []
    cosines = [np.empty(0, np.float32)]
    for some, _, rows in _blocks(db, len(vector), documents):
        ids += some
        cosines.append(rows @ vector)
    scores = np.concatenate(cosines)
    return [(ids[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]
