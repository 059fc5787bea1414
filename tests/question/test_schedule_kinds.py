"""What a question about the calendar asks for, told by what is left of it without its times."""

from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.question import schedule
from seminar_rag.question.learned import digest, read_examples, read_weights
from seminar_rag.question.schedule import learned


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("what do I still need to read theperiod", "readings"),
        ("is anything due theperiod?", "due"),
        ("when exactly is theevent?", "when"),
        ("do we have class theperiod?", "class"),
        ("which topics do we discuss theperiod?", "sessions"),
        ("what did Ada Brown discover theperiod?", None),
        ("why is theevent a bad measure of memory?", None),
    ],
)
def test_a_question_asks_for_one_thing(question: str, kind: str | None) -> None:
    assert learned().of(question) == kind


def test_the_weights_of_the_calendar_belong_to_the_examples() -> None:
    questions = benchmark("questions")
    lines = list(read_examples(schedule.DATA))
    rows = questions.schedule_rows(lines, questions.schedule_words(lines))
    assert read_weights(schedule.DATA)[1] == digest(rows), (
        "the examples changed: python benchmarks/questions.py --fit --schedule"
    )
