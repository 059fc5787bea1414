"""Asks a local language model to choose among one-token answers, and reads how likely each is.

One reading step per question, no writing. The instructions and examples that all questions begin
with are read once and kept; several questions are read in one batch, as sequences that share them.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seminar_rag.errors import ModelError
from seminar_rag.models import states
from seminar_rag.models.reader import BATCH, Abort
from seminar_rag.text import common_length

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

Probabilities = NDArray[np.float64]
"""Shape (questions, answers); each row sums to 1, or to 0 where the model gives none of them."""
CONTEXT = 3072
"""Tokens that the shared beginnings and the questions of a batch may have together."""
SEQUENCES = 8
BEGINNINGS = 3
"""Shared beginnings that are kept: what is asked of an answer's sentences by their evidence, and by
the side that they speak for, and of quotations by the question."""
_COMMON = 32
"""Tokens from which on two beginnings have more in common than the chat template."""
STOPPED = "The check was stopped."


@runtime_checkable
class Chooser(Protocol):
    """A model that says how likely each of a few answers is."""

    name: str

    def choose(
        self,
        system: str,
        examples: Sequence[tuple[str, str]],
        questions: Sequence[str],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
    ) -> Probabilities:
        """How likely each answer is to each question, the answers together being 1.

        Args:
            examples: questions with their answers, shown before each question.
            answers: words that differ in their first token, such as "A" and "B".

        Raises:
            ModelError: a question does not fit, the model fails, or `stop` said so.
        """
        ...

    def weigh(
        self,
        messages: Sequence[ChatMessage],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
        then: Sequence[ChatMessage] = (),
    ) -> Probabilities:
        """How likely each answer is to the last message of a conversation, shape (answers,); what
        is read stays read for an answer that goes on from there.

        Args:
            then: how the conversation is likely to go on, which is read in the same step where the
                model can: it changes nothing of the result.

        Raises:
            ModelError: as `choose`.
        """
        ...


class SharedPrefix:
    """A context of its own beside the one that writes answers, over the same weights."""

    def __init__(
        self, api: Any, model: Any, threads: int, kept: Path | None = None, made_of: str = ""
    ) -> None:
        """Args:
        api: the module `llama_cpp.llama_cpp`.
        model: a `llama_model` pointer, which has to outlive this object.
        kept: a file, beside which shared beginnings are kept for the next process.
        made_of: what decides about what was read beside the tokens.
        """
        self._file, self._made_of = kept, made_of
        self._api = api
        self._model = model
        params = api.llama_context_default_params()
        params.n_ctx = CONTEXT
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = SEQUENCES + BEGINNINGS
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True  # sequences share the cells of what they have in common
        params.no_perf = True
        # The flash kernel for the CPU is off by several percent, the plain one is exact.
        params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = api.llama_init_from_model(model, params)
        if not self._context:
            raise ModelError("llama.cpp has no memory left to check with - close other programs.")
        self._vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
        self._abort = Abort(api, self._context)
        self._batch = api.llama_batch_init(BATCH, 0, 1)
        self._kept: list[list[int]] = [[] for _ in range(BEGINNINGS)]
        """What the first sequences hold."""
        self._order = list(range(BEGINNINGS))  # the one used last is the last

    def close(self) -> None:
        """Free the context."""
        if self._context:
            self._api.llama_batch_free(self._batch)
            self._api.llama_free(self._context)
            self._context = None

    def last_logits(
        self, shared: list[int], prompts: Sequence[list[int]], stop: Callable[[], bool]
    ) -> list[NDArray[np.float32]]:
        """The logits behind the last token of each prompt; all prompts begin with `shared`. Raises
        ModelError where a prompt does not fit, or llama.cpp fails or is stopped."""
        rests = [prompt[len(shared) :] for prompt in prompts]
        longest = max(map(len, rests), default=0)
        if longest > CONTEXT - len(shared):
            raise ModelError("A sentence to be checked is too long for the model's window.")
        with self._abort.watching(stop):
            self._keep(shared, CONTEXT - longest)
            room = CONTEXT - sum(map(len, self._kept))
            out: list[NDArray[np.float32]] = []
            for group in _groups(rests, room):
                if stop():  # a small model has read before the watch looks
                    raise ModelError(STOPPED)
                out += self._read_group(group)
        return out

    def _keep(self, shared: list[int], room: int) -> None:
        """Bring a sequence to hold exactly `shared`: the one that has most of it, if any has, else
        the one that was left alone for longer.

        Args:
            room: tokens that all of them may hold; the others are forgotten where it is too small.
        """
        memory = self._api.llama_get_memory(self._context)
        same = {at: common_length(shared, self._kept[at]) for at in self._order}
        at = max(self._order, key=same.__getitem__)
        if same[at] < min(_COMMON, len(shared)):
            at = self._order[0]
        self._order.remove(at)
        if len(shared) + sum(len(self._kept[other]) for other in self._order) > room:
            for other in self._order:
                self._forget(other)
        self._order.append(at)
        if same[at] < len(shared) - _COMMON and self._load(at, shared):
            return
        length = min(same[at], len(self._kept[at]))
        if length < len(self._kept[at]) and not self._api.llama_memory_seq_rm(
            memory, at, length, -1
        ):
            self._forget(at)
            length = 0
        self._kept[at] = shared[:length]
        fresh = shared[length:]
        self._decode([(t, length + i, at, False) for i, t in enumerate(fresh)])
        self._kept[at] = list(shared)
        if self._file and len(fresh) >= _COMMON:
            state = states.copied(self._api, self._context, at, shared)
            if state:
                states.save(self._beside(shared), state, self._made_of)
                self._tidy(shared)

    def _load(self, at: int, shared: list[int]) -> bool:
        """Take a shared beginning from where it was kept; False where it is not."""
        found = states.load(self._beside(shared), shared, self._made_of) if self._file else None
        if found is None:
            return False
        with suppress(OSError):
            os.utime(self._beside(shared))  # the one used last goes last
        fits = states.put(self._api, self._context, at, found[0])
        self._kept[at] = list(shared) if fits else []
        return fits

    def _beside(self, shared: list[int]) -> Path:
        """The file of a shared beginning, whichever sequence holds it."""
        assert self._file is not None
        named = hashlib.sha256(repr(shared).encode()).hexdigest()[:16]
        return self._file.with_name(f"{self._file.name}-{named}")

    def _tidy(self, shared: list[int]) -> None:
        """Keep the files of as many shared beginnings as a context holds, with this one."""
        mine = self._beside(shared)
        with suppress(OSError):
            pattern = f"{glob.escape(mine.name[:-16])}{'[0-9a-f]' * 16}"
            others = [one for one in mine.parent.glob(pattern) if one != mine]
            for one in sorted(others, key=lambda one: one.stat().st_mtime)[: 1 - BEGINNINGS]:
                one.unlink(missing_ok=True)

    def _forget(self, at: int) -> None:
        self._api.llama_memory_seq_rm(self._api.llama_get_memory(self._context), at, -1, -1)
        self._kept[at] = []

    def _read_group(self, rests: Sequence[list[int]]) -> list[NDArray[np.float32]]:
        memory = self._api.llama_get_memory(self._context)
        at = self._order[-1]
        start = len(self._kept[at])
        entries = []
        for number, rest in enumerate(rests, BEGINNINGS):
            self._api.llama_memory_seq_cp(memory, at, number, -1, -1)
            last = len(rest) - 1
            entries += [(t, start + i, number, i == last) for i, t in enumerate(rest)]
        try:
            return self._decode(entries)
        finally:
            for number in range(BEGINNINGS, BEGINNINGS + len(rests)):
                self._api.llama_memory_seq_rm(memory, number, -1, -1)

    def _decode(self, entries: Sequence[tuple[int, int, int, bool]]) -> list[NDArray[np.float32]]:
        """Read (token, position, sequence, whether its logits are wanted) in steps."""
        out = []
        batch = self._batch
        for begin in range(0, len(entries), BATCH):
            step = entries[begin : begin + BATCH]
            for i, (token, position, sequence, wanted) in enumerate(step):
                batch.token[i], batch.pos[i] = token, position
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
                batch.logits[i] = wanted
            batch.n_tokens = len(step)
            status = self._api.llama_decode(self._context, batch)
            if status != 0:
                memory = self._api.llama_get_memory(self._context)
                self._api.llama_memory_clear(memory, True)
                self._kept = [[] for _ in range(BEGINNINGS)]
                if status == 2:
                    raise ModelError(STOPPED)
                raise ModelError(
                    f"llama.cpp failed while it checked (code {status}) - check again; if it "
                    'happens again, set [check] verifier = "builtin".'
                )
            for i, entry in enumerate(step):
                if entry[3]:
                    row = self._api.llama_get_logits_ith(self._context, i)
                    out.append(np.ctypeslib.as_array(row, (self._vocabulary,)).copy())
        return out


def _groups(rests: Sequence[list[int]], room: int) -> Iterator[list[list[int]]]:
    """Neighbours that fit into one batch of sequences together."""
    group: list[list[int]] = []
    for rest in rests:
        if group and (len(group) == SEQUENCES or sum(map(len, group)) + len(rest) > room):
            yield group
            group = []
        group.append(rest)
    if group:
        yield group


def common_start(rows: Sequence[Sequence[int]]) -> list[int]:
    """The tokens that all rows begin with."""
    columns = zip(*rows, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def normalised(
    rows: Sequence[NDArray[np.float32]], answers: Sequence[Collection[int]]
) -> Probabilities:
    """Softmax over the answers, each with the likelier of its tokens; shape (rows, answers)."""
    best = [[max(float(row[t]) for t in tokens) for tokens in answers] for row in rows]
    logits = np.array(best, np.float64).reshape(len(rows), len(answers))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Probabilities = odds / odds.sum(axis=1, keepdims=True)
    return found


def conversation(
    system: str, examples: Sequence[tuple[str, str]], question: str
) -> list[ChatMessage]:
    """The messages in which a question is asked."""
    from llama_index.core.base.llms.types import ChatMessage

    messages = [ChatMessage(system, role="system")]
    for asked, answer in examples:
        messages += [ChatMessage(asked, role="user"), ChatMessage(answer, role="assistant")]
    return [*messages, ChatMessage(question, role="user")]
