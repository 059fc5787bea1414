"""The door of the instructor's desk: who knows the password comes in, nobody else reaches a byte.

`Door` stands in front of the whole mounted application, whatever routes that has, and lets a
request through only with the cookie of a session. It knows nothing of what lies behind it.

What it holds against: guessing (each failure makes the next attempt wait longer, per client and
over all), stealing the cookie by script (HttpOnly) or over plain http where https is spoken
(Secure), other sites sending requests with it (SameSite=Strict, and the request's origin), and
sessions that never end (they do after `LASTS`, at logout, and when the password changes).
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs

from seminar_rag.errors import ConfigError
from seminar_rag.ui.desk.password import matches
from seminar_rag.ui.shared.limits import from_own_page

log = logging.getLogger(__name__)

COOKIE = "seminar_desk"
LASTS = 12 * 3600.0
"""Seconds after which a session ends."""
LARGEST_FORM = 4_096
"""Bytes of a login request."""
STATIC = ("/assets/", "/static/", "/svelte/")
"""Parts of the page that say nothing about the course, and that a browser may keep."""
MOST_SESSIONS = 100
MOST_CLIENTS = 1_000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

SHUT = (
    "The desk has no password yet, so it is shut. Run “seminar-rag passwd” in the folder of the"
    " course, then load this page again."
)
WRONG = "That is not the password."
WAIT = "Too many attempts. Try again in {seconds} seconds."


@dataclass
class _Tries:
    count: int = 0
    last: float = 0.0


@dataclass
class Attempts:
    """How long to wait for the next guess: doubling, per client and, more patiently, over all.

    A client that had the password before does not wait for others, so that guessing from
    elsewhere cannot keep the owner out.
    """

    clock: Callable[[], float] = time.monotonic
    _clients: dict[str, _Tries] = field(default_factory=dict)
    _all: _Tries = field(default_factory=_Tries)
    _known: set[str] = field(default_factory=set)

    FREE = 4
    """Failures of one client that cost nothing."""
    FREE_OF_ALL = 30
    LONGEST = 300.0
    """Seconds a client waits at most; over all it is a tenth."""
    FORGOTTEN = 3600.0
    """Seconds without a failure after which all is forgiven."""

    def wait(self, client: str) -> float:
        """Seconds until the client may try; 0 is now."""
        mine = self._left(self._clients.get(client, _Tries()), self.FREE, self.LONGEST)
        if client in self._known:
            return mine
        return max(mine, self._left(self._all, self.FREE_OF_ALL, self.LONGEST / 10))

    def begin(self, client: str) -> None:
        """Count an attempt as failed until `succeeded` says otherwise."""
        now = self.clock()
        if client not in self._clients and len(self._clients) >= MOST_CLIENTS:
            del self._clients[min(self._clients, key=lambda one: self._clients[one].last)]
        for tries in (self._clients.setdefault(client, _Tries()), self._all):
            if now - tries.last > self.FORGOTTEN:
                tries.count = 0
            tries.count += 1
            tries.last = now

    def succeeded(self, client: str) -> None:
        """The attempt that was begun held the password."""
        self._clients.pop(client, None)
        if len(self._known) < MOST_CLIENTS:
            self._known.add(client)
        self._all.count = max(0, self._all.count - 1)

    def _left(self, tries: _Tries, free: int, longest: float) -> float:
        over = tries.count - free
        gone = self.clock() - tries.last
        if over < 0 or not tries.count or gone > self.FORGOTTEN:
            return 0.0
        return max(0.0, min(longest, 2.0 ** min(over, 20)) - gone)


class Sessions:
    """Who is logged in. Tokens are kept hashed, each bound to the password it was given for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[tuple[str, str], float] = {}

    def begin(self, password_hash: str) -> str:
        """A new token."""
        now = self._clock()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        while len(self._ends) >= MOST_SESSIONS:
            del self._ends[min(self._ends, key=self._ends.__getitem__)]
        token = secrets.token_urlsafe(32)
        self._ends[_digest(token), password_hash] = now + LASTS
        return token

    def valid(self, token: str, password_hash: str) -> bool:
        """Whether the token was given for this password and has not ended."""
        return self._ends.get((_digest(token), password_hash), 0.0) > self._clock()

    def end(self, token: str, password_hash: str) -> None:
        """Log out."""
        self._ends.pop((_digest(token), password_hash), None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Door:
    """ASGI application in front of another that is mounted at `path`."""

    def __init__(
        self,
        app: Asgi,
        path: str,
        password_hash: Callable[[], str],
        *,
        title: str = "",
        style: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        password_hash: asked at every request, so that a new password counts at once; "" keeps
            the door shut. May raise ConfigError, which keeps it shut too and is shown.
        """
        self._app = app
        self._path = path
        self._hash = password_hash
        self._title = title
        self._style = style
        self._attempts = Attempts(clock)
        self._sessions = Sessions(clock)
        # One guess at a time: hashing takes memory and a core, also when many guess at once.
        self._guessing = threading.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no other protocol is let in; closing refuses a websocket
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, self._path)
        try:
            password_hash = self._hash()
        except ConfigError as error:
            await self._page(send, request, 503, str(error))
            return
        if not password_hash:
            await self._page(send, request, 403, SHUT)
        elif not request.own:
            await respond(send, 403, b"This request comes from another site.")
        elif request.rest == "/login":
            await self._login(request, password_hash, receive, send)
        elif not self._sessions.valid(request.token, password_hash):
            await self._refuse(request, send)
        elif request.rest == "/logout":
            await self._logout(request, password_hash, send)
        else:
            kept = request.rest.startswith(STATIC)
            await self._app(scope, receive, send if kept else _not_kept(send))

    async def _refuse(self, request: Request, send: Send) -> None:
        if request.method == "GET" and request.rest in ("", "/"):
            await respond(send, 303, b"", _goes(f"{self._path}/login"))
        else:
            await respond(send, 401, b"Log in first.")

    async def _login(
        self, request: Request, password_hash: str, receive: Receive, send: Send
    ) -> None:
        if request.method in ("GET", "HEAD"):
            if self._sessions.valid(request.token, password_hash):
                await respond(send, 303, b"", _goes(f"{self._path}/"))
            else:
                await self._page(send, request, 200)
            return
        if request.method != "POST":
            await respond(send, 405, b"")
            return
        password = await _password(receive)
        if password is None:
            await respond(send, 413, b"The form is too large.")
            return
        from starlette.concurrency import run_in_threadpool

        guess = partial(self._guess, request.client, password, password_hash)
        try:
            wait, token = await run_in_threadpool(guess)
        except ConfigError as error:
            await self._page(send, request, 503, str(error))
            return
        if token:
            cookie = request.cookie(token, LASTS)
            await respond(send, 303, b"", [*_goes(f"{self._path}/"), cookie])
        elif wait:
            seconds = int(wait) + 1
            later = (b"retry-after", str(seconds).encode())
            await self._page(send, request, 429, WAIT.format(seconds=seconds), later)
        else:
            await self._page(send, request, 401, WRONG)

    def _guess(self, client: str, password: str, password_hash: str) -> tuple[float, str]:
        """Seconds to wait, or a token, or neither when the password is wrong.

        Raises:
            ConfigError: the configured hash is none.
        """
        with self._guessing:
            wait = self._attempts.wait(client)
            if wait > 0:
                return wait, ""
            self._attempts.begin(client)
            if not matches(password, password_hash):
                log.warning("a login to the desk failed")
                return 0.0, ""
            self._attempts.succeeded(client)
            return 0.0, self._sessions.begin(password_hash)

    async def _logout(self, request: Request, password_hash: str, send: Send) -> None:
        if request.method != "POST":
            await respond(send, 405, b"")
            return
        self._sessions.end(request.token, password_hash)
        await respond(send, 303, b"", [*_goes(f"{self._path}/login"), request.cookie("", 0)])

    async def _page(
        self, send: Send, request: Request, status: int, says: str = "", *headers: Header
    ) -> None:
        page = login_page(self._path, self._title, self._style, says, form=status not in (403, 503))
        html = (b"content-type", b"text/html; charset=utf-8")
        body = b"" if request.method == "HEAD" else page.encode()
        await respond(send, status, body, [html, *headers])


class Request:
    """What the door reads of a request."""

    def __init__(self, scope: Message, path: str) -> None:
        self._headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._path = path
        self.method: str = scope["method"]
        self.secure: bool = scope.get("scheme") == "https"
        self.rest: str = scope["path"].removeprefix(path)
        """The path within the application."""
        self.client = client_of((scope.get("client") or ("?", 0))[0])

    def header(self, name: str) -> str:
        return self._headers.get(name.encode(), b"").decode("latin-1")

    @property
    def token(self) -> str:
        """The session's token that the cookie carries; empty without one."""
        # By hand, since the standard library stops at the first odd cookie of another program.
        pairs = (part.strip().partition("=") for part in self.header("cookie").split(";"))
        return next((value for name, _, value in pairs if name == COOKIE), "")

    @property
    def own(self) -> bool:
        """Whether no other site's page sent it. Reading changes nothing and may come from links."""
        if self.method in ("GET", "HEAD"):
            return True
        return from_own_page(self.header)

    def cookie(self, token: str, lasts: float) -> Header:
        """The header that sets the session's cookie."""
        parts = [f"{COOKIE}={token}", f"Path={self._path}", f"Max-Age={lasts:.0f}"]
        parts += ["HttpOnly", "SameSite=Strict", *(["Secure"] if self.secure else [])]
        return b"set-cookie", "; ".join(parts).encode()


def client_of(host: str) -> str:
    """Who counts as one client: an address, or the network an IPv6 address is picked from."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _goes(path: str) -> list[Header]:
    return [(b"location", path.encode())]


async def respond(
    send: Send, status: int, body: bytes, headers: list[Header] | None = None
) -> None:
    """A whole response, never kept by a cache."""
    given = headers or []
    kind = [] if any(name == b"content-type" for name, _ in given) else [_PLAIN]
    whole = [*given, *kind, (b"cache-control", b"no-store")]
    whole.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": whole})
    await send({"type": "http.response.body", "body": body})


def _not_kept(send: Send) -> Send:
    """No browser shows the desk again after logout, from its cache."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                pair for pair in message.get("headers", ()) if pair[0].lower() != b"cache-control"
            ]
            message["headers"] = [*headers, (b"cache-control", b"no-store")]
        await send(message)

    return guarded


_PLAIN: Header = (b"content-type", b"text/plain; charset=utf-8")


async def _password(receive: Receive) -> str | None:
    """The form's password; None when the form is too large."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_FORM:
            return None
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


def login_page(path: str, title: str, style: str, says: str, *, form: bool) -> str:
    """The page that asks for the password, or says why there is none to ask for."""
    problem = f'<p class="problem" role="alert">{escape(says)}</p>' if says else ""
    fields = (
        f'<form method="post" action="{escape(path)}/login">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password"'
        " required autofocus>"
        "<button>Open the desk</button></form>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Desk · {escape(title)}</title><style>{style}</style>"
        "<script>if (matchMedia('(prefers-color-scheme: dark)').matches)"
        " document.documentElement.classList.add('dark')</script></head>"
        f'<body class="door"><main><h1>{escape(title)}</h1><p>The instructor’s desk</p>{problem}'
        f'{fields if form else ""}<p><a href="/">Back to the readings</a></p></main></body></html>'
    )
