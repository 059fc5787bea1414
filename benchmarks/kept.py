"""The regression sets of every room: today's figures beside those that are kept in `kept.json`.

    make kept [ARGS="--only questions claims"] [ARGS=--write]
    python benchmarks/kept.py [--shared ../shared] [--data FOLDER] [--only ROOM …] [--write]

A figure counts as worse when it lies outside the interval (95%) of the figure that was kept; then
the exit status is 1. `--write` keeps the figures of this run instead. Nothing here was fitted to
these sets after their figures were kept, except where the note of a room says so.

| room | what is measured |
|---|---|
| questions | retrieval, evidence quoted and abstention on the labelled questions of the course |
| outside | the same on papers of two other fields, COVID-QA and QASPER |
| claims | the built-in check on real claims of six sources |
| faults | the built-in check on planted errors, quotations and paraphrases |
| pages | the reading lists of course pages of other universities |
| syllabus | the reading lists of the course in its three forms |
| pdf | text recovered from broken and real PDFs |
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE / "kept.json"
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Figure:
    """A share with its 95% interval; `less` where a smaller one is better."""

    value: float
    n: int
    low: float
    high: float
    less: bool = False

    def worse_than(self, kept: Figure) -> bool:
        """Whether this lies outside the kept figure's interval, on the bad side."""
        return self.value > kept.high if self.less else self.value < kept.low


Figures = dict[str, Figure]


def share(hits: float, n: int, less: bool = False) -> Figure:
    """`hits` of n with Wilson's interval (Wilson 1927)."""
    p = hits / n
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
    return Figure(round(p, 4), n, round(middle - half, 4), round(middle + half, 4), less)


class Rooms:
    """Measures one room after the other, each in a process of its own."""

    def __init__(self, shared: Path, folder: Path) -> None:
        self._shared = shared
        self._folder = folder

    def _run(self, *command: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, command)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _json(self, *command: str | Path) -> Any:
        file = self._folder / "figures.json"
        self._run(*command, "--json", file)
        return json.loads(file.read_text("utf-8"))

    def _questions(self, name: str, source: Path, questions: Path, docs: Path) -> Figures:
        data = self._folder / name
        command = ("-m", "seminar_rag.cli.main")
        if not (data / "course.db").exists():
            self._run(*command, "ingest", source, "--data", data)
        found = self._json(*command, "eval", questions, "--data", data, "--docs", docs)
        out: Figures = {}
        for group, keys in (
            ("retrieval", ("R@1", "R@5", "R@20", "MRR")),
            ("answer", ("evidence", "citation_precision")),
            ("abstention", ("on_topic", "off_topic", "injection", "false_refusals")),
        ):
            for key in keys:
                one = found[group].get(key) or {}
                if one.get("n"):
                    less = key == "false_refusals"
                    out[f"{name}: {key}"] = Figure(
                        one["value"], one["n"], one["low"], one["high"], less
                    )
        return out

    def questions(self) -> Figures:
        posts = self._shared / "course" / "posts"
        return self._questions("course", posts, self._shared / "questions" / "dev.jsonl", posts)

    def outside(self) -> Figures:
        out: Figures = {}
        for name in ("covid", "qasper"):
            root = self._shared / "outside" / name
            out |= self._questions(
                name, root / "readings.toml", root / "questions.jsonl", root / "papers"
            )
        return out

    def claims(self) -> Figures:
        found = self._json(HERE / "claims.py", "--shared", self._shared)
        return {
            f"{source}: {name}": Figure(one["value"], rows["claims"], *one["interval"])
            for source, rows in found.items()
            for name, one in rows["today"].items()
        }

    def faults(self) -> Figures:
        found = self._json(HERE / "faults.py", "--half", "test")
        out = {}
        for kind, row in found.items():
            if not isinstance(row, dict):
                continue
            alarm = kind.startswith(("quotation", "paraphrase"))
            out[kind] = share(row["flagged"] * row["texts"], row["texts"], less=alarm)
        return out

    def pages(self) -> Figures:
        file = self._folder / "pages.json"
        program = Path(sys.executable).with_name("seminar-rag")
        pages = self._shared / "pages"
        self._run(pages / "score.py", pages, "--bin", program, "--json", file)
        sums = json.loads(file.read_text("utf-8"))["micro"]
        found = sums["found"]
        return {
            "found": share(found, sums["need"]),
            "invented": share(sums["invented"], found + sums["invented"], less=True),
            **{key: share(sums[key], found) for key in ("title", "session", "section", "links")},
        }

    def syllabus(self) -> Figures:
        sys.path.append(str(HERE))
        from syllabus import FORMS, score_form

        out = {}
        for form in FORMS:
            result = score_form(form, self._shared)
            for name, field in result.fields.items():
                out[f"{form}: {name} recall"] = _exact(field.recall)
                out[f"{form}: {name} precision"] = _exact(field.precision)
        return out

    def pdf(self) -> Figures:
        found = self._json(HERE / "pdf.py", "--data", self._shared)
        unstorable = found.pop("unstorable")
        out = {name: share(hits, n) for name, (hits, n) in found.items()}
        return out | {"unstorable characters": Figure(unstorable, 1, 0, 0, less=True)}


def _exact(value: float) -> Figure:
    """A figure that has no interval: any fall counts."""
    return Figure(round(value, 4), 1, round(value, 4), 1.0)


ROOMS: dict[str, Callable[[Rooms], Figures]] = {
    name: getattr(Rooms, name)
    for name in ("questions", "outside", "claims", "faults", "pages", "syllabus", "pdf")
}


def compared(now: Figures, kept: Figures) -> Iterator[tuple[str, bool]]:
    """A line per figure, and whether it got worse beyond its interval."""
    for name in sorted({*now, *kept}):
        new, old = now.get(name), kept.get(name)
        if new is None:
            yield f"  {name:34} is no longer measured", True
        elif old is None:
            yield f"  {name:34} {new.value:7.3f}  (new)  n={new.n}", False
        else:
            worse = new.worse_than(old)
            yield (
                (
                    f"  {name:34} {new.value:7.3f}  kept {old.value:.3f}"
                    f" [{old.low:.3f}, {old.high:.3f}]  n={new.n}{'  WORSE' * worse}"
                ),
                worse,
            )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=HERE.parents[1] / "shared")
    parser.add_argument("--data", type=Path, help="keeps the ingested courses for the next run")
    parser.add_argument("--only", nargs="+", choices=ROOMS, default=list(ROOMS), metavar="ROOM")
    parser.add_argument("--write", action="store_true", help="keep the figures of this run")
    options = parser.parse_args()
    if not options.shared.is_dir():
        print(f"{options.shared} is not there; give the folder of labelled data with --shared")
        return 2
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rooms = Rooms(options.shared.resolve(), folder.resolve())
        for name in options.only:
            now = ROOMS[name](rooms)
            before = {key: Figure(**value) for key, value in kept.get(name, {}).items()}
            print(name, flush=True)
            for line, worse in compared(now, before):
                print(line, flush=True)
                bad += worse
            kept[name] = {key: asdict(value) for key, value in now.items()}
            if options.write:
                KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if bad and not options.write:
        print(f"{bad} figures are worse than what was kept")
    return int(bool(bad) and not options.write)


if __name__ == "__main__":
    sys.exit(main())
