"""Repair of PDF files: broken ToUnicode maps, transfers in text mode, files that were cut off.

Runs in the worker only. Files that lost their end are rebuilt by hand: qpdf (pikepdf 10) gives up
where the catalogue is lost with it, as in all three cut-off versions of a paper with object streams
in the robustness set, of which this recovers half, two thirds and all of the text.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from seminar_rag.documents.pdf_clean import clean_text

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

MAX_PAGES = 3000
"""Pages that are read of one document."""
_MAX_STREAM = 64 << 20
"""Bytes that an object stream may unpack to."""
_OBJECT = re.compile(rb"(?<![0-9])(\d{1,8})\s+(\d{1,5})\s+obj\b")
_STREAM = re.compile(rb"\bstream\r?\n")
_CODE_ENTRY = re.compile(rb"<([0-9A-Fa-f]{2})>\s*<0000>")
_RANGE_ENTRY = re.compile(rb"<([0-9A-Fa-f]{2})>\s*<([0-9A-Fa-f]{2})>\s*<0000>")


def from_header(data: bytes) -> bytes | None:
    """The file from its `%PDF-` on, since junk before it confuses pdfium. A file that begins with
    an object instead gets a header; None when it is no PDF at all."""
    at = data.find(b"%PDF-", 0, 1 << 16)
    if at >= 0:
        return data[at:] if at else data
    return b"%PDF-1.4\n" + data if _OBJECT.search(data[:256]) else None


def as_binary(data: bytes) -> bytes:
    """Undo a transfer in text mode, which wrote CR LF for every LF of the compressed streams."""
    breaks = data.count(b"\n")
    if breaks < 64 or data.count(b"\r\n") != breaks:
        return data
    high = sum(data.count(bytes([value])) for value in range(0x80, 0x100, 16))
    return data.replace(b"\r\n", b"\n") if high > len(data) / 64 else data


def damaged_streams(data: bytes) -> int:
    """How many compressed streams do not unpack to their end, images left aside."""
    if b"/Encrypt" in data:
        return 0
    count = 0
    for match in islice(_STREAM.finditer(data), 20_000):
        head = data[max(0, match.start() - 600) : match.start()]
        head = head[head.rfind(b"obj") + 3 :]
        if not re.search(rb"/Filter\s*/FlateDecode", head) or b"/Image" in head:
            continue
        end = data.find(b"endstream", match.end())
        try:
            zlib.decompressobj().decompress(data[match.end() : max(end, match.end())], 4 << 20)
        except zlib.error:
            count += 1
    return count


def rebuilt(data: bytes) -> bytes:
    """A new file from the objects of one that was cut off or lost its cross-reference table.

    Objects are found by their `n g obj` marks and inside complete object streams; a page tree is
    made of all page objects in the order of the file. It has no cross-reference table: pdfium makes
    one where it is missing.

    Raises:
        ValueError: no page object was found.
    """
    objects: dict[int, bytes] = {}
    marks = list(_OBJECT.finditer(data))
    for match, after in zip(marks, [*marks[1:], None], strict=True):
        body = data[match.end() : after.start() if after else len(data)]
        body = body[: body.rfind(b"endobj")] if b"endobj" in body else body
        objects[int(match[1])] = body.strip()
        for number, inner in _stream_objects(body):
            objects.setdefault(number, inner)
    pages = [n for n, body in objects.items() if re.search(rb"/Type\s*/Page\b(?!s)", body[:4096])]
    if not pages:
        raise ValueError("no page objects")
    root, tree = max(objects) + 1, max(objects) + 2
    for number in pages:
        objects[number] = re.sub(
            rb"/Parent\s+\d+\s+\d+\s+R", b"/Parent %d 0 R" % tree, objects[number]
        )
    kids = b" ".join(b"%d 0 R" % number for number in pages)
    objects[root] = b"<< /Type /Catalog /Pages %d 0 R >>" % tree
    objects[tree] = b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 612 792] >>" % (
        len(pages),
        kids,
    )
    bodies = (b"%d 0 obj\n%s\nendobj\n" % one for one in sorted(objects.items()))
    trailer = b"trailer\n<< /Size %d /Root %d 0 R >>\n%%%%EOF\n" % (tree + 1, root)
    return b"%PDF-1.7\n" + b"".join(bodies) + trailer


def _stream_objects(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, text) of the objects in an object stream (PDF 32000-1, 7.5.7)."""
    head = re.match(rb"\s*<<(.*?)>>\s*stream\r?\n", body[:4096], re.DOTALL)
    if not head or b"/ObjStm" not in head[1]:
        return
    count = re.search(rb"/N\s+(\d+)", head[1])
    first = re.search(rb"/First\s+(\d+)", head[1])
    if not count or not first:
        return
    try:
        text = zlib.decompressobj().decompress(body[head.end() :], _MAX_STREAM)
    except zlib.error:
        return
    numbers = [
        int(word) for word in text[: int(first[1])].split()[: 2 * int(count[1])] if word.isdigit()
    ]
    starts = [int(first[1]) + offset for offset in numbers[1::2]]
    for number, start, end in zip(numbers[::2], starts, [*starts[1:], len(text)], strict=False):
        if start < len(text):
            yield number, text[start:end].strip()


# --- with pypdf ------------------------------------------------------------------------------


def opened(data: bytes) -> PdfReader | None:
    """A pypdf reader of the file, decrypted; None where an empty password does not open it."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    return None if reader.is_encrypted and not reader.decrypt("") else reader


def rewritten(data: bytes, garbled: Sequence[int] = ()) -> bytes:
    """The file as pypdf understands it: not encrypted, and with its ToUnicode maps repaired.

    Args:
        garbled: pages, from 1, on some of which a font must have needed the repair.

    Raises:
        ValueError: it needs a password, or no page in `garbled` has a font to repair.
    """
    from pypdf import PdfWriter

    reader = opened(data)
    if reader is None:
        raise ValueError("needs a password")
    count = len(reader.pages)
    if garbled and not sum(repair_fonts(reader.pages[n - 1]) for n in garbled if n <= count):
        raise ValueError("no font to repair")
    for page in reader.pages[:MAX_PAGES]:
        repair_fonts(page)
    out = io.BytesIO()
    PdfWriter(clone_from=reader).write(out)
    return out.getvalue()


def repair_fonts(page: PageObject) -> int:
    """Repair ToUnicode maps that lead to U+0000; returns how many fonts were changed. Some
    producers (macOS Quartz saving LaTeX output again) map ligatures and small capitals to U+0000,
    although the font's /Differences still name the glyphs: the names give the characters."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, StreamObject

    resources = page.get("/Resources")
    fonts = resources.get_object().get("/Font") if resources is not None else None
    changed = 0
    for reference in (fonts.get_object() if fonts is not None else {}).values():
        font = reference.get_object()
        if not isinstance(font, DictionaryObject):
            continue
        table = font.get("/ToUnicode")
        encoding = font.get("/Encoding")
        table = table.get_object() if table is not None else None
        encoding = encoding.get_object() if encoding is not None else None
        if not isinstance(table, StreamObject) or not isinstance(encoding, DictionaryObject):
            continue
        before = table.get_data()
        after = repaired_map(before, glyph_names(encoding.get("/Differences", ())))
        if after != before:
            stream = DecodedStreamObject()
            stream.set_data(after)
            font[NameObject("/ToUnicode")] = stream
            changed += 1
    return changed


def glyph_names(differences: Any) -> dict[int, str]:
    """Character code → glyph name, from an encoding's /Differences array."""
    names: dict[int, str] = {}
    code = 0
    for item in differences:
        value = item.get_object() if hasattr(item, "get_object") else item
        if isinstance(value, int | float):
            code = int(value)
        else:
            names[code] = str(value)
            code += 1
    return names


def repaired_map(table: bytes, names: dict[int, str]) -> bytes:
    """A ToUnicode CMap whose <0000> targets are replaced by what the glyph names say."""

    def target(code: int) -> bytes:
        return glyph_text(names.get(code, "")).encode("utf-16-be").hex().upper().encode() or b"0000"

    def expand(match: re.Match[bytes]) -> bytes:
        first, last = int(match[1], 16), int(match[2], 16)
        return b"\n".join(
            b"<%02X> <%02X> <%s>" % (code, code, target(code)) for code in range(first, last + 1)
        )

    def one(match: re.Match[bytes]) -> bytes:
        return b"<%s> <%s>" % (match[1], target(int(match[1], 16)))

    sections = re.split(rb"(beginbfrange(?:(?!beginbfrange).)*?endbfrange)", table, flags=re.DOTALL)
    return b"".join(
        _RANGE_ENTRY.sub(expand, part)
        if part.startswith(b"beginbfrange")
        else _CODE_ENTRY.sub(one, part)
        for part in sections
    )


def glyph_text(glyph: str) -> str:
    """The characters of a glyph name like /fi, /uni00E9 or /f_i; empty where unknown."""
    from pypdf._codecs import adobe_glyphs

    parts = glyph.lstrip("/").split(".")[0].split("_")
    out = ""
    for part in parts:
        code = re.fullmatch(r"uni([0-9A-F]{4})|u([0-9A-F]{4,6})", part)
        if "/" + part in adobe_glyphs:
            out += adobe_glyphs["/" + part]
        elif code:
            out += chr(int(code[1] or code[2], 16))
        elif part in ("ff", "fi", "fl", "ffi", "ffl"):
            out += part
    return clean_text(out)
