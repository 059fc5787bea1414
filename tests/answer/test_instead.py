"""What takes the place of what a model wrote: itself read again, or quotations."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from passages import hit

from answer.test_answering import KILNS, QUESTION, Tells, quoting
from answer.test_engine import CHECK, Found, Judged, answer_of
from fakes import ScriptedLLM
from seminar_rag.answer.engine import Engine
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.prompt import LLMAnswerer
from seminar_rag.check.support import Verifier
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.question.query import understand
from seminar_rag.types import Answer, Hit, Passage, Verdict

KINDS = hit(
    "# Kinds of kilns\n- Downdraft kilns are round.\n- Tunnel kilns run all day.", "On kilns"
)
PARTS = "How are kilns heated, and what is slowly changing?"


class Sees(Verifier):
    """A model that finds claims with some words in the passages; or one that fails."""

    name, while_writing, quick = "sees", False, CHECK

    def __init__(self, *words: str, score: float = 0.9, fails: bool = False) -> None:
        self.words, self.score, self.fails = words, score, fails
        self.asked: list[str] = []

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        self.asked.append(claim)
        if self.fails:
            raise ModelError("The model is gone.")
        yes = any(word in claim for word in self.words)
        return Verdict(
            "supported" if yes else "unsupported",
            self.score if yes else 0.1,
            "",
            verifier=self.name,
        )


def told(
    sees: Sees | None,
    judge: Tells,
    *written: str,
    hits: tuple[Hit, ...] = (KILNS,),
    question: str = QUESTION,
) -> tuple[Answer, ScriptedLLM]:
    llm = ScriptedLLM(*written)
    answerer = LLMAnswerer(llm, 200, quoting(judge), CHECK, judge, sees)  # type: ignore[arg-type]
    engine = Engine(Found(hits), Judged(), answerer, verifier=CHECK)
    return answer_of(list(engine.ask(question))), llm


FREELY = "Potters burn the timber of a common broad-leaved tree."


def test_what_words_do_not_find_and_a_judge_does_is_shown_with_its_passage() -> None:
    sees = Sees("timber")
    answer, _ = told(sees, Tells(), FREELY)
    assert answer.text == f"{FREELY} [1]"
    assert [one.passage for one in answer.citations] == [KILNS.passage]
    assert not any("quoted instead" in one for one in answer.warnings)
    assert all(one.verdict.label != "supported" for one in answer.verdicts)  # words do not say so
    assert sees.asked == [FREELY]


@pytest.mark.parametrize(
    "sees", [None, Sees(), Sees("timber", score=0.7), Sees("timber", fails=True)]
)
def test_what_no_judge_is_sure_of_gives_way_to_quotations(sees: Sees | None) -> None:
    answer, _ = told(sees, Tells("beech"), FREELY)
    assert FREELY not in answer.text
    assert "“Kilns are heated with beech wood.” [1]" in answer.text


def test_of_what_is_read_again_only_what_is_found_stays() -> None:
    answer, _ = told(Sees("timber"), Tells(), f"{FREELY} Whales sing for hours. They dive deep.")
    assert answer.text == f"{FREELY} [1]"


def test_a_list_is_read_as_a_whole() -> None:
    sees = Sees("Round ones")
    written = "Potters know:\n- Round ones that suck air down\n- Long ones never cooling off"
    answer, _ = told(sees, Tells(), written, hits=(KINDS,), question="Which kinds of kilns exist?")
    assert answer.text.count("[1]") == 2
    assert answer.text.startswith("Potters know:\n- Round ones")
    assert len(sees.asked) == 1


def test_a_part_is_read_again_before_it_is_quoted() -> None:
    written = ("Kilns are heated with beech wood.", FREELY)
    answer, llm = told(Sees("timber"), Tells(), *written, question=PARTS)
    assert answer.text == f"Kilns are heated with beech wood. [1]\n\n{FREELY} [1]"
    assert len(llm.asked) == 2
    again, _ = told(Sees("beech"), Tells(), FREELY, FREELY, question=PARTS)
    assert FREELY not in again.text


def test_simple_words_are_asked_of_no_quotation() -> None:
    judge = Tells("beech")
    answer, _ = told(None, judge, "No.", question="Explain kilns like I'm five.")
    assert "beech" in answer.text
    assert judge.asked
    assert not any("five" in one for one in judge.asked)


def test_what_the_quotations_for_one_part_say_of_the_next_is_not_said_to_be_missing() -> None:
    only = hit("Kilns are heated with beech wood in the north.", "Kilns")
    quotations = Extractive(HashEmbedder().read, lambda words: dict.fromkeys(words, 1.0))
    query = understand("How are kilns heated, and how is beech wood used?")
    draft = quotations.draft(query, (only,), (), lambda: False)
    assert "beech" in "".join(draft.chunks)
    assert list(draft.notes) == []
