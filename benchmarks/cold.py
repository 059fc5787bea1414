"""What a cold start costs: seconds and memory of `ask` and `serve`, each in a process of its own.

    python benchmarks/cold.py [DATA] [--rounds 3] [--questions 100]

DATA is a data folder; without one the sample course is ingested first. No language model is used.
The best of the rounds counts, as other work on the machine only ever slows one down; memory is the
largest resident size. `serve` is asked over its own endpoint for programs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from seminar_rag.config import Config
from seminar_rag.course import SAMPLE, Course

QUESTIONS = (
    "What is retrieval-augmented generation?",
    "How does LoRA save memory?",
    "What is the difference between LoRA and QLoRA?",
    "How are language models evaluated?",
    "What are the limits of attention?",
)
FREE = {"COLUMNS": "200"} | dict.fromkeys(
    ("SEMINAR_RAG_SERVE_RATE", "SEMINAR_RAG_SERVE_RATE_ADDRESS"), "100000"
)
"""No limit is to be met, and no line to be broken."""
COMMAND = (sys.executable, "-m", "seminar_rag.cli.main")


def ask(data: Path) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and MB of one question from a cold start."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "ask", "--data", data, QUESTIONS[0]], stdout=subprocess.DEVNULL, cwd=data
    )
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit("the question was not answered")
    seconds = time.perf_counter() - started
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def serve(data: Path, questions: int) -> tuple[float, float, float]:
    """Seconds until `serve` has answered its first question, MB then, and MB after all."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data", data, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=data,
        env={**os.environ, **FREE},
    )
    try:
        assert process.stderr is not None
        said = ""
        while not (found := re.search(r"chat is open on (http://\S+)", said)):
            line = process.stderr.readline()
            if not line:
                sys.exit(f"serve ended: {said}")
            said += line
        memory = psutil.Process(process.pid)
        first = rss = 0.0
        with httpx.Client(base_url=found[1], timeout=120) as client:
            model = client.get("/v1/models").raise_for_status().json()["data"][0]["id"]
            for i in range(questions):
                body: dict[str, object] = {"model": model}
                body["messages"] = [{"role": "user", "content": QUESTIONS[i % len(QUESTIONS)]}]
                while (got := client.post("/v1/chat/completions", json=body)).status_code == 429:
                    time.sleep(1)
                got.raise_for_status()
                if i == 0:
                    first, rss = time.perf_counter() - started, memory.memory_info().rss / 1e6
        return first, rss, memory.memory_info().rss / 1e6
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data
        if data is None:
            course = Course(Config(folder=Path(folder)))
            list(course.ingest([SAMPLE]))
            data = course.config.data
            course.close()
        data = data.resolve()
        rounds = [ask(data) for _ in range(options.rounds)]
        seconds, cpu, memory = map(min, zip(*rounds, strict=True))
        print("| cold start | seconds | of the processor | MB |\n|---|---|---|---|")
        print(f"| ask | {seconds:.2f} | {cpu:.2f} | {memory:.0f} |", flush=True)
        counts = [1] * (options.rounds - 1) + [options.questions]
        served = [serve(data, count) for count in counts]
        first, rss = min(one[0] for one in served), min(one[1] for one in served)
        print(f"| serve until the first answer | {first:.2f} | | {rss:.0f} |")
        print(f"| serve after {options.questions} questions | | | {served[-1][2]:.0f} |")


if __name__ == "__main__":
    main()
