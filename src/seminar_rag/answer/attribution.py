"""Cites by evidence: which of the passages offered say what a sentence of an answer says.

The numbers that a small language model writes follow the order of its sentences, not where they
come from. So each finished sentence is compared with the passages and cites those that surely
support it. Beside one that is only likely to be supported is quoted what of the passage holds most
of it, a sentence or a list, where that is half of its words, and the quotation cites it. Where none
is likely to, the first sentence cites nothing, and the reader is told; a later one is left out.
Whether one supports it is decided by the weights of the built-in check, which were fitted on claims
of Wikipedia. Weights fitted on 699 pairs of seven other sources (SciFact, Check-COVID, FEVER …)
were no better on sources left out
(area under the ROC curve .73, where those have .74).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from seminar_rag.answer.candidates import Candidate, bare, candidates
from seminar_rag.answer.citations import (
    BESIDE,
    AnswerSentence,
    MarkFilter,
    introduces,
    likeness,
    split_answer,
)
from seminar_rag.answer.known import Called, about, by_side, known_of
from seminar_rag.answer.mentions import Mentions
from seminar_rag.answer.unsaid import leaves_open
from seminar_rag.check.features import clauses
from seminar_rag.check.terms import terms
from seminar_rag.types import Hit, Passage, Verdict

if TYPE_CHECKING:
    from seminar_rag.check.support import Verifier

LEFT_OUT = "What the model wrote and none of the passages says was left out."
"""What the reader is told of that."""
SURE = 0.9
"""The verifier's score from which a passage is cited. Of sentences that language models wrote, half
of them supported (300 of BEGIN, 160 of FactCheck-Bench), 71 of the 75 from here on are supported;
from .8 on 113 of 134, and from .6 on, where the verifier calls a sentence supported, 166 of 211."""
HINT = 0.1
"""By how much less will do for a passage whose number the writer named."""
SAID_OF_IT = 0.8
"""The score from which a part of a comparison counts as said of its side, by sentences that speak
of that side. Of nine parts that are right eight have .89 and more, one .73; of seven that tell of
the other side none has more than .77. Chosen on these."""
JUDGED = 0.8
"""How sure a model that judges has to be of a sentence that words find in no passage."""
NEAR = 0.1
"""By how much a second passage may score less than the best one."""
MOST = 2
"""Passages that one sentence cites at most."""
_BARE = 3
"""Terms below which a sentence, such as “8.”, says too little to be compared: whatever passage has
its number has all of it. The passage is quoted beside it that answers the question so."""
_LONGEST_QUOTE = 60
"""Words of what is quoted beside a sentence that no passage surely supports, at most."""
QUOTED_SHARE = 0.5
"""The share of a sentence's terms that what is quoted beside it holds at least, those left out that
the source's title and headings say. Of 26 sentences of Qwen2.5-Coder-1.5B that no passage surely
supports, 15 of the 16 right ones and 3 of the 10 others keep a quotation. Chosen on these; of 14
that nobody had seen 5 of 6 and 7 of 8 do, which does not tell the right ones."""
_TIGHT = " .,;:!?…\n"
_SHORT = 4
"""Terms below which a sentence is read together with the line that introduces it."""
_OPEN = 200
"""Characters at the end of a text within which a sentence may end."""
_BEGINS = re.compile(r"[-*•–]|\w|\d{1,2}[.)]?")
"""What may be the first of a new sentence or item, once more is known."""
_ENDS, _CLOSES = ".!?…。！？", "\"'”’»)]」』）"
_BROKEN_OFF = " …"
_LOOKED_AT = 600
"""Characters in which a text that goes round in circles is recognised."""


class Attribution:
    """The passages offered for one answer, as evidence for its sentences."""

    def __init__(
        self,
        verifier: Verifier,
        offered: Sequence[Hit],
        *,
        question: str = "",
        sides: Sequence[str] = (),
        named: Sequence[str] = (),
        called: Called | None = None,
        trusting: bool = False,
        beside: list[Candidate] | None = None,
    ) -> None:
        """Args:
        verifier: compares a sentence with passages, quickly enough to do so while others follow.
        question: what is answered, for sentences that make no sense without it.
        sides: what the question compares, by name.
        named: what the question names; a passage that mentions none of it is no evidence, as long
            as another one does.
        called: what the question calls the passages' readings by, see `known.called_by`.
        trusting: cite what the writer named, since the answer is in another language than the
            passages and cannot be compared with them.
        """
        self._verifier = verifier
        self._offered = offered
        self._question = question
        self._sides = tuple(sides)
        self._telling = _telling(offered, named)
        self._called = called
        self.trusting = trusting
        self.size = len(offered)
        self.titles = frozenset(" ".join(hit.document.title.split()) for hit in offered)
        """What a small model copies as if it were a sentence."""
        self.left_out: list[str] = []
        """Sentences that the writer wrote and no passage is likely to say."""
        self.beside = [] if beside is None else beside
        """What was quoted beside a sentence so far."""
        self.named_each = True
        """Whether the writer named a passage for every sentence so far."""

    def cites(self, claim: str, hints: Sequence[int] = ()) -> list[int]:
        """The passages that surely support a claim, best first, as 1-based indices.

        A second one is cited where it supports the claim as well, or where each clause of the claim
        is supported by one of them.

        Args:
            hints: the passages that the writer named for it.
        """
        if self.trusting or not terms(claim):
            return list(hints)[:MOST] if claim else []
        if len(terms(claim)) < _BARE or not self._of_each_side(claim):
            return []
        if sure := self._surely(claim, hints):
            return sure
        parts = [self._surely(claim[start:end])[:1] for start, end in clauses(claim)]
        found = list(dict.fromkeys(i for part in parts for i in part))
        return found if len(parts) > 1 and all(parts) and len(found) <= MOST else []

    def _surely(self, claim: str, hints: Sequence[int] = ()) -> list[int]:
        found = self._compared(claim)
        scores = {i: one.score + HINT * (i in hints) for i, one in found.items() if _sure(one)}
        order = sorted(scores, key=lambda i: -scores[i])
        return [i for i in order if scores[i] >= scores[order[0]] - NEAR][:MOST]

    def nearest(self, claim: str) -> Candidate | None:
        """What can be quoted beside a claim: of the passage that most likely supports it what holds
        most of it, or else of the next one; None where none is likely to, or nothing holds
        `QUOTED_SHARE` of it."""
        if self.trusting or not terms(claim) or not self._of_each_side(claim):
            return None
        if len(terms(claim)) < _BARE:
            claim = f"{self._question} {claim}".strip()
        likely = {i: one for i, one in self._compared(claim).items() if one.label == "supported"}
        found = (self.holding(claim, i) for i in sorted(likely, key=lambda i: -likely[i].score))
        return next(filter(None, found), None)

    def judged(self, claim: str, judge: Verifier) -> int | None:
        """The passage that comes nearest to a claim, as a 1-based index, where a judge is sure that
        it says the claim; else None.

        Raises:
            ModelError: the judge cannot be asked.
        """
        if self.trusting or not terms(claim) or not self._of_each_side(claim):
            return None
        if len(terms(claim)) < _BARE:
            claim = f"{self._question} {claim}".strip()
        found = self._compared(claim)
        nearest = max(found, key=lambda i: found[i].score)
        hit = self._offered[nearest - 1]
        known = known_of(claim, hit.document, hit.passage, self._called)
        said = judge.verify(claim, [hit.passage], known)
        return nearest if said.label == "supported" and said.score >= JUDGED else None

    def holding(self, claim: str, index: int) -> Candidate | None:
        """What of a passage holds most of a claim, where that is `QUOTED_SHARE` of its terms."""
        hit = self._offered[index - 1]
        short = (one for one in candidates(index, hit) if one.words <= _LONGEST_QUOTE)
        best = max(short, key=lambda one: likeness(claim, self.quote(one)), default=None)
        known = known_of(claim, hit.document, hit.passage, self._called)
        return best if best and _share(claim, self.quote(best), known) >= QUOTED_SHARE else None

    def quote(self, one: Candidate) -> str:
        """What can be quoted as it stands within a line, without a sentence that it points back to,
        since it stands beside another. Strokes stand for the lines of a list."""
        passage = self._offered[one.hit - 1].passage
        lines = one.sentences if one.is_list or one.own else one.sentences[-1:]
        return " / ".join(bare(passage.quote(line)) for line in lines)

    def _of_each_side(self, claim: str) -> bool:
        """Whether what a claim says of each side of a comparison is said of that side: a small
        model tells of one what its source tells of the other, and all words are there."""
        told = by_side(claim, self._sides)
        said = (
            max(
                (
                    self._verdict(text, hit, about(hit.passage, side, self._sides)).score
                    for hit in self._offered
                ),
                default=0.0,
            )
            for side, text in told.items()
            if len(terms(text)) >= _BARE
        )
        return len(told) < 2 or all(score >= SAID_OF_IT for score in said)

    def _compared(self, claim: str) -> dict[int, Verdict]:
        offered = ((i, self._offered[i - 1]) for i in self._telling)
        return {i: self._verdict(claim, hit, hit.passage) for i, hit in offered}

    def _verdict(self, claim: str, hit: Hit, passage: Passage) -> Verdict:
        known = known_of(claim, hit.document, hit.passage, self._called)
        return self._verifier.verify(claim, [passage], known)


def attributed(chunks: Iterator[str], evidence: Attribution, limit: int) -> Generator[str]:
    """An answer with a mark [n] after each finished sentence for each passage that supports it.

    The first sentence is passed on as it comes, the others once they are finished: one that no
    passage is likely to say is left out, and kept as `evidence.left_out`. One that is never
    finished is left out too, or ends with an ellipsis where its beginning has been read. The
    writer's own marks are taken out and count as hints. A title that stands for a sentence is left
    out where more is said, and a heading that nothing follows. The answer ends where a sentence is
    said again.

    Args:
        chunks: the answer as it is written.
        limit: chunks after which it ends with the sentence that is being written.
    """
    plain, sent, begun = _Unmarked(evidence.size), 0, 0
    said: set[str] = set()
    try:
        for count, chunk in enumerate(chain(_until_it_loops(chunks), [None])):
            text = plain.read(chunk, sent)
            found = [_moved(one, begun) for one in split_answer(text[begun:])]
            for one in found if chunk is None else found[:-1]:
                unfinished = chunk is None and not _finished(text[: one.end])
                broken_off = unfinished and (count > limit or _loops(one.text))
                heading = introduces(text, one)
                if one.text in said or broken_off or (unfinished and heading):
                    yield _BROKEN_OFF if sent > one.start else ""
                    return
                if one.text.rstrip(".") in evidence.titles and (said or one is not found[-1]):
                    sent = one.end
                    continue
                told, may_go = text[sent : one.end], bool(said) and sent <= one.start
                said.add(one.text)
                sent, hints = one.end, plain.named(one.end)
                yield from _told(told, evidence, _claim(text, one), hints, said, may_go=may_go)
                if count >= limit and not heading:
                    return
            if chunk is None:
                yield text[sent:]
            elif found:
                begun = found[-1].start
                ready = min(found[-1].end, len(text) - _open_end(text[sent:]))
                now = found[-1].text.rstrip(".")
                again = any(one.startswith(now) for one in (*said, *evidence.titles))
                if not (said or again) and count <= limit // 2:
                    yield text[sent:ready]
                    sent = max(sent, ready)
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def _told(
    text: str,
    evidence: Attribution,
    claim: str,
    hints: Sequence[int],
    said: set[str],
    *,
    may_go: bool,
) -> Iterator[str]:
    """A finished sentence with its marks, or with a quotation that comes near to it and its mark.

    Args:
        may_go: leave it out where no passage is likely to say what it states.
    """
    cited = evidence.cites(claim, hints)
    near = None if cited else evidence.nearest(claim)
    # What cannot be compared may be invented where passages were named until here.
    weighed = evidence.named_each if evidence.trusting else len(terms(claim)) >= _BARE
    if may_go and weighed and not cited and near is None:
        evidence.left_out.append(text.strip())
        return
    evidence.named_each &= bool(cited)
    yield text
    yield from map(" [{}]".format, cited)
    if near and (quote := evidence.quote(near)) not in said:
        said.add(quote)
        evidence.beside.append(near)
        yield f" {BESIDE}{quote}” [{near.hit}]"


def _telling(offered: Sequence[Hit], named: Sequence[str]) -> list[int]:
    """The passages that mention one of some things by name, as 1-based indices; all of them where
    none does. Of 26 sentences that a model of 1.5 billion parameters wrote to fresh questions which
    name something, the five wrong ones that had a citation lose it, and none of the 16 right ones
    loses anything; nor does one of 42 to earlier questions."""
    everything = range(1, len(offered) + 1)
    texts = [Mentions(hit) for hit in offered] if named else []
    telling = [i for i, text in enumerate(texts, 1) if any(map(text.in_any_form, named))]
    return telling or list(everything)


def _share(claim: str, text: str, known: str) -> float:
    """The share of a claim's terms that a text holds, those left out that are known anyway."""
    own = {term.key for term in terms(claim)} - {term.key for term in terms(known)}
    return len(own & {term.key for term in terms(text)}) / len(own) if own else 1.0


def _sure(verdict: Verdict) -> bool:
    return verdict.label == "supported" and verdict.score >= SURE


class _Unmarked:
    """A text that comes in chunks, without its marks, which are kept with their places."""

    def __init__(self, offered: int) -> None:
        self._marks = MarkFilter(offered)
        self._named: list[tuple[int, int]] = []
        self._text = ""

    def read(self, chunk: str | None, sent: int) -> str:
        """The text so far. None is the end; nothing before `sent` changes any more."""
        for piece in self._marks.finish() if chunk is None else self._marks.feed(chunk):
            if not isinstance(piece, str):
                self._named.append((len(self._text.rstrip()), piece.offered))
                continue
            if self._named and piece[:1] in _TIGHT:  # the blank before a mark that was taken out
                self._text = self._text[:sent] + self._text[sent:].rstrip(" ")
            self._text += piece
        return self._text

    def named(self, end: int) -> list[int]:
        """The passages that were named up to here, each time once."""
        named = [number for place, number in self._named if place <= end]
        self._named = self._named[len(named) :]
        return named


def _open_end(text: str) -> int:
    """How many of the last characters may end a sentence, or begin an item: more will tell."""
    tail = text[-_OPEN:]
    rest = tail.rstrip()
    last = rest.split()[-1:]
    if last and last[0] != rest and _BEGINS.fullmatch(last[0]):
        rest = rest[: -len(last[0])].rstrip()
    ended = rest.rstrip(_CLOSES).rstrip(_ENDS)
    return len(tail) - len(ended if ended != rest.rstrip(_CLOSES) else rest)


def _finished(text: str) -> bool:
    return text.rstrip().rstrip(_CLOSES).endswith(tuple(_ENDS))


def _until_it_loops(chunks: Iterator[str]) -> Iterator[str]:
    """The chunks until the text says the same words three times in a row."""
    text = ""
    for chunk in chunks:
        yield chunk
        text = (text + chunk)[-_LOOKED_AT:]
        if _loops(text):
            return


def _loops(text: str) -> bool:
    """Whether a text ends with the same four words or more three times."""
    said = text.split()[:-1]  # the last one may be unfinished
    return any(
        said[-length:] == said[-2 * length : -length] == said[-3 * length : -2 * length]
        for length in range(4, len(said) // 3 + 1)
    )


def _moved(one: AnswerSentence, by: int) -> AnswerSentence:
    return replace(one, start=one.start + by, end=one.end + by)


def _claim(text: str, sentence: AnswerSentence) -> str:
    """What a sentence states, a short item with the line above that introduces it; "" for none."""
    if introduces(text, sentence) or leaves_open(sentence.text):
        return ""
    if len(terms(sentence.text)) >= _SHORT:
        return sentence.text
    before = [one for one in split_answer(text[: sentence.start]) if introduces(text, one)]
    return f"{before[-1].text} {sentence.text}" if before else sentence.text
