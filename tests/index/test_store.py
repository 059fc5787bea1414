from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory import MemoryVectors
from seminar_rag.errors import BusyError, StoreError
from seminar_rag.index.kept import added_name
from seminar_rag.index.store import Store
from seminar_rag.types import CourseEvent, Document, Kind, Passage, Scope, Sentence
from seminar_rag.types.catalogue import (
    Correction,
    ListedReading,
    ListedSession,
    Lookup,
    LookupFile,
    Record,
)


def passage(document: str, ordinal: int, text: str) -> Passage:
    return Passage(
        f"{document}-{text}", document, ordinal, text, "Head", 0, 9, 3, (Sentence(0, len(text)),)
    )


def record(id_: str, reading: str = "r", kind: Any = "paper", source: str = "s") -> Record:
    return Record(Document(id_, kind, reading, f"Title of {id_}"), source, "hash")


def vectors(n: int) -> np.ndarray[Any, Any]:
    return np.eye(8, dtype=np.float32)[:n]


def vectors_of(*texts: str) -> np.ndarray[Any, Any]:
    """A vector for each text, always the same for the same text."""
    order = ["alpha", "beta", "gamma"]
    return vectors(8)[[order.index(one) if one in order else len(one) % 8 for one in texts]]


def put(store: Store, id_: str, *texts: str, **kwargs: Any) -> None:
    passages = [passage(id_, i, text) for i, text in enumerate(texts)]
    with store.writer():
        store.replace(record(id_, **kwargs), passages, vectors_of(*texts))


def memory(store: Store) -> MemoryVectors:
    assert isinstance(store.vectors, MemoryVectors)
    return store.vectors


def test_a_document_comes_back_as_it_went_in(store: Store) -> None:
    put(store, "d", "alpha", "beta")
    found = store.passages_of("d")
    assert found == (passage("d", 0, "alpha"), passage("d", 1, "beta"))
    assert store.passages(["d-beta", "nothing"]) == {"d-beta": found[1]}
    assert np.array_equal(store.vectors_of(["d-beta"])["d-beta"], vectors(2)[1])
    assert store.catalogue().records["d"].passages == 2


def test_replacing_swaps_text_words_and_vectors(store: Store) -> None:
    put(store, "d", "alpha", "beta")
    put(store, "d", "beta", "gamma")
    assert [p.text for p in store.passages_of("d")] == ["beta", "gamma"]
    assert store.lexical(["alpha"], 5) == []
    assert [id_ for id_, _ in store.lexical(["gamma"], 5)] == ["d-gamma"]
    assert memory(store).ids() == {"d-beta", "d-gamma"}
    assert store.findings() == []


def test_removing_leaves_nothing(store: Store) -> None:
    put(store, "d", "alpha")
    put(store, "e", "beta")
    with store.writer():
        store.remove(["d"])
    assert set(store.catalogue().records) == {"e"}
    assert store.lexical(["alpha"], 5) == []
    assert memory(store).ids() == {"e-beta"}


@pytest.mark.parametrize("step", ["add", "delete"])
def test_a_crash_at_any_step_is_settled_by_the_next_writer(store: Store, step: str) -> None:
    put(store, "d", "alpha", "beta")

    def crash(name: str) -> None:
        if name == step:
            raise RuntimeError("power cut")

    memory(store).fail = crash
    with pytest.raises(RuntimeError):
        put(store, "d", "beta", "gamma")
    memory(store).fail = lambda _: None
    texts = [p.text for p in store.passages_of("d")]
    assert texts in (["alpha", "beta"], ["beta", "gamma"]), "before or after, nothing between"
    with store.writer():
        pass
    assert store.findings() == []


def test_a_failure_keeps_what_was_there(store: Store) -> None:
    put(store, "d", "alpha")
    with store.writer():
        failed = Record(record("d").document, "s", "new", "corrupt", "it is broken")
        assert store.put_failure(failed) == 1
    assert store.catalogue().records["d"].outcome == "corrupt"
    assert [p.text for p in store.passages_of("d")] == ["alpha"]


@pytest.mark.parametrize(
    ("kind", "admitted"), [("paper", True), ("abstract", True), ("notes", False)]
)
def test_only_readings_are_required(kind: Kind, admitted: bool) -> None:
    one = Document("d", kind, "d", "D", section="required")
    assert Scope(required_only=True).admits(one) is admitted


def test_scope_chooses_documents(store: Store) -> None:
    sessions = [
        ListedSession(1, "One", readings=(ListedReading("r1", "R one"),)),
        ListedSession(2, "Two", readings=(ListedReading("r2", "R two", section="more"),)),
    ]
    with store.writer():
        store.put_source("s", "course", "Course", sessions)
    put(store, "a", "alpha", reading="r1")
    put(store, "b", "beta", reading="r2", kind="abstract")
    put(store, "c", "gamma", reading="notes-2", kind="notes")
    catalogue = store.catalogue()
    assert catalogue.title == "Course"
    assert catalogue.within(Scope()) is None
    assert catalogue.within(Scope(sessions=frozenset({1}))) == {"a"}
    assert catalogue.within(Scope(kinds=frozenset({"paper", "abstract"}))) == {"a", "b"}
    assert catalogue.within(Scope(required_only=True)) == {"a"}
    assert catalogue.within(Scope(readings=frozenset({"r2"}))) == {"b"}
    assert catalogue.documents["a"].sessions == (1,)


def test_a_reading_in_two_sessions_is_one(store: Store) -> None:
    both = ListedReading("r", "R")
    with store.writer():
        store.put_source(
            "s",
            "course",
            None,
            [ListedSession(1, "One", readings=(both,)), ListedSession(4, "Four", readings=(both,))],
        )
    put(store, "d", "alpha")
    assert store.catalogue().documents["d"].sessions == (1, 4)


def test_a_session_keeps_its_part(store: Store) -> None:
    sessions = [ListedSession(1, "Tides", part="Part I"), ListedSession(2, "Waves")]
    with store.writer():
        store.put_source("s", "course", None, sessions)
        store.revise(lambda listed: listed)
    assert [one.part for one in store.catalogue().sessions] == ["Part I", None]


def test_a_session_keeps_its_date(store: Store) -> None:
    listed = ListedReading("r", "R")
    sessions = [
        ListedSession(1, "Tides", readings=(listed,), date="Sep 5–7"),
        ListedSession(2, "Sep 12", readings=(listed,), date="Sep 12"),
        ListedSession(3, "Waves", readings=(listed,)),
    ]
    with store.writer():
        store.put_source("s", "course", None, sessions)
    found = store.catalogue().sessions
    assert [one.date for one in found] == ["Sep 5–7", "Sep 12", None]
    assert [one.shown for one in found] == ["Tides (Sep 5–7)", "Sep 12", "Waves"]


def test_what_a_page_names_beside_readings_is_kept_with_its_source(store: Store) -> None:
    events = (
        CourseEvent("Midterm", "exam", "Oct 8", 2, alone=True),
        CourseEvent("Essay due", "due", None, None),
    )
    with store.writer():
        store.put_source("s", "course", "Course", [ListedSession(1, "One")], events)
        store.revise(lambda sessions: sessions)
    assert store.catalogue().events == events
    with store.writer():
        store.put_source("s", "course", "Course", [ListedSession(1, "One")], events[:1])
    assert store.catalogue().events == events[:1]
    with store.writer():
        store.forget_source("s")
    assert store.catalogue().events == ()


def test_forgetting_a_source_takes_its_documents(store: Store) -> None:
    with store.writer():
        store.put_source("s", "course", "Course", [ListedSession(1, "One")])
        store.put_source("t", "documents", None, [])
    put(store, "d", "alpha")
    put(store, "e", "beta", source="t")
    with store.writer():
        store.forget_source("s")
    catalogue = store.catalogue()
    assert (set(catalogue.records), catalogue.sessions) == ({"e"}, ())


def test_damage_is_found_and_repaired(store: Store, database: str) -> None:
    put(store, "d", "alpha", "beta")
    memory(store).rows.pop("d-alpha")
    memory(store).rows["stray"] = (vectors(1)[0], "d")
    if not database:  # beside a server, full text is made anew by itself
        store._db.execute("DELETE FROM lexicon")
        store._db.commit()
    found = " ".join(store.findings())
    assert "lacks 1 of 2" in found
    assert "1 vectors without a passage" in found
    assert bool(database) or "full-text index" in found
    with store.writer():
        store.repair()
    assert store.findings() == []
    assert [id_ for id_, _ in store.lexical(["alpha"], 5)] == ["d-alpha"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("vector", b"odd"),
        ("vector", b""),
        ("vector", np.ones(4, np.float32).tobytes()),
        ("vector", np.full(8, np.nan, np.float32).tobytes()),
        ("vector", "text"),
        ("sentences", "[[0"),
        ("sentences", "null"),
        ("sentences", '[["a", "b"]]'),
        ("sentences", "[[0, 99]]"),
        ("sentences", "[[3, 1]]"),
        ("sentences", "[[]]"),
        ("sentences", b"\xff\xfe"),
    ],
)
def test_a_damaged_passage_is_found_left_out_and_read_again(
    store: Store, column: str, value: object
) -> None:
    put(store, "d", "alpha", "beta")
    put(store, "e", "gamma", "delta")
    store._db.execute(f"UPDATE passage SET {column} = ? WHERE id = 'd-alpha'", (value,))
    store._db.commit()
    ids = ["d-alpha", "d-beta", "e-gamma"]
    assert set(store.passages(ids)) | set(store.vectors_of(ids)) <= set(ids)
    assert store.passages_of("d")
    assert "d-beta" in dict(store.dense(vectors(1)[0], 9, {"d", "e"}))
    assert store.findings() == ["stored passages are damaged: Title of d"]
    said: list[str] = []
    with store.writer():
        store.repair(said.append)
    assert "Title of d — ingest again" in said[0]
    assert store.findings() == []
    assert set(store.catalogue().records) == {"e"}


def test_a_damaged_database_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "course.db").write_bytes(b"this is not a database, but long enough " * 40)
    with pytest.raises(StoreError, match="doctor --repair moves it aside"):
        Store(tmp_path, vectors=MemoryVectors())


def test_another_version_is_refused(tmp_path: Path, database: str) -> None:
    one = Store(tmp_path, vectors=MemoryVectors(), database=database)
    one.remember(version="999")
    one._db.commit()
    one.close()
    with pytest.raises(StoreError, match=r"written by seminar-rag .* install that version"):
        Store(tmp_path, vectors=MemoryVectors(), database=database)


def test_only_the_owner_reads_the_data_folder(store: Store) -> None:
    data = store.folder
    (data / "web").mkdir(mode=0o755)
    (data / "web" / "page").write_text("page")
    (data / "notes.txt").write_text("somebody else's")
    (data / "notes.txt").chmod(0o644)
    put(store, "d", "alpha")
    modes = {path: path.stat().st_mode & 0o777 for path in (data, *data.rglob("*"))}
    assert modes.pop(data / "notes.txt") == 0o644
    assert modes == {path: 0o700 if path.is_dir() else 0o600 for path in modes}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file", vectors=MemoryVectors())


HOLD = """
import sys, time
from pathlib import Path
from seminar_rag.index.store import Store
store = Store(Path(sys.argv[1]), database=sys.argv[2])
with store.writer():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_one_writer_at_a_time_and_the_lock_dies_with_its_process(
    store: Store, database: str
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.folder), database], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline().strip() == "held"
    try:
        with pytest.raises(BusyError, match=f"process {other.pid} "), store.writer():
            pass
        if not database:
            assert json.loads((store.folder / "writer.json").read_text())["pid"] == other.pid
    finally:
        other.kill()
        other.wait()
    for _ in range(50):  # the server notices a moment later
        with suppress(BusyError), store.writer():
            return
        time.sleep(0.1)
    raise AssertionError("the lock outlived its process")


def test_rarity_follows_the_passages(store: Store) -> None:
    put(store, "d", "alpha beta", "alpha gamma", "alpha delta")
    rare = store.rarity(["alpha", "gamma", "unheard"])
    assert rare["alpha"] < rare["gamma"] < rare["unheard"]


def test_vectors_of_two_models_are_never_compared(store: Store) -> None:
    store.require_model("a", "float32")
    store.remember_model("a", "float32")
    store.require_model("a", "float32")
    for other in (("b", "float32"), ("a", "bfloat16")):
        with pytest.raises(StoreError, match=r"set \[embed\] back"):
            store.require_model(*other)


def test_what_was_looked_up_is_stored_and_forgotten(store: Store) -> None:
    file = LookupFile("https://x.test/a", "web/objects/1", "1", True, "A", "B C")
    one = Lookup("s", "r", "A", ("https://x.test/a",), "paper", "2301.00001", (file,))
    store.put_lookup(one)
    (found,) = store.catalogue().lookups
    assert (found.found, found.urls, found.arxiv_id) == ((file,), one.urls, "2301.00001")
    store.drop_lookups("s", ["r"])
    assert store.catalogue().lookups == ()


# --- kept files --------------------------------------------------------------------------------


def put_file(store: Store, id_: str, file: Path, *texts: str) -> None:
    passages = [passage(id_, i, text) for i, text in enumerate(texts)]
    with store.writer():
        store.replace(record(id_), passages, vectors_of(*texts), file)


def lying(store: Store) -> list[Path]:
    return sorted(store.files.folder.glob("*")) if store.files.folder.is_dir() else []


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.4 one")
    return path


def test_a_documents_file_is_kept_until_the_last_document_goes(store: Store, paper: Path) -> None:
    put_file(store, "d", paper, "alpha")
    put_file(store, "e", paper, "beta")
    kept = store.file_of("d")
    assert kept is not None
    assert kept == store.file_of("e")
    assert kept.read_bytes() == b"%PDF-1.4 one"
    assert store.file_of("nobody") is None
    with store.writer():
        store.remove(["d"])
    assert lying(store) == [kept]
    with store.writer():
        store.forget_source("s")
    assert lying(store) == []
    assert store.findings() == []


def test_a_kept_file_is_no_longer_the_original(store: Store, paper: Path) -> None:
    put_file(store, "d", paper, "alpha")
    with paper.open("r+b") as file:
        file.write(b"scribble")
    kept = store.file_of("d")
    assert kept is not None
    assert kept.read_bytes() == b"%PDF-1.4 one"


def test_a_fetched_file_is_linked(store: Store) -> None:
    fetched = store.folder / "web" / "objects" / "abc"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"%PDF-1.4 fetched")
    put_file(store, "d", fetched, "alpha")
    kept = store.file_of("d")
    assert kept is not None
    assert kept.samefile(fetched)


def test_replacing_a_document_replaces_its_file(store: Store, paper: Path) -> None:
    put_file(store, "d", paper, "alpha")
    first = store.file_of("d")
    paper.write_bytes(b"%PDF-1.4 two")
    put_file(store, "d", paper, "alpha", "beta")
    second = store.file_of("d")
    assert second is not None
    assert second != first
    assert lying(store) == [second]
    with store.writer():
        store.put_failure(Record(record("d").document, "s", "new", "corrupt", "it is broken"))
    assert store.file_of("d") == second, "the passages stay, and so does their file"
    put(store, "d", "alpha")
    assert store.file_of("d") is None
    assert lying(store) == []


@pytest.mark.parametrize("step", ["add", "delete"])
def test_a_crash_while_keeping_leaves_no_orphan(store: Store, paper: Path, step: str) -> None:
    put_file(store, "d", paper, "alpha", "beta")
    paper.write_bytes(b"%PDF-1.4 two")

    def crash(name: str) -> None:
        if name == step:
            raise RuntimeError("power cut")

    memory(store).fail = crash
    with pytest.raises(RuntimeError):
        put_file(store, "d", paper, "beta", "gamma")
    memory(store).fail = lambda _: None
    (store.files.folder / ".part-half").write_bytes(b"%PD")
    assert store.file_of("d") is not None
    with store.writer():
        store.repair()
    assert lying(store) == [store.file_of("d")]
    assert store.findings() == []


def test_a_lost_file_is_found_and_repaired(store: Store, paper: Path) -> None:
    put_file(store, "d", paper, "alpha")
    lying(store)[0].unlink()
    assert store.file_of("d") is None
    assert any("1 of 1 kept files are gone" in finding for finding in store.findings())
    with store.writer():
        store.repair()
    assert store.findings() == []


def added(store: Store, paper: Path) -> Path:
    """A file that the instructor added, and that a document was read from."""
    name = f"added/{added_name('paper', paper.read_bytes(), '.pdf')}"
    target = store.folder / name
    target.parent.mkdir()
    target.write_bytes(paper.read_bytes())
    put_file(store, "d", target, "alpha")
    store.add_corrections(Correction("add", "d", title="A paper", session=1, file=name))
    return target


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"%PDF-1.4 xyz")])
def test_an_added_file_that_is_damaged_comes_back(
    store: Store, paper: Path, harm: Callable[[Path], object]
) -> None:
    target = added(store, paper)
    assert store.findings() == []
    harm(target)
    assert store.findings() == [f"added files are gone or damaged: added/{target.name}"]
    said: list[str] = []
    with store.writer():
        store.repair(said.append)
    assert "added files brought back: 1 of 1" in said
    assert target.read_bytes() == b"%PDF-1.4 one"
    assert store.findings() == []


def test_an_added_file_of_which_no_copy_is_left_is_named(store: Store, paper: Path) -> None:
    target = added(store, paper)
    for one in (target, *lying(store)):
        one.write_bytes(b"noise")
    said: list[str] = []
    with store.writer():
        store.repair(said.append)
    assert any(line.startswith(f"lost: added/{target.name} — add the file again") for line in said)


def test_a_kept_file_that_is_damaged_is_found_and_kept_again(store: Store, paper: Path) -> None:
    put_file(store, "d", paper, "alpha")
    lying(store)[0].write_bytes(b"noise")
    assert "1 of 1 kept files are gone or damaged" in store.findings()[0]
    with store.writer():
        store.repair()
    assert store.findings() == []
    put_file(store, "d", paper, "alpha")
    kept = store.file_of("d")
    assert kept is not None
    assert kept.read_bytes() == b"%PDF-1.4 one"


@pytest.mark.parametrize("database", [""])  # PostgreSQL admits no value of another type
@pytest.mark.parametrize("words", ["'text'", "7"])
def test_damaged_words_are_found_and_searched_past(store: Store, words: str) -> None:
    put(store, "d", "alpha", "beta")
    put(store, "e", "gamma")
    store._db.execute(f"UPDATE passage SET words = {words} WHERE document = 'd'")
    store._db.commit()
    ids = [one.id for one in store.passages_of("d")]
    assert store.words_of(ids) == {}
    assert store.findings() == ["stored passages are damaged: Title of d"]


@pytest.mark.parametrize("table", ["passage", "document"])
def test_documents_and_passages_without_each_other_are_read_again(store: Store, table: str) -> None:
    put(store, "d", "alpha")
    with store.changing() as db:
        db.execute(f"DELETE FROM {table}")
    assert any("stored passages are damaged" in one for one in store.findings())
    with store.writer():
        store.repair()
    assert store.findings() == []
    assert store.catalogue().records == {}


def test_what_the_vector_store_lacks_is_found_all_the_same(store: Store) -> None:
    put(store, "d", "alpha", "beta")
    memory(store).reset()
    assert len(store.dense(vectors(1)[0], 2)) == 2


def test_a_store_of_version_0_2_0_opens(store: Store, database: str) -> None:
    put(store, "d", "alpha")
    store.put_source(
        "s", "course", None, [ListedSession(1, "One", readings=(ListedReading("r", "R"),))]
    )
    store.add_corrections(Correction("rename", "r", title="B"))
    before = store.catalogue()
    lacking = [
        ("reading", "doubt"),
        ("reading", "shown"),
        ("reading", "kind"),
        ("document", "unit"),
    ]
    for table, column in lacking:
        store._db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    store._db.execute("ALTER TABLE session DROP COLUMN date")
    store._db.commit()
    store.close()
    again = Store(store.folder, vectors=store.vectors, database=database)
    assert again.catalogue() == before
    again.close()


def test_packed_words_are_stored_beside_the_vector(store: Store) -> None:
    passages = [passage("d", 0, "alpha"), passage("d", 1, "beta")]
    with store.writer():
        store.replace(record("d"), passages, vectors(2), words=[b"\x01\x02", b"\x03"])
    put(store, "e", "gamma")
    ids = ["d-alpha", "d-beta", "e-gamma"]
    assert store.words_of(ids) == {"d-alpha": b"\x01\x02", "d-beta": b"\x03"}
    assert set(store.embedded(ids)) == {"d-alpha", "d-beta"}, "what lacks words is read again"
    assert np.array_equal(store.embedded(ids)["d-beta"][0], vectors(2)[1])


def test_how_rare_a_word_is_follows_the_course(store: Store) -> None:
    put(store, "d", "alpha", "beta")
    before = store.rarity(["alpha", "beta"])
    assert before["alpha"] == before["beta"]
    put(store, "e", "alpha beta", "alpha gamma")
    after = store.rarity(["alpha", "beta"])
    assert after["beta"] > after["alpha"]


def test_very_common_words_are_left_out_where_rarer_ones_remain(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "d", "model alpha", "model beta", "model gamma")
    monkeypatch.setattr("seminar_rag.index.lexical.COMMON", 2)
    assert [id_ for id_, _ in store.lexical(["model", "alpha"], 5)] == ["d-model alpha"]
    assert len(store.lexical(["model"], 5)) == 3
