"""Pages typed within <pre>, line by line, as blocks."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

from seminar_rag.syllabus.markup_text import Item, Link, text_items

_PAGES = "descendant::a[@href and not(starts-with(@href, '#'))]"
_CODE = (
    "descendant::code | ancestor-or-self::*[contains(@class, 'highlight')"
    " or contains(@class, 'sourceCode')]"
)
NAMES_OF_CODE = (
    "ancestor-or-self::*[self::code or self::tt or self::samp"
    " or contains(concat(' ', @class, ' '), ' sig ')]"
)
"""Where "nn." and "Linear" are one name; Sphinx sets signatures so."""


def typed_within(node: Any) -> bool:
    """Whether preformatted text is a page with its links, and no code with links to its lines."""
    return bool(node.xpath(_PAGES)) and not node.xpath(_CODE)


def laid_out(node: Any) -> Iterator[Item]:
    """The lines of preformatted text as the blocks of a page in plain text, with their links."""
    coming = deque(_links_in(node))
    for item in text_items("".join(node.itertext())):
        places = item.block.offsets or (item.block.start,)
        while coming and coming[0].end <= places[0]:
            coming.popleft()
        own = [
            Link(one.url, bisect_left(places, one.start), bisect_left(places, one.end))
            for one in takewhile(lambda one: one.start <= places[-1], coming)  # noqa: B023
        ]
        bare = [
            one
            for one in item.links
            if not any(one.start < link.end and link.start < one.end for link in own)
        ]
        yield replace(item, links=(*own, *bare))


def _links_in(node: Any) -> list[Link]:
    """The links in an element's text, each with its place there; none around others."""
    found: list[Link] = []
    at = len(node.text or "")
    for child in node:
        inner = _links_in(child)
        length = len("".join(child.itertext())) if isinstance(child.tag, str) else 0
        url = (child.get("href") or "").strip() if child.tag == "a" else ""
        found += [Link(url, at, at + length)] if url and not inner else []
        found += [Link(one.url, at + one.start, at + one.end) for one in inner]
        at += length + len(child.tail or "")
    return found
