"""The page view: a passage on its drawn page, or in its section, beside the answer.

    GET /view/{document}?passage=…&quote=…&section=…   what to show, as JSON
    GET /view/{document}/{page}.jpg?width=…           a drawn page
    GET /view/{document}/{page}.json                  its lines of text with their places

Documents are named by their id and never by a path; what is not in the course is not found. All
text that reaches the page as HTML is escaped by the templates; `viewer.js` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.html import Template
from seminar_rag.types import Document, Passage
from seminar_rag.ui.chat.marks import with_formulas
from seminar_rag.ui.shared.limits import PASSING, Limits, add_handler, number_in
from seminar_rag.ui.shared.wording import LONGEST_QUOTE, MOST_QUOTES, facts_of, find_quote, safe_url

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course
    from seminar_rag.types.reading import View

THREADS = 6
"""Views and pages that are made at a time; others wait."""
HTML = Template("ui/templates/course.html")
_LASTING = {"cache-control": "private, max-age=86400, immutable"}


# What is shown --------------------------------------------------------------------------------


def view_json(view: View) -> dict[str, Any]:
    """Convert a view into the JSON that the script gets."""
    document = view.document
    return {
        "document": quote(document.id, safe=""),
        "title": document.title,
        "reading": document.reading,
        "by": document.authors or "",
        "place": document.place([1]),
        "about": " · ".join(facts_of(document)),
        "original": safe_url(document.url) or "",
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
    html = section(view.document, view.passages, view.quotes)
    return {"section": view.section, "sections": view.sections, "html": html}


def section(document: Document, passages: Sequence[Passage], quotes: Sequence[str]) -> str:
    """Render the passages of a section in order, with pages, slides or cells, and marked quotes."""
    if not passages:
        return ""
    heading = passages[0].heading
    rows: list[tuple[str, bool, list[tuple[bool, list[str]]]]] = []
    last = ""
    for number, passage in enumerate(passages):
        spans = sorted(span for one in quotes if (span := find_quote(passage.text, one)))
        own = passage.own_heading if number == 0 else ""
        for found in re.finditer(r"[^\n]+", passage.text):
            start, end = found.span()
            if start == 0 and own and found[0].strip() == own:
                continue  # the passage's own heading, which is shown above
            on = next((one for one in passage.sentences if one.start <= start < one.end), None)
            place = document.place([on.page if on and on.page else passage.page])
            if place != last and document.unit != "paragraph":
                last = place
                rows.append((place, False, []))
            is_set = on is not None and on.kind in ("table", "code")
            rows.append(("", is_set, _line(passage.text, start, end, spans)))
    return HTML.section(heading, rows)


def _line(
    text: str, start: int, end: int, spans: Sequence[tuple[int, int]]
) -> list[tuple[bool, list[str]]]:
    parts, last = [], start
    for left, right in ((max(left, start), min(right, end)) for left, right in spans):
        left = max(left, last)  # noqa: PLW2901 - quotes may overlap
        if left < right:
            parts += [(False, [text[last:left]]), (True, [text[left:right]])]
            last = right
    parts.append((False, [text[last:end]]))
    return [(marked, [*map(with_formulas, lines)]) for marked, lines in parts]


# The addresses --------------------------------------------------------------------------------


def add_views(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add the addresses above to the application.

    They wait for workers in few threads of their own, so that many pages, or one that hangs, leave
    the rest of the application its threads; who looks at very many is asked to wait.
    """
    few = CapacityLimiter(THREADS)
    handlers = {
        "/view/{document:path}/{page:int}.jpg": _drawn,
        "/view/{document:path}/{page:int}.json": _worded,
        "/view/{document:path}": _opened,
    }
    for path, handler in handlers.items():
        add_handler(app, path, partial(handler, course), few, limits.look)


def _drawn(course: Course, request: Request) -> Response:
    place, width = request.path_params, number_in(request.query_params.get("width", ""))
    picture = course.pages.page(place["document"], place["page"], 1200 if width is None else width)
    return Response(picture, 200, _LASTING, "image/jpeg")


def _worded(course: Course, request: Request) -> Response:
    place = request.path_params
    found = course.pages.lines(place["document"], place["page"])
    return JSONResponse({"lines": [[text, *box] for text, box in found]}, 200, _LASTING)


def _opened(course: Course, request: Request) -> Response:
    asked = request.query_params
    found = course.pages.open(
        request.path_params["document"],
        asked.get("passage", ""),
        [one[:LONGEST_QUOTE] for one in asked.getlist("quote")[:MOST_QUOTES]],
        number_in(asked.get("section", "")),
    )
    return JSONResponse(view_json(found), 200, PASSING)
