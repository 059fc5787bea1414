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

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from seminar_rag.answer.attribution import Attribution, attributed
from seminar_rag.answer.candidates import Candidate, unread
from seminar_rag.answer.citations import introduces, split_answer
from seminar_rag.answer.dialogue import Conversations, Told
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.excerpts import Excerpt, block, excerpts
from seminar_rag.answer.extractive import NOT_SIMPLER
from seminar_rag.answer.forms import has_form
from seminar_rag.answer.instructions import (
    NO,
    WRITE,
    YES,
    answering,
    asked,
    message,
    messages,
    opening,
)
from seminar_rag.answer.known import spoken_of, told_apart
from seminar_rag.answer.scoring import choose
from seminar_rag.answer.sides import judging
from seminar_rag.errors import ModelError
from seminar_rag.question.intent import PLAIN
from seminar_rag.question.language import language_of, name_of
from seminar_rag.question.query import Query
from seminar_rag.text import unmarked
from seminar_rag.types import Citation, Hit, Turn

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

    from seminar_rag.answer.extractive import Extractive
    from seminar_rag.check.support import Verifier
    from seminar_rag.models.choice import Chooser, Probabilities
    from seminar_rag.models.llm import LLM

MESSAGE_TOKENS = 16
"""Reserved per message for the marks that a chat template puts around it."""
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
tell the model less. Of 14 answerable ones, on which it was chosen, none is refused (2 at `LEAST`),
of ten others none instead of 1; of nine that nothing answers 1 passes, as before."""
SURE = 0.66
"""How likely it has to be to quote the passages where what is written cites none of them. Of 72
answerable questions of two courses 8 are refused then, and 30 of 51 others on their subjects; at
.75 it was 11 and 35, at `LEAST` 7 and 28. Of five such questions of the seminar, for which the
model wrote mostly wrong answers, the quotations hold the answer to four."""
RETOLD = 3
"""Quotations of an answer that the model is told of before a follow-up, at most."""
FINISHING = 150
"""Tokens that an answer may be longer than its limit so that its last sentence is finished."""

_DECIDED = (PLAIN, "simple", "for", "against")
"""Intents of questions that a judge decides on; of the others, the parts that can be answered are
told, and those that cannot are named."""

log = logging.getLogger(__name__)

_QUOTED_INSTEAD = "The language model does not answer, so these are quotations. {}"
_LEFT_OUT = "What the model wrote and none of the passages says was left out."
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
    ) -> None:
        """Args:
        max_tokens: the longest answer, but for the end of its last sentence.
        quotations: finds what of the passages answers a question.
        verifier: compares a finished sentence with the passages.
        judge: a model that understands enough to say whether the passages answer a question, and
            for which side of a thing a sentence speaks.
        """
        self._llm = llm
        self._max_tokens = max_tokens
        self._quotations = quotations
        self._verifier = verifier
        self._judge = judge
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
        # Of a question in another language, only what the readings hold is searched for.
        ask, write = query.stand_alone.strip(), WRITE
        if foreign:
            ask = query.text.strip()
            write += _NUMBERED.format(name_of(query.language))
        elif query.intent == "simple":  # whether simple words are there is not asked
            ask, write = query.search_text, f"{WRITE} {ask}"
        then = messages(answering(write))
        limit = self._max_tokens + FINISHING
        room = self._llm.context - limit - _tokens(then, self._llm.count)
        question, found, scores = self._quotations.scored(query, hits)
        best = choose(question, found, scores)
        order = sorted(range(len(found)), key=lambda i: -scores[i])
        near = [found[i] for i in order if scores[i] >= max(scores) - FAR]
        leans = bool(history) and query.stand_alone != query.text
        before = self._conversations.after(history) if leans and not foreign else None
        if before and (told := self._gone_on(query, hits, best, near, before, room)):
            offered = told.hits
        else:
            before = None
            fixed = _tokens([*opening(), message("user", asked([], ask))], self._llm.count)
            shown = excerpts(hits, best, near, self._llm.count, min(room - fixed, self._room()))
            before_it = history if leans else ()
            prompt = build_messages(ask, shown, before_it, count=self._llm.count, room=room)
            told = Told(prompt, tuple(shown))
            offered = tuple(one.hit for one in shown)
        written: list[str] = []
        whole = replace(told, messages=(*told.messages, *then))
        chunks: Iterator[str] = _heard(
            self._llm.stream(whole.messages, max_tokens=limit, stop=stop), written
        )
        judged: list[float] = []
        decided = query.intent in _DECIDED and not (foreign or query.parts)
        if self._judge is not None and decided:
            judge = partial(self._judge.weigh, told.messages, (YES, NO), stop, then)
            chunks = _if_answered(chunks, judge, judged, LEAST_FURTHER if before else LEAST, stop)
        sides = [part.name for part in query.parts if part.name]
        evidence = Attribution(
            self._verifier,
            offered,
            question=ask,
            sides=sides,
            named=sides or query.names,
            trusting=foreign,
        )
        notes: list[str] = []
        answer = self._conversations.kept(
            query.text, self._cited(chunks, evidence, notes), written, whole
        )

        def quoted() -> Iterator[str]:
            draft = self._quotations.draft(query, offered, history, stop)
            yield from draft.chunks
            notes.extend(note for note in draft.notes if note != NOT_SIMPLER)

        def instead(cited: bool) -> Iterator[str]:
            notes.clear()
            unsure = not cited and max(judged, default=0.0) < SURE
            plain = decided and query.intent == PLAIN
            if plain and unsure:
                return iter(())
            said: list[str] = []
            return self._conversations.kept(query.text, _retold(quoted(), said), said, whole)

        apart = told_apart(sides)
        if len(apart) > 1 and not foreign:
            answer = _once(answer, lambda told: len(spoken_of(told, apart)) > 1)
        elif query.intent == "pros and cons" and not foreign:
            wanted = [part.form for part in query.parts]
            answer = _once(answer, lambda told: all(has_form(form, told) for form in wanted))
        chunks = _or_quoted(answer, quoted, notes, stop)
        left = (unread(one, hits[one.hit - 1].passage, query.shown) for one in best)
        waiting = _quoted([one for one in left if one], hits, offered)
        other_side = judging(self._judge, None if foreign else query.form, stop)
        return Draft(offered, chunks, notes, waiting, instead, judged, other_side)

    def _gone_on(
        self,
        query: Query,
        hits: Sequence[Hit],
        best: Sequence[Candidate],
        near: Sequence[Candidate],
        before: Told,
        room: int,
    ) -> Told | None:
        """What the model is told of a follow-up in addition; None where there is no room for it."""
        shown = excerpts(hits, best, near, self._llm.count, MORE_PASSAGES, before.sentences)
        told = Told(before.messages, (*before.shown, *shown))
        numbers = {hit.passage.id: number for number, hit in enumerate(told.hits, 1)}
        known = len(before.hits)
        numbered = [(numbers[one.hit.passage.id], one) for one in shown]
        blocks = [block(number, one, again=number <= known) for number, one in numbered]
        ask = message("user", asked(blocks, query.text))
        fits = _tokens([*before.messages, ask], self._llm.count) <= room
        return replace(told, messages=(*before.messages, ask)) if fits else None

    def _cited(
        self, chunks: Iterator[str], evidence: Attribution, notes: list[str]
    ) -> Generator[str]:
        """The answer with its citations; a note where sentences of it are left out."""
        yield from attributed(chunks, evidence, self._max_tokens)
        if evidence.left_out:
            notes.append(_LEFT_OUT)

    def _room(self) -> int:
        """Tokens of the passages: no more than are read in `READING_SECONDS`."""
        if self._llm.speed is None:
            return MOST_PASSAGES
        return min(MOST_PASSAGES, max(LEAST_PASSAGES, int(self._llm.speed * READING_SECONDS)))


def _if_answered(
    chunks: Iterator[str],
    judge: Callable[[], Probabilities],
    judged: list[float],
    least: float,
    stop: Stop,
) -> Iterator[str]:
    """The answer, begun once the judge finds that the passages hold one; else nothing.

    Args:
        judged: where to put how likely that is.
        least: how likely it has to be.
    """
    try:
        yes, no = judge()
    except ModelError as error:
        if stop():
            return
        log.warning("Whether the passages hold an answer was not judged: %s", error)
        yes = no = 0.0
    if yes + no:  # the model gave one of them
        judged.append(float(yes))
        if yes < least:
            return
    try:
        yield from chunks
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def _or_quoted(
    answer: Iterator[str], quoted: Callable[[], Iterator[str]], notes: list[str], stop: Stop
) -> Iterator[str]:
    """An answer as it is written; quotations where the model cannot begin it, with a note.

    Raises:
        ModelError: it broke off, so that what was written stays what the reader sees.
    """
    begun = False
    try:
        for chunk in answer:
            begun = begun or bool(chunk)
            yield chunk
    except ModelError as error:
        if begun or stop():
            raise
        log.warning("%s Quotations are given instead.", error)
        notes.append(_QUOTED_INSTEAD.format(error))
        yield from quoted()
    finally:
        if isinstance(answer, Generator):
            answer.close()


def _once(answer: Iterator[str], enough: Callable[[str], bool]) -> Iterator[str]:
    """An answer, once it tells enough, such as of two sides; without its marks, so that quotations
    take its place, where it never does."""
    held = ""
    for chunk in answer:
        held += chunk
        if enough(held):
            yield held
            yield from answer
            return
    yield unmarked(held)


def build_messages(
    question: str,
    shown: Sequence[Excerpt],
    history: Sequence[Turn],
    *,
    count: Callable[[str], int],
    room: int,
) -> tuple[ChatMessage, ...]:
    """Instructions, examples, the last exchange where there is room, the passages, the question.

    Args:
        question: as it can be understood without the conversation.
        history: earlier messages, oldest first.
        count: the number of tokens of a text.
        room: tokens of the prompt.

    Raises:
        ModelError: when the room does not hold the question and the passages.
    """
    ask = asked([block(number, one) for number, one in enumerate(shown, 1)], question)
    head = opening()
    room -= _tokens(head, count)
    room -= count(ask) + MESSAGE_TOKENS
    if room < 0:
        raise ModelError(
            "The question does not fit the model's context window beside the passages and an"
            " answer - ask a shorter one, or raise [llm] context."
        )
    last = _last_exchange(history)
    if sum(count(one.text) + MESSAGE_TOKENS for one in last) > room:
        last = ()
    return (*head, *messages(last), message("user", ask))


def _heard(chunks: Iterator[str], written: list[str]) -> Generator[str]:
    """The chunks as they come, each added to what was written."""
    for chunk in chunks:
        written.append(chunk)
        yield chunk


def _retold(chunks: Iterator[str], told: list[str]) -> Generator[str]:
    """Quotations as they come. Once they are complete, the first of them are added to what is told,
    without headings and bullets: a small model goes on in the form that it has seen last."""
    seen: list[str] = []
    yield from _heard(chunks, seen)
    text = "".join(seen)
    said = [one.text for one in split_answer(text) if not introduces(text, one)]
    told.append(" ".join(one.strip("“”") for one in said[:RETOLD]))


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


def _tokens(messages: Iterable[ChatMessage], count: Callable[[str], int]) -> int:
    return sum(count(one.content or "") + MESSAGE_TOKENS for one in messages)


def _last_exchange(history: Sequence[Turn]) -> tuple[Turn, ...]:
    for one, said in reversed(list(pairwise(history))):
        if (one.role, said.role) == ("user", "assistant"):
            answer = unmarked(said.text).strip()  # old numbers mean other passages
            return Turn("user", f"Question: {one.text.strip()}"), Turn("assistant", answer)
    return ()
