"""The course on disk: one SQLite database (catalogue, passages, embeddings, full text) and, in
step with it, the vector store.

The database is the truth. A document's passages are swapped in one transaction; vectors are added
before it and removed after it, and ids on their way are noted, so that a crash at any point is
mended by the next writer. Readers drop what the vector store finds and the database lacks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import BusyError, StoreError
from seminar_rag.index import catalogue, corrections, lexical
from seminar_rag.index.files import Files
from seminar_rag.index.vectors import VectorIndex, Vectors
from seminar_rag.index.within import Within
from seminar_rag.types import Passage, Sentence
from seminar_rag.types.catalogue import Catalogue, Correction, ListedSession, Lookup, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

_VERSION = "1"
_REMEMBERED = 50_000
"""Terms whose rarity is kept in memory; counting a common one again is slow."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);
{catalogue.SCHEMA}
CREATE TABLE IF NOT EXISTS passage(
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL,
    ordinal INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT NOT NULL, title TEXT NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, page INTEGER, sentences TEXT NOT NULL,
    vector BLOB NOT NULL, words BLOB);
CREATE INDEX IF NOT EXISTS passage_document ON passage(document, ordinal);
CREATE TABLE IF NOT EXISTS moving(id TEXT PRIMARY KEY);
{lexical.SCHEMA}
"""


@dataclass(slots=True)
class _Learnt:
    """What searching has learnt of the course's words, until it changes."""

    generation: str | None
    rarity: dict[str, float] = field(default_factory=dict)
    spelled: dict[str, str | None] = field(default_factory=dict)
    glossary: dict[str, str] | None = None
    vocabulary: list[str] | None = None


class Store:
    """Opens or creates the course under `folder`. Safe to call from several threads.

    Raises:
        StoreError: the folder cannot be used, or belongs to another version.
    """

    def __init__(self, folder: Path, url: str = "", vectors: Vectors | None = None) -> None:
        """Args:
        url: of a Chroma server; empty for the embedded store under `folder`.
        vectors: another vector store, for tests.
        """
        self.folder = folder
        self.vectors: Vectors = vectors or VectorIndex(folder / "chroma", url)
        self.files = Files(folder / "files")
        self._lock = threading.RLock()
        self._seen: str | None = None
        self._catalogue: Catalogue | None = None
        self._writing = False
        self._words = _Learnt(None)
        self._within = Within()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "course.db", check_same_thread=False, timeout=30)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the data folder {folder} cannot be used ({error})") from error
        with self._guarded() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            if "meta" not in tables:
                db.executescript(_SCHEMA)
                self._set(version=_VERSION, generation="0")
                db.commit()
            else:
                catalogue.migrate(db)
                columns = {row[1] for row in db.execute("PRAGMA table_info(passage)")}
                if "passage" in tables and "words" not in columns:
                    db.execute("ALTER TABLE passage ADD COLUMN words BLOB")
                if "abbreviation" not in tables and "lexicon" in tables:
                    db.executescript(lexical.SCHEMA)
                db.commit()
        found = self.meta("version")
        if found != _VERSION:
            raise StoreError(
                f"{folder} was written by another version (store {found}, this is {_VERSION})"
                " — choose another --data folder, or delete it and ingest again"
            )

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            self._db.close()

    # --- reading -------------------------------------------------------------------------------

    def meta(self, name: str) -> str | None:
        """A remembered fact: "model", "precision"; None when not set yet."""
        with self._guarded() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def require_model(self, name: str, precision: str) -> None:
        """Refuse to compare vectors of two models.

        Raises:
            StoreError: the stored vectors come from another model or precision.
        """
        stored = (self.meta("model"), self.meta("precision"))
        if stored not in ((None, None), (name, precision)):
            raise StoreError(
                f"the index was made with {stored[0]} in {stored[1]}, the configuration says"
                f" {name} in {precision} — set [embed] back, or ingest into a new --data folder"
            )

    def catalogue(self) -> Catalogue:
        """The course now, including what another process changed since the last call."""
        with self._guarded() as db:
            generation = self.meta("generation")
            if self._catalogue is None or self._seen != generation:
                if self._catalogue is not None and not self._writing:
                    self.vectors.refresh()
                self._seen = generation
                self._catalogue = catalogue.read(db)
            return self._catalogue

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages of these ids that exist, by id."""
        out: dict[str, Passage] = {}
        with self._guarded() as db:
            for at in range(0, len(ids), 500):
                part = list(ids[at : at + 500])
                marks = ",".join("?" * len(part))
                for row in db.execute(
                    f"SELECT {_PASSAGE} FROM passage WHERE id IN ({marks})", part
                ):
                    passage = _passage(row)
                    out[passage.id] = passage
        return out

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        """All passages of a document, in order."""
        with self._guarded() as db:
            rows = db.execute(
                f"SELECT {_PASSAGE} FROM passage WHERE document = ? ORDER BY ordinal", (document,)
            )
            return tuple(_passage(row) for row in rows)

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Matrix]:
        """Stored embeddings by passage id, each of shape (dimensions,)."""
        out: dict[str, Matrix] = {}
        with self._guarded() as db:
            for at in range(0, len(ids), 500):
                part = list(ids[at : at + 500])
                marks = ",".join("?" * len(part))
                for id_, blob in db.execute(
                    f"SELECT id, vector FROM passage WHERE id IN ({marks})", part
                ):
                    out[id_] = np.frombuffer(blob, np.float32)
        return out

    def words_of(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Packed words (`late.pack`) by passage id, of those passages that have them."""
        out: dict[str, bytes] = {}
        with self._guarded() as db:
            for at in range(0, len(ids), 500):
                part = list(ids[at : at + 500])
                marks = ",".join("?" * len(part))
                out.update(
                    db.execute(
                        f"SELECT id, words FROM passage WHERE id IN ({marks})"
                        " AND words IS NOT NULL",
                        part,
                    ).fetchall()
                )
        return out

    def beside(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """The passages before and after each, in the same document."""
        out: dict[str, list[str]] = {id_: [] for id_ in ids}
        marks = ",".join("?" * len(ids))
        with self._guarded() as db:
            for id_, other in db.execute(
                "SELECT one.id, other.id FROM passage AS one JOIN passage AS other"
                " ON other.document = one.document"
                " AND other.ordinal IN (one.ordinal - 1, one.ordinal + 1)"
                f" WHERE one.id IN ({marks}) ORDER BY other.ordinal",
                list(ids),
            ):
                out[id_].append(other)
        return out

    def embedded(self, ids: Sequence[str]) -> dict[str, tuple[Matrix, bytes]]:
        """Vector and packed words by passage id, of the passages that have both."""
        words = self.words_of(ids)
        vectors = self.vectors_of(list(words))
        return {id_: (vectors[id_], words[id_]) for id_ in words}

    def dense(
        self, vector: Matrix, k: int, documents: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        """The k nearest passages with their cosine similarity (-1 to 1), best first.

        Args:
            vector: shape (dimensions,).
            documents: restricts the search to these; None searches all.
        """
        if documents is None:
            return self.vectors.query(vector, k)
        with self._guarded() as db:
            return self._within.nearest(db, self.meta("generation"), documents, vector, k)

    def lexical(
        self,
        terms: Sequence[str],
        k: int,
        documents: Iterable[str] | None = None,
        holding: Sequence[str] = (),
    ) -> list[tuple[str, float]]:
        """Best passages by BM25; see `lexical.search`.

        Words that more than `lexical.COMMON` passages have are left out where rarer ones remain.
        """
        with self._guarded() as db:
            rarity, least = self.rarity(terms), lexical.rarest_common(db)
            rare = [term for term in terms if rarity[term] >= least]
            return lexical.search(db, rare or terms, k, documents, holding)

    def holding(self, terms: Sequence[str]) -> set[int]:
        """Passages that have all of the terms, as keys to compare sets by."""
        with self._guarded() as db:
            return lexical.holding(db, terms)

    def rarity(self, terms: Sequence[str]) -> dict[str, float]:
        """Inverse document frequency of each term; see `lexical.rarity`."""
        with self._guarded() as db:
            known = self._learnt().rarity
            known.update(lexical.rarity(db, [term for term in terms if term not in known]))
            return {term: known[term] for term in terms}

    def glossary(self) -> dict[str, str]:
        """Abbreviation → what the readings say it stands for."""
        with self._guarded() as db:
            learnt = self._learnt()
            if learnt.glossary is None:
                learnt.glossary = lexical.glossary(db)
            return learnt.glossary

    def spelled(self, word: str) -> str | None:
        """The readings' word that `word` is a misspelling of; None when it is known, or strange."""
        with self._guarded() as db:
            learnt = self._learnt()
            if word not in learnt.spelled:
                learnt.spelled[word] = None
                if not lexical.holds(db, word):
                    if learnt.vocabulary is None:
                        learnt.vocabulary = lexical.vocabulary(db)
                    learnt.spelled[word] = lexical.spelled(db, word, learnt.vocabulary)
            return learnt.spelled[word]

    def _learnt(self) -> _Learnt:
        """What was learnt of the words as they are now."""
        generation = self.meta("generation")
        if self._words.generation != generation or len(self._words.rarity) > _REMEMBERED:
            self._words = _Learnt(generation)
        return self._words

    # --- writing -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the course for writing; one process at a time. The lock dies with its process.

        Raises:
            BusyError: another process is writing; names it.
        """
        import filelock

        owner = self.folder / "writer.json"
        try:
            with filelock.FileLock(self.folder / "writer.lock", timeout=0):
                now = datetime.now(UTC).isoformat(timespec="seconds")
                owner.write_text(json.dumps({"pid": os.getpid(), "since": now}))
                self._writing = True
                self._settle()
                self._sweep()
                yield
        except filelock.Timeout:
            who = "another process"
            with contextlib.suppress(OSError, ValueError, KeyError):
                told = json.loads(owner.read_text())
                who = f"process {told['pid']} (since {told['since']})"
            raise BusyError(
                f"{who} is writing to {self.folder} — wait until it is done, or stop it;"
                " students can go on asking meanwhile"
            ) from None
        finally:
            self._writing = False

    def remember_model(self, name: str, precision: str) -> None:
        """Note which model the vectors come from. Call before the first `replace`."""
        with self._guarded() as db:
            self._set(model=name, precision=precision)
            db.commit()

    def put_source(
        self, source: str, form: str, title: str | None, sessions: Sequence[ListedSession]
    ) -> None:
        """Store what a source lists, in place of what it listed before."""
        with self._guarded() as db, _transaction(db):
            catalogue.put_source(db, source, form, title, sessions)
            self._bump()

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
        with self._guarded() as db:
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
            with _transaction(db):
                _drop(db, old.values())
                catalogue.put_record(db, record)
                catalogue.put_file(db, document.id, digest)
                for i, passage in enumerate(passages):
                    assert vectors is not None
                    _put_passage(
                        db, passage, document.title, vectors[i], words[i] if words else None
                    )
                self._bump()
            self._settle()
            self._sweep()

    def keep(self, document: str, file: Path) -> None:
        """Keep the file of a document that is stored already."""
        digest = self._keep(file)
        with self._guarded() as db, _transaction(db):
            catalogue.put_file(db, document, digest)
            self._bump()

    def file_of(self, document: str) -> Path | None:
        """The kept file of a document; None where there is none."""
        record = self.catalogue().records.get(document)
        return self.files.path(record.file) if record and record.file else None

    def note(self, record: Record) -> int:
        """Note a failed outcome; passages of an earlier success stay. Returns how many."""
        with self._guarded() as db:
            with _transaction(db):
                catalogue.put_record(db, record)
                self._bump()
            row = db.execute(
                "SELECT count(*) FROM passage WHERE document = ?", (record.document.id,)
            )
            return int(row.fetchone()[0])

    def put_lookup(self, lookup: Lookup) -> None:
        """Note what was found on the network for a reading."""
        with self._guarded() as db, _transaction(db):
            catalogue.put_lookup(db, lookup)
            self._bump()

    def drop_lookups(self, source: str, readings: Iterable[str]) -> None:
        """Forget what was found for readings that a source lists no longer."""
        with self._guarded() as db, _transaction(db):
            catalogue.drop_lookups(db, source, readings)
            self._bump()

    def correct(self, *decided: Correction) -> None:
        """Remember what the instructor decided."""
        with self._guarded() as db, _transaction(db):
            for one in decided:
                corrections.put(db, one)
            self._bump()

    def unlist(self, reading: str) -> None:
        """Take a reading off the lists; its documents stay."""
        with self._guarded() as db, _transaction(db):
            catalogue.unlist(db, reading)
            self._bump()

    def retitle(self, reading: str, title: str) -> None:
        """Call a reading otherwise on the lists; its documents keep theirs."""
        with self._guarded() as db, _transaction(db):
            db.execute("UPDATE reading SET title = ? WHERE id = ?", (title, reading))
            self._bump()

    def uncorrect(self, keys: Iterable[int]) -> None:
        """Forget decisions, by their keys."""
        with self._guarded() as db, _transaction(db):
            corrections.drop(db, keys)
            self._bump()

    def assign(self, document: str, reading: str) -> None:
        """Say which reading a document belongs to."""
        with self._guarded() as db, _transaction(db):
            db.execute("UPDATE document SET reading = ? WHERE id = ?", (reading, document))
            self._bump()

    def remove(self, documents: Iterable[str]) -> None:
        """Remove documents with all their passages, each atomically."""
        for id_ in list(documents):
            with self._guarded() as db:
                rows = db.execute(
                    "SELECT id, key FROM passage WHERE document = ?", (id_,)
                ).fetchall()
                self._announce([passage for passage, _ in rows])
                with _transaction(db):
                    _drop(db, [key for _, key in rows])
                    db.execute("DELETE FROM document WHERE id = ?", (id_,))
                    catalogue.put_file(db, id_, "")
                    self._bump()
                self._settle()
                self._sweep()

    def forget_source(self, source: str) -> None:
        """Remove a source, its lists and all its documents."""
        with self._guarded() as db:
            ids = [
                id_ for (id_,) in db.execute("SELECT id FROM document WHERE source = ?", (source,))
            ]
        self.remove(ids)
        with self._guarded() as db, _transaction(db):
            catalogue.drop_source(db, source)
            self._bump()

    # --- soundness -----------------------------------------------------------------------------

    def findings(self) -> list[str]:
        """What is wrong with the index, one line each; empty when it is sound."""
        out: list[str] = []
        with self._guarded() as db:
            verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
            if verdict != "ok":
                out.append(f"the database is damaged: {verdict}")
            ids = {id_ for (id_,) in db.execute("SELECT id FROM passage")}
            try:
                db.execute("INSERT INTO lexicon(lexicon) VALUES ('integrity-check')")
                words = int(db.execute("SELECT count(*) FROM lexicon").fetchone()[0])
            except sqlite3.DatabaseError as error:
                out.append(f"the full-text index is damaged: {error}")
            else:
                if words != len(ids):
                    out.append(f"the full-text index has {words} of {len(ids)} passages")
            db.rollback()
            out += self.files.findings(catalogue.kept(db).values())
        if ids or (self.folder / "chroma").is_dir():
            try:
                stored = self.vectors.ids()
            except StoreError as error:
                return [*out, str(error)]
            if missing := len(ids - stored):
                out.append(f"the vector store lacks {missing} of {len(ids)} passages")
            if extra := len(stored - ids):
                out.append(f"the vector store has {extra} vectors without a passage")
        return out

    def repair(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Rebuild full text and vectors from the stored passages and embeddings."""
        with self._guarded() as db:
            for id_, digest in catalogue.kept(db).items():
                if self.files.path(digest) is None:  # the next ingest keeps it again
                    catalogue.put_file(db, id_, "")
            db.commit()
            self._sweep()
            progress("rebuilding the full-text index")
            rows = db.execute("SELECT key, title, heading, text FROM passage").fetchall()
            with _transaction(db):
                lexical.rebuild(db, rows)
                self._bump()
            progress("rebuilding the vector store")
            self.vectors.reset()
            for (document,) in db.execute("SELECT DISTINCT document FROM passage").fetchall():
                pairs = db.execute(
                    "SELECT id, vector FROM passage WHERE document = ?", (document,)
                ).fetchall()
                vectors = np.stack([np.frombuffer(blob, np.float32) for _, blob in pairs])
                self.vectors.add([id_ for id_, _ in pairs], vectors, document)
            with _transaction(db):
                db.execute("DELETE FROM moving")
                self._bump()

    # --- inside --------------------------------------------------------------------------------

    def _announce(self, ids: Iterable[str]) -> None:
        """Note ids whose vectors are about to change, before they do."""
        with _transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO moving VALUES (?)", ((i,) for i in ids))

    def _settle(self) -> None:
        """Make the vector store agree with the database on every announced id."""
        with self._guarded() as db:
            moving = [id_ for (id_,) in db.execute("SELECT id FROM moving")]
            if not moving:
                return
            there = self.passages(moving)
            gone = [id_ for id_ in moving if id_ not in there]
            if gone:
                self.vectors.delete(gone)
            with _transaction(db):
                db.executemany("DELETE FROM moving WHERE id = ?", ((id_,) for id_ in moving))

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
        with self._guarded() as db:
            self.files.sweep(catalogue.kept(db).values())

    def _bump(self) -> None:
        self._db.execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
        )

    def _set(self, **values: str) -> None:
        self._db.executemany(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            values.items(),
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        """The database, one thread at a time, SQLite's errors mapped at the door."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StoreError(_explained(error, self.folder)) from error


def _explained(error: sqlite3.Error, folder: Path) -> str:
    if "full" in str(error):
        return f"the disk is full — free some space for {folder} and run the command again"
    if "not a database" in str(error):
        return f"{folder}/course.db is no database — delete the folder {folder} and ingest again"
    if "readonly" in str(error) or "unable to open" in str(error):
        return f"{folder} cannot be written ({error}) — check its permissions or choose --data"
    return (
        f"the database in {folder} is damaged ({error}) — try seminar-rag doctor --repair;"
        " if that fails, delete the folder and ingest again"
    )


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    try:
        if not db.in_transaction:
            db.execute("BEGIN IMMEDIATE")
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _drop(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    gone = list(keys)
    lexical.remove(db, gone)
    db.executemany("DELETE FROM passage WHERE key = ?", ((key,) for key in gone))


_PASSAGE = "id, document, ordinal, text, heading, start, stop, page, sentences"


def _put_passage(
    db: sqlite3.Connection, passage: Passage, title: str, vector: Matrix, words: bytes | None
) -> None:
    sentences = [[s.start, s.end, s.kind, s.page, s.level] for s in passage.sentences]
    cursor = db.execute(
        f"INSERT INTO passage({_PASSAGE}, title, vector, words)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            passage.id,
            passage.document,
            passage.ordinal,
            passage.text,
            passage.heading,
            passage.start,
            passage.end,
            passage.page,
            json.dumps(sentences, separators=(",", ":")),
            title,
            np.ascontiguousarray(vector, np.float32).tobytes(),
            words,
        ),
    )
    assert cursor.lastrowid is not None
    lexical.add(db, [(cursor.lastrowid, title, passage.heading, passage.text)])


def _passage(row: Sequence[Any]) -> Passage:
    id_, document, ordinal, text, heading, start, stop, page, sentences = row
    spans = tuple(Sentence(*one) for one in json.loads(sentences))
    return Passage(id_, document, ordinal, text, heading, start, stop, page, spans)
