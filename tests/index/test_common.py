"""What several servers of one course know together, in PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from memory import MemoryVectors
from seminar_rag import upkeep as backup
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.index.decisions import Chosen
from seminar_rag.index.postgres import CommonTable
from seminar_rag.index.store import Store
from seminar_rag.journal.journal import Journal
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Answer
from seminar_rag.types.catalogue import Correction
from seminar_rag.ui.chat.chat import key_in
from seminar_rag.ui.desk.auth import Door, Sessions
from seminar_rag.ui.desk.password import Attempts
from seminar_rag.ui.shared.limits import Limits

pytestmark = pytest.mark.slow

Two = tuple[CommonTable, CommonTable]


@pytest.fixture
def two(postgres_address: str) -> Iterator[Two]:
    """The connections of two servers."""
    with closing(CommonTable(postgres_address)) as one, closing(CommonTable(postgres_address)) as b:
        yield one, b


def test_a_value_is_seen_by_the_other_until_it_ends(two: Two) -> None:
    one, other = two
    one.put("login", "a", "x")
    one.put("login", "b", "y", 0.2)
    assert other.every("login") == {"a": "x", "b": "y"}
    assert 0 < other.left("login", "b") <= 0.2
    time.sleep(0.25)
    assert (other.get("login", "b"), other.every("login")) == (None, {"a": "x"})
    assert other.first("login", "a", "mine") == "x"
    assert other.first("login", "b", "mine") == "mine"
    other.sweep()
    other.drop("login", "a")
    assert one.every("login") == {"b": "mine"}


def test_no_change_is_lost_between_two(two: Two) -> None:
    def count(common: CommonTable) -> None:
        for _ in range(50):
            common.change("n", "", lambda text: str(int(text or 0) + 1))

    threads = [threading.Thread(target=count, args=(one,)) for one in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert two[0].get("n") == "100"
    with pytest.raises(ZeroDivisionError):
        two[0].change("n", "", lambda _: str(1 / 0))
    assert two[1].change("n", "", lambda text: f"{text}!") == "100!"


def test_limits_hold_over_two_servers(two: Two) -> None:
    limits = [Limits(4, 6, common=one) for one in two]
    asked = [limits[i % 2].admit("page", "address") > 0 for i in range(6)]
    assert asked == [False, False, False, False, True, True]
    asked = [limits[i % 2].admit(str(i), "address") > 0 for i in range(4)]
    assert asked == [False, False, True, True]


def test_a_login_and_wrong_passwords_hold_at_the_other_server(two: Two) -> None:
    one, other = (Sessions(common=common) for common in two)
    token = one.begin("h")
    assert other.valid(token, "h")
    assert not other.valid(token, "another password's")
    other.end(token, "h")
    assert not one.valid(token, "h")
    doors = [Door(None, "/desk", str, common=common) for common in two]  # type: ignore[arg-type]
    waits = [doors[i % 2]._counted(Attempts.admit, "c") for i in range(Attempts.FREE + 1)]
    assert waits[:-1] == [0.0] * Attempts.FREE
    assert waits[-1] > 0
    doors[0]._counted(Attempts.succeeded, "c")
    assert doors[1]._counted(Attempts.admit, "c") == 0


def test_what_is_chosen_and_the_keys_are_the_same_everywhere(two: Two, tmp_path: Path) -> None:
    one, other = (Chosen(tmp_path / name, common) for name, common in zip("ab", two, strict=True))
    one.put_all("item", {"b": {"n": 1}, "a": {"n": 2}})
    before = other.state
    assert list(other.of("item").items()) == [("b", {"n": 1}), ("a", {"n": 2})]
    other.put("item", "b", None)
    assert one.state != before
    assert one.of("item") == {"a": {"n": 2}}
    file = Chosen(tmp_path)
    one.copy_to(file)
    assert file.of("item") == {"a": {"n": 2}}
    keys = {key_in(tmp_path, common) for common in two}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_the_journal_is_one(postgres_address: str, tmp_path: Path) -> None:
    one, other = (
        Journal(tmp_path / name, enabled=True, database=postgres_address) for name in "ab"
    )
    with closing(one), closing(other):
        for number in range(20):
            one.record(Answer(f"question {number}", "text", "extractive"))
        assert len(other.questions()) == 20
        said = Answer("asked", "text", "extractive")
        assert one.feedback(said, good=True, id_="i")
        assert not other.feedback(said, good=False, id_="i")
        other.withdraw("i")
        assert one.opinions() == ()
        file = Journal(tmp_path / "journal.sqlite")
        file.add(one.rows())
        assert file.questions() == one.questions()
        assert one.findings() == []


def test_a_backup_of_one_server_is_brought_back_into_another_database(
    postgres_address: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with closing(Store(data, vectors=MemoryVectors(), database=postgres_address)) as store:
        store.add_corrections(Correction("rename", "r", title="Another"))
    with (
        closing(CommonTable(postgres_address)) as common,
        closing(Journal(data / "journal.sqlite", enabled=True, database=postgres_address)) as asked,
    ):
        Chosen(data, common).put("guide", "1", {"shown": True})
        asked.record(Answer("asked", "text", "extractive"))
    assert not (data / "journal.sqlite").exists()
    here = Config(folder=tmp_path, data_dir="data", store_database=postgres_address)
    size = backup.save(here, tmp_path / "b.zip")
    assert size == (tmp_path / "b.zip").stat().st_size
    backup.restore(Config(folder=tmp_path, data_dir="elsewhere"), tmp_path / "b.zip")
    assert Chosen(tmp_path / "elsewhere").of("guide") == {"1": {"shown": True}}
    journal = Journal(tmp_path / "elsewhere" / "journal.sqlite")
    assert [one.question for one in journal.questions()] == ["asked"]
    assert [one.title for one in backup.decisions.latest(tmp_path / "elsewhere")] == ["Another"]


def test_a_setting_that_one_server_changes_holds_at_the_other(
    postgres_address: str, tmp_path: Path
) -> None:
    one, other = (
        Course(
            Config(folder=tmp_path / name, store_database=postgres_address),
            embedder=HashEmbedder(),
            vectors=MemoryVectors(),
        )
        for name in "ab"
    )
    with closing(one), closing(other):
        (tmp_path / "a").mkdir(exist_ok=True)
        one.change("journal", "enabled", True)
        one.change("answer", "passages", 5)
        assert not other.journal.enabled
        other.take_shared_settings()
        assert other.journal.enabled
        assert other.config.answer_passages == 5
