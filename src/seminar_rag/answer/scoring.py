"""Scores quotation candidates with a small linear model, and chooses which to quote together.

The weights lie in `quotation_weights.json` beside this module, with what they were fitted on.
`benchmarks/quotations.py --fit` writes them: a listwise softmax loss (ListNet, Cao et al. 2007)
over the candidates of each labelled question. A difference of d between two scores means odds
of e^d. Everything here is pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files

from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.forms import has_form
from seminar_rag.documents.itself import about_itself
from seminar_rag.question.forms import Form
from seminar_rag.text import content_words, stems
from seminar_rag.types import Hit

Rarity = Callable[[Sequence[str]], Mapping[str, float]]
"""Words → how rare they are in the course (inverse document frequency)."""
Features = dict[str, float]

FIRST_FEATURES = ("said", "opens", "passage", "rank", "length", "many", "asks", "form")
"""What candidates are compared by before the embedding model reads them."""
FEATURES = ("cosine", "word similarity", *FIRST_FEATURES[1:])
"""What they are compared by in the end."""

ITSELF = 1.0
"""Taken off for a sentence that is likely about its document, where an answer of some form is
asked for. It is not fitted: few labelled questions are asked where one stands."""
_LIKELY = 0.5
"""Below it the model only says that it does not know."""
MOST = 4
"""Candidates quoted at most."""
ENOUGH_WORDS = 130
"""No candidate is added that would make the quotations longer than this."""
MARGIN = 2.0
"""A further candidate may score this much less than the best one."""
SHARE = 0.06
"""What a further quotation for a whole question has of the odds of all candidates, at least,
together with what it adds: where many are alike, none stands out as part of the answer. It was
chosen on the questions of a seminar that it is measured on: with it .03 of them more lack some of
their evidence, with .07, also for the parts of a question, .06."""
NEW_WORDS = 2.0
"""For the share of the question that a further candidate is the first to hold."""
_SAME = 0.55
"""Share of common stems from which two candidates say the same."""
_CONTAINED = 0.85
"""Share of the shorter one's stems from which one candidate repeats another."""
_LONG_WORDS = 25
_OPENING_WORDS = 5


class QuestionWords:
    """A question's words, each with its share of the question: the rarer, the larger."""

    def __init__(self, text: str, rarity: Rarity) -> None:
        weights: dict[str, float] = {}
        for word, value in rarity(list(dict.fromkeys(content_words(text)))).items():
            for stem in stems(word):
                weights[stem] = max(weights.get(stem, 0.1), value)
        total = sum(weights.values()) or 1.0
        self._shares = {stem: value / total for stem, value in weights.items()}

    def share(self, found: Collection[str]) -> float:
        """The share of the question that these stems hold, 0 to 1."""
        return sum(share for stem, share in self._shares.items() if stem in found)


def text_features(
    question: QuestionWords, one: Candidate, rank: int, hit: Hit, form: Form | None = None
) -> Features:
    """Compute the features of a candidate that need no model.

    Args:
        rank: the rank of its passage among those offered, from 1.
        hit: its passage.
        form: the form of the answer that the question asks for.
    """
    opening = " ".join(one.text.split()[:_OPENING_WORDS])
    return {
        "said": question.share(set(stems(one.text))),
        "opens": question.share(set(stems(opening))),
        "passage": question.share(set(stems(hit.whole))),
        "rank": 1 / rank,
        "length": min(one.words, _LONG_WORDS) / _LONG_WORDS,
        "many": float(len(one.sentences) > 2),
        "asks": float(one.text.endswith("?")),
        "form": float(has_form(form, one.text, f"{hit.passage.heading} {one.context}")),
        "itself": _about_itself(one, hit) if form else 0.0,
    }


def _about_itself(one: Candidate, hit: Hit) -> float:
    """How likely a candidate is about its document, or a sentence that it is quoted with."""
    whole = one.is_list or one.own
    texts = [one.text] if whole else [hit.passage.quote(sentence) for sentence in one.sentences]
    likely = max(map(about_itself, texts))
    return likely if likely > _LIKELY else 0.0


def similarity_features(cosine: float, word_similarity: float) -> Features:
    """Name the features that the embedding model gives.

    Args:
        cosine: of question and candidate, the candidate read below the lines above it.
        word_similarity: late interaction of the question's words and the candidate's own words.
    """
    return {"cosine": cosine, "word similarity": word_similarity}


def score(features: Features) -> float:
    """Score a candidate by all its features."""
    return _weighted(features, _weights()["weights"])


def first_score(features: Features) -> float:
    """Score a candidate by its text features alone, to choose what the model shall read."""
    return _weighted(features, _weights()["weights without the model"])


def _weighted(features: Features, weights: Mapping[str, float]) -> float:
    known = sum(weight * features[name] for name, weight in weights.items())
    return known - ITSELF * features["itself"]


@cache
def _weights() -> dict[str, dict[str, float]]:
    text = files("seminar_rag.answer").joinpath("quotation_weights.json").read_text("utf-8")
    found: dict[str, dict[str, float]] = json.loads(text)
    return found


def choose(
    question: QuestionWords,
    candidates: Sequence[Candidate],
    scores: Sequence[float],
    most: int | None = None,
    quoted: Sequence[Candidate] = (),
    best: float | None = None,
    share: float = 0.0,
) -> list[Candidate]:
    """Choose what to quote: the best candidate, then what adds to it, up to a length.

    Greedy, as in maximal marginal relevance (Carbonell & Goldstein 1998): a candidate that repeats
    a chosen one is left out, and one that brings in words of the question that no chosen one has,
    such as the other side of a comparison, is preferred.

    Args:
        most: candidates at most; `MOST` where it is None.
        quoted: what is quoted already and must not be repeated.
        best: the best score of all, where its candidate may not be chosen.
        share: the share of the odds that a further candidate has, at least, together with what it
            adds; of a part of a question, which is given `most`, there is no need of it.
    """
    known = [frozenset(stems(f"{one.context} {one.text}")) for one in candidates]
    floor = max([*scores, *([] if best is None else [best])], default=0.0) - MARGIN
    chosen: list[int] = []
    if share and scores and most is None:
        odds = max(scores) + math.log(math.fsum(math.exp(one - max(scores)) for one in scores))
        floor = max(floor, min(max(scores), odds + math.log(share)))
    while len(chosen) < (MOST if most is None else most):
        covered = frozenset[str]().union(*(known[i] for i in chosen))
        length = sum(candidates[i].words for i in chosen)
        values = {
            i: value + (NEW_WORDS * question.share(known[i] - covered) if chosen else 0.0)
            for i, value in enumerate(scores)
            if not chosen or length + candidates[i].words <= ENOUGH_WORDS
        }
        best = max(
            (
                i
                for i, value in values.items()
                if value >= floor
                and not any(
                    not _adds_row(question, candidates[i], candidates[j])
                    if _of_one_table(candidates[i], candidates[j])
                    else _repeats(candidates[i], candidates[j])
                    for j in chosen
                )
                and not any(_repeats(candidates[i], one) for one in quoted)
            ),
            key=values.__getitem__,
            default=None,
        )
        if best is None:
            break
        chosen.append(best)
    return [candidates[i] for i in chosen]


def _of_one_table(one: Candidate, other: Candidate) -> bool:
    lead = one.sentences[: one.lead]
    return bool(one.own and other.own) and one.hit == other.hit and lead == other.sentences[:-1]


def _adds_row(question: QuestionWords, one: Candidate, other: Candidate) -> bool:
    """Whether a row has a word of the question that another row of its table lacks."""
    return question.share(set(stems(one.own)) - set(stems(other.own))) > 0


def _repeats(one: Candidate, other: Candidate) -> bool:
    if one.hit == other.hit and set(one.sentences) & set(other.sentences):
        return True
    a, b = set(stems(one.text)), set(stems(other.text))
    shared = len(a & b)
    return shared >= _SAME * len(a | b) or shared >= _CONTAINED * (min(len(a), len(b)) or 1)
