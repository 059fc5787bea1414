"""The vectors that are held in memory, in step with the database, and searched there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_vectors import passage, record, rows

from seminar_rag.index import embeddings, reading
from seminar_rag.index.store import Store
from seminar_rag.index.vectors import VectorIndex


class _Watched(VectorIndex):
    """Counts how often it is searched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.searches = 0

    def query(self, vector: Any, k: int) -> list[tuple[str, float]]:
        self.searches += 1
        return super().query(vector, k)


@pytest.mark.model
@pytest.mark.slow
def test_a_small_course_is_searched_in_memory_before_during_and_after_an_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows(40)
    watched = _Watched(tmp_path / "chroma")
    store = Store(tmp_path, "", watched)
    assert store.dense(made[0], 5) == []
    with store.writer():
        for at in range(4):
            store.replace(record(f"d{at}"), [passage("p", f"d{at}")], made[at : at + 1])
            assert [id_ for id_, _ in store.dense(made[at], 1)] == [f"d{at}-p"]
            assert len(store.dense(made[0], 9)) == at + 1
        assert watched._collection is not None
        store.replace(record("d1"), [passage("later", "d1")], made[9:10])
        assert [id_ for id_, _ in store.dense(made[9], 1)] == ["d1-later"]
    assert {id_ for id_, _ in store.dense(made[0], 9)} == {"d0-p", "d1-later", "d2-p", "d3-p"}
    assert not watched.searches
    assert watched._collection is None  # its memory is free again
    found = store.dense(made[0], 3)
    monkeypatch.setattr(reading, "HELD", 3)
    assert [id_ for id_, _ in store.dense(made[0], 3)] == [id_ for id_, _ in found]
    assert dict(store.dense(made[0], 3)) == pytest.approx(dict(found), abs=2e-4)
    assert watched.searches == 2


@pytest.mark.parametrize("small", [True, False])
def test_held_vectors_follow_what_is_written(
    store: Store, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is taken over and what is read again together are what would be read anew."""
    if not small:
        monkeypatch.setattr(reading, "SMALL", 0)
    made, dice = rows(60), random.Random(3)
    for step in range(30):
        document = f"d{dice.randrange(6)}"
        if dice.random() < 0.2:
            store.remove([document])
        else:
            chosen = dice.sample(range(int(document[1]), 60, 6), dice.randint(1, 6))
            texts = [passage(f"p{at}", document) for at in chosen]
            store.replace(record(document), texts, made[chosen])
        if step % 3 == 0:  # several changes may lie between two searches
            continue
        held = store._held_vectors()
        assert held is not None
        with store.guarded() as db:
            anew = embeddings.held_vectors(db, small)
        assert len(held.ids) == len(anew.ids)
        for within in (None, ["d1", "d4"]):
            found = held.nearest(made[step], 9, within)
            assert dict(found) == pytest.approx(dict(anew.nearest(made[step], 9, within)))


def test_only_documents_that_changed_are_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, read = rows(8), [""] * 0
    for at in range(4):
        store.replace(record(f"d{at}"), [passage("p", f"d{at}")], made[at : at + 1])
    store.dense(made[0], 1)
    whole = embeddings.unpacked

    def counted(blobs: Any, dimensions: int) -> Any:
        read.extend(blobs)
        return whole(blobs, dimensions)

    monkeypatch.setattr(embeddings, "unpacked", counted)
    store.replace(record("d2"), [passage("new", "d2")], made[6:7])
    assert store.dense(made[6], 1)[0][0] == "d2-new"
    assert len(read) == 1
    store.assign("d2", "another reading")
    assert store.dense(made[6], 1)[0][0] == "d2-new"
    assert len(read) == 1


def test_vectors_that_are_damaged_are_not_held(store: Store) -> None:
    with store.writer():
        store.replace(record(), [passage(f"p{at}") for at in range(3)], rows(3))
    with store.guarded() as db:
        db.execute("UPDATE passage SET vector = ? WHERE id = ?", (b"\0", "d-p1"))
        held = embeddings.held_vectors(db)
        assert held.ids == ["d-p0", "d-p2"]
        assert held.rows.shape == (2, rows(1).shape[1])
        assert held.nearest(rows(3)[2], 9, ["d", "unknown"])[0][0] == "d-p2"
        assert held.nearest(rows(1)[0], 9, ["unknown"]) == []
        db.execute("DELETE FROM passage")
        assert embeddings.held_vectors(db).ids == []


def test_of_many_vectors_those_with_the_signs_most_alike_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = np.random.default_rng(4)
    centres, noise = chance.normal(size=(20, 100)), chance.normal(size=(2_000, 100))
    made = (centres.repeat(100, axis=0) + 0.7 * noise).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    ids = [f"p{at}" for at in range(len(made))]
    blocks = [(ids[at : at + 90], ["d"] * 90, made[at : at + 90]) for at in range(0, 1_980, 90)]
    blocks.append((ids[1_980:], ["e"] * 20, made[1_980:]))
    held, exact = embeddings.HeldVectors(blocks, exact=False), embeddings.HeldVectors(blocks)
    monkeypatch.setattr(embeddings, "COMPARED", 300)
    shared = 0
    for own in made[::100]:
        found, right = held.nearest(own, 50), exact.nearest(own, 50)
        assert found[0][0] == right[0][0]
        assert dict(found)[right[0][0]] == pytest.approx(1, abs=0.01)
        shared += len({id_ for id_, _ in found} & {id_ for id_, _ in right})
    assert shared >= 0.97 * 20 * 50
    assert held.cosines(made[0], ["p5", "unknown"]) == pytest.approx(
        {"p5": float(made[5] @ made[0])}, abs=0.01
    )
    within = held.nearest(made[0], 50, ["e"])
    assert {id_ for id_, _ in within} == set(ids[1_980:])
    assert held.rows.nbytes * 4 == exact.rows.nbytes


def test_all_that_are_as_like_as_the_last_compared_are_compared_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = np.random.default_rng(5).uniform(0.1, 1, size=(40, 64)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)  # their signs are all the same
    ids = [f"p{at}" for at in range(len(made))]
    held = embeddings.HeldVectors([(ids, ["d"] * len(ids), made)], exact=False)
    monkeypatch.setattr(embeddings, "COMPARED", 3)
    assert [held.nearest(own, 1)[0][0] for own in made] == ids
