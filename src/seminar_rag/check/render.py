"""A report as lines of text, as JSON, and as HTML. Pure; all that came from outside is escaped.

A verdict is never told by colour alone: each has its glyph and its word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from importlib.resources import files
from textwrap import fill
from typing import Any

from seminar_rag.types import Cited
from seminar_rag.types.check import WRONG, Citation, Item, Report, Source

GLYPHS = {"supported": "✓", "partly": "~", "contradicted": "✗", "not found": "?", "not a claim": ""}
_CITED = {
    **dict.fromkeys(("not said", "mismatch", "unlisted"), "✗"),
    **{"holds": "✓", "partly": "~", "no reading": "?", "unread": "?"},
}
_DESCRIBED = "as described on the course page"


# Text -----------------------------------------------------------------------------------------


def text_lines(report: Report, width: int = 80) -> Iterator[str]:
    """The report for a terminal; headings and the like are left out."""
    for item in report.items:
        if item.label == "not a claim" and not item.citations:
            continue
        yield from item_lines(item, width)
        yield ""
    yield fill(report.summary, width)
    yield f"checked by: {report.verifier}"


def item_lines(item: Item, width: int = 80) -> Iterator[str]:
    """One item: verdict and sentence, why, the evidence, and the citations."""
    glyph = GLYPHS[item.label] or "·"
    label = "reference" if item.claim.kind == "reference" else item.label
    yield _wrapped(f"{glyph} line {item.line}, {label}: {_one_line(item.claim.text)}", "  ", width)
    if item.label not in ("supported", "not a claim"):
        yield _wrapped(f"    {item.reason}", "    ", width)
    for source in _shown(item):
        yield _wrapped(f"    {place(source)}: “{source.quote}”", "      ", width)
    for one in item.citations:
        text = f"    {_CITED[one.holding]} {_mark(one.cited)}: {one.reason}"
        yield _wrapped(text, "      ", width)


def _shown(item: Item) -> tuple[Source, ...]:
    """Evidence worth a reader's time; JSON has all."""
    return item.evidence[: 1 if item.label == "supported" else 2]


def _wrapped(text: str, indent: str, width: int) -> str:
    return fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _mark(cited: Cited) -> str:
    text = _one_line(cited.text)
    return text if len(text) <= 60 else f"{text[:57].rsplit(' ', 1)[0]} …"


def place(source: Source) -> str:
    """Where a source stands: "LoRA (session 4), page 2"."""
    sessions = ", ".join(map(str, source.document.sessions))
    parts = [source.document.title + (f" (session {sessions})" if sessions else "")]
    if source.document.kind == "abstract":
        parts.append(_DESCRIBED)
    if source.page is not None:
        parts.append(f"page {source.page}")
    return ", ".join(parts)


# JSON -----------------------------------------------------------------------------------------


def to_json(report: Report) -> dict[str, Any]:
    """The whole report, as `check --json` prints it."""
    return {
        "failed": report.failed,
        "summary": report.summary,
        "counts": report.counts,
        "complete": len(report.items) == report.total,
        "verifier": report.verifier,
        "items": [_item_json(item) for item in report.items],
    }


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "line": item.line,
        "start": item.claim.start,
        "end": item.claim.end,
        "kind": item.claim.kind,
        "text": item.claim.text,
        "checked_as": item.claim.standalone,
        "label": item.label,
        "score": item.score,
        "reason": item.reason,
        "verifier": item.verifier,
        "evidence": [
            {
                "reading": source.document.title,
                "reading_id": source.document.reading,
                "kind": source.document.kind,
                "sessions": list(source.document.sessions),
                "page": source.page,
                "section": source.section or None,
                "quote": source.quote,
                "url": source.document.url,
                "passage_id": source.passage,
            }
            for source in item.evidence
        ],
        "citations": [
            {
                "mark": one.cited.text,
                "holding": one.holding,
                "wrong": one.holding in WRONG,
                "reason": one.reason,
                "readings": [{"id": work.id, "title": work.title} for work in one.works],
            }
            for one in item.citations
        ],
    }


# HTML -----------------------------------------------------------------------------------------


def to_html(report: Report, title: str) -> str:
    """A page that needs nothing else."""
    name = escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Checked: {name}</title><style>{style()}</style></head>"
        f'<body class="page"><h1>{name}</h1>{to_fragment(report)}</body></html>\n'
    )


def style() -> str:
    """What `to_fragment` needs besides the colours --sheet, --ink, --soft, --rule, --good, --half,
    --bad and --none, which a page sets."""
    return files("seminar_rag.check").joinpath("report.css").read_text("utf-8")


def to_fragment(report: Report, beside: Callable[[Source], str] = lambda _: "") -> str:
    """The report alone, for a page that has the style.

    Args:
        beside: HTML to stand beside where a piece of evidence is from, such as what opens it.
    """
    rows = "".join(_row(item, beside) for item in report.items)
    state = "failed" if report.failed else "passed"
    return (
        f'<section class="report" data-state="{state}"><p class="summary">'
        f"{escape(report.summary)}</p>"
        f'<p class="by">Checked by: {escape(report.verifier)}</p><ol>{rows}</ol></section>'
    )


def _row(item: Item, beside: Callable[[Source], str]) -> str:
    kind = item.claim.kind
    if item.label == "not a claim" and not item.citations:
        return f'<li class="item plain" data-kind="{kind}"><p class="said">{_said(item)}</p></li>'
    key = item.label.replace(" ", "-")
    word = "reference" if kind == "reference" else item.label
    glyph = GLYPHS[item.label] or "·"
    told = kind == "claim" and item.label != "supported"
    reason = f'<p class="reason">{escape(item.reason)}</p>' if told else ""
    quotes = "".join(_quote(source, beside(source)) for source in _shown(item))
    cited = "".join(map(_citation, item.citations))
    return (
        f'<li class="item" data-label="{key}" data-kind="{kind}"><div class="left">'
        f'<p class="verdict"><span aria-hidden="true">{glyph}</span> {word}</p>'
        f'<p class="said">{_said(item)}</p></div>'
        f'<div class="right">{reason}{quotes}{cited}</div></li>'
    )


def _said(item: Item) -> str:
    return escape(_one_line(item.claim.text))


def _quote(source: Source, beside: str) -> str:
    return (
        f"<blockquote>“{escape(source.quote)}”</blockquote>"
        f'<p class="where">{escape(place(source))}{beside}</p>'
    )


def _citation(one: Citation) -> str:
    wrong = "wrong" if one.holding in WRONG else one.holding.replace(" ", "-")
    return (
        f'<p class="cited" data-holding="{wrong}">'
        f'<span aria-hidden="true">{_CITED[one.holding]}</span> '
        f"<b>{escape(_mark(one.cited))}</b> {escape(one.reason)}</p>"
    )
