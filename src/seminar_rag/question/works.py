"""Kinds of works that a question names: "which videos do we watch?" asks for videos.

What kinds are called is looked up; what is asked of them is told as if it were asked of readings,
since that is worded alike ("which readings do we read?"). So no example has to name every kind. Of
47 requests worded before this was written 38 are told (.81 [.67, .90]; 8 of the first 30 of them
without it), and 28 of 30 look-alikes about content are left alone. It was chosen on these: with 60
lines of examples instead, 31 and 30 were right, and other requests were told worse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seminar_rag.types import WorkKind

_CALLED: Mapping[WorkKind, str] = {
    "video": r"videos?|films?|movies?|documentar(?:y|ies)",
    "podcast": r"podcasts?",
    "chapter": r"(?:book )?chapters?",
    "book": r"(?:text)?books?|monographs?|novels?",
    "article": r"blog ?posts?|(?:news|newspaper|magazine|blog) (?:articles?|stor(?:y|ies))",
    "web page": r"web ?(?:sites?|pages?)",
}
"""A plain "paper" or "article" may be any reading."""
_KIND = re.compile(
    rf"\b(?:{'|'.join(f'(?P<k{n}>{own})' for n, own in enumerate(_CALLED.values()))})\b", re.I
)
_DONE: Mapping[str, WorkKind] = {"watch": "video", "listen": "podcast"}
_DOES = re.compile(r"\b(?:watch(?:ing)?|listen(?:ing)?(?: to)?)\b", re.I)
"""What is done with works of a kind, where the kind is not named."""
_READING = re.compile(r"\breadings?\b", re.I)


@dataclass(frozen=True, slots=True)
class Named:
    """Kinds of works that a text names."""

    kinds: tuple[WorkKind, ...]
    as_readings: str
    """The text with "readings" for the works, and "read" for what is done with them."""


def named(text: str) -> Named:
    """The kinds that a text names; none of one that quotes, since a title may name any."""
    if re.search(r"[\"“”]", text):
        return Named((), text)
    names = tuple(_CALLED)
    found = [names[int(str(one.lastgroup)[1:])] for one in _KIND.finditer(text)]
    done = " ".join(one[0].lower() for one in _DOES.finditer(text))
    found = found or [kind for word, kind in _DONE.items() if word in done]
    put = _KIND.sub(lambda one: "readings" if one[0].lower().endswith("s") else "reading", text)
    return Named(tuple(dict.fromkeys(found)), _DOES.sub("read", put))


def is_kind(text: str) -> bool:
    """Whether a text only names a kind."""
    return _KIND.fullmatch(text) is not None


def says_reading(topic: str) -> bool:
    """Whether a work became a part of a request's topic: "videos" in "the use of videos"."""
    return bool(_READING.search(topic))
