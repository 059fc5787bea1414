"""Tables, study items, differences and the tutor of a course: what is kept, and what is shown."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import NotFoundError, SourceError, StoreError
from seminar_rag.index.decisions import CHOSEN, CHOSEN_COPY, Chosen
from seminar_rag.types import AnswerEvent, Scope
from seminar_rag.types.study import STATED, StudyItem
from seminar_rag.upkeep import restore, save


def test_a_table_has_a_cell_for_every_reading_and_question(tiny_course: Course) -> None:
    told: list[tuple[int, int]] = []
    table = tiny_course.compare(
        ["What does reranking do?"], progress=lambda done, total: told.append((done, total))
    )
    assert table.complete
    assert told[-1] == (len(table.rows) - 1, len(table.rows))
    for cell in table.cells.values():
        assert bool(cell.citations) == (cell.said in ("says", "perhaps"))
        assert all(one.quote in one.passage.text for one in cell.citations)
        assert all(one.document.reading == cell.reading for one in cell.citations)
    again = tiny_course.known_table(table.questions, [row.reading for row in table.rows])
    assert again == table


def test_a_table_is_stopped_and_has_limits(tiny_course: Course) -> None:
    stopped = tiny_course.compare(["What is attention?"], stop=lambda: True)
    assert not stopped.cells
    assert not stopped.complete
    with pytest.raises(SourceError, match="at most 8"):
        tiny_course.compare([f"Question {n}?" for n in range(9)])
    with pytest.raises(NotFoundError):
        tiny_course.cell("nowhere", "What is attention?")


def test_a_sentence_of_a_reading_is_said_by_that_reading(tiny_course: Course) -> None:
    row = tiny_course.rows(Scope(sessions=frozenset({2})))[0]
    document = next(d for d in tiny_course.documents().values() if d.reading == row.reading)
    passage = tiny_course.passages_of(document.id)[0]
    said = max((passage.quote(one) for one in passage.sentences), key=len)
    assert tiny_course.cell(row.reading, f"{STATED}{said}").said == "supports"


def test_a_kept_table_outlives_the_process_and_a_backup(
    tiny_course: Course, tmp_path: Path
) -> None:
    kept = tiny_course.keep_table(2, ["What does reranking do?", "What is found?"])
    with pytest.raises(NotFoundError, match="no session 9"):
        tiny_course.keep_table(9, ["Anything?"])
    assert tiny_course.tables() == (kept,)
    target = tmp_path / "backup.zip"
    save(tiny_course.config, target)
    tiny_course.drop_table(kept.id)
    assert tiny_course.tables() == ()
    restore(Config(folder=tmp_path / "elsewhere", data_dir=""), target)
    assert list(Chosen(tmp_path / "elsewhere").of("table")) == [kept.id]


def test_students_see_what_is_approved_while_its_sentence_stands(tiny_course: Course) -> None:
    assert tiny_course.propose(1) == ()  # two short posts hold nothing to ask
    document = next(d for d in tiny_course.documents().values() if 1 in d.sessions)
    passage = tiny_course.passages_of(document.id)[0]
    quote = max((passage.quote(one) for one in passage.sentences), key=len)
    answer = quote.split()[-1].strip(".")
    first = StudyItem("first", "short", 1, "Which word ends it?", answer, (), quote, document.id,
                 passage.id, document.reading, document.title, "")  # fmt: skip
    tiny_course._items[1], number = (first,), 1
    assert tiny_course.study(number) == ()
    tiny_course.decide([first.id], number, "approved")
    assert tiny_course.study(number) == (first,)
    gone = replace(first, id="gone", quote="This sentence stands nowhere in the reading.")
    tiny_course._items[1] = (first, gone)
    with pytest.raises(SourceError, match="no longer in the reading"):
        tiny_course.decide(["gone"], number, "approved")
    tiny_course.parts.chosen.put("item", "gone", {"state": "approved", "item": asdict(gone)})
    assert tiny_course.study(number) == (first,)
    assert [one.fault for one in tiny_course.proposed(number) if one.item == gone] != [""]
    with pytest.raises(NotFoundError, match="make the items again"):
        tiny_course.decide(["nowhere"], number, "approved")


def test_a_guide_is_shown_once_the_instructor_says_so(tiny_course: Course) -> None:
    assert tiny_course.guides() == frozenset()
    tiny_course.show_guide(1, shown=True)
    assert tiny_course.guides() == {1}
    guide = tiny_course.guide(1)
    assert [title for title, _ in guide.claims] == [
        one.title for one in tiny_course.catalogue().sessions[0].readings
    ]
    with pytest.raises(NotFoundError):
        tiny_course.guide(9)


def test_differences_need_two_readings(tiny_course: Course) -> None:
    with pytest.raises(NotFoundError, match="choose another session"):
        tiny_course.differ(9)
    assert all(one.state == "new" for one in tiny_course.differ(1))


def test_a_session_with_a_tutor_is_met_with_the_place_to_read(tiny_course: Course) -> None:
    question = "What does reranking do with the useful passages?"
    tiny_course.tutor(2, "first")
    *_, last = tiny_course.ask(question)
    assert isinstance(last, AnswerEvent)
    assert last.answer.text.startswith("Read “")
    tiny_course.tutor(2, None)
    *_, last = tiny_course.ask(question)
    assert isinstance(last, AnswerEvent)
    assert not last.answer.text.startswith("Read “")
    with pytest.raises(NotFoundError):
        tiny_course.tutor(9, "only")


def test_what_was_chosen_is_read_anew(tmp_path: Path) -> None:
    one, other = Chosen(tmp_path), Chosen(tmp_path)
    assert one.of("table") == {}
    one.put("table", "a", {"session": 1})
    other.put("guide", "1", {"shown": True})
    assert Chosen(tmp_path).of("table") == {"a": {"session": 1}}
    one.put("table", "a", None)
    assert Chosen(tmp_path).of("table") == {}
    assert Chosen(tmp_path).of("guide") == {"1": {"shown": True}}


@pytest.mark.parametrize("damage", [b"[1", b"", b"{}", None, b"flipped", b"folder"])
@pytest.mark.parametrize("name", [CHOSEN, CHOSEN_COPY])
def test_what_was_chosen_outlives_damage_to_one_file(
    tmp_path: Path, name: str, damage: bytes | None
) -> None:
    Chosen(tmp_path).put("guide", "1", {"shown": True})
    path = tmp_path / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(
            path.read_bytes().replace(b"true", b"null") if damage == b"flipped" else damage
        )
    chosen = Chosen(tmp_path)
    assert chosen.of("guide") == {"1": {"shown": True}}
    assert [str(path) in one for one in chosen.findings()] == [True]
    assert chosen.repair() == ""
    assert Chosen(tmp_path).findings() == []
    assert Chosen(tmp_path).of("guide") == {"1": {"shown": True}}


def test_what_was_chosen_outlives_its_folder(tmp_path: Path) -> None:
    Chosen(tmp_path).put("guide", "1", {"shown": True})
    shutil.rmtree(tmp_path / "decisions")
    assert Chosen(tmp_path).of("guide") == {"1": {"shown": True}}
    assert Chosen(tmp_path).findings()
    assert Chosen(tmp_path).repair() == ""
    assert (tmp_path / CHOSEN).is_file()


def test_what_was_chosen_is_lost_only_with_both_files_and_says_so(tmp_path: Path) -> None:
    chosen = Chosen(tmp_path)
    assert chosen.findings() == []
    assert chosen.repair() == ""
    assert not (tmp_path / CHOSEN).exists()
    chosen.put("table", "a", {"session": 1})
    for name in (CHOSEN, CHOSEN_COPY):
        (tmp_path / name).write_bytes(b"\0" * 40)
    assert chosen.of("table") == {}
    with pytest.raises(StoreError, match="doctor --repair"):
        chosen.put("table", "b", {"session": 2})
    assert "is lost" in chosen.findings()[0]
    assert "moved aside" in chosen.repair()
    assert chosen.findings() == []
    chosen.put("table", "b", {"session": 2})
    assert Chosen(tmp_path).of("table") == {"b": {"session": 2}}
    assert len(list(tmp_path.rglob("*.damaged-*"))) == 2
