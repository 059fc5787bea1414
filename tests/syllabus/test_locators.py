"""A title has with it what says of which book it is, or which of its chapters."""

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


@pytest.mark.parametrize(
    ("line", "title", "whole"),
    [
        ("Cold Engines (chapter 1) by I. Nagy", "Cold Engines", "Cold Engines (chapter 1)"),
        ("[Heat Book](https://e.org/a) Chapters 8 & 11", "Heat Book", "Heat Book Chapters 8 & 11"),
        ("Nagy, *Cold Engines*, chs. 3, 6.", "Cold Engines", "Cold Engines, chs. 3, 6"),
        ("M. Rey, La calle (caps. 5 y 6)", "La calle", "La calle (caps. 5 y 6)"),
        ("Kalte Maschinen, Kap. II; anderes", "Kalte Maschinen", "Kalte Maschinen, Kap. II"),
        ("Heat, chapter 3, 2019", "Heat", "Heat, chapter 3"),
        ("Heat, chapter 3 in Essays on Work", "Heat", "Heat"),
        ("Cold Engines, Chapter 3: Steam", "Cold Engines", "Cold Engines"),
        ("Cold Engines. CHI 2017", "Cold Engines", "Cold Engines"),
        ("Cold Engines, pp. 20-41", "Cold Engines", "Cold Engines"),
    ],
)
def test_chapters_right_behind_a_title_belong_to_it(line: str, title: str, whole: str) -> None:
    assert _completed(line, title) == whole


def test_a_question_mark_ends_a_title() -> None:
    assert _completed("Hale, What is heat? 2012", "What is heat") == "What is heat?"
