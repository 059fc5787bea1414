from __future__ import annotations

import numpy as np
import pytest

from seminar_rag.index.late import LENGTH, QueryWords, compare, leave_out, pack, query_words
from seminar_rag.models.embed import HashEmbedder, SentenceTransformerEmbedder, Words


def read(text: str) -> Words:
    return HashEmbedder().read([text], "question")[1][0]


def even(terms: object) -> dict[str, float]:
    return dict.fromkeys(terms, 1.0)  # type: ignore[call-overload, no-any-return]


def test_only_words_with_content_are_kept() -> None:
    assert len(pack(read("What is the router, and why?"))) == 256 // 8
    assert pack(read("and why?")) == b""


def test_a_word_is_near_to_itself_alone() -> None:
    question = query_words(read("router"), even)
    same, other, none = question.scores(
        [pack(read("a router routes")), pack(read("the tap drips")), b""]
    )
    assert same == pytest.approx(1.0 - LENGTH * np.log(3))
    assert other is not None
    assert abs(other) < 0.3
    assert none is None


def test_of_two_that_say_it_the_shorter_is_nearer() -> None:
    question = query_words(read("router"), even)
    short, long = question.scores([pack(read("a router")), pack(read("a router drips taps keys"))])
    assert short is not None
    assert long is not None
    assert short > long


def test_another_side_is_left_out_but_for_what_both_are_called() -> None:
    words = read("How do Alpha-7B and Beta-7B keep keys?")
    left = leave_out(words, "Beta-7B", "Alpha-7B")
    assert left.texts == ("how", "do", "alpha", "-", "7b", "and", "-", "7b", "keep", "keys", "?")
    assert left.vectors.shape == (11, 256)


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    rarity = {"router": 5.0, "model": 1.0}
    question = query_words(
        read("router model"), lambda terms: {term: rarity[term] for term in terms}
    )
    first, second = question.scores([pack(read("router")), pack(read("model"))])
    assert first is not None
    assert second is not None
    assert first > second


def test_the_estimate_is_that_of_the_signs() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(5, 20)).astype(np.float32)
    question = QueryWords(vectors[:2], np.asarray([0.25, 0.75], np.float32))
    packed = pack(Words(tuple("vwxyz"), vectors))
    cosines = vectors[:2] @ np.sign(vectors).T / np.sqrt(20)
    expected = float((cosines.max(axis=1) * [0.25, 0.75]).sum()) - LENGTH * np.log(6)
    assert question.scores([packed, packed])[1] == pytest.approx(expected, abs=1e-5)


def test_one_text_is_compared_exactly() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(4, 20)).astype(np.float32)
    question = QueryWords(vectors[:2], np.asarray([0.25, 0.75], np.float32))
    cosines = vectors[:2] @ vectors[1:].T
    expected = float((cosines.max(axis=1) * [0.25, 0.75]).sum())
    words = Words(("the", "valve", "router", "tap"), vectors)
    assert question.similarity(words) == pytest.approx(expected, abs=1e-5)


def test_without_content_words_the_similarity_is_zero() -> None:
    assert query_words(read("router"), even).similarity(read("and why?")) == 0.0
    assert query_words(read("why?"), even).similarity(read("a router")) == 0.0


def test_a_question_without_content_compares_nothing() -> None:
    assert query_words(read("why?"), even).scores([pack(read("router"))]) == [None]


def test_what_was_not_compared_stays_behind() -> None:
    scores = {"a": 3.0, "b": 2.9, "c": 2.8, "d": 2.7}
    found = compare(scores, {"a": 0.1, "b": 0.9, "c": None})
    assert sorted(found, key=found.__getitem__, reverse=True) == ["b", "c", "a", "d"]
    assert compare({}, {}) == {}


@pytest.mark.model
def test_words_are_read_in_their_context(minilm: SentenceTransformerEmbedder) -> None:
    text = "The river bank is muddy; a retrieval-augmented bank lends."
    vectors, (words,) = minilm.read([text], "passage")
    assert words.texts[:3] == ("the", "river", "bank")
    assert {"retrieval", "-", "augmented"} <= set(words.texts)
    assert words.vectors.shape == (len(words.texts), 384)
    assert np.allclose(np.linalg.norm(words.vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors, minilm.embed([text]), atol=2e-2)
    banks = words.vectors[[i for i, word in enumerate(words.texts) if word == "bank"]]
    river = words.vectors[1]
    assert banks[0] @ river > banks[1] @ river


@pytest.mark.model
def test_words_end_where_the_model_stops_reading(minilm: SentenceTransformerEmbedder) -> None:
    _, (words,) = minilm.read(["attention " * 400], "passage")
    assert len(words.texts) == 254
