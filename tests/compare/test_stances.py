"""Where readings stand on a statement, and where two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from check.scripted import ScriptedVerifier, Shelf, hit
from seminar_rag.check.conflicts import Conflict
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.compare.table import (
    DIFFERS,
    PROVEN,
    Pair,
    Stances,
    by_words,
    differences,
    near_pairs,
)
from seminar_rag.study.items import sources
from seminar_rag.text import stems
from seminar_rag.types import Document
from seminar_rag.types.study import Row
from ui.fake_course import passage

SAID = "The small model reached 71% on the reading test of the third grade."
OTHER = "The small model reached 64% on the reading test of the third grade."
AWAY = "Bees visit between fifty and a hundred flowers on every single trip they make."


def embed(texts: Sequence[str]) -> Any:
    """A text as the bag of its stems."""
    rows = np.zeros((len(texts), 512), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for one in stems(text):
            row[sum(map(ord, one)) * 31 % 512] += 1.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def stances(*sentences: str, verifier: Any = None) -> Stances:
    words = BuiltinVerifier(embed)
    shelf = Shelf(hit("a", *sentences))

    class Search:
        def search(self, query: Any, k: int = 20, scope: Any = None) -> Any:
            return shelf(query, k, scope)

    return Stances(Search(), verifier or words, words, embed)


ROW = Row("a", "A reading", None, "paper", (1,))


def test_the_same_words_say_so():
    cell = stances(AWAY, SAID).cell(ROW, "Says that: it", SAID)
    assert cell.said == "supports"
    assert cell.text == SAID


def test_another_number_in_nearly_the_same_sentence_contradicts():
    cell = stances(AWAY, OTHER).cell(ROW, "Says that: it", SAID)
    assert cell.said == "contradicts"
    assert cell.text == OTHER
    assert "64%" in cell.why


def test_what_is_about_something_else_is_silent():
    assert stances(AWAY).cell(ROW, "Says that: it", SAID).said == "silent"
    assert stances(AWAY).cell(Row("a", "A"), "Says that: it", SAID).said == "no text"


def test_a_verifier_that_reads_is_believed():
    reader = ScriptedVerifier({"small model": "contradicted"})
    cell = stances(OTHER, verifier=reader).cell(ROW, "Says that: it", SAID)
    assert cell.said == "contradicts"


@pytest.mark.parametrize(
    ("conflict", "alike", "score", "said"),
    [
        (Conflict("number", "contradicted", "r", 0), PROVEN, 0.9, "contradicts"),
        (Conflict("negation", "contradicted", "r", 0), DIFFERS, 0.9, "differs"),
        (Conflict("number", "contradicted", "r", 0), 0.5, 0.9, "speaks"),
        (Conflict("number", "contradicted", "r", 0, of_one_thing=False), 0.95, 0.9, "speaks"),
        (Conflict("name", "contradicted", "r", 0), 0.95, 0.9, "speaks"),
        (None, 0.9, 0.9, "similar"),
        (None, 0.9, 0.3, "speaks"),
    ],
)
def test_words_prove_numbers_opposites_and_denials_alone(conflict, alike, score, said):
    assert by_words(conflict, alike, score)[0] == said


def test_readings_differ_in_what_is_nearly_the_same_sentence():
    texts = {"a": (SAID, AWAY), "b": (OTHER,), "c": (SAID,)}
    found = [
        one
        for id_, said in texts.items()
        for document in (Document(id_, "paper", id_, f"Title of {id_}", sessions=(1,)),)
        for one in sources(document, [passage(document, 0, "", 2, *said)])
    ]
    pairs = near_pairs(found, embed([one.text for one in found]), 10)
    assert [(one.one.document.id, one.other.document.id) for one in pairs] == [
        ("a", "c"),
        ("a", "b"),
        ("b", "c"),
    ]
    told = list(differences(1, pairs, embed, lambda: False))
    assert told[0] is None  # the same sentence
    assert told[1] is not None
    assert told[1].said == "contradicts"
    assert told[1].reason == "The second says 64%, the first says 71%."
    assert (told[1].one.quote, told[1].other.quote) == (SAID, OTHER)
    assert list(differences(1, pairs, embed, lambda: True)) == []


@pytest.mark.parametrize("end", ["that size", "that size in all 9 tests"])
def test_numbers_of_different_things_are_no_difference(end):
    """Even where both sentences count something else as well."""
    said = f"Mixtral was trained with 32k tokens and matches all other open models of {end}."
    other = f"Mixtral was trained with 13B weights and matches all other open models of {end}."
    one, two = (
        next(sources(document, [passage(document, 0, "", 2, text)]))
        for text, document in ((said, Document("a", "paper", "a", "A")),
                               (other, Document("b", "paper", "b", "B")))
    )  # fmt: skip
    assert list(differences(1, [Pair(one, two, 0.9)], embed, lambda: False)) == [None]


def test_a_verifier_that_reads_is_asked_where_words_prove_nothing():
    said = "Larger networks gain sudden abilities at every task that was tried with them."
    other = "Larger networks gain smooth abilities at every task that was tried with them."
    one, two = (
        next(sources(document, [passage(document, 0, "", 2, text)]))
        for text, document in ((said, Document("a", "paper", "a", "A")),
                               (other, Document("b", "paper", "b", "B")))
    )  # fmt: skip
    pair = Pair(one, two, 0.8)
    assert list(differences(1, [pair], embed, lambda: False)) == [None]
    reader = ScriptedVerifier({"abilities": "contradicted"})
    (told,) = differences(1, [pair], embed, lambda: False, reader)
    assert told is not None
    assert told.said == "contradicts"
