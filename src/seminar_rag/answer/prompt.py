"""Answers written by a language model: question, conversation and passages → a prompt → a draft.

A small model on a CPU reads about a hundred tokens a second, so it is given little: of the
passages found, the sentences around the best quotations. Instructions and examples come first and
never change, so that they are read once; whether the passages answer the question and what the
answer is are asked one after the other, and a follow-up goes on from there.

Passages are text from the outside. They stand in the user's message, never in the system
message, between tags that their own text cannot close, and the instructions say that whatever
they ask for is content (indirect prompt injection: Greshake et al., arXiv 2302.12173).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from seminar_rag.answer.attribution import LEFT_OUT, Attribution, attributed
from seminar_rag.answer.candidates import Candidate, unread
from seminar_rag.answer.dialogue import Conversations, Told, answered
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.excerpts import block, excerpts
from seminar_rag.answer.extractive import EACH, asked_part, what_it_is
from seminar_rag.answer.forms import has_form
from seminar_rag.answer.in_turn import InTurn, Messages, asked_in_turn, question_of, thing_of
from seminar_rag.answer.instead import SURE, Instead
from seminar_rag.answer.instructions import (
    NO,
    WRITE,
    YES,
    answering,
    asked,
    build_messages,
    message,
    messages,
    opening,
    tokens,
)
from seminar_rag.answer.known import called_by, spoken_of, told_apart
from seminar_rag.answer.reread import reread
from seminar_rag.answer.scoring import choose
from seminar_rag.answer.sides import judging
from seminar_rag.answer.streams import heard, if_answered, likely, once, or_quoted
from seminar_rag.question.intent import PLAIN
from seminar_rag.question.language import language_of, name_of
from seminar_rag.question.parts import Part
from seminar_rag.question.query import Query
from seminar_rag.types import Citation, Hit, Turn

if TYPE_CHECKING:
    from seminar_rag.answer.extractive import Extractive
    from seminar_rag.check.support import Verifier
    from seminar_rag.models.choice import Chooser
    from seminar_rag.models.llm import LLM

READING_SECONDS = 5.0
"""How long reading the passages may take where the model's speed is known."""
LEAST_PASSAGES, MOST_PASSAGES = 500, 1000
"""Tokens of the passages on the slowest machine, and on any."""
MORE_PASSAGES = 120
"""Tokens of what a follow-up adds to the passages, at most."""
FAR = 3.0
"""By how much what is shown may score less than the best quotation. Of 221 questions of three
courses, all evidence was shown for 139 in 500 tokens, for 144 in 600; for 136 with 2.0 in 390.
Since the best ones come with their whole passages, 98 of 138 other questions instead of 99."""
LEAST = 0.6
"""How likely the model has to find it that the passages answer a question. With
Qwen2.5-Coder-1.5B-Instruct, of 35 answerable questions of a seminar and biomedical papers 2 are
refused, and of 20 others that retrieval lets through 5; at .64 it is 4 and 8, at .55 2 and 1.
“Yes” was likelier for the answerable one in 84% of their pairs (85% where it was asked in a prompt
of its own)."""
LEAST_FURTHER = 0.5
"""The same of a follow-up that goes on from what was read, whose own words, such as “why is that?”,
tell the model less, and of each further part of a question. Of 14 answerable ones, on which it was
chosen, none is refused (2 at `LEAST`), of ten others none instead of 1; of nine that nothing
answers 1 passes, as before."""
FINISHING = 150
"""Tokens that an answer may be longer than its limit so that its last sentence is finished."""

_DECIDED = (PLAIN, "simple", "for", "against")
"""Intents of questions that a judge decides on; of the others, the parts that can be answered are
told, and those that cannot are named."""

_NUMBERED = " Write in {}. End every sentence with the number of its passage, like [1]."
"""Added where question and readings are in two languages, whose sentences cannot be compared."""


class LLMAnswerer:
    """Lets a language model write from the passages, and cites what supports its sentences."""

    def __init__(
        self,
        llm: LLM,
        max_tokens: int,
        quotations: Extractive,
        verifier: Verifier,
        judge: Chooser | None = None,
        again: Verifier | None = None,
    ) -> None:
        """Args:
        max_tokens: the longest answer, but for the end of its last sentence.
        quotations: finds what of the passages answers a question.
        verifier: compares a finished sentence with the passages.
        judge: a model that understands enough to say whether the passages answer a question, and
            for which side of a thing a sentence speaks.
        again: a model that compares a sentence with a passage, asked of what words do not find;
            None asks nobody.
        """
        self._llm = llm
        self._max_tokens = max_tokens
        self._quotations = quotations
        self._verifier = verifier
        self._judge = judge
        self._again = again
        self._conversations = Conversations()
        self.name = llm.name
        self.notice = (
            f"Answers are written by {llm.name} from the passages shown;"
            " check a sentence against its source before you rely on it."
        )

    def draft(
        self, query: Query, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        foreign = bool(query.language) and query.language != _language(hits)
        parts = self._parts(query, foreign=foreign)
        ask, write = _put(query, parts, foreign=foreign)
        then = messages(answering(write))
        limit = self._max_tokens + FINISHING
        room = self._room_for(parts, then)
        best, near = self._ranked(query, hits, parts)
        leans = bool(history) and query.stand_alone != query.text
        before = self._conversations.after(history) if leans and not foreign else None
        told = self._gone_on(query, parts, hits, best, near, before, room) if before else None
        least = LEAST_FURTHER if told else LEAST
        told = told or self._begun(ask, hits, best, near, history if leans else (), room)
        offered = told.hits
        whole = (*told.messages, *then)
        sides = [part.name for part in query.parts if part.name]
        beside: list[Candidate] = []
        evidence = partial(
            Attribution,
            self._verifier,
            offered,
            sides=sides,
            named=sides or query.names or thing_of(query.form),
            called=called_by(query.works, offered),
            trusting=foreign,
            beside=beside,
        )
        judged: list[float] = []
        notes: list[str] = []
        written: list[str] = []
        decided = query.intent in _DECIDED and not (foreign or query.parts)

        def writes(said: Messages) -> Iterator[str]:
            return self._llm.stream(said, max_tokens=limit, stop=stop)

        def judges(said: Messages) -> float | None:
            weigh = self._judge and partial(self._judge.weigh, said, (YES, NO), stop, then)
            return likely(weigh, stop) if weigh else None

        turn: InTurn | None = None
        if parts:
            turn = InTurn(
                query,
                self._quotations,
                offered,
                evidence,
                writes,
                judges,
                stop,
                again=partial(self._reread, stop=stop),
                first=least,
                further=LEAST_FURTHER,
                sure=SURE,
            )
            judged, notes = turn.judged, turn.notes
            text = turn.answer(told.messages, then, self._max_tokens)
            astray = turn.astray(self._judge)
        else:
            chunks: Iterator[str] = heard(writes(whole), written)
            if decided:
                chunks = if_answered(chunks, partial(judges, told.messages), judged, least, stop)
            text = self._cited(chunks, evidence(question=ask), notes)
            astray = judging(self._judge, None if foreign else query.form, stop)
        answer = self._conversations.kept(
            query.text,
            text,
            lambda: turn.conversation if turn else answered(whole, written),
            told.shown,
        )

        if not foreign and (enough := _enough(query, sides)):
            answer = once(answer, enough)
        instead = Instead(
            query,
            told,
            then,
            self._quotations,
            evidence(question=ask),
            self._again,
            self._conversations,
            stop,
            decided=decided,
            in_turn=bool(parts),
            foreign=foreign,
            judged=judged,
            notes=notes,
            written=written,
            beside=beside,
        )
        answer = or_quoted(answer, lambda: instead.quoted(self._quotations.unjudged()), notes, stop)
        left = (unread(one, hits[one.hit - 1].passage, query.shown) for one in best)
        waiting = _quoted([one for one in left if one], hits, offered)
        return Draft(offered, answer, notes, waiting, instead.again, instead, judged, astray)

    def _reread(self, written: str, evidence: Attribution, *, stop: Stop) -> Iterator[str]:
        """What of a text the judge of sentences finds in the passages; nothing without a judge."""
        if self._again is not None:
            yield from reread(written, evidence, self._again, stop)

    def _begun(
        self,
        ask: str,
        hits: Sequence[Hit],
        best: Sequence[Candidate],
        near: Sequence[Candidate],
        history: Sequence[Turn],
        room: int,
    ) -> Told:
        """A conversation with the model, begun with a question."""
        fixed = tokens([*opening(), message("user", asked([], ask))], self._llm.count)
        shown = excerpts(hits, best, near, self._llm.count, min(room - fixed, self._room()))
        prompt = build_messages(ask, shown, history, count=self._llm.count, room=room)
        return Told(prompt, tuple(shown))

    def _ranked(
        self, query: Query, hits: Sequence[Hit], parts: Sequence[Part]
    ) -> tuple[list[Candidate], list[Candidate]]:
        """What would be quoted of the passages, and what else is near to the best of it, best
        first; of a question with parts what would be quoted for each of them, in turn."""
        columns: list[list[Candidate]] = []
        others: list[list[Candidate]] = []
        for one in [asked_part(query, part) for part in parts] or [query]:
            question, found, scores = self._quotations.scored(one, hits)
            quoted = [each for column in columns for each in column]
            chosen = choose(question, found, scores, EACH if parts else None, quoted)
            told = what_it_is(one, found, scores, chosen) if parts else []
            columns.append(told + [each for each in chosen if each not in told])
            order = sorted(range(len(found)), key=lambda i: -scores[i])
            others.append([found[i] for i in order if scores[i] >= max(scores) - FAR])
        return _alternating(columns), _alternating(others)

    def _gone_on(
        self,
        query: Query,
        parts: Sequence[Part],
        hits: Sequence[Hit],
        best: Sequence[Candidate],
        near: Sequence[Candidate],
        before: Told,
        room: int,
    ) -> Told | None:
        """What the model is told of a follow-up in addition; None where there is no room for it."""
        more = MORE_PASSAGES * max(1, len(parts))
        shown = excerpts(hits, best, near, self._llm.count, more, before.sentences)
        told = Told(before.messages, (*before.shown, *shown))
        numbers = {hit.passage.id: number for number, hit in enumerate(told.hits, 1)}
        known = len(before.hits)
        numbered = [(numbers[one.hit.passage.id], one) for one in shown]
        blocks = [block(number, one, again=number <= known) for number, one in numbered]
        ask = message("user", asked(blocks, question_of(parts[0]) if parts else query.text))
        fits = tokens([*before.messages, ask], self._llm.count) <= room
        return replace(told, messages=(*before.messages, ask)) if fits else None

    def _cited(
        self, chunks: Iterator[str], evidence: Attribution, notes: list[str]
    ) -> Generator[str]:
        """The answer with its citations; a note where sentences of it are left out."""
        yield from attributed(chunks, evidence, self._max_tokens)
        if evidence.left_out:
            notes.append(LEFT_OUT)

    def _room_for(self, parts: Sequence[Part], then: Messages) -> int:
        """Tokens of the prompt, so that there is room for the answer to each part.

        Args:
            then: what follows each question that the passages answer.
        """
        later = [message("user", asked([], question_of(part))) for part in parts[1:]]
        each = self._max_tokens + FINISHING + tokens(then, self._llm.count)
        return self._llm.context - max(1, len(parts)) * each - tokens(later, self._llm.count)

    def _parts(self, query: Query, *, foreign: bool) -> tuple[Part, ...]:
        """The parts that are answered in turn, where the context has room for the answers to them
        beside the passages; else none, so that all is asked at once."""
        parts = asked_in_turn(query)
        if foreign or not parts:
            return ()
        first = [*opening(), message("user", asked([], question_of(parts[0])))]
        room = self._room_for(parts, messages(answering(WRITE)))
        return parts if room - tokens(first, self._llm.count) >= LEAST_PASSAGES else ()

    def _room(self) -> int:
        """Tokens of the passages: no more than are read in `READING_SECONDS`."""
        if self._llm.speed is None:
            return MOST_PASSAGES
        return min(MOST_PASSAGES, max(LEAST_PASSAGES, int(self._llm.speed * READING_SECONDS)))


def _enough(query: Query, sides: Sequence[str]) -> Callable[[str], bool] | None:
    """Tells whether an answer speaks of both sides that a question has; None where it has none."""
    apart = told_apart(sides)
    if len(apart) > 1:
        return lambda said: len(spoken_of(said, apart)) > 1
    if query.intent == "pros and cons":
        return lambda said: all(has_form(part.form, said) for part in query.parts)
    return None


def _put(query: Query, parts: Sequence[Part], *, foreign: bool) -> tuple[str, str]:
    """A question as it is put to the model, or the first of its parts, and the request to write."""
    if foreign:  # only what the readings hold of it was searched for
        return query.text.strip(), WRITE + _NUMBERED.format(name_of(query.language))
    if query.intent == "simple":  # whether simple words are there is not asked
        return query.search_text, f"{WRITE} {query.search_text}"
    return question_of(parts[0]) if parts else query.stand_alone.strip(), WRITE


def _alternating(columns: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """The first of each column, then the second, each candidate once."""
    rows = chain.from_iterable(zip_longest(*columns))
    return list(dict.fromkeys(one for one in rows if one is not None))


def _quoted(
    best: Sequence[Candidate], hits: Sequence[Hit], offered: Sequence[Hit]
) -> tuple[Citation, ...]:
    """The best quotations of the passages that are shown, as citations of them."""
    ids = [hit.passage.id for hit in offered]
    return tuple(
        Citation(
            number=ids.index(hit.passage.id) + 1,
            document=hit.document,
            passage=hit.passage,
            quote=hit.passage.quote(sentence),
            page=sentence.page if sentence.page is not None else hit.passage.page,
        )
        for one in best
        if (hit := hits[one.hit - 1]).passage.id in ids
        for sentence in one.sentences
    )


def _language(hits: Sequence[Hit]) -> str:
    return language_of(" ".join(hit.passage.text for hit in hits))
