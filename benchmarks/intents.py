"""How well the intent of a question is recognised where its wording was not among the examples.

    python benchmarks/intents.py [--folds 10]
    python benchmarks/intents.py --fit     # writes question/data/intents.npz anew

Each fold of `question/data/intents.txt` is left out in turn and classified by the other examples,
its topics filled in from several fields.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seminar_rag.question import intent as room
from seminar_rag.question.intent import PLAIN, TOPIC, Intents, Weights, read_examples

STRENGTH = 10.0
"""Inverse of the classifier's regularisation."""

TOPICS = (
    "LoRA", "rye bread", "photosynthesis", "French wines", "QLoRA", "instruction tuning",
    "Ada Brown", "bias in embeddings", "On Rye", "game theory",
)  # fmt: skip


def fitted(examples: Iterable[tuple[str, str]]) -> Intents:
    """A classifier of these examples, its weights fitted to them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    intents = Intents(examples)
    terms = TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=r"\S+", binary=True, use_idf=False, lowercase=False
    )
    names, shapes = zip(*intents.rows(), strict=True)
    table = terms.fit_transform(shapes)
    model = LogisticRegression(C=STRENGTH, max_iter=300).fit(table, names)
    classes = tuple(map(str, model.classes_))
    slopes, offsets = model.coef_, model.intercept_
    if len(classes) == 2:  # one row then says how much more probable the second is
        slopes, offsets = np.vstack([-slopes, slopes]) / 2, np.hstack([-offsets, offsets]) / 2
    intents.weights = Weights(
        classes,
        {str(term): int(column) for term, column in terms.vocabulary_.items()},
        slopes.astype(np.float16),
        offsets.astype(np.float16),
    )
    return intents


def write() -> None:
    """Fit the weights to all the examples and write them where they are read."""
    intents = fitted(read_examples())
    weights = intents.weights
    assert weights is not None
    path = Path(room.__file__).with_name("data") / "intents.npz"
    np.savez_compressed(
        path,
        terms=np.array(sorted(weights.terms, key=weights.terms.__getitem__)),
        intents=np.array(weights.intents),
        slopes=weights.slopes,
        offsets=weights.offsets,
        digest=np.array(intents.digest()),
    )
    print(f"{len(weights.terms)} terms, {path.stat().st_size / 1e3:.0f} kB: {path}")


def main() -> None:
    """Print the share recognised of each intent, and the kinds of faults."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folds", type=int, default=10)
    options.add_argument("--fit", action="store_true", help="write the weights of all examples")
    asked_for = options.parse_args()
    if asked_for.fit:
        write()
        return
    folds = asked_for.folds
    examples = list(read_examples())
    order = random.Random(0).sample(range(len(examples)), len(examples))
    right, asked, faults = Counter[str](), Counter[str](), Counter[str]()
    for fold in range(folds):
        left_out = set(order[fold::folds])
        intents = fitted(one for i, one in enumerate(examples) if i not in left_out)
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
