"""How long somebody who guesses at the desk's password has to wait."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

MOST_CLIENTS = 1_000


@dataclass
class _Tries:
    """Failed attempts of one client, or of all."""

    count: int = 0
    last: float = 0.0


@dataclass
class Attempts:
    """How long to wait for the next guess: doubling, per client and, more patiently, over all.

    A client that had the password before does not wait for others, so that guessing from
    elsewhere cannot keep the owner out.
    """

    clock: Callable[[], float] = time.monotonic
    _clients: dict[str, _Tries] = field(default_factory=dict)
    _all: _Tries = field(default_factory=_Tries)
    _known: set[str] = field(default_factory=set)

    FREE = 4
    """Failures of one client that cost nothing."""
    FREE_OF_ALL = 10
    """Failures of all clients together that cost nothing, wherever they come from."""
    LONGEST = 300.0
    """Seconds a client waits at most; over all it is a tenth."""
    FORGOTTEN = 3600.0
    """Seconds without a failure after which all failures are forgotten."""

    def wait(self, client: str) -> float:
        """Seconds until the client may try; 0 is now."""
        mine = self._left(self._clients.get(client, _Tries()), self.FREE, self.LONGEST)
        if client in self._known:
            return mine
        return max(mine, self._left(self._all, self.FREE_OF_ALL, self.LONGEST / 10))

    def admit(self, client: str) -> float:
        """Begin an attempt and return 0; or refuse and return the seconds to wait."""
        wait = self.wait(client)
        if not wait:
            self.begin(client)
        return wait

    def begin(self, client: str) -> None:
        """Count an attempt as failed until `succeeded` says otherwise."""
        now = self.clock()
        if client not in self._clients and len(self._clients) >= MOST_CLIENTS:
            del self._clients[min(self._clients, key=lambda one: self._clients[one].last)]
        for tries in (self._clients.setdefault(client, _Tries()), self._all):
            if now - tries.last > self.FORGOTTEN:
                tries.count = 0
            tries.count += 1
            tries.last = now

    def kept(self) -> str:
        """All that is known of attempts, for other servers of the course."""
        clients = {client: asdict(tries) for client, tries in self._clients.items()}
        return json.dumps([clients, asdict(self._all), sorted(self._known)])

    def take(self, kept: str) -> None:
        """Know what `kept` gave, in place of what was known."""
        clients, every, known = json.loads(kept)
        self._clients = {client: _Tries(**tries) for client, tries in clients.items()}
        self._all, self._known = _Tries(**every), set(known)

    def succeeded(self, client: str) -> float:
        """Take back the attempt that was begun: it had the right password. Returns 0."""
        self._clients.pop(client, None)
        if len(self._known) < MOST_CLIENTS:
            self._known.add(client)
        self._all.count = max(0, self._all.count - 1)
        return 0.0

    def _left(self, tries: _Tries, free: int, longest: float) -> float:
        over = tries.count - free
        gone = self.clock() - tries.last
        if over < 0 or not tries.count or gone > self.FORGOTTEN:
            return 0.0
        return max(0.0, min(longest, 2.0 ** min(over, 20)) - gone)
