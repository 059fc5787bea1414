"""Chat templates of GGUF files, rendered so that contents stay apart from control tokens. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any


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
