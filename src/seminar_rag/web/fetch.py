"""An address → a file on disk, fetched politely. Knows nothing of readings.

One request at a time and a pause between two for every host, several hosts side by side; answers
are kept by the hash of their content (`cache`) and asked for again only when they have changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx

from seminar_rag import __version__
from seminar_rag.documents.parse import FileKind, sniff
from seminar_rag.errors import FetchError
from seminar_rag.web.cache import Cache, CacheEntry
from seminar_rag.web.connect import (
    MAX_BYTES,
    Connections,
    Resolve,
    RetryError,
    checked,
    retry_after,
    system_resolve,
)

PAUSES: Mapping[str, float] = {"arxiv.org": 3.0}
"""Seconds between two requests to a host and its subdomains, where more than `PAUSE` is asked."""
PAUSE = 0.5
_PAUSE_UNCHANGED = 0.05
"""After an answer that cost the host nothing, where no longer pause is asked for."""
_REDIRECTS = 8
_PATIENCE = 120.0
"""The longest Retry-After, in seconds, that is waited for."""
_GIVE_UP = 3
"""Failures of a host in a row after which it is left alone for the rest of the run."""
_REMEMBER_FAILURE = 24 * 3600.0
"""Seconds for which a lasting failure (gone, denied) is believed without asking again."""

Event = Literal["fetched", "unchanged", "cached", "failed"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that an address gave."""

    url: str
    """As asked for."""
    final_url: str
    """After redirects."""
    file: Path
    hash: str
    """SHA-256 of the content."""
    kind: FileKind
    """By content, whatever name and headers say."""
    event: Event
    note: str = ""
    """Why an earlier copy was taken, where asking again failed."""


@dataclass(slots=True)
class _Lane:
    """A host and its subdomains: one request at a time, with pauses."""

    pause: float
    least: float
    """The pause after an answer without a body."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0
    failures: int = 0


class Fetcher:
    """Fetches addresses into `folder`. Safe to call from several threads; close it when done.

    Args:
        contact: an e-mail address or a page that every host is shown.
        allow_hosts: hosts that may lie in a private network; they are asked without pauses.
        credentials: host → the headers that show it who asks; no other host gets them.
        max_age: seconds for which a copy is taken without asking; then it is asked for again.
        max_bytes, timeout, deadline, transport, resolve: see `Connections`.
        offline: take copies of any age, and never ask.
        clock, now, sleep: the clocks, for tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        contact: str = "",
        allow_hosts: Sequence[str] = (),
        credentials: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
        max_age: float = 7 * 86400.0,
        max_bytes: int = MAX_BYTES,
        timeout: float = 30.0,
        deadline: float = 180.0,
        pause: float = PAUSE,
        pauses: Mapping[str, float] = PAUSES,
        offline: bool = False,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = system_resolve,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.cache = Cache(folder)
        self.offline = offline
        self.credentials = credentials
        self.max_age = max_age
        self.bodies = 0
        """Bodies received so far."""
        self._connections = Connections(
            allow_hosts, max_bytes, timeout, deadline, transport, resolve, clock
        )
        self._pause = pause
        self._pauses = pauses
        self._clock = clock
        self._now = now
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        about = f"; {contact}" if contact else ""
        self._headers = {
            "User-Agent": f"seminar-rag/{__version__} (fetches the readings of a course{about})",
            "Accept": "application/pdf, text/html;q=0.9, */*;q=0.5",
            "Accept-Encoding": "gzip",
        }
        self._lock = threading.Lock()
        self._urls: dict[str, threading.Lock] = {}
        self._lanes: dict[str, _Lane] = {}

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; whoever waits for a turn gets a FetchError."""
        self._closed.set()
        self._connections.close()

    # --- fetching ------------------------------------------------------------------------------

    def fetch(self, url: str, max_age: float | None = None) -> Fetched:
        """The file at an address, from the copy on disk where that is young enough; with a `note`
        where asking again failed. Raises FetchError where there is no earlier copy either."""
        url = url.partition("#")[0]
        with self._lock:
            one_at_a_time = self._urls.setdefault(url, threading.Lock())
        with one_at_a_time:
            return self._fetch(url, self.max_age if max_age is None else max_age)

    def _fetch(self, url: str, max_age: float) -> Fetched:
        entry = self.cache.entry(url)
        known = self._copy(entry)
        age = self._now() - entry.at if entry is not None else 0.0
        fresh = entry is not None and age < max_age
        if known is not None and (self.offline or fresh):
            return known
        if self.offline:
            raise FetchError("offline", f"{url} was not fetched before — run it with --fetch")
        asked = entry is not None and fresh and not self._keyed(url)
        if entry is not None and entry.failed and asked and age < _REMEMBER_FAILURE:
            raise FetchError(entry.failed, entry.message)
        try:
            return self._follow(url, entry if known else None)
        except FetchError as error:
            if known is not None:
                return replace(known, note=str(error))
            if error.lasting:
                failed = CacheEntry(url, at=self._now(), failed=error.failure, message=str(error))
                self.cache.remember(failed)
            raise

    def _keyed(self, url: str) -> bool:
        """Whether an address is asked with a key, which may have been changed meanwhile."""
        return any(url.startswith(f"https://{host}/") for host in self.credentials)

    def _follow(self, url: str, entry: CacheEntry | None) -> Fetched:
        """What an address gives after all its redirects; it is remembered."""
        here, seen = url, set[str]()
        while True:
            if here in seen or len(seen) > _REDIRECTS:
                raise FetchError("loop", f"{url} is redirected in a circle — correct the link")
            seen.add(here)
            answer = self._ask(here, entry)
            if isinstance(answer, CacheEntry):
                break
            here = urljoin(here, answer).partition("#")[0]
        unchanged = entry is not None and not answer.hash
        done = entry if entry is not None and unchanged else answer
        done = replace(done, url=url, final_url=here, at=self._now())
        self.cache.remember(done)
        return self._fetched(done, "unchanged" if unchanged else "fetched")

    # --- asking --------------------------------------------------------------------------------

    def _ask(self, url: str, entry: CacheEntry | None) -> CacheEntry | str:
        """One address, with patience: what it gives, or where it sends us."""
        parts = checked(url)
        lane = self._lane(parts.host)
        attempt = 0
        while True:
            attempt += 1
            with lane.lock:
                pause = lane.pause
                self._await_turn(parts, lane)
                try:
                    answer = self._request(parts, entry, lane)
                    lane.failures = 0
                    if isinstance(answer, CacheEntry) and not answer.hash:
                        pause = lane.least
                    return answer
                except FetchError:
                    lane.failures = 0
                    raise
                except RetryError as again:
                    delay = again.delay or min(2.0**attempt, 30.0)
                    if attempt >= again.tries or delay > _PATIENCE:
                        lane.failures += 1
                        raise FetchError(again.failure, f"{url} {again}") from again
                    lane.free_at = self._clock() + delay
                finally:
                    lane.free_at = max(lane.free_at, self._clock() + pause)

    def _await_turn(self, url: httpx.URL, lane: _Lane) -> None:
        """Wait until the lane's pause is over; raises FetchError where the host has failed too
        often, or the fetcher was closed."""
        if lane.failures >= _GIVE_UP:
            raise FetchError(
                "unreachable",
                f"{url} was not asked for: {url.host} has just failed several times — run it again"
                " later",
            )
        wait = lane.free_at - self._clock()
        if wait > 0:
            self._sleep(wait)
        if self._closed.is_set():
            raise FetchError("offline", f"{url} was not asked for — run it again")

    def _request(self, url: httpx.URL, entry: CacheEntry | None, lane: _Lane) -> CacheEntry | str:
        headers = dict(self._headers)
        if url.scheme == "https":
            headers |= self.credentials.get(url.host, {})
        if entry is not None and entry.etag:
            headers["If-None-Match"] = entry.etag
        if entry is not None and entry.modified:
            headers["If-Modified-Since"] = entry.modified
        if entry is not None and entry.version:
            headers["If-Modified-Since-Version"] = entry.version
        with self._connections.get(url, headers) as response:
            wait = retry_after(response.headers.get("backoff", ""), self._now())  # Zotero's
            lane.free_at = self._clock() + min(wait, _PATIENCE)
            return self._answer(url, response)

    def _answer(self, url: httpx.URL, response: httpx.Response) -> CacheEntry | str:
        status = response.status_code
        if status in (301, 302, 303, 307, 308) and "location" in response.headers:
            return str(response.headers["location"])
        if status == 304:
            return CacheEntry(str(url))
        if status == 429 or status >= 500:
            delay = retry_after(response.headers.get("retry-after", ""), self._now())
            failure = "busy" if status in (429, 503) else "server"
            raise RetryError(failure, f"answers {status} — run it again later", delay)
        if status in (404, 410):
            raise FetchError("gone", f"{url} is gone ({status}) — correct the link")
        if status != 200:
            raise FetchError(
                "denied", f"{url} refuses ({status}) — download it yourself and ingest the file"
            )
        digest = self.cache.keep(self._connections.body(url, response))
        with self._lock:
            self.bodies += 1
        etag, modified = response.headers.get("etag", ""), response.headers.get("last-modified", "")
        version = response.headers.get("last-modified-version", "")
        return CacheEntry(str(url), hash=digest, etag=etag, modified=modified, version=version)

    def _lane(self, host: str) -> _Lane:
        slow = next((h for h in self._pauses if host == h or host.endswith(f".{h}")), None)
        with self._lock:
            if slow is not None:
                return self._lanes.setdefault(slow, _Lane(self._pauses[slow], self._pauses[slow]))
            pause = 0.0 if self._connections.allowed(host) else self._pause
            return self._lanes.setdefault(host, _Lane(pause, min(pause, _PAUSE_UNCHANGED)))

    # --- the copies on disk --------------------------------------------------------------------

    def _copy(self, entry: CacheEntry | None) -> Fetched | None:
        if entry is None or not entry.hash or not self.cache.object(entry.hash).is_file():
            return None
        return self._fetched(entry, "cached")

    def _fetched(self, entry: CacheEntry, event: Event) -> Fetched:
        file = self.cache.object(entry.hash)
        with file.open("rb") as opened:
            kind = sniff(opened.read(1 << 16), Path(urlsplit(entry.final_url).path).suffix)
        return Fetched(entry.url, entry.final_url, file, entry.hash, kind, event)
