"""The folder of fetched files, and what is remembered of their addresses. Knows no network.

    objects/<sha256>        a body as it came, unpacked
    addresses/<hash>.json   an address: its content, ETag, time, or how it failed
    facts/<sha256>.json     what was found out about a content
    texts/<sha256>.md       a text taken out of a content

Every file is written whole or not at all, so that a crash costs no more than a request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seminar_rag.files import draft, write


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What is remembered of an address."""

    url: str
    final_url: str = ""
    hash: str = ""
    etag: str = ""
    modified: str = ""
    version: str = ""
    """Zotero's, in place of the two."""
    at: float = 0.0
    """When it was last asked for, in seconds since 1970."""
    failed: str = ""
    """The failure's word, if it failed for good."""
    message: str = ""
    """The failure in words."""


class Cache:
    """The files under `folder`, which is made when something is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def object(self, digest: str) -> Path:
        """Where a content lies, or would lie."""
        return self.folder / "objects" / digest

    def keep(self, pieces: Iterable[bytes]) -> str:
        """Keep a content as it streams in; its SHA-256. Nothing stays when `pieces` raises."""
        digest = hashlib.sha256()
        with draft(self.object("unnamed")) as made:
            for piece in pieces:
                digest.update(piece)
                made.file.write(piece)
            made.path = self.object(digest.hexdigest())
        return digest.hexdigest()

    def entry(self, url: str) -> CacheEntry | None:
        """What is remembered of an address."""
        values = _read(self._address(url))
        try:
            entry = CacheEntry(**values) if values else None
        except TypeError:
            return None
        return entry if entry and entry.url == url else None

    def remember(self, entry: CacheEntry) -> None:
        """Remember an address, in place of what was known of it."""
        values = {name: getattr(entry, name) for name in CacheEntry.__slots__}
        write(self._address(entry.url), json.dumps(values, ensure_ascii=False))

    def forget(self, url: str) -> None:
        """Forget an address, and remove what it gave."""
        if (entry := self.entry(url)) is not None:
            self._address(url).unlink(missing_ok=True)
            if entry.hash:
                self.object(entry.hash).unlink(missing_ok=True)

    def facts(self, digest: str) -> dict[str, str] | None:
        """What was found out about a content before."""
        return _read(self.folder / "facts" / f"{digest}.json")

    def keep_facts(self, digest: str, facts: Mapping[str, str]) -> None:
        """Remember what was found out about a content."""
        write(self.folder / "facts" / f"{digest}.json", json.dumps(dict(facts)))

    def keep_text(self, text: str) -> Path:
        """Keep a text that was taken out of a content; its file, named by its hash."""
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        path = self.folder / "texts" / f"{digest}.md"
        if not path.is_file():
            write(path, text)
        return path

    def _address(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        return self.folder / "addresses" / f"{name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
