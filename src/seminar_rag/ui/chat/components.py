"""Groups of components of the page with events of their own: the scope of a question, and the tab
in which a text is checked. Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types import NOTES, READINGS, Document, Kind, Scope
from seminar_rag.types.as_json import report_json
from seminar_rag.types.check import EvidenceSource, Report
from seminar_rag.ui.chat.render import HTML, PARTS
from seminar_rag.ui.export.check_report import to_fragment, to_html
from seminar_rag.ui.shared.browser import scope_of
from seminar_rag.ui.shared.conversation import WHOLE_COURSE
from seminar_rag.ui.shared.gradio_pages import HIDDEN, html_part
from seminar_rag.ui.shared.limits import (
    CHECK_ENDED,
    LARGEST_FILE,
    LONGEST_CHECK,
    Limits,
    address_of,
    text_problem,
    too_often,
    within,
)
from seminar_rag.ui.shared.logs import safe_traceback
from seminar_rag.ui.shared.wording import (
    LONGEST_TITLE,
    scope_in_words,
    shortened,
    show_place,
    titles,
    view_address,
)

if TYPE_CHECKING:
    from seminar_rag.course import Course

KINDS: Mapping[str, frozenset[Kind]] = {
    "Readings and notes": frozenset(),
    "Readings": READINGS,
    "Student notes": NOTES,
}
ANY_KIND = next(iter(KINDS))
ASK_EVERYTHING = "Ask the whole course"
REQUIRED = "Only required readings"
NONE_REQUIRED = "Only required readings (there are none here)"
CHECK = Template("ui/templates/check.html")
log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two states of a growing report."""
NO_TEXT = "Paste a text first."
CRASHED = "Something went wrong while checking; the server's log says what. Try again."

Update = dict[Any, Any]


class ScopeBar:
    """The components that choose a scope, built where the bar is made.

    `inputs` are those that a scope is made of, `parts` those that `show` changes.
    """

    def __init__(self, course: Course, chip: gr.HTML) -> None:
        """Args:
        chip: shows above the question what part of the course it is asked of.
        """
        self._course = course
        self._chip = chip
        # Gradio keeps choices per open page in the server's memory. A server that was started anew
        # knows none, and would refuse what the page offers; so only `show` makes it strict.
        free: dict[str, Any] = {"multiselect": True, "allow_custom_value": True, "min_width": 0}
        self.titles: Mapping[str, str] = {}
        with gr.Accordion(ASK_EVERYTHING, open=False, elem_id="scope") as self.bar:
            with gr.Row(elem_id="scope-lists"):
                self.sessions = gr.Dropdown([], label="Sessions", elem_id="sessions", **free)
                self.readings = gr.Dropdown([], label="Readings", elem_id="readings", **free)
            with gr.Row(elem_id="scope-kinds"):
                self.kind = gr.Radio(
                    list(KINDS), value=ANY_KIND, label="Search in", elem_id="kind", min_width=0
                )
                self.required = gr.Checkbox(label=REQUIRED, elem_id="required", min_width=0)
        self._read = gr.Button("Read the scope", elem_id="read-scope", visible="hidden")
        self.inputs = [self.sessions, self.readings, self.kind, self.required]
        self.parts = [*self.inputs, self.bar, chip]

    def wire(self, quick: Mapping[str, Any]) -> None:
        """Keep the label up to date."""
        # Of what a person does only: `show` names its scope itself, and its several changes at once
        # would be answered in any order. A list that its Clear button empties tells of no input, so
        # the page's script presses `read`.
        gr.on(
            [*(one.input for one in self.inputs), self._read.click],
            self._name,
            self.inputs,
            [self.required, self.bar, self._chip],
            trigger_mode="always_last",
            **quick,
        )

    def show(self, scope: Scope = WHOLE_COURSE) -> dict[Any, Any]:
        """Offer what the course has now, with `scope` chosen, as an update.

        Sessions and readings that the course has no longer are left out; `lost` names them. Raises
        StoreError: the index cannot be read."""
        documents = self._course.documents()
        self.titles = titles(documents)
        sessions = [(f"{n} · {title}", n) for n, title, *_ in self._course.sessions()]
        readings = [(label, id_) for id_, label in _listed(documents)]
        kind = next((word for word, kinds in KINDS.items() if kinds == scope.kinds), ANY_KIND)
        known = replace(
            scope,
            sessions=scope.sessions & {number for _, number in sessions},
            readings=scope.readings & set(self.titles),
            kinds=KINDS[kind],
        )
        any_required = has_required(documents.values(), known)
        known = replace(known, required_only=known.required_only and any_required)
        return {
            self.sessions: _offered(sessions, known.sessions),
            self.readings: _offered(readings, known.readings),
            self.kind: kind,
            self.required: _required(known.required_only, any_required),
            **self._named(known),
        }

    def lost(self, scope: Scope) -> bool:
        """Whether `scope` names a session or reading that the course has no longer."""
        sessions = {number for number, *_ in self._course.sessions()}
        return not (scope.sessions <= sessions and scope.readings <= set(self.titles))

    def _named(self, scope: Scope) -> dict[Any, Any]:
        """The scope in words, in the bar's label and above the question."""
        words = scope_in_words(scope, self.titles)
        return {
            self.bar: gr.update(label=f"Ask {words}" if words else ASK_EVERYTHING),
            self._chip: HTML.scope_chip(words),
        }

    def _name(self, sessions: Any, readings: Any, kind: Any, required: Any) -> dict[Any, Any]:
        scope = chosen(sessions, readings, kind, required)
        try:
            any_required = has_required(self._course.documents().values(), scope)
        except SeminarError:  # shown when the question is asked
            any_required = True
        scope = replace(scope, required_only=scope.required_only and any_required)
        # The box keeps its tick where it can: by now another scope may have been shown.
        ticked = None if any_required else False
        return {self.required: _required(ticked, any_required), **self._named(scope)}


def has_required(documents: Iterable[Document], scope: Scope) -> bool:
    """Whether anything that `scope` allows is a required reading."""
    asked = replace(scope, required_only=True)
    return any(asked.admits(one) for one in documents)


def _required(value: bool | None, possible: bool) -> Any:
    """The box of required readings, as an update; its tick stays for None."""
    settings = {"label": REQUIRED if possible else NONE_REQUIRED, "interactive": possible}
    return gr.update(**settings) if value is None else gr.update(value=value, **settings)


def _offered(choices: Sequence[tuple[str, Any]], wanted: Collection[Any]) -> Any:
    values = [value for _, value in choices if value in wanted]
    return gr.update(choices=list(choices), value=values, allow_custom_value=False)


def chosen(sessions: Any, readings: Any, kind: Any, required: Any) -> Scope:
    """Read the scope from the components' values, whatever a browser sent as those."""
    kinds = KINDS.get(kind, frozenset()) if isinstance(kind, str) else ()
    return scope_of(
        {"sessions": sessions, "readings": readings, "kinds": [*kinds], "required": required}
    )


def _listed(documents: Mapping[str, Document]) -> list[tuple[str, str]]:
    where = {one.reading: one.sessions for one in documents.values()}
    rows = sorted(titles(documents).items(), key=lambda row: (where[row[0]][:1] or (9999,), row[1]))
    return [(id_, f"{where[id_][0]} · {title}" if where[id_] else title) for id_, title in rows]


# Checking a text ------------------------------------------------------------------------------


class CheckView:
    """The tab's components, built where the view is made; `wire` connects them."""

    def __init__(self, course: Course, limits: Limits) -> None:
        self._course = course
        self._limits = limits
        self._busy = False
        self._asked: list[tuple[str | None, threading.Event]] = []
        """The runs that have not ended: for which open page, and set where one is to stop."""
        with gr.Column(elem_id="checking", min_width=0):
            html_part("check-notice", CHECK.notice(course.check_notice))
            self._box = gr.Textbox(
                elem_id="manuscript",
                label="Check an essay, summary or chatbot answer against the readings",
                placeholder="Paste plain text or Markdown, with its reference list if it has one",
                lines=10,
                max_lines=18,
                min_width=0,
            )
            with gr.Row(elem_id="check-bar"):
                size: dict[str, Any] = {"scale": 0, "min_width": 72}
                self._start = gr.Button("Check", variant="primary", elem_id="check", **size)
                self._open = gr.Button("Upload a file", elem_id="check-open", **size)
                self._stop = gr.Button("Stop", elem_id="check-stop", visible=False, **size)
                self._state = html_part("check-state")
            html_part("check-filter", CHECK.filter())
            self._report = html_part("report")
            self._save = html_part("check-save")

    def wire(self) -> None:
        """Connect the buttons. One text at a time is checked; others wait in line."""
        parts = [self._state, self._report, self._start, self._stop, self._save]
        read = f"(text) => seminar.readFile(text, {LARGEST_FILE})"
        self._open.click(None, self._box, self._box, js=read, **HIDDEN)
        begun = self._start.click(self._begin, None, parts, **HIDDEN)
        begun.then(
            self._check,
            self._box,
            parts,
            concurrency_limit=1,
            concurrency_id="checks",
            trigger_mode="multiple",  # one that was stopped goes on until its sentence is done
            **{**HIDDEN, "queue": True},
        )
        ended = [self._state, self._start, self._stop]
        self._stop.click(self._halt, None, ended, **HIDDEN)

    def _begin(self, request: gr.Request) -> Update:
        """Say at once that the text is taken, also where it has to wait."""
        self._asked.append((request.session_hash, threading.Event()))
        state = "Waiting for another check to end" if self._busy else "Reading"
        return {self._state: CHECK.state(state, running=True), **self._buttons(running=True)}

    def _check(self, text: str, request: gr.Request) -> Iterator[Update]:
        if not self._runs(request):  # a program asked, which pressed nothing before
            self._asked.append((request.session_hash, threading.Event()))
        stop = self._runs(request)[0]
        try:
            if stop.is_set():
                yield {self._save: gr.skip()}
            elif problem := self._problem(text, request):
                yield {self._state: PARTS.message(problem), **self._buttons(running=False)}
            else:
                self._busy = True
                yield from self._checked(text, stop)
            if stop.is_set() and len(self._runs(request)) == 1:  # none waits behind it
                stopped = CHECK.state("Stopped", running=False)
                yield {self._state: stopped, **self._buttons(running=False)}
        finally:
            self._busy = False
            self._asked.remove((request.session_hash, stop))

    def _checked(self, text: str, stop: threading.Event) -> Iterator[Update]:
        yield {self._state: CHECK.state("Reading", running=True), self._report: "", self._save: "",
               **self._buttons(running=True)}  # fmt: skip
        try:
            complete = yield from self._grow(text, stop)
            if not stop.is_set():
                ended = CHECK_ENDED.format(minutes=plural(int(LONGEST_CHECK) // 60, "minute"))
                state = "" if complete else PARTS.message(ended)
                yield {self._state: state, **self._buttons(running=False)}
        except SeminarError as error:
            yield {self._state: PARTS.message(str(error)), **self._buttons(running=False)}
        except Exception as error:  # noqa: BLE001 - logged below, without the text
            log.error("a text could not be checked: %s", safe_traceback(error, text))
            yield {self._state: PARTS.message(CRASHED), **self._buttons(running=False)}

    def _problem(self, text: str, request: gr.Request) -> str:
        """Say why the text cannot be checked; "" where it can."""
        if not (text or "").strip():
            return NO_TEXT
        if problem := text_problem(text):
            return problem
        wait = self._limits.admit(request.session_hash, address_of(request))
        return too_often(wait) if wait else ""

    def _grow(self, text: str, stop: threading.Event) -> Generator[Update, None, bool]:
        """Yield the report every `PACE` seconds while it grows, and once when it has ended or was
        stopped, with what saves it; returns whether it is complete."""
        checking = self._course.check(text)
        shown_at = time.monotonic()
        for done, _ in enumerate(within(LONGEST_CHECK, checking), 1):
            if stop.is_set():
                break
            if time.monotonic() - shown_at >= PACE:
                shown_at = time.monotonic()
                state = f"Checking sentence {done} of {checking.total}"
                shown = to_fragment(checking.report(running=True), _opener, text, folded=True)
                yield {self._state: CHECK.state(state, running=True), self._report: shown}
        report = checking.report()
        shown = to_fragment(report, _opener, text, folded=True)
        yield {self._report: shown, self._save: self._save_links(report, text)}
        return len(report.items) == report.total

    def _save_links(self, report: Report, text: str) -> str:
        """Links that save the report. They contain it, so that the server keeps nothing."""
        title = shortened(text.strip().partition("\n")[0].lstrip("# "), LONGEST_TITLE)
        about = f"{self._course.name}, {datetime.now().astimezone():%d %B %Y}"
        page = to_html(report, title, about, text)
        values = json.dumps(report_json(report), indent=1)
        files = (
            ("Save report (HTML)", "report.html", "text/html", page),
            ("Save report (JSON)", "report.json", "application/json", values),
        )
        return CHECK.saves(
            [
                (label, name, f"data:{kind};base64,{b64encode(content.encode()).decode()}")
                for label, name, kind, content in files
            ]
        )

    def _halt(self, request: gr.Request) -> Update:
        for stop in self._runs(request):
            stop.set()
        return {self._state: CHECK.state("Stopped", running=False), **self._buttons(running=False)}

    def _runs(self, request: gr.Request) -> list[threading.Event]:
        """What stops the runs of an open page, first the one whose turn it is."""
        return [stop for page, stop in self._asked if page == request.session_hash]

    def _buttons(self, *, running: bool) -> Update:
        return {self._start: gr.update(visible=not running), self._stop: gr.update(visible=running)}


def _opener(source: EvidenceSource) -> str:
    """The button that opens the page view at a piece of evidence."""
    where = view_address(source.document.id, source.passage, [source.quote])
    text = show_place(source.document, [source.page])
    return PARTS.opener(where, text, source.document.title)
