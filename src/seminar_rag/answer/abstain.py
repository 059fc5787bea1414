"""Can the passages found answer the question at all? Pure, over retrieval's results.

Reasons to abstain, each of them told: the text is an order to the chatbot, not a question about
the readings; the question names something that the passages do not, or names two things that no
passage names together; it asks for a number of something that no passage counts; nothing found is
near enough to the question in meaning and words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from seminar_rag.question.query import Query
from seminar_rag.text import NUMBER_WORD, content_words, stem, stems, words
from seminar_rag.types import Hit

Rarity = Callable[[Sequence[str]], Mapping[str, float]]
"""Words → how rare they are in the course (inverse document frequency)."""

# A logistic model over two features of the hits, fitted on labelled questions of a seminar
# (225 answerable, 54 not). The threshold is the mean of what ten-fold cross-validation chose to
# refuse 1.5% of the answerable ones by; it refused 2% of those left out, and all that are off the
# topic. Margins (how far the best cosine or score stands above the others) were measured too and
# added nothing: beside the cosine they do not tell the unanswerable questions apart.
_COSINE, _COVERAGE, _BIAS = 7.94, 1.34, -2.64
_THRESHOLD = 0.51

_AMOUNT = re.compile(rf"\d|^(?:{NUMBER_WORD}|one|single|no|none|zero)$")
_REACH = 5
"""Words between an amount and what it counts, at most."""


class Relevance:
    """The decision, for one course."""

    def __init__(self, rarity: Rarity) -> None:
        self._rarity = rarity

    def answerable(self, query: Query, hits: Sequence[Hit]) -> bool:
        """Whether to try an answer.

        Args:
            query: the question.
            hits: what was found for it, best first.
        """
        return self.reason(query, hits) is None

    def reason(self, query: Query, hits: Sequence[Hit]) -> str | None:
        """Why to abstain, in words; None where there is no reason."""
        if query.is_order:
            return "this asks for something other than what the readings say"
        if not hits:
            return "nothing was found"
        missing = missing_names(query, hits)
        if missing:
            return f"nothing that was found mentions {_quoted(missing)}"
        strangers = apart(query, hits)
        if strangers:
            return f"no passage that was found mentions {_quoted(strangers)} together"
        counted = uncounted(query, hits)
        if counted:
            return f"no passage that was found gives a number of “{counted}”"
        if self.confidence(query.search_text, hits) < _THRESHOLD:
            lacking = self._lacking(query.search_text, hits)
            if lacking:
                return f"nothing near enough was found: no passage has {_quoted(lacking, 'or')}"
            return "nothing that was found is near enough to the question"
        return None

    def _lacking(self, query: str, hits: Sequence[Hit], most: int = 2) -> list[str]:
        """The question's rarest words that none of the first hits has."""
        there = {stem for hit in hits[:5] for stem in stems(_whole(hit))}
        terms = [
            term
            for term in dict.fromkeys(content_words(query))
            if (own := set(stems(term))) and not own & there
        ]
        weights = self._rarity(terms) if terms else {}
        return sorted(terms, key=lambda term: -weights.get(term, 0.0))[:most]

    def confidence(self, query: str, hits: Sequence[Hit]) -> float:
        """The calibrated confidence, 0 to 1, that the hits hold an answer.

        From the best cosine, and the share of the question's content words, weighted by their
        rarity, that the best of the first five passages covers.
        """
        cosine = max((hit.cosine or 0.0 for hit in hits), default=0.0)
        terms = list(dict.fromkeys(content_words(query)))
        weights = {term: max(0.0, value) for term, value in self._rarity(terms).items()}
        total = sum(weights.values()) or 1.0
        wanted = {term: set(stems(term)) for term in terms}
        coverage = 0.0
        for hit in hits[:5]:
            there = set(stems(_whole(hit)))
            got = sum(weights[term] for term in terms if wanted[term] and wanted[term] <= there)
            coverage = max(coverage, got / total)
        return 1 / (1 + math.exp(-(_COSINE * cosine + _COVERAGE * coverage + _BIAS)))


def _quoted(names: Sequence[str], word: str = "and") -> str:
    """ "“A”, “B” and “C”" """
    *others, last = [f"“{name}”" for name in names]
    return f"{', '.join(others)} {word} {last}" if others else last


def missing_names(query: Query, hits: Sequence[Hit]) -> list[str]:
    """The question's names that none of the hits mentions, in any spelling of spaces and case."""
    texts = [_Mentions(hit) for hit in hits]
    return [name for name in query.names if not any(text.of(name) for text in texts)]


def apart(query: Query, hits: Sequence[Hit]) -> tuple[str, str] | None:
    """Two names of the question that no hit mentions together; None where it compares things."""
    if query.sets_apart:
        return None
    texts = [_Mentions(hit) for hit in hits]
    proper = [name for name in query.names if name[0].isupper()]
    for one, other in combinations(proper, 2):
        if not any(text.of(one) and text.of(other) for text in texts):
            return one, other
    return None


def uncounted(query: Query, hits: Sequence[Hit]) -> str | None:
    """What a question wants a number of, where none of the first ten hits has one near it.

    Where the question has names, the passage with the number must have half of them too.
    """
    proper = query.names
    telling = [hit for hit in hits[:10] if 2 * sum(map(_Mentions(hit).of, proper)) >= len(proper)]
    for thing in query.counted:
        if not any(_gives_number(hit, stems(thing)[-1]) for hit in telling):
            return thing
    return None


def _gives_number(hit: Hit, counted: str) -> bool:
    """Whether a sentence of the hit has an amount near a word."""
    for sentence in hit.passage.sentences:
        said = words(hit.passage.quote(sentence))
        amounts = [i for i, word in enumerate(said) if _AMOUNT.search(word)]
        for i, word in enumerate(said):
            near = any(abs(i - amount) <= _REACH for amount in amounts)
            if near and _same(stem(word), counted):
                return True
    return False


def _same(one: str, other: str) -> bool:
    """Equal stems, or one the other's abbreviation ("param")."""
    shorter = min(one, other, key=len)
    return one == other or (
        len(shorter) > 3 and one.startswith(shorter) and other.startswith(shorter)
    )


class _Mentions:
    """A hit's text, in the spellings that names are looked up in."""

    def __init__(self, hit: Hit) -> None:
        text = _whole(hit)
        self._squeezed = _squeeze(text)
        self._stems = f" {' '.join(stems(text))} "

    def of(self, name: str) -> bool:
        """Whether the hit mentions a name; of three words or more, all of them."""
        if _squeeze(name) in self._squeezed or f" {' '.join(stems(name))} " in self._stems:
            return True
        parts = name.split()
        return len(parts) > 2 and all(map(self.of, parts))


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def _whole(hit: Hit) -> str:
    document, passage = hit.document, hit.passage
    return " ".join((document.title, document.authors or "", passage.heading, passage.text))
