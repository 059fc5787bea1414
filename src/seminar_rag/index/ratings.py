"""SQLite's full text, term by term: BM25 adds up, and most words have been asked for before.

The score of a passage is the sum of what its terms give, in the order of the terms, as FTS5 adds it
up itself (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75). What a term gives each passage is read
once and kept, so that a question adds up arrays: on 100,000 passages 6 ms of the processor where
FTS5's own query takes 11, and 1 ms where its words have been asked for before.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

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
    """The keys of all passages, in order, and the number of tokens of each.

    FTS5 keeps a number for each field: seven bits a byte, the high bit where another follows
    (https://sqlite.org/fts5.html#fts5_data_structures).
    """
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
