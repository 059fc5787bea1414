from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory import MemoryVectors
from played_course import ScriptedParser
from seminar_rag.errors import DocumentError, SourceError, StoreError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.ingest.plan import RULES
from seminar_rag.ingest.sources import match, slug
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.syllabus.read import read_syllabus
from seminar_rag.types import Block, Document, ParsedDocument
from seminar_rag.types.catalogue import ListedReading
from seminar_rag.types.ingest import IngestReport


@pytest.fixture
def parser() -> ScriptedParser:
    return ScriptedParser()


Ingest = Callable[[Path], IngestReport]


@pytest.fixture
def ingest(store: Store, embedder: HashEmbedder, parser: ScriptedParser) -> Ingest:
    def run(source: Path) -> IngestReport:
        with store.writer():
            made: Any = parser
            return Ingestor(store, embedder, made).ingest(source)

    return run


def titles(store: Store) -> dict[str, str]:
    return {r.document.title: r.document.kind for r in store.catalogue().records.values()}


def test_posts_become_readings_and_notes(store: Store, posts: Path, ingest: Ingest) -> None:
    report = ingest(posts)
    assert (report.sessions, report.readings) == (2, 3)
    assert report.count("new") == 5
    assert titles(store) == {
        "Attention Is All You Need": "abstract",
        "Layer Normalization": "abstract",
        "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks": "abstract",
        "Student notes: Attention": "notes",
        "Student notes: Retrieval": "notes",
    }
    catalogue = store.catalogue()
    assert [s.title for s in catalogue.sessions] == ["Attention", "Retrieval"]
    first, second = catalogue.sessions[0].readings
    assert (first.id, first.section) == ("1706.03762", "required")
    assert (second.id, second.section) == ("1607.06450", "more")
    notes = next(r for r in catalogue.records.values() if r.document.reading == "notes-1")
    texts = [p.text for p in store.passages_of(notes.document.id)]
    assert any("Multi-head attention runs eight heads" in text for text in texts)
    assert store.findings() == []


def test_the_manifest_knows_how_each_document_was_made(
    store: Store, posts: Path, ingest: Ingest
) -> None:
    ingest(posts)
    records = store.catalogue().records.values()
    assert {record.made for record in records} == {f"rules {RULES}, hash in float32"}
    assert all(record.hash and record.at and record.source for record in records)


def test_spans_point_into_the_post(store: Store, posts: Path, ingest: Ingest) -> None:
    ingest(posts)
    for record in store.catalogue().records.values():
        source = (posts / record.document.path).read_text(encoding="utf-8")
        for passage in store.passages_of(record.document.id):
            there = "".join(source[passage.start : passage.end].split())
            for sentence in passage.sentences:
                assert "".join(passage.quote(sentence).split()) in there


def test_the_second_time_nothing_is_embedded(
    posts: Path, ingest: Ingest, embedder: HashEmbedder
) -> None:
    first = ingest(posts)
    before = embedder.embedded
    assert first.embedded == before
    again = ingest(posts)
    assert (again.embedded, embedder.embedded) == (0, before)
    assert again.count("unchanged") == 5


def test_a_changed_post_embeds_only_what_changed(store: Store, posts: Path, ingest: Ingest) -> None:
    ingest(posts)
    ids = {
        p.id for r in store.catalogue().records.values() for p in store.passages_of(r.document.id)
    }
    post = posts / "S02.md"
    text = post.read_text(encoding="utf-8")
    post.write_text(text.replace("moves the useful", "brings the useful"), encoding="utf-8")
    report = ingest(posts)
    assert report.embedded == 1
    assert [o.document.title for o in report.outcomes if o.change == "changed"] == [
        "Student notes: Retrieval"
    ]
    now = {
        p.id for r in store.catalogue().records.values() for p in store.passages_of(r.document.id)
    }
    assert len(ids - now) == len(now - ids) == 1


def test_what_vanished_is_removed(store: Store, posts: Path, ingest: Ingest) -> None:
    ingest(posts)
    (posts / "S02.md").unlink()
    report = ingest(posts)
    assert report.count("removed") == 2
    assert all("Retrieval" not in title for title in titles(store))
    assert store.findings() == []


@pytest.mark.parametrize("ruin", ["gone", "empty", "no readings"])
def test_an_unreadable_source_takes_nothing_away(
    store: Store, posts: Path, ingest: Ingest, ruin: str
) -> None:
    ingest(posts)
    before = titles(store)
    shutil.rmtree(posts)
    if ruin != "gone":
        posts.mkdir()
    if ruin == "no readings":
        (posts / "S01.md").write_text("# Nothing here\n\nJust a line.\n", encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        ingest(posts)
    assert "\n" not in str(caught.value)
    assert titles(store) == before


def test_pdfs_find_their_reading(
    store: Store, posts: Path, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    for name in ("1706.03762v7.pdf", "layernorm.pdf", "stray.pdf"):
        (papers / name).write_text("%PDF-1.4 The body of " + name)
    body = (Block("Something that the paper says.", page=2),)
    parser.script["layernorm.pdf"] = ParsedDocument("Layer  normalization", body, 9)
    parser.script["stray.pdf"] = ParsedDocument("A Paper Nobody Listed", body, 2)
    ingest(papers)
    ingest(posts)
    assert "Layer  normalization" in titles(store)
    ingest(papers)
    by_path = {r.document.path: r.document for r in store.catalogue().records.values()}
    assert by_path["1706.03762v7.pdf"].reading == "1706.03762"
    assert by_path["1706.03762v7.pdf"].sessions == (1,)
    assert by_path["layernorm.pdf"].reading == "1607.06450"
    assert by_path["stray.pdf"].reading == "a-paper-nobody-listed"
    assert by_path["stray.pdf"].sessions == ()


def test_a_failing_file_stops_nothing_and_keeps_its_past(
    store: Store, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (papers / name).write_text("%PDF-1.4 The body of " + name)
    ingest(papers)
    (papers / "a.pdf").write_text("%PDF-1.4 now broken")
    parser.script["a.pdf"] = DocumentError("corrupt", "a.pdf is damaged — fetch it again")
    (papers / "c.pdf").write_text("%PDF-1.4 The body of c")
    report = ingest(papers)
    assert (report.count("failed"), report.count("new"), report.count("unchanged")) == (1, 1, 1)
    (failed,) = [o for o in report.outcomes if o.change == "failed"]
    assert (failed.reason, failed.passages) == ("a.pdf is damaged — fetch it again", 1)
    record = next(r for r in store.catalogue().records.values() if r.document.path == "a.pdf")
    assert (record.outcome, record.passages) == ("corrupt", 1)
    parser.parsed.clear()
    assert ingest(papers).count("failed") == 1, "listed again, though not read again"
    assert parser.parsed == []


def test_a_slow_file_is_tried_again(tmp_path: Path, ingest: Ingest, parser: ScriptedParser) -> None:
    (tmp_path / "a.pdf").write_text("%PDF-1.4 The body")
    parser.script["a.pdf"] = DocumentError("limit", "a.pdf took too long")
    assert ingest(tmp_path / "a.pdf").count("failed") == 1
    parser.script.clear()
    assert ingest(tmp_path / "a.pdf").count("failed") == 0


def test_an_interrupt_loses_nothing(
    store: Store, posts: Path, ingest: Ingest, embedder: HashEmbedder
) -> None:
    vectors = store.vectors
    assert isinstance(vectors, MemoryVectors)
    calls = 0

    def interrupt(name: str) -> None:
        nonlocal calls
        calls += name == "add"
        if calls == 3:
            raise KeyboardInterrupt

    vectors.fail = interrupt
    with pytest.raises(KeyboardInterrupt):
        ingest(posts)
    assert len(store.catalogue().documents) == 2
    vectors.fail = lambda _: None
    report = ingest(posts)
    assert (report.count("unchanged"), report.count("new")) == (2, 3)
    assert store.findings() == []


def test_files_that_a_page_links_beside_it(
    store: Store, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    (tmp_path / "primers").mkdir()
    (tmp_path / "primers" / "one.md").write_text("# One\n\nThe primer says this.\n")
    (tmp_path.parent / "secret.md").write_text("outside")
    (tmp_path / "readings.toml").write_text(
        """
[course]
title = "By hand"
[[session]]
number = 3
title = "Primers"
[[session.reading]]
title = "A primer"
files = ["primers/one.md"]
[[session.reading]]
title = "Not ours"
urls = ["https://example.org/x"]
abstract = "What an instructor wrote about a reading that is nowhere near."
files = []
""",
        encoding="utf-8",
    )
    report = ingest(tmp_path / "readings.toml")
    assert report.count("new") == 2
    assert titles(store) == {"A primer": "paper", "Not ours": "abstract"}
    assert parser.parsed == ["one.md"]
    assert store.catalogue().title == "By hand"


def test_another_model_is_refused(store: Store, posts: Path, ingest: Ingest) -> None:
    ingest(posts)
    other = HashEmbedder()
    other.name = "other"
    parser: Any = ScriptedParser()
    post = (posts / "S02.md").read_text(encoding="utf-8")
    (posts / "S03.md").write_text(post + "\nMore.\n", encoding="utf-8")
    with store.writer(), pytest.raises(StoreError, match="set \\[embed\\] back"):
        Ingestor(store, other, parser).ingest(posts)
    assert len(store.catalogue().sessions) == 2, "nothing was changed"


def test_a_loose_document_is_matched_by_id_then_title() -> None:
    readings = [
        ListedReading("1706.03762", "Attention Is All You Need", arxiv_id="1706.03762"),
        ListedReading("x", "A Survey of Things: The Long Subtitle"),
    ]

    def loose(title: str, path: str) -> Document:
        return Document("d", "paper", "", title, path=path)

    assert match(loose("Whatever", "p/1706.03762v2-attention.pdf"), readings) == "1706.03762"
    assert match(loose("attention is all you need", "a.pdf"), readings) == "1706.03762"
    assert match(loose("A survey of things - the long subtitle", "a.pdf"), readings) == "x"
    assert match(loose("A Survey of Other Things Altogether", "a.pdf"), readings) is None


def test_slugs_are_short_readable_and_distinct() -> None:
    assert slug("Attention Is All You Need!") == "attention-is-all-you-need"
    long = "A very long title " * 10
    assert len(slug(long)) <= 60
    assert slug(long) != slug(long + "x")
    assert slug("日本語") != slug("中文")


def test_paged_files_are_kept_and_others_are_not(
    store: Store, ingest: Ingest, parser: ScriptedParser, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-1.4 the text of a paper that is kept")
    (folder / "b.pdf").write_text("<html>A text without pages.</html>", encoding="utf-8")
    unpaged = ParsedDocument("B", (Block("A text without pages."),))
    parser.script["b.pdf"] = unpaged
    ingest(folder)
    records = {r.document.path: r for r in store.catalogue().records.values()}
    kept = store.file_of(records["a.pdf"].document.id)
    assert kept is not None
    assert kept.read_bytes() == (folder / "a.pdf").read_bytes()
    assert store.file_of(records["b.pdf"].document.id) is None

    # A folder from before files were kept, or a lost file: the next ingest keeps it again.
    kept.unlink()
    parser.parsed.clear()
    ingest(folder)
    assert store.file_of(records["a.pdf"].document.id) == kept
    assert parser.parsed == []
    (folder / "a.pdf").unlink()
    ingest(folder)
    assert list(store.files.folder.iterdir()) == []


# --- one document costs no other -----------------------------------------------------------------


def test_a_library_that_fails_while_parsing_costs_one_document(
    store: Store, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_text("%PDF-1.4 The body of " + name)
    parser.script["a.pdf"] = TimeoutError("the tokenizer gave up")
    report = ingest(tmp_path)
    assert (report.count("failed"), report.count("new")) == (1, 1)
    (need,) = report.needs
    assert "a.pdf could not be read (TimeoutError: the tokenizer gave up)" in need.problem
    assert "take another version" in need.remedy
    parser.script.clear()
    assert ingest(tmp_path).count("failed") == 0, "it is tried again"


def test_what_the_machine_refuses_is_not_blamed_on_the_document(
    tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    (tmp_path / "a.pdf").write_text("%PDF-1.4 The body")
    parser.script["a.pdf"] = OSError(errno.ENOSPC, "No space left on device")
    (need,) = ingest(tmp_path).needs
    assert "No space left on device" in need.problem
    assert "the cause is this machine, not the document" in need.remedy


def test_a_text_that_a_library_cannot_split_costs_one_document(
    store: Store, tmp_path: Path, ingest: Ingest, embedder: HashEmbedder
) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_text("%PDF-1.4 The body of " + name)

    def count(text: str) -> int:
        if "body of b" in text:
            raise TimeoutError("too many dots")  # an OSError, as NLTK raises it
        return HashEmbedder.count(embedder, text)

    embedder.count = count  # type: ignore[method-assign]
    report = ingest(tmp_path)
    assert (report.count("failed"), report.count("new")) == (1, 2)
    (failed,) = [one for one in report.outcomes if one.change == "failed"]
    assert "b could not be read (TimeoutError: too many dots)" in failed.reason
    assert store.findings() == []


# --- files that must not be opened ---------------------------------------------------------------


def test_only_regular_files_inside_the_folder_are_read(
    store: Store, posts: Path, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    outside = tmp_path / "outside.pdf"
    outside.write_text("%PDF-1.4 A secret")
    (posts / "zero.md").symlink_to("/dev/zero")
    (posts / "endless.pdf").symlink_to("/dev/zero")
    (posts / "link.pdf").symlink_to(outside)
    os.mkfifo(posts / "pipe.md")
    os.mkfifo(posts / "pipe.pdf")
    report = ingest(posts)
    assert (report.sessions, report.readings) == (2, 3)
    assert parser.parsed == []
    named = {note.split(" was not read")[0] for note in report.notes}
    assert named == {"zero.md", "endless.pdf", "link.pdf", "pipe.md", "pipe.pdf"}
    assert all(" — " in note for note in report.notes)
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        ingest(posts / "pipe.md")


@pytest.mark.parametrize("name", ["index.html", "readings.toml"])
def test_the_page_of_a_folder_lies_in_it(name: str, tmp_path: Path, ingest: Ingest) -> None:
    folder = tmp_path / "course"
    folder.mkdir()
    page = '<html><h2>Week 1</h2><ul><li><a href="{}">A study of tides</a></li></ul></html>'
    (tmp_path / "outside.html").write_text(page.format("https://example.org/secret.pdf"))
    (folder / name).symlink_to(tmp_path / "outside.html")
    with pytest.raises(SourceError, match="lies outside the folder — copy it"):
        ingest(folder)
    (folder / name).unlink()
    (folder / "week1.html").symlink_to(tmp_path / "outside.html")
    (folder / "index.html").write_text(page.format("week1.html"))
    assert "secret" not in str(read_syllabus(folder / "index.html"))


def test_files_of_any_ending_that_a_list_names_are_read_or_listed_with_the_reason(
    store: Store, tmp_path: Path, ingest: Ingest, parser: ScriptedParser
) -> None:
    (tmp_path / "slides.pptx").write_bytes(b"PK\3\4\0")
    (tmp_path / "notes.txt").write_text("What the notes say.")
    parser.script["slides.pptx"] = DocumentError(
        "unreadable", "slides.pptx is no PDF — save as one"
    )
    (tmp_path / "readings.toml").write_text(
        """
[[session]]
number = 1
title = "Slides"
[[session.reading]]
title = "The slides"
abstract = "What the slides are about, in the instructor's own words."
files = ["slides.pptx"]
[[session.reading]]
title = "The notes"
files = ["notes.txt"]
""",
        encoding="utf-8",
    )
    report = ingest(tmp_path / "readings.toml")
    assert parser.parsed == ["slides.pptx", "notes.txt"]
    (need,) = report.needs
    assert (need.title, need.problem, need.remedy) == (
        "The slides",
        "slides.pptx is no PDF",
        "save as one",
    )
    kinds = {d.title: d.kind for d in store.catalogue().documents.values()}
    assert kinds == {"The slides": "abstract", "The notes": "paper"}
