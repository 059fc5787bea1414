"""Readings beside each other, and where they differ: a part of the façade `Course`."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.compare.table import MOST, differences, near_pairs, rows
from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.pages.view import key_sentences
from seminar_rag.study.items import KeySentence, sources
from seminar_rag.text import fingerprint
from seminar_rag.types import Scope
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.study import (
    CLAIMED,
    LONGEST_COLUMN,
    MOST_COLUMNS,
    MOST_ROWS,
    STATED,
    Cell,
    Difference,
    FoundDifference,
    KeptTable,
    Row,
    Stated,
    Table,
)

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly

MOST_SENTENCES, MOST_PAIRS = 400, 1_500
"""Sentences of a reading, and pairs of a session, that are compared where readings may differ."""
REMEMBERED = 4_000
"""Cells that are kept in memory."""


class Comparing(ABC):
    """Tables over readings, and their differences. All raise StoreError where the index cannot be
    read."""

    parts: Assembly

    def __init__(self) -> None:
        self._differences: dict[int, tuple[Difference, ...]] = {}
        self._cells: tuple[Catalogue | None, dict[tuple[str, str], Cell]] = (None, {})

    # --- tables --------------------------------------------------------------------------------

    def rows(self, scope: Scope = Scope()) -> tuple[Row, ...]:
        """The readings of a scope, in the order of the course."""
        return rows(self.parts.store.catalogue(), scope)

    def cell(self, reading: str, question: str) -> Cell:
        """What one reading, by its id, says on a question; remembered while the course is the same.
        Raises NotFoundError where the course has no such reading, and SourceError where the
        question is empty or too long."""
        (asked,) = columns([question])
        catalogue = self.parts.store.catalogue()
        known = self._known(catalogue)
        if (reading, asked) not in known:
            row = next(iter(rows(catalogue, Scope(readings=frozenset({reading})))), None)
            if row is None:
                raise NotFoundError("there is no such reading in the course")
            known[reading, asked] = self._cell(row, asked)
        return known[reading, asked]

    def known_table(self, questions: Sequence[str], readings: Sequence[str]) -> Table:
        """A table of these readings with the cells that are remembered; raises as `compare`."""
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
        `progress` is told how many cells of how many are known. Raises SourceError where a question
        is empty or too long, or there are too many of questions or readings."""
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

    def _cell(self, row: Row, asked: str) -> Cell:
        if asked.startswith(STATED):
            return self.parts.stances.cell(row, asked, asked.removeprefix(STATED))
        if asked == CLAIMED and row.kind:
            return self._claimed(row, asked)
        return self.parts.cells.cell(row, asked)

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
            for id_, one in self.parts.chosen.of("table").items()
        )
        return tuple(sorted(found, key=lambda one: one.session))

    def keep_table(self, session: int, questions: Sequence[str]) -> KeptTable:
        """Keep a table over the readings of a session, for students to open; raises as `compare`,
        and NotFoundError where there is no such session."""
        asked = columns(questions)
        self.parts.store.catalogue().session(session)
        id_ = fingerprint(repr((session, asked)))
        self.parts.chosen.put("table", id_, {"session": session, "questions": list(asked)})
        return KeptTable(id_, session, asked)

    def drop_table(self, id_: str) -> None:
        """Keep a table no longer."""
        self.parts.chosen.put("table", id_, None)

    # --- differences ---------------------------------------------------------------------------

    def differ(
        self,
        session: int,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> tuple[FoundDifference, ...]:
        """Look where readings of a session differ in what is nearly the same sentence.

        Args:
            stop: asked often; once it says so, what was found so far is kept.
            progress: told how many readings and pairs of sentences of how many are done.

        Raises:
            NotFoundError: fewer than two readings of the session have text.
        """
        catalogue = self.parts.store.catalogue()
        own = [one for one in catalogue.documents.values() if session in one.sessions]
        if len({one.reading for one in own}) < 2:
            raise NotFoundError(
                f"session {session} has no two readings with text — choose another session"
            )
        embed = self.parts.embedder.embed
        found: list[KeySentence] = []
        for done, one in enumerate(own):
            if stop():
                return self.differing(session)
            progress(done, len(own) + MOST_PAIRS)
            found += list(sources(one, self.parts.store.passages_of(one.id)))[:MOST_SENTENCES]
        vectors = [embed([one.text for one in found[at : at + 128]])
                   for at in range(0, len(found), 128) if not stop()]  # fmt: skip
        if stop() or not vectors:
            return self.differing(session)
        pairs = near_pairs(found[: sum(map(len, vectors))], np.concatenate(vectors), MOST_PAIRS)
        judge = None if self.parts.checks_by_words() else self.parts.verifier
        out: list[Difference] = []
        for done, difference in enumerate(differences(session, pairs, embed, stop, judge)):
            progress(len(own) + done, len(own) + len(pairs))
            out += [difference] if difference else []
        self._differences[session] = tuple(out[:MOST])
        return self.differing(session)

    def differing(self, session: int) -> tuple[FoundDifference, ...]:
        """The differences that `differ` has found, and those that were decided on before."""
        known = self.parts.chosen.of("difference")
        made = self._differences.get(session, ())
        out = {one.id: FoundDifference(one, "new") for one in made if one.id not in known}
        for id_, value in known.items():
            one = _difference_of(value["difference"])
            if one is not None and one.session == session and self._stand(one):
                out[id_] = FoundDifference(one, value["state"])
        return tuple(out.values())

    def differences(self, session: int | None = None) -> tuple[Difference, ...]:
        """The differences that students see, of a session or of all."""
        sessions = [session] if session is not None else [
            one.number for one in self.parts.store.catalogue().sessions]  # fmt: skip
        found = [one for number in sessions for one in self.differing(number)]
        return tuple(one.difference for one in found if one.state == "kept")

    def decide_difference(self, id_: str, session: int, state: str) -> None:
        """Keep a difference for students or drop it, or forget what was decided.

        Args:
            state: "kept", "dropped" or "new".

        Raises:
            NotFoundError: there is no such difference.
        """
        known = {one.difference.id: one.difference for one in self.differing(session)}
        if id_ not in known:
            raise NotFoundError("this difference is gone — look for differences again")
        value = {"state": state, "difference": asdict(known[id_])}
        self.parts.chosen.put("difference", id_, None if state == "new" else value)

    def _stand(self, one: Difference) -> bool:
        """Whether both sentences still stand in their readings."""
        pair = (one.one, one.other)
        passages = self.parts.store.passages([each.passage for each in pair])
        return all(
            each.passage in passages and each.quote in passages[each.passage].text for each in pair
        )


def _difference_of(value: Mapping[str, Any]) -> Difference | None:
    """A difference as it was kept; None where it has another form."""
    try:
        both = {name: Stated(**value[name]) for name in ("one", "other")}
        return Difference(**{**value, **both})
    except (TypeError, KeyError):
        return None


def columns(questions: Sequence[str]) -> tuple[str, ...]:
    """The questions of a table, white space folded, each once. Raises SourceError where one is
    empty or too long, or there are too many."""
    asked = tuple(dict.fromkeys(" ".join(one.split()) for one in questions))
    if not asked or not all(asked):
        raise SourceError("a question is empty — ask something in every column")
    if max(map(len, asked)) > LONGEST_COLUMN:
        raise SourceError(f"a question is too long — at most {LONGEST_COLUMN} characters")
    if len(asked) > MOST_COLUMNS:
        raise SourceError(f"these are {len(asked)} questions, a table has at most {MOST_COLUMNS}")
    return asked
