"""Questions about the calendar of a course, answered from its sessions and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from seminar_rag.answer.catalogue import AboutCourse
from seminar_rag.answer.schedule import about_schedule
from seminar_rag.question.query import Query, understand
from seminar_rag.types import CourseEvent, Hit, Scope
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession

DAYS = ("Feb 5", "Feb 12", "Feb 19", "Feb 26", "Mar 5", "Mar 12", "Mar 19")
TITLES = ("Rye", "Ovens", "Midterm exam", "Yeast", "Spring break", "Crumbs", "Toast")
ALONE = {3, 5}
COURSE = Catalogue(
    "Breads",
    (),
    tuple(
        ListedSession(
            n,
            title,
            readings=() if n in ALONE else (ListedReading(f"r{n}", f"On {title}"),),
            date=day,
        )
        for n, (title, day) in enumerate(zip(TITLES, DAYS, strict=True), 1)
    ),
    events=(
        CourseEvent("Essay 1 due", "due", "Feb 12", 2),
        CourseEvent("Midterm exam", "exam", "Feb 19", 3, alone=True),
        CourseEvent("Spring break", "no class", "Mar 5", 5, alone=True),
        CourseEvent("Essay 2 due", "due", "Mar 15", 6),
        CourseEvent("Final paper: due Mar 30", "due", "Mar 30", 7),
    ),
)
UNDATED = replace(
    COURSE,
    sessions=tuple(replace(one, date=None) for one in COURSE.sessions),
    events=tuple(replace(one, date=None) for one in COURSE.events),
)
TODAY = date(2024, 2, 28)


class NoSearch:
    """Finds nothing."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        return ()


def asked(question: str, course: Catalogue = COURSE) -> str | None:
    found = about_schedule(course, understand(question, titles=course.titles), TODAY)
    return found.text if found else None


@pytest.mark.parametrize(
    ("question", "there", "lacking"),
    [
        ("What do we have to read before the midterm?", ["On Rye", "On Ovens"], ["On Yeast"]),
        ("which readings are left until the final paper?", ["On Crumbs", "On Toast"], ["On Yeast"]),
        ("what did we read last week", ["On Ovens"], ["On Rye", "On Yeast"]),
        ("what do we read in the second half?", ["On Yeast", "On Toast"], ["On Ovens"]),
        ("what do we read after spring break", ["On Crumbs"], ["On Yeast"]),
        ("what do we read between the midterm and spring break?", ["On Yeast"], ["On Crumbs"]),
        ("Which papers do we read in March?", ["On Crumbs", "On Toast"], ["On Yeast"]),
        ("what is due after spring break?", ["Essay 2 due", "Final paper"], ["Essay 1"]),
        ("when is the midterm?", ["Feb 19", "session 3"], []),
        ("When do we have to hand in essay 2?", ["Mar 15"], ["Essay 1"]),
        ("is there class on March 12?", ["Yes: session 6"], []),
        ("do we have class on March 5?", ["No: Spring break"], []),
        ("On which days is there no class?", ["Spring break"], ["Midterm"]),
        ("how many sessions are left?", ["3 sessions"], []),
    ],
)
def test_the_calendar_is_asked(question: str, there: list[str], lacking: list[str]) -> None:
    text = asked(question.replace("last week", "on Feb 12"))
    assert text is not None
    assert not [one for one in there if one not in text]
    assert not [one for one in lacking if one in text]


def test_without_days_the_order_of_sessions_counts() -> None:
    before = asked("what do we read before the midterm?", UNDATED)
    assert before is not None
    assert "On Ovens" in before
    assert "On Yeast" not in before
    assert asked("what do we read next week?", UNDATED) is None
    assert asked("when is spring break?", UNDATED) == "“Spring break”: session 5."


@pytest.mark.parametrize(
    "question",
    [
        "What did people eat before the war?",
        "What does the text say about midterm elections?",
        "How did prices change in March 1929?",
        "What do we read in session 2?",
        "How does the exam measure learning?",
        "when does class start?",
        "Which results remain after the last iteration?",
    ],
)
def test_what_asks_nothing_of_the_calendar_is_left_alone(question: str) -> None:
    assert asked(question) is None


def test_a_day_on_which_nothing_is_due_says_what_is_read() -> None:
    assert asked("what is due on Feb 26?") == (
        "The course page names nothing to hand in then. To read: Session 4 (Yeast) has 1 required"
        " reading:\n\n- On Yeast (required)"
    )


@pytest.mark.parametrize(
    ("question", "there"),
    [
        ("When is the midterm and what do we read on Feb 12?", ["Feb 19", "On Ovens"]),
        ("Is there class on March 5 and when is the midterm?", ["No: Spring break", "Feb 19"]),
        ("what is due on Mar 15? And what do we read in session 4?", ["Essay 2", "On Yeast"]),
    ],
)
def test_two_questions_about_the_calendar_are_both_answered(
    question: str, there: list[str]
) -> None:
    about = AboutCourse(lambda: COURSE, NoSearch(), today=lambda: TODAY)
    found = about.answer(understand(question, titles=COURSE.titles))
    assert found is not None
    assert [one for one in there if one in found.text] == there


@pytest.mark.parametrize(
    "question",
    ["What do we read on Feb 12 and what is yeast?", "How does yeast work and when did it rise?"],
)
def test_a_question_beside_one_about_the_calendar_is_left_to_the_readings(question: str) -> None:
    about = AboutCourse(lambda: COURSE, NoSearch(), today=lambda: TODAY)
    assert about.answer(understand(question, titles=COURSE.titles)) is None
