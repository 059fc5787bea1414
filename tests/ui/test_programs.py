"""The endpoints and tools as programs use them: a Gradio client, an MCP client, plain HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fake_course import BROKEN, CRASH, RAG, STEPS, SURVEY_PASSAGE, UNKNOWN, FakeCourse
from serving import served

from seminar_rag.types import Scope
from seminar_rag.ui.shared.limits import Limits

pytestmark = pytest.mark.slow

pytest.importorskip("mcp", reason="the mcp extra is not installed")


@pytest.fixture(scope="module")
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture(scope="module")
def address(course: FakeCourse) -> str:
    return served(course, mcp=True, limits=Limits(0, 0))


@pytest.fixture(scope="module")
def client(address: str):
    from gradio_client import Client

    return Client(address, verbose=False)


# Endpoints ------------------------------------------------------------------------------------


def test_only_the_documented_endpoints_are_offered(client):
    info = client.view_api(return_format="dict")
    assert set(info["named_endpoints"]) == {
        *("/ask", "/sources", "/check", "/table", "/differences", "/study", "/readings")
    }
    for name, endpoint in info["named_endpoints"].items():
        assert endpoint["description"], name
    names = [one["parameter_name"] for one in info["named_endpoints"]["/ask"]["parameters"]]
    assert names == ["question", "sessions", "readings", "kind", "required"]


def test_a_program_asks_and_gets_citations(client, course):
    answer = client.predict(STEPS, [15], ["rag"], "readings", True, api_name="/ask")
    assert answer["citations"][0]["reading"] == RAG.title
    assert answer["citations"][0]["page"] == 3
    assert answer["abstained"] is False
    assert course.asked[-1].scope == Scope(
        frozenset({15}), frozenset({"rag"}), frozenset({"paper", "abstract"}), True
    )
    assert client.predict(UNKNOWN, api_name="/ask")["abstained"] is True
    assert course.asked[-1].scope == Scope()


def test_a_program_finds_passages_and_lists_readings(client):
    found = client.predict("anything", 2, api_name="/sources")
    assert len(found) == 2
    assert found[1]["passage"] == SURVEY_PASSAGE.text
    listed = client.predict(api_name="/readings")
    assert {one["reading_id"] for one in listed} == {"rag", "survey", "notes15"}


def test_a_program_checks_a_text(client):
    report = client.predict(
        "There are four of them. There are three generations.", api_name="/check"
    )
    assert report["counts"]["contradicted"] == 1
    assert report["counts"]["supported"] == 1


def test_a_program_puts_questions_to_every_reading(client):
    table = client.predict([STEPS], [15], api_name="/table")
    assert table["complete"] is True
    cells = {row["reading_id"]: row["cells"][0] for row in table["rows"]}
    assert cells["rag"]["citations"][0]["quote"] in cells["rag"]["citations"][0]["passage"]
    assert [cells[one]["said"] for one in ("rag", "survey", "notes15", "gone")] == [
        *("says", "perhaps", "silent", "no text")
    ]


def test_a_program_gets_the_differences_that_the_instructor_keeps(client, course):
    course.differ(15)
    assert client.predict(api_name="/differences") == []
    course.decide_difference("pair", 15, "kept")
    (found,) = client.predict(15, api_name="/differences")
    assert (found["said"], found["other"]["quote"]) == ("differs", "It works in four steps.")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("  ",), "Nothing was asked"),
        (("x" * 2001,), "2,001 characters"),
        ((BROKEN,), "The index is being rebuilt"),
        ((STEPS, [], [], "songs"), "kind is 'songs'"),
    ],
)
def test_a_refusal_says_what_to_do(client, arguments, reason):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=reason):
        client.predict(*arguments, api_name="/ask")


def test_an_unforeseen_failure_tells_nothing_and_logs_no_question(client, caplog):
    from gradio_client.exceptions import AppError

    with caplog.at_level(logging.ERROR), pytest.raises(AppError) as told:
        client.predict(CRASH, api_name="/sources")
    assert "secret detail" not in str(told.value)
    assert "secret detail of [question]" in caplog.text


def test_programs_and_pages_share_one_line():
    course = FakeCourse(pace=0.01)
    running, most = [], []

    def ask(question, history=(), scope=None, stop=lambda: False):
        running.append(question)
        most.append(len(running))
        try:
            yield from FakeCourse.ask(course, question, history, scope or Scope(), stop)
        finally:
            running.remove(question)

    course.ask = ask
    from gradio_client import Client

    address = served(course, limits=Limits(0, 0))
    clients = [Client(address, verbose=False) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: one.predict(STEPS, api_name="/ask"), clients))
    assert all(one["citations"] for one in answers)
    assert max(most) == 2


def test_who_asks_too_often_is_told_how_long_to_wait():
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    address = served(FakeCourse(pace=0.0), limits=Limits(per_page=2, per_address=100))
    client = Client(address, verbose=False)
    for _ in range(2):
        client.predict("x", api_name="/sources")
    with pytest.raises(AppError, match=r"Too many questions in a short time. Ask again in \d+ sec"):
        client.predict("x", api_name="/sources")


def test_a_wrong_kind_costs_nothing_and_waits_for_nobody():
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    course = FakeCourse(pace=0.0)
    client = Client(served(course, limits=Limits(1, 1)), verbose=False)
    for api_name in ("/ask", "/sources"):
        with pytest.raises(AppError, match="kind is 'songs'"):
            client.predict(STEPS, kind="songs", api_name=api_name)
    with pytest.raises(AppError, match="kind is 'songs'"):
        client.predict([STEPS], kind="songs", api_name="/table")
    assert client.predict(STEPS, kind="readings", api_name="/ask")["citations"]


# Health and files -----------------------------------------------------------------------------


def test_health_is_told_in_json(address):
    answer = httpx.get(f"{address}/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_sick_index_is_told_by_its_status(address, course, monkeypatch):
    from seminar_rag.errors import StoreError

    def broken():
        raise StoreError("/secret/path is damaged")

    monkeypatch.setattr(course, "documents", broken)
    answer = httpx.get(f"{address}/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "index unreadable"
    assert "secret" not in answer.text


def test_what_is_no_conversation_is_not_exported(address):
    assert httpx.post(f"{address}/export.pdf", content=b"{}").status_code == 400
    assert httpx.get(f"{address}/export.pdf").status_code == 404


# Tools ----------------------------------------------------------------------------------------


def with_tools(address: str, use):
    from mcp.client.client import Client

    async def run():
        async with Client(f"{address}/mcp") as client:
            return await use(client)

    return asyncio.run(run())


def test_an_assistant_finds_its_tools_described(address):
    tools = with_tools(address, lambda client: client.list_tools()).tools
    assert [one.name for one in tools] == [
        "ask_readings",
        "find_passages",
        "check_text",
        "compare_readings",
        "list_differences",
        "study_session",
        "list_readings",
    ]
    ask = tools[0]
    assert "Every sentence of the answer carries marks" in ask.description
    assert ask.input_schema["required"] == ["question"]
    assert "request" not in ask.input_schema["properties"]


def test_an_assistant_asks_with_citations(address, course):
    arguments = {"question": STEPS, "sessions": [15], "kind": "readings"}
    result = with_tools(address, lambda client: client.call_tool("ask_readings", arguments))
    assert not result.is_error
    answer = result.structured_content
    assert answer["citations"][0]["reading"] == RAG.title
    assert course.asked[-1].scope.sessions == {15}
    listed = with_tools(address, lambda client: client.call_tool("list_readings", {}))
    assert len(listed.structured_content["result"]) == 3


def test_an_assistant_is_told_what_went_wrong(address):
    for question, words in ((BROKEN, "The index is being rebuilt"), ("", "Nothing was asked")):
        arguments = {"question": question}
        result = with_tools(address, lambda c, a=arguments: c.call_tool("ask_readings", a))
        assert result.is_error
        assert words in result.content[0].text


def test_no_web_page_reaches_the_tools_under_a_name_of_its_own(address):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        sent = {"accept": "application/json, text/event-stream", **headers}
        answer = httpx.post(f"{address}/mcp", json=message, headers=sent)
        assert answer.status_code in (403, 421), headers


def test_without_the_flag_there_are_no_tools():
    address = served(FakeCourse())
    assert httpx.post(f"{address}/mcp", json={}).status_code in (404, 405)


def test_an_assistant_starts_the_tools_itself_and_nothing_else_is_on_the_output(tmp_path):
    from mcp import StdioServerParameters
    from mcp.client.client import Client
    from mcp.client.stdio import stdio_client

    program = tmp_path / "tools.py"
    program.write_text(
        "import os, sys\n"
        f"sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from fake_course import FakeCourse\n"
        "from seminar_rag.ui.app import serve_tools\n"
        "class Loud(FakeCourse):\n"
        "    def documents(self):\n"
        "        os.write(1, b'a library prints')\n"
        "        return super().documents()\n"
        "serve_tools(Loud(pace=0.0))\n"
    )

    async def run():
        server = stdio_client(
            StdioServerParameters(command=sys.executable, args=[str(program)], env=dict(os.environ))
        )
        async with Client(server) as client:
            assert len((await client.list_tools()).tools) == 7
            listed = await client.call_tool("list_readings", {})
            return listed, await client.call_tool("ask_readings", {"question": STEPS})

    listed, answer = asyncio.run(run())
    assert len(listed.structured_content["result"]) == 3
    assert answer.structured_content["citations"][0]["reading"] == RAG.title
