"""A reading → its documents: where each can be had, whether it is what the link claims, why not.

The places of a reading are tried in the page's order and every attempt is recorded. A paper that
turns out to be another one is reported and never taken; where no place gives the paper, arXiv is
searched for its title. Knows nothing of sessions, passages or the store.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from seminar_rag.errors import DocumentError, FetchError
from seminar_rag.types import ParsedDocument
from seminar_rag.types.catalogue import Suggested
from seminar_rag.web.arxiv import ArxivApi, Paper, arxiv_id
from seminar_rag.web.fetch import Attempt, Fetched, Fetcher
from seminar_rag.web.titles import Described, Likeness, Wanted, is_label, judge, likely, surely
from seminar_rag.web.webpage import WebPage, decode, read_page

State = Literal["paper", "page", "nothing"]
_THREADS = 8
_POLL = 0.2
"""Seconds after which a wait is broken off to ask whether to stop."""
_BEGIN = 3000
_MOST_HTML = 8 << 20
"""Bytes of a web page that are looked at; larger ones take minutes and are no articles."""


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
class Found:
    """A document of a reading."""

    url: str
    """Where a reader finds it."""
    file: Path
    hash: str
    paper: bool
    """The paper itself; otherwise a page that goes with it."""
    title: str
    """The listed title where the document bears it, else the document's own."""
    authors: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What could be had of a reading."""

    reading: str
    state: State
    found: tuple[Found, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    arxiv_id: str | None = None
    """Of the paper that was taken, whatever the page's link says."""
    problem: str = ""
    """What went wrong or is odd, in words."""
    remedy: str = ""
    """What the instructor can do; empty where nothing needs attention."""
    passing: bool = False
    """Whether something failed that may work at another time."""
    suggested: tuple[Suggested, ...] = ()
    """What the instructor may decide about its links."""


@dataclass(slots=True)
class _Case:
    """A reading being worked on."""

    wanted: Wanted
    found: list[Found] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Links that failed, in words with a remedy."""
    wrong: list[str] = field(default_factory=list)
    """Links that lead to something else, in words."""
    doubted: dict[str, str] = field(default_factory=dict)
    """Those links, with the title of what they lead to."""
    odd: list[str] = field(default_factory=list)
    unsure: dict[str, str] = field(default_factory=dict)
    """Links whose document was taken, with the other title that it bears."""
    near: Paper | None = None
    """A paper on arXiv whose title comes near; the one that was taken, where one was."""
    arxiv_id: str | None = None
    searched: bool = False
    """Whether the paper was found by its title, not by a link."""
    beside: bool = False
    """Whether the wrong links stand beside a right one."""
    passing: bool = False

    def tried(self, url: str, says: str) -> None:
        """Record an attempt that gave nothing and needs no hand."""
        self.attempts.append(Attempt(url, "failed", says))

    def failed(self, url: str, says: str, passing: bool = False) -> None:
        """Record a link that failed."""
        self.tried(url, says)
        self.failures.append(says)
        self.passing |= passing

    def take(self, found: Found, fetched: Fetched) -> None:
        if any(one.hash == found.hash for one in self.found):
            return
        self.found.append(found)
        self.attempts.append(Attempt(fetched.url, fetched.event, fetched.note))

    @property
    def has_paper(self) -> bool:
        return any(one.paper for one in self.found)

    def verdict(self, url: str, own: Described) -> Likeness:
        """Whether what an address gave is the reading; the instructor's word goes first."""
        return "same" if url in self.wanted.trusted else judge(self.wanted, own)

    def shown(self, own: str | None, verdict: str) -> str:
        """The listed title where the document bears it, or the instructor says so.

        A document never goes by another's name.
        """
        listed = self.wanted.title
        borne = own is None or (verdict == "same" and not is_label(listed or ""))
        if listed and (borne or (self.wanted.named and not self.found)):
            return listed
        return own or listed or self.wanted.id


class Resolver:
    """Finds the documents of readings.

    Args:
        parse: reads a file, as `Parser.parse` does; asked for PDFs that no metadata describe.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        parse: Callable[[Path], ParsedDocument],
        places: Places = Places(),
    ) -> None:
        self._fetcher = fetcher
        self._parse = parse
        self._places = places
        self._api = ArxivApi(fetcher, places.arxiv_api)

    def resolve_all(
        self,
        wanted: Sequence[Wanted],
        begun: Callable[[Wanted], None] = lambda _: None,
        halt: threading.Event | None = None,
    ) -> Iterator[Resolution]:
        """Every reading, in the order in which they are done.

        Readings of one host are worked on one after another, hosts side by side, so that a slow
        lane (arXiv) keeps no other waiting.

        Args:
            begun: called from the working threads before each reading.
            halt: once it is set, no other reading is begun, and the iteration ends.
        """
        lanes: dict[str, list[Wanted]] = {}
        for one in wanted:
            lanes.setdefault(_first_host(one), []).append(one)
        # The longest lane first: it decides how long everything takes.
        ordered = sorted(lanes.values(), key=len, reverse=True)
        ready: SimpleQueue[Resolution | None] = SimpleQueue()
        stopped = halt or threading.Event()

        def work(lane: Sequence[Wanted]) -> None:
            try:
                for one in lane:
                    if not stopped.is_set():
                        begun(one)
                        ready.put(self._safely(one))
            finally:
                ready.put(None)

        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")
        try:
            ids = [id_ for one in wanted for url in one.urls if (id_ := arxiv_id(url))]
            self._api.load_in(pool, ids)
            tasks = [pool.submit(work, lane) for lane in ordered]
            left = len(tasks)
            while left and not stopped.is_set():
                try:
                    resolution = ready.get(timeout=_POLL)
                except Empty:
                    continue
                left -= resolution is None
                if resolution is not None:
                    yield resolution
            for task in () if stopped.is_set() else tasks:
                task.result()
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _safely(self, wanted: Wanted) -> Resolution:
        """One reading; a page that upsets a library stops no other."""
        try:
            return self.resolve(wanted)
        except OSError:
            raise  # the disk, not the reading
        except Exception as error:  # noqa: BLE001 - hostile pages make libraries raise anything
            says = f"its documents could not be read ({type(error).__name__}: {error})"
            mend = "download it yourself and ingest the file"
            return Resolution(wanted.id, "nothing", problem=" ".join(says.split()), remedy=mend)

    def resolve(self, wanted: Wanted) -> Resolution:
        """One reading: its links in order, then a search by its title."""
        case = _Case(wanted)
        for url in dict.fromkeys(wanted.urls):
            if urlsplit(url).scheme in ("http", "https"):
                self._try(case, url)
        if not case.has_paper and wanted.title:
            self._search(case)
        return _resolution(case)

    # --- one link ------------------------------------------------------------------------------

    def _try(self, case: _Case, url: str) -> None:
        """A link, with recorded failures instead of exceptions."""
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        pieces = [piece for piece in parts.path.split("/") if piece]
        id_ = arxiv_id(url)
        try:
            if id_ is not None:
                self._arxiv(case, id_, url)
            elif host == "openreview.net" and (key := parse_qs(parts.query).get("id")):
                base = self._places.openreview
                self._archive(case, url, f"{base}/pdf?id={key[0]}", f"{base}/forum?id={key[0]}")
            elif host == "aclanthology.org" and pieces and not url.endswith(".pdf"):
                base = f"{self._places.acl}/{pieces[0]}"
                self._archive(case, url, f"{base}.pdf", f"{base}/")
            elif host == "github.com" and len(pieces) >= 2:
                self._repository(case, url, pieces)
            else:
                self._page(case, url, url)
        except FetchError as error:
            case.failed(url, str(error), not error.lasting)

    def _arxiv(self, case: _Case, id_: str, url: str) -> None:
        known = self._api.paper(id_)
        if known is not None:
            verdict = case.verdict(url, known.described)
            if verdict == "other" and not is_label(case.wanted.title or ""):
                first = self._api.first_version(id_)
                if first is not None:
                    verdict = judge(case.wanted, first.described)
            if self._refused(case, url, verdict, known.title):
                return
            self._take_arxiv(case, known, url, verdict)
            return
        fetched = self._pdf(case, f"{self._places.arxiv}/pdf/{id_}")
        if fetched is not None and self._judged(case, url, fetched, None):
            case.arxiv_id = case.arxiv_id or id_

    def _take_arxiv(self, case: _Case, paper: Paper, url: str, verdict: str) -> None:
        fetched = self._pdf(case, f"{self._places.arxiv}/pdf/{paper.id}")
        if fetched is None:
            return
        title = case.shown(paper.title, verdict)
        authors = ", ".join(paper.authors) or None
        if not case.has_paper:
            case.arxiv_id = paper.id
        case.take(Found(url, fetched.file, fetched.hash, True, title, authors), fetched)

    def _archive(self, case: _Case, url: str, pdf: str, landing: str) -> None:
        """A paper archive: the PDF, and where it is refused, the landing page."""
        try:
            fetched = self._pdf(case, pdf)
        except FetchError as error:
            case.failed(pdf, str(error), not error.lasting)
            fetched = None
        if fetched is not None:
            self._judged(case, url, fetched, None)
        else:
            self._page(case, url, landing)

    def _repository(self, case: _Case, url: str, pieces: Sequence[str]) -> None:
        """The README of a repository. It goes with the reading where one names the other."""
        owner, name = pieces[0], pieces[1].removesuffix(".git")
        base = f"{self._places.github_raw}/{owner}/{name}/HEAD"
        if len(pieces) > 4 and pieces[2] == "blob":
            self._page(
                case, url, f"{self._places.github_raw}/{owner}/{name}/{'/'.join(pieces[3:])}"
            )
            return
        fetched = None
        for file in ("README.md", "readme.md", "README.rst"):
            try:
                fetched = self._fetcher.fetch(f"{base}/{file}")
                break
            except FetchError as error:
                if error.failure != "gone":
                    raise
        if fetched is None:
            raise FetchError("gone", f"{url} has no README — correct the link")
        text = fetched.file.read_bytes().decode("utf-8", "replace")
        called = f"{owner}/{name} (README)"
        about = Described(f"{name} {_first_heading(text)}", begin=text[: _BEGIN // 2])
        verdict = case.verdict(url, about)
        if self._refused(case, url, verdict, called):
            return
        if fetched.kind == "html" or len(text.strip()) < 100:
            raise FetchError("gone", f"{url} has no README to speak of — nothing to do")
        file_ = self._keep(text)
        case.take(Found(url, file_, file_.stem, False, called), fetched)

    def _page(self, case: _Case, url: str, address: str) -> None:
        """Any address: a PDF is a paper, a landing page leads to one, else its main text."""
        fetched = self._fetcher.fetch(address)
        if fetched.kind == "pdf":
            self._judged(case, url, fetched, None)
        elif fetched.kind == "html":
            self._web(case, url, fetched)
        elif fetched.kind in ("markdown", "text"):
            file = self._keep(fetched.file.read_bytes().decode("utf-8", "replace"))
            title = Path(urlsplit(url).path).name or url
            case.take(Found(url, file, file.stem, False, title), fetched)
        else:
            case.failed(url, f"{url} is neither a PDF nor a web page — ingest a PDF of the reading")

    def _web(self, case: _Case, url: str, fetched: Fetched) -> None:
        if fetched.file.stat().st_size > _MOST_HTML:
            case.failed(url, f"{url} is too large for a web page — save it as a PDF and ingest it")
            return
        page = read_page(decode(fetched.file.read_bytes()), fetched.final_url)
        went = urlsplit(fetched.final_url)
        if page.obstacle:
            case.failed(
                url, f"{url} cannot be read: {page.obstacle} — save it yourself and ingest the file"
            )
        elif went.path in ("", "/") and not went.query and urlsplit(url).path not in ("", "/"):
            case.failed(url, f"{url} has moved: it leads to a home page — correct the link")
        elif page.pdf is not None and self._landing(case, url, page, page.pdf):
            pass
        elif not page.text:
            case.failed(
                url,
                f"{url} holds next to no text of its own (scripts draw it) — save the page as a PDF"
                " and ingest it",
            )
        else:
            self._take_page(case, url, page, fetched)

    def _landing(self, case: _Case, url: str, page: WebPage, pdf: str) -> bool:
        """Whether the PDF that a landing page names could be had and judged."""
        try:
            fetched = self._pdf(case, pdf)
        except FetchError as error:
            case.failed(pdf, str(error), not error.lasting)
            return False
        if fetched is not None:
            self._judged(case, url, fetched, page)
        return fetched is not None

    def _take_page(self, case: _Case, url: str, page: WebPage, fetched: Fetched) -> None:
        own = Described(page.title, page.authors, begin=page.text[:_BEGIN])
        verdict = case.verdict(url, own)
        if page.paper and self._refused(case, url, verdict, page.title):
            return
        before, after = urlsplit(url).hostname, urlsplit(fetched.final_url).hostname
        if verdict == "other" and _site(before) != _site(after):
            case.failed(
                url,
                f"{url} has moved: it leads to “{page.title}” on {after} — correct the link",
            )
            return
        file = self._keep(page.text)
        named = case.wanted.named and not case.found
        title = (None if named else page.title) or case.shown(None, verdict)
        authors = ", ".join(page.authors) or None
        case.take(Found(url, file, file.stem, False, title, authors), fetched)

    # --- checking ------------------------------------------------------------------------------

    def _pdf(self, case: _Case, url: str) -> Fetched | None:
        fetched = self._fetcher.fetch(url)
        if fetched.kind == "pdf":
            return fetched
        case.failed(
            url,
            f"{url} gives {'a web page' if fetched.kind == 'html' else 'something'} instead of a"
            " PDF (a sign-in?) — download it yourself and ingest the file",
        )
        return None

    def _judged(self, case: _Case, url: str, fetched: Fetched, page: WebPage | None) -> bool:
        """Take a PDF, unless it is another paper than the page says."""
        own = self._describe(fetched)
        if page is not None and page.title:
            own = replace(own, title=page.title, authors=page.authors or own.authors)
        verdict = case.verdict(url, own)
        if self._refused(case, url, verdict, own.title):
            return False
        title = case.shown(own.title, verdict)
        authors = ", ".join(own.authors) or case.wanted.authors
        case.take(Found(url, fetched.file, fetched.hash, True, title, authors), fetched)
        return True

    def _refused(self, case: _Case, url: str, verdict: str, title: str | None) -> bool:
        """Report a document that is not the reading; True where it must not be taken."""
        wanted = case.wanted.title
        if wanted is None or verdict == "same":
            return False
        if verdict == "unsure" or (is_label(wanted) and not case.found):
            if title:
                case.unsure[url] = title
                case.odd.append(f"{url} calls itself “{title}”")
            return False
        case.beside = case.has_paper
        case.doubted[url] = title or "something else"
        case.wrong.append(f"the link {url} leads to “{title or 'something else'}”")
        case.tried(url, f"leads to “{title or 'something else'}”")
        return True

    def _describe(self, fetched: Fetched) -> Described:
        """What a PDF says of itself, remembered by its content."""
        facts = self._fetcher.cache.facts(fetched.hash)
        if facts is None:
            try:
                parsed = self._parse(fetched.file)
            except DocumentError:
                return Described(None)
            begin = " ".join(block.text for block in parsed.blocks[:20])[:_BEGIN]
            facts = {"title": parsed.title or "", "begin": begin}
            self._fetcher.cache.keep_facts(fetched.hash, facts)
        return Described(facts.get("title") or None, begin=facts.get("begin", ""))

    # --- searching -----------------------------------------------------------------------------

    def _search(self, case: _Case) -> None:
        """arXiv by title; taken only beyond doubt, suggested where likely."""
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
            case.passing = True
            return
        rejected = {arxiv_id(url) for url in wanted.rejected}
        papers = [paper for paper in papers if paper.id not in rejected]
        sure = [paper for paper in papers if surely(wanted, paper.described)]
        if len(sure) == 1:
            try:
                paper = case.near = sure[0]
                self._take_arxiv(case, paper, f"https://arxiv.org/abs/{paper.id}", "same")
                case.searched = case.has_paper
            except FetchError as error:
                case.failed(f"arXiv {sure[0].id}", str(error), not error.lasting)
            return
        near = [paper for paper in papers if likely(wanted, paper.described)]
        says = f"perhaps arXiv {near[0].id}, “{near[0].title}”" if near else "no such title"
        case.tried(place, says)
        if near:
            case.near = near[0]
            case.odd.append(f"it may be arXiv {near[0].id}; add the link if it is")

    def _keep(self, text: str) -> Path:
        return self._fetcher.cache.keep_text(text)


def _resolution(case: _Case) -> Resolution:
    """The case's end: what was had, and in words what the instructor should know."""
    state: State = "paper" if case.has_paper else "page" if case.found else "nothing"
    label = case.wanted.title or case.wanted.id
    notes = list(case.odd)
    mend = ""
    taken = f"arXiv {case.arxiv_id}" if case.arxiv_id else ""
    if case.wrong and case.beside:
        notes = [*case.wrong, *notes]
        mend = "give that an entry of its own on the course page, or take the link out"
    elif case.wrong:
        notes = [*case.wrong, *([f"{label} is {taken}, which was taken"] if taken else []), *notes]
        mend = f"correct the link on the course page{f' to {taken}' if taken else ''}"
    elif case.failures:
        first, _, mend = case.failures[0].partition(" — ")
        notes.insert(0, first)
        if case.searched:
            notes.insert(1, f"{taken} has that title and was taken")
            mend = ""
    elif state == "nothing":
        looked = ", and arXiv has no paper of that title" if case.attempts else ""
        notes.insert(0, f"it has no link{looked}")
        mend = "add a link to the course page, or ingest the PDF"
    says = "; ".join(dict.fromkeys(notes))
    return Resolution(
        case.wanted.id,
        state,
        tuple(case.found),
        tuple(case.attempts),
        case.arxiv_id,
        says,
        mend,
        case.passing,
        tuple(_suggested(case)),
    )


def _suggested(case: _Case) -> Iterator[Suggested]:
    """What the instructor may decide: another link, or that a doubted one is right after all."""
    doubted = next(iter(case.doubted), "")
    if case.near is not None:
        yield Suggested(
            "replace" if doubted else "add",
            f"https://arxiv.org/abs/{case.near.id}",
            case.near.title,
            doubted,
            case.searched,
        )
    for url, title in case.doubted.items():
        yield Suggested("keep", url, title)
    for url, title in case.unsure.items():
        yield Suggested("keep", url, title, taken=True)


def _first_host(wanted: Wanted) -> str:
    """The host that a reading's first request goes to; arXiv's where it must be searched."""
    url = wanted.urls[0] if wanted.urls else ""
    if not url or arxiv_id(url):
        return "arxiv.org"
    return urlsplit(url).hostname or ""


def _site(host: str | None) -> str:
    return ".".join((host or "").split(".")[-2:])


def _first_heading(text: str) -> str:
    found = re.search(r"^#+\s*(.+)$", text, re.M)
    return found[1] if found else ""
