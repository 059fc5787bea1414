"""What a course offers to programs on LlamaIndex or asyncio: a part of the façade `Course`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from seminar_rag.types import Event, Hit, Scope, Turn
from seminar_rag.types.check import Checking, Report

if TYPE_CHECKING:
    from seminar_rag.for_llama_index import CourseQueryEngine, CourseRetriever

T = TypeVar("T")


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
        """`ask` in a thread, which goes on however slowly the events are read.

        Closing the iterator, or cancelling its task, stops the answer and waits for its thread.
        """
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event | None]()
        stop = threading.Event()

        def tell(event: Event | None) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        def work() -> None:
            try:
                for event in self.ask(question, history, scope, stop.is_set):
                    if stop.is_set():
                        break
                    tell(event)
            finally:
                tell(None)

        async with _thread(work, stop) as working:
            while (event := await queue.get()) is not None:
                yield event
            await asyncio.shield(working)

    async def acheck(self, text: str, scope: Scope | None = None) -> Report:
        """`check` in a thread, to its end; cancelling the task stops it after the next claim."""
        stop = threading.Event()

        def work() -> Report:
            checking = self.check(text, scope)
            for _ in checking:
                if stop.is_set():
                    break
            return checking.report()

        async with _thread(work, stop) as working:
            return await asyncio.shield(working)


@asynccontextmanager
async def _thread(work: Callable[[], T], stop: threading.Event) -> AsyncIterator[asyncio.Task[T]]:
    """Work in a thread that is stopped and has ended when the block is left."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        yield working
    finally:
        stop.set()
        await asyncio.wait([working])
