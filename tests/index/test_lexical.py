from __future__ import annotations

import random
from pathlib import Path
from typing import cast

import pytest

from index.test_retrieve import found, put
from memory import MemoryVectors
from seminar_rag.index import lexical
from seminar_rag.index.lexical import abbreviations, misspelt, spelling_candidates
from seminar_rag.index.retrieve import Retriever
from seminar_rag.index.sqlite import Ratings, Sqlite
from seminar_rag.index.store import Store
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.text import spaced, words


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (
            "We study retrieval-augmented generation (RAG) here.",
            [("RAG", "retrieval-augmented generation")],
        ),
        (
            "Grouped-query attention (GQA) and language models (LMs).",
            [("GQA", "grouped-query attention"), ("LM", "language models")],
        ),
        ("It rests. Low rank adapters (LoRA) are small.", [("LoRA", "low rank adapters")]),
        ("A made-up sentence about many other things (XYZ).", []),
        ("The owners propose a plan in long words, all of it (OpenAI) there.", []),
        ("See the figure (Left) and the table (B).", []),
    ],
)
def test_abbreviations_that_a_text_explains(text: str, pairs: list[tuple[str, str]]) -> None:
    assert list(abbreviations(text)) == pairs


def test_one_slip_in_a_short_word_two_in_a_long_one() -> None:
    known = ["router", "retrieval", "plumber"]
    assert spelling_candidates("ruoter", known) == ["router"]
    assert spelling_candidates("retreivl", known) == ["retrieval"]
    assert spelling_candidates("roputre", known) == []
    assert spelling_candidates("outer", known) == [], "the first letter is taken to be right"
    assert not misspelt("8x7b")
    assert not misspelt("rag")


class Spelling(HashEmbedder):
    """Knows only short words, as a model knows only common ones."""

    def count(self, text: str) -> int:
        return 1 + len(text) // 7


@pytest.fixture
def kitchen(store: Store) -> Store:
    put(
        store,
        "Caches",
        ["A rolling buffering cache keeps the latest keys.", "Summaries of old keys go."],
    )
    put(store, "Kitchens", ["The plumber repairs the dripping faucet.", "Tea is served at five."])
    return store


def test_a_misspelt_word_is_put_right(kitchen: Store) -> None:
    query = Retriever(kitchen, Spelling()).spelled("Who repiars the dripping faucett?")
    assert query == "Who repairs the dripping faucet?"
    hits = Retriever(kitchen, Spelling()).search("What is drippping?", 2)
    assert hits[0].passage.id == "kitchens/0"


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("wat is drippping", "what is dripping"),
        ("waht keeps the laatest keys", "what keeps the latest keys"),
        ("hwo repairs a Faucett", "how repairs a Faucett"),
        ("what is a buffernig cache", "what is a buffering cache"),
        ("who is Plumbar", "who is Plumbar"),
        ("summarise a buffernig cache", "summarise a buffering cache"),
        ("whats a buffernig cache", "whats a buffering cache"),
        ("who draws the dripping", "who draws the dripping"),
        ("what repays the dripping faucet", "what repays the dripping faucet"),
    ],
)
def test_question_words_are_put_right_and_names_are_not(
    kitchen: Store, asked: str, right: str
) -> None:
    assert Retriever(kitchen, Spelling()).spelled(asked) == right


def test_a_slip_within_the_stem_of_a_longer_word_is_put_right(store: Store) -> None:
    put(store, "Taps", ["The difference of two taps is in their limitations."])
    asked = Retriever(store, Spelling()).spelled("what diffrence and limtations have taps")
    assert asked == "what difference and limitations have taps"


@pytest.mark.parametrize("asked", ["冰川的物质平衡是什么？", "ما هو توازن الجليد؟"])
def test_a_question_in_the_language_of_one_reading_of_many_keeps_its_words(
    kitchen: Store, asked: str
) -> None:
    foreign = Retriever(kitchen, Spelling()).spelled(asked)
    put(kitchen, "Glaciers", ["冰川的物质平衡是一个水文年内积累与消融之差。"])
    put(kitchen, "Ice", ["التوازن الكتلي للنهر الجليدي هو الفرق بين التراكم والذوبان."])
    assert Retriever(kitchen, Spelling()).spelled(asked) == asked
    assert foreign == asked, "no word of it is in a reading"


def test_scripts_without_spaces_are_found_by_pairs_of_characters(store: Store) -> None:
    put(store, "Glaciers", ["冰川的物质平衡是一个水文年内积累与消融之差。", "雪线在夏天上升。"])
    put(store, "Tides", ["潮汐是海水的涨落。"])
    put(store, "Hebrew", ["הקרחון נע לאט במורד העמק."])
    hits = Retriever(store, HashEmbedder()).search("冰川的物质平衡是什么？", 1)
    assert hits[0].passage.id == "glaciers/0"
    assert words("RAG是什么") == ["rag", "是什", "什么"]


def test_known_and_strange_words_are_left_alone(kitchen: Store) -> None:
    for query in ("plumber repairs", "quantum chromodynamics", "bufering"):
        right = Retriever(kitchen, HashEmbedder()).spelled(query)
        assert right == query, "the fake knows every word"
    strange = "quantum chromodynamics of plumbers"
    assert Retriever(kitchen, Spelling()).spelled(strange) == strange


def test_an_abbreviation_finds_what_it_stands_for_and_back(store: Store) -> None:
    put(store, "Terms", ["We call it rotating stock keeping (RSK) from here on."])
    put(store, "Firms", ["RSK saved the firm."])
    assert store.glossary() == {"RSK": "rotating stock keeping"}
    retriever = Retriever(store, HashEmbedder())
    assert retriever._terms("What does RSK do?") == ["rsk", "rotating stock keeping"]
    assert "rsk" in retriever._terms("What did rotating stock keeping do?")
    by_long = store.lexical(["rotating stock keeping"], 5)
    assert [id_ for id_, _ in by_long] == ["terms/0"], "the long form is searched as a phrase"
    assert found(store, "What did rotating stock keeping do for the firm?", k=2)[1] == "firms/0"
    with store.writer():
        store.remove(["terms"])
    assert store.glossary() == {}


def test_terms_are_rated_as_full_text_rates_them(tmp_path: Path) -> None:
    chance = random.Random(3)
    store = Store(tmp_path, vectors=MemoryVectors())
    said = ["cache", "fine-tuning", "naïve", "keys", "language model", "平衡"]
    for number in range(40):
        texts = [" ".join(chance.choices(said, k=chance.choice((3, 30, 300)))) for _ in range(3)]
        put(store, f"Keys {number}", texts)
    for _ in range(30):
        terms = chance.sample([*said, "language", "unheard", "..."], k=3)
        held = chance.choice(((), ("keys",), ("language model", "cache")))
        match = " OR ".join(f'"{spaced(one)}"' for one in terms)
        match = " AND ".join([f"({match})", *(f'"{one}"' for one in held)])
        with store.guarded() as db:
            whole = db.execute(
                "SELECT -bm25(lexicon, 1, 2, 1) FROM lexicon WHERE lexicon MATCH ?", (match,)
            )
            right = sorted((score for (score,) in whole), reverse=True)[:20]
        found = store.lexical(terms, 20, holding=held)
        assert [score for _, score in found] == pytest.approx(right, rel=1e-9), (terms, held)
    assert store.lexical(["cache"], 9, {"unknown"}) == []
    store.close()


def test_terms_used_longest_ago_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, vectors=MemoryVectors())
    put(store, "Keys", ["A cache keeps the latest keys.", "Keys of old summaries go.", "Tea."])
    monkeypatch.setattr("seminar_rag.index.sqlite.KEPT", 3)
    with store.guarded() as db:
        ratings = Ratings(cast("Sqlite", db), "1")
        read: list[str] = []
        monkeypatch.setattr(ratings, "_read", lambda term: read.append(term) or given(term))
        given = Ratings(cast("Sqlite", db), "1")._read
        before = ratings.best(["keys"], 5, None, ())
        assert len(before) == 3, "all passages have the title"
        assert ratings.best(["keys"], 5, None, ()) == before
        assert read == ["keys"]
        ratings.best(["tea"], 5, None, ())
        assert ratings.best(["keys"], 5, None, ()) == before
        assert read == ["keys", "tea", "keys"]
    store.close()


def test_words_are_known_and_misspellings_and_most_names_are_not() -> None:
    assert all(map(lexical.is_english, ("multiply", "Cache", "language")))
    assert not any(map(lexical.is_english, ("multipel", "cahce", "Dettmers", "of course", "", "x")))


def test_without_the_list_no_word_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "_LIST", Path("nowhere"))
    assert not lexical._known.__wrapped__()
