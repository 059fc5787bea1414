"""A source's reading list and what was found of it → the documents to be, each with its hash. Pure
but for the contents of files, which are hashed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from seminar_rag.ids import arxiv_in
from seminar_rag.ingest.sources import Source
from seminar_rag.types import Block, Document, Reading, Session
from seminar_rag.types.catalogue import ListedReading, ListedSession, Lookup
from seminar_rag.web.titles import Wanted

RULES = "3"
"""Raise when parsing or splitting changes, so that the next ingest makes everything anew."""

_DOCUMENTS = {".pdf", ".md", ".markdown", ".html", ".htm"}
_DOI = re.compile(r"(?<=/)10\.\d{4,9}/[^\s?#\"<>]+")


@dataclass(frozen=True, slots=True)
class Job:
    """A document to be: where its text comes from, and a hash of all its passages depend on."""

    document: Document
    context: str
    hash: str
    blocks: tuple[Block, ...] = ()
    file: Path | None = None
    paper: bool = False
    """A reading's own text, which its description on the page need not stand in for."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the page, with its reading's id and what it is called there."""

    session: Session
    reading: Reading
    entry: ListedReading


@dataclass(slots=True)
class Plan:
    """What a source is to become."""

    sessions: list[ListedSession] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    """By document id, in page order. Abstracts are not among them."""
    abstracts: dict[str, list[Job]] = field(default_factory=dict)
    """Descriptions on the page by reading id: used where the reading's text is not had."""
    names: dict[str, str] = field(default_factory=dict)
    """Reading id as listed → the id it goes by."""


def list_readings(source: Source) -> list[Listed]:
    """Every entry of the source's page, in order."""
    sessions = source.syllabus.sessions if source.syllabus else ()
    names = _ReadingNames(sessions)
    out: list[Listed] = []
    for session in sessions:
        for reading in session.readings:
            entry = ListedReading(
                names.id(reading),
                reading.label,
                reading.authors,
                reading.arxiv_id,
                reading.urls,
                reading.section,
            )
            out.append(Listed(session, reading, entry))
    return out


def to_find(listed: Iterable[Listed], root: Path | None) -> list[Wanted]:
    """The readings to look for on the network, each once, with all the links it has."""
    out: dict[str, Wanted] = {}
    for one in listed:
        reading, id_ = one.reading, one.entry.id
        if _local_files(reading, root):
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
    key = _digest(source.name)[:6]
    names = _same_papers(listed, lookups, elsewhere or {})
    plan = Plan(names=names)
    entries: dict[int, list[ListedReading]] = {}
    used: set[Path] = set()
    hashes = set(elsewhere or {})
    for on_page in listed:
        given = lookups.get(on_page.entry.id)
        one = replace(on_page, entry=_entry(on_page.entry, given, names))
        entry = one.entry
        entries.setdefault(one.session.number, []).append(entry)
        for job in _local_jobs(key, one, source.root):
            plan.jobs.setdefault(job.document.id, job)
            used.add(_file(job))
        for job in _fetched_jobs(key, one, given, data, hashes):
            plan.jobs.setdefault(job.document.id, job)
        abstract = _abstract(key, one)
        if abstract is not None and not _local_files(one.reading, source.root):
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


class _ReadingNames:
    """Stable reading ids for a syllabus: the arXiv id, else the first title's slug.

    A title that comes again without its link is the same reading, and so is a DOI that comes again.
    An arXiv id or DOI that comes again under quite another title is a wrong link, and does not make
    two readings one.
    """

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._title_of: dict[str, str] = {}
        self._paper_of: dict[str, str] = {}
        for session in sessions:
            for reading in session.readings:
                paper = reading.arxiv_id or _doi(reading)
                if paper and reading.title:
                    self._title_of.setdefault(paper, reading.title)
                    self._paper_of.setdefault(slug(reading.title), paper)

    def id(self, reading: Reading) -> str:
        from rapidfuzz import fuzz, utils

        title = reading.title or ""
        paper = reading.arxiv_id or _doi(reading) or (self._paper_of.get(slug(title)))
        if paper is None:
            return slug(reading.label)
        first = self._title_of.get(paper, title)
        same = fuzz.token_set_ratio(first, title, processor=utils.default_process) >= 60
        if not same and title:
            return slug(title)
        return slug(first or reading.label) if paper.startswith("10.") else paper


def _doi(reading: Reading) -> str | None:
    """The DOI that a reading's first link with one names."""
    found = (_DOI.search(url) for url in reading.urls)
    return next((one[0].lower().rstrip(".,;/") for one in found if one), None)


def match(document: Document, readings: Iterable[ListedReading]) -> str | None:
    """The reading a loose document is: by the arXiv id in its file name, else by its title."""
    from rapidfuzz import fuzz, utils

    found = arxiv_in(Path(document.path).name)
    candidates = list(readings)
    for reading in candidates:
        if reading.arxiv_id in found[:1]:
            return reading.id
    best, score = None, 92.0
    for reading in candidates:
        likeness = fuzz.ratio(document.title, reading.title, processor=utils.default_process)
        if likeness >= score:
            best, score = reading.id, likeness
    return best


def own_id(document: Document) -> str:
    """The reading id of a document that no page lists."""
    found = arxiv_in(Path(document.path).name)
    return found[0] if found else slug(document.title or Path(document.path).stem)


def slug(text: str) -> str:
    """A readable id: lower case, words joined by hyphens, at most 60 characters."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(plain) > 60:
        plain = plain[:51].rsplit("-", 1)[0] + "-" + _digest(text)[:8]
    return plain or _digest(text)[:12]


# --- documents -----------------------------------------------------------------------------------


def _local_jobs(key: str, one: Listed, root: Path | None) -> Iterator[Job]:
    for file in _local_files(one.reading, root):
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
        yield _file_job(document, one.session.title, file)


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
        id_ = f"{key}/{one.entry.id}/web/{_digest(found.url)[:8]}"
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
        digest = _digest(RULES, document, one.session.title, found.hash)
        yield Job(document, one.session.title, digest, file=file, paper=found.paper)


def _abstract(key: str, one: Listed) -> Job | None:
    if all(block.kind == "heading" for block in one.reading.blocks):
        return None
    text = "\n".join(block.text for block in one.reading.blocks)
    document = Document(
        id=f"{key}/{one.entry.id}/abstract/{_digest(text)[:6]}",
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
    return Job(document, context, _digest(RULES, document, context, places), blocks)


def _file_job(document: Document, context: str, file: Path) -> Job:
    try:
        content = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        content = "unreadable"  # the parser will say why
    digest = _digest(RULES, document, context, content)
    return Job(document, context, digest, file=file, paper=True)


def _local_files(reading: Reading, root: Path | None) -> list[Path]:
    if root is None:
        return []
    return [file for name in (*reading.files, *reading.urls) if (file := _local(root, name))]


def _local(root: Path, name: str) -> Path | None:
    """The file beside the page that a relative link means; never outside the page's folder."""
    from urllib.parse import unquote

    plain = unquote(name.split("#", 1)[0].split("?", 1)[0])
    if "://" in plain or not plain or plain.startswith(("/", "mailto:")):
        return None
    file = (root / plain).resolve()
    inside = file.is_relative_to(root.resolve())
    return file if inside and file.suffix.lower() in _DOCUMENTS and file.is_file() else None


def _link(reading: Reading) -> str | None:
    return next((url for url in reading.urls if url.startswith(("http://", "https://"))), None)


def _file(job: Job) -> Path:
    assert job.file is not None
    return job.file


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
