"""Which lines of a page belong to which entry of its reading list."""

from __future__ import annotations

from seminar_rag.types.beside import owners
from seminar_rag.types.catalogue import ListedReading


def entry(title: str, *parts: str) -> ListedReading:
    return ListedReading(title, title, shown=" · ".join((title, *parts)))


def test_a_word_in_a_heading_is_no_line_of_an_entry() -> None:
    lines = (
        "Week 7. Are the media machines of propaganda?",
        "Week 3",
        "Bernays, Edward L. 1928. Propaganda. New York: Liveright.",
        "The Ebb",
        "by Jo Karlsen",
        "Jo Karlsen reads from it",
        "Office hours",
    )
    listed = [
        entry("Propaganda", "Bernays, Edward L."),
        entry("The Ebb", "by Jo Karlsen", "It is told how the sea leaves."),
    ]
    assert owners(lines, listed) == [
        (),
        (),
        ("Propaganda",),
        ("The Ebb",),
        ("The Ebb",),
        (),
        (),
    ]


def test_what_stands_twice_is_taken_in_order() -> None:
    lines = ("Readings", "Tides", "Notes", "Tides, again, in a longer line than the title", "Tides")
    first, second = entry("Tides"), entry("Notes on it", "Tides, again")
    assert owners(lines, [first, second]) == [(), ("Tides",), (), ("Notes on it",), ("Tides",)]


def test_a_line_may_hold_several_entries_and_a_page_none() -> None:
    ebb, tides = entry("The Ebb"), entry("Tides")
    assert owners(("The Ebb; Tides",), [ebb, tides]) == [("The Ebb", "Tides")]
    assert owners((), [ebb]) == []
    assert owners(("Something else",), [ebb]) == [()]
