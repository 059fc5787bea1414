"""The view in which a text is pasted and checked. Imports Gradio at the top, as `page` does."""

from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from collections.abc import Generator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.as_json import report_json
from seminar_rag.types.check import Report, Source
from seminar_rag.ui.chat.render import PARTS
from seminar_rag.ui.export.check_report import to_fragment, to_html
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
from seminar_rag.ui.shared.wording import LONGEST_TITLE, shortened, show_place, view_address

if TYPE_CHECKING:
    from seminar_rag.course import Course

HTML = Template("ui/templates/check.html")
log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two states of a growing report."""
EMPTY = "Paste a text first."
CRASHED = "Something went wrong while checking; the server's log says what. Try again."

Update = dict[Any, Any]


class CheckView:
    """The tab's components, built where the view is made; `wire` connects them."""

    def __init__(self, course: Course, limits: Limits) -> None:
        """Args:
        limits: how often one client may ask, checks included.
        """
        self._course = course
        self._limits = limits
        with gr.Column(elem_id="checking", min_width=0):
            html_part("check-notice", HTML.notice(course.check_notice))
            self._box = gr.Textbox(
                elem_id="manuscript",
                label="Check an essay, summary or chatbot answer against the readings",
                placeholder="Paste plain text or Markdown, with its reference list if it has one",
                lines=10,
                max_lines=18,
                min_width=0,
            )
            with gr.Row(elem_id="check-bar"):
                self._start = gr.Button(
                    "Check", variant="primary", elem_id="check", scale=0, min_width=72
                )
                self._open = gr.Button("Upload a file", elem_id="check-open", scale=0, min_width=72)
                self._stop = gr.Button(
                    "Stop", elem_id="check-stop", scale=0, min_width=72, visible=False
                )
                self._state = html_part("check-state")
            html_part("check-filter", HTML.filter())
            self._report = html_part("report")
            self._save = html_part("check-save")

    def wire(self) -> None:
        """Connect the buttons. One text at a time is checked; others wait in line."""
        parts = [self._state, self._report, self._start, self._stop, self._save]
        read = f"(text) => seminar.readFile(text, {LARGEST_FILE})"
        self._open.click(None, self._box, self._box, js=read, **HIDDEN)
        running = self._start.click(
            self._check,
            self._box,
            parts,
            concurrency_limit=1,
            concurrency_id="checks",
            **{**HIDDEN, "queue": True},
        )
        ended = [self._state, self._start, self._stop]
        self._stop.click(self._halt, None, ended, cancels=[running], **HIDDEN)

    def _check(self, text: str, request: gr.Request) -> Iterator[Update]:
        if problem := self._problem(text, request):
            yield {self._state: PARTS.message(problem)}
            return
        yield {self._state: HTML.state("Reading", running=True), self._report: "", self._save: "",
               **self._buttons(running=True)}  # fmt: skip
        try:
            complete = yield from self._grow(text)
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
            return EMPTY
        if problem := text_problem(text):
            return problem
        wait = self._limits.admit(request.session_hash, address_of(request))
        return too_often(wait) if wait else ""

    def _grow(self, text: str) -> Generator[Update, None, bool]:
        """Yield the report every `PACE` seconds while it grows, and once at its end; returns
        whether it is complete."""
        checking = self._course.check(text)
        shown_at = time.monotonic()
        for done, _ in enumerate(within(LONGEST_CHECK, checking), 1):
            if time.monotonic() - shown_at >= PACE:
                shown_at = time.monotonic()
                yield {
                    self._state: HTML.state(
                        f"Checking sentence {done} of {checking.total}", running=True
                    ),
                    self._report: _on_page(checking.report(running=True), text),
                }
        report = checking.report()
        yield {
            self._report: _on_page(report, text),
            self._save: self._save_links(report, text),
        }
        return len(report.items) == report.total

    def _save_links(self, report: Report, text: str) -> str:
        """Links that save the report. They contain it, so that the server keeps nothing."""
        title = shortened(text.strip().partition("\n")[0].lstrip("# "), LONGEST_TITLE)
        about = f"{self._course.name}, {datetime.now().astimezone():%d %B %Y}"
        files = (
            ("Save report (HTML)", "report.html", "text/html", to_html(report, title, about, text)),
            ("Save report (JSON)", "report.json", "application/json", _json(report)),
        )
        return HTML.saves(
            [
                (label, name, f"data:{kind};base64,{b64encode(content.encode()).decode()}")
                for label, name, kind, content in files
            ]
        )

    def _halt(self) -> Update:
        return {self._state: HTML.state("Stopped", running=False), **self._buttons(running=False)}

    def _buttons(self, *, running: bool) -> Update:
        return {
            self._start: gr.update(visible=not running),
            self._stop: gr.update(visible=running),
        }


def _on_page(report: Report, text: str) -> str:
    return to_fragment(report, _opener, text, folded=True)


def _opener(source: Source) -> str:
    """The button that opens the page view at a piece of evidence."""
    where = view_address(source.document.id, source.passage, [source.quote])
    text = show_place(source.document, [source.page])
    return PARTS.opener(where, text, source.document.title)


def _json(report: Report) -> str:
    return json.dumps(report_json(report), indent=1)
