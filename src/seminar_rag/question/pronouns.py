"""Words that stand for what was named before: "it", "its", "that one". Pure."""

from __future__ import annotations

import re

POINTS = re.compile(r"\b(?:it|its|they|their|them|this|that|these|those)\b", re.IGNORECASE)
"""A word that may stand for something, and may as well belong to what follows it."""
_ABLE = r"(?:an?|the|\w*(?:-\w+)?(?:ed|ing)|able|built|made|meant)\b"
"""What is said of the thing itself: "is it trained to", "is it a model that"."""
_TO = r"to\b(?!\s++(?:the\b|an?\b|other\b|(?-i:[A-Z])))"
_CLAUSE = (
    rf"(?:(?:(?!{_ABLE})[\w-]++\s++){{0,2}}?{_TO}"
    r"|(?:(?!(?:an?|the)\b)[\w-]++\s++){0,2}?that(?=\s++\w))"
)
_FOR_NOTHING = (
    rf"\b(?:is|was|be|makes?|made|finds?|found)\s++it\s++{_CLAUSE}"
    rf"|\bit(?:['’]s|\s++(?:is|was))\s++{_CLAUSE}"
    r"|\bit\s++(?:(?:seems?|appears?|turns?\s++out|follows?|happens?)\s++that|(?:takes?|took|costs?)"
    r"\s++(?:\w++\s++){0,2}?to)\b"
    r"|\bit(?:['’]s|\s++(?:is|was))?+\s++(?:rain|snow)(?:s|ed|ing)?\b"
)
"""Where "it" stands for nothing: "is it true that", "it is hard to", "does it take to"."""
_STANDS = re.compile(
    rf"(?P<nothing>(?i:{_FOR_NOTHING}))|\b(?:(?P<its>[Ii]ts)|(?P<it>[Ii]t|that one|this one)"
    r"|(?P<their>[Tt]heir)|(?P<they>[Tt]hey|(?<!of )them))\b"
)
_THIS = re.compile(
    r"\b(?:th(?:is|ese|ose)\b(?!\s++(?:course|class|seminar|module)\b)|that(?=\W*$)"
    r"|(?:do|does|did|can|could|will|would|should)\s++that\b|^(?:\w++\s++)?(?:is|was)\s++that\b)",
    re.IGNORECASE,
)


def in_place(text: str, named: str) -> str:
    """A text with what "it" stands for put in its place; "they" only stands for several."""
    return _STANDS.sub(lambda found: _in_words(found, named), text) if named else text


def points_back(text: str) -> bool:
    """Whether something in a text stands for what was named before it."""
    stands = any(found.lastgroup != "nothing" for found in _STANDS.finditer(text))
    return stands or _THIS.search(text) is not None


def _in_words(found: re.Match[str], named: str) -> str:
    kind = found.lastgroup
    if kind == "nothing" or (kind in ("they", "their") and not _several(named)):
        return found[0]
    if kind == "their" and named.endswith("s"):
        return f"{named}'"
    return f"{named}'s" if kind in ("its", "their") else named


def _several(named: str) -> bool:
    """Whether a name is one of several things, as English says it."""
    head = re.split(r"\s(?:of|in|for|on|with|from|by)\s", named)[0]
    return " and " in head or (head.endswith("s") and not head.endswith(("ss", "us", "is")))
