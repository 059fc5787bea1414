"""Whether a line of a document is readable prose, or debris: a piece of a list of references, a
line of authors or of a title page, a row of a table that lost its columns. Pure.

A logistic regression over the shapes of a line's words tells them: which small words it has, where
capitals, initials, years, numbers and stops stand. It knows no other word, so it does not learn a
field. `benchmarks/readable.py` fits it and says how well it does; the weights lie beside this
module.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

from seminar_rag.text import FUNCTION_WORDS

_TOKEN = re.compile(r"[^\W\d_]++(?:['’-][^\W\d_]++)*+|\d++|[^\w\s]")
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d")
_OTHERS = frozenset("al arxiv doi ed eds et http https in j pp proc vol www".split())
"""Words of lists of references that are named, beside the small words of every text."""
_NO_SMALL_LETTER = re.compile(r"[A-Z\d]")
_LONGEST = 400
"""Characters of a line that are looked at."""


_NEAR = 2
"""Sentences on either side that say whether one is prose, at most."""
_ENTRIES = 3
"""Sentences that are no prose, at least, in a passage that is none as a whole."""
_SURE = 3.0
"""What each of them says at most, so that a line of authors makes no debris of what is below it."""


def shapes(text: str) -> list[str]:
    """The shapes of a line's words and pairs of neighbouring ones, and what its words are mostly
    like, in eighths."""
    line = text[:_LONGEST]
    words = _TOKEN.findall(line)
    own = ["<", *map(_shape, words), ">"]
    count = max(1, sum(word[0].isalnum() for word in words))
    small = sum(one.islower() and len(one) > 1 for one in own)
    capital = sum(one[:1] == "X" for one in own)
    figures = sum(one[:1] == "#" for one in own)
    shares = [
        f"{name}={round(8 * number / count)}"
        for name, number in (("words", small), ("capitals", capital), ("figures", figures))
    ]
    marks = sum(not word[0].isalnum() for word in words)
    length = min(5, int(math.log2(count + 1)))
    like = [*shares, f"marks={marks * 8 // count}", f"long={length}"]
    return [*own, *map(" ".join, pairwise(own)), *like]


def _shape(word: str) -> str:
    low = word.lower()
    if word.isdigit():
        return "#year" if _YEAR.fullmatch(word) else f"#{min(4, len(word))}"
    if not word[0].isalpha():
        return word
    if low in FUNCTION_WORDS or low in _OTHERS:
        return low if word.islower() else f"^{low}"
    if word.isupper():
        return f"XX{min(4, len(word))}"
    if word[0].isupper():
        return "Xx"
    return "xed" if low.endswith(("ed", "ing", "s")) else "xx"


def evidence(text: str) -> float:
    """The logarithm of the odds that a line is prose; never against words in small letters alone,
    such as an item of a list."""
    weights, bias = _weights()
    known = [weights[one] for one in set(shapes(text)) if one in weights]
    odds = bias + sum(known) / math.sqrt(len(known) or 1)
    return odds if _NO_SMALL_LETTER.search(text, 1) else max(0.0, odds)


def prose(texts: Sequence[str]) -> list[float]:
    """The logarithm of the odds that each of the sentences of a passage is prose; of a passage that
    is a piece of a list of references none is."""
    own = [evidence(text) for text in texts]
    if sum(own) < 0 and sum(value < 0 for value in own) >= _ENTRIES:
        return [-_SURE] * len(own)
    return smoothed(own)


def smoothed(own: Sequence[float]) -> list[float]:
    """The logarithm of the odds that each of some sentences is prose, half by its neighbours: the
    title of a work in a list of references is told by what stands around it.

    Args:
        own: what each sentence says by itself.
    """
    held = [max(-_SURE, min(_SURE, value)) for value in own]
    out = []
    for at, value in enumerate(own):
        near = held[max(0, at - _NEAR) : at] + held[at + 1 : at + 1 + _NEAR]
        out.append(value + sum(near) / (4 * _NEAR))
    return out


@cache
def _weights() -> tuple[dict[str, float], float]:
    text = files("seminar_rag.documents").joinpath("readable.json").read_text("utf-8")
    found = json.loads(text)
    return found["weights"], found["bias"]
