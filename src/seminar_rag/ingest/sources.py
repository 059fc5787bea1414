"""A source, local or on the web → its syllabus, its readings with stable ids, and loose files.

A course page on the web is read with the session pages of the same host that it links to. Every
link is made absolute, so that nothing after this needs to know where it stood.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from seminar_rag.documents.archive import ENDINGS, Unpacker
from seminar_rag.errors import FetchError, SeminarError, SourceError
from seminar_rag.ids import arxiv_in
from seminar_rag.ingest.local import SourceContent, from_disk, packed, with_archives
from seminar_rag.text import decoded
from seminar_rag.types import Document, Reading, Session, Syllabus
from seminar_rag.types.catalogue import ListedReading, PageText
from seminar_rag.web.zotero import ZoteroPlace, collection_of, place_at

if TYPE_CHECKING:
    from seminar_rag.web.fetch import Fetched, Fetcher

_MOST_PAGES = 120
"""Session pages that are followed from one course page."""
_SHOWN = 400
"""Characters of an entry that are kept to be shown beside it."""
_DOI = re.compile(r"(?<=/)10\.\d{4,9}/[^\s?#\"<>]+")


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One entry of the page, with its reading's id and what it is called there."""

    session: Session
    reading: Reading
    entry: ListedReading


def is_address(source: str | Path) -> bool:
    """Whether a source is given as an address on the web."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def required(fetcher: Fetcher | None, source: str) -> Fetcher:
    """The fetcher, which a source on the web needs; raises SourceError where there is none."""
    if fetcher is None:
        raise SourceError(f"{source} is on the web — fetching is switched off here")
    return fetcher


def read_source(source: str | Path, fetcher: Fetcher | None, unpacker: Unpacker) -> SourceContent:
    """Read a source.

    Args:
        fetcher: None where the network is out of reach.
        unpacker: opens archives; the source's files are there as long as it is.

    Raises:
        SourceError: it cannot be read, or holds nothing to ingest.
    """
    if isinstance(source, str) and is_address(source):
        return _from_web(source, required(fetcher, source), unpacker)
    if "://" in str(source):
        raise SourceError(f"{source} is no web address — give one with https://, or a file")
    return with_archives(from_disk(Path(source).expanduser().resolve(), unpacker), unpacker)


def read_list(source: str | Path, fetcher: Fetcher) -> Syllabus:
    """The sessions and readings of a source; raises SourceError where there are none."""
    with Unpacker() as unpacker:
        found = read_source(source, fetcher, unpacker)
    if found.syllabus is None:
        raise SourceError(f"{source} lists no readings — give the course page that does")
    return found.syllabus


def page_text(source: str, fetcher: Fetcher) -> PageText:
    """What a course page says, one on the web as it was fetched last; or why that is not known."""
    from seminar_rag.syllabus.read import page_lines

    try:
        if not is_address(source):
            return PageText(source, page_lines(Path(source)))
        fetcher.offline = True
        if (place := place_at(source)) is not None:
            return PageText(source, _lines(_from_zotero(source, place, fetcher).syllabus))
        fetched = fetcher.fetch(source)
        ending = {"html": ".html", "markdown": ".md", "pdf": ".pdf"}.get(fetched.kind, "")
        return PageText(source, page_lines(fetched.file, f"page{ending}"))
    except (SeminarError, OSError) as error:
        return PageText(source, problem=str(error))


def _lines(syllabus: Syllabus | None) -> tuple[str, ...]:
    """A list of references as lines: each session, and each reading with its authors."""
    out: list[str] = []
    for session in syllabus.sessions if syllabus else ():
        out.append(session.title)
        for one in session.readings:
            out.append(f"{one.authors}. {one.label}" if one.authors else one.label)
    return tuple(out)


def _from_web(url: str, fetcher: Fetcher, unpacker: Unpacker) -> SourceContent:
    from seminar_rag.syllabus import read as forms

    if (place := place_at(url)) is not None:
        return _from_zotero(url, place, fetcher)
    try:
        fetched = fetcher.fetch(url, max_age=0)
    except FetchError as error:
        raise SourceError(str(error)) from error
    notes = [f"an earlier copy was taken: {fetched.note}"] if fetched.note else []
    if Path(urlsplit(url).path).suffix.lower() in ENDINGS:
        return replace(packed(fetched.file, unpacker), name=url)
    if fetched.kind in ("pdf", "form"):
        return SourceContent(url, None, (fetched.file,), None, tuple(notes))
    name = _page_name(fetched.final_url)
    text = _text(fetched)
    if fetched.kind == "html":
        load = _session_pages(fetched.final_url, fetcher, notes)
        read = forms.syllabus_from_html(text, name, load)
    elif fetched.kind in ("markdown", "text"):
        plain = Path(urlsplit(url).path).suffix.lower() == ".txt"
        make = forms.syllabus_from_text if plain else forms.syllabus_from_markdown
        read = make(text, name)
    else:
        raise SourceError(f"{url} is neither a web page nor text — give the course page's address")
    if not read.readings:
        raise SourceError(
            f"{url} holds no readings — give the page that lists them, or write a readings.toml"
        )
    sessions = tuple(_absolute(one, fetched.final_url) for one in read.sessions)
    return SourceContent(url, Syllabus(read.title, sessions, read.events), (), None, tuple(notes))


def _from_zotero(url: str, place: ZoteroPlace, fetcher: Fetcher) -> SourceContent:
    from seminar_rag.syllabus.references import read_references

    notes: list[str] = []
    name, text = collection_of(url, place, fetcher, notes)
    read = read_references(Path(f"{place.key or 'library'}.json"), text)
    sessions = tuple(replace(one, url=url) for one in read.sessions)
    return SourceContent(url, Syllabus(name or None, sessions), (), None, tuple(notes))


def _session_pages(
    page: str, fetcher: Fetcher, notes: list[str]
) -> Callable[[str], tuple[str, str] | None]:
    """Loads the session pages that a course page links to: its own host's, and not too many."""
    loaded: set[str] = set()
    moved = False

    def load(link: str) -> tuple[str, str] | None:
        if not _same_host(urljoin(page, link), page):
            return None
        nonlocal moved
        problem = ""
        places = _places(page, link)
        for address in reversed(places) if moved else places:
            if len(loaded) >= _MOST_PAGES:
                return None
            loaded.add(address)
            try:
                fetched = fetcher.fetch(address, max_age=0)
            except FetchError as error:
                problem = problem or str(error)
                continue
            if fetched.note:
                notes.append(f"an earlier copy was taken: {fetched.note}")
            if fetched.kind == "html" and _same_host(fetched.final_url, page):
                moved = address != places[0]
                return _page_name(address), _text(fetched)
            problem = problem or f"{address} leads elsewhere"
        if problem:
            notes.append(f"a session's page could not be fetched: {problem}")
        return None

    return load


def _places(page: str, link: str) -> list[str]:
    """Where a linked page may be: as written, and where the site was moved to another folder."""
    address = urljoin(page, link).partition("#")[0]
    parts = urlsplit(address)
    tail = parts.path.lstrip("/").partition("/")[2]
    above = urljoin(page, ".." if urlsplit(page).path.endswith("/") else ".")
    moved = urljoin(above if above.endswith("/") else above + "/", tail) if tail else address
    own = page.partition("#")[0]
    return [one for one in dict.fromkeys((address, moved)) if one != own]


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _absolute(session: Session, page: str) -> Session:
    """A session with whole addresses; those of its own page are relative to that page."""
    own = urljoin(page, "/" + session.file)

    def whole(reading: Reading) -> Reading:
        return replace(reading, urls=tuple(urljoin(own, url) for url in reading.urls))

    return replace(
        session,
        readings=tuple(whole(reading) for reading in session.readings),
        url=urljoin(page, session.url) if session.url else page,
    )


def _page_name(url: str) -> str:
    return unquote(urlsplit(url).path).lstrip("/") or "index.html"


def _text(fetched: Fetched) -> str:
    return decoded(fetched.file.read_bytes())


# --- the readings and their ids -----------------------------------------------------------------


def list_readings(source: SourceContent) -> list[PageEntry]:
    """Every entry of the source's page, in order."""
    sessions = source.syllabus.sessions if source.syllabus else ()
    names = _ReadingNames(sessions)
    out: list[PageEntry] = []
    for session in sessions:
        for reading in session.readings:
            entry = ListedReading(
                names.id(reading),
                reading.label,
                reading.authors,
                reading.arxiv_id,
                reading.urls,
                reading.section,
                kind=reading.kind,
                doubt=" ".join(reading.doubts),
                shown=words_on_page(reading),
            )
            out.append(PageEntry(session, reading, entry))
    return out


def words_on_page(reading: Reading) -> str:
    """An entry in the words of its page, shortened."""
    text = " · ".join(" ".join(block.text.split()) for block in reading.blocks)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rsplit(' ', 1)[0]} …"


class _ReadingNames:
    """Stable reading ids for a syllabus: the arXiv id, else the first title's slug. A title that
    comes again without its link is the same reading, and so is a DOI that comes again. An arXiv id
    or DOI that comes again under quite another title is a wrong link, and does not make two
    readings one."""

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
        plain = plain[:51].rsplit("-", 1)[0] + "-" + digest(text)[:8]
    return plain or digest(text)[:12]


def digest(*parts: object) -> str:
    """A short hash of values that print the same whenever they are the same."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
