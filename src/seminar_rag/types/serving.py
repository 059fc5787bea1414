"""A course that is served: the journal, its settings, and what its servers know together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol, get_args

Reason = Literal["wrong citation", "not what I asked", "incomplete", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
LONGEST_COMMENT = 1_000
"""Characters; what goes beyond is cut off."""


@dataclass(frozen=True, slots=True)
class CitedText:
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
class RecordedQuestion:
    """A question and its answer."""

    id: str
    """Random."""
    day: date
    question: str
    answer: str
    answerer: str = ""
    abstained: bool = False
    cited: tuple[CitedText, ...] = ()
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
    cited: tuple[CitedText, ...] = ()


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
    doubtful: tuple[RecordedQuestion, ...]
    """Answers with a sentence that failed the check, newest first."""
    good: int
    flagged: tuple[Feedback, ...]
    """Thumbs down, newest first."""
    reasons: Mapping[str, int]
    """Reason → thumbs down."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration with its value."""

    section: str
    key: str
    value: str | int | bool
    """A secret is "set" or ""."""
    live: bool
    """Whether it can be changed while the course is served."""
    limits: tuple[int, int] | None = None
    """The least and the most of a number that can be changed."""
    secret: bool = False


Level = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A language model that could be fetched."""

    name: str
    cost: str
    """Bytes to download, memory and licence, in words."""
    reason: str
    """What the machine has, and why it is this one."""
    instead: str
    """Another with its cost, for where the model hub cannot be reached; "" for none."""
    runnable: bool
    """Whether what runs it is installed."""


class Common(Protocol):
    """Small values by kind and id, which every server of a course sees and may change at once. A
    value ends some seconds after it was put, where that is said. Safe to call from threads. All
    raise StoreError where the values cannot be reached."""

    def get(self, kind: str, id_: str = "") -> str | None:
        """A value; None where there is none."""

    def every(self, kind: str) -> dict[str, str]:
        """All values of a kind by id."""

    def put(self, kind: str, id_: str, value: str, lasts: float | None = None) -> None:
        """Put a value in place of what was there."""

    def first(self, kind: str, id_: str, value: str, lasts: float | None = None) -> str:
        """Put a value where there is none; what is there now."""

    def change(
        self, kind: str, id_: str, how: Callable[[str | None], str], lasts: float | None = None
    ) -> str:
        """Make a value of the one that is there, while nobody else changes it; the new one."""

    def drop(self, kind: str, id_: str) -> None:
        """Forget a value."""

    def left(self, kind: str, id_: str) -> float:
        """Seconds until a value ends; 0 where there is none."""

    def extend(self, kind: str, id_: str, seconds: float) -> None:
        """Let a value, made empty where there is none, end later than it would."""

    def sweep(self) -> None:
        """Remove the values that have ended."""
