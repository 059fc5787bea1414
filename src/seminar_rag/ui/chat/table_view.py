"""The view in which readings stand beside each other: one question, a row for each reading.

    GET /table/rows?session=…                  sessions, tables that are kept, and the readings
    GET /table/cell?reading=…&question=…       what one reading says, as JSON
    GET /table.csv, .md, .docx?question=…&reading=…  the cells that are known, as a file

The page asks for one cell after the other, so that cells show as they come and a table is stopped
by asking no more. Cells are made one at a time, whoever asks, and remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.types import Scope
from seminar_rag.types.compare import (
    COLUMNS,
    LONGEST_COLUMN,
    MOST_COLUMNS,
    MOST_ROWS,
    SAID,
    STATED,
    Cell,
    Difference,
    Row,
    Stated,
)
from seminar_rag.ui.chat.render import PARTS
from seminar_rag.ui.export.table import TYPES, to_file
from seminar_rag.ui.shared.limits import Limits, Rate, Share, address_of, status_of, too_often
from seminar_rag.ui.shared.wording import KINDS, authors_of_text, show_place, view_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from seminar_rag.course import Course

HTML = Template("ui/templates/compare.html")
CELLS_A_MINUTE = 400
"""Cells that one address may ask for; a class shares it, and what is known costs nothing."""
WAITING = 24
"""Cells that are waited for at once, half of them of one address."""
_BUSY = "Many tables are being filled. Go on in a minute."


class TableView:
    """The tab's component, built where the view is made; the page's script fills it."""

    def __init__(self) -> None:
        import gradio as gr

        self._shown = gr.HTML(
            HTML.table_view(COLUMNS, LONGEST_COLUMN, MOST_COLUMNS, STATED),
            apply_default_css=False,
            elem_id="compare",
        )

    def wire(self, tab: Any) -> None:
        """Let the script ask for the sessions when the tab is chosen."""
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        tab.select(None, None, None, js="() => seminar.openTable()", queue=False, **hidden)


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
    quotes = [one.quote for one in cell.citations]
    first = cell.citations[0] if cell.citations else None
    opener = ""
    if first:
        where = view_address(first.document.id, first.passage.id, quotes)
        text = show_place(first.document, [one.page for one in cell.citations])
        opener = PARTS.opener(where, text, first.document.title)
    return {
        "said": cell.said,
        "likely": round(cell.likely, 3),
        "html": HTML.cell(cell.text, opener, SAID[cell.said], cell.said, cell.why),
    }


def differences_html(found: Sequence[Difference]) -> str:
    """Differences with both sentences and the ways to their pages, as escaped HTML."""
    rows = [
        (one.said, one.reason, [(each.quote, _see(each)) for each in (one.one, one.other)])
        for one in found
    ]
    return str(HTML.differences(rows))


def _see(one: Stated) -> str:
    where = view_address(one.document, one.passage, [one.quote])
    return PARTS.opener(where, f"{one.title}, {one.place}" if one.place else one.title, one.title)


# The addresses --------------------------------------------------------------------------------


def add_tables(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add the addresses above to the application."""
    from anyio import CapacityLimiter, to_thread
    from starlette.responses import JSONResponse

    one, waiting = CapacityLimiter(1), Share(WAITING)
    rate = Rate(CELLS_A_MINUTE)

    def told(work: Callable[[], dict[str, Any]]) -> Response:
        try:
            return JSONResponse(work())
        except SeminarError as error:
            return JSONResponse({"remark": str(error)}, status_of(error))

    async def rows(request: Request) -> Response:
        if wait := limits.look(address_of(request)):
            return JSONResponse({"remark": too_often(wait)}, 429, {"retry-after": str(wait)})
        return await to_thread.run_sync(told, lambda: _opened(course, request))

    async def cell(request: Request) -> Response:
        address, asked = address_of(request), request.query_params
        if wait := rate.wait(address):
            return JSONResponse({"remark": too_often(wait)}, 429, {"retry-after": str(wait)})
        if not waiting.take(address):
            return JSONResponse({"remark": _BUSY}, 503, {"retry-after": "5"})
        rate.take(address)
        reading, question = asked.get("reading", ""), asked.get("question", "")
        try:
            return await to_thread.run_sync(
                told, lambda: cell_json(course.cell(reading, question)), limiter=one
            )
        finally:
            waiting.leave(address)

    def file(request: Request) -> Response:
        return _file(course, request, limits.look(address_of(request)))

    app.add_route("/table/rows", rows)
    app.add_route("/table/cell", cell)
    for kind in TYPES:
        app.add_route(f"/table.{kind}", file)


def _file(course: Course, request: Request, wait: int) -> Response:
    from starlette.responses import PlainTextResponse, Response

    if wait:
        return PlainTextResponse(too_often(wait), 429, {"retry-after": str(wait)})
    kind, asked = request.url.path.rpartition(".")[2], request.query_params
    try:
        table = course.known_table(asked.getlist("question"), asked.getlist("reading"))
    except SeminarError as error:
        return PlainTextResponse(str(error), status_of(error))
    content = to_file(table, f"Readings of {course.name} beside each other", kind)
    disposition = {"content-disposition": f'attachment; filename="readings.{kind}"'}
    return Response(content, 200, disposition, TYPES[kind])


def _opened(course: Course, request: Request) -> dict[str, Any]:
    asked = request.query_params.get("session", "")
    session = int(asked) if asked.isdecimal() and len(asked) < 6 else None
    catalogue = course.catalogue()
    found = course.rows(Scope(sessions=frozenset({session} if session is not None else ())))
    return {
        "sessions": [(one.number, one.shown) for one in catalogue.sessions],
        "now": course.current_session(),
        "kept": [(one.session, list(one.questions)) for one in course.tables()],
        "differences": differences_html(course.differences(session)),
        "rows": [row_json(row) for row in found[:MOST_ROWS]],
        "left": max(0, len(found) - MOST_ROWS),
    }
