"""One course in many styles of page, and the marks that open sessions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import benchmark
from seminar_rag.syllabus.marks import is_date, mark_of, title_of
from seminar_rag.syllabus.markup import markdown_blocks
from seminar_rag.syllabus.read import read_syllabus, syllabus_from_html, syllabus_from_markdown

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared"


bench = benchmark("syllabus")


@pytest.fixture(scope="module")
def real_course() -> object:
    """Its first half: the styles count here, not how long a course is."""
    return bench.real_days(SHARED)[:14]


@pytest.mark.parametrize("style", bench.STYLES)
def test_every_style_is_read(style: str) -> None:
    result = bench.score_style(bench.STYLES[style], bench.INVENTED)
    assert result.misses == []
    assert result["readings"].right > 0


@pytest.mark.no_cover
@pytest.mark.skipif(not (SHARED / "gold").is_dir(), reason="the shared course is not here")
@pytest.mark.parametrize("style", bench.STYLES)
def test_the_real_course_is_read_in_every_style(style: str, real_course: object) -> None:
    result = bench.score_style(bench.STYLES[style], real_course)
    assert result["readings"].recall > 0.8
    assert result["readings"].precision > 0.8


PAGES = Path(__file__).parent / "pages"
KEYS = json.loads((PAGES / "keys.json").read_text(encoding="utf-8"))


def test_whole_pages_are_read() -> None:
    """Pages as universities write them, with staff, rules, slides and homework around the list."""
    right = due = given = 0
    for name, key in KEYS.items():
        wanted = [(r[1], r[2].split()) for s in key["sessions"] for r in s["readings"]]
        syllabus = read_syllabus(PAGES / name)
        found = [(r.title, list(r.urls)) for s in syllabus.sessions for r in s.readings]
        right += sum(one in found for one in wanted)
        due += len(wanted)
        given += len(found)
    assert right >= 0.85 * due
    assert right >= 0.85 * given


@pytest.mark.parametrize(
    ("line", "kind", "number", "title"),
    [
        ("Week 3: Caches", "named", 3, "Caches"),
        ("Week 3 (Sep 12): Caches", "named", 3, "Caches"),
        ("Week 1, Lecture 2: Caches", "named", 1, "Caches"),
        ("Weeks 3 & 4: Caches", "named", 3, "Caches"),
        ("Lecture IV - Caches", "named", 4, "Caches"),
        ("Lecture 1: Caches (Sep 5)", "named", 1, "Caches"),
        ("L03 Caches", "named", 3, "Caches"),
        ("week one - caches", "named", 1, "caches"),
        ("Session VII", "named", 7, "Session VII"),
        ("Sep 12 — Caches", "dated", None, "Caches"),
        ("Tuesday, September 12", "dated", None, "Tuesday, September 12"),
        ("Sept 5-7: Caches", "dated", None, "Caches"),
        ("Sep 5 (Tue): Caches", "dated", None, "Caches"),
        ("9/12 Caches", "dated", None, "Caches"),
        ("Tu 1/7 Caches", "dated", None, "Caches"),
        ("2024-09-12: Caches", "dated", None, "Caches"),
        ("12. Sept. 2024 Caches", "dated", None, "Caches"),
        ("15.09. Caches", "dated", None, "Caches"),
        ("15.Caches", "numbered", 15, "Caches"),
        ("2 - Caches", "numbered", 2, "Caches"),
        ("3.1. Week 2: Caches", "named", 2, "Caches"),
        ("3.1 Caches", "numbered", 3, "Caches"),
        ("IX. Caches", "roman", 9, "Caches"),
    ],
)
def test_marks_of_sessions(line: str, kind: str, number: int | None, title: str) -> None:
    mark = mark_of(line)
    assert mark is not None
    assert (mark.kind, mark.number, title_of(line)) == (kind, number, title)


@pytest.mark.parametrize(
    "line",
    [
        "Day to day",
        "Unit tests",
        "Class of 2024",
        "May the cache be warm",
        "Mar 2023: Caches",
        "Lecture 1.2: Caches",
        "Topics in caching",
        "Part-of-speech tags",
        "2.1. Caches",
    ],
)
def test_lines_without_a_mark(line: str) -> None:
    mark = mark_of(line)
    assert mark is None or mark.kind == "numbered"
    assert not is_date(line)


ONE_SESSION = """# Seminar on caches

## Week 1: Serving

### Required readings

#### Paged caches
- https://arxiv.org/abs/2309.00001
- We keep the cache of a serving engine in pages of \\textit{fixed size}. Waste falls by 90\\%.

## Notes of the students

### 1. Paged caches

We paged all day, see ![[Pasted image 1.png]], and \\textbf{\\emph{learned}} from it\\cite{a}.

### 2. Swapping

- See [the code](https://example.org/code), `\\textit{x}` included.
"""


def as_html(page: str) -> str:
    from markdown_it import MarkdownIt

    return f"<html><body>{MarkdownIt('commonmark').render(page)}</body></html>"


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_one_single_session_keeps_its_notes_apart(form: str) -> None:
    if form == "html":
        syllabus = syllabus_from_html(as_html(ONE_SESSION), "one.html")
    else:
        syllabus = syllabus_from_markdown(ONE_SESSION, "one.md")
    (session,) = syllabus.sessions
    assert (syllabus.title, session.number, session.title) == ("Seminar on caches", 1, "Serving")
    (reading,) = session.readings
    assert (reading.title, reading.urls) == ("Paged caches", ("https://arxiv.org/abs/2309.00001",))
    assert reading.abstract == (
        "We keep the cache of a serving engine in pages of fixed size. Waste falls by 90%."
    )
    notes = [block.text for block in session.notes]
    assert notes[0] == "Notes of the students"
    assert "We paged all day, see , and learned from it." in notes
    assert notes[-1].startswith("See the code")


def test_places_are_true_where_junk_was_cut() -> None:
    (session,) = syllabus_from_markdown(ONE_SESSION, "one.md").sessions
    for block in (*session.readings[0].blocks, *session.notes):
        assert block.offsets is not None
        for char, place in zip(block.text, block.offsets, strict=True):
            assert char == ONE_SESSION[place] or char.isspace()


def test_the_chapters_of_notes_are_no_sessions() -> None:
    """A saved page of one session, whose notes count their chapters as a course page its weeks."""
    head = "<html><body><h1>Serving</h1><h2>Readings</h2><h4>Paged caches</h4>"
    notes = "".join(f"<h2>{n}. Chapter</h2><ul><li>point {n}</li></ul>" for n in range(1, 6))
    page = f"{head}<ul><li>https://e.org/1</li></ul><h1>Blog</h1>{notes}</body></html>"
    (session,) = syllabus_from_html(page, "page.html").sessions
    assert [reading.title for reading in session.readings] == ["Paged caches"]
    assert len(session.notes) == 11


def test_headings_need_no_space_and_code_keeps_its_own() -> None:
    page = (
        "##Readings\n\n###Paged caches\n- https://e.org/1\n\n```\n##no heading\n\\textit{x}\n```\n"
    )
    blocks = markdown_blocks(page)
    assert [(b.kind, b.text) for b in blocks if b.kind == "heading"] == [
        ("heading", "Readings"),
        ("heading", "Paged caches"),
    ]
    assert blocks[-1].text == "##no heading\n\\textit{x}"
    for block in blocks:
        assert block.offsets is not None
        assert all(char == page[at] for char, at in zip(block.text, block.offsets, strict=True))
