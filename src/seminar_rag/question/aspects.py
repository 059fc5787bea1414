"""What a question names: works in quotation marks or called a paper, and models, methods, people.

A question that sets two of them side by side is searched once for each. Pure; knows no course.
"""

from __future__ import annotations

import re
from itertools import pairwise

from seminar_rag.text import STOPWORDS, content_words

_COMPARES = re.compile(
    r"\b(?:vs\.?|versus|compar\w+|differ\w*|each|both|respectively|agree\w*)\b"
    r"|(?<=[\w,'’\")] )(?:and|but)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“]([^\"”]{3,})[\"”]|(?<!\w)['‘]([^'’]{6,})['’](?!\w)")
_WORK = re.compile(
    r"\b(?:the|this|that|in|of)\s+((?:[^\W_][\w.\-–’']*\s+){1,5}?)"
    r"(?:papers?|surveys?|reviews?|notes|study|article|blog|authors)\b",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"\b(?:the|this|that|and|in|of|do|does|did)\s", re.IGNORECASE)
_SIDES = re.compile(r"([\w-]+) (?:vs\.?|versus) ([\w-]+)", re.IGNORECASE)
_SAME_TITLE = 88
"""Likeness of a name to a title, of 100."""
_ARXIV = re.compile(r"(?<!\d)\d{4}\.\d{4,5}(?!\d)")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_MIXED = re.compile(r"[A-Z].*[A-Z]|[a-z][A-Z]|\d\D*[A-Za-z]|[A-Za-z]\D*\d")
_NUMBER = re.compile(r"\d+[\w.-]*")
_POSSESSIVE = re.compile(r"['’]s$")


def compares(question: str) -> bool:
    """Whether a question may set things side by side."""
    return bool(_COMPARES.search(question))


def named(question: str) -> tuple[str, ...]:
    """What the question names, as written; of two that contain each other, the longer."""
    found = [first or second for first, second in _QUOTED.findall(question)]
    for match in _WORK.finditer(question):
        name = _DETERMINER.split(match[1])[-1].strip()
        if content_words(name):
            found.append(name)
    found += proper_names(question)
    for match in _SIDES.finditer(question):
        found += [side for side in match.groups() if content_words(side)]
    kept: list[str] = []
    for name in sorted(found, key=len, reverse=True):
        if not any(name.lower() in other.lower() for other in kept):
            kept.append(name)
    return tuple(sorted(kept, key=question.find))


def works(question: str) -> tuple[str, ...]:
    """Titles in quotation marks, works called a paper or survey, and arXiv ids."""
    found = [first or second for first, second in _QUOTED.findall(question)]
    found += [_DETERMINER.split(match[1])[-1].strip() for match in _WORK.finditer(question)]
    return tuple(dict.fromkeys([*found, *_ARXIV.findall(question)]))


def is_called(name: str, title: str) -> bool:
    """Whether a work of this title may be called so: by all of it, or by what leads its colon."""
    from rapidfuzz import fuzz, utils

    plain = utils.default_process
    return any(
        fuzz.ratio(name, one, processor=plain) >= _SAME_TITLE
        for one in (title, title.split(":")[0])
    )


def proper_names(question: str) -> list[str]:
    """Runs of capitalised or mixed tokens, as written: "Llama 2-Chat", "SayCan"."""
    tokens = list(_TOKEN.finditer(question))
    following = {one.start(): two[0] for one, two in pairwise(tokens)}
    names: list[str] = []
    run: list[str] = []
    end = 0
    for token in tokens:
        word = _POSSESSIVE.sub("", token[0])
        goes_on = bool(run) and not question[end : token.start()].strip()
        if _is_name(question, token, following.get(token.start(), "")) or (
            goes_on and _NUMBER.fullmatch(word)
        ):
            if run and not goes_on:
                names.append(" ".join(run))
                run = []
            run.append(word)
        elif run:
            names.append(" ".join(run))
            run = []
        end = token.end()
    return [*names, " ".join(run)] if run else names


def _is_name(question: str, token: re.Match[str], following: str) -> bool:
    word = token[0]
    if _MIXED.search(word):
        return True
    if not word[0].isupper() or word.lower() in STOPWORDS:
        return False
    before = question[: token.start()].rstrip()
    if before and before[-1] not in ".?!:":
        return True
    # The first word of a sentence is a name where a name, a number or another side follows it.
    return following[:1].isupper() or following[:1].isdigit() or following in ("and", "vs", "or")
