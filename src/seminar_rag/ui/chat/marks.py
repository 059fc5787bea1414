"""The text of an answer as HTML, with its marks as links to sources and verdicts as badges. Pure.

Text that a language model wrote may hold a small Markdown subset (emphasis, lists, code, tables).
No image and no link is ever made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from seminar_rag.html import Template, joined, trusted
from seminar_rag.text import numbered
from seminar_rag.types import Citation, SentenceVerdict
from seminar_rag.ui.shared.conversation import Exchange
from seminar_rag.ui.shared.wording import (
    GONE,
    authors_of,
    places_of,
    safe_url,
    verdict_in_words,
    view_address,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from markupsafe import Markup

HTML = Template("ui/templates/chat.html")
_MARK = re.compile(r"(?<![ \t])[ \t]*\[(\d{1,3})\]")
_BULLET = re.compile(r"[-•*]\s+")
# A badge stands behind the marks of its sentence. It is put into the text as a private character
# before the text becomes HTML, so that quotations and Markdown are treated alike.
_OPEN, _CLOSE = "\ue000", "\ue001"
_KEPT = re.compile("\ue002(\\d+)\ue003")
_BADGE = re.compile(rf"(?<![ \t])[ \t]*{_OPEN}(\d+){_CLOSE}")
LONGEST_FORMULA = 600
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


def answer_text(view: Exchange) -> str:
    """Render the answer, as far as it is written."""
    if view.listed and "\n- " in view.text:
        return _course_rows(view)
    # The page's own words; programs and the terminal get the plain apostrophe.
    if view.abstained or not (view.citations or view.markdown):
        view = replace(view, text=view.text.replace("'", "’"))
    formulas: list[str] = []
    marks = _Marks(view.number, by_number(view.citations), view.verdicts, view.gone, formulas)
    # A quotation supports itself, so only what a model wrote has badges.
    text = _with_badges(view.text.lstrip(), view.verdicts if view.markdown else ())
    if view.markdown:
        return trusted(_MARKDOWN.render(_set_aside(text, formulas), {"marks": marks}))
    return HTML.plain(list(_blocks(text, marks)))


def by_number(citations: Iterable[Citation]) -> dict[int, list[Citation]]:
    """Group citations by the number of their mark."""
    groups: dict[int, list[Citation]] = {}
    for citation in citations:
        groups.setdefault(citation.number, []).append(citation)
    return groups


def _course_rows(view: Exchange) -> str:
    """Render an answer about the course: its lead, and its rows with links."""
    lead, *lines = view.text.split("\n")
    points = [_BULLET.sub("", line, count=1) for line in lines if _BULLET.match(line)]
    rows = [
        (
            *row.partition(one.title),
            view_address(one.document) if one.document else "",
            safe_url(one.url),
            bool(one.section),
        )
        for row, one in zip(points, view.listed, strict=False)
    ]
    return HTML.course_rows(lead, rows)


def _blocks(text: str, marks: _Marks) -> Iterator[tuple[bool, list[Markup]]]:
    """Divide plain text into paragraphs and lists, whose lines begin with a bullet."""
    for part in re.split(r"\n\s*\n", text.strip()):
        for listed, lines in groupby(part.split("\n"), key=lambda line: bool(_BULLET.match(line))):
            if listed:
                yield True, [marks.html(_BULLET.sub("", line, count=1)) for line in lines]
            elif body := "\n".join(lines).strip():
                yield False, [marks.html(body)]


# Marks and badges -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marks:
    """Renders the marks and verdicts between the words of an answer."""

    view: int
    owners: dict[int, list[Citation]]
    verdicts: tuple[SentenceVerdict, ...]
    gone: frozenset[str]
    """Ids of passages that the course holds no longer."""
    formulas: list[str]
    """What stands in place of the placeholders of `_set_aside`."""

    def restored(self, text: str) -> str:
        """The text with its formulas back in their places."""
        return _KEPT.sub(lambda found: self.formulas[int(found[1])], text)

    def html(self, text: str) -> Markup:
        """Render `text` with its marks and badges."""
        return joined(self.pieces(text))

    def pieces(self, text: str) -> Iterator[str | Markup]:
        """Cut `text` into words, and marks, badges or formulas as HTML, in order."""
        last = 0
        for found in re.finditer(f"{_MARK.pattern}|{_BADGE.pattern}", text):
            if html := self._mark(found[1]) if found[1] else self._badge(int(found[2])):
                yield with_formulas(text[last : found.start()])
                yield html
                last = found.end()
        yield with_formulas(text[last:])

    def _mark(self, number: str) -> Markup | None:
        citations = self.owners.get(int(number))
        if not citations:
            return None
        first = citations[0]
        lost = first.passage.id in self.gone
        document = first.document
        sessions, pages = numbered("session", document.sessions), places_of(citations)
        facts = (
            document.title,
            authors_of(document.authors),
            sessions,
            pages,
            GONE if lost else "",
        )
        whose = ", ".join(filter(None, facts))
        return HTML.mark(self.view, first.number, f"Source {first.number}: {whose}", lost)

    def _badge(self, index: int) -> Markup:
        verdict = self.verdicts[index].verdict
        glyph, word = verdict_in_words(verdict)
        why = f"{word}. {verdict.reason} Checked by: {verdict.verifier}."
        return HTML.badge("similar" if glyph == "≈" else verdict.label, glyph, why)


def _with_badges(text: str, verdicts: Sequence[SentenceVerdict]) -> str:
    """Put a placeholder for its badge behind each sentence that was checked."""
    text = re.sub("[\ue000-\ue003]", "\ufffd", text)
    out, last = [], 0
    for one in verdicts:
        if one.verdict.label != "uncheckable":
            end = one.end
            while end > one.start and text[end - 1 : end] in ("|", " "):
                end -= 1  # inside the last cell of a table's row
            out += [text[last:end], f" {_OPEN}{one.index}{_CLOSE}"]
            last = end
    return "".join((*out, text[last:]))


def _set_aside(text: str, formulas: list[str]) -> str:
    """Put placeholders for formulas, whose signs Markdown would take for its own."""

    def placeholder(found: re.Match[str]) -> str:
        formulas.append(found[0])
        return f"\ue002{len(formulas) - 1}\ue003"

    return FORMULA.sub(placeholder, text)


# Markdown of language models ------------------------------------------------------------------


def _split_marks(state: StateCore) -> None:
    """Cut the marks out of the text tokens; code keeps its brackets and has no badges."""
    marks = state.env["marks"]
    for block in state.tokens:
        if block.type == "inline":
            children = block.children or []
            block.children = [piece for token in children for piece in _pieces(token, marks)]
        else:
            block.content, block.info = (
                marks.restored(_BADGE.sub("", text)) for text in (block.content, block.info)
            )


def _pieces(token: Token, marks: _Marks) -> Iterator[Token]:
    token.content = marks.restored(token.content)
    if token.type != "text":
        token.content = _BADGE.sub("", token.content)
        yield token
        return
    for piece in marks.pieces(token.content):
        kind = "cite" if hasattr(piece, "__html__") else "text"
        yield Token(kind, "", 0, content=str(piece))


def _render_cite(_self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return tokens[index].content


def _lower_headings(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3"


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["image", "link", "autolink", "html_inline", "html_block", "reference"])
    parser.core.ruler.push("marks", _split_marks)
    parser.core.ruler.push("headings", _lower_headings)
    parser.add_render_rule("cite", _render_cite)
    return parser


_MARKDOWN = _markdown()


# Formulas -------------------------------------------------------------------------------------
#
# Texts hold them as LaTeX; browsers draw them as MathML by themselves. One stands between dollars
# or \( and \), as Pandoc's Markdown and LaTeX have them: nothing blank follows the first dollar
# or precedes the last one, after which no digit comes, so that prices stay prices. What cannot be
# read stays as it is written.


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
    if (
        len(latex) > LONGEST_FORMULA
        or not latex.strip()
        or (_PROSE.search(latex) and "\\" not in latex)
    ):
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
