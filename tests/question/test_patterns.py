from __future__ import annotations

import pytest

from seminar_rag.question.patterns import is_called, names, sides, works


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Mixtral 8x7B vs Llama 2-Chat?", ("Mixtral 8x7B", "Llama 2-Chat")),
        ("What do the caching review and the routing survey say?", ("caching", "routing")),
        (
            "What does 'All About Caches' say of SayCan's and others' arms?",
            ("All About Caches", "SayCan"),
        ),
        ("What is the difference between LoRA and QLoRA?", ("LoRA", "QLoRA")),
        ("How does Emu Video differ from Sora?", ("Emu Video", "Sora")),
        ("soft vs hard compression", ("soft", "hard")),
        ("What is retrieval and why is it used?", ()),
        ("What does Sora cost?", ()),
    ],
)
def test_what_is_set_side_by_side(question: str, expected: tuple[str, ...]) -> None:
    assert sides(question) == expected


def test_a_first_word_is_no_name_by_its_capital() -> None:
    assert names("Attention is what? Routers use it.") == ()
    assert names("Mistral and Pythia differ") == ("Mistral", "Pythia")


@pytest.mark.parametrize(
    ("name", "title", "called"),
    [
        ("LoRA", "LoRA: Low-Rank Adaptation", True),
        ("lora", "LoRA: Low-Rank Adaptation", True),
        ("LoRA", "QLoRA: Finetuning of Quantized Models", False),
        ("Attention is all we need", "Attention Is All You Need", True),
    ],
)
def test_what_a_work_is_called(name: str, title: str, called: bool) -> None:
    assert is_called(name, title) is called


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What does the Eastport report say?", ("Eastport",)),
        ("How many crews does the Eastport report count?", ("Eastport",)),
        ("What did the study report?", ()),
        ("Which score does the model report on long texts?", ()),
    ],
)
def test_what_someone_reports_is_no_report(question: str, named: tuple[str, ...]) -> None:
    assert works(question) == named
