"""Files that are no PDF → blocks: what word processors, slide programs, notebooks, e-book makers,
TeX and browsers save. Runs in the parser's workers.

pandoc reads all of them but slides, which python-pptx reads with their notes: pandoc 3.9 leaves
notes out and cuts words where their look changes. Blocks are numbered by what the form has: slides,
cells of a notebook, else paragraphs under each heading.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, starmap
from statistics import median
from typing import Any, Literal

from seminar_rag.documents.pandoc import read_by_pandoc
from seminar_rag.errors import DocumentError
from seminar_rag.syllabus.markup_office import PANDOC
from seminar_rag.text import decoded, one_line
from seminar_rag.types import Block, BlockKind, ParsedDocument

TextKind = Literal["html", "markdown", "text"]
ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_UNPACKED = 64 << 20
"""Bytes that an archive's texts may unpack to."""
_MEDIA = re.compile(r"(?i)\.(png|jpe?g|gif|svgz?|webp|bmp|tiff?|emf|wmf|wdp|mp[34]|m4[av]|mov|avi"
                    r"|wmv|wav|ogg|webm|bin|ttf|otf|woff2?|odttf|fntdata)$")  # fmt: skip
_FONTS_ONLY = re.compile(
    rb"EncryptionMethod[^>]{0,200}(?:idpf\.org/2008/embedding|ns\.adobe\.com/pdf/enc#RC)"
)
"""Fonts of an e-book that are only disguised."""

_SAVED_PAGE = re.compile(
    rb"(?is)(?=.*^content-type:\s*multipart/related)(?:from|mime-version):", re.M
)
_UNTITLED = re.compile(r"Slide \d+")
AS_PDF = "save it as PDF"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP|8BPS", "is a picture",
     "save it as a PDF, whose pages OCR can read"),
    (rb".{4}ftyp|ID3|\xff[\xf2\xf3\xfb]|RIFF.{4}(?:WAVE|AVI )|OggS|fLaC|\x1aE\xdf\xa3|FLV\x01|MThd"
     rb"|\0\0\x01\xba", "is a recording", "save a transcript of it as text"),
    (rb"Rar!|7z\xbc\xaf|\xfd7zXZ|BZh\d|\x28\xb5\x2f\xfd", "is an archive that is not opened",
     "unpack it, or pack it as ZIP"),
    (rb"\x1f\x8b", "is a compressed file", "unpack it, or pack it as ZIP"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "is PostScript", f"convert it with ps2pdf, or {AS_PDF}"),
    (rb"bplist", "is a web archive of Safari", "save the page as HTML or PDF"),
    (rb"AT&TFORM", "is DjVu", "convert it with ddjvu, or save it as PDF"),
    (rb".{60}BOOKMOBI", "is a Kindle book", "take it as EPUB or PDF"),
    (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe", "is a program", "leave it out"),
    (rb"wOF[F2]|\0\x01\0\0\0|OTTO|ttcf", "is a font", "leave it out"),
    (rb"SQLite format 3|\x89HDF|PAR1|\x93NUMPY", "is data", "save what is to be read of it as PDF"),
)  # fmt: skip
_PACKED: tuple[tuple[str, str, str], ...] = (
    (r"^=application/epub\+zip|^META-INF/container\.xml", "epub", ""),
    (r"^=application/vnd\.oasis\.opendocument\.text", "odt", ""),
    (r"^=.*opendocument\.presentation", "an OpenDocument presentation", "save it as PPTX or PDF"),
    (r"^=.*opendocument", "an OpenDocument table or drawing", AS_PDF),
    (r"^word/", "docx", ""),
    (r"^ppt/", "pptx", ""),
    (r"^xl/", "a spreadsheet", "save what is to be read of it as PDF or DOCX"),
    (r"^visio/", "a drawing", AS_PDF),
    (r"\.iwa$", "of Pages, Numbers or Keynote", "export it as PDF"),
)
"""What lies in an archive, or after "=" its own mark; pandoc's name of its form, or what it is and
what to do (ECMA-376-2, OpenDocument 1.3-2, EPUB OCF 3.3)."""
_LEAST_LINES, _BROKEN = 20, 0.3
"""Neighbouring paragraphs, and the share of them that go on in the next one, from which a text is
taken to have a blank line after every line."""
_FULL = 0.8
"""Of the median length of its lines, what a line has that does not end a paragraph."""
_ENDED = re.compile(r"[.!?:;…。！？][\"'”’)\]*]*$")
_HYPHEN = re.compile(r"[^\W\d_]-$")
_ABOUT = ("mimetype", "META-INF/manifest.xml", "META-INF/encryption.xml")


# --- text ----------------------------------------------------------------------------------------


def read_text(data: bytes, name: str, kind: TextKind = "text") -> ParsedDocument:
    """Read HTML, Markdown or plain text. Raises DocumentError "no_text"."""
    from seminar_rag.syllabus.markup import html_blocks, html_title, markdown_blocks

    if kind == "text" and _SAVED_PAGE.match(data[:2000]):
        data, kind = _saved_page(data), "html"
    text = decoded(data).replace("\0", "")
    blocks = html_blocks(text) if kind == "html" else markdown_blocks(text)
    title = html_title(text) if kind == "html" else None
    title = title or next((block.text for block in blocks if block.kind == "heading"), None)
    return _document(name, title, list(_by_paragraph(_lines_joined(blocks))))


def _lines_joined(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, the lines of a text with a blank line after every line put together. Such a text
    is told by how many paragraphs go on in the next one: more than half in the two papers at hand
    that are set so, at most 17% in 75 other texts. A paragraph ends with a short line."""
    pairs = [(a, b) for a, b in pairwise(blocks) if a.kind == b.kind == "paragraph"]
    if len(pairs) < _LEAST_LINES or sum(starmap(_broken, pairs)) < _BROKEN * len(pairs):
        yield from blocks
        return
    full = _FULL * median(len(a.text) for a, _ in pairs)
    run: list[Block] = []
    for block in blocks:
        fits = run and run[-1].kind == block.kind == "paragraph"
        if run and not (fits and (len(run[-1].text) >= full or _broken(run[-1], block))):
            yield _one_block(run)
            run = []
        run.append(block)
    if run:
        yield _one_block(run)


def _broken(block: Block, following: Block) -> bool:
    return not _ENDED.search(block.text) and following.text[:1].islower()


def _one_block(lines: Sequence[Block]) -> Block:
    """Lines as one block; a word that a line's end cuts in two is put together."""
    if len(lines) == 1:
        return lines[0]
    text: list[str] = []
    places: list[int] = []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        cut = following is not None and following.text[:1].islower() and _HYPHEN.search(line.text)
        own = line.text[:-1] if cut else line.text
        text.append(own)
        places += (line.source(at) for at in range(len(own)))
        if following is not None and not cut:
            text.append(" ")
            places.append(line.source(len(own)))
    return replace(lines[0], text="".join(text), offsets=tuple(places))


def _saved_page(data: bytes) -> bytes:
    """The page in a file of MHTML, as browsers save one with its pictures (RFC 2557)."""
    from email import message_from_bytes

    parts = message_from_bytes(data).walk()
    page = next((part for part in parts if part.get_content_type() == "text/html"), None)
    found = page.get_payload(decode=True) if page is not None else None
    return found if isinstance(found, bytes) else b""


def _by_paragraph(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks with their numbers under their heading."""
    number = 0
    for block in blocks:
        number = 0 if block.kind == "heading" else number + 1
        yield replace(block, page=number or None)


def _document(name: str, title: str | None, blocks: list[Block], **more: Any) -> ParsedDocument:
    if not any(block.text.strip() for block in blocks):
        raise DocumentError("no_text", f"{name} holds no text — ingest another version of it.")
    return ParsedDocument(title, tuple(blocks), **{"unit": "paragraph"} | more)


# --- the other forms -----------------------------------------------------------------------------


def is_form(head: bytes, suffix: str) -> bool:
    """Whether `read_form` is to read a file that begins so; it says why where it cannot."""
    if head.startswith((ZIP, b"{\\rtf")):
        return True
    start = head.lstrip()
    marked = b"\\documentclass" in head or (start[:1] == b"{" and b'"cells"' in head)
    return b"\0" not in head and (suffix.lower() in PANDOC or marked)


def read_form(data: bytes, name: str, seconds: float = 20.0) -> ParsedDocument:
    """Read a file of a word processor, slide program, notebook, e-book maker or TeX.

    Pictures and recordings in it are left out.

    Args:
        seconds: after which pandoc is ended.

    Raises:
        DocumentError: no_text, password, corrupt, limit, or "unreadable" for other forms; the
            message says what the file is and what to do.
    """
    what = "DOCX, PPTX, ODT or EPUB"
    try:
        form = _form(data, name)
        what = form.upper()
        return _read_as(form, data, name, seconds)
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # a torn or hostile file may make the libraries raise anything
        message = f"{name} is no {what} that can be read — save or fetch it again."
        raise DocumentError("corrupt", message) from error


def _read_as(form: str, data: bytes, name: str, seconds: float) -> ParsedDocument:
    if data.startswith(ZIP):
        data = _without_media(data, name)
    elif form != "rtf":
        data = decoded(data).encode()
    if form == "pptx":
        blocks = _placed(_slides(data))
        heads = (one.text for one in blocks if one.kind == "heading")
        title = next((one for one in heads if not _UNTITLED.fullmatch(one)), None)
        return _document(name, title, blocks, unit="slide")
    title, blocks, notes = read_by_pandoc(data, form, name, seconds)
    if title is None and blocks and blocks[0].kind == "heading":
        title = blocks[0].text
    unit = "cell" if form == "ipynb" else "paragraph"
    return _document(name, title, _placed(blocks), unit=unit, notes=notes)


def why_not(head: bytes, name: str) -> DocumentError:
    """Why a file that begins so is not read, and what to do about it."""
    what, remedy = "is of a kind that is not read", "save it as PDF, DOCX or plain text"
    if head.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in head:
            return _password(name)
        what, remedy = "is in an old form of Office", "save it as DOCX, PPTX or PDF"
    for magic, is_a, do in _MAGIC:
        if re.match(magic, head, re.DOTALL):
            what, remedy = is_a, do
            break
    return DocumentError("unreadable", f"{name} {what} — {remedy}.")


def _password(name: str) -> DocumentError:
    message = f"{name} is locked with a password or a licence — save a copy without it."
    return DocumentError("password", message)


def _form(data: bytes, name: str) -> str:
    """pandoc's name of a file's form; "pptx" for slides."""
    if data.startswith(ZIP):
        return _packed_form(data, name)
    if data.startswith(b"{\\rtf"):
        return "rtf"
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    by_content = "ipynb" if data.lstrip()[:1] == b"{" else "latex"
    return PANDOC.get(suffix, by_content)


def _packed_form(data: bytes, name: str) -> str:
    """The form of an archive, by what lies in it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        about = {
            entry.filename: archive.read(entry)
            for entry in entries
            if entry.filename in _ABOUT and entry.file_size < 1 << 20 and not entry.flag_bits & 1
        }
    encrypted = _FONTS_ONLY.sub(b"", about.get("META-INF/encryption.xml", b""))
    if (
        any(entry.flag_bits & 1 for entry in entries)
        or b"encryption-data" in about.get("META-INF/manifest.xml", b"")
        or b"EncryptionMethod" in encrypted
    ):
        raise _password(name)
    mark = about.get("mimetype", b"").strip().decode("ascii", "replace")
    inside = "\n".join([f"={mark}", *(entry.filename for entry in entries)])
    for pattern, form, remedy in _PACKED:
        if re.search(pattern, inside, re.MULTILINE):
            if not remedy:
                return form
            raise DocumentError("unreadable", f"{name} is {form} — {remedy}.")
    message = f"{name} is an archive of no known form — unpack it, and take what is in it."
    raise DocumentError("unreadable", message)


def _without_media(data: bytes, name: str) -> bytes:
    """An archive with empty files in place of media, which no reader then holds in memory."""
    out = io.BytesIO()
    left = _MAX_UNPACKED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            media = bool(_MEDIA.search(entry.filename))
            left -= 0 if media else entry.file_size
            if left < 0:
                size = _MAX_UNPACKED >> 20
                raise DocumentError(
                    "limit", f"{name} unpacks to more than {size} MiB — split it, or {AS_PDF}."
                )
            new.writestr(entry.filename, b"" if media else old.read(entry))
    return out.getvalue()


def _placed(blocks: Iterable[Block]) -> list[Block]:
    """Blocks with their places in their texts, joined by newlines."""
    out: list[Block] = []
    at = 0
    for block in blocks:
        out.append(replace(block, start=at))
        at += len(block.text) + 1
    return out


# --- slides --------------------------------------------------------------------------------------


def _slides(data: bytes) -> Iterator[Block]:
    """The slides of a PPTX: title, shapes in their order, the speaker's notes."""
    from pptx import Presentation

    for number, slide in enumerate(Presentation(io.BytesIO(data)).slides, 1):
        title = slide.shapes.title
        head = one_line(title.text_frame.text) if title is not None else ""
        shapes = [one for one in slide.shapes if title is None or one.shape_id != title.shape_id]
        found = [block for shape in shapes for block in _shape(shape)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            found += _lines(slide.notes_slide.notes_text_frame, "paragraph")
        if head and not found:  # a heading alone is in no passage
            yield Block(head, page=number)
        elif found:
            yield Block(head or f"Slide {number}", "heading", 1, number)
        yield from (replace(block, page=number) for block in found)


def _shape(shape: Any) -> Iterator[Block]:
    if hasattr(shape, "shapes"):  # a group
        for one in shape.shapes:
            yield from _shape(one)
    elif getattr(shape, "has_table", False):
        rows = ([one_line(cell.text) for cell in row.cells] for row in shape.table.rows)
        yield Block("\n".join(" | ".join(cells) for cells in rows), "table")
    elif getattr(shape, "has_text_frame", False):
        yield from _lines(shape.text_frame, "item" if shape.is_placeholder else "paragraph")


def _lines(frame: Any, kind: BlockKind) -> Iterator[Block]:
    for paragraph in frame.paragraphs:
        if text := one_line(paragraph.text):
            yield Block(text, kind, paragraph.level if kind == "item" else 0)
