"""What a cold start costs: seconds and memory of `ask`, `serve` and an `ingest` of nothing new.

    python benchmarks/cold.py [DATA] [--rounds 3] [--questions 100] [--asked FILE]
        [--source FOLDER] [--json FILE]

DATA is a data folder; without one the sample course is ingested first. No language model is used.
Each is a process of its own, and the best of the rounds counts, as other work on the machine only
ever slows one down; memory is the largest resident size. `serve` is asked over Gradio's endpoint
`ask`, as pages call theirs, which every version has. FILE has the questions, and `--source` names
what DATA was ingested from.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from seminar_rag.config import Config
from seminar_rag.course import SAMPLE, Course
from seminar_rag.types.ingest import Options
from served import COMMAND, UNLIMITED, served

QUESTIONS = (
    "What is retrieval-augmented generation?",
    "How does LoRA save memory?",
    "What is the difference between LoRA and QLoRA?",
    "How are language models evaluated?",
    "What are the limits of attention?",
)
ABSTAINED = 8
"""The exit status of a question that the readings do not answer."""


def ask(data: Path, question: str) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and MB of one question from a cold start."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "ask", "--data", data, question], stdout=subprocess.DEVNULL, cwd=data
    )
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, ABSTAINED):
        sys.exit("the question was not answered")
    seconds = time.perf_counter() - started
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def serve(data: Path, asked: Sequence[str], count: int) -> tuple[float, float, float, float]:
    """Seconds until `serve` has opened its page, and until it has answered its first question, MB
    then, and MB after `count` questions."""
    started = time.perf_counter()
    with served("--data", data, folder=data, **UNLIMITED) as (address, pid):
        opened = time.perf_counter() - started
        memory = psutil.Process(pid)
        first = rss = 0.0
        with httpx.Client(base_url=address, timeout=120) as client:
            defaults = _defaults(client)
            for i in range(count):
                _ask(client, [asked[i % len(asked)], *defaults])
                if i == 0:
                    first, rss = time.perf_counter() - started, memory.memory_info().rss / 1e6
        return opened, first, rss, memory.memory_info().rss / 1e6


def _defaults(client: httpx.Client) -> list[object]:
    """What the endpoint `ask` takes beside the question."""
    info = client.get("/gradio_api/info").raise_for_status().json()
    given = info["named_endpoints"]["/ask"]["parameters"]
    return [one["parameter_default"] for one in given[1:]]


def _ask(client: httpx.Client, data: list[object]) -> None:
    """Ask as a page does: post the question, and read events until the answer is complete."""
    call = "/gradio_api/call/ask"
    event = client.post(call, json={"data": data}).raise_for_status().json()["event_id"]
    with client.stream("GET", f"{call}/{event}") as events:
        said = events.read().decode()
    if "event: complete" not in said:
        sys.exit(f"no answer came: {said[:300]}")


def again(data: Path, source: Path) -> float:
    """Seconds of an ingest that finds nothing changed, its process and imports among them."""
    arguments = ("ingest", source, "--data", data, "--offline", "--quiet")
    started = time.perf_counter()
    subprocess.run([*COMMAND, *arguments], check=True, cwd=data, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def within(data: Path, source: Path) -> float:
    """Seconds of the same in a process that has its modules loaded, as a desk has."""
    course = Course(Config(folder=data.parent, data_dir=str(data)))
    took = []
    for _ in range(2):  # the first loads what ingests
        started = time.perf_counter()
        list(course.ingest([source], options=Options(fetch=False)))
        took.append(time.perf_counter() - started)
    course.close()
    return took[-1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--source", type=Path, help="what the data was ingested from")
    parser.add_argument("--asked", type=Path, help="questions, one JSON object a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    asked = QUESTIONS
    if options.asked:
        lines = options.asked.read_text("utf-8").splitlines()
        asked = tuple(json.loads(line)["question"] for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data
        if data is None:
            course = Course(Config(folder=Path(folder)))
            list(course.ingest([SAMPLE]))
            data = course.config.data
            course.close()
        data = data.resolve()
        figures: dict[str, float] = {}
        rounds = [ask(data, asked[0]) for _ in range(options.rounds)]
        names = ("ask, s", "ask, s of the processor", "ask, MB")
        figures |= dict(zip(names, map(min, zip(*rounds, strict=True)), strict=True))
        counts = [1] * (options.rounds - 1) + [options.questions]
        served = [serve(data, asked, count) for count in counts]
        figures["serve until the page is open, s"] = min(one[0] for one in served)
        figures["serve until the first answer, s"] = min(one[1] for one in served)
        figures["serve after the first answer, MB"] = min(one[2] for one in served)
        figures[f"serve after {options.questions} questions, MB"] = served[-1][3]
        if options.source:
            source = options.source.resolve()
            took = [again(data, source) for _ in range(options.rounds + 1)]
            figures["ingest of nothing new, as a command, s"] = min(took[1:])
            figures["ingest of nothing new, at a desk, s"] = within(data, source)
    text = json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
