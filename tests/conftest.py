"""Fixtures that several rooms' tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory import MemoryVectors
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.index.embed import HashEmbedder, SentenceTransformerEmbedder
from seminar_rag.index.store import Store

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real data that lies beside the checkout where the project is developed."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store, its vectors in memory."""
    one = Store(tmp_path / "data", vectors=MemoryVectors())
    yield one
    one.close()


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


POST_ONE = """---
title: Attention
tags:
- Basics
---

## Required Readings:

### Attention Is All You Need
+ Ashish Vaswani, Noam Shazeer, Niki Parmar
+ https://arxiv.org/abs/1706.03762
+ The transformer is a sequence model that relies on attention alone and needs no recurrence at
  all. It trains faster than recurrent models and set a new best score in translation.

## More Readings:

### Layer Normalization
+ https://arxiv.org/abs/1607.06450
+ Layer normalization is a method that computes the mean and the variance over the features of a
  single example. It makes the training of recurrent networks steadier and needs no batches.

<!--excerpt.start-->

# Blog: Attention

## Why attention

Attention weighs every token of the input against every other token. The cost grows with the
square of the length. Multi-head attention runs eight heads side by side in the base model.

## Limits

- Long inputs need much memory because every pair of tokens is compared.
- Positions must be added by hand.
"""

POST_TWO = """---
title: Retrieval
tags:
- RAG
---

## Required Readings:

### Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks
+ https://arxiv.org/abs/2005.11401
+ Retrieval-augmented generation is a method that lets a generator read passages which a retriever
  has found in an index. Its knowledge can be updated by replacing the index, without training.

<!--excerpt.start-->

# Blog: Retrieval

## Failure modes

A retriever may return passages that do not answer the question. The generator then answers from
memory, and the answer may be wrong. Reranking moves the useful passages to the front.
"""


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """A folder of two posts."""
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "S01.md").write_text(POST_ONE, encoding="utf-8")
    (folder / "S02.md").write_text(POST_TWO, encoding="utf-8")
    return folder


@pytest.fixture
def tiny_course(tmp_path: Path, posts: Path) -> Iterator[Course]:
    """A course of two posts, embedded with hashed words, its vectors in memory."""
    course = Course(
        Config(folder=tmp_path, data_dir="data"),
        embedder=HashEmbedder(),
        vectors=MemoryVectors(),
    )
    list(course.ingest([posts]))
    yield course
    course.close()


@pytest.fixture(scope="session")
def minilm() -> SentenceTransformerEmbedder:
    """The real default model."""
    return SentenceTransformerEmbedder()


@pytest.fixture(scope="session")
def sample_course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """The bundled sample course, ingested for real once a test run."""
    from seminar_rag.sample import PAGE

    course = Course(Config(folder=tmp_path_factory.mktemp("sample")))
    list(course.ingest([PAGE]))
    yield course
    course.close()


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of a megabyte with random weights."""
    from gguf_fixture import build_gguf

    return build_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")
