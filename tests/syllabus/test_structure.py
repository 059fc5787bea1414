"""When what rules of structure read is taken, and when what the model reads."""

from __future__ import annotations

from seminar_rag.syllabus.assemble import IS_REQUIRED
from seminar_rag.syllabus.structure import as_told, is_exact
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


def test_what_only_the_model_tells_of_readings_is_known() -> None:
    ruled = (
        Reading("The tides", urls=("a",)),
        Reading("Boats"),
        Reading("Nets", authors="Ek"),
        Reading("Tide Search: new harbours"),
    )
    whole = Reading("Port Authority, P. (2000). Ships and harbours. Oslo.")
    learned = (
        Reading("The tides", "more", ("a",), authors="Snow"),
        Reading("Boats", "more", doubts=(IS_REQUIRED,)),
        Reading("Nets", authors="Ek, Dora"),
        Reading("Tide Search: new harbours", authors="Tide Search"),
        Reading("Ships and harbours", authors="Port Authority, P."),
    )
    given = [Session(1, "A", readings=readings) for readings in ((*ruled, whole), learned)]
    (found,) = as_told(given[:1], given[1:])
    assert [(one.title, one.section, one.authors) for one in found.readings] == [
        ("The tides", "more", "Snow"),
        ("Boats", "required", None),
        ("Nets", "required", "Ek"),
        ("Tide Search: new harbours", "required", None),
        ("Ships and harbours", "required", "Port Authority, P."),
    ]
