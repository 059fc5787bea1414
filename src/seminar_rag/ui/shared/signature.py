"""Signatures of the answers that the server gave, so that only those can be rated.

Conversations are kept by browsers, which may send back what they like. An answer carries a nonce
and an HMAC of its question, text and quotations; the key stays with the server.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import replace
from pathlib import Path

from seminar_rag.types.common import Common
from seminar_rag.ui.shared.conversation import Exchange

FILE = "answers.key"


def key_in(folder: Path, common: Common | None = None) -> bytes:
    """The key that all servers of a course have in common, or that is kept in a folder, made where
    there is none; one for this run if that fails.

    Raises:
        StoreError: what they have in common cannot be reached.
    """
    if common is not None:
        return bytes.fromhex(common.first("key", "answers", secrets.token_hex(32)))
    path = folder / FILE
    try:
        if not path.exists():
            path.touch(0o600)
            path.write_bytes(secrets.token_bytes(32))
        key = path.read_bytes()
    except OSError:
        key = b""
    return key if len(key) == 32 else secrets.token_bytes(32)


def signed(view: Exchange, key: bytes) -> Exchange:
    """The exchange with its signature."""
    nonce = secrets.token_hex(8)
    return replace(view, signed=f"{nonce}.{_digest(view, nonce, key)}")


def is_signed(view: Exchange, key: bytes) -> bool:
    """Whether the server gave this answer to this question with these quotations."""
    nonce, _, digest = view.signed.partition(".")
    return hmac.compare_digest(digest.encode(), _digest(view, nonce, key).encode())


def nonce_of(view: Exchange) -> str:
    """What names this answer alone, and nobody's but this one's."""
    return view.signed.partition(".")[0]


def _digest(view: Exchange, nonce: str, key: bytes) -> str:
    quotes = [one.quote for one in view.citations]
    said = json.dumps([nonce, view.question, view.text, quotes])
    return hmac.new(key, said.encode(), "sha256").hexdigest()
