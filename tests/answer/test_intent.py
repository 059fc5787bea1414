from __future__ import annotations

import json

import pytest

from seminar_rag.answer.intent import CourseQuestion, Part, course_question, part_of
from shared_data import SHARED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi", CourseQuestion("greeting")),
        ("Good morning!", CourseQuestion("greeting")),
        ("thanks a lot!", CourseQuestion("thanks")),
        ("what can you do?", CourseQuestion("help")),
        ("Who are you", CourseQuestion("help")),
        ("which papers are in session 9?", CourseQuestion("session", 9)),
        ("Hi, which papers are in session nine?", CourseQuestion("session", 9)),
        ("list the required readings of week 3", CourseQuestion("session", 3, "required")),
        (
            "could you list the optional readings for session 6, please?",
            CourseQuestion("session", 6, "more"),
        ),
        ("What's session 5 about?", CourseQuestion("session", 5)),
        ("and session 10?", CourseQuestion("session", 10)),
        ("what do we read for week 4?", CourseQuestion("session", 4)),
        ("how many sessions are there?", CourseQuestion("count", what="session")),
        ("How many papers are in session 2?", CourseQuestion("count", 2, what="reading")),
        ("what topics does the course cover?", CourseQuestion("sessions")),
        ("list all required readings", CourseQuestion("readings", section="required")),
        ("What are the further readings?", CourseQuestion("readings", section="more")),
        ("show me the reading list", CourseQuestion("readings")),
        ("which papers are there in the course?", CourseQuestion("readings")),
        ("Which papers are required?", CourseQuestion("readings", section="required")),
        ("when do we discuss RLHF?", CourseQuestion("when", topic="RLHF")),
        ("in which session is bread discussed?", CourseQuestion("when", topic="bread")),
        ("which session is on rye bread?", CourseQuestion("when", topic="rye bread")),
        ("what should I read on unlearning?", CourseQuestion("reading", topic="unlearning")),
        ("any papers about sourdough?", CourseQuestion("reading", topic="sourdough")),
        ("who wrote the QLoRA paper?", CourseQuestion("authors", topic="QLoRA")),
        ('who are the authors of "On Rye"?', CourseQuestion("authors", topic="On Rye")),
    ],
)
def test_questions_about_the_course(text: str, expected: CourseQuestion) -> None:
    assert course_question(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What does session 5 say about the cost of attention?",
        "Which papers are there that scale the dot product?",
        "What readings of a meter are required?",
        "Which papers report an accuracy above 90%?",
        "Who proposed the transformer?",
        "How many parameters does the model of session 3 have?",
        "What is the session token in prompt injection?",
        "hi, what does RLHF optimise?",
        "When does a cache overwrite its keys?",
        "What can you do with a paged cache?",
        "thanks, but why is that so?",
    ],
)
def test_questions_that_the_readings_answer(text: str) -> None:
    assert course_question(text) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the labelled questions in ../shared")
def test_no_labelled_question_is_taken_but_one_for_authors() -> None:
    lines = (SHARED / "questions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines]
    taken = [found for one in asked if (found := course_question(one))]
    assert [one.wish for one in taken] == ["authors"]


@pytest.mark.parametrize(
    ("text", "part", "words"),
    [
        (
            "In session 15, what are the three kinds of bread?",
            Part(frozenset({15}), rest="what are the three kinds of bread?"),
            "session 15",
        ),
        (
            "What are agents according to the notes of week 4?",
            Part(frozenset({4}), "notes", rest="What are agents?"),
            "the notes of session 4",
        ),
        (
            "according to the notes, what is RAG?",
            Part(kind="notes", rest="what is RAG?"),
            "the notes",
        ),
        (
            "What does the required reading on alignment say?",
            Part(required=True, rest="What does the required reading on alignment say?"),
            "the required readings",
        ),
    ],
)
def test_parts_of_the_course(text: str, part: Part, words: str) -> None:
    assert part_of(text) == part
    assert part.words == words


@pytest.mark.parametrize(
    "text", ["What is a session token?", "in session 3?", "What do the notes on RAG say?"]
)
def test_no_part_is_named(text: str) -> None:
    assert part_of(text) is None
