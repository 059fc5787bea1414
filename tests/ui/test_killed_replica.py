"""A server that is killed at an ingest: another takes it up, and the index is as after one that ran
undisturbed. Real processes over a real PostgreSQL, a Chroma server and files that they share."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest
from replica_driver import PULSE

from chroma_server import chroma_server
from fakes import until
from ingest import kill_driver
from ingest.kill_driver import HOST, PAPERS, write_site
from local_web import Web
from seminar_rag.index.postgres import CommonTable
from seminar_rag.index.store import Store
from seminar_rag.ui.desk.jobs import AGAIN, CommonJobs

pytest.importorskip("obstore", reason="obstore is not installed (the extra s3)")
pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("KILLED_REPLICAS", "1"))
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[str]:
    """The address of a collection on a Chroma server."""
    with chroma_server(tmp_path / "vectors") as address:
        yield f"{address}/course"


class Replica:
    def __init__(self, folder: Path, *shared: str) -> None:
        folder.mkdir(exist_ok=True)
        given = filter(None, [os.environ.get("PYTHONPATH")])
        paths = [str(TESTS), str(TESTS / "ui"), *given]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "replica_driver", str(folder), *shared],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._in: IO[str] = self._process.stdin  # type: ignore[assignment]

    def ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def say(self, what: str) -> None:
        self._in.write(f"{what}\n")
        self._in.flush()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


def test_another_server_takes_up_the_ingest_of_one_that_is_killed(
    tmp_path: Path, postgres_address: str, chroma: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, site = random.Random(11), tmp_path / "site"
    (tmp_path / "shared").mkdir()
    with Web() as web, closing(CommonTable(postgres_address)) as common:
        web.arxiv(PAPERS)
        web.folders[HOST] = site
        write_site(site, rng)
        started = time.monotonic()
        kill_driver.ingest(tmp_path / "trial", web.port)
        within = time.monotonic() - started
        shared = (str(web.port), postgres_address, chroma)
        replicas = [Replica(tmp_path / name, *shared) for name in ("one", "other")]
        seen = CommonJobs(common)
        taken_up = 0
        try:
            for one in replicas:
                one.ready()
            for number in range(ROUNDS):
                write_site(site, rng)
                at = rng.randrange(2)
                before = seen.current.started if seen.current else None
                replicas[at].say("update" if number else "begin")
                until(lambda b=before: seen.current and seen.current.started != b, 120)
                time.sleep(rng.uniform(0, within))
                replicas[at].kill()
                killed = time.monotonic()
                until(lambda: not seen.current.running, 120)
                job = seen.current
                assert job.state == "done", job.note
                if any(line.text == AGAIN for line in job.log):
                    taken_up += 1
                    print(f"taken up and done {time.monotonic() - killed:.1f} s after the kill")
                replicas[at] = Replica(tmp_path / f"new-{number}", *shared)
                replicas[at].ready()
            time.sleep(PULSE * 5)
            assert not seen.current.running, "nobody takes up what is done"
        finally:
            for one in replicas:
                one.kill()
        print(f"{taken_up} of {ROUNDS} jobs were taken up; an undisturbed one takes {within:.1f} s")
        assert taken_up * 2 >= ROUNDS, "most were killed before they were done"
        kill_driver.ingest(tmp_path / "fresh", web.port)
    files = (tmp_path / "shared").as_uri()

    def opened(data: Path) -> Store:
        if data.name == "fresh":
            return Store(data)
        return Store(data, chroma, database=postgres_address, files=files)

    monkeypatch.setattr(kill_driver, "opened", opened)
    found: list[dict[str, Any]] = [kill_driver.contents(tmp_path / n) for n in ("last", "fresh")]
    disturbed, fresh = found
    assert disturbed["findings"] == fresh["findings"] == []
    assert len(disturbed["passages"]) == len(set(disturbed["passages"])) == len(fresh["stored"])
    for what in ("sessions", "documents", "passages", "stored", "lookups"):
        assert disturbed[what] == fresh[what], what
