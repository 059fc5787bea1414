"""The buttons that open the page view, and the address that each asks it for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, urlencode

from seminar_rag.types import Citation

LONGEST_QUOTE = 4_000
"""Characters of a quote that is looked for."""
MOST_QUOTES = 12


def address(document: str, passage: str = "", quotes: Iterable[str] = ()) -> str:
    """Where the page's script asks for a view; relative, so that it works below any path."""
    pairs = [("passage", passage)] if passage else []
    pairs += [("quote", one[:LONGEST_QUOTE]) for one in dict.fromkeys(quotes)][:MOST_QUOTES]
    query = f"?{urlencode(pairs)}" if pairs else ""
    return f"view/{quote(document, safe='')}{query}"


def see(citations: Sequence[Citation]) -> str:
    """The button of a source that opens the page view at its sentences."""
    first = citations[0]
    where = address(first.document.id, first.passage.id, (one.quote for one in citations))
    pages = [one.page for one in citations if one.page is not None]
    text = f"See page {min(pages)}" if pages else "See it in its section"
    return opener(where, text, first.document.title)


def opener(where: str, text: str, of: str, css: str = "see") -> str:
    """A button that opens the page view."""
    label = escape(f"{text}: {of}")
    return (
        f'<button type="button" class="{css}" data-view="{escape(where)}" aria-label="{label}">'
        f"{escape(text)}</button>"
    )
