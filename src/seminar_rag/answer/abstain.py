"""Can the passages found answer the question at all? Pure, over retrieval's results.

Three reasons to abstain, each of them told: the text is an order to the chatbot, not a question
about the readings; the question names something that the passages do not; nothing found is near
enough to the question in meaning and words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from seminar_rag.text import STOPWORDS, content_words, sentence_spans, stems
from seminar_rag.types import Hit

Rarity = Callable[[Sequence[str]], Mapping[str, float]]
"""Words → how rare they are in the course (inverse document frequency)."""

# A logistic model over two features of the hits, fitted on labelled questions of a seminar
# (130 answerable, 30 not); the threshold refuses under 2% of the answerable ones there.
_COSINE, _COVERAGE, _BIAS = 7.04, 2.92, -4.44
_THRESHOLD = 0.2

_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|discard)\b.{0,60}"
    r"\b(?:instructions?|prompts?|rules?|documents?|passages?|notes|sources|readings?|above)\b"
    r"|\b(?:print|reveal|repeat|show|output|leak|dump|tell me|give me)\b.{0,60}"
    r"\b(?:system prompt|your (?:\w+ )?(?:prompt|instructions)|(?:everything|text) above|hidden)\b"
    r"|\byou are now\b|\bfrom now on\b|\bpretend (?:to be|you are|that you)\b"
    r"|\bstay in character\b|\b(?:act|respond|behave) as (?:if you|an? )\b"
    r"|\b(?:reply|respond|answer) (?:only )?with (?:only|just|the word|['\"“])"
    r"|\breply only\b|\bend every (?:reply|answer|message)\b|\bstop citing\b"
    r"|\bsystem (?:update|override|message)\b|\badmin(?:istrator)? (?:request|override|mode)\b"
    r"|\bdeveloper mode\b|\bobey\b",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]|(?<!\w)['‘][^'’]*['’](?!\w)")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_NAME = re.compile(r"[A-Z].*[A-Z]|[a-z][A-Z]|\d\D*[A-Za-z]|[A-Za-z]\D*\d")


class Relevance:
    """The decision, for one course."""

    def __init__(self, rarity: Rarity) -> None:
        self._rarity = rarity

    def answerable(self, query: str, hits: Sequence[Hit]) -> bool:
        """Whether to try an answer.

        Args:
            query: the question as searched.
            hits: what was found for it, best first.
        """
        return self.reason(query, hits) is None

    def reason(self, query: str, hits: Sequence[Hit]) -> str | None:
        """Why to abstain, in words; None where there is no reason."""
        if is_order(query):
            return "it asks for something else than what the readings say"
        if not hits:
            return "nothing was found"
        missing = missing_names(query, hits)
        if missing:
            return f"the passages found do not mention {', '.join(missing)}"
        if self.confidence(query, hits) < _THRESHOLD:
            return "nothing found is near enough to the question"
        return None

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


def is_order(text: str) -> bool:
    """Whether a text gives the chatbot orders instead of asking about the readings.

    What stands in quotation marks, or in a sentence that asks, may be about such orders.
    """
    plain = _QUOTED.sub(" ", text)
    sentences = [plain[start:end] for start, end in sentence_spans(plain)]
    return any(_ORDERS.search(one) for one in sentences if not one.rstrip().endswith("?"))


def names(question: str) -> list[str]:
    """What looks like a proper name of a model, method or person: capitals or digits inside."""
    out: list[str] = []
    for match in _TOKEN.finditer(question):
        before = question[: match.start()].rstrip()
        opening = not before or before[-1] in ".?!:"
        for part in re.split(r"[-'’]", match[0]):
            if part.lower() in STOPWORDS or len(part) < 2:
                continue
            if _NAME.search(part) or (part[0].isupper() and not opening):
                out.append(part)
    return list(dict.fromkeys(out))


def missing_names(question: str, hits: Sequence[Hit]) -> list[str]:
    """The question's names that none of the hits mentions, in any spelling of spaces and case."""
    text = " ".join(_whole(hit) for hit in hits)
    squeezed = re.sub(r"[^a-z0-9]+", "", text.lower())
    there = set(stems(text))
    return [
        name
        for name in names(question)
        if re.sub(r"[^a-z0-9]+", "", name.lower()) not in squeezed and not set(stems(name)) <= there
    ]


def _whole(hit: Hit) -> str:
    document, passage = hit.document, hit.passage
    return " ".join((document.title, document.authors or "", passage.heading, passage.text))
