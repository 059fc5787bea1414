"""What students do beside asking, in a real headless Chromium: conversations, scope, files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from fake_course import BROKEN, ENDLESS, GENERATIONS, HOSTILE, JUDGED, RAG, STEPS, SURVEY, UNKNOWN
from pypdf import PdfReader
from serving import own_process, served
from tabs import BOX, TIMEOUT, Tab, still

from loopback import free_port
from seminar_rag.types import Scope
from seminar_rag.ui.shared.limits import Limits

pytestmark = pytest.mark.browser
RAIL = "#conversations .talk"


def talks(tab: Tab) -> list[str]:
    return tab.page.locator(RAIL).all_inner_texts()


def value(tab: Tab, expected: str) -> None:
    """Wait until the question bar holds the text."""
    tab.page.wait_for_function(
        "text => document.querySelector('#question textarea')?.value === text", arg=expected
    )


def scope_says(tab: Tab, words: str) -> None:
    tab.page.wait_for_function(
        "words => document.querySelector('#scope > button')?.innerText.includes(words)", arg=words
    )


# Asking ---------------------------------------------------------------------------------------


def test_the_last_question_can_be_edited_and_takes_its_place(tab, course):
    page = tab.page
    tab.ask_and_wait(UNKNOWN, 1)
    tab.ask_and_wait(STEPS, 2)
    page.click("#edit")
    value(tab, STEPS)
    page.wait_for_selector("#message .hint")
    page.fill(BOX, GENERATIONS)
    page.press(BOX, "Enter")
    page.wait_for_selector("#stop", state="visible")
    tab.answered(2)
    assert page.locator(".exchange h2").all_inner_texts() == [UNKNOWN, GENERATIONS]
    assert course.asked[-1].history[0].text == UNKNOWN
    assert len(course.asked[-1].history) == 2
    page.click("#edit")
    page.click("[data-leave-editing]")
    value(tab, "")
    tab.ask_and_wait(STEPS, 3)
    assert page.locator(".exchange").count() == 3


def test_a_failed_question_is_asked_again_by_its_button_and_not_doubled(tab, course, monkeypatch):
    page = tab.page
    tab.ask_and_wait(BROKEN)
    value(tab, BROKEN)
    asked = len(course.asked)
    page.click("[data-retry]")
    page.wait_for_selector("#stop", state="visible")
    tab.answered()
    assert len(course.asked) == asked + 1
    value(tab, BROKEN)
    page.press(BOX, "Enter")
    page.wait_for_function("document.querySelectorAll('#past .problem').length === 1")
    tab.answered()
    assert page.locator(".exchange").count() == 1


def test_an_answer_is_copied_as_text_with_its_sources(tab):
    page = tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.ask_and_wait(JUDGED)
    page.click("[data-copy]")
    page.wait_for_selector("[data-copy]:text('Copied')")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("The article sorts retrieval methods into three generations. [1] The")
    assert "✓" not in text
    assert f"[1] Eve Placeholder and Fay Stand-In. {SURVEY.title}. abstract only" in text
    page.click(".cite >> nth=0")
    page.wait_for_selector(".cite:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()").startswith("@misc{placeholder")


# Scope ----------------------------------------------------------------------------------------


def test_a_reading_is_found_by_typing_and_the_scope_is_told_and_kept(tab, course):
    page = tab.page
    tab.open_scope()
    page.click("#readings input")
    page.keyboard.type("looking")
    page.get_by_role("option", name=f"15 · {RAG.title}").click()
    page.keyboard.press("Escape")
    page.get_by_label("Only required readings").check()
    scope_says(tab, f"Ask {RAG.title} · only required")
    tab.ask_and_wait(STEPS)
    assert course.asked[-1].scope == Scope(readings=frozenset({"rag"}), required_only=True)
    assert page.inner_text("#past .asked") == f"{RAG.title} · only required"
    page.click("#new")
    page.wait_for_selector(".chip")
    page.get_by_label("Only required readings").uncheck()
    page.click(RAIL)
    page.wait_for_selector("#past .asked")
    scope_says(tab, f"Ask {RAG.title} · only required")
    page.reload()
    page.wait_for_selector("#past .asked")
    scope_says(tab, f"Ask {RAG.title} · only required")
    tab.open_scope()
    page.wait_for_selector(f"#readings :text('{RAG.title}')")
    page.click("#readings input")
    page.wait_for_selector(f"[role=option]:has-text('{SURVEY.title}')")
    page.keyboard.press("Escape")
    tab.ask_and_wait(UNKNOWN, 2)
    assert course.asked[-1].scope.readings == {"rag"}


def narrowed(tab: Tab, scope: str) -> None:
    """Choose a scope as a link does."""
    tab.page.evaluate("scope => { location.hash = `#scope=${scope}`; }", scope)
    tab.page.wait_for_selector("#scope-chip .scope-chip")


def test_a_scope_ends_with_the_conversation_with_an_example_and_by_its_chip(tab, course):
    page = tab.page
    narrowed(tab, "session:15")
    assert page.inner_text(".scope-chip span") == "Session 15"
    page.click("[data-whole]")
    page.wait_for_selector(".scope-chip", state="detached")
    scope_says(tab, "Ask the whole course")
    narrowed(tab, "session:3")
    page.click("#new")
    page.wait_for_selector(".scope-chip", state="detached")
    narrowed(tab, "session:15")
    page.click(".chip >> nth=0")
    tab.answered()
    assert course.asked[-1].question == course.examples(6)[0]
    assert course.asked[-1].scope == Scope()


def test_a_list_that_is_cleared_is_no_longer_named(tab, course):
    page = tab.page
    page.evaluate("seminar.askAbout('survey')")
    scope_says(tab, SURVEY.title)
    tab.open_scope()
    page.click("#readings .remove-all")
    scope_says(tab, "Ask the whole course")
    page.wait_for_selector(".scope-chip", state="detached")
    tab.ask_and_wait(STEPS)
    assert course.asked[-1].scope == Scope()


def test_a_scoped_refusal_is_widened_at_a_click(tab, course):
    page = tab.page
    narrowed(tab, "session:15")
    tab.ask_and_wait(UNKNOWN)
    assert "Session 15 doesn’t say." in page.inner_text("#past .answer")
    page.reload()
    page.wait_for_selector(".scope-chip")
    page.click(".wider")
    tab.answered(2)
    assert (course.asked[-1].question, course.asked[-1].scope) == (UNKNOWN, Scope())
    assert "The readings don’t say." in page.inner_text("#exchange-2 .answer")
    assert page.locator("#exchange-2 .wider").count() == 0
    page.wait_for_selector(".scope-chip", state="detached")


def test_other_views_can_ask_about_a_reading(tab, course):
    page = tab.page
    page.get_by_role("tab", name="Check a text").click()
    page.evaluate("seminar.askAbout('survey')")
    scope_says(tab, SURVEY.title)
    page.wait_for_function(f"document.activeElement === document.querySelector('{BOX}')")
    page.keyboard.type(STEPS)
    page.keyboard.press("Enter")
    tab.answered()
    assert course.asked[-1].scope == Scope(readings=frozenset({"survey"}))


def test_a_link_fills_in_question_and_scope_and_asks_only_on_enter(open_tab, address, course):
    tab = open_tab()
    page = tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open_scope()
    page.get_by_label("Student notes").check()
    scope_says(tab, "student notes")
    tab.ask_and_wait(STEPS)
    page.click("[data-link]")
    page.wait_for_selector("[data-link]:text('Copied')")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(address)
    assert "kind:notes" in link
    other = open_tab()
    asked = len(course.asked)
    other.page.goto(link)
    other.page.reload()
    value(other, STEPS)
    scope_says(other, "student notes")
    assert len(course.asked) == asked
    other.page.press(BOX, "Enter")
    other.answered()
    assert course.asked[-1].scope.kinds == {"notes"}
    # A link followed in a page that is open already.
    other.page.evaluate("location.hash = '#q=Other&scope=session:3'")
    value(other, "Other")
    scope_says(other, "session 3")


def test_a_link_to_a_reading_that_is_gone_says_so_and_can_be_asked(tab, address, course):
    page = tab.page
    page.goto(f"{address}/#q=Why&scope=reading:nowhere,session:15")
    page.reload()
    page.wait_for_selector("#message :text('no longer in the course')")
    scope_says(tab, "Ask session 15")
    value(tab, "Why")
    page.press(BOX, "Enter")
    tab.answered()
    assert course.asked[-1].scope == Scope(sessions=frozenset({15}))
    page.evaluate("location.hash = '#q=&scope='")  # names nothing
    page.reload()
    page.wait_for_selector("#past .answer")
    assert page.inner_text("#message").strip() == ""


# Conversations --------------------------------------------------------------------------------


def test_conversations_are_listed_searched_renamed_and_deleted(tab, course):
    page = tab.page
    tab.ask_and_wait(STEPS)
    page.click("#new")
    page.wait_for_selector(".chip")
    tab.ask_and_wait(UNKNOWN)
    assert talks(tab) == [UNKNOWN, STEPS]
    assert page.get_attribute(f"{RAIL} >> nth=0", "aria-current") == "true"

    page.fill("#find-conversation", "vector stores")  # words of an answer
    page.wait_for_function("document.querySelectorAll('#conversations .talk').length === 1")
    assert talks(tab) == [STEPS]
    page.fill("#find-conversation", "zzz")
    page.wait_for_selector("#conversations .none")
    page.fill("#find-conversation", "")

    page.hover("#conversations li >> nth=1")
    page.click(f"[aria-label='Rename: {STEPS}']")
    page.keyboard.type("RAG <b>basics</b>")
    page.keyboard.press("Enter")
    assert talks(tab) == [UNKNOWN, "RAG <b>basics</b>"]

    page.click(f"{RAIL} >> nth=1")
    page.wait_for_selector(f"#past h2:text('{STEPS}')")
    assert page.locator("#past .mark").count() == 4
    assert page.locator("#source-1-1 mark").count() == 1
    page.hover("#conversations li >> nth=1")
    page.click("[aria-label^='Delete: RAG']")
    page.wait_for_selector(".chip")
    assert talks(tab) == [UNKNOWN]
    page.click(".rail-note button")
    page.wait_for_selector(f"#past h2:text('{STEPS}')")
    assert talks(tab) == [UNKNOWN, "RAG <b>basics</b>"]


def test_a_follow_up_after_a_reload_has_its_history(tab, course):
    page = tab.page
    tab.ask_and_wait(STEPS)
    page.reload()
    page.wait_for_selector("#past .mark")
    assert page.locator("#past .mark").count() == 4
    page.click("#past .mark >> nth=3")
    page.locator("#source-1-2 mark").wait_for()
    tab.ask_and_wait(UNKNOWN, 2)
    assert course.asked[-1].history[0].text == STEPS
    assert talks(tab) == [STEPS]


def test_a_citation_whose_passage_is_gone_says_so_after_a_reload(tab, course, monkeypatch):
    page = tab.page
    tab.ask_and_wait(GENERATIONS)
    monkeypatch.setattr(course, "gone", {"survey"})
    page.reload()
    page.wait_for_selector("#past .mark.gone")
    assert page.locator("#past .mark.gone").all_inner_texts() == ["1", "1"]
    page.click("#past .mark.gone >> nth=0")
    card = page.locator("#source-1-1")
    assert "This passage is no longer in the readings" in card.inner_text()
    assert "The article sorts retrieval methods into three generations." in card.inner_text()
    assert page.locator("#source-1-2 mark").count() == 1


def test_two_tabs_keep_their_conversations_apart(open_tab, address):
    one = open_tab()
    one.ask_and_wait(STEPS)
    two = Tab(one.page.context.new_page())
    two.page.goto(address)
    two.page.wait_for_selector(".chip")
    assert talks(two) == [STEPS]
    two.ask_and_wait(UNKNOWN)
    one.page.wait_for_function("document.querySelectorAll('#conversations .talk').length === 2")
    one.ask_and_wait(GENERATIONS, 2)
    assert sorted(talks(one)) == sorted([STEPS, UNKNOWN])
    one.page.reload()
    one.page.wait_for_selector("#past #exchange-2")
    two.page.reload()
    two.page.wait_for_selector(f"#past h2:text('{UNKNOWN}')")
    assert two.page.locator(".exchange").count() == 1


def test_another_conversation_stops_the_answer_that_is_being_written(tab, course):
    page = tab.page
    tab.ask_and_wait(STEPS)
    page.click("#new")
    page.wait_for_selector(".chip")
    course.stopped.clear()
    tab.ask(ENDLESS)
    page.wait_for_selector("#now .answer")
    page.click(f"{RAIL}:text('{STEPS}')")
    assert course.stopped.wait(20)
    page.wait_for_selector(f"#past h2:text('{STEPS}')")
    page.wait_for_function("document.querySelector('#now').innerText.trim() === ''")
    assert page.locator(".exchange").count() == 1
    page.click(f"{RAIL}:text('{ENDLESS}')")
    page.wait_for_selector("#past .foot:text('stopped')")


EVIL = '<img src=x onerror="window.pwned=1">'


def test_a_tampered_store_shows_text_and_nothing_else(tab):
    page = tab.page
    tab.ask_and_wait(HOSTILE)
    page.evaluate(
        """(evil) => {
          const key = Object.keys(localStorage).find((one) => one.includes(":talk:"));
          const talk = JSON.parse(localStorage[key]);
          const record = JSON.parse(talk.record);
          const one = record.exchanges[0];
          Object.assign(one, { question: evil, text: evil + " [1]", note: evil, asked: evil });
          one.markdown = true;
          for (const each of one.citations) Object.assign(each.document, { title: evil, id: "" });
          one.verdicts = [{ start: 0, end: 5, label: "partly", reason: evil, by: evil }];
          talk.record = JSON.stringify(record);
          localStorage[key] = JSON.stringify({ ...talk, title: evil });
          localStorage[key.replace(/talk:.*/, "talk:broken")] = "{";
          localStorage[key.replace(/talk:.*/, "talk:odd")] =
            JSON.stringify({ title: 7, record: "[]", at: "x" });
        }""",
        EVIL,
    )
    page.reload()
    page.wait_for_selector("#past .exchange")
    assert page.inner_text("#past h2") == EVIL
    page.click("#past .mark")
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert page.locator("#rail img, #desk img").count() == 0
    assert EVIL in talks(tab)
    page.click(f"{RAIL} >> nth=-1")  # what is no conversation
    page.wait_for_selector("#message :text('cannot be read')")
    tab.ask_and_wait(STEPS)


def test_a_full_storage_lets_the_oldest_go_and_says_so(tab):
    page = tab.page
    tab.ask_and_wait(STEPS)
    page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find((one) => one.includes(":talk:"));
          const old = JSON.stringify({ title: "Old", at: 1, record: "x".repeat(1_000_000) });
          let n = 0;
          try {
            for (;;) localStorage[key.replace(/talk:.*/, `talk:old${n++}`)] = old;
          } catch { /* full now */ }
          try {
            for (;;) localStorage[`other${n++}`] = "y".repeat(1000);
          } catch { /* to the brim */ }
        }"""
    )
    before = page.evaluate("Object.keys(localStorage).filter((k) => k.includes('talk:old')).length")
    tab.ask_and_wait(GENERATIONS, 2)
    page.wait_for_selector(".rail-note:text('storage was full')")
    after = page.evaluate("Object.keys(localStorage).filter((k) => k.includes('talk:old')).length")
    assert after == before - 1
    page.reload()
    page.wait_for_selector("#past #exchange-2")


# Files ----------------------------------------------------------------------------------------


def test_a_conversation_is_saved_as_pdf_and_markdown(tab):
    page = tab.page
    tab.ask_and_wait(STEPS, 1)
    tab.ask_and_wait(UNKNOWN, 2)
    files = {}
    for kind in ("pdf", "md"):
        page.click("#export summary")
        with page.expect_download() as download:
            page.click(f"[data-export={kind}]")
        name = "what-are-the-steps-of-retrieval-augmented-generation"
        assert download.value.suggested_filename == f"{name}.{kind}"
        files[kind] = Path(download.value.path()).read_bytes()
    assert b"## References" in files["md"]
    text = PdfReader(BytesIO(files["pdf"])).pages[0].extract_text()
    assert "References" in text
    assert "session 15, p. 3" in " ".join(text.split())


# Feedback -------------------------------------------------------------------------------------


def test_feedback_reaches_the_journal_once_with_its_reason(tab, course):
    page = tab.page
    course.journal.opinions.clear()
    tab.ask_and_wait(STEPS, 1)
    page.click("#exchange-1 .actions summary")
    page.click("#exchange-1 [data-feedback='wrong citation']")
    page.wait_for_selector("#exchange-1 .said-so:text('wrong citation')")
    tab.ask_and_wait(UNKNOWN, 2)
    page.click("#exchange-2 [data-feedback=helpful]")
    page.wait_for_selector("#exchange-2 .said-so:text('helpful')")
    told = [(answer.question, good, why) for answer, good, why in course.journal.opinions]
    assert told == [(STEPS, False, "wrong citation"), (UNKNOWN, True, "")]
    assert course.journal.opinions[0][0].citations
    page.reload()
    page.wait_for_selector("#exchange-1 .said-so")
    assert page.locator("#past [data-feedback]").all_inner_texts() == ["Undo", "Undo"]
    page.click("#exchange-2 [data-feedback='']")
    page.wait_for_selector("#exchange-2 [data-feedback=helpful]")
    assert len(course.journal.opinions) == 1


def test_why_an_answer_did_not_help_is_told_in_own_words(tab, course):
    page = tab.page
    course.journal.opinions.clear()
    tab.ask_and_wait(STEPS, 1)
    page.click("#exchange-1 .actions summary")
    menu = still(page.locator("#exchange-1 .actions .menu > div"))
    answer = still(page.locator("#exchange-1 .answer"))
    assert menu["y"] >= answer["y"] + answer["height"], "the answer stays in sight"
    page.fill("#exchange-1 .words", "The <b>second</b> step is missing")
    page.click("#exchange-1 [data-feedback=incomplete]")
    page.wait_for_selector("#exchange-1 .said-so:text('incomplete')")
    tab.ask_and_wait(UNKNOWN, 2)
    page.click("#exchange-2 .actions summary")
    page.fill("#exchange-2 .words", "Session 3 says it")
    page.press("#exchange-2 .words", "Enter")
    page.wait_for_selector("#exchange-2 .said-so:text('other')")
    assert [why for _, _, why in course.journal.opinions] == [
        "incomplete: The <b>second</b> step is missing",
        "other: Session 3 says it",
    ]


def test_required_only_is_offered_where_something_is_required(tab):
    page = tab.page
    tab.open_scope()
    box = page.locator("#required input")
    assert box.is_enabled()
    box.check()
    scope_says(tab, "only required")
    page.fill("#readings input", SURVEY.title[:9])
    page.keyboard.press("Enter")
    page.wait_for_selector("#required:has-text('there are none here')")
    assert box.is_disabled()
    assert not box.is_checked()
    assert "required" not in page.inner_text("#scope > button")


def test_questions_are_recorded_only_when_the_student_says_so(tab, course):
    page = tab.page
    course.journal.recorded.clear()
    tab.ask_and_wait(STEPS, 1)
    assert course.journal.recorded == []
    page.get_by_label("Share my questions with the instructor").check()
    tab.ask_and_wait(UNKNOWN, 2)
    assert [one.question for one in course.journal.recorded] == [UNKNOWN]
    page.reload()
    page.wait_for_selector("#past #exchange-2")
    assert page.get_by_label("Share my questions with the instructor").is_checked()


def test_where_nothing_is_recorded_nothing_is_asked(open_tab, course, monkeypatch):
    monkeypatch.setattr(course.journal, "enabled", False)
    tab = open_tab()
    assert tab.page.locator("#share:visible").count() == 0


# A server that goes and comes back ------------------------------------------------------------


def test_nothing_typed_or_answered_is_lost_over_a_restart(browser):
    port = free_port()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT)
    tab = Tab(context.new_page())
    page = tab.page
    with own_process(port) as (url, _):
        page.goto(url)
        page.wait_for_selector(".chip")
        tab.ask_and_wait(STEPS)
    page.fill(BOX, "typed while it was down")
    page.press(BOX, "Enter")
    page.wait_for_selector("#composer .lost:text('No connection. Trying again')")
    assert page.input_value(BOX) == "typed while it was down"
    assert page.locator(".toast-body:visible").count() == 0, "it is said once"
    with own_process(port):
        tab.answered(2)  # the page opens anew and asks by itself
        assert page.locator("#exchange-2 h2").inner_text() == "typed while it was down"
        assert page.locator("#exchange-1 .mark").count() == 4
        value(tab, "")
        tab.ask(ENDLESS)
        page.wait_for_selector("#now .answer")
    page.wait_for_selector("#now .lost:text('No connection. Trying again')")
    with own_process(port):
        page.wait_for_selector("#now .lost", state="detached")
        page.wait_for_selector("#now .answer:has-text('word1')")
        assert page.locator(".exchange h2").all_inner_texts()[2:] == [ENDLESS]
        page.click("#stop")
        tab.answered(3)
    context.close()


def test_what_is_typed_survives_a_reload_and_is_forgotten_once_asked(tab):
    page = tab.page
    page.fill(BOX, "half a question")
    page.reload()
    value(tab, "half a question")
    page.fill(BOX, STEPS)
    page.press(BOX, "Enter")
    tab.answered()
    page.reload()
    page.wait_for_selector("#past .mark")
    assert page.input_value(BOX) == ""


# Too much -------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_to_wait_and_keeps_the_text(browser, course):
    address = served(course, limits=Limits(1, 0))
    context = browser.new_context()
    tab = Tab(context.new_page())
    tab.page.goto(address)
    tab.page.wait_for_selector(".chip")
    tab.ask_and_wait(STEPS)
    tab.ask(UNKNOWN)
    tab.page.wait_for_selector("#message :text('Ask again in')")
    assert tab.page.input_value(BOX) == UNKNOWN
    tab.page.get_by_role("tab", name="Check a text").click()
    tab.page.fill("#manuscript textarea", "There are three generations.")
    tab.page.click("#check")
    tab.page.wait_for_selector("#check-state :text('Ask again in')")
    assert tab.page.input_value("#manuscript textarea") == "There are three generations."
    context.close()
