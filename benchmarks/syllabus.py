"""How exactly course pages are read: precision and recall per field against the answer keys.

    python benchmarks/syllabus.py [--shared ../shared]

Scores the three forms of the course page (text, Markdown posts, site) against
`../shared/gold/readings-*.json` and lists every miss. The keys' allowances are honoured: readings
that may be merged into a neighbour, second links that may be split off, other titles, optional
readings, and readings that must not be emitted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seminar_rag.syllabus.read import (
    read_syllabus,
    syllabus_from_html,
    syllabus_from_markdown,
    syllabus_from_text,
)
from seminar_rag.types.as_json import syllabus_json
from syllabus_styles import INVENTED, STYLES, Day, Style, Work, key_of

FORMS = {
    "text": ("course/lectures-by-date.txt", "gold/readings-text.json"),
    "markdown": ("course/posts", "gold/readings-markdown.json"),
    "site": ("course/site/LecturesByDate/index.html", "gold/readings-markdown.json"),
}
Table = Mapping[str, Any]


@dataclass
class Field:
    """Counts of one field: given and right, given and wrong, missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of what was given that is right; 1 when nothing was given."""
        given = self.right + self.wrong
        return self.right / given if given else 1.0

    @property
    def recall(self) -> float:
        """Share of what the key has that was given right; 1 when the key has nothing."""
        due = self.right + self.missed
        return self.right / due if due else 1.0

    def compare(self, given: Any, due: Any) -> bool:
        """Count one value against the key's; true when they agree."""
        if given == due:
            self.right += given is not None
            return True
        self.wrong += given is not None
        self.missed += due is not None
        return False


@dataclass
class Score:
    """The outcome of one form: counts per field, and every miss in words."""

    fields: dict[str, Field] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Field:
        return self.fields.setdefault(name, Field())

    def miss(self, session: int, what: str) -> None:
        """Note a miss."""
        self.misses.append(f"session {session}: {what}")


def plain(text: str | None) -> str | None:
    """Text for comparison: straight quotes, single spaces."""
    if text is None:
        return None
    straight = re.sub(r"[“”„]", '"', re.sub(r"[‘’‛]", "'", text))
    return " ".join(straight.split())


def score(sessions: Sequence[Table], key: Sequence[Table]) -> Score:
    """Compare sessions in the form of `syllabus_json` with an answer key."""
    result = Score()
    given = {session["number"]: session for session in sessions}
    for due in key:
        number = due["number"]
        session = given.pop(number, None)
        if session is None:
            result["sessions"].missed += 1
            result["readings"].missed += len(due["readings"])
            result.miss(number, "session not found")
            continue
        result["sessions"].right += 1
        if not result["session titles"].compare(plain(session["title"]), plain(due["title"])):
            result.miss(number, f"session title {session['title']!r}, key {due['title']!r}")
        tags = list(due["tags"])
        same = session["tags"] == tags or session["tags"] == " ".join(tags).split()
        if not result["tags"].compare(tuple(tags) if same else tuple(session["tags"]), tuple(tags)):
            result.miss(number, f"tags {session['tags']}, key {tags}")
        _score_session(result, number, session["readings"], due)
    for number, session in given.items():
        result["sessions"].wrong += 1
        result["readings"].wrong += len(session["readings"])
        result.miss(number, "session invented")
    return result


def _titles(entry: Table) -> set[str]:
    names = [entry["title"], *entry.get("alt_titles", [])]
    return {text.casefold() for name in names if (text := plain(name))}


def _find(entry: Table, free: Sequence[Table]) -> Table | None:
    """The reading that stands for an entry of the key: by title, else by link."""
    for reading in free:
        title = plain(reading["title"])
        if title is not None and title.casefold() in _titles(entry):
            return reading
    wanted = set(entry["urls"])
    for reading in free:
        if wanted & set(reading["urls"][:1]) and (
            entry["title"] is None or reading["title"] is None
        ):
            return reading
    return next((r for r in free if wanted and wanted <= set(r["urls"]) and _near(r, entry)), None)


def _near(reading: Table, entry: Table) -> bool:
    from rapidfuzz import fuzz

    title = plain(reading["title"]) or ""
    return any(fuzz.ratio(title.casefold(), name) > 70 for name in _titles(entry))


def _score_session(result: Score, number: int, readings: list[Table], due: Table) -> None:
    free = list(readings)
    pairs: list[tuple[Table, Table]] = []
    missing: list[Table] = []
    for entry in due["readings"]:
        found = _find(entry, free)
        if found is None:
            missing.append(entry)
        else:
            free = [reading for reading in free if reading is not found]
            pairs.append((entry, found))
    merged = _merged(missing, pairs)
    for entry in missing:
        if id(entry) in {id(e) for group in merged.values() for e in group}:
            result["readings"].right += 1
        else:
            result["readings"].missed += 1
            result["urls"].missed += len(entry["urls"])
            result.miss(number, f"reading not found: {entry['title'] or entry['urls']}")
    allowed = {url for entry in due["readings"] for url in entry.get("may_split", [])}
    optional = {plain(o["title"]) for o in due.get("optional", [])}
    split = [r for r in free if r["urls"] and set(r["urls"]) <= allowed]
    for reading in free:
        if reading not in split and plain(reading["title"]) not in optional:
            result["readings"].wrong += 1
            result.miss(number, f"invented: {reading['title']!r} {reading['urls']}")
    off = {url for reading in split for url in reading["urls"]}
    for entry, reading in pairs:
        result["readings"].right += 1
        extra = {url for e in merged.get(id(reading), []) for url in e["urls"]}
        _score_fields(result, number, entry, reading, off, extra)


def _merged(
    missing: Iterable[Table], pairs: Sequence[tuple[Table, Table]]
) -> dict[int, list[Table]]:
    """Entries of the key that were kept with the neighbour the key allows, by reading."""
    found: dict[int, list[Table]] = {}
    for entry in missing:
        target = plain(entry.get("may_merge_into"))
        for other, reading in pairs:
            if (
                target
                and plain(other["title"]) == target
                and set(entry["urls"]) <= set(reading["urls"])
            ):
                found.setdefault(id(reading), []).append(entry)
    return found


def _score_fields(
    result: Score, number: int, entry: Table, reading: Table, off: set[str], extra: set[str]
) -> None:
    name = entry["title"] or entry["urls"]
    title = plain(reading["title"])
    known = _titles(entry)
    right = (title is None and entry["title"] is None) or (title or "").casefold() in known
    if not result["titles"].compare(
        plain(entry["title"]) if right else title, plain(entry["title"])
    ):
        result.miss(number, f"title {reading['title']!r}, key {name!r}")
    wanted = [url for url in entry["urls"] if url not in off]
    given = [url for url in reading["urls"] if url in wanted or url not in extra]
    for url in wanted:
        result["urls"].right += url in given
        result["urls"].missed += url not in given
    result["urls"].wrong += len([url for url in given if url not in wanted])
    if given != wanted:
        result.miss(number, f"urls {given}, key {wanted} ({name})")
    for field_name, given_value, due_value in (
        ("sections", reading["section"], entry["section"]),
        ("arxiv ids", reading["arxiv_id"], entry["arxiv_id"]),
        ("authors", plain(reading["authors"]), plain(entry["authors"])),
    ):
        if not result[field_name].compare(given_value, due_value):
            result.miss(number, f"{field_name} {given_value!r}, key {due_value!r} ({name})")
    if entry["abstract_kind"] in {"abstract", None}:
        has, due_has = reading["abstract"] is not None, entry["has_abstract"]
        if not result["abstracts"].compare(has or None, due_has or None):
            result.miss(number, f"abstract {has}, key {due_has} ({name}): {reading['abstract']}")


def score_form(form: str, shared: Path) -> Score:
    """Read one form of the course page and score it."""
    source, key = FORMS[form]
    syllabus = syllabus_json(read_syllabus(shared / source))
    return score(syllabus["sessions"], json.loads((shared / key).read_text(encoding="utf-8")))


def real_days(shared: Path) -> tuple[Day, ...]:
    """The sessions of the shared course, as its posts give them, for the styles."""
    source, key = FORMS["markdown"]
    read = syllabus_json(read_syllabus(shared / source))["sessions"]
    due = json.loads((shared / key).read_text(encoding="utf-8"))
    return tuple(
        Day(
            session["number"],
            session["title"],
            tuple(
                Work(r["title"], tuple(r["urls"]), r["section"], r["authors"], r["abstract"])
                for r in session["readings"]
                if r["title"] or r["urls"]
            ),
        )
        for session, _ in zip(read, due, strict=True)
    )


def score_style(style: Style, days: Sequence[Day]) -> Score:
    """Write a course in a style, read it and score what comes back."""
    page = style.page(days)
    if style.form == "folder":
        with tempfile.TemporaryDirectory() as folder:
            for name, text in page.pages.items():
                Path(folder, name).write_text(text, encoding="utf-8")
            syllabus = read_syllabus(Path(folder))
    elif style.form == "html":
        linked = {url: (f"{url.strip('/')}.html", text) for url, text in page.pages.items()}
        syllabus = syllabus_from_html(page.text, "index.html", linked.get)
    elif style.form == "markdown":
        syllabus = syllabus_from_markdown(page.text, "README.md")
    else:
        syllabus = syllabus_from_text(page.text, "page.txt")
    return score(syllabus_json(syllabus)["sessions"], key_of(style.due(days)))


def print_styles(courses: Mapping[str, Sequence[Day]], only: str | None) -> None:
    """A line for each style and course: precision and recall of readings, then other fields."""
    fields = ("readings", "titles", "urls", "sections", "session titles", "authors", "abstracts")
    print(f"{'style':45}{'course':10}" + "".join(f"{name:>16}" for name in fields))
    for style in STYLES.values():
        if only and only not in style.name:
            continue
        for course, days in courses.items():
            result = score_style(style, days)
            cells = (result[name] for name in fields)
            shown = "".join(f"{c.precision:9.1%}{c.recall:7.1%}" for c in cells)
            print(f"{style.name:45}{course:10}{shown}  {len(result.misses)} misses")
            for line in result.misses if only else ():
                print(f"  {line[:300]}")


def main() -> int:
    """Print the table and the misses; 1 when the shared course is absent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[1] / "../shared")
    parser.add_argument("--styles", action="store_true", help="measure courses in other styles")
    parser.add_argument("--only", help="only styles whose name has these words, with every miss")
    options = parser.parse_args()
    shared = options.shared
    if options.styles:
        courses = {"invented": INVENTED}
        if shared.is_dir():
            courses["real"] = real_days(shared)
        print_styles(courses, options.only)
        return 0
    if not shared.is_dir():
        print(f"{shared} is not there; give the folder of the shared course with --shared")
        return 1
    scores = {form: score_form(form, shared) for form in FORMS}
    print(f"{'field':16}" + "".join(f"{form + ' P':>13}{form + ' R':>13}" for form in FORMS))
    for name in next(iter(scores.values())).fields:
        cells = [scores[form][name] for form in FORMS]
        print(f"{name:16}" + "".join(f"{c.precision:13.1%}{c.recall:13.1%}" for c in cells))
    for form, result in scores.items():
        print(f"\n{form}: {len(result.misses)} misses")
        for line in result.misses:
            print(f"  {line[:400]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
