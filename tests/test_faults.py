"""The benchmarks that run for long: their arithmetic, and some rounds of the faults."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bench import FOLDER, benchmark


@pytest.mark.slow
@pytest.mark.model
def test_no_fault_costs_a_decision_and_each_has_a_remedy_that_works() -> None:
    """One round of each of these; the benchmark has some three hundred."""
    faults = ("killed", "truncated", "noise", "gone", "values", "clock")
    done = subprocess.run(
        [sys.executable, FOLDER / "faults_store.py", "--say", "--scale", "0.02", "--only", *faults],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[-1:]] == [str(len(faults))]


def test_a_slope_is_found_with_an_interval_that_holds_it() -> None:
    day = benchmark("day_of_students")
    at = np.arange(0.0, 7200.0, 5.0)
    noise = np.random.default_rng(1).standard_normal(len(at)) * 20
    for grows in (0.0, 30.0):
        found, half = day.slope(at, 500 + grows * at / 3600 + noise)
        assert abs(found - grows) < half < 5


def test_the_advice_of_a_command_is_taken_from_what_went_wrong_alone() -> None:
    faults = benchmark("faults_store")
    said = (
        "· reranker: none — seminar-rag ingest makes none\n"
        "✗ the vector store cannot be used — rebuild it: seminar-rag doctor --repair\n"
        "lost: the readings' texts — seminar-rag ingest posts reads them again\n"
        "seminar-rag: the disk is full — free some space and run the command again\n"
    )
    hand = {"free some space": lambda: None}
    assert faults.advice(said, hand) == [
        "doctor --repair",
        "ingest posts --offline",
        "free some space",
    ]
