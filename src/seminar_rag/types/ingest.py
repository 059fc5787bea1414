"""Ingesting: options, progress, an outcome per document, and what needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from seminar_rag.text import plural
from seminar_rag.types.catalogue import SuggestionKind
from seminar_rag.types.reading import Document


@dataclass(frozen=True, slots=True)
class Options:
    """How to ingest."""

    fetch: bool | None = None
    """Whether readings are searched for online; None: only those of a page on the web."""
    refresh: bool = False
    """Download again everything that was fetched before."""
    keep_removed: bool = False
    """Keep readings that their source lists no longer."""
    dry_run: bool = False
    """Change nothing and fetch no reading; only report what would change."""
    only: frozenset[str] = frozenset()
    """Ids of readings (of the course, or as listed) or documents: nothing else is looked at, and
    the page is taken as it was last read. Empty for everything."""


Change = Literal["new", "changed", "unchanged", "removed", "failed"]
Stage = Literal[
    "reading", "fetching", "found", "parsing", "embedding", "indexed", "failed", "removed"
]


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that happens during an ingest, and how far it all is.

    reading    the course page is read
    fetching   a reading is searched for online; `done` of `total` readings were
    found      the search for a reading has ended; `detail` is its result
    parsing    a file is read; `done` of `total` documents are finished (with all that follow)
    embedding  more passages were embedded
    indexed    a document is in the index
    failed     a document could not be read; `detail` is the reason
    removed    a document was removed from the index
    """

    stage: Stage | str
    done: int
    total: int
    label: str = ""
    """The title of the reading or document."""
    item: str = ""
    """Id of the reading with "fetching" and "found", else of the document."""
    detail: str = ""
    passages: int = 0
    """Passages embedded so far from this source."""
    speed: float = 0.0
    """Passages embedded per second, while embedding."""
    left: float | None = None
    """Seconds until everything is done, where that can be estimated."""

    @property
    def pace(self) -> str:
        """In words: how much was embedded, how fast, and how long the rest will take."""
        parts = []
        if self.passages:
            parts.append(f"{self.passages:,} passages ({self.speed:.0f}/s)")
        if self.left is not None and self.left >= 1:
            left = f"{self.left:.0f} s" if self.left < 90 else f"{self.left / 60:.0f} min"
            parts.append(f"about {left} left")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """The result of an ingest for one document."""

    change: Change
    document: Document
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """A reading that is not in the course as it should be, and what to do about it."""

    reading: str
    """Reading id."""
    title: str
    sessions: tuple[int, ...]
    state: str
    """What is available of it: "paper", "page", "abstract" or "nothing"."""
    problem: str
    remedy: str = ""
    """Empty where it is only worth knowing."""
    failed: bool = False
    """Whether a document is there that could not be read."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did, or with `dry` would do."""

    source: str
    sessions: int
    readings: int
    outcomes: tuple[DocumentOutcome, ...]
    embedded: int
    """Passages embedded in this run."""
    fetched: int = 0
    """Files downloaded in this run."""
    needs: tuple[Need, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be read of the source itself."""
    lookups: tuple[tuple[str, int], ...] = ()
    """("paper", "page" or "nothing", number of readings) of the readings that were searched for."""
    not_looked_up: int = 0
    """Readings that were never searched for online."""
    dry: bool = False
    stopped: bool = False
    """Whether it was stopped before it was done; the next ingest goes on there."""
    found: bool = True
    """Whether the source has what `Options.only` asked for."""

    def count(self, change: Change) -> int:
        """How many documents had this outcome."""
        return sum(outcome.change == change for outcome in self.outcomes)


Listener = Callable[[Progress], None]


def summarise(reports: Iterable[IngestReport]) -> str:
    """The documents of several reports in words: "1 new, 4 unchanged", "would add 6 documents"."""
    reports = tuple(reports)
    counts = Counter(outcome.change for report in reports for outcome in report.outcomes)
    if any(report.dry for report in reports):
        verbs: dict[Change, str] = {
            "new": "add",
            "changed": "change",
            "removed": "remove",
            "failed": "fail to read",
        }
        parts = [f"{verb} {counts[change]}" for change, verb in verbs.items() if counts[change]]
        documents = counts.total()
        if not parts:
            return f"nothing would change ({plural(documents, 'document')})"
        of = f" of {documents}" if counts["unchanged"] else ""
        return f"would {', '.join(parts)}{of} document{'' if documents == 1 else 's'}"
    order: tuple[Change, ...] = ("new", "changed", "removed", "failed", "unchanged")
    return ", ".join(f"{counts[one]} {one}" for one in order if counts[one]) or "nothing to do"


ADDED = "added by hand"
"""The source of the readings that the instructor added."""
UPLOADED = "uploaded course page"
"""The source that is a file which the instructor uploaded."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question about a reading's links that only a person can decide."""

    id: str
    """For `accept` and `reject`; the same as long as the page and the finding are."""
    kind: SuggestionKind
    reading: str
    """Its id in the course."""
    title: str
    """The title on the course page."""
    sessions: tuple[int, ...]
    url: str
    """The address in question."""
    found: str
    """The title of the document there."""
    instead: str = ""
    """The page's link that `url` would replace."""
    taken: bool = False
    """Whether the document is in the course already, because of its title."""

    @property
    def summary(self) -> str:
        """What was found, in a sentence."""
        if self.kind == "keep" and self.taken:
            return f"The page's link {self.url} has the title “{self.found}” and was taken."
        if self.kind == "keep":
            return f"The page's link {self.url} leads to “{self.found}”."
        lead = f"The page's link {self.instead} leads elsewhere; " if self.instead else ""
        state = "was taken" if self.taken else "may be the reading"
        return f"{lead}{self.url} has the title “{self.found}” and {state}."

    @property
    def if_accepted(self) -> str:
        """What accepting means."""
        if self.kind == "keep":
            return "the link is right: what it leads to is this reading"
        return "this is the reading's link from now on"

    @property
    def if_rejected(self) -> str:
        """What rejecting means."""
        if self.kind == "keep":
            return "the link is wrong: it is left out from now on"
        return "this is not the reading: it is neither taken nor suggested again"


@dataclass(frozen=True, slots=True)
class Removal:
    """A reading or document that the instructor removed from the course."""

    id: str
    """For `restore`."""
    title: str
    source: str
    at: str
