"""What speaks for a thing, or against it: where it stands, and what a language model takes for it.

A question for the drawbacks of a thing is not answered by one of its advantages, however true that
is and well cited. Of 60 sentences of both test courses and of other fields, labelled before
anything was run, 53 speak for a thing or against it; Qwen2.5-Coder-1.5B-Instruct tells the side of
50 (.94 [.85, .98]), and the area under the curve is .994. It is .72 for the cue words of `forms`,
and .67 for a classifier of embeddings and words that was fitted on 297 sentences. A sentence that
does neither is put on a side, too, mostly that of the advantages (5 of 7 of these, and all 9 of the
48 on which the threshold was fitted): how likely “Neither” is does not tell it from one that does.
The first sentence costs 6.4 s of a processor (an AMD EPYC, others at work; 422 tokens of
instructions, which stay read), each further one .7 s (about 42 tokens).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.mentions import Mentions
from seminar_rag.errors import ModelError
from seminar_rag.index.retrieve import is_on
from seminar_rag.models.choice import Chooser
from seminar_rag.question.forms import Form, headed, is_thing
from seminar_rag.question.parts import Part
from seminar_rag.text import has_most
from seminar_rag.types import Hit

SYSTEM = """\
Decide what a sentence says about a thing. Answer Advantage if it names a strength, a benefit or a \
success of the thing, Drawback if it names a weakness, a cost, a risk or a failure of the thing, \
and Neither if it only describes the thing or speaks of something else. A problem that the thing \
solves is no drawback of it."""
ANSWERS = ("Advantage", "Drawback", "Neither")
_EXAMPLES = (
    ("bicycles", "They need no fuel and keep their riders fit.", "Advantage"),
    ("umbrellas", "In strong wind they turn inside out.", "Drawback"),
    ("bees", "A honey bee visits 50 to 100 flowers on one trip.", "Neither"),
    ("wooden houses", "Unlike concrete, wood does not crack in an earthquake.", "Advantage"),
    (
        "night trains",
        "Few travellers sleep well, and a ticket costs twice as much as a flight.",
        "Drawback",
    ),
    (
        "the new bridge",
        "Before it was built, lorries had to wait hours for the ferry.",
        "Advantage",
    ),
    ("greenhouses", "The panes are cleaned twice a year.", "Neither"),
    ("long hair", "It hardly ever stays dry in the rain.", "Drawback"),
)
EVEN = -0.75
"""The logarithm of the odds of an advantage against a drawback where both are as likely, since the
model says “Drawback” too readily. Fitted on 48 other sentences: of the 39 that speak for a side 38
are told."""
_LEAST = 1e-6
log = logging.getLogger(__name__)


def readings_on(thing: str, hits: Sequence[Hit]) -> set[str]:
    """The documents of which a passage has most words of a thing, or has it in another spelling or
    in short: "It saves memory" is said of a reading's subject, and others say it of theirs."""
    return {
        hit.document.id
        for hit in hits
        if has_most(hit.whole, thing) or Mentions(hit).in_any_form(thing)
    }


def below_its_heading(form: Form, hits: Sequence[Hit], one: Candidate) -> bool:
    """Whether a candidate stands below lines that promise what a form asks for, in a passage on the
    thing; a list has the line that introduces it, too."""
    hit = hits[one.hit - 1]
    lead = hit.passage.quote(one.sentences[0]) if one.is_list else ""
    above = f"{one.context or hit.passage.own_heading} {lead}"
    return headed(form, above) and is_on(hit, form.thing)


def are_both(parts: Sequence[Part]) -> bool:
    """Whether the parts of a question are what speaks for a thing, and what speaks against it."""
    return [part.form and part.form.kind for part in parts] == ["for", "against"]


def told_apart(
    parts: Sequence[Part], told: Sequence[tuple[str, Sequence[Candidate]]], hits: Sequence[Hit]
) -> bool:
    """Whether all that is quoted for each side stands below lines that promise it.

    Args:
        told: the labels of parts, each with what is quoted for it.
    """
    forms = {part.label: part.form for part in parts if part.form}
    return all(below_its_heading(forms[label], hits, one) for label, some in told for one in some)


def side_asked(form: Form | None) -> Form | None:
    """A form that asks for one side of a thing; None for another one, and where the thing is
    compared with something: of "the advantages of X over Y" a drawback of Y is one. Of 24 sentences
    on six such comparisons the model told the side of 11 of 12 about X, and of no one of 12 about
    Y."""
    return form if form is not None and form.of_one_side and is_thing(form.thing) else None


def astray(
    model: Chooser, form: Form, sentences: Sequence[str], stop: Callable[[], bool]
) -> list[bool | None]:
    """Whether each sentence speaks for the other side than a form asks for; None where the model
    cannot be asked, or `stop` said so.

    Args:
        form: what speaks for a thing or against it.
    """
    examples = [(_asked(thing, text), answer) for thing, text, answer in _EXAMPLES]
    asked = [_asked(form.thing, text) for text in sentences]
    try:
        rows = model.choose(SYSTEM, examples, asked, ANSWERS, stop)
    except ModelError as error:
        if not stop():
            log.warning("Whether an answer speaks for the side asked for was not judged: %s", error)
        return [None] * len(asked)
    # Where neither side was given, as by a server that tells no probabilities, nothing is known.
    leans = [_log(row[0]) - _log(row[1]) - EVEN if row[0] + row[1] else 0.0 for row in rows]
    return [lean < 0 if form.kind == "for" else lean > 0 for lean in leans]


def judging(
    model: Chooser | None, form: Form | None, stop: Callable[[], bool]
) -> Callable[[str], bool | None] | None:
    """`astray` of one sentence; None where no model can tell, or no side is asked for."""
    asked = side_asked(form)
    if model is None or asked is None:
        return None
    return lambda sentence: astray(model, asked, [sentence], stop)[0]


class OtherSide:
    """What of the candidates for a quotation speaks for the side that is not asked for, where a
    model can tell; it is asked of each text once."""

    def __init__(self, model: Chooser | None, form: Form | None, stop: Callable[[], bool]) -> None:
        """Args:
        form: nothing is told where it asks for no side, see `side_asked`.
        """
        self._model = model
        self._form = side_asked(form)
        self._stop = stop
        self._told: dict[str, bool] = {}

    def among(self, some: Sequence[Candidate]) -> list[Candidate]:
        """Those of some candidates that do; none of those that are new once it is stopped."""
        if self._model is None or self._form is None:
            return []
        new = [one.text for one in some if one.text not in self._told]
        if new and not self._stop():
            said = astray(self._model, self._form, new, self._stop)
            self._told.update((text, bool(off)) for text, off in zip(new, said, strict=True))
        return [one for one in some if self._told.get(one.text)]


def _log(likely: float) -> float:
    return math.log(max(float(likely), _LEAST))


def _asked(thing: str, sentence: str) -> str:
    return (
        f"Sentence: {' '.join(sentence.split())}\n"
        f"Is this an advantage of {thing}, a drawback of {thing}, or neither?"
    )
