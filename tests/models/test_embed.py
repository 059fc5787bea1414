from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder, Precision, SentenceTransformerEmbedder, unit


def test_the_fake_is_near_for_shared_words() -> None:
    fake = HashEmbedder()
    one, two, other = fake.embed(["attention heads", "heads of attention", "banana bread recipe"])
    assert one @ two > 0.9 > 0.5 > one @ other
    assert fake.embedded == 3


def test_unit_leaves_zero_rows() -> None:
    scaled = unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    assert scaled.tolist() == [pytest.approx([0.6, 0.8]), [0.0, 0.0]]


@pytest.mark.model
def test_the_packaged_model(minilm: SentenceTransformerEmbedder) -> None:
    done: list[int] = []
    texts = ["What is attention?", "Attention weighs the tokens.", "A recipe for bread."] * 50
    made = minilm.embed(texts, done.append)
    assert made.shape == (150, 384)
    assert made.dtype == np.float32
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert sum(done) == 150
    assert made[0] @ made[1] > 0.4 > made[0] @ made[2]
    assert np.allclose(made[0], made[3], atol=0.02), "order is kept through sorting by length"
    assert minilm.count("tokenization") == 2
    assert minilm.max_tokens == 256
    assert minilm.embed([]).shape == (0, 384)


@pytest.mark.model
def test_models_that_are_loaded_at_once_keep_their_type_of_numbers() -> None:
    import torch

    precisions: list[Precision] = ["bfloat16", "float32"] * 3
    with ThreadPoolExecutor(len(precisions)) as pool:
        made = list(
            pool.map(
                lambda one: SentenceTransformerEmbedder(precision=one).embed(["A text."]),
                precisions,
            )
        )
    assert torch.get_default_dtype() == torch.float32
    assert all(one.shape == (1, 384) for one in made)


@pytest.mark.model
def test_bfloat16_agrees_with_float32(minilm: SentenceTransformerEmbedder) -> None:
    texts = ["Retrieval finds passages.", "The cache stores keys and values of every layer."]
    exact = SentenceTransformerEmbedder(precision="float32").embed(texts)
    half = SentenceTransformerEmbedder(precision="bfloat16").embed(texts)
    assert np.all(np.sum(exact * half, axis=1) > 0.999)


@pytest.mark.model
def test_a_model_from_a_folder(tmp_path: Path, minilm: SentenceTransformerEmbedder) -> None:
    minilm._load().save(str(tmp_path / "mine"))
    own = SentenceTransformerEmbedder(str(tmp_path / "mine"))
    assert own.count("tokenization") == 2
    assert own.max_tokens == 256
    assert np.all(np.sum(own.embed(["words"]) * minilm.embed(["words"]), axis=1) > 0.999)


@pytest.mark.model
def test_a_model_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"\[embed\] model"):
        SentenceTransformerEmbedder(str(tmp_path / "empty")).embed(["x"])
