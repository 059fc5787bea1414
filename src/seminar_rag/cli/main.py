"""Parses the command line and runs one command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from seminar_rag import __version__
from seminar_rag.cli import EXIT_CODES, INTERRUPTED, asking, ingesting, serving
from seminar_rag.errors import SeminarError


def run() -> None:
    """The console script."""
    # Set before NumPy is loaded. Threads of its linear algebra keep a processor busy for a while
    # after each product, which the threads that read texts have to share with them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = main()
    if code == INTERRUPTED:
        # Python now waits for threads; Ctrl-C again ends that without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


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
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader (head, less) has gone
        return 0
    except OSError as error:
        import errno

        remedy = "free some space" if error.errno == errno.ENOSPC else "check the path"
        print(f"seminar-rag: {error} — {remedy} and run the command again", file=sys.stderr)
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
            help="where all state lies (default: .seminar of this folder, if it or seminar.toml is"
            " here, else where programs keep their data)",
        )
        one.set_defaults(command=command)
        return one

    def scope(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--session",
            type=int,
            action="append",
            default=[],
            metavar="N",
            help="only this session; can be given several times",
        )
        one.add_argument(
            "--reading",
            action="append",
            default=[],
            metavar="ID",
            help="only this reading, by its id in `status`; can be given several times",
        )
        one.add_argument(
            "--kind", choices=("readings", "notes"), help="only readings, or only notes"
        )
        one.add_argument("--required", action="store_true", help="only required readings")

    one = verb("ingest", "ingest a course page, posts, a readings.toml or PDFs", ingesting.ingest)
    one.add_argument("sources", nargs="*", metavar="SOURCE", help="a path, or an address")
    one.add_argument("--sample", action="store_true", help="the bundled sample course")
    where = one.add_mutually_exclusive_group()
    where.add_argument(
        "--fetch",
        action="store_true",
        default=None,
        help="search for the readings online (done for an address anyway)",
    )
    where.add_argument(
        "--offline",
        action="store_false",
        dest="fetch",
        default=None,
        help="do not search for readings (done for a local source anyway)",
    )
    one.add_argument("--refresh", action="store_true", help="download everything again")
    one.add_argument(
        "--keep-removed", action="store_true", help="keep what the source lists no longer"
    )
    one.add_argument(
        "--only", metavar="READING", help="search for this reading again, by its id or title"
    )
    one.add_argument("--dry-run", action="store_true", help="only show what would change")
    one.add_argument("--quiet", action="store_true", help="print only what needs attention")
    one.add_argument(
        "--json-lines", action="store_true", help="print progress and outcomes as JSON, for scripts"
    )

    one = verb("syllabus", "print the sessions and readings of a course page", ingesting.syllabus)
    one.add_argument("source", metavar="SOURCE", help="a path, or an address")
    one.add_argument(
        "--ask-model", action="store_true", help="also say what the language model thinks of doubts"
    )
    one.add_argument("--json", action="store_true")

    one = verb("ask", "answer a question from the readings, with citations", asking.ask)
    one.add_argument("question")
    scope(one)
    one.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    one = verb("table", "put questions to every reading of a session, side by side", asking.table)
    one.add_argument("questions", nargs="+", metavar="QUESTION")
    scope(one)
    one.add_argument("--json", action="store_true", help="print the table as JSON")
    one.add_argument("--out", type=Path, metavar="FILE", help="a .csv, .md or .docx file")

    one = verb("study", "what students learn a session by, to print or save", asking.study)
    one.add_argument("session", type=int, metavar="N", help="the number of the session")
    one.add_argument(
        "--propose", action="store_true", help="make items, and take undecided ones too"
    )
    one.add_argument("--json", action="store_true", help="print guide and items as JSON")
    one.add_argument("--out", type=Path, metavar="FILE", help="a .md, .pdf or .apkg (Anki) file")

    one = verb("differences", "look where readings of a session differ", asking.differences)
    one.add_argument("session", type=int, metavar="N", help="the number of the session")
    one.add_argument("--json", action="store_true", help="print the differences as JSON")

    one = verb("check", "check a text's claims and citations against the readings", asking.check)
    one.add_argument("file", metavar="FILE", help="Markdown, text, PDF or DOCX; - reads the input")
    one.add_argument("--json", action="store_true", help="print the whole report as JSON")
    one.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")

    one = verb("serve", "start the web page", serving.serve)
    one.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    one.add_argument("--port", type=int, help="port to listen on (default: 7860)")
    one.add_argument(
        "--mcp", action="store_true", help="offer the readings to assistants too, at /mcp"
    )
    one.add_argument(
        "--sample",
        action="store_true",
        help="try the bundled sample course, which is kept where programs keep their data",
    )
    one.add_argument(
        "--courses",
        type=Path,
        metavar="DIR",
        help="serve every course of this folder, each a sub-folder with its seminar.toml",
    )

    verb("mcp", "offer the readings to an assistant that starts this program", serving.mcp)

    one = verb("passwd", "set the password of the instructor's desk", serving.passwd)
    one.add_argument("--stdin", action="store_true", help="read it from the first line of input")

    one = verb("status", "list what is indexed, by session and reading", serving.status)
    one.add_argument("--json", action="store_true")

    one = verb(
        "eval", "measure retrieval, answers and abstention on labelled questions", asking.evaluate
    )
    one.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    one.add_argument(
        "--docs",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of the documents that the questions name and the index was made of",
    )
    one.add_argument("--json", type=Path, metavar="FILE", help="write figures and outcomes")
    one.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots")
    one.add_argument("--against", type=Path, metavar="FILE", help="compare with an earlier --json")

    one = verb("suggestions", "accept or reject suggested links", ingesting.suggestions)
    choice = one.add_mutually_exclusive_group()
    choice.add_argument("--accept", metavar="ID", help="take this suggestion, by its id")
    choice.add_argument("--reject", metavar="ID", help="suggest this link no longer")
    one.add_argument("--json", action="store_true")

    one = verb("add", "add a link or a file to a session", ingesting.add)
    one.add_argument("session", type=int, metavar="SESSION")
    one.add_argument("what", metavar="LINK|FILE")
    one.add_argument("--title", required=True, help="the reading's title")

    one = verb("rename", "rename a reading", ingesting.rename)
    one.add_argument("reading", metavar="READING", help="its id or title")
    one.add_argument("title", metavar="TITLE")

    one = verb("remove", "remove a source, a reading or a document", ingesting.remove)
    one.add_argument("what", metavar="SOURCE|READING|DOCUMENT")

    one = verb("restore", "restore what was removed, or list it", ingesting.restore)
    one.add_argument("what", nargs="?", metavar="READING|DOCUMENT")

    one = verb("models", "list models, or download one", serving.models)
    one.add_argument(
        "download",
        nargs="?",
        metavar="get|REPO:FILE",
        help="get takes the language model that suits this machine; a repository alone is a"
        " model that orders passages",
    )
    one.add_argument("--dry-run", action="store_true", help="only print what it would cost")
    one.add_argument("--sha256", metavar="HASH", help="refuse a file with another hash")
    one.add_argument("--hub", default="https://huggingface.co", metavar="URL", help="the model hub")

    one = verb("backup", "write a backup into one file, or bring one back", serving.backup)
    one.add_argument("file", type=Path, metavar="FILE", help="a ZIP file")
    one.add_argument(
        "--everything",
        action="store_true",
        help="also the index, the kept files and the downloads, which could be made again",
    )
    one.add_argument(
        "--restore",
        action="store_true",
        help="bring the backup back; what it replaces is moved aside",
    )

    one = verb("move", "move the course's database to PostgreSQL, or back", serving.move)
    one.add_argument(
        "--to",
        required=True,
        metavar="ADDRESS",
        help='"postgresql://user:password@host/name" of an empty database, or sqlite',
    )

    one = verb("doctor", "check the installation, the models and the index", serving.doctor)
    one.add_argument("--repair", action="store_true", help="rebuild damaged indexes")
    return parser


if __name__ == "__main__":
    run()
