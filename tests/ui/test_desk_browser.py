"""The instructor's desk in a real headless Chromium."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake_course import ANSWERS, EVIL, JUDGED, RAG, STEPS, SURVEY, UNKNOWN
from fake_desk import PAGE, PASSWORD, FakeDeskCourse, catalogue
from serving import served as served_at
from tabs import TIMEOUT, recolour, still

from seminar_rag.course import SAMPLE
from seminar_rag.errors import StoreError
from seminar_rag.types.ingest import UPLOADED

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROW = "#sessions-list .entry"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def served(folder: Path) -> tuple[FakeDeskCourse, str]:
    course = FakeDeskCourse(folder=folder)
    return course, served_at(course, desk=course)


@pytest.fixture
def course(served: tuple[FakeDeskCourse, str]) -> Iterator[FakeDeskCourse]:
    """As it was at first, with no document let through."""
    course = served[0]
    while course.step.acquire(blocking=False):
        pass
    course.__post_init__()
    course.journal._delete("9999")
    course.acts.clear()
    course.taken.clear()
    yield course
    course.step.release(100)  # whatever still runs may end


@pytest.fixture
def new_page(browser: Any, served: tuple[FakeDeskCourse, str]) -> Iterator[Callable[..., Any]]:
    """A page of a visitor of their own; what it complained of or asked elsewhere fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []
    hosts: set[str | None] = set()

    def open_(width: int = 1280, height: int = 900, scheme: str = "light") -> Any:
        context = browser.new_context(
            base_url=served[1],
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda request: (
                request.url.startswith("data:") or hosts.add(urlsplit(request.url).hostname)
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda entry: complaints.append(entry.text) if entry.type == "error" else None,
        )
        return page

    yield open_
    for context in contexts:
        context.close()
    assert hosts <= {"127.0.0.1"}
    # A refusal answers 401 or 403, which the browser notes.
    assert [text for text in complaints if "401" not in text and "403" not in text] == []


@pytest.fixture
def desk(new_page: Callable[..., Any], course: FakeDeskCourse) -> Any:
    """The desk, open."""
    page = new_page()
    login(page)
    return page


def login(page: Any, password: str = PASSWORD) -> None:
    page.goto("/desk")
    page.fill("#password", password)
    page.press("#password", "Enter")
    if password == PASSWORD:
        page.wait_for_selector("#sessions-list .session")


def ended(page: Any, title: str, how: str = "done") -> str:
    """Wait for the end of the job called so; how it ended, in words."""
    page.wait_for_selector(f"#job .job.{how}:has-text('{title}')")
    return str(page.inner_text("#job .job"))


def open_session(page: Any, number: int) -> None:
    page.click(f"#sessions-list details[data-key='session-{number}'] > summary")


def overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


# The door --------------------------------------------------------------------------------------


def test_the_password_opens_the_desk_and_logout_shuts_it(
    new_page: Callable[..., Any], course: FakeDeskCourse
) -> None:
    page = new_page()
    page.goto("/desk/")
    assert urlsplit(page.url).path == "/desk/login"
    login(page, "the wrong password")
    page.wait_for_selector(".problem")
    assert "not the password" in page.inner_text(".problem")
    login(page)
    assert page.title() == f"Desk · {course.name}"
    assert page.evaluate("document.cookie") == "", "scripts cannot read the cookie"
    page.click("text=Log out")
    page.wait_for_selector("#password")
    page.goto("/desk/")
    assert urlsplit(page.url).path == "/desk/login"


def test_an_open_desk_of_a_session_that_ended_leads_to_the_password(desk: Any) -> None:
    desk.context.clear_cookies()
    desk.click("#preview")
    desk.wait_for_selector("#password")


def test_a_desk_without_a_password_says_how_to_set_one(
    new_page: Callable[..., Any], course: FakeDeskCourse
) -> None:
    kept, course.password = course.password, ""
    try:
        page = new_page()
        response = page.goto("/desk/")
        assert response.status == 403
        assert "seminar-rag passwd" in page.inner_text("main")
        assert page.locator("input").count() == 0
    finally:
        course.password = kept


# Jobs ------------------------------------------------------------------------------------------


def test_an_ingest_shows_its_progress_outlives_the_page_and_ends(
    desk: Any, course: FakeDeskCourse, new_page: Callable[..., Any]
) -> None:
    desk.click("#update")
    desk.wait_for_selector(".job.running")
    course.step.release(2)
    desk.wait_for_selector(".job:has-text('2 of 5 documents')")
    assert desk.get_attribute(".job progress", "value") == "2"
    desk.reload()
    desk.wait_for_selector(".job.running:has-text('2 of 5')")
    desk.wait_for_selector("#job-stop", state="visible")
    other = new_page()
    login(other)
    other.wait_for_selector(".job.running:has-text('2 of 5')")
    desk.close()
    course.step.release(3)
    assert "4 changed, 1 unchanged" in ended(other, "Updated the course")
    other.wait_for_selector("#job-stop", state="hidden")
    other.click("#job-log > button")
    lines = other.locator(".log li")
    lines.first.wait_for()
    assert RAG.title in lines.first.inner_text()
    assert lines.count() == 5
    assert course.acts == [("ingest", (PAGE,), False, None, False)]


def test_a_job_is_stopped(desk: Any, course: FakeDeskCourse) -> None:
    desk.click("#update")
    desk.wait_for_selector(".job.running")
    course.step.release(1)
    desk.wait_for_selector(".job:has-text('1 of 5 documents')")
    desk.click("#preview")
    desk.wait_for_selector("#desk-said .problem")
    assert "“Updating the course” is running" in desk.inner_text("#desk-said")
    desk.click("#job-stop")
    assert "1 unchanged; start it again to go on" in ended(desk, "Updating the course", "stopped")


def test_a_language_model_is_fetched_with_progress_and_stop(
    desk: Any, course: FakeDeskCourse
) -> None:
    button = "#model-offer button[data-act=model]"
    desk.click(button)
    desk.wait_for_selector(".job.running:has-text('tiny.gguf, part 1 of 3')")
    assert "30 of 90 MB" in desk.inner_text("#job")
    desk.click("#job-stop")
    assert "to go on" in ended(desk, "Fetching a language model", "stopped")
    course.step.release(3)
    desk.click(button)
    assert "is in place" in ended(desk, "Fetched a language model")
    desk.wait_for_selector(button, state="detached")


def test_what_would_change_is_told_and_nothing_done(desk: Any, course: FakeDeskCourse) -> None:
    desk.click("#preview")
    ended(desk, "Preview")
    assert course.acts == [("ingest", (PAGE,), True, None, False)]


def test_the_network_is_asked_again_when_wanted(desk: Any, course: FakeDeskCourse) -> None:
    course.step.release(9)
    for choice in desk.locator("#how input").all():
        choice.check()
    desk.click("#update")
    ended(desk, "Updated the course")
    assert course.acts == [("ingest", (PAGE,), False, True, True)]


# Looking after the course ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "act", "done"), [("Accept", "accept", "Followed"), ("Reject", "reject", "Dropped")]
)
def test_a_suggestion_is_decided_with_one_click(
    desk: Any, course: FakeDeskCourse, button: str, act: str, done: str
) -> None:
    course.step.release(9)
    card = desk.locator(".card", has_text="leads elsewhere")
    assert card.locator("a").get_attribute("href") == "https://example.org/better"
    card.locator("button", has_text=button).click()
    ended(desk, f"{done} the link of “A map")
    assert course.acts == [(act, "s1"), ("ingest_reading", "survey")]
    card.wait_for(state="detached")


def test_a_reading_is_renamed_removed_and_brought_back(desk: Any, course: FakeDeskCourse) -> None:
    course.step.release(9)
    open_session(desk, 15)
    row = desk.locator(ROW, has_text=RAG.title)
    row.locator("button", has_text="Rename").click()
    desk.wait_for_selector("#rename-dialog[open]")
    assert desk.input_value("#rename-title") == RAG.title
    desk.fill("#rename-title", "A better <title>")
    desk.press("#rename-title", "Enter")
    desk.wait_for_selector(f"{ROW}:has-text('A better <title>')")
    assert course.acts == [("rename", "rag", "A better <title>")]
    row = desk.locator(ROW, has_text="A better")
    row.locator("button", has_text="Remove").click()
    row.wait_for(state="detached")
    assert desk.locator("details[data-key='session-15']").get_attribute("open") is not None
    desk.click("#desk-said .toast [data-act='undo']:has-text('Undo')")
    desk.wait_for_selector(f"{ROW}:has-text('A better')")
    assert course.acts[1:3] == [("remove", "rag"), ("take_back",)]


def test_a_failed_reading_has_its_remedy_and_is_tried_again(
    desk: Any, course: FakeDeskCourse
) -> None:
    course.step.release(9)
    card = desk.locator("#attention .card", has_text="holds no text")
    assert "Run an OCR program over it" in card.inner_text()
    card.locator("button", has_text="Try again").click()
    ended(desk, "A paper that was scanned", "failed")
    assert course.acts == [("ingest_reading", "scan")]


def open_form(page: Any, session: str = "15") -> None:
    page.click("#add > button")
    page.click("#add-session input")
    page.click(f"ul[role='listbox'] li:has-text('{session} ·')")


DROP = """
(element) => {
  const files = new DataTransfer();
  files.items.add(new File(["%PDF-1.7 dropped"], "dropped.pdf", { type: "application/pdf" }));
  for (const type of ["dragover", "drop"])
    element.dispatchEvent(new DragEvent(type,
      { dataTransfer: files, bubbles: true, cancelable: true }));
}
"""


def test_the_way_back_to_the_desk_stands_after_the_tabs(desk: Any) -> None:
    desk.click("text=Back to the chat")
    desk.wait_for_selector(".chip")
    for width in (1280, 390):
        desk.set_viewport_size({"width": width, "height": 844})
        tabs = desk.get_by_role("tab")
        last = tabs.nth(tabs.count() - 1)
        last.focus()
        desk.keyboard.press("Tab")
        assert desk.evaluate("document.activeElement.textContent") == "Desk"
        way, tab = still(desk.locator(".to-desk")), still(last)
        assert tab["x"] + tab["width"] <= way["x"], "beside the last tab"
        assert abs(way["y"] + way["height"] / 2 - tab["y"] - tab["height"] / 2) < 8
        assert overflow(desk) <= 0


def test_pdfs_are_attached_to_a_reading_and_dropped_on_the_page(
    desk: Any, course: FakeDeskCourse, tmp_path: Path
) -> None:
    course.step.release(30)
    (tmp_path / "a paper.pdf").write_bytes(b"%PDF-1.7 content")
    (tmp_path / "page.pdf").write_bytes(b"<html>Log in to read this paper</html>")
    open_session(desk, 16)
    row = desk.locator(ROW, has_text="A paper whose link is gone")
    with desk.expect_file_chooser() as chooser:
        row.locator("[data-attach]").click()
    chooser.value.set_files([tmp_path / "a paper.pdf", tmp_path / "page.pdf"])
    desk.wait_for_selector("#told.fine:has-text('Added to “A paper whose link is gone”')")
    assert "page.pdf is not what its name says" in desk.inner_text("#told")
    desk.wait_for_selector("#job .job.failed")  # its link is still gone, and the job says so
    assert course.acts == [("take", "a paper.pdf", "gone", None), ("ingest_reading", "gone")]
    assert course.taken == [b"%PDF-1.7 content"]
    row.evaluate(DROP)
    desk.wait_for_function("!document.querySelector('#told').textContent.includes('page.pdf')")
    desk.wait_for_selector("#job .job.failed")
    desk.locator("#attention").evaluate(DROP)
    desk.wait_for_selector("#place-dialog[open]")
    desk.click("#place-dialog [type='submit']")
    desk.wait_for_selector("#told.problem:has-text('choose a session')")
    assert desk.locator(".toast").count() == 1, "the last message alone is shown"
    desk.locator("#attention").evaluate(DROP)
    desk.select_option("#place-session", "15")
    desk.click("#place-dialog [type='submit']")
    ended(desk, "Added")
    assert [act for act in course.acts if act[0] == "take"][1:] == [
        ("take", "dropped.pdf", "gone", None),
        ("take", "dropped.pdf", "", 15),
    ]
    toast = still(desk.locator("#told"))
    assert toast["y"] + toast["height"] <= desk.viewport_size["height"], "in sight"
    desk.click("#told button:has-text('Undo')")
    desk.wait_for_selector("#told:has-text('Undone.')")
    assert ("take_back",) in course.acts
    desk.click("#told [data-dismiss]")
    assert desk.locator("#told").count() == 0


def test_a_course_begins_with_a_file_as_its_page(
    desk: Any, course: FakeDeskCourse, tmp_path: Path
) -> None:
    course.step.release(30)
    course._catalogue = replace(course._catalogue, sources=((str(SAMPLE.resolve()), "course"),))
    desk.reload()
    (tmp_path / "syllabus.docx").write_bytes(b"PK content")
    with desk.expect_file_chooser() as chooser:
        desk.click("text=Upload the course page")
    chooser.value.set_files([tmp_path / "syllabus.docx"])
    desk.wait_for_selector("#told.fine:has-text('“syllabus.docx” is the course page now.')")
    ended(desk, "Read the course page")
    assert course.acts[0] == ("take_page", "syllabus.docx")
    assert course.acts[1][:2] == ("ingest", (UPLOADED,))


def test_a_link_is_added_to_a_session(desk: Any, course: FakeDeskCourse) -> None:
    course.step.release(9)
    open_form(desk)
    desk.locator("#add-title input, #add-title textarea").first.fill("A linked paper")
    url = desk.locator("#add-url input, #add-url textarea").first
    url.fill("https://example.org/linked.pdf")
    desk.click("#add-go")
    ended(desk, "Added “A linked paper”")
    assert course.acts[0] == ("add", 15, "A linked paper", "https://example.org/linked.pdf", None)


def test_nothing_from_a_reading_runs_as_script(desk: Any) -> None:
    open_session(desk, 3)
    assert desk.evaluate("window.pwned") is None
    assert "<img src=x" in desk.inner_text("#sessions-list")


# What students ask -----------------------------------------------------------------------------


def test_what_students_ask_is_shown_and_can_be_taken_along(
    desk: Any, course: FakeDeskCourse
) -> None:
    course.journal.enabled = True
    for question in (STEPS, JUDGED, UNKNOWN, UNKNOWN):
        course.journal.record(ANSWERS[question])
    course.journal.feedback(ANSWERS[STEPS], False, "wrong citation", "Another page.")
    desk.click("button[role='tab']:has-text('What students ask')")
    desk.wait_for_selector(".figures")
    shown = desk.inner_text("#insights")
    assert "50%" in shown
    assert UNKNOWN in shown
    assert "asked 2 times" in shown
    assert "There are four generations." in shown
    assert "wrong citation" in shown
    assert "Another page." in shown
    assert desk.locator("svg.plot rect.yes").count() == 1
    assert desk.locator(".bars li").first.inner_text().startswith(SURVEY.title)
    with desk.expect_download() as started:
        desk.click(".exports a:has-text('Questions')")
    text = Path(started.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["question"] for row in rows) == sorted([STEPS, JUDGED, UNKNOWN, UNKNOWN])


def test_a_setting_is_changed_and_kept(desk: Any, course: FakeDeskCourse, folder: Path) -> None:
    desk.click("button[role='tab']:has-text('Settings')")
    desk.check("#set-journal-enabled input")
    desk.wait_for_selector("#settings-said:has-text('saved')")
    assert course.journal.enabled
    field = desk.locator("#set-answer-passages input")
    field.fill("99")
    field.press("Enter")
    desk.wait_for_selector("#settings-said .problem")
    assert "from 1 to 20" in desk.inner_text("#settings-said")
    field.fill("5")
    field.press("Enter")
    desk.wait_for_selector("#settings-said .fine:has-text('Passages')")
    saved = (folder / "seminar.toml").read_text(encoding="utf-8")
    assert "passages = 5" in saved
    assert "enabled = true" in saved
    assert "[store] url" in desk.inner_text("#other-settings")
    secret = desk.locator("#set-zotero-key input")
    sync_api.expect(secret).to_have_attribute("type", "password")
    secret.fill("P9NiFoyLeZu2bZNvvuQPDWsd")
    secret.press("Enter")
    desk.wait_for_selector("#settings-said .fine:has-text('Zotero key')")
    sync_api.expect(secret).to_have_value("set")
    saved = (folder / "seminar.toml").read_text(encoding="utf-8")
    assert 'key = "P9NiFoyLeZu2bZNvvuQPDWsd"' in saved
    desk.reload()
    desk.click("button[role='tab']:has-text('Settings')")
    sync_api.expect(desk.locator("#set-zotero-key input")).to_have_value("set")
    assert "P9NiFoy" not in desk.content()
    sync_api.expect(desk.locator("#set-answer-passages input")).to_have_value("5")
    sync_api.expect(desk.locator("#set-journal-enabled input")).to_be_checked()


def test_a_course_that_cannot_be_read_says_so_and_comes_back(
    desk: Any, course: FakeDeskCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise StoreError("the index is damaged — seminar-rag doctor --repair")

    with monkeypatch.context() as patch:
        patch.setattr(course, "catalogue", broken)
        desk.wait_for_selector("#attention .problem:has-text('doctor --repair')")
    desk.wait_for_selector("#attention .card")


# Looks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 900, "light"), (390, 844, "dark")])
def test_nothing_is_wider_than_the_window(
    new_page: Callable[..., Any], course: FakeDeskCourse, width: int, height: int, scheme: str
) -> None:
    course.journal.enabled = True
    course.journal.record(ANSWERS[JUDGED])
    page = new_page(width, height, scheme)
    page.goto("/desk/")
    assert overflow(page) <= 0
    login(page)
    for session in catalogue().sessions:
        open_session(page, session.number)
    assert overflow(page) <= 0
    for tab in ("What students ask", "Settings"):
        page.click(f"button[role='tab']:has-text('{tab}')")
        page.wait_for_selector(".figures" if tab == "What students ask" else "#live-settings")
        assert overflow(page) <= 0
    dark = page.evaluate("document.body.classList.contains('dark')") or page.evaluate(
        "document.documentElement.classList.contains('dark')"
    )
    assert dark == (scheme == "dark")


def test_axe_finds_nothing(new_page: Callable[..., Any], course: FakeDeskCourse) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    course.journal.enabled = True
    for question in (STEPS, JUDGED, UNKNOWN):
        course.journal.record(ANSWERS[question])
    course.journal.feedback(ANSWERS[STEPS], False, "other", "A remark.")

    def look(where: str, *rules: str) -> None:
        found = axe.run(page, options={"runOnly": list(rules)} if rules else None).response
        assert len(found["passes"]) > (0 if rules else 5), f"axe did not look at {where}"
        told = [
            (one["id"], one["impact"], [node["html"] for node in one["nodes"]])
            for one in found["violations"]
        ]
        assert told == [], where

    def look_twice(where: str) -> None:
        """At everything in the light, at contrasts in the dark, which differs in its colours."""
        look(where)
        recolour(page, "dark")
        look(f"{where} in the dark", "color-contrast")
        recolour(page, "light")

    page = new_page()
    page.goto("/desk/")
    look("the door")
    page.emulate_media(color_scheme="dark")
    page.reload()
    look("the door in the dark", "color-contrast")
    page.emulate_media(color_scheme="light")
    login(page)
    for session in catalogue().sessions:
        open_session(page, session.number)
    page.click("#add > button")
    page.wait_for_selector("#add-go", state="visible")
    page.click("#update")
    page.wait_for_selector(".job.running")
    look_twice("the course")
    page.click("#job-stop")
    ended(page, "Updating the course", "stopped")
    page.locator("[data-rename]").first.click()
    page.wait_for_selector("#rename-dialog[open]")
    look_twice("the dialog")
    page.press("#rename-title", "Escape")
    page.click("button[role='tab']:has-text('What students ask')")
    page.wait_for_selector(".figures", state="visible")
    look_twice("what students ask")
    page.click("button[role='tab']:has-text('Settings')")
    page.wait_for_selector("#live-settings", state="visible")
    look_twice("the settings")


def test_the_desk_works_by_keyboard_alone(desk: Any, course: FakeDeskCourse) -> None:
    course.step.release(9)
    desk.focus("#sessions-list details[data-key='session-15'] > summary")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(f"{ROW}:visible")
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.innerText") == "Read again"
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    desk.wait_for_selector("#rename-dialog[open]")
    assert desk.evaluate("document.activeElement.id") == "rename-title"
    desk.keyboard.press("Escape")
    desk.wait_for_selector("#rename-dialog", state="hidden")
    assert desk.evaluate("document.activeElement.innerText") == "Rename"
    desk.keyboard.press("Shift+Tab")
    desk.keyboard.press("Enter")
    ended(desk, f"Read again “{RAG.title}”")
    assert course.acts == [("ingest_reading", "rag")]


# The reading list -------------------------------------------------------------------------------

ENTRY = "#entries .listed"


def reading_list(page: Any) -> None:
    page.get_by_role("tab", name="Reading list").click()
    page.wait_for_selector(ENTRY)
    page.wait_for_selector("#page-text li")


def said(page: Any, text: str) -> None:
    page.wait_for_selector(f"#desk-said :text({text!r})")


def test_the_reading_list_is_corrected_beside_the_pages_text(
    desk: Any, course: FakeDeskCourse
) -> None:
    reading_list(desk)
    assert desk.inner_text("#entries .flag") == "Is this a reading?"
    assert desk.locator("#page-text .in-list").all_inner_texts() == [EVIL.title]
    desk.check("#only-doubtful")
    assert desk.locator(f"{ENTRY}:visible").count() == 1
    desk.uncheck("#only-doubtful")

    desk.click("[data-key='entry-16-gone'] > summary")
    form = desk.locator("form[data-reading='gone']")
    form.locator("[name='title']").fill("Moved <b>&</b> renamed")
    form.locator("[name='authors']").fill("N. Obody")
    form.locator("[name='session']").focus()
    form.locator("[name='session']").select_option("3")
    form.locator("[name='section']").select_option("more")
    form.locator("[name='work']").select_option("video")
    form.get_by_role("button", name="Save").click()
    said(desk, "Saved “Moved <b>&</b> renamed”.")
    assert course.acts == [
        ("rename", "gone", "Moved <b>&</b> renamed"),
        ("edit", "gone", "N. Obody", "more", 3, "video"),
        ("confirm", "gone"),
    ]
    desk.wait_for_selector("[data-key='entry-3-gone']")
    assert desk.locator("#entries .flag").count() == 0
    assert "N. Obody · video · further reading" in desk.inner_text(
        "[data-key='entry-3-gone'] > summary"
    )


def test_a_button_works_while_an_act_of_another_part_is_under_way(
    desk: Any, course: FakeDeskCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def confirm(*_: str) -> None:
        begun.set()
        assert go.wait(30)

    monkeypatch.setattr(course, "confirm", confirm, raising=False)
    reading_list(desk)
    desk.click("[data-key='entry-16-gone'] > summary")
    desk.click("form[data-reading='gone'] [data-act='confirm']")
    assert begun.wait(10)
    desk.get_by_role("tab", name="Course").click()
    open_session(desk, 15)
    desk.locator(f"{ROW}[data-reading='rag']:visible [data-act='remove']").first.click()
    said(desk, f"Removed “{RAG.title}”.")
    go.set()


def test_entries_are_split_joined_accepted_and_added(desk: Any, course: FakeDeskCourse) -> None:
    reading_list(desk)
    desk.click("[data-act='confirm-all']")
    said(desk, "Accepted 1 entry.")
    desk.click("[data-key='entry-15-rag'] > summary")
    desk.click("[data-key='split-15-rag'] > summary")
    desk.fill("form[data-reading='rag'] [name='second']", "The other half")
    desk.press("form[data-reading='rag'] [name='second']", "Enter")
    said(desk, "“The other half” is a reading of its own.")
    desk.click("[data-key='entry-15-the-other-half'] > summary")
    desk.focus("form[data-reading='rag'] [name='second']")  # where the button takes no focus
    desk.eval_on_selector(
        "form[data-reading='the-other-half'] [data-act='merge']",
        "button => button.form.requestSubmit(button)",
    )
    said(desk, "“The other half” is a part of “Primer")
    desk.locator("[data-line]").last.click()
    desk.wait_for_selector("#line-dialog[open]")
    assert desk.input_value("#line-dialog [name='title']") == "A book that <i>nobody</i> listed"
    desk.select_option("#line-dialog [name='session']", "16")
    desk.press("#line-dialog [name='title']", "Enter")
    said(desk, "Added to session 16.")
    assert course.acts[:4] == [
        ("confirm", "gone"),
        ("split", "rag", "The other half", ""),
        ("merge", "the-other-half", "rag"),
        ("add", 16, "A book that <i>nobody</i> listed", "", None),
    ]


def test_the_language_model_is_asked_and_the_instructor_decides(
    desk: Any, course: FakeDeskCourse
) -> None:
    sessions = course.catalogue().sessions
    scan = replace(sessions[2].readings[1], doubt="Is this its title?")
    last = replace(sessions[2], readings=(sessions[2].readings[0], scan))
    course._catalogue = replace(course.catalogue(), sessions=(*sessions[:2], last))
    reading_list(desk)
    assert desk.locator("[data-act='ask model']").count() == 0  # there is no model yet
    course.offered = None
    desk.click("[data-act='ask model']", timeout=20_000)
    desk.wait_for_selector("#asking progress + :text('The language model reads: 0 of 2')")
    course.step.release()
    desk.wait_for_selector("#asking :text('1 of 2')")
    assert desk.locator(".opinion").count() == 0  # a list that is drawn anew loses what is typed
    desk.click("[data-act='stop asking']")
    desk.wait_for_selector(".opinion")
    opinion = desk.inner_text("[data-key='entry-16-gone'] .opinion")
    assert opinion == "The language model: no reading, 92% sure."

    course.step.release(2)
    desk.click("[data-act='ask model']")
    desk.wait_for_selector("[data-key='entry-16-scan'] .opinion")
    desk.click("[data-key='entry-16-scan'] > summary")
    form = desk.locator("form[data-reading='scan']")
    assert "takes this for the title: A <paper> that was scanned" in form.inner_text()
    form.get_by_role("button", name="Put it in").click()
    assert form.locator("[name='title']").input_value() == "A <paper> that was scanned"
    assert course.acts == [("ask_model",), ("ask_model",)]
    form.get_by_role("button", name="Save").click()
    said(desk, "Saved “A <paper> that was scanned”.")


def test_an_entry_and_its_line_on_the_page_lead_to_each_other(
    desk: Any, course: FakeDeskCourse
) -> None:
    reading_list(desk)
    assert desk.locator("#page-text .here").count() == 0
    desk.click("[data-key='entry-3-evil'] > summary")
    desk.wait_for_selector("#page-text .here")
    assert desk.locator("#page-text .here").all_inner_texts() == [EVIL.title]
    desk.click("[data-key='entry-3-evil'] > summary")
    desk.check("#only-doubtful")
    desk.click("#page-text .in-list")
    desk.wait_for_selector("[data-key='entry-3-evil'][open]")
    assert not desk.is_checked("#only-doubtful")


def test_what_is_doubtful_is_to_be_looked_over(desk: Any, course: FakeDeskCourse) -> None:
    assert "Is this your reading list? 1 of its 5 readings is doubtful." in desk.inner_text(
        ".attention"
    )
    desk.click("[data-open='Reading list']")
    desk.wait_for_selector("#page-text li")
    course.confirm("gone")
    desk.get_by_role("tab", name="Course").click()
    desk.wait_for_selector(".attention:not(:has([data-open]))")
