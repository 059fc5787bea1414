"""The whole table of times and memory, now and before, each figure beside its peer.

    python benchmarks/all.py [--only PART …] [--before COMMIT] [--shared ../shared]
        [--data FOLDER] [--model FILE.gguf] [--kept FOLDER] [--kept-before FOLDER]
        [--again] [--write]

cold      `ask`, `serve` and an ingest of nothing new, from a cold start (cold.py, 3 minutes)
ingest    passages a second, beside plain llama-index (ingest.py, 6 minutes)
growth    retrieval at 1,205, 10,000 and 100,000 passages, beside Chroma alone and bm25s alone
          (scale.py, 4 minutes)
check     five sentences, and a text of 200 claims (check_speed.py, 5 minutes)
fast      the fast tests, the better of two runs (3 minutes)
million   retrieval at 1,000,000 passages, with this code alone (scale.py; filling takes an hour)
llm       a language model: first word, follow-up, words a second (llm_times.py, 20 minutes)
students  1, 4 and 16 students who ask one language model at once (llm_times.py, 15 minutes)
setup     a fresh clone until its page is open, packages from the cache (make serve, 2 minutes)
suite     all tests (20 minutes)

Without `--only`, the first five. Every part is measured with the code of this checkout and with
that of COMMIT, checked out beside it, by the same script in a process of its own; where the older
code cannot run it, that is what the table says. COMMIT is v0.2.0 by default: with the commits after
it the question's path left torch, and llama.cpp's prompts and look-up decoding changed.

`llm` and `students` need a model, and the courses `course` and `covid` as `kept.py --data` leaves
them: `--kept` those of this code, `--kept-before` those of the older one, which reads no others.

`--data` keeps what was measured, part by part, and the filled indexes: a run that was interrupted
goes on, and a part is measured anew with `--again` or when the code has changed. `--before none`
leaves the older code out. `--write` sets docs/performance.md and its plots from what is kept there.
Run it alone on a machine that does nothing else.
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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import performance

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
USUAL = ("cold", "ingest", "growth", "check", "fast")
SIZES = (1_205, 10_000, 100_000)
MILLION = 1_000_000
SERVED = 5_000
"""Passages of the course that is served."""


class Side:
    """The code of one commit, by which parts are measured."""

    def __init__(self, name: str, root: Path, options: argparse.Namespace) -> None:
        self.name = name
        self.root = root
        self.options = options
        self.commit = _git("rev-parse", "--short", "HEAD", at=root)
        self.code = _git("rev-parse", "HEAD:src", at=root)

    @property
    def now(self) -> bool:
        return self.root == ROOT

    def script(self, script: str, *arguments: object) -> dict[str, Any]:
        """What one of the scripts here measures with this side's code."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "figures.json"
            self.run(sys.executable, HERE / script, *arguments, "--json", file)
            found: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return found

    def run(
        self, *command: object, may_fail: bool = False, beside: tuple[Path, ...] = (HERE,)
    ) -> str:
        """Run a command with this side's code, its output shown; what it wrote.

        Args:
            beside: folders whose modules it can import too.
        """
        path = os.pathsep.join(map(str, (self.root / "src", *beside)))
        # Modules are compiled once, as on any machine, whatever is set here.
        own = {key: v for key, v in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        if self.now:  # as the product's commands set it, where a script measures what they do
            own.setdefault("OPENBLAS_NUM_THREADS", "1")
        with subprocess.Popen(
            list(map(str, command)),
            cwd=self.root,
            env={**own, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout is not None
            written = []
            for line in running.stdout:
                print(f"    {line}", end="", file=sys.stderr, flush=True)
                written.append(line)
        if running.returncode and not may_fail:
            raise CannotError(
                next((x.strip() for x in reversed(written) if x.strip()), "it failed")
            )
        return "".join(written)


class CannotError(Exception):
    """This side's code cannot be measured so."""


def cold(side: Side) -> dict[str, Any]:
    posts, data = (
        side.options.shared / "course" / "posts",
        side.options.data / f"served-{side.name}",
    )
    if not (data / "course.db").exists():
        side.run(sys.executable, "-c", FILLED, data.resolve(), side.options.shared, SERVED)
    asked = side.options.shared / "questions" / "dev.jsonl"
    return side.script("cold.py", data, "--source", posts, "--asked", asked)


FILLED = """
import sys; from pathlib import Path; import scale; from seminar_rag.config import Config
if __name__ == "__main__":
    data, shared = map(Path, sys.argv[1:3])
    scale.prepare(Config(folder=data.parent, data_dir=str(data)), shared, int(sys.argv[3]))
"""


def ingest(side: Side) -> dict[str, Any]:
    posts = side.options.shared / "course" / "posts"
    return side.script("ingest.py", posts, "--rounds", 2, *([] if side.now else ["--alone"]))


def growth(side: Side) -> dict[str, Any]:
    return {
        str(size): _grown(side, size, before)
        for before, size in zip((0, *SIZES), SIZES, strict=False)
    }


def million(side: Side) -> dict[str, Any]:
    return {str(MILLION): _grown(side, MILLION, SIZES[-1])}


def _grown(side: Side, size: int, before: int) -> dict[str, Any]:
    """Retrieval among so many passages, filled up from the folder of fewer."""
    data = side.options.data / f"growth-{side.name}-{size}"
    smaller = data.with_name(f"growth-{side.name}-{before}")
    if smaller.exists() and not data.exists():
        shutil.copytree(smaller, data)
    arguments = ("--passages", size, "--shared", side.options.shared, "--data", data)
    return side.script("scale.py", *arguments, *(["--peers"] if side.now else []))


def check(side: Side) -> dict[str, Any]:
    return side.script("check_speed.py", "--data", side.options.data / f"check-{side.name}")


def fast(side: Side) -> dict[str, Any]:
    marked = ("-m", "not slow and not model and not browser")
    memory = "/dev/shm" if side.now and Path("/dev/shm").is_dir() else None  # as make fast
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        runs = [_tests(side, *marked, "--basetemp", f"{folder}/{run}") for run in (1, 2)]
    # The first compiles the test modules, where nobody has run them yet.
    return min(runs, key=lambda found: float(found["seconds"]))


def suite(side: Side) -> dict[str, Any]:
    makefile = (side.root / "Makefile").read_text("utf-8")
    workers = re.search(r"^WORKERS \?= (\d+)", makefile, re.M)
    given = ("--dist", "loadfile", "--no-loadscope-reorder")
    return _tests(side, *given, workers=workers[1] if workers else "2")


def _tests(side: Side, *which: str, workers: str = "2") -> dict[str, Any]:
    started = time.perf_counter()
    command = ("-m", "pytest", "-q", "-n", workers, "--durations=40", *which)
    # Their time is asked for. The modules here would stand in the way of folders of tests.
    said = side.run(sys.executable, *command, may_fail=True, beside=())
    seconds = round(time.perf_counter() - started, 1)
    longest = re.findall(r"^ *([\d.]+s \w+ +tests/\S+)", said, re.M)
    return {"seconds": seconds, "outcome": said.strip().splitlines()[-1], "longest": longest}


def llm(side: Side) -> dict[str, Any]:
    parts = ["reading", "questions", *(["plain"] if side.now else [])]
    return _llm(side, "--only", *parts)


def students(side: Side) -> dict[str, Any]:
    return _llm(side, "--only", "students")


def _llm(side: Side, *arguments: str) -> dict[str, Any]:
    options = side.options
    if not (options.model and options.kept):
        raise SystemExit("--model and --kept are needed: a GGUF file, and kept.py's data folder")
    kept = options.kept if side.now else options.kept_before
    if not kept:
        raise CannotError("no data folder was given that it can read (--kept-before)")
    given = ["--shared", options.shared, "--data", kept]
    found = side.script("llm_times.py", options.model, *arguments, *given)
    return {"model": options.model.stem, **found}


def setup(side: Side) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "-q", side.commit], check=True)
        started = time.perf_counter()
        environment = {key: v for key, v in os.environ.items() if key != "PYTHONPATH"}
        with subprocess.Popen(
            ["make", "serve", "ARGS=--port 0"],
            cwd=clone,
            env={**environment, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                print(f"    {line}", end="", file=sys.stderr, flush=True)
                if "chat is open on" in line:
                    break
            seconds = round(time.perf_counter() - started)
            if running.poll() is None:
                os.killpg(running.pid, 15)
            elif running.returncode:
                raise CannotError("make serve ended")
    return {"seconds": seconds, "uv": bool(shutil.which("uv"))}


PARTS: dict[str, Callable[[Side], dict[str, Any]]] = {
    one.__name__: one
    for one in (cold, ingest, growth, check, fast, million, llm, students, setup, suite)
}


class Figures:
    """What was measured, in one JSON file: part → side → figures; written after every part."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.all: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    def has(self, part: str, side: Side) -> bool:
        return bool(self.all.get(part, {}).get(side.name, {}).get("code") == side.code)

    def put(self, part: str, side: Side, **found: Any) -> None:
        self.all.setdefault(part, {})[side.name] = {
            "commit": side.commit,
            "code": side.code,
            "day": time.strftime("%Y-%m-%d"),
            "machine": performance.machine(),
            **found,
        }
        whole = json.dumps(self.all, indent=2)
        self._file.write_text(f"{whole}\n", encoding="utf-8")


@contextmanager
def checked_out(commit: str) -> Iterator[Path | None]:
    """A commit in a folder of its own, as long as it is needed; None for "none"."""
    if commit == "none":
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        _git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str, at: Path = ROOT) -> str:
    done = subprocess.run(
        ["git", "-C", str(at), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def main() -> None:
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    figures = Figures(options.data / "figures.json")
    with checked_out(options.before) as tree:
        sides = [Side("now", ROOT, options), *([Side("before", tree, options)] if tree else [])]
        todo = [
            (part, side)
            for part in options.only
            for side in sides
            if (options.again or not figures.has(part, side))
            and (side.now or part != "million")  # to fill a million again takes an hour
        ]
        for at, (part, side) in enumerate(todo, 1):
            print(f"[{at}/{len(todo)}] {part}, {side.name} ({side.commit})", file=sys.stderr)
            started = time.perf_counter()
            try:
                figures.put(part, side, figures=PARTS[part](side))
            except CannotError as error:
                figures.put(part, side, cannot=str(error))
            print(f"    took {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(performance.table(figures.all))
    if options.write:
        performance.write(figures.all, ROOT / "docs")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(USUAL))
    parser.add_argument("--before", default="v0.2.0", metavar="COMMIT")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "performance")
    parser.add_argument("--model", type=Path, metavar="FILE.gguf")
    parser.add_argument("--kept", type=Path, metavar="FOLDER")
    parser.add_argument("--kept-before", type=Path, metavar="FOLDER")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in ("shared", "data", "model", "kept", "kept_before"):
        given = getattr(options, name)
        setattr(options, name, given.resolve() if given else given)
    return options


if __name__ == "__main__":
    main()
