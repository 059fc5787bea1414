"""The view in which the course is browsed: sessions, readings, what is indexed, what could not be
had; and a reading's key sentences, on demand. Imports Gradio where it lays itself out.

    GET /key/{reading}   the key sentences of a reading, as escaped HTML in JSON
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from seminar_rag.errors import NotFoundError, SeminarError
from seminar_rag.ingest.report import needs
from seminar_rag.types import Citation, Document
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.ingest import Need
from seminar_rag.ui.chat import render
from seminar_rag.ui.chat.exchange import counted
from seminar_rag.ui.chat.openers import address, opener

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_REASON = 160
"""Characters."""
EMPTY = "Nothing is in the course yet."
NO_KEY = "No sentence of this text stands for the rest."


class BrowsedCourse(Protocol):
    """What the course view needs of a course."""

    def catalogue(self) -> Catalogue:
        """Sessions, readings and documents, as of now."""

    def key_sentences(self, reading: str, n: int = ...) -> tuple[Citation, ...]:
        """Up to n sentences that say most of what a reading says."""


class CourseView:
    """Builds its component where it is made; `wire` fills it whenever its tab is opened."""

    def __init__(self, course: BrowsedCourse) -> None:
        import gradio as gr

        self._course = course
        self._shown = gr.HTML(apply_default_css=False, elem_id="course")

    def wire(self, tab: Any) -> None:
        """Show the course as it is when the tab is chosen."""
        tab.select(
            self._show,
            None,
            self._shown,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _show(self) -> str:
        try:
            return listing(self._course.catalogue())
        except SeminarError as error:
            return render.message(str(error))


# As HTML ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the readings, by reading id."""

    records: dict[str, list[Record]]
    needs: dict[str, Need]


def listing(catalogue: Catalogue) -> str:
    """The course: its sessions with their readings and notes, then what no session lists."""
    records: dict[str, list[Record]] = {}
    for record in catalogue.records.values():
        records.setdefault(record.document.reading, []).append(record)
    known = _Known(records, {need.reading: need for need in needs(catalogue)})
    parts = [_session(session, known) for session in catalogue.sessions]
    listed = {reading.id for session in catalogue.sessions for reading in session.readings}
    loose = [
        own[0].document
        for id_, own in records.items()
        if id_ not in listed and not own[0].document.sessions
    ]
    if loose:
        entries = "".join(_entry(_of(document), known) for document in loose)
        parts.append(_section("", "In no session", entries))
    if not parts:
        return f'<p class="course-note">{EMPTY}</p>'
    return (
        '<div class="course-head"><input type="search" id="find-reading" autocomplete="off" '
        'placeholder="Search sessions, titles, authors" aria-label="Search the readings">'
        f'<p class="course-note" role="status">{_summary(catalogue, known)}</p></div>'
        + "".join(parts)
    )


def _summary(catalogue: Catalogue, known: _Known) -> str:
    ids = {reading.id for session in catalogue.sessions for reading in session.readings}
    ids |= {id_ for id_, own in known.records.items() if own[0].document.kind != "notes"}
    kinds = [_had(known.records.get(id_, ())) for id_ in ids]
    facts = [counted(len(ids), "reading")]
    for kind, words in (
        ("paper", "with their text"),
        ("abstract", "as described"),
        ("", "missing"),
    ):
        if count := kinds.count(kind):
            facts.append(f"{count} {words}")
    return " · ".join(facts)


def _session(session: ListedSession, known: _Known) -> str:
    entries = [_entry(reading, known) for reading in session.readings]
    for own in known.records.values():
        document = own[0].document
        if document.kind == "notes" and session.number in document.sessions:
            entries.append(_notes(own[0]))
    return _section(str(session.number), session.title, "".join(entries))


def _section(number: str, title: str, entries: str) -> str:
    shown = f'<span class="session-number">{number}</span> ' if number else ""
    return (
        f'<section class="session" data-words="{_words(number, title)}">'
        f"<h2>{shown}{escape(title)}</h2><ul>{entries}</ul></section>"
    )


def _entry(reading: ListedReading, known: _Known) -> str:
    records = known.records.get(reading.id, [])
    there = sorted(
        (one for one in records if one.passages),
        key=lambda one: (one.document.kind != "paper", -one.passages),
    )
    need = known.needs.get(reading.id)
    had = _had(records)
    state = _state(there[0]) if there else "not indexed"
    if reading.section == "more":
        state += " · further reading"
    by = f'<p class="by">{escape(reading.authors)}</p>' if reading.authors else ""
    why = f'<p class="why">{escape(_reason(need))}</p>' if need and _reason(need) else ""
    deeds = [*_openers(there), *_about(reading, there), *_originals(reading, there)]
    return (
        f'<li class="entry" data-words="{_words(reading.title, reading.authors)}">'
        f'<p class="entry-title">{escape(reading.title)}</p>{by}'
        f'<p class="state" data-had="{had or "nothing"}">{escape(state)}</p>{why}'
        f'<p class="deeds">{"".join(deeds)}</p></li>'
    )


def _notes(record: Record) -> str:
    document = record.document
    shown = opener(address(document.id), "Read", document.title)
    return (
        f'<li class="entry" data-words="{_words(document.title)}">'
        f'<p class="entry-title">{escape(document.title)}</p>'
        f'<p class="state" data-had="notes">student notes</p><p class="deeds">{shown}</p></li>'
    )


def _had(records: Sequence[Record]) -> str:
    """ "paper", "abstract", or "" where there is no text."""
    kinds = {one.document.kind for one in records if one.passages}
    return "paper" if "paper" in kinds else "abstract" if "abstract" in kinds else ""


def _state(record: Record) -> str:
    if record.document.kind == "abstract":
        return render.KINDS["abstract"]
    if record.pages:
        return f"full text, {counted(record.pages, 'page')}"
    return "text of its page"


def _reason(need: Need) -> str:
    """Why there is not more of a reading: the first reason, without addresses and errors' codes."""
    if need.state == "paper":
        return ""
    says = re.sub(r"https?://([^/\s]+)\S*", r"\1", need.problem.partition("; ")[0])
    says = re.sub(r"\s*\((?:\[Errno|[A-Z]\w+Error\b)[^)]*\)", "", says)
    return says if len(says) <= LONGEST_REASON else f"{says[:LONGEST_REASON].rsplit(' ', 1)[0]} …"


def _openers(there: Sequence[Record]) -> Iterable[str]:
    for number, record in enumerate(there[:4]):
        document = record.document
        first = "Read the description" if document.kind == "abstract" else "Read"
        text = first if number == 0 else f"Also: {_short(document.title)}"
        yield opener(address(document.id), text, document.title)


def _about(reading: ListedReading, there: Sequence[Record]) -> Iterable[str]:
    if not there:
        return
    id_, title = escape(reading.id), escape(reading.title)
    yield (
        f'<button type="button" data-about="{id_}" aria-label="Ask about this reading: {title}">'
        "Ask about this reading</button>"
    )
    if there[0].document.kind == "paper":
        yield (
            f'<button type="button" data-key="{id_}" aria-expanded="false" '
            f'aria-label="Key sentences: {title}">Key sentences</button>'
        )


def _originals(reading: ListedReading, there: Sequence[Record]) -> Iterable[str]:
    urls = [*reading.urls, *(one.document.url or "" for one in there)]
    safe = dict.fromkeys(url for url in urls if render.safe_url(url))
    for number, url in enumerate(list(safe)[:3], 1):
        text = "Original" if number == 1 else f"Link {number}"
        yield (
            f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer" '
            f'aria-label="{text}: {escape(reading.title)}">{text}</a>'
        )


def _of(document: Document) -> ListedReading:
    """A document that no session lists, as a reading."""
    return ListedReading(document.reading, document.title, document.authors)


def _words(*texts: str | None) -> str:
    return escape(" ".join(text for text in texts if text).casefold())


def _short(title: str) -> str:
    return title if len(title) <= 40 else f"{title[:39].rstrip()}…"


def key_list(found: Sequence[Citation]) -> str:
    """Key sentences, each with what opens its page."""
    if not found:
        return f"<p>{NO_KEY}</p>"
    rows = []
    for one in found:
        where = address(one.document.id, one.passage.id, [one.quote])
        text = f"p. {one.page}" if one.page else one.passage.heading or "section"
        rows.append(f"<li>{escape(one.quote)} {opener(where, text, one.quote)}</li>")
    return f"<ol>{''.join(rows)}</ol>"


# The address --------------------------------------------------------------------------------------


def add_keys(app: FastAPI, course: BrowsedCourse) -> None:
    """The route above. Sentences are found once for every state of the course, one reading at a
    time, which leaves the application its threads."""
    from anyio import CapacityLimiter, to_thread
    from starlette.responses import JSONResponse

    one = CapacityLimiter(1)
    made: dict[str, str] = {}
    state: list[Catalogue] = []

    def found(request: Request) -> Response:
        reading = request.path_params["reading"]
        try:
            catalogue = course.catalogue()
            if not state or state[0] is not catalogue:
                state[:] = [catalogue]
                made.clear()
            if reading not in made:
                made[reading] = key_list(course.key_sentences(reading))
            return JSONResponse({"html": made[reading]})
        except SeminarError as error:
            status = 404 if isinstance(error, NotFoundError) else 503
            return JSONResponse({"html": f"<p>{escape(str(error))}</p>"}, status)

    async def key(request: Request) -> Response:
        return await to_thread.run_sync(found, request, limiter=one)

    app.add_route("/key/{reading:path}", key)
