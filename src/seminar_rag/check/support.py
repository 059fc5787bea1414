"""Does what the passages say support the claim?

`Verifier` is the seam: `BuiltinVerifier` needs no download, and a grounding model or a language
model that judges can stand in its place. Knows nothing of retrieval, citations or display.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Protocol

import numpy as np

from seminar_rag.check.conflicts import Conflict, find_conflict
from seminar_rag.check.features import Comparison, Embed, Matrix, Overlap
from seminar_rag.check.terms import terms
from seminar_rag.types import BUILT_IN, Evidence, Passage, Verdict, VerdictLabel

_Found = tuple[Passage, int, str]
"""A passage, the index of a sentence in it, and the sentence."""
Case = tuple[str, Sequence[Passage], str]
"""A claim, passages, and what is known without them: what `Verifier.verify` takes."""
SHOWN = 3
"""Evidence sentences in a verdict."""


class Verifier(Protocol):
    """Decides whether passages support a claim. Safe to call from several threads."""

    name: str
    while_writing: bool
    """Whether it may be asked while an answer is still being written."""
    quick: Verifier | None
    """Where it is slow, a quicker one that says which claims look worst; else None."""

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        """Whether `passages`, taken together, say what `claim` says.

        `known` is what a reader has without the passages, such as the title and authors of
        their document: never evidence, but a name found in it is not held against the claim.
        """
        ...

    def verify_all(self, cases: Sequence[Case]) -> list[Verdict]:
        """`verify` of each."""
        return [self.verify(*case) for case in cases]


@dataclass(frozen=True, slots=True)
class VerifierWeights:
    """A logistic model: sigmoid(bias + Σ weight · (feature - mean) / scale)."""

    bias: float
    features: dict[str, dict[str, float]]
    """By name, each with its weight, mean and scale."""

    @classmethod
    def of(cls, held: dict[str, Any]) -> VerifierWeights:
        """The weights as a file holds them."""
        return cls(held["bias"], held["features"])

    def score(self, features: dict[str, float]) -> float:
        """0 to 1: the probability of support where supported and not are equally frequent."""
        z = self.bias + sum(
            row["weight"] * (features[name] - row["mean"]) / row["scale"]
            for name, row in self.features.items()
        )
        return float(1 / (1 + np.exp(-z)))


@cache
def fitted() -> dict[str, VerifierWeights]:
    """The weights shipped beside this module, by name; the file says where they come from."""
    data = json.loads(files("seminar_rag.check").joinpath("weights.json").read_text("utf-8"))
    return {name: VerifierWeights.of(one) for name, one in data.items()}


@dataclass(frozen=True, slots=True)
class ComparedClaim:
    """A claim compared with the sentences of its passages."""

    found: Sequence[_Found]
    comparison: Comparison
    conflict: Conflict | None

    def shown(self) -> tuple[Evidence, ...]:
        """The best evidence, what shows a conflict first."""
        first = () if self.conflict is None else (self.conflict.sentence,)
        chosen = dict.fromkeys((*first, *self.comparison.order))
        rows = [self.found[i] for i in list(chosen)[:SHOWN]]
        return tuple(Evidence(passage.id, index, quote) for passage, index, quote in rows)


class BuiltinVerifier(Verifier):
    """Compares words, meaning, numbers and names; needs no model but the embedding.

    Finds the evidence sentences, weighs what claim and evidence share by a fitted logistic model,
    and lets a hard mismatch (another number, an opposite word, a negation) decide by rule. It does
    not reason: a claim that follows from the passages in other words scores low, and one that
    reuses their words wrongly can score high.
    """

    name = BUILT_IN
    while_writing = True
    quick: Verifier | None = None

    def __init__(self, embed: Embed) -> None:
        self._embed = _CachedEmbed(embed)

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        """See `Verifier.verify`."""
        return self.verify_all([(claim, passages, known)])[0]

    def verify_all(self, cases: Sequence[Case]) -> list[Verdict]:
        """`verify` of each; the sentences of all are embedded together, which pads less."""
        begun = [self._begin(*case) for case in cases]
        self._embed(
            [text for one in begun if not isinstance(one, Verdict) for text in one[1].texts]
        )
        return [
            one if isinstance(one, Verdict) else self.weigh(self._compared(case[0], *one))
            for case, one in zip(cases, begun, strict=True)
        ]

    def read(
        self, claim: str, passages: Sequence[Passage], known: str = ""
    ) -> ComparedClaim | Verdict:
        """Compare claim and passages; a verdict where there is nothing to weigh."""
        begun = self._begin(claim, passages, known)
        return begun if isinstance(begun, Verdict) else self._compared(claim, *begun)

    def _compared(self, claim: str, found: Sequence[_Found], overlap: Overlap) -> ComparedClaim:
        comparison = overlap.compare(self._embed(overlap.texts))
        sentences = [quote for _, _, quote in found]
        return ComparedClaim(found, comparison, find_conflict(claim, sentences, comparison))

    def _begin(
        self, claim: str, passages: Sequence[Passage], known: str
    ) -> tuple[Sequence[_Found], Overlap] | Verdict:
        if not terms(claim):
            return self._verdict("uncheckable", 0.0, "The sentence states nothing to look up.")
        found = [
            (passage, index, passage.quote(sentence))
            for passage in passages
            for index, sentence in enumerate(passage.sentences)
            if sentence.kind != "heading"
        ]
        found = [entry for entry in found if terms(entry[2])]
        if not found:
            return self._verdict("uncheckable", 0.0, "There is no passage to check it against.")
        quoted = _quoted(claim, found)
        if quoted:
            return self._verdict("supported", 1.0, _SAME_WORDS, quoted)
        return found, Overlap(claim, [quote for _, _, quote in found], known)

    def score(self, read: ComparedClaim) -> float:
        """How likely the words make support, 0 to 1, the rules left out."""
        return fitted()["built-in"].score(read.comparison.features)

    def weigh(self, read: ComparedClaim) -> Verdict:
        """The verdict by words, numbers and names alone."""
        label, score, reason = weigh(read.comparison, self.score(read), read.conflict)
        return self._verdict(label, score, reason, read.shown())

    def _verdict(
        self, label: VerdictLabel, score: float, reason: str, evidence: tuple[Evidence, ...] = ()
    ) -> Verdict:
        return Verdict(label, round(score, 3), reason, evidence, self.name)


def _quoted(claim: str, found: Sequence[_Found]) -> tuple[Evidence, ...]:
    """The sentences of a passage that has the claim's words as they are, five or more; else none.

    Those that the claim consists of, or the one it is taken from; else the one that shares most.
    """
    wanted = _plain(claim)
    asked = set(wanted.split())
    for passage in dict.fromkeys(passage for passage, _, _ in found):
        if wanted.count(" ") < 6 or wanted not in _plain(passage.text):
            continue
        own = {index: _plain(quote) for one, index, quote in found if one.id == passage.id}
        parts = [index for index, text in own.items() if wanted in text]
        parts = parts or [index for index, text in own.items() if text in wanted]
        parts = parts or [max(own, key=lambda index: len({*own[index].split()} & asked))]
        quotes = [(index, passage.quote(passage.sentences[index])) for index in parts[:SHOWN]]
        return tuple(Evidence(passage.id, index, quote) for index, quote in quotes)
    return ()


def _plain(text: str) -> str:
    return f" {' '.join(re.findall(_WORD, text.lower()))} "


_SAME_WORDS = "The passage has these words."
_SIMILAR = "A sentence with much the same words was found."
_WORD = re.compile(r"[^\W_]+")
SUPPORTED = 0.6
"""Chosen on the development half of the planted errors: stricter than even odds."""
PARTLY = 0.2
_CONFLICT = 0.4
"""What a conflict leaves of the score: under even odds, the ranking kept."""


def weigh(
    comparison: Comparison, score: float, conflict: Conflict | None
) -> tuple[VerdictLabel, float, str]:
    """Label, score and reason from the fitted score and the rules; a conflict caps the score."""
    if conflict is not None:
        hardly = conflict.label == "partly" and score < PARTLY
        label: VerdictLabel = "unsupported" if hardly else conflict.label
        return label, score * _CONFLICT, conflict.reason
    if score >= SUPPORTED:
        return "supported", score, _SIMILAR
    both = zip(comparison.terms, comparison.found, strict=True)
    listed = ", ".join([f"“{term.text}”" for term, found in both if not found][:4])
    if score >= PARTLY:
        tail = f" Not found: {listed}." if listed else ""
        return "partly", score, f"The passages come near, but do not say all of it.{tail}"
    tail = f" They have nothing on {listed}." if listed else ""
    return "unsupported", score, f"The passages do not say this.{tail}"


class _CachedEmbed:
    """An embedding function with a bounded cache: the same passages and words come again."""

    LIMIT = 20_000

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._rows: dict[str, Matrix] = {}
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Matrix:
        with self._lock:
            rows = {text: self._rows.get(text) for text in texts}
        new = [text for text, row in rows.items() if row is None]
        if new:
            rows |= zip(new, self._embed(new).astype(np.float16), strict=True)
        with self._lock:
            for text in rows:
                self._rows.pop(text, None)  # what comes again is put behind the rest
            self._rows |= {text: row for text, row in rows.items() if row is not None}
            for text in list(islice(self._rows, max(0, len(self._rows) - self.LIMIT))):
                del self._rows[text]
        return np.array([rows[text] for text in texts], np.float32)
