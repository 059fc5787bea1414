"""The built-in verifier: what it reads as the same, what it flags by rule, and its verdicts."""

import json
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import pytest

from seminar_rag.check.features import FEATURES, Matrix, compare
from seminar_rag.check.support import BuiltinVerifier, Verifier, VerifierWeights, fitted
from seminar_rag.check.terms import same_number, terms
from seminar_rag.models.bert import OnnxEmbedder
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Passage, Sentence, Verdict


def passage(*sentences: str, id_: str = "p1", ordinal: int = 0) -> Passage:
    text = " ".join(sentences)
    spans, at = [], 0
    for sentence in sentences:
        spans.append(Sentence(at, at + len(sentence)))
        at += len(sentence) + 1
    return Passage(id_, "d", ordinal, text, "", 0, len(text), None, tuple(spans))


LORA = passage(
    "LoRA reduced the trainable parameters of GPT-3 by a factor of 10,000 in 2021.",
    "It is faster than adapter layers and does not add inference latency.",
    "Most of the tasks were solved by a model with 7 billion parameters.",
    "Long short-term memory (LSTM) networks came before.",
)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return BuiltinVerifier(HashEmbedder().embed)


# Terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("13B parameters", "13 billion parameters"),
        ("13-billion model", "13B model"),
        ("half of them", "50% of them"),
        ("41% of them", "41.3% of them"),
        ("1,000 steps", "1000 steps"),
        ("two heads", "2 heads"),
        ("five times", "5x"),
        ("8.64 × 10^19 FLOPs", "$8.64 \\times 10^{19}$ FLOPs"),
        ("8.64e19 FLOPs", "8.64 × 1019 FLOPs"),  # as a PDF without raised type has it
        ("5 x 10^3 steps", "5,000 steps"),
        ("a rate of 10⁻⁵", "a rate of 0.00001"),
        ("2^10 items", "1,024 items"),
        ("two thirds of users", "66.7% of users"),
        ("600K+ users", "650,000 users"),
        ("600,000 or more users", "600,000 users"),
        ("at most 5 errors", "4 errors"),
        ("3 hours", "180 minutes"),
        ("1.5 GB", "1500 MB"),
    ],
)
def test_numbers_are_compared_as_values(one: str, other: str) -> None:
    (mine,) = [term for term in terms(one) if term.kind == "number"]
    (theirs,) = [term for term in terms(other) if term.kind == "number"]
    assert same_number(mine, theirs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7B parameters", "13B parameters"),
        ("41.5% of them", "41% of them"),
        ("1,000 steps", "1,024 steps"),
        ("0.5 of it", "5% of it"),
        ("2021", "2022"),
        ("a rate of 10^-5", "a rate of 10^-6"),
        ("8.64 × 10^19 FLOPs", "8.64 × 10^18 FLOPs"),
        ("600K+ users", "500,000 users"),
        ("over 600 users", "6,000 users"),
        ("at most 5 errors", "8 errors"),
        ("2 hours", "3 days"),
    ],
)
def test_other_numbers_are_other(one: str, other: str) -> None:
    (mine,) = [term for term in terms(one) if term.kind == "number"]
    (theirs,) = [term for term in terms(other) if term.kind == "number"]
    assert not same_number(mine, theirs)


def test_model_names_are_one_term_and_exact() -> None:
    keys = [term.key for term in terms("GPT-3 and GPT-3.5 and gpt3, ResNet-50, T5-11B in the U.S.")]
    assert keys == ["gpt3", "gpt35", "gpt3", "resnet50", "t511b", "us"]


def test_neighbouring_sentences_cover_a_claim_together() -> None:
    apart = [f"Nothing {word} here." for word in ("stands", "happens", "grows")]
    near = compare("Cats and dogs.", ["Cats purr.", "Dogs bark."], HashEmbedder().embed)
    far = compare("Cats and dogs.", ["Cats purr.", *apart, "Dogs bark."], HashEmbedder().embed)
    assert (near.features["window"], far.features["window"]) == (1.0, 0.5)


def test_more_support_never_lowers_the_score() -> None:
    weights = fitted()["built-in"]
    assert set(weights.features) == set(FEATURES)
    assert min(row["weight"] for row in weights.features.values()) >= 0


def test_the_weights_say_where_they_come_from() -> None:
    data = json.loads(files("seminar_rag.check").joinpath("weights.json").read_text("utf-8"))
    assert "WiCE" in data["built-in"]["on"]


# Rules


@pytest.mark.parametrize(
    ("claim", "label", "words"),
    [
        (
            "LoRA reduced the trainable parameters of GPT-3 by a factor of 1,000.",
            "contradicted",
            "10,000",
        ),
        (
            "Most of the tasks were solved by a model with 13B parameters.",
            "contradicted",
            "7 billion parameters, the sentence says 13B parameters",
        ),
        (
            "LoRA reduced the trainable parameters of GPT-4 by a factor of 10,000.",
            "contradicted",
            "says GPT-3, the sentence says GPT-4",
        ),
        (
            "LoRA reduced the trainable parameters of GPT-3 by a factor of 10,000 in 2019.",
            "contradicted",
            "2021",
        ),
        (
            "LoRA increased the trainable parameters of GPT-3 by a factor of 10,000.",
            "contradicted",
            "says “increased”",
        ),
        ("It is slower than adapter layers.", "contradicted", "“faster”"),
        (
            "LoRA did not reduce the trainable parameters of GPT-3 in 2021.",
            "contradicted",
            "denies (“not”) what the passage states",
        ),
        ("All of the tasks were solved by the model with 7 billion parameters.", "partly", "“All”"),
    ],
)
def test_a_hard_mismatch_is_told_in_words(
    verifier: Verifier, claim: str, label: str, words: str
) -> None:
    verdict = verifier.verify(claim, [LORA])
    assert (verdict.label, words in verdict.reason) == (label, True), verdict
    assert verdict.score < 0.5


@pytest.mark.parametrize(
    "claim",
    [
        "It is faster than adapter layers and does not add inference latency.",
        "LoRA reduced the trainable parameters of GPT-3 by a factor of 10,000.",
        "In 2021, LoRA reduced the trainable parameters of GPT-3 10,000-fold.",
        "Adapter layers are slower than LoRA.",
        "Most tasks were solved by a model with 7B parameters.",
    ],
)
def test_a_faithful_sentence_meets_no_rule(verifier: Verifier, claim: str) -> None:
    passages = [LORA]
    if "Adapter" in claim:
        passages = [passage("LoRA is faster than adapter layers.")]
    verdict = verifier.verify(claim, passages)
    assert verdict.label in ("supported", "partly"), verdict
    assert "the sentence" not in verdict.reason


def test_what_the_passages_lack_is_named(verifier: Verifier) -> None:
    claim = (
        "LoRA reduced the trainable parameters of GPT-3 by a factor of 10,000, and volunteers"
        " translated ancient poems for museum visitors."
    )
    verdict = verifier.verify(claim, [LORA])
    assert verdict.label in ("partly", "unsupported")
    assert "ancient" in verdict.reason


# Verdicts


def test_a_quotation_is_supported_and_shown(verifier: Verifier) -> None:
    verdict = verifier.verify(LORA.quote(LORA.sentences[2]), [LORA])
    assert (verdict.label, verdict.score, verdict.verifier) == ("supported", 1.0, "built-in")
    assert (verdict.evidence[0].passage, verdict.evidence[0].sentence) == ("p1", 2)
    assert verdict.evidence[0].quote == LORA.quote(LORA.sentences[2])
    assert len(verdict.evidence) == 1, "the sentence that is quoted, and no other"


def test_the_conflicting_sentence_is_the_first_evidence(verifier: Verifier) -> None:
    verdict = verifier.verify("Most of the tasks were solved by a 13B model.", [LORA])
    assert "7 billion" in verdict.evidence[0].quote


def test_another_subject_is_unsupported(verifier: Verifier) -> None:
    verdict = verifier.verify("The museum opens its garden to visitors on Sundays.", [LORA])
    assert verdict.label == "unsupported"
    assert "“museum”" in verdict.reason


@pytest.mark.parametrize("claim", ["", "It is what it is.", "…"])
def test_what_states_nothing_is_uncheckable(verifier: Verifier, claim: str) -> None:
    assert verifier.verify(claim, [LORA]).label == "uncheckable"


def test_without_passages_nothing_can_be_checked(verifier: Verifier) -> None:
    heading = Passage("h", "d", 0, "Title", "", 0, 5, None, (Sentence(0, 5, "heading"),))
    for passages in ([], [heading]):
        verdict = verifier.verify("LoRA is fast.", passages)
        assert (verdict.label, verdict.evidence) == ("uncheckable", ())


def test_a_name_known_from_the_title_is_not_held_against_the_claim(verifier: Verifier) -> None:
    told = [passage("The method freezes the weights and trains two thin matrices instead.")]
    claim = "QLoRA freezes the weights and trains two thin matrices."
    assert "QLoRA" in verifier.verify(claim, told).reason
    assert "QLoRA" not in verifier.verify(claim, told, known="QLoRA, a primer").reason


def test_vectors_are_kept_between_calls() -> None:
    embedder = HashEmbedder()
    verifier = BuiltinVerifier(embedder.embed)
    first = verifier.verify("LoRA is a fast method.", [LORA])
    embedded = embedder.embedded
    assert verifier.verify("LoRA is a fast method.", [LORA]) == first
    assert embedder.embedded == embedded


def test_cases_are_embedded_together_and_each_has_the_verdict_of_its_own() -> None:
    calls: list[Sequence[str]] = []

    def embed(texts: Sequence[str]) -> Matrix:
        calls.append(texts)
        return HashEmbedder().embed(texts)

    claims = ["LoRA is a fast method.", "Is?", "Bees fly south.", "LoRA froze GPT-3."]
    cases = [(claim, [LORA], "") for claim in claims]
    verdicts = BuiltinVerifier(embed).verify_all(cases)
    assert len(calls) == 1
    assert verdicts == [BuiltinVerifier(embed).verify(claim, [LORA]) for claim in claims]
    assert verdicts[1].label == "uncheckable"


def test_the_score_is_the_logistic_of_the_weighted_features() -> None:
    zero = dict.fromkeys(FEATURES, 0.0)
    row = {"weight": 0.0, "mean": 0.0, "scale": 1.0}
    held = dict.fromkeys(FEATURES, row) | {"window": {"weight": 2.0, "mean": 0.5, "scale": 1.0}}
    weights = VerifierWeights(-1.0, held)
    assert weights.score(zero | {"window": 1.0}) == pytest.approx(0.5)
    assert weights.score(zero | {"window": 2.0}) == pytest.approx(1 / (1 + np.exp(-2.0)))


@pytest.mark.model
def test_paraphrases_pass_and_inventions_do_not_with_the_real_embedder() -> None:
    verifier = BuiltinVerifier(OnnxEmbedder().embed)
    faithful = [
        "LoRA cut the trainable parameters of GPT-3 by a factor of 10,000.",
        "A 7-billion-parameter model solved most tasks.",
    ]
    invented = [
        "LoRA was funded by a museum of modern art.",
        "Adapter layers were invented by LSTM researchers in a kitchen.",
    ]
    assert labels(verifier, faithful) == ["supported", "supported"]
    assert set(labels(verifier, invented)).isdisjoint({"supported"})


def labels(verifier: Verifier, claims: Sequence[str]) -> list[str]:
    verdicts: list[Verdict] = [verifier.verify(claim, [LORA]) for claim in claims]
    return [verdict.label for verdict in verdicts]
