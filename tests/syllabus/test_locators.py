"""A title has with it what says of which book it is."""

from __future__ import annotations

import pytest

from seminar_rag.syllabus.locators import completed
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.pieces import page_pieces
from seminar_rag.syllabus.spans import Span, runs_of


def _completed(line: str, title: str) -> str:
    runs = runs_of(page_pieces(markdown_items(f"- {line}"), "markdown"))
    at = runs[0].item.text.index(title)
    return completed(runs, Span(0, at, at + len(title), title)).text


@pytest.mark.parametrize(
    ("line", "title", "whole"),
    [
        ("ELP, Chapter 7.", "Chapter 7", "ELP, Chapter 7"),
        ("[ELP](https://e.org/a), chs. 3 & 4", "chs. 3 & 4", "ELP, chs. 3 & 4"),
        ("Hale & Moss 2012, pp. 20-41 (on Canvas)", "pp. 20-41", "Hale & Moss 2012, pp. 20-41"),
        ("Hale, Kapitel 3 und 9", "Kapitel 3 und 9", "Hale, Kapitel 3 und 9"),
        ("Hale, Chapter 3: Heat", "Chapter 3: Heat", "Chapter 3: Heat"),
        ("Reading: Chapter 3", "Chapter 3", "Chapter 3"),
        ("Bring what you wrote. Chapter 3", "Chapter 3", "Chapter 3"),
        (f"{'Bring it with you ' * 5}, Chapter 3", "Chapter 3", "Chapter 3"),
    ],
)
def test_where_to_read_is_no_title_without_the_book(line: str, title: str, whole: str) -> None:
    assert _completed(line, title) == whole


def test_a_question_mark_ends_a_title() -> None:
    assert _completed("Hale, What is heat? 2012", "What is heat") == "What is heat?"
