"""What the instructor can do at the desk, without a page; what takes long runs as a job.

Knows neither Gradio nor HTML. What comes from a page is accepted only where the course knows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seminar_rag.course import PAGES, is_sample
from seminar_rag.errors import ModelError, NotFoundError, SeminarError, SourceError
from seminar_rag.text import plural
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.ingest import ADDED, UPLOADED
from seminar_rag.ui.desk.files import check_upload
from seminar_rag.ui.desk.form import DeskForm
from seminar_rag.ui.desk.jobs import Jobs
from seminar_rag.ui.desk.students import StudentsTab
from seminar_rag.ui.desk.work import JobWork

if TYPE_CHECKING:
    from seminar_rag.course import Course

_READING = ("Reading the course page", "Read the course page")
_UPDATING = ("Updating the course", "Updated the course")
FOLLOWS = "Its documents follow when the course is updated."
PATIENCE = 10.0
"""Seconds that the end of the server waits for a job."""


class ActionResult(NamedTuple):
    """A message for the instructor, with the act that undoes what was done."""

    text: str
    act: str = ""
    what: str = ""


class _Decided(NamedTuple):
    """What was decided last, to be taken back."""

    token: str
    before: Catalogue
    after: frozenset[int]
    """The keys of the decisions once it was made."""
    job: datetime | None
    """When the job began that followed it."""
    title: str


class Desk:
    """The actions of the desk over a course. Each returns a message for the instructor.

    All raise SeminarError, with a line to show, when they cannot be done.
    """

    def __init__(self, course: Course, jobs: Jobs | None = None) -> None:
        self.course = course
        self.jobs = jobs or Jobs()
        self.learning = StudentsTab(course, self.jobs)
        self._last: _Decided | None = None
        # Last, since a job that another server has left may begin at once.
        self.jobs.attend(JobWork(course, self.jobs, self._name).perform)

    def close(self) -> None:
        """Let a running job end at its next step, or leave it after some seconds: what it has
        finished is kept either way."""
        self.jobs.close(PATIENCE)

    def act(self, form: DeskForm) -> str | ActionResult:
        """Do what a button says."""
        actions: dict[str, Callable[[DeskForm], str | ActionResult]] = {
            "accept": self._accept,
            "reject": self._reject,
            "reingest": self._reingest,
            "remove": self._remove,
            "restore": self._restore,
            "undo": lambda form: self.undo(form.what),
            "model": self._fetch_model,
            "begin": self._begin,
            "add": lambda form: self.add(form.session, form.title, form.url),
            "rename": self._rename,
            "edit": self._edit,
            "confirm": self._confirm,
            "confirm-all": self._confirm_all,
            "split": self._split,
            "merge": self._merge,
            "ask model": self._ask_model,
            "stop asking": self._stop_asking,
        }
        if form.act in self.learning.actions:
            return self.learning.actions[form.act](form)
        if form.act not in actions:
            raise NotFoundError(f"there is no action {form.act!r} — load the page again")
        if form.act not in ("undo", "stop asking"):
            self.jobs.require_idle()
        return actions[form.act](form)

    def undo(self, token: str) -> ActionResult:
        """Take back what was decided last; the job that follows it is stopped."""
        last, job = self._last, self.jobs.current
        if last is None or token != last.token or self._decisions() != last.after:
            raise NotFoundError("that cannot be undone any more — correct it by hand")
        if job is not None and job.running and job.started == last.job:
            self.jobs.stop()
            self.jobs.wait(PATIENCE)
        self.jobs.require_idle()
        self._last = None
        readings = self.course.take_back(last.before)
        if readings:
            self._start("Undoing", "Undone", *readings, title=last.title, must=False)
        return ActionResult("Undone.")

    def _decisions(self) -> frozenset[int]:
        return frozenset(one.key for one in self.course.catalogue().corrections)

    def _undoable(self, text: str, before: Catalogue, title: str) -> ActionResult:
        """A message of what was decided since `before`, with the act that takes it back."""
        job = self.jobs.current
        self._last = _Decided(
            secrets.token_hex(4), before, self._decisions(), job.started if job else None, title
        )
        return ActionResult(text, "undo", self._last.token)

    def update(self, *, dry_run: bool = False, fetch: bool = False, refresh: bool = False) -> str:
        """Bring every source up to date.

        Args:
            fetch: search for the readings online also where the page is a local file.
            refresh: download again everything that was fetched before.
        """
        # What was added by hand comes along with any other source.
        sources = [id_ for id_, _ in self.course.catalogue().sources if id_ != ADDED]
        if not sources:
            raise NotFoundError("nothing is ingested yet — give the course page's address first")
        titles = ("Previewing changes", "Preview") if dry_run else _UPDATING
        options = {"fetch": fetch or None, "refresh": refresh, "dry_run": dry_run}
        self.jobs.start(*titles, "ingest", sources=sources, options=options)
        return ""

    def add(self, session: object, title: str, url: str) -> ActionResult:
        """Add a reading by its link, or by its title alone, and ingest it."""
        self.jobs.require_idle()
        try:
            number = int(str(session))
        except ValueError:
            raise SourceError("choose the session that the reading belongs to") from None
        before, title = self.course.catalogue(), title.strip() or url.strip()
        id_ = self.course.add(number, "" if title == url.strip() else title, url.strip())
        self._start("Adding", "Added", id_, title=title, nameless=title == url.strip())
        return self._undoable(f"Added to session {number}.", before, title)

    @property
    def begun(self) -> bool:
        """Whether the course has a page or files of its own, beside what was added here."""
        sources = [id_ for id_, _ in self.course.catalogue().sources]
        return any(id_ != ADDED and not is_sample(id_) for id_ in sources)

    @property
    def uploaded(self) -> bool:
        """Whether the course's page is a file that was uploaded here."""
        return any(id_ == UPLOADED for id_, _ in self.course.catalogue().sources)

    @property
    def sample(self) -> bool:
        """Whether the course is the bundled one, which leaves when another begins."""
        return bool(self._samples) and not self.begun

    @property
    def _samples(self) -> list[str]:
        return [id_ for id_, _ in self.course.catalogue().sources if is_sample(id_)]

    def _begin(self, form: DeskForm) -> str:
        """Ingest the course's page for the first time."""
        address = form.what.strip()
        if not address.lower().startswith(("https://", "http://")):
            raise SourceError("that is no web address — give the course page's, with https://")
        self.jobs.start(*_READING, "ingest", sources=[address], options={})
        return ""

    def take_page(self, files: Sequence[Path]) -> ActionResult:
        """Keep a file as the course page, in place of one that was uploaded, and ingest it."""
        self.jobs.require_idle()
        if self.begun and not self.uploaded:
            raise SourceError("the course has its page already — remove that source first")
        if len(files) != 1:
            raise SourceError("choose one file, the course page")
        check_upload(files[0], PAGES)
        source = self.course.take_page(files[0])
        self.jobs.start(*_READING, "ingest", sources=[source], options={})
        return ActionResult(f"“{files[0].name}” is the course page now.")

    def take(
        self, files: Sequence[Path], reading: str = "", session: int | None = None
    ) -> ActionResult:
        """Add files to the readings that they are, and ingest them.

        Args:
            reading: the id of their reading; empty where each is to be recognised.
            session: where files go that are none of the listed readings.
        """
        self.jobs.require_idle()
        if reading:
            self._require(reading)
        taken, problems = dict[str, None](), list[str]()
        before, left = self.course.catalogue(), ""
        if not self.begun:
            session = session or 1
        for file in files:
            try:
                check_upload(file)
                if self.sample and not reading:
                    for one in self._samples:
                        self.course.remove(one)
                    left = "The sample course has left."
                taken[self.course.take(file, reading, session)] = None
            except SeminarError as error:
                problems.append(f"{error}.")
        if not taken:
            raise SourceError(" ".join(problems) or "no file arrived — choose it again")
        one, *more = taken
        self._start("Adding", "Added", one, *more)
        what = plural(len(taken), "reading") if more else f"“{self._title(one)}”"
        done = "Added to" if before.reading_ids & set(taken) else "Added"
        message = " ".join(filter(None, [f"{done} {what}.", left, *problems]))
        return self._undoable(message, before, self._title(one))

    def place(self, what: str, session: int) -> ActionResult:
        """Put a paper that no session lists into one."""
        self.jobs.require_idle()
        before = self.course.catalogue()
        id_ = self.course.place(what, session)
        self._start("Adding", "Added", id_)
        title = self._title(id_)
        return self._undoable(f"“{title}” is in session {session} now.", before, title)

    # Each of these is an action of `act`.

    def _rename(self, form: DeskForm) -> ActionResult:
        before, title = self._known(form), " ".join(form.title.split())
        self.course.rename(form.what, title)
        return self._undoable(f"Renamed to “{title}”.", before, title)

    def _confirm(self, form: DeskForm) -> ActionResult:
        before, title = self._known(form), self._title(form.what)
        self.course.confirm(form.what)
        return self._undoable(f"“{title}” is right as it stands.", before, title)

    def _confirm_all(self, _: DeskForm) -> ActionResult:
        before = self.course.catalogue()
        listed = [one for each in before.sessions for one in each.readings]
        doubtful = dict.fromkeys(one.id for one in listed if one.doubt)
        self.course.confirm(*doubtful)
        entries = plural(len(doubtful), "entry", "entries")
        return self._undoable(f"Accepted {entries}.", before, entries)

    def _split(self, form: DeskForm) -> ActionResult:
        before, title = self._known(form), self._title(form.what)
        self.course.split(form.what, form.second, form.url)
        return self._undoable(f"“{form.second}” is a reading of its own. {FOLLOWS}", before, title)

    def _merge(self, form: DeskForm) -> ActionResult:
        before, title = self._known(form), self._title(form.what)
        self._require(form.other)
        whole = self.course.merge(form.what, form.other)
        message = f"“{title}” is a part of “{self._title(whole)}”. {FOLLOWS}"
        return self._undoable(message, before, title)

    def _edit(self, form: DeskForm) -> ActionResult:
        before, id_ = self._known(form), form.what
        places = [
            (session.number, one)
            for session in before.sessions
            for one in session.readings
            if one.id == id_
        ]
        if not places:
            raise NotFoundError("no session lists that reading — load the page again")
        numbers, one = [number for number, _ in places], places[0][1]
        if form.title != one.title:
            self.course.rename(id_, form.title)
        moved = None if form.session in numbers else form.session
        section = None if form.section == one.section else form.section
        authors = "" if form.authors == (one.authors or "") else form.authors
        kind = None if form.work == one.kind else form.work or None
        if authors or section or kind or moved is not None:
            self.course.edit(id_, authors, section, moved, kind)
        self.course.confirm(id_)
        return self._undoable(f"Saved “{form.title}”.", before, one.title)

    def _accept(self, form: DeskForm) -> ActionResult:
        before, reading = self.course.catalogue(), self.course.accept(form.what)
        self._start("Following the link of", "Followed the link of", reading)
        return self._undoable("Accepted.", before, self._title(reading))

    def _reject(self, form: DeskForm) -> ActionResult:
        before, reading = self.course.catalogue(), self.course.reject(form.what)
        self._start("Dropping the link of", "Dropped the link of", reading)
        return self._undoable("Rejected.", before, self._title(reading))

    def _reingest(self, form: DeskForm) -> str:
        self._require(form.what)
        self._start("Reading again", "Read again", form.what)
        return ""

    def _remove(self, form: DeskForm) -> ActionResult:
        before, title = self._known(form), self._title(form.what)
        self.course.remove(form.what)
        return self._undoable(f"Removed “{title}”.", before, title)

    def _restore(self, form: DeskForm) -> ActionResult:
        titles = {one.id: one.title for one in self.course.removals()}
        readings = self.course.restore(form.what)
        self._start("Restoring", "Restored", *readings, title=titles.get(form.what, ""))
        return ActionResult("Restored.", "remove", form.what)

    def _fetch_model(self, _: DeskForm) -> str:
        offer = self.course.offer()
        if offer is None:
            raise NotFoundError("a language model is here already — load the page again")
        if not offer.runnable:
            raise ModelError("llama.cpp is not installed — run make llm on the server")
        self.jobs.start("Fetching a language model", "Fetched a language model", "model")
        return ""

    def _ask_model(self, _: DeskForm) -> str:
        if not self.course.can_ask_model():
            raise ModelError("no language model is here — fetch one under “Course”")
        self.jobs.start("Asking the language model", "Asked the language model", "ask")
        return ""

    def _stop_asking(self, _: DeskForm) -> str:
        self.jobs.stop()
        return ""

    def _start(
        self,
        doing: str,
        done: str,
        *readings: str,
        title: str = "",
        must: bool = True,
        nameless: bool = False,
    ) -> None:
        """Ingest readings in the background.

        Args:
            title: the title to show; empty takes that of the reading, or how many there are.
            must: whether the job fails where it brings nothing new and the readings need attention.
            nameless: whether the only reading takes its title from its text.
        """
        many = len(readings) > 1 and not title
        named = (
            plural(len(readings), "reading") if many else f"“{title or self._title(readings[0])}”"
        )
        titles = (f"{doing} {named}", f"{done} {named}")
        self.jobs.start(*titles, "readings", readings=readings, must=must, nameless=nameless)

    def _name(self, reading: str) -> None:
        """Give a reading that was added by its link alone the title of its text."""
        records = self.course.catalogue().records.values()
        texts = (one.document for one in records if one.document.reading == reading)
        if title := next((one.title for one in texts if one.kind == "paper"), ""):
            self.course.rename(reading, title)
            if self._last is not None:
                self._last = self._last._replace(after=self._decisions())

    def _require(self, reading: str) -> None:
        """Refuse ids that the course does not have: a page may be old, or not ours at all."""
        if reading not in self.course.catalogue().every_title:
            raise NotFoundError("that is not in the course any more — load the page again")

    def _known(self, form: DeskForm) -> Catalogue:
        """The course as it is, of which a form's reading is a part."""
        self._require(form.what)
        return self.course.catalogue()

    def _title(self, reading: str) -> str:
        return self.course.catalogue().every_title.get(reading) or reading
