"""What a question about the course's calendar asks for: readings, what is due, when, whether.

Whoever knows the course puts `PERIOD` for the words that name a time, "before the midterm", and
`EVENT` for those that name an event, "the midterm"; a logistic regression over what is left tells
the kind, learned from the examples in `data/schedule.txt`. `benchmarks/questions.py --schedule`
says how well it does on lines that were left out; `--fit --schedule` fits it.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

from seminar_rag.question import followup
from seminar_rag.question.learned import Weights, read_list, read_weights

Asked = Literal["readings", "due", "when", "class", "sessions"]
"""What of a time or an event is asked for."""

DATA = "schedule"
NONE = "none"
"""The class of what the readings' text answers, or nothing."""
PERIOD, EVENT = "theperiod", "theevent"
LEAST = 0.6
"""How probable a kind must be."""


class Calendar:
    """Tells what a question about the calendar asks for."""

    def __init__(self, weights: Weights, known: frozenset[str]) -> None:
        """Args:
        weights: of `followup.shape`.
        known: the words that it shows.
        """
        self._weights = weights
        self._known = known

    def of(self, text: str) -> Asked | None:
        """What a question asks for; None where that is none of these, or in doubt.

        Args:
            text: the question with `PERIOD` and `EVENT` in it.
        """
        probable = self._weights.probabilities(followup.shape(text, self._known))
        best = max(probable, key=probable.__getitem__)
        return next((a for a in get_args(Asked) if a == best and probable[best] > LEAST), None)

    def knows(self, text: str) -> bool:
        """Whether all words of a question belong to the wording of some question about the
        calendar, so that it has no subject of its own."""
        own = followup.tokens(text)
        return len(own) > 1 and own <= self._known


@cache
def learned() -> Calendar:
    """What was fitted to all the examples."""
    return Calendar(read_weights(DATA)[0], frozenset(read_list(DATA, "words")))
