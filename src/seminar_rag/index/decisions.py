"""The instructor's decisions beside the database, so that they outlive it and are in every backup.

`decisions/current.json` in the data folder holds the corrections as they are now, and the dated
files beside it what they were before the latest ingests and migrations. `decisions/chosen.json`
holds what was chosen to be shown to students, kind → id → value, with a hash; the same lies in the
data folder itself, and is read there where the first is damaged or gone. Where several servers have
the course in common, it lies where all of them see it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.files import write
from seminar_rag.index.engine import Connection
from seminar_rag.types.catalogue import Correction, CorrectionKind
from seminar_rag.types.serving import Common

log = logging.getLogger(__name__)

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
    """The corrections of a JSON text; raises ValueError where it is not one of `to_json`."""
    try:
        decisions = tuple(Correction(**row) for row in json.loads(text)["decisions"])
    except (TypeError, LookupError) as error:
        raise ValueError(f"these are no decisions ({error})") from error
    if any(one.kind not in get_args(CorrectionKind) for one in decisions):
        raise ValueError("there is a decision of an unknown kind")
    return decisions


def save(data: Path, decisions: Sequence[Correction]) -> None:
    """Write the corrections as they are now, where that changes the file. Raises OSError."""
    path, text = data / _FOLDER / _CURRENT, to_json(decisions)
    if not path.is_file() or path.read_bytes() != text.encode():
        write(path, text, sync=True)


def copy(data: Path, decisions: Sequence[Correction]) -> None:
    """Write a dated copy, unless the latest says the same; drop all but `KEPT`. Raises OSError."""
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
    """The corrections as last written; where that file cannot be read, those of a database, perhaps
    a damaged one, or of a dated copy."""

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
    """The corrections in a database. Raises ValueError where a row is damaged, and sqlite3.Error
    where the table is, or is gone."""
    rows = db.execute("SELECT kind, target, fields, at FROM correction ORDER BY key")
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


# --- what is shown to students -------------------------------------------------------------------

CHOSEN = "decisions/chosen.json"
CHOSEN_COPY = "chosen.json"
MOST = 5_000
"""Entries of one kind."""
Kind = Literal["table", "item", "guide", "difference", "tutor"]
Value = dict[str, Any]
_All = dict[str, dict[str, Value]]


class Chosen:
    """Both copies of `chosen.json`; read anew when another process has changed one. Safe to call
    from threads."""

    def __init__(self, data: Path, common: Common | None = None) -> None:
        self._paths = (data / CHOSEN, data / CHOSEN_COPY)
        self._common = common
        self._lock = threading.Lock()
        self._seen: tuple[int | str | None, ...] | None = None
        self._all: _All = {}

    def of(self, kind: Kind) -> dict[str, Value]:
        """All values of a kind by their ids, oldest first; none where both files are damaged, which
        `findings` tells, so that students go on."""
        with self._lock:
            try:
                return dict(self._read().get(kind, {}))
            except DamagedError as error:
                log.warning("%s", error)
                return {}

    @property
    def state(self) -> tuple[int | str | None, ...]:
        """Differs once something was chosen, whoever did."""
        if self._common is not None:
            return (self._common.get("chosen", "state"),)
        return tuple(map(_changed, self._paths))

    def put(self, kind: Kind, id_: str, value: Value | None) -> None:
        """Keep a value, or forget it where it is None; as `put_all`."""
        self.put_all(kind, {id_: value})

    def put_all(self, kind: Kind, values: Mapping[str, Value | None]) -> None:
        """Keep values by their ids, and forget those that are None, at once or not at all. Raises
        StoreError where the files cannot be read or written, or there are too many of the kind."""

        def changed(every: _All) -> _All:
            of = {**every.get(kind, {}), **values}
            kept = {key: one for key, one in of.items() if one is not None}
            if len(kept) > MOST:
                raise StoreError(f"there are {MOST:,} already — remove some first")
            return {**every, kind: kept}

        with self._lock:
            if self._common is None:
                self._write(changed(self._read()))
                return
            self._common.change(
                "chosen", "all", lambda text: json.dumps(changed(json.loads(text or "{}")))
            )
            self._common.put("chosen", "state", secrets.token_hex(8))

    def copy_to(self, other: Chosen) -> None:
        """Put all of it where another keeps it, beside what is there. Raises StoreError."""
        with self._lock:
            every = self._read()
        for kind in get_args(Kind):
            if every.get(kind):
                other.put_all(kind, every[kind])

    def findings(self) -> list[str]:
        """What is damaged or gone; empty where all is well."""
        if self._common is not None:
            return []
        whole = [_whole(path) for path in self._paths]
        if whole[0] == whole[1]:
            return [] if whole[0] is not None or not self._there() else [self._lost()]
        bad = self._paths[0 if whole[0] is None else 1]
        return [f"what was chosen for students: {bad} is damaged, gone or old, the other is whole"]

    def repair(self) -> str:
        """Write both files anew from the one that is whole; without one they are moved aside. What
        was lost, with where it lies; empty where nothing was. Raises StoreError."""
        if self._common is not None:
            return ""
        with self._lock:
            try:
                every = self._read()
            except DamagedError:
                for path in self._there():
                    _put_aside(path)
                self._seen = None
                return f"{self._lost()}; both were moved aside"
            for path in self._there():
                if not path.is_file():  # something that stands in its place
                    _put_aside(path)
            if every:
                self._write(every)
            return ""

    def _there(self) -> list[Path]:
        return [path for path in self._paths if path.exists()]

    def _lost(self) -> str:
        return f"what was chosen for students is lost: {self._paths[0]} and its copy are damaged"

    def _read(self) -> _All:
        now = self.state
        if now != self._seen and self._common is not None:
            self._all, self._seen = json.loads(self._common.get("chosen", "all") or "{}"), now
        elif now != self._seen:
            every = next((one for one in map(_whole, self._paths) if one is not None), None)
            if every is None and self._there():
                raise DamagedError(
                    f"{self._lost()} — bring them back from a backup, or run seminar-rag doctor"
                    " --repair, which starts without them"
                )
            self._all, self._seen = every or {}, now
        return self._all

    def _write(self, every: _All) -> None:
        text = json.dumps(every, ensure_ascii=False, indent=1)
        sealed = f'{{"sha256": "{_hash(text)}", "chosen":\n{text}\n}}\n'
        try:
            for path in self._paths:
                write(path, sealed, sync=True)
        except OSError as error:
            self._seen = None
            raise StoreError(f"{self._paths[0]} cannot be written ({error})") from error
        self._all, self._seen = every, self.state


def _put_aside(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.damaged-{time.time_ns()}"))


def chosen_content(data: Path) -> bytes | None:
    """The bytes of the file that is whole, for a backup; None where nothing was chosen."""
    for path in (data / CHOSEN, data / CHOSEN_COPY):
        if _whole(path) is not None:
            return path.read_bytes()
    return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _whole(path: Path) -> _All | None:
    """What a file holds; None where it is gone or not what was written."""
    try:
        found = json.loads(path.read_bytes())
        every: _All = found["chosen"]
        if found["sha256"] == _hash(json.dumps(every, ensure_ascii=False, indent=1)):
            return every
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None
