"""The page view's addresses and its HTML, without a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from fake_course import EVIL, NOTES_PASSAGE, RAG, RAG_PASSAGE, FakeCourse, cite

from memory import MemoryVectors
from pages.sheets import SENTENCES, pdf
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.models_in_use import Shared
from seminar_rag.types import Document, Passage, Sentence
from seminar_rag.ui.chat import render, viewer
from seminar_rag.ui.chat.render import PARTS
from seminar_rag.ui.chat.tabs import add_tables
from seminar_rag.ui.shared.conversation import Exchange
from seminar_rag.ui.shared.limits import VIEWS, Limits
from seminar_rag.ui.shared.wording import view_address


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("course")
    (folder / "papers").mkdir()
    pdf(folder / "papers" / "on looms & cards.pdf", " ".join(SENTENCES), SENTENCES[0])
    one = Course(
        Config(folder=folder, data_dir="data"), embedder=HashEmbedder(), vectors=MemoryVectors()
    )
    list(one.ingest([folder / "papers"]))
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(course: Course) -> Iterator[Any]:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from seminar_rag.ui.shared.gate import Gate

    app = FastAPI()
    app.add_middleware(Gate)
    viewer.add_views(app, course, Limits())
    with TestClient(app, raise_server_exceptions=False) as running:
        yield running


@pytest.fixture
def passage(course: Course) -> Passage:
    (document,) = course.catalogue().documents
    return course.store.passages_of(document)[0]


@pytest.mark.slow
def test_a_passage_of_a_paper_is_told_with_its_boxes(client: Any, passage: Passage) -> None:
    address = view_address(passage.document, passage.id, [SENTENCES[1]])
    answer = client.get(f"/{address}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    told = answer.json()
    assert told["text"] is None
    assert told["quotes"] == [SENTENCES[1]]
    assert told["pages"]["page"] == 1
    assert len(told["pages"]["tall"]) == 2
    boxes = told["pages"]["boxes"]["1"]
    assert all(len(box) == 5 and 0 <= min(box[:4]) <= max(box[:4]) <= 1 for box in boxes)
    assert unquote(told["document"]) == passage.document


@pytest.mark.slow
def test_a_page_is_a_picture_that_browsers_keep(client: Any, passage: Passage) -> None:
    where = view_address(passage.document)
    answer = client.get(f"/{where}/2.jpg?width=900")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content[:3] == b"\xff\xd8\xff"
    for width in ("", "-1", "1e9", "99999999999999999999", "x"):
        assert client.get(f"/{where}/1.jpg?width={width}").status_code == 200


@pytest.mark.slow
def test_the_words_of_a_page_come_with_their_places(client: Any, passage: Passage) -> None:
    where = view_address(passage.document)
    answer = client.get(f"/{where}/1.json")
    assert answer.status_code == 200
    lines = answer.json()["lines"]
    text = " ".join(line[0] for line in lines)
    assert all(sentence in text for sentence in SENTENCES)
    assert all(0 <= min(line[1:]) <= max(line[1:]) <= 1 for line in lines)
    assert client.get(f"/{where}/9.json").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        *("nothing", "..%2F..%2Fcourse.db", "%2Fetc%2Fpasswd", "..%5Ccourse.db", "on%20looms.pdf"),
        *("%00", "a" * 3000, "data/course.db", ".", "%2e%2e/%2e%2e/seminar.toml"),
    ],
)
def test_what_is_not_a_document_is_not_found(client: Any, name: str) -> None:
    for path in (f"/view/{name}", f"/view/{name}/1.jpg", f"/view/{name}/1.json"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "passwd" not in answer.text
        assert "Traceback" not in answer.text


def test_the_path_of_a_file_is_no_name_for_it(client: Any, course: Course, tmp_path: Path) -> None:
    (kept,) = course.store.files.folder.iterdir()
    for path in (str(kept), kept.name, f"files/{kept.name}", f"../files/{kept.name}"):
        assert client.get(f"/view/{path.replace('/', '%2F')}/1.jpg").status_code == 404


@pytest.mark.slow
def test_pages_that_are_not_there_are_not_found(client: Any, passage: Passage) -> None:
    where = view_address(passage.document)
    assert client.get(f"/{where}/3.jpg").status_code == 404
    assert client.get(f"/{where}/0.jpg").status_code == 404
    for number in ("-1", "x", "1.5"):
        assert client.get(f"/{where}/{number}.jpg").status_code == 404


@pytest.mark.slow
def test_a_page_that_cannot_be_drawn_is_told(client: Any, course: Course, passage: Passage) -> None:
    (kept,) = course.store.files.folder.iterdir()
    content = kept.read_bytes()
    other, workers = course.pages, course.parts._shared
    try:
        kept.write_bytes(b"%PDF-1.4 no more")
        # Another renderer, as after a restart: the first holds the sound file open.
        del course.parts.__dict__["pages"]
        course.parts._shared = Shared()
        told = client.get(f"/{view_address(passage.document, passage.id)}").json()
        assert "damaged" in told["remark"]
        assert "<p>" in told["text"]["html"]
        answer = client.get(f"/{view_address(passage.document)}/1.jpg?width=2400")
        assert answer.status_code == 422
        assert "damaged" in answer.text
    finally:
        kept.write_bytes(content)
        course.parts._shared.close()
        course.parts._shared = workers
        course.parts.__dict__["pages"] = other


def test_pages_that_hang_leave_the_application_its_threads() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from starlette.responses import PlainTextResponse

    class Hanging:
        def __init__(self) -> None:
            self.pages: Any = self
            self.free = threading.Event()

        def page(self, document: str, number: int, width: int) -> bytes:
            self.free.wait(60)
            return b"a picture"

    course, app = Hanging(), FastAPI()
    viewer.add_views(app, course, Limits())
    app.add_route("/quick", lambda _: PlainTextResponse("here"))
    with TestClient(app) as running, ThreadPoolExecutor(64) as threads:
        hanging = [threads.submit(running.get, f"/view/d/{n}.jpg") for n in range(1, 61)]
        try:
            quick = threads.submit(running.get, "/quick")
            assert quick.result(timeout=20).text == "here"
        finally:
            course.free.set()
        assert all(one.result(timeout=20).status_code == 200 for one in hanging)


def test_who_opens_very_many_pages_is_told_to_wait() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app, limits = FastAPI(), Limits(per_address=1)
    viewer.add_views(app, FakeCourse(), limits)
    add_tables(app, FakeCourse(), limits)
    with TestClient(app) as running:
        answers = [running.get("/view/notes15") for _ in range(VIEWS + 1)]
        assert [answer.status_code for answer in answers] == [200] * VIEWS + [429]
        assert answers[-1].headers["retry-after"] == "6"
        assert "Try again in 6 seconds" in answers[-1].json()["remark"]
        assert running.get("/view/notes15/1.jpg").status_code == 429
        told = running.get("/table/rows").json()["remark"]  # shares the limit, and is no page
        assert told == "Very much was asked for from here in a short time. Try again in 6 seconds."


def test_a_view_of_text_marks_the_quote_and_goes_by_section(client: Any) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    viewer.add_views(app, FakeCourse(), Limits())
    with TestClient(app) as running:
        quote = NOTES_PASSAGE.quote(NOTES_PASSAGE.sentences[1])
        where = view_address("notes15", NOTES_PASSAGE.id, [quote])
        told = running.get(f"/{where}").json()
        assert told["pages"] is None
        assert f"<mark>{quote}</mark>" in told["text"]["html"]
        assert "<h3>Discussion › When retrieval hurts</h3>" in told["text"]["html"]
        for section in ("99", "-1", "x", "9" * 50):
            answer = running.get(f"/view/notes15?section={section}").json()
            assert answer["text"]["section"] == 0
        gone = running.get("/view/notes15?passage=old&quote=Something+else").json()
        assert "no longer" in gone["remark"]
        many = "&".join(f"quote={'x' * 100}{i}" for i in range(50))
        assert running.get(f"/view/notes15?{many}").status_code == 200


def test_everything_of_a_reading_is_escaped() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    viewer.add_views(app, FakeCourse(), Limits())
    with TestClient(app) as running:
        answer = running.get("/view/evil?passage=evil:0&quote=<svg onload=window.pwned=6>")
    assert answer.headers["content-type"].startswith("application/json")
    html = answer.json()["text"]["html"]
    assert "<b" not in html
    assert "<svg" not in html
    assert "&lt;svg onload=window.pwned=6&gt;" in html
    assert answer.json()["original"] == ""


def test_lines_tables_and_quotes_across_lines_keep_their_form() -> None:
    text = "Results\nThe first\nline goes on.\na | b\n1 | 2"
    start = text.index("a | b")
    sentences = (
        Sentence(0, 7, "heading"),
        Sentence(8, 31, page=4),
        Sentence(start, start + 5, "table"),
        Sentence(start + 6, len(text), "table"),
    )
    passage = Passage("p", "d", 0, text, "Results", 0, 1, 4, sentences)
    document = Document("d", "paper", "d", "A reading")
    html = viewer.section(document, [passage], ["The first line goes on."])
    assert html == (
        '<h3>Results</h3><p class="leaf">p. 4</p>'
        "<p><mark>The first</mark></p><p><mark>line goes on.</mark></p>"
        '<p class="set">a | b</p><p class="set">1 | 2</p>'
    )
    assert viewer.section(document, [], []) == ""
    slides = replace(document, unit="slide")
    assert '<p class="leaf">slide 4</p>' in viewer.section(slides, [passage], [])
    assert "leaf" not in viewer.section(replace(document, unit="paragraph"), [passage], [])


def test_a_source_has_a_button_that_opens_its_page() -> None:
    sources = render.sources(
        Exchange(1, "?", citations=(cite(1, RAG, RAG_PASSAGE, 0), cite(1, RAG, RAG_PASSAGE, 1)))
    )
    assert ">See page 3</button>" in sources
    address = view_address("a b/ü#?.pdf", "p&1", ["“x” & y", "“x” & y", "z"])
    parts = urlsplit(address)
    assert unquote(parts.path) == "view/a b/ü#?.pdf"
    assert parse_qs(parts.query) == {"passage": ["p&1"], "quote": ["“x” & y", "z"]}
    hostile = PARTS.opener('x" onclick="y', "<b>", EVIL.title)
    assert "<img" not in hostile
    assert 'onclick="' not in hostile
