"""A record of what students asked and what they thought of the answers, without saying who.

Questions are recorded only where the instructor has switched that on; feedback whenever a student
gives it. There is no address, no session, no time finer than the day, and rows lie in random
order, so that nothing shows which questions came from one person. Entries older than the days to
keep are shown no longer, and are overwritten on disk once the clock has said so on three days: a
clock that runs ahead for a while must not cost what students wrote. Knows neither the
index nor how answers come about.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import TypeAdapter

from seminar_rag.errors import StoreError
from seminar_rag.types import Answer
from seminar_rag.types.journal import LONGEST_COMMENT, REASONS, Asked, Cited, Feedback, Flaw, Reason

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_day ON entry(kind, day);
CREATE TABLE IF NOT EXISTS seen(day TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_Entry = TypeVar("_Entry", Asked, Feedback)
_ASKED = TypeAdapter(Asked)
_FEEDBACK = TypeAdapter(Feedback)
_CONFIRMED = 3
"""Days on which an entry must have been too old before it is removed for good."""
_FLAWED = ("partly", "unsupported", "contradicted")


class Journal:
    """A database of its own in the data folder; made when the first entry is recorded."""

    def __init__(
        self,
        path: Path,
        *,
        enabled: bool = False,
        days: int = 90,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """Args:
        enabled: whether questions are recorded; may be changed while running.
        days: how long entries are kept, at least 1.
        today: the current day, for tests.
        """
        self.enabled = enabled
        self.days = days
        self._path = path
        self._today = today
        self._pruned: tuple[date, int] | None = None
        self._lock = threading.Lock()

    def record(self, answer: Answer) -> None:
        """Record a question with its answer, if that is switched on.

        Never raises: an answer is not lost because the journal cannot be written.
        """
        try:
            if self.enabled:
                self._insert("asked", _ASKED, _asked(answer, *self._place()))
            elif self._due:
                self.prune()
        except StoreError as error:
            log.warning("%s", error)

    def feedback(
        self, answer: Answer, good: bool, reason: Reason | Literal[""] = "", comment: str = ""
    ) -> None:
        """Record what a student thinks of an answer.

        Args:
            good: thumb up; else down, then with a reason.
            comment: the student's own words; cut at `LONGEST_COMMENT`.

        Raises:
            StoreError: it could not be written.
            ValueError: the reason is not one of `REASONS`.
        """
        if reason and reason not in REASONS:
            raise ValueError(f"{reason!r} is none of {', '.join(REASONS)}")
        id_, day = self._place()
        said = comment.strip()[:LONGEST_COMMENT]
        cited = _cited(answer)
        entry = Feedback(id_, day, good, answer.question, answer.text, reason, said, cited)
        self._insert("feedback", _FEEDBACK, entry)

    def questions(self) -> tuple[Asked, ...]:
        """The recorded questions, newest day first.

        Raises:
            StoreError: the journal cannot be read.
        """
        return self._entries("asked", _ASKED)

    def opinions(self) -> tuple[Feedback, ...]:
        """The feedback, newest day first.

        Raises:
            StoreError: the journal cannot be read.
        """
        return self._entries("feedback", _FEEDBACK)

    def clear(self) -> int:
        """Remove every entry; returns how many there were.

        Raises:
            StoreError: the journal cannot be written.
        """
        return self._delete("9999") if self._path.exists() else 0

    def prune(self) -> int:
        """Remove the entries that were too old on three days already; returns how many there were.

        Raises:
            StoreError: the journal cannot be written.
        """
        if not self._path.exists():
            return 0
        today, days = self._today(), self.days
        with self._opened() as db, db:
            db.execute("DELETE FROM seen WHERE day > ?", (today.isoformat(),))
            db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (today.isoformat(),))
            seen = [day for (day,) in db.execute("SELECT day FROM seen ORDER BY day DESC")]
            db.execute("DELETE FROM seen WHERE day < ?", (seen[:_CONFIRMED][-1],))
        removed = 0
        if len(seen) >= _CONFIRMED:
            removed = self._delete(self._oldest(date.fromisoformat(seen[_CONFIRMED - 1])))
        self._pruned = today, days
        return removed

    # ---------------------------------------------------------------------------------------

    def _oldest(self, today: date) -> str:
        """The first day of which entries are kept."""
        return (today - timedelta(days=max(1, self.days) - 1)).isoformat()

    @property
    def _due(self) -> bool:
        """Whether old entries were not removed yet today."""
        return self._pruned != (self._today(), self.days)

    def _place(self) -> tuple[str, date]:
        """Id and day of a new entry."""
        return secrets.token_hex(12), self._today()

    def _insert(self, kind: str, type_: TypeAdapter[_Entry], entry: _Entry) -> None:
        body = type_.dump_python(entry, mode="json", exclude={"id", "day"})
        row = entry.id, kind, entry.day.isoformat(), json.dumps(body, ensure_ascii=False)
        with self._opened() as db, db:
            db.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", row)
        if self._due:
            self.prune()

    def _delete(self, before: str) -> int:
        """Remove entries of days before the given one, from the disk too."""
        with self._opened() as db:
            with db:
                count = db.execute("DELETE FROM entry WHERE day < ?", (before,)).rowcount
            if count:  # the write-ahead log would keep what was removed
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _entries(self, kind: str, type_: TypeAdapter[_Entry]) -> tuple[_Entry, ...]:
        if not self._path.exists():
            return ()
        if self._due:
            self.prune()
        with self._opened() as db:
            rows = db.execute(
                "SELECT id, day, body FROM entry WHERE kind = ? AND day >= ? ORDER BY day DESC, id",
                (kind, self._oldest(self._today())),
            ).fetchall()
            return tuple(
                type_.validate_python({"id": id_, "day": day, **json.loads(body)})
                for id_, day, body in rows
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection for one use: entries come seldom, and a closed one leaves no log behind."""
        try:
            with self._lock:
                if not self._path.exists():
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    # Nobody else on the machine reads what students wrote.
                    os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
                with closing(sqlite3.connect(self._path, timeout=10)) as db:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA secure_delete = ON")
                    db.executescript(_SCHEMA)
                    yield db
        except (sqlite3.Error, OSError, ValueError) as error:
            raise StoreError(
                f"the journal {self._path} cannot be used: {error} — free some space, or move the"
                " file away"
            ) from error


def _asked(answer: Answer, id_: str, day: date) -> Asked:
    labels = Counter(one.verdict.label for one in answer.verdicts)
    return Asked(
        id_,
        day,
        answer.question,
        answer.text,
        answer.answerer,
        answer.abstained,
        _cited(answer),
        tuple(sorted(labels.items())),
        tuple(
            Flaw(answer.text[one.start : one.end].strip(), one.verdict.label, one.verdict.reason)
            for one in answer.verdicts
            if one.verdict.label in _FLAWED
        ),
    )


def _cited(answer: Answer) -> tuple[Cited, ...]:
    return tuple(
        Cited(
            one.number,
            one.passage.id,
            one.document.reading,
            one.document.title,
            one.quote,
            one.page,
        )
        for one in answer.citations
    )
