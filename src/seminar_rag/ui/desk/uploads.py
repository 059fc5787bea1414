"""Where files lie that were uploaded at the desk and not added yet.

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
