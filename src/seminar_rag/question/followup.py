"""A question that leans on the conversation → one that stands alone: by rules, and by a language
model where there is one that answers soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seminar_rag.errors import ModelError
from seminar_rag.models.llm import Completion
from seminar_rag.question.patterns import BACKWARD, leans, without_label
from seminar_rag.text import content_words, stems, unmarked
from seminar_rag.types import Turn

if TYPE_CHECKING:
    from seminar_rag.models.llm import LLM

StandAlone = Callable[[str, Sequence[Turn], Callable[[], bool]], str]
"""Question, conversation, stop → the question as it is searched for."""

WORTH = 3.0
"""Seconds that a model may need to read the conversation; a slower one is not asked: rules take
none, and the passages it has read would have to be read again."""
PATIENCE = 20.0
"""Seconds until a model that does not answer is given up."""
_LONGEST = 80
"""Tokens of a question."""
_EXCHANGES = 2
_SHORT = 5
"""Content words; a longer question says what it is about."""
_ANSWER = 80
"""Words of an earlier answer that are told."""
_KNOWN = 0.7
"""Share of the words of a new wording that must come from the conversation."""

INSTRUCTIONS = """\
You put a student's last question into words that can be understood without the conversation.
- Say what words such as "it", "they" or "the second one" stand for, in the conversation's words.
- Keep the question's language and meaning. Add nothing, and do not answer it.
- If it can be understood as it is, repeat it.
- Reply with the one question and nothing else."""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leans on put in front; unchanged where it stands alone.

    The earlier questions are used, not the answers: an answer's words would pull the search to
    the passages already shown.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    parts = [question.strip()]
    while asked and leans(parts[0]) and len(parts) < 3:
        parts.insert(0, asked.pop().strip())
    return " ".join(parts)


def by_rules(question: str, history: Sequence[Turn], stop: Callable[[], bool]) -> str:  # noqa: ARG001
    """`standalone` as a `StandAlone`."""
    return standalone(question, history)


def asked_last(query: str, history: Sequence[Turn]) -> str:
    """Of what `standalone` made, the part that was typed last."""
    for turn in history:
        if turn.role == "user" and query.startswith(f"{turn.text.strip()} "):
            query = query[len(turn.text.strip()) + 1 :]
    return query


class Rewriter:
    """Has a language model word a follow-up so that it stands alone.

    What it says is taken only where it is one question made of the conversation's words; else,
    or where it would take long, the rules decide.
    """

    def __init__(self, llm: LLM, clock: Callable[[], float] = time.monotonic) -> None:
        self._llm = llm
        self._completion = Completion(llm, PATIENCE, clock)

    def standalone(self, question: str, history: Sequence[Turn], stop: Callable[[], bool]) -> str:
        """As `standalone`, which it falls back on."""
        plain = standalone(question, history)
        if not history or not (leans(question) or len(content_words(question)) <= _SHORT):
            return plain
        told = _conversation(question, history)
        if self._llm.speed and self._llm.count(told) > WORTH * self._llm.speed:
            return plain
        worded = self._worded(told, stop)
        return worded if _fits(worded, question, history) else plain

    def _worded(self, told: str, stop: Callable[[], bool]) -> str:
        try:
            text = self._completion.complete(INSTRUCTIONS, told, max_tokens=_LONGEST, stop=stop)
        except ModelError:  # told when it is asked for the answer
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


def _fits(worded: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a new wording is made of what was said, and keeps what the question asks."""
    new = set(stems(worded))
    asked = {
        stem for word in content_words(question) if word not in BACKWARD for stem in stems(word)
    }
    known = set(stems(" ".join([question, *(turn.text for turn in history)])))
    if not new or len(worded.split()) > _LONGEST:
        return False
    return len(new & known) >= _KNOWN * len(new) and 2 * len(new & asked) >= len(asked)
