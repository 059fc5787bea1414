"""The course's SQLite database: its tables, their migration, transactions and errors.

Every change raises the generation, by which readers, in other processes too, know that what they
remember is out of date.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from seminar_rag.errors import StoreError
from seminar_rag.index import catalogue, lexical

VERSION = "1"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);
{catalogue.SCHEMA}
CREATE TABLE IF NOT EXISTS passage(
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL,
    ordinal INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT NOT NULL, title TEXT NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, page INTEGER, sentences TEXT NOT NULL,
    vector BLOB NOT NULL, words BLOB);
CREATE INDEX IF NOT EXISTS passage_document ON passage(document, ordinal);
CREATE TABLE IF NOT EXISTS moving(id TEXT PRIMARY KEY);
{lexical.SCHEMA}
"""
_ADDED_COLUMNS = (
    ("reading", "listed TEXT NOT NULL DEFAULT '[]'"),
    ("lookup", "suggested TEXT NOT NULL DEFAULT '[]'"),
    ("document", "made TEXT NOT NULL DEFAULT ''"),
    ("passage", "words BLOB"),
)
"""Columns that databases of earlier versions lack."""
_RENAMED_COLUMNS = (
    ("lookup", "says", "problem"),
    ("lookup", "mend", "remedy"),
    ("correction", "told", "fields"),
)
"""Table, earlier name, name."""


class Database:
    """The database `course.db` in `folder`, opened or created. Safe to call from several threads.

    Raises:
        StoreError: the folder cannot be used, or belongs to another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "course.db", check_same_thread=False, timeout=30)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the data folder {folder} cannot be used ({error})") from error
        with self._guarded() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if "meta" in _tables(db):
                _migrate(db)
            else:
                db.executescript(SCHEMA)
                self._set(version=VERSION, generation="0")
            db.commit()
        found = self.meta("version")
        if found != VERSION:
            raise StoreError(
                f"{folder} was written by another version (store {found}, this is {VERSION})"
                " — choose another --data folder, or delete it and ingest again"
            )

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def meta(self, name: str) -> str | None:
        """A remembered fact: "model", "precision", "generation"; None when not set yet."""
        with self._guarded() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, **values: str) -> None:
        self._db.executemany(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            values.items(),
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        """The connection for one thread at a time; SQLite's errors become StoreError here."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StoreError(_explained(error, self.folder)) from error

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that raises the generation: all of it happens, or nothing."""
        with self._guarded() as db, transaction(db):
            yield db
            db.execute(
                "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
            )


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, or roll back on any exception, an interrupt included."""
    try:
        if not db.in_transaction:
            db.execute("BEGIN IMMEDIATE")
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the tables of an earlier version up to date; what they hold stays."""
    if "sought" in _tables(db):
        db.execute("ALTER TABLE sought RENAME TO lookup")
    for table, old, new in _RENAMED_COLUMNS:
        if old in _columns(db, table):
            db.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    if not set(re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA)) <= _tables(db):
        db.executescript(SCHEMA)
    for table, column in _ADDED_COLUMNS:
        if column.split()[0] not in _columns(db, table):
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _tables(db: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def _explained(error: sqlite3.Error, folder: Path) -> str:
    if "full" in str(error):
        return f"the disk is full — free some space for {folder} and run the command again"
    if "not a database" in str(error):
        return f"{folder}/course.db is no database — delete the folder {folder} and ingest again"
    if "readonly" in str(error) or "unable to open" in str(error):
        return f"{folder} cannot be written ({error}) — check its permissions or choose --data"
    return (
        f"the database in {folder} is damaged ({error}) — try seminar-rag doctor --repair;"
        " if that fails, delete the folder and ingest again"
    )
