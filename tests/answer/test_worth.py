from __future__ import annotations

import pytest
from passages import hit

from seminar_rag.answer.units import Unit, units
from seminar_rag.answer.worth import Asked, defines, promise
from seminar_rag.question.query import understand


def unit(text: str) -> Unit:
    return list(units(1, hit(f"# Kinds\n{text}")))[-1]


@pytest.mark.parametrize(
    ("term", "text", "said"),
    [
        ("TDB", "Transformer Debugger (TDB) is a tool for looking into models.", True),
        ("agent", "Agents are systems that pursue a goal on their own.", True),
        ("drift", "Drift is defined as a change of the data over time.", True),
        ("locality", "- Locality: other facts stay as they are", True),
        ("LoRA", "Low-rank adaptation, LoRA, freezes the weights of a model.", True),
        ("QLoRA", "QLoRA, by Dettmers and others, stores weights in four bits.", True),
        ("QLoRA", "QLoRA is often slower than what came before it.", False),
        ("LIMA", "LIMA was trained on a thousand of examples.", False),
        ("drift", "Nobody knew for how long the drift of it would be there.", False),
    ],
)
def test_what_a_definition_looks_like(term: str, text: str, said: bool) -> None:
    assert defines(term, unit(text)) is said


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What is a rolling cache?", "rolling cache"),
        ("whats RAG", "RAG"),
        ("And what about locality?", "locality"),
        ("What is RAG and why is it used?", "RAG"),
        ("what does TDB stand for?", "TDB"),
        ("What percentage is it?", ""),
        ("Why is the cache rolling?", ""),
    ],
)
def test_what_a_question_wants_defined(question: str, term: str) -> None:
    assert understand(question).term == term


@pytest.mark.parametrize(
    ("question", "items"),
    [
        ("Which three methods are there?", 3),
        ("what are the 4 parts of it?", 4),
        ("Which methods are there?", 0),
        ("Why do three heads help?", 0),
    ],
)
def test_how_many_items_a_question_asks_for(question: str, items: int) -> None:
    assert understand(question).items == items


def test_what_names_a_side_of_a_comparison_is_looked_at() -> None:
    asked = Asked(understand("SEAT vs WEAT?"), {})
    named, other = unit("WEAT compares words of groups."), unit("Words are compared by groups.")
    assert promise(asked, named, ("SEAT", "WEAT")) > promise(asked, other, ("SEAT", "WEAT"))
