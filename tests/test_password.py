"""The password of the desk: hashed, told apart, and set from the command line."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from pathlib import Path

import pytest

from seminar_rag.cli.main import main
from seminar_rag.config import load, platform_folder
from seminar_rag.course import Course
from seminar_rag.errors import ConfigError
from seminar_rag.ui.desk.password import LONGEST, hashed, matches

GOOD = "ein langes Wörtchen"


@pytest.mark.slow
def test_a_hash_knows_its_password_and_no_other() -> None:
    stored = hashed(GOOD)
    assert matches(GOOD, stored)
    assert not matches(GOOD + " ", stored)
    assert not matches("", stored)
    assert GOOD not in stored
    assert hashed(GOOD) != stored


def test_a_weak_or_huge_password_is_refused() -> None:
    with pytest.raises(ConfigError, match="10 or more"):
        hashed("123456789")
    with pytest.raises(ConfigError, match="shorter"):
        hashed("x" * (LONGEST + 1))


@pytest.mark.parametrize(
    "stored",
    ["", "secret", "scrypt$15$8$3$x", "scrypt$99$8$3$eA==$eA==", "md5$15$8$3$eA==$eA==", "$" * 5],
)
def test_what_is_no_hash_opens_nothing(stored: str) -> None:
    with pytest.raises(ConfigError, match="seminar-rag passwd"):
        matches(stored, stored)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seminar.toml").touch()
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    answers = iter(lines)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))


@pytest.mark.slow
def test_passwd_asks_twice_and_keeps_the_comments(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "seminar.toml").write_text("# mine\n[course]\nname = 'A'\n", encoding="utf-8")
    typed(monkeypatch, GOOD, GOOD)
    assert main(["passwd"]) == 0
    said = capsys.readouterr().out
    assert str(folder / "seminar.toml") in said
    assert GOOD not in said
    assert matches(GOOD, load(folder, {}).desk_password_hash)
    assert (folder / "seminar.toml").read_text(encoding="utf-8").startswith("# mine\n[course]")


def test_passwd_refuses_two_different_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, GOOD, GOOD + "x")
    assert main(["passwd"]) == 2
    assert "differ" in capsys.readouterr().err
    assert (folder / "seminar.toml").read_text(encoding="utf-8") == ""


@pytest.mark.slow
def test_passwd_reads_the_input_for_scripts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GOOD}\nmore\n"))
    assert main(["passwd", "--stdin"]) == 0
    assert matches(GOOD, load(folder, {}).desk_password_hash)


def test_passwd_says_when_the_environment_would_win(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEMINAR_RAG_DESK_PASSWORD_HASH", "x")
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    assert main(["passwd", "--stdin"]) == 2
    assert "unset it" in capsys.readouterr().err


def course_in(folder: Path, *, state: bool = True) -> Path:
    """A course's folder with its seminar.toml; its data folder, too."""
    (folder / ".seminar").mkdir(parents=True)
    (folder / "seminar.toml").write_text("[course]\nname = 'Another'\n", encoding="utf-8")
    if not state:
        (folder / ".seminar").rmdir()
    return folder / ".seminar"


def sets(monkeypatch: pytest.MonkeyPatch, data: Path) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    return main(["passwd", "--stdin", "--data", str(data)])


@pytest.mark.slow
def test_passwd_sets_it_for_the_course_that_data_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the current folder and that of the platform keep theirs."""
    data, other = course_in(tmp_path / "mine"), course_in(tmp_path / "here")
    monkeypatch.chdir(other.parent)
    assert sets(monkeypatch, data) == 0
    assert load(None, {}, data=data).desk_password_hash == load(data.parent).desk_password_hash
    assert matches(GOOD, load(data.parent, {}).desk_password_hash)
    assert not load(None, {}).desk_password_hash
    assert not platform_folder("course").exists()


@pytest.mark.slow
def test_passwd_gives_a_data_folder_of_no_course_settings_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "elsewhere"
    assert sets(monkeypatch, data) == 0
    assert [one.name for one in tmp_path.iterdir()] == ["elsewhere"]
    assert not platform_folder("course").exists()
    with closing(Course.open(data=data)) as course:
        assert matches(GOOD, course.password_hash())


@pytest.mark.slow
def test_passwd_leaves_the_file_of_another_course_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings with no data beside them are those of the course that --data names."""
    other, data = course_in(tmp_path / "here"), tmp_path / "elsewhere"
    monkeypatch.chdir(other.parent)
    assert sets(monkeypatch, data) == 2
    assert f"create an empty {data / 'seminar.toml'}" in capsys.readouterr().err
    assert not load(other.parent, {}).desk_password_hash

    alone = course_in(tmp_path / "alone", state=False)
    monkeypatch.chdir(alone.parent)
    assert sets(monkeypatch, data) == 0
    assert matches(GOOD, load(alone.parent, {}).desk_password_hash)
