"""Files of every form: what is read of them, where each sentence stands, and what they may cost."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from seminar_rag.documents.forms import read_text
from seminar_rag.documents.parse import Parser
from seminar_rag.errors import DocumentError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Block, ParsedDocument

pytestmark = pytest.mark.slow

TEXT = """# Snow

Snow settles.[^1]

## Hoar

Hoar grows at night.

- It is *brittle*.
- It falls off.

| layer | grain |
|-------|-------|
| old   | 2 mm  |

[^1]: Slowly.
"""
SETTLED = [
    ("heading", None, "Snow"),
    ("paragraph", 1, "Snow settles."),
    ("paragraph", 1, "Slowly."),
    ("heading", None, "Hoar"),
    ("paragraph", 1, "Hoar grows at night."),
    ("item", 2, "It is brittle."),
    ("item", 3, "It falls off."),
    ("table", 4, "layer | grain\nold | 2 mm"),
]
Read = Callable[[str, bytes | str], ParsedDocument]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Reads a file of that name and content in a guarded worker."""
    with Parser(timeout=10.0, ocr=None) as parser:

        def read_file(name: str, content: bytes | str) -> ParsedDocument:
            path = tmp_path_factory.mktemp("file") / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            return parser.parse(path)

        yield read_file


def made(form: str, text: str = TEXT) -> bytes:
    """A Markdown text in another form, by pandoc."""
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--from=markdown", "--standalone", f"--to={form}", "-o-"]
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout


def packed(**members: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def repacked(data: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """An archive with one member changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    return packed(**members | {member: change(members[member])})


def places(blocks: tuple[Block, ...]) -> list[tuple[str, int | None, str]]:
    return [(block.kind, block.page, block.text) for block in blocks]


RTF = (
    r"{\rtf1\ansi {\pard\outlinelevel0\b Snow\par}{\pard Snow settles.{\super\chftn{\footnote"
    r"\pard\plain\chftn Slowly.}}\par}{\pard\outlinelevel1\b Hoar\par}"
    r"{\pard Hoar grows at night.\par}}"
)


@pytest.mark.parametrize("form", ["docx", "odt", "epub", "latex", "rtf"])
def test_headings_paragraphs_lists_tables_and_notes_have_their_place(read: Read, form: str) -> None:
    content = RTF if form == "rtf" else made(form)
    found = read("snow.tex" if form == "latex" else "snow", content)
    wanted = SETTLED[: 5 if form == "rtf" else None]
    blocks = [one for one in places(found.blocks) if one[2] != "Slowly."]
    assert blocks == [one for one in wanted if one[2] != "Slowly."]
    assert "Slowly." in " ".join(block.text for block in found.blocks)
    assert found.unit == "paragraph"


def test_a_slide_is_a_place_and_its_notes_and_groups_are_text(read: Read, tmp_path: Path) -> None:
    from pptx import Presentation
    from pptx.util import Cm

    slides = Presentation()
    first = slides.slides.add_slide(slides.slide_layouts[1])
    first.shapes.title.text = "Firn"
    first.placeholders[1].text = "Firn is old snow."
    assert first.notes_slide.notes_text_frame is not None
    first.notes_slide.notes_text_frame.text = "Say where the word comes from."
    slides.slides.add_slide(slides.slide_layouts[6])  # empty
    third = slides.slides.add_slide(slides.slide_layouts[6])
    group = third.shapes.add_group_shape()
    group.shapes.add_textbox(Cm(1), Cm(1), Cm(9), Cm(2)).text_frame.text = "Ice is older."
    slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "Thank you"
    slides.save(str(tmp_path / "firn.pptx"))
    found = read("firn.pptx", (tmp_path / "firn.pptx").read_bytes())
    assert (found.unit, found.title, found.pages) == ("slide", "Firn", None)
    assert places(found.blocks) == [
        ("heading", 1, "Firn"),
        ("item", 1, "Firn is old snow."),
        ("paragraph", 1, "Say where the word comes from."),
        ("heading", 3, "Slide 3"),
        ("paragraph", 3, "Ice is older."),
        ("paragraph", 4, "Thank you"),
    ]


def test_a_notebook_is_cited_by_cell(read: Read) -> None:
    def cell(kind: str, source: str, **more: object) -> dict[str, object]:
        return {"cell_type": kind, "metadata": {}, "source": source, **more}

    printed = {"output_type": "stream", "name": "stdout", "text": ["mean 4.2\n"]}
    cells = [
        cell("markdown", "# Depths\n\nWe read the depths."),
        cell("code", "depths.mean()", execution_count=1, outputs=[printed]),
        cell("markdown", "The mean is high."),
    ]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    found = read("depths.ipynb", content)
    assert (found.unit, found.title) == ("cell", "Depths")
    assert places(found.blocks) == [
        ("heading", 1, "Depths"),
        ("paragraph", 1, "We read the depths."),
        ("code", 2, "depths.mean()"),
        ("code", 2, "mean 4.2"),
        ("paragraph", 3, "The mean is high."),
    ]
    assert read("without-an-ending", content).unit == "cell"


def test_tex_keeps_citations_and_names_what_it_includes(read: Read) -> None:
    body = r"As \cite{huber10} says, \own{snow} settles. \vspace{1cm}"
    body += r"\input{secret} \input{/etc/passwd}"
    text = rf"\documentclass{{article}}\title{{On snow}}\begin{{document}}{body}\end{{document}}"
    found = read("snow.tex", text)
    assert found.title == "On snow"
    assert found.blocks[1].text == "As [huber10] says, snow settles."
    assert found.notes == ("it includes secret.tex, /etc/passwd.tex, not read with it",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_of_old_programs_is_read(read: Read, encoding: str) -> None:
    text = "Über Schnee\n\nSchnee fällt leise. Überall."
    found = read("schnee.txt", text.encode(encoding))
    assert [block.text for block in found.blocks][-1] == "Schnee fällt leise. Überall."
    assert found.blocks[-1].page == len(found.blocks)


@pytest.mark.parametrize("encoding", ["windows-1251", "iso-8859-5", "no-such-code", "idna"])
def test_a_page_is_read_in_the_encoding_that_it_declares(read: Read, encoding: str) -> None:
    page = f'<html><meta charset="{encoding}"><title>Снег</title><p>Снег падает тихо.</p></html>'
    known = encoding if "-" in encoding and encoding != "no-such-code" else "cp1251"
    found = read("snow.html", page.encode(known))
    right = ("Снег", "Снег падает тихо.")
    assert ((found.title, found.blocks[-1].text) == right) == (known == encoding)


def test_a_page_saved_with_its_pictures_in_one_file_is_read(read: Read) -> None:
    page = (
        "From: <Saved by Blink>\nSubject: Snow\nMIME-Version: 1.0\n"
        'Content-Type: multipart/related; type="text/html"; boundary="b"\n\n--b\n'
        "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<!DOCTYPE html><html><head><title>Snow</title></head><body><p>Snow falls =C3=BCberall."
        "</p></body></html>\n--b\nContent-Type: image/png\n\nx\n--b--\n"
    )
    found = read("snow.mhtml", page)
    assert (found.title, found.blocks[0].text) == ("Snow", "Snow falls überall.")


# --- what is not read, and what a file may cost ---------------------------------------------------

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "scan.png": (b"\x89PNG\r\n\x1a\n\0\0", "unreadable", "is a picture — save it as a PDF"),
    "lecture.mp4": (b"\0\0\0\x20ftypisom\0", "unreadable", "is a recording — save a transcript"),
    "talk.mp3": (b"ID3\x04\0\0", "unreadable", "is a recording"),
    "old.doc": (OLE + b"\0" * 600, "unreadable", "old form of Office — save it as DOCX"),
    "locked.docx": (
        OLE + "EncryptedPackage".encode("utf-16-le"),
        "password",
        "locked with a password or a licence — save a copy",
    ),
    "grades.xlsx": (
        packed(**{"[Content_Types].xml": "<a/>", "xl/workbook.xml": "<a/>"}),
        "unreadable",
        "is a spreadsheet — save what is to be read",
    ),
    "deck.odp": (
        packed(mimetype="application/vnd.oasis.opendocument.presentation"),
        "unreadable",
        "OpenDocument presentation — save it as PPTX",
    ),
    "deck.key": (packed(**{"Index/Document.iwa": "x"}), "unreadable", "Keynote — export it as PDF"),
    "book.mobi": (b"B" * 60 + b"BOOKMOBI\0", "unreadable", "Kindle book — take it as EPUB"),
    "bought.epub": (
        packed(
            **{
                "mimetype": "application/epub+zip",
                "META-INF/encryption.xml": '<EncryptionMethod Algorithm="http://www.w3.org/x"/>',
            }
        ),
        "password",
        "locked with a password or a licence",
    ),
    "paper.ps": (b"%!PS-Adobe-3.0\n", "unreadable", "is PostScript — convert it with ps2pdf"),
    "paper.djvu": (b"AT&TFORM\0\0", "unreadable", "is DjVu"),
    "more.7z": (b"7z\xbc\xaf\x27\x1c\0", "unreadable", "unpack it, or pack it as ZIP"),
    "page.webarchive": (b"bplist00\xd4\0", "unreadable", "web archive of Safari — save the page"),
    "empty.txt": (b"", "corrupt", "is empty"),
    "blank.txt": (b" \n\n", "no_text", "holds no text"),
    "blank.docx": (made("docx", ""), "no_text", "holds no text"),
    "torn.docx": (
        made("docx")[:900],
        "corrupt",
        "is no DOCX, PPTX, ODT or EPUB that can be read — save or fetch it again",
    ),
    "torn.pptx": (
        packed(**{"ppt/presentation.xml": "<torn"}),
        "corrupt",
        "is no PPTX that can be read — save or fetch it again",
    ),
    "renamed.pdf": (b"Just text.", "corrupt", "is not a PDF"),
    "unknown.xyz": (b"\x07\0\x01\x02", "unreadable", "of a kind that is not read — save it as PDF"),
}


def test_of_a_folder_of_things_that_cannot_be_read_each_is_named_with_reason_and_remedy(
    store: Store, embedder: HashEmbedder, tmp_path: Path
) -> None:
    folder = tmp_path / "readings"
    folder.mkdir()
    for name, (content, _, _) in UNREADABLE.items():
        (folder / name).write_bytes(content)
    (folder / "good.txt").write_text("Snow settles.")
    with store.writer():
        report = Ingestor(store, embedder, partial(Parser, ocr=None)).ingest(folder)
    assert (report.count("new"), report.count("failed")) == (1, len(UNREADABLE)) == (1, 21)
    records = {one.document.path: one for one in store.catalogue().records.values()}
    for name, (_, failure, message) in UNREADABLE.items():
        assert records[name].outcome == failure
        assert records[name].detail.startswith(f"{name} ")
        assert message in records[name].detail
        assert " — " in records[name].detail
    assert len(report.needs) == len(UNREADABLE)


def test_an_archive_that_unpacks_to_more_than_memory_costs_only_itself(
    read: Read, tmp_path: Path
) -> None:
    bomb = repacked(made("docx"), "word/document.xml", lambda _: b" " * (65 << 20))
    with pytest.raises(DocumentError, match="unpacks to more than 64 MiB"):
        read("bomb.docx", bomb)

    def swollen(xml: bytes) -> bytes:
        return xml.replace(b"Snow settles.", b"</w:t></w:r><w:r><w:t>a" * 2_000_000, 1)

    path = tmp_path / "swollen.docx"
    path.write_bytes(repacked(made("docx"), "word/document.xml", swollen))
    started = time.monotonic()
    with Parser(timeout=3.0) as parser, pytest.raises(DocumentError, match="more memory") as caught:
        parser.parse(path)
    assert caught.value.failure == "limit"
    assert time.monotonic() - started < 10
    assert read("snow.docx", made("docx")).title == "Snow"


@pytest.mark.parametrize("form", ["docx", "odt", "epub"])
def test_external_entities_stay_outside_and_grow_nothing(
    read: Read, form: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("THE SECRET")
    data = made(form)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = next(n for n in archive.namelist() if b"Hoar grows" in archive.read(n))

    def hostile(xml: bytes) -> bytes:
        tens = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        entities = f'<!ENTITY e0 "lol"><!ENTITY x SYSTEM "file://{secret}">{tens}'
        start = xml.index(b"?>") + 2
        body = xml[start:].replace(b"<!DOCTYPE html>", b"").replace(b"Hoar grows", b"&x;&e9;")
        root = body.lstrip()[1:].split(b" ")[0].split(b">")[0].decode()
        return xml[:start] + f"<!DOCTYPE {root} [{entities}]>".encode() + body

    text = ""
    with contextlib.suppress(DocumentError):
        found = read(f"evil.{form}", repacked(data, member, hostile))
        text = " ".join(block.text for block in found.blocks)
    assert "SECRET" not in text
    assert len(text) < 10_000


def test_a_blank_line_after_every_line_parts_no_sentence() -> None:
    lines = (
        "The kiln was lit at dawn by the two men who had built it in the",
        "spring, and the fire was kept until the clay of the last pots was com-",
        "pletely dry and hard.",
        "Firing",
        "Wood was carried up from the valley. It took the whole of a day and a",
        "night, since it had rained.",
    )
    text = "\n\n".join(["# Kilns", *(lines * 6)])
    blocks = read_text(text.encode(), "kilns.md", "markdown").blocks
    assert [one.text for one in blocks[1:4]] == [
        "The kiln was lit at dawn by the two men who had built it in the spring, and the fire was"
        " kept until the clay of the last pots was completely dry and hard.",
        "Firing",
        " ".join(lines[4:]),
    ]
    for block in blocks:
        for at, character in enumerate(block.text):
            assert text[block.source(at)] in (character, "\n")
    once = read_text("\n\n".join(lines).encode(), "kilns.md", "markdown").blocks
    assert [one.text for one in once] == list(lines), "too few lines to tell"
