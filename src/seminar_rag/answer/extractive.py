"""The embedded answerer: quotes the few sentences that answer the question, and writes nothing.

A sentence's worth is its likeness to the question in meaning (cosine) and in words (weighted by
rarity), the standing of its passage, and whether it has the shape that the question asks for: a
number for "how many", a definition for "what is". Redundant choices are dropped as in maximal
marginal relevance (Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.text import content_words, stems
from seminar_rag.types import Hit, Sentence, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

Embed = Callable[[Sequence[str]], "Matrix"]
Rarity = Callable[[Sequence[str]], Mapping[str, float]]

MOST = 4
"""Sentences quoted at most; a list counts as one."""
_NEAR_ENOUGH = 0.72
"""A further sentence must be worth this share of the best one."""
_TOO_ALIKE = 0.55
"""Share of common stems from which two sentences say the same."""
_ITEMS = 8
"""Items of a list that are quoted with the line that introduces it."""

_NUMERIC = re.compile(
    r"\b(?:how (?:many|much|long|large|big|often|old|far|fast)|what (?:percentage|percent|share|"
    r"number|size|fraction|rate|score|accuracy|year)|when|which year|at what)\b",
    re.IGNORECASE,
)
_DEFINING = re.compile(
    r"^\W*(?:what(?:'s|’s| is| are| does)?|define|explain|describe)\b", re.IGNORECASE
)
_DEFINITION = re.compile(
    r"\b(?:is|are|means?|refers? to|stands? for|denotes?|is called|is defined as|consists? of)\b"
    r"|^[^.]{2,60}:\s",
    re.IGNORECASE,
)
_CAUSAL = re.compile(
    r"\b(?:because|since|due to|so that|in order to|as a result|therefore|leads? to|caus\w+|"
    r"reasons?|thus|hence|allows?|enables?)\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"\b(?:why|how come|what makes|reason)\b", re.IGNORECASE)
_LISTING = re.compile(
    r"\b(?:which|what) (?:\w+ ){0,3}(?:kinds|types|ways|methods|stages|steps|aspects|techniques|"
    r"categories|arguments|tests|points|topics|risks|\w+s)\b|\blist\b|\bname the\b",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.!?…:][\"'”’)\]]*$|[)\]”\"]$")


@dataclass(frozen=True, slots=True)
class _Candidate:
    hit: int
    """1-based index of its passage among the offered."""
    position: int
    """Index of its (first) sentence in the passage."""
    sentences: tuple[Sentence, ...]
    text: str
    stems: frozenset[str]


class Extractive:
    """Answers with quotations."""

    name = "quotations"
    notice = (
        "Answers are quotations from the readings, chosen by likeness to the question;"
        " no language model writes them."
    )

    def __init__(self, embed: Embed, rarity: Rarity) -> None:
        """Args:
        embed: texts → unit vectors, shape (n, dimensions).
        rarity: words → inverse document frequency in the course.
        """
        self._embed = embed
        self._rarity = rarity

    def draft(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn],  # noqa: ARG002  (the question already stands alone)
        stop: Stop,
    ) -> Draft:
        offered = tuple(hits)
        return Draft(offered, self._quotations(question, offered, stop))

    def _quotations(self, question: str, hits: tuple[Hit, ...], stop: Stop) -> Iterator[str]:
        candidates = [one for i, hit in enumerate(hits, 1) for one in _candidates(i, hit)]
        if not candidates:
            return
        worth = self._worth(question, hits, candidates)
        for index, one in enumerate(_in_order(_chosen(candidates, worth))):
            if stop():
                return
            passage = hits[one.hit - 1].passage
            if index:
                yield "\n\n"
            lead, *items = one.sentences
            yield f"“{_tidy(passage.quote(lead))}” [{one.hit}]"
            for item in items:
                yield f"\n- “{_tidy(passage.quote(item))}” [{one.hit}]"

    def _worth(
        self, question: str, hits: tuple[Hit, ...], candidates: Sequence[_Candidate]
    ) -> list[float]:
        vectors = self._embed([question, *(one.text for one in candidates)])
        cosines = vectors[1:] @ vectors[0]
        terms = {stem for word in content_words(question) for stem in stems(word)}
        by_word = self._rarity(list(dict.fromkeys(content_words(question))))
        weights: dict[str, float] = dict.fromkeys(terms, 0.0)
        for word, value in by_word.items():
            for stem in stems(word):
                weights[stem] = max(weights[stem], value, 0.1)
        total = sum(weights.values()) or 1.0
        best, worst = hits[0].score, hits[-1].score
        spread = (best - worst) or 1.0
        out = []
        for one, cosine in zip(candidates, cosines, strict=True):
            hit = hits[one.hit - 1]
            # The heading and the title tell what a sentence is about when it does not say so.
            about = set(stems(f"{hit.passage.heading} {hit.document.title}"))
            own = sum(weights[stem] for stem in terms & one.stems) / total
            around = sum(weights[stem] for stem in (terms & about) - one.stems) / total
            standing = (hit.score - worst) / spread
            out.append(
                1.0 * float(cosine)
                + 0.5 * own
                + 0.2 * around
                + 0.45 * standing
                + _shape(question, one.text)
            )
        return out


def _candidates(index: int, hit: Hit) -> Iterator[_Candidate]:
    """The sentences of a passage that can stand alone; a list goes with its introduction."""
    sentences = hit.passage.sentences
    for at, sentence in enumerate(sentences):
        text = _tidy(hit.passage.quote(sentence))
        if sentence.kind in ("heading", "table", "code"):
            continue
        group: tuple[Sentence, ...] = (sentence,)
        if text.endswith(":"):
            items = _items_after(sentences, at)
            if not items:
                continue
            group = (sentence, *items)
            text = " ".join([text, *(_tidy(hit.passage.quote(item)) for item in items)])
        elif not quotable(text, sentence.kind == "item"):
            continue
        yield _Candidate(index, at, group, text, frozenset(stems(text)))


def _items_after(sentences: Sequence[Sentence], at: int) -> tuple[Sentence, ...]:
    items: list[Sentence] = []
    for sentence in sentences[at + 1 :]:
        if sentence.kind != "item" or len(items) == _ITEMS:
            break
        items.append(sentence)
    return tuple(items)


def quotable(text: str, item: bool = False) -> bool:
    """Whether a sentence reads well on its own: whole, of words, neither a scrap nor a wall."""
    tokens = text.split()
    letters = sum(character.isalpha() for character in text)
    if not 4 <= len(tokens) <= 90 or letters < 0.6 * len(text.replace(" ", "")):
        return False
    if item:
        return True
    return not text[0].islower() and bool(_ENDED.search(text))


def _shape(question: str, text: str) -> float:
    bonus = 0.0
    if _NUMERIC.search(question):
        bonus += 0.15 if re.search(r"\d", text) else -0.05
    elif _WHY.search(question):
        bonus += 0.1 if _CAUSAL.search(text) else 0.0
    elif _LISTING.search(question):
        bonus += 0.1 if "\n" in text or text.count(",") >= 2 or ";" in text else 0.0
    elif _DEFINING.search(question):
        bonus += 0.08 if _DEFINITION.search(text) else 0.0
    return bonus


def _chosen(candidates: Sequence[_Candidate], worth: Sequence[float]) -> list[_Candidate]:
    ranked = sorted(range(len(candidates)), key=lambda i: -worth[i])
    chosen: list[_Candidate] = []
    for i in ranked:
        one = candidates[i]
        if worth[i] < _NEAR_ENOUGH * worth[ranked[0]] or len(chosen) == MOST:
            break
        if any(_alike(one, other) for other in chosen):
            continue
        chosen.append(one)
    return chosen


def _alike(one: _Candidate, other: _Candidate) -> bool:
    if one.hit == other.hit and set(one.sentences) & set(other.sentences):
        return True
    union = len(one.stems | other.stems)
    smaller = min(len(one.stems), len(other.stems)) or 1
    shared = len(one.stems & other.stems)
    return shared >= _TOO_ALIKE * union or shared >= 0.85 * smaller


def _in_order(chosen: Sequence[_Candidate]) -> list[_Candidate]:
    """The best first; what comes from the same passage stands together, in its order."""
    hits = list(dict.fromkeys(one.hit for one in chosen))
    return sorted(chosen, key=lambda one: (hits.index(one.hit), one.position))


def _tidy(text: str) -> str:
    return " ".join(text.split())
