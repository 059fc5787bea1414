"""Does a reading answer a question? The model that decides it for tables, and its figures.

    python benchmarks/cells.py [--shared ../shared] [--data FOLDER] [--fit]

Three sets of labelled questions: the seminar of `../shared/course`, and the papers of
`../shared/outside`. Every question is put to the readings that hold its evidence, and, in the first
two sets, to readings that do not: four of the same session, or of the set, chosen at random. A
reading that does not hold the evidence may answer the question all the same, so that the figures
for wrong quotations are upper bounds. A cell is right where its quotation holds the evidence.

Each set is judged by weights fitted on the other two. --fit also writes the weights, fitted on all.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from quotations import SETS
from seminar_rag.compare import table
from seminar_rag.compare.table import FEATURES, SEARCHED, Cells
from seminar_rag.config import load
from seminar_rag.course import Course
from seminar_rag.evaluation.questions import read_questions
from seminar_rag.question.query import understand
from seminar_rag.types import Scope

WEIGHTS = Path(table.__file__).with_name("cell_weights.json")
OTHERS = 4
"""Readings without the evidence that a question is put to."""
RESAMPLES = 2000


@dataclass
class Put:
    """A question put to a reading."""

    question: str
    holds: bool
    """Whether the reading holds the evidence."""
    right: bool
    """Whether the quotation holds (half of) a piece of it."""
    features: list[float]


def folded(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def holds(text: str, quote: str) -> bool:
    """Whether a text holds at least half of a quote's words in a row, or lies within the quote."""
    text, words = folded(text), folded(quote).split()
    half = max(1, (len(words) + 1) // 2)
    runs = (" ".join(words[i : i + half]) for i in range(len(words) - half + 1))
    return (len(text) > 20 and text in " ".join(words)) or any(run in text for run in runs)


def opened(shared: Path, data: Path, name: str) -> list[Put]:
    """Put the questions of a set to readings."""
    course = Course(load(Path(), data=data / name))
    if not course.catalogue().documents:
        list(course.ingest([shared / SETS[name][0]]))
    texts = {
        id_: folded(" ".join(one.text for one in course.passages_of(id_)))
        for id_ in course.documents()
    }
    documents = course.documents()
    random.seed(0)
    out = []
    for asked in read_questions(shared / SETS[name][1]):
        if asked.history or asked.unanswerable or asked.type == "multi":
            continue
        quotes = [quote for _, quote in asked.evidence]
        own = [id_ for id_, text in texts.items() if any(folded(q) in text for q in quotes)]
        if not own:
            continue
        others: list[str] = []
        if name != "qasper":  # whose questions lean on their paper: any other may answer them
            readings = {documents[id_].reading for id_ in own}
            near = {s for id_ in own for s in documents[id_].sessions}
            rest = [id_ for id_ in texts if documents[id_].reading not in readings]
            same = [id_ for id_ in rest if near & set(documents[id_].sessions)]
            pool = same if len(same) >= OTHERS else rest
            others = random.sample(pool, min(OTHERS, len(pool)))
        for id_ in [*own[:2], *others]:
            put = answered(course.parts.cells, asked.text, documents[id_].reading, quotes)
            if put is not None:
                put.holds = id_ in own
                out.append(put)
    return out


def answered(cells: Cells, question: str, reading: str, quotes: list[str]) -> Put | None:
    query = understand(question)
    hits = cells._search.search(query, SEARCHED, Scope(readings=frozenset({reading})))
    best = cells.best(query, hits)
    if best is None:
        return None
    candidate, seen = best
    right = any(holds(candidate.text, quote) for quote in quotes)
    return Put(question, False, right, [seen[name] for name in FEATURES])


def fit(puts: list[Put]) -> dict[str, Any]:
    x = np.array([one.features for one in puts])
    y = np.array([one.right for one in puts])
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=1000).fit((x - mean) / scale, y)
    likely = model.predict_proba((x - mean) / scale)[:, 1]
    return {
        "bias": round(float(model.intercept_[0]), 4),
        "perhaps": threshold(likely, y, 0.10),
        "says": threshold(likely, y, 0.35),
        "features": {
            name: {"weight": round(float(w), 4), "mean": round(float(m), 4),
                   "scale": round(float(s), 4)}
            for name, w, m, s in zip(FEATURES, model.coef_[0], mean, scale, strict=True)
        },
    }  # fmt: skip


def threshold(likely: Any, right: Any, refused: float) -> float:
    """The threshold under which this share of the right quotations lies."""
    return round(float(np.quantile(likely[right], refused)), 3)


def scores(puts: list[Put], model: dict[str, Any]) -> Any:
    rows = model["features"]
    x = np.array([one.features for one in puts])
    z = model["bias"] + sum(
        rows[name]["weight"] * (x[:, i] - rows[name]["mean"]) / rows[name]["scale"]
        for i, name in enumerate(FEATURES)
    )
    return 1 / (1 + np.exp(-z))


def share(flags: Any) -> dict[str, Any]:
    """Mean with its 95% bootstrap interval."""
    flags = np.asarray(flags, float)
    if not len(flags):
        return {"n": 0}
    means = np.random.default_rng(0).choice(flags, (RESAMPLES, len(flags))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"value": round(float(flags.mean()), 3),
            "interval": [round(float(low), 3), round(float(high), 3)], "n": len(flags)}  # fmt: skip


def report(puts: list[Put], model: dict[str, Any]) -> dict[str, Any]:
    likely = scores(puts, model)
    own = np.array([one.holds for one in puts])
    right = np.array([one.right for one in puts])
    out = {}
    for name in ("perhaps", "says"):
        shown = likely >= model[name]
        out[name] = {
            "readings with the evidence that are quoted": share(shown[own]),
            "of those quoted, quotations that hold it": share(right[own & shown]),
            "readings without the evidence that are quoted": share(shown[~own]),
        }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    puts = {name: opened(options.shared, options.data, name) for name in SETS}
    figures = {}
    for name, own in puts.items():
        others = [one for other, some in puts.items() if other != name for one in some]
        figures[name] = report(own, fit(others))
    print(json.dumps(figures, indent=1))
    if options.fit:
        model = fit([one for some in puts.values() for one in some])
        model["about"] = "Fitted by benchmarks/cells.py on all three sets. The figures are of each"
        model["about"] += " set, judged by weights fitted on the other two."
        model["figures"] = figures
        WEIGHTS.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
