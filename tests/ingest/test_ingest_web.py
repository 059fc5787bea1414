"""A whole course on the web, ingested into a real store: fetched, checked, kept, mended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_web import Page, Paper, Web, html, pdf, redirect
from played_course import (
    BLOG,
    CARDS,
    COURSE,
    FIRST,
    FUZZ,
    LOOMS,
    NOTES,
    OTHER,
    SECOND,
    SURVEY,
    PlainParser,
    documents,
    entry,
    overview,
    put_course,
    session,
)
from seminar_rag.errors import SourceError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor, Network
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types.ingest import IngestReport, Need, Options

pytestmark = pytest.mark.slow


@pytest.fixture
def parser() -> PlainParser:
    return PlainParser()


Ingest = Callable[..., IngestReport]


@pytest.fixture
def ingest(store: Store, embedder: HashEmbedder, parser: PlainParser, web: Web) -> Ingest:
    def run(source: str | Path = COURSE, **options: Any) -> IngestReport:
        made: Any = parser
        with store.writer():
            network = Network(lambda: web.fetcher(store.folder / "web"))
            ingestor = Ingestor(store, embedder, made, network=network)
            return ingestor.ingest(source, Options(**options))

    return run


def by_title(report: IngestReport) -> dict[str, Need]:
    return {need.title: need for need in report.needs}


def test_a_course_page_on_the_web(store: Store, ingest: Ingest) -> None:
    report = ingest()
    assert (report.sessions, report.readings) == (2, 6)
    assert documents(store) == {
        LOOMS.title: ("paper", (1,)),
        "Looms explained": ("paper", (1,)),
        SURVEY.title: ("paper", (1,)),
        "Paywalled Threads and Their Many Uses": ("abstract", (1,)),
        CARDS.title: ("paper", (2,)),
        "Student notes: Looms": ("notes", (1,)),
        "Student notes: Cards": ("notes", (2,)),
    }
    assert store.findings() == []
    assert report.lookups == (("nothing", 2), ("paper", 4))
    needs = by_title(report)
    assert set(needs) == {
        SURVEY.title,
        "Paywalled Threads and Their Many Uses",
        "A Page That Has Gone Away",
    }
    wrong = needs[SURVEY.title]
    assert f"2212.14834 leads to “{FUZZ.title}”" in wrong.problem
    assert "is arXiv 2310.10844, which was taken" in wrong.problem
    assert wrong.remedy == "correct the link on the course page to arXiv 2310.10844"
    walled = needs["Paywalled Threads and Their Many Uses"]
    assert (walled.state, walled.sessions) == ("abstract", (1,))
    assert walled.remedy == "download it yourself and ingest the file"
    assert needs["A Page That Has Gone Away"].state == "nothing"


def test_the_same_paper_twice_is_one_reading_of_both_sessions(
    store: Store, ingest: Ingest, web: Web
) -> None:
    again = SECOND + entry("Looms once more", "https://arxiv.org/abs/2301.00001v3")
    put_course(web, second=again)
    ingest()
    assert documents(store)[LOOMS.title] == ("paper", (1, 2))
    assert documents(store)[CARDS.title] == ("paper", (2,))
    ids = [reading.id for one in store.catalogue().sessions for reading in one.readings]
    assert ids.count("2302.00002") == 1, "with and without a link it is one reading"


def test_the_same_file_behind_two_links_is_one_reading_of_both_sessions(
    store: Store, ingest: Ingest, web: Web
) -> None:
    paper = Page(pdf("The Loom and Its Threads: A Survey", (), BLOG), type="application/pdf")
    web.put("https://one.test/paper.pdf", paper)
    web.put("https://two.test/download", paper)
    first = FIRST + entry("The Loom and Its Threads", "https://one.test/paper.pdf")
    second = SECOND + entry("the loom & its threads, a survey", "https://two.test/download")
    put_course(web, first, second)
    ingest()
    found = [one for title, one in documents(store).items() if "and its threads" in title.lower()]
    assert found == [("paper", (1, 2))]
    both = {one.number: {r.id: r.urls for r in one.readings} for one in store.catalogue().sessions}
    (shared,) = set(both[1]) & set(both[2])
    assert set(both[1][shared]) == {"https://one.test/paper.pdf", "https://two.test/download"}


def test_the_second_time_nothing_is_fetched_read_or_embedded(
    store: Store, ingest: Ingest, embedder: HashEmbedder, parser: PlainParser, web: Web
) -> None:
    first = ingest()
    before = (embedder.embedded, len(parser.parsed), dict(store.catalogue().records))
    assert first.fetched > 6
    asked = web.count()
    started = time.monotonic()
    again = ingest()
    assert time.monotonic() - started < 10, "nothing waits where nothing is asked"
    assert (again.fetched, again.embedded) == (0, 0)
    assert again.count("unchanged") == len(again.outcomes)
    assert web.count() - asked == 3, "only the course's own pages are asked for"
    assert web.count(status=304) == 3
    assert (embedder.embedded, len(parser.parsed), dict(store.catalogue().records)) == before


def test_refresh_asks_again_and_fetches_no_body_that_is_the_same(ingest: Ingest, web: Web) -> None:
    ingest()
    asked = web.count(status=200)
    report = ingest(refresh=True)
    assert report.fetched == web.count(status=200) - asked
    assert report.fetched == 0
    assert report.embedded == 0


def test_one_changed_page_embeds_only_its_own_passages(
    store: Store, ingest: Ingest, web: Web, embedder: HashEmbedder
) -> None:
    ingest()
    before = embedder.embedded
    web.put("https://course.test/2026/contents/1/", session("Looms", FIRST, NOTES + " Ever."))
    report = ingest()
    assert [o.document.title for o in report.outcomes if o.change == "changed"] == [
        "Student notes: Looms"
    ]
    assert embedder.embedded - before == report.embedded == 1
    assert report.fetched == 1


def test_a_failed_refresh_takes_nothing_away(store: Store, ingest: Ingest, web: Web) -> None:
    ingest()
    before = documents(store)
    for host in ("arxiv.org", "export.arxiv.org", "blog.test"):
        for path in web.sites.get(host, {}):
            web.put(f"https://{host}{path}", Page(status=500))
    web.put("https://course.test/2026/contents/2/", Page(status=503))
    report = ingest(refresh=True)
    assert documents(store) == before
    assert any("an earlier copy was taken" in note for note in report.notes)
    web.put(COURSE, Page(status=500))
    assert ingest().count("removed") == 0, "the page's earlier copy serves"
    assert documents(store) == before


def test_without_any_copy_a_failing_course_page_changes_nothing(
    store: Store, ingest: Ingest, web: Web
) -> None:
    ingest()
    before = documents(store)
    with pytest.raises(SourceError, match="is gone"):
        ingest("https://course.test/nowhere/")
    web.put("https://course.test/empty/", html("Nothing", "Just a line."))
    with pytest.raises(SourceError, match="holds no readings"):
        ingest("https://course.test/empty/")
    assert documents(store) == before


def test_a_corrected_link_brings_the_reading(store: Store, ingest: Ingest, web: Web) -> None:
    ingest()
    mended = FIRST.replace("wall.test/doc/1", "blog.test/threads.pdf").replace(
        "2212.14834", "2310.10844"
    )
    paper = Page(pdf("Paywalled Threads and Their Many Uses", (), BLOG))
    web.put("https://blog.test/threads.pdf", paper)
    put_course(web, mended)
    report = ingest()
    assert documents(store)["Paywalled Threads and Their Many Uses"] == ("paper", (1,))
    assert set(by_title(report)) == {"A Page That Has Gone Away"}
    assert store.findings() == []


@pytest.mark.parametrize("keep", [False, True])
def test_what_vanished_from_the_page(store: Store, ingest: Ingest, web: Web, keep: bool) -> None:
    ingest()
    web.put(COURSE, overview(("Looms", FIRST), ("Other", OTHER)))
    web.put("https://course.test/2026/contents/2/", session("Other", OTHER))
    report = ingest(keep_removed=keep)
    assert (CARDS.title in documents(store)) == keep
    assert ("Student notes: Cards" in documents(store)) == keep
    assert report.count("removed") == (0 if keep else 2)
    assert LOOMS.title in documents(store)
    assert store.findings() == []


def test_a_dry_run_tells_and_changes_nothing(
    store: Store, ingest: Ingest, web: Web, embedder: HashEmbedder
) -> None:
    report = ingest(dry_run=True)
    assert report.dry
    assert (report.count("new"), embedder.embedded, documents(store)) == (6, 0, {})
    assert report.not_looked_up == 6
    assert web.count("export.arxiv.org") == 0
    ingest()
    before = documents(store)
    web.put("https://course.test/2026/contents/1/", session("Looms", FIRST, NOTES + " Ever."))
    web.put(COURSE, overview(("Looms", FIRST), ("Other", OTHER)))
    web.put("https://course.test/2026/contents/2/", session("Other", OTHER))
    report = ingest(dry_run=True)
    assert (report.count("changed"), report.count("removed")) == (1, 2)
    assert documents(store) == before


def test_a_local_page_stays_off_the_network_until_told(
    store: Store, ingest: Ingest, web: Web, posts: Path
) -> None:
    ingest(posts)
    assert web.count() == 0
    attention = Paper("1706.03762", "Attention Is All You Need")
    web.arxiv([attention])
    report = ingest(posts, fetch=True)
    assert documents(store)["Attention Is All You Need"] == ("paper", (1,))
    assert documents(store)["Layer Normalization"] == ("abstract", (1,))
    assert report.count("removed") == 1, "the paper's own text replaces its description"
    asked = web.count()
    again = ingest(posts)
    assert web.count() == asked
    assert (again.embedded, again.count("removed")) == (0, 0)
    assert documents(store)["Attention Is All You Need"] == ("paper", (1,))


def test_a_fetched_paper_that_cannot_be_read_leaves_its_description(
    store: Store, ingest: Ingest, web: Web, parser: PlainParser
) -> None:
    from seminar_rag.errors import DocumentError

    broken = Page(b"%PDF-1.4 broken", type="application/pdf")
    web.put("https://export.arxiv.org/pdf/2310.10844", broken)
    import hashlib

    name = hashlib.sha256(broken.body).hexdigest()
    parser.script[name] = DocumentError("corrupt", f"{name} is damaged — fetch it again.")
    report = ingest()
    assert documents(store)[SURVEY.title] == ("abstract", (1,))
    (failed,) = [one for one in report.outcomes if one.change == "failed"]
    assert failed.reason == f"{SURVEY.title} is damaged — fetch it again."
    assert ingest().count("failed") == 1
    parser.script.clear()
    web.arxiv([SURVEY])
    ingest(refresh=True)
    assert documents(store)[SURVEY.title] == ("paper", (1,))


def test_a_file_that_the_instructor_ingests_ends_the_need(
    store: Store, ingest: Ingest, tmp_path: Path
) -> None:
    title = "Paywalled Threads and Their Many Uses"
    assert title in by_title(ingest())
    (tmp_path / "threads.pdf").write_bytes(pdf(title, (), BLOG))
    ingest(tmp_path / "threads.pdf")
    assert title not in by_title(ingest())
    kinds = [
        r.document.kind for r in store.catalogue().records.values() if r.document.title == title
    ]
    assert sorted(kinds) == ["abstract", "paper"]


def test_a_lost_cache_loses_nothing(store: Store, ingest: Ingest, embedder: HashEmbedder) -> None:
    import shutil

    ingest()
    before, embedded = documents(store), embedder.embedded
    shutil.rmtree(store.folder / "web")
    assert ingest(fetch=False).count("removed") == 0
    assert documents(store) == before
    shutil.rmtree(store.folder / "web")
    report = ingest()
    assert report.fetched > 6
    assert (documents(store), embedder.embedded) == (before, embedded)


def test_an_interrupt_while_fetching_goes_on_where_it_stopped(
    store: Store, ingest: Ingest, web: Web
) -> None:
    put = store.put_lookup
    calls = 0

    def interrupt(lookup: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        put(lookup)

    store.put_lookup = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ingest()
    store.put_lookup = put  # type: ignore[method-assign]
    time.sleep(0.2)
    ingest()
    pdfs = [one.path for one in web.seen if "/pdf/" in one.path]
    assert len(pdfs) == len(set(pdfs)), "no body twice"
    assert len(documents(store)) == 7


def test_a_pdf_by_its_address(store: Store, ingest: Ingest, web: Web) -> None:
    web.put("https://blog.test/threads.pdf", Page(pdf("Threads and Their Uses", (), BLOG)))
    ingest("https://blog.test/threads.pdf")
    assert documents(store) == {"Threads and Their Uses": ("paper", ())}


def test_session_pages_of_other_hosts_are_not_followed(
    store: Store, ingest: Ingest, web: Web
) -> None:
    web.put("https://course.test/2026/contents/1/", redirect("https://evil.test/"))
    web.put("https://evil.test/", session("Evil", FIRST, NOTES))
    report = ingest()
    assert "Student notes: Looms" not in documents(store)
    assert any("leads elsewhere" in note for note in report.notes)


def test_a_site_that_was_moved_to_another_folder(store: Store, ingest: Ingest, web: Web) -> None:
    for path in list(web.sites["course.test"]):
        page = web.sites["course.test"].pop(path)
        web.put(f"https://course.test{path.removeprefix('/2026')}", page)
    ingest("https://course.test/ByDate/")
    assert "Student notes: Looms" in documents(store)
