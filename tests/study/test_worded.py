"""Items in the words of a language model: what passes the checks is made, all else is dropped."""

from __future__ import annotations

import pytest

from check.scripted import ScriptedVerifier
from fakes import ScriptedLLM
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.study.items import sources
from seminar_rag.study.worded import ModelWording
from seminar_rag.types import Document
from ui.fake_course import passage

READING = Document("a", "paper", "a", "On low-rank adapters", sessions=(1,))
FOUND = list(
    sources(
        READING,
        [
            passage(READING, 0, "", 2,
                    "LoRA trains two small matrices beside each large one and saves 4 GB of it.",
                    "The large weights of the network stay as they were before the training.")
        ],
    )
)  # fmt: skip
GOOD = "Question: What does LoRA train next to every big matrix?"
ANSWER = "Answer: two small matrices."


def never() -> bool:
    return False


def wording(*answers: str, **labels: str) -> ModelWording:
    verifier = ScriptedVerifier({"": "supported", **labels})
    return ModelWording(ScriptedLLM(*answers), verifier)


def test_a_question_that_the_model_answers_alike_is_kept():
    (made,) = wording(GOOD, ANSWER, "Two small matrices", "No question").questions(1, FOUND, never)
    assert made.question == "What does LoRA train next to every big matrix?"
    assert (made.answer, made.kind, made.options) == ("two small matrices", "asked", ())
    assert made.quote == FOUND[0].quote


LISTED = "It has three parts: retriever, generator, and augmentation methods for both of them."
PARTS = "Which parts does such a system have?"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("retriever, generator, augmentation methods", True),
        ("retriever, generator, and augmentation methods", True),
        ("retriever, ranker, augmentation methods", False),
        ("retriever, generate", False),
        ("parts, retriever", False),
    ],
)
def test_an_answer_that_counts_things_up_may_leave_out_what_joins_them(answer, kept):
    (one,) = sources(READING, [passage(READING, 0, "", 2, LISTED)])
    made = wording(PARTS, answer, answer).question(1, one, never)
    assert (made is not None) == kept


@pytest.mark.parametrize(
    "told",
    [
        ("What LoRA trains.",),
        ("LoRA?",),
        (GOOD.replace("LoRA", "QLoRA"),),
        (GOOD.replace("LoRA train", "LoRA train in 2021"),),
        (GOOD, "three small matrices"),
        (GOOD, "none"),
        (GOOD.replace("every big matrix", "every big matrix, two small matrices"), ANSWER),
        (GOOD, ANSWER, "none"),
        (GOOD, ANSWER, "4 GB of it"),
    ],
)
def test_a_question_that_fails_a_check_is_dropped(told):
    assert wording(*told).question(1, FOUND[0], never) is None


def test_a_question_that_the_passage_does_not_support_is_dropped():
    doubting = ModelWording(ScriptedLLM(GOOD, ANSWER, ANSWER), ScriptedVerifier({}))
    assert doubting.question(1, FOUND[0], never) is None


def test_a_summary_is_kept_if_the_check_supports_it():
    central = [one.citation for one in FOUND]
    said = "LoRA leaves the big weights alone and trains small matrices."
    made = wording(said).summary(1, central, never)
    assert made is not None
    assert (made.answer, made.kind, made.quote) == (said, "summary", FOUND[0].quote)
    assert ModelWording(ScriptedLLM(said), ScriptedVerifier({})).summary(1, central, never) is None
    assert wording("It trains two. It saves memory too, as they say.").summary(
        1, central, never
    ) is None  # fmt: skip
    assert wording().summary(1, (), never) is None


def test_what_is_worded_is_proposed_and_a_failing_model_loses_nothing(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
):
    plain = [one.item for one in tiny_course.propose(2)]
    assert all(one.kind not in ("asked", "summary") for one in plain)
    model = ScriptedLLM("Reranking puts the useful passages first.", ModelError("is away"))
    worded = ModelWording(model, ScriptedVerifier({"": "supported"}))
    monkeypatch.setattr(type(tiny_course.parts), "wording", worded)
    told: list[tuple[int, int]] = []
    with pytest.raises(ModelError, match="is away"):
        tiny_course.propose(2, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] < told[-1][1]
    assert {one.item.id for one in tiny_course.proposed(2)} >= {one.id for one in plain}
