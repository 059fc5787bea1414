"""What the journal's entries say about the course."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from seminar_rag.journal.insights import Remembered, groups, insights
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.types.serving import CitedText, Feedback, Flaw, RecordedQuestion

DAY = date(2026, 3, 2)
READINGS = {
    "rag": ("Retrieval", (15,)),
    "lora": ("Low rank", (7,)),
    "dpo": ("Preferences", (9,)),
}


def asked(question: str, *cited: str, day: int = 0, **more: object) -> RecordedQuestion:
    places = tuple(
        CitedText(number, f"{one}:0", one, READINGS[one][0], "A quote.", 3)
        for number, one in enumerate(cited, 1)
    )
    return RecordedQuestion(
        f"id{question}",
        DAY + timedelta(days=day),
        question,
        "An answer. [1]" if cited else "The readings don't say.",
        abstained=not cited,
        cited=places,
        **more,  # type: ignore[arg-type]
    )


def by_topic(texts: Sequence[str]) -> np.ndarray:
    """One axis for each last word."""
    words = sorted({text.split()[-1].strip("?").casefold() for text in texts})
    out = np.zeros((len(texts), len(words)), np.float32)
    for row, text in enumerate(texts):
        out[row, words.index(text.split()[-1].strip("?").casefold())] = 1
    return out


def test_unanswered_questions_are_gathered_by_what_they_are_about() -> None:
    found = groups(
        [
            asked("What is Peru?"),
            asked("where is  peru"),
            asked("What is peru", day=2),
            asked("What is jazz?"),
        ],
        by_topic,
    )
    assert [group.count for group in found] == [3, 1]
    assert found[0].questions == (("What is Peru?", 2), ("where is  peru", 1))
    assert found[0].last == DAY + timedelta(days=2)
    assert groups([], by_topic) == ()


@pytest.mark.model
def test_the_real_model_tells_paraphrases_from_other_matters(
    minilm: SentenceTransformerEmbedder,
) -> None:
    same = [
        "How much does the exam count towards the grade?",
        "What share of the final grade is the exam?",
    ]
    other = ["Which GPU do I need for the homework?", "When was the university founded?"]
    found = groups([asked(text) for text in (*same, *other)], minilm.embed)
    assert [group.count for group in found] == [2, 1, 1]


def test_a_question_is_embedded_once() -> None:
    embedded: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        embedded.extend(texts)
        return np.array([[len(text), 1] for text in texts], np.float32)

    remembered = Remembered(embed)
    assert remembered(["a", "bb", "a"])[:, 0].tolist() == [1, 2, 1]
    assert remembered(["bb", "ccc"])[:, 0].tolist() == [2, 3]
    assert embedded == ["a", "bb", "ccc"]
    remembered(["a"])
    assert embedded[-1] == "a", "what was not asked for the last time is forgotten"


def test_days_have_no_gaps_and_count_both_kinds() -> None:
    told = insights([asked("a", "rag"), asked("b", day=2)], [], READINGS, by_topic)
    assert [(one.answered, one.abstained) for one in told.days] == [(1, 0), (0, 0), (0, 1)]
    assert (told.asked, told.abstained) == (2, 1)


def test_a_reading_counts_once_an_answer_and_unused_ones_are_there() -> None:
    told = insights([asked("a", "rag", "rag", "dpo"), asked("b", "rag")], [], READINGS, by_topic)
    assert [(use.reading, use.answers) for use in told.used] == [
        ("rag", 2),
        ("dpo", 1),
        ("lora", 0),
    ]


def test_answers_with_a_failed_sentence_and_flagged_ones_are_shown() -> None:
    wrong = asked(
        "a",
        "rag",
        verdicts=(("contradicted", 1), ("supported", 2)),
        flaws=(Flaw("It has four parts. [1]", "contradicted", "The passage says three."),),
    )
    partly = asked("b", "rag", flaws=(Flaw("Nearly. [1]", "partly", "Half of it."),))
    down = Feedback("f1", DAY, False, "a", "An answer. [1]", "wrong citation", "no", wrong.cited)
    up = Feedback("f2", DAY, True, "b", "An answer. [1]")
    told = insights([wrong, partly], [down, up], READINGS, by_topic)
    assert told.doubtful == (wrong,)
    assert told.flagged == (down,)
    assert (told.good, dict(told.reasons)) == (1, {"wrong citation": 1})
    assert dict(told.verdicts) == {"contradicted": 1, "supported": 2}
