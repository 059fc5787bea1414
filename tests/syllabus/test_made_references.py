"""Made-up references teach every kind of work, the same ones each time."""

from __future__ import annotations

from collections import Counter

from bench import benchmark
from seminar_rag.syllabus.kinds import trained_kinds
from seminar_rag.types import WORK_KINDS

made = benchmark("made_references")
TITLES = {"paper": ["A Study of Tides"], "book": ["The Sea"]}
NAMES = ["Ada Byron", "Karl Weier", "Mia Olsen"]


def test_each_kind_is_made_as_often_and_alike_each_time() -> None:
    first = list(made.references(TITLES, NAMES, 20))
    assert Counter(one.kind for one in first) == dict.fromkeys(WORK_KINDS, 20)
    assert first == list(made.references(TITLES, NAMES, 20))
    assert {one.title for one in first if one.kind == "book"} == {"The Sea"}
    assert all("{" not in f"{one.after}{one.urls}" for one in first), "nothing is left to fill"


def test_the_weights_have_a_class_for_each_kind() -> None:
    columns, forest = trained_kinds()
    assert forest.classes == len(WORK_KINDS)
    assert sorted(columns.values()) == list(range(len(columns)))
