"""Files that are dropped on the desk, or chosen for a reading, in front of the page.

    POST /desk/files    a form: `files`, one or many; `reading`, the id of the one that they are of;
                        `session`, where those go that are none of the listed readings
    POST /desk/place    a form: `reading`, the id of a paper that no session lists; `session`
    POST /desk/undo     a form: `what`, as the answer to one of the others gave it in `undo`

The answer says what was done, as JSON: {"said": …, "bad": …, "undo": …}. The files are gone
afterwards; the course keeps copies.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from seminar_rag.errors import SeminarError, SourceError
from seminar_rag.ui.desk.uploads import LARGEST_UPLOAD, uploads_folder

if TYPE_CHECKING:
    from seminar_rag.ui.desk.actions import Desk, Said

MOST_FILES = 60
LARGEST_FORM = 4 * LARGEST_UPLOAD
"""Bytes of all files of a form."""
LONGEST_NAME = 120
"""Characters of a file's name."""


class Intake:
    """Answers the addresses above, and hands other requests on."""

    def __init__(self, app: ASGIApp, desk: Desk, root: str) -> None:
        self._app = app
        self._desk = desk
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"]).removeprefix(self._root)
        if scope["method"] == "POST" and path in ("/files", "/place", "/undo"):
            response = await self._answer(Request(scope, receive), path)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST_FORM:
            most = LARGEST_FORM >> 20
            return _said(f"At most {most} MiB can be added at once; add the files in parts.", 413)
        try:
            async with request.form(max_files=MOST_FILES, max_fields=8) as form:
                said = await self._done(form, path)
                return _said(said.text, undo=said.what)
        except (HTTPException, MultiPartException):
            return _said(f"That is no form of at most {MOST_FILES} files.", 400)
        except SeminarError as error:
            return _said(str(error), bad=True)

    async def _done(self, form: FormData, path: str) -> Said:
        if path == "/undo":
            return await run_in_threadpool(self._desk.undo, str(form.get("what", "")))
        reading, number = str(form.get("reading", "")), str(form.get("session", ""))
        session = int(number) if number.isdecimal() and len(number) < 6 else None
        if path == "/place":
            if session is None:
                raise SourceError("choose the session that it belongs to")
            return await run_in_threadpool(self._desk.place, reading, session)
        with tempfile.TemporaryDirectory(dir=uploads_folder()) as folder:
            files = [
                await _stored(one, Path(folder) / str(at))
                for at, one in enumerate(form.getlist("files"))
                if isinstance(one, UploadFile)
            ]
            return await run_in_threadpool(self._desk.take, files, reading, session)


async def _stored(file: UploadFile, folder: Path) -> Path:
    """Store a file under its own name, of which only the last part counts."""
    name = Path((file.filename or "").replace("\\", "/").replace("\0", "")).name
    stem, ending = Path(name).stem[:LONGEST_NAME], Path(name).suffix[:10]
    target = folder / f"{stem or 'file'}{ending}"
    folder.mkdir()
    await run_in_threadpool(_copy, file, target)
    return target


def _copy(file: UploadFile, target: Path) -> None:
    import shutil

    with target.open("wb") as copy:
        shutil.copyfileobj(file.file, copy)


def _said(text: str, status: int = 200, *, bad: bool = False, undo: str = "") -> Response:
    return JSONResponse({"said": text, "bad": bad or status != 200, "undo": undo}, status)
