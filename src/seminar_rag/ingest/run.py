"""One source during an ingest: what it lists, what is known of it, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.ingest.attention import needs
from seminar_rag.ingest.curate import removed, with_decisions
from seminar_rag.ingest.plan import Plan, known_lookups, make_plan, to_look_up, with_earlier
from seminar_rag.ingest.sources import Listed, Source, is_address, match, own_id
from seminar_rag.ingest.states import Table
from seminar_rag.ingest.work import Work, unchanged
from seminar_rag.types.catalogue import ListedSession, Lookup, Record
from seminar_rag.types.ingest import ADDED, Options, Outcome, Report
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.identify import Wanted

if TYPE_CHECKING:
    from seminar_rag.index.store import Store


class Run:
    """One source, between what its page lists and what the store has of it.

    Args:
        listed: the entries of its page, as the instructor corrected them.
    """

    def __init__(
        self,
        store: Store,
        read: Source,
        listed: list[Listed],
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
        """Store what was found for a reading; returns in words what there is of it."""
        known = self._remembered.get(wanted.id)
        found = with_earlier(lookup, known, wanted.rejected)
        if known is None or found != replace(known, at=""):
            self._store.put_lookup(found)
        self._lookups[wanted.id] = found
        self._stale = True
        return found.problem or found.state

    def plan(self, work: Work, table: Table) -> None:
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
            self._store.put_source(self.source, form, title, self._sessions)
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

    def preview(self, work: Work, table: Table) -> Report:
        """What an ingest would do, from what is on disk."""
        before = self._before()
        outcomes = [
            Outcome("changed" if id_ in before else "new", job.document)
            if work.must_make(job)
            else unchanged(before[id_])
            for id_, job in self._plan.due(work.without_text, set(), self._chosen).items()
        ]
        gone = sorted(self._vanished(work), key=lambda record: record.document.id)
        outcomes += [Outcome("removed", record.document) for record in gone]
        return replace(self.report(table), outcomes=tuple(outcomes), dry=True)

    def remove_vanished(self, work: Work, table: Table) -> None:
        """Remove what the source has no longer, once everything else is in."""
        for record in self._vanished(work):
            self._store.remove([record.document.id])
            table.remove(record.document)

    def _vanished(self, work: Work) -> list[Record]:
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

    def report(self, table: Table, stopped: bool = False) -> Report:
        """What was done so far."""
        states = [one.state for one in self._lookups.values()]
        syllabus = self._read.syllabus
        return Report(
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
