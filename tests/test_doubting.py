"""What a model thinks of a course's doubtful entries is kept, and void once they are others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from memory import MemoryVectors
from seminar_rag import doubting
from seminar_rag.cli.main import main
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Syllabus
from seminar_rag.types.catalogue import ListedSession, Opinion
from syllabus.test_asking import ScriptedReader

PAGE = """# Seminar

## Week 1: Tides

- [The Ebb](https://example.org/ebb), Jo Karlsen
- [Harbours and locks: a study](https://example.org/locks)

## Week 2: Locks

- [A history of locks](https://example.org/on)
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """A course two of whose entries are doubtful, and a scripted model."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    one = Course(Config(folder=tmp_path), embedder=HashEmbedder(), vectors=MemoryVectors())
    list(one.ingest([page]))
    asked = {"The Ebb": "Is this a reading?", "A history of locks": "Is this its title?"}

    def doubted(session: ListedSession) -> ListedSession:
        rows = (replace(r, doubt=asked.get(r.title, "")) for r in session.readings)
        return replace(session, readings=tuple(rows))

    with one.store.writer():
        one.store.revise(lambda sessions: list(map(doubted, sessions)))
    one.parts.__dict__["llm"] = ScriptedReader(0.9, "A history of locks")
    yield one
    one.close()


def test_opinions_are_kept_and_change_no_entry(course: Course) -> None:
    told: list[tuple[int, int, str]] = []
    before = course.catalogue()
    assert course.ask_model(progress=lambda *given: told.append(given)) == 2
    ebb, locks = (course.catalogue().reading(one) for one in ("The Ebb", "A history of locks"))
    assert ebb is not None
    assert locks is not None
    thought = course.opinions()
    assert thought[ebb.id] == Opinion(0.9, "", "scripted")
    assert thought[locks.id] == Opinion(None, "A history of locks", "scripted")
    assert course.catalogue().sessions == before.sessions
    assert told[0] == (0, 2, "The Ebb")
    assert told[-1][:2] == (2, 2)
    course.confirm(ebb.id)
    assert set(course.opinions()) == {locks.id}
    course.rename(locks.id, "Another title")
    assert course.opinions() == {}


def test_those_that_were_asked_before_it_was_stopped_stay(course: Course) -> None:
    asked: list[int] = []

    def stop_after_one() -> Callable[[], bool]:
        return lambda: len(asked) > 0

    def progress(done: int, _total: int, _title: str) -> None:
        asked.extend([1] * done)

    assert course.ask_model(stop_after_one(), progress) == 1
    assert len(course.opinions()) == 1


def test_a_damaged_file_of_opinions_is_none(course: Course) -> None:
    course.ask_model()
    for damage in ("{", "[]", '{"the-ebb": "3"}', '{"the-ebb": "{}"}'):
        (course.config.data / doubting.FILE).write_text(damage)
        assert course.opinions() == {}


def test_without_a_model_it_is_said_what_to_do(course: Course) -> None:
    course.parts.__dict__["llm"] = None
    assert not course.can_ask_model()
    with pytest.raises(ModelError, match="no language model is configured"):
        course.ask_model()
    course.parts.config = replace(course.config, llm_url="http://127.0.0.1:9")
    assert course.can_ask_model()
    course.parts.config = replace(course.config, llm_enabled=False)
    assert not course.can_ask_model()


def test_the_command_prints_what_the_model_thinks(
    course: Course,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from seminar_rag import course as facade

    def with_doubts(source: str, data: Path | None = None) -> Syllabus:
        read = facade.read_list(source, None)  # type: ignore[arg-type]
        first = read.sessions[0]
        doubtful = replace(first.readings[0], doubts=("Is this a reading?", "Is this its title?"))
        sessions = (replace(first, readings=(doubtful, *first.readings[1:])), *read.sessions[1:])
        return replace(read, sessions=sessions)

    monkeypatch.setattr(facade, "read_course_page", with_doubts)
    monkeypatch.setattr(Course, "open", lambda folder=None, data=None: course)
    course.parts.__dict__["llm"] = ScriptedReader(0.1, "The Ebb", "The Ebb")
    assert main(["syllabus", str(tmp_path / "page.md"), "--ask-model"]) == 0
    said = capsys.readouterr().out
    assert "← Is this a reading? Is this its title?" in said
    assert "the language model: no reading, 90% sure; the title is right" in said
    assert main(["syllabus", str(tmp_path / "page.md"), "--ask-model", "--json"]) == 0
    assert '"reading": 0.1' in capsys.readouterr().out
    assert main(["syllabus", str(tmp_path / "page.md")]) == 0
    assert "language model" not in capsys.readouterr().out
