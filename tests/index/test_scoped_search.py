from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from seminar_rag.index import vectors
from seminar_rag.index.vectors import ScopedSearch


def course(documents: int, passages: int = 3) -> tuple[sqlite3.Connection, np.ndarray]:
    """A database of passages "d0/0", "d0/1", …, with their vectors."""
    rows = np.random.default_rng(5).normal(size=(documents * passages, 16)).astype(np.float32)
    db = sqlite3.connect(":memory:")
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
    found = ScopedSearch().nearest(db, "1", ["d2", "d1"], rows[0], 4)
    expected = sorted(rows[3:9] @ rows[0], reverse=True)[:4]
    assert [cosine for _, cosine in found] == pytest.approx(expected, abs=1e-5)
    assert all(id_.startswith(("d1/", "d2/")) for id_, _ in found)
    assert ScopedSearch().nearest(db, "1", [], rows[0], 4) == []
    assert ScopedSearch().nearest(db, "1", ["unknown"], rows[0], 4) == []


def test_a_scope_is_read_once_until_the_course_changes() -> None:
    db, rows = course(2)
    searched = ScopedSearch()
    before = searched.nearest(db, "1", ["d0"], rows[0], 9)
    db.execute("DELETE FROM passage WHERE id = 'd0/1'")
    assert searched.nearest(db, "1", ["d0"], rows[0], 9) == before
    assert len(searched.nearest(db, "2", ["d0"], rows[0], 9)) == 2


def test_what_is_too_large_to_keep_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CACHE_BYTES", 6 * 16 * 4)
    monkeypatch.setattr(vectors, "_ROWS", 2)
    db, rows = course(4)
    searched = ScopedSearch()
    assert len(searched.nearest(db, "1", ["d0", "d1", "d2"], rows[0], 99)) == 9
    assert len(searched.nearest(db, "1", ["d0", "d1"], rows[0], 99)) == 6
    assert len(searched.nearest(db, "1", ["d3"], rows[0], 99)) == 3
    db.execute("DELETE FROM passage")
    assert searched.nearest(db, "1", ["d0", "d1", "d2"], rows[0], 99) == []
    assert searched.nearest(db, "1", ["d0", "d1"], rows[0], 99) == []
    assert len(searched.nearest(db, "1", ["d3"], rows[0], 99)) == 3
