"""The product as installed: `seminar-rag serve` in a process of its own, asked by a browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

import chromium
from seminar_rag.course import Course
from seminar_rag.ui.desk.password import hashed

pytestmark = [pytest.mark.model, pytest.mark.browser]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BOX = "#question textarea"
FROGS = (
    "Glass frogs become transparent while they sleep.",
    "They hide nearly all of their red blood cells in their liver.",
    "The blood of an awake glass frog returns to its vessels within minutes.",
)


@contextmanager
def served(data: Path, folder: Path, **environ: str) -> Iterator[str]:
    """The address of a server over `data`; everything it printed is shown when it fails."""
    running = subprocess.Popen(
        [sys.executable, "-m", "seminar_rag.cli.main", "serve", "--port", "0", "--data", str(data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environ},
    )
    said: list[str] = []
    found = threading.Event()

    def listen() -> None:
        assert running.stderr is not None
        for line in running.stderr:
            said.append(line)
            if "The chat is open" in line:
                found.set()

    threading.Thread(target=listen, daemon=True).start()
    try:
        assert found.wait(180), "".join(said)
        address = re.search(r"http://\S+", said[-1])
        assert address is not None
        yield address[0]
    finally:
        running.terminate()
        running.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium found; install chromium or set SEMINAR_RAG_CHROMIUM to its path")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


def page_at(browser: Any, address: str, ready: str = ".chip") -> Any:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(ready)
    return page


def ask(page: Any, question: str) -> None:
    page.fill(BOX, question)
    page.press(BOX, "Enter")


def answered(page: Any) -> None:
    page.wait_for_selector("#past #exchange-1")
    page.wait_for_selector("#send", state="visible")


SECRET = "an instructor's secret"


@pytest.fixture(scope="module")
def own(sample_course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over a copy of the sample course, with a desk."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(sample_course.config.data, folder / "data")
    with served(folder / "data", folder, SEMINAR_RAG_DESK_PASSWORD_HASH=hashed(SECRET)) as address:
        yield address


def test_a_student_asks_the_sample_course(own: str, browser: Any) -> None:
    page = page_at(browser, own)
    ask(page, "Why is attention scaled by the square root of the dimension?")
    answered(page)
    mark = page.locator("#past .mark").first
    quoted = page.locator("#past #exchange-1").inner_text()
    mark.click()
    source = page.locator(".sources.current .source").first
    assert "session 1" in source.inner_text()
    assert "p. " in source.inner_text()
    for sentence in page.locator(".sources.current mark").all_inner_texts():
        assert " ".join(sentence.split())[:40] in " ".join(quoted.split())
    page.close()


def test_an_instructor_adds_a_reading_and_a_student_asks_it(
    own: str, browser: Any, tmp_path: Path
) -> None:
    paper = tmp_path / "glass-frogs.pdf"
    canvas = Canvas(str(paper))
    for number, sentence in enumerate(FROGS):
        canvas.drawString(72, 720 - 20 * number, sentence)
    canvas.save()
    desk = browser.new_page()
    desk.set_default_timeout(60_000)
    desk.goto(f"{own}/desk")
    desk.fill("#password", SECRET)
    desk.press("#password", "Enter")
    with desk.expect_file_chooser() as chooser:
        desk.click(".begin [data-attach='']")
    chooser.value.set_files(paper)
    desk.wait_for_selector("#told:has-text('The sample course has left.')")
    desk.wait_for_selector("#job .job.done:has-text('1 new')")
    # The first file of one's own ends the sample course; no sentence of it makes an example.
    desk.wait_for_selector("#sessions-list .summary:has-text('1 session ·')", timeout=15_000)
    page = page_at(browser, own, ".welcome")
    ask(page, "Why do glass frogs become transparent while they sleep?")
    answered(page)
    assert "red blood cells in their liver" in page.inner_text("#past")
    assert "glass-frogs" in page.inner_text(".sources.current")
    desk.click("#sessions-list details[data-key='session-1'] > summary")
    desk.click(".entry:has-text('glass-frogs') [data-act='remove']")
    desk.wait_for_selector("#desk-said .toast:has-text('Removed “')")
    ask(page, "Where do glass frogs hide their red blood cells?")
    page.wait_for_selector("#past #exchange-2")
    page.wait_for_selector("#send", state="visible")
    after = page.inner_text("#past #exchange-2")
    assert "The readings don’t say" in after
    assert "liver" not in after


def test_two_students_at_once_with_a_local_model(
    sample_course: Course, browser: Any, tmp_path: Path, tiny_gguf: Path
) -> None:
    """Both answers finish, and only marks that open a source come through."""
    with served(
        sample_course.config.data,
        tmp_path,
        SEMINAR_RAG_LLM_MODEL=str(tiny_gguf),
        SEMINAR_RAG_LLM_MAX_TOKENS="120",
        SEMINAR_RAG_LLM_THREADS="1",
    ) as address:
        pages = [page_at(browser, address) for _ in range(2)]
        assert "Answers are written by" in pages[0].inner_text("body")
        for page, topic in zip(pages, ("LoRA", "FlashAttention"), strict=True):
            ask(page, f"How does {topic} work?")
        for page in pages:
            answered(page)
            marks = page.locator("#past .mark").all()
            abstained = "The readings don’t say" in page.inner_text("#past")
            assert marks or abstained
            for mark in marks:
                mark.click()
                assert page.locator(".sources.current .source mark").count() >= 1
