"""Which units an answer quotes together: the best, what adds to them, both sides of a comparison.

Greedy, as in maximal marginal relevance (Carbonell & Goldstein 1998). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seminar_rag.answer.units import Unit
from seminar_rag.answer.worth import Asked, defines
from seminar_rag.text import stems
from seminar_rag.types import Hit

MOST = 4
"""Units quoted at most."""
_LENGTH = 130
"""Words of an answer from which nothing is added."""
_WORSE = 3.0
"""A further unit may be worth so much less than the best one."""
_TOO_ALIKE = 0.55
"""Share of common stems from which two units say the same."""
_ADDS = 1.0
"""For the share of the question's words that a further unit is the first to hold."""
_ELSEWHERE = 2.0
"""Off for standing under another heading than what is quoted, without a further word of the
question."""
_SIDE = 2.0
"""For being the first to speak of one of the sides that are compared."""
_OPENS = 1.0
"""For beginning with its name, likewise."""
_OTHER = 3.0
"""For being the first to say what such a side is, where no number is asked for."""
_DEFINED, _NAMES_ALL = 1.5, 0.7
"""For saying what a side is, the first or not, and for naming all of them, likewise."""
_DIFFER = 3.0
"""Times as much where nothing but their difference is asked."""
_OPENING = 4
"""Words in which a unit names what it speaks of."""


@dataclass(frozen=True, slots=True)
class Speaks:
    """Which of the sides of a question a unit speaks of, and which it defines, by index."""

    of: frozenset[int] = frozenset()
    defines: frozenset[int] = frozenset()
    names_all: bool = False
    opens: bool = False
    """The unit begins with the name of a side."""


def speak_of(
    candidates: Sequence[Unit], hits: Mapping[int, Hit], compared: Sequence[str]
) -> list[Speaks]:
    """For each unit the sides in its words or, where that tells units apart, in its outline; a
    unit that begins with one side speaks of that one, whatever it compares it to."""
    names = [(name, _key(name)) for name in compared]
    names = [(name, stem) for name, stem in names if stem]
    if len(names) < 2:
        return [Speaks()] * len(candidates)
    own = [set(stems(one.text)) for one in candidates]
    full = [
        said | set(stems(f"{hit.document.title} {hit.passage.heading} {one.context}"))
        for one, said, hit in zip(
            candidates, own, (hits[one.hit] for one in candidates), strict=True
        )
    ]
    telling = [not all(stem <= said for said in full) for _, stem in names]
    out = []
    for one, said, outlined in zip(candidates, own, full, strict=True):
        first = set(stems(" ".join(one.said.split()[:_OPENING])))
        of = frozenset(
            i for i, (_, stem) in enumerate(names) if stem <= (outlined if telling[i] else said)
        )
        begun = frozenset(i for i in of if names[i][1] <= first)
        defined = frozenset(i for i, (name, _) in enumerate(names) if defines(name, one))
        every = all(stem <= said for _, stem in names)
        out.append(Speaks(begun or of, defined, every, bool(begun)))
    return out


def _key(name: str) -> frozenset[str]:
    """The stems of a name, its version left out: "Mixtral 8x7B" is called Mixtral as well."""
    found = frozenset(stems(name))
    return frozenset(one for one in found if not any(map(str.isdigit, one))) or found


def choose(
    candidates: Sequence[Unit],
    worth: Sequence[float],
    asked: Asked,
    speaks: Sequence[Speaks],
    where: Sequence[str],
    *,
    differ: bool = False,
) -> list[Unit]:
    """Greedily, the best first; stops at what is much worse, says the same or makes it long.

    Args:
        where: for each candidate what it stands under, document and heading.
        differ: the question asks how its sides differ and nothing more, so what says what they
            are, or sets them side by side, comes before all else.
    """
    own = [frozenset(stems(f"{one.context} {one.text}")) for one in candidates]
    if not asked.query.wants_number:
        more = _DIFFER if differ else 1.0
        worth = [
            value + more * (_DEFINED * bool(one.defines) + _NAMES_ALL * one.names_all)
            for value, one in zip(worth, speaks, strict=True)
        ]
    floor = max(worth) - _WORSE
    chosen: list[int] = []
    while len(chosen) < MOST:
        said = frozenset[str]().union(*(own[i] for i in chosen))
        there = {where[i] for i in chosen}
        told = frozenset[int]().union(*(speaks[i].of for i in chosen))
        defined = frozenset[int]().union(*(speaks[i].defines for i in chosen))
        length = sum(candidates[i].words for i in chosen)
        gain = [
            value
            + (_SIDE + _OPENS * one.opens) * bool(chosen and one.of - told)
            + _OTHER * bool(chosen and one.defines - defined and not asked.query.wants_number)
            for value, one in zip(worth, speaks, strict=True)
        ]
        adds = [asked.share(one - said) for one in own]
        least = [
            floor + _ELSEWHERE * bool(chosen and place not in there and not more)
            for place, more in zip(where, adds, strict=True)
        ]
        open_ = [
            i
            for i in range(len(candidates))
            if gain[i] >= least[i]
            and (not chosen or length + candidates[i].words <= _LENGTH)
            and not any(_alike(candidates[i], candidates[j]) for j in chosen)
        ]
        if not open_:
            break
        chosen.append(max(open_, key=lambda i: gain[i] + _ADDS * adds[i]))
    return [candidates[i] for i in chosen]


def _alike(one: Unit, other: Unit) -> bool:
    if one.hit == other.hit and set(one.sentences) & set(other.sentences):
        return True
    a, b = set(stems(one.text)), set(stems(other.text))
    shared = len(a & b)
    return shared >= _TOO_ALIKE * len(a | b) or shared >= 0.85 * (min(len(a), len(b)) or 1)
