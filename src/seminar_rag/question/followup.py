"""Rewrites a follow-up question so that it can be understood without the conversation.

Rules put the earlier questions in front; a language model rewrites the question where there is one
that reads the conversation within seconds.
"""

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
"""Takes question, conversation and stop; returns the question as it can be understood alone."""

READING_TIME = 0.5
"""Seconds that a language model may need to read the conversation; it writes for longer still. A
slower one is not asked, since the rules take no time."""
PATIENCE = 20.0
"""Seconds after which a model that does not answer is given up."""
_LONGEST = 80
"""Tokens of a rewritten question, at most."""
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


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with the earlier questions that it needs put in front of it.

    The answers are left out, since their words would lead the search back to the passages that
    they quote.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    parts = [question.strip()]
    while asked and leans(parts[0]) and len(parts) < 3:
        parts.insert(0, asked.pop().strip())
    return " ".join(parts)


def by_rules(question: str, history: Sequence[Turn], stop: Callable[[], bool]) -> str:  # noqa: ARG001
    """Does what `standalone` does, in the form of a `StandAlone`."""
    return standalone(question, history)


def asked_last(query: str, history: Sequence[Turn]) -> str:
    """The part that was typed last of a question that `standalone` made."""
    for turn in history:
        if turn.role == "user" and query.startswith(f"{turn.text.strip()} "):
            query = query[len(turn.text.strip()) + 1 :]
    return query


class Rewriter:
    """Has a language model rewrite a follow-up so that it can be understood alone.

    Its text is used only where it is one question made of the conversation's words. Otherwise, or
    where the model would take long, the rules decide.
    """

    def __init__(self, llm: LLM, clock: Callable[[], float] = time.monotonic) -> None:
        self._llm = llm
        self._completion = Completion(llm, PATIENCE, clock)

    def standalone(self, question: str, history: Sequence[Turn], stop: Callable[[], bool]) -> str:
        """The question as it can be understood alone, by the rules where the model is no help."""
        plain = standalone(question, history)
        if not history or not (leans(question) or len(content_words(question)) <= _SHORT):
            return plain
        prompt = _conversation(question, history)
        if self._llm.speed and self._llm.count(prompt) > READING_TIME * self._llm.speed:
            return plain
        rewritten = self._rewritten(prompt, stop)
        repeated = set(stems(rewritten)) <= set(stems(question))  # what it leans on is not told
        return rewritten if not repeated and _fits(rewritten, question, history) else plain

    def _rewritten(self, prompt: str, stop: Callable[[], bool]) -> str:
        try:
            text = self._completion.complete(INSTRUCTIONS, prompt, max_tokens=_LONGEST, stop=stop)
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
