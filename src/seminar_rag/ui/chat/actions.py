"""The small buttons under an answer and in a source, as HTML. Pure; the page's script acts on
them."""

from __future__ import annotations

from html import escape

from seminar_rag.types import Document
from seminar_rag.types.journal import LONGEST_COMMENT, REASONS
from seminar_rag.ui.chat.exchange import HELPFUL, Exchange
from seminar_rag.ui.export.bibtex import entry
from seminar_rag.ui.links import permalink


def actions(view: Exchange) -> str:
    """What can be done with a finished answer: copy it, link to it, say what one thinks of it."""
    link = escape(permalink(view.question, view.scope))
    return (
        f'<div class="actions" role="group" aria-label="This answer">'
        f'<button type="button" data-copy="{view.number}">Copy</button>'
        f'<button type="button" data-link="{link}">Copy link</button>'
        f"{_opinion(view)}</div>"
    )


def again() -> str:
    """Ask what failed once more."""
    return '<p class="actions"><button type="button" data-retry>Try again</button></p>'


def cite(document: Document) -> str:
    """Copy the reading as a BibTeX entry."""
    return (
        f'<button type="button" class="cite" data-bibtex="{escape(entry(document))}" '
        f'aria-label="Copy as BibTeX: {escape(document.title)}">Copy BibTeX</button>'
    )


def _opinion(view: Exchange) -> str:
    if view.state != "done":
        return ""
    if view.feedback:
        said = "Noted: helpful" if view.feedback == HELPFUL else f"Noted: {view.feedback}"
        return f'<span class="said-so" role="status">{escape(said)}</span>'
    number = view.number
    reasons = "".join(
        f'<button type="button" data-feedback="{escape(reason)}" data-of="{number}">'
        f"{escape(reason[0].upper() + reason[1:])}</button>"
        for reason in REASONS
    )
    return (
        f'<button type="button" data-feedback="{HELPFUL}" data-of="{number}" '
        'title="The answer helped">Helpful</button>'
        '<details class="menu"><summary title="Say why the answer did not help">Not helpful'
        '</summary><div role="group" aria-label="Why it did not help">'
        f'<input class="words" maxlength="{LONGEST_COMMENT}"'
        ' placeholder="In your words, if you like" autocomplete="off"'
        ' aria-label="In your words, if you like; sent with the reason">'
        f"{reasons}</div></details>"
    )
