"""Full text of a course whose database is a server: the same FTS5, in a file of the data folder.

PostgreSQL's own text search keeps no count of how many passages have a word, so that its ranks
cannot weigh rare words. So each machine indexes the server's passages by itself, as it holds their
vectors, and finds and ranks as a course with SQLite does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from seminar_rag.errors import BusyError, StoreError
from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.folder import unusable
from seminar_rag.index.sqlite import Fts5, Sqlite, connect

T = TypeVar("T")

_BATCH = 500
"""Passages that are indexed at a time, so that memory stays bounded."""
_PATIENCE = 300
"""Seconds to wait for another process of this machine, which may index all passages just now."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS passage(key INTEGER PRIMARY KEY, id TEXT NOT NULL,"
    " document TEXT NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS passage_document ON passage(document);"
)


class LocalFullText:
    """See `FullText`. The file follows the server: what came and went there is taken over before a
    search. It holds nothing else, so that a damaged one is made anew."""

    SCHEMA = ""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fts5 = Fts5()
        self._lite: Sqlite | None = None
        self._followed = ""
        """The server's generation that the file follows, as far as this process knows."""

    def close(self) -> None:
        """Release the file."""
        if self._lite is not None:
            self._lite.close()
        self._lite, self._followed = None, ""

    def add(self, db: Connection, rows: Sequence[tuple[int, str, str, str]]) -> None:
        """Passages are indexed before the next search."""

    def remove(self, db: Connection, keys: Sequence[int]) -> None:
        """Passages are taken out before the next search."""

    def search(
        self,
        db: Connection,
        terms: Sequence[str],
        k: int,
        documents: Sequence[str] | None,
        holding: Sequence[str],
    ) -> list[tuple[str, float]]:
        return self._asked(db, lambda own: self._fts5.search(own, terms, k, documents, holding))

    def having(self, db: Connection, terms: Sequence[str], limit: int = -1) -> list[int]:
        return self._asked(db, lambda own: self._fts5.having(own, terms, limit))

    def counts(self, db: Connection, terms: Sequence[str]) -> dict[str, int]:
        return self._asked(db, lambda own: self._fts5.counts(own, terms))

    def vocabulary(self, db: Connection) -> list[str]:
        return self._asked(db, self._fts5.vocabulary)

    def damage(self, db: Connection, passages: int) -> str:
        if self._asked(db, lambda own: self._fts5.damage(own, passages)):
            self._forget()
        return self._asked(db, lambda own: self._fts5.damage(own, passages))

    def _asked(self, server: Connection, work: Callable[[Sqlite], T]) -> T:
        """What work finds in the file, brought up to date; one that is damaged, or was written by
        another version, is made anew. Raises StoreError where the file cannot be used."""
        try:
            try:
                return work(self._following(server))
            except sqlite3.DatabaseError as error:
                wrong = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
                if isinstance(error, sqlite3.OperationalError) and wrong != sqlite3.SQLITE_ERROR:
                    raise  # of the disk, or of another process that writes
                self._forget()
                return work(self._following(server))
        except sqlite3.Error as error:
            self.close()
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> StoreError:
        if "locked" in str(error):
            return BusyError(
                f"another process brings {self._file} up to date — try again in a minute"
            )
        return StoreError(
            f"{self._file} cannot be used ({error}) — free some space, check its permissions, or"
            " remove it: it is made anew"
        )

    def _following(self, server: Connection) -> Sqlite:
        """The open file, which has what the server has."""
        lite = self._lite or self._opened()
        query = "SELECT value FROM meta WHERE name = 'generation'"
        (generation,) = server.execute(query).fetchone()
        if self._followed != generation:
            lite.begin()
            with transaction(lite):
                if not self._followed or not self._take_over_new(server, lite):
                    self._take_over(server, lite)
                lite.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (generation,))
            self._followed = generation
        return lite

    def _opened(self) -> Sqlite:
        try:
            self._file.touch(mode=0o600)
        except OSError as error:
            raise unusable(self._file.parent, error) from error
        lite = connect(self._file)
        try:
            lite.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
            lite.prepare()
            lite.create(_SCHEMA + self._fts5.SCHEMA)
        except BaseException:
            lite.close()
            raise
        self._lite = lite
        return lite

    def _take_over_new(self, server: Connection, lite: Sqlite) -> bool:
        """Take over what came and went since this process last looked; whether that is all. It
        takes time for what changed: of the rest only the documents' names are compared. A document
        that is stored again has other keys than before, above all others.
        """
        newest = "SELECT key, id FROM passage WHERE key >= ? ORDER BY key LIMIT 1"
        last = lite.execute("SELECT key, id FROM passage ORDER BY key DESC LIMIT 1").fetchone()
        if not last or server.execute(newest, last[:1]).fetchone() != last:
            return False  # the database may be another one, made anew
        come = dict(server.execute("SELECT key, document FROM passage WHERE key > ?", last[:1]))
        documents, count = "SELECT DISTINCT document FROM passage", "SELECT count(*) FROM passage"
        had, now = ({name for (name,) in db.execute(documents)} for db in (lite, server))
        query = "SELECT key FROM passage WHERE document = ?"
        changed = had - now | had & set(come.values())
        self._remove(lite, [key for one in changed for (key,) in lite.execute(query, (one,))])
        self._add(server, lite, list(come))
        return bool(lite.execute(count).fetchone() == server.execute(count).fetchone())

    def _take_over(self, server: Connection, lite: Sqlite) -> None:
        """Take over what came and went, whenever. A database that is made anew may give the same
        keys to other passages."""
        query = "SELECT key, id FROM passage"
        now, had = dict(server.stream(query)), dict(lite.execute(query))
        self._remove(lite, [key for key, id_ in had.items() if now.get(key) != id_])
        self._add(server, lite, [key for key, id_ in now.items() if had.get(key) != id_])

    def _remove(self, lite: Sqlite, keys: Sequence[int]) -> None:
        self._fts5.remove(lite, keys)
        lite.executemany("DELETE FROM passage WHERE key = ?", [(key,) for key in keys])

    def _add(self, server: Connection, lite: Sqlite, keys: Sequence[int]) -> None:
        for at in range(0, len(keys), _BATCH):
            rows = server.execute(
                "SELECT key, id, document, title, heading, text FROM passage"
                " WHERE key IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
                (json.dumps(keys[at : at + _BATCH]),),
            ).fetchall()
            lite.executemany("INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._fts5.add(lite, [(key, *texts) for key, _, _, *texts in rows])

    def _forget(self) -> None:
        """Remove the file."""
        self.close()
        try:
            for end in ("", "-wal", "-shm"):
                self._file.with_name(f"{self._file.name}{end}").unlink(missing_ok=True)
        except OSError as error:
            raise unusable(self._file.parent, error) from error
