"""References in Zotero's own form, with the collections that they lie in.

Zotero's extension Better BibTeX exports it as “BetterBibTeX JSON”, with the collections; of
zotero.org it is what `web.zotero` makes. A collection whose name only names a section ("Optional")
is that section of the collection that it lies in; every other one is a session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from seminar_rag.syllabus.kinds import kind_of_type
from seminar_rag.syllabus.references import Reference, addresses, in_order, plain
from seminar_rag.syllabus.sections import named_section

_YEAR = re.compile(r"(?<!\d)(?:1[4-9]|20)\d\d(?!\d)")
_ARXIV = re.compile(r"\d{4}\.\d{4,5}")
_WROTE = ("author", "bookAuthor", "presenter", "podcaster", "director", "interviewee", "editor")
"""Who counts as an item's author, the likeliest first."""
_IN = ("publicationTitle", "bookTitle", "proceedingsTitle", "encyclopediaTitle", "websiteTitle")
_NO_READING = frozenset({"note", "annotation"})


class _Creator(BaseModel):
    first: str = Field("", alias="firstName")
    last: str = Field("", alias="lastName")
    name: str = ""
    role: str = Field("author", alias="creatorType")


class _Tag(BaseModel):
    tag: str = ""


class _Attachment(BaseModel):
    url: str = ""
    file: str = ""
    """Where zotero.org has the file."""
    path: str = ""
    """Where it lies beside an export with files."""


class _Item(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    key: str = Field("", validation_alias=AliasChoices("key", "itemKey"))
    id: str = Field("", alias="itemID")
    kind: str = Field("", alias="itemType")
    title: str = Field("", validation_alias=AliasChoices("title", "caseName", "nameOfAct"))
    creators: list[_Creator] = []
    date: str = ""
    inside: str = Field("", validation_alias=AliasChoices(*_IN))
    url: str = ""
    doi: str = Field("", alias="DOI")
    archive: str = Field("", alias="archiveID")
    tags: list[_Tag | str] = []
    abstract: str = Field("", alias="abstractNote")
    attachments: list[_Attachment] = []
    file: str = ""


class _Collection(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: str = ""
    collections: list[str] = []
    items: list[str] = []


class _Kept(BaseModel):
    items: list[_Item] = []
    collections: dict[str, _Collection] = {}


def is_zotero(values: Any) -> bool:
    """Whether the content of a JSON file is in Zotero's own form."""
    items = values.get("items") if isinstance(values, dict) else values
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and "itemType" in first


def zotero_references(values: Any) -> Iterator[Reference]:
    """The references, each with its session where there are collections; one that lies in several
    comes several times.

    Raises:
        ValueError: it is not in Zotero's form.
    """
    try:
        kept = TypeAdapter(_Kept).validate_python(
            values if isinstance(values, dict) else {"items": values}
        )
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"])) from error
    read = [(item, _reference(item)) for item in kept.items if item.kind not in _NO_READING]
    found = {name: one for item, one in read for name in (item.key, item.id) if name}
    divided = False
    for session, names in _sessions(kept.collections, found):
        divided = True
        yield from (_placed(found[name], *session) for name in dict.fromkeys(names))
    if not divided:
        yield from (one for _, one in read)


_Session = tuple[str, str]
"""Its name, and the keyword that all of its readings have; either may be empty."""


def _sessions(
    collections: Mapping[str, _Collection], found: Mapping[str, Reference]
) -> Iterator[tuple[_Session, list[str]]]:
    """The sessions in order, with the keys of their readings.

    What lies in a collection and in one inside of it belongs to the inner one.
    """
    inner = {key for one in collections.values() for key in one.collections}
    tops = {key: one for key, one in collections.items() if key not in inner}
    seen: set[str] = set()

    def walk(key: str, name: str) -> Iterator[tuple[_Session, list[str]]]:
        if key in seen:
            return
        seen.add(key)
        one = collections[key]
        below = {each: collections[each].name for each in one.collections if each in collections}
        deeper = {item for each in below for item in _all_items(each, collections, set())}
        own = [item for item in one.items if item in found and item not in deeper]
        if own:
            yield (name, ""), own
        for each in (each for each in below if named_section(below[each])):
            seen.add(each)
            items = [item for item in collections[each].items if item in found]
            if items:
                yield (name, below[each]), items
        for each in _by_name({each: title for each, title in below.items() if each not in seen}):
            twice = sum(other.name == below[each] for other in collections.values()) > 1
            whole = f"{one.name} – {below[each]}" if twice and one.name else below[each]
            yield from walk(each, whole)

    only = len(tops) == 1
    for key in _by_name({key: one.name for key, one in tops.items()}):
        named = [collections[each].name for each in tops[key].collections if each in collections]
        divided = any(not named_section(name) for name in named)
        yield from walk(key, "" if only and divided else tops[key].name)


def _by_name(names: Mapping[str, str]) -> list[str]:
    """Keys in the order of the sessions that they name."""
    order = {name: at for at, name in enumerate(in_order(names.values()))}
    return sorted(names, key=lambda key: order[names[key]])


def _all_items(key: str, collections: Mapping[str, _Collection], seen: set[str]) -> set[str]:
    """The items of a collection and of all in it."""
    if key in seen or key not in collections:
        return set()
    seen.add(key)
    one = collections[key]
    return set(one.items).union(*(_all_items(each, collections, seen) for each in one.collections))


def _placed(one: Reference, session: str, section: str) -> Reference:
    keywords = (*one.keywords, section) if section else one.keywords
    return replace(one, session=session, keywords=keywords)


def _reference(item: _Item) -> Reference:
    year = _YEAR.search(item.date)
    arxiv = _ARXIV.search(item.archive)
    urls = list(addresses(item.url, item.doi, arxiv[0] if arxiv else None))
    for one in (*item.attachments, _Attachment(file=item.file)):
        beside = quote(one.path) if ":" not in one.path and not one.path.startswith("/") else ""
        urls += [link for link in (one.url, one.file, beside) if link]
    return Reference(
        item.key or item.id,
        plain(item.title),
        tuple(_authors(item.creators)),
        year[0] if year else "",
        item.inside,
        tuple(dict.fromkeys(urls)),
        tuple(one if isinstance(one, str) else one.tag for one in item.tags),
        item.abstract,
        kind_of_type(item.kind),
    )


def _authors(creators: list[_Creator]) -> Iterator[str]:
    roles = {one.role for one in creators}
    role = next((one for one in _WROTE if one in roles), None)
    for one in creators:
        if role in (None, one.role):
            yield one.name or f"{one.first} {one.last}".strip()
