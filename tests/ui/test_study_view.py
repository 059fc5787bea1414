"""The study view without a browser, and the files of a session."""

from __future__ import annotations

import sqlite3
import zipfile
from io import BytesIO

import pytest
from fake_course import CARD, QUIZ, FakeCourse
from fastapi.testclient import TestClient
from pypdf import PdfReader
from serving import client_of

from seminar_rag.ui.chat.tabs import NOTHING, add_study


@pytest.fixture
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture
def client(course: FakeCourse) -> TestClient:
    return client_of(add_study, course)


def test_students_see_nothing_before_the_instructor_approves(client, course):
    course.propose(15)
    assert client.get("/study/sessions").json()["sessions"] == []
    assert client.get("/study/session/15").json() == {
        "guide": "",
        "items": [],
        "remark": NOTHING,
    }


def test_what_is_approved_is_shown_escaped_with_the_way_to_its_page(client, course):
    course.propose(15)
    course.decide([CARD.id, QUIZ.id], 15, "approved")
    course.show_guide(15, shown=True)
    assert client.get("/study/sessions").json()["sessions"][0][0] == 15
    told = client.get("/study/session/15").json()
    assert len(told["items"]) == 2
    quiz, card = told["items"]
    assert quiz.count('type="radio"') == 4
    assert 'data-answer="three"' in quiz
    assert 'data-view="view/rag?passage=rag%3A4' in quiz
    assert "<b>" not in card
    assert "no text in the course" in told["guide"]
    assert 'data-view="view/rag?' in told["guide"]


def test_the_files_have_the_same(client, course):
    course.propose(15)
    course.decide([CARD.id, QUIZ.id], 15, "approved")
    text = client.get("/study/15.md").text
    assert "1. three — “A system of this kind works in three steps.”" in text
    pdf = client.get("/study/15.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    printed = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages)
    assert "three — “A system of this kind works in three steps.”" in " ".join(printed.split())
    pytest.importorskip("genanki", reason="the anki extra is not installed")
    deck = client.get("/study/15.apkg")
    assert deck.headers["content-disposition"].endswith('"session-15.apkg"')
    with zipfile.ZipFile(BytesIO(deck.content)) as package:
        notes = package.read("collection.anki2")
    database = sqlite3.connect(":memory:")
    database.deserialize(notes)
    fields = [row[0].split("\x1f") for row in database.execute("SELECT flds FROM notes")]
    assert [one[2] for one in fields] == ["three", "&lt;b&gt;retrieval&lt;/b&gt;"]
    again = client.get("/study/15.apkg")
    assert again.status_code == 200
