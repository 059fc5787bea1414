"""Text to vectors by ONNX Runtime, for models that are a plain BERT.

sentence-transformers runs the same weights, but it and torch take seconds and half a gigabyte to
load; this takes a quarter of a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from seminar_rag.models.bert_graph import BertWeights, Graph
from seminar_rag.models.embed import (
    Matrix,
    SentenceTransformerEmbedder,
    Side,
    Words,
    by_length,
    unit,
    words_of,
)

_POOLINGS = {
    "mean": "mean",
    "cls": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
}
"""How a text's vector is made of its tokens', as models' files name it."""
_KIND = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
}
"""What a model's config.json has to say of these, where it says anything."""
_QUESTIONS = 64
"""Vectors of questions that are kept."""
_TOGETHER = 256
"""Tokens that are read at a time at most; more are no faster."""
_PADDED = 8
"""Tokens by which a text is padded at most: reading one takes a twentieth of the time that it takes
to begin another batch."""


class OnnxEmbedder(SentenceTransformerEmbedder):
    """The same vectors without torch, where the model is a plain BERT; else as its base class. One
    text is read in half the time, long ones in the same time. Always in float32, whatever the index
    was made in: the cosine to bfloat16 is above .9999."""

    _asked: Mapping[str, Matrix] = MappingProxyType({})
    """The last questions with their vectors: a claim is searched for, then compared with what was
    found."""

    @cached_property
    def _bert(self) -> Bert | None:
        """The model; None where it is of another kind or not downloaded yet."""
        try:
            folder = self._folder() or _downloaded(self.name)
            return Bert(folder) if folder else None
        except (ValueError, LookupError, OSError, ImportError):
            return None

    @property
    def max_tokens(self) -> int:
        return self._bert.max_tokens if self._bert else super().max_tokens

    def embed(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> Matrix:
        if self._bert is None:
            return super().embed(texts, progress)
        asked = self._asked
        new = [text for text in texts if text not in asked]
        rows = np.zeros((len(new), self._bert.dimensions), np.float32)
        for i, one in self._bert.read(new, progress):
            rows[i] = one.vector
        if len(new) == len(texts):
            return unit(rows)
        progress(len(texts) - len(new))
        read = iter(rows)
        return unit(np.stack([asked[text] if text in asked else next(read) for text in texts]))

    def read(
        self, texts: Sequence[str], side: Side, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Matrix, list[Words]]:
        if self._bert is None:
            return super().read(texts, side, progress)
        prompt = self.prompt(side)
        whole = [prompt + text for text in texts]
        out = np.zeros((len(texts), self._bert.dimensions), np.float32)
        words = [Words((), out[:0])] * len(texts)
        for i, one in self._bert.read(whole, progress):
            out[i] = one.vector
            words[i] = words_of(whole[i], len(prompt), one.encoding, one.ids, one.vectors)
        if side == "question":
            known = {**self._asked, **dict(zip(whole, out, strict=True))}
            self._asked = dict([*known.items()][-_QUESTIONS:])
        return unit(out), words

    def _prompts(self) -> dict[str, str]:
        return self._bert.prompts if self._bert else super()._prompts()


@dataclass(frozen=True, slots=True)
class Read:
    """One text as the model read it."""

    encoding: Any
    """The tokenizer's, of the whole text."""
    ids: Sequence[int]
    """The tokens that were read, special ones included: the text is cut at the model's limit."""
    vectors: Matrix
    """Shape (len(ids), dimensions), float32: the last layer."""
    vector: Matrix
    """Shape (dimensions,), float32, not scaled: the text's own."""


class Bert:
    """A model of sentence-transformers that is a plain BERT with its tokens' mean, or its first
    token, as a text's vector. Loads on first use; several threads may read at a time."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: as sentence-transformers writes it.

        Raises:
            ValueError: the model is of another kind, or its files are of another form.
            LookupError: its files lack something.
            OSError: a file is missing or cannot be read.
        """
        self._config = _json(folder / "config.json")
        for key, wanted in _KIND.items():
            if self._config.get(key, wanted if key != "model_type" else None) != wanted:
                raise ValueError(f"its {key} is {self._config.get(key)!r}")
        self._pooling = _pooling(folder)
        self.prompts = _prompts(folder)
        self.dimensions: int = self._config["hidden_size"]
        own = _json(folder / "sentence_bert_config.json")
        most: int = self._config["max_position_embeddings"]
        limits = (own, _json(folder / "tokenizer_config.json"))
        stated = (limits[0].get("max_seq_length"), limits[1].get("model_max_length"), most)
        self.max_tokens = min(next(one for one in stated if one), most)
        """Longest text that is read whole, special tokens included."""
        self._tokenizer_file = folder / "tokenizer.json"
        if own.get("do_lower_case") and not _lowers(self._tokenizer_file):
            raise ValueError("its tokenizer does not fold capitals, and its user is to")
        self._weights = BertWeights(folder / "model.safetensors")
        self._graph = Graph(self._config, self._weights).model()

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._tokenizer_file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Threads of one text wait for each other after every layer, and burn time while they wait.
        options.intra_op_num_threads = 1
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(self._weights.file.parent)
        )
        return ort.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # Where the processors that a process may use are not told, all are.
        usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
        return ThreadPoolExecutor(len(usable), "reading")

    def read(
        self, texts: Sequence[str], progress: Callable[[int], None]
    ) -> Iterator[tuple[int, Read]]:
        """Each text's number and what was read of it, the longest first. Batches are read side by
        side, by no more threads than there are processors, however many callers there are."""
        for chunk in by_length(texts):
            encodings = self._tokenizer.encode_batch([texts[i] for i in chunk])
            encoded = [
                (i, one, self._cut(one.ids)) for i, one in zip(chunk, encodings, strict=True)
            ]
            encoded.sort(key=lambda one: -len(one[2]))
            batches = list(_batches(encoded))
            each = self._threads.map if len(batches) > 1 else map
            for batch, out in zip(batches, each(self._run, batches), strict=True):
                for (i, encoding, ids), rows in zip(batch, out, strict=True):
                    vectors = rows[: len(ids)]
                    own = vectors[0] if self._pooling == "cls" else vectors.mean(axis=0)
                    yield i, Read(encoding, ids, vectors, own)
            progress(len(chunk))

    def _cut(self, ids: list[int]) -> list[int]:
        """The tokens that the model reads: the last, which ends a text, stays."""
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def _run(self, batch: Sequence[tuple[int, Any, list[int]]]) -> Matrix:
        """The last layer of texts that are sorted by length, shape (texts, tokens, dimensions)."""
        ids = np.zeros((len(batch), len(batch[0][2])), np.int32)
        mask = np.zeros_like(ids)
        for row, (_, _, own) in enumerate(batch):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        given = {"ids": ids, "types": np.zeros_like(ids), "mask": mask}
        out: Matrix = self._session.run(["out"], given)[0]
        return out


def _batches(
    encoded: Sequence[tuple[int, Any, list[int]]],
) -> Iterator[Sequence[tuple[int, Any, list[int]]]]:
    """Texts that are read together; sorted by length, so that little is padded."""
    start = 0
    for at in range(1, len(encoded) + 1):
        longest = len(encoded[start][2])
        if (
            at == len(encoded)
            or (at + 1 - start) * longest > _TOGETHER
            or longest - len(encoded[at][2]) > _PADDED
        ):
            yield encoded[start:at]
            start = at


def _pooling(folder: Path) -> str:
    """How a text's vector is made of its tokens', by the model's list of modules."""
    steps = json.loads((folder / "modules.json").read_bytes())
    kinds = [one["type"].rsplit(".", 1)[-1] for one in steps]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ValueError(f"its modules are {', '.join(kinds)}")
    settings = _json(folder / steps[1]["path"] / "config.json")
    mode = settings.get("pooling_mode")
    modes = [mode] if mode else [key for key in _POOLINGS if settings.get(key) is True]
    others = [key for key, on in settings.items() if on is True and key not in _POOLINGS]
    if steps[0]["path"] or settings.get("include_prompt", True) is not True or len(modes) != 1:
        raise ValueError("its modules are set up otherwise")
    if set(others) - {"include_prompt"}:
        raise ValueError(f"a text's vector is made by {others}")
    return _POOLINGS[modes[0]]


def _prompts(folder: Path) -> dict[str, str]:
    settings = _json(folder / "config_sentence_transformers.json")
    if settings.get("default_prompt_name"):
        raise ValueError("it puts a prompt before every text")
    return dict(settings.get("prompts") or {})


def _lowers(tokenizer: Path) -> bool:
    normalizer = json.dumps(_json(tokenizer)["normalizer"])
    return '"lowercase": true' in normalizer or '"Lowercase"' in normalizer


def _json(file: Path) -> dict[str, Any]:
    """An object of a JSON file, empty where there is no such file."""
    found = json.loads(file.read_bytes()) if file.is_file() else {}
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} holds no object")
    return found


def _downloaded(model: str) -> Path | None:
    """The folder of a model of the hub in its cache; None if it is not there."""
    if Path(model).expanduser().is_absolute() or model.startswith("."):
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    return Path(found).parent if isinstance(found, str) else None
