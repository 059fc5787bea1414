"""Whether an answer is wished for in simple words, told apart from the question itself.

In "ELI5: why do planes fly?" and "why do planes fly, in simple words?" the wish stands before the
question or behind it. Of each way to cut some words off either end, a logistic regression tells
how likely they are such a wish, by their words, runs of two and three of them, and the word on the
other side of the cut. The examples lie in `data/simply.txt`, the weights in `data/simply.npz`;
`benchmarks/questions.py --simply` says how well it does on lines that were left out: of 1,830
wishes in 61 wordings that it had not seen 967 are cut off as they should be (.53), and of 3,464
questions without one none is cut. Of 1,238 further questions, labelled ones of three
courses and of SQuAD 2.0, none is (5 before `MOST_OTHERS`, which was made when they were seen).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from seminar_rag.question.learned import Weights, read_list, read_weights
from seminar_rag.text import CARDINALS, content_words

DATA = "simply"
WISH, REST = "wish", "rest"
LEAST = 0.5
"""How probable a wish must be."""
LONGEST = 13
"""Words and signs of a wish, at most."""
MOST_OTHERS = 1 / 3
"""Share of a wish's words, at most, that no example has."""
NUMBER = "number"
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[:,;.?!–-]")


class Wishes:
    """Finds the wish for simple words in a question."""

    def __init__(self, weights: Weights, known: Collection[str]) -> None:
        """Args:
        weights: of `shape`.
        known: the words that it shows.
        """
        self._weights = weights
        self._known = frozenset(known)

    def without(self, text: str) -> str:
        """A question without the wish for simple words; empty where it has none."""
        best, rest = LEAST, ""
        for left, asked, shown in cuts(text, self._known):
            if not self._worded(left):
                continue
            likely = self._weights.probabilities(shown)[WISH]
            if likely > best and content_words(asked):
                best, rest = likely, asked.lstrip(" ,:;.-–")
        return rest

    def _worded(self, left: str) -> bool:
        """Whether most words of what is cut off are those of wishes: "As of 26 January," is none,
        whatever its form."""
        own = [word for word in tokens(left) if word[0].isalpha() and word != NUMBER]
        return bool(own) and sum(word not in self._known for word in own) <= MOST_OTHERS * len(own)


def cuts(text: str, known: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Each way to cut words off either end of a text: these words, what is left, and how the cut is
    read."""
    found = list(_TOKEN.finditer(text))
    for at in range(1, min(len(found), LONGEST + 1)):
        before, after = text[: found[at].start()], text[found[at].start() :]
        yield before, after, shape(before, after, known, at_front=True)
        before, after = text[: found[-at].start()], text[found[-at].start() :]
        yield after, before.rstrip(" ,-–"), shape(after, before, known, at_front=False)


def shape(wish: str, asked: str, known: Collection[str], *, at_front: bool) -> str:
    """How a cut is read: the words cut off, and the nearest word of what is left."""
    own = [_look(word, known) for word in tokens(wish)]
    beside = tokens(asked)[:1] if at_front else tokens(asked)[-1:]
    near = [f"|{_look(word, known)}" for word in beside]
    words = ["<", *own, *near] if at_front else [*near, *own, ">"]
    return " ".join([*words, f"length={min(len(own), LONGEST) // 2}"])


def tokens(text: str) -> list[str]:
    """Words in lower case and signs; numbers by a word for all of them."""
    return [_one(found[0].lower().replace("’", "'")) for found in _TOKEN.finditer(text)]


def _one(word: str) -> str:
    return NUMBER if word.isdigit() or word in CARDINALS else word


def _look(word: str, known: Collection[str]) -> str:
    return word if word in known or not word[:1].isalnum() else "other"


@cache
def learned() -> Wishes:
    """What was fitted to all the examples."""
    return Wishes(read_weights(DATA)[0], read_list(DATA, "words"))
