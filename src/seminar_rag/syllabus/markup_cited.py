"""Citations that link to a list of references within the page → the references in their place.

Pandoc, Quarto, org-mode, Sphinx and TeX's converters write "(Heim 1982)" or "[3]" with a link into
the list at the end of the page. Where such links are what an item of a list says, what they link to
is the reading; in prose they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import deepcopy
from typing import Any

from seminar_rag.syllabus import marks

_BESIDE = 60
"""Letters beside each citation up to which a block is a list of citations, and no prose."""
_FEWEST = 2
"""Fewer links to a list are no sign that it is one of references."""
_LONGEST = 1200
"""Letters: what is longer is no reference."""
_OF_WORK = re.compile(r"\s*(\S.{1,30}?)\s+[^\W\d_]{2,4}\s*\Z")
"""Which part of a work is to be read, before its citation: "Chapter 3 of"."""
_BETWEEN = re.compile(r"[\s,;&/()\[\]–-]*+(?:(?:and|und|et|y|e)\b[\s(\[]*+)?")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_NO_TEXT = frozenset({"script", "style", "nav", "footer", "aside", "form"})
_ENTRIES = frozenset({"p", "li", "div", "dt", "dd"})
_PARTS = "|".join(f".//{name}" for name in "h1 h2 h3 h4 h5 h6 ul ol dl table".split())
_LABELS = "|".join(
    f".//*[contains(concat(' ', @class, ' '), ' {name} ')]"
    for name in ("label", "biblabel", "backlinks", "csl-left-margin")
)


def write_out_citations(tree: Any, block_tags: AbstractSet[str]) -> None:
    """Put references in place of the citations that link to them, where these stand in lists.

    The entries of the list are of the class `csl-entry` (the HTML of the Citation Style Language's
    processors), or else are found by the links to them.
    """
    links = tree.xpath("//a[starts-with(@href, '#') and not(ancestor::sup) and not(.//sup)]")
    entries = tree.xpath("//*[contains(concat(' ', @class, ' '), ' csl-entry ')]") if links else ()
    named: Mapping[str, Any]
    named = {name: entry for entry in entries for name in entry.xpath("descendant-or-self::*/@id")}
    if links and not entries:
        named, entries = _listed(tree, links, block_tags)
    written = False
    for own in _cited([link for link in links if _name(link) in named], block_tags):
        for link, following in zip(own, [*own[1:], None], strict=True):
            _write_out(link, _inline(named[_name(link)], block_tags), following)
            written = True
    if written:
        _drop(entries)


def _block_of(node: Any, block_tags: AbstractSet[str]) -> Any:
    return next((one for one in node.iterancestors() if one.tag in block_tags), None)


def _write_out(link: Any, reference: Any, following: Any) -> None:
    """Put a reference in place of a citation, apart from another citation that follows."""
    reference.tail = link.tail
    _without_brackets(link, reference)
    parent = link.getparent()
    if link.getprevious() is None and "citation" in (parent.get("class") or "").split():
        parent.text = ""  # names of the authors before a year that is linked
    if link.getprevious() is None and (part := _OF_WORK.match(parent.text or "")):
        # "Chapter 3 of …" would seem to be the first author
        parent.text, reference.tail = "", f" ({part[1]}){reference.tail or ''}"
    beside = following is not None and link.getnext() is following
    parted = beside and _BETWEEN.fullmatch(reference.tail or "")
    first = link.getprevious() is None and not (parent.text or "").strip()
    parent.replace(link, reference)
    if parted:
        reference.tail = ""
    if parted and parent.tag == "li" and first:
        another = parent.makeelement("li")
        parent.addnext(another)
        another.tail, parent.tail = parent.tail, None
        another.extend(reference.itersiblings())
    elif parted:
        reference.append(reference.makeelement("br"))


def _drop(entries: Sequence[Any]) -> None:
    """Take the list of references away, and its heading if it would stand over nothing."""
    above = entries[0].xpath("preceding::*[self::h1 or self::h2 or self::h3 or self::h4]")[-1:]
    for entry in entries:
        entry.drop_tree()
    for heading in filter(_stands_over_nothing, above):
        heading.drop_tree()


def _stands_over_nothing(heading: Any) -> bool:
    """Whether no text is left between a heading and the next one, or the end of the page."""
    node = heading
    while node is not None and node.tag not in {"main", "body"}:
        if (node.tail or "").strip():
            return False
        for one in node.itersiblings():
            if one.tag in _HEADINGS:
                return True
            shown = isinstance(one.tag, str) and one.tag not in _NO_TEXT
            if (shown and _text(one)) or (one.tail or "").strip():
                return False
        node = node.getparent()
    return True


def _cited(links: Sequence[Any], block_tags: AbstractSet[str]) -> Iterator[Sequence[Any]]:
    """The links in each block that is a list of citations."""
    blocks: dict[Any, list[Any]] = {}
    for link in links:
        block = _block_of(link, block_tags)
        if block is not None:
            blocks.setdefault(block, []).append(link)
    for block, own in blocks.items():
        if len(_text(block)) - sum(len(_text(link)) for link in own) <= _BESIDE * len(own):
            yield own


def _name(link: Any) -> str:
    return str(link.get("href"))[1:]


def _listed(
    tree: Any, links: Sequence[Any], block_tags: AbstractSet[str]
) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """By their names, the entries of the page's one list of references, and all of that list.

    Each has a year, says more than the link to it, and stands below all items that cite any.
    """
    order = {node: n for n, node in enumerate(tree.iter())}
    places = {name: node for node in order for name in _names(node)}
    wanted = {_name(link) for link in links} & places.keys()
    found = {name: _entry(places[name], block_tags) for name in wanted}
    named: dict[str, Any] = {}
    last = 0
    for own in _cited([link for link in links if found.get(_name(link)) is not None], block_tags):
        for link in own:
            entry = found[_name(link)]
            if len(_text(link)) < len(_text(entry)):
                named[_name(link)], last = entry, max(last, order[link])
    cited = set(named.values())
    parents = {entry.getparent() for entry in cited}
    if len(cited) < _FEWEST or len(parents) > 1 or min(order[entry] for entry in cited) < last:
        return {}, ()
    tags = {entry.tag for entry in cited}
    if "dd" in tags:
        return named, list(parents.pop())
    within = [node for node in parents.pop() if node.tag in tags and order[node] > last]
    every = [node for node in within if any(map(_names, node.iter()))]
    return named, every


def _names(node: Any) -> list[str]:
    return [name for name in (node.get("id"), node.get("name")) if name]


def _entry(node: Any, block_tags: AbstractSet[str]) -> Any:
    """The entry of a list of references that a named element is or stands in; None for others."""
    while node is not None and node.tag not in block_tags:
        node = node.getparent()
    if node is not None and node.tag == "dt":
        node = node.getnext()
    if node is None or node.tag not in _ENTRIES or node.xpath(_PARTS):
        return None
    text = _text(node)
    return node if len(text) <= _LONGEST and marks.YEAR.search(text) else None


def _text(node: Any) -> str:
    return "".join(map(str, node.itertext())).strip()


def _inline(entry: Any, block_tags: AbstractSet[str]) -> Any:
    """A copy of a reference that parts no lines, without its label and links back."""
    copy = deepcopy(entry)
    copy.tail = None
    for back in [*copy.xpath(".//a[starts-with(@href, '#')]"), *copy.xpath(_LABELS)]:
        back.drop_tree()
    for node in copy.iter():
        if node.tag in block_tags:
            node.tag = "span"
        for name in {"id", "name"} & set(node.keys()):
            del node.attrib[name]
    copy.tag = "span"
    return copy


def _without_brackets(link: Any, reference: Any) -> None:
    """Take the brackets around citations away."""
    before = link.getprevious()
    text = (link.getparent().text if before is None else before.tail) or ""
    tail = link.tail or ""
    if text.endswith(("(", "[")):
        if before is None:
            link.getparent().text = text[:-1]
        else:
            before.tail = text[:-1]
    if tail.startswith((")", "]")):
        reference.tail = tail[1:]
