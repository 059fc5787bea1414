from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.question import referent
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.parts import two_questions
from seminar_rag.question.pronouns import in_place
from seminar_rag.question.query import understand
from seminar_rag.question.referent import referent as stands_for
from seminar_rag.types import Turn

COMPARED = "What is the difference between rye and oats?"


def after(*questions: str) -> list[Turn]:
    return [
        turn
        for one in questions
        for turn in (Turn("user", one), Turn("assistant", "Both are grains. [1]"))
    ]


def test_after_a_comparison_one_thing_is_asked_about() -> None:
    query = understand("and what are its drawbacks?", after(COMPARED))
    assert query.intent == "against"
    assert query.topic == "rye"
    assert not query.parts


def test_a_comparison_goes_on_with_the_new_question() -> None:
    query = understand("and which one is cheaper?", after(COMPARED))
    assert query.sides == ("rye", "oats")
    assert [part.text for part in query.parts] == [
        "rye: and which one is cheaper?",
        "oats: and which one is cheaper?",
    ]


def test_what_was_not_compared_before_is_said_to_be_first() -> None:
    query = understand("how do they differ?", after("What are RYE and OATS?"))
    assert [part.text for part in query.parts] == ["What is RYE?", "What is OATS?"]


@pytest.mark.parametrize(
    ("questions", "named"),
    [
        (("What is rye bread?",), "rye bread"),
        (("What is rye bread?", "how is it baked?"), "rye bread"),
        ((COMPARED,), "rye"),
        (("What does the Sourdough paper say?",), "Sourdough"),
        (("Is it cold?",), ""),
        ((), ""),
    ],
)
def test_it_stands_for_what_was_asked_about(questions: tuple[str, ...], named: str) -> None:
    assert stands_for(after(*questions)) == named


@pytest.mark.parametrize(
    ("question", "whole"),
    [
        ("who wrote it?", "who wrote RYE?"),
        ("what are its main limits?", "what are RYE's main limits?"),
        ("what is its pre-sale price?", "what is RYE's pre-sale price?"),
        ("how is it milled to last?", "how is RYE milled to last?"),
        ("how similar is it to OATS?", "how similar is RYE to OATS?"),
        ("why is it that bread rises?", "why is it that bread rises?"),
        ("why is it important to knead it?", "why is it important to knead RYE?"),
        ("Is it true that it spoils?", "Is it true that RYE spoils?"),
        ("how long does it take to mill it?", "how long does it take to mill RYE?"),
        ("How come it rains?", "How come it rains?"),
        ("how do they mill it?", "how do they mill RYE?"),
        ("what is IT security?", "what is IT security?"),
    ],
)
def test_it_is_put_in_words(question: str, whole: str) -> None:
    assert in_place(question, "RYE") == whole


def test_they_are_several() -> None:
    whole = "what are grains' uses, and which of them last?"
    assert in_place("what are their uses, and which of them last?", "grains") == whole


def test_its_drawbacks_are_those_of_what_was_asked_about() -> None:
    query = understand("what are its drawbacks?", after("What is RYE?"))
    assert (query.intent, query.topic, query.stand_alone) == (
        "against", "RYE", "what are RYE's drawbacks?",
    )  # fmt: skip


@pytest.mark.parametrize("question", ["And OATS?", "What about RYE?", "is OATS a grain?"])
def test_who_names_one_of_two_no_longer_compares(question: str) -> None:
    assert not understand(question, after("What is the difference between RYE and OATS?")).parts


def test_it_is_the_one_of_two_that_is_named() -> None:
    before = after("What is the difference between RYE and OATS?")
    query = understand("What about OATS and how is it milled?", before)
    assert query.parts[1].label == "how is OATS milled?"


@pytest.mark.parametrize(
    ("question", "second"),
    [
        ("What is rye and what is wheat?", "what is wheat?"),
        ("What did they find and was it significant?", "was it significant? find"),
        ("What is rye and who teaches this course?", "who teaches this course?"),
        ("What is rye and who found this grain?", "who found this grain? rye"),
        ("What is rye and which are the fields that grow oats?",
         "which are the fields that grow oats?"),
        ("What is ergotism? Is there a cure?", "Is there a cure? ergotism"),
        ("What is ergotism and is there a cure for scurvy?", "is there a cure for scurvy?"),
        ("What are grains and how do they grow?", "how do grains grow?"),
    ],
)  # fmt: skip
def test_a_second_question_is_searched_with_the_first_ones_subject_if_it_lacks_one(
    question: str, second: str
) -> None:
    assert two_questions(question)[1].text == second


def test_two_questions_of_a_follow_up_are_about_what_was_asked_before() -> None:
    query = understand("how is it spread and is there a cure?", after("What is ergotism?"))
    assert [part.text for part in query.parts] == [
        "how is ergotism spread?",
        "is there a cure? ergotism",
    ]


def test_the_weights_belong_to_the_examples() -> None:
    fitted_to = referent.rows(read_examples(referent.DATA))
    assert read_weights(referent.DATA)[1] == digest(fitted_to), (
        "examples or the reading of words changed: python benchmarks/questions.py --fit"
    )


@pytest.mark.slow
def test_questions_after_a_comparison_that_were_left_out_are_told() -> None:
    bench = benchmark("questions")
    examples = list(read_examples(referent.DATA))
    weights = bench.weights_of(
        referent.rows(one for i, one in enumerate(examples) if i % 5), bench.RUN
    )
    left = examples[::5]
    told = 0
    for name, text in left:
        found = weights.probabilities(bench.followup.shape(text, weights.terms))
        told += max(found, key=found.__getitem__) == name
    assert told > 0.8 * len(left)


def test_what_two_questions_of_one_form_share_is_told_with_the_last() -> None:
    first, second = two_questions("How many fell ill and how many died in the 1918 flu?")
    assert (first.label, first.text) == (
        "How many fell ill?",
        "How many fell ill in the 1918 flu?",
    )
    assert second.text == "how many died in the 1918 flu?"
    assert two_questions("How many fell ill in May and how many died in June?")[0].text == (
        "How many fell ill in May?"
    )
    assert two_questions("What is rye and how is it milled in June?")[0].text == "What is rye?"


@pytest.mark.parametrize(
    "question",
    [
        "What is rye and what is the use of oats in bread?",
        "Who wrote on rye and who is the author of the book on oats?",
        "How many grains does rye have and how many are used in oat bread?",
        "How many farms grow RYE and how many grains are counted in OATS?",
    ],
)
def test_a_question_with_a_subject_of_its_own_shares_nothing_with_the_last(question: str) -> None:
    first = two_questions(question)[0]
    assert first.text == first.label


def test_a_session_named_with_the_second_question_does_not_limit_the_first() -> None:
    assert understand("What is RYE, and what is OATS in session 5?").scope is None
    for whole in ("In session 5, what is RYE and how is it milled?", "What is RYE in session 5?"):
        assert understand(whole).scope is not None


@pytest.mark.parametrize(
    ("question", "second"),
    [
        ("in which week do we talk about rye and what should I read for it", "for rye?"),
        ("when do we discuss rye and who wrote it?", "who wrote rye?"),
        ("What is rye used for and how does it rise?", "how does rye rise?"),
        ("How is rye milled and in which countries is it grown?", "is rye grown?"),
    ],
)
def test_the_subject_of_a_question_that_people_do_something_with(
    question: str, second: str
) -> None:
    assert understand(question).parts[1].label.endswith(second)


def test_what_has_no_verb_of_its_own_is_no_second_question() -> None:
    assert not two_questions("How many loaves were baked, and from how many mills?")
