"""What the instructor can do at the desk, without a page; what takes long runs as a job.

Knows neither Gradio nor HTML. What comes from a page is accepted only where the course knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, StringConstraints

from seminar_rag.errors import ModelError, NotFoundError, SourceError
from seminar_rag.text import plural
from seminar_rag.types.ingest import ADDED, Listener, Options, Progress, Report, summarise
from seminar_rag.ui.desk.jobs import Jobs, StoppedError

if TYPE_CHECKING:
    from seminar_rag.course import Course

Field = Annotated[str, StringConstraints(max_length=400, strip_whitespace=True)]
LARGEST_UPLOAD = 64 << 20
"""Bytes."""
_MARKS: dict[str, bytes] = {
    ".pdf": b"%PDF-",
    ".rtf": b"{\\rtf",
    **dict.fromkeys((".docx", ".pptx", ".odt", ".epub", ".zip"), b"PK"),
}
"""What files of these endings have at their beginning; the others are text."""
UPLOADS = (*_MARKS, ".html", ".htm", ".mhtml", ".md", ".txt", ".tex", ".ipynb")
FOLLOWS = "Its documents follow when the course is updated."
PATIENCE = 10.0
"""Seconds that the end of the server waits for a job."""
_HEAD = 1_024
"""Bytes within which a PDF names itself (ISO 32000-1, Annex H, implementation note 13)."""


class Entry(BaseModel, frozen=True):
    """What a form of the reading list sends: a button that was pressed, and the fields."""

    act: Annotated[str, StringConstraints(max_length=40)]
    what: Annotated[str, StringConstraints(max_length=400)] = ""
    """Id of the reading."""
    other: Annotated[str, StringConstraints(max_length=400)] = ""
    """With "merge": id of the reading that it belongs to."""
    title: Field = ""
    authors: Field = ""
    second: Field = ""
    """With "split": the title of the second reading."""
    url: Annotated[str, StringConstraints(max_length=2_000)] = ""
    session: int | None = None
    section: Literal["required", "more"] | None = None


class Desk:
    """The actions of the desk over a course. Each returns a message for the instructor.

    All raise SeminarError, with a line to show, when they cannot be done.
    """

    def __init__(self, course: Course, jobs: Jobs | None = None) -> None:
        self.course = course
        self.jobs = jobs or Jobs()

    def close(self) -> None:
        """Let a running job end at its next step, or leave it after some seconds: what it has
        finished is kept either way."""
        self.jobs.stop()
        self.jobs.wait(PATIENCE)

    def act(self, act: str, what: str) -> str:
        """Do what a button says: accept, reject, reingest, remove, restore, fetch a model."""
        actions: dict[str, Callable[[str], str]] = {
            "accept": self._accept,
            "reject": self._reject,
            "reingest": self._reingest,
            "remove": self._remove,
            "restore": self._restore,
            "model": self._fetch_model,
        }
        if act not in actions:
            raise NotFoundError(f"there is no action {act!r} — load the page again")
        self.jobs.require_idle()
        return actions[act](what)

    def update(self, *, dry_run: bool = False, fetch: bool = False, refresh: bool = False) -> str:
        """Bring every source up to date.

        Args:
            dry_run: only list what would change.
            fetch: search for the readings online also where the page is a local file.
            refresh: download again everything that was fetched before.
        """
        # What was added by hand comes along with any other source.
        sources = [id_ for id_, _ in self.course.catalogue().sources if id_ != ADDED]
        if not sources:
            raise NotFoundError(
                "nothing is ingested yet — run seminar-rag ingest SOURCE once, the desk goes on"
                " from there"
            )
        options = Options(fetch=fetch or None, refresh=refresh, dry_run=dry_run)

        def work() -> str:
            reports = []
            listener = listener_of(self.jobs)
            for report in self.course.ingest(sources, listener, options, stop=self.jobs.stopping):
                _log(self.jobs, report)
                reports.append(report)
            return summarise(reports)

        if dry_run:
            self.jobs.start("Previewing changes", "Preview", work)
        else:
            self.jobs.start("Updating the course", "Updated the course", work)
        return ""

    def add(self, session: object, title: str, url: str, file: Path | None) -> str:
        """Add a reading by link or by file, and ingest it.

        A file is checked by its content and gone afterwards; the course keeps a copy.
        """
        self.jobs.require_idle()
        try:
            number = int(str(session))
        except ValueError:
            raise SourceError("choose the session that the reading belongs to") from None
        if file is not None:
            check_upload(file)
        title = title.strip()
        id_ = self.course.add(number, title, url.strip() if file is None else "", file)
        self._start("Adding", "Added", id_, title=title)
        return f"Added to session {number}."

    def rename(self, what: str, title: str) -> str:
        """Give a reading another title."""
        self.jobs.require_idle()
        self._require(what)
        self.course.rename(what, title)
        return f"Renamed to “{' '.join(title.split())}”."

    def revise(self, entry: Entry) -> str:
        """Correct an entry of the reading list as its form says."""
        self.jobs.require_idle()
        if entry.act == "confirm-all":
            return self._confirm_all()
        if entry.act == "add":
            return self.add(entry.session, entry.title, entry.url, None)
        self._require(entry.what)
        title, course = self._title(entry.what), self.course
        if entry.act == "edit":
            return self._edit(entry)
        if entry.act == "confirm":
            course.confirm(entry.what)
            return f"“{title}” is right as it stands."
        if entry.act == "remove":
            return self._remove(entry.what)
        if entry.act == "split":
            course.split(entry.what, entry.second, entry.url)
            return f"“{entry.second}” is a reading of its own. {FOLLOWS}"
        if entry.act == "merge":
            self._require(entry.other)
            whole = course.merge(entry.what, entry.other)
            return f"“{title}” is a part of “{self._title(whole)}”. {FOLLOWS}"
        raise NotFoundError(f"there is no action {entry.act!r} — load the page again")

    def _edit(self, entry: Entry) -> str:
        catalogue, id_ = self.course.catalogue(), entry.what
        places = [
            (session.number, one)
            for session in catalogue.sessions
            for one in session.readings
            if one.id == id_
        ]
        if not places:
            raise NotFoundError("no session lists that reading — load the page again")
        numbers, one = [number for number, _ in places], places[0][1]
        if entry.title != one.title:
            self.course.rename(id_, entry.title)
        moved = None if entry.session in numbers else entry.session
        section = None if entry.section == one.section else entry.section
        authors = "" if entry.authors == (one.authors or "") else entry.authors
        if authors or section or moved is not None:
            self.course.edit(id_, authors, section, moved)
        self.course.confirm(id_)
        return f"Saved “{entry.title}”."

    def _confirm_all(self) -> str:
        listed = [one for each in self.course.catalogue().sessions for one in each.readings]
        doubtful = dict.fromkeys(one.id for one in listed if one.doubt)
        self.course.confirm(*doubtful)
        return f"Accepted {plural(len(doubtful), 'entry', 'entries')}."

    def _accept(self, what: str) -> str:
        reading = self.course.accept(what)
        self._start("Following the link of", "Followed the link of", reading)
        return "Accepted."

    def _reject(self, what: str) -> str:
        reading = self.course.reject(what)
        self._start("Dropping the link of", "Dropped the link of", reading)
        return "Rejected."

    def _reingest(self, what: str) -> str:
        self._require(what)
        self._start("Reading again", "Read again", what)
        return ""

    def _remove(self, what: str) -> str:
        self._require(what)
        title = self._title(what)
        self.course.remove(what)
        return f"Removed “{title}”. “Removed readings” at the end of the page restores it."

    def _restore(self, what: str) -> str:
        titles = {one.id: one.title for one in self.course.removals()}
        readings = self.course.restore(what)
        self._start("Restoring", "Restored", *readings, title=titles.get(what, ""))
        return "Restored."

    def _fetch_model(self, _: str) -> str:
        offer = self.course.offer()
        if offer is None:
            raise NotFoundError("a language model is here already — load the page again")
        if not offer.runnable:
            raise ModelError("llama.cpp is not installed — run make llm on the server")
        jobs = self.jobs

        def told(done: int, total: int | None, label: str) -> None:
            size = f" of {total / 1e6:,.0f}" if total else ""
            jobs.progress("downloading", done, total or 0, label, f"{done / 1e6:,.0f}{size} MB")

        def work() -> str:
            return self.course.fetch_language_model(told=told, say=jobs.line, stop=jobs.stopping)

        jobs.start("Fetching a language model", "Fetched a language model", work)
        return ""

    def _start(self, doing: str, done: str, *readings: str, title: str = "") -> None:
        """Ingest readings in the background.

        Args:
            title: the title to show; empty takes that of the first reading.
        """
        title = title or self._title(readings[0])

        def work() -> str:
            reports = []
            listener = listener_of(self.jobs)
            for id_ in readings:
                report = self.course.ingest_reading(id_, listener, stop=self.jobs.stopping)
                _log(self.jobs, report)
                reports.append(report)
            return summarise(reports)

        self.jobs.start(f"{doing} “{title}”", f"{done} “{title}”", work)

    def _require(self, reading: str) -> None:
        """Refuse ids that the course does not have: a page may be old, or not ours at all."""
        if reading not in self._titles():
            raise NotFoundError("that is not in the course any more — load the page again")

    def _titles(self) -> dict[str, str]:
        """The titles of all readings, listed or not, by id."""
        catalogue = self.course.catalogue()
        documents = [record.document for record in catalogue.records.values()]
        return {one.reading: one.title for one in reversed(documents)} | catalogue.titles

    def _title(self, reading: str) -> str:
        return self._titles().get(reading) or reading


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


def _log(jobs: Jobs, report: Report) -> None:
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


def check_upload(file: Path) -> None:
    """Refuse a file that is too large, or is not what its name says.

    Raises:
        SourceError: the file is refused; the message says why.
    """
    kind = file.suffix.lower()
    if kind not in UPLOADS:
        raise SourceError(f"{file.name} is none of {', '.join(UPLOADS)} — save it as PDF")
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            text = head + (opened.read(LARGEST_UPLOAD) if kind not in _MARKS else b"")
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read: {error} — upload it again") from error
    if not size:
        raise SourceError(f"{file.name} is empty — upload another")
    if size > LARGEST_UPLOAD:
        raise SourceError(
            f"{file.name} has {size >> 20} MiB, at most {LARGEST_UPLOAD >> 20} can be uploaded —"
            " ingest it on the command line"
        )
    if kind == ".pdf":
        true = b"%PDF-" in head
    else:
        text_form = kind not in _MARKS and b"\0" not in text and b"%PDF-" not in head
        true = text_form or head.startswith(_MARKS.get(kind, b"\0"))
    if not true:
        raise SourceError(f"{file.name} is not what its name says — upload the file itself")
