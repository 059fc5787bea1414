"""What the instructor decides for students at the desk, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_course import CARD, PAIR, QUIZ, STEPS
from fake_desk import FakeDeskCourse

from seminar_rag.errors import SeminarError
from seminar_rag.ui.desk.actions import Desk, DeskForm


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(FakeDeskCourse(folder=tmp_path))


def shown(desk: Desk) -> str:
    return "".join(desk.learning.html().values())


def choose(desk: Desk, sent: object) -> Any:
    return desk.act(DeskForm.read(sent))


def test_a_table_is_kept_and_removed(desk):
    choose(desk, {"act": "keep table", "session": "15", "questions": f"{STEPS}\n\nWhat else?"})
    (kept,) = desk.course.tables()
    assert kept.questions == (STEPS, "What else?")
    assert STEPS in shown(desk)
    choose(desk, {"act": "drop table", "what": kept.id})
    assert desk.course.tables() == ()


def test_items_are_made_as_a_job_and_decided_one_by_one_or_together(desk):
    choose(desk, {"act": "propose", "session": 15})
    assert desk.jobs.wait(10)
    assert desk.jobs.current.state == "done"
    assert "2 items for session 15" in desk.jobs.current.note
    html = shown(desk)
    assert html.count('data-act="approved"') == 3
    assert "<b>retrieval" not in html
    choose(desk, {"act": "dropped", "what": CARD.id, "session": 15})
    choose(desk, {"act": "approved", "what": "", "session": 15})
    assert desk.course.study(15) == (QUIZ,)
    choose(desk, {"act": "guide", "session": 15})
    assert desk.course.guides() == {15}
    choose(desk, {"act": "no guide", "session": 15})
    assert not desk.course.guides()


def test_another_server_can_go_on_with_what_one_has_begun(desk):
    task = {"do": "differ", "of": {"session": 15}}
    assert desk.jobs._perform(task) == "1 difference for session 15, under “For students”."


def test_what_another_server_has_begun_is_shown_here(desk):
    assert 'data-act="approved"' not in shown(desk)
    desk.jobs.start("Making study items", "Made study items", "propose", session=15)
    assert desk.jobs.wait(10)
    assert shown(desk).count('data-act="approved"') == 3
    desk.jobs.start("Looking", "Looked", "differ", session=16)
    assert desk.jobs.wait(10)
    assert shown(desk).count('data-act="approved"') == 3, "also after the next job"


def test_differences_are_looked_for_and_kept(desk):
    choose(desk, {"act": "differ", "session": 15})
    assert desk.jobs.wait(10)
    assert "It works in four steps." in shown(desk)
    choose(desk, {"act": "keep pair", "what": PAIR.id, "session": 15})
    assert desk.course.differences(15) == (PAIR,)
    choose(desk, {"act": "undo pair", "what": PAIR.id, "session": 15})
    assert desk.course.differences(15) == ()


def test_the_tutor_is_set_for_a_session_and_taken_back(desk):
    said = choose(desk, {"act": "tutor", "session": 15, "mode": "first"})
    assert "an answer on request" in said
    assert "Session 15: a hint first" in shown(desk)
    choose(desk, {"act": "tutor", "session": 15, "mode": ""})
    assert desk.course.tutoring() == {}


def test_the_parts_are_drawn_anew_only_where_something_has_changed(desk, monkeypatch):
    choose(desk, {"act": "differ", "session": 15})
    assert desk.jobs.wait(10)
    before, drawn = desk.learning.html(), []
    course = type(desk.course)
    looked = course.differing
    monkeypatch.setattr(
        course, "differing", lambda self, number: drawn.append(number) or looked(self, number)
    )
    assert desk.learning.html() is before
    assert drawn == [], "nothing is looked up while nothing changes"
    desk.course.decide_difference(PAIR.id, 15, "kept")  # by another process
    assert "undo pair" in shown(desk)
    assert drawn == [15]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"act": "format"}, "there is no action"),
        ({"act": "tutor", "session": 15, "mode": "never"}, "not understood"),
        ({"act": "propose"}, "choose a session"),
        ({"act": "keep table", "session": 15, "questions": "\n"}, "a question is empty"),
        (["act"], "not understood"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(desk, sent, says):
    with pytest.raises(SeminarError, match=says):
        choose(desk, sent)
