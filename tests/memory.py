"""A vector store in memory, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class MemoryVectors:
    """A vector store in memory; exact search."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[np.ndarray[Any, Any], str]] = {}
        self.fail: Callable[[str], None] = lambda _: None
        """Called with the name of each writing method; may raise, to play a crash."""

    def add(self, ids: Sequence[str], vectors: np.ndarray[Any, Any], document: str) -> None:
        self.fail("add")
        for id_, vector in zip(ids, vectors, strict=True):
            self.rows[id_] = (vector, document)

    def delete(self, ids: Sequence[str]) -> None:
        self.fail("delete")
        for id_ in ids:
            self.rows.pop(id_, None)

    def query(self, vector: np.ndarray[Any, Any], k: int) -> list[tuple[str, float]]:
        scored = [(id_, float(row @ vector)) for id_, (row, _) in self.rows.items()]
        return sorted(scored, key=lambda pair: -pair[1])[:k]

    def ids(self) -> set[str]:
        return set(self.rows)

    def stored(self, ids: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
        return {id_: self.rows[id_][0] for id_ in ids if id_ in self.rows}

    def refresh(self) -> None:
        pass

    def reset(self) -> None:
        self.rows.clear()
