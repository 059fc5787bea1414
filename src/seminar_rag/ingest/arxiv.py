"""What arXiv's public API knows of papers: by id, many at once, and by title.

Answers about an id are kept beside the fetched files, so that adding a reading asks for one only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from lxml import etree

from seminar_rag.errors import FetchError
from seminar_rag.ingest.fetch import Fetcher
from seminar_rag.ingest.titles import Described, fold, main_title, subtitle

_ATOM = "{http://www.w3.org/2005/Atom}"
_AT_ONCE = 50
"""Ids asked for in one request."""
_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?"
_ADDRESS = re.compile(
    r"(?:^|\.)(?:arxiv\.org/(?:abs|pdf|html|format|e-print)/|alphaxiv\.org/(?:abs|pdf)/"
    r"|huggingface\.co/papers/|ar5iv(?:\.labs)?\.(?:arxiv\.)?org/(?:abs|html)/"
    r"|doi\.org/10\.48550/arxiv\.)" + _ID,
    re.I,
)


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
    found = _ADDRESS.search(f"{(parts.hostname or '').removeprefix('www.')}{parts.path}")
    return found[1] if found else None


class ArxivApi:
    """Asks the API through a fetcher.

    Args:
        base: the API's address.
    """

    def __init__(self, fetcher: Fetcher, base: str) -> None:
        self._fetcher = fetcher
        self._base = base
        self._known: dict[str, Paper] = {}
        self._loading: Future[None] | None = None

    def load_in(self, pool: Executor, ids: Iterable[str]) -> None:
        """Load many papers in the background; who asks for one waits for it."""
        self._loading = pool.submit(self.load, tuple(ids))

    def load(self, ids: Iterable[str]) -> None:
        """Ask for many papers at once. What cannot be had is simply not known afterwards."""
        wanted = sorted(set(ids) - set(self._known))
        for at in range(0, len(wanted), _AT_ONCE):
            part = ",".join(wanted[at : at + _AT_ONCE])
            try:
                found = self._ask(f"id_list={quote(part, safe=',/')}&max_results={_AT_ONCE}")
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
            found = self._ask(f"id_list={quote(id_, safe='/')}v1")
        except FetchError:
            return None
        return found[0] if found else None

    def search(self, title: str) -> Sequence[Paper]:
        """Papers with such a title: the whole title, else its parts, since one of them may change.

        Raises:
            FetchError: the API cannot be asked.
        """
        found: dict[str, Paper] = {}
        whole, main, rest = fold(title), fold(main_title(title)), fold(subtitle(title))
        for words, least in {whole: 1, main: 2, rest: 4}.items():
            if len(words.split()) < least:
                continue
            phrase = quote(f'ti:"{words}"', safe="")
            for paper in self._ask(f"search_query={phrase}&max_results=10"):
                found.setdefault(paper.id, paper)
            if found:
                break
        return list(found.values())

    def _ask(self, query: str) -> list[Paper]:
        fetched = self._fetcher.fetch(f"{self._base}?{query}")
        return parse_feed(fetched.file.read_bytes())


def parse_feed(data: bytes) -> list[Paper]:
    """The papers in an answer of the API; empty where it is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(data, parser)
    out: list[Paper] = []
    for entry in root.iter(f"{_ATOM}entry") if root is not None else ():
        found = arxiv_id(entry.findtext(f"{_ATOM}id", ""))
        title = " ".join(entry.findtext(f"{_ATOM}title", "").split())
        if found and title:
            names = [one.findtext(f"{_ATOM}name", "") for one in entry.iter(f"{_ATOM}author")]
            summary = " ".join(entry.findtext(f"{_ATOM}summary", "").split())
            out.append(Paper(found, title, tuple(" ".join(n.split()) for n in names), summary))
    return out
