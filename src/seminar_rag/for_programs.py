"""What a course offers to programs on LlamaIndex or asyncio: a part of the façade `Course`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from seminar_rag.types import Event, Hit, Scope, Turn
from seminar_rag.types.check import Checking, Report

if TYPE_CHECKING:
    from seminar_rag.for_llama_index import CourseQueryEngine, CourseRetriever


T = TypeVar("T")
Run: TypeAlias = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]


async def _in_thread(work: Callable[[], T], stop: threading.Event | None = None) -> T:
    """Do work in a thread. Where the task that waits for it is cancelled, `stop` is set and the
    work is waited for."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    finally:
        if stop is not None:
            stop.set()
        await asyncio.wait([working])


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
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope = Scope(),
        *,
        run: Run = _in_thread,
    ) -> AsyncGenerator[Event, None]:
        """`ask` in a thread, which goes on however slowly the events are read.

        Closing the iterator, or cancelling its task, stops the answer and waits for its thread.

        Args:
            run: runs the work in a thread, perhaps in its turn; cancelled where the reader leaves.
        """
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event | None]()
        stop = threading.Event()

        def work() -> None:
            for event in self.ask(question, history, scope, stop.is_set):
                if stop.is_set():
                    break
                loop.call_soon_threadsafe(queue.put_nowait, event)

        working = asyncio.create_task(run(work))
        working.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await working
        finally:
            stop.set()
            working.cancel()
            await asyncio.wait([working])

    async def acheck(self, text: str, scope: Scope | None = None) -> Report:
        """`check` in a thread, to its end; cancelling the task stops it after the next claim."""
        stop = threading.Event()

        def work() -> Report:
            checking = self.check(text, scope)
            for _ in checking:
                if stop.is_set():
                    break
            return checking.report()

        return await _in_thread(work, stop)
