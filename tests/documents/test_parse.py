"""The guarded parser: what kind of file it is, the limits, and that the caller survives."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from reportlab.pdfgen.canvas import Canvas

from seminar_rag.documents.parse import Parser, sniff
from seminar_rag.errors import DocumentError

pytestmark = pytest.mark.slow

ROBUSTNESS = Path("../shared/pdf-robustness")
needs_robustness = pytest.mark.skipif(
    not ROBUSTNESS.is_dir(), reason="../shared/pdf-robustness is not here"
)
OUTCOMES = {"text", "no_text", "password", "corrupt", "limit"}


def plain_pdf(text: str = "Seven readers agreed on one sentence.") -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 700, text)
    canvas.save()
    return buffer.getvalue()


def raw_pdf(content: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    """A one-page file, written by hand, with the given compressed content stream."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d /Filter [%s] >>\nstream\n%s\nendstream" % (len(content), filters, content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % table


def bomb() -> bytes:
    """A 4 KB file whose page unpacks, twice, to 1 GiB."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return raw_pdf(zlib.compress(head + 64 * block, 9), b"/FlateDecode /FlateDecode")


def slow() -> bytes:
    """A small file that draws text for many seconds."""
    return raw_pdf(zlib.compress(b"BT /F 9 Tf " + b"3 4 Td (word) Tj " * 3_000_000 + b"ET", 1))


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(ocr=None) as made:
        yield made


def failure(parser: Parser, path: Path) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        parser.parse(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_pdf_is_read(parser: Parser, tmp_path: Path) -> None:
    document = parser.parse(put(tmp_path, "a.pdf", plain_pdf()))
    assert [block.text for block in document.blocks] == ["Seven readers agreed on one sentence."]
    assert document.blocks[0].page == 1


def test_the_pdf_libraries_stay_out_of_the_calling_process(tmp_path: Path) -> None:
    path = put(tmp_path, "a.pdf", plain_pdf())
    code = (
        "import sys, pathlib\n"
        "from seminar_rag.documents.parse import Parser\n"
        "with Parser(ocr=None) as parser:\n"
        f"    print(parser.parse(pathlib.Path({str(path)!r})).pages)\n"
        "print(sorted({'pypdf', 'pypdfium2', 'pypdfium2_raw'} & set(sys.modules)))\n"
    )
    assert run(code).stdout.split("\n")[:2] == ["1", "[]"]


def test_submit_reads_in_the_background(parser: Parser, tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{n}.pdf", plain_pdf(f"This is number {n}.")) for n in range(3)]
    futures = [parser.submit(path) for path in paths]
    found = [future.result(timeout=30).blocks[0].text for future in futures]
    assert found == [f"This is number {n}." for n in range(3)]


def test_a_submitted_failure_arrives_as_a_document_error(parser: Parser, tmp_path: Path) -> None:
    error = parser.submit(put(tmp_path, "x.pdf", b"")).exception(timeout=30)
    assert isinstance(error, DocumentError)
    assert error.failure == "corrupt"


def test_content_decides_over_the_name(parser: Parser, tmp_path: Path) -> None:
    document = parser.parse(put(tmp_path, "paper.txt", plain_pdf()))
    assert document.pages == 1
    page = (
        b"<!DOCTYPE html><html><body><h1>Sign in</h1><p>Please sign in to read.</p></body></html>"
    )
    document = parser.parse(put(tmp_path, "paper.pdf", page))
    assert document.notes == ("The file is a web page, not a PDF.",)
    assert failure(parser, put(tmp_path, "b.pdf", b"just some words")).failure == "corrupt"


def test_markdown_text_and_html_are_read(parser: Parser, tmp_path: Path) -> None:
    document = parser.parse(put(tmp_path, "notes.md", b"# Notes\n\nA remark on the reading.\n"))
    assert document.title == "Notes"
    assert "A remark on the reading." in [block.text for block in document.blocks]
    document = parser.parse(put(tmp_path, "plain.txt", "Ein Satz über alles.".encode()))
    assert [block.text for block in document.blocks] == ["Ein Satz über alles."]
    page = b"<html><head><title>Post</title></head><body><p>A paragraph to read.</p></body></html>"
    document = parser.parse(put(tmp_path, "post.html", page))
    assert document.title == "Post"
    assert "A paragraph to read." in [block.text for block in document.blocks]


@pytest.mark.parametrize(
    ("head", "suffix", "kind"),
    [
        (b"%PDF-1.7\n", ".txt", "pdf"),
        (b"junk\r\n%PDF-1.7\n", ".pdf", "pdf"),
        (b"%\xe2\xe3\n1 0 obj \n<<", ".pdf", "pdf"),
        (b"\xef\xbb\xbf <!doctype HTML>\n<p>", ".md", "html"),
        (b"<?xml version='1.0'?><rss/>", ".xml", "other"),
        (b"# Title\n", ".md", "markdown"),
        (b"# Title\n", "", "text"),
        ("é".encode() * 40, ".txt", "text"),
        (("é" * 40).encode()[:-1], ".txt", "text"),
        ("Über Schnee, überall".encode("cp1252"), ".txt", "text"),
        (b"PK\x03\x04\x00\x00", ".docx", "form"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", ".jpg", "other"),
    ],
)
def test_sniff(head: bytes, suffix: str, kind: str) -> None:
    assert sniff(head, suffix) == kind


def test_files_that_cannot_be_read(parser: Parser, tmp_path: Path) -> None:
    assert failure(parser, tmp_path / "missing.pdf").failure == "unreadable"
    assert failure(parser, tmp_path).failure == "unreadable"
    assert failure(parser, put(tmp_path, "a.docx", b"PK\x03\x04\0\0")).failure == "corrupt"
    assert failure(parser, put(tmp_path, "empty.pdf", b"")).failure == "corrupt"
    assert failure(parser, put(tmp_path, "empty.md", b"\n\n")).failure == "no_text"
    with (tmp_path / "huge.pdf").open("wb") as file:
        file.truncate(300 << 20)
    assert failure(parser, tmp_path / "huge.pdf").failure == "limit"


def test_a_decompression_bomb_costs_one_document(parser: Parser, tmp_path: Path) -> None:
    started = time.monotonic()
    assert failure(parser, put(tmp_path, "bomb.pdf", bomb())).failure == "limit"
    assert time.monotonic() - started < 20
    assert parser.parse(put(tmp_path, "next.pdf", plain_pdf())).pages == 1


def test_a_slow_file_ends_at_the_limit_and_the_next_one_works(tmp_path: Path) -> None:
    with Parser(ocr=None, timeout=2.0) as parser:
        parser.parse(put(tmp_path, "warm.pdf", plain_pdf()))
        started = time.monotonic()
        assert failure(parser, put(tmp_path, "slow.pdf", slow())).failure == "limit"
        assert time.monotonic() - started < 10
        assert parser.parse(put(tmp_path, "next.pdf", plain_pdf())).pages == 1


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_worker_leaves_the_caller_alive(tmp_path: Path) -> None:
    with Parser(ocr=None, timeout=4.0) as parser:
        future = parser.submit(put(tmp_path, "slow.pdf", slow()))
        victim = next(iter(busy_children()))
        victim.send_signal(signal.SIGKILL)
        assert isinstance(future.exception(timeout=30), DocumentError)
        assert parser.parse(put(tmp_path, "next.pdf", plain_pdf())).pages == 1


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_an_idle_worker_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with Parser(ocr=None) as parser:
        path = put(tmp_path, "a.pdf", plain_pdf())
        parser.parse(path)
        for child in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGKILL)
        time.sleep(0.5)
        assert parser.parse(path).pages == 1


def test_a_script_without_main_guard_parses_and_runs_once(tmp_path: Path) -> None:
    path = put(tmp_path, "a.pdf", plain_pdf())
    script = put(tmp_path, "script.py", b"")
    script.write_text(
        "import pathlib\n"
        "from seminar_rag.documents.parse import Parser\n"
        "with Parser(ocr=None) as parser:\n"
        f"    print(parser.parse(pathlib.Path({str(path)!r})).pages)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


def busy_children() -> Iterator[psutil.Process]:
    """Worker processes of ours that have been computing for half a second."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in psutil.Process().children(recursive=True):
            times = child.cpu_times()
            if "spawn_main" in " ".join(child.cmdline()) and times.user > 0.5:
                yield child
        time.sleep(0.02)


def test_closing_gives_up_what_waits(tmp_path: Path) -> None:
    parser = Parser(ocr=None, timeout=30.0)
    path = put(tmp_path, "slow.pdf", slow())
    futures = [parser.submit(path) for _ in range(3)]
    next(iter(busy_children()))
    started = time.monotonic()
    parser.close()
    assert time.monotonic() - started < 10
    assert futures[2].cancelled()
    error = futures[0].exception()
    assert isinstance(error, DocumentError)
    assert "closed" in str(error)
    with pytest.raises(DocumentError, match="closed"):
        parser.parse(put(tmp_path, "late.pdf", plain_pdf()))


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_watch_ends_a_process_that_outgrows_its_memory() -> None:
    code = (
        "import threading, time\n"
        "from seminar_rag.guard import watch_memory\n"
        "threading.Thread(target=watch_memory, args=(200 << 20,), daemon=True).start()\n"
        "hoard = bytearray(b'x') * (400 << 20)\n"
        "time.sleep(10)\n"
    )
    assert run(code).returncode == 86


def test_workers_start_without_heavy_libraries() -> None:
    code = (
        "import sys, seminar_rag.documents.parse, seminar_rag.documents.pdf\n"
        "heavy = {'torch', 'llama_index', 'gradio', 'chromadb', 'numpy', 'pypdf', 'pypdfium2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert run(code).stdout.strip() == "[]"


# -- real files -------------------------------------------------------------------------------


@needs_robustness
def test_a_sample_of_real_and_malformed_files(parser: Parser) -> None:
    files = sorted((ROBUSTNESS / "files").iterdir())[::4]
    outcomes: Counter[str] = Counter()
    for path in files:
        try:
            text = "".join(block.text for block in parser.parse(path).blocks)
        except DocumentError as error:
            outcomes[error.failure] += 1
            continue
        outcomes["text"] += 1
        assert text
        assert not any(c == "\0" or "\ud800" <= c < "\ue000" or c in "\ufffe\uffff" for c in text)
    assert set(outcomes) <= OUTCOMES
    assert outcomes["text"] > len(files) / 2


@needs_robustness
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flatebomb_1g.pdf", "limit"),
        ("flate_nested_bomb.pdf", "limit"),
        ("only_header.pdf", "corrupt"),
        ("lfs_pointer.pdf", "corrupt"),
        ("deep_array.pdf", "no_text"),
    ],
)
def test_hostile_files(parser: Parser, name: str, expected: str) -> None:
    assert failure(parser, ROBUSTNESS / "hostile" / name).failure == expected


@needs_robustness
@pytest.mark.parametrize("damage", ["trunc50", "trunc90", "trunc99", "bitflip20", "zero4k"])
def test_damaged_papers_are_marked_partial(parser: Parser, damage: str) -> None:
    document = parser.parse(ROBUSTNESS / "damaged" / f"ALCE__{damage}.pdf")
    assert document.partial
    assert sum(len(block.text) for block in document.blocks) > 20_000
    assert document.notes
