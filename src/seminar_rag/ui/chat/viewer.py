"""The page view: a passage on its drawn page, or in its section, beside the answer.

    GET /view/{document}?passage=…&quote=…&section=…   what to show, as JSON
    GET /view/{document}/{page}.jpg?width=…           a drawn page

Documents are named by their id and never by a path; what is not in the course is not found. All
text that reaches the page as HTML is escaped here; `viewer.js` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from seminar_rag.errors import DocumentError, NotFoundError, SeminarError
from seminar_rag.types import Document, Passage
from seminar_rag.ui.chat import render
from seminar_rag.ui.chat.exchange import counted, find_quote
from seminar_rag.ui.chat.openers import LONGEST_QUOTE, MOST_QUOTES
from seminar_rag.ui.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from seminar_rag.pages.view import Pages, View

THREADS = 6
"""Views and pages that are made at a time; others wait."""
_LASTING = {"cache-control": "private, max-age=86400, immutable"}
_PASSING = {"cache-control": "no-store"}


class PagedCourse(Protocol):
    """What the page view needs of a course."""

    @property
    def pages(self) -> Pages:
        """Documents as they look, opened at a passage."""


# What is shown --------------------------------------------------------------------------------


def told(view: View) -> dict[str, Any]:
    """A view as the script gets it."""
    document = view.document
    return {
        "document": quote(document.id, safe=""),
        "title": document.title,
        "about": " · ".join(filter(None, (render.KINDS[document.kind], _sessions(document)))),
        "original": _original(view) or "",
        "remark": view.remark,
        "quotes": list(view.quotes),
        "pages": _pages(view) if view.sizes else None,
        "text": None if view.sizes else _text(view),
    }


def _pages(view: View) -> dict[str, Any]:
    boxes: dict[int, list[list[float]]] = {}
    for spot in sorted(view.spots, key=lambda spot: spot.quote):
        boxes.setdefault(spot.page, []).extend([*box, spot.quote] for box in spot.boxes)
    return {
        "page": view.page,
        "version": view.version,
        "tall": [round(height / width, 5) if width else 1.3 for width, height in view.sizes],
        "boxes": boxes,
    }


def _text(view: View) -> dict[str, Any]:
    return {
        "section": view.section,
        "sections": view.sections,
        "html": section(view.passages, view.quotes),
    }


def section(passages: Sequence[Passage], quotes: Sequence[str]) -> str:
    """The passages of a section in order, the quotes marked, as escaped HTML."""
    if not passages:
        return ""
    heading, first = passages[0].heading, True
    out = [f"<h3>{escape(heading)}</h3>"] if heading else []
    page: int | None = None
    for passage in passages:
        if passage.page is not None and passage.page != page:
            page = passage.page
            out.append(f'<p class="leaf">p. {page}</p>')
        spans = _marked(passage.text, quotes)
        out.extend(_paragraphs(passage, spans, heading if first else ""))
        first = False
    return "".join(out)


def _marked(text: str, quotes: Sequence[str]) -> list[tuple[int, int]]:
    return sorted(span for one in quotes if (span := find_quote(text, one)))


def _paragraphs(passage: Passage, spans: Sequence[tuple[int, int]], heading: str) -> Iterable[str]:
    """A passage's lines as paragraphs; its own heading, which is told above, is left out."""
    own = heading.rpartition(" › ")[2]
    for found in re.finditer(r"[^\n]+", passage.text):
        start, end = found.span()
        if start == 0 and own and found[0].strip() == own:
            continue
        kind = next((one.kind for one in passage.sentences if one.start <= start < one.end), "")
        css = ' class="set"' if kind in ("table", "code") else ""
        yield f"<p{css}>{_line(passage.text, start, end, spans)}</p>"


def _line(text: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> str:
    out, last = [], start
    for left, right in spans:
        left, right = max(left, last), min(right, end)  # noqa: PLW2901 - cut to this line
        if left < right:
            out += [escape(text[last:left]), f"<mark>{escape(text[left:right])}</mark>"]
            last = right
    return "".join((*out, escape(text[last:end])))


def _sessions(document: Document) -> str:
    numbers = ", ".join(map(str, document.sessions))
    return f"session{'s' if len(document.sessions) > 1 else ''} {numbers}" if numbers else ""


def _original(view: View) -> str | None:
    return render.safe_url(view.document.url)


# The addresses --------------------------------------------------------------------------------


def add_views(app: FastAPI, course: PagedCourse, limits: Limits) -> None:
    """The routes above. They wait for workers in few threads of their own, so that many pages, or
    one that hangs, leave the rest of the application its threads; who looks at very many is told
    to wait."""
    from anyio import CapacityLimiter, to_thread
    from starlette.responses import JSONResponse, Response

    few = CapacityLimiter(THREADS)

    def drawn(request: Request) -> Response:
        width = request.query_params.get("width", "")
        try:
            picture = course.pages.page(
                request.path_params["document"],
                request.path_params["page"],
                int(width) if width.isdecimal() and len(width) < 6 else 1200,
            )
        except SeminarError as error:
            return Response(str(error), _status(error), _PASSING, "text/plain")
        return Response(picture, 200, _LASTING, "image/jpeg")

    def opened(request: Request) -> Response:
        asked = request.query_params
        number = asked.get("section", "")
        quotes = [one[:LONGEST_QUOTE] for one in asked.getlist("quote")[:MOST_QUOTES]]
        try:
            found = course.pages.open(
                request.path_params["document"],
                asked.get("passage", ""),
                quotes,
                int(number) if number.isdecimal() and len(number) < 6 else None,
            )
        except SeminarError as error:
            return JSONResponse({"remark": str(error)}, _status(error), _PASSING)
        return JSONResponse(told(found), 200, _PASSING)

    async def page(request: Request) -> Response:
        if wait := limits.look(_client(request)):
            return Response(_later(wait), 429, {"retry-after": str(wait)}, "text/plain")
        return await to_thread.run_sync(drawn, request, limiter=few)

    async def view(request: Request) -> Response:
        if wait := limits.look(_client(request)):
            return JSONResponse({"remark": _later(wait)}, 429, {"retry-after": str(wait)})
        return await to_thread.run_sync(opened, request, limiter=few)

    app.add_route("/view/{document:path}/{page:int}.jpg", page)
    app.add_route("/view/{document:path}", view)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _later(wait: int) -> str:
    return f"Very many pages were opened from here. Try again in {counted(wait, 'second')}."


def _status(error: SeminarError) -> int:
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, DocumentError):
        return 404 if error.failure == "unreadable" else 422
    return 503
