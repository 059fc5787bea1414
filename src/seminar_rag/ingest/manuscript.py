"""A file that somebody wrote → one text to check. Markdown and plain text stay as they are; PDF,
HTML and DOCX become Markdown, so that headings, lists and tables are told from sentences."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import SourceError
from seminar_rag.ingest.parse import Parser, sniff
from seminar_rag.types import Block

if TYPE_CHECKING:
    from docx.opc.part import Part
    from docx.table import Table
    from docx.text.paragraph import Paragraph

LARGEST = 64 << 20
"""Bytes of a text, or of what a DOCX unpacks to."""


def read_manuscript(path: Path) -> str:
    """The text of a file.

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
    if size > LARGEST:
        raise SourceError(f"{path} has {size >> 20} MiB — check it in parts")
    if head.startswith(b"PK\x03\x04"):
        return _docx(path)
    kind = sniff(head, path.suffix)
    if kind in ("markdown", "text") and path.suffix.lower() != ".pdf":
        return path.read_bytes().decode("utf-8-sig", "replace")
    with Parser() as parser:
        return "\n\n".join(map(_markdown, parser.parse(path).blocks))


def _markdown(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * max(1, block.level)} {block.text}"
    if block.kind == "item":
        return f"- {block.text}"
    if block.kind == "code":
        return f"```\n{block.text}\n```"
    if block.kind == "table":
        return "\n".join(f"| {line.strip().strip('|')} |" for line in block.text.splitlines())
    return block.text


def _docx(path: Path) -> str:
    """Paragraphs, lists, tables in order, then the notes; without headers and text boxes."""
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table
    from lxml.etree import XMLSyntaxError

    broken = SourceError(f"{path} is no DOCX that can be read — save it as DOCX or PDF again")
    parts: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > LARGEST:
            raise SourceError(f"{path} unpacks to {unpacked >> 20} MiB — check it in parts")
        document = Document(str(path))
        for part in document.iter_inner_content():
            parts += [_rows(part)] if isinstance(part, Table) else _paragraph(part)
        parts += _notes(document.part)
    except (
        zipfile.BadZipFile,
        PackageNotFoundError,
        XMLSyntaxError,
        KeyError,
        ValueError,
    ) as error:
        raise broken from error
    return "\n\n".join(parts)


def _notes(part: Part) -> Iterator[str]:
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
                    yield text


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    text = paragraph.text.strip()
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if not text:
        return
    if style.startswith("Heading") or style == "Title":
        level = style.removeprefix("Heading").strip()
        yield f"{'#' * (int(level) if level.isdigit() else 1)} {text}"
    elif style.startswith("List"):
        yield f"- {text}"
    else:
        yield text


def _rows(table: Table) -> str:
    rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in table.rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
