"""What llama.cpp has read in one context, so that nothing is read twice.

A context holds the states of several prompts, a sequence each, so that the conversations of
several students can go on by turns. A prompt continues the sequence that it has most in common
with. Where that would cost much of what the sequence holds, such as another conversation that began
with the same instructions, it continues a copy instead, in the place of the sequence that was left
alone for longest. Copies share the memory of what they have in common, and the context's window is
the memory of all: where it is full, the sequence left alone for longest is forgotten. What most
prompts begin with has a sequence of its own, which is only copied.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.errors import ModelError
from seminar_rag.files import write
from seminar_rag.text import common_length

BATCH = 256
"""Prompt tokens read per step: 1.1 times as many a second as with 128."""
POLL_SECONDS = 0.05
SEQUENCES = 3
"""What most prompts begin with, and two conversations. The tokens of one more are compared with the
cells of all others, which are then thrown away: beside another conversation a prompt of 1,300
tokens is read 1.3 times as long, beside two 1.2 to 1.6 times (four prompts, an AMD EPYC)."""
_COMMON = 32
"""Tokens from which on a shared beginning is more than that of the chat template."""
_SPARED = 200
"""Tokens that a sequence may lose to a prompt that continues it: read again within two seconds."""
_SAME, _GUESSED = 3, 3
"""Tokens that came together before, and those after them that are guessed to come again. A step
of two tokens takes 1.9 times as long as one of one, of four 2.8, of six 4.0 (an AMD EPYC)."""
_ANSWER = 300
"""Tokens of an answer that there should be room for."""


class Reader:
    """A llama.cpp context and the tokens whose states it holds. One thread at a time."""

    def __init__(self, api: Any, context: Any, vocabulary: int) -> None:
        """Args:
        api: the module `llama_cpp.llama_cpp`.
        context: a `llama_context` pointer, which has to outlive this object.
        vocabulary: the number of the model's tokens.
        """
        self._api = api
        self._context = context
        self._vocabulary = vocabulary
        self._abort = Abort(api, context)
        self._sequences = min(SEQUENCES, api.llama_n_seq_max(context))
        self._texts: list[list[int]] = [[] for _ in range(self._sequences)]
        self._order = list(range(self._sequences))  # the one used last is the last
        self._opening: int | None = None
        model = api.llama_get_model(context)
        self.whole = bool(api.llama_model_is_recurrent(model) or api.llama_model_is_hybrid(model))
        """Whether the model cannot take back a part of what it has read."""
        self.speed: float | None = None
        """Tokens of the last prompt read in a second; None before the first one."""
        self.noted: np.ndarray[Any, Any] = np.zeros(0, np.float32)
        """The logits that the last prompt was to note, shape (vocabulary,)."""
        self._read_last = (-1, 0)
        """The sequence of the last step, and its length then: the logits are still those."""

    @property
    def text(self) -> list[int]:
        """The tokens of the sequence in use."""
        return self._texts[self._order[-1]]

    def read(self, prompt: Sequence[int], stop: Callable[[], bool], noted: int = 0) -> bool:
        """Bring a sequence to the end of the prompt; False when stopped on the way.

        Args:
            noted: tokens of the prompt behind which the logits are kept, too, as `noted`.

        Raises:
            ModelError: llama.cpp fails.
        """
        shared = self._take(prompt)
        if not noted and (self._order[-1], len(prompt)) == self._read_last and self.text == prompt:
            return True
        self._keep(min(shared, (noted or len(prompt)) - 1))
        self._make_room(len(prompt) - len(self.text) + _ANSWER)
        fresh, started = len(prompt) - len(self.text), time.perf_counter()
        with self._abort.watching(stop):
            for start in range(len(self.text), len(prompt), BATCH):
                step, at = prompt[start : start + BATCH], noted - 1 - start
                also = at if 0 <= at < len(step) else None
                if stop() or not self.decode(step, also=also):
                    return False
                if also is not None:
                    self.noted = self.logits(also).copy()
        if fresh >= BATCH // 2:  # fewer tell little
            self.speed = fresh / max(1e-6, time.perf_counter() - started)
        return True

    def decode(
        self, tokens: Sequence[int], *, all_logits: bool = False, also: int | None = None
    ) -> bool:
        """Read tokens; False when aborted, with the sequence as it was before.

        Args:
            all_logits: keep what follows each of them, not the last one alone.
            also: keep what follows this one, as an index, and the last one.

        Raises:
            ModelError: llama.cpp fails.
        """
        wanted = range(len(tokens)) if all_logits else {also, len(tokens) - 1}
        status = self._step(tokens, wanted)
        for other in self._order[:-1]:
            if status == 1 and self._texts[other]:  # no room
                self._forget(other)
                status = self._step(tokens, wanted)
        if status == 0:
            self.text.extend(tokens)
            self._read_last = self._order[-1], len(self.text)
            return True
        self._keep(len(self.text))
        if status == 2:
            return False
        raise ModelError(f"llama.cpp failed (code {status})")

    def keep_opening(self) -> None:
        """Keep the sequence in use as it is: prompts that begin so continue copies of it."""
        self._opening = self._order.pop()

    def save_opening(self, file: Path, made_of: str) -> None:
        """Write down what was read of the opening, about 30 kB a token with 1.5 billion parameters,
        so that the next process need not read it. Where the file cannot be written, it reads it.

        Args:
            made_of: what all that decides about it was: another model or text leaves it unused.
        """
        size = self._api.llama_state_seq_get_size(self._context, self._opening)
        state = (ctypes.c_uint8 * size)()
        size = self._api.llama_state_seq_get_data(self._context, state, size, self._opening)
        content = bytes(memoryview(state)[:size])
        with suppress(OSError):
            write(file, _sealed(made_of, content, self.speed or 0.0))

    def load_opening(self, file: Path, made_of: str, tokens: Sequence[int]) -> bool:
        """Take the opening from where `save_opening` wrote it; False where it is not there, was
        made of something else, or is damaged."""
        try:
            content = file.read_bytes()
        except OSError:
            return False
        head, _, state = content.partition(b"\n")
        try:
            self.speed = float(head.rpartition(b" ")[2]) or None
        except ValueError:
            return False
        if content != _sealed(made_of, state, self.speed or 0.0):
            self.speed = None
            return False
        at, buffer = self._order[-1], (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if not self._api.llama_state_seq_set_data(self._context, buffer, len(state), at):
            self._forget(at)
            self.speed = None
            return False
        self._texts[at] = list(tokens)
        self.keep_opening()
        return True

    def logits(self, at: int = -1) -> np.ndarray[Any, Any]:
        """Of what follows a token of the last step, shape (vocabulary,); valid until the next."""
        row = self._api.llama_get_logits_ith(self._context, at)
        return np.ctypeslib.as_array(row, (self._vocabulary,))

    def repeated(self, token: int) -> list[int]:
        """What followed the last time that a token came after the two before it."""
        text = [*self.text[-_SAME + 1 :], token]
        read = self.text
        for at in range(len(read) - _SAME, -1, -1):
            if read[at + _SAME - 1] == token and read[at : at + _SAME] == text:
                return read[at + _SAME : at + _SAME + _GUESSED]
        return []

    def drop(self, tokens: int) -> None:
        """Forget the last tokens."""
        self._keep(len(self.text) - tokens)

    def _take(self, prompt: Sequence[int]) -> int:
        """Turn to the sequence that suits a prompt; the tokens that they have in common."""
        held = [*self._order, *([] if self._opening is None else [self._opening])]
        shared = {at: common_length(prompt, self._texts[at]) for at in held}
        if self.whole:
            shared = {at: n if n == len(self._texts[at]) else 0 for at, n in shared.items()}
        best = max(held, key=shared.__getitem__)
        at, common = best, shared[best]
        lost = len(self._texts[best]) - common
        if common < _COMMON:
            at = self._order[0]
            common = shared[at]
        elif best == self._opening or (lost > _SPARED and best != self._order[0]):
            at = self._order[0]
            self._forget(at)
            self._api.llama_memory_seq_cp(self._memory, best, at, -1, -1)
            self._texts[at] = list(self._texts[best])
        self._order.remove(at)
        self._order.append(at)
        return common

    def _keep(self, length: int) -> None:
        """Forget what was read after `length` tokens; all of it where the model has no choice."""
        number = self._order[-1]
        if length == 0 or not self._api.llama_memory_seq_rm(self._memory, number, length, -1):
            self._forget(number)
        del self.text[length:]

    def _make_room(self, tokens: int) -> None:
        """Forget sequences until there is room: llama.cpp tells its standard error of a failure."""
        room = self._api.llama_n_ctx(self._context) - tokens
        for other in self._order[:-1]:
            texts = sorted(self._texts)
            shared = sum(common_length(*two) for two in pairwise(texts))
            if sum(map(len, texts)) - shared > room:
                self._forget(other)

    def _forget(self, number: int) -> None:
        """Forget all of a sequence."""
        self._api.llama_memory_seq_rm(self._memory, number, -1, -1)
        self._texts[number] = []

    def _step(self, tokens: Sequence[int], wanted: Container[int | None]) -> int:
        batch = self._api.llama_batch_init(len(tokens), 0, 1)
        try:
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i] = token, len(self.text) + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, self._order[-1]
                batch.logits[i] = i in wanted
            batch.n_tokens = len(tokens)
            status: int = self._api.llama_decode(self._context, batch)
        finally:
            self._api.llama_batch_free(batch)
        return status

    @property
    def _memory(self) -> Any:
        return self._api.llama_get_memory(self._context)


class Abort:
    """Makes llama.cpp give up the step of a context.

    llama.cpp asks between the nodes of its graph, hundreds of times per step. A callback in
    Python would wait for the interpreter each time: beside one busy thread, reading a prompt
    took seven times as long. The callback is therefore C's strlen, and its argument a string
    that is not empty once the step is to end.
    """

    def __init__(self, api: Any, context: Any) -> None:
        """Args:
        api: the module `llama_cpp.llama_cpp`.
        context: a `llama_context` pointer.
        """
        self.flag = ctypes.create_string_buffer(2)
        """Not empty: the step is to end."""
        not_empty = ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
        api.llama_set_abort_callback(context, not_empty, ctypes.cast(self.flag, ctypes.c_void_p))

    @contextmanager
    def watching(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Meanwhile llama.cpp gives up its step as soon as `stop` says so."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(POLL_SECONDS):
                if stop():
                    self.flag.value = b"!"
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.flag.value = b""


def _sealed(made_of: str, state: bytes, speed: float) -> bytes:
    """A state as it lies on the disk, after its hash with what it was made of, and the speed."""
    seal = hashlib.sha256(made_of.encode() + state).hexdigest()
    return f"{seal} {speed:.1f}\n".encode() + state
