"""Which lines of a course page name an exam, something due, a time without class: fit and figures.

    python benchmarks/events.py [--fit]

--fit writes `syllabus/events.json`, fitted to the example lines of `benchmarks/events.txt`, which
were written for it. The figures are of lines left out of ten in turn.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from seminar_rag.question.learned import digest, read_examples
from seminar_rag.syllabus.events import LONGEST, NONE, WEIGHTS, Kinds, lines_of, shape
from seminar_rag.syllabus.markup import html_items, markdown_items
from seminar_rag.syllabus.markup_text import text_items
from seminar_rag.syllabus.pieces import page_pieces

EXAMPLES = Path(__file__).with_name("events.txt")
PAGES = Path(__file__).with_name("course_pages")
OTHERS = 4000
"""Lines of made-up pages without a word of any event, which are none."""
DRAWS = 12
"""Lines made of one that has choices."""
STRENGTH = 20.0
"""Inverse of the regularisation."""
SEEN = 3
"""Lines that a feature must be in to be looked at."""
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_DAYS = "9/12|Oct 3|March 14|12 May|Monday, Nov 4|Fri 8 Dec|10/5/2021|November 12th|2.5.|Tue Apr 25"


def examples() -> list[tuple[str, str]]:
    """Pairs (class, line as written in the file)."""
    found, out = "", []
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found = line.strip("[]")
        elif line and not line.startswith("#"):
            out.append((found, line))
    return out


@cache
def other_lines() -> list[tuple[str, str]]:
    """Lines of the made-up pages, each with the name of its column, in an order by chance."""
    found: dict[tuple[str, str], None] = {}
    for path in sorted(PAGES.iterdir()):
        text = path.read_text(encoding="utf-8")
        html, plain = path.suffix == ".html", path.suffix in {".txt", ".org", ".rst"}
        items = html_items(text) if html else text_items(text) if plain else markdown_items(text)
        for line in lines_of(page_pieces(items, "html" if html else "markdown")):
            if len(line.text) <= LONGEST:
                found[line.text, line.header] = None
    return random.Random(0).sample(list(found), len(found))


def words_of(text: str, header: str = "") -> set[str]:
    """The words of a line, without days and numbers."""
    kept = (one for one in shape(text, header) if "_" not in one and "=" not in one)
    return {one for one in kept if len(one) > 2}


def drawn(line: str, rng: random.Random, subjects: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Texts that a line stands for, each with the name of its column."""
    for _ in range(DRAWS if re.search(r"[(<]", line) else 2):
        text = line
        while _CHOICE.search(text):
            text = _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), text)
        text = re.sub("<course>", lambda _: rng.choice(subjects), text)
        text = re.sub("<date>", lambda _: rng.choice(_DAYS.split("|")), text)
        text = re.sub("<n>", lambda _: str(rng.randint(1, 12)), text)
        header, _, own = text.rpartition(" || ")
        own = " ".join(own.split())
        yield (own, header) if own else (text, "")


def fitted(lines: Sequence[tuple[str, str]], seed: int = 0) -> Kinds:
    """A classifier of lines."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    rng = random.Random(seed)
    subjects = [line for _, line in read_examples("topics")]
    rows, names = [], []
    for name, line in lines:
        for text, header in drawn(line, rng, subjects):
            rows.append(shape(text, header))
            names.append(name)
    own, none = Counter[str](), Counter[str]()
    for name, row in zip(names, rows, strict=True):
        (none if name == NONE else own).update(set(row))
    telling = {one for one in own if len(one) > 2 and own[one] > none[one]}
    for text, header in other_lines()[:OTHERS]:
        if not words_of(text, header) & telling:
            rows.append(shape(text, header))
            names.append(NONE)
    often = Counter(one for row in rows for one in row)
    kept = [[one for one in row if often[one] >= SEEN] for row in rows]
    table = DictVectorizer()
    matrix = table.fit_transform({one: 1 / max(1, len(row)) ** 0.5 for one in row} for row in kept)
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(matrix, names)
    slopes = {
        str(name): [round(float(x), 2) for x in model.coef_[:, n]]
        for n, name in enumerate(table.feature_names_)
    }
    return Kinds(
        tuple(map(str, model.classes_)),
        tuple(round(float(x), 3) for x in model.intercept_),
        slopes,
    )


def left_out(folds: int = 10) -> tuple[int, int, Counter[str]]:
    """Of lines left out in turn, how many are told, of how many, and the faults."""
    lines = examples()
    order = random.Random(0).sample(range(len(lines)), len(lines))
    subjects = [line for _, line in read_examples("topics")]
    right, all_, faults = 0, 0, Counter[str]()
    for fold in range(folds):
        out = set(order[fold::folds])
        kinds = fitted([one for n, one in enumerate(lines) if n not in out])
        for n in sorted(out):
            name, line = lines[n]
            text, header = next(drawn(line, random.Random(n), subjects))
            found = kinds.of(text, header) or NONE
            right += found == name
            all_ += 1
            if found != name:
                faults[f"{name} as {found}"] += 1
    return right, all_, faults


def main() -> None:
    """Fit, or print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fit", action="store_true")
    given = options.parse_args()
    if given.fit:
        kinds = fitted(examples())
        written = {
            "digest": digest(examples()),
            "classes": kinds.classes,
            "offsets": kinds.offsets,
            "slopes": kinds.slopes,
        }
        WEIGHTS.write_text(json.dumps(written, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(kinds.slopes)} features, {WEIGHTS.stat().st_size / 1e3:.0f} kB: {WEIGHTS}")
        return
    right, count, faults = left_out()
    print(f"lines left out: {right} of {count}; {dict(faults)}")


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
