"""What an ingest prints: bars and lines while it runs, then a table and what needs attention."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from seminar_rag.cli.printing import PLAIN_SECONDS, line, print_needs

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from seminar_rag.types.ingest import Change, Progress, Report

_CHANGES: tuple[Change, ...] = ("new", "changed", "unchanged", "removed", "failed")
_KINDS = {"paper": "readings", "abstract": "descriptions", "notes": "student notes"}


class Telling:
    """An ingest told to a person: bars while it runs, then what became of everything.

    On a terminal a bar for the readings that are looked for, one for the documents, and a line for
    each that is being worked on; elsewhere a plain line every few seconds.
    """

    _BEGIN: ClassVar = {"fetching": "looking for", "parsing": "reading"}
    _END = ("found", "indexed", "failed", "removed")
    _MOST = 4

    def __init__(self, console: Console, quiet: bool) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = console
        self._quiet = quiet
        self._plain = not console.is_terminal
        self._told = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description:>11}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[says]}", markup=False),
            console=console,
        )
        self._looking = self._bars.add_task("looked for", total=None, says="", visible=False)
        self._working = self._bars.add_task("in", total=None, says="", visible=False)
        self._items: dict[str, str] = {}
        self._live = Live(
            get_renderable=self._drawn, console=console, transient=True, refresh_per_second=5
        )

    def __enter__(self) -> Telling:
        if not (self._quiet or self._plain):
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def progress(self, progress: Progress) -> None:
        """What is going on."""
        stage, item = progress.stage, progress.item
        if stage in self._BEGIN or stage == "reading":
            self._items[item] = f"{self._BEGIN.get(stage, stage):>11} {progress.label}"
        elif stage in self._END:
            self._items.pop(item, None)
        if stage != "reading":
            self._items.pop("", None)
            looks = stage in ("fetching", "found")
            self._bars.update(
                self._looking if looks else self._working,
                completed=progress.done,
                total=progress.total,
                visible=True,
            )
            self._bars.update(self._working, says=_pace(progress))
        now = time.monotonic()
        if self._plain and not self._quiet and now - self._told >= PLAIN_SECONDS:
            self._told = now
            line(self._console, self._summary(progress))

    def report(self, report: Report) -> None:
        """One source is done."""
        for task in (self._looking, self._working):
            self._bars.update(task, visible=False)
        self._items.clear()
        if self._live.is_started:
            self._live.refresh()
        print_report(self._console, report, self._quiet)

    def stopping(self) -> None:
        """It was told to stop, and ends with the document that it is at."""
        says = "stopping when the document at hand is in; Ctrl-C again stops at once"
        line(self._console, says)

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
            f"{says} {task.completed:.0f} of {task.total:.0f} {what}"
            for task, says, what in zip(
                self._bars.tasks, ("looked for", "in:"), ("readings", "documents"), strict=True
            )
            if task.visible and task.total
        ]
        return "; ".join(
            [*parts, _pace(progress)] if parts else [f"{progress.stage} {progress.label}"]
        )


def _pace(progress: Progress) -> str:
    """How much was embedded, how fast, and how long it will take."""
    parts = []
    if progress.passages:
        parts.append(f"{progress.passages} passages, {progress.speed:.0f} a second")
    if progress.left is not None and progress.left >= 1:
        minutes, seconds = divmod(round(progress.left), 60)
        parts.append(f"about {minutes}:{seconds:02} left")
    return ", ".join(parts)


class JsonLines:
    """An ingest told to a script: one JSON object a line on standard output."""

    def __init__(self) -> None:
        self._last = ("", 0.0)

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        """What is going on: all that is had or lost, the rest at most twice a second a stage."""
        stage, at = self._last
        passing = progress.stage in ("reading", "fetching", "parsing", "embedding")
        if passing and progress.stage == stage and time.monotonic() - at < 0.5:
            return
        self._last = progress.stage, time.monotonic()
        _json_line("progress", **asdict(progress))

    def report(self, report: Report) -> None:
        """One source is done: its outcomes, what needs attention, and the sums."""
        for outcome in report.outcomes:
            _json_line(
                "outcome",
                change=outcome.change,
                document=outcome.document.id,
                reading=outcome.document.reading,
                title=outcome.document.title,
                kind=outcome.document.kind,
                passages=outcome.passages,
                reason=outcome.reason,
            )
        for need in report.needs:
            _json_line("need", **asdict(need))
        _json_line(
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
        """It was told to stop, and ends with the document that it is at."""
        _json_line("stopping")


def _json_line(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}, ensure_ascii=False), flush=True)


def print_report(console: Console, report: Report, quiet: bool) -> None:
    """What one ingest did, or would do, and what needs the instructor's hand."""
    for note in report.notes:
        console.print(f"note: {note}", style="yellow", markup=False)
    for outcome in report.outcomes:
        if outcome.change == "failed":
            kept = f" ({outcome.passages} passages kept)" if outcome.passages else ""
            console.print(f"failed: {outcome.reason}{kept}", style="yellow", markup=False)
        elif report.dry and outcome.change != "unchanged":
            line(console, f"{outcome.change}: {outcome.document.title or outcome.document.path}")
    # Documents that failed have just been told.
    print_needs(console, [need for need in report.needs if not need.failed])
    if not quiet:
        _print_sums(console, report)
    if report.stopped:
        left = (
            f"; {report.not_looked_up} readings were not looked for yet"
            if report.not_looked_up
            else ""
        )
        line(console, f"stopped{left}. What was finished is in; the next run goes on from here")


def _print_sums(console: Console, report: Report) -> None:
    found = f"{report.sessions} sessions, {report.readings} readings; " if report.sessions else ""
    counts = ", ".join(f"{report.count(one)} {one}" for one in _CHANGES if report.count(one))
    does = "would be " if report.dry else ""
    says = f"documents: {does}{counts or 'none'}; {report.embedded} passages embedded"
    line(console, f"{report.source}: {found}{says}")
    if counts:
        console.print(_outcomes(report))
    if report.lookups:
        states = {"paper": "as papers", "page": "as web pages", "nothing": "not to be had"}
        had = ", ".join(f"{count} {states[state]}" for state, count in report.lookups)
        line(console, f"readings looked for: {had}; {report.fetched} files fetched in this run")
    if report.not_looked_up and report.readings and not report.stopped:
        line(
            console,
            f"{report.not_looked_up} readings were not looked for on the network;"
            " --fetch does that",
        )


def _outcomes(report: Report) -> Table:
    """A table of what became of the documents, by their kind."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    shown = [change for change in _CHANGES if report.count(change)]
    for name in (*shown, *(("passages",) if not report.dry else ())):
        table.add_column(name, justify="right")
    for kind, called in _KINDS.items():
        mine = [one for one in report.outcomes if one.document.kind == kind]
        if mine:
            counts = [sum(one.change == change for one in mine) for change in shown]
            there = sum(one.passages for one in mine if one.change != "removed")
            figures = [*counts, *((there,) if not report.dry else ())]
            table.add_row(called, *(str(figure) if figure else "" for figure in figures))
    return table
