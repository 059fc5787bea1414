"""One request to a web address: checked, pinned and bounded. Knows nothing of retries or copies.

Names are resolved here and the connection goes to the very address that was checked, so that
neither a redirect nor a second answer of the name server leads into a private network.
"""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import httpx

from seminar_rag.errors import FetchError

Resolve = Callable[[str, int], Sequence[str]]
"""Host name and port → the addresses it stands for; raises OSError when it is unknown."""

MAX_BYTES = 64 << 20
_ADDRESSES = 3
"""Addresses of one host that are tried."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class RetryError(Exception):
    """A failure that may pass when the request is repeated."""

    def __init__(self, failure: str, message: str, delay: float = 0.0, tries: int = 4) -> None:
        """Args:
        message: what happened, as the end of a sentence that begins with the address.
        delay: seconds that the host asks us to wait; 0 where it says nothing.
        tries: requests in all that are worth making.
        """
        super().__init__(message)
        self.failure = failure
        self.delay = delay
        self.tries = tries


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses the system's name service gives."""
    import socket

    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Connections:
    """Sends GET requests to checked addresses. Safe to call from several threads.

    Args:
        allow_hosts: hosts that may lie in a private network.
        max_bytes: the largest body, before and after decompression.
        timeout: seconds to connect and between two pieces of an answer.
        deadline: seconds until the headers are there, and for one whole body.
        transport: in place of real connections, for tests; it is given checked addresses too.
    """

    def __init__(
        self,
        allow_hosts: Sequence[str] = (),
        max_bytes: int = MAX_BYTES,
        timeout: float = 30.0,
        deadline: float = 180.0,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = system_resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow = {host.casefold() for host in allow_hosts}
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline = deadline
        self._transport = transport
        self._resolve = resolve
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[str, httpx.Client] = {}
        self._tls: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def allowed(self, host: str) -> bool:
        """Whether a host may lie in a private network."""
        return host.casefold() in self._allow

    @contextlib.contextmanager
    def get(self, url: httpx.URL, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The answer of an address to one request; its body is still to be read. Raises FetchError
        where the address must not be asked, and RetryError where it gives no answer."""
        failure: httpx.HTTPError | None = None
        for address in self._addresses(url):
            late = threading.Event()
            try:
                with self._watched(url.host, late) as client:
                    response = client.send(self._pinned(url, address, headers), stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
                continue
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _broken(error, late.is_set()) from error
            with contextlib.closing(response):
                yield response
            return
        message = f"cannot be connected to ({failure}) — check the network and the link"
        raise RetryError("unreachable", message, tries=2)

    def body(self, url: httpx.URL, response: httpx.Response) -> Iterator[bytes]:
        """The unpacked pieces of a body, never more than `max_bytes` in all. Raises FetchError
        where it is too large, or packed as nobody asked for, and RetryError where it breaks off, is
        empty or takes too long."""
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise FetchError("denied", f"{url} is packed as {coding!r}, unasked — ingest the file")
        until = self._clock() + self._deadline
        length = response.headers.get("content-length", "")
        size = int(length) if length.isdigit() else 0
        try:
            if size > self._max_bytes:
                raise self._too_large(url)
            size = 0
            for piece in response.iter_bytes():
                size += len(piece)
                if size > self._max_bytes:
                    raise self._too_large(url)
                if self._clock() > until:
                    raise RetryError("timeout", "is too slow — run it again later", tries=2)
                yield piece
        except httpx.TimeoutException as error:
            message = "stops half way — run it again later"
            raise RetryError("timeout", message, tries=2) from error
        except httpx.HTTPError as error:
            raise _broken(error, late=False) from error
        if not size:
            raise RetryError("cut", "gives an empty answer — run it again later", tries=2)

    def _too_large(self, url: httpx.URL) -> FetchError:
        return FetchError(
            "too_large",
            f"{url} is larger than {self._max_bytes >> 20} MiB — raise [fetch] max_mib, or ingest"
            " the file yourself",
        )

    def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Where a host is, checked: a few addresses, all public unless the host is allowed."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = self._resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            message = (
                "can't be reached: no such host, or no network — check the network and the link"
            )
            raise RetryError("unreachable", message, tries=1) from error
        private = [] if self.allowed(url.host) else [one for one in found if not is_public(one)]
        if private:
            raise FetchError(
                "refused",
                f"{url} lies in a private network ({private[0]}) — if it may be fetched, add"
                f' "{url.host}" to [fetch] allow_hosts',
            )
        return found[:_ADDRESSES]

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
        """A client that is closed, and `late` set, when the headers take too long. httpx's timeout
        is one between two pieces; headers that drip would come for ever."""
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
                self._tls = self._tls or httpx.create_ssl_context()
                self._clients[host] = httpx.Client(
                    transport=self._transport,
                    verify=self._tls,
                    http2=True,
                    trust_env=False,
                    follow_redirects=False,
                )
            return self._clients[host]


def checked(url: str) -> httpx.URL:
    """An address that may be asked for; raises FetchError where it is no http or https address, or
    carries a password."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        message = f"{url} is no web address ({error}) — correct it"
        raise FetchError("bad_address", message) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise FetchError("bad_address", f"{url} is not an http or https address — correct it")
    if parts.userinfo:
        raise FetchError("bad_address", f"{url} carries a password — take it out of the link")
    return parts


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


def retry_after(value: str, now: float) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 where it has none."""
    if value.strip().isdigit():
        return float(value)
    with contextlib.suppress(TypeError, ValueError):
        when = email.utils.parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())
    return 0.0


def _broken(error: Exception, late: bool) -> RetryError:
    """What a failed transfer means."""
    if isinstance(error, httpx.TimeoutException):
        return RetryError("timeout", "does not answer in time — run it again later")
    if late:
        return RetryError("timeout", "does not answer in time — run it again later", tries=2)
    return RetryError("cut", f"breaks off ({error}) — run it again later")
