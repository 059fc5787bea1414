"""Moving a course's database from SQLite to PostgreSQL and back.

Every table is copied in one transaction and read again from the target before it ends: number and
checksum of the rows have to be the same. Full text is made anew by the target's engine. Vectors
and files stay where they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from seminar_rag.errors import StoreError
from seminar_rag.index import lexical
from seminar_rag.index.database import SCHEMA, Database
from seminar_rag.index.engine import Connection
from seminar_rag.index.rescue import set_aside

_TABLES = [
    name
    for name in re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA)
    if name != "meta" and name not in lexical.SCHEMA
]
_IN_ORDER = {"document": "rowid", "lookup": "rowid", "passage": "key", "correction": "key"}
"""Tables whose order counts, and the column that says it, which each engine counts for itself."""
_FILES = ("course.db", "course.db-wal", "course.db-shm")
_BATCH = 500


def move(
    data: Path,
    source: str,
    target: str,
    commit: Callable[[], object],
    progress: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """Copy a course's database and verify the copy; then what SQLite had is moved aside.

    Args:
        source, target: the address of a PostgreSQL database, or empty for SQLite in `data`.
        commit: has the course use the target from now on.

    Returns:
        The folder of the SQLite database of before; None where that was PostgreSQL.

    Raises:
        StoreError: a database cannot be used, somebody is writing, the target is not empty, or the
            copy is not the same; the course is as it was.
    """
    with (
        closing(Database(data, source)) as old,
        closing(Database(data, target)) as new,
        old.writing(),
        new.writing(),
    ):
        with old.guarded() as given, new.changing() as db:
            _require_empty(db, new.where)
            for table in _TABLES:
                progress(f"copied: {_copy(given, db, table)} rows of {table}")
            for name in ("model", "precision"):
                if (value := old.meta(name)) is not None:
                    new.remember(**{name: value})
            progress("making the full-text index")
            count = lexical.rebuild(db)
            # FTS5 looks at itself outside of a transaction only.
            if wrong := db.full_text.damage(db, count) if target else "":
                raise StoreError(f"{wrong} in the copy — try again")
        commit()
    return set_aside(data, _FILES, "moved") if target and not source else None


def _require_empty(db: Connection, where: str) -> None:
    """Refuse to mix two courses; decisions that lie beside a new database come from the source."""
    for table in ("source", "document", "passage"):
        if db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            raise StoreError(f"{where} holds a course already — name an empty database")
    db.execute("DELETE FROM correction")


def _copy(given: Connection, db: Connection, table: str) -> int:
    """Copy a table and compare the copy with it; the number of its rows. Raises StoreError."""
    columns = sorted(given.columns(table) - {"key", "rowid"})
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT INTO {table}({', '.join(columns)}) VALUES ({marks})"
    rows = _rows(given, table, columns)
    while part := list(islice(rows, _BATCH)):
        db.executemany(insert, part)
    count, digest = _checksum(_rows(given, table, columns))
    if (count, digest) != _checksum(_rows(db, table, columns)):
        raise StoreError(f"the copy of {table} is not the same — nothing was changed, try again")
    return count


def _rows(db: Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    named = ", ".join(columns)
    # By themselves, SQLite puts NULL first and PostgreSQL last.
    order = _IN_ORDER.get(table) or ", ".join(f"{column} NULLS FIRST" for column in columns)
    return db.stream(f"SELECT {named} FROM {table} ORDER BY {order}")


def _checksum(rows: Iterator[tuple[Any, ...]]) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for row in rows:
        count += 1
        digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return count, digest.hexdigest()
