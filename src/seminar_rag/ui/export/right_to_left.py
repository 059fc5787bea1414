"""Arabic and Hebrew as they stand on paper, for a PDF writer that sets letters as they come. Pure.

Letters are joined by their presentation forms, and a line is put in visual order as the Unicode
Bidirectional Algorithm does (UAX #9) for text without embeddings.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

_MIRRORED = dict(zip("()[]{}<>«»‹›", ")(][}{><»«›‹", strict=True))
_LAM = "\u0644"


def runs_left(text: str) -> bool:
    """Whether a text has letters that are written from right to left."""
    return any(unicodedata.bidirectional(one) in ("R", "AL") for one in text)


def begins_right(text: str) -> bool:
    """Whether its first letter is written from right to left, as then the whole text is."""
    kinds = (unicodedata.bidirectional(one) for one in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)


def lines_of(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """The lines of a paragraph in visual order, Arabic letters joined.

    Args:
        fits: whether a line is short enough.
    """
    right, line = begins_right(text), ""
    for word in joined(text).split():
        longer = f"{line} {word}" if line else word
        if line and not fits(longer):
            yield visual(line, right)
            longer = word
        line = longer
    if line:
        yield visual(line, right)


# Joining ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _forms() -> dict[tuple[str, str], str]:
    """Letter, or lam and alef, and its place ("initial" …) → how it is written there."""
    out = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        place, *letters = unicodedata.decomposition(chr(code)).split()[:3] or [""]
        if place and len(letters) in (1, 2):
            plain = "".join(chr(int(one, 16)) for one in letters)
            out[plain, place.strip("<>")] = chr(code)
    return out


def joined(text: str) -> str:
    """Arabic letters in the forms in which they join their neighbours."""
    forms = _forms()
    marks = {i for i, one in enumerate(text) if unicodedata.combining(one)}
    letters = [i for i in range(len(text)) if i not in marks]
    out = list(text)
    skipped = False
    for at, i in enumerate(letters):
        one = text[i]
        before = text[letters[at - 1]] if at else ""
        after = text[letters[at + 1]] if at + 1 < len(letters) else ""
        if skipped:  # the alef of a lam that was written with it
            skipped = False
            continue
        joins_before = (before, "initial") in forms and (one, "final") in forms
        pair = one + after
        if one == _LAM and (pair, "isolated") in forms:
            out[i] = forms[pair, "final" if joins_before else "isolated"]
            out[letters[at + 1]] = ""
            skipped = True
            continue
        joins_after = (one, "initial") in forms and (after, "final") in forms
        place = ("isolated", "initial", "final", "medial")[joins_after + 2 * joins_before]
        out[i] = forms.get((one, place), one)
    return "".join(out)


# Order --------------------------------------------------------------------------------------------


def visual(line: str, right: bool) -> str:
    """A line in the order in which it is seen from left to right.

    Args:
        right: its paragraph is written from right to left.
    """
    clusters: list[str] = []
    for one in line:
        if clusters and unicodedata.combining(one):
            clusters[-1] += one
        else:
            clusters.append(one)
    levels = _levels(clusters, int(right))
    shown = [
        _MIRRORED.get(one, one) if level % 2 else one
        for one, level in zip(clusters, levels, strict=True)
    ]
    order = list(range(len(shown)))
    for level in range(max(levels, default=0), 0, -1):  # rule L2
        start = None
        for i in range(len(order) + 1):
            inside = i < len(order) and levels[i] >= level
            if inside and start is None:
                start = i
            elif not inside and start is not None:
                order[start:i] = order[start:i][::-1]
                start = None
    return "".join(shown[i] for i in order)


def _levels(clusters: list[str], base: int) -> list[int]:
    """The embedding level of each cluster; odd ones are written from right to left."""
    kinds = [unicodedata.bidirectional(one[0]) for one in clusters]
    strong = ["R" if one in ("R", "AL") else one for one in kinds]
    last = "LR"[base]
    for i, kind in enumerate(strong):
        if kind in ("L", "R"):
            last = kind
        elif kind in ("EN", "AN"):  # a number is read from left to right, but stands with its text
            strong[i] = "L" if last == "L" else "N"
        elif kind in ("ES", "CS") and "EN" in (*kinds[i - 1 : i], *kinds[i + 1 : i + 2]):
            strong[i] = strong[i - 1] if i else ""
    before = _nearest(strong, base)
    after = _nearest(strong[::-1], base)[::-1]
    levels = []
    for kind, one, other in zip(strong, before, after, strict=True):
        if kind == "L":
            levels.append(2 * base)
        elif kind in ("R", "N"):
            levels.append(1 + (kind == "N"))
        else:
            same = (one == "L") == (other == "L")
            levels.append((2 * base if one == "L" else 1) if same else base)
    return levels


def _nearest(strong: list[str], base: int) -> list[str]:
    """For each cluster the last one before it that has a direction; the paragraph's without one."""
    out, last = [], "LR"[base]
    for kind in strong:
        out.append(last)
        last = kind if kind in ("L", "R", "N") else last
    return out
