"""The tables of the catalogue, and their rows as the frozen values of `types.catalogue`.

Sources, sessions, readings, the manifest of documents, what was looked up on the network, and what
the instructor decided by hand. A decision outlives every later ingest: it names a reading by the id
that its page gives it, so that it holds whatever the reading's documents turn out to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any, get_args

from seminar_rag.index.engine import Connection
from seminar_rag.types import CourseEvent, Document, Section
from seminar_rag.types.catalogue import (
    Catalogue,
    Correction,
    CorrectionKind,
    ListedReading,
    ListedSession,
    Lookup,
    LookupFile,
    Record,
    Suggested,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS source(
    id TEXT PRIMARY KEY, form TEXT NOT NULL, title TEXT, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS session(
    source TEXT, number INTEGER, title TEXT NOT NULL, tags TEXT NOT NULL, url TEXT, date TEXT,
    part TEXT, PRIMARY KEY (source, number));
CREATE TABLE IF NOT EXISTS reading(
    source TEXT, id TEXT, title TEXT NOT NULL, authors TEXT, arxiv_id TEXT, urls TEXT NOT NULL,
    listed TEXT NOT NULL DEFAULT '[]', doubt TEXT NOT NULL DEFAULT '',
    shown TEXT NOT NULL DEFAULT '', kind TEXT, PRIMARY KEY (source, id));
CREATE TABLE IF NOT EXISTS event(
    source TEXT, position INTEGER, title TEXT NOT NULL, kind TEXT NOT NULL, date TEXT,
    session INTEGER, alone INTEGER NOT NULL, PRIMARY KEY (source, position));
CREATE TABLE IF NOT EXISTS listing(
    source TEXT, session INTEGER, position INTEGER, reading TEXT NOT NULL, section TEXT NOT NULL,
    PRIMARY KEY (source, session, position));
CREATE TABLE IF NOT EXISTS document(
    id TEXT PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT NULL, reading TEXT NOT NULL,
    title TEXT NOT NULL, authors TEXT, sessions TEXT NOT NULL, url TEXT, path TEXT NOT NULL,
    hash TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, pages INTEGER,
    at TEXT NOT NULL, made TEXT NOT NULL DEFAULT '', unit TEXT NOT NULL DEFAULT 'page');
CREATE TABLE IF NOT EXISTS lookup(
    source TEXT, reading TEXT, title TEXT NOT NULL, urls TEXT NOT NULL, state TEXT NOT NULL,
    arxiv_id TEXT, found TEXT NOT NULL, attempts TEXT NOT NULL, problem TEXT NOT NULL,
    remedy TEXT NOT NULL, at TEXT NOT NULL, suggested TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (source, reading));
CREATE TABLE IF NOT EXISTS kept(document TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS correction(
    key INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, fields TEXT NOT NULL,
    at TEXT NOT NULL);
"""
_IDENTITY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("rename", "remove", "edit", "confirm", "merge"), ()),
    "link": ("instead",),
    "keep": ("url",),
    "reject": ("url",),
    "split": ("title",),
}
"""By kind: a later correction replaces an earlier one with the same target and values of these
fields. Of a kind that is not listed, all are kept."""


# --- reading ---------------------------------------------------------------------------------


_TABLES = tuple(re.findall(r"TABLE IF NOT EXISTS (\w+)", SCHEMA))


def read(db: Connection) -> Catalogue:
    """Read the whole catalogue. Raises ValueError, LookupError, TypeError, AttributeError where a
    value is damaged."""
    for table in _TABLES:
        if db.has_odd_values(table):
            raise ValueError(f"a {table} holds a value of another type")
    sources = db.execute("SELECT id, form, title FROM source ORDER BY at, id").fetchall()
    sessions = read_sessions(db)
    return Catalogue(
        title=next((title for _, _, title in sources if title), None),
        sources=tuple((id_, form) for id_, form, _ in sources),
        sessions=sessions,
        records=_records(db, sessions),
        lookups=_lookups(db),
        corrections=corrections(db),
        events=read_events(db),
    )


def kept_files(db: Connection) -> dict[str, str]:
    """The digests of the kept files, by document id."""
    return dict(db.execute("SELECT document, digest FROM kept"))


def corrections(db: Connection) -> tuple[Correction, ...]:
    """All corrections, in the order in which they were made. Raises as `read`."""
    rows = db.execute("SELECT key, kind, target, fields, at FROM correction ORDER BY key")
    found = tuple(
        Correction(kind, target, **json.loads(fields), key=key, at=at)
        for key, kind, target, fields, at in rows
    )
    if any(one.kind not in get_args(CorrectionKind) for one in found):
        raise ValueError("there is a decision of an unknown kind")
    return found


def read_sessions(db: Connection, source: str = "") -> tuple[ListedSession, ...]:
    """The sessions of all sources, or of one, by number, with their readings in page order."""
    mine = " WHERE ? IN ('', source)"
    readings: dict[tuple[str, str], ListedReading] = {}
    for row in _rows(db, "SELECT * FROM reading"):
        lists = {name: tuple(json.loads(row[name])) for name in ("urls", "listed")}
        place = row.pop("source")
        readings[place, row["id"]] = ListedReading(**row | lists)
    by_session: dict[int, dict[str, ListedReading]] = {}
    for place, number, reading, section in db.execute(
        f"SELECT source, session, reading, section FROM listing{mine} ORDER BY session, position",
        (source,),
    ):
        entry = replace(readings[place, reading], section=section)
        by_session.setdefault(number, {}).setdefault(reading, entry)
    sessions: dict[int, ListedSession] = {}
    for number, title, tags, url, date, part in db.execute(
        # A source that only adds readings to the session of another leaves its title out.
        f"SELECT number, title, tags, url, date, part FROM session{mine}"
        " ORDER BY number, title = '', source",
        (source,),
    ):
        listed = tuple(by_session.get(number, {}).values())
        session = ListedSession(number, title, tuple(json.loads(tags)), url, listed, date, part)
        sessions.setdefault(number, session)
    return tuple(sessions.values())


def read_events(db: Connection, source: str = "") -> tuple[CourseEvent, ...]:
    """What the pages of all sources, or of one, name beside readings, in their order."""
    rows = db.execute(
        "SELECT title, kind, date, session, alone FROM event WHERE ? IN ('', source)"
        " ORDER BY source, position",
        (source,),
    )
    return tuple(
        CourseEvent(title, kind, date, session, bool(alone))
        for title, kind, date, session, alone in rows
    )


def _records(db: Connection, sessions: Sequence[ListedSession]) -> dict[str, Record]:
    """The manifest by document id, each document with the sessions that list its reading."""
    listings: dict[str, list[tuple[int, Section]]] = {}
    for session in sessions:
        for reading in session.readings:
            listings.setdefault(reading.id, []).append((session.number, reading.section))
    counts = dict(db.execute("SELECT document, count(*) FROM passage GROUP BY document"))
    files = kept_files(db)
    out: dict[str, Record] = {}
    for row in _rows(db, "SELECT * FROM document ORDER BY rowid"):
        id_, listed = row["id"], listings.get(row["reading"], [])
        own = json.loads(row["sessions"])
        section: Section | None = None
        if listed:
            section = "required" if any(one == "required" for _, one in listed) else "more"
        document = Document(
            sessions=tuple(dict.fromkeys([*own, *(number for number, _ in listed)])),
            section=section,
            **{name: row[name] for name in _DOCUMENT},
        )
        out[id_] = Record(
            document,
            passages=counts.get(id_, 0),
            file=files.get(id_, ""),
            **{name: row[name] for name in _RECORD},
        )
    return out


_DOCUMENT = ("id", "kind", "reading", "title", "authors", "url", "path", "unit")
_RECORD = ("source", "hash", "outcome", "detail", "pages", "at", "made")
"""Columns of the manifest that are fields of `Document` and of `Record`."""
_LOOKUP = tuple(one.name for one in fields(Lookup))


def _lookups(db: Connection) -> tuple[Lookup, ...]:
    return tuple(
        Lookup(
            **row
            | {
                "urls": tuple(json.loads(row["urls"])),
                "found": tuple(LookupFile(**file) for file in json.loads(row["found"])),
                "attempts": tuple(map(tuple, json.loads(row["attempts"]))),
                "suggested": tuple(Suggested(**one) for one in json.loads(row["suggested"])),
            }
        )
        for row in _rows(db, f"SELECT {', '.join(_LOOKUP)} FROM lookup ORDER BY rowid")
    )


def _rows(db: Connection, query: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, by column name."""
    cursor = db.execute(query)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


# --- writing ---------------------------------------------------------------------------------


def put_source(
    db: Connection,
    source: str,
    form: str,
    title: str | None,
    sessions: Sequence[ListedSession],
    events: Sequence[CourseEvent] | None = None,
) -> None:
    """Store what a source lists, in place of what it listed before.

    Args:
        events: what its page names beside readings; None leaves that as it is.
    """
    if events is not None:
        db.execute("DELETE FROM event WHERE source = ?", (source,))
        for position, event in enumerate(events):
            values = asdict(event) | {"alone": int(event.alone)}
            _insert(db, "event", {"source": source, "position": position, **values})
    for table in ("session", "reading", "listing"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))
    db.execute(
        "INSERT INTO source VALUES (?, ?, ?, ?) ON CONFLICT(id)"
        " DO UPDATE SET form = excluded.form, title = excluded.title",
        (source, form, title, _now()),
    )
    for one in sessions:
        db.execute(
            "INSERT INTO session(source, number, title, tags, url, date, part)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (source, one.number, one.title, json.dumps(one.tags), one.url, one.date, one.part),
        )
        for position, reading in enumerate(one.readings):
            values = asdict(reading) | {"source": source}
            values |= {name: json.dumps(values[name]) for name in ("urls", "listed")}
            section = values.pop("section")
            _insert(db, "reading", values, "ON CONFLICT DO NOTHING")
            db.execute(
                "INSERT INTO listing VALUES (?, ?, ?, ?, ?)",
                (source, one.number, position, reading.id, section),
            )


def drop_source(db: Connection, source: str) -> None:
    """Forget a source and what it lists."""
    db.execute("DELETE FROM source WHERE id = ?", (source,))
    for table in ("session", "reading", "listing", "lookup", "event"):
        db.execute(f"DELETE FROM {table} WHERE source = ?", (source,))


def unlist(db: Connection, reading: str, source: str = "") -> None:
    """Take a reading off the lists of all sources, or of one, with what was looked up for it."""
    where, given = " WHERE %s = ? AND ? IN ('', source)", (reading, source)
    rows = db.execute("SELECT source, id, listed FROM reading" + where % "id", given).fetchall()
    for of, id_, listed in rows:
        drop_lookups(db, of, {id_, *json.loads(listed)})
    db.execute("DELETE FROM listing" + where % "reading", given)
    db.execute("DELETE FROM reading" + where % "id", given)


def put_record(db: Connection, record: Record) -> None:
    """Store or overwrite the manifest row of one document."""
    document = record.document
    values = {name: getattr(document, name) for name in _DOCUMENT}
    values |= {name: getattr(record, name) for name in _RECORD}
    own = document.sessions if document.kind == "notes" else ()
    db.execute("DELETE FROM document WHERE id = ?", (document.id,))
    _insert(db, "document", values | {"sessions": json.dumps(own), "at": _now()})


def put_file(db: Connection, document: str, digest: str) -> None:
    """Note which kept file a document's passages were read from; an empty digest: none."""
    db.execute("DELETE FROM kept WHERE document = ?", (document,))
    if digest:
        db.execute("INSERT INTO kept VALUES (?, ?)", (document, digest))


def put_lookup(db: Connection, lookup: Lookup) -> None:
    """Store or overwrite what was found for one reading."""
    values = asdict(lookup) | {"at": _now()}
    for name in ("urls", "found", "attempts", "suggested"):
        values[name] = json.dumps(values[name])
    drop_lookups(db, lookup.source, [lookup.reading])
    _insert(db, "lookup", values)


def drop_lookups(db: Connection, source: str, readings: Iterable[str]) -> None:
    """Forget what was found for readings."""
    db.executemany(
        "DELETE FROM lookup WHERE source = ? AND reading = ?", [(source, id_) for id_ in readings]
    )


def put_correction(db: Connection, one: Correction, at: str = "") -> None:
    """Store a correction, made now or `at` a time, in place of an earlier one about the same
    thing."""
    identity = _IDENTITY.get(one.kind)
    if identity is not None:
        same = [
            other.key
            for other in corrections(db)
            if all(
                getattr(other, name) == getattr(one, name) for name in ("kind", "target", *identity)
            )
        ]
        drop_corrections(db, same)
    fields = {
        name: value
        for name, value in asdict(one).items()
        if value not in ("", None) and name not in ("kind", "target", "key", "at")
    }
    db.execute(
        "INSERT INTO correction(kind, target, fields, at) VALUES (?, ?, ?, ?)",
        (one.kind, one.target, json.dumps(fields, ensure_ascii=False), at or _now()),
    )


def drop_corrections(db: Connection, keys: Iterable[int]) -> None:
    """Forget corrections."""
    db.executemany("DELETE FROM correction WHERE key = ?", [(key,) for key in keys])


def _insert(db: Connection, table: str, values: dict[str, Any], conflict: str = "") -> None:
    marks = ", ".join("?" * len(values))
    db.execute(
        f"INSERT INTO {table}({', '.join(values)}) VALUES ({marks}) {conflict}", (*values.values(),)
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
