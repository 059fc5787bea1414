"""A reranker: a scripted one, and a cross-encoder of a few kilobytes with random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from index.test_retrieve import put
from memory import MemoryVectors
from model_hub import model_hub
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.index.retrieve import RERANKED, Retriever
from seminar_rag.index.store import Store
from seminar_rag.models.embed import HashEmbedder, SentenceTransformerEmbedder
from seminar_rag.models.hub import downloaded, fetch
from seminar_rag.models.rerank import CrossEncoderReranker, chosen
from seminar_rag.models.suggested import RERANKERS, describe, suggest_here


class Scripted:
    """Likes the passages that hold a word."""

    name = "scripted"

    def __init__(self, word: str) -> None:
        self.word = word
        self.read: list[str] = []

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        self.read += texts
        return [float(self.word in text) for text in texts]


@pytest.fixture
def routers(store: Store) -> Store:
    put(store, "Routers", [f"A router sends token {i}." for i in range(40)], heading="How › Now")
    return store


def test_the_reranker_orders_what_was_found(routers: Store) -> None:
    plain = Retriever(routers, HashEmbedder()).search("router token", 40)
    late = plain[RERANKED - 1].passage
    reranker = Scripted(late.text)
    hits = Retriever(routers, HashEmbedder(), reranker).search("router token", 40)
    assert hits[0].passage == late
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.passage.id for hit in hits} == {hit.passage.id for hit in plain}
    assert len(reranker.read) == RERANKED
    assert reranker.read[0].startswith("Routers › How › Now\nA router")


def save_tiny(folder: Path, labels: int = 1) -> Path:
    """A BERT of one layer over a few words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bees", "router", "token", "sends", "."]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=32)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.model
def test_a_cross_encoder_reads_pairs(tmp_path: Path) -> None:
    reranker = CrossEncoderReranker(str(save_tiny(tmp_path / "tiny")))
    one, other = reranker.scores("router?", ["router sends token", "bees . " * 40])
    assert one != other
    assert reranker.scores("router?", ["bees . " * 40]) == [pytest.approx(other, abs=1e-5)]


@pytest.mark.model
def test_what_is_no_reranker_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"\[retrieve\] reranker"):
        CrossEncoderReranker(str(tmp_path / "empty")).scores("a", ["b"])
    nli = save_tiny(tmp_path / "nli", labels=3)
    with pytest.raises(ModelError, match="gives 3 scores, a reranker gives one"):
        CrossEncoderReranker(str(nli)).scores("a", ["b"])


@pytest.mark.model
def test_the_configured_reranker_searches_and_the_doctor_names_it(
    posts: Path, tmp_path: Path
) -> None:
    save_tiny(tmp_path / "mine")
    config = Config(folder=tmp_path, data_dir="data", retrieve_reranker="mine")
    course = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    list(course.ingest([posts]))
    assert course.search("Bees sleep in winter.", 3)
    told = [finding.what for finding in course.doctor()]
    assert f"reranker: {tmp_path / 'mine'}" in told
    course.close()


def test_a_suggested_one_is_used_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seminar_rag.models.rerank.downloaded", lambda _: False)
    assert chosen("") is None
    monkeypatch.setattr(
        "seminar_rag.models.rerank.downloaded", lambda name: name == RERANKERS[1].name
    )
    assert chosen("") == RERANKERS[1].name
    assert chosen("off") is None
    assert chosen("some/model") == "some/model"


def test_what_is_downloaded(tmp_path: Path) -> None:
    assert downloaded(str(tmp_path))
    assert not downloaded("nobody/has-this")
    assert not downloaded("no name at all")
    told = describe(tmp_path, suggest_here(), {RERANKERS[0].name})
    assert f"{RERANKERS[0].name}\n    130 MB, downloaded" in told
    assert "not downloaded" in told


def test_weights_in_several_files_are_downloaded_once_all_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--someone--large"
    files = kept / "snapshots" / "abc"
    files.mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    (files / "config.json").write_text("{}")
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = files / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": parts[0], "b": parts[1], "c": parts[1]}}))
    (files / parts[0]).touch()
    model = SentenceTransformerEmbedder("someone/large")
    assert not downloaded("someone/large")
    assert "not downloaded" in model.missing()
    (files / parts[1]).touch()
    assert downloaded("someone/large")
    assert not model.missing()
    index.write_text("torn")
    assert not downloaded("someone/large")
    index.rename(files / "pytorch_model.bin.index.json").write_text(
        json.dumps({"weight_map": {"a": parts[0]}})
    )
    assert downloaded("someone/large")


# the hub


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.mark.model
def test_a_model_is_fetched_and_then_taken_by_itself(tmp_path: Path, cache: Path) -> None:
    save_tiny(tmp_path / "tiny")
    name = RERANKERS[-1].name
    assert chosen("") is None
    with model_hub(tmp_path / "tiny", name, ["onnx/model.onnx"]) as (address, given):
        course = Course(Config(folder=tmp_path))
        assert "a reranker that orders what is found" in course.fetch_reranker(name, address)
    assert "model.safetensors" in given
    assert "onnx/model.onnx" not in given
    assert chosen("") == name


@pytest.mark.model
def test_what_is_not_on_the_hub_is_told(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "empty").mkdir()
    with model_hub(tmp_path / "empty", "owner/other") as (address, _):
        with pytest.raises(ModelError, match="no weights for a cross-encoder"):
            fetch("owner/other", address)
        with pytest.raises(ModelError, match="cannot be downloaded"):
            fetch("owner/name", address)
