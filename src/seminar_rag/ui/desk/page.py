"""The instructor's desk as Gradio Blocks. Imports Gradio at the top, so import it only where the
page is built.

The page is drawn anew at every tick of a timer, and a part is sent only where it differs from what
the browser has, so that every open page shows the same job, whoever started it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr
from pydantic import BaseModel, ValidationError

from seminar_rag.errors import SeminarError, SourceError
from seminar_rag.types.settings import Setting
from seminar_rag.ui.desk import insights, view
from seminar_rag.ui.desk.actions import Desk, Said
from seminar_rag.ui.desk.learning_tab import LearningTab
from seminar_rag.ui.desk.reading_list import ReadingListTab
from seminar_rag.ui.desk.uploads import AGE
from seminar_rag.ui.desk.view import PAGE
from seminar_rag.ui.shared.gradio_pages import HIDDEN, html_part, spare_work

log = logging.getLogger(__name__)

CRASHED = "Something went wrong; the server's log says what."
FETCH = "search for readings online"
REFRESH = "download everything again"
QUICK = 1.0
"""Seconds between two ticks while a job runs."""
SLOW = 6.0

# A button in the HTML sends the server what it does and to what: a `Click`.
ACTS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  const { act, what, title = "" } = button?.dataset ?? {};
  if (button) trigger("click", { act, what, title });
});
element.addEventListener("submit", (event) => {
  if (!event.target.matches(".begin-form")) return;
  event.preventDefault();
  trigger("click", { act: "begin", what: new FormData(event.target).get("what") });
});
"""
RENAMES = """
const dialog = element.querySelector("dialog");
element.querySelector("[data-close]").addEventListener("click", () => dialog.close());
element.querySelector("form").addEventListener("submit", () => {
  const title = dialog.querySelector("input").value;
  trigger("submit", { act: "rename", what: dialog.dataset.what, title });
});
"""

Update = dict[Any, Any]


class Click(BaseModel, frozen=True, strict=True):
    """What a browser sends when a button of the HTML is pressed."""

    act: str
    what: str
    """Id of a reading, a document or a suggestion."""
    title: str = ""
    """With the dialog to rename: the new title."""


class DeskPage:
    """The page over a `Desk`; `blocks` is what to mount."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._course = desk.course
        with gr.Blocks(
            title=f"Desk · {self._course.name}",
            analytics_enabled=False,
            fill_width=True,
            delete_cache=(60, AGE),
        ) as self.blocks:
            self._lay_out()
            self._wire()
        self.blocks.queue(max_size=32, default_concurrency_limit=8, api_open=False)
        spare_work(self.blocks._queue)

    # Layout ---------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._seen = gr.State({})  # of every drawn part, what the page has
        self._quick = gr.Timer(QUICK, active=False)
        self._slow = gr.Timer(SLOW)
        self._head = html_part("desk-head")
        self._dialog = html_part("rename", PAGE.rename_dialog(), RENAMES)
        with gr.Tabs(elem_id="desk-views"):
            with gr.Tab("Course"), gr.Column(elem_id="course-view", min_width=0):
                self._lay_out_course()
            with (
                gr.Tab("Reading list") as self._listing,
                gr.Column(elem_id="list-view", min_width=0),
            ):
                self._list = ReadingListTab(self._desk, ACTS)
            with (
                gr.Tab("For students"),
                gr.Column(elem_id="learning-view", min_width=0),
            ):
                self._learn = LearningTab(self._desk, ACTS)
            with (
                gr.Tab("What students ask") as self._asking,
                gr.Column(elem_id="insights-view", min_width=0),
            ):
                self._insights = html_part("insights")
            with gr.Tab("Settings"), gr.Column(elem_id="settings-view", min_width=0):
                self._lay_out_settings()

    def _lay_out_course(self) -> None:
        self._message = html_part("desk-said", on_load=ACTS)
        self._refresh = gr.Button("Refresh", elem_id="refresh", visible="hidden")
        with gr.Row(elem_id="desk-bar"):
            self._start = gr.Button("Update the course", variant="primary", elem_id="update")
            self._dry = gr.Button("Preview changes", elem_id="preview")
            self._how = gr.CheckboxGroup(
                [FETCH, REFRESH], show_label=False, elem_id="how", container=False
            )
            self._stop = gr.Button("Stop", elem_id="job-stop", visible=False)
        self._job = html_part("job")
        with gr.Accordion("Log", open=False, elem_id="job-log", visible=False) as self._log_fold:
            self._log = html_part("log")
        with gr.Accordion("Add a reading", open=False, elem_id="add"):
            self._lay_out_add()
        self._begin = html_part("begin", on_load=ACTS)
        self._attention = html_part("attention", on_load=ACTS)
        self._model = html_part("model-offer", on_load=ACTS)
        self._sessions = html_part("sessions-list", on_load=ACTS)
        self._removed = html_part("removed", on_load=ACTS)

    def _lay_out_add(self) -> None:
        with gr.Row():
            self._session = gr.Dropdown([], label="Session", elem_id="add-session", min_width=120)
            self._title = gr.Textbox(label="Title", elem_id="add-title", max_length=400, scale=3)
        with gr.Row(elem_id="add-where"):
            self._url = gr.Textbox(
                label="Link", placeholder="https://", elem_id="add-url", max_length=2_000, scale=3
            )
            self._add = gr.Button("Add", variant="primary", elem_id="add-go", size="sm")

    def _lay_out_settings(self) -> None:
        html_part("settings-note", PAGE.note("A setting is saved as soon as you leave its field."))
        self._setting_said = html_part("settings-said")
        settings = self._course.settings()
        self._fields: list[tuple[Setting, Any]] = []
        with gr.Column(elem_id="live-settings", min_width=0):
            for one in view.changeable(settings):
                self._fields.append((one, _field(one)))
        html_part("other-settings", view.other_settings(settings))

    # Events ---------------------------------------------------------------------------------

    def _wire(self) -> None:
        drawn = [
            *(self._seen, self._job, self._log, self._log_fold, self._stop, self._quick),
            *(self._begin, self._attention, self._model, self._sessions, self._removed),
            self._session,
            *self._list.drawn,
            *self._learn.drawn,
        ]
        acted = [self._message, *drawn]
        ticks = [self._quick.tick, self._slow.tick, self._refresh.click]
        gr.on(ticks, self._draw, self._seen, drawn, **HIDDEN)
        fields = [field for _, field in self._fields]
        self.blocks.load(self._open, None, [self._head, *fields, *drawn], **HIDDEN)
        self._start.click(self._update, [self._how, self._seen], acted, **HIDDEN)
        self._dry.click(self._preview, self._seen, acted, **HIDDEN)
        self._stop.click(self._stop_job, self._seen, acted, **HIDDEN)
        shown = (self._attention, self._model, self._sessions, self._removed)
        parts = (self._message, self._list.message, self._begin, *shown)
        acting = [part.click for part in parts]
        gr.on(acting, self._act, self._seen, acted, **HIDDEN)
        self._dialog.submit(self._rename, self._seen, acted, **HIDDEN)
        given = [self._session, self._title, self._url, self._seen]
        self._add.click(self._add_reading, given, [*acted, self._title, self._url], **HIDDEN)
        listed = [self._list.message, *drawn]
        gr.on(self._list.submits, self._revise, self._seen, listed, **HIDDEN)
        self._listing.select(self._open_list, self._seen, drawn, **HIDDEN)
        taught = [self._learn.message, *drawn]
        gr.on(self._learn.submits, self._choose, self._seen, taught, **HIDDEN)
        self._asking.select(self._show_insights, None, self._insights, **HIDDEN)
        for one, field in self._fields:
            event = field.input if isinstance(field, gr.Checkbox) else field.submit
            events = [event] if isinstance(field, gr.Checkbox) else [event, field.blur]
            gr.on(events, partial(self._change, one), field, [self._setting_said, field], **HIDDEN)

    def _open(self) -> Update:
        now = {(one.section, one.key): one.value for one in self._course.settings()}
        fields = {field: now[one.section, one.key] for one, field in self._fields}
        head = PAGE.masthead(self._course.name)
        return {self._head: head, **fields, **self._draw({})}

    def _draw(self, seen: dict[str, str]) -> Update:
        """What changed since the page was drawn last."""
        try:
            return self._drawn(seen)
        except SeminarError as error:
            return {self._attention: PAGE.message(str(error), bad=True), self._seen: {}}

    def _drawn(self, seen: dict[str, str]) -> Update:
        job = self._desk.jobs.current
        running = job is not None and job.running
        catalogue, needs = self._course.catalogue(), self._course.needs()
        suggestions = self._course.suggestions()
        empty = not (catalogue.sessions or catalogue.records)
        to_do = view.attention(suggestions, needs, view.not_searched(catalogue))
        html = {
            self._job: view.job_state(job),
            self._log: view.job_log(job),
            self._begin: view.begin(
                catalogue.sessions, begun=self._desk.begun, sample=self._desk.sample
            ),
            self._attention: "" if empty else to_do,
            self._model: PAGE.language_model(self._course.offer()),
            self._sessions: "" if empty else view.sessions(catalogue, needs),
            self._removed: PAGE.removed(self._course.removals()),
            **self._list.html(catalogue),
            **self._learn.html(),
        }
        choices = [(f"{one.number} · {one.title}", one.number) for one in catalogue.sessions]
        # Of every part, what it depends on, and how to change it.
        parts: dict[Any, tuple[object, Any]] = {
            **{part: (text, text) for part, text in html.items()},
            self._quick: (running, gr.Timer(active=running)),
            self._stop: (running, gr.update(visible=running)),
            self._log_fold: (job is not None, gr.update(visible=job is not None)),
            self._session: (choices, gr.update(choices=choices)),
        }
        new = {str(part._id): _digest(repr(key)) for part, (key, _) in parts.items()}
        out: Update = {
            part: change
            for part, (_, change) in parts.items()
            if new[str(part._id)] != seen.get(str(part._id))
        }
        if new != seen:
            out[self._seen] = new
        return out or {self._seen: gr.skip()}

    def _acted(
        self, seen: dict[str, str], act: Callable[[], str | Said], where: Any = None
    ) -> Update:
        """Act, and show the message that comes of it.

        Args:
            where: the part that shows the message; that of the first tab if None.
        """
        try:
            message = view.toast(act())
        except SeminarError as error:
            message = view.toast(str(error), bad=True)
        except Exception:
            log.exception("an act of the desk failed")
            message = view.toast(CRASHED, bad=True)
        return {where or self._message: message, **self._draw(seen)}

    def _open_list(self, seen: dict[str, str]) -> Update:
        self._list.read_pages()
        return self._draw(seen)

    def _revise(self, seen: dict[str, str], event: gr.EventData) -> Update:
        return self._acted(seen, lambda: self._list.revise(event._data), self._list.message)

    def _choose(self, seen: dict[str, str], event: gr.EventData) -> Update:
        return self._acted(seen, lambda: self._learn.choose(event._data), self._learn.message)

    def _update(self, how: Sequence[str] | None, seen: dict[str, str]) -> Update:
        fetch, refresh = (name in (how or ()) for name in (FETCH, REFRESH))
        return self._acted(seen, lambda: self._desk.update(fetch=fetch, refresh=refresh))

    def _preview(self, seen: dict[str, str]) -> Update:
        return self._acted(seen, lambda: self._desk.update(dry_run=True))

    def _stop_job(self, seen: dict[str, str]) -> Update:
        self._desk.jobs.stop()
        return self._acted(seen, lambda: "")

    def _act(self, seen: dict[str, str], event: gr.EventData) -> Update:
        click = _click(event)
        if click is None:  # beside the buttons
            return {self._seen: gr.skip()}
        return self._acted(seen, lambda: self._done(click))

    def _done(self, click: Click) -> str | Said:
        if click.act == "rename":
            return self._desk.rename(click.what, click.title)
        return self._desk.act(click.act, click.what)

    def _rename(self, seen: dict[str, str], event: gr.EventData) -> Update:
        click = _click(event) or Click(act="rename", what="")
        return self._acted(seen, lambda: self._done(click))

    def _add_reading(self, session: object, title: str, url: str, seen: dict[str, str]) -> Update:
        done = False

        def add() -> Said:
            nonlocal done
            said = self._desk.add(session, title or "", url or "")
            done = True
            return said

        out = self._acted(seen, add)
        return out | ({self._title: "", self._url: ""} if done else {})

    def _show_insights(self) -> str:
        try:
            journal = self._course.journal
            return insights.insights(
                self._course.insights(), enabled=journal.enabled, days=journal.days
            )
        except SeminarError as error:
            return PAGE.message(str(error), bad=True)

    def _change(self, one: Setting, value: object) -> Update:
        field = next(field for shown, field in self._fields if shown is one)
        now = {(each.section, each.key): each.value for each in self._course.settings()}
        before = now[one.section, one.key]
        wanted = _as(value, before)
        if wanted == before:
            return {self._setting_said: gr.skip()}
        try:
            if wanted is None:
                raise SourceError("that is not a number")
            self._course.change(one.section, one.key, wanted)
        except SeminarError as error:
            return {self._setting_said: PAGE.message(str(error), bad=True), field: before}
        label = view.SETTINGS[one.section, one.key][0]
        return {self._setting_said: PAGE.message(f"{label}: saved in seminar.toml.")}


def _field(one: Setting) -> Any:
    label, info = view.SETTINGS[one.section, one.key]
    shared: dict[str, Any] = {
        "label": label,
        "info": info,
        "value": one.value,
        "elem_id": f"set-{one.section}-{one.key}",
    }
    if isinstance(one.value, bool):
        return gr.Checkbox(**shared)
    if isinstance(one.value, int):
        if one.limits:
            shared["info"] = f"From {one.limits[0]} to {one.limits[1]:,}. {info}"
        return gr.Number(precision=0, **shared)
    return gr.Textbox(max_length=200, **shared)


def _as(value: object, like: str | int | bool) -> str | int | bool | None:
    """What a field holds, as a setting of that kind; None if it cannot be one."""
    if isinstance(like, bool):
        return bool(value)
    if isinstance(like, int):
        return int(value) if isinstance(value, (int, float)) else None
    return str(value or "").strip()


def _click(event: gr.EventData) -> Click | None:
    """What a browser sent with an event; None if it has another form."""
    try:
        return Click.model_validate(event._data)
    except ValidationError:
        return None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
