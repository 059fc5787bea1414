"""docs/performance.md from what `all.py` measured: the table, the plots, and the machine."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

TEMPLATE = Path(__file__).with_name("performance.md.jinja")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
"""Of a processor: what matrices are multiplied with."""
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the table."""

    label: str
    at: tuple[str, ...]
    """The part, and the keys that lead to the figure in it."""
    unit: str
    goal: float | None = None
    of: str = "figure"
    """What the goal is for: the figure, its ratio to the "peer", or to the figure "before"."""
    peer: tuple[str, ...] = ()
    """The keys that lead to the peer's figure, in the same part."""
    named: str = ""
    """The peer."""
    more: bool = False
    """Whether more is better."""

    def value(self, all_: Found, side: str) -> float | None:
        return _at(all_.get(self.at[0], {}).get(side, {}).get("figures"), self.at[1:])

    def peers(self, all_: Found) -> float | None:
        if not self.peer:
            return None
        return _at(all_.get(self.at[0], {}).get("now", {}).get("figures"), self.peer)

    def met(self, all_: Found) -> bool | None:
        """Whether the goal is met; None where that is not known."""
        value = self.value(all_, "now")
        beside = {"figure": 1.0, "peer": self.peers(all_), "before": self.value(all_, "before")}
        against = beside[self.of]
        if value is None or self.goal is None or not against:
            return None
        return value / against >= self.goal if self.more else value / against <= self.goal

    def goal_told(self) -> str:
        if self.goal is None:
            return ""
        sign = "≥" if self.more else "≤"
        what = {"figure": f" {self.unit}", "peer": f" × {self.named}", "before": " × before"}
        return f"{sign} {self.goal:g}{what[self.of]}"


def _grown(size: int, goals: tuple[float | None, ...]) -> Iterator[Row]:
    part, key = ("million" if size == 1_000_000 else "growth"), str(size)
    at = f"{size:,} passages"
    both = (part, key, "all")
    for name, goal in (("p50", goals[0]), ("p95", goals[1])):
        peer = (key, "peers", "Chroma", name)
        yield Row(f"{at}: {name}", (*both, name), "ms", goal, peer=peer, named="Chroma")
    text, bm25s = (part, key, "parts, ms", "full text"), (key, "peers", "bm25s", "p50")
    yield Row(f"{at}: full text alone, mean", text, "ms", peer=bm25s, named="bm25s")
    within = (part, key, "eight sessions")
    yield Row(f"{at}, within eight sessions: p50", (*within, "p50"), "ms", goals[2])
    yield Row(f"{at}, within eight sessions: p95", (*within, "p95"), "ms", goals[3])
    yield Row(f"{at}: memory", (part, key, "memory, MB"), "MB", goals[4])
    yield Row(f"{at}: disk", (part, key, "disk, MB"), "MB", goals[4])


NONE = (None,) * 5
INDEX = ("ingest", "seminar_rag")
PLAIN = "llama-index"
ROWS = (
    Row("`ask` from a cold start", ("cold", "ask, s"), "s", 2),
    Row("the same, of the processor", ("cold", "ask, s of the processor"), "s"),
    Row("the same, memory", ("cold", "ask, MB"), "MB", 350),
    Row("`serve` until the page is open", ("cold", "serve until the page is open, s"), "s"),
    Row("`serve` until its first answer", ("cold", "serve until the first answer, s"), "s", 3),
    Row("memory of `serve` then", ("cold", "serve after the first answer, MB"), "MB"),
    Row("the same after 100 questions", ("cold", "serve after 100 questions, MB"), "MB", 500),
    Row(
        "ingest of nothing new, at a desk",
        ("cold", "ingest of nothing new, at a desk, s"),
        "s",
        0.5,
    ),
    Row("the same as a command", ("cold", "ingest of nothing new, as a command, s"), "s"),
    Row(
        "ingest, passages a second",
        (*INDEX, "passages/s"),
        "/s",
        3,
        "peer",
        (PLAIN, "passages/s"),
        PLAIN,
        True,
    ),
    Row(
        "ingest, words a second",
        (*INDEX, "words/s"),
        "/s",
        2.5,
        "peer",
        (PLAIN, "words/s"),
        PLAIN,
        True,
    ),
    Row(
        "share of the processor's peak in reading texts",
        ("ingest", "share of the peak"),
        "",
        more=True,
    ),
    *_grown(1_205, NONE),
    *_grown(10_000, NONE),
    *_grown(100_000, (15, 25, 12, 20, 600)),
    *_grown(1_000_000, NONE),
    Row(
        "five sentences checked, cold", ("check", "five sentences, milliseconds", "cold"), "ms", 200
    ),
    Row("the same, met before", ("check", "five sentences, milliseconds", "again"), "ms", 6),
    Row("a text of 200 claims", ("check", "a text", "seconds"), "s", 10),
    Row(
        "first word after 1,400 tokens, cold",
        ("llm", "reading", "first, s"),
        "s",
        6,
        peer=("plain", "first, s"),
        named="llama.cpp",
    ),
    Row(
        "tokens read a second",
        ("llm", "reading", "read/s"),
        "/s",
        peer=("plain", "read/s"),
        named="llama.cpp",
        more=True,
    ),
    Row(
        "tokens written a second",
        ("llm", "reading", "written/s"),
        "/s",
        1.5,
        "before",
        ("plain", "written/s"),
        "llama.cpp",
        True,
    ),
    Row("first word of a follow-up on them", ("llm", "reading", "follow-up, s"), "s", 0.6),
    Row("first word of an answer, median", ("llm", "questions", "first"), "s"),
    Row("whole answer, median", ("llm", "questions", "whole"), "s"),
    Row("first word of a follow-up, median", ("llm", "questions", "follow-up"), "s"),
    *(
        Row(
            f"{n} at once: answers a minute",
            ("students", "students", f"{n} at once, answers a minute"),
            "/min",
            more=True,
        )
        for n in (1, 4, 16)
    ),
    Row("fresh clone to open page, packages cached", ("setup", "seconds"), "s", 90),
    Row("`make fast`, the tests alone", ("fast", "seconds"), "s", 20),
    Row("`make test`, the tests alone", ("suite", "seconds"), "s", 600),
)


def _at(found: Any, keys: Sequence[str]) -> float | None:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def machine() -> str:
    """The processor, its flags that matter, the cores that may be used, and memory."""
    name, flags = platform.processor() or platform.machine(), ""
    told = Path("/proc/cpuinfo")
    if told.exists():
        lines = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in told.read_text().splitlines())
        }
        name = lines.get("model name", name)
        there = lines.get("flags", "").split()
        has, lacks = [f for f in FLAGS if f in there], [f for f in FLAGS if f not in there]
        flags = f", with {', '.join(has)}, without {', '.join(lacks) or 'nothing of note'}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return f"{name}, {cores} cores{flags}; {memory:.0f} GiB"


def table(all_: Found) -> str:
    """The table as Markdown."""
    lines = ["| figure | before | now | goal | met | peer |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        now, before, peer = row.value(all_, "now"), row.value(all_, "before"), row.peers(all_)
        if now is None and before is None:
            continue
        beside = ""
        if peer and now:
            beside = f"{row.named} {_told(peer, row.unit)}, ours {now / peer:.2f} ×"
        failed = "cannot" in all_.get(row.at[0], {}).get("before", {})
        old = "cannot be run" if failed else _told(before, row.unit)
        met = {True: "yes", False: "**no**", None: ""}[row.met(all_)]
        cells = (row.label, old, _told(now, row.unit), row.goal_told(), met, beside)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def points(all_: Found, side: str) -> list[Found]:
    """What was measured of growth, by the number of passages."""
    parts = (all_.get(part, {}).get(side, {}).get("figures", {}) for part in ("growth", "million"))
    return sorted((one for part in parts for one in part.values()), key=lambda one: one["passages"])


def write(all_: Found, folder: Path) -> None:
    """Set the page, and draw its plots beside it."""
    from jinja2 import Environment, StrictUndefined

    sides = [one for part in all_.values() for one in part.values()]
    machine, _ = Counter(one["machine"] for one in sides).most_common(1)[0]
    elsewhere = {part: one["now"] for part, one in all_.items() if one["now"]["machine"] != machine}
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    page = environment.from_string(TEMPLATE.read_text("utf-8")).render(
        table=table(all_),
        machine=machine,
        days=sorted({one["day"] for one in sides if one["machine"] == machine}),
        elsewhere=elsewhere,
        commits={
            side: sorted(
                {one[side]["commit"] for one in all_.values() if side in one}
                - {one["commit"] for one in elsewhere.values()}
            )
            for side in ("before", "now")
        },
        parts=_parts(points(all_, "now")),
        models={
            part: _at_any(all_, (part, "now", "figures", "model"))
            for part in ("llm", "students")
            if part in all_
        },
        unmet=[row.label for row in ROWS if row.met(all_) is False],
        slowest=_at_any(all_, ("suite", "now", "figures", "longest"))
        or _at_any(all_, ("fast", "now", "figures", "longest")),
        cannot={
            part: one["before"]["cannot"]
            for part, one in all_.items()
            if "cannot" in one.get("before", {})
        },
    )
    (folder / "performance.md").write_text(page, encoding="utf-8")
    _plot(all_, folder / "growth.svg")


def _at_any(found: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found or []


def _parts(grown: Sequence[Found]) -> str:
    """Where a search's time goes, a column for each size."""
    if not grown:
        return ""
    names = dict.fromkeys(name for one in grown for name in one["parts, ms"])
    rows = [["ms of a question", *(f"{one['passages']:,}" for one in grown)]]
    rows.append(["---"] * len(rows[0]))
    rows += [[name, *(f"{one['parts, ms'].get(name, 0):.2f}" for one in grown)] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plot(all_: Found, file: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "seminar_rag"  # the same picture each time
    mpl.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    drawn: tuple[tuple[str, list[tuple[str, ...]]], ...] = (
        ("milliseconds of a question", [("all", "p50"), ("all", "p95"), ("eight sessions", "p50")]),
        ("where they go", []),
        ("MB", [("memory, MB",), ("disk, MB",)]),
    )
    for number, (title, curves) in enumerate(drawn, 1):
        axes = figure.add_subplot(1, 3, number)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("passages", fontsize=8)
        for side, style in (("before", ":"), ("now", "-")):
            grown = points(all_, side)
            parts = [("parts, ms", name) for name in grown[-1]["parts, ms"]] if grown else []
            for at, keys in enumerate(curves or (parts if side == "now" else [])):
                found = [(one["passages"], _at(one, keys)) for one in grown]
                along = [point for point in found if point[1]]
                name = ", ".join(keys[-2:]).removeprefix("parts, ms, ")
                look = {"color": f"C{at}", "marker": ".", "linewidth": 1}
                if along:
                    label = name if side == "now" else None
                    axes.plot(*zip(*along, strict=True), style, label=label, **look)
        if axes.lines:
            axes.legend(fontsize=6, frameon=False)
    figure.savefig(file, metadata={"Date": None})
