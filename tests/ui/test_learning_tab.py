"""What the instructor decides for students at the desk, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_course import CARD, PAIR, QUIZ, STEPS
from fake_desk import FakeDeskCourse

from seminar_rag.errors import SourceError
from seminar_rag.ui.desk.actions import Desk
from seminar_rag.ui.shared.gradio_pages import load_gradio

pytestmark = pytest.mark.slow


@pytest.fixture
def tab(tmp_path: Path) -> Any:
    load_gradio()  # first, as the application does: else it takes seconds more
    from seminar_rag.ui.desk.learning_tab import LearningTab

    return LearningTab(Desk(FakeDeskCourse(folder=tmp_path)), "")


def shown(tab: Any) -> str:
    return "".join(tab.html().values())


def test_a_table_is_kept_and_removed(tab):
    tab.choose({"act": "keep table", "session": "15", "questions": f"{STEPS}\n\nWhat else?"})
    (kept,) = tab._course.tables()
    assert kept.questions == (STEPS, "What else?")
    assert STEPS in shown(tab)
    tab.choose({"act": "drop table", "what": kept.id})
    assert tab._course.tables() == ()


def test_items_are_made_as_a_job_and_decided_one_by_one_or_together(tab):
    tab.choose({"act": "propose", "session": 15})
    assert tab._desk.jobs.wait(10)
    assert tab._desk.jobs.current.state == "done"
    assert "2 items for session 15" in tab._desk.jobs.current.note
    html = shown(tab)
    assert html.count('data-act="approved"') == 3
    assert "<b>retrieval" not in html
    tab.choose({"act": "dropped", "what": CARD.id, "session": 15})
    tab.choose({"act": "approved", "what": "", "session": 15})
    assert tab._course.study(15) == (QUIZ,)
    tab.choose({"act": "guide", "session": 15})
    assert tab._course.guides() == {15}
    tab.choose({"act": "no guide", "session": 15})
    assert not tab._course.guides()


def test_differences_are_looked_for_and_kept(tab):
    tab.choose({"act": "differ", "session": 15})
    assert tab._desk.jobs.wait(10)
    assert "It works in four steps." in shown(tab)
    tab.choose({"act": "keep pair", "what": PAIR.id, "session": 15})
    assert tab._course.differences(15) == (PAIR,)
    tab.choose({"act": "undo pair", "what": PAIR.id, "session": 15})
    assert tab._course.differences(15) == ()


def test_the_tutor_is_set_for_a_session_and_taken_back(tab):
    said = tab.choose({"act": "tutor", "session": 15, "mode": "first"})
    assert "an answer on request" in said
    assert "Session 15: a hint first" in shown(tab)
    tab.choose({"act": "tutor", "session": 15, "mode": ""})
    assert tab._course.tutoring() == {}


def test_the_parts_are_drawn_anew_only_where_something_has_changed(tab, monkeypatch):
    tab.choose({"act": "differ", "session": 15})
    assert tab._desk.jobs.wait(10)
    before, drawn = tab.html(), []
    course = type(tab._course)
    looked = course.differing
    monkeypatch.setattr(
        course, "differing", lambda self, number: drawn.append(number) or looked(self, number)
    )
    assert tab.html() is before
    assert drawn == [], "nothing is looked up while nothing changes"
    tab._course.decide_difference(PAIR.id, 15, "kept")  # by another process
    assert "undo pair" in shown(tab)
    assert drawn == [15]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"act": "format"}, "not understood"),
        ({"act": "tutor", "session": 15, "mode": "never"}, "not understood"),
        ({"act": "propose"}, "choose a session"),
        ({"act": "keep table", "session": 15, "questions": "\n"}, "a question is empty"),
        (["act"], "not understood"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(tab, sent, says):
    with pytest.raises(SourceError, match=says):
        tab.choose(sent)
