"""The desk behind its door on an application: the page, the tables to download, the mount.
Imports Gradio at the top, as `desk` does."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from seminar_rag.errors import SeminarError
from seminar_rag.journal.insights import feedback_csv, questions_csv, readings_csv
from seminar_rag.ui.desk.auth import Asgi, Door, Message, Receive, Send, respond
from seminar_rag.ui.desk.desk import DeskPage
from seminar_rag.ui.desk.work import LARGEST_UPLOAD, Desk, DeskCourse

PATH = "/desk"


class Exports:
    """The tables to download, in front of the page."""

    def __init__(self, app: Asgi, course: DeskCourse) -> None:
        self._app = app
        self._course = course

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        folder, _, name = str(scope["path"]).rpartition("/")
        if folder != f"{PATH}/export" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        try:
            table = await run_in_threadpool(self._table, name)
        except SeminarError as error:
            await respond(send, 503, str(error).encode())
            return
        if table is None:
            await respond(send, 404, b"There is no such table.")
            return
        disposition = f'attachment; filename="{name}"'.encode()
        kind = (b"content-type", b"text/csv; charset=utf-8")
        # With a byte order mark, which spreadsheets want to read UTF-8.
        await respond(
            send, 200, table.encode("utf-8-sig"), [kind, (b"content-disposition", disposition)]
        )

    def _table(self, name: str) -> str | None:
        if name == "questions.csv":
            return questions_csv(self._course.journal.questions())
        if name == "feedback.csv":
            return feedback_csv(self._course.journal.opinions())
        if name == "readings.csv":
            return readings_csv(self._course.insights().used)
        return None


def mount_desk(app: FastAPI, course: DeskCourse, theme: Any) -> None:
    """Mount the desk of `course` at `PATH` of `app`, behind its door; it is `app.state.desk`.

    Call it before the students' page is mounted, whose path covers this one.
    """
    here = files("seminar_rag.ui") / "static"
    desk = Desk(course)
    style = "".join(
        here.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "desk.css")
    )
    gr.mount_gradio_app(
        app,
        DeskPage(desk).blocks,
        path=PATH,
        theme=theme,
        css=style,
        head=f"<script>{here.joinpath('desk.js').read_text(encoding='utf-8')}</script>",
        footer_links=[],
        run_history=False,
        max_file_size=LARGEST_UPLOAD,
        ssr_mode=False,
        show_error=False,
    )
    behind = app.router.routes.pop()
    assert isinstance(behind, Mount)
    assert behind.path == PATH
    door = Door(
        Exports(behind.app, course), PATH, course.password_hash, title=course.name, style=style
    )
    app.router.routes.append(Route(PATH, _to_desk))
    app.router.routes.append(Mount(PATH, door))
    app.state.desk = desk


def _to_desk(_request: Any) -> RedirectResponse:
    return RedirectResponse(f"{PATH}/", 303)
