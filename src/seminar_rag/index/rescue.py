"""One database in place of another: of a damaged one, or in the other engine.

A damaged database is moved aside, never deleted. The decisions come from the file beside it that
every change of them rewrites, and else from the database itself or a dated copy. Tables that belong
together are taken over whole or not at all, since the next ingest would not notice a document of
which half is missing.

Where the other engine is to have a course, every table is copied in one transaction and read again
from the target before it ends: number and checksum of the rows have to be the same. Full text is
made anew by the target's engine. Vectors and files stay where they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import catalogue, decisions, lexical
from seminar_rag.index.database import SCHEMA, Database, schema, tables
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.folder import LEXICON, blocked, writing
from seminar_rag.index.sqlite import connect

_GROUPS = (
    ("source", "session", "reading", "listing", "event"),
    ("lookup",),
    ("document", "kept", "passage"),
)
"""Tables that are taken over together."""
_MODEL = ("model", "precision")
_FILES = ("course.db", "course.db-wal", "course.db-shm")


def rescue(data: Path, progress: Callable[[str], None] = lambda _: None) -> bool:
    """Replace the database in `data` if it is damaged, and say through `progress` what is lost.

    Returns:
        Whether it was replaced.

    Raises:
        StoreError: another process is writing, the folder cannot be used, or a later version of
            the program wrote the database, or one before 0.2.0.
    """
    aside = set_aside(data, blocked(data), "not-ours")
    if aside is not None:
        progress(f"what took the place of the program's files was moved to {aside}")
    if not (data / "course.db").exists():  # opening makes a new one, with the decisions
        return False
    with writing(data):
        problem = damage(data)
        if problem:
            _replace(data, problem, progress)
    return bool(problem)


def damage(data: Path) -> str:
    """What is wrong with the database in `data`; "" when it can be read whole. Raises StoreError
    where it cannot be opened for another reason."""
    try:
        with closing(Database(data)) as opened, opened.guarded() as db:
            if problem := db.damage() or _misfit(db):
                return problem
            catalogue.read(db)
            for table in (table for group in _GROUPS for table in group):
                for _ in db.execute(f"SELECT * FROM {table}"):
                    pass
    except DamagedError as error:
        return str(error).partition(" — ")[0]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return f"the catalogue cannot be read ({error!r})"
    return ""


def _misfit(db: Connection) -> str:
    """What the tables have that no version made, or lack; "" where they are ours."""
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY name"
    with closing(connect(Path(":memory:"))) as new:
        new.create(schema(new))
        for kind, name in sorted({*db.execute(query)} - {*new.execute(query)}):
            return f"it has a {kind} {name}"
        for table in tables(new):
            if lacking := new.columns(table) - db.columns(table):
                return f"the table {table} lacks {', '.join(sorted(lacking))}"
    return ""


def set_aside(data: Path, names: Sequence[str], why: str) -> Path | None:
    """Move files and folders of the data folder into a new folder in it; that folder's path.

    Returns:
        None where none of them exists.
    """
    there = [data / name for name in names if os.path.lexists(data / name)]
    if not there:
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = data / f"{why}-{moment}"
    aside.mkdir(mode=0o700)
    for path in there:
        place = aside / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return aside


def _replace(data: Path, problem: str, progress: Callable[[str], None]) -> None:
    aside = set_aside(data, _FILES, "damaged")
    assert aside is not None
    progress(f"the database is damaged ({problem}); it was moved to {aside}")
    with closing(Database(data)) as new, closing(connect(aside / "course.db")) as old:
        known = decisions.latest(data, old)
        with new.guarded() as db, transaction(db):
            db.execute("DELETE FROM correction")
            for one in known:
                catalogue.put_correction(db, one, one.at)
            with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
                for name, value in old.execute("SELECT * FROM meta WHERE name IN (?, ?)", _MODEL):
                    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
            lost = [group for group in _GROUPS if not _take_over(db, old, group)]
            texts = _GROUPS[-1] not in lost
            count = lexical.rebuild(db)
    decisions.save(data, known)
    progress(f"taken over: {len(known)} decisions, added files, feedback and downloads")
    if texts:
        progress(f"taken over: {count} passages")
    elif (data / "files").is_dir():  # files of documents that are unknown now would be swept away
        (data / "files").rename(aside / "files")
    if lost:
        sources = _sources(aside)
        progress(
            "lost: "
            + ", ".join("the readings' texts" if "passage" in g else f"the {g[0]}s" for g in lost)
            + " — seminar-rag ingest "
            + (" ".join(sources) or "SOURCE")
            + " reads them again"
        )


def _take_over(new: Connection, old: Connection, tables: Sequence[str]) -> bool:
    """Copy tables, all of them whole or none; returns whether that was possible."""
    new.execute("SAVEPOINT taken")
    try:
        for table in tables:
            cursor = old.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            marks = ", ".join("?" * len(columns))
            new.executemany(
                f"INSERT OR REPLACE INTO {table}({', '.join(columns)}) VALUES ({marks})", cursor
            )
        catalogue.read(new)
    except (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError):
        new.execute("ROLLBACK TO taken")
        return False
    finally:
        new.execute("RELEASE taken")
    return True


def _sources(aside: Path) -> list[str]:
    """The sources that the damaged database names, as far as they can be read."""
    with closing(connect(aside / "course.db")) as old:
        try:
            rows = old.execute("SELECT id FROM source WHERE form != 'added' ORDER BY at")
            return [str(id_) for (id_,) in rows]
        except (sqlite3.Error, UnicodeDecodeError):
            return []


# --- into the other engine -----------------------------------------------------------------------

_TABLES = [
    name
    for name in re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA)
    if name != "meta" and name not in lexical.SCHEMA
]
_IN_ORDER = {"document": "rowid", "lookup": "rowid", "passage": "key", "correction": "key"}
"""Tables whose order counts, and the column that says it, which each engine counts for itself."""
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
        The folder of the previous SQLite database; None where that was PostgreSQL.

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
            for name in _MODEL:
                if (value := old.meta(name)) is not None:
                    new.remember(**{name: value})
            progress("making the full-text index")
            lexical.rebuild(db)
        commit()
    if source:  # of which this machine's full text was
        for path in data.glob(f"{LEXICON}*"):
            path.unlink(missing_ok=True)
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
