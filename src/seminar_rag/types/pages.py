"""A document as it is shown around a passage: drawn pages with boxes, or text by sections."""

from __future__ import annotations

from dataclasses import dataclass

from seminar_rag.types.reading import Document, Passage

Box = tuple[float, float, float, float]
"""Left, top, width and height as shares of the page as it is shown, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The boxes of a quote on one page, a box per line."""

    quote: int
    """Index among the quotes that were asked for."""
    page: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A document, opened."""

    document: Document
    quotes: tuple[str, ...] = ()
    remark: str = ""
    """What the reader should know: the passage is gone, the sentence cannot be marked."""
    page: int = 1
    """The drawn page to begin with."""
    sizes: tuple[tuple[float, float], ...] = ()
    """Width and height of every drawn page, in points; empty for a view of text."""
    version: str = ""
    """Changes with the file."""
    spots: tuple[Spot, ...] = ()
    section: int = 0
    """Index of the section shown, of a view of text."""
    sections: int = 0
    passages: tuple[Passage, ...] = ()
    """Those of the section, in order."""
