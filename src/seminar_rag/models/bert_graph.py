"""A BERT written down as an ONNX graph over the weights of a safetensors file.

The network is that of Devlin et al. 2019 (arXiv 1810.04805), in the wire format of ONNX
(https://onnx.ai/onnx/repo-docs/IR.html) and with ONNX Runtime's own fused operators: some kilobytes
that name places in the file, which is then mapped into memory as it is. So nothing is exported, and
there is no second copy of the weights.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Field = int | float | str | bytes
"""What a field of a message holds."""


class BertWeights:
    """The header of a safetensors file (https://github.com/huggingface/safetensors): eight bytes
    of its length, then JSON with each tensor's type, shape and place behind it."""

    def __init__(self, file: Path) -> None:
        """Raises: ValueError: there is no such file, or its tensors are not a BERT's in float32."""
        self.file = file.resolve()  # links of the hub's cache lead to a file of another name
        try:
            with self.file.open("rb") as opened:
                (length,) = struct.unpack("<Q", opened.read(8))
                header = json.loads(opened.read(length))
        except (OSError, struct.error) as error:
            raise ValueError(f"it has no readable {file.name}") from error
        header.pop("__metadata__", None)
        self._start = 8 + length
        self._tensors = {name.removeprefix("bert."): one for name, one in header.items()}

    def place(self, name: str) -> tuple[tuple[int, ...], int, int]:
        """Shape, offset and length in bytes of a tensor of float32."""
        one = self._tensors.get(name)
        if one is None or one["dtype"] != "F32":
            raise ValueError(f"{name} is not there in float32")
        start, end = one["data_offsets"]
        return tuple(one["shape"]), self._start + start, end - start

    def bytes(self, name: str) -> bytes:
        """A tensor's numbers."""
        _, at, length = self.place(name)
        with self.file.open("rb") as opened:
            opened.seek(at)
            return opened.read(length)


class Graph:
    """The network's nodes and weights, in the wire format of ONNX."""

    def __init__(self, config: dict[str, Any], weights: BertWeights) -> None:
        self._config = config
        self._weights = weights
        self._nodes: list[bytes] = []
        self._tensors: dict[str, bytes] = {}

    def model(self) -> bytes:
        """From ids, types and mask, int32 of shape (texts, tokens), to "out", float32 of shape
        (texts, tokens, dimensions)."""
        at = "embeddings."
        layer_norm = {"epsilon": float(self._config["layer_norm_eps"])}
        self._node(
            "EmbedLayerNormalization",
            [
                "ids",
                "types",
                self._stored(f"{at}word_embeddings.weight"),
                self._stored(f"{at}position_embeddings.weight"),
                self._stored(f"{at}token_type_embeddings.weight"),
                *self._both(f"{at}LayerNorm"),
            ],
            ["x0", "unused"],
            **layer_norm,
        )
        layers = int(self._config["num_hidden_layers"])
        for i in range(layers):
            self._layer(i, f"x{i}", f"x{i + 1}" if i + 1 < layers else "out", layer_norm)
        graph: list[tuple[int, Field]] = [
            *((1, node) for node in self._nodes),
            (2, "bert"),
            *((5, tensor) for tensor in self._tensors.values()),
            *((11, _value(name, _INT32, ("texts", "tokens"))) for name in ("ids", "types", "mask")),
            (12, _value("out", _FLOAT, ("texts", "tokens", int(self._config["hidden_size"])))),
        ]
        opsets = [_message((1, domain), (2, version)) for domain, version in _OPSETS]
        return _message((1, 8), (7, _message(*graph)), *((8, one) for one in opsets))

    def _layer(self, i: int, x: str, out: str, layer_norm: dict[str, float]) -> None:
        at = f"encoder.layer.{i}."
        name = f"l{i}."
        attention = f"{at}attention."
        for side in ("query", "key", "value"):
            self._product(x, f"{attention}self.{side}.weight", name + side)
        biases = [
            self._weights.bytes(f"{attention}self.{side}.bias")
            for side in ("query", "key", "value")
        ]
        self._tensors[f"{name}bias"] = _tensor(
            f"{name}bias", (3 * int(self._config["hidden_size"]),), (9, b"".join(biases))
        )
        self._node(
            "MultiHeadAttention",
            [f"{name}query", f"{name}key", f"{name}value", f"{name}bias", "mask"],
            [f"{name}heads"],
            num_heads=int(self._config["num_attention_heads"]),
        )
        self._product(f"{name}heads", f"{attention}output.dense.weight", f"{name}mixed")
        self._add(f"{name}mixed", x, f"{attention}output", f"{name}read", layer_norm)
        self._product(f"{name}read", f"{at}intermediate.dense.weight", f"{name}wide")
        bias = self._stored(f"{at}intermediate.dense.bias")
        self._node("BiasGelu", [f"{name}wide", bias], [f"{name}bent"])
        self._product(f"{name}bent", f"{at}output.dense.weight", f"{name}narrow")
        self._add(f"{name}narrow", f"{name}read", f"{at}output", out, layer_norm)

    def _product(self, x: str, weight: str, out: str) -> None:
        self._node("FusedMatMul", [x, self._stored(weight)], [out], transB=1)

    def _add(self, x: str, before: str, at: str, out: str, layer_norm: dict[str, float]) -> None:
        weights = [*self._both(f"{at}.LayerNorm"), self._stored(f"{at}.dense.bias")]
        self._node("SkipLayerNormalization", [x, before, *weights], [out], **layer_norm)

    def _both(self, at: str) -> list[str]:
        return [self._stored(f"{at}.weight"), self._stored(f"{at}.bias")]

    def _stored(self, name: str) -> str:
        """The name of a tensor of the model's file, as it lies there."""
        shape, at, length = self._weights.place(name)
        where = {"location": self._weights.file.name, "offset": str(at), "length": str(length)}
        entries = [(13, _message((1, key), (2, value))) for key, value in where.items()]
        self._tensors[name] = _tensor(name, shape, *entries, (14, 1))
        return name

    def _node(
        self, kind: str, given: Sequence[str], out: Sequence[str], **options: int | float
    ) -> None:
        attributes = [
            _message((1, key), (2, value), (20, 1))
            if isinstance(value, float)
            else _message((1, key), (3, value), (20, 2))
            for key, value in options.items()
        ]
        self._nodes.append(
            _message(
                *((1, name) for name in given),
                *((2, name) for name in out),
                (4, kind),
                *((5, one) for one in attributes),
                (7, "com.microsoft"),
            )
        )


_FLOAT, _INT32 = 1, 6
_OPSETS = (("", 17), ("com.microsoft", 1))


def _tensor(name: str, shape: Sequence[int], *data: tuple[int, Any]) -> bytes:
    return _message(*((1, size) for size in shape), (2, _FLOAT), (8, name), *data)


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = [_message((1 if isinstance(size, int) else 2, size)) for size in shape]
    tensor = _message((1, kind), (2, _message(*((1, size) for size in sizes))))
    return _message((1, name), (2, _message((1, tensor))))


def _message(*fields: tuple[int, Field]) -> bytes:
    """A message of numbered fields (https://protobuf.dev/programming-guides/encoding)."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        elif isinstance(value, float):
            out += _varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
