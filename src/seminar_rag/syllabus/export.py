"""What exports of courses share: places of links, readings that texts list, XML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.kinds import kind_told
from seminar_rag.syllabus.markup import html_items
from seminar_rag.syllabus.read import MOSTLY, post_entries, readings_of, share_named
from seminar_rag.syllabus.words import is_label
from seminar_rag.types import Block, Reading

_SPACES = re.compile(r"\s+")
UNSAFE = re.compile(r"[^\w .,()+-]+")
_DOCUMENTS = frozenset({"application/pdf", "application/epub+zip"})
"""Of links that lead out of the course, those to such files are readings wherever they stand."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads: to a file of the export, to a file that is not in it, to another part of
    the course, or elsewhere."""

    kind: Literal["file", "missing", "course", "elsewhere"]
    path: str = ""
    """Of a file, in the export; elsewhere, the address."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a text about one session names."""

    readings: tuple[Reading, ...]
    share: float
    """Of the text's letters, how many name readings."""
    links: tuple[tuple[str, str], ...]
    """All of its links: label and address."""
    empty: bool
    """Whether it says nothing."""


def listed_in_html(html: str) -> Listed:
    """The readings that a text about one session lists, as in a section of a course site."""
    items = html_items(html)
    entries, pieces = post_entries(items)
    readings, _ = readings_of(entries, pieces)
    links = (
        (item.text[link.start : link.end].strip(), link.url)
        for item in items
        for link in item.links
    )
    empty = not any(item.text for item in items)
    return Listed(readings, share_named(entries, items), tuple(links), empty)


@dataclass
class Export:
    """What both kinds of export share."""

    folder: Path
    title: str = ""
    hidden: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Kinds of activities that hold no readings."""
    missing: list[str] = field(default_factory=list)
    _made: int = 0

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        """The title and the readings of each section that students see."""
        raise NotImplementedError

    def reading(self, title: str, files: list[str] | None = None, url: str = "") -> Reading:
        """A reading of that title."""
        block = Block(title, "heading", 3)
        urls = (url,) if url else ()
        kind = kind_told(title, urls)
        return Reading(title, urls=urls, blocks=(block,), files=tuple(files or ()), kind=kind)

    def place(self, link: str, owner: str) -> Place:
        """What a link in a text leads to.

        Args:
            owner: the part of the course that the text belongs to.
        """
        raise NotImplementedError

    def written(self, html: str, owner: str) -> tuple[list[Reading], Listed]:
        """The readings that a text lists and the documents it links to; the text as it is read."""
        text = listed_in_html(html)
        found = list(self.placed(text.readings, owner))
        given = {place for reading in found for place in (*reading.files, *reading.urls)}
        for label, link in text.links:
            kind = guess_type(link.split("?", 1)[0].split("#", 1)[0])[0] or ""
            if not label or kind.startswith("image/"):
                continue
            place = self.place(link, owner)
            document = place.kind == "file" or (place.kind == "elsewhere" and kind in _DOCUMENTS)
            if document and place.path not in given:
                given.add(place.path)
                said = "" if is_label(label) or "://" in label else label
                said = said or PurePosixPath(unquote(place.path)).stem
                files, url = ([place.path], "") if place.kind == "file" else (None, place.path)
                found.append(self.reading(said, files, url))
        return found, text

    def placed(self, readings: Sequence[Reading], owner: str) -> Iterator[Reading]:
        """Readings of a text with their files, without those that only lead to another part of the
        course, which has them."""
        for reading in readings:
            places = [self.place(url, owner) for url in reading.urls]
            if not places or any(place.kind != "course" for place in places):
                files = tuple(place.path for place in places if place.kind == "file")
                urls = tuple(place.path for place in places if place.kind == "elsewhere")
                yield replace(reading, urls=urls, files=files)

    def text_page(self, title: str, html: str, owner: str, name: str = "") -> Iterator[Reading]:
        """A page: a reading, a list of readings, or both; only its title where it says nothing.

        Args:
            name: the file that it is; without one, it is written.
        """
        listed, text = self.written(html, owner)
        if text.empty:
            yield self.reading(title)
        elif text.share < MOSTLY:
            yield self.reading(title, [name or self.page(title, html)])
        yield from listed

    def page(self, title: str, html: str) -> str:
        """Write a page as a file of its own; its name in the folder."""
        self._made += 1
        name = f"pages/{self._made:03} {file_name(title)}.html"
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        head = f"<!DOCTYPE html><html><head><title>{escaped(title)}</title></head><body>"
        path.write_text(f"{head}{html}</body></html>", encoding="utf-8")
        return name


def parsed(path: Path) -> Any:
    """The root of an XML file, with names freed from their namespaces; None where it is missing."""
    from lxml import etree

    if not path.is_file():
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.parse(str(path), parser).getroot()
    except etree.XMLSyntaxError as error:
        raise SourceError(f"has a damaged {path.name} — export the course again") from error
    for one in root.iter("*"):
        one.tag = one.tag.rpartition("}")[2]
    return root


def text_at(node: Any, path: str) -> str:
    """The text at a path in one line; Moodle's mark for nothing is nothing."""
    found = node.findtext(path) if node is not None else None
    text = _SPACES.sub(" ", found or "").strip()
    return "" if text == "$@NULL@$" else text


def escaped(text: str) -> str:
    """Text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def file_name(text: str) -> str:
    """A title as the name of a file, without its ending."""
    return UNSAFE.sub("_", text).strip(" .")[:80] or "page"
