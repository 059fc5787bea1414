"""Writing the course: one SQLite database and, in step with it, the vector store and kept files.

The database is the truth. A document's passages are swapped in one transaction; vectors are added
before it and removed after it, and ids on their way are noted, so that a crash at any point is
repaired by the next writer: Chroma writes its graph in place, and where a process was killed at
that, the next writer makes the vectors anew from the database. Readers drop what the vector store
finds and the database lacks.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import catalogue, decisions, lexical, reading
from seminar_rag.index.embeddings import packed
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.kept import damaged_added, restored_added
from seminar_rag.index.reading import PASSAGE, StoreReader, damaged_documents, row_of, titles_of
from seminar_rag.index.vectors import BATCH
from seminar_rag.types import CourseEvent, Document, Passage
from seminar_rag.types.catalogue import Correction, ListedSession, Lookup, Record

if TYPE_CHECKING:
    from seminar_rag.models.embed import Matrix


log = logging.getLogger(__name__)


class Store(StoreReader):
    """The course under `folder`, opened or created, for reading and writing. Safe to call from
    several threads."""

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the course for writing; see `Connection.writing`."""
        with self.writing():
            self._writing = True
            try:
                self._write_decisions()
                with contextlib.suppress(DamagedError):  # of the database, which doctor repairs
                    self._recover()
                    self.upgrade()
                self._sweep()
                self.files.fetch_added(one.file for one in catalogue.corrections(self._db))
                self.files.sweep_common(catalogue.kept_files(self._db).values())
                yield
                self.compact()
                self._spare_memory()
            finally:
                self._writing = False

    def _spare_memory(self) -> None:
        """Close the vector store where no search reads it."""
        with contextlib.suppress(StoreError):
            if self._statistics().total <= reading.HELD:
                self.vectors.refresh()

    def copy_decisions(self) -> None:
        """Write a dated copy of the decisions, of which the latest ones are kept. Raises
        StoreError."""
        self._write_decisions(decisions.copy)

    def _write_decisions(
        self, how: Callable[[Path, tuple[Correction, ...]], None] = decisions.save
    ) -> None:
        with self.guarded() as db:
            try:
                how(self.folder, self._read(db).corrections)
            except OSError as error:
                raise StoreError(
                    f"the decisions cannot be written beside the database in {self.folder}"
                    f" ({error.strerror or error}) — free some space or check its permissions"
                ) from error

    def remember_model(self, name: str, precision: str) -> None:
        """Note which model the vectors come from. Call before the first `replace`."""
        with self.guarded() as db:
            self.remember(model=name, precision=precision)
            db.commit()

    def put_source(
        self,
        source: str,
        form: str,
        title: str | None,
        sessions: Sequence[ListedSession],
        events: Sequence[CourseEvent] | None = None,
    ) -> None:
        """Store what a source lists, in place of what it listed before; without `events`, what its
        page names beside readings stays."""
        with self.changing() as db:
            catalogue.put_source(db, source, form, title, sessions, events)

    def replace(
        self,
        record: Record,
        passages: Sequence[Passage] = (),
        vectors: Matrix | None = None,
        file: Path | None = None,
        words: Sequence[bytes] = (),
    ) -> None:
        """Swap a document's passages, atomically for readers.

        Args:
            vectors: shape (len(passages), dimensions); None only without passages.
            file: what the passages were read from, to be kept.
            words: each passage's packed words (`late.pack`); without them the word-by-word
                comparison leaves the passages where they are.
        """
        document = record.document
        digest = self._keep(file) if file else ""
        with self.guarded() as db:
            old: dict[str, int] = dict(
                db.execute("SELECT id, key FROM passage WHERE document = ?", (document.id,))
            )
            fresh = [i for i, passage in enumerate(passages) if passage.id not in old]
            kept = {passage.id for passage in passages} & set(old)
            self._announce(
                [passages[i].id for i in fresh] + [id_ for id_ in old if id_ not in kept]
            )
            if vectors is not None and fresh:
                self.vectors.add([passages[i].id for i in fresh], vectors[fresh], document.id)
            with self.changing():
                _drop(db, old.values())
                catalogue.put_record(db, record)
                catalogue.put_file(db, document.id, digest)
                if vectors is not None and passages:
                    signs: Sequence[bytes | None] = words or [None] * len(passages)
                    _put_passages(db, document, passages, vectors, signs)
            self._settle(added=True)
            self._sweep()

    def keep(self, document: str, file: Path) -> None:
        """Keep the file of a document that is stored already."""
        digest = self._keep(file)
        with self.changing() as db:
            catalogue.put_file(db, document, digest)

    def put_failure(self, record: Record) -> int:
        """Store a failed outcome and return how many passages of an earlier success stay."""
        with self.changing() as db:
            catalogue.put_record(db, record)
            query = "SELECT count(*) FROM passage WHERE document = ?"
            return int(db.execute(query, (record.document.id,)).fetchone()[0])

    def put_lookup(self, lookup: Lookup) -> None:
        """Note what was found on the network for a reading."""
        with self.changing() as db:
            catalogue.put_lookup(db, lookup)

    def drop_lookups(self, source: str, readings: Iterable[str]) -> None:
        """Forget what was found for readings that a source lists no longer."""
        with self.changing() as db:
            catalogue.drop_lookups(db, source, readings)

    def add_corrections(self, *decided: Correction) -> None:
        """Store decisions of the instructor."""
        self.files.share_added(one.file for one in decided)
        with self.changing() as db:
            for one in decided:
                catalogue.put_correction(db, one, one.at)
        self._write_decisions()

    def unlist(self, reading: str, source: str = "") -> None:
        """Take a reading off the lists, or off that of one source; its documents stay."""
        with self.changing() as db:
            catalogue.unlist(db, reading, source)

    def revise(self, change: Callable[[Sequence[ListedSession]], Sequence[ListedSession]]) -> None:
        """Change what every source lists; the documents stay as they are."""
        with self.changing() as db:
            for source, form, title in db.execute("SELECT id, form, title FROM source").fetchall():
                listed = catalogue.read_sessions(db, source)
                catalogue.put_source(db, source, form, title, change(listed))

    def drop_corrections(self, keys: Iterable[int]) -> None:
        """Forget decisions of the instructor, by their keys."""
        with self.changing() as db:
            catalogue.drop_corrections(db, keys)
        self._write_decisions()

    def assign(self, document: str, reading: str) -> None:
        """Say which reading a document belongs to."""
        with self.changing() as db:
            db.execute("UPDATE document SET reading = ? WHERE id = ?", (reading, document))

    def remove(self, documents: Iterable[str]) -> None:
        """Remove documents with all their passages, each atomically."""
        for id_ in list(documents):
            with self.guarded() as db:
                rows = db.execute(
                    "SELECT id, key FROM passage WHERE document = ?", (id_,)
                ).fetchall()
                self._announce([passage for passage, _ in rows])
                with self.changing():
                    _drop(db, [key for _, key in rows])
                    db.execute("DELETE FROM document WHERE id = ?", (id_,))
                    catalogue.put_file(db, id_, "")
                self._settle()
                self._sweep()

    def forget_source(self, source: str) -> None:
        """Remove a source, its lists and all its documents."""
        with self.guarded() as db:
            ids = [
                id_ for (id_,) in db.execute("SELECT id FROM document WHERE source = ?", (source,))
            ]
        self.remove(ids)
        with self.changing() as db:
            catalogue.drop_source(db, source)

    # --- soundness -----------------------------------------------------------------------------

    def findings(self) -> list[str]:
        """What is wrong with the index, one line each; empty when it is sound."""
        out: list[str] = []
        with self.guarded() as db:
            if verdict := db.damage():
                out.append(f"the database is damaged: {verdict}")
            ids = {id_ for (id_,) in db.stream("SELECT id FROM passage")}
            if problem := db.full_text.damage(db, len(ids)):
                out.append(problem)
            if damaged := damaged_documents(db):
                out.append(f"stored passages are damaged: {titles_of(db, damaged)}")
            out += self.files.findings(catalogue.kept_files(db).values())
            made = catalogue.corrections(db)
            self.files.fetch_added(one.file for one in made)
            if wrong := damaged_added(self.folder, made):
                out.append(f"added files are gone or damaged: {', '.join(wrong)}")
        if ids or (self.folder / "chroma").exists():
            out += self._vector_findings(ids)
        return out

    def _vector_findings(self, ids: set[str]) -> list[str]:
        """What is wrong with the vectors of the passages of these ids."""
        wrong = 0
        try:
            stored = self.vectors.ids()
            both = sorted(ids & stored)
            for at in range(0, len(both), BATCH):
                ours = self.vectors_of(both[at : at + BATCH])
                theirs = self.vectors.stored(list(ours))
                wrong += sum(
                    ours[id_].shape == one.shape and not np.allclose(ours[id_], one, atol=1e-3)
                    for id_, one in theirs.items()
                )
                if theirs and not at:
                    self.vectors.query(next(iter(theirs.values())), 1)
        except StoreError as error:
            return [str(error)]
        out = []
        if wrong:
            out.append(f"the vector store has {wrong} of {len(ids)} vectors otherwise")
        if missing := len(ids - stored):
            out.append(f"the vector store lacks {missing} of {len(ids)} passages")
        if extra := len(stored - ids):
            out.append(f"the vector store has {extra} vectors without a passage")
        return out

    def repair(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Rebuild full text and vectors from the stored passages and embeddings. Documents with a
        damaged passage are taken out, for the next ingest to read them again."""
        with self.guarded() as db:
            self._repair_files(db, progress)
            if damaged := damaged_documents(db):
                titles = titles_of(db, damaged)
                with self.changing():
                    for document in damaged:
                        db.execute("DELETE FROM passage WHERE document = ?", (document,))
                        db.execute("DELETE FROM document WHERE id = ?", (document,))
                progress(f"taken out as damaged: {titles} — ingest again to read them again")
            progress("rebuilding the full-text index")
            with self.changing():
                lexical.rebuild(db)
            progress("rebuilding the vector store")
            self._rebuild_vectors()

    def _repair_files(self, db: Connection, progress: Callable[[str], None]) -> None:
        kept = catalogue.kept_files(db)
        unusable = self.files.unusable(kept.values())
        for digest in unusable:
            (self.files.folder / digest).unlink(missing_ok=True)
        if wrong := damaged_added(self.folder, catalogue.corrections(db)):
            gone = restored_added(self.folder, wrong, self.files.folder)
            progress(f"added files brought back: {len(wrong) - len(gone)} of {len(wrong)}")
            for name in gone:
                progress(f"lost: {name} — add the file again at the desk, or with seminar-rag add")
        for id_, digest in kept.items():
            if digest in unusable:  # the next ingest keeps it again
                catalogue.put_file(db, id_, "")
        db.commit()
        self._sweep()

    # --- inside --------------------------------------------------------------------------------

    def _announce(self, ids: Iterable[str]) -> None:
        """Note ids whose vectors are about to change, before they do."""
        with transaction(self._db):
            self._db.executemany(
                "INSERT INTO moving VALUES (?) ON CONFLICT DO NOTHING", [(i,) for i in ids]
            )

    def _recover(self) -> None:
        """Settle what an earlier writer left that did not come to its end."""
        try:
            self._settle()
        except DamagedError as error:
            log.warning("%s; it is rebuilt now from the database", str(error).partition(" — ")[0])
            self._rebuild_vectors()

    def _settle(self, *, added: bool = False) -> None:
        """Make the vector store agree with the database on every announced id; with `added` it has
        the vectors of those that the database has."""
        with self.guarded() as db:
            moving = db.execute(
                "SELECT moving.id, document FROM moving LEFT JOIN passage ON passage.id = moving.id"
                " ORDER BY document, ordinal"
            ).fetchall()
            for at in range(0, len(moving), BATCH):
                part = moving[at : at + BATCH]
                there = [(id_, document) for id_, document in part if document is not None]
                if gone := [id_ for id_, document in part if document is None]:
                    self.vectors.delete(gone)
                if there and not added:
                    self._add_lacking(there)
                with transaction(db):
                    db.executemany("DELETE FROM moving WHERE id = ?", [(id_,) for id_, _ in part])

    def _add_lacking(self, passages: Sequence[tuple[str, str]]) -> None:
        """Give the vector store what it lacks of these passages: (id, document), in their order."""
        found = self.vectors.stored([id_ for id_, _ in passages])
        ours = self.vectors_of([id_ for id_, _ in passages if id_ not in found])
        for document, group in groupby(passages, key=itemgetter(1)):
            if ids := [id_ for id_, _ in group if id_ in ours]:
                self.vectors.add(ids, np.stack([ours[id_] for id_ in ids]), document)

    def _rebuild_vectors(self) -> None:
        """Make the vector store anew; the next writer goes on with it where it is cut short."""
        with self.guarded() as db:
            with transaction(db):
                db.execute(
                    "INSERT INTO moving SELECT id FROM passage WHERE TRUE ON CONFLICT DO NOTHING"
                )
            self.vectors.reset()
            self._settle()

    def _keep(self, file: Path) -> str:
        try:
            return self.files.keep(file)
        except OSError as error:
            raise StoreError(
                f"{file.name} cannot be copied into {self.files.folder} ({error.strerror or error})"
                " — free some space or check permissions, and ingest again"
            ) from error

    def _sweep(self) -> None:
        """Remove the files that no document needs. Only for writers: others may be adding one."""
        with self.guarded() as db:
            self.files.sweep(catalogue.kept_files(db).values())


def _drop(db: Connection, keys: Iterable[int]) -> None:
    gone = list(keys)
    lexical.remove(db, gone)
    db.executemany("DELETE FROM passage WHERE key = ?", [(key,) for key in gone])


def _put_passages(
    db: Connection, document: Document, passages: Sequence[Passage], vectors: Matrix, words: Any
) -> None:
    db.executemany(
        f"INSERT INTO passage({PASSAGE}, title, vector, words)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*row_of(passage), document.title, vector, signs)
            for passage, vector, signs in zip(passages, packed(vectors), words, strict=True)
        ],
    )
    query = "SELECT key, title, heading, text FROM passage WHERE document = ? ORDER BY ordinal"
    lexical.add(db, db.execute(query, (document.id,)).fetchall())
