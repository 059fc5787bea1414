"""The journal: what students asked, their feedback, and its summary for the instructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

Reason = Literal["wrong citation", "not what I asked", "incomplete", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
LONGEST_COMMENT = 1_000
"""Characters; what goes beyond is cut off."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage that an answer cited; complete in itself, whatever becomes of the index."""

    number: int
    """The number of its mark in the answer."""
    passage: str
    """Passage id."""
    reading: str
    title: str
    quote: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """A sentence of an answer that the check did not find supported."""

    sentence: str
    label: str
    """The label of the verdict: "partly", "unsupported" or "contradicted"."""
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer."""

    id: str
    """Random."""
    day: date
    question: str
    answer: str
    answerer: str = ""
    abstained: bool = False
    cited: tuple[Cited, ...] = ()
    verdicts: tuple[tuple[str, int], ...] = ()
    """(label, how many sentences)."""
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """A student's feedback on an answer."""

    id: str
    day: date
    good: bool
    question: str
    answer: str
    reason: str = ""
    """One of `REASONS`; empty for a good answer."""
    comment: str = ""
    cited: tuple[Cited, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Questions about the same topic."""

    count: int
    """How often one of them was asked."""
    questions: tuple[tuple[str, int], ...]
    """(question, how often), most frequent first; the first stands for all."""
    last: date


@dataclass(frozen=True, slots=True)
class Use:
    """How many answers cite a reading."""

    reading: str
    title: str
    answers: int
    sessions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """A day's questions."""

    day: date
    answered: int
    abstained: int


@dataclass(frozen=True, slots=True)
class Insights:
    """The summary of the journal."""

    asked: int
    abstained: int
    days: tuple[Day, ...]
    """Without gaps, oldest first."""
    unanswered: tuple[Group, ...]
    """Largest first."""
    used: tuple[Use, ...]
    """Every reading of the course that has a text, most used first."""
    verdicts: Mapping[str, int]
    """Label → sentences."""
    doubtful: tuple[Asked, ...]
    """Answers with a sentence that failed the check, newest first."""
    good: int
    flagged: tuple[Feedback, ...]
    """Thumbs down, newest first."""
    reasons: Mapping[str, int]
    """Reason → thumbs down."""
