"""What students asked and what they thought of the answers, without saying who.

Questions are kept only where the instructor has switched that on; feedback whenever a student
gives it. No address, no session, no time finer than the day, and rows lie in random order, so
that nothing tells which questions came from one person. What is older than the days to keep is
overwritten on disk. Knows neither the index nor how answers come about.
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
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from seminar_rag.errors import StoreError
from seminar_rag.types import Answer
from seminar_rag.types.journal import LONGEST_COMMENT, REASONS, Asked, Cited, Feedback, Flaw, Reason

log = logging.getLogger(__name__)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_day ON entry(kind, day);
"""


class Journal:
    """A database of its own in the data folder; made when the first entry is kept."""

    def __init__(
        self,
        path: Path,
        *,
        enabled: bool = False,
        days: int = 90,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """Args:
        enabled: whether `record` keeps anything; may be changed while running.
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
        """Keep a question with its answer, if that is switched on.

        Never raises: an answer is not lost because the journal cannot be written.
        """
        try:
            if self.enabled:
                self._keep("asked", _asked(answer))
            elif self._due:
                self.prune()
        except StoreError as error:
            log.warning("%s", error)

    def feedback(
        self, answer: Answer, good: bool, reason: Reason | Literal[""] = "", comment: str = ""
    ) -> None:
        """Keep what a student thinks of an answer.

        Args:
            good: thumb up; else down, then with a reason.
            comment: the student's own words; cut at `LONGEST_COMMENT`.

        Raises:
            StoreError: it could not be written.
            ValueError: not one of `REASONS`.
        """
        if reason and reason not in REASONS:
            raise ValueError(f"{reason!r} is none of {', '.join(REASONS)}")
        body = {
            "good": good,
            "reason": reason,
            "comment": comment.strip()[:LONGEST_COMMENT],
            "question": answer.question,
            "answer": answer.text,
            "cited": _cited(answer),
        }
        self._keep("feedback", body)

    def questions(self) -> tuple[Asked, ...]:
        """What was asked and recorded, newest day first.

        Raises:
            StoreError: the journal cannot be read.
        """
        return tuple(_read_asked(id_, day, body) for id_, day, body in self._rows("asked"))

    def opinions(self) -> tuple[Feedback, ...]:
        """The feedback, newest day first.

        Raises:
            StoreError: the journal cannot be read.
        """
        return tuple(_read_feedback(id_, day, body) for id_, day, body in self._rows("feedback"))

    def clear(self) -> int:
        """Remove every entry, and say how many there were.

        Raises:
            StoreError: the journal cannot be written.
        """
        if not self._path.exists():
            return 0
        with self._opened() as db:
            with db:
                count = db.execute("DELETE FROM entry").rowcount
            _truncate(db)
        return count

    def prune(self) -> int:
        """Remove what is older than the days to keep, and say how much that was.

        Raises:
            StoreError: the journal cannot be written.
        """
        if not self._path.exists():
            return 0
        with self._opened() as db:
            return self._prune(db)

    # ---------------------------------------------------------------------------------------

    @property
    def _due(self) -> bool:
        """Whether it was not looked for old entries today."""
        return self._pruned != (self._today(), self.days)

    def _keep(self, kind: str, body: dict[str, Any]) -> None:
        day = self._today().isoformat()
        row = secrets.token_hex(12), kind, day, json.dumps(body, ensure_ascii=False)
        with self._opened() as db:
            with db:
                db.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", row)
            if self._due:
                self._prune(db)

    def _prune(self, db: sqlite3.Connection) -> int:
        today = self._today()
        oldest = today - timedelta(days=max(1, self.days) - 1)
        with db:
            gone = db.execute("DELETE FROM entry WHERE day < ?", (oldest.isoformat(),)).rowcount
        if gone:
            _truncate(db)
        self._pruned = today, self.days
        return gone

    def _rows(self, kind: str) -> list[tuple[str, date, dict[str, Any]]]:
        if not self._path.exists():
            return []
        with self._opened() as db:
            if self._due:
                self._prune(db)
            found = db.execute(
                "SELECT id, day, body FROM entry WHERE kind = ? ORDER BY day DESC, id", (kind,)
            ).fetchall()
        return [(id_, date.fromisoformat(day), json.loads(body)) for id_, day, body in found]

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
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the journal {self._path} cannot be used: {error} — free some space, or move the"
                " file away"
            ) from error


def _truncate(db: sqlite3.Connection) -> None:
    """Let the write-ahead log not keep what was removed."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _asked(answer: Answer) -> dict[str, Any]:
    judged = [one.verdict.label for one in answer.verdicts]
    flaws = [
        Flaw(answer.text[one.start : one.end].strip(), one.verdict.label, one.verdict.reason)
        for one in answer.verdicts
        if one.verdict.label in ("partly", "unsupported", "contradicted")
    ]
    return {
        "question": answer.question,
        "answer": answer.text,
        "answerer": answer.answerer,
        "abstained": answer.abstained,
        "cited": _cited(answer),
        "verdicts": sorted(Counter(judged).items()),
        "flaws": [asdict(one) for one in flaws],
    }


def _cited(answer: Answer) -> list[dict[str, Any]]:
    return [
        asdict(
            Cited(
                one.number,
                one.passage.id,
                one.document.reading,
                one.document.title,
                one.quote,
                one.page,
            )
        )
        for one in answer.citations
    ]


def _read_asked(id_: str, day: date, body: dict[str, Any]) -> Asked:
    return Asked(
        id_,
        day,
        body["question"],
        body["answer"],
        body["answerer"],
        body["abstained"],
        tuple(Cited(**one) for one in body["cited"]),
        tuple((label, count) for label, count in body["verdicts"]),
        tuple(Flaw(**one) for one in body["flaws"]),
    )


def _read_feedback(id_: str, day: date, body: dict[str, Any]) -> Feedback:
    return Feedback(
        id_,
        day,
        body["good"],
        body["question"],
        body["answer"],
        body["reason"],
        body["comment"],
        tuple(Cited(**one) for one in body["cited"]),
    )
