"""The verifier that asks a model, on a model of a few kilobytes with random weights."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from check.scripted import hit
from memory import MemoryVectors
from seminar_rag.check.entailment import (
    MODELS,
    CrossEncoder,
    _columns,
    present,
)
from seminar_rag.check.judge import ModelVerifier
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.models.hub import fetch

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


def judged_by(folder: Path) -> ModelVerifier:
    return ModelVerifier(CrossEncoder(str(folder)), BuiltinVerifier(HashEmbedder().embed))


NLI = ["contradiction", "entailment", "neutral"]
PASSAGE = hit("lora", *(f"{word} costs the square of the length." for word in WORDS[-8:])).passage


@pytest.mark.model
@pytest.mark.parametrize(
    ("labels", "bias", "label"),
    [
        (NLI, [0.0, 5.0, 0.0], "supported"),
        (NLI, [5.0, 0.0, 0.0], "contradicted"),
        (NLI, [0.0, 0.0, 5.0], "unsupported"),
        (NLI, [0.4, -5.0, 0.0], "unsupported"),
        (NLI, [1.5, 1.0, -1.0], "partly"),
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
    verifier = judged_by(save_tiny(tmp_path / "tiny-nli", labels, bias))
    verdict = verifier.verify("Attention freezes the model.", [PASSAGE])
    assert verdict.label == label
    assert verdict.verifier == "tiny-nli"
    assert 1 <= len(verdict.evidence) <= 3
    for one in verdict.evidence:
        assert one.quote == PASSAGE.quote(PASSAGE.sentences[one.sentence])


@pytest.mark.model
def test_a_quotation_needs_no_model_to_agree(tmp_path: Path) -> None:
    verifier = judged_by(save_tiny(tmp_path / "tiny", NLI, [5.0, 0.0, 0.0]))
    quoted = PASSAGE.quote(PASSAGE.sentences[2])
    assert verifier.verify(f"“{quoted}”", [PASSAGE]).label == "supported"
    assert verifier.verify("Is of it.", [PASSAGE]).label == "uncheckable"
    assert verifier.verify("Attention costs.", []).label == "uncheckable"


@pytest.mark.model
def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"\[check\] model"):
        judged_by(tmp_path / "empty").verify("Attention costs.", [PASSAGE])


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


# the hub


def _tree(folder: Path) -> list[dict[str, object]]:
    """The files of a repository, with one too many."""
    files = [(one.name, one.stat().st_size) for one in sorted(folder.iterdir())]
    return [
        {"type": "file", "path": name, "size": size, "oid": "5" * 40}
        for name, size in (*files, ("onnx/model.onnx", 5))
    ]


def _answer(path: str, folder: Path, repository: str) -> bytes | None:
    tree = _tree(folder)
    if path.startswith(f"/api/models/{repository}/tree/"):
        return json.dumps(tree).encode()
    if path.startswith(f"/api/models/{repository}/revision/main"):
        names = [{"rfilename": one["path"]} for one in tree]
        return json.dumps({"id": repository, "sha": "5" * 40, "siblings": names}).encode()
    file = folder / path.rpartition("/")[2]
    there = path.startswith(f"/{repository}/resolve/") and file.is_file()
    return file.read_bytes() if there else None


@contextmanager
def hub(folder: Path, repository: str) -> Iterator[tuple[str, list[str]]]:
    """As much of a model hub as a download needs, over the files of a folder; its address, and
    the files asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = _answer(self.path, folder, repository)
            self._give(data or b"", 200 if data is not None else 404)

        def do_HEAD(self) -> None:
            asked.append(self.path.rpartition("/")[2])
            self.do_GET()

        def _give(self, data: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", "5" * 40)
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.mark.model
def test_a_model_is_fetched_and_then_taken_by_itself(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "tiny", NLI, [0.0, 5.0, 0.0])
    name = MODELS[-1]
    config = Config(folder=tmp_path)

    def course(config: Config) -> Course:
        return Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())

    assert present() is None
    assert course(config).verifier.name == "built-in"
    wanted = course(replace(config, check_verifier="model"))
    assert any("is not here yet" in one.what for one in wanted.doctor())
    with hub(tmp_path / "tiny", name) as (address, asked):
        path = fetch(name, address)
    assert (path / "model.safetensors").is_file()
    assert "model.onnx" not in asked
    assert present() == name
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = course(config)
    assert found.verifier.name == name
    assert any(one.what == f"checking: {name}" for one in found.doctor())
    assert found.verifier.verify("lora freezes the length", [PASSAGE]).label == "supported"
    assert course(replace(config, check_verifier="builtin")).verifier.name == "built-in"


@pytest.mark.model
def test_what_is_not_on_the_hub_is_told(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "empty").mkdir()
    with hub(tmp_path / "empty", "owner/other") as (address, _):
        with pytest.raises(ModelError, match="no weights for a cross-encoder"):
            fetch("owner/other", address)
        with pytest.raises(ModelError, match="cannot be downloaded"):
            fetch("owner/name", address)
