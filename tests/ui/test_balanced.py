"""Students at two servers behind a real nginx that sends each request to the next one, while one of
the servers is killed: a small `benchmarks/replicas.py` with scripted answers."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import pytest

from bench import benchmark

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/usr/sbin/nginx").exists(), reason="nginx is not installed")
def test_no_question_fails_but_those_in_flight_at_the_server_that_is_killed(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = benchmark("replicas")
    given = [str(TESTS), str(TESTS / "ui"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(given))
    monkeypatch.setattr(replicas, "QUESTIONS", ["How does RAG work?"])
    command = [sys.executable, "-m", "balanced_server", postgres_address]
    servers = [replicas.Server(tmp_path / name, "", command) for name in ("one", "other")]
    options = argparse.Namespace(students=8, seconds=9, every=0.5)
    try:
        for one in servers:
            one.begin()
        for one in servers:
            one.ready()
        with replicas.balanced(tmp_path, servers) as url:
            tally = asyncio.run(replicas.round_of(url, options, servers[1]))
    finally:
        for one in servers:
            one.kill()
    print(tally.told())
    assert tally.failed == []
    assert tally.seconds, "students were answered meanwhile and afterwards"
    assert len(tally.in_flight) <= 8
    log = (tmp_path / "one" / "log").read_text()
    assert "Traceback" not in log, log[-3000:]
