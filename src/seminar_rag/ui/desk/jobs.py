"""One piece of long work at a time, in a thread of the server, that outlives every page.

Knows neither Gradio nor what the work is: it is handed a `Telling` to say how far it is, and asks
it often whether to stop. What there is to see of it is a frozen `Job`, the same for every page.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from seminar_rag.errors import BusyError, SeminarError

log = logging.getLogger(__name__)

State = Literal["running", "stopping", "done", "failed", "stopped"]
LONGEST_LOG = 500
"""Lines; older ones go."""
CRASHED = "Something went wrong; the server's log says what. What was done stays; start it again."


class StoppedError(SeminarError):
    """The work was told to stop, and has."""


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
    started: datetime
    state: State = "running"
    stage: str = ""
    done: int = 0
    total: int = 0
    label: str = ""
    """What it is at."""
    detail: str = ""
    """How far it is, in words."""
    log: tuple[Line, ...] = ()
    ended: datetime | None = None
    note: str = ""
    """How it ended, in words."""

    @property
    def running(self) -> bool:
        """Whether the work goes on."""
        return self.state in ("running", "stopping")

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()


class Telling:
    """What the work says while it runs."""

    def __init__(self, jobs: Jobs, stop: threading.Event) -> None:
        self._jobs = jobs
        self._stop = stop

    def progress(
        self, stage: str, done: int, total: int, label: str = "", detail: str = ""
    ) -> None:
        """Say how far it is."""
        self._jobs.advance(stage, done, total, label, detail)

    def line(self, text: str, *, bad: bool = False) -> None:
        """Write into the log."""
        self._jobs.write(Line(datetime.now(UTC), text, bad))

    def stopping(self) -> bool:
        """Whether it shall stop."""
        return self._stop.is_set()


Work = Callable[[Telling], str]
"""Does it, and returns how it ended in words. Raises a SeminarError when it fails or stops."""


class Jobs:
    """Runs work in the background; remembers the last piece."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def current(self) -> Job | None:
        """What runs, else what ran last."""
        return self._job

    def require_idle(self) -> None:
        """Refuse while something runs.

        Raises:
            BusyError: names it.
        """
        job = self._job
        if job is not None and job.running:
            raise BusyError(f"“{job.title}” is running — wait until it is done, or stop it")

    def start(self, title: str, work: Work) -> Job:
        """Begin.

        Raises:
            BusyError: something is running; names it.
        """
        with self._lock:
            self.require_idle()
            self._stop = threading.Event()
            job = self._job = Job(title, datetime.now(UTC))
            telling = Telling(self, self._stop)
            self._thread = threading.Thread(
                target=self._run, args=(work, telling, self._stop), name="desk job", daemon=True
            )
            self._thread.start()
        return job

    def stop(self) -> None:
        """Ask the work to stop; it does at its next step."""
        with self._lock:
            if self._job is not None and self._job.running:
                self._job = replace(self._job, state="stopping")
                self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._job is None or not self._job.running

    def advance(self, stage: str, done: int, total: int, label: str, detail: str) -> None:
        """Note how far the running work is."""
        with self._lock:
            if self._job is not None:
                self._job = replace(
                    self._job, stage=stage, done=done, total=total, label=label, detail=detail
                )

    def write(self, line: Line) -> None:
        """Add a line to the running work's log."""
        with self._lock:
            if self._job is not None:
                self._job = replace(self._job, log=(*self._job.log, line)[-LONGEST_LOG:])

    def _run(self, work: Work, telling: Telling, stop: threading.Event) -> None:
        try:
            self._end("done", work(telling))
        except SeminarError as error:
            self._end("stopped" if stop.is_set() else "failed", str(error))
        except Exception:
            log.exception("a job of the desk failed")
            self._end("failed", CRASHED)

    def _end(self, state: State, note: str) -> None:
        with self._lock:
            if self._job is not None:
                ended = datetime.now(UTC)
                self._job = replace(self._job, state=state, note=note, ended=ended)
