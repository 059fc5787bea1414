"""The instructor's decisions beside the database, so that they outlive it.

`decisions/current.json` in the data folder holds the corrections as they are now, and the dated
files beside it what they were before the latest ingests and migrations.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import get_args

from seminar_rag.files import write
from seminar_rag.index.engine import Connection
from seminar_rag.types.catalogue import Correction, CorrectionKind

KEPT = 5
"""Dated copies that are kept, the latest ones."""
_FOLDER = "decisions"
_CURRENT = "current.json"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"


def to_json(decisions: Sequence[Correction]) -> str:
    """Corrections as a JSON text, without their keys, which belong to one database."""
    rows = [
        {name: value for name, value in asdict(one).items() if value and name != "key"}
        for one in decisions
    ]
    return json.dumps({"decisions": rows}, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str | bytes) -> tuple[Correction, ...]:
    """The corrections of a JSON text.

    Raises:
        ValueError: it is not one of `to_json`.
    """
    try:
        decisions = tuple(Correction(**row) for row in json.loads(text)["decisions"])
    except (TypeError, LookupError) as error:
        raise ValueError(f"these are no decisions ({error})") from error
    if any(one.kind not in get_args(CorrectionKind) for one in decisions):
        raise ValueError("there is a decision of an unknown kind")
    return decisions


def save(data: Path, decisions: Sequence[Correction]) -> None:
    """Write the corrections as they are now, where that changes the file.

    Raises:
        OSError: the file cannot be written.
    """
    path, text = data / _FOLDER / _CURRENT, to_json(decisions)
    if not path.is_file() or path.read_bytes() != text.encode():
        write(path, text, sync=True)


def copy(data: Path, decisions: Sequence[Correction]) -> None:
    """Write a dated copy, unless the latest one says the same, and drop all but `KEPT` copies.

    Raises:
        OSError: the file cannot be written.
    """
    text, copies = to_json(decisions), _copies(data)
    if not decisions or (copies and copies[-1].read_bytes() == text.encode()):
        return
    now = datetime.now(UTC)
    if copies:  # which a clock that ran ahead may have dated later than now
        with suppress(ValueError, OverflowError):
            last = datetime.strptime(copies[-1].stem, _MOMENT).replace(tzinfo=UTC)
            now = max(now, last + timedelta(microseconds=1))
    write(data / _FOLDER / f"{now.strftime(_MOMENT)}.json", text, sync=True)
    for path in _copies(data)[:-KEPT]:
        path.unlink(missing_ok=True)


def latest(data: Path, db: Connection | None = None) -> tuple[Correction, ...]:
    """The corrections as last written; where that file cannot be read, the next best source.

    Args:
        db: a database, perhaps damaged, that is asked before the dated copies.
    """

    def read(path: Path) -> tuple[Correction, ...]:
        return from_json(path.read_bytes())

    sources = [partial(read, data / _FOLDER / _CURRENT)]
    if db is not None:
        sources.append(partial(stored, db))
    sources += [partial(read, path) for path in reversed(_copies(data))]
    for source in sources:
        with suppress(OSError, ValueError, sqlite3.Error):
            return source()
    return ()


def stored(db: Connection) -> tuple[Correction, ...]:
    """The corrections in a database of this or an earlier version.

    Raises:
        sqlite3.Error: the table is damaged, or there is none.
        ValueError: a row is damaged.
    """
    fields = "told" if "told" in db.columns("correction") else "fields"
    rows = db.execute(f"SELECT kind, target, {fields}, at FROM correction ORDER BY key")
    try:
        found = [
            json.loads(values) | {"kind": kind, "target": target, "at": at}
            for kind, target, values, at in rows
        ]
    except TypeError as error:
        raise ValueError(f"a decision is damaged ({error})") from error
    return from_json(json.dumps({"decisions": found}))


def _copies(data: Path) -> list[Path]:
    """The dated copies, oldest first."""
    return sorted((data / _FOLDER).glob("2*.json"))
