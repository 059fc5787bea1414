"""What the instructor decided by hand. It outlives every later ingest of the page.

A correction names a reading by the id that its page gives it, before anything was fetched, so that
it holds whatever the reading's documents turn out to be.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from seminar_rag.types.catalogue import Correction

SCHEMA = """
CREATE TABLE IF NOT EXISTS correction(
    key INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, told TEXT NOT NULL,
    at TEXT NOT NULL);
"""
_SINGLE = {"rename": (), "remove": (), "link": ("instead",), "keep": ("url",), "reject": ("url",)}
"""Kinds of which a later one replaces an earlier one with the same target and these fields."""


def read(db: sqlite3.Connection) -> tuple[Correction, ...]:
    """All corrections, in the order in which they were made."""
    rows = db.execute("SELECT key, kind, target, told, at FROM correction ORDER BY key")
    return tuple(
        Correction(kind, target, **json.loads(told), key=key, at=at)
        for key, kind, target, told, at in rows
    )


def put(db: sqlite3.Connection, one: Correction) -> None:
    """Store a correction, in place of an earlier one about the same thing."""
    fields = _SINGLE.get(one.kind)
    if fields is not None:
        drop(
            db,
            [
                other.key
                for other in read(db)
                if (other.kind, other.target) == (one.kind, one.target)
                and all(getattr(other, name) == getattr(one, name) for name in fields)
            ],
        )
    told = {
        name: value
        for name, value in asdict(one).items()
        if value and name not in ("kind", "target", "key", "at")
    }
    db.execute(
        "INSERT INTO correction(kind, target, told, at) VALUES (?, ?, ?, ?)",
        (
            one.kind,
            one.target,
            json.dumps(told, ensure_ascii=False),
            datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def drop(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Forget corrections."""
    db.executemany("DELETE FROM correction WHERE key = ?", ((key,) for key in keys))
