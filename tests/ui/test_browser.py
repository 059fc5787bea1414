"""The chat in a real headless Chromium, as a student uses it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fake_course import (
    BROKEN,
    ENDLESS,
    GENERATIONS,
    HOSTILE,
    JUDGED,
    NOTES_PASSAGE,
    RAG_PASSAGE,
    SLOW,
    STEPS,
    SURVEY_PASSAGE,
    UNKNOWN,
)
from tabs import BOX, Tab, still

from seminar_rag.errors import SeminarError
from seminar_rag.types import WORDS_ONLY

pytestmark = pytest.mark.browser


def test_the_empty_page_shows_the_course_and_its_questions(tab, course):
    page = tab.page
    assert page.title() == course.name
    assert page.inner_text(".masthead h1") == course.name
    assert "3 readings" in page.inner_text(".masthead p")
    assert page.locator(".chip").all_inner_texts() == list(course.examples(6))
    assert page.inner_text(".notice") == course.answerer_notice
    assert tab.overflow() <= 0
    assert page.locator("footer:visible").count() == 0


def test_a_question_asked_while_the_page_opens_keeps_its_answer(browser, address):
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(  # what opens the page is slow
            """const fetched = window.fetch;
            window.fetch = async (...args) => {
              if (!window.held && String(args[0].url ?? args[0]).includes("/run/")) {
                window.held = true;
                await new Promise((resolve) => setTimeout(resolve, 3000));
                window.released = true;
              }
              return fetched(...args);
            }"""
        )
        page.goto(address)
        tab = Tab(page)
        tab.ask(STEPS)
        page.wait_for_function("window.released")
        tab.answered()
        page.wait_for_timeout(300)
        assert page.locator("#past #exchange-1").count() == 1


def test_an_answer_streams_and_its_mark_opens_the_quote(tab):
    page = tab.page
    page.evaluate(
        """() => {
          window.lengths = new Set();
          const note = () => lengths.add(document.querySelector("#now .answer")?.innerText.length);
          new MutationObserver(note).observe(
            document.body, { childList: true, characterData: true, subtree: true });
        }"""
    )
    tab.ask_and_wait(STEPS)
    assert page.evaluate("lengths.size") > 4, "the answer did not grow while it was written"
    assert page.locator("#past .mark").all_inner_texts() == ["1", "1", "1", "2"]
    page.click("#past .mark >> nth=3")
    entry = page.locator("#source-1-2")
    assert "chosen" in entry.get_attribute("class")
    sentence = SURVEY_PASSAGE.quote(SURVEY_PASSAGE.sentences[1])
    assert entry.locator("mark").all_inner_texts() == [sentence]
    assert entry.locator("mark").is_visible()
    page.keyboard.press("Escape")  # the page view, which opens over the sources
    assert entry.locator("mark").is_visible()
    assert page.locator("#past .mark[aria-current]").all_inner_texts() == ["2"]
    assert tab.overflow() <= 0


def test_a_mark_of_an_older_answer_opens_the_sources_of_that_answer(tab):
    page = tab.page
    tab.ask_and_wait(STEPS, 1)
    tab.ask_and_wait(GENERATIONS, 2)
    assert page.locator("#source-2-1").is_visible()
    assert not page.locator("#source-1-1").is_visible()
    page.click("#exchange-1 .mark >> nth=0")
    page.locator("#source-1-1").wait_for()
    assert not page.locator("#source-2-1").is_visible()
    assert RAG_PASSAGE.text in page.inner_text("#source-1-1 blockquote")
    tab.ask_and_wait(GENERATIONS, 3)
    assert page.locator("#source-3-1").is_visible()
    assert not page.locator("#source-1-1").is_visible()


def test_an_example_is_asked_by_a_click(tab, course):
    tab.page.click(".chip >> nth=1")
    tab.answered()
    assert course.asked[-1].question == GENERATIONS
    assert tab.page.input_value(BOX) == ""
    assert tab.page.locator(".chip").count() == 0


def test_shift_enter_makes_a_line_and_enter_sends(tab, course):
    page = tab.page
    page.fill(BOX, "one")
    page.press(BOX, "Shift+Enter")
    page.keyboard.type("two")
    page.press(BOX, "Enter")
    tab.answered()
    assert course.asked[-1].question == "one\ntwo"


def test_sessions_and_kind_reach_the_course(tab, course):
    page = tab.page
    tab.open_scope()
    page.click("#sessions input")
    page.get_by_role("option", name="15 · Retrieval-augmented generation").click()
    page.keyboard.press("Escape")
    page.get_by_label("Student notes").check()
    page.wait_for_function(
        "document.querySelector('#scope > button').innerText.includes('session 15 · student notes')"
    )
    tab.ask_and_wait(STEPS)
    assert course.asked[-1].scope.sessions == {15}
    assert course.asked[-1].scope.kinds == {"notes"}


def test_the_history_goes_along_and_a_new_conversation_has_none(tab, course):
    page = tab.page
    tab.ask_and_wait(STEPS, 1)
    tab.ask_and_wait(UNKNOWN, 2)
    assert course.asked[-1].history[0].text == STEPS
    page.click("#new")
    page.wait_for_selector(".chip")
    assert page.locator(".exchange").count() == 0
    assert page.locator(".source").count() == 0
    tab.ask_and_wait(UNKNOWN, 1)
    assert course.asked[-1].history == ()


def test_retry_asks_the_last_question_again_in_its_place(tab, course):
    tab.ask_and_wait(STEPS)
    before = len(course.asked)
    tab.page.fill(BOX, "half a")
    tab.page.click("#retry")
    tab.page.wait_for_selector("#stop", state="visible")
    tab.answered()
    assert [asked.question for asked in course.asked[before:]] == [STEPS]
    assert course.asked[-1].history == ()
    assert tab.page.locator(".exchange").count() == 1
    assert tab.page.input_value(BOX) == "half a"


def test_abstaining_shows_the_nearest_readings_and_no_sources(tab):
    page = tab.page
    tab.ask_and_wait(UNKNOWN)
    assert page.inner_text(".answer") == "The readings don’t say."
    assert page.locator(".nearest li").count() == 2
    assert page.locator(".source").count() == 0
    assert page.locator("#past .mark").count() == 0


def test_an_answer_without_sources_does_not_show_those_of_the_one_before(tab):
    page = tab.page
    tab.ask_and_wait(STEPS, 1)
    assert page.locator("#source-1-1").is_visible()
    tab.ask_and_wait(UNKNOWN, 2)
    page.wait_for_selector("#source-1-1", state="hidden")
    assert page.locator(".no-sources").is_visible()
    page.click("#exchange-1 .mark >> nth=0")
    page.locator("#source-1-1").wait_for()


def test_the_page_follows_what_the_reader_does(open_tab):
    """The box has the focus, asking folds the scope, Retry and Edit show what they change, and the
    sources are those of the answer in view."""
    tab = open_tab(1280, 480)
    page = tab.page
    assert page.evaluate(f"document.activeElement === document.querySelector('{BOX}')")
    tab.open_scope()
    tab.ask_and_wait(GENERATIONS, 1)
    page.wait_for_selector("#scope-kinds", state="hidden")
    for number in (2, 3):
        tab.ask(STEPS)
        tab.answered(number)
    in_view = (
        "e => e.getBoundingClientRect().top > 0 && e.getBoundingClientRect().top < innerHeight"
    )
    page.wait_for_selector("#source-3-1", state="visible")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_selector("#source-1-1", state="visible")
    page.click("#edit")
    assert page.locator("#exchange-3 h2").evaluate(in_view)
    page.click("[data-leave-editing]")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_selector("#source-1-1", state="visible")
    page.click("#retry")
    page.wait_for_selector("#stop", state="visible")
    tab.answered(3)
    assert page.locator("#exchange-3 h2").evaluate(in_view)
    assert not page.locator(".to-desk").is_visible(), "the desk is for who was there"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_answer_is_shown_from_its_question_on(open_tab, width):
    tab = open_tab(width, 560)
    page = tab.page
    tab.ask_and_wait(UNKNOWN, 1)
    tab.ask_and_wait(GENERATIONS, 2)
    heading = still(page.locator("#exchange-2 h2"))
    assert 0 <= heading["y"] < 120


def test_stop_ends_the_answer_at_once_and_keeps_it(tab, course):
    page = tab.page
    course.stopped.clear()
    tab.ask(ENDLESS)
    page.wait_for_function("document.querySelector('#now .answer')?.innerText.length > 20")
    started = time.monotonic()
    page.click("#stop")
    assert course.stopped.wait(20)
    tab.answered()
    assert time.monotonic() - started < 20, "Stop was not acted on at once"
    assert "word0" in page.inner_text("#past .answer")
    assert "stopped" in page.inner_text("#past .foot")


def test_a_second_question_while_one_is_answered_waits_in_the_box(tab, course):
    page = tab.page
    tab.ask(ENDLESS)
    page.wait_for_selector("#now .answer")
    before = len(course.asked)
    tab.ask(STEPS)
    page.wait_for_selector("#message .problem")
    length = len(page.inner_text("#now .answer"))
    page.wait_for_function(  # the running answer is not disturbed
        "length => document.querySelector('#now .answer').innerText.length > length", arg=length
    )
    assert page.input_value(BOX) == STEPS
    page.click("#stop")
    tab.answered()
    assert page.input_value(BOX) == STEPS
    assert len(course.asked) == before
    page.press(BOX, "Enter")
    tab.answered(2)
    assert page.inner_text("#message").strip() == ""
    assert course.asked[-1].question == STEPS


def test_waiting_says_what_is_read_and_a_closed_page_stops_the_course(tab, course):
    page = tab.page
    course.stopped.clear()
    tab.ask(SLOW)
    page.wait_for_function(
        "document.querySelector('.status')?.innerText.includes('Reading 3 passages of 3 readings')"
    )
    page.close()
    assert course.stopped.wait(20)


def test_a_failure_gives_the_reason_and_the_question_back(tab):
    page = tab.page
    tab.ask_and_wait(BROKEN)
    reason = "The index is being rebuilt — ask again in a minute."
    assert page.inner_text("#past .problem") == reason
    page.wait_for_function(f"document.querySelector('{BOX}').value !== ''")
    assert page.input_value(BOX) == BROKEN
    tab.ask_and_wait(STEPS, 2)
    assert page.locator("#exchange-2 .mark").count() == 4


def test_a_long_question_is_refused_and_kept(tab, course):
    page = tab.page
    before = len(course.asked)
    tab.ask("x" * 2001)
    page.wait_for_selector("#message .problem")
    assert "2,001 characters" in page.inner_text("#message")
    assert len(page.input_value(BOX)) == 2001
    assert len(course.asked) == before
    tab.ask_and_wait(STEPS)
    assert page.inner_text("#message").strip() == ""


@pytest.mark.parametrize("answerer", ["extractive (quotes only)", "llama.cpp: tiny.gguf"])
def test_hostile_strings_are_inert(tab, course, answerer, monkeypatch):
    monkeypatch.setattr(course, "answerer", answerer)
    page = tab.page
    tab.ask_and_wait(HOSTILE)
    page.click("#past .mark")
    page.wait_for_selector("#viewer .viewer-text")
    assert page.locator("#viewer :is(img, script, svg, [onload], [onerror])").count() == 0
    assert page.inner_text("#viewer-title") == '<img src=x onerror="window.pwned=1">'
    page.keyboard.press("Escape")
    page.hover("#source-1-1 .title")
    page.click("#source-1-1 blockquote")
    time.sleep(0.3)
    assert page.evaluate("window.pwned") is None
    assert page.locator("#desk :is(img, script, iframe, [onload], [onerror])").count() == 0
    page.keyboard.press("Escape")
    # The links of its card save the reading; the reading's own address, a script, is none of them.
    written = "links => links.map(a => a.getAttribute('href'))"
    saving = page.eval_on_selector_all("#source-1-1 a", written)
    assert saving == ["readings.ris?reading=evil", "readings.json?reading=evil"]
    hrefs = page.eval_on_selector_all("#desk a", written)
    assert all(href.startswith("#") or href in saving for href in hrefs)
    assert "<img src=x onerror=" in page.inner_text("#source-1-1 .title")
    assert "${alert(1)}" in page.inner_text("#past .answer")
    assert "tracker.invalid" not in {urlsplit(url).hostname for url in tab.requests}


def test_an_index_that_cannot_be_read_is_told_on_the_page(open_tab, course, monkeypatch):
    def unreadable(*_: object) -> tuple[str, ...]:
        raise SeminarError("The index is damaged — run doctor --repair.")

    tab = open_tab()
    monkeypatch.setattr(course, "sessions", unreadable)
    monkeypatch.setattr(course, "examples", unreadable)
    tab.page.reload()
    tab.page.wait_for_selector("#message .problem")
    assert "run doctor --repair" in tab.page.inner_text("#message")
    assert tab.page.inner_text(".masthead h1") == course.name
    assert tab.page.locator(".welcome").count() == 1


def test_two_pages_do_not_disturb_each_other(open_tab):
    one, two = open_tab(), open_tab()
    one.ask(STEPS)
    two.ask(UNKNOWN)
    one.answered()
    two.answered()
    assert one.page.locator(".mark").count() == 4
    assert two.page.locator(".mark").count() == 0


def test_a_third_question_waits_in_line_and_is_answered(open_tab, course):
    tabs = [open_tab() for _ in range(3)]
    for tab in tabs[:2]:
        tab.ask(ENDLESS)
        tab.page.wait_for_selector("#now .answer")
    tabs[2].ask(STEPS)
    tabs[2].page.wait_for_selector("#now .status:text('In line, place 1 of 1')")
    waiting = open_tab()
    waiting.ask(STEPS)
    waiting.page.wait_for_selector("#now .status:text('In line, place 2 of 2')")
    before = len(course.asked)
    waiting.page.click("#stop")
    waiting.answered()
    assert "stopped" in waiting.page.inner_text("#past .foot")
    tabs[0].page.click("#stop")
    tabs[2].answered()
    assert len(course.asked) == before + 1
    assert tabs[2].page.locator(".mark").count() == 4
    tabs[1].page.click("#stop")
    tabs[1].answered()


def test_on_a_phone_the_sources_slide_up_and_close(open_tab):
    tab = open_tab(390, 844)
    page = tab.page
    assert tab.overflow() <= 0
    tab.ask_and_wait(GENERATIONS)
    assert not page.locator("#source-1-2").is_visible()
    page.click("#past .mark >> nth=2")
    quote = page.locator("#source-1-2 mark")
    assert quote.inner_text() == NOTES_PASSAGE.quote(NOTES_PASSAGE.sentences[1])
    box = still(quote)
    assert 0 < box["y"] < 844 - box["height"]
    page.keyboard.press("Escape")
    page.wait_for_selector("#source-1-2", state="hidden")
    assert page.evaluate("document.activeElement.className").startswith("mark")
    page.click("#past .open-sources")
    page.wait_for_selector("#source-1-1", state="visible")
    page.click(".close-sources")
    page.wait_for_selector("#source-1-1", state="hidden")
    assert tab.overflow() <= 0


def test_the_question_bar_stays_in_view(open_tab):
    tab = open_tab(390, 844)
    for number in range(1, 4):
        tab.ask(GENERATIONS)
        tab.answered(number)
    box = still(tab.page.locator("#bar"))
    assert box["y"] + box["height"] <= 844
    assert tab.page.evaluate("scrollY") > 0


def test_the_keyboard_reaches_the_marks_and_opens_them(tab):
    page = tab.page
    tab.ask_and_wait(STEPS)
    page.focus("#past .mark >> nth=0")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#source-1-1.chosen")
    assert page.evaluate("location.hash") == ""


CONTRAST = """
(pairs) => {
  const light = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return pairs.map((selector) => {
    const node = document.querySelector(selector);
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    return [selector, (a + 0.05) / (b + 0.05)];
  });
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(open_tab, scheme):
    tab = open_tab(1280, 900, scheme)
    tab.ask_and_wait(STEPS)
    tab.page.click("#past .mark")
    parts = [
        *(".masthead h1", ".masthead p", ".question", ".answer p", ".mark", ".foot", "#send"),
        *(".notice", "#scope > button", "#retry", ".source .title", ".source .meta"),
        *(".source blockquote", ".source mark", ".source .original a"),
    ]
    for selector, ratio in tab.page.evaluate(CONTRAST, parts):
        assert ratio >= 4.5, (selector, ratio)
    background = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(background.split("(")[1].split(",")[0]) < 60) == (scheme == "dark")
    assert tab.overflow() <= 0


# Verdicts, and the view that checks a text ----------------------------------------------------

TEXT = """# A text

The article sorts methods into three generations [1]. There are four generations [1].
The third nearly repeats [2]. Nothing <img src=x onerror="window.pwned=1"> is said at all.

I think that is enough.

## References

[1] E. Placeholder. A map of retrieval methods. arXiv:2312.10997, 2023.
"""


def test_badges_tell_verdicts_by_glyph_and_words(tab, course, monkeypatch):
    page = tab.page
    monkeypatch.setattr(course, "answerer", "scripted")  # quotations have none
    tab.ask_and_wait(JUDGED)
    badges = page.locator("#past .badge")
    assert badges.all_inner_texts() == ["✓", "~", "!"]
    assert badges.nth(1).get_attribute("aria-label").startswith("Partly supported. The passage")
    assert "1 of 3 sentences supported" in page.inner_text("#past .foot")
    assert badges.nth(1).evaluate("e => getComputedStyle(e, '::after').content") == "none"
    page.focus("#past .badge >> nth=1")
    said = badges.nth(1).evaluate("e => getComputedStyle(e, '::after').content")
    assert "The passage says <7B>" in said
    assert tab.overflow() <= 0
    after = page.locator("#past .mark >> nth=0").evaluate("e => e.nextElementSibling.className")
    assert after == "badge"


def test_files_are_opened_and_the_report_saved(open_tab, course, tmp_path):
    from docx import Document

    tab = open_tab(1280, 844)
    page = tab.page
    open_check(tab)
    document = Document()
    document.add_paragraph("There are <b>four</b> generations.")
    document.save(tmp_path / "essay.docx")
    (tmp_path / "torn.docx").write_bytes(b"PK\x03\x04torn")
    (tmp_path / "essay.md").write_text(TEXT, encoding="utf-8")
    warned = []
    page.on("dialog", lambda dialog: (warned.append(dialog.message), dialog.accept()))

    def choose(name):
        with page.expect_file_chooser() as chosen:
            page.click("#check-open")
        chosen.value.set_files(str(tmp_path / name))

    def holds(text):
        return page.wait_for_function(
            "text => document.querySelector('#manuscript textarea').value === text", arg=text
        )

    choose("essay.docx")
    holds("There are <b>four</b> generations.")
    with page.expect_event("dialog"):
        choose("torn.docx")
    holds("There are <b>four</b> generations.")
    choose("essay.md")
    holds(TEXT)
    page.click("#check")
    page.wait_for_selector("#check-save a", timeout=90_000)
    assert warned == [
        "The file is no DOCX, PPTX, ODT or EPUB that can be read — save or fetch it again."
    ]
    tab.complaints.clear()  # the browser's, that the torn file was refused
    assert course.checked[-1] == TEXT
    saved = {}
    for link in page.locator("#check-save a").all():
        with page.expect_download() as download:
            link.click()
        saved[download.value.suggested_filename] = Path(download.value.path()).read_text("utf-8")
    assert json.loads(saved["report.json"])["summary"] == page.inner_text("#report .summary")
    assert saved["report.html"].startswith("<!doctype html>")
    assert "<img src=x" not in saved["report.html"]
    if keep := os.environ.get("CHECK_SCREENSHOT"):
        page.screenshot(path=keep, full_page=True)


def open_check(tab) -> None:
    tab.page.get_by_role("tab", name="Check a text").click()
    tab.page.wait_for_selector("#manuscript textarea", state="visible")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_pasted_text_is_checked_claim_by_claim(open_tab, course, width):
    tab = open_tab(width, 844)
    page = tab.page
    open_check(tab)
    page.fill("#manuscript textarea", TEXT)
    page.click("#check")
    page.wait_for_selector("#report .summary")
    page.wait_for_selector("#check", state="visible")
    assert course.checked[-1] == TEXT
    assert page.inner_text("#report .summary").startswith(
        "4 claims: 1 supported, 1 partly, 1 contradicted, 1 not found; 3 citations: 1 confirmed"
    )
    assert page.inner_text("#check-notice") == WORDS_ONLY
    verdicts = page.locator("#report .verdict").all_inner_texts()
    assert verdicts == ["✗ contradicted", "~ partly", "? not found", "✓ supported", "· reference"]
    first = page.locator("#report .item[data-label=supported]")
    assert first.locator("blockquote").count() == 1
    assert not first.locator("blockquote").is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    first.locator("blockquote").wait_for()
    assert "p. 3" in first.inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.locator("#report img").count() == 0
    assert "<img src=x" in page.inner_text("#report")
    rows = page.locator("#report .item:not(:has([open]))")
    assert rows.count() == len(verdicts) - 1
    lines = 1 if width == 1280 else 2
    assert all(still(rows.nth(n))["height"] < 20 + 22 * lines for n in range(rows.count()))
    assert tab.overflow() <= 0
    page.click("#report .marked-text a[data-label=partly]")
    page.locator("#report .item[data-label=partly] .right").wait_for()
    page.emulate_media(media="print")
    assert page.locator("#report .item[data-label=contradicted] .right").is_visible()
    page.emulate_media(media="screen")


def test_a_check_can_be_stopped_and_keeps_what_it_has(tab, course, monkeypatch):
    page = tab.page
    monkeypatch.setattr(course, "pace", 0.3)
    open_check(tab)
    page.fill("#manuscript textarea", "There are three generations of it.\n" * 100)
    page.click("#check")
    page.wait_for_selector("#check-state :text('of 100')")
    page.click("#check-stop")
    page.wait_for_selector("#check-state :text('Stopped')")
    page.wait_for_selector("#check", state="visible")
    page.wait_for_selector("#check-save a")
    assert "Stopped" in page.inner_text("#check-state")
    count = page.locator("#report .item").count()
    assert 0 < count < 100
    time.sleep(1)
    assert page.locator("#report .item").count() == count
    page.click("#check")
    page.wait_for_selector("#check-stop", state="visible")
    monkeypatch.setattr(course, "pace", 0)
    page.wait_for_selector("#check", state="visible")
    assert page.locator("#report .item").count() == 100


def test_a_check_that_is_stopped_at_once_can_be_started_again(tab, course, monkeypatch):
    page = tab.page
    monkeypatch.setattr(course, "pace", 0.3)
    open_check(tab)
    page.fill("#manuscript textarea", "There are three generations of it.\n" * 100)
    for _ in range(2):
        page.click("#check")
        page.click("#check-stop")
        page.wait_for_selector("#check-state :text('Stopped')")
    monkeypatch.setattr(course, "pace", 0)
    page.click("#check")
    page.locator("#report .item").nth(99).wait_for()
    page.wait_for_selector("#check-save a")
    assert not page.inner_text("#check-state").strip()


def test_what_cannot_be_checked_is_told(tab):
    page = tab.page
    open_check(tab)
    page.click("#check")
    page.wait_for_selector("#check-state :text('Paste a text first')")
    page.fill("#manuscript textarea", BROKEN)
    page.click("#check")
    page.wait_for_selector("#check-state :text('The index is being rebuilt')")
    page.wait_for_selector("#check", state="visible")


def test_a_conversation_waits_behind_the_other_view(tab):
    page = tab.page
    tab.ask_and_wait(STEPS)
    open_check(tab)
    assert not page.locator("#past .answer").is_visible()
    page.get_by_role("tab", name="Ask").click()
    page.wait_for_selector("#past .answer", state="visible")
    assert page.locator("#past .mark").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_badges_and_reports_can_be_read_in_light_and_dark(open_tab, course, scheme, monkeypatch):
    monkeypatch.setattr(course, "answerer", "scripted")
    tab = open_tab(1280, 900, scheme)
    page = tab.page
    tab.ask_and_wait(JUDGED)
    parts = [f"#past .badge[data-label={label}]" for label in ("supported", "partly")]
    parts += ["#past .badge[data-label=contradicted]", "#views [role=tab][aria-selected=true]"]
    found = page.evaluate(CONTRAST, parts)
    open_check(tab)
    page.fill("#manuscript textarea", TEXT)
    page.click("#check")
    page.wait_for_selector("#report .item[data-kind=reference]")
    labels = ("supported", "partly", "contradicted", "not-found")
    parts = [f"#report [data-label={label}] .verdict" for label in labels]
    parts += ["#report .said", "#report .where", "#report .cited"]
    for selector, ratio in [*found, *page.evaluate(CONTRAST, parts)]:
        assert ratio >= 4.5, (selector, ratio)
