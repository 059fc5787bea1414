"""How well the intent of a question is recognised where its wording was not among the examples.

    python benchmarks/intents.py [--folds 10]

Each fold of `question/data/intents.txt` is left out in turn and classified by the other examples,
its topics filled in from several fields.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter

from seminar_rag.question.intent import PLAIN, TOPIC, Intents, read_examples

TOPICS = (
    "LoRA", "rye bread", "photosynthesis", "French wines", "QLoRA", "instruction tuning",
    "Ada Brown", "bias in embeddings", "On Rye", "game theory",
)  # fmt: skip


def main() -> None:
    """Print the share recognised of each intent, and the kinds of faults."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folds", type=int, default=10)
    folds = options.parse_args().folds
    examples = list(read_examples())
    order = random.Random(0).sample(range(len(examples)), len(examples))
    right, asked, faults = Counter[str](), Counter[str](), Counter[str]()
    for fold in range(folds):
        left_out = set(order[fold::folds])
        intents = Intents(one for i, one in enumerate(examples) if i not in left_out)
        for i in left_out:
            intent, text = examples[i]
            found = intents.of(text.replace(TOPIC, TOPICS[i % len(TOPICS)])).intent
            asked[intent] += 1
            right[intent] += found == intent
            if found != intent:
                kind = "as plain" if found == PLAIN else "as another"
                faults[f"{'plain' if intent == PLAIN else 'others'} taken {kind}"] += 1
    for intent, count in asked.items():
        print(f"{intent:16s} {right[intent]:4d} of {count}")
    print(f"{'all':16s} {right.total():4d} of {asked.total()}")
    for kind, count in faults.items():
        print(f"{kind}: {count}")


if __name__ == "__main__":
    main()
