"""A source's reading list and what was found for it → the documents to be made, with a hash each.

Pure, but for the contents of files, which are hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from seminar_rag.guard import refusal
from seminar_rag.ingest.sources import Listed, Source, digest
from seminar_rag.types import Block, Document, Reading, Session
from seminar_rag.types.catalogue import ListedReading, ListedSession, Lookup
from seminar_rag.web.identify import Wanted

RULES = "3"
"""Raise when parsing or splitting changes, so that the next ingest makes everything anew."""

_RANK = {"paper": 2, "page": 1, "nothing": 0}
_LINKED = {".pdf", ".md", ".markdown", ".html", ".htm"}
"""Endings of files that a page's own links mean as documents; its other links are pictures and so
on. A file that a readings.toml names is taken whatever its ending."""


@dataclass(frozen=True, slots=True)
class Job:
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
    jobs: dict[str, Job] = field(default_factory=dict)
    """By document id, in page order. Abstracts are not among them."""
    abstracts: dict[str, list[Job]] = field(default_factory=dict)
    """Descriptions on the page by reading id: used where the reading has no text of its own."""
    names: dict[str, str] = field(default_factory=dict)
    """Reading id as listed → the id it goes by."""


def to_look_up(listed: Iterable[Listed], source: Source) -> list[Wanted]:
    """The readings without a file of their own, each once, with all the links it has."""
    out: dict[str, Wanted] = {}
    for one in listed:
        reading, id_ = one.reading, one.entry.id
        if any(not refused for _, refused in _local_files(reading, source.root)):
            continue
        known = out.get(id_)
        if known is None:
            out[id_] = Wanted(
                id_,
                reading.title,
                reading.authors,
                reading.abstract,
                reading.urls,
                reading.arxiv_id,
                source=source.name,
            )
        else:
            out[id_] = replace(
                known,
                title=known.title or reading.title,
                authors=known.authors or reading.authors,
                abstract=known.abstract or reading.abstract,
                urls=tuple(dict.fromkeys(known.urls + reading.urls)),
            )
    return list(out.values())


def make_plan(
    source: Source,
    listed: Sequence[Listed],
    lookups: Mapping[str, Lookup],
    data: Path,
    elsewhere: Mapping[str, str] | None = None,
) -> Plan:
    """The documents of a source.

    Args:
        lookups: by reading id as listed; readings that turn out to be one paper become one.
        data: the folder that the fetched files' names are relative to.
        elsewhere: documents of other sources, by content, with their readings: a reading with the
            same document is that reading, and the document is not repeated.
    """
    key = digest(source.name)[:6]
    names = _same_papers(listed, lookups, elsewhere or {})
    plan = Plan(names=names)
    entries: dict[int, list[ListedReading]] = {}
    used: set[Path | None] = set()
    hashes = set(elsewhere or {})
    for on_page in listed:
        given = lookups.get(on_page.entry.id)
        one = replace(on_page, entry=_entry(on_page.entry, given, names))
        entry = one.entry
        entries.setdefault(one.session.number, []).append(entry)
        for job in _local_jobs(key, one, source.root):
            plan.jobs.setdefault(job.document.id, job)
            used.add(job.file)
        for job in _fetched_jobs(key, one, given, data, hashes):
            plan.jobs.setdefault(job.document.id, job)
        abstract = _abstract(key, one)
        if abstract is not None:
            known = plan.abstracts.setdefault(entry.id, [])
            if all(abstract.document.id != other.document.id for other in known):
                known.append(abstract)
    joined = _joined(entry for one in entries.values() for entry in one)
    for session in source.syllabus.sessions if source.syllabus else ():
        readings = tuple(joined[id(entry)] for entry in entries.get(session.number, ()))
        plan.sessions.append(
            ListedSession(session.number, session.title, session.tags, session.url, readings)
        )
        if session.notes:
            job = _notes(key, session)
            plan.jobs[job.document.id] = job
    for file in source.files:
        if file not in used:
            job = _loose(key, file, source)
            plan.jobs[job.document.id] = job
    return plan


def _same_papers(
    listed: Sequence[Listed], lookups: Mapping[str, Lookup], elsewhere: Mapping[str, str]
) -> dict[str, str]:
    """Reading id as listed → the id it goes by: one for every entry that is the same paper.

    The arXiv id of the paper that was taken, else the first entry with the same main document.
    """
    by_hash = dict(elsewhere)
    out: dict[str, str] = {}
    for one in listed:
        id_ = one.entry.id
        if id_ in out:
            continue
        given = lookups.get(id_)
        name = given.arxiv_id if given and given.arxiv_id else id_
        if given and given.found:
            name = by_hash.setdefault(given.found[0].hash, name)
        out[id_] = name
    return out


def _joined(entries: Iterable[ListedReading]) -> dict[int, ListedReading]:
    """By the identity of each entry: itself, with the links of all that are the same reading."""
    known = list(entries)
    urls: dict[str, dict[str, None]] = {}
    for one in known:
        urls.setdefault(one.id, {}).update(dict.fromkeys(one.urls))
    return {id(one): replace(one, urls=tuple(urls[one.id])) for one in known}


def _entry(entry: ListedReading, given: Lookup | None, names: Mapping[str, str]) -> ListedReading:
    """An entry as it is known in the course."""
    name = names[entry.id]
    listed = tuple(id_ for id_, other in names.items() if other == name)
    arxiv = given.arxiv_id if given and given.arxiv_id else entry.arxiv_id
    return replace(entry, id=name, arxiv_id=arxiv, listed=listed)


# --- documents -----------------------------------------------------------------------------------


def _local_jobs(key: str, one: Listed, root: Path | None) -> Iterator[Job]:
    for file, refused in _local_files(one.reading, root):
        assert root is not None
        path = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        document = Document(
            id=f"{key}/{path}",
            kind="paper",
            reading=one.entry.id,
            title=one.entry.title,
            authors=one.entry.authors,
            url=_link(one.reading),
            path=path,
        )
        yield _file_job(document, one.session.title, file, refused)


def _loose(key: str, file: Path, source: Source) -> Job:
    """A document that stands for itself; it finds its reading later."""
    root = source.root
    if root is None:
        path = source.name.rpartition("/")[2] or "document.pdf"
    else:
        path = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    url = source.name if root is None else None
    document = Document(f"{key}/{path}", "paper", reading="", title="", url=url, path=path)
    return _file_job(document, "", file)


def _fetched_jobs(
    key: str, one: Listed, given: Lookup | None, data: Path, hashes: set[str]
) -> Iterator[Job]:
    """What was fetched for an entry; a file that another document has already is not repeated."""
    for found in given.found if given else ():
        file = data / found.file
        id_ = f"{key}/{one.entry.id}/web/{digest(found.url)[:8]}"
        if found.hash in hashes:
            continue
        hashes.add(found.hash)
        document = Document(
            id=id_,
            kind="paper",
            reading=one.entry.id,
            title=found.title,
            authors=found.authors,
            url=found.url,
            path=found.file,
        )
        context = one.session.title
        hash_ = digest(RULES, document, context, found.hash)
        yield Job(document, context, hash_, file=file, paper=found.paper)


def _abstract(key: str, one: Listed) -> Job | None:
    if all(block.kind == "heading" for block in one.reading.blocks):
        return None
    text = "\n".join(block.text for block in one.reading.blocks)
    document = Document(
        id=f"{key}/{one.entry.id}/abstract/{digest(text)[:6]}",
        kind="abstract",
        reading=one.entry.id,
        title=one.entry.title,
        authors=one.reading.authors,
        url=_link(one.reading) or one.session.url,
        path=one.session.file,
    )
    return _block_job(document, one.session.title, one.reading.blocks)


def _notes(key: str, session: Session) -> Job:
    document = Document(
        id=f"{key}/notes-{session.number}",
        kind="notes",
        reading=f"notes-{session.number}",
        title=f"Student notes: {session.title}",
        sessions=(session.number,),
        url=session.url,
        path=session.file,
    )
    return _block_job(document, "", session.notes)


def _block_job(document: Document, context: str, blocks: tuple[Block, ...]) -> Job:
    # Spans are part of what is stored, so text that only moved is stored anew (not embedded).
    places = [(b.kind, b.level, b.page, b.source(0), b.text) for b in blocks]
    return Job(document, context, digest(RULES, document, context, places), blocks)


def _file_job(document: Document, context: str, file: Path, refused: str = "") -> Job:
    content = refused
    if not refused:
        try:
            status = file.stat()
            content = _content(file, status.st_mtime_ns, status.st_size)
        except OSError:
            content = "unreadable"  # the parser will say why
    hash_ = digest(RULES, document, context, content)
    return Job(document, context, hash_, file=file, paper=True, refused=refused)


@lru_cache(maxsize=4096)
def _content(file: Path, changed: int, size: int) -> str:
    """The hash of a file's content; computed again when the file has changed."""
    del changed, size
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _local_files(reading: Reading, root: Path | None) -> list[tuple[Path, str]]:
    """The files of a reading beside its page, each with why it must not be opened, if so."""
    if root is None:
        return []
    out: dict[Path, str] = {}
    for name in reading.files:
        file = root / name
        out[file] = refusal(file, root)
    for name in reading.urls:
        linked = _linked(root, name)
        if linked is not None:
            out.setdefault(linked, "")
    return list(out.items())


def _linked(root: Path, link: str) -> Path | None:
    """The file beside the page that a relative link means; never outside the page's folder."""
    plain = unquote(link.split("#", 1)[0].split("?", 1)[0])
    if "://" in plain or not plain or plain.startswith(("/", "mailto:")):
        return None
    file = root / plain
    document = file.suffix.lower() in _LINKED and file.is_file() and not refusal(file, root)
    return file.resolve() if document else None


def _link(reading: Reading) -> str | None:
    return next((url for url in reading.urls if url.startswith(("http://", "https://"))), None)


# --- lookups -------------------------------------------------------------------------------------


def with_earlier(fresh: Lookup, known: Lookup | None, rejected: Sequence[str]) -> Lookup:
    """A lookup with what an earlier one found, where less was found now for the same links.

    So a lookup that fails takes nothing away.

    Args:
        rejected: addresses that the instructor rejected since.
    """
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
