"""Fixtures of the browser tests: a served fake course, a Chromium, and tabs in it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fake_course import FakeCourse
from serving import served, stop
from tabs import ARGS, TIMEOUT, Tab

import chromium
from seminar_rag.ui.shared.limits import Limits


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    """Those of a file are stopped after it."""
    yield
    stop()


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


@pytest.fixture(scope="module")
def visitors(browser) -> Iterator[list[object]]:
    """Browser contexts, one a visitor, that the tests of a module use again for their caches."""
    contexts: list[object] = []
    yield contexts
    for context in contexts:
        context.close()


@pytest.fixture
def open_tab(browser, address, visitors) -> Iterator[object]:
    """Opens the chat as a visitor who was never there; every call is another visitor."""
    tabs = []

    def open_(width: int = 1280, height: int = 900, scheme: str = "light") -> Tab:
        if len(tabs) == len(visitors):
            visitors.append(browser.new_context(reduced_motion="reduce"))
        context = visitors[len(tabs)]
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        context.new_cdp_session(page).send(
            "Storage.clearDataForOrigin",
            {"origin": "{0.scheme}://{0.netloc}".format(urlsplit(address)), "storageTypes": "all"},
        )
        tab = Tab(page)
        page.on("request", lambda request: tab.requests.append(request.url))
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.on(
            "console",
            lambda entry: tab.complaints.append(entry.text) if entry.type == "error" else None,
        )
        tabs.append(tab)
        page.goto(address)
        page.wait_for_selector(".chip")
        return tab

    yield open_
    for context in visitors:
        context.clear_permissions()
        for page in context.pages:
            page.close()
    for tab in tabs:
        hosts = {urlsplit(url).hostname for url in tab.requests if not url.startswith("data:")}
        assert hosts == {"127.0.0.1"}
        assert tab.complaints == []


@pytest.fixture
def tab(open_tab) -> Tab:
    return open_tab()
