"""Checks a text: finds what the readings say about each claim, and whether its citations hold.

Search and verifier are passed in, so that this module knows neither the index nor files, nor how a
report is shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

from seminar_rag.check.claims import Extract, extract
from seminar_rag.check.readings import Match, Readings
from seminar_rag.check.support import Case, Verifier
from seminar_rag.check.terms import terms
from seminar_rag.types import Cited, Claim, Hit, Scope, Verdict, VerdictLabel
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.check import Checking, Citation, Holding, Item, Label, Source, Work

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
_WORTH = 0.3
"""Share of a claim's words that a further document must have to be read."""


T = TypeVar("T")
_Steps = Generator[Case, Verdict, T]
"""Asks for a verdict on case after case until it comes to something."""


class Search(Protocol):
    """What a report needs of retrieval."""

    def __call__(self, query: str, k: int, scope: Scope | None) -> tuple[Hit, ...]:
        """The k best passages, best first."""
        ...


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

        def item(claim: Claim) -> _Steps[Item]:
            before = claim.text if len(claim.text) <= LONGEST_CLAIM else ""
            cites = [readings.named_before(cited, before) for cited in claim.cites]
            matches = [readings.match(cited, numbered) for cited in cites]
            return self._item(claim, text.count("\n", 0, claim.start) + 1, scope, matches)

        def looked_up(group: Sequence[Claim]) -> list[Item]:
            return _side_by_side(list(map(item, group)), self._verifier.verify_all)

        claims = self._ordered(found.claims, scope)
        each = (one for claim in claims for one in looked_up([claim]))
        items = each if self._verifier.quick else _in_groups(looked_up, claims)
        return Checking(len(found.claims), self._verifier.name, items)

    def _ordered(self, claims: Sequence[Claim], scope: Scope | None) -> Iterator[Claim]:
        """The claims in the order in which they are judged."""

        def score(claim: Claim) -> float:
            if claim.kind != "claim" or len(claim.standalone) > LONGEST_CLAIM:
                return 2.0
            hits = self._search(claim.standalone, PASSAGES, scope)
            nearest = next(self._worth_reading(claim.standalone, hits), [])
            return self._first_look(claim.standalone, nearest)

        yield from sorted(claims, key=score) if self._verifier.quick else claims

    def _first_look(self, said: str, hits: Sequence[Hit]) -> float:
        """The score that a quick verifier gives; 0 where there is none."""
        quick = self._verifier.quick
        return quick.verify(said, [hit.passage for hit in hits]).score if quick else 0.0

    def _item(
        self, claim: Claim, line: int, scope: Scope | None, matches: Sequence[Match]
    ) -> _Steps[Item]:
        problem = _KINDS.get(claim.kind, "")
        if not problem and max(len(claim.text), len(claim.standalone)) > LONGEST_CLAIM:
            problem = f"It has more than {LONGEST_CLAIM:,} characters, too many for one statement."
        given = list(zip(claim.cites, matches, strict=True))
        if problem:
            listed = tuple(Citation(cited, *_listed(found)) for cited, found in given)
            return Item(claim, line, "not a claim", problem, citations=listed)
        said = claim.standalone
        hits = self._search(said, PASSAGES, scope)
        verdict, evidence = yield from self._verify(said, hits)
        read = []
        for cited, match in given:
            read.append((yield from self._citation(said, cited, match)))
        label, reason, score = _LABELS[verdict.label], verdict.reason, verdict.score
        return Item(claim, line, label, reason, score, evidence, tuple(read), verdict.verifier)

    def _verify(self, said: str, hits: Sequence[Hit]) -> _Steps[tuple[Verdict, tuple[Source, ...]]]:
        """The best verdict over the documents found, each taken by itself; the first that
        supports is enough."""
        nothing = "The readings have nothing on it."
        best = Verdict("unsupported", 0.0, nothing, verifier=self._verifier.name)
        source: list[Hit] = []
        for own in self._likeliest(said, list(self._worth_reading(said, hits))):
            verdict = yield _case(said, own)
            if not source or _rank(verdict) > _rank(best):
                best, source = verdict, own
            if verdict.label == "supported":
                break
        found = best.label not in ("unsupported", "uncheckable")
        return best, _sources(best, source) if found else ()

    def _likeliest(self, said: str, groups: list[list[Hit]]) -> list[list[Hit]]:
        """All groups; where judging is slow, the two that a quick look finds best."""
        if self._verifier.quick is None or len(groups) < 2:
            return groups
        return sorted(groups, key=lambda own: -self._first_look(said, own))[:_SLOW_DOCUMENTS]

    def _worth_reading(self, said: str, hits: Sequence[Hit]) -> Iterator[list[Hit]]:
        """The hits of each document, documents in order of their best hit.

        Those with hardly a word of the claim are passed over, but for the first.
        """
        groups: dict[str, list[Hit]] = {}
        for hit in hits:
            groups.setdefault(hit.document.id, []).append(hit)
        wanted = {term.key for term in terms(said)}
        for number, own in enumerate(list(groups.values())[:_DOCUMENTS]):
            there = {term.key for hit in own for term in terms(hit.passage.text)}
            if number == 0 or len(wanted & there) >= _WORTH * len(wanted):
                yield own

    def _citation(self, said: str, cited: Cited, found: Match) -> _Steps[Citation]:
        if found.problem or not found.works:
            return Citation(cited, *_listed(found))
        ids = frozenset(work.id for work in found.works)
        hits = self._search(said, PASSAGES, Scope(readings=ids))
        name = " or ".join(f"“{work.title}”" for work in found.works)
        if not hits:
            reason = f"{name} is listed in the course, but its text is not here."
            return Citation(cited, "unread", reason, found.works)
        verdict, _ = yield from self._verify(said, hits)
        holding: Holding = "not said"
        reason = f"{name} does not say so: {verdict.reason}"
        if verdict.label in ("supported", "partly"):
            holding = "holds" if verdict.label == "supported" else "partly"
            reason = f"{name}: {verdict.reason}"
        elif all(hit.document.kind == "abstract" for hit in hits):
            holding = "unread"
            reason = f"{name}: the course has only its description, which does not say so."
        return Citation(cited, holding, reason, found.works, verdict.verifier)


def _case(said: str, hits: Sequence[Hit]) -> Case:
    """A claim and passages of one document."""
    document = hits[0].document
    passages = sorted((hit.passage for hit in hits), key=lambda one: one.ordinal)
    return said, passages, f"{document.title} {document.authors or ''}"


def _side_by_side(
    steps: Sequence[_Steps[T]], verify: Callable[[Sequence[Case]], list[Verdict]]
) -> list[T]:
    """What each comes to; the cases that all of them wait for are verified together."""
    done: dict[int, T] = {}
    told: dict[int, Verdict | None] = dict.fromkeys(range(len(steps)))
    while told:
        asked: dict[int, Case] = {}
        for number, verdict in told.items():
            try:
                asked[number] = steps[number].send(verdict)  # type: ignore[arg-type]
            except StopIteration as end:
                done[number] = end.value
        told = dict(zip(asked, verify(list(asked.values())), strict=True))
    return [done[number] for number in range(len(steps))]


def _in_groups(
    looked_up: Callable[[Sequence[Claim]], list[Item]], claims: Iterator[Claim]
) -> Iterator[Item]:
    """The items of claims, in order, some groups being looked up at a time: while sentences of one
    are embedded, the index can be searched for another."""
    pool = ThreadPoolExecutor(_AT_ONCE, "checking")
    begun: deque[Future[list[Item]]] = deque()
    size = 1
    try:
        while group := list(islice(claims, size)):
            begun.append(pool.submit(looked_up, group))
            size = min(2 * size, _TOGETHER)
            if len(begun) > _AT_ONCE:
                yield from begun.popleft().result()
        while begun:
            yield from begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_KINDS = {
    "opinion": "An opinion: there is nothing to look up.",
    "question": "A question: there is nothing to look up.",
    "instruction": "An instruction: there is nothing to look up.",
    "heading": "A heading.",
    "code": "Code is not checked.",
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


def _sources(verdict: Verdict, hits: Sequence[Hit]) -> tuple[Source, ...]:
    by_id = {hit.passage.id: hit for hit in hits}
    out = []
    for one in verdict.evidence:
        hit = by_id[one.passage]
        page = hit.passage.sentences[one.sentence].page
        page = page if page is not None else hit.passage.page
        quote = re.sub(r"\s+", " ", one.quote)
        out.append(Source(hit.document, quote, page, hit.passage.heading, one.passage))
    return tuple(out)


def _listed(found: Match) -> tuple[Holding, str, tuple[Work, ...]]:
    """What can be said of a citation by its name alone."""
    if found.problem:
        return found.problem, found.reason, found.works
    titles = " or ".join(f"“{work.title}”" for work in found.works)
    if not titles:
        return "no reading", found.reason, ()
    return "holds", f"{titles} is among the readings.", found.works


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
