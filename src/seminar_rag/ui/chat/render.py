"""What the reader sees of a question: its answer and their sources, as HTML.

Pure: nothing here knows Gradio, the network or the course. Whatever comes from readings, questions
or models is escaped by the templates. A link is only made from an http or https address of a
document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote as quoted
from urllib.parse import urlsplit

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types import Citation, Passage
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.serving import LONGEST_COMMENT, REASONS
from seminar_rag.types.study import Stated, StudyItem
from seminar_rag.ui.chat.marks import answer_text, by_number, with_formulas
from seminar_rag.ui.export.citing import entry
from seminar_rag.ui.shared.browser import permalink
from seminar_rag.ui.shared.conversation import HELPFUL, Exchange
from seminar_rag.ui.shared.relay import ME
from seminar_rag.ui.shared.wording import (
    GONE,
    authors_of,
    check_in_words,
    facts_of,
    find_quote,
    places_of,
    show_place,
    url_of_page,
    view_address,
)

HTML = Template("ui/templates/chat.html")
PARTS = Template("ui/templates/parts.html")

MarkedParts = list[tuple[bool, list[str]]]
"""Text in pieces: is the piece marked, and its lines."""


# The answer column ----------------------------------------------------------------------------


def masthead(course: str, catalogue: Catalogue | None, *, desk: bool = False) -> str:
    """Render the head of the page.

    Args:
        catalogue: gives the course's size; None where it cannot be read.
    """
    return HTML.masthead(course, size_of(catalogue) if catalogue else "", desk)


def size_of(catalogue: Catalogue) -> str:
    """How large a course is, in words; "" for an empty one."""
    if not (catalogue.sessions or catalogue.records):
        return ""
    sessions = plural(len(catalogue.sessions), "session")
    readings = plural(len(catalogue.reading_ids), "reading")
    return f"{sessions}, {readings}, {plural(catalogue.passages, 'passage')}"


def transcript(views: Iterable[Exchange]) -> str:
    """Render the finished part of the conversation."""
    return HTML.transcript([exchange(view) for view in views])


def exchange(view: Exchange) -> str:
    """Render a question with its answer."""
    finished, link = view.state in ("done", "stopped"), permalink(view.question, view.scope)
    return HTML.exchange(
        view,
        server=ME,
        answer=answer_text(view) if view.text else "",
        nearest=[
            (view_address(one.id), one.title, " · ".join(facts_of(one))) for one in view.nearest
        ],
        foot=_foot(view) if finished else "",
        actions=HTML.actions(view, link, HELPFUL, REASONS, LONGEST_COMMENT) if finished else "",
    )


def _foot(view: Exchange) -> str:
    sources = len({citation.number for citation in view.citations})
    facts = [
        check_in_words(view.verdicts, view.citations, quoted=view.quotes),
        "stopped before its end" if view.state == "stopped" else "",
        "" if view.seconds is None or not sources else f"{max(view.seconds, 0.1):.1f} s",
    ]
    return HTML.foot(view.number, sources and plural(sources, "source"), list(filter(None, facts)))


# The sources panel ----------------------------------------------------------------------------


def sources(view: Exchange) -> str:
    """Render the sources of one answer, each reading's together; "" without citations.

    Before the first citation, what was found is shown while the answer is written, and it stays
    where a model finds no answer in it: the reader may see more there than the model did.
    """
    found = view.found if (view.running or view.abstained) and not view.citations else ()
    groups = by_number(view.citations or found)
    if not groups:
        return ""
    # The passages of one document stand together, in the order of the first number of each.
    documents = {number: groups[number][0].document.id for number in sorted(groups)}
    firsts = {id_: number for number, id_ in reversed(documents.items())}
    order = sorted(groups, key=lambda number: (firsts[documents[number]], number))
    cards = [
        _source(view, groups[number], same=firsts[documents[number]] != number) for number in order
    ]
    return HTML.sources(view, cards, bool(found))


def _source(view: Exchange, citations: Sequence[Citation], *, same: bool) -> str:
    first, quotes = citations[0], list(dict.fromkeys(one.quote for one in citations))
    document, passage = first.document, first.passage
    gone = passage.id in view.gone
    return HTML.source(
        view.number,
        first.number,
        document,
        authors_of(document.authors),
        facts=" · ".join(facts_of(document, places_of(citations), passage.heading)),
        gone=f"{GONE.capitalize()}. It said:" if gone else "",
        passage=[(False, quotes)] if gone else _passage(passage, quotes),
        links=list(filter(None, _links(citations))),
        same=same,
        paged=document.unit == "page" and first.page is not None and not gone,
    )


def _links(citations: Sequence[Citation]) -> Iterable[str]:
    """Links from a source to its page and the original, and the button that copies BibTeX."""
    first, document = citations[0], citations[0].document
    yield opener(citations)
    yield _original(first)
    if document.kind != "notes":
        yield HTML.cite(entry(document), document.title, quoted(document.reading, safe=""))


def opener(citations: Sequence[Citation]) -> str:
    """The button that opens sentences of a passage on their page."""
    document = citations[0].document
    where = view_address(document.id, citations[0].passage.id, (one.quote for one in citations))
    return PARTS.opener(
        where, show_place(document, (one.page for one in citations)), document.title
    )


def opener_at(one: StudyItem | Stated) -> str:
    """The same of a sentence that says itself where it stands."""
    where = view_address(one.document, one.passage, [one.quote])
    text = f"{one.title}, {one.place}" if one.place else one.title
    return PARTS.opener(where, text, one.title)


def _original(citation: Citation) -> str:
    url = url_of_page(citation.document, citation.page)
    return PARTS.link(url, original(url), citation.document.title) if url else ""


def original(url: str) -> str:
    """What to call the link to a reading's own page."""
    host = urlsplit(url).hostname or ""
    return "Open at arXiv" if host.removeprefix("www.") == "arxiv.org" else "Open original"


def _passage(passage: Passage, quotes: Sequence[str]) -> MarkedParts:
    """Mark the quotes in a passage; a quote that is not in it is shown before it."""
    spans = [span for quote in quotes if (span := find_quote(passage.text, quote))]
    parts: MarkedParts = []
    for quote in quotes:
        if find_quote(passage.text, quote) is None:
            parts += [(True, [quote]), (False, ["\n\n"])]
    last = _after_heading(passage)
    for start, end in _merged(spans, passage.text):
        parts += [(False, _lines(passage, last, start)), (True, _lines(passage, start, end))]
        last = end
    return [*parts, (False, _lines(passage, last, len(passage.text)))]


def _after_heading(passage: Passage) -> int:
    """Where the text begins below its own heading, which the entry names already."""
    first, line_break, _ = passage.text.partition("\n")
    heading = passage.own_heading
    return len(first) + 1 if line_break and heading and first.strip() == heading else 0


def _lines(passage: Passage, start: int, end: int) -> list[str]:
    """The text from `start` to `end`, divided at its paragraphs; tables and code stay whole."""
    whole = [each for each in passage.sentences if each.kind in ("table", "code")]
    rows, last = [], start
    for found in re.finditer(r"\n+", passage.text[start:end]):
        at = start + found.start()
        if not any(each.start <= at < each.end for each in whole):
            rows.append((last, at))
            last = start + found.end()
    rows.append((last, end))
    return [
        with_formulas(_bullet(passage, first) + passage.text[first:at]) if first < at else ""
        for first, at in rows
    ]


def _bullet(passage: Passage, at: int) -> str:
    """A bullet for an item of a list that begins at `at` without a sign of its own; else ""."""
    begins = at == 0 or passage.text[at - 1] == "\n"
    item = any(each.start == at and each.kind == "item" for each in passage.sentences)
    return "• " if begins and item and not re.match(r"\W|\w{1,3}[.)]", passage.text[at:]) else ""


def _merged(spans: Iterable[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The spans in order, those that overlap or have only white space between them as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and not text[out[-1][1] : start].strip():
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
