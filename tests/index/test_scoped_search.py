from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seminar_rag.index import embeddings
from seminar_rag.index.embeddings import nearest_within
from seminar_rag.index.sqlite import Sqlite, connect


def course(documents: int, passages: int = 3) -> tuple[Sqlite, np.ndarray]:
    """A database of passages "d0/0", "d0/1", …, with their vectors."""
    rows = np.random.default_rng(5).normal(size=(documents * passages, 16)).astype(np.float32)
    db = connect(Path(":memory:"))
    db.execute("CREATE TABLE passage(id TEXT, document TEXT, ordinal INTEGER, vector BLOB)")
    for i, row in enumerate(rows):
        document, ordinal = f"d{i // passages}", i % passages
        db.execute(
            "INSERT INTO passage VALUES (?, ?, ?, ?)",
            (f"{document}/{ordinal}", document, ordinal, row.tobytes()),
        )
    return db, rows


def test_the_nearest_of_these_documents_only() -> None:
    db, rows = course(4)
    found = nearest_within(db, ["d2", "d1"], rows[0], 4)
    expected = sorted(rows[3:9] @ rows[0], reverse=True)[:4]
    assert [cosine for _, cosine in found] == pytest.approx(expected, abs=1e-5)
    assert all(id_.startswith(("d1/", "d2/")) for id_, _ in found)
    assert nearest_within(db, [], rows[0], 4) == []
    assert nearest_within(db, ["unknown"], rows[0], 4) == []


def test_many_vectors_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    db, rows = course(4)
    ids, cosines = zip(*nearest_within(db, ["d0", "d3", "d1"], rows[0], 99), strict=True)
    assert len(ids) == 9
    monkeypatch.setattr(embeddings, "_ROWS", 2)
    again = dict(nearest_within(db, ["d0", "d3", "d1"], rows[0], 99))
    assert [again[id_] for id_ in ids] == pytest.approx(cosines, abs=1e-5)
