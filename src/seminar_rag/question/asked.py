"""What kind of answer a question wants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.question.patterns import wants_number
from seminar_rag.text import CARDINALS, stems

_HOW_MANY = re.compile(
    r"\bhow (?:many|much) ((?:[\w-]+ ){0,3}?[\w-]+)(?= (?:do|does|did|is|are|was|were|can|could"
    r"|will|would|should|has|have|had|of|in|on|to|from|by|with|for|per|there|they|you|it|the|an?)\b"
    r"|\W*$)",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"\b(?:percent\w*|share|fraction|proportion|how much|rate|accuracy)\b|%", re.IGNORECASE
)
_HOW_LONG = re.compile(
    r"\b(?:what|which|name|list)\b(?: [\w'’-]+){0,3}? "
    r"(two|three|four|five|six|seven|eight|nine|ten|[2-9]|10)\b",
    re.IGNORECASE,
)
_TERM = re.compile(
    r"^\W*(?:(?:and|so|ok|okay|then)\W+)*(?:(?:what|how) about|what(?:['’]?s| is| are| was| were"
    r"| does| do)|define|explain) (?:an? |the )?((?:[\w-]+ ){0,3}?[\w-]+)"
    r"(?: mean| stand for| measure| refer to)?(?: (?:in|according to|again|and (?:why|how))\b.*)?"
    r"\W*$",
    re.IGNORECASE,
)
_WHY = re.compile(r"\b(?:why|how come|what makes|reason)\b", re.IGNORECASE)
_AUTHORS = re.compile(
    r"\bwho (?:wrote|authored|published|proposed|(?:is|are|was|were) (?:the )?(?:\w+ )?authors?)\b"
    r"|\bauthors? of\b|\bwritten by (?:whom|who)\b|\bby whom\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:vs|versus|compar\w+|differ\w*|between|contrast\w*|distinguish\w*|main|tell|apart)\b",
    re.IGNORECASE,
)


def term(question: str) -> str:
    """What a definition is asked of; empty where none is, or where a number is asked for."""
    found = _TERM.search(question)
    return found[1] if found and not wants_number(question) else ""


def wants_share(question: str) -> bool:
    """Whether a percentage or another share is asked for."""
    return bool(_SHARE.search(question))


def items(question: str) -> int:
    """How many things "which three …" asks for; 0 where it does not say."""
    found = _HOW_LONG.search(question)
    if not found:
        return 0
    number = found[1].lower()
    return int(number) if number.isdigit() else CARDINALS[number]


def how_many(question: str) -> str:
    """What "how many …" asks the number of; empty where it does not."""
    found = _HOW_MANY.search(question)
    return found[1] if found else ""


def asks_why(question: str) -> bool:
    """Whether a reason is asked for."""
    return bool(_WHY.search(question))


def asks_authors(question: str) -> bool:
    """Whether the question is who wrote something."""
    return bool(_AUTHORS.search(question))


def only_differ(question: str, compared: Sequence[str]) -> bool:
    """Whether a question wants to know how its sides differ, and nothing more of them."""
    rest = set(stems(_DIFFERENCE.sub(" ", question))) - set(stems(" ".join(compared)))
    return bool(compared) and not rest
