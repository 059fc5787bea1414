"""Where two sentences differ: planted differences that are found, and what is found unplanted.

    python benchmarks/differences.py --data FOLDER [--show N]

`faults.jsonl` has sentences of the bundled primers with denials, flipped comparisons and claims
that go further, written by hand, and faithful paraphrases. A planted difference is found where the
pair differs ("differs") or contradicts ("contradicts"); the paraphrases are false alarms. The rules
of the check were developed on the primers of one half, so the figures are of the other.

FOLDER holds a course; its sessions are searched for differences, which are counted and shown to be
judged by eye.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

from seminar_rag.compare.table import Pair, differences
from seminar_rag.config import load
from seminar_rag.course import Course
from seminar_rag.errors import SeminarError
from seminar_rag.study.items import KeySentence
from seminar_rag.types import Document, Passage, Sentence

FAULTS = Path(__file__).with_name("faults.jsonl")


def source(name: str, text: str) -> KeySentence:
    passage = Passage(name, name, 0, text, "", 0, len(text), None, (Sentence(0, len(text)),))
    return KeySentence(Document(name, "paper", name, name), passage, text, None)


def planted(course: Course) -> None:
    rows = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    primers = sorted({row["primer"] for row in rows})
    test = set(primers[1::2])
    said: dict[str, Counter[str]] = {}
    for row in rows:
        if row["primer"] not in test:
            continue
        pairs = [(kind, text) for kind, text in row.get("damaged", {}).items()]
        pairs += [("paraphrase", row["paraphrase"])] if row.get("paraphrase") else []
        for kind, text in pairs:
            a, b = course.embedder.embed([row["sentence"], text])
            pair = Pair(source("a", row["sentence"]), source("b", text), float(a @ b))
            if pair.alike < 0.6:
                said.setdefault(kind, Counter())["too unlike"] += 1
                continue
            (one,) = differences(1, [pair], course.embedder.embed, lambda: False)
            said.setdefault(kind, Counter())[one.said if one else "nothing"] += 1
    for kind, counts in said.items():
        print(f"{kind:12} n={counts.total():3}  {dict(counts)}")


def found(course: Course, show: int) -> None:
    every = []
    for number, *_ in course.sessions():
        try:
            every += [one.difference for one in course.differ(number)]
        except SeminarError:
            continue
    print(f"{len(every)} differences: {Counter(one.said for one in every)}")
    random.seed(0)
    for one in random.sample(every, min(show, len(every))):
        print(f"\n{one.said} (session {one.session}): {one.reason}")
        for side in (one.one, one.other):
            print(f"  {side.title[:50]} {side.place}: {side.quote}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", type=int, default=20)
    options = parser.parse_args()
    course = Course(load(Path(), data=options.data))
    planted(course)
    found(course, options.show)


if __name__ == "__main__":
    main()
