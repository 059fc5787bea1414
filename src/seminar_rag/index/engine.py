"""What the course asks of a database engine: SQLite in the data folder, or a PostgreSQL server.

The statements are written once, in the dialect that both share: `ON CONFLICT`, `RETURNING`, `?` for
a value and `json_each(?)` for a list of them. What differs has a method here: creating tables,
full text, the writer's lock and checks of soundness.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from seminar_rag.errors import StoreError


class FullText(Protocol):
    """An inverted index of the passages by key. A term is a phrase of one token or more."""

    SCHEMA: str

    def add(self, db: Any, rows: Sequence[tuple[int, str, str, str]]) -> None:
        """Index passages: (key, title, heading, text)."""

    def remove(self, db: Any, keys: Sequence[int]) -> None:
        """Take passages out."""

    def search(
        self,
        db: Any,
        terms: Sequence[str],
        k: int,
        documents: Sequence[str] | None,
        holding: Sequence[str],
    ) -> list[tuple[str, float]]:
        """The k best passage ids with their BM25 score (positive), best first."""

    def having(self, db: Any, terms: Sequence[str], limit: int = -1) -> list[int]:
        """Keys of the passages that have all of the terms, or of some of them."""

    def counts(self, db: Any, terms: Sequence[str]) -> dict[str, int]:
        """How many passages have each of the terms."""

    def vocabulary(self, db: Any) -> list[str]:
        """All tokens, the most frequent first."""

    def damage(self, db: Any, passages: int) -> str:
        """What is wrong with the index of that many passages; "" when it is sound."""


class Connection(Protocol):
    """An open database; for one thread at a time."""

    error: type[Exception]
    """What its methods raise."""
    full_text: FullText
    where: str
    """What holds the database, for messages."""

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Any: ...
    def stream(self, sql: str, values: Sequence[Any] = ..., /) -> Iterator[Any]:
        """The rows of a query, of which only some are in memory at a time."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Any: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...

    def prepare(self) -> None:
        """Set up a new connection."""

    def begin(self) -> None:
        """Start a transaction that writes; waits for another one that does."""

    def create(self, schema: str) -> None:
        """Create tables and indexes that are not there yet, from statements in SQLite's types."""

    def tables(self) -> set[str]:
        """The names of all tables and indexes."""

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns."""

    def has_odd_values(self, table: str) -> bool:
        """Whether a column holds a value of another type than its own."""

    def damage(self) -> str:
        """What the engine finds wrong with its own storage; "" when that is sound."""

    def compact(self, least: float = 0.25) -> None:
        """Give back the room of what is gone, where it is that share of all; in no transaction."""

    def writing(self, folder: Path) -> AbstractContextManager[None]:
        """Hold the course for writing; one process at a time. The lock dies with its process.
        Raises BusyError, which names it, where another process is writing."""

    def explained(self, error: Exception) -> StoreError:
        """One of the engine's errors as one that says what to do next."""


@contextlib.contextmanager
def transaction(db: Connection) -> Iterator[None]:
    """Commit at the end, or roll back on any exception, an interrupt included."""
    try:
        if not db.in_transaction:
            db.begin()
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()
