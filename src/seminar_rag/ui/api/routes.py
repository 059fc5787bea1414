"""Addresses beside the page that need no Gradio.

    GET  /health                    whether the server is well
    POST /export.md, /export.pdf    a conversation as a file
    GET  /readings.bib, .ris, .json all readings for reference managers, or ?reading= one of them
    POST /check/text                the text of a PDF or DOCX that is to be checked

An export takes the conversation as the browser keeps it; a file that is to be checked is read in a
guarded worker. Nothing of either is stored.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from seminar_rag import __version__
from seminar_rag.errors import SeminarError
from seminar_rag.ui.export.citing import TYPES as CITING
from seminar_rag.ui.export.citing import readings_of, references
from seminar_rag.ui.shared.browser import LONGEST_RECORD, ExportRequest
from seminar_rag.ui.shared.limits import (
    LARGEST_FILE,
    Limits,
    Share,
    address_of,
    from_own_page,
    text_problem,
    too_often,
)
from seminar_rag.ui.shared.records import from_record
from seminar_rag.ui.shared.relay import here_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from seminar_rag.course import Course
    from seminar_rag.types.common import Common

log = logging.getLogger(__name__)

LONGEST_BODY = 2 * LONGEST_RECORD
"""Bytes of a conversation that is to be exported."""
MOST_FILES = 8
"""Files that are held at once, half of them of one address; one is read, the others wait."""
TYPES = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


def add_routes(app: FastAPI, course: Course, limits: Limits, common: Common | None = None) -> None:
    """Add the addresses above to the application.

    Args:
        common: what the servers of the course share, where there may be several.
    """
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    def health(request: Request) -> Response:
        return health_response(course, request, common)

    async def export(request: Request) -> Response:
        kind = request.url.path.rpartition(".")[2]
        address = address_of(request)
        if wait := await run_in_threadpool(limits.admit, f"export {address}", address):
            return Response(too_often(wait), 429, {"retry-after": str(wait)})
        body = await _body(request, LONGEST_BODY)
        if body is None:
            return Response("The conversation is too long to be exported.", 413)
        try:
            file = await run_in_threadpool(export_of, course, body, kind)
        except SeminarError as error:
            return Response(str(error), 503)
        if file is None:
            return Response("This is no conversation.", 400)
        disposition = {"content-disposition": f'attachment; filename="{file[0]}"'}
        return Response(file[1], 200, disposition, TYPES[kind])

    app.add_route("/health", health)
    for kind in TYPES:
        app.add_route(f"/export.{kind}", export, methods=["POST"])
    _add_citing(app, course)
    _add_reader(app, course, limits)


def _add_citing(app: FastAPI, course: Course) -> None:
    from starlette.responses import Response

    def readings(request: Request) -> Response:
        kind = request.url.path.rpartition(".")[2]
        try:
            found = readings_of(course.catalogue(), request.query_params.get("reading", ""))
        except SeminarError as error:
            return Response(str(error), 503)
        if not found:
            return Response("There is no such reading.", 404)
        name = "reading" if "reading" in request.query_params else "readings"
        disposition = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
        return Response(references(found, kind), 200, disposition, CITING[kind])

    for kind in CITING:
        app.add_route(f"/readings.{kind}", readings)


def _add_reader(app: FastAPI, course: Course, limits: Limits) -> None:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    one_at_a_time = asyncio.Semaphore()
    held = Share(MOST_FILES)

    async def text(request: Request) -> Response:
        address = address_of(request)
        if not from_own_page(request.headers.get):
            return Response("Another site's page sent this.", 403)
        if wait := await run_in_threadpool(limits.admit, f"file {address}", address):
            return Response(too_often(wait), 429, {"retry-after": str(wait)})
        if not held.take(address):
            return Response("Many files are being read. Try again in a minute.", 503)
        try:
            body = await _body(request, LARGEST_FILE)
            if body is None:
                return Response("The file is too large; check it in parts.", 413)
            async with one_at_a_time:
                read = await run_in_threadpool(course.text_of, body)
        except SeminarError as error:
            return Response(str(error), 422)
        finally:
            held.leave(address)
        if problem := text_problem(read):
            return Response(problem, 413)
        return Response(read, media_type="text/plain; charset=utf-8")

    app.add_route("/check/text", text, methods=["POST"])


async def _body(request: Request, most: int) -> bytes | None:
    """Read what was sent; None where it is more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def health_response(course: Course, request: Request, common: Common | None) -> Response:
    """What `health_of` says, as JSON; 503 where it is not well, and 410 where the request asks for
    a server, `of`, that is gone."""
    from starlette.responses import JSONResponse, PlainTextResponse

    try:
        if not here_of(common, request):
            return PlainTextResponse("That server is gone.", 410)
    except SeminarError as error:
        return PlainTextResponse(str(error), 503)
    state = health_of(course)
    return JSONResponse(state, 200 if state["status"] == "ok" else 503)


def health_of(course: Course) -> dict[str, Any]:
    """Say how the server is, for a monitor; without texts of readings, paths or keys."""
    state: dict[str, Any] = {"version": __version__}
    try:
        documents = course.documents()
        state |= {
            "status": "ok" if documents else "empty",
            "sessions": len(course.sessions()),
            "documents": len(documents),
            "answers": "quotations" if course.answerer.startswith("extractive") else "model",
        }
    except SeminarError as error:
        log.warning("health: %s", error)
        state["status"] = "index unreadable"
    return state


def export_of(course: Course, body: bytes, kind: str) -> tuple[str, bytes] | None:
    """Make a file of the conversation that a browser sent: its name and bytes; None for no
    conversation.

    Raises:
        StoreError: the index cannot be read.
    """
    from seminar_rag.ui.export import export

    sent = ExportRequest.read(body)
    conversation = from_record(sent.record, course) if sent else None
    if sent is None or conversation is None or not conversation.exchanges:
        return None
    paper = export.paper(conversation, sent.title, course.name, course.answerer_notice)
    if kind == "pdf":
        from seminar_rag.ui.export.pdf import to_pdf

        data = to_pdf(paper)
    else:
        data = export.to_markdown(paper).encode("utf-8")
    return export.file_name(paper.title, kind), data
