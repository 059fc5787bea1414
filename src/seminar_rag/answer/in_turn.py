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
from seminar_rag.answer.extractive import UNTOLD, Extractive
from seminar_rag.answer.instructions import NO, asked, message
from seminar_rag.answer.quoting import above, quotation
from seminar_rag.answer.sides import judging
from seminar_rag.answer.streams import QUOTED_INSTEAD, RETOLD, heard
from seminar_rag.errors import ModelError
from seminar_rag.question.forms import Form
from seminar_rag.question.parts import Part
from seminar_rag.question.pronouns import points_back
from seminar_rag.question.query import Query
from seminar_rag.text import stems, unmarked, words
from seminar_rag.types import Hit

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
    which the model was too ready to find one side missing. Nor are those told in turn of which the
    first is understood only with the conversation before it."""
    several = bool(query.parts) and all(part.label.endswith("?") for part in query.parts)
    if not several or any(part.name for part in query.parts):
        return ()
    return () if points_back(query.parts[0].label) else query.parts


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
        offered: tuple[Hit, ...],
        evidence: Callable[..., Attribution],
        write: Callable[[Messages], Iterator[str]],
        judge: Callable[[Messages], float | None],
        stop: Stop,
        *,
        again: Callable[[str, Attribution], Iterator[str]],
        first: float,
        further: float,
        sure: float,
    ) -> None:
        """Args:
        quotations: finds what of the passages answers a part.
        offered: the passages that the model is shown.
        evidence: makes them evidence for the answer to a question, given as `question`.
        write: a conversation → what the model writes next, where the passages answer its question.
        judge: a conversation → how likely the passages answer its last question; None where that
            is not known.
        again: what was written and cites no passage → what of it a model that judges finds there.
        first: how likely that has to be of the first part, and
        further: of any other.
        sure: how likely it has to be to quote the passages where what is written cites none.
        """
        self._query = query
        self._quotations = quotations
        self._offered = offered
        self._evidence = evidence
        self._write = write
        self._judge = judge
        self._first, self._further, self._sure = first, further, sure
        self._stop = stop
        self._again = again
        self.notes: list[str] = []
        self.judged: list[float] = []
        """How likely the passages answer the part of which that is least likely, of those told."""
        self.conversation: Messages = ()
        """What the model was told, up to its last answer; empty as long as nothing is told."""
        self._told = ""
        """The answer so far, without its marks."""
        self._own: list[tuple[Part, str]] = []
        """What was written of each part."""
        self._shown: list[Candidate] = []
        """What was quoted so far."""
        self._failed = self._is_repeated = False
        """Whether the model broke off at the part asked last, and whether something that it wrote
        of that cites a passage, but was said before."""

    def answer(self, messages: Messages, then: Messages, limit: int) -> Generator[str]:
        """The answer with its marks.

        Args:
            messages: the conversation up to the question for the first part.
            then: what follows a question that the passages answer.
            limit: tokens after which the answer to a part ends with its sentence.
        """
        for at, part in enumerate(self._query.parts):
            asks = [message("user", asked([], question_of(part)))] if at else []
            likely = None if self._stop() else self._judge((*messages, *asks))
            if self._stop():
                return
            text, said = "", ""
            self._failed = self._is_repeated = False
            if _enough(likely, self._further if at else self._first):
                text, said = yield from self._written(part, (*messages, *asks, *then), limit)
            if self._stop():
                return
            if said and not (text or self._failed or self._is_repeated):
                text = self._reread(part, said)
                yield "\n\n" if self._told and text else ""
                yield text
            if not text and (self._failed or _enough(likely, self._sure)):
                found = self._quotable(part)
                new = [one for one in found if not self._is_told(one)]
                if found and not new:
                    continue  # what stands there already answers it
                text, said = self._quoted(part, new)
                yield "\n\n" if self._told and text else ""
                yield text
            if text:
                messages = (*messages, *asks, *then, message("assistant", said.strip()))
                self._keep(messages, text, likely)
            elif not self._is_repeated:
                self.notes.append(UNTOLD.format(part.label.rstrip("?")))
                messages = (*messages, *asks, message("assistant", NO))

    def _written(
        self, part: Part, told: Messages, limit: int
    ) -> Generator[str, None, tuple[str, str]]:
        """What is written of a part and cites a passage, set apart from what is before it; returns
        that, and all that was written. A model that breaks off before anything of it is shown
        leaves the part to quotations, where another one is answered.

        Raises:
            ModelError: it broke off later, or at the first part.
        """
        raw: list[str] = []
        text = ""
        try:
            for chunk in self._cited(part, heard(self._write(told), raw), limit):
                between = "\n\n" if self._told and not text else ""
                text += chunk
                yield between + chunk
        except ModelError as error:
            if text or not self._told or self._stop():
                raise
            self._failed = True
            self.notes.append(QUOTED_INSTEAD.format(error))
        finally:  # after a stop, too
            self._own.append((part, unmarked(text)))
        return text, "".join(raw)

    def _reread(self, part: Part, said: str) -> str:
        """What was written of a part and cites no passage, as far as it is found there at last and
        was not said before."""
        text = "".join(self._again(said, self._evidence_of(part)))
        self._own.append((part, unmarked(text)))
        own, before = set(stems(unmarked(text.partition(BESIDE)[0]))), set(stems(self._told))
        return text if len(own - before) > _NEW * len(own) else ""

    def _evidence_of(self, part: Part) -> Attribution:
        named = self._query.names or thing_of(part.form)
        return self._evidence(question=part.label, named=named)

    def _keep(self, messages: Messages, text: str, likely: float | None) -> None:
        self.conversation = messages
        self._told += f"{unmarked(text)}\n"
        if likely is not None:
            self.judged[:] = [min([*self.judged, likely])]

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
        evidence = self._evidence_of(part)
        before = set(stems(self._told))
        held = ""
        chunks = attributed(written, evidence, limit)
        for chunk in chunks:
            held += chunk
            if not MARK.search(held):
                continue
            said = set(stems(unmarked(held.partition(BESIDE)[0])))
            if len(said - before) <= _NEW * len(said):
                held, self._is_repeated = "", True
                continue
            yield held.lstrip()
            yield from chunks
            if evidence.left_out and LEFT_OUT not in self.notes:
                self.notes.append(LEFT_OUT)

    def _quotable(self, part: Part) -> list[Candidate]:
        some = self._quotations.unjudged() if self._failed else self._quotations
        return some.part(self._query, part, self._offered, self._shown, self._stop)

    def _quoted(self, part: Part, found: Sequence[Candidate]) -> tuple[str, str]:
        """Quotations for a part below its name, and what the model is told of them."""
        self._shown += found
        pairs = [(one, self._offered[one.hit - 1]) for one in found]
        told = [line for one in found for line in self._lines(one)]
        head = [above(part.label)] if found else []
        return "\n\n".join([*head, *starmap(quotation, pairs)]), " ".join(told[:RETOLD])

    def _is_told(self, one: Candidate) -> bool:
        """Whether the answer has every sentence of a candidate, such as beside one that was
        written."""
        return all(line in self._told for line in self._lines(one))

    def _lines(self, one: Candidate) -> list[str]:
        passage = self._offered[one.hit - 1].passage
        return [bare(passage.quote(sentence)) for sentence in one.sentences]


def _enough(likely: float | None, least: float) -> bool:
    """Whether the passages are likely enough to answer a part, or nobody knows."""
    return likely is None or likely >= least
