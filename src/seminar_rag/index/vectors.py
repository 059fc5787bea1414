"""Dense search over all passages by Chroma, embedded on disk or a server: its only importer.

The vector store knows ids, vectors and document ids; what a passage says is the database's
business. It can always be rebuilt from the database, which keeps every embedding.

Chroma searches a graph (HNSW: Malkov and Yashunin, arXiv 1603.09320) that hnswlib, a C++ library,
reads from disk and follows without looking: a link to a vector that does not exist leads into
foreign memory and ends the whole process. So the links are looked at here before Chroma opens the
files. The layout is that of chroma-core/hnswlib, `persistDirty`.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import struct
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from seminar_rag.errors import DamagedError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seminar_rag.models.embed import Matrix


BATCH = 1000
"""Chroma refuses batches over 5,461."""
HNSW = {"space": "cosine"}
"""How Chroma makes its graph; tests have it written to disk sooner (`sync_threshold`)."""
_CHROMA = threading.Lock()
"""Held while a store is opened or closed: Chroma keeps a table of all that this process opened, and
looks into it while it opens one; another course may close its own at that moment."""


_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""What Chroma raises, beside its own errors, on a store that it cannot read."""


class Vectors(Protocol):
    """A store of unit vectors by passage id; see `VectorIndex` for what each method does."""

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

    def __init__(self, folder: Path, url: str = "") -> None:
        """Args:
        folder: where the embedded store lives; not used with a server.
        url: of a Chroma server, "http://127.0.0.1:8000"; a path after it is the collection, by
            which the courses of one server keep apart. Empty for the embedded store.
        """
        self._folder = folder
        self._url = url
        self._name = urlsplit(url).path.strip("/") or "passages"
        self._lock = threading.RLock()
        self._collection: Any = None

    @property
    def where(self) -> str:
        """Where the vectors are, for messages."""
        return self._url or str(self._folder)

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
        """The k nearest ids with their cosine similarity (-1 to 1) to a vector of shape
        (dimensions,), best first."""
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
        self._collection = None
        if "chromadb" not in sys.modules:  # nothing is open, and to import it takes half a second
            return
        from chromadb.api.shared_system_client import SharedSystemClient

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
            if damage := graph_damage(self._folder):
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


# --- the files of its graph ----------------------------------------------------------------------

_HEADER = struct.Struct("<iQQQQQQiIQQQdQ")
_VERSION = 1
_ROOM = 1 << 20
"""Vectors more than there are for which a graph may reserve memory."""
_PARTS = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin")


def graph_damage(folder: Path) -> str:
    """What is wrong with the graphs under a Chroma folder; "" where they can be opened. A graph
    that another process is writing at this moment may look damaged."""
    for header in sorted(folder.glob("*/header.bin")):
        if problem := _damage(header.parent):
            return f"{header.parent.name}: {problem}"
    return ""


def _damage(graph: Path) -> str:
    try:
        sizes = {name: (graph / name).stat().st_size for name in _PARTS}
        head = (graph / _PARTS[0]).read_bytes()
        if len(head) != _HEADER.size:
            return "its header is not whole"
        fields = _HEADER.unpack(head)
        version, start, room, count, size, label, data, top, entry, *rest = fields
        most, most_0, links, mult, ef = rest
        sound = (
            (version, start, most, most_0) == (_VERSION, 0, links, 2 * links)
            and 0 < links < 1000
            and data == 4 * (most_0 + 1)
            and label > data
            and size == label + 8
            and count <= room <= 2 * count + _ROOM
            and 0 < mult < 10
            and 0 < ef < 100_000
        )
        if not sound:
            return "its header is damaged"
        # A new graph's files have room for more vectors than there are.
        for name, each in (("data_level0.bin", size), ("length.bin", 4)):
            there, part = divmod(sizes[name], each)
            if part or not count <= there <= room:
                return f"{name} has another length than its header says"
        return _links_damage(graph, count, size, top, entry, most, most_0) if count else ""
    except (OSError, ValueError, struct.error) as error:
        return f"it cannot be read ({error})"


def _links_damage(
    graph: Path, count: int, size: int, top: int, entry: int, most: int, most_0: int
) -> str:
    """Args:
    count: vectors.
    size: bytes of a vector with its links on the lowest level.
    top, entry: the highest level, and the vector where a search begins.
    most, most_0: links of a vector on a higher level and on the lowest.
    """
    rows = np.memmap(graph / "data_level0.bin", np.uint8, "r", shape=(count, size))
    lowest = np.ascontiguousarray(rows[:, : 4 * (most_0 + 1)]).view(np.uint32)
    if _wrong(lowest, most_0, count).any():
        return "its lowest level is damaged"
    upper = np.frombuffer((graph / "link_lists.bin").read_bytes(), np.uint8)
    width, at = 4 * (most + 1), 0
    levels = np.zeros(count, np.int64)
    lists: list[NDArray[np.uint8]] = []
    heights: list[int] = []
    for vector in range(count):
        length = int.from_bytes(upper[at : at + 4].tobytes(), "little")
        at += 4
        levels[vector], rest = divmod(length, width)
        if rest or at + length > len(upper):
            return "its higher levels are damaged"
        for level in range(int(levels[vector])):
            lists.append(upper[at + level * width : at + (level + 1) * width])
            heights.append(level + 1)
        at += length
    if entry >= count or levels[entry] != top or levels.max() != top:
        return "its higher levels are damaged"
    if not lists:
        return ""
    higher = np.stack(lists).view(np.uint32)
    if _wrong(higher, most, count).any():
        return "its higher levels are damaged"
    linked = np.arange(most) < (higher[:, :1] & 0xFFFF)
    reach = levels[np.where(linked, higher[:, 1:], 0)]
    if (linked & (reach < np.array(heights)[:, None])).any():
        return "its higher levels are damaged"
    return ""


def _wrong(lists: NDArray[np.uint32], most: int, count: int) -> NDArray[np.bool_]:
    """Which lists have too many links, or one to no vector. A list begins with how many follow."""
    linked = lists[:, :1] & 0xFFFF  # the higher bytes hold marks
    past = np.arange(most) >= linked
    return (linked[:, 0] > most) | ~((lists[:, 1:] < count) | past).all(axis=1)
