"""A question that leans on the conversation → one that stands alone. Pure, by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.text import content_words, words
from seminar_rag.types import Turn

_OPENING = re.compile(
    r"^\W*(?:and|or|but|so|then|also|ok(?:ay)?|what about|how about|why(?: is that| so| not)?\W*$"
    r"|what else|which (?:one|ones)|for example|in what way|can you (?:explain|elaborate)"
    r"|more)(?!\w)",
    re.IGNORECASE,
)
_BACKWARD = frozenset(
    "it its they them their theirs this that these those he she his her him there former latter"
    " same other others another both ones instead".split()
)
_ASKED_OF_IT = re.compile(
    r"^[^,:;–—-]*\b(?:do|does|did|is|are|was|were|can|could|has|have|had|will|would)"
    r" (?:it|they|he|she|this|that|these|those)\b"
)
_ENDS_BACK = re.compile(r"\b(?:it|that|this|them|those|these|they)\W*$")
_ORDINAL = re.compile(r"\b(?:the|these|those) (?:first|second|third|last|other|two|three)\b")


def leans(question: str) -> bool:
    """Whether a question cannot be understood without the one before it."""
    if _OPENING.search(question):
        return True
    said = words(question)
    content = [word for word in content_words(question) if word not in _BACKWARD]
    if not content:
        return True
    lower = question.lower()
    if len(content) <= 3 and _ASKED_OF_IT.search(lower):
        return True
    if len(content) <= 2 and _ENDS_BACK.search(lower):
        return True
    # A pronoun after a noun of its own question ("how do I fix the tap when it drips") is at home.
    before = said[: said.index(content[0]) + 1]
    points_back = bool(_BACKWARD & set(before)) or bool(_ORDINAL.search(lower))
    return points_back and len(content) <= 6


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leans on put in front; unchanged where it stands alone.

    The earlier questions are used, not the answers: an answer's words would pull the search to
    the passages already shown.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    parts = [question.strip()]
    while asked and leans(parts[0]) and len(parts) < 3:
        parts.insert(0, asked.pop().strip())
    return " ".join(parts)


def asked_last(query: str, history: Sequence[Turn]) -> str:
    """Of what `standalone` made, the part that was typed last."""
    for turn in history:
        if turn.role == "user" and query.startswith(f"{turn.text.strip()} "):
            query = query[len(turn.text.strip()) + 1 :]
    return query
