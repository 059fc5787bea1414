"""Addresses beside the page that are answered by blocking work, and the files that they give."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.errors import SeminarError
from seminar_rag.text import plural
from seminar_rag.ui.shared.limits import address_of, status_of

if TYPE_CHECKING:
    from fastapi import FastAPI

PASSING = {"cache-control": "no-store"}
TOO_MUCH = "Very much was asked for from here in a short time."
Handler = Callable[[Request], Response]


def add_handler(
    app: FastAPI,
    path: str,
    handler: Handler,
    threads: CapacityLimiter | None = None,
    look: Callable[[str], int] = lambda _address: 0,
) -> None:
    """Answer GET requests of a path.

    Args:
        threads: those that the handler works in, so that the rest of the application keeps its own.
        look: the seconds that a client at an address has to wait, or 0: `Limits.look`.
    """

    async def respond(request: Request) -> Response:
        if wait := look(address_of(request)):
            return told_to_wait(f"{TOO_MUCH} Try again in {plural(wait, 'second')}.", wait)
        return await answered(request, handler, threads)

    app.add_route(path, respond)


async def answered(request: Request, handler: Handler, threads: CapacityLimiter | None) -> Response:
    """The response that the handler gives; where it fails, the page is told why in `remark`."""
    try:
        return await to_thread.run_sync(handler, request, limiter=threads)
    except SeminarError as error:
        return JSONResponse({"remark": str(error)}, status_of(error), PASSING)


def told_to_wait(says: str, wait: int, status: int = 429) -> Response:
    """The answer to who has to come again in some seconds."""
    return JSONResponse({"remark": says}, status, {"retry-after": str(wait)})


def attachment(content: str | bytes, name: str, media_type: str) -> Response:
    """A file to save."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, headers, media_type)


def number_in(text: str) -> int | None:
    """The number that a part of an address is; None for anything else."""
    return int(text) if text.isdecimal() and len(text) < 6 else None
