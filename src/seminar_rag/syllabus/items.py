"""What single items of a reading list look like: links, titles, groups, remarks. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seminar_rag.syllabus import names, words
from seminar_rag.syllabus.letters import CAPITALS
from seminar_rag.syllabus.markup import Item, Link
from seminar_rag.syllabus.sections import named_section
from seminar_rag.types import Block

STRONG_LEVEL = 7
"""Level of a bold paragraph that stands as a heading: below all real ones."""
_LETTER_LEVEL = 8
"""Level of a paragraph that opens with an item letter ("b. Title")."""
_WEB = re.compile(r"^(?:https?://|//|[^\s:#?][^\s:]*$)", re.I)
_URL_LINE = re.compile(r"<?https?://\S+$", re.I)
_LETTERED = re.compile(r"^\(?[a-z][.)]\s+\S")
_GLYPH = re.compile(r"^[+*•-]\s+\S")
_LABELLED = re.compile(r"^\W{0,3}([A-Za-z][\w ./-]{1,20}?)\s*:\s*\S")
_NAMED = re.compile(r"\W{0,4}([^:\n]{3,60}):\W{0,3}\s+(?=\S)")
_SUBTITLE = re.compile(
    r"(?:an?|the|towards?|how|what|why|when|where|from|for|in|on|is|are|can|do|does|using)\b"
)
_MOST_WORKS = 60
"""Works that one line may enumerate."""
_BARE_LABELS = frozenset({"optional", "required", "recommended", "mandatory", "supplementary"})
_PERSON = re.compile(
    r"^\W*(?:by|with|guests?|speakers?|presenters?|hosted\s+by|presented\s+by)\b[^.]{0,20}$", re.I
)
_NAME_PAIR = re.compile(rf"([{CAPITALS}][\w.+-]{{2,}})\s*/\s*([{CAPITALS}][\w.+-]{{2,}})")


# ---------------------------------------------------------------- cutting


def cut(block: Block, start: int, end: int) -> Block:
    """The part `text[start:end]` of a block, with its place, without space around it."""
    while start < end and block.text[start].isspace():
        start += 1
    while end > start and block.text[end - 1].isspace():
        end -= 1
    offsets = block.offsets[start:end] if block.offsets is not None else None
    return replace(block, text=block.text[start:end], start=block.source(start), offsets=offsets)


def cut_item(item: Item, start: int, end: int) -> Item:
    """The part `text[start:end]` of an item, with the links and line breaks in it."""
    block = cut(item.block, start, end)
    start += len(item.text[start:end]) - len(item.text[start:end].lstrip())
    size = len(block.text)
    links = [
        link for link in item.links if start <= link.start and link.start < max(end, start + 1)
    ]
    return replace(
        item,
        block=block,
        links=tuple(replace(k, start=k.start - start, end=min(k.end - start, size)) for k in links),
        breaks=tuple(at - start for at in item.breaks if start < at < start + size),
        bold=max(0, min(item.bold - start, size)),
    )


def refine(items: Sequence[Item]) -> list[Item]:
    """Items with one entry or attribute each.

    Lines that were folded into one paragraph are taken apart where the next line is a link, a
    labelled attribute or an item of its own; "Optional: Title" is a heading and an entry.
    """
    found: list[Item] = []
    for item in items:
        if item.block.kind not in {"item", "paragraph"} or not (item.text or item.links):
            found += [item] if item.text and not words.is_nothing(item.text) else []
            continue
        for part in _lines(item):
            for own in _unlabelled(part):
                if own.links or not words.is_nothing(own.text):
                    found += _several(own)
    return found


def _several(item: Item) -> list[Item]:
    """The works that one line enumerates ("[A](…), [B](…) and [C](…)"), each as an item."""
    works = links_of_works(item)
    if not 1 < len(works) <= _MOST_WORKS or re.search(r"\w", item.text[: works[0].start]):
        return [item]
    if any("://" in item.text[link.start : link.end] for link in works):
        return [item]
    for work, following in pairwise(works):
        text, at = "", work.end
        for link in (k for k in item.links if work.end <= k.start < following.start):
            text += item.text[at : link.start]
            at = link.end
        text += item.text[at : following.start]
        if words.normal(text).strip("[]()|,; ").lower() not in {"", "and", "&", "or", ",", ";"}:
            return [item]
    bounds = [0, *(link.start for link in works[1:]), len(item.text)]
    return [cut_item(item, start, end) for start, end in pairwise(bounds)]


def _lines(item: Item) -> list[Item]:
    bounds = [0]
    for number, at in enumerate(item.breaks):
        end = item.breaks[number + 1] if number + 1 < len(item.breaks) else len(item.text)
        if _opens_line(item.text[at + 1 : end]) or (0 < item.bold == at):
            bounds.append(at + 1)
    bounds.append(len(item.text))
    parts = [cut_item(item, a, b) for a, b in pairwise(bounds)]
    return [parts[0], *(_child(part, item) for part in parts[1:] if part.text or part.links)]


def _opens_line(line: str) -> bool:
    label = _LABELLED.match(line)
    return bool(
        _URL_LINE.match(line)
        or _LETTERED.match(line)
        or _GLYPH.match(line)
        or (label and (words.is_part(label.group(1)) or words.is_label(label.group(1))))
    ) and not words.is_metadata(line)


def _child(part: Item, parent: Item) -> Item:
    """A later line of an item, as an item below it; a lettered line stands beside it."""
    if _LETTERED.match(part.text):
        return part
    text = part.text
    glyph = _GLYPH.match(text)
    part = cut_item(part, 1, len(text)) if glyph else part
    depth = parent.depth + 1
    block = replace(part.block, kind="item", level=depth - 1)
    return replace(part, block=block, depth=depth, marker="-")


def _unlabelled(item: Item) -> list[Item]:
    """An item without the label that says to which section it belongs.

    A label in front of a paragraph ("Optional: Title") stands as a heading over what follows; in
    brackets ("[optional] Title") and at a list item, at its end as well ("Title (optional)"), it is
    the item's.
    """
    bracketed = bool(item.links) and item.text[:1] in "([" and words.section_marks(item.text)[0]
    if item.block.kind == "item" or bracketed:
        return [_own_label(item)]
    end = words.section_label(item.text) if item.links else 0
    if not end or any(link.start < end for link in item.links):
        return [item]
    rest = cut_item(item, end, len(item.text))
    if not is_entry(rest):
        return [item]
    label = replace(cut(item.block, 0, end), kind="heading", level=STRONG_LEVEL)
    return [Item(label), rest]


def _own_label(item: Item) -> Item:
    """A list item with its section's label apart."""
    start, end = words.section_marks(item.text)
    named = _NAMED.match(item.text) if not (start or words.leads_in(item.text)) else None
    if named is not None and named_section(named[1]):
        start = named.end()
    linked = max((link.end for link in item.links), default=len(item.text))
    if end == len(item.text) and words.normal(item.text[linked:]).lower() in _BARE_LABELS:
        end = linked  # "<a>Title</a> <span>optional</span>"
    if (start, end) == (0, len(item.text)) or any(link.start < start for link in item.links):
        return item
    rest = cut_item(item, start, end)
    if not rest.text:
        return item
    kept = [link for link in item.links if link.start >= end]
    shown = len(rest.text)
    rest = replace(rest, links=(*rest.links, *(replace(k, start=shown, end=shown) for k in kept)))
    label = item.text[:start] if start else item.text[end:]
    return replace(rest, label=words.normal(re.sub(r"[\[\]()]", " ", label)) + ":")


def asked_for(item: Item) -> list[Item]:
    """The works that a sentence asks to read, an item for each link to one."""
    if item.block.kind not in {"item", "paragraph"} or not words.asks_to_read(item.text):
        return []
    bounds = [(link.start, link.end) for link in links_of_works(item)[:_MOST_WORKS]]
    return [replace(cut_item(item, start, end), depth=1, marker="-") for start, end in bounds]


# ---------------------------------------------------------------- headings


def level_of(item: Item) -> int:
    """How deep a heading stands: 1 to 6, 7 and 8 for paragraphs that serve as one, 0 unknown."""
    if item.block.kind == "heading":
        return item.block.level
    return _LETTER_LEVEL if _LETTERED.match(item.text) else STRONG_LEVEL


def is_head(item: Item) -> bool:
    """Whether an item is a heading, or a paragraph that serves as one."""
    if item.block.kind == "heading":
        return True
    if item.block.kind == "item":
        return not item.links and item.text.endswith(":") and bool(words.section_of(item.text))
    if item.block.kind != "paragraph" or item.depth or not item.text:
        return False
    strong = item.bold == len(item.text)
    if len(item.text.split()) > 40 or (words.is_prose(item.text) and not strong):
        return False
    lettered = bool(_LETTERED.match(item.text)) and len(item.text.split()) > 2
    return strong or lettered or (words.section_of(item.text) is not None and not item.links)


# ---------------------------------------------------------------- single items


def urls_of(item: Item) -> list[str]:
    """The addresses of an item in the order of the text; anchors and mail are none."""
    ordered = sorted(item.links, key=lambda link: link.start)
    return [link.url for link in ordered if _WEB.match(link.url)]


def links_of_works(item: Item) -> list[Link]:
    """The links whose labels name a work, in the order of the text; "[pdf]" and the like do not."""
    ordered = sorted(item.links, key=lambda link: link.start)
    return [
        link
        for link in ordered
        if _WEB.match(link.url) and not words.is_label(item.text[link.start : link.end])
    ]


def beside_links(item: Item) -> tuple[str, list[str]]:
    """The text beside the links (link labels that are words count as text), and the links."""
    kept, at = [], 0
    for link in sorted(item.links, key=lambda link: link.start):
        label = item.text[link.start : link.end]
        written = re.match(r"\W*(?:https?://|www\.)", label)
        if written or words.is_placeholder(label) or words.is_label(label):
            kept.append(item.text[at : link.start])
            at = max(at, link.end)
    kept.append(item.text[at:])
    beside = re.sub(r"https?://\S+", " ", " ".join(kept))
    beside = " ".join(beside.split()).strip(" ()[]{}|,.;:•–—-\"'“”")
    return beside, urls_of(item)


def is_evidence(item: Item) -> bool:
    """Whether an item is what only a reading list has: a bare link, or a line of authors."""
    if item.block.kind in {"table", "code", "heading"}:
        return False
    beside, urls = beside_links(item)
    if urls and (not beside or words.is_label(beside)):
        return True
    if words.is_placeholder(item.text):
        return True
    return names.split_authors(item.text, None, item.breaks) is not None


def is_entry(item: Item) -> bool:
    """Whether an item is a reading of its own: a title with a link.

    A paragraph must begin or end with the link; one with a link in mid-sentence is prose.
    """
    beside, urls = beside_links(item)
    if not urls or words.is_label(beside) or len(beside.split()) < 2 or words.is_prose(beside):
        return False
    if item.block.kind == "item":
        return True
    first, last = item.links[0].start, max(link.end for link in item.links)
    if _PERSON.match(item.text[:first]):
        return False
    return (
        not re.search(r"\w", item.text[:first]) or len(words.normal(item.text[last:]).split()) < 2
    )


def opens_with_work(item: Item) -> bool:
    """Whether an item is an entry that begins with its link, to a work on another site."""
    works = links_of_works(item) if is_entry(item) else []
    return (
        bool(works) and "//" in works[0].url and not re.search(r"\w", item.text[: works[0].start])
    )


def is_aside(item: Item) -> bool:
    """Whether a paragraph after a list is a remark of the page, not a part of the entry."""
    if item.block.kind != "paragraph" or item.depth or words.is_prose(item.text):
        return False
    if words.leads_in(item.text) or names.is_citation(item.text):
        return False
    beside, _ = beside_links(item)
    return len(beside.split()) > 2 and item.text.endswith((".", "!"))


def is_material(item: Item) -> bool:
    """Whether an item is only a link to the session's slides, recording or homework."""
    return bool(item.links) and words.is_resource(item.text)


def is_remark(text: str) -> bool:
    """Whether a line without links is a sentence, or an appointment, and not a title."""
    if re.search(r"\d{1,2}:\d\d|:[^\w:]*$", text):
        return True
    sentence = text.rstrip(" *_").endswith((".", "!")) and not words.is_title_case(text)
    return sentence and not names.is_citation(text)


def is_title_line(item: Item, following: Item | None) -> bool:
    """Whether a plain paragraph is a title, because a link or authors stand right below it."""
    short = 0 < len(item.text.split()) <= 30 and not item.text.endswith((".", ":", ";", ","))
    return (
        item.block.kind == "paragraph"
        and short
        and not words.is_prose(item.text)
        and not words.is_metadata(item.text)
        and not is_evidence(item)
        and following is not None
        and is_evidence(following)
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """What the line that opens a reading says."""

    titles: tuple[str, ...]
    """Two where the line names a pair ("Alpha / Beta: …"), none where it is only a link."""
    authors: str | None = None
    remark: Block | None = None
    """A few words about the work after its name."""


def read_entry(item: Item) -> Entry:
    """The title, authors and remark in a list item that is a reading of its own."""
    for link in item.links:
        label = item.text[link.start : link.end]
        plain = words.normal(label)
        opens = link.start == 0 and len(plain) > 1
        wordy = len(plain.split()) >= 2
        if (opens or wordy) and plain and not words.is_label(plain) and "://" not in plain:
            authors, title = names.split_citation(label)
            authors = authors or names.trailing_authors(_after(item, link.end))
            return Entry((title,), authors or names.leading_authors(item.text[: link.start]))
    end = min((link.start for link in item.links if link.start > 0), default=len(item.text))
    lead = item.text[:end]
    text = lead if words.normal(lead) and not lead.startswith("http") else beside_links(item)[0]
    match = re.match(r"(.{2,80}?)\s*(\s[-–—]+\s|:\s)(?=\S)", text)
    if match and _is_remark(match.group(1), text[match.end() :], match.group(2) != ": "):
        pair = _NAME_PAIR.fullmatch(match.group(1).strip())
        titles = pair.groups() if pair and not item.links else (match.group(1),)
        return Entry(tuple(titles), remark=cut(item.block, match.end(), end))
    dashed = re.match(r"(.{8,}?)(?<!\s)\s+[-–—]+\s+(.+)$", text)
    if dashed and (authors := names.trailing_authors(dashed.group(2))):
        return Entry((dashed.group(1),), authors)
    authors, title = names.split_citation(text)
    return Entry((title,) if title else (), authors)


def _after(item: Item, end: int) -> str:
    stop = min((link.start for link in item.links if link.start > end), default=len(item.text))
    return item.text[end:stop]


def _is_remark(name: str, text: str, dash: bool) -> bool:
    """Whether what follows "Name:" or "Name -" is a remark about it, not the rest of its title."""
    if words.is_title_case(text):
        return False
    count = len(text.split())
    short = len(name.split()) <= 4
    lower = short and count > 2 and text[:1].islower() and not _SUBTITLE.match(text)
    return count > 14 or words.is_prose(text) or lower or (dash and short and count > 5)


def past_leading_links(item: Item) -> int:
    """Where the text begins after links that open the item."""
    at = 0
    for link in sorted(item.links, key=lambda link: link.start):
        label = item.text[link.start : link.end]
        if words.normal(item.text[at : link.start]) or not re.match(
            r"\W*(?:https?:|url\b|link\b|pdf\b)", label, re.I
        ):
            break
        at = link.end
    while at < len(item.text) and item.text[at] in " :|)":
        at += 1
    return at


def without_trailer(item: Item, begin: int) -> str:
    """The item's text from `begin`, without closing lines such as "Comments: 12 pages"."""
    end = len(item.text)
    for at in reversed(item.breaks):
        if at <= begin or not words.is_metadata(item.text[at + 1 : end]):
            break
        end = at
    return item.text[begin:end].rstrip(" |")
