"""Sources → the store: what changed is fetched, read, split and embedded; what vanished is removed.

One outcome per document, always with a reason. A document's passages are swapped only when the
new ones are ready, so that neither a failure nor an interrupt takes anything away; what was
fetched stays on disk, so that an interrupted ingest goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import DocumentError, SourceError
from seminar_rag.index.catalogue import Record, Sought
from seminar_rag.ingest.curate import ADDED, added, corrected, heeding, lift, removed
from seminar_rag.ingest.fetch import Fetcher
from seminar_rag.ingest.gather import gather, remembered
from seminar_rag.ingest.plan import (
    Job,
    Listed,
    Plan,
    list_readings,
    make_plan,
    match,
    own_id,
    slug,
    to_find,
)
from seminar_rag.ingest.report import Change, Listener, Outcome, Progress, Report, needs
from seminar_rag.ingest.resolve import Places, Resolver
from seminar_rag.ingest.sources import Source, is_address, read_source
from seminar_rag.types import Block, Document

if TYPE_CHECKING:
    from seminar_rag.index.embed import Embedder
    from seminar_rag.index.store import Store
    from seminar_rag.ingest.parse import Parser

__all__ = ["Ingestor", "Listener", "Network", "Options", "Progress", "Report", "match", "slug"]

_FLUSH = 256
"""Blocks gathered before one embedding call: large enough for even batches, small to interrupt."""
_AHEAD = 3
"""Files that the parser reads while passages are embedded."""


@dataclass(frozen=True, slots=True)
class Network:
    """How the network is reached."""

    fetcher: Callable[[], Fetcher]
    """Makes a fetcher whose files lie under the data folder."""
    places: Places = field(default_factory=Places)


@dataclass(frozen=True, slots=True)
class Options:
    """How to ingest."""

    fetch: bool | None = None
    """Whether readings are looked for on the network; None: only those of a page on the web."""
    refresh: bool = False
    """Ask again for everything that was fetched before."""
    keep_removed: bool = False
    """Keep readings that their source lists no longer."""
    dry_run: bool = False
    """Change nothing and fetch no reading; only tell what would be done."""
    only: frozenset[str] = frozenset()
    """Ids of readings (of the course, or as listed) or documents: nothing else is looked at, and
    the page is taken as it was last read. Empty for everything."""


class Ingestor:
    """Brings sources into a store. Use under `store.writer()`."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        parser: Callable[[], Parser],
        listener: Listener = lambda _: None,
        network: Network | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Args:
        parser: makes the guarded parser; called only when there is a file to parse.
        network: None where sources on the web and their readings are out of reach.
        stop: once it says so, an ingest ends between two readings.
        """
        self._stop = stop
        self._store = store
        self._embedder = embedder
        self._parser = parser
        self._listener = listener
        self._network = network

    def ingest(self, source: str | Path, options: Options = Options()) -> Report:
        """Bring one source in, or up to date.

        Raises:
            SourceError: it cannot be read, or holds nothing to ingest; nothing was changed.
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        name = str(source).rstrip("/").rpartition("/")[2]
        self._listener(Progress("reading", 0, 1, name))
        with contextlib.ExitStack() as stack:
            web = _Web(self._network, stack, str(source))
            read = self._read(source, web, options)
            listed = corrected(list_readings(read), self._store.catalogue().corrections)
            if len(read.files) == 1 and read.syllabus is None and not options.only:
                plan = make_plan(read, listed, {}, self._store.folder)
                lift(self._store, plan.jobs)
            return self._ingest(read, listed, options, web)

    def ingest_added(self, options: Options = Options()) -> Report:
        """Bring in the readings that the instructor added by hand, or up to date.

        Raises:
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        catalogue = self._store.catalogue()
        read, entries = added(catalogue, self._store.folder)
        listed = corrected(entries, catalogue.corrections)
        if not listed and not options.dry_run:
            if any(source == ADDED for source, _ in catalogue.sources):
                self._store.forget_source(ADDED)
            return Report(ADDED, 0, 0, (), 0, found=False)
        with contextlib.ExitStack() as stack:
            return self._ingest(read, listed, options, _Web(self._network, stack, ADDED))

    def ingest_only(self, options: Options) -> Report | None:
        """Bring `options.only` up to date in every source that has it; None where none has.

        Raises:
            SourceError: a source cannot be read, and no other has it.
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        failed: SourceError | None = None
        reports = []
        for source, _ in self._store.catalogue().sources:
            if source == ADDED:
                continue
            try:
                reports.append(self.ingest(source, options))
            except SourceError as error:
                failed = error
        reports.append(self.ingest_added(options))
        found = [report for report in reports if report.found]
        if not found:
            if failed is not None:
                raise failed
            return None
        return replace(
            found[0],
            outcomes=tuple(outcome for report in found for outcome in report.outcomes),
            embedded=sum(report.embedded for report in found),
            fetched=sum(report.fetched for report in found),
            needs=tuple(dict.fromkeys(need for report in found for need in report.needs)),
        )

    def _read(self, source: str | Path, web: _Web, options: Options) -> Source:
        """The source; for a single reading as it was last read, where a copy is there."""
        if options.only and is_address(source):
            web.open().offline = True
            try:
                return read_source(source, web.open)
            except SourceError:
                pass  # the copy is lost
            finally:
                web.open().offline = False
        return read_source(source, web.open)

    def _ingest(self, read: Source, listed: list[Listed], options: Options, web: _Web) -> Report:
        if options.refresh and web.fetcher is not None:
            web.fetcher.max_age = 0.0
        sought = self._known(read, listed)
        chosen = self._chosen(read, listed, sought, options)
        if options.only and not chosen:
            return Report(read.name, 0, 0, (), 0, found=False)
        if not options.dry_run and self._looks(read, options):
            self._look(read, listed, web, options, chosen)
            sought = self._known(read, listed)
        unsought = len(to_find(listed, read.root)) - len(sought)
        plan = self._plan(read, listed, sought)
        chosen |= self._chosen(read, listed, sought, options)
        if options.dry_run:
            report = self._preview(read, plan)
        else:
            report = self._bring(read, plan, options, chosen)
        return replace(
            report,
            fetched=web.fetcher.bodies if web.fetcher is not None else 0,
            notes=read.notes,
            sought=tuple(sorted(Counter(one.state for one in sought.values()).items())),
            unsought=unsought,
        )

    def _plan(self, read: Source, listed: Sequence[Listed], sought: Mapping[str, Sought]) -> Plan:
        """What the source is to become, without what the instructor took out."""
        catalogue = self._store.catalogue()
        elsewhere = {
            Path(record.document.path).name: record.document.reading
            for record in catalogue.records.values()
            if read.name == ADDED and record.source != ADDED and record.passages
        }
        plan = make_plan(read, listed, sought, self._store.folder, elsewhere)
        out = removed(catalogue.corrections)
        for id_ in out & set(plan.jobs):
            del plan.jobs[id_]
        return plan

    def _looks(self, read: Source, options: Options) -> bool:
        """Whether readings are looked for on the network."""
        if options.fetch is not None:
            return options.fetch
        before = bool(options.only) and bool(remembered(self._store, read.name))
        return is_address(read.name) or read.name == ADDED or before

    def _chosen(
        self,
        read: Source,
        listed: Sequence[Listed],
        sought: Mapping[str, Sought],
        options: Options,
    ) -> set[str]:
        """What `options.only` means here: ids as listed, in the course, and of documents."""
        if not options.only:
            return set()
        plan = self._plan(read, listed, sought)
        out = {
            one
            for listed_as, name in plan.names.items()
            if {listed_as, name} & options.only
            for one in (listed_as, name)
        }
        return out | (options.only & set(plan.jobs))

    # --- looking -------------------------------------------------------------------------------

    def _look(
        self,
        source: Source,
        listed: Sequence[Listed],
        web: _Web,
        options: Options,
        chosen: set[str],
    ) -> None:
        """Look for the readings on the network, and note what is found."""
        corrections = self._store.catalogue().corrections
        wanted = heeding(to_find(listed, source.root), corrections)
        gone = set(remembered(self._store, source.name)) - {one.id for one in wanted}
        if options.only:
            wanted = [one for one in wanted if one.id in chosen]
        elif gone:
            self._store.drop_sought(source.name, gone)
        if not wanted:
            return
        self._listener(Progress("fetching", 0, len(wanted)))
        if options.refresh:
            web.open().max_age = 0.0
        with self._parser() as parser:
            resolver = Resolver(web.open(), parser.parse, web.places)

            def done(count: int, one: Sought) -> None:
                self._listener(Progress("fetching", count, len(wanted), one.title))

            gather(self._store, source.name, wanted, resolver, done)

    def _known(self, source: Source, listed: Sequence[Listed]) -> dict[str, Sought]:
        """What is known of the listed readings; files of links that are gone do not count."""
        known = remembered(self._store, source.name)
        out: dict[str, Sought] = {}
        for one in to_find(listed, source.root):
            given = known.get(one.id)
            if given is not None and given.urls != one.urls:
                found = tuple(file for file in given.found if file.url in one.urls)
                given = replace(given, found=found) if found else None
            if given is not None:
                out[one.id] = given
        return out

    # --- planning ------------------------------------------------------------------------------

    def _before(self, source: str) -> dict[str, Record]:
        records = self._store.catalogue().records
        return {id_: record for id_, record in records.items() if record.source == source}

    def _preview(self, source: Source, plan: Plan) -> Report:
        """What an ingest would do, from what is on disk."""
        before = self._before(source.name)
        jobs = [*plan.jobs.values(), *self._abstracts(plan, before)]
        fresh, outcomes = _sorted(jobs, before)
        for job in fresh:
            change: Change = "changed" if job.document.id in before else "new"
            outcomes.append(Outcome(change, job.document))
        gone = set(before) - {job.document.id for job in jobs}
        outcomes.extend(Outcome("removed", before[id_].document) for id_ in sorted(gone))
        return self._report(source, plan, outcomes, 0, dry=True)

    def _abstracts(self, plan: Plan, records: Mapping[str, Record]) -> list[Job]:
        """Descriptions of the readings whose own text is not there, and will not be."""
        covered = {
            job.document.reading
            for job in plan.jobs.values()
            if job.paper and not _failed_for_good(job, records.get(job.document.id))
        }
        return [job for id_, jobs in plan.abstracts.items() if id_ not in covered for job in jobs]

    # --- doing ---------------------------------------------------------------------------------

    def _bring(self, source: Source, plan: Plan, options: Options, chosen: set[str]) -> Report:
        before = self._before(source.name)
        if options.only:
            before = {id_: one for id_, one in before.items() if _among(one.document, chosen)}
            plan.jobs = {id_: j for id_, j in plan.jobs.items() if _among(j.document, chosen)}
            plan.abstracts = {id_: jobs for id_, jobs in plan.abstracts.items() if id_ in chosen}
        abstracts = self._abstracts(plan, before)
        jobs = [*abstracts, *plan.jobs.values()]
        fresh, outcomes = _sorted(jobs, before)
        if fresh:
            self._claim_model()
        form = "course" if source.syllabus else "documents"
        form = "added" if source.name == ADDED else form
        title = source.syllabus.title if source.syllabus else None
        self._store.put_source(source.name, form, title, plan.sessions)
        self._keep(jobs, before)
        embedded = 0
        if fresh:
            made, embedded = self._make(source.name, fresh, set(before))
            outcomes.extend(made)
        # Papers that have just failed: their descriptions stand in for them after all.
        done = {job.document.id for job in jobs}
        late = [
            job
            for job in self._abstracts(plan, self._before(source.name))
            if job.document.id not in done
        ]
        late_fresh, late_outcomes = _sorted(late, before)
        outcomes.extend(late_outcomes)
        if late_fresh:
            made, more = self._make(source.name, late_fresh, set(before))
            outcomes.extend(made)
            embedded += more
        gone = self._gone(plan, before, done | {job.document.id for job in late}, options)
        self._store.remove(gone)
        outcomes.extend(Outcome("removed", before[id_].document) for id_ in gone)
        self._attach()
        return self._report(source, plan, outcomes, embedded)

    def _keep(self, jobs: Iterable[Job], before: Mapping[str, Record]) -> None:
        """Keep the files of paged documents that are there unchanged, where they are not kept."""
        for job in jobs:
            known = before.get(job.document.id)
            if job.file is None or known is None or known.hash != job.hash:
                continue
            paged = known.pages and known.passages
            if paged and self._store.file_of(job.document.id) is None:
                self._store.keep(job.document.id, job.file)

    def _gone(
        self, plan: Plan, before: Mapping[str, Record], there: set[str], options: Options
    ) -> list[str]:
        gone = [id_ for id_ in before if id_ not in there]
        if not options.keep_removed:
            return gone
        listed = {job.document.reading for job in plan.jobs.values()} | set(plan.names)
        listed |= {reading.id for session in plan.sessions for reading in session.readings}
        return [id_ for id_ in gone if before[id_].document.reading in listed]

    def _report(
        self,
        source: Source,
        plan: Plan,
        outcomes: Sequence[Outcome],
        embedded: int,
        dry: bool = False,
    ) -> Report:
        return Report(
            source.name,
            len(plan.sessions),
            source.syllabus.readings if source.syllabus else 0,
            tuple(outcomes),
            embedded,
            needs=needs(self._store.catalogue(), source.name),
            dry=dry,
        )

    def _claim_model(self) -> None:
        """Note the embedding model in a new store; refuse to mix two in an old one."""
        ours = self._embedder.name, self._embedder.precision
        self._store.require_model(*ours)
        self._store.remember_model(*ours)

    def _make(
        self, source: str, jobs: Sequence[Job], existing: set[str]
    ) -> tuple[list[Outcome], int]:
        outcomes: list[Outcome] = []
        embedded = 0
        started = time.monotonic()
        waiting: list[tuple[Job, Document, tuple[Block, ...], int | None, str]] = []

        def flush() -> None:
            nonlocal embedded
            if not waiting:
                return
            from seminar_rag.ingest.nodes import embed_texts

            def note(count: int) -> None:
                nonlocal embedded
                embedded += count
                speed = embedded / (time.monotonic() - started)
                label = f"{embedded} passages, {speed:.0f} a second"
                self._listener(Progress("embedding", len(outcomes), len(jobs), label))

            texts = [(document, blocks, job.context) for job, document, blocks, *_ in waiting]
            found = embed_texts(texts, self._embedder, self._store.vectors_of, note)
            for job, document, _, pages, remark in waiting:
                passages, vectors = found[document.id]
                record = Record(document, source, job.hash, "indexed", remark, pages)
                if not passages:
                    record = replace(record, outcome="no_text", detail="it holds no text")
                # A paged file is kept: its pages are shown beside the answers.
                kept = job.file if pages and passages else None
                self._store.replace(record, passages, vectors, kept)
                change: Change = "changed" if document.id in existing else "new"
                outcomes.append(
                    Outcome(
                        change if passages else "failed", document, len(passages), record.detail
                    )
                )
                self._listener(Progress("indexed", len(outcomes), len(jobs), document.title))
            waiting.clear()

        for job, parsed in self._parsed(jobs):
            if isinstance(parsed, DocumentError):
                says = _named(job, parsed)
                record = Record(job.document, source, job.hash, parsed.failure, says)
                kept = self._store.note(record)
                outcomes.append(Outcome("failed", job.document, kept, says))
                self._listener(Progress("failed", len(outcomes), len(jobs), says))
                continue
            waiting.append((job, *parsed))
            if sum(len(blocks) for _, _, blocks, *_ in waiting) >= _FLUSH:
                flush()
        flush()
        return outcomes, embedded

    def _parsed(
        self, jobs: Sequence[Job]
    ) -> Iterator[tuple[Job, tuple[Document, tuple[Block, ...], int | None, str] | DocumentError]]:
        """Every job with its text; the guarded parser reads some files ahead of us."""
        for job in jobs:
            if job.file is None:
                yield job, (job.document, job.blocks, None, "")
        files = [(job, job.file) for job in jobs if job.file is not None]
        if not files:
            return
        with self._parser() as parser:
            ahead = deque(parser.submit(file) for _, file in files[:_AHEAD])
            for done, (job, file) in enumerate(files):
                self._listener(Progress("parsing", done, len(files), job.document.title))
                if done + _AHEAD < len(files):
                    ahead.append(parser.submit(files[done + _AHEAD][1]))
                try:
                    parsed = ahead.popleft().result()
                except DocumentError as error:
                    yield job, error
                    continue
                document = job.document
                if not document.title:
                    document = replace(document, title=parsed.title or _spoken(file.stem))
                yield job, (document, parsed.blocks, parsed.pages, "; ".join(parsed.notes))

    def _attach(self) -> None:
        """Give documents that no page lists to the reading they are, where that is certain."""
        catalogue = self._store.catalogue()
        listed = [reading for session in catalogue.sessions for reading in session.readings]
        for record in catalogue.records.values():
            if record.document.kind != "paper" or record.document.sessions:
                continue
            if record.document.path.startswith("web/"):
                continue  # fetched for a reading that was kept
            reading = match(record.document, listed) or own_id(record.document)
            if reading != record.document.reading:
                self._store.assign(record.document.id, reading)


class _Web:
    """The network during one ingest, opened when first needed."""

    def __init__(self, network: Network | None, stack: contextlib.ExitStack, source: str) -> None:
        self.fetcher: Fetcher | None = None
        self.places = network.places if network is not None else Places()
        self._network = network
        self._stack = stack
        self._source = source

    def open(self) -> Fetcher:
        """The fetcher.

        Raises:
            SourceError: the network is out of reach here.
        """
        if self._network is None:
            raise SourceError(f"{self._source} is on the web — fetching is switched off here")
        if self.fetcher is None:
            self.fetcher = self._stack.enter_context(self._network.fetcher())
        return self.fetcher


def _among(document: Document, ids: set[str]) -> bool:
    return document.id in ids or document.reading in ids


def _sorted(jobs: Iterable[Job], before: Mapping[str, Record]) -> tuple[list[Job], list[Outcome]]:
    """The jobs to do, and the outcomes of those that need not be done."""
    fresh: list[Job] = []
    outcomes: list[Outcome] = []
    for job in jobs:
        known = before.get(job.document.id)
        if known is None or known.hash != job.hash or known.outcome in ("limit", "unreadable"):
            fresh.append(job)
        elif known.outcome == "indexed":
            outcomes.append(Outcome("unchanged", known.document, known.passages))
        else:
            outcomes.append(Outcome("failed", known.document, known.passages, known.detail))
    return fresh, outcomes


def _failed_for_good(job: Job, known: Record | None) -> bool:
    """Whether this very text was tried and has no passages."""
    return known is not None and known.hash == job.hash and not known.passages


def _named(job: Job, error: DocumentError) -> str:
    """The parser's words with the document's title in place of a fetched file's name."""
    assert job.file is not None
    fetched = job.document.path.startswith("web/")
    return str(error).replace(job.file.name, job.document.title) if fetched else str(error)


def _spoken(stem: str) -> str:
    return re.sub(r"[_\s]+", " ", stem).strip()
