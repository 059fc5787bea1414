"""A file that is sent to be checked → its text, over HTTP."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterator

import pytest
from fake_course import FakeCourse
from fastapi.testclient import TestClient
from pypdf import PdfWriter
from reportlab.pdfgen.canvas import Canvas

from seminar_rag.errors import SeminarError
from seminar_rag.ui.api.routes import MOST_FILES
from seminar_rag.ui.app import build_app
from seminar_rag.ui.shared.limits import LARGEST_FILE, LONGEST_TEXT, Limits

pytestmark = pytest.mark.slow

SAID = "Low-rank adaptation freezes a trained model and learns a small correction to it."


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(build_app(FakeCourse(), Limits(0, 0))) as running:
        yield running


def pdf(text: str = SAID, password: str = "") -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, text)
    canvas.save()
    if password:
        writer = PdfWriter(clone_from=io.BytesIO(out.getvalue()))
        writer.encrypt(user_password=password, algorithm="AES-256")
        writer.write(out := io.BytesIO())
    return out.getvalue()


def docx(*paragraphs: str) -> bytes:
    from docx import Document

    document = Document()
    for one in paragraphs:
        document.add_paragraph(one)
    document.save(out := io.BytesIO())
    return out.getvalue()


def bomb() -> bytes:
    """A DOCX whose text unpacks to a thousand times its size."""
    out = io.BytesIO(docx("A sentence."))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/more.xml", b"<w:p/>" * (12 << 20))
    return out.getvalue()


def test_a_pdf_a_docx_and_plain_text_come_back_as_text(client: TestClient) -> None:
    answer = client.post("/check/text", content=pdf())
    assert (answer.status_code, answer.text) == (200, SAID)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    answer = client.post("/check/text", content=docx("<b>One</b> thing.", "“Zwei” ü."))
    assert (answer.status_code, answer.text) == (200, "<b>One</b> thing.\n\n“Zwei” ü.")
    answer = client.post("/check/text", content=b"A plain text.")
    assert (answer.status_code, answer.text) == (200, "A plain text.")


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", 422, "The file is a picture"),
        (b"", 422, "The file is empty"),
        (b"%PDF-1.4 torn", 422, "The file"),
        (b"PK\x03\x04torn", 422, "The file is no DOCX, PPTX, ODT or EPUB that can be read"),
        (bomb(), 422, "The file unpacks to more than 64 MiB"),
        (pdf(password="secret"), 422, "The file is protected by a password"),
        (pdf(text=""), 422, "holds no text"),
        (docx("A long sentence. " * (LONGEST_TEXT // 16)), 413, "at most 200,000 can be checked"),
        (b"%PDF-" + b"0" * LARGEST_FILE, 413, "too large"),
    ],
    ids="picture nothing torn-pdf torn-docx bomb password empty long large".split(),
)
def test_what_cannot_be_read_is_told_in_one_line(
    client: TestClient, content: bytes, status: int, told: str
) -> None:
    answer = client.post("/check/text", content=content)
    assert answer.status_code == status
    assert told in answer.text
    assert "\n" not in answer.text
    assert "/tmp" not in answer.text


def test_only_the_own_page_may_send(client: TestClient) -> None:
    for site, status in (("same-origin", 200), ("cross-site", 403), ("same-site", 403)):
        sent = client.post("/check/text", content=pdf(), headers={"sec-fetch-site": site})
        assert sent.status_code == status
    for origin, status in (("http://testserver", 200), ("https://elsewhere.example", 403)):
        sent = client.post("/check/text", content=pdf(), headers={"origin": origin})
        assert sent.status_code == status


def test_one_client_sends_only_so_often() -> None:
    with TestClient(build_app(FakeCourse(), Limits(per_page=2))) as client:
        answers = [client.post("/check/text", content=b"\0") for _ in range(3)]
    assert [one.status_code for one in answers] == [422, 422, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


class SlowCourse(FakeCourse):
    def text_of(self, file: bytes) -> str:
        begun.release()
        assert go_on.wait(30)
        raise SeminarError("Read.")


begun, go_on = threading.Semaphore(0), threading.Event()


def test_few_files_of_one_address_are_held_at_once() -> None:
    with TestClient(build_app(SlowCourse(), Limits(0, 0))) as client:
        found: list[int] = []

        def send() -> None:
            found.append(client.post("/check/text", content=b"x").status_code)

        threads = [threading.Thread(target=send) for _ in range(MOST_FILES // 2 + 3)]
        for thread in threads:
            thread.start()
        assert begun.acquire(timeout=30)
        end = time.monotonic() + 30
        while len(found) < 3 and time.monotonic() < end:
            time.sleep(0.02)
        assert found == [503] * 3
        assert not begun.acquire(blocking=False)  # one is read at a time
        go_on.set()
        for thread in threads:
            thread.join(30)
    assert sorted(found) == [422] * (MOST_FILES // 2) + [503] * 3
