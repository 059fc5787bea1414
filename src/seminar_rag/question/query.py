"""A question, understood once: what every part of answering reads instead of the text.

`understand` makes a `Query` of what was typed, the conversation before it and the titles of the
course's readings. Search, abstention, the answer and the guide take it and look at no wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from seminar_rag.question import patterns
from seminar_rag.question.followup import StandAlone, asked_last, by_rules
from seminar_rag.question.intent import PLAIN, Found, Section, learned
from seminar_rag.question.patterns import NamedScope
from seminar_rag.text import words
from seminar_rag.types import Turn

LONGEST = 2_000
"""Characters of a question, and of each before it, that are looked at: a conversation comes back
from a browser, and no pattern is to be slowed down by it."""
_TURNS = 16
"""Turns of the conversation that are looked at."""
_SEARCHED = (PLAIN, "summary", "authors", "link")
"""Intents that the readings are searched for: the last three where no reading is called so."""

Understand = Callable[[str, Sequence[Turn], Callable[[], bool]], "Query"]
"""Question as typed, conversation, stop → the question understood."""


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
    intent: str = PLAIN
    """What its asker is after, a heading of `data/intents.txt`. "plain": what the readings say."""
    topic: str = ""
    """Of an intent: the subject, work or person in question, as written."""
    sessions: tuple[int, ...] = ()
    """Of an intent: the sessions in question; `patterns.LAST` for the last."""
    section: Section | None = None
    """Of an intent: the kind of readings in question."""
    scope: NamedScope | None = None
    """The part of the course that it names."""
    works: tuple[str, ...] = ()
    """What may be titles of works or their arXiv ids, as written."""
    readings: tuple[str, ...] = ()
    """Ids of the course's readings that it calls by their title or arXiv id."""
    names: tuple[str, ...] = ()
    """Names of models, methods and people, as written."""
    sides: tuple[str, ...] = ()
    """What it compares, as written, two or more; empty where it compares nothing."""
    counted: tuple[str, ...] = ()
    """What it asks a number of, as written."""
    is_order: bool = False
    """Whether it tries to give the chatbot orders instead of asking about the readings."""
    language: str = ""
    """Code of the language it is written in; empty where that is not clear."""


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
    titles = titles or {}
    said = _folded(text)
    history = [replace(turn, text=_folded(turn.text)) for turn in history[-_TURNS:]]
    found = _intent(patterns.with_titles_quoted(said, titles.values()))
    searched_for = found.intent in _SEARCHED
    alone = stand_alone(said, history, stop)[-LONGEST:].strip() if searched_for else said
    scope, searched = patterns.named_scope(alone)
    works = patterns.works(searched)
    called = (*works, *filter(None, [found.topic]))
    return Query(
        text=text,
        stand_alone=alone,
        search_text=searched,
        own_text=asked_last(searched, history),
        intent=found.intent,
        topic=found.topic,
        sessions=found.sessions,
        section=found.section,
        scope=scope,
        works=works,
        readings=tuple(
            id_
            for id_, title in titles.items()
            if any(id_ == name or patterns.is_called(name, title) for name in called)
        ),
        names=patterns.names(searched),
        sides=patterns.sides(searched),
        counted=patterns.counted(searched),
        is_order=patterns.is_order(searched),
        language=language_of(text),
    )


def _folded(text: str) -> str:
    """The beginning of a text, its runs of white space folded."""
    return " ".join(text[: 2 * LONGEST].split())[:LONGEST]


def _intent(text: str) -> Found:
    """The intent of a question, or else of what follows an opening such as "hi, tell me"."""
    found = learned().of(text)
    bare = patterns.without_opening(text)
    if found.intent == PLAIN and bare != text.strip():
        return learned().of(bare)
    return found


def language_of(text: str) -> str:
    """The language whose small words a text has most of; empty for none, or two alike.

    A text mostly in letters of no language that is known has the language "other".
    """
    said = words(text)
    letters = [letter for letter in text if letter.isalpha()]
    if letters and 2 * sum(ord(letter) > 0x24F for letter in letters) >= len(letters):
        return "other"
    counts = {code: sum(word in small for word in said) for code, small in _languages().items()}
    first, second = sorted(counts.values(), reverse=True)[:2]
    return max(counts, key=counts.__getitem__) if first > second else ""


@cache
def _languages() -> dict[str, frozenset[str]]:
    file = resources.files("seminar_rag.question").joinpath("data/languages.txt")
    lines = (line.split(":") for line in file.read_text(encoding="utf-8").splitlines())
    return {code: frozenset(small.split()) for code, small in lines}
