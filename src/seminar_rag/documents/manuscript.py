"""A file that somebody wrote → one text to check.

Markdown and plain text stay as they are. Everything else becomes Markdown, so that headings, lists
and tables are not taken for sentences.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from seminar_rag.documents.forms import decoded
from seminar_rag.documents.parse import Parser, sniff
from seminar_rag.errors import DocumentError, SourceError
from seminar_rag.types import Block, ParsedDocument

MAX_BYTES = 64 << 20
"""Larger files are refused unread."""


def read_manuscript(path: Path) -> str:
    """Read a file as text to check.

    Raises:
        SourceError: no such file, no permission, or too large.
        DocumentError: the file yields no text.
    """
    if path.exists() and not path.is_file():  # a pipe may never answer, a device never end
        raise SourceError(f"{path} is no regular file — save the text as one")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}) — check the path") from error
    if size > MAX_BYTES:
        raise SourceError(f"{path} has {size >> 20} MiB — check it in parts")
    if sniff(head, path.suffix) in ("markdown", "text") and path.suffix.lower() != ".pdf":
        return decoded(path.read_bytes())
    with Parser() as parser:
        return _markdown(parser.parse(path))


def text_of(content: bytes) -> str:
    """Read an uploaded file as text to check. Pages that are images stay unread.

    The file is on disk while it is read, and gone afterwards.

    Raises:
        DocumentError: it is of no form that is read, or yields no text; the message names no file.
    """
    with TemporaryDirectory(prefix="seminar-rag-") as folder, Parser(ocr=None) as parser:
        path = Path(folder) / "The file"
        path.write_bytes(content)
        try:
            return _markdown(parser.parse(path))
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
