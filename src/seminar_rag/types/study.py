"""What students learn by: Item, made of one sentence of a reading, and the guide of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seminar_rag.types.answer import Citation

ItemKind = Literal["term", "number", "claim", "short", "list", "asked", "summary"]
KINDS: dict[ItemKind, str] = {
    "term": "term",
    "number": "number",
    "claim": "who says it",
    "short": "abbreviation",
    "list": "list",
    "asked": "worded by the language model",
    "summary": "summed up by the language model",
}
GAP = "____"
"""What stands in a question for the answer."""
MOST_ITEMS = 60
"""Items that are proposed for a session."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its answer, both of one sentence of a reading."""

    id: str
    kind: ItemKind
    session: int
    question: str
    answer: str
    options: tuple[str, ...]
    """Multiple choice, the answer among them; empty for a flashcard."""
    quote: str
    """The sentence, word for word."""
    document: str
    """Id of its document."""
    passage: str
    """Id of its passage when the item was made."""
    reading: str
    title: str
    place: str
    """The page or section of the sentence, in words."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term with the sentence that says what it is."""

    name: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Guide:
    """What to read a session with: what each reading claims, and its terms."""

    session: int
    title: str
    claims: tuple[tuple[str, tuple[Citation, ...]], ...]
    """(title of a reading, its key sentences); no sentences where there is no text."""
    terms: tuple[Term, ...]
    """By name."""
    told: tuple[Item, ...] = ()
    """Readings summed up by the language model, as far as the instructor has approved it."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """An item with what the instructor decided."""

    item: Item
    state: Literal["new", "approved", "dropped"]
    fault: str = ""
    """Why the item is not shown although it was approved: its sentence is gone."""
