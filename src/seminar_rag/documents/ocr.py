"""Pages that are images → lines of text, by RapidOCR: PP-OCR models, run by ONNX Runtime.

An optional extra. The models come in the package, so that nothing is downloaded. Recognising runs
in a worker process only.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from seminar_rag.documents.pdf_clean import Line, Page

EXTRA = "seminar-rag[ocr]"
"""What is to be installed. Messages name it, and where one was stored, the file is tried again."""
INSTALL = f"`make ocr` (the extra {EXTRA})"
MEMORY = 3 << 30
"""Bytes of address space of a recognising worker; a page takes about 2 GiB of it."""
PAGE_SECONDS = 90.0
"""For one page; loading the models is part of a worker's first."""
MOST_PAGES = 300
"""Pages that are recognised of one document."""
_DPI = 200
_SIDE = 3000
"""Longest side of a page's image in pixels."""
_SURE = 0.5
"""Confidence below which a line is left out: what remains then is mostly drawings."""


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def recognise(path: Path, number: int) -> Page:
    """Read a page of a PDF from its image.

    Args:
        number: the page's, from 1.

    Raises:
        pypdfium2.PdfiumError: the page cannot be rendered.
    """
    import pypdfium2 as pdfium

    pdf = pdfium.PdfDocument(path)
    try:
        page = pdf[number - 1]
        width, height = page.get_size()
        scale = min(_DPI / 72, _SIDE / max(width, height, 1.0))
        image = page.render(scale=scale).to_numpy()
    finally:
        pdf.close()
    found = _engine()(image)
    if found.boxes is None or found.txts is None:
        return Page(number, height, ())
    lines = [
        _line(text, [(x / scale, height - y / scale) for x, y in box], number)
        for box, text, score in zip(found.boxes.tolist(), found.txts, found.scores, strict=True)
        if text.strip() and score >= _SURE
    ]
    return Page(number, height, tuple(in_order(lines, width)))


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 2,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _line(text: str, corners: Sequence[tuple[float, float]], number: int) -> Line:
    """A line from its box: the box is about a third higher than the type."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    tall = max(ys) - min(ys)
    return Line(text, number, min(xs), max(xs), min(ys) + 0.2 * tall, round(tall / 1.35, 1))


def in_order(lines: Sequence[Line], width: float) -> list[Line]:
    """Lines in the order of reading: across the page, or in two columns between wide lines."""
    rows = sorted(lines, key=lambda line: -line.base)
    middle = width / 2
    wide = [line.x0 < middle - 0.04 * width and line.x1 > middle + 0.04 * width for line in rows]
    sides = [line.x0 >= middle - 0.04 * width for line in rows]
    narrow = [side for side, across in zip(sides, wide, strict=True) if not across]
    if min(narrow.count(True), narrow.count(False)) < 3 or len(narrow) < len(rows) / 2:
        return _rows(rows)
    out: list[Line] = []
    columns: tuple[list[Line], list[Line]] = ([], [])
    for line, side, across in zip(rows, sides, wide, strict=True):
        if across:
            out += [*columns[0], *columns[1], line]
            columns = ([], [])
        else:
            columns[side].append(line)
    return [*out, *columns[0], *columns[1]]


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Lines from the top, and those of one row from the left."""
    out: list[list[Line]] = []
    for line in lines:
        if out and abs(out[-1][0].base - line.base) < 0.5 * line.size:
            out[-1].append(line)
        else:
            out.append([line])
    return [line for row in out for line in sorted(row, key=lambda line: line.x0)]
