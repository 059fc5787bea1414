"""Several servers of one course behind a balancer that sends each request wherever it likes.

Gradio keeps what belongs to an open page, its values and the events on their way to it, in the
process that took the page's first request. So each page belongs to a server, as the servers note in
common, and a server that gets a request of another's page passes it on, as a proxy does: the body,
the answer as it streams, and who sent it (X-Forwarded-For, so the others have to be among the
trusted proxies). Where that server is gone, whoever notices takes the page over; what a browser
keeps of its conversation comes with the next question. All of the desk belongs to one server.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seminar_rag.errors import StoreError
from seminar_rag.types.serving import Common
from seminar_rag.ui.shared.gate import replayed

log = logging.getLogger(__name__)

ME = secrets.token_hex(6)
"""Names this process among the servers of its courses."""
SILENCE = 8.0
"""Seconds without a word after which a server is taken to be gone."""
PULSE = 2.0
"""Seconds between two words of a server."""
LASTS = 24 * 3600.0
"""Seconds for which it is noted whose a page is."""
MOST_PAGES = 20_000
"""Pages of which is remembered whose they are."""
REACHES = 2.0
"""Seconds in which another server has to accept a connection."""
PASSED_ON = "x-seminar-passed-on"
"""The header that says to which server a request was passed on."""
DESK = "desk"
ABROAD = ("192.0.2.1", 9)
"""An address that belongs to no machine (RFC 5737), so that the way to it is the usual one."""

_IN_PATH = re.compile(r"/gradio_api/(?:heartbeat/([^/]+)|call/[^/]+/([^/]+))")
_IN_BODY = re.compile(r"/gradio_api/(?:queue/join|(?:run|api|call)/[^/]+|cancel|reset)/?")
_CALL = re.compile(r"/gradio_api/call/[^/]+/?")
_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"}
_LONGEST_KEY = 100


def own_address(url: str) -> str:
    """Where other machines reach a server that listens at `url`, as far as it can know.

    The machine's own name is not asked for: it may be in no table, and Debian gives it a loopback
    address.
    """
    parts = urlsplit(url)
    if parts.hostname not in ("0.0.0.0", "::"):  # noqa: S104
        return url
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ABROAD)  # by UDP, which sends nothing, but chooses a route
        except OSError:
            return f"http://127.0.0.1:{parts.port}"
        return f"http://{probe.getsockname()[0]}:{parts.port}"


class Servers:
    """Which servers a course has, and whose each page is; for threads, since it asks a database."""

    def __init__(
        self, common: Common, address: str, me: str = ME, follow: Callable[[], None] = lambda: None
    ) -> None:
        """Args:
        address: where the others reach this one.
        follow: called every `PULSE` seconds, to take what was changed at others.
        """
        self.me = me
        self._follow = follow
        self._common = common
        self._address = address
        self._owners: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._ended = threading.Event()
        self._tell()
        threading.Thread(target=self._live, name="servers", daemon=True).start()

    def close(self) -> None:
        """Say that this server is gone."""
        self._ended.set()
        try:
            self._common.drop("server", self.me)
        except StoreError as error:
            log.warning("the other servers could not be told that this one has ended: %s", error)

    def owner(self, page: str) -> str:
        """The server that has a page: this one, where nobody has it yet. Raises StoreError."""
        if page not in self._owners:
            if len(self._owners) > MOST_PAGES:
                self._owners.clear()
            self._owners[page] = self._common.first("page", page, self.me, LASTS)
        return self._owners[page]

    def take(self, page: str, gone: str = "") -> str:
        """Take a page, from a server that is gone where one had it; who has it now."""
        if gone:
            self._owners[page] = self._common.change(
                "page", page, lambda one: self.me if one in (None, gone) else one, LASTS
            )
        else:
            self._common.put("page", page, self.me, LASTS)
            self._owners[page] = self.me
        return self._owners[page]

    def address(self, server: str) -> str | None:
        """Where a server is; None where it is gone. Raises StoreError."""
        if server not in self._addresses:
            address = self._common.get("server", server)
            if address is None:
                return None
            self._addresses[server] = address
        return self._addresses[server]

    def _tell(self) -> None:
        self._common.put("server", self.me, self._address, SILENCE)

    def _live(self) -> None:
        beats = 0
        while not self._ended.wait(PULSE):
            beats += 1
            try:
                self._tell()
                self._follow()
                if beats % 60 == 0:
                    self._common.sweep()
            except StoreError as error:
                log.warning("the other servers could not be told that this one runs: %s", error)


class Relay:
    """ASGI middleware that passes requests of another server's pages on to it."""

    def __init__(self, app: ASGIApp, servers: Servers, root: str = "") -> None:
        self._app = app
        self._servers = servers
        self._root = root
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=REACHES),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
            trust_env=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"]).removeprefix(self._root)
        page, body = await _page_of(scope, path, receive)
        if not page:
            await self._here(scope, receive, send, path, body)
            return
        meant = dict(scope["headers"]).get(PASSED_ON.encode(), b"").decode("latin-1")
        if meant:
            if meant != self._servers.me:  # a server that was here before
                await PlainTextResponse("Another server.", 421)(scope, receive, send)
                return
            await self._here(scope, receive, send, path, body)
            return
        try:
            response = await self._elsewhere(scope, receive, page, body)
        except StoreError as error:
            await PlainTextResponse(str(error), 503)(scope, receive, send)
            return
        if response is None:
            await self._here(scope, receive, send, path, body)
        else:
            await response(scope, receive, send)

    async def _here(
        self, scope: Scope, receive: Receive, send: Send, path: str, body: bytes | None
    ) -> None:
        """Answer a request in this process."""
        receive = receive if body is None else replayed(body, receive)
        if scope["method"] == "POST" and _CALL.fullmatch(path):
            send = self._noting(send)
        await self._app(scope, receive, send)

    async def _elsewhere(
        self, scope: Scope, receive: Receive, page: str, body: bytes | None
    ) -> StreamingResponse | None:
        """The answer of the server that has the page; None where it is this one."""
        owner = await asyncio.to_thread(self._servers.owner, page)
        while owner != self._servers.me:
            address = await asyncio.to_thread(self._servers.address, owner)
            if address is not None:
                try:
                    response = await self._passed_on(scope, receive, body, address, owner)
                    if response.status_code != 421:
                        return _streamed(response)
                    await response.aclose()
                except httpx.TransportError as error:
                    log.info("a server is gone: %s", type(error).__name__)
                    if body is None and scope["method"] not in ("GET", "HEAD"):
                        await asyncio.to_thread(self._servers.take, page, owner)
                        raise StoreError("a server has just ended — try it again") from error
            owner = await asyncio.to_thread(self._servers.take, page, owner)
        return None

    async def _passed_on(
        self, scope: Scope, receive: Receive, body: bytes | None, address: str, owner: str
    ) -> httpx.Response:
        left_out = {*_HOP, "forwarded", "x-forwarded-for", "x-forwarded-proto", PASSED_ON}
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name.decode("latin-1").lower() not in left_out
        ]
        client = scope.get("client")
        headers += [
            (b"x-forwarded-for", str(client[0] if client else "").encode()),
            (b"x-forwarded-proto", str(scope.get("scheme", "http")).encode()),
            (PASSED_ON.encode(), owner.encode()),
        ]
        query = scope["query_string"].decode("latin-1")
        raw = (scope.get("raw_path") or str(scope["path"]).encode()).decode("latin-1")
        content: Any = body
        if body is None and scope["method"] not in ("GET", "HEAD"):
            content = _arriving(receive)
        request = self._client.build_request(
            scope["method"],
            f"{address}{raw.partition('?')[0]}{'?' if query else ''}{query}",
            headers=headers,
            content=content,
        )
        return await self._client.send(request, stream=True)

    def _noting(self, send: Send) -> Send:
        """Notes whose the event is that an answer names, before the answer is sent."""
        held: list[Message] = []

        async def noting(message: Message) -> None:
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            body = b"".join(one.get("body", b"") for one in held)
            try:
                event = json.loads(body)["event_id"]
            except (ValueError, LookupError, TypeError):
                event = None
            if isinstance(event, str):
                await asyncio.to_thread(self._servers.take, event)
            for one in held:
                await send(one)

        return noting


async def _page_of(scope: Scope, path: str, receive: Receive) -> tuple[str, bytes | None]:
    """Which page a request belongs to, "" for none; and the body, where it was read for that."""
    if path == "/desk" or path.startswith("/desk/"):
        return DESK, None
    if scope["method"] == "POST" and _IN_BODY.fullmatch(path):
        body = b"".join([piece async for piece in _arriving(receive)])
        try:
            page = json.loads(body).get("session_hash")
        except (ValueError, AttributeError, RecursionError):
            page = None
        return (page[:_LONGEST_KEY] if isinstance(page, str) else ""), body
    if path == "/gradio_api/queue/data":
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return query.get("session_hash", [""])[0][:_LONGEST_KEY], None
    found = _IN_PATH.fullmatch(path)
    return (found[1] or found[2] if found else "")[:_LONGEST_KEY], None


async def _arriving(receive: Receive) -> AsyncIterator[bytes]:
    """The body of a request as it arrives; ends where the client does."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _streamed(response: httpx.Response) -> StreamingResponse:
    """Another server's answer, as it comes."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in response.aiter_raw():
                yield piece
        except httpx.TransportError as error:
            log.info("a server is gone while it answered: %s", type(error).__name__)
        finally:
            await response.aclose()

    out = StreamingResponse(pieces(), response.status_code)
    out.raw_headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.decode("latin-1").lower() not in _HOP | {"date", "server"}
    ]
    return out


def here_of(common: Common | None, request: Request) -> bool:
    """Whether the server is there that a request asks for; a page that waits for its answer does.
    Raises StoreError: what servers know in common cannot be reached."""
    server = request.query_params.get("of", "")
    if not server or server == ME:
        return True
    address = common.get("server", server) if common is not None else None
    if address is None:
        return False
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), REACHES).close()
    except OSError:
        return False
    return True
