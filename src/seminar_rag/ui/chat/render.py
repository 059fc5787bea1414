"""What the reader sees of a question: its answer, the marks in it, and their sources, as HTML.

Pure: nothing here knows Gradio, the network or the course. Whatever comes from readings, questions
or models is escaped; the only tags are those written here and those of a small Markdown subset
(emphasis, lists, code, tables) for text that a language model wrote. No image is ever made, and a
link only from an http or https address of a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from seminar_rag.types import Citation, Document, Passage, SentenceVerdict, tally
from seminar_rag.ui.chat import actions
from seminar_rag.ui.chat.exchange import Exchange, counted, find_quote
from seminar_rag.ui.chat.openers import address, opener, see
from seminar_rag.ui.chat.verdicts import BADGE, badge, with_badges, without_badges

KINDS = {
    "paper": "full text",
    "abstract": "as described on the course page",
    "notes": "student notes",
}
GONE = "this passage is no longer in the readings"
_MARK = re.compile(r"[ \t]*\[(\d{1,3})\]")
_BULLET = re.compile(r"[-•*]\s+")


# The answer column --------------------------------------------------------------------------


def exchange(view: Exchange) -> str:
    """A question with its answer, as one article."""
    parts = [f'<h2 class="question">{escape(view.question)}</h2>']
    if view.asked:
        parts.append(f'<p class="asked">{escape(view.asked)}</p>')
    if view.text:
        parts.append(f'<div class="answer" data-state="{view.state}">{_text(view)}</div>')
    if view.restricted:
        parts.append(f'<p class="notice">Only {escape(view.restricted)} was searched.</p>')
    if view.reason:
        parts.append(f'<p class="notice why">Why: {escape(view.reason)}.</p>')
    if view.nearest:
        parts.append(_nearest(view.nearest))
    parts += [f'<p class="caution">{escape(warning)}</p>' for warning in view.warnings]
    if view.state == "waiting":
        parts.append(f'<p class="status" role="status">{escape(view.note or "Searching")}</p>')
    elif view.state == "failed":
        parts.append(f'<p class="problem">{escape(view.note)}</p>{actions.again()}')
    elif not view.running:
        parts += [_footer(view), actions.actions(view)]
    busy = ' aria-busy="true"' if view.running else ""
    return f'<article class="exchange" id="exchange-{view.number}"{busy}>{"".join(parts)}</article>'


def transcript(views: Iterable[Exchange]) -> str:
    """The finished part of the conversation; a screen reader hears what is added."""
    return f'<div role="log" aria-label="Conversation">{"".join(map(exchange, views))}</div>'


def masthead(
    course: str, sessions: Sequence[tuple[int, str, int, int]], *, desk: bool = False
) -> str:
    """The head of the page: the course, what of it can be asked, and the way to the desk."""
    readings, passages = sum(row[2] for row in sessions), sum(row[3] for row in sessions)
    size = ", ".join(
        (
            counted(len(sessions), "session"),
            counted(readings, "reading"),
            counted(passages, "passage"),
        )
    )
    indexed = f"<p>{size}</p>" if sessions else ""
    rail = '<button type="button" class="open-rail" data-open-rail>Conversations</button>'
    way = '<a class="to-desk" href="desk/" title="For the instructor">Desk</a>' if desk else ""
    return f'<header class="masthead"><h1>{escape(course)}</h1>{indexed}{rail}{way}</header>'


def welcome(examples: Sequence[str]) -> str:
    """The empty conversation: what this is, and questions to begin with."""
    lead = "Ask about the readings. Every sentence of an answer names the passage it comes from."
    chips = "".join(
        f'<li><button type="button" class="chip" data-ask="{escape(text)}">{escape(text)}</button>'
        "</li>"
        for text in examples
    )
    shown = f'<ul class="chips" aria-label="Example questions">{chips}</ul>' if chips else ""
    return f'<section class="welcome"><p>{lead}</p>{shown}</section>'


def message(text: str) -> str:
    """A word about the question that was just typed; nothing for an empty text."""
    return f'<p class="problem" role="alert">{escape(text)}</p>' if text else ""


def notice(text: str) -> str:
    """Who writes the answers."""
    return f'<p class="notice">{escape(text)}</p>'


def panel_head() -> str:
    """The head of the sources panel, with what closes it where it covers the page."""
    return (
        '<div class="panel-head"><h2>Sources</h2><button type="button" class="close-sources" '
        'data-close-sources aria-label="Close the sources">Close</button></div>'
        '<p class="no-sources">A number in an answer opens the passage it comes from.</p>'
    )


def _footer(view: Exchange) -> str:
    parts = []
    numbers = {citation.number for citation in view.citations}
    if numbers:
        parts.append(
            f'<a class="open-sources" href="#sources-{view.number}" data-sources="{view.number}">'
            f"{counted(len(numbers), 'source')}</a>"
        )
    if view.verdicts and tally(view.verdicts):
        parts.append(tally(view.verdicts))
    if view.state == "stopped":
        parts.append("stopped")
    if view.seconds is not None:
        parts.append(f"{max(view.seconds, 0.1):.1f} s")
    return f'<p class="foot">{" · ".join(parts)}</p>' if parts else ""


def _nearest(documents: Sequence[Document]) -> str:
    rows = "".join(f"<li>{_opened(one)} {_meta(one)}</li>" for one in documents)
    return f'<div class="nearest"><p>Nearest in the course</p><ul>{rows}</ul></div>'


def _rows(view: Exchange) -> str:
    """An answer about the course: its lead, and its rows with links."""
    rows = [row for row in view.text.split("\n") if _BULLET.match(row)]
    lead = "".join(f"<p>{escape(line)}</p>" for line in view.text.split("\n")[:1])
    items = []
    for row, one in zip(rows, view.listed, strict=False):
        url, said = safe_url(one.url), _BULLET.sub("", row, count=1)
        head, title, rest = said.partition(one.title)
        linked = _link(url, title) if url and title else escape(title)
        items.append(f"<li>{escape(head)}{linked}{escape(rest)}</li>")
    return f"{lead}<ul>{''.join(items)}</ul>"


def _text(view: Exchange) -> str:
    if view.listed and "\n- " in view.text:
        return _rows(view)
    marks = _Marks(view.number, _by_number(view.citations), view.verdicts, view.gone)
    text = with_badges(view.text.lstrip(), view.verdicts)
    if view.markdown:
        return str(_MARKDOWN.render(text, {"marks": marks}))
    return "".join(_plain(text, marks))


@dataclass(frozen=True, slots=True)
class _Marks:
    """What stands between the words of an answer: links to sources, and verdicts."""

    view: int
    owners: dict[int, list[Citation]]
    verdicts: tuple[SentenceVerdict, ...]
    gone: frozenset[str]
    """Ids of passages that the course holds no longer."""

    def pieces(self, text: str) -> Iterable[tuple[str, str]]:
        """`text` as ("text", words) and ("html", a mark or badge), in order."""
        last = 0
        for found in re.finditer(f"{_MARK.pattern}|{BADGE.pattern}", text):
            html = self._html(found[1], found[2])
            if html:
                yield "text", text[last : found.start()]
                yield "html", html
                last = found.end()
        yield "text", text[last:]

    def _html(self, number: str | None, index: str | None) -> str:
        if number is not None:
            citations = self.owners.get(int(number))
            return _mark(self.view, citations, self.gone) if citations else ""
        return badge(self.verdicts[int(index or 0)])


def _plain(text: str, marks: _Marks) -> Iterable[str]:
    """Paragraphs, and lists where lines begin with a bullet. Nothing else has a meaning."""
    for part in re.split(r"\n\s*\n", text.strip()):
        for listed, lines in groupby(part.split("\n"), key=lambda line: bool(_BULLET.match(line))):
            if listed:
                items = (_marked(_BULLET.sub("", line, count=1), marks) for line in lines)
                yield f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
            elif body := "\n".join(lines).strip():
                yield f"<p>{_marked(body, marks)}</p>"


def _marked(text: str, marks: _Marks) -> str:
    """`text`, escaped, its marks made into links to their sources."""
    return "".join(escape(piece) if kind == "text" else piece for kind, piece in marks.pieces(text))


def _mark(view: int, citations: Sequence[Citation], gone: frozenset[str]) -> str:
    number = citations[0].number
    lost = citations[0].passage.id in gone
    whose = escape(f"Source {number}: {_whose(citations)}{', ' + GONE if lost else ''}")
    return (
        f'<a class="{"mark gone" if lost else "mark"}" href="#source-{view}-{number}" '
        f'data-source="{view}-{number}" aria-label="{whose}" title="{whose}">{number}</a>'
    )


def _whose(citations: Sequence[Citation]) -> str:
    document = citations[0].document
    parts = [document.title, _authors(document.authors), _sessions(document), _pages(citations)]
    return ", ".join(part for part in parts if part)


# The sources panel --------------------------------------------------------------------------


def sources(view: Exchange) -> str:
    """The sources of one answer in the order of their numbers; empty without citations."""
    groups = _by_number(view.citations)
    if not groups:
        return ""
    entries = "".join(_entry(view, groups[number]) for number in sorted(groups))
    return (
        f'<section class="sources" id="sources-{view.number}" data-exchange="{view.number}" '
        f'aria-label="Sources of “{escape(view.question)}”">'
        f'<p class="sources-of">{escape(view.question)}</p><ol>{entries}</ol></section>'
    )


def _entry(view: Exchange, citations: Sequence[Citation]) -> str:
    first = citations[0]
    lost = first.passage.id in view.gone
    facts = [KINDS[first.document.kind], _sessions(first.document), _pages(citations)]
    if first.passage.heading:
        facts.append(first.passage.heading)
    meta = " · ".join(escape(fact) for fact in facts if fact)
    authors = _authors(first.document.authors)
    by = f'<p class="by" title="{escape(first.document.authors or "")}">{escape(authors)}</p>'
    quotes = [one.quote for one in citations]
    text = _lost(quotes) if lost else _passage(first.passage, quotes)
    gone = f'<p class="gone-note">{GONE.capitalize()}. It said:</p>' if lost else ""
    return (
        f'<li class="source" id="source-{view.number}-{first.number}" tabindex="-1">'
        f'<p class="title"><span class="number">{first.number}</span> '
        f"{escape(first.document.title)}</p>{by if authors else ''}"
        f'<p class="meta">{meta}</p>'
        f"{gone}<blockquote>{text}</blockquote>{_links(citations)}</li>"
    )


def _lost(quotes: Iterable[str]) -> str:
    return '<span class="gap">\n</span>'.join(map(escape, dict.fromkeys(quotes)))


def _passage(passage: Passage, quotes: Sequence[str]) -> str:
    """The passage with the quotes marked; a quote that is not in it is shown before it."""
    spans, strays = [], []
    for quote in dict.fromkeys(quotes):
        span = find_quote(passage.text, quote)
        if span is None:
            strays.append(f"<mark>{escape(quote)}</mark>\n\n")
        else:
            spans.append(span)
    out, last = strays, _after_heading(passage)
    for start, end in _merged(spans, passage.text):
        out += [_lines(passage, last, start), f"<mark>{_lines(passage, start, end)}</mark>"]
        last = end
    return "".join((*out, _lines(passage, last, len(passage.text))))


def _after_heading(passage: Passage) -> int:
    """Where the text begins below its own heading, which the entry names already."""
    first, line_break, _ = passage.text.partition("\n")
    heading = passage.heading.rpartition(" › ")[2]
    return len(first) + 1 if line_break and heading and first.strip() == heading else 0


def _lines(passage: Passage, start: int, end: int) -> str:
    """The text from `start` to `end`, escaped, with a gap between its paragraphs."""
    kept = [each for each in passage.sentences if each.kind in ("table", "code")]
    out, last = [], start
    for found in re.finditer(r"\n+", passage.text[start:end]):
        at = start + found.start()
        if not any(each.start <= at < each.end for each in kept):
            out += [escape(passage.text[last:at]), '<span class="gap">\n</span>']
            last = start + found.end()
    return "".join((*out, escape(passage.text[last:end])))


def _merged(spans: Iterable[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The spans in order, those that overlap or have only white space between them as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and not text[out[-1][1] : start].strip():
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _by_number(citations: Iterable[Citation]) -> dict[int, list[Citation]]:
    groups: dict[int, list[Citation]] = {}
    for citation in citations:
        groups.setdefault(citation.number, []).append(citation)
    return groups


# Facts about a document ---------------------------------------------------------------------


def safe_url(url: str | None) -> str | None:
    """`url` when it is an absolute http or https address without odd characters, else None."""
    if not url or any(ch.isspace() or not ch.isprintable() for ch in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _links(citations: Sequence[Citation]) -> str:
    """What leads from a source to its page, and elsewhere."""
    first = citations[0]
    cite = "" if first.document.kind == "notes" else actions.cite(first.document)
    links = [link for link in (see(citations), _original(first), cite) if link]
    return f'<p class="original">{" · ".join(links)}</p>'


def _original(citation: Citation) -> str:
    url = safe_url(citation.document.url)
    if url is None:
        return ""
    path = urlsplit(url).path
    if citation.page and "#" not in url and (path.endswith(".pdf") or "/pdf/" in path):
        url = f"{url}#page={citation.page}"
    return _link(url, "Original", citation.document.title)


def _opened(document: Document) -> str:
    return opener(address(document.id), document.title, "see it", "see near")


def _link(url: str, text: str, of: str = "") -> str:
    label = f' aria-label="{escape(f"{text}: {of}")}"' if of else ""
    return (
        f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer"{label}>'
        f"{escape(text)}</a>"
    )


def _meta(document: Document) -> str:
    facts = [fact for fact in (KINDS[document.kind], _sessions(document)) if fact]
    return f'<span class="meta">{escape(" · ".join(facts))}</span>'


def _authors(authors: str | None) -> str:
    names = [name for name in re.split(r"\s*(?:,|;|\band\b|&)\s*", authors or "") if name]
    return f"{names[0]} et al." if len(names) > 3 else (authors or "")


def _sessions(document: Document) -> str:
    numbers = ", ".join(map(str, document.sessions))
    return f"session{'s' if len(document.sessions) > 1 else ''} {numbers}" if numbers else ""


def _pages(citations: Iterable[Citation]) -> str:
    pages = sorted({citation.page for citation in citations if citation.page is not None})
    return f"p. {', '.join(map(str, pages))}" if pages else ""


# Markdown of language models ----------------------------------------------------------------


def _split_marks(state: StateCore) -> None:
    """Cut the marks out of the text tokens; code keeps its brackets."""
    marks = state.env["marks"]
    for block in state.tokens:
        if block.type == "inline":
            children = block.children or []
            block.children = [piece for token in children for piece in _pieces(token, marks)]
        else:
            block.content, block.info = map(without_badges, (block.content, block.info))


def _pieces(token: Token, marks: _Marks) -> Iterable[Token]:
    if token.type != "text":
        token.content = without_badges(token.content)
        yield token
        return
    for kind, piece in marks.pieces(token.content):
        yield Token("text" if kind == "text" else "cite", "", 0, content=piece)


def _render_cite(_self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return tokens[index].content


def _lower_headings(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3"


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["image", "link", "autolink", "html_inline", "html_block", "reference"])
    parser.core.ruler.push("marks", _split_marks)
    parser.core.ruler.push("headings", _lower_headings)
    parser.add_render_rule("cite", _render_cite)
    return parser


_MARKDOWN = _markdown()
