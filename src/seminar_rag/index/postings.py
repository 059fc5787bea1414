"""Full text in PostgreSQL: the tokens of SQLite's FTS5, its phrases and its ranking, in tables.

A passage's tokens come from FTS5 itself, in memory, so that both engines find and rank alike.
PostgreSQL's own text search would not: it keeps no count of how many passages have a word, so that
its ranks cannot weigh rare words. The keys of the passages are parted into blocks; `posting` has a
row for each token of each block, with its passages packed, so that a search of a word that half a
million passages have reads some thousand rows, and one within a session those of its blocks alone.
`lexicon` has the length of each passage; `token` and `extent` count both. The score is FTS5's BM25
(Robertson & Zaragoza 2009) with k1 = 1.2 and b = 0.75, added up here, the rarest word first: once
the words that are left cannot lift any other passage among the best, they are read only for the
blocks of those that they can (MaxScore, Turtle & Flood 1995).
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.index.sqlite import WEIGHTS, idf, tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seminar_rag.index.postgres import Postgres

_FIELD = 1 << 24
"""Places of the n-th field begin at n times this, so that no phrase reaches into another field."""
_BLOCK = 256
"""Keys of a block; what a row says of a passage begins with its place in there, a byte."""
_HIT = np.dtype([("low", "u1"), ("places", "<u2"), ("weight", "<f4"), ("size", "<u4")])
"""A passage that has a token: its key within the block, how often and with which weight it has the
token, and how many tokens it has in all."""
_BITS = 27
"""Of a place, below the key of its passage."""
_PACKED = struct.Struct("<BHfI")
_K1, _B = 1.2, 0.75
_LOOKED_AT = 10_000
"""Rows that are looked at together for damage."""


class Postings:
    """See `FullText`."""

    SCHEMA = """
    CREATE TABLE IF NOT EXISTS lexicon(key INTEGER PRIMARY KEY, size INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS posting_block(
        term TEXT, block INTEGER, hits BLOB NOT NULL, places BLOB NOT NULL,
        PRIMARY KEY (term, block));
    CREATE INDEX IF NOT EXISTS posting_block_block ON posting_block(block);
    CREATE TABLE IF NOT EXISTS token(term TEXT PRIMARY KEY, passages INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS extent(
        one INTEGER PRIMARY KEY, passages INTEGER NOT NULL, tokens INTEGER NOT NULL);
    """

    def add(self, db: Postgres, rows: Sequence[tuple[int, str, str, str]]) -> None:
        self.post(db, {key: placed([tokens(one) for one in texts]) for key, *texts in rows})

    def post(self, db: Postgres, passages: Mapping[int, Mapping[str, Sequence[int]]]) -> None:
        """Add passages by key, given as `placed` tokens."""
        made: dict[tuple[str, int], tuple[bytearray, array[int]]] = {}
        sizes = {key: sum(map(len, places.values())) for key, places in passages.items()}
        having: Counter[str] = Counter()
        for key, places in passages.items():
            block, low = divmod(key, _BLOCK)
            having.update(places.keys())
            for term, at in places.items():
                hits, there = made.setdefault((term, block), (bytearray(), array("i")))
                weight = sum(WEIGHTS[place // _FIELD] for place in at)
                hits += _PACKED.pack(low, len(at), weight, sizes[key])
                there.extend(at)
        db.copy("lexicon", (f"{key}\t{size}\n" for key, size in sizes.items()))
        _put(db, [(*row, bytes(hits), there.tobytes()) for row, (hits, there) in made.items()])
        self._count(db, sorted(having.items()), len(sizes), sum(sizes.values()))

    def remove(self, db: Postgres, keys: Sequence[int]) -> None:
        blocks = sorted({key // _BLOCK for key in keys})
        gone = np.zeros((len(blocks), _BLOCK), bool)
        for key in keys:
            gone[blocks.index(key // _BLOCK), key % _BLOCK] = True
        lost: Counter[str] = Counter()
        without: list[tuple[str, int]] = []
        left: list[tuple[str, int, bytes, bytes]] = []
        query = "SELECT term, block, hits, places FROM posting_block WHERE block = ANY(?)"
        for term, block, packed, places in db.execute(query, (blocks,)).fetchall():
            hits = np.frombuffer(packed, _HIT)
            away = gone[blocks.index(block)][hits["low"]]
            if not (count := int(away.sum())):
                continue
            lost[term] -= count
            without.append((term, block))
            if count < len(hits):
                stay = np.repeat(~away, hits["places"])
                rest = np.frombuffer(places, "<i4")[stay].tobytes()
                left.append((term, block, hits[~away].tobytes(), rest))
        db.execute(
            "DELETE FROM posting_block USING unnest(?::text[], ?::bigint[]) AS gone(term, block)"
            " WHERE posting_block.term = gone.term AND posting_block.block = gone.block",
            ([term for term, _ in without], [block for _, block in without]),
        )
        _put(db, left)
        sizes = db.execute(
            "DELETE FROM lexicon WHERE key = ANY(?) RETURNING size", (list(keys),)
        ).fetchall()
        self._count(db, sorted(lost.items()), -len(sizes), -sum(size for (size,) in sizes))

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
        (top,) = db.execute("SELECT max(key) FROM lexicon").fetchone()
        asked = {*terms, *holding}
        phrases = {t: _found(db, t) for t in asked if len(_tokens_of_term(t)) != 1}
        counts = self.counts(db, [t for t in asked if t not in phrases])
        counts |= {t: len(found[0]) for t, found in phrases.items()}
        every = [(idf(total, counts[t]), t, False) for t in terms]
        every += [(idf(total, counts[t]), t, True) for t in holding]
        every.sort(key=lambda one: (not one[2], -one[0]))
        rest = sum(rarity for rarity, _, _ in every) * (_K1 + 1)
        scores, rated = np.zeros(top + 1), np.zeros(top + 1, bool)
        held = np.zeros(top + 1, np.uint16)
        within: list[int] | None = None
        if documents is not None:
            query = "SELECT key FROM passage WHERE document = ANY(?)"
            rows = db.execute(query, (list(documents),)).fetchall()
            scope = np.array([key for (key,) in rows], np.int64)
            within = _blocks(np.sort(scope))
        for rarity, term, must in every:
            if documents is None and not holding and scores.max() > rest:
                within = _blocks_that_can_win(scores, k, rest) or within
            rest -= rarity * (_K1 + 1)
            keys, weights, sizes = phrases.get(term) or _found(db, term, within)
            inside = keys <= top  # others were written just now
            keys, weights, sizes = keys[inside], weights[inside], sizes[inside]
            length = _K1 * (1 - _B + _B * sizes / mean)
            scores[keys] += rarity * weights * (_K1 + 1) / (weights + length)
            if must:
                held[keys] += 1
                within = _blocks(keys)
            else:
                rated[keys] = True
        good = rated & (held == len(holding))
        if documents is not None:
            inside = np.zeros(top + 1, bool)
            inside[scope[scope <= top]] = True
            good &= inside
        best = _best(np.flatnonzero(good), scores, k)
        ids = dict(db.execute("SELECT key, id FROM passage WHERE key = ANY(?)", (best.tolist(),)))
        return [(str(ids[key]), float(scores[key])) for key in best.tolist() if key in ids]

    def having(self, db: Postgres, terms: Sequence[str], limit: int = -1) -> list[int]:
        counts = self.counts(db, terms) if len(terms) > 1 else {}
        keys: NDArray[np.int64] | None = None
        for term in sorted(terms, key=lambda one: counts.get(one, 0)):
            some = None if keys is None else _blocks(keys)
            found, _, _ = _found(db, term, some, limit if len(terms) == 1 else -1)
            keys = found if keys is None else np.intersect1d(keys, found)
        every = [] if keys is None else np.sort(keys).tolist()
        return every if limit < 0 else every[:limit]

    def counts(self, db: Postgres, terms: Sequence[str]) -> dict[str, int]:
        single = {term: one[0] for term in terms if len(one := _tokens_of_term(term)) == 1}
        query = "SELECT term, passages FROM token WHERE term = ANY(?)"
        known = dict(db.execute(query, (list(single.values()),)).fetchall()) if single else {}
        found = {term: known.get(token, 0) for term, token in single.items()}
        return found | {t: len(_found(db, t)[0]) for t in terms if t not in found}

    def vocabulary(self, db: Postgres) -> list[str]:
        rows = db.execute("SELECT term FROM token WHERE passages > 0 ORDER BY passages DESC, term")
        return [term for (term,) in rows]

    def damage(self, db: Postgres, passages: int) -> str:
        words = int(db.execute("SELECT count(*) FROM lexicon").fetchone()[0])
        if words != passages:
            return f"the full-text index has {words} of {passages} passages"
        sizes = dict(db.stream("SELECT key, size FROM lexicon"))
        given, found = np.zeros((2, max(sizes, default=0) + _BLOCK), np.int64)
        given[list(sizes)] = list(sizes.values())
        wrong: set[int] = set()
        having: Counter[str] = Counter()
        rows = db.stream("SELECT term, block, hits, length(places) FROM posting_block")
        while part := list(islice(rows, _LOOKED_AT)):
            keys, hits, at = _unpacked([row[1:3] for row in part])
            inside = keys < len(given)
            keys, hits, at = keys[inside], hits[inside], at[inside]
            for (term, *_), count in zip(part, np.bincount(at, minlength=len(part)), strict=True):
                having[term] += int(count)
            found += np.bincount(keys, hits["places"], len(given)).astype(np.int64)
            placed = 4 * np.bincount(at, hits["places"], len(part))
            uneven = placed != np.array([length for *_, length in part])
            _, first, times = np.unique(
                np.stack([at, keys]), axis=1, return_index=True, return_counts=True
            )
            wrong.update(
                keys[given[keys] != hits["size"]].tolist(), keys[first[times > 1]].tolist()
            )
            wrong.update(part[i][1] * _BLOCK for i in np.flatnonzero(uneven))
        wrong.update(np.flatnonzero(given != found).tolist())
        if wrong:
            return f"the full-text index is damaged at {len(wrong)} passages"
        counted = {
            term: count for term, count in db.stream("SELECT term, passages FROM token") if count
        }
        miscounted = sum(counted.get(t) != having.get(t) for t in counted.keys() | having.keys())
        summed = db.execute(
            "SELECT coalesce(sum(passages), 0), coalesce(sum(tokens), 0) FROM extent"
        ).fetchone()
        if miscounted or summed != (len(sizes), sum(sizes.values())):
            return f"the full-text index counts {miscounted} words wrongly"
        return ""


def placed(fields: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Where each token of a passage stands, its fields given as tokens."""
    places: dict[str, list[int]] = {}
    for field, found in enumerate(fields):
        for offset, token in enumerate(found):
            places.setdefault(token, []).append(field * _FIELD + offset)
    return places


def _put(db: Postgres, rows: list[tuple[str, int, bytes, bytes]]) -> None:
    """Write rows of `posting_block`, or add them to the end of those that are there."""
    db.execute(
        "INSERT INTO posting_block SELECT * FROM"
        " unnest(?::text[], ?::bigint[], ?::bytea[], ?::bytea[]) ON CONFLICT (term, block)"
        " DO UPDATE SET hits = posting_block.hits || excluded.hits,"
        " places = posting_block.places || excluded.places",
        [list(column) for column in zip(*sorted(rows), strict=True)] or [[]] * 4,
    )


_Found = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""Of the passages that have a term: key, weight of the term there, and tokens in all."""


def _found(db: Postgres, term: str, within: Sequence[int] | None = None, limit: int = -1) -> _Found:
    """Args:
    within: the blocks to look into; None for all.
    limit: blocks that are enough, of a term of one token.
    """
    found = _tokens_of_term(term) or ("",)
    if len(found) == 1:
        keys, hits, _ = _rows(db, found[0], within, limit)
        return keys, hits["weight"].astype(np.float64), hits["size"].astype(np.float64)
    query = "SELECT term, passages FROM token WHERE term = ANY(?)"
    having = dict(db.execute(query, (list(found),)).fetchall())
    (first, rarest), *rest = sorted(enumerate(found), key=lambda one: having.get(one[1], 0))
    keys, hits, places = _rows(db, rarest, within, places=True)
    starts = places - first
    for i, token in rest:
        places = _rows(db, token, _blocks(starts >> _BITS), places=True)[2]
        at = np.minimum(np.searchsorted(places, starts + i), len(places) - 1)
        starts = starts[places[at] == starts + i] if len(places) else starts[:0]
    # Each key once, with the weights of all places where the phrase begins.
    begins = np.flatnonzero(np.diff(starts >> _BITS, prepend=-1))
    weights = np.asarray(WEIGHTS)[(starts & ((1 << _BITS) - 1)) // _FIELD]
    there = starts[begins] >> _BITS
    size = hits["size"][np.searchsorted(keys, there)].astype(np.float64)
    return there, np.add.reduceat(weights, begins) if len(begins) else weights, size


def _blocks(keys: NDArray[np.int64]) -> list[int]:
    """The blocks of ascending keys."""
    blocks = keys // _BLOCK
    return list(blocks[np.flatnonzero(np.diff(blocks, prepend=-1))].tolist())


def _rows(
    db: Postgres, token: str, within: Sequence[int] | None, limit: int = -1, *, places: bool = False
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """The passages with a token, ascending: keys, hits, and its places, each with its key above
    `_BITS`."""
    scope = "" if within is None else " AND block = ANY(?)"
    rows = db.execute(
        f"SELECT block, hits{', places' * places} FROM posting_block WHERE term = ?{scope}"
        " ORDER BY block LIMIT ?",
        (token, *([] if within is None else [within]), None if limit < 0 else limit),
    ).fetchall()
    keys, hits, _ = _unpacked([row[:2] for row in rows])
    at = np.frombuffer(b"".join(row[2] for row in rows) if places else b"", "<i4").astype(np.int64)
    return keys, hits, (np.repeat(keys, hits["places"]) << _BITS) + at if places else at


def _unpacked(
    rows: Sequence[tuple[int, bytes]],
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """The hits of rows, given as block and `hits`: key, hit, and place of its row among these."""
    counts = [len(packed) // _HIT.itemsize for _, packed in rows]
    whole = (
        packed[: count * _HIT.itemsize] for (_, packed), count in zip(rows, counts, strict=True)
    )
    hits = np.frombuffer(b"".join(whole), _HIT)
    at = np.repeat(np.arange(len(rows)), counts)
    return np.array([block for block, _ in rows], np.int64)[at] * _BLOCK + hits["low"], hits, at


def _best(keys: NDArray[np.int64], scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """The k of these keys with the best scores, best first, of equals the first ones."""
    if len(keys) > k:
        keys = keys[scores[keys] >= np.partition(scores[keys], -k)[-k]]
    return keys[np.lexsort((keys, -scores[keys]))][:k]


def _blocks_that_can_win(scores: NDArray[np.float64], k: int, rest: float) -> list[int]:
    """The blocks of the passages that may be among the k best where `rest` at most is added to
    each score; empty where any passage may."""
    found = np.flatnonzero(scores)
    best = _best(found, scores, k)
    if len(best) < k or scores[best[-1]] <= rest:
        return []
    can = found[scores[found] + rest >= scores[best[-1]]]
    return _blocks(can)


@lru_cache(maxsize=1000)
def _tokens_of_term(term: str) -> tuple[str, ...]:
    return tuple(tokens(term))
