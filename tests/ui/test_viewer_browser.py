"""The page view and the course view in a real browser, over real PDFs and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fake_course import EVERYTHING, FakeCourse
from tabs import BOX, Tab, still

from memory import MemoryVectors
from pages.sheets import SENTENCES, pdf
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.pages.view import LOST, MOVED, Pages
from seminar_rag.types import Answer, AnswerEvent, Citation, Document, Event, Passage, Scope
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.check import Checking
from seminar_rag.ui.shared.wording import view_address

pytestmark = pytest.mark.browser

FILLER = "The cards are bound into a chain, and the chain is laid over a drum with four sides. "
NOTE = "Multi-head attention runs eight heads side by side in the base model."
POST = f"""---
title: Attention
---

## Required Readings:

### Attention Is All You Need
+ Ashish Vaswani, Noam Shazeer, Niki Parmar
+ https://arxiv.org/abs/1706.03762
+ The transformer is a sequence model that relies on attention alone and needs no recurrence.

## More Readings:

### Layer Normalization
+ https://arxiv.org/abs/1607.06450
+ Layer normalization computes the mean and the variance over the features of a single example.

<!--excerpt.start-->

# Blog: Attention

## Why attention

Attention weighs every token of the input against every other token. {NOTE}

## Limits

- Long inputs need much memory because every pair of tokens is compared.
- Positions must be added by hand.
"""
LOOMS, CARDS, NOTES = "How do looms read?", "Where do the cards go?", "How many heads are there?"


class Shown(FakeCourse):
    """A real course of a paper and of notes, whose answers are written beforehand."""

    def __init__(self, folder: Path) -> None:
        super().__init__(pace=0.0)
        self.folder = folder
        self.real = Course(
            Config(folder=folder, data_dir="data"),
            embedder=HashEmbedder(),
            vectors=MemoryVectors(),
        )
        self.write(SENTENCES[0], SENTENCES[3])
        (folder / "posts").mkdir()
        (folder / "posts" / "S01.md").write_text(POST, "utf-8")
        list(self.real.ingest([folder / "posts"]))
        list(self.real.ingest([folder / "looms.pdf"]))

    def write(self, first: str, third: str) -> None:
        """The paper of three pages."""
        pages = (f"{first} {FILLER * 9}", FILLER * 30, f"{FILLER * 5} {third} {FILLER * 5}")
        pdf(self.folder / "looms.pdf", *pages, columns=2)

    def cite(self, number: int, words: str) -> Citation:
        """A citation of the first sentence with these words."""
        for document in self.real.catalogue().documents.values():
            for passage in self.real.store.passages_of(document.id):
                for sentence in passage.sentences:
                    quote = passage.quote(sentence)
                    if words in quote:
                        return Citation(number, document, passage, quote, sentence.page)
        raise LookupError(words)

    def ask(
        self, question: str, history: Any = (), scope: Scope = EVERYTHING, stop: Any = None
    ) -> Iterator[Event]:
        self.asked.append(Scope(scope.sessions, scope.readings))  # type: ignore[arg-type]
        found = {
            LOOMS: (self.cite(1, "Looms read a chain"), self.cite(1, "The cards are bound")),
            CARDS: (self.cite(1, "Nothing in the machine"),),
        }.get(question, (self.cite(1, "Multi-head attention runs"),))
        text = " ".join(f"“{one.quote}” [{one.number}]" for one in found)
        yield AnswerEvent(Answer(question, text, "scripted", citations=tuple(found)))

    def check(self, text: str) -> Checking:
        return self.real.check(text)

    @property
    def pages(self) -> Pages:
        return self.real.pages

    def catalogue(self) -> Catalogue:
        return self.real.catalogue()

    def documents(self) -> dict[str, Document]:
        return self.real.catalogue().documents

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        return self.real.store.passages(ids)

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        return self.real.store.passages_of(document)

    def key_sentences(self, reading: str, n: int = 5) -> tuple[Citation, ...]:
        return self.real.key_sentences(reading, n)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    one = Shown(tmp_path_factory.mktemp("shown"))
    yield one
    one.real.close()


def open_at(tab: Tab, question: str, mark: int = 0) -> Any:
    """Ask, and click a mark of the answer."""
    tab.ask_and_wait(question)
    tab.page.click(f"#past .mark >> nth={mark}")
    return tab.page.locator("#viewer")


def seen(page: Any, selector: str) -> bool:
    """Whether an element lies inside what is shown of the page view."""
    return page.evaluate(
        """(selector) => {
          const it = document.querySelector(selector).getBoundingClientRect();
          const body = document.querySelector(".viewer-body").getBoundingClientRect();
          return it.top >= body.top - 1 && it.bottom <= body.bottom + 1
            && it.left >= body.left - 1 && it.right <= body.right + 1 && it.width > 0;
        }""",
        selector,
    )


def focus(page: Any) -> str:
    return page.evaluate(
        "() => { const it = document.activeElement; return it.id || it.className || it.tagName; }"
    )


def test_a_mark_opens_its_page_with_the_sentence_marked(tab: Tab) -> None:
    viewer, page = open_at(tab, LOOMS), tab.page
    page.wait_for_selector(".sheet.drawn")
    assert viewer.get_attribute("role") == "dialog"
    assert viewer.get_attribute("aria-modal") == "false"
    assert page.inner_text("#viewer-title") == "looms"
    assert focus(page) == "viewer-title"
    assert page.input_value(".viewer-turn input") == "1"
    assert "of 3" in page.inner_text(".viewer-turn")
    assert page.locator(".marked:not(.also)").count() >= 2, "a box per line"
    assert seen(page, ".marked:not(.also)")
    colours = page.locator(".marked:not(.also)").first.evaluate(
        "mark => getComputedStyle(mark).backgroundColor"
    )
    red, green, blue = (int(one) for one in colours[4:-1].split(","))
    assert min(red, green) > 200 > blue + 40, "yellow"
    assert f"Marked: “{SENTENCES[0]}”" in page.text_content(".viewer-status")
    panel = still(page.locator("#sources"))
    box = still(viewer)
    assert abs(box["x"] - panel["x"]) <= 1, "over the sources"
    assert page.locator("#past .answer").is_visible()
    assert "chosen" in page.locator("#source-1-1").get_attribute("class")
    assert tab.overflow() <= 0


def test_sources_show_their_page_before_it_is_opened(tab: Tab) -> None:
    """A card shows the strip with its marked lines, a mark its own sentence; the page's words can
    be selected, and the page view is as wide as the reader wants."""
    page = tab.page
    tab.ask_and_wait(LOOMS)
    strip = page.locator("#source-1-1 .strip")
    strip.wait_for()
    assert strip.locator(".lit:not(.also)").count() >= 2, "a box per line"
    off = strip.evaluate(
        """async (strip) => {
          const address = strip.closest(".source").querySelector("[data-view]").dataset.view;
          const answer = await fetch(address, { headers: { accept: "application/json" } });
          const { pages } = await answer.json();
          const picture = strip.querySelector("img");
          await picture.decode();
          const sheet = picture.getBoundingClientRect();
          const lit = [...strip.querySelectorAll(".lit")];
          const there = lit.map((one) => one.getBoundingClientRect().top);
          return pages.boxes[pages.page].map(([, top]) => sheet.top + top * sheet.height)
            .map((right) => Math.min(...there.map((one) => Math.abs(one - right))));
        }"""
    )
    assert max(off) < 1.5, "the yellow lies on its line"
    inside = still(strip)
    mark = still(strip.locator(".lit:not(.also)").first)
    assert inside["x"] <= mark["x"] < inside["x"] + inside["width"] - mark["width"] + 1
    assert inside["height"] < inside["width"], "a strip, not a page"
    page.hover("#past .mark >> nth=1")
    bubble = page.locator("#preview")
    bubble.wait_for()
    assert "The cards are bound" in bubble.text_content()
    bubble.locator(".strip").wait_for()
    described = page.locator("#past .mark >> nth=1").get_attribute("aria-describedby")
    assert described == "preview"
    page.keyboard.press("Escape")
    page.wait_for_selector("#preview", state="hidden")
    page.focus("#past .mark >> nth=0")
    page.keyboard.press("Tab")
    page.wait_for_selector("#preview:has-text('The cards are bound')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#preview", state="hidden")
    page.wait_for_selector(".sheet.drawn .words div")
    marked = page.locator("#viewer .marked:not(.also)").first
    marked.wait_for()
    # The words lie above it; a page that is drawn anew meanwhile is waited for.
    for _ in range(10):
        marked.click(click_count=3, force=True)
        said = page.evaluate("String(getSelection())")
        if said:
            break
        page.wait_for_timeout(100)
    assert "The cards are bound" in said, "the words lie on their picture"
    before = still(page.locator("#viewer"))["width"]
    page.focus(".viewer-edge")
    page.keyboard.press("ArrowLeft")
    assert still(page.locator("#viewer"))["width"] == before + 40
    edge = still(page.locator(".viewer-edge"))
    page.mouse.move(edge["x"] + 4, 400)
    page.mouse.down()
    page.mouse.move(edge["x"] - 196, 400)
    page.mouse.up()
    assert abs(still(page.locator("#viewer"))["width"] - before - 240) < 6
    assert tab.overflow() <= 0


def test_a_link_from_elsewhere_opens_the_sentence_in_its_place(open_tab, address, course):
    page = open_tab().page
    cited = course.cite(1, "Looms read a chain")
    view = view_address(cited.document.id, cited.passage.id, [cited.quote])
    page.goto("about:blank")
    page.goto(f"{address}/#open={quote(view, safe='')}")
    page.wait_for_selector(f"#viewer h2:has-text('{cited.document.title}')")
    page.goto("about:blank")
    page.goto(f"{address}/#open={quote('https://evil.example/view/x', safe='')}")
    page.wait_for_selector(".chip")
    assert page.locator("#viewer").count() == 0


def test_the_sentence_of_the_mark_comes_first(tab: Tab) -> None:
    open_at(tab, LOOMS, mark=1)
    tab.page.wait_for_selector(".sheet.drawn")
    assert "Marked: “The cards are bound" in tab.page.text_content(".viewer-status")
    assert tab.page.locator(".marked.also").count() >= 2


def test_escape_closes_and_gives_the_focus_back(tab: Tab) -> None:
    page = tab.page
    tab.ask_and_wait(LOOMS)
    page.focus("#past .mark >> nth=1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sheet.drawn")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert page.evaluate("document.activeElement === document.querySelectorAll('#past .mark')[1]")
    page.click("#past .mark")
    page.wait_for_selector(".sheet.drawn")
    page.click("#viewer [data-do=close]")
    page.wait_for_selector("#viewer", state="hidden")
    assert focus(page).startswith("mark")


def test_arrows_turn_pages_and_the_number_can_be_typed(tab: Tab) -> None:
    viewer, page = open_at(tab, CARDS), tab.page
    page.wait_for_selector(".sheet.drawn")
    number = page.locator(".viewer-turn input")
    assert number.input_value() == "3"
    assert viewer.get_by_role("button", name="Next page").is_disabled()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('.sheet.drawn img[alt="Page 2 of looms"]')
    assert number.input_value() == "2"
    assert page.locator(".marked").count() == 0
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('.sheet.drawn img[alt="Page 1 of looms"]')
    assert viewer.get_by_role("button", name="Previous page").is_disabled()
    viewer.get_by_role("button", name="Next page").click()
    page.wait_for_selector('.sheet img[alt="Page 2 of looms"]')
    number.fill("3")
    number.press("Enter")
    page.wait_for_selector('.sheet.drawn img[alt="Page 3 of looms"]')
    assert seen(page, ".marked")
    for wrong, right in (("99", "3"), ("x", "3"), ("-4", "1")):
        number.fill(wrong)
        number.press("Enter")
        assert number.input_value() == right


def test_zoom_makes_the_page_larger_and_keeps_the_place(tab: Tab) -> None:
    viewer, page = open_at(tab, LOOMS), tab.page
    page.wait_for_selector(".sheet.drawn")
    before = still(page.locator(".sheet"))["width"]
    viewer.get_by_role("button", name="Zoom in").click()
    page.wait_for_function(
        f"document.querySelector('.sheet').getBoundingClientRect().width > {before + 20}"
    )
    assert still(page.locator(".sheet"))["width"] > before
    page.wait_for_selector(".sheet.drawn")
    page.focus(".viewer-body")
    for _ in range(8):
        page.keyboard.press("-")
    assert page.inner_text(".viewer-zoom") == "100 %"
    assert viewer.get_by_role("button", name="Zoom out").is_disabled()
    sheet, body = still(page.locator(".sheet")), still(page.locator(".viewer-body"))
    assert sheet["width"] <= body["width"]
    for _ in range(8):
        page.keyboard.press("+")
    assert viewer.get_by_role("button", name="Zoom in").is_disabled()
    page.wait_for_selector(".sheet.drawn img[src*='width=1200']")


def test_a_card_opens_it_too_and_its_links_do_not(tab: Tab) -> None:
    page = tab.page
    tab.ask_and_wait(LOOMS)
    page.click("#source-1-1 .meta")
    page.wait_for_selector(".sheet.drawn")
    page.keyboard.press("Escape")
    assert focus(page) == "see"
    page.keyboard.press("Enter")
    page.wait_for_selector(".sheet.drawn")
    page.keyboard.press("Escape")
    page.click("#source-1-1 .cite")
    assert not page.locator("#viewer").is_visible()


def test_notes_open_in_their_section_with_the_sentence_marked(tab: Tab) -> None:
    viewer, page = open_at(tab, NOTES), tab.page
    page.wait_for_selector(".viewer-text mark")
    assert page.inner_text(".viewer-text mark") == NOTE
    assert "Why attention" in page.inner_text(".viewer-text h3")
    assert "student notes" in page.inner_text(".viewer-about")
    assert not page.locator(".viewer-size").is_visible()
    assert seen(page, ".viewer-text mark")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".viewer-text :text('Positions must be added by hand.')")
    assert page.locator(".viewer-text mark").count() == 0
    viewer.get_by_role("button", name="Previous section").click()
    page.wait_for_selector(".viewer-text mark")


def test_on_a_phone_it_covers_the_screen_and_keeps_the_focus(open_tab: Any) -> None:
    tab = open_tab(390, 844)
    page = tab.page
    tab.ask_and_wait(CARDS)
    page.click("#past .mark")
    page.click("#source-1-1 .see")
    page.wait_for_selector(".sheet.drawn")
    box = still(page.locator("#viewer"))
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)
    assert page.get_attribute("#viewer", "aria-modal") == "true"
    assert seen(page, ".marked")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body"
            " || Boolean(document.activeElement.closest('#viewer'))"
        )
    assert tab.overflow() <= 0
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert focus(page) == "see"
    assert not page.evaluate("document.querySelector('gradio-app').inert")


def test_a_page_that_cannot_be_drawn_says_so(tab: Tab) -> None:
    page = tab.page
    page.route("**/*.jpg*", lambda route: route.fulfill(status=200, body="no picture"))
    open_at(tab, LOOMS)
    page.wait_for_selector(".viewer-remark:text('cannot be drawn')")
    page.keyboard.press("Escape")
    page.unroute("**/*.jpg*")
    page.click("#past .mark")
    page.wait_for_selector(".sheet.drawn")
    assert not page.locator(".viewer-remark").is_visible()


def test_the_course_is_browsed_searched_and_asked_about(tab: Tab, course: Shown) -> None:
    page = tab.page
    page.get_by_role("tab", name="Course").click()
    page.wait_for_selector("#course .entry")
    titles = page.locator(".entry-title").all_inner_texts()
    assert "Attention Is All You Need" in titles
    assert "looms" in titles
    page.fill("#find-reading", "vaswani ATTENTION")
    assert page.locator(".entry:visible .entry-title").all_inner_texts() == [
        "Attention Is All You Need"
    ]
    assert page.inner_text(".course-note") == "1 found"
    assert page.locator(".session:visible").count() == 1
    page.fill("#find-reading", "")
    assert page.locator(".entry:visible").count() == len(titles)
    page.locator(".entry", has_text="Layer Normalization").get_by_role(
        "button", name="Ask about this reading"
    ).click()
    page.wait_for_selector("#scope > button:has-text('Layer Normalization')")
    assert page.get_by_role("tab", name="Ask").get_attribute("aria-selected") == "true"
    page.fill(BOX, NOTES)
    page.press(BOX, "Enter")
    tab.answered()
    scope: Any = course.asked[-1]
    (asked,) = scope.readings
    (reading,) = (
        one.id
        for session in course.catalogue().sessions
        for one in session.readings
        if one.title == "Layer Normalization"
    )
    assert asked == reading


COVERED = """() => {
  const shown = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const out = [];
  for (const one of document.querySelectorAll(shown)) {
    const seen = one.checkVisibility({ visibilityProperty: true });
    if (!seen || one.closest("#viewer, #sources, [inert], .skip")) continue;
    one.scrollIntoView({ block: "center", inline: "nearest" });
    const { left, top, width, height } = one.getBoundingClientRect();
    if (width < 2 || height < 2) continue;
    for (const x of [left + 2, left + width - 2]) {
      const top_most = document.elementFromPoint(x, top + height / 2);
      if (!top_most || top_most.closest("#viewer")) {
        out.push(one.outerHTML.slice(0, 120));
        break;
      }
    }
  }
  return out;
}"""


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_the_page_view_covers_nothing_that_can_be_pressed_on_any_tab(open_tab, width):
    """Beside it on a wide screen; on a phone it is all there is until it is closed."""
    tab = open_tab(width, 844)
    page = tab.page
    tab.ask_and_wait(LOOMS)
    page.click("#past .mark")
    if width == 390:
        page.click("#source-1-1 .see")
    page.wait_for_selector(".sheet.drawn")
    names = page.get_by_role("tab", include_hidden=True).all_inner_texts()
    assert len(names) == 5
    if width == 390:
        assert page.evaluate(COVERED) == []
        page.keyboard.press("Escape")
        page.wait_for_selector("#viewer", state="hidden")
    lay = still(page.locator("#viewer")) if width != 390 else None
    for name in [*names[1:], names[0]]:
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(200)
        assert page.locator("#viewer").is_visible() == (width != 390)
        assert page.evaluate(COVERED) == [], name
        assert tab.overflow() <= 0, name
        rail = page.locator("[data-open-rail]").is_visible()
        assert rail == (width < 1024 and name == "Ask"), "it opens the conversations of one tab"
    if lay:
        assert still(page.locator("#viewer")) == lay, "it lies over the sources again"


def test_key_sentences_unfold_and_lead_to_their_page(tab: Tab) -> None:
    page = tab.page
    page.get_by_role("tab", name="Course").click()
    entry = page.locator(".entry", has=page.locator(".entry-title", has_text="looms"))
    button = entry.get_by_role("button", name="Key sentences")
    button.click()
    entry.locator(".key li").first.wait_for()
    assert button.get_attribute("aria-expanded") == "true"
    entry.locator(".key [data-view]").first.click()
    page.wait_for_selector(".sheet.drawn")
    assert page.locator(".marked").count() >= 1
    assert seen(page, ".marked")
    left = still(page.locator("#viewer"))["x"]
    course_box = still(page.locator("#course"))
    assert course_box["x"] + course_box["width"] <= left + 1, "the list makes room"
    page.keyboard.press("Escape")
    button.click()
    assert entry.locator(".key").count() == 0
    assert tab.overflow() <= 0


def test_the_evidence_of_a_checked_text_opens_its_page(tab: Tab) -> None:
    page = tab.page
    page.get_by_role("tab", name="Check a text").click()
    page.fill("#manuscript textarea", "Looms read a chain of punched cards.")
    page.click("#check")
    page.wait_for_selector("#check-save a")
    page.click("#report .item summary")
    page.click("#report .where [data-view]")
    page.wait_for_selector(".sheet.drawn")
    assert page.locator(".marked").count() >= 2
    assert seen(page, ".marked")
    page.keyboard.press("Escape")
    assert focus(page) == "see"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_of_both_views_are_readable(open_tab: Any, scheme: str) -> None:
    tab = open_tab(1280, 900, scheme)
    page = tab.page
    open_at(tab, LOOMS)
    page.wait_for_selector(".sheet.drawn")
    assert min(contrasts(page, "#viewer :is(h2, p, span, button:enabled, input, a)")) >= 4.5
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Course").click()
    page.wait_for_selector("#course .entry")
    assert min(contrasts(page, "#course :is(h2, p, span, button, input, a)")) >= 4.5


def contrasts(page: Any, selector: str) -> list[float]:
    """The contrast of every visible text with what lies behind it (WCAG 2.2)."""
    found: list[float] = page.evaluate(
        """(selector) => {
          const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = (node) => {
            for (let at = node; at; at = at.parentElement) {
              const colour = rgb(getComputedStyle(at).backgroundColor);
              if (colour.length === 3 || colour[3] > 0.99) return colour;
            }
            return [255, 255, 255];
          };
          return [...document.querySelectorAll(selector)]
            .filter((node) => node.offsetParent && (node.textContent.trim() || node.value))
            .map((node) => {
              const [a, b] = [rgb(getComputedStyle(node).color), behind(node)].map(light);
              return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            });
        }""",
        selector,
    )
    assert found
    return found


def test_a_passage_that_is_gone_says_so(tab: Tab, course: Shown) -> None:
    """Last, since it changes the course."""
    page = tab.page
    open_at(tab, LOOMS)
    page.wait_for_selector(".sheet.drawn")
    page.keyboard.press("Escape")
    course.write(f"A new beginning. {SENTENCES[0]}", "Nothing is as it was.")
    list(course.real.ingest([course.folder / "looms.pdf"]))
    page.click("#past .mark")
    page.wait_for_selector(f".viewer-remark:text('{MOVED}')")
    page.wait_for_selector(".sheet.drawn")
    assert page.locator(".marked").count() >= 2
    page.keyboard.press("Escape")
    course.write("Quite another text. " + FILLER, "Nothing is as it was.")
    list(course.real.ingest([course.folder / "looms.pdf"]))
    page.click("#past .mark")
    page.wait_for_selector(f".viewer-remark:text('{LOST}')")
    assert tab.complaints == []
    course.real.remove(str((course.folder / "looms.pdf").resolve()))
    page.keyboard.press("Escape")
    page.click("#past .mark")
    page.wait_for_selector(".viewer-remark:text('no longer in the course')")
    assert [one for one in tab.complaints if "404" not in one] == []
    tab.complaints.clear()
