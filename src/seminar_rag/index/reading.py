"""Reading the course: its catalogue, its passages, and both sides of the search."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import catalogue, lexical
from seminar_rag.index.database import Database
from seminar_rag.index.embeddings import (
    HeldVectors,
    dimensions_of,
    held_vectors,
    is_unit,
    is_vector,
    nearest_within,
    numbers,
    usual_dimensions,
)
from seminar_rag.index.engine import Connection
from seminar_rag.index.folder import REPAIR
from seminar_rag.index.kept import KeptFiles, Remote
from seminar_rag.index.vectors import VectorIndex, Vectors
from seminar_rag.types import Passage, Sentence
from seminar_rag.types.catalogue import Catalogue

if TYPE_CHECKING:
    from seminar_rag.models.embed import Matrix


log = logging.getLogger(__name__)

PASSAGE = "id, document, ordinal, text, heading, start, stop, page, sentences"
"""The columns of a passage as a value."""
SMALL = 5_000
"""Passages up to which held vectors are all compared number by number, in a millisecond."""
HELD = 200_000
"""Passages up to which the vectors of the database are held in memory and searched there: a process
that only reads does not open the vector store then, which takes half a second and 50 MB where it is
small, and 1.5 kB a passage where it is not. These are 90 MB, and are read in two seconds."""
_REMEMBERED = 50_000
"""Terms whose rarity is kept in memory; counting a common one again is slow."""


@dataclass(slots=True)
class _WordStatistics:
    """What searching has learnt about the course's words, valid for one generation."""

    generation: str | None
    total: int = 0
    """Passages."""
    rarity: dict[str, float] = field(default_factory=dict)
    spelled: dict[str, str | None] = field(default_factory=dict)
    glossary: dict[str, str] | None = None
    vocabulary: list[str] | None = None


class StoreReader(Database):
    """What can be read of the course under `folder`; safe to call from several threads. Raises
    StoreError where the folder cannot be used, or belongs to another version."""

    def __init__(
        self,
        folder: Path,
        url: str = "",
        vectors: Vectors | None = None,
        database: str = "",
        files: str = "",
    ) -> None:
        """Args:
        url: of a Chroma server; empty for the embedded store under `folder`.
        vectors: another vector store, for tests.
        database: of a PostgreSQL server; empty for SQLite under `folder`.
        files: where servers have kept and added files in common; empty keeps them in `folder`.
        """
        super().__init__(folder, database)
        self.vectors: Vectors = vectors or VectorIndex(folder / "chroma", url)
        self.files = KeptFiles(folder / "files", Remote(files) if files else None)
        self._seen: str | None = None
        self._catalogue: Catalogue | None = None
        self._writing = False
        self._words = _WordStatistics(None)
        self._held: HeldVectors | None = None
        self._held_at: str | None = None
        """The generation of which they are."""

    # --- catalogue and passages ----------------------------------------------------------------

    def require_model(self, name: str, precision: str) -> None:
        """Refuse to compare vectors of two models or precisions; raises StoreError."""
        stored = (self.meta("model"), self.meta("precision"))
        if stored not in ((None, None), (name, precision)):
            raise StoreError(
                f"the index was made with {stored[0]} in {stored[1]}, the configuration says"
                f" {name} in {precision} — set [embed] back, or ingest into a new --data folder"
            )

    def catalogue(self) -> Catalogue:
        """The course now, including what another process changed since the last call."""
        with self.guarded() as db:
            generation = self.meta("generation")
            if self._catalogue is None or self._seen != generation:
                if self._catalogue is not None and not self._writing:
                    self.vectors.refresh()
                self._catalogue = self._read(db)
                self._seen = generation
            return self._catalogue

    def _read(self, db: Connection) -> Catalogue:
        try:
            return catalogue.read(db)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DamagedError(
                f"the catalogue in {self.folder} is damaged ({error!r}) — {REPAIR}"
            ) from error

    def file_of(self, document: str) -> Path | None:
        """The kept file of a document; None where there is none."""
        record = self.catalogue().records.get(document)
        return self.files.path(record.file) if record and record.file else None

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages of these ids that exist, by id."""
        found = map(readable, self._columns(PASSAGE, ids))
        return {passage.id: passage for passage in found if passage is not None}

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        """All passages of a document, in order."""
        with self.guarded() as db:
            rows = db.execute(
                f"SELECT {PASSAGE} FROM passage WHERE document = ? ORDER BY ordinal", (document,)
            )
            return tuple(passage for passage in map(readable, rows) if passage is not None)

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Matrix]:
        """Stored embeddings by passage id, each of shape (dimensions,)."""
        return {
            id_: numbers(blob) for id_, blob in self._columns("id, vector", ids) if is_vector(blob)
        }

    def words_of(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Packed words (`late.pack`) by passage id, of those passages that have them."""
        rows = self._columns("id, words, length(vector)", ids)
        return {
            id_: words
            for id_, words, size in rows
            if words is not None and are_words(words, dimensions_of(size))
        }

    def embedded(self, ids: Sequence[str]) -> dict[str, tuple[Matrix, bytes]]:
        """Vector and packed words by passage id, of the passages that have both."""
        words = self.words_of(ids)
        vectors = self.vectors_of(list(words))
        return {id_: (vectors[id_], words[id_]) for id_ in vectors}

    def _columns(self, columns: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Columns of the passages of these ids that exist."""
        with self.guarded() as db:
            yield from db.execute(
                f"SELECT {columns} FROM passage WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(ids),),
            ).fetchall()

    # --- search --------------------------------------------------------------------------------

    def dense(
        self, vector: Matrix, k: int, documents: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        """The k nearest passages with their cosine similarity (-1 to 1), best first.

        What is searched is said by `HELD`. Of more, the vector store finds the nearest of all; an
        embedded one that is damaged is passed over until it is repaired: the embeddings of the
        database are compared one by one then.

        Args:
            vector: shape (dimensions,).
            documents: restricts the search to these; None searches all.
        """
        held = self._held_vectors()
        if held is not None and held.rows.shape[1:] == vector.shape:
            return held.nearest(vector, k, documents)
        if documents is None and held is None:
            try:
                found = self._nearest(vector, k)
            except DamagedError as error:
                log.warning("%s", error)
            else:
                if len(found) == k:  # fewer: there are no more, or the store lacks some
                    return found
        with self.guarded() as db:
            within = self.catalogue().records if documents is None else documents
            return nearest_within(db, within, vector, k)

    def cosines(self, vector: Matrix, ids: Sequence[str]) -> dict[str, float]:
        """The cosine similarity of the passages of these ids that can be compared."""
        held = self._held_vectors()
        if held is not None and held.rows.shape[1:] == vector.shape:
            return held.cosines(vector, ids)
        stored = self.vectors_of(ids).items()
        return {id_: float(one @ vector) for id_, one in stored if one.shape == vector.shape}

    def _held_vectors(self) -> HeldVectors | None:
        """The vectors of the course as it is now; None where they are too many."""
        with self.guarded() as db:
            statistics = self._statistics()
            if statistics.total > HELD:
                self._held = None
            elif self._held is None or self._held_at != statistics.generation:
                self._held = held_vectors(db, statistics.total <= SMALL, self._held)
                self._held_at = statistics.generation
            return self._held

    def _nearest(self, vector: Matrix, k: int) -> list[tuple[str, float]]:
        """What the vector store finds; opened again where it fails while another process writes."""
        try:
            return self.vectors.query(vector, k)
        except DamagedError:
            self.vectors.refresh()
            return self.vectors.query(vector, k)

    def lexical(
        self,
        terms: Sequence[str],
        k: int,
        documents: Iterable[str] | None = None,
        holding: Sequence[str] = (),
    ) -> list[tuple[str, float]]:
        """The k best passage ids with their BM25 score (positive), best first.

        Words that more than `lexical.COMMON` passages have are left out where rarer ones remain.

        Args:
            holding: terms that every passage must have.
        """
        if not terms:
            return []
        with self.guarded() as db:
            rarity = self.rarity(terms)
            least = lexical.idf(self._statistics().total, lexical.COMMON)
            rare = [term for term in terms if rarity[term] >= least]
            within = None if documents is None else sorted(documents)
            return db.full_text.search(db, rare or terms, k, within, holding)

    def holding(self, terms: Sequence[str], limit: int = -1) -> set[int]:
        """Passages that have all of the terms, as keys to compare sets by; `limit` at most."""
        with self.guarded() as db:
            return set(db.full_text.having(db, terms, limit)) if terms else set()

    def rarity(self, terms: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of each term; see `lexical.idf`."""
        with self.guarded() as db:
            statistics = self._statistics()
            known = statistics.rarity
            if unknown := [term for term in terms if term not in known]:
                for term, count in db.full_text.counts(db, unknown).items():
                    known[term] = lexical.idf(statistics.total, count)
            return {term: known[term] for term in terms}

    def glossary(self) -> dict[str, str]:
        """Abbreviation → what it stands for, as most of the passages explain it."""
        query = "SELECT short, long FROM abbreviation GROUP BY 1, 2 ORDER BY count(*), 1, 2"
        with self.guarded() as db:
            statistics = self._statistics()
            if statistics.glossary is None:
                statistics.glossary = dict(db.execute(query).fetchall())
            return statistics.glossary

    def spelled(self, word: str) -> str | None:
        """The readings' word that `word` is a misspelling of; None when it is known, or strange."""
        with self.guarded() as db:
            statistics = self._statistics()
            if word not in statistics.spelled:
                statistics.spelled[word] = None
                if not db.full_text.having(db, [word], 1):
                    if statistics.vocabulary is None:
                        statistics.vocabulary = db.full_text.vocabulary(db)
                    statistics.spelled[word] = lexical.corrected(db, word, statistics.vocabulary)
            return statistics.spelled[word]

    def _statistics(self) -> _WordStatistics:
        """The statistics of the course as it is now."""
        generation = self.meta("generation")
        if self._words.generation != generation or len(self._words.rarity) > _REMEMBERED:
            with self.guarded() as db:
                (total,) = db.execute("SELECT count(*) FROM passage").fetchone()
                self._words = _WordStatistics(generation, int(total))
        return self._words


def are_words(packed: object, dimensions: int) -> bool:
    """Whether a stored value is a passage's packed words, beside an embedding of `dimensions`."""
    return isinstance(packed, bytes) and dimensions > 0 and len(packed) % -(-dimensions // 8) == 0


def row_of(passage: Passage) -> tuple[Any, ...]:
    """A passage as the columns `PASSAGE`."""
    sentences = [[s.start, s.end, s.kind, s.page, s.level] for s in passage.sentences]
    return (
        passage.id,
        passage.document,
        passage.ordinal,
        passage.text,
        passage.heading,
        passage.start,
        passage.end,
        passage.page,
        json.dumps(sentences, separators=(",", ":")),
    )


def readable(row: Sequence[Any]) -> Passage | None:
    """The passage of a row; None where it is damaged, which `Store.findings` reports."""
    try:
        sentences = tuple(Sentence(*one) for one in json.loads(row[-1]))
        passage = Passage(*(*row[:-1], sentences))
        ends = [0, *(end for one in sentences for end in (one.start, one.end)), len(passage.text)]
    except (ValueError, TypeError):
        return None
    if not all(type(end) is int for end in ends) or ends != sorted(ends):
        return None
    return passage


def damaged_documents(db: Connection) -> list[str]:
    """The ids of the documents of which a passage or its embedding is damaged, or all are gone."""
    dimensions = usual_dimensions(db)
    found = {
        str(row[1])
        for *row, vector, words in db.stream(f"SELECT {PASSAGE}, vector, words FROM passage")
        if (read := readable(row)) is None
        or (read.text and not read.sentences)
        or not (is_vector(vector, dimensions) and is_unit(vector))
        or not (words is None or are_words(words, dimensions))
    }
    parted = db.execute(
        "SELECT document FROM passage WHERE document NOT IN (SELECT id FROM document) UNION "
        "SELECT id FROM document WHERE outcome = 'indexed' AND id NOT IN"
        " (SELECT document FROM passage)"
    )
    return sorted(found | {str(id_) for (id_,) in parted})


def titles_of(db: Connection, documents: Iterable[str]) -> str:
    """The titles of documents, for a message."""
    titles = dict(db.execute("SELECT id, title FROM document"))
    return ", ".join(titles.get(id_) or id_ for id_ in documents)
