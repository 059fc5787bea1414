"""Requests that the page does not make: answered briefly, and logged without their values."""

from __future__ import annotations

import logging
import sys
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)


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
