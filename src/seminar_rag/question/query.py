"""A question, understood once: what every part of answering reads instead of the text.

`understand` makes a `Query` of what was typed, the conversation before it and the titles of the
course's readings. Search, abstention, the answer and the guide take it and look at no wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from seminar_rag.question import patterns
from seminar_rag.question.followup import StandAlone, asked_last, by_rules
from seminar_rag.question.intent import CourseQuestion, course_question, part_of
from seminar_rag.types import Turn

Intent = Literal[
    "plain",
    "greeting",
    "thanks",
    "help",
    "organisation",
    "count",
    "sessions",
    "session",
    "readings",
    "when",
    "reading",
    "authors",
    "by",
    "link",
    "summary",
]
"""What a question is after. "plain" is a question that the text of the readings answers."""

Understand = Callable[[str, Sequence[Turn], Callable[[], bool]], "Query"]
"""Question as typed, conversation, stop → the question understood."""


@dataclass(frozen=True, slots=True)
class NamedScope:
    """A part of the course that a question names: "according to the notes of session 4"."""

    sessions: frozenset[int] = frozenset()
    kind: Literal["notes", "readings"] | None = None
    required: bool = False

    @property
    def words(self) -> str:
        """The part in words: "the notes of session 4"."""
        whose = {"notes": "the notes", "readings": "the readings", None: ""}[self.kind]
        if self.required:
            whose = "the required readings"
        listed = ", ".join(map(str, sorted(self.sessions)))
        where = f"session{'s' if len(self.sessions) > 1 else ''} {listed}" if listed else ""
        return f"{whose} of {where}" if whose and where else whose or where


@dataclass(frozen=True, slots=True)
class Query:
    """A question and all that is known of it before anything is searched."""

    text: str
    """As typed."""
    stand_alone: str
    """As it can be understood without the conversation."""
    search_text: str
    """`stand_alone` without the words that name a part of the course: what is searched for."""
    own_text: str
    """The part of `search_text` that was typed last, without the earlier questions it leans on."""
    intent: Intent = "plain"
    course: CourseQuestion | None = None
    """A question about the course itself, taken apart; None for a question to the readings."""
    scope: NamedScope | None = None
    works: tuple[str, ...] = ()
    """What may be titles of works or their arXiv ids, as written."""
    readings: tuple[str, ...] = ()
    """Ids of the course's readings that it calls by their title or arXiv id."""
    names: tuple[str, ...] = ()
    """Names of models, methods and people, as written."""
    sides: tuple[str, ...] = ()
    """What it compares, as written, two or more; empty where it compares nothing."""
    only_difference: bool = False
    """Whether it asks how the sides differ, and nothing more about them."""
    term: str = ""
    """What a definition is asked of."""
    wants_number: bool = False
    wants_share: bool = False
    """Whether a percentage or another share is asked for."""
    number_of: str = ""
    """What "how many …" asks the number of."""
    counted: tuple[str, ...] = ()
    """Things that a passage must give a number of to answer it, as written."""
    items: int = 0
    """How many things "which three …" asks for."""
    asks_why: bool = False
    asks_authors: bool = False
    sets_apart: bool = False
    """Whether the things it names may stand in different passages, as in a comparison."""
    is_order: bool = False
    """Whether it tries to give the chatbot orders instead of asking about the readings."""


def understand(
    text: str,
    history: Sequence[Turn] = (),
    stop: Callable[[], bool] = lambda: False,
    *,
    titles: Mapping[str, str] | None = None,
    stand_alone: StandAlone = by_rules,
) -> Query:
    """Understand a question.

    Args:
        text: the question as typed.
        history: the conversation before it.
        stop: asked while a language model rewrites a follow-up; ends that at once.
        titles: titles of the course's readings by reading id.
        stand_alone: rewrites a follow-up so that it can be understood alone.
    """
    alone = stand_alone(text, history, stop)
    part = part_of(alone)
    searched = part.rest if part else alone
    own = asked_last(searched, history)
    works = patterns.works(searched)
    sides = patterns.sides(searched)
    asked = course_question(text)
    return Query(
        text=text,
        stand_alone=alone,
        search_text=searched,
        own_text=own,
        intent=asked.wish if asked else "plain",
        course=asked,
        scope=NamedScope(part.sessions, part.kind, part.required) if part else None,
        works=works,
        readings=tuple(
            id_
            for id_, title in (titles or {}).items()
            if any(id_ == name or patterns.is_called(name, title) for name in works)
        ),
        names=tuple(patterns.entities(searched)),
        sides=sides,
        only_difference=patterns.only_differ(own, sides),
        term=patterns.term(own),
        wants_number=patterns.wants_number(own),
        wants_share=patterns.wants_share(own),
        number_of=patterns.how_many(own),
        counted=patterns.counted(searched),
        items=patterns.items(own),
        asks_why=patterns.asks_why(own),
        asks_authors=patterns.asks_authors(searched),
        sets_apart=patterns.compares(searched),
        is_order=patterns.is_order(searched),
    )
