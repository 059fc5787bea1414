"""The whole course site from a local server, as the benchmark plays it: all of it accounted for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared_data import SHARED

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "course.py"


@pytest.mark.model
@pytest.mark.timeout(600)
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real course lies beside the checkout only")
def test_every_reading_and_every_defect_of_the_real_page() -> None:
    """Its plain text is read as exactly, which the tests of the syllabus say."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--shared", str(SHARED), "--form", "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout
    assert done.returncode == 0, done.stderr[-3000:]
    assert "index: sound" in told
    again = re.search(r"run 2: ([\d.]+) s, (\d+) bodies fetched, (\d+) passages embedded", told)
    assert again is not None
    assert again.groups()[1:] == ("0", "0"), "a second run fetches no body and embeds nothing"
    assert "The 175 readings of the answer key" in told
    assert "lost:" not in told
    assert "NOT ACCOUNTED FOR" not in told
    assert re.search(r"\d+ cases, 0 neither mended nor told", told)
    assert "MISSED" not in told
    assert "TAKEN under the wrong name" not in told
