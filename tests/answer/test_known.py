"""What is known of a passage beside its sentences."""

from __future__ import annotations

import pytest
from passages import hit

from seminar_rag.answer.attribution import Attribution
from seminar_rag.answer.known import (
    about,
    by_side,
    called_by,
    known_of,
    named_in,
    spoken_of,
    told_apart,
)
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.question.query import understand

BOTH = hit(
    "Sailing uses the wind. It needs no crew at all. Night sailing uses lamps and a large crew.",
    "Boats and how to move them",
)
SIDES = ("sailing", "night sailing")


def test_a_passage_counts_as_naming_the_work_that_it_is_from() -> None:
    one = hit("Of the studies, 64.3% are about rowing.", "Boat Crew Costs for Sea Explorers")
    claim = "64.3% of the BCC4SE studies are about rowing."
    assert known_of(claim, one.document, one.passage).endswith(" BCC4SE")
    check = BuiltinVerifier(HashEmbedder().embed)
    assert Attribution(check, (one,)).cites(claim) == [1]
    assert Attribution(check, (hit(one.passage.text, "Of ships"),)).cites(claim) == []


def test_a_passage_need_not_say_what_the_question_calls_its_reading_by() -> None:
    first = hit("Written for Eastport College by its rowers.", "Estimates of crews")
    told = hit("The crews brought ropes, spare oars and a lamp.", "Estimates of crews")
    other = hit("Eastport College has no boats.", "Of ships")
    works = understand("What did the crews in the Eastport College report bring?").works
    called = called_by(works, (first, told))
    claim = "The crews in the Eastport College report brought ropes, spare oars and a lamp."
    check = BuiltinVerifier(HashEmbedder().embed)
    assert works == ("Eastport College",)
    assert Attribution(check, (first, told), called=called).cites(claim) == [2]
    assert Attribution(check, (first, told)).cites(claim) == []
    elsewhere = called_by(works, (told, other))  # nothing says that this is of the college
    assert Attribution(check, (told, other), called=elsewhere).cites(claim) == []


def test_a_name_inside_another_is_not_named() -> None:
    assert named_in("Night sailing is fun.", SIDES) == ["night sailing"]
    assert named_in("Night sailing is sailing.", SIDES) == ["night sailing", "sailing"]


def test_a_sentence_speaks_of_what_was_named_last() -> None:
    passage = BOTH.passage
    told = [[passage.quote(one)[:7] for one in about(passage, s, SIDES).sentences] for s in SIDES]
    assert told == [["Sailing", "It need"], ["Night s"]]


def test_what_is_said_of_each_side_has_to_be_said_of_it() -> None:
    check = Attribution(BuiltinVerifier(HashEmbedder().embed), (BOTH,), sides=SIDES)
    right = "Sailing uses the wind, while night sailing uses lamps and a large crew."
    wrong = "Sailing uses lamps and a large crew, while night sailing uses the wind."
    assert list(by_side(wrong, SIDES)) == ["sailing", "night sailing"]
    assert check.cites(right) == [1]
    assert check.cites(wrong) == []
    assert check.nearest(wrong) is None


@pytest.mark.parametrize(
    ("text", "sides", "spoken"),
    [
        ("The wear of oars is slow; sails tear.", ("wear of the oars", "sails"), 2),
        ("Moving a boat is one thing, and sails another.", ("moving a heavy boat", "sails"), 2),
        ("Sails tear. They are mended.", ("wear of the oars", "sails"), 1),
        ("Night sailing uses lamps.", SIDES, 1),
    ],
)
def test_a_side_is_spoken_of_in_other_words_than_the_question_has(
    text: str, sides: tuple[str, ...], spoken: int
) -> None:
    assert len(spoken_of(text, sides)) == spoken


def test_sides_that_no_words_tell_apart_are_not_looked_for() -> None:
    assert told_apart(["WHO", "CDC"]) == ["CDC"]
    assert len(told_apart(["C++", "C#"])) == 1
    assert told_apart(["sailing", "night sailing"]) == ["sailing", "night sailing"]


def test_a_side_is_spoken_of_in_short_or_in_full() -> None:
    sides = ("BCCs", "sailing on a lake")
    told = "Boat crew costs are high, those of sailing on a lake are low."
    assert spoken_of(told, sides) == list(sides)
    assert spoken_of("BCCs are high.", ("boat crew costs", "fares")) == ["boat crew costs"]
    assert list(by_side(told, sides)) == ["BCCs", "sailing on a lake"]
