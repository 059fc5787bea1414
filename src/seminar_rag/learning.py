"""Readings beside each other, and what students learn by: a part of the façade `Course`."""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from seminar_rag.compare.table import rows
from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.index.chosen import Chosen
from seminar_rag.pages.view import key_sentences
from seminar_rag.study.items import Source, defined, fault, item_of, make, sources
from seminar_rag.types import Citation, Scope
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.compare import (
    CLAIMED,
    LONGEST_COLUMN,
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    KeptTable,
    Row,
    Table,
)
from seminar_rag.types.study import Guide, Item, Proposed

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly

KEY, GUIDED = 6, 3
"""Key sentences of a reading for items, and in a guide."""
TERMS = 40
"""Terms of a guide."""
COMPARED = 30
"""Readings of other sessions that wrong options are taken of."""
REMEMBERED = 4_000
"""Cells that are kept in memory."""


class Learning(ABC):
    """Tables over readings. All raise StoreError where the index cannot be read."""

    parts: Assembly

    def __init__(self) -> None:
        self._items: dict[int, tuple[Catalogue, tuple[Item, ...]]] = {}
        self._faults: tuple[Catalogue | None, dict[Item, str]] = (None, {})
        self._guides: dict[int, tuple[Catalogue, Guide]] = {}
        self._cells: tuple[Catalogue | None, dict[tuple[str, str], Cell]] = (None, {})

    @cached_property
    def chosen(self) -> Chosen:
        """What the instructor has chosen to show students."""
        return Chosen(self.parts.config.data)

    # --- studying ------------------------------------------------------------------------------

    def propose(
        self,
        session: int,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> tuple[Proposed, ...]:
        """Make items of a session's readings, with what the instructor decided of each.

        Args:
            stop: asked between two readings; once it says so, nothing is made.
            progress: told how many readings of how many are read.

        Raises:
            NotFoundError: there is no such session, or it has no text.
        """
        catalogue = self.parts.store.catalogue()
        own = [one for one in catalogue.documents.values() if session in one.sessions
               and one.kind != "notes"]  # fmt: skip
        if not own:
            raise NotFoundError(
                f"no reading of session {session} has text — choose another session"
            )
        others = [one for one in catalogue.documents.values()
                  if one not in own and one.kind != "notes"]  # fmt: skip
        others.sort(key=lambda one: min((abs(n - session) for n in one.sessions), default=99))
        read = [*own, *others[:COMPARED]]
        found: list[Source] = []
        central: dict[str, tuple[Citation, ...]] = {}
        for done, one in enumerate(read):
            if stop():
                return ()
            progress(done, len(read))
            found += sources(one, self.parts.store.passages_of(one.id))
            if one in own:
                central[one.id] = self._central(one.reading, KEY)
        self._items[session] = (catalogue, make(session, found, central))
        return self.proposed(session)

    def proposed(self, session: int) -> tuple[Proposed, ...]:
        """The items that `propose` has made, and those that were decided on before."""
        known = self.chosen.of("item")
        made = self._items.get(session)
        items = {one.id: one for one in made[1]} if made else {}
        out = {id_: Proposed(one, "new") for id_, one in items.items() if id_ not in known}
        for id_, value in known.items():
            item = item_of(value["item"])
            if item is not None and item.session == session:
                out[id_] = Proposed(item, value["state"], self._fault(item))
        return tuple(out.values())

    def study(self, session: int) -> tuple[Item, ...]:
        """The items that students see: approved ones whose sentence still holds."""
        found = self.proposed(session)
        return tuple(one.item for one in found if one.state == "approved" and not one.fault)

    def decide(self, ids: Sequence[str], session: int, state: str) -> None:
        """Approve or drop items, or forget what was decided.

        Args:
            state: "approved", "dropped" or "new".

        Raises:
            NotFoundError: there is no such item.
            SourceError: an item that is to be approved does not hold.
        """
        known = {one.item.id: one for one in self.proposed(session)}
        for id_ in ids:
            if id_ not in known:
                raise NotFoundError("this item is gone — make the items again")
            if state == "approved" and (why := self._fault(known[id_].item)):
                raise SourceError(f"this item cannot be shown: {why}")
        for id_ in ids:
            value = {"state": state, "item": asdict(known[id_].item)}
            self.chosen.put("item", id_, None if state == "new" else value)

    def guide(self, session: int) -> Guide:
        """What each reading of a session says of itself, and the terms that they define.

        Raises:
            NotFoundError: there is no such session.
        """
        catalogue = self.parts.store.catalogue()
        here = next((one for one in catalogue.sessions if one.number == session), None)
        if here is None:
            raise NotFoundError(f"there is no session {session} — choose one of the course")
        known = self._guides.get(session)
        if known is None or known[0] is not catalogue:
            claims = [(one.title, self._central(one.id, GUIDED)) for one in here.readings]
            found = [
                said
                for one in catalogue.documents.values()
                if session in one.sessions and one.kind != "notes"
                for said in sources(one, self.parts.store.passages_of(one.id))
            ]
            named = {term.name.casefold(): term for term, _ in defined(found)}
            terms = [named[name] for name in sorted(named)]
            known = (catalogue, Guide(session, here.shown, tuple(claims), tuple(terms[:TERMS])))
            self._guides[session] = known
        return known[1]

    def study_file(
        self, session: int, kind: str, guide: Guide | None, items: Sequence[Item]
    ) -> bytes:
        """Guide and items as a file.

        Args:
            kind: "md" for Markdown, "apkg" for a deck of Anki, which has the items alone.

        Raises:
            SourceError: genanki, which makes decks, is not installed.
        """
        from seminar_rag.study.guide import to_anki, to_markdown

        title = f"Session {session}"
        if kind == "apkg":
            return to_anki(items, title)
        return to_markdown(guide, items, title).encode()

    def guides(self) -> frozenset[int]:
        """The sessions whose guide students see."""
        return frozenset(int(id_) for id_ in self.chosen.of("guide"))

    def show_guide(self, session: int, *, shown: bool) -> None:
        """Show students the guide of a session, or no longer.

        Raises:
            NotFoundError: there is no such session.
        """
        if shown:
            self.guide(session)
        self.chosen.put("guide", str(session), {"shown": True} if shown else None)

    def _central(self, reading: str, n: int) -> tuple[Citation, ...]:
        """The key sentences of a reading; none where it has no text."""
        with suppress(NotFoundError):
            return key_sentences(self.parts.store, self.parts.embedder.embed, reading, n)
        return ()

    def _fault(self, item: Item) -> str:
        """What is wrong with an item in the course as it is now; "" where it holds."""
        catalogue = self.parts.store.catalogue()
        if self._faults[0] is not catalogue:
            self._faults = (catalogue, {})
        if item not in self._faults[1]:
            passages = {item.document: self.parts.store.passages_of(item.document)}
            self._faults[1][item] = fault(item, passages)
        return self._faults[1][item]

    # --- tables --------------------------------------------------------------------------------

    def rows(self, scope: Scope = Scope()) -> tuple[Row, ...]:
        """The readings of a scope, in the order of the course."""
        return rows(self.parts.store.catalogue(), scope)

    def cell(self, reading: str, question: str) -> Cell:
        """What one reading, by its id, says on a question; remembered while the course is the same.

        Raises:
            NotFoundError: the course has no such reading.
            SourceError: the question is empty or too long.
        """
        (asked,) = columns([question])
        catalogue = self.parts.store.catalogue()
        known = self._known(catalogue)
        if (reading, asked) not in known:
            row = next(iter(rows(catalogue, Scope(readings=frozenset({reading})))), None)
            if row is None:
                raise NotFoundError("there is no such reading in the course")
            central = self._claimed if asked == CLAIMED and row.kind else self.parts.cells.cell
            known[reading, asked] = central(row, asked)
        return known[reading, asked]

    def known_table(self, questions: Sequence[str], readings: Sequence[str]) -> Table:
        """A table of these readings with the cells that are remembered; nothing is computed.

        Raises:
            SourceError: a question is empty or too long, or there are too many.
        """
        asked = columns(questions)
        catalogue = self.parts.store.catalogue()
        known = self._known(catalogue)
        by_id = {one.reading: one for one in rows(catalogue, Scope())}
        found = tuple(by_id[one] for one in readings[:MOST_ROWS] if one in by_id)
        wanted = {(row.reading, one) for row in found for one in asked}
        return Table(asked, found, {key: known[key] for key in wanted if key in known})

    def compare(
        self,
        questions: Sequence[str],
        scope: Scope = Scope(),
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Table:
        """Put questions to every reading of a scope; where `stop` says so, as far as it came.

        Args:
            progress: told how many cells of how many are known.

        Raises:
            SourceError: a question is empty or too long, or there are too many of questions or
                readings.
        """
        asked = columns(questions)
        found = self.rows(scope)
        if len(found) > MOST_ROWS:
            raise SourceError(
                f"these are {len(found)} readings, a table has at most {MOST_ROWS} — choose a"
                " session"
            )
        table = Table(asked, found)
        pairs = [(row.reading, question) for question in asked for row in found]
        for done, (reading, question) in enumerate(pairs):
            if stop():
                break
            progress(done, len(pairs))
            table.cells[reading, question] = self.cell(reading, question)
        return table

    def _claimed(self, row: Row, question: str) -> Cell:
        """What a reading claims: its most central sentence."""
        found = key_sentences(self.parts.store, self.parts.embedder.embed, row.reading, 1)
        if not found:
            return Cell(row.reading, question, "silent", why="has no sentence that stands alone")
        return Cell(row.reading, question, "says", found, 1.0)

    def _known(self, catalogue: Catalogue) -> dict[tuple[str, str], Cell]:
        if self._cells[0] is not catalogue or len(self._cells[1]) > REMEMBERED:
            self._cells = (catalogue, {})
        return self._cells[1]

    def tables(self) -> tuple[KeptTable, ...]:
        """The tables that the instructor keeps, those of the first sessions first."""
        found = (
            KeptTable(id_, int(one["session"]), tuple(map(str, one["questions"])))
            for id_, one in self.chosen.of("table").items()
        )
        return tuple(sorted(found, key=lambda one: one.session))

    def keep_table(self, session: int, questions: Sequence[str]) -> KeptTable:
        """Keep a table over the readings of a session, for students to open.

        Raises:
            NotFoundError: there is no such session.
            SourceError: see `compare`.
        """
        asked = columns(questions)
        if all(session != one.number for one in self.parts.store.catalogue().sessions):
            raise NotFoundError(f"there is no session {session} — choose one of the course")
        id_ = hashlib.sha256(repr((session, asked)).encode()).hexdigest()[:16]
        self.chosen.put("table", id_, {"session": session, "questions": list(asked)})
        return KeptTable(id_, session, asked)

    def drop_table(self, id_: str) -> None:
        """Keep a table no longer."""
        self.chosen.put("table", id_, None)


def columns(questions: Sequence[str]) -> tuple[str, ...]:
    """The questions of a table, white space folded, each once.

    Raises:
        SourceError: one is empty or too long, or there are too many.
    """
    asked = tuple(dict.fromkeys(" ".join(one.split()) for one in questions))
    if not asked or not all(asked):
        raise SourceError("a question is empty — ask something in every column")
    if max(map(len, asked)) > LONGEST_COLUMN:
        raise SourceError(f"a question is too long — at most {LONGEST_COLUMN} characters")
    if len(asked) > MOST_COLUMNS:
        raise SourceError(f"these are {len(asked)} questions, a table has at most {MOST_COLUMNS}")
    return asked
