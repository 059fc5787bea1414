"""The command line: parse, call Course, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seminar_rag import __version__
from seminar_rag.errors import ModelError, NotFoundError, SeminarError, SourceError

if TYPE_CHECKING:
    from rich.console import Console

    from seminar_rag.course import Course
    from seminar_rag.index.catalogue import Record
    from seminar_rag.ingest.pipeline import Progress, Report
    from seminar_rag.types import Answer, Citation

EXIT_CODES = """\
exit codes:
  0  done; for ask: answered
  1  something failed that is none of the below
  2  the command line or seminar.toml is wrong
  3  a source or document cannot be read, or some of its documents failed
  4  the index is damaged, busy or of another model
  5  a model cannot be loaded or used
  6  the chat cannot be served (port in use)
  7  no such reading, or nothing is ingested yet
  8  ask: the readings don't say
  130  interrupted; run the same command again to go on
"""
_ABSTAINED = 8
_INTERRUPTED = 130
_PLAIN_SECONDS = 5.0
"""How often progress is told where there is no terminal to draw a bar on."""


def run() -> None:
    """The console script."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except SeminarError as error:
        print(f"seminar-rag: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nstopped — run the same command again to go on", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader (head, less) has gone
        return 0
    except OSError as error:
        import errno

        mend = "free some space" if error.errno == errno.ENOSPC else "check the path"
        print(f"seminar-rag: {error} — {mend} and run the command again", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seminar-rag",
        description="Answers questions over the assigned readings of a seminar, "
        "and shows for every sentence which passage of which paper says so.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"seminar-rag {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def verb(
        name: str, does: str, command: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        one.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="where all state lies (default: .seminar beside seminar.toml)",
        )
        one.set_defaults(command=command)
        return one

    one = verb("ingest", "bring a course page, posts, a readings.toml or PDFs in", _ingest)
    one.add_argument("sources", nargs="*", type=Path, metavar="SOURCE")
    one.add_argument("--sample", action="store_true", help="the bundled sample course")
    one.add_argument("--quiet", action="store_true", help="print only what needs attention")

    one = verb("ask", "answer a question from the readings, with citations", _ask)
    one.add_argument("question")
    one.add_argument("--session", type=int, action="append", default=[], metavar="N")
    one.add_argument("--reading", action="append", default=[], metavar="ID")
    one.add_argument("--kind", choices=("readings", "notes"), help="only readings, or only notes")
    one.add_argument("--required", action="store_true", help="only required readings")
    one.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    one = verb("serve", "open the chat in the browser's reach", _serve)
    one.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    one.add_argument("--port", type=int, help="port to listen on (default: 7860)")

    one = verb("status", "list what is indexed, per session and reading", _status)
    one.add_argument("--json", action="store_true")

    one = verb("remove", "remove a source, a reading or a document", _remove)
    one.add_argument("what", metavar="SOURCE|READING|DOCUMENT")

    one = verb("models", "list local language models, or download one", _models)
    one.add_argument("download", nargs="?", metavar="REPO:FILE", help="the model to download")
    one.add_argument("--sha256", metavar="HASH", help="refuse a file with another hash")
    one.add_argument("--hub", default="https://huggingface.co", metavar="URL", help="the model hub")

    one = verb("doctor", "check the installation, the models and the index", _doctor)
    one.add_argument("--repair", action="store_true", help="rebuild damaged indexes")
    return parser


def _open(options: argparse.Namespace) -> Course:
    from seminar_rag.course import Course

    return Course.open(Path(), options.data)


# --- ingest ------------------------------------------------------------------------------------


def _ingest(options: argparse.Namespace) -> int:
    sources = list(options.sources)
    if options.sample:
        from seminar_rag.sample import PAGE

        sources.append(PAGE)
    if not sources:
        raise SourceError("no source given — name a course page, a folder or PDFs, or --sample")
    return _ingest_into(_open(options), sources, options.quiet)


def _ingest_into(course: Course, sources: Sequence[Path], quiet: bool = False) -> int:
    console = _console(stderr=True)
    failed = False
    with _ProgressBar(console, quiet) as bar:
        for report in course.ingest(sources, bar.show):
            bar.clear()
            failed |= report.count("failed") > 0
            _print_report(console, report, quiet)
    return SourceError.exit_code if failed else 0


class _ProgressBar:
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

    def __enter__(self) -> _ProgressBar:
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
        if self._plain and not self._quiet and now - self._told >= _PLAIN_SECONDS:
            says = f"{progress.stage} {progress.done}/{progress.total} {progress.label}"
            _line(self._console, says)
            self._told = now

    def clear(self) -> None:
        self._bar.update(self._task, stage="", label="")


def _print_report(console: Console, report: Report, quiet: bool) -> None:
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
    _line(
        console,
        f"{report.source}: {found}documents: {counts}; {report.embedded} passages embedded",
    )


# --- ask ---------------------------------------------------------------------------------------


def _ask(options: argparse.Namespace) -> int:
    from seminar_rag.types import NOTES, READINGS, AnswerEvent, Scope, TokenEvent

    scope = Scope(
        frozenset(options.session),
        frozenset(options.reading),
        {"readings": READINGS, "notes": NOTES, None: frozenset()}[options.kind],
        options.required,
    )
    course = _open(options)
    answer: Answer | None = None
    for event in course.ask(options.question, scope=scope):
        if isinstance(event, TokenEvent) and not options.json:
            print(event.text, end="", flush=True)
        elif isinstance(event, AnswerEvent):
            answer = event.answer
    assert answer is not None
    if options.json:
        print(json.dumps(answer_json(answer), ensure_ascii=False, indent=2))
    else:
        _print_answer(answer, course.answerer_notice)
    return _ABSTAINED if answer.abstained else 0


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


def _print_answer(answer: Answer, notice: str) -> None:
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


# --- serve -------------------------------------------------------------------------------------


def _serve(options: argparse.Namespace) -> int:
    course = _open(options)
    console = _console(stderr=True)
    if not course.catalogue().documents:
        from seminar_rag.sample import PAGE

        console.print("Nothing is ingested yet, so the bundled sample course goes in first.")
        _ingest_into(course, [PAGE])
    from seminar_rag.ui.app import serve

    console.print(f"Loading the models for {course.name} …", markup=False)

    def ready(url: str) -> None:
        _line(console, course.answerer_notice)
        _line(console, f"The chat is open on {url} — Ctrl-C closes it.")

    host = options.host or course.config.serve_host
    port = options.port if options.port is not None else course.config.serve_port
    serve(course, host, port, prepare=course.examples, on_ready=ready)
    return 0


# --- looking after -----------------------------------------------------------------------------


def _status(options: argparse.Namespace) -> int:
    course = _open(options)
    catalogue = course.catalogue()
    if options.json:
        print(json.dumps(status_json(course), ensure_ascii=False, indent=2))
        return 0
    if not catalogue.records:
        raise NotFoundError("nothing is ingested yet — seminar-rag ingest SOURCE, or --sample")
    console = _console()
    console.print(f"{course.name}", markup=False, style="bold")
    for source, form in catalogue.sources:
        console.print(f"source: {source} ({form})", markup=False, highlight=False)
    shown: set[str] = set()
    for session in catalogue.sessions:
        console.print(f"\n{session.number}. {session.title}", markup=False, style="bold")
        notes = f"notes-{session.number}"
        for id_, label in [
            *((one.id, f"[{one.section}] {one.title} ({one.id})") for one in session.readings),
            (notes, "student notes"),
        ]:
            mine = [r for r in catalogue.records.values() if r.document.reading == id_]
            if mine or id_ != notes:
                says = "; ".join(map(_said, mine)) or "listed only, no text"
                _line(console, f"  {label}: {says}")
            shown.add(id_)
    loose = [r for r in catalogue.records.values() if r.document.reading not in shown]
    if loose:
        console.print("\nIn no session", style="bold")
    for record in loose:
        title = record.document.title or record.document.path
        _line(console, f"  {title} ({record.document.reading}): {_said(record)}")
    return 0


def _said(record: Record) -> str:
    """A document in a few words."""
    if record.outcome != "indexed":
        kept = f" ({record.passages} passages of an earlier version)" if record.passages else ""
        return f"{record.outcome}: {record.detail}{kept}"
    pages = f"{record.pages} pages, " if record.pages else ""
    plural = "" if record.passages == 1 else "s"
    return f"{record.document.kind}, {pages}{record.passages} passage{plural}"


def _line(console: Console, text: str) -> None:
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


def _remove(options: argparse.Namespace) -> int:
    for title in _open(options).remove(options.what):
        print(f"removed: {title}")
    return 0


def _models(options: argparse.Namespace) -> int:
    from seminar_rag.answer import models
    from seminar_rag.ingest.pipeline import Progress

    course = _open(options)
    console = _console(stderr=True)
    if options.download is None:
        models.print_catalogue(course.models_folder)
        return 0
    repo, _, file = options.download.partition(":")
    if not file:
        raise ModelError(f"{options.download!r} names no file — write REPO:FILE")
    with _ProgressBar(console, False) as bar:

        def show(done: int, total: int | None) -> None:
            bar.show(Progress("MiB", done >> 20, (total or done) >> 20, file))

        path = models.download(
            repo,
            file,
            course.models_folder,
            base_url=options.hub,
            sha256=options.sha256,
            progress=show,
        )
    console.print(f"{path} is in place; answers are written with it from now on.", markup=False)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    course = _open(options)
    if options.repair:
        course.repair(print)
    sign = {"ok": "✓", "note": "·", "bad": "✗"}
    findings = course.doctor()
    for finding in findings:
        mend = f" — {finding.mend}" if finding.mend else ""
        print(f"{sign[finding.level]} {finding.what}{mend}")
    return 1 if any(finding.level == "bad" for finding in findings) else 0


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


if __name__ == "__main__":
    run()
