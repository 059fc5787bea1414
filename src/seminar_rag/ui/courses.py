"""Several courses as one web application: an entrance that lists them, and each at /c/NAME/.

    GET  /            the list of courses
    GET  /health      whether the server is well, and which courses are open
         /c/NAME/…    a course: all that a server of this course alone would answer at /…

A course's pages are made when somebody first asks for one; /c/NAME/health needs none. They end when
its folder goes, and where more than `MOST_READY` courses are ready, when nobody has looked at one
for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from seminar_rag import __version__
from seminar_rag.errors import SeminarError
from seminar_rag.html import Template, static
from seminar_rag.ui.api.routes import health_response
from seminar_rag.ui.app import build_app, launches_of, run
from seminar_rag.ui.chat.chat import key_in
from seminar_rag.ui.chat.render import size_of
from seminar_rag.ui.shared.gate import COURSES_OPEN, Gate, headers_of, with_headers
from seminar_rag.ui.shared.limits import Limits, Turns

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from seminar_rag.course import Course
    from seminar_rag.courses import Courses

log = logging.getLogger(__name__)

PAGE = Template("ui/templates/entrance.html")
PATH = "/c"
EMPTY = "Nothing is ingested yet."
EVERY = 2.0
"""Seconds between two looks at the folder."""
MOST_READY = 40
"""Courses whose pages are kept in memory at once, unless more of them are in use."""
IDLE = 300.0
"""Seconds without a request, and without an open page, after which a course is not in use."""


def settings_of(course: Course) -> dict[str, Any]:
    """What `build_app` takes of a course's configuration. Raises ConfigError, ServeError: the
    course site is not configured as it must be."""
    config, common = course.config, course.common
    site = {
        "issuer": config.lti_issuer,
        "client_id": config.lti_client_id,
        "deployment_id": config.lti_deployment_id,
        "auth_url": config.lti_auth_url,
        "keys_url": config.lti_keys_url,
        "courses": config.lti_courses,
    }
    return {
        "limits": Limits(config.serve_rate, config.serve_rate_address, common=common),
        "desk": course,
        "key": key_in(config.data, common),
        "api_key": config.serve_api_key,
        "framed_by": config.serve_frame_ancestors,
        "launches": launches_of(site, config.data, common),
        "common": common,
        "address": config.serve_address,
    }


class ListedCourse(NamedTuple):
    """A course on the entrance page."""

    name: str
    title: str
    size: str


class CoursesApp:
    """The application; `app` is what to serve."""

    def __init__(self, courses: Courses, make: Callable[[Course, str], FastAPI]) -> None:
        """Args:
        courses: refreshed here, every `EVERY` seconds.
        make: builds the application of a course that lies at a path of the server.
        """
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.routing import Mount, Route

        self._courses = courses
        self._make = make
        self._ready: dict[str, _Ready] = {}
        self._one_at_a_time = asyncio.Lock()
        self._style = static("style.css", "desk.css")
        self.app: Starlette = Starlette(
            routes=[
                Route("/", self._entrance),
                Route("/health", self._health),
                Route(f"{PATH}/{{name}}/health", self._health_of),
                Route(f"{PATH}/{{name}}", self._with_slash),
                Mount(PATH, self._in_course),
            ],
            middleware=[Middleware(Gate, openings=COURSES_OPEN)],
            lifespan=self._running,
        )

    # --- the entrance --------------------------------------------------------------------------

    async def _entrance(self, _request: Request) -> Response:
        from starlette.responses import HTMLResponse

        listed, broken = await asyncio.to_thread(self._listed)
        return HTMLResponse(PAGE.entrance(self._style, listed, broken))

    def _listed(self) -> tuple[list[ListedCourse], list[str]]:
        """The courses that can be opened, by title, and the names of the others."""
        listed, broken = [], list(self._courses.broken)
        for name, course in tuple(self._courses.open.items()):
            try:
                listed.append(ListedCourse(name, course.name, size_of(course.catalogue()) or EMPTY))
            except SeminarError as error:
                log.warning("the course %s cannot be read: %s", name, error)
                broken.append(name)
        return sorted(listed, key=lambda one: one.title.casefold()), sorted(broken)

    async def _health(self, _request: Request) -> Response:
        from starlette.responses import JSONResponse

        state = dict.fromkeys(self._courses.open, "open")
        state |= dict.fromkeys(self._courses.broken, "cannot be opened")
        return JSONResponse({"version": __version__, "status": "ok", "courses": state})

    def _health_of(self, request: Request) -> Response:
        name = request.path_params["name"]
        course = self._courses.open.get(name)
        return health_response(course, request, course.common) if course else self._missing(name)

    # --- a course ------------------------------------------------------------------------------

    async def _with_slash(self, request: Request) -> Response:
        from starlette.responses import RedirectResponse

        name = request.path_params["name"]
        if name not in self._courses.open:
            return self._missing(name)
        return RedirectResponse(f"{PATH}/{name}/", 307)

    def _missing(self, name: str = "") -> Response:
        """The page in place of a course of this name, or of one that cannot be served."""
        from starlette.responses import HTMLResponse

        broken = not name or name in self._courses.broken
        return HTMLResponse(PAGE.missing(self._style, broken), 503 if broken else 404)

    async def _in_course(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(f"{PATH}/").partition("/")[0]
        course = self._courses.open.get(name)
        if course is None:
            await self._missing(name)(scope, receive, send)
            return
        ready = self._ready.get(name) or self._begin(name, course)
        try:
            app = await ready.enter()
        except SeminarError as error:
            log.warning("the course %s cannot be served: %s", name, error)
            if self._ready.get(name) is ready:  # the next request tries again
                del self._ready[name]
            await self._missing()(scope, receive, send)
            return
        root = f"{PATH}/{name}"
        send = with_headers(send, headers_of(course.config.serve_frame_ancestors))
        try:
            await app(dict(scope, root_path=root, app_root_path=root), receive, send)
        finally:
            ready.leave()

    def _begin(self, name: str, course: Course) -> _Ready:
        make = partial(self._make, course, f"{PATH}/{name}")
        self._ready[name] = _Ready(make, self._one_at_a_time)
        return self._ready[name]

    # --- coming and going ----------------------------------------------------------------------

    @asynccontextmanager
    async def _running(self, _app: object) -> AsyncIterator[None]:
        for name, course in tuple(self._courses.open.items())[:1]:
            self._begin(name, course)  # so that what all need is loaded
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(*(one.close() for one in self._ready.values()))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                changes = await asyncio.to_thread(self._courses.refresh)
                for name, course in changes.gone:
                    if ready := self._ready.pop(name, None):
                        await ready.close()
                    await asyncio.to_thread(course.close)
                await self._close_idle()
            except Exception:
                log.exception("the folder of courses could not be looked at")

    async def _close_idle(self) -> None:
        """Where many courses are loaded, close those that nobody uses, which frees their memory."""
        over = len(self._ready) - MOST_READY
        idle = sorted((one.idle(), name) for name, one in self._ready.items())
        for seconds, name in reversed(idle[-over:] if over > 0 else ()):
            if seconds > IDLE:
                await self._ready.pop(name).close()
                await asyncio.to_thread(self._courses.renew, name)


class _Ready:
    """The application of a course, from when it is first asked for until it is closed."""

    def __init__(self, make: Callable[[], FastAPI], one_at_a_time: asyncio.Lock) -> None:
        self._inside = 0
        self._left = 0.0
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[FastAPI] = self._loop.create_future()
        # One task from start to end, as the contexts of the application need.
        self._task = asyncio.create_task(self._live(make, one_at_a_time))

    async def _live(self, make: Callable[[], FastAPI], one_at_a_time: asyncio.Lock) -> None:
        try:
            async with one_at_a_time:  # Gradio knows one page that is being made
                app = await asyncio.to_thread(make)
            async with app.router.lifespan_context(app):
                self._started.set_result(app)
                await self._ended.wait()
                if app.state.servers:
                    await asyncio.to_thread(app.state.servers.close)
                await asyncio.to_thread(app.state.desk.close)
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def enter(self) -> ASGIApp:
        """Wait until the application has started; `leave` has to follow. Raises what kept it."""
        self._inside += 1
        try:
            return await asyncio.shield(self._started)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Note the end of a request."""
        self._inside -= 1
        self._left = self._loop.time()

    def idle(self) -> float:
        """Seconds since the last request ended; 0 while one is answered or the desk is at work."""
        if self._inside or not self._started.done():
            return 0.0
        job = self._started.result().state.desk.jobs.current
        return 0.0 if job and job.running else self._loop.time() - self._left

    async def close(self) -> None:
        """End the application."""
        self._ended.set()
        with suppress(Exception):  # logged where it arose
            await self._task


def serve_courses(
    courses: Courses,
    host: str,
    port: int,
    *,
    mcp: bool = False,
    trusted_proxies: str = "",
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve all courses of a folder until interrupted; as `app.serve` does one. Raises ServeError:
    the address cannot be used."""
    turns = Turns()

    where = ""

    def make(course: Course, root: str) -> FastAPI:
        try:
            course.journal.prune()
        except SeminarError as error:  # students can ask all the same
            log.warning("%s", error)
        settings = settings_of(course)
        return build_app(course, mcp=mcp, host=host, turns=turns, root=root, url=where, **settings)

    def several(url: str) -> Starlette:
        nonlocal where
        where = url
        return CoursesApp(courses, make).app

    try:
        run(several, *(host, port), trusted_proxies=trusted_proxies, on_ready=on_ready)
    finally:
        courses.close()
