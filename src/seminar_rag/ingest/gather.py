"""The readings of a source → what the network has of them, noted in the store as it comes.

A search that fails takes nothing away: what was found for the same links before stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.types.catalogue import Lookup, LookupFile
from seminar_rag.web.resolve import Resolution, Resolver
from seminar_rag.web.titles import Wanted

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

_RANK = {"paper": 2, "page": 1, "nothing": 0}


def remembered(store: Store, source: str) -> dict[str, Lookup]:
    """What was found for a source's readings before, by reading id."""
    return {one.reading: one for one in store.catalogue().lookups if one.source == source}


@dataclass(frozen=True, slots=True)
class Looked:
    """An event of a search: a reading is begun, or done, or all are."""

    wanted: Wanted | None
    """None with the last event."""
    resolution: Resolution | None = None
    """None where the reading is only begun."""
    error: Exception | None = None
    """Why the search ended before it was done."""


class Search:
    """Looks for readings in threads of its own, and tells what it finds.

    Args:
        tell: called from those threads, at last with an event without a reading.
    """

    def __init__(
        self, resolver: Resolver, wanted: Sequence[Wanted], tell: Callable[[Looked], None]
    ) -> None:
        self._resolver = resolver
        self._wanted = {one.id: one for one in wanted}
        self._tell = tell
        self._halt = threading.Event()
        threading.Thread(target=self._run, name="search", daemon=True).start()

    def close(self) -> None:
        """Begin no other reading."""
        self._halt.set()

    def _run(self) -> None:
        wanted = tuple(self._wanted.values())
        error: Exception | None = None
        try:
            for one in self._resolver.resolve_all(wanted, self._begun, self._halt):
                self._tell(Looked(self._wanted[one.reading], one))
        except Exception as caught:  # noqa: BLE001 - raised again by whoever reads the events
            error = caught
        self._tell(Looked(None, error=error))

    def _begun(self, one: Wanted) -> None:
        self._tell(Looked(one))


def noted(
    store: Store, source: str, one: Wanted, resolution: Resolution, known: Lookup | None
) -> Lookup:
    """Note what was found for a reading; what is known of it now.

    Args:
        known: what was known before.
    """
    before = _without(known, one.rejected)
    fresh = _kept(_lookup(source, one, resolution, store.folder), before)
    if known is None or fresh != replace(known, at=""):
        store.put_lookup(fresh)
    return fresh


def _lookup(source: str, wanted: Wanted, resolution: Resolution, data: Path) -> Lookup:
    return Lookup(
        source=source,
        reading=wanted.id,
        title=wanted.title or wanted.id,
        urls=wanted.urls,
        state=resolution.state,
        arxiv_id=resolution.arxiv_id,
        found=tuple(
            LookupFile(
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
        problem=resolution.problem,
        remedy=resolution.remedy,
        suggested=resolution.suggested,
    )


def _without(known: Lookup | None, rejected: Sequence[str]) -> Lookup | None:
    """What was found before, but for what the instructor rejected since."""
    if known is None or not any(one.url in rejected for one in known.found):
        return known
    found = tuple(one for one in known.found if one.url not in rejected)
    state = "paper" if any(one.paper for one in found) else "page" if found else "nothing"
    return replace(known, found=found, state=state, arxiv_id=None)


def _kept(fresh: Lookup, known: Lookup | None) -> Lookup:
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
        problem=f"{fresh.problem}; what was fetched before is kept" if fresh.problem else "",
    )


def _failed(fresh: Lookup, url: str) -> bool:
    return any(address == url and event == "failed" for address, event, _ in fresh.attempts)
