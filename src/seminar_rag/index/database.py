"""The course on disk: the SQLite database with its tables, migration and transactions.

Every change raises the generation, by which readers, in other processes too, know that what they
remember is out of date.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from seminar_rag.errors import BusyError, DamagedError, StoreError
from seminar_rag.files import make_private
from seminar_rag.index import catalogue, decisions, lexical

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
_OURS = (
    "course.db*",
    "writer.*",
    "journal.sqlite*",
    "feedback.sqlite*",
    "chroma",
    "files",
    "added",
    "web",
    "decisions",
)
_OUR_FILES = (
    *(f"course.db{end}" for end in ("", "-wal", "-shm")),
    *(f"{name}.sqlite{end}" for name in ("journal", "feedback") for end in ("", "-wal", "-shm")),
    *("writer.json", "writer.lock", "answers.key", "decisions/current.json"),
)
_OUR_FOLDERS = ("chroma", "files", "added", "web", "decisions", "pages")
_ADDED_COLUMNS = (
    ("reading", "listed TEXT NOT NULL DEFAULT '[]'"),
    ("reading", "doubt TEXT NOT NULL DEFAULT ''"),
    ("reading", "shown TEXT NOT NULL DEFAULT ''"),
    ("lookup", "suggested TEXT NOT NULL DEFAULT '[]'"),
    ("document", "made TEXT NOT NULL DEFAULT ''"),
    ("document", "unit TEXT NOT NULL DEFAULT 'page'"),
    ("passage", "words BLOB"),
    ("session", "date TEXT"),
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
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if names := blocked(folder):
                raise DamagedError(f"{folder / names[0]} is not ours — {REPAIR}")
            (folder / "course.db").touch(mode=0o600)
            self._db = sqlite3.connect(folder / "course.db", check_same_thread=False, timeout=30)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the data folder {folder} cannot be used ({error}) — check its permissions, or"
                " choose another with --data"
            ) from error
        with self._guarded() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if "meta" in _tables(db):
                self._require_version()
                _migrate(db, folder)
            else:
                self._create()
            db.commit()

    def _create(self) -> None:
        """Make the tables, with the decisions that outlived an earlier database."""
        self._db.executescript(SCHEMA)
        self._set(version=VERSION, generation="0", program=version("seminar-rag"))
        _put_decisions(self._db, self.folder)

    def _require_version(self) -> None:
        """Refuse a database whose tables this program does not know."""
        found = self.meta("version") or ""
        if found == VERSION:
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
                raise _explained(error, self.folder) from error

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


def blocked(folder: Path) -> list[str]:
    """The files in the data folder whose place a folder takes, the other way round, and links that
    lead nowhere."""
    ours = (*_OUR_FILES, *_OUR_FOLDERS)
    astray = [n for n in ours if (folder / n).is_symlink() and not (folder / n).exists()]
    files = [name for name in _OUR_FILES if (folder / name).is_dir()]
    kept = [path for name in ("added", "files") for path in (folder / name).glob("*")]
    folders = [name for name in _OUR_FOLDERS if (folder / name).is_file()]
    return [
        *astray,
        *files,
        *folders,
        *(str(one.relative_to(folder)) for one in kept if one.is_dir()),
    ]


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the data folder for writing; one process at a time. The lock dies with its process.

    Raises:
        BusyError: another process is writing; names it.
        StoreError: the folder cannot be used.
    """
    import filelock

    owner = folder / "writer.json"
    lock = filelock.FileLock(folder / "writer.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except filelock.Timeout:
        who = "another process"
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(owner.read_text())
            who = f"process {holder['pid']} (since {holder['since']})"
        raise BusyError(
            f"{who} is writing to {folder} — wait until it is done, or stop it;"
            " students can go on asking meanwhile"
        ) from None
    except OSError as error:
        raise StoreError(
            f"the data folder {folder} cannot be used ({error}) — check its permissions, or choose"
            " another with --data"
        ) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        owner.write_text(json.dumps({"pid": os.getpid(), "since": now}))
        yield
    finally:
        # Only what is ours: the data folder may be one that holds other things too.
        make_private(*(path for name in _OURS for path in folder.glob(name)))
        lock.release()


def _migrate(db: sqlite3.Connection, folder: Path) -> None:
    """Bring the tables of an earlier version up to date; what they hold stays."""
    if _is_current(db):
        return
    had_decisions = "correction" in _tables(db)
    if had_decisions:
        with contextlib.suppress(ValueError):  # a damaged row, which reading the catalogue reports
            decisions.copy(folder, decisions.stored(db))
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
    if not had_decisions:  # an early version had none; else they lie beside the database
        _put_decisions(db, folder)


def _put_decisions(db: sqlite3.Connection, folder: Path) -> None:
    """Store the decisions that outlived a database or its table."""
    for one in decisions.latest(folder):
        catalogue.put_correction(db, one, one.at)


def _is_current(db: sqlite3.Connection) -> bool:
    """Whether the tables are those of this version."""
    known = set(re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA)) <= _tables(db)
    return known and all(
        column.split()[0] in _columns(db, table)
        for table, column in (*_ADDED_COLUMNS, *((t, new) for t, _, new in _RENAMED_COLUMNS))
    )


def misfit(db: sqlite3.Connection) -> str:
    """What the tables have that no version made, or lack; "" where they are ours."""
    odd = db.execute("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')")
    for kind, name in odd:
        return f"it has a {kind} {name}"
    with contextlib.closing(sqlite3.connect(":memory:")) as new:
        new.executescript(SCHEMA)
        for table in re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA):
            if lacking := _columns(new, table) - _columns(db, table):
                return f"the table {table} lacks {', '.join(sorted(lacking))}"
    return ""


def _tables(db: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


REPAIR = (
    "seminar-rag doctor --repair moves it aside; your decisions, added files, feedback and"
    " downloads are kept"
)


def _explained(error: sqlite3.Error, folder: Path) -> StoreError:
    message = str(error)
    if "is full" in message:
        return StoreError(
            f"the disk is full — free some space for {folder} and run the command again"
        )
    if "readonly" in message or "unable to open" in message:
        return StoreError(
            f"{folder} cannot be written ({message}) — check its permissions or choose --data"
        )
    if "locked" in message:
        return BusyError(f"the database in {folder} is in use — try again in a minute")
    return DamagedError(f"the database in {folder} is damaged ({message}) — {REPAIR}")
