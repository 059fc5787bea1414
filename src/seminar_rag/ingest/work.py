"""Documents on their way into the store, while more are still being looked for.

Files are read ahead in workers, texts embedded in batches as soon as there are any, and each
document is swapped in by itself, so that it can be asked about at once. One thread does all the
writing; whoever works beside it reports through `events`.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from seminar_rag.documents.ocr import EXTRA, available
from seminar_rag.errors import DocumentError
from seminar_rag.ingest.gather import Looked
from seminar_rag.ingest.plan import RULES, Job
from seminar_rag.types import Block, Document, ParsedDocument, Passage
from seminar_rag.types.catalogue import Record
from seminar_rag.types.ingest import Change, Listener, Outcome, Progress, Stage

if TYPE_CHECKING:
    from seminar_rag.documents.parse import Parser
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import Embedder, Matrix

_RULES = f"rules {RULES}"
_FLUSH = 256
"""Blocks gathered before one embedding call: large enough for even batches, small to interrupt."""
_AHEAD = 8
"""Files that are being read or wait to be embedded at the same time."""
_POLL = 0.2
"""Seconds after which a wait is broken off to ask whether to stop."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file was read, or could not be."""

    job: Job
    result: Future[ParsedDocument]


@dataclass(frozen=True, slots=True)
class Recognising:
    """A scanned page of a file is being read by OCR."""

    job: Job
    done: int
    total: int


Event = Parsed | Looked


@dataclass(frozen=True, slots=True)
class _Text:
    """A document that waits to be embedded."""

    job: Job
    document: Document
    blocks: tuple[Block, ...]
    pages: int | None = None
    remark: str = ""


class Clock:
    """How far an ingest is, how fast, and how long it will take; tells the listener.

    Args:
        wanted: readings that are looked for on the network.
    """

    def __init__(self, listener: Listener, wanted: int) -> None:
        self._listener = listener
        self._started = time.monotonic()
        self._first: float | None = None
        self._embedding = 0.0
        self.wanted = wanted
        self.looked = 0
        self.documents = 0
        """Documents that are to be read and embedded, as far as is known."""
        self.finished = 0
        self.passages = 0

    def looking(self, stage: Stage, item: str, label: str, says: str = "") -> None:
        """Tell of a reading that is looked for."""
        self._tell(stage, self.looked, self.wanted, item, label, says)

    def working(self, stage: Stage, item: str, label: str, says: str = "") -> None:
        """Tell of a document."""
        self._tell(stage, self.finished, self.documents, item, label, says)

    def embedded(self, passages: int, seconds: float) -> None:
        """Note that passages were embedded."""
        self.passages += passages
        self._embedding += seconds
        self.working("embedding", "", "")

    def begin(self) -> None:
        """Note that the model is loaded, so that the pace of the documents can be told."""
        self._first = self._first or time.monotonic()

    @property
    def speed(self) -> float:
        """Passages a second, while embedding."""
        return self.passages / self._embedding if self._embedding else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until everything is done: looking and working go on side by side."""
        now = time.monotonic()
        known = []
        if self.looked:
            known.append((now - self._started) / self.looked * (self.wanted - self.looked))
        if self.finished and self._first is not None:
            pace = (now - self._first) / self.finished
            known.append(pace * (self.documents - self.finished))
        return max(known) if known else None

    def _tell(self, stage: Stage, done: int, total: int, item: str, label: str, says: str) -> None:
        self._listener(
            Progress(stage, done, total, label, item, says, self.passages, self.speed, self.left)
        )


class Work:
    """The documents of one source on their way into the store.

    Args:
        before: what the manifest had of the source.
        source: its id.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        parser: Callable[[], Parser],
        source: str,
        before: Mapping[str, Record],
        clock: Clock,
    ) -> None:
        self.events: SimpleQueue[Event | Recognising] = SimpleQueue()
        self.outcomes: dict[str, Outcome] = {}
        """By document id."""
        self.barren = {id_: record.hash for id_, record in before.items() if not record.passages}
        """Documents without passages, with the hash under which they were tried."""
        self._store = store
        self._embedder = embedder
        self._parser = parser
        self._source = source
        self._before = before
        self._clock = clock
        self._offered: dict[str, str] = {}
        self._files: deque[Job] = deque()
        self._reading = 0
        self._ready: list[_Text] = []
        self._model: Future[None] | None = None
        """The embedding model on its way; it takes seconds to load, while readings come in."""

    def fresh(self, job: Job) -> bool:
        """Whether a document must be made: it is new, has changed, or may work this time."""
        known = self._before.get(job.document.id)
        if known is None or known.hash != job.hash:
            return True
        readable = EXTRA in known.detail and available()  # OCR was missing and is there now
        return known.outcome in ("limit", "unreadable") or readable

    def offer(self, jobs: Iterable[Job]) -> None:
        """Take on documents; those that were offered before are left out."""
        for job in jobs:
            id_ = job.document.id
            if self._offered.get(id_) == job.hash:
                continue
            again = id_ in self._offered
            self._forget(id_)
            self._offered[id_] = job.hash
            if not again and not self.fresh(job):
                self.outcomes[id_] = unchanged(self._before[id_])
                self._keep(job)
                continue
            self._clock.documents += 1
            self._warm()
            if job.file is None:
                self._ready.append(_Text(job, job.document, job.blocks))
            else:
                self._files.append(job)
        self._read_ahead()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do of what was offered."""
        return not (self._files or self._reading or self._ready)

    def take(self) -> list[Event]:
        """What happened beside; waits a moment where nothing else is to be done."""
        out: list[Event] = []
        try:
            can_embed = bool(self._ready) and self._loaded
            block = not can_embed
            while True:
                event = self.events.get(block=block, timeout=_POLL)
                block = False
                if isinstance(event, Recognising):
                    self._recognising(event)
                else:
                    out.append(event)
        except Empty:
            return out

    def read(self, parsed: Parsed) -> None:
        """A file was read."""
        self._reading -= 1
        job, document = parsed.job, parsed.job.document
        self._read_ahead()
        if self._offered[document.id] != job.hash:
            self._clock.documents -= 1
            return  # more is known of it now, and it is read again
        try:
            found = parsed.result.result()
        except CancelledError:
            return  # the parser was closed
        except DocumentError as error:
            self._failed(job, error)
            return
        assert job.file is not None
        if not document.title:
            document = replace(document, title=found.title or _spoken(job.file.stem))
        remark = "; ".join(found.notes)
        self._ready.append(_Text(job, document, found.blocks, found.pages, remark))

    def embed(self) -> None:
        """Embed what is ready once that is enough for a batch, or nothing else has come."""
        waiting = sum(len(text.blocks) for text in self._ready)
        if self._ready and self._loaded and (waiting >= _FLUSH or self.events.empty()):
            self._flush()

    # --- inside --------------------------------------------------------------------------------

    def _forget(self, document: str) -> None:
        """Drop a document that waits, because more is known of it now."""
        files = [job for job in self._files if job.document.id != document]
        ready = [text for text in self._ready if text.document.id != document]
        dropped = len(self._files) - len(files) + len(self._ready) - len(ready)
        self._files, self._ready = deque(files), ready
        self._clock.documents -= dropped

    def _warm(self) -> None:
        """Begin to load the model, unless that was done."""
        if self._model is None:
            self._model = Future()
            threading.Thread(target=self._load, args=(self._model,), daemon=True).start()

    @property
    def _loaded(self) -> bool:
        """Whether the model is there; raises what kept it from loading."""
        if self._model is None or not self._model.done():
            return False
        self._model.result()
        self._clock.begin()
        return True

    def _load(self, loading: Future[None]) -> None:
        try:
            from seminar_rag.documents import nodes  # noqa: F401 - llama-index takes seconds too

            self._embedder.embed([])
        except Exception as error:  # noqa: BLE001 - raised again by who waits for it
            loading.set_exception(error)
        else:
            loading.set_result(None)

    def _read_ahead(self) -> None:
        """Keep the parser busy, but not further ahead than there is room."""
        waiting = sum(text.job.file is not None for text in self._ready)
        while self._files and self._reading + waiting < _AHEAD:
            job = self._files.popleft()
            assert job.file is not None
            self._clock.working("parsing", job.document.id, _called(job.document))
            self._reading += 1
            future = self._parser().submit(job.file, partial(self._told, job))
            future.add_done_callback(partial(self._was_read, job))

    def _told(self, job: Job, done: int, total: int) -> None:
        self.events.put(Recognising(job, done, total))

    def _recognising(self, event: Recognising) -> None:
        document = event.job.document
        label = f"{_called(document)} (OCR, page {event.done + 1} of {event.total})"
        self._clock.working("parsing", document.id, label)

    def _was_read(self, job: Job, result: Future[ParsedDocument]) -> None:
        self.events.put(Parsed(job, result))

    def _flush(self) -> None:
        from seminar_rag.documents.nodes import embed_texts

        texts = [(text.document, text.blocks, text.job.context) for text in self._ready]
        last = time.monotonic()

        def note(count: int) -> None:
            nonlocal last
            now = time.monotonic()
            self._clock.embedded(count, now - last)
            last = now

        found = embed_texts(texts, self._embedder, self._store.embedded, note)
        for text in self._ready:
            self._store_one(text, *found[text.document.id])
        self._ready.clear()
        self._read_ahead()

    def _store_one(
        self, text: _Text, passages: list[Passage], vectors: Matrix, words: list[bytes]
    ) -> None:
        document = text.document
        model = f"{self._embedder.name} in {self._embedder.precision}"
        record = Record(
            document,
            self._source,
            text.job.hash,
            "indexed",
            text.remark,
            text.pages,
            made=f"{_RULES}, {model}",
        )
        if not passages:
            record = replace(record, outcome="no_text", detail="it holds no text")
            self.barren[document.id] = text.job.hash
        # A paged file is kept: its pages are shown beside the answers.
        kept = text.job.file if text.pages and passages else None
        self._store.replace(record, passages, vectors, kept, words)
        change: Change = "changed" if document.id in self._before else "new"
        self._done(
            Outcome(change if passages else "failed", document, len(passages), record.detail)
        )

    def _failed(self, job: Job, error: DocumentError) -> None:
        says = _named(job, error)
        record = Record(job.document, self._source, job.hash, error.failure, says, made=_RULES)
        kept = self._store.note(record)
        if not kept:
            self.barren[job.document.id] = job.hash
        self._done(Outcome("failed", job.document, kept, says))

    def _done(self, outcome: Outcome) -> None:
        document = outcome.document
        self.outcomes[document.id] = outcome
        self._clock.finished += 1
        failed = outcome.change == "failed"
        says = outcome.reason if failed else f"{outcome.passages} passages"
        self._clock.working("failed" if failed else "indexed", document.id, _called(document), says)

    def _keep(self, job: Job) -> None:
        """Keep the file of a paged document that is there unchanged, where it is not kept."""
        known = self._before[job.document.id]
        paged = job.file is not None and known.pages and known.passages
        if job.file is not None and paged and self._store.file_of(job.document.id) is None:
            self._store.keep(job.document.id, job.file)


def unchanged(known: Record) -> Outcome:
    """The outcome of a document that need not be made."""
    if known.outcome == "indexed":
        return Outcome("unchanged", known.document, known.passages)
    return Outcome("failed", known.document, known.passages, known.detail)


def _called(document: Document) -> str:
    return document.title or Path(document.path).name


def _named(job: Job, error: DocumentError) -> str:
    """The parser's words with the document's title in place of a fetched file's name."""
    assert job.file is not None
    fetched = job.document.path.startswith("web/")
    return str(error).replace(job.file.name, job.document.title) if fetched else str(error)


def _spoken(stem: str) -> str:
    return re.sub(r"[_\s]+", " ", stem).strip()
