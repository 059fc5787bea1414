"""A database that is damaged is replaced, and nothing that cannot be rebuilt is lost."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from memory import MemoryVectors
from seminar_rag import upkeep
from seminar_rag.config import Config
from seminar_rag.errors import DamagedError, StoreError
from seminar_rag.index import decisions
from seminar_rag.index.rescue import damage, rescue
from seminar_rag.index.store import Store
from seminar_rag.types import Document, Passage, Sentence
from seminar_rag.types.catalogue import Correction, ListedReading, ListedSession, Record

Made = Callable[..., None]
DECIDED = (
    Correction("rename", "r1", title="A better title"),
    Correction("remove", "r2", title="Removed"),
    Correction("add", "r3", title="Added", session=2, file="added/paper.pdf"),
    Correction("link", "r4", url="https://example.org/x.pdf"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Puts a course with decisions, an added file, feedback and a fetched page into a folder."""
    folder = tmp_path_factory.mktemp("made")

    def copied(data: Path, documents: int = 40) -> None:
        whole = folder / str(documents)
        if not whole.exists():
            make(whole, documents)
        shutil.copytree(whole, data)

    return copied


def make(data: Path, documents: int) -> None:
    store = Store(data, vectors=MemoryVectors())
    reading = ListedReading("r1", "Title", None, None, ())
    with store.writer():
        store.remember_model("model", "fp32")
        store.put_source(
            "posts", "course", "Seminar", [ListedSession(1, "One", (), None, (reading,))]
        )
        for at in range(documents):
            text = f"Text {at} " * 60
            passage = Passage(f"p{at}", f"d{at}", 0, text, "", 0, 9, 1, (Sentence(0, len(text)),))
            kept = data / f"{at}.pdf"
            kept.write_bytes(b"%PDF-" + bytes(str(at), "ascii"))
            record = Record(Document(f"d{at}", "paper", "r1", "Title"), "posts", "hash")
            store.replace(record, [passage], np.ones((1, 8), np.float32), kept)
            kept.unlink()
        store.add_corrections(*DECIDED)
    store.close()
    for name in ("added/paper.pdf", "web/page", "journal.sqlite"):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_bytes(name.encode())


def decided(data: Path) -> list[tuple[str, str, str]]:
    with closing(Store(data, vectors=MemoryVectors())) as store:
        return [(one.kind, one.target, one.title) for one in store.catalogue().corrections]


def assert_nothing_is_lost(data: Path) -> None:
    assert decided(data) == [(one.kind, one.target, one.title) for one in DECIDED]
    for name in ("added/paper.pdf", "web/page", "journal.sqlite"):
        assert (data / name).read_bytes() == name.encode()
    assert damage(data) == ""


def bytes_changed(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def damaged(data: Path) -> None:
        content = bytearray((data / "course.db").read_bytes())
        change(content)
        (data / "course.db").write_bytes(content)

    return damaged


def three_pages(content: bytearray) -> None:
    for page in random.Random(3).sample(range(1, len(content) // 4096), 3):
        content[page * 4096 : (page + 1) * 4096] = random.Random(page).randbytes(4096)


def schema_page(content: bytearray) -> None:
    content[100:4096] = bytes(3996)


def half(content: bytearray) -> None:
    del content[len(content) // 2 :]


def all_of_it(content: bytearray) -> None:
    content[:] = b"not a database " * 400


def sql(*statements: str) -> Callable[[Path], None]:
    def damaged(data: Path) -> None:
        with closing(sqlite3.connect(data / "course.db")) as db:
            for one in statements:
                db.execute(one)
            db.commit()

    return damaged


@pytest.mark.parametrize(
    "harm",
    [
        bytes_changed(three_pages),
        bytes_changed(schema_page),
        bytes_changed(half),
        bytes_changed(all_of_it),
        sql("DROP TABLE meta", "CREATE TABLE meta(other)"),
        sql("UPDATE meta SET value = '0' WHERE name = 'version'"),
        sql("UPDATE meta SET value = 'x' WHERE name = 'version'"),
        sql("UPDATE reading SET urls = 'no json'"),
        sql("UPDATE correction SET fields = 'no json'"),
        sql("UPDATE correction SET kind = 'poem'"),
        sql("UPDATE reading SET title = x'ff'"),
        sql("DELETE FROM reading"),
    ],
    ids=[
        *("pages", "schema", "half", "noise", "meta", "older", "odd", "json", "decision", "kind"),
        *("type", "rows"),
    ],
)
def test_a_damaged_database_is_moved_aside_and_decisions_stay(
    made: Made, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    data = tmp_path / "data"
    made(data)
    harm(data)
    said: list[str] = []
    assert rescue(data, said.append)
    assert_nothing_is_lost(data)
    (aside,) = data.glob("damaged-*/course.db")
    assert aside.exists()
    assert str(aside.parent) in said[0]
    assert not rescue(data)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_flipped_the_decisions_stay(made: Made, tmp_path: Path, seed: int) -> None:
    data = tmp_path / "data"
    made(data, documents=8)
    dice = random.Random(seed)

    def flip(content: bytearray) -> None:
        for _ in range(30):
            at = dice.randrange(len(content))
            content[at] ^= 1 << dice.randrange(8)

    bytes_changed(flip)(data)
    rescue(data)
    assert len(decided(data)) == len(DECIDED)
    assert (data / "added/paper.pdf").exists()


def test_texts_that_are_whole_are_taken_over(made: Made, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    sql("UPDATE reading SET urls = 'no json'")(data)
    with pytest.raises(DamagedError, match="doctor --repair"):
        Store(data, vectors=MemoryVectors()).catalogue()
    said: list[str] = []
    rescue(data, said.append)
    with closing(Store(data, vectors=MemoryVectors())) as store:
        assert len(store.catalogue().documents) == 40
        assert len(store.lexical(["text"], 99)) == 40
        assert store.meta("model") == "model"
    assert len(list((data / "files").iterdir())) == 40
    assert "seminar-rag ingest posts" in said[-1]


def test_texts_that_are_not_whole_go_with_their_files(made: Made, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    bytes_changed(half)(data)
    rescue(data)
    (kept,) = data.glob("damaged-*/files")
    assert len(list(kept.iterdir())) == 40


@pytest.mark.parametrize("how", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_a_database_that_is_gone_is_made_again_with_the_decisions(
    made: Made, tmp_path: Path, how: Callable[[Path], None]
) -> None:
    made(tmp_path / "data")
    how(tmp_path / "data" / "course.db")
    assert_nothing_is_lost(tmp_path / "data")


@pytest.mark.parametrize(
    "name", ["course.db", "course.db-wal", "writer.lock", "decisions/current.json", "files"]
)
def test_what_took_the_place_of_a_file_or_folder_is_moved_aside(
    made: Made, tmp_path: Path, name: str
) -> None:
    data = tmp_path / "data"
    made(data)
    place = data / name
    if place.is_dir():
        shutil.rmtree(place)
        place.write_text("somebody's")
    else:
        place.unlink(missing_ok=True)
        place.mkdir()
        (place / "somebody's").touch()
    with pytest.raises(DamagedError, match="doctor --repair"):
        Store(data, vectors=MemoryVectors())
    said: list[str] = []
    rescue(data, said.append)
    assert_nothing_is_lost(data)
    (aside,) = data.glob("not-ours-*")
    assert (aside / name).exists()
    assert str(aside) in said[0]


def test_a_sound_or_newer_database_is_left_alone(made: Made, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    assert not rescue(data)
    sql("UPDATE meta SET value = '7' WHERE name = 'version'")(data)
    content = (data / "course.db").read_bytes()
    with pytest.raises(StoreError, match=r"written by seminar-rag .*store 7"):
        rescue(data)
    assert (data / "course.db").read_bytes() == content


OF_010 = sql(
    "ALTER TABLE lookup RENAME TO sought",
    "ALTER TABLE sought RENAME COLUMN problem TO says",
    "ALTER TABLE sought RENAME COLUMN remedy TO mend",
    "ALTER TABLE correction RENAME COLUMN fields TO told",
    "UPDATE meta SET value = '1' WHERE name = 'version'",
)


def test_a_database_from_before_0_2_0_is_refused_and_left_alone(made: Made, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    OF_010(data)
    (data / "decisions" / "current.json").unlink()  # which 0.1.0 did not write
    (data / "journal.sqlite").unlink()  # which is none
    content = (data / "course.db").read_bytes()
    refused = r"before 0\.2\.0 — open it once with version 0\.2\.0"
    for use in (
        lambda: Store(data, vectors=MemoryVectors()),
        lambda: rescue(data),
        lambda: upkeep.save(Config(folder=tmp_path, data_dir="data"), tmp_path / "backup.zip"),
    ):
        with pytest.raises(StoreError, match=refused) as error:
            use()
        assert not isinstance(error.value, DamagedError)
    assert (data / "course.db").read_bytes() == content
    assert not list(data.glob("damaged-*"))
    assert not (tmp_path / "backup.zip").exists()


def test_the_last_five_copies_are_kept(tmp_path: Path) -> None:
    with closing(Store(tmp_path, vectors=MemoryVectors())) as store:
        for at in range(8):
            store.add_corrections(Correction("rename", f"r{at}", title="New"))
            store.copy_decisions()
            store.copy_decisions()
    copies = sorted((tmp_path / "decisions").glob("2*.json"))
    assert [len(decisions.from_json(one.read_bytes())) for one in copies] == [4, 5, 6, 7, 8]


def test_decisions_whose_table_is_gone_come_from_the_file_beside_it(
    made: Made, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    made(data)
    sql("DROP TABLE correction")(data)
    assert_nothing_is_lost(data)


def test_a_migration_keeps_a_copy(made: Made, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    sql("ALTER TABLE session DROP COLUMN date")(data)
    assert_nothing_is_lost(data)
    (copy,) = (data / "decisions").glob("2*.json")
    assert len(decisions.from_json(copy.read_bytes())) == len(DECIDED)


def test_a_clock_that_ran_ahead_does_not_make_copies_outlive_later_ones(tmp_path: Path) -> None:
    folder = tmp_path / "decisions"
    folder.mkdir()
    for year in range(2090, 2095):
        (folder / f"{year}0101T000000.000000Z.json").write_text(decisions.to_json([rename("Old")]))
    decisions.copy(tmp_path, [rename("New")])
    decisions.copy(tmp_path, [rename("Newer")])
    assert [one.title for one in decisions.latest(tmp_path)] == ["Newer"]
    assert len(list(folder.iterdir())) == decisions.KEPT


def rename(title: str) -> Correction:
    return Correction("rename", "a-reading", title=title)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE passage RENAME COLUMN text TO body",
        "ALTER TABLE session DROP COLUMN tags",
        "ALTER TABLE passage RENAME TO p; CREATE VIEW passage AS SELECT * FROM p",
        "CREATE TRIGGER no BEFORE INSERT ON passage BEGIN SELECT RAISE(ABORT, 'no'); END",
    ],
)
def test_tables_of_another_make_are_replaced(made: Made, change: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    with closing(sqlite3.connect(data / "course.db")) as db:
        db.executescript(change)
    assert rescue(data)
    assert_nothing_is_lost(data)


@pytest.mark.parametrize("name", ["course.db", "chroma", "journal.sqlite", "added"])
def test_a_link_that_leads_nowhere_is_moved_aside(made: Made, name: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    for path in (data / name, *data.glob(f"{name}-*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (data / name).symlink_to(data / name if name == "course.db" else "/nowhere")
    with pytest.raises(DamagedError, match="doctor --repair"):
        Store(data, vectors=MemoryVectors())
    rescue(data)
    Store(data, vectors=MemoryVectors()).close()
    (aside,) = data.glob("not-ours-*")
    assert (aside / name).is_symlink()
