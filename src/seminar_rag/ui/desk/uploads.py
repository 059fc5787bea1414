"""Files that were uploaded at the desk: which are taken, and where they lie until they are added.

Gradio removes them ten minutes later, and when the server ends; what a server left that was killed
is removed when the next one starts.
"""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from seminar_rag.errors import SourceError

LARGEST_UPLOAD = 64 << 20
"""Bytes."""
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


def check_upload(file: Path) -> None:
    """Refuse a file that is too large, or is not what its name says.

    Raises:
        SourceError: the file is refused; the message says why.
    """
    kind = file.suffix.lower()
    if kind not in UPLOADS:
        raise SourceError(f"{file.name} is none of {', '.join(UPLOADS)} — save it as PDF")
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
