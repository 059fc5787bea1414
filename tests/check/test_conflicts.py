"""What the rules see: numbers with units and bounds, opposites, negations."""

from __future__ import annotations

import pytest

from seminar_rag.check.conflicts import find_conflict
from seminar_rag.check.features import compare
from seminar_rag.check.terms import Term, same_number, terms
from seminar_rag.models.embed import HashEmbedder


def number(text: str) -> Term:
    (found,) = [term for term in terms(text) if term.kind == "number"]
    return found


def kind(claim: str, *sentences: str) -> str | None:
    held = compare(claim, sentences, HashEmbedder().embed)
    found = find_conflict(claim, sentences, held)
    return found.kind if found else None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a third of them", "33% of them"),
        ("two-thirds of them", "66.7%"),
        ("about 65,500 words", "65,536 words"),
        ("About 2,000 households", "2,041 households"),
        ("Roughly 40%", "41%"),
        ("twice as fast", "2x as fast"),
        ("41 per cent", "41%"),
        ("76.25\u00a0million", "76,250,000"),
        ("48GB of it", "48 GB"),
    ],
)
def test_the_same_number_is_written_in_many_ways(one: str, other: str) -> None:
    values = [term for term in terms(one) if term.kind == "number"]
    assert same_number(values[-1], number(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4% of it", "4 bits"),
        ("16 GB", "16 bits"),
        ("30 minutes", "30 seconds"),
        ("4% of it", "0.4%"),
        ("65,000 words", "65,536 words"),
        ("nearly 100% of it", "60%"),
        ("about 2,000 words", "2,641 words"),
        ("doubles", "two predictions"),
    ],
)
def test_units_tell_numbers_apart(one: str, other: str) -> None:
    assert not same_number(number(one), number(other))


def test_a_unit_behind_a_range_holds_for_both_ends() -> None:
    assert [term.unit for term in terms("61 and 63%")] == ["%", "%"]
    assert [term.value for term in terms("5 to 500 billion")] == [5e9, 5e11]
    assert [term.value for term in terms("2018–19")] == [2018, 2019]
    assert [term.value for term in terms("2018-03 and 2001-02-03")] == [2018, 3, 2001, 2, 3]
    assert [term.kind for term in terms("a third house")] == ["number", "word"]
    assert number("a third house").value == 3


@pytest.mark.parametrize(
    ("claim", "sentence", "found"),
    [
        # bounds
        ("The model has memorised no more than 1% of its text.",
         "The model has memorised at least 1% of its text.", "number"),
        ("The model has memorised no less than 1% of its text.",
         "The model has memorised at least 1% of its text.", None),
        # names of versions, and others
        ("Jamba9 won the prize for young founders in Perth.",
         "Jamba3 won the prize for young founders in Perth.", "name"),
        ("Jones won the prize for young founders in Perth.",
         "Smith won the prize for young founders in Perth.", None),
        ("About 2,000 households in the north were reached by the first survey.",
         "The first survey reached 2,041 households in the north.", None),
        ("The survey of the northern farms ran from 2018 to 2019.",
         "The survey of the northern farms ran in 2018–19.", None),
        # exchanged sides
        ("The queries come from the encoder while the keys come from the decoder.",
         "The queries come from the decoder while the keys come from the encoder.", "order"),
        ("The boats and the carts carried salt to the town by night.",
         "The carts and the boats carried salt to the town by night.", None),
        ("The variety of the data was covered better by the second model.",
         "The data's variety was covered better by the second model.", None),
        # opposites
        ("Merging is done in lower precision because of the rounding errors.",
         "Merging is done in higher precision because of the rounding errors.", "opposite"),
        ("The barge is smaller than the ferry on the lake.",
         "The ferry is larger than the barge on the lake.", None),
        ("A low-rank update gives the old model a faster training on one card.",
         "The update gives the old model a higher speed of training on one card.", None),
        ("The team merged the maps in a low-cost way for the harbour.",
         "The team merged the maps in a high-cost way for the harbour.", "opposite"),
        ("A top-down method of three steps gave the town good roads.",
         "A method of three steps gave the town good roads and lower rents.", None),
        ("High-resource languages were left to the second model of the team.",
         "Low resource languages were left to the second model of the team.", "opposite"),
        ("Bergen is the second-largest town on the coast of the country.",
         "Bergen is the second-smallest town on the coast of the country.", "opposite"),
        ("The mill brought a higher-than-expected income to the whole town.",
         "The mill brought a lower than expected income to the whole town.", "opposite"),
        # words that claim more
        ("It is an all-purpose clay of the northern river.",
         "It is a clay of the northern river.", "widened"),
        # negations
        ("The old network was never trained again after the winter.",
         "The old network was trained again after the winter.", "negation"),
        ("No boat that was not repaired sailed to the town.",
         "Boats that were repaired sailed to the town.", None),
    ],
)  # fmt: skip
def test_what_a_rule_sees(claim: str, sentence: str, found: str | None) -> None:
    assert kind(claim, sentence, "Something else stands here.") == found


def test_a_number_that_the_best_sentence_has_is_not_held_against_another() -> None:
    claim = "A model of 65 billion numbers was tuned on one card with 48 GB."
    said = "It tuned a model of 65 billion numbers on one card with 48 GB while keeping quality."
    other = "Tuning a model of 65 billion numbers on a card in 16 bits takes 780 GB."
    assert kind(claim, other, said) is None


def test_a_name_that_a_sentence_has_is_not_held_against_another() -> None:
    claim = "BoX improves the width and the speed but hurts the calm and the quiet."
    said = "BoX improves speed and width while hurting the quiet and the calm."
    other = "BigRig: one measure plus five parts - calm, width, quiet, weight, and speed improves."
    assert kind(claim, other, "Nothing is said here at all.", said) is None
    assert kind(claim, other) == "name"


def test_a_clause_that_no_sentence_has_makes_a_verdict_partly() -> None:
    sentence = "The kiln was lit at dawn by the two oldest potters of the town."
    own = "The kiln was lit at dawn by the two oldest potters"
    assert kind(f"{own}.", sentence) is None
    assert (
        kind(f"{own}, while the bishop sold salt from the northern harbour.", sentence) == "clause"
    )


def test_an_ordinary_name_is_held_against_a_sentence_that_is_nearly_the_same() -> None:
    sentence = "In 1954 the orchestra was founded by Marta Lind in the old town hall."
    claim = "In 1954 the orchestra was founded by Marta Bergman in the old town hall."
    assert kind(claim, sentence) == "name"
    assert kind("The orchestra of Bergman played in many towns.", sentence) is None
