"""A file that somebody wrote → one text to check. Markdown and plain text stay as they are; PDF,
HTML and DOCX become Markdown, so that headings, lists and tables are told from sentences."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from seminar_rag.documents.parse import Parser, sniff
from seminar_rag.errors import DocumentError, SourceError
from seminar_rag.types import Block, ParsedDocument

LARGEST = 64 << 20
"""Bytes of a file."""
_ZIP = b"PK\x03\x04"


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
    docx = head.startswith(_ZIP)
    kind = sniff(head, path.suffix)
    if kind in ("markdown", "text") and not docx and path.suffix.lower() != ".pdf":
        return path.read_bytes().decode("utf-8-sig", "replace")
    with Parser() as parser:
        return _markdown(parser.parse_docx(path) if docx else parser.parse(path))


def text_of(content: bytes) -> str:
    """The text of a PDF or DOCX that was sent by whomever. Pages that are images stay unread.

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
            return _markdown(parser.parse_docx(path) if docx else parser.parse(path))
        except DocumentError as error:
            if error.failure != "no_text":
                raise
            message = "The file holds no text, perhaps only images of pages — paste the text."
            raise DocumentError("no_text", message) from error


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
