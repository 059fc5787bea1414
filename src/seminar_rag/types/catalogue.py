"""The course as it is stored: sources, sessions, readings, the manifest of documents, decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from seminar_rag.errors import NotFoundError
from seminar_rag.types.reading import CourseEvent, Document, Scope, Section, Session, WorkKind

CorrectionKind = Literal[
    "link", "keep", "reject", "rename", "remove", "add", "edit", "confirm", "split", "merge", "page"
]


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision of the instructor about the reading list.

    link     `url` is an address of the reading, in place of `instead` where that is given
    keep     the document at `url` is the reading, whatever its title
    reject   `url` is not the reading: neither taken from the page nor suggested again
    rename   the reading has the title `title`
    remove   the reading, or the document of that id, stays out; `title` was its title
    add      a reading of `session` with the title `title`, from `url`, from `file` or without text
    edit     the reading has those of `authors`, `section`, `session` and `work` that are given
    confirm  the reading is one, as it stands
    split    the entry holds a second reading, `title`, to which the link `url` belongs
    merge    the entry is a part of the reading `instead`
    page     `file` is the course page, of the name `title`
    """

    kind: CorrectionKind
    target: str
    """The id of the reading on its page; with "remove", also the id of a document."""
    url: str = ""
    instead: str = ""
    """With "link": the address it replaces. With "remove": the reading that it went with. With
    "merge": the id of the other entry on its page."""
    title: str = ""
    authors: str = ""
    section: Section | Literal[""] = ""
    session: int | None = None
    work: WorkKind | Literal[""] = ""
    """The kind of work that the reading is."""
    file: str = ""
    """Relative to the data folder."""
    source: str = ""
    """With "remove": where it came from."""
    key: int = 0
    """Set by the store."""
    at: str = ""
    """When it was made, ISO 8601; set by the store."""


Outcome = Literal["indexed", "no_text", "password", "corrupt", "limit", "unreadable"]


@dataclass(frozen=True, slots=True)
class ListedReading:
    """A reading with its place in the course."""

    id: str
    title: str
    authors: str | None = None
    arxiv_id: str | None = None
    urls: tuple[str, ...] = ()
    section: Section = "required"
    listed: tuple[str, ...] = ()
    """The ids under which its page lists it: several where entries turned out to be one paper."""
    doubt: str = ""
    """Why someone should look at this entry; empty where its reader is sure or it was confirmed."""
    kind: WorkKind | None = None
    """None where the list was stored before kinds were told."""
    shown: str = ""
    """The entry in the words of the page, shortened."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that decisions of the instructor know it by."""
        return self.listed or (self.id,)


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as stored, with its readings in page order."""

    number: int
    title: str
    tags: tuple[str, ...] = ()
    url: str | None = None
    readings: tuple[ListedReading, ...] = ()
    date: str | None = None
    """When it meets, in the words of the page."""
    part: str | None = None
    """The part of the course that it stands in, as the page prints it."""

    @property
    def shown(self) -> str:
        """The title, and when it meets where the title does not say so."""
        new = self.date and self.date not in self.title
        return f"{self.title} ({self.date})" if new else self.title


def parts_begun(sessions: Iterable[Session | ListedSession]) -> list[str]:
    """Of each session the part of the course that begins with it; "" where none does."""
    parts = [one.part or "" for one in sessions]
    return [own if own != before else "" for before, own in pairwise(["", *parts])]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a language model thinks of a doubtful entry. It decides nothing."""

    reading: float | None = None
    """How likely it finds that the entry is a reading, from 0 to 1; None where it was not asked, or
    gave no answer."""
    title: str = ""
    """What it takes for the title, in the words of the page; empty where it was not asked, or gave
    none that stands there."""
    model: str = ""
    """The name of the model."""


@dataclass(frozen=True, slots=True)
class PageText:
    """What a course page says, block by block, as its reader saw it."""

    source: str
    lines: tuple[str, ...] = ()
    problem: str = ""
    """Why there are no lines; empty where there are."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest knows of one document."""

    document: Document
    source: str
    hash: str
    """Hash of everything its passages depend on: content, title, place, splitting rules."""
    outcome: Outcome = "indexed"
    detail: str = ""
    pages: int | None = None
    passages: int = 0
    at: str = ""
    file: str = ""
    """SHA-256 of the kept file that the passages were read from; empty where none is kept."""
    made: str = ""
    """By which rules it was read and split, and which model embedded it."""


@dataclass(frozen=True, slots=True)
class LookupFile:
    """A document that was fetched for a reading."""

    url: str
    file: str
    """Relative to the data folder."""
    hash: str
    paper: bool
    """The paper itself; otherwise a page that goes with it."""
    title: str
    authors: str | None = None


SuggestionKind = Literal["replace", "add", "keep"]


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the instructor may decide about a reading's links. "replace": `url` in place of
    `instead`; "add": `url`, where the page has no link that works; "keep": the page's own link
    `url`, which leads to a document with another title."""

    kind: SuggestionKind
    url: str
    title: str
    """The title of the document there."""
    instead: str = ""
    taken: bool = False
    """Whether the document is in the course already, because of its title."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The result of the last search for a reading's documents."""

    source: str
    reading: str
    """The id of the reading on its page."""
    title: str
    urls: tuple[str, ...]
    state: str
    """"paper", "page" or "nothing"."""
    arxiv_id: str | None = None
    """The id of the paper that was taken, which may differ from that of the page's link."""
    found: tuple[LookupFile, ...] = ()
    attempts: tuple[tuple[str, str, str], ...] = ()
    """Address, event, and result in words, of every attempt."""
    problem: str = ""
    """What went wrong or is odd."""
    remedy: str = ""
    """What the instructor can do; empty where nothing needs attention."""
    at: str = ""
    suggested: tuple[Suggested, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The course as one consistent view; a new one is read after every change."""

    title: str | None
    sources: tuple[tuple[str, str], ...]
    """(id, form) of what was ingested."""
    sessions: tuple[ListedSession, ...]
    records: dict[str, Record] = field(default_factory=dict)
    """By document id."""
    lookups: tuple[Lookup, ...] = ()
    """What was looked up on the network, reading by reading."""
    corrections: tuple[Correction, ...] = ()
    """The decisions of the instructor, in order."""
    events: tuple[CourseEvent, ...] = ()
    """What the course pages name beside readings, in their order: exams, what is due, no class."""

    @property
    def documents(self) -> dict[str, Document]:
        """The documents that have passages."""
        return {id_: record.document for id_, record in self.records.items() if record.passages}

    @property
    def by_reading(self) -> dict[str, list[Record]]:
        """The records of every reading that has documents, by its id."""
        out: dict[str, list[Record]] = {}
        for one in self.records.values():
            out.setdefault(one.document.reading, []).append(one)
        return out

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the listed readings, by reading id."""
        return {one.id: one.title for session in self.sessions for one in session.readings}

    @property
    def every_title(self) -> dict[str, str]:
        """The titles of all readings, listed or not, by reading id."""
        documents = [record.document for record in self.records.values()]
        return {one.reading: one.title for one in reversed(documents)} | self.titles

    def session(self, number: int) -> ListedSession:
        """The session of this number. Raises NotFoundError where there is none."""
        found = next((one for one in self.sessions if one.number == number), None)
        if found is None:
            there = ", ".join(str(one.number) for one in self.sessions) or "none"
            raise NotFoundError(f"there is no session {number} — the course has {there}")
        return found

    def reading(self, what: str) -> ListedReading | None:
        """The listed reading of that id, id as listed, or title."""
        readings = [one for session in self.sessions for one in session.readings]
        by_id = [one for one in readings if what == one.id]
        as_listed = [one for one in readings if what in one.listed]
        titled = [one for one in readings if what.casefold() == one.title.casefold()]
        return next(iter((*by_id, *as_listed, *titled)), None)

    @property
    def authors(self) -> dict[str, str]:
        """Who wrote the readings, by reading id: as the page says, else as their texts do."""
        documents = [record.document for record in self.records.values()]
        listed = [one for session in self.sessions for one in session.readings]
        return {
            **{one.reading: one.authors for one in documents if one.authors},
            **{one.id: one.authors for one in listed if one.authors},
        }

    @property
    def reading_ids(self) -> frozenset[str]:
        """Every reading once: what the course page lists, and documents beside it but for notes.
        This is what "readings" are wherever the course's size is given; `passages` likewise."""
        listed = {one.id for session in self.sessions for one in session.readings}
        documents = [record.document for record in self.records.values()]
        return frozenset(listed | {one.reading for one in documents if one.kind != "notes"})

    @property
    def passages(self) -> int:
        """The passages of all documents, those of notes included."""
        return sum(record.passages for record in self.records.values())

    def sizes(self) -> tuple[tuple[int, str, int, int], ...]:
        """Number, title, readings with text, and passages of every session."""
        out = []
        for session in self.sessions:
            records = [
                record
                for record in self.records.values()
                if session.number in record.document.sessions and record.passages
            ]
            readings = {r.document.reading for r in records if r.document.kind != "notes"}
            passages = sum(record.passages for record in records)
            out.append((session.number, session.title, len(readings), passages))
        return tuple(out)

    def within(self, scope: Scope) -> set[str] | None:
        """Ids of the documents a scope allows; None when it allows all."""
        if scope == Scope():
            return None
        return {id_ for id_, document in self.documents.items() if scope.admits(document)}
