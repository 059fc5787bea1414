"""What the instructor should look at: readings that need attention, links to decide on. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from seminar_rag.types.catalogue import Catalogue, Correction, Lookup, Record, Suggested
from seminar_rag.types.ingest import Need, Suggestion

_LAST = (9999,)
"""Where readings that no session lists are sorted."""


def needs(catalogue: Catalogue, source: str | None = None) -> tuple[Need, ...]:
    """The readings of one source, or of all, that need attention, in page order."""
    out = [*_incomplete(catalogue, source), *_unreadable(catalogue, source)]
    return tuple(sorted(out, key=lambda need: (need.sessions or _LAST)[:1]))


def _incomplete(catalogue: Catalogue, source: str | None) -> Iterator[Need]:
    """Readings whose links failed, lead elsewhere, or do not exist."""
    records = catalogue.by_reading
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


def _unreadable(catalogue: Catalogue, source: str | None) -> Iterator[Need]:
    """Documents that are there but gave no text."""
    for record in catalogue.records.values():
        if record.outcome == "indexed" or (source is not None and record.source != source):
            continue
        problem, _, remedy = record.detail.partition(" — ")
        document = record.document
        state = "earlier version" if record.passages else "nothing"
        title = document.title or document.path
        yield Need(document.reading, title, document.sessions, state, problem, remedy, True)


# --- links to decide on -------------------------------------------------------------------------


def suggestions(catalogue: Catalogue) -> tuple[Suggestion, ...]:
    """The links that the instructor has not decided on yet, in page order."""
    found = to_decide(catalogue).values()
    return tuple(sorted(found, key=lambda one: (one.sessions or _LAST)[:1]))


def to_decide(catalogue: Catalogue) -> dict[tuple[str, str], Suggestion]:
    """The same by the reading's id as listed and the suggestion's id."""
    places = listed_places(catalogue)
    return {
        (one.reading, suggestion.id): suggestion
        for one in catalogue.lookups
        for suggested in one.suggested
        if not _decided(one, suggested, catalogue.corrections)
        for suggestion in [_suggestion(one, suggested, places)]
    }


def listed_places(catalogue: Catalogue) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Id as listed → the reading's id in the course and its sessions."""
    out: dict[str, tuple[str, tuple[int, ...]]] = {}
    for session in catalogue.sessions:
        for reading in session.readings:
            for id_ in reading.ids:
                _, before = out.get(id_, ("", ()))
                out[id_] = (reading.id, (*before, session.number))
    return out


def _suggestion(
    one: Lookup, suggested: Suggested, places: dict[str, tuple[str, tuple[int, ...]]]
) -> Suggestion:
    named = f"{one.reading}\n{suggested.kind}\n{suggested.url}"
    id_ = hashlib.blake2b(named.encode(), digest_size=5).hexdigest()
    reading, sessions = places.get(one.reading, (one.reading, ()))
    return Suggestion(
        id_,
        suggested.kind,
        reading,
        one.title,
        sessions,
        suggested.url,
        suggested.title,
        suggested.instead,
        suggested.taken,
    )


def _decided(one: Lookup, suggested: Suggested, corrections: Sequence[Correction]) -> bool:
    """Whether this is settled: itself, or because its link was replaced by another."""
    mine = [each for each in corrections if each.target == one.reading]
    return any(
        (each.url == suggested.url and each.kind in ("link", "keep", "reject"))
        or (each.kind == "link" and suggested.kind == "keep" and each.instead == suggested.url)
        or (each.kind == "keep" and each.url == suggested.instead)
        for each in mine
    )
