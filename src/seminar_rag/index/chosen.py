"""What the instructor has chosen to show students, beside the decisions on the reading list.

One JSON file, `decisions/chosen.json` in the data folder: kind → id → value. It is small, outlives
the database, and is part of every backup.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Literal

from seminar_rag.errors import StoreError
from seminar_rag.files import write

NAME = "decisions/chosen.json"
MOST = 5_000
"""Entries of one kind."""
Kind = Literal["table", "item", "guide", "difference", "tutor"]
Value = dict[str, Any]


class Chosen:
    """The file; read anew when another process has changed it. Safe to call from threads."""

    def __init__(self, data: Path) -> None:
        self._path = data / NAME
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._all: dict[str, dict[str, Value]] = {}

    def of(self, kind: Kind) -> dict[str, Value]:
        """All values of a kind by their ids, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._lock:
            return dict(self._read().get(kind, {}))

    def put(self, kind: Kind, id_: str, value: Value | None) -> None:
        """Keep a value, or forget it where it is None.

        Raises:
            StoreError: the file cannot be read or written, or there are too many of the kind.
        """
        with self._lock:
            every = self._read()
            of = {**every.get(kind, {}), id_: value}
            kept = {key: one for key, one in of.items() if one is not None}
            if len(kept) > MOST:
                raise StoreError(f"there are {MOST:,} already — remove some first")
            self._all = {**every, kind: kept}
            try:
                write(self._path, json.dumps(self._all, ensure_ascii=False, indent=1), sync=True)
                self._seen = self._path.stat().st_mtime_ns
            except OSError as error:
                self._seen = None
                raise StoreError(f"{self._path} cannot be written ({error})") from error

    def _read(self) -> dict[str, dict[str, Value]]:
        try:
            now = self._path.stat().st_mtime_ns
            if now != self._seen:
                found = json.loads(self._path.read_bytes())
                if not all(isinstance(one, dict) for one in found.values()):
                    raise ValueError("it has another form")
                self._all, self._seen = found, now
        except FileNotFoundError:
            self._all, self._seen = {}, None
        except (OSError, ValueError, AttributeError) as error:
            raise StoreError(
                f"{self._path} cannot be read ({error}) — restore it from a backup, or delete it"
            ) from error
        return self._all
