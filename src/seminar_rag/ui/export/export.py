"""A conversation as a document: questions, answers, and one list of references. Pure.

Each work has one number through the whole document, whatever its passages had in their answers,
and each of its quotations says its page. Markdown is
made here, PDF in `pdf`; both escape all that comes from readings, questions and models, so
that a file never loads anything from elsewhere when it is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seminar_rag.text import for_markdown
from seminar_rag.types import Citation
from seminar_rag.ui.shared.conversation import Conversation, Exchange
from seminar_rag.ui.shared.wording import GONE, check_in_words, facts_of, places_of, url_of_page

DEFAULT_TITLE = "Conversation"
_MARK = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class ExportedReference:
    """A cited work."""

    number: int
    title: str
    authors: str
    place: str
    """Kind, sessions and pages, in words."""
    url: str
    """Of a PDF, at the first page that is cited."""
    quotes: tuple[tuple[str, str], ...]
    """What is cited of it, each with its place: "p. 3"."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExportedAnswer:
    """A question and its answer."""

    question: str
    asked: str
    text: str
    """With the marks of the document; paragraphs divided by blank lines."""
    markdown: bool
    notes: tuple[str, ...]
    """What the reader should know of the answer."""


@dataclass(frozen=True, slots=True)
class ExportedConversation:
    """A document that is to be written as Markdown or PDF."""

    title: str
    course: str
    written_by: str
    """Who wrote the answers."""
    parts: tuple[ExportedAnswer, ...]
    references: tuple[ExportedReference, ...]


def paper(
    conversation: Conversation, title: str, course: str, written_by: str
) -> ExportedConversation:
    """Make a document of a conversation, with works numbered through all answers."""
    numbers: dict[str, int] = {}
    cited: dict[str, list[Citation]] = {}
    gone: set[str] = set()
    for view in conversation.exchanges:
        gone |= view.gone
        for one in view.citations:
            numbers.setdefault(one.document.id, len(numbers) + 1)
            cited.setdefault(one.document.id, []).append(one)
    parts = tuple(_part(view, numbers) for view in conversation.exchanges)
    references = tuple(_reference(number, cited[id_], gone) for id_, number in numbers.items())
    first = conversation.exchanges[0].question if conversation.exchanges else DEFAULT_TITLE
    return ExportedConversation(title.strip() or first, course, written_by, parts, references)


def file_name(title: str, ending: str) -> str:
    """Make a file name of a title that any system accepts: "what-is-dpo.pdf"."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return f"{'-'.join(words)[:60].rstrip('-') or 'conversation'}.{ending}"


def _part(view: Exchange, numbers: Mapping[str, int]) -> ExportedAnswer:
    mine: dict[int, list[int]] = {}
    for one in view.citations:
        known = mine.setdefault(one.number, [])
        if numbers[one.document.id] not in known:
            known.append(numbers[one.document.id])

    def renumbered(found: re.Match[str]) -> str:
        known = mine.get(int(found[1]))
        return found[0] if known is None else "".join(f"[{number}]" for number in known)

    notes = [*view.warnings]
    if view.restricted:
        notes.append(f"Only {view.restricted} was searched")
    if view.reason:
        notes.append(f"Why: {view.reason}")
    if view.nearest:
        notes.append("Nearest in the course: " + "; ".join(one.title for one in view.nearest))
    if found := check_in_words(view.verdicts, view.citations, quoted=view.quotes):
        notes.append(found[0].upper() + found[1:])
    if view.state != "done":
        notes.append("Stopped before the end" if view.state == "stopped" else view.note)
    text = _MARK.sub(renumbered, view.text.strip())
    return ExportedAnswer(
        view.question, view.asked, text, view.markdown, tuple(filter(None, notes))
    )


def _reference(number: int, citations: list[Citation], gone: set[str]) -> ExportedReference:
    document = citations[0].document
    first = min((one.page for one in citations if one.page is not None), default=None)
    lost = any(one.passage.id in gone for one in citations)
    return ExportedReference(
        number,
        document.title,
        document.authors or "",
        ", ".join(facts_of(document, places_of(citations))),
        url_of_page(document, first).replace("<", "%3C").replace(">", "%3E"),
        tuple(dict.fromkeys((" ".join(one.quote.split()), places_of([one])) for one in citations)),
        GONE if lost else "",
    )


def stopped(text: str) -> str:
    """A part of a reference with the one stop that ends it; nothing stays nothing."""
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!", "…")) else f"{text}."


# Markdown -------------------------------------------------------------------------------------


def to_markdown(paper: ExportedConversation) -> str:
    """Write the document as CommonMark.

    What came from outside is text in it, never markup. The Markdown of a language model is kept,
    but for images, links and HTML.
    """
    return "\n".join(_lines(paper)).rstrip() + "\n"


def _lines(paper: ExportedConversation) -> Iterator[str]:
    yield f"# {for_markdown(paper.title)}"
    yield ""
    yield f"{for_markdown(paper.course)}. {for_markdown(paper.written_by)}"
    for part in paper.parts:
        yield from ("", f"## {for_markdown(part.question)}", "")
        if part.asked:
            yield from (f"*Asked: {for_markdown(part.asked)}*", "")
        if part.text:
            yield _harmless(part.text) if part.markdown else _paragraphs(part.text)
        for note in part.notes:
            yield from ("", f"*{for_markdown(note)}*")
    if paper.references:
        yield from ("", "## References", "")
    for one in paper.references:
        by = f"{for_markdown(stopped(one.authors))} " if one.authors else ""
        where = f" {for_markdown(stopped(one.place))}" if one.place else ""
        link = f" <{one.url}>" if one.url else ""
        yield f"- **[{one.number}]** {by}*{for_markdown(stopped(one.title))}*{where}{link}"
        if one.note:
            yield f"  ({for_markdown(one.note)})"
        for quote, place in one.quotes:
            yield from ("", f"  > {for_markdown(quote)}{f' ({place})' if place else ''}")


def _paragraphs(text: str) -> str:
    """Escape plain text; bullets stay bullets and marks stay marks."""
    out = []
    for line in text.split("\n"):
        bullet = re.match(r"\s*[-•*]\s+", line)
        body = for_markdown(line[bullet.end() :] if bullet else line)
        body = re.sub(r"^(\d+)([.)])", r"\1\\\2", re.sub(r"^([-+=])", r"\\\1", body))
        out.append(("- " if bullet else "") + re.sub(r"\\\[(\d{1,3})\\\]", r"[\1]", body))
    return "\n".join(out)


def _harmless(text: str) -> str:
    """Escape images, links, addresses and HTML in Markdown."""
    text = text.replace("<", "&lt;")
    text = re.sub(r"(?<!\\)!(?=\[)", r"\\!", text)
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    return re.sub(r"(?i)\b(https?|ftp|mailto|javascript|data):(?=\S)", r"\1: ", text)
