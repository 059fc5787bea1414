"""The places that readings lie in: archives and repositories, arXiv's API, and web pages.

arXiv's public API is asked for papers by id, many at once, and by title. Its answers are kept
beside the fetched files, so that adding a reading asks for one paper only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from seminar_rag.errors import FetchError
from seminar_rag.ids import arxiv_of_address
from seminar_rag.text import fold, main_title
from seminar_rag.web.identify import Described, subtitle

if TYPE_CHECKING:
    from seminar_rag.web.fetch import Fetcher

_AT_ONCE = 50
"""Ids asked for in one request."""
_FOUND = 10
"""Papers that a search may give."""
_NO_PAGE = re.compile(
    r"\b(?:page not found|not found|404|just a moment|attention required|access denied|forbidden"
    r"|sign in|log ?in|are you a robot|robot check|captcha|checking your browser|verify you are"
    r"|verifying your browser|cookies? required|enable javascript|service unavailable)\b",
    re.I,
)
_LEAST_TEXT = 200
"""Characters of main text below which a page says nothing itself."""


@dataclass(frozen=True, slots=True)
class Places:
    """Base addresses of the archives, without a final slash."""

    arxiv: str = "https://export.arxiv.org"
    """arXiv keeps this host for programs."""
    arxiv_api: str = "https://export.arxiv.org/api/query"
    openreview: str = "https://openreview.net"
    acl: str = "https://aclanthology.org"
    github_raw: str = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """Where the document that a link means can be fetched."""

    page: str
    """The link itself, or the page or file that stands for it."""
    pdf: str = ""
    """The paper's PDF, where the link leads into a paper archive."""
    repository: tuple[str, str] | None = None
    """Owner and name, where the link leads to a repository: its README stands for it."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper on arXiv."""

    id: str
    """Without version."""
    title: str
    authors: tuple[str, ...] = ()
    summary: str = ""

    @property
    def described(self) -> Described:
        """The paper as `titles` compares it."""
        return Described(self.title, self.authors, self.summary)


def arxiv_id(url: str) -> str | None:
    """The arXiv id that an address names, without version; None where it names none."""
    parts = urlsplit(url)
    return arxiv_of_address(f"{parts.hostname or ''}{parts.path}")


def place_of(url: str, places: Places) -> DocumentPlace:
    """Where to fetch the document that a link means; knows every archive but arXiv."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    pieces = [piece for piece in parts.path.split("/") if piece]
    if host == "openreview.net" and (key := parse_qs(parts.query).get("id")):
        base = places.openreview
        return DocumentPlace(f"{base}/forum?id={key[0]}", f"{base}/pdf?id={key[0]}")
    if host == "aclanthology.org" and pieces and not url.endswith(".pdf"):
        base = f"{places.acl}/{pieces[0]}"
        return DocumentPlace(f"{base}/", f"{base}.pdf")
    if host == "github.com" and len(pieces) >= 2:
        owner, name = pieces[0], pieces[1].removesuffix(".git")
        if len(pieces) > 4 and pieces[2] == "blob":
            return DocumentPlace(f"{places.github_raw}/{owner}/{name}/{'/'.join(pieces[3:])}")
        return DocumentPlace(url, repository=(owner, name))
    return DocumentPlace(url)


class ArxivApi:
    """Asks the API, at the address `base`, through a fetcher."""

    def __init__(self, fetcher: Fetcher, base: str) -> None:
        self._fetcher = fetcher
        self._base = base
        self._known: dict[str, Paper] = {}
        self._loading: Future[None] | None = None

    def load_in(self, pool: Executor, ids: Iterable[str]) -> None:
        """Load many papers in the background; `paper` waits until they are there."""
        self._loading = pool.submit(self.load, tuple(ids))

    def load(self, ids: Iterable[str]) -> None:
        """Load many papers at once; those that cannot be fetched stay unknown."""
        wanted = sorted(set(ids) - set(self._known))
        for at in range(0, len(wanted), _AT_ONCE):
            try:
                found = self._ask(ids=wanted[at : at + _AT_ONCE])
            except FetchError:
                continue
            self._known.update({paper.id: paper for paper in found})

    def paper(self, id_: str) -> Paper | None:
        """A paper that was loaded."""
        if self._loading is not None:
            self._loading.result()
        return self._known.get(id_)

    def first_version(self, id_: str) -> Paper | None:
        """The paper as it was first submitted; titles change in later versions."""
        try:
            found = self._ask(ids=[f"{id_}v1"])
        except FetchError:
            return None
        return found[0] if found else None

    def search(self, title: str) -> Sequence[Paper]:
        """Papers with such a title: the whole title, else its parts, since one of them may change.
        Raises FetchError."""
        found: dict[str, Paper] = {}
        whole, main, rest = fold(title), fold(main_title(title)), fold(subtitle(title))
        for words, least in {whole: 1, main: 2, rest: 4}.items():
            if len(words.split()) < least:
                continue
            for paper in self._ask(f'ti:"{words}"'):
                found.setdefault(paper.id, paper)
            if found:
                break
        return list(found.values())

    def _ask(self, query: str = "", ids: Sequence[str] = ()) -> list[Paper]:
        """Papers that the API answers with; none where its answer cannot be read."""
        from lxml import etree

        asked = {
            "search_query": query,
            "id_list": ",".join(ids),
            "sortBy": "relevance",
            "sortOrder": "descending",
            "start": 0,
            "max_results": _AT_ONCE if ids else _FOUND,
        }
        fetched = self._fetcher.fetch(f"{self._base}?{urlencode(asked)}")
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        try:
            feed = etree.fromstring(fetched.file.read_bytes(), parser)
        except (etree.XMLSyntaxError, ValueError):
            return []
        return [paper for entry in feed.iter("{*}entry") if (paper := _paper(entry))]


def _paper(entry: Any) -> Paper | None:
    """A paper of an Atom feed; None where an entry names none."""

    def text(path: str) -> str:
        return " ".join((entry.findtext(path) or "").split())

    id_, title = arxiv_id(text("{*}id")), text("{*}title")
    if id_ is None or not title:
        return None
    names = [" ".join((one.text or "").split()) for one in entry.iterfind("{*}author/{*}name")]
    return Paper(id_, title, tuple(names), text("{*}summary"))


# --- web pages -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page, read."""

    title: str | None
    authors: tuple[str, ...] = ()
    """Of a paper's landing page."""
    pdf: str | None = None
    """The paper's PDF, where the page is a paper's landing page."""
    paper: bool = False
    """Whether it is a paper's landing page."""
    text: str = ""
    """Main text as Markdown; empty where the page has next to none."""
    obstacle: str = ""
    """Why this is not the page that was meant: a sign-in, a challenge, an error page."""


def read_page(html: str, url: str) -> WebPage:
    """Read a page: title, authors and PDF from the citation metadata that publishers and
    repositories give to search engines; main text by trafilatura (Barbaresi, ACL 2021 demos)."""
    from lxml.etree import LxmlError
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8")  # whatever the page declares: it is decoded already
    try:
        root = document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (ValueError, AssertionError, LxmlError):
        return WebPage(None, obstacle="the page cannot be read")
    metas: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").lower()
        metas.setdefault(name, []).append(" ".join((meta.get("content") or "").split()))
    cited = next(iter(metas.get("citation_title", [])), None)
    title = cited or _own_title(root, metas)
    pdf = next(iter(metas.get("citation_pdf_url", [])), None)
    text = _main_text(html)
    # Articles may carry a sign-in box too; a page that is little else is one.
    signs_in = bool(root.xpath("//input[@type='password']")) and len(text) < 5 * _LEAST_TEXT
    astray = signs_in or bool(_NO_PAGE.search((title or "")[:60]))
    return WebPage(
        title,
        tuple(metas.get("citation_author", [])),
        urljoin(url, pdf) if pdf else None,
        cited is not None,
        text if len(text) >= _LEAST_TEXT else "",
        f"it shows “{title or 'a sign-in form'}” instead" if astray else "",
    )


def _own_title(root: object, metas: dict[str, list[str]]) -> str | None:
    from lxml.html import HtmlElement

    assert isinstance(root, HtmlElement)
    whole = " ".join((root.findtext(".//title") or "").split())
    headings = [" ".join(str(one.text_content()).split()) for one in root.iter("h1")]
    given = next((one for one in metas.get("og:title", []) if one), "")
    # A heading that the page's title repeats is the article's own, without the site's name.
    for heading in headings:
        if heading and heading.casefold() in whole.casefold():
            return heading
    return given or whole or next((one for one in headings if one), None)


def _main_text(html: str) -> str:
    import trafilatura

    return (
        trafilatura.extract(
            html,
            output_format="markdown",
            include_comments=False,
            include_tables=True,
            include_formatting=True,
        )
        or ""
    )
