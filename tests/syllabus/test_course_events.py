"""Exams, what is due and weeks without class, as course pages name them beside readings."""

from __future__ import annotations

import json

import pytest

from bench import benchmark
from seminar_rag.question.learned import digest
from seminar_rag.syllabus.events import WEIGHTS, trained
from seminar_rag.syllabus.read import syllabus_from_html, syllabus_from_markdown
from seminar_rag.types import CourseEvent

ROWS = [
    ("Sep 3", "Grains", '<a href="a.pdf">A History of Rye</a> by Ada Brown', ""),
    ("Sep 10", "Ovens", '<a href="b.pdf">The Wood-Fired Oven</a> by Bo Grey', "Essay 1 due"),
    ("Sep 17", "Midterm exam", "", ""),
    ("Sep 24", "Yeast", '<a href="c.pdf">Wild Yeast in Bakeries</a> by Cy Green', ""),
    ("Oct 1", "No class (fall break)", "", ""),
    ("Oct 8", "Crumbs", '<a href="d.pdf">What Crumbs Tell Us</a> by Di White', "Project proposal"),
]
TABLE = "".join(
    f"<tr><td>{day}</td><td>{topic}</td><td>{reading}</td><td>{due}</td></tr>"
    for day, topic, reading, due in ROWS
)
PAGE = f"""<html><body><h1>Breads</h1>
<p>The final exam counts for 40% of the grade. Late essays lose points.</p>
<ul><li>Final paper: due Oct 20</li></ul>
<h2>Schedule</h2>
<table><tr><th>Date</th><th>Topic</th><th>Readings</th><th>Due</th></tr>{TABLE}</table>
<h2>Grading</h2><p>Midterm exam: 30%. Essays: 30%.</p></body></html>"""


def test_a_page_names_events_beside_its_readings() -> None:
    read = syllabus_from_html(PAGE, "breads.html")
    assert [one.title for one in read.sessions][:3] == ["Grains", "Ovens", "Midterm exam"]
    assert set(read.events) == {
        CourseEvent("Final paper: due Oct 20", "due", "Oct 20", 6),
        CourseEvent("Essay 1 due", "due", "Sep 10", 2),
        CourseEvent("Midterm exam", "exam", "Sep 17", 3, alone=True),
        CourseEvent("No class (fall break)", "no class", "Oct 1", 5, alone=True),
        CourseEvent("Project proposal", "due", "Oct 8", 6),
    }


def test_what_stands_between_weeks_without_a_day_keeps_its_place() -> None:
    weeks = [
        f'# Week {n}\n\n{topic}\n\n- Brown, Ada. "{title}". Journal of Bread, 2019.\n'
        for n, topic, title in [
            (1, "Grains", "A History of Rye"),
            (2, "Ovens", "The Wood-Fired Oven"),
            (4, "Crumbs", "What Crumbs Tell Us"),
        ]
    ]
    weeks.insert(2, "# Week 3\n\nSpring Break --- no class\n")
    read = syllabus_from_markdown("\n".join(weeks), "breads.md")
    (event,) = read.events
    assert (event.kind, event.session) == ("no class", 3)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("In-class midterm", "exam"),
        ("Quiz 3", "exam"),
        ("Lab report 2 due", "due"),
        ("Homework 3 out, homework 2 due", "due"),
        ("Thanksgiving, no class", "no class"),
        ("kein Seminar (Pfingsten)", "no class"),
        ("Student presentations", "presentations"),
        ("Midterm review", None),
        ("Homework 3 out", None),
        ("The final days of the republic", None),
        ("Lesson 4 - Sep. 12", None),
        ("Breaking the genetic code", None),
    ],
)
def test_a_line_names_an_event_or_none(line: str, kind: str | None) -> None:
    assert trained().of(line) == kind


def test_the_name_of_a_column_tells_what_is_due() -> None:
    assert trained().of("Essay 1", "Due date") == "due"
    assert trained().of("Essay 1", "Topic") is None


def test_the_weights_belong_to_the_example_lines() -> None:
    fitted_to = json.loads(WEIGHTS.read_text(encoding="utf-8"))["digest"]
    assert fitted_to == digest(benchmark("events").examples()), (
        "the example lines changed: python benchmarks/events.py --fit"
    )
