"""Students at two servers behind a real nginx that sends each request to the next one, while one of
the servers is killed: a small `benchmarks/replicas.py` with scripted answers, and a page in a real
browser."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tabs import TIMEOUT, Tab

from bench import benchmark
from postgres_cluster import postgres_schema
from seminar_rag.index.postgres import CommonTable

TESTS = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/usr/sbin/nginx").exists(), reason="nginx is not installed"),
]


@pytest.fixture(scope="module")
def database(postgres_server: str) -> Iterator[str]:
    with postgres_schema(postgres_server) as address:
        yield address


@pytest.fixture(scope="module")
def servers(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """Two servers over one database."""
    folder, replicas = tmp_path_factory.mktemp("servers"), benchmark("replicas")
    given = [str(TESTS), str(TESTS / "ui"), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(given))
        command = [sys.executable, "-m", "balanced_server", database]
        both = [replicas.Server(folder / name, "", command) for name in ("one", "other")]
        try:
            for one in both:
                one.begin()
            yield both
        finally:
            for one in both:
                one.kill()


@pytest.fixture
def address(servers: list[Any], tmp_path: Path) -> Iterator[str]:
    """The address of nginx in front of both, which run."""
    for one in servers:
        one.ready()
    with benchmark("replicas").balanced(tmp_path, servers) as url:
        yield url


def test_no_question_fails_but_those_in_flight_at_the_server_that_is_killed(
    servers: list[Any], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = benchmark("replicas")
    monkeypatch.setattr(replicas, "QUESTIONS", ["How does RAG work?"])
    options = argparse.Namespace(students=8, seconds=9, every=0.5)
    tally = asyncio.run(replicas.round_of(address, options, servers[1]))
    print(tally.told())
    assert tally.failed == []
    assert tally.seconds, "students were answered meanwhile and afterwards"
    assert len(tally.in_flight) <= 8
    log = (servers[0].folder / "log").read_text()
    assert "Traceback" not in log, log[-3000:]


@pytest.mark.browser
def test_a_page_whose_server_dies_asks_again_at_the_other(
    servers: list[Any], address: str, database: str, browser: Any
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".chip")
    tab, busy = Tab(page), "#now .exchange[aria-busy][data-server]"
    tab.ask("How does RAG work?")
    first = page.wait_for_selector(busy).get_attribute("data-server")
    with closing(CommonTable(database)) as common:
        at = common.get("server", first)
    assert at
    page.evaluate("window.stillTheFirst = true")
    (dying,) = [one for one in servers if at.endswith(f":{one.port}")]
    dying.kill()
    try:
        page.wait_for_selector(".lost", state="attached")
        page.wait_for_function("!window.stillTheFirst")  # it has loaded again
        # What it shows first is the question that was cut off, until that is asked again.
        page.wait_for_selector("#past #exchange-1:not(:has([data-retry]))")
        tab.answered()
        assert page.locator("#past .exchange").count() == 1
        assert page.locator("#past .exchange").text_content().count("How does RAG work?") == 1
        tab.ask("How does RAG work?")
        assert page.wait_for_selector(busy).get_attribute("data-server") != first
        tab.answered(2)
    finally:
        context.close()
        dying.begin()
