"""A source, local or on the web → its syllabus and the files that stand for themselves.

A course page on the web is read with the session pages of the same host that it links to. Every
link is made absolute, so that nothing after this needs to know where it stood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from seminar_rag.errors import FetchError, SourceError
from seminar_rag.types import Reading, Session, Syllabus
from seminar_rag.web.fetch import Fetched, Fetcher
from seminar_rag.web.webpage import decode

_MOST_PAGES = 120
"""Session pages that are followed from one course page."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a source holds."""

    name: str
    """Its path or address: its id in the store."""
    syllabus: Syllabus | None
    files: tuple[Path, ...] = ()
    """Documents that stand for themselves."""
    root: Path | None = None
    """Where relative names are looked up; None for a source on the web."""
    notes: tuple[str, ...] = ()
    """What could not be had of it, in words."""


def is_address(source: str | Path) -> bool:
    """Whether a source is given as an address on the web."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def read_source(source: str | Path, fetcher: Callable[[], Fetcher]) -> Source:
    """Read a source.

    Args:
        fetcher: makes the fetcher; called only for a source on the web.

    Raises:
        SourceError: it cannot be read, or holds nothing to ingest.
    """
    if isinstance(source, str) and is_address(source):
        return _from_web(source, fetcher())
    return _from_disk(Path(source).expanduser().resolve())


def _from_disk(path: Path) -> Source:
    from seminar_rag.syllabus.read import read_syllabus

    name = str(path)
    if not path.exists():
        raise SourceError(
            f"{path} does not exist — give a course page (.html, .md, .txt), a readings.toml,"
            " a folder of posts, a PDF or a folder of PDFs"
        )
    if path.is_file():
        if path.suffix.lower() == ".pdf" or path.read_bytes()[:5] == b"%PDF-":
            return Source(name, None, (path,), path.parent)
        return Source(name, read_syllabus(path), (), path.parent)
    pdfs = tuple(sorted(p for p in path.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file()))
    posts = any(path.glob("*.md")) or any(path.glob("*.markdown"))
    page = next(
        (path / name for name in ("readings.toml", "index.html") if (path / name).is_file()), None
    )
    if posts:
        return Source(name, read_syllabus(path), pdfs, path)
    if page is not None:
        return Source(name, read_syllabus(page), (), path)
    if pdfs:
        return Source(name, None, pdfs, path)
    raise SourceError(
        f"{path} holds neither posts (.md), a readings.toml, an index.html nor PDFs"
        " — point at the folder that does"
    )


def _from_web(url: str, fetcher: Fetcher) -> Source:
    from seminar_rag.syllabus import read as forms

    try:
        fetched = fetcher.fetch(url, max_age=0)
    except FetchError as error:
        raise SourceError(str(error)) from error
    notes = [f"an earlier copy was taken: {fetched.note}"] if fetched.note else []
    if fetched.kind == "pdf":
        return Source(url, None, (fetched.file,), None, tuple(notes))
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
    return Source(url, Syllabus(read.title, sessions), (), None, tuple(notes))


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
            notes.append(f"a session's page could not be had: {problem}")
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
    return decode(fetched.file.read_bytes())
