"""What the command line shows: progress, reports, answers with their sources, the course."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from seminar_rag.course import Course
    from seminar_rag.index.catalogue import Record
    from seminar_rag.ingest.pipeline import Progress, Report
    from seminar_rag.types import Answer, Citation

PLAIN_SECONDS = 5.0
"""How often progress is told where there is no terminal to draw a bar on."""


def console(stderr: bool = False) -> Console:
    """Where to print; on standard error while standard output is for the answer."""
    from rich.console import Console

    return Console(stderr=stderr)


class ProgressBar:
    """One line that says what is going on; plain lines where the output is no terminal."""

    def __init__(self, console: Console, quiet: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._quiet = quiet
        self._plain = not console.is_terminal
        self._console = console
        self._told = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.fields[stage]:>9}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
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


def print_report(console: Console, report: Report, quiet: bool) -> None:
    for outcome in report.outcomes:
        if outcome.change == "failed":
            kept = f" ({outcome.passages} passages kept)" if outcome.passages else ""
            console.print(f"failed: {outcome.reason}{kept}", style="yellow", markup=False)
    if quiet:
        return
    counts = ", ".join(
        f"{report.count(change)} {change}"
        for change in ("new", "changed", "unchanged", "removed", "failed")
        if report.count(change)
    )
    found = f"{report.sessions} sessions, {report.readings} readings; " if report.sessions else ""
    line(
        console,
        f"{report.source}: {found}documents: {counts}; {report.embedded} passages embedded",
    )


def answer_json(answer: Answer) -> dict[str, Any]:
    """The whole answer as `ask --json` prints it."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "answerer": answer.answerer,
        "abstained": answer.abstained,
        "citations": [_citation_json(one) for one in answer.citations],
        "nearest": [{"reading": one.title, "url": one.url} for one in answer.nearest],
        "warnings": list(answer.warnings),
        "seconds": round(answer.seconds, 3),
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    document, passage = citation.document, citation.passage
    return {
        "number": citation.number,
        "reading": document.title,
        "kind": document.kind,
        "session": document.sessions[0] if document.sessions else None,
        "page": citation.page,
        "section": passage.heading or None,
        "quote": citation.quote,
        "passage": passage.text,
        "url": document.url,
        "reading_id": document.reading,
        "sessions": list(document.sessions),
        "document": document.path,
        "passage_id": passage.id,
    }


def print_answer(answer: Answer, notice: str) -> None:
    if answer.abstained:
        if answer.warnings:
            print("\n")  # what was streamed stands above
        print(answer.text, *answer.warnings)
        if answer.nearest:
            print("\nNearest readings:")
            for document in answer.nearest:
                print(f"  - {document.title}{_place(document.sessions)}")
        return
    print("\n\nSources")
    for number in dict.fromkeys(one.number for one in answer.citations):
        _print_source(number, [one for one in answer.citations if one.number == number])
    for warning in answer.warnings:
        print(f"  note: {warning}")
    print(f"\n{notice} ({answer.seconds:.1f} s)")


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
            }
            for record in catalogue.records.values()
        ],
    }
