"""The report on a checked text as HTML. Pure; the template escapes all that came from outside."""

from __future__ import annotations

from collections.abc import Callable

from seminar_rag.html import Template, static
from seminar_rag.text import cut, one_line
from seminar_rag.types import BUILT_IN, WORDS_ONLY, Cited
from seminar_rag.types.check import (
    WRONG,
    CheckedCitation,
    CheckedItem,
    EvidenceSource,
    Report,
    label_in_words,
)
from seminar_rag.ui.shared.wording import KINDS, url_of_page

GLYPHS = {
    **{"supported": "✓", "similar sentence found": "≈", "partly": "~"},
    **{"partly similar": "~", "contradicted": "✗", "not found": "?", "not a claim": "·"},
}
CITED = {
    **dict.fromkeys(("not said", "mismatch", "unlisted"), "✗"),
    **{"holds": "✓", "partly": "~", "no reading": "?", "unread": "?"},
}
WORST_FIRST = ("contradicted", "not found", "partly", "supported", "not a claim")
HTML = Template("ui/templates/report.html")
PARTS = Template("ui/templates/parts.html")


def verdict_of(item: CheckedItem) -> tuple[str, str]:
    """Glyph and words of the verdict on a sentence."""
    word = label_in_words(item.label, item.verifier)
    return GLYPHS[word], "reference" if item.claim.kind == "reference" else word


def glyph_of(given: CheckedCitation) -> str:
    """The sign of a citation's result; the built-in check confirms none."""
    return "≈" if given.holding == "holds" and given.verifier == BUILT_IN else CITED[given.holding]


def shown_evidence(item: CheckedItem) -> tuple[EvidenceSource, ...]:
    """The evidence that is worth a reader's time; the JSON has all of it."""
    return item.evidence[: 1 if item.label == "supported" else 2]


def says_why(item: CheckedItem) -> bool:
    """Whether the reason is worth a line: how sure a model is, or what is missing."""
    return item.label != "supported" or item.verifier != BUILT_IN


def mark(cited: Cited) -> str:
    return cut(one_line(cited.text), 60)


def place(source: EvidenceSource) -> str:
    """Say where a source stands: "LoRA (session 4), p. 2"."""
    sessions = ", ".join(map(str, source.document.sessions))
    parts = [source.document.title + (f" (session {sessions})" if sessions else "")]
    if source.document.kind == "abstract":
        parts.append(KINDS["abstract"])
    parts.append(source.document.place([source.page]))
    return ", ".join(filter(None, parts))


def to_html(report: Report, title: str, about: str = "", text: str = "") -> str:
    """Render the report as a page that needs nothing else."""
    fragment = to_fragment(report, _link, text)
    notice = WORDS_ONLY if report.verifier == BUILT_IN else ""
    return f"{HTML.page(title, static('report.css'), fragment, notice, about)}\n"


def _link(source: EvidenceSource) -> str:
    """Leads to the page that a piece of evidence is from, where the document has an address."""
    url = url_of_page(source.document, source.page)
    return PARTS.link(url, "Open", source.document.title) if url else ""


def to_fragment(
    report: Report,
    beside: Callable[[EvidenceSource], str] = lambda _: "",
    text: str = "",
    *,
    folded: bool = False,
) -> str:
    """Render the report alone, for a page that has report.css and sets its colours: --sheet, --ink,
    --soft, --rule, --good, --half, --bad and --none.

    Args:
        beside: HTML to stand beside where a piece of evidence is from, such as what opens it.
        folded: a line for each sentence that was checked, the worst first, which opens to its
            reasons; else all is open, in the order of the text.
    """
    items = list(enumerate(report.items, 1))
    if folded:
        items = [(number, item) for number, item in items if not _plain(item)]
        items.sort(key=lambda row: (not row[1].failed, WORST_FIRST.index(row[1].label)))
    rows = [_row(number, item, beside, folded) for number, item in items]
    return HTML.report(report, rows, HTML.marked(*_marked(report, text)) if text else "")


def _plain(item: CheckedItem) -> bool:
    """Whether there is nothing to say of a part of the text."""
    return item.label == "not a claim" and not item.citations


def _marked(report: Report, text: str) -> tuple[list[tuple[object, ...]], str]:
    """The text in pieces: what stands before a sentence, the number of its item, what the style
    sheet calls its verdict, glyph, words and the sentence; and what stands after the last."""
    rows: list[tuple[object, ...]] = []
    last = 0
    for number, item in sorted(enumerate(report.items, 1), key=lambda row: row[1].claim.start):
        claim = item.claim
        if claim.start < last or _plain(item):
            continue
        glyph, word = verdict_of(item)
        sentence = text[claim.start : claim.end]
        rows.append((text[last : claim.start], number, _key(item, glyph), glyph, word, sentence))
        last = claim.end
    return rows, text[last:]


def _key(item: CheckedItem, glyph: str) -> str:
    """What the style sheet calls a verdict."""
    return "similar" if glyph == "≈" else item.label.replace(" ", "-")


def _row(
    number: int, item: CheckedItem, beside: Callable[[EvidenceSource], str], folded: bool
) -> str:
    kind, claim = item.claim.kind, one_line(item.claim.text)
    if _plain(item):
        return HTML.plain(kind, claim)
    glyph, word = verdict_of(item)
    return HTML.item(
        number,
        kind,
        _key(item, glyph),
        glyph,
        word,
        claim,
        reason=item.reason if kind == "claim" and says_why(item) else "",
        evidence=[(one.quote, place(one), beside(one)) for one in shown_evidence(item)],
        cited=[
            (
                _holding(one),
                glyph_of(one),
                "" if kind == "reference" else mark(one.cited),
                one.reason,
            )
            for one in item.citations
        ],
        fine=item.label in ("supported", "not a claim") and not item.failed,
        folded=folded,
    )


def _holding(given: CheckedCitation) -> str:
    """What the style sheet calls a citation's result."""
    if given.holding in WRONG:
        return "wrong"
    return "similar" if glyph_of(given) == "≈" else given.holding.replace(" ", "-")
