"""What a reader sees of a document: drawn pages with the boxes of quotes, and its key sentences.

Where there is no drawable file, its passages are shown section by section.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.documents.itself import about_itself
from seminar_rag.errors import DocumentError, NotFoundError
from seminar_rag.pages.locate import key
from seminar_rag.pages.render import Renderer
from seminar_rag.pages.sheet import Quote
from seminar_rag.types import Citation, Passage, Sentence
from seminar_rag.types.catalogue import Record
from seminar_rag.types.reading import Box, View

if TYPE_CHECKING:
    from seminar_rag.index.reading import StoreReader
    from seminar_rag.models.embed import Matrix

GONE = "This reading is no longer in the course."
MOVED = "The reading was read again since this answer was written; the sentence is still in it."
LOST = "The reading has changed since this answer was written; the passage is no longer in it."
UNMARKED = "The sentence could not be found on the drawn page."
_JOINING = frozenset("al and by et the of in from".split())
"""What stands in small letters between names."""
_CENTRAL_PASSAGES = 10
"""Key sentences are taken from this many of the most central passages."""
_LENGTH = (50, 360)
"""Characters of a key sentence."""
_CLAIM = 0.15
"""Added to the likeness of a sentence that says what the work does or finds."""
_CLAIMS = re.compile(
    r"\b(?:we|this (?:paper|work|article|study|survey|review|report)|our (?:results?|findings?"
    r"|model|method|approach|analysis|study|work))\b.{0,60}?\b(?:propose|introduce|present|show|find|found"
    r"|demonstrate|argue|describe|develop|report|review|survey|summari[sz]e|confirm|suggest|provide"
    r"|estimate|analy[sz]e|discuss|identif)\w*"
    r"|^(?:\W*)(?:conclusions?|results|principal findings)\b",
    re.IGNORECASE,
)
_ITSELF = 0.3
"""Taken from it where the sentence is about the document instead of its subject."""
_ABSTRACT = re.compile(r"\babstract\b", re.IGNORECASE)
_OPENING, _OPENS = 3, 0.1
"""Of so many passages at its beginning, one with an abstract is always looked at, and this is added
to the likeness of its sentences: authors sum up there what they say."""
_NOVELTY = 0.35
"""Weight of being unlike the sentences that were chosen before."""


class Pages:
    """Opens documents at their passages. Safe to call from any thread."""

    def __init__(self, store: StoreReader, renderer: Renderer) -> None:
        self._store = store
        self._renderer = renderer

    def page(self, document: str, number: int, width: int) -> bytes:
        """A page of a document's kept file as JPEG; see `Renderer.page`. Raises NotFoundError:
        there is no such document, or no file of it. Raises DocumentError: there is no such page, or
        it cannot be drawn."""
        return self._renderer.page(self._file(document), number, width)

    def lines(self, document: str, number: int) -> tuple[tuple[str, Box], ...]:
        """The lines of text of a page, each with its box; see `Renderer.lines`. Raises
        NotFoundError, DocumentError: as for `page`."""
        return self._renderer.lines(self._file(document), number)

    def _file(self, document: str) -> Path:
        self._record(document)
        file = self._store.file_of(document)
        if file is None:
            raise NotFoundError("No pages are kept of this reading.")
        return file

    def open(
        self,
        document: str,
        passage: str = "",
        quotes: Sequence[str] = (),
        section: int | None = None,
    ) -> View:
        """A document at a passage.

        Args:
            passage: id of the passage the quotes come from; it may be gone.
            quotes: sentences to mark, the first of which is shown.
            section: show this section of a view of text, whatever the passage.

        Raises NotFoundError: there is no such document.
        """
        record = self._record(document)
        asked = tuple(dict.fromkeys(filter(str.strip, quotes)))
        found, remark = self._passage(document, passage, asked)
        view = View(record.document, asked, remark)
        file = self._store.file_of(document)
        if file is not None and section is None:
            try:
                return self._drawn(replace(view, version=record.file[:12]), file, found)
            except DocumentError as error:
                view = replace(view, remark=f"{error} This is its text.")
        return self._text(view, found, section)

    def _record(self, document: str) -> Record:
        record = self._store.catalogue().records.get(document)
        if record is None or not record.passages:
            raise NotFoundError(GONE)
        return record

    def _passage(
        self, document: str, id_: str, quotes: tuple[str, ...]
    ) -> tuple[Passage | None, str]:
        """The passage, or the one that holds its first quote now, and a remark on the change."""
        if not id_:
            return None, ""
        passage = self._store.passages([id_]).get(id_)
        if passage is not None and passage.document == document:
            return passage, ""
        for other in self._store.passages_of(document) if quotes else ():
            if key(quotes[0]) in key(other.text):
                return other, MOVED
        return None, LOST

    def _drawn(self, view: View, file: Path, passage: Passage | None) -> View:
        quotes = [_quote(text, passage) for text in view.quotes] if passage else []
        sheets = self._renderer.look(file, quotes)
        page = (passage.page if passage else None) or 1
        if sheets.spots:
            page = min(sheets.spots, key=lambda spot: (spot.quote, spot.page)).page
        remark = view.remark or (UNMARKED if quotes and not sheets.spots else "")
        page = min(max(page, 1), len(sheets.sizes))
        return replace(view, remark=remark, page=page, sizes=sheets.sizes, spots=sheets.spots)

    def _text(self, view: View, passage: Passage | None, wanted: int | None) -> View:
        passages = self._store.passages_of(view.document.id)
        sections = [tuple(group) for _, group in groupby(passages, key=lambda one: one.heading)]
        if not sections:
            raise NotFoundError(GONE)
        at = wanted or 0
        if wanted is None and passage is not None:
            at = next((i for i, some in enumerate(sections) if passage in some), 0)
        at = min(max(at, 0), len(sections) - 1)
        return replace(view, section=at, sections=len(sections), passages=sections[at])


def _quote(text: str, passage: Passage) -> Quote:
    """Where in its passage a quote stands, and so on which page to look first."""
    at = passage.text.find(text)
    inside = (one for one in passage.sentences if one.start <= at < one.end)
    sentence = next(inside, None) if at >= 0 else None
    page = sentence.page if sentence and sentence.page else passage.page or 1
    return Quote(text, page, passage.text[: max(at, 0)])


# --- key sentences ---------------------------------------------------------------------------


def key_sentences(
    store: StoreReader, embed: Callable[[Sequence[str]], Matrix], reading: str, n: int
) -> tuple[Citation, ...]:
    """At most n central sentences of a reading's main document, in its order. Raises NotFoundError:
    there is no text of such a reading."""
    records = store.catalogue().by_reading.get(reading, ())
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
    """The n sentences that say most of what a document says, in its order.

    A sentence is the more central the nearer it lies to the mean of the document's passages in the
    space of embeddings (centroid summarisation, Radev et al. 2004; with embeddings, Rossiello et
    al. 2017). Sentences that repeat a chosen one are passed over by maximal marginal relevance
    (Carbonell and Goldstein 1998).

    Args:
        vectors: of the passages, of unit length, shape (len(passages), dimensions).
        embed: sentences → vectors of unit length, shape (len, dimensions).
    """
    if not passages:
        return []
    middle = _unit(vectors.mean(axis=0))
    order = np.argsort(-(vectors @ middle), kind="stable")[:_CENTRAL_PASSAGES]
    opening = {
        i
        for i, one in enumerate(passages[:_OPENING])
        if _ABSTRACT.search(f"{one.heading} {one.text}")
    }
    once = {
        passages[i].quote(sentence): (passages[i], sentence)
        for i in sorted({*map(int, order), *opening})
        for sentence in passages[i].sentences
        if _stands_alone(passages[i], sentence)
    }
    found = list(once.values())
    if not found:
        return []
    rows = embed(list(once))
    opens = {passages[i].id for i in opening}
    central = (
        rows @ middle
        + _CLAIM * np.array([claims(text) for text in once])
        - _ITSELF * np.array([about_itself(text) for text in once])
        + _OPENS * np.array([one.id in opens for one, _ in found])
    )
    chosen: list[int] = []
    while len(chosen) < min(n, len(found)):
        repeats = (rows @ rows[chosen].T).max(axis=1) if chosen else np.zeros(len(found))
        score = (1 - _NOVELTY) * central - _NOVELTY * repeats
        score[chosen] = -np.inf
        chosen.append(int(score.argmax()))
    return [found[i] for i in sorted(chosen)]


def claims(text: str) -> bool:
    """Whether a sentence says what the work does or finds, and not what was known before it."""
    return _CLAIMS.search(text) is not None


def _stands_alone(passage: Passage, sentence: Sentence) -> bool:
    text = passage.quote(sentence)
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return (
        sentence.kind in ("paragraph", "item")
        and _LENGTH[0] <= len(text) <= _LENGTH[1]
        and text[0].isalpha()
        and not text[0].islower()
        and text.rstrip()[-1:] in ".!?"
        # References and formulas are mostly not letters.
        and letters > 0.88 * len(text)
        and not _only_names(text)
    )


def _only_names(text: str) -> bool:
    """Whether each word has a capital but those that only join, as in a line of authors."""
    return all(one[:1].isupper() or one in _JOINING for one in re.findall(r"[^\W\d_]+", text))


def _unit(vector: Matrix) -> Matrix:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
