"""The command line: parse, call Course, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seminar_rag import __version__
from seminar_rag.cli import printing, printing_ingest
from seminar_rag.errors import (
    ConfigError,
    NotFoundError,
    SeminarError,
    SourceError,
    StoreError,
)

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.evaluation.questions import Question
    from seminar_rag.evaluation.report import Outcome
    from seminar_rag.types import Answer
    from seminar_rag.types.check import Report as CheckReport
    from seminar_rag.types.ingest import Options, Progress

EXIT_CODES = """\
exit codes:
  0  done; for ask: answered
  1  something failed that is none of the below; for check: something is contradicted,
     or a citation does not hold
  2  the command line or seminar.toml is wrong
  3  a source or document cannot be read, or some of its documents failed
  4  the index is damaged, busy or of another model
  5  a model cannot be loaded or used
  6  the chat cannot be served (port in use)
  7  no such reading, or nothing is ingested yet
  8  ask: the readings don't say
  130  interrupted; run the same command again to go on
"""
_FAILED = 1
_ABSTAINED = 8
_INTERRUPTED = 130


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
    one.add_argument("sources", nargs="*", metavar="SOURCE", help="a path, or an address")
    one.add_argument("--sample", action="store_true", help="the bundled sample course")
    where = one.add_mutually_exclusive_group()
    where.add_argument(
        "--fetch",
        action="store_true",
        default=None,
        help="look for the readings on the network (done for an address anyway)",
    )
    where.add_argument(
        "--offline",
        action="store_false",
        dest="fetch",
        default=None,
        help="do not look for readings (done for a local source anyway)",
    )
    one.add_argument(
        "--refresh", action="store_true", help="ask again for everything that was fetched before"
    )
    one.add_argument(
        "--keep-removed", action="store_true", help="keep what the source lists no longer"
    )
    one.add_argument(
        "--only", metavar="READING", help="look for this reading again, by its id or title"
    )
    one.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    one.add_argument("--quiet", action="store_true", help="print only what needs attention")
    one.add_argument(
        "--json-lines", action="store_true", help="print progress and outcomes as JSON, for scripts"
    )

    one = verb("syllabus", "print the sessions and readings of a course page", _syllabus)
    one.add_argument("source", metavar="SOURCE", help="a path, or an address")
    one.add_argument("--json", action="store_true")

    one = verb("ask", "answer a question from the readings, with citations", _ask)
    one.add_argument("question")
    one.add_argument("--session", type=int, action="append", default=[], metavar="N")
    one.add_argument("--reading", action="append", default=[], metavar="ID")
    one.add_argument("--kind", choices=("readings", "notes"), help="only readings, or only notes")
    one.add_argument("--required", action="store_true", help="only required readings")
    one.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    one = verb("check", "hold a text's claims and citations against the readings", _check)
    one.add_argument("file", metavar="FILE", help="Markdown, text, PDF or DOCX; - reads the input")
    one.add_argument("--json", action="store_true", help="print the whole report as JSON")
    one.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")

    one = verb("serve", "open the chat in the browser's reach", _serve)
    one.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    one.add_argument("--port", type=int, help="port to listen on (default: 7860)")
    one.add_argument(
        "--mcp", action="store_true", help="offer the readings to assistants too, at /mcp"
    )

    one = verb("passwd", "set the password of the instructor's desk", _passwd)
    one.add_argument("--stdin", action="store_true", help="read it from the first line of input")

    one = verb("status", "list what is indexed, per session and reading", _status)
    one.add_argument("--json", action="store_true")

    one = verb("eval", "measure retrieval, answers and abstention on labelled questions", _eval)
    one.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    one.add_argument(
        "--docs",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of the documents that the questions name; the index is made of it",
    )
    one.add_argument("--json", type=Path, metavar="FILE", help="write figures and outcomes")
    one.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots")
    one.add_argument("--against", type=Path, metavar="FILE", help="compare with an earlier --json")

    one = verb("suggestions", "decide about links that lead elsewhere", _suggestions)
    choice = one.add_mutually_exclusive_group()
    choice.add_argument("--accept", metavar="ID")
    choice.add_argument("--reject", metavar="ID")
    one.add_argument("--json", action="store_true")

    one = verb("add", "add a link or a file to a session", _add)
    one.add_argument("session", type=int, metavar="SESSION")
    one.add_argument("what", metavar="LINK|FILE")
    one.add_argument("--title", required=True, help="what the reading is called")

    one = verb("rename", "call a reading otherwise", _rename)
    one.add_argument("reading", metavar="READING", help="its id or title")
    one.add_argument("title", metavar="TITLE")

    one = verb("remove", "remove a source, a reading or a document", _remove)
    one.add_argument("what", metavar="SOURCE|READING|DOCUMENT")

    one = verb("restore", "bring back what was removed, or list it", _restore)
    one.add_argument("what", nargs="?", metavar="READING|DOCUMENT")

    one = verb("models", "list local language models, or download one", _models)
    one.add_argument("download", nargs="?", metavar="REPO:FILE", help="the model to download;"
                     " a repository alone for a model that checks claims")  # fmt: skip
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
        from seminar_rag.course import SAMPLE

        sources.append(SAMPLE)
    if options.only:
        return _again(_open(options), options.only, options.quiet)
    if not sources:
        raise SourceError("no source given — name a course page, a folder or PDFs, or --sample")
    from seminar_rag.types.ingest import Options

    how = Options(options.fetch, options.refresh, options.keep_removed, options.dry_run)
    show = printing_ingest.JsonLines() if options.json_lines else None
    return _ingest_into(_open(options), sources, options.quiet, how, show)


def _ingest_into(
    course: Course,
    sources: Sequence[str | Path],
    quiet: bool = False,
    options: Options | None = None,
    show: printing_ingest.JsonLines | None = None,
) -> int:
    from seminar_rag.types.ingest import Options

    failed = stopped = False
    with (
        show or printing_ingest.Telling(printing.console(stderr=True), quiet) as told,
        _Interrupt(told.stopping) as interrupt,
    ):
        for report in course.ingest(
            sources, interrupt.heard(told.progress), options or Options(), interrupt
        ):
            failed |= report.count("failed") > 0
            stopped |= report.stopped
            told.report(report)
    if stopped or interrupt():
        return _INTERRUPTED
    return SourceError.exit_code if failed else 0


class _Interrupt:
    """The first Ctrl-C asks an ingest to end where nothing is half done, the second ends it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._asked = False
        self._begun = False
        self._before: Any = None

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def heard(self, listener: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """The listener; until there is progress beyond reading the page, Ctrl-C ends at once."""

        def listen(progress: Progress) -> None:
            self._begun |= progress.stage != "reading"
            listener(progress)

        return listen

    def __enter__(self) -> _Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, *_: object) -> None:
        if self._asked or not self._begun:
            raise KeyboardInterrupt
        self._asked = True
        self._tell()


def _again(course: Course, reading: str, quiet: bool = False) -> int:
    """Bring one reading up to date, and tell what became of it."""
    with printing_ingest.Telling(printing.console(stderr=True), quiet) as told:
        report = course.ingest_reading(reading, told.progress)
        told.report(report)
    return SourceError.exit_code if report.count("failed") else 0


def _syllabus(options: argparse.Namespace) -> int:
    from seminar_rag.course import read_course_page
    from seminar_rag.types.as_json import syllabus_json

    syllabus = read_course_page(options.source, Path(), options.data)
    if options.json:
        print(json.dumps(syllabus_json(syllabus), ensure_ascii=False, indent=2))
    else:
        printing.print_syllabus(syllabus)
    return 0


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
        from seminar_rag.types.as_json import answer_json

        print(json.dumps(answer_json(answer), ensure_ascii=False, indent=2))
    else:
        printing.print_answer(answer, course.answerer_notice)
    return _ABSTAINED if answer.abstained else 0


# --- check -------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    course = _open(options)
    typed = options.file == "-"
    text = sys.stdin.read() if typed else course.text_of(Path(options.file))
    report = _checked(course, text)
    if options.html:
        from seminar_rag.ui.export.check_report import to_html

        title = "Standard input" if typed else Path(options.file).name
        options.html.write_text(to_html(report, title), encoding="utf-8")
    if options.json:
        from seminar_rag.types.as_json import report_json

        print(json.dumps(report_json(report), ensure_ascii=False, indent=2))
    else:
        printing.print_check(report)
    if len(report.items) < report.total:
        return _INTERRUPTED
    return _FAILED if report.failed else 0


def _checked(course: Course, text: str) -> CheckReport:
    """The report; what is known of it when it is interrupted."""
    from seminar_rag.types.ingest import Progress

    checking = course.check(text)
    with printing.ProgressBar(printing.console(stderr=True), False) as bar:
        try:
            for done, _ in enumerate(checking, 1):
                bar.show(Progress("checking", done, checking.total))
        except KeyboardInterrupt:
            bar.clear()
    return checking.report()


# --- serve -------------------------------------------------------------------------------------


def _serve(options: argparse.Namespace) -> int:
    course = _open(options)
    console = printing.console(stderr=True)
    if not course.catalogue().documents:
        from seminar_rag.course import SAMPLE

        console.print("Nothing is ingested yet, so the bundled sample course goes in first.")
        _ingest_into(course, [SAMPLE])
    from seminar_rag.ui.app import serve
    from seminar_rag.ui.shared.limits import Limits
    from seminar_rag.ui.shared.logs import scrub_logs

    console.print(f"Loading the models for {course.name} …", markup=False)

    def ready(url: str) -> None:
        printing.line(console, course.answerer_notice)
        if course.password_hash():
            printing.line(console, f"Your desk is at {url}/desk")
        else:
            printing.line(console, f"Your desk, {url}/desk, opens once seminar-rag passwd is run.")
        if options.mcp:
            printing.line(console, f"Assistants find the readings at {url}/mcp")
        printing.line(console, f"The chat is open on {url} — Ctrl-C closes it.")

    host = options.host or course.config.serve_host
    port = options.port if options.port is not None else course.config.serve_port
    try:
        course.journal.prune()
    except StoreError as error:  # students can ask all the same
        printing.line(console, str(error))
    scrub_logs([course.config.llm_key])
    serve(
        course,
        host,
        port,
        limits=Limits(course.config.serve_rate, course.config.serve_rate_address),
        desk=course,
        mcp=options.mcp,
        prepare=course.examples,
        on_ready=ready,
    )
    return 0


# --- looking after -----------------------------------------------------------------------------


def _passwd(options: argparse.Namespace) -> int:
    from getpass import getpass

    from seminar_rag.course import set_password_hash
    from seminar_rag.ui.desk.password import hashed

    if options.stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass("Password of the instructor's desk: ")
        if getpass("Once more: ") != password:
            raise ConfigError("the two passwords differ — run the command again")
    path = set_password_hash(Path(), hashed(password))
    print(f"The password is set in {path.resolve()}; whoever was logged in is logged out.")
    return 0


def _status(options: argparse.Namespace) -> int:
    course = _open(options)
    catalogue = course.catalogue()
    if options.json:
        print(json.dumps(printing.status_json(course), ensure_ascii=False, indent=2))
        return 0
    if not catalogue.records:
        raise NotFoundError("nothing is ingested yet — seminar-rag ingest SOURCE, or --sample")
    printing.print_status(course)
    return 0


def _eval(options: argparse.Namespace) -> int:
    from seminar_rag.evaluation import page as evaluate_page
    from seminar_rag.evaluation import report as evaluate_report
    from seminar_rag.evaluation.questions import read_questions

    for path in (options.json, options.html):
        _require_place(path)
    questions = read_questions(options.questions)
    before = evaluate_report.read_earlier(options.against) if options.against else None
    course = _open(options)
    _tell_missing(course, questions)
    outcomes = _outcomes(course, questions, options.docs)
    report = evaluate_report.make_report(outcomes)
    print(evaluate_report.render_table(report, before))
    about = {
        "questions": options.questions.name,
        "answers by": course.answerer,
        "embeddings": course.embedder.name,
        "citations judged by": course.verifier.name,
    }
    print("\n".join(f"{what}: {who}" for what, who in about.items()))
    if len(outcomes) < len(questions):
        told = f"stopped after {len(outcomes)} of {len(questions)} questions"
        print(f"{told}; the figures are of these, and no file was written", file=sys.stderr)
        return _INTERRUPTED
    if options.json:
        told = json.dumps(evaluate_report.to_json(report, about), ensure_ascii=False, indent=1)
        options.json.write_text(told, encoding="utf-8")
    if options.html:
        page = evaluate_page.render_page(report, before, about)
        options.html.write_text(page, encoding="utf-8")
    return 0


def _outcomes(course: Course, questions: Sequence[Question], docs: Path) -> list[Outcome]:
    """What came of the questions; of those asked until an interrupt, if there is one."""
    from seminar_rag.evaluation.evaluate import outcomes, verified
    from seminar_rag.types.ingest import Progress

    out: list[Outcome] = []
    with printing.ProgressBar(printing.console(stderr=True), False) as bar:
        try:
            for one in outcomes(
                course.ask,
                course.search,
                questions,
                docs,
                confidence=course.confidence,
                supported=verified(course.verifier),
                count=course.embedder.count,
            ):
                out.append(one)
                bar.show(Progress("asking", len(out), len(questions)))
        except KeyboardInterrupt:
            if not out:
                raise
            bar.clear()
    return out


def _tell_missing(course: Course, questions: Sequence[Question]) -> None:
    """Documents of the questions that no answer can come from."""
    there = {Path(one.path).name for one in course.documents().values()}
    missing = sorted({doc for one in questions for doc, _ in one.evidence} - there)
    if there and missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        print(
            f"not ingested, so the questions on it count as missed: {names}"
            " — seminar-rag ingest the folder of --docs first",
            file=sys.stderr,
        )


def _require_place(path: Path | None) -> None:
    """See that a file can be written before much time is spent on what it is to hold."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        why = "is a folder" if path.is_dir() else f"lies in {path.parent}, which does not exist"
        raise SourceError(f"{path} cannot be written: it {why} — name a file in an existing folder")


# --- correcting --------------------------------------------------------------------------------


def _suggestions(options: argparse.Namespace) -> int:
    course = _open(options)
    if options.accept:
        return _again(course, course.accept(options.accept))
    if options.reject:
        return _again(course, course.reject(options.reject))
    if options.json:
        told = [printing.suggestion_json(one) for one in course.suggestions()]
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        printing.print_suggestions(course.suggestions())
    return 0


def _add(options: argparse.Namespace) -> int:
    course = _open(options)
    link = "://" in options.what
    url, file = (options.what, None) if link else ("", Path(options.what))
    return _again(course, course.add(options.session, options.title, url, file))


def _rename(options: argparse.Namespace) -> int:
    course = _open(options)
    return _again(course, course.rename(options.reading, options.title))


def _remove(options: argparse.Namespace) -> int:
    for title in _open(options).remove(options.what):
        print(f"removed: {title}")
    return 0


def _restore(options: argparse.Namespace) -> int:
    course = _open(options)
    if options.what is None:
        for one in course.removals():
            print(f"{one.id}  {one.title}")
        return 0
    return max(_again(course, id_) for id_ in course.restore(options.what))


def _models(options: argparse.Namespace) -> int:
    from seminar_rag.types.ingest import Progress

    course = _open(options)
    if options.download is None:
        print(course.models())
        return 0
    console = printing.console(stderr=True)
    file = options.download.partition(":")[2]
    with printing.ProgressBar(console, False) as bar:

        def show(done: int, total: int | None) -> None:
            bar.show(Progress("MiB", done >> 20, (total or done) >> 20, file))

        told = course.download_model(options.download, options.hub, options.sha256, show)
    console.print(told, markup=False)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    course = _open(options)
    if options.repair:
        course.repair(print)
    sign = {"ok": "✓", "note": "·", "bad": "✗"}
    findings = course.doctor()
    for finding in findings:
        remedy = f" — {finding.remedy}" if finding.remedy else ""
        print(f"{sign[finding.level]} {finding.what}{remedy}")
    return 1 if any(finding.level == "bad" for finding in findings) else 0


if __name__ == "__main__":
    run()
