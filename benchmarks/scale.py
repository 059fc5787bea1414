"""How fast retrieval is, and what memory it takes, with many more passages than a course has.

    python benchmarks/scale.py [--passages 100000] [--shared ../shared] [--data FOLDER]

Ingests the posts of `../shared/course` and puts filler around them: sentences of the course,
shuffled, so that words are about as frequent as in real text, with the vectors of the passages
that they come from, disturbed. Then searches for the questions of `../shared/questions/dev.jsonl`
with two threads, first all passages, then within eight sessions' worth of documents. FOLDER is
kept, and used again when it exists. Filling takes some minutes.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from seminar_rag.documents.parse import Parser
from seminar_rag.evaluation.questions import read_questions
from seminar_rag.index.retrieve import Retriever
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.models.embed import SentenceTransformerEmbedder, unit
from seminar_rag.question.followup import standalone
from seminar_rag.types import Document, Passage, Scope, Sentence
from seminar_rag.types.catalogue import Record

DOCUMENT = 250
"""Passages of a filler document, as of a long paper."""
NOISE = 0.6
"""Length of the disturbance added to a unit vector: a cosine of about .86 to the original."""
FLIPPED = 0.05
"""Share of a word's bits that are turned."""


class Filler:
    """Documents like those of a course; each is the same whenever it is made, by its number.

    Args:
        store: holds the course, and maybe filler.
    """

    def __init__(self, store: Store) -> None:
        documents = [id_ for id_ in store.catalogue().documents if not id_.startswith("filler")]
        self._real = [p for id_ in documents for p in store.passages_of(id_)]
        self._ids = [passage.id for passage in self._real]
        self._vectors, self._words = store.vectors_of(self._ids), store.words_of(self._ids)
        self._sentences = [p.quote(one) for p in self._real for one in p.sentences]

    def document(
        self, number: int, count: int
    ) -> tuple[Record, list[Passage], NDArray[np.float32], list[bytes]]:
        """A document of `count` passages, with their vectors and packed words."""
        chance, pick = np.random.default_rng([7, number]), random.Random(number)
        id_ = f"filler-{number}"
        document = Document(id_, "paper", id_, f"Filler {number}", sessions=())
        near = [pick.choice(self._ids) for _ in range(count)]
        noise = unit(chance.normal(size=(count, len(self._vectors[near[0]]))).astype(np.float32))
        vectors = unit(np.stack([self._vectors[one] for one in near]) + NOISE * noise)
        words = [_disturbed(self._words[one], chance) for one in near]
        passages = list(self._passages(id_, count, pick))
        return Record(document, "filler", str(number)), passages, vectors, words

    def _passages(self, id_: str, count: int, pick: random.Random) -> Iterator[Passage]:
        for ordinal in range(count):
            chosen = [pick.choice(self._sentences) for _ in pick.choice(self._real).sentences]
            spans: list[Sentence] = []
            text = ""
            for one in chosen:
                text += " " if text else ""
                spans.append(Sentence(len(text), len(text) + len(one)))
                text += one
            yield Passage(
                f"{id_}/{ordinal}", id_, ordinal, text, "", 0, len(text), None, tuple(spans)
            )


def fill(store: Store, passages: int) -> None:
    """Add filler until the store holds `passages`, and say how fast that went."""
    filler, began = Filler(store), time.monotonic()
    records = store.catalogue().records
    number = sum(id_.startswith("filler") for id_ in records)
    first = there = sum(record.passages for record in records.values())
    while there < passages:
        count = min(DOCUMENT, passages - there)
        record, made, vectors, words = filler.document(number, count)
        store.replace(record, made, vectors, words=words)
        number, there = number + 1, there + count
        rate = (there - first) / (time.monotonic() - began)
        print(f"\r{there} passages, {rate:.0f} a second ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _disturbed(packed: bytes, chance: np.random.Generator) -> bytes:
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return np.packbits(bits ^ (chance.random(len(bits)) < FLIPPED)).tobytes()


def measure(name: str, retriever: Retriever, queries: Sequence[str], scope: Scope) -> None:
    """Print the quantiles of the time that a search takes, its question embedded in it."""
    for query in queries[:5]:
        retriever.search(query, 20, scope)
    took = []
    for query in queries:
        began = time.perf_counter()
        retriever.search(query, 20, scope)
        took.append(1000 * (time.perf_counter() - began))
    p50, p95 = np.percentile(took, [50, 95])
    print(f"{name:<28} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   worst {max(took):6.1f} ms")


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, search and print. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path)
    options = parser.parse_args(argv)
    if not (options.shared / "questions" / "dev.jsonl").exists():
        print(f"no labelled questions under {options.shared} — give their folder by --shared")
        return 1
    import torch

    torch.set_num_threads(2)
    asked = read_questions(options.shared / "questions" / "dev.jsonl")
    queries = [standalone(one.text, one.history) for one in asked]
    with tempfile.TemporaryDirectory() as temporary:
        store = Store(options.data or Path(temporary))
        embedder = SentenceTransformerEmbedder()
        with store.writer():
            if not store.catalogue().documents:
                Ingestor(store, embedder, Parser).ingest(options.shared / "course" / "posts")
            fill(store, options.passages)
        documents = store.catalogue().documents
        total = sum(record.passages for record in store.catalogue().records.values())
        disk = sum(file.stat().st_size for file in store.folder.rglob("*") if file.is_file())
        print(f"{total} passages in {len(documents)} documents, {disk >> 20} MiB on disk")
        retriever = Retriever(store, embedder)
        measure("all passages", retriever, queries, Scope())
        filler = [one.reading for one in documents.values() if one.id.startswith("filler")]
        some = frozenset(filler[: len(filler) // 12])
        measure("some documents", retriever, queries, Scope(readings=some))
        measure("eight sessions", retriever, queries, Scope(sessions=frozenset(range(2, 10))))
        now = psutil.Process().memory_info().rss
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"memory {now >> 20} MiB now, {peak >> 20} MiB at most, filling included")
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
