"""What students learn by as files: a table over readings as CSV, Markdown or Word; a session's
guide and approved items as Markdown, PDF or a deck for Anki. Pure.

Cells that are not known yet are left empty. What comes from readings cannot become a formula in a
spreadsheet, nor markup in the others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.html import Template
from seminar_rag.text import for_markdown
from seminar_rag.types import Citation
from seminar_rag.types.study import GAP, STANCES, Cell, Guide, Row, StudyItem, Table
from seminar_rag.ui.export.export import ExportedAnswer, ExportedConversation
from seminar_rag.ui.shared.wording import authors_of, url_of_page

TABLE_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
"""Ending of a table's file → its media type."""
GUIDE_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "apkg": "application/octet-stream",
}
"""The same of a guide's."""
NOTE = "Quotations are word for word."
MAY_MISS = f"{NOTE} Where it says “may say”, one may miss the question."
Lines = list[tuple[str, bool]]
"""Paragraphs, each with whether it is a bullet."""
_WORD = Template("ui/templates/table_docx.xml")
_STYLE = """.card { font: 18px/1.5 sans-serif; text-align: left; color: black; background: white; }
.of { font-size: 14px; color: #555; }
.nightMode .card, .card.nightMode { color: #eee; background: #222; }
.nightMode .of { color: #bbb; }"""


# Tables ---------------------------------------------------------------------------------------


def table_file(table: Table, title: str, kind: str) -> bytes:
    """The table as a file of a kind of `TABLE_TYPES`."""
    if kind == "csv":
        return table_csv(table).encode("utf-8-sig")  # spreadsheets want the byte order mark
    return table_markdown(table, title).encode() if kind == "md" else table_docx(table, title)


def table_csv(table: Table) -> str:
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
    return STANCES[cell.said], cell.text or cell.why, cell.place, url


def table_markdown(table: Table, title: str) -> str:
    """A table with the quotation, its place and its reading in every cell."""
    head = ["Reading", *table.questions]
    lines = [
        f"# {for_markdown(title)}",
        "",
        _line(map(for_markdown, head)),
        _line(["---"] * len(head)),
    ]
    for row in table.rows:
        by = authors_of(row.authors)
        name = f"**{for_markdown(row.title)}**" + (f"<br>{for_markdown(by)}" if by else "")
        lines.append(_line([name, *map(_cell_markdown, _of(table, row))]))
    return "\n".join([*lines, "", f"*{MAY_MISS}*", ""])


def _cell_markdown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if not cell.citations:
        return f"*{STANCES[cell.said]}*"
    doubt = f" *({STANCES[cell.said]})*" if cell.said != "says" else ""
    place = f" ({for_markdown(cell.place)})" if cell.place else ""
    return f"“{for_markdown(cell.text)}”{place}{doubt}"


def table_docx(table: Table, title: str) -> bytes:
    """A Word document (Office Open XML, ECMA-376) with one table."""
    rows = [
        (row.title, authors_of(row.authors), [_cell_words(one) for one in _of(table, row)])
        for row in table.rows
    ]
    parts = {
        "[Content_Types].xml": _WORD.types(),
        "_rels/.rels": _WORD.relations(),
        "word/document.xml": _WORD.document(
            _printable(title), [*map(_printable, table.questions)], rows, MAY_MISS
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
        return "", STANCES[cell.said]
    doubt = STANCES[cell.said] if cell.said != "says" else ""
    return f"“{_printable(cell.text)}”", " · ".join(filter(None, (cell.place, doubt)))


def _of(table: Table, row: Row) -> list[Cell | None]:
    return [table.cells.get((row.reading, question)) for question in table.questions]


def _line(cells: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _printable(text: str) -> str:
    """A text that XML can hold."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


# Guides and items -----------------------------------------------------------------------------


def guide_file(
    guide: Guide | None, items: Sequence[StudyItem], title: str, kind: str, course: str = ""
) -> bytes:
    """A session's guide and items as a file of a kind of `GUIDE_TYPES`; a deck has the items alone.

    Raises SourceError: genanki, which makes decks, is not installed.
    """
    if kind == "apkg":
        return to_anki(items, title)
    if kind == "md":
        return guide_markdown(guide, items, title).encode()
    from seminar_rag.ui.export.pdf import to_pdf

    texts = (
        (head, "\n\n".join(f"- {text}" if bullet else text for text, bullet in lines))
        for head, lines in _parts(guide, items)
    )
    parts = tuple(ExportedAnswer(head, "", text, markdown=False, notes=()) for head, text in texts)
    return to_pdf(ExportedConversation(title, course or "Study guide", NOTE, parts, ()))


def guide_markdown(guide: Guide | None, items: Sequence[StudyItem], title: str) -> str:
    """The guide, then the questions, then their answers with the sentence and its page."""
    out = [f"# {for_markdown(title)}", "", f"*{NOTE}*", ""]
    for head, lines in _parts(guide, items):
        out += [f"## {for_markdown(head)}", ""]
        for text, bullet in lines:
            out += [f"- {for_markdown(text)}" if bullet else f"\n{for_markdown(text)}\n"]
        out.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out))


def _parts(guide: Guide | None, items: Sequence[StudyItem]) -> Iterator[tuple[str, Lines]]:
    """Every part with its heading: what readings say, terms, questions, answers."""
    summed = {one.title: one for one in guide.summaries} if guide else {}
    for title, found in guide.claims if guide else ():
        short = [summed[title]] if title in summed else []
        checked = "by the language model, checked against"
        answers = [(f"{one.answer} ({checked} {one.place or 'the text'})", False) for one in short]
        answers += [(f"“{_flat(one.quote)}” ({_place(one)})", True) for one in found]
        yield f"What “{title}” says", answers or [("No text in the course.", False)]
    if guide and guide.terms:
        terms = [(one.name, one.citation) for one in guide.terms]
        yield (
            "Terms",
            [
                (f"{name}: “{_flat(one.quote)}” ({_source(one.document.title, _place(one))})", True)
                for name, one in terms
            ],
        )
    if not items:
        return
    asked: Lines = []
    answered: Lines = []
    for number, one in enumerate(items, 1):
        asked += [(f"{number}. {_flat(one.question)}", False)]
        asked += [(_flat(text), True) for text in one.options]
        source = _source(one.title, one.place)
        answered += [(f"{number}. {one.answer} — “{_flat(one.quote)}” ({source})", False)]
    yield "Test yourself", asked
    yield "Answers", answered


def _place(one: Citation) -> str:
    described = "abstract only" if one.document.kind == "abstract" else "text"
    return one.document.place([one.page]) or described


def _source(title: str, place: str) -> str:
    return f"{title}, {place}" if place else title


def _flat(text: str) -> str:
    return " ".join(text.replace(GAP, "……").split())


def to_anki(items: Sequence[StudyItem], title: str) -> bytes:
    """A deck for Anki (.apkg): a card for each item, the same card whenever it is exported. Raises
    SourceError: genanki is not installed."""
    try:
        import genanki
    except ImportError as error:
        raise SourceError(
            "decks need the anki extra — pip install 'seminar-rag[anki]' on the server"
        ) from error
    from markupsafe import escape

    model = genanki.Model(
        _number("seminar-rag model 1"),
        "seminar-rag",
        fields=[{"name": name} for name in ("Question", "Options", "Answer", "Quote", "Source")],
        templates=[
            {
                "name": "Card",
                "qfmt": "<p>{{Question}}</p>{{Options}}",
                "afmt": "{{FrontSide}}<hr id=answer><p><b>{{Answer}}</b></p>"
                "<p>“{{Quote}}”</p><p class=of>{{Source}}</p>",
            }
        ],
        css=_STYLE,
    )
    deck = genanki.Deck(_number(f"seminar-rag deck {title}"), title)
    for one in items:
        options = "".join(f"<li>{escape(text)}</li>" for text in one.options)
        columns = (one.question, one.answer, one.quote, _source(one.title, one.place))
        question, answer, quote, of = map(str, map(escape, columns))
        fields = [question, f"<ul>{options}</ul>" if options else "", answer, quote, of]
        note = genanki.Note(model=model, fields=fields, guid=genanki.guid_for(one.id))
        deck.add_note(note)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.apkg"
        genanki.Package(deck).write_to_file(path)
        return path.read_bytes()


def _number(text: str) -> int:
    """An id for Anki, below 2**31, the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1
