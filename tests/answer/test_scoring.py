from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files

import pytest
from passages import hit

from seminar_rag.answer.candidates import Candidate, candidates
from seminar_rag.answer.scoring import (
    ENOUGH_WORDS,
    FEATURES,
    FIRST_FEATURES,
    MARGIN,
    MOST,
    QuestionWords,
    choose,
    first_score,
    score,
    similarity_features,
    text_features,
)
from seminar_rag.types import Hit


def rarity(terms: Sequence[str]) -> Mapping[str, float]:
    return {term: 6.0 if term == "quokka" else 2.0 for term in terms}


QUESTION = QuestionWords("Where does a quokka sleep?", rarity)


def one_of(passage: Hit, rank: int = 1) -> Candidate:
    return next(candidates(rank, passage))


def test_a_rare_word_is_a_larger_share_of_the_question() -> None:
    question = QuestionWords("Where does a quokka sleep?", rarity)
    assert question.share({"quokka"}) == pytest.approx(0.75)
    assert question.share({"quokka", "sleep", "cave"}) == pytest.approx(1.0)
    assert QuestionWords("", rarity).share({"quokka"}) == 0.0


def test_the_text_features_of_a_candidate() -> None:
    passage = hit("# Quokka habits\nThey sleep in caves as is shown in the figure.", "Animals")
    question = QuestionWords("Where does a quokka sleep?", rarity)
    features = text_features(question, one_of(passage), 2, passage)
    assert features["said"] == pytest.approx(0.25)
    assert features["opens"] == pytest.approx(0.25)
    assert features["passage"] == pytest.approx(1.0)
    assert features["rank"] == 0.5
    assert features["length"] == pytest.approx(10 / 25)
    assert features["asks"] == features["many"] == 0.0


def test_the_weights_are_of_the_features_and_say_what_they_were_fitted_on() -> None:
    text = files("seminar_rag.answer").joinpath("quotation_weights.json").read_text("utf-8")
    data = json.loads(text)
    passage = hit("A quokka sleeps in caves.")
    plain = text_features(QuestionWords("quokka?", rarity), one_of(passage), 1, passage)
    every = {**plain, **similarity_features(0.5, 0.5)}
    assert set(data["weights"]) == set(FEATURES) <= set(every)
    assert set(data["weights without the model"]) == set(FIRST_FEATURES) <= set(plain)
    assert data["provenance"]["fitted by"] == "benchmarks/quotations.py --fit"
    measured = data["provenance"]["evidence quoted in full, weights fitted on the other sets"]
    assert all(one["n"] and len(one["interval"]) == 2 for one in measured.values())


def test_what_is_nearer_to_the_question_scores_higher() -> None:
    passage = hit("A quokka sleeps in caves.")
    plain = text_features(QuestionWords("quokka?", rarity), one_of(passage), 1, passage)
    near = score({**plain, **similarity_features(0.6, 0.6)})
    far = score({**plain, **similarity_features(0.2, 0.2)})
    assert near > far
    lower = text_features(QuestionWords("quokka?", rarity), one_of(passage), 8, passage)
    assert first_score(plain) > first_score(lower)


def named(*texts: str) -> list[Candidate]:
    return [one_of(hit(text, f"T{i}"), i) for i, text in enumerate(texts, 1)]


def test_the_best_come_first_and_what_is_much_worse_is_left_out() -> None:
    found = named("Caves are cool in summer.", "Trees are green all year.", "Rain falls at night.")
    assert choose(QUESTION, found, [1.0, 2.0, 2.0 - MARGIN - 0.1]) == [found[1], found[0]]


def test_of_many_that_are_alike_the_best_is_chosen_alone() -> None:
    found = named("Caves are cool in summer.", "Trees are green all year.", "Rain falls at night.")
    some, scores = [*found[:2], *[found[2]] * 30], [2.0, 1.0, *[0.9] * 30]
    assert choose(QUESTION, some, scores, share=0.06) == [found[0]]
    assert choose(QUESTION, found[:2], scores[:2], share=0.06) == found[:2]


def test_what_repeats_a_better_candidate_is_left_out() -> None:
    found = named("Caves are cool in summer.", "In summer caves are cool.", "Rain falls at night.")
    assert choose(QUESTION, found, [3.0, 2.0, 1.0]) == [found[0], found[2]]


def test_no_sentence_is_chosen_twice() -> None:
    found = list(candidates(1, hit("Caves are cool in summer. They are dry in most winters.")))
    assert [len(one.sentences) for one in found] == [1, 2]
    assert choose(QUESTION, found, [1.0, 2.0]) == [found[1]]


def test_a_long_answer_gets_no_longer() -> None:
    long = [f"{' '.join([word] * 70).capitalize()}." for word in ("caves", "trees", "stones")]
    found = named(*long, "Rain falls at night.")
    chosen = choose(QUESTION, found, [4.0, 3.0, 2.9, 2.8])
    assert chosen == [found[0], found[3]]
    assert sum(one.words for one in chosen) <= ENOUGH_WORDS


def test_at_most_a_few_are_chosen() -> None:
    texts = [f"{word} is what it is called." for word in ("Ava", "Bo", "Cid", "Dee", "Eve", "Fay")]
    found = named(*(f"{text} {text[:3]}stone keeps {text[:2]}water." for text in texts))
    assert len(choose(QUESTION, found, [1.0] * len(found))) <= MOST


def test_what_brings_in_more_of_the_question_is_preferred() -> None:
    found = named("A wombat digs deep holes.", "Trees are green all year.", "A quokka rests there.")
    assert choose(QUESTION, found, [3.0, 2.0, 1.5])[1] == found[2]


def test_what_begins_with_the_words_of_the_question_scores_higher() -> None:
    question = QuestionWords("What is a quokka?", rarity)

    def scored(text: str) -> float:
        passage = hit(text)
        plain = text_features(question, one_of(passage), 1, passage)
        return score({**plain, **similarity_features(0.5, 0.5)})

    assert scored("A quokka is a small animal.") > scored("Small animals include the quokka.")


def test_what_asks_itself_scores_lower() -> None:
    question = QuestionWords("Which kinds of caves are there?", rarity)

    def scored(text: str) -> float:
        passage = hit(text)
        plain = text_features(question, one_of(passage), 1, passage)
        return score({**plain, **similarity_features(0.5, 0.5)})

    said = scored("The kinds of caves are dry ones and wet ones.")
    assert said > scored("Which are the kinds of caves that are wet now?")


def test_nothing_comes_of_nothing() -> None:
    assert choose(QUESTION, [], []) == []
