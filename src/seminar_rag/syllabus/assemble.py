"""Pieces with their labels → sessions and readings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seminar_rag.syllabus import marks, names, words
from seminar_rag.syllabus.context import likely
from seminar_rag.syllabus.features import WORDS, features, said
from seminar_rag.syllabus.judged import without_doubtful
from seminar_rag.syllabus.keyed import in_sessions
from seminar_rag.syllabus.kinds import entry_clues, kind_of
from seminar_rag.syllabus.labels import decode, says_topic
from seminar_rag.syllabus.locators import completed
from seminar_rag.syllabus.markup_text import Item
from seminar_rag.syllabus.meetings import Entry, Meeting, gathered, meetings_of
from seminar_rag.syllabus.model import READING, Model, trained
from seminar_rag.syllabus.only import with_only_readings
from seminar_rag.syllabus.pieces import Piece, cut_item
from seminar_rag.syllabus.repeats import without_repeats
from seminar_rag.syllabus.sections import section_features
from seminar_rag.syllabus.spans import Span, alike, place_of, runs_of, span_features, spans_of
from seminar_rag.types import Block, Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_pieces(
    pieces: Sequence[Piece], model: Model | None = None, rows: NDArray[np.float32] | None = None
) -> list[Meeting]:
    """The sessions of a page with their readings."""
    model = model or trained()
    if not pieces:
        return []
    rows = features(pieces) if rows is None else rows
    probabilities = likely(pieces, rows, model)
    found = without_doubtful(found_in(pieces, probabilities, model), pieces, probabilities, model)
    return without_repeats(in_sessions(found, pieces))


def found_in(
    pieces: Sequence[Piece], probabilities: NDArray[np.float32], model: Model
) -> list[Meeting]:
    """The sessions of a page with all that may be readings, given how likely each piece is what."""
    labels = decode(probabilities, pieces, model)
    sure = probabilities[:, READING].tolist()
    found = with_only_readings(meetings_of(pieces, labels, sure), pieces, sure)
    complete(found, pieces, labels, model)
    return gathered(found)


def complete(
    found: Sequence[Meeting], pieces: Sequence[Piece], labels: Sequence[int], model: Model
) -> None:
    """Title, authors and section of every reading."""
    import numpy as np

    entries = [(meeting, entry) for meeting in found for entry in meeting.entries]
    if not entries:
        return
    rows = [
        section_features(entry.pieces, entry.first, pieces, labels, meeting.first)
        for meeting, entry in entries
    ]
    beyond = model.section.probabilities(np.array(rows, np.float32))[:, 0]
    spans: list[list[Span]] = []
    blocks = []
    for (_, entry), more in zip(entries, beyond, strict=True):
        entry.beyond = float(more)
        entry.runs = runs_of(entry.pieces)
        spans.append(spans_of(entry.runs))
        if spans[-1]:
            blocks.append(span_features(entry.runs, spans[-1]))
    if not blocks:
        return
    every = np.vstack(blocks)
    titles, authors = model.title.scores(every)[:, 0], model.authors.probabilities(every)[:, 0]
    written = [(entry, own) for (_, entry), own in zip(entries, spans, strict=True) if own]
    parts = np.cumsum([len(own) for _, own in written])[:-1]
    choose(written, np.split(titles, parts), np.split(authors, parts))


def choose(
    written: Sequence[tuple[Entry, Sequence[Span]]],
    titles: Sequence[NDArray[np.float32]],
    authors: Sequence[NDArray[np.float32]],
) -> None:
    """Title and authors of a page's readings, given the candidates of each.

    Args:
        titles: of each reading, the logits of its candidates to be the title.
        authors: of each reading, the probabilities of its candidates to name the authors.
    """
    import numpy as np

    places = [[place_of(entry.runs, span) for span in own] for entry, own in written]
    chances = alike([np.exp(own - own.max()) for own in titles], places)
    unnamed = [np.append(own, max(_UNNAMED, 1 - own.sum())) for own in authors]
    named = alike(unnamed, [[*own, None] for own in places])
    for n, (entry, spans) in enumerate(written):
        best = int(chances[n].argmax())
        entry.title = completed(entry.runs, spans[best])
        entry.title_sure = float(1 / (1 + np.exp(-titles[n][best])))
        entry.authors = _authors(spans, named[n][:-1], spans[best], entry.title.end)


def _authors(
    spans: Sequence[Span], scores: NDArray[np.float32], title: Span, end: int
) -> Span | None:
    """The likeliest authors, if it is likely that they stand about there at all.

    Many candidates share the words of a name and with them the probability, so theirs is added up.
    Authors may be a part of the title where it sets them apart ("Libby 2019"), but not reach into
    it. Of stretches that hold the likeliest one, the longest that is not much less likely names the
    other authors too.

    Args:
        end: where the title ends together with the chapters that belong to it.
    """
    whole = replace(title, end=end)

    def free(span: Span) -> bool:
        if _holds(title, span) and len(span.text) < len(title.text):
            return _set_apart(title.text, span.start - title.start, span.end - title.start)
        return not _overlap(span, whole)

    order: list[int] = scores.argsort()[::-1].tolist()
    for n in (n for n in order[:12] if free(spans[n])):
        best = spans[n]
        if sum(scores[m] for m, other in enumerate(spans) if _overlap(best, other)) > _NAMED:
            likely = (spans[m] for m in order if scores[m] >= _NOT_MUCH_LESS * scores[n])
            wider = (span for span in likely if _holds(span, best) and free(span))
            return max(wider, key=lambda span: len(span.text))
    return None


def _set_apart(title: str, start: int, end: int) -> bool:
    """Whether a title names its authors beside what it is called, or in its place: before a year or
    a chapter, in brackets, behind "by", or as "et al." at its end.

    Of 163 titles that named authors to a model that had not seen their course, it keeps 77 of the
    84 who are the authors and 5 of the 79 who are not: "Gene Structure Prediction by Linguistic
    Methods".
    """
    before, after = title[:start], title[end:]
    if not re.search(r"\w", before):
        behind = _EDITED.sub("", after)
        place = re.search(r"\w", behind)
        return place is not None and (
            marks.YEAR.match(behind, place.start()) is not None
            or WORDS["chapter"].match(behind, place.start()) is not None
        )
    told = _INTRODUCES.search(before) is not None or "et al" in title[start:end]
    return told and not re.search(r"\w", after)


_EDITED = re.compile(r"^\W{0,3}eds?\b")
_INTRODUCES = re.compile(r"[(\[]$|\bby $")
_NAMED = 0.15
"""The likelihood of all candidates that share words from which authors are named."""
_UNNAMED = 0.02
"""The least likelihood that a reading names no authors."""
_NOT_MUCH_LESS = 0.3
"""The share of the likeliest authors' probability that a longer stretch needs."""


def _holds(one: Span, two: Span) -> bool:
    return one.run == two.run and one.start <= two.start and two.end <= one.end


def _overlap(one: Span, two: Span) -> bool:
    return one.run == two.run and one.start < two.end and two.start < one.end


def meeting_title(heads: Sequence[Piece]) -> str:
    """A session's title: its heads without numbers and dates, as far as anything else is there."""
    texts = [marks.title_of(shown_text(run.item)) for run in runs_of(heads)]
    kept = [text for text in texts if not marks.is_date(text) and re.search(r"[^\W\d_]{2}", text)]
    said = [piece.text for piece in heads if re.search(r"[^\W\d_]", piece.text)]
    return " – ".join([*dict.fromkeys(kept)][:3]) or " ".join(said or [one.text for one in heads])


def shown_text(item: Item) -> str:
    """A heading's text without what generators put beside it to link to itself: "¶", "#"."""
    text = item.text
    for link in sorted(item.links, key=lambda one: -one.start):
        if link.url.startswith("#") and not re.search(r"\w", text[link.start : link.end]):
            text = text[: link.start] + text[link.end :]
    return text.strip()


def session_name(heads: Sequence[Piece], readings: Sequence[Reading]) -> str:
    """What a session is called; one with only a number or a date is called as its only reading.

    Who presents its readings is no name of it.
    """
    if not heads:
        return "General"
    topics = [head for head in heads if not _says_who(head)] if readings else heads
    title = meeting_title(topics or heads)
    only = readings[0].title if len(readings) == 1 else None
    return only if only and not says_topic(title) else title


def _says_who(head: Piece) -> bool:
    """Whether a piece stands in a column of speakers, where "No class" may stand too."""
    column = said(head.header[:120])
    return "people" in column and "topic" not in column


# ---------------------------------------------------------------- as values


def entry_reading(entry: Entry, pieces: Sequence[Piece]) -> tuple[Reading, int]:
    """The reading, and the index of the first piece after its description."""
    described, end = _described(entry, pieces)
    title = entry.title.text if entry.title else None
    blocks: list[Block] = []
    authors = None
    if entry.title is not None:
        run = entry.runs[entry.title.run].item
        block = cut_item(run, entry.title.start, entry.title.end).block
        level = entry.pieces[0].level
        blocks.append(replace(block, kind="heading", level=level if 0 < level < 7 else 3))
    if entry.authors is not None:
        run = entry.runs[entry.authors.run].item
        blocks.append(cut_item(run, entry.authors.start, entry.authors.end).block)
        authors = entry.authors.text
    abstract = []
    for item in described:
        abstract.append(item.text)
        blocks.append(item.block)
    urls = dict.fromkeys(
        link.url
        for piece in entry.pieces
        for link in piece.item.links
        if link.url and not link.url.startswith(("mailto:", "#"))
    )
    named = words.clean_title(_without_aside(title)) if title else None
    reading = Reading(
        title=named or (None if urls else entry.pieces[0].text[:200]),
        section="more" if entry.beyond > 0.5 else "required",
        urls=tuple(urls),
        arxiv_id=words.arxiv_id(tuple(urls), " ".join(piece.text for piece in entry.pieces)),
        authors=names.clean_names(authors) if authors else None,
        abstract="\n\n".join(abstract) or None,
        blocks=tuple(blocks),
        confidence=entry.sure,
        doubts=tuple(doubts(entry)),
    )
    told = kind_of(entry_clues(entry, named or "", reading.urls, reading.authors))
    reading = replace(reading, kind=told)
    return reading, end


_ASIDE = re.compile(r"(?<!\s)\s*[(\[]([^\s()\[\]]{3,20}(?: [^\s()\[\]]{3,20})?)[)\]]$")
_REQUIRED = (
    r"(?:required|mandatory|obligatory|obligat(?:ori[ao]|oire)s?|obrigatóri[ao]s?|pflicht|optional"
    r"|optionn?el(?:le)?s?|opcional|facultati(?:f|v[ao])s?|recommended|recomendad[ao]s?"
    r"|recommandée?s?|empfohlen)"
)
_LEAD = re.compile(rf"^(?:\(?{_REQUIRED}\)|\[?{_REQUIRED}\])\s+(?=\S)", re.IGNORECASE)
"""The bracket that opens may stand before what is taken for the title."""


def _without_aside(title: str) -> str:
    """A title without brackets at an end that only say whether it is required: "(optional)"."""
    title = _LEAD.sub("", title)
    aside = _ASIDE.search(title)
    only = aside is not None and not {"more", "required"}.isdisjoint(said(aside[1]))
    return title[: aside.start()] if aside is not None and only else title


_SURE = 0.5
"""Below this probability someone is asked."""
_SURE_READING = 0.6
"""The same for whether it is a reading: on made-up pages, half of what is asked about is none."""


IS_READING, NO_TITLE, IS_TITLE = "Is this a reading?", "What is its title?", "Is this its title?"
IS_REQUIRED = "Is it required?"


def doubts(entry: Entry) -> Iterator[str]:
    """What the model is unsure of in an entry, as questions to the instructor."""
    if entry.sure < _SURE_READING:
        yield IS_READING
    if entry.title is None:
        yield NO_TITLE
    elif entry.title_sure < _SURE:
        yield IS_TITLE
    if abs(entry.beyond - 0.5) < 0.2:
        yield IS_REQUIRED


def _described(entry: Entry, pieces: Sequence[Piece]) -> tuple[list[Item], int]:
    """What describes a reading: prose in its own lines and in what is nested below it."""
    first = entry.pieces[0]
    own = {id(piece) for piece in entry.pieces}
    end = entry.first + 1
    for n in range(entry.first + 1, entry.stop):
        piece = pieces[n]
        below = first.level and not piece.level
        nested = piece.source.depth > first.source.depth and piece.kind == "item"
        if not (id(piece) in own or piece.block == first.block or below or nested):
            break
        if piece.table != first.table or piece.row != first.row or piece.column != first.column:
            break
        end = n + 1
    found: list[Item] = []
    for number, run in enumerate(runs_of(pieces[entry.first : end])):
        begin = 0
        for span in (entry.title, entry.authors):
            if span is not None and span.run == number:
                begin = max(begin, span.end)
        begin = max([begin, *(link.end for link in run.item.links if link.start <= begin + 3)])
        tail = cut_item(run.item, begin, len(run.item.text))
        skip = len(tail.text) - len(tail.text.lstrip(' ,.;:|)]”"–—-+*•'))
        label = words.without_label(tail.text[skip:])[1]
        tail = cut_item(tail, skip + label, len(tail.text))
        if words.is_prose(tail.text) and not words.is_metadata(tail.text):
            found.append(tail)
    return found, end
