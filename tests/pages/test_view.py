from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from memory import MemoryVectors
from pages.sheets import SENTENCES, pdf
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import DocumentError, NotFoundError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.pages.view import GONE, LOST, MOVED, central_sentences
from seminar_rag.types import Citation, Passage, Sentence

pytestmark = pytest.mark.slow

FILLER = "The cards are bound into a chain, and the chain is laid over a drum with four sides. "


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    split = SENTENCES[2].split()
    first = f"{SENTENCES[0]} {FILLER * 6} {' '.join(split[:6])}"
    second = f"{' '.join(split[6:])} {SENTENCES[3]} {FILLER * 3} {SENTENCES[1]}"
    pdf(folder / "looms.pdf", first, second)
    return folder


@pytest.fixture
def course(tmp_path: Path, papers: Path, posts: Path) -> Iterator[Course]:
    one = Course(
        Config(folder=tmp_path, data_dir="data"), embedder=HashEmbedder(), vectors=MemoryVectors()
    )
    list(one.ingest([papers, posts]))
    yield one
    one.close()


def passage_with(course: Course, words: str) -> Passage:
    documents = course.catalogue().documents
    found = [p for d in documents for p in course.store.passages_of(d) if words in p.text]
    assert found, words
    return found[0]


def test_a_paper_opens_at_the_page_of_the_quote(course: Course) -> None:
    passage = passage_with(course, SENTENCES[3])
    view = course.pages.open(passage.document, passage.id, [SENTENCES[3]])
    assert len(view.sizes) == 2
    assert view.page == 2
    assert [spot.page for spot in view.spots] == [2]
    assert view.remark == ""
    assert course.pages.page(passage.document, 2, 800)[:3] == b"\xff\xd8\xff"
    with pytest.raises(DocumentError, match="no page 3"):
        course.pages.page(passage.document, 3, 800)


def test_a_quote_over_a_page_break_begins_on_the_first_page(course: Course) -> None:
    passage = passage_with(course, SENTENCES[2])
    view = course.pages.open(passage.document, passage.id, [SENTENCES[2]])
    assert view.page == 1
    assert [spot.page for spot in view.spots] == [1, 2]


def test_notes_open_in_their_section(course: Course) -> None:
    passage = passage_with(course, "Multi-head attention runs eight heads")
    view = course.pages.open(
        passage.document, passage.id, ["Multi-head attention runs eight heads"]
    )
    assert view.sizes == ()
    assert passage in view.passages
    assert len({one.heading for one in view.passages}) == 1
    assert view.sections > 1
    other = course.pages.open(passage.document, passage.id, section=view.section + 1)
    assert passage not in other.passages
    far = course.pages.open(passage.document, section=99)
    assert far.section == far.sections - 1


def test_without_its_file_a_paper_shows_its_text(course: Course) -> None:
    passage = passage_with(course, SENTENCES[3])
    for file in course.store.files.folder.iterdir():
        file.unlink()
    view = course.pages.open(passage.document, passage.id, [SENTENCES[3]])
    assert view.sizes == ()
    assert passage in view.passages
    with pytest.raises(NotFoundError):
        course.pages.page(passage.document, 1, 800)


def test_a_file_that_cannot_be_drawn_shows_its_text_and_says_why(course: Course) -> None:
    passage = passage_with(course, SENTENCES[3])
    (file,) = course.store.files.folder.iterdir()
    file.write_bytes(b"%PDF-1.4 no more")
    view = course.pages.open(passage.document, passage.id, [SENTENCES[3]])
    assert "damaged" in view.remark
    assert passage in view.passages


def test_a_passage_that_moved_is_found_and_one_that_is_lost_is_remarked(
    course: Course, papers: Path
) -> None:
    passage = passage_with(course, SENTENCES[3])
    pdf(papers / "looms.pdf", f"{FILLER * 2} {SENTENCES[3]}", FILLER)
    list(course.ingest([papers]))
    assert course.store.passages([passage.id]) == {}
    moved = course.pages.open(passage.document, passage.id, [SENTENCES[3]])
    assert (moved.remark, moved.page, len(moved.spots)) == (MOVED, 1, 1)
    lost = course.pages.open(passage.document, passage.id, [SENTENCES[0]])
    assert (lost.remark, lost.spots) == (LOST, ())
    assert lost.sizes
    course.remove(passage.document)
    with pytest.raises(NotFoundError, match=GONE):
        course.pages.open(passage.document, passage.id, [SENTENCES[3]])
    with pytest.raises(NotFoundError, match=GONE):
        course.pages.page(passage.document, 1, 800)


def test_paths_are_not_documents(course: Course, papers: Path) -> None:
    for name in ("../course.db", str(papers / "looms.pdf"), "looms.pdf", "", "..", "/etc/passwd"):
        with pytest.raises(NotFoundError):
            course.pages.open(name)
        with pytest.raises(NotFoundError):
            course.pages.page(name, 1, 800)


# --- central sentences -------------------------------------------------------------------------


def test_key_sentences_are_quotes_of_the_reading_in_order(course: Course) -> None:
    passage = passage_with(course, SENTENCES[3])
    reading = course.catalogue().documents[passage.document].reading
    found = course.key_sentences(reading, 3)
    assert 1 <= len(found) <= 3
    assert len({one.quote for one in found}) == len(found)
    assert all(one.quote in one.passage.text for one in found)
    places = [(one.passage.ordinal, one.passage.text.index(one.quote)) for one in found]
    assert places == sorted(places)
    assert all(isinstance(one, Citation) and one.page for one in found)
    with pytest.raises(NotFoundError):
        course.key_sentences("nothing")


def test_central_sentences_are_near_the_middle_and_not_twice_the_same() -> None:
    texts = (
        "Looms weave patterns that cards describe to them, row after row.",
        "Looms weave patterns that cards describe to them, row after row again.",
        "Cards describe patterns, and looms weave what the cards describe.",
        "The cafeteria of the museum closes at six on every Sunday in winter.",
        "[3] Jacquard, J. (1801). 12(4):1-9, 10.1000/182, pp. 14-19, 2nd ed. 1804.",
        "a fragment that begins in the middle of a sentence and looms weave cards.",
    )
    body = " ".join(texts)
    sentences, at = [], 0
    for text in texts:
        sentences.append(Sentence(at, at + len(text), page=1))
        at += len(text) + 1
    passage = Passage("p", "d", 0, body, "", 0, len(body), 1, tuple(sentences))
    embedder = HashEmbedder()
    rows = np.asarray(embedder.embed([body]))
    found = central_sentences([passage], rows, embedder.embed, 2)
    quotes = [one.quote(sentence) for one, sentence in found]
    assert len(quotes) == 2
    assert set(quotes) <= set(texts[:3])
    assert quotes != list(texts[:2])
    assert central_sentences([], rows, embedder.embed, 2) == []


def central_texts(texts: Sequence[str], n: int) -> list[str]:
    """The central sentences of a document with these passages, a sentence each."""
    embedder = HashEmbedder()
    passages = [
        Passage(f"p{i}", "d", i, text, "", 0, len(text), 1, (Sentence(0, len(text), page=1),))
        for i, text in enumerate(texts)
    ]
    rows = np.asarray(embedder.embed(list(texts)))
    found = central_sentences(passages, rows, embedder.embed, n)
    return [one.text for one, _ in found]


def test_central_sentences_tell_something_and_come_from_the_abstract() -> None:
    texts = (
        "Abstract: Looms weave patterns that punched cards describe to them.",
        "In this survey, we give an overview of looms, cards and patterns.",
        "The looms of the museum weave patterns of cards on every Sunday.",
    )
    assert central_texts(texts, 2) == [texts[0], texts[2]]


def test_a_line_of_names_is_no_key_sentence_and_a_script_without_capitals_has_some() -> None:
    texts = (
        "Joseph Jacquard, Ada Lovelace, Charles Babbage and Luigi Menabrea, et al.",
        "Looms weave patterns that punched cards describe to them.",
        "العبارات المفتاحية تقول ما يقوله النص ولا تسمي أسماء المؤلفين فقط.",
    )
    assert central_texts(texts, 3) == list(texts[1:])
