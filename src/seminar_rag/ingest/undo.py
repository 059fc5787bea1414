"""The instructor's latest decisions, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seminar_rag.types.catalogue import Catalogue, Correction, ListedReading, ListedSession
from seminar_rag.types.ingest import ADDED

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

_OF_THE_LIST = ("rename", "edit", "confirm")
"""Decisions that change the list alone; of the others, documents follow."""


def take_back(store: Store, before: Catalogue) -> tuple[str, ...]:
    """Make the decisions what they were; returns the ids of readings that are to be ingested.

    Args:
        before: the catalogue before the decisions that are taken back.
    """
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
