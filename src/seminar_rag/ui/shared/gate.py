"""The gate in front of the application: which requests are let through, how often and how large.

`Gate` is ASGI middleware that knows the requests the application is meant to answer, `OPEN`, and
turns away all others with 404, whatever routes the frameworks behind it have. The body of a
request is read here, up to a limit of size and time, before anything behind sees the request: a
client that sends slowly or without end takes no place that others wait for. Nor does one that asks
very often, or leaves very many requests open.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from seminar_rag.ui.shared.limits import LARGEST_FILE, Rate, Share, address_of_scope

LONGEST_JSON = 4 << 20
"""Bytes of a request that is not an upload."""
LARGEST_FORM = 4_096
"""Bytes of a login."""
LONGEST_LAUNCH = 64 << 10
"""Bytes of what a course site sends to launch the chat; its tokens have some four thousand."""
SECONDS = 20.0
"""Seconds in which the body of a request has to arrive."""
UPLOAD_SECONDS = 60.0
"""The same for an upload."""
LARGE = 64 << 10
"""Bytes from which a request with values counts as large, once for every so many bytes."""
LARGE_A_MINUTE = 512
"""Large requests of one address a minute: what they hold may stay in memory for a while."""
MOST_ARRIVING = 64 << 20
"""Bytes of requests that are arriving, together; half of it for one address."""
MOST_OPEN = 2_000
"""Requests that are being answered at once, half of them of one address; a page keeps one or two
open."""
A_MINUTE = 600
"""Requests of one kind a minute of one address, which a whole class may share behind one router."""
OFTEN = 3_000
"""The same for those that a page makes with every act."""
FILES = 20_000
"""The same for the parts of the page, some fifty of which a browser fetches the first time."""
ANYONE, KEY, SESSION = "anyone", "[serve] api_key, if set", "the desk's login"
"""What a request needs; whoever answers it sees to that."""

# Gradio's page needs inline scripts and compiles its templates; nothing may come from elsewhere.
RULES = (
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)
_HEADERS = ((b"referrer-policy", b"same-origin"), (b"x-content-type-options", b"nosniff"))

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


def policy(framed_by: str = "", rules: Sequence[str] = RULES) -> str:
    """The Content-Security-Policy of a page."""
    ancestors = " ".join(("'self'", *framed_by.replace(",", " ").split()))
    return "; ".join((*rules, f"frame-ancestors {ancestors}"))


@dataclass(frozen=True)
class Opening:
    """Requests that are let through."""

    method: str
    path: re.Pattern[str]
    """Matches the whole path. GET stands for HEAD too."""
    largest: int = LONGEST_JSON
    """Bytes of the body."""
    seconds: float = SECONDS
    """How long the body may take to arrive."""
    values: bool = False
    """The body holds values for Gradio, none of which may be the address of a file."""
    files: bool = False
    """A value may be a file that was uploaded before."""
    stream: bool = False
    """The body is handed on as it arrives; who answers the request limits it."""
    rate: int = A_MINUTE
    """How many of them one address may make a minute."""
    who: str = ANYONE
    """What they need."""


def _opening(method: str, path: str, **limits: Any) -> Opening:
    return Opening(method, re.compile(path), **limits)


_FRAME = (
    _opening("POST", r"/gradio_api/(?:cancel|reset/?)", rate=OFTEN),
    _opening("GET", r"/(?:config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json)?"),
    _opening("GET", r"/pwa_icon(?:/\d{1,4})?"),
    _opening("GET", r"/(?:assets|static|svelte)/.+", rate=FILES),
    _opening("GET", r"/gradio_api/(?:info/?|startup-events|app_id/?|theme\.css)"),
    _opening("GET", r"/gradio_api/(?:queue/data|heartbeat/[^/]+|call/[\w-]+/[^/]+)", rate=OFTEN),
)
"""What any page that Gradio makes asks for."""
_EVENT = r"/gradio_api/(?:queue/join|(?:run|api|call)/[\w-]+/?)"
OPEN = (
    *_FRAME,
    _opening("POST", _EVENT, values=True, rate=OFTEN),
    _opening("GET", r"/health"),
    _opening("GET", r"/(?:view|key)/.+", rate=OFTEN),
    _opening("GET", r"/find", rate=OFTEN),
    _opening("GET", r"/table/(?:rows|cell)", rate=OFTEN),
    _opening("GET", r"/study/(?:sessions|session/\d{1,5}|\d{1,5}\.(?:md|pdf|apkg))"),
    _opening("GET", r"/table\.(?:csv|md|docx)"),
    _opening("GET", r"/readings\.(?:bib|ris|json)"),
    _opening("POST", r"/export\.(?:md|pdf)"),
    _opening("POST", r"/check/text", largest=LARGEST_FILE, seconds=UPLOAD_SECONDS),
    _opening("GET|POST|DELETE", r"/mcp"),
    _opening("GET", r"/v1/models", who=KEY),
    _opening("POST", r"/v1/chat/completions", who=KEY),
    _opening("GET|POST", r"/lti/login", largest=LONGEST_LAUNCH, rate=OFTEN),
    _opening("POST", r"/lti/launch", largest=LONGEST_LAUNCH, rate=OFTEN),
    _opening("GET", r"/lti/keys"),
    _opening("GET|POST", r"/desk/login", largest=LARGEST_FORM),
    _opening("POST", r"/desk/logout", largest=LARGEST_FORM, who=SESSION),
    _opening("GET|POST", r"/desk(?:/.*)?", stream=True, rate=FILES, who=SESSION),
)
"""The requests that the application answers. The desk has its own list behind its login."""
COURSES_OPEN = (
    _opening("GET", r"/(?:health)?"),
    _opening("GET", r"/c/[^/]+"),
    *(replace(one, path=re.compile(rf"/c/[^/]+(?:{one.path.pattern})")) for one in OPEN),
)
"""The same where several courses are served, each at /c/NAME/: `ui.courses`."""
DESK_OPEN = tuple(
    replace(one, who=SESSION)
    for one in (
        *_FRAME,
        _opening("POST", _EVENT, values=True, files=True, rate=OFTEN),
        _opening("GET", r"/export/(?:\w+\.csv|backup\.zip)"),
        _opening("GET", r"/gradio_api/upload_progress"),
        _opening("GET", r"/gradio_api/file=/.*"),
        _opening("POST", r"/gradio_api/upload", stream=True),
        _opening("POST", r"/(?:files|page)", stream=True),
        _opening("POST", r"/(?:place|undo)", largest=64 << 10),
    )
)
"""What the desk answers who is logged in, by the path below its own."""


class RefusedError(Exception):
    """A request that is turned away with this status."""

    def __init__(self, status: int, says: str = "") -> None:
        super().__init__(says)
        self.status = status


class Gate:
    """Lets the requests of a list through, with their bodies read, and adds headers to responses.

    Args:
        root: the path below which those of the list lie.
        framed_by: origins of the sites that may show a page in a frame, separated by commas.
    """

    def __init__(
        self, app: Asgi, openings: Sequence[Opening] = OPEN, root: str = "", framed_by: str = ""
    ) -> None:
        self._app = app
        self._openings = openings
        self._root = root
        self._headers = headers_of(framed_by)
        self._arriving = Share(MOST_ARRIVING)
        self._large = Rate(LARGE_A_MINUTE)
        self._open = Share(MOST_OPEN)
        self._rates = [Rate(one.rate) for one in openings]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            send = send if self._root else with_headers(send, self._headers)
            address = address_of_scope(scope)
            taken = self._open.take(address)
            try:
                if not taken:
                    raise RefusedError(503, "Too many requests are open. Close some pages.")
                receive = await self._admitted(scope, receive, address)
            except RefusedError as refusal:
                # What is still arriving is not read, so the connection cannot be used again.
                response = PlainTextResponse(str(refusal), refusal.status, {"connection": "close"})
                await response(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            finally:
                if taken:
                    self._open.leave(address)

    async def _admitted(self, scope: Message, receive: Receive, address: str) -> Receive:
        opening, rate = self._find(scope["method"], scope["path"].removeprefix(self._root))
        _count(rate, address, 1, "Too many requests. Try again in a minute.")
        if opening.stream or scope["method"] in ("GET", "HEAD"):
            return receive
        body = await self._body(scope, receive, opening)
        if opening.values:
            says = "Too many large requests. Try again in a minute."
            _count(self._large, address, len(body) // LARGE, says)
            await asyncio.to_thread(check_values, body, opening.files)
        return replayed(body, receive)

    def _find(self, method: str, path: str) -> tuple[Opening, Rate]:
        method = "GET" if method == "HEAD" else method
        for one, rate in zip(self._openings, self._rates, strict=True):
            if method in one.method.split("|") and one.path.fullmatch(path):
                return one, rate
        raise RefusedError(404)

    async def _body(self, scope: Message, receive: Receive, opening: Opening) -> bytes:
        """Read the body. Raises RefusedError where it is too large, too slow or broken off."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > opening.largest:
            raise RefusedError(413, "The request is too large.")
        address, body = address_of_scope(scope), bytearray()
        try:
            async with asyncio.timeout(opening.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedError(400)
                    chunk = message.get("body", b"")
                    if not self._arriving.take(address, len(chunk)):
                        raise RefusedError(503, "Many files are arriving. Try again in a minute.")
                    body += chunk
                    if len(body) > opening.largest:
                        raise RefusedError(413, "The request is too large.")
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise RefusedError(408, "The request took too long to arrive.") from None
        finally:
            self._arriving.leave(address, len(body))


def _count(rate: Rate, address: str, acts: int, says: str) -> None:
    if acts:
        if rate.wait(address):
            raise RefusedError(429, says)
        rate.take(address, acts)


def check_values(body: bytes, files: bool = False) -> None:
    """Check values for Gradio's events, which are texts, numbers and lists of them.

    Gradio fetches a file that a value names, by its path or address, whatever the event takes.

    Args:
        files: whether files that were uploaded before may be among them.

    Raises RefusedError: the body is not JSON, or a value in it names a file that it may not.
    """
    try:
        sent = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RefusedError(422, "The request is not JSON.") from None
    left = [sent]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left.extend(one)
        elif isinstance(one, dict):
            path = one.get("path", "")
            local = isinstance(path, str) and path.startswith("/")
            if "path" in one and not (files and local):
                raise RefusedError(422, "No value may be a file or an address.")
            left.extend(one.values())


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read once more."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


def headers_of(framed_by: str = "") -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every response."""
    return ((b"content-security-policy", policy(framed_by).encode()), *_HEADERS)


def with_headers(send: Send, headers: Iterable[tuple[bytes, bytes]]) -> Send:
    """A `send` that adds headers to responses that have none of the name."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            named = {name.lower() for name, _ in own}
            message["headers"] = [*own, *(one for one in headers if one[0] not in named)]
        await send(message)

    return guarded


def set_cookie(
    response: Response, name: str, value: str, lasts: int, path: str, request: Request | None = None
) -> None:
    """Set a cookie that scripts cannot read and that no other site's page makes a browser send.

    In a frame it is sent back as long as the same site is around it: SameSite=None sends it from a
    frame, which browsers allow with Secure alone, and Partitioned (CHIPS,
    draft-cutler-httpbis-partitioned-cookies) keeps it to pages of that site, so that nobody is
    followed from site to site by it, and browsers that block such cookies keep it.

    Args:
        lasts: seconds; 0 removes it.
        request: says whether it was made for a frame, as browsers do over https and to the machine
            that they run on (Fetch Metadata); without one it was.
    """
    framed = request is None or request.headers.get("sec-fetch-dest") == "iframe"
    response.set_cookie(
        *(name, value, lasts),
        path=path,
        secure=framed or (request is not None and request.scope.get("scheme") == "https"),
        httponly=True,
        samesite="none" if framed else "strict",
    )
    if framed:  # Starlette writes the attribute from Python 3.14 on
        key, cookie = response.raw_headers[-1]
        response.raw_headers[-1] = key, cookie + b"; Partitioned"
