"""Where a journal lies: a database file, or a table of a PostgreSQL server."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seminar_rag.errors import StoreError
from seminar_rag.index.engine import Connection, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_day ON entry(kind, day);
CREATE TABLE IF NOT EXISTS seen(day TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A connection to a file, made where there is none; its changes count at the end.

    Raises:
        StoreError: the file cannot be used.
    """
    from seminar_rag.index.sqlite import connect

    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Nobody else on the machine reads what students wrote.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(connect(path)) as db:
            db.prepare()
            db.execute("PRAGMA secure_delete = ON")
            db.create(_SCHEMA)
            yield db
            db.commit()
    except (sqlite3.Error, OSError, ValueError) as error:
        raise explained(error, path) from error


def served(address: str) -> Connection:
    """A connection to a server, on which every statement counts at once. Raises StoreError."""
    from seminar_rag.index.postgres import Postgres

    db: Connection = Postgres(address)
    with transaction(db):
        db.create(_SCHEMA)
    return db


def explained(error: Exception, path: Path) -> StoreError:
    """The error of a file that cannot be used."""
    message = str(error)
    if "full" in message or "No space" in message:
        remedy = "free some space"
    elif isinstance(error, OSError) or "readonly" in message or "unable to open" in message:
        remedy = "check its permissions"
    else:
        remedy = "seminar-rag doctor --repair takes over what can be read of it"
    return StoreError(f"the journal {path} cannot be used: {message} — {remedy}")
