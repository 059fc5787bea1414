"""Pages as the programs write them that make course sites: what these put beside the text."""

from __future__ import annotations

from pathlib import Path

from seminar_rag.syllabus.marks import date_in, title_of
from seminar_rag.syllabus.markup import html_items
from seminar_rag.syllabus.read import read_syllabus, syllabus_from_html, syllabus_from_markdown
from seminar_rag.types import Syllabus

CANVAS = """<html><body><h1>Course Syllabus</h1><table><tbody>
<tr><td><strong>Date</strong></td><td><strong>Topic</strong></td><td><strong>Read</strong></td></tr>
<tr><td>Thu 1/15</td><td>The imitation game</td><td><p>Turing, <a href="https://doi.org/10.1093/a">
<span>Computing Machinery and Intelligence</span><span class="external_link_icon"><span
class="screenreader-only">Links to an external site.</span></span></a></p></td></tr>
<tr><td>Tue 1/20</td><td>The Chinese room</td><td><p>Searle, <a href="https://doi.org/10.1017/b">
<span>Minds, Brains, and Programs</span></a></p></td></tr>
<tr><td>Thu 1/22</td><td>Consciousness</td><td><p>Nagel, <a href="https://doi.org/10.2307/c">
<span>What Is It Like to Be a Bat?</span></a></p></td></tr></tbody></table></body></html>"""
_SECTION = """<li class="section main"><div class="content"><h3 class="sectionname">{head}</h3>
<div class="summary"><p>Pflichtlektüre:</p><ul><li>{author}: <a href="{url}">{title}</a></li></ul>
</div><ul class="section img-text"><li class="activity assign modtype_assign"><div><a
href="https://moodle.uni.de/mod/assign/view.php?id=19"><span class="instancename">Thesenpapier
abgeben<span class="accesshide"> Aufgabe</span></span></a></div></li></ul></div></li>"""
MOODLE = (
    '<html><body><h1>Erinnerungskulturen</h1><ul class="topics">'
    + "".join(
        _SECTION.format(head=head, author=author, title=title, url=f"https://x.org/{n}.pdf")
        for n, (head, author, title) in enumerate(
            (
                ("1. Sitzung (16.04.): Gedächtnis", "Halbwachs, Maurice", "Das Gedächtnis"),
                ("2. Sitzung (23.04.): Orte", "Nora, Pierre", "Zwischen Geschichte und Ort"),
                ("3. Sitzung (30.04.): Vergessen", "Connerton, Paul", "Seven Types of Forgetting"),
            )
        )
    )
    + "</ul></body></html>"
)
BIB = """@article{granovetter, title = {The {Strength} of {Weak} {Ties}}, doi = {10.1086/225469},
  journal = {American Journal of Sociology}, author = {Granovetter, Mark S.}, year = {1973}}
@article{watts, title = {Collective dynamics of small-world networks}, doi = {10.1038/30918},
  journal = {Nature}, author = {Watts, Duncan J. and Strogatz, Steven H.}, year = {1998}}
@misc{bail, title = {Exposure to opposing views can increase polarization},
  url = {https://www.pnas.org/x}, author = {Bail, Christopher A.}, year = {2018}}
"""
QUARTO = """---
title: "SOC 531: Social Networks"
bibliography: references.bib
---

Class meets **Fridays, 9:00–11:30**.

## Week 1 (Sep 4): Ties

We start from @granovetter.

-   @granovetter

## Week 2 (Sep 11): Small worlds

-   [@watts]

## Week 3 (Sep 18): Polarization

-   @bail
"""
MKDOCS = "# Schedule\n\n" + "".join(
    f"## Week {n}: {topic}\n\n*{day}*\n\n**Required**\n\n- {author}, [{title}](https://x.org/{n})\n\n"
    for n, (topic, day, author, title) in enumerate(
        (
            ("What maps do", "Tuesday, September 8", "J. B. Harley", "Deconstructing the Map"),
            ("States", "Tuesday, September 15", "James C. Scott", "Seeing Like a State"),
            ("From below", "Tuesday, September 22", "M. Haklay", "How Good is Volunteered Data?"),
        ),
        1,
    )
)


def titles(read: Syllabus) -> list[list[str | None]]:
    return [[one.title for one in session.readings] for session in read.sessions]


def test_what_is_only_read_aloud_is_no_part_of_a_title() -> None:
    assert titles(syllabus_from_html(CANVAS, "canvas.html")) == [
        ["Computing Machinery and Intelligence"],
        ["Minds, Brains, and Programs"],
        ["What Is It Like to Be a Bat?"],
    ]


def test_what_students_do_in_moodle_is_no_reading() -> None:
    read = syllabus_from_html(MOODLE, "moodle.html")
    assert titles(read) == [
        ["Das Gedächtnis"],
        ["Zwischen Geschichte und Ort"],
        ["Seven Types of Forgetting"],
    ]
    assert [one.title for one in read.sessions] == ["Gedächtnis", "Orte", "Vergessen"]


def test_a_page_with_few_references_is_no_post_and_lists_none_twice(tmp_path: Path) -> None:
    (tmp_path / "references.bib").write_text(BIB, encoding="utf-8")
    (tmp_path / "schedule.qmd").write_text(QUARTO, encoding="utf-8")
    read = read_syllabus(tmp_path / "schedule.qmd")
    assert [one.title for one in read.sessions] == ["Ties", "Small worlds", "Polarization"]
    assert titles(read) == [
        ["The Strength of Weak Ties"],
        ["Collective dynamics of small-world networks"],
        ["Exposure to opposing views can increase polarization"],
    ]


def test_days_in_a_line_of_their_own_are_the_sessions() -> None:
    read = syllabus_from_markdown(MKDOCS, "schedule.md")
    days = ["Tuesday, September 8", "Tuesday, September 15", "Tuesday, September 22"]
    assert [one.date for one in read.sessions] == days


def test_links_of_headings_to_themselves_are_no_part_of_the_course_s_title() -> None:
    page = '<h1>Schedule<a class="headerlink" href="#schedule">¶</a></h1>' + CANVAS
    assert syllabus_from_html(page.replace("<h1>Course Syllabus</h1>", ""), "x").title == "Schedule"


def test_time_stamps_of_org_are_dates() -> None:
    head = "Class 1 <2026-01-12 Mon> Logical time"
    assert (title_of(head), date_in(head)) == ("Logical time", "2026-01-12 Mon")
    assert title_of("3. Part of the story") == "Part of the story"


def test_links_that_only_lead_on_are_where_they_lead() -> None:
    google = "https://www.google.com/url?q=https://example.org/a%3Fb%3D1&amp;sa=D&amp;ust=17"
    outlook = (
        "https://eur03.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fc&amp;x"
    )
    links = [f'<a href="{url}">Boats</a>' for url in (google, outlook, "/u?q=d")]
    (item,) = html_items(f"<p>{' '.join(links)}</p>")
    assert [link.url for link in item.links] == [
        "https://example.org/a?b=1",
        "https://example.org/c",
        "/u?q=d",
    ]


def test_a_label_in_brackets_is_its_paragraph_s_alone() -> None:
    page = "<h1>Policing</h1>" + "".join(
        f"<h3>Class {n} – {topic}</h3><p>(Recommended) {one}, “{one} on {topic}.” "
        f'<a href="/x{n}">PDF</a></p><p>{two}, “{topic} and {two}.” <a href="/y{n}">PDF</a></p>'
        for n, (topic, one, two) in enumerate(
            (("Mandates", "Bittner", "Manning"), ("Discretion", "Brooks", "Goldstein")), 1
        )
    )
    sessions = syllabus_from_html(page, "page.html").sessions
    assert [one.section for each in sessions for one in each.readings] == ["more", "required"] * 2
