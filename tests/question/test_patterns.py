from __future__ import annotations

import pytest

from seminar_rag.question.patterns import only_differ, sides


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
    ("question", "only"),
    [
        ("What is the difference between LoRA and QLoRA?", True),
        ("forward vs reverse?", True),
        ("How does LoRA differ from QLoRA in memory?", False),
        ("How many steps do chains and trees each need?", False),
        ("What is a tree?", False),
    ],
)
def test_whether_only_the_difference_is_asked(question: str, only: bool) -> None:
    assert only_differ(question, sides(question)) == only
