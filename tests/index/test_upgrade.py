"""What an earlier version wrote is read, and made smaller by the next writer."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.test_store import memory, passage, put, record, vectors
from memory import MemoryVectors
from seminar_rag.errors import StoreError
from seminar_rag.index import embeddings
from seminar_rag.index.database import VERSION
from seminar_rag.index.sqlite import TOKENIZER, Sqlite
from seminar_rag.index.store import Store
from seminar_rag.types.catalogue import ListedSession


def made_old(store: Store) -> None:
    """Give the database the form of version 1."""
    with store.changing() as db:
        rows = db.execute("SELECT key, vector, title, heading, text FROM passage").fetchall()
        for key, blob, *_ in rows:
            whole = embeddings.unpacked([blob], embeddings.dimensions_of(len(blob)))
            db.execute("UPDATE passage SET vector = ? WHERE key = ?", (whole.tobytes(), key))
        if isinstance(db, Sqlite):
            db.execute("DROP TABLE lexicon")
            db.execute("DROP VIEW spaced_passage")
            db.execute(
                "CREATE VIRTUAL TABLE lexicon"
                f" USING fts5(title, heading, text, tokenize = '{TOKENIZER}')"
            )
            insert = "INSERT INTO lexicon(rowid, title, heading, text) VALUES (?, ?, ?, ?)"
            db.executemany(insert, [(key, *texts) for key, _, *texts in rows])
        store.remember(version="1")


def test_an_earlier_form_is_read_and_the_next_writer_brings_it_up_to_date(
    store: Store, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, "d", "alpha", "beta")
    made_old(store)
    again = Store(store.folder, vectors=store.vectors, database=database)
    assert [id_ for id_, _ in again.lexical(["alpha"], 5)] == ["d-alpha"]
    assert [id_ for id_, _ in again.dense(vectors(1)[0], 1)] == ["d-alpha"]
    assert again.findings() == []
    assert (again.meta("version"), again.meta("large")) == (VERSION, "yes")
    put(again, "e", "gamma")
    assert "being made smaller, once" in caplog.text
    assert again.meta("large") == "no"
    assert "lexicon_content" not in again._db.tables()
    sizes = {length for (length,) in again._db.execute("SELECT length(vector) FROM passage")}
    assert sizes == {17}
    assert again.findings() == []
    assert [id_ for id_, _ in again.lexical(["alpha"], 5)] == ["d-alpha"]
    put(again, "d", "beta")
    assert again.lexical(["alpha"], 5) == []
    assert again.findings() == []
    again.close()


@pytest.mark.parametrize("database", [""])
def test_where_there_is_no_room_an_earlier_form_is_written_on(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "d", "alpha", "beta")
    made_old(store)
    with store.changing():
        store.remember(version=VERSION, large="yes")  # as it is opened

    def full(_db: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(embeddings, "pack_all", full)
        put(store, "e", "gamma")
    assert "the disk is full" in caplog.text
    assert store.meta("large") == "yes"
    put(store, "d", "alpha")
    assert store.meta("large") == "no"
    assert store.findings() == []
    assert set(store.vectors_of(["d-alpha", "e-gamma"])) == {"d-alpha", "e-gamma"}


@pytest.mark.parametrize("database", [""])
def test_a_database_without_kinds_and_parts_gets_them_and_earlier_programs_are_told(
    store: Store,
) -> None:
    """A program that knows no such columns would call them damage."""
    store.put_source("s", "course", None, [ListedSession(1, "One", date="May 3")])
    with store.changing() as db:
        for table, column in (("reading", "kind"), ("session", "part")):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        store.remember(version="2", program="0.3.0")
    again = Store(store.folder, vectors=MemoryVectors())
    assert again.meta("version") == VERSION > "2"
    (session,) = again.catalogue().sessions
    assert (session.title, session.date, session.part) == ("One", "May 3", None)
    again.put_source("s", "course", None, [replace(session, part="Part I")])
    assert again.catalogue().sessions[0].part == "Part I"
    assert again.meta("large") is None
    again.close()


@pytest.mark.parametrize("database", [""])
def test_a_database_of_a_later_version_is_refused(store: Store) -> None:
    with store.changing():
        store.remember(version="9", program="9.0")
    with pytest.raises(StoreError, match=r"written by seminar-rag 9\.0"):
        Store(store.folder, vectors=MemoryVectors())


@pytest.mark.parametrize("database", [""])
@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE passage SET text = 'alphx' WHERE id = 'd-alpha'", id="a text"),
        pytest.param(
            "DROP VIEW spaced_passage; CREATE VIEW spaced_passage AS"
            " SELECT key, '' AS title, '' AS heading, text FROM passage",
            id="the view",
        ),
    ],
)
def test_full_text_that_no_longer_fits_its_texts_is_found_and_made_anew(
    store: Store, statement: str
) -> None:
    put(store, "d", "alpha", "beta")
    for one in statement.split("; "):
        store._db.execute(one)
    store._db.commit()
    assert any("full-text index is damaged" in one for one in store.findings())
    with store.writer():
        store.repair()
    assert store.findings() == []


@pytest.mark.parametrize("database", [""])
def test_a_build_of_sqlite_that_trusts_no_view_is_told_to(store: Store) -> None:
    put(store, "d", "alpha")
    store._db.execute("PRAGMA trusted_schema = OFF")  # as such builds begin
    store._db.prepare()
    put(store, "d", "beta")
    assert store.findings() == []


@pytest.mark.parametrize("database", [""])
def test_the_file_shrinks_where_much_of_it_is_free(store: Store) -> None:
    long = [passage("d", i, f"{i} " + "word " * 4_000) for i in range(60)]
    with store.writer():
        store.replace(record("d"), long, np.eye(60, 64, dtype=np.float32))
    put(store, "e", "alpha")
    file = store.folder / "course.db"
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.stat().st_size
    with store.writer():
        store.remove(["d"])
    assert file.stat().st_size < before / 2
    assert set(memory(store).rows) == {"e-alpha"}
    assert [id_ for id_, _ in store.lexical(["alpha"], 5)] == ["e-alpha"]
    assert store.findings() == []


def test_packed_embeddings_keep_their_cosines() -> None:
    rows = np.random.default_rng(1).normal(size=(50, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    packed = embeddings.packed(rows)
    assert {len(one) for one in packed} == {769}
    mixed = [*packed[:20], *(row.tobytes() for row in rows[20:])]
    assert all(embeddings.is_vector(one, 384) and embeddings.is_unit(one) for one in mixed)
    again = embeddings.unpacked(mixed, 384)
    assert np.abs(again @ rows.T - rows @ rows.T).max() < 2e-4
    assert embeddings.packed(again) == packed


@pytest.mark.parametrize("odd", [b"", b"odd", b"\0", b"h", b"\0" * 6, "text", None, 7])
def test_what_is_no_embedding_is_told(odd: object, tmp_path: Path) -> None:
    assert not embeddings.is_vector(odd)
