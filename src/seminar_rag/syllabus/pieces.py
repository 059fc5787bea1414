"""A page's blocks as a sequence of pieces: the shortest stretches that may be one thing.

A list item may hold three readings and a label; a cell holds a date, a topic and what is due. So
blocks are cut wherever a reading, a label or a session could begin: at new lines, between cells,
after a label's colon, at ends of sentences, between links. Which piece is what, is decided later
(see `labels`). Every piece knows its place: heading path, table cell and column, list nesting.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from seminar_rag.syllabus.marks import MONTH_OF_DAY
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
_ORDINAL = re.compile(r"(?:^|\D)\d\d\.$")
_IN_MONTH = re.compile(MONTH_OF_DAY, re.I)
_DASH = re.compile(r"(?<!\s)\s+(?:[–—/|•·]|--?)\s+")
_LABEL = re.compile(r"^[^:“\"]{1,60}?[:：](?=\s|$|[“\"])\s*")
_BRACKETS = re.compile(r"\([^()]{1,300}\)|\[[^\[\]]{1,300}\]")
_AND = re.compile(r"(?:[,&+][^\w,&+]*|\b(?:and|or|und|et|y|e|ou|plus)\W*)$", re.I)
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
    return Cutter(item)(start, end)


class Cutter:
    """Cuts a block into parts, from left to right.

    Each link is looked at only by the parts that it reaches into: a line may hold thousands.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._links = _Passing(item.links, keep_empty=True)
        self._emphasis = _Passing(item.emphasis)

    def __call__(self, start: int, end: int) -> Item:
        """The part between two characters, without white space around it.

        Args:
            start: no less than the end of the part before.
        """
        item, text = self._item, self._item.text
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start == 0 and end == len(text):
            return item
        block = item.block
        offsets = block.offsets[start:end] if block.offsets is not None else None
        place = offsets[0] if offsets else block.source(start)
        return replace(
            item,
            block=replace(block, text=text[start:end], start=place, offsets=offsets),
            links=self._links.within(start, end),
            emphasis=self._emphasis.within(start, end),
            bold=max(0, min(item.bold, end) - start),
            breaks=_moved(item.breaks, start, end),
            hard=_moved(item.hard, start, end),
            cells=_moved(item.cells, start, end),
        )


class _Passing:
    """Links that are passed from left to right."""

    def __init__(self, links: Sequence[Link], keep_empty: bool = False) -> None:
        self._coming = sorted(enumerate(links), key=lambda one: -one[1].start)
        self._near: list[tuple[int, Link]] = []
        self._keep_empty = keep_empty

    def within(self, start: int, end: int) -> tuple[Link, ...]:
        """The links that reach into a part, each cut to it, in their order."""
        while self._coming and self._coming[-1][1].start <= end:
            self._near.append(self._coming.pop())
        self._near = sorted(one for one in self._near if one[1].end >= start)
        found = []
        for _, link in self._near:
            begin, stop = max(link.start, start), min(link.end, end)
            empty = self._keep_empty and link.start == link.end and start <= link.start <= end
            if begin < stop or empty:
                found.append(Link(link.url, begin - start, max(begin, stop) - start))
        return tuple(found)


def _moved(places: Sequence[int], start: int, end: int) -> tuple[int, ...]:
    """Of ascending places those between two characters, counted from the first."""
    inside = places[bisect_left(places, start) : bisect_left(places, end)]
    return tuple(at - start for at in inside)


class _Shut:
    """Stretches of a text inside which nothing begins: links and quotations."""

    def __init__(self, stretches: Sequence[tuple[int, int]]) -> None:
        ordered = sorted(stretches)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def free(self, at: int) -> bool:
        """Whether a place lies outside of them."""
        before = bisect_left(self._starts, at)
        return not before or self._reach[before - 1] <= at

    def end(self, at: int) -> int:
        """The last end of the stretches that begin here or before; -1 without any."""
        before = bisect_right(self._starts, at)
        return self._reach[before - 1] if before else -1


def page_pieces(items: Sequence[Item], form: str, file: int = 0) -> list[Piece]:
    """The pieces of a page in reading order."""
    found: list[Piece] = []
    headings: list[tuple[int, Item]] = []
    parents: list[tuple[int, str]] = []
    tables = 0
    soft = _lines_count(items, form)
    named = {item.text.casefold() for item in items if item.block.kind == "heading"}
    for number, item in enumerate(items):
        if item.comment is not None or not (item.text or item.links) or item.block.kind == "code":
            continue
        if _is_content(item, named):
            continue
        level = _level(item)
        if level:
            headings = [one for one in headings if one[0] < level]
        path = tuple(one.text for _, one in headings if set(one.boxes) <= set(item.boxes))
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
            headings.append((level, item))
        if depth:
            parents.append((depth, item.text[:200]))
    return found


def _is_content(item: Item, headings: Container[str]) -> bool:
    """Whether a block is an entry of the page's table of contents: a heading's name, linked."""
    if item.block.kind == "heading" or len(item.links) != 1:
        return False
    link = item.links[0]
    whole = link.start == 0 and link.end == len(item.text)
    return whole and link.url.startswith("#") and item.text.casefold() in headings


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
    cut = Cutter(item)
    first = [cut(a, b) for a, b in rows[0]] if rows else []
    plain = [cell for cell in first if not cell.links]
    named = len(rows) > 1 and 2 * len(plain) > len(first)
    named = named and not any(re.search(r"\d", cell.text) for cell in first)
    # Tables that a program wrote are headed by names of variables ("Lecture_Topic").
    header = [cell.text.replace("_", " ") for cell in first] if named else []
    cut = Cutter(item)
    for at, row in enumerate(rows):
        for column, (a, b) in enumerate(row):
            cell = cut(a, b)
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
    linked = [(one.start, one.end) for one in item.links]
    shut = [match.span() for match in QUOTE.finditer(item.text[:4000])]
    shut += [*linked, *((one.start, one.end) for one in item.emphasis)]
    free, hard = _Shut(linked).free, set(item.hard)
    breaks = [(at, "line") for at in item.hard if free(at)]
    if soft:
        free = _Shut(shut).free
        breaks += [(at, "soft") for at in item.breaks if at not in hard and free(at)]
    bounds = [(0, base.cut), *((at + 1, kind) for at, kind in sorted(breaks))]
    cut = Cutter(item)
    for order, (start, kind) in enumerate(bounds):
        end = bounds[order + 1][0] - 1 if order + 1 < len(bounds) else len(item.text)
        line = cut(start, end)
        if line.text or line.links:
            begin = start + len(item.text[start:end]) - len(item.text[start:end].lstrip())
            yield from _cut_line(replace(base, item=line, start=base.start + begin, cut=kind))


def _lines_count(items: Sequence[Item], form: str) -> bool:
    """Whether a new line in the source may begin something: not where lines are wrapped."""
    if form in {"html", "text"}:
        return False
    following = [
        item.text[at + 1 : at + 2]
        for item in items
        for at in set(item.breaks) - set(item.hard)
        if item.block.kind != "code"
    ]
    return sum(char.islower() for char in following) <= 0.2 * len(following)


def _cut_line(line: Piece) -> Iterator[Piece]:
    text = line.text
    quotes = [match.span() for match in QUOTE.finditer(text[:4000])]
    marked = [*quotes, *((link.start, link.end) for link in line.item.links)]
    shut = _Shut(marked)
    label = _LABEL.match(text)
    cuts: dict[int, str] = {}
    if label and shut.free(label.end() - 1) and not text.startswith("http"):
        cuts[label.end()] = "label"
    name = text[: label.end()].strip() if label and label.end() in cuts else ""
    for at in _stops(text, shut):
        cuts.setdefault(at, "stop")
    for match in _DASH.finditer(text):
        if shut.free(match.start()):
            cuts.setdefault(match.end(), "dash")
    starts = sorted({start for start, end in marked if start and end - start > 2})
    for at in _between_marked(text, starts, shut):
        cuts.setdefault(at, "link")
    bounds = sorted(at for at in cuts if 0 < at < len(text))
    cut = Cutter(line.item)
    opened = [start for start, _ in quotes]
    for start, end in pairwise([0, *bounds, len(text)]):
        item = cut(start, end)
        if not (item.text or item.links) and start:
            continue
        begin = start + len(text[start:end]) - len(text[start:end].lstrip())
        yield replace(
            line,
            item=item,
            start=line.start + begin,
            cut=cuts.get(start, line.cut) if start else line.cut,
            label=name if start else "",
            quotes=tuple(
                (a - begin, b - begin)
                for a, b in quotes[bisect_left(opened, start) : bisect_left(opened, end)]
            ),
        )


def _stops(text: str, shut: _Shut) -> Iterator[int]:
    """Where sentences begin, but not within brackets or after an abbreviation."""
    brackets = _Shut([match.span() for match in _BRACKETS.finditer(text)])
    for match in _STOP.finditer(text):
        at = match.start()
        free = shut.free(at) and brackets.free(at)
        before = text[max(0, at - 12) : at]
        if free and not (_ABBREVIATED.search(before) or _day(before, text[match.end() :])):
            yield match.end()


def _day(before: str, after: str) -> bool:
    """Whether a full stop makes a number that of a day: "12. Oktober"."""
    return bool(_ORDINAL.search(before) and _IN_MONTH.match(after[:24]))


def _between_marked(text: str, starts: Sequence[int], shut: _Shut) -> Iterator[int]:
    """Where a link or quotation begins that follows another one."""
    for before, at in pairwise([0, *starts]):
        end = shut.end(before)
        if shut.free(at) and end > before:
            gap = text[end:at]
            if not gap.strip(" ,;.()[]–-") or (_AND.search(gap) and at > before):
                yield at
