"""Videos, books and other kinds of works are asked of the course's list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seminar_rag.answer.catalogue import AboutCourse, CatalogueAnswer
from seminar_rag.question.query import understand
from seminar_rag.types import Hit, Scope
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession

LOAF = ListedReading("loaf", "The Loaf", kind="paper")
RISE = ListedReading("rise", "How Dough Rises", kind="video")
OVEN = ListedReading("oven", "A Day at the Oven", kind="video", section="more")
BREAD = ListedReading("bread", "A History of Bread", kind="book")
CRUST = ListedReading("crust", "Crusts and Steam", kind="chapter")
COURSE = Catalogue(
    "Breads",
    (),
    (
        ListedSession(1, "Dough", readings=(LOAF, RISE)),
        ListedSession(2, "Baking", readings=(OVEN, BREAD, CRUST)),
    ),
)


class Nothing:
    def search(self, query: object, k: int = 20, scope: Scope | None = None) -> tuple[Hit, ...]:
        return ()


def answer(text: str, course: Catalogue = COURSE) -> CatalogueAnswer:
    said = AboutCourse(lambda: course, Nothing()).answer(understand(text))
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("text", "lead", "titles"),
    [
        ("Which videos do we watch?", "1 required and 1 further video", [RISE, OVEN]),
        ("List the books of the course", "1 required book:", [BREAD]),
        ("Which chapters do we read in session 2?", "Session 2 (Baking) has 1 required", [CRUST]),
        ("What do we watch in week 1?", "Session 1 (Dough) has 1 required video", [RISE]),
        ("Which optional videos are there?", "1 further video:", [OVEN]),
        ("What are the required readings of session 1?", "2 required readings", [LOAF, RISE]),
    ],
)
def test_readings_of_a_kind_are_listed(text: str, lead: str, titles: list[ListedReading]) -> None:
    said = answer(text)
    assert lead in said.text
    assert [row.title for row in said.listed] == [one.title for one in titles]
    assert [row.kind for row in said.listed] == [one.kind for one in titles]


def test_what_is_no_paper_says_so() -> None:
    assert "- How Dough Rises (video, required)" in answer("List the readings of session 1").text
    assert "- The Loaf (required)" in answer("List the readings of session 1").text


def test_none_of_a_kind_is_said_and_what_a_session_has_instead() -> None:
    assert answer("Are there any podcasts?").text == "The course lists no podcasts."
    assert answer("How many podcasts are there?").text == "The course lists no podcasts."
    said = answer("Which podcasts do we listen to in session 1?")
    assert said.text.startswith("Session 1 (Dough) has no podcasts. All that it has:")
    assert [row.title for row in said.listed] == [LOAF.title, RISE.title]


def test_readings_of_a_kind_are_counted() -> None:
    assert answer("How many videos are there?").text == (
        "The course lists 1 required and 1 further video."
    )


def test_a_list_that_was_stored_before_kinds_were_told_says_that_they_are_not_known() -> None:
    sessions = tuple(
        replace(each, readings=tuple(replace(one, kind=None) for one in each.readings))
        for each in COURSE.sessions
    )
    said = answer("Which videos do we watch?", replace(COURSE, sessions=sessions))
    assert said.text == (
        "The course lists no videos."
        " Of 5 readings the kind is not known until the course is ingested again."
    )
