"""How long a student waits for a language model that runs here, alone and among others.

    python benchmarks/llm_times.py MODEL.gguf [--only reading plain questions students]
        [--shared ../shared] [--data FOLDER] [--questions 10] [--students 1 4 16] [--threads N]
        [--json FILE]

reading    a prompt of 1,400 tokens, of which nothing was read before: its first token, that of a
           follow-up, and tokens a second after the first
plain      the same prompts by llama-cpp-python as it comes (`Llama.generate`)
questions  the product's answers: half of the questions of the course, half of biomedical papers,
           as `benchmarks/llm.py --second` asks them, each with the follow-up "Why is that?"
students   so many students who ask one question each at the same moment: answers a minute

`--data` holds the ingested courses `course` and `covid`, as `benchmarks/kept.py --data` leaves
them. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from seminar_rag import config as configuration
from seminar_rag.course import Course
from seminar_rag.evaluation.questions import read_questions
from seminar_rag.models.local import LlamaCpp
from seminar_rag.types import Answer, AnswerEvent, HitsEvent, TokenEvent, Turn

FOLLOW_UP = "Why is that?"
PROMPT, WRITTEN = 1_400, 96
"""Tokens of a prompt, and of what is written after it."""
PROMPTS = 3
SECOND = {
    "course": (
        "dev-128 dev-123 dev-025 dev-047 dev-122 dev-115 dev-016 dev-056 dev-107 dev-027 "
        "dev-005 dev-071 dev-012 dev-017 dev-021 dev-141 dev-139 dev-140 dev-142 dev-144"
    ),
    "covid": (
        "covid-497 covid-490 covid-1185 covid-1907 covid-1068 covid-590 covid-1177 covid-2141 "
        "covid-1952 covid-3270 covid-2487 covid-3597 covid-310 covid-548 covid-1942 "
        "off-covid-1197 off-covid-584 off-covid-2970 off-covid-3702 off-covid-813"
    ),
}
FILES = {
    "course": ("questions/dev.jsonl", "course/posts"),
    "covid": ("outside/covid/questions.jsonl", "outside/covid/papers"),
}


def course_of(options: argparse.Namespace, name: str) -> Course:
    """A course of the data folder, whose answers the given model writes."""
    config = configuration.load(options.data / name, data=options.data / name)
    config = replace(config, llm_model=str(options.model.resolve()), llm_enabled=True)
    config = replace(config, llm_threads=options.threads, llm_url="", journal_enabled=False)
    return Course(config)


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


def questions(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of the seconds of the product's answers."""
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
    found = {part: median(row[part] for row in rows) for part in ("sources", "first", "whole")}
    found |= {"follow-up": median(later)} if later else {}
    return {name: round(seconds, 2) for name, seconds in found.items()} | {"n": len(rows)}


def prompts(options: argparse.Namespace) -> list[str]:
    """Questions over so many passages that a prompt has about `PROMPT` tokens."""
    config = configuration.load(options.data / "course", data=options.data / "course")
    course = Course(replace(config, llm_enabled=False))
    known = {one.id: one for one in read_questions(options.shared / FILES["course"][0])}
    out = []
    for id_ in SECOND["course"].split()[:PROMPTS]:
        text = known[id_].text
        told, size = [f"Answer from these passages, in their words: {text}"], 0
        for hit in course.search(text, 20):
            size += course.embedder.count(hit.passage.text)
            if size > PROMPT - 40:
                break
            told.append(hit.passage.text)
        out.append("\n\n".join([*told, text]))
    course.close()
    return out


def reading(options: argparse.Namespace) -> dict[str, Any]:
    """Medians over a few prompts by the product's way to run a model."""
    from llama_index.core.base.llms.types import ChatMessage

    llm = LlamaCpp(options.model, threads=options.threads or None)
    extra = {"passages": 0} if "passages" in inspect.signature(llm.stream).parameters else {}

    def stream(messages: list[ChatMessage]) -> tuple[str, float, float]:
        times, text = [time.perf_counter()], ""
        for piece in llm.stream(messages, max_tokens=WRITTEN, stop=lambda: False, **extra):
            times.append(time.perf_counter())
            text += piece
        after = (llm.count(text) - 1) / max(1e-9, times[-1] - times[1])
        return text, times[1] - times[0], after

    rows = []
    for one in prompts(options):
        said = [ChatMessage(one, role="user")]
        tokens = llm.count(one)
        text, first, after = stream(said)
        said += [ChatMessage(text, role="assistant"), ChatMessage(FOLLOW_UP, role="user")]
        rows.append((tokens, first, tokens / first, after, stream(said)[1]))
        print([round(value, 1) for value in rows[-1]], flush=True)
    names = ("tokens", "first, s", "read/s", "written/s", "follow-up, s")
    middle = (median(column) for column in zip(*rows, strict=True))
    return {name: round(value, 2) for name, value in zip(names, middle, strict=True)}


def plain(options: argparse.Namespace) -> dict[str, Any]:
    """The same by llama-cpp-python as it comes, its instruction sets and threads as ours."""
    from llama_cpp import Llama

    threads = options.threads or len(os.sched_getaffinity(0))
    llama = Llama(
        str(options.model), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    rows = []
    for one in prompts(options):
        llama.reset()
        tokens = llama.tokenize(one.encode("utf-8"))
        started, written = time.perf_counter(), 0
        for _ in llama.generate(tokens, temp=0.0, reset=True):
            if not written:
                first = time.perf_counter()
            written += 1
            if written == WRITTEN:
                break
        after = (written - 1) / (time.perf_counter() - first)
        rows.append((len(tokens), first - started, len(tokens) / (first - started), after))
        print([round(value, 1) for value in rows[-1]], flush=True)
    names = ("tokens", "first, s", "read/s", "written/s")
    middle = (median(column) for column in zip(*rows, strict=True))
    return {name: round(value, 2) for name, value in zip(names, middle, strict=True)}


def students(options: argparse.Namespace) -> dict[str, Any]:
    """Answers a minute when so many students ask at the same moment, one question each."""
    course = course_of(options, "course")
    list(course.ask("What is this course about?"))
    known = {one.id: one for one in read_questions(options.shared / FILES["course"][0])}
    left = iter([known[id_] for id_ in SECOND["course"].split()] * 2)
    out: dict[str, Any] = {}
    for count in options.students:
        together = threading.Barrier(count + 1)
        firsts: list[float] = []

        def ask(text: str, together: Any = together, firsts: Any = firsts) -> None:
            together.wait()
            _, took = asked(course, text, ())
            firsts.append(took.get("first", took["whole"]))

        chosen = [next(left) for _ in range(count)]
        threads = [threading.Thread(target=ask, args=(one.text,)) for one in chosen]
        for thread in threads:
            thread.start()
        together.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        minutes = (time.perf_counter() - started) / 60
        out[f"{count} at once, answers a minute"] = round(count / minutes, 1)
        out[f"{count} at once, first word, median s"] = round(median(firsts), 1)
        print(out, flush=True)
    course.close()
    return out


PARTS = {one.__name__: one for one in (reading, plain, questions, students)}


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--shared", type=Path, default=here.parents[1] / "shared")
    parser.add_argument("--data", type=Path, default=Path("kept-data"))
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--students", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    figures = {name: PARTS[name](options) for name in options.only}
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
