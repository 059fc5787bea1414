"""What a reader of a passage knows beside its sentences: its work, and what each is about.

A passage seldom names the work that it is a passage of, and an answer does. Of two things that are
compared, a sentence of it speaks of the one that was named last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seminar_rag.answer.mentions import Mentions, abbreviates, has_other_form
from seminar_rag.check.features import clauses
from seminar_rag.check.terms import terms
from seminar_rag.text import stems
from seminar_rag.types import Document, Hit, Passage

Called = Mapping[str, str]
"""Document id → what a question calls the document by, as in "the Rowing Club report"."""
_KINDS = "paper report study survey review article notes authors"
"""What an answer calls a reading as well, beside the name that the question has for it."""


def called_by(works: Sequence[str], offered: Sequence[Hit]) -> Called:
    """What a question calls each document by: the works that it names, as far as a passage of the
    document mentions them. Such a name says which reading is meant, and a passage of that reading
    need not say it again."""
    found: dict[str, list[str]] = {}
    for hit in offered if works else ():
        mentions = Mentions(hit)
        found.setdefault(hit.document.id, []).extend(one for one in works if mentions.of(one))
    return {id_: " ".join((*some, _KINDS)) for id_, some in found.items() if some}


def known_of(claim: str, document: Document, passage: Passage, called: Called | None = None) -> str:
    """What `Verifier.verify` takes as known beside a passage: title, authors, headings, the names
    in the claim that are short for one of these, and what the document is called by."""
    told = (document.title, *passage.heading.split(" › "))
    names = {term.text for term in terms(claim) if term.kind == "name"}
    short = sorted(name for name in names if any(abbreviates(name, text) for text in told))
    short += [called[document.id]] if called and document.id in called else []
    return " ".join((document.title, document.authors or "", passage.heading, *short))


def by_side(claim: str, sides: Sequence[str]) -> dict[str, str]:
    """What a claim says of each thing that is compared: the clauses that name it alone, and those
    behind them that name none."""
    told: dict[str, str] = {}
    side = ""
    for start, end in clauses(claim):
        named = named_in(claim[start:end], sides)
        if named:
            side = named[0] if len(named) == 1 else ""
        if side:
            told[side] = f"{told.get(side, '')} {claim[start:end].strip()}".strip()
    return told


def about(passage: Passage, side: str, sides: Sequence[str]) -> Passage:
    """A passage with those of its sentences that speak of one of the things compared."""
    speaks = named_in(passage.heading, sides) == [side]
    kept = []
    for one in passage.sentences:
        named = named_in(passage.quote(one), sides)
        speaks = side in named if named else speaks
        if speaks:
            kept.append(one)
    return replace(passage, sentences=tuple(kept))


def named_in(text: str, names: Sequence[str]) -> list[str]:
    """The names that a text has, in full or in short, one inside another's name not counted."""
    left = f" {' '.join(stems(text))} "
    found = []
    for name in sorted(names, key=len, reverse=True):
        wanted = f" {' '.join(stems(name))} "
        if wanted.strip() and wanted in left:
            found.append(name)
            left = left.replace(wanted, "  ")
        elif has_other_form(name, text):
            found.append(name)
    return found


def told_apart(sides: Sequence[str]) -> list[str]:
    """Those of the things compared that words tell apart: nobody can look for "WHO" among small
    words, nor for C++ beside C#."""
    return list({frozenset(stems(side)): side for side in sides if stems(side)}.values())


def spoken_of(text: str, sides: Sequence[str]) -> list[str]:
    """The things compared of which a text has half of the words that no other has, wherever they
    stand; where all its words are another's too, those that it names."""
    there = set(stems(text))
    found = []
    for side in sides:
        others = {word for other in sides if other != side for word in stems(other)}
        own = set(stems(side)) - others
        told = bool(own) and 2 * len(own & there) >= len(own)
        if told or (has_other_form(side, text) if own else side in named_in(text, sides)):
            found.append(side)
    return found
