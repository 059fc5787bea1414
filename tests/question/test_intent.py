"""Example phrases → a classifier that is right about other phrases, and in doubt says "plain"."""

from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.question import followup, intent
from seminar_rag.question.intent import PLAIN, TOPIC, Wording, learned, shape, wording
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.query import understand


@pytest.mark.slow
def test_wordings_that_were_left_out_are_told_and_plain_questions_stay_plain() -> None:
    questions = benchmark("questions")
    examples = questions.wordings.examples()
    intents = questions.fitted(examples[::4]).learned
    right, wrong, requests, plain = 0, 0, 0, 0
    for one in questions.wordings.Drawing(1).draw(examples[2::40], times=1):
        found = intents.of(" ".join(one.asked.written)).intent
        requests += one.intent != PLAIN
        plain += one.intent == PLAIN
        right += found == one.intent != PLAIN
        wrong += found != one.intent == PLAIN
    assert min(requests, plain) > 50
    assert right > 0.3 * requests  # of a quarter of the lines
    assert wrong < 0.1 * plain


def test_a_line_of_examples_makes_questions_with_their_topic() -> None:
    drawing = benchmark("questions").wordings.Drawing()
    lines = [("when", "when do we (read|discuss) {topic}?"), ("session", "<papers> for <N>")]
    for one in drawing.draw(lines, times=5):
        words = [*one.asked.tokens]
        start, end = one.slot
        if one.intent == "when":
            assert start < end
            assert "read" in words[:start] or "discuss" in words[:start] or one.line == 0
        else:
            assert start == end
            assert one.asked.sessions


def test_what_is_left_of_a_question_without_its_topic_tells_the_intent() -> None:
    asked = wording("When do we read rye bread?")
    assert asked == Wording(
        ("when", "do", "we", "read", "rye", "bread"),
        ("When", "do", "we", "read", "rye", "bread"),
        (),
    )
    told = shape(asked, 4, 6, {"when", "do", "we", "read"}).split()
    assert {f"we_read_{TOPIC}", f"read_{TOPIC}_>", "unknown=0", "common"} <= set(told)
    assert "rye" not in told
    assert "unknown=2" in shape(asked, 0, 0, {"when", "do", "we", "read"})


def test_the_weights_belong_to_the_examples() -> None:
    questions = benchmark("questions")
    rows = {
        intent.DATA: questions.intent_rows(questions.wordings.examples()),
        followup.DATA: questions.followup_rows(read_examples(followup.DATA)),
    }
    for name, fitted_to in rows.items():
        assert read_weights(name)[1] == digest(fitted_to), (
            "examples or the reading of words changed: python benchmarks/questions.py --fit"
        )


@pytest.mark.parametrize(
    ("text", "intent", "topic"),
    [
        ("Who wrote the 2 articles on rye bread?", "authors", "rye bread"),
        ("Where can I get the four readings about rye?", "links", "rye"),
        ("What are caches' limitations?", "against", "caches"),
        ("where do the papers on rye disagree?", PLAIN, ""),
        ("Who wrote the Rye 3 paper?", "authors", "Rye 3"),
        ("Who wrote the 2017 rye paper?", "authors", "2017 rye"),
        ("what are Rye's drawbacks?", "against", "Rye"),
        ("Why do rye allergies pose major problems?", PLAIN, ""),
    ],
)
def test_a_number_belongs_to_the_name_before_it_and_drawbacks_to_their_owner(
    text: str, intent: str, topic: str
) -> None:
    found = learned().of(text)
    assert (found.intent, found.topic) == (intent, topic)


@pytest.mark.parametrize(
    ("text", "intent", "sessions"),
    [
        ("What is the reading load of session 8?", "session", (8,)),
        ("How many pages do we have to read in week 8?", "session", (8,)),
        ("is session 6 a heavy week?", "session", (6,)),
        ("How much do we read in this course?", "count readings", ()),
        ("What is the workload of the annotators in session 8?", PLAIN, ()),
        ("how heavy is the model discussed in session 4?", PLAIN, ()),
        ("How many pages does the corpus have?", PLAIN, ()),
    ],
)
def test_how_much_there_is_to_read_is_a_question_about_the_course(
    text: str, intent: str, sessions: tuple[int, ...]
) -> None:
    found = understand(text)
    assert (found.intent, found.sessions) == (intent, sessions)


@pytest.mark.parametrize(
    ("text", "intent", "topic"),
    [
        ("What is rye bread bad at?", "against", "rye bread"),
        ("what are the limitations of using rye?", "against", "rye"),
        ("Which benefits does rye bread have?", "for", "rye bread"),
        ("what is rye good at?", "for", "rye"),
        ("why is rye useful?", PLAIN, ""),
        ("Why should I use rye?", PLAIN, ""),
        ("Was sind die Nachteile von Roggen?", "against", "Roggen"),
        ("Welche Vorteile hat Roggen?", "for", "Roggen"),
        ("Quelles sont les limites du seigle ?", "against", "seigle"),
        ("Quels sont les avantages du seigle ?", "for", "seigle"),
        ("Where are the papers about rye weak?", PLAIN, ""),
        ("papers by Neumann", "by", "Neumann"),
        ("And of rye?", PLAIN, ""),
        ("and with the rye?", PLAIN, ""),
        ("Was macht der Encoder?", PLAIN, ""),
    ],
)
def test_what_speaks_for_or_against_a_thing_is_asked_in_many_wordings(
    text: str, intent: str, topic: str
) -> None:
    found = learned().of(text)
    assert (found.intent, found.topic) == (intent, topic)
