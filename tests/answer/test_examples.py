from __future__ import annotations

from collections.abc import Sequence

import pytest

from seminar_rag.answer.examples import about, answerable, questions
from seminar_rag.types import Document, Hit, Passage, Sentence

SUBJECT = "Primer on the transformer, scaling laws, layer normalization and the cache"


def asked(text: str, title: str = SUBJECT) -> list[str]:
    passage = Passage("p", "d", 0, text, "", 0, 1, None, (Sentence(0, len(text)),))
    return [one.question for one in questions([(Document("d", "paper", "r", title), [passage])])]


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The transformer is a model of sequences.", "What is the transformer?"),
        ("A scaling law is an equation.", "What is a scaling law?"),
        ("Layer normalization is a method.", "What is layer normalization?"),
        ("State space models (SSM) are a family.", "What are State space models?"),
        ("FlashAttention computes attention in tiles.", "How does FlashAttention work?"),
        ("GPT-3 uses 175 billion parameters.", "How does GPT-3 work?"),
    ],
)
def test_a_sentence_that_defines_becomes_a_question(sentence: str, question: str) -> None:
    assert asked(sentence) == [question]


@pytest.mark.parametrize(
    "sentence",
    [
        "This is a problem.",
        "One example is the cache.",
        "It trains a model.",
        "The result is a table.",
    ],
)
def test_what_names_nothing_does_not(sentence: str) -> None:
    assert asked(sentence) == []


def test_a_title_that_opens_with_a_name_is_the_last_resort() -> None:
    assert asked("Nothing.", "QLoRA: Efficient Finetuning") == ["What is QLoRA?"]
    assert asked("Nothing.", "Primer: LoRA and QLoRA") == ["What is LoRA?"]
    assert asked("Nothing.", "Emergent Abilities of Models") == []


def test_no_question_twice() -> None:
    text = "The cache is a store."
    passage = Passage("p", "d", 0, text, "", 0, 1, None, (Sentence(0, len(text)),))
    documents = [(Document(str(i), "paper", "r", "The cache"), [passage]) for i in range(3)]
    assert [one.question for one in questions(documents)] == ["What is the cache?"]


TEXTS = {
    "a": "QLoRA is a method that trains adapters. DoRA is a method that splits weights.",
    "b": "FlashAttention computes attention in tiles.",
    "c": "Speculative Decoding (SD) is a way to write faster.",
    "d": "GPT-3 uses 175 billion parameters.",
}


def made(id_: str) -> tuple[Passage, ...]:
    sentences = [f"{one}." for one in TEXTS[id_].rstrip(".").split(". ")]
    return tuple(
        Passage(f"{id_}{at}", id_, at, one, "", 0, 1, None, (Sentence(0, len(one)),))
        for at, one in enumerate(sentences)
    )


def test_examples_are_of_different_kinds_and_each_was_tried() -> None:
    documents = [
        Document(id_, "paper", id_, f"On {id_}", sessions=(at,)) for at, id_ in enumerate(TEXTS)
    ]
    by_id = {one.id: one for one in documents}
    tried: list[str] = []

    def search(question: str, k: int) -> list[Hit]:
        names = [word.strip("?") for word in question.split() if not word[0].islower()]
        found = [p for id_ in TEXTS for p in made(id_) if any(n in p.text for n in names[1:])]
        return [Hit(one, by_id[one.document], 1.0) for one in found][:k]

    def holds(question: str, hits: Sequence[Hit]) -> bool:
        tried.append(question)
        return "GPT-3" not in question

    def listed(question: str) -> bool:
        tried.append(question)
        return "FlashAttention" not in question and "“On c”" not in question

    found = answerable(documents, made, search, holds, listed, 6)
    assert found == (
        "What is QLoRA?",
        "What is the difference between QLoRA and DoRA?",
        "How does FlashAttention work?",
        "What should I read on QLoRA?",
        "What is Speculative Decoding?",
        "Summarize “On b”",
    )
    assert set(found) <= set(tried)
    assert not any("GPT-3" in one for one in found), "what is not answered is not shown"
    assert answerable([], made, search, holds, listed, 6) == ()
    unsummed = answerable(
        documents, made, search, holds, lambda one: listed(one) and "Summarize" not in one, 6
    )
    assert unsummed[-1] == "What should I read first in session 0?"


def test_a_reading_has_questions_that_it_answers() -> None:
    document = Document("a", "paper", "a", "On a")

    def search(question: str, _: int) -> list[Hit]:
        at = 1 if "DoRA" in question else 0
        return [Hit(made("a")[at], document, 1.0)]

    found = about(document, made("a"), search, lambda *_: True, 3)
    assert found == ("What is QLoRA?", "What is DoRA?")
    assert about(document, made("a"), lambda *_: [], lambda *_: True, 3) == ()
