"""What a language model adds to the reader of course pages where that one is in doubt.

    python benchmarks/train_syllabus.py --measure --entries entries.jsonl
    python benchmarks/doubtful.py entries.jsonl --model FILE.gguf --answers answers.jsonl

The entries are those of labelled pages as models found them that had not seen the page's course.
The language model is asked of the doubtful ones as at the desk (`syllabus/asking.py`). Its answers
are kept in a file as they come, from where a later run goes on; without `--model` that file alone
is evaluated. Intervals are bootstraps over pages.
"""

from __future__ import annotations

import argparse
import html
import json
import math
import random
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from seminar_rag.models.local import LlamaCpp
from seminar_rag.syllabus import asking
from seminar_rag.syllabus.asking import AROUND, Doubtful
from seminar_rag.syllabus.assemble import _SURE, _SURE_READING
from seminar_rag.syllabus.judged import _LEAST
from seminar_rag.types.catalogue import ListedReading

Entry = dict[str, Any]
NARROW = 0.15
"""Of what is likely no reading, from where on it was rejected narrowly."""


def fold(text: str) -> str:
    """Text for comparison: letters and digits, lower case, single spaces."""
    text = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return re.sub(r"[^\w]+", " ", text).strip()


def is_title(text: str, entry: Entry) -> bool:
    """Whether a text is one of the titles that the key has for an entry."""
    return any(fold(text) == fold(one) for one in entry["titles"] or [] if one)


def question(entry: Entry) -> str:
    """What is asked of an entry that may be no reading."""
    listed = ListedReading("", entry["title"] or "")
    around = tuple(entry["before"][-AROUND - 1 :]), tuple(entry["after"][:AROUND])
    return asking.reading_question(Doubtful(listed, entry["session"], entry["text"], *around))


def ask(model: LlamaCpp, entries: Sequence[Entry], readings: int, titles: int, file: Path) -> None:
    """Ask of so many entries that may be no readings, and of so many titles; keep the answers."""
    order = list(range(len(entries)))
    random.Random(5).shuffle(order)
    unsure = [n for n in order if NARROW <= entries[n]["sure"] < _SURE_READING]
    named = [
        n
        for n in order
        if entries[n]["right"] and entries[n]["sure"] >= _LEAST
        if entries[n]["title_sure"] < _SURE and entries[n]["title"]
    ]
    done = {(one["kind"], one["entry"]) for one in answers_in(file)}
    with file.open("a", encoding="utf-8") as kept:

        def keep(kind: str, n: int, answer: float | str, begun: float) -> None:
            seconds = time.monotonic() - begun
            told = {"kind": kind, "entry": n, "answer": answer, "seconds": seconds}
            kept.write(f"{json.dumps(told)}\n")
            kept.flush()

        for n in (n for n in unsure[:readings] if ("reading", n) not in done):
            begun, asked = time.monotonic(), [question(entries[n])]
            rows = model.choose(asking._READING, asking._READINGS, asked, ("Yes", "No"))
            keep("reading", n, float(rows[0][0]), begun)
        for n in (n for n in named[:titles] if ("title", n) not in done):
            begun = time.monotonic()
            one = Doubtful(ListedReading("", entries[n]["title"]), "", entries[n]["text"])
            keep("title", n, asking._title(model, one, lambda: False), begun)


def answers_in(file: Path) -> list[dict[str, Any]]:
    """The answers that were kept."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def odds(share: float) -> float:
    """Bounded log odds."""
    share = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(share / (1 - share))


def interval(figure: Callable[[np.ndarray], float], pages: np.ndarray) -> str:
    """A figure of rows with its 95% interval, pages drawn anew."""
    rng, names = np.random.RandomState(0), np.array(sorted(set(pages.tolist())))
    rows = {name: np.flatnonzero(pages == name) for name in names}
    draws = []
    for _ in range(1000):
        some = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        value = figure(some)
        draws += [] if math.isnan(value) else [value]
    if not draws:
        return "-"
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{figure(np.arange(len(pages))):.2f} [{low:.2f}, {high:.2f}]"


def of_readings(entries: Sequence[Entry], answers: Sequence[dict[str, Any]]) -> None:
    """Whether an entry is a reading: the reader's own confidence, the model's, and both."""
    asked = [one for one in answers if one["kind"] == "reading"]
    mine = [entries[one["entry"]] for one in asked]
    right = np.array([one["right"] for one in mine])
    pages = np.array([one["page"] for one in mine])
    own = np.array([one["sure"] for one in mine])
    model = np.array([one["answer"] for one in asked])
    both = np.array([odds(a) + odds(b) for a, b in zip(own, model, strict=True)])
    print(
        f"Is this a reading? n = {len(right)} of {len(set(pages.tolist()))} pages,"
        f" {right.sum()} are"
    )

    def area(scores: np.ndarray, some: np.ndarray) -> float:
        two = 0 < right[some].sum() < len(some)
        return float(roc_auc_score(right[some], scores[some])) if two else math.nan

    for name, scores in (("own", own), ("model", model), ("both", both)):
        print(f"  AUC {name:6}", interval(lambda some, s=scores: area(s, some), pages))
    print("  both - own  ", interval(lambda some: area(both, some) - area(own, some), pages))
    kept = {
        "as now": own >= _LEAST,
        "model alone": model >= 0.5,
        "sum of both": both >= odds(_LEAST),
    }
    for name, keep in kept.items():
        precision = interval(
            lambda some, k=keep: float(right[some][k[some]].mean()) if k[some].any() else math.nan,
            pages,
        )
        recall = interval(
            lambda some, k=keep: (
                float(k[some][right[some]].mean()) if right[some].any() else math.nan
            ),
            pages,
        )
        print(f"  {name:12} kept {keep.sum():4} precision {precision} recall {recall}")


def of_titles(entries: Sequence[Entry], answers: Sequence[dict[str, Any]]) -> None:
    """Whether the title is right: as the reader has it, and as the model copies it."""
    asked = [one for one in answers if one["kind"] == "title"]
    mine = [entries[one["entry"]] for one in asked]
    pages = np.array([one["page"] for one in mine])
    now = np.array([is_title(one["title"], one) for one in mine])
    said = np.array([is_title(a["answer"], e) for a, e in zip(asked, mine, strict=True)])
    stands = np.array([bool(one["answer"]) for one in asked])
    differs = stands & np.array(
        [fold(a["answer"]) != fold(e["title"]) for a, e in zip(asked, mine, strict=True)]
    )
    print(f"Is this its title? n = {len(now)} of {len(set(pages.tolist()))} pages")
    for name, good in (("as now", now), ("as copied", said), ("copied verbatim", stands)):
        print(f"  {name:16}", interval(lambda some, g=good: float(g[some].mean()), pages))
    print(
        f"  another title {differs.sum()} times: right then {said[differs].sum()}, the reader's"
        f" {now[differs].sum()}; the same {(stands & ~differs).sum()}: right"
        f" {now[stands & ~differs].sum()}"
    )


def main() -> None:
    """Ask, where a model is given; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entries", type=Path)
    parser.add_argument("--model", type=Path, help="a GGUF file")
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--readings", type=int, default=300)
    parser.add_argument("--titles", type=int, default=250)
    options = parser.parse_args()
    entries = [json.loads(line) for line in options.entries.read_text("utf-8").splitlines()]
    if options.model:
        model = LlamaCpp(options.model, context=4096, threads=None)
        ask(model, entries, options.readings, options.titles, options.answers)
    answers = answers_in(options.answers)
    of_readings(entries, answers)
    of_titles(entries, answers)
    seconds = [one["seconds"] for one in answers]
    print(f"seconds for one question: median {np.median(seconds):.1f}, n = {len(seconds)}")


if __name__ == "__main__":
    main()
