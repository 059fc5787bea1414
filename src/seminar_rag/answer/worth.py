"""What a unit is worth as an answer to a question: a linear model over likeness and shape. Pure.

The weights were fitted on labelled questions of a seminar by a listwise softmax loss (ListNet,
Cao et al. 2007), over the units of the eight passages offered, and chosen by cross-validation
over questions. Those of definitions, counted things, percentages and list lengths, which few
questions need, were rounded by hand from such fits. A difference of d between two worths means
odds of e^d.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seminar_rag.answer.units import Unit
from seminar_rag.question.query import Query
from seminar_rag.text import NUMBER_WORD, stems
from seminar_rag.types import Hit

_COSINE = 1.2
"""For the likeness in meaning of the whole, -1 to 1."""
_NEAR = 18.3
"""For the likeness word by word, about 0 to 1; see `index.late`."""
_HOLDS = 2.0
"""For the share of the question that the unit repeats, as long as its meaning is not known."""
_NAMED = 6.0
"""For naming a side of a comparison, likewise."""
_SAID = 4.5
"""Off for the share of the question that the unit repeats: its words are near to themselves."""
_AROUND = 5.2
"""For the share of the question that stands around the unit: heading, title, lines above it."""
_PASSAGE = 2.7
"""For the share of the question that its whole passage holds."""
_FIRST, _FULL, _MANY = 2.2, 0.6, 2.2
_ASKS, _SHORT, _LISTED, _POINTS = 4.7, 2.5, 1.6, 1.8
_EXACT = 2.0
"""For a list of as many items as are asked for."""
_OPENS, _DEFINES, _COUNTS, _BESIDE, _PERCENT, _REASONS = 3.5, 3.0, 0.5, 3.0, 2.5, 0.8

_SHORTEST = 8
"""Words; less says little."""
_BEFORE = 3
"""Words that may stand before its term in a definition."""
_COUNTED = 4
"""Words from a number to what it counts, at most."""

_NAMES = 5
"""Words that may stand before it there: a longer name, "Definition 4:"."""

_NUMBER = re.compile(
    rf"\W*(?:\d|{NUMBER_WORD}\b)",
    re.IGNORECASE,
)
_SAYS_WHAT = (
    r"(?:(?:is|are|was|were)\b(?! (?:often|usually|not|also|more|less|better|worse|slower|faster"
    r"|still|only|much|very|too|(?!defin|call)\w+ed)\b)"
    r"|(?:refers? to|means?|denotes?|stands? for|describes?|measures?|can be (?:seen|defined))\b)"
)
_CAUSAL = re.compile(
    r"\b(?:because|since|due to|so that|in order to|as a result|therefore|leads? to|caus\w+|"
    r"reasons?|thus|hence|allows?|enables?)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:illustrated|shown|depicted|summari[sz]ed|listed|given|described) (?:below|above"
    r"|in (?:the )?(?:figure|fig\.|table|following))|(?:figure|table|image|diagram) (?:below|above)"
    r"|^(?:the )?(?:figure|table) \d",
    re.IGNORECASE,
)
"""Points to what a quotation does not show."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as units are weighed by it."""

    query: Query
    shares: Mapping[str, float]
    """The whole question's stems with their rarity, as shares of the sum."""

    def share(self, found: frozenset[str] | set[str]) -> float:
        """The share of the question that these stems hold, 0 to 1."""
        return sum(share for stem, share in self.shares.items() if stem in found)

    @property
    def counted(self) -> frozenset[str]:
        """Stems of what "how many …" asks the number of; none where it does not."""
        return frozenset(stems(self.query.number_of))


def plain_worth(asked: Asked, one: Unit, rank: int, hit: Hit) -> float:
    """What a unit is worth before its meaning is looked at; add `like_worth`.

    Args:
        rank: that of its passage among those offered, from 1.
        hit: its passage.
    """
    outline = f"{hit.passage.heading} {hit.document.title}"
    # The heading and the title tell what a sentence is about when it does not say so.
    around = set(stems(f"{one.context} {outline}")) - set(stems(one.text))
    return (
        _AROUND * asked.share(around)
        + _PASSAGE * asked.share(set(stems(f"{outline} {hit.passage.text}")))
        + _FIRST / rank
        + _FULL * min(one.words, 25) / 25
        + _MANY * (len(one.sentences) > 2)
        - _ASKS * one.text.endswith("?")
        - _SHORT * (one.words < _SHORTEST)
        - _LISTED * one.listed
        - _POINTS * bool(_POINTING.search(one.text))
        + _EXACT * (one.items > 0 and one.items == asked.query.items)
        + _shape(asked, one)
    )


def promise(asked: Asked, one: Unit, compared: Sequence[str] = ()) -> float:
    """What is to be added to the plain worth where only a part of the units can be looked at.

    Args:
        compared: the sides that the question compares; what names one must be looked at.
    """
    said = set(stems(one.text))
    names = [set(stems(name)) for name in compared]
    return _HOLDS * asked.share(said) + _NAMED * any(name and name <= said for name in names)


def like_worth(asked: Asked, one: Unit, cosine: float, near: float) -> float:
    """What a unit is worth for its likeness to the question.

    Args:
        cosine: of the whole, read below the lines above it.
        near: that of the question's words to the unit's own.
    """
    return _COSINE * cosine + _NEAR * near - _SAID * asked.share(set(stems(one.text)))


def _shape(asked: Asked, one: Unit) -> float:
    text = one.text
    if asked.query.term:
        opening = text.split()[: len(asked.query.term.split()) + _BEFORE]
        opened = set(stems(asked.query.term)) <= set(stems(" ".join(opening)))
        return _OPENS * opened + _DEFINES * defines(asked.query.term, one)
    if asked.query.wants_number:
        return (
            _COUNTS * bool(re.search(r"\d", text))
            + _BESIDE * _counts(text, asked.counted)
            + _PERCENT * ("%" in text and asked.query.wants_share)
        )
    if asked.query.asks_why:
        return _REASONS if _CAUSAL.search(text) else 0.0
    return 0.0


def defines(term: str, one: Unit) -> bool:
    """Whether a unit says what a term is: "TDB is a tool", "Locality: other facts stay"."""
    words = r"[\s-]+".join(re.escape(word) + "s?" for word in re.split(r"[\s-]+", term))
    named = rf"\W*(?:[\w-]+\W+){{0,{_NAMES}}}?\(?\b{words}\b\)?(?:\s*\([^)]*\))?\W{{0,2}}"
    if one.listed and re.fullmatch(named, one.label, re.IGNORECASE):
        return True
    says = rf"{named}\s*(?::|–|—|,(?=[^,]{{2,40}},)|\s-\s|{_SAYS_WHAT})"
    # "Low-rank adaptation, LoRA, freezes a model" introduces a short name.
    says += rf"|\W*(?:[\w-]+\W+){{1,{_NAMES}}}?(?<=[,(]\s){words}, "
    return any(re.match(says, text, re.IGNORECASE) for text in (one.text, one.said))


def _counts(text: str, things: frozenset[str]) -> bool:
    """Whether a number stands right before one of these things."""
    tokens = text.split() if things else []
    return any(
        _NUMBER.match(token) and things & set(stems(" ".join(tokens[i + 1 : i + 1 + _COUNTED])))
        for i, token in enumerate(tokens)
    )
