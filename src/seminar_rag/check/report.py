"""Checks a text: finds what the readings say about each claim, and whether its citations hold.

Search and verifier are passed in, so that this module knows neither the index nor files, nor how a
report is shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from seminar_rag.check.claims import Extract, extract
from seminar_rag.check.readings import Match, Readings
from seminar_rag.check.support import Case, Verifier
from seminar_rag.check.terms import terms
from seminar_rag.question.language import differs, language_of, name_of
from seminar_rag.types import Cited, Claim, Hit, Scope, Verdict, VerdictLabel
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.check import (
    CheckedCitation,
    CheckedItem,
    Checking,
    EvidenceSource,
    Holding,
    Label,
    Work,
)

PASSAGES = 8
"""How many passages are read for a claim, and for a citation in the reading that it names."""
_DOCUMENTS = 4
"""How many documents a claim is compared with, each by itself: two halves that two papers state
are not one finding."""
_SLOW_DOCUMENTS = 2
"""The same where judging is slow."""
_AT_ONCE = 2
"""Groups of claims that are looked up at a time, where judging is quick."""
_TOGETHER = 16
"""Claims of a group: the first has one, so that something is told soon, the next twice as many, and
so on up to these. The more sentences are embedded together, the less they are padded."""
LONGEST_CLAIM = 2_000
"""Characters; what is longer is no one statement, and would take long to compare."""
_TOLD_BY = 3_000
"""Characters that tell a language."""
_WORTH = 0.3
"""Share of a claim's words that a further document must have to be read."""
Search = Callable[[str, int, Scope | None], tuple[Hit, ...]]
"""The k best passages for a query, best first."""


class Checker:
    """Checks texts against the readings of one course."""

    def __init__(
        self,
        search: Search,
        verifier: Verifier,
        works: Sequence[Work],
        extract: Callable[[str], Extract] = extract,
    ) -> None:
        """Args:
        works: the course's readings, also those without a text.
        extract: cuts a text into claims; where texts of strangers come, `ConfinedExtract`.
        """
        self._extract = extract
        self._search = search
        self._verifier = verifier
        self._works = works

    def check(self, text: str, scope: Scope | None = None) -> Checking:
        """Begin to check; each step of the iteration looks one item up.

        In the order of the text; where the verifier is slow, what looks worst comes first.

        Args:
            scope: the readings in which claims are looked up. Given citations are looked up in
                the reading that they name, wherever it stands.

        Raises:
            SourceError: the text cannot be cut into claims.
        """
        found = self._extract(text)
        numbered = bool(found.references)
        readings = Readings(self._works)
        quick = self._verifier.quick

        def begun(claim: Claim) -> _Begun:
            return self._begin(claim, text.count("\n", 0, claim.start) + 1, scope)

        def cited(one: _Begun) -> _Begun:
            before = one.claim.text if len(one.claim.text) <= LONGEST_CLAIM else ""
            for mark in one.claim.cites:
                named = readings.named_before(mark, before)
                self._look_in(one, named, readings.match(named, numbered))
            return one

        def worst_first() -> Iterator[CheckedItem]:
            assert quick is not None
            left = deque(sorted(map(begun, found.claims), key=lambda one: one.looks(quick)))
            while left:  # what was judged is not held any longer
                one = cited(left.popleft())
                for lookup in one.lookups:
                    lookup.narrow(quick)
                yield from self._judged([one])

        def in_order() -> Iterator[CheckedItem]:
            def judged(group: Sequence[Claim]) -> list[CheckedItem]:
                return self._judged([cited(begun(claim)) for claim in group])

            return _in_groups(judged, found.claims)

        items = worst_first() if quick else in_order()
        return Checking(
            len(found.claims), self._verifier.name, items, _foreign(found.claims, self._works)
        )

    def _begin(self, claim: Claim, line: int, scope: Scope | None) -> _Begun:
        problem = _KINDS.get(claim.kind, "")
        if not problem and max(len(claim.text), len(claim.standalone)) > LONGEST_CLAIM:
            problem = f"It has more than {LONGEST_CLAIM:,} characters, too many for one statement."
        own = None if problem else self._lookup(claim.standalone, scope)
        return _Begun(claim, line, problem, own)

    def _look_in(self, one: _Begun, cited: Cited, match: Match) -> None:
        """Begin to look a claim up in what it cites."""
        read = not one.problem and match.works and not match.problem
        within = Scope(readings=frozenset(work.id for work in match.works))
        lookup = self._lookup(one.claim.standalone, within) if read else None
        one.cites.append((cited, match, lookup))

    def _lookup(self, claim: str, scope: Scope | None) -> _Lookup:
        hits = self._search(claim, PASSAGES, scope)
        nothing = "The readings have nothing on it."
        verdict = Verdict("unsupported", 0.0, nothing, verifier=self._verifier.name)
        return _Lookup(claim, hits, list(_worth_reading(claim, hits)), verdict)

    def _judged(self, begun: Sequence[_Begun]) -> list[CheckedItem]:
        """The items of claims; what all of them wait for is verified together."""
        waiting = [lookup for one in begun for lookup in one.lookups]
        while waiting := [lookup for lookup in waiting if lookup.left]:
            verdicts = self._verifier.verify_all([lookup.case() for lookup in waiting])
            for lookup, verdict in zip(waiting, verdicts, strict=True):
                lookup.take(verdict)
        return [one.item() for one in begun]


def _foreign(claims: Sequence[Claim], works: Sequence[Work]) -> str:
    """What is said where a text is in another language than the readings; else empty. Its reference
    list may well be in theirs."""
    said = language_of(" ".join(one.bare for one in claims if one.kind == "claim")[:_TOLD_BY])
    read = language_of(" ".join(work.title for work in works)[:_TOLD_BY])
    if not differs(said, read):
        return ""
    names = name_of(said), name_of(read)
    return "the text is in {}, the readings are in {}: little can be found".format(*names)


def _worth_reading(claim: str, hits: Sequence[Hit]) -> Iterator[list[Hit]]:
    """The hits of each document, documents in order of their best hit.

    Those with hardly a word of the claim are passed over, but for the first.
    """
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.document.id, []).append(hit)
    wanted = {term.key for term in terms(claim)}
    for number, own in enumerate(list(groups.values())[:_DOCUMENTS]):
        there = {term.key for hit in own for term in terms(hit.passage.text)}
        if number == 0 or len(wanted & there) >= _WORTH * len(wanted):
            yield own


@dataclass
class _Lookup:
    """A claim, held against one document after the other until one supports it; the best verdict
    counts."""

    claim: str
    hits: Sequence[Hit]
    left: list[list[Hit]]
    """The hits of each document that is still to be read."""
    verdict: Verdict
    source: Sequence[Hit] = ()

    def case(self, which: int = 0) -> Case:
        """What to ask about a document, by default the next one."""
        own = self.left[which]
        passages = sorted((hit.passage for hit in own), key=lambda one: one.ordinal)
        return self.claim, passages, f"{own[0].document.title} {own[0].document.authors or ''}"

    def narrow(self, quick: Verifier) -> None:
        """Leave the two documents that a quick look finds best."""
        if len(self.left) > 1:
            found = quick.verify_all([self.case(which) for which in range(len(self.left))])
            best = sorted(range(len(found)), key=lambda which: -found[which].score)
            self.left = [self.left[which] for which in best[:_SLOW_DOCUMENTS]]

    def take(self, verdict: Verdict) -> None:
        """Take the verdict on the next document."""
        own = self.left.pop(0)
        if not self.source or _rank(verdict) > _rank(self.verdict):
            self.verdict, self.source = verdict, own
        if verdict.label == "supported":
            self.left.clear()


@dataclass
class _Begun:
    """A claim and what is looked up for it."""

    claim: Claim
    line: int
    problem: str
    """Why it is no claim; empty where it is one."""
    own: _Lookup | None = None
    cites: list[tuple[Cited, Match, _Lookup | None]] = field(default_factory=list)

    @property
    def lookups(self) -> list[_Lookup]:
        return [one for one in (self.own, *(last for *_, last in self.cites)) if one]

    def looks(self, quick: Verifier) -> float:
        """How good it looks at first sight; what is no claim comes last."""
        if self.own is None:
            return 2.0
        return quick.verify(*self.own.case()).score if self.own.left else 0.0

    def item(self) -> CheckedItem:
        """What came of it."""
        claim, cites = self.claim, tuple(_citation(*one) for one in self.cites)
        if self.own is None:
            return CheckedItem(claim, self.line, "not a claim", self.problem, citations=cites)
        verdict = self.own.verdict
        label, reason, score = _LABELS[verdict.label], verdict.reason, verdict.score
        found = verdict.label not in ("unsupported", "uncheckable")
        evidence = _sources(verdict, self.own.source) if found else ()
        return CheckedItem(
            claim, self.line, label, reason, score, evidence, cites, verdict.verifier
        )


def _citation(cited: Cited, found: Match, lookup: _Lookup | None) -> CheckedCitation:
    name = " or ".join(f"“{work.title}”" for work in found.works)
    if lookup is None:  # only the name can be judged
        holding: Holding = found.problem or ("holds" if name else "no reading")
        reason = found.reason or f"{name} is among the readings."
        return CheckedCitation(cited, holding, reason, found.works)
    if not lookup.hits:
        reason = f"{name} is listed in the course, but its text is not here."
        return CheckedCitation(cited, "unread", reason, found.works)
    verdict = lookup.verdict
    holding, reason = "not said", f"{name} does not say so: {verdict.reason}"
    if verdict.label in ("supported", "partly"):
        holding = "holds" if verdict.label == "supported" else "partly"
        reason = f"{name}: {verdict.reason}"
    elif all(hit.document.kind == "abstract" for hit in lookup.hits):
        holding = "unread"
        reason = f"{name}: the course has only its description, which does not say so."
    return CheckedCitation(cited, holding, reason, found.works, verdict.verifier)


def _in_groups(
    judged: Callable[[Sequence[Claim]], list[CheckedItem]], claims: Sequence[Claim]
) -> Iterator[CheckedItem]:
    """The items of claims, in order, some groups being looked up at a time: while sentences of one
    are embedded, the index can be searched for another."""
    pool = ThreadPoolExecutor(_AT_ONCE, "checking")
    begun: deque[Future[list[CheckedItem]]] = deque()
    at, size = 0, 1
    try:
        while begun or at < len(claims):
            if at < len(claims):
                begun.append(pool.submit(judged, claims[at : at + size]))
                at, size = at + size, min(2 * size, _TOGETHER)
            if len(begun) > _AT_ONCE or at >= len(claims):
                yield from begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_KINDS = {
    "opinion": "An opinion: there is nothing to look up.",
    "question": "A question: there is nothing to look up.",
    "instruction": "An instruction: there is nothing to look up.",
    "heading": "A heading.",
    "code": "Code and formulas are not checked.",
    "table": "A row of a table is not checked.",
    "reference": "An entry of the reference list.",
}
_LABELS: dict[VerdictLabel, Label] = {
    "supported": "supported",
    "partly": "partly",
    "contradicted": "contradicted",
    "unsupported": "not found",
    "uncheckable": "not a claim",
}
"""What a report calls the verdicts, best first."""


def _rank(verdict: Verdict) -> tuple[int, float]:
    return -list(_LABELS).index(verdict.label), verdict.score


def _sources(verdict: Verdict, hits: Sequence[Hit]) -> tuple[EvidenceSource, ...]:
    by_id = {hit.passage.id: hit for hit in hits}
    out = []
    for one in verdict.evidence:
        hit = by_id[one.passage]
        page = hit.passage.sentences[one.sentence].page
        page = page if page is not None else hit.passage.page
        quote = re.sub(r"\s+", " ", one.quote)
        out.append(EvidenceSource(hit.document, quote, page, hit.passage.heading, one.passage))
    return tuple(out)


def works_of(catalogue: Catalogue) -> tuple[Work, ...]:
    """The readings as a text can cite them, including those without a text of their own."""
    known = catalogue.authors
    works = {
        one.id: Work(one.id, one.title, known.get(one.id, ""), one.arxiv_id, one.urls)
        for session in catalogue.sessions
        for one in session.readings
    }
    for record in catalogue.records.values():
        document = record.document
        if document.kind != "notes" and document.reading not in works:
            urls = (document.url,) if document.url else ()
            work = Work(document.reading, document.title, document.authors or "", None, urls)
            works[document.reading] = work
    return tuple(works.values())
