"""What the instructor decided by hand. It outlives every later ingest of the page.

A correction names a reading by the id that its page gives it, before anything was fetched, so that
it holds whatever the reading's documents turn out to be.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

CorrectionKind = Literal["link", "keep", "reject", "rename", "remove", "add"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS correction(
    key INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, told TEXT NOT NULL,
    at TEXT NOT NULL);
"""
_SINGLE = {"rename": (), "remove": (), "link": ("instead",), "keep": ("url",), "reject": ("url",)}
"""Kinds of which a later one replaces an earlier one with the same target and these fields."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision.

    link     `url` is an address of the reading, in place of `instead` where that is given
    keep     what `url` gives is the reading, whatever it calls itself
    reject   `url` is not the reading: neither taken from the page nor suggested again
    rename   the reading is called `title`
    remove   the reading, or the document of that id, stays out; `title` is what it was called
    add      a reading of `session` called `title`, from `url` or from `file`
    """

    kind: CorrectionKind
    target: str
    """The reading's id as its page gives it; with "remove", also a document's id."""
    url: str = ""
    instead: str = ""
    """With "link": the address it replaces. With "remove": the reading that it went with."""
    title: str = ""
    session: int = 0
    file: str = ""
    """Relative to the data folder."""
    source: str = ""
    """With "remove": where it came from."""
    key: int = 0
    """Set by the store."""
    at: str = ""
    """When it was made, ISO 8601; set by the store."""


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
