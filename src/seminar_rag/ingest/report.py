"""What an ingest tells: progress while it runs, an outcome per document, and what needs a hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from seminar_rag.index.catalogue import Catalogue, Record, Sought
from seminar_rag.types import Document

Change = Literal["new", "changed", "unchanged", "removed", "failed"]


Stage = Literal[
    "reading", "fetching", "found", "parsing", "embedding", "indexed", "failed", "removed"
]


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that happens during an ingest, and how far it all is.

    reading    the course page is read
    fetching   a reading is being looked for on the network; `done` of `total` readings were
    found      it was looked for: `says` what there is of it
    parsing    a file is read; `done` of `total` documents are finished (with all that follow)
    embedding  more passages were embedded
    indexed    a document is in and can be asked about
    failed     a document could not be read; `says` why
    removed    a document has left
    """

    stage: Stage | str
    done: int
    total: int
    label: str = ""
    """What the reading or document is called."""
    item: str = ""
    """Its id: the reading's as listed with "fetching" and "found", else the document's."""
    says: str = ""
    passages: int = 0
    """Passages embedded so far from this source."""
    speed: float = 0.0
    """Of them, a second, while embedding."""
    left: float | None = None
    """Seconds until everything is done, as far as that can be told."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document."""

    change: Change
    document: Document
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """A reading that is not in the course as it should be, and what to do about it."""

    reading: str
    """Its id."""
    title: str
    sessions: tuple[int, ...]
    state: str
    """What there is of it: "paper", "page", "abstract" or "nothing"."""
    says: str
    mend: str = ""
    """Empty where it is only worth knowing."""
    failed: bool = False
    """Whether a document is there that could not be read."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one ingest did, or with `dry` would do."""

    source: str
    sessions: int
    readings: int
    outcomes: tuple[Outcome, ...]
    embedded: int
    """Passages embedded in this run."""
    fetched: int = 0
    """Bodies that came over the network in this run."""
    needs: tuple[Need, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be had of the source itself."""
    sought: tuple[tuple[str, int], ...] = ()
    """How many readings were had as a paper, a page or not at all, where they were looked for."""
    unsought: int = 0
    """Readings that were never looked for on the network."""
    dry: bool = False
    stopped: bool = False
    """Whether it was stopped before it was done; the next ingest goes on there."""
    found: bool = True
    """Whether the source has what `Options.only` asked for."""

    def count(self, change: Change) -> int:
        """How many documents had this outcome."""
        return sum(outcome.change == change for outcome in self.outcomes)


Listener = Callable[[Progress], None]


def needs(catalogue: Catalogue, source: str | None = None) -> tuple[Need, ...]:
    """What the instructor should look at, in page order; of one source, or of all."""
    records: dict[str, list[Record]] = {}
    for record in catalogue.records.values():
        records.setdefault(record.document.reading, []).append(record)
    out = [
        *_unhad(catalogue, records, source),
        *_unread(catalogue, source),
    ]
    return tuple(sorted(out, key=lambda need: (need.sessions or (9999,))[:1]))


def _unhad(
    catalogue: Catalogue, records: dict[str, list[Record]], source: str | None
) -> Iterator[Need]:
    """Readings whose links failed, lead elsewhere, or do not exist."""
    listed: dict[str, tuple[str, list[int]]] = {}
    for session in catalogue.sessions:
        for reading in session.readings:
            listed.setdefault(reading.id, (reading.title, []))[1].append(session.number)
    for one in catalogue.sought:
        if not one.says or (source is not None and one.source != source):
            continue
        id_ = next((i for i in (one.arxiv_id, one.reading) if i in listed), None)
        id_ = id_ or _by_file(one, catalogue) or one.reading
        mine = records.get(id_, [])
        if any(_by_hand(record) for record in mine):
            continue
        yield Need(
            id_,
            one.title,
            tuple(listed.get(id_, ("", []))[1]),
            _had(one, mine),
            one.says,
            one.mend,
        )


def _by_hand(record: Record) -> bool:
    """Whether a text of the reading was ingested from a file."""
    fetched = record.document.path.startswith("web/")
    return record.document.kind == "paper" and bool(record.passages) and not fetched


def _by_file(one: Sought, catalogue: Catalogue) -> str | None:
    """The reading that a fetched file went to, where two entries are the same document."""
    files = {found.file for found in one.found}
    for record in catalogue.records.values():
        if record.document.path in files:
            return record.document.reading
    return None


def _had(one: Sought, records: list[Record]) -> str:
    if one.state != "nothing":
        return one.state
    return "abstract" if any(r.document.kind == "abstract" for r in records) else "nothing"


def _unread(catalogue: Catalogue, source: str | None) -> Iterator[Need]:
    """Documents that are there but gave no text."""
    for record in catalogue.records.values():
        if record.outcome == "indexed" or (source is not None and record.source != source):
            continue
        says, _, mend = record.detail.partition(" — ")
        document = record.document
        state = "earlier version" if record.passages else "nothing"
        title = document.title or document.path
        yield Need(document.reading, title, document.sessions, state, says, mend, True)
