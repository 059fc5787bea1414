"""Twenty students at once, and again while the whole course is ingested anew.

    python benchmarks/students.py [--source FOLDER] [--questions FILE] [--students 20] [--each 3]

FOLDER holds Markdown posts (default: ../shared/course/posts), FILE labelled questions, one JSON
object a line with "question" (default: ../shared/questions/dev.jsonl). The posts are copied and
ingested into a temporary folder, and `seminar-rag serve` answers from it in a process of its own,
with quotations, its rate limits lifted: all students come from one address here.

First every student asks at the same moment, `--each` questions one after the other, through a
Gradio client of its own. Then every post, and every description of a reading in it, gets some
words more, so that all of it has to be embedded again, `seminar-rag ingest` runs in another
process, and the students go on asking until it is done. Meanwhile this process looks at the store:
every document must have either exactly its old passages or exactly its new ones, at any time.

Seconds are from sending a question to having its whole answer, waiting in line included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.index.store import Store

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"
QUOTES_ONLY = {
    "SEMINAR_RAG_LLM_ENABLED": "false",
    "SEMINAR_RAG_SERVE_RATE": "0",
    "SEMINAR_RAG_SERVE_RATE_ADDRESS": "0",
}
PATIENCE = 600
"""Seconds within which a server starts or an ingest ends."""


@dataclass
class Tally:
    """What came of the questions of all students."""

    seconds: list[float] = field(default_factory=list)
    answered: int = 0
    """With quotations; the rest abstained."""
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, client: Any, question: str) -> None:
        started = time.perf_counter()
        try:
            answer = client.predict(question, api_name="/ask")
        except Exception as error:  # noqa: BLE001 - counted and shown
            with self.lock:
                self.errors.append(f"{question}: {error}")
            return
        with self.lock:
            self.seconds.append(time.perf_counter() - started)
            self.answered += not answer["abstained"]
            if not answer["abstained"] and not answer["citations"]:
                self.errors.append(f"{question}: an answer without a citation")

    def told(self) -> str:
        p50, p95, most = np.percentile(self.seconds, [50, 95, 100])
        return (
            f"{len(self.seconds)} questions, {self.answered} with quotations, "
            f"{len(self.errors)} errors; seconds: p50 {p50:.2f}, p95 {p95:.2f}, most {most:.2f}"
        )


def main() -> int:
    options = _options()
    questions = [
        json.loads(line)["question"]
        for line in options.questions.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    with tempfile.TemporaryDirectory() as scratch:
        posts, data = Path(scratch) / "posts", Path(scratch) / "data"
        shutil.copytree(options.source, posts)
        _ingest(posts, data)
        with _served(data, Path(scratch)) as url:
            clients = _clients(url, options.students)
            rounds = iter(range(options.students * options.each))
            calm = _run(clients, questions, lambda: next(rounds, None) is not None)
            print("at once:          ", calm.told())
            busy, halves, checks = _during(posts, data, clients, questions)
    print("while re-ingesting:", busy.told())
    print(f"store seen {checks} times, {len(halves)} documents half indexed")
    for line in [*calm.errors, *busy.errors, *halves][:20]:
        print("  ", line)
    return int(bool(calm.errors or busy.errors or halves))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, default=SHARED / "course" / "posts")
    parser.add_argument("--questions", type=Path, default=SHARED / "questions" / "dev.jsonl")
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--each", type=int, default=3)
    return parser.parse_args()


def _run(clients: list[Any], questions: list[str], more: Callable[[], bool]) -> Tally:
    """All students ask while there is `more`, each beginning elsewhere in the list."""
    tally, together, lock = Tally(), threading.Barrier(len(clients)), threading.Lock()

    def student(number: int, client: Any) -> None:
        together.wait()
        for question in islice(cycle(questions), number * 7, None):
            with lock:
                if not more():
                    return
            tally.ask(client, question)

    threads = [threading.Thread(target=student, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def _during(
    posts: Path, data: Path, clients: list[Any], questions: list[str]
) -> tuple[Tally, list[str], int]:
    """Students ask and the store is looked at while every post is ingested anew."""
    store = Store(data)
    before = _passages(store)
    for path in posts.glob("*.md"):
        text = re.sub(r"(?m)^([+-] .{200,})$", r"\1 This was read again.", path.read_text("utf-8"))
        path.write_text(f"{text}\n\nThis post was read again.\n", encoding="utf-8")
    done = threading.Event()
    ingest = threading.Thread(target=lambda: (_ingest(posts, data), done.set()))
    seen: list[Snapshot] = []

    def look() -> None:
        while not done.wait(0.5):
            seen.append(_passages(store))

    watcher = threading.Thread(target=look)
    ingest.start()
    watcher.start()
    tally = _run(clients, questions, lambda: not done.is_set())
    watcher.join()
    after = _passages(store)
    changed = sum(before.get(id_) != ids for id_, ids in after.items())
    print(f"re-ingested:        {changed} of {len(after)} documents changed")
    halves = [line for snapshot in seen for line in _halves(snapshot, before, after)]
    return tally, halves, len(seen)


Snapshot = dict[str, frozenset[str]]
"""Document id → the ids of its passages."""


def _halves(seen: Snapshot, before: Snapshot, after: Snapshot) -> Iterator[str]:
    """The documents that are neither as before nor as after. One that is removed between reading
    the list of documents and reading its passages has none, which is no fault."""
    for id_ in before.keys() | after.keys() | seen.keys():
        stays = id_ in before and id_ in after
        allowed = [before.get(id_), after.get(id_)]
        allowed += [] if stays else [None, frozenset()]
        if seen.get(id_) not in allowed:
            was, now = len(before.get(id_, ())), len(seen.get(id_, ()))
            yield f"{id_}: {now} passages, {was} before, {len(after.get(id_, ()))} after"


def _passages(store: Store) -> Snapshot:
    documents = store.catalogue().documents
    return {id_: frozenset(one.id for one in store.passages_of(id_)) for id_ in documents}


def _ingest(posts: Path, data: Path) -> None:
    _command("ingest", str(posts), "--offline", "--quiet", "--data", str(data))


def _command(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "seminar_rag.cli.main", *arguments],
        check=True,
        timeout=PATIENCE,
        stderr=subprocess.DEVNULL,
    )


def _clients(url: str, number: int) -> list[Any]:
    from gradio_client import Client

    return [Client(url, verbose=False) for _ in range(number)]


@contextmanager
def _served(data: Path, folder: Path) -> Iterator[str]:
    """The address of a server over `data`."""
    running = subprocess.Popen(
        [sys.executable, "-m", "seminar_rag.cli.main", "serve", "--port", "0", "--data", str(data)],
        cwd=folder,
        env={**os.environ, **QUOTES_ONLY},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    try:
        for number in count():
            line = running.stderr.readline()
            if found := re.search(r"chat is open on (http://\S+)", line):
                break
            assert line or number < 1, "the server did not start"
        threading.Thread(target=running.stderr.read, daemon=True).start()
        yield found[1]
    finally:
        running.terminate()
        running.wait(30)


if __name__ == "__main__":
    sys.exit(main())
