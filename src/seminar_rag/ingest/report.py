"""Progress while an ingest runs, an outcome per document, and what needs attention."""

from __future__ import annotations

from collections.abc import Iterator

from seminar_rag.types.catalogue import Catalogue, Lookup, Record
from seminar_rag.types.ingest import Need


def needs(catalogue: Catalogue, source: str | None = None) -> tuple[Need, ...]:
    """What the instructor should look at, in page order; of one source, or of all."""
    records: dict[str, list[Record]] = {}
    for record in catalogue.records.values():
        records.setdefault(record.document.reading, []).append(record)
    out = [
        *_unhad(catalogue, records, source),
        *_unread(catalogue, source),
    ]
    return tuple(sorted(out, key=lambda need: (need.sessions or (9999,))[:1]))


def _unhad(
    catalogue: Catalogue, records: dict[str, list[Record]], source: str | None
) -> Iterator[Need]:
    """Readings whose links failed, lead elsewhere, or do not exist."""
    listed: dict[str, tuple[str, list[int]]] = {}
    for session in catalogue.sessions:
        for reading in session.readings:
            listed.setdefault(reading.id, (reading.title, []))[1].append(session.number)
    for one in catalogue.lookups:
        if not one.problem or (source is not None and one.source != source):
            continue
        id_ = next((i for i in (one.arxiv_id, one.reading) if i in listed), None)
        id_ = id_ or _by_file(one, catalogue) or one.reading
        mine = records.get(id_, [])
        if any(_by_hand(record) for record in mine):
            continue
        yield Need(
            id_,
            one.title,
            tuple(listed.get(id_, ("", []))[1]),
            _had(one, mine),
            one.problem,
            one.remedy,
        )


def _by_hand(record: Record) -> bool:
    """Whether a text of the reading was ingested from a file."""
    fetched = record.document.path.startswith("web/")
    return record.document.kind == "paper" and bool(record.passages) and not fetched


def _by_file(one: Lookup, catalogue: Catalogue) -> str | None:
    """The reading that a fetched file went to, where two entries are the same document."""
    files = {found.file for found in one.found}
    for record in catalogue.records.values():
        if record.document.path in files:
            return record.document.reading
    return None


def _had(one: Lookup, records: list[Record]) -> str:
    if one.state != "nothing":
        return one.state
    return "abstract" if any(r.document.kind == "abstract" for r in records) else "nothing"


def _unread(catalogue: Catalogue, source: str | None) -> Iterator[Need]:
    """Documents that are there but gave no text."""
    for record in catalogue.records.values():
        if record.outcome == "indexed" or (source is not None and record.source != source):
            continue
        problem, _, remedy = record.detail.partition(" — ")
        document = record.document
        state = "earlier version" if record.passages else "nothing"
        title = document.title or document.path
        yield Need(document.reading, title, document.sessions, state, problem, remedy, True)
