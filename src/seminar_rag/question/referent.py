"""What a follow-up takes over from the question before it: its subject, or a comparison.

"What are its drawbacks?" asks about what the question before was about, and after a comparison
about one of its sides: nothing is compared then. "Which one is cheaper?" goes on comparing. Which
of the two a question does is learned from `data/comparisons.txt`, as for follow-ups: a logistic
regression over its words and runs of two and three. Of 60 questions worded after the examples were
complete 56 are told (.93 [.84, .97]); before, all 60 went on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from seminar_rag.question import patterns
from seminar_rag.question.followup import shape, tokens
from seminar_rag.question.forms import defined
from seminar_rag.question.intent import PLAIN, learned
from seminar_rag.question.learned import Weights, read_weights
from seminar_rag.question.parts import compared, subject
from seminar_rag.types import Turn

DATA = "comparisons"
"""Name of the examples and of the weights that were fitted to them."""
_LONGEST = 4
"""Words of a subject; of more it is not clear that all of them are it."""
GOES_ON, TURNS = "goes on", "turns"
_ITS = re.compile(r"\b[Ii]ts\s+(\w+)")
_IT = re.compile(r"\b(?:[Ii]t|that one|this one)(?!\w|['’])")
_ITSELF = re.compile(r"\b(?:is|was|does|did|has|makes?|takes?)\s+(?:it|that)\s+(?:that|to)\b", re.I)
"""Where "it" stands for nothing: "why is it that", "does it take to"."""
_POINTS = re.compile(r"\b(?:it|its|they|their|them|this|that|these|those)\b", re.IGNORECASE)


def rows(examples: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the weights are fitted to: pairs (class, shape). Every word of theirs is known."""
    examples = list(examples)
    known = {word for _, text in examples for word in tokens(text)}
    return [(name, shape(text, known)) for name, text in examples]


def goes_on(question: str) -> bool:
    """Whether a question after a comparison compares the same things further."""
    weights = _weights()
    found = weights.probabilities(shape(question, weights.terms))
    return found[GOES_ON] > found[TURNS]


def referent(history: Sequence[Turn]) -> str:
    """What "it" stands for after a conversation, as written there; empty where that is not clear.

    Of things that were compared it is the first. A question that points back itself leaves it to
    the one before.
    """
    for turn in reversed(history):
        if turn.role == "user":
            named = _about(turn.text)
            if named or not _POINTS.search(turn.text):
                return named
    return ""


def _about(before: str) -> str:
    """What a question is about, as written; empty where that is not clear."""
    if sides := compared(before, patterns.sides(before)):
        return sides[0]
    found = learned().of(before)
    named = found.topic
    if found.intent == PLAIN:
        named = defined(before) or subject(before.strip(" ?.!"))
    return "" if _POINTS.search(named) or len(named.split()) > _LONGEST else named


def in_place(question: str, named: str) -> str:
    """A question with what "it" stands for put in its place, as it is where there is none."""
    if not named or _ITSELF.search(question):
        return question
    whole = _ITS.sub(lambda its: f"the {its[1]} of {named}", question)
    return _IT.sub(lambda _: named, whole)


@cache
def _weights() -> Weights:
    return read_weights(DATA)[0]


def compared_again(before: str, own: str) -> bool | None:
    """Whether a follow-up goes on comparing what the question before it compared; None where that
    compared nothing, or the follow-up says itself what it compares."""
    if compared(own, patterns.sides(own)) or not compared(before, patterns.sides(before)):
        return None
    return goes_on(own)
