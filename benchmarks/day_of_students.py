"""A day of a course: thirty students for two hours, and what becomes of memory and waiting.

    python benchmarks/day_of_students.py [--minutes 120] [--students 30] [--thinking 30]
        [--out FOLDER] [--source FOLDER] [--questions FILE] [--course FOLDER] [--quotations]

FOLDER holds Markdown posts (default: ../shared/course/posts); where there are none, the sample
course, which is always a part of it, is all. FILE holds labelled questions, one JSON
object a line with "question". Everything is ingested into a temporary folder, and `seminar-rag
serve` answers from it in a process of its own, its rate limits lifted, since all students come
from one address here. A scripted model on the loopback writes the answers, from the passages that
it is given; `--quotations` leaves it out.

Each student is a browser that opens the page, asks, asks further, looks at cited pages, rates,
exports, checks a text, looks at the course, thinks for half a minute (`--thinking`) on average in
between, leaves and comes back with the conversation that the browser kept. A third and two thirds
into the time some posts have changed and are ingested again by another process; half way the
model's server is gone for a while.

Written to `--out`: `day.json` and `day.svg`. An act that failed is one that the page did not do;
an answer without the model while that is gone is none. Memory and descriptors of the server are
taken every few seconds. Their slopes are those of a line through twenty means after the first
fifth of the time, so that what lies close together in time counts once; the interval is 95%. The
exit status is 1 where an act failed or a slope's whole interval lies above what is allowed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from seminar_rag.sample import FOLDER as SAMPLE
from served import COMMAND, UNLIMITED, served
from visitor import Visitor

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"
OFFLINE = ("--offline", "--quiet", "--data", "data")
EVERY = 5.0
"""Seconds between two looks at the server's memory."""
GONE = 30.0
"""Seconds for which the model's server is gone, at most a tenth of the time."""
MEANS = 20
T_95 = 2.101
"""Of Student's distribution with 18 degrees of freedom: twenty means, two parameters."""
ALLOWED = {"memory": 20.0, "workers": 20.0, "descriptors": 5.0, "threads": 5.0}
"""Growth an hour that is borne: MiB, MiB, files, threads."""
ACTS = {
    "question": 34,
    "follow-up": 18,
    "page view": 24,
    "export": 6,
    "check": 5,
    "course tab": 5,
    "thumb up": 5,
    "new conversation": 3,
}
"""How often each is done, of a hundred. What needs an answer begins with a question."""
FURTHER = (
    "Why is that?",
    "How was that measured?",
    "Which reading says so?",
    "Can you give an example of it?",
    "What are its limits?",
    "How does it compare with the other approach?",
)
FREE = "It was invented by a committee in 1871. Nobody has disputed that since."


@dataclass(frozen=True)
class Act:
    """What one student did once."""

    at: float
    """Seconds since the students came."""
    kind: str
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Look:
    """The server at one moment: MiB of its process and of its workers, open files, threads."""

    at: float
    memory: float
    workers: float
    descriptors: int
    threads: int


@dataclass
class Day:
    """All that was seen."""

    begun: float = field(default_factory=time.monotonic)
    acts: list[Act] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.begun


def main() -> int:
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    questions = _questions(options.questions)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.course or Path(scratch)
        sources = _sources(folder, options.source)
        with ScriptedModel(not options.quotations) as model, _served(folder, model.url) as place:
            day = _lived(place, model, options, questions, lambda: _changed(folder, sources))
    figures = _figures(day)
    (options.out / "day.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    _plot(day, options.out / "day.svg")
    return _told(figures, day)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--thinking", type=float, default=30.0, help="seconds between two acts")
    parser.add_argument("--source", type=Path, default=SHARED / "course" / "posts")
    parser.add_argument("--questions", type=Path, default=SHARED / "questions" / "dev.jsonl")
    parser.add_argument("--course", type=Path, help="keep the ingested course here, or use it")
    parser.add_argument("--quotations", action="store_true", help="without the scripted model")
    parser.add_argument("--out", type=Path, default=Path())
    return parser.parse_args()


def _questions(file: Path) -> list[str]:
    file = file if file.is_file() else SAMPLE / "questions.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines if line.strip()]


# --- the course ----------------------------------------------------------------------------------


def _sources(folder: Path, posts: Path) -> list[str]:
    """The sources of the course in `folder`, which is made where it is not there yet."""
    sources = ["sample/index.html"] + ["posts"] * posts.is_dir()
    if not (folder / "sample").exists():
        shutil.copytree(SAMPLE, folder / "sample", copy_function=shutil.copyfile)
        if posts.is_dir():
            shutil.copytree(posts, folder / "posts", copy_function=shutil.copyfile)
        _ingest(folder, sources)
    return sources


def _ingest(folder: Path, sources: list[str]) -> None:
    subprocess.run(
        [*COMMAND, "ingest", *sources, *OFFLINE],
        cwd=folder,
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _changed(folder: Path, sources: list[str]) -> None:
    """Some posts say something new; they are ingested again."""
    files = sorted(
        one for name in ("posts", "sample/primers") for one in (folder / name).glob("*.md")
    )
    for path in random.sample(files, max(1, len(files) // 5)):
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}\n\nThis was read again at {time.time()}.\n", encoding="utf-8")
    _ingest(folder, sources)


def _served(folder: Path, model: str) -> AbstractContextManager[tuple[str, int]]:
    """The address and the process of a server over the folder."""
    language = {"SEMINAR_RAG_LLM_URL": model, "SEMINAR_RAG_LLM_NAME": "scripted"}
    language = language if model else {"SEMINAR_RAG_LLM_ENABLED": "false"}
    return served("--data", "data", folder=folder, **UNLIMITED, **language)


class ScriptedModel:
    """An OpenAI-compatible server that answers with the first sentences of the passages."""

    def __init__(self, wanted: bool) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Chat) if wanted else None
        self._port = self._server.server_port if self._server else 0
        self.url = f"http://127.0.0.1:{self._port}/v1" if wanted else ""

    def __enter__(self) -> ScriptedModel:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def restart(self, seconds: float) -> None:
        """Be gone for so long."""
        if self._server is not None:
            self._stop()
            time.sleep(seconds)
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _Chat)
            self._start()

    def _start(self) -> None:
        if self._server is not None:
            threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = _written("\n".join(one["content"] for one in asked["messages"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):  # the student pressed Stop, or the time is over
            for at in range(0, len(text), 12):
                self._say({"delta": {"content": text[at : at + 12]}, "finish_reason": None})
                time.sleep(0.01)
            self._say({"delta": {}, "finish_reason": "stop"})
            self.wfile.write(b"data: [DONE]\n\n")

    def _say(self, choice: dict[str, Any]) -> None:
        body = {"object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}
        self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep the output clean."""


def _written(prompt: str) -> str:
    """An answer from the passages of a prompt; else its last question again."""
    passages = re.findall(r"<passage (\d+):[^>]*>\n(.+?)\n</passage", prompt, re.DOTALL)
    said = [
        f"{sentence[0].strip()} [{number}]."
        for number, text in passages[:2]
        if (sentence := re.findall(r"[^.!?\n]{30,300}(?=[.!?])", text))
    ]
    last = re.findall(r"Last question: (.+)", prompt)
    return " ".join(said) or (last[-1] if last else "The readings don't say.")


# --- the students --------------------------------------------------------------------------------


def _lived(
    place: tuple[str, int],
    model: ScriptedModel,
    options: argparse.Namespace,
    questions: list[str],
    reingest: Callable[[], None],
) -> Day:
    """The day, from the first student to the last."""
    url, server = place
    day, over = Day(), threading.Event()
    seconds = options.minutes * 60
    students = [
        threading.Thread(target=Student(url, day, over, number, questions, options.thinking).live)
        for number in range(options.students)
    ]
    watching = threading.Thread(target=_watch, args=(server, day, over))
    for one in (*students, watching):
        one.start()
    plan = (
        (1 / 3, "re-ingest", reingest),
        (1 / 2, "model gone", lambda: model.restart(min(GONE, seconds / 10))),
        (2 / 3, "re-ingest", reingest),
    )
    for share, what, work in plan:
        over.wait(share * seconds - day.now())
        day.marks.append((day.now(), what))
        work()
        day.marks.append((day.now(), f"{what} ended"))
    over.wait(seconds - day.now())
    over.set()
    for one in (*students, watching):
        one.join()
    return day


class Student:
    """One student, who behaves alike in every run."""

    def __init__(
        self,
        url: str,
        day: Day,
        over: threading.Event,
        number: int,
        questions: list[str],
        thinking: float,
    ) -> None:
        self._browser = Visitor(url)
        self._day = day
        self._over = over
        self._dice = random.Random(number)
        self._questions = questions
        self._thinking = thinking

    def live(self) -> None:
        """Come and go until the day is over."""
        self._over.wait(self._dice.uniform(0, self._thinking))
        while not self._over.is_set():
            if self._timed("page", self._browser.open):
                for _ in range(self._dice.randint(4, 12)):
                    self._think()
                    if self._over.is_set():
                        break
                    self._act()
            self._browser.leave()
            self._think()
        self._browser.close()

    def _think(self) -> None:
        self._over.wait(
            min(4 * self._thinking, max(2.0, self._dice.expovariate(1 / self._thinking)))
        )

    def _act(self) -> None:
        kind = self._dice.choices(list(ACTS), list(ACTS.values()))[0]
        exchanges = self._browser.exchanges()
        if not exchanges and kind not in ("check", "course tab"):
            kind = "question"
        cited = [one for each in exchanges for one in each.get("citations", ())]
        if kind == "page view" and not cited:
            kind = "question"
        self._timed(kind, lambda: self._done(kind, exchanges, cited))

    def _done(self, kind: str, exchanges: list[dict[str, Any]], cited: list[Any]) -> None:
        browser, dice = self._browser, self._dice
        match kind:
            case "question":
                browser.ask(dice.choice(self._questions))
            case "follow-up":
                browser.ask(dice.choice(FURTHER))
            case "page view":
                one = dice.choice(cited)
                browser.look(one["document"]["id"], one["passage"], one["quote"])
            case "export":
                browser.export(dice.choice(("md", "pdf")))
            case "check":
                quotes = [one["quote"] for one in dice.sample(cited, min(4, len(cited)))]
                browser.check(" ".join([*quotes, dice.choice(self._questions), FREE]))
            case "course tab":
                browser.course()
            case "thumb up":
                browser.rate(dice.randint(1, len(exchanges)))
            case "new conversation":
                browser.new_conversation()

    def _timed(self, kind: str, work: Callable[[], object]) -> bool:
        begun, problem = self._day.now(), ""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - counted, and shown at the end
            problem = f"{type(error).__name__}: {error}"[:500]
        self._day.acts.append(Act(begun, kind, self._day.now() - begun, problem))
        return not problem


def _watch(server: int, day: Day, over: threading.Event) -> None:
    process = psutil.Process(server)
    while not over.wait(EVERY):
        workers = 0
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                workers += child.memory_info().rss
        with process.oneshot():
            day.looks.append(
                Look(
                    day.now(),
                    process.memory_info().rss / 2**20,
                    workers / 2**20,
                    process.num_fds(),
                    process.num_threads(),
                )
            )


# --- figures -------------------------------------------------------------------------------------


def slope(at: Any, values: Any) -> tuple[float, float]:
    """Growth an hour with half its interval (95%), by a line through the means of equal parts.

    Args:
        at: seconds, ascending, at least one for each of the `MEANS` parts.
    """
    hours = np.array([part.mean() for part in np.array_split(np.asarray(at) / 3600, MEANS)])
    means = np.array([part.mean() for part in np.array_split(np.asarray(values, float), MEANS)])
    centred = hours - hours.mean()
    grows = float(centred @ means / (centred @ centred))
    rest = means - means.mean() - grows * centred
    error = np.sqrt(rest @ rest / (MEANS - 2) / (centred @ centred))
    return grows, float(T_95 * error)


def _figures(day: Day) -> dict[str, Any]:
    kinds: dict[str, list[Act]] = defaultdict(list)
    for act in day.acts:
        kinds[act.kind].append(act)
    waits = {}
    for kind, acts in sorted(kinds.items()):
        seconds = [act.seconds for act in acts if not act.problem] or [0.0]
        p50, p95, p99 = (round(float(q), 3) for q in np.percentile(seconds, [50, 95, 99]))
        failed = sum(bool(act.problem) for act in acts)
        waits[kind] = {"n": len(acts), "failed": failed, "p50": p50, "p95": p95, "p99": p99}
    settled = [one for one in day.looks if one.at > day.looks[-1].at / 5]
    slopes = {}
    for name in ALLOWED:
        values = [getattr(one, name) for one in settled]
        grows, half = slope([one.at for one in settled], values)
        slopes[name] = {"an_hour": grows, "half_interval": half, "mean": float(np.mean(values))}
    return {
        "minutes": round(day.looks[-1].at / 60, 1),
        "waits": waits,
        "slopes": slopes,
        "marks": day.marks,
        "problems": [asdict(act) for act in day.acts if act.problem],
        "looks": [asdict(one) for one in day.looks],
        "acts": [[round(one.at, 1), one.kind, round(one.seconds, 3)] for one in day.acts],
    }


def _told(figures: dict[str, Any], day: Day) -> int:
    print(f"{figures['minutes']} minutes, {len(day.acts)} acts")
    print(f"{'':18}{'n':>7}{'failed':>8}{'p50 s':>8}{'p95 s':>8}{'p99 s':>8}")
    for kind, one in figures["waits"].items():
        told = "".join(f"{one[name]:8.2f}" for name in ("p50", "p95", "p99"))
        print(f"{kind:18}{one['n']:7}{one['failed']:8}{told}")
    grown = []
    for name, one in figures["slopes"].items():
        least = one["an_hour"] - one["half_interval"]
        grown += [name] if least > ALLOWED[name] else []
        print(
            f"{name:12} {one['mean']:8.1f} on average, growing by {one['an_hour']:+.2f}"
            f" ± {one['half_interval']:.2f} an hour (allowed: {ALLOWED[name]:.0f})"
        )
    for act in figures["problems"][:20]:
        print(f"  {act['at']:.0f} s, {act['kind']}: {act['problem']}")
    for name in grown:
        print(f"{name} grows")
    return int(bool(figures["problems"] or grown))


def _plot(day: Day, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, middle, below) = plt.subplots(3, 1, figsize=(9, 9), sharex=True)
    minutes = [one.at / 60 for one in day.looks]
    above.plot(minutes, [one.memory for one in day.looks], label="server")
    above.plot(minutes, [one.workers for one in day.looks], label="its workers")
    above.set_ylabel("memory, MiB")
    middle.plot(minutes, [one.descriptors for one in day.looks], label="open files")
    middle.plot(minutes, [one.threads for one in day.looks], label="threads")
    asked = [one for one in day.acts if one.kind in ("question", "follow-up") and not one.problem]
    width = max(1.0, day.looks[-1].at / 60 / 24)
    for share in (50, 95, 99):
        points = []
        for start in count(0.0, width):
            if start * 60 > day.looks[-1].at:
                break
            seconds = [a.seconds for a in asked if start <= a.at / 60 < start + width]
            if seconds:
                points.append((start + width / 2, float(np.percentile(seconds, share))))
        below.plot(*zip(*points, strict=True), marker=".", label=f"p{share} of answers")
    below.set_ylabel("seconds")
    below.set_xlabel("minutes")
    for axes in (above, middle, below):
        for at, what in day.marks:
            axes.axvline(at / 60, color="grey", linestyle="--" if "ended" in what else ":")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left")
    for at, what in day.marks:
        if "ended" not in what:
            above.text(at / 60, above.get_ylim()[1], what, rotation=20, fontsize=8)
    figure.tight_layout()
    figure.savefig(file)


if __name__ == "__main__":
    sys.exit(main())
