"""Tells a follow-up question, and rewrites it so that it can be understood by itself.

Whether a question leans on the one before it is learned from the 2,184 examples in
`data/followups.txt`: a logistic regression over its words, runs of two and three, and its vector.
A word that few examples have counts as a name or as any other word, so that what a seminar is
about makes no difference. Of 100 questions in twenty other seminars, written apart from the
examples, the weights of 2,068 of them told 39 of 50 follow-ups (.78 [.65, .87]) and took 3 of 50
others for one; by words alone, where another embedding model is used, 35 and 7. Patterns, as
before, told 14 and took 4. The last 116 are of two questions in one; left out in turn, 1,003 of
1,087 follow-ups and 67 of 1,097 others are taken for follow-ups.

The earlier questions are then put in front; a language model rewrites the question where there is
one that reads the conversation within seconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from seminar_rag.errors import ModelError
from seminar_rag.models.llm import Completion
from seminar_rag.question.language import language_of
from seminar_rag.question.learned import Weights, read_weights
from seminar_rag.question.patterns import BACKWARD, without_label
from seminar_rag.text import content_words, stems, unmarked
from seminar_rag.types import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seminar_rag.models.llm import LLM

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

StandAlone = Callable[[str, Sequence[Turn], Callable[[], bool]], str]
"""Takes question, conversation and stop; returns the question as it can be understood alone."""

DATA, DATA_EMBEDDED = "followups", "followups-embedded"
"""Names of the examples and of the weights that were fitted to them, and of those that were fitted
to the examples' vectors too."""
EMBEDDED_BY = "all-MiniLM-L6-v2"
"""The model of these vectors."""
LEANS = "leans"
LEAST = 0.5
"""How probable it must be that a question leans on another."""
_MOST_PARTS = 3
"""Questions that are put together, at most."""
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[,;:]")
_NAME = re.compile(r"\d|.[A-Z]")
"""What a name or a number looks like wherever it stands."""
_MOST_UNKNOWN, _LONGEST_SHAPE = 8, 24
"""From how many on it makes no difference."""
_NAMED, _OTHER = "Name", "Other"
"""What stands for the words that are not known, which are in lower case."""
READING_TIME = 0.5
"""Seconds that a language model may need to read the instructions and the conversation; it writes
for longer still. A slower one is not asked, since putting questions in front takes none."""
PATIENCE = 20.0
"""Seconds after which a model that does not answer is given up."""
_LONGEST = 80
"""Tokens of a rewritten question, at most."""
_LONGEST_FOREIGN = 300
"""Characters of a question that is translated, at most."""
_EXCHANGES = 2
"""Exchanges of the conversation that the model is shown."""
_SHORT = 5
"""Content words up to which a question may lack its subject."""
_ANSWER = 80
"""Words of an earlier answer that the model is shown."""
_KNOWN = 0.7
"""Share of the words of a rewritten question that must come from the conversation."""

INSTRUCTIONS = """\
You put a student's last question into words that can be understood without the conversation.
- Say what words such as "it", "they" or "the second one" stand for, in the conversation's words.
- Keep the question's language and meaning. Add nothing, and do not answer it.
- If it can be understood as it is, repeat it.
- Reply with the one question and nothing else."""
TRANSLATING = """\
You translate a student's question into English. Keep names as they are, add nothing, and do not \
answer it. Reply with the one question and nothing else."""


def tokens(question: str) -> set[str]:
    """A question's words in lower case, as `shape` takes known ones."""
    return {_lower(token) for token in _TOKEN.findall(question)}


def _lower(token: str) -> str:
    return token.lower().replace("’", "'")


def shape(question: str, known: Collection[str]) -> str:
    """A question's words, those that are not known by what they look like, and how many these are.

    Args:
        known: words in lower case.
    """
    out, unknown = ["<"], 0
    for at, token in enumerate(_TOKEN.findall(question)):
        if (lower := _lower(token)) in known:
            out.append(lower)
            continue
        unknown += 1
        named = _NAME.search(token) or (at and token[0].isupper())
        out.append(_NAMED if named else _OTHER)
    length = min(len(out) - 1, _LONGEST_SHAPE) // 2
    return " ".join([*out, ">", f"unknown={min(unknown, _MOST_UNKNOWN)}", f"length={length}"])


class FollowUps:
    """Tells a follow-up, and puts the questions in front of it that it needs."""

    def __init__(self, embed: Embed | None = None) -> None:
        """Args:
        embed: texts → unit vectors of the model that the weights know, as `EMBEDDED_BY` says; None
            where there is another one, so that the words alone decide.
        """
        self._embed = embed

    def __call__(
        self, question: str, history: Sequence[Turn], stop: Callable[[], bool] = lambda: False
    ) -> str:
        """The question with the earlier questions that it needs put in front of it.

        The answers are left out, since their words would lead the search back to the passages that
        they quote.
        """
        asked = [turn.text for turn in history if turn.role == "user"]
        parts = [question.strip()]
        while asked and self.leans(parts[0]) and len(parts) < _MOST_PARTS and not stop():
            parts.insert(0, asked.pop().strip())
        return " ".join(parts)

    def leans(self, question: str) -> bool:
        """Whether a question cannot be understood without the one before it."""
        return self.leaning(question) > LEAST

    def leaning(self, question: str) -> float:
        """How probable it is that a question leans on the one before it."""
        weights = _weights(embedded=self._embed is not None)
        vector = self._embed([question])[0] if self._embed else None
        return weights.probabilities(shape(question, weights.terms), vector)[LEANS]


standalone = FollowUps()
"""Puts questions in front as the words alone decide."""


@cache
def _weights(*, embedded: bool) -> Weights:
    return read_weights(DATA_EMBEDDED if embedded else DATA)[0]


def asked_last(query: str, history: Sequence[Turn]) -> str:
    """The part that was typed last of a question that `standalone` made."""
    for turn in history:
        if turn.role == "user" and query.startswith(f"{turn.text.strip()} "):
            query = query[len(turn.text.strip()) + 1 :]
    return query


class Rewriter:
    """Has a language model rewrite questions: a follow-up so that it can be understood alone, one
    of another language than the readings in theirs.

    What it makes of a follow-up is used only where it is one question made of the conversation's
    words. Otherwise, or where the model would take long, the earlier questions are put in front.
    """

    def __init__(
        self,
        llm: LLM,
        followups: FollowUps = standalone,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._llm = llm
        self._followups = followups
        self._completion = Completion(llm, PATIENCE, clock)

    def standalone(self, question: str, history: Sequence[Turn], stop: Callable[[], bool]) -> str:
        """The question as it can be understood alone, earlier ones put in front where the model is
        no help."""
        plain = self._followups(question, history)
        leans = plain != question.strip()
        if not history or not (leans or len(content_words(question)) <= _SHORT):
            return plain
        prompt = _conversation(question, history)
        speed = self._llm.speed
        if speed and self._llm.count(INSTRUCTIONS + prompt) > READING_TIME * speed:
            return plain
        rewritten = self._one_line(INSTRUCTIONS, prompt, stop)
        repeated = set(stems(rewritten)) <= set(stems(question))  # what it leans on is not told
        return rewritten if not repeated and _fits(rewritten, question, history) else plain

    def in_english(
        self, question: str, titles: Iterable[str], stop: Callable[[], bool] = lambda: False
    ) -> str:
        """A question in English where the readings are and it is not; empty where it need not be
        translated, or the model is no help.

        Args:
            titles: those of the readings.
        """
        if language_of(question) in ("", "en") or len(question) > _LONGEST_FOREIGN:
            return ""
        if language_of(" ".join(titles)) not in ("", "en"):
            return ""
        prompt = f"Question: {question.strip()}\nIn English:"
        told = self._one_line(TRANSLATING, prompt, stop)
        whole = told.endswith("?") >= question.rstrip().endswith("?")  # else its time ran out
        return told if whole and language_of(told) == "en" and not stop() else ""

    def _one_line(self, instructions: str, prompt: str, stop: Callable[[], bool]) -> str:
        try:
            text = self._completion.complete(instructions, prompt, max_tokens=_LONGEST, stop=stop)
        except ModelError:  # reported when the model is asked for the answer
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return without_label(lines[0]).strip(' "“”*') if lines else ""


def _conversation(question: str, history: Sequence[Turn]) -> str:
    lines = []
    for turn in history[-2 * _EXCHANGES :]:
        said = unmarked(turn.text).split()
        who = "Student" if turn.role == "user" else "Answer"
        lines.append(f"{who}: {' '.join(said[:_ANSWER])}")
    return "\n".join(
        ["Conversation:", *lines, "", f"Last question: {question.strip()}", "In other words:"]
    )


def _fits(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a rewritten question is made of the conversation and keeps the question's words."""
    new = set(stems(rewritten))
    asked = {
        stem for word in content_words(question) if word not in BACKWARD for stem in stems(word)
    }
    known = set(stems(" ".join([question, *(turn.text for turn in history)])))
    if not new or len(rewritten.split()) > _LONGEST:
        return False
    return len(new & known) >= _KNOWN * len(new) and 2 * len(new & asked) >= len(asked)
