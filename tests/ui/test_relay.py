"""Pages of several servers, whichever of them a request comes to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from seminar_rag.ui.shared.relay import Relay, Servers, here_of, own_address

pytestmark = pytest.mark.slow


class MemoryCommon:
    """What servers of one process know together; nothing in it ends."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}

    def get(self, kind: str, id_: str = "") -> str | None:
        return self.values.get((kind, id_))

    def put(self, kind: str, id_: str, value: str, lasts: float | None = None) -> None:
        self.values[kind, id_] = value

    def first(self, kind: str, id_: str, value: str, lasts: float | None = None) -> str:
        return self.values.setdefault((kind, id_), value)

    def change(
        self, kind: str, id_: str, how: Callable[[str | None], str], lasts: float | None = None
    ) -> str:
        self.values[kind, id_] = how(self.get(kind, id_))
        return self.values[kind, id_]

    def drop(self, kind: str, id_: str) -> None:
        self.values.pop((kind, id_), None)

    def sweep(self) -> None:
        pass


class Replica:
    """A server that says which one it is, and whose request it was."""

    def __init__(self, name: str, common: MemoryCommon) -> None:
        self.name = name
        app = Starlette(
            routes=[
                Route("/gradio_api/queue/data", self._stream),
                Route("/gradio_api/call/{name}", self._call, methods=["POST"]),
                Route("/{rest:path}", self._say, methods=["GET", "POST"]),
            ]
        )
        config = uvicorn.Config(
            lambda: self.relay,
            factory=True,
            port=0,
            log_level="error",
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
        )
        self._server = uvicorn.Server(config)
        self.closed = threading.Event()
        self._relay_of: Callable[[Servers], Relay] = lambda servers: Relay(app, servers)
        self.relay: Any = None
        self.begin(common)

    def begin(self, common: MemoryCommon) -> None:
        import socket

        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.servers = Servers(common, self.url, self.name)  # type: ignore[arg-type]
        self.relay = self._relay_of(self.servers)
        thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def die(self) -> None:
        """End without a word, as after SIGKILL."""
        self.servers._ended.set()
        self._server.force_exit = self._server.should_exit = True
        while True:
            try:
                httpx.get(self.url, timeout=1)
            except httpx.HTTPError:
                return

    async def _say(self, request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        client = request.client.host if request.client else ""
        return JSONResponse({"at": self.name, "body": body, "client": client})

    async def _call(self, _request: Request) -> JSONResponse:
        return JSONResponse({"event_id": f"event of {self.name}"})

    async def _stream(self, request: Request) -> StreamingResponse:
        async def pieces() -> Any:
            try:
                for number in range(1_000):
                    yield f"data: {self.name} {number}\n\n"
                    import asyncio

                    await asyncio.sleep(0.05)
            finally:
                self.closed.set()

        return StreamingResponse(pieces(), media_type="text/event-stream")


@pytest.fixture
def two() -> Iterator[tuple[Replica, Replica]]:
    common = MemoryCommon()
    both = Replica("one", common), Replica("other", common)
    yield both
    for one in both:
        one.servers.close()
        one._server.should_exit = True


def join(replica: Replica, page: str) -> dict[str, str]:
    sent = json.dumps({"session_hash": page, "data": ["x"]})
    said = httpx.post(f"{replica.url}/gradio_api/queue/join", content=sent)
    assert said.status_code == 200, said.text
    return dict(said.json())


def test_a_page_is_answered_by_the_server_that_has_it(two: tuple[Replica, Replica]) -> None:
    one, other = two
    assert join(one, "p")["at"] == "one"
    passed = join(other, "p")
    assert (passed["at"], passed["client"]) == ("one", "127.0.0.1")
    assert json.loads(passed["body"]) == {"session_hash": "p", "data": ["x"]}
    assert join(other, "q")["at"] == join(one, "q")["at"] == "other"
    with httpx.stream("GET", f"{other.url}/gradio_api/queue/data?session_hash=p") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "data: one 0"
        assert stream.headers["content-type"].startswith("text/event-stream")
    assert one.closed.wait(5), "who made the stream hears that its reader left"
    assert httpx.get(f"{other.url}/find").json()["at"] == "other"


def test_an_event_without_a_page_and_the_desk_have_a_server_too(
    two: tuple[Replica, Replica],
) -> None:
    one, other = two
    event = httpx.post(f"{other.url}/gradio_api/call/ask", json={"data": []}).json()["event_id"]
    assert httpx.get(f"{one.url}/gradio_api/call/ask/{event}").json()["at"] == "other"
    assert httpx.post(f"{one.url}/desk/files", content=b"a" * 300_000).json()["at"] == "one"
    passed = httpx.post(f"{other.url}/desk/files", content=b"b" * 300_000).json()
    assert (passed["at"], len(passed["body"])) == ("one", 300_000)


def test_pages_of_a_server_that_is_gone_move(two: tuple[Replica, Replica]) -> None:
    one, other = two
    assert join(one, "p")["at"] == "one"
    assert join(other, "p")["at"] == "one"
    asks = Request({"type": "http", "query_string": b"of=one", "headers": []})
    assert here_of(one.servers._common, asks)
    one.die()
    assert not here_of(one.servers._common, asks)
    assert join(other, "p")["at"] == "other"
    assert httpx.get(f"{other.url}/gradio_api/heartbeat/p").json()["at"] == "other"


def test_a_server_does_not_answer_for_the_one_that_was_at_its_address(
    two: tuple[Replica, Replica],
) -> None:
    one, other = two
    assert join(one, "p")["at"] == "one"
    assert join(other, "p")["at"] == "one"
    one.servers.me = "one anew"
    assert join(other, "p")["at"] == "other"


def test_a_server_that_listens_everywhere_tells_an_address_whatever_its_machine_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object) -> str:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    told = own_address("http://0.0.0.0:7860")
    assert told.startswith("http://")
    assert told.endswith(":7860")
    assert "0.0.0.0" not in told
    assert own_address("http://10.0.0.5:7860") == "http://10.0.0.5:7860"


def test_a_machine_without_a_network_has_a_loopback_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Alone(socket.socket):
        def connect(self, *_: object) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Alone)
    assert own_address("http://0.0.0.0:7860") == "http://127.0.0.1:7860"
