"""What students work with: tables over readings, what readings differ in, items, and guides.

A table is Row × question → Cell. An Item is a question made of one sentence of a reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from seminar_rag.types.answer import Citation
from seminar_rag.types.reading import Kind

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
class StudyItem:
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
class DefinedTerm:
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
    terms: tuple[DefinedTerm, ...]
    """By name."""
    summaries: tuple[StudyItem, ...] = ()
    """Readings summed up by the language model, as far as the instructor has approved it."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """An item with what the instructor decided."""

    item: StudyItem
    state: Literal["new", "approved", "dropped"]
    fault: str = ""
    """Why the item is not shown although it was approved: its sentence is gone."""


MOST_ROWS = 80
"""Readings of a table."""
MOST_COLUMNS = 8
"""Questions of a table."""
LONGEST_COLUMN = 300
"""Characters of a table's question."""
CLAIMED = "What is claimed?"
"""The question that the most central sentence of a reading answers."""
COLUMNS = (CLAIMED, "Which data are used?", "What are the limitations?")
"""Questions that can be put to any reading."""

STATED = "Says that: "
"""Begins a column that is a statement: who says so, and who says otherwise?"""
Stance = Literal[
    "says", "perhaps", "silent", "no text",
    "supports", "similar", "qualifies", "differs", "contradicts", "speaks",
]  # fmt: skip
STANCES: Mapping[Stance, str] = {
    "says": "says",
    "perhaps": "may say",
    "supports": "says so",
    "similar": "says something similar",
    "qualifies": "says part of it",
    "differs": "differs in a number or word",
    "contradicts": "contradicts",
    "speaks": "speaks of it",
    "silent": "does not say",
    "no text": "no text in the course",
}
"""What a cell tells, in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """A reading of a table."""

    reading: str
    """Its id."""
    title: str
    authors: str | None = None
    kind: Kind | None = None
    """What there is of it; None for nothing."""
    sessions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """What one reading says on one question: quotations of one passage, or none."""

    reading: str
    question: str
    said: Stance
    citations: tuple[Citation, ...] = ()
    """Neighbouring sentences of one passage, each word for word as it stands there."""
    likely: float = 0.0
    """How likely the quotation answers the question, 0 to 1."""
    why: str = ""
    """Of a statement: what decided. Of a cell without quotation: why there is none, as the end of a
    sentence that the reading begins."""

    @property
    def text(self) -> str:
        """The quotation; empty where there is none."""
        return " ".join(one.quote for one in self.citations)

    @property
    def place(self) -> str:
        """The pages of the quotation, "p. 3, 4", else its section; empty where none is known."""
        if not self.citations:
            return ""
        first = self.citations[0]
        pages = first.document.place(one.page for one in self.citations)
        return pages or first.passage.own_heading


@dataclass(frozen=True, slots=True)
class Stated:
    """A sentence of a reading, complete in itself."""

    document: str
    passage: str
    reading: str
    title: str
    quote: str
    place: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sentences of two readings that differ in a number, an opposite or a denial."""

    id: str
    session: int
    said: Stance
    """"contradicts", or "differs" where the sentences are less alike."""
    reason: str
    one: Stated
    other: Stated


@dataclass(frozen=True, slots=True)
class FoundDifference:
    """A difference with what the instructor decided."""

    difference: Difference
    state: Literal["new", "kept", "dropped"]


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Questions to the readings of a session that the instructor keeps for students."""

    id: str
    session: int
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Questions put to readings; `cells` has those that are known, by reading and question."""

    questions: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every cell is known."""
        return len(self.cells) == len(self.rows) * len(self.questions)
