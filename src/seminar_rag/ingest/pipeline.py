"""Sources → the store: what changed is read, split and embedded; what vanished is removed.

One outcome per document, always with a reason. A document's passages are swapped only when the
new ones are ready, so that neither a failure nor an interrupt takes anything away.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seminar_rag.errors import DocumentError, SourceError, StoreError
from seminar_rag.index.catalogue import ListedReading, ListedSession, Record
from seminar_rag.types import Block, Document, Kind, Reading, Session, Syllabus

if TYPE_CHECKING:
    from seminar_rag.index.embed import Embedder
    from seminar_rag.index.store import Store
    from seminar_rag.ingest.parse import Parser

RULES = "1"
"""Raise when parsing or splitting changes, so that the next ingest makes everything anew."""

_FLUSH = 256
"""Blocks gathered before one embedding call: large enough for even batches, small to interrupt."""

_DOCUMENTS = {".pdf", ".md", ".markdown", ".html", ".htm"}
_ARXIV = re.compile(r"(?<!\d)(\d{4}\.\d{4,5})(?:v\d+)?(?!\d)")

Change = Literal["new", "changed", "unchanged", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What the ingest is doing now."""

    stage: str
    done: int
    total: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document."""

    change: Change
    document: Document
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What one ingest did."""

    source: str
    sessions: int
    readings: int
    outcomes: tuple[Outcome, ...]
    embedded: int
    """Passages embedded in this run."""

    def count(self, change: Change) -> int:
        """How many documents had this outcome."""
        return sum(outcome.change == change for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class _Job:
    """A document to be: where its text comes from, and a hash of all its passages depend on."""

    document: Document
    context: str
    hash: str
    blocks: tuple[Block, ...] = ()
    file: Path | None = None


Listener = Callable[[Progress], None]


class Ingestor:
    """Brings sources into a store. Use under `store.writer()`."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        parser: Callable[[], Parser],
        listener: Listener = lambda _: None,
    ) -> None:
        """Args:
        parser: makes the guarded parser; called only when there is a file to parse.
        """
        self._store = store
        self._embedder = embedder
        self._parser = parser
        self._listener = listener

    def ingest(self, source: Path) -> Report:
        """Bring one source in, or up to date.

        Raises:
            SourceError: it cannot be read, or holds nothing to ingest; nothing was changed.
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        path = source.expanduser().resolve()
        self._listener(Progress("reading", 0, 1, source.name))
        syllabus, files = _read(path)
        name = str(path)
        sessions, jobs = _plan(name, path, syllabus, files)
        before = {
            id_: record
            for id_, record in self._store.catalogue().records.items()
            if record.source == name
        }
        outcomes: list[Outcome] = []
        fresh: list[_Job] = []
        for job in jobs:
            known = before.get(job.document.id)
            if known is None or known.hash != job.hash or known.outcome in ("limit", "unreadable"):
                fresh.append(job)
            elif known.outcome == "indexed":
                outcomes.append(Outcome("unchanged", known.document, known.passages))
            else:
                outcomes.append(Outcome("failed", known.document, known.passages, known.detail))
        if fresh:
            self._claim_model()
        form = "course" if syllabus else "documents"
        title = syllabus.title if syllabus else None
        self._store.put_source(name, form, title, sessions)
        embedded = 0
        if fresh:
            made, embedded = self._make(name, fresh, set(before))
            outcomes.extend(made)
        gone = [id_ for id_ in before if id_ not in {job.document.id for job in jobs}]
        self._store.remove(gone)
        outcomes.extend(Outcome("removed", before[id_].document) for id_ in gone)
        self._attach()
        return Report(
            name, len(sessions), syllabus.readings if syllabus else 0, tuple(outcomes), embedded
        )

    def _claim_model(self) -> None:
        """Note the embedding model in a new store; refuse to mix two in an old one."""
        stored = self._store.meta("model"), self._store.meta("precision")
        ours = self._embedder.name, self._embedder.precision
        if stored[0] is None:
            self._store.remember_model(*ours)
        elif stored != ours:
            raise StoreError(
                f"the index was made with {stored[0]} in {stored[1]}, the configuration says"
                f" {ours[0]} in {ours[1]} — set [embed] back, or ingest into a new --data folder"
            )

    def _make(
        self, source: str, jobs: Sequence[_Job], existing: set[str]
    ) -> tuple[list[Outcome], int]:
        outcomes: list[Outcome] = []
        embedded = 0
        waiting: list[tuple[_Job, Document, tuple[Block, ...], int | None, str]] = []

        def flush() -> None:
            nonlocal embedded
            if not waiting:
                return
            from seminar_rag.ingest.nodes import embed_texts

            def note(count: int) -> None:
                nonlocal embedded
                embedded += count
                self._listener(
                    Progress("embedding", len(outcomes), len(jobs), f"{embedded} passages")
                )

            texts = [(document, blocks, job.context) for job, document, blocks, *_ in waiting]
            found = embed_texts(texts, self._embedder, self._store.vectors_of, note)
            for job, document, _, pages, remark in waiting:
                passages, vectors = found[document.id]
                record = Record(document, source, job.hash, "indexed", remark, pages)
                if not passages:
                    record = replace(record, outcome="no_text", detail="it holds no text")
                self._store.replace(record, passages, vectors)
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
                kept = self._store.note(
                    Record(job.document, source, job.hash, parsed.failure, str(parsed))
                )
                outcomes.append(Outcome("failed", job.document, kept, str(parsed)))
                self._listener(Progress("failed", len(outcomes), len(jobs), str(parsed)))
                continue
            waiting.append((job, *parsed))
            if sum(len(blocks) for _, _, blocks, *_ in waiting) >= _FLUSH:
                flush()
        flush()
        return outcomes, embedded

    def _parsed(
        self, jobs: Sequence[_Job]
    ) -> Iterator[tuple[_Job, tuple[Document, tuple[Block, ...], int | None, str] | DocumentError]]:
        """Every job with its text; files go through the guarded parser, one ahead of us."""
        for job in jobs:
            if job.file is None:
                yield job, (job.document, job.blocks, None, "")
        files = [job for job in jobs if job.file is not None]
        if not files:
            return
        with self._parser() as parser:
            ahead = parser.submit(_path(files[0]))
            for done, job in enumerate(files):
                self._listener(Progress("parsing", done, len(files), _path(job).name))
                current = ahead
                if done + 1 < len(files):
                    ahead = parser.submit(_path(files[done + 1]))
                try:
                    parsed = current.result()
                except DocumentError as error:
                    yield job, error
                    continue
                document = job.document
                if not document.title:
                    document = replace(document, title=parsed.title or _spoken(_path(job).stem))
                yield job, (document, parsed.blocks, parsed.pages, "; ".join(parsed.notes))

    def _attach(self) -> None:
        """Give documents that no page lists to the reading they are, where that is certain."""
        catalogue = self._store.catalogue()
        listed = [reading for session in catalogue.sessions for reading in session.readings]
        for record in catalogue.records.values():
            if record.document.kind != "paper" or record.document.sessions:
                continue
            reading = match(record.document, listed) or own_id(record.document)
            if reading != record.document.reading:
                self._store.assign(record.document.id, reading)


def match(document: Document, readings: Iterable[ListedReading]) -> str | None:
    """The reading a loose document is: by the arXiv id in its file name, else by its title."""
    from rapidfuzz import fuzz, utils

    found = _ARXIV.search(Path(document.path).name)
    candidates = list(readings)
    for reading in candidates:
        if found and reading.arxiv_id == found[1]:
            return reading.id
    best, score = None, 92.0
    for reading in candidates:
        likeness = fuzz.ratio(document.title, reading.title, processor=utils.default_process)
        if likeness >= score:
            best, score = reading.id, likeness
    return best


def own_id(document: Document) -> str:
    """The reading id of a document that no page lists."""
    found = _ARXIV.search(Path(document.path).name)
    return found[1] if found else slug(document.title or Path(document.path).stem)


def slug(text: str) -> str:
    """A readable id: lower case, words joined by hyphens, at most 60 characters."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(plain) > 60:
        plain = plain[:51].rsplit("-", 1)[0] + "-" + _digest(text)[:8]
    return plain or _digest(text)[:12]


def _read(path: Path) -> tuple[Syllabus | None, list[Path]]:
    """What a source holds: a course page or posts, and files that stand for themselves."""
    from seminar_rag.ingest.syllabus import read_syllabus

    if not path.exists():
        raise SourceError(
            f"{path} does not exist — give a course page (.html, .md, .txt), a readings.toml,"
            " a folder of posts, a PDF or a folder of PDFs"
        )
    if path.is_file():
        if path.suffix.lower() == ".pdf" or path.read_bytes()[:5] == b"%PDF-":
            return None, [path]
        return read_syllabus(path), []
    pdfs = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file())
    posts = any(path.glob("*.md")) or any(path.glob("*.markdown"))
    page = next(
        (path / name for name in ("readings.toml", "index.html") if (path / name).is_file()), None
    )
    if posts:
        return read_syllabus(path), pdfs
    if page is not None:
        return read_syllabus(page), []
    if pdfs:
        return None, pdfs
    raise SourceError(
        f"{path} holds neither posts (.md), a readings.toml, an index.html nor PDFs"
        " — point at the folder that does"
    )


def _plan(
    source: str, path: Path, syllabus: Syllabus | None, files: Sequence[Path]
) -> tuple[list[ListedSession], list[_Job]]:
    root = path if path.is_dir() else path.parent
    key = _digest(source)[:6]
    jobs: dict[str, _Job] = {}
    sessions: list[ListedSession] = []
    used: set[Path] = set()
    names = _ReadingNames(syllabus.sessions if syllabus else ())
    for session in syllabus.sessions if syllabus else ():
        listed: list[ListedReading] = []
        for reading in session.readings:
            entry = ListedReading(
                names.id(reading),
                reading.label,
                reading.authors,
                reading.arxiv_id,
                reading.urls,
                reading.section,
            )
            listed.append(entry)
            for job in _reading_jobs(key, session, reading, entry, root):
                jobs.setdefault(job.document.id, job)
                if job.file is not None:
                    used.add(job.file)
        if session.notes:
            job = _notes_job(key, session)
            jobs[job.document.id] = job
        sessions.append(
            ListedSession(session.number, session.title, session.tags, session.url, tuple(listed))
        )
    for file in files:
        if file not in used:
            job = _file_job(key, file, root)
            jobs[job.document.id] = job
    return sessions, list(jobs.values())


class _ReadingNames:
    """Stable reading ids for a syllabus: the arXiv id, else the title's slug.

    A title that comes again without its link is the same reading; an arXiv id that comes again
    under quite another title is a wrong link, and does not make two readings one.
    """

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._title_of: dict[str, str] = {}
        self._arxiv_of: dict[str, str] = {}
        for session in sessions:
            for reading in session.readings:
                if reading.arxiv_id and reading.title:
                    self._title_of.setdefault(reading.arxiv_id, reading.title)
                    self._arxiv_of.setdefault(slug(reading.title), reading.arxiv_id)

    def id(self, reading: Reading) -> str:
        from rapidfuzz import fuzz, utils

        title = reading.title or ""
        arxiv = reading.arxiv_id or (self._arxiv_of.get(slug(title)) if title else None)
        if arxiv is None:
            return slug(reading.label)
        first = self._title_of.get(arxiv, title)
        same = fuzz.token_set_ratio(first, title, processor=utils.default_process) >= 60
        return arxiv if same or not title else slug(title)


def _reading_jobs(
    key: str, session: Session, reading: Reading, entry: ListedReading, root: Path
) -> Iterator[_Job]:
    url = next((url for url in reading.urls if url.startswith(("http://", "https://"))), None)
    files = [file for name in (*reading.files, *reading.urls) if (file := _local(root, name))]
    described = [block for block in reading.blocks if block.kind != "heading"]
    if described and not files:
        text = "\n".join(block.text for block in reading.blocks)
        document = Document(
            id=f"{key}/{entry.id}/abstract/{_digest(text)[:6]}",
            kind="abstract",
            reading=entry.id,
            title=entry.title,
            authors=reading.authors,
            url=url or session.url,
            path=session.file,
        )
        yield _job(document, session.title, reading.blocks)
    for file in files:
        yield _file_job(key, file, root, entry, session, url)


def _notes_job(key: str, session: Session) -> _Job:
    document = Document(
        id=f"{key}/notes-{session.number}",
        kind="notes",
        reading=f"notes-{session.number}",
        title=f"Student notes: {session.title}",
        sessions=(session.number,),
        url=session.url,
        path=session.file,
    )
    return _job(document, "", session.notes)


def _job(document: Document, context: str, blocks: tuple[Block, ...]) -> _Job:
    # Spans are part of what is stored, so text that only moved is stored anew (not embedded).
    places = [(b.kind, b.level, b.page, b.source(0), b.text) for b in blocks]
    return _Job(document, context, _digest(RULES, document, context, places), blocks)


def _file_job(
    key: str,
    file: Path,
    root: Path,
    entry: ListedReading | None = None,
    session: Session | None = None,
    url: str | None = None,
) -> _Job:
    try:
        content = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        content = "unreadable"  # the parser will say why
    path = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    kind: Kind = "paper"
    document = Document(
        id=f"{key}/{path}",
        kind=kind,
        reading=entry.id if entry else "",
        title=entry.title if entry else "",
        authors=entry.authors if entry else None,
        url=url,
        path=path,
    )
    context = session.title if session else ""
    return _Job(document, context, _digest(RULES, document, context, content), file=file)


def _local(root: Path, name: str) -> Path | None:
    """The file beside the page that a relative link means; never outside the page's folder."""
    from urllib.parse import unquote

    plain = unquote(name.split("#", 1)[0].split("?", 1)[0])
    if "://" in plain or not plain or plain.startswith(("/", "mailto:")):
        return None
    file = (root / plain).resolve()
    inside = file.is_relative_to(root.resolve())
    return file if inside and file.suffix.lower() in _DOCUMENTS and file.is_file() else None


def _path(job: _Job) -> Path:
    assert job.file is not None
    return job.file


def _spoken(stem: str) -> str:
    return re.sub(r"[_\s]+", " ", stem).strip()


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
