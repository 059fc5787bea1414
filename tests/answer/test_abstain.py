from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from passages import hit

from seminar_rag.answer.abstain import Relevance, missing_names, uncounted
from seminar_rag.question.query import understand
from seminar_rag.types import Hit

MODEL = hit("Mixtral 8x7B routes each token to two of 8 experts.", "Mixtral of Experts")
GUARD = hit("Llama Guard judges prompts by a policy of six categories.", "Llama Guard")


def rarity(terms: Sequence[str]) -> Mapping[str, float]:
    return dict.fromkeys(terms, 3.0)


def reason(question: str, *hits: Hit) -> str | None:
    return Relevance(rarity).reason(understand(question), hits)


def test_what_the_passages_cover_is_answered() -> None:
    assert reason("How many experts does Mixtral 8x7B have?", MODEL) is None
    query = understand("How does Mixtral route a token?")
    assert Relevance(rarity).answerable(query, [MODEL])


def test_nothing_found_is_a_reason() -> None:
    assert reason("What is a router?") == "nothing was found"


def test_what_is_far_in_meaning_and_words_is_refused() -> None:
    far = hit("Llama Guard judges prompts.", cosine=0.05)
    assert reason("my kitchen tap is dripping, how do I fix it", far) == (
        "no passage that was found mentions “kitchen” or “tap”"
    )


def test_the_meaning_counts_for_more_than_the_words() -> None:
    judge = Relevance(rarity)
    query = understand("why is memory short")
    assert judge.answerable(query, [hit("The cache overflows.", cosine=0.4)])
    query = understand("why tokens and experts")
    assert not judge.answerable(query, [hit("tokens and experts", cosine=0.1)])


def test_confidence_grows_with_likeness_and_with_words() -> None:
    judge = Relevance(rarity)
    near, far = hit("tokens and experts"), hit("tokens and experts", cosine=0.1)
    assert judge.confidence("tokens", [near]) > judge.confidence("tokens", [far])
    assert judge.confidence("tokens", [near]) > judge.confidence("bananas", [near])


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What is Mixtral 8x7B?", []),
        ("what is mixtral-8x7b?", []),
        ("How fast is ColBERT?", ["ColBERT"]),
        ("How large is the Mixtral 9 tokenizer?", ["Mixtral 9"]),
        # of a long run of names, each may stand elsewhere
        ("Does the Mixtral MoE 8x7B Experts paper say so?", ["Mixtral MoE 8x7B Experts"]),
        ("Does the Experts Mixtral 8x7B paper say so?", []),
        ("Why do RL-based routers fail?", ["RL"]),
        ("Why does Mixtral's router work?", []),
    ],
)
def test_names_that_no_passage_mentions(question: str, missing: list[str]) -> None:
    assert missing_names(understand(question), [MODEL, GUARD]) == missing


def test_authors_count_as_mentioned() -> None:
    query = understand("What does Gozalo say?")
    assert missing_names(query, [hit("Text here.", authors="Ana Gozalo")]) == []


@pytest.mark.parametrize(
    ("question", "noun"),
    [
        ("How many experts does Mixtral have?", None),
        ("How many parameters does Mixtral have?", "parameters"),
        ("How many categories are in the policy?", None),
        ("Why are there experts?", None),
        # the passage with the number has to be about what is asked of
        ("How many experts does Llama Guard have?", "experts"),
        ("How many experts do Mixtral and Llama Guard have?", None),
        ("How many policy categories scored Mixtral's replies?", "policy categories"),
        ("By how many categories per policy does it judge?", None),
        ("Why is it hard to say how many parameters are enough?", None),
        ("How long does it take, in hours?", "hours"),
        ("What learning rate was used for Mixtral?", "rate"),
        ("what value of beta did they use?", "beta"),
        ("Which value does it judge by?", "value"),
    ],
)
def test_numbers_of_what_is_counted(question: str, noun: str | None) -> None:
    assert uncounted(understand(question), [MODEL, GUARD], rarity) == noun


def test_an_abbreviation_counts_the_same() -> None:
    query = understand("how many params does it have?")
    assert uncounted(query, [hit("It has 7 billion parameters.")], rarity) is None


def test_the_number_of_something_else_about_the_same_things_is_no_answer() -> None:
    children = hit("We took samples of 424 children, whose median age was 15 months.")
    question = "how many children died of measles in winter?"
    assert uncounted(understand(question), [children], rarity) == "children"
    told = hit("We took 424 samples of swabs.", "Measles of Children in Winter")
    asked = "how many swabs were taken of children with measles in winter?"
    assert uncounted(understand(asked), [told], rarity) is None  # its title says of whom
    died = hit("In that winter 12 children died of it.")
    assert uncounted(understand(question), [children, died], rarity) is None


def test_a_question_in_another_language_is_told_which_one_the_readings_are_in() -> None:
    far = hit("The cache overflows when it is full and there is no space for a key.", cosine=0.1)
    assert reason("Was ist der Vorrat und wie geht es?", far) == (
        "Die Texte sind auf Englisch; bitte auf Englisch fragen"
    )
    assert reason("why is the kitchen tap dripping?", far) == (
        "no passage that was found mentions “kitchen” or “tap”"
    )


@pytest.mark.parametrize("source", ["the course", "our class", "this seminar", "the readings"])
def test_the_course_as_source_is_no_word_that_passages_have(source: str) -> None:
    far = hit("The policy is updated in the course of training.", cosine=0.2)
    assert reason(f"What does {source} say about climate policy?", far) == (
        "no passage that was found mentions “climate”"
    )
    assert reason("Which course has the policy in training?", far) is None
