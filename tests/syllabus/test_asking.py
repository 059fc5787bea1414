"""A second opinion on doubtful entries: what is asked, and that a title stands on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes import ScriptedChooser, ScriptedLLM
from seminar_rag.syllabus import asking
from seminar_rag.syllabus.asking import Doubtful, doubtful, opinions, verbatim
from seminar_rag.syllabus.assemble import IS_READING, IS_TITLE
from seminar_rag.types.catalogue import ListedReading, ListedSession, Opinion

LINES = (
    "Week 2: Tides",
    "Required",
    "Lind, M. (2004). How harbours silt up: A study. Journal of Coasts 12(3)",
    "Guest lecture by Jo Berg",
    "Week 3: Locks",
)
STUDY = ListedReading("study", "How harbours silt up", "Lind, M.", doubt=IS_TITLE)
GUEST = ListedReading("guest", "Guest lecture by Jo Berg", doubt=f"{IS_READING} Is it required?")
SURE = ListedReading("sure", "Another", doubt="Is it required?")
WEEK = ListedSession(2, "Tides", readings=(STUDY, GUEST, SURE))


class ScriptedReader(ScriptedChooser, ScriptedLLM):
    """Says Yes with a probability, and writes the titles that were put into it."""

    def __init__(self, yes: float, *titles: str) -> None:
        ScriptedChooser.__init__(self, yes, 1 - yes)
        ScriptedLLM.__init__(self, *titles)

    def weigh(self, *_: object) -> Any:
        raise NotImplementedError


def test_doubtful_entries_are_asked_about_with_what_stands_around_them() -> None:
    model = ScriptedReader(0.2, "“How harbours silt up: A study”\nIt is by Lind.")
    asked = doubtful([WEEK], LINES)
    assert [one.entry.id for one in asked] == ["study", "guest"]
    found = {one.entry.id: opinion for one, opinion in opinions(model, asked)}
    assert model.asked[0].messages[-1].content == f"Line: {LINES[2]}\nTitle:"
    (reading,) = model.questions
    assert {answer for _, answer in model.examples} == {"Yes", "No"}
    assert reading.startswith("Session: Tides\nPage:\n  Week 2: Tides\n  Required\n  Lind, M.")
    assert "\n> Guest lecture by Jo Berg\n  Week 3: Locks\n" in reading
    assert found == {
        "study": Opinion(None, "How harbours silt up: A study", "scripted"),
        "guest": Opinion(0.2, "", "scripted"),
    }


@pytest.mark.parametrize(
    "invented",
    ["How Harbours Silt Up", "How harbours silt up: Another study", "arbours silt up", "", "“”"],
)
def test_a_title_that_does_not_stand_on_the_page_is_dropped(invented: str) -> None:
    (one, _) = doubtful([WEEK], LINES)
    ((_, opinion),) = opinions(ScriptedReader(0.5, invented), [one])
    assert opinion == Opinion(None, "", "scripted")


def test_white_space_alone_may_differ() -> None:
    assert verbatim("harbours   silt\nup", LINES[2]) == "harbours silt up"
    assert verbatim("Lind, M. (2004)", LINES[2]) == "Lind, M. (2004)"


def test_of_a_long_line_the_part_around_the_title_is_asked_about() -> None:
    line = f"{'word ' * 300}{STUDY.title}: A study. {'word ' * 300}"
    (one,) = doubtful([replace(WEEK, readings=(STUDY,))], (line,))
    assert len(one.text) <= asking.LONGEST
    assert f"{STUDY.title}: A study." in one.text


def test_an_entry_that_is_not_found_on_the_page_is_asked_about_alone() -> None:
    (one,) = doubtful([replace(WEEK, readings=(STUDY,))], ("Another page",))
    assert one == Doubtful(STUDY, "Tides", STUDY.title)


def test_it_stops_between_two_entries() -> None:
    model, stopped = ScriptedReader(0.5, STUDY.title), False
    asked = doubtful([WEEK], LINES)
    told = opinions(model, asked, lambda: stopped)
    next(told)
    stopped = True
    assert list(told) == []
    assert model.questions == []
