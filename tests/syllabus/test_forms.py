"""One small reading list in every form that people keep; the same three readings come out."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.markup_office import PANDOC, office_items
from seminar_rag.syllabus.read import read_syllabus

BIBTEX = r"""@string{tides = "Journal of Tides"}

@article{okafor2014,
  author = {Okafor, Ngozi and L{\'o}pez, Marta},
  title = {Harbours that Remember {T}heir Ships},
  journal = tides, year = 2014,
  url = {https://example.org/harbours}, keywords = {Week 1}
}

@inproceedings{brandt2019,
  author = {Ilse Brandt},
  title = "What a Lighthouse Measures",
  booktitle = {Proceedings of the Coast}, year = {2019}, doi = {10.5555/lighthouse},
  keywords = {Week 2}
}

@misc{tanaka2021, author = {Tanaka, Yui}, title = {Ropes and Knots in Practice},
  eprint = {2101.00042}, year = 2021, keywords = {Week 2, optional}
}
"""
RIS = """TY  - JOUR
AU  - Okafor, Ngozi
AU  - López, Marta
TI  - Harbours that Remember Their Ships
JO  - Journal of Tides
PY  - 2014
UR  - https://example.org/harbours
KW  - Week 1
ER  -

TY  - CONF
AU  - Brandt, Ilse
TI  - What a Lighthouse Measures
DO  - 10.5555/lighthouse
KW  - Week 2
ER  -

TY  - GEN
AU  - Tanaka, Yui
TI  - Ropes and Knots in Practice
UR  - https://arxiv.org/abs/2101.00042
KW  - Week 2
KW  - optional
ER  -
"""
CSL = """[
 {"id": "okafor2014", "type": "article-journal", "title": "Harbours that Remember Their Ships",
  "author": [{"family": "Okafor", "given": "Ngozi"}, {"family": "López", "given": "Marta"}],
  "container-title": "Journal of Tides", "issued": {"date-parts": [[2014]]},
  "URL": "https://example.org/harbours", "keyword": "Week 1"},
 {"id": 7, "type": "paper-conference", "title": "What a Lighthouse Measures",
  "author": [{"family": "Brandt", "given": "Ilse"}], "DOI": "10.5555/lighthouse",
  "keyword": "Week 2"},
 {"id": "t", "title": "Ropes and Knots in Practice", "author": [{"literal": "Yui Tanaka"}],
  "URL": "https://arxiv.org/abs/2101.00042", "keyword": "Week 2, optional"}
]
"""
ZOTERO = """{
 "config": {"id": "36a3b0b5-bad0-4a04-b79b-441c7cef77db", "label": "BetterBibTeX JSON"},
 "collections": {
  "COASTAAA": {"key": "COASTAAA", "parent": false, "name": "The Coast", "items": [],
               "collections": ["WEEK2AAA", "WEEK1AAA"]},
  "WEEK1AAA": {"key": "WEEK1AAA", "parent": "COASTAAA", "name": "Week 1: Harbours", "items": [11],
               "collections": []},
  "WEEK2AAA": {"key": "WEEK2AAA", "parent": "COASTAAA", "name": "Week 2: Lights",
               "items": [12, 13], "collections": []}},
 "items": [
  {"itemID": 13, "key": "TANAKA21", "itemType": "preprint", "title": "Ropes and Knots in Practice",
   "creators": [{"creatorType": "author", "name": "Yui Tanaka"}], "date": "2021-01-03",
   "archiveID": "arXiv:2101.00042", "tags": [{"tag": "optional", "type": 1}]},
  {"itemID": 11, "key": "OKAFOR14", "itemType": "journalArticle", "date": "06/2014",
   "title": "Harbours that <i>Remember</i> Their Ships", "url": "https://example.org/harbours",
   "creators": [{"creatorType": "author", "firstName": "Ngozi", "lastName": "Okafor"},
                {"creatorType": "author", "firstName": "Marta", "lastName": "López"}],
   "publicationTitle": "Journal of Tides", "tags": [], "notes": [],
   "attachments": [{"itemType": "attachment", "title": "PDF", "path": "/home/ada/Zotero/x.pdf"}]},
  {"itemID": 12, "key": "BRANDT19", "itemType": "conferencePaper", "DOI": "10.5555/lighthouse",
   "title": "What a Lighthouse Measures", "tags": [],
   "creators": [{"creatorType": "author", "firstName": "Ilse", "lastName": "Brandt"},
                {"creatorType": "editor", "firstName": "Al", "lastName": "Editor"}]}
 ]
}
"""
QUARTO = """---
title: "The Coast"
bibliography: coast.bib
---

## Week 1: Harbours

### Readings

- @okafor2014

## Week 2: Lights

### Readings

- [@brandt2019]

### Optional

- @tanaka2021
"""
ORG = """#+TITLE: The Coast

* Week 1: Harbours
** Readings
- [[https://example.org/harbours][Harbours that Remember Their Ships]], Ngozi Okafor, Marta López
* Week 2: Lights
** Readings
- [[https://doi.org/10.5555/lighthouse][What a Lighthouse Measures]], Ilse Brandt
** Optional
- [[https://arxiv.org/abs/2101.00042][Ropes and Knots in Practice]], Yui Tanaka
"""
RST = """The Coast
=========

Week 1: Harbours
----------------

Readings
~~~~~~~~

- `Harbours that Remember Their Ships <https://example.org/harbours>`_, Ngozi Okafor, Marta López

Week 2: Lights
--------------

Readings
~~~~~~~~

- `What a Lighthouse Measures <https://doi.org/10.5555/lighthouse>`_, Ilse Brandt

Optional
~~~~~~~~

- `Ropes and Knots in Practice <https://arxiv.org/abs/2101.00042>`_, Yui Tanaka
"""
LATEX = r"""\documentclass{article}
\begin{document}
\section{Week 1: Harbours}
\subsection{Readings}
\begin{itemize}
\item \href{https://example.org/harbours}{Harbours that Remember Their Ships}, Ngozi Okafor
\end{itemize}
\section{Week 2: Lights}
\subsection{Readings}
\begin{itemize}
\item \href{https://doi.org/10.5555/lighthouse}{What a Lighthouse Measures}, Ilse Brandt
\end{itemize}
\subsection{Optional}
\begin{itemize}
\item \href{https://arxiv.org/abs/2101.00042}{Ropes and Knots in Practice}, Yui Tanaka
\end{itemize}
\end{document}
"""
DUE = [
    (1, "Harbours that Remember Their Ships", "https://example.org/harbours", "required"),
    (2, "What a Lighthouse Measures", "https://doi.org/10.5555/lighthouse", "required"),
    (2, "Ropes and Knots in Practice", "https://arxiv.org/abs/2101.00042", "more"),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("coast.bib", BIBTEX),
        ("coast.ris", RIS),
        ("coast.json", CSL),
        pytest.param("coast.json", ZOTERO, id="coast.json-of-Better-BibTeX"),
        ("coast.qmd", QUARTO),
        ("coast.Rmd", QUARTO),
        pytest.param("coast.org", ORG, marks=pytest.mark.slow),
        pytest.param("coast.rst", RST, marks=pytest.mark.slow),
        pytest.param("coast.tex", LATEX, marks=pytest.mark.slow),
    ],
)
def test_a_list_is_read_in_the_form_it_is_kept_in(name: str, text: str, tmp_path: Path) -> None:
    if Path(name).suffix in PANDOC:
        pytest.importorskip("pypandoc", reason="pandoc, an extra, reads this form in a process")
    (tmp_path / "coast.bib").write_text(BIBTEX, encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    read = read_syllabus(tmp_path / name)
    found = [
        (session.number, reading.title, *reading.urls, reading.section)
        for session in read.sessions
        for reading in session.readings
    ]
    assert found == DUE
    authors = [reading.authors for session in read.sessions for reading in session.readings]
    assert Path(name).suffix in PANDOC or authors == [
        "Ngozi Okafor, Marta López",
        "Ilse Brandt",
        "Yui Tanaka",
    ]


def test_what_a_keyword_says_of_the_subject_makes_no_reading_optional(tmp_path: Path) -> None:
    text = BIBTEX.replace("{Week 1}", "{Week 1, recommender systems}")
    text = text.replace("Week 2, optional", "Week 2 (further reading)")
    (tmp_path / "coast.bib").write_text(text, encoding="utf-8")
    read = read_syllabus(tmp_path / "coast.bib")
    sections = [one.section for session in read.sessions for one in session.readings]
    assert sections == ["required", "required", "more"]


def test_sessions_without_a_number_come_after_those_that_have_one(tmp_path: Path) -> None:
    text = ZOTERO.replace("Week 2: Lights", "Films").replace("Week 1: Harbours", "Week 4: Harbours")
    (tmp_path / "coast.json").write_text(text, encoding="utf-8")
    read = read_syllabus(tmp_path / "coast.json")
    assert [(one.number, one.title) for one in read.sessions] == [(4, "Harbours"), (5, "Films")]


def test_a_citation_that_no_list_has_stays_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "coast.bib").write_text(BIBTEX, encoding="utf-8")
    page = QUARTO + "\nWrite to tide@example.org, see @nobody1999.\n"
    (tmp_path / "coast.qmd").write_text(page, encoding="utf-8")
    read = read_syllabus(tmp_path / "coast.qmd")
    assert [r.title for s in read.sessions for r in s.readings] == [title for _, title, _, _ in DUE]


def test_a_list_of_references_is_a_file_beside_the_page_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "outside.bib").write_text(BIBTEX, encoding="utf-8")
    (folder / "linked.bib").symlink_to(tmp_path / "outside.bib")
    (folder / "endless.bib").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.bib")
    named = ", ".join(str(folder.parent / one) for one in ("outside.bib", "page/pipe.bib"))
    page = QUARTO.replace("---\n", f"---\nbibliography: [{named}, ../outside.bib]\n", 1)
    page += "- Ruiz, Ana. [Tides and Their Tables](https://example.org/tides). 2011.\n"
    (folder / "coast.qmd").write_text(page, encoding="utf-8")
    read = read_syllabus(folder / "coast.qmd")
    titles = {one.title for session in read.sessions for one in session.readings}
    assert "Tides and Their Tables" in titles
    assert not titles & {title for _, title, _, _ in DUE}


LAUGHS = "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)
"""Lists of lists of lists, which are written out in gigabytes."""


@pytest.mark.parametrize(
    "matter",
    [
        "date: 2024-02-30",
        "week: !!int seven",
        "when: !!timestamp soon",
        f"tags: {'[' * 3000}",
        f"a: &a [x, x]\n{LAUGHS}tags: *i\nbibliography: *i",
        "title: [a, b]",
        "- no\n- mapping",
    ],
    ids=lambda matter: matter[:20],
)
def test_front_matter_of_any_kind_costs_no_page(matter: str, tmp_path: Path) -> None:
    entry = "+ [A study of tides, by @nobody](https://e.org/a.pdf)"
    post = f"---\n{matter}\n---\n\n## Required Readings:\n\n{entry}\n"
    (tmp_path / "S01.md").write_text(post, encoding="utf-8")
    for source in (tmp_path, tmp_path / "S01.md"):
        (session,) = read_syllabus(source).sessions
        assert [one.title for one in session.readings] == ["A study of tides, by @nobody"]
        assert session.title == "S01"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.bib", "no entries at all", "no entry with a title"),
        ("x.bib", "@article{a, title = {Never closed", "no list of references in BibTeX"),
        ("x.json", '{"items": [{"title": 4, "author": "Ann"}]}', "no list of references in CSL"),
        ("x.json", "[1, 2", "no list of references in CSL"),
        ("x.ris", "TI  - No type\nER  - \n", "no list of references in RIS|no entry with a title"),
    ],
)
def test_a_list_that_cannot_be_read_says_so(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        read_syllabus(tmp_path / name)


@pytest.mark.parametrize(("given", "numbers"), [(("96", "97"), [96, 97]), (("97", "97"), [1, 2])])
def test_posts_keep_the_numbers_of_their_front_matter_where_they_differ(
    tmp_path: Path, given: tuple[str, ...], numbers: list[int]
) -> None:
    for name, number in zip(("a", "b"), given, strict=True):
        (tmp_path / f"{name}.md").write_text(
            f"---\nlecture: {number}\ntitle: Tides {name}\n---\n\n## Required reading\n\n"
            f"- [Harbours {name} that remember](https://example.org/{name}.pdf)\n",
            encoding="utf-8",
        )
    assert [session.number for session in read_syllabus(tmp_path).sessions] == numbers
    assert read_syllabus(tmp_path / "b.md").sessions[0].number == 97


def test_a_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    page = """<html><head><meta charset="iso-8859-2"></head><body><h1>Coasts</h1>
    <h2>Week 1: Tides</h2><ul><li><a href="https://example.org/a">Żagle i łodzie</a></li></ul>
    <h2>Week 2: Knots</h2><ul><li><a href="https://example.org/b">Węzły w praktyce</a></li></ul>
    </body></html>"""
    path = tmp_path / "course.html"
    path.write_bytes(page.encode("iso-8859-2"))
    titles = [one.title for session in read_syllabus(path).sessions for one in session.readings]
    assert titles == ["Żagle i łodzie", "Węzły w praktyce"]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "course.html"
    path.write_bytes(b"\x89PNG\x00\x00\x00\xff")
    with pytest.raises(SourceError, match="is not text"):
        read_syllabus(path)


def test_the_title_of_a_word_file_is_the_course_s(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_heading("A Seminar on Tides", 0)
    document.add_heading("Schedule", 1)
    document.add_heading("Week 1: Harbours", 2)
    document.add_paragraph("Okafor, N. (2014). Harbours that Remember Their Ships.", "List Bullet")
    document.save(str(tmp_path / "tides.docx"))
    found = read_syllabus(tmp_path / "tides.docx")
    assert found.title == "A Seminar on Tides"
    assert [one.title for one in found.sessions] == ["Harbours"]


def test_a_doi_that_is_written_out_is_the_link(tmp_path: Path) -> None:
    page = """# Tides

## Week 1: Harbours

- Okafor, N. (2014). Harbours. Sea Studies, 4(2), 101–130. doi:10.1111/0735-2751.00055.
- [A map of the coast](https://example.org/map), doi:10.1000/182

## Week 2: Lights

- Brandt, L. (2019). Lamps and their keepers. Sea Studies, 9(1), 1–15. https://doi.org/10.1000/183
"""
    path = tmp_path / "tides.md"
    path.write_text(page, encoding="utf-8")
    first, second, third = (
        reading for session in read_syllabus(path).sessions for reading in session.readings
    )
    assert first.urls == ("https://doi.org/10.1111/0735-2751.00055",)
    assert second.urls == ("https://example.org/map",)
    assert third.urls == ("https://doi.org/10.1000/183",)


@pytest.mark.parametrize(
    ("days", "known"),
    [
        (("2023-01-17", "2023-01-24T10:00:00Z", "2023-01-31", "2023-02-07 09:00:00 -0800"), True),
        (("2023-01-17", "2023-01-19", "2023-01-24", "2023-01-26"), True),
        (("2023-01-17", "2023-01-18", "2023-01-20", "2023-01-22"), False),
        (("2023-01-17", "2023-01-17", "2023-01-17", "2023-01-17"), False),
        (("2023-01-17", "2023-01-24", "2023-02-30", "soon"), False),
        (("2023-01-17", "2023-01-24", "2023-01-31"), False),
    ],
)
def test_days_of_posts_are_those_of_meetings_where_they_have_their_rhythm(
    tmp_path: Path, days: tuple[str, ...], known: bool
) -> None:
    for n, day in enumerate(days):
        (tmp_path / f"{n}.md").write_text(
            f"---\ntitle: Tides {n}\ndate: {day}\n---\n\n## Required reading\n\n"
            f"- [Harbours {n} that remember](https://example.org/{n}.pdf)\n",
            encoding="utf-8",
        )
    found = [session.date for session in read_syllabus(tmp_path).sessions]
    assert found == [day[:10] if known else None for day in days]


def test_bullets_that_are_drawn_open_items_and_sizes_rank_headings(tmp_path: Path) -> None:
    from reportlab.pdfgen import canvas

    sheet = canvas.Canvas(str(tmp_path / "tides.pdf"), pagesize=(400, 500), invariant=True)
    lines = (
        (24, 40, "A Seminar on Tides"),
        (18, 40, "Week 1: Harbours"),
        (11, 60, "Okafor, Ngozi. Harbours that Remember Their Ships. Oslo: Sea Books."),
        (11, 60, "Lindqvist, Sven. The Ropes and Knots of Sailors in Practice. London, 9."),
        (18, 40, "Week 2: Lights"),
        (11, 60, "Brandt, Ida. Lamps and Their Keepers on the Northern Coast. Paris, 14."),
        (11, 60, "Cole, Ben. Signals at Sea. Lisbon: Farol, 2009."),
    )
    for n, (size, left, text) in enumerate(lines):
        y = 440 - 16 * n
        sheet.setFont("Helvetica", size)
        sheet.drawString(left, y, text)
        if size == 11:
            sheet.circle(50, y + 4, 2, stroke=0, fill=1)
    sheet.drawString(200, 30, "1")
    sheet.save()
    items = office_items(tmp_path / "tides.pdf")
    assert [(one.block.kind, one.block.level, one.marker) for one in items] == [
        ("heading", 1, ""),
        ("heading", 2, ""),
        ("item", 0, "•"),
        ("item", 0, "•"),
        ("heading", 2, ""),
        ("item", 0, "•"),
        ("item", 0, "•"),
        ("paragraph", 0, ""),
    ]
    found = read_syllabus(tmp_path / "tides.pdf")
    assert found.title == "A Seminar on Tides"
    assert [len(one.readings) for one in found.sessions] == [2, 2]


def test_a_reference_is_taken_apart_beside_readings_with_links(tmp_path: Path) -> None:
    weeks = (("Rivers", "Kamp", "Meanders of Rivers"), ("Dams", "Berg", "A Nation of Dams"))
    weeks += (("Fish", "Roe", "Undamming the Rivers"), ("Law", "Diaz", "Rights of Rivers"))
    page = "# Rivers\n\n" + "".join(
        f"## Week {n}: {name}\n\n- {by}, [{title}](https://example.org/{n})\n"
        for n, (name, by, title) in enumerate(weeks, 1)
    )
    written = (
        "van der Zaag, P., & Savenije, H. H. G. (2006). Water as an economic good. *Water*, 19."
    )
    (tmp_path / "page.md").write_text(f"{page}- {written}\n", encoding="utf-8")
    last = read_syllabus(tmp_path / "page.md").sessions[-1].readings[-1]
    assert (last.title, last.authors) == (
        "Water as an economic good",
        "van der Zaag, P., & Savenije, H. H. G.",
    )


def test_a_bullet_that_is_larger_than_its_text_parts_no_lines(tmp_path: Path) -> None:
    from reportlab.pdfgen import canvas

    sheet = canvas.Canvas(str(tmp_path / "tides.pdf"), pagesize=(300, 200), invariant=True)
    for size, left, y, text in (
        (13, 50, 150, "•"),
        (10, 60, 150, "Okafor, Harbours that Remember the Names and"),
        (10, 60, 138, "Ships of Sailors."),
    ):
        sheet.setFont("Helvetica", size)
        sheet.drawString(left, y, text)
    sheet.save()
    (item,) = office_items(tmp_path / "tides.pdf")
    assert item.text == "Okafor, Harbours that Remember the Names and Ships of Sailors."
