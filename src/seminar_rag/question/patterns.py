"""The one module with regular expressions about questions. Pure; knows no course.

Each function takes a question's text and finds one thing in it: names, sides, a number asked for,
an order, a part of the course. `query.understand` calls them once and keeps what they found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from seminar_rag.ids import arxiv_in
from seminar_rag.text import (
    CARDINALS,
    ORDINALS,
    STOPWORDS,
    content_words,
    numbered,
    sentence_spans,
    words,
)

# Names and works

INSTRUCTIONS = frozenset(
    "analyse analyze assess compare contrast criticise criticize define describe discuss evaluate"
    " elaborate explain give identify illustrate justify list name outline recap relate review"
    " show state summarise summarize tell".split()
)
"""Verbs that a request begins with; the word after them is written as in a sentence's middle."""
_QUOTED = re.compile(r"[\"“]([^\"“”]{3,})[\"”]|(?<!\w)['‘]([^'‘’]{6,})['’](?!\w)")
_WORK = re.compile(
    r"\b(?:the|this|that|in|of)\s+((?:[^\W_][\w.\-–’']*\s+){1,5}?)"
    r"(?:papers?|surveys?|reviews?|reports?(?!\W*$|\s+(?:in|on|for|as|at|by|with|about|that)\b)"
    r"|notes|study|article|blog|authors)\b",
    re.IGNORECASE,
)
"""What may be called a work. Where a clause ends in "report", that may be a verb."""
_DETERMINER = re.compile(r"\b(?:the|this|that|and|in|of|do|does|did)\s", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*")
_MIXED = re.compile(
    r"[A-Z][^A-Z\n]*+[A-Z]|[a-z][A-Z]|\d[^\dA-Za-z]*+[A-Za-z]|[A-Za-z][^\dA-Za-z]*+\d"
)
_NUMBER = re.compile(r"\d[\w.-]*")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s$")
_SAME_TITLE = 88
"""Likeness of a name to a title, of 100."""


def works(question: str) -> tuple[str, ...]:
    """Titles in quotation marks, works called a paper or survey, and arXiv ids."""
    found = [first or second for first, second in _QUOTED.findall(question)]
    for match in _WORK.finditer(question):
        name = _DETERMINER.split(match[1])[-1].strip()
        if content_words(name):
            found.append(name)
    return tuple(dict.fromkeys([*found, *arxiv_in(question)]))


def with_titles_quoted(question: str, titles: Iterable[str]) -> str:
    """A question with quotation marks around the titles, or parts before a colon, that it holds.

    A title of two words has to be written as it is, since it may be an ordinary phrase.
    """
    asked = set(words(question))
    for title in sorted({part for one in titles for part in (one, one.split(":")[0])}, key=len):
        own, known = _written_and_folded(title)
        if len(own) > 1 and known <= asked:
            whole = r"(?<![\w\"“])" + r"\W+".join(map(re.escape, own)) + r"(?!\w)"
            case = re.IGNORECASE if len(own) > 2 else 0
            question = re.sub(whole, r"“\g<0>”", question, flags=case)
    return question


@lru_cache(maxsize=10_000)
def _written_and_folded(title: str) -> tuple[tuple[str, ...], frozenset[str]]:
    return tuple(_WORD.findall(title)), frozenset(words(title))


def is_called(name: str, title: str) -> bool:
    """Whether a work of this title may be called so: by all of it, or its part before a colon.

    A name of one word has to be that word: LoRA is not QLoRA.
    """
    from rapidfuzz import fuzz, utils

    plain = utils.default_process
    least = _SAME_TITLE if " " in name.strip() else 100
    return any(
        fuzz.ratio(name, one, processor=plain) >= least for one in (title, title.split(":")[0])
    )


def names(question: str) -> tuple[str, ...]:
    """Names of models, methods and people, as written; of "RL-based" the name alone."""
    out: list[str] = []
    for run in _capitalised(question):
        kept: list[str] = []
        for word in run.split():
            parts = word.split("-")
            proper = [part for part in parts if not part.islower()]
            if len(proper) < len(parts) and any(len(part) > 3 for part in parts if part.islower()):
                out += [" ".join(kept), *proper]
                kept = []
            else:
                kept.append(word)
        out.append(" ".join(kept))
    return tuple(name for name in dict.fromkeys(out) if len(name) > 1)


def is_mixed(word: str) -> bool:
    """Whether a word has digits or capitals inside, as only names have."""
    return bool(_MIXED.search(word))


def _capitalised(question: str) -> Iterator[str]:
    """Runs of capitalised or mixed words, as written: "Llama 2-Chat", "SayCan"."""
    tokens = list(_WORD.finditer(question))
    following = {one.start(): two[0] for one, two in pairwise(tokens)}
    run: list[str] = []
    end = 0
    for token in tokens:
        word = _POSSESSIVE.sub("", token[0])
        goes_on = bool(run) and not question[end : token.start()].strip()
        name = _is_name(question, token, following.get(token.start(), ""))
        if run and not (goes_on and (name or _NUMBER.fullmatch(word))):
            yield " ".join(run)
            run = []
        if name or run:
            run.append(word)
        end = token.end()
    if run:
        yield " ".join(run)


def _is_name(question: str, token: re.Match[str], following: str) -> bool:
    word = token[0]
    if _ORDINAL.fullmatch(word):
        return False
    if _MIXED.search(word):
        return True
    if not word[0].isupper() or _POSSESSIVE.sub("", word).lower() in STOPWORDS:
        return False  # nor is "What's"
    before = question[: token.start()].rstrip()
    if before and before[-1] not in ".?!:":
        return True
    # The first word of a sentence is a name where a name, a number or another side follows it.
    return word.lower() not in INSTRUCTIONS and (
        following[:1].isupper() or following[:1].isdigit() or following in ("and", "vs", "or")
    )


# Sides of a comparison

_MAY_COMPARE = re.compile(
    r"\b(?:vs\.?|versus|compar\w+|contrast\w*|differ\w*|each|both|respectively|agree\w*)\b"
    r"|(?<=[\w,'’\")] )(?:and|but)\b",
    re.IGNORECASE,
)
_VERSUS = re.compile(r"(?<![\w-])([\w-]++) (?:vs\.?|versus) ([\w-]++)", re.IGNORECASE)


def sides(question: str) -> tuple[str, ...]:
    """What a question may set side by side, two or more; empty where it does so with nothing.

    Names, works, and the words beside "vs"; of two that contain each other, the longer.
    """
    if not _MAY_COMPARE.search(question):
        return ()
    beside = (word for pair in _VERSUS.findall(question) for word in pair if content_words(word))
    found = [*works(question), *_capitalised(question), *beside]
    kept: list[str] = []
    for name in sorted(found, key=len, reverse=True):
        if not any(f" {name} ".lower() in f" {other} ".lower() for other in kept):
            kept.append(name)
    return tuple(sorted(kept, key=question.find)) if len(kept) > 1 else ()


# Orders to the chatbot

_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|discard)\b.{0,60}"
    r"\b(?:instructions?|prompts?|rules?|documents?|passages?|notes|sources|readings?|above)\b"
    r"|\b(?:print|reveal|repeat|show|output|leak|dump|tell me|give me)\b.{0,60}"
    r"\b(?:system prompt|your (?:\w+ )?(?:prompt|instructions)|(?:everything|text) above|hidden)\b"
    r"|\byou are now\b|\bfrom now on\b|\bpretend (?:to be|you are|that you)\b"
    r"|\bstay in character\b|\b(?:act|respond|behave) as (?:if you|an? )\b"
    r"|\b(?:reply|respond|answer) (?:only )?with (?:only|just|the word|['\"“])"
    r"|\breply only\b|\bend every (?:reply|answer|message)\b|\bstop citing\b"
    r"|\bsystem (?:update|override|message)\b|\badmin(?:istrator)? (?:request|override|mode)\b"
    r"|\bdeveloper mode\b|\bobey\b|\b(?:answer|reply|respond)\b.{0,20}\bnothing but\b"
    r"|\bwhatever the (?:notes|readings|passages|documents|sources) say\b"
    r"|\b(?:rules|filters|guidelines|restrictions|instructions) (?:are|have been|were) (?:now )?"
    r"(?:switched off|turned off|off|disabled|lifted|suspended|removed|void)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_order(text: str) -> bool:
    """Whether a text gives the chatbot orders instead of asking about the readings.

    What stands in quotation marks, or in a sentence that asks, may be about such orders.
    """
    plain = re.sub(r"[\"“][^\"“”]*[\"”]|(?<!\w)['‘][^'‘’]*['’](?!\w)", " ", text)
    sentences = [plain[start:end] for start, end in sentence_spans(plain)]
    return any(_ORDERS.search(one) for one in sentences if not one.rstrip().endswith("?"))


# What leans on the conversation

BACKWARD = frozenset(
    "it its they them their theirs this that these those he she his her him there former latter"
    " same other others another both ones instead".split()
)
"""Words that stand for something said before."""


def without_label(text: str) -> str:
    """A rewritten question without what a language model may put before it: "New question:"."""
    return re.sub(r"^(?:[\w -]{0,30}question[\w -]{0,20}:)\s*", "", text, flags=re.IGNORECASE)


# Sessions and parts of the course

LAST = -1
"""The number of the last session."""
_NUMBER_WORDS = CARDINALS | ORDINALS | {"last": LAST, "final": LAST, "latest": LAST}
_MEETING = r"(?:sessions?|weeks?|wks?\.?|class(?:es)?|meetings?|lectures?|lecs?\.?|seminars?)"
_NTH = (
    rf"{_MEETING}\s*+(?:(?:#|no\.?|number|nr\.?)\s*+)?(?P<number>\d{{1,3}}"
    rf"(?:\s*+(?:(?:,|and|&|-|–|to)\s*+)+\d{{1,3}})*|(?:{'|'.join(CARDINALS)}))\b"
)
_SESSION = re.compile(
    rf"\b{_NTH}(?:['’]s?)?"
    rf"|\b(?:very )?(?P<ordinal>{'|'.join([*ORDINALS, 'last', 'final', 'latest'])}) {_MEETING}\b"
    r"|\bs(?P<short>\d{1,2})(?= (?:papers|readings|texts)\b)"
    r"|(?<=\bpapers for )s(?P<short2>\d{1,2})\b",
    re.IGNORECASE,
)
_WHOSE = (
    r"(?:(?:the )?(?P<kind>(?:students?['’]? )?notes?|papers?|readings?|texts?)"
    r"(?: (?:of|for|from|in|on))? )?"
)
_OF_SESSIONS = re.compile(
    rf"(?:,|(?<!\s))\s*\b(?:in|from|of|for|according to|within|only)\s+"
    rf"(?:the )?{_WHOSE}(?:the )?{_NTH}"
    r"(?:['’]s (?P<kind2>notes?|papers?|readings?))?,?",
    re.IGNORECASE,
)
_OF_NOTES = re.compile(
    r"(?:,|(?<!\s))\s*\b(?:in|from|according to|only in)\s+(?:the |our )"
    r"(?:students?['’]? |class )?notes\b(?! (?:on|about|that|of|for)\b),?",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"\b(?:the |a )?(?:required|mandatory|assigned) readings?\b", re.IGNORECASE)
_COURSE_WORD = re.compile(rf"{_QUOTED.pattern}|([^\W_]+(?:[-'’.;][^\W_]+)*(?:(?<=s)['’](?= \w))?)")


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
        where = numbered("session", sorted(self.sessions))
        return f"{whose} of {where}" if whose and where else whose or where


def named_scope(question: str) -> tuple[NamedScope | None, str]:
    """The part of the course that a question names, and the question without those words."""
    required = bool(_REQUIRED.search(question))
    if found := _OF_SESSIONS.search(question):
        word = (found["kind"] or found["kind2"] or "").lower()
        sessions = frozenset(session_numbers(found["number"]))
        scope = NamedScope(sessions, _kind(word) if word else None, required)
    elif found := _OF_NOTES.search(question):
        scope = NamedScope(kind="notes")
    else:
        return (NamedScope(required=True) if required else None), question
    rest = " ".join(f"{question[: found.start()]} {question[found.end() :]}".split())
    rest = re.sub(r" ([?.!,])", r"\1", rest)
    return (scope, rest) if content_words(rest) else (None, question)


def _kind(word: str) -> Literal["notes", "readings"]:
    return "notes" if "note" in word else "readings"


def session_numbers(text: str) -> tuple[int, ...]:
    """ "7", "seven", "seventh", "3 and 4", "3-5" or "last" as numbers of sessions."""
    lower = text.lower().strip()
    if lower in _NUMBER_WORDS:
        return (_NUMBER_WORDS[lower],)
    out: list[int] = []
    for part in re.split(r"(?<!\s)\s*(?:,|&|and)+\s*", lower):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] < 30:
            ends = list(range(ends[0], ends[1] + 1))
        out.extend(ends)
    return tuple(dict.fromkeys(out))


def course_words(question: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The words of a question, each with no number; what names sessions is one, with theirs."""
    at = 0
    for found in [*_SESSION.finditer(question), None]:
        end = found.start() if found else len(question)
        for word in _COURSE_WORD.finditer(question[at:end]):
            yield next(filter(None, word.groups())), ()
        if found:
            number = next(one for one in found.groups() if one)
            yield found[0], session_numbers(number)
            at = found.end()
