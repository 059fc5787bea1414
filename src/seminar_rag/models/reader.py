"""What llama.cpp has read in one context, so that nothing is read twice.

A context holds the states of two prompts, a sequence each: while students ask, the prompts of
answers share their beginning with each other, and those that put a follow-up into words with each
other, but not across. A prompt continues the sequence that it has more in common with, and takes
the one that was left alone for longer where it has nothing in common with either.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import numpy as np

from seminar_rag.errors import ModelError

BATCH = 128
"""Prompt tokens read per step: measured as fast as 512, with a quarter of the memory."""
POLL_SECONDS = 0.05
SEQUENCES = 2
_COMMON = 32
"""Tokens from which on a shared beginning is more than that of the chat template."""


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
        self.speed: float | None = None
        """Tokens of the last prompt read in a second; None before the first one."""

    @property
    def text(self) -> list[int]:
        """The tokens of the sequence in use."""
        return self._texts[self._order[-1]]

    def read(self, prompt: Sequence[int], stop: Callable[[], bool]) -> bool:
        """Bring a sequence to the end of the prompt; False when stopped on the way.

        Raises:
            ModelError: llama.cpp fails.
        """
        shared = self._take(prompt)
        self._keep(min(shared, len(prompt) - 1))
        fresh, started = len(prompt) - len(self.text), time.perf_counter()
        with self._abort.watching(stop):
            for start in range(len(self.text), len(prompt), BATCH):
                if stop() or not self.decode(prompt[start : start + BATCH]):
                    return False
        if fresh >= BATCH // 2:  # fewer tell little
            self.speed = fresh / max(1e-6, time.perf_counter() - started)
        return True

    def decode(self, tokens: Sequence[int]) -> bool:
        """Read tokens; False when aborted, with the sequence as it was before.

        Raises:
            ModelError: llama.cpp fails.
        """
        status = self._step(tokens)
        if status == 1 and any(self._texts[other] for other in self._order[:-1]):
            for other in self._order[:-1]:  # no room beside what nobody may ask for again
                self._api.llama_memory_seq_rm(self._memory, other, -1, -1)
                self._texts[other] = []
            status = self._step(tokens)
        if status == 0:
            self.text.extend(tokens)
            return True
        self._keep(len(self.text))
        if status == 2:
            return False
        raise ModelError(f"llama.cpp failed (code {status})")

    def logits(self) -> np.ndarray[Any, Any]:
        """Of what follows the last token, shape (vocabulary,); valid until the next step."""
        row = self._api.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(row, (self._vocabulary,))

    def _take(self, prompt: Sequence[int]) -> int:
        """Turn to the sequence that suits a prompt; the tokens that they have in common."""
        shared = {at: common_length(prompt, self._texts[at]) for at in self._order}
        best = max(self._order, key=shared.__getitem__)
        if shared[best] < _COMMON:
            best = self._order[0]
        self._order.remove(best)
        self._order.append(best)
        return shared[best]

    def _keep(self, length: int) -> None:
        """Forget what was read after `length` tokens; all of it where the model has no choice."""
        number = self._order[-1]
        if length == 0 or not self._api.llama_memory_seq_rm(self._memory, number, length, -1):
            self._api.llama_memory_seq_rm(self._memory, number, -1, -1)
            length = 0
        del self.text[length:]

    def _step(self, tokens: Sequence[int]) -> int:
        batch = self._api.llama_batch_init(len(tokens), 0, 1)
        try:
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i] = token, len(self.text) + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, self._order[-1]
                batch.logits[i] = i + 1 == len(tokens)
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


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from their beginning."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
