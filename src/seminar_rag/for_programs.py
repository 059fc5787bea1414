"""What a course offers to programs on LlamaIndex or asyncio: a part of the façade `Course`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from seminar_rag.types import Event, Hit, Scope, Turn
from seminar_rag.types.check import Checking, Report

if TYPE_CHECKING:
    from seminar_rag.for_llama_index import CourseQueryEngine, CourseRetriever


class ForPrograms:
    """LlamaIndex's retriever and query engine over a course, and what waits as coroutines."""

    search: Callable[[str, int, Scope | None], tuple[Hit, ...]]
    ask: Callable[[str, Sequence[Turn], Scope, Callable[[], bool]], Iterator[Event]]
    check: Callable[[str, Scope | None], Checking]

    def as_retriever(
        self, *, similarity_top_k: int = 8, scope: Scope | None = None
    ) -> CourseRetriever:
        """A retriever for LlamaIndex: passages as nodes, with reading, sessions and page."""
        from seminar_rag.for_llama_index import CourseRetriever

        return CourseRetriever(self.search, similarity_top_k, scope)

    def as_query_engine(
        self, *, streaming: bool = False, scope: Scope = Scope()
    ) -> CourseQueryEngine:
        """A query engine for LlamaIndex: the course's answer, the cited passages as its sources."""
        from seminar_rag.for_llama_index import CourseQueryEngine

        return CourseQueryEngine(self.ask, self.search, streaming, scope)

    async def asearch(self, query: str, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        """`search` in a thread."""
        return await asyncio.to_thread(self.search, query, k, scope)

    async def aask(
        self, question: str, history: Sequence[Turn] = (), scope: Scope = Scope()
    ) -> AsyncGenerator[Event, None]:
        """`ask` in threads; closing the iterator, or cancelling its task, stops the answer."""
        stop = threading.Event()
        events = self.ask(question, history, scope, stop.is_set)
        try:
            while (event := await asyncio.to_thread(next, events, None)) is not None:
                yield event
        finally:
            stop.set()

    async def acheck(self, text: str, scope: Scope | None = None) -> Report:
        """`check` in a thread, to its end; cancelling the task stops it after the next claim."""
        stop = threading.Event()

        def work() -> Report:
            checking = self.check(text, scope)
            for _ in checking:
                if stop.is_set():
                    break
            return checking.report()

        try:
            return await asyncio.to_thread(work)
        finally:
            stop.set()
