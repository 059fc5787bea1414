"""A page's blocks as a sequence of pieces: the shortest stretches that may be one thing.

A list item may hold three readings and a label; a cell holds a date, a topic and what is due. So
blocks are cut wherever a reading, a label or a session could begin: at new lines, between cells,
after a label's colon, at ends of sentences, between links. Which piece is what, is decided later
(see `labels`). Every piece knows its place: heading path, table cell and column, list nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from seminar_rag.syllabus.markup_text import Item, Link

_BOLD_LEVEL = 7
"""A bold line alone ranks as a heading below all real ones."""
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\[“\"])(?:(?:\w\.)*\w|vols?|nos?|pp?|pgs?|eds?|chs?|chaps?|chap|al|vs|etc|drs?|mrs?|ms|prof|st"
    r"|cf|e\.g|i\.e|univ|proc|conf|trans|transl|sec|secs|fig|rev|repr|approx|ca|intl?|jr|sr|hg|hrsg"
    r"|bd|s|t|cap|núm|n[ºo°]|art|orgs?|coords?|comps?|min|u\.s|jan|feb|mar|apr|jun|jul|aug|sept?|oct"
    r"|nov|dec)\.[\"”’)\]]*$",
    re.I,
)
_STOP = re.compile(r"(?<=[\w)\]][.?!])[\"”’)\]*]*\s+(?=[^\W\d_a-z]|[\d“\"‘'\[(])|(?<=[;|•·])\s+")
_DASH = re.compile(r"(?<!\s)\s+(?:[–—/|•·]|--?)\s+")
_LABEL = re.compile(r"^[^:“\"]{1,60}?[:：](?=\s|$|[“\"])\s*")
_BRACKETS = re.compile(r"\([^()]{1,300}\)|\[[^\[\]]{1,300}\]")
_AND = re.compile(r"(?:[,&+]|\b(?:and|or|und|et|y|e|ou|plus))\W*$", re.I)
QUOTE = re.compile(
    r"“[^“”]{3,}”|„[^„“”]{3,}[“”]|«[^«»]{3,}»|(?<!\w)\"[^\"]{3,}\"(?!\w)"
    r"|(?<!\w)‘[^‘\n]{8,}?’(?!\w)"
)


@dataclass(slots=True)
class Piece:
    """A stretch of a block that may be one thing, and its place on the page."""

    item: Item
    """The stretch: its text, links and emphasis."""
    source: Item
    """The block it was cut from."""
    start: int
    """Where it begins in the block's text."""
    cut: str
    """What parts it from the piece before: "block", "cell", "line", "soft", "label", "stop",
    "dash" or "link"."""
    block: int
    kind: str
    """The block's kind; "cell" in a table."""
    level: int = 0
    """Headings: 1 to 6; a bold line alone: 7."""
    path: tuple[str, ...] = ()
    """The headings above, outermost first."""
    parent: str = ""
    """The list item above that this one is nested in."""
    label: str = ""
    """The label that opens the piece's line ("Optional:"), for the pieces after it."""
    table: int = -1
    row: int = 0
    column: int = 0
    columns: int = 0
    header: str = ""
    """The name of the column."""
    form: str = ""
    file: int = 0
    """Which of several files (posts, session pages) the piece stands in."""
    quotes: tuple[tuple[int, int], ...] = field(default=())

    @property
    def text(self) -> str:
        """The piece's text."""
        return self.item.text

    @property
    def end(self) -> int:
        """Where it ends in the block's text."""
        return self.start + len(self.item.text)


def cut_item(item: Item, start: int, end: int) -> Item:
    """The part of a block between two characters, without white space around it."""
    text = item.text
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    block = item.block
    offsets = block.offsets[start:end] if block.offsets is not None else None
    place = offsets[0] if offsets else block.source(start)
    return replace(
        item,
        block=replace(block, text=text[start:end], start=place, offsets=offsets),
        links=_within(item.links, start, end, keep_empty=True),
        emphasis=_within(item.emphasis, start, end),
        bold=max(0, min(item.bold, end) - start),
        breaks=tuple(at - start for at in item.breaks if start <= at < end),
        hard=tuple(at - start for at in item.hard if start <= at < end),
        cells=tuple(at - start for at in item.cells if start <= at < end),
    )


def _within(
    links: Sequence[Link], start: int, end: int, keep_empty: bool = False
) -> tuple[Link, ...]:
    found = []
    for link in links:
        begin, stop = max(link.start, start), min(link.end, end)
        empty = keep_empty and link.start == link.end and start <= link.start <= end
        if begin < stop or empty:
            found.append(Link(link.url, begin - start, max(begin, stop) - start))
    return tuple(found)


def page_pieces(items: Sequence[Item], form: str, file: int = 0) -> list[Piece]:
    """The pieces of a page in reading order."""
    found: list[Piece] = []
    headings: list[tuple[int, str]] = []
    parents: list[tuple[int, str]] = []
    tables = 0
    soft = _lines_count(items, form)
    for number, item in enumerate(items):
        if item.comment is not None or not (item.text or item.links) or item.block.kind == "code":
            continue
        level = _level(item)
        if level:
            headings = [one for one in headings if one[0] < level]
        path = tuple(text for _, text in headings)
        if item.block.kind == "table":
            found += _table(item, number, tables, path, form, file, soft)
            tables += 1
            continue
        depth = item.depth if item.block.kind == "item" or item.depth else 0
        parents = [one for one in parents if one[0] < depth] if depth else []
        if level and not item.depth:
            parents = []
        base = Piece(
            item,
            item,
            0,
            "block",
            number,
            item.block.kind,
            level,
            path,
            parents[-1][1] if parents else "",
            form=form,
            file=file,
        )
        found += _cut(base, soft)
        if level:
            headings.append((level, item.text))
        if depth:
            parents.append((depth, item.text[:200]))
    return found


def _level(item: Item) -> int:
    if item.block.kind == "heading":
        return item.block.level or _BOLD_LEVEL
    bold = item.bold >= len(item.text.rstrip(" :.")) > 0
    return _BOLD_LEVEL if bold and len(item.text) < 200 and item.block.kind == "paragraph" else 0


def _table(
    item: Item, number: int, table: int, path: tuple[str, ...], form: str, file: int, soft: bool
) -> Iterator[Piece]:
    ends = [*((at, at + 3, "cell") for at in item.cells)]
    ends += [(m.start(), m.end(), "row") for m in re.finditer(r"\n", item.text)]
    rows: list[list[tuple[int, int]]] = [[]]
    start = 0
    for end, following, what in [*sorted(ends), (len(item.text), len(item.text), "row")]:
        rows[-1].append((start, end))
        start = following
        if what == "row":
            rows.append([])
    rows = [row for row in rows if any(item.text[a:b].strip() for a, b in row)]
    columns = max(map(len, rows), default=0)
    first = [cut_item(item, a, b) for a, b in rows[0]] if rows else []
    named = len(rows) > 1 and not any(cell.links or re.search(r"\d", cell.text) for cell in first)
    header = [cell.text for cell in first] if named else []
    for at, row in enumerate(rows):
        for column, (a, b) in enumerate(row):
            cell = cut_item(item, a, b)
            if not (cell.text or cell.links):
                continue
            lead = len(item.text[a:b]) - len(item.text[a:b].lstrip())
            base = Piece(
                cell,
                item,
                a + lead,
                "cell",
                number,
                "cell",
                0,
                path,
                form=form,
                file=file,
                table=table,
                row=at,
                column=column,
                columns=columns,
                header=header[column] if at and column < len(header) else "",
            )
            yield from _cut(base, soft)


def _cut(base: Piece, soft: bool) -> Iterator[Piece]:
    """The pieces of one block or cell; `soft`: a new line in the source may begin something."""
    item = base.item
    shut = [match.span() for match in QUOTE.finditer(item.text[:4000])]
    shut += [(one.start, one.end) for one in (*item.links, *item.emphasis)]
    linked = [(one.start, one.end) for one in item.links]
    breaks = [(at, "line") for at in item.hard if _free(linked, at)]
    if soft:
        breaks += [(at, "soft") for at in item.breaks if at not in item.hard and _free(shut, at)]
    bounds = [(0, base.cut), *((at + 1, kind) for at, kind in sorted(breaks))]
    for order, (start, kind) in enumerate(bounds):
        end = bounds[order + 1][0] - 1 if order + 1 < len(bounds) else len(item.text)
        line = cut_item(item, start, end)
        if line.text or line.links:
            begin = start + len(item.text[start:end]) - len(item.text[start:end].lstrip())
            yield from _cut_line(replace(base, item=line, start=base.start + begin, cut=kind))


def _lines_count(items: Sequence[Item], form: str) -> bool:
    """Whether a new line in the source may begin something: not where lines are wrapped."""
    if form == "html":
        return False
    following = [
        item.text[at + 1 : at + 2]
        for item in items
        for at in item.breaks
        if at not in item.hard and item.block.kind != "code"
    ]
    return sum(char.islower() for char in following) <= 0.2 * len(following)


def _cut_line(line: Piece) -> Iterator[Piece]:
    text = line.text
    quotes = [match.span() for match in QUOTE.finditer(text[:4000])]
    shut = [*quotes, *((link.start, link.end) for link in line.item.links)]
    label = _LABEL.match(text)
    cuts: dict[int, str] = {}
    if label and _free(shut, label.end() - 1) and not text.startswith("http"):
        cuts[label.end()] = "label"
    name = text[: label.end()].strip() if label and label.end() in cuts else ""
    for at in _stops(text, shut):
        cuts.setdefault(at, "stop")
    for match in _DASH.finditer(text):
        if _free(shut, match.start()):
            cuts.setdefault(match.end(), "dash")
    for at in _between_marked(text, shut):
        cuts.setdefault(at, "link")
    bounds = sorted(at for at in cuts if 0 < at < len(text))
    for start, end in pairwise([0, *bounds, len(text)]):
        item = cut_item(line.item, start, end)
        if not (item.text or item.links) and start:
            continue
        begin = start + len(text[start:end]) - len(text[start:end].lstrip())
        yield replace(
            line,
            item=item,
            start=line.start + begin,
            cut=cuts.get(start, line.cut) if start else line.cut,
            label=name if start else "",
            quotes=tuple((a - begin, b - begin) for a, b in quotes if start <= a < end),
        )


def _free(shut: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether a place lies outside of links and quotation marks."""
    return not any(start < at < end for start, end in shut)


def _stops(text: str, shut: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Where sentences begin, but not within brackets or after an abbreviation."""
    brackets = [match.span() for match in _BRACKETS.finditer(text)]
    for match in _STOP.finditer(text):
        at = match.start()
        if _free([*shut, *brackets], at) and not _ABBREVIATED.search(text[max(0, at - 12) : at]):
            yield match.end()


def _between_marked(text: str, shut: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Where a link or quotation begins that follows another one."""
    marked = sorted({start for start, end in shut if start and end - start > 2})
    for before, at in pairwise([0, *marked]):
        if _free(shut, at) and any(start <= before < end for start, end in shut):
            gap = text[max(end for start, end in shut if start <= before) : at]
            if not gap.strip(" ,;.()[]–-") or (_AND.search(gap) and at > before):
                yield at
