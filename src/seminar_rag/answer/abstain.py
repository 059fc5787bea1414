"""Decides whether the passages found can answer a question at all. Pure, over the search's results.

There are four reasons to abstain, and the reader is told which: the text is an order to the
chatbot; it names something that no passage found mentions; it asks for a number of something that
no passage found counts in that respect; nothing found comes close to it in meaning and words.

Refused without each of them, of 30 questions without an answer in a seminar and of 60 on biomedical
papers that its course lacks, and wrongly, of 130 and 158 with an answer there and of 46 on papers
on language technology, before the sentence with a number had to hold some of the question
(`_TOLD`):

                 25 and 17   2, 6 and 4
    orders       22 and 17   2, 6 and 4
    names        21 and  7   2, 4 and 4
    numbers      21 and 15   1, 5 and 3
    closeness    20 and 13   1, 3 and 1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from seminar_rag.answer.forms import gives_number
from seminar_rag.answer.mentions import Mentions, all_said
from seminar_rag.answer.scoring import QuestionWords
from seminar_rag.question.language import ask_in, differs, language_of, small_words
from seminar_rag.question.query import Query
from seminar_rag.text import content_words, stems, words
from seminar_rag.types import Hit

Rarity = Callable[[Sequence[str]], Mapping[str, float]]
"""Words → how rare they are in the course (inverse document frequency)."""

# A logistic model over two features of the hits, fitted on 279 labelled questions of a seminar.
# Fitted on the seminar and language technology it keeps its place on biomedical papers (3 of 158
# refused), but not the other way round: a threshold from the biomedical questions, which are
# longer, refuses 31% of the seminar's. Likeness word by word and margins between hits added
# nothing. How well the best quotation scores tells more on biomedical papers (AUC .85, these two
# features .79) and less in the seminar (.80 and .84), and no one threshold of it, alone or with
# these features, is both safe in the seminar and of use elsewhere. The same holds of a
# cross-encoder (ms-marco-MiniLM-L-12-v2, int8) that reads the first hits: AUC .94 [.89, .97] on
# biomedical papers (60 without and 90 with an answer; these two features .79) but .72 [.59, .85] in
# the seminar (15 and 129; .74), since it finds no answer to questions in other words than the
# readings': a threshold that refuses .65 instead of .32 there refuses .22 of the seminar's that
# have an answer. Joined with these features, and its weight and threshold set on the other sources,
# it refuses .32 there as ever.
_COSINE, _COVERAGE, _BIAS = 7.94, 1.34, -2.64
_THRESHOLD = 0.51
"""It refused 2% of the seminar's answerable questions left out in ten-fold cross-validation. With
all four reasons, at .51, .65 and .70: of 25 questions without an answer in the seminar .84, .88 and
.88 are refused, of 60 on biomedical papers that its course lacks .32, .37 and .38, of 54 on
abstracts that were left out .11, .20 and .26; wrongly, of 129, 119 and 45 with an answer, .016,
.031 and .054; .025, .034 and .050; .044 each time. At .65 a question in Arabic about a reading in
Arabic is refused, whose words the embedding model hardly knows."""

_FIRST = 5
"""Hits whose words are looked at for closeness."""
_TOLD = 0.3
"""Share of a question that the sentence with its number holds at least, together with the title, by
the words' rarity. “How many children died?” is not answered by how many there were. Of 537 such
questions of SQuAD 2.0, which have no titles, it refuses .25 instead of .23 of those with an answer
in their passage and .48 instead of .36 of the others; of 91 on biomedical papers .22 instead of
.12, and .78 instead of .66; of the seminar, COVID-QA and QASPER no answerable one, and 2 others."""


class Relevance:
    """The decision, for one course."""

    def __init__(self, rarity: Rarity) -> None:
        self._rarity = rarity

    def answerable(self, query: Query, hits: Sequence[Hit]) -> bool:
        """Whether to try an answer from the hits, which come best first."""
        return self.reason(query, hits) is None

    def reason(self, query: Query, hits: Sequence[Hit]) -> str | None:
        """Why to abstain, in words; None where there is no reason."""
        if query.is_order:
            return "this asks for something other than what the readings say"
        if not hits:
            return "nothing was found"
        missing = self._missing(query, hits) or unread(query, hits)
        if missing:
            return ask_in(language_of(query.stand_alone), language_of_hits(hits)) or missing
        return None

    def _missing(self, query: Query, hits: Sequence[Hit]) -> str | None:
        """What the hits lack to answer a question, in words."""
        missing = missing_names(query, hits)
        if missing and not _other_sides(query, missing):
            return f"nothing that was found mentions {_quoted(missing)}"
        if counted := uncounted(query, hits, self._rarity):
            return f"no passage that was found gives a number of “{counted}”"
        absent = lacking_sides(query, hits)
        text = query.subject
        if absent:  # what the other sides are can be told all the same
            text = " ".join(part.name for part in query.parts if part.name not in absent)
        if self.confidence(text, hits) >= _THRESHOLD:
            return None
        if lacking := self._lacking(text, hits):
            return f"no passage that was found mentions {_quoted(lacking, 'or')}"
        return "no passage comes close to this question"

    def _lacking(self, text: str, hits: Sequence[Hit], most: int = 2) -> list[str]:
        """The question's rarest words that none of the first hits has."""
        there = {stem for hit in hits[:_FIRST] for stem in stems(all_said(hit))}
        own = {term: set(stems(term)) for term in content_words(text)}
        terms = [term for term, found in own.items() if found and not found & there]
        weights = self._rarity(terms) if terms else {}
        return sorted(terms, key=lambda term: -weights.get(term, 0.0))[:most]

    def confidence(self, text: str, hits: Sequence[Hit]) -> float:
        """The calibrated confidence, 0 to 1, that the hits hold an answer.

        From the best cosine, and the share of the question's content words, weighted by their
        rarity, that the best of the first passages covers.
        """
        cosine = max((hit.cosine or 0.0 for hit in hits), default=0.0)
        rarity = self._rarity(list(dict.fromkeys(content_words(text))))
        weights = {term: max(0.0, value) for term, value in rarity.items()}
        own = {term: set(stems(term)) for term in weights}
        covered = [0.0]
        for hit in hits[:_FIRST]:
            there = set(stems(all_said(hit)))
            covered.append(sum(weights[term] for term in own if own[term] and own[term] <= there))
        coverage = max(covered) / (sum(weights.values()) or 1.0)
        return 1 / (1 + math.exp(-(_COSINE * cosine + _COVERAGE * coverage + _BIAS)))


def unread(query: Query, hits: Sequence[Hit]) -> str | None:
    """Why a question in another language than the readings is not answered, where they have fewer
    than half of its words: what was found was found by the rest alone."""
    if not differs(query.language, language_of_hits(hits[:1])):
        return None
    there = {stem for hit in hits for stem in stems(all_said(hit))}
    own = small_words(query.language)
    asked = stems(
        " ".join(word for word in words(query.topic or query.stand_alone) if word not in own)
    )
    known = sum(one in there for one in asked)
    return "most of its words stand in no reading" if 2 * known < len(asked) else None


def language_of_hits(hits: Sequence[Hit]) -> str:
    """The language of the best passages, by its code; empty where it is not clear."""
    return language_of(" ".join(map(all_said, hits[:_FIRST])))


def missing_names(query: Query, hits: Sequence[Hit]) -> list[str]:
    """The question's names that none of the hits mentions, in any spelling of spaces and case."""
    texts = [Mentions(hit) for hit in hits]
    return [name for name in query.names if not any(text.of(name) for text in texts)]


def _other_sides(query: Query, missing: Sequence[str]) -> bool:
    """Whether a comparison lacks no more than some of its sides, the others being there."""
    sides = {part.name for part in query.parts if part.name}
    lacking = [side for side in sides if any(name in side for name in missing)]
    told = {name for side in lacking for name in missing if name in side}
    return len(lacking) < len(sides) and told == set(missing)


def lacking_sides(query: Query, hits: Sequence[Hit]) -> tuple[str, ...]:
    """The sides of a comparison that none of the hits mentions."""
    texts = [Mentions(hit) for hit in hits]
    return tuple(
        part.name
        for part in query.parts
        if part.name and not any(text.of(part.name) or text.has_words(part.name) for text in texts)
    )


def uncounted(query: Query, hits: Sequence[Hit], rarity: Rarity | None = None) -> str | None:
    """What a question wants a number of, where no sentence of the first ten hits has one near it
    and, where the rarity of words is given, holds `_TOLD` of the question.

    Where the question has names, the passage with the number must have half of them too.
    """
    named = query.names
    telling = [hit for hit in hits[:10] if 2 * sum(map(Mentions(hit).of, named)) >= len(named)]
    asked = QuestionWords(query.own_text, rarity) if rarity else None
    for thing in query.counted:
        if not any(_gives_number(hit, thing, asked) for hit in telling):
            return thing
    return None


def _gives_number(hit: Hit, counted: str, asked: QuestionWords | None) -> bool:
    """Whether a sentence of the hit has an amount near a word, and with its title enough of the
    question."""
    telling = (
        one for one in map(hit.passage.quote, hit.passage.sentences) if gives_number(one, counted)
    )
    known = {*stems(hit.document.title), *stems(counted)}
    return any(asked is None or asked.share({*stems(one), *known}) >= _TOLD for one in telling)


def _quoted(names: Sequence[str], word: str = "and") -> str:
    """ "“A”, “B” and “C”" """
    *others, last = [f"“{name}”" for name in names]
    return f"{', '.join(others)} {word} {last}" if others else last
