"""The sentences that say most of what a document says, quoted from it.

Centrality in the space of embeddings: a sentence is the more central the nearer it lies to the
mean of the document's passages (centroid summarisation, Radev et al. 2004; with embeddings,
Rossiello et al. 2017). Sentences that repeat a chosen one are passed over by maximal marginal
relevance (Carbonell and Goldstein 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.errors import NotFoundError
from seminar_rag.types import Citation, Passage, Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seminar_rag.index.store import Store

    Matrix = NDArray[np.float32]

_PASSAGES = 10
"""Only sentences of the most central passages are embedded."""
_LENGTH = (50, 360)
"""Characters of a sentence that can stand alone."""
_NEW = 0.35
"""Weight of being unlike the sentences that were chosen before."""


def key_sentences(
    store: Store, embed: Callable[[Sequence[str]], Matrix], reading: str, n: int
) -> tuple[Citation, ...]:
    """At most n sentences of a reading's main document, in its order.

    Raises:
        NotFoundError: there is no text of such a reading.
    """
    records = [one for one in store.catalogue().records.values() if one.document.reading == reading]
    main = max(records, key=lambda one: (one.document.kind == "paper", one.passages), default=None)
    if main is None or not main.passages:
        raise NotFoundError("No text of this reading is in the course.")
    passages = store.passages_of(main.document.id)
    vectors = store.vectors_of([one.id for one in passages])
    rows = np.stack([vectors[one.id] for one in passages])
    return tuple(
        Citation(number, main.document, passage, passage.quote(sentence), sentence.page)
        for number, (passage, sentence) in enumerate(central_sentences(passages, rows, embed, n), 1)
    )


def central_sentences(
    passages: Sequence[Passage],
    vectors: Matrix,
    embed: Callable[[Sequence[str]], Matrix],
    n: int = 5,
) -> list[tuple[Passage, Sentence]]:
    """At most n sentences, in the order of the document.

    Args:
        vectors: of the passages, of unit length, shape (len(passages), dimensions).
        embed: sentences → vectors of unit length, shape (len, dimensions).
    """
    if not passages:
        return []
    middle = _unit(vectors.mean(axis=0))
    order = np.argsort(-(vectors @ middle), kind="stable")[:_PASSAGES]
    once = {
        passages[i].quote(sentence): (passages[i], sentence)
        for i in sorted(map(int, order))
        for sentence in passages[i].sentences
        if _stands_alone(passages[i], sentence)
    }
    found = list(once.values())
    if not found:
        return []
    rows = embed(list(once))
    central = rows @ middle
    chosen: list[int] = []
    while len(chosen) < min(n, len(found)):
        repeats = (rows @ rows[chosen].T).max(axis=1) if chosen else np.zeros(len(found))
        score = (1 - _NEW) * central - _NEW * repeats
        score[chosen] = -np.inf
        chosen.append(int(score.argmax()))
    return [found[i] for i in sorted(chosen)]


def _stands_alone(passage: Passage, sentence: Sentence) -> bool:
    text = passage.quote(sentence)
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return (
        sentence.kind in ("paragraph", "item")
        and _LENGTH[0] <= len(text) <= _LENGTH[1]
        and text[0].isupper()
        and text.rstrip()[-1:] in ".!?"
        # References and formulas are mostly not letters.
        and letters > 0.88 * len(text)
    )


def _unit(vector: Matrix) -> Matrix:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
