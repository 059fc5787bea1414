"""What an ingest tells, as the progress and the log of a job."""

from __future__ import annotations

from seminar_rag.types.ingest import Listener, Progress, Report, summarise
from seminar_rag.ui.desk.jobs import Jobs, StoppedError


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


def log_report(jobs: Jobs, report: Report) -> None:
    """Write into the log what progress has not reported."""
    for outcome in report.outcomes:
        if (report.dry and outcome.change != "unchanged") or outcome.change == "removed":
            reason = f" — {outcome.reason}" if outcome.reason else ""
            title = outcome.document.title or outcome.document.path
            jobs.line(f"{outcome.change}: {title}{reason}", bad=outcome.change == "failed")
    for note in report.notes:
        jobs.line(note, bad=True)
    if jobs.stopping():
        raise StoppedError(f"{summarise([report])}; start it again to go on")
