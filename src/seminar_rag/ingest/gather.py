"""The readings of a source → what the network has of them, noted in the store as it comes.

A search that fails takes nothing away: what was found for the same links before stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.index.catalogue import Sought, SoughtFile
from seminar_rag.ingest.resolve import Resolution, Resolver
from seminar_rag.ingest.titles import Wanted

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

_RANK = {"paper": 2, "page": 1, "nothing": 0}


def remembered(store: Store, source: str) -> dict[str, Sought]:
    """What was found for a source's readings before, by reading id."""
    return {one.reading: one for one in store.catalogue().sought if one.source == source}


def gather(
    store: Store,
    source: str,
    wanted: Sequence[Wanted],
    resolver: Resolver,
    done: Callable[[int, Sought], None],
) -> dict[str, Sought]:
    """Look for every reading, and note what was found.

    Args:
        done: called after each reading with the number of readings done.

    Returns:
        What is known now, by reading id.
    """
    before = remembered(store, source)
    by_id = {one.id: one for one in wanted}
    out: dict[str, Sought] = {}
    for resolution in resolver.resolve_all(wanted):
        one = by_id[resolution.reading]
        known = _without(before.get(resolution.reading), one.rejected)
        fresh = _kept(_sought(source, one, resolution, store.folder), known)
        store.put_sought(fresh)
        out[resolution.reading] = fresh
        done(len(out), fresh)
    return {one.id: out[one.id] for one in wanted}


def _sought(source: str, wanted: Wanted, resolution: Resolution, data: Path) -> Sought:
    return Sought(
        source=source,
        reading=wanted.id,
        title=wanted.title or wanted.id,
        urls=wanted.urls,
        state=resolution.state,
        arxiv_id=resolution.arxiv_id,
        found=tuple(
            SoughtFile(
                one.url,
                one.file.relative_to(data).as_posix(),
                one.hash,
                one.paper,
                one.title,
                one.authors,
            )
            for one in resolution.found
        ),
        attempts=tuple((one.url, one.event, one.says) for one in resolution.attempts),
        says=resolution.says,
        mend=resolution.mend,
        suggested=resolution.suggested,
    )


def _without(known: Sought | None, rejected: Sequence[str]) -> Sought | None:
    """What was found before, but for what the instructor rejected since."""
    if known is None or not any(one.url in rejected for one in known.found):
        return known
    found = tuple(one for one in known.found if one.url not in rejected)
    state = "paper" if any(one.paper for one in found) else "page" if found else "nothing"
    return replace(known, found=found, state=state, arxiv_id=None)


def _kept(fresh: Sought, known: Sought | None) -> Sought:
    """With what was found before, where the links are the same and less was found now."""
    if known is None or known.urls != fresh.urls or not known.found:
        return fresh
    had = {one.url for one in fresh.found}
    lost = [one for one in known.found if one.url not in had and _failed(fresh, one.url)]
    if _RANK[known.state] > _RANK[fresh.state]:
        # Fewer links than before, or arXiv could not be searched: the paper of last time stays.
        lost = [one for one in known.found if one.url not in had]
    if not lost:
        return fresh
    papers = [one for one in lost if one.paper]
    return replace(
        fresh,
        state=max(known.state, fresh.state, key=_RANK.__getitem__),
        arxiv_id=known.arxiv_id if papers else fresh.arxiv_id,
        found=(*papers, *fresh.found, *(one for one in lost if not one.paper)),
        says=f"{fresh.says}; what was fetched before is kept" if fresh.says else "",
    )


def _failed(fresh: Sought, url: str) -> bool:
    return any(address == url and event == "failed" for address, event, _ in fresh.attempts)
