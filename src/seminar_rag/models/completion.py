"""A streaming language model, asked for one short text in a given form."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from seminar_rag.errors import ModelError

if TYPE_CHECKING:
    from seminar_rag.models.llm import LLM

PATIENCE = 180.0
"""Seconds until a text that does not come is given up."""


class Completion:
    """What a verifier needs of a language model (see `check.judge.Writer`), and what puts a
    follow-up into words."""

    def __init__(
        self,
        llm: LLM,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        patience: seconds until a text that does not come is given up.
        """
        self._llm = llm
        self._patience = patience
        self._clock = clock
        self.name = llm.name
        self.context = llm.context
        self.count = llm.count

    def complete(
        self,
        system: str,
        user: str,
        *,
        grammar: str = "",
        max_tokens: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> str:
        """The answer to a message, limited by the grammar where the model can be; what there is of
        it when `stop` says so.

        Raises:
            ModelError: no answer can be had, or none in time.
        """
        from llama_index.core.base.llms.types import ChatMessage

        until = self._clock() + self._patience
        messages = [ChatMessage(system, role="system"), ChatMessage(user, role="user")]
        text = "".join(
            self._llm.stream(
                messages,
                passages=0,
                max_tokens=max_tokens,
                stop=lambda: stop() or self._clock() > until,
                grammar=grammar,
            )
        )
        if not text and self._clock() > until:
            raise ModelError(
                f"{self.name} gave no verdict in {self._patience:.0f} seconds - choose a smaller"
                ' model, or set [check] verifier = "builtin"'
            )
        return text
