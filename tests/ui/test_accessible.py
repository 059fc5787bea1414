"""The page for those who use a keyboard, a screen reader or large print: axe-core, and by hand."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from fake_course import JUDGED, STEPS, UNKNOWN
from tabs import BOX, Tab, recolour

pytestmark = pytest.mark.browser
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def found(tab: Tab, *only: str) -> list[tuple[str, str, list[str]]]:
    """What axe-core, which comes with a development dependency, finds serious or critical.

    Args:
        only: ids of the rules to try instead of all of `RULES`.
    """
    if not tab.page.evaluate("'axe' in window"):
        script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        tab.page.evaluate(script)
    told = tab.page.evaluate(
        "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })",
        list(only) or RULES,
    )
    return [
        (one["id"], one["help"], [node["html"][:160] for node in one["nodes"]][:4])
        for one in told["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def assert_accessible(tab: Tab, dark: bool = True) -> None:
    """Nothing serious in the light, and no contrast too weak in the dark.

    The dark differs in its colours alone, which are the same at every width.
    """
    grave = found(tab)
    if dark:
        recolour(tab.page, "dark")
        grave += found(tab, "color-contrast")
        recolour(tab.page, "light")
    assert grave == [], json.dumps(grave, indent=1)


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_on_any_view(open_tab, width):
    tab, dark = open_tab(width, 844), width == 1280
    page = tab.page
    assert_accessible(tab, dark)
    tab.ask_and_wait(JUDGED, 1)
    tab.ask_and_wait(UNKNOWN, 2)
    page.evaluate("location.hash = '#scope=session:15'")
    page.wait_for_selector(".scope-chip")
    tab.ask_and_wait(UNKNOWN, 3)
    assert_accessible(tab, dark)
    tab.open_scope()
    page.click("#exchange-1 .actions summary")
    assert_accessible(tab, dark)
    page.keyboard.press("Escape")
    page.click("#exchange-1 .mark")
    page.wait_for_selector("#source-1-1", state="visible")
    assert_accessible(tab, dark)
    page.keyboard.press("Escape")
    for name in page.get_by_role("tab").all_inner_texts():
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(200)
        assert_accessible(tab, dark)


def focused(tab: Tab) -> str:
    return tab.page.evaluate(
        "(e => e.id || e.dataset.source || e.dataset.ask || e.textContent.trim()"
        " || e.ariaLabel)"
        "(document.activeElement)"
    )


def walk(tab: Tab, steps: int) -> list[str]:
    out = []
    for _ in range(steps):
        tab.page.keyboard.press("Tab")
        out.append(focused(tab))
    return out


def test_the_keyboard_alone_asks_opens_judges_and_starts_anew(tab, course):
    page = tab.page
    course.journal.opinions.clear()
    page.focus(BOX)
    page.keyboard.type(STEPS)
    page.keyboard.press("Enter")
    tab.answered()
    page.focus("#past .mark >> nth=0")
    order = ["1-1", *walk(tab, 8)]
    assert order[:4] == ["1-1", "1-1", "1-1", "1-2"], order
    assert order[4:9] == ["2 sources", "Copy", "Copy link", "Helpful", "Not helpful"], order
    page.keyboard.press("Enter")  # opens the reasons
    assert walk(tab, 2) == ["Wrong citation", "Not what I asked"]
    page.keyboard.press("Escape")
    assert focused(tab) == "Not helpful"
    page.keyboard.press("Enter")
    walk(tab, 3)
    page.keyboard.press("Enter")
    page.wait_for_selector(".said-so")
    assert course.journal.opinions[-1][2] == "incomplete"
    page.focus("#new")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip")
    page.wait_for_function(f"document.activeElement === document.querySelector('{BOX}')")


def test_the_scope_is_chosen_with_arrow_keys_and_its_buttons_have_names(tab):
    page = tab.page
    tab.open_scope()
    page.get_by_label("Readings and notes").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".scope-chip:has-text('All sessions · readings')")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".scope-chip:has-text('All sessions · student notes')")
    assert walk(tab, 1)[0] != "Readings and notes", "the three are one stop"
    page.evaluate("location.hash = '#scope=session:15'")
    page.wait_for_selector(".scope-chip:has-text('Session 15')")
    name = "Remove 15 · Retrieval-augmented generation"
    page.get_by_role("button", name=name).wait_for()
    page.get_by_role("button", name=name).click()
    page.wait_for_selector(".scope-chip", state="detached")


def test_what_has_the_focus_can_be_seen(tab):
    page = tab.page
    tab.ask_and_wait(STEPS)
    for selector in ("#new", "#conversations .talk", ".mark", "[data-copy]", ".actions summary",
                     "#retry", ".cite", "#scope > button", "#send"):  # fmt: skip
        page.focus(selector)
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        shown = page.locator(selector).first.evaluate(
            "e => { const s = getComputedStyle(e);"
            " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1"
            " || s.boxShadow !== 'none'; }"
        )
        assert shown, selector


def test_the_page_asks_nothing_of_other_machines(open_tab):
    """The request log of a whole visit; every browser test asserts the same of its own."""
    tab = open_tab()
    assert tab.requests
    tab.ask_and_wait(STEPS)
    tab.page.click("#past .mark")
    tab.page.reload()
    tab.page.wait_for_selector("#past .mark")
    assert {url.split("/")[2].split(":")[0] for url in tab.requests if "://" in url} == {
        "127.0.0.1"
    }
