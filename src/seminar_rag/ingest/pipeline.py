"""Sources → the store: read the source, look up and fetch what is wanted, parse, embed, store,
remove what vanished, report.

One outcome per document, always with a reason. A document's passages are swapped only when the
new ones are ready, so that neither a failure nor an interrupt takes anything away; what was
fetched stays on disk, so that an interrupted ingest goes on where it stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import SourceError
from seminar_rag.ingest.attention import needs
from seminar_rag.ingest.curate import (
    added_readings,
    corrected,
    forget_removals,
    removed,
    with_decisions,
)
from seminar_rag.ingest.plan import Job, Plan, make_plan, to_look_up, with_earlier
from seminar_rag.ingest.sources import (
    Listed,
    Source,
    is_address,
    list_readings,
    match,
    own_id,
    read_source,
)
from seminar_rag.ingest.states import Table
from seminar_rag.ingest.work import Work, unchanged
from seminar_rag.types.catalogue import ListedSession, Lookup, Record
from seminar_rag.types.ingest import ADDED, Listener, Options, Outcome, Progress, Report
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.identify import Wanted
from seminar_rag.web.places import Places
from seminar_rag.web.resolve import Resolver

if TYPE_CHECKING:
    from seminar_rag.documents.parse import Parser
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import Embedder


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
        stop: asked between two readings; once it returns True the ingest ends.
        """
        self._store = store
        self._embedder = embedder
        self._parser = parser
        self._listener = listener
        self._network = network
        self._stop = stop

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
            corrections = self._store.catalogue().corrections
            listed = corrected(list_readings(read), corrections)
            named = len(read.files) == 1 and read.syllabus is None
            if named and not options.only and not options.dry_run:
                forget_removals(self._store, make_plan(read, listed, {}, self._store.folder).jobs)
            return self._run(read, listed, options, web, stack)

    def ingest_added(self, options: Options = Options()) -> Report:
        """Bring in the readings that the instructor added by hand, or up to date.

        Raises:
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        catalogue = self._store.catalogue()
        read, entries = added_readings(catalogue, self._store.folder)
        listed = corrected(entries, catalogue.corrections)
        if not listed and not options.dry_run:
            if any(source == ADDED for source, _ in catalogue.sources):
                self._store.forget_source(ADDED)
            return Report(ADDED, 0, 0, (), 0, found=False)
        with contextlib.ExitStack() as stack:
            return self._run(read, listed, options, _Web(self._network, stack, ADDED), stack)

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

    def _run(
        self,
        read: Source,
        listed: list[Listed],
        options: Options,
        web: _Web,
        stack: contextlib.ExitStack,
    ) -> Report:
        run = _Run(self._store, read, listed, options, web)
        if options.only and not run.choose():
            return Report(read.name, 0, 0, (), 0, found=False)
        table = Table(self._listener if not options.dry_run else lambda _: None)
        work = Work(self._store, self._embedder, self._parser, read.name, table)
        if options.dry_run:
            return run.preview(work, table)
        wanted = run.wanted()
        stack.enter_context(work)
        if wanted:
            self._look_up(wanted, run, work, table, web, stack)
        while True:
            run.plan(work, table)
            if self._stop():
                return run.report(table, stopped=True)
            if table.finished and work.idle:
                break
            work.parse()
            work.wait()
            work.embed_and_store()
        run.remove_vanished(work, table)
        run.attach_loose_documents()
        return run.report(table)

    def _look_up(
        self,
        wanted: Sequence[Wanted],
        run: _Run,
        work: Work,
        table: Table,
        web: _Web,
        stack: contextlib.ExitStack,
    ) -> None:
        """Begin to look up readings in threads, which leave what they find with `work`."""
        work.claim_model(known_only=True)  # refuses before anything is changed
        fetcher = web.open()
        if run.options.refresh:
            fetcher.max_age = 0.0
        for one in wanted:
            table.want(one.id, one.title or one.id)

        def begun(one: Wanted) -> None:
            work.later(lambda: table.looking_up(one.id))

        def done(one: Wanted, lookup: Lookup) -> None:
            work.later(lambda: table.looked_up(one.id, run.found(one, lookup)))

        resolver = Resolver(fetcher, work.parser.parse, web.places)
        stack.callback(fetcher.close)  # whoever waits for its turn is sent away
        stack.callback(resolver.start(wanted, begun, done, work.fail))


class _Run:
    """One source: what it lists, what was looked up for it, and what is to become of it."""

    def __init__(
        self, store: Store, read: Source, listed: list[Listed], options: Options, web: _Web
    ) -> None:
        self.options = options
        self.stale = True
        """Whether more is known than the plan says."""
        self._store = store
        self._read = read
        self._listed = listed
        self._web = web
        self._remembered = {
            one.reading: one for one in store.catalogue().lookups if one.source == read.name
        }
        self._lookups = self._known_lookups()
        self._chosen: set[str] = set()
        """With `options.only`: the readings, by either id, and the documents that are meant."""
        self._plan = Plan()
        self._sessions: list[ListedSession] | None = None

    # --- what is wanted ------------------------------------------------------------------------

    def _known_lookups(self) -> dict[str, Lookup]:
        """What is known of the listed readings; files of links that are gone do not count."""
        out: dict[str, Lookup] = {}
        for one in to_look_up(self._listed, self._read):
            known = self._remembered.get(one.id)
            if known is not None and known.urls != one.urls:
                found = tuple(file for file in known.found if file.url in one.urls)
                known = replace(known, found=found) if found else None
            if known is not None:
                out[one.id] = known
        return out

    def choose(self) -> bool:
        """Take in what `options.only` means here; whether the source has any of it."""
        only = self.options.only
        plan = self._make_plan()
        for listed_as, name in plan.names.items():
            if {listed_as, name} & only:
                self._chosen |= {listed_as, name}
        for id_, record in self._before().items():
            if id_ in plan.jobs and record.document.reading in only:
                self._chosen.add(id_)
        described = {job.document.id for jobs in plan.abstracts.values() for job in jobs}
        self._chosen |= only & (set(plan.jobs) | described)
        return bool(self._chosen)

    def wanted(self) -> list[Wanted]:
        """The readings to look up on the network; lookups of others are forgotten."""
        fetch, name = self.options.fetch, self._read.name
        if fetch is None:
            before = bool(self.options.only) and bool(self._remembered)
            fetch = is_address(name) or name == ADDED or before
        if not fetch:
            return []
        corrections = self._store.catalogue().corrections
        wanted = with_decisions(to_look_up(self._listed, self._read), corrections)
        if self.options.only:
            return [one for one in wanted if one.id in self._chosen]
        gone = set(self._remembered) - {one.id for one in wanted}
        if gone:
            self._store.drop_lookups(name, gone)
        return wanted

    def found(self, wanted: Wanted, lookup: Lookup) -> str:
        """Store what was found for a reading; what there is of it, in words."""
        known = self._remembered.get(wanted.id)
        found = with_earlier(lookup, known, wanted.rejected)
        if known is None or found != replace(known, at=""):
            self._store.put_lookup(found)
        self._lookups[wanted.id] = found
        self.stale = True
        return found.problem or found.state

    # --- what is to be made --------------------------------------------------------------------

    def plan(self, work: Work, table: Table) -> None:
        """Bring the table up to date with what is known now."""
        if self.stale:
            self._plan = self._make_plan()
            self._chosen |= {self._plan.names[id_] for id_ in self._chosen & set(self._plan.names)}
            self.stale = False
        due = self._due(work, table.wanted)
        if any(map(work.must_make, due)):
            work.claim_model()  # refuses before anything is changed
        if self._sessions != self._plan.sessions:
            self._sessions = self._plan.sessions
            syllabus = self._read.syllabus
            form = "added" if self._read.name == ADDED else "course" if syllabus else "documents"
            title = syllabus.title if syllabus else None
            self._store.put_source(self._read.name, form, title, self._sessions)
        work.offer(due)

    def _make_plan(self) -> Plan:
        """The documents of the source, without what the instructor removed."""
        catalogue = self._store.catalogue()
        elsewhere = {
            Path(record.document.path).name: record.document.reading
            for record in catalogue.records.values()
            if self._read.name == ADDED and record.source != ADDED and record.passages
        }
        folder = self._store.folder
        plan = make_plan(self._read, self._listed, self._lookups, folder, elsewhere)
        out = removed(catalogue.corrections)
        plan.jobs = {id_: job for id_, job in plan.jobs.items() if id_ not in out}
        plan.abstracts = {
            id_: [job for job in jobs if job.document.id not in out]
            for id_, jobs in plan.abstracts.items()
        }
        return plan

    def _due(self, work: Work, wanted: set[str]) -> list[Job]:
        """The documents that are to be there, but for those of readings still being looked up.

        A description is due where the reading's own text is not there, and will not be.
        """
        plan, chosen = self._plan, self._chosen
        waiting = {plan.names[id_] for id_ in wanted if id_ in plan.names}
        covered = {
            job.document.reading
            for id_, job in plan.jobs.items()
            if job.paper and work.without_text.get(id_) != job.hash
        }
        described = [
            job for id_, jobs in plan.abstracts.items() if id_ not in covered for job in jobs
        ]
        return [
            job
            for job in [*described, *plan.jobs.values()]
            if job.document.reading not in waiting
            and (not chosen or {job.document.id, job.document.reading} & chosen)
        ]

    # --- the end -------------------------------------------------------------------------------

    def preview(self, work: Work, table: Table) -> Report:
        """What an ingest would do, from what is on disk."""
        self._plan = self._make_plan()
        before = self._before()
        due = self._due(work, set())
        outcomes = [
            unchanged(before[job.document.id])
            if not work.must_make(job)
            else Outcome("changed" if job.document.id in before else "new", job.document)
            for job in due
        ]
        gone = self._vanished(before, {job.document.id for job in due})
        outcomes += [Outcome("removed", before[id_].document) for id_ in sorted(gone)]
        return replace(self.report(table), outcomes=tuple(outcomes), dry=True)

    def remove_vanished(self, work: Work, table: Table) -> None:
        """Remove what the source has no longer, once everything else is in."""
        before = self._before()
        if self.options.only:
            before = {
                id_: record
                for id_, record in before.items()
                if {id_, record.document.reading} & self._chosen
            }
        due = self._due(work, set())
        for id_ in self._vanished(before, {job.document.id for job in due}):
            self._store.remove([id_])
            table.remove(before[id_].document)

    def _before(self) -> dict[str, Record]:
        """The documents of the source that are in the store."""
        records = self._store.catalogue().records
        return {id_: record for id_, record in records.items() if record.source == self._read.name}

    def _vanished(self, before: Mapping[str, Record], there: set[str]) -> list[str]:
        gone = [id_ for id_ in before if id_ not in there]
        if not self.options.keep_removed:
            return gone
        plan = self._plan
        listed = {job.document.reading for job in plan.jobs.values()} | set(plan.names)
        listed |= {reading.id for session in plan.sessions for reading in session.readings}
        return [id_ for id_ in gone if before[id_].document.reading in listed]

    def attach_loose_documents(self) -> None:
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

    def report(self, table: Table, stopped: bool = False) -> Report:
        """What was done."""
        states = [one.state for one in self._lookups.values()]
        syllabus, fetcher = self._read.syllabus, self._web.fetcher
        return Report(
            self._read.name,
            len(self._plan.sessions),
            syllabus.readings if syllabus else 0,
            table.outcomes,
            table.embedded,
            fetched=fetcher.bodies if fetcher is not None else 0,
            needs=needs(self._store.catalogue(), self._read.name),
            notes=self._read.notes,
            lookups=tuple((state, states.count(state)) for state in sorted(set(states))),
            not_looked_up=len(to_look_up(self._listed, self._read)) - len(self._lookups),
            stopped=stopped,
        )


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
