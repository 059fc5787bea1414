"""What llama.cpp has read of a sequence, outside its context, in memory or in a file.

A state is copied in milliseconds where reading its tokens takes seconds. In a file it stands behind
a hash of itself and of all that decides about it, so that one that is damaged, or was made of
something else, such as another model or text, is not used.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seminar_rag.files import write


@dataclass(frozen=True, eq=False)
class State:
    """What was read of a sequence, about 30 kB a token with 1.5 billion parameters."""

    tokens: list[int]
    content: ctypes.Array[ctypes.c_uint8]


def copied(api: Any, context: Any, sequence: int, tokens: list[int]) -> State | None:
    """The state of a sequence that holds these tokens; None where it cannot be copied, such as for
    want of memory: a copy only saves time.

    Args:
        api: the module `llama_cpp.llama_cpp`.
        context: a `llama_context` pointer.
    """
    size = api.llama_state_seq_get_size(context, sequence)
    try:
        content = (ctypes.c_uint8 * size)()
    except MemoryError:
        return None
    if not size or api.llama_state_seq_get_data(context, content, size, sequence) != size:
        return None
    return State(list(tokens), content)


def put(api: Any, context: Any, sequence: int, state: State) -> bool:
    """Give a sequence a state in place of what it has; False, with nothing in it, if that fails."""
    memory, size = api.llama_get_memory(context), len(state.content)
    api.llama_memory_seq_rm(memory, sequence, -1, -1)
    if api.llama_state_seq_set_data(context, state.content, size, sequence):
        return True
    api.llama_memory_seq_rm(memory, sequence, -1, -1)
    return False


def save(file: Path, state: State, made_of: str, speed: float = 0.0) -> None:
    """Write a state down for the next process, which reads the tokens itself where this fails.

    Args:
        made_of: what decides about the state beside its tokens: the model, and llama.cpp.
        speed: tokens read in a second, kept with it; 0 if that is not known.
    """
    with suppress(OSError, MemoryError):
        content = bytes(state.content)
        write(file, _seal(made_of, state.tokens, content, speed) + content)


def load(file: Path, tokens: list[int], made_of: str) -> tuple[State, float] | None:
    """The state of these tokens as `save` wrote it, and the speed; None where it is not there, was
    made of something else, or is damaged."""
    try:
        head, _, content = file.read_bytes().partition(b"\n")
        speed = float(head.rpartition(b" ")[2])
        if not 0 <= speed < math.inf or head + b"\n" != _seal(made_of, tokens, content, speed):
            return None
        held = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
    except (OSError, ValueError, MemoryError):
        return None
    return State(list(tokens), held), speed


def _seal(made_of: str, tokens: list[int], content: bytes, speed: float) -> bytes:
    seal = hashlib.sha256(f"{made_of} {tokens} {speed:.1f}".encode())
    seal.update(content)
    return f"{seal.hexdigest()} {speed:.1f}\n".encode()
