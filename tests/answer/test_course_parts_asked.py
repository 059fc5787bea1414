"""Questions that name a part of the course, by its number or by its title."""

from __future__ import annotations

import pytest

from seminar_rag.answer.course_parts import about_part, understood
from seminar_rag.question.query import Query, understand
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession

TITLES = ("Tides", "Waves", "Currents", "Salt", "Ice", "Storms")


def course(*parts: str) -> tuple[ListedSession, ...]:
    return tuple(
        ListedSession(
            n + 1,
            title,
            readings=(ListedReading(f"r{n}", f"On {title}"),),
            date=f"May {n + 1}",
            part=parts[n * len(parts) // len(TITLES)] if parts else None,
        )
        for n, title in enumerate(TITLES)
    )


NUMBERED = course("Part I: Understanding", "Part II: Using", "Part III: Evaluation and trust")
NAMED = course("Network Security", "Human Factors")
WEEKS = course("[Week 1]", "[Week 2]", "[Week 3]")
PORTUGUESE = course("📅 Módulo 1", "📅 Módulo 2")
PLAIN = course()


def asked(text: str, sessions: tuple[ListedSession, ...]) -> tuple[Query, str]:
    query = understood(text, sessions, understand)
    told = about_part(Catalogue(None, (), sessions), query)
    return query, told.text if told else ""


@pytest.mark.parametrize(
    ("sessions", "text", "numbers"),
    [
        (NUMBERED, "What is in part II?", (3, 4)),
        (NUMBERED, "what do we read in unit 3?", (5, 6)),
        (NUMBERED, "Which sessions belong to the part on evaluation?", (5, 6)),
        (NUMBERED, "List the readings of module 2", (3, 4)),
        (NUMBERED, "What is the Using part about?", (3, 4)),
        (NUMBERED, "How many readings does part one have?", (1, 2)),
        (NUMBERED, "How many sessions are in Part II?", (3, 4)),
        (NUMBERED, "readings of parts 2 and 3", (3, 4, 5, 6)),
        (NUMBERED, "what is in the second part?", (3, 4)),
        (NUMBERED, "which papers do we read in the last part of the course?", (5, 6)),
        (NAMED, "what is in part 2?", (4, 5, 6)),
        (NAMED, "What do we read in Network Security?", (1, 2, 3)),
        (WEEKS, "what do we read in week 3?", (5, 6)),
        (PORTUGUESE, "what is in módulo 2?", (4, 5, 6)),
    ],
)
def test_a_part_is_answered_from_the_list(
    sessions: tuple[ListedSession, ...], text: str, numbers: tuple[int, ...]
) -> None:
    query, told = asked(text, sessions)
    assert query.sessions == numbers
    assert query.text == text == query.stand_alone
    assert all(f"On {TITLES[number - 1]} (" in told for number in numbers)
    assert f"(May {numbers[0]} to May {numbers[-1]}) has {len(numbers)} sessions, " in told


def test_a_part_that_does_not_exist_is_said_not_to() -> None:
    _, told = asked("what is in part 7?", NUMBERED)
    assert told.startswith("The course page names no part 7; its parts are “Part I: Understanding”")
    _, told = asked("what do we read in unit 2?", PLAIN)
    assert told == "The course page names no unit 2."


@pytest.mark.parametrize(
    "text",
    [
        "In part II, what is said about trust?",
        "What do the readings in the Using part say about memory?",
    ],
)
def test_what_the_readings_of_a_part_say_is_searched_for_in_them(text: str) -> None:
    query, told = asked(text, NUMBERED)
    assert not told
    assert query.scope is not None
    assert query.scope.sessions == {3, 4}
    assert query.stand_alone == text


@pytest.mark.parametrize(
    "text",
    [
        "what is part of speech tagging?",
        "which part of the model is frozen?",
        "what unit is perplexity in?",
        "what does part II of Leviathan argue?",
        "what is in part 2 of the paper?",
        "what is a unit test?",
        "what is the attention module about?",
        "what is network security?",
        "how is trust measured in network security?",
        "which part of the evaluation is hardest?",
        "what part I should read aloud?",
        "what is the difference between part 1 and part 2?",
        "what is the most important part?",
        "what happens in the second part of the experiment?",
        "why is the first module trained separately?",
    ],
)
@pytest.mark.parametrize("sessions", [NUMBERED, NAMED, WEEKS, PLAIN])
def test_questions_about_content_are_left_alone(
    sessions: tuple[ListedSession, ...], text: str
) -> None:
    assert understood(text, sessions, understand) == understand(text)
