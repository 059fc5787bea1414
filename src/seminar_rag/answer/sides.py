"""What a question sets side by side: "soft vs hard compression", "chains, trees and graphs". Pure.

Names and works (`index.aspects`) are found by how they are written; here sides are found by what
joins them, so that common nouns and adjectives count as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from seminar_rag.question.aspects import compares, named
from seminar_rag.text import content_words, stems

_TOKEN = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*|[,:;?!()]")
_VERSUS = frozenset({"vs", "versus"})
_JOINS = frozenset({*_VERSUS, "and", "or"})
_COMPARES = re.compile(
    r"\b(?:vs|versus|compar\w+|differ\w*|each|both|respectively|between|agree\w*)\b"
    r"|\w, (?:[\w-]+ ){0,2}[\w-]+,? (?:and|or)\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:vs|versus|compar\w+|differ\w*|between|contrast\w*|distinguish\w*|main|tell|apart)\b",
    re.IGNORECASE,
)
_TOWARDS = re.compile(r"(?:compared (?:to|with)|differ(?:s|ent)? from|rather than)$")
_WIDEST = 3
"""Words of a side at most."""
_SKIPPED = 4
"""Small words that may stand between what joins and the side it joins."""
_NAME = re.compile(r"[A-Z\d]")


def sides(question: str) -> tuple[str, ...]:
    """Two or more, as written, in order; empty where nothing is set side by side.

    Of several words a side keeps those that the other sides lack: "soft vs hard compression" has
    the sides "soft" and "hard".
    """
    joined = _joined(question)
    names = named(question) if compares(question) else ()
    written = joined and all(_NAME.search(side) for side in joined)
    if written or len(names) < 2 or (joined and _VERSUS & set(question.lower().split())):
        return joined
    return names


def only_differ(question: str, compared: Sequence[str]) -> bool:
    """Whether a question wants to know how its sides differ, and nothing more of them."""
    rest = set(stems(_DIFFERENCE.sub(" ", question))) - set(stems(" ".join(compared)))
    return bool(compared) and not rest


def _joined(question: str) -> tuple[str, ...]:
    tokens = _TOKEN.findall(question)
    at = _join(question, [token.lower() for token in tokens])
    if at is None:
        return ()
    before, after = tokens[: at[0]], tokens[at[1] :]
    if before[-1:] == [","]:
        before = before[:-1]
    left, right = _sides_of(before[::-1], {*_JOINS, ","}), _sides_of(after, _JOINS)
    found = [side[::-1] for side in left[::-1]] + right
    if not left or not right:
        return ()
    return tuple(dict.fromkeys(_distinct(found, i) for i in range(len(found))))


def _join(question: str, tokens: Sequence[str]) -> tuple[int, int] | None:
    """Where the sides are joined, as a span of tokens."""
    weak: tuple[int, int] | None = None
    for i in range(1, len(tokens) - 1):
        if tokens[i] in _VERSUS:
            return i, i + 1
        if _TOWARDS.search(" ".join(tokens[i - 1 : i + 1])):
            return i - 1, i + 1
        if weak is None and tokens[i] in ("and", "or") and _COMPARES.search(question):
            weak = i, i + 1
    return weak


def _sides_of(tokens: Sequence[str], joins: Collection[str]) -> list[list[str]]:
    """The sides that come one after the other, the nearest to the join first."""
    found: list[list[str]] = []
    at = 0
    while at < len(tokens) and at < _SKIPPED and not found and not _carries(tokens[at]):
        if not tokens[at][0].isalnum():
            return []
        at += 1
    while at < len(tokens):
        run: list[str] = []
        while at < len(tokens) and len(run) < _WIDEST and _carries(tokens[at]):
            run.append(tokens[at])
            at += 1
        if not run:
            break
        found.append(run)
        if at == len(tokens) or tokens[at].lower() not in joins:
            break
        while at < len(tokens) and tokens[at].lower() in joins:
            at += 1
    return found


def _carries(token: str) -> bool:
    return bool(content_words(token)) and not _COMPARES.fullmatch(token)


def _distinct(found: Sequence[Sequence[str]], index: int) -> str:
    """What of a side the others lack; at the open ends only what stands next to the join."""
    others = {word.lower() for i, side in enumerate(found) if i != index for word in side}
    own = [word for word in found[index] if word.lower() not in others] or list(found[index])
    sizes = {len(side) for side in found}
    if len(sizes) > 1 or _WIDEST in sizes or len({*others, *own}) < sum(map(len, found)):
        names = [word for word in own if _NAME.search(word)]
        if index == 0:
            own = names if own[-1] in names else own[-1:]
        elif index == len(found) - 1:
            own = names if own[0] in names else own[:1]
    return " ".join(own)
