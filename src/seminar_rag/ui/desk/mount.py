"""Mounts the desk behind its login on an application, with the files to download.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from seminar_rag.errors import SeminarError
from seminar_rag.ui.desk.actions import Desk
from seminar_rag.ui.desk.auth import Door
from seminar_rag.ui.desk.common_jobs import CommonJobs
from seminar_rag.ui.desk.insights import table
from seminar_rag.ui.desk.page import DeskPage
from seminar_rag.ui.desk.uploads import LARGEST_UPLOAD, upload_routes
from seminar_rag.ui.shared.gate import DESK_OPEN, Gate
from seminar_rag.ui.shared.gradio_pages import not_mounted

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.types.common import Common

PATH = "/desk"
BACKUP = "backup.zip"
SESSIONS = "desk-sessions.json"
"""In the data folder: who is logged in."""
NOT_KEPT = {"cache-control": "no-store"}


def _with_files(page: ASGIApp, desk: Desk) -> Router:
    """The page, behind the addresses of what is given and what is downloaded."""
    routes = [
        *upload_routes(desk),
        Route(f"/export/{BACKUP}", partial(_backup, desk.course)),
        Route("/export/{name}", partial(_table, desk.course)),
    ]
    return Router(routes, redirect_slashes=False, default=page)


def _backup(course: Course, _request: Request) -> Response:
    """What `seminar-rag backup` writes, kept for as long as it is being sent."""
    folder = Path(tempfile.mkdtemp(prefix="seminar-backup-"))
    try:
        course.backup(folder / BACKUP)
    except SeminarError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return PlainTextResponse(str(error), 503, NOT_KEPT)
    sent = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(folder / BACKUP, headers=NOT_KEPT, filename=BACKUP, background=sent)


def _table(course: Course, request: Request) -> Response:
    name = request.path_params["name"]
    try:
        text = table(name, course.journal, lambda: course.insights().used)
    except SeminarError as error:
        return PlainTextResponse(str(error), 503, NOT_KEPT)
    if text is None:
        return PlainTextResponse("There is no such table.", 404, NOT_KEPT)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}"'}
    # With a byte order mark, which spreadsheets want to read UTF-8.
    return Response(text.encode("utf-8-sig"), 200, headers, "text/csv; charset=utf-8")


def mount_desk(
    app: FastAPI, course: Course, theme: Any, root: str = "", common: Common | None = None
) -> Door:
    """Mount the desk of `course` at `PATH` of `app`, behind its login; it is `app.state.desk`.

    Call it before the students' page is mounted, whose path covers this one.

    Args:
        root: the path at which `app` itself lies on its server.
        common: where logins hold for all servers of the course.
    """
    at = root + PATH
    static = files("seminar_rag.ui") / "static"
    desk = Desk(course, CommonJobs(common) if common else None)
    desk.jobs.attend(desk.work.perform)
    style = "".join(
        static.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "desk.css")
    )
    with not_mounted():
        page = DeskPage(desk).blocks
    gr.mount_gradio_app(
        app,
        page,
        path=PATH,
        root_path=at if root else None,
        theme=theme,
        css=style,
        head=f"<script>{static.joinpath('desk.js').read_text(encoding='utf-8')}</script>",
        footer_links=[],
        run_history=False,
        max_file_size=LARGEST_UPLOAD,
        ssr_mode=False,
        show_error=False,
    )
    behind = app.router.routes.pop()
    assert isinstance(behind, Mount)
    assert behind.path == PATH
    page.app = behind.app
    inside = Gate(_with_files(behind.app, desk), DESK_OPEN, at)
    kept = course.config.data / SESSIONS
    door = Door(
        *(inside, at, course.password_hash),
        title=course.name,
        style=style,
        kept=kept,
        common=common,
    )
    app.router.routes.append(Route(PATH, lambda _request: RedirectResponse(f"{at}/", 303)))
    app.router.routes.append(Mount(PATH, door))
    app.state.desk = desk
    return door
