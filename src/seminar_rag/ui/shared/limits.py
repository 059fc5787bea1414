"""Limits on what is asked: how long, how often by one client, and in which order; and addresses
beside the page that are answered by blocking work within them. Knows no Gradio.

Two things keep one student from spoiling it for the rest. A token bucket (Turner 1986, "leaky
bucket as a meter") limits how often a page, and all pages of one address together, may ask. And
those who wait are served round robin over their addresses, and within an address over its pages,
not first come, first served: ten tabs of one student count as one student.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import zip_longest
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.errors import DocumentError, NotFoundError, SeminarError, SourceError, StoreError
from seminar_rag.text import plural
from seminar_rag.types.serving import Common

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

T = TypeVar("T")
Handler = Callable[[Request], Response]

PER_PAGE = 20
"""Questions a minute from one page."""
PER_ADDRESS = 200
"""Questions a minute from one address, which a whole class may share behind one router."""
VIEWS = 10
"""Looks at a page for every question that an address may ask; turning a page takes two."""
MOST_CLIENTS = 1_000
"""Clients that are remembered before those whose acts no longer count are forgotten."""
GRACE = 30.0
"""Seconds after which a page that does not ask for its place has left without a word."""
WAITING = 64
"""Questions that may wait in line; half as many of one address."""
LONGEST_QUESTION = 2_000
"""Characters of a question."""
LONGEST_TEXT = 200_000
"""Characters of a text to be checked; about sixty pages."""
LONGEST_CHECK = 600.0
"""Seconds that a text is checked; others wait for it. The report then ends where it has come."""

LARGEST_FILE = 8 << 20
"""Bytes of a file whose text is to be checked."""

PASSING = {"cache-control": "no-store"}
TOO_MUCH = "Very much was asked for from here in a short time."
TOO_LONG = "The question has {length:,} characters, at most {limit:,} can be asked. Shorten it."
TEXT_TOO_LONG = (
    "The text has {length:,} characters, at most {limit:,} can be checked. Check it in parts."
)
CHECK_ENDED = "The check ended after {minutes}. Check the rest of the text by itself."
TOO_MANY_WAIT = "Too many questions are waiting. Ask again in a moment."
CRASHED = "Something went wrong while answering; the server's log says what. Ask again."


def status_of(error: SeminarError) -> int:
    """The HTTP status by which a page is told of an error."""
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, DocumentError):
        return 404 if error.failure == "unreadable" else 422
    return 400 if isinstance(error, SourceError) else 503


def too_often(wait: int) -> str:
    """The message for a client that has to wait so many seconds."""
    return f"Too many questions in a short time. Ask again in {plural(wait, 'second')}."


def question_problem(text: str) -> str:
    """Say what is wrong with the length of a question; "" where it fits."""
    return _too_long(TOO_LONG, text, LONGEST_QUESTION)


def text_problem(text: str) -> str:
    """Say what is wrong with the length of a text to be checked; "" where it fits."""
    return _too_long(TEXT_TOO_LONG, text, LONGEST_TEXT)


def _too_long(says: str, text: str, longest: int) -> str:
    return says.format(length=len(text), limit=longest) if len(text) > longest else ""


def within(
    seconds: float, items: Iterable[T], clock: Callable[[], float] = time.monotonic
) -> Iterator[T]:
    """The items that are made in this time, and the one that is being made when it is over."""
    end = clock() + seconds
    for item in items:
        yield item
        if clock() >= end:
            return


def address_of(request: Request | gr.Request) -> str:
    """The address of the browser or program; "" where it is not known."""
    return client_of(request.client.host) if request.client else ""


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """The address of who sent a request, from its ASGI scope; as `address_of`."""
    client = scope.get("client")
    return client_of(str(client[0])) if client else ""


def client_of(host: str) -> str:
    """What counts as one client: an address, or the network that an IPv6 address is picked from."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:  # as a socket for both versions names it
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def from_own_page(header: Callable[[str], str | None]) -> bool:
    """Whether a request came from one of our own pages, or from a program, which sends no headers
    that name a site.

    Args:
        header: a header of the request by its name in lower case.
    """
    site = header("sec-fetch-site")
    if site:
        return site in ("same-origin", "none")
    origin = header("origin")
    return not origin or urlsplit(origin).netloc == header("host")


class Rate:
    """A limit of `per_minute` acts of one client a minute, which may come at once; 0 for none."""

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        common: Common | None = None,
        kind: str = "",
    ) -> None:
        """Args:
        common: where all servers of the course count together, under `kind`; while it cannot be
            reached, each counts by itself.
        """
        self._common = common
        self._kind = kind
        self._most = per_minute
        self._every = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._full: dict[str, float] = {}
        """When the bucket of each client will be full again (GCRA, ITU-T I.371)."""

    def wait(self, client: str) -> int:
        """Seconds until `client` may act again, 0 for now. Takes nothing."""
        if not self._most:
            return 0
        with self._lock:
            now = self._clock()
            left = self._full.get(client, now) - now
        if self._common is not None:
            with suppress(StoreError):
                left = max(left, self._common.left(self._kind, client))
        early = left - (self._most - 1) * self._every
        return ceil(early) if early > 1e-9 else 0

    def take(self, client: str, acts: int = 1) -> None:
        """Count acts of `client`."""
        with self._lock:
            now = self._clock()
            if len(self._full) >= MOST_CLIENTS:
                self._full = {one: at for one, at in self._full.items() if at > now}
            self._full[client] = max(self._full.get(client, now), now) + acts * self._every
        if self._common is not None and self._most:
            with suppress(StoreError):
                self._common.extend(self._kind, client, acts * self._every)


class Limits:
    """How often a page may ask, and all pages of one address together."""

    def __init__(
        self,
        per_page: int = PER_PAGE,
        per_address: int = PER_ADDRESS,
        clock: Callable[[], float] = time.monotonic,
        common: Common | None = None,
    ) -> None:
        """Args:
        per_page, per_address: acts a minute; 0 for no limit.
        common: where acts count that other servers of the course let pass, looks excepted.
        """
        self._pages = Rate(per_page, clock, common, "page asks")
        self._addresses = Rate(per_address, clock, common, "address asks")
        self._views = Rate(VIEWS * per_address, clock)

    def admit(self, page: str, address: str) -> int:
        """Count an act and return 0; or refuse and return the seconds to wait."""
        wait = max(self._pages.wait(page), self._addresses.wait(address))
        if not wait:
            self._pages.take(page)
            self._addresses.take(address)
        return wait

    def look(self, address: str) -> int:
        """Count a look at a page of a reading; returns as `admit` does."""
        wait = self._views.wait(address)
        if not wait:
            self._views.take(address)
        return wait


class Share:
    """Room that clients take and leave, half of it at most one address."""

    def __init__(self, most: int) -> None:
        """Args:
        most: the room that all addresses together may take.
        """
        self._most = most
        self._taken: Counter[str] = Counter()

    def take(self, address: str, size: int = 1) -> bool:
        """Take room; False, and nothing is taken, where there is not enough."""
        mine = self._taken[address] + size
        if mine > self._most // 2 or self._taken.total() + size > self._most:
            return False
        self._taken[address] = mine
        return True

    def leave(self, address: str, size: int = 1) -> None:
        """Give room back."""
        self._taken[address] -= size
        if self._taken[address] <= 0:
            del self._taken[address]


class Turns:
    """Serves `slots` pages at a time.

    A page joins once, asks for its place until that is 0, begins, and leaves when it is done. One
    that does not ask for `GRACE` seconds while it waits or before it begins is passed over, so
    that nobody holds a turn who does not use it.
    """

    def __init__(
        self, slots: int = 2, most: int = WAITING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args:
        most: how many may wait; half as many of one address.
        """
        self._slots = slots
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._serving: set[str] = set()
        self._seen: dict[str, float] = {}
        self._waiting: dict[str, list[str]] = {}
        """The pages of each address that waits, the address whose turn is next first."""

    def join(self, page: str, address: str) -> bool:
        """Stand in line; False when too many wait already."""
        with self._lock:
            self._advance()
            mine = self._waiting.get(address, [])
            if len(self._order()) >= self._most or len(mine) >= self._most // 2:
                return False
            self._waiting[address] = [*mine, page]
            self._seen[page] = self._clock()
            self._advance()
            return True

    def place(self, page: str) -> tuple[int, int]:
        """Where the page stands among how many that wait; 0 when it is its turn, or it left."""
        with self._lock:
            if page in self._seen:
                self._seen[page] = self._clock()
            self._advance()
            order = self._order()
            return (order.index(page) + 1 if page in order else 0), len(order)

    def begin(self, page: str) -> bool:
        """Take the turn that has come; False when it was lost."""
        with self._lock:
            self._seen.pop(page, None)
            return page in self._serving

    def leave(self, page: str) -> None:
        """Make room for the next, from the line or after being served."""
        with self._lock:
            self._drop(page)
            self._advance()

    def _order(self) -> list[str]:
        """All waiting pages in the order in which they will be served."""
        rounds = zip_longest(*self._waiting.values())
        return [page for each in rounds for page in each if page is not None]

    def _drop(self, page: str) -> None:
        self._serving.discard(page)
        self._seen.pop(page, None)
        without = {
            address: [one for one in pages if one != page]
            for address, pages in self._waiting.items()
        }
        self._waiting = {address: pages for address, pages in without.items() if pages}

    def _advance(self) -> None:
        now = self._clock()
        for page in [page for page, at in self._seen.items() if now - at > GRACE]:
            self._drop(page)
        while self._waiting and len(self._serving) < self._slots:
            address = next(iter(self._waiting))
            page, *others = self._waiting.pop(address)
            if others:
                self._waiting[address] = others  # to the end
            self._serving.add(page)


# Addresses beside the page --------------------------------------------------------------------


def add_handler(
    app: FastAPI,
    path: str,
    handler: Handler,
    threads: CapacityLimiter | None = None,
    look: Callable[[str], int] = lambda _address: 0,
) -> None:
    """Answer GET requests of a path.

    Args:
        threads: those that the handler works in, so that the rest of the application keeps its own.
        look: the seconds that a client at an address has to wait, or 0: `Limits.look`.
    """

    async def respond(request: Request) -> Response:
        if wait := look(address_of(request)):
            return retry_later(f"{TOO_MUCH} Try again in {plural(wait, 'second')}.", wait)
        return await answered(request, handler, threads)

    app.add_route(path, respond)


async def answered(request: Request, handler: Handler, threads: CapacityLimiter | None) -> Response:
    """The response that the handler gives; where it fails, the page is told why in `remark`."""
    try:
        return await to_thread.run_sync(handler, request, limiter=threads)
    except SeminarError as error:
        return JSONResponse({"remark": str(error)}, status_of(error), PASSING)


def retry_later(says: str, wait: int, status: int = 429) -> Response:
    """The answer to who has to come again in some seconds."""
    return JSONResponse({"remark": says}, status, {"retry-after": str(wait)})


def attachment(content: str | bytes, name: str, media_type: str) -> Response:
    """A file to save."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, headers, media_type)


def number_in(text: str) -> int | None:
    """The number that a part of an address is; None for anything else."""
    return int(text) if text.isdecimal() and len(text) < 6 else None
