"""What memory each further course of a server takes.

    python benchmarks/many_courses.py [--courses 6] [--passages 5000] [--data FOLDER]
        [--questions 8]

FOLDER is the data folder of an ingested course (default: the sample course is ingested), around
which filler is put as in `scale.py`; the courses are copies of it. `seminar-rag serve --courses`
serves them in a process of its own, with the packaged embedding weights and without a language
model. One course after another is opened as a browser does (page and desk's login), asked
`--questions` questions, two pages of a PDF are looked at, and it is left; after each, the resident
memory of the server is read, with that of the processes that it has started beside it. The first
course pays for all that is shared. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import psutil

from scale import fill
from seminar_rag.course import SAMPLE, Course
from seminar_rag.sample import FOLDER
from served import served

SETTLE = 3.0
"""Seconds after the last question before memory is read."""
UNLIMITED = "[serve]\nrate = 0\nrate_address = 0\n"


def prepare(folder: Path, data: Path | None, courses: int, passages: int) -> str:
    """Fill one course, and copy it; the id of a PDF in it, "" where it keeps none."""
    first = folder / "course-1"
    first.mkdir(parents=True)
    (first / "seminar.toml").write_text('[course]\nname = "Course"\n', encoding="utf-8")
    if data:
        shutil.copytree(data, first / ".seminar")
    course = Course.open(first)
    if not data:
        list(course.ingest([SAMPLE]))
    with course.store.writer():
        fill(course.store, passages)
    files = {one: course.store.file_of(one) for one in course.documents()}
    pdfs = [one for one, file in files.items() if file and one.endswith(".pdf")]
    course.close()
    for number in range(2, courses + 1):
        shutil.copytree(first, folder / f"course-{number}")
    (folder / "seminar.toml").write_text(UNLIMITED, encoding="utf-8")
    return pdfs[0] if pdfs else ""


def memory(process: psutil.Process) -> tuple[float, float]:
    """Resident MB of the server, and of the processes that it started."""
    children = sum(one.memory_info().rss for one in process.children(recursive=True))
    return process.memory_info().rss / 1e6, children / 1e6


def visit(client: httpx.Client, name: str, questions: Sequence[str], pdf: str) -> list[float]:
    """Open a course, ask, and look at pages; milliseconds of each question."""
    for path in ("", "config", "desk/login", "health"):
        client.get(f"/c/{name}/{path}")
    took = []
    for one in questions:
        began = time.perf_counter()
        sent = {"model": "course", "messages": [{"role": "user", "content": one}]}
        client.post(f"/c/{name}/v1/chat/completions", json=sent).raise_for_status()
        took.append(1000 * (time.perf_counter() - began))
    for page in (1, 2) if pdf else ():
        client.get(f"/c/{name}/view/{quote(pdf, safe='')}/{page}.jpg?width=800").raise_for_status()
    return took


def questions_of(count: int) -> list[str]:
    """Questions of the sample course."""
    lines = (FOLDER / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines][:count]


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare, serve, visit and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--courses", type=int, default=6)
    parser.add_argument("--passages", type=int, default=5_000)
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "courses"
        pdf = prepare(folder, options.data, options.courses, options.passages)
        with served("--courses", folder) as (address, pid):
            process = psutil.Process(pid)
            print(f"no course asked yet: {memory(process)[0]:.0f} MB")
            totals, asked = [], questions_of(options.questions)
            with httpx.Client(base_url=address, timeout=300) as client:
                for number in range(1, options.courses + 1):
                    took = visit(client, f"course-{number}", asked, pdf)
                    time.sleep(SETTLE)
                    own, others = memory(process)
                    totals.append(own + others)
                    print(
                        f"{number} course(s): {own:.0f} MB, its processes {others:.0f} MB; "
                        f"questions p50 {np.median(took):.0f} ms",
                        flush=True,
                    )
            further = np.diff(totals)
            print(
                f"each further course of {options.passages} passages: mean {further.mean():.1f} MB,"
                f" {further.min():.1f} to {further.max():.1f} (n={len(further)})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
