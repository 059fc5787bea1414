from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from pages.sheets import SENTENCES, changed, ink, pdf
from seminar_rag.errors import DocumentError
from seminar_rag.pages.render import WIDTHS, Renderer, workers
from seminar_rag.pages.sheet import Quote

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "pdf-robustness" / "hostile"


@pytest.fixture(scope="module")
def shared_renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    one = Renderer(tmp_path_factory.mktemp("drawn"), workers(1))
    yield one
    one._pool.close()


@pytest.fixture
def renderer(shared_renderer: Renderer) -> Renderer:
    return shared_renderer


def boxes_of(renderer: Renderer, path: Path, text: str) -> tuple[int, list[tuple[float, ...]]]:
    sheets = renderer.look(path, [Quote(text, 1)])
    assert sheets.found[0] in ("exact", "parts")
    return sheets.spots[0].page, [box for spot in sheets.spots for box in spot.boxes]


@pytest.mark.slow
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [(), (20, 500, 590, 780)])
@pytest.mark.parametrize("columns", [1, 2])
def test_boxes_lie_on_the_ink(
    renderer: Renderer, tmp_path: Path, rotate: int, crop: tuple[float, ...], columns: int
) -> None:
    """Boxes of all sentences together hold all the page's text; that of one only its own."""
    path = changed(
        pdf(tmp_path / "a.pdf", " ".join(SENTENCES), columns=columns),
        tmp_path / f"{rotate}-{len(crop)}-{columns}.pdf",
        rotate,
        crop,
    )
    picture = renderer.page(path, 1, 1200)
    parts = []
    for sentence in SENTENCES:
        page, boxes = boxes_of(renderer, path, sentence)
        assert page == 1
        share, dark = ink(picture, boxes)
        assert dark > 0.08, "the boxes hold no text"
        parts.append(share)
    everything = [box for text in SENTENCES for box in boxes_of(renderer, path, text)[1]]
    total, _ = ink(picture, everything)
    assert total > 0.85, "the running head is the only ink outside"
    assert sum(parts) == pytest.approx(total, abs=0.03), "boxes of two sentences overlap"


@pytest.mark.slow
def test_a_line_is_one_box(renderer: Renderer, tmp_path: Path) -> None:
    path = pdf(tmp_path / "lines.pdf", " ".join(SENTENCES), columns=2)
    _, boxes = boxes_of(renderer, path, SENTENCES[0])
    assert len(boxes) == 2
    assert all(0.01 < height < 0.03 for *_, height in boxes)


@pytest.mark.slow
def test_a_sentence_over_a_page_break_has_boxes_on_both_pages(
    renderer: Renderer, tmp_path: Path
) -> None:
    words = SENTENCES[2].split()
    first = f"{SENTENCES[0]} {' '.join(words[:7])}"
    second = f"{' '.join(words[7:])} {SENTENCES[3]}"
    path = pdf(tmp_path / "break.pdf", first, second)
    sheets = renderer.look(path, [Quote(SENTENCES[2], 1), Quote(SENTENCES[3], 1)])
    assert [(spot.quote, spot.page) for spot in sheets.spots] == [(0, 1), (0, 2), (1, 2)]
    assert len(sheets.sizes) == 2


@pytest.mark.slow
def test_bytes_before_the_header_and_pages_that_are_not_there(
    renderer: Renderer, tmp_path: Path
) -> None:
    path = pdf(tmp_path / "junk.pdf", SENTENCES[0])
    path.write_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + path.read_bytes())
    assert boxes_of(renderer, path, SENTENCES[0])[0] == 1
    for number in (0, 2, -1, 10**9):
        with pytest.raises(DocumentError, match="There is no page"):
            renderer.page(path, number, 800)


@pytest.mark.slow
def test_widths_are_few_and_huge_pages_stay_small(renderer: Renderer, tmp_path: Path) -> None:
    path = pdf(tmp_path / "plain.pdf", SENTENCES[0])
    for asked, given in ((1, 800), (801, 1200), (10**9, WIDTHS[-1])):
        assert Image.open(io.BytesIO(renderer.page(path, 1, asked))).width == given
    poster = pdf(tmp_path / "poster.pdf", SENTENCES[0], size=(200, 14_000))
    picture = Image.open(io.BytesIO(renderer.page(poster, 1, 2400)))
    assert picture.width * picture.height < 17_000_000


@pytest.mark.slow
def test_a_drawn_page_comes_from_the_cache(tmp_path: Path) -> None:
    path = pdf(tmp_path / "cached.pdf", SENTENCES[0])
    first = Renderer(tmp_path / "drawn", workers(1))
    picture = first.page(path, 1, 800)
    first._pool.close()
    path.unlink()
    second = Renderer(tmp_path / "drawn", workers(1))
    try:
        assert second.page(path, 1, 800) == picture
        with pytest.raises(DocumentError, match="cannot be read"):
            second.page(path, 1, 1200)
    finally:
        second._pool.close()


@pytest.mark.slow
def test_the_cache_stays_within_its_limit(tmp_path: Path) -> None:
    pages = pdf(tmp_path / "many.pdf", *SENTENCES, *SENTENCES)
    folder = tmp_path / "small"
    renderer = Renderer(folder, workers(1), limit=30_000)
    try:
        kept = renderer.page(pages, 1, 800)
        for number in range(2, 9):
            renderer.page(pages, number, 800)
            assert renderer.page(pages, 1, 800) == kept  # read again and again, so it stays
            assert sum(entry.stat().st_size for entry in os.scandir(folder)) <= 30_000
        assert len(list(folder.iterdir())) < 8
    finally:
        renderer._pool.close()


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    renderer = Renderer(tmp_path / "file" / "cache", workers(1))
    try:
        assert renderer.page(pdf(tmp_path / "a.pdf", SENTENCES[0]), 1, 800)
    finally:
        renderer._pool.close()


@pytest.mark.slow
def test_a_damaged_file_gives_a_reason_and_harms_nobody(renderer: Renderer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4\nnothing of a PDF follows")
    with pytest.raises(DocumentError, match="damaged"):
        renderer.look(broken, [])
    assert renderer.look(pdf(tmp_path / "sound.pdf", SENTENCES[0]), []).sizes


def test_a_closed_renderer_says_so(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "drawn", workers(1))
    renderer._pool.close()
    with pytest.raises(DocumentError, match="closed"):
        renderer.page(pdf(tmp_path / "a.pdf", SENTENCES[0]), 1, 800)


def bomb(path: Path) -> Path:
    """A page whose content unpacks to 768 MiB."""
    import zlib

    packer = zlib.compressobj(1)
    block = b" " * (1 << 24)
    packed = b"".join(packer.compress(block) for _ in range(48)) + packer.flush()
    packed = zlib.compress(packed)
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>endobj\n",
        b"4 0 obj<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n" % len(packed)
        + packed
        + b"\nendstream endobj\n",
    ]
    out, places = b"%PDF-1.5\n", []
    for part in parts:
        places.append(len(out))
        out += part
    xref = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    out += b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % xref
    path.write_bytes(out)
    return path


@pytest.mark.slow
def test_a_bomb_costs_one_answer_and_never_the_server(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "drawn", workers(2, 400 << 20), timeout=5.0)
    sound = pdf(tmp_path / "sound.pdf", SENTENCES[0])
    try:
        renderer.page(sound, 1, 800)
        with ThreadPoolExecutor(3) as threads:
            bad = threads.submit(renderer.page, bomb(tmp_path / "bomb.pdf"), 1, 800)
            started = time.monotonic()
            good = threads.submit(renderer.page, sound, 1, 1200)
            assert good.result(timeout=30)
            error = bad.exception(timeout=30)
            assert error is None or isinstance(error, DocumentError)
            assert time.monotonic() - started < 30
        assert renderer.page(sound, 1, 1600)
    finally:
        renderer._pool.close()


@pytest.mark.slow
@pytest.mark.skipif(not HOSTILE.is_dir(), reason="../shared/pdf-robustness is not there")
def test_hostile_files_end_in_a_page_or_a_reason(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "drawn", workers(2, 600 << 20), timeout=5.0)
    try:
        for path in sorted(HOSTILE.glob("*.pdf")):
            try:
                picture = renderer.page(path, 1, 800)
            except DocumentError as error:
                assert str(error)  # noqa: PT017 - any reason will do
            else:
                assert Image.open(io.BytesIO(picture)).width <= 800
        assert renderer.look(pdf(tmp_path / "sound.pdf", SENTENCES[0]), []).sizes
    finally:
        renderer._pool.close()
