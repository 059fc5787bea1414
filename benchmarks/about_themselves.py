"""Fits what tells sentences about their document from sentences about its subject.

    python benchmarks/about_themselves.py [--fit] [FILE]

The examples of `benchmarks/about_themselves.txt` were written for it. It prints how well they
are told in ten-fold cross-validation; FILE has others to try the shipped weights on: JSON lines
with `text` and `itself`. --fit writes the weights anew.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from seminar_rag.documents import itself

TEXTS = Path(__file__).with_suffix(".txt")
WEIGHTS = Path(itself.__file__).with_name("about_themselves.json")
STRENGTH = 10.0
"""Inverse of the regularisation."""


def examples() -> tuple[list[str], np.ndarray]:
    """The sentences, and 1 for each that is about its document, else 0."""
    texts, labels, label = [], [], 0
    for line in TEXTS.read_text("utf-8").splitlines():
        if line.startswith("["):
            label = int(line == "[itself]")
        elif line:
            texts.append(line)
            labels.append(label)
    return texts, np.array(labels)


def main() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("file", type=Path, nargs="?")
    options = parser.parse_args()
    texts, labels = examples()
    words = TfidfVectorizer(analyzer=itself.tokens, binary=True, use_idf=False, min_df=2)
    model = make_pipeline(words, LogisticRegression(C=STRENGTH, max_iter=1000))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    likely = cross_val_predict(model, texts, labels, cv=folds, method="predict_proba")[:, 1]
    print(f"{len(texts)} examples, area under the curve {roc_auc_score(labels, likely):.3f}")
    if options.fit:
        model.fit(texts, labels)
        (slopes,), (bias,) = model[-1].coef_, model[-1].intercept_
        terms = zip(words.get_feature_names_out(), slopes, strict=True)
        data = {
            "fitted by": "benchmarks/about_themselves.py --fit",
            "bias": round(float(bias), 3),
            "weights": {term: round(float(slope), 2) for term, slope in terms},
        }
        WEIGHTS.write_text(json.dumps(data, indent=0) + "\n", "utf-8")
    if options.file:
        rows = [json.loads(line) for line in options.file.read_text("utf-8").splitlines()]
        told = np.array([itself.about_itself(row["text"]) for row in rows])
        found = roc_auc_score([row["itself"] for row in rows], told)
        print(f"{len(rows)} others, area under the curve {found:.3f}")


if __name__ == "__main__":
    main()
