"""The view in which readings stand beside each other: one question, a row for each reading.

    GET /table/rows?session=…                  sessions, tables that are kept, and the readings
    GET /table/cell?reading=…&question=…       what one reading says, as JSON
    GET /table.csv, .md, .docx?question=…&reading=…  the cells that are known, as a file

The page asks for one cell after the other, so that cells show as they come and a table is stopped
by asking no more. Cells are made one at a time, whoever asks, and remembered.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.html import Template
from seminar_rag.types import Scope
from seminar_rag.types.study import MOST_ROWS, SAID, Cell, Difference, Row
from seminar_rag.ui.chat.render import opener, opener_at
from seminar_rag.ui.export.table import TYPES, to_file
from seminar_rag.ui.shared.answering import (
    add_handler,
    answered,
    attachment,
    number_in,
    told_to_wait,
)
from seminar_rag.ui.shared.limits import Limits, Rate, Share, address_of, too_often
from seminar_rag.ui.shared.wording import KINDS, authors_of_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

    from seminar_rag.course import Course

HTML = Template("ui/templates/compare.html")
CELLS_A_MINUTE = 400
"""Cells that one address may ask for; a class shares it, and what is known costs nothing."""
WAITING = 24
"""Cells that are waited for at once, half of them of one address."""
_BUSY = "Many tables are being filled. Go on in a minute."


def row_json(row: Row) -> dict[str, Any]:
    """A reading as the head of a row."""
    return {
        "reading": row.reading,
        "title": row.title,
        "by": authors_of_text(row.authors),
        "kind": KINDS[row.kind] if row.kind else SAID["no text"],
    }


def cell_json(cell: Cell) -> dict[str, Any]:
    """A cell with its HTML, which is escaped."""
    see = opener(cell.citations) if cell.citations else ""
    return {
        "said": cell.said,
        "likely": round(cell.likely, 3),
        "html": HTML.cell(cell.text, see, SAID[cell.said], cell.said, cell.why),
    }


def differences_html(found: Sequence[Difference]) -> str:
    """Differences with both sentences and the ways to their pages, as escaped HTML."""
    rows = [
        (one.said, one.reason, [(each.quote, opener_at(each)) for each in (one.one, one.other)])
        for one in found
    ]
    return str(HTML.differences(rows))


# The addresses --------------------------------------------------------------------------------


def add_tables(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add the addresses above to the application."""
    one, waiting = CapacityLimiter(1), Share(WAITING)
    rate = Rate(CELLS_A_MINUTE)

    async def cell(request: Request) -> Response:
        address = address_of(request)
        if wait := rate.wait(address):
            return told_to_wait(too_often(wait), wait)
        if not waiting.take(address):
            return told_to_wait(_BUSY, 5, 503)
        rate.take(address)
        try:
            return await answered(request, partial(_cell, course), one)
        finally:
            waiting.leave(address)

    add_handler(app, "/table/rows", partial(_opened, course), look=limits.look)
    app.add_route("/table/cell", cell)
    for kind in TYPES:
        add_handler(app, f"/table.{kind}", partial(_file, course), look=limits.look)


def _cell(course: Course, request: Request) -> Response:
    asked = request.query_params
    return JSONResponse(cell_json(course.cell(asked.get("reading", ""), asked.get("question", ""))))


def _file(course: Course, request: Request) -> Response:
    kind, asked = request.url.path.rpartition(".")[2], request.query_params
    table = course.known_table(asked.getlist("question"), asked.getlist("reading"))
    content = to_file(table, f"Readings of {course.name} beside each other", kind)
    return attachment(content, f"readings.{kind}", TYPES[kind])


def _opened(course: Course, request: Request) -> Response:
    session = number_in(request.query_params.get("session", ""))
    catalogue = course.catalogue()
    found = course.rows(Scope(sessions=frozenset({session} if session is not None else ())))
    told = {
        "sessions": [(one.number, one.shown) for one in catalogue.sessions],
        "now": course.current_session(),
        "kept": [(one.session, list(one.questions)) for one in course.tables()],
        "differences": differences_html(course.differences(session)),
        "rows": [row_json(row) for row in found[:MOST_ROWS]],
        "left": max(0, len(found) - MOST_ROWS),
    }
    return JSONResponse(told)
