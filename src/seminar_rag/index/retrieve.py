"""Question → Hits: dense and lexical candidates, fused.

Scores are fused, not ranks: each list's scores are standardised over its candidates and summed,
which was measured better on the labelled questions than reciprocal rank fusion, since a clear
winner of one side stays a clear winner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.index.lexical import query_terms
from seminar_rag.types import Hit, Scope

if TYPE_CHECKING:
    from seminar_rag.index.embed import Embedder
    from seminar_rag.index.store import Store

CANDIDATES = 200
"""How many passages each side proposes."""


class Retriever:
    """Hybrid retrieval over one store."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def search(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """The k best passages, best first, no text twice.

        Raises:
            StoreError: the index cannot be read.
        """
        catalogue = self._store.catalogue()
        documents = catalogue.documents
        within = catalogue.within(scope or Scope())
        if not documents or within == set():
            return ()
        vector = self._embedder.embed([query])[0]
        dense = dict(self._store.dense(vector, CANDIDATES, within))
        sparse = dict(self._store.lexical(query_terms(query), CANDIDATES, within))
        # What only the lexical side found has a cosine too: its embedding is stored.
        lacking = [id_ for id_ in sparse if id_ not in dense]
        stored = self._store.vectors_of(lacking)
        dense.update({id_: float(stored[id_] @ vector) for id_ in lacking if id_ in stored})
        scores = fuse(dense, sparse)
        ranked = sorted(scores, key=lambda id_: (-scores[id_], id_))[: 2 * k + 10]
        passages = self._store.passages(ranked)
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
            hits.append(Hit(passage, document, scores[id_], dense.get(id_), sparse.get(id_)))
            if len(hits) == k:
                break
        return tuple(hits)


def fuse(dense: Mapping[str, float], sparse: Mapping[str, float]) -> dict[str, float]:
    """Sum of the standardised scores of both sides; who lacks a side gets that side's minimum."""
    total: dict[str, float] = dict.fromkeys([*dense, *sparse], 0.0)
    for side in (dense, sparse):
        if not side:
            continue
        z = standardise(list(side.values()))
        by_id = dict(zip(side, z, strict=True))
        floor = min(z)
        for id_ in total:
            total[id_] += by_id.get(id_, floor)
    return total


def standardise(scores: Sequence[float]) -> list[float]:
    """Z-scores; all zero where the scores do not differ."""
    values = np.asarray(scores, np.float64)
    spread = float(values.std())
    if spread < 1e-9:
        return [0.0] * len(values)
    return [float(z) for z in (values - values.mean()) / spread]
