"""The password of the desk, of which only the hash is kept, and how long a guesser has to wait."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from seminar_rag.errors import ConfigError

SHORTEST, LONGEST = 10, 512
"""Characters of a password."""
HASH_COST = 15
"""Logarithm of scrypt's N."""
_R, _P = 8, 3
MOST_CLIENTS = 1_000
"""Clients whose attempts are remembered."""


def hashed(password: str, cost: int = HASH_COST) -> str:
    """The hash of a password, as `scrypt$15$8$3$salt$key` with salt and key in base64.

    scrypt (RFC 7914) from the standard library, with parameters that OWASP's password storage cheat
    sheet names: 32 MiB and three passes, about a third of a second. Only tests want a lower cost.
    Raises ConfigError: the password is too short or too long."""
    if len(password) < SHORTEST:
        raise ConfigError(f"the password has {len(password)} characters — use {SHORTEST} or more")
    if len(password) > LONGEST:
        raise ConfigError(f"the password has more than {LONGEST} characters — use a shorter one")
    salt = secrets.token_bytes(16)
    key = _scrypt(password, salt, cost, _R, _P)
    parts = (base64.b64encode(part).decode() for part in (salt, key))
    return "$".join(("scrypt", str(cost), str(_R), str(_P), *parts))


def matches(password: str, stored: str) -> bool:
    """Whether the hash is that of the password; compared in constant time. Raises ConfigError:
    `stored` is not a hash as `hashed` makes it."""
    try:
        kind, log_n, r, p, salt, key = stored.split("$")
        if kind != "scrypt" or not 10 <= int(log_n) <= 20:
            raise ValueError(stored)
        wanted = base64.b64decode(key, validate=True)
        salted = base64.b64decode(salt, validate=True)
        given = _scrypt(password[:LONGEST], salted, int(log_n), int(r), int(p))
    except (ValueError, binascii.Error) as error:
        raise ConfigError(
            "[desk] password_hash is not a hash — set the password with seminar-rag passwd"
        ) from error
    return hmac.compare_digest(given, wanted)


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    memory = 128 * r * (1 << log_n) + (1 << 20) * p
    return hashlib.scrypt(
        password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=2 * memory, dklen=32
    )


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
