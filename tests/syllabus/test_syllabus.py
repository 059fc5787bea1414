"""Course pages of several styles, read into sessions and readings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import benchmark
from seminar_rag.errors import SourceError
from seminar_rag.syllabus import names as names
from seminar_rag.syllabus import words as words
from seminar_rag.syllabus.assemble import doubts
from seminar_rag.syllabus.markup import html_blocks, markdown_items
from seminar_rag.syllabus.meetings import Entry
from seminar_rag.syllabus.read import (
    read_syllabus,
    session_from_post,
    syllabus_from_html,
    syllabus_from_markdown,
    syllabus_from_text,
)
from seminar_rag.syllabus.spans import Span
from seminar_rag.syllabus.structure import structural_post
from seminar_rag.types import Reading, Session, Syllabus
from seminar_rag.types.as_json import syllabus_json

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared"

ABSTRACT = (
    "We keep the cache of a serving engine in pages of fixed size. Waste falls from a third to a"
    " twentieth on every trace that we tried."
)
OTHER = (
    "Agents that plan far ahead forget what they saw at the start. We give them a ledger, and"
    " measure what it changes in six games."
)


def table(session: Session) -> list[tuple[str | None, str, tuple[str, ...]]]:
    return [(r.title, r.section, r.urls) for r in session.readings]


def only(session: Session) -> Reading:
    (reading,) = session.readings
    return reading


# ---------------------------------------------------------------- a post in Markdown

POST = f"""---
layout: post
title: Serving
tags:
- Systems
- Cache
---

In this session, we read:

## Required Readings:

### Paged caches for serving / OSDI2023
+ Ada Byron, Karl Weier, Sofia Germain
{ABSTRACT}
+ https://arxiv.org/abs/2309.00001v2)

### - Ledgers: Planning With Books
+ [Submitted on 3 Feb 2024]
+ [ URL](https://openreview.net/forum?id=Ab_c)
+ {OTHER}
+ Subjects: Agents (cs.AG)

## More readings

#### related: The Third Way
  https://example.org/third_way

### Even More:

### Awards page
+ [https://example.org/a?b=c#d](https://example.org/a?b=c#d)
+ Related: [blogpost The long story of
  paged caches](https://example.org/story)

This page was built with care.

<br /><br />

<!--excerpt.start-->

# Blog:

## Paged caches for serving

Notes with a [link](https://arxiv.org/abs/2401.99999) and {{{{ site.base }}}} words.
"""


def test_a_post_gives_its_session() -> None:
    session = session_from_post(POST, "p.md", 4)
    assert (session.number, session.title, session.tags) == (4, "Serving", ("Systems", "Cache"))
    assert table(session) == [
        ("Paged caches for serving", "required", ("https://arxiv.org/abs/2309.00001v2",)),
        ("Ledgers: Planning With Books", "required", ("https://openreview.net/forum?id=Ab_c",)),
        ("The Third Way", "more", ("https://example.org/third_way",)),
        ("Awards page", "more", ("https://example.org/a?b=c#d",)),
        ("The long story of paged caches", "more", ("https://example.org/story",)),
    ]
    first, second = session.readings[:2]
    assert first.arxiv_id == "2309.00001"
    assert first.authors == "Ada Byron, Karl Weier, Sofia Germain"
    assert first.abstract == ABSTRACT
    assert (second.arxiv_id, second.authors, second.abstract) == (None, None, OTHER)


def test_notes_stay_apart_from_the_readings() -> None:
    session = session_from_post(POST, "p.md", 1)
    assert [block.text for block in session.notes] == [
        "Blog:",
        "Paged caches for serving",
        "Notes with a link and words.",
    ]


def test_blocks_know_their_place_in_the_post() -> None:
    session = session_from_post(POST, "p.md", 1)
    blocks = [b for reading in session.readings for b in reading.blocks] + list(session.notes)
    assert [b.kind for b in session.readings[0].blocks] == ["heading", "item", "item"]
    for block in blocks:
        assert block.offsets is not None
        for char, place in zip(block.text, block.offsets, strict=True):
            assert char == POST[place] or char.isspace()


@pytest.mark.parametrize(
    "heading", ["# Blog: what we heard", "# State of the field", "## Session notes"]
)
def test_notes_are_found_without_a_marker(heading: str) -> None:
    post = POST.replace("<!--excerpt.start-->", "").replace("# Blog:", heading)
    session = session_from_post(post, "p.md", 1)
    assert len(session.readings) == 5
    assert session.notes[0].text == heading.lstrip("# ")


def test_a_session_without_readings_has_none() -> None:
    post = (
        "---\ntitle: Pitches\n---\n# Pitches\n\nTeams pitch, see [the rules](rules.html).\n\n"
        "| Team | Slides |\n|---|---|\n| 1 | [Deck of the first team](https://e.org/) |\n"
    )
    assert session_from_post(post, "p.md", 2).readings == ()


# ---------------------------------------------------------------- another style

SECOND = f"""---
title: "W02.1 Agents"
tags: [Agents, Tools]
---

# Slides

| No | Topic | Slides |
|----|-------|--------|
| 1 | Planning in words | [deck](https://example.edu/course/) |
| 2 | Tools in the loop | [deck](https://example.edu/course/) |

## Readings: PLANNING & TOOLS

### 2025 HIGH-IMPACT PAPERS

- **a. Agents That Plan Ahead: A Survey (March 2025)**
  - Link: https://arxiv.org/abs/2501.00001
  - Covers search, decomposition and memory.
- **b. Tool Grammars** (Updated May 2025)**
  - 🔗 **Link:** [https://arxiv.org/abs/2502.00002](https://arxiv.org/abs/2502.00002)
- c. The City of Agents
  - Authors: Ada Byron*, Karl Weier1,2, and Sofia Germain (198 authors) ada@example.org
  - Paper: https://www.biorxiv.org/content/10.1101/2025.01.01.1v2
  - doi: https://doi.org/10.1101/2025.01.01.1Citations
  - Code: https://github.com/example/city

### d. Ledger Agents https://arxiv.org/pdf/2503.00004
**Authors:** Ann Bee, Cee Dee
**Abstract:** {OTHER}

### Systems

1. Alpha: https://arxiv.org/abs/2504.00005 (with mixed machines)
2. Beta - splits the phases over two pools https://arxiv.org/abs/2504.00006

### Multiple system readings
- Gamma / Delta: paging and swapping side by side
- Epsilon

## Background Readings

- https://example.org/only-a-link
- [A Gentle Introduction](https://example.org/gentle), Weier et al., 2019
- "Old Planners Never Die," https://example.org/old

## Key ideas of the session

Prose of the students about the day, with a [link](https://example.org/no) in it.
"""


def test_the_second_style_is_read_by_its_structure() -> None:
    session = structural_post(SECOND, markdown_items(SECOND), "W02.1.md", 1)
    assert table(session) == [
        (
            "Agents That Plan Ahead: A Survey",
            "required",
            ("https://arxiv.org/abs/2501.00001",),
        ),
        ("Tool Grammars", "required", ("https://arxiv.org/abs/2502.00002",)),
        (
            "The City of Agents",
            "required",
            (
                "https://www.biorxiv.org/content/10.1101/2025.01.01.1v2",
                "https://doi.org/10.1101/2025.01.01.1",
                "https://github.com/example/city",
            ),
        ),
        ("Ledger Agents", "required", ("https://arxiv.org/pdf/2503.00004",)),
        ("Alpha", "required", ("https://arxiv.org/abs/2504.00005",)),
        ("Beta", "required", ("https://arxiv.org/abs/2504.00006",)),
        ("Gamma", "required", ()),
        ("Delta", "required", ()),
        ("Epsilon", "required", ()),
        (None, "more", ("https://example.org/only-a-link",)),
        ("A Gentle Introduction", "more", ("https://example.org/gentle",)),
        ("Old Planners Never Die", "more", ("https://example.org/old",)),
    ]
    authors = [r.authors for r in session.readings if r.authors]
    assert authors == [
        "Ada Byron, Karl Weier, and Sofia Germain",
        "Ann Bee, Cee Dee",
        "Weier et al.",
    ]
    assert [r.abstract for r in session.readings if r.abstract] == [OTHER]
    assert session.notes[0].text == "Key ideas of the session"


def test_lettered_paragraphs_are_entries() -> None:
    post = (
        "---\ntitle: x\n---\n## Readings\n### 2025 papers\n\na. Alpha Serve (March 2025)\n"
        "   - Link: https://arxiv.org/abs/2501.00001\n\nb. Beta Serve: A Survey\n"
        "   - Link: https://arxiv.org/abs/2501.00002\n"
    )
    assert [r.title for r in session_from_post(post, "x", 1).readings] == [
        "Alpha Serve",
        "Beta Serve: A Survey",
    ]


WEEKS = """# CS 999: Models

## Week 1: Opening

Required: [Attention and its Uses](https://arxiv.org/abs/1706.00001)

Optional: [The Drawn Transformer](https://example.org/drawn/)

## Week 2: Training

**Required readings**

* Byron et al. (2020). Scaling by the numbers. Journal of Scale. https://arxiv.org/abs/2001.00001
* Weier et al., "Training on a Budget", NeurIPS 2022. [[pdf]](https://arxiv.org/pdf/2203.00001.pdf)
* Germain, S. and Noether, E. Groups of models. [arXiv](https://arxiv.org/abs/2203.00002)

**Optional readings**

* [Code Models for Everyone](https://example.org/code) ([code](https://github.com/example/x))

## Week 3: No class (spring break)

## Week 4: Safety
### Slides
* [Deck about safety methods](slides/4.pdf)
### Readings
1. Rules for models: a safety story ([paper](https://arxiv.org/abs/2212.00001), [blog](b.html))
### Homework
* [Homework 2 on safety](hw2.html)
"""


def test_a_page_of_weeks() -> None:
    syllabus = syllabus_from_markdown(WEEKS, "README.md")
    assert syllabus.title == "CS 999: Models"
    assert [(s.number, s.title) for s in syllabus.sessions] == [
        (1, "Opening"),
        (2, "Training"),
        (3, "No class (spring break)"),
        (4, "Safety"),
    ]
    assert [r.section for r in syllabus.sessions[0].readings] == ["required", "more"]
    assert [(r.title, r.authors) for r in syllabus.sessions[1].readings] == [
        ("Scaling by the numbers", "Byron et al."),
        ("Training on a Budget", "Weier et al."),
        ("Groups of models", "Germain, S. and Noether, E."),
        ("Code Models for Everyone", None),
    ]
    assert syllabus.sessions[2].readings == ()
    assert table(syllabus.sessions[3]) == [
        (
            "Rules for models: a safety story",
            "required",
            ("https://arxiv.org/abs/2212.00001", "b.html"),
        )
    ]


def test_titles_in_odd_places() -> None:
    post = (
        "## Reading: The First Title\n- https://e.org/1\n\n## More readings\n"
        "### [The Second Title](https://e.org/2)\n"
        "### The list\n- 📄 The Third Title — Ada Byron, Karl Weier [link](https://e.org/3)\n"
        "- **The Fourth Title**: [paper](https://e.org/4), [code](https://e.org/5)\n"
    )
    post = f"---\ntitle: x\n---\n{post}"
    session = structural_post(post, markdown_items(post), "x.md", 1)
    assert table(session) == [
        ("The First Title", "required", ("https://e.org/1",)),
        ("The Second Title", "more", ("https://e.org/2",)),
        ("The Third Title", "more", ("https://e.org/3",)),
        ("The Fourth Title", "more", ("https://e.org/4", "https://e.org/5")),
    ]
    assert session.readings[2].authors == "Ada Byron, Karl Weier"


def test_a_schedule_table() -> None:
    page = (
        "# Seminar\n\n| Date | Topic | Readings | Slides |\n|---|---|---|---|\n"
        "| Jan 1 | Opening | [First of all](https://e.org/1), [Second of all](https://e.org/2) |"
        " [pdf](a.pdf) |\n| Jan 8 | Break | | |\n"
        "| Jan 15 | Middle | Third of all ([pdf](https://e.org/3.pdf)) | |\n"
    )
    syllabus = syllabus_from_markdown(page, "s.md")
    assert [(s.title, [r.title for r in s.readings]) for s in syllabus.sessions] == [
        ("Opening", ["First of all", "Second of all"]),
        ("Break", []),
        ("Middle", ["Third of all"]),
    ]


def test_a_schedule_with_short_years_is_not_called_after_its_hosts() -> None:
    page = (
        "# Colloquium\n\n| Day | Text | Host |\n|---|---|---|\n"
        "| 3 Oct 22 | [The Weight of Rumours](https://e.org/r.pdf) | P. Aalto |\n"
        "| 17 Oct 22 | [Hearsay as Evidence](https://e.org/h.pdf) | M. Ito |\n"
        "| 24 Oct 22 | [Gossip and Its Price](https://e.org/g.pdf) | R. Obi |\n"
    )
    sessions = syllabus_from_markdown(page, "s.md").sessions
    assert [session.title for session in sessions] == ["3 Oct 22", "17 Oct 22", "24 Oct 22"]


# ---------------------------------------------------------------- plain text

TEXT = f"""A Seminar on Models, by date

No. Title
1 Opening
2 Serving
3 Tools

1.Opening

  • Lead: on basics
Basics Models

Post summary :

Readings:

Basics of learning:

Basics of language

  • URL
  • Typical tasks / Challenges / Pipeline
    • Before nets (Pre 2012) • (BOW / LSI)

Click the link below for the whole post.

2.Serving

Systems

Post summary :

Required Readings:

Paged caches for serving

  • Ada Byron, Karl Weier, Sofia Germain {ABSTRACT}
  • https://arxiv.org/abs/2106.00001
  • {OTHER}

More readings

Unbulleted links

https://example.org/unbulleted

A Title Whose Link Was Lost

Ledgers: Planning With Books

  • Bert Meyer, Cee Dee / {OTHER}

State of Caches: A Survey

Motivation

Why pages

  • They are of fixed size.
  • They move.

Hence we need a cache that not only needs less memory but also can be shared by many requests.

Limits

  1. None known

Click the link below for the whole post.

3.Tools

Systems Tools

Post summary :

Must know tools -

  1. Hammer - Built for nails of every size, and supports screws in a pinch. Github -

  2. Saw- https://example.org/saw

  3. drill.example.org
    • https://example.org/drill
    • A drill makes holes in things. Its holes are round, and it stops when it is told to stop.

Click the link below for the whole post.
BackTop
"""


def test_plain_text_with_lost_links_and_notes_without_a_heading() -> None:
    syllabus = syllabus_from_text(TEXT, "page.txt")
    opening, serving, tools = syllabus.sessions
    assert [(s.number, s.title, s.tags) for s in syllabus.sessions] == [
        (1, "Opening", ("Basics", "Models")),
        (2, "Serving", ("Systems",)),
        (3, "Tools", ("Systems", "Tools")),
    ]
    assert [r.title for r in opening.readings] == ["Basics of learning", "Basics of language"]
    assert [(r.title, r.section, r.authors, r.abstract) for r in serving.readings] == [
        (
            "Paged caches for serving",
            "required",
            "Ada Byron, Karl Weier, Sofia Germain",
            ABSTRACT,
        ),
        (None, "required", None, OTHER),
        ("Unbulleted links", "more", None, None),
        ("A Title Whose Link Was Lost", "more", None, None),
        ("Ledgers: Planning With Books", "more", "Bert Meyer, Cee Dee", OTHER),
    ]
    assert serving.readings[0].urls == ()
    assert serving.readings[1].arxiv_id == "2106.00001"
    assert serving.notes[0].text == "State of Caches: A Survey"
    assert [r.title for r in tools.readings] == ["Hammer", "Saw", "drill.example.org"]
    for session in syllabus.sessions:
        for block in [b for r in session.readings for b in r.blocks]:
            assert block.offsets is not None
            assert all(
                char == TEXT[place] or char == " "
                for char, place in zip(block.text, block.offsets, strict=True)
            )


def test_plain_text_of_weeks_with_lettered_bullets() -> None:
    text = """Advanced Models
Fall term

Week 1 - Foundations

Required reading:

a. A Theory of Everything (March 2024)
   - Link: https://arxiv.org/abs/2403.00001
   - Authors: Ann Bee, Cee Dee, Eff Gee
b. Second Paper on Foundations
   - Link: https://arxiv.org/abs/2403.00002

Optional reading:

- https://arxiv.org/abs/2403.00003

Week 2 - Break

No meeting this week.

Week 3 - Agents

Readings

1. Planning with Models: a long title that was wrapped by hand
   over two lines
   https://arxiv.org/abs/2403.00006
2. Tools
   https://arxiv.org/abs/2403.00007
"""
    first, second, third = syllabus_from_text(text, "t.txt").sessions
    assert table(first) == [
        ("A Theory of Everything", "required", ("https://arxiv.org/abs/2403.00001",)),
        ("Second Paper on Foundations", "required", ("https://arxiv.org/abs/2403.00002",)),
        (None, "more", ("https://arxiv.org/abs/2403.00003",)),
    ]
    assert first.readings[0].authors == "Ann Bee, Cee Dee, Eff Gee"
    assert second.readings == ()
    assert [r.title for r in third.readings] == [
        "Planning with Models: a long title that was wrapped by hand over two lines",
        "Tools",
    ]


# ---------------------------------------------------------------- HTML

OVERVIEW = f"""<html><head><title>Posts</title></head><body><nav><h1>Site</h1></nav>
<h1>Seminar on Models</h1>
<table><tr><th>No.</th><th>Title</th></tr>
<tr><td>1</td><td><a href="#1">Serving</a></td></tr></table>
<div class="post"><h1><a href="/course/contents/one/">1.Serving</a></h1>
<ul><li><a href="/course/decks/one.pdf">Lecture: one</a></li></ul>
<a class="button" href="/course/ByTags/#Systems">Systems</a>
<h3>Summary :</h3><h2>Required Readings:</h2>
<h4>Paged caches</h4><ul><li>https://arxiv.org/abs/2309.00001</li><li>Ada Byron, Karl Weier,
Sofia Germain
{ABSTRACT}</li></ul></div><hr>
<div class="post"><h1><a href="/course/contents/two/">2.Planning</a></h1>
<h3>Summary :</h3><h2>Readings</h2><h4>Primer: planning</h4><ul>
<li><a href="primers/plan.pdf">PDF</a></li></ul></div>
<div class="post"><h1>3.Pitches</h1><h3>Summary :</h3><p>No readings.</p></div></body></html>"""
PAGE_ONE = """<html><body><div><h1>Site</h1></div><h1>Serving</h1>
<ul><li><a href="/course/decks/one.pdf">Lecture: one</a></li></ul>
<h2>Required Readings:</h2><h4>Paged caches</h4><ul><li>https://arxiv.org/abs/2309.00001</li></ul>
<!--more--><h1>Blog: our day</h1><p>We paged all day.</p></body></html>"""


def test_an_overview_with_a_page_per_session(tmp_path: Path) -> None:
    (tmp_path / "overview").mkdir()
    (tmp_path / "overview/index.html").write_text(OVERVIEW, encoding="utf-8")
    (tmp_path / "contents/one").mkdir(parents=True)
    (tmp_path / "contents/one/index.html").write_text(PAGE_ONE, encoding="utf-8")
    (tmp_path / "decks").mkdir()
    syllabus = read_syllabus(tmp_path / "overview/index.html")
    assert syllabus.title == "Seminar on Models"
    one, two, three = syllabus.sessions
    assert (one.number, one.title, one.tags) == (1, "Serving", ("Systems",))
    assert (one.url, one.file) == ("/course/contents/one/", "contents/one/index.html")
    assert [block.text for block in one.notes] == ["Blog: our day", "We paged all day."]
    assert only(one).arxiv_id == "2309.00001"
    assert (two.file, only(two).title) == ("index.html", "Primer: planning")
    assert only(two).urls == ("primers/plan.pdf",)
    assert three.readings == ()


def test_a_session_page_that_has_only_the_notes_keeps_the_listed_readings() -> None:
    page = "<html><body><h1>Serving</h1><p>We paged all day.</p></body></html>"
    pages = {"/course/contents/one/": ("one.html", page)}
    one = syllabus_from_html(OVERVIEW, "index.html", pages.get).sessions[0]
    assert only(one).authors == "Ada Byron, Karl Weier, Sofia Germain"
    assert only(one).abstract == ABSTRACT
    assert [block.text for block in one.notes] == ["Serving", "We paged all day."]
    end = max(block.start + len(block.text) for block in html_blocks(page))
    assert min(block.start for block in only(one).blocks) > end


def test_pages_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    page = OVERVIEW.replace("/course/contents/one/", "../../../secret/")
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/index.html").write_text(PAGE_ONE, encoding="utf-8")
    source = tmp_path / "a/b/c/index.html"
    source.write_text(page, encoding="utf-8")
    assert read_syllabus(source).sessions[0].file == "index.html"


# ---------------------------------------------------------------- files and folders


def test_a_folder_of_posts_is_numbered_by_file_order(tmp_path: Path) -> None:
    (tmp_path / "W2.md").write_text(POST.replace("Serving", "Two"), encoding="utf-8")
    (tmp_path / "W10.md").write_text(POST.replace("Serving", "Ten"), encoding="utf-8")
    (tmp_path / "W1.md").write_text("---\ntitle: One\n---\nNo readings.", encoding="utf-8-sig")
    (tmp_path / "README.md").write_text("# About", encoding="utf-8")
    syllabus = read_syllabus(tmp_path)
    assert [(s.number, s.title, s.file, len(s.readings)) for s in syllabus.sessions] == [
        (1, "One", "W1.md", 0),
        (2, "Two", "W2.md", 5),
        (3, "Ten", "W10.md", 5),
    ]


def test_a_post_without_a_title_in_front_is_called_as_its_first_heading() -> None:
    heading = "# Week 2: Salt marshes\n\n- [Sand](https://example.org/sand.pdf)"
    for text in (heading, f"---\nlayout: narrow\n---\n{heading}"):
        assert session_from_post(text, "feb7.md", 1).title == "Salt marshes"


def test_json_has_the_documented_shape(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(POST, encoding="utf-8")
    value = json.loads(json.dumps(syllabus_json(read_syllabus(tmp_path / "a.md"))))
    assert list(value) == ["sessions", "events"]
    assert list(value["sessions"][0]) == ["number", "title", "part", "date", "tags", "readings"]
    assert value["sessions"][0]["readings"][0] == {
        "title": "Paged caches for serving",
        "section": "required",
        "urls": ["https://arxiv.org/abs/2309.00001v2"],
        "arxiv_id": "2309.00001",
        "authors": "Ada Byron, Karl Weier, Sofia Germain",
        "kind": "paper",
        "abstract": ABSTRACT,
        "confidence": 1.0,
        "doubts": [],
    }


def test_a_doubtful_reading_says_what_is_doubtful() -> None:
    def entry(**known: Any) -> Entry:
        return Entry([], 0, known.pop("sure", 0.9), [], **known)

    title = Span(0, 0, 4, "Four")
    assert list(doubts(entry(title=title, title_sure=0.9, beyond=0.05))) == []
    assert list(doubts(entry(title=title, title_sure=0.2, sure=0.3, beyond=0.5))) == [
        "Is this a reading?",
        "Is this its title?",
        "Is it required?",
    ]
    assert list(doubts(entry())) == ["What is its title?"]
    assert Reading("Four", doubts=("Is this a reading?",)).doubtful
    assert not Reading("Four").doubtful


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.md", None, "does not exist"),
        ("empty.md", b"", "holds no readings"),
        ("prose.txt", b"Just a letter.\n\nIt says nothing of the kind.\n", "holds no readings"),
        ("page.html", b"<html><body><p>Hello</p></body></html>", "holds no readings"),
        ("binary.txt", b"\x00\x01\xff\xfe" * 40, "is not text"),
        ("paper.txt", b"%PDF-1.7 \xff\xfe", "is not text"),
    ],
)
def test_bad_sources_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        read_syllabus(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_posts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no Markdown posts"):
        read_syllabus(tmp_path)


# ---------------------------------------------------------------- readings.toml


def test_the_example_toml_is_read() -> None:
    path = ROOT / "examples/readings.toml"
    syllabus = read_syllabus(path)
    assert syllabus.title == "Reading group on language models"
    assert [(s.number, s.tags) for s in syllabus.sessions] == [
        (1, ("architecture",)),
        (3, ("training", "alignment")),
    ]
    first, second = syllabus.sessions[0].readings
    assert first.urls == ("https://arxiv.org/abs/1706.03762",)
    assert (first.arxiv_id, first.section, second.section) == ("1706.03762", "required", "more")
    assert (second.kind, syllabus.sessions[1].readings[1].kind) == ("paper", "article")
    assert second.abstract is not None
    assert "\n" not in second.abstract
    third, fourth = syllabus.sessions[1].readings
    assert (third.arxiv_id, fourth.title, fourth.label) == (
        "2001.08361",
        None,
        "https://huggingface.co/blog/dpo-trl",
    )
    text = path.read_text(encoding="utf-8")
    for block in second.blocks:
        assert block.offsets is not None
        for char, place in zip(block.text, block.offsets, strict=True):
            assert char == text[place] or char == " "


def test_toml_files_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "p.pdf").write_bytes(b"%PDF-1.4")
    toml = tmp_path / "readings.toml"
    toml.write_text('[[session]]\n[[session.reading]]\nfiles = ["p.pdf"]\n', encoding="utf-8")
    session = read_syllabus(toml).sessions[0]
    assert (session.title, only(session).files) == ("Session 1", ("p.pdf",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[course\n", "not valid TOML"),
        ("", "holds no readings"),
        ("[[sesion]]\n", 'unknown key "sesion" in the top level; known are course, session'),
        ("[[session]]\ntitel = 'x'\n", 'unknown key "titel" in session 1; known are number'),
        (
            "[[session]]\n[[session.reading]]\nurl = 'x'\n",
            'unknown key "url" in session 1, reading 1',
        ),
        ("[[session]]\nnumber = '1'\n", "must be a whole number"),
        ("[[session]]\nnumber = true\n", "must be a whole number"),
        ("session = 'x'\n", "must be a list"),
        ("session = ['x']\n", r"write \[\[session\]\]"),
        ("[[session]]\n[[session.reading]]\nurls = [1]\n", "texts in quotes"),
        ("[[session]]\n[[session.reading]]\nsection = 'extra'\n", '"required" or "more"'),
        ("[[session]]\n[[session.reading]]\nkind = 'film'\n", 'kind is "film"; write one of paper'),
        ("[[session]]\n[[session.reading]]\narxiv = 'abc'\n", 'arxiv is "abc"'),
        ("[[session]]\n[[session.reading]]\nfiles = ['no.pdf']\n", "no.pdf does not exist"),
        ("[[session]]\n[[session.reading]]\nauthors = 'A'\n", "is empty"),
        ("[[session]]\nnumber = 2\n[[session]]\nnumber = 2\n", "two sessions have the number 2"),
    ],
)
def test_toml_errors_name_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "readings.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message) as caught:
        read_syllabus(path)
    assert str(path) in str(caught.value)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("Required Readings:", "required"),
        ("Require Readings", "required"),
        ("Reading on agents", "required"),
        ("Readings: DEPLOYMENT & SERVING", "required"),
        ("This week's readings", "required"),
        ("Even  More", "more"),
        ("More readings", "more"),
        ("Background Readings", "more"),
        ("Optional", "more"),
        ("Further reading on caches", "more"),
        ("Reading Between the Lines of a Page", None),
        ("More Agents Is All You Need", None),
        ("2025 HIGH-IMPACT PAPERS", None),
        ("Other Minds", None),
        ("Background", None),
        ("Core concepts", None),
    ],
)
def test_section_headings(heading: str, section: str | None) -> None:
    assert words.section_of(heading) == section


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Paged caches: ", "Paged caches"),
        ("Paged caches / EMNLP2023", "Paged caches"),
        ("Paged caches WNLP@ACL2019", "Paged caches"),
        ("a. Paged caches (March 2025)", "Paged caches"),
        ("Paged caches** (Updated March 2025)", "Paged caches"),
        ("3) Paged caches", "Paged caches"),
        ("Paged caches: https://e.org/a", "Paged caches"),
        ("“Paged caches,”", "Paged caches"),
        ("A guide to caches at", "A guide to caches"),
        ("ACL 2024 Tutorial: Caches", "ACL 2024 Tutorial: Caches"),
        ("GPT-4 in 2024", "GPT-4 in 2024"),
        ("What is a cache?", "What is a cache?"),
        ("Paper 1: Paged caches", "Paged caches"),
        ("📄 Paged caches", "Paged caches"),
        ("related post: Paged caches", "Paged caches"),
        ("Video: Paged caches", "Paged caches"),
        ("[Paper] Paged caches", "Paged caches"),
        ("Talk “Paged caches”", "Paged caches"),
        ("Paper Money and Its Caches", "Paper Money and Its Caches"),
        ("blogpost Paged caches", "Paged caches"),
        ("paper money", "paper money"),
        ("And the Cache Goes Down", "And the Cache Goes Down"),
        ("https://e.org/a", None),
    ],
)
def test_titles_lose_their_decoration(raw: str, title: str | None) -> None:
    assert words.clean_title(raw) == title


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("Ada Byron, Karl Weier", "Ada Byron, Karl Weier"),
        ("Ada M. Byron, Ludwig van Beethoven, Guðrún Ósvífursdóttir", None),
        ("Ada Byron and Karl Weier", None),
        ("Byron et al.", None),
        ("View ORCID ProfileAda Byron, View ORCID ProfileKarl Weier", "Ada Byron, Karl Weier"),
        ("Ada Byron1, Karl Weier1,2*, Sofia Germain†", "Ada Byron, Karl Weier, Sofia Germain"),
    ],
)
def test_author_lines(text: str, authors: str | None) -> None:
    assert names.split_authors(text, None) == len(text)
    assert names.clean_names(text) == (authors or text)


@pytest.mark.parametrize(
    "text",
    [
        "BERT / RoBERTa/ XLNet/ GPT",
        "March 28, 2024",
        "EU AI Act / GDPR",
        "Multi-Agent Systems, Tool Use, Long-Term Memory",
        "Utrecht University, Example Research Institute",
        "Cheap caches, fast machines",
        "Introducing Pages: The First Cache of its Kind",
        "In this paper, we page the cache.",
    ],
)
def test_what_is_no_author_line(text: str) -> None:
    assert names.split_authors(text, None) is None


@pytest.mark.parametrize(
    "opening",
    [
        "We page the cache of a serving engine, and",
        "Are Caches Pages? In this work we ask whether",
        "Responsible use of caches needs an engine that",
        "Despite its size the cache of an engine",
    ],
)
def test_authors_that_run_into_the_abstract(opening: str) -> None:
    rest = f"{opening} it saves much memory on all of the traces that we have tried so far."
    text = f"Ada Byron, Karl Weier, Seong Joon Oh {rest}"
    assert names.split_authors(text, "Are Caches Pages?") == text.index(rest)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://arxiv.org/abs/2309.00001v2", "2309.00001"),
        ("https://arxiv.org/pdf/2309.00001.pdf", "2309.00001"),
        ("http://www.arxiv.org/html/2309.00001", "2309.00001"),
        ("https://arxiv.org/abs/cs.CL/0309001", "cs.CL/0309001"),
        ("https://huggingface.co/papers/2309.00001", "2309.00001"),
        ("https://doi.org/10.48550/arXiv.2309.00001", "2309.00001"),
        ("https://doi.org/10.1101/2309.00001", None),
        ("https://example.org/2309.00001", None),
    ],
)
def test_arxiv_ids(url: str, found: str | None) -> None:
    assert words.arxiv_id(["https://example.org", url]) == found


# ---------------------------------------------------------------- the real course


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "gold").is_dir(), reason="the shared course is not here")
@pytest.mark.parametrize("form", ["text", "markdown", "site"])
def test_the_real_course_is_read_exactly(form: str) -> None:
    result = benchmark("syllabus").score_form(form, SHARED)
    assert result.misses == []
    assert result["readings"].recall == result["readings"].precision == 1.0
    assert result["urls"].recall == result["urls"].precision == 1.0
    assert result["readings"].right == 175
    assert result["authors"].right >= 39
    assert result["abstracts"].right >= 100


def _reading_list(change: Callable[[str], str]) -> Callable[[str], str]:
    """A change of the part of a post between its front matter and its notes."""

    def apply(post: str) -> str:
        begin = post.index("---", 3) + 3
        notes = re.search(r"<!--excerpt.start-->|^# ", post[begin:], re.M)
        end = begin + notes.start() if notes else len(post)
        return post[:begin] + change(post[begin:end]) + post[end:]

    return apply


def _deeper(levels: int) -> Callable[[str], str]:
    return lambda post: re.sub(r"^#+(?= )", lambda m: "#" * (len(m[0]) + levels), post, flags=re.M)


def _bold(pattern: str) -> Callable[[str], str]:
    return _reading_list(lambda text: re.sub(pattern, r"**\1**\n", text, flags=re.M))


RESTYLED: dict[str, Callable[[str], str]] = {
    "headings one level deeper": _deeper(1),
    "headings two levels deeper": _deeper(2),
    "star bullets": _reading_list(lambda t: re.sub(r"^(\s*)[+-](?= )", r"\1*", t, flags=re.M)),
    "no marker before the notes": lambda t: t.replace("<!--excerpt.start-->", ""),
    "another marker": lambda t: t.replace("<!--excerpt.start-->", "<!-- more -->"),
    "bold titles": _bold(r"^###+ +(?!Even)(.*?) *$"),
    "bold sections": _bold(r"^## +(.*?) *$"),
}


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.skipif(not (SHARED / "gold").is_dir(), reason="the shared course is not here")
@pytest.mark.parametrize("style", RESTYLED)
def test_the_real_course_in_other_clothes(style: str) -> None:
    """Every second session: the clothes count here, not how long a course is."""
    posts = list(enumerate(sorted((SHARED / "course/posts").glob("*.md")), 1))[::2]
    sessions = tuple(
        session_from_post(RESTYLED[style](post.read_text(encoding="utf-8")), post.name, number)
        for number, post in posts
    )
    key = json.loads((SHARED / "gold/readings-markdown.json").read_text(encoding="utf-8"))[::2]
    given = syllabus_json(Syllabus(None, sessions))["sessions"]
    result = benchmark("syllabus").score(given, key)["readings"]
    assert min(result.precision, result.recall) > 0.9


def test_the_scorer_sees_mistakes() -> None:
    bench = benchmark("syllabus")
    entry = {
        "title": "Paged caches",
        "section": "required",
        "urls": ["https://e.org/1", "https://e.org/2"],
        "arxiv_id": None,
        "authors": "Ada Byron",
        "has_abstract": True,
        "abstract_kind": "abstract",
        "may_split": ["https://e.org/2"],
    }
    merged = {**entry, "title": None, "urls": ["https://e.org/3"], "may_merge_into": "Paged caches"}
    key = [{"number": 1, "title": "One", "tags": [], "readings": [entry, merged], "optional": []}]
    given = {k: entry[k] for k in ("title", "section", "arxiv_id", "authors")}
    right = {**given, "urls": [*entry["urls"], "https://e.org/3"], "abstract": "Text."}
    whole = [{"number": 1, "title": "One", "tags": [], "readings": [right]}]
    assert bench.score(whole, key).misses == []
    first = {**right, "urls": ["https://e.org/1", "https://e.org/3"]}
    second = {**right, "title": None, "urls": ["https://e.org/2"]}
    split = [{**whole[0], "readings": [first, second]}]
    assert bench.score(split, key).misses == []
    invented = {**right, "title": "Nothing of the kind", "urls": []}
    wrong = {**right, "authors": None, "section": "more", "urls": ["https://e.org/1"]}
    result = bench.score([{**whole[0], "readings": [wrong, invented]}], key)
    assert result["readings"].precision == 0.5
    assert result["readings"].recall == 0.5
    assert result["authors"].recall == result["sections"].recall == 0.0
    assert len(result.misses) == 5


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "A. ",
        "Paper 1: ",
        "Ada Byron, ",
        "a@",
        "(",
        "http://",
        "x_y ",
        "Ab cd. ",
        "(2020) ",
        "Week 1 ",
        "Jan 5 ",
        "[[a.png",
        "\\textit{",
    ],
)
def test_hostile_lines_end_in_time(piece: str) -> None:
    line = piece * 4000
    page = f"## Readings\n- {line}\n\n### {line}\n- https://e.org/1\n"
    session = session_from_post(f"---\ntitle: x\n---\n{page}", "x.md", 1)
    assert all(len(reading.title or "") <= 1000 for reading in session.readings)
