"""How well claims are told from what the evidence does not say, on sources left out of the fit.

    python benchmarks/claims.py --shared ../shared [--model FILE.gguf [--minutes N] [--fit]]

Reads labelled claims of several sources (see `SETS`; WiCE with whole articles as evidence), up to
100 a source, half of them supported. The built-in check is fitted on all sources but one and
judged on that one, each in turn; "today" are the weights as shipped with the rules. With --model,
the language model judges too, alone ("model") and with the rules beside it ("joined"), for at most
--minutes; every judgement is kept in --cache, so that a second run asks nothing twice. --fit writes
into src/seminar_rag/check/weights.json the weights of the built-in check, fitted on all of WiCE,
and with --model how sure a judgement is, fitted on all sources whose licence permits it; the
figures in it are those of the left-out sources.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from seminar_rag.check import features, judge
from seminar_rag.check.conflicts import Conflict, find_conflict
from seminar_rag.check.features import FEATURES, Matrix, compare
from seminar_rag.check.support import fitted, weigh
from seminar_rag.models.choice import Probabilities
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.models.local import LlamaCpp
from seminar_rag.text import sentence_spans

WEIGHTS = Path(features.__file__).with_name("weights.json")
CACHE = Path(tempfile.gettempdir()) / "seminar-rag-judged.jsonl"
PENALTY = 3.0
WORDS = tuple(f"words: {name}" for name in FEATURES)
SETS = {
    "healthver": "nc/healthver.jsonl.gz",
    "check_covid": "open/check_covid.jsonl.gz",
    "scifact": "open/scifact.jsonl.gz",
    "fm2": "open/fm2.jsonl.gz",
    "factcheckbench": "open/factcheckbench.jsonl.gz",
}
EVALUATED_ONLY = {"healthver"}
"""Their licence does not permit to ship what was fitted on them."""


@dataclass
class Row:
    source: str
    id: str
    claim: str
    sentences: list[str]
    supported: bool
    contradicted: bool | None
    """None where the source does not tell what is contradicted from what is not said."""
    group: str
    features: dict[str, float] = field(default_factory=dict)
    question: str = ""
    words: float = 0.0
    """The built-in score without the rules."""
    today: float = 0.0
    label: str = ""
    conflict: Conflict | None = None
    nearly: bool = False
    model: tuple[float, ...] = ()


class CachedEmbedder:
    """MiniLM with a file of vectors in the temporary folder, so that a second run is quick."""

    def __init__(self, embedder: SentenceTransformerEmbedder) -> None:
        self._embedder = embedder
        self._file = Path(tempfile.gettempdir()) / "seminar-rag-claims.npz"
        self.rows: dict[str, Matrix] = {}
        if self._file.is_file():
            with np.load(self._file) as data:
                self.rows = dict(zip(data["texts"].tolist(), data["rows"], strict=True))
        self._known = len(self.rows)

    def __call__(self, texts: Sequence[str]) -> Matrix:
        new = [text for text in dict.fromkeys(texts) if text not in self.rows]
        if new:
            self.rows |= dict(zip(new, self._embedder.embed(new).astype(np.float16), strict=True))
        return np.stack([self.rows[text] for text in texts]).astype(np.float32)

    def save(self) -> None:
        if len(self.rows) > self._known:
            np.savez(
                self._file, texts=np.array(list(self.rows)), rows=np.stack([*self.rows.values()])
            )


def sources(shared: Path, rows: int) -> Iterator[Row]:
    """Up to `rows` claims a source, half of them supported, the same ones every time."""
    grounding = shared / "grounding"
    for name, file in SETS.items():
        with gzip.open(grounding / file, "rt", encoding="utf-8") as text:
            lines = text.readlines()
        found = [one for one in map(json.loads, lines) if one["split"] == "dev"]
        told = not any(one["label"] == "unsupported" for one in found)
        for one in drawn(found, rows):
            evidence = one["evidence"]
            sentences = [evidence[start:end] for start, end in sentence_spans(evidence)]
            yield Row(
                name,
                str(one["id"]),
                one["claim"],
                [" ".join(part.split()) for part in sentences if part.strip()],
                one["label"] == "supported",
                one["label"] == "contradicted" if told else None,
                str(one["group"]),
            )
    yield from wice(shared / "wice" / "claims-dev.jsonl", rows)


def wice(file: Path, rows: int | None) -> Iterator[Row]:
    """Claims of Wikipedia against all sentences of the article that they cite; None takes all."""
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    random.Random(7).shuffle(found)
    most = 4 * len(found) if rows is None else rows
    room = {"supported": most // 2, "partially_supported": most // 4, "not_supported": most // 4}
    for number, one in enumerate(found):
        if room[one["label"]] > 0:
            room[one["label"]] -= 1
            sentences = [" ".join(part.split()) for part in one["evidence"] if part.strip()]
            good = one["label"] == "supported"
            group = one["meta"]["claim_title"]
            yield Row("wice", str(number), one["claim"], sentences, good, None, group)


def drawn(found: list[dict[str, Any]], rows: int) -> list[dict[str, Any]]:
    """Half supported, the rest evenly of the other labels; one a group as far as that goes."""
    found = sorted(found, key=lambda one: str(one["id"]))
    random.Random(7).shuffle(found)
    first, again, seen = [], [], set()
    for one in found:
        (again if one["group"] in seen else first).append(one)
        seen.add(one["group"])
    by_label = defaultdict(list)
    for one in [*first, *again]:
        by_label[one["label"]].append(one)
    chosen = by_label.pop("supported")[: rows // 2]
    labels = sorted(by_label)
    while len(chosen) < rows and any(by_label.values()):
        for label in labels:
            if by_label[label] and len(chosen) < rows:
                chosen.append(by_label[label].pop(0))
    return chosen


def measure(rows: Sequence[Row], embed: CachedEmbedder) -> None:
    """Fill in the features, what today's check says, and what the model is to be asked."""
    for row in rows:
        found = compare(row.claim, row.sentences, embed)
        conflict = find_conflict(row.claim, row.sentences, found)
        row.words = fitted()["built-in"].score(found.features)
        row.label, row.today, _ = weigh(found, row.words, conflict)
        row.conflict = conflict
        row.nearly = judge.nearly_verbatim(found)
        row.features = {f"words: {name}": one for name, one in found.features.items()}
        row.question = judge.question(row.claim, judge.evidence(row.sentences, found))


class CachedChooser:
    """A GGUF file whose judgements are kept in a file, one a line, so that none is made twice."""

    def __init__(self, model: Path, cache: Path) -> None:
        self.name = model.stem
        self._model = model
        self._cache = cache
        lines = cache.read_text("utf-8").splitlines() if cache.is_file() else []
        self._known = {one["key"]: one["likely"] for one in map(json.loads, lines)}
        self._llm: LlamaCpp | None = None

    def _key(self, system: str, examples: Sequence[tuple[str, str]], question: str) -> str:
        asked = json.dumps([self._model.name, system, list(examples), question])
        return hashlib.sha256(asked.encode()).hexdigest()

    def knows(self, system: str, examples: Sequence[tuple[str, str]], question: str) -> bool:
        """Whether the judgement is kept already."""
        return self._key(system, examples, question) in self._known

    def choose(
        self,
        system: str,
        examples: Sequence[tuple[str, str]],
        questions: Sequence[str],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
    ) -> Probabilities:
        out = []
        for question in questions:
            key = self._key(system, examples, question)
            if key not in self._known:
                self._llm = self._llm or LlamaCpp(self._model, context=512)
                (row,) = self._llm.choose(system, examples, [question], answers, stop)
                self._known[key] = [round(float(one), 5) for one in row]
                with self._cache.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "likely": self._known[key]}) + "\n")
            out.append(self._known[key])
        return np.array(out)


def ask(rows: Sequence[Row], model: CachedChooser, minutes: float) -> list[Row]:
    """The rows that the model has judged, as many as it could in so many minutes.

    Sources and answers take turns, so that each has its share wherever the time ends.
    """
    queues: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for row in rows:
        queues[row.source, row.supported].append(row)
    for queue in queues.values():
        random.Random(3).shuffle(queue)
    until = time.monotonic() + 60 * minutes
    out = []
    for row in filter(None, chain.from_iterable(zip_longest(*queues.values()))):
        late = time.monotonic() > until
        if late and not model.knows(*judge.instructions(), row.question):
            continue
        (found,) = model.choose(*judge.instructions(), [row.question], judge.ANSWERS)
        row.model = tuple(float(one) for one in found)
        row.features |= judge.judged(row.model)
        out.append(row)
    return out


@dataclass(frozen=True)
class Model:
    """A logistic regression over named features."""

    names: tuple[str, ...]
    bias: float
    weight: Any
    mean: Any
    scale: Any

    def score(self, rows: Sequence[Row]) -> Any:
        matrix = (table(rows, self.names) - self.mean) / self.scale
        return 1 / (1 + np.exp(-(matrix @ self.weight + self.bias)))


def table(rows: Sequence[Row], names: Sequence[str]) -> Any:
    return np.array([[row.features[name] for name in names] for row in rows])


def fit(rows: Sequence[Row], target: Any, names: tuple[str, ...]) -> Model:
    """Logistic regression with an L2 penalty; every source and both answers weigh alike.

    Signs are given, so that more support never counts against a claim.
    """
    matrix = table(rows, names)
    mean, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    matrix = (matrix - mean) / scale
    cells = [(row.source, bool(yes)) for row, yes in zip(rows, target, strict=True)]
    count = {cell: cells.count(cell) for cell in set(cells)}
    heavy = np.array([len(rows) / len(count) / count[cell] for cell in cells])

    def loss(point: Any) -> tuple[float, Any]:
        z = matrix @ point[1:] + point[0]
        error = heavy * (1 / (1 + np.exp(-z)) - target)
        value = (heavy * np.logaddexp(0, np.where(target, -z, z))).sum()
        value += PENALTY / 2 * point[1:] @ point[1:]
        return value, np.r_[error.sum(), matrix.T @ error + PENALTY * point[1:]]

    bounds = [(None, None), *([(0, None)] * len(names))]
    start = np.zeros(len(names) + 1)
    point = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Model(names, float(point[0]), point[1:], mean, scale)


def left_out(rows: Sequence[Row], names: tuple[str, ...]) -> Any:
    """Scores of every row by a model that has not seen its source."""
    scores = np.zeros(len(rows))
    for source in {row.source for row in rows}:
        seen = [row for row in rows if row.source != source]
        model = fit(seen, np.array([row.supported for row in seen]), names)
        own = [i for i, row in enumerate(rows) if row.source == source]
        scores[own] = model.score([rows[i] for i in own])
    return scores


def auc(labels: Any, scores: Any) -> float:
    """Area under the ROC curve: how often a supported claim scores above another."""
    above = (scores[labels][:, None] > scores[~labels][None]).mean()
    return float(above + (scores[labels][:, None] == scores[~labels][None]).mean() / 2)


def balanced(labels: Any, said: Any) -> float:
    return float((said[labels].mean() + (~said[~labels]).mean()) / 2)


def figures(rows: Sequence[Row], scores: Any, said: Any) -> dict[str, Any]:
    """Balanced accuracy of `said` and AUC of `scores`, with 95% intervals by resampling groups."""
    labels = np.array([row.supported for row in rows])
    members = defaultdict(list)
    for index, row in enumerate(rows):
        members[row.group].append(index)
    groups, rng, draws = list(members.values()), np.random.default_rng(0), []
    for _ in range(1000):
        own = [i for k in rng.integers(len(groups), size=len(groups)) for i in groups[k]]
        if 0 < labels[own].sum() < len(own):
            draws.append((balanced(labels[own], said[own]), auc(labels[own], scores[own])))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    values = (balanced(labels, said), auc(labels, scores))
    return {
        name: {"value": round(values[i], 3), "interval": [round(low[i], 3), round(high[i], 3)]}
        for i, name in enumerate(("balanced accuracy", "AUC"))
    }


def calibration(rows: Sequence[Row], scores: Any) -> list[dict[str, float]]:
    """Per tenth of the score: how many rows, and the share that is supported."""
    labels = np.array([row.supported for row in rows])
    out = []
    for low in np.arange(0, 1, 0.1):
        own = (scores >= low) & (scores < low + 0.1 + (low > 0.85))
        if own.any():
            out.append(
                {"from": round(float(low), 1), "rows": int(own.sum()),
                 "mean score": round(float(scores[own].mean()), 3),
                 "supported": round(float(labels[own].mean()), 3)}
            )  # fmt: skip
    return out


def evaluate(rows: list[Row]) -> dict[str, Any]:
    """The figures a source, each by models that have not seen it."""
    judging = all(row.model for row in rows)
    today = np.array([row.today for row in rows])
    scores = {"words": left_out(rows, WORDS)}
    said = {"today": np.array([row.label == "supported" for row in rows])}
    said["words"] = scores["words"] >= 0.5
    if judging:
        scores["model"] = np.array([row.model[0] for row in rows])
        scores["joined"] = left_out(rows, judge.FEATURES)
        said["model"] = np.array([row.model[0] == max(row.model) for row in rows])
        sure = zip(rows, scores["joined"], strict=True)
        labels = [judge.decide(row.model, one, row.conflict, row.nearly) for row, one in sure]
        said["joined"] = np.array([label == "supported" for label in labels])
    scores["today"] = today
    result: dict[str, Any] = {}
    for source in dict.fromkeys(row.source for row in rows):
        own = [i for i, row in enumerate(rows) if row.source == source]
        mine = [rows[i] for i in own]
        result[source] = {"claims": len(own)} | {
            name: figures(mine, scores[name][own], said[name][own]) for name in said
        }
    if judging:
        result["all sources"] = {"claims": len(rows)} | {
            name: figures(rows, scores[name], said[name]) for name in said
        }
        result["calibration"] = calibration(rows, scores["joined"])
        truth = [
            "supported" if row.supported else "contradicted" if row.contradicted else "not said"
            for row in rows
        ]
        crossed = Counter(zip(truth, labels, strict=True))
        result["labels"] = {f"{true} → {label}": n for (true, label), n in sorted(crossed.items())}
    return result


def in_words(found: dict[str, Any]) -> str:
    """The figures of a source in a line."""
    parts = [f"{found['claims']} claims"]
    for name, one in found["joined"].items():
        low, high = one["interval"]
        parts.append(f"{name} {one['value']:.2f} [{low:.2f}, {high:.2f}]")
    return ", ".join(parts)


def written(model: Model) -> dict[str, Any]:
    """The weights as the product reads them."""
    return {
        "bias": round(model.bias, 4),
        "features": {
            key.removeprefix("words: "): {
                "weight": round(float(model.weight[i]), 4),
                "mean": round(float(model.mean[i]), 4),
                "scale": round(float(model.scale[i]), 4),
            }
            for i, key in enumerate(model.names)
        },
    }


def write_weights(name: str, model: Model, says: dict[str, Any]) -> None:
    """Write one of the models that the product reads, with what the file says of it."""
    data = json.loads(WEIGHTS.read_text("utf-8"))
    data[name] = {"fitted by": "benchmarks/claims.py --fit"} | says | written(model)
    WEIGHTS.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")
    fitted.cache_clear()


def fit_words(shared: Path, embed: CachedEmbedder) -> None:
    """Fit the built-in check on all claims of WiCE, and write its weights."""
    file = shared / "wice" / "claims-dev.jsonl"
    rows = list(wice(file, None))
    for row in rows:
        found = compare(row.claim, row.sentences, embed)
        row.features = {f"words: {name}": one for name, one in found.features.items()}
    model = fit(rows, np.array([row.supported for row in rows]), WORDS)
    says = {
        "on": "WiCE (Kamoi et al. 2023), claims-dev.jsonl: Wikipedia sentences, the articles cited",
        "claims": len(rows),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "data licence": "annotations ODC-BY, text CC BY-SA; no text of it is here",
        "method": f"logistic regression, L2 penalty {PENALTY:g}, classes balanced, signs fixed",
    }
    write_weights("built-in", model, says)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rows", type=int, default=100, help="claims a source")
    parser.add_argument("--model", type=Path, metavar="FILE.gguf", help="let it judge too")
    parser.add_argument("--minutes", type=float, default=600, help="of the model, at most")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FILE")
    parser.add_argument("--fit", action="store_true", help="write the weights")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    rows = list(sources(args.shared, args.rows))
    embed = CachedEmbedder(SentenceTransformerEmbedder())
    if args.fit:
        fit_words(args.shared, embed)
    measure(rows, embed)
    embed.save()
    if args.model:
        rows = ask(rows, CachedChooser(args.model, args.cache), args.minutes)
    result = evaluate(rows)
    if args.fit and args.model:
        by_source = {one.source: in_words(result[one.source]) for one in rows}
        free = [row for row in rows if row.source not in EVALUATED_ONLY]
        says = {
            "with the language model": args.model.stem,
            "claims": len(free),
            "sources": sorted({row.source for row in free}),
            "on sources left out": by_source,
        }
        model = fit(free, np.array([row.supported for row in free]), judge.FEATURES)
        write_weights("judge", model, says)
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
