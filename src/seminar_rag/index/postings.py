"""Full text in PostgreSQL: the tokens of SQLite's FTS5, its phrases and its ranking, in tables.

A passage's tokens come from FTS5 itself, in memory, so that both engines find and rank alike.
PostgreSQL's own text search would not: it keeps no count of how many passages have a word, so that
its ranks cannot weigh rare words. `posting` has a row for each token of each passage with its
places, `lexicon` the length of each passage. The score is FTS5's BM25 (Robertson & Zaragoza 2009)
with k1 = 1.2 and b = 0.75.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from seminar_rag.index.sqlite import TOKENIZER, WEIGHTS
from seminar_rag.text import spaced

if TYPE_CHECKING:
    from seminar_rag.index.postgres import Postgres

_FIELD = 1 << 24
"""Places of the n-th field begin at n times this, so that no phrase reaches into another field."""
_TOKENIZING = threading.Lock()


class Postings:
    """See `FullText`."""

    SCHEMA = """
    CREATE TABLE IF NOT EXISTS lexicon(key INTEGER PRIMARY KEY, size INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS posting(
        term TEXT, key INTEGER, size INTEGER NOT NULL, weight REAL NOT NULL,
        places INT[] NOT NULL, PRIMARY KEY (term, key));
    CREATE INDEX IF NOT EXISTS posting_key ON posting(key);
    """

    def add(self, db: Postgres, key: int, texts: Sequence[str]) -> None:
        places: dict[str, list[int]] = {}
        for field, text in enumerate(texts):
            for offset, token in enumerate(_tokens(text)):
                places.setdefault(token, []).append(field * _FIELD + offset)
        size = sum(map(len, places.values()))
        db.execute("INSERT INTO lexicon VALUES (?, ?)", (key, size))
        db.copy(
            "posting",
            (
                (token, key, size, sum(WEIGHTS[place // _FIELD] for place in at), at)
                for token, at in places.items()
            ),
        )

    def remove(self, db: Postgres, key: int) -> None:
        db.execute("DELETE FROM posting WHERE key = ?", (key,))
        db.execute("DELETE FROM lexicon WHERE key = ?", (key,))

    def search(
        self,
        db: Postgres,
        terms: Sequence[str],
        k: int,
        documents: Sequence[str] | None,
        holding: Sequence[str],
    ) -> list[tuple[str, float]]:
        phrases = [_phrase(term) for term in (*terms, *holding)]
        hits = " UNION ALL ".join(
            f"(SELECT {i} AS phrase, key, size, weight FROM ({sql}) AS p{i})"
            for i, (sql, _) in enumerate(phrases)
        )
        scope = "TRUE"
        values: list[object] = [value for _, given in phrases for value in given]
        if documents is not None:
            scope = "key IN (SELECT key FROM passage WHERE document = ANY(?))"
            values.append(list(documents))
        held = f"count(*) FILTER (WHERE phrase >= {len(terms)}) = {len(holding)}"
        wanted = f"count(*) FILTER (WHERE phrase < {len(terms)}) > 0"
        rows = db.execute(
            f"""
            WITH hit AS MATERIALIZED ({hits}),
            course AS (SELECT count(*) AS n, avg(size)::float8 AS mean FROM lexicon),
            rarity AS (
                SELECT phrase, CASE WHEN count(*) * 2 >= n THEN 1e-6
                    ELSE ln((n - count(*) + 0.5::float8) / (count(*) + 0.5::float8)) END AS idf
                FROM hit, course GROUP BY phrase, n),
            best AS (
                SELECT key, sum(idf * weight * 2.2::float8
                    / (weight + 1.2::float8 * (0.25 + 0.75 * size / mean))) AS score
                FROM hit JOIN rarity USING (phrase), course WHERE {scope}
                GROUP BY key HAVING {held} AND {wanted} ORDER BY score DESC, key LIMIT ?)
            SELECT passage.id, best.score FROM best JOIN passage USING (key)
            ORDER BY score DESC, key
            """,
            (*values, k),
        )
        return [(str(id_), float(score)) for id_, score in rows]

    def having(self, db: Postgres, terms: Sequence[str], limit: int = -1) -> list[int]:
        phrases = [_phrase(term) for term in terms]
        sql = " INTERSECT ".join(f"(SELECT key FROM ({one}) AS p)" for one, _ in phrases)
        values = [value for _, given in phrases for value in given]
        rows = db.execute(f"{sql} ORDER BY key LIMIT ?", (*values, None if limit < 0 else limit))
        return [key for (key,) in rows]

    def count(self, db: Postgres, term: str) -> int:
        sql, values = _phrase(term)
        return int(db.execute(f"SELECT count(*) FROM ({sql}) AS p", values).fetchone()[0])

    def vocabulary(self, db: Postgres) -> list[str]:
        rows = db.execute("SELECT term FROM posting GROUP BY term ORDER BY count(*) DESC, term")
        return [term for (term,) in rows]

    def damage(self, db: Postgres, passages: int) -> str:
        words = int(db.execute("SELECT count(*) FROM lexicon").fetchone()[0])
        if words != passages:
            return f"the full-text index has {words} of {passages} passages"
        parted = db.execute(
            "SELECT count(*) FROM lexicon FULL JOIN (SELECT key, sum(cardinality(places)) AS found"
            " FROM posting GROUP BY key) AS given USING (key)"
            " WHERE coalesce(size, -1) <> coalesce(found, 0)"
        ).fetchone()[0]
        return f"the full-text index is damaged at {parted} passages" if parted else ""


def _phrase(term: str) -> tuple[str, list[str]]:
    """A query for the key, size and weight of the passages with a phrase, and its values."""
    tokens = _tokens_of_term(term)
    if len(tokens) < 2:
        return "SELECT key, size, weight FROM posting WHERE term = ?", [*tokens] or [""]
    weights = " ".join(f"WHEN {field} THEN {one}" for field, one in enumerate(WEIGHTS))
    rest = range(1, len(tokens))
    joins = " ".join(f"JOIN posting AS t{i} ON t{i}.key = t0.key AND t{i}.term = ?" for i in rest)
    follow = " AND ".join(f"place + {i} = ANY(t{i}.places)" for i in rest)
    return (
        f"SELECT t0.key, t0.size, found.weight FROM posting AS t0 {joins} CROSS JOIN LATERAL"
        f" (SELECT sum(CASE place / {_FIELD} {weights} END)::float8 AS weight"
        f" FROM unnest(t0.places) AS place WHERE {follow}) AS found"
        " WHERE t0.term = ? AND found.weight IS NOT NULL",
        [*tokens[1:], tokens[0]],
    )


@lru_cache(maxsize=1000)
def _tokens_of_term(term: str) -> tuple[str, ...]:
    return tuple(_tokens(term))


def _tokens(text: str) -> list[str]:
    """The tokens of a text in order, as SQLite's FTS5 makes them."""
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
