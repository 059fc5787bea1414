"""Tables, differences and the quiz in a real browser: cells come one by one, and can be stopped."""

from __future__ import annotations

import pytest
from fake_course import CARD, PAIR, QUIZ, SLOW, STEPS
from test_accessible import assert_accessible

pytestmark = pytest.mark.browser


def test_a_table_is_filled_sorted_filtered_and_stopped(open_tab, course):
    course.states[PAIR.id] = "kept"
    tab = open_tab(1280, 844)
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
    assert_accessible(tab)
    page.set_viewport_size({"width": 390, "height": 844})
    assert tab.overflow() <= 0
    page.set_viewport_size({"width": 1280, "height": 844})
    page.uncheck("#table-only")
    page.select_option("#table-kind", label="who says that …")
    page.fill("#table-question", SLOW)
    page.click("#table-add")
    page.click("#table-stop")
    page.wait_for_selector("#table-state:has-text('Stopped')")
    assert page.locator("#table-holder thead th").count() == 3
    page.click("#table-holder blockquote + p [data-view]")
    page.wait_for_selector("#viewer:not([hidden])")
    assert tab.complaints == []


def test_a_note_is_kept_listed_and_cited(open_tab):
    tab = open_tab(1280, 844)
    page = tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.ask_and_wait(STEPS)
    page.click("#past .mark >> nth=0")
    page.wait_for_selector("#viewer .viewer-body mark")
    page.click("[data-do='notes']")
    quote = page.inner_text(".viewer-notes blockquote")
    assert len(quote) > 20
    page.fill(".viewer-notes textarea", "Compare with <b>session 3</b>")
    page.click("text=Keep the note")
    page.click("text=Copy as text")
    page.wait_for_selector("text=Copied")
    assert f"“{quote}” (" in page.evaluate("navigator.clipboard.readText()")
    assert_accessible(tab)
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector(".mark, .chip")
    page.get_by_role("tab", name="Study").click()
    page.wait_for_selector("#notes-list li")
    assert "Compare with <b>session 3</b>" in page.inner_text("#notes-list")
    assert "%3Cb%3E" not in page.get_attribute("#notes-list a", "href").replace("%5C%3C", "")
    page.click("#notes-list [data-view]")
    page.wait_for_selector("#viewer:not([hidden]) .viewer-body mark")
    page.click("[data-do='close']")
    page.click("#notes-list >> text=Delete")
    page.wait_for_selector("#notes-list li", state="detached")
    assert tab.complaints == []


def test_a_quiz_says_what_is_right_and_where_it_stands(open_tab, course):
    course.states |= {QUIZ.id: "approved", CARD.id: "approved"}
    course.guided.add(15)
    tab = open_tab(390, 844)
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
