"""Words for documents and their places, as the page and the exported files give them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit

from seminar_rag.text import numbered, plural
from seminar_rag.types import (
    BUILT_IN,
    NOTES,
    READINGS,
    Citation,
    Document,
    Scope,
    SentenceVerdict,
    Verdict,
    tally,
)

KINDS = {"paper": "full text", "abstract": "abstract only", "notes": "student notes"}
"""What there is of a document, by its kind."""
LONGEST_TITLE = 48
"""Characters of a reading's title where a scope is put into words."""
LONGEST_QUOTE = 4_000
"""Characters of a quote that is looked for on a page."""
MOST_QUOTES = 12
"""Quotes that are looked for at once."""
GONE = "this passage is no longer in the readings"

VERDICTS = {
    "supported": ("✓", "Supported"),
    "partly": ("~", "Partly supported"),
    "unsupported": ("!", "Not supported"),
    "contradicted": ("!", "Contradicted"),
}
"""Glyph and words of a verdict on a sentence of an answer."""
BY_WORDS = {
    "supported": ("≈", "Similar sentence found"),
    "partly": ("~", "Partly similar sentence found"),
    "unsupported": ("!", "No similar sentence found"),
    "contradicted": ("!", "Contradicted"),
}
"""The same where the built-in check gave it, which compares words and does not reason."""


def verdict_in_words(verdict: Verdict) -> tuple[str, str]:
    """Glyph and words of a verdict that says something: any but "uncheckable"."""
    return (BY_WORDS if verdict.verifier == BUILT_IN else VERDICTS)[verdict.label]


def check_in_words(
    verdicts: Sequence[SentenceVerdict], citations: Sequence[Citation], *, quoted: bool
) -> str:
    """What the check of an answer found, in a few words; "" where there is nothing to say.

    Args:
        quoted: the answer consists of quotations, which support themselves: it says where from.
    """
    if quoted:
        return _quoted_from([citation.document for citation in citations])
    checked = [one for one in verdicts if one.verdict.label != "uncheckable"]
    if checked and all(one.verdict.verifier == BUILT_IN for one in checked):
        similar = sum(one.verdict.label == "supported" for one in checked)
        return f"similar sentences found for {similar} of {len(checked)}"
    return tally(verdicts)


def _quoted_from(documents: Iterable[Document]) -> str:
    """Say what is quoted: "quoted verbatim from 2 readings"."""
    of = list(documents)
    readings = {one.reading for one in of if one.kind != "notes"}
    notes = any(one.kind == "notes" for one in of)
    parts = [plural(len(readings), "reading") if readings else "", "student notes" if notes else ""]
    return f"quoted verbatim from {' and '.join(filter(None, parts))}" if of else ""


def facts_of(document: Document, *more: str) -> list[str]:
    """What there is of a document and its sessions, followed by `more`; nothing of it empty."""
    facts = (KINDS[document.kind], numbered("session", document.sessions), *more)
    return [fact for fact in facts if fact]


def titles(documents: Mapping[str, Document]) -> dict[str, str]:
    """Reading id → title; that of the paper where there are several documents."""
    out: dict[str, str] = {}
    for one in documents.values():
        if one.kind != "notes" and (one.reading not in out or one.kind == "paper"):
            out[one.reading] = one.title
    return out


def scope_in_words(scope: Scope, titles: Mapping[str, str]) -> str:
    """The scope in words, "session 3 · only required"; "" for the whole course.

    Args:
        titles: of the readings, by their ids.
    """
    if scope == Scope():
        return ""
    names = [
        shortened(titles.get(one, "a reading that is gone"), LONGEST_TITLE)
        for one in sorted(scope.readings)
    ]
    where = numbered("session", sorted(scope.sessions)) or ("" if names else "all sessions")
    which = names[0] if len(names) == 1 else f"{len(names)} readings" if names else ""
    return " · ".join(filter(None, (where, which, *_limits(scope))))


def _limits(scope: Scope) -> list[str]:
    """What a scope leaves out of its sessions and readings, in words."""
    kinds = {READINGS: "readings", NOTES: "student notes"}.get(scope.kinds, "")
    return [word for word in (kinds, "only required" if scope.required_only else "") if word]


def refusal(scope: Scope, asked: str) -> str:
    """The refusal of a question to a part of the course: "Session 6 doesn't say."

    Args:
        asked: the scope in words, as `scope_in_words` puts it.
    """
    where = numbered("session", sorted(scope.sessions))
    if len(scope.readings) == 1:
        parts = asked.split(" · ")[bool(where) :]
        title = " · ".join(parts[: len(parts) - len(_limits(scope))])
        return f"“{title}” doesn't say."
    if scope.readings:
        return f"The {len(scope.readings)} chosen readings don't say."
    if scope.kinds or scope.required_only:
        which = "student notes" if scope.kinds == NOTES else "readings"
        required = "required " if scope.required_only else ""
        return f"The {required}{which}{f' of {where}' if where else ''} don't say."
    if where:
        return f"{where.capitalize()} {'do' if len(scope.sessions) > 1 else 'does'}n't say."
    return "The readings don't say."


def places_of(citations: Sequence[Citation]) -> str:
    """The cited pages or slides of a document in order, "p. 3, 5"; "" where none is known."""
    return citations[0].document.place(one.page for one in citations) if citations else ""


def show_place(document: Document, numbers: Iterable[int | None]) -> str:
    """What to call a button that opens the first of these places: "See page 3"."""
    known = [number for number in numbers if number is not None]
    if not known or document.unit == "paragraph":
        return "Show in context"
    return f"See {document.unit} {min(known)}"


def authors_of(listed: str | None) -> str:
    """The authors, the first only where there are more than three; "" where none is known."""
    authors = listed or ""
    names = [name for name in re.split(r"(?<!\s)\s*+(?:,|;|\band\b|&)\s*+", authors) if name]
    return f"{names[0]} et al." if len(names) > 3 else authors


def shortened(text: str, longest: int) -> str:
    """`text`, cut to at most `longest` characters with an ellipsis at its end."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def safe_url(url: str | None) -> str | None:
    """`url` when it is an absolute http or https address without odd characters, else None."""
    if not url or any(ch.isspace() or not ch.isprintable() for ch in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def url_of_page(document: Document, page: int | None) -> str:
    """The address of a document, of a PDF at this page; "" without a safe one."""
    url = safe_url(document.url) or ""
    path = urlsplit(url).path
    is_pdf = path.endswith(".pdf") or "/pdf/" in path
    paged = page and document.unit == "page" and "#" not in url and is_pdf
    return f"{url}#page={page}" if paged else url


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Where `quote` stands in `text`, whatever white space separates its words."""
    words = quote.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None


def view_address(document: str, passage: str = "", quotes: Iterable[str] = ()) -> str:
    """The address at which the page's script asks for a view, relative to the page."""
    pairs = [("passage", passage)] if passage else []
    pairs += [("quote", one[:LONGEST_QUOTE]) for one in dict.fromkeys(quotes)][:MOST_QUOTES]
    query = f"?{urlencode(pairs)}" if pairs else ""
    return f"view/{quote(document, safe='')}{query}"
