"""One piece of long work at a time, in a thread of the server, that outlives every page.

Knows neither Gradio nor what the work is: whoever does it, `attend` says, reports the progress here
and asks often whether to stop. Every page shows the same frozen `Job`.

`CommonJobs` does so for all servers of a course: one works at a job, and where that one dies
another does. What the work is, is written down, not how far it is: an ingest finds by itself what
is left to do. The server that works says so again and again; once it has been silent for `SILENCE`
seconds the next one begins. That it still works, and is only slow, does no harm, since the course
has one writer at a time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from seminar_rag.errors import BusyError, SeminarError, StoreError
from seminar_rag.types.serving import Common

log = logging.getLogger(__name__)

State = Literal["running", "stopping", "done", "failed", "stopped"]
Task = dict[str, Any]
"""What work is, as JSON has it: "do" names it, "of" are its arguments."""
LONGEST_LOG = 500
"""Lines; older ones are dropped."""
CRASHED = "Something went wrong; the server's log says what. What was done stays; start it again."
SILENCE = 8.0
"""Seconds without a word after which a server is taken to have died."""
PULSE = 1.0
"""Seconds between two words of a server that works, and between two looks of one that does not."""
PATIENCE = 120.0
"""Seconds for which a job that was taken up waits for whoever else writes to the course."""
AGAIN = "The server that worked at it is gone; another has taken it up."


class JobStoppedError(SeminarError):
    """The work was asked to stop, and has stopped."""


class LostError(SeminarError):
    """Another server has taken the job up."""


@dataclass(frozen=True, slots=True)
class LogLine:
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
    log: tuple[LogLine, ...] = ()
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


class JobWithTask(NamedTuple):
    """A job with what its work is."""

    job: Job
    task: Task

    def json(self) -> str:
        """What the servers know in common."""
        return _JSON.dump_json(self).decode()


_JSON = TypeAdapter(JobWithTask)


def being_read(known: JobWithTask | None, listed: Iterable[str]) -> frozenset[str]:
    """The ids of the readings that a job reads: those that it was given, or all that are listed; a
    preview reads none."""
    if known is None or not known.job.running or known.task["do"] not in ("ingest", "readings"):
        return frozenset()
    given = known.task["of"]
    preview = given.get("options", {}).get("dry_run")
    return frozenset() if preview else frozenset(given.get("readings", listed))


class Jobs:
    """Runs work in the background, one piece at a time; remembers the last one."""

    LOOKED = 0.02
    """Seconds between two looks whether a job has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._task: Task = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._perform: Callable[[Task], str]

    def attend(self, perform: Callable[[Task], str]) -> None:
        """Have the work done by `perform`, which returns the result in words, or raises
        SeminarError when it fails or stops. Meanwhile it calls `progress`, `line` and `stopping`.
        """
        self._perform = perform

    @property
    def current(self) -> Job | None:
        """The job that runs, else the one that ran last."""
        known = self.with_task
        return known and known.job

    @property
    def with_task(self) -> JobWithTask | None:
        """The same with what its work is."""
        return JobWithTask(self._job, self._task) if self._job else None

    def require_idle(self) -> None:
        """Raise BusyError, which names the job, while one runs."""
        _require_ended(self.current)

    def start(self, title: str, done_title: str, do: str, **of: Any) -> Job:
        """Start the work `do` with its arguments in the background; titles as `Job` has them.
        Raises BusyError: a job is running; the message names it."""
        with self._lock:
            _require_ended(self._job)
            known = JobWithTask(Job(title, done_title, datetime.now(UTC)), {"do": do, "of": of})
            self._begin(known, self._run, partial(self._perform, known.task))
        return known.job

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
            time.sleep(self.LOOKED)
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
        line = LogLine(datetime.now(UTC), text, bad)
        with self._lock:
            if self._job is not None:
                self._job = replace(self._job, log=(*self._job.log, line)[-LONGEST_LOG:])

    def stopping(self) -> bool:
        """Whether the work should stop."""
        return self._stop.is_set()

    def _begin(self, known: JobWithTask, run: Callable[..., None], *given: object) -> None:
        """Begin a job in a thread; the lock is held."""
        self._stop, (self._job, self._task) = threading.Event(), known
        self._thread = threading.Thread(target=run, args=given, name="desk job", daemon=True)
        self._thread.start()

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


def _require_ended(job: Job | None) -> None:
    if job is not None and job.running:
        raise BusyError(f"“{job.title}” is running — wait until it is done, or stop it")


# Of several servers ---------------------------------------------------------------------------


class CommonJobs(Jobs):
    """As `Jobs`, for all servers that have a course in common."""

    LOOKED = 0.1

    def __init__(self, common: Common) -> None:
        super().__init__()
        self._common = common
        self._me = secrets.token_hex(8)
        self._mine = False
        """Whether the job that is known here is worked at here."""
        self._left: datetime | None = None
        """When the job began that nobody worked at when it was last looked at."""
        self._closed = threading.Event()

    def attend(self, perform: Callable[[Task], str]) -> None:
        super().attend(perform)
        threading.Thread(target=self._watch, name="desk watch", daemon=True).start()

    @property
    def with_task(self) -> JobWithTask | None:
        return super().with_task if self._mine else self._shared()

    def start(self, title: str, done_title: str, do: str, **of: Any) -> Job:
        known = JobWithTask(Job(title, done_title, datetime.now(UTC)), {"do": do, "of": of})

        def begun(text: str | None) -> str:
            before = _read(text)
            _require_ended(before and before.job)
            return known.json()

        with self._lock:
            self._common.change("job", "now", begun)
            self._common.put("job", "worker", self._me, SILENCE)
            self._take(known, self._perform)
        return known.job

    def stop(self) -> None:
        job = self.current
        if job is not None and job.running:
            self._common.put("job", "stop", job.started.isoformat())
            if self._mine:
                super().stop()

    def close(self, seconds: float) -> None:
        """Leave the job to another server, or to the next start of one."""
        self._closed.set()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _shared(self) -> JobWithTask | None:
        return _read(self._common.get("job", "now"))

    def _take(self, known: JobWithTask, perform: Callable[[Task], str]) -> None:
        """Work at a job here; the lock is held."""
        self._begin(known, self._work, known.task, partial(perform, known.task))
        self._mine = True  # not before, when the last job is still the one that is known here

    def _work(self, task: Task, work: Callable[[], str]) -> None:
        over = threading.Event()
        pulse = threading.Thread(target=self._publish, args=(task, over), name="desk pulse")
        pulse.start()
        try:
            self._run(work)
        finally:
            over.set()
            pulse.join()
            self._mine = False

    def _publish(self, task: Task, over: threading.Event) -> None:
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
                self._common.put("job", "now", JobWithTask(job, task).json())
                if ended:
                    self._common.drop("job", "worker")
                elif self._common.get("job", "stop") == job.started.isoformat():
                    super().stop()
            except LostError:
                self._stop.set()
                over.wait()
                return
            except StoreError as error:
                log.warning("the other servers could not be told how far a job is: %s", error)
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
        """Take up a job that no server works at."""
        known = None if self._mine else self._shared()
        left = known is not None and known.job.running and not self._common.get("job", "worker")
        before, self._left = self._left, known.job.started if known and left else None
        # Seen twice, since one that has just begun has not said so yet.
        if not left or before != self._left:
            return
        if self._common.first("job", "worker", self._me, SILENCE) != self._me:
            return
        with self._lock:
            known = self._shared()
            if not known or not known.job.running or self._mine:
                return
            self._take(known, self._patient)
        self.line(AGAIN)

    def _patient(self, task: Task) -> str:
        """Do the work of a job that was taken up, once nobody else writes to the course."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._perform(task)
            except BusyError:
                if time.monotonic() > until or self._stop.wait(PULSE):
                    raise


def _read(text: str | None) -> JobWithTask | None:
    """What a note says; None where it cannot be read."""
    if not text:
        return None
    try:
        return _JSON.validate_json(text)
    except ValidationError as error:
        log.warning("the note of a job cannot be read: %s", error)
        return None
