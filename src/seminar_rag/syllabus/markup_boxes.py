"""Boxes of text in HTML: the notes, cards, details and asides of generators of course sites."""

from __future__ import annotations

import re
from typing import Any

_TAGS = frozenset("aside blockquote details div fieldset section".split())
_TITLES = re.compile(r"title|head(?:er|ing)", re.I)
"""What the classes of the titles of boxes have: "admonition-title", "card-header"."""
_ANY_HEADING = "|".join(f"descendant-or-self::h{level}" for level in range(1, 7))


def is_box(node: Any) -> bool:
    """Whether an element is a box of text: it opens with a title of its own, which is no heading.

    An "aside" is one only within the page's content; beside it, it is navigation.
    """
    first = next(node.iterchildren("*"), None) if node.tag in _TAGS else None
    if first is None or (node.text or "").strip():
        return False
    if node.tag == "aside" and not node.xpath("ancestor::main | ancestor::*[@role='main']"):
        return False
    if first.tag in {"summary", "legend"}:
        return True
    return bool(_TITLES.search(first.get("class") or "")) and not first.xpath(_ANY_HEADING)
