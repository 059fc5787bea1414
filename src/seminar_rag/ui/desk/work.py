"""The work of the desk's jobs, as its name and arguments say it, so that any server can do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from seminar_rag.errors import SourceError
from seminar_rag.text import plural
from seminar_rag.types.ingest import IngestReport, Listener, Options, Progress, summarise
from seminar_rag.ui.desk.jobs import Jobs, JobStoppedError, Task

if TYPE_CHECKING:
    from seminar_rag.course import Course


class JobWork:
    """Does the work of jobs over a course; each returns its result in words, or raises
    SeminarError."""

    def __init__(self, course: Course, jobs: Jobs, name: Callable[[str], None]) -> None:
        """Args:
        name: gives a reading the title of its text.
        """
        self._course = course
        self._jobs = jobs
        self._name = name

    def perform(self, task: Task) -> str:
        """Do the work of a job, which another server may have begun."""
        work: dict[str, Callable[..., str]] = {
            "ingest": self._ingest,
            "readings": self._readings,
            "model": self._model,
            "propose": self._propose,
            "differ": self._differ,
            "ask": self._ask,
        }
        return work[task["do"]](**task["of"])

    def _ingest(self, sources: Sequence[str], options: dict[str, Any]) -> str:
        """Bring sources up to date."""
        reports = []
        listener, chosen = listener_of(self._jobs), Options(**options)
        for report in self._course.ingest(sources, listener, chosen, stop=self._jobs.stopping):
            log_report(self._jobs, report)
            reports.append(report)
        return summarise(reports)

    def _readings(self, readings: Sequence[str], must: bool, nameless: bool) -> str:
        """Ingest readings; see `Desk._start`."""
        reports = []
        listener = listener_of(self._jobs)
        for id_ in readings:
            report = self._course.ingest_reading(id_, listener, stop=self._jobs.stopping)
            log_report(self._jobs, report)
            reports.append(report)
        wrong = [one for one in self._course.needs() if one.reading in readings and one.remedy]
        if must and wrong and not any(report.count("new") for report in reports):
            raise SourceError(f"{wrong[0].problem} — {wrong[0].remedy}")
        if nameless:
            self._name(readings[0])
        return summarise(reports)

    def _model(self) -> str:
        """Fetch a language model."""
        jobs = self._jobs

        def progress(done: int, total: int | None, label: str) -> None:
            size = f" of {total / 1e6:,.0f}" if total else ""
            jobs.progress("downloading", done, total or 0, label, f"{done / 1e6:,.0f}{size} MB")

        return self._course.fetch_language_model(
            progress=progress, announce=jobs.line, stop=jobs.stopping
        )

    def _ask(self) -> str:
        """Ask the language model of doubtful entries; where that is stopped, its opinion on those
        that it was asked of stays."""

        def progress(done: int, total: int, label: str) -> None:
            self._jobs.progress("asking", done, total, label)

        done = self._course.ask_model(self._jobs.stopping, progress)
        if self._jobs.stopping():
            raise JobStoppedError(f"stopped after {plural(done, 'entry', 'entries')}")
        return f"{plural(done, 'entry', 'entries')}; see “Reading list”"

    def _propose(self, session: int) -> str:
        return self._made(session, "item", self._course.propose)

    def _differ(self, session: int) -> str:
        return self._made(session, "difference", self._course.differ)

    def _made(self, session: int, noun: str, make: Callable[..., Sequence[object]]) -> str:
        """Make items or differences of a session; where that is stopped, those made stay."""

        def progress(done: int, total: int) -> None:
            self._jobs.progress("reading", done, total)

        found = make(session, self._jobs.stopping, progress)
        if self._jobs.stopping():
            raise JobStoppedError("Stopped before its end.")
        return f"{plural(len(found), noun)} for session {session}, under “For students”."


def listener_of(jobs: Jobs) -> Listener:
    """Passes the progress of an ingest on to a job: how far it is, and a line for what is done.

    Searching for readings and reading documents go on side by side, so each is counted by itself.
    """
    counts = {"searched for": (0, 0), "documents": (0, 0)}
    label = ""

    def listener(progress: Progress) -> None:
        nonlocal label
        if progress.stage in ("found", "indexed", "failed", "removed"):
            reason = f" — {progress.detail}" if progress.detail else ""
            bad = progress.stage == "failed"
            jobs.line(f"{progress.stage}: {progress.label}{reason}", bad=bad)
        if progress.stage in ("fetching", "found"):
            counts["searched for"] = progress.done, progress.total
        elif progress.stage != "reading":
            counts["documents"] = progress.done, progress.total
        label = progress.label or label
        done, total = (sum(part) for part in zip(*counts.values(), strict=True))
        parts = [f"{done} of {total} {what}" for what, (done, total) in counts.items() if total]
        detail = " · ".join(filter(None, [*parts, progress.pace]))
        jobs.progress(progress.stage, done, total, label, detail)

    return listener


def log_report(jobs: Jobs, report: IngestReport) -> None:
    """Write into the log what progress has not reported."""
    for outcome in report.outcomes:
        if (report.dry and outcome.change != "unchanged") or outcome.change == "removed":
            reason = f" — {outcome.reason}" if outcome.reason else ""
            title = outcome.document.title or outcome.document.path
            jobs.line(f"{outcome.change}: {title}{reason}", bad=outcome.change == "failed")
    for note in report.notes:
        jobs.line(note, bad=True)
    if jobs.stopping():
        raise JobStoppedError(f"{summarise([report])}; start it again to go on")
