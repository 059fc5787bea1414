"""The answerer without a language model: it quotes what answers the question.

It writes nothing of its own but a lead that names the sources. `candidates` finds what can be
quoted, and `scoring` scores it and chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seminar_rag.answer.candidates import Candidate, candidates, opens_block, tidy
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.scoring import (
    Features,
    QuestionWords,
    Rarity,
    choose,
    first_score,
    score,
    similarity_features,
    text_features,
)
from seminar_rag.index import late
from seminar_rag.models.embed import Side, Words
from seminar_rag.question.query import Query
from seminar_rag.types import Document, Hit, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

Read = Callable[[Sequence[str], Side], "tuple[Matrix, list[Words]]"]

EMBEDDED = 28
"""Candidates that the embedding model reads; the rest is left out by their text features."""

_SECTION_NUMBER = re.compile(r"^#*\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.\d+(?:\.\d+)*\.?)\s+|^#+\s*")
_REFERENCE = re.compile(r"\s?(?:\[\^?\d[\d,;\s–-]*\]|【\d+】)")


class Extractive:
    """Answers with quotations."""

    name = "extractive"
    notice = "Answers are quoted from the readings. No language model is in use."

    def __init__(self, read: Read, rarity: Rarity) -> None:
        """Put an answerer together.

        Args:
            read: texts → unit vectors, shape (n, dimensions), and their words with vectors, as
                `Embedder.read` gives them.
            rarity: words → inverse document frequency in the course.
        """
        self._read = read
        self._rarity = rarity

    def draft(
        self,
        query: Query,
        hits: Sequence[Hit],
        history: Sequence[Turn],  # noqa: ARG002  (the query holds what is needed of it)
        stop: Stop,
    ) -> Draft:
        offered = tuple(hits)
        return Draft(offered, self._quotations(query, offered, stop))

    def featured(
        self,
        query: Query,
        question: QuestionWords,
        hits: Sequence[Hit],
        most: int = EMBEDDED,
    ) -> list[tuple[Candidate, Features]]:
        """Return the quotation candidates with their features, the most promising ones only."""
        found = [
            (one, text_features(question, one, index, hit))
            for index, hit in enumerate(hits, 1)
            for one in candidates(index, hit)
        ]
        found.sort(key=lambda pair: first_score(pair[1]), reverse=True)
        found = found[:most]
        if found:
            similar = self._similarity(query, hits, [one for one, _ in found])
            for (_, features), more in zip(found, similar, strict=True):
                features.update(more)
        return found

    def scored(
        self, query: Query, hits: Sequence[Hit]
    ) -> tuple[QuestionWords, list[Candidate], list[float]]:
        """Return the question's words, the most promising quotations, and the score of each."""
        question = QuestionWords(query.search_text, self._rarity)
        found = self.featured(query, question, hits)
        return question, [one for one, _ in found], [score(features) for _, features in found]

    def _quotations(self, query: Query, hits: tuple[Hit, ...], stop: Stop) -> Iterator[str]:
        chosen = choose(*self.scored(query, hits))
        if not chosen or stop():
            return
        yield _lead([hits[one.hit - 1].document for one in chosen])
        for one in _reading_order(chosen):
            if stop():
                return
            yield "\n\n" + _quoted(one, hits[one.hit - 1])

    def _similarity(
        self, query: Query, hits: Sequence[Hit], found: Sequence[Candidate]
    ) -> list[Features]:
        """Compare candidates with the question as a whole and word by word.

        A candidate is read below its title and the lines above it, which tell what its words
        mean; only its own words are compared. A follow-up counts half by what was typed last,
        since what was asked before was answered before.
        """
        questions = list(dict.fromkeys((query.search_text, query.own_text)))
        question_vectors, question_words = self._read(questions, "question")
        above = [_lines_above(one, hits[one.hit - 1]) for one in found]
        texts = [f"{lines}{one.text}" for lines, one in zip(above, found, strict=True)]
        vectors, words = self._read(texts, "passage")
        cosines = vectors @ question_vectors.mean(axis=0)
        wanted = [late.query_words(one, self._rarity) for one in question_words]
        out = []
        for cosine, lines, read in zip(cosines, above, words, strict=True):
            own = _words_after(read, lines)
            similarity = sum(one.similarity(own) for one in wanted) / len(wanted)
            out.append(similarity_features(float(cosine), similarity))
        return out


def _lines_above(one: Candidate, hit: Hit) -> str:
    lines = one.context or hit.passage.heading.rsplit(" › ", 1)[-1]
    return f"{hit.document.title} › {lines}: "


def _words_after(read: Words, lines: str) -> Words:
    """The words of a text that come after these lines, with which it begins."""
    left = len("".join(lines.split()))
    at = 0
    while left > 0 and at < len(read.texts):
        left -= len(read.texts[at])
        at += 1
    return Words(read.texts[at:], read.vectors[at:])


def _reading_order(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Put passages in the order of their best quotation, each passage's quotations in its own."""
    hits = list(dict.fromkeys(one.hit for one in chosen))
    return sorted(chosen, key=lambda one: (hits.index(one.hit), one.sentences[0].start))


def _lead(documents: Sequence[Document]) -> str:
    """Name the sources: "From A (session 15) and B (session 3):"."""
    named = []
    for document in {one.id: one for one in documents}.values():
        where = ""
        if document.sessions:
            where = f" (session {', '.join(map(str, document.sessions[:3]))})"
        named.append(f"{document.title}{where}")
    *others, last = named
    return f"From {', '.join(others)} and {last}:" if others else f"From {last}:"


def _quoted(one: Candidate, hit: Hit) -> str:
    passage = hit.passage
    quotes = [f"“{_bare(passage.quote(sentence))}” [{one.hit}]" for sentence in one.sentences]
    lead = tidy(passage.quote(one.sentences[0]))
    if one.is_list and lead[-1] not in ".!?:":  # a label, which says nothing by itself
        quotes[0] = f"{_SECTION_NUMBER.sub('', lead)}:"
    out = quotes[0]
    for quote, sentence in zip(quotes[1:], one.sentences[1:], strict=True):
        new_item = sentence.kind == "item" and opens_block(passage, sentence)
        out += f"\n- {quote}" if new_item else f" {quote}"
    return out


def _bare(text: str) -> str:
    """Take off quotation marks around the whole, and the paper's own reference numbers, which
    would be read as marks of the answer."""
    text = tidy(_REFERENCE.sub("", text))
    inner = text[1:-1]
    if len(text) > 2 and text[0] in '"“' and text[-1] in '"”' and not re.search(r'["“”]', inner):
        return inner
    return text
