"""A file that somebody wrote → one text to check.

Markdown and plain text stay as they are. PDF, HTML and DOCX become Markdown, so that headings,
lists and tables are not taken for sentences.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seminar_rag.documents.parse import Parser, sniff
from seminar_rag.errors import DocumentError, SourceError
from seminar_rag.types import Block, ParsedDocument

if TYPE_CHECKING:
    from docx.opc.part import Part
    from docx.table import Table
    from docx.text.paragraph import Paragraph

MAX_BYTES = 64 << 20
"""Larger files are refused unread."""
_MAX_UNPACKED = 64 << 20
"""Bytes that a DOCX, which is an archive, may unpack to."""
_ZIP = b"PK\x03\x04"


def read_manuscript(path: Path) -> str:
    """Read a file as text to check.

    Raises:
        SourceError: no such file, no permission, or too large.
        DocumentError: the file yields no text.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}) — check the path") from error
    if size > MAX_BYTES:
        raise SourceError(f"{path} has {size >> 20} MiB — check it in parts")
    docx = head.startswith(_ZIP)
    kind = sniff(head, path.suffix)
    if kind in ("markdown", "text") and not docx and path.suffix.lower() != ".pdf":
        return path.read_bytes().decode("utf-8-sig", "replace")
    with Parser() as parser:
        return _markdown(_parsed(parser, path, docx))


def text_of(content: bytes) -> str:
    """Read an uploaded PDF or DOCX as text to check. Pages that are images stay unread.

    The file is on disk while it is read, and gone afterwards.

    Raises:
        DocumentError: it is neither of these, or yields no text; the message names no file.
    """
    docx = content.startswith(_ZIP)
    if not docx and sniff(content[: 1 << 16]) != "pdf":
        raise DocumentError("unreadable", "This is neither a PDF nor a DOCX — paste its text.")
    with TemporaryDirectory(prefix="seminar-rag-") as folder, Parser(ocr=None) as parser:
        path = Path(folder) / "The file"
        path.write_bytes(content)
        try:
            return _markdown(_parsed(parser, path, docx))
        except DocumentError as error:
            if error.failure != "no_text":
                raise
            message = "The file holds no text, perhaps only images of pages — paste the text."
            raise DocumentError("no_text", message) from error


def _parsed(parser: Parser, path: Path, docx: bool) -> ParsedDocument:
    return parser.parse_with(_read_docx, path) if docx else parser.parse(path)


def _markdown(document: ParsedDocument) -> str:
    return "\n\n".join(map(_block, document.blocks))


def _block(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * max(1, block.level)} {block.text}"
    if block.kind == "item":
        return f"- {block.text}"
    if block.kind == "code":
        return f"```\n{block.text}\n```"
    if block.kind == "table":
        return "\n".join(f"| {line.strip().strip('|')} |" for line in block.text.splitlines())
    return block.text


# --- DOCX ------------------------------------------------------------------------------------


def _read_docx(data: bytes, name: str) -> ParsedDocument:
    """Read a DOCX: paragraphs, lists and tables in order, then the notes.

    Headers and text boxes are left out. Runs in a worker: an archive may unpack to more than memory
    holds.

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
        if unpacked > _MAX_UNPACKED:
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
    """The paragraphs of footnotes and endnotes, without the place in the text that has the mark."""
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
