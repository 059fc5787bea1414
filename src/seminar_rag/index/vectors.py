"""Dense search: over all passages by a vector store, within a scope by the database's embeddings.

The only importer of chromadb, embedded on disk or a Chroma server. The vector store knows ids,
vectors and document ids; what a passage says is the database's business. It can always be rebuilt
from the database, which keeps every embedding.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import graph
from seminar_rag.index.engine import Connection
from seminar_rag.index.packing import dimensions_of, is_vector, unpacked, usual_dimensions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Block = tuple[list[str], list[str], Matrix]
    """Passages, the documents they are of, and their vectors."""

BATCH = 1000
"""Chroma refuses batches over 5,461."""
HNSW = {"space": "cosine"}
"""How Chroma makes its graph; tests have it written to disk sooner (`sync_threshold`)."""
_CHROMA = threading.Lock()
"""Held while a store is opened or closed: Chroma keeps a table of all that this process opened, and
looks into it while it opens one; another course may close its own at that moment."""
_ROWS = 4096
"""Vectors that are compared at a time, so that memory stays bounded."""
COMPARED = 4_000
"""Of many vectors, those that are compared number by number."""


_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""What Chroma raises, beside its own errors, on a store that it cannot read."""


class Vectors(Protocol):
    """A store of unit vectors by passage id; see `VectorIndex` for what each method does."""

    @property
    def is_closed(self) -> bool: ...
    def add(self, ids: Sequence[str], vectors: Matrix, document: str) -> None: ...
    def delete(self, ids: Sequence[str]) -> None: ...
    def query(self, vector: Matrix, k: int) -> list[tuple[str, float]]: ...
    def ids(self) -> set[str]: ...
    def stored(self, ids: Sequence[str]) -> dict[str, Matrix]: ...
    def refresh(self) -> None: ...
    def reset(self) -> None: ...


class VectorIndex:
    """One Chroma collection of unit vectors under cosine distance.

    A vector has its document beside it and nothing else: any llama-index program can read the
    collection through ChromaVectorStore, which would write each node as JSON beside its vector,
    twice with Chroma's index of it, and takes a second to load.
    One process may write at a time (the database's lock sees to that): two embedded writers damage
    a Chroma store without any error.
    """

    def __init__(self, folder: Path, url: str = "", collection: str = "passages") -> None:
        """Args:
        folder: where the embedded store lives; not used with a server.
        url: of a Chroma server, "http://127.0.0.1:8000"; a path after it is the collection, by
            which the courses of one server keep apart. Empty for the embedded store.
        """
        self._folder = folder
        self._url = url
        self._name = urlsplit(url).path.strip("/") or collection
        self._lock = threading.RLock()
        self._collection: Any = None

    @property
    def where(self) -> str:
        """Where the vectors are, for messages."""
        return self._url or str(self._folder)

    @property
    def is_closed(self) -> bool:
        """Whether a search would have to open the embedded store first, which takes a while."""
        return not self._url and self._collection is None

    def add(self, ids: Sequence[str], vectors: Matrix, document: str) -> None:
        """Add vectors, shape (len(ids), dimensions), of one document's passages."""
        with self._guarded() as collection:
            for at in range(0, len(ids), BATCH):
                part = list(ids[at : at + BATCH])
                # Chroma ignores an add of an id it has, and an upsert would merge metadata.
                collection.delete(ids=part)
                collection.add(
                    ids=part,
                    embeddings=np.asarray(vectors[at : at + BATCH], np.float32),
                    metadatas=[{"document": document}] * len(part),
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; unknown ids are ignored."""
        with self._guarded() as collection:
            for at in range(0, len(ids), BATCH):
                collection.delete(ids=list(ids[at : at + BATCH]))

    def query(self, vector: Matrix, k: int) -> list[tuple[str, float]]:
        """The k nearest ids with their cosine similarity (-1 to 1), best first.

        Args:
            vector: shape (dimensions,).
        """
        with self._guarded() as collection:
            found = collection.query(
                query_embeddings=[vector.tolist()], n_results=k, include=["distances"]
            )
        return [
            (id_, 1.0 - float(distance))
            for id_, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def ids(self) -> set[str]:
        """All ids stored."""
        with self._guarded() as collection:
            return set(collection.get(include=[])["ids"])

    def stored(self, ids: Sequence[str]) -> dict[str, Matrix]:
        """The vectors of these ids as a search finds them, of those that it can find."""
        out: dict[str, Matrix] = {}
        for at in range(0, len(ids), BATCH):
            with self._guarded() as collection:
                found = collection.get(ids=list(ids[at : at + BATCH]), include=["embeddings"])
            out |= dict(zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True))
        return out

    def refresh(self) -> None:
        """See what another process wrote: Chroma's embedded reader does not by itself."""
        if self._url:
            return
        with self._lock:
            self._close()

    def reset(self) -> None:
        """Drop all vectors; where the embedded store is damaged its folder goes with them."""
        with self._lock:
            if self._url:
                with self._guarded() as collection:
                    ids = collection.get(include=[])["ids"]
                self.delete(ids)
                return
            self._close()
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._folder.exists():  # somebody's file of that name, not ours to delete
                self._folder.rename(
                    self._folder.with_name(f"{self._folder.name}-aside-{time.time_ns()}")
                )

    def _close(self) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        self._collection = None
        with _CHROMA:
            SharedSystemClient.clear_system_cache()

    def _open(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self._url:
            parts = urlsplit(self._url)
            client = chromadb.HttpClient(
                host=parts.hostname or "localhost",
                port=parts.port or 8000,
                ssl=parts.scheme == "https",
                settings=settings,
            )
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            if damage := graph.damage(self._folder):
                raise ValueError(f"its graph is damaged: {damage}")
            client = chromadb.PersistentClient(str(self._folder), settings=settings)
        return client.get_or_create_collection(
            self._name, configuration={"hnsw": HNSW}, embedding_function=None
        )

    @contextlib.contextmanager
    def _guarded(self) -> Any:
        """The open collection, one caller at a time, Chroma's errors mapped to StoreError."""
        import httpx
        from chromadb.errors import ChromaError

        with self._lock:
            try:
                if self._collection is None:
                    with _CHROMA:
                        self._collection = self._open()
                yield self._collection
            except (httpx.HTTPError, ChromaError, sqlite3.Error, *_DAMAGE) as error:
                raise self._explained(error) from error
            except BaseException as error:
                # What Chroma's Rust part raises where it gives up is no Exception.
                if type(error).__name__ != "PanicException":
                    raise
                raise self._explained(error) from error

    def _explained(self, error: BaseException) -> StoreError:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        if self._url and (self._collection is None or "onnect" in message):
            return StoreError(
                f"no Chroma server answers at {self._url} — start it (chroma run), or correct"
                " [store] url in seminar.toml"
            )
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return StoreError(
                f"the disk is full — free some space for {self.where} and run the command again"
            )
        if isinstance(error, PermissionError):
            return StoreError(
                f"the vector store at {self.where} cannot be opened ({error.strerror}) — check its"
                " permissions"
            )
        return (StoreError if self._url else DamagedError)(
            f"the vector store at {self.where} cannot be used ({message})"
            " — rebuild it: seminar-rag doctor --repair"
        )


class HeldVectors:
    """Vectors in memory, in the order of documents.

    Few are compared one by one. Of many, each number is kept as a byte, beside the signs of all:
    those whose signs are most alike are compared. Among 100,000 vectors, a course filled up with
    disturbed copies of its own, that finds 94% of the nearest 200 (160 questions) in 4 ms on one
    core; Chroma finds 24% there, in 2 ms, and takes four times the memory.
    """

    def __init__(self, blocks: Iterable[Block], exact: bool = True) -> None:
        """Args:
        blocks: some rows each, those of one document side by side.
        exact: whether they are few enough.
        """
        self.ids: list[str] = []
        self._places: dict[str, tuple[int, int]] = {}
        """Where the rows of a document begin and end."""
        rows: list[NDArray[np.float32 | np.int8]] = []
        signs: list[NDArray[np.uint64]] = []
        scales: list[Matrix] = []
        for ids, documents, block in blocks:
            for at, document in enumerate(documents, len(self.ids)):
                self._places[document] = (self._places.get(document, (at,))[0], at + 1)
            self.ids += ids
            if exact:
                rows.append(block)
                continue
            scales.append(np.abs(block).max(axis=1, keepdims=True).clip(1e-9) / 127)
            rows.append(np.rint(block / scales[-1]).astype(np.int8))
            signs.append(_signs(block))
        self.rows = np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
        """Shape (len(ids), dimensions)."""
        self._rows = {id_: row for row, id_ in enumerate(self.ids)}
        self._scales = np.concatenate(scales)[:, 0] if scales else None
        self._signs = np.ascontiguousarray(np.concatenate(signs).T) if signs else None

    def nearest(
        self, vector: Matrix, k: int, documents: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        """The k nearest ids with their cosine similarity, best first.

        Args:
            documents: restricts the search to these; None searches all.
        """
        at = self._compared(vector, documents)
        scores = self._scores(vector, at)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self.ids[at[i]], float(scores[i])) for i in best]

    def cosines(self, vector: Matrix, ids: Sequence[str]) -> dict[str, float]:
        """The cosine similarity of those of these ids that there are."""
        at = [self._rows[id_] for id_ in ids if id_ in self._rows]
        scores = self._scores(vector, np.array(at, np.int64))
        return {self.ids[row]: float(score) for row, score in zip(at, scores, strict=True)}

    def _scores(self, vector: Matrix, at: NDArray[np.int64]) -> Matrix:
        """The cosine similarity of these rows."""
        scores = np.empty(len(at), np.float32)
        for first in range(0, len(at), _ROWS):
            rows = self.rows[at[first : first + _ROWS]]
            scores[first : first + _ROWS] = rows.astype(np.float32, copy=False) @ vector
        return scores if self._scales is None else scores * self._scales[at]

    def _compared(self, vector: Matrix, documents: Iterable[str] | None) -> NDArray[np.int64]:
        """The rows that are compared number by number."""
        if documents is not None:
            spans = [self._places[id_] for id_ in sorted(documents) if id_ in self._places]
            return np.concatenate([np.arange(0), *(np.arange(*span) for span in spans)])
        if self._signs is None or len(self.ids) <= COMPARED:
            return np.arange(len(self.ids))
        unlike = np.zeros(len(self.ids), np.uint16)
        for signs, own in zip(self._signs, _signs(vector[None])[0], strict=True):
            unlike += np.bitwise_count(signs ^ own)
        return np.sort(np.argpartition(unlike, COMPARED)[:COMPARED])


def _signs(rows: Matrix) -> NDArray[np.uint64]:
    """The signs of each row's numbers, 64 in one."""
    packed = np.packbits(rows > 0, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def held_vectors(db: Connection, exact: bool = True) -> HeldVectors:
    """All vectors of the database, without those that are damaged: of another length than most."""
    return HeldVectors(_blocks(db), exact)


def _blocks(db: Connection) -> Iterator[Block]:
    size = usual_dimensions(db)
    if not size:
        return
    rows = db.stream("SELECT id, document, vector FROM passage ORDER BY document, ordinal")
    while part := list(islice(rows, _ROWS)):
        part = [row for row in part if _has_dimensions(row[2], size)]
        whole = unpacked([row[2] for row in part], size)
        sound = np.asarray(np.isfinite(whole).all(axis=1))
        part = [row for row, is_sound in zip(part, sound.tolist(), strict=True) if is_sound]
        if part:
            yield [row[0] for row in part], [row[1] for row in part], whole[sound]


def _has_dimensions(blob: object, dimensions: int) -> bool:
    return isinstance(blob, bytes) and dimensions_of(len(blob)) == dimensions


def nearest_within(
    db: Connection, documents: Iterable[str], vector: Matrix, k: int
) -> list[tuple[str, float]]:
    """The k nearest passages of these documents with their cosine similarity, best first.

    The search is exact, over the embeddings that the database keeps: a vector store filters while
    it walks its graph, and among 100,000 passages Chroma took seconds for a twelfth of the
    documents, where reading and comparing 3,000 vectors takes under ten milliseconds.

    Args:
        vector: shape (dimensions,).
    """
    rows = db.stream(
        "SELECT id, vector FROM passage WHERE document IN (SELECT value FROM json_each(?))"
        " ORDER BY document, ordinal",
        (json.dumps(sorted(documents)),),
    )
    ids: list[str] = []
    cosines = [np.empty(0, np.float32)]
    while part := list(islice(rows, _ROWS)):
        some = [row for row in part if is_vector(row[1], len(vector))]
        ids += [id_ for id_, _ in some]
        cosines.append(unpacked([blob for _, blob in some], len(vector)) @ vector)
    scores = np.concatenate(cosines)
    return [(ids[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]
