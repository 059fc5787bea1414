"""Reads again what a model wrote and words find in no passage: a model that judges may find it.

The built-in check compares words, and a right answer need not share many with its passage: “The
kinds are A, B and C” shares few with the list that stands below the heading “Kinds”. Before such an
answer is thrown out, the model that judges is asked of each of its sentences, as it is of those
that are shown. What it is sure of is shown with the passage that it was asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seminar_rag.answer.citations import BESIDE, introduces, split_answer
from seminar_rag.answer.unsaid import leaves_open
from seminar_rag.errors import ModelError
from seminar_rag.text import unmarked

if TYPE_CHECKING:
    from seminar_rag.answer.attribution import Attribution
    from seminar_rag.check.support import Verifier

MOST = 3
"""Sentences or lists that are judged of one answer: each costs as much as a quotation does."""
_BULLETS = ("- ", "* ", "• ", "– ")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a list below the line that introduces it."""

    lead: str
    """The line that introduces a list; empty for none."""
    said: tuple[str, ...]
    """The sentence, or the items of the list, as written."""

    @property
    def claim(self) -> str:
        """What is judged."""
        return " ".join(filter(None, (self.lead, *(one.lstrip("-*•– ") for one in self.said))))


def reread(
    written: str, evidence: Attribution, judge: Verifier, stop: Callable[[], bool]
) -> Iterator[str]:
    """What of a finished text a judge is sure that a passage says, with its marks; nothing where
    the judge cannot be asked.

    Args:
        written: as the model wrote it, with or without marks.
        evidence: the passages.
        judge: a model that judges.
    """
    before = ""
    for unit in list(_units(unmarked(written).strip()))[:MOST]:
        if stop():
            return
        try:
            found = evidence.judged(unit.claim, judge)
        except ModelError:
            return
        if found is None:
            continue
        near = evidence.holding(unit.claim, found) if not unit.lead else None
        mark = f" {BESIDE}{evidence.quote(near)}” [{near.hit}]" if near else f" [{found}]"
        lead = f"{unit.lead}\n" if unit.lead else ""
        yield f"{before}{lead}" + "\n".join(f"{one}{mark}" for one in unit.said)
        before = "\n\n" if unit.lead else " "


def _units(text: str) -> Iterator[_Unit]:
    """The sentences and lists of a text that state something."""
    lead, items = "", list[str]()
    for one in split_answer(text):
        line = text[one.start : one.end]
        if lead and line.startswith(_BULLETS):
            items.append(line)
            continue
        yield from _listed(lead, items)
        lead, items = "", []
        if introduces(text, one):
            lead = line
        elif not leaves_open(one.text):
            yield _Unit("", (line,))
    yield from _listed(lead, items)


def _listed(lead: str, items: Sequence[str]) -> Iterator[_Unit]:
    if lead and items:
        yield _Unit(lead, tuple(items))
