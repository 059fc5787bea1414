"""A web of several hosts on the loopback, with faults on demand. Real sockets, made-up papers.

`Web` serves sites by the Host header, so one port plays arXiv, OpenReview, a blog and a
repository host at once; `Web.transport` sends the requests for every host there. Every request is
kept, with its time.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import socket
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import httpx

from loopback import Handler, LocalServer
from seminar_rag.web.fetch import Fetcher

PUBLIC = "93.184.216.34"
"""An address of the open internet, which the fake name service gives for every host."""


@dataclass(frozen=True)
class Page:
    """What a path answers."""

    body: bytes = b""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    etag: bool = True
    pause: float = 0.0
    """Seconds between pieces of ten bytes: a slow drip."""
    drip: float = 0.0
    """Seconds between header lines that never end."""
    cut: int = 0
    """Close the connection after so many bytes."""
    length: int | None = None
    """Claimed in place of the body's length."""
    repeat: int = 1
    """Send the body so many times, without a length."""


@dataclass(frozen=True)
class Seen:
    """One request."""

    host: str
    path: str
    headers: dict[str, str]
    at: float
    status: int


@dataclass(frozen=True)
class Paper:
    """A paper of the made-up arXiv."""

    id: str
    title: str
    authors: tuple[str, ...] = ("Ada Lovelace", "Charles Babbage")
    summary: str = "We study engines that weave algebraic patterns."
    body: str = ""


Answer = Page | Callable[[str], Page]
"""A page, or a function of the path with its query."""


@dataclass
class Web(LocalServer):
    """Hosts and their pages; use it as a context manager."""

    sites: dict[str, dict[str, Answer]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    """Host → a folder that is served below its root."""

    def __post_init__(self) -> None:
        web = self
        self._scripts: dict[tuple[str, str], deque[Page]] = {}
        self._asked = threading.local()

        class ToWeb(Handler):
            def do_GET(self) -> None:
                try:
                    web._serve(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        super().__init__(ToWeb)

    # --- what is there -------------------------------------------------------------------------

    def put(self, url: str, page: Answer) -> None:
        """Let an address answer with a page."""
        parts = urlsplit(url)
        path = parts.path or "/"
        self.sites.setdefault(parts.netloc, {})[path + (f"?{parts.query}" * bool(parts.query))] = (
            page
        )

    def script(self, url: str, *pages: Page) -> None:
        """Answers that an address gives first, one after another."""
        parts = urlsplit(url)
        self._scripts[parts.netloc, parts.path] = deque(pages)

    def arxiv(self, papers: Iterable[Paper], host: str = "arxiv.org") -> None:
        """Play arXiv: the API below export.<host>, PDFs beside it."""
        shelf = {paper.id: paper for paper in papers}
        for paper in shelf.values():
            self.put(f"https://export.{host}/pdf/{paper.id}", pdf_page(paper))
        self.put(f"https://export.{host}/api/query", lambda path: _api(shelf, path))

    def count(self, host: str = "", status: int | None = None) -> int:
        """How many requests a host has answered."""
        return sum(
            (not host or one.host == host) and status in (None, one.status) for one in self.seen
        )

    # --- how it is reached ---------------------------------------------------------------------

    def transport(self) -> httpx.BaseTransport:
        """Connections for every host, plain ones to this server."""
        return _ToWeb(self.port)

    def fetcher(self, folder: Path, timeout: float = 5, **how: Any) -> Fetcher:
        """A fetcher for whom this is all of the web, and which does not wait between requests."""
        given = {"transport": self.transport(), "resolve": self.resolve, "sleep": lambda _: None}
        return Fetcher(folder, timeout=timeout, **given | how)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """A name service that knows every host of this web."""
        if host in self.sites or host in self.folders:
            return [PUBLIC]
        raise socket.gaierror(-2, "Name or service not known")

    @property
    def asked(self) -> dict[str, str]:
        """The headers of the request that this thread is answering."""
        headers: dict[str, str] = self._asked.headers
        return headers

    # --- serving -------------------------------------------------------------------------------

    def _find(self, host: str, path: str) -> Page:
        bare = path.partition("?")[0]
        script = self._scripts.get((host, bare))
        if script:
            return script.popleft()
        site = self.sites.get(host, {})
        found = site.get(path, site.get(bare))
        if found is not None:
            return found if isinstance(found, Page) else found(path)
        folder = self.folders.get(host)
        if folder is not None:
            file = folder / bare.strip("/")
            file = file / "index.html" if file.is_dir() else file
            if file.is_file():
                kind = "application/pdf" if file.suffix == ".pdf" else "text/html; charset=utf-8"
                return Page(file.read_bytes(), type=kind)
        return Page(b"<html><title>404 Not Found</title>", 404)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        host = handler.headers.get("Host", "")
        if host.startswith("127.0.0.1"):
            host = "127.0.0.1"
        self._asked.headers = dict(handler.headers)
        page = self._find(host, handler.path)
        tag = f'"{hashlib.md5(page.body).hexdigest()}"'
        status = page.status
        if status == 200 and page.etag and handler.headers.get("If-None-Match") == tag:
            status = 304
        self.seen.append(Seen(host, handler.path, dict(handler.headers), time.monotonic(), status))
        if page.drip:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:  # until the client hangs up
                handler.wfile.write(b"X-Drip: x\r\n")
                time.sleep(page.drip)
        handler.send_response(status)
        handler.send_header("Content-Type", page.type)
        if page.etag and page.status == 200:
            handler.send_header("ETag", tag)
        for name, value in page.headers:
            handler.send_header(name, value)
        if status == 304:
            handler.end_headers()
            return
        if page.repeat > 1:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        else:
            length = len(page.body) if page.length is None else page.length
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        self._send(handler, page)

    def _send(self, handler: BaseHTTPRequestHandler, page: Page) -> None:
        if page.cut:
            handler.wfile.write(page.body[: page.cut])
            handler.close_connection = True
            return
        if page.pause:
            for at in range(0, len(page.body), 10):
                handler.wfile.write(page.body[at : at + 10])
                handler.wfile.flush()
                time.sleep(page.pause)
            return
        for _ in range(page.repeat):
            handler.wfile.write(page.body)


class _ToWeb(httpx.BaseTransport):
    """Sends everything to one port of the loopback, whatever address it was meant for."""

    def __init__(self, port: int) -> None:
        self.addresses: Counter[str] = Counter()
        self._port = port
        self._inner = httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.addresses[request.url.host] += 1
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


# --- made-up content -----------------------------------------------------------------------------


def html(title: str, *paragraphs: str, head: str = "") -> Page:
    """A web page with an article."""
    text = "".join(f"<p>{escape(one)}</p>" for one in paragraphs)
    return Page(
        f"<!doctype html><html><head><title>{escape(title)}</title>{head}</head><body>"
        f"<nav><a href='/'>Home</a> <a href='/about'>About us</a></nav><main><article>"
        f"<h1>{escape(title)}</h1>{text}</article></main>"
        "<footer>All rights reserved. Cookie settings.</footer></body></html>".encode()
    )


def redirect(to: str, status: int = 302) -> Page:
    """An answer that sends the client elsewhere."""
    return Page(status=status, headers=(("Location", to),), etag=False)


def pdf(title: str, authors: Sequence[str] = (), *paragraphs: str) -> bytes:
    """A small PDF with a title page as papers have it."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    out = io.BytesIO()
    sheet = getSampleStyleSheet()
    parts = [Paragraph(escape(title), sheet["Title"])]
    if authors:
        parts += [Paragraph(escape(", ".join(authors)), sheet["Normal"]), Spacer(1, 12)]
    for one in paragraphs:
        parts += [Paragraph(escape(one), sheet["Normal"]), Spacer(1, 6)]
    SimpleDocTemplate(out, pagesize=A4, invariant=1).build(parts)
    return out.getvalue()


def pdf_page(paper: Paper) -> Page:
    """A paper's PDF as arXiv gives it."""
    body = paper.body or f"In this paper, {paper.title} is what we speak of, at some length."
    data = pdf(paper.title, paper.authors, "Abstract", paper.summary, "1 Introduction", body)
    return Page(data, type="application/pdf")


def bomb(megabytes: int = 200) -> Page:
    """A small gzip body that unpacks to many megabytes."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(pack.compress(bytes(1 << 20)) for _ in range(megabytes)) + pack.flush()
    return Page(data, headers=(("Content-Encoding", "gzip"),))


def packed(page: Page) -> Page:
    """The same page, gzipped in transit."""
    return Page(gzip.compress(page.body), headers=(("Content-Encoding", "gzip"),), etag=False)


def _api(shelf: dict[str, Paper], path: str) -> Page:
    """The arXiv API: id_list, and ti:"…" searches over whole titles."""
    query = parse_qs(urlsplit(path).query)
    found: list[Paper] = []
    for id_ in ",".join(query.get("id_list", [])).split(","):
        bare = re.sub(r"v\d+$", "", id_)
        if bare in shelf:
            found.append(shelf[bare])
    for phrase in re.findall(r'ti:"([^"]+)"', " ".join(query.get("search_query", []))):
        words = _words(phrase)
        found += [p for p in shelf.values() if words and words in _words(p.title)]
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{p.id}v1</id><published>2023-01-01T00:00:00Z</published>"
        "<updated>2023-01-01T00:00:00Z</updated>"
        f"<title>{escape(p.title)}</title><summary>{escape(p.summary)}</summary>"
        + "".join(f"<author><name>{escape(name)}</name></author>" for name in p.authors)
        + "</entry>"
        for p in found
    )
    feed = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
    return Page(feed.encode(), type="application/atom+xml")


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
