"""Answers that are checked while they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from answer.test_engine import Found, Judged, Scripted, answer_of
from check.scripted import ScriptedVerifier, hit
from seminar_rag.answer.citations import MarkFilter
from seminar_rag.answer.engine import Engine
from seminar_rag.answer.review import Review
from seminar_rag.course import Course
from seminar_rag.types import (
    Answer,
    AnswerEvent,
    Event,
    Passage,
    SentenceVerdict,
    TokenEvent,
    Verdict,
    VerdictEvent,
    VerdictLabel,
    tally,
)


def checked(verifier: ScriptedVerifier, *chunks: str) -> list[Event]:
    return list(Engine(Found(), Judged(), Scripted(*chunks), verifier=verifier).ask("What?"))


def labels(answer: Answer) -> list[tuple[str, str]]:
    return [(answer.text[v.start : v.end], v.verdict.label) for v in answer.verdicts]


VERIFIER = {"weighs": "supported", "cheese": "contradicted", "Recurrence": "partly"}


def test_each_sentence_is_checked_against_the_passages_it_cites() -> None:
    verifier = ScriptedVerifier(VERIFIER)  # type: ignore[arg-type]
    events = checked(
        verifier, "Attention weighs tokens. [1] The moon is cheese. [2][3] Recurrence reads. [1]"
    )
    answer = answer_of(events)
    assert labels(answer) == [
        ("Attention weighs tokens. [1]", "supported"),
        ("The moon is cheese. [2][3]", "contradicted"),
        ("Recurrence reads. [1]", "partly"),
    ]
    assert [asked[:2] for asked in verifier.asked] == [
        ("Attention weighs tokens.", ("p1",)),
        ("The moon is cheese.", ("p2", "p3")),
        ("Recurrence reads.", ("p1",)),
    ]
    assert "Reading 1" in verifier.asked[0][2]
    assert answer.checked == "1 of 3 sentences supported"
    assert [e.verdict for e in events if isinstance(e, VerdictEvent)] == list(answer.verdicts)


def test_a_verdict_comes_as_soon_as_its_sentence_has_ended() -> None:
    events = checked(
        ScriptedVerifier(VERIFIER),  # type: ignore[arg-type]
        *("Attention weighs", " tokens.", " [1]", " The moon", " is cheese.", " [2]"),
    )
    kinds = [e.text if isinstance(e, TokenEvent) else type(e).__name__ for e in events]
    first = kinds.index("VerdictEvent")
    assert kinds[first - 1] == " The moon"  # until then a further mark could follow
    assert kinds[-2:] == ["VerdictEvent", "AnswerEvent"]


def test_how_an_answer_is_cut_into_chunks_makes_no_difference() -> None:
    text = (
        "From A (session 1):\n\n“Attention weighs tokens. It costs.” [1] “Moon is cheese.” [2]\n"
        "- “Recurrence reads, e.g. tokens.” [3]\n\n## Head\n\nIs that so? It is not cited."
    )
    whole = labels(answer_of(checked(ScriptedVerifier(VERIFIER), text)))  # type: ignore[arg-type]
    split = labels(answer_of(checked(ScriptedVerifier(VERIFIER), *text)))  # type: ignore[arg-type]
    assert whole == split
    assert [label for _, label in whole] == [
        *("uncheckable", "supported", "contradicted", "partly"),
        *("uncheckable", "uncheckable", "unsupported"),
    ]


def test_a_sentence_without_a_mark_is_not_supported_and_says_why() -> None:
    answer = answer_of(checked(ScriptedVerifier(VERIFIER), "It weighs. [1] More weighs here."))  # type: ignore[arg-type]
    verdict = answer.verdicts[1].verdict
    assert verdict.label == "unsupported"
    assert verdict.reason == "No reading that was found says this."


def test_what_is_quoted_beside_a_sentence_is_what_it_is_compared_with() -> None:
    said = "It weighs. – “Attention weighs tokens.” [1] More."
    for chunks in ((said,), tuple(said)):
        answer = answer_of(checked(ScriptedVerifier(VERIFIER), *chunks))  # type: ignore[arg-type]
        assert [label for _, label in labels(answer)] == ["supported", "supported", "unsupported"]
    slow = ScriptedVerifier({"weighs": "supported"})
    slow.quick = ScriptedVerifier({"weighs": "supported"})
    answer = answer_of(checked(slow, said))
    assert labels(answer)[0][1] == "partly"
    assert [asked[0] for asked in slow.asked] == ["“Attention weighs tokens.”"]


@pytest.mark.parametrize(
    ("judged", "alike", "answered", "label"),
    [
        ("supported", "supported", 0.8, "supported"),
        ("supported", "supported", 0.7, "partly"),
        ("supported", "partly", 0.8, "partly"),
        ("contradicted", "supported", 0.8, "contradicted"),
    ],
)
def test_beside_a_quotation_a_judge_has_to_be_sure_of_the_passages_too(
    judged: VerdictLabel, alike: VerdictLabel, answered: float, label: str
) -> None:
    slow = ScriptedVerifier({"It weighs": judged})
    slow.quick = Near({"It weighs": alike})
    marks = MarkFilter(1)
    list(marks.feed("It weighs. – “Attention weighs tokens.” [1]"))
    review = Review(slow, (hit("A", "Attention weighs tokens."),), marks, [answered])
    first, _ = review.finish()
    assert first.verdict.label == label


class Near(ScriptedVerifier):
    """Finds a sentence near to another, but not so near that it is cited."""

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        return replace(super().verify(claim, passages, known), score=0.85)


def test_without_a_verifier_nothing_is_checked() -> None:
    events = list(Engine(Found(), Judged(), Scripted("It weighs. [1]")).ask("What?"))
    assert not [e for e in events if isinstance(e, VerdictEvent)]
    assert answer_of(events).checked == ""


def test_an_abstention_has_no_verdicts() -> None:
    answer = answer_of(checked(ScriptedVerifier(VERIFIER), "The moon is cheese."))  # type: ignore[arg-type]
    assert answer.abstained
    assert answer.verdicts == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), ""),
        (("uncheckable",), ""),
        (("supported",), "1 of 1 sentence supported"),
        (("supported", "partly", "uncheckable", "contradicted"), "1 of 3 sentences supported"),
    ],
)
def test_the_tally(given: Sequence[str], told: str) -> None:
    verdicts = [
        SentenceVerdict(i, 0, 1, Verdict(label, 0.5, ""))  # type: ignore[arg-type]
        for i, label in enumerate(given)
    ]
    assert tally(verdicts) == told


@pytest.mark.model
def test_quotations_of_the_sample_course_are_supported(sample_course: Course) -> None:
    from seminar_rag.sample import PAGE

    lines = PAGE.with_name("questions.jsonl").read_text(encoding="utf-8").splitlines()
    verdicts = []
    for line in lines[:25]:
        *_, last = sample_course.ask(json.loads(line)["question"])
        assert isinstance(last, AnswerEvent)
        verdicts += [v.verdict for v in last.answer.verdicts if v.verdict.label != "uncheckable"]
    assert len(verdicts) > 25
    wrong = [verdict.reason for verdict in verdicts if verdict.label != "supported"]
    assert len(wrong) <= 0.03 * len(verdicts), wrong


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("“Rye keeps longer.” [1]", "uncheckable"),
        ("Of breads: “Rye keeps longer.” [1]", "uncheckable"),
        ("“Rye “of the north” keeps longer.” [1]", "uncheckable"),
        ("“Rye” keeps longer than “wheat”. [1]", "supported"),
        ("Rye keeps longer: the crust is thick. [1]", "supported"),
    ],
)
def test_only_what_a_model_writes_itself_has_a_tick(text: str, label: str) -> None:
    marks = MarkFilter(1)
    list(marks.feed(text))
    list(marks.finish())
    verifier = ScriptedVerifier({"Rye": "supported"})
    review = Review(verifier, [hit("p1", "Rye keeps longer.")], marks, written=True)
    assert [one.verdict.label for one in review.finish()] == [label]
