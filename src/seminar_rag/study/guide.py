"""A session's guide and approved items as Markdown and as a deck for Anki."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.text import for_markdown
from seminar_rag.types.study import GAP, Guide, Item

_STYLE = """.card { font: 18px/1.5 sans-serif; text-align: left; color: black; background: white; }
.of { font-size: 14px; color: #555; }
.nightMode .card, .card.nightMode { color: #eee; background: #222; }
.nightMode .of { color: #bbb; }"""


def to_markdown(guide: Guide | None, items: Sequence[Item], title: str) -> str:
    """The guide, then the questions, then their answers with the sentence and its page."""
    lines = [f"# {_escaped(title)}", ""]
    if guide is not None:
        lines += _guide_markdown(guide)
    if items:
        lines += ["## Test yourself", ""]
    for number, one in enumerate(items, 1):
        lines += [f"{number}. {_escaped(one.question)}"]
        lines += [f"   - {_escaped(text)}" for text in one.options]
    if items:
        lines += ["", "## Answers", ""]
    for number, one in enumerate(items, 1):
        lines.append(
            f"{number}. **{_escaped(one.answer)}** — “{_escaped(one.quote)}” {_source(one)}"
        )
    return "\n".join([*lines, ""])


def _guide_markdown(guide: Guide) -> list[str]:
    lines = ["## What each reading says of itself", ""]
    for title, found in guide.claims:
        lines += [f"### {_escaped(title)}", ""]
        lines += [
            f"- “{_escaped(one.quote)}” ({_escaped(one.document.place([one.page]) or 'text')})"
            for one in found
        ] or ["No text in the course."]
        lines.append("")
    if guide.terms:
        lines += ["## Terms", ""]
    for term in guide.terms:
        one = term.citation
        place = one.document.place([one.page])
        of = f"{one.document.title}{f', {place}' if place else ''}"
        lines += [f"- **{_escaped(term.name)}**: “{_escaped(one.quote)}” ({_escaped(of)})"]
    return [*lines, ""]


def _source(one: Item) -> str:
    return f"({_escaped(one.title)}{f', {_escaped(one.place)}' if one.place else ''})"


def _escaped(text: str) -> str:
    return for_markdown(text.replace(GAP, "……"))


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
        source = f"{one.title}, {one.place}" if one.place else one.title
        question, answer, quote, of = map(
            str, map(escape, (one.question, one.answer, one.quote, source))
        )
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
