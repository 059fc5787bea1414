from __future__ import annotations

import pytest

from seminar_rag.answer.examples import questions
from seminar_rag.types import Document, Passage, Sentence

SUBJECT = "Primer on the transformer, scaling laws, layer normalization and the cache"


def asked(text: str, title: str = SUBJECT) -> list[str]:
    passage = Passage("p", "d", 0, text, "", 0, 1, None, (Sentence(0, len(text)),))
    return list(questions([(Document("d", "paper", "r", title), [passage])]))


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
    assert list(questions(documents)) == ["What is the cache?"]
