"""The password of the desk, of which only the hash is kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from seminar_rag.errors import ConfigError

SHORTEST, LONGEST = 10, 512
"""Characters of a password."""
HASH_COST = 15
"""Logarithm of scrypt's N."""
_R, _P = 8, 3


def hashed(password: str, cost: int = HASH_COST) -> str:
    """The hash of a password, as `scrypt$15$8$3$salt$key` with salt and key in base64.

    scrypt (RFC 7914) from the standard library, with parameters that OWASP's password storage cheat
    sheet names: 32 MiB and three passes, about a third of a second. Only tests want a lower cost.

    Raises:
        ConfigError: the password is too short or too long.
    """
    if len(password) < SHORTEST:
        raise ConfigError(f"the password has {len(password)} characters — use {SHORTEST} or more")
    if len(password) > LONGEST:
        raise ConfigError(f"the password has more than {LONGEST} characters — use a shorter one")
    salt = secrets.token_bytes(16)
    key = _scrypt(password, salt, cost, _R, _P)
    parts = (base64.b64encode(part).decode() for part in (salt, key))
    return "$".join(("scrypt", str(cost), str(_R), str(_P), *parts))


def matches(password: str, stored: str) -> bool:
    """Whether the hash is that of the password; compared in constant time.

    Raises:
        ConfigError: `stored` is not a hash as `hashed` makes it.
    """
    try:
        kind, log_n, r, p, salt, key = stored.split("$")
        if kind != "scrypt" or not 10 <= int(log_n) <= 20:
            raise ValueError(stored)
        wanted = base64.b64decode(key, validate=True)
        given = _scrypt(
            password[:LONGEST],
            base64.b64decode(salt, validate=True),
            int(log_n),
            int(r),
            int(p),
        )
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
