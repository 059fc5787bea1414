"""Which pieces of a page begin its sessions, chosen as a whole: they look alike, and come in turn.

A single piece says little on a page of a kind that was never seen; twelve headings of one look,
with a reading or two below most of them, say much. Candidates are the pieces in one kind of place,
and what the labels alone would give; a trained model says how well each parts the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import TYPE_CHECKING

from seminar_rag.syllabus import marks
from seminar_rag.syllabus.features import said
from seminar_rag.syllabus.groups import groups
from seminar_rag.syllabus.model import READING, SESSION
from seminar_rag.syllabus.pieces import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Series = tuple[int, ...]
_MOST_GROUPS = 16
_SAID = ("more", "required", "reading", "work", "admin", "noclass", "topic", "date", "people")


def place(piece: Piece) -> tuple[int, ...]:
    """What a session that begins with a piece takes in: its row of a table, or its block."""
    if piece.table >= 0:
        return (piece.file, piece.table, piece.row)
    return (piece.file, -1, piece.block)


def candidates(
    pieces: Sequence[Piece],
    probabilities: NDArray[np.float32],
    labels: Sequence[int],
    never: AbstractSet[int] = frozenset(),
) -> list[Series]:
    """Series of pieces that may begin the sessions; the first is what the labels say.

    Args:
        never: which pieces begin no session, whatever the others in their places do.
    """
    sure = probabilities[:, SESSION]
    kinds = [marks.mark_of(piece.text) for piece in pieces]
    marked = [
        (mark.kind, p.kind, p.level, p.source.depth, p.column) if mark and _opens(p) else None
        for mark, p in zip(kinds, pieces, strict=True)
    ]
    found: list[list[int]] = []
    kinds_of_place: list[Sequence[object]] = [*groups(pieces)[:2], marked]
    for ids in kinds_of_place:
        members: dict[object, list[int]] = {}
        for n, group in enumerate(ids):
            if group is not None:
                members.setdefault(group, []).append(n)
        several = [group for group in members.values() if len(group) > 1]
        several.sort(key=lambda group: -float(sure[group].mean()))
        found += several[:_MOST_GROUPS]
    named = {(piece.file, piece.table) for piece in pieces if piece.header}
    heads = {n for n, p in enumerate(pieces) if not p.row and (p.file, p.table) in named} | never
    found = [[n for n in group if n not in heads] for group in found]
    found = [group for group in found if len(group) > 1]
    for group in list(found):
        own = sure[group]
        for least in (0.3 * float(own.max()), float(own.mean())):
            found.append([n for n in group if sure[n] >= least])
    said = [n for n, label in enumerate(labels) if label == SESSION]
    series = dict.fromkeys([tuple(_once(said, pieces))])
    series |= dict.fromkeys(tuple(_once(group, pieces)) for group in found)
    return [one for n, one in enumerate(series) if n == 0 or len(one) > 1]


def _opens(piece: Piece) -> bool:
    return piece.cut in {"block", "cell", "line", "soft"}


def _once(group: Sequence[int], pieces: Sequence[Piece]) -> list[int]:
    """The first piece of each row or block."""
    seen: dict[tuple[int, ...], int] = {}
    for n in group:
        seen.setdefault(place(pieces[n]), n)
    return list(seen.values())


def unmixed(every: Sequence[Series], pieces: Sequence[Piece]) -> list[int]:
    """Which candidates may be chosen: sessions are weeks or days, not all weeks and all days.

    A series of both does half well whichever they are, and would be chosen for that; yet of the
    66 real pages none has such sessions.
    """
    kinds = [marks.mark_of(piece.text) for piece in pieces]

    def mixes(one: Series) -> bool:
        count = Counter(mark.kind for n in one if (mark := kinds[n]))
        return min(count["named"], count["dated"]) >= max(_MIXED, _MIXED_SHARE * len(one))

    return [n for n, one in enumerate(every) if not mixes(one)] or [0]


_MIXED, _MIXED_SHARE = 3, 0.3
"""How many of each kind there have to be, also as a share of all: holidays and excursions among
numbered weeks may have nothing but their dates."""


def series_features(
    every: Sequence[Series], pieces: Sequence[Piece], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """One row for each candidate."""
    import numpy as np

    readings = np.concatenate([[0.0], np.cumsum(probabilities[:, READING])])
    sure = probabilities[:, SESSION]
    means = [float(sure[list(one)].mean()) if one else 0.0 for one in every]
    best = max(means[1:], default=0.0) + 1e-3
    marked = [n for n, piece in enumerate(pieces) if _opens(piece) and _is_counted(piece.text)]
    marked = _once(marked, pieces)
    rows = [
        [
            float(n == 0),
            means[n] / best,
            float(sum(mean > means[n] for mean in means[1:])),
            *_row(one, pieces, probabilities, readings),
            *(_between(one, marked, pieces) if one else ()),
        ]
        for n, one in enumerate(every)
    ]
    width = max(map(len, rows))
    return np.array([row + [-1.0] * (width - len(row)) for row in rows], np.float32)


def _is_counted(text: str) -> bool:
    """Whether a line has a number or a date as sessions have them: "Week 3", "Sep 12"."""
    mark = marks.mark_of(text)
    return mark is not None and mark.kind in {"named", "dated"}


def _between(one: Series, marked: Sequence[int], pieces: Sequence[Piece]) -> list[float]:
    """How many lines with numbers or dates a series leaves to its sessions, and before them.

    Where a part of the course holds three dates, these may rather be the sessions; where a week
    does, they are days within it, and the series of all weeks and days mixes the two.
    """
    import numpy as np

    own = {place(pieces[n]) for n in one}
    others = [n for n in marked if place(pieces[n]) not in own]
    sessions = np.searchsorted(one, others)
    each = np.bincount(sessions, minlength=len(one) + 1)
    inner = each[1:]
    return [
        float(inner.mean()),
        float((inner > 0).mean()),
        float((inner > 1).mean()),
        float(each[0] / len(one)),
    ]


def _row(
    one: Series,
    pieces: Sequence[Piece],
    probabilities: NDArray[np.float32],
    readings: NDArray[np.float64],
) -> list[float]:
    import numpy as np

    total = len(pieces)
    whole = [float(total), float(readings[-1])]
    if not one:
        return whole
    at = list(one)
    own = probabilities[at]
    sure = own[:, SESSION]
    bounds = [*at, total]
    gaps = np.diff(readings[bounds])
    lengths = np.diff(bounds)
    members = [pieces[n] for n in at]
    texts = [piece.text for piece in members]
    kinds = [marks.mark_of(text) for text in texts]
    numbers = [mark.number for mark in kinds if mark and mark.number is not None]
    rising = sum(b > a for a, b in pairwise(numbers))

    def share(flags: Sequence[object]) -> float:
        return sum(map(bool, flags)) / len(flags)

    return [
        *whole,
        float(len(at)),
        *(float(value) for value in own.mean(0)),
        float(sure.min()),
        float(np.median(sure)),
        float(sure.max()),
        float(sure.sum() / (probabilities[:, SESSION].sum() + 1e-3)),
        float(readings[at[0]] / (readings[-1] + 1e-3)),
        float((gaps > 0.5).mean()),
        float(gaps.mean()),
        float(gaps.std() / (gaps.mean() + 0.1)),
        float(np.median(lengths)),
        float(lengths.std() / lengths.mean()),
        at[0] / total,
        at[-1] / total,
        *(share([m and m.kind == kind for m in kinds]) for kind in ("named", "dated", "numbered")),
        share([marks.is_date(text) for text in texts]),
        rising / len(at),
        len(set(texts)) / len(at),
        float(np.mean([min(len(text), 300) for text in texts])),
        float(np.std([min(len(text), 300) for text in texts])),
        share([piece.item.links for piece in members]),
        share([re.search(r"[.?]$", text) for text in texts]),
        *(share([piece.kind == kind for piece in members]) for kind in ("heading", "item", "cell")),
        float(np.mean([piece.level for piece in members])),
        float(np.mean([piece.source.depth for piece in members])),
        float(np.mean([piece.column for piece in members])),
        share([_opens(piece) for piece in members]),
        share([piece.item.bold for piece in members]),
        share([piece.path for piece in members]),
        len({piece.path for piece in members}) / len(at),
        *(share([name in said(text[:100]) for text in texts]) for name in _SAID),
    ]
