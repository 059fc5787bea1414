"""Addresses beside the page that need no Gradio.

    GET  /health                    whether the server is well
    POST /export.md, /export.pdf    a conversation as a file
    GET  /readings.bib, .ris, .json all readings for reference managers, or ?reading= one of them
    POST /check/text                the text of a PDF or DOCX that is to be checked

An export takes the conversation as the browser keeps it; a file that is to be checked is read in a
guarded worker. Nothing of either is stored; how large both may be, the gate says.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from seminar_rag import __version__
from seminar_rag.errors import SeminarError
from seminar_rag.ui.export.citing import TYPES as CITING
from seminar_rag.ui.export.citing import readings_of, references
from seminar_rag.ui.shared.browser import ExportRequest, from_record
from seminar_rag.ui.shared.limits import (
    Limits,
    Share,
    add_handler,
    address_of,
    attachment,
    from_own_page,
    text_problem,
    too_often,
)
from seminar_rag.ui.shared.relay import here_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course
    from seminar_rag.types.serving import Common

log = logging.getLogger(__name__)

MOST_FILES = 8
"""Files that are held at once, half of them of one address; one is read, the others wait."""
TYPES = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


def add_routes(app: FastAPI, course: Course, limits: Limits, common: Common | None = None) -> None:
    """Add the addresses above to the application."""

    def health(request: Request) -> Response:
        return health_response(course, request, common)

    async def export(request: Request) -> Response:
        kind = request.url.path.rpartition(".")[2]
        address = address_of(request)
        if wait := await run_in_threadpool(limits.admit, f"export {address}", address):
            return Response(too_often(wait), 429, {"retry-after": str(wait)})
        try:
            file = await run_in_threadpool(export_of, course, await request.body(), kind)
        except SeminarError as error:
            return Response(str(error), 503)
        if file is None:
            return Response("This is no conversation.", 400)
        return attachment(file[1], file[0], TYPES[kind])

    app.add_route("/health", health)
    for kind in TYPES:
        app.add_route(f"/export.{kind}", export, methods=["POST"])
    for kind in CITING:
        add_handler(app, f"/readings.{kind}", partial(_readings, course))
    _add_reader(app, course, limits)


def _readings(course: Course, request: Request) -> Response:
    kind = request.url.path.rpartition(".")[2]
    found = readings_of(course.catalogue(), request.query_params.get("reading", ""))
    if not found:
        return JSONResponse({"remark": "There is no such reading."}, 404)
    name = "reading" if "reading" in request.query_params else "readings"
    return attachment(references(found, kind), f"{name}.{kind}", CITING[kind])


def _add_reader(app: FastAPI, course: Course, limits: Limits) -> None:
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
            body = await request.body()
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


def health_response(course: Course, request: Request, common: Common | None) -> Response:
    """What `health_of` says, as JSON; 503 where it is not well, and 410 where the request asks for
    a server, `of`, that is gone."""
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
    conversation. Raises StoreError: the index cannot be read."""
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
