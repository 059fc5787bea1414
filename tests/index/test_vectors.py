"""The real Chroma: embedded, read by another process, and as a server."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chroma_server import chroma_server
from loopback import free_port
from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import reading, vectors
from seminar_rag.index.rescue import rescue
from seminar_rag.index.store import Store
from seminar_rag.index.vectors import VectorIndex, graph_damage
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


def record(document: str = "d") -> Record:
    return Record(Document(document, "paper", "r", "T"), "s", "h")


def passage(text: str, document: str = "d") -> Passage:
    sentences = (Sentence(0, len(text)),)
    return Passage(f"{document}-{text}", document, 0, text, "", 0, 1, None, sentences)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any course has too many passages to be searched in memory."""
    monkeypatch.setattr(reading, "HELD", 0)


WRITE = """
import sys
import numpy as np
from pathlib import Path
tests = Path(sys.argv[2])
sys.path[:0] = [str(tests), str(tests.parent)]
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
    assert found[1] == pytest.approx(1, abs=1e-4)
    assert reader.findings() == []


class _Changing(VectorIndex):
    """Fails in its first query, as Chroma does while another process removes what it finds."""

    failed = False

    def query(self, vector: Any, k: int) -> list[tuple[str, float]]:
        if not self.failed:
            self.failed = True
            raise DamagedError("Error finding id")
        return super().query(vector, k)


def test_a_search_that_meets_a_change_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, many: None
) -> None:
    changing = _Changing(tmp_path / "chroma")
    store = Store(tmp_path, "", changing)
    with store.writer():
        store.replace(record(), [passage("old")], rows(1))
    assert store.dense(rows(1)[0], 1)[0][0] == "d-old"
    assert changing.failed
    assert not caplog.records


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


def test_a_store_that_was_not_opened_is_closed_without_chroma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "chromadb", raising=False)
    monkeypatch.setitem(sys.modules, "chromadb.api.shared_system_client", None)
    VectorIndex(tmp_path).refresh()


# --- the graph on disk ---------------------------------------------------------------------------


@pytest.fixture
def soon_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "HNSW", {**vectors.HNSW, "sync_threshold": 40, "batch_size": 20})


@pytest.mark.slow
def test_a_damaged_graph_is_found_passed_over_and_rebuilt(
    tmp_path: Path, soon_on_disk: None, many: None
) -> None:
    made = rows(200)
    store = Store(tmp_path)
    with store.writer():
        store.replace(record(), [passage(f"p{at}") for at in range(200)], made)
    store.close()
    store.vectors.refresh()
    (level,) = tmp_path.glob("chroma/*/data_level0.bin")
    level.write_bytes(np.random.default_rng(1).bytes(level.stat().st_size))
    again = Store(tmp_path)
    assert again.dense(made[7], 1)[0][0] == "d-p7"
    (finding,) = again.findings()
    assert "its graph is damaged" in finding
    with pytest.raises(StoreError, match="doctor --repair"), again.writer():
        again.replace(record(), [passage("new")], made[:1])
    with again.writer():
        again.repair()
    assert again.findings() == []
    assert again.vectors.query(made[7], 1)[0][0] == "d-p7"


@pytest.mark.slow
@pytest.mark.parametrize("torn", ["length.bin", "link_lists.bin", "index_metadata.pickle"])
def test_a_writer_that_was_killed_while_chroma_wrote_its_graph_needs_no_doctor(
    tmp_path: Path, soon_on_disk: None, database: str, torn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma empties these files and writes them anew; a kill in between leaves part of them."""
    made, ids = rows(200), [f"p{at}" for at in range(200)]
    store = Store(tmp_path, database=database)
    with store.writer():
        store.replace(record(), [passage(id_) for id_ in ids[:150]], made[:150])
        store._announce(["d-p150"])  # as `replace` does before it adds the vector
    store.close()
    store.vectors.refresh()
    (file,) = tmp_path.glob(f"chroma/*/{torn}")
    file.write_bytes(file.read_bytes()[:9])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    again = Store(tmp_path, database=database)
    with monkeypatch.context() as patched:  # the repair is cut short too
        patched.setattr(again.vectors, "add", killed)
        with pytest.raises(KeyboardInterrupt), again.writer():
            pass
    again.close()
    last = Store(tmp_path, database=database)
    with last.writer():
        pass
    assert last.findings() == []
    assert [last.vectors.query(one, 1)[0][0] for one in made[:150:30]] == [
        f"d-p{at}" for at in range(0, 150, 30)
    ]
    last.close()


@pytest.mark.slow
def test_no_sound_graph_is_taken_for_a_damaged_one(tmp_path: Path, soon_on_disk: None) -> None:
    dice, index, have = random.Random(2), VectorIndex(tmp_path), [""] * 0
    for step in range(40):
        if have and dice.random() < 0.4:
            gone = dice.sample(have, min(len(have), dice.randint(1, 30)))
            index.delete(gone)
            have = [one for one in have if one not in gone]
        else:
            new = [f"{step}-{at}" for at in range(dice.randint(1, 60))]
            index.add(new, rows(len(new), step), "d")
            have += new
        assert graph_damage(tmp_path) == ""
        if dice.random() < 0.3:
            index.refresh()
        assert index.ids() == set(have)
        assert graph_damage(tmp_path) == ""
    assert list(tmp_path.glob("*/data_level0.bin"))


SEARCH_DAMAGED = """
import random, shutil, sys
from pathlib import Path
import numpy as np
from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index.vectors import VectorIndex, graph_damage
whole, here = Path(sys.argv[1]), Path(sys.argv[2])
questions = np.random.default_rng(9).standard_normal((20, 16)).astype(np.float32)
found = 0
for number in range(160):
    dice = random.Random(number)
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(whole, here)
    file = dice.choice(sorted(one for one in here.glob("*/*.bin") if one.stat().st_size))
    content = bytearray(file.read_bytes())
    at, kind = dice.randrange(len(content)), number % 4
    if kind == 0:
        del content[at:]
    elif kind == 1:
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    elif kind == 2:
        content[at] ^= 1 << dice.randrange(8)
    else:
        content[at : at + 256] = dice.randbytes(len(content[at : at + 256]))
    file.write_bytes(content)
    if graph_damage(here):
        found += 1
        continue
    index = VectorIndex(here)
    try:
        for one in questions:
            index.query(one, 10)
    except StoreError:
        pass
    index.refresh()
print(found)
"""


@pytest.mark.slow
def test_what_is_let_through_ends_no_process(tmp_path: Path, soon_on_disk: None) -> None:
    """Damage of 160 kinds is found, or harmless: without the check it ends every third process."""
    index = VectorIndex(tmp_path / "whole")
    index.add([f"p{at}" for at in range(300)], rows(300), "d")
    index.refresh()
    done = subprocess.run(
        [sys.executable, "-c", SEARCH_DAMAGED, tmp_path / "whole", tmp_path / "here"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 40


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
    with pytest.raises(StoreError, match="doctor --repair"):
        Store(tmp_path)
    rescue(tmp_path)
    again = Store(tmp_path)
    assert "lacks 1 of 1 passages" in " ".join(again.findings())
    with again.writer():
        again.repair()
    assert again.findings() == []
    (aside,) = tmp_path.glob("not-ours-*/chroma")
    assert aside.read_text() == "mine"


@pytest.mark.slow
def test_the_same_against_a_server(tmp_path: Path, database: str) -> None:
    with chroma_server(tmp_path / "served") as server:
        store = Store(tmp_path / "data", server, database=database)
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
    store = Store(tmp_path, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreError, match="chroma run"):
        store.replace(record(), [passage("new")], rows(1))


def test_llama_index_reads_what_is_stored(tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings
    from llama_index.core.vector_stores import VectorStoreQuery
    from llama_index.vector_stores.chroma import ChromaVectorStore

    index, made = VectorIndex(tmp_path), rows(3)
    index.add(["x", "y"], made[:2], "a")
    index.add(["z"], made[2:], "b")
    client = chromadb.PersistentClient(str(tmp_path), Settings(anonymized_telemetry=False))
    store = ChromaVectorStore(chroma_collection=client.get_collection("passages"))
    found = store.query(VectorStoreQuery(query_embedding=made[2].tolist(), similarity_top_k=2))
    assert found.ids is not None
    assert found.nodes is not None
    assert found.ids[0] == found.nodes[0].node_id == "z"
    assert found.nodes[0].metadata == {"document": "b"}
