"""Checks the sentences of an answer one by one while it is still being written.

A review decides which sentences state something to check, and against which passages. Whether a
passage supports a sentence is the verifier's decision.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seminar_rag.answer.citations import (
    BESIDE,
    AnswerSentence,
    MarkFilter,
    introduces,
    split_answer,
)
from seminar_rag.answer.known import Called, known_of
from seminar_rag.answer.unsaid import leaves_open
from seminar_rag.check.claims import extract
from seminar_rag.types import BUILT_IN, Hit, Passage, SentenceVerdict, Verdict

if TYPE_CHECKING:
    from seminar_rag.check.support import Verifier

CLOSE = 0.9
"""The score of the built-in check below which no sentence of an answer is called supported. What a
model writes from a passage keeps close to its words where it is faithful: of 149 sentences that one
of 1.5 billion parameters wrote, read by one person, 80% of the 105 that the passages support score
so, and 25% of the others; of the 68 among them that were shown with their passages, 89% and 38%.
The value was chosen on these sentences."""
JUDGED, ANSWERED = 0.8, 0.75
"""How sure a model has to be of a sentence beside which a passage is quoted, and, before it wrote,
that the passages answer the question, so that it is called supported. Of 55 sentences that one of
1.5 billion parameters wrote, 31 of 38 supported ones are called so (25 before, when fewer were
cited), and 3 of 17 others (2 before); of the 13 with a quotation beside them 4 of 7 and 1 of 6. The
values were chosen on these."""
_QUOTED = re.compile(r"– “[^”]{1,2000}” \[(\d{1,3})\]")
"""A quotation that stands beside the sentence before it, with its mark."""
_LOOSE = "It goes further from the words of the passage than faithful sentences mostly do."
_NO_SOURCE = "No reading that was found says this."
_VERBATIM = "The passage has these words, which are quoted."
_ASTRAY = "The passage says so, but it is not what the question asks for."
_NOT_JUDGED = "The passage says so; whether it is what the question asks for was not judged."


class Review:
    """Follows an answer through its `MarkFilter` and gives each sentence a verdict, in order."""

    def __init__(
        self,
        verifier: Verifier | None,
        offered: Sequence[Hit],
        marks: MarkFilter,
        answered: Sequence[float] = (),
        astray: Callable[[str], bool | None] | None = None,
        *,
        called: Called | None = None,
        written: bool = False,
    ) -> None:
        """Args:
        answered: how likely the passages answer the question, once that was judged.
        astray: whether a sentence answers another question, asked once the answer is written;
            it gives None where that could not be told, as after a stop.
        called: what the question calls the passages' readings by, see `known.called_by`.
        written: by a language model, so that quotations are told from its own sentences.
        """
        self._verifier = verifier
        self._offered = offered
        self._marks = marks
        self._answered = answered
        self._astray = astray
        self._called = called
        self._written = written
        self._verdicts: list[SentenceVerdict] = []
        self._own: list[Verdict] = []
        self._loose: list[tuple[str, Sequence[Passage], str]] = []
        """Sentences beside which a passage is quoted and that go far from its words, each with its
        passages and what is known beside them."""

    @property
    def verdicts(self) -> tuple[SentenceVerdict, ...]:
        """The verdicts so far. Their spans count from the answer's first word."""
        return tuple(self._verdicts)

    @property
    def in_doubt(self) -> bool:
        """Whether the answer has sentences of its own that state something, and none of them is
        called supported, nor is a model that judges sure of one beside which a passage is quoted.
        Of 17 answers without a supported sentence, read by one person, 6 were right."""
        if not self._own or any(map(_likely, self._own)):
            return False
        return not any(self._judged(*one) for one in self._loose)

    def _judged(self, claim: str, passages: Sequence[Passage], known: str) -> bool:
        """Whether a model that judges is sure of a claim that goes far from its passage's words."""
        if self._verifier is None or self._verifier.quick is None:
            return False
        verdict = self._verifier.verify(claim, passages, known)
        return _likely(verdict) and verdict.score >= JUDGED

    @property
    def unfounded(self) -> bool:
        """Whether the answer has such sentences, and a model that judges finds that none of them is
        said in part either. Words do not tell that of an answer in another language."""
        judged = bool(self._own) and all(one.verifier != BUILT_IN for one in self._own)
        return judged and all(one.label in ("unsupported", "contradicted") for one in self._own)

    def advance(self) -> Iterator[SentenceVerdict]:
        """Yield the verdicts of the sentences that ended since the last call.

        Yields nothing where the verifier has to wait until the answer is written.
        """
        if self._verifier is None or not self._verifier.while_writing or self._astray:
            return
        text = self._marks.text.lstrip()
        # Inside a quotation a full stop need not be the sentence's end.
        if text.count("“") == text.count("”"):
            yield from self._check(text, last=False)

    def finish(self) -> Iterator[SentenceVerdict]:
        """Yield the remaining verdicts, once the answer is complete."""
        if self._verifier is not None:
            yield from self._check(self._marks.text.strip(), last=True)

    def _check(self, text: str, *, last: bool) -> Iterator[SentenceVerdict]:
        """Check the new sentences; all but the last, which a mark may still join, or all."""
        base = self._verdicts[-1].end if self._verdicts else 0
        found = split_answer(text[base:])
        for one in found if last else found[:-1]:
            whole = replace(one, start=one.start + base, end=one.end + base)
            if not last and _beside(text, whole) and not _quotation(text, whole):
                return  # its mark comes with the next piece
            verdict = self._verdict(text, whole)
            if self._written and _is_quotation(one):
                if _likely(verdict):  # a tick would say more than its quotation marks do
                    verdict = replace(verdict, label="uncheckable", reason=_VERBATIM)
            elif verdict.label != "uncheckable":
                self._own.append(verdict)
            checked = SentenceVerdict(len(self._verdicts), whole.start, whole.end, verdict)
            self._verdicts.append(checked)
            yield checked

    def _verdict(self, text: str, sentence: AnswerSentence) -> Verdict:
        assert self._verifier is not None
        name = self._verifier.name
        claim = "" if _says_nothing(text, sentence) else _claim(sentence)
        if not claim:
            reason = "The sentence states nothing to look up."
            return Verdict("uncheckable", 0.0, reason, verifier=name)
        beside = () if sentence.numbers else _quotation(text, sentence)
        answered = max(self._answered, default=0.0) >= ANSWERED
        if not (sentence.numbers or beside):
            return Verdict("unsupported", 0.0, _NO_SOURCE, verifier=name)
        offered_number = self._marks.numbers
        cited = [offered_number[n] for n in sentence.numbers or beside if n in offered_number]
        hits = [self._offered[number - 1] for number in cited]
        known = " ".join(known_of(claim, h.document, h.passage, self._called) for h in hits)
        passages = [hit.passage for hit in hits]
        words = self._verifier.quick
        if beside and words is not None and not answered:  # no judge would make it sure
            near = words.verify(claim, passages, known)
            self._loose.append((claim, passages, known))
            return replace(near, label="partly", reason=_LOOSE) if _likely(near) else near
        verdict = self._verifier.verify(claim, passages, known)
        if _likely(verdict) and self._astray is not None:
            astray = self._astray(claim)
            if astray is not False:  # a tick says that it was looked at
                reason = _ASTRAY if astray else _NOT_JUDGED
                return replace(verdict, label="partly", reason=reason)
        if not _likely(verdict) or (words is None and name != BUILT_IN):
            return verdict
        near = verdict if words is None else words.verify(claim, passages, known)
        judged = words is not None and beside and verdict.score >= JUDGED and _likely(near)
        close = near.score >= CLOSE or judged
        if beside and not close:
            self._loose.append((claim, passages, known))
        return verdict if close else replace(verdict, label="partly", reason=_LOOSE)


def _likely(verdict: Verdict) -> bool:
    return verdict.label == "supported"


def _beside(text: str, sentence: AnswerSentence) -> bool:
    """Whether a quotation stands beside a sentence, in place of a mark."""
    return not sentence.numbers and text[sentence.end :].lstrip().startswith(BESIDE)


def _quotation(text: str, sentence: AnswerSentence) -> tuple[int, ...]:
    """The number of the passage that is quoted beside a sentence; empty for none."""
    mark = _QUOTED.match(text[sentence.end :].lstrip())
    return (int(mark[1]),) if mark else ()


def _is_quotation(sentence: AnswerSentence) -> bool:
    """Whether a sentence is a quotation and nothing else, but for a label such as "Kilns:"."""
    label, _, rest = sentence.text.strip().removeprefix("–").strip().partition("“")
    if label and not label.rstrip().endswith(":"):
        return False
    within = 1  # quotations, of which one may hold others
    for at, letter in enumerate(rest):
        within += (letter == "“") - (letter == "”")
        if not within:
            return at == len(rest) - 1
    return False


def _says_nothing(text: str, sentence: AnswerSentence) -> bool:
    return introduces(text, sentence) or leaves_open(sentence.text)


def _claim(sentence: AnswerSentence) -> str:
    """Return what a sentence states, without Markdown and marks; "" for a heading or question."""
    # A short line without a mark that something follows is a heading.
    found = extract(sentence.text if sentence.numbers else f"{sentence.text}\n\n.").claims
    return " ".join(one.bare for one in found if one.kind == "claim")
