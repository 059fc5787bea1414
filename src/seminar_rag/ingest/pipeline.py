"""Sources → the store: what changed is fetched, read, split and embedded; what vanished is removed.

One outcome per document, always with a reason. A document's passages are swapped only when the
new ones are ready, so that neither a failure nor an interrupt takes anything away; what was
fetched stays on disk, so that an interrupted ingest goes on where it stopped.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import SourceError
from seminar_rag.ingest.curate import added, corrected, heeding, lift, removed
from seminar_rag.ingest.gather import Looked, Search, noted, remembered
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
from seminar_rag.ingest.report import needs
from seminar_rag.ingest.sources import Source, is_address, read_source
from seminar_rag.ingest.work import Clock, Parsed, Work, unchanged
from seminar_rag.types.catalogue import ListedSession, Lookup, Record
from seminar_rag.types.ingest import ADDED, Change, Listener, Options, Outcome, Progress, Report
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.resolve import Places, Resolver
from seminar_rag.web.titles import Wanted

if TYPE_CHECKING:
    from seminar_rag.documents.parse import Parser
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import Embedder

__all__ = ["Ingestor", "Listener", "Network", "Options", "Progress", "Report", "match", "slug"]


@dataclass(frozen=True, slots=True)
class Network:
    """How the network is reached."""

    fetcher: Callable[[], Fetcher]
    """Makes a fetcher whose files lie under the data folder."""
    places: Places = field(default_factory=Places)


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
            named = len(read.files) == 1 and read.syllabus is None
            if named and not options.only and not options.dry_run:
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
        lookups = self._known(read, listed)
        chosen = self._chosen(read, listed, lookups, options)
        if options.only and not chosen:
            return Report(read.name, 0, 0, (), 0, found=False)
        if options.dry_run:
            report = self._preview(read, self._plan(read, listed, lookups), options)
        else:
            known = remembered(self._store, read.name)
            report = self._bring(_Task(read, listed, options, web, lookups, known, chosen))
        return replace(
            report,
            fetched=web.fetcher.bodies if web.fetcher is not None else 0,
            notes=read.notes,
            lookups=tuple(sorted(Counter(one.state for one in lookups.values()).items())),
            not_looked_up=len(to_find(listed, read.root)) - len(lookups),
        )

    def _plan(self, read: Source, listed: Sequence[Listed], lookups: Mapping[str, Lookup]) -> Plan:
        """What the source is to become, without what the instructor took out."""
        catalogue = self._store.catalogue()
        elsewhere = {
            Path(record.document.path).name: record.document.reading
            for record in catalogue.records.values()
            if read.name == ADDED and record.source != ADDED and record.passages
        }
        plan = make_plan(read, listed, lookups, self._store.folder, elsewhere)
        out = removed(catalogue.corrections)
        plan.jobs = {id_: job for id_, job in plan.jobs.items() if id_ not in out}
        plan.abstracts = {
            id_: [job for job in jobs if job.document.id not in out]
            for id_, jobs in plan.abstracts.items()
        }
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
        lookups: Mapping[str, Lookup],
        options: Options,
    ) -> set[str]:
        """What `options.only` means here: ids as listed, in the course, and of documents."""
        if not options.only:
            return set()
        plan = self._plan(read, listed, lookups)
        out = {
            one
            for listed_as, name in plan.names.items()
            if {listed_as, name} & options.only
            for one in (listed_as, name)
        }
        described = {job.document.id for jobs in plan.abstracts.values() for job in jobs}
        loose = {
            id_
            for id_, record in self._before(read.name).items()
            if id_ in plan.jobs and record.document.reading in options.only
        }
        return out | loose | (options.only & (set(plan.jobs) | described))

    # --- looking -------------------------------------------------------------------------------

    def _wanted(self, task: _Task) -> list[Wanted]:
        """The readings to look for on the network; what is known of others is forgotten."""
        read, options = task.read, task.options
        if not self._looks(read, options):
            return []
        corrections = self._store.catalogue().corrections
        wanted = heeding(to_find(task.listed, read.root), corrections)
        if options.only:
            return [one for one in wanted if one.id in task.chosen]
        gone = set(remembered(self._store, read.name)) - {one.id for one in wanted}
        if gone:
            self._store.drop_lookups(read.name, gone)
        return wanted

    def _known(self, source: Source, listed: Sequence[Listed]) -> dict[str, Lookup]:
        """What is known of the listed readings; files of links that are gone do not count."""
        known = remembered(self._store, source.name)
        out: dict[str, Lookup] = {}
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

    def _preview(self, source: Source, plan: Plan, options: Options) -> Report:
        """What an ingest would do, from what is on disk."""
        before = self._before(source.name)
        clock = Clock(lambda _: None, 0)
        work = Work(self._store, self._embedder, self._parser, source.name, before, clock)
        jobs = _due(plan, work.barren, set(), set())
        outcomes = []
        for job in jobs:
            known = before.get(job.document.id)
            if known is not None and not work.fresh(job):
                outcomes.append(unchanged(known))
            else:
                change: Change = "changed" if known is not None else "new"
                outcomes.append(Outcome(change, job.document))
        gone = self._gone(plan, before, {job.document.id for job in jobs}, options)
        outcomes.extend(Outcome("removed", before[id_].document) for id_ in sorted(gone))
        return self._report(source, plan, outcomes, 0, dry=True)

    # --- doing ---------------------------------------------------------------------------------

    def _bring(self, task: _Task) -> Report:
        """Look for readings, read and embed side by side; then remove what is gone."""
        read, options = task.read, task.options
        wanted = self._wanted(task)
        before = self._before(read.name)
        clock = Clock(self._listener, len(wanted))
        with contextlib.ExitStack() as stack:
            parser = _Once(self._parser, stack)
            work = Work(self._store, self._embedder, parser, read.name, before, clock)
            if wanted:
                if self._store.meta("model"):
                    self._claim_model()  # refuses before anything is changed
                fetcher = task.web.open()
                if options.refresh:
                    fetcher.max_age = 0.0
                stack.callback(fetcher.close)  # who waits for its turn is sent away
                resolver = Resolver(fetcher, parser().parse, task.web.places)
                search = Search(resolver, wanted, work.events.put)
                stack.callback(search.close)
            plan, done = self._work(task, work, clock, {one.id for one in wanted})
        if not done:
            outcomes = tuple(work.outcomes.values())
            return replace(self._report(read, plan, outcomes, clock.passages), stopped=True)
        self._clean(task, plan, work, clock)
        return self._report(read, plan, tuple(work.outcomes.values()), clock.passages)

    def _work(self, task: _Task, work: Work, clock: Clock, pending: set[str]) -> tuple[Plan, bool]:
        """Bring everything in as it comes; the last plan, and whether all of it was done.

        Args:
            pending: readings, by id as listed, that are being looked for.
        """
        listed: list[ListedSession] | None = None
        stale, claimed = True, False
        while True:
            if stale:
                plan = self._plan(task.read, task.listed, task.lookups)
                task.chosen |= {plan.names[id_] for id_ in task.chosen & set(plan.names)}
            due = _due(plan, work.barren, pending, task.chosen)
            if not claimed and any(map(work.fresh, due)):
                self._claim_model()  # refuses before anything is changed
                claimed = True
            if listed != plan.sessions:
                listed = plan.sessions
                self._list(task.read, plan)
            if self._stop():
                return plan, False
            work.offer(due)
            if work.idle and not pending and work.events.empty():
                return plan, True
            stale = False
            for event in work.take():
                if isinstance(event, Parsed):
                    work.read(event)
                else:
                    stale |= self._looked(task, clock, event, pending)
            work.embed()

    def _looked(self, task: _Task, clock: Clock, event: Looked, pending: set[str]) -> bool:
        """Heed an event of the search; whether a reading's documents are known now."""
        one = event.wanted
        if event.error is not None:
            raise event.error
        if one is None:
            return False
        label = one.title or one.id
        if event.resolution is None:
            clock.looking("fetching", one.id, label)
            return False
        known = task.remembered.get(one.id)
        found = noted(self._store, task.read.name, one, event.resolution, known)
        task.lookups[one.id] = found
        pending.discard(one.id)
        clock.looked += 1
        clock.looking("found", one.id, label, found.problem or found.state)
        return True

    def _clean(self, task: _Task, plan: Plan, work: Work, clock: Clock) -> None:
        """Remove what is gone, once everything else is in."""
        before = self._before(task.read.name)
        if task.options.only:
            before = {id_: one for id_, one in before.items() if _among(one, task.chosen)}
        due = _due(plan, work.barren, set(), task.chosen)
        for id_ in self._gone(plan, before, {job.document.id for job in due}, task.options):
            document = before[id_].document
            self._store.remove([id_])
            work.outcomes[id_] = Outcome("removed", document)
            clock.working("removed", id_, document.title)
        self._attach()

    def _list(self, read: Source, plan: Plan) -> None:
        """Store what the source lists."""
        form = "course" if read.syllabus else "documents"
        form = "added" if read.name == ADDED else form
        title = read.syllabus.title if read.syllabus else None
        self._store.put_source(read.name, form, title, plan.sessions)

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


class _Once:
    """The parser of one ingest, started when first needed."""

    def __init__(self, make: Callable[[], Parser], stack: contextlib.ExitStack) -> None:
        self._make = make
        self._stack = stack
        self._parser: Parser | None = None

    def __call__(self) -> Parser:
        if self._parser is None:
            self._parser = self._stack.enter_context(self._make())
        return self._parser


@dataclass(slots=True)
class _Task:
    """A source that is brought in."""

    read: Source
    listed: list[Listed]
    options: Options
    web: _Web
    lookups: dict[str, Lookup]
    """What is known of its readings, by id as listed."""
    remembered: dict[str, Lookup]
    """What was found for them before, whatever their links were then."""
    chosen: set[str]
    """With `options.only`: the readings, by either id, and the documents that are meant."""


def _among(record: Record, ids: set[str]) -> bool:
    return record.document.id in ids or record.document.reading in ids


def _due(plan: Plan, barren: Mapping[str, str], pending: set[str], chosen: set[str]) -> list[Job]:
    """The documents that are to be there as far as is known: of readings that are not looked for.

    A description is due where the reading's own text is not there, and will not be.

    Args:
        barren: documents without passages, with the hash under which they were tried.
        chosen: readings and documents; empty for all.
    """
    waiting = {plan.names[id_] for id_ in pending if id_ in plan.names}
    covered = {
        job.document.reading
        for id_, job in plan.jobs.items()
        if job.paper and barren.get(id_) != job.hash
    }
    described = [job for id_, jobs in plan.abstracts.items() if id_ not in covered for job in jobs]
    return [
        job
        for job in [*described, *plan.jobs.values()]
        if job.document.reading not in waiting
        and (not chosen or {job.document.id, job.document.reading} & chosen)
    ]
