from __future__ import annotations

import pytest

from seminar_rag.question.patterns import may_compare, names, sides


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("soft vs hard compression of long prompts?", ("soft", "hard")),
        ("What's the difference between LoRA and QLoRA?", ("LoRA", "QLoRA")),
        ("chains vs trees vs graphs: which is cheapest?", ("chains", "trees", "graphs")),
        ("goal hijacking vs prompt leaking?", ("goal hijacking", "prompt leaking")),
        ("Zero-shot vs few-shot unlearning, how do they differ?", ("Zero-shot", "few-shot")),
        ("How do online and offline learning differ?", ("online", "offline")),
        ("How does Emu Video differ from Sora?", ("Emu Video", "Sora")),
        ("malware vs vulnerability, what's the difference?", ("malware", "vulnerability")),
        ("How many steps do chains, trees, and graphs need?", ("chains", "trees", "graphs")),
        ("What is retrieval and why is it used?", ()),
        ("What is the price of a wide tree?", ()),
    ],
)
def test_what_is_set_side_by_side(question: str, expected: tuple[str, ...]) -> None:
    assert sides(question) == expected


def test_works_that_are_named_are_sides() -> None:
    question = "What do the prompt engineering review and the agents survey each say of judges?"
    assert sides(question) == ("prompt engineering", "agents")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Mixtral 8x7B vs Llama 2-Chat?", ("Mixtral 8x7B", "Llama 2-Chat")),
        (
            "What do the caching review and the routing survey say of both?",
            ("caching", "routing"),
        ),
        ("How does 'All About Caches' compare to SayCan?", ("All About Caches", "SayCan")),
    ],
)
def test_names_and_works_are_sides(question: str, expected: tuple[str, ...]) -> None:
    assert sides(question) == expected


def test_a_first_word_is_no_name_by_its_capital() -> None:
    assert names("Attention is what? Routers use it.") == ()
    assert names("Mistral and Pythia differ") == ("Mistral", "Pythia")


def test_which_questions_may_compare() -> None:
    assert may_compare("How do A and B differ?")
    assert not may_compare("What is a cache? and why?")
