"""Example phrases → a classifier that is right about other phrases, and in doubt says "plain"."""

from __future__ import annotations

from functools import cache

import pytest

from bench import benchmark
from seminar_rag.question import followup, intent
from seminar_rag.question.intent import PLAIN, Intents, learned
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.query import understand

EXAMPLES = [
    ("when", "when do we discuss {topic}?"),
    ("when", "when do we cover {topic} in class?"),
    ("session", "which papers are in session 5?"),
    ("session", "papers of session 2"),
    (PLAIN, "when do lions sleep?"),
    (PLAIN, "which papers are there on lions?"),
]


@cache
def few() -> Intents:
    return benchmark("questions").fitted(EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "intent", "topic"),
    [
        ("when do we cover rye bread?", "when", "rye bread"),
        ("papers in session 7", "session", ""),
        # a word that no example has, where the intent takes no topic
        ("papers in session 7 that matter", PLAIN, ""),
        # the topic does not stand where examples have it
        ("when we discuss do lions?", PLAIN, ""),
        ("who sleeps?", PLAIN, ""),
        ("", PLAIN, ""),
    ],
)
def test_the_wording_decides(text: str, intent: str, topic: str) -> None:
    found = few().of(text)
    assert (found.intent, found.topic) == (intent, topic)


@pytest.mark.slow
def test_plain_questions_that_were_left_out_stay_plain() -> None:
    examples = list(read_examples(intent.DATA))
    left = (one for i, one in enumerate(examples) if i % 10)
    intents = benchmark("questions").fitted(left)
    plain = [text for name, text in examples[::10] if name == PLAIN]
    wrong = [text for text in plain if intents.of(text).intent != PLAIN]
    assert len(plain) > 25
    assert len(wrong) <= len(plain) / 10


def test_the_weights_belong_to_the_examples() -> None:
    rows = {
        intent.DATA: Intents(read_examples(intent.DATA)).rows(),
        followup.DATA: benchmark("questions").followup_rows(read_examples(followup.DATA)),
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
        ("Who wrote the 2017 rye paper?", PLAIN, ""),
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
        ("papers by von Neumann", "by", "von Neumann"),
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
