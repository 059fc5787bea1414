"""What students asked: kept only when wanted, without who, and not for longer than said."""

from __future__ import annotations

import logging
import random
import sqlite3
import stat
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
from fake_course import ANSWERS, JUDGED, STEPS, UNKNOWN

from seminar_rag.errors import StoreError
from seminar_rag.journal.journal import Journal
from seminar_rag.types.serving import LONGEST_COMMENT

DAY = date(2026, 3, 2)


class Days:
    """A calendar that is turned by hand."""

    def __init__(self) -> None:
        self.today = DAY

    def __call__(self) -> date:
        return self.today


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


@pytest.fixture
def journal(path: Path, days: Days) -> Journal:
    return Journal(path, enabled=True, days=30, today=days)


def everything(path: Path) -> bytes:
    """The databases and their logs, byte by byte."""
    return b"".join(one.read_bytes() for one in path.parent.glob("*.sqlite*"))


def test_a_question_is_kept_with_its_answer_and_what_it_cites(journal: Journal) -> None:
    answer = ANSWERS[STEPS]
    journal.record(answer)
    (asked,) = journal.questions()
    assert (asked.question, asked.answer, asked.day) == (STEPS, answer.text, DAY)
    assert not asked.abstained
    assert [one.number for one in asked.cited] == [1, 1, 1, 2]
    assert asked.cited[0].quote == answer.citations[0].quote
    assert asked.cited[0].reading == "rag"
    assert asked.cited[0].page == 3


def test_what_the_check_did_not_find_is_kept(journal: Journal) -> None:
    journal.record(ANSWERS[JUDGED])
    (asked,) = journal.questions()
    assert dict(asked.verdicts) == {
        "supported": 1,
        "partly": 1,
        "contradicted": 1,
        "uncheckable": 1,
    }
    assert [one.label for one in asked.flaws] == ["partly", "contradicted"]
    assert asked.flaws[1].sentence == "There are four generations. [1]"
    assert "contradicted" in asked.flaws[1].reason


def test_nothing_is_recorded_unless_switched_on(path: Path) -> None:
    journal = Journal(path)
    journal.record(ANSWERS[STEPS])
    assert journal.questions() == ()
    assert not path.exists()
    journal.enabled = True
    journal.record(ANSWERS[UNKNOWN])
    assert [one.abstained for one in journal.questions()] == [True]


def test_feedback_is_kept_even_when_questions_are_not(path: Path, days: Days) -> None:
    journal = Journal(path, today=days)
    journal.feedback(ANSWERS[STEPS], good=True)
    journal.feedback(ANSWERS[STEPS], False, "wrong citation", "  that is another paper  ")
    up, down = sorted(journal.opinions(), key=lambda one: not one.good)
    assert up.good
    assert (down.reason, down.comment) == ("wrong citation", "that is another paper")
    assert (down.question, down.answer) == (STEPS, ANSWERS[STEPS].text)
    assert down.cited[0].quote in ANSWERS[STEPS].text
    assert down.day == DAY
    assert journal.questions() == ()


def test_what_is_said_of_one_answer_first_stands(path: Path, days: Days) -> None:
    """Also after a restart."""
    said = [
        Journal(path, today=days).feedback(ANSWERS[STEPS], good, id_="one")
        for good in (True, False)
    ]
    assert said == [True, False]
    assert [one.good for one in Journal(path, today=days).opinions()] == [True]


def test_what_was_said_can_be_taken_back_and_said_anew(journal: Journal, path: Path) -> None:
    journal.feedback(ANSWERS[STEPS], good=True, id_="one")
    journal.feedback(ANSWERS[UNKNOWN], good=True, id_="two")
    journal.withdraw("one")
    journal.withdraw("three")
    assert [one.question for one in journal.opinions()] == [UNKNOWN]
    assert journal.findings() == []
    assert journal.feedback(ANSWERS[STEPS], False, "other", id_="one")


def test_a_comment_is_cut_and_an_unknown_reason_refused(journal: Journal) -> None:
    journal.feedback(ANSWERS[STEPS], False, "other", "x" * (LONGEST_COMMENT + 5))
    assert len(journal.opinions()[0].comment) == LONGEST_COMMENT
    with pytest.raises(ValueError, match="wrong citation"):
        journal.feedback(ANSWERS[STEPS], False, "<script>")  # type: ignore[arg-type]


def pass_days(journal: Journal, days: Days, n: int) -> None:
    """Let days go by on which the program runs."""
    for _ in range(n):
        days.today += timedelta(days=1)
        journal.prune()


def test_what_is_too_old_is_gone_from_the_disk_too(
    journal: Journal, path: Path, days: Days
) -> None:
    journal.record(ANSWERS[UNKNOWN])
    journal.feedback(ANSWERS[UNKNOWN], False, "incomplete", "a secret remark")
    days.today = DAY + timedelta(days=29)
    journal.record(ANSWERS[STEPS])
    assert len(journal.questions()) == 2
    days.today += timedelta(days=1)
    assert [one.question for one in journal.questions()] == [STEPS]
    assert journal.opinions() == ()
    pass_days(journal, days, 2)
    assert b"a secret remark" not in everything(path)
    assert UNKNOWN.encode() not in everything(path)


def test_writing_removes_what_is_too_old_even_if_nobody_looks(
    journal: Journal, path: Path, days: Days
) -> None:
    journal.record(ANSWERS[UNKNOWN])
    for later in (400, 401, 402):
        days.today = DAY + timedelta(days=later)
        journal.record(ANSWERS[STEPS])
    assert UNKNOWN.encode() not in everything(path)


def test_an_answer_that_is_not_recorded_removes_what_is_too_old_too(
    journal: Journal, path: Path, days: Days
) -> None:
    journal.record(ANSWERS[UNKNOWN])
    journal.enabled = False
    for later in (400, 401, 402):
        days.today = DAY + timedelta(days=later)
        journal.record(ANSWERS[STEPS])
    assert UNKNOWN.encode() not in everything(path)
    assert STEPS.encode() not in everything(path)


@pytest.mark.parametrize("ahead", [1, 29, 31, 182, 4000])
@pytest.mark.parametrize("ran", [0, 5])
def test_a_clock_that_runs_ahead_for_a_while_removes_nothing(
    journal: Journal, days: Days, ahead: int, ran: int
) -> None:
    journal.feedback(ANSWERS[UNKNOWN], False, "incomplete", "a remark")
    pass_days(journal, days, ran)
    now = days.today
    for wrong in (ahead, ahead + 1):
        days.today = now + timedelta(days=wrong)
        journal.feedback(ANSWERS[STEPS], True)
        assert journal.prune() == 0
        days.today = now
        journal.prune()
    assert "a remark" in {one.comment for one in journal.opinions()}
    pass_days(journal, days, 40)
    assert "a remark" not in {one.comment for one in journal.opinions()}


def test_the_whole_clock_can_be_wrong_again_and_again(journal: Journal, days: Days) -> None:
    journal.feedback(ANSWERS[UNKNOWN], False, "incomplete", "a remark")
    for wrong in range(100, 120):
        days.today = DAY + timedelta(days=wrong)
        journal.prune()
        days.today = DAY
        journal.prune()
    assert [one.comment for one in journal.opinions()] == ["a remark"]


def test_fewer_days_take_effect_at_once(journal: Journal, days: Days) -> None:
    journal.record(ANSWERS[STEPS])
    days.today += timedelta(days=5)
    assert len(journal.questions()) == 1
    journal.days = 5
    assert journal.questions() == ()


def test_no_column_tells_who_asked_or_in_which_order(journal: Journal, path: Path) -> None:
    for _ in range(8):
        journal.record(ANSWERS[STEPS])
    with sqlite3.connect(path) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(entry)")]
        assert columns == ["id", "kind", "day", "body"]
        assert {row[0] for row in db.execute("SELECT day FROM entry")} == {"2026-03-02"}
        with pytest.raises(sqlite3.OperationalError, match="rowid"):
            db.execute("SELECT rowid FROM entry")


def test_only_the_owner_reads_the_file(journal: Journal, path: Path) -> None:
    journal.record(ANSWERS[STEPS])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_unwritable_journal_loses_no_answer_but_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "journal.sqlite").write_text("this is no database, it only looks like a file")
    journal = Journal(tmp_path / "journal.sqlite", enabled=True)
    with caplog.at_level(logging.WARNING):
        journal.record(ANSWERS[STEPS])
    assert "cannot be used" in caplog.text
    with pytest.raises(StoreError, match="doctor --repair"):
        journal.feedback(ANSWERS[STEPS], good=True)


def test_many_at_once(journal: Journal) -> None:
    def work() -> None:
        for _ in range(5):
            journal.record(ANSWERS[STEPS])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.questions()) == 30


# --- damage --------------------------------------------------------------------------------------


def rated(journal: Journal, number: int) -> None:
    for at in range(number):
        journal.feedback(ANSWERS[STEPS], False, "other", f"remark {at} " + "x" * 900)


def remarks(journal: Journal) -> set[str]:
    return {one.comment.partition(" x")[0] for one in journal.opinions()}


@pytest.mark.parametrize("name", ["journal.sqlite", "feedback.sqlite"])
@pytest.mark.parametrize("seed", range(8))
def test_no_damage_of_one_database_loses_an_opinion(
    journal: Journal, path: Path, name: str, seed: int
) -> None:
    rated(journal, 12)
    assert journal.findings() == []
    dice, harmed = random.Random(seed), path.with_name(name)
    content = bytearray(harmed.read_bytes())
    match seed % 4:
        case 0:
            del content[dice.randrange(len(content)) :]
        case 1:
            at = dice.randrange(len(content))
            content[at : at + 4096] = bytes(len(content[at : at + 4096]))
        case 2:
            at = dice.randrange(len(content))
            content[at : at + 8192] = dice.randbytes(len(content[at : at + 8192]))
        case _:
            content[:] = b"noise" * 3000
    harmed.write_bytes(content)
    assert journal.findings()
    said: list[str] = []
    journal.repair(said.append)
    assert journal.findings() == []
    assert remarks(journal) == {f"remark {at}" for at in range(12)}
    assert "12 entries are taken over" in said[0]
    assert list(path.parent.glob(f"damaged-*-{name}"))


def test_a_journal_that_may_not_be_opened_is_left_where_it_is(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(journal, 1)

    def denied(*_args: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", denied)
        for act in (journal.findings, journal.repair):
            with pytest.raises(StoreError, match="check its permissions"):
                act()
    assert len(journal.opinions()) == 1


def test_a_sound_journal_is_left_alone(journal: Journal, path: Path) -> None:
    rated(journal, 2)
    before = path.read_bytes()
    journal.repair()
    assert path.read_bytes() == before


def test_a_journal_that_was_deleted_comes_back_with_its_opinions(
    journal: Journal, path: Path
) -> None:
    rated(journal, 3)
    path.unlink()
    assert "lacks 3 opinions" in journal.findings()[0]
    journal.repair()
    assert len(journal.opinions()) == 3


def test_a_journal_of_an_earlier_version_gets_its_copy(journal: Journal, path: Path) -> None:
    rated(journal, 2)
    path.with_name("feedback.sqlite").unlink()
    Journal(path, days=30, today=lambda: DAY).prune()
    path.unlink()
    assert "lacks 2 opinions" in journal.findings()[0]
