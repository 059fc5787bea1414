"""A reading → its documents: where each is, whether it is what the link claims, why not.

The links of a reading are tried in the page's order and every attempt is recorded. A paper that
turns out to be another one is reported and never taken; where no link gives the paper, arXiv is
searched for its title. Knows nothing of sessions, passages or the store.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from seminar_rag.errors import DocumentError, FetchError
from seminar_rag.text import decoded
from seminar_rag.types import ParsedDocument
from seminar_rag.types.catalogue import Lookup
from seminar_rag.web.fetch import Fetched, Fetcher
from seminar_rag.web.identify import (
    BEGIN,
    Case,
    Described,
    Likeness,
    Wanted,
    is_label,
    likeness,
    may_be,
    surely_is,
)
from seminar_rag.web.places import (
    ArxivApi,
    Paper,
    Places,
    WebPage,
    arxiv_id,
    place_of,
    read_page,
)

_THREADS = 8
_MOST_HTML = 8 << 20
"""Bytes of a web page that are looked at; larger ones take minutes and are no articles."""


class Resolver:
    """Looks up the documents of readings; PDFs that no metadata describe are read by `parse`."""

    def __init__(
        self,
        fetcher: Fetcher,
        parse: Callable[[Path], ParsedDocument],
        places: Places = Places(),  # noqa: B008  (frozen)
    ) -> None:
        self._fetcher = fetcher
        self._parse = parse
        self._places = places
        self._api = ArxivApi(fetcher, places.arxiv_api)

    def start(
        self,
        wanted: Sequence[Wanted],
        begun: Callable[[Wanted], None],
        done: Callable[[Wanted, Lookup], None],
        failed: Callable[[Exception], None],
    ) -> Callable[[], None]:
        """Look up many readings in threads; returns at once.

        Readings of one host are looked up one after another, hosts side by side, so that a slow
        one (arXiv) keeps no other waiting. What is returned stops: no other lookup begins.

        Args:
            begun, done: called from the threads before and after each reading.
            failed: called from a thread that an error ends, such as a full disk.
        """
        by_host: dict[str, list[Wanted]] = {}
        for one in wanted:
            by_host.setdefault(_first_host(one), []).append(one)
        stopped = threading.Event()

        def work(queue: Sequence[Wanted]) -> None:
            try:
                for one in queue:
                    if stopped.is_set():
                        return
                    begun(one)
                    done(one, self._safely(one))
            except Exception as error:  # noqa: BLE001 - raised again by the caller's thread
                failed(error)

        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")
        self._api.load_in(pool, [id_ for one in wanted for u in one.urls if (id_ := arxiv_id(u))])
        # The longest queue first: it decides how long everything takes.
        for queue in sorted(by_host.values(), key=len, reverse=True):
            pool.submit(work, queue)

        def stop() -> None:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)

        return stop

    def _safely(self, wanted: Wanted) -> Lookup:
        """Look up one reading; a page that makes a library fail stops no other."""
        try:
            return self.look_up(wanted)
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk, not the reading
            return _unreadable(wanted, error)

    def look_up(self, wanted: Wanted) -> Lookup:
        """Look up one reading: its links in order, then a search by its title."""
        case = Case(wanted, self._fetcher.cache.folder.parent)
        for url in dict.fromkeys(wanted.urls):
            if urlsplit(url).scheme in ("http", "https"):
                self._try(case, url)
        if not case.has_paper and wanted.title:
            self._search(case)
        return case.lookup()

    # --- one link ------------------------------------------------------------------------------

    def _try(self, case: Case, url: str) -> None:
        """A link, with recorded failures instead of exceptions."""
        id_ = arxiv_id(url)
        place = place_of(url, self._places)
        try:
            if id_ is not None:
                self._arxiv(case, id_, url)
            elif place.pdf:  # in an archive; where it is refused, the landing page is read
                if not self._linked_pdf(case, url, place.pdf, None):
                    self._page(case, url, place.page)
            elif place.repository:
                self._repository(case, url, *place.repository)
            else:
                self._page(case, url, place.page)
        except FetchError as error:
            case.failed(url, str(error))

    def _arxiv(self, case: Case, id_: str, url: str) -> None:
        known = self._api.paper(id_)
        if known is None:
            fetched = self._pdf(case, f"{self._places.arxiv}/pdf/{id_}")
            if fetched is not None and self._take_pdf(case, url, fetched, None):
                case.arxiv_id = case.arxiv_id or id_
            return
        verdict = case.likeness(url, known.described)
        if verdict == "other" and not is_label(case.wanted.title or ""):
            first = self._api.first_version(id_)  # titles change in later versions
            if first is not None:
                verdict = likeness(case.wanted, first.described)
        if not case.refuses(url, verdict, known.title):
            self._take_arxiv(case, known, url, verdict)

    def _take_arxiv(self, case: Case, paper: Paper, url: str, verdict: Likeness) -> None:
        fetched = self._pdf(case, f"{self._places.arxiv}/pdf/{paper.id}")
        if fetched is None:
            return
        if not case.has_paper:
            case.arxiv_id = paper.id
        case.take(url, fetched, case.title(paper.title, verdict), paper.authors)

    def _linked_pdf(self, case: Case, url: str, pdf: str, page: WebPage | None) -> bool:
        """Whether the PDF that goes with a link was fetched; it is taken if it is the reading."""
        try:
            fetched = self._pdf(case, pdf)
        except FetchError as error:
            case.failed(pdf, str(error))
            return False
        if fetched is not None:
            self._take_pdf(case, url, fetched, page)
        return fetched is not None

    def _repository(self, case: Case, url: str, owner: str, name: str) -> None:
        """The README of a repository. It goes with the reading where one names the other."""
        fetched = None
        for file in ("README.md", "readme.md", "README.rst"):
            try:
                base = f"{self._places.github_raw}/{owner}/{name}/HEAD"
                fetched = self._fetcher.fetch(f"{base}/{file}")
                break
            except FetchError as error:
                if error.failure != "gone":
                    raise
        if fetched is None:
            raise FetchError("gone", f"{url} has no README — correct the link")
        text = decoded(fetched.file.read_bytes())
        heading = re.search(r"^#+\s*(.+)$", text, re.M)
        about = Described(f"{name} {heading[1] if heading else ''}", begin=text[: BEGIN // 2])
        called = f"{owner}/{name} (README)"
        if case.refuses(url, case.likeness(url, about), called):
            return
        if fetched.kind == "html" or len(text.strip()) < 100:
            raise FetchError("gone", f"{url} has no README to speak of — nothing to do")
        case.take(url, fetched, called, text=self._fetcher.cache.keep_text(text))

    def _page(self, case: Case, url: str, address: str) -> None:
        """Any address: a document is a paper, a landing page leads to one, else its main text."""
        fetched = self._fetcher.fetch(address)
        if fetched.kind in ("pdf", "form"):
            self._take_pdf(case, url, fetched, None)
        elif fetched.kind == "html":
            self._web_page(case, url, fetched)
        elif fetched.kind in ("markdown", "text"):
            text = decoded(fetched.file.read_bytes())
            title = Path(urlsplit(url).path).name or url
            case.take(url, fetched, title, text=self._fetcher.cache.keep_text(text))
        else:
            case.failed(
                url, f"{url} is neither a document nor a web page — ingest a PDF of the reading"
            )

    def _web_page(self, case: Case, url: str, fetched: Fetched) -> None:
        if fetched.file.stat().st_size > _MOST_HTML:
            case.failed(url, f"{url} is too large for a web page — save it as a PDF and ingest it")
            return
        page = read_page(decoded(fetched.file.read_bytes()), fetched.final_url)
        went = urlsplit(fetched.final_url)
        if page.obstacle:
            case.failed(
                url, f"{url} cannot be read: {page.obstacle} — save it yourself and ingest the file"
            )
        elif went.path in ("", "/") and not went.query and urlsplit(url).path not in ("", "/"):
            case.failed(url, f"{url} has moved: it leads to a home page — correct the link")
        elif page.pdf is not None and self._linked_pdf(case, url, page.pdf, page):
            pass
        elif not page.text:
            case.failed(
                url,
                f"{url} holds next to no text of its own (scripts draw it) — save the page as a PDF"
                " and ingest it",
            )
        else:
            self._take_page(case, url, page, fetched)

    def _take_page(self, case: Case, url: str, page: WebPage, fetched: Fetched) -> None:
        own = Described(page.title, page.authors, begin=page.text[:BEGIN])
        verdict = case.likeness(url, own)
        if page.paper and case.refuses(url, verdict, page.title):
            return
        before, after = urlsplit(url).hostname, urlsplit(fetched.final_url).hostname
        if verdict == "other" and _site(before) != _site(after):
            message = f"it leads to “{page.title}” on {after} — correct the link"
            case.failed(url, f"{url} has moved: {message}")
            return
        named = case.wanted.named and not case.found
        title = (None if named else page.title) or case.title(None, verdict)
        text = self._fetcher.cache.keep_text(page.text)
        case.take(url, fetched, title, page.authors, text)

    def _pdf(self, case: Case, url: str) -> Fetched | None:
        fetched = self._fetcher.fetch(url)
        if fetched.kind == "pdf":
            return fetched
        case.failed(
            url,
            f"{url} gives {'a web page' if fetched.kind == 'html' else 'something'} instead of a"
            " PDF (a sign-in?) — download it yourself and ingest the file",
        )
        return None

    def _take_pdf(self, case: Case, url: str, fetched: Fetched, page: WebPage | None) -> bool:
        """Whether a PDF was taken: unless it is another paper than the course page says."""
        own = self._describe(fetched)
        if page is not None and page.title:
            own = replace(own, title=page.title, authors=page.authors or own.authors)
        verdict = case.likeness(url, own)
        if case.refuses(url, verdict, own.title):
            return False
        authors = own.authors or tuple(filter(None, [case.wanted.authors]))
        case.take(url, fetched, case.title(own.title, verdict), authors)
        return True

    def _describe(self, fetched: Fetched) -> Described:
        """What a PDF says of itself, remembered by its content."""
        facts = self._fetcher.cache.facts(fetched.hash)
        if facts is None:
            try:
                parsed = self._parse(fetched.file)
            except DocumentError:
                return Described(None)
            begin = " ".join(block.text for block in parsed.blocks[:20])[:BEGIN]
            facts = {"title": parsed.title or "", "begin": begin}
            self._fetcher.cache.keep_facts(fetched.hash, facts)
        return Described(facts.get("title") or None, begin=facts.get("begin", ""))

    def _search(self, case: Case) -> None:
        """Search arXiv for the title; take a paper beyond doubt, suggest one that is likely."""
        wanted = case.wanted
        assert wanted.title is not None
        if is_label(wanted.title) and not wanted.authors and not wanted.abstract:
            return
        place = f"arXiv, searched for “{wanted.title}”"
        try:
            papers = self._api.search(wanted.title)
        except FetchError as error:
            case.tried(place, str(error))
            case.failures.append("arXiv could not be searched for its title — run it again later")
            return
        rejected = {arxiv_id(url) for url in wanted.rejected}
        papers = [paper for paper in papers if paper.id not in rejected]
        sure = [paper for paper in papers if surely_is(wanted, paper.described)]
        near = sure or [paper for paper in papers if may_be(wanted, paper.described)]
        case.near = (near[0].id, near[0].title) if near else None
        if len(sure) == 1:
            try:
                self._take_arxiv(case, sure[0], f"https://arxiv.org/abs/{sure[0].id}", "same")
                case.by_title = case.has_paper
            except FetchError as error:
                case.failed(f"arXiv {sure[0].id}", str(error))
            return
        found = f"perhaps arXiv {near[0].id}, “{near[0].title}”" if near else "no such title"
        case.tried(place, found)
        if near:
            case.doubts.append(f"it may be arXiv {near[0].id}; add the link if it is")


def _unreadable(wanted: Wanted, error: Exception) -> Lookup:
    problem = f"its documents could not be read ({type(error).__name__}: {error})"
    return Lookup(
        wanted.source,
        wanted.id,
        wanted.title or wanted.id,
        wanted.urls,
        "nothing",
        problem=" ".join(problem.split()),
        remedy="download it yourself and ingest the file",
    )


def _first_host(wanted: Wanted) -> str:
    """The host that a reading's first request goes to; arXiv's where it must be searched."""
    url = wanted.urls[0] if wanted.urls else ""
    if not url or arxiv_id(url):
        return "arxiv.org"
    return urlsplit(url).hostname or ""


def _site(host: str | None) -> str:
    return ".".join((host or "").split(".")[-2:])
