"""How long a student waits for a language model that runs here, alone and among others.

    python benchmarks/llm_times.py MODEL.gguf [--only reading plain questions students together]
        [--shared ../shared] [--data FOLDER] [--questions 10] [--students 1 4 16] [--threads N]
        [--json FILE]

reading    a prompt of 1,400 tokens, of which nothing was read before: its first token, that of a
           follow-up, and tokens a second after the first
plain      the same prompts by llama-cpp-python as it comes (`Llama.generate`)
questions  the product's answers: half of the questions of the course, half of biomedical papers,
           as `benchmarks/llm.py --second` asks them, each with the follow-up "Why is that?"
students   so many students who ask one question each at the same moment: answers a minute
together   what one step of llama.cpp takes that writes several answers: answers a minute by
           calculation, if students who ask at once were answered together; needs no `--data`

`--data` holds the ingested courses `course` and `covid`, as `benchmarks/kept.py --data` leaves
them. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import ctypes
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
TOGETHER, STEPS = (1, 2, 4, 8), 5
"""Answers that are written in one step, and how often each kind of step is measured."""
MEANWHILE = (0, 3)
"""Answers that go on while another prompt is read."""
TOLD_READ, TOLD_WRITTEN = 1_000, 80
"""Tokens that are read and written for an answer, where answers a minute are calculated."""
PIECE, GUESSED = 125, 6
"""Tokens of a prompt that are read in a step, and of an answer whose next ones are guessed."""
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


def together(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of steps in which several sequences go on, each after a prompt of its own, with the
    sequences' states in one memory or in one each; and the answers a minute that follow."""
    llm = LlamaCpp(options.model, context=2048, threads=options.threads or None)
    tokens = llm._tokens(Path(__file__).with_name("all.py").read_text(encoding="utf-8")) * 2
    out: dict[str, Any] = {}
    for unified in (True, False):
        steps = Steps(llm, unified, tokens)
        read = steps.read()
        where = "one memory" if unified else "a memory each"
        for each in (1, GUESSED):
            for count in TOGETHER:
                took = median(steps.write(count, each) for _ in range(STEPS))
                out[f"{where}, {count} by {each}: step, ms"] = round(took * 1000)
                if each == 1:
                    minutes = (read + TOLD_WRITTEN * took / count) / 60
                    out[f"{where}, {count} together: answers a minute"] = round(1 / minutes, 2)
        for count in MEANWHILE:
            took = median(steps.write(count, 1, reading=True) for _ in range(STEPS))
            out[f"{where}, {count} by 1 and {PIECE} of a prompt: step, ms"] = round(took * 1000)
        out[f"{where}: prompt tokens read a second"] = round(TOLD_READ / read, 1)
        steps.close()
        print(out, flush=True)
    llm.close()
    return out


class Steps:
    """A context in which sequences go on together, each after the same prompt in cells of its own;
    one sequence more reads."""

    def __init__(self, llm: LlamaCpp, unified: bool, tokens: Sequence[int]) -> None:
        # Code before this module runs the other parts.
        from seminar_rag.models.reader import BATCH

        self._api, self._tokens = llm._api, tokens
        params = self._api.llama_context_default_params()
        params.n_seq_max = TOGETHER[-1] + 1
        params.n_ctx = params.n_seq_max * (TOLD_READ + 280)
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = llm._llama.n_threads
        params.kv_unified, params.flash_attn_type = unified, 0
        self._context = self._api.llama_init_from_model(llm._llama.model, params)
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = self._api.llama_batch_init(BATCH, 0, 1)

    def read(self) -> float:
        """Read the prompt for each sequence; the seconds of one."""
        pieces = range(0, TOLD_READ, PIECE)
        took = sum(self._step([(0, at + i) for i in range(PIECE)]) for at in pieces)
        state = (ctypes.c_uint8 * self._api.llama_state_seq_get_size(self._context, 0))()
        size = self._api.llama_state_seq_get_data(self._context, state, len(state), 0)
        self._state = state, size
        return took

    def write(self, count: int, each: int, *, reading: bool = False) -> float:
        """The seconds of a step of so many sequences and tokens of each; with `reading`, another
        sequence reads the second piece of the prompt in it."""
        for one in range(TOGETHER[-1] + 1):
            kept = one < count
            self._api.llama_memory_seq_rm(self._memory, one, TOLD_READ if kept else 0, -1)
            length = self._api.llama_memory_seq_pos_max(self._memory, one) + 1
            if kept and length < TOLD_READ:
                self._api.llama_state_seq_set_data(self._context, *self._state, one)
        cells = [(one, TOLD_READ + i) for one in range(count) for i in range(each)]
        if reading:
            self._step([(count, i) for i in range(PIECE)])
            cells += [(count, PIECE + i) for i in range(PIECE)]
        return self._step(cells, logits=True)

    def close(self) -> None:
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._context)

    def _step(self, cells: Sequence[tuple[int, int]], *, logits: bool = False) -> float:
        batch = self._batch
        for i, (sequence, at) in enumerate(cells):
            batch.token[i], batch.pos[i] = self._tokens[at + 37 * sequence], at
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            batch.logits[i] = i + 1 == len(cells) or (logits and at >= TOLD_READ)
        batch.n_tokens = len(cells)
        started = time.perf_counter()
        if status := self._api.llama_decode(self._context, batch):
            raise SystemExit(f"llama.cpp failed with code {status}.")
        return time.perf_counter() - started


PARTS = {one.__name__: one for one in (reading, plain, questions, students, together)}


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
