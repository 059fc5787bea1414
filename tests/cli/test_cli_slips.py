"""What the command line says of a slip, and of what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.cli.main import main
from seminar_rag.course import Course


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


SLIPS = [
    (
        ["ask", "--session", "15", "What is reranking?"],
        7,
        "there is no session 15 — the course has",
    ),
    (["table", "--session", "15", "What is reranking?"], 7, "there is no session 15"),
    (["study", "15"], 7, "there is no session 15"),
    (["differences", "15"], 7, "there is no session 15"),
    (["ask", "--reading", "nosuch", "What is it?"], 7, "no source, reading or document is called"),
    (["ask", "word " * 500], 2, "at most 2,000 can be asked. Shorten it"),
    (["check", "empty.md"], 3, "empty.md holds no text to check"),
    (["ingest", "ftp://uni.example/page"], 3, "is no web address — give one with https://"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), SLIPS, ids=lambda v: str(v)[:30])
def test_a_slip_is_named_with_what_there_is(
    tiny: Course, arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.md").write_text("\n")
    assert main(arguments) == code
    said = capsys.readouterr()
    assert says in " ".join(said.err.split())
    assert said.out == ""


def test_a_reading_may_be_named_by_its_title(tiny: Course) -> None:
    title = next(iter(tiny.catalogue().titles.values()))
    assert main(["table", "--reading", title, "What is reranking?"]) == 0


def test_a_file_that_was_written_is_named(tiny: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "--session", "2", "What is reranking?", "--out", "table.csv"]) == 0
    said = capsys.readouterr()
    assert "table.csv is written" in said.err
    assert said.out == ""


def test_nothing_removed_is_said(tiny: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore"]) == 0
    assert "Nothing was removed." in capsys.readouterr().out


def test_the_chat_is_pointed_at_only_where_there_is_something_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seminar.toml").touch()
    (tmp_path / "broken.pdf").write_bytes(b"no PDF" * 400)
    assert main(["ingest", "broken.pdf"]) == 3
    assert "opens the chat" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[serve]\nport = 99999", "[serve] port is 99999 — use 65535 or less"),
        ("[answer]\npassages = 0", "[answer] passages is 0 — use 1 or more"),
        ("[serve]\nrate = -1", "[serve] rate is -1 — use 0 or more"),
        ("course = 3", "course is 3 — use a section, [course]"),
    ],
)
def test_a_setting_out_of_range_is_named(
    line: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seminar.toml").write_text(line)
    assert main(["status"]) == 2
    assert says in capsys.readouterr().err
