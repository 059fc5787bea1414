"""Dense search within a scope: exact, over the embeddings that the database keeps.

A vector store filters while it walks its graph: among 100,000 passages Chroma took seconds for a
twelfth of the documents, where comparing all their vectors takes milliseconds.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Part = tuple[list[str], Matrix]

REMEMBERED = 48 << 20
"""Bytes of vectors kept in memory: 32,000 passages of 384 dimensions. A course asks within the same
few scopes; a larger one is read anew for each question."""
_ROWS = 4096


class Within:
    """Answers from the scopes asked before, until the course changes. One thread at a time."""

    def __init__(self) -> None:
        self._generation: str | None = None
        self._scopes: OrderedDict[frozenset[str], list[Part]] = OrderedDict()

    def nearest(
        self,
        db: sqlite3.Connection,
        generation: str | None,
        documents: Iterable[str],
        vector: Matrix,
        k: int,
    ) -> list[tuple[str, float]]:
        """The k nearest passages of these documents with their cosine similarity, best first.

        Args:
            generation: changes whenever passages do.
            vector: shape (dimensions,).
        """
        if generation != self._generation:
            self._scopes.clear()
            self._generation = generation
        scope = frozenset(documents)
        ids: list[str] = []
        near = [np.empty(0, np.float32)]
        for some, vectors in self._parts(db, scope):
            ids += some
            near.append(vectors @ vector)
        cosines = np.concatenate(near)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(ids[i], float(cosines[i])) for i in best]

    def _parts(self, db: sqlite3.Connection, scope: frozenset[str]) -> Iterator[Part]:
        if scope in self._scopes:
            self._scopes.move_to_end(scope)
            yield from self._scopes[scope]
            return
        kept: list[Part] = []
        size = 0
        for part in _read(db, scope):
            size += part[1].nbytes
            if size <= REMEMBERED:
                kept.append(part)
            yield part
        if size <= REMEMBERED:
            self._scopes[scope] = kept
            while sum(part[1].nbytes for one in self._scopes.values() for part in one) > REMEMBERED:
                self._scopes.popitem(last=False)


def _read(db: sqlite3.Connection, scope: frozenset[str]) -> Iterator[Part]:
    for document in sorted(scope):
        rows = db.execute(
            "SELECT id, vector FROM passage WHERE document = ? ORDER BY ordinal", (document,)
        )
        while some := rows.fetchmany(_ROWS):
            joined = np.frombuffer(b"".join(blob for _, blob in some), np.float32)
            yield [id_ for id_, _ in some], joined.reshape(len(some), -1)
