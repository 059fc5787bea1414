"""The view in which a text is pasted and checked. Imports Gradio at the top, as `page` does."""

from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.types.as_json import report_json
from seminar_rag.types.check import Report, Source
from seminar_rag.ui.api.logs import told_of
from seminar_rag.ui.api.routes import LARGEST_FILE
from seminar_rag.ui.chat import render
from seminar_rag.ui.chat.chat import LONGEST_TEXT, TEXT_TOO_LONG, ChatCourse, too_often
from seminar_rag.ui.chat.openers import address, opener
from seminar_rag.ui.chat.visitor import address_of, key_of
from seminar_rag.ui.export.check_report import to_fragment, to_html
from seminar_rag.ui.limits import Limits

log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two states of a growing report."""
EMPTY = "Paste a text first."
OPEN_FILE = """
(text) => new Promise((resolve) => {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".md,.markdown,.txt,.pdf,.docx,text/plain,text/markdown";
  const button = document.getElementById("check-open");
  const refuse = (why) => { alert(why); resolve(text); };
  input.addEventListener("cancel", () => resolve(text));
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return resolve(text);
    if (file.size > LARGEST) return refuse("The file is too large; check it in parts.");
    const head = await file.slice(0, 1024).text();
    if (!head.includes("\\u0000") && !head.includes("%PDF-") && !head.startsWith("PK"))
      return resolve(await file.text());
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch("check/text", { method: "POST", body: file });
      const told = await answer.text();
      answer.ok ? resolve(told) : refuse(told);
    } catch {
      refuse("The file could not be read: the server does not answer. Try again.");
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  input.click();
})
""".replace("LARGEST", str(LARGEST_FILE))
"""Puts the text of a file into the box. A text is read in the browser; a PDF or DOCX is sent to the
server, which answers with its text and keeps nothing."""
CRASHED = "Something went wrong while checking; the server's log says what. Try again."

Update = dict[Any, Any]


class CheckView:
    """Builds its components where it is made; `wire` says what happens with them."""

    def __init__(self, course: ChatCourse, limits: Limits) -> None:
        """Args:
        limits: how often one client may ask, checks included.
        """
        self._course = course
        self._limits = limits
        with gr.Column(elem_id="checking", min_width=0):
            self._box = gr.Textbox(
                elem_id="manuscript",
                label="A text to hold against the readings: an essay, a summary, another answer",
                placeholder="Paste plain text or Markdown, with its reference list if it has one",
                lines=10,
                max_lines=18,
                min_width=0,
            )
            with gr.Row(elem_id="check-bar"):
                self._start = gr.Button(
                    "Check", variant="primary", elem_id="check", scale=0, min_width=72
                )
                self._open = gr.Button("Open a file", elem_id="check-open", scale=0, min_width=72)
                self._stop = gr.Button(
                    "Stop", elem_id="check-stop", scale=0, min_width=72, visible=False
                )
                self._state = gr.HTML(apply_default_css=False, elem_id="check-state")
            self._report = gr.HTML(apply_default_css=False, elem_id="report")
            self._save = gr.HTML(apply_default_css=False, elem_id="check-save")

    def wire(self) -> None:
        """Connect the buttons. One text at a time is checked; others wait in line."""
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        parts = [self._state, self._report, self._start, self._stop, self._save]
        self._open.click(None, self._box, self._box, js=OPEN_FILE, queue=False, **hidden)
        running = self._start.click(
            self._check,
            self._box,
            parts,
            concurrency_limit=1,
            concurrency_id="checks",
            **hidden,
        )
        ended = [self._state, self._start, self._stop]
        self._stop.click(self._halt, None, ended, cancels=[running], queue=False, **hidden)

    def _check(self, text: str, request: gr.Request) -> Iterator[Update]:
        if not (text or "").strip():
            yield {self._state: render.message(EMPTY)}
            return
        if len(text) > LONGEST_TEXT:
            problem = TEXT_TOO_LONG.format(length=len(text), limit=LONGEST_TEXT)
            yield {self._state: render.message(problem)}
            return
        if wait := self._limits.admit(key_of(request), address_of(request)):
            yield {self._state: render.message(too_often(wait))}
            return
        yield {self._state: _state("Reading"), self._report: "", self._save: "",
               **self._buttons(running=True)}  # fmt: skip
        try:
            yield from self._grow(text)
            yield {self._state: "", **self._buttons(running=False)}
        except SeminarError as error:
            yield {self._state: render.message(str(error)), **self._buttons(running=False)}
        except Exception as error:  # noqa: BLE001 - told below, without the text
            log.error("a text could not be checked: %s", told_of(error, text))
            yield {self._state: render.message(CRASHED), **self._buttons(running=False)}

    def _grow(self, text: str) -> Iterator[Update]:
        """The report as it grows, now and then, and once complete."""
        checking = self._course.check(text)
        told = time.monotonic()
        for done, _ in enumerate(checking, 1):
            if time.monotonic() - told >= PACE:
                told = time.monotonic()
                yield {
                    self._state: _state(f"Checking sentence {done} of {checking.total}"),
                    self._report: to_fragment(checking.report(), _opener),
                }
        report = checking.report()
        yield {self._report: to_fragment(report, _opener), self._save: _save_links(report)}

    def _halt(self) -> Update:
        return {self._state: _state("Stopped", running=False), **self._buttons(running=False)}

    def _buttons(self, *, running: bool) -> Update:
        return {
            self._start: gr.update(visible=not running),
            self._stop: gr.update(visible=running),
        }


def _opener(source: Source) -> str:
    """What opens the page view at a piece of evidence."""
    where = address(source.document.id, source.passage, [source.quote])
    text = f"See page {source.page}" if source.page is not None else "See it in its section"
    return f" {opener(where, text, source.document.title)}"


def _save_links(report: Report) -> str:
    """Links that save the report; they hold it, so that the server keeps nothing."""
    files = (
        ("Save as a page", "report.html", "text/html", to_html(report, "A text")),
        (
            "Save as JSON",
            "report.json",
            "application/json",
            json.dumps(report_json(report), indent=1),
        ),
    )
    links = (
        f'<a download="{name}" href="data:{kind};base64,{b64encode(content.encode()).decode()}">'
        f"{label}</a>"
        for label, name, kind, content in files
    )
    return f'<p class="saves">{" ".join(links)}</p>'


def _state(text: str, *, running: bool = True) -> str:
    cls = "status" if running else "foot"
    return f'<p class="{cls}" role="status">{escape(text)}</p>'
