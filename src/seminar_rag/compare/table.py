"""Readings beside each other: what each says on one question, and where they differ.

A question: each reading is searched alone, so that one that speaks of the subject at length does
not hide the others. The best quotation is scored as for an answer; whether it answers the question
is decided by a small logistic model over how near it comes, fitted by `benchmarks/cells.py`, which
says how it does on questions of other courses. Everything that is shown is a quotation.

A statement: who says so, who says otherwise, who only speaks of it. The verdicts are those of the
check. A verifier that reads for meaning is believed. The built-in one compares words: it proves no
more than that two sentences that are nearly the same differ in a number, in a word for its
opposite, or in a denial. Only there readings are said to contradict each other; where sentences are
less alike, that difference is told as what it is, since two studies may count different things.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from seminar_rag.answer.abstain import Relevance, missing_names, uncounted
from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.scoring import QuestionWords, score
from seminar_rag.answer.summaries import Search
from seminar_rag.check.conflicts import Conflict, find_conflict
from seminar_rag.check.features import Embed, compare
from seminar_rag.check.support import SUPPORTED, BuiltinVerifier, Verifier, VerifierWeights
from seminar_rag.check.terms import terms
from seminar_rag.question.query import Query, understand
from seminar_rag.study.items import KeySentence
from seminar_rag.text import fingerprint
from seminar_rag.types import BUILT_IN, Citation, Hit, Passage, Scope, Sentence, Verdict
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.study import Cell, Difference, Row, Stance, Stated

if TYPE_CHECKING:
    from seminar_rag.models.embed import Matrix

SEARCHED = 12
"""Passages of a reading that are looked at."""
FEATURES = ("score", "cosine", "word similarity", "said", "confidence", "named", "counted")
"""What the fitted model sees of the best quotation; see `features`."""
_EMBEDDED = 20
"""Quotation candidates of a reading that the embedding model reads."""
READ = 4
"""Passages of a reading that a statement is held against."""
PROVEN = 0.85
"""How alike two sentences have to be for a difference between them to be a contradiction; see
`benchmarks/differences.py`."""
DIFFERS = 0.6
"""How alike they have to be for a difference to be told at all."""
SPEAKS = 0.4
"""How near a sentence has to come to speak of a statement."""
EXACT = frozenset({"number", "opposite", "negation"})
"""The conflicts that the built-in check proves. Two readings that name different things, or of
which one says more, do not contradict each other."""
JUDGED = 60
"""Pairs, the nearest ones, that a verifier that reads for meaning is asked about."""
MOST = 40
"""Differences that are shown of a session."""
_LABELS: dict[str, Stance] = {
    "supported": "supports",
    "contradicted": "contradicts",
    "partly": "qualifies",
}

Best = tuple[Candidate, dict[str, float]]
Judge = Callable[[str, str], float | None]
"""A language model: question and text → how likely the text answers it, 0 to 1; None where the
model gives no answer."""


class Cells:
    """Fills the cells of tables over one course."""

    def __init__(
        self,
        search: Search,
        quotations: Extractive,
        relevance: Relevance,
        rarity: Callable[[Sequence[str]], dict[str, float]],
        judge: Judge | None = None,
    ) -> None:
        """Args:
        judge: asked about a quotation that the fitted model lets through; None asks nobody.
        """
        self._search = search
        self._quotations = quotations
        self._relevance = relevance
        self._rarity = rarity
        self._judge = judge

    def cell(self, row: Row, question: str) -> Cell:
        """What a reading says on a question."""
        if row.kind is None:
            return Cell(row.reading, question, "no text", why="has no text in the course")
        query = understand(question)
        hits = self._search.search(query, SEARCHED, Scope(readings=frozenset({row.reading})))
        best = self.best(query, hits)
        if best is None:
            return Cell(row.reading, question, "silent", why="has no sentence that can be quoted")
        candidate, seen = best
        model, says, perhaps = fitted()
        likely = model.score(seen)
        if likely >= perhaps and self._judge is not None:
            judged = self._judge(query.search_text, candidate.text)
            likely = likely if judged is None else min(likely, judged)
        if likely < perhaps:
            return Cell(row.reading, question, "silent", (), likely, _why(query, hits))
        cited = citations(candidate, hits)
        return Cell(row.reading, question, "says" if likely >= says else "perhaps", cited, likely)

    def best(self, query: Query, hits: Sequence[Hit]) -> Best | None:
        """The best quotation of the hits with what the fitted model sees of it."""
        if not hits:
            return None
        words = QuestionWords(query.search_text, self._rarity)
        found = self._quotations.featured(query, words, hits, _EMBEDDED)
        if not found:
            return None
        candidate, seen = max(found, key=lambda pair: score(pair[1]))
        return candidate, features(query, hits, seen, self._relevance)


def features(
    query: Query, hits: Sequence[Hit], seen: dict[str, float], relevance: Relevance
) -> dict[str, float]:
    """What the fitted model sees: the quotation's features, and what the reading lacks."""
    named = len(missing_names(query, hits)) / len(query.names) if query.names else 0.0
    return {
        "score": score(seen),
        "cosine": seen["cosine"],
        "word similarity": seen["word similarity"],
        "said": seen["said"],
        "confidence": relevance.confidence(query.subject, hits),
        "named": 1.0 - named,
        "counted": float(uncounted(query, hits) is None),
    }


def citations(candidate: Candidate, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    """A quotation candidate as citations."""
    hit = hits[candidate.hit - 1]
    return tuple(
        Citation(1, hit.document, hit.passage, hit.passage.quote(one), one.page or hit.passage.page)
        for one in candidate.sentences
    )


def rows(catalogue: Catalogue, scope: Scope) -> tuple[Row, ...]:
    """The readings of a scope in the order of the course, those without text too; notes last."""
    best: dict[str, tuple[bool, int]] = {}
    kinds: dict[str, Row] = {}
    for record in catalogue.records.values():
        one, rank = record.document, (record.document.kind == "paper", record.passages)
        if record.passages and scope.admits(one) and rank > best.get(one.reading, (False, 0)):
            best[one.reading] = rank
            kinds[one.reading] = Row(one.reading, one.title, one.authors, one.kind, one.sessions)
    out: dict[str, Row] = {}
    for session in catalogue.sessions:
        if scope.sessions and session.number not in scope.sessions:
            continue
        for each in session.readings:
            known = kinds.get(each.id)
            asked = not scope.readings or each.id in scope.readings
            asked = asked and not (scope.required_only and each.section != "required")
            if known:
                out.setdefault(each.id, Row(each.id, each.title, each.authors or known.authors,
                                            known.kind, known.sessions))  # fmt: skip
            elif asked and not scope.kinds:
                out.setdefault(each.id, Row(each.id, each.title, each.authors, None,
                                            (session.number,)))  # fmt: skip
    others = sorted(kinds.values(), key=lambda row: row.kind == "notes")
    return tuple({**out, **{row.reading: row for row in others if row.reading not in out}}.values())


def _why(query: Query, hits: Sequence[Hit]) -> str:
    """What a reading lacks to answer a question, as the end of a sentence about it."""
    if missing := missing_names(query, hits):
        return f"does not mention {', '.join(f'“{name}”' for name in missing[:2])}"
    if counted := uncounted(query, hits):
        return f"gives no number of “{counted}”"
    return "has no sentence that comes close"


@cache
def fitted() -> tuple[VerifierWeights, float, float]:
    """The shipped model, and from where on a quotation answers, and may answer, a question."""
    data = json.loads(files("seminar_rag.compare").joinpath("cell_weights.json").read_text("utf-8"))
    return VerifierWeights.of(data), data["says"], data["perhaps"]


# Statements -----------------------------------------------------------------------------------


class Stances:
    """Holds statements against readings."""

    def __init__(
        self, search: Search, verifier: Verifier, words: BuiltinVerifier, embed: Embed
    ) -> None:
        """Args:
        words: finds the sentences, and decides alone where it is the verifier.
        """
        self._search = search
        self._verifier = verifier
        self._words = words
        self._embed = embed

    def cell(self, row: Row, question: str, statement: str) -> Cell:
        """Where a reading stands on a statement.

        Args:
            question: the column, as the cell is to name it.
        """
        if row.kind is None:
            return Cell(row.reading, question, "no text", why="has no text in the course")
        hits = self._search.search(statement, READ, Scope(readings=frozenset({row.reading})))
        passages = [hit.passage for hit in hits]
        read = self._words.read(statement, passages) if passages else None
        if read is None or (isinstance(read, Verdict) and read.label == "uncheckable"):
            return Cell(row.reading, question, "silent", why="has no sentence that comes close")
        if isinstance(read, Verdict):  # the passage has these words
            cited = _cited(read, hits)
            return Cell(row.reading, question, "supports", cited, 1.0, read.reason)
        chosen = read.conflict.sentence if read.conflict else None
        passage, index, quote = read.found[read.comparison.order[0] if chosen is None else chosen]
        alike = likeness(self._embed, statement, quote)
        cited = (_citation(passage, index, hits),)
        if alike < SPEAKS:
            return Cell(row.reading, question, "silent", why="has no sentence that comes close")
        if self._verifier.name != BUILT_IN:
            verdict = self._verifier.verify(statement, passages, row.title)
            label = _LABELS.get(verdict.label, "speaks")
            shown = _cited(verdict, hits) or cited
            return Cell(row.reading, question, label, shown, verdict.score, verdict.reason)
        label, why = by_words(read.conflict, alike, self._words.score(read))
        return Cell(row.reading, question, label, cited, alike, why)


def by_words(conflict: Conflict | None, alike: float, score: float) -> tuple[Stance, str]:
    """What the built-in check can say of a statement and a sentence, and why."""
    if conflict is not None and _proven(conflict) and alike >= DIFFERS:
        return ("contradicts" if alike >= PROVEN else "differs"), conflict.reason
    if conflict is None and score >= SUPPORTED:
        return "similar", "A sentence with much the same words was found."
    return "speaks", ""


def _proven(conflict: Conflict) -> bool:
    return conflict.kind in EXACT and conflict.of_one_thing


def likeness(embed: Embed, one: str, other: str) -> float:
    """The cosine of two texts."""
    first, second = embed([one, other])
    return float(first @ second)


# The differences of a session -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences of two readings that are near in meaning."""

    one: KeySentence
    other: KeySentence
    alike: float


def near_pairs(found: Sequence[KeySentence], vectors: Matrix, most: int) -> list[Pair]:
    """The pairs of sentences of different readings that are nearest in meaning, nearest first.

    Args:
        vectors: of the sentences, of unit length, shape (len(found), dimensions).
    """
    by_reading: dict[str, list[int]] = {}
    for index, one in enumerate(found):
        by_reading.setdefault(one.document.reading, []).append(index)
    out: list[Pair] = []
    for first, second in combinations(by_reading.values(), 2):
        alike = vectors[first] @ vectors[second].T
        for i, j in np.argwhere(alike >= DIFFERS):
            one, other = found[first[i]], found[second[j]]
            out.append(Pair(one, other, float(alike[i, j])))
    return sorted(out, key=lambda pair: -pair.alike)[:most]


def differences(
    session: int,
    pairs: Sequence[Pair],
    embed: Embed,
    stop: Callable[[], bool],
    judge: Verifier | None = None,
) -> Iterator[Difference | None]:
    """For every pair its difference, or None.

    Args:
        judge: a verifier that reads for meaning, asked about the nearest pairs; None asks nobody.
    """
    for number, pair in enumerate(pairs):
        if stop():
            return
        found = _by_words(session, pair, embed)
        if found is None and judge is not None and number < JUDGED:
            found = _judged(session, pair, judge)
        yield found


def _by_words(session: int, pair: Pair, embed: Embed) -> Difference | None:
    one, other = pair.one.text, pair.other.text
    comparison = compare(one, [other], embed) if one != other else None
    conflict = find_conflict(one, [other], comparison) if comparison else None
    if conflict is None or not _proven(conflict):
        return None
    if conflict.kind == "number" and not (_counted(one) & _counted(other)):
        return None  # one counts tokens, the other the models of a size
    reason = conflict.reason
    for word, place in (("passage", "second"), ("sentence", "first")):
        for the in ("The", "the"):
            reason = reason.replace(f"{the} {word}", f"{the} {place}")
    return _difference(session, pair, "contradicts" if pair.alike >= PROVEN else "differs", reason)


def _counted(text: str) -> set[str]:
    """What the numbers of a sentence count: "%", "x" (times), a unit, or the word behind."""
    return {term.unit for term in terms(text) if term.kind == "number" and term.unit}


def _judged(session: int, pair: Pair, judge: Verifier) -> Difference | None:
    text = pair.other.text
    alone = replace(pair.other.passage, text=text, sentences=(Sentence(0, len(text)),))
    verdict = judge.verify(pair.one.text, [alone])
    if verdict.label != "contradicted":
        return None
    return _difference(session, pair, "contradicts", verdict.reason)


def _difference(session: int, pair: Pair, said: Stance, reason: str) -> Difference:
    texts = "\n".join(sorted((pair.one.text, pair.other.text)))
    return Difference(
        fingerprint(texts), session, said, reason, _stated(pair.one), _stated(pair.other)
    )


def _stated(one: KeySentence) -> Stated:
    place = one.document.place([one.page]) or one.passage.own_heading
    return Stated(one.document.id, one.passage.id, one.document.reading, one.document.title,
                  one.quote, place)  # fmt: skip


def _cited(verdict: Verdict, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    """The best evidence of a verdict as a citation; empty without any."""
    known = {hit.passage.id: hit.passage for hit in hits}
    best = next((one for one in verdict.evidence if one.passage in known), None)
    return (_citation(known[best.passage], best.sentence, hits),) if best else ()


def _citation(passage: Passage, index: int, hits: Sequence[Hit]) -> Citation:
    document = next(hit.document for hit in hits if hit.passage.id == passage.id)
    sentence = passage.sentences[index]
    return Citation(1, document, passage, passage.quote(sentence), sentence.page or passage.page)
