"""Full text of a course whose database is a server: the same FTS5, in a file of the data folder.

PostgreSQL's own text search keeps no count of how many passages have a word, so that its ranks
cannot weigh rare words. So each machine indexes the server's passages by itself, as it holds their
vectors, and finds and ranks as a course with SQLite does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from seminar_rag.index.engine import Connection, transaction
from seminar_rag.index.sqlite import Fts5, Sqlite, connect

_BATCH = 500
"""Passages that are indexed at a time, so that memory stays bounded."""
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
        return self._fts5.search(self._following(db), terms, k, documents, holding)

    def having(self, db: Connection, terms: Sequence[str], limit: int = -1) -> list[int]:
        return self._fts5.having(self._following(db), terms, limit)

    def counts(self, db: Connection, terms: Sequence[str]) -> dict[str, int]:
        return self._fts5.counts(self._following(db), terms)

    def vocabulary(self, db: Connection) -> list[str]:
        return self._fts5.vocabulary(self._following(db))

    def damage(self, db: Connection, passages: int) -> str:
        if self._fts5.damage(self._following(db), passages):
            self._forget()
        return self._fts5.damage(self._following(db), passages)

    def _following(self, server: Connection) -> Sqlite:
        """The open file, brought up to date. Raises StoreError where it cannot be written."""
        try:
            return self._opened(server)
        except sqlite3.OperationalError as error:
            assert self._lite is not None
            raise self._lite.explained(error) from error
        except sqlite3.DatabaseError:  # damaged, or none of ours
            self._forget()
            return self._opened(server)

    def _opened(self, server: Connection) -> Sqlite:
        if self._lite is None:
            self._file.touch(mode=0o600)
            self._lite = connect(self._file)
            self._lite.prepare()
            self._lite.create(_SCHEMA + self._fts5.SCHEMA)
        query = "SELECT value FROM meta WHERE name = 'generation'"
        (generation,) = server.execute(query).fetchone()
        if self._followed != generation:
            self._lite.begin()
            with transaction(self._lite):
                self._take_over(server, self._lite)
                self._lite.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (generation,)
                )
            self._followed = generation
        return self._lite

    def _take_over(self, server: Connection, lite: Sqlite) -> None:
        """Take over what came and went. A passage that is stored again has another key, but a
        database that is made anew may give the same keys to others."""
        query = "SELECT key, id FROM passage"
        now, had = dict(server.stream(query)), dict(lite.execute(query))
        gone = [key for key, id_ in had.items() if now.get(key) != id_]
        come = [key for key, id_ in now.items() if had.get(key) != id_]
        self._fts5.remove(lite, gone)
        lite.executemany("DELETE FROM passage WHERE key = ?", [(key,) for key in gone])
        for at in range(0, len(come), _BATCH):
            rows = server.execute(
                "SELECT key, id, document, title, heading, text FROM passage"
                " WHERE key IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
                (json.dumps(come[at : at + _BATCH]),),
            ).fetchall()
            lite.executemany("INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._fts5.add(lite, [(key, *texts) for key, _, _, *texts in rows])

    def _forget(self) -> None:
        """Remove the file."""
        self.close()
        for end in ("", "-wal", "-shm"):
            self._file.with_name(f"{self._file.name}{end}").unlink(missing_ok=True)
