"""Inside a reading: which stretch of its words is the title, which names the authors.

Candidates are all stretches between the places where a part of a reference may begin or end
(punctuation, quotation marks, links, emphasis, lines); a trained model ranks them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seminar_rag.syllabus import marks
from seminar_rag.syllabus.features import said
from seminar_rag.syllabus.letters import CAPITALS, SMALL
from seminar_rag.syllabus.markup_text import Item
from seminar_rag.syllabus.pieces import QUOTE, Piece, cut_item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BOUNDARY = re.compile(
    r"[,;:?!()\[\]/|•]|\s[–—-]+\s|[“”\"«»„]|(?<!\w)[‘']|[’'](?!\w)|\b(?:by|in|from|par|por)\b|\s\+\s"
    r"|[’']s\b"  # "Asimov's Foundation"
    rf"|\.(?!(?<=\b[{CAPITALS}]\.)(?:,|-?\s?[{CAPITALS}]\.|\s(?:&|and)\s))"  # not within initials
    r"|\b(?:1[5-9]|20)\d\d[a-z]?\b"  # "Boyd et al. 2007 Mesoscale iron enrichment"
    r"|\b(?:[Cc]h(?:ap(?:ter)?)?s?|[Pp]p?)\b\.?(?=\s*\d)"
)
_STRONG = re.compile(r"[“”\"«»„(\[]|\b(?:1[5-9]|20)\d\d[a-z]?\b|\s[–—-]+\s|:\s")
"""Where a long list of authors may end, however many commas stand within it."""
_TRIM = " \t,.;:|/–—-•*()[]“”\"«»„‘’'+&"
_OPEN = {"(": ")", "[": "]", "“": "”", "«": "»", "‘": "’", "„": "“"}
_ENDS_IN_STOP = re.compile(rf"\b[{CAPITALS}]\.$|\bet al\.$")
_BRACKETS = re.compile(r"\([^()]{1,200}\)|\[[^\[\]]{1,200}\]")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.I)
_MAX_RUNS = 4
_MAX_PARTS = 9
_MAX_FURTHER = 3
_MAX_TEXT = 900
_MAX_BOUNDS = 24
_MAX_LENGTH = 700


@dataclass(slots=True)
class Span:
    """A stretch of one of a reading's blocks."""

    run: int
    start: int
    end: int
    text: str


@dataclass(slots=True)
class Run:
    """The part of one block that belongs to a reading."""

    item: Item
    pieces: list[Piece]


def runs_of(pieces: Sequence[Piece]) -> list[Run]:
    """The blocks of a reading, each cut to what belongs to it."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if (
            found
            and found[-1][-1].block == piece.block
            and found[-1][-1].file == piece.file
            and (found[-1][-1].row, found[-1][-1].column) == (piece.row, piece.column)
        ):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [Run(cut_item(run[0].source, run[0].start, run[-1].end), run) for run in found]


def spans_of(runs: Sequence[Run]) -> list[Span]:
    """The candidates in a reading's first lines."""
    found: list[Span] = []
    for number, run in enumerate(runs[:_MAX_RUNS]):
        text = run.item.text[:_MAX_TEXT]
        base = run.pieces[0].start
        marked = [
            (k.start, k.end) for k in (*run.item.links, *run.item.emphasis) if k.start < k.end
        ]
        whole = [(a, b) for a, b in marked if b - a > 0.7 * len(text)]
        shut = [*(m for m in marked if m not in whole), *_quotes(text)]
        shut += [match.span() for match in (*_BRACKETS.finditer(text), *_ADDRESS.finditer(text))]
        bounds = {0, len(text)}
        bounds |= {at - base for p in run.pieces for at in (p.start, p.end)}
        bounds |= {at for one in [*marked, *_quotes(text)] for at in one}
        for match in _BOUNDARY.finditer(text):
            bounds |= {match.start(), match.end()}
        kept = sorted(
            at for at in bounds if 0 <= at <= len(text) and not any(a < at < b for a, b in shut)
        )
        strong = {at for one in [*marked, *_quotes(text)] for at in one}
        strong |= {match.start() for match in _STRONG.finditer(text)}
        firm = {trimmed(text, 0, at)[1] for at in strong & set(kept)}
        ends = {trimmed(text, at, len(text))[0] for at in kept}
        starts = sorted(at for at in ends if at < len(text))[:_MAX_BOUNDS]
        for at, start in enumerate(starts):
            following = [*starts[at + 1 :], *(b for b in kept if starts[-1] < b), len(text)]
            stops = sorted({trimmed(text, start, stop)[1] for stop in following})
            further = [stop for stop in stops[_MAX_PARTS:-1] if stop in firm][:_MAX_FURTHER]
            for stop in [*stops[:_MAX_PARTS], *further, *stops[_MAX_PARTS:][-1:]]:
                if 2 <= stop - start <= _MAX_LENGTH and not text.startswith("http", start):
                    found.append(Span(number, start, stop, text[start:stop]))
    return found


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without the punctuation around it; brackets that it opens itself stay."""
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        last = text[end - 1]
        if last in ")]”»’" and any(
            close == last and open_ in text[start : end - 1] for open_, close in _OPEN.items()
        ):
            inside = text[start:end]
            opener = next(o for o, c in _OPEN.items() if c == last and o in text[start : end - 1])
            if inside.count(opener) >= inside.count(last):
                break
        if last == "." and _ENDS_IN_STOP.search(text[start:end]):
            break
        end -= 1
    return start, end


def _quotes(text: str) -> list[tuple[int, int]]:
    return [(match.start() + 1, match.end() - 1) for match in QUOTE.finditer(text)]


_EVENTS: dict[str, re.Pattern[str]] = {
    "word": re.compile(r"[^\W\d_][\w’'-]*"),
    "capital": re.compile(rf"(?<!\w)[{CAPITALS}][\w’'-]*"),
    "long": re.compile(r"(?<!\w)[^\W\d_][\w’'-]{3,}"),
    "title": re.compile(rf"(?<!\w)[{CAPITALS}][\w’'-]{{3,}}"),
    "name": re.compile(
        rf"(?<!\w)(?:[{CAPITALS}](?:[{SMALL}’'-][\w’'-]*)?"
        r"|de|van|von|der|la|du|del|et al|et|y|und|and|e)"
        r"(?!\w)"
    ),
    "digit": re.compile(r"\d"),
    "year": marks.YEAR,
    "initial": re.compile(rf"\b[{CAPITALS}]\."),
    "inverted": re.compile(
        rf"[{CAPITALS}][\w’'-]{{1,40}}, [{CAPITALS}][\w’'-]*\.?(?=[,.;&]| and| &)"
    ),
    "comma": re.compile(","),
    "stop": re.compile(r"\. "),
    "colon": re.compile(r": "),
    "bracket": re.compile(r"[(\[]"),
    "question": re.compile(r"\?"),
    "address": re.compile(r"https?:|www\."),
    "et al": re.compile(r"\bet al\b"),
    "and": re.compile(r"\b(?:and|et|y|und)\b|&"),
    "by": re.compile(r"\b(?:by|par|por|von)\b", re.I),
    "in": re.compile(r"\b(?:in|from|en|dans|em)\b", re.I),
    "article": re.compile(
        r"\b(?:the|an?|how|why|what|on|when|is|of|towards?|la|le|les|el|los|der|die|das)\b", re.I
    ),
    "pages": re.compile(r"\b\d{1,4}\s?[-–—]\s?\d{1,4}\b|\bpp?\."),
}
_SAID = ("chapter", "venue", "watch", "work", "reading", "link", "more", "people", "date")
_QUOTES = "“”\"«»„‘’'"
_SIGNS = [
    frozenset(kind)
    for kind in (",", ".", ":", ";", "(", ")", "/", "?", '“”"«»„', "‘’'", "–—-", " ")
]


def _counts(text: str) -> NDArray[np.float32]:
    """Per kind of word or sign, how many begin before each place of the text."""
    import numpy as np

    common = said(text)
    places: list[Sequence[int]] = [
        [match.start() for match in one.finditer(text)] for one in _EVENTS.values()
    ]
    places += [common.get(name, []) for name in _SAID]
    found = np.zeros((len(places), len(text) + 1), np.float32)
    for number, own in enumerate(places):
        found[number, np.array(own, np.intp) + 1] = 1
    return np.cumsum(found, 1)


def _near(text: str, at: int, step: int) -> list[float]:
    """The signs right before or after a place."""
    near = text[max(0, at - 3) : at] if step < 0 else text[at : at + 3]
    signs = set(near)
    beside = near.strip()[-1:] if step < 0 else near.strip()[:1]
    return [
        float(not near),
        *(float(not kind.isdisjoint(signs)) for kind in _SIGNS),
        float(beside.isalnum()),
    ]


def span_features(runs: Sequence[Run], spans: Sequence[Span]) -> NDArray[np.float32]:
    """One row for each candidate."""
    import numpy as np

    parts = []
    emphasis = [e for run in runs for e in run.item.emphasis]
    given = [
        float(any(run.item.links for run in runs)),
        float(any(e.url == "i" for e in emphasis)),
        float(any(_quotes(run.item.text[:_MAX_TEXT]) for run in runs[:_MAX_RUNS])),
        float(len(runs)),
    ]
    for number, run in enumerate(runs[:_MAX_RUNS]):
        own = [span for span in spans if span.run == number]
        if own:
            parts.append(_run_features(run, own, [*given, float(number)]))
    return np.vstack(parts)


def _run_features(run: Run, spans: Sequence[Span], given: Sequence[float]) -> NDArray[np.float32]:
    import numpy as np

    text = run.item.text[:_MAX_TEXT]
    size = len(text)
    s = np.array([span.start for span in spans])
    e = np.array([span.end for span in spans])
    counts = _counts(text)
    inside = counts[:, e] - counts[:, s]
    before, just = counts[:, s], counts[:, s] - counts[:, np.maximum(s - 25, 0)]
    after, soon = counts[:, -1:] - counts[:, e], counts[:, np.minimum(e + 30, size)] - counts[:, e]
    words = np.maximum(inside[0], 1)
    opens = {0, *(p.start - run.pieces[0].start for p in run.pieces if p.cut in {"line", "soft"})}
    first = run.pieces[0]
    rows = [
        s,
        size - e,
        e - s,
        (e - s) / max(size, 1),
        e >= size - 2,
        np.isin(s, list(opens)),
        inside[1] / words,
        inside[3] / np.maximum(inside[2], 1),
        inside[4] / words,
        inside[5] / (e - s),
        before[4] / np.maximum(before[0], 1),
        after[4] / np.maximum(after[0], 1),
        soon[4] / np.maximum(soon[0], 1),
        [span.text[0].isupper() for span in spans],
        [span.text[0].isdigit() for span in spans],
        [span.text[-1] == "?" for span in spans],
        *inside,
        *(before[[0, 4, 6, 7, 8, 9, 15, 21, 22]]),
        *just,
        *(after[[0, 4, 6, 9, 22]]),
        *soon,
    ]
    marked = [
        [(k.start, k.end) for k in run.item.links],
        [(k.start, k.end) for k in run.item.emphasis if k.url == "i"],
        [(k.start, k.end) for k in run.item.emphasis if k.url == "b"],
        _quotes(text),
    ]
    for stretches in marked:
        flags = np.zeros((6, len(spans)), bool)
        for a, b in stretches:
            exact = (abs(a - s) <= 2) & (abs(b - e) <= 2)
            within, holds = (a - 1 <= s) & (e <= b + 1), (s <= a) & (b <= e) & (b > a)
            crosses = (a < e) & (s < b) & ~within & ~holds
            flags |= np.array([exact, within, holds, crosses, b <= s, a >= e])
        rows += list(flags)
    sides = []
    for places, step in ((s, -1), (e, 1)):
        every, own = np.unique(places, return_inverse=True)
        near = np.array([_near(text, at, step) for at in every.tolist()], np.float32)
        sides.append(near[own])
    rest = [*given, float(first.level), float(first.kind == "item"), float(first.kind == "cell")]
    table = np.empty((len(rows), len(spans)), np.float32)
    for number, row in enumerate(rows):
        table[number] = row
    return np.hstack([table.T, *sides, np.tile(np.array(rest, np.float32), (len(spans), 1))])


def place_of(runs: Sequence[Run], span: Span) -> tuple[object, ...]:
    """What kind of place a candidate has in its reading: which line, between which signs, how it is
    marked."""
    run = runs[span.run].item
    marked = ""
    for link in (*run.links, *run.emphasis):
        if abs(link.start - span.start) <= 2 and abs(link.end - span.end) <= 2:
            marked += link.url if link.url in {"b", "i"} else "link"
        elif link.url not in {"b", "i"} and link.start <= span.start and span.end <= link.end:
            marked += "within"
    before = run.text[max(0, span.start - 3) : span.start].strip()[-1:]
    after = run.text[span.end : span.end + 3].strip()[:1]
    return (min(span.run, 2), span.start <= 1, _sign(before), _sign(after), marked)


def _sign(char: str) -> str:
    return "word" if char.isalnum() else '"' if char and char in _QUOTES else char


def alike(
    weights: Sequence[NDArray[np.float32]], places: Sequence[Sequence[object]]
) -> list[NDArray[np.float32]]:
    """How likely each candidate of each reading is, where a page writes its readings alike.

    Each is weighted by how much of the page's other readings stands in the same kind of place,
    which is estimated again from the weighted candidates (expectation maximisation).

    Args:
        weights: of each reading, how likely its candidates are by its own text.
        places: of each reading, the `place_of` of its candidates.
    """
    import numpy as np

    kinds: dict[object, int] = {}
    numbers = [np.array([kinds.setdefault(one, len(kinds)) for one in own]) for own in places]
    first = [own / own.sum() for own in weights]
    found = first
    for _ in range(_ROUNDS):
        shares = [np.bincount(n, own, len(kinds)) for n, own in zip(numbers, found, strict=True)]
        whole = np.sum(shares, axis=0) + _UNSEEN
        found = [
            own * ((whole - mine)[n] / (len(first) - 1 + _PRIOR)) ** _ALIKE
            for own, mine, n in zip(first, shares, numbers, strict=True)
        ]
        found = [own / own.sum() for own in found]
    return found


_ROUNDS = 3
_ALIKE = 0.3
"""How much the other readings of a page count beside a reading's own text."""
_PRIOR = 3
_UNSEEN = 0.15
"""What a kind of place that no other reading has is counted as, of so many readings."""
