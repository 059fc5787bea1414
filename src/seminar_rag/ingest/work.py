"""Parse, embed, store: what moves the rows of the table on.

Files are parsed ahead in workers, texts embedded in batches as soon as there are any, and each
document is swapped in by itself, so that it can be asked about at once. One thread does all the
writing; the others leave what they have done with `later`.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from seminar_rag.documents.ocr import EXTRA, available
from seminar_rag.errors import DocumentError, Failure, SeminarError
from seminar_rag.ingest.plan import RULES, PlannedDocument
from seminar_rag.ingest.states import DocumentProgress, ProgressTable
from seminar_rag.types import ParsedDocument
from seminar_rag.types.catalogue import Record
from seminar_rag.types.ingest import Change, DocumentOutcome

if TYPE_CHECKING:
    from seminar_rag.documents.parse import Parser
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import Embedder

_BATCH = 256
"""Blocks gathered before one embedding call: large enough for even batches, small to interrupt."""
_AHEAD = 8
"""Files that are being parsed or wait to be embedded at the same time."""
_POLL = 0.2
"""Seconds after which a wait is broken off to ask whether to stop."""


class DocumentMaker:
    """Makes the documents of one source that are new or have changed. Use as a context manager once
    there is something to make."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        parser: Callable[[], Parser],
        source: str,
        table: ProgressTable,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._make_parser = parser
        self._source = source
        self._table = table
        records = store.catalogue().records
        self._before = {id_: one for id_, one in records.items() if one.source == source}
        self.without_text = {id_: one.hash for id_, one in self._before.items() if not one.passages}
        """Documents without passages, with the hash under which they were tried."""
        self.changed = True
        """Whether `without_text` is other than when the jobs were planned."""
        self._events: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._stack = contextlib.ExitStack()
        self._claimed = False

    def __enter__(self) -> DocumentMaker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def parser(self) -> Parser:
        """The guarded parser, started when first needed."""
        return self._stack.enter_context(self._make_parser())

    # --- events --------------------------------------------------------------------------------

    def later(self, event: Callable[[], object]) -> None:
        """Leave something to be done by the thread that writes."""
        self._events.put(event)

    def fail(self, error: Exception) -> None:
        """End the ingest with an error of another thread."""

        def failed() -> None:
            raise error

        self.later(failed)

    def wait(self) -> None:
        """Do what other threads have left; wait a moment where nothing else can be done."""
        block = not (self._table.in_state("parsed") and self._model_loaded)
        try:
            while True:
                event = self._events.get(block=block, timeout=_POLL)
                block = False
                event()
        except Empty:
            return

    @property
    def idle(self) -> bool:
        """Whether no other thread has left anything to be done."""
        return self._events.empty()

    # --- what is to be made --------------------------------------------------------------------

    def must_make(self, job: PlannedDocument) -> bool:
        """Whether a document must be made: it is new, has changed, or may work this time."""
        known = self._before.get(job.document.id)
        if known is None or known.hash != job.hash:
            return True
        readable = EXTRA in known.detail and available()  # OCR was missing and is there now
        return known.outcome in ("limit", "unreadable") or readable

    def offer(self, jobs: Mapping[str, PlannedDocument]) -> None:
        """Bring the table's rows in line with the documents that are due, by id."""
        for id_, row in list(self._table.rows.items()):
            if id_ not in jobs and row.state != "stored":
                self._table.drop(id_)
        for id_, job in jobs.items():
            there = self._table.rows.get(id_)
            if there is not None and there.job.hash == job.hash:
                continue
            if there is None and not self.must_make(job):
                self._keep(job)
                continue
            self._table.add(job)

    def _keep(self, job: PlannedDocument) -> None:
        """Leave a document as it is; keep the file of a paged one where it is not kept."""
        known = self._before[job.document.id]
        self._table.keep(job, unchanged(known))
        paged = job.file is not None and known.pages and known.passages
        if job.file is not None and paged and self._store.file_of(job.document.id) is None:
            self._store.keep(job.document.id, job.file)

    def claim_model(self, known_only: bool = False) -> None:
        """Note the embedding model in a new store, unless `known_only`; refuse to mix two in an old
        one with StoreError."""
        if self._claimed or (known_only and not self._store.meta("model")):
            return
        ours = self._embedder.name, self._embedder.precision
        self._store.require_model(*ours)
        self._store.remember_model(*ours)
        self._claimed = True

    # --- parsing -------------------------------------------------------------------------------

    def parse(self) -> None:
        """Keep the parser busy, but not further ahead than there is room."""
        fetched, waiting = self._table.in_state("fetched"), self._table.in_state("parsed")
        if fetched or waiting:
            _ = self._model  # begins to load
        ahead = sum(row.busy for row in fetched) + sum(row.job.file is not None for row in waiting)
        for row in fetched:
            if row.job.refused:
                self._failed(row, "unreadable", f"{row.label} was not read: it {row.job.refused}")
            elif not row.busy and ahead < _AHEAD:
                ahead += 1
                self._begin(row)

    def _begin(self, row: DocumentProgress) -> None:
        assert row.job.file is not None
        row.busy = True
        self._table.notify("parsing", row.document.id, row.label)

        def recognising(done: int, total: int) -> None:
            label = f"{row.label} (OCR, page {done + 1} of {total})"
            self.later(partial(self._table.notify, "parsing", row.document.id, label))

        def parsed(result: Future[ParsedDocument]) -> None:
            self.later(partial(self._parsed, row, result))

        self.parser.submit(row.job.file, recognising).add_done_callback(parsed)

    def _parsed(self, row: DocumentProgress, result: Future[ParsedDocument]) -> None:
        """A file was parsed, or could not be."""
        assert row.job.file is not None
        if self._table.rows.get(row.document.id) is not row:
            return  # a newer row took its place: more is known of the document by now
        row.busy = False
        try:
            row.parsed(result.result(), _spoken(row.job.file.stem))
        except CancelledError:
            return  # the parser was closed
        except DocumentError as error:
            self._failed(row, error.failure, _named(row, str(error)))
        except Exception as error:  # noqa: BLE001 - a library's error costs one document
            self._failed(row, "unreadable", _unexpected(row, error))

    # --- embedding and storing -----------------------------------------------------------------

    def embed_and_store(self) -> None:
        """Embed what is parsed once that is enough for a batch, or nothing else is waiting."""
        rows = self._table.in_state("parsed")
        enough = sum(len(row.blocks) for row in rows) >= _BATCH
        if not rows or not self._model_loaded or not (enough or self._events.empty()):
            return
        try:
            self._embed(rows)
        except SeminarError:
            raise
        except Exception:  # noqa: BLE001 - one text makes a library fail: which one?
            for row in rows:
                self._embed_alone(row)

    def _embed_alone(self, row: DocumentProgress) -> None:
        if row.state == "stored":
            return
        try:
            self._embed([row])
        except SeminarError:
            raise
        except Exception as error:  # noqa: BLE001 - a library's error costs one document
            self._failed(row, "unreadable", _unexpected(row, error))

    def _embed(self, rows: Sequence[DocumentProgress]) -> None:
        """Split, embed and store the texts of rows."""
        from seminar_rag.ingest.embedding import embed_texts

        texts = [(row.document, row.blocks, row.job.context) for row in rows]
        last = time.monotonic()

        def progress(count: int) -> None:
            nonlocal last
            now = time.monotonic()
            self._table.embed(count, now - last)
            last = now

        found = embed_texts(texts, self._embedder, self._store.embedded, progress)
        for row in rows:
            row.state = "embedded"
        for row in rows:
            passages, vectors, words = found[row.document.id]
            record = self._record(row)
            if not passages:
                record = replace(record, outcome="no_text", detail="it holds no text")
                self._no_text(row)
            # A paged file is kept: its pages are shown beside the answers.
            kept = row.job.file if row.pages and passages else None
            self._store.replace(record, passages, vectors, kept, words)
            change: Change = "changed" if row.document.id in self._before else "new"
            if not passages:
                change = "failed"
            self._table.finish(
                row, DocumentOutcome(change, row.document, len(passages), record.detail)
            )

    def _record(self, row: DocumentProgress) -> Record:
        made = f"rules {RULES}, {self._embedder.name} in {self._embedder.precision}"
        return Record(
            row.document, self._source, row.job.hash, "indexed", row.remark, row.pages, made=made
        )

    def _failed(self, row: DocumentProgress, failure: Failure, reason: str) -> None:
        """Note that a document failed; passages of an earlier success stay."""
        record = Record(
            row.job.document, self._source, row.job.hash, failure, reason, made=f"rules {RULES}"
        )
        kept = self._store.put_failure(record)
        if not kept:
            self._no_text(row)
        self._table.finish(row, DocumentOutcome("failed", row.job.document, kept, reason))

    def _no_text(self, row: DocumentProgress) -> None:
        self.without_text[row.document.id] = row.job.hash
        self.changed = True

    # --- the model -----------------------------------------------------------------------------

    @cached_property
    def _model(self) -> Future[None]:
        """The model, which is loaded beside everything else once there is something to make."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._stack.callback(pool.shutdown, wait=False)
        return pool.submit(self._load)

    def _load(self) -> None:
        from seminar_rag.ingest import embedding  # noqa: F401 - llama-index takes seconds too

        self._embedder.embed([])

    @property
    def _model_loaded(self) -> bool:
        """Whether the model is there; raises what kept it from loading."""
        return self._model.done() and self._model.result() is None


def unchanged(known: Record) -> DocumentOutcome:
    """The outcome of a document that need not be made."""
    if known.outcome == "indexed":
        return DocumentOutcome("unchanged", known.document, known.passages)
    return DocumentOutcome("failed", known.document, known.passages, known.detail)


def _named(row: DocumentProgress, message: str) -> str:
    """A message with the document's title in place of a fetched file's name."""
    fetched = row.document.path.startswith("web/")
    return message.replace(Path(row.document.path).name, row.document.title) if fetched else message


def _unexpected(row: DocumentProgress, error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    ours = isinstance(error, OSError) and error.errno  # a full disk, or a right that is lacking
    remedy = (
        "the cause is this machine, not the document; remove it, and ingest again"
        if ours
        else "ingest again; if that fails too, take another version, such as a newly printed PDF"
    )
    return f"{row.label} could not be read ({what}) — {remedy}"


def _spoken(stem: str) -> str:
    return re.sub(r"[_\s]+", " ", stem).strip()
