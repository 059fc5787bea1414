"""Replacing a damaged database: it is moved aside, never deleted, and what it held is taken over.

The decisions come from the file beside it that every change of them rewrites, and else from the
database itself or a dated copy. Tables that belong together are taken over whole or
not at all, since the next ingest would not notice a document of which half is missing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from seminar_rag.errors import DamagedError
from seminar_rag.index import catalogue, decisions, lexical
from seminar_rag.index.database import Database, schema, tables
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.folder import blocked, writing
from seminar_rag.index.sqlite import connect

_GROUPS = (
    ("source", "session", "reading", "listing"),
    ("lookup",),
    ("document", "kept", "passage"),
)
"""Tables that are taken over together."""
_MODEL = ("model", "precision")


def rescue(data: Path, progress: Callable[[str], None] = lambda _: None) -> bool:
    """Replace the database in `data` if it is damaged, and say through `progress` what is lost.

    Returns:
        Whether it was replaced.

    Raises:
        StoreError: another process is writing, the folder cannot be used, or a later version of
            the program wrote the database.
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
    """What is wrong with the database in `data`; "" when it can be read whole.

    Raises:
        StoreError: it cannot be opened for another reason.
    """
    try:
        with closing(Database(data)) as opened, opened.guarded() as db:
            if odd := db.damage() or _misfit(db):
                return odd
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
    odd = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY name"
    with closing(connect(Path(":memory:"))) as new:
        new.create(schema(new))
        for kind, name in sorted({*db.execute(odd)} - {*new.execute(odd)}):
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
    aside = set_aside(data, ("course.db", "course.db-wal", "course.db-shm"), "damaged")
    assert aside is not None
    progress(f"the database is damaged ({problem}); it was moved to {aside}")
    with closing(Database(data)) as new, closing(connect(aside / "course.db")) as old:
        known = decisions.latest(data, old)
        with new.guarded() as db, transaction(db):
            db.execute("DELETE FROM correction")
            for one in known:
                catalogue.put_correction(db, one, one.at)
            with contextlib.suppress(sqlite3.Error):
                for name, value in old.execute("SELECT * FROM meta WHERE name IN (?, ?)", _MODEL):
                    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
            lost = [group for group in _GROUPS if not _take_over(db, old, group)]
            texts = _GROUPS[-1] not in lost
            count = lexical.rebuild(db)
    decisions.save(data, known)
    progress(f"taken over: {len(known)} decisions, added files, feedback and downloads")
    if texts:
        progress(f"taken over: {count} passages")
    else:  # the files of the documents that are no longer known would be swept away
        set_aside_files(data, aside)
    if lost:
        sources = _sources(aside)
        progress(
            "lost: "
            + ", ".join("the readings' texts" if "passage" in g else f"the {g[0]}s" for g in lost)
            + " — seminar-rag ingest "
            + (" ".join(sources) or "SOURCE")
            + " reads them again"
        )


def set_aside_files(data: Path, aside: Path) -> None:
    """Move the kept files to the damaged database that names them."""
    if (data / "files").is_dir():
        (data / "files").rename(aside / "files")


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
        except sqlite3.Error:
            return []
