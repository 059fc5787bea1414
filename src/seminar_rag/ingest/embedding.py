"""Documents → passages, vectors and packed words, by llama-index's ingestion pipeline.

A node is a passage: its id, text and span are the node's own, and the context prefix is metadata
that only the embedding sees. The pipeline's docstore is not used: its upsert deletes a document's
nodes before the new ones are embedded, so that a failure would lose them; the store's manifest
decides instead what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import BaseNode, MetadataMode, TextNode

from seminar_rag.documents.chunk import Chunk, split
from seminar_rag.index.late import pack
from seminar_rag.models.embed import Embedder, Matrix
from seminar_rag.types import Block, Document, Passage

Known = Callable[[Sequence[str]], Mapping[str, tuple[Matrix, bytes]]]
"""Passage ids → vector and packed words of those that are stored already."""
Text = tuple[Document, Sequence[Block], str]
"""A document with its blocks and the context that leads its prefixes."""


class PassageEmbedding(BaseEmbedding):
    """The project's embedder as a llama-index embedding model. Nodes whose vector is known are not
    embedded again. A node's packed words become its metadata."""

    _embedder: Embedder = PrivateAttr()
    _known: Known = PrivateAttr()
    _progress: Callable[[int], None] = PrivateAttr()

    def __init__(
        self,
        embedder: Embedder,
        known: Known = lambda _: {},
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__(model_name=embedder.name)
        self._embedder = embedder
        self._known = known
        self._progress = progress

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> list[BaseNode]:
        known = self._known([node.node_id for node in nodes])
        fresh = [node for node in nodes if node.node_id not in known]
        texts = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in fresh]
        if fresh:
            vectors, words = self._embedder.read(texts, "passage", self._progress)
            for node, vector, one in zip(fresh, vectors, words, strict=True):
                node.embedding = vector.tolist()
                node.metadata["words"] = pack(one)
        for node in nodes:
            if node.node_id in known:
                vector, node.metadata["words"] = known[node.node_id]
                node.embedding = vector.tolist()
        return list(nodes)

    def _get_text_embedding(self, text: str) -> list[float]:
        return list(self._embedder.read([text], "passage")[0][0].tolist())

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(self._embedder.read([query], "question")[0][0].tolist())

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def embed_texts(
    texts: Sequence[Text], embedder: Embedder, known: Known, progress: Callable[[int], None]
) -> dict[str, tuple[list[Passage], Matrix, list[bytes]]]:
    """Passages, vectors of shape (passages, dimensions) and packed words, by document id;
    `progress` is called with the number of passages embedded since its last call."""
    chunks = {
        document.id: split(document, blocks, embedder.count, context)
        for document, blocks, context in texts
    }
    pipeline = IngestionPipeline(
        transformations=[PassageEmbedding(embedder, known, progress)], disable_cache=True
    )
    nodes = [_node(chunk) for some in chunks.values() for chunk in some]
    by_id = {node.node_id: node for node in pipeline.run(nodes=nodes)}
    out: dict[str, tuple[list[Passage], Matrix, list[bytes]]] = {}
    for id_, some in chunks.items():
        passages = [chunk.passage for chunk in some]
        embedded = [by_id[passage.id] for passage in passages]
        vectors = np.asarray([node.embedding for node in embedded], np.float32)
        out[id_] = (passages, vectors, [node.metadata["words"] for node in embedded])
    return out


def _node(chunk: Chunk) -> TextNode:
    passage = chunk.passage
    return TextNode(
        id_=passage.id,
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata={"context": chunk.prefix},
        excluded_embed_metadata_keys=["words"],
        excluded_llm_metadata_keys=["context", "words"],
        metadata_template="{value}",
        text_template="{metadata_str}\n{content}",
    )
