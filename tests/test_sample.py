"""The bundled sample course: complete, linked, of the promised size, and reproducible."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

import make_sample as make
from seminar_rag.sample import FOLDER

PRIMERS = sorted((FOLDER / "primers").iterdir())
PDFS = [path for path in PRIMERS if path.suffix == ".pdf"]
QUESTIONS = [
    json.loads(line)
    for line in (FOLDER / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]

named = pytest.mark.parametrize("path", PRIMERS, ids=lambda path: path.name)
each_pdf = pytest.mark.parametrize("path", PDFS, ids=lambda path: path.name)


def source_of(path: Path) -> str:
    """The Markdown that a primer's text is written in."""
    source = path if path.suffix == ".md" else make.SOURCES / f"{path.stem}.md"
    return source.read_text(encoding="utf-8")


def folded(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def page() -> LexborHTMLParser:
    return LexborHTMLParser((FOLDER / "index.html").read_text(encoding="utf-8"))


def entries(page: LexborHTMLParser) -> list[tuple[str, str, list[str]]]:
    """Title, address and bullets of every reading on the syllabus page."""
    found = []
    for title in page.css(".post h4"):
        bullets = title.next
        while bullets is not None and bullets.tag != "ul":
            bullets = bullets.next
        assert bullets is not None, title.text()
        link = bullets.css_first("a")
        assert link is not None, title.text()
        items = [item.text().strip() for item in bullets.css("li")]
        found.append((title.text().strip(), link.attributes["href"] or "", items))
    return found


# --- the syllabus page -----------------------------------------------------------------------


def test_page_has_eight_to_ten_numbered_sessions(page: LexborHTMLParser) -> None:
    headings = [node.text().strip() for node in page.css(".post h1")]
    numbers = [int(heading.split(".")[0]) for heading in headings]
    assert numbers == list(range(1, len(headings) + 1))
    assert 8 <= len(headings) <= 10
    listed = [node.text().strip() for node in page.css("table td a")]
    assert [f"{number}.{title}" for number, title in enumerate(listed, 1)] == headings


def test_every_relative_link_and_anchor_exists(page: LexborHTMLParser) -> None:
    anchors = {node.attributes.get("id") for node in page.css("[id]")}
    anchors |= {node.attributes.get("name") for node in page.css("a[name]")}
    targets = [node.attributes["href"] or "" for node in page.css("a[href]")]
    assert targets
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (FOLDER / target).is_file(), target


def test_page_loads_nothing(page: LexborHTMLParser) -> None:
    assert not page.css("script, img, link, iframe")
    assert "url(" not in (FOLDER / "index.html").read_text(encoding="utf-8")


def test_papers_are_linked_to_arxiv_once(page: LexborHTMLParser) -> None:
    papers = [href for title, href, _ in entries(page) if not title.startswith("Primer: ")]
    assert len(papers) >= 24
    assert all(re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", paper) for paper in papers)
    assert [href for href, count in Counter(papers).items() if count > 1] == []


def test_every_primer_is_listed_once_and_labelled(page: LexborHTMLParser) -> None:
    listed = [entry for entry in entries(page) if entry[0].startswith("Primer: ")]
    assert Counter(href for _, href, _ in listed) == Counter(f"primers/{p.name}" for p in PRIMERS)
    for title, href, items in listed:
        assert items[1] == "Seminar RAG project"
        assert items[2].startswith("A primer written for this sample course, not the paper.")
        assert source_of(FOLDER / href).splitlines()[0] == f"# {title}"


def test_every_reading_has_link_authors_and_description(page: LexborHTMLParser) -> None:
    for title, _, items in entries(page):
        assert len(items) == 3, title
        assert items[2].endswith("."), title


# --- the primers -----------------------------------------------------------------------------


def test_there_are_enough_primers_and_pdfs() -> None:
    assert len(PRIMERS) >= 14
    assert len(PDFS) >= 4


@named
def test_title_begins_with_primer_and_says_it_is_not_the_paper(path: Path) -> None:
    source = source_of(path)
    assert source.startswith("# Primer: ")
    label = make.BYLINE if path.suffix == ".pdf" else source.splitlines()[2]
    assert "not the paper" in label


@named
def test_body_has_500_to_900_words_in_sections(path: Path) -> None:
    parts = re.split(r"\n\s*\n", source_of(path).strip())
    body = [p for p in parts if not p.startswith(("#", "```", "*Seminar RAG project."))]
    assert 500 <= len(" ".join(body).split()) <= 900
    assert sum(part.startswith("## ") for part in parts) >= 5
    # Every paragraph is prose in full sentences, or leads to the formula after it.
    assert [p for p in body if not p.endswith((".", ":"))] == []


# --- the PDFs --------------------------------------------------------------------------------


@pytest.mark.slow
def test_pdfs_are_reproduced_byte_for_byte(tmp_path: Path) -> None:
    made = make.make(tmp_path)
    assert [path.name for path in made] == [path.name for path in PDFS]
    for path in PDFS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), (
            f"{path.name} is stale — run python tools/make_sample.py"
        )


@each_pdf
def test_pdf_is_small_has_pages_outline_and_embedded_fonts(path: Path) -> None:
    from pypdf import PdfReader

    reader = PdfReader(path)
    assert path.stat().st_size < 100_000
    assert len(reader.pages) >= 2
    headings = [p.text for p in make.read_source(source_of(path)).pieces if p.kind == "heading"]
    assert [entry.title for entry in reader.outline] == headings
    fonts: list[Any] = []
    for leaf in reader.pages:
        fonts += [font.get_object() for font in leaf["/Resources"]["/Font"].values()]
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


@each_pdf
def test_pdf_is_set_in_two_columns(path: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    top = make.SHEET[1] - make.MARGIN - make.HEAD
    for number, leaf in enumerate(document):
        text = leaf.get_textpage()
        middle = leaf.get_width() / 2
        boxes = [text.get_rect(i) for i in range(text.count_rects())]
        below = top if number else top - 70
        column = [box for box in boxes if box[1] > make.MARGIN - 5 and box[3] < below]
        left = sum(box[2] < middle for box in column)
        right = sum(box[0] > middle for box in column)
        assert left + right == len(column), "a line crosses the gap between the columns"
        assert min(left, right) >= 3
    document.close()


@each_pdf
def test_pdf_reads_back_as_its_source(path: Path) -> None:
    from pypdf import PdfReader

    primer = make.read_source(source_of(path))
    running = {make.COURSE, primer.title.removeprefix("Primer: ")}
    kept = []
    for number, leaf in enumerate(PdfReader(path).pages, 1):
        lines = [line.strip() for line in leaf.extract_text().splitlines()]
        kept += [line for line in lines if line not in running and line != str(number)]
    text = folded(" ".join(kept))
    for piece in primer.pieces:
        if piece.kind != "formula":
            assert folded(piece.text) in text


def test_source_without_title_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with a title"):
        make.read_source("Just a paragraph.\n")


def test_make_without_reportlab_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "reportlab"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "reportlab", None)
    assert make.main([str(tmp_path)]) == 1
    assert "pip install 'seminar-rag[dev]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- the labelled questions ------------------------------------------------------------------


def test_questions_have_ids_kinds_and_numbers() -> None:
    ids = [question["id"] for question in QUESTIONS]
    assert len(set(ids)) == len(ids)
    kinds = Counter(question["type"] for question in QUESTIONS)
    assert kinds["unanswerable"] == 4
    assert len(QUESTIONS) - kinds["unanswerable"] == 24
    asked = {doc for question in QUESTIONS for doc in docs_of(question)}
    assert asked == {path.name for path in PRIMERS}


def docs_of(question: dict[str, Any]) -> list[str]:
    doc = question["doc"]
    return [] if doc is None else [doc] if isinstance(doc, str) else doc


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_evidence_is_verbatim_in_its_primer(question: dict[str, Any]) -> None:
    docs = docs_of(question)
    assert bool(docs) == bool(question["evidence"]) == (question["type"] != "unanswerable")
    if len(docs) == 1:
        docs = docs * len(question["evidence"])
    for doc, quote in zip(docs, question["evidence"], strict=True):
        assert folded(quote) in folded(source_of(FOLDER / "primers" / doc)), (doc, quote)
