"""Whatever a page or a list of references holds, it is read or refused, and nothing is made up."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seminar_rag.errors import SourceError
from seminar_rag.syllabus.read import (
    session_from_post,
    syllabus_from_html,
    syllabus_from_markdown,
    syllabus_from_text,
)
from seminar_rag.syllabus.references import Reference, read_references
from seminar_rag.syllabus.toml import read_toml
from seminar_rag.types import Syllabus

CITED = {"key": Reference("key", "Harbours that remember", ("Ngozi Okafor",), "2014")}
PIECES = st.sampled_from(
    [
        *("Week 1: Tides", "Sep 12", "# Readings\n", "## Week 2\n", "Optional:", "\n", "\n\n"),
        *("- ", "1. ", "> ", "| a | b |\n|---|---|\n", "| ", " |\n", "**", "*", "`", "```\n"),
        *("Okafor, N. (2014). ", "Harbours that remember. ", "“A lighthouse”", "@key", "[@key]"),
        *("- [Ropes](https://a.b/c.pdf)\n", "https://a.b/(c", "arXiv:2101.00042", "&#x110000;"),
        *("---\n", "title: 2020-99-99\n", "a: &a [*a]\n", "{% x %}", "<!-- more -->", "\u200b"),
        *("<h2>Week 3</h2>", "<ul><li>", "</li></ul>", "<a href='x'>Knots</a>", "<table><tr>"),
        *("<td rowspan=9>", "</td></tr></table>", "<b>", "</b>", "<br>", "<p hidden>", "<"),
        *("  ", "&amp;", "\\", "é", "\0", "\ud800"),
    ]
) | st.text(max_size=8)  # fmt: skip
FORMS: dict[str, Callable[[str], Syllabus]] = {
    "text": lambda page: syllabus_from_text(page, "page.txt"),
    "Markdown": lambda page: syllabus_from_markdown(page, "page.md", CITED),
    "HTML": lambda page: syllabus_from_html(page, "page.html"),
    "post": lambda page: Syllabus(None, (session_from_post(page, "post.md", 1),)),
}


def made_up(said: str | None, page: str) -> set[str]:
    """The words of a text that do not stand on the page, nor in what is cited there."""
    there = f"{page} {html.unescape(page)} {CITED['key']}".casefold()
    return {word for word in re.findall(r"\w+", (said or "").casefold()) if word not in there}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@given(st.lists(PIECES, max_size=14).map("".join))
@settings(max_examples=40)
def test_any_page_is_read_and_its_readings_stand_on_it(form: str, page: str) -> None:
    syllabus = FORMS[form](page)
    for session in syllabus.sessions:
        for reading in session.readings:
            assert reading.title or reading.urls
            assert not made_up(reading.title, page)
            assert not made_up(reading.authors, page)
            for block in reading.blocks if form == "text" else ():
                for char, place in zip(block.text, block.offsets or (), strict=True):
                    assert char == page[place] or char.isspace()


ENTRIES = st.lists(
    st.sampled_from(
        [
            *("@article{", "@string{a = ", "@comment{", "k, ", "title = ", "author = ", "year = "),
            *("{", "}", '"', "#", ",", " and ", "\n", "\\'{o}", "\\", "Tides", "{H}arbours", "%"),
            *("TY  - JOUR\n", "TI  - ", "AU  - ", "KW  - Week 1\n", "ER  -\n", "UR  - ", "PY  - "),
            *("[", "]", '{"title": ', '"a"', ":", "null", "1e999", "\ufeff", "\0", "é"),
        ]
    ),
    max_size=20,
).map("".join)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
DATES = VALUES | VALUES.map(lambda value: {"date-parts": value})
OPTIONAL = dict.fromkeys(("id", "author", "keyword", "URL", "DOI", "abstract"), VALUES)
ITEMS = st.lists(
    st.fixed_dictionaries({"title": st.just("Tides")}, optional={**OPTIONAL, "issued": DATES}),
    max_size=3,
).map(json.dumps)


@pytest.mark.slow
@given(st.sampled_from(["a.bib", "a.ris", "a.json"]), ENTRIES | ITEMS | st.text(max_size=20))
@settings(max_examples=300)
def test_any_list_of_references_is_read_or_refused_by_name(name: str, text: str) -> None:
    try:
        syllabus = read_references(Path(name), text)
    except SourceError as error:
        said = str(error)
    else:
        assert all(reading.title for one in syllabus.sessions for reading in one.readings)
        return
    assert said.startswith(name)
    assert "\n" not in said


@pytest.mark.parametrize("name", ["a.bib", "a.ris", "a.json", "readings.toml"])
@pytest.mark.parametrize(
    ("before", "opened"),
    [("", "["), ("", "{"), ("", '{"a":'), ("a=", "["), ("a=", "{a="), ("", "@a{k, title={")],
)
def test_a_list_that_opens_without_end_is_refused(name: str, before: str, opened: str) -> None:
    read = read_toml if name.endswith("toml") else lambda text, path: read_references(path, text)
    with pytest.raises(SourceError, match=name):
        read(before + opened * 20_000, Path(name))


def test_front_matter_that_unfolds_without_end_says_nothing() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for a, b in pairwise("abcdefghi"):
        lines.append(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]")
    page = "\n".join(["---", *lines, "title: *i", "tags: *i", "---", "# Tides\n"])
    session = session_from_post(page, "post.md", 1)
    assert (session.title, session.tags) == ("Tides", ())
