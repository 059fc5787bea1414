"""One table of what a source brings: in which state each document is, and how long it will take.

    wanted    a reading is looked up on the network; its documents are not known yet
    fetched   a document's file is on disk and waits to be parsed
    parsed    its text is there and waits to be embedded
    embedded  its passages have vectors and are being stored
    stored    it can be asked about, or failed, with its outcome and reason

The table lives as long as one ingest. What outlasts it is in the store and in the folder of fetched
files, from which the next ingest makes its table again: nothing is lost when one is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from seminar_rag.ingest.plan import PlannedDocument
from seminar_rag.types import Block, Document, ParsedDocument
from seminar_rag.types.ingest import DocumentOutcome, Listener, Progress, Stage

State = Literal["wanted", "fetched", "parsed", "embedded", "stored"]

_CHARACTERS = 800
"""Of a text in one passage, about."""
_ENOUGH = 0.1
"""Passages stored for each that is left from which on their pace tells the time left."""
_PASSAGES = 40
"""Of a document, as long as nothing better is known."""


@dataclass(slots=True, eq=False)
class DocumentProgress:
    """A document on its way into the store."""

    job: PlannedDocument
    document: Document
    """With the title that its text gives, once it is parsed."""
    state: State
    blocks: tuple[Block, ...] = ()
    pages: int | None = None
    remark: str = ""
    busy: bool = False
    """Whether the parser is at it."""
    passages: int = 0
    """Counted once it is stored, estimated from its text before; 0 as long as that is not known."""
    outcome: DocumentOutcome | None = None
    kept: bool = False
    """Whether it was in the store already, as it should be."""

    @property
    def label(self) -> str:
        """What to call the document."""
        return self.document.title or Path(self.document.path).name

    def parsed(self, found: ParsedDocument, title: str) -> None:
        """Take in the text of the file, and title and authors where the document has none."""
        title = self.document.title or found.title or title
        authors = self.document.authors or found.authors
        self.document = replace(self.document, title=title, authors=authors, unit=found.unit)
        self.blocks, self.pages = found.blocks, found.pages
        self.remark = "; ".join(found.notes)
        self.state = "parsed"
        self.estimate()

    def estimate(self) -> None:
        """Estimate how many passages the text will give."""
        self.passages = max(1, sum(len(one.text) for one in self.blocks) // _CHARACTERS)


class ProgressTable:
    """The documents of one source by id, and the readings that are looked up; `listener` is called
    with every step."""

    def __init__(
        self, listener: Listener = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rows: dict[str, DocumentProgress] = {}
        self.embedded = 0
        """Passages embedded so far."""
        self._listener = listener
        self._clock = clock
        self._embedding = 0.0
        self._first_lookup = self._first_document = 0.0
        self._wanted: dict[str, str] = {}
        self._looked_up = 0

    # --- readings ------------------------------------------------------------------------------

    def want(self, reading: str, label: str) -> None:
        """Note that a reading is to be looked up."""
        self._wanted[reading] = label

    @property
    def wanted(self) -> set[str]:
        """The readings, by id as listed, that are still being looked up."""
        return set(self._wanted)

    def looking_up(self, reading: str) -> None:
        """Tell that the lookup of a reading begins."""
        self._tell_reading("fetching", reading, self._wanted[reading])

    def looked_up(self, reading: str, detail: str) -> None:
        """Note that a reading was looked up; its documents are added as rows."""
        if not self._looked_up:
            self._first_lookup = self._clock()
        self._looked_up += 1
        self._tell_reading("found", reading, self._wanted.pop(reading), detail)

    def _tell_reading(self, stage: Stage, reading: str, label: str, detail: str = "") -> None:
        total = self._looked_up + len(self._wanted)
        self._tell(stage, reading, label, detail, (self._looked_up, total))

    # --- documents -----------------------------------------------------------------------------

    def add(self, job: PlannedDocument) -> DocumentProgress:
        """A row for a document that must be made, in place of one that it has already."""
        self.drop(job.document.id)
        self._first_document = self._first_document or self._clock()
        row = DocumentProgress(job, job.document, "fetched" if job.file else "parsed", job.blocks)
        if not job.file:
            row.estimate()
        self.rows[job.document.id] = row
        return row

    def keep(self, job: PlannedDocument, outcome: DocumentOutcome) -> None:
        """A row for a document that is in the store as it should be."""
        passages = outcome.passages
        row = DocumentProgress(
            job, job.document, "stored", passages=passages, outcome=outcome, kept=True
        )
        self.rows[job.document.id] = row

    def drop(self, document: str) -> None:
        """Forget a document that is wanted no longer, or differently."""
        self.rows.pop(document, None)

    def finish(self, row: DocumentProgress, outcome: DocumentOutcome) -> None:
        """Note what became of a document, and notify the listener."""
        row.state, row.outcome, row.blocks = "stored", outcome, ()
        row.passages = outcome.passages
        failed = outcome.change == "failed"
        detail = outcome.reason if failed else f"{outcome.passages} passages"
        self.notify("failed" if failed else "indexed", row.document.id, row.label, detail)

    def embed(self, passages: int, seconds: float) -> None:
        """Note that passages were embedded, and notify the listener."""
        self.embedded += passages
        self._embedding += seconds
        self.notify("embedding")

    def remove(self, document: Document) -> None:
        """Note that a document has left the store, and notify the listener."""
        row = self.rows.get(document.id)
        job = row.job if row is not None else PlannedDocument(document, "", "")
        outcome = DocumentOutcome("removed", document)
        self.rows[document.id] = DocumentProgress(
            job, document, "stored", outcome=outcome, kept=True
        )
        self.notify("removed", document.id, document.title)

    def in_state(self, state: State) -> list[DocumentProgress]:
        """The rows in a state, in the order in which they came."""
        return [row for row in self.rows.values() if row.state == state]

    @property
    def finished(self) -> bool:
        """Whether nothing is wanted or on its way."""
        return not self._wanted and all(row.state == "stored" for row in self.rows.values())

    @property
    def outcomes(self) -> tuple[DocumentOutcome, ...]:
        """What became of the documents that are stored or failed."""
        return tuple(row.outcome for row in self.rows.values() if row.outcome is not None)

    # --- progress ------------------------------------------------------------------------------

    def notify(self, stage: Stage, item: str = "", label: str = "", detail: str = "") -> None:
        """Tell the listener of a document, with how far all of them are."""
        made = list(self._made())
        stored = sum(row.state == "stored" for row in made)
        self._tell(stage, item, label, detail, (stored, len(made)))

    def _tell(
        self, stage: Stage, item: str, label: str, detail: str, counts: tuple[int, int]
    ) -> None:
        done, total = counts
        speed = self.embedded / self._embedding if self._embedding else 0.0
        left = self.seconds_left
        self._listener(
            Progress(stage, done, total, label, item, detail, self.embedded, speed, left)
        )

    def _made(self) -> Iterator[DocumentProgress]:
        return (row for row in self.rows.values() if not row.kept)

    @property
    def passages_left(self) -> int:
        """Passages of documents on their way: counted where the text is there, else as usual."""
        sizes = [row.passages for row in self.rows.values() if row.job.file and row.passages]
        usual = round(sum(sizes) / len(sizes)) if sizes else _PASSAGES
        return sum(row.passages or usual for row in self._made() if row.state != "stored")

    @property
    def seconds_left(self) -> float | None:
        """Seconds until everything is stored; None as long as there is no pace to tell it by.
        Lookups and documents go on side by side, so that whichever takes longer counts. The pace of
        documents is that of passages stored since the first one was begun, whatever holds them up;
        until `_ENOUGH` of them are stored, loading the model would count as if it went on."""
        now, left = self._clock(), self.passages_left
        stored = sum(row.passages for row in self._made() if row.state == "stored")
        if stored < _ENOUGH * left or (self._wanted and self._looked_up < 2):
            return None
        lookups = len(self._wanted) * (now - self._first_lookup) / max(1, self._looked_up - 1)
        return max(lookups, left * (now - self._first_document) / max(1, stored))
