from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from seminar_rag.check.claims import extract
from seminar_rag.documents.parse import read_manuscript, text_of
from seminar_rag.errors import DocumentError, SourceError

pytestmark = pytest.mark.slow


def kinds(text: str) -> list[tuple[str, str]]:
    return [(claim.kind, claim.text) for claim in extract(text).claims]


def test_markdown_and_text_stay_as_they_are(tmp_path: Path) -> None:
    text = "# Title\n\nA sentence — with a dash. Another one.\n"
    for name in ("essay.md", "essay.txt", "essay"):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert read_manuscript(tmp_path / name) == text


def test_a_docx_keeps_headings_lists_and_tables_apart(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_heading("On adapters", 1)
    document.add_paragraph("LoRA freezes the weights. It adds thin matrices.")
    document.add_paragraph("A listed statement.", style="List Bullet")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "rank", "8"
    document.add_paragraph("After the table comes a sentence.")
    document.save(str(tmp_path / "essay.docx"))
    assert kinds(read_manuscript(tmp_path / "essay.docx")) == [
        ("heading", "On adapters"),
        ("claim", "LoRA freezes the weights."),
        ("claim", "It adds thin matrices."),
        ("claim", "A listed statement."),
        ("table", "| rank | 8 |"),
        ("claim", "After the table comes a sentence."),
    ]


def test_a_pdf_is_read_with_its_reference_list(tmp_path: Path) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    styles = getSampleStyleSheet()
    said = "Low-rank adaptation freezes a trained model and learns a small correction to it. "
    parts = [Paragraph("1 Adapters", styles["Heading1"]), Paragraph(said * 3, styles["Normal"])]
    parts += [Paragraph("References", styles["Heading1"])]
    listed = "Hu, E. (2021). Low-rank adaptation of large language models."
    parts += [Paragraph(listed, styles["Normal"])]
    SimpleDocTemplate(str(tmp_path / "essay.pdf")).build(parts)
    found = kinds(read_manuscript(tmp_path / "essay.pdf"))
    assert found.count(("claim", said.strip())) == 3
    assert found[-1] == ("reference", listed)


def test_html_becomes_markdown(tmp_path: Path) -> None:
    page = "<!doctype html><html><body><h2>Head</h2><p>One thing is so.</p></body></html>"
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    assert kinds(read_manuscript(tmp_path / "page.html")) == [
        ("heading", "Head"),
        ("claim", "One thing is so."),
    ]


def test_a_file_that_cannot_be_read_gives_a_reason_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.md cannot be read"):
        read_manuscript(tmp_path / "gone.md")
    (tmp_path / "torn.docx").write_bytes(b"PK\x03\x04torn")
    with pytest.raises(DocumentError, match=r"torn\.docx is no DOCX, PPTX, ODT or EPUB that"):
        read_manuscript(tmp_path / "torn.docx")
    with zipfile.ZipFile(tmp_path / "sheet.docx", "w") as archive:
        archive.writestr("else.xml", "<a/>")
    with pytest.raises(DocumentError, match="archive of no known form"):
        read_manuscript(tmp_path / "sheet.docx")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0\0\0\0")
    with pytest.raises(DocumentError, match=r"image\.png"):
        read_manuscript(tmp_path / "image.png")


def test_the_notes_of_a_docx_are_read(tmp_path: Path) -> None:
    from docx import Document
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    said = "<w:p><w:r><w:t>Wei shows </w:t></w:r><w:r><w:t>this.</w:t></w:r></w:p>"
    rule = '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>-</w:t></w:r></w:p></w:footnote>'
    xml = f'<w:footnotes {space}>{rule}<w:footnote w:id="2">{said}</w:footnote></w:footnotes>'
    document = Document()
    mark = document.add_paragraph("The text has a note.").add_run()
    mark._r.append(parse_xml(f'<w:footnoteReference {space} w:id="2"/>'))
    part = Part(PackURI("/word/footnotes.xml"), "application/xml", xml.encode(), None)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    document.save(str(tmp_path / "essay.docx"))
    assert read_manuscript(tmp_path / "essay.docx") == "The text has a note.\n\nWei shows this."


def test_a_docx_without_text_is_an_error(tmp_path: Path) -> None:
    from docx import Document

    Document().save(str(tmp_path / "blank.docx"))
    with pytest.raises(DocumentError, match=r"blank\.docx holds no text") as caught:
        read_manuscript(tmp_path / "blank.docx")
    assert caught.value.failure == "no_text"


def test_what_is_sent_is_read_by_its_content_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docx import Document

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    document = Document()
    document.add_heading("On adapters", 2)
    document.add_paragraph("LoRA freezes the weights.")
    sent = io.BytesIO()
    document.save(sent)
    assert text_of(sent.getvalue()) == "## On adapters\n\nLoRA freezes the weights."
    # A library that another test loads may make its folder of caches there.
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]
    with pytest.raises(DocumentError, match="is a picture"):
        text_of(b"\x89PNG\0\0\0\0")
