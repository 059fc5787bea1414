from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.files import draft, write


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write(path, b"old")
    write(path, "néw", sync=True, mode=0o640)
    assert path.read_text("utf-8") == "néw"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "old")

    def break_off() -> None:
        with draft(path) as made:
            made.file.write(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        break_off()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_may_be_named_by_its_content(tmp_path: Path) -> None:
    with draft(tmp_path / "unnamed") as made:
        made.file.write(b"x")
        made.path = tmp_path / "named"
    assert [path.name for path in tmp_path.iterdir()] == ["named"]
