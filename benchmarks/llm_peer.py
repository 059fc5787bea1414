"""llama-index's CitationQueryEngine as it comes, for `benchmarks/llm.py --peer`.

Chunks, retrieval and prompts are its defaults; the language model and the embeddings are those of
the product. It answers at once, so its first token is its last.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse, LLMMetadata
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CustomLLM
from llama_index.core.query_engine import CitationQueryEngine
from pydantic import PrivateAttr

from seminar_rag.answer.citations import MARK, is_refusal
from seminar_rag.evaluation.evaluate import place
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.types import Answer, Citation, Document, Hit, Passage

MOST_TOKENS = 400


class MiniLM(BaseEmbedding):
    """The product's embeddings."""

    _embedder: Any = PrivateAttr(default_factory=SentenceTransformerEmbedder)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._embedder.embed(texts).tolist()
        return rows

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Local(CustomLLM):
    """The product's language model."""

    _llm: Any = PrivateAttr()

    def __init__(self, llm: Any) -> None:
        super().__init__()
        self._llm = llm

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self._llm.context, num_output=MOST_TOKENS)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        del formatted
        asked = [ChatMessage(prompt, role="user")]
        stream = self._llm.stream(asked, max_tokens=MOST_TOKENS, stop=lambda: False)
        return CompletionResponse(text="".join(stream))

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        yield self.complete(prompt, formatted)


class CitationQueryEngineAnswers:
    """Its answers, as answers of the product."""

    def __init__(self, docs: Path, llm: Any) -> None:
        documents = SimpleDirectoryReader(str(docs), required_exts=[".md"]).load_data()
        index = VectorStoreIndex.from_documents(documents, embed_model=MiniLM())
        self._engine = CitationQueryEngine.from_args(index, llm=Local(llm))

    def ask(self, question: str) -> tuple[Answer, tuple[Hit, ...]]:
        """The answer with what its marks [n] stand for, and what it was given to read."""
        found = self._engine.query(question)
        hits = tuple(map(_hit, found.source_nodes))
        text = str(found).strip()
        numbers = sorted({int(n) for n in MARK.findall(text) if 0 < int(n) <= len(hits)})
        cited = [(n, hits[n - 1]) for n in numbers]
        citations = tuple(
            Citation(n, hit.document, hit.passage, hit.passage.text, None) for n, hit in cited
        )
        refused = is_refusal(text) or not citations
        return Answer(question, text, "peer", abstained=refused, citations=citations), hits


def _hit(node: Any) -> Hit:
    path = Path(node.node.metadata["file_path"])
    text = re.sub(r"^Source \d+:\n", "", node.node.get_content())
    whole = path.read_text("utf-8")
    start, end = place(whole, 0, len(whole), text)
    document = Document(path.name, "notes", path.name, path.stem, path=str(path))
    passage = Passage(node.node.node_id, document.id, 0, text, "", start, end, None, ())
    return Hit(passage, document, node.score or 0.0)
