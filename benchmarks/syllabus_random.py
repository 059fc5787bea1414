"""Courses in random clothes: pages written from sessions and readings in a style drawn by chance.

Training data for the reader of course pages: what stands on a page is taken from labelled pages,
how it stands there is drawn. `write_page` gives Markdown and what a reader should find in it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = dict[str, Any]
_UNITS = (
    "Week",
    "Week",
    "Week",
    "Session",
    "Lecture",
    "Class",
    "Day",
    "Meeting",
    "Unit",
    "Module",
    "Topic",
    "Seminar",
    "Semana",
    "Sesión",
    "Séance",
    "Sitzung",
    "Aula",
    "Lesson",
    "Woche",
    "Semaine",
)
_REQUIRED = (
    "Readings",
    "Reading",
    "Required reading",
    "Required",
    "Read",
    "Core",
    "Papers",
    "To read",
    "Please read",
    "Reading for today",
    "Assigned readings",
    "Lecturas obligatorias",
    "Literatur",
    "Lectures obligatoires",
    "Leitura obrigatória",
    "Before class",
    "Main reading",
    "Textos",
)
_MORE = (
    "Optional",
    "Optional reading",
    "Further reading",
    "Recommended",
    "Recommended readings",
    "Extra",
    "Additional resources",
    "Supplementary",
    "Background",
    "Suggested reading",
    "Other reading",
    "Lecturas complementarias",
    "Pour aller plus loin",
    "Weiterführende Literatur",
    "More",
    "Bibliografia complementar",
    "Recommended 1",
    "Bonus",
    "See also",
    "If you want more",
)
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday".split()
_VENUES = (
    "Journal of Applied Studies",
    "Proceedings of the Annual Meeting",
    "American Review",
    "Science",
    "Oxford University Press",
    "Cambridge: MIT Press",
    "Routledge",
    "Quarterly Journal",
    "ACM CHI",
    "The New York Times",
    "Nature",
    "PNAS",
    "Annual Review",
    "NeurIPS",
    "Revista de Estudios",
)
_WORK = (
    "Homework {n} due",
    "HW{n} out",
    "Quiz {n}",
    "Project proposal due",
    "Lab {n}: first steps",
    "Response paper {n} due",
    "[Slides](slides/{n}.pdf)",
    "[Lecture notes](notes{n}.html)",
    "Midterm",
    "Guest lecture",
    "[Recording](https://example.org/rec/{n})",
    "Assignment {n} due at 11:59pm",
    "In-class exercise",
    "Discussion leader: A. Student",
    "Problem set {n} posted",
    "Essay {n} due",
    "Presenters: Ann Lee, Bob Ray",
    "[Problem set {n}](ps{n}.pdf) due",
    "Discussion",
    "Film screening",
    "Group work",
)
_SLIDES = ("Slides", "Videos", "Lecture", "Recording", "Slides & video", "Handout", "Folien")
_PEOPLE = ("Presenter", "Speaker", "Lecturer", "Discussant", "Led by", "Students", "Referent")
_CONTENTS = ("Contents", "Overview", "Schedule at a glance", "Weekly topics", "Übersicht")
_BIBLIOGRAPHY = ("References", "Bibliography", "Works cited", "Literatur", "Bibliografía")
_NONE = (
    "No class",
    "No class (holiday)",
    "Spring break",
    "No meeting",
    "Thanksgiving: no class",
    "Reading week, no class",
)


@dataclass
class Style:
    """How a page is written."""

    rng: random.Random
    layout: str = "list"
    head: str = "heading"
    level: int = 2
    unit: str = "Week"
    head_format: int = 0
    entry_format: int = 0
    name_format: int = 0
    entry_marker: str = "-"
    label: str = "heading"
    required: str = "Readings"
    more: str = "Optional"
    more_mark: str = "label"
    date_format: int = 0
    notes: float = 0.0
    works: float = 0.0
    columns: list[str] = field(default_factory=list)


def draw(rng: random.Random) -> Style:
    """A style drawn by chance."""
    style = Style(rng)
    style.layout = rng.choice(["list"] * 6 + ["table"] * 3)
    style.head = rng.choice(["heading"] * 6 + ["bold"] * 3 + ["plain", "item", "item"])
    style.level = rng.choice([1, 2, 2, 3, 3, 4])
    style.unit = rng.choice(_UNITS)
    style.head_format = rng.randrange(13)
    style.entry_format = rng.randrange(34)
    style.name_format = rng.choice([0, 0, 0, 1, 1, 2, 3, 4])
    style.entry_marker = rng.choice(
        ["-"] * 7 + ["1."] * 2 + ["para"] * 3 + ["break"] * 2 + ["inline"]
    )
    style.label = rng.choice(
        ["heading", "bold", "line", "item", "inline", "inline", "none", "none"]
    )
    style.required = rng.choice(_REQUIRED)
    style.more = rng.choice(_MORE)
    style.more_mark = rng.choice(["label"] * 4 + ["suffix", "prefix"])
    style.date_format = rng.randrange(8)
    style.notes = rng.choice([0, 0, 0, 0.3, 0.9])
    style.works = rng.choice([0, 0.3, 0.8])
    columns = ["when", "topic", "readings"]
    if rng.random() < 0.5:
        columns.append("work")
    if rng.random() < 0.25:
        columns.append("more")
    if rng.random() < 0.3:
        columns.insert(0, "number")
    for name, share in (("slides", 0.35), ("people", 0.3)):
        if rng.random() < share:  # what stands beside the readings may look like one
            columns.insert(rng.randrange(1, len(columns) + 1), name)
    style.columns = columns
    return style


def _date(style: Style, n: int) -> str:
    day, month = 1 + (n * 7 + 3) % 28, (8 + (n * 7 + 3) // 28) % 12
    name = _DAYS[n % 5]
    m = _MONTHS[month]
    return (
        f"{m} {day}",
        f"{m[:3]} {day}",
        f"{month + 1}/{day}",
        f"{name}, {m} {day}",
        f"{day} {m[:3]}",
        f"2023-{month + 1:02}-{day:02}",
        f"{name[:3]} {month + 1}/{day:02}",
        f"{m[:3]}. {day}, 2021",
    )[style.date_format]


def _head(style: Style, n: int, title: str) -> tuple[str, dict[str, Any]]:
    date, unit = _date(style, n), style.unit
    numbered = {"number": n, "title": title, "date": None}
    dated = {"number": None, "title": title, "date": date}
    both = {"number": n, "title": title, "date": date}
    options: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"{unit} {n}: {title}", numbered),
        (f"{date}: {title}", dated),
        (f"{n}. {title}", numbered),
        (f"{unit} {n} ({date}): {title}", both),
        (f"{date} – {title}", dated),
        (f"{title}", dict(numbered, number=None)),
        (f"{title} ({date})", dated),
        (f"{unit} {n}. {title}", numbered),
        (f"{unit} {n} – {date} – {title}", both),
        (f"{date}\n{title}", dated),
        (f"{unit} {n}\n{title}", numbered),
        (f"{date}", dict(dated, title=date)),
        (f"{unit} {n} - {title}", numbered),
    )
    return options[style.head_format]


_BY_AUTHORS = 32
"""The entry format from which readings are called by their authors and year alone."""


def _entry(style: Style, reading: Entry, pool: Sequence[str]) -> str:
    rng = style.rng
    title, url = reading["title"].strip(), (reading.get("urls") or [None])[0]
    authors = [a for a in reading.get("authors") or [] if a]
    if not authors and style.entry_format not in (0, 1, 2) and rng.random() < 0.8:
        authors = [rng.choice(pool) for _ in range(rng.choice([1, 1, 2, 3]))]
        reading["authors"] = authors
    authors = [_name(name, style.name_format) for name in authors]
    by = ", ".join(authors) if len(authors) != 2 else " and ".join(authors)
    volume = rng.randrange(40)
    year, venue = rng.randrange(1970, 2025), rng.choice(_VENUES)
    linked = f"[{title}]({url})" if url else title
    pdf = (
        f" [{rng.choice(['pdf', 'link', 'PDF', 'paper', 'here', 'DOI', 'online'])}]({url})"
        if url
        else ""
    )
    if not by:
        return rng.choice([linked, f"{title}{pdf}", f"“{title}”{pdf}", f"*{title}*{pdf}", linked])
    if style.entry_format >= _BY_AUTHORS:
        linked, title = _named_by_authors(reading, year, url)
        reading["title"] = title
        return linked if style.entry_format == _BY_AUTHORS else title
    pages = f"{rng.randrange(1, 90)}-{rng.randrange(91, 300)}"
    bare = f" {url}" if url else ""
    return (
        linked,
        f"{title}{pdf}",
        f"*{title}*{pdf}",
        f"{by}, “{title}”{pdf}",
        f"{by} ({year}). {title}. *{venue}*.{bare}",
        f"{by}. {linked}. {venue}, {year}.",
        f"{linked}, {by}",
        f"{linked} ({by}, {year})",
        f"{by}, *{title}*, {pages}.{pdf}",
        f"{by} ({year}). {linked}. *{venue}* {rng.randrange(60)}, {pages}.",
        f"{title}. {by}. {venue} {year}.{pdf}",
        f"**{title}**, {by}{pdf}",
        f"{by}: {linked}",
        f"{by}. {year}. “{title}.” *{venue}* {volume}({rng.randrange(1, 5)}): {pages}.{pdf}",
        f"“{title}” by {by}{pdf}",
        f"{title}<br>{by}, {venue} ({year})<br>Read pages {pages}." + (f"<br>{url}" if url else ""),
        f"{title} - {by}{pdf}",
        f'{by}, "{title}," in *{venue}*, pp. {pages}{pdf}',
        f"{by} {year}, {linked}",
        f"{linked} [{venue} {year}]",
        f"{by}, ‘{title}’{pdf}",
        f'{by}, "[{title}]({url})"' if url else f'{by}, "{title}"',
        f"{by} ({year}). “{title}”. In: *{venue}* {volume}.{volume}, pp. {pages}.{bare}",
        f"{by} ({_MONTHS[volume % 12][:3]}. {year}). {title}. {venue} Ch. {1 + volume % 9}",
        f"{by} ({year}), “{title}”, {venue}, Chapters {1 + volume % 5}-{7 + volume % 5}{pdf}",
        f"{by}. ({year}) {linked}",
        f"{by}, {year}, {title}, {venue}, {pages} p.",
        f"{by} {year}. {title}. {venue} {volume}: {pages}",
        f"{linked}. {by}, {year}.",
        f"{title} ({by}){pdf}",
        f"{title}<br>{by}, {volume} {venue} {volume * 31} ({year})<br>Read all.",
        f"{linked}<br>{by}, {venue} ({year})",
    )[style.entry_format]


def _named_by_authors(reading: Entry, year: int, url: str | None) -> tuple[str, ...]:
    """A reading that a page calls by its authors and year alone, linked and not, if so drawn."""
    names = [_name(name, 2) for name in reading["authors"]]
    by = " & ".join(names) if len(names) < 3 else f"{names[0]} et al."
    title = f"{by} ({year})"
    return (f"[{title}]({url})" if url else title, title)


def _name(name: str, form: int) -> str:
    """A name in one of the forms of bibliographies."""
    *first, last = name.replace(",", " ").split() or [name]
    if not first or "et al" in name:
        return name
    initials = " ".join(f"{word[0]}." for word in first)
    return (
        name,
        f"{last}, {initials}",
        last,
        f"{last.upper()}, {' '.join(first)}",
        f"{initials} {last}",
    )[form]


def write_page(
    sessions: Sequence[dict[str, Any]],
    noise: Sequence[str],
    pool: Sequence[str],
    rng: random.Random,
) -> tuple[str, list[dict[str, Any]]]:
    """A page in a style drawn by chance, and its key."""
    style = draw(rng)
    lines = [
        f"# {rng.choice(['Schedule', 'Course syllabus', 'Readings', 'Seminar', 'Programa'])}",
        "",
    ]
    for text in rng.sample(list(noise), min(len(noise), rng.randrange(0, 12))):
        lines += [rng.choice(["", "", "- ", "## "])[: 2 if len(text) > 80 else 3] + text, ""]
    key: list[dict[str, Any]] = []
    table: list[list[str]] = []
    heads: list[str] = []
    number, begin = 0, len(lines)
    for session in sessions:
        number += 1
        title = session.get("title") or "Introduction"
        if title == "general" or len(title) > 120:
            title = "Introduction"
        readings = [
            dict(r, alt_titles=[], authors=list(r.get("authors") or []))
            for r in session["readings"]
            if r.get("title")
        ]
        head, named = _head(style, number, title)
        entries = {
            kind: [r for r in readings if r["section"] == kind] for kind in ("required", "more")
        }
        key.append(dict(named, readings=[*entries["required"], *entries["more"]]))
        written = {kind: [_entry(style, r, pool) for r in own] for kind, own in entries.items()}
        if style.layout == "table":
            table.append(_row(style, number, title, written, pool))
            key[-1]["date"] = _date(style, number)
        else:
            lines += _session(style, number, head, written, noise)
            heads.append(" ".join(head.split("\n")))
        if rng.random() < 0.05:
            number += 1
            key.append(dict(_head(style, number, rng.choice(_NONE))[1], readings=[]))
            if style.layout == "table":
                none: dict[str, list[str]] = {"required": [], "more": []}
                table.append(_row(style, number, key[-1]["title"], none, pool))
                key[-1]["date"] = _date(style, number)
            else:
                lines += _session(
                    style,
                    number,
                    _head(style, number, key[-1]["title"])[0],
                    {"required": [], "more": []},
                    noise,
                )
    if table:
        names = {
            "when": "Date",
            "topic": "Topic",
            "readings": style.required,
            "work": "Due",
            "more": style.more,
            "number": style.unit,
            "slides": rng.choice(_SLIDES),
            "people": rng.choice(_PEOPLE),
        }
        if rng.random() < 0.2:
            names = dict.fromkeys(names, " ")
        lines += [
            "| " + " | ".join(names[c] for c in style.columns) + " |",
            "|" + "---|" * len(style.columns),
        ]
        lines += ["| " + " | ".join(row) + " |" for row in table]
    if heads and rng.random() < 0.15:
        lines[begin:begin] = [f"## {rng.choice(_CONTENTS)}", "", *(f"- {h}" for h in heads), ""]
    if not table and rng.random() < 0.15:
        lines += _bibliography(style, [r for session in key for r in session["readings"]])
    return "\n".join(lines), key


def _bibliography(style: Style, readings: Sequence[Entry]) -> list[str]:
    """All readings once more, in the order of their authors: no readings of any session."""
    rng = style.rng
    form, bullet = rng.choice([1, 3]), rng.choice(["", "", "- "])
    entries = []
    for reading in readings:
        by = " and ".join(_name(name, form) for name in reading["authors"] if name)
        year, venue = rng.randrange(1970, 2025), rng.choice(_VENUES)
        entries.append(f"{by or reading['title']} ({year}). “{reading['title']}”. {venue}.")
    head = rng.choice([f"## {rng.choice(_BIBLIOGRAPHY)}", f"**{rng.choice(_BIBLIOGRAPHY)}**"])
    return [head, "", *(line for entry in sorted(entries) for line in (bullet + entry, ""))]


def _row(
    style: Style, n: int, title: str, written: dict[str, list[str]], pool: Sequence[str]
) -> list[str]:
    join = style.rng.choice(["<br>", "<br>", "<br>- ", "; "])
    own = list(written["required"])
    if "more" not in style.columns:
        own += [
            f"(optional) {e}" if style.more_mark == "prefix" else f"{style.more}: {e}"
            for e in written["more"]
        ]
    rng = style.rng
    shown = rng.choice([title, title, f"{title} (part {n})", "Slides", f"Lecture {n}"])
    people = [rng.choice(pool) for _ in range(rng.choice([1, 1, 2]))] if pool else []
    cells = {
        "slides": f"[{shown}](slides/{n}.pdf)" if rng.random() < 0.8 else "",
        "people": ", ".join(people),
        "when": _date(style, n),
        "number": str(n),
        "topic": title,
        "readings": join.join(own),
        "more": join.join(written["more"]),
        "work": style.rng.choice(_WORK).format(n=n) if style.rng.random() < 0.5 else "",
    }
    return [cells[c].replace("|", "/") for c in style.columns]


def _session(
    style: Style, n: int, head: str, written: dict[str, list[str]], noise: Sequence[str]
) -> list[str]:
    rng = style.rng
    first, *rest = head.split("\n")
    lines: list[str] = []
    nested = style.head == "item"
    if style.head == "heading":
        lines += ["#" * style.level + " " + first, ""]
        lines += (
            ["#" * min(6, style.level + 1) + " " + r for r in rest] if rng.random() < 0.5 else rest
        )
    elif style.head == "bold":
        lines += [f"**{first}**", "", *rest]
    elif nested:
        lines += [f"- {' '.join([first, *rest])}"]
    else:
        lines += [first, "", *rest]
    if not nested:
        lines.append("")
    if noise and rng.random() < style.notes and not nested:
        lines += [rng.choice(list(noise)), ""]
    extra = [rng.choice(_WORK).format(n=n) for _ in range(2) if rng.random() < style.works]
    indent = "    " if nested else ""
    bullet = style.entry_marker if style.entry_marker in {"-", "1."} else "-"
    if extra and rng.random() < 0.4:
        lines += [f"{indent}- {one}" for one in extra] + ([] if nested else [""])
        extra = []
    for kind, name in (("required", style.required), ("more", style.more)):
        own = written[kind]
        if not own:
            continue
        marked = kind == "more" and style.more_mark != "label"
        if marked:
            own = [
                f"{e} (optional)" if style.more_mark == "suffix" else f"Optional: {e}" for e in own
            ]
        lines += _listed(
            style,
            own,
            "" if marked or (kind == "required" and style.label == "none") else name,
            indent,
            bullet,
            nested,
        )
    if extra:
        lines += (
            [f"{indent}- {one}" for one in extra]
            if nested or rng.random() < 0.6
            else [x for one in extra for x in (one, "")]
        )
    return [*lines, ""]


def _listed(
    style: Style, own: list[str], name: str, indent: str, bullet: str, nested: bool
) -> list[str]:
    lines: list[str] = []
    marker = style.entry_marker
    if nested and marker in {"para", "break", "inline"}:
        marker = "-"
    if name:
        label = style.label if style.label != "none" else "bold"
        if nested or label == "item":
            lines.append(f"{indent}- {name}")
            indent += "    "
            marker = marker if marker in {"-", "1."} else "-"
        elif label == "heading":
            lines += ["#" * min(6, style.level + 1) + " " + name, ""]
        elif label == "bold":
            lines += [f"**{name}:**", ""]
        elif label == "line":
            lines += [f"{name}:", ""]
        elif label == "inline":
            own = [
                f"*{name}:* {own[0]}" if style.rng.random() < 0.3 else f"{name}: {own[0]}",
                *own[1:],
            ]
    if marker == "para":
        return [*lines, *(x for e in own for x in (e, ""))]
    if marker == "break":
        return [*lines, *(e + "  " for e in own), ""]
    if marker == "inline":
        return [*lines, style.rng.choice(["; ", " and ", ", "]).join(own) + ".", ""]
    return [*lines, *(f"{indent}{bullet} {e}" for e in own), *([] if nested else [""])]
