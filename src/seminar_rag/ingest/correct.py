"""A reading list as its page has it → the list as the instructor corrected it, and back.

Knows nothing of fetching. `curate` stores the decisions that are applied here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seminar_rag.ingest.local import SourceContent
from seminar_rag.ingest.sources import PageEntry, slug
from seminar_rag.syllabus.kinds import kind_told
from seminar_rag.types import Reading, Session, Syllabus
from seminar_rag.types.catalogue import Catalogue, Correction, ListedReading, ListedSession
from seminar_rag.types.ingest import ADDED
from seminar_rag.web.identify import Wanted
from seminar_rag.web.places import arxiv_id

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

Decided = Mapping[str, Sequence[Correction]]
"""Corrections by the id of the reading that they are about."""


def corrected(
    listed: Sequence[PageEntry], corrections: Sequence[Correction], sessions: Iterable[Session] = ()
) -> list[PageEntry]:
    """The entries of a page, with all its sessions, as the instructor corrected them; ids stay."""
    decided: dict[str, list[Correction]] = {}
    for one in corrections:
        decided.setdefault(one.target, []).append(one)
    places = {one.number: one for one in (*sessions, *(each.session for each in listed))}
    out = [new for one in listed for new in _with_parts(one, decided, places)]
    return _merged(out, decided)


def revised(
    sessions: Sequence[ListedSession], corrections: Sequence[Correction]
) -> list[ListedSession]:
    """Stored sessions with corrections that were made since, by the ids that readings have now."""
    stubs = {one.number: Session(one.number, one.title) for one in sessions}
    listed = [
        PageEntry(
            stubs[session.number],
            Reading(one.title, one.section, one.urls, one.arxiv_id, one.authors, kind=one.kind),
            one,
        )
        for session in sessions
        for one in session.readings
    ]
    entries: dict[int, list[ListedReading]] = {}
    for one in corrected(listed, corrections, stubs.values()):
        entries.setdefault(one.session.number, []).append(one.entry)
    return [replace(one, readings=tuple(entries.get(one.number, ()))) for one in sessions]


def removed(corrections: Sequence[Correction]) -> set[str]:
    """Ids of readings and documents that stay out."""
    return {one.target for one in corrections if one.kind == "remove"}


def with_decisions(wanted: Iterable[Wanted], corrections: Sequence[Correction]) -> list[Wanted]:
    """Readings to look up, with the addresses that the instructor accepted or rejected."""
    out = []
    for one in wanted:
        mine = [each for each in corrections if each.target == one.id]
        accepted = tuple(each.url for each in mine if each.kind in ("link", "keep", "add"))
        rejected = tuple(each.url for each in mine if each.kind == "reject")
        named = any(each.kind in ("rename", "add") for each in mine)
        out.append(replace(one, trusted=accepted, rejected=rejected, named=named))
    return out


def added_readings(catalogue: Catalogue, data: Path) -> tuple[SourceContent, list[PageEntry]]:
    """The readings that the instructor added, as a source of their own with its entries."""
    root = data / "added"
    entries: dict[int, list[tuple[str, Reading]]] = {}
    for one in catalogue.corrections:
        if one.kind == "add":
            urls = (one.url,) if one.url else ()
            files = (one.file.rpartition("/")[2],) if one.file else ()
            kind = kind_told(one.title, urls)
            reading = Reading(
                *(one.title or None, "required", urls, arxiv_id(one.url)), files=files, kind=kind
            )
            entries.setdefault(one.session or 0, []).append((one.target, reading))
    listed: list[PageEntry] = []
    sessions = []
    for number, pairs in sorted(entries.items()):
        session = Session(number, "", readings=tuple(reading for _, reading in pairs))
        sessions.append(session)
        for id_, reading in pairs:
            entry = ListedReading(
                *(id_, reading.label, None, reading.arxiv_id, reading.urls), kind=kind
            )
            listed.append(PageEntry(session, reading, entry))
    syllabus = Syllabus(None, tuple(sessions)) if sessions else None
    return SourceContent(ADDED, syllabus, (), root), listed


def _with_parts(
    one: PageEntry, decided: Decided, places: Mapping[int, Session]
) -> Iterator[PageEntry]:
    """An entry as corrected, and the readings that were split off from it; nothing if removed."""
    mine = decided.get(one.entry.id, ())
    if any(each.kind == "remove" for each in mine):
        return
    new = _corrected(one, mine, places) if mine else one
    yield new
    for each in mine:
        if each.kind == "split":
            urls = (each.url,) if each.url else ()
            arxiv = arxiv_id(each.url)
            kind = kind_told(each.title, urls)
            reading = Reading(each.title, new.reading.section, urls, arxiv, kind=kind)
            id_ = slug(each.title)
            entry = ListedReading(
                *(id_, each.title, None, arxiv, urls, reading.section, (id_,)), kind=kind
            )
            yield from _with_parts(PageEntry(new.session, reading, entry), decided, places)


def _merged(listed: list[PageEntry], decided: Decided) -> list[PageEntry]:
    """Entries that are parts of another give it their links and are gone."""
    into = {
        target: one.instead
        for target, mine in decided.items()
        for one in mine
        if one.kind == "merge"
    }
    present = {one.entry.id for one in listed}
    parts: dict[str, dict[str, None]] = {}
    for one in listed:
        whole = into.get(one.entry.id)
        if whole in present and whole is not None:
            parts.setdefault(whole, {}).update(dict.fromkeys(one.reading.urls))
    return [
        _with(one, urls=tuple(dict.fromkeys((*one.reading.urls, *parts[one.entry.id]))))
        if one.entry.id in parts
        else one
        for one in listed
        if into.get(one.entry.id) not in present
    ]


def _corrected(
    one: PageEntry, corrections: Sequence[Correction], places: Mapping[int, Session]
) -> PageEntry:
    new, urls = one, list(one.reading.urls)
    for each in corrections:
        if each.kind == "rename":
            new = _with(new, title=each.title)
        elif each.kind == "edit":
            new = _with(new, authors=each.authors or new.reading.authors)
            new = _with(new, section=each.section or new.reading.section)
            new = _with(new, kind=each.work or new.reading.kind)
            if each.session is not None and each.session in places:
                new = replace(new, session=places[each.session])
        elif each.kind == "reject" or (each.kind == "split" and each.url):
            urls = [url for url in urls if url != each.url]
        elif each.kind == "link" and each.url not in urls:
            at = urls.index(each.instead) if each.instead in urls else 0
            urls[at : at + (each.instead in urls)] = [each.url]
        elif each.kind == "link":
            urls = [url for url in urls if url != each.instead]
    if tuple(urls) != one.reading.urls:
        new = _with(new, urls=tuple(urls))
    sure = replace(new.reading, confidence=1.0, doubts=())
    return replace(new, reading=sure, entry=replace(new.entry, doubt=""))


def _with(one: PageEntry, urls: tuple[str, ...] | None = None, **values: Any) -> PageEntry:
    """An entry with other values of fields that a reading has on its page and in the catalogue."""
    if urls is not None:
        arxiv = next((id_ for url in urls if (id_ := arxiv_id(url))), None)
        values |= {"urls": urls, "arxiv_id": arxiv}
    return replace(one, reading=replace(one.reading, **values), entry=replace(one.entry, **values))


# --- taken back ----------------------------------------------------------------------------------

_OF_THE_LIST = ("rename", "edit", "confirm")
"""Decisions that change the list alone; of the others, documents follow."""


def take_back(store: Store, before: Catalogue) -> tuple[str, ...]:
    """Make the decisions what they were in an earlier catalogue; returns the ids of readings that
    are to be ingested."""
    now = store.catalogue()
    old, made = ({one.key for one in each.corrections} for each in (before, now))
    new = [one for one in now.corrections if one.key not in old]
    lost = [one for one in before.corrections if one.key not in made]
    store.drop_corrections(one.key for one in new)
    store.add_corrections(*lost)
    of_list = {one.target for one in (*new, *lost) if one.kind in _OF_THE_LIST}
    if of_list:
        store.revise(lambda sessions: _as_before(sessions, before.sessions, of_list))
    for id_, record in before.records.items():  # those of a part, which went to the whole
        there = now.records.get(id_)
        if there is not None and there.document.reading != record.document.reading:
            store.assign(id_, record.document.reading)
    for one in new:
        if one.kind == "add":
            _take_out(store, one)
    for one in lost:
        if one.kind == "remove":
            store.unlist(one.target)
            records = store.catalogue().records.values()
            store.remove(
                each.document.id
                for each in records
                if one.target in (each.document.id, each.document.reading)
            )
    follow = [one.target for one in new if one.kind not in (*_OF_THE_LIST, "add")]
    return tuple(dict.fromkeys(follow))


def _take_out(store: Store, added: Correction) -> None:
    """Take out what an addition that is forgotten brought in."""
    catalogue = store.catalogue()
    file = added.file.rpartition("/")[2]
    store.remove(
        id_
        for id_, record in catalogue.records.items()
        if record.source == ADDED
        and (record.document.path == file if file else record.document.reading == added.target)
    )
    others = (one for one in catalogue.corrections if one.kind == "add")
    if all(one.target != added.target for one in others):
        store.unlist(added.target, ADDED)


def _as_before(
    sessions: Sequence[ListedSession], before: Sequence[ListedSession], ids: set[str]
) -> list[ListedSession]:
    """The lists of a source, in which these readings, by their ids as listed, are as they were."""

    def meant(one: ListedReading) -> bool:
        return bool({one.id, *one.listed} & ids)

    moved = {one.id for each in sessions for one in each.readings if meant(one)}
    was = {each.number: each.readings for each in before}
    out = []
    for each in sessions:
        others = {one.id: one for one in each.readings if one.id not in moved}
        order = [others.pop(one.id, one) for one in was.get(each.number, ())
                 if one.id in moved or one.id in others]  # fmt: skip
        out.append(replace(each, readings=(*order, *others.values())))
    return out
