"""What several commands print: progress, the report of an ingest, what needs attention."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from seminar_rag.types.ingest import Change, IngestReport, Need, Progress

PLAIN_SECONDS = 5.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""
_CHANGES: tuple[Change, ...] = ("new", "changed", "unchanged", "removed", "failed")
_KINDS = {"paper": "readings", "abstract": "abstracts", "notes": "student notes"}
_AVAILABLE = {
    "paper": "full text",
    "page": "a web page of it",
    "abstract": "abstract only",
    "earlier version": "an earlier version",
    "nothing": "no text",
}
_LATER = ("run it again", "check the network and the link")
"""How the remedies begin of failures that pass by themselves."""
_MANY = 5
"""Readings with such a failure that are listed one by one."""


def console(stderr: bool = False) -> Console:
    """Where to print text as it is: on standard error while standard output is for the answer."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def place(sessions: Iterable[int]) -> str:
    """The sessions of a reading, to stand behind its title."""
    numbers = ", ".join(map(str, sessions))
    return f" (session {numbers})" if numbers else ""


class ProgressBar:
    """One line that says what is going on; plain lines where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = console
        self._printed = time.monotonic()
        self._stage = ""
        self._bar = Progress(
            TextColumn("{task.fields[stage]:>9}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[label]}", markup=False),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, stage="", label="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, stage: str, done: int, total: int, label: str = "") -> None:
        """Show how far a stage of the work is."""
        if stage != self._stage:
            self._stage = stage
            self._bar.reset(self._task, total=total)
        self._bar.update(self._task, completed=done, total=total, stage=stage, label=label[:60])
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed >= PLAIN_SECONDS:
            self._console.print(f"{stage} {done}/{total} {label}")
            self._printed = now

    def clear(self) -> None:
        """Take the text beside the bar away."""
        self._bar.update(self._task, stage="", label="")


def print_needs(console: Console, needs: Sequence[Need]) -> None:
    """Print which readings need attention, then what is only worth knowing."""
    later = [need for need in needs if need.remedy.startswith(_LATER)]
    if len(later) > _MANY:  # the network, or a large host, is down: one line says as much
        console.print(
            f"{len(later)} readings could not be downloaded just now — check the network, and run"
            " it again later"
        )
        needs = [need for need in needs if not need.remedy.startswith(_LATER)]
    urgent = [need for need in needs if need.remedy]
    known = [need for need in needs if not need.remedy]
    verb = "1 reading needs" if len(urgent) == 1 else f"{len(urgent)} readings need"
    looks = "1 is" if len(known) == 1 else f"{len(known)} are"
    for some, head in ((urgent, f"{verb} attention"), (known, f"{looks} worth a look")):
        if some:
            console.print(head, style="bold")
        for need in some:
            console.print(f"  {need.title}{place(need.sessions)}: {need.problem}")
            if need.remedy:
                console.print(f"      {_AVAILABLE[need.state]} — {need.remedy}")


# --- an ingest ------------------------------------------------------------------------------------


class IngestView:
    """Shows an ingest to a person: bars while it runs, then what became of everything.

    On a terminal there is a bar for the readings that are searched for, one for the documents, and
    a line for each that is being worked on; elsewhere a plain line every few seconds.
    """

    _BEGIN: ClassVar = {"fetching": "searching", "parsing": "reading"}
    _END = ("found", "indexed", "failed", "removed")
    _MOST = 4

    def __init__(self, console: Console, quiet: bool) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = console
        self._quiet = quiet
        self._printed = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description:>12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}", markup=False),
            console=console,
        )
        self._searched = self._bars.add_task("searched for", total=None, pace="", visible=False)
        self._done = self._bars.add_task("documents", total=None, pace="", visible=False)
        self._items: dict[str, str] = {}
        self._live = Live(
            get_renderable=self._drawn, console=console, transient=True, refresh_per_second=5
        )

    def __enter__(self) -> IngestView:
        if self._console.is_terminal and not self._quiet:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def progress(self, progress: Progress) -> None:
        """Show what is going on."""
        stage, item = progress.stage, progress.item
        if stage in self._BEGIN or stage == "reading":
            self._items[item] = f"{self._BEGIN.get(stage, stage):>12} {progress.label}"
        elif stage in self._END:
            self._items.pop(item, None)
        if stage != "reading":
            self._items.pop("", None)
            self._bars.update(
                self._searched if stage in ("fetching", "found") else self._done,
                completed=progress.done,
                total=progress.total,
                visible=True,
            )
            self._bars.update(self._done, pace=progress.pace)
        now = time.monotonic()
        plain = not (self._console.is_terminal or self._quiet)
        if plain and now - self._printed >= PLAIN_SECONDS:
            self._printed = now
            self._console.print(self._summary(progress))

    def report(self, report: IngestReport) -> None:
        """Print the report on one source."""
        for task in (self._searched, self._done):
            self._bars.update(task, visible=False)
        self._items.clear()
        if self._live.is_started:
            self._live.refresh()
        _print_report(self._console, report, self._quiet)

    def stopping(self) -> None:
        """Say that the ingest will stop."""
        self._console.print("stopping after this document; Ctrl-C again stops at once")

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        items = [
            Text(text, style="dim", no_wrap=True, overflow="ellipsis")
            for text in [*self._items.values()][-self._MOST :]
        ]
        return Group(self._bars.make_tasks_table(self._bars.tasks), *items)

    def _summary(self, progress: Progress) -> str:
        parts = [
            f"{task.completed:.0f} of {task.total:.0f} {task.description}"
            for task in self._bars.tasks
            if task.visible and task.total
        ]
        if not parts:
            return f"{progress.stage} {progress.label}"
        return ", ".join(filter(None, [*parts, progress.pace]))


class JsonLines:
    """Shows an ingest to a script: one JSON object a line on standard output."""

    def __init__(self) -> None:
        self._last = ("", 0.0)

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        """Print every result, and of everything else at most two lines a second and stage."""
        stage, at = self._last
        passing = progress.stage in ("reading", "fetching", "parsing", "embedding")
        if passing and progress.stage == stage and time.monotonic() - at < 0.5:
            return
        self._last = progress.stage, time.monotonic()
        self._print("progress", **asdict(progress))

    def report(self, report: IngestReport) -> None:
        """Print the report on one source: its outcomes, what needs attention, and the sums."""
        for outcome in report.outcomes:
            document = outcome.document
            self._print(
                "outcome",
                change=outcome.change,
                document=document.id,
                reading=document.reading,
                title=document.title,
                kind=document.kind,
                passages=outcome.passages,
                reason=outcome.reason,
            )
        for need in report.needs:
            self._print("need", **asdict(need))
        self._print(
            "report",
            source=report.source,
            dry_run=report.dry,
            sessions=report.sessions,
            readings=report.readings,
            documents={change: report.count(change) for change in _CHANGES},
            lookups=dict(report.lookups),
            not_looked_up=report.not_looked_up,
            embedded=report.embedded,
            fetched=report.fetched,
            notes=list(report.notes),
            stopped=report.stopped,
        )

    def stopping(self) -> None:
        """Print that the ingest will stop."""
        self._print("stopping")

    def _print(self, event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}, ensure_ascii=False), flush=True)


def _print_report(console: Console, report: IngestReport, quiet: bool) -> None:
    """Print what one ingest did, or would do, and what needs attention."""
    for note in report.notes:
        console.print(f"note: {note}", style="yellow")
    for outcome in report.outcomes:
        if outcome.change == "failed":
            kept = f" ({outcome.passages} passages kept)" if outcome.passages else ""
            console.print(f"failed: {outcome.reason}{kept}", style="yellow")
        elif report.dry and outcome.change != "unchanged":
            console.print(f"{outcome.change}: {outcome.document.title or outcome.document.path}")
    # Documents that failed have just been listed.
    print_needs(console, [need for need in report.needs if not need.failed])
    if not quiet and (report.outcomes or not report.stopped):
        _print_sums(console, report)
    if report.stopped:
        count = report.not_looked_up
        left = f"; {count} readings were not searched for yet" if count else ""
        console.print(f"stopped{left}. What was finished is in; the next run goes on from here")


def _print_sums(console: Console, report: IngestReport) -> None:
    from seminar_rag.types.ingest import summarise

    found = f"{report.sessions} sessions, {report.readings} readings; " if report.sessions else ""
    if report.dry:
        console.print(f"{report.source}: {found}{summarise([report])}")
    else:
        sums = f"documents: {summarise([report])}; {report.embedded} passages embedded"
        console.print(f"{report.source}: {found}{sums}")
    if report.outcomes:
        console.print(_outcomes(report))
    if report.lookups:
        states = {"paper": "as papers", "page": "as web pages", "nothing": "not found"}
        counts = ", ".join(f"{count} {states[state]}" for state, count in report.lookups)
        console.print(f"readings searched for: {counts}; {report.fetched} files downloaded")
    if report.not_looked_up and report.readings and not report.stopped:
        count = report.not_looked_up
        console.print(f"{count} readings have not been searched for online; --fetch does that")


def _outcomes(report: IngestReport) -> Table:
    """A table of what became of the documents, by their kind."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    shown = [change for change in _CHANGES if report.count(change)]
    for name in (*shown, *(("passages",) if not report.dry else ())):
        table.add_column(name, justify="right")
    for kind, name in _KINDS.items():
        mine = [one for one in report.outcomes if one.document.kind == kind]
        if mine:
            counts = [sum(one.change == change for one in mine) for change in shown]
            passages = sum(one.passages for one in mine if one.change != "removed")
            figures = [*counts, *((passages,) if not report.dry else ())]
            table.add_row(name, *(str(figure) if figure else "" for figure in figures))
    return table
