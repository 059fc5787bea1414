"""What a list at a page's end says once more is no second reading."""

from __future__ import annotations

from seminar_rag.syllabus.markup_text import Item, Link
from seminar_rag.syllabus.meetings import Entry, Meeting
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.repeats import without_repeats
from seminar_rag.syllabus.spans import Run, Span
from seminar_rag.types import Block

WORKS = ("Clocks", "Rings", "Order", "Faults", "Copies", "Clouds")


def _entry(title: str, first: int, url: str = "") -> Entry:
    links = (Link(url, 0, len(title)),) if url else ()
    item = Item(Block(title), links)
    piece = Piece(item, item, 0, "block", first, "paragraph")
    return Entry([piece], first, 0.9, [Run(item, [piece])], Span(0, 0, len(title), title))


def _page(last: list[Entry]) -> list[Meeting]:
    """Two sessions with two readings each, and the last part of the page."""
    found = [Meeting([_entry(f"Week {n}", 10 * n).pieces[0]], first=10 * n) for n in range(3)]
    for n, title in enumerate(WORKS[:4]):
        found[n // 2].entries.append(_entry(title, 10 * (n // 2) + n % 2 + 1))
    found[2].entries = last
    return found


def _titles(found: list[Meeting]) -> list[list[str]]:
    return [[e.title.text for e in one.entries if e.title] for one in found]


def test_a_bibliography_of_all_is_no_list_of_readings() -> None:
    own = [_entry("Copies", 21)]
    listed = [_entry(f"{title}.", 30 + n) for n, title in enumerate(sorted(WORKS))]
    found = without_repeats(_page([*own, *listed]))
    assert _titles(found) == [["Clocks", "Rings"], ["Order", "Faults"], ["Copies", "Clouds."]]


def test_the_heading_of_a_bibliography_is_no_session() -> None:
    listed = [_entry(title, 30 + n) for n, title in enumerate(WORKS[:4])]
    page = _page(listed)
    assert [len(one.entries) for one in without_repeats(page)] == [2, 2, 0]
    page = _page(listed)
    page[2].heads = _entry("References", 20).pieces
    assert [len(one.entries) for one in without_repeats(page)] == [2, 2]


def test_an_address_that_only_the_bibliography_gives_is_kept() -> None:
    listed = [
        _entry(title, 30 + n, f"https://example.org/{n}") for n, title in enumerate(WORKS[:4])
    ]
    found = without_repeats(_page(listed))
    urls = [link.url for piece in found[0].entries[1].pieces for link in piece.item.links]
    assert urls == ["https://example.org/1"]


def test_a_last_session_may_read_something_again() -> None:
    last = [_entry("Clocks", 21), _entry("Rings", 22), _entry("Copies", 23)]
    assert _titles(without_repeats(_page(last)))[2] == ["Clocks", "Rings", "Copies"]


def test_a_page_of_one_session_repeats_nothing() -> None:
    only = [Meeting([_entry("Week 1", 0).pieces[0]], [_entry("Clocks", n) for n in range(1, 9)])]
    assert len(without_repeats(only)[0].entries) == 8
