"""Clean lines of a PDF with their geometry → drafts of blocks. Pure: no file, no PDF library.

Lines become headings, paragraphs, items, tables and formulas by kind, leading and indent. All of
these are heuristics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from seminar_rag.documents.pdf_clean import CELL, Line, Style, about_equal, join_line, letters_of
from seminar_rag.types import BlockKind

SENTENCE_END = re.compile(r"[.!?:…。！？：؟۔][\"'”’)\]」』）]*$")
NUMBERED = re.compile(
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,3}|[A-Z](?:\.\d{1,2}){1,3}|[A-K]|[IVX]{1,5})"
    r"(?P<dot>\.?)\s+(?=[A-Z“\"'(])"
)
_CAPTION = re.compile(
    r"(Figure|Fig\.|Table|Tab\.|Algorithm|Listing|Exhibit)\s?[A-Z]?\.?\d+(\.\d+)*\s?[:.|—-]"
)
_OPENING = re.compile(r"(?i)\W*(abstract|(1\.? )?introduction)\b")
_BULLET = re.compile(
    r"([•◦▪‣●○■–·∙⋅➢✓*-])\s+(?=\S)|(\(?(\d{1,2}|[a-z]|[ivx]{1,4})[.)]|\[\d{1,3}\])\s+(?=\S)"
)
_MATH = re.compile(r"[=<>≤≥∈∑∏∫√∝→←⇒∂∇±×·∗∀∃∞≈≠θλσπμϵεφψωαβγδτρ|{}^_∥⊙⊕]")
_NUMERIC = re.compile(r"[-+–±]?[$€]?\d[\d,.]*[%kKMBx†‡*]*|[-–—✓✗✔✘]")
REFERENCES = frozenset(
    {"references", "bibliography", "references cited", "works cited", "literature cited"}
)
NAMES = frozenset(
    "abstract|introduction|conclusion|conclusions|concluding remarks|related work|related works"
    "|background|preliminaries|method|methods|methodology|approach|experiments|experimental setup"
    "|experimental results|evaluation|results|analysis|discussion|limitations|limitation"
    "|future work|ethics statement|ethical considerations|broader impact|impact statement"
    "|acknowledgments|acknowledgements|acknowledgment|acknowledgement|appendix|appendices"
    "|summary|conclusion and future work|conclusions and future work|contributions"
    "|reproducibility statement|supplementary material|overview|keywords".split("|")
) | REFERENCES  # fmt: skip


def title_lines(lines: Sequence[Line], style: Style) -> tuple[list[Line], int]:
    """The lines of the title, and how many lines stand above the abstract or the introduction. The
    title is set in the largest unrotated lines there."""
    first = [line for line in lines if line.page == lines[0].page]
    cut = next((i for i, line in enumerate(first) if _OPENING.match(line.text)), 0)
    above = [
        line
        for line in (first[:cut] or first)[:40]
        if len(re.findall(r"[^\W\d_]", line.text)) > 2 and not line.rotated
    ]
    largest = max((line.size for line in above), default=0.0)
    if largest < 1.05 * style.body:
        return [], cut
    start = next(i for i, line in enumerate(above) if line.size >= 0.97 * largest)
    out = list(takewhile(lambda line: line.size >= 0.97 * largest, above[start : start + 6]))
    words = [word for line in out for word in line.text.split()]
    worded = words[0][0].isupper() or len(words) > 3 or words[0][0].isdigit()
    return (out if worded and len(words) <= 50 else []), cut


@dataclass(slots=True)
class BlockDraft:
    """A block while it is built, from its line `first` to its line `tail`."""

    kind: BlockKind
    text: str
    first: Line
    tail: Line
    level: int = 0
    lines: int = 1
    caption: bool = False
    full: bool = False
    """Its last line reaches the column's right edge."""

    @property
    def open(self) -> bool:
        """Whether a sentence of running text is unfinished."""
        prose = self.kind in ("paragraph", "item") and not self.caption and not self.text.isupper()
        return prose and (self.tail.hyphen or not SENTENCE_END.search(self.text))


def drafts_of(
    lines: Sequence[Line], style: Style, levels: dict[str, int], title: Sequence[Line], front: int
) -> list[BlockDraft]:
    """The lines as drafts of blocks, in order; rotated lines are left out.

    Args:
        levels: level by letters of the headings that the document's bookmarks name.
        title: the lines of the title, which becomes a heading.
        front: how many lines stand above the abstract; no other heading is among them.
    """
    regions = _regions(lines)
    rows = _table_rows(lines)
    named = frozenset(map(id, title))
    drafts: list[BlockDraft] = []
    for i, line in enumerate(lines):
        if line.rotated:
            continue
        level = 1 if id(line) in named else 0 if i < front else _heading(line, style, levels)
        last = drafts[-1] if drafts else None
        kind: BlockKind = (
            "heading" if level else "table" if i in rows and i >= front else "paragraph"
        )
        if kind == "paragraph":
            kind = _prose_kind(line, last, regions[i])
        if last is not None and _continues(last, line, kind, level, style, regions[i]):
            _extend(last, line, style)
        else:
            last = _start(line, kind, level)
            drafts.append(last)
        last.full = _is_full(line, regions[i])
    return drafts


def _is_full(line: Line, edges: tuple[float, float]) -> bool:
    """Whether the line fills its column."""
    left, right = edges
    return line.x1 > right - 0.08 * (right - left)


def _prose_kind(line: Line, last: BlockDraft | None, edges: tuple[float, float]) -> BlockKind:
    if _is_math(line, *edges):
        return "code"
    beside = (
        last is not None
        and last.kind == "code"
        and last.tail.page == line.page
        and abs(last.tail.base - line.base) < 1.6 * line.size
    )
    if beside and len(_words(line.text)) < 2 and line.x0 > edges[0] + line.size:
        return "code"
    return "item" if _BULLET.match(line.text) else "paragraph"


def _words(text: str) -> list[str]:
    """Words as in prose: at least three letters, and not the name of a function."""
    return re.findall(r"[^\W\d_]{3,}(?![\w(])", text)


def _start(line: Line, kind: BlockKind, level: int) -> BlockDraft:
    text = line.text
    caption = _CAPTION.match(text) is not None and kind not in ("heading", "code")
    if caption:
        kind = "paragraph"
    if kind == "item":
        text = re.sub(r"^[•◦▪‣●○■·∙⋅➢*–-]\s+", "", text)
    text = text.replace(CELL, " | " if kind == "table" else " ")
    return BlockDraft(kind, text, line, line, level, caption=caption)


def _extend(draft: BlockDraft, line: Line, style: Style) -> None:
    if draft.kind == "table":
        draft.text += ("-" if draft.tail.hyphen else "") + "\n" + line.text.replace(CELL, " | ")
    elif draft.kind == "code":
        draft.text += "\n" + line.text.replace(CELL, " ")
    else:
        text = line.text.replace(CELL, " ")
        draft.text = join_line(draft.text, draft.tail.hyphen, text, style.vocabulary)
    draft.tail = line
    draft.lines += 1


def _continues(
    draft: BlockDraft,
    line: Line,
    kind: BlockKind,
    level: int,
    style: Style,
    edges: tuple[float, float],
) -> bool:
    """Whether `line` belongs to the block before it."""
    tail = draft.tail
    step = tail.base - line.base
    if tail.page != line.page:
        return False
    if kind == draft.kind == "code":
        return -1.6 * line.size < step < 3 * line.size
    if step < -0.3 * line.size or not _overlap(tail, line):
        return False
    if kind == "item" and draft.kind in ("paragraph", "item"):
        return bool(tail.hyphen) or (_dashed(line) and draft.open)
    if draft.kind == "item" and kind == "paragraph":
        kind = "item"
    if kind != draft.kind or _CAPTION.match(line.text):
        return False
    if kind == "heading":
        same = about_equal(tail.size, line.size) and tail.bold == line.bold and level == draft.level
        return same and step < 2 * line.size and not NUMBERED.match(line.text)
    if kind == "table":
        return step < 3 * line.size
    return _flows(draft, line, step, style, edges)


def _dashed(line: Line) -> bool:
    """Whether a line may only look like an item: a dash in a sentence, "a)" of an enumeration."""
    return line.text[0] in "–*-·[" or line.text[0].isalnum()


def _overlap(a: Line, b: Line) -> bool:
    """Whether two lines stand above each other, or nearly so."""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > -2 * max(a.size, b.size)


def _flows(
    draft: BlockDraft, line: Line, step: float, style: Style, edges: tuple[float, float]
) -> bool:
    """Whether a line of prose continues the paragraph above it, by leading, size and indent."""
    tail = draft.tail
    if tail.hyphen:
        return about_equal(tail.size, line.size, 0.15)
    leading = max(style.leading * line.size / style.body, 1.1 * line.size)
    left, right = edges
    typed = (
        draft.open and draft.full and abs(line.x0 - tail.x0) < line.size and step < 1.2 * leading
    )
    if not about_equal(tail.size, line.size, 0.25 if typed else 0.08) or step > 1.35 * leading:
        return False
    width = max(right - left, 1.0)
    done = SENTENCE_END.search(draft.text) is not None and not line.text[0].islower()
    indented = line.x0 - tail.x0 > 0.7 * line.size
    short = tail.x1 < right - 0.12 * width
    if draft.kind == "item":
        return not (done and short)
    if done and (indented or short):
        return False
    return not (tail.x1 < right - 0.4 * width and not line.text[0].islower())


def _regions(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """For each line the left and right edge of the column that it stands in. The right edge is
    where most lines of this size and left edge end; where there are few, the end of the longest
    line in the same run."""
    ends: dict[tuple[int, int], Counter[float]] = {}
    for line in lines:
        ends.setdefault(_setting(line), Counter())[round(line.x1 / 3) * 3.0] += 1
    out: list[tuple[float, float]] = []
    start = 0
    for i in range(1, len(lines) + 1):
        if i < len(lines):
            a, b = lines[i - 1], lines[i]
            if a.page == b.page and b.base < a.base + 0.5 * b.size and _overlap(a, b):
                continue
        run = lines[start:i]
        lefts = sorted(line.x0 for line in run)
        rights = sorted(line.x1 for line in run)
        left, right = lefts[len(run) // 10], rights[-1 - len(run) // 20]
        for line in run:
            setting = ends[_setting(line)]
            common = setting.most_common(1)
            known = common[0][1] >= max(4, 0.4 * setting.total())
            out.append((left, max(common[0][0], line.x1) if known else right))
        start = i
    return out


def _setting(line: Line) -> tuple[int, int]:
    """The size and left edge of a line, rounded: equal for lines of one column."""
    return round(line.size), round(line.x0 / 3)


def _heading(line: Line, style: Style, levels: dict[str, int]) -> int:
    """The heading's level, or 0."""
    text = line.text
    if len(text) > 120 or line.hyphen or CELL in text or not re.search(r"[^\W\d_]{2}", text):
        return 0
    name_key = letters_of(text)
    large, strong = line.size >= 1.08 * style.body, line.bold or line.size >= 1.08 * style.body
    number = NUMBERED.match(text)
    capitals = text.isupper() and len(text) > 5
    if name_key in levels and (strong or number or capitals):
        return levels[name_key]
    name = re.sub(r"\W+", " ", text[number.end() :] if number else text).strip().lower()
    ends = text.endswith((",", ";", ":"))
    if name in NAMES and (strong or number or text[:1].isupper()) and not ends:
        return 1
    if re.search(r"[,;:]$|[a-z)]\.$", text) or len(text.split()) > 14 or _CAPTION.match(text):
        return 0
    if number and (strong or capitals or number["number"].count(".") >= 2):
        return min(number["number"].count(".") + 1, 6)
    if large and line.bold and text[0].isupper() and len(text) < 80:
        return 1 if line.size >= 1.15 * style.body else 2
    return 0


def _is_row(line: Line) -> bool:
    """Whether a line looks like the row of a table: three cells, or mostly numbers."""
    cells = line.text.count(CELL) + 1
    tokens = line.text.split()
    numbers = sum(1 for token in tokens if _NUMERIC.fullmatch(token))
    return cells >= 3 or (len(tokens) >= 4 and numbers >= 0.5 * len(tokens))


def _table_rows(lines: Sequence[Line]) -> set[int]:
    """Indices of lines that are rows of a table: runs of rows, and what stands between two."""
    rows = {i for i, line in enumerate(lines) if _is_row(line) and not line.rotated}
    for i in range(1, len(lines) - 1):
        between = i - 1 in rows and i + 1 in rows
        beside = (i - 1 in rows or i + 1 in rows) and CELL in lines[i].text
        if between or beside:
            rows.add(i)
    return {i for i in rows if i - 1 in rows or i + 1 in rows}


def _is_math(line: Line, left: float, right: float) -> bool:
    """A displayed formula: few words, symbols, and not at the column's left edge."""
    words = _words(line.text)
    if len(words) > 3 or not (_MATH.search(line.text) or re.search(r"\(\d{1,3}\)$", line.text)):
        return False
    letters = sum(map(len, words))
    centred = line.x0 - left > line.size and line.x1 - line.x0 < 0.98 * (right - left)
    return letters < 0.45 * len(line.text) and (centred or not words)
