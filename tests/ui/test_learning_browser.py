"""Tables, differences and the quiz in a real browser: cells come one by one, and can be stopped."""

from __future__ import annotations

import pytest
from fake_course import CARD, PAIR, QUIZ, SLOW, STEPS
from test_accessible import assert_accessible

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
def test_a_table_is_filled_sorted_filtered_and_stopped(open_tab, course, width):
    course.states[PAIR.id] = "kept"
    tab = open_tab(width, 844)
    page = tab.page
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function("document.querySelectorAll('#table-session option').length > 1")
    page.fill("#table-question", STEPS)
    page.click("#table-add")
    page.wait_for_selector("text=2 of 4 readings say something.")
    rows = "#table-holder tbody tr:not([hidden])"
    assert page.locator(rows).count() == 4
    assert "It works in four steps." in page.inner_text("#table-differences")
    page.click("[data-sort='0']")
    page.click("[data-sort='0']")
    assert page.locator(rows).first.inner_text().startswith("A paper without text")
    page.check("#table-only")
    assert page.locator(rows).count() == 2
    assert page.get_attribute("[data-save='csv']", "href").count("reading=") == 2
    assert tab.overflow() <= 0
    assert_accessible(tab)
    page.uncheck("#table-only")
    page.select_option("#table-kind", label="who says that …")
    page.fill("#table-question", SLOW)
    page.click("#table-add")
    page.click("#table-stop")
    assert "Stopped" in page.inner_text("#table-state")
    assert page.locator("#table-holder thead th").count() == 3
    page.click("#table-holder blockquote + p [data-view]")
    page.wait_for_selector("#viewer:not([hidden])")
    assert tab.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_quiz_says_what_is_right_and_where_it_stands(open_tab, course, width):
    course.states |= {QUIZ.id: "approved", CARD.id: "approved"}
    course.guided.add(15)
    tab = open_tab(width, 844)
    page = tab.page
    page.get_by_role("tab", name="Study").click()
    page.click(".quiz input[value='two']")
    page.wait_for_selector(".quiz[data-said='wrong'] .quiz-answer")
    assert page.inner_text("#study-score") == "0 of 1 right, 0 to go."
    page.click("[data-turn]")
    assert page.locator(".quiz-told").nth(1).inner_text() == "<b>retrieval</b>"
    assert tab.overflow() <= 0
    assert_accessible(tab)
    assert tab.complaints == []
