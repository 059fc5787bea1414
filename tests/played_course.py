"""A course on a web that is played, and parsers that need no process."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from local_web import Page, Paper, Web, html
from seminar_rag.index.store import Store
from seminar_rag.types import Block, ParsedDocument

COURSE = "https://course.test/2026/ByDate/"
LOOMS = Paper("2301.00001", "On Looms That Weave Algebraic Patterns")
CARDS = Paper("2302.00002", "Punched Cards Are All You Need")
FUZZ = Paper("2212.14834", "Fuzzing the Libraries of Engines", ("Yinlin Deng", "Chunqiu Xia"))
SURVEY = Paper("2310.10844", "Survey of Vulnerabilities Revealed by Broken Threads")
QUOTED = "A described reading tells on the course page at some length what it is about and why."
BLOG = "The engine keeps the patterns of every card that it was ever given by its operator. " * 6


def overview(*sessions: tuple[str, str]) -> Page:
    """A course page that summarises sessions and links to a page for each."""
    parts = "".join(
        f'<div><h1><a href="/2026/contents/{n}/">{n}. {title}</a></h1><h2>Required Readings:</h2>'
        f"{readings}</div><hr>"
        for n, (title, readings) in enumerate(sessions, 1)
    )
    return Page(f"<!doctype html><html><title>Looms</title><body>{parts}</body></html>".encode())


def session(title: str, readings: str, notes: str = "") -> Page:
    blog = f"<h1>Blog: {title}</h1><h2>What we learned</h2><p>{notes}</p>" if notes else ""
    return Page(
        f"<!doctype html><html><title>{title}</title><body><h1>{title}</h1>"
        f"<h2>Required Readings:</h2>{readings}{blog}</body></html>".encode()
    )


def entry(title: str, *urls: str, abstract: str = "") -> str:
    bullets = "".join(f'<li><a href="{url}">{url}</a></li>' for url in urls)
    quoted = f"<li>{abstract}</li>" if abstract else ""
    return f"<h4>{title}</h4><ul>{bullets}{quoted}</ul>"


FIRST = (
    entry(
        LOOMS.title, "https://arxiv.org/abs/2301.00001", "https://blog.test/looms", abstract=QUOTED
    )
    + entry(SURVEY.title, "https://arxiv.org/abs/2212.14834", abstract=QUOTED)
    + entry("Paywalled Threads and Their Many Uses", "https://wall.test/doc/1", abstract=QUOTED)
)
SECOND = (
    entry(CARDS.title, abstract=QUOTED)
    + entry("punched cards", "https://arxiv.org/pdf/2302.00002.pdf")
    + entry("A Page That Has Gone Away", "https://blog.test/gone")
)
OTHER = entry("Another Reading of Some Other Kind", "https://blog.test/gone")
NOTES = "The students found that looms weave what they are told, and nothing else at all."


def put_course(
    web: Web, first: str = FIRST, second: str = SECOND, site: str = "https://course.test"
) -> None:
    """The course page with these readings, and its two session pages."""
    web.put(f"{site}/2026/ByDate/", overview(("Looms", first), ("Cards", second)))
    web.put(f"{site}/2026/contents/1/", session("Looms", first, NOTES))
    web.put(f"{site}/2026/contents/2/", session("Cards", second, NOTES[4:]))


def furnish(web: Web) -> None:
    """A course and what it links to."""
    put_course(web)
    web.arxiv([LOOMS, CARDS, FUZZ, SURVEY])
    web.put("https://blog.test/looms", html("Looms explained", BLOG))
    web.put("https://wall.test/doc/1", Page(status=403))


class ScriptedParser:
    """Gives what is scripted for a file's name; what is not scripted parses to its own text."""

    def __init__(self) -> None:
        self.script: dict[str, Exception | ParsedDocument] = {}
        self.parsed: list[str] = []

    def __call__(self) -> ScriptedParser:
        return self

    def __enter__(self) -> ScriptedParser:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, path: Path, told: object = None) -> Future[ParsedDocument]:
        future: Future[ParsedDocument] = Future()
        try:
            future.set_result(self._parse(path))
        except Exception as error:  # noqa: BLE001 - as a real future keeps it
            future.set_exception(error)
        return future

    def _parse(self, path: Path) -> ParsedDocument:
        self.parsed.append(path.name)
        found = self.script.get(path.name)
        if isinstance(found, Exception):
            raise found
        text = path.read_text(encoding="utf-8", errors="replace")
        return found or ParsedDocument(None, (Block(text, page=1),), 1)


def parse(path: Path) -> ParsedDocument:
    """The text of PDFs and pages without a worker process."""
    data = path.read_bytes()
    if not data.startswith(b"%PDF"):
        return ParsedDocument(None, (Block(data.decode()),))
    from pypdf import PdfReader

    pages = [page.extract_text() for page in PdfReader(path).pages]
    blocks = tuple(Block(text, page=n) for n, text in enumerate(pages, 1))
    return ParsedDocument(pages[0].split("\n")[0], blocks, len(pages))


class PlainParser(ScriptedParser):
    """Reads the made-up files; what is scripted under a file's name comes first."""

    def parse(self, path: Path) -> ParsedDocument:
        return self._parse(path)

    def _parse(self, path: Path) -> ParsedDocument:
        self.parsed.append(path.name)
        found = self.script.get(path.name)
        if isinstance(found, Exception):
            raise found
        return parse(path)


def documents(store: Store) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Title → kind and sessions of what has passages."""
    catalogue = store.catalogue()
    return {one.title: (one.kind, one.sessions) for one in catalogue.documents.values()}
