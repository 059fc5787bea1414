"""Whether a text is a list of persons, such as the authors of a work, which answers only who."""

from __future__ import annotations

import re

from seminar_rag.index.lexical import is_english

_FIRST = r"(?:and |& )?[A-ZÀ-Þ][a-zß-ÿ’'][^\W\d_’'-]*+(?:[’'-][^\W\d_]++)*+"
_FURTHER = r"(?:[A-ZÀ-Þ][\wÀ-ÿ.’'-]*+|de|van|von|der|la|da|di|le|al|bin)"
_PERSON = re.compile(rf"{_FIRST}(?P<more>(?: {_FURTHER}){{1,3}})")
_INITIALS = re.compile(r"(?:^|\s)[A-Z]{1,3}(?:\.|\b)(?![a-z])")
_SAID = re.compile(r"(?<![^\s(])(?!and\b)[a-z]{3,}")
"""A word that is in no list of names."""
_MARKED = re.compile(r"[\d∗*†‡§¶♠♢♡♣]+")
"""What tells in a list of authors where each of them works."""
_PERSONS, _WORDS = 0.75, 0.75
"""Share of the pieces between commas from which on a text lists persons, and of English words from
which on, where few have initials, they are no names but a list in capitals. Of 11,971 quotations of
a course and of papers, on which this was written, 75 are taken for such lists: all of them are
authors or references. Of 32,774 other sentences, mostly of web pages, 71 were, eight of which said
something of persons in small letters. None of the 61 left is a sentence."""


def lists_persons(text: str) -> bool:
    """Whether a text is a list of persons, such as of the authors of a work.

    Names of cities or of models have the form of persons: "Mistral Large, Claude Opus" is taken for
    two. Asking fewer than four for an initial or a mark would let through three of the 75.
    """
    pieces = [one.strip(" .:") for one in re.split("[,;]", _MARKED.sub("", text))]
    pieces = [one for one in pieces if one]
    found = [one for one in map(_PERSON.fullmatch, pieces) if one]
    if len(pieces) < 2 or len(found) < _PERSONS * len(pieces):
        return False
    if 2 * sum(bool(_INITIALS.search(one["more"])) for one in found) >= len(found):
        return True
    if any(map(_SAID.search, set(pieces) - {one[0] for one in found})):
        return False
    long: list[str] = re.findall(r"[^\W\d_]{3,}", text)
    return sum(map(is_english, long)) < _WORDS * len(long)
