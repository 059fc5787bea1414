"""Which quotations a language model takes for an answer, and that no others are shown."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from llama_index.core.base.llms.types import ChatMessage
from passages import hit

from answer.test_engine import CHECK, Found, Judged, answer_of
from fakes import ScriptedLLM
from seminar_rag.answer.answering import MOST
from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.engine import NOTHING, Engine
from seminar_rag.answer.extractive import Extractive, asked_part
from seminar_rag.answer.guided import Guided
from seminar_rag.answer.prompt import LLMAnswerer
from seminar_rag.answer.quoting import first_of
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.question.query import understand
from seminar_rag.types import Answer, Hit

QUESTION = "How are kilns heated?"
KILNS = hit(
    "Kilns are heated with beech wood. How kilns are heated in Ghana is slowly changing.", "Kilns"
)
MANY = hit(
    " ".join(
        f"Kilns are heated with {wood} from the {place}."
        for wood, place in zip(
            "oak elm fir ash larch yew pine lime plum".split(),
            "north south west east coast hills lakes park isles".split(),
            strict=True,
        )
    ),
    "Kilns",
)


class Tells:
    """A model that takes texts with some words for an answer, and says nothing of one with others;
    or one that fails, or says nothing at all.

    Of the passages together it finds that they answer.
    """

    name = "tells"

    def __init__(
        self, *words: str, fails: bool = False, silent: bool = False, unsure: str = "?!"
    ) -> None:
        self.words, self.unsure = words, unsure
        self.fails, self.silent = fails, silent
        self.asked: list[str] = []
        self.likely = 0.9

    def choose(
        self, _system: str, _examples: object, questions: Sequence[str], *_: object
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        self.asked += questions
        if self.fails:
            raise ModelError("The model is gone.")
        if self.silent:
            return np.zeros((len(questions), 2))
        yes = [any(word in one for word in self.words) for one in questions]
        rows = np.array([[0.9, 0.1] if one else [0.1, 0.9] for one in yes])
        rows[[self.unsure in one for one in questions]] = 0
        return rows

    def weigh(self, _messages: Sequence[ChatMessage], *_: object) -> object:
        return np.array([self.likely, 1 - self.likely])


def quoting(judge: Tells | None) -> Extractive:
    return Extractive(
        HashEmbedder().read,
        lambda words: dict.fromkeys(words, 1.0),
        judge,  # type: ignore[arg-type]
    )


def told(
    judge: Tells, *hits: Hit, question: str = QUESTION, written: Sequence[str] = ("No.",)
) -> Answer:
    """The answer to a question, where what the model writes is no answer."""
    answerer = LLMAnswerer(ScriptedLLM(*written), 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    engine = Engine(Found(hits or (KILNS,)), Judged(), answerer, verifier=CHECK)
    return answer_of(list(engine.ask(question)))


def quoted(judge: Tells | None, *hits: Hit, stop: threading.Event | None = None) -> str:
    stopped = stop or threading.Event()
    draft = quoting(judge).draft(understand(QUESTION), hits or (KILNS,), (), stopped.is_set)
    return "".join(draft.chunks)


def test_only_what_answers_is_quoted() -> None:
    judge = Tells("beech")
    answer = told(judge)
    assert "“Kilns are heated with beech wood.” [1]" in answer.text
    assert "slowly" not in answer.text
    assert len(judge.asked) == len(set(judge.asked)) == 2
    assert all(f"Question: {QUESTION}" in one for one in judge.asked)


def test_where_nothing_answers_the_readings_do_not_say() -> None:
    judge = Tells("oil")
    judge.likely = 0.7
    answer = told(judge)
    assert (answer.abstained, answer.text) == (True, NOTHING)
    assert answer.nearest
    assert not answer.citations


def test_what_is_most_like_what_was_written_is_quoted_first() -> None:
    written = ("It seems that beech wood, they believe, makes all of them hot in those parts.",)
    plain = told(Tells("beech", "slowly")).text
    assert plain.index("slowly") < plain.index("beech")
    guided = told(Tells("beech", "slowly"), written=written).text
    assert guided.index("beech") < guided.index("slowly")
    assert "beech" not in told(Tells("slowly"), written=written).text


def test_each_quotation_is_judged_once_whatever_was_written() -> None:
    judge = Tells("beech", "slowly")
    told(judge, written=("It is beech wood, they believe, that makes all of them hot.",))
    assert len(judge.asked) == len(set(judge.asked)) == 2


def guided(question: str, written: str, *hits: Hit) -> str:
    quotations = Guided(quoting(None), written)
    return "".join(quotations.draft(understand(question), hits, (), lambda: False).chunks)


def test_a_list_stays_whole_where_what_was_written_is_like_one_item_of_it() -> None:
    parts = hit(
        "The kiln has these parts:\n- the firebox where wood burns\n- the chimney of red bricks",
        "On Kilns",
    )
    said = guided("Which parts does a kiln have?", "the chimney of red bricks", parts)
    assert said.index("firebox") < said.index("chimney")


def test_what_was_quoted_beside_a_sentence_comes_first_where_it_is_most_like_it() -> None:
    kilns = hit("Kilns are hot. A kiln needs three days to cool. Kilns burn beech wood.", "Kilns")
    query = understand("What do kilns burn?")
    for written, first in (("kilns burn beech", "beech"), ("three days to cool", "three days")):
        one = kilns.passage.sentences[1]
        quoted = Candidate(1, (one,), kilns.passage.quote(one), "")
        quotations = Guided(quoting(None), written, (quoted,))
        said = "".join(quotations.draft(query, (kilns,), (), lambda: False).chunks)
        assert first in said.partition("”")[0]


def test_the_rows_of_a_table_stay_together_where_what_was_written_is_like_one_of_them() -> None:
    one, two = (Candidate(1, (KILNS.passage.sentences[at],), str(at), "") for at in (0, 1))
    both = Candidate(1, (*one.sentences, *two.sentences), "0 1", "")
    other = Candidate(2, one.sentences, "2", "")
    assert first_of(two, [other, both]) == [both, other]
    assert first_of(both, [other, two]) == [both, other]


def test_the_number_of_another_thing_is_not_quoted_for_what_was_written() -> None:
    own = hit("It is told of the north that the old KX-2 was lit with 90 pots.", "Kilns")
    other = hit("Many pots did the kiln ZQ-9 take, after KX-2: 120 pots.", "Others")
    said = guided("How many pots did KX-2 take?", other.passage.text, own, other)
    assert "90 pots" in said
    assert "120 pots" not in said


def test_what_was_written_in_another_language_than_the_passages_tells_nothing_of_them() -> None:
    question, judge = "Warum werden Kilns in Ghana noch mit Holz geheizt?", Tells("i")
    plain = told(judge, question=question, written=("Das sage ich nicht.",)).text
    written = ("Beech wood, beech wood: die Kilns are heated with beech wood, glaube ich.",)
    assert told(judge, question=question, written=written).text == plain


@pytest.mark.parametrize("judge", [None, Tells(fails=True), Tells(silent=True)])
def test_a_model_that_tells_nothing_leaves_the_quotations(judge: Tells | None) -> None:
    said = quoted(judge)
    assert "beech" in said
    assert "slowly" in said


def test_a_quotation_of_which_a_model_says_nothing_stays() -> None:
    said = quoted(Tells("oil", unsure="beech"))
    assert "beech" in said
    assert "slowly" not in said
    said = quoted(Tells("slowly", unsure="beech"))
    assert "beech" in said
    assert "slowly" in said


def test_so_many_are_judged_and_no_more() -> None:
    judge = Tells("oil")
    assert not quoted(judge, MANY)
    assert len(judge.asked) == MOST


def test_nothing_is_judged_or_quoted_after_a_stop() -> None:
    judge, stopped = Tells("beech"), threading.Event()
    stopped.set()
    assert not quoted(judge, stop=stopped)
    assert not judge.asked


def test_a_model_that_does_not_write_is_not_asked_to_judge_either() -> None:
    judge = Tells("oil")
    gone = ModelError("The server was silent.")
    answerer = LLMAnswerer(ScriptedLLM(gone), 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    answer = answer_of(list(Engine(Found((KILNS,)), Judged(), answerer).ask(QUESTION)))
    assert "“Kilns are heated with beech wood.” [1]" in answer.text
    llm = ScriptedLLM("Kilns are heated with beech wood.", gone)
    answerer = LLMAnswerer(llm, 200, quoting(judge), CHECK, judge)  # type: ignore[arg-type]
    engine = Engine(Found((KILNS,)), Judged(), answerer)
    answer = answer_of(list(engine.ask("How are kilns heated and how do they change in Ghana?")))
    assert "“How kilns are heated in Ghana is slowly changing.” [1]" in answer.text
    assert not judge.asked


def test_each_part_is_quoted_by_its_own_question() -> None:
    judge = Tells("beech")
    question = "What is a kiln and how is it heated?"
    answer = told(judge, question=question, written=["Whales sing.", "Whales sing."])
    assert "slowly" not in answer.text
    assert {one.split("Question: ")[1].split("\n")[0] for one in judge.asked} == {
        "What is a kiln?",
        "how is a kiln heated?",
    }
    assert "“Kilns are heated with beech wood.” [1]" in answer.text


def test_a_part_is_asked_with_one_question_mark() -> None:
    query = understand("What are LoRA's benefits and what are LoRA's drawbacks??")
    asked = [asked_part(query, part).stand_alone for part in query.parts]
    assert [one.count("?") for one in asked] == [1, 1]
