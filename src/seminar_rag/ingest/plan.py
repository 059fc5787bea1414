"""A source's reading list and what was found for it → the documents to be made, with a hash each.

Pure, but for the contents of files, which are hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from seminar_rag.ingest.local import SourceContent, local_files
from seminar_rag.ingest.sources import PageEntry, digest
from seminar_rag.types import Block, Document, Reading
from seminar_rag.types.catalogue import ListedReading, ListedSession, Lookup
from seminar_rag.web.identify import Wanted

RULES = "5"
"""Raise when parsing or splitting changes, so that the next ingest makes everything anew."""

_RANK = {"paper": 2, "page": 1, "nothing": 0}


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """A document to be made: where its text comes from, and a hash of all it depends on."""

    document: Document
    context: str
    """The session's title, which is embedded with every passage."""
    hash: str
    blocks: tuple[Block, ...] = ()
    """The text, where it stands on the page itself."""
    file: Path | None = None
    """Where the text is read from otherwise."""
    paper: bool = False
    """Whether it is a reading's own text, so that its description need not stand in for it."""
    refused: str = ""
    """Why the file must not be opened; empty where it may be."""


@dataclass(slots=True)
class Plan:
    """What becomes of a source."""

    sessions: list[ListedSession] = field(default_factory=list)
    jobs: dict[str, PlannedDocument] = field(default_factory=dict)
    """By document id, in page order. Descriptions are not among them."""
    described: dict[str, dict[str, PlannedDocument]] = field(default_factory=dict)
    """By reading id, descriptions on the page by document id: used where the reading has no text of
    its own."""
    names: dict[str, str] = field(default_factory=dict)
    """Reading id as listed → the id it goes by."""

    def due(
        self, without_text: Mapping[str, str], wanted: set[str], chosen: set[str]
    ) -> dict[str, PlannedDocument]:
        """The documents that are to be there as far as is known, by id.

        A description is due where the reading's own text is not there, and will not be.

        Args:
            without_text: documents that gave no text, with the hash under which they were tried.
            wanted: readings, by id as listed, that are still being looked up; theirs are not due.
            chosen: ids of readings and documents; empty for all.
        """
        waiting = {self.names[id_] for id_ in wanted if id_ in self.names}
        covered = {
            job.document.reading
            for id_, job in self.jobs.items()
            if job.paper and without_text.get(id_) != job.hash
        }
        due: dict[str, PlannedDocument] = {}
        for reading, jobs in self.described.items():
            if reading not in covered:
                due |= jobs
        return {
            id_: job
            for id_, job in (due | self.jobs).items()
            if job.document.reading not in waiting
            and (not chosen or {id_, job.document.reading} & chosen)
        }

    @property
    def listed(self) -> set[str]:
        """The ids of all readings that the source has, by either name."""
        documents = {job.document.reading for job in self.jobs.values()}
        return documents | set(self.names) | set(self.names.values())


def make_plan(
    source: SourceContent,
    listed: Sequence[PageEntry],
    lookups: Mapping[str, Lookup],
    data: Path,
    removed: Container[str] = (),
    elsewhere: Mapping[str, str] | None = None,
) -> Plan:
    """The documents of a source.

    Args:
        lookups: by reading id as listed; readings that turn out to be one paper become one.
        data: the folder that the fetched files' names are relative to.
        removed: ids of documents that the instructor removed.
        elsewhere: documents of other sources, by content, with their readings: a reading with the
            same document is that reading, and the document is not repeated.
    """
    planner = _Planner(source, data, set(elsewhere or {}))
    plan = Plan(names=_same_papers(listed, lookups, elsewhere or {}))
    entries: dict[int, list[ListedReading]] = {}
    for on_page in listed:
        lookup = lookups.get(on_page.entry.id)
        one = replace(on_page, entry=_entry(on_page.entry, lookup, plan.names))
        entries.setdefault(one.session.number, []).append(one.entry)
        for job in planner.texts(one, lookup):
            plan.jobs.setdefault(job.document.id, job)
        description = planner.description(one)
        if description is not None:
            described = plan.described.setdefault(one.entry.id, {})
            described.setdefault(description.document.id, description)
    for session in source.syllabus.sessions if source.syllabus else ():
        readings = _joined(entries.get(session.number, ()), entries.values())
        plan.sessions.append(
            ListedSession(
                *(session.number, session.title, session.tags, session.url, readings),
                session.date,
                session.part,
            )
        )
    for job in planner.loose():
        plan.jobs[job.document.id] = job
    plan.jobs = {id_: job for id_, job in plan.jobs.items() if id_ not in removed}
    for reading, jobs in plan.described.items():
        plan.described[reading] = {id_: job for id_, job in jobs.items() if id_ not in removed}
    return plan


def _same_papers(
    listed: Sequence[PageEntry], lookups: Mapping[str, Lookup], elsewhere: Mapping[str, str]
) -> dict[str, str]:
    """Map the id of each listed reading to the id under which its paper is stored. Entries that are
    the same paper share one: the arXiv id of the paper that was downloaded, else the id of the
    first entry with the same main document."""
    by_hash = dict(elsewhere)
    out: dict[str, str] = {}
    for id_ in dict.fromkeys(one.entry.id for one in listed):
        given = lookups.get(id_)
        name = given.arxiv_id if given and given.arxiv_id else id_
        out[id_] = by_hash.setdefault(given.found[0].hash, name) if given and given.found else name
    return out


def _joined(
    entries: Iterable[ListedReading], everywhere: Iterable[list[ListedReading]]
) -> tuple[ListedReading, ...]:
    """Entries with the links of all entries of the course that are the same reading."""
    urls: dict[str, dict[str, None]] = {}
    for one in chain.from_iterable(everywhere):
        urls.setdefault(one.id, {}).update(dict.fromkeys(one.urls))
    return tuple(replace(one, urls=tuple(urls[one.id])) for one in entries)


def _entry(entry: ListedReading, given: Lookup | None, names: Mapping[str, str]) -> ListedReading:
    """An entry as it is known in the course."""
    name = names[entry.id]
    listed = tuple(id_ for id_, other in names.items() if other == name)
    arxiv = given.arxiv_id if given and given.arxiv_id else entry.arxiv_id
    return replace(entry, id=name, arxiv_id=arxiv, listed=listed)


# --- documents -----------------------------------------------------------------------------------


class _Planner:
    """Makes the jobs of one source; documents whose contents are there already are not repeated."""

    def __init__(self, source: SourceContent, data: Path, hashes: set[str]) -> None:
        self._source = source
        self._data = data
        self._hashes = hashes
        self._used: set[Path] = set()
        self._key = digest(source.name)[:6]

    def texts(self, one: PageEntry, lookup: Lookup | None) -> Iterator[PlannedDocument]:
        """A reading's own texts: the files beside its page, and what was fetched for it."""
        entry, context = one.entry, one.session.title
        link = _link(one.reading)
        given = local_files(one.reading, self._source.root)
        self._used.update(file for file, _ in given)
        files = list(self._source.opened(given))
        for file, refused in files:
            path = self._source.path(file)
            id_ = f"{self._key}/{path}"
            title = entry.title if len(files) == 1 else f"{entry.title}: {file.stem}"
            document = Document(id_, "paper", entry.id, title, entry.authors, url=link, path=path)
            yield _file_job(document, context, file, refused)
        for found in lookup.found if lookup else ():
            if found.hash in self._hashes:
                continue
            self._hashes.add(found.hash)
            id_ = f"{self._key}/{entry.id}/web/{digest(found.url)[:8]}"
            document = Document(
                id_, "paper", entry.id, found.title, found.authors, url=found.url, path=found.file
            )
            file = self._data / found.file
            yield _job(document, context, found.hash, file=file, paper=found.paper)

    def description(self, one: PageEntry) -> PlannedDocument | None:
        """What the page says about a reading; None where it gives no more than the title."""
        reading, session, blocks = one.reading, one.session, one.reading.blocks
        if all(block.kind == "heading" for block in blocks):
            return None
        text = "\n".join(block.text for block in blocks)
        document = Document(
            f"{self._key}/{one.entry.id}/abstract/{digest(text)[:6]}",
            "abstract",
            one.entry.id,
            one.entry.title,
            reading.authors,
            url=_link(reading) or session.url,
            path=session.file,
        )
        return _block_job(document, session.title, blocks)

    def loose(self) -> Iterator[PlannedDocument]:
        """The students' notes, and the files that stand for themselves."""
        for session in self._source.syllabus.sessions if self._source.syllabus else ():
            if session.notes:
                name = f"notes-{session.number}"
                document = Document(
                    f"{self._key}/{name}",
                    "notes",
                    name,
                    f"Student notes: {session.title}",
                    sessions=(session.number,),
                    url=session.url,
                    path=session.file,
                )
                yield _block_job(document, "", session.notes)
        left = ((file, "") for file in self._source.files if file not in self._used)
        for file, refused in self._source.opened(left):
            path = self._source.path(file)
            url = self._source.name if self._source.root is None else None
            document = Document(f"{self._key}/{path}", "paper", "", "", url=url, path=path)
            yield _file_job(document, "", file, refused)


def _job(document: Document, context: str, content: object, **more: Any) -> PlannedDocument:
    """A job whose hash covers everything that the document's passages depend on."""
    return PlannedDocument(document, context, digest(RULES, document, context, content), **more)


def _block_job(document: Document, context: str, blocks: tuple[Block, ...]) -> PlannedDocument:
    # Spans are part of what is stored, so text that only moved is stored anew (not embedded).
    places = [(b.kind, b.level, b.page, b.source(0), b.text) for b in blocks]
    return _job(document, context, places, blocks=blocks)


def _file_job(document: Document, context: str, file: Path, refused: str = "") -> PlannedDocument:
    content = refused
    if not refused:
        try:
            status = file.stat()
            content = _content(file, status.st_mtime_ns, status.st_size)
        except OSError:
            content = "unreadable"  # the parser will say why
    return _job(document, context, content, file=file, paper=True, refused=refused)


@lru_cache(maxsize=4096)
def _content(file: Path, changed: int, size: int) -> str:
    """The hash of a file's content; computed again when the file has changed."""
    del changed, size
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _link(reading: Reading) -> str | None:
    return next((url for url in reading.urls if url.startswith(("http://", "https://"))), None)


# --- lookups -------------------------------------------------------------------------------------


def to_look_up(listed: Iterable[PageEntry], source: SourceContent) -> list[Wanted]:
    """The readings without a file of their own, each once, with all the links it has."""
    out: dict[str, Wanted] = {}
    for one in listed:
        reading, id_ = one.reading, one.entry.id
        if any(not refused for _, refused in local_files(reading, source.root)):
            continue
        known = out.get(id_) or Wanted(id_, None, source=source.name)
        out[id_] = replace(
            known,
            title=known.title or reading.title,
            authors=known.authors or reading.authors,
            abstract=known.abstract or reading.abstract,
            urls=tuple(dict.fromkeys(known.urls + reading.urls)),
        )
    return list(out.values())


def known_lookups(wanted: Iterable[Wanted], remembered: Mapping[str, Lookup]) -> dict[str, Lookup]:
    """What is known of readings, by id as listed; files of links that are gone do not count."""
    out: dict[str, Lookup] = {}
    for one in wanted:
        known = remembered.get(one.id)
        if known is not None and known.urls != one.urls:
            found = tuple(file for file in known.found if file.url in one.urls)
            known = replace(known, found=found) if found else None
        if known is not None:
            out[one.id] = known
    return out


def with_earlier(fresh: Lookup, known: Lookup | None, rejected: Sequence[str]) -> Lookup:
    """A lookup with what an earlier one found, where less was found now for the same links and the
    instructor has not rejected it since: so a lookup that fails takes nothing away."""
    before = _without(known, rejected)
    if before is None or before.urls != fresh.urls or not before.found:
        return fresh
    failed = {address for address, event, _ in fresh.attempts if event == "failed"}
    # With a lower rank fewer links were tried, or arXiv could not be searched: all of it stays.
    lower = _RANK[before.state] > _RANK[fresh.state]
    there = {one.url for one in fresh.found}
    lost = [one for one in before.found if one.url not in there and (lower or one.url in failed)]
    if not lost:
        return fresh
    papers = [one for one in lost if one.paper]
    return replace(
        fresh,
        state=max(before.state, fresh.state, key=_RANK.__getitem__),
        arxiv_id=before.arxiv_id if papers else fresh.arxiv_id,
        found=(*papers, *fresh.found, *(one for one in lost if not one.paper)),
        problem=f"{fresh.problem}; what was fetched before is kept" if fresh.problem else "",
    )


def _without(known: Lookup | None, rejected: Sequence[str]) -> Lookup | None:
    """A lookup without the files that the instructor rejected."""
    if known is None or not any(one.url in rejected for one in known.found):
        return known
    found = tuple(one for one in known.found if one.url not in rejected)
    state = "paper" if any(one.paper for one in found) else "page" if found else "nothing"
    return replace(known, found=found, state=state, arxiv_id=None)
