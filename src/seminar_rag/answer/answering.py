"""Which quotations answer a question, where a language model can tell.

Quotations take the place of what a model wrote where nothing of that is borne out by the passages,
which happens mostly where the passages answer little or nothing. What looks most like the question
is then quoted, and seldom answers it; so the model is asked of each.

Of 176 quotations for 58 questions of five sources, which Qwen2.5-Coder-1.5B-Instruct judged with a
threshold fitted on the other sources, it keeps 20 of the 23 that hold the answer (.87 [.68, .95])
and 52 of the 153 others; of 28 questions that have no answer 10 are still given a quotation. The
area under the ROC curve is .84 [.72, .93] on CLAPNQ and .82 [.66, .95] on SQuAD 2.0, where the
score that chooses quotations has .70 and .58; on the other three, two of which that score was
fitted on, it has .95, and the model .83. What stands below a heading with the question's words
still passes too easily: of five fresh questions whose quotations answered nothing one is refused
now, two are given fewer, and two the same. One judgement costs 1.3 s of a busy core.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from seminar_rag.answer import answerable
from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.sides import OtherSide
from seminar_rag.errors import ModelError
from seminar_rag.models.choice import Chooser
from seminar_rag.question.forms import Form
from seminar_rag.types import Hit

LEAST = 0.6
"""How likely a quotation has to answer: what keeps nine of ten that do."""
MOST = 6
"""Quotations that are judged for one question, or for one part of it."""

log = logging.getLogger(__name__)


class Answering:
    """What a language model takes for an answer among the quotations for one question."""

    def __init__(
        self,
        model: Chooser | None,
        question: str,
        one_sided: Form | None,
        hits: Sequence[Hit],
        stop: Callable[[], bool],
    ) -> None:
        """Args:
        model: None takes everything for an answer.
        one_sided: the form of the answer where it is to speak for one side of a thing.
        hits: the passages of the candidates.
        """
        self._model = model
        self._question = question
        self._hits = hits
        self._stop = stop
        self._side = OtherSide(model, one_sided, stop)
        self._likely: dict[str, float | None] = {}

    def others(self, some: Sequence[Candidate]) -> list[Candidate]:
        """Those of some candidates that do not answer, or are too many to be judged.

        Args:
            some: the best first.
        """
        texts = [lines_above(one, self._hits[one.hit - 1]) + one.text for one in some]
        self._judge([text for text in texts if text not in self._likely])
        if self._model is None:
            return self._side.among(some)
        likely = [self._likely.get(text, 0.0) for text in texts]
        off = [
            one for one, yes in zip(some, likely, strict=True) if yes is not None and yes < LEAST
        ]
        return off + self._side.among([one for one in some if one not in off])

    def _judge(self, texts: Sequence[str]) -> None:
        """Ask the model of some texts, as long as not too many were judged."""
        texts = texts[: MOST - len(self._likely)]
        if self._model is None or not texts or self._stop():
            return
        try:
            found = answerable.each(self._model, self._question, texts, self._stop)
        except ModelError as error:
            if self._stop():
                return
            log.warning("Whether quotations answer the question was not judged: %s", error)
            found = []
        if not any(one is not None for one in found):  # as of a server without probabilities
            self._model = None
        else:
            self._likely.update(zip(texts, found, strict=True))


def lines_above(one: Candidate, hit: Hit) -> str:
    """The title and the lines that a candidate stands below, as it is read."""
    lines = one.context or hit.passage.own_heading
    return f"{hit.document.title} › {lines}: "
