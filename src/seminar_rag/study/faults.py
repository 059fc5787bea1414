"""Checks an item against its reading as it is now. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from seminar_rag.answer.candidates import tidy
from seminar_rag.types import Passage
from seminar_rag.types.study import GAP, Item

OPTIONS = 4
"""Of a question of multiple choice."""
_ELSEWHERE = frozenset({"claim", "summary"})
"""The kinds whose answer does not stand in the sentence: a title, and what the check has found that
the sentence supports."""
_PARTS = {"list": re.compile("; "), "asked": re.compile(r",\s++(?:and\s++)?")}
"""Where an answer that counts things up is parted, by kind: a language model leaves out the words
between them."""


def fault(item: Item, passages: Mapping[str, Sequence[Passage]]) -> str:
    """What is wrong with an item, in words; "" where it holds.

    Args:
        passages: document id → its passages as they are now.
    """
    quote = _folded(item.quote)
    if not any(quote in _folded(one.text) for one in passages.get(item.document, ())):
        return "its sentence is no longer in the reading"
    parts = _PARTS[item.kind].split(item.answer) if item.kind in _PARTS else [item.answer]
    if item.kind not in _ELSEWHERE and not all(_stands_in(tidy(one), tidy(quote)) for one in parts):
        return "its answer does not stand in its sentence"
    if item.kind == "claim" and item.answer != item.title:
        return "its answer is not the reading of its sentence"
    wrong = [one for one in item.options if one != item.answer]
    if item.options and (item.answer not in item.options or len(set(item.options)) != OPTIONS):
        return "its options are not four different ones"
    if item.kind != "claim" and any(_stands_in(one, item.quote) for one in wrong):
        return "a wrong option stands in its sentence"
    if item.kind == "number" and any(_same(one, item.answer) for one in wrong):
        return "a wrong option is the same number"
    asked = item.question.replace(GAP, " ")
    if item.kind not in _ELSEWHERE and any(_stands_in(one, asked) for one in parts):
        return "its question tells the answer"
    return ""


def _same(one: str, other: str) -> bool:
    def digits(text: str) -> str:
        return re.sub(r"[^\d.]", "", text).strip(".")

    return digits(one) == digits(other)


def _stands_in(text: str, sentence: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(_folded(text))}(?!\w)", _folded(sentence)) is not None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
