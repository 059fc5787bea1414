"""SQLite as the course's database, with its own full text: FTS5.

Ranking is BM25 (Robertson & Zaragoza 2009) over three weighted fields with Porter stems.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from seminar_rag.errors import BusyError, DamagedError, StoreError
from seminar_rag.index.engine import FullText
from seminar_rag.index.folder import REPAIR, writing
from seminar_rag.index.ratings import TOKENIZER, Ratings, quoted
from seminar_rag.text import spaced

_FEW_PAGES = 1000
"""Free ones below which a file is not made smaller: 4 MB."""


class Fts5:
    """The virtual table `lexicon`; see `FullText`.

    It keeps no texts: where FTS5 needs one, to take a passage out or to look at itself, it reads
    the view `spaced_passage`. So a passage has to leave `lexicon` before it leaves its own table.
    """

    SCHEMA = (
        "CREATE VIEW IF NOT EXISTS spaced_passage AS SELECT key, spaced(title) AS title,"
        " spaced(heading) AS heading, spaced(text) AS text FROM passage;"
        "CREATE VIRTUAL TABLE IF NOT EXISTS lexicon USING fts5(title, heading, text,"
        f" content = 'spaced_passage', content_rowid = 'key', tokenize = '{TOKENIZER}');"
    )

    def add(self, db: sqlite3.Connection, rows: Sequence[tuple[int, str, str, str]]) -> None:
        db.executemany(
            "INSERT INTO lexicon(rowid, title, heading, text) VALUES (?, ?, ?, ?)",
            ((key, *map(spaced, texts)) for key, *texts in rows),
        )

    def remove(self, db: sqlite3.Connection, keys: Sequence[int]) -> None:
        db.executemany("DELETE FROM lexicon WHERE rowid = ?", ((key,) for key in keys))

    def search(
        self,
        db: Sqlite,
        terms: Sequence[str],
        k: int,
        documents: Sequence[str] | None,
        holding: Sequence[str],
    ) -> list[tuple[str, float]]:
        found = _ratings(db).best(terms, k, documents, holding)
        ids = db.execute(
            "SELECT key, id FROM passage WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps([key for key, _ in found]),),
        )
        named = dict(ids.fetchall())
        return [(named[key], score) for key, score in found if key in named]

    def having(self, db: sqlite3.Connection, terms: Sequence[str], limit: int = -1) -> list[int]:
        match = " AND ".join(map(quoted, terms))
        query = "SELECT rowid FROM lexicon WHERE lexicon MATCH ? LIMIT ?"
        return [key for (key,) in db.execute(query, (match, limit))]

    def counts(self, db: sqlite3.Connection, terms: Sequence[str]) -> dict[str, int]:
        query = "SELECT count(*) FROM lexicon WHERE lexicon MATCH ?"
        return {term: db.execute(query, (quoted(term),)).fetchone()[0] for term in terms}

    def vocabulary(self, db: sqlite3.Connection) -> list[str]:
        db.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, lexicon, row)"
        )
        return [term for (term,) in db.execute("SELECT term FROM vocabulary ORDER BY doc DESC")]

    def damage(self, db: sqlite3.Connection, passages: int) -> str:
        try:
            # The rank has it compared with the texts, which are not its own.
            db.execute("INSERT INTO lexicon(lexicon, rank) VALUES ('integrity-check', 1)")
            words = int(db.execute("SELECT count(*) FROM lexicon_docsize").fetchone()[0])
        except sqlite3.DatabaseError as error:
            return f"the full-text index is damaged: {error}"
        finally:
            db.rollback()
        if words != passages:
            return f"the full-text index has {words} of {passages} passages"
        return ""


def _ratings(db: Sqlite) -> Ratings:
    """Those of the course as it is now."""
    query = "SELECT value FROM meta WHERE name = 'generation'"
    (generation,) = db.execute(query).fetchone()
    if db.ratings is None or db.ratings.generation != generation:
        db.ratings = Ratings(db, generation)
    return db.ratings


class Sqlite(sqlite3.Connection):
    """A connection to a database file; see `Connection`."""

    error: type[Exception] = sqlite3.Error
    full_text: FullText = Fts5()
    where = ""
    ratings: Ratings | None = None
    """What terms give each passage, of those asked for since passages changed."""

    def prepare(self) -> None:
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        # Some builds of SQLite allow no view to call a function of the program's by default.
        self.execute("PRAGMA trusted_schema = ON")

    def stream(self, sql: str, values: Sequence[Any] = (), /) -> Iterator[Any]:
        return self.execute(sql, values)

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def create(self, schema: str) -> None:
        for statement in schema.split(";"):
            self.execute(statement)

    def tables(self) -> set[str]:
        return {str(name) for (name,) in self.execute("SELECT name FROM sqlite_master")}

    def columns(self, table: str) -> set[str]:
        return {str(row[1]) for row in self.execute(f"PRAGMA table_info({table})")}

    def has_odd_values(self, table: str) -> bool:
        """SQLite lets every column hold a value of any type."""
        wrong = " OR ".join(
            f"typeof({name}) NOT IN ('{type_.lower()}', 'null')"
            for _, name, type_, *_ in self.execute(f"PRAGMA table_info({table})")
        )
        query = f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1"
        return bool(wrong) and self.execute(query).fetchone() is not None

    def damage(self) -> str:
        verdict = str(self.execute("PRAGMA quick_check(1)").fetchone()[0])
        return "" if verdict == "ok" else verdict

    def compact(self, least: float = 0.25) -> None:
        free, pages = (
            self.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_count")
        )
        if free < max(least * pages, _FEW_PAGES if least else 0):
            return
        self.execute("VACUUM")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the whole database went through it

    def writing(self, folder: Path) -> AbstractContextManager[None]:
        return writing(folder)

    def explained(self, error: Exception) -> StoreError:
        message, folder = str(error), self.where
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


def _spaced(text: Any) -> Any:
    """As full text has a text; a damaged value stays what it is."""
    return spaced(text) if isinstance(text, str) else text


def connect(path: Path) -> Sqlite:
    """Open a database file, or make it.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    db = sqlite3.connect(path, check_same_thread=False, timeout=30, factory=Sqlite)
    db.where = str(path.parent)
    db.create_function("spaced", 1, _spaced, deterministic=True)
    return db
