"""Questions for what speaks for a thing or against it, answered with a model that tells which is
which."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from llama_index.core.base.llms.types import ChatMessage
from passages import hit

from answer.test_engine import CHECK, Found, Judged, answer_of
from fakes import ScriptedLLM
from seminar_rag.answer.engine import Engine
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.prompt import LLMAnswerer
from seminar_rag.answer.sides import astray, side_asked
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.question.forms import Form
from seminar_rag.question.query import understand
from seminar_rag.types import Answer, Hit

AGAINST, FOR = Form("against", "kilns"), Form("for", "kilns")


class Reads:
    """A model that takes sentences with some words for advantages, and all others for drawbacks;
    or one that fails, gives no answer, or is sure that all are neither."""

    name = "reads"

    def __init__(
        self, *advantages: str, fails: bool = False, silent: bool = False, neither: bool = False
    ) -> None:
        self.advantages = advantages
        self.fails, self.silent, self.neither = fails, silent, neither
        self.asked: list[str] = []

    def choose(
        self,
        _system: str,
        _examples: object,
        questions: Sequence[str],
        answers: Sequence[str],
        *_: object,
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        if self.fails:
            raise ModelError("The model is gone.")
        if len(answers) == 2:  # whether it answers the question at all
            return np.array([[0.9, 0.1]] * len(questions))
        self.asked += questions
        if self.silent:
            return np.zeros((len(questions), 3))
        if self.neither:
            return np.array([[0.0, 0.0, 1.0]] * len(questions))
        good = [any(word in one for word in self.advantages) for one in questions]
        return np.array([[0.6, 0.1, 0.3] if one else [0.1, 0.6, 0.3] for one in good])

    def weigh(self, _messages: Sequence[ChatMessage], *_: object) -> object:
        return np.array([0.9, 0.1])


class Stopping(Reads):
    """One that is stopped while it judges."""

    def __init__(self, *advantages: str, stopped: threading.Event) -> None:
        super().__init__(*advantages)
        self._stopped = stopped

    def choose(self, *_: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        self._stopped.set()
        raise ModelError("The check was stopped.")


def quoting(judge: Reads | None) -> Extractive:
    return Extractive(
        HashEmbedder().read,
        lambda words: dict.fromkeys(words, 1.0),
        judge,  # type: ignore[arg-type]
    )


def told(question: str, text: str, judge: Reads, *hits: Hit) -> Answer:
    """The answer to a question, which the model writes so."""
    answerer = LLMAnswerer(ScriptedLLM(text), 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    engine = Engine(Found(hits), Judged(), answerer, verifier=CHECK)
    return answer_of(list(engine.ask(question)))


KILNS = hit(
    "Kilns save a lot of wood in winter. Kilns crack when the clay is wet and cold.", "On kilns"
)
LISTED = hit("# Limits of kilns\n\nKilns save nothing on a warm day in June.", "Kilns")


def test_a_sentence_for_the_other_side_is_told() -> None:
    texts = ["They save wood.", "They crack."]
    assert astray(Reads("save"), AGAINST, texts, lambda: False) == [True, False]  # type: ignore[arg-type]
    assert astray(Reads("save"), FOR, texts, lambda: False) == [False, True]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("judge", "found"),
    [(Reads(fails=True), None), (Reads(silent=True), False), (Reads(neither=True), False)],
)
@pytest.mark.parametrize("form", [FOR, AGAINST])
def test_a_model_that_tells_no_side_finds_nothing(
    judge: Reads, found: bool | None, form: Form
) -> None:
    assert astray(judge, form, ["They save wood."], lambda: False) == [found]  # type: ignore[arg-type]


def test_what_was_not_judged_has_no_tick() -> None:
    text = "Kilns crack when the clay is wet and cold."
    answer = told("What are the drawbacks of kilns?", text, Reads("save"), KILNS)
    assert [one.verdict.label for one in answer.verdicts] == ["supported"]
    stopped = threading.Event()
    judge = Stopping("save", stopped=stopped)
    answerer = LLMAnswerer(ScriptedLLM(text), 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    engine = Engine(Found((KILNS,)), Judged(), answerer, verifier=CHECK)
    question = "What are the drawbacks of kilns?"
    answer = answer_of(list(engine.ask(question, stop=stopped.is_set)))
    assert answer.text.startswith(text)
    assert [one.verdict.label for one in answer.verdicts] == ["partly"]
    assert "was not judged" in answer.verdicts[0].verdict.reason


def test_an_advantage_is_no_ticked_answer_to_a_question_for_drawbacks() -> None:
    text = "Kilns save a lot of wood in winter. Kilns crack when the clay is wet and cold."
    answer = told("What are the drawbacks of kilns?", text, Reads("save"), KILNS)
    assert [one.verdict.label for one in answer.verdicts] == ["partly", "supported"]
    assert "not what the question asks for" in answer.verdicts[0].verdict.reason


def test_where_all_of_an_answer_is_of_the_other_side_that_side_is_not_quoted_either() -> None:
    text = "Kilns save a lot of wood in winter."
    answer = told("What are the drawbacks of kilns?", text, Reads("save"), KILNS)
    assert "save" not in answer.text
    assert "“Kilns crack when the clay is wet and cold.” [1]" in answer.text
    assert not answer.verdicts


def test_where_the_readings_have_the_other_side_alone_they_do_not_say() -> None:
    only = hit("Kilns save a lot of wood in winter.", "On kilns")
    answer = told("What are the drawbacks of kilns?", "Kilns save wood.", Reads("save"), only)
    assert answer.abstained


def test_other_questions_are_not_judged_so() -> None:
    judge = Reads()
    answer = told("What do kilns save?", "Kilns save a lot of wood in winter.", judge, KILNS)
    assert [one.verdict.label for one in answer.verdicts] == ["supported"]
    assert not judge.asked


def test_what_stands_below_a_heading_that_says_so_needs_no_judge() -> None:
    judge = Reads("save")
    query = understand("What are the limits of kilns?")
    draft = quoting(judge).draft(query, (LISTED,), (), lambda: False)
    assert "save nothing" in "".join(draft.chunks)
    assert not judge.asked


def test_a_quotation_is_judged_once() -> None:
    judge = Reads("save")
    query = understand("What are the drawbacks of kilns?")
    said = "".join(quoting(judge).draft(query, (KILNS,), (), lambda: False).chunks)
    assert "crack" in said
    assert "save" not in said
    assert len(judge.asked) == len(set(judge.asked)) == 2


def test_nothing_is_judged_once_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    judge = Reads("save")
    query = understand("What are the drawbacks of kilns?")
    assert not list(quoting(judge).draft(query, (KILNS,), (), lambda: True).chunks)
    assert not judge.asked
    stopped = Reads(fails=True)
    assert astray(stopped, AGAINST, ["They save wood."], lambda: True) == [None]  # type: ignore[arg-type]
    assert not caplog.records


@pytest.mark.parametrize(
    "thing",
    ["kilns over ovens", "kilns compared to ovens", "kilns vs. ovens", "Öfen gegenüber Herden"],
)
def test_of_a_thing_compared_with_another_no_side_is_told(thing: str) -> None:
    assert side_asked(Form("for", thing)) is None
    assert side_asked(Form("for", "overfired kilns")) is not None
    assert side_asked(Form("definition", "kilns")) is None


def test_a_drawback_of_the_other_thing_is_an_advantage_over_it() -> None:
    judge = Reads("save")
    ovens = hit("Kilns are built of brick. Ovens crack when the clay is wet and cold.", "On kilns")
    said = "Ovens crack when the clay is wet and cold."
    answer = told("What are the advantages of kilns over ovens?", said, judge, ovens)
    assert [one.verdict.label for one in answer.verdicts] == ["supported"]
    assert not judge.asked


def test_what_is_said_of_another_thing_is_no_advantage_of_this_one() -> None:
    ovens = hit("Ovens save a lot of wood in winter and in spring.", "On ovens")
    said = "Ovens save a lot of wood in winter and in spring."
    question = "What are the advantages of kilns?"
    answer = told(question, said, Reads("save"), KILNS, ovens)
    assert "Ovens" not in answer.text
    assert "“Kilns save a lot of wood in winter.” [1]" in answer.text


def test_an_advantage_before_a_stop_is_no_drawback_either() -> None:
    stopped = threading.Event()
    text = "Kilns save a lot of wood in winter. Kilns crack when the clay is wet and cold."
    llm = ScriptedLLM("Kilns crack when the clay is wet and cold.", text, piece=40)
    judge = Reads("save")
    answerer = LLMAnswerer(llm, 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    engine = Engine(Found((KILNS,)), Judged(), answerer, verifier=CHECK)
    events = []
    for event in engine.ask("What are kilns and what are their drawbacks?", stop=stopped.is_set):
        events.append(event)
        if "wood" in getattr(event, "text", ""):
            stopped.set()
    labels = [one.verdict.label for one in answer_of(events).verdicts]
    assert labels == ["supported", "partly"]
