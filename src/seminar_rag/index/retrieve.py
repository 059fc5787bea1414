"""Question → Hits: dense and lexical candidates, fused, then compared with the question word by
word; a search for each side of a comparison; and, where one is at hand, a reranker.

Scores are fused, not ranks: each list's scores are standardised over its candidates and summed,
which was measured better on the labelled questions than reciprocal rank fusion, since a clear
winner of one side stays a clear winner. What else was tried is in `benchmarks/answers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.index.aspects import compares, is_called, named, without, works
from seminar_rag.index.late import asked
from seminar_rag.index.lexical import query_terms
from seminar_rag.index.wording import misspelt
from seminar_rag.text import content_words
from seminar_rag.types import Document, Hit, Passage, Scope

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from seminar_rag.index.embed import Embedder, Words
    from seminar_rag.index.rerank import Reranker
    from seminar_rag.index.store import Store

    Matrix = NDArray[np.float32]

CANDIDATES = 200
"""How many passages each side proposes."""
DENSE_WEIGHT = 0.8
"""Of the dense side's standardised scores; the lexical side has 1."""
COMPARED = 150
"""The best of both sides' candidates, which are compared word by word (`late`)."""
LATE_WEIGHT = 5.0
"""Of that comparison's standardised scores, beside the other two."""
_SCALE = (1 + DENSE_WEIGHT) / (1 + DENSE_WEIGHT + LATE_WEIGHT)
"""Keeps the scores about as far apart as without the comparison."""
_PULLING = 10
_PULLED = 0.5
"""The first hits lift the passages beside them to this share of their own score: what a text says
next often completes the answer, in other words than the question's."""
RERANKED = 30
"""Passages that a reranker reads for one question."""
_EACH = 3
"""Passages for each thing compared that are moved up."""
_SIDES = 4
"""Things compared at most; each costs a search."""
_COMMON = 0.12
"""What more than this share of all passages is about does not tell sides apart."""


class _Found:
    """What one search found: fused scores, with both sides' own."""

    def __init__(
        self, dense: dict[str, float], sparse: dict[str, float], scores: dict[str, float]
    ) -> None:
        self.dense = dense
        self.sparse = sparse
        self.scores = scores

    def ranked(self, within: AbstractSet[str] | None = None) -> list[str]:
        """Ids, best first, those of `within` only."""
        ids = self.scores if within is None else [id_ for id_ in self.scores if id_ in within]
        return sorted(ids, key=lambda id_: (-self.scores[id_], id_))


class Retriever:
    """Hybrid retrieval over one store."""

    def __init__(self, store: Store, embedder: Embedder, reranker: Reranker | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._last: tuple[str, Matrix, Words] | None = None

    def search(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """The k best passages, best first, no text twice.

        The scores are those of the whole question and do not descend where sides of a comparison
        were moved up.

        Raises:
            StoreError: the index cannot be read.
            ModelError: the reranker cannot be loaded.
        """
        catalogue = self._store.catalogue()
        within = catalogue.within(scope or Scope())
        if not catalogue.documents or within == set():
            return ()
        query = self._spelled(query)
        found = self._find(query, within)
        if self._reranker is not None:
            self._rerank(self._reranker, query, found)
        ranked = found.ranked()
        moved = self._sides(query, within)
        if moved:
            ranked = list(dict.fromkeys([*ranked[:1], *moved, *ranked]))
        own = set() if moved else self._named_work(query, within)
        if own:
            ranked = list(dict.fromkeys([*self._find(query, own).ranked()[:_EACH], *ranked]))
        return self._hits(ranked[: 2 * k + 10], found, k)

    def _find(self, query: str, within: set[str] | None) -> _Found:
        vector, words = self._read_question(query)
        dense = dict(self._store.dense(vector, CANDIDATES, within))
        sparse = dict(self._store.lexical(self._terms(query), CANDIDATES, within))
        self._add_cosines(dense, sparse, vector)
        scores = fuse(dense, sparse)
        best = sorted(scores, key=lambda id_: (-scores[id_], id_))[:COMPARED]
        packed = self._store.words_of(best)
        near = asked(words, self._store.rarity).scores([packed.get(id_, b"") for id_ in best])
        scores = compare(scores, dict(zip(best, near, strict=True)))
        self._pull(scores)
        self._add_cosines(dense, scores, vector)
        return _Found(dense, sparse, scores)

    def _read_question(self, query: str) -> tuple[Matrix, Words]:
        """Vector and words of a question; the last one is remembered, since it is searched again
        within the works that it names."""
        asked_before = self._last
        if asked_before is not None and asked_before[0] == query:
            return asked_before[1:]
        vectors, (words,) = self._embedder.read([query], "question")
        self._last = (query, vectors[0], words)
        return vectors[0], words

    def _add_cosines(self, dense: dict[str, float], ids: Iterable[str], vector: Matrix) -> None:
        """What only another side found has a cosine too: its embedding is stored."""
        lacking = [id_ for id_ in ids if id_ not in dense]
        stored = self._store.vectors_of(lacking)
        dense.update({id_: float(stored[id_] @ vector) for id_ in lacking if id_ in stored})

    def _pull(self, scores: dict[str, float]) -> None:
        """Lift what stands beside the first hits; both are of one document, so of one scope."""
        first = sorted(scores, key=lambda id_: (-scores[id_], id_))[:_PULLING]
        heights = {id_: _PULLED * scores[id_] for id_ in first if scores[id_] > 0}
        for id_, others in self._store.beside(list(heights)).items():
            for other in others:
                scores[other] = max(scores.get(other, heights[id_]), heights[id_])

    def _spelled(self, query: str) -> str:
        """The query with words that no passage has, and that look misspelt, put right."""
        for word in dict.fromkeys(content_words(query)):
            # A word that the model has a token of its own for is a word, if not of the course.
            if not misspelt(word) or self._embedder.count(word) == 1:
                continue
            right = self._store.spelled(word)
            if right:
                query = re.sub(rf"(?<!\w){word}(?!\w)", right, query, flags=re.IGNORECASE)
        return query

    def _terms(self, query: str) -> list[str]:
        """What is searched for: the query's words, and abbreviations both short and long."""
        terms = query_terms(query)
        folded = query.lower()
        written = set(re.findall(r"[\w-]+", query))
        for short, long in self._store.glossary().items():
            if short in written:
                terms.append(long)
            elif long in folded:
                terms.append(short.lower())
        return list(dict.fromkeys(terms))

    def _rerank(self, reranker: Reranker, query: str, found: _Found) -> None:
        """Hand the first scores out anew, in the reranker's order."""
        first = found.ranked()[:RERANKED]
        passages = self._store.passages(first)
        first = [id_ for id_ in first if id_ in passages]
        # Equal scores are told apart by as little as keeps the order.
        heights = [found.scores[id_] - 1e-9 * i for i, id_ in enumerate(first)]
        documents = self._store.catalogue().documents
        texts = [_read(passages[id_], documents) for id_ in first]
        judged = dict(zip(first, reranker.scores(query, texts), strict=True))
        order = sorted(first, key=lambda id_: -judged[id_])
        found.scores.update(zip(order, heights, strict=True))

    def _named_work(self, query: str, within: set[str] | None) -> set[str]:
        """The documents of a reading that the question calls by its title or arXiv id."""
        return {
            id_
            for name in works(query)
            for id_, one in self._store.catalogue().documents.items()
            if (within is None or id_ in within)
            and (one.reading == name or is_called(name, one.title))
        }

    def _sides(self, query: str, within: set[str] | None) -> list[str]:
        """The best few ids for each of the things compared, in turn; empty when none are."""
        if not compares(query):
            return []
        names = named(query)[:_SIDES]
        if len(names) < 2:
            return []
        sides = self._apart(names)
        if len(sides) < 2:
            return []
        columns = []
        for name, about in sides.items():
            question = query
            for other in sides:
                question = question if other == name else without(question, other)
            columns.append(self._find(question, within).ranked(about)[:_EACH])
        rows = zip_longest(*columns)
        return [id_ for id_ in chain.from_iterable(rows) if id_ is not None]

    def _apart(self, names: Iterable[str]) -> dict[str, set[str]]:
        """Name → passages about it, for names that tell different passages apart."""
        total = sum(record.passages for record in self._store.catalogue().records.values())
        apart: dict[str, set[str]] = {}
        for name in names:
            about = self._store.about(name)
            if not about or len(about) > max(3, _COMMON * total):
                continue
            if all(
                2 * len(about & other) < min(len(about), len(other)) for other in apart.values()
            ):
                apart[name] = about
        return apart

    def _hits(self, ranked: Sequence[str], found: _Found, k: int) -> tuple[Hit, ...]:
        documents = self._store.catalogue().documents
        passages = self._store.passages(ranked)
        lowest = min(found.scores.values(), default=0.0)
        hits: list[Hit] = []
        texts: set[str] = set()
        for id_ in ranked:
            passage = passages.get(id_)
            # A vector may outlive its passage for a moment, while another process writes.
            if passage is None or passage.document not in documents:
                continue
            text = " ".join(passage.text.split()).casefold()
            if text in texts:
                continue
            texts.add(text)
            document = documents[passage.document]
            score = found.scores.get(id_, lowest)
            hits.append(Hit(passage, document, score, found.dense.get(id_), found.sparse.get(id_)))
            if len(hits) == k:
                break
        return tuple(hits)


def _read(passage: Passage, documents: Mapping[str, Document]) -> str:
    """A passage as a reranker reads it: where it stands, then what it says."""
    document = documents.get(passage.document)
    place = [document.title] if document else []
    return "\n".join([" › ".join([*place, *filter(None, [passage.heading])]), passage.text])


def fuse(dense: Mapping[str, float], sparse: Mapping[str, float]) -> dict[str, float]:
    """Weighted sum of both sides' scores, each in standard deviations from the mean of its best
    `CANDIDATES`; who lacks a side gets that side's minimum."""
    total: dict[str, float] = dict.fromkeys([*dense, *sparse], 0.0)
    for side, weight in ((dense, DENSE_WEIGHT), (sparse, 1.0)):
        if not side:
            continue
        by_id = dict(zip(side, standardise(list(side.values())), strict=True))
        floor = min(by_id.values())
        for id_ in total:
            total[id_] += weight * by_id.get(id_, floor)
    return total


def compare(scores: Mapping[str, float], near: Mapping[str, float | None]) -> dict[str, float]:
    """Fused scores with the comparison word by word added.

    Args:
        near: what the comparison gives for the best of them; None where there is nothing to
            compare, which counts as the mean. What was not compared stays behind them all.
    """
    known = {id_: value for id_, value in near.items() if value is not None}
    added = dict(zip(known, standardise(list(known.values())), strict=True))
    out = {id_: _SCALE * (scores[id_] + LATE_WEIGHT * added.get(id_, 0.0)) for id_ in near}
    if len(near) < len(scores):
        lowest = min(out.values(), default=0.0)
        rest = {id_: score for id_, score in scores.items() if id_ not in near}
        step = max(rest.values()) - lowest
        out |= {id_: score - max(0.0, step) - 1e-6 for id_, score in rest.items()}
    return out


def standardise(scores: Sequence[float]) -> list[float]:
    """Deviations from the mean of the best `CANDIDATES`; all zero where these do not differ."""
    values = np.asarray(scores, np.float64)
    best = np.sort(values)[-CANDIDATES:]
    spread = float(best.std()) if len(best) else 0.0
    if spread < 1e-9:
        return [0.0] * len(values)
    return [float(z) for z in (values - best.mean()) / spread]
