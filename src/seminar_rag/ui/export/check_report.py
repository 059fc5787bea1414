"""The report on a checked text as HTML. Pure; all that came from outside is escaped.

A verdict is never told by colour alone: each has its glyph and its word.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.resources import files

from seminar_rag.types import Cited
from seminar_rag.types.check import WRONG, Citation, Item, Report, Source

GLYPHS = {"supported": "✓", "partly": "~", "contradicted": "✗", "not found": "?", "not a claim": ""}
CITED = {
    **dict.fromkeys(("not said", "mismatch", "unlisted"), "✗"),
    **{"holds": "✓", "partly": "~", "no reading": "?", "unread": "?"},
}
_DESCRIBED = "as described on the course page"


def shown(item: Item) -> tuple[Source, ...]:
    """Evidence worth a reader's time; JSON has all."""
    return item.evidence[: 1 if item.label == "supported" else 2]


def one_line(text: str) -> str:
    return " ".join(text.split())


def mark(cited: Cited) -> str:
    text = one_line(cited.text)
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
    return files("seminar_rag.ui").joinpath("static/report.css").read_text("utf-8")


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
    quotes = "".join(_quote(source, beside(source)) for source in shown(item))
    cited = "".join(map(_citation, item.citations))
    return (
        f'<li class="item" data-label="{key}" data-kind="{kind}"><div class="left">'
        f'<p class="verdict"><span aria-hidden="true">{glyph}</span> {word}</p>'
        f'<p class="said">{_said(item)}</p></div>'
        f'<div class="right">{reason}{quotes}{cited}</div></li>'
    )


def _said(item: Item) -> str:
    return escape(one_line(item.claim.text))


def _quote(source: Source, beside: str) -> str:
    return (
        f"<blockquote>“{escape(source.quote)}”</blockquote>"
        f'<p class="where">{escape(place(source))}{beside}</p>'
    )


def _citation(one: Citation) -> str:
    wrong = "wrong" if one.holding in WRONG else one.holding.replace(" ", "-")
    return (
        f'<p class="cited" data-holding="{wrong}">'
        f'<span aria-hidden="true">{CITED[one.holding]}</span> '
        f"<b>{escape(mark(one.cited))}</b> {escape(one.reason)}</p>"
    )
