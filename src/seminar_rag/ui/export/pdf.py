"""A conversation as PDF, by ReportLab, which is imported inside since only an export needs it.

ReportLab sets letters as they come. So arabic_reshaper joins those of Arabic, and python-bidi puts
lines that hold some of it or of Hebrew in the order in which they are seen.

ReportLab's standard fonts know Latin letters only. The fonts of the machine are taken where they
are found, and each letter is set in the first of them that has it. Letters of China, Japan and
Korea are in a font that comes with this package; what is used of a font is put into the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from seminar_rag.ui.export.export import (
    ExportedAnswer,
    ExportedConversation,
    ExportedReference,
    stopped,
)

MARGIN = 25
"""Millimetres on every side."""
FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts/Supplemental",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
ASIAN = Path(__file__).with_name("wqy-microhei-cjk.ttf")
"""A subset of WenQuanYi Micro Hei 0.2.0, under the licence of this project; NOTICE has its authors.

Made with fontTools from the font as Debian has it: pyftsubset wqy-microhei.ttc --font-number=0
--unicodes=2E80-9FFF,AC00-D7A3,F900-FAFF,FF00-FFEF --no-hinting --layout-features= --name-IDs='*'
"""
FONTS = (
    "LiberationSerif-Regular.ttf",
    "NotoSerif-Regular.ttf",
    "Georgia.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSans.ttf",
    "DejaVuMathTeXGyre.ttf",
    "Arial Unicode.ttf",
    "NotoNaskhArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "seguisym.ttf",
    "Vera.ttf",  # comes with ReportLab
    ASIAN.name,
)
"""Tried in this order for every letter."""
_MARKED = re.compile(r"([\u0591-\u05bd\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670]++)(.)")
"""Vowel signs before their letter, as they stand when a line is turned round."""


def to_pdf(paper: ExportedConversation) -> bytes:
    """Write the document as an A4 PDF, with links where readings have an address."""
    from reportlab.lib.enums import TA_CENTER
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    def number(canvas: Any, document: Any) -> None:
        canvas.setFont(_fonts()[0][0], 9)
        canvas.drawCentredString(A4[0] / 2, 12 * mm, str(document.page))

    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=paper.title,
        author="",
        creator="seminar_rag",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN * mm),
    )
    story = list(_story(paper, _styles(TA_CENTER)))
    document.build(story, onFirstPage=number, onLaterPages=number)
    return out.getvalue()


def _story(paper: ExportedConversation, styles: dict[str, Any]) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    def set_(text: str, style: str, after: str = "", **more: Any) -> Any:
        return Paragraph(_laid(text, styles[style]) + after, _side(text, styles[style]), **more)

    yield set_(paper.title, "title")
    yield set_(f"{paper.course}. {paper.written_by}", "small")
    for part in paper.parts:
        yield set_(part.question, "question")
        if part.asked:
            yield set_(f"Asked: {part.asked}", "small")
        for text, bullet in _blocks(part):
            yield set_(text, "item" if bullet else "body", bulletText="–" if bullet else None)
        for note in part.notes:
            yield set_(note, "small")
    if paper.references:
        yield set_("References", "question")
    for one in paper.references:
        parts = (stopped(part) for part in (one.authors, one.title, one.place))
        text = " ".join(filter(None, parts))
        yield set_(text, "item", _link_and_note(one), bulletText=f"[{one.number}]")
        for quote, place in one.quotes:
            yield set_(f"“{quote}”{f' ({place})' if place else ''}", "quote")


def _blocks(part: ExportedAnswer) -> Iterator[tuple[str, bool]]:
    """Divide an answer into paragraphs and bullets; a model's bold and code marks are removed."""
    for block in re.split(r"\n\s*\n", part.text):
        rows: list[tuple[str, bool]] = []
        for line in block.split("\n"):
            bullet = re.match(r"\s*[-•*]\s+", line)
            if bullet:
                rows.append((line[bullet.end() :], True))
            elif rows:
                rows[-1] = (f"{rows[-1][0]} {line}", rows[-1][1])
            else:
                rows.append((line, False))
        for text, bulleted in rows:
            plain = re.sub(r"\*\*(.+?)\*\*|`([^`]+)`|^#{1,6}\s+", r"\1\2", text.strip())
            if plain:
                yield plain if part.markdown else text.strip(), bulleted


def _link_and_note(one: ExportedReference) -> str:
    link = f" <a href={quoteattr(one.url)} color='#1f5f5b'>{_spelled(one.url)}</a>"
    note = _spelled(f" ({one.note})") if one.note else ""
    return f"{link if one.url else ''}{note}"


# Letters and fonts ----------------------------------------------------------------------------


def _laid(text: str, style: Any) -> str:
    """Escape `text` for ReportLab, cut into lines where some of it runs from right to left."""
    if not runs_left(text):
        return _spelled(text)
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfbase.pdfmetrics import stringWidth

    room = A4[0] - 2 * MARGIN * mm - style.leftIndent - 12

    def fits(line: str) -> bool:
        return bool(sum(stringWidth(*_in_font(one), style.fontSize) for one in line) <= room)

    return "<br/>".join(map(_spelled, lines_of(text, fits)))


def _side(text: str, style: Any) -> Any:
    """The style, set to the right where the text begins there."""
    if not begins_right(text):
        return style
    from reportlab.lib.enums import TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle(f"{style.name}-right", parent=style, alignment=TA_RIGHT)


def _spelled(text: str) -> str:
    """Escape `text` for ReportLab, with each run of letters in a font that has them."""
    usual = _fonts()[0][0]
    letters = (_in_font(one if one.isprintable() else " ") for one in text)
    out = []
    for font, run in groupby(letters, key=itemgetter(1)):
        escaped = escape("".join(letter for letter, _ in run))
        out.append(escaped if font == usual else f'<font name="{font}">{escaped}</font>')
    return "".join(out)


def _in_font(letter: str) -> tuple[str, str]:
    """The letter with the first font that has it; a replacement where none has."""
    fonts = _fonts()
    found = next((name for name, has in fonts if ord(letter) in has), None)
    return (letter, found) if found else ("?", fonts[0][0])


@lru_cache(maxsize=1)
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """Register the fonts; returns their names and letters in the order of `FONTS`."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    found = {ASIAN.name: ASIAN}
    for folder in FOLDERS:
        for path in Path(folder).rglob("*.tt[fc]"):
            if path.name in FONTS:
                found.setdefault(path.name, path)
    out: list[tuple[str, frozenset[int]]] = []
    for file in FONTS:
        name = f"seminar-{Path(file).stem.replace(' ', '')}"
        try:
            font = TTFont(name, str(found.get(file, file)))
        except TTFError:
            continue
        pdfmetrics.registerFont(font)
        pdfmetrics.registerFontFamily(name, name, name, name, name)
        out.append((name, frozenset(font.face.charToGlyph)))
    return tuple(out)


def _styles(centred: int) -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    usual = _fonts()[0][0]
    body = ParagraphStyle("body", fontName=usual, fontSize=11, leading=15.5, spaceAfter=6)
    soft = "#5d615a"

    def derived(name: str, **changes: Any) -> Any:
        return ParagraphStyle(name, parent=body, **changes)

    return {
        "body": body,
        "title": derived("title", fontSize=18, leading=23, spaceAfter=4, alignment=centred),
        "question": derived(
            "question", fontSize=13, leading=17, spaceBefore=14, spaceAfter=5, keepWithNext=1
        ),
        "small": derived("small", fontSize=9.5, leading=13, textColor=soft),
        "item": derived("item", leftIndent=22, bulletIndent=0, bulletFontName=usual, spaceAfter=3),
        "quote": derived("quote", fontSize=10, leading=13.5, leftIndent=34, textColor=soft),
    }


# Right to left ----------------------------------------------------------------------------------


def runs_left(text: str) -> bool:
    """Whether a text has letters that are written from right to left."""
    return any(unicodedata.bidirectional(one) in ("R", "AL") for one in text)


def begins_right(text: str) -> bool:
    """Whether its first letter is written from right to left, as then the whole text is."""
    kinds = (unicodedata.bidirectional(one) for one in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)


def lines_of(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """The lines of a paragraph in the order in which they are seen, Arabic letters joined."""
    from bidi.algorithm import get_display

    side = "R" if begins_right(text) else "L"
    line = ""
    for word in [*_joined(text).split(), ""]:
        longer = f"{line} {word}" if line else word
        if line and not (word and fits(longer)):
            shown = str(get_display(line, base_dir=side))
            yield _MARKED.sub(lambda found: found[2] + found[1][::-1], shown)
            longer = word
        line = longer


def _joined(text: str) -> str:
    """Arabic letters in the forms in which they join their neighbours."""
    from arabic_reshaper import ArabicReshaper

    # Vowel signs stay, and "Allah" is written in letters that every Arabic font has.
    options = {"delete_harakat": False, "delete_tatweel": False, "ARABIC LIGATURE ALLAH": False}
    return str(ArabicReshaper(options).reshape(text))
