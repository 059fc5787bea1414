"""The verifier that asks a language model: scripted, behind a server, and a real tiny one."""

from __future__ import annotations

from pathlib import Path

import pytest

from check.scripted import ScriptedVerifier, hit
from fakes import Reply, ScriptedLLM, StubServer
from memory import MemoryVectors
from seminar_rag.answer.citations import MarkFilter
from seminar_rag.answer.review import Review
from seminar_rag.check.language_model import MOST_TOKENS, LanguageModelVerifier, verdict_grammar
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.models.llm import Completion
from seminar_rag.models.server import OpenAICompatible

FIRST = "The router sends each token to two experts."
SECOND = "All experts must be held in memory, so the saving is one of computation."
PASSAGE = hit("moe", FIRST, SECOND).passage
CLAIM = "Every token goes to two of the experts"


def verifier_of(
    *answers: str | Exception, context: int = 4096
) -> tuple[LanguageModelVerifier, ScriptedLLM]:
    llm = ScriptedLLM(*answers, context=context)
    return LanguageModelVerifier(Completion(llm), ScriptedVerifier({})), llm


@pytest.mark.parametrize(
    ("said", "label", "score"),
    [
        ("Verdict: supported\nEvidence: " + FIRST, "supported", 1.0),
        ("**Verdict:** Partly\n**Evidence:** “" + FIRST + "”", "partly", 0.5),
        ("Verdict: contradicted\nEvidence: sends each token to two experts", "contradicted", 0.0),
    ],
)
def test_the_label_and_the_sentence_quoted_are_taken(said: str, label: str, score: float) -> None:
    verifier, llm = verifier_of(said)
    verdict = verifier.verify(CLAIM, [PASSAGE], "Mixtures of experts")
    assert (verdict.label, verdict.score, verdict.verifier) == (label, score, "scripted")
    assert (verdict.evidence[0].sentence, verdict.evidence[0].quote) == (0, FIRST)
    (asked,) = llm.asked
    assert asked.passages == 0
    assert asked.max_tokens == MOST_TOKENS
    assert all(part in asked.text for part in (CLAIM, FIRST, SECOND, "Mixtures of experts"))


def test_what_is_unsupported_needs_no_quotation() -> None:
    verifier, _ = verifier_of("Verdict: unsupported\nEvidence: none")
    assert verifier.verify(CLAIM, [PASSAGE]).label == "unsupported"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Verdict: supported\nEvidence: The router is trained first.", "is not in the passages"),
        ("Verdict: supported\nEvidence: none", "is not in the passages"),
        ("Verdict: supported\nEvidence: two experts", "is not in the passages"),
        ("I think that it is fine.", "no verdict in the form"),
        ("", "no verdict in the form"),
    ],
)
def test_an_invented_quotation_leaves_the_verdict_to_the_built_in_check(
    said: str, why: str
) -> None:
    verdict = verifier_of(said)[0].verify(CLAIM, [PASSAGE])
    assert (verdict.label, verdict.verifier) == ("unsupported", "scripted")
    assert why in verdict.reason


def test_a_quotation_is_not_asked_about() -> None:
    verifier, llm = verifier_of()
    verifier.verify(FIRST, [PASSAGE])
    assert not llm.asked


def test_a_small_window_takes_the_likeliest_sentences() -> None:
    many = hit("long", *(f"Sentence number {i} speaks of the matter {i}." for i in range(60)))
    verifier, llm = verifier_of("Verdict: unsupported\nEvidence: none", context=480)
    verifier.verify(CLAIM, [many.passage, PASSAGE])
    assert "Sentence number 0 speaks" in llm.asked[0].text  # the built-in check's evidence
    assert "Sentence number 59 speaks" not in llm.asked[0].text
    nothing, silent = verifier_of(context=60)
    assert "do not fit its window" in nothing.verify(CLAIM, [PASSAGE]).reason
    assert not silent.asked


def test_a_failing_model_is_told() -> None:
    with pytest.raises(ModelError, match="gone"):
        verifier_of(ModelError("gone"))[0].verify(CLAIM, [PASSAGE])


@pytest.mark.slow
def test_a_server_judges() -> None:
    with StubServer(Reply(text=f"Verdict: supported\nEvidence: {FIRST}")) as server:
        llm = OpenAICompatible(server.url, "stub")
        verdict = LanguageModelVerifier(Completion(llm), ScriptedVerifier({})).verify(
            CLAIM, [PASSAGE]
        )
        assert (verdict.label, verdict.verifier) == ("supported", "stub")
        assert CLAIM in server.requests[0].body["messages"][1]["content"]


def test_llama_cpp_is_held_to_a_label_and_a_sentence(tiny_gguf: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (make local)")
    from seminar_rag.models.local import LlamaCpp

    odd = hit("odd", 'It says "no" \\ maybe.', "A second\ttab sentence – with a dash.").passage
    llm = LlamaCpp(tiny_gguf, context=2048)
    said = Completion(llm).complete(
        "Judge.", "Claim: x", grammar=verdict_grammar(["A b c.", 'With "marks" \\.']), max_tokens=80
    )
    verdict_line, evidence_line = said.split("\n")
    assert verdict_line.removeprefix("Verdict: ") in (
        "supported", "partly", "contradicted", "unsupported"
    )  # fmt: skip
    assert evidence_line.removeprefix("Evidence: ") in ("A b c.", 'With "marks" \\.', "none")
    verdict = LanguageModelVerifier(Completion(llm), ScriptedVerifier({})).verify(CLAIM, [odd])
    # A random model may name none as its evidence; its form is right in any case.
    assert verdict.verifier == "tiny-random" or "is not in the passages" in verdict.reason
    llm.close()


def test_a_judge_waits_until_the_answer_is_written() -> None:
    verifier, llm = verifier_of(f"Verdict: supported\nEvidence: {FIRST}")
    marks = MarkFilter(1)
    review = Review(verifier, [hit("moe", FIRST, SECOND)], marks)
    for chunk in (f"{CLAIM} [1]. ", "Then more [1]. ", "And "):
        list(marks.feed(chunk))
        assert not list(review.advance())
    assert not llm.asked


def test_the_configured_language_model_judges(tmp_path: Path, tiny_gguf: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (make local)")
    config = Config(folder=tmp_path, llm_model=str(tiny_gguf), check_verifier="llm")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    assert course.verifier.name == "tiny-random"
    assert any("language model judges claims" in one.what for one in course.doctor())
    course.close()


def test_a_judge_without_a_language_model_is_refused(tmp_path: Path) -> None:
    config = Config(folder=tmp_path, check_verifier="llm")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    with pytest.raises(ModelError, match="no language model is configured"):
        _ = course.verifier
    assert any(one.level == "bad" and "verifier" in one.what for one in course.doctor())
    course.close()
