"""What breaks a course's data folder, and whether what the program says then brings it back.

    python benchmarks/faults_store.py [--only FAULT …] [--scale 1.0] [--say] [--out FILE.json]

A course of five posts with a PDF that the instructor added, a renaming, a removal and feedback is
made once. Every round takes a copy of it and breaks it in one way; then a student asks, and
`seminar-rag doctor` is run and what it advises is done to the letter, command for command, until
it advises nothing. After that one question has to be answered, and every decision, added file and
opinion has to be there. Embeddings are hashed words; Chroma, SQLite and the commands are real. Each
command runs in a forked process, without root's rights.

| fault | what is done |
|---|---|
| killed | an ingest of changed posts is killed (SIGKILL) at a moment of its duration |
| replaced | all posts are ingested anew while another process asks |
| full | the disk takes no file beyond a size (RLIMIT_FSIZE) while all is ingested anew |
| truncated, zeroed, flipped, noise | a file of the data folder is damaged at a place |
| gone | a file or folder of the data folder is deleted |
| blocked | a file or folder is replaced by its opposite |
| foreign, read-only | the data folder belongs to somebody else, or cannot be written |
| newer, older, unknown | the database says that another version wrote it |
| values | single values of the database are not what they should be |
| clock | the clock is wrong for one run: half a year, fifty years, ten years back |

Columns of the table: rounds, commands that ended in a traceback or a signal, rounds in which the
doctor found something, decisions lost, rounds after which no advice helped. The exit status is 1
where there is a traceback, a lost decision or a round without a remedy. An interrupt ends it with
the table of the rounds that were done.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from seminar_rag.index.database import VERSION
from seminar_rag.index.sqlite import connect
from seminar_rag.sample import FOLDER as SAMPLE

QUESTION = "How does LoRA save memory?"
NOBODY = 65534
PATIENCE = 90.0
POSTS = ("lora", "dpo", "agents", "diffusion-models", "scaling")
DAMAGED = ("truncated", "zeroed", "flipped", "noise")


@dataclass
class Outcome:
    """What came of one round."""

    fault: str
    what: str
    tracebacks: list[str] = field(default_factory=list)
    found: bool = False
    lost: list[str] = field(default_factory=list)
    stuck: str = ""
    """What was said last where no advice helped."""


# --- commands in processes of their own ----------------------------------------------------------


def started(work: Callable[[], object], output: Path) -> int:
    """Have a forked process do `work` and print into a file; its id."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(target, 1)
            os.dup2(target, 2)
            code = int(work() or 0)  # type: ignore[call-overload]
        except BaseException:  # noqa: BLE001 - told like the interpreter does
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return child


def forked(work: Callable[[], object], output: Path, kill_after: float | None = None) -> int:
    """Run `work` in a forked process that prints into a file; its exit status, -9 where killed."""
    child = started(work, output)
    deadline = time.monotonic() + (PATIENCE if kill_after is None else kill_after)
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def command(*words: str, before: Callable[[], None] = lambda: None) -> Callable[[], int]:
    """A command line, to be called in a forked process."""

    def run() -> int:
        from seminar_rag.cli import asking, ingesting, main, serving

        become_plain()
        before()
        for room in (asking, ingesting, serving):
            room.open_course = course_here
        return main.main([*words, "--data", "data"])

    return run


def course_here(options: Any) -> Any:
    """The course of the working folder, with hashed words for an embedding model."""
    from seminar_rag.config import load
    from seminar_rag.course import Course
    from seminar_rag.models.embed import HashEmbedder

    return Course(load(Path(), data=options.data), embedder=HashEmbedder())


def become_plain() -> None:
    """Give up root's capabilities, to which permissions mean nothing."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header = struct.pack("Ii", 0x20080522, 0)  # of capset(2), version 3
        assert libc.capset(header, bytes(24)) == 0, os.strerror(ctypes.get_errno())


class Workplace:
    """The folder of the course, and the whole copy from which every round begins."""

    def __init__(self, root: Path) -> None:
        self.course, self._whole = root / "course", root / "whole"
        self.data = self.course / "data"
        self.output = root / "output"
        self.before: dict[str, Any] = {}

    def make(self) -> None:
        self.course.mkdir()
        (self.course / "seminar.toml").write_text('[llm]\nenabled = false\n[course]\nname = "C"\n')
        self.write_posts("")
        shutil.copy(SAMPLE / "primers" / "rag.pdf", self.course / "handout.pdf")
        os.chdir(self.course)
        self.must("ingest", "posts", "--offline")
        self.must("add", "1", "handout.pdf", "--title", "A handout on retrieval")
        self.must("rename", "Session on lora, reading 1", "A better title")
        self.must("remove", "Session on dpo, reading 2")
        assert forked(rated, self.output) == 0, self.output.read_text()
        self.before = self.decisions()
        assert len(self.before["decided"]) >= 3, self.before
        assert len(self.before["opinions"]) == 3, self.before
        assert len(self.before["tables"]) == 1, self.before
        os.chdir("/")
        shutil.copytree(self.course, self._whole)

    def import_what_commands_do(self) -> None:
        """So that forked processes need not."""
        names = self.course / "modules"

        def ask() -> None:
            command("ask", QUESTION)()
            names.write_text("\n".join(sys.modules))

        forked(ask, self.output)
        for name in names.read_text().split():
            with suppress(Exception):
                importlib.import_module(name)

    def fresh(self) -> None:
        """Begin again."""
        os.chdir("/")
        unlock(self.course)
        shutil.rmtree(self.course)
        shutil.copytree(self._whole, self.course)
        os.chdir(self.course)
        self.output.unlink(missing_ok=True)

    def write_posts(self, extra: str) -> None:
        folder = self.course / "posts"
        folder.mkdir(exist_ok=True)
        for number, name in enumerate(POSTS):
            source = SAMPLE / "primers" / f"{name}.md"
            source = source if source.is_file() else SAMPLE / "sources" / "rag.md"
            notes = source.read_text("utf-8").replace("\n# ", "\n## ")
            readings = "\n\n".join(
                f"### Session on {name}, reading {n}\n+ https://example.org/{name}-{n}.pdf\n"
                f"+ A study of {name} that describes how it is done and what it costs. {extra}"
                for n in (1, 2)
            )
            post = (
                f"---\ntitle: Session on {name}\n---\n\n## Required Readings:\n\n{readings}\n\n"
                f"<!--excerpt.start-->\n\n# Notes\n\n{notes}\n\n{extra}\n"
            )
            (folder / f"S{number:02}.md").write_text(post, "utf-8")

    def run(self, *words: str, **how: Any) -> tuple[int, str]:
        """A command's exit status and what it printed."""
        self.output.unlink(missing_ok=True)
        code = forked(command(*words), self.output, **how)
        said = self.output.read_text("utf-8", "replace") if self.output.exists() else ""
        return code, said

    def must(self, *words: str) -> None:
        code, said = self.run(*words)
        assert code == 0, f"{words}: {code}\n{said}"

    def decisions(self) -> dict[str, Any]:
        """What cannot be made again, as the program shows it; empty where it cannot be read."""
        target = self.course / "decisions.json"
        target.unlink(missing_ok=True)
        forked(partial(write_decisions, target), self.output)
        return json.loads(target.read_text()) if target.exists() else {}


def rated() -> None:
    """Students say what they think of three answers, and a table is kept for them."""
    from seminar_rag.types import Answer

    become_plain()
    course = course_here(argparse.Namespace(data=Path("data")))
    for number in range(3):
        asked = [*course.ask(QUESTION)][-1].answer
        assert isinstance(asked, Answer)
        course.journal.feedback(asked, False, "other", f"remark {number}")
    course.keep_table(1, ["What is it?"])
    course.close()


def write_decisions(target: Path) -> None:
    become_plain()
    course = course_here(argparse.Namespace(data=Path("data")))
    decided = course.catalogue().corrections
    data = course.config.data
    found = {
        "decided": sorted([o.kind, o.target, o.title, o.url, o.session, o.file] for o in decided),
        "files": sorted(
            (o.file, (data / o.file).stat().st_size) for o in decided if (data / o.file).is_file()
        ),
        "opinions": sorted(one.comment for one in course.journal.opinions()),
        "tables": [[one.session, *one.questions] for one in course.tables()],
    }
    target.write_text(json.dumps(found))


def unlock(folder: Path) -> None:
    """What a person does about permissions."""
    for one in (folder, *folder.rglob("*")):
        if not one.is_symlink():
            if os.getuid() == 0:
                os.chown(one, 0, 0)
            one.chmod(0o700 if one.is_dir() else 0o600)


# --- following the advice ------------------------------------------------------------------------


def recover(place: Workplace, outcome: Outcome, remedies: dict[str, Callable[[], None]]) -> None:
    """A student asks; then the doctor is asked, and what it says is done.

    Args:
        remedies: what a person does by hand for a phrase of an advice, such as freeing space.
    """
    code, said = place.run("ask", QUESTION)
    note_crash(outcome, code, said, "ask")
    for _ in range(5):
        code, said = place.run("doctor")
        note_crash(outcome, code, said, "doctor")
        outcome.found |= code != 0
        todo = advice(said, remedies)
        if code == 0 and not todo:
            code, said = place.run("ask", QUESTION)
            note_crash(outcome, code, said, "ask")
            todo = advice(said, remedies)
            if code == 0:
                break
        if not todo:
            outcome.stuck = f"{code}: {said[-600:]}"
            return
        for one in todo:
            done: set[str] = set()
            follow(place, outcome, one, remedies, done)
    else:
        outcome.stuck = f"{code}: {said[-600:]}"
    after = place.decisions()
    for name, things in place.before.items():
        there = after.get(name, [])
        outcome.lost += [
            f"{name}: {one}" for one in things if json.loads(json.dumps(one)) not in there
        ]


def follow(
    place: Workplace,
    outcome: Outcome,
    what: str,
    remedies: dict[str, Callable[[], None]],
    done: set[str],
) -> None:
    """Do one thing that was advised, and what is advised after it."""
    if what in done:
        return
    done.add(what)
    if what in remedies:
        remedies[what]()
        return
    code, said = place.run(*what.split())
    note_crash(outcome, code, said, what)
    for one in advice(said, remedies):
        follow(place, outcome, one, remedies, done)


def advice(said: str, remedies: dict[str, Callable[[], None]]) -> list[str]:
    """The commands and the acts by hand that a command's output asks for, in its order."""
    found: list[str] = []
    for line in said.splitlines():
        if line.startswith(("·", "✓")):
            continue
        found += [phrase for phrase in remedies if phrase in line]
        if "doctor --repair" in line:
            found.append("doctor --repair")
        if re.search(r"seminar-rag ingest|[Ii]ngest again|ingest it again", line):
            found.append("ingest posts --offline")
    return list(dict.fromkeys(found))


def note_crash(outcome: Outcome, code: int, said: str, what: str) -> None:
    if "Traceback (most recent call last)" in said or code < 0 or code == 70:
        outcome.tracebacks.append(f"{what}: {code}: {said[-700:]}")


# --- the faults ----------------------------------------------------------------------------------

Round = tuple[str, Callable[[Workplace, Outcome], dict[str, Callable[[], None]]]]
"""What is done in words, and what does it; returns what a person can do about it by hand."""


def killed(n: int) -> Iterator[Round]:
    for number in range(n):

        def kill(place: Workplace, _: Outcome, number: int = number) -> dict[str, Any]:
            if not hasattr(place, "whole_ingest"):
                place.write_posts("It was measured once more.")
                begun = time.monotonic()
                place.must("ingest", "posts", "--offline")
                place.whole_ingest = time.monotonic() - begun  # type: ignore[attr-defined]
                place.fresh()
            place.write_posts(f"It was measured for the {number}th time.")
            moment = place.whole_ingest * (number + 1) / (n + 1)  # type: ignore[attr-defined]
            place.run("ingest", "posts", "--offline", kill_after=moment)
            return {}

        yield f"at {(number + 1) / (n + 1):.0%} of the ingest", kill


def replaced(n: int) -> Iterator[Round]:
    def replace(place: Workplace, outcome: Outcome) -> dict[str, Any]:
        place.write_posts("All of this was rewritten.")
        asking = os.fork()
        if asking == 0:
            os._exit(forked(asks_until_stopped, place.course / "asked"))
        code, said = place.run("ingest", "posts", "--offline")
        note_crash(outcome, code, said, "ingest")
        (place.course / "stop").touch()
        answered = os.waitstatus_to_exitcode(os.waitpid(asking, 0)[1])
        said = (place.course / "asked").read_text()
        note_crash(outcome, answered, said, "asking meanwhile")
        if answered:
            outcome.stuck = f"a question was not answered: {said[-300:]}"
        return {}

    for number in range(n):
        yield f"time {number + 1}", replace


def asks_until_stopped() -> int:
    become_plain()
    course = course_here(argparse.Namespace(data=Path("data")))
    while not Path("stop").exists():
        answer = [*course.ask(QUESTION)][-1].answer
        if not answer.citations:
            print(f"no citation: {answer.text}")
            return 1
    return 0


def full(n: int) -> Iterator[Round]:
    for number in range(n):
        size = int(1_000 * 1.45**number)

        def fill(place: Workplace, outcome: Outcome, size: int = size) -> dict[str, Any]:
            place.write_posts("All of this was rewritten.")
            limit = partial(
                resource.setrlimit, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)
            )
            place.output.unlink(missing_ok=True)
            code = forked(command("ingest", "posts", "--offline", before=limit), place.output)
            note_crash(outcome, code, place.output.read_text("utf-8", "replace"), "ingest, full")
            return {"free some space": lambda: None}

        yield f"no file beyond {size} bytes", fill


def files_of(place: Workplace) -> list[str]:
    """All files of the data folder; many of one folder count as two."""
    found: dict[str, list[str]] = {}
    for path in sorted(place.data.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(place.data))
            found.setdefault(os.path.dirname(name) or name, []).append(name)
    return [one for names in found.values() for one in (names if len(names) < 8 else names[:2])]


def harmed(kind: str, path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if not content:
        content = bytearray(b"\0" * 64)
    at = dice.randrange(len(content))
    length = dice.choice([16, 512, 4096, len(content)])
    if kind == "truncated":
        del content[at:]
    elif kind == "zeroed":
        content[at : at + length] = bytes(len(content[at : at + length]))
    elif kind == "flipped":
        for _ in range(dice.choice([1, 8, 64])):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    else:
        content[at : at + length] = dice.randbytes(len(content[at : at + length]))
    path.write_bytes(content)


def damaged(kind: str, n: int, files: list[str]) -> Iterator[Round]:
    for number in range(n):
        # Every file once; the rest go to the databases and the graph, which have most places.
        large = [one for one in files if one.endswith((".db", ".sqlite", ".sqlite3", ".bin"))]
        name = files[number] if number < len(files) else large[number % len(large)]

        def harm(
            place: Workplace, _: Outcome, name: str = name, number: int = number
        ) -> dict[str, Any]:
            harmed(kind, place.data / name, random.Random(f"{kind} {name} {number}"))
            return {}

        yield name, harm


def removed(files: list[str], how: Callable[[Path], None]) -> Iterator[Round]:
    folders = {os.path.dirname(one).partition("/")[0] for one in files} - {""}
    for name in [*files, *sorted(folders)]:

        def remove(place: Workplace, _: Outcome, name: str = name) -> dict[str, Any]:
            how(place.data / name)
            return {}

        yield name, remove


def gone(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def blocked(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("somebody's file")
    else:
        path.unlink()
        path.mkdir()
        (path / "somebody's").write_text("file")


def locked(mode: str) -> Iterator[Round]:
    """Permissions."""
    for what in ("data", "data/chroma", "data/course.db", "data/journal.sqlite", "data/decisions"):

        def lock(place: Workplace, outcome: Outcome, what: str = what) -> dict[str, Any]:
            top = place.course / what
            everything = [top, *top.rglob("*")]
            for one in everything:
                if mode == "foreign" and os.getuid() == 0:
                    os.chown(one, NOBODY, NOBODY)
                    one.chmod(0o700 if one.is_dir() else 0o600)
                else:
                    one.chmod(
                        {"read-only": (0o500, 0o400), "foreign": (0, 0)}[mode][not one.is_dir()]
                    )
            code, said = place.run("ingest", "posts", "--offline")
            note_crash(outcome, code, said, "ingest")

            by_hand = partial(unlock, place.course)
            return dict.fromkeys(("ermissions", "belongs to"), by_hand)

        yield what, lock


def sql(*statements: str) -> Callable[[Workplace, Outcome], dict[str, Any]]:
    def change(place: Workplace, _: Outcome) -> dict[str, Any]:
        with closing(connect(place.data / "course.db")) as db:
            for one in statements:
                db.execute(one)
            db.commit()
        return {}

    return change


VALUES = (
    "UPDATE passage SET sentences = '[]'",
    "UPDATE passage SET sentences = '[]' WHERE key % 5 = 0",
    "UPDATE passage SET sentences = '[[0, 99999]]' WHERE key % 5 = 0",
    "UPDATE passage SET sentences = 'no json' WHERE key % 5 = 0",
    "UPDATE passage SET sentences = 7 WHERE key % 5 = 0",
    "UPDATE passage SET vector = x'' WHERE key % 5 = 0",
    "UPDATE passage SET vector = x'00'",
    "UPDATE passage SET vector = zeroblob(1024) WHERE key % 5 = 0",
    "UPDATE passage SET vector = randomblob(1024) WHERE key % 5 = 0",
    "UPDATE passage SET vector = 'text' WHERE key % 5 = 0",
    "UPDATE passage SET vector = CAST(vector || vector AS BLOB)",
    "UPDATE passage SET words = x''",
    "UPDATE passage SET words = x'01' WHERE key % 5 = 0",
    "UPDATE passage SET words = 'text' WHERE key % 5 = 0",
    "UPDATE passage SET text = x'ff' WHERE key % 5 = 0",
    "UPDATE passage SET page = 'three' WHERE key % 5 = 0",
    "UPDATE passage SET document = 'nothing' WHERE key % 5 = 0",
    "UPDATE document SET sessions = 'no json'",
    "UPDATE document SET kind = 'poem'",
    "UPDATE document SET path = ''",
    "UPDATE reading SET title = x'ff'",
    "UPDATE reading SET urls = '7'",
    "UPDATE listing SET reading = 'nothing'",
    "UPDATE session SET tags = 'x'",
    "UPDATE correction SET fields = 'no json'",
    "UPDATE correction SET kind = 'poem'",
    "UPDATE kept SET digest = 'x'",
    "UPDATE meta SET value = 'x' WHERE name = 'generation'",
    "DELETE FROM meta",
    "DELETE FROM passage",
    "DELETE FROM document",
    "DELETE FROM source",
    "DELETE FROM lexicon",
    "DROP TABLE lexicon",
    "DROP TABLE abbreviation",
    "DROP TABLE passage",
    "DROP TABLE correction",
    "INSERT INTO moving VALUES ('nothing')",
    "ALTER TABLE passage RENAME COLUMN text TO body",
    "CREATE TRIGGER no BEFORE INSERT ON passage BEGIN SELECT RAISE(ABORT, 'no'); END",
)


def newer(place: Workplace, outcome: Outcome) -> dict[str, Any]:
    """The advice is to install that version; the person does."""
    sql("UPDATE meta SET value = '9' WHERE name = 'version'")(place, outcome)
    sql("UPDATE meta SET value = '7.8.9' WHERE name = 'program'")(place, outcome)
    back = sql(f"UPDATE meta SET value = '{VERSION}' WHERE name = 'version'")
    return {"written by seminar-rag 7.8.9": lambda: back(place, outcome) and None}


VERSIONS: list[Round] = [
    ("newer", newer),
    ("older", sql("ALTER TABLE correction RENAME COLUMN fields TO told")),
    ("older by a table", sql("ALTER TABLE lookup RENAME TO sought")),
    ("older by a column", sql("ALTER TABLE passage DROP COLUMN words")),
    ("unknown", sql("UPDATE meta SET value = 'x' WHERE name = 'version'")),
    ("below", sql("UPDATE meta SET value = '0' WHERE name = 'version'")),
    ("none", sql("DELETE FROM meta WHERE name = 'version'")),
]


def clock() -> Iterator[Round]:
    for days in (183, 365 * 50, -3650, 183):

        def wrong(place: Workplace, outcome: Outcome, days: int = days) -> dict[str, Any]:
            for words in (("ingest", "posts", "--offline"), ("ask", QUESTION), ("doctor",)):
                place.output.unlink(missing_ok=True)
                run = command(*words, before=partial(set_clock, days))
                code = forked(run, place.output)
                note_crash(outcome, code, place.output.read_text(), f"{words}, clock wrong")
            forked(partial(pruned, days), place.output)
            return {}

        yield f"{days:+} days", wrong


def set_clock(days: int) -> None:
    from seminar_rag.index import catalogue, database, decisions, rescue
    from seminar_rag.journal import journal

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz or UTC) + timedelta(days=days)

    for module in (catalogue, database, decisions, rescue, journal):
        if hasattr(module, "datetime"):
            module.datetime = Wrong  # type: ignore[attr-defined]


def pruned(days: int) -> None:
    """The chat is started, which removes what is too old."""
    become_plain()
    set_clock(days)
    course_here(argparse.Namespace(data=Path("data"))).journal.prune()


# --- the table -----------------------------------------------------------------------------------


def rounds(place: Workplace, scale: float) -> dict[str, list[Round]]:
    """The rounds of each fault, of all there are a share that is spread over them."""
    files = files_of(place)
    table = {
        "killed": list(killed(50)),
        "replaced": list(replaced(5)),
        "full": list(full(20)),
        **{kind: list(damaged(kind, 30, files)) for kind in DAMAGED},
        "gone": list(removed(files, gone)),
        "blocked": list(removed(files, blocked)),
        "foreign": list(locked("foreign")),
        "read-only": list(locked("read-only")),
        "versions": VERSIONS,
        "values": [(one, sql(one)) for one in VALUES],
        "clock": list(clock()),
    }

    def share(some: list[Round]) -> list[Round]:
        number = max(1, round(len(some) * scale))
        return [some[at * len(some) // number] for at in range(number)]

    return {name: share(some) for name, some in table.items()}


def run_all(options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    """Every round of every fault; what comes of each is added to `outcomes` when it is done."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        place = Workplace(Path(scratch))
        place.make()
        place.fresh()
        place.import_what_commands_do()
        try:
            for fault, some in rounds(place, options.scale).items():
                if options.only and fault not in options.only:
                    continue
                for number, (what, harm) in enumerate(some, 1):
                    print(f"\r{fault} {number} of {len(some)}    ", end="", file=sys.stderr)
                    place.fresh()
                    outcome = Outcome(fault, what)
                    recover(place, outcome, harm(place, outcome))
                    outcomes.append(outcome)
                    if options.say and (outcome.tracebacks or outcome.lost or outcome.stuck):
                        print(json.dumps(vars(outcome), ensure_ascii=False), flush=True)
        finally:
            os.chdir("/")
            unlock(place.course)


def main() -> int:
    options = _options()
    warm_up()
    outcomes: list[Outcome] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # the table of what was done until then
        run_all(options, outcomes)
    if options.out:
        text = json.dumps([vars(one) for one in outcomes], ensure_ascii=False, indent=1)
        options.out.write_text(text + "\n", encoding="utf-8")
    return told(outcomes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rounds")
    parser.add_argument("--say", action="store_true", help="print each round that is not as wanted")
    parser.add_argument("--out", type=Path, help="write every round as JSON")
    return parser.parse_args()


def warm_up() -> None:
    """Import once what every process needs, before any opens a database."""
    import chromadb  # noqa: F401
    import llama_index.core.ingestion
    import llama_index.vector_stores.chroma  # noqa: F401

    from seminar_rag import course
    from seminar_rag.cli import main as _  # noqa: F401
    from seminar_rag.documents import parse  # noqa: F401
    from seminar_rag.index import vectors

    assert course
    vectors.HNSW.update(sync_threshold=32, batch_size=16)  # a graph on disk of few passages


def told(outcomes: list[Outcome]) -> int:
    print(f"{'fault':12}{'n':>5}{'tracebacks':>12}{'found':>7}{'lost':>6}{'no remedy':>11}")
    faults = list(dict.fromkeys(one.fault for one in outcomes))
    bad = 0
    for fault in [*faults, "all"]:
        mine = [one for one in outcomes if fault in (one.fault, "all")]
        crashes = sum(len(one.tracebacks) for one in mine)
        lost, stuck = sum(len(one.lost) for one in mine), sum(bool(one.stuck) for one in mine)
        found = sum(one.found for one in mine)
        print(f"{fault:12}{len(mine):5}{crashes:12}{found:7}{lost:6}{stuck:11}")
        bad = crashes + lost + stuck
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
