"""The login of the instructor's desk: without the password nobody reaches a byte of it.

`Door` stands in front of the whole mounted application, whatever routes that has, and lets a
request through only with the cookie of a session. It knows nothing of what lies behind it.

It defends against guessing (each failure makes the next attempt wait longer, per client and over
all), against stealing the cookie by script (HttpOnly) or over plain http where https is spoken
(Secure), against other sites sending requests with it (SameSite=Strict or, in a frame, Partitioned;
and the request's origin), and against sessions that never end (they end after `LASTS`, at logout,
and with a new password).
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seminar_rag.errors import ConfigError
from seminar_rag.ui.desk.password import matches
from seminar_rag.ui.desk.view import login_page
from seminar_rag.ui.shared.cookies import set_cookie, set_framed_cookie
from seminar_rag.ui.shared.gate import LARGEST_FORM
from seminar_rag.ui.shared.limits import client_of, from_own_page

log = logging.getLogger(__name__)

COOKIE = "seminar_desk"
LASTS = 12 * 3600.0
"""Seconds after which a session ends."""
STATIC = ("/assets/", "/static/", "/svelte/")
"""Parts of the page that say nothing about the course, and that a browser may keep."""
MOST_SESSIONS = 100
MOST_CLIENTS = 1_000

SHUT = (
    "The desk has no password yet, so it is shut. Run “seminar-rag passwd” in the folder of the"
    " course, then load this page again."
)
WRONG = "That is not the password."
WAIT = "Too many attempts. Try again in {seconds} seconds."


# --- attempts and sessions ------------------------------------------------------------------------


@dataclass
class _Tries:
    """Failed attempts of one client, or of all."""

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
    FREE_OF_ALL = 10
    """Failures of all clients together that cost nothing, wherever they come from."""
    LONGEST = 300.0
    """Seconds a client waits at most; over all it is a tenth."""
    FORGOTTEN = 3600.0
    """Seconds without a failure after which all failures are forgotten."""

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
        """Take back the attempt that was begun: it had the right password."""
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
    """The tokens of those who are logged in, kept hashed, each bound to the password it was given
    for. They outlive the server, and hold in every other server of the course at once, where there
    is a file to keep them in."""

    def __init__(self, clock: Callable[[], float] = time.time, file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._ends: dict[tuple[str, str], float] = {}
        self._refresh()

    def begin(self, password_hash: str) -> str:
        """Log in; returns a new token."""
        self._refresh()
        now = self._clock()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        while len(self._ends) >= MOST_SESSIONS:
            del self._ends[min(self._ends, key=self._ends.__getitem__)]
        token = secrets.token_urlsafe(32)
        self._ends[_digest(token), _digest(password_hash)] = now + LASTS
        self._keep()
        return token

    def valid(self, token: str, password_hash: str) -> bool:
        """Whether the token was given for this password and has not ended."""
        self._refresh()
        left = self._ends.get((_digest(token), _digest(password_hash)), 0.0) - self._clock()
        return 0 < left <= LASTS  # more where the machine's clock was wrong

    def end(self, token: str, password_hash: str) -> None:
        """Log out."""
        self._refresh()
        if self._ends.pop((_digest(token), _digest(password_hash)), None) is not None:
            self._keep()

    def _refresh(self) -> None:
        """See what another server of the course has kept."""
        if self._file is not None and (stamp := _stamp(self._file)) not in (None, self._stamp):
            self._stamp, self._ends = stamp, _read(self._file)

    def _keep(self) -> None:
        if self._file is None:
            return
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.touch(0o600)
            part.write_text(json.dumps([[*key, end] for key, end in self._ends.items()]))
            part.replace(self._file)  # whole, since others may be reading it
            self._stamp = _stamp(self._file)
        except OSError as error:
            log.warning("logins end with the server, since they cannot be kept: %s", error)


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes whenever the file is replaced; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _read(file: Path) -> dict[tuple[str, str], float]:
    """The sessions that a file keeps; none where it is missing or damaged."""
    try:
        rows = json.loads(file.read_text("utf-8"))
        return {(str(token), str(password)): float(end) for token, password, end in rows}
    except (OSError, ValueError, TypeError):
        return {}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# --- the door -------------------------------------------------------------------------------------


class Door:
    """An ASGI application in front of another one that is mounted at `path`."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        password_hash: Callable[[], str],
        *,
        title: str = "",
        style: str = "",
        clock: Callable[[], float] | None = None,
        kept: Path | None = None,
    ) -> None:
        """Args:
        kept: the file in which sessions outlive the server; without one they end with it.
        password_hash: asked at every request, so that a new password counts at once; "" keeps
            the door shut. May raise ConfigError, which keeps it shut too and is shown.
        """
        self._app = app
        self._path = path
        self._hash = password_hash
        self._title = title
        self._style = style
        self._attempts = Attempts(clock or time.monotonic)
        self._sessions = Sessions(clock or time.time, kept)
        # One guess at a time: hashing takes memory and a core, also when many guess at once.
        self._guessing = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no other protocol is let in; closing refuses a websocket
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        rest = str(scope["path"]).removeprefix(self._path)
        try:
            response = await self._respond(request, rest, self._hash())
        except ConfigError as error:
            response = self._page(503, str(error))
        if response is not None:
            response.headers["cache-control"] = "no-store"
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send if rest.startswith(STATIC) else _uncached(send))

    def let_in(self, response: Response) -> None:
        """Log in whoever gets the response, in a frame too; a course site vouches for them.

        Raises:
            ConfigError: the configured hash is none.
        """
        token = self._sessions.begin(self._hash())
        set_framed_cookie(response, COOKIE, token, int(LASTS), self._path)

    async def _respond(self, request: Request, rest: str, password_hash: str) -> Response | None:
        """The answer of the door itself; None lets the request through.

        Raises:
            ConfigError: the configured hash is none.
        """
        token = request.cookies.get(COOKIE, "")
        if not (password_hash or self._sessions.valid(token, password_hash)):
            return self._page(403, SHUT)
        if request.method not in ("GET", "HEAD") and not from_own_page(request.headers.get):
            return PlainTextResponse("This request comes from another site.", 403)
        if rest == "/login":
            return await self._login(request, token, password_hash)
        if not self._sessions.valid(token, password_hash):
            if request.method == "GET" and rest in ("", "/"):
                return self._redirect("/login")
            return PlainTextResponse("Log in first.", 401)
        if rest == "/logout":
            return self._logout(request, token, password_hash)
        return None

    async def _login(self, request: Request, token: str, password_hash: str) -> Response:
        if request.method in ("GET", "HEAD"):
            if self._sessions.valid(token, password_hash):
                return self._redirect("/")
            return self._page(200)
        if request.method != "POST":
            return Response(status_code=405)
        password = await _password(request)
        if password is None:
            return PlainTextResponse("The form is too large.", 413)
        client = client_of(request.client.host if request.client else "?")
        wait, token = await run_in_threadpool(self._guess, client, password, password_hash)
        if token:
            response = self._redirect("/")
            set_cookie(request, response, COOKIE, token, int(LASTS), self._path)
            return response
        if wait:
            seconds = int(wait) + 1
            response = self._page(429, WAIT.format(seconds=seconds))
            response.headers["retry-after"] = str(seconds)
            return response
        return self._page(401, WRONG)

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

    def _logout(self, request: Request, token: str, password_hash: str) -> Response:
        if request.method != "POST":
            return Response(status_code=405)
        self._sessions.end(token, password_hash)
        response = self._redirect("/login")
        set_cookie(request, response, COOKIE, "", 0, self._path)
        return response

    def _redirect(self, to: str) -> Response:
        return RedirectResponse(self._path + to, 303)

    def _page(self, status: int, problem: str = "") -> Response:
        form = status not in (403, 503)
        page = login_page(self._path, self._title, self._style, problem, form=form)
        return HTMLResponse(page, status)


def _uncached(send: Send) -> Send:
    """Sends responses that no browser keeps: after logout its cache shows nothing of the desk."""

    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
            message["headers"] = [*headers, (b"cache-control", b"no-store")]
        await send(message)

    return sends


async def _password(request: Request) -> str | None:
    """The form's password; None when the form is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return None
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
