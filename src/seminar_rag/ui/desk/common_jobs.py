"""Jobs that all servers of a course see: one works at a job, and where that one dies another does.

What the work is, is written down, not how far it is: an ingest finds by itself what is left to do.
The server that works says so again and again; once it has been silent for `SILENCE` seconds the
next one begins. That it still works, and is only slow, does no harm, since the course has one
writer at a time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from seminar_rag.errors import BusyError, SeminarError, StoreError
from seminar_rag.types.common import Common
from seminar_rag.ui.desk.jobs import Job, Jobs

log = logging.getLogger(__name__)

SILENCE = 8.0
"""Seconds without a word after which a server is taken to have died."""
PULSE = 1.0
"""Seconds between two words of a server that works, and between two looks of one that does not."""
PATIENCE = 120.0
"""Seconds for which a job that was taken up waits for whoever else writes to the course."""
AGAIN = "The server that worked at it is gone; another has taken it up."


class Noted(NamedTuple):
    """A job with what its work is."""

    job: Job
    task: dict[str, Any]


_NOTED = TypeAdapter(Noted)


class LostError(SeminarError):
    """Another server has taken the job up."""


class CommonJobs(Jobs):
    """As `Jobs`, for all servers that have a course in common."""

    def __init__(self, common: Common) -> None:
        super().__init__()
        self._common = common
        self._me = secrets.token_hex(8)
        self._mine = False
        """Whether the job that is known here is worked at here."""
        self._perform: Callable[[dict[str, Any]], str] | None = None
        self._left: datetime | None = None
        """When the job began that nobody worked at when it was last looked at."""
        self._closed = threading.Event()

    def attend(self, perform: Callable[[dict[str, Any]], str]) -> None:
        """Take up, from now on, jobs that no server works at.

        Args:
            perform: does the work that a task says.
        """
        self._perform = perform
        threading.Thread(target=self._watch, name="desk watch", daemon=True).start()

    @property
    def current(self) -> Job | None:
        if self._mine:
            return self._job
        noted = self._noted()
        return noted.job if noted else None

    def start(
        self,
        title: str,
        done_title: str,
        work: Callable[[], str],
        task: dict[str, Any] | None = None,
    ) -> Job:
        job = Job(title, done_title, datetime.now(UTC))

        def begun(text: str | None) -> str:
            before = _read(text)
            if before and before.job.running:
                raise BusyError(f"“{before.job.title}” is running — wait until it is done, or stop")
            return _NOTED.dump_json(Noted(job, task or {})).decode()

        with self._lock:
            self._common.change("job", "now", begun)
            self._common.put("job", "worker", self._me, SILENCE)
            self._begin(Noted(job, task or {}), work)
        return job

    def stop(self) -> None:
        job = self.current
        if job is not None and job.running:
            self._common.put("job", "stop", job.started.isoformat())
            if self._mine:
                super().stop()

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (job := self.current) is not None and job.running:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def close(self, seconds: float) -> None:
        """Leave the job to another server, or to the next start of one."""
        self._closed.set()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    # ---------------------------------------------------------------------------------------

    def _noted(self) -> Noted | None:
        return _read(self._common.get("job", "now"))

    def _begin(self, noted: Noted, work: Callable[[], str]) -> None:
        """Work at a job here; the lock is held."""
        self._stop = threading.Event()
        self._job, self._mine = noted.job, True
        self._thread = threading.Thread(
            target=self._work, args=(noted.task, work), name="desk job", daemon=True
        )
        self._thread.start()

    def _work(self, task: dict[str, Any], work: Callable[[], str]) -> None:
        over = threading.Event()
        pulse = threading.Thread(target=self._tell, args=(task, over), name="desk pulse")
        pulse.start()
        try:
            self._run(work)
        finally:
            over.set()
            pulse.join()
            self._mine = False

    def _tell(self, task: dict[str, Any], over: threading.Event) -> None:
        """Tell all servers how far the job is, and hear whether it shall stop, until it is over."""
        ended = False
        while not ended:
            ended = over.wait(PULSE)
            job = self._job
            assert job is not None
            try:
                if ended and self._closed.is_set() and job.state == "stopped":
                    self._common.drop("job", "worker")  # still running, for the next one
                    return
                self._common.change("job", "worker", self._still, SILENCE)
                self._common.put("job", "now", _NOTED.dump_json(Noted(job, task)).decode())
                if ended:
                    self._common.drop("job", "worker")
                elif self._common.get("job", "stop") == job.started.isoformat():
                    super().stop()
            except LostError:
                self._stop.set()
                over.wait()
                return
            except StoreError as error:
                log.warning("a job cannot be told of: %s", error)
                if ended:
                    return

    def _still(self, worker: str | None) -> str:
        if worker not in (self._me, None):
            raise LostError("another server works at this job")
        return self._me

    def _watch(self) -> None:
        while not self._closed.wait(PULSE):
            try:
                self._look()
            except StoreError as error:
                log.warning("jobs cannot be looked for: %s", error)
            except Exception:
                log.exception("a job could not be taken up")

    def _look(self) -> None:
        noted = None if self._mine else self._noted()
        left = noted is not None and noted.job.running and not self._common.get("job", "worker")
        before, self._left = self._left, noted.job.started if noted and left else None
        # Seen twice, since one that has just begun has not said so yet.
        if not left or before != self._left:
            return
        if self._common.first("job", "worker", self._me, SILENCE) != self._me:
            return
        with self._lock:
            noted = self._noted()
            if noted and noted.job.running and not self._mine:
                self._begin(noted, partial(self._patient, noted.task))
        if noted and noted.task:
            self.line(AGAIN)

    def _patient(self, task: dict[str, Any]) -> str:
        """Do the work of a job that was taken up, once nobody else writes to the course."""
        assert self._perform is not None
        if not task:  # which only the server knew that is gone
            raise StoreError("the server that worked at it is gone — start it again")
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._perform(task)
            except BusyError:
                if time.monotonic() > until or self._stop.wait(PULSE):
                    raise


def _read(text: str | None) -> Noted | None:
    """What a note says; None where it cannot be read."""
    if not text:
        return None
    try:
        return _NOTED.validate_json(text)
    except ValidationError as error:
        log.warning("the note of a job cannot be read: %s", error)
        return None
