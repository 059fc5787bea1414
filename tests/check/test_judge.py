"""The verifier that asks a language model by probability: scripted, behind a server, a tiny one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from check.scripted import hit
from fakes import Reply, ScriptedChooser, StubServer
from memory import MemoryVectors
from seminar_rag.answer.citations import MarkFilter
from seminar_rag.answer.review import Review
from seminar_rag.check.conflicts import Conflict
from seminar_rag.check.features import Overlap, compare
from seminar_rag.check.judge import (
    ANSWERS,
    MOST_CHARACTERS,
    ModelVerifier,
    decide,
    evidence,
    judged,
    nearly_verbatim,
)
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.models.choice import Chooser
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.models.server import OpenAICompatible
from seminar_rag.types import Verdict

FIRST = "The router sends each token to two experts."
SECOND = "All experts must be held in memory, so the saving is one of computation."
PASSAGE = hit("moe", FIRST, SECOND).passage
CLAIM = "Every token goes to two of the experts."


def judging(chooser: Chooser) -> ModelVerifier:
    return ModelVerifier(chooser, BuiltinVerifier(HashEmbedder().embed))


def verdict_of(*likely: float) -> Verdict:
    return judging(ScriptedChooser(*likely)).verify(CLAIM, [PASSAGE], "Mixtures of experts")


def test_the_probabilities_decide() -> None:
    sure, torn, denied, silent = (
        verdict_of(*likely)
        for likely in (
            (0.99, 0.005, 0.005),
            (0.5, 0.1, 0.4),
            (0.01, 0.98, 0.01),
            (0.01, 0.01, 0.98),
        )
    )
    assert sure.score > torn.score > max(denied.score, silent.score)
    assert (sure.label, denied.label) == ("supported", "contradicted")
    assert silent.label == "unsupported"
    assert sure.verifier == "scripted"
    assert sure.evidence[0].quote == FIRST
    assert "% sure" in sure.reason


def test_claim_sentences_and_source_are_shown_to_the_model() -> None:
    chooser = ScriptedChooser(0.9, 0.05, 0.05)
    judging(chooser).verify(CLAIM, [PASSAGE], "Sparse layers")
    (asked,) = chooser.questions
    shown = f"Source: Sparse layers\nEvidence: {FIRST}\nClaim: {CLAIM}\n"
    assert asked.startswith(shown)


def test_nothing_is_judged_twice() -> None:
    chooser = ScriptedChooser(0.9, 0.05, 0.05)
    verifier = judging(chooser)
    assert verifier.verify(CLAIM, [PASSAGE]) == verifier.verify(CLAIM, [PASSAGE])
    assert len(chooser.questions) == 1
    verifier.verify(CLAIM, [hit("other", SECOND).passage])
    assert len(chooser.questions) == 2


def test_a_quotation_is_not_asked_about() -> None:
    chooser = ScriptedChooser(0.0, 1.0, 0.0)
    verdict = judging(chooser).verify(SECOND, [PASSAGE])
    assert (verdict.label, chooser.questions) == ("supported", [])


def test_a_model_without_an_answer_leaves_the_verdict_to_the_words() -> None:
    verdict = verdict_of(0.0, 0.0, 0.0)
    assert "scripted was asked, but" in verdict.reason
    assert verdict.verifier == "built-in"


def test_a_failing_model_is_told() -> None:
    with pytest.raises(ModelError, match="gone"):
        judging(ScriptedChooser(error="gone")).verify(CLAIM, [PASSAGE])


def read(claim: str, *sentences: str) -> str:
    return evidence(sentences, compare(claim, sentences, HashEmbedder().embed))


def test_the_sentences_that_together_have_the_claim_are_read_in_their_order() -> None:
    filler = [f"Nothing {i} is " + "told " * 30 for i in range(9)]
    routers = [f"Routers send tokens to experts number {i}, " + "and so on " * 20 for i in range(4)]
    text = read(
        "Routers send tokens to experts, which Oslo paid for.", *filler, *routers, "Oslo paid."
    )
    assert text.endswith("Oslo paid.")
    assert text.index("Routers") < text.index("Oslo")
    assert len(text) <= MOST_CHARACTERS + 10


def test_a_sentence_that_says_nearly_the_same_is_read_alone() -> None:
    others = ("Routers are small networks.", "Experts are networks, too.")
    near = "Routers send tokens to two experts each."
    assert read("Routers send tokens to three experts.", others[0], near, others[1]) == near
    assert near != read("Routers, which Oslo paid for, send tokens to experts.", *others, near)


def near(claim: str, sentence: str, known: str) -> bool:
    overlap = Overlap(claim, [sentence], known)
    return nearly_verbatim(overlap.compare(HashEmbedder().embed(overlap.texts)))


def test_the_words_of_a_title_are_not_said_by_a_sentence() -> None:
    claim, title = "Sparse mixtures of experts double the speed.", "Sparse mixtures of experts"
    assert near(claim, "They double the speed.", title)
    assert not near(claim, "They double the cost.", title)
    assert near("Sparse mixtures double the speed.", "Sparse mixtures double the cost.", "")
    assert not near("Mixtures of experts.", "They double the speed.", title)


def test_a_long_sentence_is_cut() -> None:
    assert len(read("Routers send tokens.", "tokens " * 700)) == MOST_CHARACTERS


def test_the_features_are_bounded_log_odds() -> None:
    found = judged((0.5, 0.0, 0.5))
    assert found["model for"] == pytest.approx(0)
    assert judged((0.0, 1.0, 0.0))["model for"] == pytest.approx(math.log(1e-4 / (1 - 1e-4)))


@pytest.mark.parametrize(
    ("likely", "support", "label"),
    [((0.5, 0.2, 0.3), 0.6, "supported"), ((0.2, 0.5, 0.3), 0.2, "contradicted"),
     ((0.4, 0.1, 0.5), 0.4, "partly"), ((0.1, 0.1, 0.8), 0.1, "unsupported"),
     ((0.48, 0.1, 0.42), 0.45, "partly")],
)  # fmt: skip
def test_the_label_follows_the_fitted_probability(
    likely: tuple[float, ...], support: float, label: str
) -> None:
    assert decide(likely, support, None) == label


def test_of_what_nearly_stands_there_the_model_has_to_be_surer() -> None:
    assert decide((0.45, 0.3, 0.25), 0.55, None, nearly=True) == "partly"
    assert decide((0.55, 0.2, 0.25), 0.65, None, nearly=True) == "supported"
    for kind, label in (("number", "partly"), ("order", "partly"), ("negation", "supported")):
        conflict = Conflict(kind, "contradicted", "It differs.", 0)  # type: ignore[arg-type]
        assert decide((0.9, 0.05, 0.05), 0.95, conflict, nearly=True) == label
        assert decide((0.9, 0.05, 0.05), 0.95, conflict) == "supported"


@pytest.mark.parametrize(
    ("kind", "support", "label"),
    [("number", 0.9, "supported"), ("negation", 0.7, "partly"), ("negation", 0.3, "contradicted"),
     ("clause", 0.7, "supported"), ("name", 0.3, "unsupported"), ("widened", 0.3, "unsupported")],
)  # fmt: skip
def test_only_conflicts_that_tell_something_weigh_beside_the_model(
    kind: str, support: float, label: str
) -> None:
    weak = "partly" if kind in ("clause", "name", "widened") else "contradicted"
    conflict = Conflict(kind, weak, "It differs.", 0)  # type: ignore[arg-type]
    assert decide((0.2, 0.1, 0.7), support, conflict) == label


def test_a_number_that_differs_asks_for_more_certainty() -> None:
    chooser = ScriptedChooser(0.6, 0.1, 0.3)
    verifier = judging(chooser)
    claim = "The router sends each token to five experts."
    assert verifier.verify(FIRST.rstrip(".") + " today.", [PASSAGE]).label == "supported"
    verdict = verifier.verify(claim, [PASSAGE])
    assert verdict.label != "supported"
    assert "two experts" in verdict.reason


def test_a_model_that_is_overruled_is_not_called_unsure() -> None:
    verdict = judging(ScriptedChooser(0.99, 0.005, 0.005)).verify(
        "The router sends each token to five experts.", [PASSAGE]
    )
    assert verdict.label == "partly"
    assert verdict.reason == "The passage says two experts, the sentence says five experts."


@pytest.mark.slow
def test_a_server_judges() -> None:
    top = [{"token": "True", "logprob": -0.01}, {"token": " False", "logprob": -6.0}]
    choice = {"logprobs": {"content": [{"token": "True", "logprob": -0.01, "top_logprobs": top}]}}
    with StubServer(Reply(body=json.dumps({"choices": [choice]}))) as server:
        verdict = judging(OpenAICompatible(server.url, "stub")).verify(CLAIM, [PASSAGE])
        assert (verdict.label, verdict.verifier) == ("supported", "stub")
        assert CLAIM in server.requests[0].body["messages"][-1]["content"]


@pytest.mark.model
def test_llama_cpp_gives_probabilities(tiny_gguf: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (make local)")
    from seminar_rag.models.local import LlamaCpp

    llm = LlamaCpp(tiny_gguf, context=512)
    assert isinstance(llm, Chooser)
    (row,) = llm.choose("Judge.", [("Is it?", "A")], ["Is it so?"], ANSWERS)
    assert sum(row) == pytest.approx(1)
    llm.close()


def test_a_judge_waits_until_the_answer_is_written() -> None:
    chooser = ScriptedChooser(0.9, 0.05, 0.05)
    marks = MarkFilter(1)
    review = Review(judging(chooser), [hit("moe", FIRST, SECOND)], marks)
    for chunk in (f"{CLAIM[:-1]} [1]. ", "Then more [1]. ", "And "):
        list(marks.feed(chunk))
        assert not list(review.advance())
    assert not chooser.questions


@pytest.mark.parametrize(
    ("said", "label"),
    [("Then the router sends each token to two experts.", "supported"),
     ("Routers give tokens to experts because memory is short.", "partly")],
)  # fmt: skip
def test_a_sentence_of_an_answer_far_from_its_passage_is_at_most_partly_supported(
    said: str, label: str
) -> None:
    marks = MarkFilter(1)
    review = Review(
        judging(ScriptedChooser(0.99, 0.005, 0.005)), [hit("moe", FIRST, SECOND)], marks
    )
    list(marks.feed(f"{said[:-1]} [1]."))
    list(marks.finish())
    assert [one.verdict.label for one in review.finish()] == [label]


@pytest.mark.model
def test_the_configured_language_model_judges(tmp_path: Path, tiny_gguf: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (make local)")
    config = Config(folder=tmp_path, llm_model=str(tiny_gguf), check_verifier="llm")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    assert course.verifier.name == "tiny-random"
    assert any("language model judges claims" in one.what for one in course.doctor())
    course.close()


@pytest.mark.parametrize(("size", "judges"), [(800_000_000, True), (400_000_000, False)])
def test_a_large_model_judges_unasked_and_a_small_one_does_not(
    tmp_path: Path, size: int, judges: bool
) -> None:
    model = tmp_path / "model.gguf"
    with model.open("wb") as file:
        file.truncate(size)  # sparse: takes no room
    config = Config(folder=tmp_path, llm_model=str(model))
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    assert course.parts.judges() is judges
    course.close()


def test_a_judge_without_a_language_model_is_refused(tmp_path: Path) -> None:
    config = Config(folder=tmp_path, check_verifier="llm")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    with pytest.raises(ModelError, match="no language model is configured"):
        _ = course.verifier
    assert any(one.level == "bad" and "verifier" in one.what for one in course.doctor())
    course.close()
