"""Sources → the store: read the source, look up and fetch what is wanted, parse, embed, store,
remove what vanished, report.

One outcome per document, always with a reason. A document's passages are swapped only when the
new ones are ready, so that neither a failure nor an interrupt takes anything away; what was
fetched stays on disk, so that an interrupted ingest goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.documents.archive import Unpacker
from seminar_rag.errors import SourceError
from seminar_rag.ingest.attention import needs
from seminar_rag.ingest.correct import added_readings, corrected, removed, with_decisions
from seminar_rag.ingest.intake import forget_removals
from seminar_rag.ingest.local import SourceContent, with_archives
from seminar_rag.ingest.plan import Plan, known_lookups, make_plan, to_look_up, with_earlier
from seminar_rag.ingest.sources import (
    PageEntry,
    is_address,
    list_readings,
    match,
    own_id,
    read_source,
    required,
)
from seminar_rag.ingest.states import ProgressTable
from seminar_rag.ingest.uploaded import read_uploaded
from seminar_rag.ingest.work import DocumentMaker, unchanged
from seminar_rag.types.catalogue import ListedSession, Lookup, Record
from seminar_rag.types.ingest import (
    ADDED,
    UPLOADED,
    DocumentOutcome,
    IngestReport,
    Listener,
    Options,
    Progress,
)
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
    """Brings sources into a store. Use under `store.writer()`. All methods raise StoreError where
    it cannot be written, or holds vectors of another model."""

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

    def ingest(self, source: str | Path, options: Options = Options()) -> IngestReport:
        """Bring one source in, or up to date. Raises SourceError where it cannot be read, or holds
        nothing to ingest; nothing was changed."""
        name = str(source).rstrip("/").rpartition("/")[2]
        self._listener(Progress("reading", 0, 1, name))
        with ExitStack() as stack:
            fetcher = self._fetcher(stack)
            read = self._read(source, fetcher, options, stack.enter_context(Unpacker()))
            sessions = read.syllabus.sessions if read.syllabus else ()
            catalogue = self._store.catalogue()
            if read.syllabus is None and (read.name, "course") in catalogue.sources:
                raise SourceError(
                    f"{source} lists no readings any more; the course stays as it was — correct the"
                    " list, or give texts that are readings themselves in a folder of their own"
                )
            made = catalogue.corrections
            listed = corrected(list_readings(read), made, sessions)
            named = len(read.files) == 1 and read.syllabus is None
            if named and not options.only and not options.dry_run:
                forget_removals(self._store, make_plan(read, listed, {}, self._store.folder).jobs)
            return self._bring_in(_Run(self._store, read, listed, options, fetcher), fetcher, stack)

    def ingest_added(self, options: Options = Options()) -> IngestReport:
        """Bring in the readings that the instructor added by hand, or up to date."""
        catalogue = self._store.catalogue()
        read, entries = added_readings(catalogue, self._store.folder)
        listed = corrected(entries, catalogue.corrections)
        if not listed and not options.dry_run:
            if any(source == ADDED for source, _ in catalogue.sources):
                self._store.forget_source(ADDED)
            return IngestReport(ADDED, 0, 0, (), 0, found=False)
        with ExitStack() as stack:
            read = with_archives(read, stack.enter_context(Unpacker()))
            fetcher = self._fetcher(stack)
            return self._bring_in(_Run(self._store, read, listed, options, fetcher), fetcher, stack)

    def ingest_only(self, options: Options) -> IngestReport | None:
        """Bring `options.only` up to date in every source that has it; None where none has. Raises
        SourceError where a source cannot be read, and no other has it."""
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

    def _bring_in(self, run: _Run, fetcher: Fetcher | None, stack: ExitStack) -> IngestReport:
        """Take one source the whole way, from what is wanted to the report."""
        if run.options.only and not run.choose():
            return IngestReport(run.source, 0, 0, (), 0, found=False)
        table = ProgressTable(self._listener)
        work = DocumentMaker(self._store, self._embedder, self._parser, run.source, table)
        if run.options.dry_run:
            return run.preview(work, table)
        stack.enter_context(work)
        wanted = run.wanted()
        if wanted:
            work.claim_model(known_only=True)  # refuses before anything is changed
            opened = required(fetcher, run.source)
            stack.callback(opened.close)  # whoever waits for a turn gets an error
            stack.callback(self._look_up(wanted, run, work, table, opened))
        while True:
            run.plan(work, table)  # wanted → fetched
            if self._stop():
                return run.report(table, stopped=True)
            if table.finished and work.idle:
                break
            work.parse()  # fetched → parsed
            work.wait()
            work.embed_and_store()  # parsed → embedded → stored
        run.remove_vanished(work, table)
        run.attach_loose_documents()
        return run.report(table)

    def _look_up(
        self,
        wanted: Sequence[Wanted],
        run: _Run,
        work: DocumentMaker,
        table: ProgressTable,
        fetcher: Fetcher,
    ) -> Callable[[], None]:
        """Begin to look up readings in threads that leave what they find with `work`; returns a
        function that stops them."""
        if run.options.refresh:
            fetcher.max_age = 0.0
        for one in wanted:
            table.want(one.id, one.title or one.id)

        def begun(one: Wanted) -> None:
            work.later(lambda: table.looking_up(one.id))

        def done(one: Wanted, lookup: Lookup) -> None:
            work.later(lambda: table.looked_up(one.id, run.found(one, lookup)))

        places = self._network.places if self._network is not None else Places()
        return Resolver(fetcher, work.parser.parse, places).start(wanted, begun, done, work.fail)

    def _read(
        self, source: str | Path, fetcher: Fetcher | None, options: Options, unpacker: Unpacker
    ) -> SourceContent:
        """The source; for a single reading as it was last read, where a copy is there."""
        if source == UPLOADED:
            return read_uploaded(self._store.catalogue(), self._store.folder)
        if fetcher is not None and options.only and is_address(source):
            fetcher.offline = True
            try:
                return read_source(source, fetcher, unpacker)
            except SourceError:
                pass  # the copy is lost
            finally:
                fetcher.offline = False
        return read_source(source, fetcher, unpacker)

    def _fetcher(self, stack: ExitStack) -> Fetcher | None:
        """The fetcher of one ingest; None where the network is out of reach."""
        return stack.enter_context(self._network.fetcher()) if self._network is not None else None


class _Run:
    """One source, between what its page lists, as the instructor corrected it, and what the store
    has of it."""

    def __init__(
        self,
        store: Store,
        read: SourceContent,
        listed: list[PageEntry],
        options: Options,
        fetcher: Fetcher | None,
    ) -> None:
        self.options = options
        self.source = read.name
        self._fetcher = fetcher
        self._store = store
        self._read = read
        self._listed = listed
        self._remembered = {
            one.reading: one for one in store.catalogue().lookups if one.source == read.name
        }
        self._lookups = known_lookups(to_look_up(listed, read), self._remembered)
        self._chosen: set[str] = set()
        """With `options.only`: the readings, by either id, and the documents that are meant."""
        self._plan = self._made_plan()
        self._stale = False
        """Whether more is known than the plan says."""
        self._sessions: list[ListedSession] | None = None

    def choose(self) -> bool:
        """Take in what `options.only` means here; whether the source has any of it."""
        only, plan = self.options.only, self._plan
        for listed_as, name in plan.names.items():
            if {listed_as, name} & only:
                self._chosen |= {listed_as, name}
        for id_, record in self._before().items():
            if id_ in plan.jobs and record.document.reading in only:
                self._chosen.add(id_)
        described = {id_ for jobs in plan.described.values() for id_ in jobs}
        self._chosen |= only & (set(plan.jobs) | described)
        return bool(self._chosen)

    def wanted(self) -> list[Wanted]:
        """The readings to look up on the network; lookups of others are forgotten."""
        fetch, name = self.options.fetch, self.source
        if fetch is None:
            before = bool(self.options.only) and bool(self._remembered)
            fetch = is_address(name) or name in (ADDED, UPLOADED) or before
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
        """Store what was found for a reading; returns in words what there is of it."""
        known = self._remembered.get(wanted.id)
        found = with_earlier(lookup, known, wanted.rejected)
        if known is None or found != replace(known, at=""):
            self._store.put_lookup(found)
        self._lookups[wanted.id] = found
        self._stale = True
        return found.problem or found.state

    def plan(self, work: DocumentMaker, table: ProgressTable) -> None:
        """Bring the store's lists and the table up to date with what is known now."""
        if self._stale:
            self._plan = self._made_plan()
            self._chosen |= {self._plan.names[id_] for id_ in self._chosen & set(self._plan.names)}
        elif not work.changed:
            return
        self._stale = work.changed = False
        due = self._plan.due(work.without_text, table.wanted, self._chosen)
        if any(map(work.must_make, due.values())):
            work.claim_model()  # refuses before anything is changed
        if self._sessions != self._plan.sessions:
            self._sessions = self._plan.sessions
            syllabus = self._read.syllabus
            form = "added" if self.source == ADDED else "course" if syllabus else "documents"
            title = syllabus.title if syllabus else None
            events = syllabus.events if syllabus else ()
            self._store.put_source(self.source, form, title, self._sessions, events)
        work.offer(due)

    def _made_plan(self) -> Plan:
        catalogue = self._store.catalogue()
        elsewhere = {
            Path(record.document.path).name: record.document.reading
            for record in catalogue.records.values()
            if self.source == ADDED and record.source != ADDED and record.passages
        }
        out = removed(catalogue.corrections)
        folder = self._store.folder
        return make_plan(self._read, self._listed, self._lookups, folder, out, elsewhere)

    def preview(self, work: DocumentMaker, table: ProgressTable) -> IngestReport:
        """What an ingest would do, from what is on disk."""
        before = self._before()
        outcomes = [
            DocumentOutcome("changed" if id_ in before else "new", job.document)
            if work.must_make(job)
            else unchanged(before[id_])
            for id_, job in self._plan.due(work.without_text, set(), self._chosen).items()
        ]
        gone = sorted(self._vanished(work), key=lambda record: record.document.id)
        outcomes += [DocumentOutcome("removed", record.document) for record in gone]
        return replace(self.report(table), outcomes=tuple(outcomes), dry=True)

    def remove_vanished(self, work: DocumentMaker, table: ProgressTable) -> None:
        """Remove what the source has no longer, once everything else is in."""
        for record in self._vanished(work):
            self._store.remove([record.document.id])
            table.remove(record.document)

    def _vanished(self, work: DocumentMaker) -> list[Record]:
        """The documents in the store that are not due, of those that this ingest is about."""
        due = self._plan.due(work.without_text, set(), self._chosen)
        listed, chosen, keep = self._plan.listed, self._chosen, self.options.keep_removed
        return [
            record
            for id_, record in self._before().items()
            if id_ not in due
            and (not chosen or {id_, record.document.reading} & chosen)
            and (not keep or record.document.reading in listed)
        ]

    def _before(self) -> dict[str, Record]:
        """The documents of the source that are in the store."""
        records = self._store.catalogue().records
        return {id_: record for id_, record in records.items() if record.source == self.source}

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

    def report(self, table: ProgressTable, stopped: bool = False) -> IngestReport:
        """What was done so far."""
        states = [one.state for one in self._lookups.values()]
        syllabus = self._read.syllabus
        return IngestReport(
            self.source,
            len(self._plan.sessions),
            syllabus.readings if syllabus else 0,
            table.outcomes,
            table.embedded,
            fetched=self._fetcher.bodies if self._fetcher is not None else 0,
            needs=needs(self._store.catalogue(), self.source),
            notes=self._read.notes,
            lookups=tuple((state, states.count(state)) for state in sorted(set(states))),
            not_looked_up=len(to_look_up(self._listed, self._read)) - len(self._lookups),
            stopped=stopped,
        )
