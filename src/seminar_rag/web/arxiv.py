"""What arXiv's public API knows of papers: by id, many at once, and by title.

Answers about an id are kept beside the fetched files, so that adding a reading asks for one only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seminar_rag.errors import FetchError
from seminar_rag.ids import arxiv_of_address
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.titles import Described, fold, main_title, subtitle

_AT_ONCE = 50
"""Ids asked for in one request."""
_FOUND = 10
"""Papers that a search may give."""


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

        Raises:
            FetchError: the API cannot be asked.
        """
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
        """Papers by the `arxiv` package, whose requests go through the fetcher."""
        import arxiv

        most = _AT_ONCE if ids else _FOUND
        client = arxiv.Client(page_size=most, delay_seconds=0, num_retries=0)
        client.query_url_format = self._base + "?{}"
        client._session = _Session(self._fetcher)
        try:
            found = list(client.results(arxiv.Search(query, list(ids), max_results=most)))
        except (arxiv.ArxivError, ValueError):
            return []  # an answer that is none of the API's
        return [paper for one in found if (paper := _paper(one))]


class _Session:
    """In the place of the package's HTTP session: our lanes, checks and copies hold here too."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def get(self, url: str, **_: object) -> _Response:
        """Raises FetchError, which the package lets pass."""
        return _Response(self._fetcher.fetch(url).file.read_bytes())


@dataclass(frozen=True, slots=True)
class _Response:
    content: bytes
    status_code: int = 200


def _paper(one: Any) -> Paper | None:
    """A result of the package; None where it names no paper."""
    id_, title = arxiv_id(one.entry_id), " ".join(one.title.split())
    if id_ is None or not title:
        return None
    names = tuple(" ".join(author.name.split()) for author in one.authors)
    return Paper(id_, title, names, " ".join(one.summary.split()))
