"""A GGUF file that is run in this process by llama.cpp, on the CPU."""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import ModelError
from seminar_rag.models import choice
from seminar_rag.models.llm import ChatTemplate
from seminar_rag.models.reader import BATCH, LlamaContext
from seminar_rag.models.turns import ModelTurns

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_LEAST_ANSWER = 64


class LlamaCpp:
    """A GGUF file, run in this process by llama.cpp on the CPU.

    One request at a time: a second one waits for its turn, and stops waiting when its `stop`
    says so. Who has had the model judge a question goes on first with its answer. What the model
    has read is kept, so that a prompt that begins like the one before is read only from where it
    differs. The prompt's contents are never read as the template's control tokens, whatever they
    contain.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        context: int = 4096,
        threads: int | None = None,
        opening: Sequence[ChatMessage] = (),
        kept: Path | None = None,
    ) -> None:
        """Load the model.

        Args:
            path: the GGUF file.
            context: tokens of prompt and answer; at most what the model was trained for.
            threads: None takes the cores that this process may use.
            opening: the messages that most prompts begin with. They are read at once, so that the
                speed is known, and stay read for the first question.
            kept: the file that keeps what was read of them for the next process; what is read of
                judgements is kept beside it.

        Raises:
            ModelError: llama-cpp-python is not installed, or the file cannot be loaded.
        """
        self.path = Path(path)
        _require_gguf(self.path)
        llama_cpp = _import_llama_cpp()
        self._api = llama_cpp.llama_cpp
        self._llama = _load(llama_cpp, self.path, context, threads or _cores())
        self._vocab = self._api.llama_model_get_vocab(self._llama.model)
        self._template = ChatTemplate(llama_cpp, self._llama.metadata, self._special_token)
        self.name = self._llama.metadata.get("general.name") or self.path.stem
        self.context = min(self._llama.n_ctx(), context)
        adds_start = self._api.llama_vocab_get_add_bos(self._vocab)
        self._start = [self._api.llama_vocab_bos(self._vocab)] if adds_start else []
        self._turns = ModelTurns()
        self._choices: choice.SharedPrefix | None = None
        file = self.path.stat()
        made_of = (self.path.name, file.st_size, file.st_mtime_ns, llama_cpp.__version__)
        self._made_of = repr(made_of)
        self._kept = kept
        tokens = range(self._api.llama_vocab_n_tokens(self._vocab))
        self._ends = frozenset(t for t in tokens if self._api.llama_vocab_is_eog(self._vocab, t))
        control = (self._api.llama_vocab_is_control(self._vocab, t) for t in tokens)
        self._banned = np.fromiter(control, dtype=bool, count=len(tokens))
        self._banned[list(self._ends)] = False
        self._reader = LlamaContext(self._api, self._llama.ctx, len(self._banned))
        self._guesses = not self._reader.whole
        if opening:
            with suppress(ModelError):  # raised again when a question is asked
                self._reader.open(self._opening_tokens(opening), kept, self._made_of)

    @property
    def speed(self) -> float | None:
        """Prompt tokens read in a second, as measured last."""
        return self._reader.speed

    def count(self, text: str) -> int:
        """The number of tokens of a text."""
        return len(self._tokens(text))

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        stop: Callable[[], bool],
    ) -> Iterator[str]:
        """The answer in pieces; see `LLM.stream`.

        Raises:
            ModelError: the prompt does not fit the context window, or llama.cpp fails.
        """
        prompt = self.prompt_tokens(messages)
        room = min(max_tokens, self.context - len(prompt))
        if room < min(max_tokens, _LEAST_ANSWER):
            raise ModelError(
                f"The prompt of {len(prompt)} tokens leaves no room for an answer in the context "
                f"window of {self.context} - ask a shorter question, or raise [llm] context."
            )
        with self._turn(stop, name=tuple(prompt)) as ours:
            if not ours or stop() or not self._reader.read(prompt, stop):
                return
            with closing(self._generate(room, stop)) as tokens:
                yield from _stripped(_decoded(map(self._piece, tokens)))

    @contextmanager
    def _turn(
        self, stop: Callable[[], bool], *, name: Hashable = None, then: Hashable = None
    ) -> Iterator[bool]:
        """Wait for one's turn; False once `stop` says so. What fails meanwhile says what to do.

        Args:
            name: what a turn before may have said that it would go on with, as `then`, which
                counts only where that turn came to its end.
        """
        if not self._turns.take(stop, name):
            yield False
            return
        expected = None
        try:
            self._loaded()  # it may have been closed meanwhile
            try:
                yield True
            except ModelError as error:
                raise ModelError(
                    f"{self.path.name}: {error} - ask again; if it happens again, choose another"
                    " model (seminar-rag models)."
                ) from error
            expected = then
        finally:
            self._turns.give(expected)

    def _loaded(self) -> Any:
        """What llama-cpp-python loaded. Raises ModelError where it has been closed."""
        llama = self._llama  # once: `close` waits for no one who counts tokens
        if llama is None:
            raise ModelError(f"Model {self.path.name} has been closed - load it again.")
        return llama

    def weigh(
        self,
        messages: Sequence[ChatMessage],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
        then: Sequence[ChatMessage] = (),
    ) -> choice.Probabilities:
        """How likely each answer is to the last message; see `Chooser.weigh`."""
        prompt, whole = self.prompt_tokens(messages), self.prompt_tokens([*messages, *then])
        goes_on = tuple(whole) if then else None
        if whole[: len(prompt)] != prompt:  # the template puts something before an answer
            whole = prompt
        with self._turn(stop, then=goes_on) as ours:
            if not ours or not self._reader.read(whole, stop, noted=len(prompt)):
                raise ModelError(choice.STOPPED)
            row = self._reader.noted
        rows = choice.normalised([row], [self._first_tokens(answer) for answer in answers])
        return rows.reshape(len(answers))

    def choose(
        self,
        system: str,
        examples: Sequence[tuple[str, str]],
        questions: Sequence[str],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
    ) -> choice.Probabilities:
        """How likely each answer is; see `Chooser.choose`."""
        begun = [
            self.prompt_tokens(choice.conversation(system, examples, one)) for one in questions
        ]
        # Two that differ in all: what they share does not depend on the question.
        probes = [
            self.prompt_tokens(choice.conversation(system, examples, one)) for one in ("0", "x")
        ]
        firsts = [self._first_tokens(answer) for answer in answers]
        if not self._turns.take(stop):
            raise ModelError(choice.STOPPED)
        try:
            llama = self._loaded()
            if self._choices is None:
                self._choices = choice.SharedPrefix(
                    self._api, llama.model, llama.n_threads, self._kept, self._made_of
                )
            rows = self._choices.last_logits(choice.common_start([*probes, *begun]), begun, stop)
        finally:
            self._turns.give()
        return choice.normalised(rows, firsts)

    def _first_tokens(self, answer: str) -> set[int]:
        """The tokens that an answer can begin with: some vocabularies put a space before it."""
        return {self._tokens(text)[0] for text in (answer, f" {answer}")}

    def close(self) -> None:
        """Free the model's memory, after the request that is running."""
        self._turns.take(lambda: False)
        try:
            if self._choices is not None:
                self._choices.close()
                self._choices = None
            self._llama = None  # freed with its last user: counting tokens waits for no turn
        finally:
            self._turns.give()

    def prompt_tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The messages through the file's chat template, as tokens.

        Only the template's own text may become control tokens: a passage that holds
        "<|im_end|>" is read as those characters.
        """
        turns = [(message.role.value, message.content or "") for message in messages]
        tokens: list[int] = []
        for text, ours in self._template.render(turns):
            tokens.extend(self._tokens(text, special=ours))
        return tokens if tokens[:1] == self._start else self._start + tokens

    def _opening_tokens(self, opening: Sequence[ChatMessage]) -> list[int]:
        """What all prompts that go on from these messages begin with."""
        from llama_index.core.base.llms.types import ChatMessage

        begun = (self.prompt_tokens([*opening, ChatMessage(one)]) for one in ("0", "x"))
        return choice.common_start(list(begun))

    def _tokens(self, text: str, *, special: bool = False) -> list[int]:
        encoded = text.encode("utf-8", "replace")
        tokens: list[int] = self._loaded().tokenize(encoded, add_bos=False, special=special)
        return tokens

    def _special_token(self, name: str) -> str:
        token = getattr(self._api, f"llama_vocab_{name}")(self._vocab)
        if token < 0:
            return ""
        text: bytes = self._api.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace")

    def _generate(self, room: int, stop: Callable[[], bool]) -> Generator[int, None, None]:
        """The answer's tokens, the likeliest each time.

        Those that repeat what was read are guessed and read in one step with the token before them
        (prompt look-up decoding, Saxena 2023): a guess counts only as far as the model itself
        chooses the same. What that is worth depends on the processor: 1.3 times as many tokens a
        second with 1.5 billion parameters on an Intel Xeon (eight questions, five guesses; one
        answer differed, by rounding), and 1.06 times on an AMD EPYC, where five guesses made it
        .96 times as many (by the measured steps, 271 tokens of answers).
        """
        guessed: list[int] = []
        rows = iter((-1,))
        for left in reversed(range(room)):
            logits = np.where(self._banned, -np.inf, self._reader.logits(next(rows)))
            token = int(np.argmax(logits))
            if token in self._ends:
                return
            yield token
            if stop() or not left:
                return
            if guessed and guessed[0] == token:
                del guessed[0]
                continue
            if guessed:
                self._reader.drop(len(guessed))
            guessed = self._reader.repeated(token)[: left - 1] if self._guesses else []
            if not self._reader.decode([token, *guessed], all_logits=True):
                return
            rows = iter(range(1 + len(guessed)))

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        length = self._api.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
        return buffer.raw[: max(0, length)]


def _decoded(pieces: Iterator[bytes]) -> Iterator[str]:
    """Bytes to text; a character that spans tokens waits for its last byte."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def _stripped(pieces: Iterator[str]) -> Iterator[str]:
    """Without white space at the beginning, which some vocabularies force on the first word."""
    started = False
    for piece in pieces:
        text = piece if started else piece.lstrip()
        if text:
            started = True
            yield text


def _require_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ModelError(
            f"Model {path}: {reason} - correct [llm] model, or get one with `seminar-rag models`."
        ) from error
    if magic != b"GGUF":
        raise ModelError(
            f"Model {path} is not a GGUF file - download it again, "
            "or choose one that `seminar-rag models` lists."
        )


def _import_llama_cpp() -> Any:
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:  # the last two: a broken build
        raise ModelError(
            "A local language model needs llama-cpp-python - run `make local`, "
            f"or pip install 'seminar-rag[local]' ({error})."
        ) from error
    return llama_cpp


def _cores() -> int:
    """Physical cores, as far as this process may use them: more threads are slower."""
    import psutil

    process = psutil.Process()
    allowed = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else None
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return min(physical, allowed or physical)


def _load(llama_cpp: Any, path: Path, context: int, threads: int) -> Any:
    """The model in memory, its window cut to what it was trained for."""
    from jinja2 import TemplateError

    options = {"n_batch": BATCH, "n_ubatch": BATCH, "verbose": False}
    try:
        with _loading(llama_cpp.llama_cpp):
            llama = llama_cpp.Llama(
                str(path), n_ctx=context, n_threads=threads, n_threads_batch=threads, **options
            )
            trained = llama_cpp.llama_cpp.llama_model_n_ctx_train(llama.model)
            if 0 < trained < context:
                llama.close()
                llama = llama_cpp.Llama(
                    str(path), n_ctx=trained, n_threads=threads, n_threads_batch=threads, **options
                )
    except (ValueError, RuntimeError, MemoryError, OSError, TemplateError) as error:
        raise ModelError(
            f"Model {path} cannot be loaded ({error}) - it may be damaged, too large for the "
            f"memory, or newer than llama-cpp-python {llama_cpp.__version__}: download it again, "
            "choose a smaller one (seminar-rag models), or update llama-cpp-python."
        ) from error
    return llama


@contextmanager
def _loading(api: Any) -> Iterator[None]:
    """Chooses the kernels that models are loaded for. The class that loads has no parameter for it,
    so its defaults are changed while it does."""
    defaults = api.llama_model_default_params

    def model() -> Any:
        params = defaults()
        params.use_extra_bufts = params.use_extra_bufts and _repacks(api)
        return params

    api.llama_model_default_params = model
    try:
        yield
    finally:
        api.llama_model_default_params = defaults


def _repacks(api: Any) -> bool:
    """Whether llama.cpp had better lay out the weights anew when it loads a model.

    Its kernels for k-quants in tiles (llama.cpp's pull request 27851) read them as they lie. On one
    core with AVX-512 VNNI, Qwen2.5-Coder-1.5B at four bits was read at 60 tokens a second with
    those, at 44 laid out anew, and written at 6.1 against 6.6. Without VNNI that was not measured.

    With AMX they are never laid out anew. llama.cpp has kernels for it for such weights only, and
    GCC before 11.5, 12.4 and 13.3 compiles `_tile_loadconfig` so that the shape of the tiles is
    lost (GCC bug 114098): the process dies at the first prompt of a quantised model. Compiled
    rightly they are 1.3 times as fast (docs/performance.md), but `make local` leaves AMX out yet.
    """
    built = api.llama_print_system_info()
    tiled = hasattr(api._lib, "ggml_compute_forward_mul_mat_tiled")
    return b"AMX_INT8 = 1" not in built and not (tiled and b"AVX512_VNNI = 1" in built)
