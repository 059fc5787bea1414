"""What llama.cpp has read in one context, so that nothing is read twice.

A context holds the state of one prompt at a time, because each token of a prompt is compared with
all that lies in the memory, and what other conversations have there is then thrown away. Their
states wait outside it, as does that of what most prompts begin with, and are copied back in
milliseconds. A prompt goes on from the state that it has most in common with. Of the states that
wait, those left alone for longest are forgotten where there is no room.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.errors import ModelError
from seminar_rag.models import states
from seminar_rag.models.states import State
from seminar_rag.text import common_length

BATCH = 256
"""Prompt tokens read per step: 1.1 times as many a second as with 128."""
POLL_SECONDS = 0.05
WAITING = 256_000_000
"""Bytes of the states that wait, all together: six conversations of 1,500 tokens with
Qwen2.5-Coder-1.5B. One of 1,024 tokens takes 29 MB, and 4 ms each way (an AMD EPYC). One that is
larger by itself does not wait. What most prompts begin with is held beside them."""
_SPARED = 200
"""Tokens of a state that are forgotten without a copy: they are read again within two seconds."""
_SAME, _GUESSED = 3, 3
"""Tokens that came together before, and those after them that are guessed to come again. A step
of two tokens takes 1.9 times as long as one of one, of four 2.8, of six 4.0 (an AMD EPYC)."""


class LlamaContext:
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
        self.text: list[int] = []
        """The tokens whose state the context holds."""
        self._waiting: list[State] = []  # the one used last is the last
        self._opening: State | None = None
        model = api.llama_get_model(context)
        self.whole = bool(api.llama_model_is_recurrent(model) or api.llama_model_is_hybrid(model))
        """Whether the model cannot take back a part of what it has read."""
        self.speed: float | None = None
        """Tokens of the last prompt read in a second; None before the first one."""
        self.noted: np.ndarray[Any, Any] = np.zeros(0, np.float32)
        """The logits that the last prompt was to note, shape (vocabulary,)."""
        self._ends_at = 0
        """The length of the text that the last step ended with; 0 if its logits are gone."""

    def read(self, prompt: Sequence[int], stop: Callable[[], bool], noted: int = 0) -> bool:
        """Bring the context to the end of the prompt; False when stopped on the way.

        Args:
            noted: tokens of the prompt behind which the logits are kept, too, as `noted`.

        Raises:
            ModelError: llama.cpp fails.
        """
        shared = self._take(prompt)
        if not noted and len(prompt) == self._ends_at and self.text == prompt:
            return True
        self._keep(min(shared, (noted or len(prompt)) - 1))
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
        """Read tokens; False when aborted, with the text as it was before.

        Args:
            all_logits: keep what follows each of them, not the last one alone.
            also: keep what follows this one, as an index, and the last one.

        Raises:
            ModelError: llama.cpp fails.
        """
        wanted = range(len(tokens)) if all_logits else {also, len(tokens) - 1}
        status = self._step(tokens, wanted)
        if status == 0:
            self.text.extend(tokens)
            self._ends_at = len(self.text)
            return True
        self._ends_at = 0
        self._keep(len(self.text))
        if status == 2:
            return False
        raise ModelError(f"llama.cpp failed (code {status})")

    def open(self, tokens: Sequence[int], kept: Path | None, made_of: str) -> None:
        """Read what most prompts begin with, or take it from a file that keeps it for the next
        process: prompts that begin so go on from there.

        Args:
            made_of: what decides about what was read beside the tokens.

        Raises:
            ModelError: llama.cpp fails.
        """
        found = states.load(kept, list(tokens), made_of) if kept else None
        if found and self._load(found[0]):
            self._opening, self.speed = found[0], found[1] or None
            return
        self.read(tokens, lambda: False)
        self._opening = self._state()
        if kept and self._opening:
            states.save(kept, self._opening, made_of, self.speed or 0.0)

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
        """Turn to the state that suits a prompt; the tokens that they have in common."""
        common = self._common(prompt, self.text)
        others = {one: self._common(prompt, one.tokens) for one in self._outside()}
        best = max(others, key=others.__getitem__, default=None)  # of equal ones the opening
        if len(self.text) - common > _SPARED:
            self._put_away()
        if best is None or others[best] <= common or not self._load(best):
            return common
        if best in self._waiting:
            self._waiting.remove(best)
            if len(best.tokens) - others[best] > _SPARED:
                self._waiting.append(best)
        return others[best]

    def _common(self, prompt: Sequence[int], tokens: Sequence[int]) -> int:
        """The tokens that a prompt need not read again where these were read."""
        common = common_length(prompt, tokens)
        return 0 if self.whole and common < len(tokens) else common

    def _put_away(self) -> None:
        """Let a copy of the state wait, unless there is one, or no room for it."""
        size = self._api.llama_state_seq_get_size(self._context, 0)
        if size > WAITING or any(one.tokens == self.text for one in self._outside()):
            return
        while size + sum(len(one.content) for one in self._waiting) > WAITING:
            del self._waiting[0]
        if (state := self._state()) is not None:
            self._waiting.append(state)

    def _outside(self) -> list[State]:
        """The states that prompts may go on from beside the one in the context."""
        return [*([] if self._opening is None else [self._opening]), *self._waiting]

    def _state(self) -> State | None:
        """A copy of what was read, if there is memory for it."""
        return states.copied(self._api, self._context, 0, self.text)

    def _load(self, state: State) -> bool:
        """Put a state into the context, in place of what is there; False if it does not fit."""
        self._ends_at = 0
        fits = states.put(self._api, self._context, 0, state)
        self.text = list(state.tokens) if fits else []
        return fits

    def _keep(self, length: int) -> None:
        """Forget what was read after `length` tokens; all of it where the model has no choice."""
        if length == 0 or not self._api.llama_memory_seq_rm(self._memory, 0, length, -1):
            self._forget()
        del self.text[length:]

    def _forget(self) -> None:
        """Forget all that the context holds."""
        self._api.llama_memory_seq_rm(self._memory, 0, -1, -1)
        self.text, self._ends_at = [], 0

    def _step(self, tokens: Sequence[int], wanted: Container[int | None]) -> int:
        batch = self._api.llama_batch_init(len(tokens), 0, 1)
        try:
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i] = token, len(self.text) + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
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
