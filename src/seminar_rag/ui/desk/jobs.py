"""One piece of long work at a time, in a thread of the server, that outlives every page.

Knows neither Gradio nor what the work is: whoever does it reports the progress here and asks often
whether to stop. Every page shows the same frozen `Job`. All of the desk is answered by one server,
also where several have the course, so that nobody else has to know of a job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from seminar_rag.errors import BusyError, SeminarError

log = logging.getLogger(__name__)

State = Literal["running", "stopping", "done", "failed", "stopped"]
LONGEST_LOG = 500
"""Lines; older ones are dropped."""
CRASHED = "Something went wrong; the server's log says what. What was done stays; start it again."
LOOKED = 0.02
"""Seconds between two looks whether a job has ended."""


class StoppedError(SeminarError):
    """The work was asked to stop, and has stopped."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a job's log."""

    at: datetime
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a piece of work now."""

    title: str
    """What it does: "Updating the course"."""
    done_title: str
    """What it has done at its end: "Updated the course"."""
    started: datetime
    state: State = "running"
    stage: str = ""
    done: int = 0
    total: int = 0
    label: str = ""
    """The reading or document that is worked on."""
    detail: str = ""
    """The progress in words."""
    log: tuple[Line, ...] = ()
    ended: datetime | None = None
    note: str = ""
    """The result in words."""

    @property
    def running(self) -> bool:
        """Whether the work goes on."""
        return self.state in ("running", "stopping")

    @property
    def outcome(self) -> str:
        """How it ended, as a heading for `note`."""
        return self.done_title if self.state == "done" else f"{self.title}: {self.state}"

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()


class Jobs:
    """Runs work in the background, one piece at a time; remembers the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._stop = threading.Event()

    @property
    def current(self) -> Job | None:
        """The job that runs, else the one that ran last."""
        return self._job

    def require_idle(self) -> None:
        """Raise BusyError, which names the job, while one runs."""
        if self._job is not None and self._job.running:
            raise BusyError(f"“{self._job.title}” is running — wait until it is done, or stop it")

    def start(self, title: str, done_title: str, work: Callable[[], str]) -> Job:
        """Start work in the background; titles as `Job` has them. Raises BusyError: a job is
        running; the message names it.

        Args:
            work: returns the result in words, or raises SeminarError when it fails or stops.
                Meanwhile it calls `progress`, `line` and `stopping`.
        """
        with self._lock:
            self.require_idle()
            self._job = job = Job(title, done_title, datetime.now(UTC))
            self._stop = threading.Event()
            threading.Thread(target=self._run, args=(work,), name="desk job", daemon=True).start()
        return job

    def stop(self) -> None:
        """Ask the work to stop; it does at its next step."""
        with self._lock:
            if self._job is not None and self._job.running:
                self._job = replace(self._job, state="stopping")
                self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the job; returns whether it has ended."""
        until = time.monotonic() + seconds
        while (job := self.current) is not None and job.running:
            if time.monotonic() > until:
                return False
            time.sleep(LOOKED)
        return True

    def close(self, seconds: float) -> None:
        """Let the job end at its next step, or leave it after some seconds."""
        self.stop()
        self.wait(seconds)

    # What running work calls.

    def progress(
        self, stage: str, done: int, total: int, label: str = "", detail: str = ""
    ) -> None:
        """Report how far the work is."""
        self._update(stage=stage, done=done, total=total, label=label, detail=detail)

    def line(self, text: str, *, bad: bool = False) -> None:
        """Write a line into the log."""
        line = Line(datetime.now(UTC), text, bad)
        with self._lock:
            if self._job is not None:
                self._job = replace(self._job, log=(*self._job.log, line)[-LONGEST_LOG:])

    def stopping(self) -> bool:
        """Whether the work should stop."""
        return self._stop.is_set()

    def _update(self, **changes: Any) -> None:
        with self._lock:
            if self._job is not None:
                self._job = replace(self._job, **changes)

    def _run(self, work: Callable[[], str]) -> None:
        state: State = "done"
        try:
            note = work()
        except SeminarError as error:
            state, note = "stopped" if self.stopping() else "failed", str(error)
        except Exception:
            log.exception("a job of the desk failed")
            state, note = "failed", CRASHED
        self._update(state=state, note=note, ended=datetime.now(UTC))
