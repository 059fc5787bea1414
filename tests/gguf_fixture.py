"""A tiny random llama model as a GGUF file: real mechanics, meaningless text.

The vocabulary is of the SentencePiece kind: the 256 bytes, the printable ASCII characters, and
some words with all their prefixes, because SPM builds a token by merging pairs, so that every
step on the way to a word must be a token itself. Weights are random.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '</s>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
WORDS = """
the of and to in is that for with as are this model language attention training data text which
passage reading seminar question answer say says each sentence number show use used word token
learning network layer result method paper author week session student transformer retrieval
""".split()


def vocabulary() -> tuple[list[bytes], list[int], list[float]]:
    """Tokens, their kinds (2 unknown, 3 control, 6 byte, 1 normal) and their merge scores."""
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    kinds = [2, 3, 3] + [6] * 256
    scores = [0.0] * len(tokens)
    whole = [*("▁" + word for word in WORDS), *WORDS]
    prefixes = {word[:end] for word in whole for end in range(2, len(word) + 1)}
    pieces = ["▁", *map(chr, range(33, 127)), *sorted(prefixes, key=lambda p: (len(p), p))]
    for rank, piece in enumerate(dict.fromkeys(pieces)):
        tokens.append(piece.encode())
        kinds.append(1)
        scores.append(len(piece) - rank / 1e4 if len(piece) > 1 else -100.0)
    return tokens, kinds, scores


def build_gguf(
    path: Path,
    *,
    template: str | None = TEMPLATE,
    context: int = 4096,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
    seed: int = 0,
) -> Path:
    """Write the model (below 1 MB with the defaults) and return its path."""
    import gguf

    random = np.random.default_rng(seed)
    tokens, kinds, scores = vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads // 2)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_scores(scores)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    if template is not None:
        writer.add_chat_template(template)

    def weights(*shape: int) -> np.ndarray:
        scaled = random.standard_normal(shape) * 0.5 / np.sqrt(shape[-1])
        return scaled.astype(np.float16)

    ones = np.ones(width, np.float32)
    writer.add_tensor("token_embd.weight", weights(len(tokens), width))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", weights(len(tokens), width))
    shapes = {
        "attn_q": (width, width),
        "attn_k": (width // 2, width),
        "attn_v": (width // 2, width),
        "attn_output": (width, width),
        "ffn_gate": (2 * width, width),
        "ffn_up": (2 * width, width),
        "ffn_down": (width, 2 * width),
    }
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(*shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def quantise(path: Path, target: Path, kind: str = "Q8_0") -> Path:
    """The model with smaller weights ("Q8_0", "Q4_0"), as llama.cpp itself makes them."""
    import ctypes

    from llama_cpp import llama_cpp as api
    from llama_cpp._logger import set_verbose

    set_verbose(False)  # a line for each tensor
    params = api.llama_model_quantize_default_params()
    params.ftype = getattr(api, f"LLAMA_FTYPE_MOSTLY_{kind}")
    params.nthread = 1
    status = api.llama_model_quantize(
        str(path).encode(), str(target).encode(), ctypes.byref(params)
    )
    assert status == 0, f"llama.cpp could not quantise {path} ({status})"
    return target
