"""The instructor's desk as Gradio Blocks, and how it is mounted behind its login. Imports Gradio at
the top, so import it only where the page is built.

The page is drawn anew at every tick of a timer, and a part is sent only where it differs from what
the browser has, so that every open page shows the same job, whoever started it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route, Router

from seminar_rag.errors import SeminarError, SourceError
from seminar_rag.html import static
from seminar_rag.types.serving import Setting
from seminar_rag.ui.desk import students, view
from seminar_rag.ui.desk.actions import ActionResult, Desk
from seminar_rag.ui.desk.auth import Door
from seminar_rag.ui.desk.files import AGE, LARGEST_UPLOAD, file_routes
from seminar_rag.ui.desk.form import DeskForm
from seminar_rag.ui.desk.jobs import CommonJobs, being_read
from seminar_rag.ui.desk.view import PAGE, ReadingList
from seminar_rag.ui.shared.gate import DESK_OPEN, Gate
from seminar_rag.ui.shared.gradio_pages import (
    HIDDEN,
    html_part,
    mounted,
    not_mounted,
    spare_work,
)

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.types.serving import Common

log = logging.getLogger(__name__)

PATH = "/desk"
LOGINS = "desk-sessions.json"
"""In the data folder: who is logged in."""
CRASHED = "Something went wrong; the server's log says what."
FETCH = "search for readings online"
REFRESH = "download everything again"
QUICK = 1.0
"""Seconds between two ticks while a job runs."""
SLOW = 6.0

SENDS = "desk.listen(element, trigger)"
"""The script of a part, whose buttons act: what they say comes as a `DeskForm`."""
Update = dict[Any, Any]


class DeskPage:
    """The page over a `Desk`; `blocks` is what to mount."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._course = desk.course
        self._list = ReadingList()
        self._parts: dict[str, Any] = {}
        """What is drawn as HTML and acts, by its id."""
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

    def _part(self, id_: str, html: str = "") -> Any:
        self._parts[id_] = part = html_part(id_, html, SENDS)
        return part

    def _lay_out(self) -> None:
        self._seen = gr.State({})  # of every drawn part, what the page has
        self._quick = gr.Timer(QUICK, active=False)
        self._slow = gr.Timer(SLOW)
        self._head = html_part("desk-head")
        self._message = self._part("desk-said")
        self._part("rename", PAGE.rename_dialog())
        with gr.Tabs(elem_id="desk-views"):
            with gr.Tab("Course"), gr.Column(elem_id="course-view", min_width=0):
                self._lay_out_course()
            with (
                gr.Tab("Reading list") as self._listing,
                gr.Column(elem_id="list-view", min_width=0),
            ):
                self._part("add-line")
                self._part("asking")
                with gr.Row(elem_id="list-parts"):
                    for name, scale in (("entries", 3), ("page-text", 2)):
                        with gr.Column(scale=scale, min_width=0):
                            self._part(name)
            with gr.Tab("For students"), gr.Column(elem_id="learning-view", min_width=0):
                for name in ("tutor", "kept-tables", "study-items", "differences"):
                    self._part(name)
            with (
                gr.Tab("What students ask") as self._asking,
                gr.Column(elem_id="insights-view", min_width=0),
            ):
                self._insights = html_part("insights")
            with gr.Tab("Settings"), gr.Column(elem_id="settings-view", min_width=0):
                self._lay_out_settings()

    def _lay_out_course(self) -> None:
        self._refresh = gr.Button("Refresh", elem_id="refresh", visible="hidden")
        with gr.Row(elem_id="desk-bar"):
            self._start = gr.Button("Update the course", variant="primary", elem_id="update")
            self._dry = gr.Button("Preview changes", elem_id="preview")
            self._how = gr.CheckboxGroup(
                [FETCH, REFRESH], show_label=False, elem_id="how", container=False
            )
            self._stop = gr.Button("Stop", elem_id="job-stop", visible=False)
        self._part("job")
        with gr.Accordion("Log", open=False, elem_id="job-log", visible=False) as self._log_fold:
            self._part("log")
        with gr.Accordion("Add a reading", open=False, elem_id="add"):
            self._lay_out_add()
        for name in ("begin", "attention", "model-offer", "sessions-list", "removed"):
            self._part(name)

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
        seen = self._seen
        drawn = [seen, *self._parts.values()]
        drawn += [self._log_fold, self._stop, self._quick, self._session]
        ticks = [self._quick.tick, self._slow.tick, self._refresh.click]
        gr.on(ticks, self._draw, seen, drawn, **HIDDEN)
        fields = [field for _, field in self._fields]
        self.blocks.load(self._open, None, [self._head, *fields, *drawn], **HIDDEN)
        self._start.click(self._update, [self._how, seen], drawn, **HIDDEN)
        self._dry.click(self._preview, seen, drawn, **HIDDEN)
        self._stop.click(self._stop_job, seen, drawn, **HIDDEN)
        for part in self._parts.values():  # one event for all would let one act lock every button
            part.submit(self._act, seen, drawn, **HIDDEN)
        given = [self._session, self._title, self._url, seen]
        self._add.click(self._add_reading, given, [*drawn, self._title, self._url], **HIDDEN)
        self._listing.select(self._open_list, seen, drawn, **HIDDEN)
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
            message = PAGE.message(view.sentence(str(error)), bad=True)
            return {self._parts["attention"]: message, self._seen: {}}

    def _drawn(self, seen: dict[str, str]) -> Update:
        known = self._desk.jobs.with_task
        job = known and known.job
        running = job is not None and job.running
        catalogue, needs = self._course.catalogue(), self._course.needs()
        suggestions = self._course.suggestions()
        empty = not (catalogue.sessions or catalogue.records)
        busy = being_read(known, catalogue.reading_ids)
        not_searched = view.not_searched(catalogue, busy)
        to_do = view.attention(suggestions, needs, not_searched, view.distinct(catalogue))
        asking = job if known and running and known.task.get("do") == "ask" else None
        html = {
            "job": PAGE.job(job),
            "log": PAGE.job_log(job),
            "begin": view.begin(
                catalogue.sessions,
                begun=self._desk.begun,
                sample=self._desk.sample,
                uploaded=self._desk.uploaded,
            ),
            "attention": "" if empty else to_do,
            "model-offer": PAGE.language_model(self._course.offer()),
            "sessions-list": "" if empty else view.sessions(catalogue, needs, busy),
            "removed": PAGE.removed(self._course.removals()),
            **self._list.html(
                catalogue, asking, self._course.can_ask_model(), self._course.opinions()
            ),
            **self._desk.learning.html(),
        }
        choices = [(f"{one.number} · {one.title}", one.number) for one in catalogue.sessions]
        # Of every part, what it depends on, and how to change it.
        parts: dict[Any, tuple[object, Any]] = {
            **{self._parts[id_]: (text, str(text)) for id_, text in html.items()},
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

    def _acted(self, seen: dict[str, str], act: Callable[[], str | ActionResult]) -> Update:
        """Act, and show the message that comes of it."""
        try:
            message = view.toast(act())
        except SeminarError as error:
            message = view.toast(view.sentence(str(error)), bad=True)
        except Exception:
            log.exception("an act of the desk failed")
            message = view.toast(CRASHED, bad=True)
        return {self._message: message, **self._draw(seen)}

    def _open_list(self, seen: dict[str, str]) -> Update:
        self._list.pages = self._course.page_texts()
        return self._draw(seen)

    def _update(self, how: Sequence[str] | None, seen: dict[str, str]) -> Update:
        fetch, refresh = (name in (how or ()) for name in (FETCH, REFRESH))
        return self._acted(seen, lambda: self._desk.update(fetch=fetch, refresh=refresh))

    def _preview(self, seen: dict[str, str]) -> Update:
        return self._acted(seen, lambda: self._desk.update(dry_run=True))

    def _stop_job(self, seen: dict[str, str]) -> Update:
        self._desk.jobs.stop()
        return self._acted(seen, lambda: "")

    def _act(self, seen: dict[str, str], event: gr.EventData) -> Update:
        return self._acted(seen, lambda: self._desk.act(DeskForm.read(event._data)))

    def _add_reading(self, session: object, title: str, url: str, seen: dict[str, str]) -> Update:
        done = False

        def add() -> ActionResult:
            nonlocal done
            said = self._desk.add(session, title or "", url or "")
            done = True
            return said

        out = self._acted(seen, add)
        return out | ({self._title: "", self._url: ""} if done else {})

    def _show_insights(self) -> str:
        try:
            journal = self._course.journal
            return students.insights(
                self._course.insights(), enabled=journal.enabled, days=journal.days
            )
        except SeminarError as error:
            return PAGE.message(view.sentence(str(error)), bad=True)

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
            return {
                self._setting_said: PAGE.message(view.sentence(str(error)), bad=True),
                field: before,
            }
        label = view.SETTINGS[one.section, one.key][0]
        said = PAGE.message(f"{label}: saved in seminar.toml.")
        return {self._setting_said: said, field: "set" if one.secret and wanted else wanted}


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
    return gr.Textbox(max_length=200, type="password" if one.secret else "text", **shared)


def _as(value: object, like: str | int | bool) -> str | int | bool | None:
    """What a field holds, as a setting of that kind; None if it cannot be one."""
    if isinstance(like, bool):
        return bool(value)
    if isinstance(like, int):
        return int(value) if isinstance(value, (int, float)) else None
    return str(value or "").strip()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


# Mounting -------------------------------------------------------------------------------------


def mount_desk(app: FastAPI, course: Course, root: str = "", common: Common | None = None) -> Door:
    """Mount the desk of `course` at `PATH` of `app`, behind its login; it is `app.state.desk`.

    Call it before the students' page is mounted, whose path covers this one.

    Args:
        root: the path at which `app` itself lies on its server.
        common: where logins hold for all servers of the course.
    """
    at = root + PATH
    desk = Desk(course, CommonJobs(common) if common else None)
    style = static("style.css", "desk.css")
    with not_mounted():
        page = DeskPage(desk).blocks
    own = mounted(
        *(app, page, PATH, at if root else ""),
        css=style,
        head=f"<script>{static('desk.js')}</script>",
        max_file_size=LARGEST_UPLOAD,
    )
    app.router.routes.pop()  # it is mounted below, behind the door
    inside = Router(file_routes(desk), redirect_slashes=False, default=own)
    door = Door(
        *(Gate(inside, DESK_OPEN, at), at, course.password_hash),
        title=course.name,
        style=style,
        kept=course.config.data / LOGINS,
        common=common,
    )
    app.router.routes.append(Route(PATH, lambda _request: RedirectResponse(f"{at}/", 303)))
    app.router.routes.append(Mount(PATH, door))
    app.state.desk = desk
    return door
