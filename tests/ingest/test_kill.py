"""An ingest that is killed at any moment loses nothing, repeats nothing and leaves no orphan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.kill_driver import HOST, PAPERS
from local_web import Web

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.model
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("engine", "rounds"), [("sqlite", 15), ("postgresql", 6)])
def test_kills_leave_the_same_index_as_none(
    tmp_path: Path, engine: str, rounds: int, request: pytest.FixtureRequest
) -> None:
    database = [request.getfixturevalue("postgres_address")] if engine == "postgresql" else []
    given = filter(None, [os.environ.get("PYTHONPATH")])
    with Web() as web:
        web.arxiv(PAPERS)
        web.folders[HOST] = tmp_path / "site"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ingest.kill_driver", str(tmp_path), str(web.port)),
                *(str(rounds), "7", *database),
            ],
            capture_output=True,
            text=True,
            check=False,
            # Not all of sys.path: a benchmark on it may be called like a package of the tests.
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *given])},
        )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["killed"] * 3 >= rounds * 2, "most ingests were killed before they were done"
    print(
        f"{told['killed']} of {rounds} killed; an undisturbed ingest takes {told['seconds']:.1f} s"
    )
    disturbed, fresh = told["data"], told["fresh"]
    assert disturbed["findings"] == fresh["findings"] == []
    assert len(disturbed["passages"]) == len(set(disturbed["passages"])) == len(fresh["stored"])
    for what in ("sessions", "documents", "passages", "stored", "lookups"):
        assert disturbed[what] == fresh[what], what
