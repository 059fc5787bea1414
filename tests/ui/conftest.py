"""Fixtures of the browser tests: a served fake course, a Chromium, and tabs in it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fake_course import FakeCourse
from serving import served
from tabs import ARGS, TIMEOUT, Tab

import chromium
from seminar_rag.ui.shared.limits import Limits


@pytest.fixture(scope="module")
def course() -> FakeCourse:
    return FakeCourse(pace=0.02)


@pytest.fixture(scope="module")
def address(course: FakeCourse) -> str:
    return served(course, limits=Limits(0, 0))


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium found; install chromium or set SEMINAR_RAG_CHROMIUM to its path")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield running
        running.close()


@pytest.fixture
def open_tab(browser, address) -> Iterator[object]:
    contexts, tabs = [], []

    def open_(width: int = 1280, height: int = 900, scheme: str = "light") -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        tab = Tab(page)
        page.on("request", lambda request: tab.requests.append(request.url))
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.on(
            "console",
            lambda entry: tab.complaints.append(entry.text) if entry.type == "error" else None,
        )
        contexts.append(context)
        tabs.append(tab)
        page.goto(address)
        page.wait_for_selector(".chip")
        return tab

    yield open_
    for context in contexts:
        context.close()
    for tab in tabs:
        hosts = {urlsplit(url).hostname for url in tab.requests if not url.startswith("data:")}
        assert hosts == {"127.0.0.1"}
        assert tab.complaints == []


@pytest.fixture
def tab(open_tab) -> Tab:
    return open_tab()
