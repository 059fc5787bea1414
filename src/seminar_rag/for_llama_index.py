"""A course as LlamaIndex's retriever and query engine, by its conventions for nodes and metadata.

A passage is a `TextNode` with its own id; its document is its source. `file_name` and `page_label`
are what LlamaIndex's readers of files call a text and its page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response, StreamingResponse
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from seminar_rag.types import AnswerEvent, Citation, Event, Hit, Scope, TokenEvent, Turn

_SHOWN = ["title", "authors", "heading", "page_label"]
"""Metadata that a language model reads before a passage."""

Search = Callable[[str, int, Scope | None], tuple[Hit, ...]]
Ask = Callable[[str, Sequence[Turn], Scope, Callable[[], bool]], Iterator[Event]]


class CourseRetriever(BaseRetriever):
    """Retrieves passages as the course does for its own answers: by meaning and by words."""

    def __init__(self, search: Search, similarity_top_k: int, scope: Scope | None) -> None:
        super().__init__()
        self._search = search
        self._k = similarity_top_k
        self._scope = scope

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._search(query_bundle.query_str, self._k, self._scope)
        return [NodeWithScore(node=_node(hit), score=hit.score) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class CourseQueryEngine(BaseQueryEngine):
    """Answers as the course does, each sentence with its marks. `source_nodes` are the cited
    passages in the order of their numbers. `metadata` has, by the id of a node, the number and the
    sentences quoted of it, and whether the course abstained."""

    def __init__(self, ask: Ask, search: Search, streaming: bool, scope: Scope) -> None:
        super().__init__(callback_manager=None)
        self._ask = ask
        self._retriever = CourseRetriever(search, 8, scope)
        self._streaming = streaming
        self._scope = scope

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The passages that fit a question best."""
        found: list[NodeWithScore] = self._retriever.retrieve(query_bundle)
        return found

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        events = self._ask(query_bundle.query_str, (), self._scope, lambda: False)
        nodes, metadata = list[NodeWithScore](), dict[str, Any]()
        if self._streaming:
            return StreamingResponse(_tokens(events, nodes, metadata), nodes, metadata)
        text = ""
        for event in events:
            text = _ended(event, nodes, metadata) or text
        return Response(text, nodes, metadata)

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await asyncio.to_thread(self._query, query_bundle)


def _tokens(
    events: Iterable[Event], nodes: list[NodeWithScore], metadata: dict[str, Any]
) -> Iterator[str]:
    """The text as it is written; nodes and metadata are filled when it has ended."""
    begun = False
    for event in events:
        if isinstance(event, TokenEvent):
            begun = True
            yield event.text
        text = _ended(event, nodes, metadata)
        if text and not begun:  # a refusal comes at once
            yield text


def _ended(event: Event, nodes: list[NodeWithScore], metadata: dict[str, Any]) -> str:
    """The whole text, if this is the last event; its sources are put into nodes and metadata."""
    if not isinstance(event, AnswerEvent):
        return ""
    answer = event.answer
    metadata["abstained"] = answer.abstained
    for one in answer.citations:
        known = metadata.setdefault(one.passage.id, {"number": one.number, "quotes": []})
        if not known["quotes"]:
            nodes.append(NodeWithScore(node=_node(one)))
        known["quotes"].append(one.quote)
    return answer.text


def _node(found: Hit | Citation) -> TextNode:
    """A passage with what is known of its place."""
    passage, document = found.passage, found.document
    known = {
        "title": document.title,
        "authors": document.authors,
        "sessions": ", ".join(map(str, document.sessions)),
        "section": document.section,
        "heading": passage.heading,
        "page_label": str(passage.page) if passage.page is not None else None,
        "file_name": document.path,
        "url": document.url,
    }
    metadata = {key: value for key, value in known.items() if value}
    hidden = [key for key in metadata if key not in _SHOWN]
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata=metadata,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document.id)},
    )
