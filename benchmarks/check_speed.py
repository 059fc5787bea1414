"""How long checking takes: a text of 200 claims, and an answer of five sentences.

    python benchmarks/check_speed.py [--passages 7000] [--data DIR] [--json FILE]

The index is the sample course with filler around it, as in `scale.py`, until it has as many
passages as asked for. `--data` keeps the index for another run.

The claims are the hand-written paraphrases, faults and inventions of `faults.jsonl`. The answer
has five of the paraphrases, each with the mark of its passage; its time is what verdicts add to
the answer: with a verifier that knows nothing yet, with passages met for the first time, and met
before.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scale import fill
from seminar_rag.answer.citations import MarkFilter
from seminar_rag.answer.review import Review
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.config import Config
from seminar_rag.course import SAMPLE, Course

FAULTS = Path(__file__).with_name("faults.jsonl")
CLAIMS = 200


def filled(folder: Path, passages: int) -> Course:
    """The sample course with filler around it; taken up where an earlier run left it."""
    course = Course(Config(folder=folder))
    if not course.catalogue().documents:
        list(course.ingest([SAMPLE]))
    with course.store.writer():
        fill(course.store, passages)
    return course


def claims() -> list[str]:
    rows = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    texts = [text for row in rows for text in _texts(row)]
    random.Random(5).shuffle(texts)
    return [text for text in texts if text.endswith(".")][:CLAIMS]


def _texts(row: dict[str, Any]) -> list[str]:
    given = [row.get("paraphrase"), row.get("invented"), *row.get("damaged", {}).values()]
    return [text for text in given if isinstance(text, str)]


def time_text(course: Course) -> dict[str, Any]:
    text = "\n\n".join(claims())
    times = []
    started, worked = time.perf_counter(), time.process_time()
    checking = course.check(text)
    for _ in checking:
        times.append(time.perf_counter())
    each = np.diff([started, *times])
    return {
        "claims": len(times),
        "seconds": round(times[-1] - started, 1),
        "seconds of all cores together": round(time.process_time() - worked, 1),
        "milliseconds a claim, median": round(1000 * float(np.median(each))),
        "slowest": round(1000 * float(each.max())),
        "summary": checking.report().summary,
    }


def time_answers(course: Course, embed: Callable[[Sequence[str]], Any]) -> dict[str, int]:
    """What verdicts add to an answer of five sentences, milliseconds, over ten answers.

    "cold" are those of a new verifier each, which knows no word yet; "fresh" and "again" are those
    of one verifier for all, as a course has it, with passages met for the first time and met
    before. Medians.

    Args:
        embed: has not read the sentences as questions.
    """
    rows = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    said = [row["paraphrase"] for row in rows if "paraphrase" in row]
    embed(["loaded"])
    one = BuiltinVerifier(embed)
    times: dict[str, list[float]] = {"cold": [], "fresh": [], "again": []}
    for at in range(0, 50, 5):
        offered = [course.search(text, 1)[0] for text in said[at : at + 5]]
        text = " ".join(f"{text} [{i}]" for i, text in enumerate(said[at : at + 5], 1))
        new = BuiltinVerifier(embed)
        for name, verifier in (("cold", new), ("fresh", one), ("again", one)):
            marks = MarkFilter(len(offered))
            marks.feed(text)
            marks.finish()
            started = time.perf_counter()
            verdicts = list(Review(verifier, offered, marks).finish())
            times[name].append(1000 * (time.perf_counter() - started))
            assert len(verdicts) >= 5
    return {name: round(float(np.median(each))) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=7_000)
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the index here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.data or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        course = filled(folder, args.passages)
        figures: dict[str, Any] = {"passages": course.catalogue().passages}
        figures["filled in seconds"] = round(time.perf_counter() - started)
        figures["five sentences, milliseconds"] = time_answers(
            course, Course(Config(folder=folder)).embedder.embed
        )
        figures["a text"] = time_text(course)
        course.close()
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
