"""One course in many styles of page, and the marks that open sessions."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from seminar_rag.ingest.syllabus import read_syllabus
from seminar_rag.ingest.syllabus_marks import is_date, mark_of, title_of

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared"


def load_benchmark() -> ModuleType:
    if (folder := str(ROOT / "benchmarks")) not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location("bench_styles", ROOT / "benchmarks/syllabus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = load_benchmark()


@pytest.fixture(scope="module")
def real_course() -> object:
    return bench.real_days(SHARED)


@pytest.mark.parametrize("style", bench.STYLES)
def test_every_style_is_read(style: str) -> None:
    result = bench.score_style(bench.STYLES[style], bench.INVENTED)
    assert result.misses == []
    assert result["readings"].right > 0


@pytest.mark.skipif(not (SHARED / "gold").is_dir(), reason="the shared course is not here")
@pytest.mark.parametrize("style", bench.STYLES)
def test_the_real_course_is_read_in_every_style(style: str, real_course: object) -> None:
    result = bench.score_style(bench.STYLES[style], real_course)
    assert result.misses == []
    assert result["readings"].right > 130


PAGES = Path(__file__).parent / "pages"
KEYS = json.loads((PAGES / "keys.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", KEYS)
def test_whole_pages_are_read(name: str) -> None:
    """Pages as universities write them, with staff, rules, slides and homework around the list."""
    syllabus = read_syllabus(PAGES / name)
    sessions = [
        {
            "number": session.number,
            "title": session.title,
            "readings": [
                [r.section, r.title, " ".join(r.urls), r.authors, r.abstract is not None]
                for r in session.readings
            ],
        }
        for session in syllabus.sessions
    ]
    assert {"title": syllabus.title, "sessions": sessions} == KEYS[name]


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
