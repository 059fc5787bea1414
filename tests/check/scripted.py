"""A verifier whose verdicts are written beforehand, and a search over a handful of passages."""

from __future__ import annotations

from collections.abc import Sequence

from seminar_rag.check.support import Verifier
from seminar_rag.text import content_words
from seminar_rag.types import (
    Document,
    Evidence,
    Hit,
    Kind,
    Passage,
    Scope,
    Sentence,
    Verdict,
    VerdictLabel,
)


class ScriptedVerifier(Verifier):
    """Says what the first key that occurs in the claim stands for; else "unsupported"."""

    name = "scripted"
    while_writing = True
    quick: Verifier | None = None

    def __init__(self, labels: dict[str, VerdictLabel]) -> None:
        self.labels = labels
        self.asked: list[tuple[str, tuple[str, ...], str]] = []

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        self.asked.append((claim, tuple(one.id for one in passages), known))
        label = next((v for key, v in self.labels.items() if key in claim), "unsupported")
        evidence = [Evidence(one.id, 0, one.quote(one.sentences[0])) for one in passages[:1]]
        score = {"supported": 1.0, "partly": 0.5}.get(label, 0.0)
        return Verdict(label, score, f"Scripted: {label}.", tuple(evidence), self.name)


def hit(reading: str, *sentences: str, kind: Kind = "paper", page: int | None = 1) -> Hit:
    """A passage of `reading`, its only document."""
    spans, at = [], 0
    for sentence in sentences:
        spans.append(Sentence(at, at + len(sentence), page=page))
        at += len(sentence) + 1
    text = " ".join(sentences)
    document = Document(
        f"{reading}/{kind}", kind, reading, f"Title of {reading}", "Ada Example", sessions=(3,)
    )
    passage = Passage(f"{reading}:0", document.id, 0, text, "1 Head", 0, len(text), page,
                      tuple(spans))  # fmt: skip
    return Hit(passage, document, 1.0)


class Shelf:
    """Search by common words, within the readings of the scope."""

    def __init__(self, *hits: Hit) -> None:
        self.hits = hits
        self.scopes: list[Scope | None] = []

    def __call__(self, query: str, k: int, scope: Scope | None) -> tuple[Hit, ...]:
        self.scopes.append(scope)
        wanted = set(content_words(query))
        shared = {one.passage.id: len(wanted & set(content_words(one.passage.text)))
                  for one in self.hits}  # fmt: skip
        allowed = [
            one
            for one in self.hits
            if scope is None or not scope.readings or one.document.reading in scope.readings
        ]
        return tuple(sorted(allowed, key=lambda one: -shared[one.passage.id])[:k])
