"""SQLite as the course's database, with its own full text: FTS5, whose rating adds up by terms.

Ranking is BM25 (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75) over three weighted fields with
Porter stems: the sum of what its terms give a passage, in the order of the terms, as FTS5 itself
computes it. What a term gives each passage is read once and kept, since most words have been asked
for before: on 100,000 passages a question takes 6 ms of the processor where FTS5's own query takes
11, and 1 ms where its words are kept.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import BusyError, DamagedError, StoreError
from seminar_rag.index.engine import FullText
from seminar_rag.index.folder import REPAIR, writing
from seminar_rag.text import spaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rated = tuple[NDArray[np.int64], NDArray[np.float64]]
    """The keys of the passages that have a term, in order, and what it gives each of them."""

TOKENIZER = "porter unicode61 remove_diacritics 2"
WEIGHTS = (1.0, 2.0, 1.0)
"""Of title, heading and text; a heading says what its passages are about."""
KEPT = 2_000_000
"""Passages in all that are kept with their terms: 32 MB. The term used longest ago goes first."""
_FEW_PAGES = 1000
"""Free ones below which a file is not made smaller: 4 MB."""


class Fts5:
    """The virtual table `lexicon`; see `FullText`. It keeps no texts: where FTS5 needs one, to take
    a passage out or to look at itself, it reads the view `spaced_passage`. So a passage has to
    leave `lexicon` before it leaves its own table."""

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
    """Open a database file, or make it. Raises sqlite3.Error."""
    db = sqlite3.connect(path, check_same_thread=False, timeout=30, factory=Sqlite)
    db.where = str(path.parent)
    db.create_function("spaced", 1, _spaced, deterministic=True)
    return db


class Ratings:
    """The terms of one course, as long as its passages stay as they are."""

    def __init__(self, db: sqlite3.Connection, generation: str) -> None:
        self._db = db
        self.generation = generation
        """The course's, when they were read."""
        self._keys, self._sizes = _sizes(db)
        self._rated: dict[str, Rated] = {}
        self._size = 0
        self._scope: tuple[Sequence[str], NDArray[np.int64]] | None = None
        db.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.instance USING"
            " fts5vocab(main, lexicon, instance)"
        )

    def best(
        self, terms: Sequence[str], k: int, documents: Sequence[str] | None, holding: Sequence[str]
    ) -> list[tuple[int, float]]:
        """The k best passages of those that have any of the terms, as keys with their score.

        Args:
            documents: restricts the search to these; None searches all.
            holding: terms that every passage must have, which are rated, too.
        """
        having, parts = zip(*map(self._of, (*terms, *holding)), strict=True)
        keys, at = np.unique(np.concatenate(having), return_inverse=True)
        scores = np.bincount(at, np.concatenate(parts), len(keys))
        fits = np.ones(len(keys), bool)
        if documents is not None:
            fits = _among(keys, self._within(documents))
        if holding:
            fits &= np.isin(keys, np.concatenate(having[: len(terms)]))
            for own in having[len(terms) :]:
                fits &= np.isin(keys, own)
        keys, scores = keys[fits], scores[fits]
        if len(keys) > k:  # of equal scores at the end all stay, for the order below
            near = scores >= np.partition(scores, -k)[-k]
            keys, scores = keys[near], scores[near]
        order = np.lexsort((keys, -scores))[:k]
        return list(zip(keys[order].tolist(), scores[order].tolist(), strict=True))

    def _of(self, term: str) -> Rated:
        rated = self._rated.pop(term, None)
        if rated is None:
            rated = self._read(term)
            self._size += len(rated[0])
        self._rated[term] = rated
        while self._size > KEPT and len(self._rated) > 1:
            gone = self._rated.pop(next(iter(self._rated)))
            self._size -= len(gone[0])
        return rated

    def _read(self, term: str) -> Rated:
        found = tokens(term)
        if len(found) != 1:  # a phrase; FTS5's own function takes four times as long
            rows = self._db.execute(
                "SELECT rowid, -bm25(lexicon, ?, ?, ?) FROM lexicon WHERE lexicon MATCH ?",
                (*WEIGHTS, quoted(term)),
            ).fetchall()
            both = np.array(rows, np.float64).reshape(-1, 2)
            return both[:, 0].astype(np.int64), both[:, 1]
        # One string, since a row of Python takes longer than all that SQLite does for it.
        (written,) = self._db.execute(
            "SELECT group_concat(3 * doc + CASE col WHEN 'title' THEN 0 WHEN 'heading' THEN 1"
            " ELSE 2 END) FROM instance WHERE term = ?",
            found,
        ).fetchone()
        if not written or not len(self._keys):
            return np.empty(0, np.int64), np.empty(0)
        at, field = np.divmod(np.fromstring(written, np.int64, sep=","), 3)
        held, row = np.unique(at, return_inverse=True)
        often = np.bincount(row, np.array(WEIGHTS)[field], len(held))
        # A passage that another process added meanwhile is rated anew with the next generation.
        place = np.searchsorted(self._keys, held).clip(max=len(self._keys) - 1)
        length = self._sizes[place] / self._sizes.mean()
        rarity = idf(len(self._keys), len(held))
        return held, rarity * (often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length)))

    def _within(self, documents: Sequence[str]) -> NDArray[np.int64]:
        """The keys of the passages of these documents, in order; the last ones are remembered."""
        if self._scope is None or self._scope[0] != documents:
            rows = self._db.execute(
                "SELECT key FROM passage WHERE document IN (SELECT value FROM json_each(?))",
                (json.dumps(documents),),
            ).fetchall()
            self._scope = documents, np.sort(np.array([key for (key,) in rows], np.int64))
        return self._scope[1]


def _among(keys: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keys are among others that are in order."""
    if not len(within):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(within, keys), len(within) - 1)
    found: NDArray[np.bool_] = within[at] == keys
    return found


def _sizes(db: sqlite3.Connection) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The keys of all passages, in order, and the number of tokens of each. FTS5 keeps a number for
    each field: seven bits a byte, the high bit where another follows
    (https://sqlite.org/fts5.html#fts5_data_structures)."""
    rows = db.execute("SELECT id, sz FROM lexicon_docsize ORDER BY id").fetchall()
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    numbers = np.frombuffer(b"".join(sz for _, sz in rows), np.uint8).astype(np.int64)
    starts = np.cumsum([0, *(len(sz) for _, sz in rows[:-1])])
    value, more = numbers & 127, numbers >> 7
    for _ in range(2):  # no text has two million tokens
        value[:-1] <<= 7 * more[:-1]
        more[:-1] &= more[1:]
    return np.array([key for key, _ in rows], np.int64), np.add.reduceat(value, starts)


def idf(passages: int, having: int) -> float:
    """As FTS5 computes it: hardly anything for what half of all passages have."""
    return 1e-6 if 2 * having >= passages else math.log((passages - having + 0.5) / (having + 0.5))


_TOKENIZING = threading.Lock()


def tokens(text: str) -> list[str]:
    """The tokens of a text in order, as FTS5 makes them."""
    with _TOKENIZING:
        fts5 = _fts5()
        fts5.execute("INSERT INTO one(rowid, text) VALUES (1, ?)", (spaced(text),))
        found = [token for (token,) in fts5.execute("SELECT term FROM token ORDER BY offset")]
        fts5.rollback()
        return found


@cache
def _fts5() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute(f"CREATE VIRTUAL TABLE one USING fts5(text, tokenize = '{TOKENIZER}')")
    db.execute("CREATE VIRTUAL TABLE token USING fts5vocab(one, instance)")
    return db


def quoted(term: str) -> str:
    return '"' + spaced(term).strip().replace('"', '""') + '"'
