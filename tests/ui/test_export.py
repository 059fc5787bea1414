"""Links, BibTeX entries and files: what comes out can be read, and loads nothing."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_course import EVIL, GENERATIONS, HOSTILE, NOTES, RAG, STEPS, SURVEY, UNKNOWN, FakeCourse
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pypdf import PdfReader
from test_conversations import told

from seminar_rag import __version__
from seminar_rag.types import Document, Scope
from seminar_rag.ui.api.routes import export_of, health_of
from seminar_rag.ui.export import export
from seminar_rag.ui.export.citing import arxiv_id, entry, escaped, readings_of, references
from seminar_rag.ui.export.pdf import lines_of, to_pdf
from seminar_rag.ui.shared.browser import parse_link, permalink
from seminar_rag.ui.shared.conversation import Conversation, Exchange

# Addresses ------------------------------------------------------------------------------------


@given(
    st.text(max_size=200),
    st.builds(
        Scope,
        st.frozensets(st.integers(0, 99), max_size=3),
        st.frozensets(st.text("ab:,/%&#=é 1", min_size=1, max_size=9), max_size=3),
        st.frozensets(st.sampled_from(["paper", "notes"])),
        st.booleans(),
    ),
)
def test_a_link_says_the_question_and_its_scope(question, scope):
    link = permalink(question, scope)
    assert link.startswith("#")
    assert not re.search(r"[\s\"'<>]", link)
    expected = (question, scope) if question or scope != Scope() else None
    assert parse_link(link) == expected


@pytest.mark.parametrize("fragment", ["", "#", "#top", "#source-1-2", "#q=", "#x=1&" * 50])
def test_other_fragments_are_no_link(fragment):
    assert parse_link(fragment) is None


def test_nonsense_in_a_scope_does_not_restrict():
    assert parse_link("#q=a&scope=session:x,session:3,kind:evil,what,session:99999999") == (
        "a",
        Scope(sessions=frozenset({3})),
    )


# BibTeX ---------------------------------------------------------------------------------------


def test_an_arxiv_reading_has_its_number_and_year():
    paper = replace(
        RAG, reading="2312.10997", title="RAG: 100% of A_B & {C}", authors="Yunfan Gao, Yun Xiong"
    )
    assert entry(paper) == (
        "@misc{gao2023rag,\n"
        "  title = {{RAG: 100\\% of A\\_B \\& \\{C\\}}},\n"
        "  author = {Yunfan Gao and Yun Xiong},\n"
        "  year = {2023},\n"
        "  eprint = {2312.10997},\n"
        "  archivePrefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/2312.10997}\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://arxiv.org/pdf/2005.11401v4", "2005.11401"),
        ("https://example.org/2005.11401", ""),
        ("https://arxiv.org/abs/2099.11401", ""),
        (None, ""),
    ],
)
def test_the_number_comes_from_the_address(url, number):
    assert arxiv_id(replace(RAG, url=url)) == number


def test_what_is_not_known_is_not_written():
    text = entry(replace(RAG, authors=None, url=None))
    assert "author" not in text
    assert "year" not in text
    assert "url" not in text


@given(st.text())
def test_no_title_can_end_its_field(title):
    text = entry(replace(RAG, title=title, authors=title, url="https://x.org/}{"))
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    depth = 0
    for position, letter in enumerate(bare):
        depth += (letter == "{") - (letter == "}")
        assert depth > 0 or position < bare.index("{") or position >= len(bare) - 2


def test_tex_reads_back_what_was_escaped():
    assert escaped("50% of $x_1$ ~ \\ ^") == (
        r"50\% of \$x\_1\$ \textasciitilde{} \textbackslash{} \textasciicircum{}"
    )


def test_et_al_becomes_others():
    assert "Ada Example and others" in entry(replace(RAG, authors="Ada Example et al."))


def test_all_readings_are_written_for_reference_managers_and_read_back():
    """By the readers of reading lists, which know nothing of how they were written."""
    from seminar_rag.syllabus.references import references_in

    listed = readings_of(FakeCourse().catalogue())
    assert [one.title for one in listed] == [RAG.title, SURVEY.title, EVIL.title]
    paper = replace(
        RAG, reading="2312.10997", title="RAG: 100% of A_B", authors="Yunfan Gao et al."
    )
    for kind in ("bib", "ris", "json"):
        text = references([paper, *listed, paper], kind)
        found = references_in(Path(f"list.{kind}"), text)
        assert len(found) == 5, kind
        assert "RAG: 100% of A_B" in found[0].title.replace("\\", ""), kind
        assert "Gao" in found[0].authors[0]
        assert "2312.10997" in " ".join(found[0].urls)
    items = json.loads(references([paper, paper], "json"))
    assert items[0]["author"] == [{"family": "Gao", "given": "Yunfan"}]
    assert items[0]["issued"] == {"date-parts": [[2023]]}
    assert items[0]["id"] != items[1]["id"], "each has a key of its own"
    assert [one.title for one in readings_of(FakeCourse().catalogue(), "survey")] == [SURVEY.title]
    notes = readings_of(FakeCourse().catalogue(), NOTES.reading)
    assert [one.title for one in notes] == [NOTES.title]
    assert entry(notes[0]).startswith("@misc{")


# Files ----------------------------------------------------------------------------------------


def paper(*questions: str, **changes: object) -> export.Paper:
    return export.paper(told(*questions, **changes), "", "Reading seminar", "Quotations.")


def test_a_work_has_one_number_through_the_document_and_its_quotations_their_pages():
    made = paper(STEPS, GENERATIONS)
    assert [one.number for one in made.references] == [1, 2, 3]
    assert [one.title for one in made.references][2] == NOTES.title
    # In its own answer the survey's passage was 1 and the primer's 3.
    assert "generations. [2]" in made.parts[1].text
    assert "beside the answer. [1]" in made.parts[1].text
    assert [place for _, place in made.references[0].quotes] == ["p. 3"] * 4
    assert made.references[0].url.endswith("rag.pdf#page=3")


def test_markdown_has_questions_answers_and_references():
    text = export.to_markdown(paper(STEPS, UNKNOWN))
    html = MarkdownIt().render(text)
    assert html.count("<h2>") == 3
    assert f"<em>{RAG.title}.</em>" in html
    assert '<a href="https://example.org/pdf/rag.pdf#page=3">' in html
    assert "(p. 3)" in text
    assert ".." not in text
    assert "Nearest in the course" in text
    assert "[1]" in text
    assert "Asked: session 15" in text


@pytest.mark.parametrize("markdown", [False, True])
def test_a_hostile_conversation_loads_and_links_nothing(markdown):
    text = export.to_markdown(paper(HOSTILE, markdown=markdown))
    html = MarkdownIt("commonmark", {"html": True, "linkify": False}).render(text)
    assert not re.search(r"<(?!/?(?:h1|h2|p|em|strong|ul|li|blockquote|code|br)\b)", html)
    assert "tracker.invalid" in html


def test_pdf_has_text_links_and_every_letter_it_can():
    made = paper(STEPS, UNKNOWN)
    special = replace(
        made.parts[0], text="α ≥ 2 naïve “x” <img src=x> & y 注意力 [1]\n\n- one\n- two"
    )
    data = to_pdf(replace(made, parts=(special, *made.parts[1:])))
    reader = PdfReader(BytesIO(data))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for piece in ("naïve “x” <img src=x> & y 注意力 [1]", "References", RAG.title, "p. 3", "two"):
        assert piece in text, piece
    links = [a.get_object()["/A"]["/URI"] for a in reader.pages[0]["/Annots"]]
    assert "https://example.org/pdf/rag.pdf#page=3" in links
    assert reader.metadata.title == STEPS


def test_a_hostile_conversation_can_be_set():
    data = to_pdf(paper(HOSTILE, markdown=True))
    assert EVIL.title in " ".join(PdfReader(BytesIO(data)).pages[0].extract_text().split())


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ما هو RLHF؟", "؟RLHF ﻮﻫ ﺎﻣ"),
        ("لا شيء (Gao 2023)", "(Gao 2023) ﺀﻲﺷ ﻻ"),
        ("“שלום (עולם)” 12", "12 ”(םלוע) םולש“"),
        ("عَلَّمَ", "\ufee2\u064e\ufee0\u064e\u0651\ufecb\u064e"),
        ("Why is it called “باب 12” there?", "Why is it called “12 ﺏﺎﺑ” there?"),
        ("plain 12 (text)", "plain 12 (text)"),
    ],
)
def test_letters_that_run_to_the_left_are_joined_and_in_the_order_they_are_seen_in(text, seen):
    assert list(lines_of(text, lambda _: True)) == [seen]


def test_a_paragraph_that_runs_to_the_left_goes_on_in_the_line_below():
    words = ["واحد", "اثنان", "ثلاثة", "أربعة"]
    first, second = lines_of(" ".join(words), lambda line: len(line.split()) < 3)
    assert [first] == list(lines_of(" ".join(words[:2]), lambda _: True))
    assert [second] == list(lines_of(" ".join(words[2:]), lambda _: True))


def test_the_pdf_has_arabic_joined_and_letters_of_china_japan_and_korea():
    question = "ما معنى 注意力 と 어텐션"
    data = to_pdf(export.paper(Conversation((Exchange(1, question, "done", "نص"),)), "", "", ""))
    page = PdfReader(BytesIO(data)).pages[0]
    said = page.extract_text()
    assert {"注意力", "と", "어텐션"} <= set(said.split()), said
    assert "?" not in said, "no letter is replaced by a question mark"
    kinds = [one.get_object()["/Subtype"] for one in page["/Resources"]["/Font"].values()]
    shapes = [
        one.get_object()["/FontDescriptor"].get("/FontFile2")
        for one in page["/Resources"]["/Font"].values()
        if "/FontDescriptor" in one.get_object()
    ]
    assert "/Type0" not in kinds, "no font is left to the reader's machine"
    assert len(shapes) >= 2
    assert all(shapes), "the letters' shapes are in the file"


@pytest.mark.parametrize(
    ("title", "name"),
    [("What is DPO?", "what-is-dpo.pdf"), ("../../etc", "etc.pdf"), ("…", "conversation.pdf")],
)
def test_file_names_are_tame(title, name):
    assert export.file_name(title, "pdf") == name


# Routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"record": "{}"}', b"\xff"])
def test_what_is_no_conversation_is_not_exported(body):
    assert export_of(FakeCourse(), body, "md") is None


def test_an_export_is_named_after_its_title():
    from seminar_rag.ui.shared.browser import to_record

    body = json.dumps({"record": to_record(told(STEPS)), "title": "My notes"}).encode()
    name, data = export_of(FakeCourse(), body, "md")
    assert name == "my-notes.md"
    assert data.decode().startswith("# My notes\n")


def test_health_tells_sizes_and_no_names():
    assert health_of(FakeCourse()) == {
        "version": __version__,
        "status": "ok",
        "sessions": 3,
        "documents": 3,
        "answers": "quotations",
    }
    assert health_of(FakeCourse(gone={"rag", "survey", "notes15"}))["status"] == "empty"


def test_the_health_of_one_course_of_several_makes_none_of_its_pages():
    from fastapi.testclient import TestClient

    from seminar_rag.ui.courses import CoursesApp

    made = []
    courses = SimpleNamespace(open={"seminar": FakeCourse()}, broken={})
    client = TestClient(CoursesApp(courses, lambda _course, root: made.append(root)).app)
    assert client.get("/c/seminar/health").json()["status"] == "ok"
    assert client.get("/c/other/health").status_code == 404
    assert made == []


@pytest.mark.parametrize(
    "authors",
    ["\n\n", " . ", "--", "\u200b\u200b", ",;&", "and", "et al.", "\x00\x00", "::"],
)
def test_an_entry_is_written_whatever_the_authors_and_title_are(authors):
    document = Document("d", "paper", "r", authors, authors, (1,))
    assert entry(document).startswith("@misc{")


@pytest.mark.parametrize("unit", [" ", ",", " ,", "et al ", " and ", "&", "a ", "\n", ". "])
def test_an_entry_is_written_in_time_linear_in_the_length_of_the_authors(unit):
    document = Document("d", "paper", "r", "A title", unit * 100_000, (1,))
    began = time.process_time()
    entry(document)
    assert time.process_time() - began < 3
