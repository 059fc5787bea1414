"""Questions that the index can answer, made from its own sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seminar_rag.text import STOPWORDS
from seminar_rag.types import Passage

_SUBJECT = r"(?P<name>[A-Z][\w-]*(?: [\w-]+){0,3}?)"
_SHORT = r"(?: \((?P<short>[A-Z][\w-]{1,9})\))?"
_DEFINITION = re.compile(
    rf"^(?:The |A |An )?{_SUBJECT}{_SHORT} (?P<verb>is|are)"
    r" (?:an? |the )?(?:\w+[ -]){0,6}?(?:that|which|where|technique|method|family|process|model|"
    r"framework|algorithm|approach|way|task|mechanism|practice|attack)\b"
)
_VAGUE = STOPWORDS | frozenset(
    "one goal idea result results work approach method model key main problem way reason example"
    " answer question figure table section primer step important common another many several"
    " second first third part number they there it".split()
)


def questions(passages: Iterable[Passage], limit: int) -> list[tuple[str, Passage]]:
    """Up to `limit` "What is X?" questions, each from another document, with their passage."""
    out: list[tuple[str, Passage]] = []
    seen: set[str] = set()
    for passage in passages:
        if passage.document in seen or len(out) == limit:
            continue
        question = _question(passage)
        if question and question not in {asked for asked, _ in out}:
            seen.add(passage.document)
            out.append((question, passage))
    return out


def _question(passage: Passage) -> str | None:
    for sentence in passage.sentences:
        if sentence.kind != "paragraph":
            continue
        match = _DEFINITION.match(passage.quote(sentence))
        if match is None:
            continue
        name = match["name"]
        words = name.lower().split()
        if words[0] in _VAGUE or words[-1] in _VAGUE or len(name) < 3:
            continue
        # A sentence opens with a capital; only a name keeps it inside the question.
        first = name.split()[0]
        plain = first[1:].islower() and not match["short"]
        shown = name[0].lower() + name[1:] if plain and len(words) > 1 else name
        return f"What {match['verb']} {shown}?"
    return None
