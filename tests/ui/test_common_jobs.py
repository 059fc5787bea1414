"""Jobs that several servers have in common, over PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from fakes import until
from seminar_rag.errors import BusyError, SourceError
from seminar_rag.index.postgres import CommonTable
from seminar_rag.ui.desk import jobs as desk_jobs
from seminar_rag.ui.desk.jobs import AGAIN, CommonJobs, Job, JobWithTask

pytestmark = pytest.mark.slow


@pytest.fixture
def two(postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CommonJobs]]:
    """The jobs of two servers, which speak faster than real ones."""
    monkeypatch.setattr(desk_jobs, "SILENCE", 0.6)
    monkeypatch.setattr(desk_jobs, "PULSE", 0.1)
    with closing(CommonTable(postgres_address)) as one, closing(CommonTable(postgres_address)) as b:
        both = [CommonJobs(common) for common in (one, b)]
        yield both
        for jobs in both:
            jobs.close(5)


def start(jobs: CommonJobs, title: str, done: str, work: Callable[[], str]) -> None:
    jobs._perform = lambda _: work()
    jobs.start(title, done, "it")


def left_by_a_dead_server(jobs: CommonJobs, task: dict[str, object]) -> None:
    noted = JobWithTask(Job("Updating", "Updated", datetime.now(UTC)), task)
    jobs._common.put("job", "now", noted.json())


def test_progress_is_seen_and_stopped_from_the_other_server(two: list[CommonJobs]) -> None:
    one, other = two

    def work() -> str:
        one.line("a paper: 12 passages")
        one.progress("embedding", 3, 7)
        until(one.stopping)
        raise SourceError("half of it is in")

    start(one, "Updating", "Updated", work)
    until(lambda: other.current and other.current.done == 3)
    assert other.current is not None
    assert [line.text for line in other.current.log] == ["a paper: 12 passages"]
    with pytest.raises(BusyError, match="Updating"):
        start(other, "Adding", "Added", lambda: "")
    other.stop()
    assert other.wait(10)
    assert (other.current.state, other.current.note) == ("stopped", "half of it is in")
    start(other, "Adding", "Added", lambda: "one")
    assert one.wait(10)
    assert one.current is not None
    assert (one.current.title, one.current.note) == ("Adding", "one")


def test_a_job_whose_server_died_is_taken_up_once(two: list[CommonJobs]) -> None:
    left_by_a_dead_server(two[0], {"do": "ingest", "of": {"n": 1}})
    done: list[dict[str, object]] = []
    busy = iter([True, False])

    def perform(task: dict[str, object]) -> str:
        if next(busy):
            raise BusyError("the dead server's connection has not ended yet")
        done.append(task)
        time.sleep(1)  # longer than the silence after which a server counts as dead
        return "all of it is in"

    for jobs in two:
        jobs.attend(perform)
    until(lambda: not any(jobs.current.running for jobs in two))
    assert done == [{"do": "ingest", "of": {"n": 1}}]
    for jobs in two:
        assert jobs.current is not None
        assert (jobs.current.state, jobs.current.note) == ("done", "all of it is in")
        assert jobs.current.log[0].text == AGAIN


def test_a_server_that_closes_hands_its_job_over(two: list[CommonJobs]) -> None:
    one, other = two
    begun = threading.Event()

    def work() -> str:
        begun.set()
        until(one.stopping)
        raise SourceError("half of it is in")

    start(one, "Updating", "Updated", work)
    assert begun.wait(5)
    time.sleep(0.3)
    other.attend(lambda _: "the rest is in")
    one.close(5)
    until(lambda: not other.current.running)
    assert other.current is not None
    assert (other.current.state, other.current.note) == ("done", "the rest is in")


def test_a_server_that_was_only_slow_stops_once_another_has_the_job(two: list[CommonJobs]) -> None:
    one = two[0]
    stopped = threading.Event()

    def work() -> str:
        until(one.stopping)
        stopped.set()
        raise SourceError("half of it is in")

    start(one, "Updating", "Updated", work)
    time.sleep(0.3)
    two[1]._common.put("job", "worker", "another", 60)
    assert stopped.wait(5)
    until(lambda: not one._mine)
    assert one.current is not None
    assert one.current.running, "what the other says of it stands"
