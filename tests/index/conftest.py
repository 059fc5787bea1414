"""The store's tests run on both database engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory import MemoryVectors
from seminar_rag.index.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> str:
    """Where the course's database lies; empty for SQLite in the data folder."""
    if request.param == "sqlite":
        return ""
    return str(request.getfixturevalue("postgres_address"))


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Store]:
    """An empty store, its vectors in memory."""
    one = Store(tmp_path / "data", vectors=MemoryVectors(), database=database)
    yield one
    one.close()
