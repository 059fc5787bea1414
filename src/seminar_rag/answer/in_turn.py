"""Answers the parts of a question one after the other, in one conversation with the model.

A small model that is asked two things at once writes of one of them, or of both from what was found
for one. So it is shown what was found for each part, and then asked part by part whether the
passages answer it and what the answer is; what it has read stays read. A part of whose answer no
passage says anything is quoted, and one that the passages do not answer is named.

Of eight fresh questions with two parts, put to Qwen2.5-Coder-1.5B-Instruct after the last change,
one reader, who was not told which was which, preferred four answers to those of before and two
less, and would hand four to a student instead of three; of five others, on which the wording of
later parts was chosen, three and none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import starmap
from typing import TYPE_CHECKING

from seminar_rag.answer.attribution import LEFT_OUT, Attribution, attributed
from seminar_rag.answer.candidates import Candidate, bare
from seminar_rag.answer.citations import BESIDE, MARK
from seminar_rag.answer.extractive import UNTOLD, Extractive, quotation
from seminar_rag.answer.instructions import NO, asked, message
from seminar_rag.answer.sides import judging
from seminar_rag.answer.streams import RETOLD, heard
from seminar_rag.question.forms import Form
from seminar_rag.question.parts import Part
from seminar_rag.question.query import Query
from seminar_rag.text import stems, unmarked, words

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

    from seminar_rag.answer.engine import Stop
    from seminar_rag.models.choice import Chooser

Messages = Sequence["ChatMessage"]
_NEW = 0.15
"""Share of its words that a sentence has to be the first to say, so that it answers a further
part."""


def asked_in_turn(query: Query) -> tuple[Part, ...]:
    """The parts of a question that are answered one after the other: its questions, where it is
    several. The sides of a comparison are told beside each other, and so are pros and cons, of
    which the model was too ready to find one side missing."""
    several = bool(query.parts) and all(part.label.endswith("?") for part in query.parts)
    return query.parts if several and not any(part.name for part in query.parts) else ()


def question_of(part: Part) -> str:
    """A part as it is put to the model after the ones before."""
    text = part.typed or part.label
    return text[:1].upper() + text[1:]


def thing_of(form: Form | None) -> tuple[str, ...]:
    """The thing that what speaks for it, or against it, is asked for of: what a passage has to
    mention to be evidence, as it has to mention a name."""
    return (form.thing,) if form is not None and form.of_one_side else ()


class InTurn:
    """One question whose parts are answered in turn."""

    def __init__(
        self,
        query: Query,
        quotations: Extractive,
        evidence: Callable[..., Attribution],
        write: Callable[[Messages], Iterator[str]],
        judge: Callable[[Messages], float | None],
        least: tuple[float, float, float],
        stop: Stop,
    ) -> None:
        """Args:
        quotations: finds what of the passages answers a part.
        evidence: makes the passages evidence for the answer to a question, given as `question`.
        write: a conversation → what the model writes next, where the passages answer its question.
        judge: a conversation → how likely the passages answer its last question; None where that
            is not known.
        least: how likely that has to be, of the first part and of any other, and to quote them
            where what is written cites none of them.
        """
        self._query = query
        self._quotations = quotations
        self._evidence = evidence
        self._write = write
        self._judge = judge
        self._first, self._further, self._sure = least
        self._stop = stop
        self.notes: list[str] = []
        self.judged: list[float] = []
        """How likely the passages answer the part of which that is least likely, of those told."""
        self.written: list[str] = []
        """What the model was told of its own answer."""
        self._told = ""
        """The answer so far, without its marks."""
        self._own: list[tuple[Part, str]] = []
        """What was written of each part."""

    def answer(self, messages: Messages, then: Messages, limit: int) -> Generator[str]:
        """The answer with its marks.

        Args:
            messages: the conversation up to the question for the first part.
            then: what follows a question that the passages answer.
            limit: tokens after which the answer to a part ends with its sentence.
        """
        for at, part in enumerate(self._query.parts):
            if self._stop():
                return
            asks = [message("user", asked([], question_of(part)))] if at else []
            likely = self._judge((*messages, *asks))
            text, said = "", ""
            if likely is None or likely >= (self._further if at else self._first):
                raw: list[str] = []
                written = heard(self._write((*messages, *asks, *then)), raw)
                for chunk in self._cited(part, written, limit):
                    yield "\n\n" if self._told and not text else ""
                    text += chunk
                    yield chunk
                self._own.append((part, unmarked(text)))
                said = "".join(raw)  # without quotations, in whose form it would go on
            if self._stop():
                return
            if not text and (likely is None or likely >= self._sure):
                found = self._quotable(part)
                if any(_is_told(one, self._told) for one in found):
                    continue  # by what stands there already
                text, said = self._quoted(part, found)
                yield "\n\n" if self._told and text else ""
                yield text
            if text:
                self._told += unmarked(text)
                self.written.append(f"{said} ")
                if likely is not None:
                    self.judged[:] = [min([*self.judged, likely])]
                messages = (*messages, *asks, *then, message("assistant", said.strip()))
            else:
                self.notes.append(UNTOLD.format(part.label.rstrip("?")))
                messages = (*messages, *asks, message("assistant", NO))

    def astray(self, judge: Chooser | None) -> Callable[[str], bool | None] | None:
        """Whether a sentence speaks for the other side than the part asks for that it answers; None
        where no part asks for a side, or no model can tell."""
        tells = {part: judging(judge, part.form, self._stop) for part in self._query.parts}
        if not any(tells.values()):
            return None

        def off(sentence: str) -> bool | None:
            for part, text in self._own:
                tell = tells[part]
                if tell is not None and " ".join(words(sentence)) in " ".join(words(text)):
                    return tell(sentence)
            return False

        return off

    def _cited(self, part: Part, written: Iterator[str], limit: int) -> Iterator[str]:
        """The answer to a part as it is written, once it cites something and says something that
        was not said of another part; nothing where it never does."""
        named = self._query.names or thing_of(part.form)
        evidence = self._evidence(question=part.label, named=named)
        before = set(stems(self._told))
        held = ""
        chunks = attributed(written, evidence, limit)
        for chunk in chunks:
            held += chunk
            if not MARK.search(held):
                continue
            said = set(stems(unmarked(held.partition(BESIDE)[0])))
            if len(said - before) <= _NEW * len(said):
                held = ""
                continue
            yield held.lstrip()
            yield from chunks
            if evidence.left_out and LEFT_OUT not in self.notes:
                self.notes.append(LEFT_OUT)

    def _quotable(self, part: Part) -> list[Candidate]:
        hits = tuple(self._evidence().offered)
        return self._quotations.part(self._query, part, hits, (), self._stop)

    def _quoted(self, part: Part, found: Sequence[Candidate]) -> tuple[str, str]:
        """Quotations for a part below its name, and what the model is told of them."""
        hits = self._evidence().offered
        pairs = [(one, hits[one.hit - 1]) for one in found]
        told = [bare(hit.passage.quote(line)) for one, hit in pairs for line in one.sentences]
        label = part.label[:1].upper() + part.label[1:].rstrip("?")
        above = [f"{label}:"] if found else []
        return "\n\n".join([*above, *starmap(quotation, pairs)]), " ".join(told[:RETOLD])


def _is_told(one: Candidate, told: str) -> bool:
    """Whether an answer has the text of a candidate, such as beside a sentence."""
    return bare(one.text) in told
