"""The verifier that asks a model, on a model of a few kilobytes with random weights."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from check.scripted import hit
from conftest import MemoryVectors
from seminar_rag.check.entailment import EntailmentVerifier, _columns, _judge
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.index.embed import HashEmbedder

WORDS = "lora freezes the weights attention costs square of length model says so a b c d e".split()


def save_tiny(folder: Path, labels: list[str], bias: list[float] | None = None) -> Path:
    """A BERT of one layer over two dozen words; `bias` fixes what it says of everything."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=32)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    if bias is not None:
        with torch.no_grad():
            model.classifier.weight.zero_()
            model.classifier.bias.copy_(torch.tensor(bias))
    model.save_pretrained(folder)
    return folder


NLI = ["contradiction", "entailment", "neutral"]
PASSAGE = hit("lora", *(f"{word} costs the square of the length." for word in WORDS[-8:])).passage


@pytest.mark.model
@pytest.mark.parametrize(
    ("labels", "bias", "label"),
    [
        (NLI, [0.0, 5.0, 0.0], "supported"),
        (NLI, [5.0, 0.0, 0.0], "contradicted"),
        (NLI, [0.0, 0.0, 5.0], "unsupported"),
        (["entailment", "neutral", "contradiction"], [5.0, 0.0, 0.0], "supported"),
        (["not_entailment", "entailment"], [0.0, 5.0], "supported"),
        (["LABEL_0", "LABEL_1"], [5.0, 0.0], "unsupported"),
        (["score"], [5.0], "supported"),
        (["score"], [-5.0], "unsupported"),
    ],
)
def test_what_the_model_says_is_the_verdict(
    tmp_path: Path, labels: list[str], bias: list[float], label: str
) -> None:
    verifier = EntailmentVerifier(str(save_tiny(tmp_path / "tiny-nli", labels, bias)))
    verdict = verifier.verify("Attention freezes the model.", [PASSAGE])
    assert verdict.label == label
    assert verdict.verifier == "tiny-nli"
    assert 1 <= len(verdict.evidence) <= 3
    for one in verdict.evidence:
        assert one.quote == PASSAGE.quote(PASSAGE.sentences[one.sentence])


@pytest.mark.model
def test_long_evidence_is_read_in_windows_that_fit(tmp_path: Path) -> None:
    verifier = EntailmentVerifier(str(save_tiny(tmp_path / "tiny", NLI)))
    verifier.verify("Attention freezes the model.", [PASSAGE])
    windows = verifier._windows("Attention freezes the model.", [PASSAGE])
    assert len(windows) > 2
    assert {i for window in windows for i in window.sentences} == set(range(8))
    for window in windows:
        assert verifier._count(window.text) + 5 + 3 <= 32
    pairs = itertools.pairwise(windows)
    shared = [set(one.sentences) & set(other.sentences) for one, other in pairs]
    assert all(shared), "neighbouring windows overlap"
    support, _ = verifier._scores("Attention freezes the model.", [w.text for w in windows])
    verdict = verifier.verify("Attention freezes the model.", [PASSAGE])
    assert verdict.score == pytest.approx(float(support.max()), abs=0.001)


@pytest.mark.model
def test_a_quotation_needs_no_model_to_agree(tmp_path: Path) -> None:
    verifier = EntailmentVerifier(str(save_tiny(tmp_path / "tiny", NLI, [5.0, 0.0, 0.0])))
    quoted = PASSAGE.quote(PASSAGE.sentences[2])
    assert verifier.verify(f"“{quoted}”", [PASSAGE]).label == "supported"
    assert verifier.verify("Is of it.", [PASSAGE]).label == "uncheckable"
    assert verifier.verify("Attention costs.", []).label == "uncheckable"


@pytest.mark.model
def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"\[check\] model"):
        EntailmentVerifier(str(tmp_path / "empty")).verify("Attention costs.", [PASSAGE])


@pytest.mark.model
def test_the_configured_model_checks_texts(posts: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path / "mine", NLI, [0.0, 5.0, 0.0])
    config = Config(folder=tmp_path, data_dir="data", check_model="mine")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    list(course.ingest([posts]))
    checking = course.check("Bees sleep in winter.")
    assert [(item.label, item.verifier) for item in checking] == [("supported", "mine")]
    course.close()


def test_columns_follow_the_names_of_the_labels() -> None:
    assert _columns(dict(enumerate(NLI))) == (1, 0)
    assert _columns({0: "ENTAILMENT", 1: "NEUTRAL", 2: "CONTRADICTION"}) == (0, 2)
    assert _columns({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}) == (1, 0)
    assert _columns({0: "hallucinated", 1: "consistent"}) == (1, None)


def test_contradiction_needs_more_than_even_odds() -> None:
    assert _judge(0.3, 0.6)[0] == "partly"
    assert _judge(0.1, 0.6)[0] == "unsupported"
    assert _judge(0.1, 0.8)[0] == "contradicted"
    assert _judge(0.55, 0.1)[0] == "supported"
