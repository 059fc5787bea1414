"""What a backup holds comes back, and nothing that it replaces is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from seminar_rag import upkeep as backup
from seminar_rag.cli.main import main
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import SourceError
from seminar_rag.index import decisions
from seminar_rag.index.rescue import damage
from seminar_rag.index.sqlite import connect
from seminar_rag.index.store import Store


@pytest.fixture
def folder(tiny_course: Course) -> Path:
    """The folder of a course with decisions, an added file, feedback and settings."""
    folder = tiny_course.config.folder
    reading = tiny_course.catalogue().sessions[0].readings[0]
    tiny_course.rename(reading.id, "A better title")
    note = folder / "note.md"
    note.write_text("# A note\n\nAdded by hand.\n")
    tiny_course.add(1, "A note", file=note)
    (folder / "seminar.toml").write_text('[course]\nname = "Ours"\n')
    return folder


def at(folder: Path) -> Config:
    return Config(folder=folder, data_dir="data")


def decided(data: Path) -> list[tuple[str, str]]:
    store = Store(data)
    try:
        return [(one.kind, one.title) for one in store.catalogue().corrections]
    finally:
        store.close()


DECIDED = [("rename", "A better title"), ("add", "A note")]


def test_a_backup_comes_back_in_another_place(folder: Path, tmp_path: Path) -> None:
    file, there = tmp_path / "backup.zip", tmp_path / "there"
    assert backup.save(at(folder), file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    there.mkdir()
    assert backup.restore(at(there), file) is None
    assert decided(there / "data") == DECIDED
    (added,) = (there / "data" / "added").iterdir()
    assert added.read_text().startswith("# A note")
    assert (there / "seminar.toml").read_text().startswith("[course]")


@pytest.mark.slow
def test_everything_comes_back_with_texts_and_vectors(folder: Path, tmp_path: Path) -> None:
    file, there = tmp_path / "backup.zip", tmp_path / "there"
    backup.save(at(folder), file, everything=True)
    backup.restore(at(there), file)
    assert decided(there / "data") == DECIDED
    store = Store(there / "data")
    assert store.catalogue().documents
    assert store.findings() == []
    store.close()


def test_a_backup_taken_while_others_write_is_whole(
    folder: Path, tmp_path: Path, posts: Path, tiny_course: Course
) -> None:
    """The database is of one moment, and no decision is older, nor added file missing."""
    reading = tiny_course.catalogue().sessions[0].readings[0].id
    done, rounds = threading.Event(), []
    saved: list[Path] = []

    def change() -> None:
        while not done.is_set():
            rounds.append(1)
            note = folder / f"{len(rounds)}.md"
            note.write_text(f"# Note {len(rounds)}\n\nAdded by hand.\n")
            tiny_course.add(1, f"Note {len(rounds)}", file=note)
            tiny_course.rename(reading, f"Title {len(rounds)}")
            with (posts / "S01.md").open("a") as post:
                post.write(f"\n\nRead again for the {len(rounds)}th time.\n")
            list(tiny_course.ingest([posts]))

    writer = threading.Thread(target=change)
    writer.start()
    try:
        # The others may be slower than eight backups.
        while len(saved) < 8 or (len(rounds) < 3 and writer.is_alive()):
            saved.append(tmp_path / f"{len(saved)}.zip")
            backup.save(at(folder), saved[-1], everything=True)
    finally:
        done.set()
        writer.join()
    assert len(rounds) > 1
    for number, file in enumerate(saved):
        there = tmp_path / f"there-{number}"
        with zipfile.ZipFile(file) as archive:
            archive.extractall(there)
        decided = decisions.from_json((there / "decisions/current.json").read_bytes())
        assert damage(there) == ""
        with closing(connect(there / "course.db")) as db:
            assert len(decisions.stored(db)) <= len(decided)
        assert all((there / one.file).is_file() for one in decided if one.kind == "add")


@pytest.mark.parametrize("everything", [False, True])
def test_what_is_replaced_is_moved_aside(
    folder: Path, tmp_path: Path, tiny_course: Course, everything: bool
) -> None:
    file = tmp_path / "backup.zip"
    backup.save(at(folder), file, everything=everything)
    (tiny_course.store.folder / "added" / "later.md").write_text("later")
    tiny_course.close()
    (folder / "seminar.toml").write_text("# changed since\n")
    aside = backup.restore(at(folder), file)
    assert aside is not None
    assert decided(folder / "data") == DECIDED
    assert (aside / "course.db").exists() == everything
    assert (folder / "data" / "added" / "later.md").read_text() == "later"
    assert (folder / "seminar.toml.replaced").read_text() == "# changed since\n"


def test_opinions_come_back_also_where_only_their_copy_was_left(
    folder: Path, tmp_path: Path, tiny_course: Course
) -> None:
    answer = [*tiny_course.ask("What is retrieval?")][-1].answer
    tiny_course.journal.feedback(answer, False, "other", "A remark")
    (folder / "data" / "journal.sqlite").unlink()
    file = tmp_path / "backup.zip"
    backup.save(at(folder), file)
    tiny_course.journal.feedback(answer, True)
    backup.restore(at(folder), file)
    tiny_course.journal.repair()
    assert [one.comment for one in tiny_course.journal.opinions()] == ["A remark"]


def test_a_damaged_course_is_restored(folder: Path, tmp_path: Path, tiny_course: Course) -> None:
    file = tmp_path / "backup.zip"
    backup.save(at(folder), file)
    tiny_course.close()
    (folder / "data" / "course.db").write_bytes(b"not a database " * 400)
    backup.restore(at(folder), file)
    assert decided(folder / "data") == DECIDED


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "added/../../evil", "other", "chroma/x"])
def test_a_file_that_is_no_backup_changes_nothing(folder: Path, tmp_path: Path, name: str) -> None:
    file, bad = tmp_path / "backup.zip", tmp_path / "bad.zip"
    backup.save(at(folder), file)
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(bad, "w") as archive:
        for one in good.namelist():
            archive.writestr(one, good.read(one))
        archive.writestr(name, "evil")
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 255
    (tmp_path / "flipped.zip").write_bytes(content)
    (tmp_path / "noise.zip").write_bytes(b"noise")
    there = tmp_path / "there"
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "endless.zip").symlink_to("/dev/zero")
    for name in ("bad", "noise", "missing", "flipped", "pipe", "endless"):
        wrong = tmp_path / f"{name}.zip"
        with pytest.raises(SourceError, match="cannot be restored"):
            backup.restore(at(there), wrong)
    assert list((there / "data").iterdir()) == []


def test_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["backup", "--data", "data", "here.zip"]) == 0
    assert main(["backup", "--data", "again", "--restore", "here.zip"]) == 0
    assert "The backup is restored." in capsys.readouterr().out
    assert decided(folder / "again") == DECIDED


@pytest.mark.slow
def test_asking_where_the_course_lies_loads_no_index() -> None:
    code = (
        "import sys\n"
        "from seminar_rag.upkeep import where\n"
        "where()\n"
        "assert not {'numpy', 'seminar_rag.index.store'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
