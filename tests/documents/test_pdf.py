"""PDF extraction: layout on papers set with reportlab, cleaning on lines made by hand."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas

from seminar_rag.documents.pdf import plain_page, read_pdf
from seminar_rag.documents.pdf_blocks import arrange
from seminar_rag.documents.pdf_clean import Line, Page, clean_text
from seminar_rag.documents.pdf_repair import (
    damaged_streams,
    from_header,
    glyph_names,
    glyph_text,
    rebuilt,
    repaired_map,
)
from seminar_rag.errors import DocumentError
from seminar_rag.types import Block, ParsedDocument

PAPERS = Path("../shared/papers")
needs_papers = pytest.mark.skipif(not PAPERS.is_dir(), reason="../shared/papers is not here")

FILLER = (
    "The committee compared seven ways of ranking passages and found that none was best for"
    " every kind of question a student may ask."
)
UNSTORABLE = {chr(0), chr(0xFFFE), chr(0xFFFF), *map(chr, range(0xD800, 0xE000))}


@dataclass
class Sheet:
    """Sets justified text in columns, as a typesetter would: one string per line."""

    canvas: Canvas
    x: float = 72
    y: float = 700
    width: float = 210
    lines: list[str] = field(default_factory=list)

    def line(
        self, text: str, size: float = 10, font: str = "Times-Roman", indent: float = 0
    ) -> None:
        self.canvas.setFont(font, size)
        self.canvas.drawString(self.x + indent, self.y, text)
        self.y -= size * 1.2

    def paragraph(self, text: str, size: float = 10, indent: float = 0, cut: bool = False) -> str:
        """Break into lines, all but the last justified; with `cut`, return the last one unset."""
        lines, current = [], ""
        for word in text.split():
            wide = self.canvas.stringWidth(f"{current} {word}".strip(), "Times-Roman", size)
            if wide > self.width - (0 if lines else indent) and current:
                lines.append(current)
                current = word
            else:
                current = f"{current} {word}".strip()
        for number, line in enumerate(lines if cut else [*lines, current]):
            shift = 0 if number else indent
            natural = self.canvas.stringWidth(line, "Times-Roman", size)
            gaps = line.count(" ")
            last = number == len(lines)
            text_object = self.canvas.beginText(self.x + shift, self.y)
            text_object.setFont("Times-Roman", size)
            text_object.setWordSpace(
                0 if last or not gaps else (self.width - shift - natural) / gaps
            )
            text_object.textOut(line)
            self.canvas.drawText(text_object)
            self.y -= size * 1.2
        return current


def make(draw: Callable[[Canvas], None], **options: object) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=letter, **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def read(data: bytes) -> ParsedDocument:
    return read_pdf(data, "sample.pdf", seconds=20.0)


def texts(document: ParsedDocument, kind: str | None = None) -> list[str]:
    return [block.text for block in document.blocks if kind in (None, block.kind)]


def paper(canvas: Canvas) -> None:
    """Three pages in two columns: heads, feet, stamp, hyphens, a float, a broken sentence."""
    rest = ""
    for number in (1, 2, 3):
        canvas.setFont("Times-Italic", 9)
        canvas.drawString(72, 760, f"Proceedings of the Quiet Workshop, page {number}")
        canvas.drawCentredString(306, 30, str(number))
        if number == 1:
            canvas.saveState()
            canvas.rotate(90)
            canvas.setFont("Times-Roman", 20)
            canvas.drawString(200, -30, "arXiv:2401.00001v1 [cs.CL] 1 Jan 2024")
            canvas.restoreState()
            sheet = Sheet(canvas, x=130, y=720)
            sheet.line("Ranking Passages for", size=17, font="Times-Bold")
            sheet.line("Patient Readers", size=17, font="Times-Bold")
            sheet.line("Ada Example and Bo Sample", size=12, indent=40)
            sheet = Sheet(canvas, y=640)
            sheet.line("Abstract", size=12, font="Times-Bold")
            sheet.paragraph(FILLER)
            sheet.line("1 Introduction", size=12, font="Times-Bold")
            sheet.paragraph(f"Readers want evidence. {FILLER} It is a matter of know-")
            sheet.paragraph(f"ledge and of trust. {FILLER}")
            sheet.paragraph(f"A second thought begins here. {FILLER}", indent=12)
            sheet.line("1.1 Scope", size=10, font="Times-Bold")
            sheet.paragraph(f"Our knowledge is limited. {FILLER}")
            right = Sheet(canvas, x=320, y=640)
            right.paragraph(f"The right column follows the left one. {FILLER}")
            rest = right.paragraph(
                "On this page the last paragraph does not come to its end because the very long"
                " sentence that it consists of is cut in two exactly where the page ends, in the"
                " middle of a thought that the reader must keep in mind until then",
                cut=True,
            )
        if number == 2:
            sheet = Sheet(canvas, y=720)
            sheet.line("Figure 1: A float at the top of the page.", size=9)
            sheet.y -= 20
            sheet.paragraph(f"{rest}, and goes on here. After it comes another sentence. {FILLER}")
            sheet.line("Table 1: Scores.", size=9)
            for row in (
                ("Method", "Recall", "MRR"),
                ("dense", "0.42", "0.31"),
                ("both", "0.65", "0.48"),
            ):
                for column, cell in enumerate(row):
                    canvas.drawString(72 + 70 * column, sheet.y, cell)
                sheet.y -= 12
            sheet.y -= 12
            sheet.line("2 Method", size=12, font="Times-Bold")
            sheet.paragraph(FILLER)
            sheet.line("• the first point of a list", indent=10)
            sheet.line("• the second point of a list", indent=10)
        if number == 3:
            sheet = Sheet(canvas, y=720)
            sheet.line("References", size=12, font="Times-Bold")
            sheet.paragraph("[1] A. Uthor. A book about nothing. Nowhere Press, 1999.")
            sheet.line("A Appendix on Details", size=12, font="Times-Bold")
            sheet.paragraph(f"The appendix has details. {FILLER}")
        canvas.showPage()


@pytest.fixture(scope="module")
def document() -> ParsedDocument:
    return read(make(paper))


def test_title_is_the_largest_text_above_the_abstract(document: ParsedDocument) -> None:
    assert document.title == "Ranking Passages for Patient Readers"


def test_headings_have_levels_and_pages(document: ParsedDocument) -> None:
    found = [(b.text, b.level, b.page) for b in document.blocks if b.kind == "heading"]
    assert found[1:] == [
        ("Abstract", 1, 1),
        ("1 Introduction", 1, 1),
        ("1.1 Scope", 2, 1),
        ("2 Method", 1, 2),
        ("A Appendix on Details", 1, 3),
    ]


def test_running_heads_page_numbers_and_stamp_are_gone(document: ParsedDocument) -> None:
    text = "\n".join(texts(document))
    assert "Quiet Workshop" not in text
    assert "arXiv" not in text
    assert not any(text in ("1", "2", "3") for text in texts(document))


def test_line_end_hyphen_is_resolved_by_the_documents_words(document: ParsedDocument) -> None:
    assert any("a matter of knowledge and of trust." in text for text in texts(document))


def test_an_indent_begins_a_paragraph(document: ParsedDocument) -> None:
    assert any(text.startswith("A second thought begins here.") for text in texts(document))


def test_columns_are_read_one_after_the_other(document: ParsedDocument) -> None:
    order = "\n".join(texts(document))
    assert order.index("Our knowledge is limited.") < order.index("The right column follows")


def test_a_sentence_over_the_page_break_stays_whole_on_the_page_where_it_starts(
    document: ParsedDocument,
) -> None:
    (block,) = [
        b
        for b in document.blocks
        if "in the middle of a thought that the reader must keep in mind until then, and goes"
        in b.text
    ]
    assert block.page == 1
    assert block.text.endswith("goes on here.")
    (rest,) = [b for b in document.blocks if b.text.startswith("After it comes another sentence.")]
    assert rest.page == 2


def test_captions_stand_alone(document: ParsedDocument) -> None:
    assert "Figure 1: A float at the top of the page." in texts(document, "paragraph")
    assert "Table 1: Scores." in texts(document, "paragraph")


def test_tables_keep_their_rows(document: ParsedDocument) -> None:
    assert texts(document, "table") == [
        "Method | Recall | MRR\ndense | 0.42 | 0.31\nboth | 0.65 | 0.48"
    ]


def test_list_items_lose_their_bullets(document: ParsedDocument) -> None:
    assert texts(document, "item") == ["the first point of a list", "the second point of a list"]


def test_references_are_left_out_and_noted(document: ParsedDocument) -> None:
    assert not any("Nowhere Press" in text for text in texts(document))
    assert document.notes == ("The list of references (page 3) is left out of the passages.",)
    assert any("The appendix has details." in text for text in texts(document))


def test_starts_are_offsets_into_the_joined_text(document: ParsedDocument) -> None:
    whole = "\n".join(texts(document))
    for block in document.blocks:
        assert whole[block.start : block.start + len(block.text)] == block.text
        assert block.offsets is None


def test_document_counts_pages_and_is_complete(document: ParsedDocument) -> None:
    assert (document.pages, document.partial) == (3, False)


def test_an_image_only_pdf_suggests_ocr() -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    image = ImageReader(Image.new("RGB", (40, 40), "grey"))
    data = make(lambda canvas: canvas.drawImage(image, 100, 100, 300, 300))
    with pytest.raises(DocumentError, match="OCR") as caught:
        read(data)
    assert caught.value.failure == "no_text"
    assert "sample.pdf" in str(caught.value)


def test_a_pdf_of_blank_pages_has_no_text() -> None:
    with pytest.raises(DocumentError, match=r"sample\.pdf has pages but no text") as caught:
        read(make(lambda canvas: canvas.showPage()))
    assert caught.value.failure == "no_text"


def encrypted(user: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make(paper))))
    writer.encrypt(user_password=user, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_user_password_is_asked_to_be_removed() -> None:
    with pytest.raises(DocumentError, match="unprotected copy") as caught:
        read(encrypted("secret"))
    assert caught.value.failure == "password"


def test_a_broken_file_after_a_locked_one_is_not_called_locked() -> None:
    with pytest.raises(DocumentError):
        read(encrypted("secret"))
    with pytest.raises(DocumentError) as caught:
        read(b"%PDF-1.7\n1 0 obj\n<< /Broken true\n")
    assert caught.value.failure == "corrupt"


def test_a_file_encrypted_with_an_empty_password_is_read() -> None:
    assert read(encrypted("")).title == "Ranking Passages for Patient Readers"


def test_a_file_that_was_cut_off_yields_its_first_pages_as_partial() -> None:
    data = make(paper, pageCompression=1)
    cut = data[: int(0.6 * len(data))]
    document = read(cut)
    assert document.partial
    assert any("Readers want evidence." in text for text in texts(document))
    assert "cut off" in document.notes[0]


def test_junk_before_the_header_is_stripped() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" + make(paper)
    assert read(data).title == "Ranking Passages for Patient Readers"
    assert from_header(b"no header at all") is None


def test_a_transfer_in_text_mode_is_undone() -> None:
    data = make(paper, pageCompression=1)
    data = (
        data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\n% " + bytes(range(128, 256)) * 300
    )
    data += b"\n" * 64
    spoiled = data.replace(b"\n", b"\r\n")
    assert read(spoiled).title == "Ranking Passages for Patient Readers"


def test_damage_inside_a_stream_is_noticed() -> None:
    body = zlib.compress(b"BT ET " * 400)
    stream = b"1 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n"
    assert damaged_streams(stream % (len(body), body)) == 0
    assert damaged_streams(stream % (len(body), body[:8] + b"\xff\xff" + body[10:])) == 1


def test_only_a_header_is_corrupt() -> None:
    with pytest.raises(DocumentError, match="fetch it again") as caught:
        read(b"%PDF-1.7\n")
    assert caught.value.failure == "corrupt"


def test_rebuilding_needs_a_page() -> None:
    with pytest.raises(ValueError, match="no page objects"):
        rebuilt(b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n")


def test_pypdf_alone_reads_the_text_too() -> None:
    document = read_pdf(make(paper), "sample.pdf", seconds=20.0, engine="pypdf")
    assert any("Readers want evidence." in text for text in texts(document))


def set_words(*pieces: tuple[str, float, float, float]) -> list[str]:
    """The blocks of a page with (text, x, rise, size) pieces on one baseline."""

    def draw(canvas: Canvas) -> None:
        for text, x, rise, size in pieces:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, 600 + rise, text)

    return texts(read(make(draw)))


def test_a_raised_reference_is_set_off_but_an_exponent_is_not() -> None:
    width = Canvas(io.BytesIO()).stringWidth("as shown before.", "Helvetica", 10)
    assert set_words(("as shown before.", 72, 0, 10), ("17", 72 + width, 4, 6)) == [
        "as shown before. 17"
    ]
    width = Canvas(io.BytesIO()).stringWidth("n", "Helvetica", 10)
    assert set_words(("n", 72, 0, 10), ("2", 72 + width, 4, 6)) == ["n2"]


def test_words_without_a_space_between_them_are_separated_by_the_gap() -> None:
    word = Canvas(io.BytesIO()).stringWidth("agents", "Helvetica", 10)
    first, second = ("the agents", 72, 0, 10), ("tend to err", 0.0, 0, 10)
    lead = Canvas(io.BytesIO()).stringWidth("the ", "Helvetica", 10)
    place = 72 + lead + word + 1.7
    assert set_words(first, (second[0], place, 0, 10)) == ["the agents tend to err"]


def test_letter_spacing_is_no_word_space() -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(72, 600)
        text.setFont("Helvetica", 10)
        text.setCharSpace(1.5)
        text.textOut("EXPERIMENTS")
        canvas.drawText(text)

    assert texts(read(make(draw))) == ["EXPERIMENTS"]


def test_text_on_a_turned_page_is_read_as_it_is_seen() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(612, 0)
        canvas.rotate(90)
        for row, line in enumerate(("A wide table was set sideways", "so that it fits the page.")):
            canvas.drawString(72, 400 - 14 * row, line)

    assert texts(read(make(draw))) == ["A wide table was set sideways so that it fits the page."]


def test_no_page_in_time_is_a_limit() -> None:
    with pytest.raises(DocumentError, match="longer than one document may") as caught:
        read_pdf(make(paper), "sample.pdf", seconds=0.0)
    assert caught.value.failure == "limit"


# -- pure parts -------------------------------------------------------------------------------


def lines(*rows: str, **style: object) -> Page:
    """A page of full lines; a row that begins with a space is indented."""
    made = [
        Line(row.strip(), 1, 72.0 + 14 * row.startswith(" "), 372.0, 700.0 - 12 * i, 10.0, **style)  # type: ignore[arg-type]
        for i, row in enumerate(rows)
    ]
    return Page(1, 800.0, tuple(made))


def blocks(*rows: str) -> list[Block]:
    return list(arrange([lines(*rows)]).blocks)


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        ("Jim\u00b4enez", "Jiménez"),
        ("M\u00a8uller", "Müller"),
        ("na\u00a8\u0131ve", "naïve"),
        ("Ho\u02c7rava", "Hořava"),
        ("\u02c6f", "\u02c6f"),
        ("5\u00b4 end", "5\u00b4 end"),
    ],
)
def test_accents_that_a_tex_font_sets_apart_join_their_letters(drawn: str, text: str) -> None:
    assert clean_text(drawn) == text


def test_clean_text_resolves_ligatures_and_drops_what_cannot_be_stored() -> None:
    assert (
        clean_text("e\ufb03cient\u00a0o\u00adne\0\x07\ud835\ufffe\uffff\U0001ffff")
        == "efficient one"
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("a state-of-the-art re-", "sult"), "a state-of-the-art result"),
        (("the fine-tuned and the fine-", "tuned"), "the fine-tuned and the fine-tuned"),
        (("an English-", "to-German pair"), "an English-to-German pair"),
        (("models like GPT-", "4 and T5-", "large"), "models like GPT-4 and T5-large"),
        (("the Berkeley-", "Parser"), "the Berkeley-Parser"),
        (("a well-", "known fact"), "a well-known fact"),
        (("closedbook and closed-", "book"), "closedbook and closedbook"),
    ],
)
def test_line_end_hyphens(rows: tuple[str, ...], expected: str) -> None:
    assert [block.text for block in blocks(*rows)] == [expected]


def test_a_formula_is_not_prose() -> None:
    page = Page(
        1,
        800.0,
        (
            Line(
                "We write the mean of all the scores of a passage as follows:", 1, 72, 372, 700, 10
            ),
            Line("m = ∑ s / n (1)", 1, 180, 372, 680, 10),
            Line("where n is the number of sentences that the passage has.", 1, 72, 340, 660, 10),
        ),
    )
    assert [(b.kind, b.text) for b in arrange([page]).blocks][1] == ("code", "m = ∑ s / n (1)")


def test_fragments_of_one_visual_line_are_joined() -> None:
    page = Page(
        1,
        800.0,
        (
            Line("the key size d", 1, 72, 130, 700, 10),
            Line("k", 1, 130.2, 134, 698.5, 7),
            Line("hurts quality.", 1, 138, 200, 700, 10),
        ),
    )
    assert [b.text for b in arrange([page]).blocks] == ["the key size dk hurts quality."]


def test_nothing_is_dropped_when_nothing_else_would_be_left() -> None:
    assert [b.text for b in arrange([plain_page(1, "17")]).blocks] == ["17"]
    assert arrange([Page(1, 800.0, ())]).blocks == ()


def test_a_table_of_contents_is_dropped() -> None:
    page = lines("1 Introduction . . . . . . . . 3", "2 Method . . . . . . . . . 5")
    head = Line("Contents", 1, 72, 120, 730, 14, bold=True)
    prose = Line("A line of prose stands below it all.", 1, 72, 372, 640, 10)
    made = arrange([Page(1, 800.0, (head, *page.lines, prose))]).blocks
    assert [block.text for block in made] == ["A line of prose stands below it all."]


def test_heads_and_feet_of_two_printed_pages_are_dropped() -> None:
    def printed(number: int) -> Page:
        foot = Line(f"example.org/post.html {number}/2", number, 72, 180, 14, 8)
        prose = Line(f"The prose of page {number} stands in the middle.", number, 72, 300, 400, 10)
        return Page(number, 800.0, (foot, prose))

    assert [block.text for block in arrange([printed(1), printed(2)]).blocks] == [
        "The prose of page 1 stands in the middle.",
        "The prose of page 2 stands in the middle.",
    ]


def test_outline_titles_become_headings_of_their_depth() -> None:
    page = Page(
        1,
        800.0,
        (
            Line("An odd heading", 1, 72, 160, 700, 10, bold=True),
            Line("Prose that goes below the heading.", 1, 72, 300, 680, 10),
        ),
    )
    made = arrange([page], outline=[(3, "An odd heading")]).blocks
    assert (made[0].kind, made[0].level) == ("heading", 3)


def test_glyph_names_give_the_characters_of_a_broken_map() -> None:
    names = glyph_names([65, "/S", "/s.sc", "/fi", 70, "/uni00E9", "/unknownglyph"])
    assert names == {65: "/S", 66: "/s.sc", 67: "/fi", 70: "/uni00E9", 71: "/unknownglyph"}
    assert [glyph_text(name) for name in names.values()] == ["S", "s", "fi", "é", ""]


def test_repaired_map_replaces_null_targets_only() -> None:
    table = (
        b"1 beginbfchar\n<41> <0000>\n<44> <0064>\nendbfchar\n"
        b"1 beginbfrange\n<42> <43> <0000>\nendbfrange\n"
    )
    mended = repaired_map(table, {0x41: "/A", 0x42: "/b", 0x43: "/fi"})
    assert b"<41> <0041>" in mended
    assert b"<44> <0064>" in mended
    assert b"<42> <42> <0062>" in mended
    assert b"<43> <43> <00660069>" in mended


# -- real papers ------------------------------------------------------------------------------

TITLES = {
    "1706.03762-attention": "Attention Is All You Need",
    "2305.14627-alce": "Enabling Large Language Models to Generate Text with Citations",
    "2307.09288-llama2-excerpt": "Llama 2: Open Foundation and Fine-Tuned Chat Models",
    "2308.09583-wizardmath": "WizardMath: Empowering Mathematical Reasoning for Large Language"
    " Models via Reinforced Evol-Instruct",
    "2401.02954-deepseek-llm-excerpt": "DeepSeek LLM Scaling Open-Source Language Models with"
    " Longtermism",
    "paperqa-sample": "A Perspective on Explanations of Molecular Prediction Models",
}


@pytest.mark.slow
@needs_papers
@pytest.mark.parametrize("name", TITLES)
def test_real_papers(name: str) -> None:
    document = read((PAPERS / f"{name}.pdf").read_bytes())
    whole = "\n".join(texts(document))
    assert document.title == TITLES[name]
    assert not document.partial
    assert not UNSTORABLE & set(whole)
    assert {"Abstract"} <= set(texts(document, "heading"))
    assert all(whole[b.start : b.start + len(b.text)] == b.text for b in document.blocks)
    pages = [b.page or 0 for b in document.blocks]
    assert pages == sorted(pages)


@needs_papers
def test_llama_2_is_findable_although_its_font_maps_to_null() -> None:
    document = read((PAPERS / "2307.09288-llama2-excerpt.pdf").read_bytes())
    assert sum(text.count("Llama 2") for text in texts(document)) >= 20


@pytest.mark.slow
@needs_papers
def test_sections_of_a_real_paper_in_order() -> None:
    document = read((PAPERS / "1706.03762-attention.pdf").read_bytes())
    headings = [b.text for b in document.blocks if b.kind == "heading" and b.level == 1]
    assert headings[1:] == [
        "Abstract",
        "1 Introduction",
        "2 Background",
        "3 Model Architecture",
        "4 Why Self-Attention",
        "5 Training",
        "6 Results",
        "7 Conclusion",
        "Attention Visualizations",
    ]
    assert any("references" in note for note in document.notes)
