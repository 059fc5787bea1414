"""Looking, reading and embedding go on side by side, tell how far they are, and can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local_web import Page, Web, html
from played_course import (
    BLOG,
    COURSE,
    FIRST,
    LOOMS,
    PlainParser,
    documents,
    entry,
    overview,
    put_course,
    session,
)
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor, Network
from seminar_rag.ingest.plan import PlannedDocument
from seminar_rag.ingest.states import ProgressTable
from seminar_rag.ingest.work import DocumentMaker
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Block, Document
from seminar_rag.types.ingest import IngestReport, Options, Progress

pytestmark = pytest.mark.slow

Ingest = Callable[..., IngestReport]
SLOW = "https://slow.test/article"


@pytest.fixture
def ingest(store: Store, embedder: HashEmbedder, web: Web) -> Ingest:
    def run(
        listener: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> IngestReport:
        made: Any = PlainParser()
        with store.writer():
            network = Network(lambda: web.fetcher(store.folder / "web", timeout=20))
            one = Ingestor(store, embedder, made, listener, network, stop)
            return one.ingest(COURSE, Options(**options))

    return run


def slow(web: Web, gate: threading.Event) -> None:
    """Add a reading whose page comes only when the gate is open."""
    listed = FIRST + entry("A Very Slow Article on Looms", SLOW)
    put_course(web, listed)

    def answer(path: str) -> Page:
        gate.wait(15)
        return html("A Very Slow Article on Looms", BLOG)

    web.put(SLOW, answer)


def test_a_reading_can_be_asked_about_while_others_are_still_looked_for(
    store: Store, ingest: Ingest, web: Web
) -> None:
    gate = threading.Event()
    slow(web, gate)
    reader = Store(store.folder, vectors=store.vectors)  # as a running chat has it
    there: dict[str, tuple[str, tuple[int, ...]]] = {}

    def listen(progress: Progress) -> None:
        if progress.stage == "indexed" and not gate.is_set():
            there.update(documents(reader))
            if len(there) == 7:
                gate.set()

    report = ingest(listen)
    assert gate.is_set(), "everything else was in before the slow page came"
    assert LOOMS.title in there
    assert there[LOOMS.title] == ("paper", (1,))
    assert "A Very Slow Article on Looms" not in there
    assert "A Very Slow Article on Looms" in documents(store)
    assert report.count("new") == 8
    assert store.findings() == []
    reader.close()


def test_a_stopped_ingest_keeps_what_is_in_and_the_next_goes_on(
    store: Store, ingest: Ingest, web: Web, embedder: HashEmbedder
) -> None:
    gate = threading.Event()
    slow(web, gate)
    asked = threading.Event()

    def listen(progress: Progress) -> None:
        if progress.stage == "indexed":
            asked.set()

    report = ingest(listen, asked.is_set)
    gate.set()
    assert report.stopped
    there = documents(store)
    assert 1 <= len(there) < 8
    assert {one.document.title for one in report.outcomes if one.change == "new"} == set(there)
    assert store.findings() == []
    assert all("not asked for" not in one.problem for one in store.catalogue().lookups)
    before = embedder.embedded
    again = ingest()
    assert not again.stopped
    assert again.count("unchanged") == len(there)
    assert len(documents(store)) == 8
    assert embedder.embedded - before == again.embedded
    pdfs = [one.path for one in web.seen if "/pdf/" in one.path]
    # A body that is on its way when the ingest is stopped may be asked for again.
    assert len(pdfs) <= len(set(pdfs)) + 1


def test_a_stopped_ingest_removes_nothing(store: Store, ingest: Ingest, web: Web) -> None:
    ingest()
    before = documents(store)
    web.put(COURSE, overview(("Looms", FIRST), ("Other", entry("Something Else", SLOW))))
    web.put("https://course.test/2026/contents/2/", session("Other", entry("Something Else", SLOW)))
    report = ingest(stop=lambda: True)
    assert (report.stopped, report.count("removed")) == (True, 0)
    assert set(documents(store)) == set(before)


def test_progress_tells_every_reading_and_adds_up(ingest: Ingest, embedder: HashEmbedder) -> None:
    told: list[Progress] = []
    report = ingest(told.append)
    by_stage: dict[str, list[Progress]] = {}
    for one in told:
        by_stage.setdefault(one.stage, []).append(one)
    begun, found = ({one.item for one in by_stage[s]} for s in ("fetching", "found"))
    assert begun == found
    assert [one.done for one in by_stage["found"]] == [*range(1, len(found) + 1)]
    assert {one.total for one in by_stage["found"]} == {len(found)}
    walled = next(one for one in by_stage["found"] if "Paywalled" in one.label)
    assert "refuses (403)" in walled.detail
    indexed = by_stage["indexed"]
    assert {one.item for one in indexed} == {o.document.id for o in report.outcomes}
    last = told[-1]
    assert (last.done, last.total) == (7, 7)
    assert last.passages == report.embedded == embedder.embedded
    assert last.speed > 0
    assert last.left == 0


def test_an_error_of_the_search_ends_the_ingest(
    ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seminar_rag.web.fetch.Cache.keep_text", full)
    with pytest.raises(OSError, match="No space left"):
        ingest()
    assert store.findings() == []


def test_a_page_that_lists_papers_only_notes_the_model_too(
    store: Store, ingest: Ingest, web: Web
) -> None:
    listed = entry(LOOMS.title, "https://arxiv.org/abs/2301.00001")
    web.put(COURSE, overview(("Looms", listed), ("Cards", listed)))
    for n in (1, 2):
        web.put(f"https://course.test/2026/contents/{n}/", session("Looms", listed))
    ingest()
    assert (store.meta("model"), store.meta("precision")) == ("hash", "float32")
    assert documents(store) == {LOOMS.title: ("paper", (1, 2))}


def test_a_document_of_which_more_becomes_known_is_made_once(
    store: Store, embedder: HashEmbedder
) -> None:
    told: list[Progress] = []
    table = ProgressTable(told.append)
    parser: Any = PlainParser()
    work = DocumentMaker(store, embedder, parser, "s", table)
    first = Document("d", "notes", "n", "Notes", sessions=(1,))
    blocks = (Block("The loom weaves what the cards say."),)
    jobs = [
        PlannedDocument(first, "", "one", blocks),
        PlannedDocument(replace(first, title="Better"), "", "two", blocks),
    ]
    with store.writer(), work:
        for job in jobs:
            work.offer({"d": job})
        while not table.finished:
            work.parse()
            work.wait()
            work.embed_and_store()
    assert [
        (d.title, r.hash) for r in store.catalogue().records.values() for d in [r.document]
    ] == [("Better", "two")]
    assert (told[-1].done, told[-1].total, embedder.embedded) == (1, 1, 1)
