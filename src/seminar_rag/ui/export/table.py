"""A table over readings as CSV, Markdown or DOCX. Pure.

Cells that are not known yet are left empty. What comes from readings cannot become a formula in a
spreadsheet, nor markup in the others.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence

from seminar_rag.html import Template
from seminar_rag.text import for_markdown
from seminar_rag.types.study import SAID, Cell, Row, Table
from seminar_rag.ui.shared.wording import authors_of_text, url_of_page

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
"""Ending of a file → its media type."""
_WORD = Template("ui/templates/table_docx.xml")


def to_file(table: Table, title: str, kind: str) -> bytes:
    """The table as a file of a kind of `TYPES`."""
    if kind == "csv":
        return to_csv(table).encode("utf-8-sig")  # spreadsheets want the byte order mark
    return to_markdown(table, title).encode() if kind == "md" else to_docx(table, title)


def to_csv(table: Table) -> str:
    """For every question what is said, the quotation and its place, each in a column."""
    head = ["Reading", "Authors", "Sessions"]
    for question in table.questions:
        head += [question, "Quotation", "Place", "Address"]
    lines = []
    for row in table.rows:
        line = [row.title, row.authors or "", ", ".join(map(str, row.sessions))]
        for cell in _of(table, row):
            line += [*(("", "", "", "") if cell is None else _told(cell))]
        lines.append([" ".join(value.split()) for value in line])
    return csv_of(head, lines)


def csv_of(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file. What a spreadsheet would run as a formula is disarmed (CWE-1236)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([_disarmed(str(value)) for value in row] for row in (head, *rows))
    return out.getvalue()


def _disarmed(text: str) -> str:
    runs = text.lstrip().startswith(("=", "+", "-", "@")) or text.startswith(("\t", "\r"))
    return f"'{text}" if runs else text


def _told(cell: Cell) -> tuple[str, str, str, str]:
    first = cell.citations[0] if cell.citations else None
    url = url_of_page(first.document, first.page) if first else ""
    return SAID[cell.said], cell.text or cell.why, cell.place, url


def to_markdown(table: Table, title: str) -> str:
    """A table with the quotation, its place and its reading in every cell."""
    head = ["Reading", *table.questions]
    lines = [
        f"# {for_markdown(title)}",
        "",
        _line(map(for_markdown, head)),
        _line(["---"] * len(head)),
    ]
    for row in table.rows:
        by = authors_of_text(row.authors)
        name = f"**{for_markdown(row.title)}**" + (f"<br>{for_markdown(by)}" if by else "")
        lines.append(_line([name, *map(_cell_markdown, _of(table, row))]))
    return "\n".join([*lines, "", f"*{NOTE}*", ""])


NOTE = "Quotations are word for word. Where it says “may say”, one may miss the question."


def _cell_markdown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if not cell.citations:
        return f"*{SAID[cell.said]}*"
    doubt = f" *({SAID[cell.said]})*" if cell.said != "says" else ""
    place = f" ({for_markdown(cell.place)})" if cell.place else ""
    return f"“{for_markdown(cell.text)}”{place}{doubt}"


def to_docx(table: Table, title: str) -> bytes:
    """A Word document (Office Open XML, ECMA-376) with one table."""
    rows = [
        (row.title, authors_of_text(row.authors), [_cell_words(one) for one in _of(table, row)])
        for row in table.rows
    ]
    parts = {
        "[Content_Types].xml": _WORD.types(),
        "_rels/.rels": _WORD.relations(),
        "word/document.xml": _WORD.document(
            _printable(title), [*map(_printable, table.questions)], rows, NOTE
        ),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return out.getvalue()


def _cell_words(cell: Cell | None) -> tuple[str, str]:
    """The quotation with quotation marks, and what is said of it."""
    if cell is None:
        return "", ""
    if not cell.citations:
        return "", SAID[cell.said]
    doubt = SAID[cell.said] if cell.said != "says" else ""
    return f"“{_printable(cell.text)}”", " · ".join(filter(None, (cell.place, doubt)))


def _of(table: Table, row: Row) -> list[Cell | None]:
    return [table.cells.get((row.reading, question)) for question in table.questions]


def _line(cells: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _printable(text: str) -> str:
    """A text that XML can hold."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
