"""When what rules of structure read is taken, and when what the model reads."""

from __future__ import annotations

from seminar_rag.syllabus.structure import is_exact
from seminar_rag.types import Reading, Session

TITLES = ("Mirrors for Radio", "Seeing Through Walls", "Counting Steps", "Hearing Breath")


def sessions(*titles: str) -> list[Session]:
    """A session for each title, with one reading, called so, at an address of its own."""
    return [
        Session(n, f"Week {n}", (), (Reading(title, "required", (f"https://e.org/{n}",)),), (), "p")
        for n, title in enumerate(titles, 1)
    ]


def test_rules_are_exact_where_both_find_the_same() -> None:
    assert is_exact(sessions(*TITLES), sessions(*TITLES), [])


def test_rules_are_not_exact_where_readings_would_have_one_title() -> None:
    assert not is_exact(sessions(*["Paper conversation"] * 4), sessions(*TITLES), [])
