"""Time to first token with and without reuse of what the model has read already.

    python benchmarks/prefix.py [--gguf FILE] [--kind Q4_0] [--passages 8] [--layers 24]

Without `--gguf` a model of the shape of Qwen2.5-0.5B (24 layers, width 896, 14 heads with 2 for
keys and values, 151,936 tokens) is made with random weights and quantised by llama.cpp itself: its
speed is a real one, its words mean nothing. Each line asks through the product's own prompt and
`LlamaCpp`:

    cold         another model's first question: nothing is read yet
    again        the same question and passages, of which only the last token is read
    question     another question about the same passages
    follow-up    the question after it, with the conversation in between
    passages     other passages: only the instructions are read already

The quickest of three rounds is told, since other work on the machine only ever slows it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seminar_rag.answer.prompt import INSTRUCTIONS, build_messages
from seminar_rag.models.local import LlamaCpp
from seminar_rag.types import Document, Hit, Passage, Turn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from gguf_fixture import TEMPLATE, quantise, vocabulary

WIDTH, HEADS, KEYS, INNER, TOKENS = 896, 14, 2, 4864, 151_936
WORDS = (
    "the model reads a passage and says which sentence of the paper answers this question".split()
)
ANSWER = 120


def real_shape(folder: Path, layers: int) -> Path:
    """Write the random model, about 1 GB; every layer has the same weights."""
    import gguf

    path = folder / "random-0.5b-f16.gguf"

    random = np.random.default_rng(0)
    pieces, kinds, scores = vocabulary()
    spare = TOKENS - len(pieces)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("random-0.5B")
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(TOKENS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*pieces, *(b"<spare%d>" % i for i in range(spare))])
    writer.add_token_types([*kinds, *[5] * spare])
    writer.add_token_scores([*scores, *[-1e6] * spare])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)

    def weights(rows: int, columns: int) -> np.ndarray:
        block = random.standard_normal((min(rows, 1024), columns), np.float32) / np.sqrt(columns)
        return np.concatenate([block.astype(np.float16)] * -(-rows // len(block)))[:rows]

    heads = WIDTH // HEADS * KEYS
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (heads, WIDTH),
        "attn_v": (heads, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }
    layer = {name: weights(*shape) for name, shape in shapes.items()}
    ones = np.ones(WIDTH, np.float32)
    writer.add_tensor("token_embd.weight", weights(TOKENS, WIDTH))
    writer.add_tensor("output_norm.weight", ones)
    for number in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{number}.{name}.weight", ones)
        for name, full in layer.items():
            writer.add_tensor(f"blk.{number}.{name}.weight", full)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def passages(count: int, seed: int) -> tuple[Hit, ...]:
    """Passages of about 130 words, as retrieval gives them."""
    random = np.random.default_rng(seed)
    out = []
    for n in range(count):
        document = Document(f"d{seed}-{n}", "paper", f"r{n}", f"Reading {n}", sessions=(n,))
        text = " ".join(random.choice(WORDS, 130)) + "."
        out.append(
            Hit(Passage(f"p{seed}-{n}", document.id, 0, text, "", 0, 1, n, ()), document, 1.0)
        )
    return tuple(out)


def first_token(
    llm: LlamaCpp, question: str, hits: Sequence[Hit], history: Sequence[Turn] = ()
) -> tuple[float, int]:
    """Seconds to the first piece of the answer, and the tokens of the prompt."""
    prompt = build_messages(
        question, hits, history, count=llm.count, context=llm.context, max_tokens=ANSWER
    )
    tokens = len(llm.prompt_tokens(prompt.messages))
    began = time.perf_counter()
    stream = llm.stream(
        prompt.messages, passages=len(prompt.offered), max_tokens=ANSWER, stop=lambda: False
    )
    next(iter(stream))
    seconds = time.perf_counter() - began
    stream.close()  # type: ignore[attr-defined]
    return seconds, tokens


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gguf", type=Path, help="a model of your own")
    parser.add_argument("--kind", default="Q4_0", help="of the weights: Q4_0, Q8_0 or F16")
    parser.add_argument("--passages", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="of which the quickest are told")
    parser.add_argument("--layers", type=int, default=24, help="fewer for a slow machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.gguf or real_shape(Path(folder), options.layers)
        if not options.gguf and options.kind != "F16":
            path = quantise(path, Path(folder) / f"random-{options.kind}.gguf", options.kind)
        llm = LlamaCpp(path, context=4096, instructions=INSTRUCTIONS)
        one, two = "Which sentence answers this?", "What does the model say of the paper?"
        talk = (Turn("user", two), Turn("assistant", "The passage says which."))
        print(f"{llm.name}: {llm.speed:.0f} prompt tokens a second while loading")
        least: dict[str, tuple[float, int]] = {}
        for number in range(options.rounds):
            hits = passages(options.passages, 2 * number)
            others = passages(options.passages, 2 * number + 1)
            first = "passages" if number else "cold"
            rows = [(first, one, hits, ()), ("again", one, hits, ()), ("question", two, hits, ())]
            rows += [("follow-up", one, hits, talk), ("passages", one, others, ())]
            for name, question, offered, history in rows:
                took = first_token(llm, question, offered, history)
                least[name] = min(took, least.get(name, took))
        for name, (seconds, tokens) in least.items():
            print(f"{name:<10} {seconds:7.2f} s to the first token of {tokens} in the prompt")
        llm.close()


if __name__ == "__main__":
    main()
