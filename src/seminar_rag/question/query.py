"""A question, understood once: what every part of answering reads instead of the text.

`understand` makes a `Query` of what was typed, the conversation before it and the titles of the
course's readings. Search, abstention and answers take it and look at no wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from seminar_rag.question import patterns, simply
from seminar_rag.question.followup import StandAlone, asked_last, standalone
from seminar_rag.question.forms import (
    OF_SIDE,
    SIDES,
    Form,
    amount,
    counted,
    form_of,
    is_thing,
)
from seminar_rag.question.intent import PLAIN, Found, Section, learned
from seminar_rag.question.language import language_of, without_source
from seminar_rag.question.parts import Part, compared, parts, two_questions
from seminar_rag.question.patterns import NamedScope
from seminar_rag.question.pronouns import in_place
from seminar_rag.question.referent import compared_again, referent
from seminar_rag.text import content_words, unmarked, words
from seminar_rag.types import Turn, WorkKind

LONGEST = 2_000
"""Characters of a question, and of each before it, that are looked at: a conversation comes back
from a browser, and no pattern is to be slowed down by it."""
_TURNS = 16
"""Turns of the conversation that are looked at."""
_REMEMBERED, _LONGEST_ANSWER = 3, 20_000
"""Earlier answers whose sentences a follow-up is not answered with again, and how many characters
of each are looked at."""
NOTHING_ASKED = "nothing"
"""The intent of a text without a word."""
_SEARCHED = frozenset(
    f"{PLAIN},simple,pros and cons,for,against,summary,authors,link,quiz,essay,required,after"
    ",before".split(",")
)
"""Intents that the readings are searched for, some of them only where nothing is called so."""
_BEFORE = frozenset({"source", "again"})
"""Intents of what asks for the answer before, or where that is from."""
_POINTS_BACK = _BEFORE | {"there"}
_NAMES_SESSIONS = ("when", "session", "session on", "after", "before", "required")
"""Intents of questions that are about sessions, or answered with them."""
_SEARCHES = {
    "simple": "What is {}?",
    "pros and cons": "advantages and disadvantages of {}",
    **OF_SIDE,
    "quiz": "{}",
    "essay": "{}",
}
"""What is searched for instead of how a request is worded, by its intent."""

_OF_THE_COURSE = frozenset(
    "after,authors,before,by,count readings,count sessions,first,link,links,organisation,reading"
    ",readings,required,session,session on,sessions,summary,there,when".split(",")
)
"""Intents that the list of sessions and readings answers, and summaries."""

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
    kinds: tuple[WorkKind, ...] = ()
    """Of an intent: the kinds of works in question; none for all."""
    scope: NamedScope | None = None
    """The part of the course that it names."""
    part: str = ""
    """Of an intent: the part of the course whose sessions are in question, as its page prints it;
    where that has none so called, as the question does."""
    works: tuple[str, ...] = ()
    """What may be titles of works or their arXiv ids, as written."""
    readings: tuple[str, ...] = ()
    """Ids of the course's readings that it calls by their title or arXiv id."""
    names: tuple[str, ...] = ()
    """Names of models, methods and people, as written."""
    sides: tuple[str, ...] = ()
    """What it compares, as written, two or more; empty where it compares nothing."""
    parts: tuple[Part, ...] = ()
    """What is looked for and answered one by one; empty where it is one."""
    apart: tuple[Query, ...] = ()
    """Its parts as questions, where each asks about the course itself: who wrote it, and when."""
    counted: tuple[str, ...] = ()
    """What it asks a number of, as written."""
    amount: int = 0
    """How many sentences, points or questions it asks for; 0 where it does not say."""
    form: Form | None = None
    """The form of the answer that it asks for; None where any will do."""
    is_order: bool = False
    """Whether it tries to give the chatbot orders instead of asking about the readings."""
    language: str = ""
    """Code of the language it is written in; empty where that is not clear."""
    where: Query | None = None
    """Of "what do we read there?": the question before it, which tells of which sessions."""
    repeats: str = ""
    """The question before it, where it asks for the answer to that again, or for its sources; all
    but `text` is then of that question."""
    turns_back: int = 0
    """Turns of the conversation since that question, and with it."""
    wants_sources: bool = False
    """Whether it is "who says that?": the sources of the answer before are its answer."""
    shown: str = ""
    """Of a follow-up: the last answers, whose quotations are not to be quoted again. Empty where it
    stands alone, or asks for the last answer again."""

    @property
    def subject(self) -> str:
        """What it is about: what passages have to hold, however the request is worded."""
        return self.topic if self.topic and self.intent in _SEARCHES else self.search_text


def understand(
    text: str,
    history: Sequence[Turn] = (),
    stop: Callable[[], bool] = lambda: False,
    *,
    titles: Mapping[str, str] | None = None,
    stand_alone: StandAlone = standalone,
    spelled: Callable[[str], str] = str,
) -> Query:
    """Understand a question.

    Args:
        text: the question as typed.
        history: the conversation before it.
        stop: asked while a language model rewrites a follow-up; ends that at once.
        titles: titles of the course's readings by reading id.
        stand_alone: rewrites a follow-up so that it can be understood alone.
        spelled: puts misspelt words right.
    """
    titles = titles or {}
    said = _folded(text)
    if not words(said):
        return Query(text, said, said, said, intent=NOTHING_ASKED)
    history = history[-_TURNS:]
    answers = history
    history = [replace(turn, text=_folded(turn.text)) for turn in history]
    language = language_of(said)
    foreign = language not in ("", "en")
    asked = spelled(without_source(said, language) if foreign else said)
    if language_of(asked) == "en":
        language = "en"
    found = _intent_of_all(asked, titles)
    if found.intent in (PLAIN, "simple") and (rest := simply.learned().without(asked)):
        whole = found.topic and not _asks_more(rest, found.topic)
        found, asked = (found, asked) if whole else (Found("simple"), rest)
    if foreign and found.intent in {PLAIN, *SIDES}:
        found = _foreign_intent(said, asked)
    wants_sources, repeats, turns = found.intent == "source", "", len(history)
    if found.intent in _BEFORE:
        found, asked, history = _asked_before(asked, history)
        repeats = asked if len(history) < turns else ""
    where = _where_before(history, titles) if found.intent == "there" else None
    if found.intent == "there" and history and where is None:
        found = Found(PLAIN)
    typed, named = asked, referent(history, asked) if found.intent == PLAIN else ""
    if named and (put := _intent(in_place(asked, named))).topic == named:
        found, asked = put, in_place(asked, named)
    alone = asked
    if found.intent in _SEARCHED:
        alone = stand_alone(asked, history, stop)[-LONGEST:].strip()
    scope, searched = patterns.named_scope(alone)
    if scope and _of_later_part(alone):
        scope = None
    last = asked_last(alone, history)
    before = alone.removesuffix(last).strip()
    own, searched = (
        without_source(one, language) for one in _own_and_all(found, last, before, searched)
    )
    works = patterns.works(searched)
    things = counted(searched)
    follows = bool(before)
    again = compared_again(searched.removesuffix(own), own) if follows else None
    sides = _but_counted(patterns.sides(searched), things)
    compares = compared(searched, sides)
    told_apart = () if again is False else compares
    asked_parts = parts(own, found, told_apart, again=bool(again), named=named if follows else "")
    called = (*works, *filter(None, [found.topic]))
    return Query(
        text=text,
        stand_alone=alone,
        search_text=searched,
        own_text=own,
        intent=found.intent,
        topic=found.topic,
        sessions=found.sessions,
        section=found.section,
        kinds=found.kinds,
        scope=scope,
        works=works,
        readings=tuple(
            id_
            for id_, title in titles.items()
            if any(id_ == name or patterns.is_called(name, title) for name in called)
        ),
        names=_but_counted(_names(searched, language, found.topic), things),
        sides=compares or sides,
        parts=asked_parts,
        apart=_apart(asked_parts, titles),
        where=where,
        counted=things,
        amount=amount(asked),
        form=_form(found, own) if compares or not asked_parts else None,
        is_order=patterns.is_order(searched),
        language=language,
        repeats=repeats,
        turns_back=turns - len(history),
        wants_sources=wants_sources and bool(repeats),
        shown="" if set(words(alone)) <= set(words(typed)) else _shown(answers[: len(history)]),
    )


def _intent_of_all(asked: str, titles: Mapping[str, str]) -> Found:
    """The intent of all that was asked; plain for two questions about the course, which together
    may be worded like a third request."""
    found = _intent(patterns.with_titles_quoted(asked, titles.values()))
    if found.intent == PLAIN:
        return found
    intents = [one.intent for one in _apart(two_questions(asked), titles)]
    alike = found.intent in _OF_THE_COURSE and (
        len(set(intents)) < len(intents) or "organisation" in intents
    )
    return found if alike or not intents else Found(PLAIN)


def _asks_more(question: str, topic: str) -> bool:
    """Whether a question asks more of its topic than what it is."""
    return not set(content_words(question)) <= {*content_words(topic), *patterns.INSTRUCTIONS}


def _own_and_all(found: Found, last: str, before: str, searched: str) -> tuple[str, str]:
    """What was typed last, and all that is searched for.

    Args:
        before: the earlier questions that were put in front of it.
        searched: all of it, without the words that name a part of the course.
    """
    if found.topic and found.intent in _SEARCHES:
        return (_SEARCHES[found.intent].format(found.topic),) * 2
    own = last if searched.endswith(last) else patterns.named_scope(last)[1]
    return own, own if _of_the_list(before) else searched


def _of_the_list(question: str) -> bool:
    """Whether the course's list alone answers a question: "what do we read in session 3?"."""
    found = _intent(question) if question else Found(PLAIN)
    return found.intent in _OF_THE_COURSE and not found.topic


def _apart(asked: Sequence[Part], titles: Mapping[str, str]) -> tuple[Query, ...]:
    """The parts of a question as questions of their own, where no part needs the readings' text."""
    if not asked or any(part.name for part in asked):
        return ()
    found = tuple(understand(part.label, titles=titles) for part in asked)
    return found if all(one.intent in _OF_THE_COURSE for one in found) else ()


def _where_before(history: Sequence[Turn], titles: Mapping[str, str]) -> Query | None:
    """The last question that "there" can mean a session of; None where another was asked."""
    for at in range(len(history) - 1, -1, -1):
        if history[at].role == "user" and _intent(history[at].text).intent not in _POINTS_BACK:
            before = understand(history[at].text, history[:at], titles=titles)
            named = [one for one in before.apart or (before,) if one.intent in _NAMES_SESSIONS]
            return named[-1] if named else None
    return None


def _shown(history: Sequence[Turn]) -> str:
    """The last answers with sources, without their marks."""
    said = [turn.text[:_LONGEST_ANSWER] for turn in history if turn.role == "assistant"]
    return " ".join(
        " ".join(unmarked(text).split()) for text in said[-_REMEMBERED:] if unmarked(text) != text
    )


def _folded(text: str) -> str:
    """The beginning of a text, its runs of white space folded."""
    return " ".join(text[: 2 * LONGEST].split())[:LONGEST]


def _names(searched: str, language: str, topic: str) -> tuple[str, ...]:
    """Names as written, of a request such as "TL;DR of X" those of its topic alone; in German,
    where every noun has a capital, such as no noun looks like."""
    found = tuple(name for name in patterns.names(searched) if name in topic or not topic)
    if language != "de":
        return found
    return tuple(word for name in found for word in name.split() if patterns.is_mixed(word))


def _of_later_part(question: str) -> bool:
    """Whether the part of the course is named in the second of two questions, and so is the first
    one's not: "What is A, and what is B in session 5?"."""
    first, *others = two_questions(question) or (None,)
    return first is not None and (
        patterns.named_scope(first.label)[0] is None
        and any(patterns.named_scope(one.label)[0] for one in others)
    )


def _but_counted(found: Sequence[str], things: Sequence[str]) -> tuple[str, ...]:
    """Names but for what is counted: "how many GPUs" is asked of others, and of no thing "GPUs"."""
    kinds = {thing.split()[-1] for thing in things if thing.endswith("s")}
    return tuple(name for name in found if name not in kinds)


def _form(found: Found, asked: str) -> Form | None:
    kind = SIDES.get(found.intent)
    return Form(kind, found.topic) if kind else form_of(asked)


def _asked_before(text: str, history: Sequence[Turn]) -> tuple[Found, str, Sequence[Turn]]:
    """For "who says that?" and "say it again": the question before it, whose answer names its
    sources, and the conversation before that one."""
    for at in range(len(history) - 1, -1, -1):
        if history[at].role == "user":
            found = _intent(history[at].text)
            if found.intent not in _BEFORE:
                return found, history[at].text, history[:at]
    return Found(PLAIN), text, history


def _foreign_intent(said: str, left: str) -> Found:
    """The intent of a question in another language than the readings, where they have at least half
    of its topic's words.

    Args:
        left: the words of it that they have.
    """
    found, known = _intent(said), set(words(left))
    topic = [word for word in found.topic.split() if known.issuperset(words(word))]
    if found.intent not in SIDES or 2 * len(topic) < len(found.topic.split()):
        return Found(PLAIN)
    return replace(found, topic=" ".join(topic))


def _intent(text: str) -> Found:
    """The intent of a question, or else of what stands before an addition such as "I need all of
    them"."""
    found = learned().of(text)
    asked, _, added = text.partition("? ")
    if found.intent == PLAIN and added and "?" not in added and len(content_words(added)) <= 1:
        found = learned().of(asked)
    if found.intent in SIDES and not is_thing(found.topic):
        return Found(PLAIN)
    return found
