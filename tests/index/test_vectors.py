"""The real Chroma: embedded, read by another process, and as a server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seminar_rag.errors import StoreError
from seminar_rag.index.store import Store
from seminar_rag.index.vectors import VectorIndex
from seminar_rag.types import Document, Passage, Sentence
from seminar_rag.types.catalogue import Record

pytestmark = pytest.mark.model


def rows(n: int, seed: int = 0) -> np.ndarray[Any, Any]:
    made = np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_nearest_first_with_cosines(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path)
    made = rows(20)
    index.add([f"a{i}" for i in range(10)], made[:10], "a")
    index.add([f"b{i}" for i in range(10)], made[10:], "b")
    (first, cosine), *rest = index.query(made[3], 5)
    assert first == "a3"
    assert cosine == pytest.approx(1, abs=1e-5)
    assert all(cosine >= other for _, other in rest)
    assert dict(index.query(made[3], 20))["b2"] == pytest.approx(made[3] @ made[12], abs=1e-5)


def test_adding_again_replaces_and_deleting_removes(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path)
    made = rows(2)
    index.add(["x"], made[:1], "a")
    index.add(["x"], made[1:], "b")
    assert index.query(made[1], 5) == [("x", pytest.approx(1, abs=1e-5))]
    index.delete(["x", "unknown"])
    assert index.ids() == set()


def test_more_than_one_batch(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path)
    made = rows(2100)
    index.add([str(i) for i in range(2100)], made, "a")
    assert len(index.ids()) == 2100


def record() -> Record:
    return Record(Document("d", "paper", "r", "T"), "s", "h")


def passage(text: str) -> Passage:
    return Passage(f"d-{text}", "d", 0, text, "", 0, 1, None, (Sentence(0, len(text)),))


WRITE = """
import sys
import numpy as np
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_vectors import passage, record, rows
from seminar_rag.index.store import Store
store = Store(Path(sys.argv[1]))
with store.writer():
    store.replace(record(), [passage("fresh")], rows(2)[1:])
"""


@pytest.mark.slow
def test_a_reader_sees_what_another_process_wrote(tmp_path: Path) -> None:
    reader = Store(tmp_path)
    made = rows(2)
    with reader.writer():
        reader.replace(record(), [passage("old")], made[:1])
    assert reader.catalogue().records["d"].passages == 1
    assert reader.dense(made[0], 1)[0][0] == "d-old"
    subprocess.run(
        [sys.executable, "-c", WRITE, str(tmp_path), str(Path(__file__).parent)], check=True
    )
    assert reader.catalogue().records["d"].passages == 1
    (found,) = reader.dense(made[1], 5)
    assert found[0] == "d-fresh"
    assert found[1] == pytest.approx(1, abs=1e-5)
    assert reader.findings() == []


@pytest.mark.slow
def test_a_damaged_folder_is_rebuilt_from_the_database(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = rows(1)
    with store.writer():
        store.replace(record(), [passage("kept")], made)
    store.close()
    store.vectors.refresh()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"junk" * 500)
    again = Store(tmp_path)
    assert "doctor --repair" in " ".join(again.findings())
    with again.writer():
        again.repair()
    assert again.findings() == []
    assert again.dense(made[0], 1)[0][0] == "d-kept"


@pytest.mark.slow
@pytest.mark.slow
def test_a_damaged_graph_is_found_and_rebuilt(tmp_path: Path) -> None:
    made = np.random.default_rng(0).normal(size=(1200, 8)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    store = Store(tmp_path)
    with store.writer():
        store.replace(record(), [passage(f"p{at}") for at in range(1200)], made)
    store.close()
    store.vectors.refresh()
    (graph,) = tmp_path.glob("chroma/*/data_level0.bin")
    graph.write_bytes(np.random.default_rng(1).bytes(graph.stat().st_size))
    again = Store(tmp_path)
    assert "ends whoever searches it" in " ".join(again.findings())
    with again.writer():
        again.repair()
    assert again.findings() == []


@pytest.mark.slow
def test_a_file_in_place_of_the_folder_is_moved_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = rows(1)
    with store.writer():
        store.replace(record(), [passage("kept")], made)
    store.close()
    store.vectors.refresh()
    shutil.rmtree(tmp_path / "chroma")
    (tmp_path / "chroma").write_text("mine")
    again = Store(tmp_path)
    assert "doctor --repair" in " ".join(again.findings())
    with again.writer():
        again.repair()
    assert again.findings() == []
    (aside,) = tmp_path.glob("chroma-aside-*")
    assert aside.read_text() == "mine"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    running = subprocess.Popen(
        [chroma, "run", "--host", "127.0.0.1", "--port", str(port), "--path", tmp_path / "served"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(150):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        else:
            pytest.fail("the Chroma server did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


@pytest.mark.slow
def test_the_same_against_a_server(tmp_path: Path, server: str) -> None:
    store = Store(tmp_path / "data", server)
    made = rows(2)
    with store.writer():
        store.replace(record(), [passage("old")], made[:1])
        store.replace(record(), [passage("new")], made[1:])
    assert [id_ for id_, _ in store.dense(made[1], 5)] == ["d-new"]
    with store.writer():
        store.repair()
    assert store.findings() == []
    assert not (tmp_path / "data" / "chroma").exists()


def test_a_missing_server_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = Store(tmp_path, f"http://127.0.0.1:{port}")
    with pytest.raises(StoreError, match="chroma run"):
        store.dense(rows(1)[0], 1)
