"""Items of sentences: what is made of them, and when one does not hold."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from seminar_rag.study.items import KeySentence, defined, fault, item_of, make, passages_of, sources
from seminar_rag.types import Citation, Document, Passage, Sentence
from seminar_rag.types.study import GAP, StudyItem
from ui.fake_course import passage

TEXTS = {
    "a": (
        "LoRA is a method that trains two small matrices beside each large one of a network.",
        "The training set of the Welsh study had 4,217 sentences of written origin.",
        "We show that two small matrices are enough for most of the tasks of a course.",
        "It is the best of these, as Figure 3 shows for every task that was tried here.",
        "The idea of a bottleneck adapter came from large language models (LLM) in translation.",
    ),
    "b": (
        "QNLI is a task in which a model decides whether a paragraph answers a question.",
        "The corpus of the Cornish study had 3,100 sentences of written origin in all.",
    ),
    "c": (
        "BERT is a network that reads a sentence from left and right at the same moment.",
        "The corpus of the Manx study had 9,000 sentences of written origin in all.",
    ),
    "d": (
        "DPO is an objective that compares two answers without any reward model beside.",
        "The corpus of the Irish study had 2,500 sentences of written origin in all.",
    ),
}


def document(id_: str, session: int) -> Document:
    return Document(id_, "paper", id_, f"On {id_ * 3} and {id_ * 4}", sessions=(session,))


FOUND = [
    one
    for number, (id_, texts) in enumerate(TEXTS.items(), 1)
    for one in sources(document(id_, number), [passage(document(id_, number), 0, "", 2, *texts)])
]


def made() -> dict[str, StudyItem]:
    return {one.kind: one for one in make(1, FOUND, {})}


def test_a_sentence_that_leads_elsewhere_defines_nothing():
    assert [term.name for term, _ in defined(FOUND)] == ["LoRA", "QNLI", "BERT", "DPO"]


def test_the_answer_stands_in_the_sentence_and_no_wrong_option_does():
    items = made()
    assert set(items) == {"term", "number", "short"}
    assert set(items["term"].options) == {"LoRA", "QNLI", "BERT", "DPO"}
    assert "LoRA" not in items["term"].question
    number, short = items["number"], items["short"]
    assert number.answer == "4,217"
    assert set(number.options) == {"4,217", "3,100", "9,000", "2,500"}
    assert "4,217" not in number.question
    assert GAP in number.question
    assert (short.question, short.answer) == ("What does LLM stand for?", "large language models")
    assert number.place == "p. 2"


def test_items_are_the_same_every_time_and_survive_being_kept():
    assert made() == made()
    one = made()["number"]
    assert item_of(asdict(one)) == one
    assert item_of({"id": 1}) is None


GOOD = StudyItem(
    *("x", "term", 1, "Which term does this sentence explain? “____ is a method …”", "LoRA"),
    *(("LoRA", "QNLI", "BERT", "DPO"), TEXTS["a"][0], "a", "a:0", "a", "On aaa and aaaa", "p. 2"),
)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quote": "Something else stands there now."}, "no longer in the reading"),
        ({"document": "gone"}, "no longer in the reading"),
        ({"answer": "QLoRA", "options": ("QLoRA", "a", "b", "c")}, "does not stand"),
        ({"options": ("LoRA", "network", "BERT", "DPO")}, "stands in its sentence"),
        ({"options": ("LoRA", "BERT", "BERT", "DPO")}, "four different"),
        ({"question": "What is LoRA, “____ is a method”?"}, "tells the answer"),
    ],
)
def test_an_item_that_does_not_hold_says_why(change, why):
    known = passages_of(FOUND)
    assert fault(GOOD, known) == ""
    assert why in fault(replace(GOOD, **change), known)


def test_two_ways_to_write_a_number_are_no_two_options():
    wrong = replace(made()["number"], options=("4,217", "4217", "9,000", "2,500"))
    assert "same number" in fault(wrong, passages_of(FOUND))


def test_which_reading_says_it_is_answered_by_the_reading():
    said = next(one for one in FOUND if one.document.id == "a" and "We show" in one.quote)
    central = {"a": (Citation(1, said.document, said.passage, said.quote, 2),)}
    claim = next(one for one in make(1, FOUND, central) if one.kind == "claim")
    assert claim.answer == "On aaa and aaaa"
    assert fault(claim, passages_of(FOUND)) == ""
    assert "not the reading" in fault(replace(claim, answer="On bbb and bbbb"), passages_of(FOUND))


def test_a_sentence_of_a_twin_is_not_asked_for():
    said = next(one for one in FOUND if one.document.id == "a" and "We show" in one.quote)
    central = {"a": (Citation(1, said.document, said.passage, said.quote, 2),)}
    alike = [replace(one, document=replace(one.document, title=f"A survey of small matrices {n}"))
             for n, one in enumerate(FOUND)]  # fmt: skip
    assert not [one for one in make(1, alike, central) if one.kind == "claim"]


@pytest.mark.parametrize(
    "text",
    [
        "The results were carried into the last phase 3 studies of the European programme.",
        "The mean and its 95% confidence interval are described for every region of France.",
    ],
)
def test_the_number_of_a_thing_and_the_usual_level_are_no_questions(text):
    of = document("a", 1)
    every = [*FOUND, *sources(of, [passage(of, 9, "", 2, text)])]
    assert not any(one.quote == text for one in make(1, every, {}) if one.kind == "number")


def test_a_whole_list_is_asked_for_by_the_line_above_it():
    lines = ["The method has three parts:", "A retriever.", "A reranker.", "A generator."]
    kinds = ("paragraph", "item", "item", "item", "paragraph")
    text, spans = "", []
    for line, kind in zip([*lines, "That is all of it."], kinds, strict=True):
        spans.append(Sentence(len(text), len(text) + len(line), kind))
        text += f"{line}\n"
    of = document("a", 1)
    whole = Passage("a:0", "a", 0, text, "", 0, len(text), 2, tuple(spans))
    cut = Passage("a:0", "a", 0, text, "", 0, len(text), 2, tuple(spans[:-1]))
    (item,) = make(1, [KeySentence(of, whole, lines[0], 2)], {})
    assert (item.kind, item.answer) == ("list", "A retriever; A reranker; A generator")
    assert "“The method has three parts: …”" in item.question
    assert make(1, [KeySentence(of, cut, lines[0], 2)], {}) == ()
    assert "does not stand" in fault(replace(item, answer="A ranker; A car"), {"a": [whole]})
