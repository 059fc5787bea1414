"""Days in the words of course pages and of questions."""

from __future__ import annotations

from datetime import date

import pytest

from seminar_rag.syllabus.days import Span, meet, named_days, session_at, since, spans_in
from seminar_rag.syllabus.marks import title_of


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("February 20", [((2, 20), (2, 20))]),
        ("Week 3 (8/17–19): Tides", [((8, 17), (8, 19))]),
        ("24 Jan", [((1, 24), (1, 24))]),
        ("24 Jan 19", [((1, 24), (1, 24))]),
        ("5 & 8 Nov '18", [((11, 5), (11, 5)), ((11, 8), (11, 8))]),
        ("Sep 5 & 7", [((9, 5), (9, 5)), ((9, 7), (9, 7))]),
        ("September 29 – October 3", [((9, 29), (10, 3))]),
        ("Tuesday, Oct. 4th, 2023", [((10, 4), (10, 4))]),
        ("2024-02-09", [((2, 9), (2, 9))]),
        ("24.10.2023", [((10, 24), (10, 24))]),
        ("31/1", [((1, 31), (1, 31))]),
        ("12 de março", [((3, 12), (3, 12))]),
        ("5 сентября", [((9, 5), (9, 5))]),
        ("10 вересня", [((9, 10), (9, 10))]),
        ("Τρίτη 3 Οκτωβρίου", [((10, 3), (10, 3))]),
        ("What do we read on Feb 20 and March 5?", [((2, 20), (2, 20)), ((3, 5), (3, 5))]),
        ("Chapters 3-5 of the book", []),
        ("see 45/99", []),
    ],
)
def test_days_are_understood_as_written(text: str, due: list[Span]) -> None:
    assert list(spans_in(text)) == due


@pytest.mark.parametrize(
    "line",
    [
        "Wednesday | 10/24 | Tides",
        "Week 7 (Oct 7,9): Tides",
        "Week 5 (Sep 23, Sep 25): Tides",
        "Tue Sep 5, Oct 7 Tides",
    ],
)
def test_several_meetings_are_no_part_of_a_title(line: str) -> None:
    assert title_of(line) == "Tides"
    assert title_of("Jan 5, 12 Angry Men") == "12 Angry Men"


def test_weeks_are_counted_from_a_day() -> None:
    thursday = date(2026, 12, 31)
    assert spans_in("this week", date(2026, 11, 28)) == (((11, 23), (11, 29)),)
    assert spans_in("next week", date(2026, 11, 28)) == (((11, 30), (12, 6)),)
    assert spans_in("for tomorrow", thursday) == (((1, 1), (1, 1)),)
    assert spans_in("this week", thursday) == (((12, 28), (12, 31)), ((1, 1), (1, 3)))
    assert spans_in("this week") == ()


def test_spans_meet_where_they_share_a_day() -> None:
    assert meet(((9, 5), (9, 7)), ((9, 7), (9, 9)))
    assert not meet(((9, 5), (9, 7)), ((9, 8), (9, 9)))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("What do we read on February 20?", ("February 20", ((2, 20), (2, 20)))),
        ("is there class on Friday", ("Friday", ((2, 9), (2, 9)))),
        ("and on Wednesday?", ("Wednesday", ((2, 7), (2, 7)))),
        ("what was due last Wednesday", ("last Wednesday", ((1, 31), (1, 31)))),
        ("what is due in March?", ("March", ((3, 1), (3, 31)))),
        ("what did we read last month", ("last month", ((1, 1), (1, 31)))),
        ("what is March about", None),
        ("may we read", None),
    ],
)
def test_words_of_a_question_name_days(text: str, due: tuple[str, Span] | None) -> None:
    found = list(named_days(text, date(2024, 2, 7)))
    if due is None:
        assert not found
    else:
        (start, end, spans), *more = found
        assert (text[start:end], spans) == (due[0], (due[1],))
        assert not more


def test_days_are_counted_over_new_year() -> None:
    assert since((10, 16), (10, 20)) == 4
    assert since((10, 16), (1, 8)) == 84
    assert since((10, 16), (10, 1)) == -15


@pytest.mark.parametrize(
    ("today", "session"),
    [((2026, 2, 3), 1), ((2026, 2, 4), 2), ((2026, 2, 10), 2), ((2026, 2, 11), None)],
)
def test_the_current_session_is_that_of_today_or_the_next_within_a_week(
    today: tuple[int, int, int], session: int | None
) -> None:
    dates = [(1, "Tue, Feb 3"), (2, "Feb 10, 2026"), (3, "March 3"), (4, None)]
    assert session_at(dates, date(*today)) == session
