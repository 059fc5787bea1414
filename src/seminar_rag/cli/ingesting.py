"""The commands that ingest a course and correct its reading list."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seminar_rag.cli import INTERRUPTED, open_course, printing
from seminar_rag.errors import SourceError

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.types import Reading, Syllabus
    from seminar_rag.types.catalogue import Opinion
    from seminar_rag.types.ingest import Options, Progress, Suggestion


def ingest(options: argparse.Namespace) -> int:
    """Bring sources in or up to date."""
    sources = list(options.sources)
    if options.sample:
        from seminar_rag.course import SAMPLE

        sources.append(SAMPLE)
    if options.only:
        return _again(open_course(options), options.only, options.quiet)
    if not sources:
        raise SourceError("no source given — name a course page, a folder or PDFs, or --sample")
    from seminar_rag.types.ingest import Options

    how = Options(options.fetch, options.refresh, options.keep_removed, options.dry_run)
    view = printing.JsonLines() if options.json_lines else _view(options.quiet)
    course = open_course(options)
    first = not course.catalogue().sources
    code = _ingest_into(course, sources, how, view)
    quiet = options.json_lines or options.quiet or options.dry_run
    if first and not quiet and course.catalogue().documents:
        says = "Now seminar-rag serve opens the chat, and seminar-rag ask asks from here."
        printing.console(stderr=True).print(says)
    return code


def ingest_sample(course: Course) -> int:
    """Ingest the bundled sample course."""
    from seminar_rag.course import SAMPLE
    from seminar_rag.types.ingest import Options

    return _ingest_into(course, [SAMPLE], Options(), _view())


def _view(quiet: bool = False) -> printing.IngestView:
    return printing.IngestView(printing.console(stderr=True), quiet)


def _ingest_into(
    course: Course,
    sources: Sequence[str | Path],
    options: Options,
    view: printing.IngestView | printing.JsonLines,
) -> int:
    failed = stopped = False
    with view, _Interrupt(view.stopping) as interrupt:
        for report in course.ingest(sources, interrupt.watch(view.progress), options, interrupt):
            failed |= report.count("failed") > 0
            stopped |= report.stopped
            view.report(report)
    if stopped or interrupt():
        return INTERRUPTED
    return SourceError.exit_code if failed else 0


class _Interrupt:
    """Handles Ctrl-C: the first asks an ingest to stop where nothing is half done, the second stops
    it at once."""

    def __init__(self, on_first: Callable[[], None], begun: bool = False) -> None:
        """Args:
        begun: whether Ctrl-C waits from the beginning, not only once `watch` hears of progress.
        """
        self._on_first = on_first
        self._asked = False
        self._begun = begun
        self._before: Any = None

    def __call__(self) -> bool:
        """Whether the ingest should stop."""
        return self._asked

    def watch(self, listener: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """The listener, watched: until progress goes beyond the page, Ctrl-C stops at once."""

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
        self._on_first()


def _again(course: Course, reading: str, quiet: bool = False) -> int:
    """Bring one reading up to date, and print the report."""
    with _view(quiet) as view:
        report = course.ingest_reading(reading, view.progress)
        view.report(report)
    return SourceError.exit_code if report.count("failed") else 0


def syllabus(options: argparse.Namespace) -> int:
    """Print the sessions and readings of a course page."""
    from seminar_rag.course import read_course_page
    from seminar_rag.types.as_json import syllabus_json

    read = read_course_page(options.source, data=options.data)
    thought: Mapping[Reading, Opinion] = {}
    if options.ask_model:
        thought = _asked(open_course(options), read, options.source)
    if options.json:
        printing.print_json(syllabus_json(read, thought))
    else:
        _print_syllabus(read, thought)
    return 0


def _asked(course: Course, syllabus: Syllabus, source: str) -> Mapping[Reading, Opinion]:
    """What the language model thinks of doubtful readings, with progress. Ctrl-C ends it, and what
    it thinks of those before is printed."""
    bar = printing.ProgressBar(printing.console(stderr=True))
    with _Interrupt(lambda: None, begun=True) as interrupt, bar:

        def progress(done: int, total: int, _: str) -> None:
            bar.show("asking", done, total)

        return course.opinions_on(syllabus, source, interrupt, progress)


def _print_syllabus(syllabus: Syllabus, thought: Mapping[Reading, Opinion]) -> None:
    from seminar_rag.types.catalogue import parts_begun

    shown = printing.console()
    if syllabus.title:
        shown.print(syllabus.title, style="bold")
    _print_events(syllabus, None)
    for part, session in zip(parts_begun(syllabus.sessions), syllabus.sessions, strict=True):
        if part:
            shown.print(f"\n{part}", style="bold")
        tags = f"  [{', '.join(session.tags)}]" if session.tags else ""
        date = f" ({session.date})" if session.date and session.date not in session.title else ""
        shown.print(f"\n{session.number}. {session.title}{date}{tags}", style="bold")
        for reading in session.readings:
            doubt = f"  ← {' '.join(reading.doubts)}" if reading.doubtful else ""
            kind = f", {reading.kind}" if reading.kind not in (None, "paper") else ""
            lines = [f"  [{reading.section}{kind}] {reading.label}{doubt}"]
            if reading in thought:
                lines.append(f"      the language model: {_in_words(thought[reading], reading)}")
            if reading.authors:
                lines.append(f"      {reading.authors}")
            lines += [f"      {url}" for url in reading.urls]
            if not reading.urls and not reading.files:
                lines.append("      no link")
            for each in lines:
                shown.print(each)
        if session.notes:
            shown.print(f"  student notes, {len(session.notes)} paragraphs")
        _print_events(syllabus, session.number)


def _print_events(syllabus: Syllabus, session: int | None) -> None:
    """What the page names beside readings in a session, or before all of them."""
    for event in syllabus.events:
        if event.session == session:
            words = "" if event.alone else f" {event.shown}"
            printing.console().print(f"  ({event.kind}){words}")


def _in_words(opinion: Opinion, reading: Reading) -> str:
    """What the language model thinks of a reading."""
    says = []
    if opinion.reading is not None:
        sure = max(opinion.reading, 1 - opinion.reading)
        says.append(f"{'a' if opinion.reading >= 0.5 else 'no'} reading, {sure:.0%} sure")
    if opinion.title:
        right = opinion.title == reading.title
        says.append("the title is right" if right else f"the title is “{opinion.title}”")
    return "; ".join(says) or "it does not say"


# --- correcting ----------------------------------------------------------------------------------


def suggestions(options: argparse.Namespace) -> int:
    """List, accept or reject suggestions."""
    course = open_course(options)
    if options.accept:
        return _again(course, course.accept(options.accept))
    if options.reject:
        return _again(course, course.reject(options.reject))
    if options.json:
        from seminar_rag.types.as_json import suggestion_json

        printing.print_json([suggestion_json(one) for one in course.suggestions()])
    else:
        _print_suggestions(course.suggestions())
    return 0


def _print_suggestions(suggestions: Sequence[Suggestion]) -> None:
    shown = printing.console()
    for one in suggestions:
        shown.print(f"{one.id}  {one.title}{printing.place(one.sessions)}")
        shown.print(f"    {one.summary}")
        shown.print(f"    accept: {one.if_accepted}; reject: {one.if_rejected}")
    if suggestions:
        shown.print("seminar-rag suggestions --accept ID, or --reject ID, decides.")
    else:
        shown.print("No suggestions.")


def add(options: argparse.Namespace) -> int:
    """Add a link or a file to a session."""
    course = open_course(options)
    link = "://" in options.what
    url, file = (options.what, None) if link else ("", Path(options.what))
    return _again(course, course.add(options.session, options.title, url, file))


def rename(options: argparse.Namespace) -> int:
    """Rename a reading."""
    course = open_course(options)
    return _again(course, course.rename(options.reading, options.title))


def remove(options: argparse.Namespace) -> int:
    """Remove a source, a reading or a document."""
    for title in open_course(options).remove(options.what):
        print(f"removed: {title}")
    return 0


def restore(options: argparse.Namespace) -> int:
    """Restore what was removed, or list it."""
    course = open_course(options)
    if options.what is None:
        removed = course.removals()
        for one in removed:
            print(f"{one.id}  {one.title}")
        if not removed:
            print("Nothing was removed.")
        return 0
    return max(_again(course, id_) for id_ in course.restore(options.what))
