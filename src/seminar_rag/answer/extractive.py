"""The answerer without a language model: it quotes what answers the question.

It writes nothing of its own but a lead that names the sources. `candidates` finds what can be
quoted, and `scoring` scores it and chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seminar_rag.answer.abstain import lacking_sides, language_of_hits
from seminar_rag.answer.answering import Answering, lines_above
from seminar_rag.answer.candidates import Candidate, candidates, unread
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.forms import belongs, defines, has_form, names_kind, outdone
from seminar_rag.answer.mentions import spelled_out
from seminar_rag.answer.quoting import above, first_of, listing, quotation, reading_order, sources
from seminar_rag.answer.scoring import (
    SHARE,
    Features,
    QuestionWords,
    Rarity,
    choose,
    first_score,
    score,
    similarity_features,
    text_features,
)
from seminar_rag.answer.sides import are_both, below_its_heading, readings_on, told_apart
from seminar_rag.documents.itself import about_itself
from seminar_rag.index import late
from seminar_rag.models.choice import Chooser
from seminar_rag.models.embed import Side, Words
from seminar_rag.question.forms import so_many
from seminar_rag.question.language import quoted_in
from seminar_rag.question.parts import Part, asks_more
from seminar_rag.question.query import Query
from seminar_rag.text import has_most
from seminar_rag.types import Hit, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

Read = Callable[[Sequence[str], Side], "tuple[Matrix, list[Words]]"]

EACH = 2
"""Quotations for each part of a question, at most."""
_LOOSE = ("definition", "means", "person")
"""Forms that an answer may lack."""
_ITSELF = 0.5
"""How likely a sentence is about its document, at most, that speaks for a side of a thing."""
_LACKS = "No passage that was found mentions “{}”."
UNTOLD = "No passage that was found answers “{}”."
BOTH = "What speaks for {} or against it"
"""Above the sentences for both sides, where no heading of their authors and no model tells the
sides apart: of words alone that is seldom sure (`sides`)."""
_UNMENTIONED = "None of these sentences mentions “{}”."
NOT_SIMPLER = (
    "Only a language model can put this in simpler words; without one the readings are quoted."
)

EMBEDDED = 28
"""Candidates that the embedding model reads; the rest is left out by their text features."""


class Extractive:
    """Answers with quotations."""

    name = "extractive"
    notice = "Answers are quoted from the readings. No language model is in use."

    def __init__(self, read: Read, rarity: Rarity, judge: Chooser | None = None) -> None:
        """Put an answerer together.

        Args:
            read: texts → unit vectors, shape (n, dimensions), and their words with vectors, as
                `Embedder.read` gives them.
            rarity: words → inverse document frequency in the course.
            judge: a model that understands what a sentence answers, and which side it takes.
        """
        self._read = read
        self._rarity = rarity
        self._judge = judge

    def unjudged(self) -> Extractive:
        """The same without a judge, for where the model does not answer."""
        return Extractive(self._read, self._rarity)

    def draft(
        self,
        query: Query,
        hits: Sequence[Hit],
        history: Sequence[Turn],  # noqa: ARG002  (the query holds what is needed of it)
        stop: Stop,
    ) -> Draft:
        offered = tuple(hits)
        notes = [_LACKS.format(side) for side in lacking_sides(query, offered)]
        if query.intent == "simple":
            notes.append(NOT_SIMPLER)
        return Draft(offered, self._answer(query, offered, stop, notes), notes)

    def _answer(
        self, query: Query, hits: tuple[Hit, ...], stop: Stop, notes: list[str]
    ) -> Iterator[str]:
        """The chunks of an answer; what it lacks is added to the notes."""
        told = self._by_part(query, hits, stop, notes)
        if not query.parts or (query.sides and not told):
            told = [("", self._chosen(query, hits, notes, stop=stop))]
        elif query.sides and asks_more(query.own_text, query.sides):
            both = self._chosen(query, hits, notes, most=EACH, quoted=_all(told), stop=stop)
            told += [("Beside each other", both)] if both else []
        notes.extend(_foreign(query, _all(told), hits))
        if stop() or not _all(told):
            return
        yield sources([hits[one.hit - 1].document for one in _all(told)])
        for label, some in told:
            if label:
                yield f"\n\n{above(label)}"
            yield from (f"\n\n{quotation(one, hits[one.hit - 1])}" for one in some)

    def _by_part(
        self, query: Query, hits: tuple[Hit, ...], stop: Stop, notes: list[str]
    ) -> list[tuple[str, list[Candidate]]]:
        """The parts of a question that are told, each with what is quoted for it."""
        told: list[tuple[str, list[Candidate]]] = []
        untold: list[str] = []
        for part in query.parts:
            found = [] if stop() else self.part(query, part, hits, _all(told), stop)
            if found:
                told.append((part.label, found))
            elif not part.name and not self._tells_too(query, part, hits, _all(told), stop):
                untold.append(UNTOLD.format(part.label.rstrip("?")))
        both = self._judge is None and are_both(query.parts)
        if told and both and not told_apart(query.parts, told, hits):
            return [(BOTH.format(query.topic), _all(told))]
        notes.extend(untold)
        return told

    def _tells_too(
        self,
        query: Query,
        part: Part,
        hits: tuple[Hit, ...],
        told: Sequence[Candidate],
        stop: Stop,
    ) -> bool:
        """Whether what is quoted already answers a further part, too: it has the number or the time
        that is asked for, or would be quoted for that part alone."""
        if not told or _has_exact(asked_part(query, part), told, hits):
            return bool(told)
        there = {(one.hit, sentence) for one in told for sentence in one.sentences}
        alone = self.part(query, part, hits, (), stop)[:1]
        return any((one.hit, sentence) in there for one in alone for sentence in one.sentences)

    def part(
        self,
        query: Query,
        part: Part,
        hits: tuple[Hit, ...],
        quoted: Sequence[Candidate],
        stop: Stop,
    ) -> list[Candidate]:
        """What answers one part of a question; nothing where it lacks a form that it must have."""
        asked = asked_part(query, part)
        strict = part.form is not None and part.form.kind not in _LOOSE
        return self._chosen(
            asked, hits, most=EACH, name=part.name, strict=strict, quoted=quoted, stop=stop
        )

    def featured(
        self,
        query: Query,
        question: QuestionWords,
        hits: Sequence[Hit],
        most: int = EMBEDDED,
    ) -> list[tuple[Candidate, Features]]:
        """Return the quotation candidates with their features, the most promising ones only."""
        persons = query.form is not None and query.form.kind == "person"
        found = [
            (one, text_features(question, one, index, hit, query.form))
            for index, hit in enumerate(hits, 1)
            for one in candidates(index, hit, persons)
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

    def _chosen(
        self,
        query: Query,
        hits: tuple[Hit, ...],
        notes: list[str] | None = None,
        *,
        most: int | None = None,
        name: str = "",
        strict: bool = False,
        quoted: Sequence[Candidate] = (),
        stop: Stop = lambda: False,
    ) -> list[Candidate]:
        """What to quote of the passages, the best first.

        Args:
            notes: where to say which side of a number is not told.
            name: what the quotations have to mention, or to stand under.
            strict: they must have the form asked for.
            quoted: what is quoted already.
        """
        query = _spelled_out(query, hits)
        question = QuestionWords(query.search_text, self._rarity)
        found = self.featured(query, question, hits)
        if name:
            others = [part.name for part in query.parts if part.name != name]
            found = [
                pair
                for pair in found
                if _mentions(pair[0], hits, name)
                and not any(defines(other, pair[0].text) for other in others)
            ]
        one_sided = query.form if query.form and query.form.of_one_side else None
        if one_sided:
            readings = readings_on(one_sided.thing, hits)
            about = [pair for pair in found if hits[pair[0].hit - 1].document.id in readings]
            below = [pair for pair in about if below_its_heading(one_sided, hits, pair[0])]
            # The author's own list is better than any sentence with a "not" in it.
            found = below or about
            one_sided = None if below else one_sided  # and needs no judge
        if query.form and query.form.kind == "number" and query.form.thing and query.names:
            strict = True  # another thing's number answers nothing
        if query.form and query.form.of_one_side:  # nor does what speaks for neither side
            strict = strict or any(_fits(query, one, hits) for one, _ in found)
        if strict:
            found = [pair for pair in found if _fits(query, pair[0], hits)]
        scores = [score(features) for _, features in found]
        best = max(scores, default=0.0)  # what is left has to come near what was shown
        left = [unread(one, hits[one.hit - 1].passage, query.shown) for one, _ in found]
        scores = [value for value, one in zip(scores, left, strict=True) if one]
        quotable = [one for one in left if one]
        whole = listing(so_many(query.own_text), quotable, scores, hits)
        chosen = whole or choose(question, quotable, scores, most, quoted, best, SHARE)
        ahead = None if whole else self._ahead(query, quotable, scores)
        # Whether its words are simple is not asked of a quotation.
        asked = query.search_text if query.intent == "simple" else query.stand_alone
        off_topic = Answering(self._judge, asked, one_sided, hits, stop)
        if ahead and off_topic.others([ahead]):
            ahead = None
        while off := off_topic.others(chosen):
            kept = [pair for pair in zip(scores, quotable, strict=True) if pair[1] not in off]
            scores, quotable = [value for value, _ in kept], [one for _, one in kept]
            chosen = choose(question, quotable, scores, most, quoted, best, SHARE)
        if notes is not None and query.form and query.form.kind == "number":
            sides = [side for side in query.sides if not _any_mentions(chosen, hits, side)]
            notes += [_UNMENTIONED.format(side) for side in sides if chosen]
        told = what_it_is(query, quotable, scores, chosen)
        told = [one for one in told if one not in off_topic.others(told)]
        out = told + reading_order([one for one in chosen if one not in told])
        return first_of(ahead, out) if ahead and out else out

    def _ahead(
        self,
        query: Query,  # noqa: ARG002
        quotable: Sequence[Candidate],  # noqa: ARG002
        scores: Sequence[float],  # noqa: ARG002
    ) -> Candidate | None:
        """What is quoted first, whatever its score, where something tells that."""
        return None

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
        above = [lines_above(one, hits[one.hit - 1]) for one in found]
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


def asked_part(query: Query, part: Part) -> Query:
    """One part of a question as a question."""
    ask = part.text if part.text.endswith("?") else f"{part.label.rstrip('?')}?"
    one = replace(query, search_text=part.text, own_text=part.text, form=part.form, counted=())
    return replace(one, stand_alone=ask)


def _spelled_out(query: Query, hits: Sequence[Hit]) -> Query:
    """A question for what a thing is, with what its name is short for in the passages."""
    if query.form is None or query.form.kind != "definition":
        return query
    long = spelled_out(query.form.thing, (hit.passage.text for hit in hits))
    return replace(query, form=replace(query.form, long=long))


def _has_exact(query: Query, told: Sequence[Candidate], hits: Sequence[Hit]) -> bool:
    """Whether what is quoted already has the number or the time that a further part asks for."""
    exact = query.form is not None and query.form.kind in ("number", "time")
    return exact and any(_fits(query, one, hits) for one in told)


def what_it_is(
    query: Query,
    found: Sequence[Candidate],
    scores: Sequence[float],
    chosen: Sequence[Candidate],
) -> list[Candidate]:
    """The best candidate that says what a thing is, chosen ones first, where that is asked for, or
    how it does something; none without one.

    How a thing does something follows from what it is, which often shares no word with the effect.
    """
    if query.form is None or query.form.kind not in ("means", "definition"):
        return []
    things = query.names if query.form.kind == "means" else (query.form.thing, query.form.long)
    used = {(one.hit, sentence) for one in chosen for sentence in one.sentences}
    telling = [
        (max(names_kind(thing, one.text) for thing in things), one in chosen, value, i)
        for i, (value, one) in enumerate(zip(scores, found, strict=True))
        if any(defines(thing, one.text) for thing in things)
        and (one in chosen or not any((one.hit, sentence) in used for sentence in one.sentences))
    ]
    return [found[max(telling)[-1]]] if telling and chosen else []


def _foreign(query: Query, chosen: Sequence[Candidate], hits: Sequence[Hit]) -> Iterator[str]:
    """What is said of quotations in another language than the question."""
    told = quoted_in(query.language, language_of_hits([hits[one.hit - 1] for one in chosen]))
    if told:
        yield told


def _all(told: Sequence[tuple[str, Sequence[Candidate]]]) -> list[Candidate]:
    return [one for _, some in told for one in some]


def _mentions(one: Candidate, hits: Sequence[Hit], name: str) -> bool:
    """Whether a candidate, or what it stands under, holds most words of a name."""
    return has_most(f"{lines_above(one, hits[one.hit - 1])} {one.text}", name)


def _any_mentions(some: Sequence[Candidate], hits: Sequence[Hit], name: str) -> bool:
    return any(_mentions(one, hits, name) for one in some)


def _fits(query: Query, one: Candidate, hits: Sequence[Hit]) -> bool:
    """Whether a candidate has the form asked for, and says it of what is asked about."""
    hit = hits[one.hit - 1]
    above = lines_above(one, hit)
    if not has_form(query.form, one.text, above):
        return False
    if query.form and query.form.of_one_side and about_itself(one.text) > _ITSELF:
        return False
    if query.form and query.form.kind == "for" and outdone(query.form.thing, one.text):
        return False
    return (
        query.form is None
        or query.form.kind not in ("number", "time")
        or belongs(one.text, f"{above}{hit.passage.text}", query.names)
    )


def _words_after(read: Words, lines: str) -> Words:
    """The words of a text that come after these lines, with which it begins."""
    left = len("".join(lines.split()))
    at = 0
    while left > 0 and at < len(read.texts):
        left -= len(read.texts[at])
        at += 1
    return Words(read.texts[at:], read.vectors[at:])
