"""The full-text side: SQLite FTS5 in the course's own database, so that both change together.

Ranking is BM25 (Robertson & Zaragoza 2009) over three weighted fields with Porter stems.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence

from seminar_rag.index.wording import abbreviations, meant
from seminar_rag.text import content_words, porter, words

SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS lexicon
USING fts5(title, heading, text, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE IF NOT EXISTS abbreviation(key INTEGER NOT NULL, short TEXT NOT NULL, long TEXT);
CREATE INDEX IF NOT EXISTS abbreviation_key ON abbreviation(key);
"""
WEIGHTS = (1.0, 2.0, 1.0)
"""Of title, heading and text; a heading says what its passages are about."""

COMMON = 10_000
"""A word that more passages have is slow to rank by and tells little: without such words, the
search of 100,000 passages took a third of the time. Most courses have fewer passages in all."""


def add(db: sqlite3.Connection, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Index passages: (key, title, heading, text)."""
    for row in rows:
        db.execute("INSERT INTO lexicon(rowid, title, heading, text) VALUES (?, ?, ?, ?)", row)
        db.executemany(
            "INSERT INTO abbreviation VALUES (?, ?, ?)",
            ((row[0], *pair) for part in row[1:] for pair in abbreviations(part)),
        )


def remove(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Remove passages by key."""
    for key in keys:
        db.execute("DELETE FROM lexicon WHERE rowid = ?", (key,))
        db.execute("DELETE FROM abbreviation WHERE key = ?", (key,))


def rebuild(db: sqlite3.Connection, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Throw the index away and make it anew."""
    db.execute("DROP TABLE IF EXISTS lexicon")
    db.execute("DROP TABLE IF EXISTS abbreviation")
    db.executescript(SCHEMA)
    add(db, rows)


def glossary(db: sqlite3.Connection) -> dict[str, str]:
    """Abbreviation → what it stands for, as most of the passages explain it."""
    rows = db.execute("SELECT short, long FROM abbreviation GROUP BY 1, 2 ORDER BY count(*), 1, 2")
    return dict(rows.fetchall())


def vocabulary(db: sqlite3.Connection) -> list[str]:
    """All words of the passages, as stems, the most frequent first."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, lexicon, row)"
    )
    return [term for (term,) in db.execute("SELECT term FROM vocabulary ORDER BY doc DESC")]


def holds(db: sqlite3.Connection, word: str) -> bool:
    """Whether any passage has the word."""
    row = db.execute("SELECT 1 FROM lexicon WHERE lexicon MATCH ? LIMIT 1", (_quoted(word),))
    return row.fetchone() is not None


def spelled(db: sqlite3.Connection, word: str, stems: Sequence[str]) -> str | None:
    """The word of the passages that an unknown word is a misspelling of; None when there is none.

    Args:
        stems: the passages' vocabulary.
    """
    for stem in dict.fromkeys([*meant(word, stems), *meant(porter(word), stems)]):
        row = db.execute(
            "SELECT title || ' ' || heading || ' ' || text FROM lexicon WHERE lexicon MATCH ?"
            " LIMIT 1",
            (_quoted(stem),),
        ).fetchone()
        found = meant(word, dict.fromkeys(words(row[0]))) if row else []
        if found:
            return found[0]
    return None


def query_terms(question: str) -> list[str]:
    """What is searched of a question: its content words, or all words where it has none."""
    return list(dict.fromkeys(content_words(question) or words(question)))


def search(
    db: sqlite3.Connection,
    terms: Sequence[str],
    k: int,
    documents: Iterable[str] | None = None,
    holding: Sequence[str] = (),
) -> list[tuple[str, float]]:
    """The k best passage ids with their BM25 score (positive), best first.

    Args:
        holding: terms that every passage must have.
    """
    if not terms:
        return []
    match = " OR ".join(map(_quoted, terms))
    if holding:
        match = f"({match}) AND {' AND '.join(map(_quoted, holding))}"
    within, names = "", sorted(documents) if documents is not None else []
    if documents is not None:
        marks = ",".join("?" * len(names))
        # The plus keeps SQLite from searching once for every passage of the scope.
        within = f"AND +rowid IN (SELECT key FROM passage WHERE document IN ({marks}))"
    # The best are chosen first: looking up a passage for every match would read them all.
    rows = db.execute(
        f"""SELECT passage.id, found.score FROM (
                SELECT rowid, bm25(lexicon, ?, ?, ?) AS score FROM lexicon
                WHERE lexicon MATCH ? {within} ORDER BY score LIMIT ?
            ) AS found JOIN passage ON passage.key = found.rowid ORDER BY found.score""",
        (*WEIGHTS, match, *names, k),
    )
    return [(str(id_), -float(score)) for id_, score in rows]


def holding(db: sqlite3.Connection, terms: Sequence[str]) -> set[int]:
    """Keys of the passages that have all of the terms, in title, heading or text."""
    if not terms:
        return set()
    match = " AND ".join(map(_quoted, terms))
    return {
        key for (key,) in db.execute("SELECT rowid FROM lexicon WHERE lexicon MATCH ?", (match,))
    }


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def rarest_common(db: sqlite3.Connection) -> float:
    """The inverse document frequency of a word that `COMMON` passages have."""
    total = int(db.execute("SELECT count(*) FROM passage").fetchone()[0])
    return math.log((total + 1) / (COMMON + 0.5))


def rarity(db: sqlite3.Connection, terms: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each term, ln((n + 1) / (df + 0.5)), n passages in all."""
    total = int(db.execute("SELECT count(*) FROM passage").fetchone()[0])
    out: dict[str, float] = {}
    for term in terms:
        row = db.execute(
            "SELECT count(*) FROM lexicon WHERE lexicon MATCH ?", (_quoted(term),)
        ).fetchone()
        out[term] = math.log((total + 1) / (int(row[0]) + 0.5))
    return out
