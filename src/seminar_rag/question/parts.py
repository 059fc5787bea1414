"""The parts of a question that are looked for and answered one by one. Pure; knows no course.

A comparison asks what each side is, pros and cons ask for both, and two questions in one sentence
are two. Each part is a text to search for, so that no part is lost behind another that the
readings say more of (question decomposition, Min et al. 2019, by rules).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seminar_rag.question.forms import Form, form_of
from seminar_rag.question.intent import Found
from seminar_rag.text import content_words


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question."""

    label: str
    """As the reader is told of it."""
    text: str
    """What is searched for."""
    name: str = ""
    """What a passage has to mention to answer it; empty where its meaning decides."""
    form: Form | None = None
    """The form of its answer; None where any will do."""


_MOST = 4
_COMPARES = re.compile(
    r"\b(?:vs\.?|versus|compar(?:e|es|ed|ing|ison)|contrast\w*|differ\w*|distinguish\w*"
    r"|better|worse|similar\w*)\b",
    re.IGNORECASE,
)
_END = r"(?=\s*(?:[?.!,;:]|$|\b(?:in|for|with respect|regarding|when|on)\b))"
_PAIRS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\bcompare (?P<one>.+?) (?:and|with|to|against|versus) (?P<two>.+?){_END}",
        rf"\b(?:differences?|comparison|similarit(?:y|ies)) between (?P<one>.+?) and "
        rf"(?P<two>.+?){_END}",
        rf"^(?:\W*compare )?(?P<one>[^?.!,;:]+?) (?:vs\.?|versus) (?P<two>.+?){_END}",
        rf"\bcontrast (?P<one>.+?) (?:and|with) (?P<two>.+?){_END}",
        rf"\bhow (?:do|does|is|are) (?P<one>.+?) (?:compare[sd]? (?:to|with)|differ(?:ent)? from)"
        rf" (?P<two>.+?){_END}",
    )
)
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)
_ASKS = r"(?:what|how|why|when|where|which|who|whose)\b"
_TWO_QUESTIONS = re.compile(
    rf"(?:[,;]?(?<!\s)\s++and(?: also)?\s++|[?.!;]\s++)(?={_ASKS})", re.IGNORECASE
)
_POINTS_BACK = re.compile(r"\b(?:it|its|they|their|them|this|that|these|those)\b", re.IGNORECASE)
_SUBJECT = re.compile(
    rf"^{_ASKS}(?:\s++(?:is|are|was|were|do|does|did|can|has|have))?\s++(?P<subject>.+?)(?<!\s)"
    r"(?:\s++(?:published|released|introduced|proposed|made|trained|invented|developed))?$",
    re.IGNORECASE,
)


def compared(question: str, names: Sequence[str]) -> tuple[str, ...]:
    """What a question sets side by side in words that say so; empty where it compares nothing.

    Args:
        names: what it names beside "and", "vs" and the like.
    """
    if not _COMPARES.search(question):
        return ()
    for form in _PAIRS:
        if found := form.search(question):
            pair = tuple(
                _ARTICLE.sub("", found[group]).strip(" '’\"“”") for group in ("one", "two")
            )
            if all(0 < len(content_words(one)) <= 5 for one in pair):
                return pair
    return tuple(names)[:_MOST] if len(names) > 1 else ()


def two_questions(question: str) -> tuple[str, ...]:
    """The questions of a sentence that asks two or more; empty where it asks one.

    A later one that points back has the subject of the first put in front.
    """
    asked = [one.strip(" ?.!,;") for one in _TWO_QUESTIONS.split(question)]
    if not 1 < len(asked) <= _MOST or not re.match(_ASKS, asked[0], re.IGNORECASE):
        return ()
    subject = _SUBJECT.match(asked[0])
    out = [f"{asked[0]}?"]
    for one in asked[1:]:
        named = subject["subject"] if subject else ""
        own = _POINTS_BACK.sub(named.replace("\\", r"\\"), one, count=1) if named else one
        out.append(f"{own}?")
    return tuple(out) if all(content_words(one) for one in out) else ()


def parts(question: str, own: str, found: Found, sides: Sequence[str]) -> tuple[Part, ...]:
    """The parts of a question; empty where it has only one.

    Args:
        own: the part of the question that was typed last.
        found: what its asker is after.
        sides: what it compares.
    """
    topic = found.topic
    if found.intent == "pros and cons" and topic:
        good = f"advantages, benefits and strengths of {topic}"
        bad = f"disadvantages, limitations, risks and challenges of {topic}"
        return (
            Part(f"What speaks for {topic}", good, form=Form("for", topic)),
            Part(f"What speaks against {topic}", bad, form=Form("against", topic)),
        )
    if sides:
        return tuple(
            Part(side, f"What is {side}?", side, Form("definition", side)) for side in sides
        )
    if own != question:  # what was asked before was answered before
        return ()
    return tuple(Part(one, one, form=form_of(one)) for one in two_questions(own))
