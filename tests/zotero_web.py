"""zotero.org's Web API on the loopback, as far as a collection is read by it.

Pages of a hundred, versions, keys, child items and stored files are as its documentation says
(https://www.zotero.org/support/dev/web_api/v3/basics).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_web import Page, Web

API = "api.zotero.org"


@dataclass
class PlayedZotero:
    """A library with its collections and items; `serve` plays it in a web."""

    library: str = "groups/77"
    name: str = "Coastal Studies"
    key: str = ""
    """The key that must be shown; empty for a public library."""
    owner: str = "Ada Lovelace"
    version: int = 10
    collections: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, Page] = field(default_factory=dict)

    def collection(self, key: str, name: str, parent: str = "") -> str:
        self.collections[key] = {"key": key, "name": name, "parentCollection": parent or False}
        return key

    def item(self, key: str, title: str, *collections: str, **data: Any) -> str:
        kind = data.pop("itemType", "journalArticle")
        base = {"key": key, "version": self.version, "itemType": kind, "title": title}
        placed = {} if data.get("parentItem") else {"collections": list(collections)}
        self.items[key] = {**base, "creators": [], "tags": [], **placed, **data}
        return key

    def serve(self, web: Web) -> None:
        web.sites[API] = _Site(self, web)

    def answer(self, path: str, headers: dict[str, str]) -> Page:
        parts = urlsplit(path)
        query = {name: value[0] for name, value in parse_qs(parts.query).items()}
        if self.key and headers.get("Zotero-API-Key") != self.key:
            return Page(b"Forbidden", 403, "text/plain", etag=False)
        if parts.path == "/keys/current":
            told = {"key": self.key, "userID": 475425, "username": self.owner}
            return self._json(told)
        base = f"/{self.library}"
        if not parts.path.startswith(base):
            return Page(b"Not found", 404, "text/plain", etag=False)
        if headers.get("If-Modified-Since-Version") == str(self.version):
            return Page(status=304, etag=False)
        assert not query or query["v"] == "3"
        return self._below(parts.path[len(base) :].strip("/").split("/"), query)

    def _below(self, steps: list[str], query: dict[str, str]) -> Page:
        match steps:
            case [""]:
                return self._json({"id": 77, "data": {"id": 77, "name": self.name}})
            case ["items", key, "file"]:
                return self.files.get(key, Page(b"Not found", 404, "text/plain", etag=False))
            case ["items"]:
                return self._list([self._item(one) for one in self.items.values()], query)
            case ["collections", "top"]:
                return self._list(self._collections(False), query)
            case ["collections", key] if key in self.collections:
                return self._json(self._collection(self.collections[key]))
            case ["collections", key, "collections"] if key in self.collections:
                return self._list(self._collections(key), query)
            case ["collections", key, "items"] if key in self.collections:
                own = {n for n, one in self.items.items() if key in one.get("collections", ())}
                found = [
                    self._item(one)
                    for n, one in self.items.items()
                    if n in own or one.get("parentItem") in own
                ]
                return self._list(found, query)
        return Page(b"Collection not found", 404, "text/plain", etag=False)

    def _item(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"key": data["key"], "version": data["version"], "meta": {}, "data": data}

    def _collections(self, parent: str | bool) -> list[dict[str, Any]]:
        every = self.collections.values()
        return [self._collection(one) for one in every if one["parentCollection"] == parent]

    def _collection(self, data: dict[str, Any]) -> dict[str, Any]:
        inside = sum(one["parentCollection"] == data["key"] for one in self.collections.values())
        items = sum(data["key"] in one.get("collections", ()) for one in self.items.values())
        meta = {"numCollections": inside, "numItems": items}
        return {"key": data["key"], "version": self.version, "meta": meta, "data": data}

    def _list(self, found: list[dict[str, Any]], query: dict[str, str]) -> Page:
        start, limit = int(query.get("start", 0)), min(int(query.get("limit", 25)), 100)
        return self._json(found[start : start + limit])

    def _json(self, value: Any) -> Page:
        headers = (("Last-Modified-Version", str(self.version)),)
        return Page(json.dumps(value).encode(), 200, "application/json", headers, etag=False)


class _Site(dict[str, Any]):
    """Answers every path; what is asked last in the web's record has the headers."""

    def __init__(self, zotero: PlayedZotero, web: Web) -> None:
        super().__init__()
        self._zotero, self._web = zotero, web

    def get(self, path: str, default: Any = None) -> Any:
        return self._zotero.answer(path, self._web.asked)
