"""What several servers of one course know together, in a table of its PostgreSQL database."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from seminar_rag.index.engine import Connection, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS shared(
    kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, ends REAL, PRIMARY KEY(kind, id));
"""
_NOW = "extract(epoch FROM clock_timestamp())"
"""By the server's clock, so that those of its clients need not agree."""
_THERE = f"(shared.ends IS NULL OR shared.ends > {_NOW})"
_PUT = f"INSERT INTO shared VALUES (?, ?, ?, {_NOW} + ?::float8) ON CONFLICT(kind, id) DO UPDATE"


class CommonTable:
    """The values, over a connection of its own; see `types.common.Common`."""

    def __init__(self, address: str) -> None:
        """Args:
        address: of the PostgreSQL database; it is connected to when first needed.
        """
        self._address = address
        self._lock = threading.RLock()
        self._open: Connection | None = None

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def get(self, kind: str, id_: str = "") -> str | None:
        with self._guarded() as db:
            query = f"SELECT value FROM shared WHERE kind = ? AND id = ? AND {_THERE}"
            row = db.execute(query, (kind, id_)).fetchone()
        return None if row is None else str(row[0])

    def every(self, kind: str) -> dict[str, str]:
        with self._guarded() as db:
            query = f"SELECT id, value FROM shared WHERE kind = ? AND {_THERE}"
            return dict(db.execute(query, (kind,)).fetchall())

    def put(self, kind: str, id_: str, value: str, lasts: float | None = None) -> None:
        with self._guarded() as db:
            db.execute(
                f"{_PUT} SET value = excluded.value, ends = excluded.ends",
                (kind, id_, value, lasts),
            )

    def first(self, kind: str, id_: str, value: str, lasts: float | None = None) -> str:
        with self._guarded() as db:
            there = db.execute(
                f"{_PUT} SET ends = CASE WHEN {_THERE} THEN shared.ends ELSE excluded.ends END,"
                f" value = CASE WHEN {_THERE} THEN shared.value ELSE excluded.value END"
                " RETURNING value",
                (kind, id_, value, lasts),
            ).fetchone()
        return str(there[0])

    def change(
        self, kind: str, id_: str, how: Callable[[str | None], str], lasts: float | None = None
    ) -> str:
        with self._guarded() as db:
            db.execute("BEGIN")
            with transaction(db):
                db.execute(
                    "INSERT INTO shared VALUES (?, ?, '', 0) ON CONFLICT DO NOTHING", (kind, id_)
                )  # a row to be locked, that has ended
                query = f"SELECT value, {_THERE} FROM shared WHERE kind = ? AND id = ? FOR UPDATE"
                before, there = db.execute(query, (kind, id_)).fetchone()
                value = how(before if there else None)
                self.put(kind, id_, value, lasts)
        return value

    def drop(self, kind: str, id_: str) -> None:
        with self._guarded() as db:
            db.execute("DELETE FROM shared WHERE kind = ? AND id = ?", (kind, id_))

    def left(self, kind: str, id_: str) -> float:
        with self._guarded() as db:
            query = f"SELECT ends - {_NOW} FROM shared WHERE kind = ? AND id = ?"
            row = db.execute(query, (kind, id_)).fetchone()
        return max(0.0, float(row[0] or 0)) if row else 0.0

    def extend(self, kind: str, id_: str, seconds: float) -> None:
        with self._guarded() as db:
            db.execute(
                f"{_PUT} SET ends = greatest(shared.ends, {_NOW}) + ?::float8",
                (kind, id_, "", seconds, seconds),
            )

    def sweep(self) -> None:
        with self._guarded() as db:
            db.execute(f"DELETE FROM shared WHERE ends < {_NOW}")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[Connection]:
        from seminar_rag.index.postgres import Postgres

        with self._lock:
            if self._open is None:
                db: Connection = Postgres(self._address)
                db.begin()  # or two would create the table at once
                with transaction(db):
                    db.create(SCHEMA)
                self._open = db
            try:
                yield self._open
            except self._open.error as error:
                raise self._open.explained(error) from error
