"""DOCX → blocks. Runs in a guarded worker: an archive may unpack to more than memory holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seminar_rag.errors import DocumentError
from seminar_rag.types import Block, ParsedDocument

if TYPE_CHECKING:
    from docx.opc.part import Part
    from docx.table import Table
    from docx.text.paragraph import Paragraph

LARGEST = 64 << 20
"""Bytes that the archive may unpack to."""


def read_docx(data: bytes, name: str) -> ParsedDocument:
    """Paragraphs, lists, tables in order, then the notes; without headers and text boxes.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        DocumentError: "corrupt", "no_text" or "limit".
    """
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table
    from lxml.etree import XMLSyntaxError

    blocks: list[Block] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > LARGEST:
            message = f"{name} unpacks to {unpacked >> 20} MiB — check it in parts"
            raise DocumentError("limit", message)
        document = Document(io.BytesIO(data))
        for part in document.iter_inner_content():
            blocks += [_rows(part)] if isinstance(part, Table) else _paragraph(part)
        blocks += _notes(document.part)
    except (
        zipfile.BadZipFile,
        PackageNotFoundError,
        XMLSyntaxError,
        KeyError,
        ValueError,
    ) as error:
        message = f"{name} is no DOCX that can be read — save it as DOCX or PDF again"
        raise DocumentError("corrupt", message) from error
    if not blocks:
        raise DocumentError("no_text", f"{name} holds no text — take another version of it")
    return ParsedDocument(title=None, blocks=tuple(blocks))


def _paragraph(paragraph: Paragraph) -> Iterator[Block]:
    text = paragraph.text.strip()
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if not text:
        return
    if style.startswith("Heading") or style == "Title":
        level = style.removeprefix("Heading").strip()
        yield Block(text, "heading", int(level) if level.isdigit() else 1)
    else:
        yield Block(text, "item" if style.startswith("List") else "paragraph")


def _rows(table: Table) -> Block:
    rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in table.rows)
    return Block("\n".join(" | ".join(cells) for cells in rows), "table")


def _notes(part: Part) -> Iterator[Block]:
    """The paragraphs of footnotes and endnotes; where in the text they hang is not told."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml import parse_xml
    from docx.oxml.ns import qn

    kinds = (RELATIONSHIP_TYPE.FOOTNOTES, RELATIONSHIP_TYPE.ENDNOTES)
    for relation in part.rels.values():
        if relation.reltype not in kinds or relation.is_external:
            continue
        for note in parse_xml(relation.target_part.blob):
            if note.get(qn("w:type")):
                continue  # the rule above the notes
            for paragraph in note.iter(qn("w:p")):
                text = "".join(run.text or "" for run in paragraph.iter(qn("w:t"))).strip()
                if text:
                    yield Block(text)
