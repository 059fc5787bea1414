"""How long a student waits for a language model: first token, whole answer, and a follow-up.

    python benchmarks/llm_times.py MODEL.gguf [--shared ../shared] [--data FOLDER] [--questions 10]
        [--threads N]

Asks half of them of the course and half of the biomedical papers, as `benchmarks/llm.py --second`
does, each with the follow-up "Why is that?", and nothing is kept from one run to the next. Prints
each question's seconds and the medians. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from llm import FILES, SECOND, course_of
from seminar_rag.course import Course
from seminar_rag.evaluation.questions import read_questions
from seminar_rag.types import Answer, AnswerEvent, HitsEvent, TokenEvent, Turn

FOLLOW_UP = "Why is that?"


def asked(course: Course, text: str, history: Sequence[Turn]) -> tuple[Answer, dict[str, float]]:
    """An answer, and the seconds until its sources, its first token and its end."""
    started, took = time.perf_counter(), {}
    for event in course.ask(text, history):
        now = time.perf_counter() - started
        if isinstance(event, HitsEvent):
            took.setdefault("sources", now)
        elif isinstance(event, TokenEvent):
            took.setdefault("first", now)
        elif isinstance(event, AnswerEvent):
            answer, took["whole"] = event.answer, now
    return answer, took


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--shared", type=Path, default=here.parents[1] / "shared")
    parser.add_argument("--data", type=Path, default=Path("kept-data"))
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    rows, later = [], []
    for name, (file, _) in FILES.items():
        course = course_of(options, name)
        list(course.ask("What is this course about?"))  # loads what the first question needs
        known = {one.id: one for one in read_questions(options.shared / file)}
        for id_ in SECOND[name].split()[: options.questions // 2]:
            one = known[id_]
            answer, took = asked(course, one.text, one.history)
            print(id_, {part: round(seconds, 1) for part, seconds in took.items()}, flush=True)
            if answer.abstained or "first" not in took:
                continue
            rows.append(took)
            said = [*one.history, Turn("user", one.text), Turn("assistant", answer.text)]
            _, again = asked(course, FOLLOW_UP, said)
            print("  follow-up", {part: round(s, 1) for part, s in again.items()}, flush=True)
            later += [again["first"]] if "first" in again else []
        course.close()
    for part in ("sources", "first", "whole"):
        print(f"median of {part}: {median(row[part] for row in rows):.1f} s (n={len(rows)})")
    print(f"median of a follow-up's first token: {median(later):.1f} s (n={len(later)})")


if __name__ == "__main__":
    main()
