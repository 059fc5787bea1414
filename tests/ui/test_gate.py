"""What the application answers, and what it refuses before anything behind the gate sees it."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from fake_course import FakeCourse
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from serving import http_scope, served, started

from seminar_rag.ui.app import build_app, run
from seminar_rag.ui.shared import gate
from seminar_rag.ui.shared.gate import DESK_OPEN, Gate, Opening
from seminar_rag.ui.shared.limits import LARGEST_FILE, Limits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app():
    return build_app(FakeCourse(), Limits(0, 0))


@pytest.fixture(scope="module")
def client(app) -> Iterator[TestClient]:
    with TestClient(app) as running:
        yield running


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file/http://example.org/x",
        "/gradio_api/file=http://example.org/x",
        "/gradio_api/proxy=http://example.org/x",
        "/gradio_api%2Ffile/http://example.org/x",
        "//gradio_api/file/http://example.org/x",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/stream/x/1/2/playlist.m3u8",
        "/openapi.json",
        "/monitoring",
        "/http://example.org/",
    ],
)
def test_no_way_leads_to_another_host_or_an_inner_page(client, path):
    assert client.get(path).status_code == 404


FILES = (
    {"path": "http://example.org/x", "meta": {"_type": "gradio.FileData"}},
    {"path": "https://example.org/x"},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"path": None, "url": "http://example.org/x", "meta": {"_type": "gradio.FileData"}},
    {"a": [{"b": {"path": "file:///etc/passwd"}}]},
)


@pytest.mark.parametrize("value", FILES, ids=str)
@pytest.mark.parametrize("way", ["queue/join", "run/ask", "api/ask", "call/ask"])
def test_no_value_may_be_a_file(client, value, way):
    body = {"data": [value], "fn_index": 0, "session_hash": "s"}
    assert client.post(f"/gradio_api/{way}", json=body).status_code == 422
    escaped = json.dumps(body).replace('"path"', '"\\u0070ath"')
    assert client.post(f"/gradio_api/{way}", content=escaped).status_code == 422


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"data": NaN'])
def test_what_is_not_json_is_refused(client, body):
    assert client.post("/gradio_api/queue/join", content=body).status_code == 422


def test_at_the_desk_a_value_may_be_an_upload_and_no_address():
    gate.check_values(b'{"data": [{"path": "/tmp/gradio/x/a.pdf", "meta": {}}]}', files=True)
    for path in ("http://example.org/x", "ftp://example.org", "", None, 3):
        with pytest.raises(gate.RefusedError):
            gate.check_values(json.dumps({"data": [{"path": path}]}).encode(), files=True)
    for path in ("file/http://example.org", "file=http://example.org", "proxy=http://example.org"):
        assert not any(one.path.fullmatch(f"/gradio_api/{path}") for one in DESK_OPEN)


# In a frame ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framed_by", "ancestors"),
    [
        ("", "'self'"),
        ("https://a.edu, https://*.b.edu:8443", "'self' https://a.edu https://*.b.edu:8443"),
    ],
)
def test_only_the_sites_that_are_named_may_show_a_page_in_a_frame(framed_by, ancestors):
    """As every page, those that another policy was not given to."""

    async def behind(scope, receive, send):
        own = (
            [(b"Content-Security-Policy", b"default-src 'none'")] if scope["path"] == "/own" else []
        )
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b""})

    gated = Gate(behind, (Opening("GET", re.compile(".*")),), framed_by=framed_by)
    client = TestClient(gated)
    assert client.get("/").headers["content-security-policy"].endswith(f"ancestors {ancestors}")
    assert client.get("/missing").headers["x-content-type-options"] == "nosniff"
    assert client.get("/own").headers["content-security-policy"] == "default-src 'none'"


# Size, time and share -------------------------------------------------------------------------


class Behind:
    """An application that counts what reaches it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope, receive, send) -> None:
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def sent(gated: Gate, parts: list[bytes], address: str = "192.0.2.1", hang: bool = False):
    statuses, left = [], list(parts)

    async def receive():
        if not left:
            await asyncio.sleep(60 if hang else 0)
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left) or hang}

    async def answer(message):
        statuses.append(message.get("status"))

    await gated(http_scope("POST", "/check/text", address), receive, answer)
    return statuses[0]


def test_half_sent_uploads_take_no_place_and_end_by_themselves():
    behind = Behind()
    slow = Opening("POST", re.compile("/check/text"), LARGEST_FILE, seconds=0.3)
    gated = Gate(behind, (slow,))

    async def go() -> None:
        halves = [asyncio.create_task(sent(gated, [b"%PDF"], hang=True)) for _ in range(50)]
        await asyncio.sleep(0.05)
        assert behind.bodies == []
        assert await sent(gated, [b"a", b"b"], "192.0.2.2") == 200
        assert behind.bodies == [b"ab"]
        assert await asyncio.gather(*halves) == [408] * 50

    asyncio.run(go())
    assert behind.bodies == [b"ab"]
    assert not gated._arriving._taken


def test_one_address_has_a_share_of_what_may_arrive(monkeypatch):
    monkeypatch.setattr(gate, "MOST_ARRIVING", 1_000)
    gated = Gate(Behind(), (Opening("POST", re.compile("/check/text"), seconds=0.5),))

    async def go() -> None:
        first = asyncio.create_task(sent(gated, [b"x" * 400], hang=True))
        await asyncio.sleep(0.05)
        assert await sent(gated, [b"x" * 200]) == 503
        assert await sent(gated, [b"x" * 200], "192.0.2.2") == 200
        assert await first == 408
        assert await sent(gated, [b"x" * 400]) == 200

    asyncio.run(go())
    assert not gated._arriving._taken


def test_one_address_sends_only_so_many_large_values_a_minute():
    gated = Gate(Behind(), (Opening("POST", re.compile("/check/text"), values=True),))
    large = json.dumps({"data": ["x" * 1_700_000]}).encode()

    async def go() -> list[int]:
        return [await sent(gated, [large]) for _ in range(150)]

    found = asyncio.run(go())
    assert found[:10] == [200] * 10
    assert found[-50:] == [429] * 50
    assert asyncio.run(sent(gated, [large], "192.0.2.2")) == 200
    assert asyncio.run(sent(gated, [b'{"data": []}'])) == 200


def test_one_address_leaves_only_so_many_requests_open(monkeypatch):
    monkeypatch.setattr(gate, "MOST_OPEN", 10)
    gated = Gate(Behind(), (Opening("POST", re.compile("/check/text"), seconds=0.5),))

    async def go() -> None:
        held = [asyncio.create_task(sent(gated, [b"x"], hang=True)) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert await sent(gated, [b"x"]) == 503
        assert await sent(gated, [b"x"], "192.0.2.2") == 200
        await asyncio.gather(*held)
        assert await sent(gated, [b"x"]) == 200

    asyncio.run(go())
    assert not gated._open._taken


@pytest.fixture(scope="module")
def idle() -> Iterator[tuple[http.client.HTTPConnection, float]]:
    """A connection over which one request was made, and when that was."""
    host, port = served(FakeCourse(), limits=Limits(0, 0)).removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    assert_answers(connection)
    yield connection, time.monotonic()
    connection.close()


def assert_answers(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()
    assert connection.sock is not None, "the server closes the connection by itself"


def test_over_a_connection_a_large_request_is_refused_before_it_is_sent(idle):
    there, _ = idle
    with socket.create_connection((there.host, there.port), timeout=20) as connection:
        connection.sendall(
            b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n["
        )
        answer = b""
        while part := connection.recv(4096):  # until the server closes the connection
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")


# Behind a proxy -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "believed"),
    [("", False), ("192.0.2.7", False), ("127.0.0.1", True), ("10.0.0.0/8,127.0.0.0/8", True)],
)
def test_only_a_trusted_proxy_says_whose_request_it_is(trusted, believed):
    told = FastAPI()

    @told.get("/")
    def who(request: Request) -> str:
        assert request.client is not None
        return request.client.host

    url = started(run, lambda _: told, trusted_proxies=trusted)
    found = httpx.get(url, headers={"x-forwarded-for": "198.51.100.3"}).json()
    assert found == ("198.51.100.3" if believed else "127.0.0.1")


def test_who_forges_the_header_is_known_by_what_the_proxy_appends():
    url = served(FakeCourse(), limits=Limits(per_page=2), trusted_proxies="127.0.0.1")
    found = [
        httpx.post(
            f"{url}/check/text",
            content=b"x",
            headers={"x-forwarded-for": f"198.51.100.{n}, 203.0.113.5"},
        ).status_code
        for n in range(3)
    ]
    assert found == [200, 200, 429]


# Last: until here other tests have run -------------------------------------------------------


def test_an_idle_connection_outlives_what_clients_keep(idle):
    """Common clients keep a connection for five seconds."""
    connection, since = idle
    time.sleep(max(0, 5.5 - (time.monotonic() - since)))
    assert_answers(connection)
