from __future__ import annotations

import json

import pytest

from seminar_rag.question.intent import LAST, CourseQuestion, Part, course_question, part_of
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
        # as students type
        ("wk 3 readings?", CourseQuestion("session", 3)),
        ("whats in wk3", CourseQuestion("session", 3)),
        ("S9 papers pls", CourseQuestion("session", 9)),
        ("papers for S12", CourseQuestion("session", 12)),
        ("papers on rye pls", CourseQuestion("reading", topic="rye")),
        ("hi, papers on rye please :)", CourseQuestion("reading", topic="rye")),
        ("ok cool", CourseQuestion("thanks")),
        ("good bye", CourseQuestion("thanks")),
        ("are you ChatGPT?", CourseQuestion("help")),
        ("do you speak German?", CourseQuestion("help")),
        # sessions by their order, several at once, and in sum
        ("what did we read in the last session", CourseQuestion("session", LAST)),
        ("first session readings", CourseQuestion("session", 1)),
        ("required papers of the final class", CourseQuestion("session", LAST, "required")),
        ("what are the readings for weeks 3 and 4?", CourseQuestion("session", 3, also=(4,))),
        ("readings of sessions 3-5", CourseQuestion("session", 3, also=(4, 5))),
        ("can you summarise session 4?", CourseQuestion("session", 4, summed=True)),
        ("tell me about session seven", CourseQuestion("session", 7, summed=True)),
        ("overview of the course", CourseQuestion("sessions", summed=True)),
        ("what's the title of session 12", CourseQuestion("session", 12)),
        ("which readings are optional in session 6", CourseQuestion("session", 6, "more")),
        (
            "how many required readings does session 10 have?",
            CourseQuestion("count", 10, "required", what="reading"),
        ),
        # subjects, authors, links
        ("which papers did we read on rye?", CourseQuestion("reading", topic="rye")),
        ("is there anything on rye?", CourseQuestion("reading", topic="rye")),
        ("can you recommend a good paper about rye?", CourseQuestion("reading", topic="rye")),
        ("do we cover wheat beer?", CourseQuestion("when", topic="wheat beer")),
        ("where do we talk about wheat?", CourseQuestion("when", topic="wheat")),
        ("which week is the On Rye paper in?", CourseQuestion("when", topic="On Rye")),
        ("show me all papers by Brown", CourseQuestion("by", topic="Brown")),
        ("give me the link to the On Rye paper", CourseQuestion("link", topic="On Rye")),
        ("where can I find the On Rye paper?", CourseQuestion("link", topic="On Rye")),
        # what no list of readings can say
        ("who teaches this", CourseQuestion("organisation")),
        ("what's due next tuesday", CourseQuestion("organisation")),
        ("what do we read next week?", CourseQuestion("organisation")),
        ("when's the exam?", CourseQuestion("organisation")),
        ("When is the term paper due, and how long is it?", CourseQuestion("organisation")),
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
        "what is a session in a chat attack?",
        "which papers introduced rye?",
        "what papers does the survey cite?",
        "what topics does the survey on bread cover?",
        "how many papers were reviewed in the survey?",
        "how many sessions did the user study have?",
        "how many classes does the taxonomy have?",
        "which week was the oven released?",
        "what should I read into the weights?",
        "who teaches the student model?",
        "where do we find biases in embeddings?",
        "do we know why it works?",
        "what is the last layer about?",
        "what does the bot do in the next session?",
        "In the last session the bot was reset, why did it stay a pirate?",
        "what is S4?",
        "tell me about rye",
        "overview of rye",
        "recommend a rank for the adapter",
        "which classes does the guard use?",
        "what is the link between rye and wheat?",
        "what's next-token prediction?",
        "when is a model aligned?",
        "list all required inputs of the planner",
        "anything a small model can do to beat a large one?",
    ],
)
def test_questions_that_the_readings_answer(text: str) -> None:
    assert course_question(text) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the labelled questions in ../shared")
def test_of_the_labelled_questions_one_is_for_authors_and_one_for_a_deadline() -> None:
    lines = (SHARED / "questions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines]
    taken = [found for one in asked if (found := course_question(one))]
    assert [one.wish for one in taken] == ["authors", "organisation"]


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
        (
            "In weeks 3 and 4, what is said of rye?",
            Part(frozenset({3, 4}), rest="what is said of rye?"),
            "sessions 3, 4",
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
