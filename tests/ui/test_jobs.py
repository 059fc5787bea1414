"""Work in the background: one at a time, seen by everybody, stopped when asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from seminar_rag.errors import BusyError, SourceError
from seminar_rag.ui.desk.jobs import CRASHED, LONGEST_LOG, Job, Jobs, JobStoppedError


def start(jobs: Jobs, title: str, work: Callable[[], str]) -> Job:
    jobs.attend(lambda _: work())
    return jobs.start(title, f"{title}, done", "it")


def ended(jobs: Jobs) -> None:
    assert jobs.wait(10)


def test_work_runs_and_leaves_its_log_and_its_last_word():
    jobs = Jobs()
    assert jobs.current is None

    def work() -> str:
        jobs.progress("embedding", 3, 7, "a paper", "12 passages")
        jobs.line("a paper: 12 passages")
        jobs.line("another: gone", bad=True)
        return "1 document came in"

    assert start(jobs, "Ingest", work).running
    ended(jobs)
    job = jobs.current
    assert job is not None
    assert (job.state, job.note) == ("done", "1 document came in")
    assert (job.stage, job.done, job.total) == ("embedding", 3, 7)
    assert (job.label, job.detail) == ("a paper", "12 passages")
    assert [(line.text, line.bad) for line in job.log] == [
        ("a paper: 12 passages", False),
        ("another: gone", True),
    ]
    assert job.ended is not None
    assert 0 <= job.seconds < 60


def test_a_second_job_is_refused_by_name_until_the_first_is_done():
    jobs, go = Jobs(), threading.Event()
    start(jobs, "The first", lambda: "done" if go.wait(10) else "late")
    with pytest.raises(BusyError, match="The first"):
        start(jobs, "The second", lambda: "")
    go.set()
    ended(jobs)
    assert start(jobs, "The second", lambda: "x").title == "The second"
    ended(jobs)


def test_work_stops_when_it_sees_that_it_shall():
    jobs, begun = Jobs(), threading.Event()

    def work() -> str:
        begun.set()
        while not jobs.stopping():
            time.sleep(0.01)
        raise JobStoppedError("half of it is in")

    start(jobs, "Polite", work)
    assert begun.wait(10)
    jobs.stop()
    ended(jobs)
    assert jobs.current is not None
    assert (jobs.current.state, jobs.current.note) == ("stopped", "half of it is in")
    jobs.stop()
    assert jobs.current.state == "stopped"


def test_a_failure_says_what_a_crash_does_not(caplog):
    jobs = Jobs()

    def fails() -> str:
        raise SourceError("page.html is gone — give another")

    def crashes() -> str:
        raise ZeroDivisionError("a secret path")

    start(jobs, "A", fails)
    ended(jobs)
    assert jobs.current is not None
    assert (jobs.current.state, jobs.current.note) == ("failed", "page.html is gone — give another")
    start(jobs, "B", crashes)
    ended(jobs)
    assert (jobs.current.state, jobs.current.note) == ("failed", CRASHED)
    assert "a secret path" in caplog.text


def test_the_log_is_bounded():
    jobs = Jobs()

    def work() -> str:
        for number in range(LONGEST_LOG + 20):
            jobs.line(str(number))
        return ""

    start(jobs, "Talkative", work)
    ended(jobs)
    assert jobs.current is not None
    assert len(jobs.current.log) == LONGEST_LOG
    assert jobs.current.log[-1].text == str(LONGEST_LOG + 19)
