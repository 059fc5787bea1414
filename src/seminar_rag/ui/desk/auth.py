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
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seminar_rag.errors import ConfigError
from seminar_rag.files import write
from seminar_rag.types.serving import Common
from seminar_rag.ui.desk.password import Attempts, matches
from seminar_rag.ui.desk.view import PAGE
from seminar_rag.ui.shared.gate import LARGEST_FORM, set_cookie
from seminar_rag.ui.shared.limits import client_of, from_own_page

log = logging.getLogger(__name__)

COOKIE = "seminar_desk"
LASTS = 12 * 3600.0
"""Seconds after which a session ends."""
STATIC = ("/assets/", "/static/", "/svelte/")
"""Parts of the page that say nothing about the course, and that a browser may keep."""
MOST_SESSIONS = 100

SHUT = (
    "The desk has no password yet, so it is shut. Run “seminar-rag passwd” in the folder of the"
    " course, then load this page again."
)
WRONG = "That is not the password."
WAIT = "Too many attempts. Try again in {seconds} seconds."


# --- sessions -------------------------------------------------------------------------------------


class Sessions:
    """The tokens of those who are logged in, kept hashed, each bound to the password it was given
    for. They outlive the server, and hold in every other server of the course at once, where there
    is a file to keep them in, or wherever else servers know something together."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        file: Path | None = None,
        common: Common | None = None,
    ) -> None:
        self._common = common
        self._clock = clock
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._ends: dict[tuple[str, str], float] = {}
        self._refresh()

    def begin(self, password_hash: str) -> str:
        """Log in; returns a new token."""
        token = secrets.token_urlsafe(32)
        if self._common is not None:
            self._common.put("login", _digest(token), _digest(password_hash), LASTS)
            return token
        self._refresh()
        now = self._clock()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        while len(self._ends) >= MOST_SESSIONS:
            del self._ends[min(self._ends, key=self._ends.__getitem__)]
        self._ends[_digest(token), _digest(password_hash)] = now + LASTS
        self._keep()
        return token

    def valid(self, token: str, password_hash: str) -> bool:
        """Whether the token was given for this password and has not ended."""
        if self._common is not None:
            return self._common.get("login", _digest(token)) == _digest(password_hash)
        self._refresh()
        left = self._ends.get((_digest(token), _digest(password_hash)), 0.0) - self._clock()
        return 0 < left <= LASTS  # more where the machine's clock was wrong

    def end(self, token: str, password_hash: str) -> None:
        """Log out."""
        if self._common is not None:
            self._common.drop("login", _digest(token))
            return
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
        try:
            write(self._file, json.dumps([[*key, end] for key, end in self._ends.items()]))
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
        common: Common | None = None,
    ) -> None:
        """Args:
        kept: the file in which sessions outlive the server; without one they end with it.
        common: where sessions and failed attempts hold for all servers of the course, in place of
            the file.
        password_hash: asked at every request, so that a new password counts at once; "" keeps
            the door shut. May raise ConfigError, which keeps it shut too and is shown.
        """
        self._app = app
        self._path = path
        self._hash = password_hash
        self._title = title
        self._style = style
        self._attempts = Attempts(clock or (time.time if common else time.monotonic))
        self._sessions = Sessions(clock or time.time, kept, common)
        self._common = common
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
        """Log in whoever gets the response, in a frame too; a course site vouches for them. Raises
        ConfigError: the configured hash is none."""
        token = self._sessions.begin(self._hash())
        set_cookie(response, COOKIE, token, int(LASTS), self._path)

    async def _respond(self, request: Request, rest: str, password_hash: str) -> Response | None:
        """The answer of the door itself; None lets the request through. Raises ConfigError: the
        configured hash is none."""
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
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:  # also where no gate stands in front
                return PlainTextResponse("The form is too large.", 413)
        sent = parse_qs(body.decode("utf-8", "replace"))
        password = sent.get("password", [""])[0]
        client = client_of(request.client.host if request.client else "?")
        wait, token = await run_in_threadpool(self._guess, client, password, password_hash)
        if token:
            response = self._redirect("/")
            set_cookie(response, COOKIE, token, int(LASTS), self._path, request)
            return response
        if wait:
            seconds = int(wait) + 1
            response = self._page(429, WAIT.format(seconds=seconds))
            response.headers["retry-after"] = str(seconds)
            return response
        return self._page(401, WRONG)

    def _guess(self, client: str, password: str, password_hash: str) -> tuple[float, str]:
        """Seconds to wait, or a token, or neither when the password is wrong. Raises ConfigError:
        the configured hash is none."""
        with self._guessing:
            wait = self._counted(Attempts.admit, client)
            if wait > 0:
                return wait, ""
            if not matches(password, password_hash):
                log.warning("a login to the desk failed")
                return 0.0, ""
            self._counted(Attempts.succeeded, client)
            return 0.0, self._sessions.begin(password_hash)

    def _counted(self, what: Callable[[Attempts, str], float], client: str) -> float:
        """Count the beginning or success of an attempt, for all servers where there are several."""
        out = 0.0

        def count(kept: str | None) -> str:
            nonlocal out
            if kept:
                self._attempts.take(kept)
            out = what(self._attempts, client)
            return self._attempts.kept()

        if self._common is None:
            return what(self._attempts, client)
        self._common.change("desk", "attempts", count, Attempts.FORGOTTEN)
        return out

    def _logout(self, request: Request, token: str, password_hash: str) -> Response:
        if request.method != "POST":
            return Response(status_code=405)
        self._sessions.end(token, password_hash)
        response = self._redirect("/login")
        set_cookie(response, COOKIE, "", 0, self._path, request)
        return response

    def _redirect(self, to: str) -> Response:
        return RedirectResponse(self._path + to, 303)

    def _page(self, status: int, problem: str = "") -> Response:
        form = status not in (403, 503)
        page = PAGE.login(self._path, self._title, self._style, problem, form)
        return HTMLResponse(page, status)


def _uncached(send: Send) -> Send:
    """Sends responses that no browser keeps: after logout its cache shows nothing of the desk."""

    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
            message["headers"] = [*headers, (b"cache-control", b"no-store")]
        await send(message)

    return sends
