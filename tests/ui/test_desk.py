"""The desk without a browser: its acts, its jobs, uploads, and what it draws."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_course import ANSWERS, EVIL, HOSTILE, JUDGED, RAG, STEPS, UNKNOWN
from fake_desk import PAGE, FakeDeskCourse, by_first_words

from seminar_rag.assembly import network_of
from seminar_rag.course import SAMPLE, Course
from seminar_rag.errors import BusyError, ConfigError, ModelError, NotFoundError, SourceError
from seminar_rag.ingest.attention import needs
from seminar_rag.journal.insights import insights
from seminar_rag.types import AnswerEvent, Document
from seminar_rag.types.catalogue import Record
from seminar_rag.types.ingest import UPLOADED, Need, Progress
from seminar_rag.types.serving import CitedText, Feedback, RecordedQuestion, Setting, Use
from seminar_rag.ui.desk import students as desk_insights
from seminar_rag.ui.desk import view
from seminar_rag.ui.desk.actions import ActionResult, Desk
from seminar_rag.ui.desk.files import LARGEST_UPLOAD, check_upload
from seminar_rag.ui.desk.form import DeskForm
from seminar_rag.ui.desk.jobs import Job, Jobs, JobWithTask, being_read
from seminar_rag.ui.desk.work import listener_of


@pytest.fixture
def course(tmp_path: Path) -> FakeDeskCourse:
    return FakeDeskCourse(folder=tmp_path)


@pytest.fixture
def desk(course: FakeDeskCourse) -> Desk:
    return Desk(course)


def ended(desk: Desk) -> Job:
    assert desk.jobs.wait(20)
    assert desk.jobs.current is not None
    return desk.jobs.current


def act_on(desk: Desk, act: str, what: str = "", **fields: Any) -> Any:
    return desk.act(DeskForm(act=act, what=what, **fields))


DESK_USES = (
    *("catalogue", "needs", "suggestions", "removals", "insights", "settings", "password_hash"),
    *("ingest", "ingest_reading", "accept", "reject", "rename", "add", "remove", "restore"),
    *("take", "place", "change", "edit", "confirm", "split", "merge", "page_texts"),
    *("offer", "fetch_language_model", "backup", "take_back"),
    *("can_ask_model", "ask_model", "opinions"),
)
"""The methods of a course that the desk calls."""


# Actions ------------------------------------------------------------------------------------------


def test_the_fake_and_the_course_have_the_surface_that_the_desk_needs(
    course: FakeDeskCourse, tiny_course: Course
) -> None:
    for name in DESK_USES:
        assert list(signature(getattr(course, name)).parameters) == list(
            signature(getattr(tiny_course, name)).parameters
        ), name
    for one in (course, tiny_course):
        assert one.catalogue().sessions
        assert {(each.section, each.key) for each in one.settings()} >= set(view.SETTINGS)


def test_everything_is_ingested_again_and_the_log_tells_each_document(
    desk: Desk, course: FakeDeskCourse
) -> None:
    course.step.release(5)
    desk.update(fetch=True, refresh=True)
    job = ended(desk)
    assert course.acts == [("ingest", (PAGE,), False, True, True)]
    assert (job.state, job.note) == ("done", "4 changed, 1 unchanged")
    assert [line.text for line in job.log][:1] == [f"indexed: {RAG.title}"]
    assert (job.done, job.total) == (5, 5)


def test_a_dry_run_lists_what_would_change(desk: Desk, course: FakeDeskCourse) -> None:
    desk.update(dry_run=True)
    job = ended(desk)
    assert course.acts == [("ingest", (PAGE,), True, None, False)]
    assert job.outcome == "Preview"
    assert job.note == "would change 4 of 5 documents"
    assert any(line.text.startswith("changed: ") for line in job.log)
    assert not any("unchanged" in line.text for line in job.log)


def test_a_stopped_ingest_says_what_is_in(desk: Desk, course: FakeDeskCourse) -> None:
    course.step.release(2)
    desk.update()
    while desk.jobs.current is None or desk.jobs.current.done < 2:
        time.sleep(0.01)
    desk.jobs.stop()
    job = ended(desk)
    assert job.state == "stopped"
    assert job.note == "1 changed, 1 unchanged; start it again to go on"


def test_the_end_of_the_server_ends_the_job(desk: Desk, course: FakeDeskCourse) -> None:
    desk.close()
    desk.update()
    desk.close()
    assert desk.jobs.current is not None
    assert desk.jobs.current.state == "stopped"


def test_a_language_model_is_fetched_and_offered_no_more(
    desk: Desk, course: FakeDeskCourse
) -> None:
    offered = view.PAGE.language_model(course.offer())
    assert 'data-act="model"' in offered
    assert "0.1 GB" in offered
    course.step.release(3)
    act_on(desk, "model", "")
    job = ended(desk)
    assert (job.state, job.outcome) == ("done", "Fetched a language model")
    assert "answers are written with it" in job.note
    assert [line.text for line in job.log] == [
        "The model hub cannot be reached, so Python packages are used."
    ]
    assert (job.done, job.total, job.detail) == (90_000_000, 90_000_000, "90 of 90 MB")
    assert view.PAGE.language_model(course.offer()) == ""
    with pytest.raises(NotFoundError, match="is here already"):
        act_on(desk, "model", "")


def test_a_download_is_stopped_and_goes_on_later(desk: Desk, course: FakeDeskCourse) -> None:
    act_on(desk, "model", "")
    desk.jobs.stop()
    job = ended(desk)
    assert job.state == "stopped"
    assert "start it again to go on" in job.note
    assert course.offer() is not None


def test_without_llama_cpp_the_desk_says_what_to_run(desk: Desk, course: FakeDeskCourse) -> None:
    assert course.offered is not None
    course.offered = replace(course.offered, runnable=False)
    drawn = view.PAGE.language_model(course.offer())
    assert "make llm" in drawn
    assert "data-act" not in drawn
    with pytest.raises(ModelError, match="make llm"):
        act_on(desk, "model", "")


def test_a_failed_ingest_says_why(desk: Desk, course: FakeDeskCourse) -> None:
    course.failing = SourceError("index.html is gone — give the page again")
    desk.update()
    assert ended(desk).note == "index.html is gone — give the page again"


def test_nothing_but_stop_works_while_a_job_runs(desk: Desk, course: FakeDeskCourse) -> None:
    desk.update()
    for act, what in (("accept", "s1"), ("remove", "rag"), ("reingest", "rag"), ("restore", "x")):
        with pytest.raises(BusyError, match="Updating the course"):
            act_on(desk, act, what)
    with pytest.raises(BusyError):
        act_on(desk, "rename", "rag", title="New")
    with pytest.raises(BusyError):
        desk.add(15, "A", "https://example.org/a.pdf")
    with pytest.raises(BusyError):
        desk.update()
    desk.jobs.stop()
    ended(desk)
    assert [act[0] for act in course.acts] == ["ingest"]


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_a_link_is_decided_and_its_reading_looked_for(
    desk: Desk, course: FakeDeskCourse, act: str
) -> None:
    course.step.release(5)
    act_on(desk, act, "s1")
    assert ended(desk).state == "done"
    assert course.acts == [(act, "s1"), ("ingest_reading", "survey")]
    with pytest.raises(NotFoundError):
        act_on(desk, act, "s1")


def test_a_reading_is_read_again_removed_and_brought_back(
    desk: Desk, course: FakeDeskCourse
) -> None:
    course.step.release(10)
    act_on(desk, "reingest", "gone")
    assert "A paper whose link is gone" in ended(desk).title
    said = act_on(desk, "remove", "rag")
    assert said[:2] == (f"Removed “{RAG.title}”.", "undo")
    assert f'data-act="undo" data-what="{said[2]}"' in view.toast(said)
    assert "data-act" not in view.toast("Undone.")
    assert [one.id for one in course.removals()] == ["rag"]
    assert act_on(desk, "restore", "rag") == ActionResult("Restored.", "remove", "rag")
    ended(desk)
    assert course.acts == [
        ("ingest_reading", "gone"),
        ("remove", "rag"),
        ("restore", "rag"),
        ("ingest_reading", "rag"),
    ]


DECISIONS: dict[str, Callable[[Desk], object]] = {
    "accept": lambda desk: act_on(desk, "accept", "s1"),
    "reject": lambda desk: act_on(desk, "reject", "s1"),
    "remove": lambda desk: act_on(desk, "remove", "rag"),
    "rename": lambda desk: act_on(desk, "rename", "rag", title="New"),
    "add": lambda desk: desk.add(15, "New", ""),
    "place": lambda desk: desk.place("rag", 16),
    "confirm all": lambda desk: act_on(desk, "confirm-all"),
    "confirm": lambda desk: act_on(desk, "confirm", "gone"),
    "drop": lambda desk: act_on(desk, "remove", "gone"),
    "move": lambda desk: act_on(desk, "edit", "rag", title="New", session=3),
    "split": lambda desk: act_on(desk, "split", "rag", second="New"),
    "merge": lambda desk: act_on(desk, "merge", "survey", other="rag"),
}


@pytest.mark.parametrize("decided", DECISIONS)
def test_what_was_decided_last_is_taken_back_also_while_its_reading_is_looked_for(
    desk: Desk, course: FakeDeskCourse, decided: str
) -> None:
    before = course.catalogue()
    said = DECISIONS[decided](desk)
    assert isinstance(said, ActionResult)
    assert said.act == "undo"
    with pytest.raises(NotFoundError, match="correct it by hand"):
        act_on(desk, "undo", "other")
    assert act_on(desk, "undo", said.what) == ActionResult("Undone.")
    assert ("take_back",) in course.acts
    assert course.catalogue() == before
    desk.close()
    with pytest.raises(NotFoundError, match="correct it by hand"):
        act_on(desk, "undo", said.what)


@pytest.mark.parametrize(
    ("act", "what"),
    [("remove", PAGE), ("remove", "/etc/passwd"), ("reingest", ""), ("jobs", "rag"), ("", "")],
)
def test_what_the_course_does_not_know_is_refused(
    desk: Desk, course: FakeDeskCourse, act: str, what: str
) -> None:
    """A whole source cannot be removed here, whatever a page sends."""
    with pytest.raises(NotFoundError, match="load the page again"):
        act_on(desk, act, what)
    assert course.acts == []


def test_a_link_is_added(desk: Desk, course: FakeDeskCourse) -> None:
    course.step.release(5)
    told = desk.add(15, " A new one ", " https://example.org/new.pdf ")
    assert "session 15" in told.text
    ended(desk)
    assert course.acts == [
        ("add", 15, "A new one", "https://example.org/new.pdf", None),
        ("ingest_reading", "added"),
    ]
    with pytest.raises(SourceError, match="choose the session"):
        desk.add(None, "A", "https://example.org/new.pdf")


def test_a_paper_that_is_added_by_its_link_alone_is_called_as_it_calls_itself(
    desk: Desk, course: FakeDeskCourse
) -> None:
    course.step.release(6)
    added = Document("new", "paper", "added", "On Looms", sessions=(15,))
    course._catalogue = replace(
        course._catalogue, records={**course._catalogue.records, "new": Record(added, PAGE, "h")}
    )
    said = desk.add(15, "", " https://arxiv.org/abs/2301.00001 ")
    ended(desk)
    assert course.acts[0] == ("add", 15, "", "https://arxiv.org/abs/2301.00001", None)
    assert course.acts[-1] == ("rename", "added", "On Looms")
    assert act_on(desk, "undo", said.what) == ActionResult("Undone.")


def test_files_go_to_the_reading_they_were_dropped_on_or_are_recognised(
    desk: Desk, course: FakeDeskCourse, tmp_path: Path
) -> None:
    course.step.release(15)
    a, b = tmp_path / "a.pdf", tmp_path / "b.pdf"
    a.write_bytes(b"%PDF-1.7 text")
    b.write_bytes(b"<html>Log in</html>")
    said = desk.take([a, b], reading="gone")
    assert said.text.startswith("Added to “A paper whose link is gone”.")
    assert "b.pdf is not what its name says" in said.text
    ended(desk)
    assert course.acts == [("take", "a.pdf", "gone", None), ("ingest_reading", "gone")]
    with pytest.raises(SourceError, match="choose a session"):
        desk.take([a])
    assert desk.take([a], session=16).text == "Added “added”."
    ended(desk)
    assert course.acts[2] == ("take", "a.pdf", "", 16)
    with pytest.raises(SourceError, match="no file arrived"):
        desk.take([])
    with pytest.raises(NotFoundError, match="load the page again"):
        desk.take([a], reading="unheard-of")
    desk.place("gone", 16)
    ended(desk)
    assert course.acts[-2:] == [("place", "gone", 16), ("ingest_reading", "gone")]


def test_a_course_begins_with_a_file_which_a_newer_one_replaces(
    desk: Desk, course: FakeDeskCourse, tmp_path: Path
) -> None:
    file = tmp_path / "syllabus.bib"
    file.write_text("@book{a, title={On Looms}}")
    with pytest.raises(SourceError, match="has its page already"):
        desk.take_page([file])
    for sources in ((str(SAMPLE.resolve()), "course"), (UPLOADED, "course")):
        course._catalogue = replace(course._catalogue, sources=(sources,))
        course.step.release(15)
        assert "syllabus.bib" in desk.take_page([file]).text
        assert ended(desk).state == "done"
        assert course.acts[-2:-1] == [("take_page", "syllabus.bib")]
        assert course.acts[-1][:2] == ("ingest", (UPLOADED,))
    assert desk.uploaded
    assert "Upload a newer one" in view.begin((), begun=True, uploaded=True)
    assert "Upload a newer one" not in view.begin((), begun=True)
    with pytest.raises(SourceError, match="choose one file"):
        desk.take_page([file, file])
    (tmp_path / "syllabus.zip").write_bytes(b"PK")
    with pytest.raises(SourceError, match="is none of"):
        desk.take_page([tmp_path / "syllabus.zip"])


def test_a_course_begins_with_the_address_of_its_page_or_with_files(
    desk: Desk, course: FakeDeskCourse, tmp_path: Path
) -> None:
    assert desk.begun
    assert "Begin your course" not in view.begin(course.catalogue().sessions, begun=desk.begun)
    course._catalogue = replace(course._catalogue, sources=((str(SAMPLE.resolve()), "course"),))
    assert not desk.begun
    assert desk.sample
    shown = view.begin(course.catalogue().sessions, begun=desk.begun, sample=desk.sample)
    assert "Begin your course" in shown
    assert "This is the sample course. It leaves when" in shown
    assert "Upload the course page" in shown
    course.step.release(15)
    with pytest.raises(SourceError, match="https://"):
        act_on(desk, "begin", "file:///etc/passwd")
    act_on(desk, "begin", " https://uni.example/seminar ")
    assert ended(desk).state == "done"
    assert course.acts.pop()[:2] == ("ingest", ("https://uni.example/seminar",))
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 text")
    desk.take([tmp_path / "a.pdf"], reading="gone")
    ended(desk)
    assert course.acts[:2] == [("take", "a.pdf", "gone", 1), ("ingest_reading", "gone")]
    course.acts.clear()
    assert "The sample course has left." in desk.take([tmp_path / "a.pdf"]).text
    ended(desk)
    assert course.acts[0] == ("remove", str(SAMPLE.resolve())), "the sample course leaves"
    assert course.acts[1] == ("take", "a.pdf", "", 1)


def test_what_came_to_nothing_is_no_success(desk: Desk, course: FakeDeskCourse) -> None:
    course.step.release(15)
    act_on(desk, "reingest", "gone")
    job = ended(desk)
    assert job.state == "failed"
    assert "is gone (404) — download the PDF yourself" in job.note


# Uploads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.4\n..."),
        ("b.PDF", b"\n\n junk before %PDF-1.7"),
        ("c.md", "# Über".encode()),
        ("d.html", b"<p>text</p>"),
        ("e.txt", b"text"),
        ("f.txt", "für".encode("cp1252")),
        ("g.docx", b"PK\3\4"),
        ("h.rtf", b"{\\rtf1 text}"),
        ("i.ipynb", b'{"cells": []}'),
    ],
)
def test_files_that_are_what_they_say_are_taken(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    check_upload(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pdf", b"<html>not found</html>", "not what its name says"),
        ("a.pdf", b"x" * 2000 + b"%PDF-1.4", "not what its name says"),
        ("a.pdf", b"", "empty"),
        ("a.txt", b"%PDF-1.4", "not what its name says"),
        ("a.txt", b"MZ\0\0\x01", "not what its name says"),
        ("a.html", b"\xff\xfe<\0", "not what its name says"),
        ("a.docx", b"text", "not what its name says"),
        ("a.exe", b"%PDF-1.4", "none of"),
        ("a", b"%PDF-1.4", "none of"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=says):
        check_upload(tmp_path / name)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.pdf").open("wb") as out:
        out.write(b"%PDF-1.4")
        out.truncate(LARGEST_UPLOAD + 1)
    with pytest.raises(SourceError, match="at most 64"):
        check_upload(tmp_path / "a.pdf")


# The real course -------------------------------------------------------------------------------


HOLDS = """
import sys, pathlib
from seminar_rag.index.store import Store
store = Store(pathlib.Path(sys.argv[1]))
with store.writer():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_another_process_that_writes_is_told_by_name(tiny_course: Course) -> None:
    desk = Desk(tiny_course)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tiny_course.store.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        desk.update()
        job = ended(desk)
        assert job.state == "failed"
        assert f"process {other.pid} " in job.note
        reading = tiny_course.catalogue().sessions[0].readings[0].id
        with pytest.raises(BusyError, match=f"process {other.pid} "):
            act_on(desk, "remove", reading)
    finally:
        other.communicate(timeout=20)
    desk.update()
    assert ended(desk).state == "done"


def test_students_go_on_asking_while_the_desk_ingests(tiny_course: Course, posts: Path) -> None:
    desk = Desk(tiny_course)
    question = "What does reranking do with useful passages?"
    for number in range(3, 9):
        (posts / f"S0{number}.md").write_text(
            (posts / "S01.md").read_text().replace("Attention", f"Topic {number}"), "utf-8"
        )
    desk.update()
    answers = []
    while True:
        running = desk.jobs.current is not None and desk.jobs.current.running
        *_, last = tiny_course.ask(question)
        assert isinstance(last, AnswerEvent)
        answers.append(last.answer)
        if not running:
            break
    job = ended(desk)
    assert job.state == "done", job.note
    assert "new" in job.note
    assert all("Reranking moves the useful passages" in one.text for one in answers)


def test_settings_change_at_once_and_stay(tiny_course: Course) -> None:
    question = "What does reranking do with useful passages?"
    list(tiny_course.ask(question))
    tiny_course.change("journal", "enabled", True)
    tiny_course.change("journal", "days", 7)
    tiny_course.change("answer", "passages", 3)
    tiny_course.change("course", "name", "Another name")
    tiny_course.change("zotero", "key", "hush-hush-hush")
    with network_of(tiny_course.config).fetcher() as fetcher:
        assert fetcher.credentials == {"api.zotero.org": {"Zotero-API-Key": "hush-hush-hush"}}
    assert (tiny_course.journal.enabled, tiny_course.journal.days) == (True, 7)
    assert tiny_course.name == "Another name"
    hits = next(event for event in tiny_course.ask(question) if hasattr(event, "hits"))
    assert len(hits.hits) <= 3
    with pytest.raises(ConfigError, match="restart"):
        tiny_course.change("store", "url", "http://127.0.0.1:1")
    again = Course.open(tiny_course.config.folder, tiny_course.config.data)
    assert (again.config.answer_passages, again.journal.days) == (3, 7)
    again.close()


@pytest.mark.model
def test_switching_the_model_off_makes_another_writer(tiny_course: Course, tiny_gguf: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    tiny_course.parts.config = replace(tiny_course.config, llm_model=str(tiny_gguf))
    with_model = tiny_course.answerer
    assert not with_model.startswith("extractive")
    tiny_course.change("llm", "enabled", False)
    assert tiny_course.answerer.startswith("extractive")
    tiny_course.change("llm", "enabled", True)
    assert tiny_course.answerer == with_model


def test_the_model_that_checks_cannot_be_switched_off(tiny_course: Course) -> None:
    tiny_course.parts.config = replace(tiny_course.config, check_verifier="llm")
    with pytest.raises(ConfigError, match="needs it"):
        tiny_course.change("llm", "enabled", False)
    assert tiny_course.config.llm_enabled


def test_insights_of_the_course_are_those_of_its_journal(tiny_course: Course) -> None:
    tiny_course.journal.enabled = True
    *_, last = tiny_course.ask("What does reranking do with useful passages?")
    assert isinstance(last, AnswerEvent)
    tiny_course.journal.record(last.answer)
    tiny_course.journal.record(replace(last.answer, abstained=True, citations=()))
    found = tiny_course.insights()
    assert (found.asked, found.abstained) == (2, 1)
    assert found.used[0].answers == 1
    assert {use.answers for use in found.used[1:]} == {0}


# Drawing ---------------------------------------------------------------------------------------


def test_whatever_comes_from_readings_is_escaped(course: FakeDeskCourse) -> None:
    catalogue = course.catalogue()
    drawn = [
        view.attention(course.suggestions(), needs(catalogue)),
        view.sessions(catalogue, needs(catalogue)),
        view.PAGE.masthead("<script>1</script>"),
        view.PAGE.message("<b>x</b>", bad=True),
    ]
    course.remove("evil")
    drawn.append(view.PAGE.removed(course.removals()))
    journal = course.journal
    journal.enabled = True
    journal.record(ANSWERS[HOSTILE])
    journal.record(replace(ANSWERS[UNKNOWN], question=EVIL.title))
    journal.record(replace(ANSWERS[JUDGED], question=EVIL.title))
    journal.feedback(replace(ANSWERS[HOSTILE], question=EVIL.title), False, "other", EVIL.title)
    drawn.append(desk_insights.insights(course.insights(), enabled=True, days=9))
    for html in drawn:
        for bad in ("<img", "<script", "<b>x", "<b>It", "<svg onload", 'href="javascript', "<i>a"):
            assert bad not in html
    assert "&lt;img" in drawn[1]


def test_what_needs_attention_has_the_remedy_for_each_failure(course: FakeDeskCourse) -> None:
    html = view.attention((), needs(course.catalogue()))
    assert "2 readings need attention" in html
    assert "https://example.org/gone.pdf is gone (404)." in html
    assert "Download the PDF yourself and add it." in html
    assert "Run an OCR program over it and ingest the result." in html
    sessions = view.sessions(course.catalogue(), needs(course.catalogue()))
    assert "2 problems" in sessions
    assert "full text · 12 pages · 43 passages" in sessions
    assert "no text" in sessions


def test_many_that_want_the_same_are_told_together(course: FakeDeskCourse) -> None:
    down = [
        Need(f"r{number}", f"<i>Paper {number}</i>", (1,), "nothing", "timed out", "try later")
        for number in range(9)
    ]
    html = view.attention((), [*down, Need("loose", "A scan", (), "nothing", "no text", "OCR")])
    assert "10 readings need attention" in html
    assert html.count("Try later.") == 1
    assert "&lt;i&gt;Paper 8&lt;/i&gt;" in html
    assert "Try again" not in html, "what no session lists can be looked for nowhere"
    shown = view.attention((), down[:2])
    assert shown.count("Try again") == shown.count('aria-label="Remove: ') == 2


def test_what_is_being_read_is_no_problem_yet(course: FakeDeskCourse) -> None:
    catalogue = course.catalogue()
    bare = next(one for each in catalogue.sessions for one in each.readings)
    records = {k: v for k, v in catalogue.records.items() if v.document.reading != bare.id}
    left = replace(catalogue, records=records, lookups=())
    job = Job("Adding", "Added", datetime.now(UTC))
    busy = being_read(JobWithTask(job, {"do": "readings", "of": {"readings": [bare.id]}}), ())
    assert view.not_searched(left, busy) == view.not_searched(left) - 1
    shown = view.sessions(left, (), busy)
    assert "being read" in shown
    assert shown.count("wanting") == view.sessions(left, ()).count("wanting") - 1
    assert (
        being_read(JobWithTask(replace(job, state="done"), {"do": "ingest", "of": {}}), "a")
        == set()
    )
    for dry, read in ((False, {"a"}), (True, set())):
        task = {"do": "ingest", "of": {"sources": [], "options": {"dry_run": dry}}}
        assert being_read(JobWithTask(job, task), "a") == read


def test_readings_that_were_never_looked_for_are_told(course: FakeDeskCourse) -> None:
    assert view.not_searched(course.catalogue()) == 1, "all but one have a text or were"
    html = view.attention((), (), 2)
    assert "2 readings have not been searched for online" in html
    assert "Nothing needs attention" not in html


def test_a_running_job_says_how_far_it_is() -> None:
    told: list[tuple[object, ...]] = []
    lines: list[tuple[str, bool]] = []

    class Listening(Jobs):
        def __init__(self) -> None:
            pass

        def progress(self, *given: object, **more: object) -> None:
            told.append(given)

        def line(self, text: str, *, bad: bool = False) -> None:
            lines.append((text, bad))

    listener = listener_of(Listening())
    listener(Progress("reading", 0, 1, "index.html"))
    listener(Progress("fetching", 1, 4, "A paper"))
    listener(Progress("indexed", 2, 3, "Another", passages=1200, speed=7.4, left=130.0))
    listener(Progress("embedding", 2, 3, "", passages=1300, speed=7.4, left=40.0))
    listener(Progress("failed", 3, 3, "A scan", detail="it holds no text"))
    assert told[1] == ("fetching", 1, 4, "A paper", "1 of 4 searched for")
    assert told[2] == (
        *("indexed", 3, 7, "Another"),
        "1 of 4 searched for · 2 of 3 documents · 1,200 passages (7/s) · about 2 min left",
    )
    assert told[3][3] == "Another"
    assert str(told[3][4]).endswith("about 40 s left")
    assert lines == [("indexed: Another", False), ("failed: A scan — it holds no text", True)]


def test_a_course_without_anything_to_do_says_so(course: FakeDeskCourse) -> None:
    assert "Nothing needs attention." in view.attention((), ())


def test_insights_say_what_is_switched_off_and_draw_what_is_there(course: FakeDeskCourse) -> None:
    empty = desk_insights.insights(insights((), (), {}, by_first_words), enabled=False, days=90)
    assert "Questions are not recorded" in empty
    assert "No questions and no feedback yet." in empty
    assert "csv" not in empty
    course.journal.enabled = True
    for question in (STEPS, UNKNOWN, JUDGED):
        course.journal.record(ANSWERS[question])
    html = desk_insights.insights(course.insights(), enabled=True, days=30)
    assert "Kept for 30 days" in html
    assert "<b>67%</b> answered<" in html
    assert "<b>33%</b> of 3 sentences supported" in html
    assert UNKNOWN in html
    assert "There are four generations." in html
    assert "1 answered, 1 not" not in html
    assert "2 answered, 1 not" in html
    assert "Never cited: 2 of 4" in html
    assert 'href="export/questions.csv"' in html


def test_no_secret_is_among_the_settings(course: FakeDeskCourse) -> None:
    html = view.other_settings(course.settings())
    assert "[llm] key" in html
    assert "scrypt" not in html
    assert "[answer] passages" not in html


def test_a_setting_of_nothing_is_told_from_one_that_is_not_set() -> None:
    rows = [Setting("llm", "threads", 0, False), Setting("llm", "key", "", False)]
    html = view.other_settings(rows)
    assert "<code>[llm] threads</code></th><td>0</td>" in html
    assert "<code>[llm] key</code></th><td>–</td>" in html


def test_tables_carry_everything_and_no_formula() -> None:
    def rows(name: str, *entries: object) -> list[dict[str, str]]:
        course = SimpleNamespace(
            journal=SimpleNamespace(questions=lambda: entries, opinions=lambda: entries),
            insights=lambda: SimpleNamespace(used=entries),
        )
        text = desk_insights.table(name, course)  # type: ignore[arg-type]
        assert text is not None
        return list(csv.DictReader(io.StringIO(text)))

    day = date(2026, 3, 2)
    cited = (CitedText(1, "rag:0", "rag", "Retrieval", "A quote.", 3),)
    verdicts = (("supported", 1), ("uncheckable", 2))
    evil = RecordedQuestion(
        "q", day, "=HYPERLINK(evil)", "An answer. [1]", cited=cited, verdicts=verdicts
    )
    (row,) = rows("questions.csv", evil)
    assert row["question"] == "'=HYPERLINK(evil)"
    assert (row["supported"], row["checked"]) == ("1", "1")
    assert row["cites"] == "[1] Retrieval, p. 3"
    down = Feedback("f", day, False, 'He said "no",\nand left', "An answer.", "other", " +1")
    (row,) = rows("feedback.csv", down)
    assert row["question"] == 'He said "no",\nand left'
    assert row["comment"] == "' +1"
    (row,) = rows("readings.csv", Use("rag", "Retrieval", 1, (3, 15)))
    assert (row["reading"], row["answers"], row["sessions"]) == ("rag", "1", "3 15")
