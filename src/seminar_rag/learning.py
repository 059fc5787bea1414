"""Readings beside each other, and what students learn by: a part of the façade `Course`."""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from seminar_rag.compare.table import rows
from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.index.chosen import Chosen
from seminar_rag.pages.view import key_sentences
from seminar_rag.types import Scope
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

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly

REMEMBERED = 4_000
"""Cells that are kept in memory."""


class Learning(ABC):
    """Tables over readings. All raise StoreError where the index cannot be read."""

    parts: Assembly

    def __init__(self) -> None:
        self._cells: tuple[Catalogue | None, dict[tuple[str, str], Cell]] = (None, {})

    @cached_property
    def chosen(self) -> Chosen:
        """What the instructor has chosen to show students."""
        return Chosen(self.parts.config.data)

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
