"""A course inside LlamaIndex and asyncio."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from seminar_rag.course import Course
from seminar_rag.types import AnswerEvent, Scope, TokenEvent

QUESTION = "What does attention weigh against every other token?"


def test_passages_are_nodes_with_their_places(tiny_course: Course) -> None:
    found = tiny_course.as_retriever(similarity_top_k=3).retrieve(QUESTION)
    hits = tiny_course.search(QUESTION, 3)
    assert [(one.node_id, one.score) for one in found] == [(h.passage.id, h.score) for h in hits]
    node, hit = found[0].node, hits[0]
    assert node.metadata["title"] == hit.document.title
    assert node.metadata["file_name"] == hit.document.path
    assert node.metadata["sessions"] == ", ".join(map(str, hit.document.sessions))
    assert node.source_node is not None
    assert node.source_node.node_id == hit.document.id


def test_a_scope_holds_in_the_retriever_and_the_engine(tiny_course: Course) -> None:
    second = Scope(sessions=frozenset({2}))
    found = tiny_course.as_retriever(scope=second).retrieve(QUESTION)
    assert {one.node.metadata["sessions"] for one in found} == {"2"}
    answer = tiny_course.as_query_engine(scope=second).query(QUESTION)
    assert all(one.node.metadata["sessions"] == "2" for one in answer.source_nodes)


def test_the_engine_gives_the_answer_of_the_course_with_its_sources(tiny_course: Course) -> None:
    *_, last = tiny_course.ask(QUESTION)
    assert isinstance(last, AnswerEvent)
    answer = tiny_course.as_query_engine().query(QUESTION)
    assert str(answer) == last.answer.text
    cited = list(dict.fromkeys(one.passage.id for one in last.answer.citations))
    assert cited
    assert [one.node_id for one in answer.source_nodes] == cited
    assert answer.metadata[cited[0]]["quotes"][0] in answer.source_nodes[0].node.get_content()
    assert answer.metadata["abstained"] is False


def test_a_streamed_answer_has_its_sources_at_its_end(tiny_course: Course) -> None:
    streamed = tiny_course.as_query_engine(streaming=True).query(QUESTION)
    assert "".join(streamed.response_gen).strip()
    assert streamed.source_nodes
    assert streamed.metadata["abstained"] is False


def test_a_refusal_is_streamed_as_well(tiny_course: Course) -> None:
    streamed = tiny_course.as_query_engine(streaming=True).query("What does LoRA freeze?")
    assert "".join(streamed.response_gen).strip()
    assert streamed.metadata["abstained"] is True


def test_a_stock_chat_engine_of_llama_index_reads_the_course(tiny_course: Course) -> None:
    from llama_index.core.chat_engine import ContextChatEngine
    from llama_index.core.llms import MockLLM

    engine = ContextChatEngine.from_defaults(tiny_course.as_retriever(), llm=MockLLM())
    answer = engine.chat(QUESTION)
    best = tiny_course.search(QUESTION, 1)[0].passage
    assert answer.source_nodes[0].node_id == best.id
    assert best.text[:60] in str(answer)  # that model says its prompt again


@pytest.mark.slow  # a text is cut into claims in a process of its own
def test_what_waits_has_coroutines(tiny_course: Course) -> None:
    async def use() -> tuple[object, ...]:
        hits = await tiny_course.asearch(QUESTION, 2)
        nodes = await tiny_course.as_retriever(similarity_top_k=2).aretrieve(QUESTION)
        *_, last = [event async for event in tiny_course.aask(QUESTION)]
        report = await tiny_course.acheck("Multi-head attention runs eight heads side by side.")
        return [h.passage.id for h in hits], [one.node_id for one in nodes], last, report

    hits, nodes, last, report = asyncio.run(use())
    assert hits == nodes
    assert isinstance(last, AnswerEvent)
    assert len(report.items) == report.total == 1


def test_leaving_an_answer_stops_it(tiny_course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()

    def endless(_question, _history, _scope, stop):
        yield TokenEvent("more ")
        while not stop():
            time.sleep(0.01)
        stopped.set()

    monkeypatch.setattr(tiny_course, "ask", endless)

    async def leave() -> None:
        events = tiny_course.aask(QUESTION)
        assert await anext(events) == TokenEvent("more ")
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        waiting.cancel()

    asyncio.run(leave())
    assert stopped.wait(5)


def test_a_program_that_reads_slowly_does_not_hold_the_answer_up(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def ask(*_: object):
        yield from map(TokenEvent, "many words")
        written.set()

    monkeypatch.setattr(tiny_course, "ask", ask)

    async def read() -> str:
        events = tiny_course.aask(QUESTION)
        first = await anext(events)
        assert await asyncio.to_thread(written.wait, 5)
        return first.text + "".join([one.text async for one in events])

    assert asyncio.run(read()) == "many words"


def test_an_answer_is_left_when_its_thread_has_ended(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def ask(*_: object):
        yield TokenEvent("more ")
        time.sleep(0.1)
        ended.set()

    monkeypatch.setattr(tiny_course, "ask", ask)

    async def leave() -> bool:
        events = tiny_course.aask(QUESTION)
        await anext(events)
        await events.aclose()
        return ended.is_set()

    assert asyncio.run(leave())
