"""What a run of items is: readings, a group under a name, or the details of one reading. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence

from seminar_rag.syllabus import words
from seminar_rag.syllabus.items import beside_links, is_entry, is_evidence
from seminar_rag.syllabus.markup import Item


def top_of(body: Sequence[Item]) -> list[Item]:
    """The outermost items, and of those of an ordered list only the numbered ones."""
    depth = min((item.depth for item in body if item.block.kind == "item"), default=0)
    top = [
        item
        for item in body
        if (item.block.kind == "item" and item.depth == depth)
        or (item.block.kind == "paragraph" and item.depth == 0)
    ]
    numbered = [item for item in top if item.marker[:-1].isalnum()]
    return numbered if len(numbered) > 1 and top[0] is numbered[0] else top


def is_ordered(top: Sequence[Item]) -> bool:
    """Whether a list counts its items."""
    return len(top) > 1 and all(item.marker[:-1].isalnum() for item in top)


def children_of(body: Sequence[Item], outer: Container[int], at: int) -> list[Item]:
    """The items between `body[at]` and the next outermost one.

    Args:
        outer: the `id` of each of the outermost items.
    """
    end = next((n for n in range(at + 1, len(body)) if id(body[n]) in outer), len(body))
    return list(body[at + 1 : end])


def is_listing(body: Sequence[Item]) -> bool:
    """Whether items look like what stands below a reading's title, or like a list of readings."""
    body = [item for item in body if item.block.kind in {"item", "paragraph"}]
    if not body:
        return False
    if any(is_evidence(item) for item in body) or any(is_entry(item) for item in top_of(body)):
        return True
    return body[0].block.kind == "item" and len(body) == 1 and words.is_prose(body[0].text)


def is_group(text: str, body: Sequence[Item]) -> bool:
    """Whether a heading stands over several readings, not over one."""
    body = [item for item in body if item.block.kind in {"item", "paragraph"}]
    top = top_of(body)
    linked = _linked_below(body)
    entries = sum(is_entry(item) or _is_name_over(item, linked) for item in top)
    attributes = sum(is_evidence(item) for item in top)
    if is_ordered(top):
        return not attributes and any(item.links for item in body)
    if words.is_group(text) and not attributes and (entries or len(top) > 1):
        return True
    return entries >= 2 and not attributes


def stands_over(item: Item, children: Sequence[Item]) -> bool:
    """Whether a list item is the name of a group, and the items below it are the readings."""
    if item.links or not children or words.is_prose(item.text):
        return False
    inner = top_of(children)
    if any(is_evidence(child) for child in inner):
        return False
    linked = _linked_below(children)
    entries = sum(is_entry(child) or _is_name_over(child, linked) for child in inner)
    return entries >= 2 or bool(words.is_group(item.text) and (entries or len(inner) > 1))


def has_nested_links(body: Sequence[Item]) -> bool:
    """Whether the outermost items are titles with links below them."""
    linked = _linked_below(body)
    return any(_is_name_over(item, linked) for item in top_of(body))


def _is_name_over(item: Item, linked: Container[int]) -> bool:
    """Whether an item without a link is a few words over items with links."""
    if id(item) not in linked:
        return False
    beside, urls = beside_links(item)
    return not urls and bool(beside) and not words.is_prose(beside)


def _linked_below(body: Sequence[Item]) -> set[int]:
    """The `id` of each item that has an item with links nested below it."""
    found: set[int] = set()
    over: list[Item] = []
    for item in body:
        beside_it = item.block.kind == "item" or not item.depth
        while over and over[-1].depth >= item.depth + (not beside_it):
            over.pop()
        if item.links:
            found.update(map(id, over))
            over.clear()
        over.append(item)
    return found
