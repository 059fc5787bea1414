"""Full text in PostgreSQL: the tokens of SQLite's FTS5, its phrases and its ranking, in tables.

A passage's tokens come from FTS5 itself, in memory, so that both engines find and rank alike.
PostgreSQL's own text search would not: it keeps no count of how many passages have a word, so that
its ranks cannot weigh rare words. `posting` has a row for each token of each passage with its
places, `lexicon` the length of each passage; `token` and `extent` count both, so that no search
counts the course. A search reads `posting`'s index alone, where the rows of a token lie together.
The score is FTS5's BM25 (Robertson & Zaragoza 2009) with k1 = 1.2 and b = 0.75.
"""

from __future__ import annotations

import math
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
_IDF = (
    "CASE WHEN count(*) * 2 >= ?::bigint THEN 1e-6 ELSE"
    " ln((?::bigint - count(*) + 0.5::float8) / (count(*) + 0.5::float8)) END"
)


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
        extent = db.execute("SELECT passages, tokens FROM extent").fetchone()
        if not extent or not extent[0]:
            return []
        total, mean = extent[0], extent[1] / extent[0]
        every = (*terms, *holding)
        single = [term for term in every if len(_tokens_of_term(term)) == 1]
        counts = self.counts(db, single)
        phrases: list[str] = []
        hits: list[str] = []
        values: list[Any] = []
        rated: list[Any] = []
        for i, term in enumerate(every):
            sql, given = _phrase(term)
            if term in counts:
                rarity, found = "?::float8", f"({sql})"
                rated += [_idf(total, counts[term]), mean, *given]
            else:  # counted where it is found
                phrases.append(f"p{i} AS MATERIALIZED ({sql})")
                values += given
                rarity, found = f"(SELECT {_IDF} FROM p{i})", f"p{i}"
                rated += [total, total, mean]
            held = int(i >= len(terms))
            hits.append(
                f"(SELECT key, {held} AS held, {rarity} * weight * 2.2::float8 / (weight +"
                f" 1.2::float8 * (0.25::float8 + 0.75::float8 * size / ?::float8)) AS score"
                f" FROM {found} AS h{i})"
            )
        scope = "TRUE"
        if documents is not None:
            scope = "key IN (SELECT key FROM passage WHERE document = ANY(?))"
            rated.append(list(documents))
        counted = f"WITH {', '.join(phrases)}" if phrases else ""
        rows = db.execute(
            f"""
            {counted} SELECT passage.id, best.score FROM (
                SELECT key, sum(score) AS score FROM ({" UNION ALL ".join(hits)}) AS hit
                WHERE {scope} GROUP BY key
                HAVING sum(held) = {len(holding)} AND count(*) > {len(holding)}
                ORDER BY score DESC, key LIMIT ?) AS best JOIN passage USING (key)
            ORDER BY score DESC, key
            """,
            (*values, *rated, k),
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

    def counts(self, db: Postgres, terms: Sequence[str]) -> dict[str, int]:
        single = {term: one[0] for term in terms if len(one := _tokens_of_term(term)) == 1}
        query = "SELECT term, passages FROM token WHERE term = ANY(?)"
        known = dict(db.execute(query, (list(single.values()),)).fetchall()) if single else {}
        found = {term: known.get(token, 0) for term, token in single.items()}
        for term in terms:
            if term not in found:
                sql, values = _phrase(term)
                row = db.execute(f"SELECT count(*) FROM ({sql}) AS p", values).fetchone()
                found[term] = row[0]
        return found

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


def _idf(total: int, having: int) -> float:
    """As FTS5 computes it: hardly anything for what half of all passages have."""
    return 1e-6 if 2 * having >= total else math.log((total - having + 0.5) / (having + 0.5))


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
