"""The full-text side: SQLite FTS5 in the course's own database, so that both change together.

Ranking is BM25 (Robertson & Zaragoza 2009) over three weighted fields with Porter stems.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence

from seminar_rag.text import content_words, words

SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS lexicon
USING fts5(title, heading, text, tokenize = 'porter unicode61 remove_diacritics 2');
"""
WEIGHTS = (1.0, 2.0, 1.0)
"""Of title, heading and text; a heading says what its passages are about."""


def add(db: sqlite3.Connection, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Index passages: (key, title, heading, text)."""
    db.executemany("INSERT INTO lexicon(rowid, title, heading, text) VALUES (?, ?, ?, ?)", rows)


def remove(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Remove passages by key."""
    db.executemany("DELETE FROM lexicon WHERE rowid = ?", ((key,) for key in keys))


def rebuild(db: sqlite3.Connection, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Throw the index away and make it anew."""
    db.execute("DROP TABLE IF EXISTS lexicon")
    db.executescript(SCHEMA)
    add(db, rows)


def query_terms(question: str) -> list[str]:
    """What is searched of a question: its content words, or all words where it has none."""
    return list(dict.fromkeys(content_words(question) or words(question)))


def search(
    db: sqlite3.Connection, terms: Sequence[str], k: int, documents: Iterable[str] | None = None
) -> list[tuple[str, float]]:
    """The k best passage ids with their BM25 score (positive), best first."""
    if not terms:
        return []
    match = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
    within, names = "", sorted(documents) if documents is not None else []
    if documents is not None:
        within = f"AND passage.document IN ({','.join('?' * len(names))})"
    rows = db.execute(
        f"""SELECT passage.id, bm25(lexicon, ?, ?, ?) AS rank
            FROM lexicon JOIN passage ON passage.key = lexicon.rowid
            WHERE lexicon MATCH ? {within} ORDER BY rank LIMIT ?""",
        (*WEIGHTS, match, *names, k),
    )
    return [(str(id_), -float(rank)) for id_, rank in rows]


def about(db: sqlite3.Connection, name: str) -> set[str]:
    """Ids of the passages whose title or heading is about what `name` names.

    All its words are in the passage, one of them in the title or heading; failing that, all but
    one are in the title and heading.
    """
    terms = ['"' + word.replace('"', '""') + '"' for word in query_terms(name)]
    if not terms:
        return set()
    outline = f"{{title heading}} : ({' OR '.join(terms)})"
    found = _matching(db, " AND ".join([outline, *terms]))
    if len(found) > 1 or len(terms) < 3:
        return found
    for left_out in range(len(terms)):
        most = " AND ".join(terms[:left_out] + terms[left_out + 1 :])
        found |= _matching(db, f"{{title heading}} : ({most})")
    return found


def _matching(db: sqlite3.Connection, match: str) -> set[str]:
    rows = db.execute(
        "SELECT passage.id FROM lexicon JOIN passage ON passage.key = lexicon.rowid"
        " WHERE lexicon MATCH ?",
        (match,),
    )
    return {str(id_) for (id_,) in rows}


def rarity(db: sqlite3.Connection, terms: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each term, ln((n + 1) / (df + 0.5)), n passages in all."""
    total = int(db.execute("SELECT count(*) FROM passage").fetchone()[0])
    out: dict[str, float] = {}
    for term in terms:
        match = '"' + term.replace('"', '""') + '"'
        row = db.execute("SELECT count(*) FROM lexicon WHERE lexicon MATCH ?", (match,)).fetchone()
        out[term] = math.log((total + 1) / (int(row[0]) + 0.5))
    return out
