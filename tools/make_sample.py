"""Makes the PDFs of the sample course from Markdown, in two columns.

    python tools/make_sample.py            rewrites primers/*.pdf from sources/*.md
    python tools/make_sample.py FOLDER     writes them to FOLDER instead

The same source gives the same bytes on every machine: reportlab's invariant mode fixes dates
and ids, the fonts (Bitstream Vera) come with reportlab and are embedded, and nothing is
compressed, since two builds of zlib need not agree. Knows nothing of the rest of the project.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

SAMPLE = Path(__file__).parents[1] / "src/seminar_rag/sample"
SOURCES = SAMPLE / "sources"
PRIMERS = SAMPLE / "primers"

COURSE = "Generative AI, a sample seminar"
BYLINE = "Seminar RAG project — a primer, not the paper"
UNNUMBERED = "Abstract"

SHEET = (499.0, 709.0)
"""Width and height of a page, ISO B5; all lengths are in points."""
MARGIN, GAP, HEAD, LINE = 50.0, 18.0, 24.0, 15.0
"""Page margin, space between the columns, height of the running head, and line pitch."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A heading, a paragraph or a displayed formula of a primer, in order."""

    kind: Literal["heading", "paragraph", "formula"]
    text: str


@dataclass(frozen=True, slots=True)
class Primer:
    """A primer's source, read. Headings carry their number, except the abstract's."""

    title: str
    pieces: tuple[Piece, ...]


def read_source(text: str) -> Primer:
    """Read the Markdown of a source: one title, second-level headings, paragraphs, fences.

    Raises:
        ValueError: the text does not begin with a title.
    """
    title, *rest = re.split(r"\n\s*\n", text.strip())
    if not title.startswith("# "):
        raise ValueError("a source begins with a title — write '# Primer: …' in its first line")
    pieces: list[Piece] = []
    number = 0
    for part in rest:
        if part.startswith("## "):
            heading = part.removeprefix("## ").strip()
            if heading != UNNUMBERED:
                number += 1
                heading = f"{number} {heading}"
            pieces.append(Piece("heading", heading))
        elif part.startswith("```"):
            pieces.append(Piece("formula", part.strip("`").strip()))
        else:
            pieces.append(Piece("paragraph", " ".join(part.split())))
    return Primer(title.removeprefix("# ").strip(), tuple(pieces))


def set_pdf(primer: Primer) -> bytes:
    """Set a primer as a two-column PDF with running heads, page numbers and an outline.

    The columns of the last page are as short as its text allows, so that they end level.
    """
    pages, pdf = _set(primer, 0, 0.0)
    low, high = 0.0, SHEET[1] - 2 * MARGIN - HEAD
    while high - low > LINE / 2:
        middle = (low + high) / 2
        count, shorter = _set(primer, pages, middle)
        if count == pages:
            low, pdf = middle, shorter
        else:
            high = middle
    return pdf


def _set(primer: Primer, last: int, raised: float) -> tuple[int, bytes]:
    """The number of pages and the PDF, the columns of page `last` ending `raised` higher."""
    from reportlab.platypus import BaseDocTemplate, Frame, FrameBreak, NextPageTemplate
    from reportlab.platypus import PageTemplate as Template

    styles = _styles()
    width, height = SHEET
    inner = width - 2 * MARGIN
    column = (inner - GAP) / 2
    opening = _opening(primer, styles)
    title_height = sum(flowable.wrap(inner, height)[1] for flowable in opening) + 24

    def frame(x: float, y: float, w: float, h: float) -> Any:
        return Frame(x, y, w, h, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)

    def columns(top: float, bottom: float) -> list[Any]:
        lefts = (MARGIN, MARGIN + column + GAP)
        return [frame(left, bottom, column, top - bottom) for left in lefts]

    top = height - MARGIN - HEAD
    head = frame(MARGIN, top - title_height, inner, title_height)
    first = [head, *columns(top - title_height, MARGIN)]
    head_line = _running_head(primer.title)
    buffer = BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=SHEET,
        title=primer.title,
        author=BYLINE,
        invariant=1,
        pageCompression=0,
        initialFontName="Vera",
        pageTemplates=[
            Template("first", first, head_line, _foot),
            Template("later", columns(top, MARGIN), head_line, _foot),
            Template("last", columns(top, MARGIN + raised), head_line, _foot),
        ],
    )
    document.afterFlowable = _outliner(document)
    body = [_flowable(piece, styles) for piece in primer.pieces]
    following = ["later"] * (last - 2) + ["last"] if last > 1 else ["later"]
    document.build([*opening, NextPageTemplate(following), FrameBreak(), *body])
    return document.page, buffer.getvalue()


def _styles() -> dict[str, Any]:
    """Register the embedded fonts and name the paragraph styles."""
    from reportlab.lib.enums import TA_CENTER
    from reportlab.lib.fonts import addMapping
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    faces = ("Vera", "VeraBd")
    for face in faces:
        registerFont(TTFont(face, f"{face}.ttf"))
        addMapping(face, 0, 0, face)
    body = ParagraphStyle(
        "paragraph",
        fontName="Vera",
        fontSize=10,
        leading=LINE,
        spaceAfter=7,
        allowWidows=0,
        allowOrphans=0,
    )
    return {
        "paragraph": body,
        "heading": ParagraphStyle(
            "heading",
            body,
            fontName="VeraBd",
            fontSize=11,
            leading=15,
            spaceBefore=8,
            spaceAfter=4,
            keepWithNext=1,
        ),
        "formula": ParagraphStyle(
            "formula", body, fontSize=8.8, alignment=TA_CENTER, spaceBefore=3, spaceAfter=9
        ),
        "title": ParagraphStyle(
            "title", body, fontName="VeraBd", fontSize=15, leading=20, alignment=TA_CENTER
        ),
        "byline": ParagraphStyle("byline", body, fontSize=9.2, alignment=TA_CENTER),
    }


def _opening(primer: Primer, styles: dict[str, Any]) -> list[Any]:
    from reportlab.platypus import Paragraph

    return [
        Paragraph(escape(primer.title), styles["title"]),
        Paragraph(escape(BYLINE), styles["byline"]),
    ]


def _flowable(piece: Piece, styles: dict[str, Any]) -> Any:
    from reportlab.platypus import Paragraph

    markup = escape(piece.text)
    if piece.kind == "formula":
        markup = re.sub(r"\^(\w)", r"<super>\1</super>", markup)
        markup = re.sub(r"_(\w)", r"<sub>\1</sub>", markup)
    return Paragraph(markup, styles[piece.kind])


def _foot(canvas: Any, document: Any) -> None:
    """Print the page number below the columns."""
    canvas.setFont("Vera", 9)
    canvas.drawCentredString(document.pagesize[0] / 2, MARGIN - 24, str(document.page))


def _running_head(title: str) -> Callable[[Any, Any], None]:
    """A page decoration: course left, title right, and a rule below."""

    def draw(canvas: Any, document: Any) -> None:
        width, height = document.pagesize
        base = height - MARGIN - 8
        canvas.setFont("Vera", 7.5)
        canvas.drawString(MARGIN, base, COURSE)
        canvas.drawRightString(width - MARGIN, base, title.removeprefix("Primer: "))
        canvas.setLineWidth(0.4)
        canvas.line(MARGIN, base - 5, width - MARGIN, base - 5)

    return draw


def _outliner(document: Any) -> Callable[[Any], None]:
    """A hook that enters each heading into the PDF's outline when it has been placed."""

    def enter(flowable: Any) -> None:
        style = getattr(flowable, "style", None)
        if style is not None and style.name == "heading":
            text = flowable.getPlainText()
            document.canv.bookmarkPage(text)
            document.canv.addOutlineEntry(text, text, 0)

    return enter


def make(folder: Path) -> list[Path]:
    """Write every source as a PDF into `folder` and return the files, sorted by name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for source in sorted(SOURCES.glob("*.md")):
        target = folder / f"{source.stem}.pdf"
        target.write_bytes(set_pdf(read_source(source.read_text(encoding="utf-8"))))
        made.append(target)
    return made


def main(arguments: Sequence[str]) -> int:
    """Write the PDFs and say how large they are."""
    try:
        made = make(Path(arguments[0]) if arguments else PRIMERS)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed — pip install 'seminar-rag[dev]'", file=sys.stderr)
        return 1
    for target in made:
        print(f"{target.name}  {target.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
