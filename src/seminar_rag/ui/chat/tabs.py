"""The tabs beside the conversation: the course, readings beside each other, what to study.

    GET /key/{reading}    the key sentences of a reading and questions about it
    GET /find?words=…     the readings whose text has these words, each with where
    GET /table/rows?session=…                        sessions, kept tables, and the readings
    GET /table/cell?reading=…&question=…             what one reading says
    GET /table.csv, .md, .docx?question=…&reading=…  the cells that are known, as a file
    GET /study/sessions            the sessions for which there is something
    GET /study/session/{number}    guide and items of one
    GET /study/{number}.md, .pdf   the same as a file; .apkg is a deck for Anki

Answers are JSON with escaped HTML. The page asks for one cell after the other, so that cells show
as they come and a table is stopped by asking no more; cells are made one at a time, whoever asks,
and remembered. Of what is to study students see what the instructor has approved, and of that what
still stands in the readings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.text import cut, plural
from seminar_rag.types import Citation, Scope
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record, parts_begun
from seminar_rag.types.ingest import Need
from seminar_rag.types.study import MOST_ROWS, STANCES, Cell, Difference, Guide, Row, StudyItem
from seminar_rag.ui.chat.render import PARTS, opener, opener_at, original
from seminar_rag.ui.export.learning import GUIDE_TYPES, TABLE_TYPES, guide_file, table_file
from seminar_rag.ui.shared.limits import (
    Limits,
    Rate,
    Share,
    add_handler,
    address_of,
    answered,
    attachment,
    number_in,
    retry_later,
    too_often,
)
from seminar_rag.ui.shared.wording import KINDS, authors_of, safe_url, shortened, view_address

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course

HTML = Template("ui/templates/course.html")
COMPARE = Template("ui/templates/compare.html")
STUDY = Template("ui/templates/study.html")
LONGEST_REASON = 160
"""Characters of a reason why there is not more of a reading."""
LONGEST_SEARCH = 200
"""Characters of what is looked for in the texts."""
EMPTY = "Nothing is in the course yet."
NO_KEY = "No sentence of this text stands for the rest."
CELLS_A_MINUTE = 400
"""Cells that one address may ask for; a class shares it, and what is known costs nothing."""
WAITING = 24
"""Cells that are waited for at once, half of them of one address."""
BUSY = "Many tables are being filled. Go on in a minute."
NOTHING = "The instructor has not opened anything to study for this session."


# The course -----------------------------------------------------------------------------------


def course_html(course: Course) -> str:
    """The course as it is now, as HTML."""
    try:
        return reading_list(course.catalogue(), course.needs(), course.current_session())
    except SeminarError as error:
        return PARTS.message(str(error))


def reading_list(catalogue: Catalogue, needs: Iterable[Need], now: int | None = None) -> str:
    """List the sessions with their readings and notes, then what no session lists, as HTML.

    Args:
        needs: what is wrong with readings, which says why there is not more of them.
    """
    records, reasons = catalogue.by_reading, {need.reading: _reason(need) for need in needs}
    entry = partial(_entry, records=records, reasons=reasons)
    sections = []
    if before := [*_events(catalogue, None)]:
        sections.append(
            HTML.session("", "Dates of the course", "dates of the course", before, False)
        )
    for part, one in zip(parts_begun(catalogue.sessions), catalogue.sessions, strict=True):
        if part:
            sections.append(HTML.part(part))
        rows = [*map(entry, one.readings), *_notes(one, records), *_events(catalogue, one.number)]
        words = _words(str(one.number), one.shown, one.part)
        sections.append(HTML.session(str(one.number), one.shown, words, rows, one.number == now))
    index = [(str(one.number), one.title, one.number == now) for one in catalogue.sessions]
    listed = {reading.id for session in catalogue.sessions for reading in session.readings}
    loose = [
        entry(ListedReading(id_, own[0].document.title, own[0].document.authors))
        for id_, own in records.items()
        if id_ not in listed and not own[0].document.sessions
    ]
    if loose:
        sections.append(HTML.session("", "In no session", "in no session", loose, False))
    if not sections:
        return HTML.note(EMPTY)
    return HTML.course(_summary(catalogue.reading_ids, records), sections, index)


def _summary(ids: Collection[str], records: Mapping[str, Sequence[Record]]) -> str:
    kinds = [_best_text(records.get(id_, ())) for id_ in ids]
    words = {"paper": "with their text", "abstract": "abstract only", "": "without text"}
    facts = [f"{count} {said}" for kind, said in words.items() if (count := kinds.count(kind))]
    return " · ".join([plural(len(ids), "reading"), *facts])


def _notes(session: ListedSession, records: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    for document in (own[0].document for own in records.values()):
        if document.kind == "notes" and session.number in document.sessions:
            where, title = view_address(document.id), document.title
            yield HTML.notes(document.reading, where, title, _words(title))


def _events(catalogue: Catalogue, session: int | None) -> Iterable[str]:
    """What the course page names beside readings in a session, or before all of them."""
    for event in catalogue.events:
        if event.session == session:
            words = "" if event.alone else event.shown
            yield HTML.event(event.kind.capitalize(), words, _words(event.shown))


def _entry(
    reading: ListedReading, records: Mapping[str, Sequence[Record]], reasons: Mapping[str, str]
) -> str:
    mine = records.get(reading.id, ())
    there = sorted(
        (one for one in mine if one.passages),
        key=lambda one: (one.document.kind != "paper", -one.passages),
    )
    state = _state(there[0]) if there else "no text yet"
    by = (one.document.authors for one in there if one.document.authors)
    authors = reading.authors or next(by, None)
    kind = reading.kind if reading.kind != "paper" else None
    section = "further reading" if reading.section == "more" else ""
    return HTML.reading(
        reading.id,
        reading.title,
        authors,
        _words(reading.title, authors, reading.kind),
        had=_best_text(mine) or "nothing",
        state=state,
        section=" · ".join(filter(None, (kind, section))),
        why=reasons.get(reading.id, ""),
        openers=[_opener(number, one) for number, one in enumerate(there[:4])],
        links=list(_links(reading, there)),
        is_paper=bool(there) and there[0].document.kind == "paper",
    )


def _best_text(records: Sequence[Record]) -> str:
    """The best text there is: "paper", "abstract", or "" for none."""
    kinds = {one.document.kind for one in records if one.passages}
    return "paper" if "paper" in kinds else "abstract" if "abstract" in kinds else ""


def _state(record: Record) -> str:
    if record.document.kind == "abstract":
        return KINDS["abstract"]
    if record.pages:
        return f"full text, {plural(record.pages, 'page')}"
    return "text of its page"


def _reason(need: Need) -> str:
    """Why there is not more of a reading: the first reason, without addresses and error codes."""
    if need.state == "paper":
        return ""
    says = re.sub(r"https?://([^/\s]+)\S*", r"\1", need.problem.partition("; ")[0])
    return cut(re.sub(r"(?<!\s)\s*\((?:\[Errno|[A-Z]\w+Error\b)[^)]*\)", "", says), LONGEST_REASON)


def _opener(number: int, record: Record) -> tuple[str, str, str]:
    """Address, label and title of a document of a reading; the first is the main one."""
    document = record.document
    first = "Read the description" if document.kind == "abstract" else "Read"
    label = first if number == 0 else f"Also: {shortened(document.title, 40)}"
    return view_address(document.id), label, document.title


def _links(reading: ListedReading, there: Sequence[Record]) -> Iterable[tuple[str, str]]:
    urls = [*reading.urls, *(one.document.url or "" for one in there)]
    safe = dict.fromkeys(url for url in urls if safe_url(url))
    for number, url in enumerate(list(safe)[:3], 1):
        yield url, original(url) if number == 1 else f"Link {number}"


def _words(*texts: str | None) -> str:
    """The text that the search box looks in."""
    return " ".join(text for text in texts if text).casefold()


def key_list(found: Sequence[Citation], questions: Sequence[str] = (), reading: str = "") -> str:
    """Key sentences as HTML, each with a button that opens its page, and questions to ask."""
    rows = [
        (
            one.quote,
            view_address(one.document.id, one.passage.id, [one.quote]),
            one.document.place([one.page]) or one.passage.heading or "section",
        )
        for one in found
    ]
    sentences = HTML.key_sentences(rows) if rows else HTML.paragraph(NO_KEY)
    return sentences + (HTML.questions(questions, reading) if questions else "")


# Readings beside each other -------------------------------------------------------------------


def row_json(row: Row) -> dict[str, Any]:
    """A reading as the head of a row."""
    return {
        "reading": row.reading,
        "title": row.title,
        "by": authors_of(row.authors),
        "kind": KINDS[row.kind] if row.kind else STANCES["no text"],
    }


def cell_json(cell: Cell) -> dict[str, Any]:
    """A cell with its HTML, which is escaped."""
    see = opener(cell.citations) if cell.citations else ""
    return {
        "said": cell.said,
        "likely": round(cell.likely, 3),
        "html": COMPARE.cell(cell.text, see, STANCES[cell.said], cell.said, cell.why),
    }


def differences_html(found: Sequence[Difference]) -> str:
    """Differences with both sentences and the ways to their pages, as escaped HTML."""
    rows = [
        (one.said, one.reason, [(each.quote, opener_at(each)) for each in (one.one, one.other)])
        for one in found
    ]
    return COMPARE.differences(rows)


# Study ----------------------------------------------------------------------------------------


def guide_html(guide: Guide) -> str:
    """A guide as HTML: sentences with the way to their pages."""
    summaries = {one.title: (one.answer, opener_at(one)) for one in guide.summaries}
    claims = [(title, summaries.get(title), [(one.quote, opener([one])) for one in found])
              for title, found in guide.claims]  # fmt: skip
    terms = [(one.name, one.citation.quote, opener([one.citation])) for one in guide.terms]
    return STUDY.guide(guide.title, claims, terms)


def item_html(item: StudyItem, number: int) -> str:
    """A question with its options, and the answer with its sentence, which the script unfolds."""
    return STUDY.item(item, number, opener_at(item))


# The addresses --------------------------------------------------------------------------------


def add_keys(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add /key and /find to the application.

    Sentences are found once for every state of the course, one reading at a time, which leaves the
    application its threads.
    """
    one = CapacityLimiter(1)
    made: dict[str, str] = {}
    state: list[Catalogue] = []

    def key(request: Request) -> Response:
        reading = request.path_params["reading"]
        catalogue = course.catalogue()
        if not state or state[0] is not catalogue:
            state[:] = [catalogue]
            made.clear()
        if reading not in made:
            asked = course.questions_about(reading)
            made[reading] = key_list(course.key_sentences(reading), asked, reading)
        return JSONResponse({"html": made[reading]})

    def find(request: Request) -> Response:
        found = course.texts_with(request.query_params.get("words", "")[:LONGEST_SEARCH])
        return JSONResponse(
            {"found": {id_: shortened(" ".join(text.split()), 240) for id_, text in found.items()}}
        )

    add_handler(app, "/key/{reading:path}", key, one)
    add_handler(app, "/find", find, one, limits.look)


def add_tables(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add what begins with /table to the application."""
    one, waiting = CapacityLimiter(1), Share(WAITING)
    rate = Rate(CELLS_A_MINUTE)

    async def cell(request: Request) -> Response:
        address = address_of(request)
        if wait := rate.wait(address):
            return retry_later(too_often(wait), wait)
        if not waiting.take(address):
            return retry_later(BUSY, 5, 503)
        rate.take(address)
        try:
            return await answered(request, partial(_cell, course), one)
        finally:
            waiting.leave(address)

    add_handler(app, "/table/rows", partial(_rows, course), look=limits.look)
    app.add_route("/table/cell", cell)
    for kind in TABLE_TYPES:
        add_handler(app, f"/table.{kind}", partial(_table_file, course), look=limits.look)


def _cell(course: Course, request: Request) -> Response:
    asked = request.query_params
    return JSONResponse(cell_json(course.cell(asked.get("reading", ""), asked.get("question", ""))))


def _table_file(course: Course, request: Request) -> Response:
    kind, asked = request.url.path.rpartition(".")[2], request.query_params
    table = course.known_table(asked.getlist("question"), asked.getlist("reading"))
    content = table_file(table, f"Readings of {course.name} beside each other", kind)
    return attachment(content, f"readings.{kind}", TABLE_TYPES[kind])


def _rows(course: Course, request: Request) -> Response:
    session = number_in(request.query_params.get("session", ""))
    catalogue = course.catalogue()
    found = course.rows(Scope(sessions=frozenset({session} if session is not None else ())))
    fields = {
        "sessions": [(one.number, one.shown) for one in catalogue.sessions],
        "now": course.current_session(),
        "kept": [(one.session, list(one.questions)) for one in course.tables()],
        "differences": differences_html(course.differences(session)),
        "rows": [row_json(row) for row in found[:MOST_ROWS]],
        "left": max(0, len(found) - MOST_ROWS),
    }
    return JSONResponse(fields)


def add_study(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add what begins with /study to the application."""
    one = CapacityLimiter(1)
    handlers = {"/study/sessions": _sessions, "/study/session/{number:int}": _session}
    handlers |= {f"/study/{{number:int}}.{kind}": _study_file for kind in GUIDE_TYPES}
    for path, handler in handlers.items():
        add_handler(app, path, partial(handler, course), one, limits.look)


def _sessions(course: Course, _request: Request) -> Response:
    guides = course.guides()
    found = [
        (one.number, one.shown)
        for one in course.catalogue().sessions
        if one.number in guides or course.study(one.number)
    ]
    return JSONResponse({"sessions": found, "now": course.current_session()})


def _session(course: Course, request: Request) -> Response:
    guide, items = _opened(course, request)
    return JSONResponse(
        {
            "guide": guide_html(guide) if guide else "",
            "items": [item_html(one, number) for number, one in enumerate(items, 1)],
            "remark": "" if guide or items else NOTHING,
        }
    )


def _study_file(course: Course, request: Request) -> Response:
    kind = request.url.path.rpartition(".")[2]
    guide, items = _opened(course, request)
    number = request.path_params["number"]
    content = guide_file(guide, items, f"Session {number}", kind, course.name)
    return attachment(content, f"session-{number}.{kind}", GUIDE_TYPES[kind])


def _opened(course: Course, request: Request) -> tuple[Guide | None, tuple[StudyItem, ...]]:
    number = request.path_params["number"]
    guide = course.guide(number) if number in course.guides() else None
    return guide, course.study(number)
