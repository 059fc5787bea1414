"""An address → a file on disk, fetched politely and safely. Knows nothing of readings.

One request at a time and a pause between two for every host, several hosts side by side; answers
are kept by the hash of their content and asked for again only when they have changed. Names are
resolved here and the connection goes to the very address that was checked, at every hop, so that
neither a redirect nor a second answer of the name server leads into a private network.
"""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx

from seminar_rag import __version__
from seminar_rag.documents.parse import FileKind, sniff
from seminar_rag.errors import FetchError
from seminar_rag.web.cache import Cache, Entry

Resolve = Callable[[str, int], Sequence[str]]
"""Host name and port → the addresses it stands for; raises OSError when it is unknown."""

PAUSES: Mapping[str, float] = {"arxiv.org": 3.0}
"""Seconds between two requests to a host and its subdomains, where more than `PAUSE` is asked."""
PAUSE = 0.5
_PAUSE_UNCHANGED = 0.05
"""After an answer that cost the host nothing, where no longer pause is asked for."""
MAX_BYTES = 64 << 20
_PIECE = 1 << 20
"""The most that is decompressed at once."""
_REDIRECTS = 8
_TRIES = 4
_PATIENCE = 120.0
"""The longest Retry-After, in seconds, that is waited for."""
_GIVE_UP = 3
"""Failures of a host in a row after which it is left alone for the rest of the run."""
_REMEMBER_FAILURE = 24 * 3600.0
"""Seconds for which a lasting failure (gone, denied) is believed without asking again."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Event = Literal["fetched", "unchanged", "cached", "failed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address that was tried, and what came of it, in words."""

    url: str
    event: Event
    says: str


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


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses the system's name service gives."""
    import socket

    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Fetcher:
    """Fetches addresses into `folder`. Safe to call from several threads; close it when done.

    Args:
        contact: an e-mail address or a page, told to every host.
        allow_hosts: hosts that may lie in a private network; they are asked without pauses.
        max_age: seconds for which a copy is taken without asking; then it is asked for again.
        max_bytes: the largest body, before and after decompression.
        timeout: seconds to connect and between two pieces of an answer.
        deadline: seconds for one whole body.
        offline: take copies of any age, and never ask.
        transport: in place of real connections, for tests; it is given checked addresses too.
        resolve, clock, now, sleep: the name service and the clocks, for tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        contact: str = "",
        allow_hosts: Sequence[str] = (),
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
        self.max_age = max_age
        self.bodies = 0
        """Bodies received so far."""
        self._allow = {host.casefold() for host in allow_hosts}
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline = deadline
        self._pause = pause
        self._pauses = pauses
        self._transport = transport
        self._resolve = resolve
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
        self._clients: dict[str, httpx.Client] = {}
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; who waits for its turn is sent away."""
        self._closed.set()
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    # --- fetching ------------------------------------------------------------------------------

    def fetch(self, url: str, max_age: float | None = None) -> Fetched:
        """The file at an address, from the copy on disk where that is young enough.

        Where asking again fails, the earlier copy is returned with a `note`.

        Raises:
            FetchError: it cannot be had, and there is no earlier copy.
        """
        url = url.partition("#")[0]
        with self._lock:
            one_at_a_time = self._urls.setdefault(url, threading.Lock())
        with one_at_a_time:
            return self._fetch(url, max_age)

    def _fetch(self, url: str, max_age: float | None) -> Fetched:
        age = self.max_age if max_age is None else max_age
        entry = self.cache.entry(url)
        known = self._copy(entry)
        fresh = entry is not None and self._now() - entry.at < age
        if known is not None and (self.offline or fresh):
            return known
        if self.offline:
            raise FetchError("offline", f"{url} was not fetched before — run it with --fetch")
        if entry is not None and entry.failed and fresh:
            lasting = self._now() - entry.at < _REMEMBER_FAILURE
            if lasting and known is None:
                raise FetchError(entry.failed, entry.says)
        try:
            return self._follow(url, entry if known else None)
        except FetchError as error:
            if known is not None:
                return replace(known, note=str(error))
            if error.lasting:
                self.cache.remember(
                    Entry(url, at=self._now(), failed=error.failure, says=str(error))
                )
            raise

    # --- asking --------------------------------------------------------------------------------

    def _follow(self, url: str, entry: Entry | None) -> Fetched:
        here, seen = url, set[str]()
        while True:
            if here in seen or len(seen) > _REDIRECTS:
                raise FetchError("loop", f"{url} is redirected in a circle — correct the link")
            seen.add(here)
            answer = self._ask(here, entry)
            if isinstance(answer, str):
                here = urljoin(here, answer).partition("#")[0]
                continue
            done = replace(answer, url=url, final_url=here, at=self._now())
            if entry is not None and not done.hash:
                done = replace(entry, final_url=here, at=done.at)
                self.cache.remember(done)
                return self._fetched(done, "unchanged")
            self.cache.remember(done)
            return self._fetched(done, "fetched")

    def _ask(self, url: str, entry: Entry | None) -> Entry | str:
        """One address, with patience: what it gives, or where it sends us."""
        parts = _checked(url)
        lane = self._lane(parts.host)
        for attempt in range(1, _TRIES + 1):
            with lane.lock:
                pause = lane.pause
                if lane.failures >= _GIVE_UP:
                    raise FetchError(
                        "unreachable",
                        f"{url} was not asked for: {parts.host} has just failed several times —"
                        " run it again later",
                    )
                self._wait(lane.free_at - self._clock())
                if self._closed.is_set():
                    raise FetchError("offline", f"{url} was not asked for — run it again")
                try:
                    answer = self._request(parts, entry)
                    lane.failures = 0
                    if isinstance(answer, Entry) and not answer.hash:
                        pause = lane.least
                    return answer
                except FetchError:
                    lane.failures = 0
                    raise
                except _RetryError as again:
                    delay = again.delay or min(2.0**attempt, 30.0)
                    last = attempt == again.tries or delay > _PATIENCE
                    lane.failures += last
                    lane.free_at = self._clock() + (0.0 if last else delay)
                    if last:
                        raise FetchError(again.failure, f"{url} {again.says}") from again
                finally:
                    lane.free_at = max(lane.free_at, self._clock() + pause)
        raise AssertionError("the last try raises")

    def _request(self, url: httpx.URL, entry: Entry | None) -> Entry | str:
        headers = dict(self._headers)
        if entry is not None and entry.etag:
            headers["If-None-Match"] = entry.etag
        if entry is not None and entry.modified:
            headers["If-Modified-Since"] = entry.modified
        failure: httpx.HTTPError | None = None
        for address in self._addresses(url):
            request = self._pinned(url, address, headers)
            late = threading.Event()
            try:
                with self._watched(url.host, late) as client:
                    response = client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
                continue
            except httpx.TimeoutException as error:
                raise _RetryError(
                    "timeout", "does not answer in time — run it again later"
                ) from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if late.is_set():
                    says = "does not answer in time — run it again later"
                    raise _RetryError("timeout", says, tries=2) from error
                raise _RetryError("cut", f"breaks off ({error}) — run it again later") from error
            with contextlib.closing(response):
                return self._answer(url, response)
        says = f"cannot be connected to ({failure}) — check the network and the link"
        raise _RetryError("unreachable", says, tries=2)

    def _answer(self, url: httpx.URL, response: httpx.Response) -> Entry | str:
        status = response.status_code
        if status in (301, 302, 303, 307, 308) and "location" in response.headers:
            return str(response.headers["location"])
        if status == 304:
            return Entry(str(url))
        if status == 429 or status >= 500:
            delay = _retry_after(response.headers.get("retry-after", ""), self._now())
            failure: Literal["busy", "server"] = "busy" if status in (429, 503) else "server"
            raise _RetryError(failure, f"answers {status} — run it again later", delay)
        if status in (404, 410):
            raise FetchError("gone", f"{url} is gone ({status}) — correct the link")
        if status != 200:
            raise FetchError(
                "denied", f"{url} refuses ({status}) — download it yourself and ingest the file"
            )
        digest = self._receive(url, response)
        with self._lock:
            self.bodies += 1
        etag, modified = response.headers.get("etag", ""), response.headers.get("last-modified", "")
        return Entry(str(url), hash=digest, etag=etag, modified=modified)

    def _receive(self, url: httpx.URL, response: httpx.Response) -> str:
        """Stream the body to disk; its hash. Never more than `max_bytes`, packed or not."""
        until = self._clock() + self._deadline
        if int(_number(response.headers.get("content-length", ""))) > self._max_bytes:
            raise self._too_large(url)
        size = 0

        def pieces() -> Iterator[bytes]:
            nonlocal size
            for piece in _unpacked(url, response):
                size += len(piece)
                if size > self._max_bytes:
                    raise self._too_large(url)
                if self._clock() > until:
                    raise _RetryError("timeout", "is too slow — run it again later", tries=2)
                yield piece
            if not size:
                raise _RetryError("cut", "gives an empty answer — run it again later", tries=2)

        try:
            return self.cache.keep(pieces())
        except httpx.TimeoutException as error:
            says = "stops half way — run it again later"
            raise _RetryError("timeout", says, tries=2) from error
        except (httpx.HTTPError, zlib.error) as error:
            raise _RetryError("cut", f"breaks off ({error}) — run it again later") from error

    def _too_large(self, url: httpx.URL) -> FetchError:
        return FetchError(
            "too_large",
            f"{url} is larger than {self._max_bytes >> 20} MiB — raise [fetch] max_mib, or ingest"
            " the file yourself",
        )

    # --- addresses -----------------------------------------------------------------------------

    def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Where a host is, checked: at most three addresses, all public unless it is allowed."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = self._resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            says = f"has a host that is not known ({error}) — check the network and the link"
            raise _RetryError("unreachable", says, tries=1) from error
        if url.host.casefold() not in self._allow:
            for address in found:
                if not is_public(address):
                    raise FetchError(
                        "refused",
                        f"{url} lies in a private network ({address}) — if it may be fetched, add"
                        f' "{url.host}" to [fetch] allow_hosts',
                    )
        return found[:3]

    def _pinned(self, url: httpx.URL, address: str, headers: Mapping[str, str]) -> httpx.Request:
        """A request to the checked address that still names the host, in TLS too."""
        return httpx.Request(
            "GET",
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={
                "sni_hostname": url.host,
                "timeout": httpx.Timeout(self._timeout).as_dict(),
            },
        )

    @contextlib.contextmanager
    def _watched(self, host: str, late: threading.Event) -> Iterator[httpx.Client]:
        """A client that is hung up on, and `late` set, when the headers take too long.

        The timeout is one between two pieces; headers that drip would come for ever.
        """
        client = self._client(host)

        def hang_up() -> None:
            late.set()
            with self._lock:
                if self._clients.get(host) is client:
                    del self._clients[host]
            client.close()

        timer = threading.Timer(self._deadline, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield client
        finally:
            timer.cancel()

    def _client(self, host: str) -> httpx.Client:
        """Connections of one host: two names at one address must not share one."""
        with self._lock:
            if host not in self._clients:
                if self._tls is None:
                    self._tls = httpx.create_ssl_context()
                self._clients[host] = httpx.Client(
                    transport=self._transport,
                    verify=self._tls,
                    http2=True,
                    trust_env=False,
                    follow_redirects=False,
                )
            return self._clients[host]

    def _lane(self, host: str) -> _Lane:
        slow = next((h for h in self._pauses if host == h or host.endswith(f".{h}")), None)
        with self._lock:
            if slow is not None:
                return self._lanes.setdefault(slow, _Lane(self._pauses[slow], self._pauses[slow]))
            pause = 0.0 if host.casefold() in self._allow else self._pause
            return self._lanes.setdefault(host, _Lane(pause, min(pause, _PAUSE_UNCHANGED)))

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)

    # --- the copies on disk --------------------------------------------------------------------

    def _copy(self, entry: Entry | None) -> Fetched | None:
        if entry is None or not entry.hash or not self.cache.object(entry.hash).is_file():
            return None
        return self._fetched(entry, "cached")

    def _fetched(self, entry: Entry, event: Event) -> Fetched:
        file = self.cache.object(entry.hash)
        with file.open("rb") as opened:
            kind = sniff(opened.read(1 << 16), Path(urlsplit(entry.final_url).path).suffix)
        return Fetched(entry.url, entry.final_url, file, entry.hash, kind, event)


class _RetryError(Exception):
    """A failure that may pass."""

    def __init__(self, failure: str, says: str, delay: float = 0.0, tries: int = _TRIES) -> None:
        super().__init__(says)
        self.failure = failure
        self.says = says
        self.delay = delay
        self.tries = tries


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner: ipaddress.IPv4Address | None = None
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _checked(url: str) -> httpx.URL:
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(
            "bad_address", f"{url} is no web address ({error}) — correct it"
        ) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise FetchError("bad_address", f"{url} is not an http or https address — correct it")
    if parts.userinfo:
        raise FetchError("bad_address", f"{url} carries a password — take it out of the link")
    return parts


def _unpacked(url: httpx.URL, response: httpx.Response) -> Iterator[bytes]:
    """The body's pieces, decompressed piece by piece, so that a bomb stops at the limit."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        yield from response.iter_raw()
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError("denied", f"{url} is packed as {coding!r}, unasked — ingest the file")
    unpack = zlib.decompressobj(wbits=47)
    for piece in response.iter_raw():
        yield unpack.decompress(piece, _PIECE)
        while unpack.unconsumed_tail:
            yield unpack.decompress(unpack.unconsumed_tail, _PIECE)
    yield unpack.flush()
    if not unpack.eof:
        raise zlib.error("incomplete gzip stream")


def _retry_after(value: str, now: float) -> float:
    """Seconds to wait, from a number or a date; 0 where there is none."""
    if value.strip().isdigit():
        return float(value)
    with contextlib.suppress(TypeError, ValueError):
        when = email.utils.parsedate_to_datetime(value)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())
    return 0.0


def _number(value: str) -> float:
    return float(value) if value.isdigit() else 0.0
