"""A collection at zotero.org → one text with its items and the collections in it, in the form of
Zotero's export “BetterBibTeX JSON”. Knows nothing of readings: `syllabus.zotero` reads that text.

The Web API 3 is asked (https://www.zotero.org/support/dev/web_api/v3/basics), through the fetcher:
at checked addresses, a page of a hundred at a time, only for what changed since it was asked last
(If-Modified-Since-Version), no sooner than its Backoff and Retry-After say. pyzotero asks it too,
but needs bibtexparser below 2, which reads `.bib` files here, and brings connections of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from seminar_rag.errors import FetchError, SourceError

if TYPE_CHECKING:
    from seminar_rag.web.fetch import Fetcher

_Found = TypeVar("_Found")
HOST = "api.zotero.org"
KEYS = "https://www.zotero.org/settings/keys"
"""Where Zotero makes keys."""
_AT_ONCE = 100
"""Objects of a page, the most that the API gives."""
_MOST_COLLECTIONS = 200
_PLACE = re.compile(
    r"/(?:(?P<library>groups/\d+|users/\d+)|(?P<user>[\w-]+))"
    r"(?:/.*?\b(?:collections|collectionKey)/(?P<key>[A-Z0-9]{8})\b|(?=/|$))"
)


@dataclass(frozen=True, slots=True)
class ZoteroPlace:
    """What an address at zotero.org names."""

    library: str
    """ "groups/123" or "users/123"; empty where a user is named by name."""
    user: str
    key: str
    """The collection's key; empty for all of a library."""


def place_at(url: str) -> ZoteroPlace | None:
    """The collection, or the group, that an address shows; None for one elsewhere. Raises
    SourceError where an address at zotero.org shows neither."""
    parts = urlsplit(url)
    if (parts.hostname or "").lower().removeprefix("www.") not in ("zotero.org", HOST):
        return None
    match = _PLACE.match(parts.path)
    library = match["library"] or "" if match else ""
    if match is None or not (match["key"] or library.startswith("groups")):
        raise SourceError(
            f"{url} names no collection — open one at zotero.org, and copy its address"
        )
    return ZoteroPlace(library, match["user"] or "", match["key"] or "")


def headers(key: str) -> dict[str, dict[str, str]]:
    """Host → the headers that show who asks, for the fetcher; none without a key."""
    return {HOST: {"Zotero-API-Key": key}} if key else {}


class _Data(BaseModel):
    name: str = ""


class _Meta(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    num_collections: int = 0
    num_items: int = 0


class _Collection(BaseModel):
    key: str
    data: _Data
    meta: _Meta = _Meta()


class _Item(BaseModel):
    key: str
    data: dict[str, Any]


class _Owner(BaseModel):
    user: int = Field(0, validation_alias="userID")
    name: str = Field("", validation_alias="username")


_COLLECTIONS = TypeAdapter(list[_Collection])
_ITEMS = TypeAdapter(list[_Item])
_COLLECTION = TypeAdapter(_Collection)
_GROUP = TypeAdapter(dict[str, Any])
_OWNER = TypeAdapter(_Owner)


def collection_of(
    url: str, place: ZoteroPlace, fetcher: Fetcher, notes: list[str]
) -> tuple[str, str]:
    """What a collection, or a group, is called, and all of it as JSON.

    Args:
        notes: gets a sentence for what could not be asked for again, where an earlier answer was
            taken.

    Raises:
        SourceError: Zotero cannot be reached, knows no such collection, or wants a key, or another.
    """
    return _Asker(url, place, fetcher, notes).read()


@dataclass(slots=True)
class _Asker:
    url: str
    place: ZoteroPlace
    fetcher: Fetcher
    notes: list[str]
    library: str = ""
    whole: list[_Item] | None = None
    """All items of a library, where all of it is asked for."""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    collections: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self) -> tuple[str, str]:
        self.library = self.place.library or f"users/{self._user()}"
        if self.place.key:
            top = self._one(f"collections/{self.place.key}", _COLLECTION)
        else:
            named = str(self._one("", _GROUP).get("data", {}).get("name", ""))
            top = _Collection(key="", data=_Data(name=named))
            self.whole = self._all("items", _ITEMS)
        self._collect(top, None)
        kept = {"collections": self.collections, "items": list(self._with_attachments())}
        return top.data.name, json.dumps(kept, ensure_ascii=False)

    def _collect(self, one: _Collection, parent: str | None) -> None:
        """Take a collection with its items and the collections in it."""
        if one.key in self.collections:
            return
        if len(self.collections) >= _MOST_COLLECTIONS:
            raise SourceError(
                f"{self.url} holds more than {_MOST_COLLECTIONS} collections — give the address of"
                " the course's own"
            )
        path = f"collections/{one.key}/" if one.key else ""
        if self.whole is None:
            found = self._all(f"{path}items", _ITEMS) if one.meta.num_items else []
        else:  # what stands for itself says where it lies; what belongs to it lies nowhere
            key = [one.key] if one.key else []
            found = [item for item in self.whole if _lies_in(item, key)]
        self.items |= {item.key: {"key": item.key, **item.data} for item in found}
        inner = "collections" if one.key else "collections/top"
        holds = one.meta.num_collections or not one.key
        below = self._all(f"{path}{inner}", _COLLECTIONS) if holds else []
        self.collections[one.key] = {
            "key": one.key,
            "parent": parent,
            "name": one.data.name,
            "collections": [each.key for each in below],
            "items": [item.key for item in found],
        }
        for each in below:
            self._collect(each, one.key)

    def _with_attachments(self) -> Iterator[dict[str, Any]]:
        """The items that stand for themselves, each with its attachments and where they lie."""
        attached: dict[str, list[dict[str, Any]]] = {}
        for item in self.items.values():
            if item.get("itemType") == "attachment" and item.get("linkMode") != "linked_file":
                stored = str(item.get("linkMode", "")).startswith("imported")
                if stored and item.get("contentType") != "text/html":
                    item["file"] = f"https://{HOST}/{self.library}/items/{item['key']}/file"
                attached.setdefault(str(item.get("parentItem", "")), []).append(item)
        for key, item in self.items.items():
            if not item.get("parentItem"):
                yield {**item, "attachments": attached.get(key, [])}

    # --- asking --------------------------------------------------------------------------------

    def _all(self, path: str, form: TypeAdapter[Any]) -> list[Any]:
        """All objects of a list, page by page; by their age, which no later change alters."""
        out: list[Any] = []
        while True:
            found = self._one(path, form, start=len(out), limit=_AT_ONCE, sort="dateAdded")
            out += found
            if len(found) < _AT_ONCE:
                return out

    def _one(self, path: str, form: TypeAdapter[_Found], **given: str | int) -> _Found:
        """What the API answers below the library."""
        if given.get("sort"):
            given["direction"] = "asc"
        query = urlencode({"v": 3, "format": "json", **given})
        address = f"https://{HOST}/{quote(self.library)}/{path}".rstrip("/")
        return self._read(f"{address}?{query}", form)

    def _read(self, address: str, form: TypeAdapter[_Found]) -> _Found:
        try:
            fetched = self.fetcher.fetch(address, max_age=0)
        except FetchError as error:
            raise SourceError(self._explained(error)) from error
        if fetched.note and not self.notes:
            self.notes.append(f"an earlier copy was taken: {fetched.note}")
        try:
            return form.validate_json(fetched.file.read_bytes())
        except (ValidationError, OSError) as error:
            raise SourceError(
                f"{address} does not answer as Zotero does — ingest it later, or export the"
                " collection at Zotero and ingest the file"
            ) from error

    def _user(self) -> int:
        """The number of the user that the address names, who is the owner of the key."""
        told = (
            f"{self.url} names a user by name — put that user's key from {KEYS} into [zotero] key"
            " of seminar.toml, or give the address with the number that stands there,"
            " https://www.zotero.org/users/NUMBER/collections/…"
        )
        if not self.fetcher.credentials.get(HOST):
            raise SourceError(told)
        address = f"https://{HOST}/keys/current"
        try:
            owner = self._read(address, _OWNER)
        finally:
            self.fetcher.cache.forget(address)  # the answer repeats the key
        if _plain(owner.name) != _plain(self.place.user):
            raise SourceError(f"[zotero] key belongs to “{owner.name}”: {told}")
        return owner.user

    def _explained(self, error: FetchError) -> str:
        """What a refusal of the API means for who gave the address."""
        if error.failure == "denied" and self.fetcher.credentials.get(HOST):
            return (
                f"Zotero does not let the key of [zotero] key read {self.url} — give the key that"
                f" right at {KEYS}, or make a new one there"
            )
        if error.failure == "denied":
            return (
                f"Zotero does not show {self.url} to everybody — make a key at {KEYS} that may read"
                " it, and put it into [zotero] key of seminar.toml or SEMINAR_RAG_ZOTERO_KEY"
            )
        if error.failure == "gone":
            return f"Zotero has no collection at {self.url} — open it there, and copy its address"
        return str(error)


def _lies_in(item: _Item, collections: list[str]) -> bool:
    """Whether an item lies in a collection; in none, for no key. Attachments lie where they may."""
    own: list[str] = item.data.get("collections") or []
    return collections[0] in own if collections else not own


def _plain(name: str) -> str:
    """A user's name as addresses have it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())
