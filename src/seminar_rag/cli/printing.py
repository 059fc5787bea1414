"""What the command line shows: progress, reports, answers with their sources, the course."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING, Any

from seminar_rag.ui.export.check_report import CITED, GLYPHS, mark, one_line, place, shown

if TYPE_CHECKING:
    from rich.console import Console

    from seminar_rag.course import Course
    from seminar_rag.types import Answer, Citation, Syllabus
    from seminar_rag.types.catalogue import Record
    from seminar_rag.types.check import Item
    from seminar_rag.types.check import Report as CheckReport
    from seminar_rag.types.ingest import Need, Progress, Suggestion

_THERE = {
    "paper": "its text",
    "page": "a web page of it",
    "abstract": "its description on the course page",
    "earlier version": "an earlier version of it",
    "nothing": "no text of it",
}
_LATER = ("run it again later", "check the network and the link", "run it again")
"""Mends of failures that pass by themselves."""
_MANY = 5
PLAIN_SECONDS = 5.0
"""How often progress is told where there is no terminal to draw a bar on."""


def console(stderr: bool = False) -> Console:
    """Where to print; on standard error while standard output is for the answer."""
    from rich.console import Console

    return Console(stderr=stderr)


class ProgressBar:
    """One line that says what is going on; plain lines where the output is no terminal."""

    def __init__(self, console: Console, quiet: bool) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._quiet = quiet
        self._plain = not console.is_terminal
        self._console = console
        self._told = time.monotonic()
        self._stage = ""
        self._bar = Progress(
            TextColumn("{task.fields[stage]:>9}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[label]}", markup=False),
            console=console,
            disable=quiet or self._plain,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, stage="", label="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._bar.reset(self._task, total=progress.total)
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            stage=progress.stage,
            label=progress.label[:60],
        )
        now = time.monotonic()
        if self._plain and not self._quiet and now - self._told >= PLAIN_SECONDS:
            says = f"{progress.stage} {progress.done}/{progress.total} {progress.label}"
            line(self._console, says)
            self._told = now

    def clear(self) -> None:
        self._bar.update(self._task, stage="", label="")


def print_needs(console: Console, needs: Sequence[Need]) -> None:
    """What needs the instructor's hand, then what is only worth knowing."""
    later = [need for need in needs if need.remedy in _LATER]
    if len(later) > _MANY:  # the network, or a large host, is down: one line says as much
        line(
            console,
            f"{len(later)} readings could not be asked for just now — check the network, and run it"
            " again later",
        )
        needs = [need for need in needs if need.remedy not in _LATER]
    hand = [need for need in needs if need.remedy]
    if hand:
        says = "1 reading needs" if len(hand) == 1 else f"{len(hand)} readings need"
        console.print(f"{says} attention", style="bold")
    for need in hand:
        line(console, f"  {need.title}{_place(need.sessions)}: {need.problem}")
        line(console, f"      there is {_THERE[need.state]} — {need.remedy}")
    known = [need for need in needs if not need.remedy]
    if known:
        says = "1 is" if len(known) == 1 else f"{len(known)} are"
        console.print(f"{says} worth a look", style="bold")
    for need in known:
        line(console, f"  {need.title}{_place(need.sessions)}: {need.problem}")


def suggestion_json(one: Suggestion) -> dict[str, Any]:
    """A suggestion as `suggestions --json` prints it."""
    return {**asdict(one), "says": one.says, "accept": one.if_accepted, "reject": one.if_rejected}


def print_suggestions(suggestions: Sequence[Suggestion]) -> None:
    """What is to be decided about the page's links."""
    shown = console()
    for one in suggestions:
        line(shown, f"{one.id}  {one.title}{_place(one.sessions)}")
        line(shown, f"    {one.says}")
        line(shown, f"    accept: {one.if_accepted}; reject: {one.if_rejected}")
    if suggestions:
        line(shown, "seminar-rag suggestions --accept ID, or --reject ID, decides.")
    else:
        line(shown, "Nothing is to be decided.")


def print_syllabus(syllabus: Syllabus) -> None:
    """Sessions and readings of a course page."""
    shown = console()
    if syllabus.title:
        shown.print(syllabus.title, style="bold", markup=False)
    for session in syllabus.sessions:
        tags = f"  [{', '.join(session.tags)}]" if session.tags else ""
        shown.print(f"\n{session.number}. {session.title}{tags}", style="bold", markup=False)
        for reading in session.readings:
            line(shown, f"  [{reading.section}] {reading.label}")
            if reading.authors:
                line(shown, f"      {reading.authors}")
            for url in reading.urls:
                line(shown, f"      {url}")
            if not reading.urls and not reading.files:
                line(shown, "      no link")
        if session.notes:
            line(shown, f"  student notes, {len(session.notes)} paragraphs")


def print_answer(answer: Answer, notice: str) -> None:
    if answer.abstained:
        _print_refusal(answer)
        return
    if answer.kind != "readings":
        links = [f"  {row.title}: {row.url}" for row in answer.listed if row.url]
        print("\n" if links else "", *links, sep="\n")
        _print_sources(answer)
        return
    _print_sources(answer)
    _print_verdicts(answer)
    if answer.restricted:
        print(f"  note: Only {answer.restricted} was searched.")
    for warning in answer.warnings:
        print(f"  note: {warning}")
    print(f"\n{notice} ({answer.seconds:.1f} s)")


def _print_sources(answer: Answer) -> None:
    if answer.citations:
        print("\n\nSources")
    for number in dict.fromkeys(one.number for one in answer.citations):
        _print_source(number, [one for one in answer.citations if one.number == number])


def _print_refusal(answer: Answer) -> None:
    if answer.warnings:
        print("\n")  # what was streamed stands above
    print(answer.text, *answer.warnings)
    if answer.reason:
        print(f"Why: {answer.reason}.")
    if answer.nearest:
        print("\nNearest readings:")
        for document in answer.nearest:
            print(f"  - {document.title}{_place(document.sessions)}{_link(document.url)}")


def _link(url: str | None) -> str:
    return f" {url}" if url else ""


def _print_verdicts(answer: Answer) -> None:
    """The tally, and each sentence that the passages it cites do not fully support."""
    if answer.checked:
        print(f"\n{answer.checked} (checked by: {answer.verdicts[0].verdict.verifier})")
    for one in answer.verdicts:
        if one.verdict.label not in ("supported", "uncheckable"):
            sentence = " ".join(answer.text[one.start : one.end].split())
            sign = "~" if one.verdict.label == "partly" else "!"
            print(f"  {sign} {one.verdict.label}: {sentence}\n      {one.verdict.reason}")


def print_check(report: CheckReport) -> None:
    """A checked text, as wide as the terminal but readable."""
    from shutil import get_terminal_size

    for told in text_lines(report, min(100, get_terminal_size().columns)):
        print(told)


def _print_source(number: int, cited: Sequence[Citation]) -> None:
    document, passage = cited[0].document, cited[0].passage
    described = ", as described on the course page" if document.kind == "abstract" else ""
    print(f"  [{number}] {document.title}{_place(document.sessions)}{described}")
    if passage.heading:
        print(f"      {passage.heading}")
    for one in cited:
        page = f"page {one.page}: " if one.page is not None else ""
        print(f"      {page}“{' '.join(one.quote.split())}”")
    if document.url:
        print(f"      {document.url}")


def _place(sessions: Iterable[int]) -> str:
    numbers = ", ".join(map(str, sessions))
    return f" (session {numbers})" if numbers else ""


def print_status(course: Course) -> None:
    """What is indexed, per session and reading."""
    catalogue = course.catalogue()
    shown_on = console()
    shown_on.print(f"{course.name}", markup=False, style="bold")
    for source, form in catalogue.sources:
        shown_on.print(f"source: {source} ({form})", markup=False, highlight=False)
    shown: set[str] = set()
    for session in catalogue.sessions:
        shown_on.print(f"\n{session.number}. {session.title}", markup=False, style="bold")
        notes = f"notes-{session.number}"
        for id_, label in [
            *((one.id, f"[{one.section}] {one.title} ({one.id})") for one in session.readings),
            (notes, "student notes"),
        ]:
            mine = [r for r in catalogue.records.values() if r.document.reading == id_]
            if mine or id_ != notes:
                says = "; ".join(map(_said, mine)) or "listed only, no text"
                line(shown_on, f"  {label}: {says}")
            shown.add(id_)
    loose = [r for r in catalogue.records.values() if r.document.reading not in shown]
    if loose:
        shown_on.print("\nIn no session", style="bold")
    for record in loose:
        title = record.document.title or record.document.path
        line(shown_on, f"  {title} ({record.document.reading}): {_said(record)}")
    wanting = course.needs()
    if wanting:
        shown_on.print()
        print_needs(shown_on, wanting)


def _said(record: Record) -> str:
    """A document in a few words."""
    if record.outcome != "indexed":
        kept = f" ({record.passages} passages of an earlier version)" if record.passages else ""
        return f"{record.outcome}: {record.detail}{kept}"
    pages = f"{record.pages} pages, " if record.pages else ""
    plural = "" if record.passages == 1 else "s"
    return f"{record.document.kind}, {pages}{record.passages} passage{plural}"


def line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def status_json(course: Course) -> dict[str, Any]:
    """What is indexed, as `status --json` prints it."""
    catalogue = course.catalogue()
    return {
        "course": course.name,
        "sources": [{"source": source, "form": form} for source, form in catalogue.sources],
        "sessions": [
            {
                "number": session.number,
                "title": session.title,
                "tags": list(session.tags),
                "readings": [
                    {
                        "id": reading.id,
                        "title": reading.title,
                        "section": reading.section,
                        "arxiv_id": reading.arxiv_id,
                        "urls": list(reading.urls),
                    }
                    for reading in session.readings
                ],
            }
            for session in catalogue.sessions
        ],
        "documents": [
            {
                "id": record.document.id,
                "reading": record.document.reading,
                "title": record.document.title,
                "kind": record.document.kind,
                "sessions": list(record.document.sessions),
                "path": record.document.path,
                "source": record.source,
                "outcome": record.outcome,
                "detail": record.detail,
                "pages": record.pages,
                "passages": record.passages,
                "at": record.at,
                "made": record.made,
            }
            for record in catalogue.records.values()
        ],
        "needs": [asdict(need) for need in course.needs()],
        "lookups": [
            {
                "reading": one.reading,
                "title": one.title,
                "state": one.state,
                "arxiv_id": one.arxiv_id,
                "attempts": [
                    {"url": url, "event": event, "says": says} for url, event, says in one.attempts
                ],
                "at": one.at,
            }
            for one in catalogue.lookups
        ],
    }


def text_lines(report: CheckReport, width: int = 80) -> Iterator[str]:
    """The report for a terminal; headings and the like are left out."""
    for item in report.items:
        if item.label == "not a claim" and not item.citations:
            continue
        yield from item_lines(item, width)
        yield ""
    yield fill(report.summary, width)
    yield f"checked by: {report.verifier}"


def item_lines(item: Item, width: int = 80) -> Iterator[str]:
    """One item: verdict and sentence, why, the evidence, and the citations."""
    glyph = GLYPHS[item.label] or "·"
    label = "reference" if item.claim.kind == "reference" else item.label
    yield _wrapped(f"{glyph} line {item.line}, {label}: {one_line(item.claim.text)}", "  ", width)
    if item.label not in ("supported", "not a claim"):
        yield _wrapped(f"    {item.reason}", "    ", width)
    for source in shown(item):
        yield _wrapped(f"    {place(source)}: “{source.quote}”", "      ", width)
    for one in item.citations:
        text = f"    {CITED[one.holding]} {mark(one.cited)}: {one.reason}"
        yield _wrapped(text, "      ", width)


def _wrapped(text: str, indent: str, width: int) -> str:
    return fill(text, width, subsequent_indent=indent, break_on_hyphens=False)
