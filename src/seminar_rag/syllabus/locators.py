"""Titles and the chapters beside them: "Causation and Search (chapter 1)", "ELP, Chapter 7".

A course reads one book in many sessions: its title alone does not say what to read, and a chapter's
number alone does not say of what. So where both stand side by side, both are the title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.syllabus.features import WORDS
from seminar_rag.syllabus.spans import Run, Span, trimmed

_AND = r"(?:\s?(?:--|[-–—,&]|(?:and|to|und|bis|et|à|y|e|en|и)\b)\s?){1,2}+"
_NUMBER = r"(?:\d{1,4}(?:\.\d{1,3}){0,3}(?!\d)|[IVXLC]{1,6}\b)"
_ONLY_NUMBERS = re.compile(rf"\.?\s{{0,2}}{_NUMBER}(?:{_AND}{_NUMBER}){{0,12}}+")
_SHORT = r"(?:\d{1,2}(?:\.\d{1,3}){0,3}(?!\d)|[IVXLC]{1,6}\b)"
_CHAPTERS = (
    r"(?i:ch(?:ap(?:ter|itre)?)?s?|cap(?:[íi]tulo|itolo)?s?|capitoli|kap(?:itel)?|hoofdstuk(?:ken)?"
    r"|глав[аы]|гл|κεφ(?:άλαι[οα])?)(?:\.\s{0,2}|\s{1,2})"
    rf"{_SHORT}(?:{_AND}{_SHORT}){{0,12}}+"
)
_FOLLOWING = re.compile(
    rf"\s{{0,3}}[(\[]{_CHAPTERS}[)\]]"
    rf"|(?:\s{{0,3}},\s{{0,3}}|\s{{1,3}}){_CHAPTERS}(?![\w:]|\s{{0,3}}(?:of|in|from|de|von|aus|da|do)\b)"
)
_MOST_BEFORE = 80


def completed(runs: Sequence[Run], title: Span) -> Span:
    """A title with what stands beside it and is part of it.

    That is the book, before a comma, where the title only says which of its chapters or pages; or
    the chapters that directly follow the book's name; and the question mark that ends a title.
    """
    run = runs[title.run]
    text = run.item.text
    start, end = title.start, title.end
    if _is_place(title.text):
        starts = [piece.start - run.pieces[0].start for piece in run.pieces]
        begin = max((at for at in starts if at <= start), default=0)
        if text[begin:start].rstrip().endswith(",") and start - begin <= _MOST_BEFORE:
            start = trimmed(text, begin, end)[0]
    elif text[end : end + 1] in {"?", "!"}:
        end += 1
    elif chapters := _FOLLOWING.match(text, end):
        end = chapters.end()
    return Span(title.run, start, end, text[start:end])


def _is_place(title: str) -> bool:
    """Whether a title only says where to read in a book: "Ch. 3 & 4", "pp. 20-41"."""
    place = WORDS["chapter"].match(title)
    return place is not None and _ONLY_NUMBERS.fullmatch(title, place.end()) is not None
