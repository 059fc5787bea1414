"""What a language model is to the rest of the program, and how to ask one for a short text.

`LLM` is the protocol; `local.LlamaCpp` and `server.OpenAICompatible` implement it. Neither knows
retrieval, prompts or citations: messages go in, text comes out, and what the vendors raise becomes
a ModelError that says what to do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from seminar_rag.errors import ModelError

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

PATIENCE = 180.0
"""Seconds until a text that does not come is given up."""


class LLM(Protocol):
    """A chat model that streams."""

    name: str
    """What to call it to a reader."""
    context: int
    """Its window in tokens, prompt and answer together."""

    @property
    def speed(self) -> float | None:
        """Prompt tokens read in a second, as measured; None where that is not known."""
        ...

    def count(self, text: str) -> int:
        """The number of tokens of a text; never too low."""
        ...

    def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The answer in pieces, as they are made.

        Args:
            messages: system, user, assistant … ending with the user.
            max_tokens: the longest answer.
            stop: asked often, in any thread; once true, the stream ends early without error.

        Raises:
            ModelError: when no answer can be had, or when it breaks off.
        """
        ...


class Completion:
    """A language model that is asked for one short text: a verdict on a claim, or what puts a
    follow-up into words."""

    def __init__(
        self, llm: LLM, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
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
        self, system: str, user: str, *, max_tokens: int, stop: Callable[[], bool] = lambda: False
    ) -> str:
        """The answer to a message; what there is of it when `stop` says so.

        Raises:
            ModelError: no answer can be had, or none in time.
        """
        from llama_index.core.base.llms.types import ChatMessage

        until = self._clock() + self._patience
        messages = [ChatMessage(system, role="system"), ChatMessage(user, role="user")]
        text = "".join(
            self._llm.stream(
                messages, max_tokens=max_tokens, stop=lambda: stop() or self._clock() > until
            )
        )
        if not text and self._clock() > until:
            raise ModelError(
                f"{self.name} gave no verdict in {self._patience:.0f} seconds - choose a smaller"
                ' model, or set [check] verifier = "builtin"'
            )
        return text


class ChatTemplate:
    """The chat template of a GGUF file, rendered so that contents stay apart from its own text.

    A file without one, or with one that does not show all messages, gets a plain dialogue.
    """

    def __init__(
        self, llama_cpp: Any, metadata: dict[str, str], special: Callable[[str], str]
    ) -> None:
        source = metadata.get("tokenizer.chat_template")
        self._format: Any = source and llama_cpp.llama_chat_format.Jinja2ChatFormatter(
            template=source, eos_token=special("eos"), bos_token=special("bos")
        )

    def render(self, turns: list[tuple[str, str]]) -> list[tuple[str, bool]]:
        """(text, whether it is the template's own) in order."""
        return (
            self._filled(turns)
            or self._filled(_without_system(turns))
            or [*_plain_dialogue(turns), ("\nassistant:", True)]
        )

    def _filled(self, turns: list[tuple[str, str]]) -> list[tuple[str, bool]] | None:
        """The template with the contents in their places; None where it refuses the turns."""
        from jinja2 import TemplateError

        if not self._format:
            return None
        places = [{"role": role, "content": f"⟪{i}⟫"} for i, (role, _) in enumerate(turns)]
        try:
            prompt = self._format(messages=places, enable_thinking=False).prompt
        except (TemplateError, ValueError, TypeError):
            return None
        parts = re.split(r"⟪(\d+)⟫", prompt)
        if [int(place) for place in parts[1::2]] != list(range(len(turns))):
            return None
        return [
            (turns[int(part)][1], False) if i % 2 else (part, True)
            for i, part in enumerate(parts)
            if part
        ]


def _without_system(turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The system message at the head of the first user message: some templates know none."""
    if len(turns) < 2 or turns[0][0] != "system":
        return turns
    return [(turns[1][0], f"{turns[0][1]}\n\n{turns[1][1]}"), *turns[2:]]


def _plain_dialogue(turns: list[tuple[str, str]]) -> Iterator[tuple[str, bool]]:
    for role, content in turns:
        yield f"\n{role}: ", True
        yield content, False
