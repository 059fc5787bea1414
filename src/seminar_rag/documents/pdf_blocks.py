"""Clean lines of a PDF with their geometry → title and blocks. Pure: no file, no PDF library.

Lines become drafts by kind, leading and indent; drafts are then joined over columns and pages,
and figure lettering, tables of contents and the references are left out. All of these are
heuristics; where one would leave nothing of a document, it is not applied.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from seminar_rag.documents.pdf_clean import (
    CELL,
    Line,
    Page,
    Style,
    append,
    clean,
    fold,
    key,
    near,
    style_of,
)
from seminar_rag.types import Block, BlockKind

_SENTENCE_END = re.compile(r"[.!?:…][\"'”’)\]]*$")
_NUMBERED = re.compile(
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,3}|[A-Z](?:\.\d{1,2}){1,3}|[A-K]|[IVX]{1,5})"
    r"(?P<dot>\.?)\s+(?=[A-Z“\"'(])"
)
_APPENDIX = re.compile(r"(?i)(appendi(x|ces)|supplementary|supplemental)\b|[A-K](\.\d{1,2})*\.?\s")
_CAPTION = re.compile(
    r"(Figure|Fig\.|Table|Tab\.|Algorithm|Listing|Exhibit)\s?[A-Z]?\.?\d+(\.\d+)*\s?[:.|—-]"
)
_LEADER = re.compile(r"(?:[.·…]\s?){5,}\s*(\d+|[ivxl]+)(\n|\s|$)")
_OPENING = re.compile(r"(?i)\W*(abstract|(1\.? )?introduction)\b")
# Words whose full stop ends no sentence.
_ABBREVIATED = frozenset("al fig figs eq eqs sec e.g i.e cf vs tab dr st no resp approx".split())
_BULLET = re.compile(
    r"([•◦▪‣●○■–·∙⋅➢✓*-])\s+(?=\S)|(\(?(\d{1,2}|[a-z]|[ivx]{1,4})[.)]|\[\d{1,3}\])\s+(?=\S)"
)
_MATH = re.compile(r"[=<>≤≥∈∑∏∫√∝→←⇒∂∇±×·∗∀∃∞≈≠θλσπμϵεφψωαβγδτρ|{}^_∥⊙⊕]")
_NUMERIC = re.compile(r"[-+–±]?[$€]?\d[\d,.]*[%kKMBx†‡*]*|[-–—✓✗✔✘]")
_REFERENCES = frozenset(
    {"references", "bibliography", "references cited", "works cited", "literature cited"}
)
_REFERENCE_KEYS = frozenset(name.replace(" ", "") for name in _REFERENCES)
_CITES = re.compile(r"\b(19|20)\d\d\b|\bet al\b|\bpp?\.|\barXiv\b|\bdoi\b|^\[\d+\]")
_NAMES = frozenset(
    "abstract|introduction|conclusion|conclusions|concluding remarks|related work|related works"
    "|background|preliminaries|method|methods|methodology|approach|experiments|experimental setup"
    "|experimental results|evaluation|results|analysis|discussion|limitations|limitation"
    "|future work|ethics statement|ethical considerations|broader impact|impact statement"
    "|acknowledgments|acknowledgements|acknowledgment|acknowledgement|appendix|appendices"
    "|summary|conclusion and future work|conclusions and future work|contributions"
    "|reproducibility statement|supplementary material|overview|keywords".split("|")
) | _REFERENCES  # fmt: skip
_NAME_KEYS = frozenset(name.replace(" ", "") for name in _NAMES)


@dataclass(frozen=True, slots=True)
class Arranged:
    """What `arrange` makes of a document."""

    title: str | None
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


def arrange(pages: Sequence[Page], outline: Sequence[tuple[int, str]] = ()) -> Arranged:
    """The title and the blocks of a document.

    `outline` holds (depth from 1, title) of the document's bookmarks: a line of that text is a
    heading of that depth.
    """
    lines = clean(pages)
    if not lines:
        return Arranged(None, ())
    style = style_of(lines)
    levels = {key(title): min(depth, 6) for depth, title in outline if key(title)}
    title_lines, front = _title_lines(lines, style)
    title = fold(" ".join(line.text for line in title_lines)) or None
    drafts = _drafts(lines, style, levels, title_lines, front)
    drafts = _without_debris(_once(_with_heads(drafts)), style) or drafts
    drafts = _joined(drafts, style)
    drafts, notes = _without_references(drafts)
    return Arranged(title, tuple(_placed(drafts)), notes)


def _title_lines(lines: Sequence[Line], style: Style) -> tuple[list[Line], int]:
    """The largest unrotated lines of page 1 above the abstract (or the introduction).

    Also how many of `lines` stand above it: nothing there but the title is a heading.
    """
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
    said = words[0][0].isupper() or len(words) > 3 or words[0][0].isdigit()
    return (out if said and len(words) <= 50 else []), cut


# -- blocks -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A block being built. `tail` is its last line; `hyphen` tells whether text ends mid-word."""

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
        return prose and (self.tail.hyphen or not _SENTENCE_END.search(self.text))


def _drafts(
    lines: Sequence[Line],
    style: Style,
    levels: dict[str, int],
    title: Sequence[Line],
    front: int,
) -> list[_Draft]:
    regions = _regions(lines)
    rows = _table_rows(lines)
    named = frozenset(map(id, title))
    drafts: list[_Draft] = []
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
    """Whether the line fills its column; one that is alone in its run makes no column."""
    left, right = edges
    return left < right and line.x1 > right - 0.08 * (right - left)


def _prose_kind(line: Line, last: _Draft | None, edges: tuple[float, float]) -> BlockKind:
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


def _start(line: Line, kind: BlockKind, level: int) -> _Draft:
    text = line.text
    caption = _CAPTION.match(text) is not None and kind not in ("heading", "code")
    if caption:
        kind = "paragraph"
    if kind == "item":
        text = re.sub(r"^[•◦▪‣●○■·∙⋅➢*–-]\s+", "", text)
    text = text.replace(CELL, " | " if kind == "table" else " ")
    return _Draft(kind, text, line, line, level, caption=caption)


def _extend(draft: _Draft, line: Line, style: Style) -> None:
    if draft.kind == "table":
        draft.text += ("-" if draft.tail.hyphen else "") + "\n" + line.text.replace(CELL, " | ")
    elif draft.kind == "code":
        draft.text += "\n" + line.text.replace(CELL, " ")
    else:
        text = line.text.replace(CELL, " ")
        draft.text = append(draft.text, draft.tail.hyphen, text, style.vocabulary)
    draft.tail = line
    draft.lines += 1


def _continues(
    draft: _Draft,
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
    if draft.caption and kind in ("paragraph", "item", "table"):
        return near(tail.size, line.size) and step < 1.3 * max(style.leading, line.size) and not (
            kind == "table" or _CAPTION.match(line.text)
        )  # fmt: skip
    if kind == "item" and draft.kind in ("paragraph", "item"):
        return bool(tail.hyphen) or (_dashed(line) and draft.open)
    if draft.kind == "item" and kind == "paragraph":
        kind = "item"
    if kind != draft.kind or _CAPTION.match(line.text):
        return False
    if kind == "heading":
        same = near(tail.size, line.size) and tail.bold == line.bold and level == draft.level
        return same and step < 2 * line.size and not _NUMBERED.match(line.text)
    if kind == "table":
        return step < 3 * line.size
    return _flows(draft, line, step, style, edges)


def _dashed(line: Line) -> bool:
    """A line that only looks like an item: a sentence's dash, "a)" of an enumeration."""
    return line.text[0] in "–*-·[" or line.text[0].isalnum()


def _overlap(a: Line, b: Line) -> bool:
    return min(a.x1, b.x1) - max(a.x0, b.x0) > -2 * max(a.size, b.size)


def _flows(
    draft: _Draft, line: Line, step: float, style: Style, edges: tuple[float, float]
) -> bool:
    """Whether a line of prose goes on with the paragraph above it: by leading, size and indent."""
    tail = draft.tail
    if tail.hyphen:
        return near(tail.size, line.size, 0.15)
    leading = max(style.leading * line.size / style.body, 1.1 * line.size)
    left, right = edges
    typed = (
        draft.open and draft.full and abs(line.x0 - tail.x0) < line.size and step < 1.2 * leading
    )
    if not near(tail.size, line.size, 0.25 if typed else 0.08) or step > 1.35 * leading:
        return False
    width = max(right - left, 1.0)
    done = _SENTENCE_END.search(draft.text) is not None and not line.text[0].islower()
    indented = line.x0 - tail.x0 > 0.7 * line.size
    short = tail.x1 < right - 0.12 * width
    if draft.kind == "item":
        back = line.x0 < draft.first.x0 - 0.5 * line.size
        return not (back and (done or short)) and not (
            done and short and line.x0 <= draft.first.x0 + 1
        )
    if done and (indented or short):
        return False
    return not (tail.x1 < right - 0.4 * width and not line.text[0].islower())


def _regions(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """For each line the left and right edge of the column that it stands in.

    They are equal where a line stands alone and nothing tells the column's width.

    The right edge is where most lines of this size and left edge end; where there are few, the
    end of the longest line in the same run.
    """
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
            alone = left if len(run) == 1 else right
            out.append((left, max(common[0][0], line.x1) if known else alone))
        start = i
    return out


def _setting(line: Line) -> tuple[int, int]:
    return round(line.size), round(line.x0 / 3)


def _heading(line: Line, style: Style, levels: dict[str, int]) -> int:
    """The heading's level, or 0."""
    text = line.text
    if len(text) > 120 or line.hyphen or CELL in text or not re.search(r"[^\W\d_]{2}", text):
        return 0
    name_key = key(text)
    large, strong = line.size >= 1.08 * style.body, line.bold or line.size >= 1.08 * style.body
    number = _NUMBERED.match(text)
    capitals = text.isupper() and len(text) > 5
    if name_key in levels and (strong or number or capitals):
        return levels[name_key]
    name = re.sub(r"\W+", " ", text[number.end() :] if number else text).strip().lower()
    ends = text.endswith((",", ";", ":"))
    if name in _NAMES and (strong or number or text[:1].isupper()) and not ends:
        return 1
    if re.search(r"[,;:]$|[a-z)]\.$", text) or len(text.split()) > 14 or _CAPTION.match(text):
        return 0
    if number and (strong or capitals or number["number"].count(".") >= 2):
        return min(number["number"].count(".") + 1, 6)
    if large and line.bold and text[0].isupper() and len(text) < 80:
        return 1 if line.size >= 1.15 * style.body else 2
    return 0


def _is_row(line: Line) -> bool:
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


# -- after the lines --------------------------------------------------------------------------


def _with_heads(drafts: list[_Draft]) -> list[_Draft]:
    """Give a table the short lines right above it: its column heads."""
    out: list[_Draft] = []
    for draft in drafts:
        head = out[-1] if out else None
        if (
            draft.kind == "table"
            and head is not None
            and head.kind == "paragraph"
            and not (head.caption or head.full or _SENTENCE_END.search(head.text))
            and head.lines <= 2
            and head.tail.page == draft.first.page
            and 0 < head.tail.base - draft.first.base < 3 * draft.first.size
        ):
            draft.text = f"{head.text}\n{draft.text}"
            draft.first = head.first
            out.pop()
        out.append(draft)
    return out


def _once(drafts: list[_Draft]) -> list[_Draft]:
    """Drop a line that its page says twice (slides set their titles so); a heading stays."""
    said: dict[tuple[int, str], _Draft] = {}
    for draft in drafts:
        name = (draft.first.page, draft.text.lower())
        if draft.lines == 1 and (name not in said or draft.kind == "heading"):
            said[name] = draft
    return [
        draft
        for draft in drafts
        if draft.lines > 1
        or draft.kind in ("table", "code")
        or len(draft.text) < 12
        or said[draft.first.page, draft.text.lower()] is draft
    ]


def _without_debris(drafts: list[_Draft], style: Style) -> list[_Draft]:
    """Drop the lettering of figures (small or scattered words) and tables of contents.

    Figures only in documents that have running text, so that slides and forms stay whole.
    """
    drafts = _without_contents(drafts)
    prose = sum(1 for draft in drafts if draft.kind == "paragraph" and draft.lines >= 3)
    if prose < 5:
        return drafts
    numbered = sum(draft.kind == "heading" and draft.text[0].isdigit() for draft in drafts) > 2
    return [
        draft
        for draft, after in zip(drafts, [*drafts[1:], None], strict=True)
        if not (_is_debris(draft, style) or _is_lettering(draft, after, numbered))
    ]


def _without_contents(drafts: list[_Draft]) -> list[_Draft]:
    """Drop tables of contents: lines with leaders, and lines with page numbers below "Contents"."""
    out: list[_Draft] = []
    inside = False
    for draft in drafts:
        if draft.kind == "heading" and key(draft.text) in ("contents", "tableofcontents"):
            inside = True
            continue
        listed = all(re.search(r"\d$", row) for row in draft.text.split("\n"))
        inside = inside and (listed or _LEADER.search(draft.text) is not None)
        if not inside and not _LEADER.search(draft.text):
            out.append(draft)
    return out


def _is_lettering(draft: _Draft, after: _Draft | None, numbered: bool) -> bool:
    """A few words, no sentence, right above the caption of a figure.

    Large lettering looks like a heading; where headings have numbers, it is told by having none.
    """
    if after is None or not after.caption or after.first.page != draft.tail.page:
        return False
    if not after.text.startswith("Fig") or draft.lines > 2 or draft.caption:
        return False
    if draft.kind == "heading":
        named = _NUMBERED.match(draft.text) or key(draft.text) in _NAME_KEYS
        return numbered and not named
    return draft.kind == "paragraph" and not draft.full and not _SENTENCE_END.search(draft.text)


def _is_debris(draft: _Draft, style: Style) -> bool:
    if draft.kind in ("heading", "table", "item") or draft.caption:
        return False
    words = re.findall(r"[^\W\d_]{2,}", draft.text)
    if draft.kind == "code":
        return len(re.findall(r"\w", draft.text)) < 3
    if len(words) < 2:
        return not draft.tail.hyphen
    if draft.first.page == 1 or _SENTENCE_END.search(draft.text):
        return False
    small = draft.first.size < 0.85 * style.body
    return small and len(words) < 6 * draft.lines and len(words) < 40


def _joined(drafts: list[_Draft], style: Style) -> list[_Draft]:
    """Finish sentences that a column, a page or a float cut in two.

    Within a page the halves become one paragraph. Over a page break the sentence's end moves to
    the page where it starts and the rest stays a paragraph of its own page.
    """
    out = list(drafts)
    i = 0
    while i < len(out):
        j = _continuation(out, i)
        if j is None:
            i += 1
            continue
        head, rest = out[i], out[j]
        if head.tail.page == rest.first.page == head.first.page:
            text, remainder = rest.text, ""
        else:
            cut = _first_sentence(rest.text)
            text, remainder = rest.text[:cut].rstrip(), rest.text[cut:]
        head.text = append(head.text, head.tail.hyphen, text, style.vocabulary)
        head.tail = replace(rest.tail, hyphen=False) if remainder else rest.tail
        if remainder:
            rest.text = remainder
            i += 1
        else:
            del out[j]
    return out


def _continuation(drafts: Sequence[_Draft], i: int) -> int | None:
    """The index of the block that goes on with the unfinished sentence of block `i`.

    It begins with a small letter, or stands at the top of the next column or page; floats, notes
    and formulas in between are passed over.
    """
    head = drafts[i]
    broken = head.full or head.tail.hyphen
    if not head.open or not (broken or head.lines > 1):
        return None
    for j in range(i + 1, min(i + 40, len(drafts))):
        rest = drafts[j]
        if rest.kind == "heading" or rest.first.page > head.tail.page + 2:
            return None
        if rest.kind not in ("paragraph", "item") or rest.caption:
            continue
        if not near(rest.first.size, head.tail.size):
            continue
        lower = rest.text[0].islower() or (head.tail.hyphen and rest.text[0].isalpha())
        moves = _moves(head.tail, rest.first)
        if lower and (moves or (broken and j == i + 1)):
            return j if rest.kind == "paragraph" else None
        if not broken:
            return None
        if j == i + 1 and moves and rest.lines > 1:
            return j if rest.kind == "paragraph" else None
    return None


def _moves(tail: Line, line: Line) -> bool:
    """Whether `line` stands in a later column or on a later page, seen from `tail`."""
    return line.page > tail.page or line.base > tail.base + 5 * tail.size


def _first_sentence(text: str) -> int:
    """The end of the first sentence of `text`; all of it when no other sentence follows."""
    for match in re.finditer(r"[.!?][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z])", text):
        word = re.search(r"\S+$", text[: match.start()])
        last = (word[0] if word else "").lower().strip("([")
        if last not in _ABBREVIATED and len(last) > 1:
            return match.end()
    return len(text)


def _without_references(drafts: list[_Draft]) -> tuple[list[_Draft], tuple[str, ...]]:
    """Leave the list of references out: from its heading to the next heading over other text."""
    start = next((i for i, draft in enumerate(drafts) if _opens_references(draft)), None)
    if start is None:
        return drafts, ()
    stop = next(
        (i for i in range(start + 1, len(drafts)) if _ends_references(drafts, i)), len(drafts)
    )
    kept = drafts[:start] + drafts[stop:]
    size = sum(len(draft.text) for draft in drafts)
    if stop == start + 1 or sum(len(draft.text) for draft in kept) < 0.1 * size:
        return drafts, ()
    first, last = drafts[start].first.page, drafts[stop - 1].tail.page
    where = f"page {first}" if first == last else f"pages {first} to {last}"
    return kept, (f"The list of references ({where}) is left out of the passages.",)


def _opens_references(draft: _Draft) -> bool:
    return draft.kind == "heading" and key(draft.text) in _REFERENCE_KEYS


def _ends_references(drafts: Sequence[_Draft], i: int) -> bool:
    if drafts[i].kind != "heading":
        return False
    if _APPENDIX.match(drafts[i].text):
        return True
    below = " ".join(draft.text for draft in drafts[i + 1 : i + 4])[:600]
    return drafts[i].level == 1 and bool(below) and not _CITES.search(below)


def _placed(drafts: Iterable[_Draft]) -> Iterable[Block]:
    start = 0
    for draft in drafts:
        text = draft.text + ("-" if draft.tail.hyphen else "")
        text = text if draft.kind in ("table", "code") else fold(text)
        if text:
            yield Block(text, draft.kind, draft.level, draft.first.page, start)
            start += len(text) + 1
