"""Parts of a course: headings, rows, cells and list items above several sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.syllabus.read import read_syllabus

READINGS = (
    ("Tides and the Moon", "A. Byron. The moon and the sea. 1999."),
    ("Waves", "C. Dunn. Waves on water. Journal of Sea 3, 2001."),
    ("Currents", "E. Fox. Cold currents. 2004."),
    ("Salt", "G. Hill. Salt and time. Ocean Press, 2010."),
    ("Ice", "I. Jones. Ice at sea. 2011."),
    ("Storms", "K. Lamb. Storms in winter. 2012."),
)
DAYS = ("Sep 5", "Sep 12", "Sep 19", "Sep 26", "Oct 3", "Oct 10")
PARTS = ("Moving water", "What is in it")


def page(part: str, session: str, between: str = "\n") -> str:
    """A page with a template for each part and for each session below it."""
    lines = []
    for n, (title, reading) in enumerate(READINGS):
        if n % 3 == 0 and part:
            at = n // 3
            lines.append(part.format(n=at + 1, roman="I" * (at + 1), part=PARTS[at]))
        lines.append(session.format(n=n + 1, title=title, day=DAYS[n], reading=reading))
    return between.join(lines)


def table(head: str, cells: str, first: str, row: str = "") -> str:
    """An HTML table; `first` is put before the cells of a part's first session, or as a row."""
    rows = []
    for n, (title, reading) in enumerate(READINGS):
        own = first.format(part=PARTS[n // 3]) if n % 3 == 0 else ""
        if own and row:
            rows.append(row.format(own))
            own = ""
        rows.append(
            f"<tr>{cells.format(own=own, day=DAYS[n], title=title, reading=reading, n=n)}</tr>"
        )
    names = "".join(f"<th>{name}</th>" for name in head.split("/"))
    return (
        f"<html><body><h1>Oceans</h1><table><tr>{names}</tr>{''.join(rows)}</table></body></html>"
    )


UNDER_2 = "## {day}: {title}\n\n- {reading}\n"
UNDER_3 = "### {day}: {title}\n\n- {reading}\n"
MIDDLE = "<td>{day}</td><td>{own}</td><td>{title}</td><td>{reading}</td>"
ROW = '<tr><td colspan="3">{}</td></tr>'
REST = "<td>{day}</td><td>{title}</td><td>{reading}</td>"
FORMS = {
    "headings": ("page.md", "# Oceans\n\n" + page("## {part}\n", UNDER_3)),
    "headings of two levels": (
        "page.md",
        page("# Part {n} – {part}\n", "## Week {n}: {title}\n\n- {reading}\n"),
    ),
    "headings of the same level": (
        "page.md",
        "# Oceans\n\n" + page("## Unit {n}: {part}\n", "## {title} ({day})\n\n- {reading}\n"),
    ),
    "bold lines": (
        "page.md",
        "# Oceans\n\n" + page("**Unit {n}: {part}**\n", "**{day}: {title}**\n\n- {reading}\n"),
    ),
    "a list": (
        "page.md",
        "# Oceans\n\n" + page("- {part}", "    - {day}: {title}\n        - {reading}"),
    ),
    "plain text": (
        "page.txt",
        "Oceans\n\n" + page("PART {roman}: {part}\n", "{day}: {title}\n\n{reading}\n"),
    ),
    "rows": ("page.html", table("Date/Topic/Reading", REST, "{part}", ROW)),
    "a cell for several rows": (
        "page.html",
        table("Module/Date/Topic/Reading", "{own}" + REST, '<td rowspan="3">{part}</td>'),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_stands_above_several_sessions_is_their_part(form: str, tmp_path: Path) -> None:
    name, text = FORMS[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    sessions = read_syllabus(tmp_path / name).sessions
    assert [one.title for one in sessions] == [title for title, _ in READINGS]
    assert all(PARTS[n // 3] in (one.part or "") for n, one in enumerate(sessions))
    assert len({one.part for one in sessions}) == 2


OTHERS = {
    "headings of homework": (
        "page.md",
        page("", UNDER_2 + "\n## Homework {n}\n\nHand in notes.\n"),
    ),
    "one heading above all": ("page.md", "# Oceans\n\n## Schedule\n\n" + page("", UNDER_3)),
    "sections of a session": (
        "page.md",
        "# Oceans\n\n" + page("", "## {day}: {title}\n\n### Required\n\n- {reading}\n"),
    ),
    "a column of homework": (
        "page.html",
        table("Date/Homework/Topic/Reading", MIDDLE, "HW on {part}"),
    ),
    "a column of teachers": (
        "page.html",
        table("Date/Instructor/Topic/Reading", MIDDLE, "Ms. {part}"),
    ),
    "a row without class": (
        "page.html",
        table("Date/Topic/Reading", REST, "Fall break: no class", ROW),
    ),
}


@pytest.mark.parametrize("form", OTHERS)
def test_what_divides_no_course_is_no_part(form: str, tmp_path: Path) -> None:
    name, text = OTHERS[form]
    (tmp_path / name).write_text(text, encoding="utf-8")
    sessions = read_syllabus(tmp_path / name).sessions
    assert {one.part for one in sessions} == {None}
    assert sum(len(one.readings) for one in sessions) == len(READINGS)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (["part: Basics", "part: Basics", "part: Using"], ["Basics", "Basics", "Using"]),
        (["unit: 1", "unit: 1", "unit: 2", "unit: 2"], ["Unit 1", "Unit 1", "Unit 2", "Unit 2"]),
        (["unit: 1", "unit: 2", "unit: 3"], [None, None, None]),
    ],
)
def test_front_matter_says_the_part(
    given: list[str], parts: list[str | None], tmp_path: Path
) -> None:
    for n, line in enumerate(given):
        title, reading = READINGS[n]
        text = f"---\ntitle: {title}\n{line}\n---\n\n## Readings\n\n- {reading}\n"
        (tmp_path / f"{n}.md").write_text(text, encoding="utf-8")
    assert [one.part for one in read_syllabus(tmp_path).sessions] == parts


def test_a_list_by_hand_says_the_part(tmp_path: Path) -> None:
    text = (
        '[[session]]\ntitle = "Tides"\npart = "Part I"\n[[session.reading]]\ntitle = "The moon"\n'
    )
    (tmp_path / "readings.toml").write_text(text, encoding="utf-8")
    assert read_syllabus(tmp_path / "readings.toml").sessions[0].part == "Part I"
