"""The chat as a web application: mounting, headers, and serving it on a port."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from seminar_rag.errors import ServeError
from seminar_rag.html import static
from seminar_rag.ui.chat.chat import Chat
from seminar_rag.ui.desk.files import sweep, uploads_folder
from seminar_rag.ui.shared.gate import Gate
from seminar_rag.ui.shared.gradio_pages import (
    load_gradio,
    mounted,
    not_mounted,
    share_queue,
    turn_away_strays,
)
from seminar_rag.ui.shared.limits import Limits, Turns
from seminar_rag.ui.shared.listening import listen
from seminar_rag.ui.shared.relay import Relay, Servers, own_address

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from seminar_rag.course import Course
    from seminar_rag.types.serving import Common
    from seminar_rag.ui.api.mcp_server import Tools
    from seminar_rag.ui.api.programs import Programs
    from seminar_rag.ui.lti.launch import Launches

log = logging.getLogger(__name__)

MOST_SESSIONS = 50
"""Open pages whose state is kept in memory, a MB each or more; others send theirs again with a
question."""
CONNECTIONS = 8_192
"""Files and connections that the server may have open, where the system lets it."""
KEEP_ALIVE = 75
"""Seconds for which an idle connection stays open: longer than browsers' libraries and proxies
keep theirs, so that it is never closed under a request that is on its way."""
ARENAS = 2
"""Arenas of malloc that all threads share. Little of our work is in malloc, so they seldom wait."""
TRIMS = 60.0
"""Seconds between two times that free memory is given back; each takes some milliseconds."""
_M_ARENA_MAX = -8
"""The option's number in glibc's malloc.h."""
SCRIPTS = (
    *("keep.js", "actions.js", "page.js", "lost.js", "sheet.js", "preview.js", "viewer.js"),
    *("course.js", "check.js", "table.js", "study.js", "notes.js"),
)
"""The scripts of the page, in the order in which they run."""


def build_app(
    course: Course,
    limits: Limits | None = None,
    desk: Course | None = None,
    *,
    mcp: bool = False,
    host: str = "127.0.0.1",
    key: bytes = b"",
    api_key: str = "",
    framed_by: str = "",
    launches: Launches | None = None,
    turns: Turns | None = None,
    root: str = "",
    common: Common | None = None,
    url: str = "",
    address: str = "",
) -> FastAPI:
    """Build the chat over `course`, ready for any ASGI server.

    Args:
        desk: what the instructor's desk looks after; without it there is none.
        key: signs answers, so that only those given can be rated; without one, until a restart.
        api_key: what programs have to send that speak OpenAI's API; empty asks for none.
        framed_by: origins of the sites that may show the page in a frame, separated by commas.
        turns: who is answered at a time, where several courses share a model.
        root: the path at which the application lies among others, which have a gate in front;
            empty where it is alone and has its own.
        common: what it shares with other servers of the course, where there may be some.
        url, address: where it listens, and where the other servers reach it if that differs.

    Raises ServeError: `mcp`, and the SDK is not installed. Sets environment variables that Gradio
    reads: two, while it is imported, keep it and the hub library it brings off the network; one
    says where uploads lie.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads_folder())
    sweep(uploads_folder())
    load_gradio()
    from fastapi import FastAPI

    from seminar_rag.ui.api.openai_api import add_api
    from seminar_rag.ui.api.programs import Programs, add_endpoints
    from seminar_rag.ui.api.routes import add_routes
    from seminar_rag.ui.chat.page import ChatPage
    from seminar_rag.ui.chat.tabs import add_keys, add_study, add_tables
    from seminar_rag.ui.chat.viewer import add_views

    chat = Chat(course, limits, turns, key=key)
    programs = Programs(course, chat.limits, chat.turns)
    tools = tools_of(programs, course.name) if mcp else None
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=(lambda _: tools.running()) if tools else None,
    )
    servers = None
    if common and url:
        servers = Servers(common, address or own_address(url), follow=course.take_shared_settings)
    app.state.servers = servers
    if servers:
        app.add_middleware(Relay, servers=servers, root=root)
    if not root:
        app.add_middleware(Gate, framed_by=framed_by)
    add_routes(app, course, chat.limits, common)
    add_views(app, course, chat.limits)
    add_keys(app, course, chat.limits)
    add_tables(app, course, chat.limits)
    add_study(app, course, chat.limits)
    add_api(app, programs, api_key)
    app.router.routes.extend(tools.routes(host) if tools else ())
    door = None
    if desk is not None:
        from seminar_rag.ui.desk.page import mount_desk

        door = mount_desk(app, desk, root, common)
    if launches is not None:
        from seminar_rag.ui.lti.routes import Site

        let_in = door.let_in if door else None
        Site(launches, course, framed_by, let_in, root).add_to(app)
    with not_mounted():
        page = ChatPage(chat, partial(add_endpoints, programs), desk=desk is not None).blocks
    share_queue(page._queue)
    page.state_session_capacity = MOST_SESSIONS
    own = mounted(
        *(app, page, "/", root),
        css=static("style.css", "report.css"),
        head="".join(f"<script>{static(name)}</script>" for name in SCRIPTS)
        # Not among the page's styles, which Gradio binds to its own part of the page.
        + f"<style>{static('viewer.css')}</style>",
        max_file_size=1,
    )
    turn_away_strays(own)
    return app


def tools_of(programs: Programs, course: str) -> Tools:
    """The tools for assistants. Raises ServeError: the SDK is not installed."""
    try:
        from seminar_rag.ui.api.mcp_server import Tools
    except ImportError as error:
        raise ServeError(
            "assistants need the mcp extra — pip install 'seminar-rag[mcp]', or in a checkout"
            " .venv/bin/pip install -e '.[mcp]'"
        ) from error
    return Tools(programs, course)


def launches_of(
    site: Mapping[str, str], folder: Path, common: Common | None = None
) -> Launches | None:
    """What verifies the launches of a course site; None where no course site is configured.

    Args:
        site: as `platform_of` takes it.
        folder: where the key lies that signs what is placed on course pages.
        common: what the servers of the course have in common, among it that key; None where there
            is one server.

    Raises:
        ConfigError: not all is set that is needed.
        ServeError: PyJWT is not installed, or the key cannot be used.
    """
    if not any(site.values()):
        return None
    try:
        from seminar_rag.ui.lti import claims, launch
    except ImportError as error:
        raise ServeError(
            "a course site needs the lti extra — pip install 'seminar-rag[lti]', or in a checkout"
            " .venv/bin/pip install -e '.[lti]'"
        ) from error
    return launch.Launches(claims.platform_of(**site), launch.key_in(folder, common), common)


def serve_tools(course: Course) -> None:
    """Serve the tools to the assistant that started this process. Raises ServeError: the SDK is not
    installed."""
    from seminar_rag.ui.api.programs import Programs

    tools_of(Programs(course, Limits(0, 0), Turns()), course.name).run()


def serve(
    course: Course,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    trusted_proxies: str = "",
    prepare: Callable[[], object] = lambda: None,
    on_ready: Callable[[str], None] = lambda _url: None,
    **offered: Any,
) -> None:
    """Serve the chat until interrupted.

    Args:
        port: 0 takes any free one.
        trusted_proxies: the addresses and networks, separated by commas, whose word is taken for
            the address of a client (X-Forwarded-For) and for https (X-Forwarded-Proto).
        prepare: called once the port is sure, before anything is served.
        on_ready: called with the address once it answers.

    Raises ServeError: the address cannot be used.
    """
    ends: list[Any] = []

    def make(url: str) -> FastAPI:
        prepare()
        app = build_app(course, host=host, url=url, **offered)
        ends.extend((app.state.servers, getattr(app.state, "desk", None)))
        return app

    try:
        run(make, host, port, trusted_proxies=trusted_proxies, on_ready=on_ready)
    finally:
        for one in filter(None, ends):
            one.close()


def run(
    make: Callable[[str], ASGIApp],
    host: str,
    port: int,
    *,
    trusted_proxies: str,
    on_ready: Callable[[str], None],
) -> None:
    """Serve an application, made once the port is sure, until interrupted.

    Args:
        make: makes it, given the address.

    Raises ServeError: the address cannot be used.
    """
    share_arenas()
    listener = listen(host, port)
    _allow_connections()
    with listener:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        with kept_until_the_end():
            app = make(url)
        try:
            asyncio.run(_run(app, listener, trusted_proxies, lambda: on_ready(url)))
        except KeyboardInterrupt:
            log.info("interrupted")


def _allow_connections() -> None:
    """Let this process have more files open: two pages of every student are some connections."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


async def _run(
    app: ASGIApp, listener: socket.socket, trusted: str, ready: Callable[[], None]
) -> None:
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE,
            ws="none",
            # By default the headers of every client on this machine would be believed.
            proxy_headers=bool(trusted),
            forwarded_allow_ips=trusted,
        )
    )
    # An open page holds a connection, so every shutdown cancels some; no reason to complain.
    logging.getLogger("uvicorn.error").addFilter(lambda _record: not server.should_exit)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.05)
    if server.started:
        ready()
    trimming = asyncio.create_task(give_back())
    try:
        await serving
    finally:
        trimming.cancel()


# Memory ---------------------------------------------------------------------------------------
#
# glibc keeps what is freed in an arena for each thread (malloc(3), mallopt(3)). Vectors of many
# sizes, made in one thread after another, leave such arenas full of holes: after some minutes of a
# class at work they were a gigabyte. Other C libraries have no such calls; there nothing is done.


def share_arenas() -> bool:
    """Let all threads share `ARENAS` arenas, those that exist left alone; False without glibc."""
    if (mallopt := _of_libc("mallopt")) is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, ARENAS))


async def give_back(every: float = TRIMS) -> None:
    """Give free memory back to the system, every `every` seconds until cancelled."""
    if (trim := _of_libc("malloc_trim")) is None:
        return
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(trim, 0)


@contextmanager
def kept_until_the_end() -> Iterator[None]:
    """Keep what is made in this block out of Python's garbage collection for good.

    Modules and pages stay as long as the server. Searching them for garbage again and again took a
    fourteenth of the processor's time until the first answer.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _of_libc(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):  # TypeError: Windows has no library without name
        return None
    return found
