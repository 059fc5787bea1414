"""The commands that serve a course and look after it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from seminar_rag.cli import open_course, open_sample, printing, say_where
from seminar_rag.cli.ingesting import ingest_sample
from seminar_rag.errors import ConfigError, DamagedError, StoreError
from seminar_rag.text import plural

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.courses import Courses
    from seminar_rag.types.catalogue import Record

SUITED = "get"
"""In place of a model's name: the one that suits this machine."""


def serve(options: argparse.Namespace) -> int:
    """Start the web page."""
    if options.courses is not None:
        return _serve_courses(options)
    from seminar_rag.ui.shared.listening import listen

    course = open_sample(options) if options.sample else open_course(options)
    console = printing.console(stderr=True)
    host, port = _address(options, course)
    listen(host, port).close()  # said before the models are loaded, which takes seconds
    if not course.catalogue().documents:
        console.print("Nothing is ingested yet, so the bundled sample course goes in first.")
        ingest_sample(course)
    from seminar_rag.ui import app
    from seminar_rag.ui.courses import settings_of
    from seminar_rag.ui.shared.logs import scrub_logs

    console.print(f"Loading the models for {course.name} …")

    def ready(url: str) -> None:
        console.print(course.answerer_notice)
        if offer := course.offer():
            console.print(
                f"A language model would write them: make llm gets {offer.name}, {offer.cost}."
            )
        if course.password_hash():
            console.print(f"Your desk is at {url}/desk")
        else:
            console.print(f"Your desk, {url}/desk, opens once seminar-rag passwd is run.")
        if options.mcp:
            console.print(f"Assistants find the readings at {url}/mcp")
        if settings["launches"]:
            console.print(f"The course site begins a launch at {url}/lti/login")
        console.print(f"The chat is open on {url} — Ctrl-C closes it.")

    try:
        course.journal.prune()
    except StoreError as error:  # students can ask all the same
        console.print(str(error))
    settings = settings_of(course)
    scrub_logs(_keys(course.config))
    app.serve(
        course,
        host,
        port,
        mcp=options.mcp,
        trusted_proxies=course.config.serve_trusted_proxies,
        prepare=course.examples,
        on_ready=ready,
        **settings,
    )
    return 0


def _keys(of: Any) -> list[str]:
    """The keys that may come up in what other services answer."""
    return [of.llm_key, of.serve_api_key, of.zotero_key]


def _address(options: argparse.Namespace, of: Course | Courses) -> tuple[str, int]:
    """Host and port of the command line, else of the configuration."""
    port = of.config.serve_port if options.port is None else options.port
    return options.host or of.config.serve_host, port


def _serve_courses(options: argparse.Namespace) -> int:
    """Serve all courses of a folder."""
    from seminar_rag.courses import Courses
    from seminar_rag.ui.courses import serve_courses
    from seminar_rag.ui.shared.listening import listen
    from seminar_rag.ui.shared.logs import scrub_logs

    if options.sample or options.data:
        raise ConfigError("--courses takes neither --sample nor --data — leave them out")
    courses = Courses(options.courses)
    console = printing.console(stderr=True)
    host, port = _address(options, courses)
    listen(host, port).close()
    console.print("Opening the courses …")
    courses.refresh()
    configs = (courses.config, *(one.config for one in courses.open.values()))
    scrub_logs({key for one in configs for key in _keys(one)})

    def ready(url: str) -> None:
        for name in courses.open:
            console.print(f"{url}/c/{name}/")
        console.print(f"{plural(len(courses.open), 'course')} on {url} — Ctrl-C closes.")

    serve_courses(
        courses,
        host,
        port,
        mcp=options.mcp,
        trusted_proxies=courses.config.serve_trusted_proxies,
        on_ready=ready,
    )
    return 0


def mcp(options: argparse.Namespace) -> int:
    """Serve the readings as tools to the assistant that starts this program."""
    course = open_course(options)
    course.require_documents()
    from seminar_rag.ui import app

    app.serve_tools(course)
    return 0


def passwd(options: argparse.Namespace) -> int:
    """Set the password of the instructor's desk."""
    from getpass import getpass

    from seminar_rag.ui.desk.password import hashed
    from seminar_rag.upkeep import set_password_hash

    if options.stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass("Password of the instructor's desk: ")
        if getpass("The same again: ") != password:
            raise ConfigError("the two passwords differ — run the command again")
    path = set_password_hash(None, hashed(password), options.data)
    print(f"The password is set in {path.resolve()}; everybody who was logged in is logged out.")
    return 0


def status(options: argparse.Namespace) -> int:
    """List what is indexed, by session and reading."""
    course = open_course(options)
    catalogue = course.catalogue()
    if options.json:
        from seminar_rag.types.as_json import status_json

        printing.print_json(status_json(course.name, catalogue, course.needs()))
        return 0
    if not catalogue.records and not catalogue.sessions:
        course.require_documents()
    _print_status(course)
    return 0


def models(options: argparse.Namespace) -> int:
    """List models, or download one."""
    course = open_course(options)
    console = printing.console(stderr=True)
    spec = options.download
    if spec is None:
        print(course.models())
    elif options.dry_run:
        console.print(course.model_cost("" if spec == SUITED else spec))
    elif spec == SUITED or ":" in spec:
        _fetch(course, "" if spec == SUITED else spec, options)
    else:
        console.print(course.fetch_reranker(spec, options.hub))
    return 0


def _fetch(course: Course, spec: str, options: argparse.Namespace) -> None:
    """Fetch a language model, with its cost before and its progress meanwhile."""
    console = printing.console(stderr=True)
    console.print(course.model_cost(spec))
    with printing.ProgressBar(console) as bar:

        def show(done: int, total: int | None, label: str) -> None:
            bar.show("MiB", done >> 20, (total or done) >> 20, label)

        done = course.fetch_language_model(spec, options.hub, options.sha256, show, console.print)
    console.print(done)


def doctor(options: argparse.Namespace) -> int:
    """Check the installation, the models and the index."""
    if options.repair:
        from seminar_rag.upkeep import rescue

        rescue(options.data, print)
    try:
        course = open_course(options)
        course.catalogue()
    except DamagedError as error:
        what, _, remedy = str(error).partition(" — ")
        print(f"✗ {what} — {remedy}")
        return 1
    if options.repair:
        course.repair(print)
    sign = {"ok": "✓", "note": "·", "bad": "✗"}
    findings = course.doctor()
    for finding in findings:
        remedy = f" — {finding.remedy}" if finding.remedy else ""
        print(f"{sign[finding.level]} {finding.what}{remedy}")
    return 1 if any(finding.level == "bad" for finding in findings) else 0


def move(options: argparse.Namespace) -> int:
    """Move the course's database to the other engine."""
    from seminar_rag.upkeep import move_database

    target = "" if options.to == "sqlite" else options.to
    aside = move_database(target, data=options.data, progress=print)
    print("The database is moved and its rows are compared; seminar.toml names the new place.")
    if aside is not None:
        print(f"The previous SQLite database lies in {aside}.")
    print("If the chat is running, restart it.")
    return 0


def backup(options: argparse.Namespace) -> int:
    """Write a backup into a file, or bring one back."""
    from seminar_rag import upkeep

    say_where(options)
    if not options.restore:
        size = upkeep.backup(options.file, data=options.data, everything=options.everything)
        print(
            f"{options.file} holds the backup ({size / 1e6:.1f} MB); it is readable for you alone."
        )
        return 0
    aside = upkeep.restore_backup(options.file, data=options.data)
    if aside is not None:
        print(f"What the backup replaced lies in {aside}.")
    print("The backup is restored. If the chat is running, restart it; then ingest again.")
    return 0


def _print_status(course: Course) -> None:
    from seminar_rag.types.catalogue import parts_begun

    catalogue = course.catalogue()
    console = printing.console()
    console.print(course.name, style="bold")
    console.print(f"data: {course.config.data.resolve()}")
    for source, form in catalogue.sources:
        console.print(f"source: {source} ({form})")
    shown: set[str] = set()
    records = catalogue.by_reading
    for part, session in zip(parts_begun(catalogue.sessions), catalogue.sessions, strict=True):
        if part:
            console.print(f"\n{part}", style="bold")
        console.print(f"\n{session.number}. {session.shown}", style="bold")
        notes = f"notes-{session.number}"
        for id_, label in [
            *((one.id, f"[{one.section}] {one.title} ({one.id})") for one in session.readings),
            (notes, "student notes"),
        ]:
            mine = records.get(id_, ())
            if mine or id_ != notes:
                what = "; ".join(map(_described, mine)) or "listed only, no text"
                console.print(f"  {label}: {what}")
            shown.add(id_)
    loose = [r for r in catalogue.records.values() if r.document.reading not in shown]
    if loose:
        console.print("\nIn no session", style="bold")
    for record in loose:
        title = record.document.title or record.document.path
        console.print(f"  {title} ({record.document.reading}): {_described(record)}")
    needs = course.needs()
    if needs:
        console.print()
        printing.print_needs(console, needs)


def _described(record: Record) -> str:
    """A document in a few words."""
    if record.outcome != "indexed":
        kept = f" ({record.passages} passages of an earlier version)" if record.passages else ""
        return f"{record.outcome}: {record.detail}{kept}"
    pages = f"{plural(record.pages, 'page')}, " if record.pages else ""
    return f"{record.document.kind}, {pages}{plural(record.passages, 'passage')}"
