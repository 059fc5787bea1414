"""How well the built-in verifier tells supported claims from others, and the fit of its weights.

    python benchmarks/claims.py CLAIMS.jsonl [--fit | --no-fit] [--json FILE]

CLAIMS.jsonl has the form of WiCE (Kamoi et al. 2023): `claim`, `evidence` (the article's
sentences), `label` (supported, partially_supported, not_supported), `supporting_sentences` (sets
of indices), `meta.claim_title`. "Supported" is told from the other two.

By default the weights are fitted and judged by cross-validation, claims about one subject kept in
one fold, beside a baseline of the same run (word overlap, cosine, logistic regression). --fit also
writes src/seminar_rag/check/weights.json. --no-fit judges the weights that are shipped: do that
on claims they were not fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
from scipy.optimize import minimize

from seminar_rag.check import features
from seminar_rag.check.conflicts import find_conflict
from seminar_rag.check.features import FEATURES, Conflict, Matrix, compare
from seminar_rag.check.support import SUPPORTED, fitted, weigh
from seminar_rag.models.embed import SentenceTransformerEmbedder

WEIGHTS = Path(features.__file__).with_name("weights.json")
PENALTY = 3.0
FALLING = {"names claimed"}
FOLDS, REPEATS = 10, 5
BASELINE = ("overlap", "cosine")


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


def fit(matrix: Any, labels: Any, falling: Sequence[bool], free: bool = False) -> Any:
    """Bias and weights of a logistic regression on standardised features, both classes alike heavy.

    L2 penalty; unless `free`, a weight's sign is given, so that more support never counts against
    a claim.
    """
    share = labels.mean()
    heavy = np.where(labels, 0.5 / share, 0.5 / (1 - share))

    def loss(point: Any) -> tuple[float, Any]:
        z = matrix @ point[1:] + point[0]
        error = heavy * (1 / (1 + np.exp(-z)) - labels)
        value = (heavy * np.logaddexp(0, np.where(labels, -z, z))).sum()
        value += PENALTY / 2 * point[1:] @ point[1:]
        return value, np.r_[error.sum(), matrix.T @ error + PENALTY * point[1:]]

    bounds = [(None, None) if free else (None, 0) if down else (0, None) for down in falling]
    start = np.zeros(matrix.shape[1] + 1)
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *bounds]).x


def folds(groups: Sequence[str], labels: Any, seed: int) -> Any:
    """Fold of every claim: groups whole, classes spread evenly."""
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    rng.shuffle(names)
    members = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    names.sort(key=lambda name: -len(members[name]))  # stable: ties stay shuffled
    fold = np.zeros(len(groups), int)
    counts = np.zeros((FOLDS, 2))
    for name in names:
        own = np.bincount(labels[members[name]].astype(int), minlength=2)
        cost = [
            ((counts + own * (np.arange(FOLDS) == k)[:, None]) ** 2).sum() for k in range(FOLDS)
        ]
        best = int(np.argmin(cost))
        fold[members[name]] = best
        counts[best] += own
    return fold


def cross_validate(
    matrix: Any, labels: Any, groups: Sequence[str], falling: Sequence[bool], free: bool = False
) -> list[Any]:
    """Scores of every claim by a model that has not seen its subject, once per repeat."""
    out = []
    for seed in range(REPEATS):
        fold = folds(groups, labels, seed)
        scores = np.zeros(len(labels))
        for k in range(FOLDS):
            train, test = fold != k, fold == k
            mean, scale = matrix[train].mean(axis=0), matrix[train].std(axis=0) + 1e-9
            point = fit((matrix[train] - mean) / scale, labels[train], falling, free)
            scores[test] = 1 / (1 + np.exp(-((matrix[test] - mean) / scale @ point[1:] + point[0])))
        out.append(scores)
    return out


def auc(labels: Any, scores: Any) -> float:
    """Area under the ROC curve: how often a supported claim scores above another."""
    above = (scores[labels][:, None] > scores[~labels][None]).mean()
    return float(above + (scores[labels][:, None] == scores[~labels][None]).mean() / 2)


def figures(
    labels: Any, runs: Sequence[Any], groups: Sequence[str], threshold: float = 0.5
) -> dict[str, Any]:
    """Means over the runs, with a 95% interval of the first by resampling subjects.

    A score of `threshold` or more counts as "supported": 0.5 is even odds of the fit.
    """

    def measure(labels: Any, scores: Any) -> tuple[float, float, float]:
        said = scores >= threshold
        balanced = (said[labels].mean() + (~said[~labels]).mean()) / 2
        hits = (said & labels).sum()
        f1 = 2 * hits / max(1, said.sum() + labels.sum())
        return float(balanced), auc(labels, scores), float(f1)

    means = np.mean([measure(labels, scores) for scores in runs], axis=0)
    rng = np.random.default_rng(0)
    names = sorted(set(groups))
    members = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    drawn = []
    for _ in range(1000):
        rows = [i for name in rng.choice(names, len(names)) for i in members[name]]
        if 0 < labels[rows].sum() < len(rows):
            drawn.append(measure(labels[rows], runs[0][rows]))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: {"value": round(means[i], 3), "interval": [round(low[i], 3), round(high[i], 3)]}
        for i, name in enumerate(("balanced accuracy", "ROC AUC", "F1"))
    }


def evidence_recall(
    rows: Sequence[dict[str, Any]], shown: Sequence[Sequence[int]]
) -> dict[str, float]:
    """Of the claims with marked evidence: how much of it is among the three sentences shown."""
    hit, whole, possible = [], [], []
    for row, order in zip(rows, shown, strict=True):
        sets = [set(marked) for marked in row["supporting_sentences"] if marked]
        if sets:
            three = set(order[:3])
            hit.append(any(three & marked for marked in sets))
            whole.append(max(len(three & marked) / len(marked) for marked in sets))
            possible.append(max(len(three & marked) / min(3, len(marked)) for marked in sets))
    return {
        "claims with at least one": round(float(np.mean(hit)), 3),
        "share of the best set": round(float(np.mean(whole)), 3),
        "share of what three can hold": round(float(np.mean(possible)), 3),
    }


def write_weights(
    claims: Path, matrix: Any, labels: Any, falling: Sequence[bool], measured: dict[str, Any]
) -> None:
    mean, scale = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    point = fit((matrix - mean) / scale, labels, falling)
    table = {
        name: {
            "weight": round(float(point[i + 1]), 4),
            "mean": round(float(mean[i]), 4),
            "scale": round(float(scale[i]), 4),
            "what": what,
        }
        for i, (name, what) in enumerate(FEATURES.items())
    }
    provenance = {
        "fitted by": "benchmarks/claims.py --fit",
        "on": f"WiCE (Kamoi et al. 2023), {claims.name}: {len(labels)} claims of Wikipedia"
        f" sentences against the article they cite, {int(labels.sum())} supported",
        "sha256": hashlib.sha256(claims.read_bytes()).hexdigest(),
        "data licence": "annotations ODC-BY, text CC BY-SA; no text of it is here",
        "embedding": "all-MiniLM-L6-v2",
        "method": f"logistic regression, L2 penalty {PENALTY:g} on standardised features, classes"
        " balanced, signs fixed",
        "cross-validated": measured,
    }
    data = {"provenance": provenance, "bias": round(float(point[0]), 4), "features": table}
    WEIGHTS.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")


def evaluate(path: Path, mode: str, embed: Callable[[Sequence[str]], Matrix]) -> dict[str, Any]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    labels = np.array([row["label"] == "supported" for row in rows])
    groups = [row.get("meta", {}).get("claim_title") or str(i) for i, row in enumerate(rows)]
    started = time.perf_counter()
    held = [compare(row["claim"], row["evidence"], [], embed) for row in rows]
    conflicts = [
        find_conflict(row["claim"], row["evidence"], one)
        for row, one in zip(rows, held, strict=True)
    ]
    seconds = time.perf_counter() - started
    matrix = np.array([[one.features[name] for name in FEATURES] for one in held])
    falling = [name in FALLING for name in FEATURES]
    if mode == "no-fit":
        runs = [np.array([fitted().score(one.features) for one in held])]
    else:
        runs = cross_validate(matrix, labels, groups, falling)
    ruled = [
        np.array([weigh(*args)[1] for args in zip(held, scores, conflicts, strict=True)])
        for scores in runs
    ]
    overlap = [
        [one.covered.mean(axis=1).max(), (embed([row["claim"]]) @ embed(row["evidence"]).T).max()]
        for row, one in zip(rows, held, strict=True)
    ]
    result: dict[str, Any] = {
        "file": path.name,
        "claims": len(rows),
        "supported": int(labels.sum()),
        "mode": "shipped weights" if mode == "no-fit" else f"{FOLDS}-fold × {REPEATS}, by subject",
        "baseline, cross-validated": figures(
            labels, cross_validate(np.array(overlap), labels, groups, [False] * 2, True), groups
        ),
        "score": figures(labels, runs, groups),
        "score and rules": figures(labels, ruled, groups),
        f"verdicts (score and rules, supported from {SUPPORTED:g})": figures(
            labels, ruled, groups, SUPPORTED
        ),
        "evidence": evidence_recall(rows, [one.order for one in held]),
        "rules": {
            kind: {
                "fired": sum(c is not None and c.kind == kind for c in conflicts),
                "on supported": sum(
                    bool(label) and c is not None and c.kind == kind
                    for label, c in zip(labels, conflicts, strict=True)
                ),
            }
            for kind in get_args(get_type_hints(Conflict)["kind"])
        },
        "seconds": round(seconds, 1),
    }
    if mode == "fit":
        write_weights(path, matrix, labels, falling, {k: result[k] for k in ("score", "evidence")})
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("claims", type=Path, metavar="CLAIMS.jsonl")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--fit", dest="mode", action="store_const", const="fit")
    mode.add_argument("--no-fit", dest="mode", action="store_const", const="no-fit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    embed = CachedEmbedder(SentenceTransformerEmbedder())
    result = evaluate(args.claims, args.mode or "cross-validate", embed)
    embed.save()
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
