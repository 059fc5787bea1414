"""How quotations stand in an answer: their order, the sources above them, their marks. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from seminar_rag.answer.candidates import Candidate, bare, opens_block, tidy
from seminar_rag.types import Document, Hit

_SECTION_NUMBER = re.compile(r"^#*\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.\d+(?:\.\d+)*\.?)\s+|^#+\s*")


def reading_order(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Put the best quotation first, then the others: passages in the order of their best, each
    passage's quotations in its own, and rows of one table together.

    Args:
        chosen: the best first.
    """
    hits = list(dict.fromkeys(one.hit for one in chosen))
    order = sorted(
        chosen,
        key=lambda one: (
            hits.index(one.hit),
            one is not chosen[0] or bool(one.own),
            one.sentences[-1].start,
        ),
    )
    out: list[Candidate] = []
    for one in order:
        if out and one.own and out[-1].own and out[-1].hit == one.hit:
            shared, (row,) = one.sentences[:-1], one.sentences[-1:]
            if out[-1].lead == one.lead and out[-1].sentences[: one.lead] == shared:
                joined = (*out[-1].sentences, row)
                out[-1] = replace(out[-1], sentences=joined, text=f"{out[-1].text} {one.own}")
                continue
        out.append(one)
    return out


def first_of(ahead: Candidate, some: Sequence[Candidate]) -> list[Candidate]:
    """Put one quotation first, as a part of the list or table that it is quoted in, if any; what
    repeats some of it is left out."""
    own = set(ahead.sentences)
    whole = (one for one in some if one.hit == ahead.hit and own <= set(one.sentences))
    first = next(whole, ahead)
    own = set(first.sentences)
    return [
        first,
        *(
            one
            for one in some
            if not (one.hit == first.hit and own & set(one.sentences)) and one.text != first.text
        ),
    ]


def listing(
    number: int, some: Sequence[Candidate], scores: Sequence[float], hits: Sequence[Hit]
) -> list[Candidate]:
    """The best candidate, where it is a list of as many things as are asked for: it is the whole
    answer, and what else has the question's words is not. Empty where it is not.

    Args:
        number: how many things are asked for; 0 where that is not said.
    """
    if not number or not some:
        return []
    best = max(zip(scores, some, strict=True), key=lambda pair: pair[0])[1]
    passage = hits[best.hit - 1].passage
    items = [one for one in best.sentences[1:] if one.kind == "item" and opens_block(passage, one)]
    first = min((one.level for one in items), default=0)
    return [best] if best.is_list and sum(one.level == first for one in items) == number else []


def sources(documents: Sequence[Document]) -> str:
    """Name the sources: "From A (session 15) and B (session 3):"."""
    named = []
    for document in {one.id: one for one in documents}.values():
        where = ""
        if document.sessions:
            where = f" (session {', '.join(map(str, document.sessions[:3]))})"
        named.append(f"{document.title}{where}")
    *others, last = named
    return f"From {', '.join(others)} and {last}:" if others else f"From {last}:"


def above(label: str) -> str:
    """What stands above the quotations for a part: a question begins as a sentence does, a name is
    left as it is written."""
    told = label.rstrip("?")
    return f"{told[:1].upper()}{told[1:]}:" if told != label else f"{told}:"


def quotation(one: Candidate, hit: Hit) -> str:
    """A candidate as it stands in an answer, its sentences in quotation marks and with marks."""
    if one.sentences[-1].kind == "table":
        return _rows(one, hit)
    passage = hit.passage
    quotes = [f"“{bare(passage.quote(sentence))}” [{one.hit}]" for sentence in one.sentences]
    lead = tidy(passage.quote(one.sentences[0]))
    if one.is_list and lead[-1] not in ".!?:":  # a label, which says nothing by itself
        quotes[0] = f"{_SECTION_NUMBER.sub('', lead)}:"
    out = quotes[0]
    for quote, sentence in zip(quotes[1:], one.sentences[1:], strict=True):
        new_item = sentence.kind == "item" and opens_block(passage, sentence)
        out += f"\n- {quote}" if new_item else f" {quote}"
    return out


def _rows(one: Candidate, hit: Hit) -> str:
    """Rows of a table, below what names it and its columns, or else the heading."""
    above = one.sentences[: one.lead]
    named = " ".join(tidy(hit.passage.quote(line)) for line in above if line.kind != "table")
    columns = [tidy(hit.passage.quote(line)) for line in above if line.kind == "table"]
    if not above:
        named = _SECTION_NUMBER.sub("", hit.passage.own_heading)
    lead = "".join(f"{text.rstrip(' .:')}:\n" for text in (named, *columns) if text)
    rows = (tidy(hit.passage.quote(line)) for line in one.sentences[one.lead :])
    return lead + "\n".join(f"- “{row}” [{one.hit}]" for row in rows)
