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
Work = Callable[[Request], Response]


def add_work(
    app: FastAPI,
    path: str,
    work: Work,
    threads: CapacityLimiter | None = None,
    look: Callable[[str], int] = lambda _address: 0,
) -> None:
    """Answer GET requests of a path.

    Args:
        threads: those that the work is done in, so that the rest of the application keeps its own.
        look: the seconds that a client at an address has to wait, or 0: `Limits.look`.
    """

    async def respond(request: Request) -> Response:
        if wait := look(address_of(request)):
            asked = f"Very many pages were opened from here. Try again in {plural(wait, 'second')}."
            return told_to_wait(asked, wait)
        return await answered(request, work, threads)

    app.add_route(path, respond)


async def answered(request: Request, work: Work, threads: CapacityLimiter | None) -> Response:
    """The response that the work gives; where it fails, the page is told why in `remark`."""
    try:
        return await to_thread.run_sync(work, request, limiter=threads)
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
