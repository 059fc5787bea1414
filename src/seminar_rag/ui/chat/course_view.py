"""The view in which the course is browsed: sessions, readings, what is indexed, what is missing.

GET /key/{reading}   the key sentences of a reading and questions about it, as escaped HTML in JSON
GET /find?words=…    the readings whose text has these words, each with where, as JSON
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.text import cut, plural
from seminar_rag.types import Citation
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.ingest import Need
from seminar_rag.ui.chat.render import PARTS, original
from seminar_rag.ui.shared.answering import add_handler
from seminar_rag.ui.shared.limits import Limits
from seminar_rag.ui.shared.wording import KINDS, safe_url, shortened, view_address

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course

HTML = Template("ui/templates/course.html")
LONGEST_REASON = 160
"""Characters of a reason why there is not more of a reading."""
LONGEST_SEARCH = 200
"""Characters of what is looked for in the texts."""
EMPTY = "Nothing is in the course yet."
NO_KEY = "No sentence of this text stands for the rest."


def shown(course: Course) -> str:
    """The course as it is now, as HTML."""
    try:
        return reading_list(course.catalogue(), course.needs(), course.current_session())
    except SeminarError as error:
        return PARTS.message(str(error))


# As HTML --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the readings, by reading id."""

    records: dict[str, list[Record]]
    needs: dict[str, Need]


def reading_list(catalogue: Catalogue, needs: Iterable[Need], now: int | None = None) -> str:
    """List the sessions with their readings and notes, then what no session lists, as HTML.

    Args:
        needs: what is wrong with readings, which says why there is not more of them.
        now: the number of the session that meets now.
    """
    records = catalogue.by_reading
    known = _Known(records, {need.reading: need for need in needs})
    sections = [_session(session, known, now) for session in catalogue.sessions]
    index = [(str(one.number), one.title, one.number == now) for one in catalogue.sessions]
    listed = {reading.id for session in catalogue.sessions for reading in session.readings}
    loose = [
        _entry(ListedReading(id_, own[0].document.title, own[0].document.authors), known)
        for id_, own in records.items()
        if id_ not in listed and not own[0].document.sessions
    ]
    if loose:
        sections.append(HTML.session("", "In no session", "in no session", loose, False))
    if not sections:
        return HTML.note(EMPTY)
    return HTML.course(_summary(catalogue.reading_ids, known), sections, index)


def _summary(ids: Collection[str], known: _Known) -> str:
    kinds = [_had(known.records.get(id_, ())) for id_ in ids]
    words = {"paper": "with their text", "abstract": "abstract only", "": "without text"}
    facts = [f"{count} {said}" for kind, said in words.items() if (count := kinds.count(kind))]
    return " · ".join([plural(len(ids), "reading"), *facts])


def _session(session: ListedSession, known: _Known, now: int | None) -> str:
    entries = [_entry(reading, known) for reading in session.readings]
    for own in known.records.values():
        document = own[0].document
        if document.kind == "notes" and session.number in document.sessions:
            where, title = view_address(document.id), document.title
            entries.append(HTML.notes(document.reading, where, title, _words(title)))
    words = _words(str(session.number), session.shown)
    return HTML.session(str(session.number), session.shown, words, entries, session.number == now)


def _entry(reading: ListedReading, known: _Known) -> str:
    records = known.records.get(reading.id, [])
    there = sorted(
        (one for one in records if one.passages),
        key=lambda one: (one.document.kind != "paper", -one.passages),
    )
    state = _state(there[0]) if there else "no text yet"
    need = known.needs.get(reading.id)
    by = (one.document.authors for one in there if one.document.authors)
    authors = reading.authors or next(by, None)
    return HTML.reading(
        reading.id,
        reading.title,
        authors,
        _words(reading.title, authors),
        had=_had(records) or "nothing",
        state=state,
        section="further reading" if reading.section == "more" else "",
        why=_reason(need) if need else "",
        openers=[_opener(number, one) for number, one in enumerate(there[:4])],
        links=list(_links(reading, there)),
        is_paper=bool(there) and there[0].document.kind == "paper",
    )


def _had(records: Sequence[Record]) -> str:
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
    said = HTML.key_sentences(rows) if rows else HTML.paragraph(NO_KEY)
    return said + (HTML.questions(questions, reading) if questions else "")


# The address ----------------------------------------------------------------------------------


def add_keys(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add the addresses above to the application.

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
