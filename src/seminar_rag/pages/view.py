"""What is shown of a document around a passage: its drawn pages with the quotes' boxes, or, where
there is no drawable file, its passages section by section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

from seminar_rag.errors import DocumentError, NotFoundError
from seminar_rag.pages.locate import key
from seminar_rag.pages.render import Renderer
from seminar_rag.pages.sheet import Quote
from seminar_rag.types import Passage
from seminar_rag.types.catalogue import Catalogue, Record
from seminar_rag.types.pages import View

GONE = "This reading is no longer in the course."
MOVED = "The reading was read anew since this answer was written; the sentence is still in it."
LOST = "The reading has changed since this answer was written; the passage is no longer in it."
UNMARKED = "The sentence could not be made out on the drawn page."


class Shelf(Protocol):
    """What is needed of the store."""

    def catalogue(self) -> Catalogue:
        """The course now."""

    def passages(self, ids: Sequence[str]) -> dict[str, Passage]:
        """The passages of these ids that exist, by id."""

    def passages_of(self, document: str) -> tuple[Passage, ...]:
        """All passages of a document, in order."""

    def file_of(self, document: str) -> Path | None:
        """The kept file of a document."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a reader asks for: a passage if it is still there, and quotes of it."""

    passage: Passage | None
    quotes: tuple[str, ...]
    remark: str = field(default="")


class Pages:
    """Opens documents at their passages. Safe to call from any thread."""

    def __init__(self, shelf: Shelf, renderer: Renderer) -> None:
        self._shelf = shelf
        self._renderer = renderer

    def close(self) -> None:
        """Stop what draws."""
        self._renderer.close()

    def page(self, document: str, number: int, width: int) -> bytes:
        """A page of a document's kept file as JPEG; see `Renderer.page`.

        Raises:
            NotFoundError: there is no such document, or no file of it.
            DocumentError: there is no such page, or it cannot be drawn.
        """
        self._record(document)
        file = self._shelf.file_of(document)
        if file is None:
            raise NotFoundError("No pages are kept of this reading.")
        return self._renderer.page(file, number, width)

    def open(
        self,
        document: str,
        passage: str = "",
        quotes: Sequence[str] = (),
        section: int | None = None,
    ) -> View:
        """A document at a passage.

        Args:
            passage: id of the passage the quotes come from; it may be gone.
            quotes: sentences to mark, the first of which is shown.
            section: show this section of a view of text, whatever the passage.

        Raises:
            NotFoundError: there is no such document.
        """
        record = self._record(document)
        place = self._place(document, passage, tuple(dict.fromkeys(filter(str.strip, quotes))))
        view = View(record.document, place.quotes, place.remark)
        file = self._shelf.file_of(document)
        if file is not None and section is None:
            try:
                return self._drawn(replace(view, version=record.file[:12]), file, place.passage)
            except DocumentError as error:
                view = replace(view, remark=f"{error} This is its text.")
        return self._text(view, place.passage, section)

    def _record(self, document: str) -> Record:
        record = self._shelf.catalogue().records.get(document)
        if record is None or not record.passages:
            raise NotFoundError(GONE)
        return record

    def _place(self, document: str, id_: str, quotes: tuple[str, ...]) -> _Place:
        passage = self._shelf.passages([id_]).get(id_) if id_ else None
        if passage is not None and passage.document == document:
            return _Place(passage, quotes)
        if not id_:
            return _Place(None, quotes)
        for other in self._shelf.passages_of(document) if quotes else ():
            if key(quotes[0]) in key(other.text):
                return _Place(other, quotes, MOVED)
        return _Place(None, quotes, LOST)

    def _drawn(self, view: View, file: Path, passage: Passage | None) -> View:
        asked = [_quote(text, passage) for text in view.quotes] if passage else []
        sheets = self._renderer.look(file, asked)
        page = (passage.page if passage else None) or 1
        if sheets.spots:
            page = min(sheets.spots, key=lambda spot: (spot.quote, spot.page)).page
        remark = view.remark or (UNMARKED if asked and not sheets.spots else "")
        page = min(max(page, 1), len(sheets.sizes))
        return replace(view, remark=remark, page=page, sizes=sheets.sizes, spots=sheets.spots)

    def _text(self, view: View, passage: Passage | None, wanted: int | None) -> View:
        passages = self._shelf.passages_of(view.document.id)
        sections = [tuple(group) for _, group in groupby(passages, key=lambda one: one.heading)]
        if not sections:
            raise NotFoundError(GONE)
        at = wanted or 0
        if wanted is None and passage is not None:
            at = next((i for i, some in enumerate(sections) if passage in some), 0)
        at = min(max(at, 0), len(sections) - 1)
        return replace(view, section=at, sections=len(sections), passages=sections[at])


def _quote(text: str, passage: Passage) -> Quote:
    """Where in its passage a quote stands, and so on which page to look first."""
    at = passage.text.find(text)
    inside = (one for one in passage.sentences if one.start <= at < one.end)
    sentence = next(inside, None) if at >= 0 else None
    page = sentence.page if sentence and sentence.page else passage.page or 1
    return Quote(text, page, passage.text[: max(at, 0)])
