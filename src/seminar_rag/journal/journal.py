"""A record of what students asked and what they thought of the answers, without saying who.

Questions are recorded only where the instructor has switched that on; feedback whenever a student
gives it. There is no address, no session, no time finer than the day, and rows lie in random
order, so that nothing shows which questions came from one person. Entries older than the days to
keep are shown no longer, and are overwritten on disk once the clock has said so on three days: a
clock that runs ahead for a while must not cost what students wrote. Feedback is also written to a
second database beside the first, since nobody can give it again. Where the course lies on a
PostgreSQL server, the journal does too, in a table that is ordered at random once a day. Knows
neither the index nor how answers come about.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from seminar_rag.errors import StoreError
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.types import Answer
from seminar_rag.types.serving import (
    LONGEST_COMMENT,
    REASONS,
    CitedText,
    Feedback,
    Flaw,
    Reason,
    RecordedQuestion,
)

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_day ON entry(kind, day);
CREATE TABLE IF NOT EXISTS seen(day TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_Row = tuple[str, str, str, str]
"""Id, kind, day, and the rest as JSON."""
_TYPES: dict[str, TypeAdapter[Any]] = {
    "asked": TypeAdapter(RecordedQuestion),
    "feedback": TypeAdapter(Feedback),
}
"""What an entry is, by its kind."""
_CONFIRMED = 3
"""Days on which an entry must have been too old before it is removed for good."""
_FLAWED = ("partly", "unsupported", "contradicted")


class Journal:
    """Two databases in the data folder, `journal.sqlite` and, with the feedback alone,
    `feedback.sqlite`; made when the first entry is recorded. Or a table of a PostgreSQL server.

    Where they cannot be read or written, methods raise StoreError; `record` alone does not.
    """

    def __init__(
        self,
        path: Path,
        *,
        enabled: bool = False,
        days: int = 90,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        database: str = "",
    ) -> None:
        """Args:
        days: how long entries are kept, at least 1.
        database: the address of a PostgreSQL database in place of the two files.
        """
        self.enabled = enabled
        self.days = days
        self._path = path
        self._second = path.with_name("feedback.sqlite")
        self._database = database
        self._server: Connection | None = None
        self._today = today
        self._pruned: tuple[date, int] | None = None
        self._lock = threading.Lock()

    def record(self, answer: Answer) -> None:
        """Record a question with its answer, if that is switched on.

        Never raises: an answer is not lost because the journal cannot be written.
        """
        try:
            if self.enabled:
                self._insert("asked", _asked(answer, secrets.token_hex(12), self._today()))
            elif self._due:
                self.prune()
        except StoreError as error:
            log.warning("%s", error)

    def feedback(
        self,
        answer: Answer,
        good: bool,
        reason: Reason | Literal[""] = "",
        comment: str = "",
        id_: str = "",
    ) -> bool:
        """Record what a student thinks of an answer; returns whether that is new.

        Args:
            good: thumb up; else down, then with a reason.
            comment: the student's own words; cut at `LONGEST_COMMENT`.
            id_: names the answer at random; what is said of it first stands.

        Raises ValueError: the reason is not one of `REASONS`.
        """
        if reason and reason not in REASONS:
            raise ValueError(f"{reason!r} is none of {', '.join(REASONS)}")
        named, remark = id_ or secrets.token_hex(12), comment.strip()[:LONGEST_COMMENT]
        entry = Feedback(
            *(named, self._today(), good, answer.question, answer.text),
            *(reason, remark, _cited(answer)),
        )
        return self._insert("feedback", entry)

    def withdraw(self, id_: str) -> None:
        """Forget what a student thought of the answer that `id_` names."""
        for path in reversed(self._places):
            with self._opened(path) as db:
                db.execute("DELETE FROM entry WHERE id = ? AND kind = 'feedback'", (id_,))

    def questions(self) -> tuple[RecordedQuestion, ...]:
        """The recorded questions, newest day first."""
        return self._entries("asked")

    def opinions(self) -> tuple[Feedback, ...]:
        """The feedback, newest day first."""
        return self._entries("feedback")

    def close(self) -> None:
        """End the connection to a server."""
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None

    def rows(self) -> list[_Row]:
        """All entries as they are stored, for a copy."""
        if not self._places:
            return []
        with self._opened(self._path) as db:
            return list(db.execute("SELECT id, kind, day, body FROM entry"))

    def add(self, rows: Sequence[_Row]) -> None:
        """Take over the entries of another journal; those that are here stay as they are."""
        with self._opened(self._path) as db:
            db.executemany(_INSERT, rows)
        self._keep_twice()

    def prune(self) -> int:
        """Remove the entries that were too old on three days already; returns their number."""
        if not self._places:
            return 0
        today, days = self._today(), self.days
        with self._opened(self._path) as db:
            db.execute("DELETE FROM seen WHERE day > ?", (today.isoformat(),))
            db.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (today.isoformat(),))
            seen = [day for (day,) in db.execute("SELECT day FROM seen ORDER BY day DESC")]
            db.execute("DELETE FROM seen WHERE day < ?", (seen[:_CONFIRMED][-1],))
        removed = 0
        if len(seen) >= _CONFIRMED:
            removed = self._delete(self._oldest(date.fromisoformat(seen[_CONFIRMED - 1])))
        self._keep_twice()
        self._pruned = today, days
        return removed

    def findings(self) -> list[str]:
        """What is wrong with the two databases, one line each."""
        out, ids = [], []
        if self._database:  # the server looks after its storage by itself
            return []
        for path in (self._path, self._second):
            rows, problem = _readable(path)
            ids.append({row[0] for row in rows if row[1] == "feedback"})
            if problem:
                out.append(f"the journal {path} is damaged: {problem}")
        if not out and (lost := len(ids[1] - ids[0])):
            out.append(f"the journal {self._path} lacks {lost} opinions that its copy has")
        return out

    def repair(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Make both databases anew from what can be read of either, where something is wrong."""
        if not self.findings():
            return
        found = {row[0]: row for path in (self._second, self._path) for row in _readable(path)[0]}
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        try:
            for path in (self._path, self._second):
                for one in path.parent.glob(f"{path.name}*"):
                    if one.name.removeprefix(path.name) in ("", "-wal", "-shm", "-journal"):
                        one.rename(one.with_name(f"damaged-{moment}-{one.name}"))
        except OSError as error:
            raise _explained(error, self._path) from error
        self.add(list(found.values()))
        progress(
            f"the journal was damaged; {len(found)} entries are taken over, and the old files stay"
            f" as damaged-{moment}-… in {self._path.parent}"
        )

    # ---------------------------------------------------------------------------------------

    def _oldest(self, today: date) -> str:
        """The first day of which entries are kept."""
        return (today - timedelta(days=max(1, self.days) - 1)).isoformat()

    @property
    def _due(self) -> bool:
        """Whether old entries were not removed yet today."""
        return self._pruned != (self._today(), self.days)

    def _insert(self, kind: str, entry: RecordedQuestion | Feedback) -> bool:
        body = _TYPES[kind].dump_python(entry, mode="json", exclude={"id", "day"})
        row = entry.id, kind, entry.day.isoformat(), json.dumps(body, ensure_ascii=False)
        with self._opened(self._path) as db:
            made = db.execute(_INSERT, row).rowcount
        if made and kind == "feedback":
            self._keep_twice([row])
        if self._due:
            self.prune()
        return bool(made)

    def _delete(self, before: str) -> int:
        """Remove entries of days before the given one, from the disk too."""
        counts = []
        for path in (self._path,) if self._database else (self._path, self._second):
            with self._opened(path) as db:
                counts.append(db.execute("DELETE FROM entry WHERE day < ?", (before,)).rowcount)
                db.commit()
                if self._database:  # makes the table anew, in the order of the ids
                    db.execute("CLUSTER entry USING entry_pkey")
                elif counts[-1]:  # the write-ahead log would keep what was removed
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(counts[0])

    def _keep_twice(self, rows: Sequence[_Row] | None = None) -> None:
        """Write feedback, all there is or these rows, to the second database.

        Does not raise: the first one has it.
        """
        if self._database:
            return
        with suppress(StoreError):
            if rows is None:
                with self._opened(self._path) as db:
                    rows = db.execute("SELECT * FROM entry WHERE kind = 'feedback'").fetchall()
            if rows:
                with self._opened(self._second) as db:
                    db.executemany(_INSERT, rows)

    def _entries(self, kind: str) -> tuple[Any, ...]:
        if not self._places:
            return ()
        if self._due:
            self.prune()
        with self._opened(self._path) as db:
            rows = db.execute(
                "SELECT * FROM entry WHERE kind = ? AND day >= ? ORDER BY day DESC, id",
                (kind, self._oldest(self._today())),
            ).fetchall()
            return tuple(_read(*row) for row in rows)

    @property
    def _places(self) -> tuple[Path, ...]:
        """Which of the databases are there; the first alone stands for a server."""
        if self._database:
            return (self._path,)
        return tuple(path for path in (self._path, self._second) if path.exists())

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Connection]:
        """A connection whose changes are committed at the end. A file is opened for each use:
        entries come seldom, and a closed connection leaves no log behind."""
        with self._lock:
            if self._database:
                db = self._server = self._server or _served(self._database)
                try:
                    yield db
                except db.error as error:
                    raise db.explained(error) from error
            else:
                with _opened_file(path) as file:
                    yield file


def _readable(path: Path) -> tuple[list[_Row], str]:
    """The entries that can be read of a database, and what is wrong with it, or ""."""
    if not path.is_file():
        return [], "" if not path.exists() else "it is no file"
    try:
        path.open("rb").close()
    except OSError as error:
        raise _explained(error, path) from error
    found: dict[str, _Row] = {}
    problem = ""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        for order in ("ASC", "DESC"):  # from both ends towards what is damaged
            try:
                for row in db.execute(f"SELECT * FROM entry ORDER BY id {order}"):
                    try:
                        _read(*row)
                    except (ValueError, TypeError, KeyError):
                        problem = "an entry cannot be read"
                    else:
                        found[row[0]] = row
            except (sqlite3.Error, ValueError) as error:
                problem = str(error)
        with suppress(sqlite3.Error):
            verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
            problem = problem or ("" if verdict == "ok" else verdict)
    return list(found.values()), problem


def _read(id_: str, kind: str, day: str, body: str) -> Any:
    """An entry as it is stored. Raises ValueError, TypeError or KeyError where it is none."""
    return _TYPES[kind].validate_python({"id": id_, "day": day, **json.loads(body)})


def _asked(answer: Answer, id_: str, day: date) -> RecordedQuestion:
    labels = Counter(one.verdict.label for one in answer.verdicts).items()
    flaws = tuple(
        Flaw(answer.text[one.start : one.end].strip(), one.verdict.label, one.verdict.reason)
        for one in answer.verdicts
        if one.verdict.label in _FLAWED
    )
    content = answer.question, answer.text, answer.answerer, answer.abstained
    return RecordedQuestion(id_, day, *content, _cited(answer), tuple(sorted(labels)), flaws)


def _cited(answer: Answer) -> tuple[CitedText, ...]:
    return tuple(
        CitedText(
            *(one.number, one.passage.id, one.document.reading, one.document.title, one.quote),
            one.page if one.document.unit == "page" else None,
        )
        for one in answer.citations
    )


# Where it lies --------------------------------------------------------------------------------


@contextmanager
def _opened_file(path: Path) -> Iterator[Connection]:
    """A connection to a file, made where there is none; commits its changes at the end. Raises
    StoreError: the file cannot be used."""
    from seminar_rag.index.sqlite import connect

    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Nobody else on the machine reads what students wrote.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(connect(path)) as db:
            db.prepare()
            db.execute("PRAGMA secure_delete = ON")
            db.create(_SCHEMA)
            yield db
            db.commit()
    except (sqlite3.Error, OSError, ValueError) as error:
        raise _explained(error, path) from error


def _served(address: str) -> Connection:
    """A connection to a server that commits every statement at once. Raises StoreError."""
    from seminar_rag.index.postgres import Postgres

    db: Connection = Postgres(address)
    with transaction(db):
        db.create(_SCHEMA)
    return db


def _explained(error: Exception, path: Path) -> StoreError:
    """The error of a file that cannot be used."""
    message = str(error)
    if "full" in message or "No space" in message:
        remedy = "free some space"
    elif isinstance(error, OSError) or "readonly" in message or "unable to open" in message:
        remedy = "check its permissions"
    else:
        remedy = "seminar-rag doctor --repair takes over what can be read of it"
    return StoreError(f"the journal {path} cannot be used: {message} — {remedy}")
