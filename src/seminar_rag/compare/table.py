"""One question put to every reading by itself: the sentence that answers it, or "does not say".

Each reading is searched alone, so that one that speaks of the subject at length does not hide the
others. The best quotation is scored as for an answer; whether it answers the question is decided by
a small logistic model over how near it comes, fitted by `benchmarks/cells.py`, which says how it
does on questions of other courses. Everything that is shown is a quotation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Protocol

from seminar_rag.answer.abstain import Relevance, missing_names, uncounted
from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.scoring import QuestionWords, score
from seminar_rag.answer.summaries import Search
from seminar_rag.check.support import Weights
from seminar_rag.question.query import Query, understand
from seminar_rag.types import Citation, Hit, Scope
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.compare import Cell, Row

SEARCHED = 12
"""Passages of a reading that are looked at."""
FEATURES = ("score", "cosine", "word similarity", "said", "confidence", "named", "counted")
"""What the fitted model sees of the best quotation; see `features`."""
_EMBEDDED = 20
"""Quotation candidates of a reading that the embedding model reads."""

Best = tuple[Candidate, dict[str, float]]


class Judge(Protocol):
    """A language model that says how likely a text answers a question."""

    def __call__(self, question: str, text: str) -> float | None:
        """0 to 1; None where it gives no answer."""
        ...


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
def fitted() -> tuple[Weights, float, float]:
    """The shipped model, and from where on a quotation answers, and may answer, a question."""
    data = json.loads(files("seminar_rag.compare").joinpath("cell_weights.json").read_text("utf-8"))
    return Weights.of(data), data["says"], data["perhaps"]
