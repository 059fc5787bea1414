"""The table over readings without a browser: its addresses and its files."""

from __future__ import annotations

import csv
import io

import pytest
from docx import Document as Word
from fake_course import BROKEN, EVIL, EVIL_PASSAGE, STEPS, FakeCourse, cite
from fastapi.testclient import TestClient
from serving import client_of

from seminar_rag.types.study import Cell, Row, Table
from seminar_rag.ui.chat.tabs import add_tables, cell_json
from seminar_rag.ui.export.learning import table_csv, table_docx, table_markdown


@pytest.fixture
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture
def client(course: FakeCourse) -> TestClient:
    return client_of(add_tables, course)


def test_the_page_learns_the_sessions_the_rows_and_what_is_kept(client, course):
    course.keep_table(15, [STEPS])
    told = client.get("/table/rows?session=15").json()
    assert told["now"] == 15
    assert told["kept"] == [[15, [STEPS]]]
    assert [row["reading"] for row in told["rows"]] == ["rag", "survey", "notes15", "gone"]


def test_kept_differences_have_both_sentences_escaped(client, course):
    course.differ(15)
    assert client.get("/table/rows?session=15").json()["differences"] == ""
    course.decide_difference("pair", 15, "kept")
    told = client.get("/table/rows?session=15").json()["differences"]
    assert told.count("<blockquote>") == told.count('data-view="view/') == 2
    assert "<b>four" not in told


def test_a_cell_has_the_quotation_and_the_way_to_its_page(client):
    told = client.get("/table/cell", params={"reading": "rag", "question": STEPS}).json()
    assert told["said"] == "says"
    assert "<blockquote>It first cuts the collection" in told["html"]
    assert 'data-view="view/rag?' in told["html"]
    silent = client.get("/table/cell", params={"reading": "notes15", "question": STEPS}).json()
    assert "does not say" in silent["html"]
    assert "blockquote" not in silent["html"]


@pytest.mark.parametrize(
    ("reading", "question", "status", "says"),
    [
        ("nowhere", STEPS, 404, "no such reading"),
        ("rag", "  ", 400, "empty"),
        ("rag", "x" * 301, 400, "at most 300 characters"),
        ("rag", BROKEN, 503, "being rebuilt"),
    ],
)
def test_what_cannot_be_told_says_what_to_do(client, reading, question, status, says):
    answer = client.get("/table/cell", params={"reading": reading, "question": question})
    assert answer.status_code == status
    assert says in answer.json()["remark"]


def test_one_address_may_not_ask_for_cells_without_end(monkeypatch):
    from seminar_rag.ui.chat import tabs

    monkeypatch.setattr(tabs, "CELLS_A_MINUTE", 2)
    client = client_of(add_tables, FakeCourse(pace=0.0))
    asked = [
        client.get("/table/cell", params={"reading": "rag", "question": STEPS}) for _ in range(3)
    ]
    assert [one.status_code for one in asked] == [200, 200, 429]
    assert int(asked[-1].headers["retry-after"]) > 0


def test_a_file_has_what_is_known_and_computes_nothing(client, course):
    client.get("/table/cell", params={"reading": "rag", "question": STEPS})
    answer = client.get(
        "/table.csv", params={"question": [STEPS, "What else?"], "reading": ["survey", "rag"]}
    )
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[0][:5] for row in rows[1:]] == ["A map", "Prime"]
    assert rows[2][3:6] == [
        *("says", "It first cuts the collection into passages and stores a vector for each."),
        "p. 3",
    ]
    assert rows[1][3] == ""
    assert ("survey", STEPS) not in course.cells


def hostile() -> Table:
    row = Row("evil", '=cmd|"/c calc"!A1 <b>|x', "@SUM(1)", "paper", (3,))
    cited = (cite(1, EVIL, EVIL_PASSAGE, 0),)
    return Table(("a | b",), (row,), {("evil", "a | b"): Cell("evil", "a | b", "perhaps", cited)})


def test_no_file_carries_out_what_a_reading_says():
    table = hostile()
    line = list(csv.reader(io.StringIO(table_csv(table))))[1]
    assert line[0].startswith("'=")
    assert line[1].startswith("'@")
    markdown = table_markdown(table, "T")
    assert "<b>" not in markdown.replace("\\<b\\>", "")
    assert all(one.replace("\\|", "").count("|") == 3 for one in markdown.splitlines()[2:5])
    word = Word(io.BytesIO(table_docx(table, "T")))
    assert word.tables[0].rows[1].cells[0].text.startswith('=cmd|"/c calc"!A1 <b>|x')
    assert EVIL_PASSAGE.quote(EVIL_PASSAGE.sentences[0]) in word.tables[0].rows[1].cells[1].text
    assert "<img" not in cell_json(table.cells["evil", "a | b"])["html"]
