"""Verdicts on the sentences of an answer, as small badges in its text. Pure.

A badge stands behind the marks of its sentence. It is put into the text as a private character
before the text becomes HTML, so that quotations and Markdown are treated alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from seminar_rag.types import SentenceVerdict

_OPEN, _CLOSE = "\ue000", "\ue001"
BADGE = re.compile(rf"[ \t]*{_OPEN}(\d+){_CLOSE}")
"""A badge in a text, with the white space before it; group 1 is the sentence's index."""

_SHOWN = {
    "supported": ("✓", "Supported"),
    "partly": ("~", "Partly supported"),
    "unsupported": ("!", "Not supported"),
    "contradicted": ("!", "Contradicted"),
}


def with_badges(text: str, verdicts: Sequence[SentenceVerdict]) -> str:
    """`text` with a place for the badge of each sentence that was checked."""
    text = text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd")
    out, last = [], 0
    for one in verdicts:
        if one.verdict.label in _SHOWN:
            end = one.end
            while end > one.start and text[end - 1 : end] in ("|", " "):
                end -= 1  # inside the last cell of a table's row
            out += [text[last:end], f" {_OPEN}{one.index}{_CLOSE}"]
            last = end
    return "".join((*out, text[last:]))


def without_badges(text: str) -> str:
    """`text` as it was."""
    return BADGE.sub("", text)


def badge(one: SentenceVerdict) -> str:
    """The badge as HTML: a glyph, and what it says to those who point at it or hear it."""
    verdict = one.verdict
    glyph, word = _SHOWN[verdict.label]
    why = escape(f"{word}. {verdict.reason} Checked by: {verdict.verifier}.")
    # What needs a second look can be reached with a finger and the keyboard too.
    reach = "" if verdict.label == "supported" else ' tabindex="0"'
    return (
        f'<span class="badge" data-label="{verdict.label}" role="img" aria-label="{why}" '
        f'data-why="{why}"{reach}>{glyph}</span>'
    )
