"""Small PDFs, made for the tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

SENTENCES = (
    "Looms read a chain of punched cards and lift the threads that each card names.",
    "The first card decides the colour of the border, which is why it is kept apart.",
    "A weaver who loses one card repeats the pattern of the card before it.",
    "Nothing in the machine knows what the finished cloth will look like.",
)


def pdf(path: Path, *pages: str, columns: int = 1, size: tuple[float, float] = (612, 792)) -> Path:
    """A PDF with a running head and one page per text, set in one or two columns."""
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen import canvas

    sheet = canvas.Canvas(str(path), pagesize=size, invariant=True)
    width = (size[0] - 72 - 24 * (columns - 1)) / columns
    for number, text in enumerate(pages, 1):
        sheet.setFont("Helvetica", 8)
        sheet.drawString(36, size[1] - 30, "Proceedings of the Guild of Weavers")
        sheet.drawCentredString(size[0] / 2, 20, str(number))
        sheet.setFont("Helvetica", 11)
        lines = simpleSplit(text, "Helvetica", 11, width)
        rows = -(-len(lines) // columns)
        for at, line in enumerate(lines):
            column, row = divmod(at, rows)
            sheet.drawString(36 + column * (width + 24), size[1] - 72 - 16 * row, line)
        sheet.showPage()
    sheet.save()
    return path


def changed(source: Path, target: Path, rotate: int = 0, crop: tuple[float, ...] = ()) -> Path:
    """The PDF with all its pages turned, or cropped to (left, bottom, right, top)."""
    from pypdf import PdfWriter
    from pypdf.generic import RectangleObject

    writer = PdfWriter(clone_from=str(source))
    for page in writer.pages:
        if rotate:
            page.rotate(rotate)
        if crop:
            page.cropbox = RectangleObject(crop)
    writer.write(str(target))
    return target


def ink(picture: bytes, boxes: Any) -> tuple[float, float]:
    """The share of the page's dark pixels inside the boxes, and how dark the boxes are inside."""
    import numpy as np
    from PIL import Image

    dark = np.asarray(Image.open(io.BytesIO(picture)).convert("L")) < 128
    height, width = dark.shape
    inside = np.zeros_like(dark)
    for left, top, wide, tall in boxes:
        rows = slice(int(top * height), int((top + tall) * height) + 1)
        inside[rows, int(left * width) : int((left + wide) * width) + 1] = True
    return float((dark & inside).sum() / max(dark.sum(), 1)), float(dark[inside].mean())
