"""Which part of a page readings stand in: what is required or beyond, in a session or in none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from seminar_rag.syllabus.features import said
from seminar_rag.syllabus.model import LABEL, OTHER, SESSION
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.types import Section

_LONGEST_NAME = 60
_NAME_WORD = re.compile(r"\w+(?:-\w+)*+")
_FOLLOW_UP = re.compile(r"follow-?ups?", re.I)
_SAID = ("more", "required", "reading", "watch", "work", "chapter", "link")


def named_section(text: str) -> Section | None:
    """The section of which a text is the name, and of nothing else: "Required", "Extra 1"."""
    text = text.strip(" \t*_:.()[]–—-")
    if len(text) >= _LONGEST_NAME:
        return None
    found = said(text)
    if found.keys().isdisjoint({"more", "required"}):
        return None
    sections = {"more", "required", "reading"}
    for word in _NAME_WORD.findall(text):
        if sections.isdisjoint(said(word)) and not (word.isdigit() or _FOLLOW_UP.fullmatch(word)):
            return None
    return "more" if "more" in found else "required"


def section_features(
    own: Sequence[Piece], first: int, pieces: Sequence[Piece], labels: Sequence[int], start: int
) -> list[float]:
    """What the words around a reading say of whether it is required.

    Args:
        own: its pieces.
        first: which of the page's pieces it begins with.
        start: where its session begins.
    """
    piece = own[0]
    label, away = "", 0
    inner: list[str] = []
    for n in range(first - 1, max(start, first - 60) - 1, -1):
        if labels[n] == LABEL and _holds(pieces[n], piece):
            label, away = pieces[n].text, first - n
            break
    for n in range(first - 1, max(start, first - 4) - 1, -1):
        if labels[n] in (OTHER, LABEL):
            inner.append(pieces[n].text[:80])
    whole = " ".join(p.text for p in own)
    bold = _line_above(pieces, first, start)
    row: list[float] = [
        float(away),
        float("opt" in piece.source.anchor.lower()),
        float(bool(label)),
        float(start == 0),
    ]
    before = pieces[first - 1].text[:60] if first > start else ""
    for text in (
        piece.path[-1] if piece.path else "",
        " ".join(piece.path[-3:-1]),
        piece.parent,
        piece.header,
        piece.label,
        label,
        before,
        bold,
        " ".join(inner[1:]),
        whole[:25],
        whole[-25:],
    ):
        common = said(text[:100])
        row += [float(name in common) for name in _SAID]
    return row


def _holds(label: Piece, piece: Piece) -> bool:
    """Whether a piece stands in all boxes in which a label stands: outside of its box, a label says
    nothing."""
    return set(label.source.boxes) <= set(piece.source.boxes)


def _line_above(pieces: Sequence[Piece], at: int, start: int) -> str:
    """The nearest line above that is a label by its look: short, ending in a colon, or bold."""
    for n in range(at - 1, max(start, at - 80) - 1, -1):
        text = pieces[n].text
        if (
            len(text) < 60
            and _holds(pieces[n], pieces[at])
            and not pieces[n].item.links
            and pieces[n].cut in {"block", "line", "cell", "soft"}
            and any(name in said(text) for name in ("more", "required", "reading"))
        ):
            return text
    return ""


def sessions_end(pieces: Sequence[Piece], labels: Sequence[int]) -> int:
    """Where another part of the page begins after all sessions, or the page's end.

    That is where the only table ends whose rows the sessions are. Else it is a heading that ranks
    no lower than the one that the last session is or stands under, that is no reading or title
    itself, and that the page says once: "Readings" may be repeated below each session. Headings of
    plain text and of PDF files have no rank that could be trusted.
    """
    starts = [n for n, label in enumerate(labels) if label == SESSION]
    if len(starts) < 2 or pieces[0].form == "post":
        return len(pieces)
    last = starts[-1]
    tables = {pieces[n].table for n in starts}
    if len(tables) == 1 and pieces[last].table >= 0:
        rows = (n for n in range(last, len(pieces)) if pieces[n].table == pieces[last].table)
        return max(rows) + 1
    if pieces[0].form in {"text", "pdf"}:
        return len(pieces)
    ranks = {n: piece.level for n, piece in enumerate(pieces) if piece.kind == "heading"}
    often = Counter(pieces[n].text.casefold() for n in ranks)
    over = next((ranks[n] for n in range(last, -1, -1) if ranks.get(n)), 0)
    ends = (
        n
        for n, rank in ranks.items()
        if 0 < rank <= over and labels[n] in (OTHER, LABEL)
        if n > last and pieces[n].block != pieces[last].block
        if often[pieces[n].text.casefold()] == 1
    )
    return next(ends, len(pieces))
