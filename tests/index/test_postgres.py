"""PostgreSQL finds and ranks as SQLite does, and says what to do where it cannot be used."""

from __future__ import annotations

import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memory import MemoryVectors
from postgres_cluster import new_cluster
from seminar_rag.config import load
from seminar_rag.errors import BusyError, ConfigError, StoreError
from seminar_rag.index.folder import LEXICON
from seminar_rag.index.local_text import LocalFullText
from seminar_rag.index.postgres import Postgres
from seminar_rag.index.store import Store
from seminar_rag.types import Document, Passage, Sentence
from seminar_rag.types.catalogue import (
    Catalogue,
    Correction,
    ListedReading,
    ListedSession,
    Lookup,
    Record,
)
from seminar_rag.upkeep import move_database

WORDS = (
    "model models modelling retrieval-augmented generation naïve café state-of-the-art token 2023"
    " attention heads head fine-tuning tuning tune the of a low-rank adapter GPT-4 冰川的物质平衡"
).split()


def fill(store: Store, documents: int = 30, passages: int = 10) -> None:
    """Passages of random words, common and rare, some phrases, the same in every store."""
    chance = random.Random(7)
    often = [1 / (1 + place) ** 1.5 for place in range(len(WORDS))]
    with store.writer():
        store.remember_model("m", "float32")
        store.put_source("s", "course", "C", [ListedSession(1, "One", (), None, READINGS)])
        for d in range(documents):
            texts = [" ".join(chance.choices(WORDS, often, k=40)) for _ in range(passages)]
            made = [
                Passage(
                    f"{d}/{i}",
                    f"d{d}",
                    i,
                    text,
                    chance.choice(WORDS),
                    0,
                    9,
                    1,
                    (Sentence(0, len(text)),),
                )
                for i, text in enumerate(texts)
            ]
            vectors = np.eye(passages, dtype=np.float32)
            document = Document(f"d{d}", "paper", "r", chance.choice(WORDS))
            store.replace(Record(document, "s", "hash"), made, vectors)
        store.put_lookup(Lookup("s", "r", "A", ("https://x.test/a",), "paper", None))
        store.add_corrections(Correction("rename", "r", title="Bäume"))


def unnumbered(catalogue: Catalogue) -> Catalogue:
    """A catalogue without the numbers of its decisions, which each database gives by itself."""
    decided = tuple(replace(one, key=0) for one in catalogue.corrections)
    return replace(catalogue, corrections=decided)


READINGS = (ListedReading("r", "R"), ListedReading("q", "Q", "A", "2301.00001"))
"""The second has values where the first has none, which engines sort differently."""


def stores(tmp_path: Path, postgres_address: str) -> tuple[Store, Store]:
    return (
        Store(tmp_path / "a", vectors=MemoryVectors()),
        Store(tmp_path / "b", vectors=MemoryVectors(), database=postgres_address),
    )


@pytest.mark.slow
def test_both_engines_find_and_rank_alike(tmp_path: Path, postgres_address: str) -> None:
    lite, server = stores(tmp_path, postgres_address)
    for one in (lite, server):
        fill(one)
    chance = random.Random(8)
    odd = ["", "...", "unheard", "naive", "cafe", "state of the art", "平衡"]
    for _ in range(100):
        terms = chance.choices([*WORDS, *odd], k=chance.randint(1, 4))
        scope = {f"d{i}" for i in chance.sample(range(30), 9)} if chance.random() < 0.5 else None
        holding = chance.choices(WORDS, k=1) if chance.random() < 0.3 else ()
        left = lite.lexical(terms, 20, scope, holding)
        right = server.lexical(terms, 20, scope, holding)
        where = (terms, scope, holding)
        assert np.allclose([s for _, s in left], [s for _, s in right], atol=1e-9), where
        # Which of equals come first, and which still does, is nobody's promise.
        last = left[-1][1] if left else 0.0
        clear = [{id_ for id_, s in found if s > last + 1e-9} for found in (left, right)]
        assert clear[0] == clear[1], where
        assert lite.holding(terms[:2]) == server.holding(terms[:2]), where
    terms = [*WORDS, *odd]
    assert lite.rarity(terms) == server.rarity(terms)
    for word in ("atention", "retreival", "generaton", "adaptor", "quixotic"):
        assert lite.spelled(word) == server.spelled(word)
    for one in (lite, server):
        assert one.findings() == []
        one.close()


@pytest.mark.slow
def test_full_text_follows_the_server_and_is_made_anew(
    tmp_path: Path, postgres_address: str
) -> None:
    vectors = MemoryVectors()
    writer, reader = (
        Store(tmp_path / name, vectors=vectors, database=postgres_address) for name in "ab"
    )
    fill(writer, 2)
    terms = ["model", "fine-tuning"]
    ranked = reader.lexical(terms, 10)
    assert ranked == writer.lexical(terms, 10) != []
    file = tmp_path / "b" / LEXICON
    reader.close()
    for content in (b"no database", file.read_bytes()[:5000] + bytes(5000)):
        file.write_bytes(content)
        again = Store(tmp_path / "b", vectors=vectors, database=postgres_address)
        assert again.lexical(terms, 10) == ranked
        assert again.findings() == []
        again.close()
    again = Store(tmp_path / "b", vectors=vectors, database=postgres_address)
    with writer.writer():
        writer.remove(["d0"])
    assert {id_[0] for id_, _ in again.lexical(terms, 10)} == {"1"}
    for one in (again, writer):
        one.close()


@pytest.mark.slow
def test_full_text_takes_over_what_changed_and_survives_damage(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, terms = MemoryVectors(), ["model", "fine-tuning"]
    writer, reader, fresh = (
        Store(tmp_path / name, vectors=vectors, database=postgres_address) for name in "abc"
    )
    fill(writer, 4)
    assert reader.lexical(terms, 100) != []
    text = "a model of fine-tuning"
    passage = Passage("new", "d1", 0, text, "", 0, 9, 1, (Sentence(0, len(text)),))
    with monkeypatch.context() as patched:
        patched.setattr(LocalFullText, "_take_over", None)  # which compares all passages
        with writer.writer():
            writer.remove(["d0"])
            record = Record(Document("d1", "paper", "r", "T"), "s", "hash")
            writer.replace(record, [passage], np.eye(10, dtype=np.float32)[:1])
        found = reader.lexical(terms, 100)
        assert {id_.split("/")[0] for id_, _ in found} == {"2", "3", "new"}
    assert found == fresh.lexical(terms, 100)
    with writer.writer():
        writer.remove(["d1"])  # the newest
    found = fresh.lexical(terms, 100)
    assert reader.lexical(terms, 100) == found
    for wrong in ("UPDATE lexicon_data SET block = x'00'", "DROP TABLE meta"):
        own = reader._db.full_text._lite
        own.execute(wrong)
        own.commit()
        own.ratings = None
        assert reader.lexical(terms, 100) == found
    for store in (writer, reader, fresh):
        store.close()
    (tmp_path / "b" / LEXICON).unlink()
    (tmp_path / "b" / LEXICON).mkdir()
    full_text = LocalFullText(tmp_path / "b" / LEXICON)
    with pytest.raises(StoreError, match=r"cannot be used .* it is made anew"):
        full_text.counts(writer._db, terms)
    with pytest.raises(StoreError, match=r"the data folder .* cannot be used"):
        LocalFullText(tmp_path / "gone" / LEXICON).counts(writer._db, terms)


@pytest.mark.slow
def test_a_course_moves_to_postgresql_and_back(tmp_path: Path, postgres_address: str) -> None:
    data, vectors = tmp_path / "data", MemoryVectors()
    store = Store(data, vectors=vectors)
    fill(store, 5)
    before = unnumbered(store.catalogue())
    ranked = store.lexical(["model", "fine-tuning"], 10)
    store.close()
    aside = move_database(postgres_address, tmp_path, data)
    assert aside is not None
    assert (aside / "course.db").exists()
    assert not (data / "course.db").exists()
    for database in (postgres_address, ""):
        assert load(tmp_path).store_database == database
        store = Store(data, vectors=vectors, database=database)
        assert unnumbered(store.catalogue()) == before
        store.require_model("m", "float32")
        found = store.lexical(["model", "fine-tuning"], 10)
        assert np.allclose([s for _, s in found], [s for _, s in ranked], atol=1e-9)
        assert store.findings() == []
        assert (data / LEXICON).exists() == bool(database), "gone with what it was of"
        store.close()
        if database:
            with pytest.raises(ConfigError, match="lies there already"):
                move_database(postgres_address, tmp_path, data)
            assert move_database("", tmp_path, data) is None
    with pytest.raises(StoreError, match="holds a course already"):
        move_database(postgres_address, tmp_path, data)
    assert (data / "course.db").exists()
    assert load(tmp_path).store_database == ""


@pytest.mark.slow
def test_replicas_see_each_other_and_write_one_at_a_time(
    tmp_path: Path, postgres_address: str
) -> None:
    vectors = MemoryVectors()
    one, other = (
        Store(tmp_path / name, vectors=vectors, database=postgres_address) for name in "ab"
    )
    fill(one, 2)
    assert other.catalogue() == one.catalogue()
    assert other.lexical(["model"], 3) == one.lexical(["model"], 3) != []
    with one.writer():
        with pytest.raises(BusyError, match=f"process {os.getpid()} on "), other.writer():
            pass
        one.remove(["d0"])
        assert set(other.catalogue().records) == {"d1"}
    with other.writer():
        other.remove(["d1"])
    assert one.catalogue().records == {}
    for store in (one, other):
        store.close()


@pytest.mark.slow
def test_what_cannot_be_used_says_what_to_do(tmp_path: Path, postgres_address: str) -> None:
    for wrong, said in (
        ("postgresql://course:secret@127.0.0.1:1/postgres", r"127\.0\.0\.1:1.*start the server"),
        (postgres_address.replace("/postgres?", "/nothing?"), 'database "nothing" does not exist'),
        (
            postgres_address.replace("search_path%3D", "search_path%3Dno"),
            "schema .* is missing",
        ),
    ):
        with pytest.raises(StoreError, match=said) as raised:
            Postgres(wrong)
        assert "secret" not in str(raised.value)
    with pytest.raises(ConfigError, match="is no address of a PostgreSQL database"):
        Postgres("postgresql://[")
    one = Store(tmp_path, vectors=MemoryVectors(), database=postgres_address)
    one.remember(version="999")
    with pytest.raises(StoreError, match="install that version"):
        Store(tmp_path, vectors=MemoryVectors(), database=postgres_address)
    with one.writer(), pytest.raises(BusyError, match="another part of this process"), one.writer():
        pass
    one.close()


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'seminar-rag\[postgres\]'"):
        Postgres("postgresql://x/y")


@pytest.mark.slow
def test_a_restart_of_the_server_is_survived_and_ends_a_writer(tmp_path: Path) -> None:
    with new_cluster() as cluster:
        address = f"postgresql://course@/postgres?host={cluster.folder}"
        store = Store(tmp_path, vectors=MemoryVectors(), database=address)
        fill(store, 2)
        before = store.catalogue()
        for _ in range(3):
            cluster.kill()
            with pytest.raises(
                StoreError, match=r"start the server|was lost.*run the command again"
            ):
                store.lexical(["model"], 3)
            cluster.start()
            assert Store(tmp_path, vectors=store.vectors, database=address).catalogue() == before
            assert store.lexical(["model"], 3)

        def interrupted(backend: bool) -> None:
            with store.writer():
                if backend:  # PostgreSQL then ends every connection, and recovers
                    row = store._db.execute("SELECT pg_backend_pid()").fetchone()
                    os.kill(row[0], signal.SIGKILL)
                else:
                    cluster.kill()
                    cluster.start()
                store.remove(["d0"])

        for backend in (False, True):
            with pytest.raises(StoreError, match="was lost"):
                interrupted(backend)
            cluster.wait()
            assert set(store.catalogue().records) == {"d0", "d1"}
        with store.writer():
            store.remove(["d0"])
        assert store.findings() == []
        store.close()
