"""Full text in PostgreSQL: the tokens of SQLite's FTS5, its phrases and its ranking, in tables.

A passage's tokens come from FTS5 itself, in memory, so that both engines find and rank alike.
PostgreSQL's own text search would not: it keeps no count of how many passages have a word, so that
its ranks cannot weigh rare words. `posting` has a row for each token of each passage with its
places, `lexicon` the length of each passage; `token` and `extent` count both, so that no search
counts the course. A search reads `posting`'s index alone, where the rows of a token lie together.
The score is FTS5's BM25 (Robertson & Zaragoza 2009) with k1 = 1.2 and b = 0.75.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

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
        term TEXT, key INTEGER, size INT NOT NULL, weight FLOAT4 NOT NULL, places INT[] NOT NULL,
        PRIMARY KEY (term, key) INCLUDE (size, weight));
    CREATE INDEX IF NOT EXISTS posting_key ON posting(key);
    CREATE TABLE IF NOT EXISTS token(term TEXT PRIMARY KEY, passages INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS extent(
        one INTEGER PRIMARY KEY, passages INTEGER NOT NULL, tokens INTEGER NOT NULL);
    """

    def add(self, db: Postgres, rows: Sequence[tuple[int, str, str, str]]) -> None:
        if not rows:
            return
        lines: list[str] = []
        sizes: dict[int, int] = {}
        having: Counter[str] = Counter()
        for key, *texts in rows:
            places = placed([tokens(text) for text in texts])
            sizes[key] = sum(map(len, places.values()))
            having.update(places.keys())
            lines += posting_lines(key, places)
        db.copy("lexicon", (f"{key}\t{size}\n" for key, size in sizes.items()))
        db.copy("posting", lines)
        self._count(db, sorted(having.items()), len(sizes), sum(sizes.values()))

    def remove(self, db: Postgres, keys: Sequence[int]) -> None:
        gone = db.execute(
            "WITH gone AS (DELETE FROM posting WHERE key = ANY(?) RETURNING term)"
            " SELECT term, -count(*) FROM gone GROUP BY term ORDER BY term",
            (list(keys),),
        ).fetchall()
        sizes = db.execute(
            "DELETE FROM lexicon WHERE key = ANY(?) RETURNING size", (list(keys),)
        ).fetchall()
        self._count(db, gone, -len(sizes), -sum(size for (size,) in sizes))

    def _count(self, db: Postgres, having: list[Any], passages: int, size: int) -> None:
        """Add to the counts: of each term's passages, of all passages and of all tokens."""
        db.execute(
            "INSERT INTO token SELECT * FROM unnest(?::text[], ?::bigint[])"
            " ON CONFLICT (term) DO UPDATE SET passages = token.passages + excluded.passages",
            ([term for term, _ in having], [count for _, count in having]),
        )
        db.execute(
            "INSERT INTO extent VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET"
            " passages = extent.passages + excluded.passages,"
            " tokens = extent.tokens + excluded.tokens",
            (passages, size),
        )

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
            course AS (
                SELECT passages AS n, tokens::float8 / nullif(passages, 0) AS mean FROM extent),
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
        (first, _), *rest = phrases
        joins = " ".join(f"JOIN ({sql}) AS p{i} USING (key)" for i, (sql, _) in enumerate(rest))
        values = [value for _, given in phrases for value in given]
        rows = db.execute(
            f"SELECT key FROM ({first}) AS p {joins} ORDER BY key LIMIT ?",
            (*values, None if limit < 0 else limit),
        )
        return [key for (key,) in rows]

    def count(self, db: Postgres, term: str) -> int:
        found = _tokens_of_term(term)
        if len(found) == 1:
            row = db.execute("SELECT passages FROM token WHERE term = ?", found).fetchone()
            return int(row[0]) if row else 0
        sql, values = _phrase(term)
        return int(db.execute(f"SELECT count(*) FROM ({sql}) AS p", values).fetchone()[0])

    def vocabulary(self, db: Postgres) -> list[str]:
        rows = db.execute("SELECT term FROM token WHERE passages > 0 ORDER BY passages DESC, term")
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
        if parted:
            return f"the full-text index is damaged at {parted} passages"
        miscounted = db.execute(
            "SELECT count(*) FROM token FULL JOIN (SELECT term, count(*) AS found FROM posting"
            " GROUP BY term) AS given USING (term)"
            " WHERE coalesce(passages, 0) <> coalesce(found, 0)"
        ).fetchone()[0]
        whole = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM lexicon").fetchone()
        counted = db.execute(
            "SELECT coalesce(sum(passages), 0), coalesce(sum(tokens), 0) FROM extent"
        ).fetchone()
        if miscounted or counted != whole:
            return f"the full-text index counts {miscounted} words wrongly"
        return ""


def placed(fields: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Where each token of a passage stands, its fields given as tokens."""
    places: dict[str, list[int]] = {}
    for field, found in enumerate(fields):
        for offset, token in enumerate(found):
            places.setdefault(token, []).append(field * _FIELD + offset)
    return places


def posting_lines(key: int, places: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """The rows of a passage as lines for `Postgres.copy`: a token has letters and digits alone."""
    size = sum(map(len, places.values()))
    for term, at in places.items():
        weight = sum(WEIGHTS[place // _FIELD] for place in at)
        yield f"{term}\t{key}\t{size}\t{weight}\t{{{','.join(map(str, at))}}}\n"


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
    return tuple(tokens(term))


def tokens(text: str) -> list[str]:
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
