"""How well what is learned about questions holds for wordings that were not among the examples.

    python benchmarks/questions.py [--folds 10] [--on FILE]
    python benchmarks/questions.py --fit     # writes question/data/*.npz anew

Each fold of `question/data/intents.txt` is left out in turn and classified by the other examples,
its topics filled in from several fields; those of `question/data/followups.txt` likewise. FILE has
more follow-ups and other questions to try the shipped weights on: JSON lines with `second` (what is
asked) and `leans` (whether it needs the question before).
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.question import followup, intent, learned, referent
from seminar_rag.question.intent import PLAIN, TOPIC, Intents
from seminar_rag.question.learned import Weights, digest, read_examples

STRENGTH = 10.0
"""Inverse of the classifiers' regularisation."""
RUN = 3
"""Words of a run that is looked at in a follow-up."""
KNOWN = 15
"""Follow-ups and other questions that a word must be in to be known."""

TOPICS = (
    "LoRA", "rye bread", "photosynthesis", "French wines", "QLoRA", "instruction tuning",
    "Ada Brown", "bias in embeddings", "On Rye", "game theory",
)  # fmt: skip


def weights_of(
    rows: Iterable[tuple[str, str]], longest: int = 2, vectors: np.ndarray | None = None
) -> Weights:
    """A classifier fitted to pairs (class, wording), over runs of up to `longest` words, and to
    the texts' vectors, of shape (rows, dimensions), where there are any."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    terms = TfidfVectorizer(
        ngram_range=(1, longest), token_pattern=r"\S+", binary=True, use_idf=False, lowercase=False
    )
    names, shapes = zip(*rows, strict=True)
    table = terms.fit_transform(shapes)
    words = table.shape[1]
    if vectors is not None:
        table = hstack([table, csr_matrix(vectors)])
    model = LogisticRegression(C=STRENGTH, max_iter=300).fit(table, names)
    classes = tuple(map(str, model.classes_))
    slopes, offsets = model.coef_, model.intercept_
    if len(classes) == 2:  # one row then says how much more probable the second is
        slopes, offsets = np.vstack([-slopes, slopes]) / 2, np.hstack([-offsets, offsets]) / 2
    columns = {str(term): int(column) for term, column in terms.vocabulary_.items()}
    slopes, offsets = slopes.astype(np.float16), offsets.astype(np.float16)
    dimensions = None if vectors is None else slopes[:, words:]
    return Weights(classes, columns, slopes[:, :words], offsets, longest, dimensions)


def fitted(examples: Iterable[tuple[str, str]]) -> Intents:
    """A classifier of these examples of intents, its weights fitted to them."""
    intents = Intents(examples)
    intents.weights = weights_of(intents.rows())
    return intents


def followup_rows(examples: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the weights for follow-ups are fitted to: pairs (class, shape)."""
    examples = list(examples)
    said = Counter(word for _, text in examples for word in followup.tokens(text))
    known = {word for word, count in said.items() if count >= KNOWN}
    return [(name, followup.shape(text, known)) for name, text in examples]


@cache
def embedder() -> SentenceTransformerEmbedder:
    """The model of the vectors that the weights for follow-ups know."""
    return SentenceTransformerEmbedder(followup.EMBEDDED_BY)


def write() -> None:
    """Fit the weights to all the examples and write them where they are read."""
    examples = list(read_examples(followup.DATA))
    intents, followups = Intents(read_examples(intent.DATA)).rows(), followup_rows(examples)
    vectors = embedder().embed([text for _, text in examples])
    comparisons = referent.rows(read_examples(referent.DATA))
    fits = {
        intent.DATA: (intents, weights_of(intents)),
        followup.DATA: (followups, weights_of(followups, RUN)),
        followup.DATA_EMBEDDED: (followups, weights_of(followups, RUN, vectors)),
        referent.DATA: (comparisons, weights_of(comparisons, RUN)),
    }
    for name, (fitted_to, weights) in fits.items():
        path = Path(learned.__file__).with_name("data") / f"{name}.npz"
        np.savez_compressed(
            path,
            terms=np.array(sorted(weights.terms, key=weights.terms.__getitem__)),
            classes=np.array(weights.classes),
            slopes=weights.slopes,
            offsets=weights.offsets,
            longest=np.array(weights.longest),
            digest=np.array(digest(fitted_to)),
            **({} if weights.dimensions is None else {"dimensions": weights.dimensions}),
        )
        print(f"{len(weights.terms)} terms, {path.stat().st_size / 1e3:.0f} kB: {path}")


def folded(count: int, folds: int) -> Iterable[tuple[set[int], list[int]]]:
    """Which of so many examples are left out, in turn, and all others."""
    order = random.Random(0).sample(range(count), count)
    for fold in range(folds):
        left_out = set(order[fold::folds])
        yield left_out, [i for i in range(count) if i not in left_out]


def print_intents(folds: int) -> None:
    """The share recognised of each intent, and the kinds of faults."""
    examples = list(read_examples(intent.DATA))
    right, asked, faults = Counter[str](), Counter[str](), Counter[str]()
    for left_out, others in folded(len(examples), folds):
        intents = fitted(examples[i] for i in others)
        for i in left_out:
            wanted, text = examples[i]
            found = intents.of(text.replace(TOPIC, TOPICS[i % len(TOPICS)])).intent
            asked[wanted] += 1
            right[wanted] += found == wanted
            if found != wanted:
                kind = "as plain" if found == PLAIN else "as another"
                faults[f"{'plain' if wanted == PLAIN else 'others'} taken {kind}"] += 1
    for wanted, count in asked.items():
        print(f"{wanted:16s} {right[wanted]:4d} of {count}")
    print(f"{'all':16s} {right.total():4d} of {asked.total()}")
    for kind, count in faults.items():
        print(f"{kind}: {count}")


def print_followups(folds: int) -> None:
    """How many follow-ups that were left out are recognised, and how many others taken for one."""
    examples = list(read_examples(followup.DATA))
    vectors = embedder().embed([text for _, text in examples])
    for embedded in (False, True):
        taken: list[tuple[float, bool]] = []
        for left_out, others in folded(len(examples), folds):
            rows = followup_rows(examples[i] for i in others)
            weights = weights_of(rows, RUN, vectors[others] if embedded else None)
            for i in left_out:
                name, text = examples[i]
                shape = followup.shape(text, weights.terms)
                found = weights.probabilities(shape, vectors[i] if embedded else None)
                taken.append((found[followup.LEANS], name == followup.LEANS))
        print_taken(f"left out, {'vectors too' if embedded else 'words alone'}", taken)


def print_comparisons(folds: int) -> None:
    """Of questions after a comparison, how many of either class are told, each left out once."""
    examples = list(read_examples(referent.DATA))
    right = Counter[str]()
    for left_out, others in folded(len(examples), folds):
        weights = weights_of(referent.rows(examples[i] for i in others), RUN)
        for i in left_out:
            name, text = examples[i]
            found = weights.probabilities(followup.shape(text, weights.terms))
            right[name] += max(found, key=found.__getitem__) == name
    for name, count in Counter(name for name, _ in examples).items():
        print(f"left out, after a comparison: {name} {right[name]} of {count}")


def print_taken(what: str, found: Sequence[tuple[float, bool]]) -> None:
    """Which share of either class is taken for follow-ups, of pairs (how probable, whether)."""
    for name, want in (("follow-ups", True), ("others", False)):
        own = [probable > followup.LEAST for probable, leans in found if leans == want]
        print(f"{what}: of {len(own)} {name} {sum(own)} are taken for follow-ups")


def main() -> None:
    """Print the figures, or fit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folds", type=int, default=10)
    options.add_argument("--fit", action="store_true", help="write the weights of all examples")
    options.add_argument("--on", type=Path, help="more follow-ups and other questions")
    asked_for = options.parse_args()
    if asked_for.fit:
        write()
        return
    print_intents(asked_for.folds)
    print_followups(asked_for.folds)
    print_comparisons(asked_for.folds)
    if asked_for.on:
        rows = [json.loads(line) for line in asked_for.on.read_text().splitlines()]
        for embed, how in ((None, "words alone"), (embedder().embed, "vectors too")):
            leaning = followup.FollowUps(embed).leaning
            print_taken(f"unseen, {how}", [(leaning(one["second"]), one["leans"]) for one in rows])


if __name__ == "__main__":
    main()
