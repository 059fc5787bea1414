"""Where a session's readings end and the students' notes begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.syllabus import words
from seminar_rag.syllabus.items import is_evidence, is_head, level_of
from seminar_rag.syllabus.markup import Item

_MARKER_COMMENT = re.compile(r"excerpt|\bmore\b|\bnotes?\b|\bblog\b", re.I)


def notes_start(items: Sequence[Item], level: int, sections: bool) -> int:
    """The place of the first item of the notes; the number of items where there are none.

    Args:
        level: the level of the headings that announce readings, 0 where headings have no levels.
        sections: whether there are such headings.
    """
    seen = not sections
    for at, item in enumerate(items):
        if item.comment is not None:
            marked = seen and _MARKER_COMMENT.search(item.comment) and _any_evidence(items[:at])
            if marked and not _readings_follow(items[at:]):
                return at
            continue
        if not is_head(item):
            continue
        if words.section_of(item.text):
            seen = True
            continue
        if seen and words.opens_notes(item.text) and not _is_title_like(items, at):
            return at
        above = sections and 0 < level_of(item) < level
        if seen and above and not _readings_follow(items[at:]):
            return at
    return _tail_of_notes(items) if not level else len(items)


def _is_title_like(items: Sequence[Item], at: int) -> bool:
    """Whether the item after a heading is a link or an author line, as below a reading's title."""
    following = items[at + 1] if at + 1 < len(items) else None
    return following is not None and not is_head(following) and is_evidence(following)


def _readings_follow(items: Sequence[Item]) -> bool:
    """Whether a section heading with a reading right below it is still to come."""
    return any(
        is_head(item) and words.section_of(item.text) and _any_evidence(items[at + 1 : at + 4])
        for at, item in enumerate(items)
        if item.comment is None
    )


def _any_evidence(items: Sequence[Item]) -> bool:
    return any(item.comment is None and is_evidence(item) for item in items)


def _tail_of_notes(items: Sequence[Item]) -> int:
    """Where notes begin on a page whose headings have no levels.

    Notes are what follows the last link and the last author line, when it contains paragraphs of
    prose outside any list; entries that consist of a title and one description are still readings.
    """
    last = max(
        (
            at
            for at, item in enumerate(items)
            if item.comment is None
            and (is_evidence(item) or item.links or (is_head(item) and words.section_of(item.text)))
        ),
        default=-1,
    )
    tail = list(items[last + 1 :])
    if not any(_is_prose(item) for item in tail):
        return len(items)
    at = next((n for n, item in enumerate(tail) if is_head(item)), len(tail))
    while at + 2 < len(tail) and tail[at + 1].block.kind == "item" and is_head(tail[at + 2]):
        if not words.is_prose(tail[at + 1].text):
            break
        at += 2
    return last + 1 + at


def _is_prose(item: Item) -> bool:
    """Whether an item is a paragraph of prose, as lecture notes have them."""
    prose = item.block.kind == "paragraph" and words.is_prose(item.text)
    return prose and not words.is_nothing(item.text)
