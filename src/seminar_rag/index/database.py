"""The course's database: its tables, their migration and transactions, over either engine.

Every change raises the generation, by which readers, in other processes too, know that what they
remember is out of date.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import catalogue, decisions, embeddings, lexical, sqlite
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.folder import REPAIR, blocked, unusable

log = logging.getLogger(__name__)

VERSION = "3"
EARLIER = ("1", "2")
"""Versions whose tables this program brings to its own when it opens them, so that an earlier
program then says that a later one wrote them, and not that they are damaged."""
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
"""What both engines create; their full text comes on top."""
_ADDED_COLUMNS = (
    ("reading", "doubt TEXT NOT NULL DEFAULT ''"),
    ("reading", "shown TEXT NOT NULL DEFAULT ''"),
    ("reading", "kind TEXT"),
    ("document", "unit TEXT NOT NULL DEFAULT 'page'"),
    ("session", "date TEXT"),
    ("session", "part TEXT"),
)
"""Columns that databases of 0.2.0 lack."""
_OLD_COLUMNS = (("sought", "says"), ("lookup", "says"), ("correction", "told"))
"""Tables and columns that 0.2.0 renamed, any of which says that an earlier version wrote them."""


class Database:
    """The database `course.db` in `folder`, or one of a PostgreSQL server, opened or created.

    Safe to call from several threads.

    Raises:
        StoreError: the folder or the server cannot be used, or belongs to another version.
    """

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder = folder
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if names := blocked(folder):
                raise DamagedError(f"{folder / names[0]} is not ours — {REPAIR}")
        except OSError as error:
            raise unusable(folder, error) from error
        self._db = _connected(folder, database)
        with self.guarded() as db:
            db.prepare()
            if "meta" not in db.tables():
                with transaction(db):
                    self._create()
            else:
                self._require_version()
                _migrate(db, folder)
                self._raise_version()
            db.commit()

    def _create(self) -> None:
        """Make the tables, with the decisions that outlived an earlier database."""
        if "meta" in self._db.tables():  # another process was faster
            return
        self._db.create(schema(self._db))
        self.remember(version=VERSION, generation="0", program=version("seminar-rag"))
        _put_decisions(self._db, self.folder)

    def _require_version(self) -> None:
        """Refuse a database whose tables this program does not know."""
        found = self.meta("version") or ""
        if found == VERSION or found in EARLIER:
            require_known_names(self._db, self.folder)
            return
        if found.isdigit() and int(found) > int(VERSION):
            program = self.meta("program") or "a later version"
            raise StoreError(
                f"{self.folder} was written by seminar-rag {program} (store {found}, this program"
                f" reads {VERSION}) — install that version, or choose another --data folder"
            )
        raise DamagedError(
            f"{self.folder} has a database of an unknown version ({found or 'none'}) — {REPAIR}"
        )

    def _raise_version(self) -> None:
        """Note that the tables are this version's; what version 1 wrote still takes more room."""
        found = self.meta("version")
        if found != VERSION:
            large = {"large": "yes"} if found == "1" else {}
            self.remember(version=VERSION, program=version("seminar-rag"), **large)

    def writing(self) -> AbstractContextManager[None]:
        """Hold the course for writing; see `Connection.writing`."""
        return self._db.writing(self.folder)

    def upgrade(self) -> None:
        """Bring what version 1 wrote into the form of this one, which takes less room. Only for
        writers. Where there is no room for it, the course is read and written as it is."""
        if self.meta("large") != "yes":
            return
        log.warning("the database in %s is being made smaller, once", self.where)
        try:
            with self.changing() as db:
                if "lexicon_content" in db.tables():  # texts that full text had for itself
                    lexical.rebuild(db)
                embeddings.pack_all(db)
                self.remember(large="no")
        except DamagedError:
            raise
        except StoreError as error:
            log.warning("%s", error)
        else:
            self.compact(0)

    def compact(self, least: float = 0.25) -> None:
        """See `Connection.compact`; where there is no room to do it in, nothing is lost."""
        with contextlib.suppress(StoreError), self.guarded() as db:
            db.compact(least)

    @property
    def where(self) -> str:
        """What holds the database: the data folder or a server."""
        return self._db.where

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def meta(self, name: str) -> str | None:
        """A remembered fact: "model", "precision", "generation"; None when not set yet."""
        with self.guarded() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, **values: str) -> None:
        """Set facts that `meta` gives; as part of the transaction, where there is one."""
        self._db.executemany(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            list(values.items()),
        )

    @contextlib.contextmanager
    def guarded(self) -> Iterator[Connection]:
        """The connection for one thread at a time; the engine's errors become StoreError here."""
        with self._lock:
            try:
                yield self._db
            except self._db.error as error:
                raise self._db.explained(error) from error

    @contextlib.contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that raises the generation: all of it happens, or nothing."""
        with self.guarded() as db, transaction(db):
            yield db
            db.execute(
                "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
            )


def _connected(folder: Path, database: str) -> Connection:
    """A connection to the database; raises StoreError."""
    if database:
        from seminar_rag.index.postgres import Postgres

        return Postgres(database, folder)
    path = folder / "course.db"
    try:
        path.touch(mode=0o600)
        return sqlite.connect(path)
    except (OSError, sqlite.Sqlite.error) as error:
        raise unusable(folder, error) from error


def schema(db: Connection) -> str:
    """The statements that create the tables."""
    return SCHEMA + db.full_text.SCHEMA


def tables(db: Connection) -> list[str]:
    """The tables of a course's database."""
    return re.findall(r"TABLE IF NOT EXISTS (\w+)", schema(db))


def require_known_names(db: Connection, folder: Path) -> None:
    """Refuse what a version before 0.2.0 wrote, which 0.2.0 renames: it is no damage, and what it
    holds would be taken for lost. Raises StoreError."""
    if any(column in db.columns(table) for table, column in _OLD_COLUMNS):
        raise StoreError(
            f"{folder} was written by a version of seminar-rag before 0.2.0 — open it once with"
            " version 0.2.0, which keeps all of it, or ingest again into another --data folder"
        )


def _migrate(db: Connection, folder: Path) -> None:
    """Bring the tables of an earlier version up to date; what they hold stays."""
    lacking = [
        (table, column)
        for table, column in _ADDED_COLUMNS
        if column.split()[0] not in db.columns(table)
    ]
    there = db.tables()
    if not lacking and set(tables(db)) <= there:
        return
    if "correction" in there:
        with contextlib.suppress(ValueError):  # a damaged row, which reading the catalogue reports
            decisions.copy(folder, decisions.stored(db))
    db.create(schema(db))
    for table, column in lacking:
        db.create(f"ALTER TABLE {table} ADD COLUMN {column}")
    if "correction" not in there:  # the decisions lie beside the database
        _put_decisions(db, folder)


def _put_decisions(db: Connection, folder: Path) -> None:
    """Store the decisions that outlived a database or its table."""
    for one in decisions.latest(folder):
        catalogue.put_correction(db, one, one.at)
