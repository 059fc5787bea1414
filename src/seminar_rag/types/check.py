"""Checking a text: Claim, with the sources it cites → Item → Report.

A work that a text cites is a `Cited`; a reading that it can mean is a `Work`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seminar_rag.ids import arxiv_year
from seminar_rag.text import plural
from seminar_rag.types.answer import BUILT_IN
from seminar_rag.types.reading import Document

ClaimKind = Literal[
    "claim", "opinion", "question", "instruction", "heading", "code", "table", "reference"
]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a text to be checked: `source[start:end]`."""

    text: str
    """As written, citations included, Markdown marks and line breaks taken out."""
    start: int
    end: int
    kind: ClaimKind = "claim"
    bare: str = ""
    """The text without its citations."""
    standalone: str = ""
    """`bare` with an opening pronoun replaced by its subject, where that was simple."""
    cites: tuple[Cited, ...] = ()
    """The works that the text gives as sources for this sentence."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A work that a text cites: by a mark in a sentence, or an entry of its reference list."""

    text: str
    """The mark or entry as written: "(Wei et al., 2022)", "[3]"."""
    start: int
    end: int
    authors: tuple[str, ...] = ()
    """Family names, as far as given."""
    year: int | None = None
    letter: str = ""
    """The "b" of "2022b", which tells works of one author and year apart."""
    entry: str = ""
    """Its entry in the reference list, without number and ids."""
    title: str = ""
    """The title of a reading that stands right before the mark, where that is an id."""
    arxiv_id: str | None = None
    """Without version."""
    doi: str | None = None
    number: int | None = None
    """The number of a numbered mark or entry."""


@dataclass(frozen=True, slots=True)
class Work:
    """A reading, with what a citation can name it by."""

    id: str
    title: str
    authors: str = ""
    arxiv_id: str | None = None
    urls: tuple[str, ...] = ()

    @property
    def year(self) -> int | None:
        """The year of its first version on arXiv."""
        return arxiv_year(self.arxiv_id or "")


Label = Literal["supported", "partly", "contradicted", "not found", "not a claim"]
LABELS: tuple[Label, ...] = ("supported", "partly", "contradicted", "not found", "not a claim")
Holding = Literal["holds", "partly", "not said", "mismatch", "unlisted", "no reading", "unread"]
"""The result of looking a citation up. "not said": the reading does not say so. "mismatch": title
and id belong to different works. "unlisted": a number without an entry in the reference list.
"no reading": not among the course's readings. "unread": listed, but the course has its abstract
only."""
WRONG: frozenset[Holding] = frozenset({"not said", "mismatch", "unlisted"})
"""The results that fail a text. A work that is not in the course cannot be judged."""


@dataclass(frozen=True, slots=True)
class EvidenceSource:
    """A sentence of a reading that is evidence for or against a claim."""

    document: Document
    quote: str
    page: int | None
    section: str
    passage: str
    """Passage id."""


@dataclass(frozen=True, slots=True)
class CheckedCitation:
    """A citation of the text with the result of looking it up."""

    cited: Cited
    holding: Holding
    reason: str
    """In words, for the reader."""
    works: tuple[Work, ...] = ()
    """The readings that it can mean: several where one first author wrote them in one year."""
    verifier: str = ""
    """Who read them; empty where only the name was looked up."""


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """One sentence, heading or reference of the text, with its verdict."""

    claim: Claim
    line: int
    """In the text, from 1."""
    label: Label
    reason: str
    score: float = 0.0
    evidence: tuple[EvidenceSource, ...] = ()
    """Best first."""
    citations: tuple[CheckedCitation, ...] = ()
    verifier: str = ""

    @property
    def failed(self) -> bool:
        """The readings contradict it, or a source given for it does not hold."""
        return self.label == "contradicted" or any(c.holding in WRONG for c in self.citations)


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts on a text, or on a part of it where the check was stopped."""

    items: tuple[CheckedItem, ...]
    total: int
    """Items of the whole text."""
    verifier: str
    running: bool = False
    """The rest of the text is still being checked."""
    note: str = ""
    """What a reader has to know of the whole, such as that the text is in another language."""

    @property
    def failed(self) -> bool:
        """Something is contradicted, or a given citation does not hold."""
        return any(item.failed for item in self.items)

    @property
    def counts(self) -> dict[Label, int]:
        """How many items have which label."""
        found = Counter(item.label for item in self.items)
        return {label: found[label] for label in LABELS}

    @property
    def summary(self) -> str:
        """In one line: "12 claims: 9 supported, 1 contradicted, 2 not found; …"."""
        claims = [item for item in self.items if item.label != "not a claim"]
        by_label = _counted([label_in_words(one.label, one.verifier) for one in claims], _ORDER)
        parts = [f"{plural(len(claims), 'claim')}{': ' if by_label else ''}{by_label}"]
        cited = [c for item in self.items if item.claim.kind != "reference" for c in item.citations]
        given = [
            c for c in cited if c.verifier or c.holding != "holds"
        ]  # else only its name is known
        if given:
            held = _counted(map(_held, given), _HELD)
            parts.append(f"{plural(len(given), 'citation')}: {held}")
        done = f"{len(self.items)} of {self.total} sentences"
        if self.running:
            parts.append(f"{done} so far")
        elif len(self.items) < self.total:
            parts.append(f"stopped after {done}")
        if self.note:
            parts.append(self.note)
        return "; ".join(parts)


_SIMILAR, _PARTLY = "similar sentence found", "partly similar"
_ORDER = ("supported", _SIMILAR, "partly", _PARTLY, "contradicted", "not found")
_UNLISTED = "of works that are not among the readings"
_UNREAD = "of readings without full text here"
_HELD = ("confirmed", _SIMILAR, "partly", _PARTLY, "wrong", _UNLISTED, _UNREAD)


def label_in_words(label: Label, verifier: str) -> str:
    """The label as readers see it: the built-in check found a similar sentence, not support."""
    by_words = {"supported": _SIMILAR, "partly": _PARTLY} if verifier == BUILT_IN else {}
    return by_words.get(label, label)


def _held(given: CheckedCitation) -> str:
    """The result of looking a citation up, in words."""
    by_words = given.verifier == BUILT_IN
    words = {
        "holds": _SIMILAR if by_words else "confirmed",
        "partly": _PARTLY if by_words else "partly",
        "no reading": _UNLISTED,
        "unread": _UNREAD,
    }
    return words.get(given.holding, "wrong")


def _counted(found: Iterable[str], order: Sequence[str]) -> str:
    """How often each occurs: "2 confirmed, 1 wrong"."""
    counts = Counter(found)
    said = {_SIMILAR: "with a similar sentence"}
    return ", ".join(f"{counts[word]} {said.get(word, word)}" for word in order if counts[word])


@dataclass
class Checking:
    """A check in progress: each step of the iteration checks one item; `report()` sums up."""

    total: int
    verifier: str
    _items: Iterator[CheckedItem]
    note: str = ""
    _done: list[CheckedItem] = field(default_factory=list)

    def __iter__(self) -> Iterator[CheckedItem]:
        for item in self._items:
            self._done.append(item)
            yield item

    def report(self, *, running: bool = False) -> Report:
        """The items so far, in the order of the text; `running` while more of them are to come."""
        items = sorted(self._done, key=lambda item: item.claim.start)
        return Report(tuple(items), self.total, self.verifier, running, self.note)
