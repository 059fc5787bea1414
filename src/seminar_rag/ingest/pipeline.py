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

from seminar_rag.errors import SourceError
from seminar_rag.ingest.curate import (
    added_readings,
    corrected,
    forget_removals,
)
from seminar_rag.ingest.plan import make_plan
from seminar_rag.ingest.run import Run
from seminar_rag.ingest.sources import (
    Source,
    is_address,
    list_readings,
    read_source,
    required,
)
from seminar_rag.ingest.states import Table
from seminar_rag.ingest.work import Work
from seminar_rag.types.catalogue import Lookup
from seminar_rag.types.ingest import ADDED, Listener, Options, Progress, Report
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
        with ExitStack() as stack:
            fetcher = self._fetcher(stack)
            read = self._read(source, fetcher, options)
            listed = corrected(list_readings(read), self._store.catalogue().corrections)
            named = len(read.files) == 1 and read.syllabus is None
            if named and not options.only and not options.dry_run:
                forget_removals(self._store, make_plan(read, listed, {}, self._store.folder).jobs)
            return self._bring_in(Run(self._store, read, listed, options, fetcher), fetcher, stack)

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
        with ExitStack() as stack:
            fetcher = self._fetcher(stack)
            return self._bring_in(Run(self._store, read, listed, options, fetcher), fetcher, stack)

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

    def _bring_in(self, run: Run, fetcher: Fetcher | None, stack: ExitStack) -> Report:
        """Take one source the whole way, from what is wanted to the report."""
        if run.options.only and not run.choose():
            return Report(run.source, 0, 0, (), 0, found=False)
        table = Table(self._listener)
        work = Work(self._store, self._embedder, self._parser, run.source, table)
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
        self, wanted: Sequence[Wanted], run: Run, work: Work, table: Table, fetcher: Fetcher
    ) -> Callable[[], None]:
        """Begin to look up readings in threads that leave what they find with `work`.

        Returns:
            A function that stops the lookups.
        """
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

    def _read(self, source: str | Path, fetcher: Fetcher | None, options: Options) -> Source:
        """The source; for a single reading as it was last read, where a copy is there."""
        if fetcher is not None and options.only and is_address(source):
            fetcher.offline = True
            try:
                return read_source(source, fetcher)
            except SourceError:
                pass  # the copy is lost
            finally:
                fetcher.offline = False
        return read_source(source, fetcher)

    def _fetcher(self, stack: ExitStack) -> Fetcher | None:
        """The fetcher of one ingest; None where the network is out of reach."""
        return stack.enter_context(self._network.fetcher()) if self._network is not None else None
