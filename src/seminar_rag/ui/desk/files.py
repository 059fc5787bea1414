"""Files that are dropped on the desk or chosen for a reading, and those that it gives.

    GET  /desk/export/backup.zip, NAME.csv    a backup of the course; what students ask as a table
    POST /desk/files    a form: `files`, one or many; `reading`, the id of the one that they are of;
                        `session`, where those go that are none of the listed readings
    POST /desk/page     a form: `files`, one, which is the course page
    POST /desk/place    a form: `reading`, the id of a paper that no session lists; `session`
    POST /desk/undo     a form: `what`, as the answer to one of the others gave it in `undo`

A form's answer says what was done, as JSON: {"said": …, "bad": …, "undo": …}. The files are gone
afterwards; the course keeps copies. What a server left that was killed is removed when the next one
starts.
"""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from seminar_rag.errors import SeminarError, SourceError
from seminar_rag.ui.desk.students import table
from seminar_rag.ui.desk.view import sentence
from seminar_rag.ui.shared.limits import number_in

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.ui.desk.actions import ActionResult, Desk

BACKUP = "backup.zip"
NOT_KEPT = {"cache-control": "no-store"}
MOST_FILES = 60
LARGEST_UPLOAD = 64 << 20
"""Bytes."""
LARGEST_FORM = 4 * LARGEST_UPLOAD
"""Bytes of all files of a form."""
LONGEST_NAME = 120
"""Characters of a file's name."""
_MARKS: dict[str, bytes] = {
    ".pdf": b"%PDF-",
    ".rtf": b"{\\rtf",
    **dict.fromkeys((".docx", ".pptx", ".odt", ".epub", ".zip"), b"PK"),
}
"""What files of these endings have at their beginning; the others are text."""
UPLOADS = (*_MARKS, ".html", ".htm", ".mhtml", ".md", ".txt", ".tex", ".ipynb")
_HEAD = 1_024
"""Bytes within which a PDF names itself (ISO 32000-1, Annex H, implementation note 13)."""
AGE = 600
"""Seconds after which an upload that was not added is removed."""


def uploads_folder() -> Path:
    """A temporary folder that only this user can read, made where there is none."""
    with suppress(OSError, KeyError):  # KeyError: a user without a name
        folder = Path(tempfile.gettempdir()) / f"seminar-rag-{getpass.getuser()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if mine and folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o700)
            return folder
    return Path(tempfile.mkdtemp(prefix="seminar-rag-"))  # somebody else took the name


def sweep(folder: Path, age: float = AGE) -> None:
    """Remove what was put into a folder of uploads more than `age` seconds ago."""
    with suppress(OSError):
        for one in folder.iterdir():
            with suppress(OSError):
                if time.time() - one.lstat().st_mtime > age:
                    shutil.rmtree(one) if one.is_dir() else one.unlink()


def check_upload(file: Path, kinds: Sequence[str] = UPLOADS) -> None:
    """Refuse a file that is too large, or is not what its name says. Raises SourceError: the file
    is refused; the message says why."""
    kind = file.suffix.lower()
    if kind not in kinds:
        raise SourceError(f"{file.name} is none of {', '.join(kinds)} — save it as PDF")
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            text = head + (opened.read(LARGEST_UPLOAD) if kind not in _MARKS else b"")
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read: {error} — upload it again") from error
    if not size:
        raise SourceError(f"{file.name} is empty — upload another")
    if size > LARGEST_UPLOAD:
        raise SourceError(
            f"{file.name} has {size >> 20} MiB, at most {LARGEST_UPLOAD >> 20} can be uploaded —"
            " ingest it on the command line"
        )
    if kind == ".pdf":
        true = b"%PDF-" in head
    else:
        text_form = kind not in _MARKS and b"\0" not in text and b"%PDF-" not in head
        true = text_form or head.startswith(_MARKS.get(kind, b"\0"))
    if not true:
        raise SourceError(f"{file.name} is not what its name says — upload the file itself")


# The addresses --------------------------------------------------------------------------------


def file_routes(desk: Desk) -> list[Route]:
    """The addresses above, to stand in front of the page."""
    acts = {"/files": _files, "/page": _page, "/place": _place, "/undo": _undo}
    return [
        *(Route(path, partial(_answer, desk, act), methods=["POST"]) for path, act in acts.items()),
        Route(f"/export/{BACKUP}", partial(_backup, desk.course)),
        Route("/export/{name}", partial(_table, desk.course)),
    ]


async def _answer(
    desk: Desk, act: Callable[[Desk, FormData], Awaitable[ActionResult]], request: Request
) -> Response:
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LARGEST_FORM:
        most = LARGEST_FORM >> 20
        return _result(f"At most {most} MiB can be added at once; add the files in parts.", 413)
    try:
        async with request.form(max_files=MOST_FILES, max_fields=8) as form:
            said = await act(desk, form)
            return _result(said.text, undo=said.what)
    except (HTTPException, MultiPartException):
        return _result(f"That is no form of at most {MOST_FILES} files.", 400)
    except SeminarError as error:
        return _result(sentence(str(error)), bad=True)


async def _undo(desk: Desk, form: FormData) -> ActionResult:
    return await run_in_threadpool(desk.undo, str(form.get("what", "")))


async def _place(desk: Desk, form: FormData) -> ActionResult:
    session = number_in(str(form.get("session", "")))
    if session is None:
        raise SourceError("choose the session that it belongs to")
    return await run_in_threadpool(desk.place, str(form.get("reading", "")), session)


async def _page(desk: Desk, form: FormData) -> ActionResult:
    with tempfile.TemporaryDirectory(dir=uploads_folder()) as folder:
        return await run_in_threadpool(desk.take_page, await _uploaded(form, Path(folder)))


async def _uploaded(form: FormData, folder: Path) -> list[Path]:
    return [
        await run_in_threadpool(_stored, one, folder / str(at))
        for at, one in enumerate(form.getlist("files"))
        if isinstance(one, UploadFile)
    ]


async def _files(desk: Desk, form: FormData) -> ActionResult:
    with tempfile.TemporaryDirectory(dir=uploads_folder()) as folder:
        files = await _uploaded(form, Path(folder))
        reading, session = str(form.get("reading", "")), number_in(str(form.get("session", "")))
        return await run_in_threadpool(desk.take, files, reading, session)


def _stored(file: UploadFile, folder: Path) -> Path:
    """Store a file under its own name, of which only the last part counts."""
    name = Path((file.filename or "").replace("\\", "/").replace("\0", "")).name
    stem, ending = Path(name).stem[:LONGEST_NAME], Path(name).suffix[:10]
    target = folder / f"{stem or 'file'}{ending}"
    folder.mkdir()
    with target.open("wb") as copy:
        shutil.copyfileobj(file.file, copy)
    return target


def _result(text: str, status: int = 200, *, bad: bool = False, undo: str = "") -> Response:
    return JSONResponse({"said": text, "bad": bad or status != 200, "undo": undo}, status)


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
        text = table(name, course)
    except SeminarError as error:
        return PlainTextResponse(str(error), 503, NOT_KEPT)
    if text is None:
        return PlainTextResponse("There is no such table.", 404, NOT_KEPT)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}"'}
    # With a byte order mark, which spreadsheets want to read UTF-8.
    return Response(text.encode("utf-8-sig"), 200, headers, "text/csv; charset=utf-8")
