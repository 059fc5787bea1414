"""How well what is learned about questions holds for wordings that were not among the examples.

    python benchmarks/questions.py [--folds 10] [--on FILE]
    python benchmarks/questions.py --fit [--intents | --schedule | --simply]   # question/data/*.npz

Each fold of the lines of `question/data/intents.txt` is left out in turn, and questions made of it
(`wordings.py`) are told by the others; those of `question/data/followups.txt` likewise. FILE has
more follow-ups and other questions to try the shipped weights on: JSON lines with `second` (what is
asked) and `leans` (whether it needs the question before).
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import wordings
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.question import followup, intent, learned, referent, schedule, simply
from seminar_rag.question.intent import IN_TOPIC, PLAIN, Intents, around, shape
from seminar_rag.question.learned import Weights, digest, read_examples

STRENGTH = 10.0
"""Inverse of the classifiers' regularisation."""
STRENGTH_OF_INTENTS = 20.0
RUN = 3
"""Words of a run that is looked at in a follow-up."""
KNOWN = 15
"""Follow-ups and other questions that a word must be in to be known."""
GRAIN = 64
"""Parts of one in which slopes are kept, which packs them three times as small."""
SEEN = 4
"""Questions, or words of one, that a feature must be in to be looked at for intents."""
WISHED = 30
"""Questions that each wording of a wish is put to."""
WRONG_CUTS = 8
"""Cuts of a question that cut off no wish, or another part, of which the weights are told."""


def weights_of(
    rows: Iterable[tuple[str, str]],
    longest: int = 2,
    vectors: np.ndarray | None = None,
    *,
    seen: int = 1,
    strength: float = STRENGTH,
) -> Weights:
    """A classifier fitted to pairs (class, wording), over runs of up to `longest` words that are in
    at least `seen` of them, and to the texts' vectors, of shape (rows, dimensions), where there are
    any."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    terms = TfidfVectorizer(
        ngram_range=(1, longest),
        token_pattern=r"\S+",
        binary=True,
        use_idf=False,
        lowercase=False,
        min_df=seen,
    )
    names, shapes = zip(*rows, strict=True)
    table = terms.fit_transform(shapes)
    words = table.shape[1]
    if vectors is not None:
        table = hstack([table, csr_matrix(vectors)])
    model = LogisticRegression(C=strength, max_iter=300, tol=1e-3 if seen > 1 else 1e-4)
    model.fit(table, names)
    classes = tuple(map(str, model.classes_))
    slopes, offsets = model.coef_, model.intercept_
    if len(classes) == 2:  # one row then says how much more probable the second is
        slopes, offsets = np.vstack([-slopes, slopes]) / 2, np.hstack([-offsets, offsets]) / 2
    columns = {str(term): int(column) for term, column in terms.vocabulary_.items()}
    slopes, offsets = slopes.astype(np.float16), offsets.astype(np.float16)
    dimensions = None if vectors is None else slopes[:, words:]
    return Weights(classes, columns, slopes[:, :words], offsets, longest, dimensions)


@dataclass(frozen=True)
class Fitted:
    """What is fitted to examples of intents."""

    intents: Weights
    topics: Weights
    words: frozenset[str]
    filled: frozenset[str]

    @property
    def learned(self) -> Intents:
        return Intents(self.intents, self.topics, self.words, self.filled)


def fitted(examples: Sequence[tuple[str, str]]) -> Fitted:
    """A classifier of these examples of intents, its weights fitted to them.

    The intents are fitted to the examples with the topics that are told, right or wrong, and with
    the right ones, since that is what they are read from.
    """
    drawing = wordings.Drawing()
    words, drawn = drawing.words(examples), drawing.draw(examples)
    topics = weights_of(
        [
            (IN_TOPIC if inside else "out", features)
            for one in drawn
            if one.topics == 1 or (one.intent != PLAIN and not one.topics)
            for inside, features in zip(one.inside, around(one.asked, words), strict=True)
        ],
        1,
        seen=SEEN,
    )
    telling = Intents(topics, topics, words, ())
    rows = [
        (one.intent, shape(one.asked, start, end, words))
        for one in drawn
        for start, end in {telling.topic(one.asked), *right_topic(one)}
    ]
    intents = weights_of(rows, 1, seen=SEEN, strength=STRENGTH_OF_INTENTS)
    return Fitted(intents, topics, words, wordings.filled(drawn))


def right_topic(one: wordings.Drawn) -> list[tuple[int, int]]:
    """Where the topic of a request stands."""
    return [one.slot] if one.intent != PLAIN and one.slot != (0, 0) else []


def intent_rows(examples: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the weights for intents belong to: pairs (intent, how one question of it is read)."""
    drawing = wordings.Drawing()
    words = drawing.words(examples)
    drawn = drawing.draw(examples, times=1)
    return [(one.intent, shape(one.asked, *one.slot, words)) for one in drawn]


def followup_rows(examples: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the weights for follow-ups are fitted to: pairs (class, shape)."""
    examples = list(examples)
    said = Counter(word for _, text in examples for word in followup.tokens(text))
    known = {word for word, count in said.items() if count >= KNOWN}
    return [(name, followup.shape(text, known)) for name, text in examples]


def schedule_rows(lines: Iterable[tuple[str, str]], known: frozenset[str]) -> list[tuple[str, str]]:
    """What the weights for the calendar are fitted to: pairs (kind, shape), of questions that each
    line stands for."""
    rng, topics = random.Random(0), [line for _, line in read_examples(intent.DATA_TOPICS)]
    rows = []
    for name, line in lines:
        for _ in range(wordings.DRAWS["(" in line]):
            text = wordings.choice_of(line, rng).replace("{topic}", rng.choice(topics))
            rows.append((name, followup.shape(text, known)))
    return rows


def schedule_words(lines: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The words of questions about the calendar that are looked at as such."""
    asked = (line.replace("(", " ").replace(")", " ").replace("|", " ") for _, line in lines)
    said = Counter(word for line in asked for word in followup.tokens(line.replace("{topic}", "")))
    return frozenset(word for word, count in said.items() if count >= wordings.LEAST)


def fit_schedule() -> None:
    """Write the weights that tell questions about the calendar."""
    lines = list(read_examples(schedule.DATA))
    known = schedule_words(lines)
    rows = schedule_rows(lines, known)
    write_weights(schedule.DATA, weights_of(rows, RUN, seen=SEEN), rows, words=sorted(known))


def print_schedule(folds: int) -> None:
    """How many questions about the calendar are told of lines left out in turn, and the faults."""
    lines = list(read_examples(schedule.DATA))
    right, asked, faults = Counter[str](), Counter[str](), Counter[str]()
    for left_out, others in folded(len(lines), folds):
        known = schedule_words(lines[i] for i in others)
        rows = schedule_rows((lines[i] for i in others), known)
        telling = schedule.Calendar(weights_of(rows, RUN, seen=SEEN), known)
        topics = [line for _, line in read_examples(intent.DATA_TOPICS)]
        for i in sorted(left_out):
            name, line = lines[i]
            rng = random.Random(i)
            text = wordings.choice_of(line, rng).replace("{topic}", rng.choice(topics))
            found = telling.of(text) or schedule.NONE
            asked[name] += 1
            right[name] += found == name
            if found != name:
                faults[f"{name} as {found}"] += 1
    for name, count in asked.items():
        print(f"calendar, left out: {name} {right[name]} of {count}")
    print(f"calendar, left out: all {right.total()} of {asked.total()}; {dict(faults)}")


def plain_questions() -> list[str]:
    """Questions on what the readings say, with their topics."""
    rng, topics = random.Random(0), [line for _, line in read_examples(intent.DATA_TOPICS)]
    lines = [line for name, line in wordings.examples() if name == PLAIN and "<" not in line]
    return [wordings.choice_of(one, rng).replace("{topic}", rng.choice(topics)) for one in lines]


def wishes(lines: Sequence[str], questions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Questions with each wish for simple words, as each line words it, and without it."""
    for line in lines:
        rng = random.Random(line)
        for _ in range(WISHED):
            asked = rng.choice(questions)
            asked = asked.rstrip("?. ") if rng.random() < 0.5 else asked
            asked = asked[:1].lower() + asked[1:] if rng.random() < 0.5 else asked
            text = wordings.choice_of(line.replace("{question}", "\0"), rng).replace("\0", asked)
            yield (text.lower() if rng.random() < 0.3 else text), asked


def wish_rows(
    asked: Iterable[tuple[str, str]], questions: Iterable[str], known: frozenset[str]
) -> list[tuple[str, str]]:
    """What the weights for wishes are fitted to: pairs (class, shape) of cuts.

    Args:
        asked: questions with a wish, and without it.
        questions: questions without a wish.
    """
    rows = []
    for text, own in (*asked, *((one, "") for one in questions)):
        rng, wanted, wrong = random.Random(text), simply.tokens(own), []
        for _, left, shown in simply.cuts(text, known):
            words = [one for one in simply.tokens(left) if one[0].isalnum()]
            if own and words == [one for one in wanted if one[0].isalnum()]:
                rows.append((simply.WISH, shown))
            else:
                wrong.append((simply.REST, shown))
        rows += rng.sample(wrong, min(WRONG_CUTS, len(wrong)))
    return rows


def wish_words(lines: Iterable[str]) -> frozenset[str]:
    """The words of wishes, and of questions' beginnings, that are looked at as such."""
    said = (re.sub(r"[()|]", " ", line.replace("{question}", "")) for line in lines)
    counts = Counter(word for line in said for word in set(simply.tokens(line)))
    own = {word for word, count in counts.items() if count >= wordings.LEAST}
    return frozenset(own | set("what why how when where who which does do is are can".split()))


def fit_simply() -> None:
    """Write the weights that tell the wish for simple words."""
    lines = [line for _, line in read_examples(simply.DATA)]
    known, questions = wish_words(lines), plain_questions()
    rows = wish_rows(wishes(lines, questions), questions, known)
    write_weights(simply.DATA, weights_of(rows, RUN, seen=SEEN), rows, words=sorted(known))


def print_simply(folds: int) -> None:
    """Of lines left out in turn, how many wishes are cut off rightly; of plain questions left out
    with them, how many are cut."""
    lines, questions = [line for _, line in read_examples(simply.DATA)], plain_questions()
    right, asked, cut, whole = 0, 0, 0, 0
    for left_out, others in folded(len(lines), folds):
        known = wish_words(lines[i] for i in others)
        kept = [one for one in questions if random.Random(one).randrange(folds)]
        rows = wish_rows(wishes([lines[i] for i in others], kept), kept, known)
        telling = simply.Wishes(weights_of(rows, RUN, seen=SEEN), known)
        for text, own in wishes([lines[i] for i in sorted(left_out)], questions):
            asked += 1
            right += simply.tokens(telling.without(text).rstrip("?., ")) == simply.tokens(
                own.rstrip("?., ")
            )
        for one in set(questions) - set(kept):
            whole += 1
            cut += bool(telling.without(one))
    print(f"wishes for simple words, left out: {right} of {asked} cut off; {cut} of {whole} others")


@cache
def embedder() -> SentenceTransformerEmbedder:
    """The model of the vectors that the weights for follow-ups know."""
    return SentenceTransformerEmbedder(followup.EMBEDDED_BY)


def write(*, only_intents: bool) -> None:
    """Fit the weights to all the examples and write them where they are read."""
    examples = wordings.examples()
    rows, fit = intent_rows(examples), fitted(examples)
    lists = {"words": sorted(fit.words), "filled": sorted(fit.filled)}
    write_weights(intent.DATA, fit.intents, rows, **lists)
    write_weights(intent.DATA_TOPICS, fit.topics, rows)
    if only_intents:
        return
    fit_schedule()
    fit_simply()
    leaning = list(read_examples(followup.DATA))
    followups = followup_rows(leaning)
    vectors = embedder().embed([text for _, text in leaning])
    comparisons = referent.rows(read_examples(referent.DATA))
    write_weights(followup.DATA, weights_of(followups, RUN), followups)
    write_weights(followup.DATA_EMBEDDED, weights_of(followups, RUN, vectors), followups)
    write_weights(referent.DATA, weights_of(comparisons, RUN), comparisons)


def write_weights(
    name: str, weights: Weights, fitted_to: Iterable[tuple[str, str]], **lists: Sequence[str]
) -> None:
    """Write weights with lists of texts beside them."""
    path = Path(learned.__file__).with_name("data") / f"{name}.npz"
    np.savez_compressed(
        path,
        terms=np.array(sorted(weights.terms, key=weights.terms.__getitem__)),
        classes=np.array(weights.classes),
        slopes=(np.round(weights.slopes * GRAIN) / GRAIN).astype(np.float16),
        offsets=weights.offsets,
        longest=np.array(weights.longest),
        digest=np.array(digest(fitted_to)),
        **({} if weights.dimensions is None else {"dimensions": weights.dimensions}),
        **{key: np.array(texts) for key, texts in lists.items()},
    )
    print(f"{len(weights.terms)} terms, {path.stat().st_size / 1e3:.0f} kB: {path}")


def folded(count: int, folds: int) -> Iterable[tuple[set[int], list[int]]]:
    """Which of so many examples are left out, in turn, and all others."""
    order = random.Random(0).sample(range(count), count)
    for fold in range(folds):
        left_out = set(order[fold::folds])
        yield left_out, [i for i in range(count) if i not in left_out]


def print_intents(folds: int) -> None:
    """The share recognised of each intent, and the kinds of faults, of lines left out in turn."""
    examples = wordings.examples()
    right, asked, faults = Counter[str](), Counter[str](), Counter[str]()
    for left_out, others in folded(len(examples), folds):
        intents = fitted([examples[i] for i in others]).learned
        for one in wordings.Drawing(1).draw([examples[i] for i in sorted(left_out)], times=1):
            found = intents.of(" ".join(one.asked.written)).intent
            asked[one.intent] += 1
            right[one.intent] += found == one.intent
            if found != one.intent:
                kind = "as plain" if found == PLAIN else "as another"
                faults[f"{'plain' if one.intent == PLAIN else 'others'} taken {kind}"] += 1
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
    options.add_argument("--intents", action="store_true", help="those of intents alone")
    options.add_argument("--schedule", action="store_true", help="those of the calendar alone")
    options.add_argument("--simply", action="store_true", help="those of wishes alone")
    options.add_argument("--on", type=Path, help="more follow-ups and other questions")
    asked_for = options.parse_args()
    if asked_for.schedule:
        fit_schedule() if asked_for.fit else print_schedule(asked_for.folds)
        return
    if asked_for.simply:
        fit_simply() if asked_for.fit else print_simply(asked_for.folds)
        return
    if asked_for.fit:
        write(only_intents=asked_for.intents)
        return
    print_intents(asked_for.folds)
    if asked_for.intents:
        return
    print_followups(asked_for.folds)
    print_comparisons(asked_for.folds)
    print_simply(asked_for.folds)
    if asked_for.on:
        rows = [json.loads(line) for line in asked_for.on.read_text().splitlines()]
        for embed, how in ((None, "words alone"), (embedder().embed, "vectors too")):
            leaning = followup.FollowUps(embed).leaning
            print_taken(f"unseen, {how}", [(leaning(one["second"]), one["leans"]) for one in rows])


if __name__ == "__main__":
    main()
