"""The chat and the desk in a frame of a course site, which is another site to the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from course_site import CourseSite, new_key
from fake_course import RAG, STEPS
from fake_desk import FakeDeskCourse
from serving import served
from tabs import BOX, TIMEOUT

from seminar_rag.ui.lti.launch import Launches
from seminar_rag.ui.shared.limits import Limits

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CourseSite]:
    """A course site on 127.0.0.1, and the chat on localhost."""
    running = CourseSite()
    course = FakeDeskCourse(folder=tmp_path_factory.mktemp("desk"))
    course.config.data.mkdir()
    address = served(
        course,
        desk=course,
        limits=Limits(0, 0),
        framed_by=running.url,
        launches=Launches(running.platform(), new_key()),
    )
    running.tool = address.replace("127.0.0.1", "localhost")
    yield running
    running.close()


@pytest.fixture
def page(browser, site) -> Iterator[object]:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1000, "height": 760})
    context.set_default_timeout(3 * TIMEOUT)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def test_a_student_asks_the_session_of_the_course_page(page, site, tmp_path: Path):
    site.role, site.scope = "Learner", "session:15"
    page.goto(f"{site.url}/course")
    tool = page.frame_locator("iframe[name=tool]")
    tool.locator(".scope-chip", has_text="Session 15").wait_for()
    tool.locator(BOX).fill(STEPS)
    tool.locator(BOX).press("Enter")
    tool.locator("#past #exchange-1 a.mark").first.click()
    tool.locator("#sources .source.chosen", has_text=RAG.title).wait_for()
    frame = page.frame("tool")
    assert frame.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.screenshot(path=tmp_path / "framed.png")
    tool.locator("[data-close-sources]").click()
    assert page.context.cookies(f"{site.tool}/desk/") == []
    # This browser keeps nothing for frames of other sites; the page remembers while it is open.
    with pytest.raises(sync_api.Error, match="denied"):
        frame.evaluate("localStorage.length")
    tool.locator("#conversations .talk", has_text=STEPS[:20]).wait_for(state="attached")
    assert not tool.locator(".to-desk").is_visible()
    frame.goto(f"{site.tool}/desk/")
    tool.locator("[type=password]").wait_for()


def test_an_instructor_opens_the_desk_of_the_course_page(page, site):
    site.role, site.scope = "Instructor", ""
    page.goto(f"{site.url}/course")
    tool = page.frame_locator("iframe[name=tool]")
    tool.locator(".to-desk").click()
    tool.locator("#sessions-list .entry").first.wait_for(state="attached")  # in a closed list


def test_a_site_that_is_not_named_cannot_show_the_chat_in_a_frame(page, site):
    other = CourseSite()
    with page.expect_console_message(lambda entry: "frame-ancestors" in entry.text):
        page.goto(f"{other.url}/course?frame={site.tool}")
    # The browser may still be putting its own error page into the frame: the locators wait for it.
    tool = page.frame_locator("iframe[name=tool]")
    tool.locator("body").wait_for(state="attached")
    assert tool.locator(".chip").count() == 0
    other.close()
