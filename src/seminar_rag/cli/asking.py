"""The commands that ask a course, check a text against it, and measure its answers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from seminar_rag.cli import ABSTAINED, FAILED, INTERRUPTED, open_course, printing
from seminar_rag.errors import ConfigError, SourceError
from seminar_rag.text import one_line
from seminar_rag.types import BUILT_IN, WORDS_ONLY

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.evaluation.questions import Question
    from seminar_rag.evaluation.report import QuestionResult
    from seminar_rag.types import Answer, Citation, Scope
    from seminar_rag.types.check import CheckedItem, Report


def ask(options: argparse.Namespace) -> int:
    """Answer a question, with its sources."""
    from seminar_rag.types import AnswerEvent, Scope, TokenEvent

    _require_length([options.question])
    course = open_course(options)
    scope = _scope(options, course)
    answer: Answer | None = None
    for event in course.ask(options.question, scope=scope):
        if isinstance(event, TokenEvent) and not options.json:
            print(event.text, end="", flush=True)
        elif isinstance(event, AnswerEvent):
            answer = event.answer
    assert answer is not None
    if options.json:
        from seminar_rag.types.as_json import answer_json

        printing.print_json(answer_json(answer))
    else:
        if answer.abstained and answer.kind == "readings" and scope != Scope():
            from seminar_rag.ui.shared.wording import refusal, scope_in_words, titles

            asked = scope_in_words(scope, titles(course.documents()))
            answer = replace(answer, text=refusal(scope, asked))
        _print_answer(answer, course.answerer_notice)
    return ABSTAINED if answer.abstained else 0


def _scope(options: argparse.Namespace, course: Course) -> Scope:
    from seminar_rag.types import NOTES, READINGS, Scope

    scope = Scope(
        frozenset(options.session),
        frozenset(options.reading),
        {"readings": READINGS, "notes": NOTES, None: frozenset()}[options.kind],
        options.required,
    )
    return course.within(scope) if scope.sessions or scope.readings else scope


def _require_length(questions: Sequence[str]) -> None:
    """Refuse a question that is too long, as the page does. Raises ConfigError."""
    from seminar_rag.ui.shared.limits import question_problem

    for problem in filter(None, map(question_problem, questions)):
        raise ConfigError(problem.rstrip("."))


def _write(path: Path, content: bytes) -> None:
    """Write a file that was asked for, and say so."""
    path.write_bytes(content)
    printing.console(stderr=True).print(f"{path} is written", markup=False)


def table(options: argparse.Namespace) -> int:
    """Put questions to readings; the table is printed as Markdown, or written into a file."""
    from seminar_rag.types.as_json import table_json
    from seminar_rag.ui.export.learning import TABLE_TYPES, table_file, table_markdown

    kind = _kind(options.out, TABLE_TYPES)
    course = open_course(options)
    with printing.ProgressBar(printing.console(stderr=True)) as bar:
        found = course.compare(
            options.questions,
            _scope(options, course),
            progress=lambda done, total: bar.show("asking", done, total),
        )
    title = "Readings beside each other"
    if options.out:
        _write(options.out, table_file(found, title, kind))
    elif options.json:
        printing.print_json(table_json(found))
    else:
        print(table_markdown(found, title))
    return 0


def study(options: argparse.Namespace) -> int:
    """Print or save a session's guide and items: what students see, or all that can be made."""
    from seminar_rag.types import Scope
    from seminar_rag.types.as_json import study_json
    from seminar_rag.ui.export.learning import GUIDE_TYPES, guide_file, guide_markdown

    kind = _kind(options.out, GUIDE_TYPES)
    course, number = open_course(options), options.session
    course.within(Scope(frozenset({number})))
    guide = course.guide(number) if options.propose or number in course.guides() else None
    if options.propose:
        with printing.ProgressBar(printing.console(stderr=True)) as bar:
            made = course.propose(number, progress=partial(bar.show, "reading"))
        items = tuple(one.item for one in made if one.state != "dropped" and not one.fault)
    else:
        items = course.study(number)
    title = f"Session {number}"
    if options.out:
        _write(options.out, guide_file(guide, items, title, kind, course.name))
    elif options.json:
        printing.print_json(study_json(guide, items))
    elif guide or items:
        print(guide_markdown(guide, items, title))
    else:
        print(f"Nothing of session {number} is approved — approve it at the desk, or add --propose")
    return 0


def differences(options: argparse.Namespace) -> int:
    """Look where the readings of a session differ, and print both sentences of each."""
    from seminar_rag.types import Scope

    course = open_course(options)
    course.within(Scope(frozenset({options.session})))
    with printing.ProgressBar(printing.console(stderr=True)) as bar:
        found = course.differ(options.session, progress=partial(bar.show, "comparing"))
    if options.json:
        printing.print_json([{"state": one.state, **asdict(one.difference)} for one in found])
        return 0
    for one in (each.difference for each in found):
        print(f"{one.said}: {one.reason}")
        for side in (one.one, one.other):
            print(f"  “{side.quote}”\n      {', '.join(filter(None, (side.title, side.place)))}")
    if not found:
        print(f"No difference between readings of session {options.session} was found.")
    return 0


def _kind(out: Path | None, kinds: Collection[str]) -> str:
    """The kind of file that a name asks for; "" where no file is wanted. Raises SourceError: it is
    none of the kinds, or the file cannot be written."""
    kind = out.suffix.removeprefix(".") if out else ""
    if out and kind not in kinds:
        raise SourceError(f"{out} — give a name that ends in one of .{', .'.join(kinds)}")
    _require_place(out)
    return kind


def check(options: argparse.Namespace) -> int:
    """Check a text against the readings."""
    course = open_course(options)
    typed = options.file == "-"
    text = sys.stdin.read() if typed else course.text_of(Path(options.file))
    if not text.strip():
        raise SourceError(f"{'the input' if typed else options.file} holds no text to check")
    report = _checked(course, text)
    if options.html:
        from seminar_rag.ui.export.check_report import to_html

        title = "Standard input" if typed else Path(options.file).name
        _write(options.html, to_html(report, title).encode())
    if options.json:
        from seminar_rag.types.as_json import report_json

        printing.print_json(report_json(report))
    else:
        _print_check(report)
    if len(report.items) < report.total:
        return INTERRUPTED
    return FAILED if report.failed else 0


def _checked(course: Course, text: str) -> Report:
    """The report; where the check is interrupted, as far as it came."""
    checking = course.check(text)
    with printing.ProgressBar(printing.console(stderr=True)) as bar:
        try:
            for done, _ in enumerate(checking, 1):
                bar.show("checking", done, checking.total)
        except KeyboardInterrupt:
            bar.clear()
    return checking.report()


def evaluate(options: argparse.Namespace) -> int:
    """Measure the answers to labelled questions."""
    from seminar_rag.evaluation import page as evaluate_page
    from seminar_rag.evaluation import report as evaluate_report
    from seminar_rag.evaluation.questions import read_questions

    for path in (options.json, options.html):
        _require_place(path)
    questions = read_questions(options.questions)
    before = evaluate_report.read_earlier(options.against) if options.against else None
    course = open_course(options)
    _warn_of_missing(course, questions)
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
        stopped = f"stopped after {len(outcomes)} of {len(questions)} questions"
        print(f"{stopped}; the figures are of these, and no file was written", file=sys.stderr)
        return INTERRUPTED
    if options.json:
        text = json.dumps(evaluate_report.to_json(report, about), ensure_ascii=False, indent=1)
        options.json.write_text(text, encoding="utf-8")
    if options.html:
        page = evaluate_page.render_page(report, before, about)
        options.html.write_text(page, encoding="utf-8")
    return 0


def _outcomes(course: Course, questions: Sequence[Question], docs: Path) -> list[QuestionResult]:
    """The outcome of each question, of those asked before an interrupt."""
    from seminar_rag.evaluation.evaluate import outcomes, verified

    out: list[QuestionResult] = []
    with printing.ProgressBar(printing.console(stderr=True)) as bar:
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
                bar.show("asking", len(out), len(questions))
        except KeyboardInterrupt:
            if not out:
                raise
            bar.clear()
    return out


def _warn_of_missing(course: Course, questions: Sequence[Question]) -> None:
    """Print which documents that the questions are about are not ingested."""
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
    """Refuse a place where no file can be written, before time is spent on its content. Raises
    SourceError: there is no such folder, or the path is one."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        why = "is a folder" if path.is_dir() else f"lies in {path.parent}, which does not exist"
        raise SourceError(f"{path} cannot be written: it {why} — name a file in an existing folder")


def _print_answer(answer: Answer, notice: str) -> None:
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
            print(f"  - {document.title}{printing.place(document.sessions)}{_link(document.url)}")


def _link(url: str | None) -> str:
    return f" {url}" if url else ""


def _print_verdicts(answer: Answer) -> None:
    """The result of the check, and each sentence that its passages do not fully support."""
    from seminar_rag.ui.shared.wording import check_in_words, verdict_in_words

    quoted = answer.answerer.startswith("extractive")
    if found := check_in_words(answer.verdicts, answer.citations, quoted=quoted):
        by = "" if quoted else f" (checked by: {answer.verdicts[0].verdict.verifier})"
        print(f"\n{found[0].upper()}{found[1:]}{by}")
    for one in () if quoted else answer.verdicts:
        if one.verdict.label not in ("supported", "uncheckable"):
            sentence = " ".join(answer.text[one.start : one.end].split())
            sign, word = verdict_in_words(one.verdict)
            print(f"  {sign} {word.lower()}: {sentence}\n      {one.verdict.reason}")


def _print_check(report: Report) -> None:
    """A checked text, as wide as the terminal but readable."""
    from shutil import get_terminal_size

    for line in text_lines(report, min(100, get_terminal_size().columns)):
        print(line)


def _print_source(number: int, cited: Sequence[Citation]) -> None:
    document, passage = cited[0].document, cited[0].passage
    described = ", abstract only" if document.kind == "abstract" else ""
    print(f"  [{number}] {document.title}{printing.place(document.sessions)}{described}")
    if passage.heading:
        print(f"      {passage.heading}")
    for one in cited:
        place = f"{where}: " if (where := document.place([one.page])) else ""
        print(f"      {place}“{' '.join(one.quote.split())}”")
    if document.url:
        print(f"      {document.url}")


def text_lines(report: Report, width: int = 80) -> Iterator[str]:
    """The report in lines for a terminal; headings and the like are left out."""
    for item in report.items:
        if item.label == "not a claim" and not item.citations:
            continue
        yield from _item_lines(item, width)
        yield ""
    yield fill(report.summary, width)
    yield f"checked by: {report.verifier}"
    if report.verifier == BUILT_IN:
        yield fill(WORDS_ONLY, width)


def _item_lines(item: CheckedItem, width: int) -> Iterator[str]:
    """One item: verdict and sentence, the reason, the evidence, and the citations."""
    from seminar_rag.ui.export.check_report import (
        glyph_of,
        mark,
        place,
        says_why,
        shown_evidence,
        verdict_of,
    )

    glyph, label = verdict_of(item)
    yield _wrapped(f"{glyph} line {item.line}, {label}: {one_line(item.claim.text)}", "  ", width)
    if item.label != "not a claim" and says_why(item):
        yield _wrapped(f"    {item.reason}", "    ", width)
    for source in shown_evidence(item):
        yield _wrapped(f"    {place(source)}: “{source.quote}”", "      ", width)
    for one in item.citations:
        name = "" if item.claim.kind == "reference" else f"{mark(one.cited)}: "
        text = f"    {glyph_of(one)} {name}{one.reason}"
        yield _wrapped(text, "      ", width)


def _wrapped(text: str, indent: str, width: int) -> str:
    return fill(text, width, subsequent_indent=indent, break_on_hyphens=False)
