"""A file that was uploaded at the desk and not added does not stay."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from seminar_rag.ui.desk.files import AGE, sweep, uploads_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_uploads_lie_where_only_this_user_reads(temporary: Path) -> None:
    folder = uploads_folder()
    assert folder.parent == temporary
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert uploads_folder() == folder


def test_a_name_that_leads_elsewhere_is_not_used(temporary: Path) -> None:
    folder = uploads_folder()
    folder.rmdir()
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    assert uploads_folder() != folder
    assert list(elsewhere.iterdir()) == []


def test_what_a_killed_server_left_is_removed_and_what_is_new_stays(temporary: Path) -> None:
    folder = uploads_folder()
    for name, age in (("old", AGE + 60), ("new", 5)):
        (folder / name).mkdir()
        (folder / name / "paper.pdf").write_bytes(b"%PDF-")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    (folder / "loose").write_bytes(b"x")
    os.utime(folder / "loose", (0, 0))
    sweep(folder)
    assert [one.name for one in folder.iterdir()] == ["new"]
    sweep(folder / "nowhere")
