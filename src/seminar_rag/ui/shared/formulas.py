"""Formulas that texts hold as LaTeX, as MathML, which browsers draw by themselves. Pure.

A formula stands between dollars or \\( and \\), as Pandoc's Markdown and LaTeX have them: nothing
blank follows the first dollar or precedes the last one, after which no digit comes, so that prices
stay prices. What cannot be read stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seminar_rag.html import joined, trusted

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from markupsafe import Markup

LONGEST = 600
"""Characters of a formula that is drawn."""
FORMULA = re.compile(
    r"\$\$(?P<block>[^$]{1,600})\$\$"
    r"|(?<![\\$\w])\$(?P<line>(?![\s$])[^$\n`]{1,600}?(?<![\s\\]))\$(?!\d)"
    r"|\\\((?P<round>.{1,600}?)\\\)|\\\[(?P<square>.{1,600}?)\\\]",
    re.DOTALL,
)
_PROSE = re.compile(r"(?<![^\W\d_])[^\W\d_]{3,}+\s++[^\W\d_]{2}")
"""Words in a row, as between two prices."""
# Elements and attributes of MathML Core (W3C, 2025) that load nothing and lead nowhere.
_TAGS = frozenset(
    """math mrow mi mo mn mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover
    mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none""".split()
)
_ATTRIBUTES = frozenset(
    """display displaystyle scriptlevel mathvariant stretchy fence separator lspace rspace accent
    accentunder linethickness minsize maxsize largeop movablelimits columnalign rowspacing
    columnspacing width height depth form symmetric notation""".split()
)


def with_formulas(text: str) -> str | Markup:
    """The text as HTML where it holds formulas, with the rest of it escaped; else as it is."""
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return text
    parts = list(_parts(text))
    return joined(parts) if len(parts) > 1 or hasattr(parts[0], "__html__") else text


def _parts(text: str) -> Iterator[str | Markup]:
    last = 0
    for found in FORMULA.finditer(text):
        drawn = mathml(found)
        if drawn is not None:
            yield text[last : found.start()]
            yield drawn
            last = found.end()
    yield text[last:]


def mathml(found: re.Match[str]) -> Markup | None:
    """A formula, as `FORMULA` finds it, as MathML; None where it cannot be drawn."""
    from xml.etree.ElementTree import tostring

    from latex2mathml.converter import convert_to_element

    latex = next(part for part in found.groups() if part is not None)
    block = found["block"] is not None or found["square"] is not None
    if len(latex) > LONGEST or not latex.strip() or (_PROSE.search(latex) and "\\" not in latex):
        return None
    try:
        drawn = convert_to_element(latex, display="block" if block else "inline")
    except Exception:  # noqa: BLE001 - the converter raises anything for what it does not know
        return None
    if not _is_tame(drawn):
        return None
    drawn.set("alttext", latex)
    return trusted(tostring(drawn, encoding="unicode"))


def _is_tame(drawn: Element) -> bool:
    """Whether a formula is of MathML alone, all of it known. Its signs become letters."""
    for one in drawn.iter():
        named = set(one.attrib) - _ATTRIBUTES - {"xmlns"}
        if one.tag not in _TAGS or named or "\\" in (one.text or ""):
            return False
        one.text = trusted(one.text).unescape() if one.text else one.text
    return True
