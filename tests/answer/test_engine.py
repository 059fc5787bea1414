from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
from llama_index.core.base.llms.types import ChatMessage

from fakes import Reply, ScriptedLLM, StubServer
from seminar_rag.answer.engine import NOTHING, NOTHING_FURTHER, Draft, Engine, Stop
from seminar_rag.answer.extractive import Extractive
from seminar_rag.answer.prompt import LEAST_PASSAGES, MORE_PASSAGES, MOST_PASSAGES, LLMAnswerer
from seminar_rag.check.support import BuiltinVerifier, Verifier
from seminar_rag.errors import ModelError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.models.llm import LLM
from seminar_rag.models.server import OpenAICompatible
from seminar_rag.question.query import Query, understand
from seminar_rag.types import (
    Answer,
    AnswerEvent,
    CitationEvent,
    Document,
    Event,
    Hit,
    HitsEvent,
    Passage,
    Scope,
    Sentence,
    TokenEvent,
    Turn,
    Verdict,
    VerdictLabel,
)


def hit(number: int, *sentences: str) -> Hit:
    text = " ".join(sentences)
    spans, at = [], 0
    for sentence in sentences:
        spans.append(Sentence(at, at + len(sentence), page=number))
        at += len(sentence) + 1
    document = Document(
        f"d{number}", "paper", f"r{number}", f"Reading {number}", sessions=(number,)
    )
    passage = Passage(f"p{number}", document.id, 0, text, "Head", 0, 1, number, tuple(spans))
    return Hit(passage, document, 1.0 / number)


HITS = (
    hit(1, "Attention weighs tokens.", "It costs the square of the length."),
    hit(2, "Recurrence reads tokens one by one."),
    hit(3, "Mamba scans a state."),
)


class Found:
    def __init__(self, hits: tuple[Hit, ...] = HITS) -> None:
        self.hits = hits
        self.queries: list[tuple[str, Scope | None]] = []

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        text = query if isinstance(query, str) else query.search_text
        self.queries.append((text, scope))
        return self.hits[:k]


class Judged:
    def __init__(self, verdict: bool = True) -> None:
        self.verdict = verdict

    def reason(self, query: Query, hits: Sequence[Hit]) -> str | None:
        return None if self.verdict else "nothing was found"


class Scripted:
    name = "scripted"
    notice = "From a script."

    def __init__(self, *chunks: str) -> None:
        self.chunks = chunks
        self.given = 0

    def draft(
        self, query: Query, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        return Draft(tuple(hits), self._stream())

    def _stream(self) -> Iterator[str]:
        for chunk in self.chunks:
            self.given += 1
            yield chunk


def answer_of(events: Sequence[Event]) -> Answer:
    last = events[-1]
    assert isinstance(last, AnswerEvent)
    return last.answer


def ask(
    answerer: Scripted | LLMAnswerer,
    judge: Judged | None = None,
    question: str = "How does attention work?",
) -> list[Event]:
    engine = Engine(Found(), judge or Judged(), answerer, clock=iter(range(99)).__next__)
    return list(engine.ask(question))


def test_the_stream_tells_hits_tokens_citations_and_the_answer() -> None:
    events = ask(Scripted("Attention weighs tok", "ens. [1", "] Recurrence reads one by one. [2]"))
    assert isinstance(events[0], HitsEvent)
    assert events[0].hits == HITS
    text = "".join(e.text for e in events if isinstance(e, TokenEvent))
    answer = answer_of(events)
    assert text == answer.text
    assert answer.text == "Attention weighs tokens. [1] Recurrence reads one by one. [2]"
    first, second = answer.citations
    assert (first.number, first.quote, first.page) == (1, "Attention weighs tokens.", 1)
    assert (second.number, second.document.title) == (2, "Reading 2")
    assert answer.warnings == ()
    assert answer.seconds > 0
    # Every citation is told before its mark.
    marks = [i for i, e in enumerate(events) if isinstance(e, CitationEvent)]
    assert [events[i + 1].text for i in marks] == ["[1]", "[2]"]  # type: ignore[union-attr]


def test_numbers_follow_the_readers_order_and_sentences_have_their_own_quote() -> None:
    answer = answer_of(
        ask(Scripted("Mamba scans. [3] Attention weighs tokens. [1] It costs the square. [1]"))
    )
    assert answer.text == "Mamba scans. [1] Attention weighs tokens. [2] It costs the square. [2]"
    assert [(c.number, c.quote) for c in answer.citations] == [
        (1, "Mamba scans a state."),
        (2, "Attention weighs tokens."),
        (2, "It costs the square of the length."),
    ]


def test_numbers_that_were_not_offered_never_come_through() -> None:
    answer = answer_of(ask(Scripted("Attention weighs tokens. [1][7] Moon cheese. [9]")))
    assert answer.text == "Attention weighs tokens. [1] Moon cheese."
    assert {c.number for c in answer.citations} == {1}
    assert any("[7]" in warning for warning in answer.warnings)
    assert any("Moon cheese" in warning for warning in answer.warnings)


@pytest.mark.parametrize("chunks", [(), ("  ",), ("The readings do not say.",)])
def test_an_answerer_that_finds_nothing_abstains(chunks: tuple[str, ...]) -> None:
    answer = answer_of(ask(Scripted(*chunks)))
    assert (answer.abstained, answer.text, answer.citations) == (True, NOTHING, ())
    assert [d.title for d in answer.nearest] == ["Reading 1", "Reading 2", "Reading 3"]


@pytest.mark.parametrize(
    ("shown", "text"),
    [("Attention weighs tokens. [1]", NOTHING_FURTHER), ("The readings don't say.", NOTHING)],
)
def test_a_follow_up_without_a_further_answer_says_so(shown: str, text: str) -> None:
    history = [Turn("user", "How does attention work?"), Turn("assistant", shown)]
    engine = Engine(Found(), Judged(), Scripted())
    answer = answer_of(list(engine.ask("and what does it weigh?", history)))
    assert (answer.abstained, answer.text, answer.citations) == (True, text, ())


def test_text_without_any_valid_mark_is_no_answer() -> None:
    answer = answer_of(ask(Scripted("The moon is made of cheese. [9] I am sure.")))
    assert (answer.abstained, answer.text, answer.citations) == (True, NOTHING, ())
    assert "do not bear out" in answer.warnings[0]


def test_a_line_that_leads_into_a_list_needs_no_mark() -> None:
    answer = answer_of(
        ask(Scripted("From Can It Be? (session 1):\n\nAttention weighs tokens. [1]"))
    )
    assert answer.warnings == ()


def test_what_is_not_answerable_is_not_even_tried() -> None:
    answerer = Scripted("Never.")
    events = ask(answerer, Judged(False))
    assert answer_of(events).abstained
    assert answerer.given == 0
    assert isinstance(events[0], HitsEvent)
    assert events[0].hits == ()


def test_stop_ends_the_answer_where_it_is() -> None:
    answerer = Scripted("One. [1] ", "Two. [2] ", "Three. [3]")
    engine = Engine(Found(), Judged(), answerer)
    stopped = threading.Event()
    events: list[Event] = []
    for event in engine.ask("What?", stop=stopped.is_set):
        events.append(event)
        if isinstance(event, TokenEvent):
            stopped.set()
    assert answer_of(events).text == "One. [1]"
    assert answerer.given == 1


def test_a_follow_up_is_searched_with_what_it_leans_on() -> None:
    found = Found()
    engine = Engine(found, Judged(), Scripted("Attention. [1]"))
    history = [Turn("user", "What is attention?"), Turn("assistant", "It weighs. [1]")]
    scope = Scope(sessions=frozenset({3}))
    list(engine.ask("And how does it differ from recurrence?", history, scope))
    assert found.queries == [("What is attention? And how does it differ from recurrence?", scope)]


CHECK = BuiltinVerifier(HashEmbedder().embed)


class Sure:
    """A judge of whether the passages answer a question, and what it was asked."""

    name = "judge"

    def __init__(self, *likely: float | Exception) -> None:
        self.likely = list(likely)
        self.asked: list[str] = []

    def weigh(self, messages: Sequence[ChatMessage], *_: object) -> object:
        self.asked.append(messages[-1].content or "")
        found = self.likely.pop(0)
        if isinstance(found, Exception):
            raise found
        return np.array([found, 1 - found if found else 0.0])


def writer(llm: LLM, judge: Sure | None = None) -> LLMAnswerer:
    def rarity(words: Sequence[str]) -> dict[str, float]:
        return dict.fromkeys(words, 1.0)

    return LLMAnswerer(llm, 200, Extractive(HashEmbedder().read, rarity), CHECK, judge)  # type: ignore[arg-type]


def test_a_language_model_answers_from_the_passages() -> None:
    llm = ScriptedLLM("Attention weighs tokens.")
    events = ask(writer(llm))
    answer = answer_of(events)
    assert answer.text == "Attention weighs tokens. [1]"
    assert isinstance(events[0], HitsEvent)
    first = events[0].quotations[0]
    assert first.document == events[0].hits[first.number - 1].document
    assert first.quote in first.passage.text
    assert answer.citations[0].quote == "Attention weighs tokens."
    assert answer.answerer == llm.name


def test_a_slow_machine_is_given_a_shorter_prompt() -> None:
    more = " and so on" * 10
    many = tuple(
        hit(n, *(f"Word {n} of sentence {i} weighs {i} tokens{more}." for i in range(20)))
        for n in range(1, 13)
    )
    read: dict[float | None, int] = {}
    for speed in (None, 120.0, 1.0):
        llm = ScriptedLLM("Word weighs tokens.", context=8000)
        llm.speed = speed
        draft = writer(llm).draft(understand("word?"), many, (), lambda: False)
        list(draft.chunks)
        read[speed] = llm.count(llm.asked[0].messages[-3].content or "")
        assert 0 < len(draft.offered) < 12
    assert 300 < read[1.0] < LEAST_PASSAGES + 20
    assert read[1.0] < read[120.0] < read[None] < MOST_PASSAGES + 20


def test_nothing_is_written_where_the_judge_finds_no_answer() -> None:
    judge, llm = Sure(0.55, 0.9), ScriptedLLM("Attention weighs tokens.")
    refused = answer_of(ask(writer(llm, judge)))
    assert (refused.abstained, llm.asked) == (True, [])
    answer = answer_of(ask(writer(llm, judge)))
    assert answer.text == "Attention weighs tokens. [1]"
    assert "It costs the square of the length." in judge.asked[0]
    assert "How does attention work?" in judge.asked[0]


@pytest.mark.parametrize("said", [0.0, ModelError("The server is busy.")])
def test_a_judge_that_says_nothing_decides_nothing(said: float | Exception) -> None:
    answer = answer_of(ask(writer(ScriptedLLM("Attention weighs tokens."), Sure(said))))
    assert answer.text == "Attention weighs tokens. [1]"


@pytest.mark.parametrize("text", ["The readings do not say.", "Whales sing for twenty hours."])
def test_quotations_stand_in_for_what_no_passage_says(text: str) -> None:
    answer = answer_of(ask(writer(ScriptedLLM(text), Sure(0.9))))
    assert "“It costs the square of the length.” [1]" in answer.text
    assert text not in answer.text
    assert "quoted instead" in answer.warnings[-1]
    assert answer.verdicts == ()  # no ticks on what is verbatim
    assert {one.passage.id for one in answer.citations} <= {"p1", "p2", "p3"}


class Doubtful(Verifier):
    """Calls no claim supported, but those that begin so."""

    name, while_writing, quick = "doubtful", True, None

    def __init__(self, begins: str = "nothing", label: VerdictLabel = "partly") -> None:
        self._begins, self._label = begins, label

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        label = "supported" if claim.startswith(self._begins) else self._label
        return Verdict(label, 0.9, "", verifier=self.name)


def doubted(text: str, yes: float, verifier: Doubtful) -> Answer:
    answerer = writer(ScriptedLLM(text), Sure(yes))
    return answer_of(
        list(Engine(Found(), Judged(), answerer, verifier=verifier).ask("How does attention work?"))
    )


def test_quotations_stand_in_where_no_sentence_is_called_supported() -> None:
    said = "Attention weighs tokens. It costs the square of the length."
    assert doubted(said, 0.9, Doubtful("It costs")).text.startswith("Attention weighs tokens. [1]")
    quoted = doubted(said, 0.9, Doubtful())
    assert "quoted instead" in quoted.warnings[-1]
    assert quoted.verdicts == ()
    assert doubted(said, 0.62, Doubtful()).text == quoted.text

    def unjudged(verifier: Verifier) -> Answer:
        engine = Engine(Found(), Judged(), writer(ScriptedLLM(said)), verifier=verifier)
        return answer_of(list(engine.ask("How does attention work?")))

    assert unjudged(Doubtful(label="unsupported")).text == quoted.text
    assert unjudged(Doubtful()).text.startswith("Attention weighs tokens. [1]")


@pytest.mark.parametrize("judge", [None, Sure(0.6)])
def test_nothing_is_quoted_instead_where_no_judge_was_sure(judge: Sure | None) -> None:
    answer = answer_of(ask(writer(ScriptedLLM("The readings do not say."), judge)))
    assert (answer.abstained, answer.text) == (True, NOTHING)


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("Compare attention and recurrence", "“Recurrence reads tokens one by one.” [1]"),
        ("What are the pros and cons of attention?", "“It costs the square of the length.” [1]"),
    ],
)
def test_part_by_part_quotations_stand_in_though_no_judge_was_asked(
    question: str, quoted: str
) -> None:
    llm = ScriptedLLM("Whales sing for twenty hours.")
    answer = answer_of(ask(writer(llm, Sure()), question=question))
    assert quoted in answer.text
    assert any("quoted instead" in warning for warning in answer.warnings)


TWO = "What is attention and what does it cost?"


def test_the_parts_of_a_question_are_asked_and_answered_in_turn() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "It costs the square of the length.")
    judge = Sure(0.9, 0.8)
    answer = answer_of(ask(writer(llm, judge), question=TWO))
    assert answer.text == "Attention weighs tokens. [1]\n\nIt costs the square of the length. [1]"
    first, second = ([one.content or "" for one in asked.messages] for asked in llm.asked)
    assert second[: len(first)] == first
    assert "Question: What is attention?" in first[-3]
    assert second[len(first)] == "Attention weighs tokens."
    assert second[-3].startswith("Question: What does it cost?")
    assert judge.asked == [first[-3], second[-3]]
    assert answer.warnings == ()


@pytest.mark.parametrize("said", ["Whales sing for twenty hours.", "Attention weighs tokens."])
def test_a_part_of_which_nothing_is_borne_out_is_quoted_and_the_other_stays(said: str) -> None:
    llm = ScriptedLLM("Attention weighs tokens.", said)
    answer = answer_of(ask(writer(llm, Sure(0.9, 0.9)), question=TWO))
    written, label, *quoted = answer.text.split("\n\n")
    assert (written, label) == ("Attention weighs tokens. [1]", "What does attention cost:")
    assert "“It costs the square of the length.” [1]" in quoted
    assert not any("quoted instead" in warning for warning in answer.warnings)


def test_a_quotation_within_a_written_answer_has_no_tick() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "Whales sing for twenty hours.")
    engine = Engine(Found(), Judged(), writer(llm, Sure(0.9, 0.9)), verifier=CHECK)
    answer = answer_of(list(engine.ask(TWO)))
    quoted = [answer.text[one.start : one.end].startswith("“") for one in answer.verdicts]
    ticked = [one.verdict.label == "supported" for one in answer.verdicts]
    assert any(quoted)
    assert any(ticked)
    assert not any(one and two for one, two in zip(quoted, ticked, strict=True))


def test_a_part_that_the_passages_do_not_answer_is_named() -> None:
    llm = ScriptedLLM("Attention weighs tokens.")
    answer = answer_of(ask(writer(llm, Sure(0.9, 0.2)), question=TWO))
    assert answer.text == "Attention weighs tokens. [1]"
    assert answer.warnings == ("No passage that was found answers “what does attention cost”.",)
    neither = answer_of(ask(writer(ScriptedLLM(), Sure(0.1, 0.2)), question=TWO))
    assert neither.abstained


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Attention weighs tokens.", False),
        ("Attention weighs tokens. It helps. It costs the square of the length.", True),
    ],
)
def test_pros_and_cons_of_which_one_is_not_told_give_way_to_quotations(
    text: str, kept: bool
) -> None:
    llm = ScriptedLLM(text)
    answer = answer_of(
        ask(writer(llm, Sure()), question="What are the pros and cons of attention?")
    )
    assert answer.text.startswith("Attention weighs tokens. [1]") is kept
    assert any("quoted instead" in warning for warning in answer.warnings) is not kept


def test_a_stop_ends_the_parts_too() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "It costs the square of the length.")
    engine = Engine(Found(), Judged(), writer(llm, Sure(0.9, 0.9)))
    stopped = threading.Event()
    events = []
    for event in engine.ask(TWO, stop=stopped.is_set):
        events.append(event)
        if isinstance(event, TokenEvent) and event.text.strip():
            stopped.set()
    assert "square" not in answer_of(events).text
    assert len(llm.asked) == 1


def test_a_model_that_breaks_off_before_a_later_part_loses_nothing_of_the_first() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", ModelError("The server is gone."))
    answer = answer_of(ask(writer(llm, Sure(0.9, 0.55)), question=TWO))
    assert answer.text.startswith("Attention weighs tokens. [1]\n\nWhat does attention cost:")
    assert "“It costs the square of the length.” [1]" in answer.text
    assert any("The server is gone." in warning for warning in answer.warnings)
    begun = ("It costs the square of the length. And it costs much more", ModelError("gone"))
    with pytest.raises(ModelError, match="gone"):
        ask(writer(ScriptedLLM("Attention weighs tokens.", begun), Sure(0.9, 0.9)), question=TWO)


def test_where_the_answers_to_the_parts_have_no_room_all_is_asked_at_once() -> None:
    both = "Attention weighs tokens. It costs the square of the length."
    answers = {}
    for context in (1800, 4096):
        llm = ScriptedLLM(both, both, context=context)
        answer_of(ask(writer(llm, Sure(0.9, 0.9)), question=TWO))
        answers[context] = len(llm.asked)
    assert answers == {1800: 1, 4096: 2}


def test_what_answers_a_later_part_too_is_not_said_to_be_missing() -> None:
    said = "Attention weighs tokens."
    answer = answer_of(ask(writer(ScriptedLLM(said, said), Sure(0.9, 0.6)), question=TWO))
    assert answer.text == "Attention weighs tokens. [1]"
    assert answer.warnings == ()


def test_a_follow_up_goes_on_from_all_parts() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "It costs the square of the length.", "Many.")
    engine = Engine(Found(), Judged(), writer(llm, Sure(0.9, 0.8, 0.9)))
    answer = answer_of(list(engine.ask(TWO)))
    history = [Turn("user", TWO), Turn("assistant", answer.text)]
    list(engine.ask("How many tokens does it weigh?", history=history))
    second, third = (asked.messages for asked in llm.asked[1:3])
    assert list(third[: len(second)]) == list(second)
    assert third[len(second)].content == "It costs the square of the length."


def test_a_follow_up_to_the_list_of_a_session_does_not_ask_for_the_list_again() -> None:
    llm, judge = ScriptedLLM("It costs the square of the length."), Sure(0.9)
    engine = Engine(Found(), Judged(), writer(llm, judge))
    history = [Turn("user", "What do we read in session 3?"), Turn("assistant", "1. Attention")]
    answer = answer_of(list(engine.ask("What are the drawbacks of it?", history=history)))
    assert answer.text == "It costs the square of the length. [1]"
    assert (len(llm.asked), len(judge.asked)) == (1, 1)
    assert not any("No passage that was found" in warning for warning in answer.warnings)


def test_simple_words_that_no_passage_bears_out_give_way_to_quotations() -> None:
    llm = ScriptedLLM("It is like a torch in a dark room.")
    answer = answer_of(ask(writer(llm, Sure(0.6)), question="Explain attention like I'm five"))
    assert "“It costs the square of the length.” [1]" in answer.text
    assert not any("simpler words" in warning for warning in answer.warnings)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Explain attention like I'm five", "Question: What is attention?"),
        ("What speaks against attention?", "Question: What speaks against attention?"),
    ],
)
def test_a_judge_decides_on_what_is_asked_in_other_words_too(question: str, asked: str) -> None:
    judge, llm = Sure(0.3), ScriptedLLM("Attention weighs tokens.")
    assert answer_of(ask(writer(llm, judge), question=question)).abstained
    assert asked in judge.asked[0]
    assert not llm.asked


def test_both_sources_of_a_comparison_are_shown_and_cited() -> None:
    llm = ScriptedLLM("Attention weighs tokens [3]. Recurrence reads tokens one by one [3].")
    answer = answer_of(ask(writer(llm)))
    assert [one.document.title for one in answer.citations] == ["Reading 1", "Reading 2"]
    assert "Mamba" in (llm.asked[0].messages[-3].content or "")


def test_a_question_in_another_language_is_put_to_the_model_as_it_was_asked() -> None:
    llm = ScriptedLLM("L'attention pèse des jetons [1].")
    query = understand("Comment fonctionne l'attention ?", spelled=lambda _: "attention")
    list(writer(llm).draft(query, HITS, (), lambda: False).chunks)
    *_, asked, _, write = (one.content or "" for one in llm.asked[0].messages)
    assert "Question: Comment fonctionne l'attention ?" in asked
    assert "Write in French." in write


def test_what_no_reading_says_is_shown_as_that_or_left_out() -> None:
    llm = ScriptedLLM("Whales sing for twenty hours. Attention weighs tokens. Whales eat krill.")
    engine = Engine(Found(), Judged(), writer(llm), verifier=CHECK)
    answer = answer_of(list(engine.ask("How does attention work?")))
    assert answer.text == "Whales sing for twenty hours. Attention weighs tokens. [1]"
    assert [one.verdict.label for one in answer.verdicts][:2] == ["unsupported", "supported"]
    assert [("Whales" in one, "left out" in one) for one in answer.warnings] == [
        (False, True),
        (True, False),
    ]


def test_a_follow_up_is_asked_with_the_last_exchange() -> None:
    history = [
        Turn("user", "What is Mamba?"),
        Turn("assistant", "A state-space model [1]."),
        Turn("user", "How does attention work?"),
        Turn("assistant", "Attention weighs tokens [1]."),
    ]
    llm = ScriptedLLM("It costs the square of the length.")
    engine = Engine(Found(), Judged(), writer(llm))
    assert not answer_of(list(engine.ask("and what does it cost?", history))).abstained
    said = [one.content or "" for one in llm.asked[0].messages]
    assert "Question: How does attention work?" in said
    assert "Attention weighs tokens." in said
    assert not any("What is Mamba" in one for one in said)
    assert "what does it cost?" in said[-3].splitlines()[-3]


def test_a_follow_up_goes_on_from_the_prompt_before_and_cites_its_passages_too() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "Attention weighs tokens.", "It costs 5 euros.")
    judge = Sure(0.9, 0.55, 0.62)  # a follow-up tells the model less
    engine = Engine(Found(), Judged(), writer(llm, judge))
    history: list[Turn] = []
    asked = ("How does attention work?", "and what does it weigh?", "and why is that?")
    answers = []
    for question in asked:
        answers.append(answer_of(list(engine.ask(question, history))))
        history += [Turn("user", question), Turn("assistant", answers[-1].text)]
    first, second, third = (one.messages for one in llm.asked)
    assert second[: len(first)] == first
    assert third[: len(second)] == second
    told, new, *_ = second[len(first) :]
    assert told.content == "Attention weighs tokens."
    assert "Question: and what does it weigh?" in (new.content or "")
    assert llm.count(new.content or "") <= MORE_PASSAGES + 20
    assert judge.asked == [one.messages[-3].content for one in llm.asked]
    assert [one.text for one in answers[:2]] == ["Attention weighs tokens. [1]"] * 2
    assert answers[2].abstained  # nothing of what was shown says it, and nothing is quoted instead


def test_a_follow_up_goes_on_from_what_was_quoted_instead() -> None:
    llm = ScriptedLLM("Whales sing for twenty hours.", "Attention weighs tokens.")
    engine = Engine(Found(), Judged(), writer(llm, Sure(0.9, 0.9)))
    answer = answer_of(list(engine.ask("How does attention work?")))
    history = [Turn("user", "How does attention work?"), Turn("assistant", answer.text)]
    list(engine.ask("and what does it weigh?", history))
    first, second = (one.messages for one in llm.asked)
    assert second[: len(first)] == first
    told = second[len(first)].content or ""
    assert "It costs the square of the length." in told
    assert not re.search(r"\[1\]|“|:$", told, re.MULTILINE)  # nothing that it would go on in
    assert "Whales" not in told


def test_another_answer_is_not_gone_on_from() -> None:
    llm = ScriptedLLM("Attention weighs tokens.", "It weighs tokens.")
    engine = Engine(Found(), Judged(), writer(llm))
    list(engine.ask("How does attention work?"))
    history = [Turn("user", "How does attention work?"), Turn("assistant", "It is magic.")]
    list(engine.ask("and what does it weigh?", history))
    assert "It is magic." in [one.content for one in llm.asked[1].messages]


def test_a_conversation_that_fills_the_window_is_told_anew() -> None:
    llm = ScriptedLLM(*["Attention weighs tokens."] * 12, context=1500)
    engine = Engine(Found(), Judged(), writer(llm))
    history: list[Turn] = []
    for question in ("How does attention work?", *["and what does it weigh?"] * 11):
        answer = answer_of(list(engine.ask(question, history[-2:])))
        history += [Turn("user", question), Turn("assistant", answer.text)]
    lengths = [len(one.messages) for one in llm.asked]
    assert max(lengths) > len(llm.asked[0].messages) + 2
    assert any(after < before for before, after in pairwise(lengths))


# A recorded server: good and bad answers, from the wire to the reader


def served(*replies: Reply) -> list[Answer | str]:
    """What the reader gets for each reply: an answer, or a message."""
    told: list[Answer | str] = []
    with StubServer(*replies) as server:
        llm = OpenAICompatible(server.url, "tiny")
        engine = Engine(Found(), Judged(), writer(llm))
        for _ in replies:
            try:
                told.append(answer_of(list(engine.ask("How does attention work?"))))
            except ModelError as error:
                told.append(str(error))
    return told


@pytest.mark.slow
def test_a_good_answer_of_a_server_is_cited() -> None:
    (answer,) = served(Reply("Attention weighs tokens [1]. It costs the square of the length [1]."))
    assert isinstance(answer, Answer)
    assert (answer.abstained, answer.warnings) == (False, ())
    assert [one.quote for one in answer.citations] == [
        "Attention weighs tokens.",
        "It costs the square of the length.",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Attention is all you need.", "Sure! [12] [99]"])
def test_a_server_that_cites_nothing_is_not_believed(text: str) -> None:
    (answer,) = served(Reply(text))
    assert isinstance(answer, Answer)
    assert (answer.abstained, answer.text, answer.citations) == (True, NOTHING, ())
    assert answer.nearest


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [
        Reply(" ".join(f"word{n}" for n in range(10_000)), piece=100),
        Reply("Attention weighs tokens [1]. And", drop=True),
        Reply("Attention weighs tokens [1]. And", done=False),
        Reply(
            "Attention weighs",
            done=False,
            events=('data: {"error": {"code": 500, "message": "worker died"}}',),
        ),
    ],
)
def test_an_answer_that_breaks_off_gives_a_plain_message_and_can_be_asked_again(
    reply: Reply,
) -> None:
    message, answer = served(reply, Reply("Attention weighs tokens [1]."))
    assert isinstance(message, str)
    assert "ask again" in message
    assert "\n" not in message
    assert isinstance(answer, Answer)
    assert not answer.abstained


@pytest.mark.slow
def test_a_server_that_fails_is_replaced_by_quotations() -> None:
    (answer,) = served(Reply(status=500, body='{"error": {"message": "out of memory"}}'))
    assert isinstance(answer, Answer)
    assert "“It costs the square of the length.” [1]" in answer.text
    assert any("so these are quotations" in one for one in answer.warnings)


def test_who_says_that_is_answered_with_the_works_instead_of_the_answer() -> None:
    before = [Turn("user", "How does attention work?"), Turn("assistant", "It weighs. [1]")]
    scripted = Scripted("Attention weighs tokens. [1] Recurrence reads tokens one by one. [2] [1]")
    engine = Engine(Found(), Judged(), scripted)
    events = list(engine.ask("who says that?", before))
    text = "- “Reading 1” (session 1, p. 1) [1]\n- “Reading 2” (session 2, p. 2) [2]"
    assert "".join(e.text for e in events if isinstance(e, TokenEvent)) == text
    answer = answer_of(events)
    assert answer.text == text
    assert {one.number for one in answer.citations} == {1, 2}
    again = answer_of(list(engine.ask("say that again", before)))
    assert again.text.startswith("Attention weighs tokens.")


def test_who_says_that_of_a_refusal_is_the_refusal() -> None:
    before = [Turn("user", "How does attention work?"), Turn("assistant", NOTHING)]
    answer = answer_of(list(Engine(Found(), Judged(False), Scripted("")).ask("source?", before)))
    assert answer.abstained
    assert answer.text == NOTHING


class Listening(Scripted):
    """Keeps what it was asked, and after what."""

    def draft(
        self, query: Query, hits: Sequence[Hit], history: Sequence[Turn], stop: Stop
    ) -> Draft:
        self.asked, self.before = query.text, list(history)
        return super().draft(query, hits, history, stop)


@pytest.mark.parametrize("again", ["who says that?", "say that again"])
def test_what_was_asked_before_is_asked_as_it_was_then(again: str) -> None:
    first = [Turn("user", "What is a kiln?"), Turn("assistant", "An oven. [1]")]
    then = [Turn("user", "How does attention work?"), Turn("assistant", "It weighs. [1]")]
    listening = Listening("Attention weighs tokens. [1]")
    list(Engine(Found(), Judged(), listening).ask(again, [*first, *then]))
    assert (listening.asked, listening.before) == ("How does attention work?", first)


def test_who_says_that_without_a_question_before_is_a_question() -> None:
    events = list(Engine(Found(), Judged(), Scripted("It weighs. [1]")).ask("who says that?"))
    assert answer_of(events).text == "It weighs. [1]"
