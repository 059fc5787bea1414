"""What a language model was told in a conversation, so that a follow-up tells it only what is new.

A prompt that goes on from the one before is read only from there on: llama.cpp keeps what it has
read, and so does llama-server. So a follow-up adds its question, and what of the passages found for
it was not shown yet, to the instructions, passages, question and answer that stand there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seminar_rag.answer.excerpts import Excerpt
from seminar_rag.text import unmarked
from seminar_rag.types import Hit, Turn

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

MOST = 64
"""Conversations that are kept; the one that was left alone for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation up to an answer, as the model was told it."""

    messages: tuple[ChatMessage, ...]
    """The last one is the answer as the model wrote it, or what is quoted instead."""
    shown: tuple[Excerpt, ...]
    """What it was shown of the passages."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The passages that it was shown, each once, in the order of their numbers."""
        return tuple({one.hit.passage.id: one.hit for one in self.shown}.values())

    @property
    def sentences(self) -> frozenset[tuple[str, int]]:
        """What it was shown, as `excerpts` takes what is known."""
        return frozenset((one.hit.passage.id, at) for one in self.shown for at in one.sentences)


class Conversations:
    """The conversations of all students, found again by their last question and answer."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], Told] = OrderedDict()
        self._lock = threading.Lock()

    def after(self, history: Sequence[Turn]) -> Told | None:
        """What the model was told up to the last answer of a conversation; None where that is not
        known, as for an answer that it did not write."""
        if [turn.role for turn in history[-2:]] != ["user", "assistant"]:
            return None
        key = _key(history[-2].text, history[-1].text)
        with self._lock:
            if key in self._told:
                self._told.move_to_end(key)
            return self._told.get(key)

    def kept(
        self,
        question: str,
        answer: Generator[str],
        conversation: Callable[[], Sequence[ChatMessage]],
        shown: tuple[Excerpt, ...],
    ) -> Iterator[str]:
        """Pass an answer on as it comes, and keep what the model was told once it is complete.

        Args:
            answer: as the student sees it.
            conversation: what the model was told, up to the complete answer; empty without one.
            shown: what it was shown of the passages.
        """
        seen = []
        with closing(answer):
            for chunk in answer:
                seen.append(chunk)
                yield chunk
        if said := tuple(conversation()):
            with self._lock:
                self._told[_key(question, "".join(seen))] = Told(said, shown)
                while len(self._told) > MOST:
                    self._told.popitem(last=False)


def answered(told: Sequence[ChatMessage], written: Sequence[str]) -> Sequence[ChatMessage]:
    """A conversation with what was written, or is quoted instead, as its answer; empty without."""
    from llama_index.core.base.llms.types import ChatMessage

    text = unmarked("".join(written)).strip()
    return (*told, ChatMessage(text, role="assistant")) if text else ()


def _key(question: str, answer: str) -> tuple[str, str]:
    return " ".join(question.split()), " ".join(unmarked(answer).split())
