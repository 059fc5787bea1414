"""Addresses beside the page: is the server well, a conversation as a file, and a file as text.

None needs Gradio. An export takes the conversation as the browser keeps it and reads it as
carefully as the page does; a file that is to be checked is read in a guarded worker. Nothing of
either is stored.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from seminar_rag import __version__
from seminar_rag.errors import SeminarError
from seminar_rag.ui.chat.chat import LONGEST_TEXT, TEXT_TOO_LONG, ChatCourse, too_often
from seminar_rag.ui.chat.conversations import LONGEST_RECORD, from_record
from seminar_rag.ui.limits import Limits, from_own_page

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

log = logging.getLogger(__name__)

LONGEST_BODY = 2 * LONGEST_RECORD
"""Bytes of a conversation that is to be exported."""
LARGEST_FILE = 8 << 20
"""Bytes of a file that is to be checked."""
MOST_FILES = 8
"""Files that are held at once; one is read, the others arrive or wait."""
TYPES = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


def add_routes(app: FastAPI, course: ChatCourse, limits: Limits) -> None:
    """GET /health, POST /export.md and POST /export.pdf."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response

    def health(_request: Request) -> Response:
        told = health_of(course)
        return JSONResponse(told, 200 if told["status"] == "ok" else 503)

    async def export(request: Request) -> Response:
        kind = request.url.path.rpartition(".")[2]
        address = request.client.host if request.client else ""
        if wait := limits.admit(f"export {address}", address):
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


def add_reader(app: FastAPI, course: ChatCourse, limits: Limits) -> None:
    """POST /check/text: the text of a PDF or DOCX."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    one_at_a_time = asyncio.Semaphore()
    held = 0

    async def text(request: Request) -> Response:
        nonlocal held
        address = request.client.host if request.client else ""
        if not from_own_page(request.headers.get):
            return Response("Another site's page sent this.", 403)
        if wait := limits.admit(f"file {address}", address):
            return Response(too_often(wait), 429, {"retry-after": str(wait)})
        if held >= MOST_FILES:
            return Response("Many files are being read. Try again in a minute.", 503)
        held += 1
        try:
            body = await _body(request, LARGEST_FILE)
            if body is None:
                return Response("The file is too large; check it in parts.", 413)
            async with one_at_a_time:
                read = await run_in_threadpool(course.text_of, body)
        except SeminarError as error:
            return Response(str(error), 422)
        finally:
            held -= 1
        if len(read) > LONGEST_TEXT:
            return Response(TEXT_TOO_LONG.format(length=len(read), limit=LONGEST_TEXT), 413)
        return Response(read, media_type="text/plain; charset=utf-8")

    app.add_route("/check/text", text, methods=["POST"])


async def _body(request: Request, most: int) -> bytes | None:
    """What was sent; None where it is more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def health_of(course: ChatCourse) -> dict[str, Any]:
    """What a watcher needs to know; no text of a reading, no path, no key."""
    told: dict[str, Any] = {"version": __version__}
    try:
        sessions = course.sessions()
        told |= {
            "status": "ok" if course.documents() else "empty",
            "sessions": len(sessions),
            "documents": len(course.documents()),
            "answers": "quotations" if course.answerer.startswith("extractive") else "model",
        }
    except SeminarError as error:
        log.warning("health: %s", error)
        told["status"] = "index unreadable"
    return told


def export_of(course: ChatCourse, body: bytes, kind: str) -> tuple[str, bytes] | None:
    """File name and bytes of a conversation that a browser sent; None when it is none.

    Raises:
        StoreError: the index cannot be read.
    """
    from seminar_rag.ui.export import export

    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(sent, dict):
        return None
    conversation = from_record(sent.get("record"), course)
    if conversation is None or not conversation.exchanges:
        return None
    title = sent.get("title")
    named = title[:200].encode("utf-8", "replace").decode() if isinstance(title, str) else ""
    paper = export.paper(conversation, named, course.name, course.answerer_notice)
    if kind == "pdf":
        from seminar_rag.ui.export.pdf import to_pdf

        data = to_pdf(paper)
    else:
        data = export.to_markdown(paper).encode("utf-8")
    return export.file_name(paper.title, kind), data
