"""Gradio, as it is used here.

It is loaded without what it does for others, which is more than half of the time that it takes. Its
queue is shared fairly. Requests that no page makes are answered briefly, and logged without their
values.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from seminar_rag.ui.shared.limits import GRACE, TOO_MANY_WAIT, address_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

OF_ADDRESS = 96
"""Events of one address that wait or run; a class may share it behind one router."""
OF_CONVERSATION = 6
"""Events of one page that wait or run."""
LOOKED = 0.02
"""Seconds between two looks of Gradio's queue for an event. By itself it looks a thousand times a
second, by which a server that nobody uses takes 2 to 3% of a processor for each course."""
RUNNING = 256
"""Events that run at once. Most of them wait for their turn, which costs little."""
HIDDEN: Mapping[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How an event that only changes the page is run."""


def mounted(app: FastAPI, page: Any, path: str, root: str, **more: Any) -> FastAPI:
    """Mount a page that was laid out by itself on an application; the page's own application.

    Args:
        root: the path on the server at which the page lies; empty for that of the application.
        more: what `gradio.mount_gradio_app` takes besides.
    """
    import gradio as gr

    fonts = ["system-ui", "sans-serif"]
    gr.mount_gradio_app(
        app,
        page,
        path=path,
        root_path=root or None,
        theme=gr.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"]),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        **more,
    )
    page.app = app.router.routes[-1].app  # type: ignore[attr-defined]
    own: FastAPI = page.app
    return own


def html_part(elem_id: str, html: str = "", on_load: str | None = None) -> Any:
    """A part of a page that is drawn as HTML, with the script that runs when it is loaded."""
    import gradio as gr

    return gr.HTML(html, apply_default_css=False, elem_id=elem_id, js_on_load=on_load)


# Loading --------------------------------------------------------------------------------------


def load_gradio() -> None:
    """Import Gradio, so that pages are built fast.

    Left out are its server of tools, its stubs for editors (`without_stubs`) and pandas, which it
    needs for values that no page here has.
    """
    with _absent("mcp"), _later("pandas"), without_stubs():
        import gradio.blocks
    _without_plots(gradio.utils)


def _without_plots(utils: Any) -> None:
    """Let Gradio choose how matplotlib draws only where something has loaded it.

    By itself it loads matplotlib for every event, with which no page here draws.
    """
    usual = getattr(utils, "MatplotlibBackendMananger", None)  # as Gradio spells it, so far
    if usual is not None and usual.__module__ == utils.__name__:  # not chosen before
        utils.MatplotlibBackendMananger = lambda: (
            usual() if "matplotlib" in sys.modules else nullcontext()
        )


@contextmanager
def not_mounted() -> Iterator[None]:
    """Let Gradio lay out a page without a web application, and set `page.app` when it is mounted.

    Of the four that it makes for a page, one when it begins, one when it is laid out and one with
    its queue are thrown away.
    """
    import gradio.blocks

    usual = gradio.blocks.App
    gradio.blocks.App = _Unmounted
    try:
        yield
    finally:
        gradio.blocks.App = usual


class _Unmounted:
    """In place of the web application of a page that is not mounted yet."""

    @staticmethod
    def create_app(*_: object, **__: object) -> None:
        """Make none."""


class _Later(ModuleType):
    """A module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            if name.startswith("__"):  # asked for by the import itself
                raise AttributeError(name)
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _later(name: str) -> Iterator[None]:
    """Who imports a module meanwhile has one that is loaded when it is used."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = standing_in = _Later(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is standing_in:
            del sys.modules[name]


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """A module that is not loaded yet seems not to be installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def without_stubs() -> Iterator[None]:
    """Let Gradio make its component classes without a stub (`.pyi`) for each.

    For each of its eighty classes Gradio parses two files and compares them
    (`gradio.component_meta.create_or_modify_pyi`). It leaves out the classes that come from no
    file, so all of its own seem to come from none while they are made.
    """
    getfile = inspect.getfile

    def no_file(of: Any) -> str:
        if isinstance(of, type) and of.__module__.startswith("gradio."):
            raise OSError("a class without a file, as far as Gradio is told")
        return getfile(of)

    inspect.getfile = no_file  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = getfile


# The queue ------------------------------------------------------------------------------------


def spare_work(queue: Any) -> None:
    """Let the queue of Gradio's Blocks rest between two looks for `LOOKED`, and keep no account.

    By itself it makes a table of the last 10,000 events with pandas after each, for a page of its
    own that nobody is shown.
    """
    queue.sleep_when_free = queue.progress_update_sleep_when_free = LOOKED
    queue.ANAYLTICS_CACHE_FREQUENCY = math.inf  # as Gradio spells it


def share_queue(queue: Any, clock: Callable[[], float] = time.monotonic) -> None:
    """Give every address and conversation a share of the queue of Gradio's Blocks.

    That queue has one length for everybody, and keeps the events of clients that never come to
    fetch what is made for them; here nobody fills it, and who left is dropped.
    """
    push, get_events = queue.push, queue.get_events
    unread_since: dict[str, float] = {}
    queue.max_thread_count = RUNNING

    async def push_shared(body: Any, request: Any, username: Any) -> Any:
        drop_the_gone()
        events = [*_waiting(queue), *_running(queue)]
        address = address_of(request)
        mine = sum(address_of(one.request) == address for one in events)
        same = sum(one.session_hash == body.session_hash for one in events)
        if mine >= OF_ADDRESS or same >= OF_CONVERSATION:
            return False, TOO_MANY_WAIT, "queue_full"
        return await push(body=body, request=request, username=username)

    def get_events_of_those_here() -> Any:
        drop_the_gone()
        return get_events()

    def drop_the_gone() -> None:
        now = clock()
        waiting = list(_waiting(queue))
        for session in {one.session_hash for one in waiting} | set(unread_since):
            messages = queue.pending_messages_per_session.get(session)
            if messages is None or messages.empty():
                unread_since.pop(session, None)  # somebody reads them
            else:
                unread_since.setdefault(session, now)
        for one in waiting:
            # Its place in line was sent to the page, and nobody has read it since.
            if now - unread_since.get(one.session_hash, now) > GRACE:
                _drop(queue, one)

    queue.push = push_shared
    queue.get_events = get_events_of_those_here


def _waiting(queue: Any) -> Iterable[Any]:
    return (one for some in queue.event_queue_per_concurrency_id.values() for one in some.queue)


def _running(queue: Any) -> Iterable[Any]:
    return (one for some in queue.active_jobs if some for one in some)


def _drop(queue: Any, event: Any) -> None:
    queue.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
    queue.event_ids_to_events.pop(event._id, None)
    left = queue.pending_event_ids_session.get(event.session_hash, set())
    left.discard(event._id)
    if not left:
        queue.pending_event_ids_session.pop(event.session_hash, None)
        queue.pending_messages_per_session.pop(event.session_hash, None)


# Requests that no page makes ------------------------------------------------------------------


def turn_away_strays(gradio: FastAPI) -> None:
    """Answer a request that names no event of the page, or not its values, with status 400 or 422.

    What else Gradio says of a failed event, it prints with all values that came with it: texts of
    students, and as much as a stranger likes. It is logged without them.
    """
    from fastapi.exceptions import RequestValidationError
    from gradio import queueing, routes
    from gradio.route_utils import FnIndexInferError
    from starlette.responses import PlainTextResponse

    def stray(_request: Request, error: Exception) -> Response:
        if not _by_gradio(error):
            raise error  # not about the request
        log.info("a request that the page does not make: %s", type(error).__name__)
        return PlainTextResponse("The page has no such event.", 400)

    def invalid(_request: Request, _error: Exception) -> Response:
        # FastAPI's own answer repeats what was sent, and fails where that cannot be encoded.
        return PlainTextResponse("The request lacks what the page sends.", 422)

    for kind in (FnIndexInferError, KeyError, ValueError):
        gradio.add_exception_handler(kind, stray)
    gradio.add_exception_handler(RequestValidationError, invalid)
    gradio.add_middleware(_Ended)
    briefly = SimpleNamespace(print_exc=_log_briefly)
    queueing.traceback = routes.traceback = briefly


class _Ended:
    """Ends the stream of events of a page that Gradio does not know (any more).

    Gradio tells the page so in the stream, and then raises what no response is left for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            if error.__cause__ is None or not _by_gradio(error.__cause__):
                raise
            log.info("a stream that the page does not read: %s", type(error.__cause__).__name__)
            await send({"type": "http.response.body", "body": b""})


def _log_briefly() -> None:
    """Log the error that is being handled, without its message, which may hold values."""
    error = sys.exc_info()[1]
    name = type(error).__name__
    if error is not None and _by_gradio(error):
        log.info("an event that the page does not make: %s", name)
    elif error is not None:
        log.error(
            "an event failed: %s\n%s", name, "".join(traceback.format_tb(error.__traceback__))
        )


def _by_gradio(error: BaseException) -> bool:
    """Whether Gradio itself raised the error, before or after our code ran."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("gradio.")
