"""What a follow-up takes over from the question before it: its subject, or a comparison.

"What are its drawbacks?" asks about what the question before was about, and after a comparison
about one of its sides: nothing is compared then. "Which one is cheaper?" goes on comparing. Which
of the two a question does is learned from `data/comparisons.txt`, as for follow-ups: a logistic
regression over its words and runs of two and three. Of 60 questions worded after the examples were
complete 56 are told (.93 [.84, .97]); before, all 60 went on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from seminar_rag.question import patterns
from seminar_rag.question.followup import shape, tokens
from seminar_rag.question.forms import defined
from seminar_rag.question.intent import PLAIN, learned
from seminar_rag.question.learned import Weights, read_weights
from seminar_rag.question.parts import compared, subject
from seminar_rag.question.pronouns import POINTS
from seminar_rag.text import stems
from seminar_rag.types import Turn

DATA = "comparisons"
"""Name of the examples and of the weights that were fitted to them."""
_LONGEST = 4
"""Words of a subject; of more it is not clear that all of them are it."""
GOES_ON, TURNS = "goes on", "turns"


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


def referent(history: Sequence[Turn], asked: str = "") -> str:
    """What "it" stands for after a conversation, as written there; empty where that is not clear.

    Of things that were compared it is the one that is asked about, or the first. A question that
    points back itself leaves it to the one before.
    """
    for turn in reversed(history):
        if turn.role == "user":
            named = _about(turn.text, asked)
            if named or not POINTS.search(turn.text):
                return named
    return ""


def _about(before: str, asked: str) -> str:
    """What a question is about, as written; empty where that is not clear."""
    if sides := compared(before, patterns.sides(before)):
        return [*_named(sides, asked), *sides][0]
    found = learned().of(before)
    named = found.topic
    if found.intent == PLAIN:
        named = defined(before) or subject(before.strip(" ?.!"))
    return "" if POINTS.search(named) or len(named.split()) > _LONGEST else named


@cache
def _weights() -> Weights:
    return read_weights(DATA)[0]


def compared_again(before: str, own: str) -> bool | None:
    """Whether a follow-up goes on comparing what the question before it compared; None where that
    compared nothing, or the follow-up says itself what it compares. One that names one side asks
    about that."""
    sides = compared(before, patterns.sides(before))
    if not sides or compared(own, patterns.sides(own)):
        return None
    return len(_named(sides, own)) != 1 and goes_on(own)


def _named(sides: Sequence[str], text: str) -> list[str]:
    """The sides that a text names."""
    said = set(stems(text))
    return [side for side in sides if said.issuperset(stems(side))]
