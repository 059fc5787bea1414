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


def fill(store: Store, passages: int, seed: int = 7) -> None:
    """Add filler until the store holds `passages`."""
    chance = np.random.default_rng(seed)
    pick = random.Random(seed)
    real = [p for id_ in store.catalogue().documents for p in store.passages_of(id_)]
    ids = [passage.id for passage in real]
    vectors, words = store.vectors_of(ids), store.words_of(ids)
    sentences = [passage.quote(one) for passage in real for one in passage.sentences]
    there = sum(record.passages for record in store.catalogue().records.values())
    for number, at in enumerate(range(there, passages, DOCUMENT)):
        count = min(DOCUMENT, passages - at)
        id_ = f"filler-{at}"
        document = Document(id_, "paper", id_, f"Filler {number}", sessions=())
        chosen = [pick.choice(ids) for _ in range(count)]
        made = list(_passages(id_, real, sentences, count, pick))
        noise = chance.normal(size=(count, len(vectors[ids[0]]))).astype(np.float32)
        near = np.stack([vectors[one] for one in chosen]) + NOISE * unit(noise)
        disturbed = [_disturbed(words[one], chance) for one in chosen]
        record = Record(document, "filler", str(at))
        store.replace(record, made, unit(near), words=disturbed)
        print(f"\r{at + count} passages", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _passages(
    id_: str, real: Sequence[Passage], sentences: Sequence[str], count: int, pick: random.Random
) -> Iterator[Passage]:
    for ordinal in range(count):
        model = pick.choice(real)
        chosen = [pick.choice(sentences) for _ in model.sentences]
        spans: list[Sentence] = []
        text = ""
        for one in chosen:
            text += " " if text else ""
            spans.append(Sentence(len(text), len(text) + len(one)))
            text += one
        yield Passage(f"{id_}/{ordinal}", id_, ordinal, text, "", 0, len(text), None, tuple(spans))


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
