"""What the course consists of: sources, sessions, readings, and the manifest of documents.

The catalogue's tables and their rows as frozen values. Passages and vectors are the store's.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from seminar_rag.index import corrections
from seminar_rag.types import Document, Kind, Section
from seminar_rag.types.catalogue import (
    Catalogue,
    ListedReading,
    ListedSession,
    Lookup,
    LookupFile,
    Record,
    Suggested,
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS source(
    id TEXT PRIMARY KEY, form TEXT NOT NULL, title TEXT, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS session(
    source TEXT, number INTEGER, title TEXT NOT NULL, tags TEXT NOT NULL, url TEXT,
    PRIMARY KEY (source, number));
CREATE TABLE IF NOT EXISTS reading(
    source TEXT, id TEXT, title TEXT NOT NULL, authors TEXT, arxiv_id TEXT, urls TEXT NOT NULL,
    listed TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (source, id));
CREATE TABLE IF NOT EXISTS listing(
    source TEXT, session INTEGER, position INTEGER, reading TEXT NOT NULL, section TEXT NOT NULL,
    PRIMARY KEY (source, session, position));
CREATE TABLE IF NOT EXISTS document(
    id TEXT PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT NULL, reading TEXT NOT NULL,
    title TEXT NOT NULL, authors TEXT, sessions TEXT NOT NULL, url TEXT, path TEXT NOT NULL,
    hash TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, pages INTEGER,
    at TEXT NOT NULL, made TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS lookup(
    source TEXT, reading TEXT, title TEXT NOT NULL, urls TEXT NOT NULL, state TEXT NOT NULL,
    arxiv_id TEXT, found TEXT NOT NULL, attempts TEXT NOT NULL, problem TEXT NOT NULL,
    remedy TEXT NOT NULL, at TEXT NOT NULL, suggested TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (source, reading));
CREATE TABLE IF NOT EXISTS kept(document TEXT PRIMARY KEY, digest TEXT NOT NULL);
{corrections.SCHEMA}
"""


def read(db: sqlite3.Connection) -> Catalogue:
    sources = db.execute("SELECT id, form, title FROM source ORDER BY at, id").fetchall()
    known: dict[tuple[str, str], ListedReading] = {
        (source, id_): ListedReading(
            id_,
            title,
            authors,
            arxiv,
            tuple(json.loads(urls)),
            listed=tuple(json.loads(listed)),
        )
        for source, id_, title, authors, arxiv, urls, listed in db.execute(
            "SELECT source, id, title, authors, arxiv_id, urls, listed FROM reading"
        )
    }
    by_session: dict[int, dict[str, ListedReading]] = {}
    for source, session, reading, section in db.execute(
        "SELECT source, session, reading, section FROM listing ORDER BY session, position"
    ):
        entry = replace(known[source, reading], section=_section(section))
        by_session.setdefault(session, {}).setdefault(reading, entry)
    sessions: dict[int, ListedSession] = {}
    for number, title, tags, url in db.execute(
        # A source that only adds readings to the session of another leaves its title out.
        "SELECT number, title, tags, url FROM session ORDER BY number, title = '', source"
    ):
        readings = tuple(by_session.get(number, {}).values())
        sessions.setdefault(
            number, ListedSession(number, title, tuple(json.loads(tags)), url, readings)
        )
    titles = [title for _, _, title in sources if title]
    return Catalogue(
        title=titles[0] if titles else None,
        sources=tuple((id_, form) for id_, form, _ in sources),
        sessions=tuple(sessions.values()),
        records=_records(db, tuple(sessions.values())),
        lookups=_lookups(db),
        corrections=corrections.read(db),
    )


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables of an earlier version up to date; what they hold stays."""
    tables = _tables(db)
    if "lookups" in tables:  # its name before "lookup"
        db.execute("ALTER TABLE lookups RENAME TO lookup")
        db.execute("ALTER TABLE lookup RENAME COLUMN says TO problem")
        db.execute("ALTER TABLE lookup RENAME COLUMN mend TO remedy")
        tables = _tables(db)
    if not set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", SCHEMA)) <= tables:
        db.executescript(SCHEMA)
    for table, column, empty in (
        ("reading", "listed", "[]"),
        ("lookup", "suggested", "[]"),
        ("document", "made", ""),
    ):
        if column not in _columns(db, table):
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT '{empty}'")


def _tables(db: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def put_source(
    db: sqlite3.Connection,
    source: str,
    form: str,
    title: str | None,
    sessions: Sequence[ListedSession],
) -> None:
    """Store what a source lists, in place of what it listed before."""
    for table in ("session", "reading", "listing"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))
    db.execute(
        "INSERT INTO source VALUES (?, ?, ?, ?) ON CONFLICT(id)"
        " DO UPDATE SET form = excluded.form, title = excluded.title",
        (source, form, title, datetime.now(UTC).isoformat(timespec="seconds")),
    )
    for one in sessions:
        db.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
            (source, one.number, one.title, json.dumps(one.tags), one.url),
        )
        for position, reading in enumerate(one.readings):
            db.execute(
                "INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    source,
                    reading.id,
                    reading.title,
                    reading.authors,
                    reading.arxiv_id,
                    json.dumps(reading.urls),
                    json.dumps(reading.listed),
                ),
            )
            db.execute(
                "INSERT INTO listing VALUES (?, ?, ?, ?, ?)",
                (source, one.number, position, reading.id, reading.section),
            )


def drop_source(db: sqlite3.Connection, source: str) -> None:
    """Forget a source and what it lists."""
    for table, column in (
        ("source", "id"),
        ("session", "source"),
        ("reading", "source"),
        ("listing", "source"),
        ("lookup", "source"),
    ):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (source,))


def put_record(db: sqlite3.Connection, record: Record) -> None:
    """Store or overwrite the manifest row of one document."""
    document = record.document
    db.execute(
        "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document.id,
            record.source,
            document.kind,
            document.reading,
            document.title,
            document.authors,
            json.dumps(document.sessions if document.kind == "notes" else ()),
            document.url,
            document.path,
            record.hash,
            record.outcome,
            record.detail,
            record.pages,
            datetime.now(UTC).isoformat(timespec="seconds"),
            record.made,
        ),
    )


def put_file(db: sqlite3.Connection, document: str, digest: str) -> None:
    """Note which kept file a document's passages were read from; an empty digest: none."""
    if digest:
        db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (document, digest))
    else:
        db.execute("DELETE FROM kept WHERE document = ?", (document,))


def kept(db: sqlite3.Connection) -> dict[str, str]:
    """The digests of the kept files, by document id."""
    return dict(db.execute("SELECT document, digest FROM kept"))


def put_lookup(db: sqlite3.Connection, one: Lookup) -> None:
    """Store or overwrite what was found for one reading."""
    db.execute(
        "INSERT OR REPLACE INTO lookup VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            one.source,
            one.reading,
            one.title,
            json.dumps(one.urls),
            one.state,
            one.arxiv_id,
            json.dumps([asdict(file) for file in one.found]),
            json.dumps(one.attempts),
            one.problem,
            one.remedy,
            datetime.now(UTC).isoformat(timespec="seconds"),
            json.dumps([asdict(each) for each in one.suggested]),
        ),
    )


def drop_lookups(db: sqlite3.Connection, source: str, readings: Iterable[str]) -> None:
    """Forget what was found for readings."""
    db.executemany(
        "DELETE FROM lookup WHERE source = ? AND reading = ?", ((source, id_) for id_ in readings)
    )


def unlist(db: sqlite3.Connection, reading: str) -> None:
    """Take a reading off the lists, with what was found for it."""
    rows = db.execute("SELECT source, id, listed FROM reading WHERE id = ?", (reading,)).fetchall()
    for source, id_, listed in rows:
        drop_lookups(db, source, {id_, *json.loads(listed)})
    for table, column in (("listing", "reading"), ("reading", "id")):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (reading,))


def _lookups(db: sqlite3.Connection) -> tuple[Lookup, ...]:
    rows = db.execute(
        "SELECT source, reading, title, urls, state, arxiv_id, found, attempts, problem, remedy,"
        " at, suggested FROM lookup ORDER BY rowid"
    )
    return tuple(
        Lookup(
            source,
            reading,
            title,
            tuple(json.loads(urls)),
            state,
            arxiv,
            tuple(LookupFile(**file) for file in json.loads(found)),
            tuple((url, event, text) for url, event, text in json.loads(attempts)),
            problem,
            remedy,
            at,
            tuple(Suggested(**each) for each in json.loads(suggested)),
        )
        for source, reading, title, urls, state, arxiv, found, attempts, *rest in rows
        for problem, remedy, at, suggested in [rest]
    )


def _section(word: str) -> Section:
    """The section a stored word stands for."""
    return "more" if word == "more" else "required"


def _records(db: sqlite3.Connection, sessions: Sequence[ListedSession]) -> dict[str, Record]:
    where: dict[str, list[tuple[int, Section]]] = {}
    for session in sessions:
        for reading in session.readings:
            where.setdefault(reading.id, []).append((session.number, reading.section))
    counts = dict(db.execute("SELECT document, count(*) FROM passage GROUP BY document"))
    files = kept(db)
    out: dict[str, Record] = {}
    for row in db.execute(
        "SELECT id, source, kind, reading, title, authors, sessions, url, path, hash, outcome,"
        " detail, pages, at, made FROM document ORDER BY rowid"
    ):
        id_, source, kind, reading, title, authors, own, url, path, digest, *rest = row
        outcome, detail, pages, at, made = rest
        listed = where.get(reading, [])
        numbers = tuple(dict.fromkeys([*json.loads(own), *(number for number, _ in listed)]))
        section: Section | None = None
        if listed:
            section = "required" if any(s == "required" for _, s in listed) else "more"
        document = Document(id_, _kind(kind), reading, title, authors, numbers, section, url, path)
        count, file = counts.get(id_, 0), files.get(id_, "")
        out[id_] = Record(document, source, digest, outcome, detail, pages, count, at, file, made)
    return out


def _kind(word: str) -> Kind:
    """The document kind a stored word stands for."""
    return "notes" if word == "notes" else "abstract" if word == "abstract" else "paper"
