"""Scanned pages: read by OCR where the extra is installed, named where it is not."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from memory import MemoryVectors
from seminar_rag.documents.ocr import EXTRA, Recogniser, available
from seminar_rag.documents.parse import Parser
from seminar_rag.documents.pdf import plain_page
from seminar_rag.documents.pdf_clean import Line, Page
from seminar_rag.documents.pdf_order import by_place
from seminar_rag.errors import DocumentError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types.ingest import Progress

pytestmark = pytest.mark.slow

SIZE = (595, 842)
SENTENCES = (
    "We keep the cache of a serving engine in pages of fixed size.",
    "Waste falls from a third to a twentieth on every trace that we tried.",
    "The pages need not lie next to each other, and requests share them.",
)
needs_ocr = pytest.mark.skipif(not available(), reason=f"the extra is missing: {EXTRA}")


def written(draw: Callable[[Canvas], None]) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=SIZE)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def prose(canvas: Canvas, heading: str) -> None:
    canvas.setFont("Times-Bold", 18)
    canvas.drawString(72, 780, heading)
    canvas.setFont("Times-Roman", 12)
    for row, sentence in enumerate(SENTENCES):
        # Not at the same height on every page: that would be a running head.
        canvas.drawString(72, 740 - 6 * len(heading) - 15 * row, sentence)
    canvas.showPage()


def scanned(data: bytes, images: Sequence[int]) -> bytes:
    """The PDF with the pages at these indices as pictures."""
    import pypdfium2 as pdfium
    from pypdf import PdfReader, PdfWriter

    pdf = pdfium.PdfDocument(data)
    out = PdfWriter()
    for index, page in enumerate(PdfReader(io.BytesIO(data)).pages):
        if index in images:
            picture = ImageReader(pdf[index].render(scale=150 / 72).to_pil())
            whole = written(lambda canvas, it=picture: canvas.drawImage(it, 0, 0, *SIZE))
            out.append(PdfReader(io.BytesIO(whole)))
        else:
            out.add_page(page)
    buffer = io.BytesIO()
    out.write(buffer)
    return buffer.getvalue()


def pages(*headings: str) -> bytes:
    def draw(canvas: Canvas) -> None:
        for heading in headings:
            prose(canvas, heading)

    return written(draw)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "scan.pdf"
    path.write_bytes(scanned(pages("Paged Caches", "Shared Pages"), (0, 1)))
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "mixed.pdf"
    path.write_bytes(scanned(pages("Paged Caches", "Shared Pages", "Limits"), (1, 2)))
    return path


# ---------------------------------------------------------------- the real thing


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    """It loads the models of OCR once."""
    with Parser() as one:
        yield one


@needs_ocr
@pytest.mark.model
def test_a_scan_is_read_page_by_page(scan: Path, parser: Parser) -> None:
    reported: list[tuple[int, int]] = []
    document = parser.parse(scan, lambda done, total: reported.append((done, total)))
    text = " ".join(block.text for block in document.blocks)
    for sentence in SENTENCES:
        assert text.count(sentence) == 2
    assert "Paged Caches" in text
    assert "Shared Pages" in text
    assert {block.page for block in document.blocks} == {1, 2}
    assert (document.pages, document.partial, document.scans) == (2, False, ())
    assert document.notes == ("Pages 1, 2 read from images by OCR; words may be wrong.",)
    assert reported == [(0, 2), (1, 2)]


@needs_ocr
@pytest.mark.model
def test_scanned_pages_among_others_are_read(mixed: Path, parser: Parser) -> None:
    document = parser.parse(mixed)
    text = " ".join(block.text for block in document.blocks)
    places = [text.index(words) for words in ("Paged Caches", "Shared Pages", "Limits")]
    assert places == sorted(places)
    assert [text.count(sentence) for sentence in SENTENCES] == [3, 3, 3]
    assert document.notes == ("Pages 2, 3 read from images by OCR; words may be wrong.",)


# ---------------------------------------------------------------- without the extra


def test_without_ocr_a_scan_says_what_to_install(scan: Path) -> None:
    with Parser(ocr=None) as parser, pytest.raises(DocumentError) as caught:
        parser.parse(scan)
    assert caught.value.failure == "no_text"
    assert str(caught.value) == (
        f"scan.pdf holds only images of pages, no text — install OCR with `make ocr` (the extra"
        f" {EXTRA}) and ingest it again."
    )


def test_without_ocr_the_pages_left_out_are_named(mixed: Path) -> None:
    with Parser(ocr=None) as parser:
        document = parser.parse(mixed)
    assert document.scans == (2, 3)
    (note,) = document.notes
    assert note.startswith("Pages 2, 3 without text; if they are scans, install OCR")


# ---------------------------------------------------------------- limits, with scripted pages


def steady(path: Path, number: int) -> Page:
    return plain_page(number, f"{SENTENCES[0]}\nThis was page {number} of {path.name}.")


def faulty(path: Path, number: int) -> Page:
    if number == 2:
        time.sleep(60)
    if number == 3:
        os._exit(9)
    if number == 4:
        raise ValueError("broken image")
    return steady(path, number)


def broken(path: Path, number: int) -> Page:
    if number > 1:
        raise ValueError("broken image")
    return steady(path, number)


def lost(path: Path, number: int) -> Page:
    raise ValueError(number)


def blank(path: Path, number: int) -> Page:
    return Page(number, 842.0, ())


@pytest.fixture
def reading() -> Iterator[Callable[..., Recogniser]]:
    made: list[Recogniser] = []

    def make(page: Callable[[Path, int], Page], seconds: float = 30.0) -> Recogniser:
        made.append(Recogniser(page, seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_page_that_fails_costs_itself(scan: Path, reading: Callable[..., Recogniser]) -> None:
    ocr = reading(faulty, 5.0)
    assert list(ocr.pages(scan, [1, 2, 5])) == [1, 5]
    ocr.close()
    assert list(reading(faulty).pages(scan, [1, 3, 4, 5])) == [1, 5]


def test_pages_that_fail_one_after_another_end_the_trying(
    scan: Path, reading: Callable[..., Recogniser]
) -> None:
    reported: list[int] = []
    assert reading(lost).pages(scan, range(1, 9), lambda done, _: reported.append(done)) == {}
    assert reported == [0, 1, 2]


def test_a_document_with_failed_pages_is_partial(
    mixed: Path, reading: Callable[..., Recogniser]
) -> None:
    with Parser(ocr=reading(broken)) as parser:
        document = parser.parse(mixed)
    assert document.partial
    assert document.notes == ("Pages 2, 3 could not be read by OCR.",)
    assert [block.page for block in document.blocks if block.kind == "heading"] == [1]


def test_a_scan_half_of_which_is_read_is_partial(
    scan: Path, reading: Callable[..., Recogniser]
) -> None:
    with Parser(ocr=reading(broken)) as parser:
        document = parser.parse(scan)
    assert document.partial
    assert "This was page 1 of scan.pdf." in document.blocks[0].text
    assert document.notes == (
        "Page 1 read from images by OCR; words may be wrong.",
        "Page 2 could not be read by OCR.",
    )


@pytest.mark.parametrize(
    ("page", "says"), [(blank, "OCR finds no words in them"), (lost, "OCR could not read them")]
)
def test_a_scan_without_words_says_so(
    scan: Path, reading: Callable[..., Recogniser], page: Callable[[Path, int], Page], says: str
) -> None:
    with Parser(ocr=reading(page)) as parser, pytest.raises(DocumentError, match=says) as caught:
        parser.parse(scan)
    assert caught.value.failure == "no_text"
    assert EXTRA not in str(caught.value)


def test_pages_are_not_read_twice(scan: Path, reading: Callable[..., Recogniser]) -> None:
    reported: list[int] = []
    ocr = reading(steady)
    with Parser(ocr=ocr) as parser:
        first = parser.parse(scan, lambda done, _: reported.append(done))
        assert parser.parse(scan, lambda done, _: reported.append(done)) == first
    assert reported == [0, 1]


def test_closing_gives_up_the_page_at_hand(scan: Path, reading: Callable[..., Recogniser]) -> None:
    begun = threading.Event()
    parser = Parser(ocr=reading(faulty))
    result = parser.submit(scan, lambda done, _: begun.set() if done == 1 else None)
    assert begun.wait(60)
    started = time.monotonic()
    parser.close()
    with pytest.raises(DocumentError):
        result.result(timeout=1)
    assert time.monotonic() - started < 20


# ---------------------------------------------------------------- in an ingest


def test_a_scan_is_tried_again_once_ocr_is_there(
    scan: Path,
    tmp_path: Path,
    embedder: HashEmbedder,
    reading: Callable[..., Recogniser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(tmp_path / "data", vectors=MemoryVectors())
    reported: list[Progress] = []

    def ingest(ocr: Recogniser | None) -> str:
        monkeypatch.setattr("seminar_rag.ingest.work.available", lambda: ocr is not None)
        with store.writer():
            Ingestor(store, embedder, lambda: Parser(ocr=ocr), reported.append).ingest(scan)
        (record,) = store.catalogue().records.values()
        return record.outcome

    assert ingest(None) == "no_text"
    assert not any("OCR" in progress.label for progress in reported)
    assert ingest(None) == "no_text"
    assert ingest(reading(steady)) == "indexed"
    labels = [progress.label for progress in reported if "OCR" in progress.label]
    assert labels[0].endswith("(OCR, page 1 of 2)")


# ---------------------------------------------------------------- the order of lines


def line(text: str, x0: float, x1: float, base: float) -> Line:
    return Line(text, 1, x0, x1, base, 10.0)


def test_two_columns_are_read_one_after_the_other() -> None:
    rows = [line("Title", 150, 450, 800)]
    for row in range(4):
        rows.append(line(f"left {row}", 60, 285, 700 - 14 * row))
        rows.append(line(f"right {row}", 310, 535, 701 - 14 * row))
    rows.append(line("Figure across the page", 60, 535, 600))
    rows += [line("left below", 60, 285, 560), line("right below", 310, 535, 560)]
    assert [one.text for one in by_place(list(reversed(rows)))] == [
        "Title",
        *(f"left {row}" for row in range(4)),
        *(f"right {row}" for row in range(4)),
        "Figure across the page",
        "left below",
        "right below",
    ]


def test_one_column_is_read_row_by_row() -> None:
    rows = [line("b", 300, 500, 701), line("a", 60, 200, 700), line("c", 60, 500, 680)]
    assert [one.text for one in by_place(rows)] == ["a", "b", "c"]
