"""A session's guide and approved items as Markdown, as PDF and as a deck for Anki."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.text import for_markdown
from seminar_rag.types import Citation
from seminar_rag.types.study import GAP, Guide, Item
from seminar_rag.ui.export.export import Paper, Part

TYPES = {
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "apkg": "application/octet-stream",
}
"""Ending of a file → its media type."""
NOTE = "Quotations are word for word."
Lines = list[tuple[str, bool]]
"""Paragraphs, each with whether it is a bullet."""

_STYLE = """.card { font: 18px/1.5 sans-serif; text-align: left; color: black; background: white; }
.of { font-size: 14px; color: #555; }
.nightMode .card, .card.nightMode { color: #eee; background: #222; }
.nightMode .of { color: #bbb; }"""


def to_file(
    guide: Guide | None, items: Sequence[Item], title: str, kind: str, course: str = ""
) -> bytes:
    """A session's guide and items as a file of a kind of `TYPES`; a deck has the items alone.

    Args:
        course: the name of the course, for the PDF.

    Raises:
        SourceError: genanki, which makes decks, is not installed.
    """
    if kind == "apkg":
        return to_anki(items, title)
    if kind == "md":
        return to_markdown(guide, items, title).encode()
    from seminar_rag.ui.export.pdf import to_pdf

    parts = tuple(
        Part(head, "", "\n\n".join(f"- {text}" if bullet else text for text, bullet in lines),
             markdown=False, notes=())
        for head, lines in _parts(guide, items)
    )  # fmt: skip
    return to_pdf(Paper(title, course or "Study guide", NOTE, parts, ()))


def to_markdown(guide: Guide | None, items: Sequence[Item], title: str) -> str:
    """The guide, then the questions, then their answers with the sentence and its page."""
    out = [f"# {for_markdown(title)}", "", f"*{NOTE}*", ""]
    for head, lines in _parts(guide, items):
        out += [f"## {for_markdown(head)}", ""]
        for text, bullet in lines:
            out += [f"- {for_markdown(text)}" if bullet else f"\n{for_markdown(text)}\n"]
        out.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out))


def _parts(guide: Guide | None, items: Sequence[Item]) -> Iterator[tuple[str, Lines]]:
    """Every part with its heading: what readings say, terms, questions, answers."""
    summed = {one.title: one for one in guide.told} if guide else {}
    for title, found in guide.claims if guide else ():
        short = [summed[title]] if title in summed else []
        said = [(f"{one.answer} (by the language model, checked against {one.place or 'the text'})",
                 False) for one in short]  # fmt: skip
        said += [(f"“{_flat(one.quote)}” ({_place(one)})", True) for one in found]
        yield f"What “{title}” says", said or [("No text in the course.", False)]
    if guide and guide.terms:
        told = [(one.name, one.citation) for one in guide.terms]
        yield (
            "Terms",
            [
                (f"{name}: “{_flat(one.quote)}” ({_source(one.document.title, _place(one))})", True)
                for name, one in told
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
    return one.document.place([one.page]) or "text"


def _source(title: str, place: str) -> str:
    return f"{title}, {place}" if place else title


def _flat(text: str) -> str:
    return " ".join(text.replace(GAP, "……").split())


def to_anki(items: Sequence[Item], title: str) -> bytes:
    """A deck for Anki (.apkg): a card for each item, the same card whenever it is exported.

    Raises:
        SourceError: genanki is not installed.
    """
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
        told = (one.question, one.answer, one.quote, _source(one.title, one.place))
        question, answer, quote, of = map(str, map(escape, told))
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
