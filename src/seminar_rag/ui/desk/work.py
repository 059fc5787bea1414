"""What the instructor can do at the desk, without a page: each act by name, long ones as jobs.

Knows neither Gradio nor HTML. What comes from a page is believed only where the course knows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.journal.journal import Journal
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.ingest import ADDED, Listener, Need, Options, Progress, Report
from seminar_rag.types.journal import Insights
from seminar_rag.ui.desk.jobs import Jobs, StoppedError, Telling
from seminar_rag.ui.desk.render import Removed, Suggested

LARGEST_UPLOAD = 64 << 20
"""Bytes."""
UPLOADS = (".pdf", ".html", ".htm", ".md", ".txt")
PATIENCE = 10.0
"""Seconds that the end of the server waits for a job."""
_HEAD = 1_024
"""Bytes within which a PDF names itself (ISO 32000-1, Annex H, implementation note 13)."""


class DeskCourse(Protocol):
    """What the desk needs of a course."""

    @property
    def journal(self) -> Journal:
        """What students asked and thought of the answers."""

    @property
    def name(self) -> str:
        """What to call the course."""

    def catalogue(self) -> Catalogue:
        """Sessions, readings and documents with their outcomes, as of now."""

    def ingest(
        self,
        sources: Sequence[str | Path],
        listener: Listener = ...,
        options: Options = ...,
        stop: Callable[[], bool] = ...,
    ) -> Iterator[Report]:
        """Bring sources in or up to date, one report each."""

    def ingest_reading(
        self, what: str, /, listener: Listener = ..., stop: Callable[[], bool] = ...
    ) -> Report:
        """Look for one reading again and bring it up to date."""

    def needs(self) -> Sequence[Need]:
        """The readings that are not in the course as they should be."""

    def suggestions(self) -> Sequence[Suggested]:
        """Links to decide on."""

    def accept(self, suggestion: str, /) -> str:
        """Decide for a link; the id of its reading."""

    def reject(self, suggestion: str, /) -> str:
        """Decide against a link; the id of its reading."""

    def add(self, session: int, title: str, url: str = ..., file: Path | None = ...) -> str:
        """Add a reading to a session; its id."""

    def rename(self, what: str, title: str, /) -> str:
        """Call a reading otherwise; its id."""

    def remove(self, what: str, /) -> list[str]:
        """Take out a reading or document; the titles of what went."""

    def removals(self) -> Sequence[Removed]:
        """What was taken out by hand."""

    def restore(self, what: str, /) -> Sequence[str]:
        """Bring back what was taken out; the ids to ingest again."""

    def insights(self) -> Insights:
        """What the journal says."""

    def settings(self) -> Sequence[Any]:
        """All settings as they hold now."""

    def change(self, section: str, key: str, value: str | int | bool) -> None:
        """Change a setting."""

    def password_hash(self) -> str:
        """Of the desk; empty without one."""


class Desk:
    """The acts of the desk over a course. Each returns what to tell the instructor.

    All raise SeminarError, with a line to show, when they cannot be done.
    """

    def __init__(self, course: DeskCourse, jobs: Jobs | None = None) -> None:
        self.course = course
        self.jobs = jobs or Jobs()

    def close(self) -> None:
        """Let a running job end at its next step, or leave it after some seconds: what it has
        finished is kept either way."""
        self.jobs.stop()
        self.jobs.wait(PATIENCE)

    def act(self, act: str, what: str) -> str:
        """Do what a button says: accept, reject, reingest, remove or restore something."""
        does = {
            "accept": self._accept,
            "reject": self._reject,
            "reingest": self._reingest,
            "remove": self._remove,
            "restore": self._restore,
        }.get(act)
        if does is None:
            raise NotFoundError(f"there is nothing called {act!r} to do — load the page again")
        self.jobs.require_idle()
        return does(what)

    def ingest_all(
        self, *, dry_run: bool = False, fetch: bool = False, refresh: bool = False
    ) -> str:
        """Bring every source up to date.

        Args:
            fetch: look for the readings on the network also where the page is a local file.
            refresh: ask again for everything that was fetched before.
        """
        # What was added by hand comes along with any other source.
        sources = [id_ for id_, _ in self.course.catalogue().sources if id_ != ADDED]
        if not sources:
            raise NotFoundError(
                "nothing is ingested yet — run seminar-rag ingest SOURCE once, the desk goes on"
                " from there"
            )
        options = Options(fetch=fetch or None, refresh=refresh, dry_run=dry_run)

        def work(telling: Telling) -> str:
            reports = []
            listener = heard(telling)
            for report in self.course.ingest(sources, listener, options, stop=telling.stopping):
                _log(telling, report)
                reports.append(report)
            return _sums(reports)

        title = "What would change" if dry_run else "Everything again"
        self.jobs.start(title, work)
        return ""

    def add(self, session: object, title: str, url: str, file: Path | None) -> str:
        """Add a reading by link or by file, and bring it in.

        A file is checked by its content and gone afterwards; the course keeps a copy.
        """
        self.jobs.require_idle()
        try:
            number = int(str(session))
        except ValueError:
            raise SourceError("choose the session that the reading belongs to") from None
        if file is not None:
            check_upload(file)
        id_ = self.course.add(number, title.strip(), url.strip() if file is None else "", file)
        self._start(f"Add “{title.strip()}”", [id_])
        return f"“{title.strip()}” is listed in session {number}."

    def rename(self, what: str, title: str) -> str:
        """Call a reading otherwise."""
        self.jobs.require_idle()
        self._known(what)
        self.course.rename(what, title)
        return f"It is called “{' '.join(title.split())}” now."

    def _accept(self, what: str) -> str:
        reading = self.course.accept(what)
        self._start(f"Follow the link of “{self._title(reading)}”", [reading])
        return "Accepted."

    def _reject(self, what: str) -> str:
        reading = self.course.reject(what)
        self._start(f"Without the link of “{self._title(reading)}”", [reading])
        return "Rejected."

    def _reingest(self, what: str) -> str:
        self._known(what)
        self._start(f"Read again “{self._title(what)}”", [what])
        return ""

    def _remove(self, what: str) -> str:
        self._known(what)
        title = self._title(what)
        self.course.remove(what)
        return f"“{title}” is removed. Undo is at the end of the page."

    def _restore(self, what: str) -> str:
        readings = list(self.course.restore(what))
        self._start("Bring back what was removed", readings)
        return "It comes back."

    def _start(self, title: str, readings: Sequence[str]) -> None:
        def work(telling: Telling) -> str:
            reports = []
            for id_ in readings:
                report = self.course.ingest_reading(id_, heard(telling), stop=telling.stopping)
                _log(telling, report)
                reports.append(report)
            return _sums(reports)

        self.jobs.start(title, work)

    def _known(self, what: str) -> None:
        """Refuse ids that the course does not have: a page may be old, or not ours at all."""
        catalogue = self.course.catalogue()
        listed = {one.id for session in catalogue.sessions for one in session.readings}
        known = listed | {record.document.reading for record in catalogue.records.values()}
        if what not in known:
            raise NotFoundError("that is not in the course any more — load the page again")

    def _title(self, reading: str) -> str:
        catalogue = self.course.catalogue()
        titles = {one.id: one.title for each in catalogue.sessions for one in each.readings}
        for record in catalogue.records.values():
            titles.setdefault(record.document.reading, record.document.title)
        return titles.get(reading) or reading


def heard(telling: Telling) -> Listener:
    """What an ingest tells, passed on: how far it is, and a line for everything that is done.

    Looking for readings and reading documents go on side by side, so each is counted by itself.
    """
    counts = {"looked for": (0, 0), "documents": (0, 0)}
    called = ""

    def listener(progress: Progress) -> None:
        nonlocal called
        if progress.stage in ("found", "indexed", "failed", "removed"):
            says = f" — {progress.detail}" if progress.detail else ""
            bad = progress.stage == "failed"
            telling.line(f"{progress.stage}: {progress.label}{says}", bad=bad)
        if progress.stage in ("fetching", "found"):
            counts["looked for"] = progress.done, progress.total
        elif progress.stage != "reading":
            counts["documents"] = progress.done, progress.total
        called = progress.label or called
        done, total = (sum(part) for part in zip(*counts.values(), strict=True))
        telling.progress(progress.stage, done, total, called, _far(progress, counts))

    return listener


def _far(progress: Progress, counts: Mapping[str, tuple[int, int]]) -> str:
    """How far an ingest is, in words."""
    told = [f"{done} of {total} {what}" for what, (done, total) in counts.items() if total]
    if progress.passages:
        told.append(f"{progress.passages:,} passages, {progress.speed:.0f} a second")
    if progress.left is not None and progress.left >= 1:
        left = progress.left
        about = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
        told.append(f"about {about} left")
    return " · ".join(told)


def _log(telling: Telling, report: Report) -> None:
    """What only the report tells."""
    for outcome in report.outcomes:
        if (report.dry and outcome.change != "unchanged") or outcome.change == "removed":
            reason = f" — {outcome.reason}" if outcome.reason else ""
            title = outcome.document.title or outcome.document.path
            telling.line(f"{outcome.change}: {title}{reason}", bad=outcome.change == "failed")
    for note in report.notes:
        telling.line(note, bad=True)
    if telling.stopping():
        raise StoppedError(f"{_sums([report])}; start it again to go on")


def _sums(reports: Sequence[Report]) -> str:
    """All outcomes, counted, in words."""
    counts = Counter(outcome.change for report in reports for outcome in report.outcomes)
    told = [
        f"{counts[change]} {change}"
        for change in ("new", "changed", "removed", "failed", "unchanged")
        if counts[change]
    ]
    return ", ".join(told) or "nothing to do"


def check_upload(file: Path) -> None:
    """Refuse what is too large, or is not what its name says.

    Raises:
        SourceError: says why.
    """
    kind = file.suffix.lower()
    if kind not in UPLOADS:
        raise SourceError(f"{file.name} is none of {', '.join(UPLOADS)} — save it as PDF")
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            text = head + (opened.read(LARGEST_UPLOAD) if kind != ".pdf" else b"")
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read: {error} — upload it again") from error
    if not size:
        raise SourceError(f"{file.name} is empty — upload another")
    if size > LARGEST_UPLOAD:
        raise SourceError(
            f"{file.name} has {size >> 20} MiB, at most {LARGEST_UPLOAD >> 20} can be uploaded —"
            " ingest it on the command line"
        )
    if (b"%PDF-" in head) != (kind == ".pdf") or (kind != ".pdf" and not _is_text(text)):
        raise SourceError(f"{file.name} is not what its name says — upload the file itself")


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
