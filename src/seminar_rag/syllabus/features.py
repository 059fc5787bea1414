"""What a piece of a page looks like, in numbers: its text, its place and its neighbours.

The numbers say nothing of a course's subject: shapes of text, links and their kinds, common words
of syllabi in some languages, position, and how alike the pieces in the same kind of place are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seminar_rag.syllabus import marks
from seminar_rag.syllabus.groups import group_means, groups, repeated, shifted
from seminar_rag.syllabus.letters import CAPITALS, SMALL
from seminar_rag.syllabus.pieces import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _vocabulary() -> dict[str, list[str]]:
    text = Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8")
    return {name: list(words) for name, words in tomllib.loads(text).items()}


def _whole(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.I)


_VOCABULARY = _vocabulary()
WORDS = {name: _whole(words) for name, words in _VOCABULARY.items()}
"""What common words of course pages tell of the text around them."""
_PLAIN = re.compile(r"(?:\w|\\w|\\d|[*+?|()\[\]:])+")
_SEVERAL = _whole(
    word for words in _VOCABULARY.values() for word in words if not _PLAIN.fullmatch(word)
)
"""What is no single word: of texts that hold any, all patterns are tried."""
_WORD = re.compile(r"\w+")


@lru_cache(maxsize=1 << 15)
def _kinds_of(word: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in WORDS.items() if pattern.fullmatch(word))


@lru_cache(maxsize=1 << 12)  # labels, headings and names of columns stand around many pieces
def said(text: str) -> Mapping[str, Sequence[int]]:
    """Where in a text each kind of common word begins; kinds that it lacks are left out.

    The same as looking for every pattern of `WORDS`, which would take most of a page's time.
    """
    if _SEVERAL.search(text):
        found = {name: [m.start() for m in p.finditer(text)] for name, p in WORDS.items()}
        return {name: places for name, places in found.items() if places}
    places: dict[str, list[int]] = {}
    for match in _WORD.finditer(text):
        for name in _kinds_of(match[0]):
            places.setdefault(name, []).append(match.start())
    return places


_KINDS = ("heading", "item", "paragraph", "cell")
_CUTS = ("block", "cell", "line", "soft", "label", "stop", "dash", "link")
_INITIAL = re.compile(rf"\b[{CAPITALS}]\.")
_INVERTED = re.compile(
    rf"[{CAPITALS}][\w’'-]+,\s+(?:[{CAPITALS}]\.|[{CAPITALS}][\w’'-]+)"  # "Byron, A."
)
_IN_FULL = re.compile(rf"(?:[{CAPITALS}][\w’'.-]+\s+){{1,3}}[{CAPITALS}][\w’'-]+,")
_YEAR_BRACKETS = re.compile(r"[(\[][^()\[\]]*\b(?:1[5-9]|20)\d\d[a-z]?\b[^()\[\]]*[)\]]")
_PAGES = re.compile(r"\b\d{1,4}\s?[-–—]\s?\d{1,4}\b")
_FILE = re.compile(r"\.(pdf|pptx?|docx?|html?|md|ipynb|zip|mp4|key)(?:$|[?#])", re.I)
_PAPER_HOST = re.compile(
    r"arxiv|doi\.org|acm\.org|ieee|springer|jstor|sciencedirect|openreview|aclweb|aclanthology|usenix|nature\.com"
    r"|wiley|tandf|sagepub|ncbi|pubmed|ssrn|semanticscholar|oup\.com|cambridge\.org|pnas|mitpress|biorxiv|plos"
    r"|science\.org|royalsoc|annualreviews|neurips|nips\.cc|mlr\.press|jmlr|eprint|dspace|proquest|persee|cairn|scielo",
    re.I,
)
_VIDEO_HOST = re.compile(
    r"youtu\.?be|vimeo|ted\.com|zoom|panopto|podcast|spotify|videolectures", re.I
)
_CODE_HOST = re.compile(
    r"github|gitlab|colab|kaggle|docs\.google|drive\.google|forms\.|piazza|canvas|slides|dropbox",
    re.I,
)


_NAMES = re.compile(
    r"(?:[^\W\d_][\w’'.-]*+,?\s*+|&\s*+"
    rf"|\[?\(?(?:[{CAPITALS}][{SMALL}]+\.?\s*)?(?:1[5-9]|20)\d\d[a-z]?\)?\]?[.,:]?\s*+)++"
)
_BY = re.compile(rf"\W*(?i:by|par|por|von|di|av|door)\s+[{CAPITALS}]")


def is_by_line(text: str) -> bool:
    """Whether a text begins by saying who wrote something."""
    return bool(_BY.match(text))


def is_names(text: str) -> bool:
    """Whether a text holds the authors of a reference and at most its year."""
    words = re.findall(r"[^\W\d_][\w’'-]+", text)
    small = [word for word in words if word[0].islower() and word not in {"and", "et", "al", "de"}]
    return len(words) < 16 and not small and bool(_NAMES.fullmatch(text))


def _fraction(found: float, whole: float) -> float:
    return found / whole if whole else 0.0


def _links(piece: Piece) -> list[float]:
    links = piece.item.links
    text = piece.text
    covered = sum(link.end - link.start for link in links)
    first = links[0] if links else None
    hosts = [urlsplit(link.url).netloc if "[" not in link.url else "" for link in links]
    files = [match.group(1).lower() for link in links if (match := _FILE.search(link.url))]
    bare = any(text[link.start : link.end].startswith("http") for link in links)
    return [
        min(len(links), 4),
        _fraction(covered, len(text)),
        float(first.start) if first else -1.0,
        float(first.end >= len(text) - 3) if first else 0.0,
        len(text[first.start : first.end].split()) if first else 0.0,
        float(bare),
        float("pdf" in files),
        float(any(f.startswith("ppt") or f == "key" for f in files)),
        float(any(_PAPER_HOST.search(link.url) for link in links)),
        float(any(_VIDEO_HOST.search(link.url) for link in links)),
        float(any(_CODE_HOST.search(link.url) for link in links)),
        float(
            any(
                not host and not link.url.startswith(("mailto", "#"))
                for host, link in zip(hosts, links, strict=True)
            )
        ),
        float(any(link.url.startswith(("mailto", "#")) for link in links)),
        float(
            any(
                re.search(
                    r"slide|lecture|notes|homework|assignment|/hw|/lab|quiz|syllab", link.url, re.I
                )
                for link in links
            )
        ),
    ]


def _own(piece: Piece) -> list[float]:
    text = piece.text
    tokens = text.split()
    count = len(tokens)
    words = re.findall(r"[^\W\d_][\w’'-]*", text)
    capitals = sum(w[0].isupper() for w in words)
    long = [w for w in words if len(w) > 3]
    mark = marks.mark_of(text)
    italic = [e for e in piece.item.emphasis if e.url == "i"]
    bold = sum(e.end - e.start for e in piece.item.emphasis if e.url == "b")
    first = text[:1]
    last = text[-1:]
    common = said(text[:200])
    return [
        min(len(text), 1000),
        min(count, 100),
        _fraction(capitals, len(words)),
        _fraction(sum(w[0].isupper() for w in long), len(long)),
        _fraction(sum(map(str.isdigit, text)), len(text)),
        float(first.isupper()),
        float(first.islower()),
        float(first.isdigit()),
        float(first in "“\"‘'«„") if first else 0.0,
        float(first in "([") if first else 0.0,
        float(last == "."),
        float(last == ":"),
        float(last in ",;") if last else 0.0,
        float(last in ")]") if last else 0.0,
        float(last == "?"),
        float(bool(piece.quotes)),
        float(piece.quotes[0][0]) if piece.quotes else -1.0,
        float(len(italic)),
        float(italic[0].start) if italic else -1.0,
        _fraction(sum(e.end - e.start for e in italic), len(text)),
        _fraction(bold, len(text)),
        float(len(_INITIAL.findall(text))),
        float(text.count(",")),
        float(bool(re.search(r"\bet al\b", text))),
        float(bool(re.search(r"\b(?:and|&|et|y|und|e)\b", text))),
        float(bool(marks.YEAR.search(text))),
        float(bool(_YEAR_BRACKETS.search(text))),
        float(bool(_PAGES.search(text))),
        float(bool(_INVERTED.match(text))),
        float(bool(_IN_FULL.match(text))),
        float(("named", "dated", "numbered", "roman").index(mark.kind) + 1) if mark else 0.0,
        float(mark.number or 0) if mark else -1.0,
        float(len(text) - mark.end) if mark else -1.0,
        float(marks.is_date(text)),
        float(bool(re.fullmatch(r"\W*\d{1,3}\W*", text))),
        float(bool(re.search(r"\d{1,2}:\d\d|\b\d{1,2}\s?(?:am|pm)\b", text, re.I))),
        float(not re.search(r"\w", text)),
        *(float(name in common) for name in WORDS),
        *(
            float(name in common and common[name][0] < 3)
            for name in ("more", "required", "reading", "watch", "work", "noclass", "people")
        ),
        *_links(piece),
        float(is_by_line(text)),
        float(is_names(text)),
    ]


KEY_COLUMNS = (
    0,
    1,
    3,
    5,
    8,
    10,
    11,
    16,
    18,
    20,
    21,
    22,
    25,
    27,
    30,
    32,
    33,
    *range(37, 52),
    57,
    58,
    59,
    62,
    65,
    71,
    72,
)
"""Which of a piece's own numbers its neighbours see."""


@lru_cache(maxsize=4096)  # many pieces stand below the same heading
def _said(text: str) -> tuple[float, ...]:
    """What the words around a piece say: a heading, a column's name, a label, a parent."""
    text = text[:120]
    common = said(text)
    return (*(float(name in common) for name in _SAID), float(len(text.split())))


_SAID = (
    "more",
    "required",
    "reading",
    "watch",
    "work",
    "admin",
    "noclass",
    "people",
    "topic",
    "date",
)


def _place(piece: Piece, order: int, total: int) -> list[float]:
    item = piece.source
    marker = piece.item.marker
    return [
        *(float(piece.kind == kind) for kind in _KINDS),
        *(float(piece.cut == cut) for cut in _CUTS),
        float(piece.level),
        float(item.depth),
        float(marker[:1].isdigit()),
        float(bool(marker)),
        order / max(total, 1),
        float(piece.column),
        float(piece.columns),
        float(piece.row),
        float(piece.start),
        float(len(piece.path)),
        float("opt" in item.anchor.lower()),
        float(piece.form == "html"),
        float(piece.form == "text"),
        float(piece.form == "post"),
        float(bool(piece.label)),
        float(bool(piece.header)),
        *_said(piece.path[-1] if piece.path else ""),
        *_said(" ".join(piece.path[:-1][-2:])),
        *_said(piece.parent),
        *_said(piece.header),
        *_said(piece.label),
    ]


def _beside_readings(pieces: Sequence[Piece]) -> NDArray[np.float32]:
    """Whether another column of the table than the piece's own is named for readings."""
    import numpy as np

    named: dict[tuple[int, int], set[int]] = {}
    for piece in pieces:
        if "reading" in said(piece.header[:120]):
            named.setdefault((piece.file, piece.table), set()).add(piece.column)
    others = [named.get((p.file, p.table), set()) - {p.column} for p in pieces]
    return np.array([[float(bool(own))] for own in others], np.float32)


def features(pieces: Sequence[Piece]) -> NDArray[np.float32]:
    """One row for each piece of a page."""
    import numpy as np

    own = np.array([_own(piece) for piece in pieces], np.float32)
    total = len(pieces)
    place = np.array([_place(p, n, total) for n, p in enumerate(pieces)], np.float32)
    key = own[:, KEY_COLUMNS]
    parts = [own, place]
    lines = np.cumsum([p.cut not in {"stop", "dash", "link", "label"} for p in pieces])
    for by in (1, 2, -1, -2):
        same = (shifted(lines[:, None].astype(np.float32), by) == lines[:, None]).astype(np.float32)
        cuts = np.array(
            [[_CUTS.index(p.cut), p.level, p.source.depth, p.row, p.column] for p in pieces],
            np.float32,
        )
        parts += [shifted(key, by), shifted(cuts, by), same]
    for group in groups(pieces):
        size = np.bincount(group)[group][:, None].astype(np.float32)
        at = np.zeros((total, 1), np.float32)
        seen: dict[int, int] = {}
        for n, g in enumerate(group):
            at[n] = seen[g] = seen.get(g, -1) + 1
        parts += [group_means(key, group), np.minimum(size, 100), np.minimum(at, 20)]
    since = np.zeros((total, 3), np.float32)
    last = [-50, -50, -50]
    for n, p in enumerate(pieces):
        mark = own[n, 30]
        if p.level:
            last[0] = n
        if mark in (1, 2) and p.cut in {"block", "cell", "line"}:
            last[1] = n
        if own[n, 39] and own[n, 1] < 8:
            last[2] = n
        since[n] = [min(n - one, 50) for one in last]
    parts += [since, repeated(pieces), _beside_readings(pieces)]
    page = np.array(
        [
            total,
            np.mean([bool(p.item.links) for p in pieces]),
            np.mean([p.kind == "item" for p in pieces]),
            np.mean([p.kind == "cell" for p in pieces]),
            len({p.file for p in pieces}),
        ],
        np.float32,
    )
    parts.append(np.repeat(page[None], total, 0))
    return np.hstack(parts)
